"""What a pixel's own years say of a look: how far it is from everything seen before, and how bare for the season.

Works on the codes of :mod:`pipeline.detect.archive`, pixel by pixel, so neither order nor tiling can matter.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.detect.archive import GREENEST, PLANES, SCENE, STATES, MonthState

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

MIN_LOOKS = 6
"""Fewer earlier months with a clear view say nothing about what is usual here."""
MIN_MONTHS = 12
"""The first clear view must lie this far back: what has not been seen through a year may do anything."""
# Codes that two clear looks at unchanged ground differ by (one standard deviation): 0.04 NDVI, a tenth of the light,
# 0.04 and 0.03 of the SWIR contrasts, 0.04 of the hue; after aerosol and bidirectional effects in Sentinel-2 surface
# reflectance of stable ground.
NOISE = np.array((8.0, 6.7, 6.7, 7.5, 8.0), dtype=np.float32)
_STATE_COUNT = len(STATES)


def _ndvi_code(value: float) -> int:
    return round((value + 0.2) / 0.005) + 1


def _light_code(value: float) -> int:
    return round(float(np.log(value / 0.02)) / 0.015) + 1


GREEN_NOW = _ndvi_code(0.40)
"""A look this green holds plants: below it lie bare, mulched and built ground."""
GREEN_SEASON = _ndvi_code(0.45)
"""A season is green where every earlier year reached this in it."""
SEASON_MONTHS = 3
GREEN_LAND = _ndvi_code(0.45)
_DARK_NDVI = _ndvi_code(0.25)
_WATER_NDVI, _SNOW_NDVI = _ndvi_code(0.20), _ndvi_code(0.20)
_WATER_LIGHT, _BURNT_LIGHT, _SNOW_LIGHT = _light_code(0.14), _light_code(0.09), _light_code(0.30)
_WATER_NDBI, _SNOW_NDBI = round((-0.15 + 0.8) / 0.006) + 1, round((-0.35 + 0.8) / 0.006) + 1
_BURNT_NBR2 = round((0.08 + 0.4) / 0.004) + 1

UNSEEN, ORDINARY, SNOW, WATER, BURNT, GREEN = 0, 1, 2, 3, 4, 5
"""What a look shows by itself; snow, water and burnt stubble explain a departure and are no evidence of building."""


@dataclass(frozen=True)
class Series:
    """A block's months: ``codes`` uint8 (month, plane, pixel), ``months`` (month,) numbers, ascending without gaps.

    ``first_day``/``last_day``: uint16 (month, 1 + scene), days since 1970-01-01 that a scene may have been taken on.
    """

    codes: ByteArray
    months: NDArray[np.int32]
    first_day: NDArray[np.uint16]
    last_day: NDArray[np.uint16]

    def of_pixels(self, chosen: NDArray[np.bool_]) -> Series:
        """The series of some of the pixels."""
        return Series(np.ascontiguousarray(self.codes[:, :, chosen]), self.months, self.first_day, self.last_day)


def series_of(states: tuple[MonthState, ...], last_month: int, shape: tuple[int, int], *, most: int) -> Series:
    """The series (pixels in row order) of a block of ``shape`` up to ``last_month``, at most ``most`` months long."""
    known = {one.month: one for one in states if last_month - most < one.month <= last_month}
    first = min(known, default=last_month)
    months = np.arange(first, last_month + 1, dtype=np.int32)
    codes = np.zeros((len(months), len(PLANES), shape[0] * shape[1]), dtype=np.uint8)
    scenes = 1 + max((len(one.days) for one in known.values()), default=0)
    days = np.zeros((2, len(months), scenes), dtype=np.uint16)
    for at, month in enumerate(months):
        one = known.get(int(month))
        if one is not None:
            codes[at] = one.values.reshape(len(PLANES), -1)
            days[:, at, 1 : 1 + len(one.days)] = np.array(one.days, dtype=np.uint16).T
    return Series(codes, months, days[0], days[1])


@njit(nogil=True)
def distance(own: ByteArray, first: int, second: int) -> float:
    """Mean square difference of the states of two looks of a pixel (month, plane) in units of :data:`NOISE`."""
    total, count = 0.0, 0
    for state in range(_STATE_COUNT):
        one, two = own[first, state], own[second, state]
        if one > 0 and two > 0:
            step = (float(one) - float(two)) / NOISE[state]
            total += step * step
            count += 1
    return total / count if count else np.inf


@njit(nogil=True)
def shows(own: ByteArray, at: int) -> int:
    """What a month shows: :data:`UNSEEN` .. :data:`GREEN`, green where any of its looks was.

    Bands that are missing explain nothing.
    """
    if own[at, SCENE] == 0:
        return UNSEEN
    return GREEN if own[at, GREENEST] >= GREEN_NOW else latest_shows(own, at)


@njit(nogil=True)
def latest_shows(own: ByteArray, at: int) -> int:
    """What the month's latest look shows by itself: what began in the month may have been green earlier in it."""
    if own[at, SCENE] == 0:
        return UNSEEN
    ndvi, light, ndbi, nbr2 = own[at, 0], own[at, 1], own[at, 2], own[at, 3]
    if ndvi >= GREEN_NOW:
        return GREEN
    if 0 < ndbi <= _SNOW_NDBI and light >= _SNOW_LIGHT and ndvi <= _SNOW_NDVI:
        return SNOW
    if 0 < ndbi <= _WATER_NDBI and light <= _WATER_LIGHT and ndvi <= _WATER_NDVI:
        return WATER
    if 0 < nbr2 <= _BURNT_NBR2 and light <= _BURNT_LIGHT and ndvi <= _DARK_NDVI:
        return BURNT
    return ORDINARY


@njit(nogil=True)
def novelty(own: ByteArray, seen: ByteArray, at: int, stop: int) -> float:
    """Smallest root mean square distance of look ``at`` to the looks before ``stop``; -1 with too few of them.

    ``own``: codes (month, plane) of a pixel; ``seen``: what its looks show (:func:`shows`).
    """
    if not has_baseline(seen, at, stop):
        return -1.0
    nearest = np.inf
    for other in range(stop):
        if seen[other] != UNSEEN and seen[other] != SNOW:
            nearest = min(nearest, distance(own, at, other))
    return np.sqrt(nearest)


@njit(nogil=True)
def has_baseline(seen: ByteArray, at: int, stop: int) -> bool:
    """Whether the looks before ``stop`` are enough to say what is usual in month ``at``: six, over a year or more."""
    count, first = 0, at
    for other in range(stop):
        if seen[other] != UNSEEN and seen[other] != SNOW:
            first = min(first, other)
            count += 1
    return count >= MIN_LOOKS and at - first >= MIN_MONTHS


@njit(nogil=True)
def shortfall(own: ByteArray, seen: ByteArray, at: int, stop: int) -> float:
    """How far the last three months stayed below what the same months reached in every earlier year, in NDVI noise.

    The greenest look of the months ``at - 2`` .. ``at`` against the least of the earlier years' greenest looks of these
    calendar months, among the looks before ``stop``. A harvest or sowing that shifts by weeks changes no maximum of
    three months. -1 where it cannot be said: fewer than two looks now, or in each earlier year, a look that snow, water
    or fire explains, or a season that is not green (:data:`GREEN_SEASON`): bare ground proves nothing then.
    """
    now, looks = 0, 0
    for month in range(max(at - SEASON_MONTHS + 1, 0), at + 1):
        if seen[month] == ORDINARY or seen[month] == GREEN:
            looks += 1
            now = max(now, own[month, GREENEST])
        elif seen[month] != UNSEEN:
            return -1.0
    least, years = 255, 0
    for year in range(1, at // 12 + 1):
        best, count = 0, 0
        for month in range(max(at - SEASON_MONTHS + 1 - 12 * year, 0), at + 1 - 12 * year):
            if month < stop and seen[month] != UNSEEN and seen[month] != SNOW:
                count += 1
                best = max(best, own[month, GREENEST])
        if count >= 2:
            years += 1
            least = min(least, best)
    if looks < 2 or years == 0 or least < GREEN_SEASON:
        return -1.0
    return max((float(least) - float(now)) / NOISE[0], 0.0)


@njit(nogil=True)
def green_land(own: ByteArray, stop: int) -> bool:
    """Whether plants were seen on a pixel in two months before ``stop``."""
    count = 0
    for other in range(stop):
        if own[other, GREENEST] >= GREEN_LAND:
            count += 1
    return count >= 2
