"""Rows as people write them: forms, turned tables, continued rows, splits, rows that are no records."""

from __future__ import annotations

import pytest

from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.entries import LedgerRead
from pipeline.ledger.sheets import RawSheet
from tests.ledger.rules import FOUND, NOTHING, TEN, read, row, sheet

FOUND_ON = [("2026-09-03", "赵六", "王庄村东500米")]


def told(result: LedgerRead) -> list[tuple[str, str | None, str | None]]:
    return [(f"{i.start}", i.texts.get("subject"), i.texts.get("place")) for i in result.items if i.finding]


def reasons(result: LedgerRead) -> list[tuple[int, str]]:
    rows = result.rejected.dropna(subset=["row"])
    return list(zip(rows["row"].astype(int), rows["reason"], strict=True))


def raw(*rows: tuple[CellValue, ...], name: str = "Sheet1", file: str = "ledgers/王庄镇/台账.xlsx") -> RawSheet:
    return RawSheet("U1", file, name, rows)


def form(day: str, *values: str) -> tuple[tuple[CellValue, ...], ...]:
    cells = (day, *values)
    return (
        ("动态巡查信息记录表",),
        (TEN[0], cells[0], TEN[1], cells[1]),
        (TEN[2], cells[2], "天气", "晴", TEN[3], cells[3]),
        (TEN[4], cells[4], TEN[5], cells[5]),
        (TEN[6], cells[6]),
        ("填表人：王强", None, "负责人（签字）："),
    )


def test_forms_below_each_other() -> None:
    result = read(raw(*form("2026-09-03", *FOUND), *form("9月4日", *NOTHING)))
    assert told(result) == FOUND_ON
    assert [(item.row, item.finding) for item in result.items] == [(2, True), (8, False)]
    assert result.items[0].texts["remark"] == "天气：晴"
    assert {number for number, _ in reasons(result)} == {6, 7, 12}


def test_one_cell_per_line() -> None:
    lines = [(f"{name}：{value}",) for name, value in zip(TEN, row("2026-09-03"), strict=True)]
    assert told(read(raw(*lines))) == FOUND_ON


def test_labels_above_their_values() -> None:
    rows = (TEN[:2], ("2026-09-03", "张三"), TEN[4:6], ("赵六", "王庄村东500米"), TEN[6:7], ("推填土",))
    (item,) = read(raw(*rows)).items
    assert (item.texts["subject"], item.texts["status"]) == ("赵六", "推填土")


def test_a_table_on_its_side() -> None:
    records = [row("2026-09-03"), row("2026-09-04", *NOTHING), row("2026-09-05")]
    result = read(raw(*zip(TEN, *records, strict=True), ("填表人：王强",)))
    assert [(item.row, item.item, item.finding) for item in result.items] == [(1, 1, True), (1, 2, False), (1, 3, True)]
    assert [number for number, _ in reasons(result)] == [11]


def test_tables_side_by_side_and_below_with_their_titles() -> None:
    rows = (
        (*TEN, None, *TEN),
        (*row("2026-09-03"), None, *row("2026-09-05")),
        ("补充登记",),
        ("巡查时间", "违法地点", "违法现状"),
        ("2026-09-06", "李庄村西", "堆放砂石"),
    )
    result = read(raw(*rows))
    assert [(f"{item.start}"[-2:], item.row, item.item) for item in result.items] == [
        ("03", 2, 1),
        ("05", 2, 2),
        ("06", 5, 1),
    ]
    assert reasons(result) == [(3, "表与表之间的标题")]


@pytest.mark.parametrize(
    ("title", "name", "file"),
    [
        ("巡查时间：2026年9月3日  巡查人员：张三、李四", "Sheet1", "台账"),
        ("记录", "9月3日", "2026年台账"),
        ("记录", "Sheet1", "巡查日志20260903"),
    ],
)
def test_the_day_above_the_table_or_in_a_name(title: str, name: str, file: str) -> None:
    rows = ((title,), ("序号", *TEN[4:]), (1, *FOUND[3:]))
    result = read(raw(*rows, name=name, file=f"ledgers/王庄镇/{file}.xlsx"))
    assert told(result) == FOUND_ON
    assert "discovered_on" in set(result.repairs["field"])


def test_year_month_and_day_in_columns_and_an_end_column() -> None:
    split = read(sheet((2026, 9, 3, *FOUND), heading=("年", "月", "日", *TEN[1:])))
    assert told(split) == FOUND_ON
    until = read(sheet(("2026-09-03", "2026-09-05", *FOUND), heading=("开始日期", "结束日期", *TEN[1:])))
    assert f"{until.items[0].start}/{until.items[0].end}" == "2026-09-03/2026-09-05"
    clock = read(sheet(("2026-09-03", "11:30", *FOUND), heading=("开始日期", "结束时间", *TEN[1:])))
    assert clock.items[0].start == clock.items[0].end and clock.items[0].texts["remark"] == "结束时间：11:30"


def test_a_day_written_once_holds_until_an_empty_row_or_an_unknown_cell() -> None:
    result = read(sheet(row("2026-09-03"), (None, None, None, "占地", "钱七", *FOUND[4:]), (), row(None)))
    assert [f"{item.start}" for item in result.items] == ["2026-09-03", "2026-09-03", "None"]
    assert result.items[1].texts["people"] == "张三"
    assert set(result.repairs["rule"]) == {"续行沿用上一行"}
    base = sheet(row("2026-09-03"), row(None))
    unknown = RawSheet("U1", base.file, base.sheet, base.rows, unknown=frozenset({(3, 1)}))
    assert read(unknown).items[1].start is None


def test_a_sheet_of_a_wrong_year_keeps_its_finding_without_a_day() -> None:
    result = read(sheet(row("2026-09-02", *NOTHING), row("2025-09-03"), row("2026-09-04", *NOTHING)))
    assert [f"{item.start}" for item in result.items] == ["2026-09-02", "None", "2026-09-04"]
    assert "疑为2026-09-03" in reasons(result)[0][1]


@pytest.mark.parametrize(
    ("cells", "why"),
    [
        (("本周小计", None, None, None, "1起"), "合计"),
        (("合计", "8次", "全镇", "2起", "2处", "5.3亩"), "合计"),
        (("2026年9月", "王强等6人", "全镇", "巡查12次", "发现1起"), "合计"),
        (tuple(range(1, 11)), "列号"),
        (("例：2026-01-01", "张某某", "某路", "占地", "某公司", "某村东"), "示例"),
        (("2026-09-05", "张三", None, "因大雨未巡查"), "未巡查"),
    ],
)
def test_rows_that_are_no_records(cells: tuple[CellValue, ...], why: str) -> None:
    result = read(sheet(row("2026-09-03"), cells))
    assert told(result) == FOUND_ON
    ((number, reason),) = reasons(result)
    assert number == 3 and why in reason
    assert list(result.rejected["code"]) == ["E507"]


def test_words_that_only_look_like_a_total_are_findings() -> None:
    assert len(told(read(sheet(row("2026-09-03", "张三", "路", "占地", "合计建材有限公司", "例家村")[:10])))) == 1


@pytest.mark.parametrize(
    ("subject", "place", "status", "count"),
    [
        ("赵六；钱七", "王庄村东；李庄村西", "推土；建房", 2),
        ("赵六、钱七", "王庄村东\n李庄村西", "推土", 2),
        (None, "王庄村东；李庄村西", "推土；建房", 2),
        (None, None, "一是赵六在王庄村东建房；二是钱七在李庄村西堆砂", 2),
        ("赵六", "王庄村", "1.推填土3亩\n2.建房两间", 1),
        ("赵六、钱七（夫妻）", "王庄村东500米", "建房", 1),
        ("省一建、二建联合体", "S102省道1.5公里处", "建房；已停工", 1),
        ("赵六", "王庄村东500米；路南", "推填土；已停工", 1),
    ],
)
def test_one_finding_or_several(subject: str | None, place: str | None, status: str, count: int) -> None:
    result = read(sheet(row("2026-09-03", "张三", "路", "占地", subject, place, status)))
    assert len(result.items) == count
    assert ("一行多项拆分" in set(result.repairs["rule"])) is (count > 1)


def test_a_sentence_gives_its_subject_and_place_to_each_part() -> None:
    result = read(
        sheet(row("2026-09-03", "张三", "路", "占地", None, None, "（1）赵六在王庄村东建房；（2）钱七在李庄村西堆砂。"))
    )
    assert told(result) == [("2026-09-03", "赵六", "王庄村东"), ("2026-09-03", "钱七", "李庄村西")]
    assert "取自文字叙述" in set(result.repairs["rule"])


def test_the_parts_of_one_cell_and_the_answer_to_was_anything_found() -> None:
    heading = ("巡查时间", "巡查人员", "巡查区域及路线", "基本情况", "是否有违法")
    parts = "地点：王庄村东500米；主体：赵六；现状：在建厂房"
    result = read(
        sheet(("2026-09-03", "张三", "路", parts, "是"), ("2026-09-04", "张三", "路", None, "否"), heading=heading)
    )
    assert told(result) == FOUND_ON
    assert [item.finding for item in result.items] == [True, False]


def test_numbers_beside_names_stay_in_the_log_only() -> None:
    result = read(sheet(row("2026-09-03", "张三13812345678", *FOUND[1:])))
    assert result.items[0].texts["people"] == "张三"
    logged = result.repairs.set_index("field").loc["people"]
    assert (logged["before"], logged["after"]) == ("张三13812345678", "张三")


def test_ditto_and_more_says_both() -> None:
    again = (*row("2026-09-04")[:6], "同上，新增两间", *FOUND[6:])
    assert read(sheet(row("2026-09-03"), again)).items[1].texts["status"] == "推填土，新增两间"
