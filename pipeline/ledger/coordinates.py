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
COMMA_DECIMAL = "小数点误写为逗号"
ZONE_OF_CITY = "带号取本市坐标系"
OLD_DATUM = "旧坐标系，误差按150米"
METRES_PER_DEGREE = 111_000.0

_LONGITUDES, _LATITUDES = (72.0, 138.0), (15.0, 56.0)
_EASTINGS, _NORTHINGS = (100_000.0, 900_000.0), (1_600_000.0, 6_200_000.0)
# a number that carries a degree sign itself begins the next pair: it is no minutes and no seconds
_MARKED = re.compile(
    r"(?<![\d.])(\d{1,3}(?:\.\d+)?)\s*[°度D]\s*"
    r"(?:(\d{1,2}(?:\.\d+)?)(?![\d.]*\s*[°度])\s*"
    r"(?:['′分M](?!['′])\s*(?:(\d{1,2}(?:\.\d+)?)(?![\d.]*\s*[°度])\s*(?:\"|''|′′|秒|S)?)?)?)?",
    re.IGNORECASE,
)
_TRIPLE = re.compile(r"(?<![\d.:\-])(\d{2,3})([:\- ])(\d{1,2})\2(\d{1,2}(?:\.\d+)?)(?![\d.]|[:\-]\d)")
_ITEM_MARK = re.compile(r"(?<![\d.])\d{1,2}[.、)](?=\s*\d{2,8}\.\d)")
_NUMBER = re.compile(r"(?<![\d.])\d{2,8}(?:\.\d+)?(?![\d.]*\d)")
_ELSEWHERE = re.compile(r"西经|南纬|[\d°'′\"]\s*[WS](?![A-Za-z])|(?<![A-Za-z])[WS]\s*\d{1,3}(?:\.\d{3}|°)")
_OLD_DATUM = re.compile(
    r"西安\s*(?:19)?80|北京\s*(?:19)?54|(?:1980|1954)\s*(?:西安|北京)?坐标系|BJ54|XIAN80", re.IGNORECASE
)
_DATUM_NAMES = re.compile(r"WGS-?\s?84|CGCS\s?2000|2000国家大地坐标系|GCJ-?02|BD-?09|EPSG:?\d{4,5}", re.IGNORECASE)
# 114,305678: no list of whole numbers looks so; fewer digits behind the comma may be thousands of metres
_COMMA_DECIMAL = re.compile(r"(?<![\d.,])(\d{2,3}),(\d{4,8})(?![\d.])")
_UNPOINTED = re.compile(r"(?<![\d.])(?:(?:7[2-9]|[89]\d|1[0-3]\d)\d{4,8}|(?:1[5-9]|[2-5]\d)\d{4,8})(?![\d.])")
# the rough shift of Xi'an 1980 and Beijing 1954 against CGCS2000 where the bureau's own parameters are not known
_OLD_DATUM_M = 150.0
_SIGNS = str.maketrans({"º": "°", "˚": "°", "゜": "°", "’": "'", "‘": "'", "′": "'", "″": '"', "”": '"', "“": '"', "＂": '"',
                        "：": ":", "—": "-", "–": "-", "－": "-"})  # fmt: skip


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
    """``step``: one unit of the last written digit, degrees or metres."""

    value: float
    step: float
    sexagesimal: bool = False


def read_coordinates(text: str, *, strict: bool) -> tuple[Coordinate, ...]:
    """All coordinate pairs in a text, in reading order.

    With ``strict`` (free text such as a place) only degrees with at least four decimals or degrees, minutes and
    seconds, and zone metres count, so that house numbers and areas are never read as positions. Numbers without their
    decimal point, of minutes above 59, or of west and south are not read: :func:`why_unreadable` says so.
    """
    if _ELSEWHERE.search(text):
        return ()
    pointed = None if strict else _pointed(text, 2)
    if pointed is not None:
        return tuple(_mended(one) for one in read_coordinates(pointed, strict=False))
    numbers = _numbers(text)
    if strict:
        numbers = [n for n in numbers if n.sexagesimal or n.step <= 1.01e-4 or n.value >= 100_000]
    found: list[Coordinate] = []
    index = 0
    while index + 1 < len(numbers):
        pair = _pair(numbers[index], numbers[index + 1])
        if pair is None:
            index += 1
        else:
            found.append(pair)
            index += 2
    return _with_old_datum(text, found)


def read_columns(first: str, second: str) -> tuple[Coordinate, ...]:
    """The pairs of a longitude (easting) and a latitude (northing) cell, each holding one or several numbers.

    Empty when the cells hold no coordinates or differ in how many; cells in exchanged columns are read and marked.
    """
    if _ELSEWHERE.search(f"{first} {second}"):
        return ()
    pointed = _pointed(first, 1), _pointed(second, 1)
    if pointed[0] is not None and pointed[1] is not None:
        return tuple(_mended(one) for one in read_columns(pointed[0], pointed[1]))
    left, right = _numbers(first, alone=True), _numbers(second, alone=True)
    if not left or len(left) != len(right):
        return read_coordinates(f"{first} {second}", strict=False) if not (left and right) else ()
    pairs = [_pair(one, other) for one, other in zip(left, right, strict=True)]
    if any(pair is None for pair in pairs):
        return ()
    marked = zip(left, pairs, strict=True)
    found = [
        replace(pair, rules=(*pair.rules, SWAPPED)) if pair.kind == "zone" and _within(one, _NORTHINGS) else pair
        for one, pair in marked
        if pair is not None
    ]
    return _with_old_datum(f"{first} {second}", found)


def _pointed(text: str, axes: int) -> str | None:
    """The text with points for the commas of decimal numbers; None unless every number of it is written with one.

    ``axes``: how many numbers make one position; longitudes and latitudes must come in equal measure.
    """
    folded = unicodedata.normalize("NFKC", text)
    numbers = _COMMA_DECIMAL.findall(folded)
    whole = [float(number) for number, _ in numbers]
    rest = _COMMA_DECIMAL.sub(" ", folded)
    if not numbers or len(numbers) % axes or re.search(r"\d", rest):
        return None
    east = sum(_LONGITUDES[0] <= value <= _LONGITUDES[1] for value in whole)
    north = sum(_LATITUDES[0] <= value <= _LATITUDES[1] for value in whole)
    if east + north != len(whole) or (axes == 2 and east != north):
        return None
    return _COMMA_DECIMAL.sub(r" \1.\2 ", folded)


def _mended(one: Coordinate) -> Coordinate:
    return replace(one, rules=(*one.rules, COMMA_DECIMAL))


def why_unreadable(text: str) -> str:
    """For a person, why a text that should hold coordinates holds none that can be read, and how to write them."""
    folded = unicodedata.normalize("NFKC", text.translate(_SIGNS))
    unpointed = _UNPOINTED.findall(folded)
    if _ELSEWHERE.search(text):
        reason = "写明西经或南纬，不在我国"
    elif unpointed and not re.search(r"\d\.\d", folded):
        reason = f"“{unpointed[0]}”疑缺小数点，不作猜测"
    elif any(not _minutes(match[2], match[3]) for match in _MARKED.finditer(folded)):
        reason = "分或秒不小于60"
    elif len(re.findall(r"\d+(?:\.\d+)?", folded)) == 1:
        reason = "只有一个数，缺经度或纬度"
    else:
        reason = "不是能识别的坐标"
    return f"{reason}，请写成114.12345,32.12345"


def _with_old_datum(text: str, found: list[Coordinate]) -> tuple[Coordinate, ...]:
    """Coordinates said to be in an older national datum keep their place with its shift as uncertainty."""
    if not _OLD_DATUM.search(text):
        return tuple(found)
    return tuple(
        replace(one, rounding_m=max(one.rounding_m, _OLD_DATUM_M), rules=(*one.rules, OLD_DATUM)) for one in found
    )


def _minutes(minutes: str | None, seconds: str | None) -> bool:
    return float(minutes or 0) < 60 and float(seconds or 0) < 60


def _numbers(text: str, *, alone: bool = False) -> list[_Number]:
    """Numbers of a text in order; sexagesimal groups count as one number of degrees.

    Groups without degree signs (114-12-30.5) are taken only as a longitude and a latitude in turn, or, in a cell
    that holds one axis (``alone``), wherever they stand.
    """
    text = unicodedata.normalize("NFKC", re.sub("[①-⑳]", " ", text.translate(_SIGNS)))
    text = _DATUM_NAMES.sub(" ", _OLD_DATUM.sub(" ", text))
    found: list[tuple[int, _Number]] = []

    def take(match: re.Match[str], degrees: str, minutes: str | None, seconds: str | None) -> str:
        if _minutes(minutes, seconds):
            value = float(degrees) + float(minutes or 0) / 60 + float(seconds or 0) / 3600
            found.append((match.start(), _Number(value, _step(degrees, minutes, seconds), sexagesimal=True)))
        return " " * len(match[0])

    rest = _MARKED.sub(lambda match: take(match, match[1], match[2], match[3]), text)
    triples = list(_TRIPLE.finditer(rest))
    taken = triples if alone else _paired(triples)
    for match in taken:
        rest = rest[: match.start()] + take(match, match[1], match[3], match[4]) + rest[match.end() :]
    rest = _ITEM_MARK.sub(lambda match: " " * len(match[0]), rest)
    for match in _NUMBER.finditer(rest):
        found.append((match.start(), _Number(float(match[0]), _step(match[0], None, None))))
    return [number for _, number in sorted(found, key=lambda pair: pair[0])]


def _paired(triples: list[re.Match[str]]) -> list[re.Match[str]]:
    """Neighbours of which one can be a longitude and the other a latitude; dates and times of day are neither."""
    taken: list[re.Match[str]] = []
    for one, other in zip(triples[:-1], triples[1:], strict=True):
        axes = sorted((float(one[1]), float(other[1])))
        apart = other.start() - one.end() <= 8 and one not in taken
        if apart and _LATITUDES[0] <= axes[0] <= _LATITUDES[1] and _LONGITUDES[0] <= axes[1] <= _LONGITUDES[1]:
            taken += [one, other]
    return taken


def _step(degrees: str, minutes: str | None, seconds: str | None) -> float:
    last, unit = (seconds, 3600.0) if seconds else (minutes, 60.0) if minutes else (degrees, 1.0)
    return float(10.0 ** -len(last.partition(".")[2]) / unit)


def _pair(first: _Number, second: _Number) -> Coordinate | None:
    rules = (SEXAGESIMAL,) if first.sexagesimal or second.sexagesimal else ()
    step = min(first.step, second.step)
    if _within(first, _LONGITUDES) and _within(second, _LATITUDES):
        return _degrees(first, second, step, rules)
    if _within(first, _LATITUDES) and _within(second, _LONGITUDES):
        return _degrees(second, first, step, (*rules, SWAPPED))
    for east, north in ((first, second), (second, first)):
        if _within(north, _NORTHINGS) and (_within(east, _EASTINGS) or _meridian(east.value) is not None):
            return Coordinate("zone", east.value, north.value, 0.5 * step, _meridian(east.value), rules)
    return None


def _degrees(lon: _Number, lat: _Number, step: float, rules: tuple[str, ...]) -> Coordinate:
    return Coordinate("degrees", lon.value, lat.value, 0.5 * METRES_PER_DEGREE * step, rules=rules)


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
