"""Whose records count for a part split off a target: what was recorded of the whole, up to the month of the split."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import pandas as pd

from pipeline.supervise.acts import Acts, Heir, survivors
from pipeline.values import Period, TargetState


@dataclass(frozen=True)
class _Origin:
    """An id whose records count for a part until a day, and the area of the ground that they then spoke of, m2."""

    name: str
    until: pd.Timestamp
    whole_m2: float


def heirs(targets: pd.DataFrame) -> dict[str, list[Heir]]:
    """By the id under which a record was written, the parts split off since for which it counts too.

    ``targets``: ``schema.TARGETS``. A record of the month of the split still speaks of the whole, because nobody knew the
    part's id before. What merged into a target before the split counts as that target. A part merged back into where
    the records are carried anyway is no heir; merged elsewhere, the records speak of that part of the ground alone.
    """
    rows = {row["target_id"]: row for row in targets.drop(columns="geometry", errors="ignore").to_dict("records")}
    merged: dict[str, list[str]] = {}
    for name in sorted(rows):
        if isinstance(rows[name]["merged_into"], str):
            merged.setdefault(rows[name]["merged_into"], []).append(name)
    carried, found = survivors(targets), dict[str, list[Heir]]()
    for name in sorted(rows):
        goal = carried[name]
        for origin in _origins(name, rows, merged, frozenset()):
            if carried[origin.name] != goal:
                heir = Heir(goal, origin.until, "" if goal == name else name, origin.whole_m2)
                found.setdefault(origin.name, []).append(heir)
    # what two parts of one ground inherit that came together again counts once, first for the part that goes on
    return {name: sorted(own, key=lambda heir: (heir.target_id, heir.part)) for name, own in sorted(found.items())}


def _origins(
    name: str, rows: Mapping[str, Mapping[Any, Any]], merged: Mapping[str, list[str]], passed: frozenset[str]
) -> list[_Origin]:
    """The ids whose records count for a part besides its own, nearest first."""
    parent = rows[name]["parent_ids"]
    if not isinstance(parent, str) or parent not in rows or passed & {name, parent}:
        return []
    period = str(rows[name]["first_period"])
    until = pd.Timestamp(Period.parse(period).last_day)
    whole_m2 = _area_before(rows[parent], period)
    result = []
    for member in [parent, *_merged_by(parent, period, rows, merged)]:
        result.append(_Origin(member, until, whole_m2))
        above = _origins(member, rows, merged, passed | {name})
        result += [replace(origin, until=min(origin.until, until)) for origin in above]
    return result


def _merged_by(
    name: str, period: str, rows: Mapping[str, Mapping[Any, Any]], merged: Mapping[str, list[str]]
) -> list[str]:
    """What was merged into a target before a period, and into those."""
    found: list[str] = []
    waiting = [name]
    while waiting:
        for other in merged.get(waiting.pop(), []):
            if other not in (name, *found) and _merged_in(rows[other]) < period:
                found.append(other)
                waiting.append(other)
    return found


def _merged_in(row: Mapping[Any, Any]) -> str:
    """The period in which a target was merged into another; after all others where its history does not say."""
    steps = json.loads(row["history"])
    return next((step["period"] for step in steps if step["state"] == TargetState.MERGED.value), "9999-12")


def _area_before(row: Mapping[Any, Any], period: str) -> float:
    """A target's area in the last period before another, m2; infinite where its history does not reach back."""
    earlier = [step["area_m2"] for step in json.loads(row["history"]) if step["period"] < period]
    return float(earlier[-1]) if earlier else float("inf")


def without_inherited(acts: Mapping[str, Acts]) -> dict[str, Acts]:
    """The acts recorded of each target itself: nobody answers twice for what was recorded of the whole."""
    names = ("dispatches", "checks", "unresolved", "approvals", "notices", "referrals", "decisions")
    return {
        target: replace(own, **{name: [act for act in getattr(own, name) if not act.inherited] for name in names})
        for target, own in acts.items()
    }
