"""What one row of a ledger tells: a finding or none, one or several, and the words that belong to each."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence

from pipeline.ledger.areas import AREA_FROM_TEXT, area_in_text, areas_in_cell
from pipeline.ledger.characters import plain
from pipeline.ledger.coordinates import read_coordinates
from pipeline.ledger.date_forms import CellValue
from pipeline.ledger.log import AREA_FIELD, TARGET_FIELD, UNUSABLE, SheetLog
from pipeline.ledger.sheets import FieldRules, cell_text
from pipeline.ledger.words import (
    TARGET_ID,
    is_nothing,
    names_place,
    says_nothing_found,
    split_lines,
    split_numbered,
    tells_of_works,
)

FINDING_FIELDS = ("subject", "place", "status", "project", "measures", "effect", "follow_up")
SPLIT_FIELDS = (*FINDING_FIELDS, "remark")
POSITION_COLUMNS = (("longitude", "latitude"), ("easting", "northing"))
_LONG_FIELDS = ("status", "measures", "effect", "follow_up", "remark")
_BREAKS = (",", "，", "、", "(", "（")
SEVERAL, UNEQUAL = "一行多项拆分", "编号数不一致，整段保留"

Texts = dict[str, str | None]


def is_finding(texts: Mapping[str, str | None], values: Mapping[str, CellValue], rules: FieldRules) -> bool:
    """False for a patrol that found nothing.

    A named subject or a status other than a phrase such as 未发现 is a finding, whatever else is said, also where the
    answer to 是否发现违法 is no; works on the ground told beside such a phrase are one as well.
    """
    told = {field: texts.get(field) or "" for field in (*FINDING_FIELDS, "remark")}

    def says(field: str) -> bool:
        return not is_nothing(told[field], rules) and not says_nothing_found(told[field], rules)

    if says("subject") or says("status"):
        return True
    if any(tells_of_works(told[field], rules) for field in ("status", "project", "remark", "subject", "place")):
        return True
    answer = plain(cell_text(values.get("found"))).upper()
    if answer in rules.found_yes:
        return True
    if answer in rules.found_no or any(says_nothing_found(text, rules) for text in told.values()):
        return says("place") and says("measures")
    if any(cell_text(values.get(name)) for pair in POSITION_COLUMNS for name in (*pair, "coordinates", "area")):
        return True
    return says("place") or says("measures") or says("effect")


def split_row(
    index: int, texts: Texts, values: Mapping[str, CellValue], rules: FieldRules, log: SheetLog
) -> list[Texts]:
    """One dictionary of texts per finding of the row.

    Numbered subjects or places split the row, numbered words of the status only where subject and place are not one
    each; without numbers, lists by line or semicolon split it where two columns agree on how many, or where every part
    names a place of its own. What states another number of parts stays whole in each.
    """
    numbered = {field: split_numbered(text) for field, text in texts.items() if text and field in SPLIT_FIELDS}
    count = _numbered_count(texts, numbered, rules)
    if count == 1:
        listed = {f: split_lines(t) for f, t in texts.items() if t and f in SPLIT_FIELDS}
        count = _listed_count(texts, listed, values, rules)
        numbered = {f: parts for f, parts in listed.items() if len(parts) == count}
    if count == 1:
        return [texts]
    split = []
    for number in range(count):
        split.append({f: numbered[f][number] if len(numbered.get(f, ())) == count else t for f, t in texts.items()})
    for field, parts in numbered.items():
        if len(parts) == count:
            log.repair(index, field, texts[field], " / ".join(parts), SEVERAL)
        elif len(parts) > 1:
            log.repair(index, field, texts[field], texts[field], UNEQUAL)
    return split


def _numbered_count(texts: Texts, numbered: Mapping[str, Sequence[str]], rules: FieldRules) -> int:
    counts = {field: len(parts) for field, parts in numbered.items() if len(parts) > 1}
    named = [counts[field] for field in ("subject", "place") if field in counts]
    if named:
        return named[0]
    if all(not is_nothing(texts.get(field) or "", rules) for field in ("subject", "place")):
        return 1
    return next((counts[field] for field in ("status", "project") if field in counts), 1)


def _listed_count(
    texts: Texts, listed: dict[str, tuple[str, ...]], values: Mapping[str, CellValue], rules: FieldRules
) -> int:
    """How many findings lists without numbers tell; ``listed`` takes subjects parted by 、 where places agree."""
    pairs = len(read_coordinates(cell_text(values.get("coordinates")), strict=False))
    places = len(listed.get("place", ()))
    subjects = tuple(part for part in re.split("[、,，]", texts.get("subject") or "") if part.strip())
    if len(listed.get("subject", ())) < 2 and len(subjects) in {places, pairs} - {0, 1}:
        listed["subject"] = tuple(part.strip() for part in subjects)
    sizes = [len(listed.get("subject", ())), places, pairs]
    count = next((n for n in sizes if n > 1 and sizes.count(n) > 1), 1)
    if count > 1:
        return count
    without = {field for field in ("subject", "place") if is_nothing(texts.get(field) or "", rules)}
    each_named = places > 1 and len(set(listed["place"])) == places and all(map(names_place, listed["place"]))
    if each_named and ("subject" in without or len(listed.get("status", ())) == places):
        return places
    told = listed.get("status", ())
    if (
        len(without) == 2
        and len(told) > 1
        and all(names_place(t) and tells_of_works(t, rules, alone=True) for t in told)
    ):
        return len(told)
    return 1


def carried_on(before: Mapping[str, str | None], told: Mapping[str, str]) -> dict[str, str] | None:
    """The texts of a finding with what the next row goes on to say of it; None where the next row stands for itself.

    It goes on only where every text of it stands below one that broke off at a comma or an open bracket.
    """
    broken = {field: before.get(field) or "" for field in told}
    if not told or any(field not in _LONG_FIELDS or not text.endswith(_BREAKS) for field, text in broken.items()):
        return None
    return {field: text + told[field] for field, text in broken.items()}


def areas_of(
    index: int, unit_heading: str, values: Mapping[str, CellValue], parts: Sequence[Mapping[str, str | None]],
    rules: FieldRules, log: SheetLog,
) -> tuple[float | None, ...]:  # fmt: skip
    """Area in m2 of each finding, from the area column (its heading may name the unit), else from the words."""
    text = cell_text(values.get("area"))
    if text and not is_nothing(text, rules):
        areas = areas_in_cell(text, unit_heading, len(parts))
        if None in areas:
            reason = "面积没有单位，或与发现项数不符；请写成1200平方米或1.8亩"
            log.reject(index, AREA_FIELD, text, UNUSABLE, reason)
        else:
            after = "; ".join(f"{area:.1f}" for area in areas if area is not None)
            log.repair(index, AREA_FIELD, text, after, "面积换算为平方米")
        return areas
    told = [" ".join(part.get(field) or "" for field in ("status", "project", "place")) for part in parts]
    areas = tuple(area_in_text(text) for text in told)
    if any(area is not None for area in areas):
        after = "; ".join("-" if area is None else f"{area:.1f}" for area in areas)
        log.repair(index, AREA_FIELD, None, after, AREA_FROM_TEXT)
    return areas


def target_ids_of(
    index: int, values: Mapping[str, CellValue], parts: Sequence[Mapping[str, str | None]], rules: FieldRules,
    log: SheetLog,
) -> list[str | None]:  # fmt: skip
    """The target id (监测编号) each finding states, from its column, else from the words."""
    text = plain(cell_text(values.get("target_id")))
    if text and not is_nothing(text, rules):
        found = [found.upper() for found in TARGET_ID.findall(text)] or [text]
        if len(found) == len(parts):
            return list(found)
        if len(found) == 1:
            return [found[0]] * len(parts)
        log.reject(index, TARGET_FIELD, text, UNUSABLE, f"{len(parts)}项发现有{len(found)}个监测编号")
        return [None] * len(parts)
    told = [[t.upper() for t in TARGET_ID.findall(" ".join(t for t in part.values() if t))] for part in parts]
    return [ids[0] if len(set(ids)) == 1 else None for ids in told]
