"""Sequential evidence of building per pixel: month by month against the pixel's own years, with its onset.

Per month with a clear view a clipped log-likelihood ratio of "built or bare for good" against "a field as ever" is
added to the evidence, as in a cumulative sum test (Page 1954). Its two parts are novelty against every earlier look
and, in the green season alone, bareness below the barest earlier look of the season. Both are measured against what
the same month shows all over the scene, so that a harvest, a flood or a snowfall of a whole district explains itself.
A month that is green again ends the departure; cloudy months count nothing; snow, water and burnt stubble are
explanations of their own and neither add nor take away.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import IntEnum

import numpy as np
from numba import njit
from numpy.typing import NDArray

from pipeline.detect.archive import SCENE
from pipeline.detect.season import (
    GREEN,
    ORDINARY,
    SNOW,
    UNSEEN,
    Series,
    distance,
    green_land,
    has_baseline,
    latest_shows,
    novelty,
    shortfall,
    shows,
)

FloatArray = NDArray[np.float32]
ByteArray = NDArray[np.uint8]

CLIP = (-0.5, 2.5)
"""Least and most that a month adds. One month alone never confirms; one ordinary month does not undo one strong one."""
GREEN_LLR = -4.0
MOST = 15.0
LOOK_WEIGHT, LOOK_Z = 1.5, 1.4
"""Log odds per spread of novelty, and where they are even: half-way between ordinary ground and what two in a hundred
pixels of a month show, at which built ground lies."""
SEASON_LEAST = 5.0
"""NDVI noise units (0.2) by which bare ground falls short of a crop at the least, where the scene's own 98th percentile
is smaller. At the larger of both the season adds 2."""
SEASON_ALONE = 1.0
"""Most that bareness adds when the ground looks like it did at other seasons: a fallow year does that too."""
NEW_GROUND = (0.4, 0.8)
"""Mean log odds of novelty over the months since the departure without which nothing is probable or confirmed: a fallow
year is as bare as a yard, and commoner by an order, but it looks like the field's own soil."""
GONE = 1.0
"""Within this distance of a look before the departure the ground is as it was."""
UNDER_COVER = 40
"""NDVI codes (0.2) by which ground under film or glass greens and fades while a roof does not."""
COVER_LIGHT = 100
"""Light code (mean reflectance 0.09) above which pulsing ground can be film or glass."""
CONFIRMING_DAYS = 45
LASTING = 3


class Followed(IntEnum):
    """What the monitor says of a pixel (uint8 rasters)."""

    UNKNOWN = 0
    ORDINARY = 1
    EARLY = 2
    PROBABLE = 3
    CONFIRMED = 4
    REMOVED = 5
    RECULTIVATED = 6
    COVERED = 7


@dataclass(frozen=True)
class Levels:
    """Evidence from which a departure is early, probable and confirmed.

    Probable takes :data:`LASTING` months with a view: film laid for the first time, a store of straw or a levelled field
    are new to a pixel too, but hardly for so long. Confirmed takes these months over :data:`CONFIRMING_DAYS`, one of
    them in the green season where plants have grown before.
    """

    early: float = 2.0
    probable: float = 4.0
    confirmed: float = 6.0


DEFAULT_LEVELS = Levels()
REMOVED, RECULTIVATED, COVERED = int(Followed.REMOVED), int(Followed.RECULTIVATED), int(Followed.COVERED)


@dataclass(frozen=True)
class Calibration:
    """What the followed months show all over the scene: per (land, month), land 0 never green, 1 green.

    ``middle``/``spread`` of the logarithm of novelty, the spread wide enough to reach the 98th percentile; ``edge``:
    98th percentile of the shortfall. A harvest of the district widens them and so mutes itself.
    """

    middle: FloatArray
    spread: FloatArray
    edge: FloatArray


@dataclass(frozen=True)
class Verdicts:
    """Per pixel (n,) after the last month. ``evidence``: the sum, 0 without a departure; ``state``: :class:`Followed`.

    ``step``: what the last month added, NaN without a view or a baseline; ``crossed``: the last month made the
    departure probable; ``before_day``/``since_day``: last look without it and first look with it; ``sure_day``: the
    look that made it probable, 0 where none; ``looks``: months with a view since it began.
    """

    evidence: FloatArray
    state: ByteArray
    step: FloatArray
    crossed: NDArray[np.bool_]
    before_day: NDArray[np.uint16]
    since_day: NDArray[np.uint16]
    sure_day: NDArray[np.uint16]
    looks: ByteArray


def followed_from(series: Series, follow_months: int) -> int:
    """Index of the first followed month: the last ``follow_months`` of the series."""
    return max(len(series.months) - follow_months, 0)


def scene_sample(series: Series, *, follow_months: int) -> FloatArray:
    """Per pixel and followed month (3, pixel, month): logarithm of novelty, shortfall (both NaN unknown), green land."""
    return _sample(series.codes, followed_from(series, follow_months))


@njit(nogil=True)
def _load(codes: ByteArray, pixel: int, own: ByteArray, seen: ByteArray) -> None:
    """Copy a pixel's codes (month, plane) and what its looks show into small arrays."""
    for month in range(codes.shape[0]):
        for plane in range(codes.shape[1]):
            own[month, plane] = codes[month, plane, pixel]
        seen[month] = shows(own, month)


@njit(nogil=True)
def _sample(codes: ByteArray, start: int) -> FloatArray:
    months, pixels = codes.shape[0], codes.shape[2]
    own, seen = np.zeros(codes.shape[:2], dtype=np.uint8), np.zeros(months, dtype=np.uint8)
    found = np.full((3, pixels, months - start), np.nan, dtype=np.float32)
    for pixel in range(pixels):
        _load(codes, pixel, own, seen)
        for at in range(start, months):
            if seen[at] == UNSEEN:
                continue
            away, short = novelty(own, seen, at, at), shortfall(own, seen, at, at)
            if away >= 0.0:
                found[0, pixel, at - start] = np.log(away + 0.3)
            if short >= 0.0:
                found[1, pixel, at - start] = short
            found[2, pixel, at - start] = 1.0 if green_land(own, at) else 0.0
    return found


def calibration(sample: FloatArray) -> Calibration:
    """The scene's habits from a sample (3, pixel, month) of :func:`scene_sample`, blocks joined along pixels.

    Where fewer than 50 sampled pixels of a kind have a view, both kinds are taken together; with none at all novelty
    counts from its unit on.
    """
    months = sample.shape[2]
    middle = np.zeros((2, months), dtype=np.float32)
    spread, edge = np.ones((2, months), dtype=np.float32), np.zeros((2, months), dtype=np.float32)
    for month in range(months):
        away, short, green = (part.astype(np.float64) for part in sample[:, :, month])
        for land in (0, 1):
            own = away[np.isfinite(away) & (green == land)]
            own = own if len(own) >= 50 else away[np.isfinite(away)]
            if len(own):
                middle[land, month] = np.median(own)
                narrow = 1.4826 * np.median(np.abs(own - middle[land, month]))
                wide = (np.quantile(own, 0.98) - middle[land, month]) / 2.05
                spread[land, month] = max(narrow, wide, 0.2)
            bare = short[np.isfinite(short) & (green == land)]
            edge[land, month] = np.quantile(bare, 0.98) if len(bare) >= 50 else 0.0
    return Calibration(middle, spread, edge)


def follow(series: Series, habits: Calibration, *, follow_months: int, levels: Levels = DEFAULT_LEVELS) -> Verdicts:
    """Evidence, state and onset of every pixel of a block after the last month of its series."""
    start, count = followed_from(series, follow_months), series.codes.shape[2]
    evidence, step = np.zeros(count, dtype=np.float32), np.full(count, np.nan, dtype=np.float32)
    state, looks = (np.zeros(count, dtype=np.uint8) for _ in range(2))
    crossed = np.zeros(count, dtype=np.bool_)
    days = np.zeros((3, count), dtype=np.uint16)
    _follow(
        series.codes, series.first_day, series.last_day, start, habits.middle, habits.spread, habits.edge,
        (levels.early, levels.probable, levels.confirmed), evidence, state, step, crossed, days, looks,
    )  # fmt: skip
    return Verdicts(evidence, state, step, crossed, days[0], days[1], days[2], looks)


@njit(nogil=True)
def _step(
    own: ByteArray, seen: ByteArray, at: int, stop: int, middle: FloatArray, spread: FloatArray, edge: FloatArray,
    start: int, kind: int,
) -> tuple[float, float, float]:  # fmt: skip
    """What a month that shows ``kind`` adds, and its parts by novelty and by season; needs a baseline."""
    if kind != ORDINARY:
        return GREEN_LLR if kind == GREEN else 0.0, 0.0, 0.0
    away = novelty(own, seen, at, stop)
    land = 1 if green_land(own, stop) else 0
    z = (np.log(away + 0.3) - middle[land, at - start]) / spread[land, at - start]
    by_look = min(max(LOOK_WEIGHT * (z - LOOK_Z), CLIP[0]), CLIP[1])
    short, by_season = shortfall(own, seen, at, stop), CLIP[0]
    if short >= 0.0:
        by_season = 2.5 * short / max(edge[land, at - start], SEASON_LEAST) - 0.5
        by_season = min(by_season, CLIP[1] if z >= 1.0 else SEASON_ALONE)
    return max(by_look, by_season), by_look, by_season


@njit(nogil=True)
def _follow(
    codes: ByteArray, first_day: NDArray[np.uint16], last_day: NDArray[np.uint16], start: int, middle: FloatArray,
    spread: FloatArray, edge: FloatArray, levels: tuple[float, float, float], evidence: FloatArray, state: ByteArray,
    step: FloatArray, crossed: NDArray[np.bool_], days: NDArray[np.uint16], looks: ByteArray,
) -> None:  # fmt: skip
    months = codes.shape[0]
    own, seen = np.zeros(codes.shape[:2], dtype=np.uint8), np.zeros(months, dtype=np.uint8)
    for pixel in range(codes.shape[2]):
        _load(codes, pixel, own, seen)
        total, since, before, last_view = 0.0, -1, -1, -1
        count, in_season, returned, sure, ended, new_ground = 0, 0, 0, -1, 0, 0.0
        low, high, known = 255, 0, False
        for at in range(months):
            if seen[at] == UNSEEN or seen[at] == SNOW:
                continue
            if at < start:
                last_view = at
                continue
            stop = since if since >= 0 else at
            added, by_look, by_season = 0.0, 0.0, 0.0
            usual = has_baseline(seen, at, stop)
            if usual:
                # only a departure that stands can be ended by plants earlier in the month
                kind = seen[at] if since >= 0 else latest_shows(own, at)
                added, by_look, by_season = _step(own, seen, at, stop, middle, spread, edge, start, kind)
            known = known or usual
            if at == months - 1 and usual:
                step[pixel] = added
            if since < 0 and added > 0.0:
                since, before, total, sure, ended, new_ground = at, last_view, 0.0, -1, 0, 0.0
                count, in_season, returned, low, high = 0, 0, 0, 255, 0
            last_view = at
            if since < 0:
                continue
            count += 1
            in_season += 1 if by_season > 0.5 else 0
            new_ground += by_look
            total = min(total + added, MOST)
            low, high = min(low, own[at, 0]), max(high, own[at, 0])
            returned = returned + 1 if added <= CLIP[0] and _as_before(own, seen, at, since) else 0
            if total >= levels[1] and sure < 0 and count >= LASTING and new_ground >= NEW_GROUND[0] * count:
                sure = at
            if added == GREEN_LLR or total <= 0.0 or returned >= 3:
                if sure >= 0 and added != GREEN_LLR:
                    ended = REMOVED
                elif sure >= 0 and new_ground >= NEW_GROUND[1] * (count - 1):
                    # a fallow year is as bare as a yard: only ground that was new to the pixel can be given back
                    ended = RECULTIVATED
                total, since = 0.0, -1
        evidence[pixel] = total
        if since < 0:
            state[pixel] = ended if ended else (1 if known else 0)
            continue
        first_look = last_day[since, own[since, SCENE]]
        spans = float(last_day[last_view, own[last_view, SCENE]]) - float(first_look)
        certain = (
            total >= levels[2] and count >= LASTING and spans >= CONFIRMING_DAYS and new_ground >= NEW_GROUND[1] * count
        )
        if certain and green_land(own, since):
            certain = in_season >= 1
        found = 2 if total >= levels[0] else 1
        if total >= levels[1] and sure >= 0:
            found = 4 if certain else 3
        if found >= 3 and high - low >= UNDER_COVER and own[last_view, 1] >= COVER_LIGHT:
            found = COVERED
        state[pixel] = found
        crossed[pixel] = sure == months - 1
        days[0, pixel] = first_day[before, own[before, SCENE]] if before >= 0 else 0
        days[1, pixel] = first_look
        days[2, pixel] = last_day[sure, own[sure, SCENE]] if sure >= 0 else 0
        looks[pixel] = min(count, 255)


@njit(nogil=True)
def _as_before(own: ByteArray, seen: ByteArray, at: int, since: int) -> bool:
    """Whether a look is within :data:`GONE` of one before the departure at the same time of the year."""
    for other in range(since):
        apart = (at - other) % 12
        if seen[other] != UNSEEN and (apart <= 1 or apart == 11) and distance(own, at, other) < GONE * GONE:
            return True
    return False
