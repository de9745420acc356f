"""Tracks of several formats and datums through the ledger stage, on a hand-drawn ground with mapped roads."""

import json
from datetime import date, datetime, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.config import City, Config
from pipeline.execute import Execution
from pipeline.schema import ODDITIES, TRACK_PARTS, VISITS
from pipeline.stages import ledger
from pipeline.stages.base import StageContext
from pipeline.store import digest_tree, read_table
from pipeline.values import Period
from tests.ledger.ground import BOUNDS, CRS, X0, Y0, degrees
from tests.stages.test_ledger import UNITS, gpx, write_layers, write_units

LINES = [shapely.LineString([(X0 + x, Y0), (X0 + x, BOUNDS[3])]) for x in (150, 900, 1700, 2800, 3500, 4600, 5600)]
LINES += [shapely.LineString([(X0, Y0 + y), (BOUNDS[2], Y0 + y)]) for y in (100, 800, 1900)]


def ride(seed: int) -> np.ndarray[Any, Any]:
    """A loop over the roads with 2 m of noise, a point every 50 m or so."""
    rng = np.random.default_rng(seed)
    corners = [(150, 100), (150, 1900), (1700, 1900), (1700, 800), (3500, 800), (3500, 1900), (5600, 1900), (5600, 100)]
    way = shapely.LineString([(X0 + x, Y0 + y) for x, y in corners])
    at = np.cumsum(rng.uniform(20, 80, 300))
    xy = shapely.get_coordinates(shapely.line_interpolate_point(way, at[at < way.length]))
    return np.asarray(xy + rng.normal(0, 2.0, xy.shape))


def vehicle_csv(day: date, xy: np.ndarray[Any, Any], datum: str, plate: str) -> bytes:
    start = datetime(day.year, day.month, day.day, 9, 0)
    rows = ["车牌号,定位时间,经度,纬度,速度"]
    for n, (x, y) in enumerate(xy):
        lon, lat = degrees(x, y, datum)
        rows.append(f"{plate},{start + timedelta(seconds=20 * n):%Y/%m/%d %H:%M:%S},{lon:.6f},{lat:.6f},20")
    return "\n".join(rows).encode("gb18030")


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    root = tmp_path_factory.mktemp("轨迹 测试") / "城"
    write_layers(root / "layers")
    land = gpd.read_file(root / "layers" / "DLTB.gpkg")
    roads = gpd.GeoDataFrame(
        {"BSM": [f"R{n}" for n in range(len(LINES))], "DLBM": "1006", "DLMC": "农村道路"},
        geometry=[line.buffer(3) for line in LINES], crs=CRS,
    )  # fmt: skip
    pd.concat([land, roads], ignore_index=True).to_file(root / "layers" / "DLTB.gpkg", layer="DLTB")
    write_units(root / "units")
    first, second = (root / "tracks" / name for name in UNITS)
    for folder in (first, second, root / "ledgers" / UNITS[0]):
        folder.mkdir(parents=True)
    for n in range(3):
        day = date(2026, 9, 1 + n)
        (first / f"{day:%Y%m%d}_张三.gpx").write_text(gpx(day, [tuple(xy) for xy in ride(n)]), encoding="utf-8")
        (second / f"{day:%Y%m%d}.csv").write_bytes(vehicle_csv(day, ride(10 + n), "GCJ-02", "豫A1"))
    again = date(2026, 9, 20)
    (first / f"{again:%Y%m%d}_张三.gpx").write_text(gpx(again, [tuple(xy) for xy in ride(1)]), encoding="utf-8")
    (second / "坏.kmz").write_bytes(b"torn")
    return root


def run(city: Path, out: Path) -> None:
    out.mkdir()
    config = Config(city=City(name="城", county_code="411403", crs=CRS))
    ledger.run(
        StageContext(config, city, Period.parse("2026-09"), date(2026, 9, 30), city, None, None, Execution()), out
    )


def test_every_format_and_datum_ends_on_the_roads(city: Path, tmp_path: Path) -> None:
    run(city, tmp_path / "a")
    visits = read_table(tmp_path / "a" / "visits.parquet", VISITS)
    roads = shapely.union_all(LINES)
    assert len(visits) == 7
    off = [
        np.median(shapely.distance(shapely.points(shapely.get_coordinates(line)), roads)) for line in visits.geometry
    ]
    assert max(off) < 5.0
    tracks = json.loads((tmp_path / "a" / "datum.json").read_text(encoding="utf-8"))["tracks"]
    assert [(row["datum"], row["prior_basis"]) for row in tracks] == [("WGS84", "standard"), ("GCJ-02", "unstated")]
    rejected = pd.read_parquet(tmp_path / "a" / "rejected.parquet")
    assert rejected["file"].tolist() == [f"tracks/{UNITS[1]}/坏.kmz"]


def test_parts_belong_to_visits_and_copies_are_told_without_blame(city: Path, tmp_path: Path) -> None:
    run(city, tmp_path / "a")
    visits = read_table(tmp_path / "a" / "visits.parquet", VISITS)
    parts = read_table(tmp_path / "a" / "track_parts.parquet", TRACK_PARTS)
    assert set(parts["visit_id"]) == set(visits["visit_id"])
    odd = read_table(tmp_path / "a" / "oddities.parquet", ODDITIES)
    copied = odd[odd["kind"] == "copied_track"]
    assert sorted(file.rsplit("/", 1)[-1] for file in copied["file"]) == ["20260902_张三.gpx", "20260920_张三.gpx"]
    doubted = visits[visits["doubts"].notna()]
    assert sorted(doubted["file"]) == sorted(copied["file"])
    assert not odd["reason"].str.contains("造假|作假|伪造|违规").any()


def test_the_same_files_give_the_same_bytes(city: Path, tmp_path: Path) -> None:
    run(city, tmp_path / "a")
    run(city, tmp_path / "b")
    assert digest_tree(tmp_path / "a") == digest_tree(tmp_path / "b")
