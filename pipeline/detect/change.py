"""Pixel evidence of change between two aligned, normalised images, on a block with a halo."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.detect.expectation import Expectation, unexpected
from pipeline.detect.visible import building_index, greenness
from pipeline.spectra import bsi, mndwi, ndvi

FloatArray = NDArray[np.float32]

TRUNCATE = 3.0
LEAST_DIFFERENCE = 0.02
VISIBLE = ("pan", "blue", "green", "red")
FEATURES: tuple[str, ...] = (
    "cva_fine",
    "cva_coarse",
    "cva_visible",
    "cva_infrared",
    "change_edges",
    "unexpected",
    "decorrelation",
    "decorrelation_least",
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
    "greenness_after",
    "greenness_fall",
    "building_after",
)


def halo_px(scale_px: float) -> int:
    """Pixels a block must be grown by so that no feature, nor the smoothed score, depends on the block's edge."""
    return int(np.ceil(22 * scale_px)) + 8


@dataclass(frozen=True)
class DifferenceStatistics:
    """What is fitted once over a pair: median and robust spread (1.4826 MAD) of after - before per band.

    ``expectation``: what one date lets expect of the other; without it the feature ``unexpected`` is NaN.
    """

    median: tuple[float, ...]
    spread: tuple[float, ...]
    expectation: Expectation | None = None


def smooth(image: FloatArray, *, sigma_px: float) -> FloatArray:
    """Gaussian mean of the pixels that have a value, (y, x) or (band, y, x); NaN only where the centre has none."""
    if image.ndim == 3:
        return np.stack([smooth(band, sigma_px=sigma_px) for band in image])
    return Smoother(np.asarray(np.isfinite(image), dtype=bool), sigma_px=sigma_px)(image)


class Smoother:
    """Gaussian means over the pixels (y, x) that several images share."""

    def __init__(self, known: NDArray[np.bool_], *, sigma_px: float) -> None:
        self.known, self.sigma_px = known, sigma_px
        self.weight = self._blurred(known.astype(np.float32))

    def __call__(self, image: FloatArray) -> FloatArray:
        """The mean of ``image`` (y, x) or (band, y, x) around every known pixel, NaN elsewhere."""
        if image.ndim == 3:
            return np.stack([self(band) for band in image])
        total = self._blurred(np.where(self.known, image, 0.0).astype(np.float32))
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.known, total / self.weight, np.nan).astype(np.float32)

    def _blurred(self, image: FloatArray) -> FloatArray:
        return np.asarray(ndimage.gaussian_filter(image, self.sigma_px, mode="constant", truncate=TRUNCATE))


def difference_statistics(difference: FloatArray, level: FloatArray | None = None) -> DifferenceStatistics:
    """Robust statistics of a sample (band, n) of after - before; NaN columns are left out.

    ``level``: the brightness of the same pixels; two looks never agree better than :data:`LEAST_DIFFERENCE` of its
    median, so that an image against itself shows no change where resampling softened an edge. A band that never differs
    gets at least the spread 1e-4, the resolution of stored reflectance.
    """
    usable = difference[:, np.isfinite(difference).all(axis=0)].astype(np.float64)
    if usable.shape[1] == 0:
        return DifferenceStatistics((0.0,) * len(difference), (1.0,) * len(difference))
    median = np.median(usable, axis=1)
    spread = 1.4826 * np.median(np.abs(usable - median[:, None]), axis=1)
    least = np.full(len(spread), 1e-4)
    if level is not None:
        known = level[:, np.isfinite(difference).all(axis=0)].astype(np.float64)
        least = np.maximum(least, LEAST_DIFFERENCE * np.median(np.abs(known), axis=1))
    return DifferenceStatistics(tuple(median.tolist()), tuple(np.maximum(spread, least).tolist()))


def standardised_difference(difference: FloatArray, statistics: DifferenceStatistics) -> FloatArray:
    """Robust z of after - before, (band, y, x)."""
    median = np.asarray(statistics.median, dtype=np.float32)[:, None, None]
    spread = np.asarray(statistics.spread, dtype=np.float32)[:, None, None]
    return np.asarray((difference - median) / spread, dtype=np.float32)


def change_vector(z: FloatArray) -> FloatArray:
    """Root mean square over bands of smoothed robust z (band, y, x), to (y, x).

    Change vector analysis (Malila 1980) on standardised, smoothed differences.
    """
    return np.sqrt(np.mean(z * z, axis=0, dtype=np.float64)).astype(np.float32)


def local_correlation(before: FloatArray, after: FloatArray, soft: Smoother, *, noise: float) -> FloatArray:
    """Correlation of two images (y, x) in the window of ``soft``, -1..1; ``noise``: the spread below which it fades.

    1 means the same pattern, about 0 a pattern replaced by another or by nothing.
    """
    mean_first, mean_second = soft(before), soft(after)
    covariance = soft(before * after) - mean_first * mean_second
    variance_first = np.maximum(soft(before * before) - mean_first**2, 0.0)
    variance_second = np.maximum(soft(after * after) - mean_second**2, 0.0)
    floor = np.float32(noise * noise)
    correlation = (covariance + floor) / np.sqrt((variance_first + floor) * (variance_second + floor))
    return np.asarray(np.clip(correlation, -1.0, 1.0), dtype=np.float32)


def gradient(image: FloatArray, *, sigma_px: float) -> FloatArray:
    """Gradient magnitude per pixel of a smoothed image (y, x); NaN beside missing pixels."""
    if min(image.shape) < 2:
        return np.where(np.isfinite(image), np.float32(0.0), np.float32(np.nan))
    rows, cols = np.gradient(smooth(image, sigma_px=sigma_px))
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
    missing are NaN everywhere; all others are NaN where a pixel has no value in one of the images, those of texture and
    edges beside it too.
    ``scale_px``: width of the finest smoothing, 1 at 10 m, more for finer pixels (:func:`scale_px_of`).
    """
    both = np.asarray(np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0), dtype=bool)
    first = np.where(both, before, np.nan).astype(np.float32)
    second = np.where(both, after, np.nan).astype(np.float32)
    fine = Smoother(both, sigma_px=scale_px)
    soft_first, soft_second = fine(first), fine(second)
    found = (
        _size_of_change(second - first, bands, statistics, fine)
        | _loss_of_pattern(first, second, statistics, Smoother(both, sigma_px=2.0 * scale_px))
        | _light_and_texture(first.mean(axis=0), second.mean(axis=0), fine)
        | _indices(soft_first, soft_second, bands)
        | _of_visible_light(second, soft_first, soft_second, bands, fine)
    )
    if statistics.expectation is not None:
        found["unexpected"] = unexpected(soft_first, soft_second, statistics.expectation)
    nothing = np.full(both.shape, np.nan, dtype=np.float32)
    return np.stack([np.where(both, found.get(name, nothing), np.nan) for name in FEATURES]).astype(np.float32)


def given_features(bands: Sequence[str]) -> frozenset[str]:
    """Those of :data:`FEATURES` that images of these ``bands`` give; what needs a sample of the scene counts as given."""
    alike = np.full((len(bands), 8, 8), 0.1, dtype=np.float32)
    level = DifferenceStatistics((0.0,) * len(bands), (0.01,) * len(bands))
    found = evidence(alike, alike, bands, level)
    given = {name for name, layer in zip(FEATURES, found, strict=True) if np.isfinite(layer).any()}
    return frozenset(given | {"unexpected"})


def _size_of_change(
    difference: FloatArray, bands: Sequence[str], statistics: DifferenceStatistics, fine: Smoother
) -> dict[str, FloatArray]:
    """How large the difference is: near and far, apart for the bands that crops change little and much, its edges.

    Construction changes visible light and has edges; the seasons of plants change the infrared over whole fields.
    """
    z = standardised_difference(difference, statistics)
    soft = fine(z)
    at_visible = [index for index, name in enumerate(bands) if name in VISIBLE]
    at_infrared = [index for index, name in enumerate(bands) if name not in VISIBLE]
    steep = [gradient(band, sigma_px=0.7 * fine.sigma_px) for band in z]
    edges = np.sqrt(np.sum([band * band for band in steep], axis=0)).astype(np.float32)
    found = {
        "cva_fine": change_vector(soft),
        "cva_coarse": change_vector(Smoother(fine.known, sigma_px=2.5 * fine.sigma_px)(z)),
        "change_edges": smooth(edges, sigma_px=4.0 * fine.sigma_px),
    }
    if at_visible and at_infrared:
        found |= {"cva_visible": change_vector(soft[at_visible]), "cva_infrared": change_vector(soft[at_infrared])}
    return found


def _loss_of_pattern(
    first: FloatArray, second: FloatArray, statistics: DifferenceStatistics, wide: Smoother
) -> dict[str, FloatArray]:
    """1 - local correlation: of the mean of all bands, and of the band that kept its pattern best."""
    noise = 0.5 * np.asarray(statistics.spread, dtype=np.float32)
    kept = [
        local_correlation(one, two, wide, noise=float(level))
        for one, two, level in zip(first, second, noise, strict=True)
    ]
    light = local_correlation(first.mean(axis=0), second.mean(axis=0), wide, noise=float(noise.mean()))
    return {"decorrelation": 1.0 - light, "decorrelation_least": 1.0 - np.max(kept, axis=0)}


def _light_and_texture(before: FloatArray, after: FloatArray, fine: Smoother) -> dict[str, FloatArray]:
    """Brightness and local texture of both dates."""
    texture_before, texture_after = (
        smooth(gradient(light, sigma_px=fine.sigma_px), sigma_px=2.0 * fine.sigma_px) for light in (before, after)
    )
    return {
        "brightness_after": fine(after),
        "brightness_before": fine(before),
        "brightness_rise": fine(after - before),
        "texture_rise": texture_after - texture_before,
        "texture_after": texture_after,
    }


def _indices(before: FloatArray, after: FloatArray, bands: Sequence[str]) -> dict[str, FloatArray]:
    """Indices of plants, bare soil and water from smoothed images, as far as the bands allow."""
    at = {name: index for index, name in enumerate(bands)}
    found: dict[str, FloatArray] = {}
    if {"nir", "red"} <= at.keys():
        green_before, green_after = (ndvi(image[at["nir"]], image[at["red"]]) for image in (before, after))
        found |= {"ndvi_before": green_before, "ndvi_after": green_after, "ndvi_fall": green_before - green_after}
    if {"blue", "red", "nir", "swir1"} <= at.keys():
        needed = ("blue", "red", "nir", "swir1")
        bare = [bsi(*(image[at[name]] for name in needed)) for image in (before, after)]
        found |= {"bsi_after": bare[1], "bsi_rise": bare[1] - bare[0]}
    if {"green", "swir1"} <= at.keys():
        found["mndwi_after"] = mndwi(after[at["green"]], after[at["swir1"]])
    return found


def _of_visible_light(
    after: FloatArray, soft_before: FloatArray, soft_after: FloatArray, bands: Sequence[str], fine: Smoother
) -> dict[str, FloatArray]:
    """Plants and buildings from colours alone, for images without infrared."""
    if not {"red", "green", "blue"} <= set(bands) <= set(VISIBLE):
        return {}
    green_before, green_after = (greenness(image, bands) for image in (soft_before, soft_after))
    building = fine(building_index(after, scale_px=fine.sigma_px))
    return {
        "greenness_after": green_after, "greenness_fall": green_before - green_after, "building_after": building,
    }  # fmt: skip
