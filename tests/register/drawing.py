"""Months of hand-drawn suspected objects, and the register they make."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.register.fuse import fuse_sources
from pipeline.register.lineage import register_targets
from pipeline.schema import SUSPECTED, TARGETS, conform, empty
from pipeline.store import check_table
from pipeline.values import Period
from tests.screen.drawing import CRS, candidate

COUNTY = "419981"


def suspected(*rows: dict[str, Any]) -> Any:
    """Suspected objects; the stated area is the outline's."""
    if not rows:
        return empty(SUSPECTED, CRS)
    filled = [{"rules": "[]", "area_by_class_m2": "{}", **row} for row in rows]
    for row in filled:
        row["area_m2"] = row["geometry"].area if row["area_m2"] is None else row["area_m2"]
    return conform(SUSPECTED, gpd.GeoDataFrame(pd.DataFrame(filled), geometry="geometry", crs=CRS), CRS)


def seen(shape: Any, name: str = "c1", **values: Any) -> dict[str, Any]:
    return candidate(shape, name, **values)


def month(
    text: str, rows: list[dict[str, Any]], earlier: Any = None, issued: Any = None, **options: Any
) -> tuple[Any, Any]:
    """The register and the revision of a month, with the contract checked."""
    fused = fuse_sources(suspected(*rows), min_overlap_share=0.3, resolvable_px=9.0)
    targets, revision = register_targets(
        fused, earlier, period=Period.parse(text), county_code=COUNTY, issued=issued, **options
    )
    check_table(TARGETS, targets)
    assert targets["target_id"].is_unique
    return targets, revision


def row(targets: Any, target_id: str) -> pd.Series:
    (found,) = [r for _, r in targets[targets["target_id"] == target_id].iterrows()]
    return found
