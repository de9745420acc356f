"""Checks of the patrol plan: cells nobody planned, rows that contradict the responsibility or themselves."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import pandas as pd

from pipeline.patrol.responsibility import problem_row, problems_table


def check_plan(
    plan: pd.DataFrame, answerable: Sequence[pd.DataFrame], people: pd.DataFrame, *, first_day: date, last_day: date
) -> Any:
    """What is wrong with the plan for the days ``first_day``..``last_day``, as :data:`~pipeline.schema.PLAN_CHECK`.

    ``answerable``: tables with one row per cell, ``cell_id, unit_id, acting_unit_id``, on days of this span (its first
    and last); a plan row is sound when its unit answers for the cell on any of them. Only plan rows that touch the
    span are judged; a row whose due days are backwards is always reported and never counts as a plan.
    """
    problems: list[dict[str, str | None]] = []
    backwards = plan["due_to"] < plan["due_from"]
    for plan_id, unit_id, cell_id in plan.loc[backwards, ["plan_id", "unit_id", "cell_id"]].itertuples(index=False):
        problems.append(problem_row("plan_days_backwards", unit_id, cell_id, f"计划{plan_id}的截止日期早于起始日期"))
    touches = (plan["due_from"] <= pd.Timestamp(last_day)) & (plan["due_to"] >= pd.Timestamp(first_day))
    current = plan[touches & ~backwards]
    units_of = _units_of(answerable)
    unit_of_person = dict(zip(people["person_id"], people["unit_id"], strict=True))
    for row in current.to_dict("records"):
        problems += _row_problems(row, units_of, unit_of_person)
    planned = set(current.loc[current["visits_required"] > 0, "cell_id"])
    for cell_id in sorted(units_of.keys() - planned):
        unit_id = units_of[cell_id][0][0]
        problems.append(problem_row("cell_not_planned", unit_id, cell_id, f"{first_day}至{last_day}没有巡查计划"))
    return problems_table(problems)


def _units_of(answerable: Sequence[pd.DataFrame]) -> dict[str, list[tuple[Any, Any]]]:
    """Cell to the pairs of territory and acting unit it had, each once, in the order of days."""
    units_of: dict[str, list[tuple[Any, Any]]] = {}
    for frame in answerable:
        for cell_id, unit_id, acting in frame[["cell_id", "unit_id", "acting_unit_id"]].itertuples(index=False):
            pairs = units_of.setdefault(cell_id, [])
            if (unit_id, acting) not in pairs:
                pairs.append((unit_id, acting))
    return units_of


def _row_problems(
    row: dict[Any, Any], units_of: dict[str, list[tuple[Any, Any]]], unit_of_person: dict[str, str]
) -> list[dict[str, str | None]]:
    found = []
    plan_id, unit_id, cell_id, person_id = row["plan_id"], row["unit_id"], row["cell_id"], row["person_id"]
    pairs = units_of.get(cell_id, [])
    allowed = {name for pair in pairs for name in pair}
    if cell_id not in units_of:
        found.append(problem_row("plan_unknown_cell", unit_id, cell_id, f"计划{plan_id}的网格{cell_id}不存在"))
    elif unit_id not in allowed:
        belongs = "、".join(f"{unit}（{acting}负责）" if acting != unit else f"{unit}" for unit, acting in pairs)
        what = f"计划{plan_id}由{unit_id}制定，网格属于{belongs}"
        found.append(problem_row("plan_of_other_unit", unit_id, cell_id, what))
    own = unit_of_person.get(person_id) if isinstance(person_id, str) else None
    if isinstance(person_id, str) and own not in {unit_id, *(allowed if unit_id in allowed else ())}:
        what = f"计划{plan_id}的人员{person_id}" + (f"属于{own}" if own else "不在人员表中")
        found.append(problem_row("plan_person_of_other_unit", unit_id, cell_id, what))
    if row["visits_required"] <= 0:
        what = f"计划{plan_id}的应巡次数为{row['visits_required']}"
        found.append(problem_row("plan_without_visits", unit_id, cell_id, what))
    return found
