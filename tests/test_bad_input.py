"""Each thing a city folder can have wrong: a numbered error or a recorded reason, and nothing half-written."""

from __future__ import annotations

import json
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pyogrio
import pytest
import rasterio
from shapely.geometry import Polygon

from pipeline import STAGES, schema
from pipeline.store import digest_tree, read_json, read_table
from tests.city import PERIODS, command, copy_city, xuncha

PERIOD, DISPATCHED_ON, AS_OF = PERIODS[0]


@pytest.fixture
def city(written_city: Path, tmp_path: Path) -> Path:
    """A fresh copy of the written, not yet run, small city."""
    return copy_city(written_city, tmp_path / "坏 输入" / "市")


@pytest.fixture
def detected(finished_city: Path, tmp_path: Path) -> Path:
    """A copy of the city with its first month done."""
    return copy_city(finished_city, tmp_path / "已 运行" / "市")


def scenes(city: Path) -> list[Path]:
    return sorted(path for path in (city / "scenes" / "s2").glob("*.tif") if not path.stem.endswith("_SCL"))


def assert_refused(city: Path, code: str, *words: str) -> None:
    """`run` and `check` both refuse with the number, exit code 2 and nothing written."""
    for name in ("check", "run"):
        result = xuncha(name, str(city), "--period", PERIOD)
        assert result.returncode == 2, result.stderr
        assert code in result.stderr
        for word in words:
            assert word in result.stderr
    assert not list((city / "runs").rglob("stage.json"))


def test_a_period_without_a_scene_is_said_before_the_run(city: Path) -> None:
    result = xuncha("check", str(city), "--period", "2031-01")
    assert result.returncode == 0 and "scenes/s2: no scene of 2031-01" in result.stderr
    assert "no scene of" not in xuncha("check", str(city), "--period", PERIOD).stderr


def test_truncated_scene(city: Path) -> None:
    scene = scenes(city)[-3]
    scene.write_bytes(scene.read_bytes()[: scene.stat().st_size // 2])
    assert_refused(city, "E201", scene.name)


def test_scene_without_a_band(city: Path) -> None:
    scene = scenes(city)[-3]
    with rasterio.open(scene) as source:
        profile, data, tags = source.profile, source.read([1, 2, 3]), source.tags()
        names = source.descriptions[:3]
    with rasterio.open(scene, "w", **(profile | {"count": 3})) as target:
        target.write(data)
        target.update_tags(**tags)
        target.descriptions = names
    assert_refused(city, "E202", scene.name, "nir")


def test_scene_without_a_date(city: Path) -> None:
    scene = scenes(city)[-3]
    with rasterio.open(scene) as source:
        profile, data, names = source.profile, source.read(), source.descriptions
    scene.unlink()
    with rasterio.open(scene.with_name("undated.tif"), "w", **profile) as target:
        target.write(data)
        target.descriptions = names
    assert_refused(city, "E204", "undated.tif")


def test_images_that_do_not_overlap(city: Path, tmp_path: Path) -> None:
    before, after = scenes(city)[0], tmp_path / "elsewhere.tif"
    with rasterio.open(scenes(city)[-1]) as source:
        profile, data = source.profile, source.read()
    profile["transform"] = rasterio.Affine.translation(500_000, 0) @ profile["transform"]
    with rasterio.open(after, "w", **profile) as target:
        target.write(data)
    out = tmp_path / "结果"
    result = xuncha("compare", str(before), str(after), "--out", str(out))
    assert result.returncode == 2 and "E203" in result.stderr
    assert not out.exists()


def test_layer_without_crs_whose_coordinates_fit_the_city_nowhere(city: Path) -> None:
    layer = city / "layers" / "DLTB.gpkg"
    frame = gpd.read_file(layer)
    layer.unlink()
    frame = frame.set_geometry(frame.translate(2_000_000.0, 0.0))
    with pytest.warns(UserWarning, match="crs"):
        pyogrio.write_dataframe(frame.set_crs(None, allow_override=True), layer, layer="DLTB")
    assert_refused(city, "E302", "DLTB")


def test_database_table_that_was_never_fetched_and_a_list_with_a_password(city: Path) -> None:
    listed = city / "layers" / "postgis.yaml"
    listed.write_text("connection: {service: zrzy}\ntables: [{table: public.lsyd}]\n", encoding="utf-8")
    result = xuncha("check", str(city), "--period", PERIOD)
    assert result.returncode == 0 and "lsyd is listed in postgis.yaml but was never fetched" in result.stderr
    listed.write_text("connection: {password: geheim}\ntables: [{table: public.lsyd}]\n", encoding="utf-8")
    assert_refused(city, "E314", "PGPASSWORD")


def test_self_intersecting_parcel_is_repaired_and_logged(city: Path) -> None:
    layer = city / "layers" / "DLTB.gpkg"
    frame = gpd.read_file(layer)
    x, y, right, top = frame.geometry.iloc[3].bounds
    frame.loc[frame.index[3], "geometry"] = Polygon([(x, y), (right, top), (right, y), (x, top)])
    layer.unlink()
    frame.to_file(layer, layer="DLTB")
    result = xuncha("detect", str(city), "--period", PERIOD)
    assert result.returncode == 0, result.stderr
    report = json.dumps(read_json(city / "runs" / PERIOD / "screen" / "layer_report.json"), ensure_ascii=False)
    assert "repaired" in report


def test_empty_layer_is_a_recorded_reason(detected: Path) -> None:
    layer = detected / "layers" / "CZKFBJ.gpkg"
    frame = gpd.read_file(layer)
    layer.unlink()
    frame.iloc[:0].to_file(layer, layer="CZKFBJ")
    result = xuncha("run", str(detected), "--period", PERIODS[1][0], "--as-of", PERIODS[1][2])
    assert result.returncode == 0, result.stderr
    runs = sorted((detected / "runs").glob(f"{PERIODS[1][0]}*"))
    assert "CZKFBJ" in (runs[-1] / "screen" / "layer_report.json").read_text(encoding="utf-8")


def test_ledger_without_a_date_column_keeps_the_other_units(detected: Path) -> None:
    ledgers = detected / "ledgers"
    unit = sorted(path for path in ledgers.iterdir() if list(path.glob("*.xlsx")))[0]
    book = openpyxl.Workbook()
    book.active.append(["巡查人员", "违法地点", "违法现状"])
    book.active.append(["张三", "王庄村东", "在建房屋"])
    book.save(unit / "没有日期.xlsx")
    before = read_table(detected / "runs" / PERIOD / "ledger" / "entries.parquet", schema.ENTRIES)
    result = xuncha("reconcile", str(detected), "--period", PERIOD, "--as-of", AS_OF)
    assert result.returncode == 0, result.stderr
    rejected = read_table(detected / "runs" / PERIOD / "ledger" / "rejected.parquet", schema.REJECTED)
    rows = rejected[rejected["file"].str.contains("没有日期")]
    assert set(rows["code"]) == {"E502"}
    after = read_table(detected / "runs" / PERIOD / "ledger" / "entries.parquet", schema.ENTRIES)
    assert set(before["entry_id"]) == set(after["entry_id"])


def test_folder_of_an_unknown_unit_is_listed_not_used(detected: Path) -> None:
    unit = sorted(path for path in (detected / "ledgers").iterdir() if list(path.glob("*.xlsx")))[0]
    shutil.copytree(unit, detected / "ledgers" / "不存在的镇")
    result = xuncha("reconcile", str(detected), "--period", PERIOD, "--as-of", AS_OF)
    assert result.returncode == 0, result.stderr
    assert "E503" in result.stderr and "不存在的镇" in result.stderr
    rejected = read_table(detected / "runs" / PERIOD / "ledger" / "rejected.parquet", schema.REJECTED)
    assert "E503" in set(rejected["code"])


def test_unknown_unit_in_responsibility(city: Path) -> None:
    table = city / "units" / "responsibility.csv"
    frame = pd.read_csv(table, dtype=str, encoding="utf-8-sig")
    frame.loc[2, "单位编号"] = "没有这个单位"
    frame.to_csv(table, index=False, encoding="utf-8-sig")
    assert_refused(city, "E402", "responsibility.csv", "没有这个单位")


def test_month_without_a_clear_scene_is_a_result(detected: Path) -> None:
    second, _, as_of = PERIODS[1]
    for path in scenes(detected):
        with rasterio.open(path, "r+") as source:
            if source.tags()["ACQUISITION_DATE"].startswith(second):
                cloud = np.random.default_rng(5).integers(6500, 7500, source.read().shape)
                source.write(cloud.astype(source.dtypes[0]))
                mask = path.with_name(path.stem + "_SCL.tif")
                with rasterio.open(mask, "r+") as classes:
                    classes.write(np.full(classes.shape, 9, classes.dtypes[0]), 1)
    before = read_table(detected / "runs" / PERIOD / "register" / "targets.parquet", schema.TARGETS)
    shutil.rmtree(detected / "runs" / second)
    dispatches = pd.read_csv(detected / "records" / "dispatches.csv", dtype=str, encoding="utf-8-sig")
    kept = dispatches[dispatches["期次"] == PERIOD]
    kept.to_csv(detected / "records" / "dispatches.csv", index=False, encoding="utf-8-sig")
    result = xuncha("run", str(detected), "--period", second, "--as-of", as_of)
    assert result.returncode == 0, result.stderr
    run = detected / "runs" / second
    cells = read_table(run / "patrol" / "cells.parquet", schema.CELL_STATES)
    assert set(cells["state"]) <= {"not_observed", "targets"}
    assert (cells["observable_share"] == 0).all()
    targets = read_table(run / "register" / "targets.parquet", schema.TARGETS)
    assert set(targets["target_id"]) == set(before["target_id"])
    assert set(targets["state"]) <= {"carried", "merged"}


@pytest.mark.skipif(sys.platform == "win32", reason="file-size limits exist on POSIX only")
def test_full_disk(city: Path) -> None:
    import resource

    limit_bytes = 400_000
    result = subprocess.run(
        command("run", str(city), "--period", PERIOD),
        capture_output=True,
        text=True,
        encoding="utf-8",
        preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_FSIZE, (limit_bytes, limit_bytes)),
    )
    assert result.returncode == 1, result.stderr
    assert "E701" in result.stderr
    assert not list((city / "runs").glob("*/.partial-*"))
    assert not (city / "runs" / PERIOD / "acquire").exists()
    assert xuncha("detect", str(city), "--period", PERIOD).returncode == 0


def test_folder_that_cannot_be_written(city: Path) -> None:
    (city / "runs").write_text("a file where the folder should be", encoding="utf-8")
    result = xuncha("run", str(city), "--period", PERIOD)
    assert result.returncode == 2 and "E702" in result.stderr
    assert (city / "runs").is_file()


@pytest.mark.skipif(sys.platform == "win32", reason="interrupt signals are sent differently on Windows")
def test_interrupt_leaves_nothing_half_written(city: Path) -> None:
    process = subprocess.Popen(
        command("run", str(city), "--period", PERIOD), stderr=subprocess.PIPE, text=True, encoding="utf-8"
    )
    partial = city / "runs" / PERIOD / ".partial-acquire"
    while not partial.exists() and process.poll() is None:
        time.sleep(0.01)
    process.send_signal(signal.SIGINT)
    _, errors = process.communicate(timeout=120)
    assert process.returncode == 1, errors
    assert "E604" in errors and "Traceback" not in errors
    assert not partial.exists() and not (city / "runs" / PERIOD / "acquire").exists()


def test_second_run_at_the_same_time_is_refused(city: Path) -> None:
    from filelock import FileLock

    with FileLock(city / ".xuncha.lock"):
        result = xuncha("run", str(city), "--period", PERIOD)
    assert result.returncode == 2 and "E602" in result.stderr


def test_lost_run_of_a_dispatched_period_is_not_redone_silently(detected: Path) -> None:
    shutil.rmtree(detected / "runs" / PERIODS[1][0])
    result = xuncha("run", str(detected), "--period", PERIODS[1][0])
    assert result.returncode == 2 and "E601" in result.stderr and "issued ids" in result.stderr


def test_verify_names_a_changed_file(detected: Path) -> None:
    run = detected / "runs" / PERIOD
    assert xuncha("verify", str(run)).returncode == 0
    target = run / "patrol" / "tasks.parquet"
    target.write_bytes(target.read_bytes() + b"x")
    result = xuncha("verify", str(run))
    assert result.returncode == 1 and "patrol/tasks.parquet" in result.stderr


def test_verify_names_a_changed_journal_line(detected: Path) -> None:
    journal = detected / "journal.jsonl"
    lines = journal.read_text(encoding="utf-8").splitlines()
    lines[1] = lines[1].replace('"event": "done"', '"event": "gone"')
    journal.write_text("\n".join(lines) + "\n", encoding="utf-8")
    result = xuncha("verify", str(detected / "runs" / PERIOD))
    assert result.returncode == 1 and "line 2 was changed" in result.stderr


def test_dry_run_writes_nothing(detected: Path) -> None:
    before = digest_tree(detected)
    result = xuncha("run", str(detected), "--period", PERIODS[1][0], "--as-of", "2026-12-15", "--dry-run", "--json")
    assert result.returncode == 0, result.stderr
    stages = {row["stage"]: row["state"] for row in json.loads(result.stdout)["stages"]}
    assert set(stages) == {entry.name for entry in STAGES}
    assert stages["acquire"] == "skipped" and stages["reconcile"] == "would_run"
    assert digest_tree(detected) == before
