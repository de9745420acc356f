"""Later corrections supersede earlier entries; what they replaced is kept, and decisions about it go on working."""

from __future__ import annotations

import math
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from pipeline.ledger.characters import plain
from pipeline.ledger.coordinates import METRES_PER_DEGREE
from pipeline.ledger.files import DeliveredFile, FileRules
from pipeline.ledger.items import Item
from pipeline.ledger.log import COPY, UNUSABLE
from pipeline.schema import ENTRIES, SUPERSEDED, conform, empty
from pipeline.values import MatchDecision

MENDED = "E509"
BY_ID, BY_WORDS = "填报了原条目编号", "同日同一主体（或监测编号）同一地点，文件较新"
_Age = tuple[bool, date | None]
"""What tells of a file whether it is newer: a word of correction in its name, and the day it was saved."""
_LABELS = {column.name: column.label for column in ENTRIES.columns} | {
    "finding": "有无发现", "coordinates": "坐标", "discovered_on": "巡查时间",
}  # fmt: skip
_COORDINATE_PLACES = 5
_OTHER_SPOT_M = 100.0
_ID = "id"
_TURNED = "有无发现：无→有"
_WHAT_AND_WHERE = ("finding", "discovered_on", "coordinates", "project", "subject", "place", "status",
                   "stated_target_id", "stated_area_m2")  # fmt: skip


@dataclass(frozen=True)
class Corrected:
    """``items`` that stand; ``superseded``: the table SUPERSEDED; ``rejected``: REJECTED rows of unchanged forms."""

    items: tuple[Item, ...]
    superseded: Any
    rejected: tuple[dict[str, Any], ...]


def supersede(
    items: Sequence[Item], delivered: Iterable[DeliveredFile], rules: FileRules, *, copies: Iterable[Item] = ()
) -> Corrected:
    """Replace entries by their corrections, whatever the order of rows and the names of files.

    An entry is replaced by one of its unit that states its entry id (the correction form does), or by one of a newer
    file that has the same days and the same subject and place, or the same stated target id. Newer is only what says
    so: the file's name has a word of ``rules.correction_words`` the other lacks, else its document properties name a
    later day and neither people nor coordinates tell of two findings, and never, without a common target id, a file whose
    name has one of ``rules.addition_words`` (补报 adds). Where a file has two such rows, or nothing tells
    which is newer, all stay. ``copies``: rows set aside because another file says the same; an entry is as old and as
    new as all files that hold it. A form's row that changes nothing is a copy.
    """
    files = {file.name: file for file in delivered}
    by_id = {item.entry_id: item for item in items}
    winners: dict[str, tuple[str, str]] = {}
    unchanged: dict[str, str] = {}
    for item in sorted(items, key=lambda item: (item.entry_id, item.order)):
        old = by_id.get(item.corrects or "")
        if old is None or old.unit_id != item.unit_id or old.entry_id == item.entry_id:
            continue
        item = by_id[item.entry_id] = _unmasked(old, item)
        if not _differences(old, item):
            unchanged[item.entry_id] = old.entry_id
        elif old.entry_id not in winners and item.entry_id != _last(old.entry_id, winners):
            if _last(item.entry_id, winners) != old.entry_id:
                winners[old.entry_id] = (item.entry_id, BY_ID)
    open_items = [
        by_id[item.entry_id] for item in items if item.entry_id not in unchanged and item.entry_id not in winners
    ]
    holding: dict[str, set[str]] = {}
    for item in (*open_items, *copies):
        holding.setdefault(item.entry_id, set()).add(item.file)
    for old, new in _by_words(open_items, files, rules, holding):
        if _last(new.entry_id, winners) != old.entry_id:
            winners[old.entry_id] = (new.entry_id, BY_WORDS)
    rejected = [_copy(by_id[name], by_id[original]) for name, original in sorted(unchanged.items())]
    standing = tuple(
        by_id[item.entry_id] for item in items if item.entry_id not in winners and item.entry_id not in unchanged
    )
    rows = [_row(by_id[old], by_id[_last(old, winners)], basis) for old, (_, basis) in sorted(winners.items())]
    table = conform(SUPERSEDED, pd.DataFrame(rows)) if rows else empty(SUPERSEDED)
    return Corrected(standing, table, tuple(rejected))


def mended_rows(rejected: Sequence[Mapping[str, Any]], corrected: Corrected) -> list[dict[str, Any]]:
    """``rejected`` with the cells of replaced rows marked E509: what was wrong there has been mended since.

    A row counts as replaced when none of its entries stands. Cells of a form's row that changed nothing are E506:
    what is wrong with them is told at the original.
    """
    standing = {_place(vars(item)) for item in corrected.items}
    told = {
        _place(row): f"已由 {row['by_file']} 第{row['by_row']}行更正" for row in corrected.superseded.to_dict("records")
    }
    codes = dict.fromkeys(told, MENDED)
    for same in corrected.rejected:
        told[_place(same)], codes[_place(same)] = same["reason"], COPY
    marked = []
    for row in rejected:
        place = _place(row)
        if row["code"] != UNUSABLE or place in standing or place not in told:
            marked.append(dict(row))
        else:
            marked.append({**row, "code": codes[place], "reason": f"{told[place]}；原为：{row['reason']}"})
    return marked


def _place(row: Mapping[str, Any]) -> tuple[Any, ...]:
    return row["file"], row["sheet"], row["row"]


def turned_into_findings(superseded: Any) -> tuple[str, ...]:
    """Corrections that make a finding of a patrol that had found none: a reason to look, no more."""
    return tuple(
        f"请核对 {row['by_file']} 第{row['by_row']}行：把 {row['file']} 第{row['row']}行的未发现更正为有发现"
        for row in superseded.to_dict("records")
        if _TURNED in row["changed"]
    )


def follow_corrections(decisions: pd.DataFrame, superseded: pd.DataFrame) -> pd.DataFrame:
    """DECISIONS with the ids of replaced entries carried over to those that replaced them; nothing is changed in place.

    不是同一处 was said of the row as it stood: where the correction changes what, where or when, it stays with that row,
    so that the corrected one is asked about anew.
    """
    now = dict(zip(superseded["entry_id"], superseded["superseded_by"], strict=True))
    other = {row["entry_id"] for row in superseded.to_dict("records") if _tells_otherwise(row["changed"])}
    refused = decisions["decision"].str.strip().isin([MatchDecision.DIFFERENT.value, MatchDecision.DIFFERENT.label])
    carried = [
        None if not isinstance(entry, str) else entry if no and entry in other else now.get(entry, entry)
        for entry, no in zip(decisions["entry_id"], refused, strict=True)
    ]
    moved = decisions.assign(entry_id=pd.Series(carried, index=decisions.index, dtype="str"))
    return moved.drop_duplicates(["target_id", "entry_id", "decided_on", "decision"]).reset_index(drop=True)


def _tells_otherwise(changed: str) -> bool:
    labels = {_LABELS.get(field, field) for field in _WHAT_AND_WHERE}
    return any(part.split("：", 1)[0] in labels for part in changed.split("；"))


def _last(entry_id: str, winners: Mapping[str, tuple[str, str]]) -> str:
    """The entry that stands in the end."""
    while entry_id in winners:
        entry_id = winners[entry_id][0]
    return entry_id


def _by_words(
    items: Sequence[Item], files: Mapping[str, DeliveredFile], rules: FileRules, holding: Mapping[str, set[str]]
) -> list[tuple[Item, Item]]:
    """Pairs of an older and the next newer entry about the same thing; ``holding``: entry id to the files that hold it."""
    alike: dict[tuple[Any, ...], list[Item]] = {}
    for item in items:
        for key in _keys(item):
            alike.setdefault(key, []).append(item)
    pairs: dict[str, tuple[Item, Item]] = {}
    for key, group in sorted(alike.items(), key=lambda pair: repr(pair[0])):
        names = [name for item in group for name in sorted(holding[item.entry_id])]
        if len(group) < 2 or len(set(names)) < len(names):
            continue
        ages = {i.entry_id: [_age(name, files.get(name), rules) for name in holding[i.entry_id]] for i in group}
        ordered = sorted(group, key=lambda item: (min(map(_rank, ages[item.entry_id])), item.entry_id))
        for old in ordered:
            named = key[3] == _ID
            newer = [
                new for new in ordered
                if _all_newer(ages[old.entry_id], ages[new.entry_id])
                and (named or not _adds(holding[new.entry_id], rules))
            ]  # fmt: skip
            if newer and (new := _correction(old, newer, ages, named=named)) is not None:
                pairs.setdefault(old.entry_id, (old, new))
    return [pairs[name] for name in sorted(pairs)]


def _correction(old: Item, newer: Sequence[Item], ages: Mapping[str, Sequence[_Age]], *, named: bool) -> Item | None:
    """The first of the next newer entries that is no other finding; ``named``: both name one target."""
    first = min(map(_rank, ages[newer[0].entry_id]))
    for new in (item for item in newer if min(map(_rank, ages[item.entry_id])) == first):
        by_word = {age[0] for age in ages[old.entry_id]} != {age[0] for age in ages[new.entry_id]}
        if named or by_word or not _two_findings(old, new):
            return new
    return None


def _keys(item: Item) -> list[tuple[Any, ...]]:
    """What two rows must share to be about the same finding of the same day."""
    if not item.finding or item.start is None:
        return []
    same_day = (item.unit_id, item.start, item.end)
    subject, place = (plain(item.texts.get(name) or "") for name in ("subject", "place"))
    keys: list[tuple[Any, ...]] = [(*same_day, _ID, item.target_id)] if item.target_id else []
    return [*keys, (*same_day, "words", subject, place)] if subject and place else keys


def _two_findings(one: Item, other: Item) -> bool:
    """Whether people or coordinates say that rows of equal words are two crews' reports or two spots of one village."""
    mine, theirs = (plain(item.texts.get("people") or "") for item in (one, other))
    if mine and theirs and mine != theirs:
        return True
    at, there = one.coordinate, other.coordinate
    if at is None or there is None or (at.kind, at.meridian) != (there.kind, there.meridian):
        return False
    east, north = at.x - there.x, at.y - there.y
    if at.kind == "degrees":
        east, north = east * METRES_PER_DEGREE * math.cos(math.radians(at.y)), north * METRES_PER_DEGREE
    return math.hypot(east, north) > _OTHER_SPOT_M + at.rounding_m + there.rounding_m


def _adds(files: Iterable[str], rules: FileRules) -> bool:
    stems = [name.rsplit("/", 1)[-1] for name in files]
    return any(word in stem for stem in stems for word in rules.addition_words)


def _age(name: str, file: DeliveredFile | None, rules: FileRules) -> _Age:
    stem = name.rsplit("/", 1)[-1]
    return any(word in stem for word in rules.correction_words), None if file is None else file.saved_on


def _rank(age: _Age) -> tuple[bool, date]:
    return age[0], age[1] or date.min


def _all_newer(old: Sequence[_Age], new: Sequence[_Age]) -> bool:
    return all(_newer(one, other) for one in old for other in new)


def _newer(old: _Age, new: _Age) -> bool:
    if old[0] != new[0]:
        return new[0]
    return old[1] is not None and new[1] is not None and old[1] < new[1]


def _unmasked(old: Item, new: Item) -> Item:
    """``new`` with the texts that only hide letters of the old ones (138****1234) as they were."""
    texts = {
        name: old.texts.get(name) if _hides(old.texts.get(name), text) else text for name, text in new.texts.items()
    }
    return replace(new, texts=texts)


def _hides(before: str | None, after: str | None) -> bool:
    if not before or not after or "*" not in after:
        return False
    return re.fullmatch(re.escape(plain(after)).replace(r"\*", "."), plain(before)) is not None


def _differences(old: Item, new: Item) -> list[str]:
    """Fields that differ, as ``label：before→after``."""
    before, after = _facts(old), _facts(new)
    names = dict.fromkeys([*before, *after])
    return [
        f"{_LABELS.get(name, name)}：{before.get(name) or '空'}→{after.get(name) or '空'}"
        for name in names
        if plain(before.get(name) or "") != plain(after.get(name) or "")
    ]


def _facts(item: Item) -> dict[str, str | None]:
    when = None if item.start is None else f"{item.start}"
    if item.end not in (None, item.start):
        when = f"{item.start}至{item.end}"
    at = item.coordinate
    places = _COORDINATE_PLACES if at is not None and at.kind != "zone" else 1
    return {
        "finding": "有" if item.finding else "无",
        "discovered_on": when,
        **item.texts,
        "stated_target_id": item.target_id,
        "stated_area_m2": None if item.area_m2 is None else f"{item.area_m2:.0f}",
        "coordinates": None if at is None else f"{at.x:.{places}f},{at.y:.{places}f}",
    }


def _row(old: Item, new: Item, basis: str) -> dict[str, Any]:
    return {
        "entry_id": old.entry_id, "unit_id": old.unit_id, "file": old.file, "sheet": old.sheet, "row": old.row,
        "item": old.item, "content": old.content, "superseded_by": new.entry_id, "by_file": new.file,
        "by_sheet": new.sheet, "by_row": new.row, "basis": basis,
        "changed": "；".join(_differences(old, new)) or "内容相同",
    }  # fmt: skip


def _copy(item: Item, original: Item) -> dict[str, Any]:
    same_as = f"{original.file} {original.sheet} 第{original.row}行"
    return {
        "unit_id": item.unit_id, "file": item.file, "sheet": item.sheet, "row": item.row, "field": None,
        "content": item.content, "code": COPY, "reason": f"与 {same_as} 第{original.item}项相同，没有更正",
    }  # fmt: skip
