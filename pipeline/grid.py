"""The raster grid contract: one geobox per run and a fixed lattice of 512-pixel blocks anchored at its origin.

Every computation runs on a block plus a halo; a tile only groups blocks, so the tile size and the
number of workers cannot change a result.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

from affine import Affine
from odc.geo.geobox import GeoBox

BLOCK_PX = 512


@dataclass(frozen=True, order=True)
class Block:
    """A window of the lattice: rows ``row_start:row_stop``, columns ``col_start:col_stop`` of the geobox."""

    row_start: int
    col_start: int
    row_stop: int
    col_stop: int

    @property
    def shape(self) -> tuple[int, int]:
        return self.row_stop - self.row_start, self.col_stop - self.col_start

    def with_halo(self, halo_px: int, shape: tuple[int, int]) -> Block:
        """The block grown by ``halo_px`` on each side, cut at the edge of a raster of ``shape`` (rows, cols)."""
        return Block(
            max(self.row_start - halo_px, 0),
            max(self.col_start - halo_px, 0),
            min(self.row_stop + halo_px, shape[0]),
            min(self.col_stop + halo_px, shape[1]),
        )

    def trim(self, grown: Block) -> tuple[slice, slice]:
        """Slices that cut this block out of an array covering ``grown``."""
        row, col = self.row_start - grown.row_start, self.col_start - grown.col_start
        return slice(row, row + self.shape[0]), slice(col, col + self.shape[1])


def window_around(bounds: tuple[float, float, float, float], geobox: GeoBox, *, margin_px: int) -> Block | None:
    """The pixels that bounds (xmin, ymin, xmax, ymax in the grid's CRS) touch and ``margin_px`` around, cut at the grid's edge.

    None where nothing of it lies on the grid.
    """
    xmin, ymin, xmax, ymax = bounds
    corners = [~geobox.transform @ corner for corner in ((xmin, ymin), (xmax, ymax), (xmin, ymax), (xmax, ymin))]
    cols, rows = zip(*corners, strict=True)
    height, width = geobox.shape
    block = Block(
        max(math.floor(min(rows)) - margin_px, 0),
        max(math.floor(min(cols)) - margin_px, 0),
        min(math.ceil(max(rows)) + margin_px, height),
        min(math.ceil(max(cols)) + margin_px, width),
    )
    return block if block.row_start < block.row_stop and block.col_start < block.col_stop else None


def lattice(shape: tuple[int, int], block_px: int = BLOCK_PX) -> tuple[Block, ...]:
    """All blocks of a raster of ``shape`` (rows, cols), row by row; edge blocks are smaller."""
    rows, cols = shape
    return tuple(
        Block(row, col, min(row + block_px, rows), min(col + block_px, cols))
        for row in range(0, rows, block_px)
        for col in range(0, cols, block_px)
    )


def spread_blocks(blocks: tuple[Block, ...], most: int) -> tuple[Block, ...]:
    """At most ``most`` blocks, evenly spaced in lattice order."""
    if len(blocks) <= most:
        return blocks
    return tuple(blocks[index * len(blocks) // most] for index in range(most))


def batches(blocks: tuple[Block, ...], tile_px: int, block_px: int = BLOCK_PX) -> tuple[tuple[Block, ...], ...]:
    """Cut the lattice into runs of as many blocks as a tile of ``tile_px`` holds, keeping lattice order."""
    size = max(1, tile_px // block_px) ** 2
    return tuple(blocks[start : start + size] for start in range(0, len(blocks), size))


def city_geobox(bounds: tuple[float, float, float, float], crs: str, pixel_m: float) -> GeoBox:
    """North-up geobox over ``bounds`` (xmin, ymin, xmax, ymax in ``crs`` metres), snapped outward to whole pixels."""
    xmin, ymin, xmax, ymax = bounds
    left, bottom = math.floor(xmin / pixel_m) * pixel_m, math.floor(ymin / pixel_m) * pixel_m
    cols = math.ceil((xmax - left) / pixel_m)
    rows = math.ceil((ymax - bottom) / pixel_m)
    return GeoBox((rows, cols), Affine(pixel_m, 0.0, left, 0.0, -pixel_m, bottom + rows * pixel_m), crs)


def block_geobox(geobox: GeoBox, block: Block) -> GeoBox:
    """The part of ``geobox`` that ``block`` covers."""
    return geobox[block.row_start : block.row_stop, block.col_start : block.col_stop]
