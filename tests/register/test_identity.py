"""Random years of objects on a small ground: ids are never lost, reused or changed, whatever the order of rows."""

from __future__ import annotations

import json
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.values import Period
from tests.register.drawing import month, seen
from tests.screen.drawing import square

OBJECT = st.tuples(st.integers(0, 14), st.integers(0, 6), st.integers(1, 6), st.integers(1, 6))
MONTH = st.lists(OBJECT, max_size=5, unique=True)
YEAR = st.lists(MONTH, min_size=2, max_size=6)
START = Period(2026, 10)


def objects(drawn: list[tuple[int, int, int, int]], number: int) -> list[dict[str, Any]]:
    """Rectangles on a lattice of 20 m, dated within their month; overlapping ones stay as they are."""
    clear = pd.Timestamp("2026-09-28") + pd.DateOffset(months=number)
    return [
        seen(square(20 * x, 20 * y, 20 * width, 20 * height), f"c{place}", last_clear=clear,
             first_seen=clear + pd.Timedelta(days=28))
        for place, (x, y, width, height) in enumerate(drawn)
    ]  # fmt: skip


def run(year: list[list[Any]], *, backwards: bool = False) -> list[Any]:
    registers: list[Any] = []
    earlier = None
    for number, drawn in enumerate(year):
        rows = objects(drawn, number)
        earlier, _ = month(str(START.shifted(number)), rows[::-1] if backwards else rows, earlier)
        registers.append(earlier)
        if backwards:
            earlier = earlier.iloc[::-1].reset_index(drop=True)
    return registers


@settings(max_examples=12, deadline=None)
@given(year=YEAR)
def test_no_id_is_lost_reused_or_given_out_of_its_month(year: list[list[Any]]) -> None:
    known: dict[str, str] = {}
    for number, register in enumerate(run(year)):
        now = dict(zip(register["target_id"], register["first_period"], strict=True))
        assert register["target_id"].is_unique
        assert set(known) <= set(now)
        for name, first in now.items():
            assert known.setdefault(name, first) == first
            assert name.startswith(f"419981XC{first[2:4]}{first[5:]}") and first <= str(START.shifted(number))


@settings(max_examples=12, deadline=None)
@given(year=YEAR)
def test_lineage_names_only_known_ids_and_ends_at_one_that_lives(year: list[list[Any]]) -> None:
    for register in run(year):
        rows = {row["target_id"]: row for row in register.to_dict("records")}
        for row in rows.values():
            parents = row["parent_ids"].split(",") if isinstance(row["parent_ids"], str) else []
            assert all(parent in rows and parent != row["target_id"] for parent in parents)
            steps, name = 0, row["target_id"]
            while rows[name]["state"] == "merged":
                name, steps = rows[name]["merged_into"], steps + 1
                assert steps <= len(rows)
            assert (row["state"] == "merged") == isinstance(row["merged_into"], str)
            periods = [step["period"] for step in json.loads(row["history"])]
            assert periods == sorted(set(periods)) and periods[0] == row["first_period"]


@settings(max_examples=12, deadline=None)
@given(year=YEAR)
def test_a_target_once_merged_stays_so_and_an_onset_never_moves_later(year: list[list[Any]]) -> None:
    registers = run(year)
    for before, after in zip(registers, registers[1:], strict=False):
        old, new = before.set_index("target_id"), after.set_index("target_id")
        for name in old.index:
            if old.loc[name, "state"] == "merged":
                assert new.loc[name, "state"] == "merged"
                assert new.loc[name, "merged_into"] == old.loc[name, "merged_into"]
            assert new.loc[name, "first_seen"] <= old.loc[name, "first_seen"]


@settings(max_examples=8, deadline=None)
@given(year=YEAR)
def test_every_seen_ground_is_in_the_register(year: list[list[Any]]) -> None:
    registers = run(year)
    for number, (drawn, register) in enumerate(zip(year, registers, strict=True)):
        live = register[register["state"] != "merged"].geometry.union_all()
        for row in objects(drawn, number):
            # growth below the threshold is not drawn, so a part may lie outside, the object itself may not
            assert row["geometry"].distance(live) <= 15.0


@settings(max_examples=8, deadline=None)
@given(year=YEAR)
def test_the_order_of_rows_makes_no_difference(year: list[list[Any]]) -> None:
    for one, other in zip(run(year), run(year, backwards=True), strict=True):
        pd.testing.assert_frame_equal(pd.DataFrame(one.drop(columns="geometry")),
                                      pd.DataFrame(other.drop(columns="geometry")))  # fmt: skip
        assert one.geometry.geom_equals(other.geometry).all()


@settings(max_examples=12, deadline=None)
@given(year=YEAR, again=MONTH)
def test_dispatched_ids_never_change_and_every_difference_is_listed(year: list[list[Any]], again: list[Any]) -> None:
    registers = run(year)
    number = len(year) - 1
    earlier = registers[-2]
    issued = registers[-1]
    revised, revision = month(str(START.shifted(number)), objects(again, number), earlier, issued)
    assert set(issued["target_id"]) <= set(revised["target_id"])
    assert set(revision["target_id"]) == set(revised["target_id"])
    fresh = set(revised["target_id"]) - set(issued["target_id"])
    assert set(revision.loc[revision["change"] == "added", "target_id"]) == fresh
    next_month, _ = month(str(START.shifted(number + 1)), [], revised)
    assert set(revised["target_id"]) == set(next_month["target_id"])
    old, new = issued.set_index("target_id"), revised.set_index("target_id")
    assert (old["first_period"] == new.loc[old.index, "first_period"]).all()
