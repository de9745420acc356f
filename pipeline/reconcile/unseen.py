"""The month's estimates of what nobody saw: the two blind lists, the checked audit cells and the blind samples as rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.reconcile.audit import (
    Estimate,
    audit_share,
    audit_total,
    cells_to_prove,
    detection_chance,
)
from pipeline.reconcile.capture import (
    ASSUMPTIONS,
    Population,
    estimate_population,
    leaked_list,
    shared_blindness,
    told_finds,
)
from pipeline.reconcile.space import position_sigma_m
from pipeline.schema import ESTIMATES, conform
from pipeline.values import MatchStatus, OmissionClass, Outcome, TargetState, Verdict

Row = dict[str, Any]
CITY = "全市"
FACTORS = ("size", "risk")
_REAL = (Outcome.VIOLATION.value, Outcome.LAWFUL.value, Outcome.OTHER.value)
_SURE = (MatchStatus.ASSIGNED.value, MatchStatus.DECIDED.value)
_LARGE_M2 = 2000.0 / 3.0 * 2.0
_STATED_ENOUGH = 0.9
_PROVED_SHARES = (0.1, 0.05, 0.03, 0.01)


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


def blind_lists(
    targets: gpd.GeoDataFrame,
    verdicts: pd.DataFrame,
    matches: pd.DataFrame,
    entries: gpd.GeoDataFrame,
    omissions: gpd.GeoDataFrame,
    dispatches: pd.DataFrame,
    coverage: gpd.GeoDataFrame,
    *,
    period: str,
    first_day: date,
    last_image: date,
    same_site_m: float,
) -> BlindLists:
    """The satellite's confirmed new targets and the patrols' blind finds of one period, as distinct sites.

    The population: new ground that neither side knew when the period began, that stood by ``last_image`` in ground with
    a clear view and is large enough for the imagery. Blind is a find from ``first_day`` to the last image or the day
    before the period's first dispatch, whichever is earlier, that states no target's id. A target counts as confirmed
    by a field check or by a blind find (which keeps the total a lower bound when few are checked). Findings off the
    list are those classed as missed by the satellite, joined where ``same_site_m`` or less lies between them.
    """
    own = dispatches[dispatches["period"] == period]["dispatched_on"]
    until = min(last_image, own.min().date() - timedelta(days=1)) if len(own) else last_image
    since, last = pd.Timestamp(first_day), pd.Timestamp(until)
    fresh = targets[(targets["state"] != TargetState.MERGED.value) & (targets["first_period"] == period)]
    sure = matches[matches["status"].isin(_SURE) & (matches["probability"] > 0)]
    facts = entries[["entry_id", "discovered_on", "discovered_until", "stated_target_id"]]
    linked = sure[sure["target_id"].isin(sorted(fresh["target_id"]))].merge(facts, on="entry_id")
    linked = linked[linked["discovered_on"].notna()]
    ended = linked["discovered_until"].where(linked["discovered_until"].notna(), linked["discovered_on"])
    known = set(linked.loc[linked["discovered_on"] < since, "target_id"])
    blind = (linked["discovered_on"] >= since) & (ended <= last) & linked["stated_target_id"].isna()
    later = linked["discovered_on"] > last
    found, told = set(linked.loc[blind, "target_id"]) - known, set(linked.loc[later, "target_id"])
    outcome = dict(zip(verdicts["target_id"], verdicts["outcome"], strict=True))
    risk = _RiskClasses(coverage)
    rows: list[Row] = []
    unchecked = 0
    for row, shape in zip(fresh.drop(columns="geometry").to_dict("records"), fresh.geometry, strict=True):
        name = row["target_id"]
        real = outcome.get(name) in _REAL or name in found
        waiting = outcome.get(name, Outcome.UNCHECKED.value) == Outcome.UNCHECKED.value
        unchecked += waiting and name not in found | known
        if real and name not in known:
            rows.append({"satellite": True, "patrol": name in found, "area": row["area_m2"], "risk": risk.at(shape)})
    missed, off_after = _unlisted(omissions, entries, since, last, same_site_m)
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


def population_rows(lists: BlindLists, warnings: Sequence[str], *, confidence: float) -> list[Row]:
    """ESTIMATES rows of the capture-recapture: all sites and those nobody saw, for the city and per stratum."""
    told = told_finds(before=lists.before, after=lists.after, quoted=lists.quoted)
    basis = f"Chapman 分层估计，各层 Sadinle {confidence:.0%} 区间合成；只用 {lists.until} 以前的盲发现。{ASSUMPTIONS}"
    sides = [lists.sites[side].sum() for side in ("satellite", "patrol")]
    if not all(sides):
        empty = "没有经核查属实的新增目标" if not sides[0] else "派发前巡查没有自行发现"
        return [_row("sites_at_least", CITY, None, basis, (f"{empty}，不能估计", *told))]
    total = estimate_population(lists.sites, FACTORS, confidence=confidence)
    notes = [*total.warnings, *told, *warnings]
    if lists.unchecked:
        notes.append(f"{lists.unchecked} 个新增目标未核查，不计入名单，结果偏小")
    counts = _counts(total)
    estimate = Estimate(total.value, total.low, total.high, total.seen)
    unseen = Estimate(total.value - total.seen, total.low - total.seen, total.high - total.seen, total.seen)
    rows = [
        _row("sites_at_least", CITY, estimate, basis, notes, counts),
        _row("unseen_at_least", CITY, unseen, f"{basis}；总数减去双方已见的 {total.seen} 处", notes, counts),
    ]
    for each in total.strata:
        own = {"satellite": each.satellite, "patrol": each.patrol, "both": each.both}
        part = Estimate(each.value, each.low, each.high, each.satellite + each.patrol - each.both)
        rows.append(_row("sites_at_least", each.name, part, basis, (), own))
    return rows


def audit_rows(
    checks: pd.DataFrame, sample: pd.DataFrame, sizes: Mapping[str, int], tasks: pd.DataFrame, *, confidence: float
) -> tuple[list[Row], tuple[str, ...]]:
    """ESTIMATES rows from the audited cells that came back, and warnings about the two lists' dependence.

    ``checks``: AUDIT_CHECKS of the period (item 0: nothing new in the cell); only cells of ``sample`` count, as others
    were not drawn at random. ``sizes``: cells per stratum of the sample. No check, no rows.
    """
    stratum = dict(zip(sample["cell_id"], sample["stratum"], strict=True))
    usable = checks[checks["cell_id"].isin(sorted(stratum))]
    if usable.empty:
        return [], ()
    sites = usable[usable["item"] > 0]
    listed, known = sites["target_id"].notna(), sites["known_to_patrol"] == "是"
    per_cell = pd.DataFrame({"cell_id": sorted(set(usable["cell_id"]))})
    names = per_cell["cell_id"]
    targets = tasks.groupby("cell_id")["target_id"].count()
    confirmed = sites[listed & sites["target_id"].isin(sorted(tasks["target_id"]))]
    columns = {
        "sites": sites.groupby("cell_id").size(),
        "area_m2": sites.groupby("cell_id")["area_m2"].sum(),
        "hit": sites[listed].groupby("cell_id").size(),
        "patrol": sites[known].groupby("cell_id").size(),
        "real": confirmed.groupby("cell_id")["target_id"].nunique(),
        "targets": targets,
    }
    per_cell = per_cell.assign(stratum=names.map(stratum), **{k: names.map(v).fillna(0.0) for k, v in columns.items()})
    # a target confirmed from a neighbouring cell is no more than the cell's own targets
    per_cell["real"] = per_cell[["real", "targets"]].min(axis=1)
    options = {"confidence": confidence}
    estimates = {
        "audit_sites": audit_total(per_cell, "sites", sizes, **options),
        "audit_area_m2": audit_total(per_cell, "area_m2", sizes, **options),
        "audit_satellite_recall": audit_share(per_cell, "hit", "sites", sizes, **options),
        "audit_patrol_recall": audit_share(per_cell, "patrol", "sites", sizes, **options),
        "audit_precision": audit_share(per_cell, "real", "targets", sizes, **options),
    }
    outside = len(set(checks["cell_id"]) - set(stratum))
    notes = [f"{outside} 个抽样以外的网格不计"] if outside else []
    missing = sorted(set(sizes) - set(per_cell["stratum"]))
    if missing:
        notes.append(f"{len(missing)} 个层还没有核查结果，暂不能推断全市")
    basis = (
        f"按层随机抽查 {len(per_cell)} 个网格全面核查后的无偏推断（Olofsson 等 2014 的分层思路），{confidence:.0%} 区间"
    )
    rows = [_row(measure, CITY, estimate, basis, notes) for measure, estimate in estimates.items()]
    table = [
        int((one & other).sum())
        for one, other in ((listed, known), (listed, ~known), (~listed, known), (~listed, ~known))
    ]
    return rows, shared_blindness(both=table[0], satellite=table[1], patrol=table[2], neither=table[3])


def plan_rows(cells: int, *, confidence: float) -> list[Row]:
    """How many cells to check so that no omission in them proves that at most a share of all cells has any."""
    rows = []
    for share in _PROVED_SHARES:
        needed = cells_to_prove(cells, most_bad=math.floor(share * cells), confidence=confidence)
        basis = f"超几何分布：抽查这么多网格都没有漏检，即可以 {confidence:.0%} 的把握说有漏检的网格不超过 {share:.0%}"
        estimate = Estimate(float(needed), float(needed), float(needed), cells)
        rows.append(_row("audit_cells_needed", f"不超过 {share:.0%}", estimate, basis, ()))
    return rows


def held_back_rows(
    tasks: pd.DataFrame, verdicts: pd.DataFrame, *, confidence: float
) -> tuple[list[Row], tuple[str, ...]]:
    """Each unit's chance of finding a held-back target by itself, and the warning of a list known too early."""
    joined = tasks.merge(verdicts[["target_id", "verdict", "outcome"]], on="target_id")
    joined = joined[joined["outcome"] != Outcome.PSEUDO_CHANGE]
    joined = joined.assign(found=joined["verdict"] == Verdict.FOUND_BEFORE_DISPATCH, unit_id=joined["acting_unit_id"])
    held = joined[joined["blind_sample"].notna()]
    if held.empty:
        return [], ()
    basis = f"未派发的盲样中，单位自行发现的比例；Wilson {confidence:.0%} 区间"
    rows = _chances("blind_targets_found", held, basis, confidence)
    sent = joined[joined["blind_sample"].isna() & joined["included"]]
    pairs = [(int(part["found"].sum()), int((~part["found"]).sum())) for part in (sent, held)]
    return rows, leaked_list(dispatched=pairs[0], held_back=pairs[1])


def lawful_rows(
    suppressed: gpd.GeoDataFrame,
    entries: gpd.GeoDataFrame,
    cells: gpd.GeoDataFrame,
    *,
    first_day: date,
    cutoff: date,
    standing_m: float,
    confidence: float,
) -> list[Row]:
    """The share of known lawful builds, hidden from the lists, that patrols wrote down: a lower bound of their chance.

    ``suppressed`` objects with an approval; written down when a located entry from ``first_day`` to ``cutoff`` lies
    within twice its uncertainty. Patrols need not report lawful works, so a low share accuses nobody.
    """
    lawful = suppressed[suppressed["approval"].notna()].sort_values("candidate_id", kind="stable")
    day = entries["discovered_on"]
    asked = (day >= pd.Timestamp(first_day)) & (day <= pd.Timestamp(cutoff)) & entries.geometry.notna()
    near = entries[asked & ~entries.geometry.is_empty]
    if lawful.empty:
        return []
    spots = shapely.point_on_surface(lawful.geometry.to_numpy())
    ordered = cells.sort_values("cell_id", kind="stable")
    home = shapely.STRtree(ordered.geometry.to_numpy())
    reach = 2.0 * position_sigma_m(near["uncertainty_m"].to_numpy("float64"), standing_m=standing_m)
    rows = []
    for shape, spot in zip(lawful.geometry, spots, strict=True):
        inside = np.sort(home.query(spot, predicate="intersects"))
        unit = ordered["acting_unit_id"].iloc[inside[0]] if len(inside) else None
        distance = shapely.distance(near.geometry.to_numpy(), shape)
        rows.append({"unit_id": unit if isinstance(unit, str) else None, "found": bool((distance <= reach).any())})
    basis = f"已批准而未列入清单的建设（合法盲样）被台账记到的比例；合法工地不必上报，只作下限；Wilson {confidence:.0%} 区间"
    return _chances("lawful_builds_noted", pd.DataFrame(rows), basis, confidence)


def estimate_table(rows: Sequence[Row]) -> pd.DataFrame:
    """ESTIMATES from rows, in their order."""
    return conform(ESTIMATES, pd.DataFrame(rows, columns=ESTIMATES.names))


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


def _chances(measure: str, samples: pd.DataFrame, basis: str, confidence: float) -> list[Row]:
    rows = []
    for row in detection_chance(samples, confidence=confidence).to_dict("records"):
        scope = row["unit_id"] if isinstance(row["unit_id"], str) else CITY
        rows.append(_row(measure, scope, Estimate(row["value"], row["low"], row["high"], row["samples"]), basis, ()))
    return rows


def _counts(total: Population) -> dict[str, int]:
    return {side: sum(getattr(each, side) for each in total.strata) for side in ("satellite", "patrol", "both")}


def _row(
    measure: str,
    scope: str,
    estimate: Estimate | None,
    basis: str,
    warnings: Sequence[str],
    counts: Mapping[str, int] | None = None,
) -> Row:
    figures: Row = {"value": None, "low": None, "high": None, "sample": None}
    if estimate is not None:
        figures = {
            name: None if math.isnan(getattr(estimate, name)) else getattr(estimate, name)
            for name in ("value", "low", "high", "sample")
        }
    warning = "；".join(warnings) or None
    return {"measure": measure, "scope": scope, "basis": basis, "warning": warning, **figures, **(counts or {})}
