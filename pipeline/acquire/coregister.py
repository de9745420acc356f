"""Sub-pixel translation between two images, from gradient images of tiles merged robustly."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage
from skimage.registration import phase_cross_correlation

from pipeline.values import Shift

FloatArray = NDArray[np.float32]
Steep = tuple[FloatArray, NDArray[np.bool_]]

TILE_PX = 256
MIN_TILE_PX = 64
UPSAMPLE = 50
MIN_SIMILARITY = 0.15
MIN_KNOWN_SHARE = 0.5


@dataclass(frozen=True)
class TileShift:
    """What one tile says: rows down and columns right by which the moving content must go, and its similarity 0..1."""

    dy_px: float
    dx_px: float
    similarity: float


def gradient_image(bands: FloatArray) -> Steep:
    """Sum over bands of gradient magnitudes (sigma 1 px), each scaled by its own median, and where it is known.

    ``bands``: (band, y, x), NaN where there is none; returns (y, x) arrays, 0 where not known.
    """
    known = np.isfinite(bands).all(axis=0)
    inner = ndimage.binary_erosion(known, iterations=4, border_value=1)
    total = np.zeros(known.shape, dtype=np.float64)
    for band in bands:
        middle = np.median(band[known]) if known.any() else 0.0
        steep = ndimage.gaussian_gradient_magnitude(np.where(known, band, middle), 1.0, mode="nearest", truncate=3.0)
        if inner.any():
            scale = float(np.median(steep[inner]))
            total += np.minimum(steep / (scale + 1e-9), 20.0)
    return np.where(inner, total, 0.0).astype(np.float32), inner


def _window(image: FloatArray, known: NDArray[np.bool_]) -> FloatArray:
    level = image[known].mean(dtype=np.float64) if known.any() else 0.0
    hann = np.outer(np.hanning(image.shape[0] + 2)[1:-1], np.hanning(image.shape[1] + 2)[1:-1])
    return (np.where(known, image - level, 0.0) * hann).astype(np.float32)


def _similarity(first: FloatArray, second: FloatArray) -> float:
    scale = np.sqrt(np.sum(first.astype(np.float64) ** 2) * np.sum(second.astype(np.float64) ** 2))
    return float(np.sum(first.astype(np.float64) * second) / scale) if scale > 0 else 0.0


def tile_shifts(reference: Steep, moving: Steep, *, max_shift_px: float) -> tuple[TileShift, ...]:
    """Estimates from the tiles of a block; tiles without enough known pixels or similarity do not answer.

    ``reference``/``moving``: what :func:`gradient_image` gives for images of the same grid. Cross-correlation of
    Hann-windowed gradient images with an upsampled peak (Guizar-Sicairos 2008), without spectral whitening, which errs
    on smooth images.
    """
    (steep_first, known_first), (steep_second, known_second) = reference, moving
    answers = []
    for rows in _tiles(steep_first.shape[0]):
        for cols in _tiles(steep_first.shape[1]):
            both = known_first[rows, cols] & known_second[rows, cols]
            if both.mean() < MIN_KNOWN_SHARE:
                continue
            first = _window(steep_first[rows, cols], both)
            second = _window(steep_second[rows, cols], both)
            if not (first.any() and second.any()):
                continue
            correlate: Any = phase_cross_correlation
            shift = correlate(first, second, upsample_factor=UPSAMPLE, normalization=None)[0]
            moved = ndimage.shift(second, shift, order=1, mode="constant")
            similarity = _similarity(first, moved)
            if float(np.abs(shift).max()) <= max_shift_px and similarity >= MIN_SIMILARITY:
                answers.append(TileShift(float(shift[0]), float(shift[1]), similarity))
    return tuple(answers)


def _tiles(length: int) -> list[slice]:
    if length < MIN_TILE_PX:
        return []
    count = max(1, round(length / TILE_PX))
    edges = [length * index // count for index in range(count + 1)]
    return [slice(first, last) for first, last in zip(edges[:-1], edges[1:], strict=True)]


def merge_shifts(answers: Sequence[TileShift], *, max_scatter_px: float) -> Shift:
    """One translation from all tiles' answers: the median of those near the median, with the scatter as residual.

    Not accepted (shift 0) when no tile answers, or when the answers scatter by more than ``max_scatter_px``.
    """
    if not answers:
        return Shift(0.0, 0.0, 0.0, 0, False, "no tile of the images answers")
    moves = np.array([[answer.dy_px, answer.dx_px] for answer in answers], dtype=np.float64)
    centre = np.median(moves, axis=0)
    for _ in range(3):
        near = np.hypot(*(moves - centre).T) <= 1.5
        if near.any():
            centre = np.median(moves[near], axis=0)
    away = np.hypot(*(moves - centre).T)
    near = away <= 1.5
    scatter = float(1.4826 * np.median(away))
    if near.mean() < 0.5 or scatter > max_scatter_px:
        return Shift(0.0, 0.0, round(scatter, 3), len(answers), False, "the tiles' answers disagree")
    centre = centre + 0.0
    return Shift(round(float(centre[0]), 3), round(float(centre[1]), 3), round(scatter, 3), len(answers), True, "")


def refined(first: Shift, rest: Shift, *, gate_px: float) -> Shift:
    """``first`` plus what was left after applying it; refused when the rest still exceeds ``gate_px``."""
    if not (first.accepted and rest.accepted):
        return first
    left = float(np.hypot(rest.dy_px, rest.dx_px))
    if left > gate_px:
        reason = f"{left:.2f} px are left after correction, more than {gate_px:g} px"
        return Shift(first.dy_px, first.dx_px, round(left, 3), rest.tiles, False, reason)
    return Shift(
        round(first.dy_px + rest.dy_px, 3),
        round(first.dx_px + rest.dx_px, 3),
        rest.residual_px,
        rest.tiles,
        True,
        "",
    )


def consensus(shifts: Sequence[Shift]) -> tuple[float, float]:
    """Componentwise median of the shifts of a series, rows and columns: where its scenes agree that the ground lies.

    Scenes err in position independently, so their median position is nearer to the truth than any single scene's.
    """
    if not shifts:
        return 0.0, 0.0
    dy = float(np.median([shift.dy_px for shift in shifts]))
    dx = float(np.median([shift.dx_px for shift in shifts]))
    return round(dy, 3), round(dx, 3)
