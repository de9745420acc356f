"""`xuncha compare`: two rasters, no city; the imagery way from files to scored candidate objects."""

from __future__ import annotations

import math
import shutil
from collections.abc import Mapping
from dataclasses import dataclass, replace
from datetime import date
from pathlib import Path
from typing import Literal

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline.acquire.coregister import NO_MEASURE
from pipeline.acquire.normalise import apply_gain
from pipeline.area_rules import area_errors_on
from pipeline.config import Acquire, Detect
from pipeline.detect.model import Model
from pipeline.errors import InputError
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice
from pipeline.sinks.geopackage import write_geopackage
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.network import Network, read_network
from pipeline.sources.raster import UNMOVED, Image, open_image, overlap_share, read_aligned, read_block, shape_of
from pipeline.stages.base import StageOutcome
from pipeline.stages.evidence import PairRasters
from pipeline.stages.imagery import gain_between, gain_record
from pipeline.stages.models import load_model, model_options, require_fit, require_network, scorer_of
from pipeline.stages.network import require_network_fit, write_network
from pipeline.stages.objects import DetectOptions, detect_objects, hand_scorer, scale_of
from pipeline.stages.registration import Apart, Registered, alignment_record, apart_of, register_tiles, tiles_csv
from pipeline.stages.sameness import Agreement, registration_risks
from pipeline.stages.sky import Sky, saturated, sky_of
from pipeline.store import write_bytes, write_json
from pipeline.values import DateInterval, Gain, Shift, Validity, number_of_day

Profile = Literal["s2", "landsat", "vhr"]
NO_DAY = date(2000, 1, 1)
PLAIN_REFLECTANCE = (0.005, 0.7)


@dataclass(frozen=True)
class AlignedBlock:
    """Both images of a pair on BEFORE's grid, after moved and normalised, NaN where one of them is not observable."""

    before: Image
    after: Image
    shift: Shift
    gain: Gain
    valid: Path | None
    sky: Sky | None
    apart: Apart

    def __call__(self, block: Block) -> tuple[NDArray[np.float32], NDArray[np.float32], NDArray[np.uint8]]:
        grid = self.before.geobox
        first = read_aligned(self.before, grid, block)
        raw = read_aligned(self.after, grid, block, self.shift)
        second = apply_gain(raw, self.gain)
        usable = np.isfinite(first).all(axis=0) & np.isfinite(second).all(axis=0)
        codes = np.full(usable.shape, np.uint8(Validity.CLEAR)) if self.sky is None else self.sky.of(block)
        codes = np.where(
            saturated(first, self.before) | saturated(raw, self.after), np.uint8(Validity.SATURATED), codes
        )
        if self.valid is not None:
            codes = np.where(read_block(self.valid, block)[0] != 1, np.uint8(Validity.CLOUD), codes)
        codes = np.where(usable, codes, np.uint8(Validity.NO_DATA))
        clear = codes == Validity.CLEAR
        return np.where(clear, first, np.nan), np.where(clear, second, np.nan), codes.astype(np.uint8)


def compare_pair(
    before: Path,
    after: Path,
    out: Path,
    *,
    profile: str = "auto",
    bands: Mapping[str, int] | None = None,
    valid: Path | None = None,
    before_date: date | None = None,
    after_date: date | None = None,
    scale: float | None = None,
    offset: float | None = None,
    gsd_m: float | None = None,
    min_area_m2: float | None = None,
    model: Path | None = None,
    network: Path | None = None,
    execution: Execution,
) -> StageOutcome:
    """Compare two rasters; ``out`` appears only when everything in it is complete.

    ``model``: a trained model's folder or manifest, instead of the weights set by hand; ``network``: the user's own
    network that the model was trained with. Raises InputError E104, E201, E202, E203, E205, E801 to E803, E806, E807
    before any costly work, E206 when the images stay apart.
    """
    trained = load_model(model) if model is not None else None
    own = read_network(network) if network is not None else None
    require_network(trained, own)
    first, second = opened_pair(before, after, bands, scale, offset)
    first = replace(first, dates=DateInterval(before_date, before_date) if before_date else first.dates)
    second = replace(second, dates=DateInterval(after_date, after_date) if after_date else second.dates)
    _check_order(first, second)
    _check_overlap(first, second)
    _check_mask(valid, first)
    pixel_m = first.pixel_m() or gsd_m
    if min_area_m2 is not None and pixel_m is None:
        raise InputError(
            "E104", f"--min-area-m2 {min_area_m2:g}: {before} has no georeference", "give the pixel size with --gsd-m"
        )
    chosen = profile if profile != "auto" else profile_of(first.bands, pixel_m)
    if trained is not None:
        require_fit(trained, bands=first.bands, profile=chosen, pixel_m=pixel_m, evidence="pair")
        if own is not None:
            require_network_fit(own, bands=trained.bands, pixel_m=pixel_m)
        first, second = first.with_bands(trained.bands), second.with_bands(trained.bands)
    partial = out.with_name(f".{out.name}.partial")
    shutil.rmtree(partial, ignore_errors=True)
    partial.mkdir(parents=True)
    try:
        notes, counts = _compute(first, second, partial, chosen, valid, pixel_m, min_area_m2, trained, own, execution)
        _publish(partial, out)
    finally:
        shutil.rmtree(partial, ignore_errors=True)
    return StageOutcome(counts=counts, notes=notes)


def profile_of(bands: tuple[str, ...], pixel_m: float | None) -> Profile:
    """The processing profile: ``landsat`` from 20 m on, ``vhr`` below 4 m or without near infrared, else ``s2``."""
    if pixel_m is not None and pixel_m >= 20.0:
        return "landsat"
    if pixel_m is None or pixel_m < 4.0 or "nir" not in bands:
        return "vhr"
    return "s2"


def options_of(
    settings: Detect, profile: str, pixel_m: float | None, min_area_m2: float | None, calibrated: bool
) -> DetectOptions:
    """The detect options of a pair: thresholds of the configuration, sizes for the profile's pixel."""
    scale_px = scale_of(profile, pixel_m)
    smallest_m2 = min_area_m2 if min_area_m2 is not None else settings.pair_min_area_m2[profile]
    least_px = 4 if min_area_m2 is not None else 9
    pixels = math.ceil(smallest_m2 / pixel_m**2) if pixel_m else math.ceil(least_px * scale_px**2)
    return DetectOptions(
        prior=settings.pair_prior_log_odds[profile],
        strong_probability=settings.pair_strong_probability,
        listed_probability=settings.pair_listed_probability,
        odds_slope=settings.pair_odds_slope[profile],
        odds_offset=settings.pair_odds_offset[profile],
        weak_probability=settings.pair_weak_probability[profile],
        outline_by="odds" if profile == "vhr" else "change",
        min_probability=settings.pair_min_probability[profile],
        min_area_px=max(pixels, 1),
        scale_px=scale_px,
        smooth_px=2.0 * scale_px,
        calibrated=calibrated,
        tail_weight=settings.pair_tail_weight[profile],
    )


def opened_pair(
    before: Path, after: Path, bands: Mapping[str, int] | None, scale: float | None, offset: float | None
) -> tuple[Image, Image]:
    """Both images' headers, reduced to the bands they share; InputError E201 or E202."""
    first = open_image(before, bands=bands, scale=scale, offset=offset)
    second = open_image(after, bands=bands, scale=scale, offset=offset)
    common = tuple(name for name in first.bands if name in second.bands)
    if not common:
        raise InputError(
            "E202",
            f"{before} has {', '.join(first.bands)}, {after} has {', '.join(second.bands)}: no band in common",
            "name the bands, for example --bands blue=1,green=2,red=3,nir=4",
        )
    return first.with_bands(common), second.with_bands(common)


def _check_order(first: Image, second: Image) -> None:
    if first.dates is not None and second.dates is not None and first.dates.start > second.dates.end:
        raise InputError(
            "E207",
            f"{first.path} was taken on {first.dates.start}, {second.path} before it, on {second.dates.end}",
            "give the earlier image first, or the right dates with --before-date and --after-date",
        )


def _check_overlap(first: Image, second: Image) -> None:
    if first.georeferenced != second.georeferenced:
        without = second if first.georeferenced else first
        raise InputError(
            "E203", f"{without.path} has no georeference, the other image has", "georeference it or give two without"
        )
    if overlap_share(second.geobox, first.geobox) == 0.0:
        raise InputError("E203", f"{first.path} and {second.path} do not overlap", "choose images of the same place")


def _check_mask(valid: Path | None, first: Image) -> None:
    if valid is None:
        return
    mask = open_image(valid, bands={"pan": 1})
    same_grid = not mask.georeferenced or not first.georeferenced or _same_grid(mask.geobox, first.geobox)
    if mask.geobox.shape != first.geobox.shape or not same_grid:
        raise InputError(
            "E205",
            f"{valid}: {mask.geobox.shape[0]} x {mask.geobox.shape[1]} pixels, not the grid of {first.path}",
            "give a mask on the grid of BEFORE, 1 = usable in both images",
        )


def _same_grid(one: GeoBox, other: GeoBox) -> bool:
    size = abs(other.transform.a) + abs(other.transform.b)
    pairs = zip(tuple(one.transform)[:6], tuple(other.transform)[:6], strict=True)
    return one.crs == other.crs and all(abs(a - b) <= 0.01 * size for a, b in pairs)


@dataclass(frozen=True)
class AlignedPair:
    """A pair as scratch rasters on BEFORE's grid, how it came there, and its clear pixels."""

    pair: PairRasters
    registered: Registered
    gain: Gain
    clear: int
    light: float
    calibrated: bool
    notes: tuple[str, ...]


def align(
    first: Image,
    second: Image,
    out: Path,
    *,
    profile: str,
    valid: Path | None,
    pixel_m: float | None,
    execution: Execution,
) -> AlignedPair:
    """Register, normalise and mask a pair into ``out``, validity.tif beside it; InputError E206 when they stay apart."""
    matching, grid = Acquire(), first.geobox
    (registered,) = register_tiles(
        first,
        (second,),
        grid,
        max_shift_px=matching.max_shift_px,
        max_scatter_px=matching.max_scatter_px,
        gate_px=matching.gate_px,
        affine=True,
        execution=execution,
    )
    shift = registered.shift
    notes = _alignment_notes(first, second, shift, pixel_m, profile)
    used = shift if shift.accepted else UNMOVED
    gain = gain_between(first, second, grid, shift=used, max_slope=matching.max_gain, execution=execution, label="gain")
    pair = PairRasters(out / "before.scratch.tif", out / "after.scratch.tif", first.bands)
    # a mask that was given knows better than a guess from the images
    sky = None if valid else sky_of(first, second, grid, shift=used, pixel_m=pixel_m, execution=execution)
    seen, light = _write_aligned(
        AlignedBlock(first, second, used, gain, valid, sky, apart_of(registered, grid)), pair, out, execution
    )
    clear = seen[Validity.CLEAR]
    notes += tuple(
        f"{_percent(count, sum(seen.values()))} % not observable: {code.name.lower().replace('_', ' ')}"
        for code, count in sorted(seen.items())
        if code != Validity.CLEAR and count
    )
    calibrated = first.dtype != "uint8" and PLAIN_REFLECTANCE[0] <= light <= PLAIN_REFLECTANCE[1]
    return AlignedPair(pair, registered, gain, clear, light, calibrated, notes)


def _compute(
    first: Image,
    second: Image,
    out: Path,
    profile: str,
    valid: Path | None,
    pixel_m: float | None,
    min_area_m2: float | None,
    model: Model | None,
    network: Network | None,
    execution: Execution,
) -> tuple[tuple[str, ...], dict[str, int]]:
    grid = first.geobox
    aligned = align(first, second, out, profile=profile, valid=valid, pixel_m=pixel_m, execution=execution)
    notes, shift, pair, clear = aligned.notes, aligned.registered.shift, aligned.pair, aligned.clear
    day = second.dates.end if second.dates else NO_DAY
    options = replace(
        options_of(Detect(), profile, pixel_m, min_area_m2, aligned.calibrated),
        area_errors=area_errors_on(max(day, NO_DAY)),
        parted=profile == "vhr" and model is None,
    )
    if model is not None:
        options = model_options(model, options, pixel_m=pixel_m)
        notes = (*notes, f"model {model.name} {model.version}")
    if network is not None:
        pair = replace(pair, network=out / "network.scratch.tif")
        write_network(network, pair, grid, out / "network.scratch.tif", execution)
    candidates, unlikely = detect_objects(
        pair,
        grid,
        out,
        source="pair",
        options=options,
        gsd_m=pixel_m,
        dates=(
            number_of_day(first.dates.start) if first.dates else 0,
            number_of_day(second.dates.end) if second.dates else 0,
        ),
        adjust=Agreement(pair, aligned.light),
        scorer=scorer_of(model) if model is not None else hand_scorer(options),
        execution=execution,
    )
    for table in (candidates, unlikely):
        table["registration_risk"] = np.array(
            registration_risks(table, pair, grid, shift.residual_px), dtype=np.float64
        )
    if grid.crs is None:
        candidates, unlikely = (
            gpd.GeoDataFrame(table, geometry="geometry", crs=None) for table in (candidates, unlikely)
        )
    write_geopackage(out / "candidates.gpkg", {"candidates": candidates, "unlikely": unlikely}, day=day)
    write_json(out / "alignment.json", alignment_record(shift, applied=shift.accepted, profile=profile))
    write_bytes(out / "tiles.csv", tiles_csv(aligned.registered.tiles))
    write_json(out / "gain.json", gain_record(aligned.gain, first.bands, calibrated=aligned.calibrated))
    pair.before.unlink()
    pair.after.unlink()
    if pair.network is not None:
        pair.network.unlink()
    total = grid.shape[0] * grid.shape[1]
    if not clear:
        notes = (*notes, "no pixel is observable in both images")
    return notes, {"candidates": len(candidates), "unlikely": len(unlikely), "observable_px": clear, "pixels": total}


def _alignment_notes(first: Image, second: Image, shift: Shift, pixel_m: float | None, profile: str) -> tuple[str, ...]:
    notes = [f"profile {profile}, bands {' '.join(first.bands)}"]
    if first.geobox.crs is None:
        unit = f"pixels of {pixel_m:g} m" if pixel_m else "pixels; areas in m2 are empty"
        notes.append(f"no georeference: coordinates and lengths are in {unit}")
    if shift.reason == NO_MEASURE:
        notes.append(f"{shift.reason}; a misfit would show as thin changes along edges")
    elif shift.accepted:
        turned = " and turned" if shift.turned else ""
        notes.append(
            f"after moved by {shift.dy_px:+.2f} rows, {shift.dx_px:+.2f} columns{turned} "
            f"({shift.tiles} tiles, residual {shift.residual_px:.2f} px)"
        )
    else:
        raise InputError(
            "E206", f"{second.path} on {first.path}: {shift.reason}", "register the images before comparing them"
        )
    return tuple(notes)


def _percent(part: int, whole: int) -> str:
    share = 100.0 * part / max(whole, 1)
    return f"{share:.0f}" if share >= 1.0 else f"{share:.2g}"


def _write_aligned(
    function: AlignedBlock, pair: PairRasters, out: Path, execution: Execution
) -> tuple[dict[Validity, int], float]:
    """Write both scratch images and validity.tif; returns the pixels of every code and BEFORE's mean clear reflectance."""
    grid, nan = function.before.geobox, float("nan")
    counts, light = np.zeros(len(Validity), dtype=np.int64), 0.0
    with (
        RasterWriter(pair.before, grid, bands=pair.bands, dtype="float32", nodata=nan, cog=False) as before_file,
        RasterWriter(pair.after, grid, bands=pair.bands, dtype="float32", nodata=nan, cog=False) as after_file,
        RasterWriter(
            out / "validity.tif", grid, bands=("validity",), dtype="uint8", nodata=None, categories=True
        ) as validity_file,
    ):
        for block, (first, second, codes) in map_blocks(function, lattice(shape_of(grid)), execution, "align"):
            before_file.write(block, first)
            after_file.write(block, second)
            validity_file.write(block, codes)
            counts += np.bincount(codes.ravel(), minlength=len(Validity))
            light += float(np.nansum(first.mean(axis=0), dtype=np.float64))
    seen = {code: int(counts[code]) for code in Validity}
    return seen, light / max(seen[Validity.CLEAR], 1)


def _publish(partial: Path, out: Path) -> None:
    if not out.exists():
        partial.replace(out)
        return
    for path in sorted(partial.iterdir()):
        path.replace(out / path.name)
