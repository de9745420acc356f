"""Tables and JSON on disk: checked against their schema, written atomically, equal bytes for equal content."""

from __future__ import annotations

import hashlib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import replace
from functools import cache
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pandera.pandas as pandera
import pyarrow.parquet
import pyproj
import shapely

from pipeline import FORMAT_VERSION
from pipeline.errors import InputError, StageError
from pipeline.schema import Table, conform

PART_ROWS = 16_384
"""Rows that :func:`read_parts` has in memory at once."""


@cache
def checker(table: Table) -> pandera.DataFrameSchema:
    """The pandera schema of a table: dtypes, nulls and, where the key cannot be null, its uniqueness."""
    nullable = {column.name for column in table.columns if column.null}
    unique = None if nullable & set(table.key) else list(table.key)
    columns = {c.name: pandera.Column(c.dtype, nullable=c.null) for c in table.columns}
    return pandera.DataFrameSchema(columns, unique=unique, name=table.name)


def check_table(table: Table, frame: pd.DataFrame) -> None:
    """Raise StageError E603 naming rows and columns where ``frame`` breaks its contract."""
    try:
        checker(table).validate(pd.DataFrame(frame[table.names]), lazy=True)
    except pandera.errors.SchemaErrors as problem:
        cases = problem.failure_cases[["column", "check", "index", "failure_case"]].head(5).to_dict("records")
        raise StageError(
            "E603", f"table {table.name} breaks its contract: {cases}", "report this with the run's journal"
        ) from problem


def write_table(path: Path, table: Table, frame: pd.DataFrame) -> None:
    """Conform, check and write a table as (Geo)Parquet, replacing ``path`` only when complete."""
    conformed = conform(table, frame)
    check_table(table, conformed)
    conformed.attrs = {"format_version": FORMAT_VERSION}
    temporary = path.with_name(path.name + ".tmp")
    conformed.to_parquet(temporary, index=False)
    temporary.replace(path)


def read_table(path: Path, table: Table) -> Any:
    """Read a table back; GeoDataFrame for geometry tables. Raises StageError E601 when absent or damaged, InputError E106 for
    a newer format.
    """
    try:
        frame = gpd.read_parquet(path) if table.geometry else pd.read_parquet(path)
        conformed = conform(table, frame)
    except (OSError, ValueError) as problem:
        raise StageError(
            "E601", f"{path.name} in {path.parent.name}: {problem}", "run the stage that writes it again"
        ) from problem
    if frame.attrs.get("format_version", 0) > FORMAT_VERSION:
        raise InputError("E106", f"{path.name} has format {frame.attrs['format_version']}", "update the program")
    return conformed


def read_parts(path: Path, table: Table, columns: Sequence[str] | None = None) -> Iterator[gpd.GeoDataFrame]:
    """As :func:`read_table` for a geometry table, some rows at a time; with ``columns`` only these and the geometry."""
    wanted = replace(table, columns=tuple(c for c in table.columns if columns is None or c.name in columns))
    try:
        with pyarrow.parquet.ParquetFile(path) as content:
            metadata = content.schema_arrow.metadata or {}
            version = json.loads(metadata.get(b"PANDAS_ATTRS", b"{}")).get("format_version", 0)
            if version > FORMAT_VERSION:
                raise InputError("E106", f"{path.name} has format {version}", "update the program")
            stated = json.loads(metadata[b"geo"])["columns"]["geometry"]["crs"]
            crs = None if stated is None else pyproj.CRS.from_json_dict(stated)
            names = [name for name in wanted.names if name in content.schema_arrow.names]
            for batch in content.iter_batches(PART_ROWS, columns=[*names, "geometry"], use_threads=False):
                shapes = shapely.from_wkb(batch.column("geometry").to_numpy(zero_copy_only=False))
                yield conform(wanted, gpd.GeoDataFrame(batch.select(names).to_pandas(), geometry=shapes, crs=crs))
    except (OSError, ValueError, KeyError) as problem:
        raise StageError(
            "E601", f"{path.name} in {path.parent.name}: {problem}", "run the stage that writes it again"
        ) from problem


def json_bytes(value: Any) -> bytes:
    """UTF-8 JSON with sorted keys and a final newline; NaN is refused."""
    return (json.dumps(value, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False) + "\n").encode("utf-8")


def write_bytes(path: Path, content: bytes) -> None:
    """Write a file so that it is either the old one or the whole new one."""
    temporary = path.with_name(path.name + ".tmp")
    temporary.write_bytes(content)
    temporary.replace(path)


def write_json(path: Path, value: Any) -> None:
    """Write JSON atomically, the same bytes for the same value."""
    write_bytes(path, json_bytes(value))


def read_json(path: Path) -> Any:
    """Read JSON; raises StageError E601 when absent or damaged, InputError E106 for a newer format."""
    try:
        value = json.loads(path.read_text(encoding="utf-8"))
    except (OSError, ValueError) as problem:
        raise StageError("E601", f"{path.name}: {problem}", "run the stage that writes it again") from problem
    if isinstance(value, Mapping) and value.get("format_version", 0) > FORMAT_VERSION:
        raise InputError("E106", f"{path.name} has format {value['format_version']}", "update the program")
    return value


def digest_bytes(content: bytes) -> str:
    """sha256 of bytes, hexadecimal."""
    return hashlib.sha256(content).hexdigest()


def digest_file(path: Path) -> str:
    """sha256 of a file, hexadecimal, read in pieces."""
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


def digest_tree(folder: Path) -> dict[str, str]:
    """sha256 of every file below ``folder`` by relative POSIX path, sorted."""
    files = sorted(path for path in folder.rglob("*") if path.is_file())
    return {path.relative_to(folder).as_posix(): digest_file(path) for path in files}
