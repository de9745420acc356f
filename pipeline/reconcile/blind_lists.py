"""The two lists of a month that were made blind of each other: the satellite's confirmed sites and the patrols' own finds."""

from __future__ import annotations

import math
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.reconcile.rows import as_rows
from pipeline.values import MatchStatus, OmissionClass, Outcome, Period, TargetState

Row = dict[str, Any]
_REAL = (Outcome.VIOLATION.value, Outcome.LAWFUL.value, Outcome.OTHER.value)
_SURE = (MatchStatus.ASSIGNED.value, MatchStatus.DECIDED.value)
_LARGE_M2 = 2000.0 / 3.0 * 2.0
_STATED_ENOUGH = 0.9


@dataclass(frozen=True)
class BlindLists:
    """The two lists of a month: ``sites`` (``satellite patrol size risk``), and finds on and off the list by time.

    ``before`` and ``after`` the last blind day; ``quoted`` finds state a target's id; ``unchecked`` targets nobody has
    confirmed yet; ``until`` is the last blind day.
    """

    sites: pd.DataFrame
    before: tuple[int, int]
    after: tuple[int, int]
    quoted: int
    unchecked: int
    until: date


@dataclass(frozen=True)
class MonthFound:
    """What both sides found in a month, as schema tables in one projected metre CRS; ``dispatches`` of any month."""

    targets: gpd.GeoDataFrame
    verdicts: pd.DataFrame
    matches: pd.DataFrame
    entries: gpd.GeoDataFrame
    omissions: gpd.GeoDataFrame
    dispatches: pd.DataFrame
    coverage: gpd.GeoDataFrame


def blind_lists(month: MonthFound, *, period: Period, last_image: date, same_site_m: float) -> BlindLists:
    """The satellite's confirmed new targets and the patrols' blind finds of one period, as distinct sites.

    The population: new ground that neither side knew when the period began, that stood by ``last_image`` in ground with
    a clear view and is large enough for the imagery. Blind is a find from the period's first day to the last image or the day
    before the period's first dispatch, whichever is earlier, that states no target's id. A target counts as confirmed
    by a field check or by a blind find (which keeps the total a lower bound when few are checked). Findings off the
    list are those classed as missed by the satellite, joined where ``same_site_m`` or less lies between them.
    """
    until = _blind_until(month.dispatches, period, last_image)
    since, last = pd.Timestamp(period.first_day), pd.Timestamp(until)
    targets = month.targets
    fresh = targets[(targets["state"] != TargetState.MERGED.value) & (targets["first_period"] == str(period))]
    linked = _dated_links(month, fresh)
    known = set(linked.loc[linked["discovered_on"] < since, "target_id"])
    blind = (linked["discovered_on"] >= since) & (linked["ended"] <= last) & linked["stated_target_id"].isna()
    later = linked["discovered_on"] > last
    found, told = set(linked.loc[blind, "target_id"]) - known, set(linked.loc[later, "target_id"])
    outcome = dict(zip(month.verdicts["target_id"], month.verdicts["outcome"], strict=True))
    risk = _RiskClasses(month.coverage)
    rows: list[Row] = []
    unchecked = 0
    for row, shape in zip(as_rows(fresh), fresh.geometry, strict=True):
        name = row["target_id"]
        real = outcome.get(name) in _REAL or name in found
        waiting = outcome.get(name, Outcome.UNCHECKED.value) == Outcome.UNCHECKED.value
        unchecked += waiting and name not in found | known
        if real and name not in known:
            rows.append({"satellite": True, "patrol": name in found, "area": row["area_m2"], "risk": risk.at(shape)})
    missed, off_after = _unlisted(month.omissions, month.entries, since, last, same_site_m)
    rows += [{"satellite": False, "patrol": True, "area": area, "risk": risk.at(point)} for area, point in missed]
    sites = pd.DataFrame(rows, columns=["satellite", "patrol", "area", "risk"])
    stated = [not math.isnan(area) for area, _ in missed]
    by_size = not stated or float(np.mean(stated)) >= _STATED_ENOUGH
    size = ["大" if area >= _LARGE_M2 else "小" for area in sites["area"]] if by_size else ["不分面积"] * len(sites)
    return BlindLists(
        sites=sites.assign(size=size),
        before=(len(found), len(missed)),
        after=(len(told - found - known), off_after),
        quoted=int(linked["stated_target_id"].notna().sum()),
        unchecked=unchecked,
        until=until,
    )


def _blind_until(dispatches: pd.DataFrame, period: Period, last_image: date) -> date:
    own = dispatches[dispatches["period"] == str(period)]["dispatched_on"]
    return min(last_image, own.min().date() - timedelta(days=1)) if len(own) else last_image


def _dated_links(month: MonthFound, fresh: gpd.GeoDataFrame) -> pd.DataFrame:
    """Sure matches of the new targets with a dated entry, its last day as ``ended``."""
    matches = month.matches
    sure = matches[matches["status"].isin(_SURE) & (matches["probability"] > 0)]
    facts = month.entries[["entry_id", "discovered_on", "discovered_until", "stated_target_id"]]
    linked = sure[sure["target_id"].isin(sorted(fresh["target_id"]))].merge(facts, on="entry_id")
    linked = linked[linked["discovered_on"].notna()]
    return linked.assign(
        ended=linked["discovered_until"].where(linked["discovered_until"].notna(), linked["discovered_on"])
    )


class _RiskClasses:
    """High or usual risk per hectare of the cell at a place; the cells' median divides them."""

    def __init__(self, coverage: gpd.GeoDataFrame) -> None:
        density = (coverage["risk"] / coverage["area_ha"]).fillna(0.0).to_numpy("float64")
        middle = float(np.median(density)) if len(density) else 0.0
        self._high = density > middle
        self._tree = shapely.STRtree(coverage.geometry.to_numpy())

    def at(self, shape: Any) -> str:
        hits = np.sort(self._tree.query(shapely.point_on_surface(shape), predicate="intersects"))
        return "高风险网格" if len(hits) and self._high[hits[0]] else "一般网格"


def _unlisted(
    omissions: gpd.GeoDataFrame, entries: gpd.GeoDataFrame, since: pd.Timestamp, last: pd.Timestamp, same_site_m: float
) -> tuple[list[tuple[float, Any]], int]:
    """Blind finds the satellite missed as (stated area, place) of distinct sites, and how many were found later."""
    missed = omissions[omissions["omission"] == OmissionClass.TRUE_MISS.value].sort_values("entry_id", kind="stable")
    stated = dict(zip(entries["entry_id"], entries["stated_area_m2"], strict=True))
    sites: list[tuple[float, Any]] = []
    later = 0
    for members in _joined(missed.geometry.to_numpy(), same_site_m):
        part = missed.iloc[members]
        first = part["discovered_on"].min()
        if first < since:
            continue
        if first > last:
            later += 1
            continue
        areas = [float(stated[name]) for name in part["entry_id"] if pd.notna(stated[name])]
        sites.append((max(areas, default=math.nan), part.geometry.iloc[0]))
    return sites, later


def _joined(points: Any, reach_m: float) -> list[list[int]]:
    """Rows joined in chains of at most ``reach_m``, smallest row first."""
    tree = shapely.STRtree(points)
    parent = list(range(len(points)))

    def root(row: int) -> int:
        while parent[row] != row:
            row = parent[row]
        return row

    one, other = tree.query(points, predicate="dwithin", distance=reach_m) if len(points) else ((), ())
    for a, b in sorted(zip(map(int, one), map(int, other), strict=True)):
        low, high = sorted((root(a), root(b)))
        parent[high] = low
    groups: dict[int, list[int]] = {}
    for row in range(len(points)):
        groups.setdefault(root(row), []).append(row)
    return [groups[key] for key in sorted(groups)]
