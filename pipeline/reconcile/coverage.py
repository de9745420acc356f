"""What the patrols covered of every grid cell, and the ground they missed."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pipeline.geodesy import geodesic_area_m2
from pipeline.reconcile.evidence import Answer, Responsibility, as_day, as_text
from pipeline.reconcile.ground import FARTHEST_SIGHTS, Ground, chance_unseen, seen_by_cell
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sight import LEDGER_EVIDENCE, SightOptions, doubtful, has_track, split_cells
from pipeline.schema import COVERAGE, MISSED, conform
from pipeline.values import CoverageState, MissedKind

Row = dict[str, Any]
_MISSED_ORDER: tuple[str, ...] = (MissedKind.NEVER_VISITED, MissedKind.LEDGER_ONLY, MissedKind.UNSEEN_PART)

_ANSWERS = ["unit_id", "acting_unit_id", "person_id"]
_CELL_FACTS = ["cell_id", *_ANSWERS, "observable_share"]
_VISIT_FACTS = ["length_m", "minutes"]
_BOUNDS = ("early", "built")
_LABELS: dict[str, str] = {kind.value: kind.label for kind in MissedKind}


def cover_cells(
    cells: gpd.GeoDataFrame,
    plan: pd.DataFrame,
    visits: gpd.GeoDataFrame,
    responsibility: pd.DataFrame,
    delegations: pd.DataFrame,
    ground: Ground,
    *,
    start: date,
    end: date,
    sight: SightOptions,
    covered_share: float,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """COVERAGE of every cell from ``start`` to ``end``, and the seen ground (``cell_id geometry``).

    ``cells`` is CELL_STATES in a projected metre CRS, in the row order that ``ground`` was made from. A visit counts for
    a cell when its unit was responsible for it that day (territory or delegate). Seen ground, and ``seen_share``, is
    what lies within the sight distance of such tracks; ``seen_early_share`` and ``seen_built_share`` weigh every point
    by its chance of having been seen, if there were fresh earthworks or a structure, and ``risk_seen_*`` by its risk as
    well. A track in doubt counts as a claim from the ledger does: as a visit, not as seen ground.
    ``longest_gap_days``: the longest run of days without any track in the cell.
    """
    book = Responsibility(responsibility, delegations)
    span = visits[within_span(visits, start, end)].sort_values("visit_id", kind="stable").reset_index(drop=True)
    tracks, claims = _by_cell(cells, span, book, sight_m=FARTHEST_SIGHTS * sight.sight_m)
    cells_of_visit: dict[int, list[int]] = {}
    for number, rows in enumerate(tracks):
        for row in rows:
            cells_of_visit.setdefault(row, []).append(number)
    chances = seen_by_cell(ground, chance_unseen(ground, span, cells_of_visit, sight=sight), cells=len(cells))
    facts, weighed = as_rows(span, _VISIT_FACTS), as_rows(chances)
    lines, shapes, day_of = span.geometry.to_numpy(), cells.geometry.to_numpy(), _days(span)
    planned = _planned(plan, start, end)
    order = np.argsort(cells["cell_id"].to_numpy(dtype=object), kind="stable")
    homes = as_rows(cells, _CELL_FACTS)
    table_rows, seen_shapes = [], []
    for number in order:
        cell, shape = homes[number], shapes[number]
        own = lines[tracks[number]]
        seen = _seen(shape, own, sight.sight_m)
        share = float(seen.area / shape.area) if shape.area > 0 else 0.0
        shapely.prepare(shape)
        crossing = shapely.intersects(shape, own)
        inside = [row for row, crosses in zip(tracks[number], crossing, strict=True) if crosses]
        lengths = shapely.length(shapely.intersection(shape, own[crossing])).tolist()
        length = float(sum(lengths))
        dates = [day_of[row] for row in (*inside, *claims[number])]
        counts = (planned.get(cell["cell_id"], 0), len(inside), len(claims[number]))
        state = _state(*counts, share, covered_share=covered_share)
        days = sorted(day for day in dates[: len(inside)] if day is not None)
        table_rows.append(
            {**cell}
            | {"planned_visits": counts[0], "track_visits": counts[1], "ledger_visits": counts[2]}
            | {"track_length_m": length, "seen_share": share, "last_visit": max(filter(None, dates), default=None)}
            | {"track_minutes": _minutes(facts, inside, lengths), "longest_gap_days": longest_gap(days, start, end)}
            | _weighed(weighed[number])
            | {"state": state.value, "reason": _reason(state, counts, share, length, start, end)}
        )
        seen_shapes.append(seen)
    table = gpd.GeoDataFrame(pd.DataFrame(table_rows, columns=COVERAGE.names), geometry=shapes[order], crs=cells.crs)
    ids = cells["cell_id"].iloc[order].tolist()
    seen_ground = gpd.GeoDataFrame({"cell_id": ids}, geometry=seen_shapes, crs=cells.crs)
    return conform(COVERAGE, table, cells.crs), seen_ground


def longest_gap(days: Sequence[date], start: date, end: date) -> int:
    """Most days in a row without a visit from ``start`` to ``end``, both included; ``days`` ascending."""
    inside = [day for day in days if start <= day <= end]
    edges = [start - timedelta(days=1), *inside, end + timedelta(days=1)]
    return max((later - earlier).days - 1 for earlier, later in zip(edges, edges[1:], strict=False))


def _minutes(facts: Sequence[Row], rows: Sequence[int], lengths: Sequence[float]) -> float:
    """Time in the cell: each track's time in proportion to its length there."""
    total = 0.0
    for row, length in zip(rows, lengths, strict=True):
        whole, minutes = facts[row]["length_m"], facts[row]["minutes"]
        if whole > 0 and minutes > 0:
            total += float(minutes) * min(length / float(whole), 1.0)
    return total


def _weighed(row: Row) -> Row:
    """Shares of ground and risk seen; null where there is none."""
    area, risk = row["area_ha"], row["risk"]
    shares = {f"seen_{bound}_share": row[f"seen_{bound}_ha"] / area if area > 0 else None for bound in _BOUNDS}
    risks = {f"risk_seen_{bound}_share": row[f"risk_seen_{bound}"] / risk if risk > 0 else None for bound in _BOUNDS}
    return {"area_ha": area, "risk": risk} | shares | risks


def missed_areas(
    coverage: gpd.GeoDataFrame,
    seen_ground: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    *,
    min_missed_m2: float,
) -> gpd.GeoDataFrame:
    """MISSED: planned ground outside the sight of any track, ranked within each acting unit by the risk left unseen.

    ``risk_left`` is the cell's risk times the chance that no track saw it, in hectares of ordinary ground: from a
    structure (``risk_left_low``) to fresh earthworks (``risk_left_high``), the middle for ranking. Ties go by kind
    (never visited first), number of targets and geodesic area. Pieces below ``min_missed_m2`` are left out; one row
    per cell, its pieces as one multipolygon.
    """
    seen = dict(zip(seen_ground["cell_id"], seen_ground.geometry, strict=True))
    tree = shapely.STRtree(targets.geometry.to_numpy())
    rows, shapes = [], []
    for cell, shape in zip(as_rows(coverage), coverage.geometry, strict=True):
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
        rows.append({**cell, "missed_id": f"M{cell['cell_id']}", "kind": kind.value, "targets": inside, **_left(cell)})
        shapes.append(left)
    series = gpd.GeoSeries(shapes, crs=coverage.crs)
    area = geodesic_area_m2(series) if rows else np.zeros(0)
    names = ["missed_id", "kind", "targets", "risk_left", "risk_left_low", "risk_left_high", *coverage.columns[:-1]]
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=names))
    frame = frame.assign(area_m2=area, order=[_MISSED_ORDER.index(kind) for kind in frame["kind"]])
    frame = frame.assign(less=-frame["risk_left"].astype("float64"), fewer=-frame["targets"], smaller=-frame["area_m2"])
    frame = frame.assign(who=frame["acting_unit_id"].where(frame["acting_unit_id"].notna(), ""))
    frame = frame.set_geometry(series)
    keys = ["who", "less", "order", "fewer", "smaller", "cell_id"]
    frame = frame.sort_values(keys, kind="stable").reset_index(drop=True)
    frame["rank"] = frame.groupby("who", sort=False).cumcount() + 1 if len(frame) else pd.Series([], dtype="int64")
    frame["reason"] = [
        f"{_LABELS[row['kind']]}，{row['area_m2'] / 10000:.2f} 公顷，疑似目标 {row['targets']} 个，未见风险折合 "
        f"{row['risk_left_low']:.0f}–{row['risk_left_high']:.0f} 公顷；{row['reason']}"
        for row in as_rows(frame)
    ]
    return conform(MISSED, frame, coverage.crs)


def _left(cell: Row) -> Row:
    """Risk times the chance of not having been seen, for structures, earthworks and the middle of both."""
    low, high = (
        float(cell["risk"]) * (1.0 - float(cell[f"risk_seen_{bound}_share"] or 0.0)) for bound in ("built", "early")
    )
    return {"risk_left": (low + high) / 2.0, "risk_left_low": low, "risk_left_high": high}


def within_span(visits: pd.DataFrame, start: date, end: date) -> Any:
    """Visits that touch the days from ``start`` to ``end``, row by row."""
    first = visits["visited_on"]
    last = visits["visited_until"].where(visits["visited_until"].notna(), first)
    return (last >= pd.Timestamp(start)) & (first <= pd.Timestamp(end))


def _by_cell(
    cells: gpd.GeoDataFrame, visits: gpd.GeoDataFrame, book: Responsibility, *, sight_m: float
) -> tuple[list[list[int]], list[list[int]]]:
    """Rows of the visits that count for each cell: tracks within sight of it, and claims naming it."""
    facts, days = as_rows(visits, ["unit_id", "doubts", "cell_ids"]), _days(visits)
    homes = as_rows(cells, ["cell_id", *_ANSWERS])
    own = [Answer(*(as_text(cell[name]) for name in _ANSWERS)) for cell in homes]

    def counts(number: int, row: int) -> bool:
        day, unit = days[row], facts[row]["unit_id"]
        if day is None:
            return False
        answer = book.on(homes[number]["cell_id"], day, own[number])
        return unit in (answer.unit_id, answer.acting_unit_id)

    drawn = has_track(visits)
    sure = [row for row in np.flatnonzero(drawn).tolist() if not doubtful(facts[row]["doubts"])]
    tracks: list[list[int]] = [[] for _ in homes]
    claims: list[list[int]] = [[] for _ in homes]
    if sure and homes:
        tree = shapely.STRtree(cells.geometry.to_numpy())
        at, cell = tree.query(visits.geometry.to_numpy()[sure], predicate="dwithin", distance=sight_m)
        for row, number in sorted(zip(np.array(sure)[at].tolist(), cell.tolist(), strict=True)):
            if counts(number, row):
                tracks[number].append(row)
    number_of = {cell["cell_id"]: number for number, cell in enumerate(homes)}
    for row in sorted(set(range(len(facts))) - set(sure)):
        for name in split_cells(facts[row]["cell_ids"]):
            number = number_of.get(name, -1)
            if number >= 0 and counts(number, row):
                claims[number].append(row)
    return tracks, claims


def _days(visits: pd.DataFrame) -> list[date | None]:
    return [as_day(day) for day in visits["visited_on"]]


def _planned(plan: pd.DataFrame, start: date, end: date) -> dict[str, int]:
    due = plan[(plan["due_to"] >= pd.Timestamp(start)) & (plan["due_from"] <= pd.Timestamp(end))]
    return {str(cell): int(count) for cell, count in due.groupby("cell_id")["visits_required"].sum().items()}


def _seen(shape: BaseGeometry, tracks: NDArray[np.object_], sight_m: float) -> BaseGeometry:
    near = shape.buffer(sight_m)
    shapely.prepare(near)
    strips = shapely.intersection(tracks[shapely.intersects(near, tracks)], near)
    if not len(strips):
        return shapely.Polygon()
    return shapely.union_all(shapely.buffer(strips, sight_m, quad_segs=8)).intersection(shape)


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
