"""The month's estimates of what nobody saw: the two blind lists, the checked audit cells and the blind samples as rows."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
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
from pipeline.reconcile.blind_lists import BlindLists, MonthFound, blind_lists
from pipeline.reconcile.capture import (
    ASSUMPTIONS,
    Population,
    estimate_population,
    leaked_list,
    shared_blindness,
    told_finds,
)
from pipeline.reconcile.estimate import stratum_sizes
from pipeline.reconcile.space import position_sigma_m
from pipeline.schema import ESTIMATES, conform
from pipeline.values import Outcome, Period, Verdict

Row = dict[str, Any]
CITY = "全市"
FACTORS = ("size", "risk")
_PROVED_SHARES = (0.1, 0.05, 0.03, 0.01)


@dataclass(frozen=True)
class Sample:
    """What estimates beside the two lists rest on: CELL_STATES, TASKS, SUPPRESSED, AUDIT_SAMPLE, the period's AUDIT_CHECKS."""

    cells: gpd.GeoDataFrame
    tasks: pd.DataFrame
    suppressed: gpd.GeoDataFrame
    audit_sample: pd.DataFrame
    audit_checks: pd.DataFrame


def unseen_estimates(
    month: MonthFound,
    sample: Sample,
    *,
    period: Period,
    last_image: date,
    cutoff: date,
    same_site_m: float,
    standing_m: float,
    confidence: float,
) -> pd.DataFrame:
    """ESTIMATES of the month, from the blind lists, the audit, the held-back targets and the known lawful builds."""
    sizes = stratum_sizes(sample.cells, month.coverage)
    checks, drawn, tasks = sample.audit_checks, sample.audit_sample, sample.tasks
    audited, dependent = audit_rows(checks, drawn, sizes, tasks, confidence=confidence)
    held, leaked = held_back_rows(tasks, month.verdicts, confidence=confidence)
    lists = blind_lists(month, period=period, last_image=last_image, same_site_m=same_site_m)
    lawful = lawful_rows(
        sample.suppressed,
        month.entries,
        sample.cells,
        first_day=period.first_day,
        cutoff=cutoff,
        standing_m=standing_m,
        confidence=confidence,
    )
    total = population_rows(lists, (*dependent, *leaked), confidence=confidence)
    planned = plan_rows(len(sample.cells), confidence=confidence)
    return estimate_table([*total, *audited, *planned, *held, *lawful])


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
    # a find is its finder's, also where the task has changed hands since
    told = verdicts[["target_id", "acting_unit_id", "verdict", "outcome"]]
    joined = tasks.drop(columns="acting_unit_id").merge(told, on="target_id")
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
    noted = np.zeros(len(lawful), dtype=bool)
    noted[shapely.STRtree(lawful.geometry.to_numpy()).query(near.geometry.to_numpy(), "dwithin", reach)[1]] = True
    rows = []
    for found, spot in zip(noted, spots, strict=True):
        inside = np.sort(home.query(spot, predicate="intersects"))
        unit = ordered["acting_unit_id"].iloc[inside[0]] if len(inside) else None
        rows.append({"unit_id": unit if isinstance(unit, str) else None, "found": bool(found)})
    basis = f"已批准而未列入清单的建设（合法盲样）被台账记到的比例；合法工地不必上报，只作下限；Wilson {confidence:.0%} 区间"
    return _chances("lawful_builds_noted", pd.DataFrame(rows), basis, confidence)


def estimate_table(rows: Sequence[Row]) -> pd.DataFrame:
    """ESTIMATES from rows, in their order."""
    return conform(ESTIMATES, pd.DataFrame(rows, columns=ESTIMATES.names))


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
