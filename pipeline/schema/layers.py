"""The land layers, after their names and fields have been recognised."""

from __future__ import annotations

from pipeline.schema.columns import date as _date
from pipeline.schema.columns import integer as _integer
from pipeline.schema.columns import real as _real
from pipeline.schema.columns import text as _text
from pipeline.schema.table import Table

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
