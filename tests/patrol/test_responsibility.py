from __future__ import annotations

from datetime import date

import pytest

from pipeline.patrol.responsibility import acting_units, answerable_for, unit_at
from pipeline.schema import DELEGATIONS, PEOPLE, RESPONSIBILITY
from tests.patrol.town import cells, delegation, no, people, responsibility, square, table, units

BEFORE, FIRST, LAST, AFTER = date(2026, 2, 28), date(2026, 3, 1), date(2026, 9, 30), date(2026, 10, 1)


def duty(day: date, **other: object) -> tuple[dict[str, list[object]], list[list[object]]]:
    given = {"people": people(), "responsibility": responsibility(), "delegations": delegation(), **other}
    found = answerable_for(cells(), units(), **given, day=day)
    rows = found.cells.set_index("cell_id")[["unit_id", "acting_unit_id", "person_id"]]
    named = found.problems[["rule", "unit_id", "cell_id"]].astype("object")
    return {str(cell): list(row) for cell, row in zip(rows.index, rows.to_numpy(), strict=True)}, named.where(
        named.notna(), None
    ).to_numpy().tolist()


@pytest.mark.parametrize("day", [BEFORE, AFTER])
def test_outside_the_delegation_the_unit_acts_itself(day: date) -> None:
    rows, problems = duty(day)
    assert rows["G3"] == ["U2", "U2", "P2"] and rows["G1"] == ["U1", "U1", "P1"]
    assert problems == []


@pytest.mark.parametrize("day", [FIRST, LAST])
def test_on_the_boundary_days_the_delegate_acts_and_the_units_own_person_is_not_named(day: date) -> None:
    rows, problems = duty(day)
    assert rows["G3"] == ["U2", "CT", None] and rows["G1"] == ["U1", "U1", "P1"]
    assert problems == [["delegated_without_person", "U2", "G3"], ["delegated_without_person", "U2", "G4"]]


def test_a_person_of_the_delegate_is_named() -> None:
    handed = table(RESPONSIBILITY, *(("G" + str(n), "U2", "P9", "2026-03-01", None) for n in (1, 2, 3, 4)))
    rows, problems = duty(FIRST, responsibility=handed)
    assert rows["G3"] == ["U2", "CT", "P9"] and problems == []


def test_a_cell_without_a_row_goes_to_the_unit_of_highest_precedence_at_its_centroid() -> None:
    only = responsibility().iloc[:1]
    rows, problems = duty(BEFORE, responsibility=only)
    assert rows["G2"] == ["Z", "Z", None]
    assert rows["G4"] == ["U2", "U2", None]
    assert ["cell_without_responsibility", "Z", "G2"] in problems and len(problems) == 3


def test_a_cell_outside_every_unit_has_nobody_and_is_said() -> None:
    found = answerable_for(cells(5), units(), people(), no(RESPONSIBILITY), no(DELEGATIONS), day=BEFORE)
    last = found.cells.iloc[4]
    assert [last["unit_id"], last["acting_unit_id"], last["person_id"]] == [None, None, None]
    assert found.problems["problem"].str.contains("不在任何单位辖区").sum() == 1


def test_rows_end_on_their_last_day() -> None:
    ends = table(RESPONSIBILITY, ("G1", "U1", "P1", "2026-01-01", "2026-03-01"))
    assert duty(date(2026, 3, 1), responsibility=ends)[0]["G1"][2] == "P1"
    assert duty(date(2026, 3, 2), responsibility=ends)[0]["G1"][2] is None


def test_of_overlapping_rows_the_latest_start_wins_and_is_said() -> None:
    both = table(RESPONSIBILITY, ("G1", "U2", "P2", "2026-01-01", None), ("G1", "U1", "P1", "2026-02-01", None))
    rows, problems = duty(BEFORE, responsibility=both)
    assert rows["G1"] == ["U1", "U1", "P1"]
    assert ["responsibility_overlap", "U1", "G1"] in problems


def test_rows_of_the_same_start_that_contradict_name_no_person() -> None:
    both = table(RESPONSIBILITY, ("G1", "U1", "P1", "2026-01-01", None), ("G1", "U2", "P2", "2026-01-01", None))
    rows, problems = duty(BEFORE, responsibility=both)
    assert rows["G1"] == ["U1", "U1", None]
    assert ["responsibility_overlap", "U1", "G1"] in problems


@pytest.mark.parametrize(
    ("rows", "rule"),
    [
        ([("P2", "李四", "U2")], "person_unknown"),
        ([("P1", "张三", "U2"), ("P2", "李四", "U2")], "person_of_other_unit"),
    ],
)
def test_a_person_who_left_or_belongs_elsewhere_is_not_named(rows: list[tuple[str, ...]], rule: str) -> None:
    found, problems = duty(BEFORE, people=table(PEOPLE, *rows))
    assert found["G1"] == ["U1", "U1", None]
    assert [rule, "U1", "G1"] in problems


def test_two_delegations_on_a_day_take_the_latest_and_chains_are_not_followed() -> None:
    several = table(
        DELEGATIONS,
        ("U2", "U1", "2026-01-01", None),
        ("U2", "CT", "2026-03-01", None),
        ("CT", "Z", "2026-01-01", None),
    )
    acting, problems = acting_units(several, day=FIRST)
    assert acting == {"U2": "CT", "CT": "Z"}
    assert [problem["rule"] for problem in problems] == ["delegation_overlap", "delegation_chain"]


def test_where_polygons_overlap_the_precedence_decides_and_ties_go_to_the_smaller_id() -> None:
    assert unit_at(units(), square(1700, 500, 2).centroid) == "Z"
    assert unit_at(units(), square(100, 500, 2).centroid) == "U1"
    tied = units()
    tied["precedence"] = 1
    assert unit_at(tied, square(1700, 500, 2).centroid) == "U1"
    assert unit_at(units(), square(0, 9000, 2).centroid) is None
