"""What reconcile writes: matches, verdicts, coverage, omissions, figures and estimates."""

from __future__ import annotations

from pipeline.schema.columns import date as _date
from pipeline.schema.columns import flag as _flag
from pipeline.schema.columns import integer as _integer
from pipeline.schema.columns import real as _real
from pipeline.schema.columns import text as _text
from pipeline.schema.table import Table

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
