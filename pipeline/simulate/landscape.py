"""The ground before anyone builds: parcels, farm and main roads, a river, villages and a town, woods and ponds."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, Point, Polygon
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import CITY_CRS, Frame
from pipeline.simulate.parcels import Fabric, split_block

SURNAMES = "王李张刘陈杨赵黄周吴徐孙胡朱高林何郭马罗"
_VILLAGE_ENDS = ("庄", "楼", "寨", "洼", "桥", "集", "营", "岗")

CROPS: tuple[tuple[str, float], ...] = (
    ("wheat_maize", 0.34), ("wheat_soy", 0.14), ("rice", 0.2), ("peanut", 0.09), ("garlic", 0.05),
    ("vegetables", 0.07), ("fallow", 0.05), ("orchard", 0.03), ("wood", 0.03),
)  # fmt: skip
LAND_CLASS: dict[str, tuple[str, str]] = {
    "rice": ("0101", "水田"), "wheat_maize": ("0102", "水浇地"), "wheat_soy": ("0103", "旱地"),
    "peanut": ("0103", "旱地"), "garlic": ("0102", "水浇地"), "vegetables": ("0102", "水浇地"),
    "fallow": ("0103", "旱地"), "orchard": ("0201", "果园"), "wood": ("0301", "乔木林地"),
    "pond": ("1104", "坑塘水面"), "river": ("1101", "河流水面"), "village": ("0702", "农村宅基地"),
    "town": ("0701", "城镇住宅用地"), "works": ("0601", "工业用地"), "main_road": ("1003", "公路用地"),
    "farm_road": ("1006", "农村道路"), "yard": ("1202", "设施农用地"),
}  # fmt: skip
FARMED = frozenset({"rice", "wheat_maize", "wheat_soy", "peanut", "garlic", "vegetables", "fallow"})


@dataclass(frozen=True)
class Landscape:
    """The unbuilt ground in :data:`CITY_CRS`, covering the drawn bounds without gaps.

    ``parcels``: parcel (0..n-1, also the row), land (a key of :data:`LAND_CLASS`), angle (radians), geometry;
    ``roads``: centre lines with width_m; ``villages``: name, town (bool), geometry.
    """

    parcels: gpd.GeoDataFrame
    roads: gpd.GeoDataFrame
    villages: gpd.GeoDataFrame


def _blob(centre: tuple[float, float], radius_m: float, rng: np.random.Generator) -> Polygon:
    """An irregular round outline: three random harmonics on a circle."""
    turn = np.linspace(0.0, 2.0 * np.pi, 48, endpoint=False)
    radius = np.ones_like(turn)
    for harmonic in (2, 3, 5):
        radius += rng.uniform(0.03, 0.16) * np.cos(harmonic * turn + rng.uniform(0.0, 2.0 * np.pi))
    x = centre[0] + radius_m * radius * np.cos(turn) * rng.uniform(0.8, 1.3)
    y = centre[1] + radius_m * radius * np.sin(turn)
    return Polygon(np.column_stack([x, y]))


def _villages(frame: Frame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """The town in the middle and villages well apart from each other."""
    small = frame.side_m < 4000
    centres = [frame.at(0.5, 0.55)]
    radii = [210.0 if small else 620.0]
    while len(centres) < frame.villages + 1:
        trial = frame.at(*rng.uniform(0.07, 0.93, 2))
        gaps = [np.hypot(trial[0] - x, trial[1] - y) - r for (x, y), r in zip(centres, radii, strict=True)]
        if min(gaps) > frame.side_m * (0.17 if small else 0.11):
            centres.append(trial)
            radii.append(float(rng.uniform(70, 120) if small else rng.uniform(90, 230)))
    surnames = list(SURNAMES)
    rng.shuffle(surnames)
    names = ["城关社区"] + [f"{surnames[i]}{_VILLAGE_ENDS[i % len(_VILLAGE_ENDS)]}村" for i in range(frame.villages)]
    shapes = [_blob(centre, radius, rng) for centre, radius in zip(centres, radii, strict=True)]
    town = [True] + [False] * frame.villages
    return gpd.GeoDataFrame({"name": names, "town": town}, geometry=shapes, crs=CITY_CRS)


def _river(frame: Frame, rng: np.random.Generator) -> BaseGeometry:
    """A winding river from the north to the south-east edge, 25 to 45 m wide."""
    xmin, ymin, xmax, ymax = frame.drawn_bounds
    steps = np.linspace(0.0, 1.0, 60)
    side = xmax - xmin
    x = xmin + side * (0.16 + 0.1 * steps) + side * 0.035 * np.sin(steps * 9.0 + rng.uniform(0, 6))
    x += side * 0.012 * np.sin(steps * 23.0 + rng.uniform(0, 6))
    y = ymax + 50.0 - (ymax - ymin + 100.0) * steps
    return LineString(np.column_stack([x, y])).buffer(float(rng.uniform(13.0, 22.0)))


def _land(frame: Frame, fields: gpd.GeoSeries, rng: np.random.Generator) -> list[str]:
    """A crop system or cover per field; neighbours tend to grow the same."""
    names = [name for name, _ in CROPS]
    shares = np.array([share for _, share in CROPS])
    centres = np.column_stack([fields.centroid.x, fields.centroid.y])
    xmin, ymin, xmax, ymax = frame.drawn_bounds
    seeds = max(12, int(len(fields) / 14))
    seed_xy = np.column_stack([rng.uniform(xmin, xmax, seeds), rng.uniform(ymin, ymax, seeds)])
    seed_land = rng.choice(len(names), seeds, p=shares / shares.sum())
    nearest = np.argmin(((centres[:, None, :] - seed_xy[None, :, :]) ** 2).sum(axis=2), axis=1)
    own = rng.choice(len(names), len(fields), p=shares / shares.sum())
    chosen = np.where(rng.random(len(fields)) < 0.62, seed_land[nearest], own)
    land = [names[index] for index in chosen]
    size = fields.area.to_numpy()
    for index in np.flatnonzero((size < 6000.0) & (rng.random(len(fields)) < 0.05)):
        land[index] = "pond"
    for index in np.flatnonzero((size < 4500.0) & (rng.random(len(fields)) < 0.025)):
        land[index] = "yard"
    return land


def make_landscape(*, frame: Frame, rngs: dict[str, np.random.Generator]) -> Landscape:
    """Draw the ground of a city; the same streams give the same ground."""
    rng = rngs["parcels"]
    fabric = Fabric()
    xmin, ymin, xmax, ymax = frame.drawn_bounds
    corners = np.array([[xmin, ymin], [xmax, ymin], [xmax, ymax], [xmin, ymax]])
    main_roads = 2 if frame.side_m < 4000 else 4
    split_block(corners, float(rng.normal(0.06, 0.03)), rng=rng, main_roads=main_roads, fabric=fabric)
    villages = _villages(frame, rngs["villages"])
    river = _river(frame, rngs["villages"])
    wide = shapely.union_all([Polygon(strip) for strip, width in fabric.strips if width > 10.0])
    roads = shapely.union_all([Polygon(strip) for strip, _ in fabric.strips])
    river = river.difference(wide)
    built = [shape.difference(shapely.union_all([roads, river])) for shape in villages.geometry]
    taken = shapely.union_all([river, *built])

    fields = gpd.GeoSeries([Polygon(points) for points, _ in fabric.fields], crs=CITY_CRS)
    land = _land(frame, fields, rngs["land"])
    pieces: list[tuple[str, float, BaseGeometry]] = []
    for name, (_, angle), shape in zip(land, fabric.fields, fields, strict=True):
        pieces.append((name, angle, shape.difference(taken) if shape.intersects(taken) else shape))
    for points, width in fabric.strips:
        strip = Polygon(points)
        kind = "main_road" if width > 10.0 else "farm_road"
        pieces.append((kind, 0.0, strip if kind == "main_road" else strip.difference(river)))
    pieces.append(("river", 0.0, river))
    for shape, town in zip(built, villages["town"], strict=True):
        parts = sorted(_polygons(shape), key=lambda part: (part.centroid.x, part.centroid.y))
        for number, part in enumerate(parts):
            pieces.append(("works" if town and number % 3 == 2 else "town" if town else "village", 0.0, part))
    rows = [(kind, angle, part) for kind, angle, shape in pieces for part in _polygons(shape) if part.area > 0.05]
    parcels = gpd.GeoDataFrame(
        {
            "parcel": np.arange(len(rows)),
            "land": [row[0] for row in rows],
            "angle": [row[1] for row in rows],
        },
        geometry=[row[2] for row in rows],
        crs=CITY_CRS,
    )
    lines = gpd.GeoDataFrame(
        pd.DataFrame({"width_m": [width for _, width in fabric.lines]}),
        geometry=[LineString(points) for points, _ in fabric.lines],
        crs=CITY_CRS,
    )
    return Landscape(parcels, lines, villages)


def _polygons(shape: BaseGeometry) -> list[Polygon]:
    """The polygon parts of a geometry."""
    return [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and not part.is_empty]


def nearest_village(landscape: Landscape, point: Point) -> tuple[str, float, float, float]:
    """Name of the village nearest to a point, its distance in metres from the outline, and the way to go (dx, dy)."""
    distance = landscape.villages.distance(point).to_numpy()
    index = int(np.argmin(distance))
    centre = landscape.villages.geometry.iloc[index].centroid
    name = str(landscape.villages["name"].iloc[index])
    return name, float(distance[index]), point.x - centre.x, point.y - centre.y
