"""What supervise writes: cases and their history, alerts, parcels, supplied land, guidance and sums by subject."""

from __future__ import annotations

from pipeline.schema.columns import date as _date
from pipeline.schema.columns import flag as _flag
from pipeline.schema.columns import integer as _integer
from pipeline.schema.columns import real as _real
from pipeline.schema.columns import text as _text
from pipeline.schema.table import Table

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
