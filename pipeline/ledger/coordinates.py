"""Coordinates as people write them: decimal or sexagesimal degrees, CGCS2000 zone metres, in either order."""

from __future__ import annotations

import math
import re
import unicodedata
from dataclasses import dataclass, replace
from typing import Literal

import pyproj

SWAPPED = "经纬度互换"
SEXAGESIMAL = "度分秒换算"
ZONE_OF_CITY = "带号取本市坐标系"
METRES_PER_DEGREE = 111_000.0

_LONGITUDES, _LATITUDES = (72.0, 138.0), (15.0, 56.0)
_EASTINGS, _NORTHINGS = (100_000.0, 900_000.0), (1_600_000.0, 6_200_000.0)
_DMS = re.compile(
    r"(\d{1,3})[°度º]\s*(?:(\d{1,2}(?:\.\d+)?)\s*['’′分])?\s*(?:(\d{1,2}(?:\.\d+)?)\s*(?:\"|”|″|′′|''|’’|秒))?"
)
_ITEM_MARK = re.compile(r"(?<![\d.])\d{1,2}[.、)](?=\s*\d{2,8}\.\d)")
_NUMBER = re.compile(r"(?<![\d.])\d{2,8}(?:\.\d+)?(?![\d.]*\d)")


@dataclass(frozen=True)
class Coordinate:
    """A position as stated: ``degrees`` (x longitude, y latitude) or ``zone`` (x easting, y northing, metres).

    ``meridian``: central meridian of a zone coordinate that carries its zone number, else None. ``rounding_m``: half
    the last written digit on the ground. ``rules``: what had to be repaired to read it.
    """

    kind: Literal["degrees", "zone"]
    x: float
    y: float
    rounding_m: float
    meridian: float | None = None
    rules: tuple[str, ...] = ()


@dataclass(frozen=True)
class _Number:
    value: float
    decimals: int
    sexagesimal: bool = False


def read_coordinates(text: str, *, strict: bool) -> tuple[Coordinate, ...]:
    """All coordinate pairs in a text, in reading order.

    With ``strict`` (free text such as a place) only degrees with at least four decimals or a degree sign and zone
    metres count, so that house numbers and areas are never read as positions.
    """
    numbers = _numbers(text)
    if strict:
        numbers = [n for n in numbers if n.sexagesimal or n.decimals >= 4 or n.value >= 100_000]
    found: list[Coordinate] = []
    index = 0
    while index + 1 < len(numbers):
        pair = _pair(numbers[index], numbers[index + 1])
        if pair is None:
            index += 1
        else:
            found.append(pair)
            index += 2
    return tuple(found)


def read_columns(first: str, second: str) -> tuple[Coordinate, ...]:
    """The pairs of a longitude (easting) and a latitude (northing) cell, each holding one or several numbers.

    Empty when the cells hold no coordinates or differ in how many; cells in exchanged columns are read and marked.
    """
    left, right = _numbers(first), _numbers(second)
    if not left or len(left) != len(right):
        return read_coordinates(f"{first} {second}", strict=False) if not (left and right) else ()
    pairs = [_pair(one, other) for one, other in zip(left, right, strict=True)]
    if any(pair is None for pair in pairs):
        return ()
    marked = zip(left, pairs, strict=True)
    return tuple(
        replace(pair, rules=(*pair.rules, SWAPPED)) if pair.kind == "zone" and _within(one, _NORTHINGS) else pair
        for one, pair in marked
        if pair is not None
    )


def _numbers(text: str) -> list[_Number]:
    """Numbers of a text in order; sexagesimal groups count as one number of degrees."""
    text = unicodedata.normalize("NFKC", re.sub("[①-⑳]", " ", text))
    found: list[tuple[int, _Number]] = []

    def take(match: re.Match[str]) -> str:
        degrees, minutes, seconds = match[1], match[2] or "0", match[3] or "0"
        value = int(degrees) + float(minutes) / 60 + float(seconds) / 3600
        last = match[3] or match[2] or degrees
        digits = len(last.partition(".")[2]) + (4 if match[3] else 2 if match[2] else 0)
        found.append((match.start(), _Number(value, digits, sexagesimal=True)))
        return " " * len(match[0])

    rest = _ITEM_MARK.sub(lambda match: " " * len(match[0]), _DMS.sub(take, text))
    for match in _NUMBER.finditer(rest):
        found.append((match.start(), _Number(float(match[0]), len(match[0].partition(".")[2]))))
    return [number for _, number in sorted(found, key=lambda pair: pair[0])]


def _pair(first: _Number, second: _Number) -> Coordinate | None:
    rules = (SEXAGESIMAL,) if first.sexagesimal or second.sexagesimal else ()
    decimals = max(first.decimals, second.decimals)
    if _within(first, _LONGITUDES) and _within(second, _LATITUDES):
        return _degrees(first, second, decimals, rules)
    if _within(first, _LATITUDES) and _within(second, _LONGITUDES):
        return _degrees(second, first, decimals, (*rules, SWAPPED))
    for east, north in ((first, second), (second, first)):
        if _within(north, _NORTHINGS) and (_within(east, _EASTINGS) or _meridian(east.value) is not None):
            return Coordinate("zone", east.value, north.value, 0.5 * 10.0**-decimals, _meridian(east.value), rules)
    return None


def _degrees(lon: _Number, lat: _Number, decimals: int, rules: tuple[str, ...]) -> Coordinate:
    rounding_m = 0.5 * METRES_PER_DEGREE * 10.0**-decimals
    return Coordinate("degrees", lon.value, lat.value, rounding_m, rules=rules)


def _within(number: _Number, limits: tuple[float, float]) -> bool:
    return limits[0] <= number.value <= limits[1]


def _meridian(easting: float) -> float | None:
    """Central meridian of an eight-digit easting's zone number: 25 to 45 three-degree, 13 to 23 six-degree zones."""
    zone = int(easting // 1_000_000)
    if not _EASTINGS[0] <= easting - zone * 1_000_000 <= _EASTINGS[1]:
        return None
    return zone * 3.0 if 25 <= zone <= 45 else zone * 6.0 - 3.0 if 13 <= zone <= 23 else None


def city_meridian(crs: str) -> float:
    """Central meridian of the city's transverse Mercator CRS, degrees; ValueError for any other projection."""
    operation = pyproj.CRS.from_user_input(crs).coordinate_operation
    for parameter in operation.params if operation is not None else ():
        if parameter.name == "Longitude of natural origin":
            return float(parameter.value)
    raise ValueError(f"{crs} has no central meridian")


def centre(found: tuple[Coordinate, ...]) -> Coordinate:
    """The middle of several coordinates of one finding; ``rounding_m`` grows to reach the farthest.

    Coordinates of another kind than the first are left out.
    """
    same = [one for one in found if one.kind == found[0].kind and one.meridian == found[0].meridian]
    x, y = sum(one.x for one in same) / len(same), sum(one.y for one in same) / len(same)
    scale = METRES_PER_DEGREE if found[0].kind == "degrees" else 1.0
    reach_m = max(math.hypot(one.x - x, one.y - y) * scale + one.rounding_m for one in same)
    return replace(found[0], x=x, y=y, rounding_m=reach_m)


def zone_to_degrees(x: float, y: float, meridian: float) -> tuple[float, float]:
    """Longitude and latitude, CGCS2000 degrees, of Gauss-Krueger metres; the easting may carry its zone number."""
    projection = pyproj.Proj(f"+proj=tmerc +lat_0=0 +lon_0={meridian:.10g} +k=1 +x_0=500000 +y_0=0 +ellps=GRS80")
    lon, lat = projection(x % 1_000_000, y, inverse=True)
    return float(lon), float(lat)
