"""Hand-drawn ground on the central meridian, where a metre on the map is a metre on the ellipsoid (1e-8)."""

from __future__ import annotations

from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.rulebook import load_rulebook
from pipeline.schema import (
    APPROVALS,
    BASIC_FARMLAND,
    CANDIDATES,
    ECOLOGICAL_REDLINE,
    LAND_USE,
    MINING_RIGHTS,
    PLANNING,
    TEMPORARY_LAND,
    VILLAGE_PLAN,
    Table,
    conform,
    empty,
)
from pipeline.screen.layers import Ground

CRS = "EPSG:4547"
EAST, NORTH = 500_000.0, 3_600_000.0
DAY = date(2026, 10, 31)
CLEAR, SEEN = "2026-10-01", "2026-10-31"
OPTIONS = {
    "min_area_m2": 200.0,
    "min_overlap_m2": 100.0,
    "lawful_share": 0.95,
    "construction_share": 0.95,
    "water_share": 0.9,
    "whole_parcel_share": 0.9,
    "novelty_below": 1.0,
}


def square(x: float, y: float, width: float, height: float | None = None) -> Any:
    """A rectangle whose lower left corner is ``x`` metres east and ``y`` north of the drawing's origin."""
    return shapely.box(EAST + x, NORTH + y, EAST + x + width, NORTH + y + (width if height is None else height))


def layer(table: Table, rows: list[dict[str, Any]]) -> Any:
    if not rows:
        return empty(table, CRS)
    return conform(table, gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=CRS), CRS)


def parcels(**classes: Any) -> Any:
    """Land use: ``c0101=square(..)`` gives a parcel of class 0101; a list gives several."""
    rows = []
    for name, shapes in classes.items():
        for shape in shapes if isinstance(shapes, list) else [shapes]:
            rows.append({"parcel_id": f"P{len(rows)}", "class_code": name[1:], "geometry": shape})
    return layer(LAND_USE, rows)


def approval(
    shape: Any, on: str | None, document: str = "政土1号", until: str | None = None, project: str | None = None
) -> dict[str, Any]:
    """A row of any dated layer; ``until`` is its last day where the layer has one."""
    return {
        "approval_id": document, "document": document, "approved_on": on, "expires_on": until, "project": project,
        "geometry": shape,
    }  # fmt: skip


def ground(
    land_use: Any,
    *,
    basic: list[Any] | None = (),  # type: ignore[assignment]
    inside: list[Any] | None = (),  # type: ignore[assignment]
    approvals: list[dict[str, Any]] | None = (),  # type: ignore[assignment]
    temporary: list[dict[str, Any]] | None = (),  # type: ignore[assignment]
    redline: list[Any] | None = None,
    village: list[Any] | None = None,
    filed: list[dict[str, Any]] | None = None,
    mining: list[dict[str, Any]] | None = None,
    permits: list[dict[str, Any]] | None = None,
    rural: list[dict[str, Any]] | None = None,
    emergency: list[dict[str, Any]] | None = None,
) -> Ground:
    """Layers; None leaves a layer out, an empty list delivers it without rows."""
    dated = {"facility_land": filed, "planning_permits": permits, "rural_permits": rural, "emergency_land": emergency}
    zones = {"ecological_redline": (ECOLOGICAL_REDLINE, redline), "village_plan": (VILLAGE_PLAN, village)}
    return Ground(
        **{name: None if rows is None else layer(APPROVALS, rows) for name, rows in dated.items()},
        **{
            name: None
            if shapes is None
            else layer(table, [{"zone_id": f"{name}{i}", "geometry": shape} for i, shape in enumerate(shapes)])
            for name, (table, shapes) in zones.items()
        },
        mining_rights=None if mining is None else layer(MINING_RIGHTS, mining),
        land_use=land_use,
        basic_farmland=None
        if basic is None
        else layer(BASIC_FARMLAND, [{"parcel_id": f"B{i}", "geometry": shape} for i, shape in enumerate(basic)]),
        planning=None
        if inside is None
        else layer(
            PLANNING, [{"zone_id": f"Z{i}", "zone_kind": "集中建设区", "geometry": s} for i, s in enumerate(inside)]
        ),
        approvals=None if approvals is None else layer(APPROVALS, list(approvals)),
        temporary_land=None if temporary is None else layer(TEMPORARY_LAND, list(temporary)),
    )


def candidate(shape: Any, name: str = "c1", **values: Any) -> dict[str, Any]:
    row = {
        "candidate_id": name,
        "source": "s2",
        "probability": 0.9,
        "stage": "earthworks",
        "confidence": "nominal",
        "area_m2": None,
        "area_px": 1,
        "last_clear": CLEAR,
        "first_seen": SEEN,
        "gsd_m": 10.0,
        "change_score": 1.0,
        "change_score_max": 2.0,
        "novelty": None,
        "ndvi_before": 0.5,
        "ndvi_after": 0.1,
        "brightness_before": 0.1,
        "brightness_after": 0.2,
        "correlation": 0.0,
        "rectangularity": 1.0,
        "edge_contrast": 1.0,
        "clear_share": 1.0,
        "clear_looks": 2,
        "geometry": shape,
    }
    return row | values


def candidates(*rows: dict[str, Any]) -> Any:
    return layer(CANDIDATES, list(rows))


def screening(on: Ground, **options: Any) -> dict[str, Any]:
    """Keywords of the screening verbs with the delivered rules."""
    book = load_rulebook()
    return {
        "ground": on,
        "ground_rules": book.ground_rules(DAY),
        "rules": book.all_rules(),
        "options": OPTIONS,
        "outline_tolerance_px": 1.0,
        "suppress_construction_land": False,
        "fallback_day": DAY,
    } | options
