from __future__ import annotations

from datetime import date

import pandas as pd

from pipeline.patrol.plan import check_plan
from pipeline.schema import PLAN, PLAN_CHECK
from tests.patrol.town import no, people, table

DUTY = pd.DataFrame(
    {"cell_id": ["G1", "G3"], "unit_id": ["U1", "U2"], "acting_unit_id": ["U1", "CT"], "person_id": None},
    dtype="object",
)
OCTOBER = {"first_day": date(2026, 10, 1), "last_day": date(2026, 10, 31)}
GOOD = [
    ("J1", "U1", "G1", "P1", "2026-10-01", "2026-10-31", 4),
    ("J2", "CT", "G3", "P9", "2026-10-31", "2026-11-30", 1),
]


def rules(*rows: tuple[object, ...]) -> list[list[str]]:
    found = check_plan(table(PLAN, *rows) if rows else no(PLAN), [DUTY], people(), **OCTOBER)
    assert list(found.columns) == PLAN_CHECK.names
    return found[["rule", "cell_id"]].to_numpy().tolist()


def test_a_sound_plan_has_no_problems() -> None:
    assert rules(*GOOD) == []


def test_the_territorys_own_plan_for_a_delegated_cell_is_sound_too() -> None:
    assert rules(GOOD[0], ("J2", "U2", "G3", "P2", "2026-10-05", "2026-10-06", 1)) == []


def test_cells_without_a_plan_in_the_period_are_named() -> None:
    assert rules() == [["cell_not_planned", "G1"], ["cell_not_planned", "G3"]]
    assert rules(GOOD[0], ("J2", "U2", "G3", None, "2026-11-01", "2026-11-30", 1)) == [["cell_not_planned", "G3"]]
    assert rules(GOOD[0], ("J2", "U2", "G3", None, "2026-10-01", "2026-10-30", 0)) == [
        ["cell_not_planned", "G3"],
        ["plan_without_visits", "G3"],
    ]


def test_a_plan_of_another_unit_or_for_an_unknown_cell_is_named() -> None:
    assert rules(*GOOD, ("J3", "U2", "G1", None, "2026-10-01", "2026-10-31", 1)) == [["plan_of_other_unit", "G1"]]
    assert rules(*GOOD, ("J3", "U2", "G9", None, "2026-10-01", "2026-10-31", 1)) == [["plan_unknown_cell", "G9"]]


def test_a_person_of_another_unit_is_named() -> None:
    assert rules(GOOD[1], ("J1", "U1", "G1", "P2", "2026-10-01", "2026-10-31", 1)) == [
        ["plan_person_of_other_unit", "G1"]
    ]


def test_backward_days_are_named_and_do_not_count_as_a_plan() -> None:
    assert rules(GOOD[1], ("J1", "U1", "G1", "P1", "2026-10-31", "2026-10-01", 1)) == [
        ["cell_not_planned", "G1"],
        ["plan_days_backwards", "G1"],
    ]


def test_a_unit_that_answered_on_any_day_of_the_period_may_have_planned() -> None:
    ended = DUTY.assign(acting_unit_id=["U1", "U2"])
    plan = table(PLAN, *GOOD)
    assert check_plan(plan, [DUTY, ended], people(), **OCTOBER).empty
    found = check_plan(plan, [ended], people(), **OCTOBER)
    assert found["rule"].tolist() == ["plan_of_other_unit"]
