"""No-growth watch: after a stop notice reached the party the ground must not grow until an approval covers it.

An approval covers ground where its outline in the layer of approved land lies, or all of it where its stated area is
at least the target's. One that covers a part ends the watch there only; one without outline and area ends nothing and
accuses nobody: its extent is asked for.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.geodesy import geodesic_area_m2, mu
from pipeline.supervise.acts import Act, Acts, since_closing
from pipeline.values import Outcome, StopWatch, TargetState

OUTLINE_ERROR_PX = 0.5
"""An outline along pixel edges is off by about half a pixel."""


@dataclass(frozen=True)
class Cover:
    """How far approvals cover a ground: ``outside`` is what none is known to cover; ``known`` False: extent unknown."""

    outside: Any
    outside_m2: float
    approvals: tuple[Act, ...]
    known: bool


@dataclass(frozen=True)
class Watch:
    """The state of the watch since a day, and why, in words that name days, areas and their uncertainty."""

    state: StopWatch
    since: pd.Timestamp
    words: str


def cover_of(
    ground: Any, area_m2: float, error_m2: float, approvals: list[Act], documents: Mapping[str, Any], crs: Any
) -> Cover:
    """What approvals cover of a ground (in ``crs``) belonging to a target of ``area_m2``.

    ``documents``: outlines of the layer of approved land by document. An approval without outline covers everything
    where it grants the whole target's area; a smaller one may lie anywhere, so the extent is unknown.
    """
    outside, known = ground, True
    for act in approvals:
        shape = documents.get(act.content)
        if shape is not None:
            outside = shapely.difference(outside, shape)
        elif act.area_m2 is not None and act.area_m2 + error_m2 >= area_m2:
            outside = shapely.Polygon()
        else:
            known = False
    known = known or outside.is_empty
    left = float(geodesic_area_m2(gpd.GeoSeries([outside], crs=crs))[0]) if not outside.is_empty else 0.0
    return Cover(outside, left, tuple(approvals), known)


def approved_day(row: Mapping[Any, Any], ground: Any, acts: Acts, documents: Mapping[str, Any], crs: Any) -> Any:
    """The day from which approvals together cover a target's ground within its outline's error; None where they do not."""
    error = outline_error_m2(ground, row["gsd_m"])
    for number, act in enumerate(acts.approvals, start=1):
        cover = cover_of(ground, float(row["area_m2"]), error, acts.approvals[:number], documents, crs)
        if cover.known and cover.outside_m2 <= error:
            return act.day
    return None


def outline_error_m2(ground: Any, gsd_m: Any) -> float:
    """Uncertainty of an area whose outline follows pixel edges; 0 where the pixel size is unknown."""
    return 0.0 if pd.isna(gsd_m) else OUTLINE_ERROR_PX * float(gsd_m) * float(ground.length)


def stop_day(acts: Acts) -> pd.Timestamp | None:
    """The day from which a found violation must not grow: when the first notice since the last closing was served.

    None while no notice has reached the party, or while the latest check says something else.
    """
    if not acts.checks or acts.checks[-1].content != Outcome.VIOLATION.value:
        return None
    served = [act.served_on for act in since_closing(acts).notices if act.served_on is not None]
    return min(served) if served else None


def with_all_approvals(admitted: Acts, recorded: Acts) -> Acts:
    """The admitted acts with every recorded approval: one that came before the onset settles no case, but covers ground."""
    return replace(admitted, approvals=recorded.approvals)


def watch(
    row: Mapping[Any, Any],
    acts: Acts,
    *,
    grounds: tuple[Any, Any],
    interval: tuple[Any, Any],
    observed_on: Any,
    documents: Mapping[str, Any],
    crs: Any,
) -> Watch | None:
    """The watch over one target this month; None where no stop notice reached the party or the case is closed.

    ``row``: the target of ``schema.TARGETS``; ``grounds``: its outline of the period before (None: unknown) and now;
    ``interval``: last clear and first seen of this period's change; ``observed_on``: the day the month's imagery
    shows the ground, None where it does not.
    """
    since = stop_day(acts)
    if since is None:
        return None
    before, now = grounds
    if row["state"] == TargetState.NEW.value and isinstance(row["parent_ids"], str) and not acts.approvals:
        words = f"制止文书{since:%Y-%m-%d}送达；本期由{row['parent_ids']}分出，轮廓重新划定，自下期起比较是否扩大"
        return Watch(StopWatch.NOT_SEEN, since, words)
    error = outline_error_m2(now, row["gsd_m"])
    grew = row["state"] == TargetState.GROWING.value and pd.notna(interval[0]) and since <= interval[0]
    if grew:
        held = [act for act in acts.approvals if act.day <= interval[1]]
        added = now if before is None else shapely.difference(now, before)
        cover = cover_of(added, float(row["area_m2"]), error, held, documents, crs)
        if cover.known and cover.outside_m2 > error:
            return Watch(StopWatch.RESUMED, since, _resumed(row, since, interval, cover, error))
        if not cover.known:
            words = f"{interval[1]:%Y-%m-%d}影像见扩大，{_unknown(held, row)}，不能判断是否覆盖"
            return Watch(StopWatch.EXTENT_UNKNOWN, since, words)
        if not held:
            words = (
                f"制止文书{since:%Y-%m-%d}送达；{interval[1]:%Y-%m-%d}影像疑似扩大约{mu(cover.outside_m2):.2f}亩，"
                f"在轮廓误差±{mu(error):.2f}亩以内，不能判断是否复工"
            )
            return Watch(StopWatch.QUIET, since, words)
    return _quiet(row, acts, since, now, error, observed_on, documents, crs)


def _quiet(
    row: Mapping[Any, Any],
    acts: Acts,
    since: pd.Timestamp,
    now: Any,
    error: float,
    observed_on: Any,
    documents: Mapping[str, Any],
    crs: Any,
) -> Watch:
    """The watch of a month without growth outside approvals."""
    if acts.approvals:
        cover = cover_of(now, float(row["area_m2"]), error, acts.approvals, documents, crs)
        if not cover.known:
            return Watch(StopWatch.EXTENT_UNKNOWN, since, f"{_unknown(acts.approvals, row)}，请补录批准范围")
        if cover.outside_m2 <= error:
            words = f"{_named(acts.approvals)}覆盖图斑（误差{mu(error):.2f}亩以内）"
            return Watch(StopWatch.APPROVED, since, words)
        words = f"{_named(acts.approvals)}未覆盖的部分约{mu(cover.outside_m2):.2f}亩，这部分继续观察"
        return Watch(StopWatch.PARTLY_APPROVED, since, words)
    if pd.isna(observed_on) or observed_on <= since:
        return Watch(StopWatch.NOT_SEEN, since, f"{since:%Y-%m-%d}送达之后，本期无可用影像")
    return Watch(StopWatch.QUIET, since, f"制止文书{since:%Y-%m-%d}送达；{observed_on:%Y-%m-%d}影像与上期相比未见扩大")


def _unknown(held: list[Act], row: Mapping[Any, Any]) -> str:
    """Approvals whose extent nobody knows, in words."""
    granted = [act.area_m2 for act in held if act.area_m2 is not None]
    if not granted:
        return f"{_named(held)}未载面积，图层中也无其范围"
    return f"{_named(held)}批准{mu(sum(granted)):.2f}亩，图斑{mu(row['area_m2']):.2f}亩，图层中无批准范围"


def _resumed(row: Mapping[Any, Any], since: pd.Timestamp, interval: tuple[Any, Any], cover: Cover, error: float) -> str:
    before, after = row["area_before_m2"], row["area_m2"]
    grown = "" if pd.isna(before) else f"图斑由{mu(before):.2f}亩到{mu(after):.2f}亩，"
    held = f"，{_named(list(cover.approvals))}未覆盖这一部分" if cover.approvals else "，截至影像日未见批准记录"
    return (
        f"制止文书{since:%Y-%m-%d}送达；{interval[0]:%Y-%m-%d}至{interval[1]:%Y-%m-%d}影像之间{grown}"
        f"批准之外约{mu(cover.outside_m2):.2f}亩（轮廓误差±{mu(error):.2f}亩）{held}，是否复工请现场核实"
    )


def _named(approvals: list[Act]) -> str:
    return "、".join(act.basis for act in approvals)
