"""Titles, merged cells, headings of several rows, several sheets, forms, transposed tables, hidden parts."""

from __future__ import annotations

from datetime import date
from typing import Any

from docx.document import Document
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

from tests.ledger.torture.case import UNIT, Case, Files, Finding
from tests.ledger.torture.kit import FIELDS, book, fixture, found, nothing, sheet, word, word_table, xlsx

ON = "2026-05-03"
A = found(ON, "张三", "王家村东500米")
B = found("2026-05-06", "李四", "李庄村西")
FIRST = Finding(ON, "张三", "王家村东500米")
SECOND = Finding("2026-05-06", "李四", "李庄村西")
EMPTY = nothing("2026-05-04")


def _file(data: bytes, name: str = "台账.xlsx") -> Files:
    return {f"{UNIT}/{name}": data}


def _titles() -> Files:
    rows = [
        ["青石镇自然资源动态巡查台账"],
        ["填报单位：青石镇人民政府", *[None] * 7, "填报日期：2026年5月31日"],
        [],
        FIELDS,
    ]
    return _file(book({"Sheet1": [*rows, A, EMPTY, B]}, merge=["A1:J1", "A2:C2"]))


def _two_row_head() -> Files:
    upper = ["序号", "巡查情况", None, None, None, "违法情况", None, None, "处理情况", None, None]
    lower = [None, *FIELDS]
    rows = [upper, lower, [1, *A], [2, *EMPTY], [3, *B]]
    return _file(book({"台账": rows}, merge=["A1:A2", "B1:E1", "F1:H1", "I1:K1"]))


def _two_row_head_lower_only() -> Files:
    upper = [*FIELDS[:4], "违法情况", None, None, *FIELDS[7:]]
    lower = [None] * 4 + ["主体", "地点", "现状"] + [None] * 3
    return _file(
        book({"台账": [upper, lower, A, B]}, merge=["E1:G1", *(f"{column}1:{column}2" for column in "ABCDHIJ")])
    )


def _repeated_head() -> Files:
    return _file(xlsx(A, EMPTY, ["青石镇自然资源动态巡查台账（续）"], FIELDS, B))


def _several_sheets() -> Files:
    sheets = {
        "说明": [["填表说明"], ["一、本表由各村网格员填写。"], ["二、违法地点写到村民小组。"]],
        "上半月": [FIELDS, A],
        "下半月": [["下半月"], FIELDS, B],
        "Sheet3": [],
    }
    return _file(book(sheets))


def _two_tables_aside() -> Files:
    rows = [[*FIELDS, None, *FIELDS], [*A, None, *B]]
    return _file(xlsx(*rows, head=None))


def _two_tables_below() -> Files:
    head = ["巡查时间", "违法地点", "违法项目主体或名称", "违法现状"]
    rows = [FIELDS, A, [], [], ["补充登记"], head, ["2026-05-06", "李庄村西", "李四", "堆放砂石"]]
    return _file(xlsx(*rows, head=None))


def _form_rows(values: list[Any]) -> list[list[Any]]:
    return [
        ["动态巡查信息记录表"],
        ["巡查时间", values[0], "巡查人员", values[1]],
        ["巡查路线", values[2], "巡查项目", values[3]],
        ["违法项目主体或名称", values[4], "违法地点", values[5]],
        ["违法现状", values[6]],
        ["制止措施", values[7], "制止效果", values[8]],
        ["后续处理", values[9]],
        ["填表人：王强", None, "负责人（签字）：", None],
    ]


def _form_per_sheet() -> Files:
    return _file(book({"1": _form_rows(A), "2": _form_rows(B), "3": _form_rows(EMPTY)}), "巡查记录表.xlsx")


def _form_stacked() -> Files:
    return _file(xlsx(*_form_rows(A), [], *_form_rows(B), head=None), "巡查记录表.xlsx")


def _form_in_word() -> Files:
    def build(document: Document) -> None:
        for values in (A, B):
            document.add_paragraph("动态巡查信息记录表")
            table = word_table(document, [(row + [None] * 4)[:4] for row in _form_rows(values)[1:]])
            table.cell(3, 1).merge(table.cell(3, 3))
            document.add_page_break()

    return _file(word(build), "巡查记录表.docx")


def _label_colon_form() -> Files:
    lines = [f"{name}：{value}" for name, value in zip(FIELDS, A, strict=True)]
    return _file(xlsx(*([line] for line in lines), head=None))


def _transposed() -> Files:
    rows = [[name, *values] for name, *values in zip(FIELDS, A, EMPTY, B, strict=True)]
    return _file(xlsx(*rows, head=None))


def _hidden() -> Files:
    def hide(workbook: Workbook) -> None:
        workbook.worksheets[0].row_dimensions[3].hidden = True
        workbook.worksheets[1].sheet_state = "hidden"

    return _file(book({"五月": [FIELDS, A, B, EMPTY], "备份": [FIELDS, found("2026-05-08", "赵六", "张湾村南")]}, hide))


def _filtered() -> Files:
    def narrow(worksheet: Worksheet) -> None:
        worksheet.auto_filter.ref = "A1:J3"
        worksheet.column_dimensions["F"].hidden = True
        worksheet.row_dimensions[2].hidden = True

    return _file(sheet([FIELDS, A, B], narrow))


def _aliases() -> Files:
    head = [
        "序号",
        "日期",
        "巡查员",
        "巡查区域及路线",
        "检查内容",
        "当事人",
        "位置",
        "基本情况",
        "处置措施",
        "整改情况",
        "处理结果",
    ]
    return _file(xlsx([1, *A], [2, *EMPTY], head=head))


def _aliases_reordered() -> Files:
    head = ["处理意见", "具体位置", "建设单位（个人）", "现场情况", "发现时间", "巡查人", "备注", "占地面积（亩）"]
    row = ["移交执法中队", "王家村东500米", "张三", "正在建房", date(2026, 5, 3), "王强", "群众反映", 0.8]
    return _file(xlsx(row, head=head))


def _spaced_heads() -> Files:
    head = [
        "巡 查 时 间",
        "巡查\n人员",
        "巡查路线*",
        "巡查项目 ",
        "违法项目主体\n或名称",
        "违 法 地 点",
        "违法现状：",
        "制止措施（可多选）",
        "制止\r\n效果",
        "　后续处理　",
    ]
    return _file(xlsx(A, EMPTY, head=head))


def _traditional() -> Files:
    head = [
        "巡查時間",
        "巡查人員",
        "巡查路線",
        "巡查項目",
        "違法項目主體或名稱",
        "違法地點",
        "違法現狀",
        "制止措施",
        "制止效果",
        "後續處理",
    ]
    return _file(xlsx(A, nothing("2026-05-04", "未發現違法行為"), head=head))


def _extra_columns() -> Files:
    head = ["序号", "乡镇", *FIELDS, "联系电话", "照片", "图斑编号", "备注"]
    row = [1, UNIT, *A, "13800138000", "IMG_0503.jpg", None, "已拍照"]
    return _file(xlsx(row, head=head))


def _offset() -> Files:
    blank = [None] * 3
    return _file(xlsx([], [], [*blank, *FIELDS], [*blank, *A], [*blank, *EMPTY], head=None))


def _no_heading() -> Files:
    return _file(xlsx(A, EMPTY, head=None))


def _gaps() -> Files:
    return _file(xlsx(A, *[[None] * 10] * 40, EMPTY, *[[" "] * 10] * 3, B))


def _merged_places() -> Files:
    rows = [FIELDS, A, found(ON, "李四", None), B]
    return _file(book({"台账": rows}, merge=["F2:F3"]))


def _merged_nothing() -> Files:
    rows = [FIELDS, A, ["2026-05-04", "王强", "镇政府—李庄村", "日常巡查", "未发现违法行为"]]
    return _file(book({"台账": rows}, merge=["E3:J3"]))


def _word_tables() -> Files:
    def build(document: Document) -> None:
        document.add_heading("青石镇2026年5月动态巡查情况", 1)
        document.add_paragraph("本月共巡查3次，发现问题2起。")
        word_table(document, [FIELDS, A, EMPTY])
        document.add_paragraph("续表")
        word_table(document, [FIELDS, B])
        word_table(document, [["分管领导", "王主任"], ["联系电话", "0371-12345678"]])

    return _file(word(build), "五月汇总.docx")


def _word_merged() -> Files:
    def build(document: Document) -> None:
        table = word_table(document, [["青石镇动态巡查台账"] + [None] * 9, FIELDS, A, found(None, "李四", "李庄村西")])
        table.cell(0, 0).merge(table.cell(0, 9))
        table.cell(2, 0).merge(table.cell(3, 0))

    return _file(word(build), "台账.docx")


def _word_split_over_pages() -> Files:
    def build(document: Document) -> None:
        word_table(document, [FIELDS, A])
        document.add_page_break()
        word_table(document, [EMPTY, B])

    return _file(word(build), "台账.docx")


def _word_nested() -> Files:
    def build(document: Document) -> None:
        outer = document.add_table(1, 1)
        inner = outer.cell(0, 0).add_table(2, 10)
        for row, values in enumerate((FIELDS, A)):
            for column, value in enumerate(values):
                inner.cell(row, column).text = str(value)

    return _file(word(build), "台账.docx")


CASES = (
    Case(
        "layout-titles",
        "title, sender's line and an empty row above the heading",
        _titles,
        (FIRST, SECOND),
        effort=1,
        never=("填报",),
    ),
    Case(
        "layout-two-row-head", "groups above the ten fields", _two_row_head, (FIRST, SECOND), effort=1, never=("情况",)
    ),
    Case(
        "layout-two-row-head-short",
        "主体, 地点, 现状 only under a merged 违法情况",
        _two_row_head_lower_only,
        (FIRST, SECOND),
        never=("主体",),
    ),
    Case(
        "layout-repeated-head",
        "the heading comes again as on a printed second page",
        _repeated_head,
        (FIRST, SECOND),
        effort=1,
        never=("违法", "续"),
    ),
    Case(
        "layout-sheets",
        "instructions, two ledger sheets with different offsets, an empty sheet",
        _several_sheets,
        (FIRST, SECOND),
        never=("网格员",),
        asides=True,
    ),
    Case("layout-side-by-side", "two tables side by side", _two_tables_aside, (FIRST, SECOND)),
    Case("layout-second-table", "a second table below with other columns", _two_tables_below, (FIRST, SECOND)),
    Case(
        "layout-form-sheets",
        "表单式: one record per sheet, label beside value",
        _form_per_sheet,
        (FIRST, SECOND),
        effort=1,
        never=("填表人", "负责人"),
    ),
    Case(
        "layout-form-stacked",
        "two forms below each other on one sheet",
        _form_stacked,
        (FIRST, SECOND),
        never=("填表人",),
    ),
    Case("layout-form-word", "forms in Word, one per page, a merged value", _form_in_word, (FIRST, SECOND)),
    Case("layout-colon-form", "one cell per line, 标签：值", _label_colon_form, (FIRST,)),
    Case(
        "layout-transposed",
        "headings in the first column, records to the right",
        _transposed,
        (FIRST, SECOND),
        effort=1,
    ),
    Case(
        "layout-hidden",
        "a hidden row and a hidden sheet still were written by someone",
        _hidden,
        (FIRST, SECOND, Finding("2026-05-08", "赵六", "张湾村南")),
        effort=1,
    ),
    Case("layout-filtered", "a filter hides a row, the place column is hidden", _filtered, (FIRST, SECOND)),
    Case("layout-aliases", "other names for all ten fields", _aliases, (FIRST,), effort=1),
    Case("layout-aliases-order", "seven aliases in another order, no route", _aliases_reordered, (FIRST,)),
    Case(
        "layout-spaced-heads",
        "blanks, line breaks, stars and remarks in the headings",
        _spaced_heads,
        (FIRST,),
        effort=1,
    ),
    Case("layout-traditional", "headings and phrases in traditional characters", _traditional, (FIRST,), effort=1),
    Case(
        "layout-extra-columns",
        "number, township, phone, photo columns",
        _extra_columns,
        (FIRST,),
        never=("13800138000", "IMG", UNIT),
    ),
    Case("layout-offset", "the table starts at D3", _offset, (FIRST,), effort=1),
    Case(
        "layout-no-heading",
        "no heading at all: rows cannot be read safely",
        _no_heading,
        files={f"{UNIT}/台账.xlsx": "not_a_ledger"},
    ),
    Case("layout-gaps", "forty empty rows and rows of blanks in the middle", _gaps, (FIRST, SECOND), effort=1),
    Case(
        "layout-merged-place",
        "two people at one merged place",
        _merged_places,
        (FIRST, Finding(ON, "李四", "王家村东500米"), SECOND),
    ),
    Case(
        "layout-merged-nothing",
        "未发现 merged over subject to follow-up",
        _merged_nothing,
        (FIRST,),
        effort=1,
        never=("未发现",),
    ),
    Case(
        "layout-word-tables",
        "two ledger tables and a contact table in Word",
        _word_tables,
        (FIRST, SECOND),
        effort=1,
        never=("王主任", "0371"),
        asides=True,
    ),
    Case(
        "layout-word-merged",
        "Word: merged title row and merged day",
        _word_merged,
        (FIRST, Finding(ON, "李四", "李庄村西")),
    ),
    Case(
        "layout-word-continued",
        "Word: the table goes on after a page break without a heading",
        _word_split_over_pages,
        (FIRST, SECOND),
        effort=1,
    ),
    Case("layout-word-nested", "Word: the ledger is a table inside a table", _word_nested, (FIRST,)),
    Case(
        "layout-xls",
        "an old .xls with title and merged day",
        lambda: _file(fixture("plain.xls"), "台账.xls"),
        (FIRST, Finding(ON, "李四", "李庄村西")),
        effort=1,
    ),
)
