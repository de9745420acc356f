"""Rain, wet soil, frost, snow and river stage over the years, and the days on which a satellite came by."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray

from pipeline.simulate.frame import day_number, day_of
from pipeline.simulate.wild.frame import Span, day_of_year

FloatArray = NDArray[np.float32]
LEAD_DAYS = 200
_ORBIT_DAYS = 5


@dataclass(frozen=True)
class SnowFall:
    """Snow that fell on a day: day number, ``depth`` in 0..1, and the days until the open field is bare again."""

    day: int
    depth: float
    lasts_days: float


@dataclass(frozen=True)
class Weather:
    """Daily series from ``first`` (day number): ``wet`` soil wetness 0..1, ``stage_m`` of the river, ``drawdown_m``.

    ``stage_m``: above its mean; ``drawdown_m``: of the reservoir below full; ``frost``: 0..1, water may be frozen.
    """

    first: int
    rain_mm: FloatArray
    wet: FloatArray
    stage_m: FloatArray
    drawdown_m: FloatArray
    frost: FloatArray
    snow: tuple[SnowFall, ...]

    def of(self, series: FloatArray, number: float) -> float:
        """The value of a daily series on a day number, the nearest end beyond the series."""
        return float(series[int(np.clip(round(number) - self.first, 0, len(series) - 1))])


def make_weather(span: Span, rng: np.random.Generator) -> Weather:
    """Draw the weather from :data:`LEAD_DAYS` before the history to its end."""
    first = span.first_number - LEAD_DAYS
    days = np.arange(first, span.last_number + 40)
    doy = day_of_year(days)
    monsoon = np.exp(-(((doy - 200.0) / 42.0) ** 2))
    raining = rng.random(len(days)) < 0.16 + 0.3 * monsoon
    rain = np.where(raining, rng.gamma(0.8, 7.0 + 14.0 * monsoon), 0.0)
    wet, flow = np.zeros(len(days)), np.zeros(len(days))
    for index in range(1, len(days)):
        dries = 0.86 - 0.2 * np.sin(np.pi * np.clip((doy[index] - 60.0) / 240.0, 0.0, 1.0))
        wet[index] = min(1.0, wet[index - 1] * dries + rain[index] / 16.0)
        flow[index] = flow[index - 1] * 0.93 + rain[index] / 14.0
    stage = 0.55 * np.log1p(flow) - 0.7
    release = np.interp(doy, [0.0, 90.0, 165.0, 200.0, 245.0, 365.0], [1.2, 1.6, 4.4, 2.6, 0.4, 1.2])
    frost = np.clip(
        np.cos(2.0 * np.pi * (doy - 15.0) / 365.25) * 2.2 - 1.45 + 0.3 * rng.standard_normal(len(days)), 0, 1
    )
    falls = []
    for winter in range(day_of(first).year, span.last.year + 1):
        opens = day_number(date(winter, 12, 1))
        for offset in np.sort(rng.integers(0, 95, int(rng.poisson(2.4)))):
            falls.append(SnowFall(opens + int(offset), float(rng.uniform(0.5, 1.3)), float(rng.uniform(2.5, 13.0))))
    lowered = release + 0.3 * rng.standard_normal()
    rain32, wet32, stage32, lowered32, frost32 = (
        np.asarray(one, dtype=np.float32) for one in (rain, wet, stage, lowered, frost)
    )
    return Weather(first, rain32, wet32, stage32, lowered32, frost32, tuple(falls))


@dataclass(frozen=True)
class Pass:
    """One delivered acquisition: day number, relative orbit (0 or 1) and the share of the sky under cloud."""

    day: int
    orbit: int
    cloud_share: float


def make_passes(span: Span, rng: np.random.Generator) -> tuple[Pass, ...]:
    """Every fifth day on the main orbit, now and then on the neighbouring one; hopeless skies are seldom delivered."""
    passes = []
    phase = int(rng.integers(_ORBIT_DAYS))
    for number in range(span.first_number, span.last_number + 1):
        orbit = {phase: 0, (phase + 2) % _ORBIT_DAYS: 1}.get(number % _ORBIT_DAYS)
        if orbit is None:
            continue
        kind, extent, kept, comes = rng.random(4)
        summer = float(np.exp(-(((day_of_year(number) - 195.0) / 55.0) ** 2)))
        clear = 0.34 - 0.2 * summer
        if kind < clear:
            share = 0.0 if extent < 0.7 else 0.06 * extent
        elif kind < clear + 0.36:
            share = 0.03 + 0.87 * extent**1.4
        else:
            share = 1.0 if extent < 0.75 else 0.9
        if (share >= 0.9 and kept > 0.07) or (orbit == 1 and comes > 0.25):
            continue
        passes.append(Pass(number, orbit, float(share)))
    return tuple(passes)
