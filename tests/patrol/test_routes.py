from __future__ import annotations

from itertools import pairwise, permutations
from typing import Any

import numpy as np
import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Point

from pipeline.patrol.routes import plan_routes, visiting_order
from pipeline.schema import ROUTES, TASKS
from pipeline.store import check_table
from tests.patrol.town import X0, Y0, square, table, targets, units


def task(target_id: str, unit_id: str = "U1", included: bool = True) -> tuple[Any, ...]:
    return (target_id, "G1", "{}", unit_id, unit_id, None, 1, 0.5, included, None, None, "")


def town(places: list[tuple[float, float]]) -> tuple[Any, Any]:
    ids = [f"T{number:02d}" for number in range(len(places))]
    shapes = [square(x - 5, y - 5, 10) for x, y in places]
    found = targets(*({"target_id": name, "geometry": shape} for name, shape in zip(ids, shapes, strict=True)))
    return table(TASKS, *(task(name) for name in ids)), found


def routes(places: list[tuple[float, float]], stops: int = 8, length_m: float = 1e9) -> Any:
    made, found = town(places)
    result = plan_routes(made, found, units(), max_stops_per_day=stops, max_length_m=length_m)
    check_table(ROUTES, result)
    return result


def length(start: np.ndarray, stops: np.ndarray, order: tuple[int, ...]) -> float:
    path = [start, *(stops[place] for place in order)]
    return sum(float(np.hypot(*(b - a))) for a, b in pairwise(path))


def test_stops_on_a_line_are_visited_along_it() -> None:
    stops = np.array([[400.0, 0.0], [100.0, 0.0], [300.0, 0.0], [200.0, 0.0]])
    assert visiting_order(np.zeros(2), stops) == [1, 3, 2, 0]
    assert visiting_order(np.zeros(2), np.zeros((0, 2))) == []


@settings(max_examples=40, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(1, 6))
def test_the_order_is_a_permutation_close_to_the_best_one(seed: int, count: int) -> None:
    stops = np.random.default_rng(seed).uniform(-1000, 1000, (count, 2))
    order = visiting_order(np.zeros(2), stops)
    assert sorted(order) == list(range(count))
    best = min(length(np.zeros(2), stops, other) for other in permutations(range(count)))
    assert length(np.zeros(2), stops, tuple(order)) <= 1.5 * best


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**32 - 1), st.integers(0, 15), st.integers(1, 5))
def test_each_included_task_is_visited_once_in_days_of_bounded_stops(seed: int, count: int, stops: int) -> None:
    places = [tuple(pair) for pair in np.random.default_rng(seed).uniform(0, 2000, (count, 2)).tolist()]
    made = routes(places, stops=stops, length_m=3000.0)
    assert sorted(made["target_id"]) == [f"T{number:02d}" for number in range(count)]
    for _, day in made.groupby("day"):
        assert day["stop"].tolist() == list(range(1, len(day) + 1)) and len(day) <= stops
        assert day["leg_m"].sum() <= 3000.0 + 1 or len(day) == 1
    assert sorted(set(made["day"])) == list(range(1, made["day"].nunique() + 1))


def test_a_stop_beyond_the_days_length_has_its_own_day() -> None:
    made = routes([(1000, 500), (1010, 500), (90_000, 500)], length_m=5000)
    assert made.groupby("day", sort=True)["target_id"].apply(list).tolist() == [["T00", "T01"], ["T02"]]


def test_tasks_that_are_left_out_and_other_units_are_not_on_the_route() -> None:
    found = targets(*({"target_id": name, "geometry": square(100, 100, 10)} for name in ("A", "B", "C")))
    made = table(TASKS, task("A"), task("B", included=False), task("C", unit_id="CT"))
    result = plan_routes(made, found, units(), max_stops_per_day=8, max_length_m=1e9)
    assert result[["unit_id", "target_id"]].to_numpy().tolist() == [["CT", "C"], ["U1", "A"]]


def test_legs_join_up_from_inside_the_units_polygon() -> None:
    made = routes([(100, 500), (1500, 500)], stops=8)
    first, second = made.geometry
    assert units().geometry[0].contains(Point(first.coords[0]))
    assert first.coords[1] == second.coords[0]
    assert made["leg_m"].tolist() == pytest.approx([first.length, second.length], abs=0.05)
    assert second.coords[1] in [(X0 + 100.0, Y0 + 500.0), (X0 + 1500.0, Y0 + 500.0)]


def test_the_order_of_the_tables_changes_nothing() -> None:
    places = [tuple(pair) for pair in np.random.default_rng(5).uniform(0, 2000, (9, 2)).tolist()]
    made, found = town(places)
    options = {"max_stops_per_day": 4, "max_length_m": 1e9}
    one = plan_routes(made, found, units(), **options)
    other = plan_routes(made.iloc[::-1], found.iloc[::-1].reset_index(drop=True), units().iloc[::-1], **options)
    pd.testing.assert_frame_equal(one, other)


def test_no_tasks_give_no_routes() -> None:
    assert routes([]).empty
