"""People's records and later imagery: case states, alerts, approved parcels, referral drafts."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.rulebook import RULES_FOLDER, deadline_days
from pipeline.schema import (
    ALERTS,
    APPROVALS,
    CASES,
    CELL_STATES,
    ENTRIES,
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
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.store import digest_file, read_table, write_table
from pipeline.supervise.acts import gather, survivors
from pipeline.supervise.alerts import image_alerts, record_alerts
from pipeline.supervise.cases import Deadlines, case_states
from pipeline.supervise.parcels import watch_parcels
from pipeline.supervise.referrals import draft_referrals
from pipeline.values import TargetState


def inputs(context: StageContext) -> tuple[Path, ...]:
    """Records, units, layers, and the parcels as the latest earlier period left them."""
    layers = tuple(sorted(path for path in (context.city / "layers").rglob("*") if path.is_file()))
    earlier = earlier_parcels(context)
    return (*record_files(context.city), *unit_files(context.city), *layers, *((earlier,) if earlier else ()))


def facts(context: StageContext) -> dict[str, str]:
    """Digest of the deadlines, which are part of the program but decide the result."""
    return {"deadlines.yaml": digest_file(RULES_FOLDER / "deadlines.yaml")}


def earlier_parcels(context: StageContext) -> Path | None:
    """The parcels table of the latest earlier period, if that period has been supervised."""
    if context.previous is None:
        return None
    path = context.previous / "supervise" / "parcels.parquet"
    return path if path.is_file() else None


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write cases, alerts, parcels and referrals."""
    options, as_of, crs = context.config.supervise, context.as_of, context.config.city.crs
    records = read_records(context.city).until(as_of)
    units = read_units(context.city, crs).units
    targets, tasks = context.table("register", TARGETS), context.table("patrol", TASKS)
    frames = record_frames(records)
    carried = survivors(targets)
    acts = gather(**frames, carried=carried)
    cases = case_states(targets, tasks, acts, deadlines=_deadlines(context), as_of=as_of)
    suspected, suppressed = context.table("screen", SUSPECTED), context.table("screen", SUPPRESSED)
    alerts = pd.concat(
        [image_alerts(targets, suspected, acts), record_alerts(frames, set(carried))], ignore_index=True
    ).sort_values(ALERTS.names[:2], kind="stable")
    approvals = context.layers().approvals
    earlier = earlier_parcels(context)
    parcels = watch_parcels(
        empty(APPROVALS, crs) if approvals is None else approvals,
        _works(targets, suppressed),
        context.table("patrol", CELL_STATES, "cells.parquet"),
        None if earlier is None else read_table(earlier, PARCELS),
        started_share=options.started_share,
        seen_share=options.seen_share,
    )
    referrals = draft_referrals(
        targets,
        tasks,
        context.table("reconcile", VERDICTS),
        context.table("ledger", ENTRIES),
        dict(zip(units["unit_id"], units["name"], strict=True)),
        acts,
    )
    write_table(out / "cases.parquet", CASES, cases)
    write_table(out / "alerts.parquet", ALERTS, alerts)
    write_table(out / "parcels.parquet", PARCELS, parcels)
    write_table(out / "referrals.parquet", REFERRALS, referrals)
    return StageOutcome(
        counts={
            "cases": len(cases),
            "overdue": int(cases["overdue"].sum()),
            "alerts": len(alerts),
            "parcels": len(parcels),
            "referrals": len(referrals),
        },
        notes=() if approvals is not None else ("no layer of approved land was delivered: no parcel is watched",),
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
