"""The pixel stages of a training: fitted with places left out in turn, and the odds rasters that come of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from functools import partial

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.context import HAND_ODDS, SIGNS
from pipeline.detect.model import Blend, Column, Line, Linear, PixelStage, second_width
from pipeline.detect.scorer import LEVELS, blended, surroundings
from pipeline.detect.trees import Trees, trees_of
from pipeline.learn.calibrate import fit_curve
from pipeline.learn.crossfit import Sample, crossfit
from pipeline.learn.fit import Fit, TreeOptions, fit_logistic, fit_trees, place_weights
from pipeline.stages.train_places import HAND_SHARE, Drawn, Place, draw_pixels

FloatArray = NDArray[np.float32]
SURROUNDINGS: tuple[float, ...] = (1.0, 2.0, 5.0, 12.0)
PENALTY = 0.03
ROWS_AT_ONCE = 1 << 20


@dataclass(frozen=True)
class PixelFit:
    """The fitted pixel stage, the log odds raster of every place by models that never saw it, and the losses."""

    stage: PixelStage
    parts: dict[str, tuple[Fit, ...]]
    odds: list[FloatArray]
    losses: dict[str, dict[str, float]]


def blend_of(fits: Sequence[Fit], features: int) -> Blend:
    """Fitted sums as the detection evaluates them."""
    parts: list[Trees | Linear] = []
    for fit in fits:
        if fit.kind == "trees":
            parts.append(trees_of(fit.base, fit.arrays, features=features))
        else:
            parts.append(Linear(fit.base, **fit.arrays))
    return Blend(tuple(parts))


def answer(fits: Sequence[Fit], rows: NDArray) -> NDArray[np.float64]:
    """Log odds of rows (n, feature)."""
    return blend_of(fits, rows.shape[1])(np.ascontiguousarray(rows.T, dtype=np.float32)).astype(np.float64)


def _raster(fits: Sequence[Fit], layers: Sequence[FloatArray], seen: NDArray[np.bool_]) -> FloatArray:
    """Log odds (y, x) from feature layers, a strip of rows at a time."""
    blend = blend_of(fits, sum(len(layer) for layer in layers))
    out = np.full(seen.shape, np.nan, dtype=np.float32)
    strip = max(1, ROWS_AT_ONCE // seen.shape[1])
    for start in range(0, seen.shape[0], strip):
        part = slice(start, start + strip)
        out[part] = blend(np.concatenate([np.asarray(layer[:, part]) for layer in layers]))
    out[~seen] = np.nan
    return out


def fit_pixels(places: Sequence[Place], groups: Sequence[tuple[str, ...]], *, trees: TreeOptions) -> PixelFit:
    """Both pixel stages over ``places``; ``groups``: names left out together."""
    drawn, columns = [draw_pixels(place) for place in places], places[0].columns
    first_sample = _sample(drawn, [Layers((place.rows,)) for place in places])
    signs = [column_sign(column) for column in columns]
    first = crossfit(first_sample, groups, _fitters(signs, trees), answer)
    both = []
    for place in places:
        odds = _raster(first.left_out[_group(groups, place.name)], [place.rows], place.seen)
        scene = np.quantile(odds[place.seen].astype(np.float64), LEVELS) if place.seen.any() else np.zeros(0)
        both.append(Layers((place.rows, surroundings(odds, scene, SURROUNDINGS, place.options.scale_px))))
    around = second_width(0, len(SURROUNDINGS))
    second_sample = _sample(drawn, both)
    second = crossfit(second_sample, groups, _fitters(signs + [1] * around, trees), answer)
    weights = place_weights(second_sample.places, second_sample.stands_for)
    curve = fit_curve(second.odds, second_sample.truth, weights)
    line = Line(np.array(curve.odds), np.array(curve.calibrated))
    rasters = []
    for place, layers in zip(places, both, strict=True):
        fitted = line(_raster(second.left_out[_group(groups, place.name)], layers.parts, place.seen))
        rasters.append(_with_hand(fitted, place))
    stage = PixelStage(
        columns,
        SURROUNDINGS,
        blend_of(first.whole, len(columns)),
        blend_of(second.whole, second_width(len(columns), len(SURROUNDINGS))),
        line,
        HAND_SHARE,
    )
    losses = {"first": first.losses, "second": second.losses}
    return PixelFit(stage, {"first": first.whole, "second": second.whole}, rasters, losses)


def _with_hand(fitted: FloatArray, place: Place) -> FloatArray:
    """A place's log odds as the detection will give them: the mean with the hand weights, moved by the scene's tail."""
    plain = place.rows[place.columns.index(Column(HAND_ODDS, "plain"))]
    hand = np.asarray(plain, dtype=np.float32) + np.float32(place.options.prior)
    return blended(fitted, hand, hand_share=HAND_SHARE) + np.float32(place.raised)


def column_sign(column: Column) -> int:
    """1 or -1 for a column that may only speak for or only against construction; ranks count from their tail."""
    sign = SIGNS.get(column.name, 0)
    return abs(sign) if column.form == "rank" else sign


@dataclass(frozen=True)
class Layers:
    """Feature layers of one place that lie in several arrays."""

    parts: tuple[FloatArray, ...]

    def at(self, flat: NDArray[np.int64]) -> FloatArray:
        """Rows (n, feature) of the pixels with these flat indices."""
        return np.concatenate([part.reshape(len(part), -1)[:, flat] for part in self.parts]).T


def _sample(drawn: Sequence[Drawn], layers: Sequence[Layers]) -> Sample:
    rows = [layer.at(one.at) for one, layer in zip(drawn, layers, strict=True)]
    return Sample(
        np.concatenate([np.full(len(one.at), one.place) for one in drawn]),
        np.concatenate(rows).astype(np.float32),
        np.concatenate([one.truth for one in drawn]),
        np.concatenate([one.stands_for for one in drawn]),
    )


def _fitters(signs: Sequence[int], trees: TreeOptions):  # type: ignore[no-untyped-def]
    return {
        "linear": partial(fit_logistic, penalty=PENALTY),
        "trees": partial(fit_trees, options=trees, signs=tuple(signs)),
    }


def _group(groups: Sequence[tuple[str, ...]], place: str) -> int:
    return next(number for number, group in enumerate(groups) if place in group)
