"""The passes over blocks that `compare` and the month's imagery stages share: registration, gain, score, objects."""

from __future__ import annotations

import math
from collections.abc import Callable
from dataclasses import asdict, dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline import FORMAT_VERSION
from pipeline.acquire.coregister import TileShift, gradient_image, merge_shifts, refined, tile_shifts
from pipeline.acquire.normalise import fit_gain
from pipeline.detect.change import DifferenceStatistics, difference_statistics, evidence, halo_px, smooth
from pipeline.detect.delineate import BlockPieces, Component, clean, component_mask, label_block, stitch, tightened
from pipeline.detect.describe import RING_PX, Evidence, describe
from pipeline.detect.score import FeatureStatistics, feature_statistics, log_odds, log_odds_of, probability, transformed
from pipeline.execute import Execution, map_blocks
from pipeline.geodesy import geodesic_area_m2
from pipeline.grid import Block, lattice
from pipeline.schema import CANDIDATES, conform, empty
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.raster import UNMOVED, Image, read_block, read_clear, shape_of, window_transform
from pipeline.spectra import ndvi
from pipeline.values import Gain, Shift

FloatArray = NDArray[np.float32]
SAMPLES = 250_000
REGISTRATION_BLOCKS = 16
STATISTICS_BLOCKS = 64
REGISTRATION_BANDS = ("green", "red", "nir")
REGISTRATION_ROUNDS = 3
CONVERGED_PX = 0.1
BARE_NDVI = 0.3


@dataclass(frozen=True)
class DetectOptions:
    """What steers the score and the objects; see the Detect section of the configuration."""

    prior: float
    strong_probability: float
    weak_probability: float
    min_probability: float
    min_area_px: int
    scale_px: float
    smooth_px: float
    calibrated: bool


@dataclass(frozen=True)
class PairRasters:
    """Two aligned float32 rasters on one grid, and the optional rasters of a month (dates, looks, novelty)."""

    before: Path
    after: Path
    bands: tuple[str, ...]
    history: Path | None = None


def spread_blocks(blocks: tuple[Block, ...], most: int) -> tuple[Block, ...]:
    """At most ``most`` blocks, evenly spaced in lattice order."""
    if len(blocks) <= most:
        return blocks
    return tuple(blocks[index * len(blocks) // most] for index in range(most))


def sample_step(shape: tuple[int, int], samples: int = SAMPLES) -> int:
    """Every how many rows and columns to take so that about ``samples`` pixels of ``shape`` are taken."""
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1] / samples)))


def on_step(block: Block, step: int) -> tuple[slice, slice]:
    """Slices of a block's array that take the pixels whose raster row and column are multiples of ``step``."""
    return slice(-block.row_start % step, None, step), slice(-block.col_start % step, None, step)


@dataclass(frozen=True)
class RegisterBlock:
    """Tile shifts of one block between a reference and each of several images with their shifts so far."""

    reference: Image
    moving: tuple[tuple[Image, Shift], ...]
    geobox: GeoBox
    max_shift_px: float

    def __call__(self, block: Block) -> tuple[tuple[TileShift, ...], ...]:
        names = tuple(name for name in REGISTRATION_BANDS if name in self.reference.bands) or self.reference.bands
        first = gradient_image(read_clear(self.reference.with_bands(names), self.geobox, block))
        answers = []
        for image, shift in self.moving:
            second = gradient_image(read_clear(image.with_bands(names), self.geobox, block, shift))
            answers.append(tile_shifts(first, second, max_shift_px=self.max_shift_px))
        return tuple(answers)


def register(
    reference: Image,
    images: tuple[Image, ...],
    geobox: GeoBox,
    *,
    max_shift_px: float,
    max_scatter_px: float,
    gate_px: float,
    execution: Execution,
) -> tuple[Shift, ...]:
    """The shift of each image onto ``reference``, measured again after applying it until nothing is left."""
    blocks = spread_blocks(lattice(shape_of(geobox)), REGISTRATION_BLOCKS)

    def measured(pending: dict[int, Shift]) -> dict[int, Shift]:
        moving = tuple((images[index], shift) for index, shift in pending.items())
        function = RegisterBlock(reference, moving, geobox, max_shift_px)
        parts = [part for _, part in map_blocks(function, blocks, execution, "register")]
        return {
            index: merge_shifts([one for part in parts for one in part[place]], max_scatter_px=max_scatter_px)
            for place, index in enumerate(pending)
        }

    found = measured(dict.fromkeys(range(len(images)), UNMOVED)) if images else {}
    for attempt in range(REGISTRATION_ROUNDS):
        if attempt == 0:
            pending = {index: shift for index, shift in found.items() if shift.accepted}
        if not pending:
            break
        rests = measured(pending)
        final = attempt == REGISTRATION_ROUNDS - 1
        found |= {i: refined(pending[i], rests[i], gate_px=gate_px if final else math.inf) for i in pending}
        pending = {
            index: found[index]
            for index, rest in rests.items()
            if rest.accepted and math.hypot(rest.dy_px, rest.dx_px) > CONVERGED_PX
        }
    return tuple(found[index] for index in range(len(images)))


@dataclass(frozen=True)
class GainSample:
    """Samples (band, n) of both images of a pair in a block, and which of them are held out."""

    reference: Image
    moving: Image
    geobox: GeoBox
    reference_shift: Shift
    shift: Shift
    step: int
    bare_only: bool

    def __call__(self, block: Block) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        first = read_clear(self.reference, self.geobox, block, self.reference_shift, step=self.step)
        second = read_clear(self.moving, self.geobox, block, self.shift, step=self.step)
        on_rows, on_cols = on_step(block, self.step)
        rows = np.arange(block.row_start, block.row_stop)[on_rows] // 64
        cols = np.arange(block.col_start, block.col_stop)[on_cols] // 64
        held_out = ((rows[:, None] + cols[None, :]) % 2).astype(bool)
        names = self.reference.bands
        if self.bare_only and {"nir", "red"} <= set(names):
            at = names.index("nir"), names.index("red")
            bare = (ndvi(first[at[0]], first[at[1]]) < BARE_NDVI) & (ndvi(second[at[0]], second[at[1]]) < BARE_NDVI)
            first = np.where(bare, first, np.nan)
        return first.reshape(len(first), -1), second.reshape(len(second), -1), held_out.ravel()


def gain_between(
    reference: Image,
    moving: Image,
    geobox: GeoBox,
    *,
    reference_shift: Shift = UNMOVED,
    shift: Shift,
    max_slope: float,
    bare_only: bool = False,
    execution: Execution,
    label: str,
) -> Gain:
    """The gain of ``moving`` onto ``reference`` from a fixed strided sample merged in block order.

    ``bare_only``: fit on ground without plants in both images, so that the season is not taken for a gain.
    """
    same = (reference.dtype, reference.scale, reference.offset) == (moving.dtype, moving.scale, moving.offset)
    blocks = spread_blocks(lattice(shape_of(geobox)), STATISTICS_BLOCKS)
    step = sample_step((512 * len(blocks), 512) if len(blocks) == STATISTICS_BLOCKS else shape_of(geobox))
    function = GainSample(reference, moving, geobox, reference_shift, shift, step, bare_only)
    parts = [part for _, part in map_blocks(function, blocks, execution, label)]
    first, second = (np.concatenate([part[i] for part in parts], axis=1) for i in (0, 1))
    return fit_gain(first, second, np.concatenate([p[2] for p in parts]), max_slope=max_slope, same_scale=same)


@dataclass(frozen=True)
class DifferenceSample:
    """Sample (band, n) of after - before in a block."""

    pair: PairRasters
    step: int

    def __call__(self, block: Block) -> FloatArray:
        rows, cols = on_step(block, self.step)
        difference = read_block(self.pair.after, block) - read_block(self.pair.before, block)
        return np.asarray(difference[:, rows, cols].reshape(len(difference), -1), dtype=np.float32)


@dataclass(frozen=True)
class EvidenceBlock:
    """Raw features of a grown block."""

    pair: PairRasters
    shape: tuple[int, int]
    statistics: DifferenceStatistics
    scale_px: float

    def grown(self, block: Block) -> Block:
        return block.with_halo(halo_px(self.scale_px), self.shape)

    def __call__(self, block: Block) -> FloatArray:
        grown = self.grown(block)
        before, after = read_block(self.pair.before, grown), read_block(self.pair.after, grown)
        return evidence(before, after, self.pair.bands, self.statistics, scale_px=self.scale_px)


@dataclass(frozen=True)
class FeatureSample:
    """Sample (feature, n) of the transformed features in a block."""

    features: EvidenceBlock
    step: int

    def __call__(self, block: Block) -> FloatArray:
        rows, cols = block.trim(self.features.grown(block))
        found = self.features(block)[:, rows, cols]
        step_rows, step_cols = on_step(block, self.step)
        return transformed(found[:, step_rows, step_cols].reshape(len(found), -1))


Adjust = Callable[[Block, FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class ScoredBlock:
    """What the score pass gives for a block: (y, x) arrays and the pieces of candidate components."""

    odds: FloatArray
    cva: FloatArray
    correlation: FloatArray
    labels: NDArray[np.int32]
    pieces: BlockPieces


@dataclass(frozen=True)
class ScoreBlock:
    """Log odds, labels and pieces of a block; ``adjust`` adds evidence of time to the odds of the grown block."""

    features: EvidenceBlock
    statistics: FeatureStatistics
    options: DetectOptions
    numbers: tuple[tuple[Block, int], ...]
    adjust: Adjust | None

    def __call__(self, block: Block) -> ScoredBlock:
        options, grown = self.options, self.features.grown(block)
        found = self.features(block)
        odds = log_odds(found, self.statistics, prior=options.prior, calibrated=options.calibrated)
        if self.adjust is not None:
            odds = self.adjust(grown, odds, found)
        odds = smooth(odds, sigma_px=options.smooth_px)
        level = np.nan_to_num(odds, nan=-np.inf)
        weak = clean(level >= log_odds_of(options.weak_probability)) & np.isfinite(odds)
        strong = weak & (level >= log_odds_of(options.strong_probability))
        at = block.trim(grown)
        labels, pieces = label_block(weak[at], strong[at], block, dict(self.numbers)[block])
        return ScoredBlock(odds[at], found[0][at], 1.0 - found[2][at], labels, pieces)


def difference_of(pair: PairRasters, shape: tuple[int, int], execution: Execution) -> DifferenceStatistics:
    """Robust statistics of after - before over the whole grid, from a strided sample."""
    function = DifferenceSample(pair, sample_step(shape))
    parts = [part for _, part in map_blocks(function, lattice(shape), execution, "difference")]
    return difference_statistics(np.concatenate(parts, axis=1))


def detect_objects(
    pair: PairRasters,
    geobox: GeoBox,
    out: Path,
    *,
    source: str,
    options: DetectOptions,
    gsd_m: float | None,
    adjust: Adjust | None = None,
    dates: tuple[int, int] = (0, 0),
    execution: Execution,
) -> gpd.GeoDataFrame:
    """Write ``score.tif`` into ``out`` and return the candidates table in the grid's CRS.

    ``dates``: days since 1970-01-01 of both images for a pair without per-pixel dates.
    """
    shape = shape_of(geobox)
    blocks = lattice(shape)
    features = EvidenceBlock(pair, shape, difference_of(pair, shape, execution), options.scale_px)
    chosen = spread_blocks(blocks, STATISTICS_BLOCKS)
    step = sample_step((512 * len(chosen), 512) if len(chosen) == STATISTICS_BLOCKS else shape)
    sample = [part for _, part in map_blocks(FeatureSample(features, step), chosen, execution, "features")]
    numbers = tuple((block, number) for number, block in enumerate(blocks))
    score = ScoreBlock(features, feature_statistics(np.concatenate(sample, axis=1)), options, numbers, adjust)
    pieces: list[BlockPieces] = []
    scratch, labels = out / "evidence.scratch.tif", out / "labels.scratch.tif"
    nan = float("nan")
    with (
        RasterWriter(out / "score.tif", geobox, bands=("probability",), dtype="float32", nodata=nan) as score_file,
        RasterWriter(
            scratch, geobox, bands=("odds", "cva", "correlation"), dtype="float32", nodata=nan, cog=False
        ) as evidence_file,
        RasterWriter(labels, geobox, bands=("label",), dtype="int32", nodata=0, cog=False) as label_file,
    ):
        for block, found in map_blocks(score, blocks, execution, "score"):
            score_file.write(block, probability(found.odds))
            evidence_file.write(block, np.stack([found.odds, found.cva, found.correlation]))
            label_file.write(block, found.labels)
            pieces.append(found.pieces)
    components = stitch(blocks, pieces, min_area_px=options.min_area_px)
    rows = []
    for component in components:
        row = _described(component, blocks, pair, geobox, scratch, labels, dates, options.min_area_px)
        if float(str(row["probability"])) >= options.min_probability:
            rows.append(row)
    scratch.unlink()
    labels.unlink()
    return _table(rows, geobox, source, gsd_m)


def _described(
    component: Component,
    blocks: tuple[Block, ...],
    pair: PairRasters,
    geobox: GeoBox,
    scratch: Path,
    labels: Path,
    dates: tuple[int, int],
    min_area_px: int,
) -> dict[str, object]:
    window = component.window.with_halo(RING_PX + 2, shape_of(geobox))
    mask = component_mask(component, blocks, read_block(labels, window)[0], window)
    odds, cva, correlation = read_block(scratch, window)
    mask = tightened(mask, cva, min_area_px=min_area_px)
    if pair.history is not None:
        novelty, looks, before_days, since_days = read_block(pair.history, window)
    else:
        novelty = np.full(mask.shape, np.nan, dtype=np.float32)
        looks = np.ones(mask.shape, dtype=np.float32)
        before_days, since_days = (np.full(mask.shape, day, dtype=np.float32) for day in dates)
    found = Evidence(
        odds,
        cva,
        correlation,
        read_block(pair.before, window),
        read_block(pair.after, window),
        novelty,
        looks.astype(np.uint8),
        before_days.astype(np.uint16),
        since_days.astype(np.uint16),
    )
    return describe(mask, found, pair.bands, window_transform(geobox, window))


def _table(rows: list[dict[str, object]], geobox: GeoBox, source: str, gsd_m: float | None) -> gpd.GeoDataFrame:
    crs = geobox.crs.proj if geobox.crs is not None else None
    if not rows:
        return empty(CANDIDATES, crs)
    frame = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=crs)
    frame["candidate_id"] = [f"{source}-{number:05d}" for number in range(1, len(rows) + 1)]
    frame["source"] = source
    frame["gsd_m"] = gsd_m
    if crs is not None:
        frame["area_m2"] = geodesic_area_m2(frame.geometry)
    else:
        frame["area_m2"] = frame["area_px"] * gsd_m**2 if gsd_m is not None else None
    return conform(CANDIDATES, frame)


def alignment_record(shift: Shift, **more: object) -> dict[str, object]:
    """A shift as it is stored in ``alignment.json``."""
    return {"format_version": FORMAT_VERSION, "unit": "pixel", **asdict(shift), **more}


def gain_record(gain: Gain, bands: tuple[str, ...], **more: object) -> dict[str, object]:
    """A gain as it is stored in ``gain.json``."""
    return {"format_version": FORMAT_VERSION, "bands": list(bands), **asdict(gain), **more}
