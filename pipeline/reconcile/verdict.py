"""The time-fair verdict on every target: found, missed on patrol, never patrolled though due, or not to be judged.

The order is the contract's, the first that fits: (1) an entry before the dispatch, (2) an entry after it, (3) a visit
of the acting unit in the window that would have seen the site and no entry, (4) a visit that was due in the window,
never made, with complete records, (5) not to be judged, with the missing evidence named. Only (3) and (4) accuse, and
both need the absence of any entry that may be the target.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.reconcile.decisions import survivors
from pipeline.reconcile.evidence import (
    Answer,
    Deliveries,
    Responsibility,
    as_day,
    first_days,
    outcomes_of,
    plan_by_cell,
)
from pipeline.reconcile.match import open_targets
from pipeline.reconcile.mentions import linked_entries, may_be_target, unlocated_findings
from pipeline.reconcile.sight import TRACK_EVIDENCE, SightOptions, doubtful, sightings, split_cells
from pipeline.reconcile.sites import reported_beside
from pipeline.reconcile.words import Vocabulary
from pipeline.schema import VERDICTS, conform
from pipeline.values import MatchStatus, Outcome, Period, Verdict

ACCUSING: tuple[str, ...] = (Verdict.PATROLLED_NOT_REPORTED, Verdict.DUE_NOT_PATROLLED)
Row = dict[str, Any]


@dataclass(frozen=True)
class _Case:
    """One target with everything known about it."""

    target: Row
    task: Answer
    cell_id: str | None
    window_from: date | None
    window_to: date
    dispatched_on: date | None
    outcome: str
    matched: Sequence[Row]
    plausible: Sequence[Row]
    unlocated: Sequence[str]
    beside: tuple[str, str] | None
    seen: Sequence[Row]


@dataclass(frozen=True)
class _Finding:
    """A verdict with what triggered it."""

    verdict: Verdict
    rule: str
    reason: str
    answer: Answer | None = None
    entry: Row | None = None
    visit: Row | None = None


def judge(
    targets: gpd.GeoDataFrame,
    first_seen_as: gpd.GeoDataFrame,
    tasks: pd.DataFrame,
    matches: pd.DataFrame,
    entries: gpd.GeoDataFrame,
    visits: gpd.GeoDataFrame,
    rejected: pd.DataFrame,
    plan: pd.DataFrame,
    responsibility: pd.DataFrame,
    delegations: pd.DataFrame,
    dispatches: pd.DataFrame,
    checks: pd.DataFrame,
    *,
    vocabulary: Vocabulary,
    cutoff: date,
    image_day: date,
    grace_days: int,
    min_seen: float,
    reject_match: float,
    max_lead_days: int,
    min_track_day_share: float,
    same_site_m: float,
    sight: SightOptions,
    unit_of_person: Mapping[str, str],
    ledger_files: pd.DataFrame | None = None,
    track_parts: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """One verdict per open target, as :data:`~pipeline.schema.VERDICTS`; a merged one is judged as its survivor.

    Arguments are schema tables in one projected metre CRS. ``first_seen_as`` holds TARGETS rows as first registered:
    what surely stood on ``first_seen`` (targets it lacks stand as they are). Visits up to ``image_day``, the last day
    of the period's images, are judged by that; only later ones by the targets as they are now.
    ``checks`` are people's field checks: they set ``outcome`` and end the window on the day before the first one.
    ``unit_of_person``: nobody is named for a unit that is not their own. ``ledger_files``: LEDGER_FILES, by which a
    ledger may speak for its whole month; without it only up to its last row. ``track_parts``: TRACK_PARTS, by which
    the speed near a target counts instead of the outing's mean.
    """
    goals = open_targets(targets)
    book = _Book(
        Responsibility(responsibility, delegations, unit_of_person),
        Deliveries(entries, visits, rejected, ledger_files),
        plan_by_cell(plan),
        {row["visit_id"]: row for row in visits.drop(columns="geometry").to_dict("records")},
        _dated_by_unit(visits),
        min_seen=min_seen,
        min_track_day_share=min_track_day_share,
    )
    window_to = cutoff - timedelta(days=grace_days)
    carried = survivors(targets)
    duties = {row["target_id"]: row for row in tasks.to_dict("records")}
    sent = first_days(dispatches, "dispatched_on", carried, cutoff)
    checked = first_days(checks, "checked_on", carried, cutoff)
    outcomes = outcomes_of(checks, carried, cutoff)
    cells = [_text(duties.get(target, {}).get("cell_id")) for target in goals["target_id"]]
    later = (visits["visited_on"] > pd.Timestamp(image_day)).to_numpy(bool)
    seen = pd.concat(
        [
            sightings(shown, visits[when].reset_index(drop=True), cells, sight, track_parts)
            for shown, when in ((_as_first_seen(goals, first_seen_as), ~later), (goals, later))
        ],
        ignore_index=True,
    )
    by_target: dict[str, list[Row]] = {}
    for row in seen.to_dict("records"):
        by_target.setdefault(row["target_id"], []).append(row)
    linked = linked_entries(matches, entries, carried, cutoff)
    no = (matches["status"] == MatchStatus.DECIDED.value) & (matches["probability"] == 0.0)
    refused = set(zip(matches.loc[no, "target_id"], matches.loc[no, "entry_id"], strict=True))
    beside = reported_beside(goals, linked, refused, same_site_m=same_site_m)
    lost = unlocated_findings(entries, matches, vocabulary, cutoff, reject_match)
    rows = []
    for target, cell in zip(goals.drop(columns="geometry").to_dict("records"), cells, strict=True):
        name = target["target_id"]
        duty = duties.get(name, {})
        own = Answer(_text(duty.get("unit_id")), _text(duty.get("acting_unit_id")), _text(duty.get("person_id")))
        pairs = [*linked.get(name, []), *_before_split(target, linked, carried)]
        case = _Case(
            target=target,
            task=own,
            cell_id=cell,
            window_from=as_day(target["first_seen"]),
            window_to=min(window_to, checked[name] - timedelta(days=1)) if name in checked else window_to,
            dispatched_on=sent.get(name),
            outcome=outcomes.get(name, Outcome.UNCHECKED.value),
            matched=[row for row in pairs if row["sure"]],
            plausible=[row for row in pairs if not row["sure"] and row["probability"] >= reject_match],
            unlocated=[
                entry
                for entry in may_be_target(
                    target, own, book.responsibility, cell, lost, cutoff, max_lead_days=max_lead_days
                )
                if (name, entry) not in refused
            ],
            beside=beside.get(name),
            seen=by_target.get(name, []),
        )
        rows.append(_row(case, _judge_one(case, book), book))
    frame = pd.DataFrame(rows, columns=VERDICTS.names)
    return conform(VERDICTS, frame.sort_values("target_id", kind="stable"))


@dataclass(frozen=True)
class _Book:
    responsibility: Responsibility
    deliveries: Deliveries
    plan: Mapping[str, Sequence[Row]]
    visits: Mapping[str, Row]
    visits_of: Mapping[str, Sequence[tuple[str, date, date | None, Row]]]
    min_seen: float
    min_track_day_share: float


def _dated_by_unit(visits: gpd.GeoDataFrame) -> dict[str, list[tuple[str, date, date | None, Row]]]:
    """Visits with a known day per unit: id, first day, last day where it differs, and the row itself."""
    found: dict[str, list[tuple[str, date, date | None, Row]]] = {}
    for row in visits.drop(columns="geometry").to_dict("records"):
        day = as_day(row["visited_on"])
        if day is not None:
            found.setdefault(row["unit_id"], []).append((row["visit_id"], day, as_day(row["visited_until"]), row))
    return found


def _judge_one(case: _Case, book: _Book) -> _Finding:
    found = _found(case)
    if found is not None:
        return found
    missing = _barriers(case)
    if missing:
        return missing
    patrolled, why_not_seen = _patrolled(case, book)
    if patrolled is not None:
        return patrolled
    due, why_not_due = _due(case, book)
    if due is not None:
        return due
    return _open("evidence", "；".join([*why_not_seen, *why_not_due]))


def _open(rule: str, reason: str) -> _Finding:
    return _Finding(Verdict.UNDETERMINABLE, f"verdict.5.{rule}", reason)


def _found(case: _Case) -> _Finding | None:
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
        reason = f"台账条目 {entry['entry_id']} {when}已记录该处（匹配概率 {entry['probability']:.2f}），{basis}"
        return _Finding(Verdict.FOUND_BEFORE_DISPATCH, "verdict.1", reason, entry=entry)
    # Ids are made known by the dispatch, so an undated entry that states one was written after it.
    after = [row for row in case.matched if (row["day"] >= sent if row["day"] else row["named"])]
    doubtful = [row for row in case.matched if row not in after]
    if doubtful:
        entry = min(doubtful, key=_entry_order)
        reason = f"台账条目 {entry['entry_id']} 已记录该处，但日期不明或跨越派发日 {sent}，先后不能判断"
        return _Finding(Verdict.UNDETERMINABLE, "verdict.5.undated_entry", reason, entry=entry)
    earlier = [row for row in case.plausible if row["day"] is None or row["day"] < sent]
    if earlier:
        entry = max(earlier, key=lambda row: (row["probability"], row["entry_id"]))
        reason = f"派发日 {sent} 前的台账条目 {entry['entry_id']} 可能就是该处"
        reason += f"（匹配概率 {entry['probability']:.2f}），待人工判定"
        return _open("ambiguous_entry", reason)
    entry = min(after, key=_entry_order)
    when = entry["day"] or "（日期不明，填报了监测编号）"
    reason = f"派发日 {sent} 起，台账条目 {entry['entry_id']} {when} 记录该处（匹配概率 {entry['probability']:.2f}）"
    return _Finding(Verdict.FOUND_AFTER_DISPATCH, "verdict.2", reason, entry=entry)


def _entry_order(row: Row) -> tuple[date, str]:
    return row["day"] or date.max, row["entry_id"]


def _barriers(case: _Case) -> _Finding | None:
    """What forbids any accusation, whatever the patrols did."""
    if case.outcome == Outcome.PSEUDO_CHANGE:
        return _open("pseudo_change", "实地核查为伪变化，无应发现的对象")
    if case.plausible:
        best = max(case.plausible, key=lambda row: (row["probability"], row["entry_id"]))
        reason = f"台账条目 {best['entry_id']} 可能就是该处（匹配概率 {best['probability']:.2f}），待人工判定"
        return _Finding(Verdict.UNDETERMINABLE, "verdict.5.ambiguous_entry", reason, entry=None)
    if case.beside:
        entry_id, other = case.beside
        return _open("same_site", f"台账条目 {entry_id} 已记录相邻目标 {other}，可能是同一工地的一部分")
    if case.unlocated:
        names = "、".join(case.unlocated[:3]) + (f" 等 {len(case.unlocated)} 条" if len(case.unlocated) > 3 else "")
        return _open("unlocated_entry", f"本单位台账条目 {names} 位置不明，不能排除就是该处")
    if case.window_from is None:
        return _open("no_dates", "目标没有后时相日期，不能确定此前巡查应否看见")
    if case.window_from > case.window_to:
        reason = f"后时相 {case.window_from} 晚于应见截止日 {case.window_to}，尚无可比的巡查时段"
        return _open("no_window", reason)
    if case.task.unit_id is None or case.cell_id is None:
        return _open("no_unit", "目标没有落入任何责任网格，无责任单位")
    return None


def _patrolled(case: _Case, book: _Book) -> tuple[_Finding | None, list[str]]:
    """Rule 3: a visit of the unit that acted on that day, wholly inside the window, that would have seen the site."""
    own = _own_visits(case, book, acting_only=True)
    chances = [row for row in own if row["tracked"] and row["seen_probability"] >= book.min_seen]
    reasons: list[str] = []
    # Earliest first among equals: the first chance that the site was missed.
    for row in sorted(chances, key=lambda r: (-r["seen_probability"], r["day"], r["visit_id"])):
        answer = book.responsibility.on(case.cell_id, row["day"], case.task)
        units = [unit for unit in (answer.acting_unit_id,) if unit]
        gap = book.deliveries.ledger_gap(units, row["day"], row["day"])
        gap = gap or next(filter(None, (book.deliveries.ledger_ends(unit, row["day"]) for unit in units)), None)
        if gap is not None:
            reasons.append(f"{row['day']} 巡查应能看见该处，但{gap}")
            continue
        reason = f"{row['day']} 巡查轨迹距目标 {row['distance_m']:.0f} 米，看见概率 {row['seen_probability']:.2f}，"
        reason += f"窗口 {case.window_from} 至 {case.window_to} 内台账无对应记录"
        return _Finding(Verdict.PATROLLED_NOT_REPORTED, "verdict.3", reason, answer=answer, visit=row), []
    if reasons:
        return None, reasons[:1]
    span = f"窗口 {case.window_from} 至 {case.window_to} 内"
    if not own:
        return None, [f"{span}无负责单位到达该处的巡查"]
    best = max(own, key=lambda r: (r["seen_probability"], r["visit_id"]))
    kind = f"轨迹距目标 {best['distance_m']:.0f} 米" if best["tracked"] else "仅有台账无轨迹"
    chance = f"看见概率 {best['seen_probability']:.2f}，低于 {book.min_seen:.2f}"
    return None, [f"{span}最佳巡查（{best['day']}，{kind}）{chance}"]


def _due(case: _Case, book: _Book) -> tuple[_Finding | None, list[str]]:
    """Rule 4: a plan row for the cell wholly inside the window, no visit of any kind in it, records complete."""
    rows = [row for row in _plan_inside(case, book) if row["visits_required"] > 0]
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
        planned = book.responsibility.person_of(_text(row["person_id"]), answer.acting_unit_id)
        person = planned or (answer.person_id if len(answers) == 1 else None)
        reason = f"计划 {row['plan_id']} 要求 {row['from']} 至 {row['to']} 巡查网格 {case.cell_id} "
        reason += f"{row['visits_required']} 次，期间无轨迹也无台账到达，资料齐全"
        blamed = Answer(answer.unit_id, answer.acting_unit_id, person)
        return _Finding(Verdict.DUE_NOT_PATROLLED, "verdict.4", reason, answer=blamed), []
    return None, reasons[:1] or ["窗口内没有完整的计划巡查期"]


def _why_not_blamed(case: _Case, book: _Book, row: Row, units: set[str], acting: str | None) -> str | None:
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
    if acting is not None and (ends := book.deliveries.ledger_ends(acting, row["to"])):
        return ends
    return _records_gap(book, acting, units, row["from"], row["to"])


def _records_gap(book: _Book, acting: str | None, units: set[str], start: date, end: date) -> str | None:
    """What the acting unit did not hand in, or what any of the units handed in unusably; None: nothing."""
    share = book.min_track_day_share
    for group in ({acting} if acting else set(), units):
        gap = book.deliveries.ledger_gap(group, start, end) if group else None
        gap = gap or (book.deliveries.track_gap(group, start, end, min_track_day_share=share) if group else None)
        if gap is not None:
            return gap
    return None


def _own_visits(case: _Case, book: _Book, *, acting_only: bool) -> list[Row]:
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


def _row(case: _Case, finding: _Finding, book: _Book) -> Row:
    answer = finding.answer or case.task
    own = _own_visits(case, book, acting_only=False)
    best = finding.visit or max(own, key=lambda r: (r["seen_probability"], r["visit_id"]), default=None)
    accused = finding.verdict in ACCUSING
    return {
        "target_id": case.target["target_id"],
        "unit_id": answer.unit_id,
        "acting_unit_id": answer.acting_unit_id,
        "person_id": answer.person_id,
        "cell_id": case.cell_id,
        "verdict": finding.verdict.value,
        "rule": finding.rule,
        "reason": finding.reason,
        "entry_id": finding.entry["entry_id"] if finding.entry else None,
        "discovered_on": finding.entry["day"] if finding.entry else None,
        "dispatched_on": case.dispatched_on,
        "last_clear": case.target["last_clear"],
        "first_seen": case.target["first_seen"],
        "window_from": case.window_from,
        "window_to": case.window_to,
        "visits_in_window": len(own),
        "visit_id": best["visit_id"] if best else None,
        "seen_probability": best["seen_probability"] if best else 0.0,
        "visits_required": sum(row["visits_required"] for row in _plan_inside(case, book)),
        "records_complete": finding.verdict is Verdict.DUE_NOT_PATROLLED or _complete(case, book),
        "outcome": case.outcome,
        "accountable": accused and case.outcome == Outcome.VIOLATION,
    }


def _plan_inside(case: _Case, book: _Book) -> list[Row]:
    """Plan rows of the target's cell whose due window lies wholly inside the target's window."""
    start = case.window_from
    if start is None:
        return []
    rows = book.plan.get(case.cell_id or "", [])
    return [row for row in rows if row["from"] and row["to"] and start <= row["from"] and row["to"] <= case.window_to]


def _complete(case: _Case, book: _Book) -> bool:
    if case.window_from is None or case.window_from > case.window_to or case.task.unit_id is None:
        return False
    units = {unit for unit in (case.task.unit_id, case.task.acting_unit_id) if unit}
    return _records_gap(book, case.task.acting_unit_id, units, case.window_from, case.window_to) is None


def _before_split(target: Row, linked: Mapping[str, Sequence[Row]], carried: Mapping[str, str]) -> list[Row]:
    """Entries about the ground a target was split off from, as long as it was one: they may be this part."""
    parent = _text(target["parent_ids"])
    last = Period.parse(target["first_period"]).last_day
    rows = linked.get(carried.get(parent, parent), []) if parent else []
    return [{**row, "sure": False} for row in rows if row["day"] is None or row["day"] <= last]


def _as_first_seen(goals: gpd.GeoDataFrame, earliest: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Targets with the geometry, area and stage under which they were first registered.

    A part split off has its parent's ``first_seen``, so only what it shares with the parent's first ground stood then.
    """
    known = dict(zip(earliest["target_id"], range(len(earliest)), strict=True))
    rows = [known.get(target) for target in goals["target_id"]]
    columns = ["target_id", "stage", "area_m2"]
    facts, old = goals[columns].to_dict("records"), earliest[columns].to_dict("records")
    shapes = [goals.geometry.iloc[n] if row is None else earliest.geometry.iloc[row] for n, row in enumerate(rows)]
    facts = [facts[n] if row is None else old[row] for n, row in enumerate(rows)]
    parents = dict(zip(earliest["target_id"], earliest["parent_ids"], strict=True))
    for number, parent in enumerate(goals["parent_ids"]):
        seen = {facts[number]["target_id"]}
        while isinstance(parent, str) and parent in known and parent not in seen:
            seen.add(parent)
            shapes[number] = shapely.intersection(shapes[number], earliest.geometry.iloc[known[parent]])
            facts[number] = {**facts[number], "area_m2": float(shapes[number].area)}
            parent = parents[parent]
    plain = pd.DataFrame(facts, columns=columns)
    return gpd.GeoDataFrame(plain, geometry=gpd.GeoSeries(shapes, crs=goals.crs), crs=goals.crs)


def _text(value: object) -> str | None:
    return value if isinstance(value, str) else None
