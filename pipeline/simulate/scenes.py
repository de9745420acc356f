"""What a sensor makes of the ground: haze, clouds and shadows, blur, a sub-pixel shift, gain, offset and noise."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

from pipeline.simulate.crops import FloatArray
from pipeline.simulate.frame import SCENE_DAYS
from pipeline.simulate.ground import EDGE_PX, Ground, parcel_weather, reflectance, smooth_noise
from pipeline.simulate.sites import Sites

PSF_SIGMA_PX = 0.85
"""Blur of the optics in fine pixels (5 m), before the detector's own 10 m average."""
MAX_SHIFT_PX = 1.5
_CLOUD = np.array((0.56, 0.55, 0.55, 0.60, 0.47, 0.36), dtype=np.float32)
_HAZE = np.array((0.030, 0.019, 0.012, 0.005, 0.002, 0.001), dtype=np.float32)


@dataclass(frozen=True)
class SceneTruth:
    """What was done to a scene: content moved by ``dy_px`` down and ``dx_px`` right (10 m pixels), and so on."""

    name: str
    day: date
    dy_px: float
    dx_px: float
    gain: tuple[float, ...]
    offset: tuple[float, ...]
    haze: float
    cloud_share: float


@dataclass(frozen=True)
class Scene:
    """A delivered scene: ``bands`` uint16 (6, rows, cols) reflectance x 10000, 0 = no data; ``cloud`` its true opacity.

    ``classes``: uint8 scene classification on a 20 m grid with the same corner; ``cloud``: (rows, cols) 0..1.
    """

    truth: SceneTruth
    bands: NDArray[np.uint16]
    classes: NDArray[np.uint8]
    cloud: FloatArray


def observe(fine: FloatArray, dy_px: float, dx_px: float, shape_px: tuple[int, int]) -> FloatArray:
    """Fine reflectance (band, rows, cols) at 5 m seen by a 10 m sensor moved by a sub-pixel shift.

    Optics, detector average and shift are one multiplication in the Fourier domain, so the shift is exact at any
    fraction; the result has ``shape_px`` rows and columns. Content moves ``dy_px`` down, ``dx_px`` right.
    """
    rows, cols = fine.shape[1:]
    fy = fft.fftfreq(rows).astype(np.float32)[:, None]
    fx = fft.rfftfreq(cols).astype(np.float32)[None, :]
    blur = np.exp(-2.0 * (np.pi * PSF_SIGMA_PX) ** 2 * (fy**2 + fx**2))
    detector = np.cos(np.pi * fy) * np.cos(np.pi * fx)
    # two fine pixels make one: their common centre lies half a fine pixel behind the first
    phase = np.exp(-2j * np.pi * (fy * (2.0 * dy_px - 0.5) + fx * (2.0 * dx_px - 0.5)))
    response = (blur * detector * phase).astype(np.complex64)
    result = np.empty((fine.shape[0], *shape_px), dtype=np.float32)
    for index, band in enumerate(fine):
        seen = fft.irfft2(fft.rfft2(band) * response, s=(rows, cols))
        result[index] = seen[EDGE_PX : EDGE_PX + 2 * shape_px[0] : 2, EDGE_PX : EDGE_PX + 2 * shape_px[1] : 2]
    return result


def cloud_field(shape: tuple[int, int], share: float, rng: np.random.Generator) -> FloatArray:
    """Opacity (rows, cols) 0..1 of clouds that cover about ``share`` of the fine grid, thick in the middle."""
    if share <= 0.0:
        return np.zeros(shape, dtype=np.float32)
    if share >= 1.0:
        cover: FloatArray = np.clip(0.93 + 0.05 * smooth_noise(rng, shape, 80.0), 0.7, 1.0).astype(np.float32)
        return cover
    field = smooth_noise(rng, shape, 130.0)
    field += 0.45 * smooth_noise(rng, shape, 40.0) + 0.12 * smooth_noise(rng, shape, 8.0)
    level = float(np.quantile(field, 1.0 - share))
    opacity: FloatArray = np.clip((field - level + 0.04) / 0.3, 0.0, 1.0).astype(np.float32)
    return opacity


def make_scene(*, ground: Ground, sites: Sites, index: int, rngs: dict[str, np.random.Generator]) -> Scene:
    """Render the ``index``-th scene of :data:`SCENE_DAYS`; call in order, every scene continues the streams."""
    day, share = SCENE_DAYS[index]
    rng, sky = rngs["scenes"], rngs["clouds"]
    fine = reflectance(ground, sites, day, parcel_weather(ground, rng))
    shape = ground.parcel.shape
    cloud = cloud_field(shape, share, sky)
    run = (int(sky.integers(14, 44)), -int(sky.integers(8, 34)))
    shadow = ndimage.shift(cloud, run, order=0, mode="nearest")
    haze = float(sky.choice([0.1, 0.25, 0.5, 0.9], p=[0.4, 0.3, 0.2, 0.1]))
    veil = haze * (1.0 + 0.35 * smooth_noise(sky, shape, 150.0))
    fine *= 1.0 - 0.55 * shadow * (1.0 - cloud)
    fine += _HAZE[:, None, None] * np.clip(veil, 0.0, 3.0)
    fine *= 1.0 - cloud
    fine += cloud * _CLOUD[:, None, None]
    radius, turn = MAX_SHIFT_PX * float(np.sqrt(rng.uniform(0.0, 1.0))), float(rng.uniform(0.0, 2.0 * np.pi))
    dy, dx = radius * np.sin(turn), radius * np.cos(turn)
    seen = observe(fine, dy, dx, ground.shape_px)
    gain = 1.0 + rng.normal(0.0, 0.015) + rng.normal(0.0, 0.012, 6)
    offset = rng.normal(0.0, 0.002, 6)
    seen = (seen * gain[:, None, None] + offset[:, None, None]).astype(np.float32)
    seen += rng.standard_normal(seen.shape).astype(np.float32) * (0.0012 + 0.012 * np.maximum(seen, 0.0))
    bands = np.clip(np.rint(seen * 10000.0), 1, 65535).astype(np.uint16)
    if index == 1:
        bands[:, _swath_edge(ground.shape_px)] = 0
    opacity, dark = observe(np.stack([cloud, shadow]), dy, dx, ground.shape_px)
    classes = _classify(seen, opacity, dark, rng)
    truth = SceneTruth(f"S2_{day:%Y%m%d}", day, dy, dx, tuple(gain.tolist()), tuple(offset.tolist()), haze,
                       float((opacity > 0.1).mean()))  # fmt: skip
    return Scene(truth, bands, classes, np.clip(opacity, 0.0, 1.0))


def _swath_edge(shape: tuple[int, int]) -> NDArray[np.bool_]:
    """True outside the orbit's swath: a wedge on the east side, about a tenth of the scene."""
    rows, cols = np.indices(shape)
    outside: NDArray[np.bool_] = cols > shape[1] * 0.95 - rows * 0.12
    return outside


def _classify(seen: FloatArray, cloud: FloatArray, shadow: FloatArray, rng: np.random.Generator) -> NDArray[np.uint8]:
    """An imperfect scene classification at 20 m: misses thin cloud and part of the shadows, calls some roofs cloud.

    Codes of the Sentinel-2 scene classification: 3 shadow, 4 vegetation, 5 bare, 6 water, 8 and 9 cloud, 10 cirrus.
    """
    rows, cols = -(-seen.shape[1] // 2), -(-seen.shape[2] // 2)
    pad = ((0, rows * 2 - seen.shape[1]), (0, cols * 2 - seen.shape[2]))

    def coarse(values: FloatArray) -> FloatArray:
        full = np.pad(values, pad, mode="edge")
        mean: FloatArray = full.reshape(rows, 2, cols, 2).mean(axis=(1, 3), dtype=np.float32)
        return mean

    red, nir, green, swir, blue = (coarse(seen[index]) for index in (2, 3, 1, 4, 0))
    thick, dark = coarse(cloud), coarse(shadow)
    result = np.full((rows, cols), 5, dtype=np.uint8)
    result[(nir - red) > 0.35 * (nir + red)] = 4
    result[(green - swir) > 0.15 * (green + swir)] = 6
    result[(dark > 0.5) & (smooth_noise(rng, (rows, cols), 12.0) > -0.5)] = 3
    result[thick > 0.35] = 8
    result[thick > 0.7] = 9
    result[(thick > 0.28) & (thick <= 0.35)] = 10
    result[(blue > 0.31) & (rng.random((rows, cols)) < 0.5)] = 8
    return result
