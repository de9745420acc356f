"""The monitor of a source in a month: its state, what the state says of every pixel, and how that enters the objects."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline.config import Detect, Source
from pipeline.detect.monitor import Calibration, Followed, Levels, Verdicts, calibration, follow, scene_sample
from pipeline.detect.season import MIN_MONTHS, Series, series_of
from pipeline.detect.timing import judged
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.raster import read_block, shape_of
from pipeline.stages.base import StageContext
from pipeline.stages.imagery import on_step, sample_step
from pipeline.stages.state import frame_key, month_number, months_before, read_state, update_state
from pipeline.values import number_of_day

FloatArray = NDArray[np.float32]
SAMPLES = 60_000
RASTER = "monitor.tif"
LAYERS = ("evidence", "state", "step", "crossed", "before_day", "since_day", "sure_day", "looks")


@dataclass(frozen=True)
class Months:
    """Where a source's state lies and which of its months count."""

    folder: Path
    frame: str
    last: int
    most: int
    follow_months: int

    def series(self, block: Block) -> Series:
        """The block's pixels with their months."""
        states = read_state(self.folder, block, self.frame)
        return series_of(states, self.last, block.shape, most=self.most)


@dataclass(frozen=True)
class SampleBlock:
    """Sample (3, pixel, followed month) of a block for the scene's habits."""

    months: Months
    step: int

    def __call__(self, block: Block) -> FloatArray:
        whole = self.months.series(block)
        at = np.zeros(block.shape, dtype=bool)
        at[on_step(block, self.step)] = True
        part = whole.of_pixels(at.ravel())
        return _padded(scene_sample(part, follow_months=self.months.follow_months), self.months.follow_months)


def _padded(sample: FloatArray, months: int) -> FloatArray:
    """A sample with as many months as are followed; blocks whose series is shorter saw nothing before."""
    missing = months - sample.shape[2]
    return np.pad(sample, ((0, 0), (0, 0), (missing, 0)), constant_values=np.nan)


@dataclass(frozen=True)
class FollowBlock:
    """What the monitor says of a block's pixels, (layer, y, x) float32 of :data:`LAYERS`."""

    months: Months
    habits: Calibration
    levels: Levels

    def __call__(self, block: Block) -> FloatArray:
        series = self.months.series(block)
        short = len(series.months)
        kept = slice(max(self.months.follow_months - short, 0), None)
        habits = Calibration(self.habits.middle[:, kept], self.habits.spread[:, kept], self.habits.edge[:, kept])
        found: Verdicts = follow(series, habits, follow_months=self.months.follow_months, levels=self.levels)
        parts = (
            *(found.evidence, found.state, found.step, found.crossed),
            *(found.before_day, found.since_day, found.sure_day, found.looks),
        )
        return np.stack([part.astype(np.float32).reshape(block.shape) for part in parts])


def levels_of(settings: Detect) -> Levels:
    """The configured levels of evidence."""
    return Levels(settings.early_evidence, settings.probable_evidence, settings.confirmed_evidence)


@dataclass(frozen=True)
class Monitoring:
    """What the month's monitor hands to the objects: its raster, and what there is to say about it.

    ``raster`` is None where the history is too short or no scene can be used: then a month stands by itself.
    """

    raster: Path | None
    notes: tuple[str, ...]
    counts: dict[str, int]


def run_monitor(context: StageContext, source: Source, out: Path) -> Monitoring | None:
    """Update the state below ``out/state`` and write ``out/monitor.tif``; None where monitoring is off."""
    settings, geobox, execution = context.config.detect, context.geobox(), context.execution
    if not settings.monitor_months:
        return None
    history = months_before(context, source)
    if history < MIN_MONTHS:
        return Monitoring(None, (f"monitor: {history} months of earlier scenes, it begins with {MIN_MONTHS}",), {})
    state = out / "state"
    state.mkdir()
    taken, computed, notes = update_state(context, source, state)
    if not taken + computed:
        shutil.rmtree(state)
        return Monitoring(None, tuple(notes), {})
    last = month_number(context.period)
    months = Months(state, frame_key(state), last, settings.monitor_months, settings.follow_months)
    step = sample_step(shape_of(geobox), SAMPLES)
    blocks = lattice(shape_of(geobox))
    sample = [part for _, part in map_blocks(SampleBlock(months, step), blocks, execution, "season")]
    function = FollowBlock(months, calibration(np.concatenate(sample, axis=1)), levels_of(settings))
    unknown = _write(function, geobox, out / RASTER, execution)
    if unknown:
        notes.append(f"monitor: {unknown:.0%} of the ground has too few earlier looks; there a month stands by itself")
    return Monitoring(out / RASTER, tuple(notes), {"state months taken over": taken, "state months computed": computed})


def _write(function: FollowBlock, geobox: GeoBox, path: Path, execution: Execution) -> float:
    unknown, blocks = 0, lattice(shape_of(geobox))
    with RasterWriter(path, geobox, bands=LAYERS, dtype="float32", nodata=math.nan, categories=True) as file:
        for block, found in map_blocks(function, blocks, execution, "monitor"):
            file.write(block, found)
            unknown += int((found[LAYERS.index("state")] == Followed.UNKNOWN).sum())
    return unknown / (geobox.shape[0] * geobox.shape[1])


@dataclass(frozen=True)
class MonitorAdjust:
    """Adds to the log odds of a block what the month's look says against the pixel's own years.

    Ground whose departure became probable this month, though it began before, gets at least ``late`` log odds.
    """

    raster: Path
    weight: float
    late: float

    def __call__(self, block: Block, odds: FloatArray, features: FloatArray) -> FloatArray:
        found = dict(zip(LAYERS, read_block(self.raster, block), strict=True))
        total = odds + np.float32(self.weight) * np.nan_to_num(found["step"], nan=0.0)
        lifted = np.where(found["crossed"] > 0, np.maximum(total, np.float32(self.late)), total)
        return np.asarray(np.where(np.isfinite(odds), lifted, odds), dtype=np.float32)


@dataclass(frozen=True)
class MonitorJudge:
    """Confidence and onset of an object after the monitor's pixels below it."""

    raster: Path
    period_start: int

    def __call__(self, window: Block, mask: NDArray[np.bool_], row: dict[str, Any]) -> dict[str, Any]:
        found = {name: layer[mask] for name, layer in zip(LAYERS, read_block(self.raster, window), strict=True)}
        return judged(row, found, period_start=self.period_start)


def judge_of(raster: Path, context: StageContext) -> MonitorJudge:
    """The judge of the context's month."""
    return MonitorJudge(raster, number_of_day(context.period.first_day))
