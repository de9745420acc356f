"""Whether the works on a target's ground are gone and vegetation is back, from one month's composite.

The ground is held against three states: its own before the works, its own while the works were seen, and its
neighbours' this month. Vegetation is judged by the share of green pixels, so that a roof between trees stays a roof.
What several explanations fit says so instead of guessing: bare soil after demolition looks like bare soil of earthworks.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.spectra import brightness, bsi, ndvi
from pipeline.values import GroundAnswer, Stage

FloatArray = NDArray[np.float32]
MaskArray = NDArray[np.bool_]

MIN_PIXELS = 4
"""Fewer pixels inside an outline are mixed with what lies beside it."""
MIN_CLEAR_SHARE = 0.5
GREEN_NDVI = 0.3
"""NDVI from which a pixel bears vegetation (sparse crops and grass begin there)."""
GREEN_SHARE = 0.8
BARE_SHARE = 0.2
GREENER_BY = 0.1
ALIKE = 1.5
"""Up to this distance from a state, in units of season and sensor noise, ground still looks like it."""
BARER_BY = 0.06
BARE_SOIL = 0.05
NOISE_NDVI, NOISE_BARE, NOISE_FLOOR, NOISE_OF_LIGHT = 0.08, 0.05, 0.01, 0.06
_GONE = (GroundAnswer.GONE_AND_GREEN.value, GroundAnswer.GONE_NOT_GREEN.value)
_WORKS = (Stage.STRUCTURE.value, Stage.ROOFED.value)


@dataclass(frozen=True)
class Look:
    """Medians over some ground's clear pixels: NDVI, mean reflectance and bare soil index; NaN without a band."""

    ndvi: float
    brightness: float
    bare: float

    def differs(self, other: Look) -> float:
        """Root mean square difference in noise units over the measures both have; NaN when they share none."""
        light = NOISE_FLOOR + NOISE_OF_LIGHT * max(self.brightness, other.brightness)
        parts = np.array(
            [
                (self.ndvi - other.ndvi) / NOISE_NDVI,
                (self.brightness - other.brightness) / light,
                (self.bare - other.bare) / NOISE_BARE,
            ]
        )
        known = parts[np.isfinite(parts)]
        return float(np.sqrt(np.mean(known**2))) if len(known) else float("nan")


UNKNOWN = Look(float("nan"), float("nan"), float("nan"))


@dataclass(frozen=True)
class GroundLook:
    """A target's ground in one composite: ``observed_on`` is the first day of the month that surely shows it."""

    source: str
    pixels: int
    clear_share: float
    green_share: float
    now: Look
    around: Look
    observed_on: pd.Timestamp | None


@dataclass(frozen=True)
class Answer:
    """What one month says, in a code and in words for a clerk."""

    code: GroundAnswer
    words: str


NOT_LOOKED = GroundLook("", 0, 0.0, float("nan"), UNKNOWN, UNKNOWN, None)


def look_at(
    image: FloatArray, days: FloatArray, inside: MaskArray, beside: MaskArray, *, bands: tuple[str, ...], source: str
) -> GroundLook:
    """Measure a target's ground in a window of a composite.

    ``image``: (band, y, x) reflectance, NaN where not seen; ``days``: (y, x) days since 1970-01-01 of the first look
    of the month that shows this state, 0 where unknown; ``inside``/``beside``: (y, x) the ground and its neighbours.
    """
    clear = np.isfinite(image).all(axis=0)
    own = inside & clear
    total, seen = int(inside.sum()), int(own.sum())
    if not seen:
        return replace(NOT_LOOKED, source=source, pixels=total)
    green = _ndvi(image, bands)[own]
    known = green[np.isfinite(green)]
    dated = days[own]
    dated = dated[np.isfinite(dated) & (dated > 0)]
    return GroundLook(
        source=source,
        pixels=total,
        clear_share=round(seen / total, 4),
        green_share=round(float((known >= GREEN_NDVI).mean()), 4) if len(known) else float("nan"),
        now=_look(image, own, bands),
        around=_look(image, beside & clear, bands),
        observed_on=pd.Timestamp("1970-01-01") + pd.Timedelta(days=int(dated.max())) if len(dated) else None,
    )


def _look(image: FloatArray, where: MaskArray, bands: tuple[str, ...]) -> Look:
    if not where.any():
        return UNKNOWN
    layers = (_ndvi(image, bands), brightness(image), _bare(image, bands))
    return Look(*(_median(layer[where]) for layer in layers))


def _median(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return round(float(np.median(known)), 4) if len(known) else float("nan")


def _ndvi(image: FloatArray, bands: tuple[str, ...]) -> FloatArray:
    return _index(image, bands, ("nir", "red"), ndvi)


def _bare(image: FloatArray, bands: tuple[str, ...]) -> FloatArray:
    return _index(image, bands, ("blue", "red", "nir", "swir1"), bsi)


def _index(image: FloatArray, bands: tuple[str, ...], needed: tuple[str, ...], index: Any) -> FloatArray:
    if not set(needed) <= set(bands):
        return np.full(image.shape[1:], np.nan, dtype=np.float32)
    return np.asarray(index(*(image[bands.index(name)] for name in needed)), dtype=np.float32)


def answer_of(look: GroundLook, *, before: Look, built: Look, stage: str, was: str | None = None) -> Answer:
    """What a month's look says; ``before``/``built``: the ground's own earlier states, ``stage``: a code of Stage.

    ``was``: the last telling answer since which nothing new was detected: works seen gone do not come back unseen, so
    bare ground is a season then.
    """
    if look.pixels < MIN_PIXELS:
        return Answer(GroundAnswer.NOT_OBSERVABLE, f"图斑内只有{look.pixels}个像元，影像分辨率不足以复查")
    if look.clear_share < MIN_CLEAR_SHARE or look.observed_on is None:
        return Answer(GroundAnswer.NOT_OBSERVABLE, f"本期无云可观测比例{look.clear_share:.0%}，不足以复查")
    measured = _measured(look, before, built)
    if not np.isfinite(look.now.ndvi):
        return Answer(GroundAnswer.UNCLEAR, f"影像无近红外波段，不能判断植被；{measured}")
    greener = not np.isfinite(built.ndvi) or look.now.ndvi - built.ndvi >= GREENER_BY
    if look.green_share >= GREEN_SHARE and greener:
        return Answer(
            GroundAnswer.GONE_AND_GREEN,
            f"图斑内{look.green_share:.0%}像元已有植被，是复耕还是荒草须现场核实；{measured}",
        )
    if look.green_share > BARE_SHARE and greener:
        return Answer(GroundAnswer.UNCLEAR, f"图斑内{look.green_share:.0%}像元有植被，部分恢复或混合地物；{measured}")
    if not np.isfinite(look.now.differs(built)):
        return Answer(GroundAnswer.UNCLEAR, f"没有建设时的影像数值可比；{measured}")
    winter = not np.isfinite(look.around.ndvi) or look.around.ndvi < GREEN_NDVI
    if look.now.differs(built) <= ALIKE:
        if was in _GONE:
            return Answer(GroundAnswer.UNCLEAR, f"此前已见清除，本期地面与建设时相似，可能只是翻耕或季节；{measured}")
        if stage not in _WORKS and winter:
            return Answer(GroundAnswer.UNCLEAR, f"周边同期也少有植被，裸地与推填土不能区分；{measured}")
        return Answer(GroundAnswer.STILL_THERE, f"地面与建设时一致，未见清除；{measured}")
    if was == GroundAnswer.GONE_AND_GREEN.value and winter:
        return Answer(GroundAnswer.UNCLEAR, f"此前已见复绿，本期周边同样少有植被，按季节看待；{measured}")
    if stage in _WORKS and _soil_again(look.now, before, built):
        season = "，周边同期也少有植被，复绿与否待生长季再看" if winter else "，周边已有植被而图斑内没有"
        return Answer(GroundAnswer.GONE_NOT_GREEN, f"地面由建筑变为裸土{season}；{measured}")
    return Answer(GroundAnswer.UNCLEAR, f"地面有变化，但不能区分清除、翻土或换顶；{measured}")


def _soil_again(now: Look, before: Look, built: Look) -> bool:
    """Whether ground that bore a structure is bare soil now: barer than it was, and nearer to what it was before."""
    barer = np.isfinite(now.bare) and now.bare >= BARE_SOIL and now.bare - built.bare >= BARER_BY
    lighter = abs(now.brightness - before.brightness) < abs(now.brightness - built.brightness)
    return bool(barer and (lighter or now.differs(before) < now.differs(built)))


def _measured(look: GroundLook, before: Look, built: Look) -> str:
    shown = f"{look.observed_on:%Y-%m-%d}" if look.observed_on is not None else "日期不明"
    values = (look.now.ndvi, before.ndvi, built.ndvi, look.around.ndvi)
    words = [f"{value:.2f}" if np.isfinite(value) else "无" for value in values]
    return f"{shown}影像植被指数{words[0]}（建设前{words[1]}，建设时{words[2]}，周边{words[3]}）"
