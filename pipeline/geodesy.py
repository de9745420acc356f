"""Areas on the ellipsoid, the Chinese area unit mu (亩), and the three datums of Chinese phones and maps."""

from __future__ import annotations

from fractions import Fraction

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray
from shapely.geometry.base import BaseGeometry

M2_PER_MU = Fraction(2000, 3)

_CGCS2000 = pyproj.Geod(ellps="GRS80")
_GEOGRAPHIC = "EPSG:4490"

# Krassovsky ellipsoid and series coefficients of GCJ-02, as published by independent re-implementations.
_GCJ_AXIS_M = 6378245.0
_GCJ_ECCENTRICITY2 = 0.00669342162296594323
_BD_TURN = np.pi * 3000.0 / 180.0


def mu(area_m2: float) -> float:
    """Square metres to mu (亩); for printing only, thresholds are compared in square metres."""
    return float(area_m2) * 3.0 / 2000.0


def geodesic_area_m2(geometries: gpd.GeoSeries) -> NDArray[np.float64]:
    """Ellipsoidal area of polygons in m2, holes subtracted; empty or missing geometry counts 0.

    ``geometries`` must have a CRS; areas are taken on the CGCS2000/GRS80 ellipsoid (Karney 2013),
    never on the map plane. Edges longer than 200 m in projected coordinates are densified first,
    so that a straight line on the map stays one.
    """
    if geometries.crs is None:
        raise ValueError("geodesic_area_m2 needs geometries with a CRS")
    if geometries.crs.is_projected:
        densified = geometries.segmentize(200.0)
    else:
        densified = geometries
    geographic = densified.to_crs(_GEOGRAPHIC)
    shapes = geographic.to_numpy()
    parts, shape_of_part = shapely.get_parts(shapely.orient_polygons(shapes), return_index=True)
    rings, part_of_ring = shapely.get_rings(parts, return_index=True)
    # holes run the other way round, so their areas are negative
    signed = np.array([_ring_area(ring) for ring in rings], dtype=np.float64)
    of_parts = np.bincount(part_of_ring, weights=signed, minlength=len(parts))
    return np.abs(np.bincount(shape_of_part, weights=of_parts, minlength=len(shapes)))


def _ring_area(ring: BaseGeometry) -> float:
    lon, lat = shapely.get_coordinates(ring).T
    return float(_CGCS2000.polygon_area_perimeter(lon, lat)[0])


def pixel_size_m(crs: pyproj.CRS, transform: tuple[float, ...], centre_xy: tuple[float, float]) -> tuple[float, float]:
    """Ground width and height of a pixel in metres, measured on the ellipsoid at ``centre_xy``.

    ``transform``: the affine's a, b, c, d, e, f. Works for projected and for lat/lon grids.
    """
    a, b, _, d, e, _ = transform[:6]
    x, y = centre_xy
    to_geographic = pyproj.Transformer.from_crs(crs, "EPSG:4326", always_xy=True)
    lon, lat = to_geographic.transform([x, x + a, x + b], [y, y + d, y + e])
    _, _, width = _CGCS2000.inv(lon[0], lat[0], lon[1], lat[1])
    _, _, height = _CGCS2000.inv(lon[0], lat[0], lon[2], lat[2])
    return float(width), float(height)


def gcj02_from_wgs84(lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Longitude and latitude in degrees, WGS84/CGCS2000 to GCJ-02 (高德, 腾讯)."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    x, y = lon - 105.0, lat - 35.0
    root = np.sqrt(np.abs(x))
    wave = (20.0 * np.sin(6.0 * np.pi * x) + 20.0 * np.sin(2.0 * np.pi * x)) * 2.0 / 3.0
    north = -100.0 + 2.0 * x + 3.0 * y + 0.2 * y * y + 0.1 * x * y + 0.2 * root + wave
    north += (20.0 * np.sin(np.pi * y) + 40.0 * np.sin(np.pi * y / 3.0)) * 2.0 / 3.0
    north += (160.0 * np.sin(np.pi * y / 12.0) + 320.0 * np.sin(np.pi * y / 30.0)) * 2.0 / 3.0
    east = 300.0 + x + 2.0 * y + 0.1 * x * x + 0.1 * x * y + 0.1 * root + wave
    east += (20.0 * np.sin(np.pi * x) + 40.0 * np.sin(np.pi * x / 3.0)) * 2.0 / 3.0
    east += (150.0 * np.sin(np.pi * x / 12.0) + 300.0 * np.sin(np.pi * x / 30.0)) * 2.0 / 3.0
    radians = np.radians(lat)
    flattening = 1.0 - _GCJ_ECCENTRICITY2 * np.sin(radians) ** 2
    north = np.degrees(north / (_GCJ_AXIS_M * (1 - _GCJ_ECCENTRICITY2) / flattening**1.5))
    east = np.degrees(east / (_GCJ_AXIS_M / np.sqrt(flattening) * np.cos(radians)))
    return lon + east, lat + north


def wgs84_from_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inverse of :func:`gcj02_from_wgs84` by fixed-point iteration; error below a millimetre."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    guess_lon, guess_lat = lon, lat
    for _ in range(5):
        forward_lon, forward_lat = gcj02_from_wgs84(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + lon - forward_lon, guess_lat + lat - forward_lat
    return guess_lon, guess_lat


def bd09_from_gcj02(lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """GCJ-02 to BD-09 (百度), degrees."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    radius = np.hypot(lon, lat) + 0.00002 * np.sin(lat * _BD_TURN)
    angle = np.arctan2(lat, lon) + 0.000003 * np.cos(lon * _BD_TURN)
    return radius * np.cos(angle) + 0.0065, radius * np.sin(angle) + 0.006


def gcj02_from_bd09(lon: ArrayLike, lat: ArrayLike) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Inverse of :func:`bd09_from_gcj02` by fixed-point iteration."""
    lon, lat = np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    guess_lon, guess_lat = lon - 0.0065, lat - 0.006
    for _ in range(5):
        forward_lon, forward_lat = bd09_from_gcj02(guess_lon, guess_lat)
        guess_lon, guess_lat = guess_lon + lon - forward_lon, guess_lat + lat - forward_lat
    return guess_lon, guess_lat


DATUMS: tuple[str, ...] = ("WGS84", "GCJ-02", "BD-09")


def to_wgs84(lon: ArrayLike, lat: ArrayLike, datum: str) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Degrees in one of :data:`DATUMS` to WGS84; raises ValueError for any other datum."""
    if datum == "WGS84":
        return np.asarray(lon, dtype=np.float64), np.asarray(lat, dtype=np.float64)
    if datum == "GCJ-02":
        return wgs84_from_gcj02(lon, lat)
    if datum == "BD-09":
        return wgs84_from_gcj02(*gcj02_from_bd09(lon, lat))
    raise ValueError(f"unknown datum {datum!r}; known: {', '.join(DATUMS)}")
