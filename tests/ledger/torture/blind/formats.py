"""Blind set: the forms in which a ledger arrives, from old Excel to what provincial platforms export."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any

from tests.ledger.torture.blind.kit import (
    SHORT,
    bare_xlsx,
    excel_xml,
    filled,
    inline,
    ods,
    ods_cell,
    ods_covered,
    ods_row,
    ods_texts,
    page,
    page_table,
    sent,
    xlsb,
)
from tests.ledger.torture.case import UNIT, Case, Files, Finding
from tests.ledger.torture.kit import FIELDS, Row, book, csv, fixture, found, nothing, with_member, xlsx

PLAIN = (found("2026年5月3日", "张三", "王家村东200米"), nothing("2026年5月8日"))
CLERK = (Finding("2026-05-03", "张三", "王家村东200米"),)


def _plain(name: str, hard: str, files: Files) -> Case:
    """The two plain rows in some other form."""
    return Case(f"blind-format-{name}", hard, lambda: files, CLERK, effort=1, days=("2026-05-08",))


def _strict() -> bytes:
    """The plain rows as ISO strict Open XML, which LibreOffice and WPS offer beside the usual form."""
    data = xlsx(*PLAIN)
    swaps = (
        (
            b"http://schemas.openxmlformats.org/spreadsheetml/2006/main",
            b"http://purl.oclc.org/ooxml/spreadsheetml/main",
        ),
        (
            b"http://schemas.openxmlformats.org/officeDocument/2006/relationships",
            b"http://purl.oclc.org/ooxml/officeDocument/relationships",
        ),
    )

    def swapped(part: bytes) -> bytes:
        for old, new in swaps:
            part = part.replace(old, new)
        return part

    for name in (
        "xl/workbook.xml",
        "xl/worksheets/sheet1.xml",
        "xl/styles.xml",
        "xl/_rels/workbook.xml.rels",
        "_rels/.rels",
    ):
        data = with_member(data, name, swapped)
    return data


def _bare() -> bytes:
    """Rows without addresses, texts inside the cells, as EasyExcel and its like write them."""
    return bare_xlsx("".join(f"<row>{''.join(map(inline, row))}</row>" for row in (FIELDS, *PLAIN)))


def _shared(rows: Sequence[Row], change: tuple[str, str] = ("", "")) -> bytes:
    """A workbook as Excel and WPS save it, every text in the table of shared strings."""
    texts = sorted({str(value) for row in rows for value in row if value is not None})

    def cell(value: Any) -> str:
        return f'<c t="s"><v>{texts.index(str(value))}</v></c>' if value else "<c/>"

    sheet = "".join(f"<row>{''.join(map(cell, row))}</row>" for row in rows)
    return bare_xlsx(sheet, [f"<si><t>{text}</t></si>".replace(*change) for text in texts])


PRONOUNCED = (
    "<si><t>王家村东200米</t></si>",
    "<si><r><t>王家</t></r><r><rPr><b/></rPr><t>村东200米</t></r><rPh sb='0' eb='2'><t>wangjia</t></rPh></si>",
)


def _ods_merged() -> bytes:
    """A day and a patrol merged over three findings, one subject over two places."""
    blank = ods_covered()
    return ods(
        ods_row(ods_cell("青石镇2026年5月巡查台账", across=5), ods_covered(4))
        + ods_texts(*SHORT)
        + ods_row(
            ods_cell("2026年5月3日", down=3),
            ods_cell("王强、李敏", down=3),
            ods_cell("张三", down=2),
            ods_cell("王家村东头"),
            ods_cell("正在打地基"),
        )
        + ods_row(blank, blank, blank, ods_cell("王家村西头"), ods_cell("堆放砂石"))
        + ods_row(blank, blank, ods_cell("李四"), ods_cell("李庄村南"), ods_cell("正在建房"))
        + ods_row(ods_cell("2026年5月9日"), ods_cell("王强"), ods_cell("未发现违法行为", across=3), ods_covered(2))
    )


def _ods_repeated() -> bytes:
    """Equal neighbours stored once with a count, and a sheet padded to its last row."""
    return ods(
        ods_texts(*FIELDS)
        + ods_row(
            ods_cell("3/5/26", day="2026-05-03T09:30:00"),
            ods_cell("王强"),
            ods_cell(None, repeated=2),
            ods_cell("张三"),
            ods_cell("王家村东200米"),
            ods_cell("正在建房"),
            ods_cell("无", repeated=3),
        )
        + ods_row(ods_cell(None, repeated=1024), repeated=3)
        + ods_row(ods_cell("8/5/26", day="2026-05-08"), ods_cell("李敏"), ods_cell(None, repeated=4), ods_cell("无"))
        + ods_row(ods_cell(None, repeated=16384), repeated=1048000)
    )


def _page_spans() -> bytes:
    """A platform's page: a day over two rows, a negative over three columns."""
    head = "".join(f"<th>{name}</th>" for name in SHORT)
    rows = (
        f"<tr><td colspan=5>动态巡查台账&nbsp;（2026年5月）</td></tr><tr>{head}</tr>"
        "<tr><td rowspan=2>2026-05-03</td><td rowspan=2>王强<br>李敏</td><td>张三</td><td>王家村东200米</td><td>建房</td></tr>"
        "<tr><td>李四</td><td>李庄村南</td><td>挖沙</td></tr>"
        "<tr><td>2026-05-08</td><td>王强</td><td colspan=3>未发现违法行为</td></tr>"
    )
    return page(f"<table>{rows}</table>")


def _text_lines(separator: str) -> str:
    rows = (
        SHORT,
        ("2026-05-03", "王强、李敏", "张三", "王家村东200米", "正在建房"),
        ("2026-05-08", "王强", "", "", "无"),
    )
    return "\r\n".join(separator.join(row) for row in rows) + "\r\n"


def _macro() -> bytes:
    data = with_member(xlsx(*PLAIN), "xl/vbaProject.bin", lambda _: b"\xd0\xcf\x11\xe0macro")
    kind = b"application/vnd.openxmlformats-officedocument.spreadsheetml.sheet.main+xml"
    macro = b"application/vnd.ms-excel.sheet.macroEnabled.main+xml"
    return with_member(data, "[Content_Types].xml", lambda part: part.replace(kind, macro))


RARE = found("2026年5月3日", "㐱𠮷峰", "王家村䶮祠堂北👷旁")
TWO = (*CLERK, Finding("2026-05-03", "李四", "李庄村南"))

CASES = (
    _plain(
        "xlsb",
        "binary workbook, day as a serial without a format",
        sent(xlsb([FIELDS, found(46145, "张三", "王家村东200米"), nothing(46150)]), "5月台账.xlsb"),
    ),
    Case(
        "blind-format-xls-merged",
        "Excel 97 with merged title, merged days, day cells in a Chinese format",
        lambda: sent(fixture("blind-merged.xls"), "5月台账.xls"),
        (Finding("2026-05-03", "张三", "王家村东200米"), Finding("2026-05-03", "李四", "李庄村南")),
        effort=1,
        days=("2026-05-08",),
    ),
    _plain("xls-named-xlsx", "an old workbook renamed by hand", sent(fixture("blind-plain.xls"), "5月台账.xlsx")),
    _plain("xlsx-named-xls", "a new workbook renamed by hand", sent(xlsx(*PLAIN), "5月台账.xls")),
    Case(
        "blind-format-ods-merged",
        "OpenDocument with covered cells",
        lambda: sent(_ods_merged(), "5月台账.ods"),
        (
            Finding("2026-05-03", "张三", "王家村东头"),
            Finding("2026-05-03", "张三", "王家村西头"),
            Finding("2026-05-03", "李四", "李庄村南"),
        ),
        effort=1,
        days=("2026-05-09",),
    ),
    _plain(
        "ods-repeated",
        "OpenDocument with counted cells and a million counted blank rows",
        sent(_ods_repeated(), "5月台账.ods"),
    ),
    _plain(
        "csv-gbk-title",
        "GBK text below a title line",
        sent(
            csv(*PLAIN, encoding="gbk", head=FIELDS).replace(
                "巡查时间".encode("gbk"), "青石镇5月台账,,,,,,,,,\r\n巡查时间".encode("gbk"), 1
            ),
            "5月台账.csv",
        ),
    ),
    Case(
        "blind-format-csv-gb18030-rare",
        "four-byte characters and an emoji in GB18030",
        lambda: sent(csv(RARE, encoding="gb18030"), "5月台账.csv"),
        (Finding("2026-05-03", "㐱𠮷峰", "王家村䶮祠堂北👷旁"),),
    ),
    Case(
        "blind-format-xlsx-rare",
        "rare characters and an emoji in a workbook",
        lambda: sent(xlsx(RARE)),
        (Finding("2026-05-03", "㐱𠮷峰", "王家村䶮祠堂北👷旁"),),
    ),
    _plain(
        "csv-utf8-bom-semicolons",
        "semicolons for commas",
        sent(csv(*PLAIN, encoding="utf-8-sig", separator=";"), "5月台账.csv"),
    ),
    _plain(
        "csv-utf16-tabs",
        "Excel's Unicode text named .csv",
        sent(csv(*PLAIN, encoding="utf-16", separator="\t"), "5月台账.csv"),
    ),
    _plain(
        "csv-sep-line",
        "first line says sep=",
        sent(b"sep=;\r\n" + csv(*PLAIN, encoding="gbk", separator=";"), "5月台账.csv"),
    ),
    Case(
        "blind-format-csv-big5",
        "traditional characters in Big5",
        lambda: sent(
            csv(
                ["2026年5月3日", "王強", "張三", "王家村東200米", "正在建房"],
                ["2026年5月8日", "王強", "", "", "未發現違法行為"],
                encoding="big5",
                head=("巡查時間", "巡查人員", "違法主體", "違法地點", "違法現狀"),
            ),
            "5月台賬.csv",
        ),
        (Finding("2026-05-03", ("張三", "张三"), ("王家村東200米", "王家村东200米")),),
        effort=1,
        days=("2026-05-08",),
    ),
    _plain("tsv-gbk", "tabs in GBK", sent(csv(*PLAIN, encoding="gbk", separator="\t"), "5月台账.tsv")),
    _plain(
        "txt-fullwidth-commas", "a text typed by hand with Chinese commas", sent(_text_lines("，").encode(), "台账.txt")
    ),
    _plain(
        "txt-tabs-named-xls",
        "a platform's tab text under the name of a workbook",
        sent(_text_lines("\t").encode("gbk"), "export.xls"),
    ),
    Case(
        "blind-format-csv-newlines",
        "line breaks inside quoted cells",
        lambda: sent(
            csv(found("2026年5月3日", "张三", "王家村\n东200米", "正在建房\n已责令停工"), encoding="utf-8"),
            "5月台账.csv",
        ),
        CLERK,
    ),
    Case(
        "blind-format-html-xls",
        "a web page as .xls with spans and line breaks",
        lambda: sent(_page_spans(), "导出.xls"),
        TWO,
        effort=1,
        days=("2026-05-08",),
    ),
    _plain(
        "html-utf8-wrong-charset",
        "a web page that says gb2312 and is UTF-8 with a mark",
        sent(b"\xef\xbb\xbf" + page(page_table([FIELDS, *PLAIN]), encoding="utf-8"), "导出.xls"),
    ),
    _plain(
        "excel-2003-xml",
        "an XML Spreadsheet 2003 under the name .xls",
        sent(
            excel_xml(
                [FIELDS, found("2026-05-03T00:00:00.000", "张三", "王家村东200米"), nothing("2026-05-08T00:00:00.000")]
            ),
            "导出.xls",
        ),
    ),
    _plain("strict", "strict Open XML", sent(_strict())),
    _plain("bare-cells", "cells without addresses, texts in the cells", sent(_bare())),
    _plain("shared-strings", "texts in the table of shared strings", sent(_shared([FIELDS, *PLAIN]))),
    _plain("phonetic", "formatted runs and a stored pronunciation", sent(_shared([FIELDS, *PLAIN], PRONOUNCED))),
    _plain("macro", "a macro beside the values", sent(_macro(), "5月台账.xlsm")),
    _plain("template", "saved as a template", sent(xlsx(*PLAIN), "5月台账.xltx")),
    _plain(
        "capital-extension",
        "extension in capitals, blanks in the name",
        sent(xlsx(*PLAIN), "青石镇 5月台账（定稿） .XLSX"),
    ),
    _plain("subfolder", "a month's folder below the unit's", {f"{UNIT}/2026年5月/巡查/台账.xlsx": xlsx(*PLAIN)}),
    _plain(
        "escapes",
        "carriage returns as _x000D_, hard blanks, tabs",
        sent(xlsx(found("2026年5月3日_x000D_", "张\u00a0三", "王家村东\u3000200米\t"), nothing("2026年5月8日"))),
    ),
    _plain(
        "real-days",
        "true day cells with a time",
        sent(xlsx(found(datetime(2026, 5, 3, 9, 30), "张三", "王家村东200米"), nothing(datetime(2026, 5, 8, 16, 5)))),
    ),
    Case(
        "blind-format-formula-cached",
        "values of formulas that the file stores",
        lambda: sent(
            bare_xlsx(
                "<row>" + "".join(map(inline, SHORT)) + "</row><row>"
                '<c r="A2"><f>DATE(2026,5,3)</f><v>46145</v></c>'
                + inline("王强", "B2")
                + '<c r="C2" t="str"><f>"张"&amp;"三"</f><v>张三</v></c>'
                + inline("王家村东200米", "D2")
                + inline("建房", "E2")
                + "</row>"
            )
        ),
        CLERK,
    ),
    Case(
        "blind-format-formula-uncached",
        "a subject that is a formula whose result was never stored",
        lambda: sent(book({"台账": [SHORT, ["2026年5月3日", "王强", "=G2&H2", "王家村东200米", "建房"]]})),
        (Finding("2026-05-03", None, "王家村东200米"),),
        files={f"{UNIT}/5月台账.xlsx": "unsaved"},
        never=("G2",),
    ),
    Case(
        "blind-format-error-cells",
        "#REF! and #N/A in cells",
        lambda: sent(
            bare_xlsx(
                "<row>"
                + "".join(map(inline, SHORT))
                + '</row><row><c r="A2" t="e"><v>#VALUE!</v></c>'
                + inline("王强", "B2")
                + inline("张三", "C2")
                + inline("王家村东200米", "D2")
                + inline("建房", "E2")
                + "</row><row>"
                + inline("2026年5月6日", "A3")
                + inline("王强", "B3")
                + '<c r="C3" t="e"><v>#REF!</v></c>'
                + inline("李庄村南", "D3")
                + inline("挖沙", "E3")
                + "</row>"
            )
        ),
        (Finding(None, "张三", "王家村东200米"), Finding("2026-05-06", None, "李庄村南")),
        rows=("date",),
        never=("#",),
    ),
    Case(
        "blind-format-marks-first",
        "cells that begin with = + - @ as text",
        lambda: sent(
            csv(
                filled(巡查时间="2026年5月3日", 违法项目主体或名称="@张三", 违法地点="+王家村东头", 违法现状="=建房"),
                filled(巡查时间="2026年5月4日", 违法项目主体或名称="李四", 违法地点="-李庄村南", 违法现状="@挖沙"),
                encoding="gbk",
            ),
            "5月台账.csv",
        ),
        (
            Finding("2026-05-03", ("@张三", "张三"), ("+王家村东头", "王家村东头")),
            Finding("2026-05-04", "李四", ("-李庄村南", "李庄村南")),
        ),
    ),
    Case(
        "blind-format-short-heads",
        "aliases of the headings",
        lambda: sent(
            xlsx(
                ["5月3日", "王强", "线路一", "张三", "王家村东200米", "建房", "停工"],
                ["5月8日", "王强", "线路二", "", "", "无", ""],
                head=("日期", "巡查人", "线路", "当事人", "位置", "情况", "处理意见"),
            ),
            "青石镇2026年5月巡查.xlsx",
        ),
        CLERK,
        effort=1,
        days=("2026-05-08",),
    ),
)
