"""What the ledgers say about each target: entries tied to it, entries that may be it, findings of unknown place."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.duty import Answer, Responsibility
from pipeline.reconcile.evidence import as_day, as_text
from pipeline.reconcile.match import too_old
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sight import split_cells
from pipeline.reconcile.space import ALIKE, NOT_LOCATED
from pipeline.reconcile.words import Vocabulary, area_factor, entry_text, stage_factor, topics
from pipeline.values import MatchStatus

Row = dict[str, Any]
Visitor = tuple[str, date | None]
WORDS_EXCLUDE = 0.1
_SURE = (MatchStatus.ASSIGNED.value, MatchStatus.DECIDED.value)
_TOLD_IN = ("place", "remark", "people", "route")
_GONE: Row = dict.fromkeys(("unit_id", "people", "status", "discovered_on", "discovered_until", "stated_target_id"))


def linked_entries(
    matches: pd.DataFrame,
    entries: Mapping[str, Row],
    targets: Collection[str],
    carried: Mapping[str, str],
    cutoff: date,
) -> dict[str, list[Row]]:
    """Entries per target of ``targets`` with probability, fit of the words, unit, days, and whether the tie is sure.

    ``asked``: a person is asked whether the entry is about this target.
    ``named``: the entry names this target; ``tied_to``: the target that the entry is surely about, this or another.

    ``entries``: ENTRIES rows by id; ``carried`` maps every id to the id under which its ground is carried now.
    """
    linked: dict[str, list[Row]] = {}
    tied = matches[matches["status"].isin(_SURE) & (matches["probability"] > 0.5)].sort_values(
        "probability", kind="stable"
    )
    tied_to = dict(zip(tied["entry_id"], tied["target_id"], strict=True))
    own = matches[matches["target_id"].isin(targets)]
    for row in as_rows(own, ["target_id", "entry_id", "probability", "status", "word_score"]):
        if row["probability"] <= 0.0:
            continue
        # An entry that a person decided on and that is gone stays a possible one, of unknown day.
        entry = entries.get(row["entry_id"], _GONE)
        day = as_day(entry["discovered_on"])
        if day is not None and day > cutoff:
            continue
        linked.setdefault(row["target_id"], []).append(
            {
                "entry_id": row["entry_id"],
                "probability": row["probability"],
                "fits": row["word_score"],
                "sure": row["status"] in _SURE,
                "asked": row["status"] == MatchStatus.AMBIGUOUS.value,
                "unit_id": as_text(entry["unit_id"]),
                "people": as_text(entry["people"]),
                "status": as_text(entry["status"]),
                "tied_to": tied_to.get(row["entry_id"]),
                "day": day,
                "until": as_day(entry["discovered_until"]) or day,
                "named": carried.get(str(entry["stated_target_id"]).strip()) == row["target_id"],
            }
        )
    return linked


def answered_targets(entries: gpd.GeoDataFrame, carried: Mapping[str, str], cutoff: date) -> dict[str, list[str]]:
    """Entry ids per target of ledger rows that name it and say that nothing was found there."""
    named = entries[~entries["finding"] & entries["stated_target_id"].notna()]
    answered: dict[str, list[str]] = {}
    for entry, day, stated in zip(named["entry_id"], named["discovered_on"], named["stated_target_id"], strict=True):
        known, target = as_day(day), carried.get(str(stated).strip())
        if target is not None and (known is None or known <= cutoff):
            answered.setdefault(target, []).append(entry)
    return {target: sorted(found) for target, found in answered.items()}


def unlocated_findings(entries: gpd.GeoDataFrame, vocabulary: Vocabulary, cutoff: date) -> dict[str, list[Row]]:
    """Findings per unit whose place is unknown or only alike in name, with their ``topics``, ``day`` and ``last_day``.

    ``told_from_afar``: seen by a drone or a camera, or told by somebody else, so that its outing says nothing of where.
    """
    lost: dict[str, list[Row]] = {}
    nowhere = entries.geometry.isna() | entries.geometry.is_empty
    nowhere |= entries["position_source"].isin((NOT_LOCATED, ALIKE))
    rows = entries[nowhere & entries["finding"]].sort_values("entry_id")
    for row in as_rows(rows):
        day = as_day(row["discovered_on"])
        if day is None or day <= cutoff:
            last = np.datetime64(as_day(row["discovered_until"]) or day or "NaT", "D")
            told = topics(entry_text(row), vocabulary)
            whole = " ".join([entry_text(row), *(row[name] for name in _TOLD_IN if isinstance(row[name], str))])
            afar = any(word in whole for word in vocabulary.get("told_from_afar", ()))
            facts = {"topics": told, "day": day, "last_day": last, "told_from_afar": afar}
            lost.setdefault(row["unit_id"], []).append({**row, **facts})
    return lost


def not_tied(lost: Mapping[str, Sequence[Row]], matches: pd.DataFrame, reject_match: float) -> dict[str, list[Row]]:
    """Those of :func:`unlocated_findings` that MATCHES tie to no target yet.

    Where only the name is alike nothing but a sure tie counts: that it is the named village is itself in doubt.
    """
    tied = set(matches.loc[matches["probability"] >= reject_match, "entry_id"])
    sure = matches["status"].isin(_SURE) & (matches["probability"] > 0.5)
    surely = set(matches.loc[sure, "entry_id"])
    return {
        unit: [row for row in rows if row["entry_id"] not in (surely if row["position_source"] == ALIKE else tied)]
        for unit, rows in lost.items()
    }


def units_by_cell(visits: pd.DataFrame) -> dict[str, list[Visitor]]:
    """Per cell every unit that patrolled it, with the last day of that visit."""
    found: dict[str, set[tuple[str, date | None]]] = {}
    last = visits["visited_until"].where(visits["visited_until"].notna(), visits["visited_on"])
    for unit, cells, day in zip(visits["unit_id"], visits["cell_ids"], last, strict=True):
        for cell in split_cells(cells):
            found.setdefault(cell, set()).add((unit, as_day(day)))
    return {cell: sorted(units, key=lambda unit: (unit[0], unit[1] or date.max)) for cell, units in found.items()}


def passed_by(visitors: Sequence[Visitor], since: date | None) -> list[str]:
    """The units among ``visitors`` (of :func:`units_by_cell`) that were there on or after ``since``, or may have been."""
    return sorted({unit for unit, day in visitors if since is None or day is None or day >= since})


def may_be_target(
    target: Row,
    task: Answer,
    responsibility: Responsibility,
    cell: str | None,
    visitors: Sequence[Visitor],
    lost: Mapping[str, Sequence[Row]],
    cutoff: date,
    *,
    max_lead_days: int,
) -> list[Row]:
    """Rows of :func:`not_tied`, by id, that neither their day, their words nor their stated area exclude.

    Asked are all units that answered for the cell from the target's last clear look before it to ``cutoff``, and those
    that patrolled it since (``visitors`` of :func:`units_by_cell`): another team may have written it down.
    """
    units = {task.unit_id, task.acting_unit_id}
    first = as_day(target["first_seen"])
    since = as_day(target["last_clear"]) or first
    if since is not None:
        for answer in responsibility.over(cell, since, cutoff, task):
            units |= {answer.unit_id, answer.acting_unit_id}
    units |= set(passed_by(visitors, since))
    rows = [row for unit in sorted(unit for unit in units if unit) for row in lost.get(unit, [])]
    if not rows:
        return []
    until = np.array([row["last_day"] for row in rows], dtype="datetime64[D]")
    clear, seen = (np.array([day or "NaT"], dtype="datetime64[D]") for day in (as_day(target["last_clear"]), first))
    old = too_old(until, clear, seen, max_lead_days=max_lead_days)
    found = []
    for row, excluded in zip(rows, old, strict=True):
        day = row["day"]
        after = 0.0 if day is None or first is None else float((day - first).days)
        words = stage_factor(row["topics"], target["stage"], after)
        words *= area_factor(row["stated_area_m2"], target["area_m2"], after)
        if not excluded and words > WORDS_EXCLUDE:
            found.append(row)
    return sorted(found, key=lambda row: row["entry_id"])
