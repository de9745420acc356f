"""The passes over blocks that bring images onto a reference: tiles measured, a motion fitted, judged once applied."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping
from dataclasses import asdict, dataclass, replace

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline import FORMAT_VERSION
from pipeline.acquire.coregister import (
    NO_MEASURE,
    TILE_RESPONSE,
    Measured,
    first_guess,
    improved,
    judged,
    pooled,
    stray_places,
)
from pipeline.acquire.correlate import STEP_PX, BlockAnswer, TileShift, structure_image, tile_shifts, tiles_of
from pipeline.execute import Execution, map_blocks
from pipeline.geodesy import pixel_size_m
from pipeline.grid import Block, lattice, spread_blocks
from pipeline.sources.raster import UNMOVED, Image, mapped, read_clear, shape_of
from pipeline.values import Shift

BLOCKS = 16
BANDS = ("green", "red", "nir")
ROUNDS = 3
CONVERGED_PX = 0.03
NEAR_PX = 3.0
RELIEF_M = 3.0
UNKNOWN_RELIEF_PX = 5.0
APART_PX = 1.0


@dataclass(frozen=True)
class Registered:
    """The motion of an image, the verdict on it, and the tiles measured after it was applied."""

    shift: Shift
    tiles: tuple[TileShift, ...]


@dataclass(frozen=True)
class RegisterBlock:
    """Answers of one block's tiles between a reference and each of several images with their motions so far."""

    reference: Image
    moving: tuple[tuple[Image, Shift], ...]
    geobox: GeoBox
    near_px: float

    def __call__(self, block: Block) -> tuple[BlockAnswer, ...]:
        names = tuple(name for name in BANDS if name in self.reference.bands) or self.reference.bands
        first = tiles_of(structure_image(read_clear(self.reference.with_bands(names), self.geobox, block)))
        origin = (block.row_start, block.col_start)
        answers = []
        for image, shift in self.moving:
            second = tiles_of(structure_image(read_clear(image.with_bands(names), self.geobox, block, shift)))
            answers.append(tile_shifts(first, second, origin=origin, near_px=self.near_px))
        return tuple(answers)


def relief_px(geobox: GeoBox) -> float:
    """How far apart leaning buildings and slopes may put single places of two images, in pixels of the grid."""
    if geobox.crs is None:
        return UNKNOWN_RELIEF_PX
    rows, cols = shape_of(geobox)
    centre = mapped(geobox.transform, np.float64(cols / 2), np.float64(rows / 2))
    sides = pixel_size_m(geobox.crs.proj, tuple(geobox.transform), (float(centre[0]), float(centre[1])))
    return RELIEF_M / math.sqrt(sides[0] * sides[1])


def register_tiles(
    reference: Image,
    images: tuple[Image, ...],
    geobox: GeoBox,
    *,
    max_shift_px: float,
    max_scatter_px: float,
    gate_px: float,
    affine: bool = False,
    execution: Execution,
) -> tuple[Registered, ...]:
    """The motion of each image onto ``reference``, measured again after applying it until nothing is left.

    ``affine``: a turn or another scale is looked for too, where enough tiles support it. ``max_scatter_px`` gives way
    to :func:`relief_px` on fine pixels. Where nothing can be measured, images with georeference are taken as
    delivered: accepted, with :data:`~pipeline.acquire.coregister.NO_MEASURE` as the reason.
    """
    blocks, shape = spread_blocks(lattice(shape_of(geobox)), BLOCKS), shape_of(geobox)
    scatter_px = max(max_scatter_px, relief_px(geobox))

    def measured(pending: Mapping[int, Shift], near_px: float) -> dict[int, Measured]:
        moving = tuple((images[index], shift) for index, shift in pending.items())
        function = RegisterBlock(reference, moving, geobox, near_px)
        parts = [part for _, part in map_blocks(function, blocks, execution, "register")]
        return {index: pooled([part[place] for part in parts]) for place, index in enumerate(pending)}

    at_first = measured(dict.fromkeys(range(len(images)), UNMOVED), max_shift_px) if images else {}
    found = {
        index: first_guess(one, max_shift_px=max_shift_px, affine=affine, shape=shape)
        for index, one in at_first.items()
    }
    tiles = {index: one.tiles for index, one in at_first.items()}
    pending = {index: shift for index, shift in found.items() if shift.accepted}
    for attempt in range(ROUNDS + 1):
        if not pending:
            break
        rests = measured(pending, NEAR_PX)
        going: dict[int, Shift] = {}
        for index, rest in rests.items():
            better = improved(pending[index], rest, affine=affine, near_px=NEAR_PX, shape=shape)
            settled = _same_motion(pending[index], better, shape) <= CONVERGED_PX
            if settled or attempt == ROUNDS:
                found[index] = judged(pending[index], rest, gate_px=gate_px, max_scatter_px=scatter_px)
                tiles[index] = rest.tiles
            else:
                going[index] = better
        pending = going
    return tuple(_delivered(Registered(found[i], tiles[i]), reference, images[i]) for i in range(len(images)))


def _same_motion(one: Shift, other: Shift, shape: tuple[int, int]) -> float:
    """How far two motions differ at most over a grid's middle and corners, pixels."""
    high, wide = shape[0] / 2.0, shape[1] / 2.0
    return max(
        math.hypot(
            (one.dy_px - other.dy_px) + (one.dy_row - other.dy_row) * row + (one.dy_col - other.dy_col) * col,
            (one.dx_px - other.dx_px) + (one.dx_row - other.dx_row) * row + (one.dx_col - other.dx_col) * col,
        )
        for row, col in ((0.0, 0.0), (high, wide), (high, -wide), (-high, wide), (-high, -wide))
    )


def _delivered(found: Registered, reference: Image, image: Image) -> Registered:
    if found.shift.reason == NO_MEASURE and reference.georeferenced and image.georeferenced:
        return replace(found, shift=replace(found.shift, accepted=True))
    return found


@dataclass(frozen=True)
class Apart:
    """Tiles of two images that lie apart in some places only; a pixel belongs to the tile whose middle is nearest."""

    middles: tuple[tuple[float, float], ...]
    stray: tuple[bool, ...]

    def of(self, block: Block) -> NDArray[np.bool_]:
        """Which pixels of a block lie in such a place."""
        if not any(self.stray):
            return np.zeros(block.shape, dtype=bool)
        rows = np.arange(block.row_start, block.row_stop) + 0.5
        cols = np.arange(block.col_start, block.col_stop) + 0.5
        best, found = np.full(block.shape, np.inf), np.zeros(block.shape, dtype=bool)
        for (row, col), stray in zip(self.middles, self.stray, strict=True):
            away = ((rows - row) ** 2)[:, None] + ((cols - col) ** 2)[None, :]
            nearer = away < best
            best, found = np.where(nearer, away, best), np.where(nearer, stray, found)
        return found


def apart_of(registered: Registered, geobox: GeoBox) -> Apart:
    """Where the images of a pair lie farther apart after the move than :func:`relief_px`, at least :data:`APART_PX`."""
    limit = max(APART_PX, relief_px(geobox))
    off = stray_places(registered.tiles, limit_px=limit, apart_px=1.5 * STEP_PX) if registered.shift.tiles else ()
    return Apart(
        tuple((tile.row, tile.col) for tile in registered.tiles), tuple(tile in off for tile in registered.tiles)
    )


def alignment_record(shift: Shift, **more: object) -> dict[str, object]:
    """A shift as it is stored in ``alignment.json``."""
    return {"format_version": FORMAT_VERSION, "unit": "pixel", **asdict(shift), **more}


def tiles_csv(tiles: Iterable[TileShift]) -> bytes:
    """The residual map as a table: middle of every tile (pixels of the grid), what was left there, and its response."""
    lines = ["row,col,dy_px,dx_px,residual_px,response,counted"]
    for tile in tiles:
        residual = math.hypot(tile.dy_px, tile.dx_px)
        numbers = (tile.row, tile.col, tile.dy_px, tile.dx_px, residual, tile.response)
        counted = "yes" if tile.response >= TILE_RESPONSE else "no"
        lines.append(",".join([*(f"{value:.2f}" for value in numbers), counted]))
    return ("\n".join(lines) + "\n").encode("utf-8")
