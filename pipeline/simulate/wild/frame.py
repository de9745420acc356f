"""Extent, days and random streams of the wild city."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np

from pipeline.simulate.frame import Frame, day_number

LAST_DAY = date(2026, 10, 31)
LATITUDE_DEG = 32.6
STREAMS = (
    "plots", "crops", "settlement", "water", "sites", "events", "distractors", "weather", "sky", "orbits", "sensor",
    "texture", "mosaic",
)  # fmt: skip
_SALT = 0x5749_4C44


@dataclass(frozen=True)
class Span:
    """The history: first and last day, and their day numbers (days since :data:`pipeline.simulate.frame.EPOCH`)."""

    first: date
    last: date

    @property
    def first_number(self) -> int:
        return day_number(self.first)

    @property
    def last_number(self) -> int:
        return day_number(self.last)


def span_of(months: int) -> Span:
    """``months`` whole months up to :data:`LAST_DAY`."""
    count = LAST_DAY.year * 12 + LAST_DAY.month - months
    return Span(date(count // 12, count % 12 + 1, 1), LAST_DAY)


def wild_frame(size_px: int) -> Frame:
    """The frame of a square city of ``size_px`` Sentinel-2 pixels (10 m) a side."""
    side = size_px * 10.0
    villages = max(1, round(0.8 * (side / 1000.0) ** 2))
    room = 2 if side < 2000 else 6 if side < 4000 else 16
    return Frame(side, side / max(2, round(side / 500.0)), min(villages, room), 0, 0, 0, 0, 0, 50000.0)


def streams(seed: int) -> dict[str, np.random.Generator]:
    """One independent random stream per purpose, none shared with the plain city of the same seed."""
    children = np.random.SeedSequence([seed, _SALT]).spawn(len(STREAMS))
    return {name: np.random.default_rng(child) for name, child in zip(STREAMS, children, strict=True)}


def day_of_year(number: float | np.ndarray) -> np.ndarray:
    """Day in the year (0..365.25, 0 is 1 January) of day numbers; leap days are smeared."""
    return np.asarray((np.asarray(number, dtype=np.float64) - day_number(date(2026, 1, 1))) % 365.25)


def sun(number: float, hour_angle_deg: float = -17.0) -> tuple[float, float]:
    """Elevation and azimuth (radians; azimuth clockwise from north) of the sun at the overpass of a day."""
    doy = float(day_of_year(number))
    tilt = np.deg2rad(-23.44) * np.cos(2.0 * np.pi * (doy + 10.0) / 365.25)
    turn, place = np.deg2rad(hour_angle_deg), np.deg2rad(LATITUDE_DEG)
    up = np.sin(place) * np.sin(tilt) + np.cos(place) * np.cos(tilt) * np.cos(turn)
    elevation = float(np.arcsin(up))
    north = (np.sin(tilt) - np.sin(place) * up) / (np.cos(place) * np.cos(elevation))
    azimuth = float(np.arccos(np.clip(north, -1.0, 1.0)))
    return elevation, azimuth if turn < 0 else 2.0 * np.pi - azimuth
