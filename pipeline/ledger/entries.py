"""All worksheets of all units together: items in a fixed order, copies set aside, nothing lost."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from pipeline.ledger.characters import plain
from pipeline.ledger.items import Item
from pipeline.ledger.log import COPY, NO_RECORD, WHOLE_ROW
from pipeline.ledger.rows import SheetResult, read_sheet
from pipeline.ledger.sheets import FieldRules, RawSheet, cell_text, find_headings, is_empty
from pipeline.schema import REJECTED, REPAIRS, conform, empty

COPIED = "整行重复"
TWO_UNITS = "E508"
# title words of the sheets this system itself sends to the units, which come back with their answers
OWN_SHEETS = (
    "核查任务清单（",
    "本月任务目标详情（",
    "未列入本月任务的目标（",
    "网格情况（",
    "台账需补正内容（",
    "台账修正记录（",
    "台账报送情况（",
)


@dataclass(frozen=True)
class LedgerRead:
    """``items`` sorted by unit, file, sheet, row and item; ``repairs`` and ``rejected`` as schema tables.

    ``copies``: the items of rows set aside as copies, with the ids of their originals.
    """

    items: tuple[Item, ...]
    repairs: Any
    rejected: Any
    copies: tuple[Item, ...] = ()


def read_ledgers(
    sheets: Iterable[RawSheet],
    rules: FieldRules,
    *,
    as_of: date,
    oldest_years: int,
    latest_days: int,
    unit_names: Mapping[str, str] | None = None,
) -> LedgerRead:
    """Read worksheets of any number of units and files; their order does not matter.

    Rows that say the same in every field, of the same unit, are copies: the first (by file, sheet, row) is kept, the
    others are rejected with E506, so a file delivered twice under two names changes nothing. A file that says the same
    as one of another unit is that unit's whose name alone its titles state (``unit_names``: name by unit); where they
    state none or several it is nobody's until a person tells: all its rows are rejected with E508.
    """
    items: list[Item] = []
    repairs: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    ordered = sorted(sheets, key=lambda sheet: (sheet.unit_id, sheet.file, sheet.sheet))
    for sheet in ordered:
        result = _own_sheet(sheet) or read_sheet(
            sheet, rules, as_of=as_of, oldest_years=oldest_years, latest_days=latest_days
        )
        items += result.items
        repairs += result.repairs
        rejected += result.rejected
    shared = _of_two_units(items, ordered)
    shared, titled = _without_owners(shared, ordered, rules, unit_names or {})
    rejected += _nobodys(items, shared, titled)
    repairs = [row for row in repairs if (row["unit_id"], row["file"]) not in shared]
    kept, copies = _set_copies_aside([item for item in items if (item.unit_id, item.file) not in shared])
    for copy, original in copies:
        content = copy[0].content
        same_as = f"{original.file} {original.sheet} 第{original.row}行"
        place = {"unit_id": copy[0].unit_id, "file": copy[0].file, "sheet": copy[0].sheet, "row": copy[0].row}
        repairs.append({**place, "field": WHOLE_ROW, "before": content, "after": None, "rule": COPIED})
        rejected.append({**place, "field": None, "content": content, "code": COPY, "reason": f"与 {same_as} 重复"})
    aside = tuple(item for copy, _ in copies for item in copy)
    return LedgerRead(tuple(kept), repairs_table(repairs), rejected_table(rejected), aside)


def _own_sheet(sheet: RawSheet) -> SheetResult | None:
    """A sheet of a package or correction form that came back: no ledger, and nothing is missing because of it."""
    title = next((cell_text(row[0]) for row in sheet.rows[:1] if not is_empty(row)), "")
    if not any(word in title for word in OWN_SHEETS):
        return None
    row = {"unit_id": sheet.unit_id, "file": sheet.file, "sheet": sheet.sheet, "row": None, "field": None,
           "content": title, "code": NO_RECORD, "reason": "本系统下发的表，不是台账"}  # fmt: skip
    return SheetResult((), (), (row,))


def _of_two_units(items: Sequence[Item], sheets: Sequence[RawSheet]) -> dict[tuple[str, str], tuple[str, ...]]:
    """Files that say the same under several units, by unit and file, with the other units' files.

    One row alone may be the record of a patrol made together: then the sheets have to be equal cell by cell.
    """
    told: dict[tuple[str, str], list[str]] = {}
    for item in items:
        told.setdefault((item.unit_id, item.file), []).append(repr(_meaning(item)))
    alike: dict[tuple[str, ...], list[tuple[str, str]]] = {}
    for name, meanings in told.items():
        if len(meanings) == 1:
            meanings += [repr((s.sheet, s.rows)) for s in sheets if (s.unit_id, s.file) == name]
        alike.setdefault(tuple(sorted(meanings)), []).append(name)
    groups = [sorted(group) for group in alike.values() if len({unit for unit, _ in group}) > 1]
    return {
        name: tuple(file for unit, file in group if unit != name[0]) for group in groups for name in group
    }  # fmt: skip


def _without_owners(
    shared: dict[tuple[str, str], tuple[str, ...]],
    sheets: Sequence[RawSheet],
    rules: FieldRules,
    unit_names: Mapping[str, str],
) -> tuple[dict[tuple[str, str], tuple[str, ...]], dict[tuple[str, str], str]]:
    """The shared files without those that lie with the one unit their titles name, and that unit's name for the others."""
    left: dict[tuple[str, str], tuple[str, ...]] = {}
    titled: dict[tuple[str, str], str] = {}
    units = {file: unit for unit, file in shared}
    for (unit, file), others in shared.items():
        told = plain(" ".join(t for s in sheets if s.file == file for h in find_headings(s, rules) for t in h.titles))
        named = {one for one, name in unit_names.items() if plain(name) in told}
        owner = next(iter(named)) if len(named) == 1 else None
        if owner is None or owner not in {unit, *(units[other] for other in others)}:
            left[unit, file] = others
        elif owner != unit:
            left[unit, file] = others
            titled[unit, file] = unit_names[owner]
    return left, titled


def _nobodys(
    items: Sequence[Item], shared: dict[tuple[str, str], tuple[str, ...]], titled: Mapping[tuple[str, str], str]
) -> list[dict[str, Any]]:
    """Rejected rows of files that two units sent: one per file, one per row of it."""
    rows: list[dict[str, Any]] = []
    for (unit, file), others in sorted(shared.items()):
        whose = f"标题写的是{titled[unit, file]}" if (unit, file) in titled else "不能确定是哪个单位的台账"
        reason = f"与 {'、'.join(others)} 内容相同，{whose}；请核实后只在一个单位文件夹内保留"
        base = {"unit_id": unit, "file": file, "field": None, "code": TWO_UNITS, "reason": reason}
        rows.append({**base, "sheet": None, "row": None, "content": None})
        own = {(item.sheet, item.row): item.content for item in items if (item.unit_id, item.file) == (unit, file)}
        rows += [{**base, "sheet": sheet, "row": row, "content": text} for (sheet, row), text in own.items()]
    return rows


def _set_copies_aside(items: Iterable[Item]) -> tuple[list[Item], list[tuple[list[Item], Item]]]:
    """Items without copied rows, and each copied row with the first item of its original.

    A row that states the entry it corrects is never the original: unchanged, it is a form that came back.
    """
    rows: dict[tuple[str, str, str, int], list[Item]] = {}
    for item in sorted(items, key=lambda item: item.order):
        rows.setdefault(item.order[:4], []).append(item)
    first: dict[tuple[Any, ...], Item] = {}
    kept: list[Item] = []
    copies: list[tuple[list[Item], Item]] = []
    for row in sorted(rows.values(), key=lambda row: (row[0].corrects is not None, row[0].order)):
        meaning = (row[0].unit_id, *(_meaning(item) for item in row))
        told = [replace(item, meaning=repr(meaning)) for item in row]
        if meaning in first:
            copies.append((told, first[meaning]))
        else:
            first[meaning] = row[0]
            kept += told
    return sorted(kept, key=lambda item: item.order), sorted(copies, key=lambda pair: pair[0][0].order)


def _meaning(item: Item) -> tuple[Any, ...]:
    """What a row says, whatever its file, format or place in it: the ground of copies and of entry ids."""
    if item.start is None:
        # without a date only the same cells, letter by letter, are a copy
        return (item.content, item.item)
    texts = tuple((field, plain(text).rstrip("。.;")) for field, text in sorted(item.texts.items()) if text)
    at = item.coordinate
    place = None if at is None else (at.kind, f"{at.x:.9g}", f"{at.y:.9g}")
    area = None if item.area_m2 is None else f"{item.area_m2:.1f}"
    return item.finding, f"{item.start}", f"{item.end}", texts, place, area, item.target_id


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
