"""Convex cutting: how blocks, farm roads and field parcels share the ground without gaps."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
from numpy.typing import NDArray

Points = NDArray[np.float64]


def cut(polygon: Points, point: Points, normal: Points) -> Points:
    """The part of a convex polygon (n, 2) on the side of a line that ``normal`` points away from; may be (0, 2).

    Sutherland-Hodgman clipping by one half plane.
    """
    side = (polygon - point) @ normal
    kept: list[Points] = []
    for index in range(len(polygon)):
        here, there = polygon[index], polygon[(index + 1) % len(polygon)]
        a, b = side[index], side[(index + 1) % len(polygon)]
        if a <= 0:
            kept.append(here)
        if (a < 0 < b) or (b < 0 < a):
            kept.append(here + (there - here) * (a / (a - b)))
    return np.array(kept) if len(kept) >= 3 else np.empty((0, 2))


def area(polygon: Points) -> float:
    """Planar area of a polygon's vertices (n, 2)."""
    if len(polygon) < 3:
        return 0.0
    x, y = (polygon - polygon[0]).T
    return abs(float(np.dot(x[:-1], y[1:]) - np.dot(y[:-1], x[1:]))) / 2.0


def axes(polygon: Points, angle: float) -> tuple[float, float]:
    """Extent of the polygon along ``angle`` (radians from east) and across it."""
    along, across = np.array([np.cos(angle), np.sin(angle)]), np.array([-np.sin(angle), np.cos(angle)])
    return float(np.ptp(polygon @ along)), float(np.ptp(polygon @ across))


@dataclass
class Fabric:
    """What cutting leaves: field parcels with their angle, road strips with their width, road centre lines."""

    fields: list[tuple[Points, float]] = field(default_factory=list)
    strips: list[tuple[Points, float]] = field(default_factory=list)
    lines: list[tuple[Points, float]] = field(default_factory=list)


def _halves(polygon: Points, point: Points, normal: Points, width: float) -> tuple[Points, Points, Points]:
    """Both sides of a line and the strip of ``width`` between them."""
    low, high = point - normal * width / 2.0, point + normal * width / 2.0
    strip = cut(cut(polygon, high, normal), low, -normal) if width > 0 else np.empty((0, 2))
    return cut(polygon, low, normal), cut(polygon, high, -normal), strip


def _centre_line(strip: Points, normal: Points, point: Points) -> Points:
    """End points of the line through ``point`` within a strip, reaching a little past its ends."""
    along = np.array([-normal[1], normal[0]])
    reach = (strip - point) @ along
    return np.array([point + along * (reach.min() - 8.0), point + along * (reach.max() + 8.0)])


def split_block(
    polygon: Points, angle: float, *, rng: np.random.Generator, main_roads: int, fabric: Fabric, depth: int = 0
) -> None:
    """Cut a block by roads, then into strip parcels, writing into ``fabric``.

    ``main_roads``: cuts from the top that are main roads (14 m wide); below them farm roads (6 m) until a
    block is under about 420 m long, then parcels of 0.25 to 2 ha, log-normally spread.
    """
    along, across = axes(polygon, angle)
    longest = max(along, across)
    road = depth < main_roads or longest > rng.uniform(330.0, 520.0)
    if not road:
        _split_parcels(polygon, angle, rng=rng, goal_m2=float(np.exp(rng.normal(np.log(7500.0), 0.55))), fabric=fabric)
        return
    width = 14.0 if depth < main_roads else 6.0
    across_long = angle if along >= across else angle + np.pi / 2.0
    tilt = across_long + rng.normal(0.0, 0.05)
    normal = np.array([np.cos(tilt), np.sin(tilt)])
    reach = polygon @ normal
    point = np.array(normal) * (reach.min() + np.ptp(reach) * rng.uniform(0.38, 0.62))
    side = np.array([-normal[1], normal[0]])
    point = point + side * float(np.mean(polygon @ side))
    left, right, strip = _halves(polygon, point, normal, width)
    if area(strip) > 0:
        fabric.strips.append((strip, width))
        fabric.lines.append((_centre_line(strip, normal, point), width))
    for half in (left, right):
        if area(half) > 0:
            turned = angle + rng.normal(0.0, 0.07)
            split_block(half, turned, rng=rng, main_roads=main_roads, fabric=fabric, depth=depth + 1)


def _split_parcels(polygon: Points, angle: float, *, rng: np.random.Generator, goal_m2: float, fabric: Fabric) -> None:
    if area(polygon) <= goal_m2 * rng.uniform(1.0, 1.7):
        fabric.fields.append((polygon, angle))
        return
    along, across = axes(polygon, angle)
    # fields are long and narrow here: cut across the strip direction only when a piece is over four times as long
    lengthwise = across * 4.0 > along
    tilt = angle + (np.pi / 2.0 if lengthwise else 0.0) + rng.normal(0.0, 0.03)
    normal = np.array([np.cos(tilt), np.sin(tilt)])
    reach = polygon @ normal
    point = normal * (reach.min() + np.ptp(reach) * rng.uniform(0.35, 0.65))
    side = np.array([-normal[1], normal[0]])
    point = point + side * float(np.mean(polygon @ side))
    left, right, _ = _halves(polygon, point, normal, 0.0)
    for half in (left, right):
        if area(half) > 0:
            _split_parcels(half, angle, rng=rng, goal_m2=goal_m2, fabric=fabric)
