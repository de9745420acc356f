"""Areas on the ellipsoid, the Chinese area unit mu (亩), and the three datums of Chinese phones and maps."""

from __future__ import annotations

import functools
import math
from fractions import Fraction
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pyproj
import shapely
from numpy.typing import ArrayLike, NDArray

M2_PER_MU = Fraction(2000, 3)

_CGCS2000 = pyproj.Geod(ellps="GRS80")
_GEOGRAPHIC = "EPSG:4490"
_MAJOR_M, _MINOR_M, _E2 = _CGCS2000.a, _CGCS2000.b, _CGCS2000.es

AreaFormula = Literal["geodesic", "official"]

# Krassovsky ellipsoid and series coefficients of GCJ-02, as published by independent re-implementations.
_GCJ_AXIS_M = 6378245.0
_GCJ_ECCENTRICITY2 = 0.00669342162296594323
_BD_TURN = np.pi * 3000.0 / 180.0


def mu(area_m2: float) -> float:
    """Square metres to mu (亩); for printing only, thresholds are compared with :func:`reaches_mu`."""
    return float(area_m2) * 3.0 / 2000.0


def reaches_mu(area_m2: float | Fraction, threshold_mu: Fraction | int | str) -> bool:
    """Whether an area in m2 is at least so many mu (亩), as rationals: 5 亩 is 10000/3 m2, which no float is.

    ``threshold_mu``: an integer, a fraction or decimal text such as ``"0.6"``; raises ValueError for other text.
    """
    return Fraction(area_m2) >= Fraction(threshold_mu) * M2_PER_MU


def ellipsoid_area_m2(geometries: gpd.GeoSeries, formula: AreaFormula) -> NDArray[np.float64]:
    """Area by the formula that a configuration names, see :func:`geodesic_area_m2` and :func:`official_area_m2`."""
    return official_area_m2(geometries) if formula == "official" else geodesic_area_m2(geometries)


def geodesic_area_m2(geometries: gpd.GeoSeries) -> NDArray[np.float64]:
    """Ellipsoidal area of polygons in m2, holes subtracted; empty or missing geometry counts 0.

    ``geometries`` must have a CRS; areas are taken on the CGCS2000/GRS80 ellipsoid between geodesics, never on the map
    plane. Edges longer than 200 m in projected coordinates are densified first, so that a straight line on the map
    stays one. Raises ValueError without a CRS.
    """
    return _area_m2(geometries, _geodesic_rings, longest_m=200.0)


def official_area_m2(geometries: gpd.GeoSeries, *, longest_m: float = 10.0) -> NDArray[np.float64]:
    """Area of polygons in m2 by the formula of the national land surveys: a sum of ellipsoidal trapezoids.

    国土调查办发〔2008〕32号, 椭球面上任意梯形面积计算公式, with its five coefficients A to E on the CGCS2000
    ellipsoid. A trapezoid's slanting side is straight in degrees, so edges longer than ``longest_m`` metres on the map
    are divided first. Empty or missing geometry counts 0. Raises ValueError without a CRS.
    """
    return _area_m2(geometries, _trapezoid_rings, longest_m=longest_m)


def _area_m2(geometries: gpd.GeoSeries, rings_m2: Any, *, longest_m: float) -> NDArray[np.float64]:
    if geometries.crs is None:
        raise ValueError("areas on the ellipsoid need geometries with a CRS")
    shapes = geometries.to_numpy()
    plain = (shapely.get_type_id(shapes) == 3) & (shapely.get_num_interior_rings(shapes) == 0)
    if (plain & ~shapely.is_empty(shapes)).all():
        # each is its own ring; asking for it would copy it
        part_of_ring = shape_of_part = np.arange(len(shapes))
        xy, ring = shapely.get_coordinates(shapes, return_index=True)
    else:
        parts, shape_of_part = shapely.get_parts(shapes, return_index=True)
        rings, part_of_ring = shapely.get_rings(parts, return_index=True)
        xy, ring = shapely.get_coordinates(rings, return_index=True)
    if len(xy) == 0:
        return np.zeros(len(shapes), dtype=np.float64)
    if geometries.crs.is_projected:
        xy, ring = _divided(xy, ring, longest_m)
    lon, lat = np.radians(_to_degrees(geometries.crs).transform(xy[:, 0], xy[:, 1]))
    areas = np.abs(rings_m2(lon, lat, ring, len(part_of_ring)))
    # the first ring of a polygon is its outline, the others are holes
    areas[1:][part_of_ring[1:] == part_of_ring[:-1]] *= -1.0
    of_parts = np.bincount(part_of_ring, weights=areas, minlength=len(shape_of_part))
    return np.asarray(np.bincount(shape_of_part, weights=of_parts, minlength=len(shapes)), dtype=np.float64)


def _divided(
    xy: NDArray[np.float64], ring: NDArray[np.intp], longest_m: float
) -> tuple[NDArray[np.float64], NDArray[np.intp]]:
    """Vertices of rings, and the ring of each, with edges no longer than ``longest_m`` map metres; most need no change."""
    long_edge = (np.hypot(*(np.diff(xy, axis=0).T)) > longest_m) & (ring[1:] == ring[:-1])
    wanted = np.unique(ring[1:][long_edge])
    if len(wanted) == 0:
        return xy, ring
    own = np.isin(ring, wanted)
    lines = shapely.linestrings(xy[own], indices=np.searchsorted(wanted, ring[own]))
    more, line = shapely.get_coordinates(shapely.segmentize(lines, longest_m), return_index=True)
    xy, ring = np.concatenate([xy[~own], more]), np.concatenate([ring[~own], wanted[line]])
    order = np.argsort(ring, kind="stable")
    return xy[order], ring[order]


@functools.lru_cache(maxsize=8)
def _to_degrees(crs: pyproj.CRS) -> pyproj.Transformer:
    return pyproj.Transformer.from_crs(crs, _GEOGRAPHIC, always_xy=True)


def _area_coefficients(e2: float) -> tuple[float, ...]:
    """A, B, C, D, E of the official formula: 1 + (3/6) e2 + (30/80) e4 .., up to e8.

    The area between the equator and latitude B, per radian of longitude, is b2 times the integral of
    cos B / (1 - e2 sin2 B)2. The binomial series gives powers of sin B, which turn into sines of multiples of B.
    """
    wholes = [
        [Fraction(n + 1, 2 * n + 1) * Fraction(math.comb(2 * n + 1, n - k), 4**n) for n in range(k, 5)]
        for k in range(5)
    ]
    return tuple(sum(float(whole) * e2**n for n, whole in enumerate(row, start=k)) for k, row in enumerate(wholes))


_COEFFICIENTS = _area_coefficients(_E2)


def _zone_m2(lower: NDArray[np.float64], upper: NDArray[np.float64]) -> NDArray[np.float64]:
    """Area per radian of longitude between two latitudes (radians), m2, by the official series."""
    half, middle = (upper - lower) / 2.0, (upper + lower) / 2.0
    total = np.zeros_like(half)
    for k, coefficient in enumerate(_COEFFICIENTS):
        turn = 2 * k + 1
        total += (-1) ** k * coefficient * np.sin(turn * half) * np.cos(turn * middle)
    return np.asarray(2.0 * _MINOR_M**2 * total, dtype=np.float64)


def _trapezoid_rings(
    lon: NDArray[np.float64], lat: NDArray[np.float64], ring: NDArray[np.intp], count: int
) -> NDArray[np.float64]:
    """Signed area of rings (radians): every edge's trapezoid reaches to the meridian of its ring's first point."""
    first = lon[np.r_[True, ring[1:] != ring[:-1]]][ring]
    inside = ring[1:] == ring[:-1]
    width = ((lon - first)[1:] + (lon - first)[:-1]) / 2.0
    signed = np.where(inside, width * _zone_m2(lat[:-1], lat[1:]), 0.0)
    return np.asarray(np.bincount(ring[1:], weights=signed, minlength=count), dtype=np.float64)


def _geodesic_rings(
    lon: NDArray[np.float64], lat: NDArray[np.float64], ring: NDArray[np.intp], count: int
) -> NDArray[np.float64]:
    """Signed area of rings (radians) whose edges are geodesics.

    Under a short edge lies the trapezoid of its ends' zones above the ring's first latitude plus the sliver by which
    the geodesic bends away from it: dL sin(Bm) (r2 dL2 + 3 M2 dB2) / 12 with the radii r of the parallel and M of the
    meridian, exact to (length / earth radius)4. Rings with edges beyond 3 km go to Karney's algorithm instead.
    """
    base = lat[np.r_[True, ring[1:] != ring[:-1]]][ring]
    zone = _zone_m2(base, lat)
    inside = ring[1:] == ring[:-1]
    d_lon, d_lat, middle = np.diff(lon), np.diff(lat), (lat[1:] + lat[:-1]) / 2.0
    root = np.sqrt(1.0 - _E2 * np.sin(middle) ** 2)
    east_m2 = (_MAJOR_M / root * np.cos(middle) * d_lon) ** 2
    north_m2 = (_MAJOR_M * (1.0 - _E2) / root**3 * d_lat) ** 2
    sliver = d_lon * np.sin(middle) * (east_m2 + 3.0 * north_m2) / 12.0
    signed = np.where(inside, d_lon * (zone[1:] + zone[:-1]) / 2.0 + sliver, 0.0)
    areas = np.asarray(np.bincount(ring[1:], weights=signed, minlength=count), dtype=np.float64)
    for number in np.unique(ring[1:][inside & ~(east_m2 + north_m2 < 3000.0**2)]):
        own = ring == number
        areas[number] = _CGCS2000.polygon_area_perimeter(np.degrees(lon[own]), np.degrees(lat[own]))[0]
    return areas


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
