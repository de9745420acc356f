"""Hand-drawn months of a pixel: what covers the ground in each, as reflectance of six bands."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.archive import MonthState, month_state
from pipeline.detect.monitor import Calibration, Verdicts, follow
from pipeline.detect.season import series_of
from pipeline.spectra import BANDS
from pipeline.values import number_of_day

# blue green red nir swir1 swir2, round numbers after published spectra
COVERS: dict[str, tuple[float, ...]] = {
    "crop": (0.03, 0.06, 0.04, 0.42, 0.20, 0.09),
    "sown": (0.06, 0.09, 0.11, 0.19, 0.24, 0.19),
    "soil": (0.07, 0.10, 0.13, 0.18, 0.25, 0.21),
    "stubble": (0.08, 0.11, 0.15, 0.25, 0.30, 0.22),
    "weeds": (0.05, 0.08, 0.08, 0.27, 0.24, 0.15),
    "film": (0.19, 0.21, 0.22, 0.29, 0.30, 0.25),
    "film_green": (0.15, 0.19, 0.17, 0.36, 0.27, 0.20),
    "flood": (0.07, 0.09, 0.08, 0.06, 0.03, 0.02),
    "snow": (0.70, 0.70, 0.68, 0.64, 0.10, 0.08),
    "burnt": (0.04, 0.05, 0.06, 0.08, 0.11, 0.11),
    "subsoil": (0.13, 0.17, 0.23, 0.30, 0.38, 0.34),
    "slab": (0.24, 0.27, 0.29, 0.31, 0.33, 0.30),
    "roof": (0.30, 0.30, 0.27, 0.33, 0.34, 0.28),
    "cloud": (0.45, 0.44, 0.44, 0.50, 0.38, 0.30),
}
YEAR = ("sown", "sown", "weeds", "crop", "crop", "stubble", "weeds", "crop", "crop", "soil", "soil", "sown")
"""Wheat and maize, January to December: green in April and May, harvested in June, green in August and September."""
FIRST = 2023 * 12
HABITS = (0.26, 0.35, 1.0)
"""Middle and spread of the logarithm of novelty and the edge of the shortfall in a scene where little changes."""


def months_of(covers: Sequence[str | None], *, bands: Sequence[str] = BANDS, jitter: int = 0) -> tuple[MonthState, ...]:
    """Months from January 2023 on, a one-pixel look on each 15th; None: no clear view. ``jitter`` seeds 3 % noise."""
    rng = np.random.default_rng(jitter)
    at = [BANDS.index(name) for name in bands]
    states = []
    for index, cover in enumerate(covers):
        light = 1.0 + 0.03 * rng.standard_normal(len(BANDS))
        if cover is None:
            continue
        image = (np.array(COVERS[cover]) * light)[at].astype(np.float32).reshape(-1, 1, 1)
        number = FIRST + index
        day = number_of_day(date(number // 12, number % 12 + 1, 15))
        states.append(month_state([image], bands, month=number, key=str(number), days=[(day, day)]))
    return tuple(states)


def habits(follow_months: int = 12) -> Calibration:
    """The calibration of an ordinary scene for every followed month."""
    parts = [np.full((2, follow_months), value, dtype=np.float32) for value in HABITS]
    return Calibration(*parts)


def verdict(covers: Sequence[str | None], *, bands: Sequence[str] = BANDS, jitter: int = 0) -> Verdicts:
    """What the monitor says of the pixel after the last of ``covers``."""
    states = months_of(covers, bands=bands, jitter=jitter)
    series = series_of(states, FIRST + len(covers) - 1, (1, 1), most=36)
    kept = min(len(series.months), 12)
    ordinary = habits(kept)
    return follow(series, ordinary, follow_months=12)


def day_number(index: int) -> int:
    """Day of the look of month ``index``."""
    number = FIRST + index
    return number_of_day(date(number // 12, number % 12 + 1, 15))


def years(count: int) -> list[str | None]:
    """``count`` years of :data:`YEAR`."""
    return list(YEAR) * count


def states_of_pixels(columns: NDArray[np.uint8], month: int) -> MonthState:
    """A month of given codes (plane, y, x)."""
    return MonthState(month, str(month), ((1, 1),), columns)
