"""Band names and the spectral indices several rooms use; reflectance 0..1, NaN where there is none."""

from __future__ import annotations

from typing import TypeVar

import numpy as np
from numpy.typing import NDArray

BANDS: tuple[str, ...] = ("blue", "green", "red", "nir", "swir1", "swir2")
RESERVED_BANDS: tuple[str, ...] = ("rededge1", "rededge2", "rededge3", "nir08", "pan", "s1_vv", "s1_vh")

FloatArray = NDArray[np.float32]
Value = TypeVar("Value", float, FloatArray)

NOISE_FLOOR = 0.01
NOISE_SHARE = 0.06


def normalised_difference(first: FloatArray, second: FloatArray) -> FloatArray:
    """``(first - second) / (first + second)``; NaN where the sum is not positive."""
    total = first + second
    with np.errstate(divide="ignore", invalid="ignore"):
        return np.where(total > 0, (first - second) / total, np.nan).astype(np.float32)


def ndvi(nir: FloatArray, red: FloatArray) -> FloatArray:
    """Normalised difference vegetation index (Rouse et al. 1974)."""
    return normalised_difference(nir, red)


def mndwi(green: FloatArray, swir1: FloatArray) -> FloatArray:
    """Modified normalised difference water index (Xu 2006)."""
    return normalised_difference(green, swir1)


def bsi(blue: FloatArray, red: FloatArray, nir: FloatArray, swir1: FloatArray) -> FloatArray:
    """Bare soil index (Rikimaru et al. 2002)."""
    return normalised_difference(swir1 + red, nir + blue)


def haze_index(blue: Value, red: Value) -> Value:
    """Blue over half of red: what haze and cloud raise on any ground (Zhang et al. 2002, as in Zhu & Woodcock 2012)."""
    return blue - 0.5 * red


def brightness(bands: FloatArray) -> FloatArray:
    """Mean reflectance over the band axis, (band, y, x) to (y, x)."""
    return bands.mean(axis=0, dtype=np.float64).astype(np.float32)


def distance(first: FloatArray, second: FloatArray) -> FloatArray:
    """Root mean square over bands of the difference of two images (band, ...) in units of sensor and season noise."""
    noise = NOISE_FLOOR + NOISE_SHARE * np.maximum(first, second)
    return np.asarray(np.sqrt(np.mean(((first - second) / noise) ** 2, axis=0)), dtype=np.float32)
