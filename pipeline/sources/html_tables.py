"""Tables of web pages, which office systems export under the name .xls, to raw worksheets."""

from __future__ import annotations

import re
from collections.abc import Collection
from dataclasses import dataclass, field
from html.parser import HTMLParser

from pipeline.errors import InputError
from pipeline.ledger.sheets import RawSheet
from pipeline.sources.text_tables import decode_text

_SAVE_AS = "请用Excel或WPS打开后另存为.xlsx工作簿"
_CHARSET = re.compile(rb"""charset\s*=\s*["']?\s*([\w-]{3,20})""", re.IGNORECASE)
_HIDDEN = ("style", "script", "head", "title")
_BREAKS = ("br", "p", "div", "li")
_WIDEST_SPAN = 1000


@dataclass
class _Table:
    titles: list[str]
    rows: list[dict[int, str]] = field(default_factory=list)
    merged: list[tuple[int, int, int, int]] = field(default_factory=list)
    covered: dict[int, int] = field(default_factory=dict)


class _Reader(HTMLParser):
    """Collects outermost tables: cells at their column, spans as merged ranges, text before a table as its titles."""

    def __init__(self, file: str, max_cells: int) -> None:
        super().__init__(convert_charrefs=True)
        self.file, self.left = file, max_cells
        self.tables: list[_Table] = []
        self.depth = self.hidden = 0
        self.text: list[str] = []
        self.titles: list[str] = []
        self.cell: tuple[int, int, int] | None = None

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if tag in _HIDDEN:
            self.hidden += 1
        elif tag == "table":
            self.depth += 1
            if self.depth == 1:
                self._paragraph()
                self.tables.append(_Table(self.titles))
                self.titles = []
        elif self.depth == 1 and tag == "tr":
            self._close_cell()
            self._next_row()
        elif self.depth == 1 and tag in ("td", "th"):
            self._close_cell()
            self._open_cell(dict(attrs))
        elif tag in _BREAKS:
            self._break()

    def handle_endtag(self, tag: str) -> None:
        if tag in _HIDDEN:
            self.hidden = max(self.hidden - 1, 0)
        elif tag == "table" and self.depth:
            if self.depth == 1:
                self._close_cell()
            self.depth -= 1
        elif self.depth == 1 and tag in ("td", "th", "tr"):
            self._close_cell()
        elif tag in (*_BREAKS, "caption", "h1", "h2", "h3", "h4"):
            self._break()

    def handle_data(self, data: str) -> None:
        if not self.hidden and (self.depth == 0 or self.cell is not None):
            self.text.append(re.sub(r"\s+", " ", data))

    def _break(self) -> None:
        if self.depth == 0:
            self._paragraph()
        elif self.cell is not None:
            self.text.append("\n")

    def _paragraph(self) -> None:
        text = "".join(self.text).strip()
        if text:
            self.titles.append(text)
        self.text = []

    def _next_row(self) -> None:
        table = self.tables[-1]
        table.rows.append({})
        table.covered = {column: rows - 1 for column, rows in table.covered.items() if rows > 1}

    def _open_cell(self, attrs: dict[str, str | None]) -> None:
        table = self.tables[-1]
        if not table.rows:
            self._next_row()
        row, column = table.rows[-1], 0
        while column in row or column in table.covered:
            column += 1
        down, across = _span(attrs.get("rowspan")), _span(attrs.get("colspan"))
        self.left -= across
        if self.left < 0:
            raise InputError("E501", f"{self.file}：表格单元格过多", _SAVE_AS)
        row.update({column + step: "" for step in range(across)})
        if down > 1:
            table.covered.update({column + step: down for step in range(across)})
        if down > 1 or across > 1:
            number = len(table.rows)
            table.merged.append((number, column + 1, number + down - 1, column + across))
        self.cell, self.text = (column, down, across), []

    def _close_cell(self) -> None:
        if self.cell is not None:
            lines = (line.strip() for line in "".join(self.text).split("\n"))
            self.tables[-1].rows[-1][self.cell[0]] = "\n".join(line for line in lines if line)
        self.cell, self.text = None, []


def _span(value: str | None) -> int:
    return min(max(int(value), 1), _WIDEST_SPAN) if value and value.strip().isdigit() else 1


def read_html_tables(
    content: bytes, *, unit_id: str, file: str, words: Collection[str], max_cells: int
) -> tuple[tuple[RawSheet, ...], str]:
    """All outermost tables of a page in their order, named 表1, 表2, and how it was read; all cells are text.

    The page's own charset is believed where it decodes, else the encoding is told by evidence (``words``: headings of
    ledgers). Nothing of a page is run or fetched. Raises InputError E501 for no text or more than ``max_cells`` cells.
    """
    declared = _CHARSET.search(content[:4096])
    text, how = None, ""
    if declared is not None:
        name = declared[1].decode("ascii").lower()
        name = "gb18030" if name.startswith("gb") else name
        try:
            text, how = content.decode(name), f"编码{name.upper()}（网页写明）"
        except (LookupError, UnicodeDecodeError):
            text = None
    if text is None:
        decoded = decode_text(content, words)
        if decoded is None:
            raise InputError("E501", f"{file}：不是可读的网页表格", _SAVE_AS)
        text, how = decoded.text, f"编码{decoded.encoding}"
    reader = _Reader(file, max_cells)
    reader.feed(text)
    reader.close()
    return tuple(_sheet(table, n, unit_id, file) for n, table in enumerate(reader.tables, start=1)), how


def _sheet(table: _Table, number: int, unit_id: str, file: str) -> RawSheet:
    width = max((max(row) + 1 for row in table.rows if row), default=0)
    rows = tuple(tuple(row.get(column) or None for column in range(width)) for row in table.rows)
    titles = tuple((text,) for text in table.titles)
    return RawSheet(unit_id, file, f"表{number}", (*titles, *rows), 1 - len(titles), 1, tuple(sorted(table.merged)))
