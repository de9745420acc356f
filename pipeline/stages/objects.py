"""From two aligned rasters to a probability raster and candidate objects, over blocks; `compare` and `detect` share it."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any, Literal

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline.area_interval import AreaError, with_area_interval
from pipeline.detect.change import FEATURES, smooth
from pipeline.detect.delineate import (
    BlockPieces,
    Component,
    apart,
    clean,
    component_mask,
    label_block,
    parts,
    stitch,
    tightened,
    tightened_clearly,
)
from pipeline.detect.describe import RING_PX, Evidence, describe
from pipeline.detect.neighbours import alike_share, neighbour_odds, states
from pipeline.detect.score import log_odds_of, probability, tail_shift
from pipeline.detect.scorer import HandScorer, Scene, Scorer, object_measures, object_odds
from pipeline.execute import Execution, map_blocks
from pipeline.geodesy import geodesic_area_m2
from pipeline.grid import Block, lattice
from pipeline.schema import CANDIDATES, conform, empty
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.raster import read_block, shape_of, window_transform
from pipeline.stages.evidence import EvidenceBlock, PairRasters, features_of

FloatArray = NDArray[np.float32]
HAND = HandScorer()


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
    tail_weight: float = 0.0
    """How much of a scene's unusual tail of log odds is taken off, 0 to 1."""
    listed_probability: float | None = None
    """An object without a strong pixel is listed, as unlikely, when one pixel has this; None: it is not listed."""
    odds_slope: float = 1.0
    odds_offset: float = 0.0
    """The line by which the hand weights' log odds of an object become those said of it."""
    outline_by: Literal["change", "odds"] = "change"
    """What objects are cut back by: size of change, sharp at 10 m, or log odds where that tells too little."""
    parted: bool = False
    """Whether a candidate that is cut back by log odds is parted; not measured under a trained model."""
    area_errors: tuple[AreaError, ...] = ()
    """By which errors the interval of an object's area is told; none: it is left empty."""


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
    scene: Scene
    options: DetectOptions
    numbers: tuple[tuple[Block, int], ...]
    adjust: Adjust | None

    def __call__(self, block: Block) -> ScoredBlock:
        options, grown = self.options, self.features.grown(block)
        found = self.features(block)
        prior = options.prior + tail_shift(self.scene.tail_excess, weight=options.tail_weight)
        odds = self.features.scorer.odds(
            found, self.scene, prior=prior, calibrated=options.calibrated, scale_px=options.scale_px
        )
        if self.adjust is not None:
            odds = self.adjust(grown, odds, found)
        if options.smooth_px > 0.0:
            odds = smooth(odds, sigma_px=options.smooth_px)
        level = np.nan_to_num(odds, nan=-np.inf)
        weak = clean(level >= log_odds_of(options.weak_probability)) & np.isfinite(odds)
        listed = weak & (level >= log_odds_of(options.listed_probability or options.strong_probability))
        at = block.trim(grown)
        labels, pieces = label_block(weak[at], listed[at], block, dict(self.numbers)[block])
        cva, decorrelation = (found[FEATURES.index(name)][at] for name in ("cva_fine", "decorrelation"))
        return ScoredBlock(odds[at], cva, 1.0 - decorrelation, labels, pieces)


def scale_of(profile: str, pixel_m: float | None) -> float:
    """Width in pixels of the finest smoothing: about 10 m for Sentinel-2, 1.5 m for finer images."""
    ground_m = {"s2": 10.0, "landsat": 30.0}.get(profile, 1.5)
    return float(min(max(ground_m / (pixel_m or ground_m), 1.0), 3.0))


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
    scorer: Scorer = HAND,
    execution: Execution,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Write ``score.tif`` into ``out``; return the candidates, and the objects less probable than a candidate.

    Both tables are in the grid's CRS; an object without a strong pixel is no candidate.
    ``judge``: may change an object's row by its window and mask.
    ``dates``: days since 1970-01-01 of both images for a pair without per-pixel dates.
    """
    rows = described_objects(
        pair,
        geobox,
        out,
        source=source,
        options=options,
        adjust=adjust,
        judge=judge,
        dates=dates,
        scorer=scorer,
        execution=execution,
    )
    candidates, unlikely = ([row for row in rows if is_candidate(row, options) is wanted] for wanted in (True, False))
    likely, less = (_table(some, geobox, source, gsd_m, options.area_errors) for some in (candidates, unlikely))
    return likely, less


def is_candidate(row: Mapping[str, object], options: DetectOptions) -> bool:
    """Whether a row of :func:`described_objects` is sure enough, in one of its pixels and as a whole."""
    return bool(row["strong"]) and float(str(row["probability"])) >= options.min_probability


def hand_scorer(options: DetectOptions) -> HandScorer:
    """The weights set by hand, their objects' log odds on the line of ``options``."""
    return HandScorer(options.odds_slope, options.odds_offset)


def described_objects(
    pair: PairRasters,
    geobox: GeoBox,
    out: Path,
    *,
    source: str,
    options: DetectOptions,
    adjust: Adjust | None = None,
    judge: Judge | None = None,
    dates: tuple[int, int] = (0, 0),
    scorer: Scorer = HAND,
    execution: Execution,
) -> list[dict[str, object]]:
    """Write ``score.tif`` into ``out``; return every object as a row with all its measures, likely or not.

    ``judge``: may change an object's row by its window and mask.
    """
    shape = shape_of(geobox)
    blocks = lattice(shape)
    features, scene = features_of(
        pair, shape, scorer, execution, scale_px=options.scale_px, calibrated=options.calibrated
    )
    numbers = tuple((block, number) for number, block in enumerate(blocks))
    score = ScoreBlock(features, scene, options, numbers, adjust)
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
    rows = [
        row
        for component in components
        for row in _described(component, blocks, pair, geobox, scratch, labels, dates, options, scorer, judge)
    ]
    scratch.unlink()
    labels.unlink()
    return [{**row, "candidate_id": f"{source}-{number:05d}"} for number, row in enumerate(rows, start=1)]


def _described(
    component: Component,
    blocks: tuple[Block, ...],
    pair: PairRasters,
    geobox: GeoBox,
    scratch: Path,
    labels: Path,
    dates: tuple[int, int],
    options: DetectOptions,
    scorer: Scorer,
    judge: Judge | None,
) -> list[dict[str, object]]:
    """The component as one object, or as its parts where one is as sure in itself as a strong pixel must be."""
    window = component.window.with_halo(RING_PX + 2, shape_of(geobox))
    mask = component_mask(component, blocks, read_block(labels, window)[0], window)
    found = _evidence(window, pair, scratch, dates)

    def row_of(part: NDArray[np.bool_], found: Evidence, window: Block) -> dict[str, object]:
        row = _row(part, found, window, pair, geobox, options, scorer, judge)
        return {**row, "strong": _has_strong(part, found, options)}

    strong = _has_strong(mask, found, options)
    if options.outline_by == "change":
        whole = row_of(tightened(mask, found.cva, min_area_px=options.min_area_px), found, window)
        return [{**whole, "strong": strong}]
    mask = tightened_clearly(mask, found.cva, found.odds, min_area_px=options.min_area_px)
    whole = {**row_of(mask, found, window), "strong": strong}
    if not (options.parted and is_candidate(whole, options)):
        return [whole]
    sure, rest = _parts_of(mask, found, window, geobox, row_of, options)
    return [*sure, *rest] if sure else [whole]


def _parts_of(
    mask: NDArray[np.bool_],
    found: Evidence,
    window: Block,
    geobox: GeoBox,
    row_of: Callable[[NDArray[np.bool_], Evidence, Block], dict[str, object]],
    options: DetectOptions,
) -> tuple[list[dict[str, object]], list[dict[str, object]]]:
    """The parts of an object that are sure in themselves, and all else of it that is large enough to be told.

    The others count as having no strong pixel, so that they are listed as unlikely; so does strong ground that is far less
    sure than the rest of the object. Each is described in a window of its own.
    """
    sure: list[dict[str, object]] = []
    rest: list[dict[str, object]] = []
    covered = np.zeros_like(mask)

    def described(extent: tuple[slice, slice], pixels: NDArray[np.bool_]) -> dict[str, object]:
        rows, cols = extent
        own = Block(
            window.row_start + rows.start, window.col_start + cols.start,
            window.row_start + rows.stop, window.col_start + cols.stop,
        )  # fmt: skip
        grown = own.with_halo(RING_PX + 2, shape_of(geobox))
        part = np.zeros(grown.shape, dtype=bool)
        part[own.trim(grown)] = pixels
        return row_of(part, found.cut(grown.trim(window)), grown)

    for extent, pixels in parts(mask, found.odds, min_area_px=options.min_area_px):
        covered[extent] |= pixels
        row = described(extent, pixels)
        itself = row["strong"] and float(str(row["probability"])) >= options.strong_probability
        (sure if itself else rest).append({**row, "strong": bool(itself)})
    left = mask & ~covered & (np.nan_to_num(found.odds, nan=-np.inf) >= log_odds_of(options.strong_probability))
    for extent, pixels in apart(left, min_area_px=options.min_area_px):
        rest.append({**described(extent, pixels), "strong": False})
    return sure, rest


def _has_strong(mask: NDArray[np.bool_], found: Evidence, options: DetectOptions) -> bool:
    return bool(found.odds[mask].max() >= log_odds_of(options.strong_probability))


def _evidence(window: Block, pair: PairRasters, scratch: Path, dates: tuple[int, int]) -> Evidence:
    """Everything known inside an object's window; ``dates`` stand in where the pair has no history."""
    odds, cva, correlation = read_block(scratch, window)
    if pair.history is not None:
        novelty, looks, before_days, since_days = read_block(pair.history, window)
    else:
        novelty = np.full(window.shape, np.nan, dtype=np.float32)
        looks = np.ones(window.shape, dtype=np.float32)
        before_days, since_days = (np.full(window.shape, day, dtype=np.float32) for day in dates)
    return Evidence(
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


def _row(
    mask: NDArray[np.bool_],
    found: Evidence,
    window: Block,
    pair: PairRasters,
    geobox: GeoBox,
    options: DetectOptions,
    scorer: Scorer,
    judge: Judge | None,
) -> dict[str, object]:
    """One object's row, judged by everything that the options and the scorer ask for."""
    row = describe(mask, found, pair.bands, window_transform(geobox, window))
    row = judge(window, mask, row) if judge is not None else row
    if options.alike_weight or scorer.wants_neighbours:
        share = _alike_share(mask, window, pair, shape_of(geobox), options.alike_radius_px)
        row["alike_share"] = share
    if options.alike_weight:
        total = object_odds(row) + neighbour_odds(share, weight=options.alike_weight)
        row["probability"] = float(probability(np.array([total], dtype=np.float32))[0])
    row["measures"] = object_measures(row, found.odds, mask)
    row["probability"] = scorer.object_probability(row)
    return row


def _alike_share(
    mask: NDArray[np.bool_], window: Block, pair: PairRasters, shape: tuple[int, int], radius_px: int
) -> float:
    """Share of the land within ``radius_px`` of an object's window that changed like the object."""
    wide = window.with_halo(radius_px, shape)
    found = states(read_block(pair.before, wide), read_block(pair.after, wide), pair.bands)
    inside = np.zeros(wide.shape, dtype=bool)
    inside[window.trim(wide)] = mask
    return alike_share(found, inside)


def _table(
    rows: list[dict[str, object]], geobox: GeoBox, source: str, gsd_m: float | None, errors: tuple[AreaError, ...]
) -> gpd.GeoDataFrame:
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
    return conform(CANDIDATES, with_area_interval(frame, errors))
