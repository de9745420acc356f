"""The fixed interpolation kernel with which every scene is read onto the working grid."""

from __future__ import annotations

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
MARGIN_PX = 3


@njit(nogil=True)
def _weight(distance: float) -> float:
    """Keys' cubic convolution kernel with a = -0.5 (Keys 1981)."""
    x = abs(distance)
    if x < 1.0:
        return 1.5 * x * x * x - 2.5 * x * x + 1.0
    if x < 2.0:
        return -0.5 * x * x * x + 2.5 * x * x - 4.0 * x + 2.0
    return 0.0


@njit(nogil=True)
def _cubic(source: FloatArray, rows: NDArray[np.float64], cols: NDArray[np.float64], out: FloatArray) -> None:
    bands, height, width = source.shape
    for at in range(rows.size):
        if not (-0.5 <= rows[at] <= height - 0.5 and -0.5 <= cols[at] <= width - 0.5):
            continue
        nearest_row = min(max(int(np.floor(rows[at] + 0.5)), 0), height - 1)
        nearest_col = min(max(int(np.floor(cols[at] + 0.5)), 0), width - 1)
        first_row, first_col = int(np.floor(rows[at])) - 1, int(np.floor(cols[at])) - 1
        for band in range(bands):
            if np.isnan(source[band, nearest_row, nearest_col]):
                continue
            total, weights = 0.0, 0.0
            complete = True
            for row in range(first_row, first_row + 4):
                for col in range(first_col, first_col + 4):
                    weight = _weight(rows[at] - row) * _weight(cols[at] - col)
                    if weight == 0.0:
                        continue
                    if row < 0 or col < 0 or row >= height or col >= width or np.isnan(source[band, row, col]):
                        complete = False
                        continue
                    total += weight * source[band, row, col]
                    weights += weight
            if complete:
                out[band, at] = total / weights
            else:
                out[band, at] = _linear(source, band, rows[at], cols[at])


@njit(nogil=True)
def _linear(source: FloatArray, band: int, at_row: float, at_col: float) -> float:
    total, weights = 0.0, 0.0
    first_row, first_col = int(np.floor(at_row)), int(np.floor(at_col))
    for row in range(first_row, first_row + 2):
        for col in range(first_col, first_col + 2):
            if row < 0 or col < 0 or row >= source.shape[1] or col >= source.shape[2]:
                continue
            if np.isnan(source[band, row, col]):
                continue
            weight = (1.0 - abs(at_row - row)) * (1.0 - abs(at_col - col))
            total += weight * source[band, row, col]
            weights += weight
    return total / weights


def interpolate(source: FloatArray, rows: NDArray[np.float64], cols: NDArray[np.float64]) -> FloatArray:
    """Values of ``source`` (band, y, x) at fractional pixel indices ``rows``/``cols`` of any equal shape.

    Index 0.0 is the centre of the first pixel. Cubic convolution (Keys 1981, a = -0.5) where all sixteen neighbours
    have a value, bilinear over those that have one otherwise; NaN outside and where the nearest pixel has no value.
    At whole indices the stored value comes back unchanged.
    """
    flat = np.full((source.shape[0], rows.size), np.nan, dtype=np.float32)
    _cubic(
        np.ascontiguousarray(source, dtype=np.float32),
        np.ascontiguousarray(rows, dtype=np.float64).ravel(),
        np.ascontiguousarray(cols, dtype=np.float64).ravel(),
        flat,
    )
    return flat.reshape((source.shape[0], *rows.shape))


def interpolate_averaged(
    source: FloatArray, rows: NDArray[np.float64], cols: NDArray[np.float64], *, factor: float
) -> FloatArray:
    """As :func:`interpolate`, but the mean over the target pixel when it is ``factor`` > 1.5 source pixels wide.

    Sub-samples spread evenly over the target pixel's footprint are averaged; a pixel without a value in more than
    half of them is NaN.
    """
    count = int(np.ceil(factor)) if factor > 1.5 else 1
    if count == 1:
        return interpolate(source, rows, cols)
    steps = ((np.arange(count) + 0.5) / count - 0.5) * factor
    total = np.zeros((source.shape[0], *rows.shape), dtype=np.float64)
    known = np.zeros(total.shape, dtype=np.int32)
    for down in steps:
        for right in steps:
            part = interpolate(source, rows + down, cols + right)
            total += np.nan_to_num(part, nan=0.0)
            known += np.isfinite(part)
    with np.errstate(invalid="ignore", divide="ignore"):
        return np.where(2 * known > count * count, total / known, np.nan).astype(np.float32)


def nearest(
    source: NDArray[np.uint8], rows: NDArray[np.float64], cols: NDArray[np.float64], *, fill: int
) -> NDArray[np.uint8]:
    """Codes of ``source`` (y, x) at the nearest pixel of each fractional index; ``fill`` outside."""
    row = np.floor(rows + 0.5).astype(np.int64)
    col = np.floor(cols + 0.5).astype(np.int64)
    inside = (row >= 0) & (col >= 0) & (row < source.shape[0]) & (col < source.shape[1])
    out = np.full(rows.shape, fill, dtype=np.uint8)
    out[inside] = source[row[inside], col[inside]]
    return out
