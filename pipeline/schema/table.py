"""What a table is: its columns with their kinds, units and meanings, and how a frame is made to conform to it.

Writers conform to them with :func:`conform`, ``store`` checks them when it saves and loads, and the
documents print the Chinese labels. ``null`` columns may be missing per row, all others may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

Kind = Literal["text", "integer", "real", "date", "flag", "json"]

DTYPES: dict[str, str] = {
    "text": "str",
    "json": "str",
    "integer": "int64",
    "real": "float64",
    "date": "datetime64[ms]",
    "flag": "bool",
}


@dataclass(frozen=True)
class Column:
    """One column: ``kind`` fixes its dtype, ``label`` is the Chinese heading, ``unit`` is printed behind it."""

    name: str
    kind: Kind
    label: str
    unit: str = ""
    null: bool = False

    @property
    def dtype(self) -> str:
        if self.kind == "integer" and self.null:
            return "Int64"
        return DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """A table's contract. ``geometry`` tables are GeoDataFrames in the city's projected metre CRS."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    geometry: bool = False

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def labels(self) -> dict[str, str]:
        """Column name to Chinese heading with its unit."""
        return {c.name: f"{c.label}({c.unit})" if c.unit else c.label for c in self.columns}

    def plus(self, name: str, *columns: Column, key: tuple[str, ...] | None = None) -> Table:
        """A table with further columns behind this one's."""
        return Table(name, self.columns + columns, key or self.key, self.geometry)


PLACE = "_place"
"""An extra column beside a record table's own: the file and row in which a person wrote the record, in words."""


def conform(table: Table, frame: pd.DataFrame, crs: object = None) -> pd.DataFrame:
    """``frame`` with the table's columns only, in its order and dtypes; never changes ``frame`` itself.

    Columns that may be null are added when absent; an absent or null required column raises ValueError. Geometry
    tables come back as GeoDataFrames in ``crs`` (default: the frame's own); the index is renumbered.
    """
    data: dict[str, pd.Series] = {}
    for column in table.columns:
        if column.name in frame.columns:
            series = frame[column.name]
        elif column.null:
            series = pd.Series([None] * len(frame), index=frame.index, dtype="object")
        else:
            raise ValueError(f"table {table.name} lacks the column {column.name}")
        data[column.name] = _cast(series, column, table.name)
    plain = pd.DataFrame(data, index=frame.index, columns=table.names).reset_index(drop=True)
    if not table.geometry:
        return plain
    geometry = frame["geometry"] if "geometry" in frame.columns else [None] * len(frame)
    own = getattr(frame, "crs", None) if isinstance(frame, gpd.GeoDataFrame) else None
    shapes = gpd.GeoSeries(np.array(geometry, dtype=object), crs=crs if crs is not None else own)
    return gpd.GeoDataFrame(plain, geometry=shapes, crs=shapes.crs)


@cache
def _dtype(name: str) -> object:
    return pd.api.types.pandas_dtype(name)


def _cast(series: pd.Series, column: Column, table: str) -> pd.Series:
    if series.dtype == _dtype(column.dtype):
        cast = series
    elif column.kind == "date":
        cast = pd.to_datetime(series).astype("datetime64[ms]")
    elif column.kind in ("text", "json") and series.dtype == "str":
        cast = series
    elif column.kind in ("text", "json"):
        cast = series.astype("object").where(series.notna(), None).astype("str")
    else:
        cast = series.astype(column.dtype)
    if not column.null and cast.hasnans:
        raise ValueError(f"table {table}, column {column.name}: {int(cast.isna().sum())} rows without a value")
    return cast


def empty(table: Table, crs: object = None) -> pd.DataFrame:
    """The table with no rows, right columns and dtypes."""
    return conform(table, pd.DataFrame({name: [] for name in table.names}), crs)
