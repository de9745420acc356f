from __future__ import annotations

import math
from fractions import Fraction

import geopandas as gpd
import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from pyproj import CRS, Geod
from shapely.geometry import Polygon, box

from pipeline.geodesy import (
    DATUMS,
    bd09_from_gcj02,
    ellipsoid_area_m2,
    gcj02_from_wgs84,
    geodesic_area_m2,
    mu,
    official_area_m2,
    pixel_size_m,
    reaches_mu,
    to_wgs84,
    wgs84_from_gcj02,
)  # fmt: skip

LON, LAT = st.floats(75, 135), st.floats(18, 53)


def test_area_of_a_square_near_the_central_meridian() -> None:
    # On the central meridian of a 3-degree zone the map scale is 1, so plane and ellipsoid agree to about 1e-6.
    square = gpd.GeoSeries([box(500000, 3400000, 500100, 3400100)], crs="EPSG:4547")
    assert geodesic_area_m2(square)[0] == pytest.approx(10_000, rel=1e-5)


def test_area_of_a_band_of_the_ellipsoid_against_the_closed_form() -> None:
    # One degree by one degree at 30 N: authalic closed form of the GRS80 ellipsoid.
    e2 = 0.00669438002290
    e, b2 = math.sqrt(e2), 6378137.0**2 * (1 - e2)

    def q(latitude: float) -> float:
        s = math.sin(math.radians(latitude))
        return s / (1 - e2 * s * s) + math.log((1 + e * s) / (1 - e * s)) / (2 * e)

    closed = b2 / 2 * math.radians(1) * (q(31) - q(30))
    ring = [(114 + i / 500, 30) for i in range(501)] + [(115 - i / 500, 31) for i in range(501)]
    area = geodesic_area_m2(gpd.GeoSeries([Polygon(ring)], crs="EPSG:4490"))[0]
    assert area == pytest.approx(closed, rel=1e-6)


def test_holes_missing_and_empty_geometry() -> None:
    outer, inner = box(500000, 3400000, 500100, 3400100), box(500020, 3400020, 500040, 3400040)
    series = gpd.GeoSeries([outer.difference(inner), None, Polygon()], crs="EPSG:4547")
    assert geodesic_area_m2(series) == pytest.approx([9600, 0, 0], rel=1e-5)


def test_an_area_is_the_same_to_the_last_bit_whatever_stands_beside_it() -> None:
    at = (500000, 3400000)
    plain = [box(*at, at[0] + side, at[1] + 90) for side in (40, 230, 2000)]
    holed = plain[2].difference(box(at[0] + 500, at[1] + 20, at[0] + 900, at[1] + 60))
    several = shapely.union_all([plain[0], box(at[0] + 3000, *at[1:], at[0] + 3300, at[1] + 50)])
    for formula in (geodesic_area_m2, official_area_m2):
        alone = [formula(gpd.GeoSeries([shape], crs="EPSG:4547"))[0] for shape in (*plain, holed, several)]
        assert formula(gpd.GeoSeries(plain, crs="EPSG:4547")).tolist() == alone[:3]
        assert formula(gpd.GeoSeries([*plain, holed, several], crs="EPSG:4547")).tolist() == alone


def test_area_needs_a_crs() -> None:
    with pytest.raises(ValueError, match="CRS"):
        geodesic_area_m2(gpd.GeoSeries([box(0, 0, 1, 1)]))


def polygon_near(lon: float, lat: float, radii_m: list[float]) -> gpd.GeoSeries:
    """A star of the given radii around a point, drawn in the 3-degree zone whose middle is nearest."""
    zone = CRS.from_epsg(4534 + round((lon - 75) / 3))
    centre = gpd.GeoSeries.from_xy([lon], [lat], crs=4490).to_crs(zone)[0]
    turns = np.linspace(0, 2 * math.pi, len(radii_m), endpoint=False)
    corners = [(centre.x + r * math.cos(t), centre.y + r * math.sin(t)) for r, t in zip(radii_m, turns, strict=True)]
    return gpd.GeoSeries([Polygon(corners)], crs=zone)


STARS = st.lists(st.floats(20, 400), min_size=3, max_size=12)


@settings(max_examples=60, deadline=None)
@given(LON, LAT, STARS)
def test_official_formula_and_geodesic_area_agree_once_edges_are_a_metre(
    lon: float, lat: float, radii: list[float]
) -> None:
    fine = polygon_near(lon, lat, radii).segmentize(1.0)
    assert official_area_m2(fine)[0] == pytest.approx(geodesic_area_m2(fine)[0], rel=1e-6)


@settings(max_examples=60, deadline=None)
@given(LON, LAT, STARS)
def test_as_drawn_both_areas_are_those_of_the_finest_edges(lon: float, lat: float, radii: list[float]) -> None:
    drawn = polygon_near(lon, lat, radii)
    exact = official_area_m2(drawn, longest_m=1.0)[0]
    assert official_area_m2(drawn)[0] == pytest.approx(exact, rel=1e-6, abs=0.001)
    # a geodesic of 200 m leaves a straight line on the map by a sliver of about a tenth of a square metre
    assert geodesic_area_m2(drawn)[0] == pytest.approx(exact, rel=1e-6, abs=0.0008 * drawn.length[0])


@settings(max_examples=60, deadline=None)
@given(LON, LAT, STARS)
def test_the_short_way_to_a_geodesic_area_agrees_with_karneys_algorithm(
    lon: float, lat: float, radii: list[float]
) -> None:
    degrees = polygon_near(lon, lat, radii).to_crs(4490)
    karney, _ = Geod(ellps="GRS80").geometry_area_perimeter(degrees[0])
    # the rounding of Karney's series is a few square centimetres at most
    assert geodesic_area_m2(degrees)[0] == pytest.approx(abs(karney), abs=0.002)


def test_polygons_with_edges_of_many_kilometres_keep_to_karneys_algorithm() -> None:
    wide = gpd.GeoSeries([box(110, 30, 111, 31), box(110, 30, 110.01, 30.01)], crs=4490)
    karney = [Geod(ellps="GRS80").geometry_area_perimeter(shape)[0] for shape in wide]
    assert geodesic_area_m2(wide) == pytest.approx(karney, rel=1e-9)


def test_official_area_of_a_sheet_is_the_closed_form_between_meridians_and_parallels() -> None:
    # the trapezoid of the formula itself: a map sheet of 1:10000 (3'45" by 2'30") at 34 N
    corners = [(114.0, 34.0), (114.0625, 34.0), (114.0625, 34.0 + 1 / 24), (114.0, 34.0 + 1 / 24)]
    area = official_area_m2(gpd.GeoSeries([Polygon(corners)], crs=4490))[0]
    e2 = 2 / 298.257222101 - 1 / 298.257222101**2
    e, b2 = math.sqrt(e2), 6378137.0**2 * (1 - e2)
    q = [math.sin(math.radians(v)) for v in (34.0, 34.0 + 1 / 24)]
    upper, lower = (s / (1 - e2 * s * s) + math.atanh(e * s) / e for s in (q[1], q[0]))
    assert area == pytest.approx(b2 / 2 * math.radians(0.0625) * (upper - lower), rel=1e-10)


def test_official_area_subtracts_holes_and_needs_a_crs() -> None:
    outer, inner = box(500000, 3400000, 500100, 3400100), box(500020, 3400020, 500040, 3400040)
    series = gpd.GeoSeries([outer.difference(inner), None, Polygon()], crs="EPSG:4547")
    assert official_area_m2(series) == pytest.approx([9600, 0, 0], rel=1e-5)
    with pytest.raises(ValueError, match="CRS"):
        official_area_m2(gpd.GeoSeries([box(0, 0, 1, 1)]))


def test_an_area_does_not_depend_on_its_neighbours_in_the_table() -> None:
    shapes = gpd.GeoSeries([box(4e5 + i, 3.4e6, 4e5 + 3 * i + 7, 3.4e6 + 50 + i) for i in range(37)], crs="EPSG:4547")
    for area in (geodesic_area_m2, official_area_m2):
        alone = [area(shapes.iloc[[i]])[0] for i in range(len(shapes))]
        assert area(shapes).tolist() == alone


def test_the_configured_formula_is_used() -> None:
    degrees = gpd.GeoSeries([box(114, 34, 114.02, 34.02)], crs=4490)
    assert ellipsoid_area_m2(degrees, "official") == official_area_m2(degrees)
    assert ellipsoid_area_m2(degrees, "geodesic") == geodesic_area_m2(degrees)
    assert official_area_m2(degrees) != geodesic_area_m2(degrees)


@pytest.mark.parametrize(("threshold", "just_m2"), [(3, 2000.0), (6, 4000.0), ("0.3", 200.0), (Fraction(3, 5), 400.0)])
def test_thresholds_in_mu_are_compared_exactly(threshold: Fraction | int | str, just_m2: float) -> None:
    assert reaches_mu(just_m2, threshold)
    assert not reaches_mu(math.nextafter(just_m2, 0.0), threshold)


def test_five_mu_lies_between_two_floats() -> None:
    below = 10000 / 3
    below = below if Fraction(below) < Fraction(10000, 3) else math.nextafter(below, 0.0)
    assert not reaches_mu(below, 5) and reaches_mu(math.nextafter(below, math.inf), 5)


def test_mu() -> None:
    assert mu(2000 / 3) == pytest.approx(1)
    assert mu(400) == pytest.approx(0.6)


def test_pixel_size_on_a_lat_lon_grid() -> None:
    width, height = pixel_size_m(CRS.from_epsg(4326), (1e-4, 0, 114, 0, -1e-4, 30), (114.0, 30.0))
    # 1e-4 degree: 111.3 km * cos(30) along the parallel, 110.85 km along the meridian.
    assert width == pytest.approx(9.649, abs=0.01) and height == pytest.approx(11.085, abs=0.01)


@given(LON, LAT)
def test_datums_invert(lon: float, lat: float) -> None:
    gcj = gcj02_from_wgs84(lon, lat)
    assert np.allclose(to_wgs84(*gcj, "GCJ-02"), (lon, lat), atol=1e-9)
    assert np.allclose(to_wgs84(*bd09_from_gcj02(*gcj), "BD-09"), (lon, lat), atol=1e-9)
    assert np.allclose(to_wgs84(lon, lat, "WGS84"), (lon, lat))


def test_offset_in_wuhan_is_the_published_size() -> None:
    lon, lat = gcj02_from_wgs84(114.3, 30.6)
    metres = math.hypot((lon - 114.3) * 111_320 * math.cos(math.radians(30.6)), (lat - 30.6) * 110_850)
    assert 500 < metres < 650
    assert np.allclose(wgs84_from_gcj02(lon, lat), (114.3, 30.6), atol=1e-9)


def test_unknown_datum_is_refused() -> None:
    assert DATUMS == ("WGS84", "GCJ-02", "BD-09")
    with pytest.raises(ValueError, match="Beijing"):
        to_wgs84(114, 30, "Beijing54")
