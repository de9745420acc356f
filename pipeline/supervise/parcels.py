"""Approved parcels (批后监管): whether works are visible on them, since when, and on how much of them."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.geodesy import geodesic_area_m2
from pipeline.schema import PARCELS, conform
from pipeline.values import ParcelState

_DIGITS = 4


def watch_parcels(
    parcels: gpd.GeoDataFrame,
    works: gpd.GeoDataFrame,
    cells: gpd.GeoDataFrame,
    earlier: pd.DataFrame | None,
    *,
    started_share: float,
    seen_share: float,
) -> Any:
    """Every approved parcel as :data:`~pipeline.schema.PARCELS`, all inputs in one metre CRS.

    ``parcels``: :data:`~pipeline.schema.APPROVALS`; ``works``: detected objects with ``first_seen``, those suppressed
    as approved included; ``cells``: :data:`~pipeline.schema.CELL_STATES` (observable shares); ``earlier``: the parcels
    as of the latest earlier period. The share is geodesic area of works over the parcel's; what was seen earlier is
    not lost, so the share is "at least". A parcel counts as started from ``started_share`` on, and as not observed
    where nothing was found and less than ``seen_share`` of it could be seen.
    """
    whole = geodesic_area_m2(parcels.geometry) if len(parcels) else np.zeros(0)
    known = {} if earlier is None else {row["approval_id"]: row for row in earlier.to_dict("records")}
    rows = []
    for number, row in enumerate(parcels.drop(columns="geometry").to_dict("records")):
        shape = parcels.geometry.iloc[number]
        share, seen = _covered(shape, float(whole[number]), works)
        before = known.get(row["approval_id"], {})
        share = max(share, float(before.get("built_share", 0.0)))
        seen = _earliest(seen, before.get("first_seen"))
        observable = _observable(shape, cells)
        state = _state(share, observable, started_share, seen_share)
        rows.append(
            {
                **row,
                "state": state.value,
                "built_share": share,
                "first_seen": seen if share > 0 else None,
                "reason": _reason(state, share, observable, seen, row["approved_on"]),
                "geometry": shape,
            }
        )
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=[*PARCELS.names, "geometry"]), crs=parcels.crs)
    return conform(PARCELS, frame.sort_values("approval_id", kind="stable"))


def _covered(shape: Any, whole_m2: float, works: gpd.GeoDataFrame) -> tuple[float, Any]:
    """Share of a parcel under works, 0..1, and the first day any of them was seen."""
    rows = np.sort(works.sindex.query(shape, predicate="intersects")) if len(works) else np.zeros(0, dtype=np.int64)
    parts = [shape.intersection(works.geometry.iloc[row]) for row in rows]
    kept = [(row, part) for row, part in zip(rows, parts, strict=True) if part.area > 0]
    if not kept or whole_m2 <= 0:
        return 0.0, None
    union = shapely.union_all([part for _, part in kept])
    share = float(geodesic_area_m2(gpd.GeoSeries([union], crs=works.crs))[0]) / whole_m2
    days = works["first_seen"].iloc[[row for row, _ in kept]].dropna()
    return round(min(share, 1.0), _DIGITS), days.min() if len(days) else None


def _observable(shape: Any, cells: gpd.GeoDataFrame) -> float:
    """Observable share of a parcel from the cells it lies in; ground in no cell was not observed."""
    if shape.area <= 0:
        return 0.0
    rows = np.sort(cells.sindex.query(shape, predicate="intersects"))
    seen_m2 = 0.0
    for row in rows:
        seen_m2 += float(shape.intersection(cells.geometry.iloc[row]).area * cells["observable_share"].iloc[row])
    return round(min(seen_m2 / float(shape.area), 1.0), _DIGITS)


def _earliest(now: Any, before: Any) -> Any:
    days = [day for day in (now, before) if day is not None and not pd.isna(day)]
    return min(days) if days else None


def _state(share: float, observable: float, started_share: float, seen_share: float) -> ParcelState:
    if share > 0 and share >= started_share:
        return ParcelState.STARTED
    return ParcelState.NOT_OBSERVED if observable < seen_share else ParcelState.NOT_STARTED


def _reason(state: ParcelState, share: float, observable: float, seen: Any, approved_on: Any) -> str:
    if state is ParcelState.NOT_OBSERVED:
        return f"影像可观测{observable:.0%}，不能说明是否动工"
    if state is ParcelState.NOT_STARTED:
        few = f"仅{share:.1%}有疑似施工痕迹" if share > 0 else "未见施工痕迹"
        return f"{few}，影像可观测{observable:.0%}"
    parts = [f"疑似施工面积至少占{share:.0%}"]
    if seen is not None:
        parts.append(f"{seen:%Y-%m-%d}影像首次可见")
        if not pd.isna(approved_on) and seen < approved_on:
            parts.append(f"早于批准日期{approved_on:%Y-%m-%d}，是否未批先建请核实")
    if pd.isna(approved_on):
        parts.append("图层无批准日期")
    return "，".join(parts)
