"""Houses, sheds, blocks of flats and trees as polygons with heights, laid out as Chinese villages and towns are."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely import affinity
from shapely.geometry import LineString, Polygon, box
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.landscape import FARMED, Landscape

_ROOFS: dict[str, tuple[tuple[str, float], ...]] = {
    "village": (("red_tile", 0.3), ("grey_tile", 0.24), ("cement_roof", 0.26), ("blue_steel", 0.08), ("red_steel", 0.06),
                ("white_steel", 0.02), ("bitumen", 0.04)),
    "town": (("cement_roof", 0.42), ("bitumen", 0.16), ("grey_tile", 0.14), ("red_tile", 0.1), ("blue_steel", 0.1),
             ("white_steel", 0.04), ("red_steel", 0.04)),
    "works": (("blue_steel", 0.42), ("white_steel", 0.2), ("cement_roof", 0.16), ("red_steel", 0.08), ("bitumen", 0.14)),
}  # fmt: skip
# depth and length of a house, gaps between rows and between houses, height: low and high, metres
_PLANS: dict[str, tuple[tuple[float, float], ...]] = {
    "village": ((7.5, 11.0), (10.0, 17.0), (9.0, 17.0), (1.5, 9.0), (3.2, 8.5)),
    "town": ((11.0, 15.0), (24.0, 62.0), (20.0, 34.0), (6.0, 16.0), (9.0, 36.0)),
    "works": ((18.0, 42.0), (30.0, 110.0), (10.0, 26.0), (8.0, 24.0), (6.0, 12.0)),
}  # fmt: skip


def make_buildings(landscape: Landscape, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """All standing buildings: group (village, town, works), roof, height_m, geometry; rows face south, roughly."""
    rows: list[dict[str, object]] = []
    parcels = landscape.parcels
    for parcel in parcels[parcels["land"].isin(list(_PLANS))].itertuples():
        rows += _quarter(parcel.geometry, str(parcel.land), rng)
    for parcel in parcels[parcels["land"] == "yard"].itertuples():
        rows += _quarter(parcel.geometry.buffer(-3.0), "works", rng)
    columns = ["group", "roof", "height_m", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=parcels.crs)


def _quarter(shape: BaseGeometry, group: str, rng: np.random.Generator) -> list[dict[str, object]]:
    if shape.is_empty or shape.area < 250.0:
        return []
    depths, lengths, streets, gaps, heights = _PLANS[group]
    names, shares = zip(*_ROOFS[group], strict=True)
    turn = float(rng.normal(0.05, 0.1))
    centre = shape.centroid
    turned = affinity.rotate(shape, -turn, origin=centre, use_radians=True)
    shapely.prepare(turned)
    xmin, ymin, xmax, ymax = turned.bounds
    vacant = rng.uniform(0.06, 0.22)
    boxes: list[Polygon] = []
    y = ymin
    while y < ymax:
        depth = float(rng.uniform(*depths))
        x = xmin + float(rng.uniform(0.0, lengths[0]))
        while x < xmax:
            length = float(rng.uniform(*lengths))
            house = box(x, y, x + length, y + depth * float(rng.uniform(0.85, 1.0)))
            if rng.random() > vacant and turned.contains(house):
                boxes.append(house)
            x += length + float(rng.uniform(*gaps)) * (3.0 if rng.random() < 0.1 else 1.0)
        y += depth + float(rng.uniform(*streets))
    roofs = rng.choice(names, len(boxes), p=np.array(shares) / sum(shares))
    tall = rng.uniform(0.0, 1.0, len(boxes)) ** 1.6
    return [
        {"group": group, "roof": str(roof), "height_m": heights[0] + (heights[1] - heights[0]) * float(up),
         "geometry": affinity.rotate(house, turn, origin=centre, use_radians=True)}
        for house, roof, up in zip(boxes, roofs, tall, strict=True)
    ]  # fmt: skip


def make_specks(landscape: Landscape, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Small things in the open fields: graves under trees, pump houses, pylons, ditches with reed and water.

    Columns: kind (garden, pine, building, verge, pond), material, height_m, geometry.
    """
    rows: list[dict[str, object]] = []
    fields = landscape.parcels[landscape.parcels["land"].isin(sorted(FARMED))]
    for shape in fields.geometry:
        for x, y in _points_in(shape, int(rng.poisson(shape.area / 14000.0)), rng):
            what, size = float(rng.random()), float(rng.gamma(3.0, 0.9)) + 1.2
            spot = shapely.Point(x, y).buffer(size, quad_segs=2)
            if what < 0.55:
                rows.append({"kind": "pine" if what < 0.3 else "garden", "material": "bare_twigs", "height_m": 2.0 + size,
                             "geometry": spot})  # fmt: skip
            else:
                material = str(rng.choice(["concrete", "white_steel", "red_tile", "blue_steel", "cement_roof"]))
                rows.append({"kind": "building", "material": material, "height_m": 3.0,
                             "geometry": spot.minimum_rotated_rectangle})  # fmt: skip
    for road in landscape.roads[landscape.roads["width_m"] < 10.0].itertuples():
        if rng.random() < 0.55:
            line = road.geometry.offset_curve(float(rng.choice([-1.0, 1.0])) * (road.width_m / 2.0 + 8.0))
            wet = rng.random() < 0.4
            rows.append({"kind": "pond" if wet else "verge", "material": "water_turbid" if wet else "mud", "height_m": 0.0,
                         "geometry": line.buffer(float(rng.uniform(0.8, 2.6)), cap_style="flat")})  # fmt: skip
    columns = ["kind", "material", "height_m", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=landscape.parcels.crs)


def make_trees(landscape: Landscape, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Rows of poplars along roads, crowns in villages and windbreaks: kind (poplar, garden, pine), height_m, geometry."""
    rows: list[dict[str, object]] = []
    for road in landscape.roads.itertuples():
        if rng.random() > (0.85 if road.width_m > 10 else 0.5):
            continue
        for side in (-1.0, 1.0):
            if rng.random() < 0.2:
                continue
            line = road.geometry.offset_curve(side * (road.width_m / 2.0 + 3.0))
            rows += [{"kind": "poplar", "height_m": float(rng.uniform(9.0, 20.0)),
                      "geometry": piece.buffer(float(rng.uniform(1.8, 4.2)), quad_segs=2)}
                     for piece in _pieces(line, rng)]  # fmt: skip
    for group, per_ha in (("village", 16.0), ("town", 9.0), ("works", 4.0)):
        for parcel in landscape.parcels[landscape.parcels["land"] == group].itertuples():
            count = int(parcel.geometry.area / 10000.0 * per_ha)
            points = _points_in(parcel.geometry, count, rng)
            sizes, kinds = rng.gamma(4.0, 0.9, len(points)) + 1.0, rng.random(len(points))
            rows += [{"kind": "pine" if kind < 0.12 else "garden", "height_m": 2.0 + float(size),
                      "geometry": shapely.Point(point).buffer(float(size), quad_segs=2)}
                     for point, size, kind in zip(points, sizes, kinds, strict=True)]  # fmt: skip
    columns = ["kind", "height_m", "geometry"]
    return gpd.GeoDataFrame(pd.DataFrame(rows, columns=columns), geometry="geometry", crs=landscape.parcels.crs)


def _pieces(line: LineString, rng: np.random.Generator) -> list[LineString]:
    """A line broken where trees were felled or never planted."""
    pieces, at = [], float(rng.uniform(0.0, 60.0))
    while at < line.length:
        end = at + float(rng.gamma(2.0, 90.0))
        piece = shapely.ops.substring(line, at, min(end, line.length))
        if piece.length > 8.0:
            pieces.append(piece)
        at = end + float(rng.gamma(1.2, 40.0))
    return pieces


def _points_in(shape: BaseGeometry, count: int, rng: np.random.Generator) -> NDArray[np.float64]:
    xmin, ymin, xmax, ymax = shape.bounds
    points = np.column_stack([rng.uniform(xmin, xmax, 2 * count), rng.uniform(ymin, ymax, 2 * count)])
    inside = shapely.contains_xy(shape, points[:, 0], points[:, 1])
    return np.asarray(points[inside][:count])
