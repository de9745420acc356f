from __future__ import annotations

from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from shapely.geometry import box

from pipeline.errors import StageError
from pipeline.sinks.shapefile import write_shapefile

FRAME = gpd.GeoDataFrame({"ZLDWMC": ["王庄村", "㐱家寨"], "MJ": [1.5, 2.0]}, geometry=[box(0, 0, 1, 1), box(1, 0, 2, 1)],
                         crs="EPSG:4547")  # fmt: skip
DAY = date(2026, 10, 31)


def test_undeclared_text_is_wrong_as_latin1_and_right_as_gb18030(tmp_path: Path) -> None:
    path = tmp_path / "成果.shp"
    write_shapefile(path, FRAME, day=DAY, declare_encoding=False)
    assert not path.with_suffix(".cpg").exists()
    assert path.with_suffix(".dbf").read_bytes()[29] == 0
    assert pyogrio.read_dataframe(path)["ZLDWMC"].iloc[0] != "王庄村"
    read = pyogrio.read_dataframe(path, encoding="gb18030")
    assert read["ZLDWMC"].tolist() == ["王庄村", "㐱家寨"]
    assert read.crs == FRAME.crs


def test_declared_text_reads_by_itself(tmp_path: Path) -> None:
    path = tmp_path / "a.shp"
    write_shapefile(path, FRAME, day=DAY)
    assert pyogrio.read_dataframe(path)["ZLDWMC"].tolist() == ["王庄村", "㐱家寨"]


def test_no_text_of_the_dbf_begins_like_a_formula(tmp_path: Path) -> None:
    frame = FRAME.assign(ZLDWMC=["=1+1", "@王庄村"], MJ=[-1.5, 2.0])
    write_shapefile(tmp_path / "a.shp", frame, day=DAY)
    read = pyogrio.read_dataframe(tmp_path / "a.shp")
    assert read["ZLDWMC"].tolist() == ["'=1+1", "'@王庄村"] and read["MJ"].tolist() == [-1.5, 2.0]
    assert frame["ZLDWMC"].tolist() == ["=1+1", "@王庄村"]
    none = FRAME.assign(ZLDWMC=pd.Series(["-", None], dtype="str"))
    write_shapefile(tmp_path / "b.shp", none, day=DAY)
    assert pyogrio.read_dataframe(tmp_path / "b.shp")["ZLDWMC"].isna().tolist() == [False, True]


def test_same_bytes_and_the_given_day(tmp_path: Path) -> None:
    for name in ("one", "two"):
        (tmp_path / name).mkdir()
        write_shapefile(tmp_path / name / "a.shp", FRAME, day=DAY)
    for suffix in (".shp", ".shx", ".dbf", ".prj", ".cpg"):
        first, second = ((tmp_path / name / "a").with_suffix(suffix).read_bytes() for name in ("one", "two"))
        assert first == second
    assert tuple((tmp_path / "one" / "a.dbf").read_bytes()[1:4]) == (126, 10, 31)
    assert sorted(path.name for path in (tmp_path / "one").iterdir()) == ["a.cpg", "a.dbf", "a.prj", "a.shp", "a.shx"]


def test_names_that_a_shapefile_would_spoil_are_refused(tmp_path: Path) -> None:
    for name in ("坐落单位名称", "ELEVENBYTES"):
        with pytest.raises(ValueError, match=name):
            write_shapefile(tmp_path / "a.shp", FRAME.rename(columns={"MJ": name}), day=DAY)
    assert list(tmp_path.iterdir()) == []


def test_a_folder_that_is_a_file_is_a_numbered_error(tmp_path: Path) -> None:
    (tmp_path / "taken").write_text("x", encoding="utf-8")
    with pytest.raises(StageError, match="E702"):
        write_shapefile(tmp_path / "taken" / "a.shp", FRAME, day=DAY)
