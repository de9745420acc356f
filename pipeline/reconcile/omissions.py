"""What patrols found and the satellite did not, sorted by why."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.reconcile.evidence import as_day
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.space import NOT_LOCATED, position_sigma_m
from pipeline.reconcile.words import Vocabulary, entry_text, topics
from pipeline.schema import OMISSIONS, conform, empty
from pipeline.values import OmissionClass, Period

Row = dict[str, Any]


@dataclass(frozen=True)
class OmissionOptions:
    """The month's days (``last_image``: its last clear look) and the bounds of what its imagery can show."""

    monitored_from: date
    last_image: date
    period_end: date
    cutoff: date
    look_back_days: int
    roofed_days: int
    reject_match: float
    resolvable_m2: float
    min_observable_share: float
    standing_m: float


def last_look(targets: gpd.GeoDataFrame, suppressed: gpd.GeoDataFrame, period: Period) -> date:
    """The last day an image of the period shows, as far as its objects tell; the period's last day without any."""
    days = pd.concat([targets["first_seen"], suppressed["first_seen"]]).dropna()
    days = days[(days >= pd.Timestamp(period.first_day)) & (days <= pd.Timestamp(period.last_day))]
    return days.max().date() if len(days) else period.last_day


def omitted(
    entries: gpd.GeoDataFrame,
    matches: pd.DataFrame,
    suppressed: gpd.GeoDataFrame,
    cells: gpd.GeoDataFrame,
    *,
    vocabulary: Vocabulary,
    options: OmissionOptions,
    faint: gpd.GeoDataFrame | None = None,
) -> gpd.GeoDataFrame:
    """Findings without a target, as OMISSIONS with a class of :class:`~pipeline.values.OmissionClass`.

    Used are dated findings from ``look_back_days`` before ``period_end`` to ``cutoff`` that describe new ground and
    are tied to no target (no match of at least ``reject_match``). Classes, the first that fits: stated area or kind
    below what the imagery resolves; later than ``last_image``; place unknown; inside a suppressed object; in ground
    without a clear view; maybe older than the monitoring, because it or an entry within twice its uncertainty was
    written before ``monitored_from``, or it was roofed within ``roofed_days`` of it, so that the first image may show
    it already; else a true miss. ``faint``: changes that became no target (``candidate_id``, ``why``, geometry); a miss on
    one of them says so. All layers share a projected metre CRS.
    """
    since = options.period_end - timedelta(days=options.look_back_days)
    tied = set(matches.loc[matches["probability"] >= options.reject_match, "entry_id"])
    day = entries["discovered_on"]
    asked = entries["finding"] & (day >= pd.Timestamp(since)) & (day <= pd.Timestamp(options.cutoff))
    rows = entries[asked & ~entries["entry_id"].isin(tied)].sort_values("entry_id", kind="stable")
    facts = as_rows(rows)
    told = [topics(entry_text(row), vocabulary) for row in facts]
    new_ground = np.array(["not_new_ground" not in words for words in told], dtype=bool)
    if not new_ground.any():
        return empty(OMISSIONS, entries.crs)
    sigma = position_sigma_m(rows["uncertainty_m"].to_numpy("float64"), standing_m=options.standing_m)
    imagery = _Imagery(_FirstMentions(entries), suppressed, _Views(cells), options, faint)
    result = []
    for row, words, point, reach in zip(facts, told, rows.geometry, 2.0 * sigma, strict=True):
        omission, reason = _class_of(row, words, point, float(reach), imagery)
        result.append({**row, "omission": omission.value, "reason": reason})
    frame = pd.DataFrame(result)[new_ground]
    shapes = gpd.GeoSeries(list(rows.geometry), crs=entries.crs)[new_ground]
    table = gpd.GeoDataFrame(frame, geometry=shapes, crs=entries.crs)
    return conform(OMISSIONS, table, entries.crs)


def _class_of(
    row: Row, words: Collection[str], point: Any, reach_m: float, imagery: _Imagery
) -> tuple[OmissionClass, str]:
    """The first class that fits, and why."""
    options = imagery.options
    area, found_on = row["stated_area_m2"], as_day(row["discovered_on"])
    if area < options.resolvable_m2 or (pd.isna(area) and "small" in words):
        stated = f"填报面积 {area:.0f} 平方米" if area > 0 else "所述对象（坟、墙、小屋等）很小"
        return OmissionClass.BELOW_RESOLUTION, f"{stated}，小于影像可分辨的 {options.resolvable_m2:.0f} 平方米"
    if found_on is not None and found_on > options.last_image:
        return OmissionClass.AFTER_IMAGE, f"发现日期 {found_on} 晚于本期最后影像 {options.last_image}"
    if point is None or point.is_empty or row["position_source"] == NOT_LOCATED:
        return OmissionClass.NOT_LOCATED, "台账位置无法确定，不能与影像对照"
    omission, reason = imagery.shows(point, reach_m)
    older = _maybe_older(imagery.first.within(point, reach_m), found_on, words, options)
    if omission == OmissionClass.TRUE_MISS and older is not None:
        return OmissionClass.MAYBE_OLDER, older
    return omission, reason


class _FirstMentions:
    """Look-up of the earliest finding written down near a place."""

    def __init__(self, entries: gpd.GeoDataFrame) -> None:
        shapes = entries.geometry
        placed = entries["finding"] & entries["discovered_on"].notna() & shapes.notna() & ~shapes.is_empty
        located = entries[placed & (entries["position_source"] != NOT_LOCATED)]
        self._days = located["discovered_on"].to_numpy()
        self._tree = shapely.STRtree(located.geometry.to_numpy())

    def within(self, point: shapely.Point, reach_m: float) -> date | None:
        near = self._tree.query(point, predicate="dwithin", distance=reach_m)
        return as_day(pd.Timestamp(self._days[near].min())) if len(near) else None


def _maybe_older(
    first: date | None, found_on: date | None, words: Collection[str], options: OmissionOptions
) -> str | None:
    """Why the first image of the monitoring may show the ground already; None where nothing says so."""
    monitored_from = options.monitored_from
    days = [day for day in (first, found_on) if day is not None]
    if days and min(days) < monitored_from:
        return f"{min(days)} 已有记录，早于监测起始 {monitored_from}，首期影像上可能已经存在"
    if found_on is not None and "roofed" in words and (found_on - monitored_from).days < options.roofed_days:
        return f"{found_on} 已封顶或完工，监测自 {monitored_from} 起，首期影像上可能已经存在"
    return None


class _Views:
    """Look-up of the observable share at a place."""

    def __init__(self, cells: gpd.GeoDataFrame) -> None:
        ordered = cells.sort_values("cell_id", kind="stable").reset_index(drop=True)
        self._tree = shapely.STRtree(ordered.geometry.to_numpy())
        self._rows: Sequence[Mapping[Any, Any]] = as_rows(ordered, ["cell_id", "observable_share"])

    def at(self, point: shapely.Point) -> tuple[str, float] | None:
        """Cell and observable share; None outside every cell."""
        hits = sorted(self._tree.query(point, predicate="intersects"))
        return (self._rows[hits[0]]["cell_id"], self._rows[hits[0]]["observable_share"]) if hits else None


class _Imagery:
    """What the month's imagery could show at a place."""

    def __init__(
        self,
        first: _FirstMentions,
        suppressed: gpd.GeoDataFrame,
        views: _Views,
        options: OmissionOptions,
        faint: gpd.GeoDataFrame | None,
    ) -> None:
        self.first, self.options = first, options
        self._suppressed, self._views = suppressed, views
        self._hidden = shapely.STRtree(suppressed.geometry.to_numpy())
        self._faint = faint

    def shows(self, point: shapely.Point, reach_m: float) -> tuple[OmissionClass, str]:
        """Hidden with a suppressed object, not observable, or a true miss."""
        near = self._hidden.query(point, predicate="dwithin", distance=reach_m)
        if len(near):
            metres, candidate, why = _nearest(self._suppressed.iloc[sorted(near)], point, "suppressed_reason")
            return OmissionClass.SUPPRESSED, f"距被排除的候选 {candidate} {metres:.0f} 米；排除理由：{why}"
        view = self._views.at(point)
        if view is None:
            return OmissionClass.NOT_OBSERVABLE, "位置在全部网格之外，影像未覆盖"
        if view[1] < self.options.min_observable_share:
            return OmissionClass.NOT_OBSERVABLE, f"网格 {view[0]} 本期可观测比例仅 {view[1]:.0%}"
        least = self.options.min_observable_share
        seen = f"网格 {view[0]} 可观测比例 {view[1]:.0%}，不低于 {least:.0%}"
        said = f"{seen}；按网格判断，该处本身是否看清未逐点核对；{self._said_nearby(point, reach_m)}"
        return OmissionClass.TRUE_MISS, said

    def _said_nearby(self, point: shapely.Point, reach_m: float) -> str:
        """What the imagery has of the place: nothing, or a change that was not sure enough for a target."""
        if self._faint is not None and len(self._faint):
            near = self._faint[shapely.dwithin(self._faint.geometry.to_numpy(), point, reach_m)]
            if len(near):
                metres, candidate, why = _nearest(near, point, "why")
                return f"影像在{metres:.0f}米处有变化 {candidate}，未列为目标：{why}"
        return "影像未检出对应目标"


def _nearest(objects: gpd.GeoDataFrame, point: shapely.Point, why: str) -> tuple[float, str, str]:
    """Distance in metres, id and reason of the nearest of some objects; ties go to the smaller id."""
    distance = shapely.distance(point, objects.geometry.to_numpy())
    metres, candidate, reason = min(zip(distance.tolist(), objects["candidate_id"], objects[why], strict=True))
    return float(metres), str(candidate), str(reason)
