"""Rows hold the same plain values that pandas itself gives, whatever the column's type."""

from __future__ import annotations

import geopandas as gpd
import pandas as pd
import pytest
import shapely

from pipeline.reconcile.rows import as_rows

TABLE = gpd.GeoDataFrame(
    {
        "name": pd.Series(["甲", None, "乙"], dtype="str"),
        "day": pd.to_datetime(["2026-10-01", None, "2026-10-03"]),
        "number": [1, 2, 3],
        "maybe": pd.Series([1, None, 3], dtype="Int64"),
        "area_m2": [1.5, float("nan"), 2.0],
        "finding": [True, False, True],
        "anything": pd.Series([None, 1, "x"], dtype="object"),
    },
    geometry=shapely.points([[0, 0], [1, 1], [2, 2]]),
    crs="EPSG:4547",
)


@pytest.mark.parametrize("names", [None, ["day", "name"]])
def test_rows_are_those_of_pandas(names: list[str] | None) -> None:
    rows = as_rows(TABLE, names)
    truth = TABLE.drop(columns="geometry").to_dict("records")
    wanted = names or [name for name in TABLE.columns if name != "geometry"]
    assert len(rows) == len(truth)
    for row, other in zip(rows, truth, strict=True):
        assert list(row) == wanted
        for name in wanted:
            assert type(row[name]) is type(other[name])
            assert row[name] is other[name] or pd.isna(row[name]) or row[name] == other[name]
            assert pd.isna(row[name]) == pd.isna(other[name])


def test_no_rows() -> None:
    assert as_rows(TABLE.iloc[:0]) == []
