"""What a tile of two images says of the shift between them: correlation of the directions of their edges."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import fft, ndimage

FloatArray = NDArray[np.float32]
PlaneArray = NDArray[np.float64]
FieldArray = NDArray[np.complex64]

TILE_PX = 256
STEP_PX = 128
MIN_TILE_PX = 64
REACH_PX = 40
EDGE_MARGIN_PX = 4
MIN_KNOWN_SHARE = 0.4
MEDIAN_EDGES = 3.0
MOST_RESPONSE = 12.0
SURE_RESPONSE = 6.0
CLEARLY = 1.2
FINE = 20


@dataclass(frozen=True)
class Structure:
    """Edges of an image, (y, x): direction as twice its angle, strength 0..1, and where the image is known."""

    field: FieldArray
    known: NDArray[np.bool_]


@dataclass(frozen=True)
class TileShift:
    """What one tile says: rows down and columns right by which the moving content must go.

    ``row``/``col``: the tile's middle in pixels of the grid; ``response``: height of the correlation's peak over its
    median, in robust standard deviations of the whole plane (4 is what unrelated ground reaches, see decision 0012).
    """

    row: float
    col: float
    dy_px: float
    dx_px: float
    response: float


@dataclass(frozen=True)
class BlockAnswer:
    """The tiles of a block: one answer each, and the sum of their correlation planes in standard deviations.

    ``plane``: (2 :data:`REACH_PX` + 1) squared, no shift in the middle; ``tiles``: how many it sums.
    """

    answers: tuple[TileShift, ...]
    plane: PlaneArray
    tiles: int


def structure_image(bands: FloatArray) -> Structure:
    """The edges of all bands together (Gaussian derivatives, sigma 1 px); ``bands``: (band, y, x), NaN where none.

    Twice the angle makes an edge from dark to light the same as one from light to dark, so that a field that turned
    from bare to green still fits; strength is measured in medians of the image's own gradients and bounded, so that a
    few bright roofs do not decide.
    """
    known = np.isfinite(bands).all(axis=0)
    inner = ndimage.binary_erosion(known, iterations=EDGE_MARGIN_PX, border_value=1)
    total = np.zeros(known.shape, dtype=np.complex128)
    if not inner.any():
        return Structure(total.astype(np.complex64), inner)
    for band in bands:
        filled = np.where(known, band, np.median(band[known])).astype(np.float64)
        down, right = (_derivative(filled, axis) for axis in (0, 1))
        strength = np.hypot(down, right)
        edge = (right + 1j * down) / (float(np.median(strength[inner])) + 1e-9)
        total += edge**2 / (np.abs(edge) + 1e-9)
    bounded = total / (np.abs(total) + MEDIAN_EDGES * len(bands))
    return Structure(np.where(inner, bounded, 0.0).astype(np.complex64), inner)


def _derivative(image: NDArray[np.float64], axis: int) -> NDArray[np.float64]:
    steep = ndimage.gaussian_filter1d(image, 1.0, axis=axis, order=1, mode="nearest", truncate=3.0)
    return np.asarray(ndimage.gaussian_filter1d(steep, 1.0, axis=1 - axis, mode="nearest", truncate=3.0))


@dataclass(frozen=True)
class Tile:
    """Spectrum of a tile's windowed edges; None where too little of it is known or nothing has an edge."""

    rows: slice
    cols: slice
    spectrum: FieldArray | None


def tiles_of(image: Structure) -> tuple[Tile, ...]:
    """The overlapping tiles of a block, row by row."""
    return tuple(
        Tile(rows, cols, _spectrum(image, rows, cols))
        for rows in _spans(image.known.shape[0])
        for cols in _spans(image.known.shape[1])
    )


def _spectrum(image: Structure, rows: slice, cols: slice) -> FieldArray | None:
    field = image.field[rows, cols]
    if image.known[rows, cols].mean() < MIN_KNOWN_SHARE or not field.any():
        return None
    window = np.outer(np.hanning(field.shape[0] + 2)[1:-1], np.hanning(field.shape[1] + 2)[1:-1])
    return np.asarray(fft.fft2(field * window.astype(np.float32)), dtype=np.complex64)


def _spans(length: int) -> list[slice]:
    if length < MIN_TILE_PX:
        return []
    if length <= TILE_PX:
        return [slice(0, length)]
    count = -(-(length - TILE_PX) // STEP_PX) + 1
    starts = [(length - TILE_PX) * index // (count - 1) for index in range(count)]
    return [slice(start, start + TILE_PX) for start in starts]


def tile_shifts(
    reference: Sequence[Tile], moving: Sequence[Tile], *, origin: tuple[int, int], near_px: float
) -> BlockAnswer:
    """Answers of the tiles of a block that both images know.

    ``origin``: row and column of the block in the grid; ``near_px``: peaks within this distance are taken, unless one
    farther away is sure (:data:`SURE_RESPONSE`) and clearly higher. Plain cross-correlation, without spectral
    whitening, which errs on smooth images; the peak is refined to 1/20 px on the upsampled spectrum (Guizar-Sicairos
    2008).
    """
    answers: list[TileShift] = []
    total = np.zeros((2 * REACH_PX + 1, 2 * REACH_PX + 1), dtype=np.float64)
    count = 0
    for first, second in zip(reference, moving, strict=True):
        if first.spectrum is None or second.spectrum is None:
            continue
        cross = first.spectrum * np.conj(second.spectrum)
        plane = _plane(cross)
        spread = 1.4826 * float(np.median(np.abs(plane - np.median(plane))))
        if spread <= 0.0:
            continue
        plane = (plane - np.median(plane)) / spread
        count += 1
        reach = plane.shape[0] // 2
        inside = slice(REACH_PX - reach, REACH_PX + reach + 1)
        total[inside, inside] += np.minimum(plane, MOST_RESPONSE)
        (row, col), response = chosen_peak(plane, near_px=near_px)
        dy, dx = _refined_peak(cross, row, col)
        middle = ((one.start + one.stop) / 2.0 for one in (first.rows, first.cols))
        at_row, at_col = (start + half for start, half in zip(origin, middle, strict=True))
        answers.append(TileShift(at_row, at_col, dy, dx, round(response, 2)))
    return BlockAnswer(tuple(answers), total, count)


def _plane(cross: FieldArray) -> PlaneArray:
    whole = np.fft.fftshift(fft.ifft2(cross).real)
    reach = min(REACH_PX, min(whole.shape) // 2 - 1)
    row, col = whole.shape[0] // 2, whole.shape[1] // 2
    return np.asarray(whole[row - reach : row + reach + 1, col - reach : col + reach + 1], dtype=np.float64)


def chosen_peak(plane: PlaneArray, *, near_px: float) -> tuple[tuple[int, int], float]:
    """Shift (rows, columns) and height of the plane's peak within ``near_px``, or of a sure and clearly higher one."""
    reach = plane.shape[0] // 2
    away = np.hypot(*np.ogrid[-reach : reach + 1, -reach : reach + 1])
    best = np.unravel_index(int(np.argmax(plane)), plane.shape)
    close = np.unravel_index(int(np.argmax(np.where(away <= near_px, plane, -np.inf))), plane.shape)
    if plane[best] < SURE_RESPONSE or plane[best] < CLEARLY * plane[close]:
        best = close
    return (int(best[0]) - reach, int(best[1]) - reach), float(plane[best])


def _refined_peak(cross: FieldArray, row: int, col: int) -> tuple[float, float]:
    """The peak within one pixel of a whole shift, from the spectrum evaluated every 1/:data:`FINE` pixel."""
    steps = np.arange(-FINE, FINE + 1) / FINE
    down, right = row + steps, col + steps
    rows, cols = (np.fft.fftfreq(size) for size in cross.shape)
    turn_rows = np.exp(2j * np.pi * np.outer(down, rows))
    turn_cols = np.exp(2j * np.pi * np.outer(cols, right))
    fine = (turn_rows @ cross.astype(np.complex128) @ turn_cols).real
    at = np.unravel_index(int(np.argmax(fine)), fine.shape)
    return float(round(down[at[0]], 3)), float(round(right[at[1]], 3))
