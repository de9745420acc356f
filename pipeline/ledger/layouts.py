"""How a worksheet is laid out: tables, forms (表单式) of labels beside their values, tables turned on their side."""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field

from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.sheets import (
    FieldRules,
    Heading,
    RawSheet,
    cell_text,
    find_headings,
    heading_key,
    is_empty,
    is_title_row,
    known_headings,
    vertical_fills,
)

FORM_MIN_FIELDS = 4
ABOVE_TABLE = "取自表上方"
REPEATED_HEADING, TITLE_BETWEEN = "重复的表头", "表与表之间的标题"
NO_PART_OF_FORM, NO_PART_OF_TABLE = "表单的标题、签名或说明", "表外的文字"
_DATE_FIELDS = ("date", "day", "month")
_ABOVE_FIELDS = ("date", "people", "route")
_INLINE = re.compile(r"([^\s:：;；,，。、]{2,20}?)\s*[:：]")


@dataclass(frozen=True)
class Block:
    """Rows that one heading explains.

    ``rows``: (index of the sheet's row they are told by, cells in the heading's columns); several records may share an
    index. ``fills``: values of vertically merged cells by (index, column); ``aside``: why rows are no records, by index;
    ``given``: value and reason of fields that the title rows state for the whole table.
    """

    heading: Heading
    rows: tuple[tuple[int, tuple[CellValue, ...]], ...]
    fills: Mapping[tuple[int, int], CellValue] = field(default_factory=dict)
    aside: Mapping[int, str] = field(default_factory=dict)
    given: Mapping[str, tuple[str, str]] = field(default_factory=dict)
    turned: bool = False

    @property
    def dated(self) -> bool:
        """True when some column tells the day."""
        return any(self.heading.column(name) is not None for name in _DATE_FIELDS)


def find_blocks(sheet: RawSheet, rules: FieldRules) -> tuple[Block, ...]:
    """The tables of a worksheet; without a table heading, its records on their side, else its forms; else nothing."""
    headings = find_headings(sheet, rules)
    if headings:
        return _tables(sheet, headings, rules)
    labels = _Labels(sheet, rules)
    turned = _turned(sheet, labels)
    return (turned,) if turned is not None else _forms(sheet, labels)


def stated_above(titles: Sequence[str], rules: FieldRules) -> dict[str, tuple[str, str]]:
    """Day, people and route that lines above a table state as 标签：值, with the reason."""
    exact = known_headings(rules)
    found: dict[str, tuple[str, str]] = {}
    for title in titles:
        for name, value in _inline_pairs(title, exact):
            if name in _ABOVE_FIELDS and value and name not in found:
                found[name] = (value, ABOVE_TABLE)
    return found


def _tables(sheet: RawSheet, headings: Sequence[Heading], rules: FieldRules) -> tuple[Block, ...]:
    kept: list[Heading] = []
    aside: dict[int, str] = {}
    for heading in headings:
        if kept:
            for index in range(heading.top - 1, kept[-1].data_from - 1, -1):
                if not is_empty(sheet.rows[index]):
                    if not is_title_row(sheet, index, kept[-1]):
                        break
                    aside[index] = TITLE_BETWEEN
        if any(heading.top != other.top and heading.fields == other.fields for other in kept):
            aside.update(dict.fromkeys(range(heading.top, heading.data_from), REPEATED_HEADING))
            if kept[-1].fields == heading.fields:
                continue
        kept.append(heading)
    blocks = []
    for number, heading in enumerate(kept):
        stop = next((other.top for other in kept[number + 1 :] if other.top > heading.top), len(sheet.rows))
        beside = [other for other in kept if other.top == heading.top]
        rows = []
        for index in range(heading.data_from, stop):
            cells = sheet.rows[index]
            if len(beside) > 1:
                cells = tuple(value if column in heading.fields else None for column, value in enumerate(cells))
            if not is_empty(cells):
                rows.append((index, cells))
        blocks.append(
            Block(heading, tuple(rows), vertical_fills(sheet, heading.data_from), aside,
                  stated_above(heading.titles, rules))
        )  # fmt: skip
    return tuple(blocks)


class _Labels:
    """Cells that name a field exactly."""

    def __init__(self, sheet: RawSheet, rules: FieldRules) -> None:
        self.exact = known_headings(rules)
        self.cells = [[cell_text(value) for value in row] for row in sheet.rows]

    def of(self, row: int, column: int) -> str:
        """The field a cell names, empty for none."""
        if not (0 <= row < len(self.cells) and 0 <= column < len(self.cells[row])):
            return ""
        text = self.cells[row][column]
        return self.exact.get(heading_key(text), "") if text and len(text) <= 30 else ""

    def next_filled(self, row: int, column: int) -> int | None:
        """The next column to the right that holds something."""
        return next((c for c in range(column + 1, len(self.cells[row])) if self.cells[row][c]), None)


def _turned(sheet: RawSheet, labels: _Labels) -> Block | None:
    """A table with its headings in one column and a record in each column to the right of it."""
    counts = Counter(c for row, line in enumerate(labels.cells) for c in range(len(line)) if labels.of(row, c))
    if not counts:
        return None
    column = min(counts, key=lambda c: (-counts[c], c))
    named = {row: labels.of(row, column) for row in range(len(labels.cells)) if labels.of(row, column)}
    fields = {row: name for row, name in named.items() if list(named.values()).index(name) == list(named).index(row)}
    date_row = next((row for row, name in fields.items() if name == "date"), None)
    if len(fields) < FORM_MIN_FIELDS or date_row is None:
        return None
    beside = [c for c in range(column + 1, len(labels.cells[date_row])) if labels.cells[date_row][c]]
    if len(beside) < 2 or any(labels.of(date_row, c) for c in beside) or sum(counts.values()) > counts[column] + 2:
        return None
    first, last = min(fields), max(fields)
    inner = [row for row in range(first, last + 1) if not is_empty(sheet.rows[row])]
    names = {n: fields.get(row) or f"extra:{labels.cells[row][column]}" for n, row in enumerate(inner)}
    records = []
    for c in range(column + 1, max(len(sheet.rows[row]) for row in inner)):
        cells = tuple(sheet.rows[row][c] if c < len(sheet.rows[row]) else None for row in inner)
        if not is_empty(cells):
            records.append((date_row, cells))
    texts = {n: labels.cells[row][column] for n, row in enumerate(inner)}
    outside = {r: NO_PART_OF_TABLE for r in range(last + 1, len(sheet.rows)) if not is_empty(sheet.rows[r])}
    heading = Heading(last + 1, names, texts, _titles(labels, first), first)
    return Block(heading, tuple(records), aside=outside, turned=True)


@dataclass(frozen=True)
class _Pair:
    row: int
    name: str
    label: str
    value: CellValue


def _forms(sheet: RawSheet, labels: _Labels) -> tuple[Block, ...]:
    """Records whose labels stand beside, above or within the same cell as their values, one below the other."""
    pairs = _pairs(sheet, labels)
    known = [pair for pair in pairs if not pair.name.startswith("extra:")]
    if not any(pair.name == "date" for pair in known):
        return ()
    first = known[0].name
    starts = [n for n, pair in enumerate(pairs) if pair.name == first]
    groups = [pairs[start:stop] for start, stop in zip(starts, [*starts[1:], len(pairs)], strict=True)]
    blocks = []
    for number, group in enumerate(groups):
        if len({pair.name for pair in group if not pair.name.startswith("extra:")}) < FORM_MIN_FIELDS:
            continue
        stop = groups[number + 1][0].row if number + 1 < len(groups) else len(sheet.rows)
        used = {pair.row for pair in group}
        rest = [r for r in range(group[0].row, stop) if r not in used and not is_empty(sheet.rows[r])]
        names, texts, cells = _record(group)
        heading = Heading(group[0].row, names, texts, _titles(labels, pairs[0].row), group[0].row)
        row = (group[0].row, cells)
        blocks.append(Block(heading, (row,), aside=dict.fromkeys(rest, NO_PART_OF_FORM)))
    return tuple(blocks)


def _record(group: Sequence[_Pair]) -> tuple[dict[int, str], dict[int, str], tuple[CellValue, ...]]:
    """Fields, labels and values of one form; what one label says twice is joined."""
    names: list[str] = []
    labels: list[str] = []
    cells: list[CellValue] = []
    for pair in group:
        if pair.name not in names:
            names.append(pair.name)
            labels.append(pair.label)
            cells.append(pair.value)
        elif cell_text(pair.value):
            at = names.index(pair.name)
            both = [cell_text(cells[at]), cell_text(pair.value)]
            cells[at] = "；".join(text for text in both if text)
    return dict(enumerate(names)), dict(enumerate(labels)), tuple(cells)


def _pairs(sheet: RawSheet, labels: _Labels) -> list[_Pair]:
    """All labels with their values in reading order; an unknown short text before another is an extra label."""
    pairs: list[_Pair] = []
    taken: set[tuple[int, int]] = set()
    for row, line in enumerate(labels.cells):
        column = labels.next_filled(row, -1)
        while column is not None:
            after = labels.next_filled(row, column)
            name = "" if (row, column) in taken else labels.of(row, column)
            inline = [] if name else _inline_pairs(line[column], labels.exact)
            if inline and (row, column) not in taken:
                pairs += [_Pair(row, field_name, field_name, value) for field_name, value in inline]
            elif name:
                place = (row, after) if after is not None and _is_value(labels, row, after) else (row + 1, column)
                if place == (row, after):
                    after = labels.next_filled(row, place[1])
                elif not _stands_below(labels, row, column):
                    place = (-1, -1)
                taken.add(place)
                pairs.append(_Pair(row, name, line[column], _at(sheet, place)))
            elif pairs and (row, column) not in taken and _is_own_pair(labels, row, column, after):
                pairs.append(
                    _Pair(row, f"extra:{line[column].rstrip('：:')}", line[column], _at(sheet, (row, after or 0)))
                )
                after = labels.next_filled(row, after) if after is not None else None
            elif (row, column) in taken:
                pairs.append(_Pair(row, pairs[-1].name, pairs[-1].label, None))
            elif pairs and pairs[-1].row == row:
                pairs.append(_Pair(row, "extra:其他", "其他", line[column]))
            column = after
    return pairs


def _is_value(labels: _Labels, row: int, column: int) -> bool:
    """True for what may answer the label to the left: no label, or a short word such as 其他 that no value follows."""
    if not labels.of(row, column):
        return True
    after = labels.next_filled(row, column)
    short = len(labels.cells[row][column]) <= 2
    return short and (after is None or bool(labels.of(row, after)))


def _is_own_pair(labels: _Labels, row: int, column: int, after: int | None) -> bool:
    """True for an unknown short label, such as 天气, beside its value."""
    label = labels.cells[row][column]
    known = after is None or labels.of(row, after) or labels.cells[row][after].endswith(("：", ":"))
    return not known and len(label) <= 10 and not re.search(r"\d|[:：].", label)


def _stands_below(labels: _Labels, row: int, column: int) -> bool:
    below = labels.cells[row + 1] if row + 1 < len(labels.cells) else []
    return column < len(below) and bool(below[column]) and not any(labels.of(row + 1, c) for c in range(len(below)))


def _at(sheet: RawSheet, place: tuple[int, int]) -> CellValue:
    row, column = place
    return sheet.rows[row][column] if row >= 0 else None


def _inline_pairs(text: str, exact: Mapping[str, str]) -> list[tuple[str, str]]:
    """Fields and values of a text such as 巡查时间：2026年5月3日 巡查人员：张三."""
    marks = [m for m in _INLINE.finditer(text) if exact.get(heading_key(m[1]))]
    if not marks or (len(marks) == 1 and text[: marks[0].start()].strip()):
        return []
    ends = [mark.start() for mark in marks[1:]] + [len(text)]
    return [
        (exact[heading_key(mark[1])], text[mark.end() : stop].strip(" \t\n　;；,，"))
        for mark, stop in zip(marks, ends, strict=True)
    ]


def _titles(labels: _Labels, before: int) -> tuple[str, ...]:
    return tuple(text for line in labels.cells[:before] for text in line if text)


def labelled_parts(text: str, headings: Mapping[str, str]) -> dict[str, str]:
    """Fields told inside one cell as 地点：…；主体：…；现状：…, empty unless there are at least two.

    ``headings``: field by heading key, as :func:`pipeline.ledger.sheets.known_headings` gives them.
    """
    parts = _inline_pairs(text, headings)
    return dict(reversed(parts)) if len({name for name, _ in parts}) >= 2 else {}
