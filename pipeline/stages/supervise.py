"""People's records and later imagery: case states, alerts, approved parcels, referral drafts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.duty_rules import load_handling
from pipeline.lawbook import thresholds_on
from pipeline.reconcile.words import told_stages
from pipeline.rulebook import deadline_days, finding_words, load_law
from pipeline.schema import (
    ACCUMULATED,
    ALERTS,
    APPROVALS,
    CASE_HISTORY,
    CASES,
    CELL_STATES,
    CONFLICTS,
    ENTRIES,
    FOLLOW_UPS,
    GUIDANCE,
    HANDLING,
    MATCHES,
    PARCELS,
    REFERRALS,
    SUPPRESSED,
    SUSPECTED,
    TARGETS,
    TASKS,
    VERDICTS,
    empty,
)
from pipeline.sources.records import Records, read_records, record_files
from pipeline.sources.units import read_units, unit_files
from pipeline.stages.accountability import answered_on, write_accountability
from pipeline.stages.base import StageContext, StageOutcome, rule_digests
from pipeline.stages.lifecycle import earlier_files, lives
from pipeline.stages.supply import earlier_supply, last_image, watched_since, write_supply
from pipeline.store import read_table, write_table
from pipeline.supervise.acts import gather, survivors
from pipeline.supervise.alerts import image_alerts, record_alerts
from pipeline.supervise.cases import Deadlines, case_states
from pipeline.supervise.guidance import guide
from pipeline.supervise.handling import assign_handlers
from pipeline.supervise.onset import earlier_reports
from pipeline.supervise.parcels import watch_parcels
from pipeline.supervise.referrals import draft_referrals
from pipeline.supervise.splits import heirs, without_inherited
from pipeline.supervise.supply import supplied_ground
from pipeline.supervise.thresholds import accumulate, subjects_of
from pipeline.values import MatchStatus, TargetState


def inputs(context: StageContext) -> tuple[Path, ...]:
    """Records, units, layers, and the parcels as the latest earlier period left them."""
    layers = tuple(sorted(path for path in (context.city / "layers").rglob("*") if path.is_file()))
    parcels = earlier_parcels(context)
    earlier = (*(() if parcels is None else (parcels,)), *earlier_supply(context), *earlier_files(context))
    return (*record_files(context.city), *unit_files(context.city), *layers, *earlier)


def facts(context: StageContext) -> dict[str, str]:
    """Digests of the rule files, which are part of the program but decide the result."""
    return rule_digests()


def earlier_parcels(context: StageContext) -> Path | None:
    """The parcels table of the latest earlier period, if that period has been supervised."""
    if context.previous is None:
        return None
    path = context.previous / "supervise" / "parcels.parquet"
    return path if path.is_file() else None


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write cases, their history and follow-ups, alerts, conflicts, parcels and referrals."""
    options, as_of, crs = context.config.supervise, context.as_of, context.config.city.crs
    records = read_records(context.city).until(as_of)
    book = read_units(context.city, crs)
    units = book.units
    targets = context.with_areas(context.table("register", TARGETS))
    tasks = context.table("patrol", TASKS)
    frames = record_frames(records)
    carried = survivors(targets)
    suspected, suppressed = context.table("screen", SUSPECTED), context.table("screen", SUPPRESSED)
    layers = context.layers()
    approvals = layers.approvals
    matches, entries = context.table("reconcile", MATCHES), context.table("ledger", ENTRIES)
    deadlines = _deadlines(context)
    told = gather(**frames, carried=carried, heirs=heirs(targets))
    reports = earlier_reports(targets, matches, entries, told_stages(entries, finding_words(context.period.last_day)))
    life = lives(context, targets, suspected, told, approvals, matches, entries, deadlines, reports)
    acts = life.acts
    answered = answered_on(book, tasks)
    cases = case_states(
        targets, tasks, acts, deadlines=deadlines, as_of=as_of, disputed=life.disputed, answered=answered
    )
    alerts = pd.concat(
        [image_alerts(targets, suspected, acts, life.watches), record_alerts(frames, set(carried))], ignore_index=True
    ).sort_values(ALERTS.names[:2], kind="stable")
    earlier = earlier_parcels(context)
    parcels = watch_parcels(
        empty(APPROVALS, crs) if approvals is None else approvals,
        _works(targets, suppressed),
        context.table("patrol", CELL_STATES, "cells.parquet"),
        None if earlier is None else read_table(earlier, PARCELS),
        supplied_ground(layers.supplied_land, records.supply_events) if layers.supplied_land is not None else [],
        watched_since=watched_since(context),
        last_look=last_image(context),
        started_share=options.started_share,
        seen_share=options.seen_share,
    )
    referrals = draft_referrals(
        targets,
        tasks,
        context.table("reconcile", VERDICTS),
        entries,
        dict(zip(units["unit_id"], units["name"], strict=True)),
        acts,
        reply_days=_reply_days(context),
        as_of=as_of,
    )
    handling = assign_handlers(
        targets,
        tasks,
        _unit_of_cell(context),
        acts,
        load_handling(),
        day=context.period.last_day,
    )
    write_table(out / "cases.parquet", CASES, cases)
    write_table(out / "alerts.parquet", ALERTS, alerts)
    write_table(out / "parcels.parquet", PARCELS, parcels)
    write_table(out / "referrals.parquet", REFERRALS, referrals)
    unit_kinds = dict(zip(units["unit_id"], units["kind"], strict=True))
    guidance = guide(targets, tasks, unit_kinds, law=load_law(), as_of=as_of, earlier=reports)
    sure = (MatchStatus.ASSIGNED.value, MatchStatus.DECIDED.value)
    accumulated = accumulate(
        targets,
        subjects_of(matches, entries, sure),
        dict(zip(cases["target_id"], cases["outcome"], strict=True)),
        thresholds=thresholds_on(context.period.last_day, black_soil=options.black_soil),
    )
    write_table(out / "guidance.parquet", GUIDANCE, guidance)
    write_table(out / "accumulated.parquet", ACCUMULATED, accumulated)
    write_table(out / "handling.parquet", HANDLING, handling)
    counts, notes = write_supply(context, out, layers, records.supply_events, targets, (suspected, suppressed))
    counts["accountability"] = write_accountability(
        context, out, answered, alerts, without_inherited(acts), deadlines, records.replies, life.disputed
    )
    if approvals is None:
        notes = ("no layer of approved land was delivered: no parcel is watched", *notes)
    write_table(out / "case_history.parquet", CASE_HISTORY, life.history)
    write_table(out / "conflicts.parquet", CONFLICTS, life.conflicts)
    write_table(out / "follow_ups.parquet", FOLLOW_UPS, life.follow_ups)
    return StageOutcome(
        counts={
            "cases": len(cases),
            "overdue": int(cases["overdue"].sum()),
            "alerts": len(alerts),
            "parcels": len(parcels),
            "referrals": len(referrals),
            "guidance": len(guidance),
            **counts,
            "conflicts": len(life.conflicts),
        },
        notes=notes,
    )


def record_frames(records: Records) -> dict[str, Any]:
    """The records by file name."""
    return {
        "dispatches": records.dispatches,
        "field_checks": records.field_checks,
        "approvals": records.approvals,
        "notices": records.notices,
        "referrals": records.referrals,
        "decisions": records.decisions,
    }


def _unit_of_cell(context: StageContext) -> dict[str, str]:
    cells = context.table("patrol", CELL_STATES, "cells.parquet")[["cell_id", "unit_id"]].dropna()
    return dict(zip(cells["cell_id"], cells["unit_id"], strict=True))


def _reply_days(context: StageContext) -> int:
    given = context.config.supervise.referral_reply_days
    return deadline_days(context.period.last_day)["referral_reply"] if given is None else given


def _works(targets: gpd.GeoDataFrame, suppressed: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Detected objects in and out of the register, each piece of ground once."""
    live = targets[targets["state"] != TargetState.MERGED.value]
    parts = [part[["first_seen", "geometry"]] for part in (live, suppressed) if len(part)]
    return pd.concat(parts, ignore_index=True) if parts else targets[["first_seen", "geometry"]]


def _deadlines(context: StageContext) -> Deadlines:
    """The rule file's days in force at the period's end, with what the configuration sets instead."""
    days = deadline_days(context.period.last_day)
    supervise, patrol = context.config.supervise, context.config.patrol
    chosen = {
        "field_check": patrol.field_check_days,
        "notice": supervise.notice_days,
        "service": supervise.service_days,
        "correction": supervise.correction_days,
        "referral": supervise.referral_days,
        "follow_up": supervise.follow_up_days,
    }
    return Deadlines(**{f"{step}_days": days[step] if given is None else given for step, given in chosen.items()})
