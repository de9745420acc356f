"""What the patrols of a unit and of a person did: planned against done, time, distance, ground and risk seen, gaps."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pandas as pd

from pipeline.reconcile.coverage import within_span
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sight import doubtful, has_track
from pipeline.schema import EFFORT, conform
from pipeline.values import CoverageState

Row = dict[str, Any]
_NOT_REACHED = (CoverageState.NEVER_VISITED.value, CoverageState.LEDGER_ONLY.value)


def patrol_effort(
    coverage: pd.DataFrame, visits: pd.DataFrame, people: pd.DataFrame, *, start: date, end: date
) -> pd.DataFrame:
    """EFFORT per acting unit (``person_id`` null) and per person of it, from ``start`` to ``end``.

    Cells, plan, ground and risk come from ``coverage`` by who answers for the cell; hours, distance and visits are the
    unit's own, a person's where ``people`` of the visit names him (two of one name in a unit: neither). A visit is done
    as planned up to the number its cell requires. Claims have no time or distance. Observable shares weigh each cell's
    seen share with what its imagery could observe, taking the two as independent inside a cell.
    """
    month = visits[within_span(visits, start, end)]
    month = month.assign(tracked=has_track(month), doubted=[doubtful(value) for value in month["doubts"]])
    trips = as_rows(month.sort_values("visit_id", kind="stable"))
    cells = as_rows(coverage)
    names = _names(people)
    units = {row["acting_unit_id"] for row in cells if isinstance(row["acting_unit_id"], str)}
    rows = []
    for unit in sorted(units | {row["unit_id"] for row in trips}):
        ground = [row for row in cells if row["acting_unit_id"] == unit]
        own = [row for row in trips if row["unit_id"] == unit]
        rows.append({"unit_id": unit, "person_id": None} | _sums(ground, own))
        persons = {row["person_id"] for row in ground if isinstance(row["person_id"], str)}
        for person in sorted(persons | set(names.get(unit, {}))):
            mine = [row for row in ground if row["person_id"] == person]
            name = names.get(unit, {}).get(person)
            gone = [row for row in own if name is not None and name in _listed(row["people"])]
            if mine or gone:
                rows.append({"unit_id": unit, "person_id": person} | _sums(mine, gone))
    return conform(EFFORT, pd.DataFrame(rows, columns=EFFORT.names))


def _names(people: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Unit to person id to name, for names that one person of the unit bears."""
    result: dict[str, dict[str, str]] = {}
    for unit, part in people.groupby("unit_id", sort=True):
        alone = part[~part["name"].duplicated(keep=False)]
        result[str(unit)] = dict(zip(alone["person_id"], alone["name"], strict=True))
    return result


def _listed(people: object) -> set[str]:
    text = people if isinstance(people, str) else ""
    for mark in "，,；;/ ":
        text = text.replace(mark, "、")
    return {name for name in text.split("、") if name}


def _sums(cells: list[Row], trips: list[Row]) -> Row:
    planned = [row for row in cells if row["planned_visits"] > 0]
    tracks = [row for row in trips if row["tracked"]]
    return {
        "cells": len(cells),
        "planned_cells": len(planned),
        "planned_visits": sum(row["planned_visits"] for row in planned),
        "done_visits": sum(min(row["planned_visits"], row["track_visits"]) for row in planned),
        "track_visits": len(tracks),
        "track_only_visits": sum(row["evidence"] == "track" for row in tracks),
        "ledger_only_visits": len(trips) - len(tracks),
        "doubtful_visits": sum(row["doubted"] for row in tracks),
        "hours": _total(row["minutes"] for row in tracks) / 60.0,
        "length_km": _total(row["length_m"] for row in tracks) / 1000.0,
        "area_ha": _total(row["area_ha"] for row in cells),
        "risk": _total(row["risk"] for row in cells),
        "seen_early_share": _mean(cells, "seen_early_share", lambda row: row["area_ha"]),
        "seen_built_share": _mean(cells, "seen_built_share", lambda row: row["area_ha"]),
        "observable_seen_early_share": _mean(cells, "seen_early_share", _observable),
        "observable_seen_built_share": _mean(cells, "seen_built_share", _observable),
        "risk_seen_early_share": _mean(cells, "risk_seen_early_share", lambda row: row["risk"]),
        "risk_seen_built_share": _mean(cells, "risk_seen_built_share", lambda row: row["risk"]),
        "longest_gap_days": max((int(row["longest_gap_days"]) for row in planned), default=None),
        "never_visited_cells": sum(row["state"] in _NOT_REACHED for row in planned),
    }


def _observable(row: Mapping[str, Any]) -> float:
    return float(row["area_ha"]) * float(row["observable_share"])


def _total(values: Iterable[Any]) -> float:
    return float(sum(float(value) for value in values if pd.notna(value)))


def _mean(cells: list[Row], column: str, weight: Any) -> float | None:
    known = [(row[column], weight(row)) for row in cells if pd.notna(row[column]) and weight(row) > 0]
    total = sum(each for _, each in known)
    return float(sum(value * each for value, each in known) / total) if total > 0 else None
