"""Report: a package per unit, the month's page, workbook and numbers, and the GIS user's file."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline import FORMAT_VERSION, schema
from pipeline.ledger.corrections import follow_corrections
from pipeline.patrol.blind import as_units_see
from pipeline.patrol.tasks import with_told_stages
from pipeline.reconcile.decisions import survivors
from pipeline.report import decide
from pipeline.report.lateness import with_late_handover
from pipeline.report.mend import FORM_NAME, correction_sheets
from pipeline.report.month import month_sheets
from pipeline.report.package import CLUE_NOTE, Package, build_packages
from pipeline.report.page import month_page
from pipeline.report.personal import (
    Redaction,
    known_names,
    redacted_frame,
    redacted_month,
    redacted_package,
    redacted_sheet,
    redaction,
)
from pipeline.report.sheets import Sheet
from pipeline.report.statistics import month_numbers, month_summary
from pipeline.report.supply_items import with_supply_items
from pipeline.report.tables import MonthTables, with_case_deadlines
from pipeline.report.waiting import waiting_table
from pipeline.rulebook import deliverables_on, finding_words, land_class_names, load_rulebook
from pipeline.sinks.archive import zip_bytes
from pipeline.sinks.exchange import geojson_bytes, gpx_bytes, kml_bytes
from pipeline.sinks.geopackage import write_geopackage
from pipeline.sinks.workbook import workbook_bytes
from pipeline.sources.records import read_records, record_files
from pipeline.sources.units import read_units, unit_files
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.stages.dispatch import days_of_images
from pipeline.stages.held import cells_of, waiting_objects
from pipeline.stages.told import told_stages
from pipeline.store import digest_bytes, json_bytes, read_json, write_bytes
from pipeline.values import MatchDecision

NUMBERS = "month.json"
GIS_FILE = "targets.gpkg"
_TABLES: tuple[tuple[str, schema.Table, str | None], ...] = (
    ("screen", schema.SUSPECTED, None),
    ("screen", schema.SUPPRESSED, None),
    ("screen", schema.RESTORED, None),
    ("register", schema.TARGETS, None),
    ("register", schema.REVISION, None),
    ("patrol", schema.TASKS, None),
    ("patrol", schema.CELL_STATES, "cells.parquet"),
    ("patrol", schema.PLAN_CHECK, None),
    ("patrol", schema.ROUTES, None),
    ("ledger", schema.ENTRIES, None),
    ("ledger", schema.VISITS, None),
    ("ledger", schema.REPAIRS, None),
    ("ledger", schema.REJECTED, None),
    ("ledger", schema.LEDGER_FILES, None),
    ("ledger", schema.SUPERSEDED, None),
    ("ledger", schema.ODDITIES, None),
    ("reconcile", schema.MATCHES, None),
    ("reconcile", schema.AMBIGUOUS, None),
    ("reconcile", schema.QUESTIONS, None),
    ("reconcile", schema.VERDICTS, None),
    ("reconcile", schema.COVERAGE, None),
    ("reconcile", schema.MISSED, None),
    ("reconcile", schema.OMISSIONS, None),
    ("reconcile", schema.KPIS, None),
    ("reconcile", schema.EFFORT, None),
    ("reconcile", schema.ESTIMATES, None),
    ("reconcile", schema.AUDIT_SAMPLE, None),
    ("supervise", schema.CASES, None),
    ("supervise", schema.CASE_HISTORY, None),
    ("supervise", schema.FOLLOW_UPS, None),
    ("supervise", schema.CONFLICTS, None),
    ("supervise", schema.ALERTS, None),
    ("supervise", schema.PARCELS, None),
    ("supervise", schema.REFERRALS, None),
    ("supervise", schema.GUIDANCE, None),
    ("supervise", schema.ACCUMULATED, None),
    ("supervise", schema.HANDLING, None),
    ("supervise", schema.SUPPLY, None),
    ("supervise", schema.SUPPLY_BREACHES, None),
    ("supervise", schema.SUPPLY_ITEMS, None),
    ("supervise", schema.SUPPLY_HISTORY, None),
    ("supervise", schema.ACCOUNTABILITY, None),
)


def inputs(context: StageContext) -> tuple[Path, ...]:
    """The unit tables, which give names to units and people, and the records, for the decisions in force."""
    return (*unit_files(context.city), *record_files(context.city))


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write all deliverables, each with the personal data its recipient needs and no more.

    Raises StageError E601 when an earlier stage's table is missing.
    """
    month = load_month(context)
    numbers = month_numbers(month)
    guards = _guards(context, month)
    summary = month_summary(numbers)
    patrol = context.config.patrol
    shown_cells, shown_tasks = as_units_see(
        month.cell_states,
        month.targets,
        month.tasks,
        seen_share=patrol.seen_share,
        unseen_share=patrol.unseen_share,
    )
    packages = build_packages(
        targets=month.targets,
        tasks=shown_tasks,
        cells=shown_cells,
        units=month.units,
        people=month.people,
        city_name=month.city_name,
        county_code=month.county_code,
        period=month.period,
        class_names=month.class_names,
        kind_names=month.kind_names,
        layer_names=month.layer_names,
        trained=month.trained,
    )
    for package in with_supply_items(packages, month):
        guard = guards("package", package.unit_id)
        form = tuple(redacted_sheet(sheet, guard) for sheet in _correction_form(month, package, context))
        _write_package(out / "packages", redacted_package(package, guard), form, context)
    day = context.period.last_day
    shown = redacted_month(month, guards("month_page"))
    page = month_page(shown, numbers, rows_max=context.config.report.page_rows_max)
    write_bytes(out / "month.html", page.encode("utf-8"))
    title = f"{month.city_name} {month.run_name} 动态巡查月报"
    listed = redacted_month(month, guards("month_workbook"))
    write_bytes(out / "month.xlsx", workbook_bytes(month_sheets(listed, numbers), day=day, title=title))
    guard = guards("decision_form")
    form = decide.decision_sheets(redacted_month(month, guard), redacted_frame(_decisions(month, context), guard))
    form_title = f"{month.city_name} {month.run_name} {decide.OPEN_SHEET}"
    write_bytes(out / decide.FORM_NAME, workbook_bytes(form, day=day, title=form_title))
    write_bytes(out / NUMBERS, json_bytes(guards("month_numbers").value({**numbers, "summary": summary})))
    write_geopackage(out / GIS_FILE, gis_layers(redacted_month(month, guards("gis_file"))), day=day)
    counts = {
        "packages": len(packages),
        "targets": summary["targets"],
        "tasks": summary["tasks"],
        "found": summary["found"],
        "undeterminable": summary["undeterminable"],
        "satellite_missed": summary["satellite_missed"],
    }
    return StageOutcome(counts=counts, publish={GIS_FILE: GIS_FILE})


def _correction_form(month: MonthTables, package: Package, context: StageContext) -> tuple[Sheet, ...]:
    if package.unit_id is None:
        return ()
    return correction_sheets(
        unit_id=package.unit_id,
        unit_name=package.name,
        city_name=month.city_name,
        entries=month.entries,
        repairs=month.repairs,
        rejected=month.rejected,
        files=month.files,
        since=context.period.first_day,
    )


def _decisions(month: MonthTables, context: StageContext) -> pd.DataFrame:
    """Decisions up to the month's day under today's ids: of replaced entries, and of merged targets what was the same."""
    known = follow_corrections(read_records(context.city).until(month.as_of).decisions, month.superseded)
    same = known["decision"].isin([MatchDecision.SAME.value, MatchDecision.SAME.label])
    carried = known["target_id"].map(survivors(month.targets)).fillna(known["target_id"])
    return known.assign(target_id=known["target_id"].where(~same, carried))


def _guards(context: StageContext, month: MonthTables) -> Callable[..., Redaction]:
    """By deliverable, and unit for the packages, what must be hidden of the people in this month."""
    allowed = deliverables_on(context.as_of)
    names = known_names(month.people, month.entries, month.visits)

    def guard(deliverable: str, unit_id: str | None = None) -> Redaction:
        return redaction(allowed[deliverable].allowance(), names, unit_id=unit_id)

    return guard


def load_month(context: StageContext) -> MonthTables:
    """All tables of the run, with the names of units, people, land classes and kinds of violation."""
    book, rules = read_units(context.city, context.config.city.crs), load_rulebook()
    tables: dict[str, Any] = {table.name: context.table(stage, table, file) for stage, table, file in _TABLES}
    tables["targets"] = context.with_areas(tables["targets"])
    stages = dict(zip(tables["targets"]["target_id"], tables["targets"]["stage"], strict=True))
    told = told_stages(tables["matches"], tables["entries"], finding_words(context.period.last_day))
    tasks = with_told_stages(with_case_deadlines(tables["tasks"], tables["cases"]), stages, told)
    names = dict(zip(book.units["unit_id"], book.units["name"], strict=True))
    tables["tasks"] = with_late_handover(tasks, tables["cases"], names, context.as_of)
    sources = [
        context.table("detect", schema.CANDIDATES, f"{source.name}/candidates.parquet")
        for source in context.config.sources
    ]
    crs = context.config.city.crs
    held, cells = waiting_objects(context), tables["cell_states"]
    return MonthTables(
        city_name=context.config.city.name,
        county_code=context.config.city.county_code,
        period=str(context.period),
        run_name=context.run_name,
        period_end=context.period.last_day,
        as_of=context.as_of,
        confidence=context.config.reconcile.confidence,
        trained=bool(context.config.detect.model),
        images=days_of_images(context.run, [source.name for source in context.config.sources]),
        layer_report=read_json(context.folder("screen") / "layer_report.json"),
        units=book.units,
        people=book.people,
        waiting=waiting_table(held, cells_of(held, cells), cells, tables["targets"]),
        candidates=schema.conform(schema.CANDIDATES, pd.concat(sources, ignore_index=True), crs),
        class_names=land_class_names(context.period.last_day),
        kind_names={kind.code: kind.label for kind in rules.kinds},
        layer_names={alias.role: alias.label for alias in rules.layers},
        **tables,
    )


def gis_layers(month: MonthTables) -> dict[str, Any]:
    """The layers of ``targets.gpkg`` under the schema's column names, targets with their task and verdict."""
    verdicts = month.verdicts[["target_id", "verdict", "reason", "outcome", "accountable", "acting_unit_id"]]
    tasks = month.tasks[["target_id", "cell_id", "unit_id", "acting_unit_id", "rank", "included", "due_on"]]
    renamed = verdicts.rename(columns={"reason": "verdict_reason", "acting_unit_id": "verdict_unit_id"})
    targets = month.targets.merge(tasks, on="target_id", how="left").merge(renamed, on="target_id", how="left")
    targets = targets.astype({"included": "boolean", "accountable": "boolean", "rank": "Int64"})
    return {
        "targets": targets,
        "suppressed": month.suppressed,
        "waiting": month.waiting,
        "cells": month.cell_states.drop(columns="person_id"),
        "missed": month.missed,
        "tracks": month.visits.drop(columns="people"),
        "candidates": month.candidates,
    }


def _write_package(folder: Path, package: Package, form: tuple[Sheet, ...], context: StageContext) -> None:
    """A unit's folder, its manifest with the hash of every file, and the same as one zip beside it."""
    day, city = context.period.last_day, context.config.city.name
    title = f"{city} {context.period} {package.name} 核查任务"
    places = package.places
    files = {
        "巡查任务清单.xlsx": workbook_bytes(package.sheets, day=day, title=title),
        "targets.geojson": geojson_bytes(places),
        "targets.kml": kml_bytes(places, name="JCBH", title=title),
        "targets.gpx": gpx_bytes(places[places["SFLR"] == 1], name="JCBH", note="BZ", title=title, day=day),
    }
    if form:
        files[FORM_NAME] = workbook_bytes(form, day=day, title=f"{city} {package.name} {FORM_NAME[:-5]}")
    manifest = {
        "format_version": FORMAT_VERSION,
        "city": city,
        "period": str(context.period),
        "run": context.run_name,
        "unit_id": package.unit_id,
        "unit": package.name,
        "counts": package.counts,
        "note": CLUE_NOTE,
        "files": {name: {"sha256": digest_bytes(content), "bytes": len(content)} for name, content in files.items()},
    }
    files["manifest.json"] = json_bytes(manifest)
    home = folder / package.folder
    home.mkdir(parents=True)
    for name, content in files.items():
        write_bytes(home / name, content)
    inside = {f"{package.folder}/{name}": content for name, content in files.items()}
    write_bytes(folder / f"{package.folder}.zip", zip_bytes(inside, day=day))


def read_summary(run: Path) -> dict[str, Any] | None:
    """The month's short summary of a finished run folder; None when the report was not written."""
    path = run / "report" / NUMBERS
    if not path.is_file():
        return None
    summary: dict[str, Any] = read_json(path)["summary"]
    return summary
