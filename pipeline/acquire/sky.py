"""What hides the ground in a pair of images without a scene classification: wide cloud, haze, snow, shadow.

Only what is wider than anything people build is said to hide the ground, on a raster of samples of the images:
a white roof and a cloud of its size look alike, and a roof taken for a cloud would be a site lost without a word.
Small clouds therefore stay in a pair; a mask (``--valid``) or a month's series, which sees that clouds do not stay,
takes them out.
"""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.values import Validity

FloatArray = NDArray[np.float32]
CodeArray = NDArray[np.uint8]
MaskArray = NDArray[np.bool_]

CORE_M = 300.0
SHADOW_CORE_M = 80.0
SHADOW_REACH_M = 3000.0
GROWN_M = 60.0
BRIGHT, VERY_BRIGHT = 0.28, 0.42
RISE = 0.10
HAZE_RISE = 0.05
WHITE = 0.75
SNOW_INDEX = 0.4
SNOW_GREEN = 0.35
SHADOW_RATIO = 0.6
STRETCHED_BRIGHT = 0.85
BLACK = 3.5 / 255.0
BLACK_CORE_PX = 4.0


def sky_codes(
    image: FloatArray, other: FloatArray, bands: Sequence[str], *, sample_m: float | None, reflectance: bool
) -> CodeArray:
    """Validity codes (y, x) of ``image`` from itself and the other date: CLEAR, NO_DATA, CLOUD, HAZE, SNOW, SHADOW.

    Both (band, y, x) on one raster of samples ``sample_m`` metres apart (None: not known, then only what covers the
    whole image counts), NaN where there is no data. ``reflectance``: False for stretched values 0..1 (8 bit), where
    only what is white and nearly at the top is cloud and what is black up to the border has no data.
    Cloud: white and either far brighter than any ground, or clearly brighter than on the other date, in an area that
    holds a disc of :data:`CORE_M`; haze: lifted in blue more than in red, over the same size; snow: bright with a
    snow index (green against swir1) above 0.4; shadow: darker in every band than on the other date, in reach of a
    cloud. Images without green and red stay clear.
    """
    codes = np.full(image.shape[1:], np.uint8(Validity.CLEAR))
    known = np.asarray(np.isfinite(image).all(axis=0), dtype=bool)
    if not {"green", "red"} <= set(bands) or not known.any():
        return codes
    core_px = CORE_M / sample_m if sample_m else float("inf")
    grown_px = GROWN_M / sample_m if sample_m else 0.0
    if not reflectance:
        white = np.asarray(np.where(known, image.min(axis=0), 0.0) >= STRETCHED_BRIGHT, dtype=bool)
        codes[_wide(white, white, known, core_px)] = Validity.CLOUD
        codes[_black_border(image, known)] = Validity.NO_DATA
        return codes
    bright, weaker, haze, snow = _bright(image, other, list(bands))
    cloud = _wide(bright & ~snow, weaker | bright, known, core_px)
    codes[_grown(_wide(haze, haze, known, core_px), grown_px)] = Validity.HAZE
    if cloud.any() and sample_m:
        near = ndimage.distance_transform_edt(~cloud) <= SHADOW_REACH_M / sample_m
        with np.errstate(invalid="ignore"):
            darker = np.asarray((image < SHADOW_RATIO * other).all(axis=0), dtype=bool)
        codes[_wide(darker, darker, known, SHADOW_CORE_M / sample_m) & near] = Validity.SHADOW
    codes[_grown(cloud, grown_px)] = Validity.CLOUD
    codes[_wide(snow, snow, known, core_px)] = Validity.SNOW
    return np.where(known, codes, np.uint8(Validity.CLEAR))


def _bright(
    image: FloatArray, other: FloatArray, names: list[str]
) -> tuple[MaskArray, MaskArray, MaskArray, MaskArray]:
    """Where reflectance is as of cloud, as of its thinner rim, as of haze and as of snow."""
    first = names.index("blue") if "blue" in names else names.index("green")
    blue, red = image[first], image[names.index("red")]
    with np.errstate(invalid="ignore"):
        rise, red_rise = _over_usual(blue - other[first]), _over_usual(red - other[names.index("red")])
        white = (red >= WHITE * blue) & (blue >= WHITE * red)
        if "nir" in names:
            white &= image[names.index("nir")] >= WHITE * red
        bright = white & (((blue >= BRIGHT) & (rise >= RISE)) | (blue >= VERY_BRIGHT))
        weaker = white & (blue >= BRIGHT - RISE) & (rise >= 0.5 * RISE)
        haze = (rise >= HAZE_RISE) & (rise > red_rise) & white
        snow = _snow(image, names) & bright
    return bright, weaker, haze, snow


def _black_border(image: FloatArray, known: MaskArray) -> MaskArray:
    """Black areas that hold a small disc and reach the border or ground without data: the fill of a turned mosaic."""
    black = known & (np.where(known, image.max(axis=0), 1.0) <= BLACK)
    if not black.any():
        return black
    solid = _wide(black, black, known, BLACK_CORE_PX)
    labels, _ = ndimage.label(solid | ~known)
    rim = np.concatenate([labels[0], labels[-1], labels[:, 0], labels[:, -1], labels[~known]])
    return np.asarray(solid & np.isin(labels, np.unique(rim[rim > 0])), dtype=bool)


def _over_usual(difference: FloatArray) -> FloatArray:
    """What a difference has over the scene's own, when that is brighter: another sun or air is no cloud.

    The lower quartile, so that a scene half under cloud still shows it.
    """
    known = difference[np.isfinite(difference)]
    usual = float(np.quantile(known, 0.25)) if known.size else 0.0
    return difference - np.float32(min(max(usual, 0.0), HAZE_RISE))


def _snow(image: FloatArray, names: Sequence[str]) -> MaskArray:
    if not {"green", "swir1"} <= set(names):
        return np.zeros(image.shape[1:], dtype=bool)
    green, short = image[list(names).index("green")], image[list(names).index("swir1")]
    return np.asarray((green - short > SNOW_INDEX * (green + short)) & (green >= SNOW_GREEN), dtype=bool)


def _disc(radius_px: float) -> MaskArray:
    reach = np.arange(-int(radius_px), int(radius_px) + 1)
    return np.asarray(reach[:, None] ** 2 + reach[None, :] ** 2 <= radius_px**2)


def _wide(mask: MaskArray, around: MaskArray, known: MaskArray, core_px: float) -> MaskArray:
    """Parts of ``around`` connected to cores of ``mask`` that hold a disc; what is not known stops no core."""
    closed = ndimage.binary_closing(mask, np.ones((3, 3), dtype=bool)) | mask | ~known
    core = mask if closed.all() else mask & (ndimage.distance_transform_edt(closed) > core_px)
    if not core.any():
        return np.zeros(mask.shape, dtype=bool)
    reach = ndimage.distance_transform_edt(~core) <= core_px + 1.0
    return np.asarray(core | (around & known & reach), dtype=bool)


def _grown(mask: MaskArray, grown_px: float) -> MaskArray:
    if not mask.any():
        return mask
    return np.asarray(ndimage.distance_transform_edt(~mask) <= grown_px, dtype=bool)
