"""Stable ids from period to period: the same ground keeps its id through growth, merge and split.

Matching is by shared ground, after the overlap tracking used for land-change objects (intersection over the smaller
object, connected components for merges). A target's onset interval is set when it is first seen and never moves later.
"""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.geodesy import geodesic_area_m2
from pipeline.register.confirm import higher
from pipeline.register.known import add_links
from pipeline.register.matching import Ground, Shapes, clusters, overlaps, serial_order, touching, united
from pipeline.register.revision import compare, keep_issued, next_serial, reuse_issued
from pipeline.schema import CANDIDATES, TARGETS, conform, empty
from pipeline.values import Period, TargetState

_OBSERVED = [name for name in CANDIDATES.names if name not in ("area_m2", "area_px", "last_clear", "first_seen")]


@dataclass(frozen=True)
class _Options:
    period: Period
    min_overlap_share: float
    touch_px: float
    growth_share: float
    split_share: float
    outline_error_px: float
    crs: Any


@dataclass(frozen=True)
class _Month:
    """Objects of the period and the open earlier targets, as plain rows and outlines."""

    objects: list[dict[str, Any]]
    shapes: Shapes
    targets: list[dict[str, Any]]
    grounds: Shapes
    options: _Options

    def gsd_m(self, i: int) -> float:
        """Pixel size of an object's source, 0 where unknown."""
        value = self.objects[i]["gsd_m"]
        return 0.0 if pd.isna(value) else float(value)


def register_targets(
    suspected: gpd.GeoDataFrame,
    earlier: gpd.GeoDataFrame | None,
    *,
    period: Period,
    county_code: str,
    issued: gpd.GeoDataFrame | None = None,
    min_overlap_share: float = 0.2,
    touch_px: float = 1.5,
    growth_share: float = 0.2,
    split_share: float = 0.2,
    outline_error_px: float = 0.5,
) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """The period's register (``schema.TARGETS``) and its differences from a dispatched revision (``schema.REVISION``).

    ``suspected``: ``schema.SUSPECTED``, one row per object, optionally with ``members`` of :func:`fuse_sources`, in a
    metre CRS. ``earlier``: the register of the latest earlier period, None for the first. ``issued``: the register of
    this period as dispatched; its ids stay with their ground and none disappears. Ids are
    ``{county_code}XC{yy}{mm}{serial}``, serials run north to south, then west to east.

    Objects sharing ``min_overlap_share`` of the smaller one's area are the same. One that overlaps no target but lies
    within ``touch_px`` of its pixels of one is that target's growth. Growth beyond ``growth_share`` of the earlier
    area and beyond the outline's error (``outline_error_px`` along its perimeter) makes a target growing; below that
    the earlier outline stays, so that jitter of outlines does not accumulate. Two or more separate objects that each
    cover ``split_share`` of a target split it.

    Every earlier target stays in the result: observed again, carried, or merged into the oldest of its group. The
    order of rows in ``suspected`` and ``earlier`` makes no difference.
    """
    options = _Options(period, min_overlap_share, touch_px, growth_share, split_share, outline_error_px, suspected.crs)
    observed = _in_order(suspected)
    known = empty(TARGETS, suspected.crs) if earlier is None else earlier
    known = known.sort_values("target_id", ignore_index=True)
    merged = known["state"] == str(TargetState.MERGED)
    month = _Month(
        objects=_rows(observed),
        shapes=observed.geometry.to_numpy(),
        targets=_rows(known[~merged]),
        grounds=known[~merged].geometry.to_numpy(),
        options=options,
    )
    rows = _rows(known[merged])
    fresh: list[dict[str, Any]] = []
    used: set[int] = set()
    for members, parts, shared in _groups(month):
        used |= set(parts)
        kept, children = _follow(members, parts, shared, month)
        rows += kept
        fresh += children
    fresh += [_new(part, options) for i, part in enumerate(month.objects) if i not in used]

    fresh = [fresh[i] for i in serial_order([row["geometry"] for row in fresh])]
    prefix = f"{county_code}XC{period.year % 100:02d}{period.month:02d}"
    reused = {} if issued is None else reuse_issued(fresh, issued, str(period), min_overlap_share)
    serial = next_serial(prefix, [known] if issued is None else [known, issued])
    for number, row in enumerate(fresh):
        if number in reused:
            row["target_id"] = reused[number]
        else:
            row["target_id"] = f"{prefix}{serial:04d}"
            serial += 1
    rows += fresh
    if issued is not None:
        rows += keep_issued(issued, {row["target_id"] for row in rows}, str(period))
    targets = _table(rows, suspected.crs)
    return targets, compare(targets, issued, str(period))


def _rows(frame: gpd.GeoDataFrame) -> list[dict[str, Any]]:
    return [{str(name): value for name, value in row.items()} for row in frame.to_dict("records")]


def _in_order(suspected: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    ordered = suspected.sort_values("candidate_id", ignore_index=True)
    order = serial_order(list(ordered.geometry))
    return ordered.iloc[order].reset_index(drop=True)


def _table(rows: Sequence[dict[str, Any]], crs: Any) -> gpd.GeoDataFrame:
    if not rows:
        return empty(TARGETS, crs)
    ordered = sorted(rows, key=lambda row: str(row["target_id"]))
    return conform(TARGETS, gpd.GeoDataFrame(pd.DataFrame(ordered), geometry="geometry", crs=crs), crs)


def _groups(month: _Month) -> list[tuple[list[int], list[int], dict[int, float]]]:
    """Per group of earlier targets: their positions, the objects observed on them, and each object's shared area.

    Objects that overlap several targets join them in one group; a touching object joins none, it only grows one.
    """
    shapes, options = month.shapes, month.options
    links = overlaps(shapes, month.grounds, options.min_overlap_share)
    ground = Ground(len(month.targets))
    for i in sorted(links):
        for j in links[i][1:]:
            ground.join(links[i][0], j)
    parts: dict[int, list[int]] = {}
    for i in range(len(shapes)):
        hit = links[i][0] if i in links else touching(shapes[i], month.grounds, options.touch_px * month.gsd_m(i))
        if hit is not None:
            parts.setdefault(ground.root(hit), []).append(i)
    result = []
    for root, members in ground.groups():
        own = parts.get(root, [])
        area = united(month.grounds[members])
        result.append((members, own, {i: float(shapely.area(shapely.intersection(shapes[i], area))) for i in own}))
    return result


def _follow(
    members: list[int], parts: list[int], shared: dict[int, float], month: _Month
) -> tuple[list[dict[str, Any]], list[dict[str, Any]]]:
    """Rows of a group's targets in this period, and rows of objects split off it, still without id."""
    targets = month.targets
    if not parts:
        return [_carried(targets[j], month.options) for j in members], []
    survivor = min(members, key=lambda j: (targets[j]["first_period"], targets[j]["target_id"]))
    base = targets[survivor]
    if len(members) == 1:
        split = _split(survivor, parts, shared, month)
        if split is not None:
            keeper, children, outline = split
            kept = _observed(base, outline, keeper, shared, [base], month)
            return [kept], [_child(base, group, month) for group in children]
    row = _observed(base, united(month.grounds[members]), parts, shared, [targets[j] for j in members], month)
    others = [_merged(targets[j], str(base["target_id"]), month.options) for j in members if j != survivor]
    return [row, *others], []


def _split(
    j: int, parts: list[int], shared: dict[int, float], month: _Month
) -> tuple[list[int], list[list[int]], Any] | None:
    """Objects that keep the id, groups that split off, and the keeper's earlier ground; None without a split."""
    shapes, old, options = month.shapes, month.grounds[j], month.options
    groups = clusters(parts, shapes, max(options.touch_px * month.gsd_m(i) for i in parts))
    weights = [sum(shared[i] for i in group) for group in groups]
    strong = [k for k, weight in enumerate(weights) if weight >= options.split_share * old.area]
    if len(strong) < 2:
        return None
    first = max(strong, key=lambda k: (weights[k], -k))
    children = [groups[k] for k in strong if k != first]
    split_off = {i for group in children for i in group}
    rest = shapely.difference(old, united(shapes[sorted(split_off)]))
    return [i for i in parts if i not in split_off], children, rest


def _observed(
    base: dict[str, Any],
    ground: Any,
    parts: list[int],
    shared: dict[int, float],
    members: Sequence[dict[str, Any]],
    month: _Month,
) -> dict[str, Any]:
    """An earlier target seen again: its id and first interval, this period's evidence, and its ground."""
    shapes, options = month.shapes, month.options
    chosen = max(parts, key=lambda i: (shared[i], shapely.area(shapes[i]), -i))
    main, gsd = month.objects[chosen], month.gsd_m(chosen)
    seen = united(shapes[parts])
    whole = united(np.array([ground, seen], dtype=object))
    before, after, seen_m2 = _areas([ground, whole, seen], options.crs)
    error = options.outline_error_px * gsd * ground.length
    growing = after - before > options.growth_share * before and after - before > error
    area = after if growing else before
    row = base | {name: main[name] for name in _OBSERVED} | _kept([*members, *(month.objects[i] for i in parts)])
    if main["stage"] == "unknown":
        row["stage"] = base["stage"]
    row |= {
        "state": str(TargetState.GROWING if growing else TargetState.SEEN_AGAIN),
        "last_period": str(options.period),
        "area_before_m2": before if len(members) > 1 else base["area_m2"],
        "area_m2": area,
        "area_px": round(area / gsd**2) if gsd > 0.0 else int(main["area_px"]),
        "last_clear": _earliest([member["last_clear"] for member in members], main["last_clear"]),
        "first_seen": _earliest([member["first_seen"] for member in members], main["first_seen"]),
        "geometry": shapely.normalize(whole) if growing else ground,
    }
    for member in members:
        row["links"] = add_links(row["links"], [] if pd.isna(member["links"]) else json.loads(member["links"]))
    row["links"] = add_links(row["links"], [link for i in parts for link in _fused_links(month.objects[i])])
    row["history"] = _history(base["history"], row, options, observed=main, observed_m2=seen_m2)
    return row


def _kept(looks: Sequence[dict[str, Any]]) -> dict[str, Any]:
    """The highest probability and confidence of looks at the same ground: one look less sure takes no other back."""
    confidence: object = looks[0]["confidence"]
    for look in looks[1:]:
        confidence = higher(confidence, look["confidence"])
    return {"probability": max(float(look["probability"]) for look in looks), "confidence": confidence}


def _earliest(known: Sequence[Any], now: Any) -> Any:
    """The earliest known date; this period's only where the target had none."""
    dates = [date for date in known if pd.notna(date)]
    return min(dates) if dates else now


def _carried(base: dict[str, Any], options: _Options) -> dict[str, Any]:
    row = base | {"state": str(TargetState.CARRIED), "area_before_m2": base["area_m2"]}
    return row | {"history": _history(base["history"], row, options)}


def _merged(base: dict[str, Any], survivor: str, options: _Options) -> dict[str, Any]:
    row = base | {"state": str(TargetState.MERGED), "merged_into": survivor, "area_before_m2": base["area_m2"]}
    return row | {"history": _history(base["history"], row, options)}


def _new(part: dict[str, Any], options: _Options) -> dict[str, Any]:
    """A target seen for the first time; it gets its id later."""
    row = {name: value for name, value in part.items() if name != "members"} | {
        "target_id": "",
        "state": str(TargetState.NEW),
        "first_period": str(options.period),
        "last_period": str(options.period),
        "parent_ids": None,
        "merged_into": None,
        "area_before_m2": None,
        "links": add_links(None, _fused_links(part)),
    }
    if pd.isna(row["area_m2"]):
        row["area_m2"] = _areas([row["geometry"]], options.crs)[0]
    row["history"] = _history("[]", row, options, observed=part, observed_m2=row["area_m2"])
    return row


def _child(base: dict[str, Any], group: list[int], month: _Month) -> dict[str, Any]:
    """A target split off an earlier one: a new id, its parent named, the parent's onset interval."""
    options = month.options
    main = month.objects[max(group, key=lambda i: (shapely.area(month.shapes[i]), -i))]
    row = _new(main, options)
    shape = united(month.shapes[group])
    row |= _kept([base, *(month.objects[i] for i in group)]) | {
        "geometry": shape,
        "area_m2": _areas([shape], options.crs)[0],
        "parent_ids": str(base["target_id"]),
        "last_clear": _earliest([base["last_clear"]], main["last_clear"]),
        "first_seen": _earliest([base["first_seen"]], main["first_seen"]),
    }
    return row | {"history": _history("[]", row, options, observed=main, observed_m2=row["area_m2"])}


def _fused_links(part: dict[str, Any]) -> list[dict[str, Any]]:
    """Candidates of other sources behind an object, as links."""
    members = json.loads(part["members"]) if "members" in part else []
    return [{"kind": "fused", "id": m["candidate_id"], **m} for m in members] if len(members) > 1 else []


def _history(
    given: str,
    row: dict[str, Any],
    options: _Options,
    observed: dict[str, Any] | None = None,
    observed_m2: float | None = None,
) -> str:
    """``given`` with this period's entry: the target's state and area, and in its own words what was ``observed``."""
    entry: dict[str, Any] = {
        "period": str(options.period),
        "state": row["state"],
        "area_m2": round(float(row["area_m2"]), 2),
    }
    if observed is not None and observed_m2 is not None:
        entry |= {
            "observed_m2": round(float(observed_m2), 2),
            "stage": str(observed["stage"]),
            "probability": round(float(observed["probability"]), 4),
            "confidence": str(observed["confidence"]),
            "source": str(observed["source"]),
        }
        if pd.notna(observed["first_seen"]):
            entry["first_seen"] = pd.Timestamp(observed["first_seen"]).date().isoformat()
    return json.dumps([*json.loads(given), entry], ensure_ascii=False, sort_keys=True)


def _areas(shapes: Sequence[Any], crs: Any) -> list[float]:
    return [round(float(area), 2) for area in geodesic_area_m2(gpd.GeoSeries(list(shapes), crs=crs))]
