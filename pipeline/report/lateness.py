"""Which open tasks are past their deadline, and which unit held each of them until then, as 考核指标 counts it."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from pipeline.values import Outcome


@dataclass(frozen=True)
class OpenTask:
    """A task to be done: the unit that acts now, the one that held it until ``due_on``, and whether that day has passed.

    ``held_by`` is None where the unit changed between the day the step counts from and its deadline.
    """

    target_id: str
    acting_unit_id: str | None
    held_by: str | None
    due_on: date
    late: bool


def open_tasks(tasks: pd.DataFrame, cases: pd.DataFrame, as_of: date) -> tuple[OpenTask, ...]:
    """The included TASKS with a deadline that nobody has checked yet, in the given order.

    ``held_by`` is ``due_unit_id`` of CASES, the acting unit where no case has a deadline. A task is late from the day
    after its deadline, unless a disputed record keeps its case from being late.
    """
    known = {row["target_id"]: row for row in cases.to_dict("records")}
    found = []
    for row in tasks[tasks["included"].astype(bool) & tasks["due_on"].notna()].to_dict("records"):
        case, acting = known.get(row["target_id"], {}), _unit(row["acting_unit_id"])
        if case.get("outcome", Outcome.UNCHECKED.value) != Outcome.UNCHECKED.value:
            continue
        of_case = pd.notna(case.get("due_on"))
        due = row["due_on"].date()
        late = due < as_of and (not of_case or bool(case["overdue"]))
        held_by = _unit(case["due_unit_id"]) if of_case else acting
        found.append(OpenTask(row["target_id"], acting, held_by, due, late))
    return tuple(found)


def lateness(todo: Sequence[OpenTask], unit: str | None, names: Mapping[str, str]) -> dict[str, Any]:
    """A unit's deadlines as plain JSON values; ``names``: unit id to name.

    ``past_due``: its tasks past a deadline up to which it held them; ``taken_over``: those that another unit held until
    then, per holder (None: it changed within); ``handed_over``: those that it held itself and others have now, per unit.
    """
    mine = [task for task in todo if task.acting_unit_id == unit]
    own = [task for task in mine if task.late and task.held_by == unit]
    taken = [task for task in mine if task.late and task.held_by != unit]
    left = [task for task in todo if task.late and task.held_by == unit != task.acting_unit_id]
    return {
        "first_due_on": _first_day([task for task in mine if not task.late]),
        "past_due": len(own),
        "first_past_due_on": _first_day(own),
        "taken_over": _grouped([(task.held_by, task) for task in taken], names),
        "handed_over": [] if unit is None else _grouped([(task.acting_unit_id, task) for task in left], names),
    }


def with_late_handover(tasks: Any, cases: pd.DataFrame, names: Mapping[str, str], as_of: date) -> Any:
    """TASKS whose reason says so where the deadline passed while another unit held them. ``tasks`` is not changed."""
    said = {
        task.target_id: f"办理期限{task.due_on}届满前{_held(task.held_by, names)}"
        for task in open_tasks(tasks, cases, as_of)
        if task.late and task.held_by != task.acting_unit_id
    }
    reasons = [
        f"{reason.removesuffix('。')}；{said[target]}。" if target in said else reason
        for target, reason in zip(tasks["target_id"], tasks["reason"], strict=True)
    ]
    return tasks.assign(reason=pd.Series(reasons, index=tasks.index, dtype="str"))


def _held(holder: str | None, names: Mapping[str, str]) -> str:
    if holder is None:
        return "换过负责单位，逾期只计入全市"
    return f"由{names.get(holder, holder)}负责，接手时已过期限，逾期不计本单位"


def _grouped(pairs: Sequence[tuple[str | None, OpenTask]], names: Mapping[str, str]) -> list[dict[str, Any]]:
    """Per unit how many of the tasks, and their first deadline, in the order of ids, None last."""
    groups: dict[str | None, list[OpenTask]] = {}
    for unit, task in sorted(pairs, key=lambda pair: (pair[0] is None, pair[0] or "")):
        groups.setdefault(unit, []).append(task)
    return [
        {
            "unit_id": unit,
            "name": None if unit is None else names.get(unit, unit),
            "tasks": len(group),
            "first_due_on": _first_day(group),
        }
        for unit, group in groups.items()
    ]


def _first_day(tasks: Sequence[OpenTask]) -> str | None:
    return min(task.due_on for task in tasks).isoformat() if tasks else None


def _unit(value: Any) -> str | None:
    return value if isinstance(value, str) else None
