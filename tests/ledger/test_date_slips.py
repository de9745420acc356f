from datetime import date

import pytest

from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.date_years import DateHints
from pipeline.ledger.dates import read_date

MAY = DateHints(
    date(2026, 6, 5), date(2016, 1, 1), date(2027, 7, 10), year=2026, month=5, beside=("巡查日期", "巡查", "发现")
)


def with_above(day: date, **more: int | None) -> DateHints:
    return DateHints(MAY.as_of, MAY.earliest, MAY.latest, above=(day, day), **more)  # type: ignore[arg-type]


@pytest.mark.parametrize(
    "written",
    ["20260503 0930", "20260503 093059", "2026-05-03 0930", "2026.5.3 AM", "二O二六年五月三日", "2026。5。3", "May 3, 2026",
     "2026-May-3", "\u200b2026-05-03\ufeff", "巡查日期：2026年5月3日", "5月3日，第三次巡查", "2026年5月3日巡查发现"],
)  # fmt: skip
def test_one_day_in_spite_of_what_stands_beside_it(written: str) -> None:
    read = read_date(written, MAY)
    assert (read.start, read.end) == (date(2026, 5, 3), date(2026, 5, 3))


@pytest.mark.parametrize(
    "written", ["20260503 05", "20260503 2599", "5月3日前", "5月3日发现，5月13日复查", "3次巡查", "13", 13]
)
def test_what_moves_or_hides_the_day_is_not_read(written: CellValue) -> None:
    assert read_date(written, MAY).start is None


def test_days_alone_follow_the_row_above_and_never_go_back() -> None:
    assert read_date("13", with_above(date(2026, 5, 4), year=2026, month=5)).start == date(2026, 5, 13)
    assert read_date("6日", with_above(date(2026, 5, 4))).start == date(2026, 5, 6)
    assert read_date("3日", with_above(date(2026, 5, 4))).start is None
    assert read_date("3日", with_above(date(2026, 6, 1), year=2026, month=5)).start is None


def test_a_day_that_has_not_come_is_doubted_only_long_after_its_ledger() -> None:
    assert "还没有到" in read_date("2026-12-03", MAY).problem
    assert read_date("2026-06-20", MAY).start == date(2026, 6, 20)
    assert read_date("2026-12-03", DateHints(MAY.as_of, MAY.earliest, MAY.latest)).start == date(2026, 12, 3)
