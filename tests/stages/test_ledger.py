import io
import json
import shutil
from datetime import date, datetime, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import openpyxl
import pandas as pd
import pytest
import shapely

from pipeline.config import City, Config
from pipeline.execute import Execution
from pipeline.schema import ENTRIES, LEDGER_FILES, REJECTED, REPAIRS, SUPERSEDED, VISITS
from pipeline.stages import ledger
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.store import digest_tree, read_table
from pipeline.values import Period
from tests.ledger.ground import BOUNDS, CRS, X0, Y0, cells, degrees, houses, villages
from tests.ledger.rules import TEN

UNITS = ("王庄镇", "李庄乡")
CSV = {
    "people.csv": ["人员编号,姓名,单位编号,职务,电话", "P1,张三,U1,,", "P2,李四,U2,,"],
    "responsibility.csv": ["网格编号,单位编号,人员编号,起始日期,终止日期", "00,U1,P1,2026-01-01,"],
    "delegations.csv": ["单位编号,受托单位编号,起始日期,终止日期,依据"],
    "plan.csv": ["计划编号,单位编号,网格编号,人员编号,计划起始日期,计划截止日期,应巡次数"],
}


def write_layers(folder: Path) -> None:
    folder.mkdir(parents=True)
    places = villages().rename(columns={"place_id": "ZLDWDM", "name": "ZLDWMC"})[["ZLDWDM", "ZLDWMC", "geometry"]]
    places.to_file(folder / "CJDCQ.gpkg", layer="CJDCQ")
    land = gpd.GeoDataFrame(
        {"BSM": ["1", "2", "3", "4"], "DLBM": ["0702", "0702", "0702", "0103"], "DLMC": ["农村宅基地"] * 3 + ["旱地"]},
        geometry=[houses(0), houses(1), houses(2), shapely.box(X0, Y0, X0 + 100, Y0 + 100)],
        crs=CRS,
    )
    land.to_file(folder / "DLTB.gpkg", layer="DLTB")


def write_units(folder: Path) -> None:
    folder.mkdir(parents=True)
    west, east = shapely.box(*BOUNDS[:2], X0 + 3000, BOUNDS[3]), shapely.box(X0 + 3000, Y0, *BOUNDS[2:])
    units = gpd.GeoDataFrame(
        {
            "单位编号": ["U1", "U2"],
            "单位名称": UNITS,
            "单位类型": ["乡镇", "乡镇"],
            "重叠优先级": [1, 1],
            "每月核查上限": [9, 9],
        },
        geometry=[west, east],
        crs=CRS,
    )
    units.to_file(folder / "units.gpkg", layer="units")
    cells().rename(columns={"cell_id": "网格编号"}).to_file(folder / "cells.gpkg", layer="cells")
    for name, lines in CSV.items():
        (folder / name).write_text("\n".join(lines) + "\n", encoding="utf-8-sig")


def workbook(*rows: tuple[object, ...]) -> bytes:
    book = openpyxl.Workbook()
    for row in rows:
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    return stream.getvalue()


def gpx(day: date, points: list[tuple[float, float]]) -> str:
    start = datetime(day.year, day.month, day.day, 1, 0)
    body = ""
    for n, (x, y) in enumerate(points):
        lon, lat = degrees(x, y)
        time = start + timedelta(seconds=60 * n)
        body += f'<trkpt lat="{lat:.8f}" lon="{lon:.8f}"><time>{time:%Y-%m-%dT%H:%M:%SZ}</time></trkpt>'
    return f'<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1"><trk><trkseg>{body}</trkseg></trk></gpx>'


def finding(day: str, x: float, y: float, datum: str) -> tuple[object, ...]:
    lon, lat = degrees(x, y, datum)
    return (day, "张三", "王庄村", "违法占地", f"某{x:.0f}", "路边", "推填土", "", "", "", round(lon, 6), round(lat, 6))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Two townships: one with GCJ-02 phones, tracks and a torn workbook, one with text places, no date column, no track."""
    root = tmp_path_factory.mktemp("巡查 测试") / "城"
    write_layers(root / "layers")
    write_units(root / "units")
    first, second, stranger = (root / "ledgers" / name for name in (*UNITS, "王庄镇政府"))
    tracks = root / "tracks" / UNITS[0]
    for folder in (first, second, stranger, tracks):
        folder.mkdir(parents=True)
    rng = np.random.default_rng(3)
    rows = []
    for n in range(10):
        day = date(2026, 9, 1) + timedelta(days=2 * n)
        bend = [(X0 + 200, Y0 + 1000), (X0 + 1500, Y0 + 1000), (X0 + 1500, Y0 + 300), (X0 + 2800, Y0 + 300)]
        line = shapely.segmentize(shapely.LineString([(x, y + 37.0 * n) for x, y in bend]), 100.0)
        (tracks / f"{day:%Y%m%d}_张三.gpx").write_text(gpx(day, list(line.coords)), encoding="utf-8")
        spot = line.interpolate(float(rng.uniform(500, 2500)))
        rows.append(finding(f"{day:%Y%m%d}", spot.x + 30, spot.y + 30, "GCJ-02"))
    heading = (*TEN, "经度", "纬度")
    (first / "九月.xlsx").write_bytes(workbook(("王庄镇2026年9月台账",), heading, *rows[:6]))
    (first / "九月下.xlsx").write_bytes(
        workbook(heading, *rows[5:], ("2026-11-20", "张三", "全镇", "", "", "", "未发现"))
    )
    (first / "坏.xlsx").write_bytes(b"torn")
    (tracks / "无时间.gpx").write_text(gpx(date(2026, 9, 3), [(X0, Y0)]).replace("time>", "cmt>"), encoding="utf-8")
    (second / "台账.xlsx").write_bytes(
        workbook(
            TEN,
            ("9月7日", "李四", "百赛村", "违法占地", "钱七", "百赛村西300米", "建房"),
            ("9月9日", "李四", "百赛村", "", "无", "", "未发现"),
        )
    )
    (second / "没有日期.xlsx").write_bytes(workbook(TEN[1:], ("李四", "百赛村", "违法占地", "钱七", "百赛村", "建房")))
    (stranger / "a.xlsx").write_bytes(workbook(TEN))
    return root


def run(city: Path, out: Path, as_of: date = date(2026, 10, 31)) -> StageOutcome:
    config = Config(city=City(crs=CRS, pixel_m=10.0))
    context = StageContext(config, city, Period(2026, 9), as_of, city / "runs" / "2026-09", None, None, Execution())
    out.mkdir(parents=True)
    return ledger.run(context, out)


@pytest.fixture(scope="module")
def done(city: Path, tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, StageOutcome]:
    out = tmp_path_factory.mktemp("out") / "ledger"
    return out, run(city, out)


def test_entries_of_both_units(done: tuple[Path, StageOutcome]) -> None:
    entries = read_table(done[0] / "entries.parquet", ENTRIES)
    assert entries["unit_id"].value_counts().to_dict() == {"U1": 10, "U2": 2}
    mine = entries[entries["unit_id"] == "U1"]
    assert set(mine["datum"]) == {"GCJ-02"}
    assert (mine["uncertainty_m"] <= 30.0).all()
    theirs = entries[entries["unit_id"] == "U2"].set_index("finding")
    assert theirs.loc[True, "position_source"] == "place"
    middle = shapely.Point(X0 + 5000 - 300, Y0 + 1000)
    assert theirs.loc[True, "geometry"].distance(middle) < 100.0


def test_datum_report(done: tuple[Path, StageOutcome]) -> None:
    report = json.loads((done[0] / "datum.json").read_text(encoding="utf-8"))["units"]
    assert (report["U1"]["datum"], report["U1"]["usable_entries"]) == ("GCJ-02", 10)
    assert report["U2"]["datum"] is None and report["U2"]["reason"]


def test_visits_by_track_and_by_ledger_alone(done: tuple[Path, StageOutcome]) -> None:
    visits = read_table(done[0] / "visits.parquet", VISITS)
    assert visits.groupby(["unit_id", "evidence"]).size().to_dict() == {("U1", "track+ledger"): 10, ("U2", "ledger"): 2}
    assert (visits[visits["unit_id"] == "U1"]["people"] == "张三").all()
    assert visits[visits["unit_id"] == "U2"]["cell_ids"].tolist() == ["30;31;40;41;50;51"] * 2


def test_bad_files_are_recorded_and_stop_nothing(done: tuple[Path, StageOutcome]) -> None:
    rejected = read_table(done[0] / "rejected.parquet", REJECTED)
    whole = rejected[rejected["row"].isna()]
    assert sorted(zip(whole["code"], whole["file"].str.split("/").str[-1], strict=True)) == [
        ("E501", "坏.xlsx"),
        ("E502", "没有日期.xlsx"),
        ("E503", "a.xlsx"),
        ("E504", "无时间.gpx"),
    ]
    assert "时间" in whole.set_index("code").loc["E504", "reason"]
    assert (rejected["code"] == "E506").sum() == 1
    notes = "\n".join(done[1].notes)
    assert "E501 ledgers/王庄镇/坏.xlsx" in notes and "E504 tracks/王庄镇/无时间.gpx" in notes
    repairs = read_table(done[0] / "repairs.parquet", REPAIRS)
    assert "整行重复" in set(repairs["rule"])


def test_what_came_after_as_of_waits_and_is_counted(
    done: tuple[Path, StageOutcome], city: Path, tmp_path: Path
) -> None:
    assert done[1].counts["entries_left_for_later"] == 1
    assert any("留待" in note for note in done[1].notes)
    later = run(city, tmp_path / "later", as_of=date(2026, 11, 30))
    assert later.counts["entries"] == done[1].counts["entries"] + 1
    assert later.counts["entries_left_for_later"] == 0


def test_same_bytes_again(done: tuple[Path, StageOutcome], city: Path, tmp_path: Path) -> None:
    run(city, tmp_path / "again")
    assert digest_tree(tmp_path / "again") == digest_tree(done[0])


def test_without_village_layer_positions_are_open_and_a_note_says_so(city: Path, tmp_path: Path) -> None:
    other = tmp_path / "城"
    shutil.copytree(city, other)
    (other / "layers" / "CJDCQ.gpkg").unlink()
    outcome = run(other, tmp_path / "out")
    assert any("村级调查区" in note for note in outcome.notes)
    entries = read_table(tmp_path / "out" / "entries.parquet", ENTRIES)
    assert set(entries[entries["unit_id"] == "U2"]["position_source"]) == {"none"}
    assert set(entries[entries["unit_id"] == "U1"]["datum"]) == {"GCJ-02"}


def test_a_unit_without_deliveries_and_an_empty_city(city: Path, tmp_path: Path) -> None:
    other = tmp_path / "城"
    shutil.copytree(city, other)
    for part in ("ledgers", "tracks"):
        shutil.rmtree(other / part)
    outcome = run(other, tmp_path / "out")
    assert outcome.counts["entries"] == outcome.counts["visits"] == outcome.counts["rejected"] == 0
    assert any("王庄镇" in note and "李庄乡" in note for note in outcome.notes)
    for name, table in (("entries", ENTRIES), ("visits", VISITS), ("repairs", REPAIRS), ("rejected", REJECTED)):
        assert read_table(tmp_path / "out" / f"{name}.parquet", table).empty


def test_inputs_name_every_delivery(city: Path) -> None:
    config = Config(city=City(crs=CRS, pixel_m=10.0))
    context = StageContext(config, city, Period(2026, 9), date(2026, 10, 31), city, None, None, Execution())
    names = {path.relative_to(city).as_posix() for path in ledger.inputs(context)}
    assert {"ledgers/王庄镇/九月.xlsx", "layers/CJDCQ.gpkg", "units/people.csv", "ledgers/王庄镇政府/a.xlsx"} <= names
    assert pd.Series(sorted(names)).is_unique


def test_every_file_is_listed_with_what_it_gave(done: tuple[Path, StageOutcome]) -> None:
    files = read_table(done[0] / "files.parquet", LEDGER_FILES)
    told = {name.rsplit("/", 1)[-1]: line for name, line in zip(files["file"], files.to_dict("records"), strict=True)}
    assert sorted(told) == sorted(["九月.xlsx", "九月下.xlsx", "坏.xlsx", "台账.xlsx", "没有日期.xlsx", "a.xlsx"])
    assert {name: line["code"] for name, line in told.items() if isinstance(line["code"], str)} == {
        "坏.xlsx": "E501", "没有日期.xlsx": "E502", "a.xlsx": "E503",
    }  # fmt: skip
    assert (told["九月.xlsx"]["entries"], told["九月.xlsx"]["stated_month"]) == (6, "2026-09")
    assert told["九月下.xlsx"]["entries"] == 5 and told["没有日期.xlsx"]["completeness"] == 0.0
    assert (done[1].counts["files"], done[1].counts["files_read"], done[1].counts["superseded"]) == (6, 4, 0)
    assert read_table(done[0] / "superseded.parquet", SUPERSEDED).empty


def test_a_file_under_two_units_gives_entries_to_the_one_its_title_names(city: Path, tmp_path: Path) -> None:
    other = tmp_path / "城"
    shutil.copytree(city, other)
    shutil.copy(other / "ledgers" / UNITS[0] / "九月.xlsx", other / "ledgers" / UNITS[1] / "另存.xlsx")
    outcome = run(other, tmp_path / "out")
    entries = read_table(tmp_path / "out" / "entries.parquet", ENTRIES)
    assert not entries["file"].str.contains("另存").any()
    assert set(entries.loc[entries["file"].str.endswith("九月.xlsx"), "unit_id"]) == {"U1"}
    rejected = read_table(tmp_path / "out" / "rejected.parquet", REJECTED).query("code == 'E508'")
    assert rejected.groupby("unit_id").size().to_dict() == {"U2": 7}
    assert rejected["reason"].str.contains("标题写的是王庄镇").all()
    assert sum("内容相同" in note for note in outcome.notes) == 1


def test_a_renamed_file_keeps_ids_and_a_correction_is_followed(
    done: tuple[Path, StageOutcome], city: Path, tmp_path: Path
) -> None:
    other = tmp_path / "城"
    shutil.copytree(city, other)
    folder = other / "ledgers" / UNITS[1]
    (folder / "台账.xlsx").rename(folder / "李庄乡台账.xlsx")
    run(other, tmp_path / "out")
    before = read_table(done[0] / "entries.parquet", ENTRIES).set_index("entry_id")
    after = read_table(tmp_path / "out" / "entries.parquet", ENTRIES)
    assert set(after["entry_id"]) == set(before.index)
    old = before.index[(before["subject"] == "钱七")][0]
    mended = ("2026-09-07", "李四", "百赛村", "违法占地", "钱七", "百赛村西300米", "已封顶", "", "", "", old)
    (folder / "补正.xlsx").write_bytes(workbook((*TEN, "原条目编号"), mended))
    run(other, tmp_path / "again")
    (gone,) = read_table(tmp_path / "again" / "superseded.parquet", SUPERSEDED).to_dict("records")
    assert (gone["entry_id"], gone["changed"]) == (old, "违法现状：建房→已封顶")
    now = read_table(tmp_path / "again" / "entries.parquet", ENTRIES)
    assert gone["superseded_by"] in set(now["entry_id"]) and old not in set(now["entry_id"])
    assert len(now) == len(before)
