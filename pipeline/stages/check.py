"""Every precheck of a city folder before any costly work; all problems at once."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd

from pipeline.config import Config, Source
from pipeline.errors import CODES, InputError, XunchaError
from pipeline.patrol.plan import check_plan
from pipeline.patrol.responsibility import answerable_for
from pipeline.sources.known_lists import read_known
from pipeline.sources.layer_files import DATABASE_LIST
from pipeline.sources.layers import check_layers
from pipeline.sources.postgis_list import read_list
from pipeline.sources.records import check_records
from pipeline.sources.scenes import find_scenes
from pipeline.sources.units import check_units, read_units
from pipeline.spectra import BANDS
from pipeline.stages.base import city_extent
from pipeline.stages.fetch_layers import unfetched
from pipeline.stages.guard import require_writable
from pipeline.stages.migrate import require_current
from pipeline.stages.models import configured_model, load_for_month
from pipeline.values import Period

_SHOWN = 3


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
        require_current(city)
    except XunchaError as problem:
        return [problem], []
    try:
        require_writable(city / "runs")
    except XunchaError as problem:
        problems.append(problem)
    problems += check_records(city)
    problems += check_units(city, config.city.crs)
    problems += _known_problems(city, config)
    database_problems, database_warnings = _database(city / "layers")
    problems += database_problems
    problems += check_layers(city / "layers", config.city.crs, city_extent(city, config))
    for source in config.sources:
        problems += _scene_problems(city / source.folder, source, period, config.acquire.history_months)
        problems += model_problems(city, config, source)
    if problems:
        return problems, []
    warnings = [*database_warnings, *_scene_warnings(city, config, period), *duty_warnings(city, config, period)]
    return [], [*warnings, *(_folder_warnings(city, config) if ledgers else [])]


def duty_warnings(city: Path, config: Config, period: Period | None) -> list[str]:
    """What of units, duties and plan is open or contradicts itself, a line per rule with the first few cases.

    With a ``period`` every cell is held against 三定: a person, an area and a duty on its first and last day, and a
    plan in it.
    """
    book = read_units(city, config.city.crs)
    parts = [book.repairs]
    if period is not None:
        days = period.first_day, period.last_day
        duties = [
            answerable_for(book.cells, book.units, book.people, book.responsibility, book.delegations, day=day)
            for day in days
        ]
        parts += [duty.problems for duty in duties]
        told = [duty.cells for duty in duties]
        parts.append(check_plan(book.plan, told, book.people, first_day=days[0], last_day=days[1]))
    filled = [part for part in parts if len(part)]
    if not filled:
        return []
    problems = pd.concat(filled, ignore_index=True).drop_duplicates().sort_values(["rule", "problem"], kind="stable")
    warnings = []
    for rule, rows in problems.groupby("rule", sort=True):
        cases = [
            f"{cell} {problem}" if isinstance(cell, str) else str(problem)
            for cell, problem in zip(rows["cell_id"], rows["problem"], strict=True)
        ]
        more = f"; and {len(cases) - _SHOWN} more" if len(cases) > _SHOWN else ""
        warnings.append(f"units: {rule} ({len(cases)}): {'; '.join(cases[:_SHOWN])}{more}")
    return warnings


def model_problems(city: Path, config: Config, source: Source) -> list[XunchaError]:
    """A configured model that is damaged or for other images, told before anything is computed."""
    given = configured_model(city, config.detect.model, source.name, source.profile)
    if given is None:
        return []
    try:
        load_for_month(given, bands=wanted_bands(source), profile=source.profile, pixel_m=config.city.pixel_m)
    except XunchaError as problem:
        return [problem]
    return []


def wanted_bands(source: Source) -> tuple[str, ...]:
    """The bands that a source's scenes must have."""
    return BANDS[:3] if source.profile == "vhr" else BANDS


def _known_problems(city: Path, config: Config) -> list[XunchaError]:
    """The first problem of the lists of known 图斑."""
    try:
        read_known(city, config.city.crs)
    except XunchaError as problem:
        return [problem]
    return []


def _database(layers: Path) -> tuple[list[XunchaError], list[str]]:
    """What is wrong with the list of database tables, and which of them were never fetched; no database is asked."""
    if not (layers / DATABASE_LIST).is_file():
        return [], []
    try:
        names = unfetched(layers, read_list(layers))
    except XunchaError as problem:
        return [problem], []
    return [], [
        f"layers: {name} is listed in {DATABASE_LIST} but was never fetched: `xuncha fetch-layers`" for name in names
    ]


def _scene_problems(folder: Path, source: Source, period: Period | None, history_months: int) -> list[XunchaError]:
    """Scenes of the period and its history that are damaged, undated or lack a band of the source's profile."""
    first = period.shifted(-history_months).first_day if period else date.min
    last = period.last_day if period else date.max
    wanted = wanted_bands(source)
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
