"""What detect, screen and register write: candidates, what waits, suspicions and targets."""

from __future__ import annotations

from pipeline.schema.columns import date as _date
from pipeline.schema.columns import integer as _integer
from pipeline.schema.columns import json as _json
from pipeline.schema.columns import real as _real
from pipeline.schema.columns import text as _text
from pipeline.schema.table import Table

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
