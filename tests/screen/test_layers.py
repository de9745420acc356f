from __future__ import annotations

from collections.abc import Callable
from dataclasses import replace
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geodesy import AreaFormula, geodesic_area_m2, official_area_m2
from pipeline.rulebook import load_rulebook
from pipeline.schema import BASIC_FARMLAND, LAND_USE
from pipeline.screen.classes import class_ground
from pipeline.screen.conditions import Range, at
from pipeline.screen.facts import measure
from pipeline.screen.layers import ClassGroup, largest_parcel_share, shared_m2
from pipeline.screen.outlines import Laid, Outlines, outlines, polygonal, shared_ground
from pipeline.screen.scale import Scale
from pipeline.screen.zones import basic_farmland_m2
from tests.screen.drawing import CRS, DAY, EAST, NORTH, candidate, candidates, ground, layer, parcels, square


def shapes(*given: object) -> np.ndarray:
    return np.array(given, dtype=object)


def drawn(*given: object) -> Outlines:
    return outlines(shapes(*given), Scale(parcels(c0101=square(0, 0, 1)).crs, "geodesic"))


def by_class(own: Outlines, land: Any) -> list[dict[str, float]]:
    return class_ground(own, Laid(land)).areas.by_code()


def test_areas_by_class_of_a_square_over_two_fields_and_bare_ground() -> None:
    land = parcels(c0101=square(0, 0, 50, 100), c0701=square(50, 0, 30, 100))
    (areas,) = by_class(drawn(square(0, 0, 100)), land)
    assert list(areas) == ["0101", "0701", "unknown"]
    assert areas == {"0101": pytest.approx(5000, abs=0.1), "0701": pytest.approx(3000, abs=0.1),
                     "unknown": pytest.approx(2000, abs=0.1)}  # fmt: skip


def test_parcels_of_one_class_are_summed_and_neighbours_that_only_touch_are_not_counted() -> None:
    land = parcels(c0103=[square(0, 0, 20), square(20, 0, 20), square(100, 0, 20)])
    (areas,) = by_class(drawn(square(0, 0, 40, 20)), land)
    assert areas == {"0103": pytest.approx(800, abs=0.05)}
    found = shared_ground(drawn(square(0, 0, 20)), Laid(land))
    assert found.polygon.tolist() == [0]


def test_ground_under_two_polygons_of_a_layer_counts_once() -> None:
    land = parcels(c0101=[square(0, 0, 60), square(30, 0, 60)])
    areas = shared_m2(drawn(square(0, 0, 90, 60), square(500, 0, 10)), Laid(land))
    assert areas == pytest.approx([90 * 60, 0.0], abs=0.1)


def test_no_shapes_and_no_polygons_give_nothing() -> None:
    land = parcels(c0101=square(0, 0, 10))
    assert by_class(drawn(), land) == []
    assert by_class(drawn(square(0, 0, 10)), land.iloc[:0]) == [{"unknown": pytest.approx(100, abs=0.01)}]
    assert shared_m2(drawn(square(0, 0, 10)), Laid(land.iloc[:0])).tolist() == [0.0]


def test_a_bow_tie_is_repaired_to_its_two_triangles_and_lines_are_dropped() -> None:
    x, y = square(0, 0, 10).bounds[:2]
    bow = shapely.Polygon([(x, y), (x + 10, y + 10), (x + 10, y), (x, y + 10)])
    line = shapely.GeometryCollection([shapely.LineString([(x, y), (x + 1, y)]), square(0, 0, 2)])
    repaired = polygonal(shapes(bow, line, shapely.Point(x, y)))
    assert shapely.area(repaired) == pytest.approx([50.0, 4.0, 0.0])
    assert all(shapely.is_valid(repaired))


def test_largest_parcel_share_looks_at_one_parcel_of_the_group() -> None:
    land = parcels(c0101=[square(0, 0, 10), square(10, 0, 100, 10)], c0301=square(0, 10, 5))
    farmland = ClassGroup("farmland", ("01",))
    own, laid = drawn(square(0, 0, 60, 10), square(0, 10, 5)), Laid(land)
    shares = largest_parcel_share(shared_ground(own, laid), laid, farmland, 2)
    assert shares == pytest.approx([1.0, 0.0])


def test_class_groups_take_the_longest_reading_and_old_codes() -> None:
    roads = ClassGroup("construction", ("10", "20"), ("1006", "104"))
    assert [roads.holds(code) for code in ("1003", "1004", "1006", "104", "203", "0101")] == [
        True, True, False, False, True, False,
    ]  # fmt: skip


def test_parcels_drawn_twice_count_once_and_those_of_two_classes_have_none() -> None:
    own = drawn(square(0, 0, 40))
    field = square(-500, -500, 1000)
    assert by_class(own, parcels(c0103=[field, field])) == [{"0103": pytest.approx(1600, abs=0.01)}]
    assert by_class(own, parcels(c0103=field, c0702=field)) == [{"unknown": pytest.approx(1600, abs=0.01)}]
    # what two parcels of one class share is no quarrel, what a third of another shares with them is
    (areas,) = by_class(own, parcels(c0103=[square(0, 0, 30, 40), square(10, 0, 20, 40)], c0301=square(20, 0, 20, 40)))
    assert areas == {code: pytest.approx(m2, abs=0.01) for code, m2 in (("0103", 800), ("0301", 400), ("unknown", 400))}


def test_a_seam_between_neighbours_is_no_quarrel() -> None:
    land = parcels(c0103=square(0, 0, 20.02, 40), c0301=square(20, 0, 20, 40))
    assert class_ground(drawn(square(0, 0, 40)), Laid(land)).contested_m2.tolist() == [0.0]
    wider = parcels(c0103=square(0, 0, 20.1, 40), c0301=square(20, 0, 20, 40))
    assert class_ground(drawn(square(0, 0, 40)), Laid(wider)).contested_m2 == pytest.approx([4.0], abs=0.01)


CLASSED = st.tuples(
    st.integers(-4, 3), st.integers(-4, 3), st.integers(1, 6), st.sampled_from(["0101", "0103", "0702"])
)


@settings(max_examples=80, deadline=None)
@given(st.lists(CLASSED, min_size=1, max_size=6))
def test_each_class_has_the_ground_that_it_alone_claims(rows: list[tuple[int, int, int, str]]) -> None:
    drawing = [(code, square(10 * x, 10 * y, 10 * side)) for x, y, side, code in rows]
    land = layer(LAND_USE, [{"parcel_id": f"P{n}", "class_code": code, "geometry": shape}
                            for n, (code, shape) in enumerate(drawing)])  # fmt: skip
    plot = square(0, 0, 40)
    found = class_ground(drawn(plot), Laid(land))
    claims = {code: shapely.union_all([shape for own, shape in drawing if own == code]) for code in dict(drawing)}
    sure = {
        code: shapely.difference(
            shapely.intersection(plot, shape), shapely.union_all([o for c, o in claims.items() if c != code])
        ).area
        for code, shape in claims.items()
    }
    everything = shapely.intersection(plot, shapely.union_all(list(claims.values()))).area
    (areas,) = found.areas.by_code()
    for code, m2 in sure.items():
        assert areas.get(code, 0.0) == pytest.approx(m2, abs=0.02)
    assert areas.get("unknown", 0.0) == pytest.approx(1600 - sum(sure.values()), abs=0.06)
    assert found.contested_m2[0] == pytest.approx(everything - sum(sure.values()), abs=0.02)
    assert sum(areas.values()) == pytest.approx(1600, abs=0.06)


@settings(max_examples=40, deadline=None)
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(0, 9)), min_size=1, max_size=20, unique=True),
    st.tuples(st.integers(0, 60), st.integers(0, 60), st.integers(5, 60), st.integers(5, 60)),
)
def test_class_areas_add_up_to_the_object(cells: list[tuple[int, int]], box: tuple[int, int, int, int]) -> None:
    land = parcels(c0101=[square(10 * x, 10 * y, 10) for x, y in cells[::2]],
                   c0702=[square(10 * x, 10 * y, 10) for x, y in cells[1::2]])  # fmt: skip
    shape = square(*box)
    (areas,) = by_class(drawn(shape), land)
    assert sum(areas.values()) == pytest.approx(drawn(shape).total_m2[0], abs=0.1)
    known = shapely.area(shapely.intersection(shape, shapely.union_all(land.geometry.to_numpy())))
    assert sum(area for code, area in areas.items() if code != "unknown") == pytest.approx(known, abs=0.5)


@pytest.mark.parametrize(("formula", "area"), [("official", official_area_m2), ("geodesic", geodesic_area_m2)])
def test_facts_are_measured_by_the_formula_the_rules_name(
    formula: AreaFormula, area: Callable[[gpd.GeoSeries], Any]
) -> None:
    corners = [(EAST + 90_000 + x, NORTH + y) for x, y in ((0, 0), (3000, 0), (1500, 4000))]
    site = shapely.Polygon(corners)
    areas = [round(float(by(gpd.GeoSeries([site], crs=CRS))[0]), 2) for by in (official_area_m2, geodesic_area_m2)]
    assert areas[0] != areas[1]
    on = ground(parcels(c0101=site), basic=[site], inside=[site])
    rules = replace(load_rulebook().ground_rules(DAY), area_formula=formula)
    measured = measure(
        candidates(candidate(site)), ground=on, ground_rules=rules, outline_tolerance_px=1.0,
        suppress_construction_land=False,
    )  # fmt: skip
    expected = round(float(area(gpd.GeoSeries([site], crs=CRS))[0]), 2)
    facts = at(measured.facts, 0)
    basic = facts["unapproved_basic_farmland_m2"]
    assert isinstance(basic, Range)
    assert [facts["area_m2"], facts["farmland_m2"], facts["inside_plan_m2"], basic.high] == [expected] * 4
    assert measured.by_class.by_code() == [{"0101": expected}]


@pytest.mark.parametrize(
    ("since", "until", "sure", "possible"),
    [
        # the days that layers write for "always" are years that nanoseconds do not hold
        ("2017-01-01", "9999-12-31", 400.0, 400.0),
        ("0001-01-01", "9999-12-31", 400.0, 400.0),
        # clear on 1 October, seen on the 31st: it began between the 2nd and the 31st
        ("2026-10-02", "2026-10-31", 400.0, 400.0),
        ("2026-10-03", None, 0.0, 400.0),
        (None, "2026-10-30", 0.0, 400.0),
        ("2026-10-10", "2026-10-12", 0.0, 400.0),
        ("2026-10-31", None, 0.0, 400.0),
        (None, "2026-10-02", 0.0, 400.0),
        ("2026-11-01", None, 0.0, 0.0),
        (None, "2026-10-01", 0.0, 0.0),
    ],
)
def test_basic_farmland_counts_surely_only_when_protected_throughout_the_onset(
    since: str | None, until: str | None, sure: float, possible: float
) -> None:
    found = protected([(square(0, 0, 50), since, until)])
    assert found == (pytest.approx(sure, abs=0.01), pytest.approx(possible, abs=0.01))


def protected(
    rows: list[tuple[Any, str | None, str | None]], clear: str | None = "2026-10-01", seen: str | None = "2026-10-31"
) -> tuple[float, float]:
    """Of a square of 20 m, what is surely and possibly under basic farmland at the onset, m2."""
    zone = layer(
        BASIC_FARMLAND,
        [
            {"parcel_id": f"B{n}", "valid_from": since and pd.Timestamp(since), "valid_to": until and pd.Timestamp(until),
             "geometry": shape}
            for n, (shape, since, until) in enumerate(rows)
        ],
    )  # fmt: skip
    days = [pd.Series([pd.NaT if day is None else pd.Timestamp(day)]) for day in (clear, seen)]
    sure, possible = basic_farmland_m2(drawn(square(0, 0, 20)), Laid(zone), *days)
    return float(sure[0]), float(possible[0])


@pytest.mark.parametrize(
    ("clear", "seen", "since", "until", "sure"),
    [
        (None, "2026-10-31", None, None, 400.0),
        (None, "2026-10-31", "2017-01-01", None, 0.0),
        (None, "2026-10-31", None, "2026-10-31", 400.0),
        ("2026-10-01", None, "2017-01-01", None, 400.0),
        ("2026-10-01", None, None, "2030-01-01", 0.0),
    ],
)
def test_without_an_image_date_the_onset_has_no_end_on_that_side(
    clear: str | None, seen: str | None, since: str | None, until: str | None, sure: float
) -> None:
    found = protected([(square(0, 0, 50), since, until)], clear, seen)
    assert found == (pytest.approx(sure, abs=0.01), pytest.approx(400.0, abs=0.01))


def test_protection_that_one_delimitation_hands_to_the_next_lasts_throughout() -> None:
    old, new = square(0, 0, 20, 12), square(0, 8, 20, 12)
    found = protected([(old, None, "2026-10-15"), (new, "2026-10-16", None)])
    assert found == (pytest.approx(20 * 4, abs=0.01), pytest.approx(400.0, abs=0.01))
    gap = protected([(old, None, "2026-10-15"), (new, "2026-10-17", None)])
    assert gap == (0.0, pytest.approx(400.0, abs=0.01))


BOX = st.tuples(st.integers(-15, 15), st.integers(-15, 15), st.integers(1, 30), st.integers(1, 30))
SPELL = st.tuples(st.none() | st.integers(-2, 8), st.none() | st.integers(-2, 8))


@settings(max_examples=80, deadline=None)
@given(st.lists(st.tuples(BOX, SPELL), max_size=5))
def test_sure_and_possible_protection_are_those_of_every_and_of_any_day(rows: Any) -> None:
    start = pd.Timestamp("2026-10-01")
    drawing = [
        (square(*box), *(None if n is None else f"{start + pd.Timedelta(days=n):%Y-%m-%d}" for n in spell))
        for box, spell in rows
    ]
    plot, days = square(0, 0, 20), [start + pd.Timedelta(days=n) for n in range(1, 6)]
    by_day = [
        shapely.union_all(
            [shape for shape, since, until in drawing
             if (since is None or pd.Timestamp(since) <= day) and (until is None or pd.Timestamp(until) >= day)]
        )
        for day in days
    ]  # fmt: skip
    every = shapely.intersection(plot, shapely.intersection_all(by_day)).area
    ever = shapely.intersection(plot, shapely.union_all(by_day)).area
    found = protected(drawing, "2026-10-01", "2026-10-06")
    assert found == (pytest.approx(every, abs=2e-3), pytest.approx(ever, abs=2e-3))
