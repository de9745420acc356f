"""From two aligned rasters to a probability raster and candidate objects, over blocks; `compare` and `detect` share it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline.detect.change import DifferenceStatistics, difference_statistics, evidence, halo_px, smooth
from pipeline.detect.delineate import BlockPieces, Component, clean, component_mask, label_block, stitch, tightened
from pipeline.detect.describe import RING_PX, Evidence, describe
from pipeline.detect.neighbours import alike_share, neighbour_odds, states
from pipeline.detect.score import FeatureStatistics, feature_statistics, log_odds, log_odds_of, probability, transformed
from pipeline.execute import Execution, map_blocks
from pipeline.geodesy import geodesic_area_m2
from pipeline.grid import Block, lattice
from pipeline.schema import CANDIDATES, conform, empty
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.raster import read_block, shape_of, window_transform
from pipeline.stages.imagery import on_step, sample_step, spread_blocks

FloatArray = NDArray[np.float32]
STATISTICS_BLOCKS = 64
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
    alike_weight: float = 0.0
    alike_radius_px: int = 0


@dataclass(frozen=True)
class PairRasters:
    """Two aligned float32 rasters on one grid, and the optional rasters of a month (dates, looks, novelty)."""

    before: Path
    after: Path
    bands: tuple[str, ...]
    history: Path | None = None


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
Judge = Callable[[Block, NDArray[np.bool_], dict[str, Any]], dict[str, Any]]


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


def scale_of(profile: str, pixel_m: float | None) -> float:
    """Width in pixels of the finest smoothing: about 10 m for Sentinel-2, 1.5 m for finer images."""
    ground_m = {"s2": 10.0, "landsat": 30.0}.get(profile, 1.5)
    return float(min(max(ground_m / (pixel_m or ground_m), 1.0), 3.0))


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
    judge: Judge | None = None,
    dates: tuple[int, int] = (0, 0),
    execution: Execution,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Write ``score.tif`` into ``out``; return the candidates, and the objects less probable than a candidate.

    Both tables are in the grid's CRS. ``judge``: may change an object's row by its window and mask.
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
    for number, component in enumerate(components, start=1):
        row = _described(component, blocks, pair, geobox, scratch, labels, dates, options, judge)
        rows.append({**row, "candidate_id": f"{source}-{number:05d}"})
    scratch.unlink()
    labels.unlink()
    likely = [row for row in rows if float(str(row["probability"])) >= options.min_probability]
    unlikely = [row for row in rows if float(str(row["probability"])) < options.min_probability]
    return _table(likely, geobox, source, gsd_m), _table(unlikely, geobox, source, gsd_m)


def _described(
    component: Component,
    blocks: tuple[Block, ...],
    pair: PairRasters,
    geobox: GeoBox,
    scratch: Path,
    labels: Path,
    dates: tuple[int, int],
    options: DetectOptions,
    judge: Judge | None,
) -> dict[str, object]:
    window = component.window.with_halo(RING_PX + 2, shape_of(geobox))
    mask = component_mask(component, blocks, read_block(labels, window)[0], window)
    odds, cva, correlation = read_block(scratch, window)
    mask = tightened(mask, cva, min_area_px=options.min_area_px)
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
    row = describe(mask, found, pair.bands, window_transform(geobox, window))
    row = judge(window, mask, row) if judge is not None else row
    if not options.alike_weight:
        return row
    share = _alike_share(mask, window, pair, shape_of(geobox), options.alike_radius_px)
    odds_alone = log_odds_of(float(np.clip(float(str(row["probability"])), 1e-6, 1.0 - 1e-6)))
    total = odds_alone + neighbour_odds(share, weight=options.alike_weight)
    return {**row, "alike_share": share, "probability": float(probability(np.array([total], dtype=np.float32))[0])}


def _alike_share(
    mask: NDArray[np.bool_], window: Block, pair: PairRasters, shape: tuple[int, int], radius_px: int
) -> float:
    """Share of the land within ``radius_px`` of an object's window that changed like the object."""
    wide = window.with_halo(radius_px, shape)
    found = states(read_block(pair.before, wide), read_block(pair.after, wide), pair.bands)
    inside = np.zeros(wide.shape, dtype=bool)
    inside[window.trim(wide)] = mask
    return alike_share(found, inside)


def _table(rows: list[dict[str, object]], geobox: GeoBox, source: str, gsd_m: float | None) -> gpd.GeoDataFrame:
    crs = geobox.crs.proj if geobox.crs is not None else None
    if not rows:
        return empty(CANDIDATES, crs)
    frame = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=crs)
    frame["source"] = source
    frame["gsd_m"] = gsd_m
    if crs is not None:
        frame["area_m2"] = geodesic_area_m2(frame.geometry)
    else:
        frame["area_m2"] = frame["area_px"] * gsd_m**2 if gsd_m is not None else None
    return conform(CANDIDATES, frame)
