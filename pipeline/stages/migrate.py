"""Brings a city folder of an older format to this program's, keeping a copy of every file that changes.

The copy is made whole before anything is touched, so a migration that was killed is taken back and begun again.
"""

from __future__ import annotations

import re
import shutil
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyarrow.parquet as pq
import yaml

from pipeline import FORMAT_VERSION, STAGES, schema
from pipeline.errors import InputError
from pipeline.rulebook import RULES_FOLDER
from pipeline.schema import Table
from pipeline.stages import journal
from pipeline.stages.guard import city_lock
from pipeline.store import digest_file, read_json, write_bytes, write_json, write_table

CLOSING = "stage.json"
MANIFEST, FINISHED = "manifest.json", "finished.json"
_TABLES: dict[str, Table] = {table.name: table for table in vars(schema).values() if isinstance(table, Table)}
_TABLES |= {"cells": schema.CELL_STATES, "unlikely": schema.CANDIDATES}
_CONFIG_LINE = re.compile(rb"^format_version:[ \t]*\d+", re.MULTILINE)


def stored_formats(city: Path) -> set[int]:
    """The formats that a city's finished stages name. Raises InputError E106 where one is newer than this program."""
    closings = sorted((city / "runs").glob("*/*/" + CLOSING))
    return {int(record["format_version"]) for record in map(read_json, closings) if "format_version" in record}


def require_current(city: Path) -> None:
    """Raise InputError E107 where the city holds results of an older format, E106 where of a newer one."""
    oldest = min(stored_formats(city), default=FORMAT_VERSION)
    if oldest < FORMAT_VERSION:
        raise InputError(
            "E107", f"{city} has results of format {oldest}", f"run `xuncha migrate {city}`; a copy is kept"
        )


def migrate(city: Path) -> dict[str, int]:
    """Migrate a city folder in place; returns how many files changed, and the formats from and to.

    What changes is first copied to ``CITY/migrated-from-<format>`` with the hash of every file. Raises InputError E106
    for a newer format, E105 for a folder that is no city's; StageError E601 for a table that cannot be read, with
    nothing changed but what the next call takes back.
    """
    if not (city / "config.yaml").is_file():
        raise InputError("E105", f"{city} has no config.yaml", "give the city's folder")
    with city_lock(city):
        return _migrate_locked(city)


def _migrate_locked(city: Path) -> dict[str, int]:
    formats = stored_formats(city) | _config_format(city)
    oldest = min(formats, default=FORMAT_VERSION)
    if oldest >= FORMAT_VERSION:
        return {"from": oldest, "to": FORMAT_VERSION, "files": 0}
    copy = city / f"migrated-from-{oldest}"
    if (copy / FINISHED).is_file():
        what = f"{city} was migrated before, and holds results of format {oldest} again"
        raise InputError("E105", what, f"move what was put back out of runs/, or move {copy.name} away")
    if copy.is_dir():
        _take_back(city, copy)
    else:
        _keep(city, copy, oldest)
    changed = _migrate_runs(city, oldest)
    config = city / "config.yaml"
    content = config.read_bytes()
    write_bytes(config, _CONFIG_LINE.sub(f"format_version: {FORMAT_VERSION}".encode(), content, count=1))
    if (city / journal.NAME).is_file():
        journal.append(city, event="migrated", from_format=oldest, to_format=FORMAT_VERSION, copy=copy.name,
                       files=len(changed), manifest=digest_file(copy / MANIFEST))  # fmt: skip
    write_json(copy / FINISHED, {"format_version": FORMAT_VERSION, "files": len(changed)})
    return {"from": oldest, "to": FORMAT_VERSION, "files": len(changed)}


def _config_format(city: Path) -> set[int]:
    found = _CONFIG_LINE.search((city / "config.yaml").read_bytes())
    number = int(found[0].split(b":")[1]) if found else FORMAT_VERSION
    if number > FORMAT_VERSION:
        raise InputError("E106", f"config.yaml has format {number}", "update the program")
    return {number}


def _files(city: Path) -> list[Path]:
    """What a migration may change: tables and JSON of the runs, the configuration and the journal."""
    inside = [path for path in sorted((city / "runs").rglob("*")) if path.suffix in (".parquet", ".json")]
    kept = [path for path in inside if path.is_file() and not any(part.startswith(".") for part in path.parts[-3:])]
    return [*kept, *(path for path in (city / "config.yaml", city / journal.NAME) if path.is_file())]


def _keep(city: Path, copy: Path, oldest: int) -> None:
    """Copy every file that may change; the folder gets its name only when the copy is whole."""
    partial = city / f".migrating-from-{oldest}"
    shutil.rmtree(partial, ignore_errors=True)
    hashes = {}
    for path in _files(city):
        name = path.relative_to(city)
        (partial / name).parent.mkdir(parents=True, exist_ok=True)
        shutil.copyfile(path, partial / name)
        hashes[name.as_posix()] = digest_file(partial / name)
    write_json(partial / MANIFEST, {"format_version": oldest, "files": hashes})
    partial.rename(copy)


def _take_back(city: Path, copy: Path) -> None:
    """Undo a migration that was killed: every file as it was copied; a changed copy is refused (E601 by its reader)."""
    hashes = read_json(copy / MANIFEST)["files"]
    for name, digest in hashes.items():
        if not (copy / name).is_file() or digest_file(copy / name) != digest:
            raise InputError("E105", f"{copy.name}/{name} is missing or changed", "restore the copy from your backup")
    for name in hashes:
        temporary = (city / name).with_name((city / name).name + ".tmp")
        shutil.copyfile(copy / name, temporary)
        temporary.replace(city / name)


def _migrate_runs(city: Path, oldest: int) -> dict[str, str]:
    """Rewrite tables, then closing files, in the order in which they were made; old hash to new hash."""
    changed: dict[str, str] = {}
    for run in sorted(path for path in (city / "runs").glob("*") if path.is_dir()):
        for entry in STAGES:
            folder = run / entry.name
            if not (folder / CLOSING).is_file():
                continue
            for path in sorted(folder.rglob("*.parquet")):
                before = digest_file(path)
                _migrate_table(path, path.relative_to(run).as_posix(), oldest)
                changed[before] = digest_file(path)
            for path in sorted(folder.rglob("*.json")):
                if path.name != CLOSING:
                    _migrate_json(path, changed)
            _migrate_json(folder / CLOSING, changed)
    return changed


def _migrate_table(path: Path, name: str, oldest: int) -> None:
    table = _TABLES.get(path.stem)
    if table is None:
        return
    geometry = b"geo" in (pq.read_schema(path).metadata or {})
    frame = gpd.read_parquet(path) if geometry else pd.read_parquet(path)
    for step in range(oldest, FORMAT_VERSION):
        for column, value in _additions(step, name).items():
            if column not in frame.columns:
                frame[column] = value
    write_table(path, table, frame)


@cache
def _steps() -> dict[int, dict[str, dict[str, Any]]]:
    """Format to its step: pattern of a path to the columns that are added."""
    data = yaml.safe_load((RULES_FOLDER / "migrations.yaml").read_text(encoding="utf-8"))
    return {
        int(step["from_format"]): {table["path"]: dict(table["add"]) for table in step["tables"]}
        for step in data["steps"]
    }


def _additions(step: int, name: str) -> dict[str, Any]:
    return next(
        (
            added
            for pattern, added in _steps()[step].items()
            if re.fullmatch(re.escape(pattern).replace("<source>", "[^/]+"), name)
        ),
        {},
    )


def _migrate_json(path: Path, changed: dict[str, str]) -> None:
    """Raise a file's format and put the new hashes where it names old ones; what says no format is left alone."""
    value = read_json(path)
    if not isinstance(value, dict) or "format_version" not in value:
        return
    before = digest_file(path)
    write_json(path, {**_rehashed(value, changed), "format_version": FORMAT_VERSION})
    changed[before] = digest_file(path)


def _rehashed(value: Any, changed: dict[str, str]) -> Any:
    if isinstance(value, dict):
        return {key: _rehashed(item, changed) for key, item in value.items()}
    if isinstance(value, list):
        return [_rehashed(item, changed) for item in value]
    return changed.get(value, value) if isinstance(value, str) else value
