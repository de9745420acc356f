from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pyproj
import pytest
import shapely

from pipeline.errors import InputError
from pipeline.schema import LAND_USE, NAMED_GROUND, TEMPORARY_LAND
from pipeline.sources.layer_crs import require_safe_transform
from pipeline.sources.layer_files import name_fits
from pipeline.sources.layer_rows import parse_day, unique_ids
from pipeline.sources.layer_text import dbf_encoding
from pipeline.sources.layers import check_layers, read_layers
from pipeline.store import check_table
from tests.screen.drawing import CRS, square


def write(path: Path, rows: list[dict[str, Any]], crs: str | None = CRS, **options: Any) -> Path:
    path.parent.mkdir(parents=True, exist_ok=True)
    frame = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=crs)
    frame.to_file(path, engine="pyogrio", **options)
    return path


def field(number: int, shape: Any = None, **values: Any) -> dict[str, Any]:
    row = {"BSM": f"P{number}", "DLBM": "0101", "DLMC": "水田", "ZLDWDM": "419981100201", "TBMJ": 400.0}
    return row | {"geometry": square(30 * number, 0, 20) if shape is None else shape} | values


def land_use(folder: Path) -> Path:
    return write(folder / "DLTB.gpkg", [field(0), field(1)])


def entry(report: dict[str, Any], role: str) -> dict[str, Any]:
    (found,) = [e for e in report["layers"] if e["role"] == role]
    return dict(found)


def codes(folder: Path, crs: str = CRS) -> list[str]:
    return [problem.code for problem in check_layers(folder, crs)]


@pytest.mark.parametrize("encoding", ["GBK", "GB18030", "UTF-8"])
@pytest.mark.parametrize("label", [None, "UTF-8", "GBK", "ISO-8859-1"])
def test_a_shapefile_reads_right_whatever_its_label_says(tmp_path: Path, encoding: str, label: str | None) -> None:
    path = write(tmp_path / "地类 图斑.shp", [field(0), field(1, DLMC="旱地")], encoding=encoding)
    path.with_suffix(".cpg").unlink()
    raw = bytearray(path.with_suffix(".dbf").read_bytes())
    raw[29] = 0x57
    path.with_suffix(".dbf").write_bytes(bytes(raw))
    path = path.rename(tmp_path / "DLTB.shp")
    for suffix in (".dbf", ".shx", ".prj"):
        (tmp_path / f"地类 图斑{suffix}").rename(tmp_path / f"DLTB{suffix}")
    if label is not None:
        path.with_suffix(".cpg").write_text(label, encoding="ascii")
    layers = read_layers(tmp_path, CRS)
    assert layers.land_use["class_name"].tolist() == ["水田", "旱地"]
    (source,) = entry(layers.report, "land_use")["sources"]
    assert source["encoding"] == ("utf-8" if encoding == "UTF-8" else "gb18030")


def test_a_character_outside_gbk_survives_in_gb18030(tmp_path: Path) -> None:
    write(tmp_path / "DLTB.shp", [field(0, DLMC="㐱田")], encoding="GB18030").with_suffix(".cpg").unlink()
    assert read_layers(tmp_path, CRS).land_use["class_name"].tolist() == ["㐱田"]


def test_text_in_no_known_encoding_is_refused_naming_the_row(tmp_path: Path) -> None:
    path = write(tmp_path / "DLTB.shp", [field(0), field(1, DLMC="XYZ")], encoding="UTF-8").with_suffix(".dbf")
    path.write_bytes(path.read_bytes().replace(b"XYZ", b"\xff\xff\xff"))
    with pytest.raises(InputError, match="E301.*row 2"):
        dbf_encoding(path)
    assert "E301" in codes(tmp_path)


@pytest.mark.parametrize("damage", ["cut", "absent"])
def test_a_dbf_cut_short_or_absent_is_refused(tmp_path: Path, damage: str) -> None:
    path = write(tmp_path / "DLTB.shp", [field(0), field(1)]).with_suffix(".dbf")
    if damage == "cut":
        path.write_bytes(path.read_bytes()[:-60])
    else:
        path.unlink()
    assert codes(tmp_path)[0] == "E301"
    with pytest.raises(InputError, match="E301"):
        read_layers(tmp_path, CRS)


def test_a_file_that_is_no_geopackage_is_refused(tmp_path: Path) -> None:
    land_use(tmp_path)
    (tmp_path / "YJJBNTTB.gpkg").write_bytes(b"not a database")
    assert codes(tmp_path) == ["E301"]


def test_a_layer_without_crs_is_refused_by_name_and_never_guessed(tmp_path: Path) -> None:
    write(tmp_path / "DLTB.shp", [field(0)]).with_suffix(".prj").unlink()
    (problem,) = check_layers(tmp_path, CRS)
    assert problem.code == "E302" and "DLTB.shp" in problem.message and "prj" in problem.hint
    with pytest.raises(InputError, match="E302"):
        read_layers(tmp_path, CRS)


def test_missing_land_use_or_its_field_is_named(tmp_path: Path) -> None:
    write(tmp_path / "YJJBNTTB.gpkg", [{"TBBH": "1", "geometry": square(0, 0, 20)}])
    assert codes(tmp_path) == ["E303"]
    write(tmp_path / "DLTB.gpkg", [{"BSM": "1", "geometry": square(0, 0, 20)}])
    (problem,) = check_layers(tmp_path, CRS)
    assert problem.code == "E303" and "DLTB.gpkg has no field DLBM" in problem.message


def test_two_land_use_layers_are_refused_but_several_approval_files_are_joined(tmp_path: Path) -> None:
    land_use(tmp_path)
    for number in (1, 2):
        write(tmp_path / f"ZZ_NYDZYFW_{number}.gpkg",
              [{"XMDM": f"X{number}", "PZRQ": "2026-03-0" + str(number), "geometry": square(0, 0, 20)}])  # fmt: skip
    layers = read_layers(tmp_path, CRS)
    assert layers.approvals["approval_id"].tolist() == ["X1", "X2"]
    write(tmp_path / "sub" / "DLTB_2025.gpkg", [field(0)])
    assert codes(tmp_path) == ["E305"]


@pytest.mark.parametrize("epsg", [2383, 2436, 4610, 4214])
def test_xian_1980_and_beijing_1954_are_refused_without_parameters(tmp_path: Path, epsg: int) -> None:
    frame = gpd.GeoDataFrame(pd.DataFrame([field(0)]), geometry="geometry", crs=CRS).set_crs(epsg, allow_override=True)
    frame.to_file(tmp_path / "DLTB.gpkg", engine="pyogrio")
    assert codes(tmp_path) == ["E304"]
    with pytest.raises(InputError, match="E304.*TOWGS84"):
        read_layers(tmp_path, CRS)


def test_parameters_in_the_crs_make_an_old_datum_usable() -> None:
    given = pyproj.CRS.from_proj4("+proj=tmerc +lon_0=114 +k=1 +x_0=500000 +ellps=krass +towgs84=15,-130,-82 +units=m")
    require_safe_transform("x", given, pyproj.CRS(CRS))


@pytest.mark.parametrize("epsg", [4526, 4490, 4326, 32650])
def test_modern_coordinates_are_brought_into_the_citys_crs(tmp_path: Path, epsg: int) -> None:
    gpd.GeoDataFrame(pd.DataFrame([field(0)]), geometry="geometry", crs=CRS).to_crs(epsg).to_file(
        tmp_path / "DLTB.gpkg", engine="pyogrio"
    )
    layers = read_layers(tmp_path, CRS)
    assert layers.land_use.crs == CRS
    assert shapely.hausdorff_distance(layers.land_use.geometry[0], square(0, 0, 20)) < 0.01


def test_the_survey_year_is_read_and_an_unreadable_one_is_a_doubt(tmp_path: Path) -> None:
    years = ["2025", "2026年", "20271231", "2028.0", "不详", None]
    write(tmp_path / "DLTB.gpkg", [field(n, SJNF=year) for n, year in enumerate(years)])
    layers = read_layers(tmp_path, CRS)
    check_table(LAND_USE, layers.land_use)
    found = [None if pd.isna(year) else int(year) for year in layers.land_use["survey_year"]]
    assert found == [2025, 2026, 2027, 2028, None, None]
    (source,) = entry(layers.report, "land_use")["sources"]
    assert [(doubt["row"], doubt["value"]) for doubt in source["doubts"]] == [(5, "不详")]


@pytest.mark.parametrize("years", [[2025, 2026], [2025.0, None]])
def test_survey_years_stored_as_numbers_are_read(tmp_path: Path, years: list[float | None]) -> None:
    write(tmp_path / "DLTB.gpkg", [field(n, SJNF=year) for n, year in enumerate(years)])
    found = read_layers(tmp_path, CRS).land_use["survey_year"]
    assert [None if pd.isna(year) else int(year) for year in found] == years


def test_defective_rows_are_repaired_or_left_out_each_with_row_and_reason(tmp_path: Path) -> None:
    x, y = square(0, 0, 10).bounds[:2]
    bow = shapely.Polygon([(x, y), (x + 10, y + 10), (x + 10, y), (x, y + 10)])
    rows = [field(0, bow), field(1), field(2, DLBM=None), field(3, shapely.Point(x, y)), field(4, None, BSM=None),
            field(5, BSM="P1")]  # fmt: skip
    rows.append({**field(6), "geometry": None})
    write(tmp_path / "DLTB.gpkg", rows)
    layers = read_layers(tmp_path, CRS)
    check_table(LAND_USE, layers.land_use)
    assert layers.land_use["parcel_id"].tolist() == ["P0", "P1", "row5", "P1#2"]
    assert shapely.is_valid(layers.land_use.geometry).all()
    found = entry(layers.report, "land_use")
    (source,) = found["sources"]
    assert [(r["row"], r["id"]) for r in source["repaired"]] == [(1, "P0")]
    assert source["repaired"][0]["reason"].startswith("边界自相交（")
    assert [(r["row"], r["reason"]) for r in source["unusable"]] == [
        (3, "地类编码为空"), (4, "没有面状图形"), (7, "没有面状图形"),
    ]  # fmt: skip
    assert found["renamed_ids"] == [{"id": "P1", "new_id": "P1#2"}]
    assert (source["rows"], source["rows_used"]) == (7, 4)


def test_missing_optional_layers_are_recorded_with_what_their_lack_does(tmp_path: Path) -> None:
    land_use(tmp_path)
    layers = read_layers(tmp_path, CRS)
    absent = ("basic_farmland", "planning", "approvals", "temporary_land", "places")
    assert [getattr(layers, name) for name in absent] == [None] * 5
    assert {name: entry(layers.report, name)["state"] for name in absent} == dict.fromkeys(absent, "missing")
    assert all("不" in entry(layers.report, name)["effect"] for name in absent)
    assert entry(layers.report, "land_use")["effect"] is None


def test_an_empty_layer_is_recorded_and_counts_as_missing_only_where_that_is_safe(tmp_path: Path) -> None:
    land_use(tmp_path)
    for name, columns in (("YJJBNTTB", ["TBBH"]), ("LSYD", ["XMDM", "PZRQ", "DQRQ"])):
        empty = gpd.GeoDataFrame({column: pd.Series([], dtype="str") for column in columns}, geometry=[], crs=CRS)
        empty.to_file(tmp_path / f"{name}.gpkg", engine="pyogrio", geometry_type="Polygon")
    layers = read_layers(tmp_path, CRS)
    assert layers.basic_farmland is None and entry(layers.report, "basic_farmland")["state"] == "empty"
    check_table(TEMPORARY_LAND, layers.temporary_land)
    assert len(layers.temporary_land) == 0 and entry(layers.report, "temporary_land")["effect"] is None


def test_an_empty_land_use_layer_leaves_every_class_unknown_but_does_not_crash(tmp_path: Path) -> None:
    empty = gpd.GeoDataFrame({"DLBM": pd.Series([], dtype="str")}, geometry=[], crs=CRS)
    empty.to_file(tmp_path / "DLTB.gpkg", engine="pyogrio", geometry_type="Polygon")
    layers = read_layers(tmp_path, CRS)
    assert len(layers.land_use) == 0 and layers.land_use.crs == CRS
    assert entry(layers.report, "land_use")["effect"] is not None


def test_dates_in_every_spelling_and_doubts_about_the_rest(tmp_path: Path) -> None:
    land_use(tmp_path)
    days = ["20260315", "2026-03-15", "2026/3/15", "2026年3月15日", "2026.3.15", "去年", "20261340", None]
    write(tmp_path / "LSYD.gpkg",
          [{"XMDM": f"X{i}", "PZRQ": day, "DQRQ": "2027-03-15", "geometry": square(30 * i, 0, 20)}
           for i, day in enumerate(days)])  # fmt: skip
    layers = read_layers(tmp_path, CRS)
    approved = layers.temporary_land["approved_on"]
    assert approved[:5].tolist() == [pd.Timestamp("2026-03-15")] * 5 and approved[5:].isna().all()
    (source,) = entry(layers.report, "temporary_land")["sources"]
    assert [(d["row"], d["value"]) for d in source["doubts"]] == [(6, "去年"), (7, "20261340")]
    assert parse_day(20260315) == parse_day(pd.Timestamp("2026-03-15 12:30")) == pd.Timestamp("2026-03-15")


def test_numeric_land_codes_get_their_leading_zero_back(tmp_path: Path) -> None:
    write(tmp_path / "DLTB.gpkg", [field(0, DLBM=101), field(1, DLBM=1202)])
    assert read_layers(tmp_path, CRS).land_use["class_code"].tolist() == ["0101", "1202"]


def test_fields_are_found_in_any_case_and_unknown_layers_are_listed(tmp_path: Path) -> None:
    write(tmp_path / "dltb_419981.gpkg", [{"dlbm": "0101", "geometry": square(0, 0, 20)}])
    write(tmp_path / "别的.gpkg", [{"A": 1, "geometry": square(0, 0, 20)}])
    write(tmp_path / "LSYD.gpkg", [{"XMDM": "1", "geometry": square(0, 0, 20)}])
    layers = read_layers(tmp_path, CRS)
    assert layers.land_use["parcel_id"].tolist() == ["row1"]
    assert [stranger["file"] for stranger in layers.report["unrecognised"]] == ["别的.gpkg"]
    assert layers.temporary_land is None
    assert entry(layers.report, "temporary_land")["not_used"] == [{"file": "LSYD.gpkg", "reason": "缺少字段 PZRQ"}]


@pytest.mark.parametrize(
    ("name", "alias", "fits"),
    [
        ("DLTB", "DLTB", True),
        ("419981DLTB_2025", "DLTB", True),
        ("JQDLTB", "DLTB", False),
        ("ＤＬＴＢ", "DLTB", True),
        ("YJJBNTBHTB", "DLTB", False),
        ("云泽市地类图斑2025", "地类图斑", True),
    ],
)
def test_names_fit_as_whole_words(name: str, alias: str, fits: bool) -> None:
    assert name_fits(name, alias) is fits


def test_roads_and_hamlets_are_read_as_they_are_drawn(tmp_path: Path) -> None:
    land_use(tmp_path)
    line, spot = shapely.LineString([(0, 0), (500, 0)]), shapely.Point(20, 20)
    write(tmp_path / "LRDL.gpkg", [{"NAME": "富民路", "geometry": line}, {"NAME": None, "geometry": line}])
    write(tmp_path / "自然村.gpkg", [{"MC": "小李湾", "geometry": spot}, {"MC": "空", "geometry": shapely.Point()}])
    layers = read_layers(tmp_path, CRS)
    assert [tuple(row) for row in layers.roads[["name", "kind"]].to_numpy()] == [("富民路", "road")]
    assert [tuple(row) for row in layers.hamlets[["name", "kind"]].to_numpy()] == [("小李湾", "hamlet")]
    assert layers.roads.geometry[0].equals(line) and layers.hamlets.geometry[0].equals(spot)
    (source,) = entry(layers.report, "roads")["sources"]
    assert source["unusable"] == [{"row": 2, "reason": "名称为空"}]
    (source,) = entry(layers.report, "hamlets")["sources"]
    assert source["unusable"] == [{"row": 2, "reason": "没有图形"}]
    check_table(NAMED_GROUND, layers.roads)


def test_approvals_without_geometry_never_read_as_no_approvals(tmp_path: Path) -> None:
    land_use(tmp_path)
    row = {"XMDM": "X1", "PZRQ": "2026-03-01", "geometry": None}
    kept = row | {"XMDM": "X2", "geometry": square(0, 0, 20)}
    write(tmp_path / "ZZ_NYDZYFW.gpkg", [row, kept])
    layers = read_layers(tmp_path, CRS)
    found = entry(layers.report, "approvals")
    assert layers.approvals["approval_id"].tolist() == ["X2"] and found["state"] == "found"
    assert found["sources"][0]["unusable"] == [{"row": 1, "reason": "没有面状图形"}]
    assert found["effect"] == "1行批准范围不能使用，其范围可能被当作未批准"
    (tmp_path / "ZZ_NYDZYFW.gpkg").unlink()
    write(tmp_path / "ZZ_NYDZYFW.gpkg", [row], geometry_type="Polygon")
    layers = read_layers(tmp_path, CRS)
    assert layers.approvals is None and entry(layers.report, "approvals")["state"] == "unusable"


def test_a_layer_with_the_fields_of_a_role_but_no_known_name_is_only_pointed_at(tmp_path: Path) -> None:
    land_use(tmp_path)
    write(tmp_path / "Sheet1.gpkg", [field(0)])
    (stranger,) = read_layers(tmp_path, CRS).report["unrecognised"]
    assert stranger["resembles"] == ["地类图斑"]


def test_a_known_name_without_the_fields_is_not_enough(tmp_path: Path) -> None:
    land_use(tmp_path)
    write(tmp_path / "永久基本农田.gpkg", [field(0) | {"BSM": None}])
    layers = read_layers(tmp_path, CRS)
    write(tmp_path / "永久基本农田.gpkg", [{"A": 1, "geometry": square(0, 0, 20)}])
    assert layers.basic_farmland is not None and read_layers(tmp_path, CRS).basic_farmland is None


@pytest.mark.parametrize(
    ("written", "day"),
    [
        ("２０２６－０３－１５", "2026-03-15"),
        ("20260315.0", "2026-03-15"),
        # midnight of 15 March in China
        (pd.Timestamp("2026-03-14T16:00:00Z"), "2026-03-15"),
        (pd.Timestamp("2026-03-15T00:00:00Z"), "2026-03-15"),
        ("2026-02-29", None),
    ],
)
def test_days_in_wide_digits_and_with_a_time_zone(written: Any, day: str | None) -> None:
    assert parse_day(written) == (None if day is None else pd.Timestamp(day))


def test_a_class_that_is_no_code_is_named_and_its_ground_is_unknown(tmp_path: Path) -> None:
    rows = [field(1, DLBM="0101"), field(2, shape=square(200, 0, 100), DLBM="耕地")]
    write(tmp_path / "DLTB.gpkg", rows)
    layers = read_layers(tmp_path, CRS)
    source = entry(layers.report, "land_use")["sources"][0]
    assert layers.land_use["class_code"].tolist() == ["0101"]
    assert source["doubts"] == [{"row": 2, "field": "DLBM", "value": "耕地", "reason": "无法识别，按空值处理"}]
    assert [row["row"] for row in source["unusable"]] == [2]


def test_a_parcel_delivered_twice_is_named_and_counts_once(tmp_path: Path) -> None:
    twice = square(0, 0, 100)
    turned = shapely.Polygon([*twice.exterior.coords[2:], *twice.exterior.coords[1:3]])
    rows = [field(1, shape=twice, DLBM="0101"), field(2, shape=turned, DLBM="0101"), field(3, shape=twice, DLBM="0702")]
    write(tmp_path / "DLTB.gpkg", rows)
    layers = read_layers(tmp_path, CRS)
    source = entry(layers.report, "land_use")["sources"][0]
    # the third says another class of the same ground: it is no repetition, and stays
    assert layers.land_use["class_code"].tolist() == ["0101", "0702"]
    assert source["unusable"] == [{"row": 2, "reason": "图形和地类与第1行相同，只计一次"}]


def test_a_doubled_id_never_takes_one_that_was_delivered() -> None:
    frame = pd.DataFrame({"parcel_id": ["a", "a", "a#2", "a", "b"]})
    unique, renamed = unique_ids(frame, "parcel_id")
    assert unique["parcel_id"].tolist() == ["a", "a#3", "a#2", "a#4", "b"]
    assert renamed == [{"id": "a", "new_id": "a#3"}, {"id": "a", "new_id": "a#4"}]
