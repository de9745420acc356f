"""The time-fair verdict on every target: found, missed on patrol, never patrolled though due, or not to be judged.

Here everything known of a target is brought together and written down; :mod:`pipeline.reconcile.verdict_rules` judges.
"""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta

import pandas as pd

from pipeline.duty import Answer
from pipeline.reconcile.evidence import as_day, as_text
from pipeline.reconcile.gather import Gathered
from pipeline.reconcile.mentions import WORDS_EXCLUDE, linked_entries, may_be_target, not_tied, passed_by
from pipeline.reconcile.outings import may_reach, passed_that_day, was_elsewhere
from pipeline.reconcile.sight import LONGEST_STEP_SIGHTS
from pipeline.reconcile.sites import reported_beside
from pipeline.reconcile.verdict_rules import (
    Book,
    Case,
    Finding,
    Row,
    judge_case,
    own_visits,
    plan_inside,
    records_are_complete,
)
from pipeline.reconcile.words import Vocabulary, told_stage
from pipeline.schema import VERDICTS, conform
from pipeline.values import MatchStatus, Outcome, Period, Verdict

# Share of ``reject_match`` from which a pair counts where that day's track passed the target.
PASSED_SHARE = 0.25
# A likeliest unlikely pair is named beside an accusation from here on.
FAINT_MATCH = 0.01
ACCUSING: tuple[str, ...] = (Verdict.PATROLLED_NOT_REPORTED, Verdict.DUE_NOT_PATROLLED)


@dataclass(frozen=True)
class _Told:
    """What MATCHES make of the entries: those linked to a target, pairs a person refused, reports of a neighbour.

    ``lost``: findings of unknown place by unit that are tied to no target.
    """

    linked: Mapping[str, Sequence[Row]]
    refused: Mapping[str, set[str]]
    beside: Mapping[str, tuple[str, str]]
    lost: Mapping[str, Sequence[Row]]


def judge(known: Gathered, matches: pd.DataFrame, names: Collection[str] | None = None) -> pd.DataFrame:
    """One verdict per open target, as :data:`~pipeline.schema.VERDICTS`; of these ``names`` only where given.

    ``matches``: MATCHES of all targets and entries; a merged target is judged as its survivor.
    """
    goals = [target for target in known.goals if names is None or target["target_id"] in names]
    told = _told(goals, matches, known)
    cases = [_case(target, known, told) for target in goals]
    rows = [_row(case, judge_case(case, known.book), known.book, known.vocabulary) for case in cases]
    return conform(VERDICTS, pd.DataFrame(rows, columns=VERDICTS.names))


def _told(goals: Sequence[Row], matches: pd.DataFrame, known: Gathered) -> _Told:
    """What is told of these targets, of their neighbours and of the ground they were split off from."""
    wanted = {known.sites[target["target_id"]] for target in goals}
    names = {name for name, site in known.sites.items() if site in wanted}
    names |= {parent for target in goals if (parent := _parent(target, known.carried)) is not None}
    linked = linked_entries(matches, known.entries, names, known.carried, known.options.cutoff)
    no = matches[(matches["status"] == MatchStatus.DECIDED.value) & (matches["probability"] == 0.0)]
    refused: dict[str, set[str]] = {}
    for target, entry in zip(no["target_id"], no["entry_id"], strict=True):
        refused.setdefault(target, set()).add(entry)
    beside = reported_beside({name: known.sites[name] for name in names & known.sites.keys()}, linked, refused)
    lost = not_tied(known.unlocated, matches, known.options.reject_match)
    return _Told(linked, refused, beside, lost)


def _case(target: Row, known: Gathered, told: _Told) -> Case:
    name, options, book = target["target_id"], known.options, known.book
    task, clear, first = known.tasks.get(name, {}), as_day(target["last_clear"]), as_day(target["first_seen"])
    cell = as_text(task.get("cell_id"))
    own = Answer(as_text(task.get("unit_id")), as_text(task.get("acting_unit_id")), as_text(task.get("person_id")))
    before_split = _before_split(target, told.linked, known.carried)
    refused = told.refused.get(name, set())
    pairs = [*told.linked.get(name, []), *(row for row in before_split if row["entry_id"] not in refused)]
    seen, visitors = known.seen.get(name, []), known.visitors.get(cell or "", ())
    lost = may_be_target(
        target, own, book.responsibility, cell, visitors, told.lost, options.cutoff,
        max_lead_days=options.max_lead_days,
    )  # fmt: skip
    plausible = _plausible(pairs, name, known)
    window_to = options.cutoff - timedelta(days=options.grace_days)
    if name in known.checked:
        window_to = min(window_to, known.checked[name] - timedelta(days=1))
    return Case(
        target=target,
        task=own,
        held=_held(name, own, cell, known),
        cell_id=cell,
        told_from=None if clear is None else clear - timedelta(days=options.max_lead_days),
        window_from=first,
        window_to=window_to,
        dispatched_on=known.sent.get(name),
        outcome=known.outcomes.get(name, Outcome.UNCHECKED.value),
        matched=[row for row in pairs if row["sure"]],
        plausible=plausible,
        set_aside=_set_aside(pairs, plausible, refused),
        unlocated=[entry for entry in _not_elsewhere(lost, name, known) if entry not in refused],
        beside=told.beside.get(name),
        answered=known.answered.get(name, []),
        seen=seen,
        passed_by=passed_by(visitors, clear or first),
    )


def _plausible(pairs: Sequence[Row], target: str, known: Gathered) -> list[Row]:
    """Unsure pairs that may be true: likely enough, or less so where that day's track passed the target.

    A place in words may be wrong by a direction; who walked past the target that day and wrote something down near it
    may well have written down this one, unless its words say something else or they walked past another target that
    the entry is surely about.
    """
    found, reject_match = [], known.options.reject_match
    for row in (row for row in pairs if not row["sure"]):
        if row["probability"] >= reject_match:
            found.append({**row, "passed": False})
        elif row["probability"] >= reject_match * PASSED_SHARE and row["fits"] > WORDS_EXCLUDE:
            here, there = (
                passed_that_day(
                    row["unit_id"], row["day"], row["until"], known.seen.get(name or "", ()), known.book.visits
                )
                for name in (target, row["tied_to"])
            )
            if here and not there:
                found.append({**row, "passed": True})
    return found


def _set_aside(pairs: Sequence[Row], plausible: Sequence[Row], refused: Collection[str]) -> str:
    """The likeliest entry that was not taken for the target and what a person refused: a reader may see it otherwise."""
    said = [f"条目 {entry} 经人工判定不是该处" for entry in sorted(refused)[:2]]
    kept = {row["entry_id"] for row in plausible}
    rest = [row for row in pairs if not row["sure"] and row["entry_id"] not in kept]
    best = max(rest, key=lambda row: (row["probability"], row["entry_id"]), default=None)
    if best is not None and best["probability"] >= FAINT_MATCH:
        said.append(f"最接近的条目 {best['entry_id']} 匹配概率仅 {best['probability']:.2f}，未认作该处")
    return "".join(f"；{text}" for text in said)


def _not_elsewhere(lost: Sequence[Row], target: str, known: Gathered) -> list[str]:
    """Ids of unlocated findings whose own outings do not show that they were made elsewhere."""
    if not lost:
        return []
    near = {row["visit_id"] for row in known.seen.get(target, []) if row["near"]}
    longest_step_m = LONGEST_STEP_SIGHTS * known.options.sight.sight_m
    return [row["entry_id"] for row in lost if not _made_elsewhere(row, target, near, longest_step_m, known)]


def _made_elsewhere(row: Row, target: str, near: set[str], longest_step_m: float, known: Gathered) -> bool:
    day, until = row["day"], as_day(row["discovered_until"])
    if row["told_from_afar"] or day is None:
        return False
    visits = known.book.visits_of.get(row["unit_id"], ())
    names = [name for name, start, end, _ in visits if start <= (until or day) and day <= (end or start)]
    reached = {name for name in names if may_reach(known.ways[name], known.shapes[target], longest_step_m)}
    staff = set(known.book.name_of_person.values())
    return was_elsewhere(day, until, as_text(row["people"]), near | reached, visits, staff)


def _held(name: str, task: Answer, cell: str | None, known: Gathered) -> Answer:
    """Who answered for a target on the day it was dispatched, the unit as the record says; undispatched: who does now."""
    if name not in known.sent:
        return task
    on = known.book.responsibility.on(cell, known.sent[name], task)
    unit = known.sent_to.get(name) or on.acting_unit_id
    return Answer(on.unit_id, unit, on.person_id if unit == on.acting_unit_id else None)


def _nobody_named(finding: Finding, answer: Answer) -> str:
    """Why a conclusion about a unit names none of its people."""
    if finding.verdict is Verdict.UNDETERMINABLE or answer.acting_unit_id is None or answer.person_id is not None:
        return ""
    return "；当时的网格责任人不明、不属于该单位或不在所记巡查人员之中，不指到人"


def _told_stage(entry: Row | None, vocabulary: Vocabulary) -> str | None:
    stage = None if entry is None else told_stage(entry["status"], vocabulary)
    return None if stage is None else stage.value


def _row(case: Case, finding: Finding, book: Book, vocabulary: Vocabulary) -> Row:
    answer = finding.answer or case.held
    own = own_visits(case, book, acting_only=False)
    best = finding.visit or max(own, key=lambda r: (r["seen_probability"], r["visit_id"]), default=None)
    accused = finding.verdict in ACCUSING
    return {
        "target_id": case.target["target_id"],
        "unit_id": answer.unit_id,
        "acting_unit_id": answer.acting_unit_id,
        "person_id": answer.person_id,
        "cell_id": case.cell_id,
        "verdict": finding.verdict.value,
        "rule": finding.rule.value,
        "reason": finding.reason + _nobody_named(finding, answer),
        "entry_id": finding.entry["entry_id"] if finding.entry else None,
        "discovered_on": finding.entry["day"] if finding.entry else None,
        "told_stage": _told_stage(finding.entry, vocabulary),
        "dispatched_on": case.dispatched_on,
        "last_clear": case.target["last_clear"],
        "first_seen": case.target["first_seen"],
        "window_from": case.window_from,
        "window_to": case.window_to,
        "visits_in_window": len(own),
        "visit_id": best["visit_id"] if best else None,
        "seen_probability": best["seen_probability"] if best else 0.0,
        "visits_required": sum(row["visits_required"] for row in plan_inside(case, book)),
        "records_complete": finding.verdict is Verdict.DUE_NOT_PATROLLED or records_are_complete(case, book),
        "outcome": case.outcome,
        "accountable": accused and case.outcome == Outcome.VIOLATION,
    }


def _before_split(target: Row, linked: Mapping[str, Sequence[Row]], carried: Mapping[str, str]) -> list[Row]:
    """Entries about the ground a target was split off from, as long as it was one: they may be this part."""
    parent = _parent(target, carried)
    last = Period.parse(target["first_period"]).last_day
    rows = linked.get(parent, []) if parent else []
    return [{**row, "sure": False, "asked": False} for row in rows if row["day"] is None or row["day"] <= last]


def _parent(target: Row, carried: Mapping[str, str]) -> str | None:
    parent = as_text(target["parent_ids"])
    return parent if parent is None else carried.get(parent, parent)
