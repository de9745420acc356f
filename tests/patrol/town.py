"""A hand-drawn town for the patrol room: 1 km cells in a row, two townships, a zone over both, a city team."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.schema import (
    CELLS,
    DELEGATIONS,
    DISPATCHES,
    FIELD_CHECKS,
    PEOPLE,
    RESPONSIBILITY,
    TARGETS,
    UNITS,
    Table,
    conform,
    empty,
)

CRS = "EPSG:4547"
X0, Y0 = 500_000.0, 3_300_000.0


def square(x_m: float, y_m: float, side_m: float) -> shapely.Polygon:
    """A square with its lower left corner at (x, y) metres from the town's origin."""
    return shapely.box(X0 + x_m, Y0 + y_m, X0 + x_m + side_m, Y0 + y_m + side_m)


def strip(x_m: float, y_m: float, width_m: float, height_m: float) -> shapely.Polygon:
    """A rectangle with its lower left corner at (x, y) metres from the town's origin."""
    return shapely.box(X0 + x_m, Y0 + y_m, X0 + x_m + width_m, Y0 + y_m + height_m)


def cells(count: int = 4) -> gpd.GeoDataFrame:
    """Cells G1, G2, ... of 1 km, from west to east."""
    ids = [f"G{number + 1}" for number in range(count)]
    return conform(CELLS, frame({"cell_id": ids}, [square(1000 * n, 0, 1000) for n in range(count)]))


def frame(columns: dict[str, list[Any]], shapes: list[Any]) -> gpd.GeoDataFrame:
    """A GeoDataFrame in the town's CRS."""
    return gpd.GeoDataFrame(columns, geometry=shapes, crs=CRS)


def units(cap: int = 10) -> gpd.GeoDataFrame:
    """U1 over G1 and G2, U2 over G3 and G4, the zone Z over the middle of both, the team CT without polygon."""
    columns: dict[str, list[Any]] = {
        "unit_id": ["U1", "U2", "Z", "CT"],
        "name": ["东关镇", "建设办", "经开区", "执法队"],
        "kind": ["township", "office", "economic_zone", "city_team"],
        "precedence": [1, 1, 5, 0],
        "workload_per_month": [cap] * 4,
    }
    shapes = [strip(0, 0, 2000, 1000), strip(2000, 0, 2000, 1000), strip(1400, 0, 1200, 1000), shapely.Polygon()]
    return conform(UNITS, frame(columns, shapes))


def table(kind: Table, *rows: tuple[Any, ...]) -> Any:
    """Rows of a plain table, columns in the schema's order; missing trailing ones are null."""
    if not rows:
        return empty(kind)
    return conform(kind, pd.DataFrame([dict(zip(kind.names, row, strict=False)) for row in rows], columns=kind.names))


def people() -> Any:
    return table(PEOPLE, ("P1", "张三", "U1"), ("P2", "李四", "U2"), ("P9", "周九", "CT"))


def responsibility() -> Any:
    return table(
        RESPONSIBILITY,
        ("G1", "U1", "P1", "2026-01-01", None),
        ("G2", "U1", "P1", "2026-01-01", None),
        ("G3", "U2", "P2", "2026-01-01", None),
        ("G4", "U2", "P2", "2026-01-01", None),
    )


def delegation() -> Any:
    """U2 is delegated to the city team from 1 March to 30 September, both days included."""
    return table(DELEGATIONS, ("U2", "CT", "2026-03-01", "2026-09-30"))


def no(kind: Table) -> Any:
    return empty(kind)


def targets(*rows: dict[str, Any]) -> gpd.GeoDataFrame:
    """Targets with harmless defaults; every row gives at least ``target_id`` and ``geometry``."""
    defaults: dict[str, Any] = {
        "state": "new", "first_period": "2026-10", "last_period": "2026-10", "history": "[]",
        "candidate_id": "c", "source": "s2", "probability": 0.8, "stage": "structure", "confidence": "confirmed",
        "area_m2": 1000.0, "area_px": 10, "last_clear": "2026-09-20", "first_seen": "2026-10-15",
        "change_score": 0.8, "change_score_max": 0.9, "brightness_before": 0.1, "brightness_after": 0.3,
        "correlation": 0.1, "rectangularity": 0.9, "edge_contrast": 0.1, "clear_share": 1.0, "clear_looks": 3,
        "rules": "[]", "area_by_class_m2": "{}", "farmland_m2": 0.0, "basic_farmland_m2": 0.0,
    }  # fmt: skip
    if not rows:
        return empty(TARGETS, CRS)
    filled = [{**defaults, **row} for row in rows]
    shapes = [row.pop("geometry") for row in filled]
    return conform(TARGETS, gpd.GeoDataFrame(filled, geometry=shapes, crs=CRS))


def checks(*rows: tuple[Any, ...]) -> Any:
    return table(FIELD_CHECKS, *rows)


def dispatches(*rows: tuple[Any, ...]) -> Any:
    return table(DISPATCHES, *rows)
