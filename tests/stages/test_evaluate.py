"""The evaluate command's measure on drawn files: label raster, true sites, scores, wrong input."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import rasterio
from affine import Affine
from shapely.geometry import box

from pipeline.errors import InputError
from pipeline.stages.evaluate import evaluate

CRS, GRID = "EPSG:32650", Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 3_600_000.0)


def raster(path: Path, values: np.ndarray, nodata: float | None = None, transform: Affine = GRID) -> Path:
    profile = {
        "driver": "GTiff",
        "height": values.shape[0],
        "width": values.shape[1],
        "count": 1,
        "dtype": values.dtype,
    }
    with rasterio.open(path, "w", **profile, crs=CRS, transform=transform, nodata=nodata) as target:
        target.write(values, 1)
    return path


def square(row: int, col: int, size: int) -> object:
    x, y = GRID @ (col, row)
    return box(x, y - 10 * size, x + 10 * size, y)


def vector(path: Path, shapes: list[object], crs: str = CRS, **columns: list[str]) -> Path:
    frame = gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS).to_crs(crs)
    if path.suffix == ".parquet":
        frame.to_parquet(path)
    else:
        frame.to_file(path, layer="candidates", driver="GPKG")
    return path


@pytest.fixture
def truth() -> np.ndarray:
    """Two true squares of 16 and 100 pixels, one speck of 4, a corner without label."""
    label = np.zeros((200, 300), dtype=np.uint8)
    label[10:14, 20:24] = label[150:160, 200:210] = label[90:92, 90:92] = 1
    label[190:, 290:] = 255
    return label


def test_against_a_label_raster(tmp_path: Path, truth: np.ndarray) -> None:
    targets = vector(tmp_path / "t.gpkg", [square(10, 20, 4), square(100, 100, 5), square(192, 292, 3)])
    result = evaluate(targets, raster(tmp_path / "label.tif", truth, nodata=255), None)
    assert json.loads(json.dumps(result)) == result
    pixels = result["pixels"]
    assert (pixels["pixels"], pixels["true_change_pixels"], pixels["predicted_pixels"]) == (59_900, 120, 41)
    assert pixels["precision"]["value"] == pytest.approx(16 / 41)
    assert pixels["recall"]["value"] == pytest.approx(16 / 120)
    objects = result["objects"]
    # the speck is below ten pixels and not asked for
    assert (objects["true_objects"], objects["found"], objects["predicted_objects"], objects["right"]) == (2, 1, 3, 1)


def test_other_crs_and_merged_targets(tmp_path: Path, truth: np.ndarray) -> None:
    shapes, states = [square(10, 20, 4), square(100, 100, 5)], ["new", "merged"]
    targets = vector(tmp_path / "t.parquet", shapes, crs="EPSG:4326", state=states)
    result = evaluate(targets, raster(tmp_path / "label.tif", truth), None)
    assert result["objects"]["precision"]["value"] == 1.0
    assert result["pixels"]["precision"]["value"] == pytest.approx(1.0)


def test_score_on_the_label_grid(tmp_path: Path, truth: np.ndarray) -> None:
    score = np.where(truth == 1, 0.9, 0.1).astype(np.float32)
    score[10, 20] = np.nan
    targets = vector(tmp_path / "t.gpkg", [square(10, 20, 4)])
    label = raster(tmp_path / "label.tif", truth, nodata=255)
    result = evaluate(targets, label, raster(tmp_path / "score.tif", score))["scores"]
    assert (result["average_precision"], result["unscored_change_pixels"]) == (1.0, 1)
    other = raster(tmp_path / "other.tif", score, transform=GRID @ Affine.translation(1, 0))
    with pytest.raises(InputError, match="E205"):
        evaluate(targets, label, other)


def test_against_true_sites(tmp_path: Path, truth: np.ndarray) -> None:
    targets = vector(tmp_path / "t.gpkg", [square(10, 20, 4), square(100, 100, 5)])
    sites = vector(tmp_path / "sites.parquet", [square(10, 20, 8)])
    result = evaluate(targets, sites, None)
    assert result["area"]["recall"] == pytest.approx(0.25)
    assert (result["objects"]["found"], result["objects"]["right"]) == (0, 1)
    assert "pixels" not in result
    score = raster(tmp_path / "score.tif", np.full((200, 300), 0.5, dtype=np.float32))
    assert evaluate(targets, sites, score)["pixels"]["true_change_pixels"] == 64


def test_no_targets(tmp_path: Path, truth: np.ndarray) -> None:
    frame = gpd.GeoDataFrame({"state": []}, geometry=[], crs=CRS)
    frame.to_parquet(tmp_path / "none.parquet")
    result = evaluate(tmp_path / "none.parquet", raster(tmp_path / "label.tif", truth), None)
    assert result["pixels"]["recall"]["value"] == 0.0
    assert result["objects"]["precision"]["value"] is None


@pytest.mark.parametrize(
    ("name", "code"), [("missing.gpkg", "E301"), ("broken.gpkg", "E301"), ("broken.parquet", "E301")]
)
def test_unusable_targets(tmp_path: Path, truth: np.ndarray, name: str, code: str) -> None:
    if name.startswith("broken"):
        (tmp_path / name).write_bytes(b"no such format")
    with pytest.raises(InputError, match=code):
        evaluate(tmp_path / name, raster(tmp_path / "label.tif", truth), None)


def test_unusable_label(tmp_path: Path) -> None:
    (tmp_path / "label.tif").write_bytes(b"no raster")
    with pytest.raises(InputError, match="E201"):
        evaluate(vector(tmp_path / "t.gpkg", [square(0, 0, 2)]), tmp_path / "label.tif", None)


def test_true_sites_with_stages_beside_them_give_area_onset_and_stage(tmp_path: Path) -> None:
    days = {name: pd.to_datetime(["2026-03-10"]) for name in ("onset", "from")}
    ground = [square(10, 10, 10)]
    gpd.GeoDataFrame({"site_id": ["A"], "onset": days["onset"]}, geometry=ground, crs=CRS).to_parquet(
        tmp_path / "sites.parquet"
    )
    targets = gpd.GeoDataFrame(
        {"stage": ["pit"], "first_seen": pd.to_datetime(["2026-03-25"])}, geometry=[square(10, 10, 9)], crs=CRS
    )
    targets.to_parquet(tmp_path / "targets.parquet")
    result = evaluate(tmp_path / "targets.parquet", tmp_path / "sites.parquet", None)["sites"]
    assert result["areas"]["median_bias"] == pytest.approx(0.81 - 1.0)
    assert result["onset"]["median_days_late"] == 15.0 and result["stages"] is None
    stages = gpd.GeoDataFrame(
        {"site_id": ["A"], "stage": ["earthworks"], "from": days["from"]}, geometry=[square(10, 10, 9)], crs=CRS
    )
    stages.to_crs("EPSG:4490").to_parquet(tmp_path / "stages.parquet")
    result = evaluate(tmp_path / "targets.parquet", tmp_path / "sites.parquet", None)["sites"]
    assert result["areas"]["median_error"] == pytest.approx(0.0, abs=1e-6)
    assert result["stages"]["agree"] == 0.0
    assert json.loads(json.dumps(result)) == result
