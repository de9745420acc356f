"""The time-fair verdict on every target: found, missed on patrol, never patrolled though due, or not to be judged.

Here everything known of a target is brought together and written down; :mod:`pipeline.reconcile.verdict_rules` judges.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.reconcile.decisions import survivors
from pipeline.reconcile.evidence import (
    Answer,
    Deliveries,
    Responsibility,
    as_day,
    as_text,
    first_days,
    outcomes_of,
    plan_by_cell,
)
from pipeline.reconcile.match import open_targets
from pipeline.reconcile.mentions import (
    answered_targets,
    linked_entries,
    may_be_target,
    passed_by,
    units_by_cell,
    unlocated_findings,
)
from pipeline.reconcile.outings import passed_that_day, was_elsewhere
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sight import SightOptions, sightings
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
from pipeline.reconcile.words import Vocabulary
from pipeline.schema import VERDICTS, conform
from pipeline.values import MatchStatus, Outcome, Period, Verdict

# Share of ``reject_match`` from which a pair counts where that day's track passed the target.
PASSED_SHARE = 0.25
# What an outing wrote down lay this near to its track: what stood there then may have been seen farther than its first image.
OUTING_REACH_M = 1000.0
ACCUSING: tuple[str, ...] = (Verdict.PATROLLED_NOT_REPORTED, Verdict.DUE_NOT_PATROLLED)


@dataclass(frozen=True)
class Delivered:
    """What the units handed in: the ledger room's tables in one projected metre CRS.

    ``ledger_files``: LEDGER_FILES, by which a ledger may speak for its whole month; without it only up to its last row.
    ``track_parts``: TRACK_PARTS, by which the speed near a target counts instead of the outing's mean.
    """

    entries: gpd.GeoDataFrame
    visits: gpd.GeoDataFrame
    rejected: pd.DataFrame
    ledger_files: pd.DataFrame | None = None
    track_parts: gpd.GeoDataFrame | None = None


@dataclass(frozen=True)
class Duties:
    """Who had to look after which ground: TASKS, PLAN, RESPONSIBILITY and DELEGATIONS.

    ``unit_of_person``: nobody is named for a unit that is not their own; ``name_of_person``: nor for a patrol that
    names others.
    """

    tasks: pd.DataFrame
    plan: pd.DataFrame
    responsibility: pd.DataFrame
    delegations: pd.DataFrame
    unit_of_person: Mapping[str, str]
    name_of_person: Mapping[str, str]


@dataclass(frozen=True)
class VerdictOptions:
    """What a verdict depends on beside the evidence.

    Visits up to ``image_day``, the last day of the period's images, are judged by the targets as first registered, only
    later ones by the targets as they are now. The window ends ``grace_days`` before ``cutoff``.
    """

    cutoff: date
    image_day: date
    grace_days: int
    min_seen: float
    reject_match: float
    max_lead_days: int
    min_track_day_share: float
    same_site_m: float
    sight: SightOptions


@dataclass(frozen=True)
class _Told:
    """What entries say: those linked to a target, pairs a person refused, reports of a neighbour, findings without place.

    ``answered``: rows that name the target and say that nothing was found.
    """

    linked: Mapping[str, Sequence[Row]]
    refused: set[tuple[str, str]]
    beside: Mapping[str, tuple[str, str]]
    lost: Mapping[str, list[Row]]
    answered: Mapping[str, list[str]]


def judge(
    targets: gpd.GeoDataFrame,
    first_seen_as: gpd.GeoDataFrame,
    matches: pd.DataFrame,
    delivered: Delivered,
    duties: Duties,
    dispatches: pd.DataFrame,
    checks: pd.DataFrame,
    *,
    vocabulary: Vocabulary,
    options: VerdictOptions,
) -> pd.DataFrame:
    """One verdict per open target, as :data:`~pipeline.schema.VERDICTS`; a merged one is judged as its survivor.

    ``first_seen_as`` holds TARGETS rows as first registered: what surely stood on ``first_seen`` (targets it lacks
    stand as they are). ``checks`` are people's field checks: they set ``outcome`` and end the window on the day before
    the first one.
    """
    goals, carried, cutoff = open_targets(targets), survivors(targets), options.cutoff
    book = _book(delivered, duties, options)
    visitors = units_by_cell(delivered.visits)
    own_tasks = {row["target_id"]: row for row in as_rows(duties.tasks)}
    cells = [as_text(own_tasks.get(target, {}).get("cell_id")) for target in goals["target_id"]]
    seen = _seen(goals, first_seen_as, delivered, cells, options)
    told = _told(goals, matches, delivered.entries, carried, vocabulary, options)
    sent = first_days(dispatches, "dispatched_on", carried, cutoff)
    checked = first_days(checks, "checked_on", carried, cutoff)
    outcomes = outcomes_of(checks, carried, cutoff)
    window_to = cutoff - timedelta(days=options.grace_days)
    rows = []
    for target, cell in zip(as_rows(goals), cells, strict=True):
        name = target["target_id"]
        task, clear = own_tasks.get(name, {}), as_day(target["last_clear"])
        own = Answer(as_text(task.get("unit_id")), as_text(task.get("acting_unit_id")), as_text(task.get("person_id")))
        before_split = [
            row for row in _before_split(target, told.linked, carried) if (name, row["entry_id"]) not in told.refused
        ]
        pairs = [*told.linked.get(name, []), *before_split]
        seen_here = seen.get(name, [])
        lost = may_be_target(
            target,
            own,
            book.responsibility,
            cell,
            visitors.get(cell or "", ()),
            told.lost,
            cutoff,
            max_lead_days=options.max_lead_days,
        )
        case = Case(
            target=target,
            task=own,
            cell_id=cell,
            told_from=None if clear is None else clear - timedelta(days=options.max_lead_days),
            window_from=as_day(target["first_seen"]),
            window_to=min(window_to, checked[name] - timedelta(days=1)) if name in checked else window_to,
            dispatched_on=sent.get(name),
            outcome=outcomes.get(name, Outcome.UNCHECKED.value),
            matched=[row for row in pairs if row["sure"]],
            plausible=_plausible(pairs, name, seen, book, options),
            unlocated=[row for row in _not_elsewhere(lost, seen_here, book) if (name, row) not in told.refused],
            beside=told.beside.get(name),
            answered=told.answered.get(name, []),
            seen=seen_here,
            passed_by=passed_by(visitors.get(cell or "", ()), clear or as_day(target["first_seen"])),
        )
        rows.append(_row(case, judge_case(case, book), book))
    frame = pd.DataFrame(rows, columns=VERDICTS.names)
    return conform(VERDICTS, frame.sort_values("target_id", kind="stable"))


def _book(delivered: Delivered, duties: Duties, options: VerdictOptions) -> Book:
    visits = as_rows(delivered.visits)
    return Book(
        Responsibility(duties.responsibility, duties.delegations, duties.unit_of_person),
        Deliveries(delivered.entries, delivered.visits, delivered.rejected, delivered.ledger_files),
        plan_by_cell(duties.plan),
        {row["visit_id"]: row for row in visits},
        _dated_by_unit(visits),
        duties.name_of_person,
        min_seen=options.min_seen,
        min_track_day_share=options.min_track_day_share,
    )


def _plausible(
    pairs: Sequence[Row], target: str, seen: Mapping[str, Sequence[Row]], book: Book, options: VerdictOptions
) -> list[Row]:
    """Unsure pairs that may be true: likely enough, or less so where that day's track passed the target.

    A place in words may be wrong by a direction; who walked past the target that day and wrote something down near it
    may well have written down this one, unless they walked past another target that the entry is surely about.
    """
    found = []
    for row in (row for row in pairs if not row["sure"]):
        if row["probability"] >= options.reject_match:
            found.append({**row, "passed": False})
        elif row["probability"] >= options.reject_match * PASSED_SHARE:
            here, there = (
                passed_that_day(row["unit_id"], row["day"], seen.get(name or "", ()), book.visits)
                for name in (target, row["tied_to"])
            )
            if here and not there:
                found.append({**row, "passed": True})
    return found


def _not_elsewhere(lost: Sequence[Row], seen: Sequence[Row], book: Book) -> list[str]:
    """Ids of unlocated findings whose own outings do not show that they were made elsewhere."""
    near = {row["visit_id"] for row in seen if row["near"] or row["distance_m"] <= OUTING_REACH_M}
    return [
        row["entry_id"]
        for row in lost
        if not was_elsewhere(row["day"], as_day(row["discovered_until"]), near, book.visits_of.get(row["unit_id"], ()))
    ]


def _dated_by_unit(visits: Sequence[Row]) -> dict[str, list[tuple[str, date, date | None, Row]]]:
    """Visits with a known day per unit: id, first day, last day where it differs, and the row itself."""
    found: dict[str, list[tuple[str, date, date | None, Row]]] = {}
    for row in visits:
        day = as_day(row["visited_on"])
        if day is not None:
            found.setdefault(row["unit_id"], []).append((row["visit_id"], day, as_day(row["visited_until"]), row))
    return found


def _told(
    goals: gpd.GeoDataFrame,
    matches: pd.DataFrame,
    entries: gpd.GeoDataFrame,
    carried: Mapping[str, str],
    vocabulary: Vocabulary,
    options: VerdictOptions,
) -> _Told:
    linked = linked_entries(matches, entries, carried, options.cutoff)
    no = (matches["status"] == MatchStatus.DECIDED.value) & (matches["probability"] == 0.0)
    refused = set(zip(matches.loc[no, "target_id"], matches.loc[no, "entry_id"], strict=True))
    beside = reported_beside(goals, linked, refused, same_site_m=options.same_site_m)
    lost = unlocated_findings(entries, matches, vocabulary, options.cutoff, options.reject_match)
    return _Told(linked, refused, beside, lost, answered_targets(entries, carried, options.cutoff))


def _seen(
    goals: gpd.GeoDataFrame,
    first_seen_as: gpd.GeoDataFrame,
    delivered: Delivered,
    cells: Sequence[str | None],
    options: VerdictOptions,
) -> dict[str, list[Row]]:
    """Sightings by target: up to the image day of what stood when it was first seen, later of what stands now."""
    visits = delivered.visits
    later = (visits["visited_on"] > pd.Timestamp(options.image_day)).to_numpy(bool)
    seen = pd.concat(
        [
            sightings(shown, visits[when].reset_index(drop=True), cells, options.sight, delivered.track_parts)
            for shown, when in ((_as_first_seen(goals, first_seen_as), ~later), (goals, later))
        ],
        ignore_index=True,
    )
    by_target: dict[str, list[Row]] = {}
    for row in as_rows(seen):
        by_target.setdefault(row["target_id"], []).append(row)
    return by_target


def _row(case: Case, finding: Finding, book: Book) -> Row:
    answer = finding.answer or case.task
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
        "visits_required": sum(row["visits_required"] for row in plan_inside(case, book)),
        "records_complete": finding.verdict is Verdict.DUE_NOT_PATROLLED or records_are_complete(case, book),
        "outcome": case.outcome,
        "accountable": accused and case.outcome == Outcome.VIOLATION,
    }


def _before_split(target: Row, linked: Mapping[str, Sequence[Row]], carried: Mapping[str, str]) -> list[Row]:
    """Entries about the ground a target was split off from, as long as it was one: they may be this part."""
    parent = as_text(target["parent_ids"])
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
    facts, old = as_rows(goals, columns), as_rows(earliest, columns)
    now, first = goals.geometry.to_numpy(), earliest.geometry.to_numpy()
    shapes = [now[n] if row is None else first[row] for n, row in enumerate(rows)]
    facts = [facts[n] if row is None else old[row] for n, row in enumerate(rows)]
    parents = dict(zip(earliest["target_id"], earliest["parent_ids"], strict=True))
    for number, parent in enumerate(goals["parent_ids"]):
        seen = {facts[number]["target_id"]}
        while isinstance(parent, str) and parent in known and parent not in seen:
            seen.add(parent)
            shapes[number] = shapely.intersection(shapes[number], first[known[parent]])
            facts[number] = {**facts[number], "area_m2": float(shapes[number].area)}
            parent = parents[parent]
    plain = pd.DataFrame(facts, columns=columns)
    return gpd.GeoDataFrame(plain, geometry=gpd.GeoSeries(shapes, crs=goals.crs), crs=goals.crs)
