"""Whether changed ground stays changed: an object's later months against its own years, all its pixels together.

The monitor judges pixel by pixel and must be strict, since most pixels that look new are fields. An object that a month
has found needs less: that later looks go on showing it. Medians over its pixels carry little noise, so each month adds a
clipped log-likelihood ratio of "built on" against "a field after all": how far the ground is from every look before the
change, and, where the same calendar month was green in every earlier year, how much of that green is missing. Plants
that come back end it; snow, water, burnt stubble and months without a view count nothing.
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.detect.archive import GREENEST, SCENE
from pipeline.detect.season import (
    GREEN,
    GREEN_NOW,
    GREEN_SEASON,
    ORDINARY,
    UNSEEN,
    Series,
    novelty,
    shows,
)

ByteArray = NDArray[np.uint8]
FloatArray = NDArray[np.float32]

NDVI_STEP = 0.005
SEEN_SHARE = 0.5
"""A month counts where at least this share of the object's pixels has a view, and explains itself where this share shows
snow, water or fire."""
EVEN_NOVELTY, NOVELTY_WEIGHT, NOVELTY_CLIP = 1.15, 4.0, (-1.0, 2.0)
"""Distance (noise units, median of the object) at which building and field are even, log odds per unit, and limits."""
EVEN_LOSS, LOSS_WEIGHT, LOSS_CLIP = 0.20, 10.0, (-2.0, 2.5)
"""The same of NDVI missing in a month that was green in every earlier year: a fallow year misses less for long."""
EARLIER_MONTHS = 2
PROBABLE, CONFIRMED = 1.0, 3.0
CONFIRMING_MONTHS, CONFIRMING_DAYS = 3, 45
UNSEASONED, UNSEASONED_MONTHS, UNSEASONED_DAYS = 7.0, 4, 90
"""Evidence, months and days that confirm without a green season: a roof in winter, where film would have been lifted."""


@dataclass(frozen=True)
class Standing:
    """What an object's later months say of it.

    ``evidence``: log odds that it stands, 0 after it was gone; ``months``: months that spoke for it since it rose above 0;
    ``later``: months with a view after that of the object's first sight; ``seasons``: months since then in which the
    green of every earlier year was missing; ``green_land``: the ground was green in earlier years;
    ``first_day``/``last_day``: first and latest view that count, days since 1970-01-01.
    """

    evidence: float
    months: int
    later: int
    seasons: int
    green_land: bool
    first_day: int
    last_day: int


def confidence_of(standing: Standing) -> str:
    """``early``, ``probable`` or ``confirmed``: the last takes a green season where the ground used to be green."""
    days = standing.last_day - standing.first_day
    lasting = standing.months >= CONFIRMING_MONTHS and days >= CONFIRMING_DAYS
    if lasting and standing.evidence >= CONFIRMED and (standing.seasons or not standing.green_land):
        return "confirmed"
    unseasoned = standing.months >= UNSEASONED_MONTHS and days >= UNSEASONED_DAYS
    if unseasoned and standing.evidence >= UNSEASONED:
        return "confirmed"
    return "probable" if standing.months >= 2 and standing.evidence >= PROBABLE else "early"


def standing_of(series: Series, *, last_clear: int, first_seen: int, first_month: int) -> Standing | None:
    """The course of an object from the series of its pixels; None where too little is known of its earlier years.

    ``last_clear``/``first_seen``: its onset interval, days since 1970-01-01 (``last_clear`` 0: unknown);
    ``first_month``: the month of ``first_seen``, counted as the series counts. Looks after ``last_clear`` are no
    baseline; from two months before ``first_month`` on they may show the object already.
    """
    sight = first_month - int(series.months[0])
    if not 0 < sight < len(series.months):
        return None
    days = np.take_along_axis(series.last_day, series.codes[:, SCENE].astype(np.intp), axis=1).astype(np.int64)
    stop = _baseline_stop(days, sight, last_clear)
    green = _medians(series.codes[:, GREENEST])
    evidence, months, later, seasons, first_day, last_day = 0.0, 0, 0, 0, first_seen, first_seen
    known = False
    for at in range(max(stop, sight - EARLIER_MONTHS), len(series.months)):
        viewed = days[at] > (last_clear if last_clear > 0 else first_seen - 1)
        if viewed.mean() < SEEN_SHARE:
            continue
        away, plain = _novelties(np.ascontiguousarray(series.codes[:, :, viewed]), at, stop)
        if not np.isfinite(away).any():
            continue
        known = True
        if plain < SEEN_SHARE:
            continue
        now = float(np.median(series.codes[at, GREENEST if at > sight else 0, viewed]))
        usual = _usual(green, at, stop)
        seasonal, loss = usual >= GREEN_SEASON, (usual - now) * NDVI_STEP
        added = _clipped(NOVELTY_WEIGHT * (float(np.nanmedian(away)) - EVEN_NOVELTY), NOVELTY_CLIP)
        added += _clipped(LOSS_WEIGHT * (loss - EVEN_LOSS), LOSS_CLIP) if seasonal else 0.0
        later += int(at > sight)
        last_day = int(np.median(days[at, viewed]))
        if evidence + added <= 0.0 or (now >= GREEN_NOW and not (seasonal and loss >= EVEN_LOSS)):
            evidence, months, seasons = 0.0, 0, 0
            continue
        first_day = last_day if months == 0 else first_day
        evidence, months = evidence + added, months + int(added > 0.0)
        seasons += int(seasonal and loss >= EVEN_LOSS)
    if not known:
        return None
    earlier = green[:stop][np.isfinite(green[:stop])]
    return Standing(evidence, months, later, seasons, int((earlier >= GREEN_SEASON).sum()) >= 2, first_day, last_day)


def _clipped(value: float, limits: tuple[float, float]) -> float:
    return min(max(value, limits[0]), limits[1])


def _baseline_stop(days: NDArray[np.int64], begin: int, last_clear: int) -> int:
    """Index after the last month whose looks are all from ``last_clear`` or before; ``begin`` where that is unknown."""
    if last_clear <= 0:
        return begin
    newer = np.flatnonzero((days[:begin] > last_clear).mean(axis=1) > SEEN_SHARE)
    return int(newer[0]) if len(newer) else begin


def _medians(codes: ByteArray) -> FloatArray:
    """Median code per month of (month, pixel), NaN where fewer than half of the pixels have one."""
    result = np.full(len(codes), np.nan, dtype=np.float32)
    for at, row in enumerate(codes):
        if (row > 0).mean() >= SEEN_SHARE:
            result[at] = np.median(row[row > 0])
    return result


def _usual(green: FloatArray, at: int, stop: int) -> float:
    """The least of what the calendar month of ``at`` reached in the earlier years; -1 where none is known."""
    own = [green[year] for year in range(at - 12, -1, -12) if year < stop and np.isfinite(green[year])]
    return float(min(own)) if own else -1.0


@njit(nogil=True)
def _novelties(codes: ByteArray, at: int, stop: int) -> tuple[FloatArray, float]:
    """Distance of look ``at`` from every look before ``stop`` per pixel, NaN unknown; share that shows plain ground."""
    own, seen = np.zeros(codes.shape[:2], dtype=np.uint8), np.zeros(codes.shape[0], dtype=np.uint8)
    found = np.full(codes.shape[2], np.nan, dtype=np.float32)
    plain = 0
    for pixel in range(codes.shape[2]):
        for month in range(codes.shape[0]):
            for plane in range(codes.shape[1]):
                own[month, plane] = codes[month, plane, pixel]
            seen[month] = shows(own, month)
        if seen[at] == UNSEEN:
            continue
        plain += 1 if seen[at] == ORDINARY or seen[at] == GREEN else 0
        away = novelty(own, seen, at, stop)
        if away >= 0.0:
            found[pixel] = away
    return found, plain / max(codes.shape[2], 1)
