"""What is on every fine pixel: parcel, strip, texture, roofs; and its reflectance on a day."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import geopandas as gpd
import numpy as np
import pyproj
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import fft, ndimage
from scipy.sparse import csr_array
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.crops import CALENDARS, LEAVES, FloatArray, crop_reflectance, spectrum, value
from pipeline.simulate.frame import CITY_CRS, SCENE_CRS, Frame, day_number
from pipeline.simulate.landscape import LAND_CLASS, Landscape
from pipeline.simulate.sites import Sites

FINE_M = 5.0
PIXEL_M = 10.0
EDGE_PX = 16
_ROOFS = ("red_roof", "grey_roof", "blue_steel", "white_roof", "concrete", "yard_soil", "garden")
_VILLAGE_MIX = (0.26, 0.17, 0.05, 0.02, 0.12, 0.2, 0.18)
_TOWN_MIX = (0.14, 0.34, 0.08, 0.03, 0.18, 0.09, 0.14)
_KINDS = tuple(LAND_CLASS)
_COVERS = {"pond": "water", "river": "water", "main_road": "asphalt", "farm_road": "track", "yard": "yard_soil"}
_CONTRAST = {"village": 0.1, "town": 0.1, "works": 0.1, "pond": 0.02, "river": 0.02}
_LOOKS = {"land_levelling": "subsoil", "pond_digging": "pit", "drying_ground": "grain"}
_SITE_ROOFS = ("blue_steel", "grey_roof", "white_roof", "concrete")
_WORKS_MIX = (0.02, 0.12, 0.36, 0.16, 0.24, 0.08, 0.02)


@dataclass(frozen=True)
class Ground:
    """Static rasters on the fine grid (rows, cols), 5 m pixels of :data:`SCENE_CRS`, ``EDGE_PX`` wider than a scene.

    ``parcel``: row of the landscape's parcels; ``lateness_days``, ``vigour``, ``soil``, ``texture``: persistent
    variation of fields; ``roof``: index into the roof mosaic; ``transform``: of the fine grid; ``shape_px``: rows
    and columns of a scene at 10 m; ``scene_transform``: of a scene.
    """

    parcel: NDArray[np.int32]
    lateness_days: FloatArray
    vigour: FloatArray
    soil: FloatArray
    texture: FloatArray
    roof: NDArray[np.uint8]
    trees: NDArray[np.bool_]
    land: tuple[str, ...]
    transform: Affine
    shape_px: tuple[int, int]
    scene_transform: Affine


def smooth_noise(rng: np.random.Generator, shape: tuple[int, int], scale_px: float) -> FloatArray:
    """Random field (rows, cols) of mean 0 and standard deviation near 1, correlated over about ``scale_px``."""
    rows, cols = (_spline(size, scale_px) for size in shape)
    field = rows @ (cols @ rng.standard_normal((cols.shape[1], rows.shape[1])).astype(np.float32)).T
    result: FloatArray = ((field - field.mean()) / max(float(field.std()), 1e-6)).astype(np.float32)
    return result


def _spline(size: int, scale_px: float) -> csr_array:
    """Cubic B-spline weights (size, knots) of ``size`` pixels on knots every ``scale_px``."""
    at = np.arange(size) / scale_px
    knot = np.floor(at).astype(np.int64)
    t = (at - knot).astype(np.float32)
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6.0
    columns = knot[:, None] + np.arange(4)
    pointer = np.arange(size + 1) * 4
    return csr_array((weights.ravel().astype(np.float32), columns.ravel(), pointer), shape=(size, int(knot[-1]) + 4))


def scene_grid(frame: Frame) -> tuple[Affine, tuple[int, int]]:
    """Transform and (rows, cols) of the scenes: the city's bounds in :data:`SCENE_CRS`, whole pixels, 80 m around."""
    city = gpd.GeoSeries([box(*frame.bounds)], crs=CITY_CRS).segmentize(100.0).to_crs(SCENE_CRS)
    xmin, ymin, xmax, ymax = city.total_bounds
    left, bottom = np.floor((xmin - 20) / PIXEL_M) * PIXEL_M, np.floor((ymin - 20) / PIXEL_M) * PIXEL_M
    cols, rows = int(np.ceil((xmax + 20 - left) / PIXEL_M)), int(np.ceil((ymax + 20 - bottom) / PIXEL_M))
    return Affine(PIXEL_M, 0.0, left, 0.0, -PIXEL_M, bottom + rows * PIXEL_M), (rows, cols)


def make_ground(*, frame: Frame, landscape: Landscape, rngs: dict[str, np.random.Generator]) -> Ground:
    """Rasterise the landscape at 5 m and give every field, strip, roof and tree its own look."""
    scene_transform, (rows, cols) = scene_grid(frame)
    factor = int(PIXEL_M / FINE_M)
    # the far edges are stretched to lengths the Fourier transform likes
    shape = tuple(fft.next_fast_len(size * factor + 2 * EDGE_PX, real=True) for size in (rows, cols))
    transform = Affine(FINE_M, 0.0, scene_transform.c - EDGE_PX * FINE_M, 0.0, -FINE_M,
                       scene_transform.f + EDGE_PX * FINE_M)  # fmt: skip
    parcels = landscape.parcels.to_crs(SCENE_CRS)
    shapes = zip(parcels.geometry, parcels["parcel"] + 1, strict=True)
    parcel = rasterize(shapes, out_shape=shape, transform=transform, fill=0, dtype="int32") - 1
    # the drawn margin may leave corners of the rotated scene bare: repeat the nearest parcel there
    if (parcel < 0).any():
        nearest = ndimage.distance_transform_edt(parcel < 0, return_distances=False, return_indices=True)
        parcel = parcel[tuple(nearest)]
    rng, crops = rngs["texture"], rngs["crops"]
    count = len(parcels)
    strip = _strips(parcel, landscape, transform, crops)
    table = crops.standard_normal(1 << 16).astype(np.float32)
    strip_noise = table[(parcel.astype(np.int64) * 131 + strip) % table.size]
    strip_noise2 = table[(parcel.astype(np.int64) * 197 + strip * 7 + 11) % table.size]
    late = np.clip(crops.normal(0.0, 6.5, count), -16, 16).astype(np.float32)
    shape_noise = smooth_noise(rng, shape, 60.0)
    fine = ndimage.gaussian_filter(rng.standard_normal(shape).astype(np.float32), 0.7) * 2.0
    land = tuple(str(name) for name in landscape.parcels["land"])
    road_ids = np.array([name in ("farm_road", "main_road") for name in land])
    beside = ndimage.binary_dilation(road_ids[parcel], iterations=2) & ~road_ids[parcel]
    return Ground(
        parcel=parcel.astype(np.int32),
        lateness_days=late[parcel] + 2.2 * strip_noise + 1.5 * shape_noise,
        vigour=1.0 + 0.05 * crops.standard_normal(count).astype(np.float32)[parcel] + 0.05 * strip_noise2
        + 0.03 * shape_noise,
        soil=1.0 + 0.09 * crops.standard_normal(count).astype(np.float32)[parcel] + 0.07 * strip_noise
        + 0.05 * shape_noise,
        texture=fine,
        roof=_roofs(parcel, land, rng),
        trees=beside & (smooth_noise(rng, shape, 24.0) > 0.55),
        land=land,
        transform=transform,
        shape_px=(rows, cols),
        scene_transform=scene_transform,
    )  # fmt: skip


def _strips(
    parcel: NDArray[np.int32], landscape: Landscape, transform: Affine, rng: np.random.Generator
) -> NDArray[np.int64]:
    """Number of the smallholder's strip on every pixel: bands 8 to 28 m wide along the parcel's direction."""
    to_scene = pyproj.Transformer.from_crs(CITY_CRS, SCENE_CRS, always_xy=True)
    xmin, ymin, xmax, _ = landscape.parcels.total_bounds
    x, y = to_scene.transform([xmin, xmax], [ymin, ymin])
    turn = float(np.arctan2(y[1] - y[0], x[1] - x[0]))
    angle = landscape.parcels["angle"].to_numpy() + turn
    width = rng.uniform(8.0, 28.0, len(angle))
    rows, cols = np.indices(parcel.shape)
    east, north = cols * transform.a, rows * transform.e
    across = -np.sin(angle)[parcel] * east + np.cos(angle)[parcel] * north
    numbers: NDArray[np.int64] = np.floor(across / width[parcel]).astype(np.int64)
    return numbers


def _roofs(parcel: NDArray[np.int32], land: tuple[str, ...], rng: np.random.Generator) -> NDArray[np.uint8]:
    """Mosaic of houses, yards and gardens: pieces of two by two fine pixels in villages, larger ones in the town."""
    result = np.full(parcel.shape, 255, dtype=np.uint8)
    for name, mix, piece in (("village", _VILLAGE_MIX, 2), ("town", _TOWN_MIX, 2), ("works", _WORKS_MIX, 7)):
        size = (-(-parcel.shape[0] // piece), -(-parcel.shape[1] // piece))
        draw = rng.choice(len(_ROOFS), size, p=np.array(mix) / sum(mix)).astype(np.uint8)
        full = np.repeat(np.repeat(draw, piece, axis=0), piece, axis=1)[: parcel.shape[0], : parcel.shape[1]]
        here = np.array([kind == name for kind in land])[parcel]
        result[here] = full[here]
    return result


@dataclass(frozen=True)
class Weather:
    """One scene's own state of the ground: ``wet`` darkens soil (1 = dry), ``late_days`` and ``vigour`` per parcel."""

    wet: FloatArray
    late_days: FloatArray
    vigour: FloatArray


def reflectance(ground: Ground, sites: Sites, day: date, weather: Weather) -> FloatArray:
    """Surface reflectance (6, rows, cols) of the fine grid on ``day``, 0..1, without atmosphere or sensor."""
    number = np.float32(day_number(day))
    bands = np.zeros((6, *ground.parcel.shape), dtype=np.float32)
    code = np.array([_KINDS.index(name) for name in ground.land], dtype=np.uint8)[ground.parcel]
    days = number - ground.lateness_days - weather.late_days[ground.parcel]
    vigour = ground.vigour * weather.vigour[ground.parcel]
    for system in CALENDARS:
        here = code == _KINDS.index(system)
        bands[:, here] = crop_reflectance(system, days[here], vigour[here], (ground.soil * weather.wet)[here])
    leaves = value(LEAVES, days)
    trees = (code == _KINDS.index("wood")) | ground.trees
    canopy = spectrum("green")[:, None] * 0.88
    bands[:, trees] = canopy * leaves[trees] + spectrum("leafless")[:, None] * (1.0 - leaves[trees])
    for name, material in _COVERS.items():
        bands[:, (code == _KINDS.index(name)) & ~ground.trees] = spectrum(material)[:, None]
    _built_up(bands, ground, leaves)
    contrast = np.array([_CONTRAST.get(name, 0.035) for name in _KINDS], dtype=np.float32)[code]
    _draw_sites(bands, contrast, ground, sites, day)
    bands *= 1.0 + contrast * ground.texture
    return np.clip(bands, 0.002, 0.95, out=bands)


def _built_up(bands: FloatArray, ground: Ground, leaves: FloatArray) -> None:
    for index, material in enumerate(_ROOFS):
        here = ground.roof == index
        bands[:, here] = (0.7 * spectrum(material) + 0.3 * spectrum("yard_soil"))[:, None]
        if material == "garden":
            bands[:, here] = spectrum("garden")[:, None] * leaves[here] + spectrum("yard_soil")[:, None] * (
                1.0 - leaves[here]
            )


def _draw_sites(bands: FloatArray, contrast: FloatArray, ground: Ground, sites: Sites, day: date) -> None:
    """Paint lookalikes and every site as it stood on ``day``; nothing but the material differs from other ground."""
    looks = sites.lookalikes
    now = looks[(looks["from"] <= day) & (looks["to"] >= day)]
    for what, shape in zip(now["what"], now.geometry.to_crs(SCENE_CRS), strict=True):
        mixed = 0.8 * spectrum(_LOOKS[what]) + 0.2 * spectrum("soil")
        canvas = _Canvas(shape, bands, contrast, ground)
        canvas.paint(canvas.mask(shape), mixed, spread=0.06)
    stages = sites.stages[sites.stages["from"] <= day]
    if stages.empty:
        return
    shapes = stages.geometry.to_crs(SCENE_CRS)
    for site, rows in stages.groupby("site_id", sort=True):
        _draw_site(str(site), str(rows["stage"].iloc[-1]), shapes.loc[rows.index[0]], shapes.loc[rows.index[-1]],
                   bands, contrast, ground)  # fmt: skip


class _Canvas:
    """The fine pixels around a shape: views into the scene's arrays, so that painting them paints the scene."""

    def __init__(self, shape: BaseGeometry, bands: FloatArray, contrast: FloatArray, ground: Ground) -> None:
        xmin, ymin, xmax, ymax = shape.bounds
        col, row = (int((xmin - ground.transform.c) / FINE_M) - 2, int((ground.transform.f - ymax) / FINE_M) - 2)
        height, width = int((ymax - ymin) / FINE_M) + 5, int((xmax - xmin) / FINE_M) + 5
        self.window = (slice(max(row, 0), max(row, 0) + height), slice(max(col, 0), max(col, 0) + width))
        self.bands, self.contrast = bands[:, *self.window], contrast[self.window]
        self.texture, self.soil = ground.texture[self.window], ground.soil[self.window]
        self.transform = Affine(FINE_M, 0.0, ground.transform.c + self.window[1].start * FINE_M, 0.0, -FINE_M,
                                ground.transform.f - self.window[0].start * FINE_M)  # fmt: skip

    def mask(self, shape: BaseGeometry) -> NDArray[np.bool_]:
        """True on the pixels whose centre lies in ``shape``."""
        if shape.is_empty:
            return np.zeros(self.contrast.shape, dtype=bool)
        size = self.contrast.shape
        burnt = rasterize([(shape, 1)], out_shape=size, transform=self.transform, dtype="uint8")
        return np.asarray(burnt, dtype=np.bool_)

    def paint(self, here: NDArray[np.bool_], material: FloatArray, *, spread: float) -> None:
        """Set ``here`` to a material whose brightness wanders with the ground's own smooth variation."""
        wander = 1.0 + spread * (self.soil[here] - 1.0) / 0.1
        self.bands[:, here] = material[:, None].astype(np.float32) * wander.astype(np.float32)


def _draw_site(
    site: str, stage: str, first: BaseGeometry, extent: BaseGeometry, bands: FloatArray, contrast: FloatArray,
    ground: Ground,
) -> None:  # fmt: skip
    """Bare subsoil over the whole extent, the stage's material over the part begun first; tinted per site."""
    canvas = _Canvas(extent, bands, contrast, ground)
    tint = np.float32(1.0 + 0.08 * _hash_noise(site))
    here = canvas.mask(extent)
    canvas.paint(here, spectrum("subsoil") * tint, spread=0.07)
    canvas.contrast[here] = 0.06
    # soil heaps and left-over weeds on about a tenth of the bare ground
    level = 1.45 + 0.2 * _hash_noise(site)
    weeds, dark = here & (canvas.texture > level), here & (canvas.texture < -level)
    canvas.bands[:, weeds] = 0.5 * canvas.bands[:, weeds] + 0.5 * spectrum("garden")[:, None]
    canvas.bands[:, dark] = 0.55 * canvas.bands[:, dark] + 0.45 * spectrum("pit")[:, None]
    inner = first.buffer(-4.0) if first.area > 1500.0 else first
    core = canvas.mask(inner)
    if stage == "pit":
        canvas.paint(core, spectrum("pit") * tint, spread=0.12)
        canvas.contrast[core] = 0.14
    elif stage == "structure":
        canvas.paint(core, spectrum("frame") * tint, spread=0.1)
        canvas.bands[:, core & (canvas.texture > 1.1)] = spectrum("dust_net")[:, None]
        canvas.contrast[core] = 0.16
    elif stage == "roofed":
        roof = _SITE_ROOFS[int(abs(_hash_noise(site)) * 1000) % len(_SITE_ROOFS)]
        canvas.bands[:, core] = spectrum("concrete")[:, None]
        built = canvas.mask(inner.buffer(-2.0) if inner.area > 900.0 else inner)
        canvas.bands[:, built] = (spectrum(roof) * tint)[:, None]
        canvas.contrast[core] = 0.08


def _hash_noise(text: str) -> float:
    """A fixed number in [-1, 1] for a text."""
    total = 0
    for position, letter in enumerate(text):
        total = (total * 131 + ord(letter) * (position + 7)) % 100003
    return total / 50001.5 - 1.0


def parcel_weather(ground: Ground, rng: np.random.Generator) -> Weather:
    """A scene's weather: rain of the last days darkens soils unevenly, fields are a little early or late."""
    count = len(ground.land)
    level = float(rng.uniform(0.82, 1.12))
    wet = level * (1.0 + 0.05 * smooth_noise(rng, ground.parcel.shape, 90.0))
    return Weather(
        wet=wet.astype(np.float32),
        late_days=rng.normal(0.0, 1.5, count).astype(np.float32),
        vigour=(1.0 + rng.normal(0.0, 0.03, count)).astype(np.float32) * np.float32(rng.uniform(0.95, 1.05)),
    )
