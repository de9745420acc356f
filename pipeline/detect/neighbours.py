"""How much of the surrounding land changed alike: harvest and ploughing change whole districts, construction one place."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.spectra import brightness, ndvi, normalised_difference

FloatArray = NDArray[np.float32]
MaskArray = NDArray[np.bool_]

# After-state and change of vegetation index, brightness (times 3 to be of the same size) and SWIR/NIR contrast.
TOLERANCE = (0.12, 0.12, 0.12, 0.15, 0.15, 0.15)
BRIGHTNESS_SCALE = np.float32(3.0)
# A share that a construction site typically shares with its surroundings by chance, and the least one that counts.
ORDINARY_SHARE = 0.03
LEAST_SHARE = 0.01
# Pixels around an object that may still show it.
MARGIN_PX = 3


def states(before: FloatArray, after: FloatArray, bands: Sequence[str]) -> FloatArray:
    """After-state and change (state, y, x) of two images (band, y, x), NaN where either is unknown."""
    first, second = _state(before, bands), _state(after, bands)
    return np.concatenate([second, second - first])


def _state(image: FloatArray, bands: Sequence[str]) -> FloatArray:
    band = {name: image[index] for index, name in enumerate(bands)}
    layers = [brightness(image) * BRIGHTNESS_SCALE]
    if {"nir", "red"} <= band.keys():
        layers.insert(0, ndvi(band["nir"], band["red"]))
    if {"swir1", "nir"} <= band.keys():
        layers.append(normalised_difference(band["swir1"], band["nir"]))
    return np.stack(layers)


def alike_share(found: FloatArray, mask: MaskArray) -> float:
    """Share of the window outside the object ``mask`` (y, x) whose state and change resemble the object's median.

    ``found``: (state, y, x) as :func:`states` gives. NaN when nothing around the object is known.
    """
    known = np.isfinite(found).all(axis=0)
    inside = mask & known
    outside = known & ~ndimage.binary_dilation(mask, np.ones((3, 3), dtype=bool), iterations=MARGIN_PX)
    if not inside.any() or not outside.any():
        return float("nan")
    middle = np.median(found[:, inside].astype(np.float64), axis=1)
    tolerance = np.array(TOLERANCE if len(found) == len(TOLERANCE) else TOLERANCE[-1:] * len(found))
    near = (np.abs(found - middle[:, None, None]) <= tolerance[:, None, None]).all(axis=0)
    return float((near & outside).sum() / outside.sum())


def neighbour_odds(share: float, *, weight: float) -> float:
    """Log odds to add for a share of alike land; nothing when it is unknown."""
    if not np.isfinite(share):
        return 0.0
    return -weight * float(np.log(max(share, LEAST_SHARE) / ORDINARY_SHARE))
