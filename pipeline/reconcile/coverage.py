"""What the patrols covered of every grid cell, and the ground they missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

from pipeline.geodesy import geodesic_area_m2
from pipeline.reconcile.evidence import Answer, Responsibility, as_day
from pipeline.reconcile.sight import LEDGER_EVIDENCE, doubtful, has_track, split_cells
from pipeline.schema import COVERAGE, MISSED, conform
from pipeline.values import CoverageState, MissedKind

Row = dict[str, Any]
_MISSED_ORDER: tuple[str, ...] = (MissedKind.NEVER_VISITED, MissedKind.LEDGER_ONLY, MissedKind.UNSEEN_PART)

_LABELS: dict[str, str] = {kind.value: kind.label for kind in MissedKind}


def cover_cells(
    cells: gpd.GeoDataFrame,
    plan: pd.DataFrame,
    visits: gpd.GeoDataFrame,
    responsibility: pd.DataFrame,
    delegations: pd.DataFrame,
    *,
    start: date,
    end: date,
    sight_m: float,
    covered_share: float,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """COVERAGE of every cell from ``start`` to ``end``, and the seen ground (``cell_id geometry``).

    ``cells`` is CELL_STATES in a projected metre CRS. A visit counts for a cell when its unit was responsible for it
    that day (territory or delegate). Seen is what lies within ``sight_m`` of such tracks; a track in doubt counts as
    a claim from the ledger does: as a visit, not as seen ground.
    """
    book = Responsibility(responsibility, delegations)
    ordered = cells.sort_values("cell_id", kind="stable").reset_index(drop=True)
    span = visits[within_span(visits, start, end)].sort_values("visit_id", kind="stable").reset_index(drop=True)
    tracks, claims = _by_cell(ordered, span, book, sight_m=sight_m)
    facts = span.drop(columns="geometry").to_dict("records")
    planned = _planned(plan, start, end)
    rows, seen_shapes = [], []
    for number, cell in enumerate(ordered.drop(columns="geometry").to_dict("records")):
        shape = ordered.geometry.iloc[number]
        own = [span.geometry.iloc[row] for row in tracks[number]]
        seen = _seen(shape, own, sight_m)
        share = float(seen.area / shape.area) if shape.area > 0 else 0.0
        inside = [row for row, line in zip(tracks[number], own, strict=True) if line.intersects(shape)]
        length = float(sum(shape.intersection(line).length for line in own))
        dates = [as_day(facts[row]["visited_on"]) for row in (*inside, *claims[number])]
        counts = (planned.get(cell["cell_id"], 0), len(inside), len(claims[number]))
        state = _state(*counts, share, covered_share=covered_share)
        rows.append(
            {name: cell[name] for name in ("cell_id", "unit_id", "acting_unit_id", "person_id", "observable_share")}
            | {"planned_visits": counts[0], "track_visits": counts[1], "ledger_visits": counts[2]}
            | {"track_length_m": length, "seen_share": share, "last_visit": max(filter(None, dates), default=None)}
            | {"state": state.value, "reason": _reason(state, counts, share, length, start, end)}
        )
        seen_shapes.append(seen)
    table = gpd.GeoDataFrame(pd.DataFrame(rows, columns=COVERAGE.names), geometry=list(ordered.geometry), crs=cells.crs)
    seen_ground = gpd.GeoDataFrame({"cell_id": ordered["cell_id"]}, geometry=seen_shapes, crs=cells.crs)
    return conform(COVERAGE, table, cells.crs), seen_ground


def missed_areas(
    coverage: gpd.GeoDataFrame,
    seen_ground: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    *,
    min_missed_m2: float,
) -> gpd.GeoDataFrame:
    """MISSED: planned ground outside the sight of any track, ranked within each acting unit.

    Cells never visited come first, those holding targets before all others, then by number of targets and geodesic
    area. Pieces below ``min_missed_m2`` are left out; one row per cell, its pieces as one multipolygon.
    """
    seen = dict(zip(seen_ground["cell_id"], seen_ground.geometry, strict=True))
    tree = shapely.STRtree(targets.geometry.to_numpy())
    rows, shapes = [], []
    for cell, shape in zip(coverage.drop(columns="geometry").to_dict("records"), coverage.geometry, strict=True):
        if cell["planned_visits"] == 0:
            continue
        kind = {
            CoverageState.NEVER_VISITED.value: MissedKind.NEVER_VISITED,
            CoverageState.LEDGER_ONLY.value: MissedKind.LEDGER_ONLY,
        }.get(cell["state"], MissedKind.UNSEEN_PART)
        left = _pieces(shape.difference(seen[cell["cell_id"]]), min_missed_m2)
        if left.is_empty:
            continue
        inside = len(tree.query(left, predicate="intersects"))
        rows.append({**cell, "missed_id": f"M{cell['cell_id']}", "kind": kind.value, "targets": inside})
        shapes.append(left)
    series = gpd.GeoSeries(shapes, crs=coverage.crs)
    area = geodesic_area_m2(series) if rows else np.zeros(0)
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=["missed_id", "kind", "targets", *coverage.columns[:-1]]))
    frame = frame.assign(area_m2=area, order=[_MISSED_ORDER.index(kind) for kind in frame["kind"]])
    frame = frame.assign(without=frame["targets"] == 0, fewer=-frame["targets"], smaller=-frame["area_m2"])
    frame = frame.assign(who=frame["acting_unit_id"].where(frame["acting_unit_id"].notna(), ""))
    frame = frame.set_geometry(series)
    keys = ["who", "without", "order", "fewer", "smaller", "cell_id"]
    frame = frame.sort_values(keys, kind="stable").reset_index(drop=True)
    frame["rank"] = frame.groupby("who", sort=False).cumcount() + 1 if len(frame) else pd.Series([], dtype="int64")
    frame["reason"] = [
        f"{_LABELS[row['kind']]}，{row['area_m2'] / 10000:.2f} 公顷，疑似目标 {row['targets']} 个；{row['reason']}"
        for row in frame.drop(columns="geometry").to_dict("records")
    ]
    return conform(MISSED, frame, coverage.crs)


def within_span(visits: pd.DataFrame, start: date, end: date) -> Any:
    """Visits that touch the days from ``start`` to ``end``, row by row."""
    first = visits["visited_on"]
    last = visits["visited_until"].where(visits["visited_until"].notna(), first)
    return (last >= pd.Timestamp(start)) & (first <= pd.Timestamp(end))


def _by_cell(
    cells: gpd.GeoDataFrame, visits: gpd.GeoDataFrame, book: Responsibility, *, sight_m: float
) -> tuple[list[list[int]], list[list[int]]]:
    """Rows of the visits that count for each cell: tracks within sight of it, and claims naming it."""
    facts = visits.drop(columns="geometry").to_dict("records")
    homes = cells.drop(columns="geometry").to_dict("records")
    drawn = has_track(visits)
    sure = [row for row in np.flatnonzero(drawn) if not doubtful(facts[row]["doubts"])]
    tracks: list[list[int]] = [[] for _ in homes]
    claims: list[list[int]] = [[] for _ in homes]
    if sure and homes:
        tree = shapely.STRtree(cells.geometry.to_numpy())
        at, cell = tree.query(visits.geometry.to_numpy()[sure], predicate="dwithin", distance=sight_m)
        for row, number in sorted(zip((sure[i] for i in at), cell, strict=True)):
            if _responsible(homes[number], facts[row], book):
                tracks[number].append(int(row))
    number_of = {cell["cell_id"]: number for number, cell in enumerate(homes)}
    for row in sorted(set(range(len(facts))) - {int(r) for r in sure}):
        for name in split_cells(facts[row]["cell_ids"]):
            number = number_of.get(name, -1)
            if number >= 0 and _responsible(homes[number], facts[row], book):
                claims[number].append(row)
    return tracks, claims


def _responsible(cell: Row, visit: Row, book: Responsibility) -> bool:
    day = as_day(visit["visited_on"])
    names = [cell[name] if isinstance(cell[name], str) else None for name in ("unit_id", "acting_unit_id", "person_id")]
    if day is None:
        return False
    answer = book.on(cell["cell_id"], day, Answer(*names))
    return visit["unit_id"] in (answer.unit_id, answer.acting_unit_id)


def _planned(plan: pd.DataFrame, start: date, end: date) -> dict[str, int]:
    due = plan[(plan["due_to"] >= pd.Timestamp(start)) & (plan["due_from"] <= pd.Timestamp(end))]
    return {str(cell): int(count) for cell, count in due.groupby("cell_id")["visits_required"].sum().items()}


def _seen(shape: BaseGeometry, tracks: Sequence[BaseGeometry], sight_m: float) -> BaseGeometry:
    near = shape.buffer(sight_m)
    strips = [track.intersection(near).buffer(sight_m, quad_segs=8) for track in tracks]
    return shapely.union_all(strips).intersection(shape) if strips else shapely.Polygon()


def _pieces(shape: BaseGeometry, min_missed_m2: float) -> BaseGeometry:
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area >= min_missed_m2]
    return shapely.MultiPolygon(polygons)


def _state(planned: int, tracks: int, claims: int, share: float, *, covered_share: float) -> CoverageState:
    if share > 0.0 or tracks:
        return CoverageState.COVERED if share >= covered_share else CoverageState.PARTLY
    if claims:
        return CoverageState.LEDGER_ONLY
    return CoverageState.NEVER_VISITED if planned else CoverageState.NOT_PLANNED


def _reason(
    state: CoverageState, counts: tuple[int, int, int], share: float, length_m: float, start: date, end: date
) -> str:
    planned, tracks, claims = counts
    text = f"{start} 至 {end} 计划 {planned} 次，有轨迹 {tracks} 次（{length_m / 1000:.1f} 公里，看见 {share:.0%}），"
    return f"{state.label}：{text}仅台账 {claims} 次"


def ledger_only(visits: pd.DataFrame) -> pd.Series:
    """Visits known from a ledger without any track, row by row."""
    return visits["evidence"].isin(LEDGER_EVIDENCE) & ~pd.Series(has_track(visits), index=visits.index, dtype=bool)
