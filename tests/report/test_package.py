from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline import schema
from pipeline.report.grounds import kinds_text, rules_text
from pipeline.report.package import (
    UNASSIGNED,
    Package,
    build_packages,
    degrees_text,
    folder_name,
    main_class,
)
from pipeline.report.supply_items import with_supply_items
from pipeline.report.tables import MonthTables
from tests.report.fabricate import HOSTILE, PHONE, empty_month, frame, small_month


def packages(month: MonthTables) -> dict[str, Package]:
    built = build_packages(
        targets=month.targets, tasks=month.tasks, cells=month.cell_states, units=month.units, people=month.people,
        city_name=month.city_name, county_code=month.county_code, period=month.period, class_names=month.class_names,
        kind_names=month.kind_names,
        layer_names=month.layer_names,
    )  # fmt: skip
    return {package.name: package for package in built}


def sheet(package: Package, name: str) -> pd.DataFrame:
    return next(page.frame for page in package.sheets if page.name == name)


def all_text(package: Package) -> str:
    pages = [page.frame.to_csv() + page.title + page.note + page.name for page in package.sheets]
    return "\n".join(pages) + package.places.to_csv()


def test_each_unit_gets_its_own_tasks_only() -> None:
    built = packages(small_month())
    assert list(built) == ["柳林镇", "建设办", "市局执法队伍", UNASSIGNED]
    town, team = built["柳林镇"], built["市局执法队伍"]
    assert sheet(town, "巡查任务清单")["监测编号"].tolist() == ["420000XC26100001", "420000XC26100002"]
    assert sheet(town, "未列入任务")["未列入理由"].tolist() == ["超出每月核查上限 2 个"]
    assert sheet(team, "巡查任务清单")["监测编号"].tolist() == ["420000XC26100004"]
    assert "420000XC26100004" not in all_text(town) and "420000XC26100001" not in all_text(team)
    assert town.counts == {"tasks": 2, "left_out": 1, "cells": 4}


def test_people_of_other_units_and_telephones_stay_out() -> None:
    built = packages(small_month())
    assert "张三" in all_text(built["柳林镇"]) and "李四" not in all_text(built["柳林镇"])
    assert "李四" in all_text(built["市局执法队伍"]) and "张三" not in all_text(built["市局执法队伍"])
    assert all(
        "张三" not in all_text(built[name]) and "李四" not in all_text(built[name]) for name in ("建设办", UNASSIGNED)
    )
    assert all(PHONE not in all_text(package) for package in built.values())


def test_a_delegated_units_cells_show_who_acts_without_naming_the_person() -> None:
    office = sheet(packages(small_month())["建设办"], "网格情况")
    assert office[["网格编号", "属地单位", "负责单位"]].to_numpy().tolist() == [["W05", "建设办", "市局执法队伍"]]
    assert office["责任人"].isna().all()


def test_every_cell_and_task_is_in_a_package_even_in_an_empty_month() -> None:
    for month in (small_month(), empty_month()):
        built = packages(month).values()
        cells = {cell for package in built for cell in sheet(package, "网格情况")["网格编号"]}
        assert cells == set(month.cell_states["cell_id"])
        tasks = [target for package in built for target in package.places["JCBH"]]
        assert sorted(tasks) == sorted(month.tasks["target_id"])
        assert [page.name for package in built for page in package.sheets] == (
            ["巡查任务清单", "目标详情", "未列入任务", "网格情况", "巡查台账"] * len(built)
        )


def test_tasks_nobody_answers_for_are_not_lost() -> None:
    month = small_month()
    tasks = month.tasks.assign(acting_unit_id=month.tasks["acting_unit_id"].mask(month.tasks["rank"] == 4))
    built = packages(small_month(tasks=tasks))
    assert built[UNASSIGNED].places["JCBH"].tolist() == ["420000XC26100004"]
    assert built["市局执法队伍"].counts["tasks"] == 0


def test_what_a_task_line_says() -> None:
    page = next(page for page in packages(small_month())["柳林镇"].sheets if page.name == "巡查任务清单")
    first, second = page.frame.iloc[0], page.frame.iloc[1]
    assert first["面积(亩)"] == pytest.approx(3.0) and first["面积(平方米)"] == 2000.0
    assert first["施工阶段"] == "基坑" and first["主要地类"] == "旱地(0103)" and first["责任人"] == "张三"
    assert first["疑似违法类型"] == "V4 占用耕地" and second["疑似违法类型"] == "未触发规则"
    assert first["坐标(度分秒)"].startswith("东经114°00′12.") and "北纬30°43′" in first["坐标(度分秒)"]
    assert second["提示"] == HOSTILE
    assert page.choices["核查结果"] == ("未核", "违法", "合法", "伪变化", "其他")
    assert page.frame[["核查日期", "核查结果", "核查人员", "备注"]].isna().all(axis=None)
    left = sheet(packages(small_month())["柳林镇"], "未列入任务").iloc[0]
    assert left["主要地类"] == "不可判" and pd.isna(left["永久基本农田(亩)"])


def test_confidence_stands_beside_the_probability_and_neither_is_sold_as_a_hit_rate() -> None:
    made = packages(small_month())["柳林镇"]
    for name in ("巡查任务清单", "目标详情", "未列入任务"):
        columns = list(sheet(made, name).columns)
        assert columns.index("时序置信") == columns.index("概率") + 1
    note = next(page.note for page in made.sheets if page.name == "目标详情")
    assert "不是属实的比例" in note and "可能性" not in note


def test_ledger_template_offers_the_ids_and_claims_nothing() -> None:
    page = next(page for page in packages(small_month())["柳林镇"].sheets if page.name == "巡查台账")
    assert list(page.frame.columns)[1:12] == ["巡查时间", "巡查人员", "巡查路线", "巡查项目", "违法项目主体或名称", "违法地点",
                                              "违法现状", "制止措施", "制止效果", "后续处理", "监测编号"]  # fmt: skip
    assert page.suggested == {"监测编号": ("巡查任务清单", "监测编号")}
    assert page.frame.isna().all(axis=None) and len(page.frame) == 17


def test_places_carry_the_fields_own_names() -> None:
    places = packages(small_month())["柳林镇"].places
    assert list(places.columns)[:9] == ["JCBH", "TBLX", "XZQDM", "JCMJ", "QSX", "HSX", "XZB", "YZB", "BGDL"]
    assert places["SFLR"].tolist() == [1, 1, 0] and places["XZQDM"].unique().tolist() == ["420000"]
    assert places["TZ"].str.startswith("疑似：").all()
    assert places["GL"].tolist() == [0.9, 0.6, 0.4] and set(places["SXZX"]) == {"三次及以上清晰观测"}
    assert places.crs == "EPSG:4547" and places["XZB"].iloc[0] == pytest.approx(500322.36)


def test_row_order_of_the_inputs_does_not_matter() -> None:
    month = small_month()
    turned = small_month(
        targets=month.targets.iloc[::-1].reset_index(drop=True), tasks=month.tasks.iloc[::-1].reset_index(drop=True),
        cell_states=month.cell_states.iloc[::-1].reset_index(drop=True), people=month.people.iloc[::-1],
    )  # fmt: skip
    assert {n: all_text(p) for n, p in packages(month).items()} == {n: all_text(p) for n, p in packages(turned).items()}


def test_a_task_without_its_target_is_refused() -> None:
    month = small_month()
    with pytest.raises(ValueError, match="420000XC26100001"):
        packages(small_month(targets=month.targets.iloc[1:]))


def test_inputs_are_not_changed() -> None:
    month, same = small_month(), small_month()
    packages(month)
    for name in ("targets", "tasks", "cell_states", "units", "people"):
        pd.testing.assert_frame_equal(pd.DataFrame(getattr(month, name)), pd.DataFrame(getattr(same, name)))


@pytest.mark.parametrize(
    ("degrees", "sides", "text"),
    [
        (118.0534277, "EW", "东经118°03′12.34″"),
        (30.99999999, "NS", "北纬31°00′00.00″"),
        (-0.5, "EW", "西经0°30′00.00″"),
        (float("nan"), "EW", ""),
    ],
)
def test_degrees_minutes_seconds(degrees: float, sides: str, text: str) -> None:
    assert degrees_text(degrees, sides) == text


@given(st.floats(-180, 180))
def test_degrees_round_trip(degrees: float) -> None:
    text = degrees_text(degrees, "EW")
    whole, minutes, seconds = text[2:-1].replace("°", "′").split("′")
    assert int(minutes) < 60 and float(seconds) < 60
    assert int(whole) + int(minutes) / 60 + float(seconds) / 3600 == pytest.approx(abs(degrees), abs=0.006 / 3600)


@pytest.mark.parametrize(
    ("name", "folder"),
    [("柳林镇", "柳林镇"), ('a/b\\c:d*?"<>|', "a_b_c_d______"), ("CON", "_CON"), ("con.txt", "_con.txt"), ("甲. ", "甲"),
     (" ", "_"), ("长" * 60, "长" * 40)],
)  # fmt: skip
def test_folder_names_windows_accepts(name: str, folder: str) -> None:
    assert folder_name(name) == folder


def test_units_of_the_same_name_keep_their_own_folders() -> None:
    month = small_month()
    built = build_packages(
        targets=month.targets, tasks=month.tasks, cells=month.cell_states, units=month.units.assign(name="同名"),
        people=month.people, city_name="市", county_code="420000", period="2026-10",
        class_names={}, kind_names={}, layer_names={},
    )  # fmt: skip
    assert [package.folder for package in built] == ["同名", "同名_U2", "同名_U3", UNASSIGNED]


@pytest.mark.parametrize(
    ("areas", "text"),
    [
        ('{"0103": 5.0, "0101": 5.0}', "0101"),
        ('{"0103": 9, "0101": 5}', "旱地(0103)"),
        ("{}", "不可判"),
        (None, "不可判"),
    ],
)
def test_main_land_class(areas: Any, text: str) -> None:
    assert main_class(areas, {"0103": "旱地"}) == text


def test_kinds_and_rules_in_words() -> None:
    rules = json.dumps(
        [
            {"rule": "V3-1", "kind": "V3", "judgement": "undeterminable", "label": "x"},
            {"rule": "V1-1", "kind": "V1", "judgement": "suspected", "label": "占用"},
        ]
    )
    assert kinds_text('["V1"]', rules, {"V1": "非法占用"}) == "V1 非法占用" and rules_text(rules, {}) == "V1-1 占用"
    assert kinds_text("[]", rules, {}) == "不可判（V3）" and kinds_text("[]", "[]", {}) == "未触发规则"
    assert kinds_text(None, None, {}) == "未触发规则" and rules_text(None, {}) == ""


def test_supplied_land_stands_in_the_package_of_who_acts_there_and_names_nobody_of_another_unit() -> None:
    items = frame(schema.SUPPLY_ITEMS, [
        {"supply_id": "S1", "project": "厂房", "cell_id": "W01", "unit_id": "U1", "acting_unit_id": "U1", "person_id": "P1",
         "look_at": "是否动工", "clock": "距动工满一年（2026-12-31）31天", "next_day": "2026-12-31"},
        {"supply_id": "S2", "cell_id": "W05", "unit_id": "U2", "acting_unit_id": "U3", "person_id": "P1",
         "look_at": "是否动工", "clock": "无将到时限"},
    ])  # fmt: skip
    month = small_month(supply_items=items)
    bare = [Package(unit, unit or "未落实", str(unit), (), month.targets, {}) for unit in ("U1", "U2", "U3", None)]
    made = {package.unit_id: package for package in with_supply_items(bare, month)}
    assert made["U2"].sheets == () and made[None].sheets == ()
    (first,), (second,) = made["U1"].sheets, made["U3"].sheets
    assert first.frame[["电子监管号", "责任人", "计时"]].to_numpy().tolist() == [
        ["S1", "张三", "距动工满一年（2026-12-31）31天"]
    ]
    # P1 belongs to U1: the package of U3 does not name the person
    assert second.frame["电子监管号"].tolist() == ["S2"] and second.frame["责任人"].isna().all()
    assert made["U1"].counts["supply"] == 1
