from dataclasses import replace
from datetime import date

import pytest

from pipeline.ledger.entries import read_ledgers
from tests.ledger.rules import AS_OF, FOUND, NOTHING, RULES, TEN, read, row, sheet

BLANK = (None,) * len(FOUND)


@pytest.mark.parametrize(
    ("line", "reason"),
    [
        (("-----",) * 10, "分隔线或只有符号的空行"),
        (("/",) * 10, "分隔线或只有符号的空行"),
        (("第2页 共3页", *BLANK), "页码"),
        (("- 2 -", *BLANK), "页码"),
        (("以上为9月上旬，以下为9月中旬", *BLANK), "表中的说明文字"),
    ],
)
def test_rulers_pages_and_notes_are_listed_as_no_records(line: tuple[str | None, ...], reason: str) -> None:
    result = read(sheet(row("2026-09-03"), line, row("2026-09-04", *NOTHING)))
    assert len(result.items) == 2
    assert list(zip(result.rejected["code"], result.rejected["reason"], strict=True)) == [("E507", reason)]


def test_a_row_of_ticks_or_of_a_merged_day_is_no_ruler() -> None:
    ticked = read(sheet(row("2026-09-03"), (None, None, None, None, None, None, "√", None, None, None)))
    assert [item.finding for item in ticked.items] == [True, True]
    merged = sheet(row("2026-09-03", *NOTHING), (None, *("/",) * 9), merged=((2, 1, 3, 1),))
    assert [(item.finding, item.start) for item in read(merged).items] == [(False, date(2026, 9, 3))] * 2


COUNTS = ("巡查时间", "巡查次数", "巡查人数", "违法地点", "发现情况", "制止情况")


@pytest.mark.parametrize("day", ["2026-09-03", date(2026, 9, 3), "9月3日", "20260903", None])
def test_counts_beside_a_day_or_a_place_are_a_patrol_and_no_sum(day: date | str | None) -> None:
    """A form that asks how many went and how much was found has counts in every row."""
    first = ("2026-09-03", "1次", "2人", "李庄村", "未发现", None)
    made = sheet(first, (day, "1次", "2人", "王庄村东500米", "发现1处", "制止1起"), heading=COUNTS)
    result = read(made)
    assert [(item.row, item.finding) for item in result.items] == [(2, False), (3, True)]
    assert result.rejected.empty


@pytest.mark.parametrize("words", ["本月", "9月", "2026年9月", None])
def test_counts_of_a_month_are_a_sum(words: str | None) -> None:
    made = sheet(row("2026-09-03", "1次", "2人", "李庄村", "未发现", None), heading=COUNTS)
    made = replace(made, rows=(*made.rows, (words, "12次", "24人次", None, "发现3处", "制止3起")))
    result = read(made)
    assert len(result.items) == 1 and result.rejected["reason"].tolist() == ["统计次数的合计行"]


def test_a_text_broken_off_at_a_comma_goes_on_in_the_next_row() -> None:
    begun = (*FOUND[:5], "占用耕地两亩，", *FOUND[6:])
    rest = (None, None, None, None, None, None, "已砌墙", None, None, None)
    result = read(sheet(row("2026-09-03", *begun), rest, rest))
    whole, own = result.items
    assert whole.texts["status"] == "占用耕地两亩，已砌墙"
    # what stands below a finished text is a finding of its own
    assert own.texts["status"] == "已砌墙" and own.start == date(2026, 9, 3)
    assert "接续上一行未写完的文字" in set(result.repairs["rule"])


def test_each_listed_day_is_a_patrol_and_a_finding_keeps_the_span() -> None:
    heading = ("2026年9月巡查台账", *(None,) * 9)
    made = sheet(TEN, row("9月4日、13日、21日", *NOTHING), row("9月5日、6日"), heading=heading)
    days = [(item.finding, item.start, item.end) for item in read(made).items]
    assert days == [
        (False, date(2026, 9, 4), date(2026, 9, 4)),
        (False, date(2026, 9, 13), date(2026, 9, 13)),
        (False, date(2026, 9, 21), date(2026, 9, 21)),
        (True, date(2026, 9, 5), date(2026, 9, 6)),
    ]


@pytest.mark.parametrize(
    ("title", "day"), [("2026年9月3日巡查记录", date(2026, 9, 3)), ("2026年9月3日-30日巡查台账", None)]
)
def test_a_time_of_day_alone_takes_the_day_of_the_title_unless_it_is_a_span(title: str, day: date | None) -> None:
    made = sheet(TEN, row("9:30"), heading=(title, *(None,) * 9))
    assert [item.start for item in read(made).items] == [day]


def test_of_one_file_under_two_units_the_titled_unit_keeps_it() -> None:
    title = ("石桥镇2026年9月巡查台账", *(None,) * 9)
    pair = [
        sheet(TEN, row("2026-09-03"), unit=unit, file=f"ledgers/{unit}/a.xlsx", heading=title) for unit in ("U1", "U2")
    ]
    names = {"U1": "石桥镇", "U2": "柳河镇"}
    result = read_ledgers(pair, RULES, as_of=AS_OF, oldest_years=10, latest_days=400, unit_names=names)
    assert [item.unit_id for item in result.items] == ["U1"]
    assert set(result.rejected["unit_id"]) == {"U2"} and result.rejected["reason"].str.contains("石桥镇").all()
    unknown = read_ledgers(
        pair, RULES, as_of=AS_OF, oldest_years=10, latest_days=400, unit_names={"U1": "大河镇", "U2": "x"}
    )
    assert not unknown.items and set(unknown.rejected["unit_id"]) == {"U1", "U2"}
