"""What the bureau is measured by: a sheet of facts per target, and every indicator as an Excel formula over it."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from pipeline.report.sheets import Formula, Sheet, labels_of, named
from pipeline.report.tables import MonthTables
from pipeline.values import Alert, CaseState, Outcome, Stage, StopWatch, Verdict

FACTS_NAME, KPI_NAME = "考核明细", "考核指标"
CITY = "全市"
OVERLAP = "区间重叠，不排名"
_REAL = (Outcome.VIOLATION, Outcome.LAWFUL, Outcome.OTHER)
_NOTIFIED = (CaseState.NOTIFIED, CaseState.RECTIFYING, CaseState.REFUSED, CaseState.REFERRED, CaseState.APPROVED,
             CaseState.CLOSED)  # fmt: skip
_UNSTOPPED = (CaseState.REFUSED, CaseState.REFERRED)
_GREW = (Alert.GREW_AFTER_NOTICE, Alert.GREW_AFTER_CHECK, Alert.GREW_AROUND_NOTICE)
_SETTLED = (CaseState.CLOSED, CaseState.APPROVED)
_STANDING = (Stage.STRUCTURE.value, Stage.ROOFED.value)
_EARLY = (Stage.EARTHWORKS.value, Stage.PIT.value)
_COVERED = (StopWatch.APPROVED.value, StopWatch.PARTLY_APPROVED.value)
_YES, _NO, _UNCHECKED = "是", "否", "未核"
CONCLUDED, HANDLING, DUE = "结论所指单位", "办理单位", "期限内负责单位"
EARLY = "早期发现率"


@dataclass(frozen=True)
class Indicator:
    """A share: ``asked`` and ``hit`` are headings of the facts sheet that must both read 是 to count.

    ``unit``: the heading whose unit it counts for: whom the conclusion is about, to whom it was dispatched, or who held
    it until it was due.
    """

    name: str
    asked: str
    hit: str
    meaning: str
    less_is_better: bool = False
    unit: str = CONCLUDED


INDICATORS: tuple[Indicator, ...] = (
    Indicator("发现及时（派发前发现率）", "应发现", "派发前发现", "派发前台账已记录的目标 ÷ 应发现的目标（核查为伪变化的除外）"),
    Indicator(EARLY, "发现阶段可判", "主体前发现",
              "台账违法现状（未写明的看影像）尚在主体以前的目标 ÷ 派发前发现且能判断当时阶段的目标"),
    Indicator("报告准确", "已报且已核", "报告属实", "核查属实（违法、合法、其他）的目标 ÷ 台账已报且已核查的目标"),
    Indicator("制止有效", "已制止且可判", "制止有效",
              "未拒不停止、未抄告且未见批准之外扩大的目标 ÷ 核查违法、已下达文书且能判断的目标（扩大的范围或先后不明的不计）",
              unit=HANDLING),
    Indicator("查处到位", "违法", "查处到位", "已销案或已批准、影像未再见的目标 ÷ 核查违法的目标", unit=HANDLING),
    Indicator("逾期率", "办理中", "逾期", "超过办理期限的目标 ÷ 有期限的目标（期限内换手的只计入全市）", True, DUE),
    Indicator("重开率", "已销案", "重开", "销案后影像再次检出的目标 ÷ 已销案的目标", True, HANDLING),
)  # fmt: skip
_LEAD, _TOLD = "提前天数", "发现时阶段"
_FACT_NOTE = (
    "每个目标一行，由“比对结论”“办理状态”“提醒”和目标历期记录得出；“考核指标”的每个数都是对本表计数的公式，可逐行核对。"
)
_KPI_NOTE = (
    "数值均为公式：分子、分母对“考核明细”计数，区间为 Wilson 区间；各单位区间有重叠的不排名。目标均为疑似，"
    "未经核查的不作违法认定；分母小的指标只看区间。"
)


def kpi_sheets(month: MonthTables, *, confidence: float) -> tuple[Sheet, Sheet]:
    """The facts sheet and the sheet of indicators, for the city and every unit with a target.

    Lead days (提前天数) are from the ledger's first record to the day imagery can first have shown a structure; a target that
    never reached one has none, and is not late either.
    """
    heading = f"{month.city_name} {month.period} 动态巡查月报"
    facts = Sheet(
        FACTS_NAME, fact_table(month), title=f"{heading}：{FACTS_NAME}", note=_FACT_NOTE, formats={_LEAD: "0"}
    )
    units = sorted({unit for heading in (CONCLUDED, HANDLING, DUE) for unit in facts.frame[heading].dropna()})
    return facts, _kpi_sheet(facts, [CITY, *units], heading, confidence)


def fact_table(month: MonthTables) -> pd.DataFrame:
    """One row per verdict with the yes and no that the indicators count; empty where a question does not arise."""
    rows = month.verdicts.sort_values("target_id", kind="stable")
    cases = month.cases.drop_duplicates("target_id").set_index("target_id")
    told: dict[str, set[str]] = {}
    for target, alert in month.alerts[["target_id", "alert"]].itertuples(index=False):
        told.setdefault(target, set()).add(alert)
    watches = dict(zip(month.follow_ups["target_id"], month.follow_ups["watch"], strict=True))
    known = list(month.targets[["target_id", "history", "first_seen"]].itertuples(index=False, name=None))
    looks = sorted({day for days in month.images.values() for day in days})
    stood = {name: structure_day(history, seen, looks) for name, history, seen in known}
    early = {name: early_until(history, seen) for name, history, seen in known}
    facts = []
    for row in rows.to_dict("records"):
        name = row["target_id"]
        case: Mapping[Any, Any] = cases.loc[name].to_dict() if name in cases.index else {}
        own = _facts(row, case, told.get(name, set()), stood.get(name), early.get(name), watches.get(name))
        facts.append({"监测编号": name, **own})
    columns = ["监测编号", "结论", "核查结果", "办理状态", "发现日期", "派发日期", "首见主体", _TOLD, _LEAD, *_FLAGS]
    frame = pd.DataFrame(facts, columns=columns)
    return frame.assign(
        结论=labels_of(Verdict, frame["结论"]),
        核查结果=labels_of(Outcome, frame["核查结果"]),
        办理状态=labels_of(CaseState, frame["办理状态"]),
    ).pipe(lambda table: _with_units(table, rows, month))


def structure_day(history: Any, first_seen: Any, looks: Sequence[date]) -> pd.Timestamp | None:
    """The earliest day on which imagery can have shown a target's structure; None while it shows none.

    ``history``: the register's steps (``period stage first_seen``); ``looks``: the days of all images, in order. A
    structure at the first detection counts from ``first_seen``, one that came later from the day its own step was first
    seen. A step that does not tell that day counts from the first image of its period, so no lead is overstated; from
    the period's first day where its images are no longer known.
    """
    steps = [step for step in json.loads(history) if isinstance(step, dict)] if isinstance(history, str) else []
    standing = [number for number, step in enumerate(steps) if step.get("stage") in _STANDING]
    if not standing:
        return None
    if standing[0] == 0 and pd.notna(first_seen):
        return pd.Timestamp(first_seen)
    step = steps[standing[0]]
    if isinstance(step.get("first_seen"), str):
        return pd.Timestamp(step["first_seen"])
    begin = pd.Timestamp(f"{step['period']}-01")
    inside = [pd.Timestamp(day) for day in looks if begin <= pd.Timestamp(day) < begin + pd.offsets.MonthBegin()]
    return inside[0] if inside else begin


_FLAGS = tuple(dict.fromkeys(name for each in INDICATORS for name in (each.asked, each.hit)))


def _with_units(table: pd.DataFrame, rows: pd.DataFrame, month: MonthTables) -> pd.DataFrame:
    """The unit that each question is about: a task that changed hands has three."""
    cases = month.cases.drop_duplicates("target_id").set_index("target_id")
    own = cases.reindex(rows["target_id"]).reset_index(drop=True)
    told = {
        CONCLUDED: rows["acting_unit_id"].reset_index(drop=True),
        HANDLING: own["unit_id"].where(own["unit_id"].notna(), own["acting_unit_id"]),
        DUE: own["due_unit_id"],
    }
    for place, (heading, ids) in enumerate(told.items(), start=1):
        table.insert(place, heading, named(ids, month.unit_names()))
    return table


def stop_held(state: Any, watch: Any, alerts: set[str]) -> bool | None:
    """Whether a stop held, as the no-growth watch sees it; None where growth is seen and nothing tells whose it was.

    Growth inside approvals, or before the notice reached the party, is no failure of the stop.
    """
    if state in _UNSTOPPED or watch == StopWatch.RESUMED or Alert.GREW_WITHOUT_APPROVAL in alerts:
        return False
    grown = alerts & set(_GREW)
    if not grown or watch in _COVERED:
        return True
    if not isinstance(watch, str):
        # no notice reached the party: what an approval or a closing lets grow is not known here
        return None if state in _SETTLED else False
    return True if grown == {Alert.GREW_AFTER_CHECK} and watch != StopWatch.EXTENT_UNKNOWN else None


def found_early(told: Any, lead: int | None, shown_early: bool) -> bool | None:
    """Whether a find was made before a building stood; None where neither the entry nor the imagery tells.

    ``told``: the stage that the entry tells, which counts first; ``lead``: days from the find to the first day on which
    imagery can have shown a building; ``shown_early``: an image of that day or later still shows earthworks or a pit.
    """
    if told in _STANDING or (lead is not None and lead <= 0):
        return False
    return True if told in _EARLY or shown_early else None


def early_until(history: Any, first_seen: Any) -> pd.Timestamp | None:
    """The last day on which imagery surely still shows earthworks or a pit; None without such an image.

    At the first detection that is ``first_seen``, later the first day of the period that shows it.
    """
    steps = [step for step in json.loads(history) if isinstance(step, dict)] if isinstance(history, str) else []
    early = [number for number, step in enumerate(steps) if step.get("stage") in _EARLY]
    if not early:
        return None
    if early[-1] == 0:
        return None if pd.isna(first_seen) else pd.Timestamp(first_seen)
    return pd.Timestamp(f"{steps[early[-1]]['period']}-01")


def _facts(
    row: Mapping[Any, Any],
    case: Mapping[Any, Any],
    alerts: set[str],
    stood: Any,
    shown_early_until: pd.Timestamp | None,
    watch: Any,
) -> dict[str, Any]:
    found_first = row["verdict"] == Verdict.FOUND_BEFORE_DISPATCH
    reported = row["verdict"] in (Verdict.FOUND_BEFORE_DISPATCH, Verdict.FOUND_AFTER_DISPATCH)
    outcome, state = row["outcome"], case.get("state")
    violation = outcome == Outcome.VIOLATION
    asked = outcome != Outcome.PSEUDO_CHANGE
    day = row["discovered_on"]
    lead = (stood - day).days if reported and stood is not None and pd.notna(day) else None
    told = row["told_stage"] if reported else None
    early = found_early(told, lead, shown_early_until is not None and pd.notna(day) and day <= shown_early_until)
    if lead is not None and lead > 0 and told in _STANDING:
        # a building that the entry itself tells of was not there only so many days later
        lead = None
    stopped, held = violation and state in _NOTIFIED, stop_held(state, watch, alerts)
    closed = state == CaseState.CLOSED or Alert.SEEN_AFTER_CLOSING in alerts
    answers: dict[str, tuple[bool, bool]] = {
        "应发现": (True, asked),
        "派发前发现": (asked, found_first),
        "发现阶段可判": (asked and found_first, early is not None),
        "主体前发现": (asked and found_first and early is not None, bool(early)),
        "已报且已核": (True, reported and outcome != Outcome.UNCHECKED),
        "报告属实": (reported and outcome != Outcome.UNCHECKED, outcome in _REAL),
        "违法": (True, violation),
        "已制止且可判": (violation, stopped and held is not None),
        "制止有效": (stopped and held is not None, bool(held)),
        "查处到位": (violation, state in _SETTLED and Alert.SEEN_AFTER_CLOSING not in alerts),
        "办理中": (True, pd.notna(case.get("due_on"))),
        "逾期": (pd.notna(case.get("due_on")), bool(case.get("overdue", False))),
        "已销案": (True, closed),
        "重开": (closed, Alert.SEEN_AFTER_CLOSING in alerts),
    }
    shown = {name: (_YES if answer else _NO) if arises else None for name, (arises, answer) in answers.items()}
    if outcome == Outcome.UNCHECKED:
        # nobody has been there: 否 would read as a clearance
        shown["违法"] = _UNCHECKED
    return {
        "结论": row["verdict"], "核查结果": outcome, "办理状态": state, "发现日期": day, "派发日期": row["dispatched_on"],
        "首见主体": stood, _TOLD: labels_of(Stage, [told if isinstance(told, str) else None])[0], _LEAD: lead, **shown,
    }  # fmt: skip


def _kpi_sheet(facts: Sheet, units: Sequence[str], heading: str, confidence: float) -> Sheet:
    names = ("指标", "单位", "分子", "分母", "数值", "区间下限", "区间上限", "排名", "口径")
    total = (len(INDICATORS) + 1) * len(units)
    blank = Sheet(KPI_NAME, pd.DataFrame({name: [None] * total for name in names}), title="-", note="-")
    first, _ = blank.rows()
    own = {name: blank.span(name, local=True) for name in names}
    rows: list[tuple[Any, ...]] = []
    for indicator in INDICATORS:
        for unit in units:
            line = first + 1 + len(rows)
            asked = _counted(facts, indicator.unit, unit, {indicator.asked: _YES})
            hit = _counted(facts, indicator.unit, unit, {indicator.asked: _YES, indicator.hit: _YES})
            low, high = _wilson(line, confidence)
            rank = None if unit == CITY else Formula(_rank(line, own, indicator.less_is_better))
            share = Formula(f'IF(D{line}=0,"",C{line}/D{line})')
            figures = (Formula(hit), Formula(asked), share, Formula(low), Formula(high))
            rows.append((indicator.name, unit, *figures, rank, indicator.meaning + _left_out(facts, indicator, unit)))
    lead = facts.span(_LEAD)
    for unit in units:
        where = "" if unit == CITY else f',{facts.span(CONCLUDED)},"{_quoted(unit)}"'
        number = f'COUNTIFS({lead},"<>"{where})'
        mean = f'IFERROR(AVERAGEIFS({lead},{lead},"<>"{where}),"")'
        rows.append(("平均提前天数", unit, None, Formula(number), Formula(mean), None, None, None,
                     "影像最早可见主体之日 − 台账发现日期的平均（至少提前的天数）；负数为主体形成之后才发现"))  # fmt: skip
    frame = pd.DataFrame(rows, columns=list(names)).astype("object")
    formats = {"数值": "0.000", "区间下限": "0.000", "区间上限": "0.000"}
    widths = {
        "指标": 26,
        "单位": 18,
        "数值": 10,
        "区间下限": 10,
        "区间上限": 10,
        "分子": 8,
        "分母": 8,
        "排名": 18,
        "口径": 48,
    }
    return Sheet(KPI_NAME, frame, title=f"{heading}：{KPI_NAME}", note=_KPI_NOTE, formats=formats, widths=widths)


def _left_out(facts: Sheet, indicator: Indicator, unit: str) -> str:
    """How many early finds the indicator leaves out because nothing tells the stage."""
    if indicator.name != EARLY:
        return ""
    rows = facts.frame if unit == CITY else facts.frame[facts.frame[CONCLUDED] == unit]
    unknown = int(((rows["派发前发现"] == _YES) & (rows["发现阶段可判"] == _NO)).sum())
    return f"；阶段不明而不计的 {unknown} 个"


def _counted(facts: Sheet, heading_of_unit: str, unit: str, wanted: Mapping[str, str]) -> str:
    pairs = [f'{facts.span(heading)},"{value}"' for heading, value in wanted.items()]
    if unit != CITY:
        pairs.append(f'{facts.span(heading_of_unit)},"{_quoted(unit)}"')
    return f"COUNTIFS({','.join(pairs)})"


def _quoted(text: str) -> str:
    """A unit's name inside a formula: doubled quotes, and no wildcard of COUNTIFS."""
    return text.replace("~", "~~").replace("*", "~*").replace("?", "~?").replace('"', '""')


def _wilson(line: int, confidence: float) -> tuple[str, str]:
    n, d, z = f"C{line}", f"D{line}", f"NORMSINV({0.5 + confidence / 2.0!r})"
    centre, scale = f"({n}/{d}+{z}^2/(2*{d}))", f"(1+{z}^2/{d})"
    spread = f"{z}*SQRT({n}/{d}*(1-{n}/{d})/{d}+{z}^2/(4*{d}^2))"
    return (
        f'IF({d}=0,"",MAX(0,({centre}-{spread})/{scale}))',
        f'IF({d}=0,"",MIN(1,({centre}+{spread})/{scale}))',
    )


def _rank(line: int, own: Mapping[str, str], less_is_better: bool) -> str:
    """Place among the units by value, the best first, unless another unit's interval has a value in common with this one's."""
    same = f'{own["指标"]},A{line},{own["单位"]},"<>{CITY}"'
    alike = f'COUNTIFS({same},{own["区间下限"]},"<="&G{line},{own["区间上限"]},">="&F{line})'
    ahead = f'COUNTIFS({same},{own["数值"]},"{"<" if less_is_better else ">"}"&E{line})'
    return f'IF(D{line}=0,"",IF({alike}>1,"{OVERLAP}",{ahead}+1))'
