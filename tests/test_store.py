from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from pipeline import schema
from pipeline.errors import InputError, StageError
from pipeline.schema import Table, conform, empty
from pipeline.store import digest_tree, json_bytes, read_json, read_table, write_json, write_table

CRS = "EPSG:4547"
TABLES = [table for table in vars(schema).values() if isinstance(table, Table)]


@pytest.mark.parametrize("table", TABLES, ids=lambda table: table.name)
def test_empty_tables_survive_the_disk(table: Table, tmp_path: Path) -> None:
    frame = empty(table, CRS)
    write_table(tmp_path / "t.parquet", table, frame)
    back = read_table(tmp_path / "t.parquet", table)
    assert list(back.columns) == list(frame.columns)
    assert (back.dtypes == frame.dtypes).all()


def cells(**columns: object) -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame({"cell_id": ["甲", "乙"], **columns}, geometry=[box(0, 0, 1, 1), None], crs=CRS)


def test_rows_survive_the_disk(tmp_path: Path) -> None:
    write_table(tmp_path / "c.parquet", schema.CELLS, cells())
    back = read_table(tmp_path / "c.parquet", schema.CELLS)
    assert back["cell_id"].tolist() == ["甲", "乙"] and back.crs == CRS
    assert back.geometry.iloc[0].area == 1 and back.geometry.iloc[1] is None


def test_same_table_same_bytes(tmp_path: Path) -> None:
    for name in ("a", "b"):
        write_table(tmp_path / name, schema.CELLS, cells())
    digests = digest_tree(tmp_path)
    assert digests["a"] == digests["b"]


def test_conform_orders_casts_and_leaves_its_input_alone() -> None:
    frame = pd.DataFrame({"valid_from": ["2026-01-02"], "person_id": [7], "unit_id": ["U"], "cell_id": ["C"], "x": [1]})
    before = frame.copy(deep=True)
    result = conform(schema.RESPONSIBILITY, frame)
    assert list(result.columns) == schema.RESPONSIBILITY.names
    assert result["person_id"].tolist() == ["7"] and result["valid_to"].isna().all()
    assert str(result["valid_from"].dtype) == "datetime64[ms]"
    pd.testing.assert_frame_equal(frame, before)


def test_missing_required_values_are_refused() -> None:
    with pytest.raises(ValueError, match="lacks the column"):
        conform(schema.PEOPLE, pd.DataFrame({"person_id": ["P"]}))
    with pytest.raises(ValueError, match="without a value"):
        conform(schema.PEOPLE, pd.DataFrame({"person_id": [None], "name": ["甲"], "unit_id": ["U"]}))


def test_doubled_keys_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    doubled = pd.DataFrame({"person_id": ["P", "P"], "name": ["甲", "乙"], "unit_id": ["U", "U"]})
    with pytest.raises(StageError, match="people"):
        write_table(tmp_path / "p.parquet", schema.PEOPLE, doubled)
    assert list(tmp_path.iterdir()) == []


def test_damaged_table_is_a_numbered_error(tmp_path: Path) -> None:
    (tmp_path / "c.parquet").write_bytes(b"PAR1 not really")
    for name in ("c.parquet", "absent.parquet"):
        with pytest.raises(StageError, match="E601"):
            read_table(tmp_path / name, schema.CELLS)


def test_json_is_sorted_chinese_and_strict(tmp_path: Path) -> None:
    assert json_bytes({"b": 1, "a": "甲"}) == '{\n "a": "甲",\n "b": 1\n}\n'.encode()
    with pytest.raises(ValueError, match="JSON"):
        json_bytes({"a": float("nan")})
    write_json(tmp_path / "x.json", {"format_version": 99})
    with pytest.raises(InputError, match="E106"):
        read_json(tmp_path / "x.json")
