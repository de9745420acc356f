"""Excel and ODF ledgers to raw worksheets."""

from __future__ import annotations

import html
import io
import re
import struct
import zipfile
from collections.abc import Iterator, Sequence
from datetime import date, datetime
from typing import IO, Any
from xml.etree import ElementTree

import python_calamine

from pipeline.errors import InputError
from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.sheets import RawSheet
from pipeline.sources.blank_cells import without_blank_cells
from pipeline.sources.file_kinds import OLE_MAGIC, UNZIPPING
from pipeline.sources.odf_sheets import odf_extent, odf_merges

_ROW_OR_CELL = re.compile(rb"<(?:\w+:)?(row|c)(?:\s[^>]*)?>")
_ADDRESS = re.compile(rb"""\sr=["']([A-Z]{0,3})(\d{1,7})["']""")
# a formula cell with nothing stored beside it; an empty text result (t="str") is a stored one
_UNSTORED = re.compile(
    rb'<(?P<ns>(?:\w+:)?)c\s(?![^>]*t="str")[^>]*>\s*<(?P=ns)f(?:\s[^>]*)?(?:/>|>[^<]*</(?P=ns)f>)\s*'
    rb"(?:<(?P=ns)v\s*/>|<(?P=ns)v>\s*</(?P=ns)v>)?\s*</(?P=ns)c>"
)
_ERROR = re.compile(rb'<(?:\w+:)?c\s[^>]*t="e"[^>]*>')
_PLACE = re.compile(rb'r="([A-Z]{1,3})(\d{1,7})"')
_SHEET_PARTS = ("xl/worksheets/", "content.xml")
_SAVE_AS = "请用Excel或WPS打开后另存为不加密的.xlsx工作簿"


def read_workbook(
    content: bytes, *, unit_id: str, file: str, max_unpacked_mb: float, max_cells: int
) -> tuple[RawSheet, ...]:
    """All worksheets of an Excel (xlsx, xlsm, xlsb, xls) or ODF workbook, hidden ones too.

    Values only: formulas and macros are never run. ``file``: how the file is named in the tables, path below the city
    folder. Raises InputError E501 for a damaged or password-protected file, and for one that unpacks to more than
    ``max_unpacked_mb`` or spans more than ``max_cells`` cells (a zip bomb, or a cell at the far end of the sheet).
    """
    if content.startswith(OLE_MAGIC):
        if len(content) > max_unpacked_mb * 1e6:
            raise InputError("E501", f"{file}：超过{max_unpacked_mb:g}MB", _SAVE_AS)
    else:
        check_unpacked(content, file, max_unpacked_mb)
        if any(rows * columns > max_cells for _, rows, columns in _extents(content, file)):
            content = without_blank_cells(content)
        _check_extent(content, file, max_cells)
    try:
        with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            kinds = {sheet.name: sheet.typ for sheet in book.sheets_metadata}
            names = [n for n in book.sheet_names if kinds[n] == python_calamine.SheetTypeEnum.WorkSheet]
            unknown = _unknown_cells(content)
            merged = odf_merges(content)
            return tuple(
                _sheet(book.get_sheet_by_name(name), unit_id, file, unknown.get(name, frozenset()), merged.get(name))
                for name in names
            )
    except python_calamine.PasswordError as problem:
        raise InputError("E501", f"{file}：已加密，需要密码", _SAVE_AS) from problem
    except (python_calamine.CalamineError, OSError, ValueError) as problem:
        raise InputError("E501", f"{file}：不是可读的工作簿，可能已损坏（{problem}）", _SAVE_AS) from problem


def _check_extent(content: bytes, file: str, max_cells: int) -> None:
    """Before any reader sees the file: how far each sheet's content reaches."""
    for member, rows, columns in _extents(content, file):
        if columns * rows > max_cells:
            raise InputError("E501", f"{file}：{member}跨{rows}行{columns}列，过大", _SAVE_AS)


def _extents(content: bytes, file: str) -> Iterator[tuple[str, int, int]]:
    """Every sheet's part with its last row and column that hold something."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        for member in sorted(archive.namelist()):
            if not member.startswith(_SHEET_PARTS):
                continue
            with archive.open(member) as stream:
                extent = _binary_extent if member.endswith(".bin") else _extent
                if member == "content.xml":
                    extent = odf_extent
                try:
                    rows, columns = extent(stream)
                except (ElementTree.ParseError, struct.error) as problem:
                    raise InputError("E501", f"{file}：{member}已损坏（{problem}）", _SAVE_AS) from problem
            yield member, rows, columns


def check_unpacked(content: bytes, file: str, max_unpacked_mb: float) -> None:
    """Raise InputError E501 where a zipped document is damaged, protected, or unpacks to more than ``max_unpacked_mb``."""
    left = int(max_unpacked_mb * 1e6)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in sorted(archive.namelist()):
                with archive.open(member) as stream:
                    head = stream.read(1 << 16)
                    left -= len(head)
                    if _declares_entities(head):
                        why = f"{file}：{member}含DTD实体声明，不安全"
                        raise InputError("E501", why, _SAVE_AS)
                    while piece := stream.read(1 << 20):
                        left -= len(piece)
                        if left < 0:
                            raise InputError("E501", f"{file}：解压后超过{max_unpacked_mb:g}MB", _SAVE_AS)
    except UNZIPPING as problem:
        raise InputError("E501", f"{file}：不是可读的工作簿（{problem}）", _SAVE_AS) from problem


def _declares_entities(head: bytes) -> bool:
    """True for XML with a document type before its first element: Office and ODF forbid it, bombs and spies need it."""
    text = head.replace(b"\x00", b"")
    first = re.search(rb"<[A-Za-z]", text)
    return text.lstrip(b"\xef\xbb\xbf\xff\xfe \r\n\t").startswith(b"<") and b"<!DOCTYPE" in (
        text[: first.start()] if first else text
    )


def _extent(stream: IO[bytes]) -> tuple[int, int]:
    """Last row and column with content of an xlsx sheet; cells that are only formatted do not count.

    Rows and cells without an address of their own follow the one before.
    """
    columns = rows = row = column = 0
    rest = b""
    while piece := stream.read(1 << 20):
        whole, end, rest = (rest + piece).rpartition(b">")
        for match in _ROW_OR_CELL.finditer(whole + end):
            address = _ADDRESS.search(match[0])
            if match[1] == b"row":
                row, column = int(address[2]) if address and not address[1] else row + 1, 0
                continue
            column = _column(address[1]) if address and address[1] else column + 1
            row = int(address[2]) if address and address[1] else row
            if not match[0].endswith(b"/>"):
                columns, rows = max(columns, column), max(rows, row)
    return rows, columns


def _binary_extent(stream: IO[bytes]) -> tuple[int, int]:
    """Last row and column with content of an xlsb sheet.

    Records of [MS-XLSB] 2.1.4: id of one or two bytes, size of one to four, content; BrtRowHdr (0) begins with its row,
    cells with a value (2..11) with their column, both unsigned 32 bit.
    """
    columns = rows = row = 0
    while first := stream.read(1):
        record = first[0]
        if record & 0x80:
            record = record & 0x7F | (stream.read(1) or b"\0")[0] << 7
        size = 0
        for shift in (0, 7, 14, 21):
            part = (stream.read(1) or b"\0")[0]
            size |= (part & 0x7F) << shift
            if not part & 0x80:
                break
        body = stream.read(size)
        if record == 0:
            row = struct.unpack_from("<I", body)[0] + 1
        elif 2 <= record <= 11:
            columns, rows = max(columns, struct.unpack_from("<I", body)[0] + 1), max(rows, row)
    return rows, columns


def unstored_formulas(content: bytes) -> int:
    """How many formula cells of a readable workbook hold no result, so that they read as empty."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [name for name in archive.namelist() if name.startswith("xl/worksheets/") and name.endswith(".xml")]
        return sum(sum(1 for _ in _UNSTORED.finditer(archive.read(name))) for name in members)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _unknown_cells(content: bytes) -> dict[str, frozenset[tuple[int, int]]]:
    """Cells (row, column, from 1) by sheet of an xlsx that read as empty but are not: errors, formulas without result."""
    if content.startswith(OLE_MAGIC):
        return {}
    found: dict[str, frozenset[tuple[int, int]]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = set(archive.namelist())
        if not {"xl/workbook.xml", "xl/_rels/workbook.xml.rels"} <= members:
            return {}
        targets = dict(_attributes(archive.read("xl/_rels/workbook.xml.rels"), b"Relationship", "Id", "Target"))
        for name, relation in _attributes(archive.read("xl/workbook.xml"), b"sheet", "name", "r:id"):
            part = targets.get(relation, "").lstrip("/")
            part = part if part.startswith("xl/") else f"xl/{part}"
            if part in members and part.endswith(".xml"):
                cells = [m[0] for pattern in (_UNSTORED, _ERROR) for m in pattern.finditer(archive.read(part))]
                places = [place for place in map(_PLACE.search, cells) if place]
                found[name] = frozenset((int(place[2]), _column(place[1])) for place in places)
    return found


def _attributes(content: bytes, tag: bytes, first: str, second: str) -> list[tuple[str, str]]:
    """Two attributes of every element of a name, in a part that Office writes; entities resolved."""
    pairs = []
    for element in re.findall(rb"<(?:\w+:)?" + tag + rb"\s[^>]*>", content):
        told = dict(re.findall(r'([\w:]+)="([^"]*)"', element.decode("utf-8", "replace")))
        pairs.append((html.unescape(told.get(first, "")), html.unescape(told.get(second, ""))))
    return pairs


def _sheet(
    sheet: Any,
    unit_id: str,
    file: str,
    unknown: frozenset[tuple[int, int]],
    ranges_of_odf: Sequence[tuple[int, int, int, int]] | None,
) -> RawSheet:
    start = sheet.start or (0, 0)
    rows = tuple(tuple(_value(value) for value in row) for row in sheet.to_python(skip_empty_area=True))
    ranges = sheet.merged_cell_ranges or ()
    merged = tuple((top + 1, left + 1, bottom + 1, right + 1) for (top, left), (bottom, right) in ranges)
    merged = merged or tuple(ranges_of_odf or ())
    return RawSheet(unit_id, file, sheet.name, rows, start[0] + 1, start[1] + 1, tuple(sorted(merged)), unknown)


def _value(value: Any) -> CellValue:
    """A cell's plain value; times of day and durations become text, blanks None."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return value if isinstance(value, str | int | float | bool | date | datetime) else str(value)
