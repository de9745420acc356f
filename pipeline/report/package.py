"""One package of tasks per unit: who has to look at which place, and every grid cell of the unit accounted for.

A package holds its own unit's targets and people only; telephone numbers and other units' rows never enter it.
"""

from __future__ import annotations

import json
import re
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.geodesy import mu
from pipeline.report.grounds import kinds_text, rules_text
from pipeline.report.sheets import Sheet, area_span, labels_of, named
from pipeline.schema import JCTB_FIELDS
from pipeline.values import CellState, Confidence, Outcome, Stage, TargetState

CLUE_NOTE = "疑似线索，仅供实地核查；未经现场核实，不得作为违法认定或行政处罚的依据。"
AREA_NOTE = "“实际可能”是按标注图斑比对估计的实地面积范围，约八成情况实地面积落在其间；确切面积以实测为准。"
UNASSIGNED = "未落实责任单位"
ANSWERS = tuple(outcome.label for outcome in Outcome)
ANSWER_COLUMNS = ("核查日期", "核查结果", "核查人员", "备注")
LEDGER_FIELDS = ("巡查时间", "巡查人员", "巡查路线", "巡查项目", "违法项目主体或名称", "违法地点", "违法现状",
                 "制止措施", "制止效果", "后续处理")  # fmt: skip
LEDGER_SPARE_ROWS = 15
TASK_FORMATS = {
    "经度(WGS84)": "0.000000", "纬度(WGS84)": "0.000000", "面积(平方米)": "#,##0", "面积(亩)": "0.00",
    "耕地(亩)": "0.00", "永久基本农田(亩)": "0.00", "可观测比例": "0.0%", "概率": "0.00", "序号": "0",
}  # fmt: skip
_RESERVED = re.compile(r'[<>:"/\\|?*\x00-\x1f]')
_DEVICES = {"CON", "PRN", "AUX", "NUL", *(f"{port}{n}" for port in ("COM", "LPT") for n in range(1, 10))}
_FOLDER_LENGTH = 40


def probability_note(trained: bool) -> str:
    """What 概率 and 时序置信 are; ``trained``: a trained model gives the probability, whose manifest tells its checks."""
    order = "概率只表示影像证据强弱，用来排核查先后，"
    known = "由训练所得模型算出，校准情况见模型清单" if trained else "尚未用本市实地核查结果校准，不是属实的比例"
    return f"{order}{known}；时序置信是有几次清晰观测支持。"


@dataclass(frozen=True)
class Package:
    """What one unit receives: ``folder`` is a safe name, ``sheets`` its workbook, ``places`` the rows for the maps.

    ``places`` are the unit's tasks, included ones first, with the field's JCTB columns and the city's CRS.
    """

    unit_id: str | None
    name: str
    folder: str
    sheets: tuple[Sheet, ...]
    places: gpd.GeoDataFrame
    counts: dict[str, int]


def build_packages(
    *,
    targets: gpd.GeoDataFrame,
    tasks: pd.DataFrame,
    cells: gpd.GeoDataFrame,
    units: pd.DataFrame,
    people: pd.DataFrame,
    city_name: str,
    county_code: str,
    period: str,
    class_names: Mapping[str, str],
    kind_names: Mapping[str, str],
    layer_names: Mapping[str, str],
    trained: bool = False,
) -> tuple[Package, ...]:
    """Packages of all units in the order of their ids; one more for tasks and cells that no unit answers for.

    ``targets``, ``tasks``, ``cells``, ``units``, ``people`` follow ``TARGETS TASKS CELL_STATES UNITS PEOPLE`` of the
    schema. A unit gets the tasks it acts for, the cells it acts for and those of its own territory that another unit
    acts for. Units without any task get their package too. ``trained``: see :func:`probability_note`.
    """
    names = dict(zip(units["unit_id"], units["name"], strict=True))
    persons = {row.person_id: (row.name, row.unit_id) for row in people[["person_id", "name", "unit_id"]].itertuples()}
    listed = task_list(targets, tasks, class_names=class_names, kind_names=kind_names, layer_names=layer_names)
    acting = [*tasks["acting_unit_id"], *cells["acting_unit_id"]]
    ids: list[str | None] = sorted(set(names) | {unit for unit in acting if isinstance(unit, str)})
    if not all(isinstance(unit, str) for unit in acting):
        ids.append(None)
    packages: list[Package] = []
    for unit_id in ids:
        name = UNASSIGNED if unit_id is None else names.get(unit_id, unit_id)
        own = listed[_same(listed["acting_unit_id"], unit_id)].reset_index(drop=True)
        mine = cells[_same(cells["acting_unit_id"], unit_id) | cells["unit_id"].eq(unit_id).fillna(False)]
        heading = f"{city_name} {_period_text(period)}"
        own = own.assign(person=_persons_of(own["person_id"], persons, unit_id))
        sheets = (
            _task_sheet(own, heading, name),
            _detail_sheet(own, heading, name, trained),
            _left_out_sheet(own, heading, name),
            _cell_sheet(mine, heading, name, unit_id, names, persons),
            _ledger_sheet(own, heading, name),
        )
        folder = _unique(folder_name(name), unit_id, [package.folder for package in packages])
        counts = {"tasks": int(own["included"].sum()), "left_out": int((~own["included"]).sum()), "cells": len(mine)}
        packages.append(Package(unit_id, name, folder, sheets, jctb(own, county_code), counts))
    return tuple(packages)


def task_list(
    targets: gpd.GeoDataFrame,
    tasks: pd.DataFrame,
    *,
    class_names: Mapping[str, str],
    kind_names: Mapping[str, str],
    layer_names: Mapping[str, str],
) -> gpd.GeoDataFrame:
    """Tasks joined with their targets, by unit, included first and by rank, with printed columns added.

    Adds ``lon lat`` (degrees WGS84, a point inside the target), ``lon_dms lat_dms``, ``area_mu`` and Chinese labels.
    Raises ValueError when a task names a target that is not in ``targets``.
    """
    unknown = sorted(set(tasks["target_id"]) - set(targets["target_id"]))
    if unknown:
        raise ValueError(f"tasks name unknown targets: {unknown[:5]}")
    own = [column for column in tasks.columns if column != "target_id"]
    shared = [column for column in own if column in targets.columns]
    joined = targets.drop(columns=shared).merge(tasks, on="target_id", how="inner", validate="one_to_one")
    joined = joined.sort_values(
        ["acting_unit_id", "included", "rank", "target_id"], ascending=[True, False, True, True], kind="stable"
    ).reset_index(drop=True)
    points = joined.geometry.representative_point().to_crs("EPSG:4326")
    return joined.assign(
        lon=points.x.round(7),
        lat=points.y.round(7),
        lon_dms=[degrees_text(value, "EW") for value in points.x],
        lat_dms=[degrees_text(value, "NS") for value in points.y],
        area_mu=[mu(value) for value in joined["area_m2"]],
        area_span=[
            area_span(low, high) for low, high in zip(joined["area_low_m2"], joined["area_high_m2"], strict=True)
        ],
        farmland_mu=[mu(value) for value in joined["farmland_m2"]],
        basic_farmland_mu=[mu(value) for value in joined["basic_farmland_m2"]],
        redline_mu=[mu(value) for value in joined["redline_m2"]],
        outside_plan_mu=[mu(value) for value in joined["outside_plan_m2"]],
        village_plan_mu=[mu(value) for value in joined["village_plan_m2"]],
        stage_label=labels_of(Stage, joined["stage"]),
        confidence_label=labels_of(Confidence, joined["confidence"]),
        state_label=labels_of(TargetState, joined["state"]),
        kinds_label=[
            kinds_text(kinds, rules, kind_names) for kinds, rules in zip(joined["kinds"], joined["rules"], strict=True)
        ],
        rules_label=[rules_text(value, layer_names) for value in joined["rules"]],
        land_class=[main_class(value, class_names) for value in joined["area_by_class_m2"]],
    )


def degrees_text(degrees: float, sides: str) -> str:
    """Degrees as 度分秒 with hundredths of a second, for example ``东经118°03′12.34″``; ``sides``: ``EW`` or ``NS``."""
    if pd.isna(degrees):
        return ""
    side = {"E": "东经", "W": "西经", "N": "北纬", "S": "南纬"}[sides[0] if degrees >= 0 else sides[1]]
    hundredths = round(abs(degrees) * 360000)
    whole, rest = divmod(hundredths, 360000)
    minutes, seconds = divmod(rest, 6000)
    return f"{side}{whole}°{minutes:02d}′{seconds / 100:05.2f}″"


def main_class(area_by_class_m2: Any, class_names: Mapping[str, str]) -> str:
    """The land class with the largest area, name and code; ties take the smaller code, nothing known is 不可判."""
    areas = _json(area_by_class_m2)
    if not isinstance(areas, dict) or not areas:
        return "不可判"
    code = min(areas, key=lambda key: (-float(areas[key]), key))
    return f"{class_names[code]}({code})" if code in class_names else str(code)


def folder_name(name: str) -> str:
    """A folder name that Windows accepts too: reserved characters become ``_``, device names get one in front."""
    safe = _RESERVED.sub("_", name).strip(" .")[:_FOLDER_LENGTH].rstrip(" .") or "_"
    return f"_{safe}" if safe.split(".")[0].upper() in _DEVICES else safe


def jctb(tasks: gpd.GeoDataFrame, county_code: str) -> gpd.GeoDataFrame:
    """Tasks under the field names of the national 监测图斑 table (JCTB), geometry kept.

    XZB and YZB are easting and northing in metres in the city's CRS; BZ holds the hint, SFLR whether the task is in
    this month's list (1) or left out (0), TZ the suspected kinds, GL the probability, SXZX how many looks support it.
    """
    points = tasks.geometry.representative_point()
    values = {
        "target_id": tasks["target_id"],
        "stage": tasks["stage_label"],
        "county_code": pd.Series([county_code] * len(tasks), index=tasks.index, dtype="str"),
        "area_m2": tasks["area_m2"].round(2),
        "last_clear": tasks["last_clear"],
        "first_seen": tasks["first_seen"],
        "x": points.x.round(2),
        "y": points.y.round(2),
        "land_class": tasks["land_class"],
    }
    frame = pd.DataFrame({JCTB_FIELDS[key]: series for key, series in values.items()}, index=tasks.index)
    extra = {
        "TZ": [f"疑似：{kinds}" for kinds in tasks["kinds_label"]],
        "SFLR": tasks["included"].astype("int64"),
        "XH": tasks["rank"],
        "GL": tasks["probability"].round(2),
        "SXZX": tasks["confidence_label"],
    }
    frame = frame.assign(**extra, BZ=tasks["reason"])
    return gpd.GeoDataFrame(frame, geometry=tasks.geometry, crs=tasks.crs).reset_index(drop=True)


def _detail_columns(tasks: pd.DataFrame) -> dict[str, Any]:
    return {
        "序号": tasks["rank"],
        "监测编号": tasks["target_id"],
        "网格编号": tasks["cell_id"],
        "经度(WGS84)": tasks["lon"],
        "纬度(WGS84)": tasks["lat"],
        "面积(平方米)": tasks["area_m2"],
        "面积(亩)": tasks["area_mu"],
        "实际可能(亩)": tasks["area_span"],
        "耕地(亩)": tasks["farmland_mu"],
        "永久基本农田(亩)": tasks["basic_farmland_mu"],
        "主要地类": tasks["land_class"],
        "施工阶段": tasks["stage_label"],
        "状态": tasks["state_label"],
        "概率": tasks["probability"],
        "时序置信": tasks["confidence_label"],
        "疑似违法类型": tasks["kinds_label"],
        "触发规则": tasks["rules_label"],
        "前时相": tasks["last_clear"],
        "后时相": tasks["first_seen"],
        "提示": tasks["reason"],
        "责任人": tasks["person"],
    }


def _task_columns(tasks: pd.DataFrame) -> dict[str, Any]:
    """What a person in the field needs on one printed line, the answers' columns last."""
    columns: dict[str, Any] = {
        "序号": tasks["rank"],
        "监测编号": tasks["target_id"],
        "网格编号": tasks["cell_id"],
        "坐标(WGS84)": [f"{lon:.6f}\n{lat:.6f}" for lon, lat in zip(tasks["lon"], tasks["lat"], strict=True)],
        "坐标(度分秒)": [f"{lon}\n{lat}" for lon, lat in zip(tasks["lon_dms"], tasks["lat_dms"], strict=True)],
        "面积(平方米)": tasks["area_m2"],
        "面积(亩)": tasks["area_mu"],
        "施工阶段": tasks["stage_label"],
        "概率": tasks["probability"],
        "时序置信": tasks["confidence_label"],
        "疑似违法类型": tasks["kinds_label"],
        "主要地类": tasks["land_class"],
        "前时相": tasks["last_clear"],
        "后时相": tasks["first_seen"],
        "提示": tasks["reason"],
        "办理期限": tasks["due_on"],
        "责任人": tasks["person"],
    }
    return columns | {name: _blank(tasks) for name in ANSWER_COLUMNS}


def _blank(tasks: pd.DataFrame) -> pd.Series:
    return pd.Series([None] * len(tasks), index=tasks.index, dtype="object")


def _task_sheet(tasks: pd.DataFrame, heading: str, unit: str) -> Sheet:
    included = tasks[tasks["included"]]
    return Sheet(
        name="巡查任务清单",
        frame=pd.DataFrame(_task_columns(included)).reset_index(drop=True),
        title=f"{heading} 疑似新增建设核查任务清单（{unit}）",
        note=f"{CLUE_NOTE} 本月任务 {len(included)} 个，规则依据见“目标详情”；底色列由核查人员填写。",
        signature="填报人：____________    审核人：____________    单位负责人：____________    填报日期：____________",
        choices={"核查结果": ANSWERS},
        fillable=ANSWER_COLUMNS,
        formats=TASK_FORMATS,
        widths={
            "提示": 40,
            "疑似违法类型": 24,
            "触发规则": 24,
            "备注": 24,
            "核查日期": 12,
            "核查人员": 12,
            "核查结果": 10,
        },
    )


def _detail_sheet(tasks: pd.DataFrame, heading: str, unit: str, trained: bool) -> Sheet:
    included = tasks[tasks["included"]]
    return Sheet(
        name="目标详情",
        frame=pd.DataFrame(_detail_columns(included)).reset_index(drop=True),
        title=f"{heading} 本月任务目标详情（{unit}）",
        note=f"{probability_note(trained)}前时相尚无、后时相已见变化；面积按椭球面计算。{AREA_NOTE}",
        formats=TASK_FORMATS,
        widths={"提示": 40, "疑似违法类型": 24, "触发规则": 30},
    )


def _left_out_sheet(tasks: pd.DataFrame, heading: str, unit: str) -> Sheet:
    left = tasks[~tasks["included"]]
    columns = {"未列入理由": left["left_out_reason"]} | _detail_columns(left)
    return Sheet(
        name="未列入任务",
        frame=pd.DataFrame(columns).reset_index(drop=True),
        title=f"{heading} 未列入本月任务的目标（{unit}）",
        note=f"共 {len(left)} 个。超出每月核查上限或已有核查结论的目标保留在此，并说明理由。",
        formats=TASK_FORMATS,
        widths={"未列入理由": 30, "提示": 40, "疑似违法类型": 24, "触发规则": 24},
    )


def _cell_sheet(
    cells: pd.DataFrame,
    heading: str,
    unit: str,
    unit_id: str | None,
    names: Mapping[str, str],
    persons: Mapping[str, tuple[str, str]],
) -> Sheet:
    ordered = cells.sort_values("cell_id", kind="stable")
    acting = _same(ordered["acting_unit_id"], unit_id)
    people = _persons_of(ordered["person_id"].where(acting), persons, unit_id)
    states = labels_of(CellState, ordered["state"])
    frame = pd.DataFrame(
        {
            "网格编号": ordered["cell_id"],
            "属地单位": named(ordered["unit_id"], names),
            "负责单位": named(ordered["acting_unit_id"], names),
            "责任人": people,
            "本期状态": states,
            "目标数": ordered["targets"],
            "可观测比例": ordered["observable_share"],
            "说明": ordered["reason"],
        }
    ).reset_index(drop=True)
    counted = "，".join(f"{label} {states.count(label)} 个" for label in (state.label for state in CellState))
    return Sheet(
        name="网格情况",
        frame=frame,
        title=f"{heading} 网格情况（{unit}）",
        note=f"共 {len(frame)} 个网格：{counted}。“未观测”表示影像看不清，不等于没有变化。",
        formats=TASK_FORMATS,
    )


def _ledger_sheet(tasks: pd.DataFrame, heading: str, unit: str) -> Sheet:
    """The ten fields, empty, with the month's ids to pick from: a prefilled line could be taken for a finding."""
    rows = range(int(tasks["included"].sum()) + LEDGER_SPARE_ROWS)
    columns = ("序号", *LEDGER_FIELDS, "监测编号", "经度", "纬度")
    return Sheet(
        name="巡查台账",
        frame=pd.DataFrame({name: pd.Series([None] * len(rows), dtype="object") for name in columns}),
        title=f"{heading} 动态巡查台账（{unit}）",
        note="按实际巡查填写，没有发现也请写明巡查时间、人员和路线；有本月任务的，监测编号从列表中选取。坐标为 WGS84。",
        signature="巡查人员签名：____________    单位负责人：____________    日期：____________",
        suggested={"监测编号": ("巡查任务清单", "监测编号")},
        formats={"经度": "0.000000", "纬度": "0.000000", "巡查时间": "yyyy-mm-dd"},
        widths=dict.fromkeys(LEDGER_FIELDS, 14) | {"监测编号": 18, "经度": 11, "纬度": 11},
        row_height=30,
    )


def _persons_of(ids: pd.Series, persons: Mapping[str, tuple[str, str]], unit_id: str | None) -> pd.Series:
    """Names of the unit's own people; another unit's person stays unnamed."""
    shown: list[str | None] = []
    for person_id in ids:
        name, unit = persons.get(person_id, (None, None)) if isinstance(person_id, str) else (None, None)
        shown.append(name if unit is not None and unit == unit_id else None)
    return pd.Series(shown, index=ids.index, dtype="str")


def _same(ids: pd.Series, unit_id: str | None) -> pd.Series:
    return ids.isna() if unit_id is None else ids.eq(unit_id).fillna(False).astype("bool")


def _json(value: Any) -> Any:
    return json.loads(value) if isinstance(value, str) and value else None


def _period_text(period: str) -> str:
    year, month = period.split("-")
    return f"{year}年{int(month)}月"


def _unique(folder: str, unit_id: str | None, taken: list[str]) -> str:
    if folder.lower() not in {other.lower() for other in taken}:
        return folder
    return f"{folder}_{folder_name(unit_id or 'none')}"
