"""Columns of a database table as Arrow columns, with every value as exact as it was."""

from __future__ import annotations

import math
from collections.abc import Sequence
from decimal import Decimal
from typing import Any

import pyarrow as pa
import pyarrow.compute as pc

TEXT = pa.large_string()
EXACT_INTEGER = 1 << 53
_DAY = r"^\d{4}-\d{2}-\d{2}$"
_MOMENT = r"^\d{4}-\d{2}-\d{2} \d{2}:\d{2}:\d{2}(\.\d+)?(\+00)?$"
_NATIVE: dict[str, Any] = {
    "bool": pa.bool_(), "int2": pa.int64(), "int4": pa.int64(), "int8": pa.int64(),
    "float4": pa.float64(), "float8": pa.float64(),
}  # fmt: skip
LEFT_OUT = frozenset({"bytea", "geometry", "geography", "raster"})
"""Types whose columns are no attribute of a layer: pictures, and geometry beside the one that is fetched."""


def arrow_type(kind: str) -> Any:
    """The type in which a column of the database type ``kind`` is fetched; all but numbers and truth values is text."""
    return _NATIVE.get(kind, TEXT)


def finished(kind: str, column: Any) -> tuple[Any, str | None]:
    """A fetched column in its final type, and a word where that is not the type it had.

    Whole numbers beyond 2**53 become text, since a reader turns a column of numbers with gaps into floats. ``numeric``
    becomes whole numbers or floats where each one prints as the very same number, else text. Days and moments that no
    calendar has (``infinity``, before Christ) make their column text.
    """
    if kind in ("int2", "int4", "int8"):
        return _whole(column)
    if kind == "numeric":
        return _numeric(column)
    if kind == "date":
        return _calendar(column, _DAY, pa.date32())
    if kind in ("timestamp", "timestamptz"):
        return _calendar(column, _MOMENT, pa.timestamp("us", "UTC" if kind == "timestamptz" else None))
    return column, None


def _whole(column: Any) -> tuple[Any, str | None]:
    span = pc.min_max(column).as_py()
    if span["min"] is not None and max(-span["min"], span["max"]) > EXACT_INTEGER:
        return column.cast(TEXT), "整数过大，按文本写出"
    return column, None


def _numeric(column: Any) -> tuple[Any, str | None]:
    values: Sequence[str] = pc.unique(column.drop_null()).to_pylist()
    if all(value.lstrip("-").isdigit() and abs(int(value)) <= EXACT_INTEGER for value in values):
        return column.cast(pa.int64()), None
    if all(_prints_the_same(value) for value in values):
        return column.cast(pa.float64()), None
    return column, "数值位数过多，按文本写出"


def _prints_the_same(value: str) -> bool:
    number = float(value)
    return math.isnan(number) or math.isinf(number) or Decimal(repr(number)) == Decimal(value)


def _calendar(column: Any, form: str, kind: Any) -> tuple[Any, str | None]:
    if pc.all(pc.match_substring_regex(column, form)).as_py() is False:
        return column, "含无法用日历表示的日期，按文本写出"
    if getattr(kind, "tz", None):
        plain = pc.replace_substring_regex(column, r"\+00$", "").cast(pa.timestamp("us"))
        return pc.assume_timezone(plain, "UTC"), None
    return column.cast(kind), None


def in_order(table: pa.Table, key: Sequence[str]) -> pa.Table:
    """The rows by ``key``, or by all their values where there is none: the same rows come in the same order."""
    names = list(key) or table.column_names
    return table.take(pc.sort_indices(table, sort_keys=[(name, "ascending") for name in names]))
