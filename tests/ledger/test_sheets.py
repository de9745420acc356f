from pipeline.ledger.sheets import RawSheet, find_heading, heading_key, vertical_fills
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
