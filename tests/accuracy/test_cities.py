"""A finished city folder judged against its truth: the demo's, with its months run."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import box

from benchmarks.accuracy import cities
from benchmarks.accuracy.page import page
from pipeline.config import load_config
from pipeline.values import Period


def test_a_finished_city_is_judged_where_it_lies(finished_city: Path, tmp_path: Path) -> None:
    before = sorted(path.name for path in finished_city.rglob("*"))
    result = cities.judged(finished_city, tmp_path, 2)
    assert sorted(path.name for path in finished_city.rglob("*")) == before and not list(tmp_path.iterdir())
    early, confirmed = result["rows"][:2]
    assert (early["level"], confirmed["level"]) == ("early", "confirmed")
    assert result["months"] == 2 and 0 < result["farmland_km2"] < 2.5**2
    assert early["sites"] > 0 and 0 < early["found"] <= early["sites"]
    low, high = early["recall interval"]
    assert low < early["recall"] <= high
    (area,) = result["area"]
    assert area["source"] == "s2" and area["sites"] > 0 and area["median_error"] < 1.0
    assert result["onset"]["s2"]["objects"] > 0
    true = {row["true"] for row in result["stages"]["s2"]["confusion"]}
    assert true <= {"earthworks", "pit", "structure", "roofed"}


def test_the_page_shows_a_city(finished_city: Path, tmp_path: Path) -> None:
    city = cities.judged(finished_city, tmp_path, 2)
    results = {"sets": [], "series": [], "calibration": [], "cities": [city], "all_cities": [],
               "pictures": [], "absent": [], "failures": []}  # fmt: skip
    text = page(results, seen="", attempts="")
    assert f"### {city['name']} (2 months" in text and "Stage in truth" in text
    assert "city " + city["name"] + ", early | median lag" in text


def test_the_last_months_are_those_up_to_the_latest_scene(finished_city: Path) -> None:
    config = load_config(finished_city / "config.yaml")
    assert cities.last_months(finished_city, config.sources[0], 2) == [Period.parse("2026-09"), Period.parse("2026-10")]


def test_stages_come_from_the_sites_where_there_is_no_table(tmp_path: Path) -> None:
    (tmp_path / "truth").mkdir()
    days = {
        "onset": ["2026-01-05", "2026-02-01"],
        "pit_from": ["2026-03-01", None],
        "roofed_from": [None, "2026-06-01"],
    }
    table = {"site_id": ["A", "B"], **{name: pd.to_datetime(values) for name, values in days.items()}}
    sites = gpd.GeoDataFrame(table, geometry=[box(0, 0, 1, 1), box(2, 0, 3, 1)], crs="EPSG:4547")
    sites.to_parquet(tmp_path / "truth" / "sites.parquet")
    stages = cities.stages_of(tmp_path, "EPSG:4547")
    assert stages is not None
    found = sorted(zip(stages["site_id"], stages["stage"], stages["from"].dt.strftime("%m"), strict=True))
    assert found == [("A", "earthworks", "01"), ("A", "pit", "03"), ("B", "earthworks", "02"), ("B", "roofed", "06")]


def test_all_parts_of_a_sites_first_alert_are_kept(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    sites = gpd.GeoDataFrame({"site_id": ["A"]}, geometry=[box(0, 0, 100, 100)], crs="EPSG:4547")
    months = {
        "2026-01": [box(300, 0, 310, 10)],  # elsewhere
        "2026-02": [box(0, 0, 40, 40), box(50, 0, 90, 40)],
        "2026-03": [box(0, 0, 100, 100)],  # the site is known by then
    }
    tables = {}
    for period, shapes in months.items():
        path = tmp_path / "runs" / period / "detect" / "s2" / "candidates.parquet"
        path.parent.mkdir(parents=True)
        path.touch()
        tables[path] = gpd.GeoDataFrame({"area_m2": [one.area for one in shapes]}, geometry=shapes, crs="EPSG:4547")
    monkeypatch.setattr(cities, "read_table", lambda path, schema: tables[path])
    source = cities.Source(name="s2")
    periods = [Period.parse(text) for text in months]
    found = cities.first_alerts(tmp_path, source, periods, sites)
    assert found["area_m2"].tolist() == [1600.0, 1600.0]
    assert cities.first_alerts(tmp_path, source, periods[:1], sites).empty


def test_cities_are_added_up_by_counts() -> None:
    line = {
        "level": "early",
        "method": "xuncha",
        "alerts": 4,
        "sites": 4,
        "found": 3,
        "right": 3,
        "false": 1,
        "lags": [0, 2, 1],
    }
    other = {**line, "alerts": 9, "sites": 6, "found": 1, "right": 1, "false": 5, "lags": [5]}
    places = [
        {"rows": [line, {**line, "method": "only here"}], "farmland_km2": 2.0, "months": 3},
        {"rows": [other], "farmland_km2": 1.0, "months": 6},
    ]
    (row,) = cities.together(places)
    assert (row["recall"], row["precision"], row["median lag"]) == (0.4, 0.4, 1.5)
    assert row["false/100km2/month"] == pytest.approx(6 / 12 * 100)
    assert row["recall interval"][0] < 0.4 < row["recall interval"][1]
    assert cities.with_intervals({**line, "sites": 0, "found": 0})["recall"] is None
