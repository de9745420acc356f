"""The evidence of a pair, block by block: its features as the scorer asks for them, and what is fitted once over the scene."""

from __future__ import annotations

import math
from dataclasses import dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray

from pipeline.detect.change import TRUNCATE, DifferenceStatistics, Smoother, difference_statistics
from pipeline.detect.expectation import Expectation, fit_expectation
from pipeline.detect.scorer import Scene, Scorer
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice, spread_blocks
from pipeline.sources.raster import read_block
from pipeline.stages.imagery import on_step, sample_step

FloatArray = NDArray[np.float32]
STATISTICS_BLOCKS = 64
EXPECTATION_SAMPLES = 60_000


@dataclass(frozen=True)
class PairRasters:
    """Two aligned float32 rasters on one grid, and the optional rasters of a month (dates, looks, novelty)."""

    before: Path
    after: Path
    bands: tuple[str, ...]
    history: Path | None = None
    network: Path | None = None


@dataclass(frozen=True)
class DifferenceSample:
    """Samples (band, n) of after - before and of before in a block."""

    pair: PairRasters
    step: int

    def __call__(self, block: Block) -> tuple[FloatArray, FloatArray]:
        rows, cols = on_step(block, self.step)
        before = read_block(self.pair.before, block)[:, rows, cols].astype(np.float32)
        after = read_block(self.pair.after, block)[:, rows, cols].astype(np.float32)
        return (after - before).reshape(len(before), -1), before.reshape(len(before), -1)


@dataclass(frozen=True)
class ExpectationSample:
    """Samples (band, n) of both images in a block, smoothed as the evidence smooths them."""

    pair: PairRasters
    shape: tuple[int, int]
    step: int
    scale_px: float

    def __call__(self, block: Block) -> tuple[FloatArray, FloatArray]:
        grown = block.with_halo(math.ceil(TRUNCATE * self.scale_px), self.shape)
        before, after = read_block(self.pair.before, grown), read_block(self.pair.after, grown)
        soft = Smoother(np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0), sigma_px=self.scale_px)
        rows, cols = block.trim(grown)
        on_rows, on_cols = on_step(block, self.step)
        first, second = (soft(image)[:, rows, cols][:, on_rows, on_cols] for image in (before, after))
        return first.reshape(len(first), -1), second.reshape(len(second), -1)


@dataclass(frozen=True)
class EvidenceBlock:
    """Raw features of a grown block, as the scorer asks for them."""

    pair: PairRasters
    shape: tuple[int, int]
    statistics: DifferenceStatistics
    scale_px: float
    scorer: Scorer

    def grown(self, block: Block) -> Block:
        return block.with_halo(self.scorer.halo_px(self.scale_px), self.shape)

    def __call__(self, block: Block) -> FloatArray:
        grown = self.grown(block)
        before, after = read_block(self.pair.before, grown), read_block(self.pair.after, grown)
        found = self.scorer.features(before, after, self.pair.bands, self.statistics, scale_px=self.scale_px)
        if self.pair.network is None:
            return found
        return np.concatenate([found, read_block(self.pair.network, grown)])


@dataclass(frozen=True)
class FeatureSample:
    """Sample (feature, n) in a block for the scene's statistics."""

    features: EvidenceBlock
    step: int

    def __call__(self, block: Block) -> FloatArray:
        rows, cols = block.trim(self.features.grown(block))
        found = self.features(block)[:, rows, cols]
        step_rows, step_cols = on_step(block, self.step)
        return np.asarray(found[:, step_rows, step_cols].reshape(len(found), -1), dtype=np.float32)


def difference_of(pair: PairRasters, shape: tuple[int, int], execution: Execution) -> DifferenceStatistics:
    """Robust statistics of after - before over the whole grid, from a strided sample."""
    function = DifferenceSample(pair, sample_step(shape))
    parts = [part for _, part in map_blocks(function, lattice(shape), execution, "difference")]
    return difference_statistics(*(np.concatenate([part[index] for part in parts], axis=1) for index in (0, 1)))


def expectation_of(
    pair: PairRasters,
    shape: tuple[int, int],
    blocks: tuple[Block, ...],
    step: int,
    scale_px: float,
    execution: Execution,
) -> Expectation | None:
    """What one date lets expect of the other, from a strided sample of ``blocks``."""
    function = ExpectationSample(pair, shape, step, scale_px)
    parts = [part for _, part in map_blocks(function, blocks, execution, "expectation")]
    before, after = (np.concatenate([part[index] for part in parts], axis=1) for index in (0, 1))
    return fit_expectation(before, after)


def features_of(
    pair: PairRasters,
    shape: tuple[int, int],
    scorer: Scorer,
    execution: Execution,
    *,
    scale_px: float,
    calibrated: bool,
) -> tuple[EvidenceBlock, Scene]:
    """How a block's features are made, and what is fitted once over the scene."""
    blocks = lattice(shape)
    chosen = spread_blocks(blocks, STATISTICS_BLOCKS)
    sampled = (512 * len(chosen), 512) if len(chosen) == STATISTICS_BLOCKS else shape
    expectation = expectation_of(pair, shape, chosen, sample_step(sampled, EXPECTATION_SAMPLES), scale_px, execution)
    statistics = replace(difference_of(pair, shape, execution), expectation=expectation)
    features = EvidenceBlock(pair, shape, statistics, scale_px, scorer)
    step = sample_step(sampled)
    sample = [part for _, part in map_blocks(FeatureSample(features, step), chosen, execution, "features")]
    return features, scorer.scene(np.concatenate(sample, axis=1), calibrated=calibrated)
