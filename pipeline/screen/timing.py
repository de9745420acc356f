"""Approvals and temporary land against the onset interval: what lawfully explains an object, and since when.

Ground was clear on ``last_clear`` and changed on ``first_seen``; work began after the first and no later than the
second. An approval explains it only when given on or before ``last_clear``; one given after ``first_seen`` came too
late (未批先建); one in between, or without a date, leaves the order open (不可判).
"""

from __future__ import annotations

from dataclasses import dataclass, field
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.screen.layers import GroundRules, Shapes, polygonal

BEFORE, INTERVAL, LATE, UNDATED = "before", "interval", "late", "undated"
VALID, OPEN, RECLAIM, EXPIRED = "valid", "open", "reclaim", "expired"
NOWHERE = shapely.Polygon()


@dataclass(frozen=True)
class Explanation:
    """Per standing (``before`` .. ``expired``) the approved ground near one object, and the documents that say so."""

    ground: dict[str, Any] = field(default_factory=dict)
    documents: dict[str, tuple[str, ...]] = field(default_factory=dict)

    def of(self, *standings: str) -> Any:
        """The ground under any of some standings, one polygonal geometry (empty when none)."""
        parts = [self.ground[standing] for standing in standings if standing in self.ground]
        if not parts:
            return NOWHERE
        return _joined(parts)


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else polygonal(np.array([shapely.union_all(parts)], dtype=object))[0]


def approval_standing(approved_on: Any, last_clear: Any, first_seen: Any) -> str:
    """``before``, ``interval``, ``late`` or ``undated``; missing image dates leave the order open (``interval``)."""
    if pd.isna(approved_on):
        return UNDATED
    if pd.notna(last_clear) and approved_on <= last_clear:
        return BEFORE
    if pd.notna(first_seen) and approved_on > first_seen:
        return LATE
    return INTERVAL


def temporary_standing(
    approved_on: Any,
    expires_on: Any,
    last_clear: Any,
    first_seen: Any,
    *,
    months: int,
    longest_months: int,
    reclaim_months: int,
) -> str:
    """``valid``, ``open``, ``reclaim``, ``expired`` or ``late`` for ground with a term (临时用地, 采矿权).

    Without ``expires_on`` the term is ``months`` after approval, over after ``longest_months``, and open in between.
    ``reclaim``: after the term, and not surely after the further ``reclaim_months`` in which the ground must be restored.
    """
    standing = approval_standing(approved_on, last_clear, first_seen)
    if standing != BEFORE:
        return LATE if standing == LATE else OPEN
    if pd.notna(expires_on):
        sure_end = last_end = expires_on
    else:
        sure_end = approved_on + pd.DateOffset(months=months)
        last_end = approved_on + pd.DateOffset(months=longest_months)
    if pd.notna(first_seen) and first_seen <= sure_end:
        return VALID
    if last_clear < last_end:
        return OPEN
    # the month's own length decides the day: a term that ends on 31 January ends on the last of February later
    restored = pd.Timestamp(last_end) + pd.DateOffset(months=reclaim_months)
    return EXPIRED if last_clear >= restored else RECLAIM


def explain(
    shapes: Shapes,
    *,
    last_clear: pd.Series,
    first_seen: pd.Series,
    reach_m: NDArray[np.float64],
    approvals: gpd.GeoDataFrame | None,
    temporary_land: gpd.GeoDataFrame | None,
    rules: GroundRules,
) -> list[Explanation]:
    """Per object the approved and temporary ground within ``reach_m`` (metres, one per object), by standing."""
    grounds: list[dict[str, list[Any]]] = [{} for _ in range(len(shapes))]
    documents: list[dict[str, list[str]]] = [{} for _ in range(len(shapes))]
    for layer, temporary in ((approvals, False), (temporary_land, True)):
        if layer is None or len(layer) == 0 or len(shapes) == 0:
            continue
        polygons = layer.geometry.to_numpy()
        near_shape, near_polygon = shapely.STRtree(polygons).query(shapes, predicate="dwithin", distance=reach_m)
        order = np.lexsort((near_polygon, near_shape))
        for position, number in zip(near_shape[order], near_polygon[order], strict=True):
            row = layer.iloc[int(number)]
            dates = (last_clear.iloc[int(position)], first_seen.iloc[int(position)])
            if temporary:
                standing = temporary_standing(
                    row["approved_on"],
                    row["expires_on"],
                    *dates,
                    months=rules.temporary_months,
                    longest_months=rules.temporary_longest_months,
                    reclaim_months=rules.temporary_reclaim_months,
                )
            else:
                standing = approval_standing(row["approved_on"], *dates)
            grounds[position].setdefault(standing, []).append(polygons[number])
            documents[position].setdefault(standing, []).append(_document(row, temporary))
    return [
        Explanation(
            {standing: _joined(parts) for standing, parts in g.items()},
            {standing: tuple(sorted(set(names))) for standing, names in d.items()},
        )
        for g, d in zip(grounds, documents, strict=True)
    ]


def _document(row: pd.Series, temporary: bool) -> str:
    number = row["document"] if pd.notna(row["document"]) else row["approval_id"]
    text = f"{number}，{_day(row['approved_on'])}批准"
    return f"{text}，{_day(row['expires_on'])}到期" if temporary else text


def _day(value: Any) -> str:
    return "日期不明" if pd.isna(value) else pd.Timestamp(value).date().isoformat()
