"""The tables that flow between rooms, as data: column names, kinds, units and meanings.

Writers conform to them with :func:`conform`, ``store`` checks them when it saves and loads, and the
documents print the Chinese labels. ``null`` columns may be missing per row, all others may not.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import cache
from typing import Literal

import geopandas as gpd
import numpy as np
import pandas as pd

Kind = Literal["text", "integer", "real", "date", "flag", "json"]

DTYPES: dict[str, str] = {
    "text": "str",
    "json": "str",
    "integer": "int64",
    "real": "float64",
    "date": "datetime64[ms]",
    "flag": "bool",
}


@dataclass(frozen=True)
class Column:
    """One column: ``kind`` fixes its dtype, ``label`` is the Chinese heading, ``unit`` is printed behind it."""

    name: str
    kind: Kind
    label: str
    unit: str = ""
    null: bool = False

    @property
    def dtype(self) -> str:
        if self.kind == "integer" and self.null:
            return "Int64"
        return DTYPES[self.kind]


@dataclass(frozen=True)
class Table:
    """A table's contract. ``geometry`` tables are GeoDataFrames in the city's projected metre CRS."""

    name: str
    columns: tuple[Column, ...]
    key: tuple[str, ...]
    geometry: bool = False

    @property
    def names(self) -> list[str]:
        return [column.name for column in self.columns]

    def labels(self) -> dict[str, str]:
        """Column name to Chinese heading with its unit."""
        return {c.name: f"{c.label}({c.unit})" if c.unit else c.label for c in self.columns}

    def plus(self, name: str, *columns: Column, key: tuple[str, ...] | None = None) -> Table:
        """A table with further columns behind this one's."""
        return Table(name, self.columns + columns, key or self.key, self.geometry)


PLACE = "_place"
"""An extra column beside a record table's own: the file and row in which a person wrote the record, in words."""


def conform(table: Table, frame: pd.DataFrame, crs: object = None) -> pd.DataFrame:
    """``frame`` with the table's columns only, in its order and dtypes; never changes ``frame`` itself.

    Columns that may be null are added when absent; an absent or null required column raises ValueError. Geometry
    tables come back as GeoDataFrames in ``crs`` (default: the frame's own); the index is renumbered.
    """
    data: dict[str, pd.Series] = {}
    for column in table.columns:
        if column.name in frame.columns:
            series = frame[column.name]
        elif column.null:
            series = pd.Series([None] * len(frame), index=frame.index, dtype="object")
        else:
            raise ValueError(f"table {table.name} lacks the column {column.name}")
        data[column.name] = _cast(series, column, table.name)
    plain = pd.DataFrame(data, index=frame.index, columns=table.names).reset_index(drop=True)
    if not table.geometry:
        return plain
    geometry = frame["geometry"] if "geometry" in frame.columns else [None] * len(frame)
    own = getattr(frame, "crs", None) if isinstance(frame, gpd.GeoDataFrame) else None
    shapes = gpd.GeoSeries(np.array(geometry, dtype=object), crs=crs if crs is not None else own)
    return gpd.GeoDataFrame(plain, geometry=shapes, crs=shapes.crs)


@cache
def _dtype(name: str) -> object:
    return pd.api.types.pandas_dtype(name)


def _cast(series: pd.Series, column: Column, table: str) -> pd.Series:
    if series.dtype == _dtype(column.dtype):
        cast = series
    elif column.kind == "date":
        cast = pd.to_datetime(series).astype("datetime64[ms]")
    elif column.kind in ("text", "json") and series.dtype == "str":
        cast = series
    elif column.kind in ("text", "json"):
        cast = series.astype("object").where(series.notna(), None).astype("str")
    else:
        cast = series.astype(column.dtype)
    if not column.null and cast.hasnans:
        raise ValueError(f"table {table}, column {column.name}: {int(cast.isna().sum())} rows without a value")
    return cast


def empty(table: Table, crs: object = None) -> pd.DataFrame:
    """The table with no rows, right columns and dtypes."""
    return conform(table, pd.DataFrame({name: [] for name in table.names}), crs)


def _text(name: str, label: str, null: bool = False) -> Column:
    return Column(name, "text", label, null=null)


def _real(name: str, label: str, unit: str = "", null: bool = False) -> Column:
    return Column(name, "real", label, unit, null)


def _integer(name: str, label: str, unit: str = "", null: bool = False) -> Column:
    return Column(name, "integer", label, unit, null)


def _date(name: str, label: str, null: bool = False) -> Column:
    return Column(name, "date", label, null=null)


def _flag(name: str, label: str) -> Column:
    return Column(name, "flag", label)


def _json(name: str, label: str, null: bool = False) -> Column:
    return Column(name, "json", label, null=null)


# --- inputs: units, people, plans, records (Chinese headings in the bureau's files are these labels) ---------

UNITS = Table(
    "units",
    (
        _text("unit_id", "单位编号"),
        _text("name", "单位名称"),
        _text("kind", "单位类型"),
        _integer("precedence", "重叠优先级"),
        _integer("workload_per_month", "每月核查上限", "个"),
    ),
    key=("unit_id",),
    geometry=True,
)
CELLS = Table("cells", (_text("cell_id", "网格编号"),), key=("cell_id",), geometry=True)
PEOPLE = Table(
    "people",
    (
        _text("person_id", "人员编号"),
        _text("name", "姓名"),
        _text("unit_id", "单位编号"),
        _text("role", "职务", null=True),
        _text("phone", "电话", null=True),
    ),
    key=("person_id",),
)
RESPONSIBILITY = Table(
    "responsibility",
    (
        _text("cell_id", "网格编号"),
        _text("unit_id", "单位编号"),
        _text("person_id", "人员编号"),
        _date("valid_from", "起始日期"),
        _date("valid_to", "终止日期", null=True),
    ),
    key=("cell_id", "unit_id", "valid_from"),
)
DELEGATIONS = Table(
    "delegations",
    (
        _text("unit_id", "单位编号"),
        _text("delegate_unit_id", "受托单位编号"),
        _date("valid_from", "起始日期"),
        _date("valid_to", "终止日期", null=True),
        _text("basis", "依据", null=True),
    ),
    key=("unit_id", "valid_from"),
)
# the persons above a cell's own (层层包保): level 1 is the unit's first-responsible person (主要负责人)
CHAIN = Table(
    "chain",
    (
        _text("unit_id", "单位编号"),
        _integer("level", "层级"),
        _text("person_id", "人员编号"),
        _text("duty", "职责", null=True),
        _date("valid_from", "起始日期"),
        _date("valid_to", "终止日期", null=True),
    ),
    key=("unit_id", "level", "valid_from"),
)
PLAN = Table(
    "plan",
    (
        _text("plan_id", "计划编号"),
        _text("unit_id", "单位编号"),
        _text("cell_id", "网格编号"),
        _text("person_id", "人员编号", null=True),
        _date("due_from", "计划起始日期"),
        _date("due_to", "计划截止日期"),
        _integer("visits_required", "应巡次数", "次"),
        _text("route", "巡查路线", null=True),
        _text("hours", "巡查时段", null=True),
        _text("frequency", "巡查频率", null=True),
        _text("duty", "责任内容", null=True),
        _text("version", "计划版本", null=True),
    ),
    key=("plan_id",),
)
# a delivered plan before its areas and frequencies become days and visits
PLAN_FORM = Table(
    "plan_form",
    (
        _text("unit", "单位"),
        _text("area", "责任区域"),
        _text("person", "责任人员", null=True),
        _text("duty", "责任内容", null=True),
        _text("route", "巡查路线", null=True),
        _text("hours", "巡查时段", null=True),
        _text("frequency", "巡查频率"),
        _date("due_from", "起始日期"),
        _date("due_to", "截止日期"),
        _date("effective", "生效日期", null=True),
    ),
    key=("unit", "area", "due_from"),
)
DISPATCHES = Table(
    "dispatches",
    (
        _text("period", "期次"),
        _text("revision", "版本"),
        _text("target_id", "监测编号"),
        _text("unit_id", "单位编号"),
        _date("dispatched_on", "派发日期"),
    ),
    key=("period", "revision", "target_id"),
)
FIELD_CHECKS = Table(
    "field_checks",
    (
        _text("target_id", "监测编号"),
        _date("checked_on", "核查日期"),
        _text("outcome", "核查结果"),
        _text("checked_by", "核查人员", null=True),
        _text("note", "备注", null=True),
    ),
    key=("target_id", "checked_on"),
)
APPROVAL_RECORDS = Table(
    "approvals",
    (
        _text("target_id", "监测编号"),
        _date("approved_on", "批准日期"),
        _text("document", "批准文号"),
        _real("approved_area_m2", "批准面积", "平方米", null=True),
    ),
    key=("target_id", "document"),
)
NOTICES = Table(
    "notices",
    (
        _text("target_id", "监测编号"),
        _text("notice_kind", "文书种类"),
        _text("number", "文书编号"),
        _date("issued_on", "制作日期"),
        _date("served_on", "送达日期", null=True),
    ),
    key=("number",),
)
REFERRAL_RECORDS = Table(
    "referral_records",
    (
        _text("target_id", "监测编号"),
        _date("referred_on", "抄告日期"),
        _text("referred_to", "抄告部门"),
        _date("replied_on", "回复日期", null=True),
        _text("reply", "回复内容", null=True),
    ),
    key=("target_id", "referred_on"),
)
REPLIES = Table(
    "replies",
    (
        _text("period", "期次"),
        _text("trigger", "编号"),
        _text("unit_id", "单位编号"),
        _date("replied_on", "申辩日期"),
        _text("reply", "申辩内容"),
    ),
    key=("period", "trigger", "unit_id", "replied_on"),
)
SUPPLY_EVENTS = Table(
    "supply_events",
    (
        _text("supply_id", "电子监管号"),
        _text("event", "事项"),
        _date("happened_on", "日期"),
        _date("until", "截止日期", null=True),
        _text("document", "文号", null=True),
        _text("note", "备注", null=True),
    ),
    key=("supply_id", "event", "happened_on"),
)
AUDIT_CHECKS = Table(
    "audit_checks",
    (
        _text("period", "期次"),
        _text("cell_id", "网格编号"),
        _date("checked_on", "核查日期"),
        _integer("item", "序号"),
        _text("target_id", "监测编号", null=True),
        _text("known_to_patrol", "巡查是否已知", null=True),
        _real("area_m2", "面积", "平方米", null=True),
        _text("checked_by", "核查人员", null=True),
        _text("note", "备注", null=True),
    ),
    key=("period", "cell_id", "item"),
)
DECISIONS = Table(
    "decisions",
    (
        _text("target_id", "监测编号"),
        _text("entry_id", "台账条目", null=True),
        _text("decision", "决定"),
        _date("decided_on", "决定日期"),
        _text("reason", "理由", null=True),
        _text("decided_by", "决定人", null=True),
    ),
    key=("target_id", "entry_id", "decided_on", "decision"),
)
# candidates that screen suppressed and a person wants back; the ground (WKT in the city's CRS) carries over months
RESTORATIONS = Table(
    "restorations",
    (
        _text("run", "版本"),
        _text("candidate_id", "候选编号"),
        _text("decision", "决定"),
        _date("decided_on", "决定日期"),
        _text("reason", "理由"),
        _text("decided_by", "决定人"),
        _text("ground", "图斑范围"),
    ),
    key=("run", "candidate_id", "decided_on"),
)

# --- inputs: layers, after their names and fields have been recognised ----------------------------------------

LAND_USE = Table(
    "land_use",
    (
        _text("parcel_id", "标识码"),
        _text("class_code", "地类编码"),
        _text("class_name", "地类名称", null=True),
        _text("location_code", "坐落代码", null=True),
        _real("attribute_area_m2", "图斑面积", "平方米", null=True),
        _integer("survey_year", "数据年份", null=True),
    ),
    key=("parcel_id",),
    geometry=True,
)
BASIC_FARMLAND = Table(
    "basic_farmland",
    (
        _text("parcel_id", "图斑编号"),
        _date("valid_from", "保护开始时间", null=True),
        _date("valid_to", "保护结束时间", null=True),
    ),
    key=("parcel_id",),
    geometry=True,
)
PLANNING = Table(
    "planning",
    (_text("zone_id", "标识码"), _text("zone_kind", "规划分区")),
    key=("zone_id",),
    geometry=True,
)
APPROVALS = Table(
    "approved_land",
    (
        _text("approval_id", "标识码"),
        _text("document", "批准文号", null=True),
        _text("project", "项目名称", null=True),
        _date("approved_on", "批准日期", null=True),
    ),
    key=("approval_id",),
    geometry=True,
)
TEMPORARY_LAND = APPROVALS.plus("temporary_land", _date("expires_on", "到期日期", null=True))
# 生态保护红线 and 村庄规划 as areas; the further rights and permits as dated ground, like approvals
ECOLOGICAL_REDLINE = Table(
    "ecological_redline",
    (_text("zone_id", "标识码"), _text("name", "名称", null=True)),
    key=("zone_id",),
    geometry=True,
)
VILLAGE_PLAN = Table(
    "village_plan",
    (_text("zone_id", "标识码"), _text("zone_kind", "规划用途或管制区", null=True)),
    key=("zone_id",),
    geometry=True,
)
FACILITY_LAND = APPROVALS.plus("facility_land")
PLANNING_PERMITS = APPROVALS.plus("planning_permits")
RURAL_PERMITS = APPROVALS.plus("rural_permits")
EMERGENCY_LAND = APPROVALS.plus("emergency_land")
MINING_RIGHTS = TEMPORARY_LAND.plus("mining_rights")
# land supplied by contract or allocation decision (供地), watched until it is completed
SUPPLIED_LAND = Table(
    "supplied_land",
    (
        _text("supply_id", "电子监管号"),
        _text("supply_kind", "供应方式", null=True),
        _text("document", "合同或决定书编号", null=True),
        _text("project", "项目名称", null=True),
        _text("holder", "用地单位", null=True),
        _text("planned_use", "批准用途", null=True),
        _date("agreed_on", "签订日期", null=True),
        _date("handover_by", "约定交地日期", null=True),
        _date("start_by", "约定动工日期", null=True),
        _date("finish_by", "约定竣工日期", null=True),
        _real("to_build_m2", "应动工面积", "平方米", null=True),
        _real("floor_area_m2", "建筑面积", "平方米", null=True),
    ),
    key=("supply_id",),
    geometry=True,
)
PLACES = Table(
    "places",
    (_text("place_id", "行政区代码"), _text("name", "名称"), _text("place_kind", "类别")),
    key=("place_id",),
    geometry=True,
)
# roads (lines) and hamlets or landmarks (points or polygons) that ledgers name
NAMED_GROUND = Table(
    "named_ground",
    (_text("named_id", "编号"), _text("name", "名称"), _text("kind", "类别")),
    key=("named_id",),
    geometry=True,
)

# --- detect, screen, register --------------------------------------------------------------------------------

CANDIDATES = Table(
    "candidates",
    (
        _text("candidate_id", "候选编号"),
        _text("source", "影像来源"),
        _real("probability", "新增建设概率"),
        _text("stage", "施工阶段"),
        _text("confidence", "时序置信"),
        _real("area_m2", "面积", "平方米", null=True),
        _real("area_low_m2", "面积下限", "平方米", null=True),
        _real("area_high_m2", "面积上限", "平方米", null=True),
        _integer("area_px", "像元数"),
        _date("last_clear", "前时相", null=True),
        _date("first_seen", "后时相", null=True),
        _real("gsd_m", "像元大小", "米", null=True),
        _real("change_score", "变化强度"),
        _real("change_score_max", "最大变化强度"),
        _real("novelty", "历史新异度", null=True),
        _real("ndvi_before", "前期植被指数", null=True),
        _real("ndvi_after", "后期植被指数", null=True),
        _real("brightness_before", "前期亮度"),
        _real("brightness_after", "后期亮度"),
        _real("correlation", "局部相关"),
        _real("rectangularity", "矩形度"),
        _real("edge_contrast", "边缘反差"),
        _real("clear_share", "可观测比例"),
        _integer("clear_looks", "无云观测次数"),
        _real("alike_share", "周边同类变化比例", null=True),
        _real("soil_share", "裸土比例", null=True),
        _real("grey_share", "硬质地表比例", null=True),
        _real("roof_share", "屋面比例", null=True),
    ),
    key=("candidate_id",),
    geometry=True,
)

# objects that wait for a later look before they are candidates
HELD = CANDIDATES.plus(
    "held", _text("held_since", "待复核起始期次"), _text("held_reason", "待复核理由"), _text("outcome", "复核结果"),
    _json("state_before", "变化前各波段反射率", null=True), _json("state_after", "变化后各波段反射率", null=True),
)  # fmt: skip

# what waits, as the bureau reads it
WAITING = Table(
    "waiting",
    (
        _text("candidate_id", "候选编号"),
        _text("target_id", "监测编号", null=True),
        _text("source", "影像来源"),
        _text("cell_id", "网格编号", null=True),
        _text("acting_unit_id", "负责单位", null=True),
        _real("lon", "经度(WGS84)"),
        _real("lat", "纬度(WGS84)"),
        _real("area_m2", "面积", "平方米", null=True),
        _real("probability", "新增建设概率"),
        _date("last_clear", "前时相", null=True),
        _date("first_seen", "后时相", null=True),
        _text("held_since", "待复核起始期次"),
        _text("held_reason", "待复核理由"),
        _text("outcome", "复核结果"),
    ),
    key=("candidate_id",),
    geometry=True,
)

FOLLOWED = Table(
    "followed",
    (
        _text("followed_id", "跟踪编号"),
        _text("source", "影像来源"),
        _text("lifecycle", "变化过程"),
        _text("confidence", "时序置信", null=True),
        _real("evidence", "累积证据"),
        _integer("looks", "变化后观测月数"),
        _real("area_m2", "面积", "平方米", null=True),
        _integer("area_px", "像元数"),
        _date("last_clear", "前时相", null=True),
        _date("first_seen", "后时相", null=True),
        _date("sure_on", "可信时相", null=True),
        _integer("lag_days", "确认滞后", "天", null=True),
    ),
    key=("followed_id",),
    geometry=True,
)

_SCREENING = (
    _json("kinds", "疑似违法类型", null=True),
    _json("rules", "规则与字段值"),
    _json("area_by_class_m2", "地类面积"),
    _real("farmland_m2", "耕地面积", "平方米", null=True),
    _real("basic_farmland_m2", "永久基本农田面积", "平方米", null=True),
    _real("construction_land_m2", "建设用地面积", "平方米", null=True),
    _real("outside_plan_m2", "规划外面积", "平方米", null=True),
    _real("approved_m2", "已批准面积", "平方米", null=True),
    _text("approval", "批准文号", null=True),
    _real("redline_m2", "生态保护红线面积", "平方米", null=True),
    _real("village_plan_m2", "村庄规划内面积", "平方米", null=True),
)
SUSPECTED = CANDIDATES.plus("suspected", *_SCREENING)
SUPPRESSED = SUSPECTED.plus("suppressed", _text("suppressed_by", "排除规则"), _text("suppressed_reason", "排除理由"))
RESTORED = SUPPRESSED.plus("restored", _text("restored_by", "恢复依据"))
TARGETS = Table(
    "targets",
    (
        _text("target_id", "监测编号"),
        _text("state", "状态"),
        _text("first_period", "首次检出期次"),
        _text("last_period", "最近检出期次"),
        _text("parent_ids", "来源编号", null=True),
        _text("merged_into", "并入编号", null=True),
        _json("history", "历期记录"),
        _json("links", "关联线索", null=True),
        _real("area_before_m2", "上期面积", "平方米", null=True),
        _text("stock", "增量存量", null=True),
        _text("stock_basis", "增量存量依据", null=True),
        *SUSPECTED.columns,
    ),
    key=("target_id",),
    geometry=True,
)
REVISION = Table(
    "revision",
    (_text("target_id", "监测编号"), _text("change", "变化"), _text("detail", "说明")),
    key=("target_id", "change"),
)

# --- patrol --------------------------------------------------------------------------------------------------

TASKS = Table(
    "tasks",
    (
        _text("target_id", "监测编号"),
        _text("cell_id", "网格编号", null=True),
        _json("cell_shares", "网格占比"),
        _text("unit_id", "属地单位", null=True),
        _text("acting_unit_id", "负责单位", null=True),
        _text("person_id", "责任人", null=True),
        _integer("rank", "序号"),
        _real("priority", "优先度"),
        _flag("included", "列入本月任务"),
        _text("left_out_reason", "未列入理由", null=True),
        _date("due_on", "办理期限", null=True),
        _text("reason", "提示"),
        _text("blind_sample", "盲样", null=True),
    ),
    key=("target_id",),
)
CELL_STATES = Table(
    "cell_states",
    (
        _text("cell_id", "网格编号"),
        _text("unit_id", "属地单位", null=True),
        _text("acting_unit_id", "负责单位", null=True),
        _text("person_id", "责任人", null=True),
        _text("state", "本期状态"),
        _integer("targets", "目标数", "个"),
        _real("observable_share", "可观测比例"),
        _text("reason", "说明"),
    ),
    key=("cell_id",),
    geometry=True,
)
PLAN_CHECK = Table(
    "plan_check",
    (
        _text("rule", "规则"),
        _text("unit_id", "单位编号", null=True),
        _text("cell_id", "网格编号", null=True),
        _text("problem", "问题"),
    ),
    key=("rule", "unit_id", "cell_id"),
)
ROUTES = Table(
    "routes",
    (
        _text("unit_id", "单位编号"),
        _integer("day", "巡查日"),
        _integer("stop", "站序"),
        _text("target_id", "监测编号"),
        _real("leg_m", "路段长度", "米"),
    ),
    key=("unit_id", "day", "stop"),
    geometry=True,
)

# --- ledger --------------------------------------------------------------------------------------------------

ENTRIES = Table(
    "entries",
    (
        _text("entry_id", "条目编号"),
        _text("unit_id", "单位编号"),
        _text("file", "文件"),
        _text("sheet", "工作表"),
        _integer("row", "行号"),
        _integer("item", "行内序号"),
        _flag("finding", "有无发现"),
        _date("discovered_on", "巡查时间", null=True),
        _date("discovered_until", "巡查时间止", null=True),
        _text("people", "巡查人员", null=True),
        _text("route", "巡查路线", null=True),
        _text("project", "巡查项目", null=True),
        _text("subject", "违法项目主体或名称", null=True),
        _text("place", "违法地点", null=True),
        _text("status", "违法现状", null=True),
        _text("measures", "制止措施", null=True),
        _text("effect", "制止效果", null=True),
        _text("follow_up", "后续处理", null=True),
        _text("remark", "备注", null=True),
        _text("stated_target_id", "填报监测编号", null=True),
        _real("stated_area_m2", "填报面积", "平方米", null=True),
        _real("stated_x", "填报坐标一", null=True),
        _real("stated_y", "填报坐标二", null=True),
        _text("datum", "坐标基准", null=True),
        _text("position_source", "位置来源"),
        _real("uncertainty_m", "位置误差", "米", null=True),
    ),
    key=("entry_id",),
    geometry=True,
)
LEDGER_FILES = Table(
    "files",
    (
        _text("unit_id", "单位编号", null=True),
        _text("file", "文件"),
        _text("format", "格式"),
        _integer("size_bytes", "大小", "字节"),
        _text("sha256", "校验值", null=True),
        _flag("read", "已读入"),
        _text("code", "错误号", null=True),
        _text("reason", "理由", null=True),
        _text("reading", "读法", null=True),
        _integer("sheets", "工作表", "张"),
        _integer("rows", "数据行", "行"),
        _integer("entries", "条目", "条"),
        _integer("findings", "发现", "条"),
        _integer("effort_rows", "未发现的巡查", "条"),
        _integer("rejected", "退回", "处"),
        _integer("repaired_cells", "修正", "处"),
        _date("first_day", "最早记录", null=True),
        _date("last_day", "最晚记录", null=True),
        _text("stated_month", "写明月份", null=True),
        _date("saved_on", "最后保存", null=True),
        _real("completeness", "完整度", null=True),
        _text("doubts", "需核对", null=True),
    ),
    key=("file",),
)
PHOTOS = Table(
    "photos",
    (
        _text("photo_id", "照片编号"),
        _text("unit_id", "单位编号"),
        _text("file", "文件"),
        _text("sha256", "SHA-256"),
        _integer("size_bytes", "大小", "字节"),
        _integer("width", "宽", "像素", null=True),
        _integer("height", "高", "像素", null=True),
        _text("look", "画面指纹", null=True),
        _date("taken_on", "拍摄日期", null=True),
        _text("taken_at", "拍摄时刻", null=True),
        _text("camera", "相机", null=True),
        _text("datum", "坐标基准", null=True),
        _real("error_m", "照片自报误差", "米", null=True),
        _text("entry_ids", "对应条目", null=True),
        _text("linked_by", "对应依据", null=True),
        _text("doubts", "存疑", null=True),
    ),
    key=("photo_id",),
    geometry=True,
)
SUPERSEDED = Table(
    "superseded",
    (
        _text("entry_id", "条目编号"),
        _text("unit_id", "单位编号"),
        _text("file", "文件"),
        _text("sheet", "工作表"),
        _integer("row", "行号"),
        _integer("item", "行内序号"),
        _text("content", "原内容"),
        _text("superseded_by", "更正后条目"),
        _text("by_file", "更正文件"),
        _text("by_sheet", "更正工作表"),
        _integer("by_row", "更正行号"),
        _text("basis", "更正依据"),
        _text("changed", "更正内容"),
    ),
    key=("entry_id",),
)
VISITS = Table(
    "visits",
    (
        _text("visit_id", "巡查编号"),
        _text("unit_id", "单位编号"),
        _text("people", "巡查人员", null=True),
        _date("visited_on", "巡查日期"),
        _date("visited_until", "巡查日期止", null=True),
        _text("evidence", "依据"),
        _text("file", "文件"),
        _real("length_m", "轨迹长度", "米", null=True),
        _real("minutes", "用时", "分钟", null=True),
        _text("cell_ids", "涉及网格", null=True),
        _text("doubts", "存疑", null=True),
    ),
    key=("visit_id",),
    geometry=True,
)
REPAIRS = Table(
    "repairs",
    (
        _text("unit_id", "单位编号"),
        _text("file", "文件"),
        _text("sheet", "工作表"),
        _integer("row", "行号"),
        _text("field", "字段"),
        _text("before", "原值", null=True),
        _text("after", "改后", null=True),
        _text("rule", "规则"),
    ),
    key=("file", "sheet", "row", "field", "rule"),
)
REJECTED = Table(
    "rejected",
    (
        _text("unit_id", "单位编号", null=True),
        _text("file", "文件"),
        _text("sheet", "工作表", null=True),
        _integer("row", "行号", null=True),
        _text("field", "字段", null=True),
        _text("content", "原内容", null=True),
        _text("code", "错误号"),
        _text("reason", "理由"),
    ),
    key=("file", "sheet", "row", "field"),
)

ODDITIES = Table(
    "oddities",
    (
        _text("unit_id", "单位编号"),
        _text("file", "文件", null=True),
        _text("sheet", "工作表", null=True),
        _integer("row", "行号", null=True),
        _text("kind", "类别"),
        _text("what", "内容"),
        _text("reason", "值得核对的理由"),
    ),
    key=("unit_id", "file", "sheet", "row", "kind", "what", "reason"),
)
TRACK_PARTS = Table(
    "track_parts",
    (
        _text("visit_id", "巡查编号"),
        _text("unit_id", "单位编号"),
        _integer("number", "序号"),
        _text("kind", "类别"),
        _date("started_at", "开始时间"),
        _real("minutes", "用时", "分钟"),
        _real("length_m", "长度", "米"),
        _real("speed_kmh", "速度", "公里/小时"),
    ),
    key=("visit_id", "number"),
    geometry=True,
)

# --- reconcile -----------------------------------------------------------------------------------------------

MATCHES = Table(
    "matches",
    (
        _text("target_id", "监测编号"),
        _text("entry_id", "条目编号"),
        _real("probability", "匹配概率"),
        _real("distance_m", "距离", "米", null=True),
        _real("space_score", "空间得分"),
        _real("time_score", "时间得分"),
        _real("word_score", "文字得分"),
        _text("status", "匹配状态"),
        _text("reason", "说明"),
    ),
    key=("target_id", "entry_id"),
)
AMBIGUOUS = Table(
    "ambiguous",
    (
        _text("set_id", "组号"),
        _text("question", "待判定"),
        _text("target_ids", "监测编号"),
        _text("entry_ids", "条目编号"),
        _text("unit_ids", "报送单位编号", null=True),
        _integer("pairs", "待判对数", "对"),
        _real("best_probability", "最高匹配概率"),
        _text("evidence", "并列证据"),
        _text("how", "判定办法"),
    ),
    key=("set_id",),
)
QUESTIONS = Table(
    "questions",
    (
        _integer("rank", "序号"),
        _text("set_id", "组号"),
        _text("target_id", "监测编号"),
        _text("entry_id", "台账条目"),
        _real("probability", "匹配概率"),
        _text("verdict", "目前结论"),
        _flag("keeps_open", "结论因此待定"),
        _text("verdict_if_same", "判同一处后的结论"),
        _text("if_same", "判同一处的后果"),
        _text("verdict_if_different", "判不是同一处后的结论"),
        _text("if_different", "判不是同一处的后果"),
    ),
    key=("target_id", "entry_id"),
)
VERDICTS = Table(
    "verdicts",
    (
        _text("target_id", "监测编号"),
        _text("unit_id", "属地单位", null=True),
        # the unit that found it, patrolled past it, had to go there, or held it when it was dispatched
        _text("acting_unit_id", "结论所指单位", null=True),
        _text("person_id", "结论所指责任人", null=True),
        _text("cell_id", "网格编号", null=True),
        _text("verdict", "结论"),
        _text("rule", "规则"),
        _text("reason", "理由"),
        _text("entry_id", "台账条目", null=True),
        _date("discovered_on", "发现日期", null=True),
        # what the matched entry's 违法现状 tells, a code of Stage; null: not told
        _text("told_stage", "发现时阶段", null=True),
        _date("dispatched_on", "派发日期", null=True),
        _date("last_clear", "前时相", null=True),
        _date("first_seen", "后时相", null=True),
        _date("window_from", "应见起始日", null=True),
        _date("window_to", "应见截止日", null=True),
        _integer("visits_in_window", "窗口内巡查", "次"),
        _text("visit_id", "最佳巡查", null=True),
        _real("seen_probability", "看见概率"),
        _integer("visits_required", "应巡次数", "次"),
        _flag("records_complete", "资料齐全"),
        _text("outcome", "核查结果"),
        _flag("accountable", "可追责"),
    ),
    key=("target_id",),
)
COVERAGE = Table(
    "coverage",
    (
        _text("cell_id", "网格编号"),
        _text("unit_id", "属地单位", null=True),
        _text("acting_unit_id", "负责单位", null=True),
        _text("person_id", "责任人", null=True),
        _integer("planned_visits", "计划巡查", "次"),
        _integer("track_visits", "有轨迹巡查", "次"),
        _integer("ledger_visits", "仅台账巡查", "次"),
        _real("track_length_m", "轨迹长度", "米"),
        _real("track_minutes", "格内用时", "分钟", null=True),
        _real("seen_share", "看见面积比例"),
        _real("seen_early_share", "推填土可见比例", null=True),
        _real("seen_built_share", "主体结构可见比例", null=True),
        _real("observable_share", "影像可观测比例"),
        _real("area_ha", "面积", "公顷", null=True),
        _real("risk", "风险", "折合公顷", null=True),
        _real("risk_seen_early_share", "风险已见比例下限", null=True),
        _real("risk_seen_built_share", "风险已见比例上限", null=True),
        _integer("longest_gap_days", "最长未到", "天", null=True),
        _date("last_visit", "最近巡查", null=True),
        _text("state", "覆盖状态"),
        _text("reason", "说明"),
    ),
    key=("cell_id",),
    geometry=True,
)
EFFORT = Table(
    "effort",
    (
        _text("unit_id", "单位编号"),
        _text("person_id", "人员编号", null=True),
        _integer("cells", "网格", "个"),
        _integer("planned_cells", "计划网格", "个"),
        _integer("planned_visits", "计划巡查", "次"),
        _integer("done_visits", "计划完成", "次"),
        _integer("track_visits", "有轨迹巡查", "次"),
        _integer("track_only_visits", "有轨迹无台账", "次"),
        _integer("ledger_only_visits", "有台账无轨迹", "次"),
        _integer("doubtful_visits", "轨迹存疑", "次"),
        _real("hours", "用时", "小时"),
        _real("length_km", "里程", "公里"),
        _real("area_ha", "面积", "公顷"),
        _real("seen_early_share", "推填土可见比例", null=True),
        _real("seen_built_share", "主体结构可见比例", null=True),
        _real("observable_seen_early_share", "影像可观测部分已见比例下限", null=True),
        _real("observable_seen_built_share", "影像可观测部分已见比例上限", null=True),
        _real("risk", "风险", "折合公顷"),
        _real("risk_seen_early_share", "风险已见比例下限", null=True),
        _real("risk_seen_built_share", "风险已见比例上限", null=True),
        _integer("longest_gap_days", "最长未到", "天", null=True),
        _integer("never_visited_cells", "从未到达计划网格", "个"),
    ),
    key=("unit_id", "person_id"),
)
MISSED = Table(
    "missed",
    (
        _text("missed_id", "漏巡编号"),
        _text("cell_id", "网格编号"),
        _text("unit_id", "属地单位", null=True),
        _text("acting_unit_id", "负责单位", null=True),
        _integer("rank", "序号"),
        _text("kind", "漏巡类型"),
        _real("area_m2", "面积", "平方米"),
        _integer("targets", "目标数", "个"),
        _real("risk_left", "未见风险", "折合公顷", null=True),
        _real("risk_left_low", "未见风险下限", "折合公顷", null=True),
        _real("risk_left_high", "未见风险上限", "折合公顷", null=True),
        _text("reason", "说明"),
    ),
    key=("missed_id",),
    geometry=True,
)
OMISSIONS = Table(
    "omissions",
    (
        _text("entry_id", "条目编号"),
        _text("unit_id", "单位编号"),
        _text("omission", "原因类别"),
        _date("discovered_on", "巡查时间", null=True),
        _text("subject", "违法项目主体或名称", null=True),
        _text("place", "违法地点", null=True),
        _text("reason", "说明"),
    ),
    key=("entry_id",),
    geometry=True,
)
KPIS = Table(
    "kpis",
    (
        _text("kpi", "指标"),
        _text("unit_id", "单位编号", null=True),
        _real("value", "数值", null=True),
        _real("low", "区间下限", null=True),
        _real("high", "区间上限", null=True),
        _integer("numerator", "分子"),
        _integer("denominator", "分母"),
        _text("formula", "口径"),
    ),
    key=("kpi", "unit_id"),
)
ESTIMATES = Table(
    "estimates",
    (
        _text("measure", "估计"),
        _text("scope", "范围"),
        _real("value", "数值", null=True),
        _real("low", "区间下限", null=True),
        _real("high", "区间上限", null=True),
        _integer("satellite", "卫星名单", "处", null=True),
        _integer("patrol", "巡查名单", "处", null=True),
        _integer("both", "两者都有", "处", null=True),
        _integer("sample", "样本", "个", null=True),
        _text("basis", "口径和假设"),
        _text("warning", "警示", null=True),
    ),
    key=("measure", "scope"),
)
AUDIT_SAMPLE = Table(
    "audit_sample",
    (
        _text("cell_id", "网格编号"),
        _text("stratum", "分层"),
        _real("inclusion_probability", "入样概率"),
    ),
    key=("cell_id",),
)

# --- supervise -----------------------------------------------------------------------------------------------

CASES = Table(
    "cases",
    (
        _text("target_id", "监测编号"),
        _text("unit_id", "派发时负责单位", null=True),
        _text("acting_unit_id", "现负责单位", null=True),
        _text("state", "办理状态"),
        _date("since", "状态起始日", null=True),
        _text("outcome", "核查结果"),
        _text("next_step", "下一步"),
        _date("due_on", "期限", null=True),
        # null where it changed hands between the day the step counts from and the day it is due
        _text("due_unit_id", "期限内负责单位", null=True),
        _flag("overdue", "已逾期"),
        _text("basis", "依据"),
    ),
    key=("target_id",),
)
# append-only: rows of earlier periods stay as they are, later periods add theirs
CASE_HISTORY = Table(
    "case_history",
    (
        _text("target_id", "监测编号"),
        _integer("number", "序号"),
        _date("day", "日期"),
        _text("source", "来源"),
        _text("state", "办理状态"),
        _text("event", "内容和依据"),
        _text("recorded_in", "记入期次"),
    ),
    key=("target_id", "number"),
)
CONFLICTS = Table(
    "conflicts",
    (
        _text("target_id", "监测编号"),
        _text("conflict", "矛盾"),
        _text("one", "一方依据"),
        _text("other", "另一方依据"),
        _text("effect", "处理"),
        _text("place", "文件、行、栏", null=True),
        _text("mend", "怎么办", null=True),
    ),
    key=("target_id", "conflict", "one", "other"),
)
FOLLOW_UPS = Table(
    "follow_ups",
    (
        _text("target_id", "监测编号"),
        _date("stop_since", "停工观察起始日", null=True),
        _text("watch", "停工观察", null=True),
        _text("watch_reason", "停工观察说明", null=True),
        _text("ground", "清除复绿"),
        _text("ground_reason", "清除复绿说明"),
        _text("ground_told", "最近可判结论", null=True),
        _date("observed_on", "影像日期", null=True),
        _text("source", "影像来源", null=True),
        _integer("pixels", "像元数"),
        _real("clear_share", "可观测比例"),
        _real("green_share", "有植被比例", null=True),
        _real("ndvi", "植被指数", null=True),
        _real("ndvi_before", "建设前植被指数", null=True),
        _real("ndvi_built", "建设时植被指数", null=True),
        _real("ndvi_around", "周边植被指数", null=True),
        _real("brightness", "亮度", null=True),
        _real("brightness_before", "建设前亮度", null=True),
        _real("brightness_built", "建设时亮度", null=True),
        _real("brightness_around", "周边亮度", null=True),
        _real("bare", "裸土指数", null=True),
        _real("bare_before", "建设前裸土指数", null=True),
        _real("bare_built", "建设时裸土指数", null=True),
        _real("bare_around", "周边裸土指数", null=True),
        _text("stage_built", "建设时施工阶段", null=True),
        _date("standing_on", "最近见在日", null=True),
        _date("gone_on", "首见清除日", null=True),
        _integer("days_least", "疑似违法状态天数下限", "天", null=True),
        _integer("days_most", "疑似违法状态天数上限", "天", null=True),
        _text("ended_by", "状态结束依据", null=True),
    ),
    key=("target_id",),
)
ALERTS = Table(
    "alerts",
    (
        _text("target_id", "监测编号"),
        _text("alert", "提醒"),
        _date("seen_on", "影像日期", null=True),
        _text("reason", "说明"),
    ),
    key=("target_id", "alert"),
)
PARCELS = Table(
    "parcels",
    (
        _text("approval_id", "标识码"),
        _text("document", "批准文号", null=True),
        _text("project", "项目名称", null=True),
        _date("approved_on", "批准日期", null=True),
        _text("state", "动工状态"),
        _real("built_share", "动工面积比例"),
        _date("first_seen", "首见动工", null=True),
        _date("watched_since", "影像监测始于", null=True),
        _text("reason", "说明"),
    ),
    key=("approval_id",),
    geometry=True,
)
REFERRALS = Table(
    "referrals",
    (
        _text("target_id", "监测编号"),
        _text("subject", "违法主体", null=True),
        _text("happened", "违法时间"),
        _text("project", "项目名称", null=True),
        _text("location", "具体位置"),
        _real("area_m2", "占地面积", "平方米"),
        _text("actual_use", "实际用途", null=True),
        _text("missing_items", "缺项", null=True),
        _date("referred_on", "抄告日期", null=True),
        _text("referred_to", "抄告部门", null=True),
        _date("reply_due_on", "回复期限", null=True),
        _date("replied_on", "回复日期", null=True),
        _text("reply_state", "回复情况"),
        _text("draft", "抄告函草稿"),
    ),
    key=("target_id",),
)
ACCOUNTABILITY = Table(
    "accountability",
    (
        _text("trigger", "编号"),
        _text("label", "情形"),
        _text("unit_id", "负责单位"),
        _integer("numerator", "发生数", "个"),
        _integer("denominator", "可计算数", "个"),
        _real("value", "比例", null=True),
        _real("low", "区间下限", null=True),
        _real("high", "区间上限", null=True),
        _text("standing", "比较", null=True),
        _text("targets", "监测编号", null=True),
        _text("reply", "单位申辩", null=True),
        _text("measure", "口径"),
        _text("source", "出处"),
        _text("verification", "核实程度"),
    ),
    key=("trigger", "unit_id"),
)
SUPPLY = Table(
    "supply",
    (
        _text("supply_id", "电子监管号"),
        _text("project", "项目名称", null=True),
        _text("holder", "用地单位", null=True),
        _text("unit_id", "属地单位", null=True),
        _text("state", "动工情况"),
        _date("started_after", "动工不早于", null=True),
        _date("started_by", "动工不晚于", null=True),
        _real("works_low_share", "动工面积比例下限"),
        _real("works_high_share", "动工面积比例上限"),
        _real("built_low_share", "地上建筑比例下限"),
        _date("begun_after", "施工始于之后", null=True),
        _date("begun_by", "首见施工", null=True),
        _date("built_by", "首见地上建筑", null=True),
        _date("grown_after", "最近扩大始于之后", null=True),
        _date("grown_by", "最近扩大见于", null=True),
        _date("watched_since", "影像监测始于"),
        _date("last_look", "最近影像", null=True),
        _date("idle_year_on", "满一年之日", null=True),
        _date("idle_two_years_on", "满二年之日", null=True),
        _integer("excepted_days", "不计天数", "天"),
        _date("handover_on", "交地", null=True),
        _date("permit_on", "施工许可", null=True),
        _date("start_on", "动工", null=True),
        _date("finish_on", "竣工", null=True),
        _date("filed_on", "竣工资料报送", null=True),
        _flag("upload_ready", "阶段数据可上传"),
        _text("stage_problems", "阶段数据问题", null=True),
        _text("reason", "说明"),
    ),
    key=("supply_id",),
    geometry=True,
)
SUPPLY_BREACHES = Table(
    "supply_breaches",
    (
        _text("supply_id", "电子监管号"),
        _text("breach", "疑似问题"),
        _text("certainty", "把握"),
        _date("since", "起始日", null=True),
        _real("low_m2", "面积下限", "平方米", null=True),
        _real("high_m2", "面积上限", "平方米", null=True),
        _text("reason", "说明"),
        _text("source", "出处", null=True),
        _text("verification", "核实程度", null=True),
        _text("draft", "通报稿"),
    ),
    key=("supply_id", "breach"),
)
SUPPLY_ITEMS = Table(
    "supply_items",
    (
        _text("supply_id", "电子监管号"),
        _text("project", "项目名称", null=True),
        _text("cell_id", "网格编号", null=True),
        _text("unit_id", "属地单位", null=True),
        _text("acting_unit_id", "负责单位", null=True),
        _text("person_id", "责任人", null=True),
        _text("look_at", "巡查内容"),
        _text("clock", "计时"),
        _date("next_day", "下一时限", null=True),
    ),
    key=("supply_id",),
)
SUPPLY_HISTORY = Table(
    "supply_history",
    (
        _text("supply_id", "电子监管号"),
        _integer("number", "序号"),
        _date("day", "日期"),
        _text("source", "来源"),
        _text("state", "动工情况"),
        _text("event", "内容和依据"),
        _text("recorded_in", "记入期次"),
    ),
    key=("supply_id", "number"),
)
HANDLING = Table(
    "handling",
    (
        _text("target_id", "监测编号"),
        _text("acting_unit_id", "负责单位", null=True),
        _text("handler", "查处主体"),
        _text("rule", "规则", null=True),
        _text("reason", "理由"),
        _text("source", "出处", null=True),
        _text("verification", "核实程度", null=True),
    ),
    key=("target_id",),
)

GUIDANCE = Table(
    "guidance",
    (
        _text("target_id", "监测编号"),
        _text("kind", "类型代码"),
        _text("kind_label", "疑似违法类型"),
        _text("rules", "触发规则", null=True),
        _text("prohibitions", "禁止性规定", null=True),
        _text("liabilities", "法律责任参考", null=True),
        _text("law_note", "法律适用提示", null=True),
        _date("begun_from", "行为最早开始日"),
        _date("begun_to", "行为最晚开始日"),
        _text("begun_note", "开始日说明", null=True),
        _date("limit_from", "处罚时效最早届满日"),
        _date("limit_to", "处罚时效最晚届满日"),
        _text("limit_note", "时效说明"),
        _text("authorities", "有权机关参考", null=True),
        _flag("unit_itself", "负责单位自身有权"),
        _text("notices_fit", "可参考的文书", null=True),
        _text("notices_unfit", "不适用的文书及理由", null=True),
        _text("note", "方案与法条的差异", null=True),
    ),
    key=("target_id", "kind"),
)
ACCUMULATED = Table(
    "accumulated",
    (
        _text("subject", "台账所记主体"),
        _text("category", "地类"),
        _text("target_ids", "监测编号"),
        _integer("targets", "目标数", "个"),
        _date("window_from", "一年起", null=True),
        _date("window_to", "一年止", null=True),
        _real("area_low_m2", "累计面积下限", "平方米"),
        _real("area_m2", "累计面积", "平方米"),
        _real("area_high_m2", "累计面积上限", "平方米"),
        _real("threshold_m2", "对照面积", "平方米"),
        _text("standing", "对照结果"),
        _text("basis", "依据"),
        _text("reason", "说明"),
    ),
    key=("subject", "category", "target_ids"),
)

JCTB_FIELDS: dict[str, str] = {
    "target_id": "JCBH",
    "stage": "TBLX",
    "county_code": "XZQDM",
    "area_m2": "JCMJ",
    "last_clear": "QSX",
    "first_seen": "HSX",
    "x": "XZB",
    "y": "YZB",
    "land_class": "BGDL",
}
