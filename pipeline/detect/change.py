"""Pixel evidence of change between two aligned, normalised images, on a block with a halo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.spectra import bsi, mndwi, ndvi

FloatArray = NDArray[np.float32]

TRUNCATE = 3.0
FEATURES: tuple[str, ...] = (
    "cva_fine",
    "cva_coarse",
    "decorrelation",
    "brightness_after",
    "brightness_rise",
    "texture_rise",
    "ndvi_after",
    "ndvi_fall",
    "bsi_after",
    "bsi_rise",
    "mndwi_after",
    "brightness_before",
    "ndvi_before",
    "texture_after",
)


def halo_px(scale_px: float) -> int:
    """Pixels a block must be grown by so that no feature, nor the smoothed score, depends on the block's edge."""
    return int(np.ceil(16 * scale_px)) + 8


@dataclass(frozen=True)
class DifferenceStatistics:
    """Median and robust spread (1.4826 MAD) of after - before, one of each per band, over unmasked pixels."""

    median: tuple[float, ...]
    spread: tuple[float, ...]


def smooth(image: FloatArray, *, sigma_px: float) -> FloatArray:
    """Gaussian mean of the pixels that have a value, (y, x) or (band, y, x); NaN only where the centre has none."""
    if image.ndim == 3:
        return np.stack([smooth(band, sigma_px=sigma_px) for band in image])
    known = np.isfinite(image)
    weight = ndimage.gaussian_filter(known.astype(np.float32), sigma_px, mode="constant", truncate=TRUNCATE)
    total = ndimage.gaussian_filter(
        np.where(known, image, 0.0).astype(np.float32), sigma_px, mode="constant", truncate=TRUNCATE
    )
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(known, total / weight, np.nan).astype(np.float32)


def difference_statistics(difference: FloatArray) -> DifferenceStatistics:
    """Robust statistics of a sample (band, n) of after - before; NaN columns are left out.

    A band that never differs gets the spread 1e-4, the resolution of stored reflectance.
    """
    usable = difference[:, np.isfinite(difference).all(axis=0)].astype(np.float64)
    if usable.shape[1] == 0:
        return DifferenceStatistics((0.0,) * len(difference), (1.0,) * len(difference))
    median = np.median(usable, axis=1)
    spread = 1.4826 * np.median(np.abs(usable - median[:, None]), axis=1)
    return DifferenceStatistics(tuple(median.tolist()), tuple(np.maximum(spread, 1e-4).tolist()))


def change_vector(difference: FloatArray, statistics: DifferenceStatistics, *, sigma_px: float) -> FloatArray:
    """Root mean square over bands of the smoothed robust z of after - before, (band, y, x) to (y, x).

    Change vector analysis (Malila 1980) on standardised, smoothed differences.
    """
    median = np.asarray(statistics.median, dtype=np.float32)[:, None, None]
    spread = np.asarray(statistics.spread, dtype=np.float32)[:, None, None]
    z = smooth((difference - median) / spread, sigma_px=sigma_px)
    return np.sqrt(np.mean(z * z, axis=0, dtype=np.float64)).astype(np.float32)


def local_correlation(before: FloatArray, after: FloatArray, *, sigma_px: float, noise: float) -> FloatArray:
    """Correlation of two images (y, x) in a Gaussian window, -1..1; ``noise`` is the spread below which it fades.

    1 means the same pattern, about 0 a pattern replaced by another or by nothing.
    """
    both = np.isfinite(before) & np.isfinite(after)
    first = np.where(both, before, np.nan).astype(np.float32)
    second = np.where(both, after, np.nan).astype(np.float32)
    mean_first, mean_second = smooth(first, sigma_px=sigma_px), smooth(second, sigma_px=sigma_px)
    covariance = smooth(first * second, sigma_px=sigma_px) - mean_first * mean_second
    variance_first = np.maximum(smooth(first * first, sigma_px=sigma_px) - mean_first**2, 0.0)
    variance_second = np.maximum(smooth(second * second, sigma_px=sigma_px) - mean_second**2, 0.0)
    floor = np.float32(noise * noise)
    correlation = (covariance + floor) / np.sqrt((variance_first + floor) * (variance_second + floor))
    return np.asarray(np.clip(correlation, -1.0, 1.0), dtype=np.float32)


def gradient(image: FloatArray, *, sigma_px: float) -> FloatArray:
    """Gradient magnitude per pixel of a smoothed image (y, x); NaN beside missing pixels."""
    soft = smooth(image, sigma_px=sigma_px)
    rows, cols = np.gradient(soft)
    return np.asarray(np.hypot(rows, cols), dtype=np.float32)


def evidence(
    before: FloatArray,
    after: FloatArray,
    bands: Sequence[str],
    statistics: DifferenceStatistics,
    *,
    scale_px: float = 1.0,
) -> FloatArray:
    """The raw features of :data:`FEATURES` per pixel, (feature, y, x) float32.

    ``before``/``after``: reflectance-like (band, y, x), NaN where not observable in either. Features whose bands are
    missing are NaN everywhere; all others are NaN exactly where a pixel has no value in one of the images.
    ``scale_px``: width of the finest smoothing, 1 at 10 m, more for finer pixels (:func:`scale_px_of`).
    """
    names = list(bands)
    both = np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0)
    first = np.where(both, before, np.nan).astype(np.float32)
    second = np.where(both, after, np.nan).astype(np.float32)
    difference = second - first
    light_first, light_second = first.mean(axis=0), second.mean(axis=0)
    noise = 0.5 * float(np.mean(statistics.spread))
    texture_first, texture_second = (
        smooth(gradient(light, sigma_px=scale_px), sigma_px=2.0 * scale_px) for light in (light_first, light_second)
    )
    found: dict[str, FloatArray] = {
        "cva_fine": change_vector(difference, statistics, sigma_px=scale_px),
        "cva_coarse": change_vector(difference, statistics, sigma_px=2.5 * scale_px),
        "decorrelation": 1.0 - local_correlation(light_first, light_second, sigma_px=2.0 * scale_px, noise=noise),
        "brightness_after": smooth(light_second, sigma_px=scale_px),
        "brightness_before": smooth(light_first, sigma_px=scale_px),
        "brightness_rise": smooth(light_second - light_first, sigma_px=scale_px),
        "texture_rise": texture_second - texture_first,
        "texture_after": texture_second,
    }
    soft_first, soft_second = smooth(first, sigma_px=scale_px), smooth(second, sigma_px=scale_px)
    at = {name: index for index, name in enumerate(names)}
    if {"nir", "red"} <= at.keys():
        green_first = ndvi(soft_first[at["nir"]], soft_first[at["red"]])
        green_second = ndvi(soft_second[at["nir"]], soft_second[at["red"]])
        found |= {"ndvi_before": green_first, "ndvi_after": green_second, "ndvi_fall": green_first - green_second}
    if {"blue", "red", "nir", "swir1"} <= at.keys():
        needed = ("blue", "red", "nir", "swir1")
        bare = [bsi(*(soft[at[name]] for name in needed)) for soft in (soft_first, soft_second)]
        found |= {"bsi_after": bare[1], "bsi_rise": bare[1] - bare[0]}
    if {"green", "swir1"} <= at.keys():
        found["mndwi_after"] = mndwi(soft_second[at["green"]], soft_second[at["swir1"]])
    nothing = np.full(both.shape, np.nan, dtype=np.float32)
    return np.stack([np.where(both, found.get(name, nothing), np.nan) for name in FEATURES]).astype(np.float32)
