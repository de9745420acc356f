"""A 2 m mosaic in 8 bits of a part of the wild city: pansharpened, stretched to please, pieced from several days."""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass
from datetime import date, timedelta

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.simulate.frame import SCENE_CRS, day_number
from pipeline.simulate.wild.city import WildCity
from pipeline.simulate.wild.frame import sun
from pipeline.simulate.wild.materials import FloatArray
from pipeline.simulate.wild.raster import Raster, noise
from pipeline.simulate.wild.render import Scenery, leaning, make_scenery, surface
from pipeline.simulate.wild.sentinel import detectors

PIXEL_M, FINE_M, COLOUR_M = 2.0, 1.0, 8.0
_AIR = np.array((0.030, 0.019, 0.012, 0.006), dtype=np.float32)
_PAN = np.array((0.15, 0.3, 0.3, 0.25), dtype=np.float32)


@dataclass(frozen=True)
class Mosaic:
    """A delivered mosaic: uint8 (bands, rows, cols), 0 = no data, and the interval its pixels' days lie in.

    ``strip_days``: the true day of each strip, ``strip``: its number per pixel (truth; not delivered).
    """

    name: str
    first: date
    last: date
    bands: NDArray[np.uint8]
    strip: NDArray[np.uint8]
    strip_days: tuple[date, ...]


def mosaic_grid(city: WildCity, *, side_m: float = 1200.0) -> Raster:
    """A square of the city, on whole 2 m pixels, where most changes lie."""
    sites = city.sites.geometry.to_crs(SCENE_CRS)
    grid = city.grid
    width, height = grid.shape[1] * 10.0, grid.shape[0] * 10.0
    side = min(side_m, width - 40.0, height - 40.0) // COLOUR_M * COLOUR_M
    best, place = -1, (grid.left + 20.0, grid.top - 20.0)
    for down in np.arange(20.0, height - side, 100.0):
        for right in np.arange(20.0, width - side, 100.0):
            left, top = grid.left + right, grid.top - down
            count = int(sites.within(shapely.box(left, top - side, left + side, top)).sum())
            if count > best:
                best, place = count, (left, top)
    pixels = int(side / PIXEL_M)
    return Raster(place[0], place[1], PIXEL_M, (pixels, pixels))


def mosaics(city: WildCity, *, grid: Raster, every_months: int = 3, bands: int = 4) -> Iterator[Mosaic]:
    """One mosaic for every ``every_months`` months of the history; ``bands``: 3 (blue, green, red) or 4 (with nir)."""
    scenery = make_scenery(city.world, grid.widened(48.0).refined(int(PIXEL_M / FINE_M)))
    first = city.span.first
    number = 0
    while True:
        later = first.year * 12 + first.month - 1 + every_months
        after = date(later // 12, later % 12 + 1, 1)
        last = after - timedelta(days=1)
        if last > city.span.last:
            return
        yield _mosaic(city, grid, scenery, first, last, number, bands)
        first, number = after, number + 1


def _mosaic(
    city: WildCity, grid: Raster, scenery: Scenery, first: date, last: date, number: int, bands: int
) -> Mosaic:  # fmt: skip
    rng = np.random.default_rng(np.random.SeedSequence([city.seed, 0x4D4F, number]))
    days = sorted(first + timedelta(days=int(day)) for day in rng.integers(0, (last - first).days + 1, 2))
    rows, cols = np.indices(grid.shape)
    slope, centre = float(rng.uniform(-0.35, 0.35)), float(rng.uniform(0.3, 0.7))
    strip = (cols / grid.shape[1] > centre + slope * (rows / grid.shape[0] - 0.5)).astype(np.uint8)
    result = np.zeros((bands, *grid.shape), dtype=np.uint8)
    for index, day in enumerate(days):
        seen = _strip(city, grid, scenery, day, rng)
        result[:, strip == index] = stretch(seen, rng)[:bands, strip == index]
    return Mosaic(f"VHR_{first:%Y-%m}_{last:%Y-%m}", first, last, result, strip, tuple(days))


def _strip(city: WildCity, grid: Raster, scenery: Scenery, day: date, rng: np.random.Generator) -> FloatArray:
    """Reflectance (4, rows, cols) at 2 m of one pass with its own view, hour and air; colours come from 8 m pixels."""
    off_nadir, heading = np.deg2rad(float(rng.uniform(2.0, 24.0))), float(rng.uniform(0.0, 2.0 * np.pi))
    lean = (float(np.tan(off_nadir) * np.sin(heading)), float(np.tan(off_nadir) * np.cos(heading)))
    tilted = leaning(scenery, city.world.patches, lean)
    fine, _ = surface(city.world, tilted, float(day_number(day)), int(rng.integers(2)), rng)
    fine = fine[:4]
    dy, dx = rng.normal(0.0, 1.2, 2)
    sharp = _sampled(np.tensordot(_PAN, fine, axes=1)[None], scenery.raster, grid, dy, dx, 1.1)[0]
    coarse = Raster(grid.left, grid.top, COLOUR_M, tuple(-(-size * 2 // 8) for size in grid.shape))  # type: ignore[arg-type]
    colours = _sampled(fine, scenery.raster, coarse, dy / 4.0, dx / 4.0, 3.5)
    factor = int(COLOUR_M / PIXEL_M)
    wide = np.stack([ndimage.zoom(band, factor, order=1, mode="nearest", grid_mode=True) for band in colours])
    wide = wide[:, : grid.shape[0], : grid.shape[1]]
    detail = sharp / np.maximum(np.tensordot(_PAN, wide, axes=1), 1e-3)
    haze = float(np.exp(rng.normal(0.0, 0.6)))
    veil = np.clip(1.0 + 0.3 * noise(rng, 400.0).on(grid), 0.2, None)
    result = wide * np.clip(detail, 0.2, 3.5) + haze * _AIR[:, None, None] * veil
    elevation, _ = sun(day_number(day))
    result *= np.float32(np.sin(elevation) ** 0.35)
    result += rng.standard_normal(result.shape) * 0.003
    return np.asarray(result, dtype=np.float32)


def _sampled(fine: FloatArray, source: Raster, target: Raster, dy_px: float, dx_px: float, psf_m: float) -> FloatArray:
    down = detectors(source, target, float(dy_px), axis=0, psf_m=psf_m)
    across = detectors(source, target, float(dx_px), axis=1, psf_m=psf_m)
    return np.stack([down @ (across @ band.T).T for band in fine]).astype(np.float32)


def stretch(seen: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """8 bits as a workshop would stretch one date: cut tails, a gamma and a cast of its own; 1..255."""
    low, high = float(rng.uniform(0.1, 2.0)), float(rng.uniform(97.8, 99.8))
    gamma, cast = float(rng.uniform(0.6, 1.05)), rng.normal(1.0, 0.05, len(seen))
    out = np.empty(seen.shape, dtype=np.uint8)
    for band, values in enumerate(seen):
        floor, top = np.percentile(values[::4, ::4], (low, high))
        shown = np.clip((values - floor) / max(float(top - floor), 1e-4), 0.0, 1.0) ** gamma * cast[band]
        out[band] = np.clip(np.rint(shown * 250.0 + 2.0), 1, 255)
    return out
