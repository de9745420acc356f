"""Builders of the forms that the first set has none of: OpenDocument and binary workbooks, Excel's XML, pages as .xls."""

from __future__ import annotations

import struct
from collections.abc import Sequence
from typing import Any
from xml.sax.saxutils import escape

from tests.ledger.torture.case import UNIT, Files
from tests.ledger.torture.kit import FIELDS, Row, zipped

ODS = "application/vnd.oasis.opendocument.spreadsheet"
OFFICE = "urn:oasis:names:tc:opendocument:xmlns:"
SHORT = ("巡查时间", "巡查人员", "违法项目主体或名称", "违法地点", "违法现状")
PACKAGE = "http://schemas.openxmlformats.org/"


def sent(data: bytes, name: str = "5月台账.xlsx") -> Files:
    """One file of the unit."""
    return {f"{UNIT}/{name}": data}


def filled(**cells: Any) -> list[Any]:
    """A row of the ten fields from named cells, the others blank."""
    return [cells.get(name) for name in FIELDS]


def ods(rows: str, sheet: str = "台账", doctype: str = "") -> bytes:
    """An OpenDocument workbook of one sheet whose rows are given as table XML."""
    names = " ".join(f'xmlns:{short}="{OFFICE}{short}:1.0"' for short in ("office", "table", "text"))
    content = (
        f'<?xml version="1.0" encoding="UTF-8"?>{doctype}<office:document-content {names} office:version="1.2">'
        f'<office:body><office:spreadsheet><table:table table:name="{sheet}"><table:table-column/>{rows}'
        "</table:table></office:spreadsheet></office:body></office:document-content>"
    )
    manifest = (
        f'<manifest:manifest xmlns:manifest="{OFFICE}manifest:1.0"><manifest:file-entry manifest:full-path="/" '
        f'manifest:media-type="{ODS}"/><manifest:file-entry manifest:full-path="content.xml" '
        'manifest:media-type="text/xml"/></manifest:manifest>'
    )
    return zipped(
        {"mimetype": ODS.encode(), "content.xml": content.encode(), "META-INF/manifest.xml": manifest.encode()}
    )


def ods_row(*cells: str, repeated: int = 1) -> str:
    """A row of OpenDocument cells."""
    times = f' table:number-rows-repeated="{repeated}"' if repeated > 1 else ""
    return f"<table:table-row{times}>{''.join(cells)}</table:table-row>"


def ods_cell(text: str | None, *, down: int = 1, across: int = 1, repeated: int = 1, day: str = "") -> str:
    """A cell of text (None: empty), spanning rows or columns, repeated to the right, or a day as ODF stores it."""
    marks = f' table:number-rows-spanned="{down}" table:number-columns-spanned="{across}"' if down * across > 1 else ""
    marks += f' table:number-columns-repeated="{repeated}"' if repeated > 1 else ""
    if text is None:
        return f"<table:table-cell{marks}/>"
    kind = f'office:value-type="date" office:date-value="{day}"' if day else 'office:value-type="string"'
    return f"<table:table-cell{marks} {kind}><text:p>{escape(text)}</text:p></table:table-cell>"


def ods_covered(repeated: int = 1) -> str:
    """A cell under a merged one."""
    times = f' table:number-columns-repeated="{repeated}"' if repeated > 1 else ""
    return f"<table:covered-table-cell{times}/>"


def ods_texts(*cells: str | None) -> str:
    """A row of plain text cells."""
    return ods_row(*map(ods_cell, cells))


def page(body: str, charset: str = "gb2312", encoding: str = "gb18030") -> bytes:
    """A web page as provincial platforms export it under the name of a workbook."""
    return (
        '<html xmlns:x="urn:schemas-microsoft-com:office:excel"><head><meta http-equiv="Content-Type" '
        f'content="text/html; charset={charset}"><style>td{{mso-number-format:"\\@"}}</style></head>'
        f"<body>{body}</body></html>"
    ).encode(encoding)


def page_table(rows: Sequence[Row]) -> str:
    """An HTML table."""
    cells = ("".join(f"<td>{escape(str(cell or ''))}</td>" for cell in row) for row in rows)
    return "<table border=1>" + "".join(f"<tr>{line}</tr>" for line in cells) + "</table>"


def excel_xml(rows: Sequence[Row]) -> bytes:
    """An "XML Spreadsheet 2003", which many platforms save as .xls; cells of the kind DateTime start with 20..T."""
    urn = "urn:schemas-microsoft-com:office:spreadsheet"

    def cell(value: Any) -> str:
        text = "" if value is None else str(value)
        kind = "DateTime" if text.startswith("20") and "T" in text else "String"
        return f'<Cell><Data ss:Type="{kind}">{escape(text)}</Data></Cell>'

    body = "".join(f"<Row>{''.join(map(cell, row))}</Row>" for row in rows)
    return (
        '<?xml version="1.0" encoding="UTF-8"?><?mso-application progid="Excel.Sheet"?>'
        f'<Workbook xmlns="{urn}" xmlns:ss="{urn}"><Worksheet ss:Name="台账"><Table>{body}</Table></Worksheet></Workbook>'
    ).encode()


def bare_xlsx(sheet_data: str, shared: Sequence[str] = ()) -> bytes:
    """A workbook as exporting platforms write it: one sheet, no styles; `sheet_data` and `shared` strings as XML."""
    main = f"{PACKAGE}spreadsheetml/2006/main"
    relations = f"{PACKAGE}officeDocument/2006/relationships"
    link = '<Relationship Id="rId1" Type="{}/{}" Target="{}"/>'
    links = '<?xml version="1.0"?><Relationships xmlns="' + PACKAGE + 'package/2006/relationships">{}</Relationships>'
    kind = "application/vnd.openxmlformats-officedocument.spreadsheetml"
    types = (
        f'<?xml version="1.0"?><Types xmlns="{PACKAGE}package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Override PartName="/xl/workbook.xml" ContentType="{kind}.sheet.main+xml"/>'
        f'<Override PartName="/xl/sharedStrings.xml" ContentType="{kind}.sharedStrings+xml"/>'
        f'<Override PartName="/xl/worksheets/sheet1.xml" ContentType="{kind}.worksheet+xml"/></Types>'
    )
    strings = f'<?xml version="1.0"?><sst xmlns="{main}">{"".join(shared)}</sst>'
    both = link.format(relations, "worksheet", "worksheets/sheet1.xml") + link.format(
        relations, "sharedStrings", "sharedStrings.xml"
    ).replace("rId1", "rId2")
    book = (
        f'<?xml version="1.0"?><workbook xmlns="{main}" xmlns:r="{relations}">'
        '<sheets><sheet name="台账" sheetId="1" r:id="rId1"/></sheets></workbook>'
    )
    sheet = f'<?xml version="1.0" encoding="UTF-8"?><worksheet xmlns="{main}"><sheetData>{sheet_data}</sheetData></worksheet>'
    return zipped(
        {
            "[Content_Types].xml": types.encode(),
            "_rels/.rels": links.format(link.format(relations, "officeDocument", "xl/workbook.xml")).encode(),
            "xl/workbook.xml": book.encode(),
            "xl/_rels/workbook.xml.rels": links.format(both).encode(),
            "xl/worksheets/sheet1.xml": sheet.encode(),
            "xl/sharedStrings.xml": strings.encode(),
        }
    )


def inline(value: Any, at: str = "") -> str:
    """A cell that holds its own text, with or without an address."""
    where = f' r="{at}"' if at else ""
    return f'<c{where} t="inlineStr"><is><t>{escape("" if value is None else str(value))}</t></is></c>'


def xlsb(rows: Sequence[Row]) -> bytes:
    """A binary workbook (BIFF12) of one sheet of texts and numbers."""

    def record(kind: int, data: bytes = b"") -> bytes:
        size, length = b"", len(data)
        while True:
            size += bytes([length & 0x7F | (0x80 if length > 0x7F else 0)])
            length >>= 7
            if not length:
                break
        head = bytes([kind]) if kind < 0x80 else bytes([kind & 0x7F | 0x80, kind >> 7])
        return head + size + data

    def wide(text: str) -> bytes:
        return struct.pack("<I", len(text)) + text.encode("utf-16-le")

    def cell(column: int, value: Any) -> bytes:
        place = struct.pack("<II", column, 0)
        if value is None:
            return record(1, place)
        if isinstance(value, int | float):
            return record(5, place + struct.pack("<d", value))
        return record(6, place + wide(str(value)))

    width = max(map(len, rows))
    body = record(129) + record(148, struct.pack("<IIII", 0, len(rows) - 1, 0, width - 1)) + record(145)
    for at, row in enumerate(rows):
        body += record(0, struct.pack("<IIHHBI", at, 0, 300, 0, 0, 1) + struct.pack("<II", 0, width - 1))
        body += b"".join(cell(column, value) for column, value in enumerate(row))
    body += record(146) + record(130)
    book = record(131) + record(143) + record(156, struct.pack("<II", 0, 1) + wide("rId1") + wide("台账"))
    book += record(144) + record(132)
    kind = "application/vnd.ms-excel"
    links = '<?xml version="1.0"?><Relationships xmlns="' + PACKAGE + 'package/2006/relationships">{}</Relationships>'
    link = '<Relationship Id="rId1" Type="' + PACKAGE + 'officeDocument/2006/relationships/{}" Target="{}"/>'
    types = (
        f'<?xml version="1.0"?><Types xmlns="{PACKAGE}package/2006/content-types">'
        '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
        f'<Default Extension="bin" ContentType="{kind}.sheet.binary.macroEnabled.main"/>'
        f'<Override PartName="/xl/worksheets/sheet1.bin" ContentType="{kind}.worksheet"/></Types>'
    )
    return zipped(
        {
            "[Content_Types].xml": types.encode(),
            "_rels/.rels": links.format(link.format("officeDocument", "xl/workbook.bin")).encode(),
            "xl/workbook.bin": book,
            "xl/_rels/workbook.bin.rels": links.format(link.format("worksheet", "worksheets/sheet1.bin")).encode(),
            "xl/worksheets/sheet1.bin": body,
        }
    )
