"""What a satellite of the Sentinel-2 kind makes of the ground: optics, geometry, air, clouds, noise, classes."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from scipy.sparse import csr_array
from scipy.special import ndtr

from pipeline.simulate.wild.frame import day_of_year, sun
from pipeline.simulate.wild.materials import FloatArray
from pipeline.simulate.wild.raster import Raster, noise
from pipeline.simulate.wild.weather import Pass

PSF_M = 3.4
"""Standard deviation of the optics' blur beside the detector's own square, metres."""
MARGIN_M = 120.0
_BLUE = np.array((1.0, 0.72, 0.48, 0.26, 0.07, 0.035), dtype=np.float32)
_CLOUD = np.array((0.62, 0.61, 0.62, 0.66, 0.48, 0.36), dtype=np.float32)


@dataclass(frozen=True)
class View:
    """What was done to a scene: shift of the content down and right (10 m pixels), air and sky.

    ``haze``: path reflectance in the blue; ``cirrus``, ``glint``: mean added reflectance; ``gain``, ``offset`` by band.
    """

    day: int
    orbit: int
    dy_px: float
    dx_px: float
    gain: tuple[float, ...]
    offset: tuple[float, ...]
    haze: float
    cirrus: float
    glint: float
    cloud_share: float


@dataclass(frozen=True)
class Scene:
    """A delivered scene: uint16 (6, rows, cols) reflectance x 10000, 0 = no data; true ``cloud`` and ``shade`` 0..1.

    ``classes``: uint8 scene classification at 20 m.
    """

    view: View
    bands: NDArray[np.uint16]
    classes: NDArray[np.uint8]
    cloud: FloatArray
    shade: FloatArray


def detectors(source: Raster, target: Raster, shift_px: float, *, axis: int, psf_m: float) -> csr_array:
    """Weights (target pixels, source pixels) of one axis: detector square and Gaussian blur, content moved by shift."""
    if axis == 0:
        centres = (source.top - target.north) / source.pixel_m
    else:
        centres = (target.east - source.left) / source.pixel_m
    centres = centres - shift_px * target.pixel_m / source.pixel_m
    half, blur = 0.5 * target.pixel_m / source.pixel_m, psf_m / source.pixel_m
    reach = int(np.ceil(half + 3.2 * blur)) + 1
    first = np.floor(centres).astype(np.int64) - reach
    columns = first[:, None] + np.arange(2 * reach + 1)
    offset = columns + 0.5 - centres[:, None]
    weights = ndtr((offset + half) / blur) - ndtr((offset - half) / blur)
    weights /= weights.sum(axis=1, keepdims=True)
    columns = np.clip(columns, 0, source.shape[axis] - 1)
    rows = np.repeat(np.arange(len(centres)), columns.shape[1])
    return csr_array(
        (weights.ravel().astype(np.float32), (rows, columns.ravel())), shape=(len(centres), source.shape[axis])
    )


def sample(fine: FloatArray, source: Raster, target: Raster, dy_px: float, dx_px: float) -> FloatArray:
    """The fine surface seen at 10 m; the two SWIR bands at 20 m and interpolated, as delivered."""
    down = detectors(source, target, dy_px, axis=0, psf_m=PSF_M)
    across = detectors(source, target, dx_px, axis=1, psf_m=PSF_M)
    rows, cols = target.shape
    seen = np.empty((fine.shape[0], rows, cols), dtype=np.float32)
    for band in range(4):
        seen[band] = down @ (across @ fine[band].T).T
    coarse = Raster(target.left, target.top, 2.0 * target.pixel_m, (-(-rows // 2), -(-cols // 2)))
    down = detectors(source, coarse, dy_px / 2.0, axis=0, psf_m=1.6 * PSF_M)
    across = detectors(source, coarse, dx_px / 2.0, axis=1, psf_m=1.6 * PSF_M)
    for band in range(4, fine.shape[0]):
        wide = down @ (across @ fine[band].T).T
        seen[band] = ndimage.zoom(wide, 2, order=1, mode="nearest", grid_mode=True)[:rows, :cols]
    return seen


def cloud_cover(
    target: Raster, one: Pass, rng: np.random.Generator, elevation: float, azimuth: float
) -> tuple[FloatArray, FloatArray]:
    """Opacity of clouds and darkness of their shadows, (rows, cols) 0..1, thin at the edges."""
    if one.cloud_share <= 0.0:
        return np.zeros(target.shape, dtype=np.float32), np.zeros(target.shape, dtype=np.float32)
    size = float(rng.choice([260.0, 600.0, 1500.0], p=[0.35, 0.35, 0.3]))
    octaves = [
        (noise(rng, size), 1.0),
        (noise(rng, size / 3.1), 0.5),
        (noise(rng, size / 9.0), 0.25),
        (noise(rng, 28.0, knots=256), 0.08),
    ]
    high = float(rng.uniform(700.0, 2600.0)) if size < 1000 else float(rng.uniform(1200.0, 5000.0))
    run = high / np.tan(elevation)
    soft = float(rng.uniform(0.12, 0.7))

    def field(east_m: float, north_m: float) -> FloatArray:
        total = sum((share * surface.on(target, east_m=east_m, north_m=north_m) for surface, share in octaves),
                    np.zeros(target.shape, dtype=np.float32))  # fmt: skip
        return np.asarray(total / 1.15, dtype=np.float32)

    sky = field(0.0, 0.0)
    level = float(np.quantile(sky, 1.0 - min(one.cloud_share, 1.0)))
    cloud = np.clip((sky - level + 0.05) / soft, 0.0, 1.0)
    shade = np.clip((field(-run * np.sin(azimuth), -run * np.cos(azimuth)) - level + 0.05) / soft, 0.0, 1.0)
    edges = (ndimage.gaussian_filter(one, blur) for one, blur in ((cloud, 0.6), (shade**0.7, 1.1)))
    cloud, shade = (np.asarray(one, dtype=np.float32) for one in edges)
    return cloud, shade


def observe(
    fine: FloatArray, source: Raster, target: Raster, one: Pass, *, tilt: tuple[float, float], rng: np.random.Generator
) -> Scene:
    """Turn surface reflectance on the fine grid into a delivered scene; ``tilt``: the orbit's own shift (px)."""
    elevation, azimuth = sun(one.day)
    jitter = 0.28 if rng.random() < 0.85 else 0.9
    dy, dx = (tilt[axis] + float(rng.normal(0.0, jitter)) for axis in (0, 1))
    dy, dx = float(np.clip(dy, -1.5, 1.5)), float(np.clip(dx, -1.5, 1.5))
    seen = sample(fine, source, target, dy, dx)
    cloud, shade = cloud_cover(target, one, rng, elevation, azimuth)
    seen *= 1.0 - np.array((0.5, 0.55, 0.6, 0.66, 0.74, 0.76), dtype=np.float32)[:, None, None] * shade
    # light scattered from the neighbourhood into the pixel, stronger in thick air
    winter = float(np.cos(2.0 * np.pi * (day_of_year(one.day) - 10.0) / 365.25))
    haze = float(np.exp(rng.normal(np.log(0.010 + 0.008 * max(winter, 0.0)), 0.75)))
    for band in range(4):
        around = ndimage.uniform_filter(seen[band], 31, mode="nearest")
        seen[band] += np.float32(min(0.5, 4.0 * haze)) * _BLUE[band] * (around - seen[band])
    veil = np.clip(1.0 + 0.45 * noise(rng, 900.0).on(target) + 0.2 * noise(rng, 260.0).on(target), 0.05, None)
    seen = seen * (1.0 - 0.8 * haze * _BLUE[:, None, None] * veil) + haze * _BLUE[:, None, None] * veil
    glint = float(rng.gamma(0.7, 0.02)) if one.orbit == 1 and elevation > 0.95 else 0.0
    if glint > 0.0:
        smooth = (seen[4] < 0.06) & (seen[1] > seen[4])
        seen += np.float32(glint) * smooth * np.clip(1.0 + 0.5 * noise(rng, 30.0, knots=256).on(target), 0.0, None)
    cirrus = float(rng.gamma(1.2, 0.02)) if rng.random() < 0.22 else 0.0
    if cirrus > 0.0:
        threads = noise(rng, 220.0).on(target, stretch=5.0) + 0.6 * noise(rng, 700.0).on(target, stretch=2.0)
        seen += (cirrus * np.clip(0.8 + 0.8 * threads, 0.0, None))[None] * np.array(
            (1.0, 0.96, 0.95, 0.92, 0.5, 0.36), dtype=np.float32
        )[:, None, None]
    bright = np.clip(1.0 + 0.14 * noise(rng, 120.0).on(target), 0.5, 1.5)
    seen = seen * (1.0 - cloud) + _CLOUD[:, None, None] * bright * cloud
    gain = np.exp(rng.normal(0.0, 0.018) + rng.normal(0.0, 0.012, 6))
    offset = rng.normal(0.0, 0.004) * _BLUE + rng.normal(0.0, 0.0018, 6)
    seen = seen * gain[:, None, None] + offset[:, None, None]
    seen = seen + rng.standard_normal(seen.shape) * (0.0011 + 0.009 * np.maximum(seen, 0.0))
    bands = np.clip(np.rint(seen * 10000.0), 1, 20000).astype(np.uint16)
    if one.orbit == 1:
        bands[:, _beyond_swath(target.shape, rng)] = 0
    classes = classify(bands.astype(np.float32) / 10000.0, cloud, shade, rng)
    view = View(one.day, one.orbit, dy, dx, tuple(gain.tolist()), tuple(offset.tolist()), haze, cirrus, glint,
                float((cloud > 0.15).mean()))  # fmt: skip
    return Scene(view, bands, classes, cloud, shade)


def _beyond_swath(shape: tuple[int, int], rng: np.random.Generator) -> NDArray[np.bool_]:
    """The wedge outside the neighbouring orbit's swath, its edge a little elsewhere every time."""
    rows, cols = np.indices(shape)
    edge = shape[1] * (0.9 + 0.02 * float(rng.random()))
    return np.asarray(cols > edge - 0.17 * rows)


def classify(seen: FloatArray, cloud: FloatArray, shade: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """A scene classification with the usual faults, at 20 m.

    Codes of Sentinel-2's: 0 no data, 2 dark, 3 cloud shadow, 4 plants, 5 bare, 6 water, 7 unclassified, 8 and 9 cloud,
    10 cirrus, 11 snow. Thin cloud and half of the shadow edges are missed, bright roofs and films are called cloud, wet
    dark fields water or shadow.
    """
    rows, cols = -(-seen.shape[1] // 2), -(-seen.shape[2] // 2)
    pad = ((0, rows * 2 - seen.shape[1]), (0, cols * 2 - seen.shape[2]))

    def coarse(values: FloatArray) -> FloatArray:
        full = np.pad(values, pad, mode="edge").reshape(rows, 2, cols, 2)
        return np.asarray(full.mean(axis=(1, 3), dtype=np.float32))

    blue, green, red, nir, swir = (coarse(seen[index]) for index in range(5))
    wild = ndimage.zoom(rng.standard_normal((rows // 6 + 2, cols // 6 + 2)), 6, order=1)[:rows, :cols]
    opaque, dark = coarse(cloud) + 0.06 * wild, coarse(shade) + 0.12 * wild
    result = np.full((rows, cols), 5, dtype=np.uint8)
    result[(nir - red) > 0.33 * (nir + red)] = 4
    result[(green - swir) > 0.1 * (green + swir)] = 6
    result[(nir < 0.09) & (swir < 0.09) & (result != 6)] = 2
    result[(nir > 0.25) & (red > 0.22) & (result == 5)] = 7
    result[((green - swir) > 0.42 * (green + swir)) & (red > 0.2)] = 11
    result[(dark > 0.55) & (opaque < 0.4)] = 3
    result[(blue > 0.27) & (wild > 0.1)] = 8
    result[opaque > 0.42] = 8
    result[opaque > 0.75] = 9
    result[(opaque > 0.3) & (opaque <= 0.42)] = 10
    result[coarse((seen[0] <= 0.0).astype(np.float32)) > 0] = 0
    return result
