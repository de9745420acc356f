"""Tables as rows of plain Python values, for rules that read one row at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

Row = dict[str, Any]


def as_rows(table: pd.DataFrame, names: Sequence[str] | None = None) -> list[Row]:
    """Every row with the columns ``names``, by default all but the geometry; several times faster than ``to_dict``."""
    kept = [name for name in table.columns if name != "geometry"] if names is None else list(names)
    columns = [_values(table[name]) for name in kept]
    return [dict(zip(kept, values, strict=True)) for values in zip(*columns, strict=True)]


def _values(column: pd.Series) -> list[Any]:
    if isinstance(column.dtype, pd.Int64Dtype):
        return list(column.to_numpy(dtype=object, na_value=None).tolist())
    return list(column.to_numpy(dtype=object).tolist())
