"""Evidence for images of visible light alone, where no infrared tells plants from roofs."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

FloatArray = NDArray[np.float32]

NARROWEST, WIDEST = 1.85, 11.5
"""Width of bright things, in finest smoothings of 1.5 m: above a car's 3 m, up to a house's 17 m."""
BRIGHTER_THAN_ALL = np.float32(1e6)
LEAST_LIGHT = np.float32(0.05)


def greenness(image: FloatArray, bands: Sequence[str]) -> FloatArray:
    """Excess green over the sum of light, (2 green - red - blue) / (red + green + blue), (band, y, x) to (y, x).

    Woebbecke et al. 1995; positive for plants, about 0 for grey ground, negative for tiles and soil.
    """
    return excess_green(*(image[list(bands).index(name)] for name in ("red", "green", "blue")))


def excess_green(red: FloatArray, green: FloatArray, blue: FloatArray) -> FloatArray:
    """:func:`greenness` of three bands of one shape."""
    return np.asarray((2.0 * green - red - blue) / (red + green + blue + LEAST_LIGHT), dtype=np.float32)


def building_index(image: FloatArray, *, scale_px: float) -> FloatArray:
    """How far things wider than a car and narrower than a large house outshine what is around, (band, y, x) to (y, x).

    Difference of white top-hats of the brightest band, after the morphological building index (Huang and Zhang 2011)
    with square instead of linear elements. NaN where the image has no value; missing pixels never count as dark.
    """
    light = np.max(image, axis=0)
    known = np.isfinite(light)
    filled = np.where(known, light, BRIGHTER_THAN_ALL).astype(np.float32)
    narrow, wide = (_opened(filled, _odd(width * scale_px)) for width in (NARROWEST, WIDEST))
    found = np.maximum(light - wide, 0.0) - np.maximum(light - narrow, 0.0)
    return np.where(known, found, np.nan).astype(np.float32)


def _opened(light: FloatArray, size: int) -> FloatArray:
    eroded = ndimage.minimum_filter(light, size=size, mode="nearest")
    return np.asarray(ndimage.maximum_filter(eroded, size=size, mode="nearest"), dtype=np.float32)


def _odd(width: float) -> int:
    return 2 * round(width / 2.0 - 0.5) + 1
