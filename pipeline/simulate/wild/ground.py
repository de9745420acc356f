"""The patches of the wild city (plots, roofs, roads, trees, water) as one table, and their raster on any grid."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from shapely.geometry import Polygon

from pipeline.simulate.frame import CITY_CRS, SCENE_CRS
from pipeline.simulate.landscape import Landscape
from pipeline.simulate.wild.materials import FloatArray, variants
from pipeline.simulate.wild.plots import Plots
from pipeline.simulate.wild.raster import Noise, Raster, noise

_COVER = {"main_road": "asphalt", "farm_road": "track", "village": "yard", "town": "asphalt", "works": "concrete",
          "yard": "yard", "pond": "water_clear", "river": "water_turbid", "wood": "bare_twigs",
          "orchard": "soil_loam"}  # fmt: skip
_GREEN = {
    "wood": "poplar",
    "orchard": "orchard",
    "village": "litter",
    "town": "litter",
    "yard": "litter",
    "farm_road": "verge",
}
_ROUGH = {"village": 0.28, "town": 0.24, "works": 0.2, "wood": 0.22, "orchard": 0.26, "pond": 0.02, "river": 0.02}
GREEN_KINDS = ("none", "plot", "poplar", "orchard", "litter", "verge", "garden", "pine")
_HIGH = {"wood": 11.0, "orchard": 3.0}
_SHINY = {"blue_steel": 0.5, "white_steel": 0.5, "red_steel": 0.4, "solar": 0.4}


_WALL = pd.DataFrame({"kind": "wall", "material": "facade", "plot": -1, "height_m": 0.0, "geometry": [Polygon()]})
"""The last patch: house walls, that only a camera looking aslant sees."""


@dataclass(frozen=True)
class Patches:
    """Every piece of standing ground, in the order it is painted.

    ``shapes`` (scenes' CRS): kind, height_m, geometry; ``base`` (n, 6) without leaves; ``green``: index into
    :data:`GREEN_KINDS`; ``plot``: row of the plots or -1; ``rough`` and ``shiny``: texture and glint; ``late``: own
    lateness of leaves, days; ``vigour``: own factor of living cover.
    """

    shapes: gpd.GeoDataFrame
    base: FloatArray
    green: NDArray[np.int8]
    plot: NDArray[np.int32]
    rough: FloatArray
    shiny: FloatArray
    late: FloatArray
    vigour: FloatArray


@dataclass(frozen=True)
class Surfaces:
    """Random surfaces anchored to the ground, from the size of a clod to that of a village; ``relief``: of the hills."""

    fine: Noise
    patchy: tuple[Noise, ...]
    broad: Noise
    relief: Noise


def make_surfaces(rng: np.random.Generator) -> Surfaces:
    """Draw the surfaces."""
    return Surfaces(noise(rng, 4.5, knots=512), tuple(noise(rng, scale, knots=256) for scale in (9.0, 14.0, 22.0, 38.0)),
                    noise(rng, 160.0), noise(rng, 420.0))  # fmt: skip


def make_patches(
    landscape: Landscape,
    plots: Plots,
    buildings: gpd.GeoDataFrame,
    trees: gpd.GeoDataFrame,
    specks: gpd.GeoDataFrame,
    rng: np.random.Generator,
) -> Patches:
    """Put all standing ground into one table."""
    other = landscape.parcels[landscape.parcels["land"].isin(list(_COVER))]
    first = pd.DataFrame({"kind": other["land"].to_numpy(), "material": [_COVER[land] for land in other["land"]],
                          "plot": -1, "height_m": [_HIGH.get(land, 0.0) for land in other["land"]],
                          "geometry": other.geometry.to_numpy()})  # fmt: skip
    fields = pd.DataFrame({"kind": "plot", "material": "soil_loam", "plot": plots.shapes["plot"].to_numpy(),
                           "height_m": 0.0, "geometry": plots.shapes.geometry.to_numpy()})  # fmt: skip
    crowns = pd.DataFrame({"kind": trees["kind"].to_numpy(), "material": "bare_twigs", "plot": -1,
                           "height_m": trees["height_m"].to_numpy(), "geometry": trees.geometry.to_numpy()})  # fmt: skip
    houses = pd.DataFrame({"kind": "building", "material": buildings["roof"].to_numpy(), "plot": -1,
                           "height_m": buildings["height_m"].to_numpy(), "geometry": buildings.geometry.to_numpy()})  # fmt: skip
    table = pd.concat([fields, first, houses, pd.DataFrame(specks).assign(plot=-1), crowns, _WALL], ignore_index=True)
    base = np.zeros((len(table), 6), dtype=np.float32)
    for material in sorted(table["material"].unique()):
        rows = np.flatnonzero((table["material"] == material).to_numpy())
        base[rows] = variants(material, len(rows), rng, spread=0.04 if material.startswith("water") else 0.2)
    kinds = table["kind"].to_numpy()
    green = [GREEN_KINDS.index("plot" if kind == "plot" else kind if kind in GREEN_KINDS else _GREEN.get(kind, "none"))
             for kind in kinds]  # fmt: skip
    shapes = gpd.GeoDataFrame(table[["kind", "height_m", "geometry"]], geometry="geometry", crs=CITY_CRS)
    shiny = [_SHINY.get(material, 0.25 if kind == "building" else 0.08)
             for material, kind in zip(table["material"], kinds, strict=True)]  # fmt: skip
    count = len(table)
    return Patches(
        shapes.to_crs(SCENE_CRS), base, np.array(green, dtype=np.int8), table["plot"].to_numpy(dtype=np.int32),
        np.array([_ROUGH.get(kind, 0.1) for kind in kinds], dtype=np.float32),
        np.array(shiny, dtype=np.float32),
        rng.normal(0.0, 5.0, count).astype(np.float32), np.exp(rng.normal(0.0, 0.12, count)).astype(np.float32),
    )  # fmt: skip


def patch_raster(patches: Patches, raster: Raster) -> NDArray[np.int32]:
    """Row of the patch on every pixel; bare corners take the nearest patch."""
    numbered = ((shape, row) for row, shape in enumerate(patches.shapes.geometry, start=1) if not shape.is_empty)
    index = rasterize(numbered, out_shape=raster.shape, transform=raster.transform, fill=0, dtype="int32") - 1
    if (index < 0).any():
        nearest = ndimage.distance_transform_edt(index < 0, return_distances=False, return_indices=True)
        index = index[tuple(nearest)]
    return np.asarray(index, dtype=np.int32)
