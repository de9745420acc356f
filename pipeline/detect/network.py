"""A user's own network over an image: overlapping tiles on one lattice, blended so that no seam and no block shows."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.grid import Block

FloatArray = NDArray[np.float32]
Answer = Callable[[FloatArray, FloatArray], FloatArray]


@dataclass(frozen=True)
class Tiling:
    """Square tiles of ``tile_px`` that begin at multiples of ``stride_px`` from the raster's origin, also outside it."""

    tile_px: int
    stride_px: int

    def over(self, block: Block) -> list[tuple[int, int]]:
        """Row and column starts of the tiles that touch ``block``, row by row."""
        rows, cols = (
            self._starts(first, last)
            for first, last in ((block.row_start, block.row_stop), (block.col_start, block.col_stop))
        )
        return [(row, col) for row in rows for col in cols]

    def _starts(self, first: int, last: int) -> list[int]:
        lowest = (first - self.tile_px) // self.stride_px + 1
        return [number * self.stride_px for number in range(lowest, (last - 1) // self.stride_px + 1)]

    def weights(self) -> FloatArray:
        """Hann's window, nowhere 0: what a tile's pixel counts against the same pixel in other tiles."""
        line = np.sin(np.pi * (np.arange(self.tile_px) + 0.5) / self.tile_px) ** 2
        return np.outer(line, line).astype(np.float32)


def around(block: Block, tiling: Tiling, shape: tuple[int, int]) -> Block:
    """The part of a raster of ``shape`` that the tiles over ``block`` see."""
    return block.with_halo(tiling.tile_px, shape)


def blended(
    before: FloatArray, after: FloatArray, seen: Block, block: Block, tiling: Tiling, answer: Answer
) -> FloatArray:
    """The network's log odds over ``block`` (y, x), NaN where a pixel has no value.

    ``before``/``after`` (band, y, x) cover ``seen``; beyond it, tiles see the image mirrored. Pixels without a value
    are 0 to the network. ``answer`` takes one tile of each image and gives its log odds (y, x).
    """
    both = np.asarray(np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0))
    first, second = (np.where(both, image, 0.0).astype(np.float32) for image in (before, after))
    weights = tiling.weights().astype(np.float64)
    total = np.zeros(block.shape, dtype=np.float64)
    weight = np.zeros(block.shape, dtype=np.float64)
    for row, col in tiling.over(block):
        rows, cols = (
            _mirrored(row, tiling.tile_px, seen.row_start, seen.row_stop),
            _mirrored(col, tiling.tile_px, seen.col_start, seen.col_stop),
        )
        said = answer(first[:, rows][:, :, cols], second[:, rows][:, :, cols]).astype(np.float64)
        top, left = max(row, block.row_start), max(col, block.col_start)
        bottom, right = min(row + tiling.tile_px, block.row_stop), min(col + tiling.tile_px, block.col_stop)
        inside = slice(top - row, bottom - row), slice(left - col, right - col)
        place = (
            slice(top - block.row_start, bottom - block.row_start),
            slice(left - block.col_start, right - block.col_start),
        )
        total[place] += weights[inside] * said[inside]
        weight[place] += weights[inside]
    own = (
        slice(block.row_start - seen.row_start, block.row_stop - seen.row_start),
        slice(block.col_start - seen.col_start, block.col_stop - seen.col_start),
    )
    return np.where(both[own], total / weight, np.nan).astype(np.float32)


def _mirrored(start: int, count: int, first: int, last: int) -> NDArray[np.int64]:
    """Indices into an array over ``first:last`` of the pixels ``start:start + count``, mirrored at its ends."""
    length = last - first
    at = np.arange(start - first, start - first + count)
    period = max(2 * length - 2, 1)
    folded = np.mod(at, period)
    return np.where(folded >= length, period - folded, folded)
