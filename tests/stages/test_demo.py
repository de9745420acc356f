from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pyogrio
import pytest
import rasterio

from pipeline.config import load_config
from pipeline.schema import CELLS, PLAN, UNITS
from pipeline.simulate.frame import SCENE_DAYS
from pipeline.spectra import BANDS
from pipeline.stages.demo import write_city
from pipeline.store import digest_tree


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("巡查 测试") / "十月"
    write_city(folder, size="small")
    return folder


def test_same_seed_writes_the_same_bytes(folder: Path, tmp_path: Path) -> None:
    counts = write_city(tmp_path / "again", size="small")
    assert digest_tree(folder) == digest_tree(tmp_path / "again")
    assert counts["scenes"] == len(SCENE_DAYS)
    assert counts["sites"] >= 14 and counts["units"] >= 6


def test_config_loads_and_names_the_city(folder: Path) -> None:
    config = load_config(folder / "config.yaml")
    assert config.city.name == "云泽市" and config.city.bounds is None
    assert config.sources[0].folder == "scenes/s2"
    assert (folder / "config.yaml").read_text(encoding="utf-8").startswith("# ")


def test_scenes_are_dated_described_and_in_another_crs(folder: Path) -> None:
    files = sorted(path for path in (folder / "scenes" / "s2").glob("*.tif") if not path.stem.endswith("_SCL"))
    assert len(files) == len(SCENE_DAYS)
    for path, (day, _) in zip(files, SCENE_DAYS, strict=True):
        with rasterio.open(path) as scene, rasterio.open(path.with_name(path.stem + "_SCL.tif")) as classes:
            assert scene.tags()["ACQUISITION_DATE"] == day.isoformat()
            assert scene.descriptions == BANDS and scene.dtypes[0] == "uint16" and scene.nodata == 0
            assert scene.crs.to_epsg() == 32650 and scene.res == (10.0, 10.0)
            assert classes.res == (20.0, 20.0) and classes.bounds.left == scene.bounds.left
            assert set(np.unique(classes.read())) <= {0, 3, 4, 5, 6, 8, 9, 10}
            assert 240 <= scene.width <= 300


def test_scenes_cover_the_cells(folder: Path) -> None:
    cells = gpd.read_file(folder / "units" / "cells.gpkg").to_crs(32650)
    with rasterio.open(folder / "scenes" / "s2" / "S2_20261023.tif") as scene:
        left, bottom, right, top = scene.bounds
    xmin, ymin, xmax, ymax = cells.total_bounds
    assert left <= xmin and bottom <= ymin and right >= xmax and top >= ymax


def test_tables_carry_the_bureaus_headings(folder: Path) -> None:
    plan = pd.read_csv(folder / "units" / "plan.csv", encoding="utf-8-sig")
    assert list(plan.columns) == [column.label for column in PLAN.columns]
    assert (folder / "units" / "plan.csv").read_bytes().startswith(b"\xef\xbb\xbf")
    for name, table in (("units", UNITS), ("cells", CELLS)):
        frame = gpd.read_file(folder / "units" / f"{name}.gpkg")
        assert {column.label for column in table.columns} <= set(frame.columns)
        assert frame.crs.to_epsg() == 4547


def test_one_layer_is_a_shapefile_that_does_not_name_its_encoding(folder: Path) -> None:
    path = folder / "layers" / "YJJBNTBHTB.shp"
    assert not path.with_suffix(".cpg").exists()
    right = pyogrio.read_dataframe(path, encoding="gb18030")
    wrong = pyogrio.read_dataframe(path)
    assert right["XZQMC"].eq("云泽市").all()
    assert not wrong["XZQMC"].eq("云泽市").any()
    others = {path.name for path in (folder / "layers").glob("*.gpkg")}
    assert {
        "AGNP.gpkg",
        "CJDCQ.gpkg",
        "CZKFBJ.gpkg",
        "DLTB.gpkg",
        "LRDL.gpkg",
        "LSYD_XMZDFW.gpkg",
        "ZZ_NYDZYFW.gpkg",
    } < others


def test_ledgers_and_tracks_lie_under_known_unit_names(folder: Path) -> None:
    known = set(gpd.read_file(folder / "units" / "units.gpkg")["单位名称"])
    for part in ("ledgers", "tracks"):
        assert {path.name for path in (folder / part).iterdir()} <= known
    visits = gpd.read_parquet(folder / "truth" / "visits.parquet")
    for file in visits["file"].dropna():
        assert (folder / file).is_file()


def test_truth_names_every_scene_file(folder: Path) -> None:
    scenes = pd.read_parquet(folder / "truth" / "scenes.parquet")
    assert all((folder / "scenes" / "s2" / file).is_file() for file in scenes["file"])
    assert np.hypot(scenes["dy_px"], scenes["dx_px"]).max() <= 1.5
