"""acquire: the scenes of a period and its history, per source, to aligned, normalised, masked rasters."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass, replace
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline import FORMAT_VERSION
from pipeline.acquire.clouds import HALO_PX as CLOUD_HALO_PX
from pipeline.acquire.clouds import codes_of_scl, grown, series_codes
from pipeline.acquire.composite import HALO_PX, MonthPixels, month_pixels
from pipeline.acquire.coregister import NO_MEASURE, consensus
from pipeline.acquire.normalise import apply_gain
from pipeline.config import Source
from pipeline.errors import XunchaError
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice, spread_blocks
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.raster import UNMOVED, Image, overlap_share, read_aligned, read_clear, read_codes, shape_of
from pipeline.sources.scenes import Refused, Scene, find_scenes
from pipeline.spectra import BANDS
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.stages.imagery import gain_between
from pipeline.stages.registration import BLOCKS, register_tiles
from pipeline.store import write_json
from pipeline.values import Gain, Shift, Validity, number_of_day

FloatArray = NDArray[np.float32]
HISTORY_BANDS = ("novelty", "looks", "before_days", "since_days")
CLEAR_STEP = 4
CLOUDLESS = 0.995


@dataclass(frozen=True)
class Look:
    """A scene as it is used: its image reduced to the source's bands, and its fitted shift and gain."""

    scene: Scene
    image: Image
    clear_share: float
    shift: Shift
    gain: Gain


@dataclass(frozen=True)
class Masking:
    """Sizes and limits of the validity codes, in pixels of the working grid and reflectance."""

    cloud_px: float
    shadow_px: float
    cloud_rise: float
    shadow_ratio: float
    agreement: float


def inputs(context: StageContext) -> tuple[Path, ...]:
    """The files of every scene of the period and its history, and of what was refused."""
    paths: list[Path] = []
    for source in context.config.sources:
        try:
            scenes, refused = _scenes(context, source)
        except XunchaError:
            continue  # the run names the source as failed
        paths += [path for scene in scenes for path in scene.files]
        paths += [path for one in refused for path in one.files]
    return tuple(paths)


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write ``<source>/before.tif after.tif validity.tif history.tif alignment.json gain.json`` per source."""
    counts: dict[str, int] = {}
    notes: list[str] = []
    failures: list[str] = []
    for source in context.config.sources:
        folder = out / source.name
        folder.mkdir(parents=True)
        try:
            found, said = _acquire(context, source, folder)
        except XunchaError as problem:
            failures.append(f"{source.name}: {problem}")
            for path in sorted(folder.iterdir()):
                path.unlink()
            folder.rmdir()
            continue
        counts |= {f"{source.name} {name}": value for name, value in found.items()}
        notes += [f"{source.name}: {text}" for text in said]
    return StageOutcome(counts=counts, notes=tuple(notes), failures=tuple(failures))


def _scenes(context: StageContext, source: Source) -> tuple[tuple[Scene, ...], tuple[Refused, ...]]:
    first = context.period.shifted(-context.config.acquire.history_months).first_day
    scenes, refused = find_scenes(
        context.city / source.folder,
        first_day=first,
        last_day=context.period.last_day,
        bands=source.bands,
        scale=source.scale,
        offset=source.offset,
    )
    across = [scene for scene in scenes if scene.dates.start < context.period.first_day <= scene.dates.end]
    refused += tuple(
        Refused(scene.name, "taken partly before and partly in the period", scene.files) for scene in across
    )
    return tuple(scene for scene in scenes if scene not in across), refused


def _acquire(context: StageContext, source: Source, out: Path) -> tuple[dict[str, int], list[str]]:
    geobox, settings = context.geobox(), context.config.acquire
    scenes, refused = _scenes(context, source)
    bands = _common_bands(scenes)
    looks, dropped = _fitted(context, scenes, bands, geobox)
    masking = Masking(
        settings.cloud_buffer_m / context.config.city.pixel_m,
        settings.shadow_buffer_m / context.config.city.pixel_m,
        settings.cloud_rise,
        settings.shadow_ratio,
        settings.agreement,
    )
    function = MonthBlock(looks, bands, geobox, number_of_day(context.period.first_day), masking)
    clear, total = _write(function, out, context.execution), geobox.shape[0] * geobox.shape[1]
    inside = [look for look in looks if look.scene.dates.start >= context.period.first_day]
    unused = [{"scene": one.name, "reason": one.reason} for one in refused] + dropped
    unused = sorted(unused, key=lambda one: one["scene"])
    write_json(
        out / "alignment.json",
        {
            "format_version": FORMAT_VERSION,
            "unit": "pixel",
            "scenes": [_look_record(look, context) for look in looks],
            "refused": unused,
        },
    )
    gains = {look.scene.name: asdict(look.gain) for look in looks}
    write_json(out / "gain.json", {"format_version": FORMAT_VERSION, "bands": list(bands), "scenes": gains})
    notes = [f"scene {one['scene']} refused: {one['reason']}" for one in unused]
    if not inside:
        notes.append("no usable scene in the period: nothing is observed")
    elif not clear:
        notes.append("no clear view in the period: nothing is observed")
    counts = {"scenes": len(inside), "history": len(looks) - len(inside), "refused": len(unused)}
    return {**counts, "observable_percent": round(100 * clear / total)}, notes


def _look_record(look: Look, context: StageContext) -> dict[str, object]:
    dates = look.scene.dates
    return {
        "scene": look.scene.name,
        "start": dates.start.isoformat(),
        "end": dates.end.isoformat(),
        "used_as": "period" if dates.start >= context.period.first_day else "history",
        "clear_share": look.clear_share,
        **asdict(look.shift),
    }


def _common_bands(scenes: tuple[Scene, ...]) -> tuple[str, ...]:
    if not scenes:
        return BANDS
    return tuple(name for name in scenes[0].image.bands if all(name in scene.image.bands for scene in scenes))


@dataclass(frozen=True)
class ClearBlock:
    """Pixels of a block's sample, and how many of them are clear after the scene's own classification."""

    image: Image
    geobox: GeoBox

    def __call__(self, block: Block) -> tuple[int, int]:
        usable = np.isfinite(read_clear(self.image, self.geobox, block, step=CLEAR_STEP)).all(axis=0)
        return usable.size, int(usable.sum())


def clear_share(image: Image, geobox: GeoBox, execution: Execution, label: str) -> float:
    """Share of a sample of the grid that a scene shows clearly after its own classification."""
    blocks = spread_blocks(lattice(shape_of(geobox)), BLOCKS)
    parts = [part for _, part in map_blocks(ClearBlock(image, geobox), blocks, execution, label)]
    return round(sum(clear for _, clear in parts) / max(sum(total for total, _ in parts), 1), 3)


def _fitted(
    context: StageContext, scenes: tuple[Scene, ...], bands: tuple[str, ...], geobox: GeoBox
) -> tuple[tuple[Look, ...], list[dict[str, str]]]:
    """Looks with shift and gain fitted to the clearest scene, and the scenes dropped with their reason."""
    settings, execution = context.config.acquire, context.execution
    dropped: list[dict[str, str]] = []
    images: list[tuple[Scene, Image, float]] = []
    for scene in scenes:
        image = scene.image.with_bands(bands) if bands else scene.image
        if not bands or overlap_share(image.geobox, geobox) == 0.0:
            reason = "no band in common with the other scenes" if not bands else "does not overlap the city's grid"
            dropped.append({"scene": scene.name, "reason": reason})
            continue
        clear = clear_share(image, geobox, execution, f"clear {scene.name}")
        if clear < settings.min_clear_share:
            dropped.append({"scene": scene.name, "reason": f"only {100 * clear:.0f} % clear"})
            continue
        images.append((scene, image, clear))
    if not images:
        return (), dropped
    reference = min(images, key=lambda one: (-round(one[2], 2), one[0].dates.end, one[0].name))
    others = [one for one in images if one is not reference]
    fitted = register_tiles(
        reference[1],
        tuple(image for _, image, _ in others),
        geobox,
        max_shift_px=settings.max_shift_px,
        max_scatter_px=settings.max_scatter_px,
        gate_px=settings.gate_px,
        affine=True,
        execution=execution,
    )
    by_name = {one[0].name: found.shift for one, found in zip(others, fitted, strict=True)}
    shifts: list[tuple[Scene, Image, float, Shift]] = []
    for scene, image, clear in images:
        shift = by_name.get(scene.name, UNMOVED)
        if shift.accepted:
            shifts.append((scene, image, clear, shift))
        else:
            dropped.append({"scene": scene.name, "reason": f"not registered: {shift.reason}"})
    zero = consensus([shift for _, _, _, shift in shifts if shift.reason != NO_MEASURE])
    home = next(shift for scene, _, _, shift in shifts if scene is reference[0])
    looks = []
    for scene, image, clear, shift in shifts:
        moved = _less(shift, zero)
        gain = Gain("none", (1.0,) * len(bands), (0.0,) * len(bands), 0.0)
        if scene is not reference[0]:
            gain = gain_between(
                reference[1],
                image,
                geobox,
                reference_shift=_less(home, zero),
                shift=moved,
                max_slope=settings.max_gain,
                bare_only=True,
                execution=execution,
                label=f"gain {scene.name}",
            )
        looks.append(Look(scene, image, clear, moved, gain))
    return tuple(looks), dropped


def _less(shift: Shift, zero: tuple[float, float]) -> Shift:
    if shift.reason == NO_MEASURE:
        return shift  # as delivered: nearer to where the series agrees than to where the reference lies
    return replace(shift, dy_px=round(shift.dy_px - zero[0], 3), dx_px=round(shift.dx_px - zero[1], 3))


@dataclass(frozen=True)
class MonthBlock:
    """All looks of a block on the working grid, masked within their series and reduced to the month's pixels."""

    looks: tuple[Look, ...]
    bands: tuple[str, ...]
    geobox: GeoBox
    period_start: int
    masking: Masking

    def __call__(self, block: Block) -> MonthPixels:
        shape = shape_of(self.geobox)
        block_grown = block.with_halo(CLOUD_HALO_PX + HALO_PX, shape)
        images = np.full((len(self.looks), len(self.bands), *block_grown.shape), np.nan, dtype=np.float32)
        codes = np.zeros((len(self.looks), *block_grown.shape), dtype=np.uint8)
        for index, look in enumerate(self.looks):
            aligned = read_aligned(look.image, self.geobox, block_grown, look.shift)
            images[index] = apply_gain(aligned, look.gain)
            codes[index] = self._codes(look, block_grown, images[index])
        if self.looks:
            codes = series_codes(
                images,
                codes,
                [look.image.classes is not None for look in self.looks],
                [look.image.classes is None or look.clear_share < CLOUDLESS for look in self.looks],
                self.bands,
                cloud_rise=self.masking.cloud_rise,
                shadow_ratio=self.masking.shadow_ratio,
                agreement=self.masking.agreement,
            )
        days = [(number_of_day(look.scene.dates.start), number_of_day(look.scene.dates.end)) for look in self.looks]
        found = month_pixels(
            images, codes, [day for day, _ in days], [day for _, day in days], period_start=self.period_start
        )
        rows, cols = block.trim(block_grown)
        return MonthPixels(
            found.before[:, rows, cols],
            found.after[:, rows, cols],
            found.validity[rows, cols],
            found.novelty[rows, cols],
            found.looks[rows, cols],
            found.before_days[rows, cols],
            found.since_days[rows, cols],
        )

    def _codes(self, look: Look, block: Block, image: FloatArray) -> NDArray[np.uint8]:
        known = np.isfinite(image).all(axis=0)
        codes = np.where(known, np.uint8(Validity.CLEAR), np.uint8(Validity.NO_DATA))
        if look.image.classes is not None:
            classes = read_codes(look.image.classes, self.geobox, block, fill=0, shift=look.shift)
            codes = np.where(known, codes_of_scl(classes), codes)
        return grown(codes.astype(np.uint8), cloud_px=self.masking.cloud_px, shadow_px=self.masking.shadow_px)


def _write(function: MonthBlock, out: Path, execution: Execution) -> int:
    """Write the month's rasters; returns the number of observable pixels."""
    geobox, nan, clear = function.geobox, math.nan, 0
    with (
        RasterWriter(out / "before.tif", geobox, bands=function.bands, dtype="float32", nodata=nan) as before_file,
        RasterWriter(out / "after.tif", geobox, bands=function.bands, dtype="float32", nodata=nan) as after_file,
        RasterWriter(out / "history.tif", geobox, bands=HISTORY_BANDS, dtype="float32", nodata=nan) as history_file,
        RasterWriter(
            out / "validity.tif", geobox, bands=("validity",), dtype="uint8", nodata=None, categories=True
        ) as validity_file,
    ):
        for block, found in map_blocks(function, lattice(shape_of(geobox)), execution, "composite"):
            before_file.write(block, found.before)
            after_file.write(block, found.after)
            validity_file.write(block, found.validity)
            history = (found.novelty, found.looks, found.before_days, found.since_days)
            history_file.write(block, np.stack([layer.astype(np.float32) for layer in history]))
            clear += int((found.validity == Validity.CLEAR).sum())
    return clear
