"""The order in which a unit visits its tasks: days of bounded stops and length, nearest insertion then 2-opt."""

from __future__ import annotations

from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString

from pipeline.schema import ROUTES, conform

GAIN_M = 1e-6
"""An exchange must save more than this, so that rounding cannot keep 2-opt turning."""


def plan_routes(
    tasks: pd.DataFrame,
    targets: gpd.GeoDataFrame,
    units: gpd.GeoDataFrame,
    *,
    max_stops_per_day: int,
    max_length_m: float,
) -> Any:
    """Visiting order of every acting unit's included tasks, as :data:`~pipeline.schema.ROUTES`.

    Distances are straight lines in metres in the targets' projected CRS, not roads. Every day starts inside the unit's
    polygon (its representative point; of the territories it acts for where it has none, else at the mean of the
    stops) and ends at its last stop. One tour over all stops is built first and then cut into days of at most
    ``max_stops_per_day`` stops and ``max_length_m`` metres; a stop farther away than that has a day of its own. Ties go
    to the smaller target id. Methods: nearest insertion (Rosenkrantz, Stearns, Lewis 1977) and 2-opt (Croes 1958) on an
    open path.
    """
    points = targets.geometry.representative_point()
    places = dict(zip(targets["target_id"], zip(points.x, points.y, strict=True), strict=True))
    polygons = dict(zip(units["unit_id"], units.geometry, strict=True))
    included = tasks[tasks["included"].to_numpy(dtype=bool)]
    rows: list[dict[str, Any]] = []
    for unit_id, group in included.groupby("acting_unit_id", sort=True):
        ids = sorted(group["target_id"])
        stops = np.array([places[target_id] for target_id in ids], dtype=np.float64)
        start = _start([str(unit_id)], polygons)
        if start is None:
            start = _start(sorted(set(group["unit_id"].dropna())), polygons)
        if start is None:
            start = stops.mean(axis=0)
        for day, order in enumerate(_days(start, stops, max_stops_per_day, max_length_m), start=1):
            rows += _legs(str(unit_id), day, order, ids, start, stops)
    frame = pd.DataFrame(rows, columns=[*ROUTES.names, "geometry"])
    return conform(ROUTES, frame, targets.crs)


def _start(unit_ids: list[str], polygons: dict[str, Any]) -> NDArray[np.float64] | None:
    """A point inside the units' polygons together, None where they have none."""
    shapes = [polygons[name] for name in unit_ids if name in polygons]
    whole = shapely.union_all([shape for shape in shapes if shape is not None])
    if whole.is_empty:
        return None
    inner = whole.representative_point()
    return np.array([inner.x, inner.y])


def visiting_order(start: NDArray[np.float64], stops: NDArray[np.float64]) -> list[int]:
    """Order of ``stops`` (n, 2) on an open path from ``start`` (2,): nearest insertion, then 2-opt to a local best."""
    return [stop - 1 for stop in _two_opt(_insert_nearest(_distances(start, stops)), _distances(start, stops))[1:]]


def _distances(start: NDArray[np.float64], stops: NDArray[np.float64]) -> NDArray[np.float64]:
    """Metres between all places (n + 1, n + 1), the start being place 0."""
    places = np.vstack([start[None, :], stops])
    offset = places[:, None, :] - places[None, :, :]
    return np.asarray(np.hypot(offset[..., 0], offset[..., 1]), dtype=np.float64)


def _insert_nearest(distance: NDArray[np.float64]) -> list[int]:
    """Path from place 0 through all places: the place nearest to the path goes where it lengthens it least."""
    path = [0]
    left = np.ones(len(distance), dtype=bool)
    left[0] = False
    to_path = distance[0].copy()
    while left.any():
        place = int(np.argmin(np.where(left, to_path, np.inf)))
        before = np.array(path)
        after = np.append(before[1:], -1)
        added = distance[before, place] + np.where(after >= 0, distance[place, after] - distance[before, after], 0.0)
        path.insert(int(np.argmin(added)) + 1, place)
        left[place] = False
        to_path = np.minimum(to_path, distance[place])
    return path


def _two_opt(path: list[int], distance: NDArray[np.float64]) -> list[int]:
    """Reverse stretches of the open path while that shortens it; the first place stays first."""
    order = np.array(path)
    improved = True
    while improved:
        improved = False
        for first in range(1, len(order) - 1):
            lasts = np.arange(first + 1, len(order))
            joint = distance[order[first - 1], order[first]]
            nexts = np.append(order[first + 2 :], -1)
            old = joint + np.where(nexts >= 0, distance[order[lasts], nexts], 0.0)
            new = distance[order[first - 1], order[lasts]]
            new = new + np.where(nexts >= 0, distance[order[first], nexts], 0.0)
            best = int(np.argmax(old - new))
            if old[best] - new[best] > GAIN_M:
                order[first : lasts[best] + 1] = order[first : lasts[best] + 1][::-1].copy()
                improved = True
    return [int(place) for place in order]


def _days(
    start: NDArray[np.float64], stops: NDArray[np.float64], max_stops: int, max_length_m: float
) -> list[list[int]]:
    """Cut the tour over all stops into days, each put into its own best order."""
    distance = _distances(start, stops)
    days: list[list[int]] = []
    length = 0.0
    for stop in visiting_order(start, stops):
        leg = distance[days[-1][-1] + 1, stop + 1] if days else np.inf
        if not days or len(days[-1]) >= max_stops or length + leg > max_length_m:
            days.append([])
            length, leg = 0.0, distance[0, stop + 1]
        days[-1].append(stop)
        length += leg
    return [_shorter(day, [day[place] for place in visiting_order(start, stops[day])], distance) for day in days]


def _shorter(cut: list[int], again: list[int], distance: NDArray[np.float64]) -> list[int]:
    """The shorter order of a day's stops: as cut from the tour, or ordered afresh."""

    def length(order: list[int]) -> float:
        places = np.array([0, *(stop + 1 for stop in order)])
        return float(distance[places[:-1], places[1:]].sum())

    return again if length(again) < length(cut) - GAIN_M else cut


def _legs(
    unit_id: str, day: int, order: list[int], ids: list[str], start: NDArray[np.float64], stops: NDArray[np.float64]
) -> list[dict[str, Any]]:
    rows = []
    here = start
    for number, stop in enumerate(order, start=1):
        leg = LineString([tuple(here), tuple(stops[stop])])
        rows.append(
            {
                "unit_id": unit_id,
                "day": day,
                "stop": number,
                "target_id": ids[stop],
                "leg_m": round(leg.length, 1),
                "geometry": leg,
            }
        )
        here = stops[stop]
    return rows
