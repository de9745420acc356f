"""Probability of new construction per pixel: a logistic sum of scene-standardised evidence with set weights.

The weights are round numbers set by hand; signs and sizes follow the evidence that separated construction from
other change best on labelled pairs (loss of local pattern, then size of change, then little vegetation after).
"""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.change import FEATURES

FloatArray = NDArray[np.float32]

_LOGGED = {
    "cva_fine": 0.05, "cva_coarse": 0.05, "cva_visible": 0.05, "cva_infrared": 0.05, "change_edges": 0.05,
    "decorrelation": 0.02, "decorrelation_least": 0.02,
}  # fmt: skip
_CLIP = (-4.0, 6.0)
WEIGHTS: dict[str, float] = {
    "cva_visible": 0.6, "cva_infrared": -0.3, "cva_coarse": 0.45, "change_edges": 0.3, "unexpected": 0.4,
    "decorrelation": 0.3, "decorrelation_least": 0.6, "ndvi_after": -0.5,
}  # fmt: skip
VISIBLE_WEIGHTS: dict[str, float] = {
    "cva_coarse": 0.2, "change_edges": 0.3, "decorrelation": 0.25, "decorrelation_least": 0.25,
    "greenness_after": -0.6, "greenness_fall": 0.3, "building_after": 0.3,
}  # fmt: skip
"""For images of visible light alone: whether plants gave way to something bright and not green."""
TAIL_LEVEL = 0.97
USUAL_TAIL, VISIBLE_USUAL_TAIL = 4.7, 3.0
"""Where the upper tail of log odds begins in an ordinary pair, by the two sets of weights, above the prior."""
LEAST_FOR_TAIL = 5000
MOST_RAISED, MOST_LOWERED = 0.5, 2.0
WATER_WEIGHT = -0.8
GREEN_WEIGHT = 0.3
GREEN_LIMIT = 0.45
INDEX_STEP = 0.1
DARKENING = 0.03
DARKENING_STEP = 0.02


@dataclass(frozen=True)
class FeatureStatistics:
    """Scene median and robust spread of each feature of :data:`FEATURES`, after its logarithm where it has one."""

    median: tuple[float, ...]
    spread: tuple[float, ...]


def transformed(features: FloatArray) -> FloatArray:
    """Features (feature, ...) with those that are heavy-tailed replaced by their logarithm."""
    rows = [
        np.log(features[index] + np.float32(_LOGGED[name])) if name in _LOGGED else features[index]
        for index, name in enumerate(FEATURES)
    ]
    return np.stack(rows).astype(np.float32)


def feature_statistics(sample: FloatArray) -> FeatureStatistics:
    """Median and 1.4826 MAD per feature of a sample (feature, n) as :func:`transformed` gives; NaN left out.

    A feature without any value gets median 0 and spread 1.
    """
    medians, spreads = [], []
    for row in sample:
        known = row[np.isfinite(row)].astype(np.float64)
        median = float(np.median(known)) if len(known) else 0.0
        spread = 1.4826 * float(np.median(np.abs(known - median))) if len(known) else 1.0
        medians.append(median)
        spreads.append(max(spread, 1e-3))
    return FeatureStatistics(tuple(medians), tuple(spreads))


def log_odds(features: FloatArray, statistics: FeatureStatistics, *, prior: float, calibrated: bool) -> FloatArray:
    """Log odds of new construction, (feature, y, x) raw features to (y, x); NaN where not observable.

    ``prior``: log odds of a pixel with wholly ordinary evidence. ``calibrated``: the images are reflectance, so that
    water and green plants can be told by fixed index values. Features that the bands cannot give count as ordinary.
    """
    standard = standardised(features, statistics)
    total = np.full(features.shape[1:], prior, dtype=np.float32)
    for name, weight in (VISIBLE_WEIGHTS if _of_visible_light(features) else WEIGHTS).items():
        total += np.float32(weight) * np.nan_to_num(standard[FEATURES.index(name)], nan=0.0)
    if calibrated:
        water = np.clip(features[FEATURES.index("mndwi_after")] / np.float32(INDEX_STEP), 0.0, 4.0)
        green = (np.float32(GREEN_LIMIT) - features[FEATURES.index("ndvi_after")]) / np.float32(INDEX_STEP)
        total += np.float32(WATER_WEIGHT) * np.nan_to_num(water, nan=0.0)
        total += np.float32(GREEN_WEIGHT) * np.nan_to_num(np.clip(green, -4.0, 1.0), nan=0.0)
    return np.where(np.isfinite(features[0]), total, np.nan).astype(np.float32)


def tail_excess(sample: FloatArray, statistics: FeatureStatistics, *, calibrated: bool) -> float:
    """How far the upper tail of a scene's log odds begins above the usual place, from raw features (feature, n).

    Where whole landscapes changed (other season, other light, drought) ordinary ground reaches odds that elsewhere only
    construction does. 0 where fewer than :data:`LEAST_FOR_TAIL` pixels are seen.
    """
    odds = log_odds(sample, statistics, prior=0.0, calibrated=calibrated)
    known = odds[np.isfinite(odds)].astype(np.float64)
    if len(known) < LEAST_FOR_TAIL:
        return 0.0
    usual = VISIBLE_USUAL_TAIL if _of_visible_light(sample) else USUAL_TAIL
    return float(np.quantile(known, TAIL_LEVEL)) - usual


def tail_shift(excess: float, *, weight: float) -> float:
    """Log odds added to a whole scene so that its false alarms stay at the usual rate (constant false alarm rate).

    Bounded on both sides: a quiet scene is raised little, as it may hold no construction at all.
    """
    return float(np.clip(-weight * excess, -MOST_LOWERED, MOST_RAISED))


def _of_visible_light(features: FloatArray) -> bool:
    return bool(np.isfinite(features[FEATURES.index("greenness_after")]).any())


def standardised(features: FloatArray, statistics: FeatureStatistics) -> FloatArray:
    """Robust z of the transformed features, cut to -4..6."""
    shape = (-1,) + (1,) * (features.ndim - 1)
    median = np.asarray(statistics.median, dtype=np.float32).reshape(shape)
    spread = np.asarray(statistics.spread, dtype=np.float32).reshape(shape)
    return np.asarray(np.clip((transformed(features) - median) / spread, *_CLIP), dtype=np.float32)


def probability(odds: FloatArray) -> FloatArray:
    """Logistic function of log odds, 0..1; NaN stays NaN."""
    return np.asarray(1.0 / (1.0 + np.exp(-odds)), dtype=np.float32)


def log_odds_of(share: float) -> float:
    """Inverse of :func:`probability` for a share strictly between 0 and 1."""
    return float(np.log(share / (1.0 - share)))


def darkening_odds(rise: FloatArray, looks: FloatArray) -> FloatArray:
    """Log odds taken off (y, x) where ground darkened by more than 0.03 reflectance in one look only, down to -4.

    A single dark look is more often an unmasked cloud shadow or wet soil than construction; a second look clears it.
    """
    doubt = np.clip((rise + np.float32(DARKENING)) / np.float32(DARKENING_STEP), -4.0, 0.0)
    return np.where(looks >= 2, 0.0, np.nan_to_num(doubt, nan=0.0)).astype(np.float32)


def novelty_odds(novelty: FloatArray, *, median: float, spread: float, weight: float) -> FloatArray:
    """Log odds added for the distance (y, x) of the after state from all earlier looks; 0 where it is not known.

    ``median``/``spread``: robust statistics of ``log(novelty + 0.1)`` over the scene; ``weight``: log odds per spread.
    """
    standard = np.clip((np.log(novelty + np.float32(0.1)) - np.float32(median)) / np.float32(spread), *_CLIP)
    return np.asarray(np.float32(weight) * np.nan_to_num(standard, nan=0.0), dtype=np.float32)
