"""Worksheets before they are understood: finding table headings, filling vertically merged cells."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from itertools import pairwise

from pipeline.ledger.characters import simplified, visible
from pipeline.ledger.date_forms import CellValue

HEADING_SEARCH_ROWS = 40
HEADING_MIN_FIELDS = 3
_LONGEST_HEADING = 40
TEXT_FIELDS = (
    "people", "route", "project", "subject", "place", "status", "measures", "effect", "follow_up", "remark",
)  # fmt: skip


@dataclass(frozen=True)
class FieldRules:
    """Headings and words of ledgers in force on a day, from the dated rules.

    ``fields``: canonical field to its headings; ``nothing_found``: phrases, ``nothing_whole``: whole cells that mean
    no finding; ``same_as_above``: ditto marks; ``no_record``: how footers begin, ``totals``: whole cells that mark a
    total; ``settlement_codes``: how land-class codes of village houses begin; ``samples``: how example rows begin;
    ``not_patrolled``: phrases for a day without patrol; ``found_yes``/``found_no``: answers to 是否发现违法;
    ``other_headings``: words of headings that are none of the fields though they contain one;
    ``beside_a_date``: words that change nothing of a day they stand beside; ``not_measured``: words for no coordinates;
    ``ground_work``: words for works on the ground, ``present``: words that say that something is there now.
    """

    rule_id: str
    fields: Mapping[str, tuple[str, ...]]
    nothing_found: tuple[str, ...]
    nothing_whole: tuple[str, ...]
    same_as_above: tuple[str, ...]
    no_record: tuple[str, ...]
    settlement_codes: tuple[str, ...]
    totals: tuple[str, ...] = ()
    samples: tuple[str, ...] = ()
    not_patrolled: tuple[str, ...] = ()
    found_yes: tuple[str, ...] = ()
    found_no: tuple[str, ...] = ()
    other_headings: tuple[str, ...] = ()
    ground_work: tuple[str, ...] = ()
    present: tuple[str, ...] = ()
    beside_a_date: tuple[str, ...] = ()
    not_measured: tuple[str, ...] = ()


@dataclass(frozen=True)
class RawSheet:
    """One worksheet as delivered.

    ``file``: path below the city folder, with ``/``; ``first_row``/``first_column``: 1-based position of
    ``rows[0][0]``; ``merged``: closed 1-based ranges (top, left, bottom, right). Cell values are typed, None is empty;
    ``unknown``: 1-based cells (row, column) that are empty here but not in the file: formulas without a result, errors.
    """

    unit_id: str
    file: str
    sheet: str
    rows: tuple[tuple[CellValue, ...], ...]
    first_row: int = 1
    first_column: int = 1
    merged: tuple[tuple[int, int, int, int], ...] = ()
    unknown: frozenset[tuple[int, int]] = frozenset()


@dataclass(frozen=True)
class Heading:
    """Where the heading is: index of the first data row, canonical field (or ``extra:<text>``) by column index.

    ``titles``: texts above it; ``top``: index of its first row; ``cells``: all its texts, to know it when it comes again.
    """

    data_from: int
    fields: Mapping[int, str]
    texts: Mapping[int, str]
    titles: tuple[str, ...]
    top: int = 0
    cells: frozenset[str] = frozenset()

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
    return visible(str(value)).strip()


def is_empty(row: tuple[CellValue, ...]) -> bool:
    """True when no cell of a row holds anything but blanks."""
    return not any(cell_text(value) for value in row)


def row_content(row: tuple[CellValue, ...]) -> str:
    """A row as one text, cells separated by `` | ``, for people who must find it again."""
    return " | ".join(cell_text(value) for value in row).strip(" |")


def heading_key(text: str) -> str:
    """A heading without numbering, brackets and their content, unit, punctuation, blanks; simplified, upper case."""
    text = simplified(unicodedata.normalize("NFKC", text))
    text = re.sub(r"^\s*(?:\(?[一二三四五六七八九十]{1,2}[、.)]|\(?\d{1,2}[、.)])\s*", "", text)
    text = re.sub(r"[(\[【〔].*?[)\]】〕]", "", text)
    key = re.sub(r"[\W_]+", "", text).upper()
    return re.sub(r"(?<=.{2})(?:平方米|平米|公顷|亩|M2|年月日)$", "", key)


def known_headings(rules: FieldRules) -> dict[str, str]:
    """Field by heading key of every alias."""
    return {heading_key(alias): field for field, aliases in rules.fields.items() for alias in aliases}


def find_heading(sheet: RawSheet, rules: FieldRules) -> Heading | None:
    """The first table heading of a sheet, None without one."""
    found = find_headings(sheet, rules)
    return found[0] if found else None


def find_headings(sheet: RawSheet, rules: FieldRules) -> tuple[Heading, ...]:
    """All table headings from top to bottom, left to right: a row, or a pair of rows, naming at least three fields.

    A second heading row counts when it names further fields below group headings. A row of labels beside their values,
    as in a form, is no heading. Below the first heading a row must name three fields exactly, so that a finding's words
    are no heading. A heading that names its fields twice stands over two tables side by side.
    """
    names = _Names(rules)
    rows = _spread_merges(sheet)
    found: list[Heading] = []
    free_from = 0
    for index, row in enumerate(rows):
        if index < free_from or not names.any_label(row):
            continue
        height = _heading_height(rows, index, names, first=not found)
        if not height or (not found and index >= HEADING_SEARCH_ROWS):
            continue
        titles = tuple(text for row in sheet.rows[free_from:index] for text in map(cell_text, row) if text)
        if found:
            titles = tuple(text for row in _title_rows(sheet, index, found[-1]) for text in map(cell_text, row) if text)
        lines = rows[index : index + height]
        cells = frozenset(text for line in sheet.rows[index : index + height] for text in map(cell_text, line) if text)
        for columns in _side_by_side(lines, names):
            fields = names.fields_of(lines, columns)
            texts = {c: "".join(dict.fromkeys(cell_text(line[c]) for line in lines if line[c])) for c in columns}
            found.append(Heading(index + height, fields, texts, titles, index, cells))
        free_from = index + height
    return tuple(found)


def is_title_row(sheet: RawSheet, index: int, heading: Heading) -> bool:
    """True for one text in the table's first column and nothing else, as titles stand between tables."""
    row = sheet.rows[index]
    filled = [column for column, value in enumerate(row) if cell_text(value)]
    if len(filled) != 1 or filled[0] > min(heading.fields, default=0):
        return False
    text = cell_text(row[filled[0]])
    return bool(re.search(r"[^\W\d]{2}", text)) and not re.search(r"\d日?$", text)


def _title_rows(sheet: RawSheet, index: int, heading: Heading) -> list[tuple[CellValue, ...]]:
    """The title rows directly above a further heading at ``index``, from top to bottom."""
    found: list[tuple[CellValue, ...]] = []
    for above in range(index - 1, heading.data_from - 1, -1):
        if is_empty(sheet.rows[above]):
            continue
        if not is_title_row(sheet, above, heading):
            break
        found.insert(0, sheet.rows[above])
    return found


class _Names:
    """Which field a heading cell names, by exact alias or by an alias inside it."""

    def __init__(self, rules: FieldRules) -> None:
        self.rules = rules
        self.exact = known_headings(rules)
        self.rank = {heading_key(a): n for aliases in rules.fields.values() for n, a in enumerate(aliases)}
        self.longest = sorted((alias for alias in self.exact if len(alias) >= 3), key=lambda a: (-len(a), a))
        self.keys: dict[str, str] = {}

    def key(self, value: CellValue) -> str:
        """The cell's heading key, empty for anything that is no short text."""
        if not isinstance(value, str) or len(value) > _LONGEST_HEADING:
            return ""
        if value not in self.keys:
            self.keys[value] = heading_key(value)
        return self.keys[value]

    def any_label(self, row: tuple[CellValue, ...]) -> bool:
        return any(self.key(value) in self.exact for value in row if isinstance(value, str))

    def fields_of(self, rows: list[tuple[CellValue, ...]], columns: range) -> dict[int, str]:
        """Field by column; an exact heading wins over one that merely contains an alias, a field is given once."""
        keys: dict[int, list[str]] = {}
        for column in columns:
            parts = [self.key(row[column]) for row in rows if column < len(row)]
            keys[column] = [key for key in dict.fromkeys([*reversed(parts), "".join(dict.fromkeys(parts))]) if key]
        chosen: dict[int, str] = {}
        exact = [(self.rank[k], column, self.exact[k]) for column, o in keys.items() for k in o[:1] if k in self.exact]
        exact += [(99, column, self.exact[k]) for column, o in keys.items() for k in o[1:] if k in self.exact]
        for _, column, field in sorted(exact):
            if column not in chosen and field not in chosen.values():
                chosen[column] = field
        for column, options in keys.items():
            if column in chosen:
                continue
            inside = next((a for key in options if self._may_contain(key) for a in self.longest if a in key), None)
            if inside is not None and self.exact[inside] not in chosen.values():
                chosen[column] = self.exact[inside]
            elif options:
                chosen[column] = f"extra:{options[0]}"
        return dict(sorted(chosen.items()))

    def _may_contain(self, key: str) -> bool:
        if (
            len(key) > 20
            or key in self.exact
            or any(word in key.replace("有无", "") for word in self.rules.nothing_found)
        ):
            return False
        return not any(word in key for word in self.rules.other_headings)


def _heading_height(rows: list[tuple[CellValue, ...]], index: int, names: _Names, *, first: bool) -> int:
    """How many rows the heading that begins at ``index`` has, 0 when none begins there."""
    columns = range(len(rows[index]))
    single = _named(names.fields_of([rows[index]], columns))
    if index + 1 < len(rows) and _only_words(rows[index + 1]):
        below = _named(names.fields_of([rows[index + 1]], columns))
        double = _named(names.fields_of([rows[index], rows[index + 1]], columns))
        if len(double) >= HEADING_MIN_FIELDS and _goes_on(rows[index], rows[index + 1], names):
            if len(double) > max(len(single), len(below)):
                return 2
            if len(below) > len(single):
                return 0
    if len(single) < HEADING_MIN_FIELDS:
        return 0
    filled = list(dict.fromkeys(cell_text(value) for value in rows[index] if cell_text(value)))
    exact = [names.key(text) in names.exact for text in filled]
    side_by_side = any(one and other for one, other in pairwise(exact))
    if not first and sum(exact) < HEADING_MIN_FIELDS:
        return 0
    return int(side_by_side or 2 * sum(exact) > len(exact) or (first and not any(exact)))


def _goes_on(upper: tuple[CellValue, ...], lower: tuple[CellValue, ...], names: _Names) -> bool:
    """True for rows of one heading: the lower is labels for the most part and none stands under another of its own."""
    texts = [names.key(value) for value in dict.fromkeys(map(cell_text, lower)) if value]
    if 2 * sum(text in names.exact for text in texts) <= len(texts):
        return False
    over = [names.key(value) for value in upper]
    return not any(
        one in names.exact and other in names.exact and one != other and over.count(one) == 1
        for one, other in zip(over, map(names.key, lower), strict=False)
    )


def _named(fields: Mapping[int, str]) -> set[str]:
    return {field for field in fields.values() if not field.startswith("extra:")}


def _only_words(row: tuple[CellValue, ...]) -> bool:
    """True for a row of short words, as the lower row of a heading; dates and numbers are data."""
    texts = [value for value in row if cell_text(value)]
    return bool(texts) and all(
        isinstance(value, str) and len(value) <= _LONGEST_HEADING and not re.search(r"\d{2}|[。；;，]", value)
        for value in texts
    )


def _side_by_side(rows: list[tuple[CellValue, ...]], names: _Names) -> list[range]:
    """The columns of each table under one heading row: a new one begins where the first column's heading comes again."""
    width = max(map(len, rows))
    keys = [tuple(names.key(row[column]) for row in rows if column < len(row)) for column in range(width)]
    start = next((column for column in range(width) if any(key in names.exact for key in keys[column])), 0)
    cuts = [column for column in range(start + HEADING_MIN_FIELDS, width) if keys[column] == keys[start]]
    edges = [0, *cuts, width]
    parts = [range(left, right) for left, right in pairwise(edges)]
    whole = all(len(_named(names.fields_of(rows, part))) >= HEADING_MIN_FIELDS for part in parts)
    return parts if whole else [range(width)]


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
