"""A cautious guess of the construction stage (施工阶段) from an object's own measures."""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

from pipeline.values import Stage

GREEN_NDVI = 0.40
BARE_BSI = 0.06
BRIGHT_CONTRAST = 1.5
REGULAR = 0.65
TEXTURED = 1.3


def stage_of(measures: Mapping[str, float]) -> Stage:
    """Stage after the object's mean spectra, contrast with its surroundings, texture and shape.

    ``measures``: ``ndvi_after``, ``bsi_after`` (NaN where bands are missing), ``contrast_signed`` (mean brightness
    inside minus around, in spreads of the surroundings), ``blue_red`` (ratio of after-means), ``texture_ratio``
    (after / before), ``rectangularity``. Anything that is not plain is :attr:`Stage.UNKNOWN`.
    """
    if np.isfinite(measures["ndvi_after"]) and measures["ndvi_after"] > GREEN_NDVI:
        return Stage.UNKNOWN
    bare = measures["bsi_after"]
    if not np.isfinite(bare):
        return Stage.UNKNOWN
    if bare >= BARE_BSI:
        return Stage.EARTHWORKS
    if measures["contrast_signed"] <= -BRIGHT_CONTRAST:
        return Stage.PIT
    if measures["contrast_signed"] >= BRIGHT_CONTRAST and measures["rectangularity"] >= REGULAR:
        return Stage.ROOFED
    if measures["texture_ratio"] >= TEXTURED:
        return Stage.STRUCTURE
    return Stage.UNKNOWN
