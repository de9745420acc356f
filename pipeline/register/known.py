"""Links from targets to what was known before (图斑 lists, 存量, ledger entries): a link only, never a suppression."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.values import StockKind

SAME_SHARE = 0.5
"""Overlap, as a share of the smaller outline, from which a known old case is taken to be the same ground."""
STOCK_KIND, LEDGER_KIND = "存量", "台账"


def link_known(targets: gpd.GeoDataFrame, known: gpd.GeoDataFrame, *, distance_m: float) -> gpd.GeoDataFrame:
    """Targets with the known 图斑 within ``distance_m`` added to ``links``; nothing else changes.

    ``known``: ``known_id, known_kind, geometry`` (points or polygons) in the targets' CRS, optionally ``known_from``,
    ``known_to`` (its before and after image) and ``parent`` (of a child patch). A link is a JSON object ``{"kind", "id",
    "distance_m", "overlap_share", "order"}`` with what is known of ``from``, ``to`` and ``parent``; ``order`` is that of
    :func:`time_order`. Raises ValueError when the CRS differ.
    """
    if known.crs != targets.crs:
        raise ValueError(f"known cases are in {known.crs}, targets in {targets.crs}")
    if len(known) == 0 or len(targets) == 0:
        return targets.copy()
    shapes, cases = targets.geometry.to_numpy(), known.geometry.to_numpy()
    rows, numbers = shapely.STRtree(cases).query(shapes, predicate="dwithin", distance=distance_m)
    about = known.drop(columns="geometry").to_dict("records")
    intervals = targets[["last_clear", "first_seen"]].to_dict("records")
    added: dict[int, list[dict[str, Any]]] = {}
    for row, number in zip(rows, numbers, strict=True):
        link = _link(shapes[row], cases[number], about[int(number)], intervals[int(row)])
        added.setdefault(int(row), []).append(link)
    links = [add_links(given, added.get(row, [])) for row, given in enumerate(targets["links"])]
    return targets.assign(links=pd.Series(links, index=targets.index, dtype="object"))


def _link(shape: Any, case: Any, about: dict[Any, Any], interval: dict[Any, Any]) -> dict[str, Any]:
    smaller = min(float(shape.area), float(case.area))
    if smaller > 0.0:
        share = float(shapely.area(shapely.intersection(shape, case))) / smaller
    else:
        share = float(shapely.intersects(shape, case))
    start, end = about.get("known_from"), about.get("known_to")
    link = {
        "kind": str(about["known_kind"]),
        "id": str(about["known_id"]),
        "distance_m": float(np.round(shapely.distance(shape, case), 1)),
        "overlap_share": round(share, 3),
        "order": time_order(start, end, interval["last_clear"], interval["first_seen"]),
    }
    for name, value in (("from", start), ("to", end)):
        if value is not None and pd.notna(value):
            link[name] = f"{value:%Y-%m-%d}"
    if isinstance(about.get("parent"), str):
        link["parent"] = about["parent"]
    return link


def time_order(known_from: Any, known_to: Any, last_clear: Any, first_seen: Any) -> str:
    """Whether what was known came ``earlier`` or ``later`` than the target's onset, ``overlapping`` it, or ``unknown``."""
    if known_to is not None and pd.notna(known_to) and pd.notna(last_clear) and known_to <= last_clear:
        return "earlier"
    if known_from is not None and pd.notna(known_from) and pd.notna(first_seen) and known_from >= first_seen:
        return "later"
    if all(value is None or pd.isna(value) for value in (known_from, known_to)):
        return "unknown"
    return "unknown" if pd.isna(last_clear) and pd.isna(first_seen) else "overlapping"


def link_entries(targets: gpd.GeoDataFrame, matched: pd.DataFrame, carried: dict[str, str]) -> gpd.GeoDataFrame:
    """Targets with the ledger entries that an earlier period's comparison surely matched to them added to ``links``.

    ``matched``: ``target_id, entry_id, discovered_on``; ``carried``: every id to the one that carries its ground today.
    """
    added: dict[str, list[dict[str, Any]]] = {}
    for target, entry, day in matched[["target_id", "entry_id", "discovered_on"]].itertuples(index=False):
        link = {"kind": LEDGER_KIND, "id": str(entry)} | ({} if pd.isna(day) else {"discovered_on": f"{day:%Y-%m-%d}"})
        added.setdefault(carried.get(target, target), []).append(link)
    links = [
        add_links(given, added.get(name, []))
        for name, given in zip(targets["target_id"], targets["links"], strict=True)
    ]
    return targets.assign(links=pd.Series(links, index=targets.index, dtype="object"))


def told_stock(targets: gpd.GeoDataFrame, *, stock_date: date | None) -> gpd.GeoDataFrame:
    """Targets with ``stock`` and ``stock_basis``: 增量 or 存量 by data alone, 待定 where the interval spans the date.

    A target seen by ``stock_date`` is 存量, one still unchanged on it is 增量. Where that leaves it open, a known old case
    (kind 存量) on the same ground decides by its own day in the same way.
    """
    told = [
        _stock(row["last_clear"], row["first_seen"], row["links"], stock_date)
        for row in targets[["last_clear", "first_seen", "links"]].to_dict("records")
    ]
    return targets.assign(
        stock=pd.Series([kind.value for kind, _ in told], index=targets.index, dtype="object"),
        stock_basis=pd.Series([words for _, words in told], index=targets.index, dtype="object"),
    )


def _stock(last_clear: Any, first_seen: Any, links: Any, stock_date: date | None) -> tuple[StockKind, str]:
    if stock_date is not None:
        kind = _against(pd.Timestamp(stock_date), last_clear, first_seen)
        if kind is not StockKind.OPEN:
            return kind, f"清查日{stock_date}，{_interval(last_clear, first_seen)}"
    for link in [] if pd.isna(links) else json.loads(links):
        if STOCK_KIND in link["kind"] and link.get("overlap_share", 0.0) >= SAME_SHARE and "to" in link:
            kind = _against(pd.Timestamp(link["to"]), last_clear, first_seen)
            if kind is not StockKind.OPEN:
                return kind, f"{link['kind']}{link['id']}（{link['to']}），{_interval(last_clear, first_seen)}"
    why = "未设清查日，也无可比的存量案件" if stock_date is None else f"变化期间跨清查日{stock_date}或时相不明"
    return StockKind.OPEN, f"{why}，{_interval(last_clear, first_seen)}"


def _against(day: pd.Timestamp, last_clear: Any, first_seen: Any) -> StockKind:
    if pd.notna(first_seen) and first_seen <= day:
        return StockKind.STOCK
    return StockKind.INCREMENT if pd.notna(last_clear) and last_clear >= day else StockKind.OPEN


def _interval(last_clear: Any, first_seen: Any) -> str:
    days = ["不明" if pd.isna(day) else f"{day:%Y-%m-%d}" for day in (last_clear, first_seen)]
    return f"变化在{days[0]}至{days[1]}之间"


def add_links(given: Any, more: list[dict[str, Any]]) -> str | None:
    """The JSON list of links with ``more`` added, without doubles, ordered by kind and id; None when there is none."""
    links = {} if pd.isna(given) else {(link["kind"], link["id"]): link for link in json.loads(given)}
    links |= {(link["kind"], link["id"]): link for link in more}
    if not links:
        return None
    return json.dumps([links[key] for key in sorted(links)], ensure_ascii=False, sort_keys=True)
