"""Suppressed candidates that a person wants back: by the ground of the decision, so that it holds in later months too."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.schema import RESTORED, SUPPRESSED, SUSPECTED, conform
from pipeline.values import ScreenDecision


def grounds_in_force(decisions: pd.DataFrame) -> list[dict[Any, Any]]:
    """The restorations in force, by candidate and run: the latest day's word on each; a withdrawal ends it.

    ``decisions``: ``schema.RESTORATIONS``; two different words of one day are refused when the file is read.
    """
    ordered = decisions.sort_values(["run", "candidate_id", "decided_on"], kind="stable")
    latest = ordered.drop_duplicates(["run", "candidate_id"], keep="last")
    return latest[latest["decision"] == ScreenDecision.RESTORE.value].to_dict("records")


def restore(
    suspected: gpd.GeoDataFrame, suppressed: gpd.GeoDataFrame, decisions: pd.DataFrame, *, min_overlap_share: float
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Suspected and suppressed candidates after the decisions, and the restored ones (``schema.RESTORED``) with both.

    A suppressed candidate comes back where it shares ``min_overlap_share`` of the smaller outline with a restored ground
    (WKT in the tables' CRS). Its rule and reason stay in the third table beside the person's.
    """
    crs = suspected.crs
    grounds = grounds_in_force(decisions)
    basis: dict[int, str] = {}
    for ground in grounds:
        shape = shapely.from_wkt(ground["ground"])
        for row, other in enumerate(suppressed.geometry):
            shared = float(shapely.area(shapely.intersection(shape, other)))
            if shared > 0.0 and shared >= min_overlap_share * min(float(shape.area), float(other.area)):
                words = f"{ground['decided_on']:%Y-%m-%d} {ground['decided_by']}恢复{ground['run']}期{ground['candidate_id']}"
                basis.setdefault(row, f"{words}：{ground['reason']}")
    back = pd.Series([row in basis for row in range(len(suppressed))], index=suppressed.index, dtype=bool)
    restored = suppressed[back].assign(restored_by=[basis[row] for row in sorted(basis)])
    joined = pd.concat([part for part in (suspected, suppressed[back]) if len(part)] or [suspected], ignore_index=True)
    kept = conform(SUSPECTED, joined.sort_values("candidate_id", ignore_index=True), crs)
    return kept, conform(SUPPRESSED, suppressed[~back], crs), conform(RESTORED, restored, crs)
