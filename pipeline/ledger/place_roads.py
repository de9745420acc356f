"""Clouds on named roads: where two meet, a way along one, and the part of a cloud beside one."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.ledger.clouds import Cloud, Draws, in_disc, on_lines

Floats = NDArray[np.float64]

CROSSING_M = 80.0
_BESIDE_ROAD_M, _ON_ROAD_M, _ONE_CROSSING_M, _NEAR_ROAD_M = 70.0, 60.0, 300.0, 60.0
# a road longer than this within a unit's ground says nothing
_ROAD_MOST_M = 5000.0
_BEYOND_END, _SURE_OF_WAY, _OFF_ROAD, _ON_ROAD_SHARE = 0.3, 0.3, 0.02, 0.02


def meeting(one: Any, other: Any, near: Any, draws: Draws) -> Cloud | None:
    """Where two roads (lines) meet; of several crossings those inside ``near``, if they are one place, else None."""
    met = one.intersection(other)
    if met.is_empty:
        if one.distance(other) > _NEAR_ROAD_M:
            return None
        met = shapely.shortest_line(one, other)
    spots = shapely.get_coordinates(met)
    if near is not None:
        inside = spots[shapely.intersects_xy(near, spots[:, 0], spots[:, 1])]
        spots = inside if len(inside) else spots
    if math.hypot(*np.ptp(spots, axis=0)) > 2 * _ONE_CROSSING_M:
        return None
    x, y = (float(value) for value in spots.mean(axis=0))
    apart = float(np.hypot(spots[:, 0] - x, spots[:, 1] - y).max())
    return in_disc(x, y, CROSSING_M + apart, draws, "crossing")


def whole_road(line: Any, near: Any, draws: Draws) -> Cloud | None:
    """Beside a road's part in ``near`` (None: anywhere); None where that is nothing or too long to say anything."""
    part = line.intersection(near) if near is not None else line
    xmin, ymin, xmax, ymax = part.bounds
    if part.is_empty or math.hypot(xmax - xmin, ymax - ymin) > _ROAD_MOST_M:
        return None
    return _beside(on_lines(part, draws, "name"), draws)


def along_road(road: Any, start: Floats, reach_m: float, bearing: float, far: Floats, draws: Draws) -> Cloud:
    """Along a road from the spot nearest to ``start`` (2,), known to ``reach_m``, by ``far`` (n,) metres.

    The end of the road that lies towards ``bearing`` (degrees from north) is meant; where neither clearly does, both.
    """
    parts = shapely.get_parts(road)
    spot = shapely.Point(start)
    line = parts[int(np.argmin(shapely.distance(parts, spot)))]
    begin, usual = line.project(spot), float(np.mean(far))
    way = np.array([math.sin(math.radians(bearing)), math.cos(math.radians(bearing))])
    ends = np.clip([begin + usual, begin - usual], 0.0, line.length)
    forth, back = (shapely.get_coordinates(shapely.line_interpolate_point(line, ends)) @ way).tolist()
    sign = np.where(draws.uniform() < 0.5, 1.0, -1.0)
    if abs(forth - back) > _SURE_OF_WAY * usual:
        sign = np.full(len(far), 1.0 if forth > back else -1.0)
    to = begin + draws.uniform(-reach_m, reach_m) + sign * far
    spots = shapely.line_interpolate_point(line, np.clip(to, 0.0, line.length))
    beyond = np.where((to < 0.0) | (to > line.length), _BEYOND_END, 1.0)
    return _beside(Cloud(shapely.get_coordinates(spots), beyond, "road"), draws)


def beside_road(cloud: Cloud, road: Any) -> Cloud:
    """The part of a cloud near a road that the text names as well; the cloud itself where the road is not there."""
    if cloud.kind in ("road", "crossing"):
        return cloud
    distance = shapely.distance(shapely.points(cloud.points), road)
    close = np.exp(-0.5 * (distance / (2 * _ON_ROAD_M)) ** 2)
    if float((cloud.weight * close).sum()) < _ON_ROAD_SHARE * float(cloud.weight.sum()):
        return cloud
    return cloud.weighed(close + _OFF_ROAD).named("road")


def _beside(cloud: Cloud, draws: Draws) -> Cloud:
    return cloud.moved(draws.normal(_BESIDE_ROAD_M), draws.normal(_BESIDE_ROAD_M))
