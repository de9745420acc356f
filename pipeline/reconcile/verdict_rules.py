"""The rules of the verdict, the first that fits, on one target and all that is known of it.

(1) an entry before the dispatch, (2) an entry after it, (3) a visit of the acting unit in the window that would have
seen the site and no entry, (4) a visit that was due in the window, never made, with complete records, (5) not to be
judged, with the missing evidence named. Only (3) and (4) accuse, and both need the absence of any entry that may be
the target.
"""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

from pipeline.duty import Answer, Responsibility
from pipeline.reconcile.evidence import Deliveries, as_day, as_text
from pipeline.reconcile.sight import TRACK_EVIDENCE, doubtful, split_cells
from pipeline.values import Outcome, Verdict, VerdictRule

Row = dict[str, Any]


@dataclass(frozen=True)
class Case:
    """One target with everything known about it; entries and sightings as rows.

    ``task``: who answers for it now; ``held``: who did when it was dispatched, the same where it was not.
    ``told_from``: the first day on which an entry may tell of it; None: unknown. ``passed_by``: units with a visit to
    its cell since the last image without it. ``set_aside``: entries near it that were not taken for it, in words.
    """

    target: Row
    task: Answer
    held: Answer
    cell_id: str | None
    told_from: date | None
    window_from: date | None
    window_to: date
    dispatched_on: date | None
    outcome: str
    matched: Sequence[Row]
    plausible: Sequence[Row]
    unlocated: Sequence[str]
    beside: tuple[str, str] | None
    answered: Sequence[str]
    seen: Sequence[Row]
    passed_by: Sequence[str] = ()
    set_aside: str = ""


@dataclass(frozen=True)
class Finding:
    """A verdict with what triggered it and whom it is about; no ``answer``: whoever held it when it was dispatched."""

    verdict: Verdict
    rule: VerdictRule
    reason: str
    answer: Answer | None = None
    entry: Row | None = None
    visit: Row | None = None


@dataclass(frozen=True)
class Book:
    """What all cases share: who answered, what was handed in, what was planned, and every dated visit by unit."""

    responsibility: Responsibility
    deliveries: Deliveries
    plan: Mapping[str, Sequence[Row]]
    visits: Mapping[str, Row]
    visits_of: Mapping[str, Sequence[tuple[str, date, date | None, Row]]]
    name_of_person: Mapping[str, str]
    min_seen: float
    min_track_day_share: float


def judge_case(case: Case, book: Book) -> Finding:
    """The first rule that fits."""
    found = _found(case, book)
    if found is not None:
        return found
    missing = _barriers(case)
    if missing:
        return missing
    # Another team that was there may have written the site down, in a file that nobody could read.
    others = {unit for unit in case.passed_by if unit not in (case.task.unit_id, case.task.acting_unit_id)}
    if hidden := book.deliveries.hidden_rows(others, since=case.told_from):
        return _open(VerdictRule.OTHER_LEDGER, f"到过网格 {case.cell_id} 的 {hidden}")
    patrolled, why_not_seen = _patrolled(case, book)
    if patrolled is not None:
        return patrolled
    due, why_not_due = _due(case, book)
    if due is not None:
        return due
    return _open(VerdictRule.EVIDENCE, "；".join([*why_not_seen, *why_not_due]))


def _open(rule: VerdictRule, reason: str) -> Finding:
    return Finding(Verdict.UNDETERMINABLE, rule, reason)


def _found(case: Case, book: Book) -> Finding | None:
    """Rules 1 and 2, or 'cannot tell' where a sure entry's day cannot be set against the dispatch."""
    if not case.matched:
        return None
    sent = case.dispatched_on
    dated = [row for row in case.matched if row["until"] is not None]
    before = [row for row in dated if sent is None or row["until"] < sent]
    if before or sent is None:
        entry = min(before or case.matched, key=_entry_order)
        when = f"{entry['day']} " if entry["day"] else ""
        basis = f"早于派发日 {sent}" if sent else "未派发"
        reason = f"台账条目 {entry['entry_id']} {when}已记录该处（{_tie(entry)}），{basis}"
        return _credited(Verdict.FOUND_BEFORE_DISPATCH, VerdictRule.FOUND_BEFORE, reason, entry, case, book)
    # Ids are made known by the dispatch, so an undated entry that states one was written after it.
    after = [row for row in case.matched if (row["day"] >= sent if row["day"] else row["named"])]
    doubtful = [row for row in case.matched if row not in after]
    if doubtful:
        entry = min(doubtful, key=_entry_order)
        reason = f"台账条目 {entry['entry_id']} 已记录该处，但日期不明或跨越派发日 {sent}，先后不能判断"
        return _credited(Verdict.UNDETERMINABLE, VerdictRule.UNDATED_ENTRY, reason, entry, case, book)
    # what is unlikely but for a track that passed by accuses nobody here, so it holds back no sure entry
    likely = [row for row in case.plausible if not row["passed"] and (row["day"] is None or row["day"] < sent)]
    if likely:
        return _maybe(likely, f"派发日 {sent} 前的")
    entry = min(after, key=_entry_order)
    when = entry["day"] or "（日期不明，填报了监测编号）"
    reason = (
        f"派发日 {sent} 起，台账条目 {entry['entry_id']} {when} 记录该处（{_tie(entry)}）{_passed_earlier(case, sent)}"
    )
    return _credited(Verdict.FOUND_AFTER_DISPATCH, VerdictRule.FOUND_AFTER, reason, entry, case, book)


def _passed_earlier(case: Case, sent: date) -> str:
    """The likeliest entry of before the dispatch that was not taken for the target though its track passed by."""
    rows = [row for row in case.plausible if row["passed"] and (row["day"] is None or row["day"] < sent)]
    if not rows:
        return ""
    best = _likeliest(rows)
    said = f"；派发前的条目 {best['entry_id']} 当日轨迹经过该处，匹配概率仅 {best['probability']:.2f}，未认作该处"
    return f"{said}，是同一处的请在 records/decisions.csv 中写明"


def _credited(verdict: Verdict, rule: VerdictRule, reason: str, entry: Row, case: Case, book: Book) -> Finding:
    """A finding about the unit whose ledger has the entry, and the cell's person of that day where both agree."""
    on = case.held if entry["day"] is None else book.responsibility.on(case.cell_id, entry["day"], case.task)
    unit = entry["unit_id"] or on.acting_unit_id
    if unit != on.acting_unit_id:
        return Finding(verdict, rule, reason, answer=Answer(on.unit_id, unit, None), entry=entry)
    return Finding(verdict, rule, reason, answer=_of_those_who_went(on, entry["people"], book), entry=entry)


def _likeliest(rows: Sequence[Row]) -> Row:
    return max(rows, key=lambda row: (row["probability"], row["entry_id"]))


def _maybe(rows: Sequence[Row], when: str = "") -> Finding:
    """Not to be judged because of entries that may be the target: which one, and how a person says whether it is."""
    asked = [row for row in rows if row["asked"]]
    best = _likeliest(asked or [row for row in rows if not row["passed"]] or rows)
    named, chance = f"{when}台账条目 {best['entry_id']}", f"匹配概率 {best['probability']:.2f}"
    if asked:
        return _open(VerdictRule.AMBIGUOUS_ENTRY, f"{named} 可能就是该处（{chance}），待人工判定")
    write = "不是同一处的，请在 records/decisions.csv 中写明"
    if best["passed"]:
        reason = f"{named} 当日的巡查轨迹经过该处，所写地点在附近，不能排除就是该处（{chance}）；{write}"
        return _open(VerdictRule.PASSED_ENTRY, reason)
    return _open(VerdictRule.SPLIT_ENTRY, f"{named} 记录的是拆分前的目标（{chance}），可能就是该处；{write}")


def _entry_order(row: Row) -> tuple[date, str]:
    return row["day"] or date.max, row["entry_id"]


def _barriers(case: Case) -> Finding | None:
    """What forbids any accusation, whatever the patrols did."""
    if case.outcome == Outcome.PSEUDO_CHANGE:
        return _open(VerdictRule.PSEUDO_CHANGE, "实地核查为伪变化，无应发现的对象")
    if case.plausible:
        return _maybe(case.plausible)
    if case.beside:
        entry_id, other = case.beside
        return _open(VerdictRule.SAME_SITE, f"台账条目 {entry_id} 已记录相邻目标 {other}，可能是同一工地的一部分")
    if case.answered:
        return _open(VerdictRule.ANSWERED, f"台账条目 {case.answered[0]} 填报了本监测编号并写明未发现，待实地核查")
    if case.unlocated:
        names = "、".join(case.unlocated[:3]) + (f" 等 {len(case.unlocated)} 条" if len(case.unlocated) > 3 else "")
        reason = f"本单位台账条目 {names} 位置不明或地名仅相近，不能排除就是该处"
        return _open(VerdictRule.UNLOCATED_ENTRY, reason)
    if case.window_from is None:
        return _open(VerdictRule.NO_DATES, "目标没有后时相日期，不能确定此前巡查应否看见")
    if case.window_from > case.window_to:
        reason = f"后时相 {case.window_from} 晚于应见截止日 {case.window_to}，尚无可比的巡查时段"
        return _open(VerdictRule.NO_WINDOW, reason)
    if case.task.unit_id is None or case.cell_id is None:
        return _open(VerdictRule.NO_UNIT, "目标没有落入任何责任网格，无责任单位")
    return None


def _patrolled(case: Case, book: Book) -> tuple[Finding | None, list[str]]:
    """Rule 3: a visit of the unit that acted on that day, wholly inside the window, that would have seen the site."""
    own = own_visits(case, book, acting_only=True)
    chances = [row for row in own if row["tracked"] and row["seen_probability"] >= book.min_seen]
    reasons: list[str] = []
    # Earliest first among equals: the first chance that the site was missed.
    for row in sorted(chances, key=lambda r: (-r["seen_probability"], r["day"], r["visit_id"])):
        answer = book.responsibility.on(case.cell_id, row["day"], case.task)
        units = [unit for unit in (answer.acting_unit_id,) if unit]
        gap = book.deliveries.ledger_gap(units, row["day"], row["day"], since=case.told_from)
        ends = (book.deliveries.ledger_ends(unit, row["day"], as_kept=False) for unit in units)
        gap = gap or next(filter(None, ends), None)
        if gap is not None:
            reasons.append(f"{row['day']} 巡查应能看见该处，但{gap}")
            continue
        reason = f"{row['day']} 巡查轨迹距目标 {row['distance_m']:.0f} 米，看见概率 {row['seen_probability']:.2f}，"
        reason += f"窗口 {case.window_from} 至 {case.window_to} 内台账无对应记录{case.set_aside}"
        answer = _of_those_who_went(answer, as_text(book.visits[row["visit_id"]]["people"]), book)
        return Finding(Verdict.PATROLLED_NOT_REPORTED, VerdictRule.PATROLLED, reason, answer=answer, visit=row), []
    if reasons:
        return None, reasons[:1]
    span = f"窗口 {case.window_from} 至 {case.window_to} 内"
    if not own:
        return None, [f"{span}无负责单位到达该处的巡查"]
    best = max(own, key=lambda r: (r["seen_probability"], r["visit_id"]))
    kind = f"轨迹距目标 {best['distance_m']:.0f} 米" if best["tracked"] else "仅有台账无轨迹"
    chance = f"看见概率 {best['seen_probability']:.2f}，低于 {book.min_seen:.2f}"
    return None, [f"{span}最佳巡查（{best['day']}，{kind}）{chance}"]


def _of_those_who_went(answer: Answer, people: str | None, book: Book) -> Answer:
    """``answer`` without its person where the patrol names people and not that one."""
    name = book.name_of_person.get(answer.person_id or "")
    return answer if people is None or name is None or _is_among(name, people) else replace(answer, person_id=None)


def _is_among(name: str, people: str) -> bool:
    """Whether ``people`` holds the name, and not only as the beginning of a longer one (张三 in 张三丰)."""
    return re.search(rf"{re.escape(name)}(?![一-鿿])|{re.escape(name)}(?=[等和及与同])", people) is not None


def _due(case: Case, book: Book) -> tuple[Finding | None, list[str]]:
    """Rule 4: a plan row for the cell wholly inside the window, no visit of any kind in it, records complete."""
    rows = [row for row in plan_inside(case, book) if row["visits_required"] > 0]
    reasons: list[str] = []
    for row in rows:
        answers = book.responsibility.over(case.cell_id, row["from"], row["to"], case.task)
        units = {unit for who in answers for unit in (who.unit_id, who.acting_unit_id) if unit}
        if row["unit_id"] not in units:
            reasons.append(f"计划 {row['plan_id']} 的单位 {row['unit_id']} 不是该网格的责任单位")
            continue
        if len({(who.unit_id, who.acting_unit_id) for who in answers}) > 1:
            reasons.append(f"计划 {row['plan_id']} 期内责任单位有变更，不能断定由谁应巡")
            continue
        answer = answers[-1]
        obstacle = _why_not_blamed(case, book, row, units, answer.acting_unit_id)
        if obstacle is not None:
            reasons.append(obstacle)
            continue
        planned = book.responsibility.person_of(as_text(row["person_id"]), answer.acting_unit_id)
        person = planned or (answer.person_id if len(answers) == 1 else None)
        reason = f"计划 {row['plan_id']} 要求 {row['from']} 至 {row['to']} 巡查网格 {case.cell_id} "
        reason += f"{row['visits_required']} 次，期间无轨迹也无台账到达，资料齐全{case.set_aside}"
        blamed = Answer(answer.unit_id, answer.acting_unit_id, person)
        return Finding(Verdict.DUE_NOT_PATROLLED, VerdictRule.DUE, reason, answer=blamed), []
    return None, reasons[:1] or ["窗口内没有完整的计划巡查期"]


def _why_not_blamed(case: Case, book: Book, row: Row, units: set[str], acting: str | None) -> str | None:
    near = {seen["visit_id"] for seen in case.seen if seen["near"]}
    own = (visit for unit in units for visit in book.visits_of.get(unit, ()))
    for visit_id, day, until, visit in sorted(own, key=lambda item: item[0]):
        # A track in doubt may be a day late: a clock in the wrong zone moves an afternoon past midnight.
        doubt = visit["evidence"] in TRACK_EVIDENCE and doubtful(visit["doubts"])
        if day - timedelta(days=int(doubt)) > row["to"] or (until or day) < row["from"]:
            continue
        cells = split_cells(visit["cell_ids"])
        if case.cell_id in cells:
            return f"计划 {row['plan_id']} 期内 {day} 已有巡查记录到达该网格"
        if visit_id in near:
            return f"计划 {row['plan_id']} 期内 {day} 有巡查可能到过该处附近"
        if not cells and visit["evidence"] == "ledger":
            return f"{day} 台账记有巡查但路线无法定位，不能断定未到网格 {case.cell_id}"
    if acting is not None and (ends := book.deliveries.ledger_ends(acting, row["to"], as_kept=True)):
        return ends
    return _records_gap(case, book, acting, units, row["from"], row["to"])


def _records_gap(case: Case, book: Book, acting: str | None, units: set[str], start: date, end: date) -> str | None:
    """What the acting unit did not hand in, or what any of the units handed in unusably; None: nothing."""
    share = book.min_track_day_share
    for group in ({acting} if acting else set(), units):
        gap = book.deliveries.ledger_gap(group, start, end, since=case.told_from) if group else None
        gap = gap or (book.deliveries.track_gap(group, start, end, min_track_day_share=share) if group else None)
        if gap is not None:
            return gap
    return None


def own_visits(case: Case, book: Book, *, acting_only: bool) -> list[Row]:
    """Sightings by the responsible unit's visits that lie wholly inside the window, with their ``day``."""
    if case.window_from is None:
        return []
    rows = []
    for row in case.seen:
        visit = book.visits[row["visit_id"]]
        day = as_day(visit["visited_on"])
        if day is None:
            continue
        until = as_day(visit["visited_until"]) or day
        if day < case.window_from or until > case.window_to:
            continue
        answer = book.responsibility.on(case.cell_id, day, case.task)
        units = {answer.acting_unit_id} if acting_only else {answer.acting_unit_id, answer.unit_id}
        if visit["unit_id"] in units:
            rows.append({**row, "day": day})
    return rows


def plan_inside(case: Case, book: Book) -> list[Row]:
    """Plan rows of the target's cell whose due window lies wholly inside the target's window."""
    start = case.window_from
    if start is None:
        return []
    rows = book.plan.get(case.cell_id or "", [])
    return [row for row in rows if row["from"] and row["to"] and start <= row["from"] and row["to"] <= case.window_to]


def records_are_complete(case: Case, book: Book) -> bool:
    """Whether the responsible units handed in everything for the whole window."""
    if case.window_from is None or case.window_from > case.window_to or case.task.unit_id is None:
        return False
    units = {unit for unit in (case.task.unit_id, case.task.acting_unit_id) if unit}
    return _records_gap(case, book, case.task.acting_unit_id, units, case.window_from, case.window_to) is None


def _tie(entry: Row) -> str:
    """How an entry was tied to the target: by a person (probability 1), or with which probability."""
    return "人工判定为同一处" if entry["probability"] == 1.0 else f"匹配概率 {entry['probability']:.2f}"
