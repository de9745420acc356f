"""What the workbook reader leaves out of ODF spreadsheets: how far their content reaches, and their merged cells."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from typing import IO
from xml.etree import ElementTree

_TABLE = "{urn:oasis:names:tc:opendocument:xmlns:table:1.0}"
_CONTENT = "content.xml"
_MOST_SPANNED = 100_000

Range = tuple[int, int, int, int]


def odf_extent(stream: IO[bytes]) -> tuple[int, int]:
    """Largest sheet of an ODF document in rows and columns with content, with all repetitions written out."""
    largest, area = 0, (0, 0)
    columns = 0
    sheet = ""
    for name, last, row in _rows(stream):
        columns = columns if name == sheet else 0
        sheet = name
        width = reach = 0
        for cell in row:
            reach += _number(cell, "number-columns-repeated")
            width = reach if len(cell) or cell.text else width
        columns = max(columns, width)
        if width and last * columns > largest:
            largest, area = last * columns, (last, columns)
    return area


def odf_merges(content: bytes) -> dict[str, tuple[Range, ...]]:
    """Merged ranges (top, left, bottom, right; closed, from 1) by sheet of an ODF spreadsheet; empty for other files.

    The content must have been checked for size and entities before.
    """
    if not content.startswith(b"PK"):
        return {}
    found: dict[str, list[Range]] = {}
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        if _CONTENT not in archive.namelist():
            return {}
        with archive.open(_CONTENT) as stream:
            for name, last, row in _rows(stream):
                top = last - _number(row, "number-rows-repeated") + 1
                left = 1
                for cell in row:
                    down, across = _number(cell, "number-rows-spanned"), _number(cell, "number-columns-spanned")
                    if 1 < down * across <= _MOST_SPANNED:
                        found.setdefault(name, []).append((top, left, top + down - 1, left + across - 1))
                    left += _number(cell, "number-columns-repeated")
    return {name: tuple(ranges) for name, ranges in found.items()}


def _rows(stream: IO[bytes]) -> Iterator[tuple[str, int, ElementTree.Element]]:
    """Every row element with its sheet's name and the number of its last repetition."""
    name, rows = "", 0
    for event, element in ElementTree.iterparse(stream, events=("start", "end")):
        if event == "start":
            if element.tag == f"{_TABLE}table":
                name, rows = element.get(f"{_TABLE}name", ""), 0
            continue
        if element.tag == f"{_TABLE}table-row":
            rows += _number(element, "number-rows-repeated")
            yield name, rows, element
            element.clear()


def _number(element: ElementTree.Element, attribute: str) -> int:
    value = element.get(f"{_TABLE}{attribute}", "1")
    return int(value) if value.isdigit() and 0 < len(value) < 10 else 1
