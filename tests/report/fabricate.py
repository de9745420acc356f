"""A hand-drawn month: three units, six cells of 1 km in a row, five targets, with hostile texts in free-text columns."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
from shapely.geometry import LineString, Point, Polygon, box

from pipeline import schema
from pipeline.detect.doubt import VEIL
from pipeline.report.tables import MonthTables
from pipeline.report.waiting import waiting_table
from pipeline.stages.held import cells_of

CRS = "EPSG:4547"
X, Y = 500000.0, 3400000.0
HOSTILE = '=HYPERLINK("http://evil.example","点我")<script>alert(1)</script>'
PHONE = "13900001234"


def frame(table: schema.Table, rows: list[dict[str, Any]]) -> Any:
    if not rows:
        return schema.empty(table, CRS)
    data = pd.DataFrame(rows)
    return schema.conform(table, gpd.GeoDataFrame(data, geometry="geometry", crs=CRS) if table.geometry else data)


def cell(index: int) -> Polygon:
    return box(X + 1000 * index, Y, X + 1000 * (index + 1), Y + 1000)


def square(index: int, side_m: float) -> Polygon:
    return box(X + 1000 * index + 300, Y + 400, X + 1000 * index + 300 + side_m, Y + 400 + side_m)


def target(number: int, index: int, **values: Any) -> dict[str, Any]:
    rules = [{"rule": "V4-1", "kind": "V4", "judgement": "suspected", "label": "占用耕地"}]
    row = {
        "target_id": f"420000XC2610{number:04d}", "state": "new", "first_period": "2026-10", "last_period": "2026-10",
        "history": "[]", "candidate_id": f"c{number}", "source": "s2", "probability": 0.9, "stage": "pit",
        "confidence": "confirmed", "area_m2": 2000.0, "area_px": 20, "last_clear": "2026-09-20",
        "first_seen": "2026-10-08", "gsd_m": 10.0, "change_score": 0.5, "change_score_max": 0.8,
        "brightness_before": 0.1, "brightness_after": 0.2, "correlation": 0.3, "rectangularity": 0.8,
        "edge_contrast": 0.2, "clear_share": 1.0, "clear_looks": 3, "kinds": json.dumps(["V4"]),
        "rules": json.dumps(rules, ensure_ascii=False),
        "area_by_class_m2": json.dumps({"0103": 1500.0, "0702": 500.0}),
        "farmland_m2": 1500.0, "basic_farmland_m2": 0.0, "geometry": square(index, 44.72),
    }  # fmt: skip
    return row | values


def task(number: int, index: int, unit: str | None, acting: str | None, person: str | None, **values: Any) -> dict:
    row = {
        "target_id": f"420000XC2610{number:04d}", "cell_id": f"W{index + 1:02d}", "cell_shares": "{}", "unit_id": unit,
        "acting_unit_id": acting, "person_id": person, "rank": number, "priority": 0.7, "included": True,
        "due_on": "2026-11-15", "reason": "基坑阶段，占耕地 2.25 亩",
    }  # fmt: skip
    return row | values


def verdict(number: int, index: int, acting: str | None, code: str, **values: Any) -> dict:
    row = {
        "target_id": f"420000XC2610{number:04d}", "unit_id": acting, "acting_unit_id": acting, "person_id": None,
        "cell_id": f"W{index + 1:02d}", "verdict": code, "rule": "R3", "reason": "2026-10-14 轨迹距目标 35 米",
        "visits_in_window": 1, "seen_probability": 0.8, "visits_required": 1, "records_complete": True,
        "outcome": "unchecked", "accountable": False,
    }  # fmt: skip
    return row | values


def waiting_of(held: Any, cells: Any, targets: Any) -> Any:
    return waiting_table(held, cells_of(held, cells), cells, targets)


def small_month(**changes: Any) -> MonthTables:
    units = [
        {"unit_id": "U1", "name": "柳林镇", "kind": "township", "precedence": 1, "workload_per_month": 2,
         "geometry": box(X, Y, X + 4000, Y + 1000)},
        {"unit_id": "U2", "name": "建设办", "kind": "office", "precedence": 2, "workload_per_month": 5,
         "geometry": box(X + 4000, Y, X + 5000, Y + 1000)},
        {"unit_id": "U3", "name": "市局执法队伍", "kind": "city_team", "precedence": 0, "workload_per_month": 9,
         "geometry": Polygon()},
    ]  # fmt: skip
    people = [
        {"person_id": "P1", "name": "张三", "unit_id": "U1", "role": "网格员", "phone": PHONE},
        {"person_id": "P2", "name": "李四", "unit_id": "U3", "role": "执法员", "phone": PHONE},
    ]
    holders = [("U1", "U1", "P1")] * 4 + [("U2", "U3", "P2"), (None, None, None)]
    states = ["targets", "targets", "partly_observed", "not_observed", "targets", "none_found"]
    cells = [
        {"cell_id": f"W{i + 1:02d}", "unit_id": u, "acting_unit_id": a, "person_id": p, "state": s, "targets": 1,
         "observable_share": 0.0 if s == "not_observed" else 0.9, "reason": "云" if s == "not_observed" else "",
         "geometry": cell(i)}
        for i, ((u, a, p), s) in enumerate(zip(holders, states, strict=True))
    ]  # fmt: skip
    targets = [
        target(1, 0), target(2, 1, probability=0.6, stage="structure", kinds="[]", rules="[]"),
        target(3, 2, probability=0.4, basic_farmland_m2=None, area_by_class_m2="{}"), target(4, 4),
        target(5, 0, state="merged", merged_into="420000XC26100001"),
    ]  # fmt: skip
    tasks = [
        task(1, 0, "U1", "U1", "P1"), task(2, 1, "U1", "U1", "P1", reason=HOSTILE),
        task(3, 2, "U1", "U1", "P1", included=False, left_out_reason="超出每月核查上限 2 个", due_on=None),
        task(4, 4, "U2", "U3", "P2", due_on="2026-11-12"),
    ]  # fmt: skip
    verdicts = [
        verdict(1, 0, "U1", "found_before_dispatch"),
        verdict(2, 1, "U1", "patrolled_not_reported", outcome="violation", accountable=True),
        verdict(3, 2, "U1", "undeterminable", reason="没有台账"),
        verdict(4, 4, "U3", "due_not_patrolled"),
    ]  # fmt: skip
    suppressed = target(9, 3) | {"candidate_id": "c9", "suppressed_by": "S1", "suppressed_reason": "批准在前"}
    entry = {
        "entry_id": "e1", "unit_id": "U1", "file": "十月.xlsx", "sheet": "Sheet1", "row": 4, "item": 1, "finding": True,
        "discovered_on": "2026-10-12", "subject": "=1+1", "position_source": "coordinates", "geometry": Point(X, Y),
    }  # fmt: skip
    tables: dict[str, Any] = {
        "units": frame(schema.UNITS, units),
        "people": frame(schema.PEOPLE, people),
        "candidates": frame(schema.CANDIDATES, [*targets, suppressed]),
        "suspected": frame(schema.SUSPECTED, targets),
        "suppressed": frame(schema.SUPPRESSED, [suppressed]),
        "waiting": waiting_of(frame(schema.HELD, [
            target(8, 2) | {"candidate_id": "s2-H2610-8", "held_since": "2026-10", "held_reason": VEIL,
                            "outcome": "待复核"},
            target(7, 0) | {"candidate_id": "s2-H2609-7", "held_since": "2026-09", "held_reason": VEIL,
                            "outcome": "未获后续观测支持"}]), frame(schema.CELL_STATES, cells), frame(schema.TARGETS, targets)),
        "targets": frame(schema.TARGETS, targets),
        "tasks": frame(schema.TASKS, tasks),
        "cell_states": frame(schema.CELL_STATES, cells),
        "entries": frame(schema.ENTRIES, [entry, entry | {"entry_id": "e2", "finding": False}]),
        "visits": frame(schema.VISITS, [{
            "visit_id": "v1", "unit_id": "U1", "people": "张三", "visited_on": "2026-10-14", "evidence": "track",
            "file": "a.gpx", "geometry": LineString([(X, Y), (X + 900, Y + 900)])}]),
        "repairs": frame(schema.REPAIRS, []),
        "rejected": frame(schema.REJECTED, [{
            "unit_id": "U1", "file": "十月.xlsx", "sheet": "Sheet1", "row": 9, "field": "巡查时间", "content": "@不详",
            "code": "E502", "reason": "看不懂的日期"}]),
        "files": frame(schema.LEDGER_FILES, [{
            "unit_id": "U1", "file": "十月.xlsx", "format": "Excel工作簿", "size_bytes": 9000, "sha256": "ab", "read": True,
            "sheets": 1, "rows": 3, "entries": 2, "findings": 1, "effort_rows": 1, "rejected": 1, "repaired_cells": 0,
            "completeness": 0.8}]),
        "superseded": frame(schema.SUPERSEDED, []),
        "verdicts": frame(schema.VERDICTS, verdicts),
        "missed": frame(schema.MISSED, [{
            "missed_id": "m1", "cell_id": "W05", "unit_id": "U2", "acting_unit_id": "U3", "rank": 1,
            "kind": "never_visited", "area_m2": 1e6, "targets": 1, "reason": "整格没有轨迹", "geometry": cell(4)}]),
        "omissions": frame(schema.OMISSIONS, [{
            "entry_id": "e1", "unit_id": "U1", "omission": "true_miss", "subject": "甲", "reason": "看得清而未检出",
            "geometry": Point(X + 100, Y + 100)}]),
        "kpis": frame(schema.KPIS, [{
            "kpi": "发现率", "unit_id": None, "value": 0.25, "low": 0.05, "high": 0.7, "numerator": 1, "denominator": 4,
            "formula": "已发现/全部目标"}]),
    }  # fmt: skip
    for name in ("revision", "plan_check", "routes", "matches", "ambiguous", "questions", "coverage", "effort", "estimates",
                 "audit_sample", "oddities", "restored", "cases", "case_history", "follow_ups", "conflicts", "alerts",
                 "parcels", "referrals", "guidance", "accumulated", "handling", "supply",
                 "supply_breaches", "supply_items", "supply_history", "accountability"):  # fmt: skip
        tables[name] = frame(getattr(schema, name.upper()), [])
    about = {"city_name": "示例市", "county_code": "420000", "period": "2026-10", "run_name": "2026-10",
             "period_end": date(2026, 10, 31), "as_of": date(2026, 11, 30),
             "class_names": {"0103": "旱地", "0702": "农村宅基地"},
             "kind_names": {"V4": "占用耕地"}, "layer_names": {}}  # fmt: skip
    return MonthTables(**(about | tables | changes))


def empty_month() -> MonthTables:
    """A city with units and cells but nothing seen: every cell not observed, every other table empty."""
    full = small_month()
    names = ("candidates suspected suppressed waiting targets revision tasks plan_check routes entries visits repairs rejected "
             "matches ambiguous questions verdicts coverage missed omissions kpis "
             "effort estimates audit_sample oddities cases case_history follow_ups conflicts restored alerts parcels "
             "referrals guidance accumulated handling supply supply_breaches supply_items supply_history "
             "accountability")  # fmt: skip
    nothing = {name: schema.empty(getattr(schema, name.upper()), CRS) for name in names.split()}
    return small_month(**nothing, cell_states=full.cell_states.assign(state="not_observed", targets=0))
