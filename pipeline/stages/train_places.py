"""The places of a training: aligned as `compare` aligns them, their features per pixel, and what truly changed."""

from __future__ import annotations

import zlib
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline.config import Detect
from pipeline.detect.context import available
from pipeline.detect.model import Blend, Column, Line, PixelStage
from pipeline.detect.score import tail_shift
from pipeline.detect.scorer import TrainedScorer, model_rows
from pipeline.errors import InputError
from pipeline.execute import Execution, map_blocks
from pipeline.grid import lattice
from pipeline.sources.network import Network
from pipeline.sources.pairs import LabelledPair
from pipeline.sources.raster import Image, opened, shape_of
from pipeline.stages.compare import align, opened_pair, options_of, profile_of
from pipeline.stages.evidence import PairRasters, features_of
from pipeline.stages.network import require_network_fit, write_network
from pipeline.stages.objects import DetectOptions
from pipeline.values import DateInterval

FloatArray = NDArray[np.float32]
MOST_PX = 4096 * 4096
POSITIVES, NEGATIVES = 2000, 5000
HAND_SHARE = 0.5
"""A handful of places teach less than the weights set by hand hold: both have half a say."""
_HINT = "labels: one band on the grid of before, 1 = new construction, 0 = none, anything else = not known"


@dataclass(frozen=True)
class Opened:
    """A labelled pair whose headers are read and agree."""

    pair: LabelledPair
    first: Image
    second: Image
    profile: str
    pixel_m: float | None


@dataclass(frozen=True)
class Place:
    """A pair made ready: scratch rasters, options of its profile, features (feature, y, x) on disk, and its truth."""

    name: str
    folder: Path
    pair: PairRasters
    grid: GeoBox
    options: DetectOptions
    columns: tuple[Column, ...]
    rows: FloatArray
    seen: NDArray[np.bool_]
    truth: NDArray[np.bool_]
    known: NDArray[np.bool_]
    profile: str
    pixel_m: float | None
    calibrated: bool
    raised: float
    """Log odds by which the scene's tail moves the whole place."""

    @property
    def usable(self) -> NDArray[np.bool_]:
        return self.seen & self.known

    def square_km(self) -> float:
        """Area of the known, observable pixels; pixels of 10 m where there is no georeference."""
        return float(self.usable.sum()) * (self.pixel_m or 10.0) ** 2 * 1e-6


def open_pairs(pairs: list[LabelledPair], *, profile: str) -> list[Opened]:
    """Read every header before any costly work.

    Raises InputError E804 where a label does not fit, where pairs lack a band that others have, or mix profiles.
    """
    found = [_opened(pair, profile) for pair in pairs]
    profiles = sorted({one.profile for one in found})
    if len(profiles) > 1:
        raise InputError("E804", f"pairs of several profiles: {', '.join(profiles)}", "train a model for each")
    common = tuple(band for band in found[0].first.bands if all(band in one.first.bands for one in found))
    if not common:
        raise InputError("E804", "no band that all pairs have", "train models for images of one kind")
    return [replace(one, first=one.first.with_bands(common), second=one.second.with_bands(common)) for one in found]


def _opened(pair: LabelledPair, profile: str) -> Opened:
    first, second = opened_pair(pair.before, pair.after, None, None, None)
    if pair.before_date is not None:
        first = replace(first, dates=DateInterval(pair.before_date, pair.before_date))
    if pair.after_date is not None:
        second = replace(second, dates=DateInterval(pair.after_date, pair.after_date))
    shape = shape_of(first.geobox)
    with opened(pair.label) as label:
        if (label.height, label.width) != shape:
            raise InputError(
                "E804", f"{pair.label}: {label.height} x {label.width} pixels, {pair.before} has {shape[0]} x {shape[1]}",
                _HINT,
            )  # fmt: skip
    if shape[0] * shape[1] > MOST_PX:
        raise InputError("E804", f"{pair.before}: more than {MOST_PX} pixels", "cut the pair into smaller ones")
    pixel_m = first.pixel_m()
    return Opened(pair, first, second, profile_of(first.bands, pixel_m) if profile == "auto" else profile, pixel_m)


def blank_stage(columns: tuple[Column, ...]) -> PixelStage:
    """A pixel stage that only names its columns."""
    return PixelStage(columns, (), Blend(()), Blend(()), Line(np.zeros(1), np.zeros(1)), HAND_SHARE)


def prepare(
    one: Opened, folder: Path, *, wanted: tuple[Column, ...], network: Network | None = None, execution: Execution
) -> Place:
    """Align a pair into ``folder`` and compute those of the ``wanted`` columns that its bands give."""
    folder.mkdir(parents=True)
    aligned = align(
        one.first, one.second, folder, profile=one.profile, valid=None, pixel_m=one.pixel_m, execution=execution
    )
    pair = aligned.pair
    if network is not None:
        require_network_fit(network, bands=one.first.bands, pixel_m=one.pixel_m)
        pair = replace(pair, network=folder / "network.scratch.tif")
        write_network(network, pair, one.first.geobox, folder / "network.scratch.tif", execution)
    options = options_of(Detect(), one.profile, one.pixel_m, None, aligned.calibrated)
    if not any(column.form == "rank" for column in wanted):
        options = replace(options, tail_weight=0.0)
    given = set(available([column.name for column in wanted], one.first.bands))
    columns = tuple(column for column in wanted if column.name in given)
    stage = blank_stage(columns)
    shape = shape_of(one.first.geobox)
    scorer = TrainedScorer(stage, None, options.prior)
    made, scene = features_of(pair, shape, scorer, execution, scale_px=options.scale_px, calibrated=options.calibrated)
    rows = np.lib.format.open_memmap(folder / "rows.npy", "w+", np.float32, (len(columns), *shape))
    seen = np.zeros(shape, dtype=bool)
    for block, found in map_blocks(made, lattice(shape), execution, "evidence"):
        at = block.trim(made.grown(block))
        inside = found[:, at[0], at[1]]
        place = slice(block.row_start, block.row_stop), slice(block.col_start, block.col_stop)
        rows[:, place[0], place[1]] = model_rows(inside, scene, stage, calibrated=aligned.calibrated)
        seen[place] = np.isfinite(inside[0])
    with opened(one.pair.label) as label:
        values = label.read(1)
    return Place(
        one.pair.place, folder, pair, one.first.geobox, options, columns, rows, seen, values == 1,
        (values == 0) | (values == 1), one.profile, one.pixel_m, aligned.calibrated,
        tail_shift(scene.tail_excess, weight=options.tail_weight),
    )  # fmt: skip


@dataclass(frozen=True)
class Drawn:
    """Pixels drawn from a place: where (flat index), what is true there, and how many pixels each stands for."""

    place: str
    at: NDArray[np.int64]
    truth: NDArray[np.bool_]
    stands_for: NDArray[np.float64]


def draw_pixels(place: Place) -> Drawn:
    """At most :data:`POSITIVES` changed and :data:`NEGATIVES` other pixels; the draw depends on the place's name."""
    rng = np.random.default_rng(zlib.crc32(place.name.encode("utf-8")))
    usable = place.usable.ravel()
    truth = place.truth.ravel()
    parts, shares = [], []
    for value, most in ((True, POSITIVES), (False, NEGATIVES)):
        found = np.flatnonzero(usable & (truth == value))
        chosen = np.sort(rng.choice(found, min(most, len(found)), replace=False))
        parts.append(chosen)
        shares.append(np.full(len(chosen), len(found) / max(len(chosen), 1)))
    at = np.concatenate(parts)
    return Drawn(place.name, at, truth[at], np.concatenate(shares))
