"""Approved parcels (批后监管): whether works are visible on them, since when, and on how much of them."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.geodesy import geodesic_area_m2
from pipeline.schema import PARCELS, conform
from pipeline.supervise.supply import GRANTED, Supplied, found_empty
from pipeline.supervise.supply_clock import Ground, Sight, last_seen, looked_since, nothing_begun, watched_throughout
from pipeline.supervise.supply_ground import plain_day
from pipeline.values import ParcelState

_DIGITS = 4


def watch_parcels(
    parcels: gpd.GeoDataFrame,
    works: gpd.GeoDataFrame,
    cells: gpd.GeoDataFrame,
    earlier: pd.DataFrame | None,
    supplied: Sequence[Supplied],
    *,
    watched_since: date,
    last_look: date | None,
    started_share: float,
    seen_share: float,
) -> Any:
    """Every approved parcel as :data:`~pipeline.schema.PARCELS`, all inputs in one metre CRS.

    ``parcels``: :data:`~pipeline.schema.APPROVALS`; ``works``: detected objects with ``first_seen``, those suppressed
    as approved included; ``cells``: :data:`~pipeline.schema.CELL_STATES` (observable shares); ``earlier``: the parcels
    as of the latest earlier period; ``watched_since``: the first day on which this period's imagery can show something
    new, for parcels not watched before; ``last_look``: the last day of this period's imagery, None: no image. The share
    is geodesic area of works over the parcel's; what was seen earlier is not lost, so the share is "at least". A parcel
    counts as started from ``started_share`` on. Nothing seen is judged as
    :func:`~pipeline.supervise.supply_clock.nothing_begun` does for supplied land: on ground approved before the watch
    nothing can be told, unless it was supplied or found empty later (``supplied``), nor on ground approved after the
    last image, and clouds may hide works.
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
        since = min(filter(None, (plain_day(before.get("watched_since")), watched_since)))
        here = [ground for ground in supplied if _covers(ground.shape, shape, started_share)]
        clean = [day for ground in here for day in ground.clean_days]
        approved_on = plain_day(row["approved_on"])
        until = last_seen(last_look, found_empty(clean))
        granted = [approved_on, *(day for day, what in clean if what == GRANTED)]
        ground = Ground(
            works_low=share,
            works_high=min(share + 1.0 - observable, 1.0),
            built_low=0.0,
            observable=observable,
            last_look=last_look,
            begun_by=plain_day(seen),
            watched=watched_throughout([approved_on, *(day for day, _ in clean)], since, until),
            looked=looked_since(granted, until),
        )
        started_on = min((one.started_on for one in here if one.started_on is not None), default=None)
        state, reason = _judged(ground, approved_on, since, clean, started_on, started_share, seen_share)
        rows.append(
            {
                **row,
                "state": state.value,
                "built_share": share,
                "first_seen": seen if share > 0 else None,
                "watched_since": pd.Timestamp(since),
                "reason": reason,
                "geometry": shape,
            }
        )
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=[*PARCELS.names, "geometry"]), crs=parcels.crs)
    return conform(PARCELS, frame.sort_values("approval_id", kind="stable"))


def _covers(whole: Any, part: Any, few: float) -> bool:
    """Whether what lies outside ``whole`` is too little of ``part`` to count as a start."""
    return bool(part.area > 0 and part.difference(whole).area < few * part.area)


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


def _judged(
    ground: Ground,
    approved_on: date | None,
    since: date,
    clean: Sequence[tuple[date, str]],
    started_on: date | None,
    started_share: float,
    seen_share: float,
) -> tuple[ParcelState, str]:
    """State and reason; ``clean``: days, and why, from which a start would be new, ``started_on``: a recorded start."""
    share, observable = ground.works_low, ground.observable
    if share > 0 and share >= started_share:
        return ParcelState.STARTED, _started(share, ground.begun_by, approved_on)
    few = f"仅{share:.1%}有疑似施工痕迹" if share > 0 else "未见施工痕迹"
    if started_on is not None:
        return ParcelState.UNKNOWN, f"供地记录{started_on}动工，影像{few}，请核实"
    sight = nothing_begun(ground, seen_share=seen_share, few=started_share)
    if sight is Sight.NOTHING:
        until = last_seen(ground.last_look, found_empty(clean)) or date.max
        told = [f"，{day}{what}" for day, what in sorted(clean) if since <= day <= until]
        return ParcelState.NOT_STARTED, f"{few}，影像可观测{observable:.0%}{''.join(told)}"
    if sight is Sight.NOT_LOOKED:
        granted = [(day, what) for day, what in clean if what == GRANTED]
        day, what = max(granted if approved_on is None else [*granted, (approved_on, "批准")])
        return ParcelState.UNKNOWN, f"{few}，但影像截至{ground.last_look}，{day}{what}之后尚无影像，不能判断是否动工"
    if sight is Sight.NOT_WATCHED:
        begun = f"始于{since}，" + ("图层无批准日期" if approved_on is None else f"晚于批准日期{approved_on}")
        return ParcelState.UNKNOWN, f"{few}，但影像监测{begun}，此前是否动工须现场核实"
    if sight is Sight.HIDDEN:
        return ParcelState.NOT_OBSERVED, f"影像可观测{observable:.0%}，不能说明是否动工"
    return ParcelState.UNKNOWN, f"影像可观测{observable:.0%}，可见部分{few}，其余不能判断"


def _started(share: float, seen: date | None, approved_on: date | None) -> str:
    parts = [f"疑似施工面积至少占{share:.0%}"]
    if seen is not None:
        parts.append(f"{seen}影像首次可见")
        if approved_on is not None and seen < approved_on:
            parts.append(f"早于批准日期{approved_on}，是否未批先建请核实")
    if approved_on is None:
        parts.append("图层无批准日期")
    return "，".join(parts)
