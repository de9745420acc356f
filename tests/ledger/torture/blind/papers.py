"""Blind set: Word tables, forms and text, and chat and paper in other clothes."""

from __future__ import annotations

import io
from collections.abc import Callable

from docx import Document
from docx.document import Document as WordDocument
from docx.oxml import parse_xml
from docx.oxml.ns import nsdecls, qn

from tests.ledger.torture.blind.kit import SHORT, sent
from tests.ledger.torture.case import UNIT, Case, Finding
from tests.ledger.torture.kit import Row, with_member, word, word_table

ZHANG = ["2026年5月3日", "王强、李敏", "张三", "王家村东200米", "正在建房"]
LI = ["2026年5月6日", "王强", "李四", "李庄村南", "挖沙取土"]
NONE = ["2026年5月8日", "王强", "", "", "未发现违法行为"]
FOUND = (Finding("2026-05-03", "张三", "王家村东200米"), Finding("2026-05-06", "李四", "李庄村南"))
EIGHTH = ("2026-05-08",)
NAME = "5月台账.docx"


def _word(name: str, hard: str, build: Callable[[WordDocument], None]) -> Case:
    """The three rows above in some Word form."""
    return Case(f"blind-paper-{name}", hard, lambda: sent(word(build), NAME), FOUND, effort=1, days=EIGHTH)


def _one(document: WordDocument) -> None:
    document.add_paragraph("青石镇国土资源动态巡查台账")
    document.add_paragraph("填报单位：青石镇自然资源所    2026年5月31日")
    word_table(document, [SHORT, ZHANG, LI, NONE])
    document.add_paragraph("填表人：赵六      审核人：孙七")


def _several(document: WordDocument) -> None:
    for title, rows in (("5月上旬", [ZHANG, LI]), ("5月中旬", [NONE])):
        document.add_paragraph(title)
        word_table(document, [SHORT, *rows])


def _pages(document: WordDocument) -> None:
    """One table cut over two pages by hand; the second part repeats no heading, then one that does."""
    word_table(document, [SHORT, ZHANG])
    document.add_page_break()
    word_table(document, [LI])
    document.add_page_break()
    word_table(document, [SHORT, NONE])


def _nested(document: WordDocument) -> None:
    """The whole ledger inside one cell of a layout table."""
    outer = document.add_table(2, 1)
    outer.cell(0, 0).text = "青石镇2026年5月巡查台账"
    inner = outer.cell(1, 0).add_table(4, 5)
    for at, row in enumerate((SHORT, ZHANG, LI, NONE)):
        for column, value in enumerate(row):
            inner.cell(at, column).text = value


def _merged(document: WordDocument) -> None:
    table = word_table(document, [["青石镇2026年5月巡查台账", "", "", "", ""], SHORT, ZHANG, LI, NONE])
    table.cell(0, 0).merge(table.cell(0, 4))
    for row in range(2, 5):
        table.cell(row, 1).text = ""
    table.cell(2, 1).merge(table.cell(4, 1)).text = "王强、李敏"
    for column in (2, 3, 4):
        table.cell(4, column).text = ""
    table.cell(4, 2).merge(table.cell(4, 4)).text = "未发现违法行为"


def _forms(document: WordDocument) -> None:
    """A form of two and four columns for every patrol, as county templates print them."""
    for day, people, subject, place, state in (ZHANG, LI, NONE):
        document.add_paragraph("动态巡查信息记录表")
        word_table(
            document,
            [
                ["巡查时间", day, "巡查人员", people],
                ["巡查路线", "镇政府—王家村", "巡查项目", "违法占地"],
                ["违法项目主体或名称", subject, "违法地点", place],
                ["违法现状", state, "制止措施", "责令停工" if subject else ""],
                ["后续处理", "", "制止效果", ""],
            ],
        )


def _forms_down(document: WordDocument) -> None:
    for row in (ZHANG, LI, NONE):
        word_table(document, [[name, value] for name, value in zip(SHORT, row, strict=True)])
        document.add_paragraph("")


def _tracked(document: WordDocument) -> None:
    """Changes not yet accepted: what was struck out is gone, what was added stands."""
    table = word_table(document, [SHORT, [*ZHANG[:2], "", *ZHANG[3:]], [LI[0], LI[1], "", LI[3], LI[4]], NONE])
    for row, old, new in ((1, "张二", "张三"), (2, "", "李四")):
        paragraph = table.cell(row, 2).paragraphs[0]._p
        if old:
            paragraph.append(parse_xml(
                f'<w:del {nsdecls("w")} w:id="1" w:author="所长"><w:r><w:delText>{old}</w:delText></w:r></w:del>'))  # fmt: skip
        paragraph.append(
            parse_xml(f'<w:ins {nsdecls("w")} w:id="2" w:author="所长"><w:r><w:t>{new}</w:t></w:r></w:ins>')
        )


def _controls(document: WordDocument) -> None:
    """A template with content controls: around a run, around a whole cell and around a whole row."""
    table = word_table(document, [SHORT, ZHANG, LI, NONE])
    run = table.cell(1, 2).paragraphs[0].runs[0]._r
    cell = table.cell(1, 3)._tc
    row = table.rows[2]._tr
    for element in (run, cell, row):
        control = parse_xml(f"<w:sdt {nsdecls('w')}><w:sdtContent/></w:sdt>")
        element.addprevious(control)
        control.find(qn("w:sdtContent")).append(element)


def _hidden_text(document: WordDocument) -> None:
    """Line breaks within cells, tabs and a field whose result Word stored."""
    table = word_table(document, [SHORT, ZHANG, LI, NONE])
    cell = table.cell(1, 3)
    cell.text = ""
    cell.paragraphs[0].add_run("王家村")
    cell.paragraphs[0].add_run().add_break()
    cell.paragraphs[0].add_run("东200米")
    date = table.cell(1, 0).paragraphs[0]
    for run in list(date.runs):
        run._r.getparent().remove(run._r)
    date._p.append(parse_xml(
        f'<w:fldSimple {nsdecls("w")} w:instr="DATE"><w:r><w:t>2026年5月3日</w:t></w:r></w:fldSimple>'))  # fmt: skip


def _prose(document: WordDocument) -> None:
    document.add_paragraph("青石镇5月巡查情况报告")
    document.add_paragraph("5月3日，王强、李敏巡查至王家村，发现张三在村东200米处建房，当场责令停工。")
    document.add_paragraph("5月8日，巡查李庄村，未发现违法行为。")


def _text_table(document: WordDocument) -> None:
    """A plan before the ledger and a telephone list after it."""
    word_table(document, [["序号", "巡查计划", "责任人"], ["1", "每周一次巡查王家村", "王强"]])
    document.add_paragraph("")
    word_table(document, [SHORT, ZHANG, LI, NONE])
    document.add_paragraph("")
    word_table(document, [["姓名", "电话"], ["王强", "13903781234"]])


def _sum_rows(document: WordDocument) -> None:
    rows: list[Row] = [
        SHORT,
        ZHANG,
        ["小计", "", "1处", "", ""],
        LI,
        NONE,
        ["合计", "3次", "2处", "", ""],
        ["填表人：赵六", "", "", "", "2026年5月31日"],
    ]
    word_table(document, rows)


def _template() -> bytes:
    """The plain document saved as a template, its rows in the header of the page left alone."""
    document = Document()
    document.sections[0].header.paragraphs[0].text = "内部资料"
    _one(document)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


CHAT = """微信聊天记录
王强  2026/5/3 9:30
今天巡查王家村，村东200米张三正在建房，已制止
李敏  2026/5/8 16:05
[图片]
李庄村正常
"""

CASES = (
    _word("one-table", "one table between title and signature", _one),
    _word("several-tables", "a table a third of the month", _several),
    _word("cut-pages", "a table cut by pages, once without its heading", _pages),
    _word("nested", "the ledger inside a cell of another table", _nested),
    _word("merged", "merged title, people and negative", _merged),
    _word("forms", "one form of label and value pairs a patrol", _forms),
    _word("forms-down", "one form of two columns a patrol", _forms_down),
    _word("tracked-changes", "changes not yet accepted", _tracked),
    _word("content-controls", "content controls around a run, a cell and a row", _controls),
    _word("breaks-and-fields", "line breaks within a cell and a stored field", _hidden_text),
    _word("sums", "sums and signature inside the table", _sum_rows),
    Case(
        "blind-paper-other-tables",
        "a plan before and telephones after",
        lambda: sent(word(_text_table), NAME),
        FOUND,
        effort=1,
        days=EIGHTH,
        asides=True,
    ),
    Case(
        "blind-paper-prose",
        "a report without any table",
        lambda: sent(word(_prose), "5月报告.docx"),
        files={f"{UNIT}/5月报告.docx": "not_a_ledger"},
    ),
    Case(
        "blind-paper-template",
        "a page header beside the table",
        lambda: sent(_template(), NAME),
        FOUND,
        effort=1,
        days=EIGHTH,
    ),
    Case(
        "blind-paper-chat",
        "an exported chat",
        lambda: sent(CHAT.encode(), "微信记录.txt"),
        files={f"{UNIT}/微信记录.txt": "not_a_ledger"},
    ),
    Case(
        "blind-paper-docx-bomb",
        "entities that double in a Word document",
        lambda: sent(
            with_member(
                word(_one),
                "word/document.xml",
                lambda part: part.replace(
                    b"<w:document",
                    b'<!DOCTYPE x [<!ENTITY a "aaaaaaaaaa"><!ENTITY b "&a;&a;&a;&a;&a;&a;&a;&a;">]><w:document',
                    1,
                ),
            ),
            NAME,
        ),
        files={f"{UNIT}/{NAME}": "unsafe"},
    ),
)
