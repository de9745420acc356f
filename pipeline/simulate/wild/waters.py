"""A wide river with bars of sand and a reservoir, carved into the landscape, and how deep they are where."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import LineString, Polygon
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import Frame
from pipeline.simulate.landscape import Landscape
from pipeline.simulate.wild.raster import FloatArray, Noise, Raster, noise


@dataclass(frozen=True)
class Waters:
    """``river`` and ``reservoir`` in the city's CRS, ``half_width_m`` of the river, and surfaces that shape its bed.

    ``bars``: one surface per year: every flood season moves the bars.
    """

    river: BaseGeometry
    reservoir: BaseGeometry
    half_width_m: float
    bars: tuple[Noise, ...]

    def river_bed(self, raster: Raster, bank_m: FloatArray, year: int) -> FloatArray:
        """Height of the bed (m, mean water level 0) ``bank_m`` metres from the bank, in a year counted from 0."""
        depth = 2.6 * np.clip(bank_m / self.half_width_m, 0.0, 1.0) ** 0.7
        old, new = self.bars[year % len(self.bars)], self.bars[(year + 1) % len(self.bars)]
        shape = 0.75 * old.on(raster, stretch=0.8) + 0.65 * new.on(raster)
        return np.asarray(1.1 * np.maximum(shape, -0.8) - depth, dtype=np.float32)

    def reservoir_bed(self, bank_m: FloatArray) -> FloatArray:
        """Height of the reservoir's bed below its full level (m, negative)."""
        return np.asarray(-(0.035 * bank_m + 0.00008 * bank_m**2), dtype=np.float32)


def carve_waters(
    *, frame: Frame, landscape: Landscape, years: int, rng: np.random.Generator
) -> tuple[Landscape, Waters]:
    """Lay the river and the reservoir over the parcels; what they cover is cut away."""
    xmin, ymin, xmax, ymax = frame.drawn_bounds
    side = xmax - xmin
    steps = np.linspace(0.0, 1.0, 90)
    half = float(np.clip(side * 0.014, 22.0, 75.0))
    bends = 0.03 * np.sin(steps * 8.0 + rng.uniform(0, 6)) + 0.012 * np.sin(steps * 21.0 + rng.uniform(0, 6))
    x = xmin + side * (0.8 + 0.07 * steps + bends)
    y = ymax + 60.0 - (side + 120.0) * steps
    river = LineString(np.column_stack([x, y])).buffer(half, quad_segs=4)
    turn = np.linspace(0.0, 2.0 * np.pi, 60, endpoint=False)
    radius = (
        side * 0.055 * (1.0 + 0.25 * np.cos(2 * turn + 1.0) + 0.16 * np.cos(3 * turn) + 0.1 * np.cos(5 * turn + 2.0))
    )
    middle = frame.at(0.2, 0.2)
    reservoir = Polygon(np.column_stack([middle[0] + radius * np.cos(turn), middle[1] + radius * np.sin(turn)]))
    roads = landscape.parcels["land"].isin(["main_road"])
    kept = shapely.union_all(landscape.parcels.geometry[roads].to_numpy())
    river, reservoir = river.difference(kept), reservoir.difference(kept)
    waters = Waters(river, reservoir, half, tuple(noise(rng, 85.0) for _ in range(years + 2)))
    return replace(landscape, parcels=_carved(landscape.parcels, river, reservoir)), waters


def _carved(parcels: gpd.GeoDataFrame, river: BaseGeometry, reservoir: BaseGeometry) -> gpd.GeoDataFrame:
    water = shapely.union_all([river, reservoir])
    left = parcels.geometry.copy()
    wet = parcels.intersects(water) & (parcels["land"] != "main_road")
    left[wet] = left[wet].difference(water)
    rows = [
        (land, angle, part)
        for land, angle, shape in zip(parcels["land"], parcels["angle"], left, strict=True)
        for part in shapely.get_parts(shape)
        if part.geom_type == "Polygon" and part.area > 0.5
    ]
    rows += [("river", 0.0, part) for part in shapely.get_parts(river)]
    rows += [("pond", 0.0, part) for part in shapely.get_parts(reservoir)]
    table = pd.DataFrame(
        {"parcel": np.arange(len(rows)), "land": [row[0] for row in rows], "angle": [row[1] for row in rows]}
    )
    return gpd.GeoDataFrame(table, geometry=[row[2] for row in rows], crs=parcels.crs)
