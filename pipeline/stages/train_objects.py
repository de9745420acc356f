"""The object stage of a training: objects from scores that never saw their place, judged by the labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial

import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize

from pipeline.detect.change import smooth
from pipeline.detect.delineate import clean
from pipeline.detect.model import Line, ObjectStage
from pipeline.detect.scorer import Scorer
from pipeline.execute import Execution
from pipeline.grid import Block
from pipeline.learn.calibrate import fit_curve
from pipeline.learn.crossfit import Crossed, Fitter, Sample, crossfit
from pipeline.learn.delineation import SHARE, Tally, choose_levels, grown_from, summed, tally
from pipeline.learn.fit import Fit, TreeOptions, fit_logistic, fit_trees, folds
from pipeline.stages.objects import HAND, DetectOptions, described_objects
from pipeline.stages.train_pixels import answer, blend_of
from pipeline.stages.train_places import Place

FloatArray = NDArray[np.float32]
OBJECT_FEATURES: tuple[str, ...] = ("odds_mean", "odds_high", "odds_around", "log_area")
"""Few on purpose: measured on places left out, more object measures made the answer worse than the base rate."""
OBJECT_SIGNS = {"plain_odds": 1, "odds_mean": 1, "odds_high": 1, "odds_top": 1, "change_score": 1, "correlation": -1}
OBJECT_TREES = TreeOptions(trees=40, learning_rate=0.1, leaves=4, leaf_samples=20, l2=5.0, feature_share=0.5)
OBJECT_PENALTY = 0.1
LEAST_FOR_TREES = 40
WEAK = (-2.2, -1.8, -1.4, -1.0, -0.6)
RISES = (0.0, 0.6, 1.2)
LEAST = (0.0, *np.linspace(0.05, 0.6, 23).round(3).tolist())
LOOSER = 0.2
"""By how much both levels are lowered below the best, so that the object stage has something to judge."""


@dataclass(frozen=True)
class GivenOdds:
    """Puts a ready raster of log odds in place of a block's own."""

    raster: FloatArray

    def __call__(self, block: Block, odds: FloatArray, features: FloatArray) -> FloatArray:
        return self.raster[block.row_start : block.row_stop, block.col_start : block.col_stop]


@dataclass(frozen=True)
class Levels:
    """Log odds that cut out objects."""

    weak: float
    strong: float


@dataclass(frozen=True)
class ObjectFit:
    """The object stage (None where no object came out), from which probability on an object is a candidate, and how
    the out-of-fold objects fared.
    """

    stage: ObjectStage | None
    fits: tuple[Fit, ...]
    least: float
    probability: NDArray[np.float64]
    truth: NDArray[np.bool_]
    tally: Tally
    losses: dict[str, float]


def levels_of(places: Sequence[Place], rasters: Sequence[FloatArray], smooth_px: float) -> tuple[Levels, Tally]:
    """The levels with the best out-of-fold pixels and objects."""
    soft = [smooth(one, sigma_px=smooth_px) if smooth_px > 0 else one for one in rasters]

    def measured(weak: float, strong: float) -> Tally:
        parts = []
        for place, odds in zip(places, soft, strict=True):
            level = np.nan_to_num(odds, nan=-np.inf)
            grown = grown_from(clean(level >= weak), level >= strong, min_area_px=place.options.min_area_px)
            parts.append(tally(grown, place.truth, place.usable, square_km=place.square_km()))
        return summed(parts)

    weak, strong, best = choose_levels(measured, WEAK, RISES)
    return Levels(weak, strong), best


def objects_of(
    place: Place, options: DetectOptions, *, raster: FloatArray | None, scorer: Scorer = HAND, execution: Execution
) -> list[dict[str, object]]:
    """The objects of a place from a ready raster or by a scorer, each with ``share``, how much of it truly changed."""
    rows = described_objects(
        place.pair, place.grid, place.folder, source=place.name, options=options,
        adjust=GivenOdds(raster) if raster is not None else None, scorer=scorer, execution=execution,
    )  # fmt: skip
    for row in rows:
        mask = burned([row], place)
        inside = mask & place.usable
        row["share"] = float((inside & place.truth).sum() / max(int(inside.sum()), 1))
        row["known"] = bool(inside.any())
    return [row for row in rows if row["known"]]


def burned(rows: Sequence[Mapping[str, object]], place: Place) -> NDArray[np.bool_]:
    """The objects of ``rows`` as a mask on the place's grid."""
    shape = place.truth.shape
    if not rows:
        return np.zeros(shape, dtype=bool)
    shapes = [(shapely.geometry.mapping(row["geometry"]), 1) for row in rows]
    return np.asarray(rasterize(shapes, out_shape=shape, transform=place.grid.transform, dtype="uint8") == 1)


def measures_of(rows: Sequence[Mapping[str, object]], features: Sequence[str]) -> NDArray[np.float32]:
    """Rows (n, feature) of objects."""
    found = []
    for row in rows:
        measures = row["measures"]
        if not isinstance(measures, Mapping):
            raise TypeError("an object's row without its measures")
        found.append([float(measures.get(name, np.nan)) for name in features])
    return np.asarray(found, dtype=np.float32).reshape(-1, len(features))


def fit_stage(
    sample: Sample, features: tuple[str, ...], groups: Sequence[tuple[str, ...]]
) -> tuple[ObjectStage, Crossed]:
    """Logistic or small trees over object measures, calibrated by their out-of-fold answers."""
    signs = tuple(OBJECT_SIGNS.get(name, 0) for name in features)
    fitters: dict[str, Fitter] = {"linear": partial(fit_logistic, penalty=OBJECT_PENALTY)}
    left = [sample.truth[~sample.of(group)] for group in groups]
    if all(LEAST_FOR_TREES <= part.sum() <= len(part) - LEAST_FOR_TREES for part in left):
        fitters["trees"] = partial(fit_trees, options=OBJECT_TREES, signs=signs)
    crossed = crossfit(sample, groups, fitters, answer)
    curve = fit_curve(crossed.odds, sample.truth)
    line = Line(np.array(curve.odds), np.array(curve.calibrated))
    return ObjectStage(features, blend_of(crossed.whole, len(features)), line), crossed


def fit_objects(
    places: Sequence[Place],
    objects: Sequence[list[dict[str, object]]],
    groups: Sequence[tuple[str, ...]],
) -> ObjectFit:
    """The object stage from the out-of-fold objects of every place."""
    rows = [row for one in objects for row in one]
    names = np.array([place.name for place, one in zip(places, objects, strict=True) for _ in one])
    truth = np.array([float(str(row["share"])) >= SHARE for row in rows], dtype=bool)
    taught = {name for name, one in zip(names, truth, strict=True) if one}
    if len(taught) < 2 or len(set(names[~truth])) < 2:
        return ObjectFit(None, (), 0.0, np.zeros(0), np.zeros(0, dtype=bool), Tally(), {})
    groups = folds(names.tolist(), most=len(groups))
    sample = Sample(names, measures_of(rows, OBJECT_FEATURES), truth, np.ones(len(rows)))
    stage, crossed = fit_stage(sample, OBJECT_FEATURES, groups)
    odds = stage.line(crossed.odds.astype(np.float32)).astype(np.float64)
    said = 1.0 / (1.0 + np.exp(-odds))
    best: tuple[float, Tally] | None = None
    for least in LEAST:
        counts, start = [], 0
        for place, one in zip(places, objects, strict=True):
            kept = [row for row, chance in zip(one, said[start : start + len(one)], strict=True) if chance >= least]
            start += len(one)
            counts.append(tally(burned(kept, place), place.truth, place.usable, square_km=place.square_km()))
        total = summed(counts)
        if best is None or total.worth() > best[1].worth() + 1e-9:
            best = (least, total)
    if best is None:
        raise ValueError("no level for candidates")
    return ObjectFit(stage, crossed.whole, best[0], said, truth, best[1], crossed.losses)


def options_at(place: Place, levels: Levels, *, smooth: float, looser: float = LOOSER) -> DetectOptions:
    """A place's options that cut at ``levels``, lowered by ``looser``."""
    weak, strong = levels.weak - looser, levels.strong - looser
    return replace(
        place.options,
        weak_probability=float(1.0 / (1.0 + np.exp(-weak))),
        strong_probability=float(1.0 / (1.0 + np.exp(-strong))),
        listed_probability=None,
        min_probability=0.0,
        smooth_px=smooth * place.options.scale_px,
    )
