"""A trained model as plain values: its pixel stages, its object stage, and for which images it is."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.change import FEATURES
from pipeline.detect.context import HAND_ODDS, NETWORK, known_features
from pipeline.detect.trees import ARRAYS, Trees, tree_sum, trees_of

FloatArray = NDArray[np.float32]
LINEAR: tuple[str, ...] = ("weights", "centre", "spread")
FORMS: tuple[str, ...] = ("plain", "rank")
CUT = 4.0


@dataclass(frozen=True)
class Line:
    """A rising line through points by which log odds are calibrated."""

    odds: NDArray[np.float64]
    calibrated: NDArray[np.float64]

    def __call__(self, odds: FloatArray) -> FloatArray:
        known = np.isfinite(odds)
        out = np.full(odds.shape, np.nan, dtype=np.float32)
        low, high = self.odds[0], self.odds[-1]
        # Beyond both ends the log odds go on with slope 1, so that ranks are kept.
        beyond = np.minimum(odds[known] - low, 0.0) + np.maximum(odds[known] - high, 0.0)
        out[known] = np.interp(odds[known], self.odds, self.calibrated) + beyond
        return out


@dataclass(frozen=True)
class Linear:
    """``intercept + sum(weight * cut((row - centre) / spread))`` is log odds; a missing value counts as its centre."""

    intercept: float
    weights: NDArray[np.float64]
    centre: NDArray[np.float64]
    spread: NDArray[np.float64]

    def __call__(self, rows: FloatArray) -> FloatArray:
        total = np.full(rows.shape[1:], self.intercept, dtype=np.float64)
        for row, weight, centre, spread in zip(rows, self.weights, self.centre, self.spread, strict=True):
            total += weight * np.nan_to_num(np.clip((row - centre) / spread, -CUT, CUT), nan=0.0)
        return total.astype(np.float32)


@dataclass(frozen=True)
class Blend:
    """The mean of the log odds of one or more parts."""

    parts: tuple[Trees | Linear, ...]

    def __call__(self, rows: FloatArray) -> FloatArray:
        answers = [tree_sum(part, rows) if isinstance(part, Trees) else part(rows) for part in self.parts]
        return np.asarray(np.mean(answers, axis=0, dtype=np.float64), dtype=np.float32)


@dataclass(frozen=True)
class Column:
    """A feature as a model sees it: ``plain`` as it is, or its ``rank`` in the scene."""

    name: str
    form: str

    @classmethod
    def parse(cls, text: str) -> Column:
        """``ndvi_after@1:rank``; raises ValueError for a form that does not exist."""
        name, _, form = text.rpartition(":")
        if form not in FORMS:
            raise ValueError(f"{text}: no such form of a feature")
        return cls(name, form)

    def __str__(self) -> str:
        return f"{self.name}:{self.form}"


@dataclass(frozen=True)
class PixelStage:
    """Two blends over pixel features; the second also sees the first's answer around each pixel.

    ``surroundings``: widths at which the first answer is looked at, in units of the finest smoothing. ``hand_share``: how
    much the log odds of the weights set by hand count in the mean with the fitted ones, 0..1.
    """

    columns: tuple[Column, ...]
    surroundings: tuple[float, ...]
    first: Blend
    second: Blend
    line: Line
    hand_share: float = 0.0

    @property
    def extra(self) -> tuple[str, ...]:
        """The features beyond the evidence that every scorer has, each once, a network's last."""
        names = dict.fromkeys(column.name for column in self.columns)
        made = tuple(name for name in names if name not in (*FEATURES, HAND_ODDS, NETWORK))
        return (*made, NETWORK) if NETWORK in names else made

    @property
    def ranks(self) -> bool:
        """Whether anything counts by its rank in the scene: then some change is presumed in every scene."""
        return any(column.form == "rank" for column in self.columns)


def second_width(columns: int, scales: int) -> int:
    """Columns of the second stage: the first's, its answer and rank, and two for each width around."""
    return columns + 2 + 2 * scales


@dataclass(frozen=True)
class ObjectStage:
    """A blend over an object's measures, and the line that calibrates it."""

    features: tuple[str, ...]
    blend: Blend
    line: Line

    def odds(self, values: FloatArray) -> FloatArray:
        """Calibrated log odds, (feature, n) to (n,)."""
        return self.line(self.blend(values))


@dataclass(frozen=True)
class Model:
    """What a model file holds. ``evidence``: ``pair`` (two images) or ``month`` (field-checked monthly targets).

    ``network``: sha256 of the user's own network whose answer is one of the features.
    """

    name: str
    version: str
    evidence: str
    profile: str
    bands: tuple[str, ...]
    calibrated: bool
    gsd_m: tuple[float, float] | None
    prior: float
    pixel: PixelStage | None
    objects: ObjectStage | None
    strong_probability: float
    weak_probability: float
    min_probability: float
    smooth: float
    network: str | None = None


def model_of(manifest: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> Model:
    """The model of a manifest and its arrays.

    Raises KeyError, TypeError or ValueError where they do not make a model, LookupError with the names of features
    this program does not have.
    """
    limits = manifest["thresholds"]
    gsd = manifest["gsd_m"]
    return Model(
        name=str(manifest["name"]),
        version=str(manifest["version"]),
        evidence=str(manifest["evidence"]),
        profile=str(manifest["profile"]),
        bands=tuple(str(name) for name in manifest["bands"]),
        calibrated=bool(manifest["reflectance"]),
        gsd_m=(float(gsd[0]), float(gsd[1])) if gsd is not None else None,
        prior=float(manifest["prior_log_odds"]),
        pixel=_pixel_stage(manifest["pixel"], arrays) if manifest["pixel"] is not None else None,
        objects=_object_stage(manifest["objects"], arrays) if manifest["objects"] is not None else None,
        strong_probability=float(limits["strong"]),
        weak_probability=float(limits["weak"]),
        min_probability=float(limits["least"]),
        smooth=float(limits["smooth"]),
        network=str(manifest["network"]["sha256"]) if manifest["network"] is not None else None,
    )


def unknown_features(manifest: Mapping[str, Any]) -> tuple[str, ...]:
    """Pixel features that a manifest asks for and this program does not have."""
    pixel = manifest.get("pixel") or {}
    known = set(known_features())
    names = [str(text).rpartition(":")[0] for text in pixel.get("columns", ())]
    return tuple(name for name in names if name not in known)


def _pixel_stage(part: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> PixelStage:
    columns = tuple(Column.parse(str(text)) for text in part["columns"])
    scales = tuple(float(scale) for scale in part["surroundings"])
    hand_share = float(part.get("hand_share", 0.0))
    if not 0.0 <= hand_share <= 1.0:
        raise ValueError("a share of the hand weights beyond 0 to 1")
    return PixelStage(
        columns,
        scales,
        _blend("first", part["first"], arrays, len(columns)),
        _blend("second", part["second"], arrays, second_width(len(columns), len(scales))),
        _line(arrays, "pixel"),
        hand_share,
    )


def _object_stage(part: Mapping[str, Any], arrays: Mapping[str, NDArray]) -> ObjectStage:
    features = tuple(str(name) for name in part["features"])
    return ObjectStage(features, _blend("object", part["blend"], arrays, len(features)), _line(arrays, "object"))


def _blend(prefix: str, parts: Sequence[Mapping[str, Any]], arrays: Mapping[str, NDArray], features: int) -> Blend:
    """The parts of a blend; part 2 of ``first`` has its arrays under ``first2_...``."""
    return Blend(tuple(_sum(f"{prefix}{number}", part, arrays, features) for number, part in enumerate(parts, start=1)))


def _sum(prefix: str, part: Mapping[str, Any], arrays: Mapping[str, NDArray], features: int) -> Trees | Linear:
    names = ARRAYS if part["kind"] == "trees" else LINEAR
    found = {name: arrays[f"{prefix}_{name}"] for name in names}
    if part["kind"] == "trees":
        return trees_of(float(part["base"]), found, features=features)
    linear = {name: np.asarray(found[name], dtype=np.float64) for name in LINEAR}
    if any(array.shape != (features,) or not np.isfinite(array).all() for array in linear.values()):
        raise ValueError("weights that do not fit the features")
    if not (linear["spread"] > 0).all():
        raise ValueError("a spread that is not positive")
    return Linear(float(part["base"]), **linear)


def _line(arrays: Mapping[str, NDArray], prefix: str) -> Line:
    odds, calibrated = (np.asarray(arrays[f"{prefix}_line_{name}"], dtype=np.float64) for name in ("odds", "to"))
    if odds.shape != calibrated.shape or len(odds) < 1 or (np.diff(odds) < 0).any():
        raise ValueError("a calibration line that does not rise")
    return Line(odds, calibrated)
