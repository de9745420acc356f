"""The demo's two months as a technician gets them, in a folder with Chinese and blanks in its name."""

from __future__ import annotations

import json
from pathlib import Path

import geopandas as gpd
import pyogrio
import pytest

from pipeline import STAGES, schema
from pipeline.store import read_table
from tests.city import PERIODS

RUNS = [period for period, _, _ in PERIODS]


def targets_of(city: Path, period: str) -> gpd.GeoDataFrame:
    return read_table(city / "runs" / period / "register" / "targets.parquet", schema.TARGETS)


def test_summary_speaks_to_people(finished_city: Path) -> None:
    summary = (finished_city.parent / "summary.txt").read_text(encoding="utf-8")
    for period in RUNS:
        assert period in summary
    for word in ("疑似", "已发现", "应巡未巡", "不可判", "卫星漏检", "month.html"):
        assert word in summary, word


@pytest.mark.parametrize("period", RUNS)
def test_every_promised_output_is_there(finished_city: Path, period: str) -> None:
    run = finished_city / "runs" / period
    for name in (
        *("acquire/s2/before.tif", "acquire/s2/after.tif", "acquire/s2/validity.tif"),
        *("acquire/s2/alignment.json", "acquire/s2/gain.json", "detect/s2/score.tif", "detect/s2/candidates.parquet"),
        *("screen/suspected.parquet", "screen/suppressed.parquet", "screen/layer_report.json"),
        *("register/targets.parquet", "patrol/tasks.parquet", "patrol/cells.parquet", "patrol/plan_check.parquet"),
        *("ledger/entries.parquet", "ledger/visits.parquet", "ledger/repairs.parquet", "ledger/rejected.parquet"),
        *("ledger/datum.json", "reconcile/matches.parquet", "reconcile/verdicts.parquet", "reconcile/coverage.parquet"),
        *("reconcile/missed.parquet", "reconcile/omissions.parquet", "reconcile/kpis.parquet"),
        *("supervise/cases.parquet", "supervise/alerts.parquet", "supervise/parcels.parquet"),
        *("report/month.html", "report/month.xlsx", "report/month.json", "targets.gpkg"),
    ):
        assert (run / name).is_file(), name


@pytest.mark.parametrize("period", RUNS)
def test_stage_table_names_every_table_and_so_does_the_guide(finished_city: Path, period: str) -> None:
    guide = (Path(__file__).parents[1] / "docs" / "city-folder.md").read_text(encoding="utf-8")
    for stage in STAGES:
        promised = {name for name in stage.writes if name.endswith(".parquet") and "/" not in name}
        written = {path.name for path in (finished_city / "runs" / period / stage.name).glob("*.parquet")}
        assert written == promised, stage.name
        assert all(f"`{name.removesuffix('.parquet')}`" in guide for name in promised), stage.name


@pytest.mark.parametrize("period", RUNS)
def test_gis_file_opens_with_its_layers(finished_city: Path, period: str) -> None:
    path = finished_city / "runs" / period / "targets.gpkg"
    layers = {name for name, _ in pyogrio.list_layers(path)}
    assert {"targets", "suppressed", "cells", "missed", "tracks"} <= layers
    assert len(gpd.read_file(path, layer="targets")) == len(targets_of(finished_city, period))


@pytest.mark.parametrize("period", RUNS)
def test_no_candidate_and_no_cell_is_lost(finished_city: Path, period: str) -> None:
    run = finished_city / "runs" / period
    candidates = read_table(run / "detect" / "s2" / "candidates.parquet", schema.CANDIDATES)
    suspected = read_table(run / "screen" / "suspected.parquet", schema.SUSPECTED)
    suppressed = read_table(run / "screen" / "suppressed.parquet", schema.SUPPRESSED)
    assert sorted([*suspected["candidate_id"], *suppressed["candidate_id"]]) == sorted(candidates["candidate_id"])
    cells = gpd.read_file(finished_city / "units" / "cells.gpkg")
    for stage, table, file in (
        ("patrol", schema.CELL_STATES, "cells.parquet"),
        ("reconcile", schema.COVERAGE, "coverage.parquet"),
    ):
        assert set(read_table(run / stage / file, table)["cell_id"]) == set(cells["网格编号"])


@pytest.mark.parametrize("period", RUNS)
def test_every_target_has_a_task_and_a_verdict(finished_city: Path, period: str) -> None:
    run = finished_city / "runs" / period
    targets = targets_of(finished_city, period)
    merged = set(targets.loc[targets["state"] == "merged", "target_id"])
    tasks = read_table(run / "patrol" / "tasks.parquet", schema.TASKS)
    verdicts = read_table(run / "reconcile" / "verdicts.parquet", schema.VERDICTS)
    assert set(tasks["target_id"]) == set(targets["target_id"]) - merged
    assert set(verdicts["target_id"]) == set(targets["target_id"]) - merged
    assert tasks.loc[~tasks["included"], "left_out_reason"].notna().all()
    assert verdicts["reason"].str.len().gt(5).all() and not verdicts["accountable"].any()


@pytest.mark.parametrize("period", RUNS)
def test_whoever_waits_for_a_person_is_on_the_form(finished_city: Path, period: str) -> None:
    folder = finished_city / "runs" / period / "reconcile"
    verdicts = read_table(folder / "verdicts.parquet", schema.VERDICTS)
    asked = read_table(folder / "questions.parquet", schema.QUESTIONS)
    pairs = list(zip(asked["target_id"], asked["entry_id"], strict=True))
    for target, reason in zip(verdicts["target_id"], verdicts["reason"], strict=True):
        assert "None" not in reason
        assert "待人工判定" not in reason or any(name == target and entry in reason for name, entry in pairs), target


def test_a_site_keeps_its_id_and_grows(finished_city: Path) -> None:
    first, second = (targets_of(finished_city, period).set_index("target_id") for period in RUNS)
    assert set(first.index) <= set(second.index)
    growing = second[(second["state"] == "growing") & second.index.isin(first.index)]
    assert len(growing) >= 1
    for target_id, row in growing.iterrows():
        assert row["area_m2"] > first.loc[target_id, "area_m2"]
        assert row.geometry.intersects(first.loc[target_id].geometry)
        assert row["first_seen"] == first.loc[target_id, "first_seen"], "growth does not move the first onset"


def test_packages_keep_to_their_unit(finished_city: Path) -> None:
    run = finished_city / "runs" / RUNS[1]
    units = read_units_names(finished_city)
    tasks = read_table(run / "patrol" / "tasks.parquet", schema.TASKS)
    packages = {path.name: path for path in (run / "report" / "packages").iterdir() if path.is_dir()}
    assert packages
    for name, folder in packages.items():
        own = set(tasks.loc[tasks["acting_unit_id"] == units[name], "target_id"])
        points = json.loads((folder / "targets.geojson").read_text(encoding="utf-8"))
        listed = {feature["properties"]["JCBH"] for feature in points["features"]}
        assert listed <= own


def read_units_names(city: Path) -> dict[str, str]:
    units = gpd.read_file(city / "units" / "units.gpkg")
    return dict(zip(units["单位名称"], units["单位编号"], strict=True))


def test_phones_leave_in_no_export(finished_city: Path) -> None:
    import zipfile

    import pandas as pd

    phones = pd.read_csv(finished_city / "units" / "people.csv", dtype=str, encoding="utf-8-sig")["电话"].dropna()
    assert len(phones) > 0
    for path in (finished_city / "runs" / RUNS[1] / "report").rglob("*"):
        if not path.is_file():
            continue
        contents = [path.read_bytes()]
        if path.suffix in (".xlsx", ".zip"):
            with zipfile.ZipFile(path) as archive:
                contents = [archive.read(name) for name in archive.namelist()]
        for content in contents:
            assert not any(phone.encode() in content for phone in phones), path.name


def test_the_idle_clocks_of_supplied_land_run_out_in_the_month_of_their_day(finished_city: Path) -> None:
    """Parcel 3: agreed 2024-11-20, never begun; parcel 4: agreed 2025-10-31, 31 days put off by the government."""
    told = {
        period: set(
            read_table(
                finished_city / "runs" / period / "supervise" / "supply_breaches.parquet", schema.SUPPLY_BREACHES
            )[["supply_id", "breach"]].itertuples(index=False, name=None)
        )
        for period in RUNS
    }
    three, four = "4199812024B00003", "4199812025B00004"
    # by 9 November and by 10 December: 2026-11-20 and 2026-12-01 lie between
    assert told == {
        "2026-09": {(three, "idle_year")},
        "2026-10": {(three, "idle_year"), (three, "idle_two_years"), (four, "idle_year")},
    }
