"""The month's workbook for the bureau: a summary first, then every table with its rows and reasons."""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import replace
from typing import Any

import pandas as pd

from pipeline import schema
from pipeline.report.answers import four_answers
from pipeline.report.grounds import rule_said, short
from pipeline.report.kpi import CITY, kpi_sheets
from pipeline.report.layer_sheet import LAYERS_SHEET, layer_sheet
from pipeline.report.package import AREA_NOTE, CLUE_NOTE, probability_note, task_list
from pipeline.report.references import with_places
from pipeline.report.sheets import (
    Sheet,
    labels_of,
    named,
    named_or_nobody,
    number_formats,
    readable,
    with_names,
)
from pipeline.report.statistics import month_summary
from pipeline.report.tables import MonthTables
from pipeline.schema import Table
from pipeline.values import CellState, OmissionClass, Outcome, StockKind, Verdict

UNITS_NOTE = (
    "网格、目标、漏巡按现负责单位统计；结论记给当时的单位（发现的记给写台账的单位，巡查和应巡的记给当日的，不可判的记给派发时的），"
    "委托变动时同一单位的两项可以不等；"
    "台账、出巡和卫星未检出按报送单位统计。"
)
AMBIGUOUS_NOTE = (
    "分不清的条目和目标，一组一行；请在同一文件夹的“待人工判定.xlsx”中逐对判定，填好放入 records/decisions/，以后各期沿用；"
    "判定前不据此认定漏报。"
)
EFFORT_NOTE = (
    "责任人编号为空的是全单位；可见比例按推填土（难见）到主体结构（易见）给出上下限，假定各次巡查互不影响；"
    "轨迹与台账对不上的只提示核对，不作结论。"
)
ESTIMATES_NOTE = "双方都未见的只能按下限看；假设写在口径栏，警示栏有内容的不要单独引用。"
ODDITIES_NOTE = (
    "台账、轨迹、照片中值得再看一眼的地方，多有正常原因（同一路线、设备借用、信号漂移、补录）；"
    "只供核对，不是结论，不计入考核，也不下发。"
)
MISSED_NOTE = "计划内轨迹没有覆盖到的地方；没有轨迹不等于没有巡查，请先核对轨迹是否漏报。"
KPIS_NOTE = "过程性比例，区间为统计置信区间，分母为 0 的不给数值；发现及时、报告准确等在 month.xlsx 的“考核指标”。"
GUIDANCE_NOTE = (
    "仅供参考：均为疑似，本系统不制作、不送达任何文书，不认定违法；适用什么由执法人员按现场查明的事实决定。"
    "括号中 V 为已核对原文，V2 为单一来源，M 为待局里确认。"
)
ACCUMULATED_NOTE = (
    "同一主体一年内的疑似占地面积合计，与司法解释的面积对照；只是影像面积，上下限是实地面积的可能范围（约八成情况落在其间），"
    "主体不明的不合计；是否毁坏种植条件须鉴定，不作任何认定。"
)
ACCOUNTABILITY_NOTE = (
    "只计现场核实为违法的目标；巡查在目标出现之前的不计，不可判的不计，期限未到的不计；区间重叠的不排名。"
    "情形和口径均为暂定，待局里确认；单位申辩填入 records/replies.csv，随表列出；本表不是追责决定。"
)
HISTORY_NOTE = (
    "每个案件从疑似到销案的全过程，只增不改：以前各期写下的行原样保留，补记的注明；影像只作提示，不改变办理状态。"
)
SUPPLY_HISTORY_NOTE = (
    "供地从签订到竣工的经过，只增不改：以前各期的行原样保留，补记的注明；“动工情况”是写下该行时的判断。"
)
FOLLOW_NOTE = (
    "停工观察自文书送达起，到批准覆盖为止；清除复绿是本期影像与建设前、建设时及周边的比较；天数为区间；均为疑似。"
)
CONFLICTS_NOTE = "两方依据并列，只供核对；注明“未采用”的记录不改变办理状态，核对补正前不计逾期。"
WAITING_NOTE = (
    "可能是薄云、云影、积水等而不是新增建设的变化，或者只有一次无云观测：先等后续影像，不列为目标、不派发，也不计入任何比例；"
    "“复核通过”的已列为本期候选，“未获后续观测支持”的不再等待。"
)
PLAIN_SHEETS: tuple[tuple[str, Table, str, str], ...] = (
    ("网格情况", schema.CELL_STATES, "cell_states", "每个网格都在册：有疑似目标、未发现、部分可观测或未观测。"),
    ("比对结论", schema.VERDICTS, "verdicts", "结论取 1 至 5 中第一条符合的规则，5 写明缺什么；仅核查结果为违法的才可追责。"),
    ("台账匹配", schema.MATCHES, "matches", "目标与台账条目的匹配概率及其组成。"),
    ("待人工判定", schema.AMBIGUOUS, "ambiguous", AMBIGUOUS_NOTE),
    ("台账有卫星无", schema.OMISSIONS, "omissions", "台账有发现而卫星没有目标的条目；只有原因类别为卫星漏检的才是漏检。"),
    ("排除图斑", schema.SUPPRESSED, "suppressed", "检出后被排除的图斑，每个都保留规则和理由；已批准面积不含临时用地。"),
    ("待复核变化", schema.WAITING, "waiting", WAITING_NOTE),
    ("恢复图斑", schema.RESTORED, "restored", "被规则排除后由人恢复为疑似的图斑：原规则、理由和恢复依据；以后各期同一地块沿用。"),
    ("漏巡区域", schema.MISSED, "missed", MISSED_NOTE),
    ("巡查覆盖", schema.COVERAGE, "coverage", "每个网格的计划、轨迹和看见面积。"),
    ("巡查力量", schema.EFFORT, "effort", EFFORT_NOTE),
    ("未见估计", schema.ESTIMATES, "estimates", ESTIMATES_NOTE),
    ("台账条目", schema.ENTRIES, "entries", "读入的台账条目；行号是原文件的行号。"),
    ("巡查记录", schema.VISITS, "visits", "由轨迹和台账得到的出巡。"),
    ("台账修正", schema.REPAIRS, "repairs", "读入时改动的单元格：原值、改后和规则。"),
    ("台账退回", schema.REJECTED, "rejected", "没有采用的行及理由；E506 重复、E507 合计签名、E509 已更正不需处理，其余请补正。"),
    ("台账文件", schema.LEDGER_FILES, "files", "每个报送的文件：是否读入及理由、写到哪天、完整度；“需核对”只是提请查看。"),
    ("台账更正", schema.SUPERSEDED, "superseded", "被后来的更正取代的条目，原内容和更正内容都保留。"),
    ("值得核对", schema.ODDITIES, "oddities", ODDITIES_NOTE),
    ("办理状态", schema.CASES, "cases", "由人工记录得出的办理状态和下一步；逾期记给期限内一直负责的单位，期间换手的只计入全市。"),
    ("办理历程", schema.CASE_HISTORY, "case_history", HISTORY_NOTE),
    ("跟踪观察", schema.FOLLOW_UPS, "follow_ups", FOLLOW_NOTE),
    ("记录矛盾", schema.CONFLICTS, "conflicts", CONFLICTS_NOTE),
    ("提醒", schema.ALERTS, "alerts", "影像提醒，均需人工核实。"),
    ("批后监管", schema.PARCELS, "parcels", "已批准用地上影像可见的施工；“不能判断”的须现场核实，是否构成法定动工见“供地监管”。"),
    ("适用文书参考", schema.GUIDANCE, "guidance", GUIDANCE_NOTE),
    ("累计面积", schema.ACCUMULATED, "accumulated", ACCUMULATED_NOTE),
    ("抄告要素", schema.REFERRALS, "referrals", "抄告六项要素草稿及缺项；抄告后的回复期限。"),
    ("供地监管", schema.SUPPLY, "supply", "供地从签订到竣工：动工情况、满一年满二年之日、阶段数据能否上传监管系统。"),
    ("供地疑似问题", schema.SUPPLY_BREACHES, "supply_breaches", "均为疑似，须现场核实；通报稿未发出，由人决定。"),
    ("供地巡查项", schema.SUPPLY_ITEMS, "supply_items", "计时未完的供地自动列入巡查：看什么、距下一时限几天。"),
    ("供地历程", schema.SUPPLY_HISTORY, "supply_history", SUPPLY_HISTORY_NOTE),
    ("责任情形", schema.ACCOUNTABILITY, "accountability", ACCOUNTABILITY_NOTE),
    ("查处分工", schema.HANDLING, "handling", "核查为违法的由单位还是市局查处：规则、理由和出处；M 为待局里确认的暂定规则。"),
    ("计划检查", schema.PLAN_CHECK, "plan_check", "巡查计划与责任分工中的问题。"),
    ("抽查网格", schema.AUDIT_SAMPLE, "audit_sample", "随机抽取的全面复查网格及入样概率。"),
    ("版本差异", schema.REVISION, "revision", "与已派发版本的差异。"),
)  # fmt: skip

INDEX_NAME = "目录"
CONTENTS = {
    "摘要": "查全了吗、哪里没看到、把握多大、下一步谁做什么；本月主要数字及其出处。",
    "单位汇总": "每个单位一行：网格、目标、结论、漏巡、台账和出巡。",
    "目标清单": "每个疑似目标一行：位置、面积、地类、触发规则、结论和理由、责任人、办理期限。",
    "考核指标": "发现及时、报告准确、制止有效、查处到位等，公式和区间，对“考核明细”计数。",
}
GROUPS: tuple[tuple[str, str, tuple[str, ...]], ...] = (
    ("一、结果（先看）", "C00000", ("摘要", INDEX_NAME, "单位汇总", "目标清单", "考核指标")),
    ("二、要办的事", "ED7D31", ("待人工判定", "办理状态", "记录矛盾", "提醒", "台账退回", "计划检查", "抽查网格", "抄告要素",
                        "适用文书参考", "累计面积", "查处分工", "供地疑似问题", "供地巡查项")),
    ("三、结论依据", "4472C4", ("比对结论", "台账匹配", "台账有卫星无", "排除图斑", "待复核变化", "恢复图斑", "考核明细",
                         "过程指标", "未见估计", "办理历程", "跟踪观察", "批后监管", "供地监管", "供地历程", "责任情形",
                         LAYERS_SHEET, "版本差异")),
    ("四、巡查和影像覆盖", "70AD47", ("网格情况", "漏巡区域", "巡查覆盖", "巡查力量", "巡查记录")),
    ("五、台账原始情况", "7F7F7F", ("台账条目", "台账文件", "台账修正", "台账更正", "值得核对")),
)  # fmt: skip


def month_sheets(month: MonthTables, numbers: Mapping[str, Any]) -> tuple[Sheet, ...]:
    """All sheets of ``month.xlsx`` in the order of ``GROUPS``: summary, index, units, targets, indicators, then evidence.

    The indicators of 考核指标 are formulas over 考核明细. Names of people appear, telephone numbers never. ``numbers``
    is the value of ``month_numbers``.
    """
    heading = f"{month.city_name} {month.period} 动态巡查月报"
    made = {
        sheet.name: sheet
        for sheet in (
            _summary_sheet(month, heading, numbers),
            _units_sheet(heading, numbers),
            _targets_sheet(month, heading),
            _kpi_sheet(month, heading),
            *kpi_sheets(month, confidence=month.confidence),
            *(_plain_sheet(month, heading, *row) for row in PLAIN_SHEETS),
            layer_sheet(month.layer_report, heading),
        )
    }
    made[INDEX_NAME] = _index_sheet(heading, made)
    return tuple(replace(made[name], tab=tab) for _, tab, names in GROUPS for name in names)


def _index_sheet(heading: str, made: Mapping[str, Sheet]) -> Sheet:
    """Every sheet with a link, how many rows it has and what it says, in the reader's order."""
    rows = [
        (group, name, len(made[name].frame), CONTENTS.get(name, made[name].note))
        for group, _, names in GROUPS
        for name in names
        if name != INDEX_NAME
    ]
    frame = pd.DataFrame(rows, columns=["分组", "工作表", "行数", "内容"]).astype("object")
    note = "点工作表名称可直接打开。前五张回答查全没有、哪里没查到、把握多大、谁去办；其余是依据，逐条可查。"
    widths = {"分组": 22, "工作表": 18, "行数": 8, "内容": 90}
    return Sheet(INDEX_NAME, frame, title=f"{heading}：{INDEX_NAME}", note=note, links=("工作表",), widths=widths)


def target_table(month: MonthTables) -> pd.DataFrame:
    """One row per target with its task and verdict: the columns of the bureau's target list, Chinese headings.

    Targets without a task (merged ones) or without a verdict keep empty cells there.
    """
    order = ["acting_unit_id", "included", "rank", "target_id"]
    tasks = month.tasks.sort_values(order, ascending=[True, False, True, True], kind="stable")
    listed = task_list(
        month.targets, tasks, class_names=month.class_names, kind_names=month.kind_names, layer_names=month.layer_names
    )
    verdicts = month.verdicts.set_index("target_id")
    found = verdicts.reindex(listed["target_id"]).reset_index(drop=True)
    sent = month.cases.set_index("target_id").reindex(listed["target_id"]).reset_index(drop=True)
    units, people = month.unit_names(), month.person_names()
    frame = pd.DataFrame(
        {
            "监测编号": listed["target_id"],
            "现负责单位": named(listed["acting_unit_id"], units),
            "派发时负责单位": named(sent["unit_id"], units),
            "属地单位": named(listed["unit_id"], units),
            "责任人": named(listed["person_id"], people),
            "网格编号": listed["cell_id"],
            "经度(WGS84)": listed["lon"],
            "纬度(WGS84)": listed["lat"],
            "面积(平方米)": listed["area_m2"],
            "面积(亩)": listed["area_mu"],
            "实际可能(亩)": listed["area_span"],
            "概率": listed["probability"],
            "时序置信": listed["confidence_label"],
            "施工阶段": listed["stage_label"],
            "疑似违法类型": listed["kinds_label"],
            "触发规则": listed["rules_label"],
            "状态": listed["state_label"],
            "增量存量": pd.Series(labels_of(StockKind, found_stock(month, listed["target_id"])), dtype="str"),
            "主要地类": listed["land_class"],
            "耕地(亩)": listed["farmland_mu"],
            "永久基本农田(亩)": listed["basic_farmland_mu"],
            "生态保护红线(亩)": listed["redline_mu"],
            "城镇开发边界外(亩)": listed["outside_plan_mu"],
            "村庄规划内(亩)": listed["village_plan_mu"],
            "前时相": listed["last_clear"],
            "后时相": listed["first_seen"],
            "结论": pd.Series(labels_of(Verdict, found["verdict"]), dtype="str"),
            "结论理由": with_places(with_names(found["reason"], people | units), month.entry_places()),
            # after a change of delegation the conclusion is about another unit than the one that acts now
            "结论所指单位": named(found["acting_unit_id"], units),
            "结论所指责任人": _named_or_nobody(found, people),
            "核查结果": pd.Series(labels_of(Outcome, found["outcome"]), dtype="str"),
            "列入任务": ["是" if included else "否" for included in listed["included"]],
            "未列入理由": listed["left_out_reason"],
            "办理期限": listed["due_on"],
            "提示": listed["reason"],
        }
    )
    rest = month.targets[~month.targets["target_id"].isin(set(month.tasks["target_id"]))].sort_values("target_id")
    without = readable(schema.TARGETS, rest, units=units, people=people)
    headings = schema.TARGETS.labels()
    extra = pd.DataFrame(
        {name: without[name] for name in (headings[key] for key in ("target_id", "area_m2", "stage", "state"))}
    ).assign(列入任务="否", 未列入理由=[_merged(row) for row in rest["merged_into"]])
    return pd.concat([frame, extra.astype("object")], ignore_index=True) if len(extra) else frame


def _named_or_nobody(found: pd.DataFrame, people: Mapping[str, str]) -> pd.Series:
    """The person whom a verdict names; where it names none it says so, without a verdict it says nothing."""
    return named_or_nobody(found["person_id"], people).where(found["verdict"].notna())


def found_stock(month: MonthTables, ids: pd.Series) -> list[str | None]:
    """Per target whether it is 增量 or 存量, None where the register does not say."""
    known = dict(zip(month.targets["target_id"], month.targets["stock"], strict=True))
    return [known[name] if isinstance(known.get(name), str) else None for name in ids]


def _merged(into: Any) -> str:
    return f"已并入 {into}" if isinstance(into, str) else "无任务记录"


def _targets_sheet(month: MonthTables, heading: str) -> Sheet:
    return Sheet(
        name="目标清单",
        frame=target_table(month),
        title=f"{heading}：目标清单",
        note=f"{CLUE_NOTE}{probability_note(month.trained)}{AREA_NOTE}",
        formats={"经度(WGS84)": "0.000000", "纬度(WGS84)": "0.000000", "面积(平方米)": "#,##0", "面积(亩)": "0.00",
                 "概率": "0.00", "耕地(亩)": "0.00", "永久基本农田(亩)": "0.00", "生态保护红线(亩)": "0.00",
                 "城镇开发边界外(亩)": "0.00", "村庄规划内(亩)": "0.00"},
        widths={"结论理由": 44, "提示": 40, "疑似违法类型": 24, "触发规则": 24, "未列入理由": 24},
    )  # fmt: skip


def _summary_sheet(month: MonthTables, heading: str, numbers: Mapping[str, Any]) -> Sheet:
    summary = month_summary(numbers)
    funnel = numbers["funnel"]
    answers = four_answers(month, numbers)
    rows = [
        *(("回答", answer.question, None, "\n".join((answer.lead, *answer.lines))) for answer in answers),
        ("数据", "资料截至", summary["as_of"], "此日之后的台账和核查不计入"),
        ("检测", "候选图斑", funnel["candidates"], "本期列为候选的变化（含复核通过的往期变化）"),
        ("检测", "排除图斑", funnel["suppressed"], "按规则排除，见“排除图斑”"),
        ("检测", "待复核变化", funnel["waiting"], "等后续影像，不是目标，见“待复核变化”"),
        ("检测", "疑似目标", summary["targets"], "含往期未办结目标，见“目标清单”"),
        ("任务", "列入任务", summary["tasks"], "在各单位每月核查上限之内"),
        ("任务", "未列入任务", funnel["tasks_left_out"], "见“目标清单”中的未列入理由"),
        ("结论", "已发现（派发前）", summary["found_before_dispatch"], "台账在派发之前已有记录"),
        ("结论", "派后发现", summary["found_after_dispatch"], "派发之后台账才有记录"),
        ("结论", "已巡未发现", summary["patrolled_not_reported"], "有轨迹到过附近，台账未见记录"),
        ("结论", "应巡未巡", summary["due_not_patrolled"], "计划应巡，未见到过的记录"),
        ("结论", "不可判", summary["undeterminable"], "证据不足，不作判断"),
        ("结论", "待人工判定", summary["to_decide"], "台账与目标分不清是不是同一处，见“待人工判定”"),
        ("结论", "可能漏查而目标未核实", summary["missed_unchecked"], "卫星可能误报，先实地核实目标是否属实"),
        ("结论", "其中可追责", summary["accountable"], "仅限现场核实为违法的目标"),
        ("卫星", "台账有而卫星无", summary["satellite_omissions"], "分类见“台账有卫星无”"),
        ("卫星", "其中确为漏检", summary["satellite_missed"], "所在网格可观测比例达标、面积足够而未检出；该处未逐点核对"),
        ("网格", "网格总数", summary["cells"], "每个网格都在“网格情况”中"),
        *(
            ("网格", state.label, numbers["cells"]["by_state"][state.value], "影像可观测情况")
            for state in CellState
        ),
        ("台账", "读入条目", numbers["ledger"]["rows"], f"其中发现 {numbers['ledger']['findings']} 条"),
        ("台账", "修正单元格", numbers["ledger"]["repairs"], "见“台账修正”"),
        ("台账", "退回行", numbers["ledger"]["rejected"], f"其中需补正 {numbers['ledger']['to_mend']} 行，见“台账退回”"),
        ("办理", "逾期", numbers["cases"]["overdue"], "已过期限而未见办理记录，见“办理状态”"),
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["类别", "项目", "数值", "说明"]).astype("object")
    return Sheet("摘要", frame, title=heading, note=CLUE_NOTE, widths={"项目": 22, "数值": 12, "说明": 100})


def _units_sheet(heading: str, numbers: Mapping[str, Any]) -> Sheet:
    rows = []
    for unit in numbers["units"]:
        row: dict[str, Any] = {"单位": unit["name"], "网格": unit["cells"]}
        row |= {state.label: unit["cells_by_state"][state.value] for state in CellState}
        row |= {"目标": unit["targets"], "列入任务": unit["tasks"], "未列入": unit["left_out"]}
        row |= {verdict.label: unit["verdicts"][verdict.value] for verdict in Verdict}
        row |= {"可追责": unit["accountable"], "漏巡区域": unit["missed_areas"], "漏巡面积(平方米)": unit["missed_m2"]}
        row |= {"台账条目": unit["ledger_rows"], "其中发现": unit["ledger_findings"], "出巡": unit["visits"]}
        row |= {"退回行": unit["rejected"], "修正": unit["repairs"]}
        row |= {f"卫星无：{kind.label}": unit["omissions"][kind.value] for kind in OmissionClass}
        rows.append(row)
    frame = pd.DataFrame(rows, columns=list(rows[0]) if rows else ["单位"]).astype("object")
    return Sheet(
        "单位汇总", frame, title=f"{heading}：单位汇总", note=UNITS_NOTE, formats={"漏巡面积(平方米)": "#,##0"}
    )


def _kpi_sheet(month: MonthTables, heading: str) -> Sheet:
    frame = process_kpis(month)
    return Sheet("过程指标", frame, title=f"{heading}：过程指标", note=KPIS_NOTE, formats=number_formats(schema.KPIS))


def process_kpis(month: MonthTables) -> pd.DataFrame:
    """The ratios that no indicator of 考核指标 repeats, the whole city's named as such."""
    own = month.kpis[month.kpis["kpi"] != Verdict.FOUND_BEFORE_DISPATCH.value]
    shown = readable(schema.KPIS, own, units=month.unit_names(), people={})
    return shown.assign(单位=shown["单位"].astype("object").where(own["unit_id"].notna().to_numpy(), CITY))


def _plain_sheet(month: MonthTables, heading: str, name: str, table: Table, attribute: str, note: str) -> Sheet:
    frame = readable(
        table,
        getattr(month, attribute),
        units=month.unit_names(),
        people=month.person_names(),
        drop=("history",),
        places=month.entry_places(),
    )
    for column in frame.columns[[_is_json(table, str(heading)) for heading in frame.columns]]:
        frame[column] = [_spoken(value, month) for value in frame[column]]
    widths = {"规则与字段值": 60} | ({"并列证据": 80} if table is schema.AMBIGUOUS else {})
    return Sheet(name, frame, title=f"{heading}：{name}", note=note, formats=number_formats(table), widths=widths)


def _is_json(table: Table, heading: str) -> bool:
    return any(column.kind == "json" and table.labels()[column.name] == heading for column in table.columns)


def _spoken(value: Any, month: MonthTables) -> str | None:
    """JSON as ``key value; key value``, with names for land classes and kinds."""
    if not isinstance(value, str) or not value:
        return None
    content = json.loads(value)
    names = month.class_names | month.kind_names
    if isinstance(content, dict):
        return "；".join(f"{names.get(key, key)} {short(item)}" for key, item in content.items())
    if isinstance(content, list):
        said = (rule_said(item) if isinstance(item, dict) and "rule" in item else item for item in content)
        return "；".join(names.get(item, item) if isinstance(item, str) else short(item) for item in said)
    return str(content)
