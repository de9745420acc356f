"""Where people build, dig and dump: beside roads, at village edges, on whole parcels; and in what outlines."""

from __future__ import annotations

import numpy as np
import shapely
from shapely import affinity
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import Frame
from pipeline.simulate.landscape import FARMED, Landscape


class Placer:
    """Finds free ground, off water and main roads, ``gap_m`` from everything placed before."""

    def __init__(self, frame: Frame, landscape: Landscape, rng: np.random.Generator) -> None:
        xmin, ymin, xmax, ymax = frame.bounds
        self.inside = box(xmin + 25, ymin + 25, xmax - 25, ymax - 25)
        self.landscape, self.rng = landscape, rng
        land = landscape.parcels["land"]
        self.blocked = shapely.STRtree(landscape.parcels.geometry[land.isin(["river", "pond", "main_road"])].to_numpy())
        self.built = shapely.STRtree(landscape.parcels.geometry[land.isin(["village", "town", "works"])].to_numpy())
        self.farm = landscape.parcels[land.isin(sorted(FARMED | {"orchard", "wood"}))]
        self.taken: list[BaseGeometry] = []

    def free(self, shape: BaseGeometry, gap_m: float) -> bool:
        """Whether a shape lies inside, dry, and clear of what was placed before."""
        if not self.inside.contains(shape) or len(self.blocked.query(shape, predicate="intersects")):
            return False
        return not self.taken or float(shapely.distance(np.array(self.taken, dtype=object), shape).min()) > gap_m

    def outline(
        self, shape: Polygon, *, gap_m: float = 25.0, tries: int = 400, on_built: bool = False
    ) -> Polygon | None:
        """Move and turn an outline (around the origin) to free ground; None when none was found."""
        for _ in range(tries):
            x, y, turn = self._anchor()
            moved = affinity.translate(affinity.rotate(shape, turn, origin=(0, 0), use_radians=True), x, y)
            on_houses = len(self.built.query(moved, predicate="intersects")) > 0
            if on_houses == on_built and self.free(moved, gap_m):
                self.taken.append(moved)
                return moved
        return None

    def parcel(self, area_m2: float, *, lands: frozenset[str] | None = None, gap_m: float = 25.0) -> Polygon | None:
        """A whole parcel of about ``area_m2`` (a factor of two either way), or of given land; None when none is free."""
        fit = self.farm[self.farm.geometry.area.between(area_m2 / 2.0, area_m2 * 2.0)]
        if lands is not None:
            fit = self.landscape.parcels[self.landscape.parcels["land"].isin(sorted(lands))]
        for index in self.rng.permutation(len(fit))[:60]:
            shape = fit.geometry.iloc[int(index)].buffer(-1.0)
            if not shape.is_empty and shape.geom_type == "Polygon" and self.free(shape, gap_m):
                self.taken.append(shape)
                return shape
        return None

    def _anchor(self) -> tuple[float, float, float]:
        rng, kind = self.rng, float(self.rng.random())
        if kind < 0.55:
            roads = self.landscape.roads
            line = roads.geometry.iloc[int(rng.integers(len(roads)))]
            spot = line.interpolate(float(rng.random()), normalized=True)
            (x0, y0), (x1, y1) = line.coords[0], line.coords[-1]
            angle = float(np.arctan2(y1 - y0, x1 - x0))
            side = float(rng.choice([-1.0, 1.0])) * (12.0 + float(rng.gamma(1.5, 22.0)))
            return spot.x - side * np.sin(angle), spot.y + side * np.cos(angle), angle + float(rng.normal(0.0, 0.04))
        if kind < 0.8:
            village = self.landscape.villages.geometry.iloc[int(rng.integers(len(self.landscape.villages)))]
            spot, middle = village.exterior.interpolate(float(rng.random()), normalized=True), village.centroid
            away = float(rng.normal(25.0, 35.0)) / max(middle.distance(spot), 1.0)
            return (spot.x + (spot.x - middle.x) * away, spot.y + (spot.y - middle.y) * away,
                    float(rng.normal(0.05, 0.12)))  # fmt: skip
        xmin, ymin, xmax, ymax = self.inside.bounds
        return float(rng.uniform(xmin, xmax)), float(rng.uniform(ymin, ymax)), float(rng.uniform(0.0, np.pi))


def rectangle(area_m2: float, ratio: float) -> Polygon:
    """A rectangle around the origin, ``ratio`` times as long as wide."""
    width = float(np.sqrt(area_m2 / ratio))
    return box(-width * ratio / 2.0, -width / 2.0, width * ratio / 2.0, width / 2.0)


def corner(area_m2: float, rng: np.random.Generator) -> Polygon:
    """An L."""
    notch_x, notch_y = rng.uniform(0.35, 0.65, 2)
    shape = Polygon([(0, 0), (1, 0), (1, notch_y), (notch_x, notch_y), (notch_x, 1), (0, 1)])
    scale = float(np.sqrt(area_m2 / shape.area))
    return affinity.translate(affinity.scale(shape, scale, scale, origin=(0, 0)), -scale / 2.0, -scale / 2.0)


def blot(area_m2: float, rng: np.random.Generator) -> Polygon:
    """An irregular outline, as diggers and tippers leave it."""
    turn = np.linspace(0.0, 2.0 * np.pi, 28, endpoint=False)
    radius = np.ones_like(turn)
    for harmonic in (2, 3, 4, 6):
        radius += rng.uniform(0.03, 0.17) * np.cos(harmonic * turn + rng.uniform(0.0, 6.28))
    shape = Polygon(np.column_stack([radius * np.cos(turn) * rng.uniform(0.9, 1.5), radius * np.sin(turn)]))
    scale = float(np.sqrt(area_m2 / shape.area))
    return affinity.scale(shape, scale, scale, origin=(0, 0))


def halves(shape: BaseGeometry, shares: list[float], turn: float) -> list[BaseGeometry]:
    """Nested parts of a shape that fills from one side: the cut lies at each share of its extent along ``turn``."""
    centre = shape.centroid
    turned = affinity.rotate(shape, -turn, origin=centre, use_radians=True)
    xmin, ymin, xmax, ymax = turned.bounds
    parts = []
    for share in shares:
        part = (
            turned
            if share >= 1.0
            else turned.intersection(box(xmin - 1, ymin - 1, xmin + share * (xmax - xmin), ymax + 1))
        )
        parts.append(affinity.rotate(part, turn, origin=centre, use_radians=True))
    return parts


def rows_of(
    shape: BaseGeometry, *, depth_m: float, gap_m: float, length_m: float, between_m: float
) -> list[BaseGeometry]:
    """Buildings in rows inside a shape, along the longer side of its smallest rectangle, 2 m from its edge."""
    frame = shape.minimum_rotated_rectangle
    (x0, y0), (x1, y1), (x2, y2) = list(frame.exterior.coords)[:3]
    first, second = np.hypot(x1 - x0, y1 - y0), np.hypot(x2 - x1, y2 - y1)
    turn = float(np.arctan2(y1 - y0, x1 - x0) if first >= second else np.arctan2(y2 - y1, x2 - x1))
    centre = shape.centroid
    turned = affinity.rotate(shape, -turn, origin=centre, use_radians=True).buffer(-2.0)
    if turned.is_empty:
        return []
    xmin, ymin, xmax, ymax = turned.bounds
    result, y = [], ymin
    while y + depth_m * 0.7 < ymax:
        x = xmin
        while x + length_m * 0.5 < xmax:
            house = box(x, y, min(x + length_m, xmax), min(y + depth_m, ymax)).intersection(turned)
            if house.area > 0.6 * depth_m * min(length_m, xmax - x) * 0.7 and house.geom_type == "Polygon":
                result.append(affinity.rotate(house, turn, origin=centre, use_radians=True))
            x += length_m + between_m
        y += depth_m + gap_m
    return result


def ring(shape: BaseGeometry, width_m: float) -> BaseGeometry:
    """The edge of a shape, inside it."""
    return shape.difference(shape.buffer(-width_m))


def strip(line: LineString, width_m: float) -> BaseGeometry:
    """A line as a strip of ground."""
    return line.buffer(width_m / 2.0, cap_style="flat")
