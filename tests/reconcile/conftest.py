"""A drawn city of two cells: what every table holds is stated in one place and changed per test."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from functools import cache
from types import SimpleNamespace
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest
from shapely.geometry import LineString, Point, box

from pipeline.reconcile.coverage import CoverOptions
from pipeline.reconcile.gather import Delivered, Duties, Gathered, VerdictOptions, gather
from pipeline.reconcile.ground import RiskWeights, ground_points
from pipeline.reconcile.match import match_entries
from pipeline.reconcile.sight import SightOptions
from pipeline.reconcile.verdict import judge
from pipeline.schema import (
    CELL_STATES,
    DECISIONS,
    DELEGATIONS,
    DISPATCHES,
    ENTRIES,
    FIELD_CHECKS,
    LEDGER_FILES,
    PLAN,
    REJECTED,
    RESPONSIBILITY,
    SUPPRESSED,
    TARGETS,
    TASKS,
    VISITS,
    Table,
    conform,
    empty,
)

CRS = "EPSG:4547"
X, Y = 500_000.0, 3_500_000.0
VOCABULARY = {
    "earthworks": ["推填土", "平整"],
    "pit": ["基坑"],
    "structure": ["主体", "建房"],
    "roofed": ["封顶"],
    "small": ["坟"],
    "minor": ["土坑"],
    "told_from_afar": ["无人机"],
    "dumping": ["堆放"],
    "anonymous": ["村民"],
    "not_new_ground": ["翻建", "已拆除"],
}
MATCHING: dict[str, Any] = {
    "vocabulary": VOCABULARY,
    "accept_match": 0.75,
    "reject_match": 0.05,
    "standing_m": 25.0,
    "background_per_km2": 1.0,
    "max_lead_days": 60,
    "one_site_m": 30.0,
}
SIGHT = SightOptions(
    sight_m=100.0, ledger_only_seen=0.2, tall_crop_months=(7, 8, 9), tall_crop_factor=0.6, fast_kmh=40.0
)
NAMES = {"P1": "张三", "P9": "李四", "P2": "王五"}
JUDGING: dict[str, Any] = {
    "vocabulary": VOCABULARY,
    "cutoff": date(2026, 11, 30),
    "image_day": date(2026, 10, 31),
    "grace_days": 5,
    "min_seen": 0.7,
    "reject_match": 0.05,
    "max_lead_days": 60,
    "min_track_day_share": 0.7,
    "same_site_m": 100.0,
    "sight": SIGHT,
    "unit_of_person": {"P1": "A", "P9": "A", "P2": "B", "P4": "D", "P5": "D"},
}


@cache
def _nothing(schema: Table) -> Any:
    return empty(schema, CRS if schema.geometry else None)


def table(schema: Table, rows: Sequence[dict[str, Any]], defaults: dict[str, Any]) -> Any:
    """Rows over defaults as a schema table."""
    if not rows:
        return _nothing(schema)
    filled = [{**defaults, **row} for row in rows]
    if not schema.geometry:
        return conform(schema, pd.DataFrame(filled))
    shapes = gpd.GeoSeries([row.pop("geometry") for row in filled], crs=CRS)
    return conform(schema, gpd.GeoDataFrame(filled, geometry=shapes, crs=CRS))


def target(name: str = "T1", x: float = 0.0, y: float = 0.0, size: float = 40.0, **changes: Any) -> dict[str, Any]:
    """A square site, its lower left corner at (x, y) metres from the city's corner."""
    shape = box(X + x, Y + y, X + x + size, Y + y + size)
    return {"target_id": name, "geometry": shape, "area_m2": size * size, **changes}


def entry(name: str, x: float | None, y: float = 0.0, day: str | None = "2026-10-20", **changes: Any) -> dict[str, Any]:
    """A ledger finding at (x, y); x None: place unknown."""
    row = {"entry_id": name, "discovered_on": day, "row": int(name.strip("E") or 0), **changes}
    if x is None:
        return {"position_source": "none", "geometry": None, **row}
    return {"geometry": Point(X + x, Y + y), **row}


def effort(day: str, unit: str = "A", **changes: Any) -> dict[str, Any]:
    """A ledger row of a patrol that found nothing."""
    name = f"N{unit}{day}"
    return {"entry_id": name, "row": 99, "unit_id": unit, "finding": False, "discovered_on": day, "geometry": None,
            "position_source": "none", **changes}  # fmt: skip


def visit(name: str, day: str, y: float = -35.0, unit: str = "A", **changes: Any) -> dict[str, Any]:
    """A patrol along y metres from the city's lower edge, 1 km in 30 minutes."""
    line = LineString([(X - 400, Y + y), (X + 600, Y + y)]).segmentize(100.0)
    return {"visit_id": name, "visited_on": day, "unit_id": unit, "geometry": line, **changes}


TARGET = {
    "state": "new", "first_period": "2026-10", "last_period": "2026-10", "history": "[]", "candidate_id": "c",
    "source": "s2", "probability": 0.9, "stage": "structure", "confidence": "confirmed", "area_px": 16,
    "last_clear": "2026-09-20",
    "first_seen": "2026-10-10", "change_score": 0.9, "change_score_max": 0.9, "brightness_before": 0.1,
    "brightness_after": 0.2, "correlation": 0.1, "rectangularity": 1.0, "edge_contrast": 0.2, "clear_share": 1.0,
    "clear_looks": 5, "rules": "[]", "area_by_class_m2": "{}",
}  # fmt: skip
ENTRY = {
    "unit_id": "A", "file": "A.xlsx", "sheet": "1", "item": 1, "finding": True, "position_source": "coordinates",
    "uncertainty_m": 15.0,
}  # fmt: skip
VISIT = {"evidence": "track", "file": "a.gpx", "length_m": 1000.0, "minutes": 30.0, "cell_ids": "C1"}
TASK = {
    "cell_id": "C1", "cell_shares": "{}", "unit_id": "A", "acting_unit_id": "A", "person_id": "P1", "rank": 1,
    "priority": 1.0, "included": True, "reason": "",
}  # fmt: skip
REJECT = {"unit_id": "A", "file": "A.xlsx", "code": "E505", "reason": "r"}
LEDGER_FILE = {
    "unit_id": "A", "file": "A.xlsx", "format": "Excel工作簿", "size_bytes": 1, "read": True, "sheets": 1, "rows": 2,
    "entries": 2, "findings": 0, "effort_rows": 2, "rejected": 0, "repaired_cells": 0, "first_day": "2026-10-12",
    "last_day": "2026-10-12", "stated_month": "2026-10", "saved_on": "2026-11-02",
}  # fmt: skip
DISPATCH = {"period": "2026-10", "revision": "2026-10", "unit_id": "A"}


class City:
    """The input tables of a month, one unit A answering for cell C1 and unit B for C2, everything delivered."""

    def __init__(self) -> None:
        self.targets = [target()]
        self.first: list[dict[str, Any]] = []
        self.entries = [effort("2026-10-12"), effort("2026-11-28")]
        self.visits: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        self.plan: list[dict[str, Any]] = []
        self.responsibility = [
            {"cell_id": "C1", "unit_id": "A", "person_id": "P1", "valid_from": "2026-01-01"},
            {"cell_id": "C2", "unit_id": "B", "person_id": "P2", "valid_from": "2026-01-01"},
        ]
        self.delegations: list[dict[str, Any]] = []
        self.dispatches: list[dict[str, Any]] = []
        self.checks: list[dict[str, Any]] = []
        self.decisions: list[dict[str, Any]] = []
        self.files: list[dict[str, Any]] = []
        self.tasks: list[dict[str, Any]] | None = None

    def tables(self) -> dict[str, Any]:
        tasks = self.tasks if self.tasks is not None else [{"target_id": row["target_id"]} for row in self.targets]
        return {
            "targets": table(TARGETS, self.targets, TARGET),
            "first": table(TARGETS, self.first, TARGET),
            "tasks": table(TASKS, tasks, TASK),
            "entries": table(ENTRIES, self.entries, ENTRY),
            "visits": table(VISITS, self.visits, VISIT),
            "rejected": table(REJECTED, self.rejected, REJECT),
            "plan": table(PLAN, self.plan, {"unit_id": "A", "cell_id": "C1", "visits_required": 1}),
            "responsibility": table(RESPONSIBILITY, self.responsibility, {}),
            "delegations": table(DELEGATIONS, self.delegations, {}),
            "dispatches": table(DISPATCHES, self.dispatches, DISPATCH),
            "checks": table(FIELD_CHECKS, self.checks, {}),
            "files": table(LEDGER_FILES, self.files, LEDGER_FILE),
            "decisions": table(DECISIONS, self.decisions, {"decided_on": "2026-11-20"}),
        }  # fmt: skip


def match(tables: dict[str, Any], **changes: Any) -> Any:
    return match_entries(tables["targets"], tables["entries"], tables["decisions"], **{**MATCHING, **changes})


def gathered(tables: dict[str, Any], **changes: Any) -> Gathered:
    """All the evidence of drawn tables but what ties entries to targets."""
    options = {**JUDGING, **changes}
    vocabulary, unit_of_person = options.pop("vocabulary"), options.pop("unit_of_person")
    files, parts = options.pop("ledger_files", tables["files"]), options.pop("track_parts", None)
    return gather(
        tables["targets"],
        tables["first"],
        Delivered(tables["entries"], tables["visits"], tables["rejected"], files, parts),
        Duties(*(tables[name] for name in ("tasks", "plan", "responsibility", "delegations")), unit_of_person, NAMES),
        tables["dispatches"],
        tables["checks"],
        vocabulary=vocabulary,
        options=VerdictOptions(**options),
    )


def verdicts(tables: dict[str, Any], **changes: Any) -> Any:
    return judge(gathered(tables, **changes), match(tables))


def cells(**second: Any) -> Any:
    """Two cells of 500 m side by side, C1 from the city's corner eastward."""
    defaults = {"state": "targets", "targets": 1, "observable_share": 1.0, "reason": ""}
    return table(
        CELL_STATES,
        [
            {"cell_id": "C1", "unit_id": "A", "acting_unit_id": "A", "geometry": box(X, Y, X + 500, Y + 500)},
            {"cell_id": "C2", "unit_id": "B", "acting_unit_id": "B", "geometry": box(X + 500, Y, X + 1000, Y + 500)}
            | second,
        ],
        defaults,
    )


def suppressed(rows: Sequence[dict[str, Any]]) -> Any:
    return table(SUPPRESSED, rows, {**TARGET, "suppressed_by": "S1", "suppressed_reason": "water"})


def ground(cells: Any, targets: Any = None, cases: Any = None, step_m: float = 50.0, **land: Any) -> Any:
    """Points over ``cells``; farmland counts double, a target 20 ha, an earlier case 10 ha."""
    nothing = table(TARGETS, [], TARGET)
    return ground_points(
        cells,
        nothing if targets is None else targets,
        nothing if cases is None else cases,
        land.get("farmland", ()),
        land.get("basic_farmland", ()),
        step_m=step_m,
        weights=RiskWeights(farmland=1.0, basic_farmland=2.0, target_ha=20.0, case_ha=10.0),
    )


@pytest.fixture(scope="session")
def draw() -> SimpleNamespace:
    return SimpleNamespace(
        City=City, target=target, entry=entry, effort=effort, visit=visit, match=match, gathered=gathered, verdicts=verdicts,
        cells=cells, suppressed=suppressed, table=table, facts=TARGET, sight=SIGHT, vocabulary=VOCABULARY, x=X, y=Y, crs=CRS,
        span=CoverOptions(start=date(2026, 10, 1), end=date(2026, 11, 30), sight=SIGHT, covered_share=0.6),
        ground=ground,
    )  # fmt: skip


@pytest.fixture
def patrolled(draw: SimpleNamespace) -> Any:
    """Unit A drove past the site at 35 m after it was there, delivered its ledger and reported nothing."""
    city = draw.City()
    city.visits = [draw.visit("V1", "2026-10-14")]
    return city


@pytest.fixture
def due(draw: SimpleNamespace) -> Any:
    """Unit A had to visit the cell once from 12 to 31 October, went elsewhere with tracks, and delivered everything."""
    city = draw.City()
    city.plan = [{"plan_id": "L1", "due_from": "2026-10-12", "due_to": "2026-10-31"}]
    city.visits = [draw.visit("V1", "2026-10-14", y=5000.0, cell_ids="C9")]
    return city
