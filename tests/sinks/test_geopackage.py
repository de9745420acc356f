from __future__ import annotations

import sqlite3
import time
from datetime import date
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pyogrio
import pytest
from shapely.geometry import LineString, MultiPolygon, Point, Polygon, box

from pipeline import schema
from pipeline.errors import StageError
from pipeline.sinks.geopackage import write_geopackage

DAY = date(2026, 10, 31)
CRS = "EPSG:4547"


def layers() -> dict[str, gpd.GeoDataFrame]:
    targets = gpd.GeoDataFrame(
        {
            "target_id": ["甲—1", "乙2"],
            "first_seen": pd.to_datetime(["2026-10-12", None]).astype("datetime64[ms]"),
            "nothing": pd.Series([None, None], dtype="str"),
            "count": pd.Series([1, None], dtype="Int64"),
            "flag": [True, False],
        },
        geometry=[box(500000, 3400000, 500010, 3400010), MultiPolygon([box(0, 0, 1, 1), box(2, 2, 3, 3)])],
        crs=CRS,
    )
    return {"图斑": targets, "missed": schema.empty(schema.MISSED, CRS), "notes": pd.DataFrame({"text": ["𠮷野"]})}


def test_same_bytes_at_another_time(tmp_path: Path) -> None:
    first, second = tmp_path / "a.gpkg", tmp_path / "b.gpkg"
    write_geopackage(first, layers(), day=DAY)
    time.sleep(1.1)
    write_geopackage(second, layers(), day=DAY)
    assert first.read_bytes() == second.read_bytes()
    write_geopackage(second, layers(), day=date(2026, 11, 30))
    assert first.read_bytes() != second.read_bytes()


def test_content_survives(tmp_path: Path) -> None:
    path = tmp_path / "巡查 测试" / "十月.gpkg"
    path.parent.mkdir()
    write_geopackage(path, layers(), day=DAY)
    assert [tuple(row) for row in pyogrio.list_layers(path)] == [
        ("图斑", "MultiPolygon"), ("missed", "Unknown"), ("notes", None)]  # fmt: skip
    back = gpd.read_file(path, layer="图斑")
    assert back["target_id"].tolist() == ["甲—1", "乙2"]
    assert back["first_seen"].iloc[0] == pd.Timestamp("2026-10-12") and pd.isna(back["first_seen"].iloc[1])
    assert back["nothing"].isna().all() and back["count"].isna().tolist() == [False, True]
    assert back.crs == CRS and back.geometry.area.tolist() == [100.0, 2.0]
    info = pyogrio.read_info(path, layer="图斑")
    assert dict(zip(info["fields"], info["ogr_types"], strict=True))["first_seen"] == "OFTDate"
    assert set(pyogrio.read_info(path, layer="missed")["fields"]) == set(schema.MISSED.names)
    assert pyogrio.read_dataframe(path, layer="notes")["text"].tolist() == ["𠮷野"]
    with sqlite3.connect(path) as database:
        assert database.execute("pragma integrity_check").fetchone() == ("ok",)
        changed = {row[0] for row in database.execute("select last_change from gpkg_contents")}
    database.close()
    assert changed == {"2026-10-31T00:00:00.000Z"}


def test_every_geometry_table_of_the_schema(tmp_path: Path) -> None:
    tables = [value for value in vars(schema).values() if isinstance(value, schema.Table) and value.geometry]
    write_geopackage(tmp_path / "all.gpkg", {t.name: schema.empty(t, CRS) for t in tables}, day=DAY)
    assert len(pyogrio.list_layers(tmp_path / "all.gpkg")) == len({t.name for t in tables})


@pytest.mark.parametrize(
    ("shapes", "kind"),
    [
        ([Point(1, 2), None], "Point"),
        ([LineString([(0, 0), (1, 1)]), None], "MultiLineString"),
        ([Point(1, 2), Polygon([(0, 0), (1, 0), (1, 1)])], "Unknown"),
        ([None, None], "Unknown"),
    ],
)
def test_geometry_type_of_a_layer(tmp_path: Path, shapes: list[object], kind: str) -> None:
    frame = gpd.GeoDataFrame({"a": [1, 2]}, geometry=shapes, crs=CRS)
    write_geopackage(tmp_path / "a.gpkg", {"a": frame}, day=DAY)
    assert pyogrio.list_layers(tmp_path / "a.gpkg")[0][1] == kind
    assert len(gpd.read_file(tmp_path / "a.gpkg")) == 2


def test_replaces_only_when_complete(tmp_path: Path) -> None:
    path = tmp_path / "a.gpkg"
    write_geopackage(path, layers(), day=DAY)
    before = path.read_bytes()
    bad = pd.DataFrame({"a": [1], "A": [2]})
    with pytest.raises(StageError, match="E702"):
        write_geopackage(path, {"good": layers()["图斑"], "bad": bad}, day=DAY)
    with pytest.raises(ValueError, match="at least one layer"):
        write_geopackage(path, {}, day=DAY)
    assert path.read_bytes() == before
    assert [file.name for file in tmp_path.iterdir()] == ["a.gpkg"]


def test_unwritable_folder_is_a_numbered_error(tmp_path: Path) -> None:
    with pytest.raises(StageError, match="E702"):
        write_geopackage(tmp_path / "absent" / "a.gpkg", layers(), day=DAY)
    assert pyogrio.get_gdal_config_option("OGR_CURRENT_DATE") is None


def test_input_is_not_changed(tmp_path: Path) -> None:
    given = layers()
    copies = {name: frame.copy() for name, frame in given.items()}
    write_geopackage(tmp_path / "a.gpkg", given, day=DAY)
    pd.testing.assert_frame_equal(given["图斑"], copies["图斑"])


def test_pixel_coordinates_are_marked_as_undefined(tmp_path: Path) -> None:
    write_geopackage(tmp_path / "a.gpkg", {"a": gpd.GeoDataFrame({"a": [1]}, geometry=[Point(3, 4)])}, day=DAY)
    with sqlite3.connect(tmp_path / "a.gpkg") as database:
        assert database.execute("select srs_id from gpkg_contents").fetchall() == [(-1,)]
    database.close()
    assert "Undefined Cartesian" in str(gpd.read_file(tmp_path / "a.gpkg").crs)
