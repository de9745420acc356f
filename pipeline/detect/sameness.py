"""What speaks against change in absolute terms: two looks that agree within what no eye tells, and misfit at edges."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.detect.change import smooth

FloatArray = NDArray[np.float32]

SOFT_PX = 1.0
HALO_PX = 4
NOISE_SHARE = 0.06
NOISE_OF_SCENE = 0.07
SAME = 0.3
MOST_ODDS = 8.0
LEAST_RESIDUAL_PX = 0.2


def sameness_odds(before: FloatArray, after: FloatArray, *, light: float) -> FloatArray:
    """Log odds, 0 or less, (y, x), from how well two looks (band, y, x) agree; ``light``: the scene's mean brightness.

    Every other measure is relative to its scene, and in a scene where nothing changed the largest differences are still
    the largest. Here the difference counts in noise of 6 % of a pixel's brightness and 7 % of the scene's: below
    :data:`SAME` of it (one in a hundred labelled changes of Sentinel-2, nine in ten of ordinary ground lie above)
    nothing was built, however much it stands out.
    """
    first, second = smooth(before, sigma_px=SOFT_PX), smooth(after, sigma_px=SOFT_PX)
    noise = NOISE_SHARE * np.maximum(np.abs(first), np.abs(second)) + np.float32(max(NOISE_OF_SCENE * light, 1e-6))
    away = np.sqrt(np.mean(((second - first) / noise) ** 2, axis=0))
    return np.nan_to_num(-MOST_ODDS * np.clip(1.0 - away / SAME, 0.0, 1.0), nan=0.0).astype(np.float32)


def misfit_share(before: FloatArray, after: FloatArray, mask: NDArray[np.bool_], *, residual_px: float) -> float:
    """Share of an object's change, 0..1, that images lying ``residual_px`` apart would show without any change.

    ``before``/``after``: (band, y, x) around the object ``mask`` (y, x). A misfit shows where an edge lies on both
    dates, by at most the edge's steepness times the misfit; what was built has its edges on the later date only.
    """
    steep = np.minimum(_steepness(before), _steepness(after)) * max(residual_px, LEAST_RESIDUAL_PX)
    change = np.abs(after - before)
    known = mask & np.isfinite(change).all(axis=0) & np.isfinite(steep).all(axis=0)
    total = float(change[:, known].sum(dtype=np.float64))
    return float(np.minimum(change, steep)[:, known].sum(dtype=np.float64)) / total if total > 0.0 else 0.0


def _steepness(image: FloatArray) -> FloatArray:
    """Largest gradient within a pixel, per band; an edge that moved lies beside where it was."""
    if min(image.shape[1:]) < 2:
        return np.zeros_like(image)
    return np.stack([ndimage.maximum_filter(np.hypot(*np.gradient(band)), size=3) for band in image])
