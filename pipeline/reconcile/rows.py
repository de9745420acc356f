"""Tables as rows of plain Python values, for rules that read one row at a time."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import pandas as pd

Row = dict[str, Any]


def as_rows(table: pd.DataFrame, names: Sequence[str] | None = None) -> list[Row]:
    """Every row with the columns ``names``, by default all but the geometry; several times faster than ``to_dict``."""
    kept = [name for name in table.columns if name != "geometry"] if names is None else list(names)
    columns = [table[name].to_numpy(dtype=object).tolist() for name in kept]
    return [dict(zip(kept, values, strict=True)) for values in zip(*columns, strict=True)]
