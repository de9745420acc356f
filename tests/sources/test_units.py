from __future__ import annotations

import shutil
from pathlib import Path

import geopandas as gpd
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.errors import InputError
from pipeline.schema import PLAN, UNITS
from pipeline.sources.delimited import heading_of, parse_date
from pipeline.sources.units import check_units, closest_hint, read_units, unit_files
from tests.sources.folders import CRS, replace_in, write_gpkg, write_units


@pytest.fixture
def city(tmp_path: Path) -> Path:
    folder = tmp_path / "示例 市"
    write_units(folder)
    return folder


def codes(city: Path) -> list[str]:
    return [problem.code for problem in check_units(city, CRS)]


def test_reads_chinese_headings_kinds_dates_and_the_empty_polygon_of_the_city_team(city: Path) -> None:
    book = read_units(city, CRS)
    assert list(book.units["kind"]) == ["township", "street", "city_team"]
    assert list(book.units["workload_per_month"]) == [10, 10, 20]
    assert book.units.geometry.iloc[2].is_empty
    assert list(book.cells["cell_id"]) == ["G1", "G2"]
    assert book.responsibility["valid_to"].isna().tolist() == [True, False]
    assert book.responsibility["valid_to"].iloc[1] == pd.Timestamp("2026-12-31")
    assert str(book.responsibility["valid_from"].dtype) == "datetime64[ms]"
    assert book.people["phone"].isna().tolist() == [True, False, True]
    assert book.plan["visits_required"].tolist() == [4]
    assert book.units.crs.to_epsg() == 4547 and book.cells.crs.to_epsg() == 4547
    assert check_units(city, CRS) == [] and book.repairs.empty


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030"])
def test_every_office_encoding_gives_the_same_people(city: Path, encoding: str) -> None:
    replace_in(city / "units" / "people.csv", "张三", "张三丰", encoding=encoding)
    assert read_units(city, CRS).people["name"].tolist() == ["张三丰", "李四", "周九"]


def test_english_headings_and_blank_rows_are_understood(city: Path) -> None:
    (city / "units" / "people.csv").write_text(
        "person_id,name,unit_id\n,,\nP1,张三,U1\nP2,李四,U2\nP9,周九,CT\n", "utf-8"
    )
    assert len(read_units(city, CRS).people) == 3


def test_polygons_come_in_the_citys_crs(city: Path) -> None:
    path = city / "units" / "cells.gpkg"
    write_gpkg(gpd.read_file(path).to_crs("EPSG:4490"), path)
    bounds = read_units(city, CRS).cells.total_bounds
    assert bounds == pytest.approx([500000, 0, 504000, 1000], abs=0.01)


@pytest.mark.parametrize(
    "name", ["units.gpkg", "cells.gpkg", "people.csv", "responsibility.csv", "delegations.csv", "plan.csv"]
)
def test_a_missing_file_is_named(city: Path, name: str) -> None:
    (city / "units" / name).unlink()
    with pytest.raises(InputError, match=name) as caught:
        read_units(city, CRS)
    assert caught.value.code == "E401"
    assert len(unit_files(city)) == 5


def test_a_missing_column_is_named(city: Path) -> None:
    replace_in(city / "units" / "plan.csv", "应巡次数", "次数合计")
    with pytest.raises(InputError, match=r"plan\.csv lacks the column 应巡次数") as caught:
        read_units(city, CRS)
    assert caught.value.code == "E401"


def test_an_unknown_unit_name_gets_the_closest_known_one_as_a_hint(city: Path) -> None:
    replace_in(city / "units" / "responsibility.csv", "G2,U2", "G2,西关街办")
    with pytest.raises(
        InputError, match=r"responsibility\.csv, row 3, 单位编号: '西关街办'.*U2 \(西关街道\)"
    ) as caught:
        read_units(city, CRS)
    assert caught.value.code == "E402" and caught.value.exit_code == 2


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("responsibility.csv", "G1,U1,P1", "G7,U1,P1", "网格编号: 'G7'"),
        ("responsibility.csv", "G1,U1,P1", "G1,U1,P7", "人员编号: 'P7'"),
        ("delegations.csv", "U2,CT", "U2,CX", "受托单位编号: 'CX'"),
        ("plan.csv", "J1,U1,G1,P1", "J1,U1,G1,张三", "did you mean P1 \\(张三\\)"),
        ("people.csv", "P1,张三,U1", "P1,张三,U11", "单位编号: 'U11'"),
    ],
)
def test_unknown_references_are_listed_with_their_row(city: Path, file: str, old: str, new: str, said: str) -> None:
    replace_in(city / "units" / file, old, new)
    with pytest.raises(InputError, match=said) as caught:
        read_units(city, CRS)
    assert caught.value.code == "E402" and "row 2" in str(caught.value)


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        ("plan.csv", "2026-10-31", "2026-13-31", r"plan\.csv, row 2, 计划截止日期: '2026-13-31' is not a date"),
        ("plan.csv", "31,4", "31,四次", r"应巡次数: '四次' is not a whole number"),
        ("people.csv", "P2,李四", "P1,李四", r"people\.csv, row 3: 人员编号 P1 stands already in row 2"),
        ("people.csv", "P2,李四", "P2,", r"people\.csv, row 3, 姓名 is empty"),
        ("delegations.csv", "2026-09-30", "2026-02-01", r"row 2: 终止日期 is before 起始日期"),
    ],
)
def test_bad_rows_are_named(city: Path, file: str, old: str, new: str, said: str) -> None:
    replace_in(city / "units" / file, old, new)
    with pytest.raises(InputError, match=said) as caught:
        read_units(city, CRS)
    assert caught.value.code == "E405"


def test_an_unknown_kind_of_unit_is_named_with_the_allowed_ones(city: Path) -> None:
    path = city / "units" / "units.gpkg"
    units = gpd.read_file(path)
    units.loc[0, "单位类型"] = "林场"
    write_gpkg(units, path)
    with pytest.raises(InputError, match="row 1, 单位类型: '林场'.*循环经济产业开发区"):
        read_units(city, CRS)


def test_polygons_without_a_crs_are_refused(tmp_path: Path) -> None:
    with pytest.warns(UserWarning, match="crs"):
        write_units(tmp_path / "city", crs=None)
    with pytest.raises(InputError) as caught:
        read_units(tmp_path / "city", CRS)
    assert caught.value.code == "E302"


def test_a_self_intersecting_cell_is_mended_and_said(city: Path) -> None:
    path = city / "units" / "cells.gpkg"
    cells = gpd.read_file(path)
    bow = shapely.Polygon([(500000, 0), (502000, 1000), (502000, 0), (500000, 1000)])
    write_gpkg(cells.set_geometry([bow, cells.geometry[1]], crs=cells.crs), path)
    book = read_units(city, CRS)
    assert book.cells.geometry.is_valid.all()
    assert book.cells.geometry.iloc[0].area == pytest.approx(1_000_000)
    assert book.repairs[["rule", "cell_id"]].to_numpy().tolist() == [["polygon_repaired", "G1"]]


def test_a_cell_without_polygon_is_an_error(city: Path) -> None:
    path = city / "units" / "cells.gpkg"
    cells = gpd.read_file(path)
    write_gpkg(cells.set_geometry([None, cells.geometry[1]], crs=cells.crs), path)
    assert "E405" in codes(city)


def test_check_lists_all_problems_at_once(city: Path) -> None:
    (city / "units" / "plan.csv").unlink()
    replace_in(city / "units" / "people.csv", "P2,李四", "P1,李四")
    replace_in(city / "units" / "delegations.csv", "2026-09-30", "不详")
    assert codes(city) == ["E405", "E401", "E405"]


def test_an_empty_folder_lists_every_file(tmp_path: Path) -> None:
    assert codes(tmp_path) == ["E401"] * 6


def test_a_damaged_geopackage_and_a_binary_csv_are_unreadable_not_a_crash(city: Path) -> None:
    (city / "units" / "cells.gpkg").write_bytes(b"not a database")
    (city / "units" / "plan.csv").write_bytes(b"\xff\xff\xff")
    assert codes(city) == ["E401", "E401"]
    shutil.rmtree(city / "units")


@settings(deadline=None)
@given(st.dates())
def test_dates_are_read_in_every_form_people_write(day: object) -> None:
    forms = ("{0.year:04d}-{0.month:02d}-{0.day:02d}", "{0.year:04d}/{0.month}/{0.day}",
             "{0.year:04d}年{0.month}月{0.day}日",
             "{0.year:04d}.{0.month}.{0.day}", "{0.year:04d}{0.month:02d}{0.day:02d}")  # fmt: skip
    assert {parse_date(form.format(day)) for form in forms} == {day}


@pytest.mark.parametrize("text", ["", "10月5日", "2026-02-30", "5/10/2026", "2026-10-05 13:30"])
def test_what_is_not_a_whole_day_is_refused(text: str) -> None:
    with pytest.raises(ValueError):
        parse_date(text)


def test_headings_are_matched_with_or_without_their_unit() -> None:
    assert heading_of(" 每月核查上限（个） ", UNITS) == "workload_per_month"
    assert heading_of("应巡次数", PLAN) == "visits_required"
    assert heading_of("备注", PLAN) is None


def test_the_hint_does_not_depend_on_the_order_of_the_table() -> None:
    names = {"U1": "东关镇", "U2": "西关街道"}
    assert closest_hint("西关", names) == closest_hint("西关", dict(reversed(names.items())))
