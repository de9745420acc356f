"""Every precheck of a city folder before any costly work; all problems at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

from pipeline.config import Config, Source
from pipeline.errors import CODES, InputError, XunchaError
from pipeline.sources.layers import check_layers
from pipeline.sources.records import check_records
from pipeline.sources.scenes import find_scenes
from pipeline.sources.units import check_units, read_units
from pipeline.spectra import BANDS
from pipeline.stages.base import city_extent
from pipeline.stages.guard import require_writable
from pipeline.values import Period


def check_city(
    city: Path, config: Config, period: Period | None, *, ledgers: bool = True
) -> tuple[list[XunchaError], list[str]]:
    """Problems that stop a run, and warnings about what will be left out; nothing is written but a probe."""
    missing = [name for name in ("layers", "units") if not (city / name).is_dir()]
    if missing:
        return [
            InputError("E105", f"{city} has no folder {name}", "`xuncha init` writes the folders") for name in missing
        ], []
    problems: list[XunchaError] = []
    try:
        require_writable(city / "runs")
    except XunchaError as problem:
        problems.append(problem)
    problems += check_records(city)
    problems += check_units(city, config.city.crs)
    problems += check_layers(city / "layers", config.city.crs, city_extent(city, config))
    for source in config.sources:
        problems += _scene_problems(city / source.folder, source, period, config.acquire.history_months)
    if problems:
        return problems, []
    return [], [*_scene_warnings(city, config, period), *(_folder_warnings(city, config) if ledgers else [])]


def _scene_problems(folder: Path, source: Source, period: Period | None, history_months: int) -> list[XunchaError]:
    """Scenes of the period and its history that are damaged, undated or lack a band of the source's profile."""
    first = period.shifted(-history_months).first_day if period else date.min
    last = period.last_day if period else date.max
    wanted = BANDS[:3] if source.profile == "vhr" else BANDS
    problems: list[XunchaError] = []
    try:
        scenes, refused = find_scenes(
            folder, first_day=first, last_day=last, bands=source.bands, scale=source.scale, offset=source.offset
        )
    except XunchaError as problem:
        return [problem]
    for one in refused:
        code, _, reason = one.reason.partition(" ")
        if code in CODES:
            hint = "copy or correct the file, or move it out of the folder"
            problems.append(InputError(code, f"{folder / one.name}: {reason}", hint))
    for scene in scenes:
        try:
            scene.image.with_bands(wanted)
        except XunchaError as problem:
            problems.append(problem)
    return problems


def _scene_warnings(city: Path, config: Config, period: Period | None) -> list[str]:
    """Sources without a scene in the period: a month without images is a result, but seldom what was meant."""
    warnings: list[str] = []
    if period is None:
        return warnings
    for source in config.sources:
        scenes, _ = find_scenes(
            city / source.folder, first_day=period.first_day, last_day=period.last_day, bands=source.bands,
            scale=source.scale, offset=source.offset,
        )  # fmt: skip
        if not scenes:
            warnings.append(f"{source.folder}: no scene of {period}; without one every cell says not observed")
    return warnings


def _folder_warnings(city: Path, config: Config) -> list[str]:
    units = read_units(city, config.city.crs).units
    known = set(units["unit_id"]) | set(units["name"])
    warnings = []
    for room in ("ledgers", "tracks"):
        folders = sorted(path.name for path in (city / room).glob("*") if path.is_dir())
        warnings += [
            f"E503 {room}/{name}: no unit has this id or name; its files are listed as rejected, not used"
            for name in folders
            if name not in known
        ]
        warnings += [
            f"E503 {room}/{path.name}: lies in no unit's folder; while it does, nobody is said to have missed anything"
            for path in sorted((city / room).glob("*"))
            if path.is_file()
        ]
        handed_in = set(folders)
        warnings += [
            f"{room}: nothing from {row.name} ({row.unit_id})"
            for row in units.itertuples(index=False)
            if row.name not in handed_in and row.unit_id not in handed_in
        ]
    return warnings
