"""Who answers for a cell or a place on a given day: territory unit, acting unit (delegation) and person."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely.geometry import Point

from pipeline.duty import Answer, Responsibility, Turn
from pipeline.schema import PLAN_CHECK, RESPONSIBILITY, conform, empty

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
    unit_of_person = dict(zip(people["person_id"], people["unit_id"], strict=True))
    book = Responsibility(responsibility, delegations, unit_of_person)
    problems = _delegation_problems(book, day)
    rows = []
    for cell_id, shape in sorted(zip(cells["cell_id"], cells.geometry, strict=True)):
        turns = book.turns_on(cell_id, day)
        territory = None if turns else unit_at(units, shape.centroid)
        answer = book.on(cell_id, day, Answer(territory, None, None))
        problems += _cell_problems(cell_id, day, turns, answer, unit_of_person)
        rows.append(
            {"cell_id": cell_id, "unit_id": answer.unit_id, "acting_unit_id": answer.acting_unit_id,
             "person_id": answer.person_id}
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=ANSWERABLE, dtype="object")
    return Answerable(frame, problems_table(problems))


def acting_units(delegations: pd.DataFrame, *, day: date) -> tuple[dict[str, str], list[dict[str, str | None]]]:
    """Unit to the delegate that acts for it on ``day``, and the delegations that contradict each other."""
    book = Responsibility(empty(RESPONSIBILITY), delegations)
    running = {unit_id: book.delegates_on(unit_id, day) for unit_id in book.delegating_units()}
    acting = {unit_id: delegates[0] for unit_id, delegates in running.items() if delegates}
    return acting, _delegation_problems(book, day)


def _delegation_problems(book: Responsibility, day: date) -> list[dict[str, str | None]]:
    problems: list[dict[str, str | None]] = []
    running = {unit_id: book.delegates_on(unit_id, day) for unit_id in book.delegating_units()}
    for unit_id, delegates in running.items():
        if len(delegates) > 1:
            what = f"{day} 同时委托给{'、'.join(delegates)}，暂按最近起始的{delegates[0]}"
            problems.append(problem_row("delegation_overlap", unit_id, None, what))
    for unit_id, delegates in running.items():
        further = running.get(delegates[0], []) if delegates else []
        if further:
            what = f"{day} 受托单位{delegates[0]}又委托给{further[0]}，不再逐级转委托，仍由{delegates[0]}负责"
            problems.append(problem_row("delegation_chain", unit_id, None, what))
    return problems


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


def _cell_problems(
    cell_id: str, day: date, turns: list[Turn], answer: Answer, unit_of_person: dict[str, str]
) -> list[dict[str, str | None]]:
    """Why a cell's answer is not sure: no row, several rows, or a person who may not be named."""
    unit_id = answer.unit_id
    if not turns:
        stand_in = f"暂按辖区范围归{unit_id}" if unit_id else "也不在任何单位辖区内"
        return [problem_row("cell_without_responsibility", unit_id, cell_id, f"{day} 无责任分工，{stand_in}")]
    problems = []
    latest = {(turn.unit_id, turn.person_id) for turn in turns if turn.start == turns[0].start}
    pairs = list(dict.fromkeys((turn.unit_id, turn.person_id) for turn in turns))
    if len(pairs) > 1:
        said = "、".join(f"{unit}/{person}" for unit, person in pairs)
        chosen = f"暂按{unit_id}/{pairs[0][1]}" if len(latest) == 1 else f"起始日相同，暂归{unit_id}，责任人待定"
        what = f"{day} 有多条责任分工（{said}），{chosen}"
        problems.append(problem_row("responsibility_overlap", unit_id, cell_id, what))
    doubt = _person_doubt(pairs[0][1], unit_of_person, unit_id, answer.acting_unit_id) if len(latest) == 1 else None
    if doubt is not None:
        problems.append(problem_row(doubt[0], unit_id, cell_id, f"{day} {doubt[1]}"))
    return problems


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
