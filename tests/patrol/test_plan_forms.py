from __future__ import annotations

from datetime import date

import pytest

from pipeline.patrol.plan_forms import Frequency, PlanRow, due_of, parse_frequency, same_day_versions, spans

D = date.fromisoformat


@pytest.mark.parametrize(
    ("text", "times", "every"),
    [
        ("每周1次", 1, "周"), ("每 周 三 次", 3, "周"), ("每月不少于两次", 2, "月"), ("每季度一次", 1, "季"), ("2次/旬", 2, "旬"),
        ("每天1次", 1, "日"), ("每两周1次", 1, "两周"), ("每半月1次", 1, "半月"), ("每月2次以上", 2, "月"),
        ("每个月1次", 1, "月"),
        ("1次/年", 1, "年"),
    ],
)  # fmt: skip
def test_frequencies_as_plans_write_them(text: str, times: int, every: str) -> None:
    assert parse_frequency(text) == Frequency(times, every)


@pytest.mark.parametrize("text", ["", "经常", "每周", "三次", "每周0次", "每周1次或2次", "不定期"])
def test_what_says_no_number_in_a_span_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_frequency(text)


def test_spans_are_whole_ones_of_the_calendar() -> None:
    assert spans("月", D("2026-01-15"), D("2026-03-31")) == [
        (D("2026-02-01"), D("2026-02-28")),
        (D("2026-03-01"), D("2026-03-31")),
    ]
    assert spans("旬", D("2026-02-01"), D("2026-02-28"))[-1] == (D("2026-02-21"), D("2026-02-28"))
    assert spans("季", D("2026-01-01"), D("2026-12-31"))[-1] == (D("2026-10-01"), D("2026-12-31"))
    assert spans("年", D("2026-01-02"), D("2026-12-31")) == []
    # weeks count from the first day: five days are left over and nobody owes anything in them
    assert spans("周", D("2026-10-01"), D("2026-10-26"))[-1] == (D("2026-10-15"), D("2026-10-21"))


def row(file: str, first: str, last: str, effective: str, every: str = "月", unit: str = "U1") -> PlanRow:
    return PlanRow(file, 2, unit, ("G1",), "P1", Frequency(1, every), D(first), D(last), D(effective))


def months(*rows: PlanRow) -> list[tuple[str, int]]:
    return [(due.source.file, due.first.month) for due in due_of(rows)]


def test_a_monthly_plan_stands_in_for_the_annual_one_in_its_days_only() -> None:
    annual = row("年", "2026-01-01", "2026-04-30", "2026-01-01")
    monthly = row("二月", "2026-02-01", "2026-02-28", "2026-02-01")
    assert months(annual, monthly) == [("年", 1), ("年", 3), ("年", 4), ("二月", 2)]


def test_a_revision_counts_from_its_day_and_asks_for_nothing_twice() -> None:
    annual = row("年", "2026-01-01", "2026-04-30", "2026-01-01")
    revised = row("修订", "2026-01-01", "2026-04-30", "2026-02-15")
    # February began under the old plan and ends under the new one: neither asks for a visit in all of it
    assert months(annual, revised) == [("年", 1), ("修订", 3), ("修订", 4)]


def test_another_units_plan_changes_nothing() -> None:
    assert len(months(row("年", "2026-01-01", "2026-02-28", "2026-01-01"),
                      row("乙", "2026-01-01", "2026-02-28", "2026-02-01", unit="U2"))) == 3  # fmt: skip


def test_two_plans_from_one_day_are_told() -> None:
    two = [row("甲", "2026-01-01", "2026-02-28", "2026-01-01"), row("乙", "2026-01-01", "2026-02-28", "2026-01-01")]
    assert same_day_versions(two) == [("U1", D("2026-01-01"), ["乙", "甲"])]
    assert same_day_versions(two[:1]) == []
