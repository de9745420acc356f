"""The monitor's state on disk: one small file per block, one month added at a time, rebuilt from the scenes if need be.

A month of the state is decided by its scenes, the frame and the configuration alone (its key), so months found in the
previous run's state are taken over when their keys agree and computed when not: either way the bytes are the same.
The frame, the clearest early scene and the position that the archive's first months agree on, is fixed once those
months are over; until then it, and with it the whole state, is made anew each month.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline import FORMAT_VERSION
from pipeline.acquire.clouds import HALO_PX as CLOUD_HALO_PX
from pipeline.acquire.clouds import codes_of_scl, grown, series_codes
from pipeline.acquire.composite import HALO_PX, softened
from pipeline.acquire.coregister import consensus
from pipeline.acquire.normalise import apply_gain
from pipeline.config import Acquire, Source
from pipeline.detect.archive import STATE_VERSION, MonthState, StateError, month_state, packed, unpacked
from pipeline.errors import StageError
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice
from pipeline.sources.raster import UNMOVED, Image, overlap_share, read_aligned, read_codes, shape_of
from pipeline.sources.scenes import Scene, find_scenes
from pipeline.stages.acquire import CLOUDLESS, clear_share
from pipeline.stages.base import StageContext
from pipeline.stages.imagery import gain_between
from pipeline.stages.registration import register_tiles
from pipeline.store import digest_bytes, digest_file, json_bytes, read_json, write_bytes, write_json
from pipeline.values import Gain, Period, Shift, Validity, number_of_day

FloatArray = NDArray[np.float32]
FRAME_MONTHS = 6
RECORD = "looks.json"
_EVER = date(1970, 1, 2)


@dataclass(frozen=True)
class Frame:
    """What every look is brought onto: a scene, its own shift, and the bands all looks are reduced to."""

    name: str
    reference: Image
    home: Shift
    bands: tuple[str, ...]
    key: str


@dataclass(frozen=True)
class Fitted:
    """A scene as the state uses it."""

    name: str
    image: Image
    clear: float
    shift: Shift
    gain: Gain
    days: tuple[int, int]


@dataclass(frozen=True)
class MonthLooks:
    """A month's looks in order of date; ``months`` are numbered year * 12 + month - 1."""

    month: int
    key: str
    looks: tuple[Fitted, ...]


def month_number(period: Period) -> int:
    """A period as the state counts it."""
    return period.year * 12 + period.month - 1


def archive_scenes(context: StageContext, source: Source) -> tuple[Scene, ...]:
    """All scenes of a source up to the period's end that lie within one month each."""
    scenes, _ = find_scenes(
        context.city / source.folder,
        first_day=_EVER,
        last_day=context.period.last_day,
        bands=source.bands,
        scale=source.scale,
        offset=source.offset,
    )
    return tuple(scene for scene in scenes if Period.of(scene.dates.start) == Period.of(scene.dates.end))


def months_before(context: StageContext, source: Source) -> int:
    """How many months before the period the monitored scenes begin."""
    _, months = state_scenes(context, source)
    return month_number(context.period) - months[0][0] if months else 0


def state_scenes(
    context: StageContext, source: Source
) -> tuple[tuple[Scene, ...], tuple[tuple[int, tuple[Scene, ...]], ...]]:
    """The scenes of the archive's first months, and those of the monitored months, month by month."""
    scenes = archive_scenes(context, source)
    if not scenes:
        return (), ()
    begin = month_number(Period.of(scenes[0].dates.end))
    early = tuple(scene for scene in scenes if month_number(Period.of(scene.dates.end)) < begin + FRAME_MONTHS)
    last = month_number(context.period)
    months: dict[int, list[Scene]] = {}
    for scene in scenes:
        number = month_number(Period.of(scene.dates.end))
        if number > last - context.config.detect.monitor_months:
            months.setdefault(number, []).append(scene)
    return early, tuple((number, tuple(months[number])) for number in sorted(months))


def update_state(context: StageContext, source: Source, out: Path) -> tuple[int, int, list[str]]:
    """Write ``<row>_<column>.state`` per block and ``looks.json`` into ``out``; months taken over, computed, and notes.

    No file is written where the archive holds no scene that can be used.
    """
    geobox, execution = context.geobox(), context.execution
    early, months = state_scenes(context, source)
    digests = _digests(early, months)
    previous = _previous(context, source)
    known: Mapping[str, Any] = _record(previous)
    grid = digest_bytes(repr((geobox.transform, geobox.shape, str(geobox.crs))).encode("utf-8"))
    settings = context.config.acquire
    frame = _frame(early, digests, known, geobox, settings, grid, execution)
    if frame is None:
        return 0, 0, ["the archive holds no scene the monitor can use"]
    looks: list[MonthLooks] = []
    records: list[dict[str, Any]] = []
    for number, scenes in months:
        key = _month_key(frame, settings, scenes, digests)
        stored = next((one for one in known.get("months", ()) if one["key"] == key), None)
        fitted = _fitted_month(scenes, stored, frame, geobox, settings, execution)
        records.append({"month": number, "key": key, "scenes": fitted[1]})
        if fitted[0]:
            looks.append(MonthLooks(number, key, fitted[0]))
    found = {one["key"] for one in known.get("months", ())}
    taken = sum(one.key in found for one in looks)
    function = StateBlock(tuple(looks), frame, geobox, _masking(settings, context.config.city.pixel_m), previous)
    for block, content in map_blocks(function, lattice(shape_of(geobox)), execution, "state"):
        write_bytes(out / name_of(block), content)
    write_json(out / RECORD, {"format_version": FORMAT_VERSION, "frame": _frame_record(frame), "months": records})
    notes = [
        f"monitor: scene {one['scene']} not used: {one['reason']}"
        for record in records
        for one in record["scenes"]
        if one["reason"] and record["month"] == month_number(context.period)
    ]
    return taken, len(looks) - taken, notes


def name_of(block: Block) -> str:
    """File name of a block's state."""
    return f"{block.row_start:06d}_{block.col_start:06d}.state"


def read_state(folder: Path, block: Block, frame: str) -> tuple[MonthState, ...]:
    """The months of a block's state; none where the file is missing, damaged or of another version or frame."""
    try:
        return unpacked((folder / name_of(block)).read_bytes(), frame=frame)
    except (OSError, StateError):
        return ()


def frame_key(folder: Path) -> str:
    """The frame of a state folder."""
    return str(read_json(folder / RECORD)["frame"]["key"])


def _previous(context: StageContext, source: Source) -> Path | None:
    if context.previous is None:
        return None
    folder = context.previous / "detect" / source.name / "state"
    return folder if folder.is_dir() else None


def _record(previous: Path | None) -> Mapping[str, Any]:
    """What the previous state says of its looks; nothing where it cannot be read: then all is computed again."""
    if previous is None or not (previous / RECORD).is_file():
        return {}
    try:
        record: Mapping[str, Any] = read_json(previous / RECORD)
    except StageError:
        return {}
    return record if record.get("format_version") == FORMAT_VERSION else {}


def _digests(early: Sequence[Scene], months: Sequence[tuple[int, tuple[Scene, ...]]]) -> dict[Path, str]:
    files = {path for scene in early for path in scene.files}
    files |= {path for _, scenes in months for scene in scenes for path in scene.files}
    return {path: digest_file(path) for path in sorted(files)}


def _scene_key(scene: Scene, digests: Mapping[Path, str]) -> list[Any]:
    image = scene.image
    files = [digests[path] for path in scene.files]
    return [scene.name, files, image.bands, image.indexes, image.scale, image.offset, scene.dates.start.isoformat()]


def _month_key(frame: Frame, settings: Acquire, scenes: Sequence[Scene], digests: Mapping[Path, str]) -> str:
    parts = [STATE_VERSION, frame.key, settings.model_dump(mode="json", exclude={"history_months"})]
    return digest_bytes(json_bytes([*parts, [_scene_key(scene, digests) for scene in scenes]]))


def _frame(
    early: Sequence[Scene],
    digests: Mapping[Path, str],
    known: Mapping[str, Any],
    geobox: GeoBox,
    settings: Acquire,
    grid: str,
    execution: Execution,
) -> Frame | None:
    """The frame of the archive's first months; taken from the previous state's record where nothing has changed."""
    plain = settings.model_dump(mode="json", exclude={"history_months"})
    key = digest_bytes(json_bytes([STATE_VERSION, grid, plain, [_scene_key(scene, digests) for scene in early]]))
    by_name = {scene.name: scene for scene in early}
    stored = known.get("frame", {})
    if stored.get("key") == key:
        bands = tuple(stored["bands"])
        scene = by_name[stored["reference"]]
        return Frame(scene.name, scene.image.with_bands(bands), Shift(**stored["home"]), bands, key)
    usable = [scene for scene in early if overlap_share(scene.image.geobox, geobox) > 0.0]
    shares = {scene.name: clear_share(scene.image, geobox, execution, f"clear {scene.name}") for scene in usable}
    usable = [scene for scene in usable if shares[scene.name] >= settings.min_clear_share]
    if not usable:
        return None
    reference = min(usable, key=lambda scene: (-round(shares[scene.name], 2), scene.dates.end, scene.name))
    bands = reference.image.bands
    others = [scene for scene in usable if scene is not reference and set(bands) <= set(scene.image.bands)]
    fitted = _registered(
        reference.image, [scene.image.with_bands(bands) for scene in others], geobox, settings, execution
    )
    zero = consensus([UNMOVED, *(shift for shift in fitted if shift.accepted)])
    return Frame(reference.name, reference.image, _moved(UNMOVED, zero), bands, key)


def _registered(
    reference: Image, images: Sequence[Image], geobox: GeoBox, settings: Acquire, execution: Execution
) -> tuple[Shift, ...]:
    """Plain shifts: the state carries no turn."""
    found = register_tiles(
        reference,
        tuple(images),
        geobox,
        max_shift_px=settings.max_shift_px,
        max_scatter_px=settings.max_scatter_px,
        gate_px=settings.gate_px,
        execution=execution,
    )
    return tuple(one.shift for one in found)


def _moved(shift: Shift, zero: tuple[float, float]) -> Shift:
    dy, dx = round(shift.dy_px - zero[0], 3), round(shift.dx_px - zero[1], 3)
    return Shift(dy, dx, shift.residual_px, shift.tiles, shift.accepted, shift.reason)


def _frame_record(frame: Frame) -> dict[str, Any]:
    return {"key": frame.key, "reference": frame.name, "home": asdict(frame.home), "bands": list(frame.bands)}


def _fitted_month(
    scenes: Sequence[Scene],
    stored: Mapping[str, Any] | None,
    frame: Frame,
    geobox: GeoBox,
    settings: Acquire,
    execution: Execution,
) -> tuple[tuple[Fitted, ...], list[dict[str, Any]]]:
    """A month's usable looks, and what is recorded of every scene."""
    images: dict[str, Image] = {}
    records: list[dict[str, Any]] = []
    if stored is not None:
        records = [dict(one) for one in stored["scenes"]]
    else:
        for scene in scenes:
            records.append({"scene": scene.name, **_checked(scene, frame, geobox, settings, execution)})
    for scene in scenes:
        if set(frame.bands) <= set(scene.image.bands):
            images[scene.name] = scene.image.with_bands(frame.bands)
    if stored is None:
        open_ones = [one for one in records if not one["reason"]]
        moving = [images[one["scene"]] for one in open_ones]
        zero = (-frame.home.dy_px, -frame.home.dx_px)
        for one, image, shift in zip(
            open_ones, moving, _registered(frame.reference, moving, geobox, settings, execution), strict=True
        ):
            if not shift.accepted:
                one["reason"] = f"not registered: {shift.reason}"
                continue
            one["shift"] = asdict(_moved(shift, zero))
            one["gain"] = asdict(_gain(frame, image, Shift(**one["shift"]), geobox, settings, execution, one["scene"]))
    days = {s.name: (number_of_day(s.dates.start), number_of_day(s.dates.end)) for s in scenes}
    looks = [
        Fitted(
            one["scene"],
            images[one["scene"]],
            one["clear"],
            Shift(**one["shift"]),
            Gain(**{**one["gain"], "slope": tuple(one["gain"]["slope"]), "offset": tuple(one["gain"]["offset"])}),
            days[one["scene"]],
        )
        for one in records
        if not one["reason"]
    ]
    return tuple(looks), records


def _checked(scene: Scene, frame: Frame, geobox: GeoBox, settings: Acquire, execution: Execution) -> dict[str, Any]:
    nothing = {"clear": 0.0, "shift": None, "gain": None}
    if not set(frame.bands) <= set(scene.image.bands):
        return {**nothing, "reason": "lacks bands of the monitor's frame"}
    if overlap_share(scene.image.geobox, geobox) == 0.0:
        return {**nothing, "reason": "does not overlap the city's grid"}
    share = clear_share(scene.image, geobox, execution, f"clear {scene.name}")
    reason = f"only {100 * share:.0f} % clear" if share < settings.min_clear_share else ""
    return {**nothing, "clear": share, "reason": reason}


def _gain(
    frame: Frame, image: Image, shift: Shift, geobox: GeoBox, settings: Acquire, execution: Execution, name: str
) -> Gain:
    if image.path == frame.reference.path:
        return Gain("none", (1.0,) * len(frame.bands), (0.0,) * len(frame.bands), 0.0)
    return gain_between(
        frame.reference,
        image,
        geobox,
        reference_shift=frame.home,
        shift=shift,
        max_slope=settings.max_gain,
        bare_only=True,
        execution=execution,
        label=f"gain {name}",
    )


def _masking(settings: Acquire, pixel_m: float) -> dict[str, float]:
    return {
        "cloud_px": settings.cloud_buffer_m / pixel_m,
        "shadow_px": settings.shadow_buffer_m / pixel_m,
        "cloud_rise": settings.cloud_rise,
        "shadow_ratio": settings.shadow_ratio,
        "agreement": settings.agreement,
    }


@dataclass(frozen=True)
class StateBlock:
    """The state of a block as bytes: months of the previous state whose keys agree, the others from their looks."""

    months: tuple[MonthLooks, ...]
    frame: Frame
    geobox: GeoBox
    masking: Mapping[str, float]
    previous: Path | None

    def __call__(self, block: Block) -> bytes:
        known = {one.key: one for one in read_state(self.previous, block, self.frame.key)} if self.previous else {}
        wanted = block.with_halo(CLOUD_HALO_PX + HALO_PX, shape_of(self.geobox))
        home = partial(read_aligned, self.frame.reference, self.geobox, wanted, self.frame.home)
        reference: FloatArray | None = None
        states = []
        for one in self.months:
            stored = known.get(one.key)
            if stored is None or stored.values.shape[1:] != block.shape:
                reference = home() if reference is None else reference
                stored = self._computed(one, reference, block, wanted)
            states.append(stored)
        return packed(states, frame=self.frame.key)

    def _computed(self, one: MonthLooks, reference: FloatArray, block: Block, wanted: Block) -> MonthState:
        images = np.stack(
            [reference]
            + [apply_gain(read_aligned(look.image, self.geobox, wanted, look.shift), look.gain) for look in one.looks]
        )
        codes = np.stack(
            [self._codes(self.frame.reference, self.frame.home, reference, wanted)]
            + [
                self._codes(look.image, look.shift, image, wanted)
                for look, image in zip(one.looks, images[1:], strict=True)
            ]
        )
        classified = [True, *(look.image.classes is not None for look in one.looks)]
        cloudy = [False, *(look.image.classes is None or look.clear < CLOUDLESS for look in one.looks)]
        limits = {name: self.masking[name] for name in ("cloud_rise", "shadow_ratio", "agreement")}
        codes = series_codes(images, codes, classified, cloudy, self.frame.bands, **limits)
        rows, cols = block.trim(wanted)
        looks = [
            softened(np.where(code == Validity.CLEAR, image, np.float32(np.nan)))[:, rows, cols]
            for image, code in zip(images[1:], codes[1:], strict=True)
        ]
        days = [look.days for look in one.looks]
        return month_state(looks, self.frame.bands, month=one.month, key=one.key, days=days)

    def _codes(self, image: Image, shift: Shift, values: FloatArray, block: Block) -> NDArray[np.uint8]:
        known = np.isfinite(values).all(axis=0)
        codes = np.where(known, np.uint8(Validity.CLEAR), np.uint8(Validity.NO_DATA))
        if image.classes is not None:
            classes = read_codes(image.classes, self.geobox, block, fill=0, shift=shift)
            codes = np.where(known, codes_of_scl(classes), codes)
        reach = {name: self.masking[name] for name in ("cloud_px", "shadow_px")}
        return grown(codes.astype(np.uint8), **reach)
