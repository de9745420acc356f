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
from pipeline.schema import BASIC_FARMLAND
from pipeline.screen.conditions import Range, at
from pipeline.screen.facts import measure
from pipeline.screen.layers import ClassGroup, class_areas, largest_parcel_share, shared_m2
from pipeline.screen.outlines import Laid, Outlines, outlines, polygonal, shared_ground
from pipeline.screen.scale import Scale
from pipeline.screen.zones import basic_farmland_m2
from tests.screen.drawing import CRS, DAY, EAST, NORTH, candidate, candidates, ground, layer, parcels, square


def shapes(*given: object) -> np.ndarray:
    return np.array(given, dtype=object)


def drawn(*given: object) -> Outlines:
    return outlines(shapes(*given), Scale(parcels(c0101=square(0, 0, 1)).crs, "geodesic"))


def by_class(own: Outlines, land: Any) -> list[dict[str, float]]:
    return class_areas(own, Laid(land)).by_code()


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
    ("since", "until", "area"),
    [
        # the days that layers write for "always" are years that nanoseconds do not hold
        ("2017-01-01", "9999-12-31", 400.0),
        ("0001-01-01", "9999-12-31", 400.0),
        ("2026-10-31", None, 400.0),
        ("2026-11-01", None, 0.0),
        (None, "2026-10-31", 400.0),
        (None, "2026-10-30", 0.0),
    ],
)
def test_basic_farmland_counts_on_both_ends_of_its_time(since: str | None, until: str | None, area: float) -> None:
    row = {"parcel_id": "B1", "valid_from": since, "valid_to": until, "geometry": square(0, 0, 50)}
    for name in ("valid_from", "valid_to"):
        row[name] = None if row[name] is None else pd.Timestamp(row[name])
    zone = layer(BASIC_FARMLAND, [row])
    found = basic_farmland_m2(drawn(square(0, 0, 20)), Laid(zone), pd.Series([pd.Timestamp("2026-10-31")]))
    assert found[0] == pytest.approx(area, abs=0.01)
