from pipeline.ledger.sheets import RawSheet, find_heading, find_headings, heading_key, vertical_fills
from tests.ledger.rules import RULES, TEN


def test_heading_below_title_rows_with_aliases() -> None:
    rows = (
        ("王庄镇自然资源动态巡查台账", None, None, None, None),
        ("填报时间：2026年9月", None, None, None, None),
        ("序号", "巡查日期（年月日）", "巡查人员签名", "违法 地点", "占地面积（亩）"),
        (1, "20260903", "张三", "王庄村", 2),
    )
    heading = find_heading(RawSheet("U1", "f", "s", rows), RULES)
    assert heading is not None
    assert heading.data_from == 3
    assert list(heading.fields.values()) == ["serial", "date", "people", "place", "area"]
    assert heading.titles == ("王庄镇自然资源动态巡查台账", "填报时间：2026年9月")


def test_two_heading_rows_under_merged_groups() -> None:
    rows = (
        ("巡查时间", "巡查人员", "违法项目", None, "处理"),
        (None, None, "主体", "地点", "制止措施"),
        ("20260903", "张三", "赵六", "王庄村", "已制止"),
    )
    merged = ((1, 1, 2, 1), (1, 2, 2, 2), (1, 3, 1, 4))
    heading = find_heading(RawSheet("U1", "f", "s", rows, merged=merged), RULES)
    assert heading is not None
    assert heading.data_from == 2
    assert list(heading.fields.values()) == ["date", "people", "subject", "place", "measures"]


def test_the_ten_fields_of_the_plan_and_an_unknown_column() -> None:
    heading = find_heading(RawSheet("U1", "f", "s", ((*TEN, "天气"),)), RULES)
    assert heading is not None
    assert list(heading.fields.values()) == [
        "date",
        "people",
        "route",
        "project",
        "subject",
        "place",
        "status",
        "measures",
        "effect",
        "follow_up",
        "extra:天气",
    ]


def test_a_sheet_of_notes_has_no_heading() -> None:
    assert find_heading(RawSheet("U1", "f", "s", (("填写说明",), ("时间写成2026-05-03",))), RULES) is None


def test_heading_key_drops_brackets_and_blanks() -> None:
    assert heading_key(" 违法 地点（村、组）：") == "违法地点"


def test_only_vertical_merges_below_the_heading_fill() -> None:
    rows = (TEN, ("20260903", "张三", "路"), (None, None, None), ("20260905", "李四", "路"))
    sheet = RawSheet("U1", "f", "s", rows, merged=((2, 1, 3, 1), (4, 2, 4, 3), (1, 4, 2, 4)))
    assert vertical_fills(sheet, 1) == {(2, 0): "20260903"}


def test_a_heading_is_known_by_its_words_without_numbering_unit_and_traditional_forms() -> None:
    assert heading_key("（一）巡查時間") == heading_key("1.巡查时间*") == "巡查时间"
    assert heading_key("占地面积/亩") == "占地面积"


def test_group_headings_that_are_aliases_themselves_give_way_to_the_row_below() -> None:
    upper = ("序号", "巡查情况", None, None, None, "违法情况", None, None, "处理情况", None, None)
    rows = (upper, (None, *TEN), (1, "2026-05-03", "张三"))
    merged = ((1, 1, 2, 1), (1, 2, 1, 5), (1, 6, 1, 8), (1, 9, 1, 11))
    heading = find_heading(RawSheet("U1", "f", "s", rows, merged=merged), RULES)
    assert heading is not None and heading.data_from == 2
    assert heading.column("date") == 1 and heading.column("follow_up") == 10


def test_a_data_row_is_never_swallowed_by_the_heading() -> None:
    rows = (TEN, ("2026-05-03", "张三", "路", "其他", "赵六", "王庄村", "在建", "停工", "停工", "定位"))
    heading = find_heading(RawSheet("U1", "f", "s", rows), RULES)
    assert heading is not None and heading.data_from == 1


def test_of_two_columns_for_a_field_the_better_alias_is_taken() -> None:
    heading = find_heading(RawSheet("U1", "f", "s", (("时间", "日期", "人员", "地点", "巡查人数"),)), RULES)
    assert heading is not None
    assert list(heading.fields.values()) == ["extra:时间", "date", "people", "place", "extra:巡查人数"]


def test_labels_beside_their_values_are_no_heading() -> None:
    rows = (
        ("巡查时间", "2026-05-03", "巡查人员", "张三", "巡查路线", "王庄"),
        ("违法地点", "王庄村", "违法现状", "在建"),
    )
    assert find_headings(RawSheet("U1", "f", "s", rows), RULES) == ()


def test_tables_below_and_beside_each_other() -> None:
    other = ("巡查时间", "违法地点", "违法现状")
    rows = ((*TEN, None, *other), ("2026-05-03",), ("补充登记",), other, ("2026-05-06", "李庄村", "堆放"))
    found = find_headings(RawSheet("U1", "f", "s", rows), RULES)
    assert [(heading.top, heading.data_from, len(heading.fields)) for heading in found] == [
        (0, 1, 10),
        (0, 1, 3),
        (3, 4, 3),
    ]
    assert found[2].titles == ("补充登记",)
