"""One way to ask how probable construction is, whether weights set by hand answer or a trained model."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Protocol

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.change import FEATURES, DifferenceStatistics, halo_px, smooth
from pipeline.detect.context import HAND_ODDS, NETWORK, SIGNS, reach_px
from pipeline.detect.context import features as context_features
from pipeline.detect.model import Column, ObjectStage, PixelStage
from pipeline.detect.score import (
    FeatureStatistics,
    feature_statistics,
    log_odds,
    log_odds_of,
    probability,
    tail_excess,
    transformed,
)

FloatArray = NDArray[np.float32]
MaskArray = NDArray[np.bool_]
_EDGE = 1e-6
LEVELS = np.concatenate([np.linspace(0.0, 0.9, 46), np.linspace(0.905, 0.99, 18), np.linspace(0.9915, 1.0, 7)])
"""The quantiles by which a value's rank in its scene is found; finer where change lies."""
TOP = 0.003
"""Added to the share of the scene above a pixel before its logarithm: ranks beyond this are one."""
LEAST_CHANGED, LIKELY = 0.002, 0.3
DENSE = 3.0
"""A rank score that about a twentieth of a scene reaches; its local density is a feature of the second stage."""


@dataclass(frozen=True)
class Scene:
    """What is fitted once for a pair: statistics of the evidence and, for trained models, quantiles of features.

    ``changed``: the hand weights find at least :data:`LEAST_CHANGED` of the scene likely, so that ranks have a meaning.
    ``quantiles`` are by column name; ``first`` those of the first stage's log odds, empty where there is none.
    ``tail_excess``: how far the hand weights' log odds reach above the usual; 0 where they have no say.
    """

    statistics: FeatureStatistics
    changed: bool
    quantiles: Mapping[str, NDArray[np.float64]]
    first: NDArray[np.float64]
    tail_excess: float = 0.0


class Scorer(Protocol):
    """What the detection asks of a scorer; arrays are (feature, y, x) as :meth:`features` gives them."""

    def halo_px(self, scale_px: float) -> int:
        """Pixels a block must be grown by so that no answer depends on its edge."""

    def features(
        self,
        before: FloatArray,
        after: FloatArray,
        bands: tuple[str, ...],
        statistics: DifferenceStatistics,
        *,
        scale_px: float,
    ) -> FloatArray:
        """The evidence of :data:`~pipeline.detect.change.FEATURES`, and whatever else the scorer needs, behind it.

        A network's layer, which is no matter of the two images alone, comes last and from the caller.
        """

    def scene(self, sample: FloatArray, *, calibrated: bool) -> Scene:
        """What is fitted once, from a sample (feature, n) of the whole scene."""

    def odds(
        self, features: FloatArray, scene: Scene, *, prior: float, calibrated: bool, scale_px: float
    ) -> FloatArray:
        """Log odds of new construction (y, x), NaN where not observable."""

    @property
    def wants_neighbours(self) -> bool:
        """Whether the objects' measures must hold the share of land around that changed alike."""

    def object_probability(self, row: Mapping[str, object]) -> float:
        """Probability of an object from its row: ``probability`` is the default rule's, ``measures`` its numbers."""


@dataclass(frozen=True)
class HandScorer:
    """The default weights set by hand.

    ``slope``, ``offset``: the line by which an object's log odds become those said of it.
    """

    slope: float = 1.0
    offset: float = 0.0
    wants_neighbours: bool = False

    def halo_px(self, scale_px: float) -> int:
        return halo_px(scale_px)

    def features(
        self,
        before: FloatArray,
        after: FloatArray,
        bands: tuple[str, ...],
        statistics: DifferenceStatistics,
        *,
        scale_px: float,
    ) -> FloatArray:
        return context_features(before, after, bands, statistics, (), scale_px=scale_px)

    def scene(self, sample: FloatArray, *, calibrated: bool) -> Scene:
        return hand_scene(sample, calibrated=calibrated)

    def odds(
        self, features: FloatArray, scene: Scene, *, prior: float, calibrated: bool, scale_px: float
    ) -> FloatArray:
        return log_odds(features, scene.statistics, prior=prior, calibrated=calibrated)

    def object_probability(self, row: Mapping[str, object]) -> float:
        if (self.slope, self.offset) == (1.0, 0.0):
            return float(str(row["probability"]))
        return float(probability(np.array([self.slope * object_odds(row) + self.offset], dtype=np.float32))[0])


@dataclass(frozen=True)
class TrainedScorer:
    """A trained model's stages in place of the hand weights; a stage that is None stays with those.

    ``prior``: the pair prior with which the pixel stage was trained; another one shifts its log odds.
    """

    pixel: PixelStage | None
    objects: ObjectStage | None
    prior: float

    @property
    def wants_neighbours(self) -> bool:
        return self.objects is not None and "alike_share" in self.objects.features

    def halo_px(self, scale_px: float) -> int:
        if self.pixel is None:
            return halo_px(scale_px)
        widest = 3.0 * max(self.pixel.surroundings, default=0.0) + 6.0
        return max(halo_px(scale_px), reach_px(self.pixel.extra, scale_px) + int(np.ceil(widest * scale_px)) + 8)

    def features(
        self,
        before: FloatArray,
        after: FloatArray,
        bands: tuple[str, ...],
        statistics: DifferenceStatistics,
        *,
        scale_px: float,
    ) -> FloatArray:
        names = [name for name in self.pixel.extra if name != NETWORK] if self.pixel is not None else []
        return context_features(before, after, bands, statistics, names, scale_px=scale_px)

    def scene(self, sample: FloatArray, *, calibrated: bool) -> Scene:
        if self.pixel is None:
            return hand_scene(sample, calibrated=calibrated)
        statistics = feature_statistics(transformed(sample[: len(FEATURES)]))
        known = sample[:, np.isfinite(sample[0])]
        plain = plain_values(known, statistics, self.pixel.extra, calibrated=calibrated)
        names = {column.name for column in self.pixel.columns if column.form != "plain"}
        quantiles = {name: _quantiles(plain[name]) for name in sorted(names)}
        likely = plain[HAND_ODDS] + np.float32(self.prior) >= log_odds_of(LIKELY)
        changed = bool(known.shape[1] and likely.mean() >= LEAST_CHANGED)
        excess = 0.0
        if self.pixel.hand_share:
            excess = tail_excess(sample[: len(FEATURES)], statistics, calibrated=calibrated)
        scene = Scene(statistics, changed, quantiles, np.zeros(0), excess)
        if not self.pixel.first.parts or not known.shape[1]:
            return scene
        first = self.pixel.first(model_rows(known, scene, self.pixel, calibrated=calibrated))
        return replace(scene, first=_quantiles(first))

    def odds(
        self, features: FloatArray, scene: Scene, *, prior: float, calibrated: bool, scale_px: float
    ) -> FloatArray:
        hand = log_odds(features[: len(FEATURES)], scene.statistics, prior=prior, calibrated=calibrated)
        if self.pixel is None or (self.pixel.ranks and not scene.changed):
            return hand
        unseen = ~np.isfinite(features[0])
        rows = model_rows(features, scene, self.pixel, calibrated=calibrated)
        first = self.pixel.first(rows)
        first[unseen] = np.nan
        around = surroundings(first, scene.first, self.pixel.surroundings, scale_px)
        total = self.pixel.second(np.concatenate([rows, around]))
        total[unseen] = np.nan
        fitted = self.pixel.line(total) + np.float32(prior - self.prior)
        return blended(fitted, hand, hand_share=self.pixel.hand_share)

    def object_probability(self, row: Mapping[str, object]) -> float:
        if self.objects is None:
            return float(str(row["probability"]))
        measures = row["measures"]
        if not isinstance(measures, Mapping):
            raise TypeError("an object's row without its measures")
        values = np.array([measures.get(name, np.nan) for name in self.objects.features], dtype=np.float32)
        return float(probability(self.objects.odds(values[:, None]))[0])


def blended(fitted: FloatArray, hand: FloatArray, *, hand_share: float) -> FloatArray:
    """The mean of two log odds, in which the weights set by hand count ``hand_share``."""
    share = np.float32(hand_share)
    return np.asarray((np.float32(1.0) - share) * fitted + share * hand, dtype=np.float32)


def hand_scene(sample: FloatArray, *, calibrated: bool) -> Scene:
    """What the hand weights need of a scene, from a sample (feature, n) that begins with the evidence."""
    evidence = sample[: len(FEATURES)]
    statistics = feature_statistics(transformed(evidence))
    excess = tail_excess(evidence, statistics, calibrated=calibrated)
    return Scene(statistics, False, {}, np.zeros(0), excess)


def plain_values(
    features: FloatArray, statistics: FeatureStatistics, extra: tuple[str, ...], *, calibrated: bool
) -> dict[str, FloatArray]:
    """Every feature by name: the evidence with its logarithms, the further ones, and what the hand weights say."""
    base = len(FEATURES)
    found = dict(zip(FEATURES, transformed(features[:base]), strict=True))
    found |= dict(zip(extra, features[base:], strict=True))
    found[HAND_ODDS] = log_odds(features[:base], statistics, prior=0.0, calibrated=calibrated)
    return found


def model_rows(features: FloatArray, scene: Scene, pixel: PixelStage, *, calibrated: bool) -> FloatArray:
    """The pixel stage's columns (column, ...) from what :meth:`TrainedScorer.features` gives."""
    plain = plain_values(features, scene.statistics, pixel.extra, calibrated=calibrated)
    rows = []
    for column in pixel.columns:
        values = plain[column.name]
        rows.append(values if column.form == "plain" else _ranked(values, scene.quantiles[column.name], column))
    return np.stack(rows).astype(np.float32)


def _quantiles(values: FloatArray) -> NDArray[np.float64]:
    known = values[np.isfinite(values)].astype(np.float64)
    return np.quantile(known, LEVELS) if len(known) else np.zeros(0)


def _ranked(values: FloatArray, quantiles: NDArray[np.float64], column: Column) -> FloatArray:
    """-log of the share of the scene beyond a value: below it for features that speak against, else above it."""
    return rank_score(values, quantiles, falling=SIGNS.get(column.name, 0) < 0)


def rank_score(values: FloatArray, quantiles: NDArray[np.float64], *, falling: bool = False) -> FloatArray:
    """How far in its scene's tail a value lies, 0 at the other end to about 5.8 at the top; NaN stays NaN.

    In a scene where all values are the same no value lies in a tail.
    """
    if not len(quantiles) or quantiles[0] == quantiles[-1]:
        return np.where(np.isfinite(values), 0.0, np.nan).astype(np.float32)
    level = np.interp(values, quantiles, LEVELS)
    share = level if falling else 1.0 - level
    return np.where(np.isfinite(values), -np.log(share + TOP), np.nan).astype(np.float32)


def surroundings(
    odds: FloatArray, quantiles: NDArray[np.float64], scales: tuple[float, ...], scale_px: float
) -> FloatArray:
    """First-stage log odds (y, x), their rank score, its mean at several widths and the density of its tail there."""
    score = rank_score(odds, quantiles)
    dense = np.where(np.isfinite(score), score > DENSE, np.nan).astype(np.float32)
    means = [smooth(score, sigma_px=scale * scale_px) for scale in scales]
    densities = [smooth(dense, sigma_px=scale * scale_px) for scale in scales]
    return np.stack([odds, score, *means, *densities]).astype(np.float32)


def object_odds(row: Mapping[str, object]) -> float:
    """Log odds of a row's probability."""
    chance = float(np.clip(float(str(row["probability"])), _EDGE, 1.0 - _EDGE))
    return float(np.log(chance / (1.0 - chance)))


def row_measures(row: Mapping[str, object]) -> dict[str, float]:
    """The numbers of a candidate's row, its size and log odds among them: what a trained object stage may use."""
    found = {
        name: float(value)
        for name, value in row.items()
        if isinstance(value, int | float | np.integer | np.floating) and name != "probability"
    }
    found["plain_odds"] = object_odds(row)
    found["log_area"] = float(np.log(max(float(str(row["area_px"])), 1.0)))
    return found


def object_measures(row: Mapping[str, object], odds: FloatArray, mask: MaskArray) -> dict[str, float]:
    """:func:`row_measures` and what the window's log odds say inside and around the object ``mask`` (y, x)."""
    found = row_measures(row)
    inside = odds[mask & np.isfinite(odds)].astype(np.float64)
    outside = odds[~mask & np.isfinite(odds)].astype(np.float64)
    if len(inside):
        high = np.quantile(inside, 0.9)
        found |= {
            "odds_mean": float(inside.mean()),
            "odds_high": float(high),
            "odds_low": float(np.quantile(inside, 0.1)),
            "odds_top": float(inside[inside >= high].mean()),
        }
    if len(outside):
        found["odds_around"] = float(outside.mean())
    return found
