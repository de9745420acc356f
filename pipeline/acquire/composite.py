"""From the aligned looks of a series to the month's before and after, their days, and how new the after state is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.spectra import distance
from pipeline.values import Validity

FloatArray = NDArray[np.float32]
CodeArray = NDArray[np.uint8]

SAME_STATE = 1.0
SMOOTH_PX = 1.0
HALO_PX = 4


@dataclass(frozen=True)
class MonthPixels:
    """What a block of a month's series comes to, all (y, x) or (band, y, x).

    ``before``/``after``: the latest clear look before the period and inside it, NaN unless both exist.
    ``validity``: CLEAR where both exist, NO_SCENE where nothing earlier (or no scene at all) exists, else why the last
    look of the period was not clear. ``novelty``: smallest distance of the after state to any look before the period,
    in noise units; ``looks``: clear looks of the period from ``since_days`` on, which all show the after state (nearer
    than :data:`SAME_STATE` and twice as near as the before state; the last look always counts);
    ``before_days``, ``since_days``: days since 1970-01-01, 0 where not clear.
    """

    before: FloatArray
    after: FloatArray
    validity: CodeArray
    novelty: FloatArray
    looks: NDArray[np.uint8]
    before_days: NDArray[np.uint16]
    since_days: NDArray[np.uint16]


def softened(image: FloatArray) -> FloatArray:
    """Gaussian mean of the pixels that have a value, (band, y, x), so that sub-pixel misfit counts less."""
    known = np.isfinite(image).all(axis=0)
    weight = ndimage.gaussian_filter(known.astype(np.float32), SMOOTH_PX, mode="constant", truncate=3.0)
    filled = np.where(known, image, 0.0).astype(np.float32)
    total = np.stack([ndimage.gaussian_filter(band, SMOOTH_PX, mode="constant", truncate=3.0) for band in filled])
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known, total / weight, np.nan).astype(np.float32)


def month_pixels(
    images: FloatArray, codes: CodeArray, first_days: Sequence[int], last_days: Sequence[int], *, period_start: int
) -> MonthPixels:
    """Choose per pixel the looks of a period and compare them with all earlier ones.

    ``images``: (scene, band, y, x) aligned reflectance in order of date; ``codes``: (scene, y, x) validity codes;
    ``first_days``/``last_days``: per scene the days since 1970-01-01 it may have been taken on, wholly before
    ``period_start`` (first day of the period) or wholly from it on.
    """
    shape = images.shape[2:]
    inside = [start >= period_start for start in first_days]
    clear = (codes == Validity.CLEAR) & np.isfinite(images).all(axis=1)
    before, after = np.full(images.shape[1:], np.nan, dtype=np.float32), np.full(images.shape[1:], np.nan, np.float32)
    before_days = np.zeros(shape, dtype=np.uint16)
    why = np.full(shape, np.uint8(Validity.NO_SCENE))
    for index in range(len(images)):
        look = clear[index]
        if inside[index]:
            after = np.where(look, images[index], after)
            why = np.where(look, np.uint8(Validity.CLEAR), np.where(why == Validity.CLEAR, why, codes[index]))
        else:
            before = np.where(look, images[index], before)
            before_days = np.where(look, np.uint16(first_days[index]), before_days)
    known = np.isfinite(before).all(axis=0)
    validity = np.where((why == Validity.CLEAR) & ~known, np.uint8(Validity.NO_SCENE), why).astype(np.uint8)
    usable = validity == Validity.CLEAR
    before, after = np.where(usable, before, np.nan), np.where(usable, after, np.nan)
    novelty, looks, since = _history(images, clear, inside, last_days, before, after)
    return MonthPixels(
        before.astype(np.float32),
        after.astype(np.float32),
        validity,
        np.where(usable, novelty, np.nan).astype(np.float32),
        np.where(usable, looks, 0).astype(np.uint8),
        np.where(usable, before_days, 0).astype(np.uint16),
        np.where(usable, since, 0).astype(np.uint16),
    )


def _history(
    images: FloatArray,
    clear: NDArray[np.bool_],
    inside: Sequence[bool],
    last_days: Sequence[int],
    before: FloatArray,
    after: FloatArray,
) -> tuple[FloatArray, NDArray[np.uint8], NDArray[np.uint16]]:
    """Novelty against all earlier looks; number of closing looks that show the after state, and the first one's day."""
    shape = after.shape[1:]
    soft_before, soft_after = softened(before), softened(after)
    novelty = np.full(shape, np.inf, dtype=np.float32)
    looks = np.zeros(shape, dtype=np.uint8)
    since = np.zeros(shape, dtype=np.uint16)
    unbroken = np.ones(shape, dtype=bool)
    for index in reversed(range(len(images))):
        look = softened(np.where(clear[index], images[index], np.nan))
        to_after = np.where(clear[index], distance(soft_after, look), np.nan)
        if not inside[index]:
            novelty = np.fmin(novelty, to_after)
            continue
        # a field harvested shortly before the works must not date them too early: only the same state counts
        same = np.minimum(np.float32(SAME_STATE), 0.5 * distance(soft_before, look))
        shows = np.nan_to_num(to_after, nan=np.inf) <= np.nan_to_num(same, nan=-1.0)
        last = clear[index] & (looks == 0)
        shows = shows | last
        counted = clear[index] & unbroken & shows
        looks = looks + counted.astype(np.uint8)
        since = np.where(counted, np.uint16(last_days[index]), since)
        unbroken &= ~clear[index] | shows
    return np.where(np.isfinite(novelty), novelty, np.nan).astype(np.float32), looks, since
