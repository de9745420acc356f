from __future__ import annotations

import math

import geopandas as gpd
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from pyproj import CRS
from shapely.geometry import Polygon, box

from pipeline.geodesy import (
    DATUMS,
    bd09_from_gcj02,
    gcj02_from_wgs84,
    geodesic_area_m2,
    mu,
    pixel_size_m,
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


def test_area_needs_a_crs() -> None:
    with pytest.raises(ValueError, match="CRS"):
        geodesic_area_m2(gpd.GeoSeries([box(0, 0, 1, 1)]))


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
