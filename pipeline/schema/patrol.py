"""What patrol writes: tasks, the state of cells, routes and what the plan lacks."""

from __future__ import annotations

from pipeline.schema.columns import date as _date
from pipeline.schema.columns import flag as _flag
from pipeline.schema.columns import integer as _integer
from pipeline.schema.columns import json as _json
from pipeline.schema.columns import real as _real
from pipeline.schema.columns import text as _text
from pipeline.schema.table import Table

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
