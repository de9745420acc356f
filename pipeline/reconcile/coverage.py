"""What the patrols covered of every grid cell, and the ground they missed."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pipeline.duty import Answer, Responsibility
from pipeline.geodesy import geodesic_area_m2
from pipeline.reconcile.evidence import as_day, as_text
from pipeline.reconcile.ground import FARTHEST_SIGHTS, Ground, chance_unseen, seen_by_cell
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sight import LEDGER_EVIDENCE, SightOptions, doubtful, has_track, split_cells
from pipeline.schema import COVERAGE, MISSED, conform
from pipeline.values import CoverageState, MissedKind

Row = dict[str, Any]
_MISSED_ORDER: tuple[str, ...] = (MissedKind.NEVER_VISITED, MissedKind.LEDGER_ONLY, MissedKind.UNSEEN_PART)

_ANSWERS = ["unit_id", "acting_unit_id", "person_id"]
_CELL_FACTS = ["cell_id", *_ANSWERS, "observable_share"]
_VISIT_FACTS = ["unit_id", "visited_on", "length_m", "minutes"]
_BOUNDS = ("early", "built")
_LABELS: dict[str, str] = {kind.value: kind.label for kind in MissedKind}


@dataclass(frozen=True)
class CoverOptions:
    """The days covered, how far patrols see, and the share of a cell in sight from which it is covered."""

    start: date
    end: date
    sight: SightOptions
    covered_share: float


def cover_cells(
    cells: gpd.GeoDataFrame,
    plan: pd.DataFrame,
    visits: gpd.GeoDataFrame,
    responsibility: pd.DataFrame,
    delegations: pd.DataFrame,
    ground: Ground,
    options: CoverOptions,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """COVERAGE of every cell from ``start`` to ``end``, and the seen ground (``cell_id geometry``).

    ``cells`` is CELL_STATES in a projected metre CRS, in the row order that ``ground`` was made from. A visit counts for
    a cell when its unit was responsible for it that day (territory or delegate). Seen ground, and ``seen_share``, is
    what lies within the sight distance of such tracks; ``seen_early_share`` and ``seen_built_share`` weigh every point
    by its chance of having been seen, if there were fresh earthworks or a structure, and ``risk_seen_*`` by its risk as
    well. A track in doubt counts as a claim from the ledger does: as a visit, not as seen ground.
    ``longest_gap_days``: the longest run of days without any track in the cell.
    """
    book, sight_m = Responsibility(responsibility, delegations), options.sight.sight_m
    span = visits[within_span(visits, options.start, options.end)]
    span = span.sort_values("visit_id", kind="stable").reset_index(drop=True)
    facts = [{**row, "day": as_day(row["visited_on"])} for row in as_rows(span, _VISIT_FACTS)]
    homes, shapes, lines = as_rows(cells, _CELL_FACTS), cells.geometry.to_numpy(), span.geometry.to_numpy()
    near, far = _tracks_near(shapes, span, FARTHEST_SIGHTS * sight_m), _named_cells(homes, span)
    tracks, claims = (_that_count(homes, facts, pairs, book) for pairs in (near, far))
    cells_of_visit: dict[int, list[int]] = {}
    for number, rows in enumerate(tracks):
        for row in rows:
            cells_of_visit.setdefault(row, []).append(number)
    unseen = chance_unseen(ground, span, cells_of_visit, sight=options.sight)
    weighed = as_rows(seen_by_cell(ground, unseen, cells=len(cells)))
    planned = _planned(plan, options.start, options.end)
    order = np.argsort(cells["cell_id"].to_numpy(dtype=object), kind="stable")
    table_rows, seen_shapes = [], []
    for number in order:
        cell, shape = homes[number], shapes[number]
        seen = _seen(shape, lines[tracks[number]], sight_m)
        share = float(seen.area / shape.area) if shape.area > 0 else 0.0
        inside, lengths = _inside(shape, tracks[number], lines)
        done = _Done([facts[row] for row in inside], lengths, [facts[row] for row in claims[number]])
        patrolled = _patrolled(planned.get(cell["cell_id"], 0), done, share, options)
        table_rows.append(cell | patrolled | _weighed(weighed[number]))
        seen_shapes.append(seen)
    table = gpd.GeoDataFrame(pd.DataFrame(table_rows, columns=COVERAGE.names), geometry=shapes[order], crs=cells.crs)
    ids = cells["cell_id"].iloc[order].tolist()
    seen_ground = gpd.GeoDataFrame({"cell_id": ids}, geometry=seen_shapes, crs=cells.crs)
    return conform(COVERAGE, table, cells.crs), seen_ground


@dataclass(frozen=True)
class _Done:
    """What was done in a cell: tracks inside it, their lengths there in metres, and claims that name it."""

    tracks: Sequence[Row]
    lengths_m: Sequence[float]
    claims: Sequence[Row]


def _patrolled(planned: int, done: _Done, share: float, options: CoverOptions) -> Row:
    """COVERAGE's figures on the visits of a cell of which ``share`` was in sight."""
    counts = (planned, len(done.tracks), len(done.claims))
    length, start, end = float(sum(done.lengths_m)), options.start, options.end
    days = sorted(row["day"] for row in done.tracks if row["day"] is not None)
    state = _state(*counts, share, covered_share=options.covered_share)
    return {
        "planned_visits": counts[0],
        "track_visits": counts[1],
        "ledger_visits": counts[2],
        "track_length_m": length,
        "track_minutes": _minutes(done.tracks, done.lengths_m),
        "seen_share": share,
        "last_visit": max((row["day"] for row in (*done.tracks, *done.claims) if row["day"]), default=None),
        "longest_gap_days": longest_gap(days, start, end),
        "state": state.value,
        "reason": _reason(state, counts, share, length, start, end),
    }


def longest_gap(days: Sequence[date], start: date, end: date) -> int:
    """Most days in a row without a visit from ``start`` to ``end``, both included; ``days`` ascending."""
    inside = [day for day in days if start <= day <= end]
    edges = [start - timedelta(days=1), *inside, end + timedelta(days=1)]
    return max((later - earlier).days - 1 for earlier, later in zip(edges, edges[1:], strict=False))


def _minutes(tracks: Sequence[Row], lengths_m: Sequence[float]) -> float:
    """Time in the cell: each track's time in proportion to its length there."""
    total = 0.0
    for track, length in zip(tracks, lengths_m, strict=True):
        whole, minutes = track["length_m"], track["minutes"]
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


def _tracks_near(shapes: NDArray[np.object_], visits: gpd.GeoDataFrame, sight_m: float) -> list[tuple[int, int]]:
    """Pairs (visit row, cell row) of undoubted tracks and cells within sight of them, in order."""
    sure = np.flatnonzero(_on_sure_track(visits))
    lines = visits.geometry.to_numpy()[sure]
    at, cell = shapely.STRtree(shapes).query(lines, predicate="dwithin", distance=sight_m)
    return sorted(zip(sure[at].tolist(), cell.tolist(), strict=True))


def _named_cells(cells: Sequence[Row], visits: gpd.GeoDataFrame) -> list[tuple[int, int]]:
    """Pairs (visit row, cell row) of claims, or tracks in doubt, and the cells they name, in order."""
    number_of = {cell["cell_id"]: number for number, cell in enumerate(cells)}
    named = visits["cell_ids"].tolist()
    claims = np.flatnonzero(~_on_sure_track(visits)).tolist()
    return [(row, number_of[name]) for row in claims for name in split_cells(named[row]) if name in number_of]


def _on_sure_track(visits: gpd.GeoDataFrame) -> NDArray[np.bool_]:
    return has_track(visits) & ~np.array([doubtful(text) for text in visits["doubts"]], dtype=bool)


def _that_count(
    cells: Sequence[Row], visits: Sequence[Row], pairs: Sequence[tuple[int, int]], book: Responsibility
) -> list[list[int]]:
    """Per cell the rows of its ``pairs`` whose unit answered for it that day."""
    otherwise = [Answer(*(as_text(cell[name]) for name in _ANSWERS)) for cell in cells]
    found: list[list[int]] = [[] for _ in cells]
    for row, number in pairs:
        day = visits[row]["day"]
        if day is None:
            continue
        answer = book.on(cells[number]["cell_id"], day, otherwise[number])
        if visits[row]["unit_id"] in (answer.unit_id, answer.acting_unit_id):
            found[number].append(row)
    return found


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


def _inside(shape: BaseGeometry, rows: Sequence[int], lines: NDArray[np.object_]) -> tuple[list[int], list[float]]:
    """Those of the track ``rows`` that enter the cell, and their lengths in it."""
    shapely.prepare(shape)
    inside = [row for row, enters in zip(rows, shapely.intersects(shape, lines[rows]), strict=True) if enters]
    return inside, shapely.length(shapely.intersection(shape, lines[inside])).tolist()


def _pieces(shape: BaseGeometry, min_missed_m2: float) -> BaseGeometry:
    polygons = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area >= min_missed_m2]
    return shapely.MultiPolygon(polygons)


def _state(planned: int, tracks: int, claims: int, share: float, *, covered_share: float) -> CoverageState:
    # a strip of the cell in sight from outside is no visit: only a track in it, or enough ground seen, counts
    if share >= covered_share:
        return CoverageState.COVERED
    if tracks:
        return CoverageState.PARTLY
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
