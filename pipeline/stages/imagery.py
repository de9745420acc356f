"""The passes over blocks that `compare` and the month's imagery stages share: registration, gain, score, objects."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline import FORMAT_VERSION
from pipeline.acquire.coregister import TileShift, gradient_image, merge_shifts, refined, tile_shifts
from pipeline.acquire.normalise import fit_gain
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice
from pipeline.sources.raster import UNMOVED, Image, read_clear, shape_of
from pipeline.spectra import ndvi
from pipeline.values import Gain, Shift

FloatArray = NDArray[np.float32]
SAMPLES = 250_000
REGISTRATION_BLOCKS = 16
STATISTICS_BLOCKS = 64
REGISTRATION_BANDS = ("green", "red", "nir")
REGISTRATION_ROUNDS = 3
CONVERGED_PX = 0.1
BARE_NDVI = 0.3


def spread_blocks(blocks: tuple[Block, ...], most: int) -> tuple[Block, ...]:
    """At most ``most`` blocks, evenly spaced in lattice order."""
    if len(blocks) <= most:
        return blocks
    return tuple(blocks[index * len(blocks) // most] for index in range(most))


def sample_step(shape: tuple[int, int], samples: int = SAMPLES) -> int:
    """Every how many rows and columns to take so that about ``samples`` pixels of ``shape`` are taken."""
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1] / samples)))


def on_step(block: Block, step: int) -> tuple[slice, slice]:
    """Slices of a block's array that take the pixels whose raster row and column are multiples of ``step``."""
    return slice(-block.row_start % step, None, step), slice(-block.col_start % step, None, step)


@dataclass(frozen=True)
class RegisterBlock:
    """Tile shifts of one block between a reference and each of several images with their shifts so far."""

    reference: Image
    moving: tuple[tuple[Image, Shift], ...]
    geobox: GeoBox
    max_shift_px: float

    def __call__(self, block: Block) -> tuple[tuple[TileShift, ...], ...]:
        names = tuple(name for name in REGISTRATION_BANDS if name in self.reference.bands) or self.reference.bands
        first = gradient_image(read_clear(self.reference.with_bands(names), self.geobox, block))
        answers = []
        for image, shift in self.moving:
            second = gradient_image(read_clear(image.with_bands(names), self.geobox, block, shift))
            answers.append(tile_shifts(first, second, max_shift_px=self.max_shift_px))
        return tuple(answers)


def register(
    reference: Image,
    images: tuple[Image, ...],
    geobox: GeoBox,
    *,
    max_shift_px: float,
    max_scatter_px: float,
    gate_px: float,
    execution: Execution,
) -> tuple[Shift, ...]:
    """The shift of each image onto ``reference``, measured again after applying it until nothing is left."""
    blocks = spread_blocks(lattice(shape_of(geobox)), REGISTRATION_BLOCKS)

    def measured(pending: dict[int, Shift]) -> dict[int, Shift]:
        moving = tuple((images[index], shift) for index, shift in pending.items())
        function = RegisterBlock(reference, moving, geobox, max_shift_px)
        parts = [part for _, part in map_blocks(function, blocks, execution, "register")]
        return {
            index: merge_shifts([one for part in parts for one in part[place]], max_scatter_px=max_scatter_px)
            for place, index in enumerate(pending)
        }

    found = measured(dict.fromkeys(range(len(images)), UNMOVED)) if images else {}
    for attempt in range(REGISTRATION_ROUNDS):
        if attempt == 0:
            pending = {index: shift for index, shift in found.items() if shift.accepted}
        if not pending:
            break
        rests = measured(pending)
        final = attempt == REGISTRATION_ROUNDS - 1
        found |= {i: refined(pending[i], rests[i], gate_px=gate_px if final else math.inf) for i in pending}
        pending = {
            index: found[index]
            for index, rest in rests.items()
            if rest.accepted and math.hypot(rest.dy_px, rest.dx_px) > CONVERGED_PX
        }
    return tuple(found[index] for index in range(len(images)))


@dataclass(frozen=True)
class GainSample:
    """Samples (band, n) of both images of a pair in a block, and which of them are held out."""

    reference: Image
    moving: Image
    geobox: GeoBox
    reference_shift: Shift
    shift: Shift
    step: int
    bare_only: bool

    def __call__(self, block: Block) -> tuple[FloatArray, FloatArray, NDArray[np.bool_]]:
        first = read_clear(self.reference, self.geobox, block, self.reference_shift, step=self.step)
        second = read_clear(self.moving, self.geobox, block, self.shift, step=self.step)
        on_rows, on_cols = on_step(block, self.step)
        rows = np.arange(block.row_start, block.row_stop)[on_rows] // 64
        cols = np.arange(block.col_start, block.col_stop)[on_cols] // 64
        held_out = ((rows[:, None] + cols[None, :]) % 2).astype(bool)
        names = self.reference.bands
        if self.bare_only and {"nir", "red"} <= set(names):
            at = names.index("nir"), names.index("red")
            bare = (ndvi(first[at[0]], first[at[1]]) < BARE_NDVI) & (ndvi(second[at[0]], second[at[1]]) < BARE_NDVI)
            first = np.where(bare, first, np.nan)
        return first.reshape(len(first), -1), second.reshape(len(second), -1), held_out.ravel()


def gain_between(
    reference: Image,
    moving: Image,
    geobox: GeoBox,
    *,
    reference_shift: Shift = UNMOVED,
    shift: Shift,
    max_slope: float,
    bare_only: bool = False,
    execution: Execution,
    label: str,
) -> Gain:
    """The gain of ``moving`` onto ``reference`` from a fixed strided sample merged in block order.

    ``bare_only``: fit on ground without plants in both images, so that the season is not taken for a gain.
    """
    same = (reference.dtype, reference.scale, reference.offset) == (moving.dtype, moving.scale, moving.offset)
    blocks = spread_blocks(lattice(shape_of(geobox)), STATISTICS_BLOCKS)
    step = sample_step((512 * len(blocks), 512) if len(blocks) == STATISTICS_BLOCKS else shape_of(geobox))
    function = GainSample(reference, moving, geobox, reference_shift, shift, step, bare_only)
    parts = [part for _, part in map_blocks(function, blocks, execution, label)]
    first, second = (np.concatenate([part[i] for part in parts], axis=1) for i in (0, 1))
    return fit_gain(first, second, np.concatenate([p[2] for p in parts]), max_slope=max_slope, same_scale=same)


def alignment_record(shift: Shift, **more: object) -> dict[str, object]:
    """A shift as it is stored in ``alignment.json``."""
    return {"format_version": FORMAT_VERSION, "unit": "pixel", **asdict(shift), **more}


def gain_record(gain: Gain, bands: tuple[str, ...], **more: object) -> dict[str, object]:
    """A gain as it is stored in ``gain.json``."""
    return {"format_version": FORMAT_VERSION, "bands": list(bands), **asdict(gain), **more}
