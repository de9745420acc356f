from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow.parquet
import pytest
import shapely

from pipeline import parts
from pipeline.errors import InputError, StageError
from pipeline.parts import TableInParts
from pipeline.schema import BASIC_FARMLAND, conform
from pipeline.spool import Spool
from pipeline.store import read_parts, read_table, write_table

CRS = "EPSG:4547"


def rows(*names: str) -> gpd.GeoDataFrame:
    low = np.array([500_000.0 + 10 * int(name[1:]) for name in names])
    frame = gpd.GeoDataFrame({"parcel_id": list(names)}, geometry=shapely.box(low, 0, low + 5, 5), crs=CRS)
    return conform(BASIC_FARMLAND, frame)


def written(path: Path, *pieces: tuple[list[int], gpd.GeoDataFrame]) -> Path:
    with TableInParts(path.with_suffix(".spool"), BASIC_FARMLAND, CRS) as table:
        for places, piece in pieces:
            table.add(piece, np.array(places, dtype=np.intp))
        table.write(path)
    return path


def test_rows_in_any_order_give_the_bytes_of_the_whole_table(tmp_path: Path) -> None:
    whole = tmp_path / "whole.parquet"
    write_table(whole, BASIC_FARMLAND, rows("P1", "P2", "P3", "P4"))
    mixed = written(tmp_path / "a.parquet", ([3, 1], rows("P4", "P2")), ([], rows()), ([0, 2], rows("P1", "P3")))
    assert mixed.read_bytes() == whole.read_bytes()
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.parquet", "whole.parquet"]


def test_no_rows_give_the_bytes_of_the_empty_table(tmp_path: Path) -> None:
    write_table(tmp_path / "whole.parquet", BASIC_FARMLAND, rows())
    nothing = written(tmp_path / "a.parquet", ([], rows()))
    assert nothing.read_bytes() == (tmp_path / "whole.parquet").read_bytes()


def test_a_row_group_spans_so_many_places_however_the_rows_came(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 2)
    one = written(tmp_path / "a.parquet", ([0, 1, 2, 4], rows("P1", "P2", "P3", "P5")))
    other = written(tmp_path / "b.parquet", *(([place], rows(f"P{place + 1}")) for place in (4, 2, 1, 0)))
    assert one.read_bytes() == other.read_bytes()
    content = pyarrow.parquet.read_metadata(one)
    assert [content.row_group(number).num_rows for number in range(content.num_row_groups)] == [2, 1, 1]
    read = read_table(one, BASIC_FARMLAND)
    assert read["parcel_id"].tolist() == ["P1", "P2", "P3", "P5"]
    assert gpd.read_parquet(one).total_bounds.tolist() == read.total_bounds.tolist()


def test_a_key_that_comes_twice_is_refused_and_leaves_the_old_file(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(parts, "PART_ROWS", 1)
    path = written(tmp_path / "a.parquet", ([0], rows("P1")))
    before = path.read_bytes()
    with pytest.raises(StageError, match="P1 after P1"):
        written(path, ([0], rows("P1")), ([1], rows("P1")))
    with pytest.raises(StageError, match="breaks its contract"):
        written(path, ([0], rows("P1")), ([0], rows("P1")))
    assert path.read_bytes() == before


def test_a_spool_gives_every_box_back_in_the_order_of_coming_and_leaves_nothing(tmp_path: Path) -> None:
    path = tmp_path / "spool"
    with Spool(path) as spool:
        for box, values in ((2, [1, 2]), (0, [3]), (2, [4]), (1, [])):
            spool.put(box, pyarrow.table({"a": values}))
            assert spool.boxes == sorted(set(spool.boxes))
        assert spool.boxes == [0, 2]
        assert spool.take(2)["a"].to_pylist() == [1, 2, 4]
        spool.put(0, pyarrow.table({"a": [5]}))
        assert spool.take(0)["a"].to_pylist() == [3, 5]
        spool.sort_in(pyarrow.table({"a": [6, 7, 8, 9]}), np.array([3, 0, 3, 1]))
        assert [spool.take(box)["a"].to_pylist() for box in spool.boxes] == [[3, 5, 7], [9], [1, 2, 4], [6, 8]]
        spool.sort_in(pyarrow.table({"a": [1]}), np.array([4]))
        spool.sort_in(pyarrow.table({"a": []}), np.array([], dtype=np.intp))
        assert spool.boxes == [0, 1, 2, 3, 4]
    assert not path.exists()


def test_a_table_is_read_in_parts_as_it_is_read_whole(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    path = tmp_path / "a.parquet"
    write_table(path, BASIC_FARMLAND, rows("P1", "P2", "P3"))
    monkeypatch.setattr("pipeline.store.PART_ROWS", 2)
    pieces = list(read_parts(path, BASIC_FARMLAND))
    assert [len(piece) for piece in pieces] == [2, 1]
    pd.testing.assert_frame_equal(pd.concat(pieces, ignore_index=True), read_table(path, BASIC_FARMLAND))
    (only,) = {tuple(piece.columns) for piece in read_parts(path, BASIC_FARMLAND, ["parcel_id"])}
    assert only == ("parcel_id", "geometry")


def test_parts_of_a_damaged_or_newer_table_are_refused_as_the_whole_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    path = tmp_path / "a.parquet"
    write_table(path, BASIC_FARMLAND, rows("P1"))
    monkeypatch.setattr("pipeline.store.FORMAT_VERSION", 0)
    with pytest.raises(InputError, match="E106"):
        list(read_parts(path, BASIC_FARMLAND))
    path.write_bytes(b"no table")
    with pytest.raises(StageError, match="E601"):
        list(read_parts(path, BASIC_FARMLAND))


def test_the_program_has_arrow_use_the_allocator_that_gives_memory_back() -> None:
    asked = "import pipeline, pyarrow; print(pyarrow.default_memory_pool().backend_name)"
    environment = {name: value for name, value in os.environ.items() if name != "ARROW_DEFAULT_MEMORY_POOL"}
    done = subprocess.run([sys.executable, "-c", asked], env=environment, check=True, capture_output=True, text=True)
    assert done.stdout.strip() == "system"
