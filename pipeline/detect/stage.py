"""A cautious guess of the construction stage (施工阶段) from an object's materials and its own measures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.detect.materials import Materials
from pipeline.values import Stage

MOSTLY, MUCH, SOME = 0.75, 0.35, 0.1
GREEN_NDVI, GREEN = 0.40, 0.06
BRIGHT_CONTRAST = 1.5
REGULAR = 0.65
TEXTURED = 1.3
REDDISH = 0.85


def stage_of(measures: Mapping[str, float], found: Materials) -> Stage:
    """Stage of an object; anything that is not plain is :attr:`Stage.UNKNOWN`.

    Images with short-wave infrared (10 to 30 m) tell materials but no walls: see :func:`coarse_stage`. Finer images
    have no short-wave infrared but show form: see :func:`fine_stage`. ``measures``: of
    :func:`pipeline.detect.describe.measures`.
    """
    return coarse_stage(found) if found.known else fine_stage(measures)


def coarse_stage(found: Materials) -> Stage:
    """By shares of materials: roofs, then some roof beside grey ground (walls going up), then soil alone.

    Walls, a hardened yard and dry stubble are all grey: grey alone tells no stage. A pit is soil like any earthworks at
    10 m and more, so that :attr:`Stage.PIT` is never said.
    """
    if found.roof >= MUCH:
        return Stage.ROOFED
    if found.roof >= SOME and found.roof + found.grey >= MUCH and found.plants < MUCH:
        return Stage.STRUCTURE
    return Stage.EARTHWORKS if found.soil >= MOSTLY else Stage.UNKNOWN


def fine_stage(measures: Mapping[str, float]) -> Stage:
    """By form, colour and contrast at 5 m and finer: ``ndvi_after`` or ``greenness_after`` (NaN where bands are missing),
    ``blue_red`` (ratio of the after-means), ``contrast_signed`` (mean brightness inside minus around, in spreads of the
    surroundings), ``texture_ratio`` (after / before) and ``rectangularity``.
    """
    green = measures["ndvi_after"] > GREEN_NDVI or measures["greenness_after"] > GREEN
    if green or not np.isfinite(measures["blue_red"]):
        return Stage.UNKNOWN
    regular, contrast = measures["rectangularity"] >= REGULAR, measures["contrast_signed"]
    reddish = measures["blue_red"] < REDDISH
    if reddish:
        return Stage.PIT if contrast <= -BRIGHT_CONTRAST else Stage.EARTHWORKS if not regular else Stage.UNKNOWN
    if regular and contrast >= BRIGHT_CONTRAST:
        return Stage.ROOFED
    return Stage.STRUCTURE if regular and measures["texture_ratio"] >= TEXTURED else Stage.UNKNOWN
