"""Entries of one matter: who belongs together, who lends a place, and since when it is known."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reconcile.matters import first_days, lenders, matter_numbers
from pipeline.reconcile.space import spread_m, stated_points, with_borrowed

WIDE = {"position_source": "place", "uncertainty_m": 300.0}
ZHANG = {"subject": "张某", "place": "林洼村南400米"}


def matters(draw: SimpleNamespace, entries: list[dict[str, Any]]) -> tuple[Any, pd.DataFrame, Any]:
    city = draw.City()
    city.entries = entries
    found = city.tables()["entries"]
    points = stated_points(found, standing_m=25.0)
    return found, points, matter_numbers(found, points, draw.vocabulary)


def test_same_subject_at_agreeing_places_is_one_matter(draw: SimpleNamespace) -> None:
    rows = [draw.entry("E1", 0, **ZHANG), draw.entry("E2", 250, **ZHANG, **WIDE), draw.entry("E3", 4000, **ZHANG),
            draw.entry("E4", 0, subject="李某", place="林洼村南400米")]  # fmt: skip
    _, _, numbers = matters(draw, rows)
    assert numbers[0] == numbers[1]
    assert len(set(numbers)) == 3


def test_people_without_a_name_are_not_one_subject_but_copied_rows_are(draw: SimpleNamespace) -> None:
    nobody = {"subject": "村民", "place": "林洼村南400米"}
    rows = [draw.entry("E1", 0, **nobody), draw.entry("E2", 0, **nobody, stated_area_m2=50.0)]
    assert len(set(matters(draw, rows)[2])) == 2
    rows[0]["stated_area_m2"] = 50.0
    assert len(set(matters(draw, rows)[2])) == 1


def test_entry_without_position_joins_its_subject_in_its_village(draw: SimpleNamespace) -> None:
    rows = [draw.entry("E1", 0, **ZHANG), draw.entry("E2", None, **ZHANG | {"place": "林洼村"}),
            draw.entry("E3", None, **ZHANG | {"place": "黄营村"})]  # fmt: skip
    _, points, numbers = matters(draw, rows)
    assert numbers[0] == numbers[1] != numbers[2]
    lent = lenders(points, numbers)
    assert lent == {1: 0}
    borrowed = with_borrowed(points, lent)
    assert borrowed.groupby("entry")["weight"].sum().to_dict() == pytest.approx({0: 1.0, 1: 0.9})


def test_nobody_lends_where_two_good_places_contradict(draw: SimpleNamespace) -> None:
    rows = [draw.entry("E1", 0, **ZHANG), draw.entry("E2", 250, **ZHANG, **WIDE), draw.entry("E3", 500, **ZHANG)]
    _, points, numbers = matters(draw, rows)
    assert len(set(numbers)) == 1
    assert lenders(points, numbers) == {}
    _, points, numbers = matters(draw, rows[:2])
    assert lenders(points, numbers) == {1: 0}


def test_first_day_of_a_matter(draw: SimpleNamespace) -> None:
    rows = [draw.entry("E1", 0, day="2026-10-20", **ZHANG), draw.entry("E2", 0, day="2026-08-01", **ZHANG),
            draw.entry("E3", 0, day=None, **ZHANG)]  # fmt: skip
    found, _, numbers = matters(draw, rows)
    assert first_days(found, numbers).tolist() == [pd.Timestamp("2026-08-01")] * 2 + [pd.NaT]


def test_spread_is_the_root_mean_square_radius(draw: SimpleNamespace) -> None:
    points = pd.DataFrame({"entry": [0, 0], "x": [0.0, 100.0], "y": [0.0, 0.0], "sigma_m": 10.0, "weight": 0.5})
    # variance of two points 50 m off their middle, and of a round Gaussian of 10 m in two directions
    assert spread_m(points, 2).tolist() == pytest.approx([(50.0**2 + 2 * 10.0**2) ** 0.5, float("inf")])


@settings(max_examples=10, deadline=None)
@given(data=st.data(), xs=st.lists(st.floats(0, 2000), min_size=1, max_size=6))
def test_order_of_rows_does_not_matter(draw: SimpleNamespace, data: Any, xs: list[float]) -> None:
    rows = [draw.entry(f"E{n}", x, **ZHANG) for n, x in enumerate(xs)]
    mixed = data.draw(st.permutations(range(len(rows))))
    one, other = matters(draw, rows)[2], matters(draw, [rows[n] for n in mixed])[2]
    assert {frozenset(i for i in range(len(xs)) if one[i] == k) for k in one} == {
        frozenset(mixed[i] for i in range(len(xs)) if other[i] == k) for k in other
    }
