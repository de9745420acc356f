"""What is known of every target before any ledger entry is tied to it: gathered once, however often it is judged."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.duty import Responsibility
from pipeline.reconcile.decisions import survivors
from pipeline.reconcile.evidence import (
    Deliveries,
    as_day,
    as_text,
    first_days,
    first_units,
    outcomes_of,
    plan_by_cell,
)
from pipeline.reconcile.match import open_targets
from pipeline.reconcile.mentions import Visitor, answered_targets, units_by_cell, unlocated_findings
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sight import SightOptions, sightings
from pipeline.reconcile.sites import site_numbers
from pipeline.reconcile.verdict_rules import Book, Row
from pipeline.reconcile.words import Vocabulary


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
class Gathered:
    """Everything a verdict depends on but MATCHES; rows by target, unit, cell or entry.

    ``goals``: the open targets' rows in order of id; ``shapes``: their outlines now; ``ways``: tracks by visit;
    ``sites``: numbers of what may be one site; ``carried``: every id to the id under which its ground is carried now;
    ``unlocated``: findings of unknown place by unit; ``answered``: rows that name a target and say that nothing was
    found there; ``sent`` and ``sent_to``: day and unit of the first dispatch.
    """

    goals: Sequence[Row]
    shapes: Mapping[str, Any]
    ways: Mapping[str, Any]
    sites: Mapping[str, int]
    carried: Mapping[str, str]
    tasks: Mapping[str, Row]
    book: Book
    visitors: Mapping[str, Sequence[Visitor]]
    seen: Mapping[str, Sequence[Row]]
    entries: Mapping[str, Row]
    unlocated: Mapping[str, Sequence[Row]]
    answered: Mapping[str, Sequence[str]]
    sent: Mapping[str, date]
    sent_to: Mapping[str, str]
    checked: Mapping[str, date]
    outcomes: Mapping[str, str]
    vocabulary: Vocabulary
    options: VerdictOptions


def gather(
    targets: gpd.GeoDataFrame,
    first_seen_as: gpd.GeoDataFrame,
    delivered: Delivered,
    duties: Duties,
    dispatches: pd.DataFrame,
    checks: pd.DataFrame,
    *,
    vocabulary: Vocabulary,
    options: VerdictOptions,
) -> Gathered:
    """The evidence on all of ``targets`` (TARGETS); merged ones count as their survivors.

    ``first_seen_as`` holds TARGETS rows as first registered: what surely stood on ``first_seen`` (targets it lacks
    stand as they are). ``checks`` are people's field checks: they set the outcome and end the window on the day before
    the first one.
    """
    goals, carried, cutoff = open_targets(targets), survivors(targets), options.cutoff
    tasks = {row["target_id"]: row for row in as_rows(duties.tasks)}
    cells = [as_text(tasks.get(target, {}).get("cell_id")) for target in goals["target_id"]]
    entries = delivered.entries
    return Gathered(
        goals=as_rows(goals),
        shapes=dict(zip(goals["target_id"], goals.geometry, strict=True)),
        ways=dict(zip(delivered.visits["visit_id"], delivered.visits.geometry, strict=True)),
        sites=site_numbers(goals, same_site_m=options.same_site_m),
        carried=carried,
        tasks=tasks,
        book=_book(delivered, duties, options),
        visitors=units_by_cell(delivered.visits),
        seen=_seen(goals, first_seen_as, delivered, cells, options),
        entries={row["entry_id"]: row for row in as_rows(entries)},
        unlocated=unlocated_findings(entries, vocabulary, cutoff),
        answered=answered_targets(entries, carried, cutoff),
        sent=first_days(dispatches, "dispatched_on", carried, cutoff),
        sent_to=first_units(dispatches, carried, cutoff),
        checked=first_days(checks, "checked_on", carried, cutoff),
        outcomes=outcomes_of(checks, carried, cutoff),
        vocabulary=vocabulary,
        options=options,
    )


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


def _dated_by_unit(visits: Sequence[Row]) -> dict[str, list[tuple[str, date, date | None, Row]]]:
    """Visits with a known day per unit: id, first day, last day where it differs, and the row itself."""
    found: dict[str, list[tuple[str, date, date | None, Row]]] = {}
    for row in visits:
        day = as_day(row["visited_on"])
        if day is not None:
            found.setdefault(row["unit_id"], []).append((row["visit_id"], day, as_day(row["visited_until"]), row))
    return found


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
