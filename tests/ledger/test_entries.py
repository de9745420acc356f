import random
from datetime import date, datetime
from itertools import pairwise

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.entries import COPIED, LedgerRead, read_ledgers
from pipeline.ledger.sheets import RawSheet, find_heading, is_empty
from pipeline.schema import REJECTED, REPAIRS
from pipeline.store import check_table
from tests.ledger.rules import AS_OF, FOUND, NOTHING, RULES, TEN, read, row, sheet


def rules_of(result: LedgerRead, number: int) -> dict[str, str]:
    rows = result.repairs[result.repairs["row"] == number]
    return dict(zip(rows["field"], rows["rule"], strict=True))


def test_a_finding_and_a_patrol_that_found_nothing() -> None:
    result = read(sheet(row("2026-09-03"), row("20260904", *NOTHING)))
    first, second = result.items
    assert (first.finding, first.start, first.row, first.item) == (True, date(2026, 9, 3), 2, 1)
    assert first.texts["subject"] == "赵六" and first.texts["follow_up"] == "跟踪"
    assert (second.finding, second.start) == (False, date(2026, 9, 4))
    assert rules_of(result, 3) == {"discovered_on": "日期写法"}
    assert result.rejected.empty


@pytest.mark.parametrize(
    ("texts", "finding"),
    [
        ({"status": "未发现新增违法行为"}, False),
        ({"project": "日常巡查未发现问题", "place": "王庄村"}, False),
        ({"status": "一切正常", "subject": "无"}, False),
        ({"status": "未发现"}, False),
        ({"remark": "无违法情况"}, False),
        ({"project": "日常巡查"}, False),
        ({"status": "正在推填土"}, True),
        ({"status": "未发现施工人员", "subject": "赵六"}, True),
        ({"status": "未见施工人员", "place": "王庄村东", "measures": "张贴通知书"}, True),
        ({"project": "巡查中未发现大面积占地", "status": "赵六建房"}, True),
        ({"place": "王庄村东"}, True),
        ({"status": "在建厂房，未见审批手续", "place": "王庄村东"}, True),
        ({"status": "未发现用地手续"}, True),
        ({"status": "未发现用地手续问题"}, False),
        ({"status": "未见建设施工，未见手续不全"}, False),
    ],
)
def test_what_counts_as_a_finding(texts: dict[str, str], finding: bool) -> None:
    names = {
        "project": TEN[3],
        "subject": TEN[4],
        "place": TEN[5],
        "status": TEN[6],
        "measures": TEN[7],
        "remark": "备注",
    }
    heading = ("巡查时间", "巡查人员", "巡查路线", *(names[field] for field in texts))
    (item,) = read(sheet(("2026-09-03", "张三", "王庄", *texts.values()), heading=heading)).items
    assert item.finding is finding


def test_several_findings_in_a_row_are_split_and_logged() -> None:
    cells = (
        "张三",
        "路",
        "违法占地",
        "1.赵六；2.钱七",
        "①王庄村东500米 ②李庄村",
        "1.推填土约3亩\n2.建房",
        "已制止",
        "停工",
        "跟踪",
    )
    result = read(sheet(("2026-09-03", *cells)))
    first, second = result.items
    assert (first.texts["subject"], first.texts["place"], first.texts["status"]) == (
        "赵六",
        "王庄村东500米",
        "推填土约3亩",
    )
    assert (second.texts["subject"], second.texts["place"], second.texts["status"]) == ("钱七", "李庄村", "建房")
    assert first.texts["measures"] == second.texts["measures"] == "已制止"
    assert (first.area_m2, second.area_m2) == (2000.0, None)
    assert [item.item for item in result.items] == [1, 2]
    split = result.repairs[result.repairs["rule"] == "一行多项拆分"]
    assert set(split["field"]) == {"subject", "place", "status"}
    assert split.set_index("field").loc["subject", "before"] == "1.赵六；2.钱七"


def test_merged_cells_and_ditto_marks() -> None:
    rows = (("2026-09-03", *FOUND), (None, "〃", "同上", *NOTHING[2:]), ("同上", "李四", *FOUND[1:]))
    result = read(sheet(*rows, merged=((2, 1, 3, 1),)))
    assert [item.start for item in result.items] == [date(2026, 9, 3)] * 3
    assert result.items[1].texts["people"] == "张三" and result.items[1].texts["route"] == "王庄村"
    logged = result.repairs[result.repairs["row"] == 3].set_index("field")["rule"].to_dict()
    assert logged == {"discovered_on": "合并单元格", "people": "同上", "route": "同上"}


def test_ditto_with_nothing_above_is_rejected_not_invented() -> None:
    result = read(sheet(("2026-09-03", "同上", *FOUND[1:])))
    assert result.items[0].texts["people"] in (None, "同上") or not result.items[0].texts["people"]
    assert list(result.rejected["field"]) == ["people"]


def test_impossible_and_future_dates_keep_the_finding_but_not_the_date() -> None:
    result = read(sheet(row("2026-09-31"), row("2062-09-15"), row(None), row("2026-09-31", *NOTHING)))
    assert [(item.finding, item.start) for item in result.items] == [(True, None)] * 3
    assert list(result.rejected["code"]) == ["E505"] * 4
    assert list(result.rejected["row"]) == [2, 3, 4, 5]
    assert result.rejected["reason"].str.contains("没有2026年9月31日").sum() == 2


def test_copied_rows_are_kept_once_across_files_and_date_forms() -> None:
    result = read(
        sheet(row("2026-09-03"), row("20260903"), row("2026-09-04")),
        sheet(row(46268), file="ledgers/王庄镇/另一份.xlsx"),
        sheet(row("2026-09-03"), unit="U2", file="ledgers/李庄乡/台账.xlsx"),
    )
    assert [(item.unit_id, item.file, item.row) for item in result.items] == [
        ("U1", "ledgers/王庄镇/另一份.xlsx", 2),
        ("U1", "ledgers/王庄镇/台账.xlsx", 4),
        ("U2", "ledgers/李庄乡/台账.xlsx", 2),
    ]
    assert list(result.rejected["code"]) == ["E506", "E506"]
    assert all("另一份.xlsx Sheet1 第2行" in reason for reason in result.rejected["reason"])
    assert (result.repairs["rule"] == COPIED).sum() == 2


def test_sheet_without_date_column_is_said_once_and_keeps_every_row() -> None:
    bare = RawSheet("U1", "ledgers/王庄镇/台账.xlsx", "a", (TEN[1:], FOUND, FOUND))
    result = read(bare, sheet(row("2026-09-03"), name="b"))
    assert len(result.items) == 1
    lost = result.rejected[result.rejected["sheet"] == "a"]
    assert set(lost["code"]) == {"E502"} and len(lost) == 3
    assert lost["row"].isna().sum() == 1
    assert "巡查时间" in lost["reason"].iloc[0]


def test_footers_repeated_headings_and_numbered_blanks_are_no_records() -> None:
    heading = ("序号", *TEN)
    rows = (
        (1, *row("2026-09-03")),
        (2, *[None] * 10),
        heading,
        ("填表人：张三", None, "审核：李四", *[None] * 8),
        ("合计", "1次", *[None] * 9),
    )
    result = read(sheet(*rows, heading=heading))
    assert len(result.items) == 1
    assert list(result.rejected["code"]) == ["E507"] * 4
    assert list(result.rejected["row"]) == [3, 4, 5, 6]


def test_coordinates_areas_and_target_ids_from_their_columns() -> None:
    heading = (*TEN, "监测编号", "经度", "纬度", "面积（亩）")
    rows = (
        (*row("2026-09-03"), "411501XC26090001", 114.123456, 32.5, 3),
        (*row("2026-09-04"), None, 32.5, 114.2, "一片"),
        (*row("2026-09-05"), None, "不详", None, None),
    )
    result = read(sheet(*rows, heading=heading))
    first, second, third = result.items
    assert (first.target_id, first.area_m2) == ("411501XC26090001", 2000.0)
    assert first.coordinate is not None and (first.coordinate.x, first.coordinate.y) == (114.123456, 32.5)
    assert second.coordinate is not None and (second.coordinate.x, second.coordinate.y) == (114.2, 32.5)
    assert rules_of(result, 3)["coordinates"] == "经纬度互换"
    assert third.coordinate is None
    assert list(zip(result.rejected["row"], result.rejected["field"], strict=True)) == [
        (3, "stated_area_m2"),
        (4, "coordinates"),
    ]


def test_coordinates_inside_the_place_text_belong_to_their_finding() -> None:
    cells = (
        "张三",
        "路",
        "违法占地",
        "1.赵六\n2.钱七",
        "1.王庄村（114.123456,32.512345）\n2.李庄村",
        "1.推土\n2.建房",
        "",
        "",
        "",
    )
    first, second = read(sheet(("2026-09-03", *cells))).items
    assert first.coordinate is not None and first.coordinate.x == 114.123456
    assert second.coordinate is None


def test_one_position_for_two_findings_is_shared_with_its_doubt() -> None:
    heading = (*TEN, "坐标")
    cells = ("张三", "路", "违法占地", "1.赵六 2.钱七", "1.王庄 2.李庄", "推土", "", "", "", "114.123456,32.512345")
    first, second = read(sheet(("2026-09-03", *cells), heading=heading)).items
    assert first.coordinate == second.coordinate
    assert first.coordinate is not None and first.coordinate.rounding_m == 500.0


def test_unknown_columns_are_kept_as_remarks() -> None:
    (item,) = read(sheet((*row("2026-09-03"), "晴", "有监控"), heading=(*TEN, "天气", "备注"))).items
    assert item.texts["remark"] == "有监控；天气：晴"


def test_year_from_the_title_or_the_neighbours() -> None:
    titled = RawSheet("U1", "f.xlsx", "s", (("2024年9月台账",), TEN, row("9月3日"), row("4日")))
    assert [item.start for item in read(titled).items] == [date(2024, 9, 3), date(2024, 9, 4)]
    mixed = sheet(row("2025-12-30"), row("1月2日"))
    assert [item.start for item in read(mixed).items] == [date(2025, 12, 30), date(2026, 1, 2)]


def test_empty_inputs_give_empty_tables() -> None:
    for result in (read(), read(RawSheet("U1", "f", "s", ())), read(RawSheet("U1", "f", "s", ((None, "  "),)))):
        assert result.items == () and result.repairs.empty and result.rejected.empty
        assert list(result.repairs.columns) == REPAIRS.names and list(result.rejected.columns) == REJECTED.names


CELL: st.SearchStrategy[CellValue] = st.one_of(
    st.none(),
    st.sampled_from(
        [
            "同上",
            "〃",
            "无",
            "/",
            "合计",
            "填表人：张三",
            "未发现",
            "王庄村东500米",
            "1.赵六；2.钱七",
            "①甲②乙",
            "114.1234,32.1234",
            "3亩",
            "2026年9月3日",
            "9月3日",
            "9月31日",
            "上旬",
            "巡查时间",
            "违法地点",
            "  ",
            "411501XC26090001",
        ]
    ),
    st.text(max_size=12),
    st.integers(-5, 60000),
    st.floats(allow_nan=False, allow_infinity=False, width=32),
    st.booleans(),
    st.datetimes(datetime(2000, 1, 1), datetime(2030, 1, 1)),
)
HEADINGS = st.one_of(
    st.just(TEN),
    st.just(("序号", *TEN[:7], "坐标", "面积")),
    st.just(("日期", "人员", "地点", "经度", "纬度", "监测编号")),
    st.just(TEN[1:]),
    st.lists(st.sampled_from([*TEN, "备注", "天气"]), max_size=6).map(tuple),
)


@st.composite
def sheets(draw: st.DrawFn) -> RawSheet:
    heading = draw(HEADINGS)
    width = max(len(heading), 1)
    rows = draw(st.lists(st.tuples(*[CELL] * width), max_size=8))
    corner = st.tuples(st.integers(1, 10), st.integers(1, width))
    boxes = draw(st.lists(st.tuples(corner, corner), max_size=3))
    merged = tuple((min(a, c), min(b, d), max(a, c), max(b, d)) for (a, b), (c, d) in boxes)
    return RawSheet(
        "U1", "ledgers/王庄镇/a.xlsx", draw(st.sampled_from(["甲", "乙", "丙"])), (heading, *rows), merged=merged
    )


@settings(max_examples=150, deadline=None)
@given(sheets())
def test_no_row_is_ever_lost(raw: RawSheet) -> None:
    result = read(raw)
    heading = find_heading(raw, RULES)
    first = heading.data_from if heading is not None else 0
    records = {number for number, cells in enumerate(raw.rows, 1) if number > first and not is_empty(cells)}
    kept = {item.row for item in result.items} | {int(number) for number in result.rejected["row"].dropna()}
    assert kept == records
    check_table(REPAIRS, result.repairs)
    check_table(REJECTED, result.rejected)
    keys = result.repairs[["file", "sheet", "row", "field", "rule"]]
    assert not keys.duplicated().any()
    assert all(a.order < b.order for a, b in pairwise(result.items))
    assert len({item.entry_id for item in result.items}) == len(result.items)


@settings(max_examples=50, deadline=None)
@given(st.lists(sheets(), max_size=4, unique_by=lambda raw: raw.sheet), st.randoms(use_true_random=False))
def test_the_order_of_sheets_does_not_matter(raw: list[RawSheet], shuffler: random.Random) -> None:
    first = read(*raw)
    mixed = list(raw)
    shuffler.shuffle(mixed)
    second = read_ledgers(mixed, RULES, as_of=AS_OF, oldest_years=10, latest_days=400)
    assert first.items == second.items
    pd.testing.assert_frame_equal(first.repairs, second.repairs)
    pd.testing.assert_frame_equal(first.rejected, second.rejected)


def test_an_unanswered_row_of_the_prefilled_template_is_no_finding() -> None:
    heading = (*TEN, "监测编号", "经度", "纬度")
    unanswered = (*[None] * 10, "419981XC26100001", 115.0312, 32.6021)
    answered = (*row("2026-09-03"), "419981XC26100002", 115.0412, 32.6121)
    result = read(sheet(answered, unanswered, heading=heading))
    assert [item.row for item in result.items] == [2]
    assert list(result.rejected["code"]) == ["E507"]
    assert "419981XC26100001" in result.rejected["content"].iloc[0]
