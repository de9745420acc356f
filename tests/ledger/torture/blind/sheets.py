"""Blind set: how clerks lay out a sheet: headings of several rows, merged cells, notes in between, turned tables, sums."""

from __future__ import annotations

from collections.abc import Callable

from openpyxl.comments import Comment
from openpyxl.worksheet.worksheet import Worksheet

from tests.ledger.torture.blind.kit import SHORT, sent
from tests.ledger.torture.case import Case, Finding
from tests.ledger.torture.kit import Row, book

ZHANG = ["2026年5月3日", "王强、李敏", "张三", "王家村东200米", "正在建房"]
LI = ["2026年5月6日", "王强", "李四", "李庄村南", "挖沙取土"]
NONE = ["2026年5月8日", "王强", None, None, "未发现违法行为"]
FOUND = (Finding("2026-05-03", "张三", "王家村东200米"), Finding("2026-05-06", "李四", "李庄村南"))
EIGHTH = ("2026-05-08",)


def _case(
    name: str,
    hard: str,
    rows: list[Row],
    merge: tuple[str, ...] = (),
    change: Callable[[Worksheet], None] | None = None,
) -> Case:
    """A sheet of the three rows above in some other layout."""

    def make() -> dict[str, bytes]:
        after = None if change is None else (lambda workbook: change(workbook.worksheets[0]))
        return dict(sent(book({"台账": rows}, after, merge)))

    return Case(f"blind-sheet-{name}", hard, make, FOUND, effort=1, days=EIGHTH)


def _hide(worksheet: Worksheet) -> None:
    worksheet.row_dimensions[3].hidden = True
    worksheet.column_dimensions["D"].hidden = True
    worksheet.auto_filter.ref = "A1:E4"


def _protect(worksheet: Worksheet) -> None:
    worksheet.protection.set_password("2026")
    worksheet.protection.enable()


def _note(worksheet: Worksheet) -> None:
    worksheet["C2"].comment = Comment("查无此人，是王五", "所长")
    worksheet["D2"].hyperlink = "file:///D:/照片/1.jpg"


def _far_styles(worksheet: Worksheet) -> None:
    """Whole columns and rows coloured by hand, and a blank cell far right."""
    for at in range(1, 400):
        worksheet.cell(at, 60).value = " " if at == 399 else None
        worksheet.cell(at, 60).number_format = "@"


CASES = (
    _case(
        "group-heading",
        "a heading of two rows, its upper one merged over groups",
        [["巡查情况", None, "违法情况", None, None], list(SHORT), ZHANG, LI, NONE],
        ("A1:B1", "C1:E1"),
    ),
    _case(
        "merged-down-heading",
        "a heading of two rows, some cells merged down",
        [["巡查时间", "巡查人员", "违法情况", None, None], [None, None, "主体", "地点", "现状"], ZHANG, LI, NONE],
        ("A1:A2", "B1:B2", "C1:E1"),
    ),
    _case(
        "three-row-heading",
        "title, groups, fields, then a row that numbers the columns",
        [
            ["青石镇2026年5月动态巡查台账", None, None, None, None],
            ["填报单位：青石镇自然资源所", None, None, None, "单位：平方米"],
            ["基本情况", None, "违法情况", None, None],
            list(SHORT),
            ["1", "2", "3", "4", "5"],
            ZHANG,
            LI,
            NONE,
        ],
        ("A1:E1", "A3:B3", "C3:E3"),
    ),
    _case(
        "broken-heading",
        "headings with line breaks, blanks and notes in brackets",
        [
            [
                "巡 查\n时 间",
                "巡查人员\n（两人以上）",
                "违法项目主体\n或名称",
                "违法地点（具体到村组）",
                "违法现状(占地、进度)",
            ],
            ZHANG,
            LI,
            NONE,
        ],
    ),
    _case(
        "numbered",
        "a column of numbers before the fields, blank for one row",
        [["序号", *SHORT], ["1", *ZHANG], [None, *LI], ["3", *NONE]],
    ),
    _case(
        "starts-at-d",
        "the table begins at column D, row 12",
        [[None]] * 11 + [[None, None, None, *row] for row in (SHORT, ZHANG, LI, NONE)],
    ),
    _case(
        "far-down",
        "a page of instructions before the heading",
        [[f"{at}、填表说明：巡查时间应填写到日，违法地点应填写到村组。"] for at in range(1, 31)]
        + [list(SHORT), ZHANG, LI, NONE],
    ),
    _case(
        "sums",
        "sub-totals by village, a page sum and a grand total",
        [
            list(SHORT),
            ZHANG,
            ["王家村小计", None, "1处", None, None],
            LI,
            ["小计", None, "1", None, None],
            NONE,
            ["本页合计", None, 2, None, None],
            ["总  计", "巡查3次", "发现2处", None, None],
        ],
    ),
    _case(
        "pages",
        "page numbers and the heading again on every page",
        [
            ["青石镇台账"],
            list(SHORT),
            ZHANG,
            ["第1页 共2页"],
            ["青石镇台账（续）"],
            list(SHORT),
            LI,
            NONE,
            ["第2页 共2页"],
        ],
    ),
    _case(
        "notes-between",
        "blank lines, rulers of dashes and notes between the rows",
        [
            list(SHORT),
            ZHANG,
            [],
            ["-----", "-----", "-----", "-----", "-----"],
            ["以上为5月上旬，以下为5月中旬"],
            LI,
            [],
            ["注：5月7日因暴雨未开展巡查"],
            NONE,
        ],
        ("A5:E5",),
    ),
    _case(
        "signature",
        "who filled it in, who checked it and when",
        [
            list(SHORT),
            ZHANG,
            LI,
            NONE,
            [],
            ["填表人：赵六", None, "审核人：孙七", None, "2026年5月31日"],
            ["单位（盖章）：", None, None, None, "填报日期：2026.5.31"],
            ["备注：本表一式两份"],
        ],
    ),
    _case(
        "negative-across",
        "the negative merged over three columns",
        [list(SHORT), ZHANG, LI, ["2026年5月8日", "王强", "未发现违法行为"]],
        ("C4:E4",),
    ),
    _case("hidden", "a filtered row and a hidden column are still there", [list(SHORT), ZHANG, LI, NONE], change=_hide),
    _case("protected", "protected against changes, not locked", [list(SHORT), ZHANG, LI, NONE], change=_protect),
    _case("comment", "a comment and a link on cells", [list(SHORT), ZHANG, LI, NONE], change=_note),
    _case("far-style", "formats and a blank far to the right", [list(SHORT), ZHANG, LI, NONE], change=_far_styles),
    _case(
        "two-tables",
        "two tables below each other with their own headings",
        [
            ["一、违法发现情况"],
            ["巡查时间", "巡查人员", "违法地点", "违法项目主体或名称", "违法现状"],
            [*ZHANG[:2], ZHANG[3], ZHANG[2], ZHANG[4]],
            [*LI[:2], LI[3], LI[2], LI[4]],
            [],
            ["二、未发现违法情况"],
            ["巡查时间", "巡查路线", "巡查人员", "巡查结果"],
            ["2026年5月8日", "李庄村", "王强", "未发现违法行为"],
        ],
    ),
    _case(
        "side-by-side",
        "two tables beside each other to save paper",
        [[*SHORT, None, *SHORT], [*ZHANG, None, *LI], [None] * 6 + NONE],
    ),
    _case(
        "blank-columns",
        "blank columns between the fields and a blank row below the heading",
        [
            ["巡查时间", None, "巡查人员", None, "违法项目主体或名称", "违法地点", "违法现状"],
            [],
            *([row[0], None, row[1], None, *row[2:]] for row in (ZHANG, LI, NONE)),
        ],
        ("A1:B1", "C1:D1"),
    ),
)
