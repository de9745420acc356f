"""All worksheets of all units together: items in a fixed order, copies set aside, nothing lost."""

from __future__ import annotations

from collections.abc import Iterable, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from pipeline.ledger.dates import plain
from pipeline.ledger.rows import COPY, WHOLE_ROW, Item, read_sheet
from pipeline.ledger.sheets import FieldRules, RawSheet
from pipeline.schema import REJECTED, REPAIRS, conform, empty

COPIED = "整行重复"


@dataclass(frozen=True)
class LedgerRead:
    """``items`` sorted by unit, file, sheet, row and item; ``repairs`` and ``rejected`` as schema tables."""

    items: tuple[Item, ...]
    repairs: Any
    rejected: Any


def read_ledgers(
    sheets: Iterable[RawSheet], rules: FieldRules, *, as_of: date, oldest_years: int, latest_days: int
) -> LedgerRead:
    """Read worksheets of any number of units and files; their order does not matter.

    Rows that say the same in every field, of the same unit, are copies: the first (by file, sheet, row) is kept, the
    others are rejected with E506, so a file delivered twice under two names changes nothing.
    """
    items: list[Item] = []
    repairs: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for sheet in sorted(sheets, key=lambda sheet: (sheet.unit_id, sheet.file, sheet.sheet)):
        result = read_sheet(sheet, rules, as_of=as_of, oldest_years=oldest_years, latest_days=latest_days)
        items += result.items
        repairs += result.repairs
        rejected += result.rejected
    kept, copies = _set_copies_aside(sorted(items, key=lambda item: item.order))
    for copy, original in copies:
        content = copy[0].content
        same_as = f"{original.file} {original.sheet} 第{original.row}行"
        place = {"unit_id": copy[0].unit_id, "file": copy[0].file, "sheet": copy[0].sheet, "row": copy[0].row}
        repairs.append({**place, "field": WHOLE_ROW, "before": content, "after": None, "rule": COPIED})
        rejected.append({**place, "field": None, "content": content, "code": COPY, "reason": f"与 {same_as} 重复"})
    return LedgerRead(tuple(kept), repairs_table(repairs), rejected_table(rejected))


def _set_copies_aside(items: Sequence[Item]) -> tuple[list[Item], list[tuple[list[Item], Item]]]:
    """Items without copied rows, and each copied row with the first item of its original."""
    rows: dict[tuple[str, str, str, int], list[Item]] = {}
    for item in items:
        rows.setdefault(item.order[:4], []).append(item)
    first: dict[tuple[Any, ...], Item] = {}
    kept: list[Item] = []
    copies: list[tuple[list[Item], Item]] = []
    for row in rows.values():
        meaning = (row[0].unit_id, *(_meaning(item) for item in row))
        if meaning in first:
            copies.append((row, first[meaning]))
        else:
            first[meaning] = row[0]
            kept += row
    return kept, copies


def _meaning(item: Item) -> tuple[Any, ...]:
    if item.start is None:
        # without a date only the same cells, letter by letter, are a copy
        return (item.content, item.item)
    texts = tuple((field, plain(text).rstrip("。.;")) for field, text in sorted(item.texts.items()) if text)
    place = None if item.coordinate is None else (item.coordinate.kind, item.coordinate.x, item.coordinate.y)
    return item.finding, item.start, item.end, texts, place, item.area_m2, item.target_id


def repairs_table(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows as the sorted table :data:`pipeline.schema.REPAIRS`."""
    if not rows:
        return empty(REPAIRS)
    return conform(REPAIRS, pd.DataFrame(rows).sort_values(list(REPAIRS.key), kind="stable"))


def rejected_table(rows: Sequence[dict[str, Any]]) -> Any:
    """Rows as the sorted table :data:`pipeline.schema.REJECTED`; records of a whole file come before its rows."""
    if not rows:
        return empty(REJECTED)
    keys = [
        tuple("" if row[name] is None else row[name] for name in ("file", "sheet"))
        + (row["row"] or 0, row["field"] or "", row["code"], row["content"] or "", row["reason"])
        for row in rows
    ]
    ordered = [row for _, row in sorted(zip(keys, rows, strict=True), key=lambda pair: pair[0])]
    frame = pd.DataFrame(ordered)
    frame["row"] = pd.array([row["row"] for row in ordered], dtype="Int64")
    return conform(REJECTED, frame)
