"""How much ground an area drawn from imagery may really be, as measured against labelled objects."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import ArrayLike, NDArray


@dataclass(frozen=True)
class AreaError:
    """For pixels of ``pixel_from_m`` to below ``pixel_below_m`` metres: shares of a drawn area between which the real one lies.

    ``confidence``: in which share of the cases it does.
    """

    pixel_from_m: float
    pixel_below_m: float
    low_share: float
    high_share: float
    confidence: float


def area_interval(
    area_m2: ArrayLike, gsd_m: ArrayLike, errors: Sequence[AreaError]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Least and most real area (n,) in m2 of drawn areas (n,) in m2 from pixels of ``gsd_m`` (n,) metres.

    NaN where the area, the pixel or the error of such a pixel is not known.
    """
    area, gsd = (np.asarray(values, dtype=np.float64) for values in (area_m2, gsd_m))
    low, high = np.full(area.shape, np.nan), np.full(area.shape, np.nan)
    for error in errors:
        own = (gsd >= error.pixel_from_m) & (gsd < error.pixel_below_m)
        low[own], high[own] = area[own] * error.low_share, area[own] * error.high_share
    return low, high


def with_area_interval(frame: Any, errors: Sequence[AreaError]) -> Any:
    """A table with the columns area_m2 and gsd_m, its ``area_low_m2`` and ``area_high_m2`` filled anew."""
    low, high = area_interval(frame["area_m2"].astype(float), frame["gsd_m"].astype(float), errors)
    return frame.assign(area_low_m2=low.round(2), area_high_m2=high.round(2))
