"""Worksheets before they are understood: finding the heading row, filling vertically merged cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.ledger.dates import CellValue

HEADING_SEARCH_ROWS = 40
HEADING_MIN_FIELDS = 3
TEXT_FIELDS = (
    "people", "route", "project", "subject", "place", "status", "measures", "effect", "follow_up", "remark",
)  # fmt: skip


@dataclass(frozen=True)
class FieldRules:
    """Headings and words of ledgers in force on a day, from the dated rules.

    ``fields``: canonical field to its headings; ``nothing_found``: phrases, ``nothing_whole``: whole cells that mean
    no finding; ``same_as_above``: ditto marks; ``no_record``: how footers begin;
    ``settlement_codes``: how land-class codes of village houses begin.
    """

    rule_id: str
    fields: Mapping[str, tuple[str, ...]]
    nothing_found: tuple[str, ...]
    nothing_whole: tuple[str, ...]
    same_as_above: tuple[str, ...]
    no_record: tuple[str, ...]
    settlement_codes: tuple[str, ...]


@dataclass(frozen=True)
class RawSheet:
    """One worksheet as delivered.

    ``file``: path below the city folder, with ``/``; ``first_row``/``first_column``: 1-based position of
    ``rows[0][0]``; ``merged``: closed 1-based ranges (top, left, bottom, right). Cell values are typed, None is empty.
    """

    unit_id: str
    file: str
    sheet: str
    rows: tuple[tuple[CellValue, ...], ...]
    first_row: int = 1
    first_column: int = 1
    merged: tuple[tuple[int, int, int, int], ...] = ()


@dataclass(frozen=True)
class Heading:
    """Where the heading is: index of the first data row, canonical field (or ``extra:<text>``) by column index."""

    data_from: int
    fields: Mapping[int, str]
    texts: Mapping[int, str]
    titles: tuple[str, ...]

    def column(self, field: str) -> int | None:
        """Index of a field's column, None when the sheet has none."""
        return next((index for index, name in self.fields.items() if name == field), None)


def cell_text(value: CellValue) -> str:
    """A cell as text: whole numbers without a decimal point, dates in ISO form, None as empty."""
    if value is None:
        return ""
    if isinstance(value, datetime):
        return value.date().isoformat() if value.time() == value.time().min else value.isoformat(" ", "minutes")
    if isinstance(value, date):
        return value.isoformat()
    if isinstance(value, float) and value.is_integer() and abs(value) < 1e15:
        return str(int(value))
    return str(value).strip()


def is_empty(row: tuple[CellValue, ...]) -> bool:
    """True when no cell of a row holds anything but blanks."""
    return not any(cell_text(value) for value in row)


def row_content(row: tuple[CellValue, ...]) -> str:
    """A row as one text, cells separated by `` | ``, for people who must find it again."""
    return " | ".join(cell_text(value) for value in row).strip(" |")


def heading_key(text: str) -> str:
    """A heading without brackets and their content, punctuation, blanks; upper case."""
    text = unicodedata.normalize("NFKC", text)
    text = re.sub(r"[(\[【〔].*?[)\]】〕]", "", text)
    return re.sub(r"[\W_]+", "", text).upper()


def find_heading(sheet: RawSheet, rules: FieldRules) -> Heading | None:
    """The heading among the first rows: the earliest row, or pair of rows, naming the most fields; None without one.

    A second heading row counts when it names further fields below merged group headings.
    """
    exact = {heading_key(alias): field for field, aliases in rules.fields.items() for alias in aliases}
    rows = _spread_merges(sheet)
    best: tuple[int, int, int] | None = None
    for index in range(min(len(rows), HEADING_SEARCH_ROWS)):
        single = len(set(_fields_of([rows[index]], exact).values()) & set(rules.fields))
        if single >= HEADING_MIN_FIELDS and (best is None or single > best[0]):
            best = (single, index, 1)
        if single and index + 1 < len(rows):
            pair = [rows[index], rows[index + 1]]
            double = len(set(_fields_of(pair, exact).values()) & set(rules.fields))
            below = len(set(_fields_of([rows[index + 1]], exact).values()) & set(rules.fields))
            if double >= HEADING_MIN_FIELDS and double > max(single, below) and (best is None or double > best[0]):
                best = (double, index, 2)
    if best is None:
        return None
    _, index, height = best
    texts = {
        column: "".join(dict.fromkeys(cell_text(row[column]) for row in rows[index : index + height] if row[column]))
        for column in range(len(rows[index]))
    }
    titles = tuple(text for row in sheet.rows[:index] for text in map(cell_text, row) if text)
    return Heading(index + height, _fields_of(rows[index : index + height], exact), texts, titles)


def _fields_of(rows: list[tuple[CellValue, ...]], exact: Mapping[str, str]) -> dict[int, str]:
    """Field by column; an exact heading wins over one that merely contains an alias, a field is given once."""
    chosen: dict[int, str] = {}
    keys: dict[int, list[str]] = {}
    for column in range(max(map(len, rows))):
        parts = [heading_key(cell_text(row[column])) for row in rows if column < len(row)]
        keys[column] = [key for key in dict.fromkeys([*reversed(parts), "".join(dict.fromkeys(parts))]) if key]
    for column, options in keys.items():
        field = next((exact[key] for key in options if key in exact), None)
        if field is not None and field not in chosen.values():
            chosen[column] = field
    longest = sorted((alias for alias in exact if len(alias) >= 3), key=lambda alias: (-len(alias), alias))
    for column, options in keys.items():
        if column in chosen:
            continue
        alias = next((alias for key in options if len(key) <= 20 for alias in longest if alias in key), None)
        if alias is not None and exact[alias] not in chosen.values():
            chosen[column] = exact[alias]
        elif options:
            chosen[column] = f"extra:{options[0]}"
    return dict(sorted(chosen.items()))


def _spread_merges(sheet: RawSheet) -> list[tuple[CellValue, ...]]:
    """Rows with every merged range filled with its first cell; for headings only."""
    width = max(map(len, sheet.rows), default=0)
    grid = [list(row) + [None] * (width - len(row)) for row in sheet.rows]
    for top, left, bottom, right in sheet.merged:
        rows = range(max(top - sheet.first_row, 0), min(bottom - sheet.first_row + 1, len(grid)))
        columns = range(max(left - sheet.first_column, 0), min(right - sheet.first_column + 1, width))
        if not rows or not columns:
            continue
        value = grid[rows[0]][columns[0]]
        for row in rows:
            for column in columns:
                if grid[row][column] is None:
                    grid[row][column] = value
    return [tuple(row) for row in grid]


def vertical_fills(sheet: RawSheet, data_from: int) -> dict[tuple[int, int], CellValue]:
    """Values of vertically merged data cells, by (row index, column index) of the cells they were merged over.

    A range over several columns fills its first column only: a remark across a row says nothing of other fields.
    """
    fills: dict[tuple[int, int], CellValue] = {}
    for top, left, bottom, _ in sheet.merged:
        first, column = top - sheet.first_row, left - sheet.first_column
        if bottom == top or first < data_from or column < 0 or first >= len(sheet.rows):
            continue
        value = sheet.rows[first][column] if column < len(sheet.rows[first]) else None
        if not cell_text(value):
            continue
        for row in range(first + 1, min(bottom - sheet.first_row + 1, len(sheet.rows))):
            fills[row, column] = value
    return fills
