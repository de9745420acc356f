"""Tables of a PostGIS database written as files below ``layers/``, where every later step finds them like any delivery."""

from __future__ import annotations

import shutil
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import pyarrow.parquet
import shapely

from pipeline.errors import InputError
from pipeline.sinks.geoparquet import write_geoparquet
from pipeline.sources.layer_files import FETCHED, fetched_from
from pipeline.sources.postgis import FetchedTable, connected, read_database_table
from pipeline.sources.postgis_list import DatabaseList, ListedTable, read_list
from pipeline.stages.guard import guarded
from pipeline.store import digest_file

FOLDER = "postgis"
Progress = Callable[[str, int, int], None]
"""Called with a label, pieces done and their total."""


@dataclass(frozen=True)
class FetchedLayer:
    """A written layer: its file below ``layers/``, rows, the CRS by name, whether its bytes are new, and notes."""

    file: str
    table: str
    rows: int
    crs: str | None
    changed: bool
    notes: tuple[str, ...]


@dataclass(frozen=True)
class Fetched:
    """What a fetch wrote, and files of tables no longer listed, which it took away."""

    layers: tuple[FetchedLayer, ...]
    removed: tuple[str, ...]


def fetch_layers(layers: Path, progress: Progress | None = None) -> Fetched:
    """Write every table that ``layers/postgis.yaml`` lists to ``layers/postgis/NAME.parquet``, all of them or none.

    The tables are read at one moment of the database. A table whose file would be the same keeps its file. Files that an
    earlier fetch wrote and whose table is no longer listed are removed. Raises InputError E310 to E315, E702.
    """
    listed = read_list(layers)
    partial = layers.parent / f".{layers.name}-{FOLDER}.partial"
    shutil.rmtree(partial, ignore_errors=True)
    try:
        with guarded("fetch-layers", layers):
            partial.mkdir()
            with connected(listed.connection) as database:
                written = []
                for number, entry in enumerate(listed.tables):
                    if progress is not None:
                        progress("fetch-layers", number, len(listed.tables))
                    written.append(_write(entry, read_database_table(database, entry), partial))
            return _publish(written, partial, layers / FOLDER)
    finally:
        shutil.rmtree(partial, ignore_errors=True)


def unfetched(layers: Path, listed: DatabaseList) -> list[str]:
    """Names of listed tables that no fetch has written yet."""
    return [entry.name for entry in listed.tables if not (layers / FOLDER / _file_name(entry)).is_file()]


def _file_name(entry: ListedTable) -> str:
    return f"{entry.name}.parquet"


def _write(entry: ListedTable, table: FetchedTable, folder: Path) -> FetchedLayer:
    path = folder / _file_name(entry)
    about = {"table": entry.table, "geometry": table.geometry, "where": entry.where, "srid": table.srid}
    try:
        write_geoparquet(path, table.rows, table.geometry, table.crs, about={FETCHED: about | {"notes": table.notes}})
    except shapely.errors.GEOSException as problem:
        raise InputError("E315", f"{entry.table}: {problem}", "leave such rows out with `where`") from problem
    crs = None if table.crs is None else table.crs.name
    return FetchedLayer(f"{FOLDER}/{path.name}", entry.table, table.rows.num_rows, crs, True, table.notes)


def _publish(written: list[FetchedLayer], partial: Path, folder: Path) -> Fetched:
    """Put the written files in place, one step each, once all of them are there."""
    folder.mkdir(exist_ok=True)
    done = []
    for layer in written:
        new, old = partial / Path(layer.file).name, folder / Path(layer.file).name
        changed = not old.is_file() or digest_file(old) != digest_file(new)
        if changed:
            new.replace(old)
        done.append(FetchedLayer(layer.file, layer.table, layer.rows, layer.crs, changed, layer.notes))
    kept = {Path(layer.file).name for layer in written}
    gone = [path for path in sorted(folder.glob("*.parquet")) if path.name not in kept and _is_fetched(path)]
    for path in gone:
        path.unlink()
    return Fetched(tuple(done), tuple(f"{FOLDER}/{path.name}" for path in gone))


def _is_fetched(path: Path) -> bool:
    """Whether a file was written by a fetch, and not put there by a person."""
    try:
        metadata = pyarrow.parquet.read_schema(path).metadata or {}
    except (pyarrow.ArrowException, OSError):
        return False
    return fetched_from(metadata) is not None
