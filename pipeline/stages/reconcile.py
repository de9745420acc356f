"""Targets against ledger entries and visits: matches, verdicts, coverage, missed areas, omissions, indicators."""

from __future__ import annotations

from datetime import date
from functools import partial
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.lawbook import unseen_at
from pipeline.ledger.corrections import follow_corrections
from pipeline.reconcile.ambiguous import ambiguous_sets
from pipeline.reconcile.blind_lists import MonthFound
from pipeline.reconcile.changes import changed_verdicts, in_words
from pipeline.reconcile.coverage import CoverOptions, cover_cells, missed_areas, within_span
from pipeline.reconcile.effort import patrol_effort
from pipeline.reconcile.estimate import audit_sample, indicators
from pipeline.reconcile.gather import Delivered, Duties, VerdictOptions, gather
from pipeline.reconcile.ground import Ground, RiskWeights, risk_ground, unseen_finds
from pipeline.reconcile.match import match_entries, open_targets
from pipeline.reconcile.omissions import OmissionOptions, last_look, omitted
from pipeline.reconcile.questions import open_questions
from pipeline.reconcile.sight import SightOptions
from pipeline.reconcile.unseen import Sample, unseen_estimates
from pipeline.reconcile.verdict import judge
from pipeline.rulebook import finding_words, load_rulebook
from pipeline.schema import (
    AMBIGUOUS,
    AUDIT_SAMPLE,
    CELL_STATES,
    COVERAGE,
    EFFORT,
    ENTRIES,
    ESTIMATES,
    KPIS,
    LEDGER_FILES,
    MATCHES,
    MISSED,
    OMISSIONS,
    QUESTIONS,
    REJECTED,
    SUPERSEDED,
    SUPPRESSED,
    TARGETS,
    TASKS,
    TRACK_PARTS,
    VERDICTS,
    VISITS,
)
from pipeline.sources.records import read_records, record_files
from pipeline.sources.units import UnitBook, read_units, unit_files
from pipeline.stages.base import LAYER_RULES, Difference, StageContext, StageOutcome, rule_digests
from pipeline.stages.held import faint_changes
from pipeline.store import read_table, write_table
from pipeline.values import MatchStatus, Period, Verdict


def inputs(context: StageContext) -> tuple[Path, ...]:
    """Units, layers, records and the registers of earlier periods (what stood when a target was first seen)."""
    layers = sorted(path for path in (context.city / "layers").rglob("*") if path.is_file())
    return (*unit_files(context.city), *layers, *record_files(context.city), *earlier_registers(context))


def facts(context: StageContext) -> dict[str, str]:
    """Digests of the words of findings, the land classes and the kinds that no image shows."""
    return rule_digests("finding_words.yaml", "land_classes.yaml", "resolution.yaml", *LAYER_RULES)


def earlier_registers(context: StageContext) -> tuple[Path, ...]:
    """The registers of all earlier periods, oldest first, each period's first revision before the later ones."""
    found = [
        path
        for path in (context.city / "runs").glob("????-??*/register/targets.parquet")
        if path.parts[-3].split(".r")[0] < str(context.period)
    ]
    return tuple(sorted(found, key=lambda path: _revision(path.parts[-3])))


def _revision(run_name: str) -> tuple[str, int]:
    period, _, number = run_name.partition(".r")
    return period, int(number) if number.isdigit() else 1


def first_registered(context: StageContext, targets: Any) -> Any:
    """The target rows as they first entered the register; those new in this period as they are."""
    tables = [read_table(path, TARGETS) for path in earlier_registers(context)]
    rows = pd.concat([*(table for table in tables if len(table)), targets], ignore_index=True)
    return rows.drop_duplicates("target_id", keep="first").reset_index(drop=True)


def monitored_from(context: StageContext) -> date:
    """First day of the earliest period with a register: ground older than that was never new to the imagery."""
    periods = [str(context.period), *(path.parts[-3].split(".r")[0] for path in earlier_registers(context))]
    return Period.parse(min(periods)).first_day


def ground_of(context: StageContext, cells: Any, targets: Any, entries: Any) -> Ground:
    """Points over all cells with their risk, from the city's layers and the finds that no image can show."""
    options, layers = context.config.reconcile, context.layers()
    day = context.period.last_day
    groups, unseen = load_rulebook().ground_rules(day).groups, unseen_at(context.config.city.pixel_m, day)
    return risk_ground(
        cells,
        targets,
        layers.land_use,
        layers.basic_farmland,
        period=str(context.period),
        is_farmland=next(group for group in groups if group.name == "farmland").holds,
        step_m=options.ground_step_m,
        weights=RiskWeights(
            farmland=options.risk_farmland,
            basic_farmland=options.risk_basic_farmland,
            target_ha=options.risk_target_ha,
            case_ha=options.risk_case_ha,
        ),
        finds=unseen_finds(entries, [word for entry in unseen for word in entry.words]),
    )


def differences(old: Path, new: Path) -> tuple[Difference, ...]:
    """The verdicts that the new result changes."""
    before, after = (read_table(folder / "verdicts.parquet", VERDICTS) for folder in (old, new))
    return tuple(Difference(row, in_words(row)) for row in changed_verdicts(before, after))


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write matches, ambiguous, questions, verdicts, coverage, missed, omissions, kpis and audit_sample."""
    options, cutoff = context.config.reconcile, context.as_of
    book = read_units(context.city, context.config.city.crs)
    every_record = read_records(context.city)
    records = every_record.until(cutoff)
    words = finding_words(context.period.last_day)
    targets, suppressed = context.table("register", TARGETS), context.table("screen", SUPPRESSED)
    tasks, cells = context.table("patrol", TASKS), context.table("patrol", CELL_STATES, "cells.parquet")
    entries, visits = context.table("ledger", ENTRIES), context.table("ledger", VISITS)
    sight = _sight(context)
    matches = match_entries(
        targets,
        entries,
        follow_corrections(records.decisions, context.table("ledger", SUPERSEDED)),
        vocabulary=words,
        accept_match=options.accept_match,
        reject_match=options.reject_match,
        standing_m=options.standing_m,
        background_per_km2=options.background_per_km2,
        max_lead_days=options.max_lead_days,
        one_site_m=options.one_site_m,
    )
    delivered = Delivered(
        entries,
        visits,
        context.table("ledger", REJECTED),
        context.table("ledger", LEDGER_FILES),
        context.table("ledger", TRACK_PARTS),
    )
    known = gather(
        targets,
        first_registered(context, targets),
        delivered,
        _duties(book, tasks),
        records.dispatches,
        records.field_checks,
        vocabulary=words,
        options=_verdict_options(context, sight),
    )
    verdicts = judge(known, matches)
    questions = open_questions(matches, verdicts, set(entries["entry_id"]), partial(judge, known))
    coverage, seen_ground = cover_cells(
        cells,
        book.plan,
        visits,
        book.responsibility,
        book.delegations,
        ground_of(context, cells, open_targets(targets), entries),
        CoverOptions(context.period.first_day, cutoff, sight, options.covered_share),
    )
    missed = missed_areas(coverage, seen_ground, open_targets(targets), min_missed_m2=options.min_missed_m2)
    image_day = last_look(targets, suppressed, context.period)
    omissions = omitted(
        entries,
        matches,
        suppressed,
        cells,
        vocabulary=words,
        options=_omission_options(context, image_day),
        faint=faint_changes(context),
    )
    month = visits[within_span(visits, context.period.first_day, cutoff)]
    kpis = indicators(verdicts, coverage, month, confidence=options.confidence)
    effort = patrol_effort(coverage, visits, book.people, start=context.period.first_day, end=cutoff)
    sample = audit_sample(cells, coverage, cells_wanted=options.audit_cells, seed=str(context.period))
    checks = records.audit_checks[records.audit_checks["period"] == str(context.period)]
    estimates = unseen_estimates(
        MonthFound(targets, verdicts, matches, entries, omissions, records.dispatches, coverage),
        Sample(cells, tasks, suppressed, sample, checks),
        period=context.period,
        last_image=image_day,
        cutoff=cutoff,
        same_site_m=options.same_site_m,
        standing_m=options.standing_m,
        confidence=options.confidence,
    )
    for table, frame in (
        (MATCHES, matches),
        (AMBIGUOUS, ambiguous_sets(matches, targets, entries)),
        (QUESTIONS, questions),
        (VERDICTS, verdicts),
        (COVERAGE, coverage),
        (MISSED, missed),
        (OMISSIONS, omissions),
        (KPIS, kpis),
        (EFFORT, effort),
        (ESTIMATES, estimates),
        (AUDIT_SAMPLE, sample),
    ):
        write_table(out / f"{table.name}.parquet", table, frame)
    counts = {verdict.value: int((verdicts["verdict"] == verdict.value).sum()) for verdict in Verdict}
    waiting = matches.loc[matches["status"] == MatchStatus.AMBIGUOUS.value, "entry_id"].nunique()
    return StageOutcome(
        counts={
            "targets": len(verdicts),
            **counts,
            "accountable": int(verdicts["accountable"].sum()),
            "ambiguous_entries": int(waiting),
            "missed_areas": len(missed),
            "omissions": len(omissions),
        },
        notes=_notes(int(waiting), len(every_record.decisions) - len(records.decisions), cutoff),
    )


def _notes(waiting: int, later_decisions: int, cutoff: date) -> tuple[str, ...]:
    notes = [f"{waiting}条台账可能就是某个目标，待人工判定（见report/待人工判定.xlsx）"] if waiting else []
    if later_decisions:
        notes.append(f"{later_decisions}条判定的决定日期晚于{cutoff}，本次没有采用；请核对日期")
    return tuple(notes)


def _duties(book: UnitBook, tasks: Any) -> Duties:
    return Duties(
        tasks,
        book.plan,
        book.responsibility,
        book.delegations,
        unit_of_person=dict(zip(book.people["person_id"], book.people["unit_id"], strict=True)),
        name_of_person=dict(zip(book.people["person_id"], book.people["name"], strict=True)),
    )


def _sight(context: StageContext) -> SightOptions:
    options = context.config.reconcile
    return SightOptions(
        sight_m=options.sight_m,
        ledger_only_seen=options.ledger_only_seen,
        tall_crop_months=options.tall_crop_months,
        tall_crop_factor=options.tall_crop_factor,
        fast_kmh=options.fast_kmh,
    )


def _verdict_options(context: StageContext, sight: SightOptions) -> VerdictOptions:
    options = context.config.reconcile
    return VerdictOptions(
        cutoff=context.as_of,
        image_day=context.period.last_day,
        grace_days=options.grace_days,
        min_seen=options.min_seen,
        reject_match=options.reject_match,
        max_lead_days=options.max_lead_days,
        min_track_day_share=options.min_track_day_share,
        same_site_m=options.same_site_m,
        sight=sight,
    )


def _omission_options(context: StageContext, last_image: date) -> OmissionOptions:
    options = context.config.reconcile
    return OmissionOptions(
        monitored_from=monitored_from(context),
        last_image=last_image,
        period_end=context.period.last_day,
        cutoff=context.as_of,
        look_back_days=options.look_back_days,
        roofed_days=options.roofed_days,
        reject_match=options.reject_match,
        resolvable_m2=options.resolvable_m2,
        min_observable_share=options.min_observable_share,
        standing_m=options.standing_m,
    )
