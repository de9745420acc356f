"""Who answers for a cell or a place on a given day: territory unit, acting unit (delegation) and person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.geometry import Point

from pipeline.schema import PLAN_CHECK, conform

_Row = tuple[Any, str, str]
ANSWERABLE = ["cell_id", "unit_id", "acting_unit_id", "person_id"]


@dataclass(frozen=True)
class Answerable:
    """``cells``: one row per cell with :data:`ANSWERABLE`; ``problems``: :data:`~pipeline.schema.PLAN_CHECK` rows."""

    cells: pd.DataFrame
    problems: Any


def answerable_for(
    cells: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame,
    people: pd.DataFrame,
    responsibility: pd.DataFrame,
    delegations: pd.DataFrame,
    *,
    day: date,
) -> Answerable:
    """Who answers for every cell on ``day``; dates in the tables are inclusive, an open end runs on.

    The row with the latest start wins where several are valid. A cell without a row belongs to the unit polygon of the
    highest precedence at its centroid (ties: smaller unit id) and has no person. The acting unit is the delegate of a
    delegation valid on the day, else the unit itself. A person who is unknown, belongs to neither unit, or belongs to
    the unit that has delegated its work is not named. Every such case is a row of ``problems``.
    """
    rows_of = _rows_by_cell(_valid_on(responsibility, day))
    unit_of_person = dict(zip(people["person_id"], people["unit_id"], strict=True))
    acting_of, problems = acting_units(delegations, day=day)
    rows = []
    for cell_id, shape in sorted(zip(cells["cell_id"], cells.geometry, strict=True)):
        candidates = rows_of.get(cell_id)
        if candidates is None:
            unit_id: str | None = unit_at(units, shape.centroid)
            person_id: str | None = None
            stand_in = f"暂按辖区范围归{unit_id}" if unit_id else "也不在任何单位辖区内"
            problems.append(
                problem_row("cell_without_responsibility", unit_id, cell_id, f"{day} 无责任分工，{stand_in}")
            )
        else:
            unit_id, person_id, found = _chosen(candidates, cell_id, day)
            problems += found
        acting = acting_of.get(unit_id, unit_id) if unit_id is not None else None
        if person_id is not None:
            doubt = _person_doubt(person_id, unit_of_person, unit_id, acting)
            if doubt is not None:
                problems.append(problem_row(doubt[0], unit_id, cell_id, f"{day} {doubt[1]}"))
                person_id = None
        rows.append({"cell_id": cell_id, "unit_id": unit_id, "acting_unit_id": acting, "person_id": person_id})
    frame = pd.DataFrame(rows, columns=ANSWERABLE, dtype="object")
    return Answerable(frame, problems_table(problems))


def acting_units(delegations: pd.DataFrame, *, day: date) -> tuple[dict[str, str], list[dict[str, str | None]]]:
    """Unit to the delegate that acts for it on ``day``, and the delegations that contradict each other."""
    valid = _valid_on(delegations, day).sort_values(
        ["unit_id", "valid_from", "delegate_unit_id"], ascending=[True, False, True], kind="stable"
    )
    acting: dict[str, str] = {}
    problems: list[dict[str, str | None]] = []
    for unit_id, frame in valid.groupby("unit_id", sort=True):
        delegates = list(dict.fromkeys(frame["delegate_unit_id"]))
        acting[str(unit_id)] = delegates[0]
        if len(delegates) > 1:
            what = f"{day} 同时委托给{'、'.join(delegates)}，暂按最近起始的{delegates[0]}"
            problems.append(problem_row("delegation_overlap", str(unit_id), None, what))
    for unit_id, delegate in acting.items():
        if delegate in acting:
            what = f"{day} 受托单位{delegate}又委托给{acting[delegate]}，不再逐级转委托，仍由{delegate}负责"
            problems.append(problem_row("delegation_chain", unit_id, None, what))
    return acting, problems


def unit_at(units: gpd.GeoDataFrame, point: Point) -> str | None:
    """The unit whose polygon covers ``point`` with the highest precedence (ties: smaller id), or None."""
    rows = [int(row) for row in units.sindex.query(point, predicate="covered_by")]
    ranked = sorted((-int(units["precedence"].iloc[row]), str(units["unit_id"].iloc[row])) for row in rows)
    return ranked[0][1] if ranked else None


def problems_table(problems: list[dict[str, str | None]]) -> Any:
    """Problems as a sorted :data:`~pipeline.schema.PLAN_CHECK` table, each said once."""
    frame = pd.DataFrame(problems, columns=PLAN_CHECK.names, dtype="object").drop_duplicates()
    order = frame.fillna("").sort_values(PLAN_CHECK.names, kind="stable").index
    return conform(PLAN_CHECK, frame.loc[order])


def problem_row(rule: str, unit_id: str | None, cell_id: str | None, problem: str) -> dict[str, str | None]:
    """A row of :data:`~pipeline.schema.PLAN_CHECK`."""
    return {"rule": rule, "unit_id": unit_id, "cell_id": cell_id, "problem": problem}


def _valid_on(frame: pd.DataFrame, day: date) -> pd.DataFrame:
    stamp = pd.Timestamp(day)
    open_end = frame["valid_to"].isna().to_numpy() | (frame["valid_to"] >= stamp).to_numpy()
    return frame[np.asarray(frame["valid_from"] <= stamp) & open_end]


def _rows_by_cell(valid: pd.DataFrame) -> dict[str, list[_Row]]:
    """Cell to its start, unit and person rows, the latest start first."""
    ordered = valid.sort_values(
        ["cell_id", "valid_from", "unit_id", "person_id"], ascending=[True, False, True, True], kind="stable"
    )
    rows_of: dict[str, list[_Row]] = {}
    for cell_id, *row in ordered[["cell_id", "valid_from", "unit_id", "person_id"]].itertuples(index=False, name=None):
        rows_of.setdefault(cell_id, []).append((row[0], row[1], row[2]))
    return rows_of


def _chosen(rows: list[_Row], cell_id: str, day: date) -> tuple[str, str | None, list[dict[str, str | None]]]:
    """Unit and person of the latest row; no person where rows of the same start name different ones."""
    pairs = list(dict.fromkeys((unit_id, person_id) for _, unit_id, person_id in rows))
    unit_id, person_id = pairs[0]
    if len(pairs) == 1:
        return unit_id, person_id, []
    latest = {(unit, person) for start, unit, person in rows if start == rows[0][0]}
    said = "、".join(f"{unit}/{person}" for unit, person in pairs)
    chosen = f"暂按{unit_id}/{person_id}" if len(latest) == 1 else f"起始日相同，暂归{unit_id}，责任人待定"
    problem = problem_row("responsibility_overlap", unit_id, cell_id, f"{day} 有多条责任分工（{said}），{chosen}")
    return unit_id, person_id if len(latest) == 1 else None, [problem]


def _person_doubt(
    person_id: str, unit_of_person: dict[str, str], unit_id: str | None, acting: str | None
) -> tuple[str, str] | None:
    own = unit_of_person.get(person_id)
    if own is None:
        return "person_unknown", f"责任人{person_id}不在人员表中，责任人待定"
    if own not in (unit_id, acting):
        return "person_of_other_unit", f"责任人{person_id}属于{own}，不属于{unit_id}，责任人待定"
    if own != acting:
        return "delegated_without_person", f"已委托{acting}，责任人{person_id}仍为{unit_id}人员，责任人待定"
    return None
