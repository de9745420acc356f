"""Surface reflectance of the wild city on a day, on a grid of any pixel size: no air and no sensor yet."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage
from shapely import affinity
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import CITY_CRS, SCENE_CRS, day_of
from pipeline.simulate.wild.frame import day_of_year, sun
from pipeline.simulate.wild.ground import GREEN_KINDS, Patches, Surfaces, patch_raster
from pipeline.simulate.wild.growth import plot_state, warmth
from pipeline.simulate.wild.materials import FloatArray, spectrum
from pipeline.simulate.wild.phases import Phase, active
from pipeline.simulate.wild.plots import Plots
from pipeline.simulate.wild.raster import Raster
from pipeline.simulate.wild.waters import Waters
from pipeline.simulate.wild.weather import Weather

_DIRECT = np.array((0.62, 0.70, 0.77, 0.85, 0.92, 0.94), dtype=np.float32)
"""Share of the light that comes straight from the sun: what a shadow loses."""
_LEAF = {
    "poplar": "poplar",
    "orchard": "orchard",
    "litter": "weeds",
    "verge": "weeds",
    "garden": "poplar",
    "pine": "pine",
}
HILL_M = 38.0


@dataclass(frozen=True)
class World:
    """The ground of the city and everything laid over it; ``phases`` of sites and distractors in the city's CRS."""

    patches: Patches
    plots: Plots
    surfaces: Surfaces
    waters: Waters
    weather: Weather
    phases: tuple[Phase, ...]
    phase_shapes: gpd.GeoSeries
    first_year: int


@dataclass(frozen=True)
class Scenery:
    """What stays the same on one grid: patches, surfaces, distance from the banks (m), slopes east and north.

    ``patch``: what is seen on a pixel, ``stood``: what stands there (they differ where tall things lean away from the
    camera by ``lean`` metres east and north per metre of height). ``water``: 0 land, 1 river, 2 pond, 3 reservoir.
    """

    raster: Raster
    patch: NDArray[np.int32]
    stood: NDArray[np.int32]
    fine: FloatArray
    patchy: tuple[FloatArray, ...]
    broad: FloatArray
    water: NDArray[np.int8]
    bank_m: FloatArray
    slope_east: FloatArray
    slope_north: FloatArray
    lean: tuple[float, float] = (0.0, 0.0)


def make_world_shapes(phases: tuple[Phase, ...]) -> gpd.GeoSeries:
    """The phases' shapes in the scenes' CRS, in their order."""
    return gpd.GeoSeries([phase.shape for phase in phases], crs=CITY_CRS).to_crs(SCENE_CRS)


def make_scenery(world: World, raster: Raster) -> Scenery:
    """Lay a grid over the world."""
    patch = patch_raster(world.patches, raster)
    kinds = world.patches.shapes["kind"].to_numpy()
    water = np.where(kinds == "river", 1, np.where(kinds == "pond", 2, 0)).astype(np.int8)[patch]
    water[(water == 2) & _of_reservoir(world, raster)] = 3
    bank = ndimage.distance_transform_edt(water > 0).astype(np.float32) * np.float32(raster.pixel_m)
    surfaces = world.surfaces
    east, north = np.meshgrid(raster.east - raster.east.mean(), raster.north - raster.north.mean())
    half = raster.shape[0] * raster.pixel_m / 2.0
    hilly = np.clip((north - 0.35 * east - 0.35 * half) / (0.6 * half), 0.0, 1.0) ** 1.3
    height = HILL_M * hilly * (1.0 + surfaces.relief.on(raster))
    falls, rises = np.gradient(height, raster.pixel_m)
    return Scenery(
        raster, patch, patch, surfaces.fine.on(raster), tuple(one.on(raster) for one in surfaces.patchy),
        surfaces.broad.on(raster), water, bank, rises.astype(np.float32), -falls.astype(np.float32),
    )  # fmt: skip


def leaning(scenery: Scenery, patches: Patches, lean: tuple[float, float]) -> Scenery:
    """The grid seen from the side: roofs move by ``lean`` metres (east, north) per metre of height, walls show."""
    shapes, raster = patches.shapes, scenery.raster
    rows, cols = raster.shape
    window = box(raster.left, raster.top - rows * raster.pixel_m, raster.left + cols * raster.pixel_m, raster.top)
    tall = np.flatnonzero((shapes["kind"] == "building").to_numpy() & (shapes["height_m"].to_numpy() >= 2.5))
    tall = tall[shapes.geometry.iloc[tall].intersects(window.buffer(60.0)).to_numpy()]
    wall, burns = len(shapes), []
    for row in tall:
        shape, height = shapes.geometry.iloc[row], float(shapes["height_m"].iloc[row])
        roof = affinity.translate(shape, lean[0] * height, lean[1] * height)
        burns += [(shapely.union(shape, roof).convex_hull, wall), (roof, int(row) + 1)]
    if not burns:
        return replace(scenery, lean=lean)
    over = rasterize(burns, out_shape=raster.shape, transform=raster.transform, fill=0, dtype="int32")
    return replace(scenery, patch=np.where(over > 0, over - 1, scenery.patch).astype(np.int32), lean=lean)


def leaf_share(kind: str, number: float, late: FloatArray) -> FloatArray:
    """Living cover (n,) of trees and weeds on a day; ``late``: own lateness in days."""
    doy = day_of_year(number - late)
    warm = warmth(number)
    if kind in ("poplar", "garden"):
        leaves = np.interp(doy, (82, 100, 122, 160, 275, 305, 328), (0.03, 0.3, 0.82, 0.93, 0.88, 0.55, 0.04))
        result = leaves if kind == "poplar" else 0.25 + 0.68 * leaves
    elif kind == "orchard":
        result = np.interp(doy, (80, 96, 120, 170, 270, 310, 335), (0.08, 0.2, 0.5, 0.68, 0.6, 0.35, 0.1))
    elif kind == "litter":
        result = np.full(len(late), 0.06 + 0.2 * warm)
    elif kind == "verge":
        result = np.full(len(late), 0.12 + 0.4 * warm)
    else:
        result = np.full(len(late), 0.85 if kind == "pine" else 0.0)
    return np.asarray(result, dtype=np.float32)


def surface(
    world: World, scenery: Scenery, number: float, orbit: int, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray]:
    """Reflectance (6, rows, cols) and height of things above ground (m) on a day number.

    ``orbit``: 0 sees the lit side of leaves and clods, 1 their shaded side; ``rng``: of this scene alone.
    """
    patches, patch = world.patches, scenery.patch
    base, leaf, green, rough, weights = _tables(world, number, rng)
    speck = scenery.fine * rough[patch]
    uneven = np.zeros(patch.shape, dtype=np.float32)
    for column, surface_ in enumerate(scenery.patchy):
        uneven += weights[:, column][patch] * surface_
    cover = green[patch]
    cover = np.clip(
        cover + cover * (1.0 - cover) * (0.55 * uneven + 0.25 * scenery.broad) + 0.02 * cover * speck, 0.0, 0.99
    )
    factor = 1.0 + speck * (1.0 - 0.5 * cover) + 0.035 * uneven
    bands = np.empty((6, *patch.shape), dtype=np.float32)
    for band in range(6):
        under = base[:, band][patch]
        bands[band] = (under + (leaf[:, band][patch] - under) * cover) * factor
    height = patches.shapes["height_m"].to_numpy(dtype=np.float32)[scenery.stood]
    _paint_water(bands, world, scenery, number)
    _paint_phases(bands, height, cover, world, scenery, number, rng)
    elevation, azimuth = sun(number)
    _view(bands, cover, scenery, elevation, azimuth, orbit)
    dark = shadow(height, scenery.raster.pixel_m, elevation, azimuth)
    dark[(scenery.patch != scenery.stood) & (patches.shapes["kind"] == "building").to_numpy()[patch]] = 0.0
    bands *= 1.0 - _DIRECT[:, None, None] * (0.92 * dark)
    _paint_snow(bands, height, world, scenery, number)
    return np.clip(bands, 0.001, 0.98, out=bands), height


def _tables(
    world: World, number: float, rng: np.random.Generator
) -> tuple[FloatArray, FloatArray, FloatArray, FloatArray, FloatArray]:
    """Per patch on a day: reflectance under and of the leaves, living cover, roughness, weights of patchiness."""
    patches = world.patches
    count = len(patches.plot)
    base, leaf = patches.base.copy(), np.tile(spectrum("weeds"), (count, 1))
    green, rough = np.zeros(count, dtype=np.float32), patches.rough.copy()
    wet = world.weather.of(world.weather.wet, number)
    base *= np.float32(1.0 - 0.22 * wet)
    seed = np.arange(count, dtype=np.int64) * 31
    state = plot_state(world.plots, world.weather, number)
    fields = np.flatnonzero(patches.plot >= 0)
    plot = patches.plot[fields]
    base[fields], leaf[fields], green[fields] = state.ground[plot], state.leaf[plot], state.green[plot]
    rough[fields], seed[fields] = state.rough[plot], state.seed[plot]
    for code, kind in enumerate(GREEN_KINDS):
        mine = np.flatnonzero(patches.green == code)
        if kind in _LEAF:
            leaf[mine] = spectrum(_LEAF[kind])
            green[mine] = leaf_share(kind, number, patches.late[mine])
    green = np.clip(green * patches.vigour, 0.0, 0.98)
    leaf *= (1.0 + 0.05 * np.sin(seed * 0.37))[:, None].astype(np.float32)
    glint = np.exp(patches.shiny * 0.2 * rng.standard_normal(count))
    glint *= np.where(rng.random(count) < 0.03 * patches.shiny, rng.uniform(1.4, 3.2, count), 1.0)
    base *= glint[:, None].astype(np.float32)
    turns = seed[:, None] * np.array((0.731, 1.137, 1.713, 2.291)) + np.arange(4)
    weights = (np.sin(turns) * 0.75).astype(np.float32)
    return base, leaf.astype(np.float32), green.astype(np.float32), rough, weights


def _paint_water(bands: FloatArray, world: World, scenery: Scenery, number: float) -> None:
    """River, reservoir and ponds: depth, colour, bars and shores that fall dry, ice."""
    weather = world.weather
    stage, drawn = weather.of(weather.stage_m, number), weather.of(weather.drawdown_m, number)
    muddy = float(np.clip(0.35 + 0.6 * stage, 0.05, 1.0))
    flood_year = day_of(number - 290.0).year - world.first_year + 1
    river = scenery.water == 1
    if river.any():
        bed = world.waters.river_bed(scenery.raster, scenery.bank_m, flood_year)
        colour = spectrum("water_turbid") * muddy + spectrum("water_clear") * (1.0 - muddy)
        _fill(bands, river, stage - bed, colour, "sand", scenery)
    pond = scenery.water >= 2
    if pond.any():
        bed = world.waters.reservoir_bed(scenery.bank_m)
        level = np.where(scenery.water == 3, -drawn, 0.6)
        _fill(bands, pond, np.asarray(level - bed, dtype=np.float32), None, "mud", scenery)
    frost = weather.of(weather.frost, number)
    if frost > 0.55:
        icy = pond & (scenery.broad + 2.0 * (frost - 0.55) > 0.4)
        bands[:, icy] = 0.45 * bands[:, icy] + 0.55 * spectrum("ice")[:, None]


def _of_reservoir(world: World, raster: Raster) -> NDArray[np.bool_]:
    shapes = gpd.GeoSeries([world.waters.reservoir], crs=CITY_CRS).to_crs(SCENE_CRS)
    if shapes.iloc[0].is_empty:
        return np.zeros(raster.shape, dtype=bool)
    return np.asarray(rasterize(shapes, out_shape=raster.shape, transform=raster.transform, dtype="uint8") > 0)


def _fill(
    bands: FloatArray, where: NDArray[np.bool_], depth_m: FloatArray, colour: FloatArray | None, shore: str, scenery: Scenery
) -> None:  # fmt: skip
    """Water over a bed: the bed shows through shallow water, what rises above it is bare and dries upwards."""
    depth = depth_m[where]
    over = bands[:, where] if colour is None else np.repeat(colour[:, None], depth.size, axis=1)
    dry = np.exp(-np.maximum(-depth, 0.0) / 0.35)
    bright = spectrum(shore)[:, None] * (1.0 + 0.08 * scenery.fine[where])
    bed = bright * (1.0 - 0.5 * dry)
    if shore == "mud":
        bed = bed * dry + spectrum("soil_yellow")[:, None] * (1.0 - dry)
    seen = np.exp(
        -np.maximum(depth, 0.0)[None, :] * np.array((0.9, 0.8, 1.4, 4.0, 40.0, 60.0), dtype=np.float32)[:, None]
    )
    bands[:, where] = np.where(depth[None, :] > 0.0, over * (1.0 - seen) + bed * seen * 0.7, bed)


def _paint_phases(
    bands: FloatArray, height: FloatArray, cover: FloatArray, world: World, scenery: Scenery, number: float,
    rng: np.random.Generator,
) -> None:  # fmt: skip
    """Lay today's covers; of two on one place the higher order shows, translucent ones over the opaque below."""
    at = {id(phase): index for index, phase in enumerate(world.phases)}
    today = active(world.phases, number)
    if not today:
        return
    solid = [phase for phase in today if phase.opacity >= 0.999]
    for group, thin in ((solid, False), (today, True)):
        if not group:
            continue
        shapes = [
            (_seen(world.phase_shapes.iloc[at[id(phase)]], phase, scenery), row + 1) for row, phase in enumerate(group)
        ]
        index = rasterize(
            shapes, out_shape=scenery.raster.shape, transform=scenery.raster.transform, fill=0, dtype="int32"
        )
        wanted = np.array([False, *((phase.opacity < 0.999) or not thin for phase in group)])
        rows, cols = np.nonzero(wanted[index])
        which = index[rows, cols] - 1
        colour = np.stack([phase.colour(number) for phase in group])
        shiny = np.array([phase.shiny for phase in group])
        colour *= np.exp(0.2 * shiny * rng.standard_normal(len(group)))[:, None]
        age = np.array([number - phase.start for phase in group])
        weeds = (
            np.array([phase.weeds for phase in group])
            * (1.0 - np.exp(-np.maximum(age - 25.0, 0.0) / 110.0))
            * warmth(number)
        )
        rough = np.array([phase.rough for phase in group], dtype=np.float32)
        opacity = np.array([phase.opacity for phase in group], dtype=np.float32)[which]
        uneven = scenery.patchy[1][rows, cols]
        grown = np.clip(weeds[which] * (1.0 + 0.6 * uneven), 0.0, 0.95).astype(np.float32)
        wet = 1.0 - 0.2 * world.weather.of(world.weather.wet, number)
        seen = colour[which].T * wet * (1.0 + rough[which] * (0.8 * scenery.fine[rows, cols] + 0.5 * uneven))
        seen = seen * (1.0 - grown) + spectrum("weeds")[:, None] * grown
        bands[:, rows, cols] = bands[:, rows, cols] * (1.0 - opacity) + seen * opacity
        high = np.array([phase.height_m for phase in group], dtype=np.float32)[which]
        height[rows, cols] = high if not thin else np.maximum(height[rows, cols], high)
        cover[rows, cols] = grown


def _seen(shape: BaseGeometry, phase: Phase, scenery: Scenery) -> BaseGeometry:
    """Where a cover shows on the grid: things with height lean."""
    high = max(phase.height_m, 0.0)
    if high < 2.5 or scenery.lean == (0.0, 0.0):
        return shape
    return affinity.translate(shape, scenery.lean[0] * high, scenery.lean[1] * high)


def _view(
    bands: FloatArray, cover: FloatArray, scenery: Scenery, elevation: float, azimuth: float, orbit: int
) -> None:  # fmt: skip
    """Sun on slopes, and the difference between looking with the sun and against it; both strongest when it is low."""
    zenith_cos, zenith_sin = np.sin(elevation), np.cos(elevation)
    toward = scenery.slope_east * np.sin(azimuth) + scenery.slope_north * np.cos(azimuth)
    lit = (zenith_cos - zenith_sin * toward) / np.sqrt(1.0 + scenery.slope_east**2 + scenery.slope_north**2)
    bands *= ((np.maximum(lit, 0.03) + 0.22) / (zenith_cos + 0.22)).astype(np.float32)
    side = np.float32((1.0 if orbit == 0 else -1.0) * (0.6 + 0.8 * zenith_sin))
    bands *= 1.0 + side * (0.018 + 0.035 * cover)


def shadow(height: FloatArray, pixel_m: float, elevation: float, azimuth: float) -> FloatArray:
    """1 where something between here and the sun stands in the light, else 0."""
    top = float(height.max())
    reach = int(np.ceil(top / np.tan(elevation) / pixel_m))
    dark = np.zeros(height.shape, dtype=np.float32)
    rows, cols = height.shape
    for step in range(1, min(reach, 160) + 1):
        down, right = -int(round(step * np.cos(azimuth))), int(round(step * np.sin(azimuth)))
        here = (slice(max(0, -down), rows - max(0, down)), slice(max(0, -right), cols - max(0, right)))
        there = (slice(max(0, down), rows + min(0, down)), slice(max(0, right), cols + min(0, right)))
        dark[here][height[there] - height[here] > step * pixel_m * np.tan(elevation)] = 1.0
    return dark


def _paint_snow(bands: FloatArray, height: FloatArray, world: World, scenery: Scenery, number: float) -> None:
    """Snow that lies, thaws first on roofs and roads, and last in the fields' hollows."""
    for fall in world.weather.snow:
        age = number - fall.day
        if not 0.0 <= age <= 1.8 * fall.lasts_days:
            continue
        amount = fall.depth * (1.15 - 0.9 * age / fall.lasts_days)
        built = np.isin(world.patches.shapes["kind"].to_numpy(), ("building", "main_road", "town", "works"))
        less = np.where(built, 0.25 + 0.12 * age, 0.0).astype(np.float32)[scenery.patch] + 0.03 * np.minimum(
            height, 12.0
        )
        cover = amount - less + 0.22 * scenery.patchy[2] + 0.2 * scenery.broad + 0.3 * scenery.slope_north
        cover = np.clip(cover * 1.6, 0.0, 0.96).astype(np.float32)
        share = np.float32(np.clip(age / 5.0, 0.0, 1.0))
        snow = spectrum("snow") * (1.0 - share) + spectrum("old_snow") * share
        bands += (snow[:, None, None] - bands) * cover
