from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pyproj
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.geodesy import AreaFormula, ellipsoid_area_m2
from pipeline.screen.layers import shared_m2
from pipeline.screen.outlines import HEAVY, Laid, Outlines, common_m2, outlines, polygonal, shared_ground
from pipeline.screen.overlap import edges_of, shared, whole
from pipeline.screen.scale import Scale
from tests.screen.drawing import CRS, EAST, NORTH, square

CORNER = st.integers(0, 12)
FLAT = np.zeros((1, 5))


def polygons(*given: Any) -> Any:
    return np.array(given, dtype=object)


def plain(one: Any, other: Any) -> float:
    """Map area that two polygons share, by the edges."""
    box = np.nan_to_num(shapely.bounds(polygons(one)))
    at = np.zeros(1, dtype=np.intp)
    return float(shared(edges_of(polygons(one)), edges_of(polygons(other)), at, at, box, box[:, :2].copy(), FLAT)[0, 0])


@st.composite
def some_polygon(draw: st.DrawFn) -> Any:
    """Polygons on a small lattice, so that edges often touch, cross in a vertex or run along each other; with holes."""
    rings = draw(st.lists(st.lists(st.tuples(CORNER, CORNER), min_size=3, max_size=7), min_size=1, max_size=3))
    step = draw(st.sampled_from([1.0, 0.7]))
    found = shapely.Polygon()
    for ring in rings:
        shape = polygonal(polygons(shapely.Polygon([(EAST + step * x, NORTH + step * y) for x, y in ring])))[0]
        found = shapely.symmetric_difference(found, shape)
    return polygonal(polygons(found))[0]


@settings(max_examples=400, deadline=None)
@given(some_polygon(), some_polygon())
def test_shared_ground_from_edges_is_the_area_of_the_intersection(one: Any, other: Any) -> None:
    expected = shapely.area(shapely.intersection(one, other))
    assert plain(one, other) == pytest.approx(expected, abs=2e-7)
    assert plain(other, one) == pytest.approx(expected, abs=2e-7)


@settings(max_examples=200, deadline=None)
@given(some_polygon())
def test_a_polygon_shares_all_of_itself_whichever_way_its_rings_run(one: Any) -> None:
    turned = shapely.reverse(one)
    assert plain(one, one) == pytest.approx(one.area, abs=2e-7)
    assert plain(one, turned) == pytest.approx(one.area, abs=2e-7)
    assert whole(edges_of(polygons(one)), np.array([[EAST, NORTH]]), FLAT)[0, 0] == pytest.approx(one.area, abs=2e-7)


def test_holes_parts_touching_edges_and_empty_polygons_need_no_rule_of_their_own() -> None:
    ring = shapely.difference(square(0, 0, 30), square(10, 10, 10))
    two = shapely.union_all([square(0, 0, 10), square(20, 20, 10)])
    assert plain(ring, square(10, 10, 10)) == pytest.approx(0.0, abs=1e-9)
    assert plain(ring, square(5, 5, 20)) == pytest.approx(300.0, abs=1e-7)
    assert plain(two, square(0, 0, 30)) == pytest.approx(200.0, abs=1e-7)
    assert plain(square(0, 0, 10), square(10, 0, 10)) == pytest.approx(0.0, abs=1e-9)
    assert plain(square(0, 0, 10), shapely.Polygon()) == plain(shapely.Polygon(), square(0, 0, 10)) == 0.0


def ragged(rng: np.random.Generator, x: float, y: float, size: float) -> Any:
    angle = np.sort(rng.uniform(0.0, 2.0 * np.pi, 14))
    reach = size * rng.uniform(0.4, 1.0, 14)
    return shapely.Polygon(np.column_stack([x + reach * np.cos(angle), y + reach * np.sin(angle)]))


def by_cutting(own: Outlines, others: Any, formula: AreaFormula) -> Any:
    """Cut by GEOS, edges divided to a metre, so that lines straight on the map stay so, and measured by the formula."""
    cut = shapely.segmentize(shapely.intersection(own.shapes, others), 1.0)
    whole_m2 = ellipsoid_area_m2(gpd.GeoSeries(shapely.segmentize(own.shapes, 1.0), crs=CRS), formula)
    return ellipsoid_area_m2(gpd.GeoSeries(cut, crs=CRS), formula) / whole_m2 * own.total_m2


@pytest.mark.parametrize("formula", ["geodesic", "official"])
@pytest.mark.parametrize("east_m", [0.0, 60_000.0, 130_000.0])
@pytest.mark.parametrize("north_m", [2_100_000.0, 3_600_000.0, 5_700_000.0])
def test_parts_of_an_outline_are_as_large_as_measured_one_by_one(
    formula: AreaFormula, east_m: float, north_m: float
) -> None:
    rng = np.random.default_rng(5)
    place = EAST + east_m, north_m
    own_shapes = polygons(*(ragged(rng, *place, 200.0) for _ in range(40)))
    others = polygons(*(ragged(rng, *(np.array(place) + rng.uniform(-150, 150, 2)), 200.0) for _ in range(40)))
    own = outlines(own_shapes, Scale(pyproj.CRS(CRS), formula))
    expected = by_cutting(own, others, formula)
    assert (expected > 1000.0).sum() > 20
    # rounded to square centimetres, beyond that within 1e-8 of the whole
    assert np.abs(common_m2(own, others) - expected).max() < 0.5e-4 + 1e-8 * own.total_m2.max()


def test_parts_of_an_outline_of_kilometres_keep_to_the_scale_where_they_lie() -> None:
    shape = square(100_000, 0, 6000, 4000)
    own = outlines(polygons(shape), Scale(pyproj.CRS(CRS), "geodesic"))
    half = polygons(square(100_000, 0, 3000, 4000))
    (expected,) = by_cutting(own, half, "geodesic")
    assert common_m2(own, half)[0] == pytest.approx(expected, rel=2e-9)
    assert abs(own.total_m2[0] / 2.0 - expected) > 5e-6 * expected


def test_a_polygon_of_many_vertices_is_asked_first_and_gives_the_same() -> None:
    town = shapely.segmentize(square(0, 0, 1000), 2.0)
    assert shapely.get_num_coordinates(town) > HEAVY
    shapes = polygons(square(10, 10, 40), square(-20, 10, 40), square(-100, 10, 40), square(1000, 0, 5))
    own = outlines(shapes, Scale(pyproj.CRS(CRS), "geodesic"))
    many, few = (
        shared_ground(own, Laid(gpd.GeoDataFrame(geometry=[shape], crs=CRS))) for shape in (town, square(0, 0, 1000))
    )
    assert many.row.tolist() == few.row.tolist() == [0, 1]
    assert many.m2 == pytest.approx(few.m2, abs=1e-4)
    assert many.m2[0] == own.total_m2[0]


@settings(max_examples=60, deadline=None)
@given(st.lists(st.tuples(CORNER, CORNER, st.integers(1, 8), st.integers(1, 8)), min_size=1, max_size=6), st.booleans())
def test_ground_under_several_polygons_counts_once(boxes: list[tuple[int, int, int, int]], heavy: bool) -> None:
    layer = polygons(*(square(*(10 * side for side in box)) for box in boxes))
    layer = shapely.segmentize(layer, 0.1) if heavy else layer
    own = outlines(polygons(square(15, 15, 60), square(0, 0, 35)), Scale(pyproj.CRS(CRS), "geodesic"))
    expected = shapely.area(shapely.intersection(own.shapes, shapely.union_all(layer)))
    found = shared_m2(own, Laid(gpd.GeoDataFrame(geometry=layer, crs=CRS)))
    assert found == pytest.approx(expected, abs=2e-3)


def test_the_scale_bends_as_the_formula_says() -> None:
    scale = Scale(pyproj.CRS(CRS), "geodesic")
    (bend,) = scale.bends(np.array([[EAST + 80_000.0, NORTH]]))
    squares = [square(80_000 + x - 50, -50, 100) for x in (-1000, 0, 1000)]
    west, here, east = ellipsoid_area_m2(gpd.GeoSeries(squares, crs=CRS), "geodesic")
    assert (east - west) / (2000.0 * here) == pytest.approx(bend[0], rel=1e-3)
    # away from the central meridian the map is larger than the ground
    assert bend[0] < -3e-9
