"""What people give and write down: units, cells, persons, plans, dispatches, checks, decisions. The Chinese headings in the
bureau's files are these labels.
"""

from __future__ import annotations

from pipeline.schema.columns import date as _date
from pipeline.schema.columns import integer as _integer
from pipeline.schema.columns import real as _real
from pipeline.schema.columns import text as _text
from pipeline.schema.table import Table

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
