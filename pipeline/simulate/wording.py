"""How townships write: dates in every manner, places in words, areas in mu, and phone coordinates."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import numpy as np
from shapely.geometry.base import BaseGeometry

from pipeline.geodesy import gcj02_from_wgs84, mu
from pipeline.simulate.frame import to_degrees
from pipeline.simulate.landscape import Landscape, nearest_village

_DIGITS = "〇一二三四五六七八九"
_WAYS = ("东", "东北", "北", "西北", "西", "西南", "南", "东南")
DATE_STYLES = ("digits", "month_day", "chinese", "serial", "cell", "dots", "range", "iso", "digits_number")


def chinese_number(number: int) -> str:
    """1 to 31 in Chinese counting words."""
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else "十" if tens == 1 else f"{_DIGITS[tens]}十"
    return head + (_DIGITS[ones] if ones else "")


def excel_serial(day: date) -> int:
    """Excel's day number in the 1900 date system."""
    return (day - date(1899, 12, 30)).days


def written_date(day: date, style: str) -> str | int | datetime:
    """``day`` as a township would type it; ``range`` covers the day and one or two beside it."""
    if style == "digits":
        return f"{day:%Y%m%d}"
    if style == "digits_number":
        return int(f"{day:%Y%m%d}")
    if style == "month_day":
        return f"{day.month}月{day.day}日"
    if style == "chinese":
        year = "".join(_DIGITS[int(digit)] for digit in str(day.year))
        return f"{year}年{chinese_number(day.month)}月{chinese_number(day.day)}日"
    if style == "serial":
        return excel_serial(day)
    if style == "cell":
        return datetime(day.year, day.month, day.day)
    if style == "dots":
        return f"{day.year}.{day.month}.{day.day}"
    if style == "range":
        until = day + timedelta(days=2)
        if until.month != day.month:
            return f"{day.month}月{day.day}日"
        return f"{day.month}月{day.day}日-{until.day}日"
    return day.isoformat()


def place_text(landscape: Landscape, shape: BaseGeometry, rng: np.random.Generator) -> str:
    """A place in words: village, way, rounded distance and a side of the road, as people give it."""
    centre = shape.centroid
    name, distance, dx, dy = nearest_village(landscape, centre)
    way = _WAYS[int(np.round(np.arctan2(dy, dx) / (np.pi / 4))) % 8]
    if distance < 30.0:
        return f"{name}{way}头"
    metres = int(max(50, round(distance * float(rng.uniform(0.85, 1.15)) / 50.0) * 50))
    return f"{name}{way}{metres}米{str(rng.choice(['路南', '路北', '路东', '路西', '', '处']))}"


def phone_position(shape: BaseGeometry, datum: str, rng: np.random.Generator) -> tuple[float, float]:
    """Longitude and latitude (degrees, ``datum`` WGS84 or GCJ-02) a phone shows near the middle of a shape."""
    centre = shape.centroid
    east, north = rng.normal(0.0, 11.0, 2)
    lon, lat = to_degrees(np.array(centre.x + east), np.array(centre.y + north))
    if datum == "GCJ-02":
        lon, lat = gcj02_from_wgs84(lon, lat)
    return float(lon), float(lat)


def degrees_text(lon: float, lat: float, style: str) -> str:
    """Coordinates in one text: ``decimal`` or ``dms`` (degrees, minutes, seconds)."""
    if style == "decimal":
        return f"{lon:.6f},{lat:.6f}"
    parts = []
    for value, letter in ((lon, "E"), (lat, "N")):
        minutes, seconds = divmod(value * 3600.0, 60.0)
        parts.append(f"{int(minutes) // 60}°{int(minutes) % 60}′{seconds:.2f}″{letter}")
    return " ".join(parts)


def area_text(area_m2: float, rng: np.random.Generator) -> str:
    """A guessed area, in mu or in square metres."""
    guess = area_m2 * float(rng.uniform(0.75, 1.3))
    if guess < 200.0:
        return f"{max(5, round(guess / 5) * 5)}平方米"
    return f"{mu(guess):.1f}亩" if rng.random() < 0.7 else f"{round(guess / 50) * 50}平方米"
