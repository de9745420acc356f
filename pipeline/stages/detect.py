"""detect: a month's aligned images to a probability raster and candidate objects, per source."""

from __future__ import annotations

import math
import shutil
from dataclasses import dataclass, replace
from pathlib import Path

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray

from pipeline.area_rules import FILE as AREA_ERRORS
from pipeline.area_rules import area_errors_on
from pipeline.config import Detect, Source
from pipeline.detect.change import FEATURES
from pipeline.detect.score import darkening_odds, log_odds_of, novelty_odds
from pipeline.detect.scorer import Scorer
from pipeline.errors import XunchaError
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice
from pipeline.schema import CANDIDATES, FOLLOWED, empty
from pipeline.sources.model import model_files
from pipeline.sources.raster import open_image, read_block, shape_of
from pipeline.stages import held
from pipeline.stages.base import StageContext, StageOutcome, rule_digests
from pipeline.stages.evidence import PairRasters
from pipeline.stages.followed import followed_objects
from pipeline.stages.imagery import on_step, sample_step
from pipeline.stages.models import configured_model, load_for_month, scorer_of
from pipeline.stages.monitor import MonitorAdjust, Monitoring, judge_of, run_monitor
from pipeline.stages.objects import HAND, Adjust, DetectOptions, Judge, detect_objects, scale_of
from pipeline.stages.state import state_scenes
from pipeline.store import write_table
from pipeline.values import number_of_day

FloatArray = NDArray[np.float32]
FILES = ("before.tif", "after.tif", "history.tif")


def inputs(context: StageContext) -> tuple[Path, ...]:
    """The trained models that the configuration names and the scenes of the monitor's state; the rest acquire wrote."""
    return (*_models(context), *_state_files(context))


def _models(context: StageContext) -> tuple[Path, ...]:
    found: list[Path] = []
    for source in context.config.sources:
        given = configured_model(context.city, context.config.detect.model, source.name, source.profile)
        found += model_files(given) if given is not None else ()
    return tuple(dict.fromkeys(found))


def _state_files(context: StageContext) -> tuple[Path, ...]:
    if not context.config.detect.monitor_months:
        return ()
    paths: set[Path] = set()
    for source in context.config.sources:
        try:
            early, months = state_scenes(context, source)
        except XunchaError:
            continue  # acquire names the source as failed
        paths |= {path for scene in (*early, *(one for _, own in months for one in own)) for path in scene.files}
    return tuple(sorted(paths))


def facts(context: StageContext) -> dict[str, str]:
    """Digests of the objects that wait since the previous period, and of the rule file on areas."""
    return {**held.facts(context), **rule_digests(AREA_ERRORS)}


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write ``<source>/score.tif candidates.parquet unlikely.parquet`` for every source that acquire has.

    Also ``followed.parquet`` and ``held.parquet``; what waits since an earlier month is never dropped.
    """
    counts: dict[str, int] = {}
    notes: list[str] = []
    failures: list[str] = []
    crs = context.config.city.crs
    for source in context.config.sources:
        images = context.folder("acquire") / source.name
        if not all((images / name).is_file() for name in FILES):
            failures.append(f"{source.name}: no images of the period from acquire")
            notes += _carried(context, source, out)
            continue
        folder = out / source.name
        folder.mkdir(parents=True)
        try:
            monitoring = run_monitor(context, source, folder)
            candidates, unlikely = _detect(context, source, images, folder, monitoring)
        except XunchaError as problem:
            failures.append(f"{source.name}: {problem}")
            shutil.rmtree(folder)
            notes += _carried(context, source, out)
            continue
        if monitoring is not None:
            notes += [f"{source.name}: {note}" for note in monitoring.notes]
            counts |= {f"{source.name} {name}": value for name, value in monitoring.counts.items()}
        raster = monitoring.raster if monitoring is not None else None
        candidates, unlikely = held.hold(context, source, folder, candidates, unlikely, monitored=raster is not None)
        followed = _followed(context, source, raster, folder) if raster is not None else empty(FOLLOWED, crs)
        write_table(folder / "followed.parquet", FOLLOWED, followed)
        write_table(folder / "candidates.parquet", CANDIDATES, candidates)
        write_table(folder / "unlikely.parquet", CANDIDATES, unlikely)
        counts |= {f"{source.name} candidates": len(candidates), f"{source.name} unlikely": len(unlikely)}
        counts[f"{source.name} waiting"] = held.count(folder)
    return StageOutcome(counts=counts, notes=tuple(notes), failures=tuple(failures))


def _carried(context: StageContext, source: Source, out: Path) -> list[str]:
    count = held.carry(context, source, out / source.name)
    return [f"{source.name}: {count} objects held earlier wait on, no monitor could look at them"] if count else []


def _detect(
    context: StageContext, source: Source, images: Path, out: Path, monitoring: Monitoring | None
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    settings, city = context.config.detect, context.config.city
    geobox = context.geobox()
    bands = open_image(images / "after.tif").bands
    pair = PairRasters(images / "before.tif", images / "after.tif", bands, images / "history.tif")
    shape = shape_of(geobox)
    given = configured_model(context.city, settings.model, source.name, source.profile)
    scorer: Scorer = HAND
    if given is not None:
        model = load_for_month(given, bands=bands, profile=source.profile, pixel_m=city.pixel_m)
        scorer = scorer_of(model, evidence="month")
    adjust: Adjust = novelty_of(images / "history.tif", shape, settings.novelty_weight, context.execution)
    judge: Judge | None = None
    if monitoring is not None and monitoring.raster is not None:
        late = log_odds_of(settings.strong_probability) + 1.0
        adjust = Both(adjust, MonitorAdjust(monitoring.raster, settings.monitor_weight, late))
        judge = judge_of(monitoring.raster, context)
    return detect_objects(
        pair,
        geobox,
        out,
        source=source.name,
        options=replace(
            month_options(settings, source.profile, city.pixel_m), area_errors=area_errors_on(context.period.last_day)
        ),
        gsd_m=city.pixel_m,
        adjust=adjust,
        judge=judge,
        scorer=scorer,
        execution=context.execution,
    )


def _followed(context: StageContext, source: Source, raster: Path, out: Path) -> gpd.GeoDataFrame:
    settings, city = context.config.detect, context.config.city
    return followed_objects(
        raster,
        context.geobox(),
        out,
        source=source.name,
        min_area_px=month_options(settings, source.profile, city.pixel_m).min_area_px,
        period_start=number_of_day(context.period.first_day),
        execution=context.execution,
    )


def month_options(settings: Detect, profile: str, pixel_m: float) -> DetectOptions:
    """The detect options of a month on a grid of ``pixel_m``."""
    return DetectOptions(
        prior=settings.prior_log_odds,
        strong_probability=settings.strong_probability,
        weak_probability=settings.weak_probability,
        min_probability=settings.min_probability,
        min_area_px=max(math.ceil(settings.min_area_m2 / pixel_m**2), 1),
        scale_px=scale_of(profile, pixel_m),
        smooth_px=scale_of(profile, pixel_m),
        calibrated=True,
        alike_weight=settings.alike_weight,
        alike_radius_px=math.ceil(settings.alike_radius_m / pixel_m),
    )


@dataclass(frozen=True)
class Both:
    """One adjustment after the other."""

    first: Adjust
    second: Adjust

    def __call__(self, block: Block, odds: FloatArray, features: FloatArray) -> FloatArray:
        return self.second(block, self.first(block, odds, features), features)


@dataclass(frozen=True)
class NoveltySample:
    """Sample (n,) of the logarithm of novelty in a block."""

    history: Path
    step: int

    def __call__(self, block: Block) -> FloatArray:
        values = read_block(self.history, block)[0][on_step(block, self.step)].ravel()
        return np.asarray(np.log(values[np.isfinite(values)] + np.float32(0.1)), dtype=np.float32)


@dataclass(frozen=True)
class NoveltyAdjust:
    """Adds what time says: how far the after state is from every earlier look, and doubt about single dark looks."""

    history: Path
    median: float
    spread: float
    weight: float

    def __call__(self, block: Block, odds: FloatArray, features: FloatArray) -> FloatArray:
        novelty, looks = read_block(self.history, block)[:2]
        total = odds + novelty_odds(novelty, median=self.median, spread=self.spread, weight=self.weight)
        return np.asarray(total + darkening_odds(features[FEATURES.index("brightness_rise")], looks), dtype=np.float32)


def novelty_of(history: Path, shape: tuple[int, int], weight: float, execution: Execution) -> NoveltyAdjust:
    """The novelty term with its statistics over the whole grid."""
    function = NoveltySample(history, sample_step(shape))
    parts = [part for _, part in map_blocks(function, lattice(shape), execution, "novelty")]
    sample = np.concatenate(parts).astype(np.float64)
    if not len(sample):
        return NoveltyAdjust(history, 0.0, 1.0, weight)
    median = float(np.median(sample))
    spread = max(1.4826 * float(np.median(np.abs(sample - median))), 1e-3)
    return NoveltyAdjust(history, median, spread, weight)
