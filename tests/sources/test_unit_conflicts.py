"""Unit tables that contradict themselves are refused with file and row, or listed; nothing is chosen silently."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest
import shapely

from pipeline.config import Config
from pipeline.errors import XunchaError
from pipeline.sources.units import check_units, read_units
from pipeline.stages.check import duty_warnings
from pipeline.values import Period
from tests.sources.folders import CRS, replace_in, write_gpkg, write_units


@pytest.fixture
def city(tmp_path: Path) -> Path:
    write_units(tmp_path / "市")
    return tmp_path / "市"


def add(city: Path, file: str, *lines: str) -> None:
    path = city / "units" / file
    path.write_text(path.read_text("utf-8").rstrip("\n") + "\n" + "\n".join(lines) + "\n", "utf-8")


def refused(city: Path, code: str) -> XunchaError:
    """The only problem of the units, which has this code."""
    problems = check_units(city, CRS)
    assert [problem.code for problem in problems] == [code]
    return problems[0]


def test_two_persons_for_one_cell_on_one_day_are_refused_with_both_rows_and_the_day(city: Path) -> None:
    add(city, "people.csv", "P3,王五,U2,,")
    add(city, "responsibility.csv", "G2,U2,P3,2026-12-31,")
    said = str(refused(city, "E407"))
    assert "units/responsibility.csv, row 4: on 2026-12-31 G2 has U2/P2 in row 3 and U2/P3 in row 4" in said
    assert "end row 3 (终止日期) before row 4 begins" in said


def test_the_day_after_the_last_one_is_free_for_the_next_person(city: Path) -> None:
    add(city, "people.csv", "P3,王五,U2,,")
    add(city, "responsibility.csv", "G2,U2,P3,2027-01-01,")
    assert check_units(city, CRS) == []


def test_an_open_row_below_which_another_begins_is_refused_whatever_the_order_of_the_file(city: Path) -> None:
    add(city, "people.csv", "P3,王五,U1,,")
    add(city, "responsibility.csv", "G1,U1,P3,2025-05-01,")
    said = str(refused(city, "E407"))
    assert "on 2026-01-01 G1 has U1/P1 in row 2 and U1/P3 in row 4" in said


def test_the_same_said_twice_is_no_contradiction_and_is_listed(city: Path) -> None:
    add(city, "responsibility.csv", "G1,U1,P1,2026-05-01,")
    assert check_units(city, CRS) == []
    listed = read_units(city, CRS).repairs
    assert listed[["rule", "unit_id", "cell_id"]].to_numpy().tolist() == [["responsibility_repeated", "U1", "G1"]]
    assert "第2行和第4行在2026-05-01" in listed["problem"].iloc[0]


def test_a_person_without_a_period_is_refused(city: Path) -> None:
    replace_in(city / "units" / "responsibility.csv", "G1,U1,P1,2026-01-01,", "G1,U1,P1,,")
    assert "units/responsibility.csv, row 2, 起始日期 is empty" in str(refused(city, "E405"))


def test_two_delegates_of_one_unit_on_one_day_are_refused(city: Path) -> None:
    add(city, "delegations.csv", "U2,U1,2026-09-30,,")
    said = str(refused(city, "E407"))
    assert "units/delegations.csv, row 3: on 2026-09-30 U2 has CT in row 2 and U1 in row 3" in said


def test_two_first_responsible_persons_of_one_unit_on_one_day_are_refused(city: Path) -> None:
    lines = ["单位编号,层级,人员编号,职责,起始日期,终止日期", "U1,1,P1,主要负责人,2026-01-01,", "U1,1,P2,,2026-03-01,"]
    (city / "units" / "chain.csv").write_text("\n".join(lines) + "\n", "utf-8")
    assert "units/chain.csv, row 3: on 2026-03-01 U1 1 has P1 in row 2" in str(refused(city, "E407"))


@pytest.mark.parametrize(
    ("file", "old", "new", "said"),
    [
        (
            "responsibility.csv",
            "2026年12月31日",
            "2025年12月31日",
            "units/responsibility.csv, row 3: 终止日期 is before",
        ),
        ("delegations.csv", "2026-09-30", "2026-02-28", "units/delegations.csv, row 2: 终止日期 is before 起始日期"),
        ("plan.csv", "2026-10-31", "2026-09-30", "units/plan.csv, row 2: 计划截止日期 is before 计划起始日期"),
    ],
)
def test_dates_that_run_backwards_are_refused(city: Path, file: str, old: str, new: str, said: str) -> None:
    replace_in(city / "units" / file, old, new)
    assert said in str(refused(city, "E405"))


def drawn(city: Path, *boxes: tuple[float, float, float, float]) -> None:
    path = city / "units" / "cells.gpkg"
    cells = gpd.read_file(path)
    write_gpkg(cells.set_geometry([shapely.box(*box) for box in boxes], crs=cells.crs), path)


def test_cells_that_overlap_are_refused_with_both_rows_and_the_shared_ground(city: Path) -> None:
    drawn(city, (500000, 0, 502000, 1000), (501900, 0, 504000, 1000))
    said = str(refused(city, "E408"))
    assert "units/cells.gpkg, row 2: G2 (row 2) and G1 (row 1) share 100000 m2, 5% of the smaller one" in said


def test_a_sliver_between_hand_drawn_cells_is_no_overlap(city: Path) -> None:
    # 15 m of 2,000 m is 0.75 %, below the hundredth from which it is refused; 21 m is 1.05 %
    drawn(city, (500000, 0, 502000, 1000), (501985, 0, 504000, 1000))
    assert check_units(city, CRS) == []
    drawn(city, (500000, 0, 502000, 1000), (501979, 0, 504000, 1000))
    refused(city, "E408")


@pytest.mark.parametrize(
    ("file", "line", "said"),
    [
        ("people.csv", "P1,赵六,U1,,", "units/people.csv, row 5: 人员编号 P1 stands already in row 2"),
        (
            "plan.csv",
            "J1,U1,G1,P1,2026-10-01,2026-10-31,4",
            "units/plan.csv, row 3: 计划编号 J1 stands already in row 2",
        ),
    ],
)
def test_ids_used_twice_are_refused_with_both_rows(city: Path, file: str, line: str, said: str) -> None:
    add(city, file, line)
    assert said in str(refused(city, "E405"))


@pytest.mark.parametrize(("file", "column", "label"), [("units", "单位编号", "U1"), ("cells", "网格编号", "G1")])
def test_polygons_of_one_id_are_refused(city: Path, file: str, column: str, label: str) -> None:
    path = city / "units" / f"{file}.gpkg"
    frame = gpd.read_file(path)
    frame.loc[1, column] = label
    write_gpkg(frame, path)
    assert f"units/{file}.gpkg, row 2: {column} {label} stands already in row 1" in str(refused(city, "E405"))


def test_polygons_of_equal_rank_that_overlap_are_listed(city: Path) -> None:
    path = city / "units" / "units.gpkg"
    units = gpd.read_file(path)
    shapes = [shapely.box(500000, 0, 502000, 1000), shapely.box(501000, 0, 504000, 1000), None]
    write_gpkg(units.set_geometry(shapes, crs=units.crs), path)
    listed = read_units(city, CRS).repairs
    assert listed["rule"].tolist() == ["precedence_tie"]
    assert "U1与U2辖区重叠1000000平方米且重叠优先级相同，无责任分工处暂归U1" in listed["problem"].iloc[0]


def test_a_blank_rank_is_that_of_the_units_kind(city: Path) -> None:
    path = city / "units" / "units.gpkg"
    units = gpd.read_file(path)
    units["重叠优先级"] = [None, None, 7.0]
    units["单位类型"] = ["经济开发区", "街道", "市局执法队伍"]
    write_gpkg(units, path)
    # rules/duty.yaml: a development zone 20, a street 10; what the city writes itself stays
    assert read_units(city, CRS).units["precedence"].tolist() == [20, 10, 7]


def test_before_the_run_every_cell_is_held_against_person_area_and_duty(city: Path) -> None:
    config = Config.model_validate({"city": {"crs": CRS}})
    assert duty_warnings(city, config, None) == []
    # G2 has no plan in October; its person ended with 2026, so in January 2027 nobody is named for it
    assert duty_warnings(city, config, Period(2026, 10)) == [
        "units: cell_not_planned (1): G2 2026-10-01至2026-10-31没有巡查计划"
    ]
    said = duty_warnings(city, config, Period(2027, 1))
    assert [line.split(":")[1].split(" (")[0].strip() for line in said] == [
        "cell_not_planned", "cell_without_responsibility",
    ]  # fmt: skip
    assert "cell_without_responsibility (2): G2 2027-01-01 无责任分工，暂按辖区范围归U2; G2 2027-01-31" in said[1]
