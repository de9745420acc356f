"""Objects of several image sources seen at one place become one: finest outline, union of the evidence."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.geodesy import geodesic_area_m2

REPLACED_SHARE = 0.5
"""A coarse outline gives way to finer ones that cover at least this share of it; else it is joined with them."""


@dataclass
class _Group:
    """An object while it is being fused: positions of its rows, the finest first, and its outline."""

    rows: list[int]
    shape: Any
    main: int
    gone: bool = False


def fuse_sources(suspected: gpd.GeoDataFrame, *, min_overlap_share: float, resolvable_px: float) -> gpd.GeoDataFrame:
    """One row per object on the ground, with ``schema.SUSPECTED`` columns and ``members``, ordered by candidate id.

    Objects of different sources are the same when they share ``min_overlap_share`` of the smaller one. Finer objects
    are never joined through a coarser one that they cover; a coarser object they cover less than half of is joined
    with them, so no ground is lost. ``members`` (JSON): id, source, dates and probability of every candidate behind
    the object, the finest first. The interval is that of :func:`fused_interval`. Screening columns are the main
    candidate's and are to be judged again on the fused outline and interval.
    """
    ordered = suspected.assign(
        _gsd=suspected["gsd_m"].fillna(np.inf), _area=suspected.geometry.area * -1.0
    ).sort_values(["_gsd", "source", "_area", "candidate_id"], ignore_index=True)
    groups: list[_Group] = []
    for source in ordered["source"].drop_duplicates():
        finer = [group for group in groups if not group.gone]
        tree = shapely.STRtree([group.shape for group in finer])
        for row in ordered.index[ordered["source"] == source]:
            _place(int(row), ordered.geometry.iloc[row], groups, finer, tree, min_overlap_share)
    kept = [group for group in groups if not group.gone]
    result = ordered.loc[[group.main for group in kept]].drop(columns=["_gsd", "_area"])
    evidence = _evidence(ordered)
    result["members"] = [
        json.dumps([evidence[row] for row in sorted(group.rows)], ensure_ascii=False, sort_keys=True) for group in kept
    ]
    for group in kept:
        if len(group.rows) > 1:
            for name, value in _fused_values(group, ordered, resolvable_px).items():
                result.at[group.main, name] = value
    return result.sort_values("candidate_id", ignore_index=True)


def _place(
    row: int, shape: Any, groups: list[_Group], finer: list[_Group], tree: shapely.STRtree, min_overlap_share: float
) -> None:
    hits = [
        finer[position]
        for position in sorted(tree.query(shape, predicate="intersects"))
        if shapely.area(shapely.intersection(shape, finer[position].shape))
        >= min_overlap_share * min(shape.area, finer[position].shape.area)
        and not finer[position].gone
    ]
    if not hits:
        groups.append(_Group([row], shape, row))
        return
    covered = shapely.area(shapely.intersection(shape, shapely.union_all([hit.shape for hit in hits])))
    if covered >= REPLACED_SHARE * shape.area:
        for hit in hits:
            hit.rows.append(row)
        return
    main = max(hits, key=lambda hit: (shapely.area(shapely.intersection(shape, hit.shape)), -hit.main))
    main.shape = shapely.union_all([shape, *(hit.shape for hit in hits)])
    main.rows = sorted({row, *(member for hit in hits for member in hit.rows)})
    for hit in hits:
        hit.gone = hit is not main


def _evidence(ordered: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    """Per candidate what it says, as JSON values."""
    columns = [ordered[name] for name in ("candidate_id", "source", "probability", "last_clear", "first_seen")]
    return [
        {
            "candidate_id": str(name),
            "source": str(source),
            "probability": round(float(probability), 4),
            "last_clear": _day(last_clear),
            "first_seen": _day(first_seen),
        }
        for name, source, probability, last_clear, first_seen in zip(*columns, strict=True)
    ]


def _fused_values(group: _Group, ordered: gpd.GeoDataFrame, resolvable_px: float) -> dict[str, Any]:
    """What changes in the main candidate's row when others join it."""
    parts, main = ordered.loc[group.rows], ordered.loc[group.main]
    area = round(float(geodesic_area_m2(gpd.GeoSeries([group.shape], crs=ordered.crs))[0]), 2)
    last_clear, first_seen = fused_interval(parts, area_m2=area, resolvable_px=resolvable_px)
    told = parts["stage"][parts["stage"] != "unknown"]
    return {
        "geometry": shapely.normalize(group.shape),
        "area_m2": area,
        "probability": float(parts["probability"].max()),
        "last_clear": last_clear,
        "first_seen": first_seen,
        "stage": told.iloc[0] if main["stage"] == "unknown" and len(told) else main["stage"],
        "novelty": parts["novelty"].max() if pd.isna(main["novelty"]) else main["novelty"],
    }


def fused_interval(parts: pd.DataFrame, *, area_m2: float, resolvable_px: float) -> tuple[Any, Any]:
    """The narrowest onset interval that still surely contains the onset; ``parts`` has the finest source first.

    ``first_seen`` is the earliest sighting. ``last_clear`` is the latest clear view of the finest source, and of a
    coarser one only where the object is at least ``resolvable_px`` of its pixels, since a coarse pixel can look clear
    over a small beginning. Views that contradict each other (clear after seen) widen the interval to all of them.
    """
    gsd = parts["gsd_m"].fillna(np.inf)
    trusted = (gsd == gsd.min()) | (area_m2 >= resolvable_px * gsd**2)
    last_clear, first_seen = parts["last_clear"][trusted].max(), parts["first_seen"].min()
    if pd.isna(last_clear):
        last_clear = parts["last_clear"].min()
    if pd.notna(last_clear) and pd.notna(first_seen) and last_clear >= first_seen:
        return parts["last_clear"].min(), parts["first_seen"].max()
    return last_clear, first_seen


def _day(value: Any) -> str | None:
    return None if pd.isna(value) else pd.Timestamp(value).date().isoformat()
