"""Linear radiometric normalisation of a scene to its reference, chosen by its residual on held-out blocks."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

from pipeline.values import Gain

FloatArray = NDArray[np.float32]

MIN_SAMPLES = 500
MAX_OFFSET = 0.05


def apply_gain(image: FloatArray, gain: Gain) -> FloatArray:
    """``slope * image + offset`` per band of (band, y, x) or (band, n); NaN stays NaN."""
    shape = (-1,) + (1,) * (image.ndim - 1)
    slope = np.asarray(gain.slope, dtype=np.float32).reshape(shape)
    offset = np.asarray(gain.offset, dtype=np.float32).reshape(shape)
    return slope * image + offset


def fit_gain(
    reference: FloatArray,
    moving: FloatArray,
    held_out: NDArray[np.bool_],
    *,
    max_slope: float,
    same_scale: bool,
) -> Gain:
    """Choose among no correction, median ratio and median/MAD matching by the residual on held-out samples.

    ``reference``/``moving``: (band, n) samples at the same places, NaN where unusable. ``held_out``: (n,) samples not
    fitted on, on which the residual (mean over bands of the median absolute difference, divided by the reference's
    spread) is compared. Slopes outside 1 / ``max_slope`` .. ``max_slope`` and offsets beyond 0.05 are cut, unless
    ``same_scale`` is False: images in different radiometric units may need any slope and offset.
    """
    usable = np.isfinite(reference).all(axis=0) & np.isfinite(moving).all(axis=0)
    count = len(reference)
    identity = Gain("none", (1.0,) * count, (0.0,) * count, 0.0)
    fit, test = usable & ~held_out, usable & held_out
    if fit.sum() < MIN_SAMPLES or test.sum() < MIN_SAMPLES:
        return identity
    stable = _stable(reference[:, fit].astype(np.float64), moving[:, fit].astype(np.float64))
    first, second = reference[:, fit][:, stable].astype(np.float64), moving[:, fit][:, stable].astype(np.float64)
    limits = (1.0 / max_slope, max_slope) if same_scale else (0.0, np.inf)
    candidates = [_ratio(first, second, limits), _matching(first, second, limits)]
    if same_scale:
        candidates.insert(0, identity)
    scored = [_scored(gain, reference[:, test], moving[:, test]) for gain in candidates]
    return min(scored, key=lambda gain: gain.held_out_residual)


def _stable(reference: NDArray[np.float64], moving: NDArray[np.float64]) -> NDArray[np.bool_]:
    """The half of the samples that differ least from median/MAD matching."""
    matched = _matching(reference, moving, (0.0, np.inf))
    spread = _spread(reference)[:, None]
    slope, offset = np.array(matched.slope)[:, None], np.array(matched.offset)[:, None]
    away = np.mean(np.abs(slope * moving + offset - reference) / spread, axis=0)
    return np.asarray(away <= np.median(away), dtype=bool)


def _spread(sample: NDArray[np.float64]) -> NDArray[np.float64]:
    middle = np.median(sample, axis=1, keepdims=True)
    return np.maximum(1.4826 * np.median(np.abs(sample - middle), axis=1), 1e-6)


def _ratio(reference: NDArray[np.float64], moving: NDArray[np.float64], limits: tuple[float, float]) -> Gain:
    ratio = np.median(reference, axis=1) / np.maximum(np.median(moving, axis=1), 1e-6)
    slope = np.clip(ratio, *limits)
    return _gain("ratio", slope, np.zeros(len(slope)))


def _matching(reference: NDArray[np.float64], moving: NDArray[np.float64], limits: tuple[float, float]) -> Gain:
    slope = np.clip(_spread(reference) / _spread(moving), *limits)
    offset = np.median(reference, axis=1) - slope * np.median(moving, axis=1)
    if np.isfinite(limits[1]):
        offset = np.clip(offset, -MAX_OFFSET, MAX_OFFSET)
    return _gain("median_mad", slope, offset)


def _gain(method: str, slope: NDArray[np.float64], offset: NDArray[np.float64]) -> Gain:
    return Gain(
        method,
        tuple(round(float(value), 6) for value in slope),
        tuple(round(float(value), 6) for value in offset),
        0.0,
    )


def _scored(gain: Gain, reference: FloatArray, moving: FloatArray) -> Gain:
    away = np.median(np.abs(apply_gain(moving, gain).astype(np.float64) - reference), axis=1)
    residual = float(np.mean(away / _spread(reference.astype(np.float64))))
    return Gain(gain.method, gain.slope, gain.offset, round(residual, 6))
