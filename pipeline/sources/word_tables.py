"""Tables of Word documents (docx) to raw worksheets: merged cells, several tables, title paragraphs above a table."""

from __future__ import annotations

import io
from collections.abc import Collection, Iterator
from dataclasses import dataclass, field
from typing import Any

import docx
from docx.opc.exceptions import OpcError
from lxml import etree

from pipeline.errors import InputError
from pipeline.ledger.sheets import HEADING_MIN_FIELDS, RawSheet, heading_key
from pipeline.sources.file_kinds import UNZIPPING

_W = "{http://schemas.openxmlformats.org/wordprocessingml/2006/main}"
_SAVE_AS = "请用Word或WPS打开后另存为不加密的.docx文档，或把表格复制到.xlsx工作簿"
_LONGEST_TITLE = 200
_FRAME_LINES = 3
_WRAPPERS = {
    f"{_W}{name}" for name in ("sdt", "sdtContent", "customXml", "smartTag", "ins", "hyperlink", "r", "fldSimple")
}


@dataclass
class _Table:
    titles: list[str]
    rows: list[tuple[str | None, ...]]
    merged: list[tuple[int, int, int, int]]
    apart: bool
    width: int = field(init=False)

    def __post_init__(self) -> None:
        self.width = max(map(len, self.rows), default=0)


def read_word_tables(
    content: bytes, *, unit_id: str, file: str, words: Collection[str], max_cells: int
) -> tuple[RawSheet, ...]:
    """All tables of a document whose unpacked size was bounded before, in their order, named 表1, 表2.

    Paragraphs above a table become title rows before its row 1, so a row's number is the one within the Word table. A
    table without a heading of its own (``words``: headings of ledgers) that continues the one before, with only blank
    paragraphs between, is read as one with it. Deleted text of tracked changes is not read. Raises InputError E501.
    """
    try:
        body = docx.Document(io.BytesIO(content)).element.body
    except (OpcError, etree.LxmlError, KeyError, AttributeError, *UNZIPPING) as problem:
        raise InputError("E501", f"{file}：不是可读的Word文档（{problem}）", _SAVE_AS) from problem
    keys = {heading_key(word) for word in words}
    tables: list[_Table] = []
    for table in _tables(body, file, max_cells, keys):
        last = tables[-1] if tables else None
        if last is not None and not table.apart and last.width == table.width and not _has_heading(table, keys):
            shift = len(last.rows)
            last.rows += table.rows
            last.merged += [(top + shift, left, bottom + shift, right) for top, left, bottom, right in table.merged]
        else:
            tables.append(table)
    return tuple(_sheet(table, number, unit_id, file) for number, table in enumerate(tables, start=1))


def _has_heading(table: _Table, keys: Collection[str]) -> bool:
    return any(sum(heading_key(cell) in keys for cell in row if cell) >= HEADING_MIN_FIELDS for row in table.rows[:2])


def _sheet(table: _Table, number: int, unit_id: str, file: str) -> RawSheet:
    titles = [(text,) for text in table.titles]
    return RawSheet(
        unit_id, file, f"表{number}", (*titles, *table.rows), 1 - len(titles), 1, tuple(sorted(table.merged))
    )


def _tables(body: Any, file: str, max_cells: int, keys: Collection[str]) -> Iterator[_Table]:
    """Tables at the document's level; a table inside a cell follows the one that holds it, or replaces a mere frame."""
    titles: list[str] = []
    first, left = True, max_cells
    for element in _blocks(body):
        if element.tag == f"{_W}p":
            text = _text(element)
            if text:
                titles.append(text[:_LONGEST_TITLE])
            continue
        nested: list[Any] = []
        rows, merged = _grid(element, nested)
        left -= max(map(len, rows), default=0) * len(rows)
        if left < 0:
            raise InputError("E501", f"{file}：表格超过{max_cells}个单元格，过大", _SAVE_AS)
        layout = _frame_titles(rows, keys) if nested else None
        if layout is None:
            yield _Table(titles, rows, merged, apart=first or bool(titles))
        above = [] if layout is None else [*titles, *layout]
        titles, first = [], False
        for inner in nested:
            rows, merged = _grid(inner, [])
            yield _Table(above, rows, merged, apart=True)
            above = []


def _frame_titles(rows: list[tuple[str | None, ...]], keys: Collection[str]) -> list[str] | None:
    """The few lines that a table says which only holds another in place; None for one that may be a ledger itself."""
    lines = [[text for text in row if text] for row in rows]
    filled = [line for line in lines if line]
    if len(filled) > _FRAME_LINES or any(len(line) > 1 or heading_key(line[0]) in keys for line in filled):
        return None
    return [line[0][:_LONGEST_TITLE] for line in filled]


def _blocks(parent: Any) -> Iterator[Any]:
    """Paragraphs and tables in order, through content controls."""
    for child in parent:
        if child.tag in (f"{_W}p", f"{_W}tbl"):
            yield child
        elif child.tag in _WRAPPERS:
            yield from _blocks(child)


def _grid(table: Any, nested: list[Any]) -> tuple[list[tuple[str | None, ...]], list[tuple[int, int, int, int]]]:
    """Rows of texts and merged ranges (closed, from 1); cells merged over are None. Inner tables go to ``nested``."""
    rows: list[tuple[str | None, ...]] = []
    merged: list[tuple[int, int, int, int]] = []
    open_at: dict[tuple[int, int], int] = {}
    for number, line in enumerate(_inside(table, "tr"), start=1):
        cells: list[str | None] = [None] * _number(line.find(f"{_W}trPr/{_W}gridBefore"))
        still: dict[tuple[int, int], int] = {}
        for cell in _inside(line, "tc"):
            left, span = len(cells) + 1, max(_number(cell.find(f"{_W}tcPr/{_W}gridSpan")), 1)
            join = cell.find(f"{_W}tcPr/{_W}vMerge")
            column = (left, left + span - 1)
            goes_on = join is not None and join.get(f"{_W}val", "continue") == "continue" and column in open_at
            text = _cell_text(cell, nested)
            if goes_on:
                still[column] = open_at[column]
            else:
                if join is not None:
                    still[column] = number
                elif span > 1:
                    merged.append((number, left, number, left + span - 1))
            cells += [(text or None) if not goes_on else None, *[None] * (span - 1)]
        merged += _closed(open_at, still, number - 1)
        open_at = still
        rows.append(tuple(cells))
    return rows, merged + _closed(open_at, {}, len(rows))


def _closed(
    before: dict[tuple[int, int], int], after: dict[tuple[int, int], int], bottom: int
) -> list[tuple[int, int, int, int]]:
    """Ranges of vertical merges that end at ``bottom``."""
    ended = [(columns, top) for columns, top in before.items() if after.get(columns) != top]
    return [(top, left, bottom, right) for (left, right), top in ended if bottom > top or right > left]


def _inside(parent: Any, name: str) -> Iterator[Any]:
    """Children of a kind, also where a content control or a tracked insertion stands between."""
    for child in parent:
        if child.tag == f"{_W}{name}":
            yield child
        elif child.tag in _WRAPPERS:
            yield from _inside(child, name)


def _number(element: Any) -> int:
    value = "" if element is None else element.get(f"{_W}val", "")
    return min(int(value), 1000) if value.isdigit() else 0


def _cell_text(cell: Any, nested: list[Any]) -> str:
    lines = []
    for block in _blocks(cell):
        if block.tag == f"{_W}tbl":
            nested.append(block)
        elif text := _text(block):
            lines.append(text)
    return "\n".join(lines)


def _text(paragraph: Any) -> str:
    """Visible text of a paragraph: tracked insertions are text, deletions are not."""
    parts: list[str] = []

    def collect(element: Any) -> None:
        for child in element:
            if child.tag == f"{_W}t":
                parts.append(child.text or "")
            elif child.tag in (f"{_W}tab", f"{_W}br", f"{_W}cr"):
                parts.append("\t" if child.tag.endswith("tab") else "\n")
            elif child.tag in _WRAPPERS:
                collect(child)

    collect(paragraph)
    return "".join(parts).strip()
