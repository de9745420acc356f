"""The report stage on a hand-drawn month whose earlier stages' tables are written as they would be."""

from __future__ import annotations

import io
import json
import zipfile
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from openpyxl import load_workbook

from pipeline import schema
from pipeline.config import City, Config
from pipeline.errors import InputError, StageError
from pipeline.execute import Execution
from pipeline.report.tables import MonthTables
from pipeline.rulebook import land_class_names
from pipeline.sinks.geopackage import write_geopackage
from pipeline.stages import report
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.store import digest_bytes, digest_tree, write_json, write_table
from pipeline.values import Period
from tests.report.fabricate import PHONE, empty_month, small_month

DAY = date(2026, 10, 31)


def prepared(home: Path, month: MonthTables) -> StageContext:
    """A city folder with units, and a run folder with every earlier stage's tables."""
    city = home / "巡查 测试"
    (city / "units").mkdir(parents=True)
    for name, table in (("units", schema.UNITS), ("cells", schema.CELLS)):
        frame = month.units if name == "units" else month.cell_states
        plain = schema.conform(table, frame).rename(columns=table.labels())
        write_geopackage(city / "units" / f"{name}.gpkg", {name: plain}, day=DAY)
    empty = {name: schema.empty(getattr(schema, name.upper())) for name in ("responsibility", "delegations", "plan")}
    for name, frame in (empty | {"people": month.people}).items():
        labels = getattr(schema, name.upper()).labels()
        frame.rename(columns=labels).to_csv(city / "units" / f"{name}.csv", index=False, encoding="utf-8-sig")
    run = city / "runs" / "2026-10"
    for stage, table, file in report._TABLES:
        (run / stage).mkdir(parents=True, exist_ok=True)
        write_table(run / stage / (file or f"{table.name}.parquet"), table, getattr(month, table.name))
    (run / "detect" / "s2").mkdir(parents=True)
    write_json(run / "screen" / "layer_report.json", {"format_version": 1, **month.layer_report})
    write_table(run / "detect" / "s2" / "candidates.parquet", schema.CANDIDATES, month.candidates)
    config = Config(city=City(name="示例市", county_code="420000"))
    return StageContext(config, city, Period(2026, 10), date(2026, 11, 30), run, None, None, Execution())


def written(home: Path, month: MonthTables) -> tuple[StageContext, Path, StageOutcome]:
    context = prepared(home, month)
    out = context.run / ".partial-report"
    out.mkdir()
    return context, out, report.run(context, out)


@pytest.fixture(scope="module")
def done(tmp_path_factory: pytest.TempPathFactory) -> tuple[StageContext, Path, StageOutcome]:
    return written(tmp_path_factory.mktemp("city"), small_month())


def test_every_deliverable_is_there(done: tuple[StageContext, Path, StageOutcome]) -> None:
    _, out, outcome = done
    files = set(digest_tree(out))
    package = {"巡查任务清单.xlsx", "targets.geojson", "targets.kml", "targets.gpx", "manifest.json"}
    units = ("柳林镇", "建设办", "市局执法队伍", "未落实责任单位")
    assert files == {
        "month.html", "month.xlsx", "待人工判定.xlsx", "month.json", "targets.gpkg",
        *(f"packages/{unit}/{name}" for unit in units for name in package), *(f"packages/{unit}.zip" for unit in units),
        "packages/柳林镇/台账补正表.xlsx",
    }  # fmt: skip
    assert outcome.publish == {"targets.gpkg": "targets.gpkg"}
    assert outcome.counts["packages"] == 4 and outcome.counts["targets"] == 4


def test_manifest_and_zip_agree_with_the_files(done: tuple[StageContext, Path, StageOutcome]) -> None:
    home = done[1] / "packages"
    manifest = json.loads((home / "柳林镇" / "manifest.json").read_text(encoding="utf-8"))
    assert (manifest["unit_id"], manifest["period"], manifest["counts"]["tasks"]) == ("U1", "2026-10", 2)
    with zipfile.ZipFile(home / "柳林镇.zip") as archive:
        inside = {name: archive.read(name) for name in archive.namelist()}
    assert set(inside) == {f"柳林镇/{path.name}" for path in (home / "柳林镇").iterdir()}
    for name, entry in manifest["files"].items():
        content = (home / "柳林镇" / name).read_bytes()
        assert digest_bytes(content) == entry["sha256"] and len(content) == entry["bytes"]
        assert inside[f"柳林镇/{name}"] == content


def test_nothing_of_another_unit_is_inside_a_package(done: tuple[StageContext, Path, StageOutcome]) -> None:
    for unit, foreign in (("柳林镇", ("XC26100004", "李四")), ("市局执法队伍", ("XC26100001", "张三"))):
        for path in (done[1] / "packages" / unit).iterdir():
            text = path.read_bytes().decode("utf-8", "replace")
            if path.suffix == ".xlsx":
                book = load_workbook(io.BytesIO(path.read_bytes()))
                text = " ".join(str(cell.value) for page in book for row in page.iter_rows() for cell in row)
            assert all(word not in text for word in (*foreign, PHONE))


def test_telephones_are_in_no_deliverable(done: tuple[StageContext, Path, StageOutcome]) -> None:
    for path in done[1].rglob("*"):
        if path.is_file() and path.suffix == ".xlsx":
            book = load_workbook(io.BytesIO(path.read_bytes()))
            assert all(PHONE not in str(cell.value) for page in book for row in page.iter_rows() for cell in row)
        elif path.is_file() and path.suffix != ".zip":
            assert PHONE.encode() not in path.read_bytes()


def test_gis_file_opens_with_its_layers(done: tuple[StageContext, Path, StageOutcome]) -> None:
    path = done[1] / "targets.gpkg"
    assert [str(name) for name in pyogrio.list_layers(path)[:, 0]] == [
        "targets", "suppressed", "waiting", "cells", "missed", "tracks", "candidates"]  # fmt: skip
    targets = gpd.read_file(path, layer="targets").set_index("target_id")
    assert targets.crs == "EPSG:4547" and len(targets) == 5
    assert targets.loc["420000XC26100002", "verdict"] == "patrolled_not_reported"
    assert pd.isna(targets.loc["420000XC26100005", "verdict"])
    assert not {"person_id", "people"} & {c for layer in ("cells", "tracks") for c in gpd.read_file(path, layer=layer)}


def test_summary_can_be_read_back(done: tuple[StageContext, Path, StageOutcome], tmp_path: Path) -> None:
    context, out, _ = done
    (context.run / "report").mkdir(exist_ok=True)
    (context.run / "report" / "month.json").write_bytes((out / "month.json").read_bytes())
    summary = report.read_summary(context.run)
    assert summary is not None and summary["targets"] == 4 and summary["satellite_missed"] == 1
    assert report.read_summary(tmp_path) is None


def test_same_month_elsewhere_gives_the_same_bytes(
    done: tuple[StageContext, Path, StageOutcome], tmp_path: Path
) -> None:
    assert digest_tree(written(tmp_path, small_month())[1]) == digest_tree(done[1])


def test_a_month_without_a_clear_view_is_reported_too(tmp_path: Path) -> None:
    _, out, outcome = written(tmp_path, empty_month())
    assert outcome.counts["targets"] == 0 and outcome.counts["packages"] == 4
    assert "没有看得清的影像" in (out / "month.html").read_text(encoding="utf-8")
    assert len(gpd.read_file(out / "targets.gpkg", layer="targets")) == 0


def test_a_missing_table_is_a_numbered_error(tmp_path: Path) -> None:
    context = prepared(tmp_path, small_month())
    (context.run / "reconcile" / "verdicts.parquet").unlink()
    (tmp_path / "out").mkdir()
    with pytest.raises(StageError, match="E601.*verdicts"):
        report.run(context, tmp_path / "out")


def test_a_dispatched_task_and_its_case_name_one_deadline(tmp_path: Path) -> None:
    month = small_month()
    ids = month.tasks["target_id"]
    case = {"target_id": ids[0], "state": "dispatched", "outcome": "unchecked", "next_step": "核查", "overdue": False,
            "basis": "派发记录", "due_on": pd.Timestamp("2026-11-19")}  # fmt: skip
    cases = schema.conform(schema.CASES, pd.DataFrame([case], columns=schema.CASES.names))
    context = prepared(tmp_path, small_month(cases=cases))
    due = report.load_month(context).tasks.set_index("target_id")["due_on"]
    assert due[ids[0]] == pd.Timestamp("2026-11-19") and due[ids[1]] == pd.Timestamp("2026-11-15")


def test_inputs_are_the_unit_files(done: tuple[StageContext, Path, StageOutcome]) -> None:
    assert {path.name for path in report.inputs(done[0])} == {
        "units.gpkg", "cells.gpkg", "people.csv", "responsibility.csv", "delegations.csv", "plan.csv"}  # fmt: skip


def test_land_class_names_are_dated_and_a_damaged_file_is_a_numbered_error(tmp_path: Path) -> None:
    assert land_class_names(DAY)["0103"] == "旱地" and land_class_names(date(2010, 1, 1)) == {}
    (tmp_path / "land_class_names.yaml").write_text("format_version: 1\neditions: [{names: {}}]\n", encoding="utf-8")
    with pytest.raises(InputError, match="E306.*land_class_names"):
        land_class_names(DAY, tmp_path)
