"""The month in plain words: complete? where not? how sure? what next, and who by when?"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from pipeline.report.package import probability_note
from pipeline.report.statistics import standing_targets
from pipeline.report.tables import MonthTables
from pipeline.values import CellState, Confidence, CoverageState, MissedKind, Outcome, Verdict

LIKELY = 0.8
POSSIBLE = 0.5
PATROLLED_SHARE = 0.9
_NAMED_MAX = 12


@dataclass(frozen=True)
class Answer:
    """A question, its answer in one line, and what stands behind it."""

    question: str
    lead: str
    lines: tuple[str, ...]


def four_answers(month: MonthTables, numbers: Mapping[str, Any]) -> tuple[Answer, ...]:
    """The first screen of the month's page; ``numbers`` is the value of ``month_numbers``."""
    return (_complete(numbers), _where_not(month, numbers), _how_sure(month, numbers), _what_next(numbers))


def _complete(numbers: Mapping[str, Any]) -> Answer:
    cells = numbers["cells"]["by_state"]
    total, hidden = numbers["cells"]["total"], cells[CellState.NOT_OBSERVED.value]
    partly = cells[CellState.PARTLY_OBSERVED.value]
    if total and hidden == total:
        seen = "没有查。本月没有看得清的影像，不出新目标，往期任务照常办理"
    elif hidden:
        seen = f"影像没有看全，{total} 个网格中有 {hidden} 个没看清"
    elif partly:
        seen = f"影像基本看全，{total} 个网格中有 {partly} 个只看清一部分"
    else:
        seen = f"影像看全了，{total} 个网格都看清了"
    lead = f"{seen}；{_patrolled(numbers['coverage'])}。"
    silent = [
        unit["name"] for unit in numbers["units"] if unit["unit_id"] and unit["cells"] and not unit["ledger_rows"]
    ]
    funnel = numbers["funnel"]
    states = numbers["coverage"]["by_state"]
    reached = "，".join(f"{state.label} {states[state.value]} 个" for state in CoverageState if states.get(state.value))
    lines = [
        f"影像：看清 {total - hidden - partly} 个网格，部分看清 {partly} 个，没看清 {hidden} 个。",
        f"检测：候选 {funnel['candidates']} 个，按规则排除 {funnel['suppressed']} 个，"
        f"另有 {funnel['waiting']} 处变化待后续影像复核，"
        f"现有疑似目标 {funnel['targets']} 个。",
        *([f"巡查：{reached}网格。轨迹看见的比例按可见概率计，没有轨迹不等于没有巡查。"] if reached else []),
        f"台账：{'、'.join(silent)}没有可用的台账条目。" if silent else "台账：有网格的单位都交了台账。",
    ]
    return Answer("一、查全了吗？", lead, tuple(lines))


def _patrolled(coverage: Mapping[str, Any]) -> str:
    """How much of the ground that was to be patrolled the tracks have seen: fresh earthworks to a structure."""
    low, high = coverage["planned_seen_early_share"], coverage["planned_seen_built_share"]
    if low is None or high is None:
        return "没有巡查计划，无从说巡查是否到位"
    if low >= PATROLLED_SHARE:
        return f"巡查看全了，计划内地面的 {low:.0%} 至 {high:.0%} 有轨迹看见"
    return f"巡查没有看全，计划内地面只有 {low:.0%} 至 {high:.0%} 有轨迹看见"


def _where_not(month: MonthTables, numbers: Mapping[str, Any]) -> Answer:
    names = month.unit_names()
    hidden = month.cell_states[month.cell_states["state"] == CellState.NOT_OBSERVED.value]
    by_unit: dict[str, list[str]] = {}
    for cell_id, unit in sorted(zip(hidden["cell_id"], hidden["acting_unit_id"], strict=True), key=lambda row: row[0]):
        by_unit.setdefault(names.get(unit, "未落实责任单位") if isinstance(unit, str) else "未落实责任单位", []).append(
            cell_id
        )
    lines = [f"影像没看清：{name} {_some(cells)}。" for name, cells in sorted(by_unit.items())]
    patrol = [
        f"{unit['name']} {unit['missed_areas']} 处（{unit['missed_m2'] / 1e6:.2f} 平方千米）"
        for unit in numbers["units"]
        if unit["missed_areas"]
    ]
    if patrol:
        kinds = numbers["missed"]["by_kind"]
        named = "，".join(f"{kind.label} {kinds[kind.value]} 处" for kind in MissedKind if kinds[kind.value])
        lines.append(f"计划内轨迹没有覆盖的地方：{named}。没有轨迹不等于没有巡查。")
        lines.append(f"按单位：{'；'.join(patrol)}。")
    if numbers["ledger"]["rejected"]:
        lines.append(
            f"台账有 {numbers['ledger']['rejected']} 行没有采用，其中 {numbers['ledger']['to_mend']} 行需单位补正；"
            "重复行和合计、签名行不需处理。理由逐行列出。"
        )
    counts = [
        f"{len(hidden)} 个网格影像没看清" if len(hidden) else "",
        f"{numbers['missed']['total']} 处计划内的地方轨迹没有覆盖到" if patrol else "",
    ]
    lead = "，".join(text for text in counts if text) or "没有发现遗漏的地方"
    return Answer("二、哪里没看到？", f"{lead}。", tuple(lines))


def _how_sure(month: MonthTables, numbers: Mapping[str, Any]) -> Answer:
    probability = standing_targets(month)["probability"]
    likely, possible = (
        int((probability >= LIKELY).sum()),
        int(((probability >= POSSIBLE) & (probability < LIKELY)).sum()),
    )
    verdicts, outcomes = numbers["verdicts"]["by_verdict"], numbers["verdicts"]["by_outcome"]
    checked = numbers["verdicts"]["total"] - outcomes[Outcome.UNCHECKED.value]
    total = numbers["targets"]["total"]
    looks = numbers["targets"]["by_confidence"]
    supported = "，".join(f"{level.label} {looks[level.value]} 个" for level in reversed(Confidence))
    lines = [
        f"概率在 {LIKELY} 以上的 {likely} 个，{POSSIBLE} 至 {LIKELY} 的 {possible} 个，"
        f"{POSSIBLE} 以下的 {total - likely - possible} 个。{probability_note(month.trained)}",
        f"时序置信：{supported}。只有一次清晰观测的，地物短暂变化也会这样，先核查再定性。",
        f"已现场核查 {checked} 个：违法 {outcomes[Outcome.VIOLATION.value]}，合法 {outcomes[Outcome.LAWFUL.value]}，"
        f"伪变化 {outcomes[Outcome.PSEUDO_CHANGE.value]}，其他 {outcomes[Outcome.OTHER.value]}。",
        f"{verdicts[Verdict.UNDETERMINABLE.value]} 个目标证据不足，结论为“不可判”。",
        f"台账有发现而卫星没有目标的 {numbers['omissions']['total']} 处，其中确为卫星漏检 "
        f"{numbers['omissions']['by_class']['true_miss']} 处。",
    ]
    if not total:
        return Answer("三、把握有多大？", "本月没有疑似目标。", tuple(lines[-1:]))
    lead = f"{total} 个疑似目标，{checked} 个已经人看过，其余都还只是线索。"
    return Answer("三、把握有多大？", lead, tuple(lines))


def _what_next(numbers: Mapping[str, Any]) -> Answer:
    lines = [f"{unit['name']}：{'；'.join(_duties(unit))}" for unit in numbers["units"] if _duties(unit)]
    if numbers["cases"]["overdue"]:
        lines.append(
            f"{numbers['cases']['overdue']} 个目标已过期限而未见办理记录，请先核对记录是否补录，见“办理状态和提醒”。"
        )
    if numbers["to_decide"]:
        lines.append(
            f"市局：{numbers['to_decide']} 组台账和目标分不清是不是同一处，请在“待人工判定.xlsx”中判定；"
            "判定之前有关目标不作漏查认定。"
        )
    hidden = numbers["cells"]["by_state"][CellState.NOT_OBSERVED.value]
    if hidden:
        lines.append(f"没看清的 {hidden} 个网格：按计划照常巡查，有清晰影像后补查。")
    tasks = numbers["funnel"]["tasks_included"]
    busy = sum(1 for unit in numbers["units"] if unit["tasks"])
    lead = f"{busy} 个单位到现场核查 {tasks} 个目标。" if tasks else "本月没有新的核查任务。"
    return Answer("四、下一步谁做什么？", lead, tuple(lines))


def _duties(unit: Mapping[str, Any]) -> list[str]:
    passed = [_passed(group) for group in unit["taken_over"]]
    if unit["past_due"]:
        passed.insert(0, f"{unit['past_due']} 个已过期限（最早 {unit['first_past_due_on']}）")
    late = f"，其中 {'，'.join(passed)}，请尽快办结" if passed else ""
    rest = "其余" if late else ""
    first = f"，{rest}最早 {unit['first_due_on']} 前办结" if unit["first_due_on"] else ""
    visit = [f"核查 {unit['tasks']} 个目标{late}{first}"] if unit["tasks"] else []
    left = [
        f"另有 {group['tasks']} 个逾期后改由{group['name'] or '未定单位'}负责，逾期仍计本单位"
        for group in unit["handed_over"]
    ]
    return visit + left + ([f"补正台账 {unit['to_mend']} 行"] if unit["to_mend"] else [])


def _passed(group: Mapping[str, Any]) -> str:
    """Tasks past a deadline until which another unit held them: they are to be done, but not counted as this unit's."""
    if group["name"] is None:
        return f"{group['tasks']} 个已过期限而期限内换过负责单位（最早 {group['first_due_on']}，逾期只计入全市）"
    return f"{group['tasks']} 个接手前已过期限（最早 {group['first_due_on']}，期限前由{group['name']}负责，逾期不计本单位）"


def _some(names: list[str]) -> str:
    shown = "、".join(names[:_NAMED_MAX])
    return f"{shown} 等 {len(names)} 个网格" if len(names) > _NAMED_MAX else f"{shown}"
