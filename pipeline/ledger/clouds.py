"""Where a place in words may lie, as a cloud of weighted points, and the circle that holds nine of ten of them.

The points are a fixed low-discrepancy sequence, so that the same words give the same area everywhere. Every source of
doubt (where counting starts, how far off a distance and a direction are) takes one dimension of it.
"""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import qmc

Floats = NDArray[np.float64]

_POINTS, _DIMENSIONS = 512, 24
# nine of ten, and a little for what the model leaves out
_HELD = 0.92
_CENTRINGS = 6


@lru_cache(maxsize=1)
def _sequence() -> Floats:
    """Sobol points (512, 24) in the open unit cube."""
    points: Floats = qmc.Sobol(_DIMENSIONS, scramble=False).random(_POINTS) + 0.5 / _POINTS
    return points


@dataclass
class Draws:
    """Hands out the dimensions of the sequence one after the other; each is (512,)."""

    _next: int = field(default=0)

    def uniform(self, low: float = 0.0, high: float = 1.0) -> Floats:
        """Evenly between two bounds."""
        column = _sequence()[:, self._next % _DIMENSIONS]
        self._next += 1
        return low + (high - low) * column

    def normal(self, spread: float) -> Floats:
        """Normal around zero with a standard deviation."""
        return np.asarray(ndtri(self.uniform())) * spread

    def exponential(self, mean: float) -> Floats:
        """Exponential with a mean."""
        return -mean * np.log1p(-self.uniform())


@dataclass(frozen=True)
class Cloud:
    """``points`` (n, 2) in the city's CRS, metres, with ``weight`` (n,) >= 0; ``kind``: what the words gave."""

    points: Floats
    weight: Floats
    kind: str

    def moved(self, dx: Floats, dy: Floats) -> Cloud:
        """Every point moved by its own metres."""
        return Cloud(self.points + np.column_stack([dx, dy]), self.weight, self.kind)

    def weighed(self, factor: Floats) -> Cloud:
        """The same points with their weights multiplied; unchanged where nothing would be left."""
        weight = self.weight * factor
        return Cloud(self.points, weight, self.kind) if weight.sum() > 0.0 else self

    def named(self, kind: str) -> Cloud:
        """The same cloud under another kind."""
        return Cloud(self.points, self.weight, kind)


def at_point(x: float, y: float, kind: str) -> Cloud:
    """A cloud on one spot."""
    return Cloud(np.tile([x, y], (_POINTS, 1)), np.ones(_POINTS), kind)


def in_disc(x: float, y: float, radius_m: float, draws: Draws, kind: str) -> Cloud:
    """Evenly over a disc."""
    turn, reach = 2.0 * np.pi * draws.uniform(), radius_m * np.sqrt(draws.uniform())
    return at_point(x, y, kind).moved(reach * np.cos(turn), reach * np.sin(turn))


def in_shape(shape: Any, draws: Draws, kind: str) -> Cloud:
    """Evenly over a polygon's bounds, points outside it weighing nothing; the polygon must have an area."""
    xmin, ymin, xmax, ymax = shape.bounds
    x, y = draws.uniform(xmin, xmax), draws.uniform(ymin, ymax)
    inside = shapely.intersects_xy(shape, x, y).astype(np.float64)
    if not inside.any():
        middle = shape.representative_point()
        return at_point(middle.x, middle.y, kind)
    return Cloud(np.column_stack([x, y]), inside, kind)


def on_lines(lines: Any, draws: Draws, kind: str) -> Cloud:
    """Evenly along lines, all parts by their length."""
    parts = [part for part in shapely.get_parts(lines) if part.length > 0.0]
    if not parts:
        middle = shapely.centroid(lines)
        return at_point(middle.x, middle.y, kind)
    ends = np.cumsum([part.length for part in parts])
    along = draws.uniform(0.0, float(ends[-1]))
    which = np.minimum(np.searchsorted(ends, along), len(parts) - 1)
    starts = ends - [part.length for part in parts]
    spots = shapely.line_interpolate_point(np.array(parts, dtype=object)[which], along - starts[which])
    return Cloud(shapely.get_coordinates(spots), np.ones(_POINTS), kind)


def enclosing(cloud: Cloud) -> tuple[float, float, float]:
    """Centre and radius (x, y, metres) of the smallest circle found that holds nine of ten of a cloud's weight.

    Starts from the mean and recentres on the points inside, keeping the best.
    """
    used = cloud.weight > 0.0
    points, weight = cloud.points[used], cloud.weight[used] / cloud.weight[used].sum()
    centre = weight @ points
    best = (float(centre[0]), float(centre[1]), np.inf)
    for _ in range(_CENTRINGS):
        distance = np.hypot(*(points - centre).T)
        order = np.argsort(distance, kind="stable")
        reached = min(int(np.searchsorted(np.cumsum(weight[order]), _HELD)), len(order) - 1)
        radius = float(distance[order[reached]])
        if radius < best[2]:
            best = (float(centre[0]), float(centre[1]), radius)
        circle = shapely.minimum_bounding_circle(shapely.MultiPoint(points[order[: reached + 1]]))
        middle = circle.centroid
        centre = np.array([middle.x, middle.y])
    return best
