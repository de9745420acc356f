"""Small office documents drawn by hand, for the readers' tests."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Mapping
from datetime import date
from pathlib import Path

import openpyxl

from pipeline.ledger.sheets import RawSheet
from pipeline.sources.ledger_files import LedgerDelivery, read_ledger_files
from pipeline.sources.ledger_rules import ledger_field_rules
from pipeline.sources.unit_folders import UnitFile

WORDS = tuple(word for words in ledger_field_rules(date(2026, 10, 31)).fields.values() for word in words)
XLS = Path(__file__).parent / "data" / "ledger.xls"
ODS_KIND = "application/vnd.oasis.opendocument.spreadsheet"
_ODS = (
    '<office:document-content xmlns:office="urn:oasis:names:tc:opendocument:xmlns:office:1.0" '
    'xmlns:table="urn:oasis:names:tc:opendocument:xmlns:table:1.0" '
    'xmlns:text="urn:oasis:names:tc:opendocument:xmlns:text:1.0"><office:body><office:spreadsheet>'
    '<table:table table:name="九月">{rows}</table:table></office:spreadsheet></office:body></office:document-content>'
)
_W = "http://schemas.openxmlformats.org/wordprocessingml/2006/main"
_TYPES = (
    '<Types xmlns="http://schemas.openxmlformats.org/package/2006/content-types">'
    '<Default Extension="rels" ContentType="application/vnd.openxmlformats-package.relationships+xml"/>'
    '<Override PartName="/word/document.xml" ContentType='
    '"application/vnd.openxmlformats-officedocument.wordprocessingml.document.main+xml"/></Types>'
)
_RELATIONS = (
    '<Relationships xmlns="http://schemas.openxmlformats.org/package/2006/relationships"><Relationship Id="r1" '
    'Type="http://schemas.openxmlformats.org/officeDocument/2006/relationships/officeDocument" '
    'Target="word/document.xml"/></Relationships>'
)


def zipped(members: Mapping[str, str | bytes]) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name, content)
    return stream.getvalue()


def xlsx(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def saved(content: bytes, day: str) -> bytes:
    """A document with another day of last saving in its properties."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    core = members["docProps/core.xml"].decode("utf-8")
    members["docProps/core.xml"] = re.sub(r"(modified [^>]*>)[\d-]{10}", rf"\g<1>{day}", core).encode()
    return zipped(members)


def ods(rows: str) -> bytes:
    manifest = (
        '<manifest:manifest xmlns:manifest="urn:oasis:names:tc:opendocument:xmlns:manifest:1.0">'
        f'<manifest:file-entry manifest:full-path="/" manifest:media-type="{ODS_KIND}"/></manifest:manifest>'
    )
    meta = "<meta><dc:date>2026-10-02T08:00:00</dc:date></meta>"
    content = _ODS.format(rows=rows)
    return zipped(
        {"mimetype": ODS_KIND, "META-INF/manifest.xml": manifest, "meta.xml": meta, "content.xml": content}
    )  # fmt: skip


def ods_row(*cells: str, repeat: int = 1) -> str:
    drawn = "".join(
        f'<table:table-cell office:value-type="string"><text:p>{c}</text:p></table:table-cell>' for c in cells
    )
    return f'<table:table-row table:number-rows-repeated="{repeat}">{drawn}</table:table-row>'


def docx(body: str) -> bytes:
    document = f'<?xml version="1.0" encoding="UTF-8"?><w:document xmlns:w="{_W}"><w:body>{body}</w:body></w:document>'
    return zipped({"[Content_Types].xml": _TYPES, "_rels/.rels": _RELATIONS, "word/document.xml": document})


def w_p(text: str) -> str:
    return f"<w:p><w:r><w:t>{text}</w:t></w:r></w:p>" if text else "<w:p/>"


def w_cell(text: str, properties: str = "") -> str:
    return f"<w:tc><w:tcPr>{properties}</w:tcPr>{w_p(text)}</w:tc>"


def w_table(*rows: tuple[str, ...]) -> str:
    """Rows of texts; a text that begins with ``<`` is taken as a cell's own XML."""
    lines = ("".join(cell if cell.startswith("<") else w_cell(cell) for cell in row) for row in rows)
    return f"<w:tbl>{''.join(f'<w:tr>{line}</w:tr>' for line in lines)}</w:tbl>"


def delivered(
    folder: Path, files: Mapping[str, bytes], *, max_unpacked_mb: float = 20.0, max_cells: int = 100_000
) -> LedgerDelivery:
    """What the reader makes of files written into one unit's folder."""
    folder.mkdir(parents=True, exist_ok=True)
    found = []
    for name, content in files.items():
        (folder / name).write_bytes(content)
        found.append(UnitFile("U1", folder / name, f"ledgers/王庄镇/{name}"))
    return read_ledger_files(found, words=WORDS, max_unpacked_mb=max_unpacked_mb, max_cells=max_cells)


def cells(sheet: RawSheet) -> list[list[str]]:
    return [["" if value is None else str(value) for value in row] for row in sheet.rows]
