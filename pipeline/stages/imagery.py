"""The passes over blocks that `compare` and the month's imagery stages share: registration, gain, score, objects."""

from __future__ import annotations

import math
from dataclasses import asdict, dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline import FORMAT_VERSION
from pipeline.acquire.normalise import fit_gain
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice, spread_blocks
from pipeline.sources.raster import UNMOVED, Image, read_clear, shape_of
from pipeline.spectra import ndvi
from pipeline.values import Gain, Shift

FloatArray = NDArray[np.float32]
SAMPLES = 250_000
STATISTICS_BLOCKS = 64
BARE_NDVI = 0.3


def sample_step(shape: tuple[int, int], samples: int = SAMPLES) -> int:
    """Every how many rows and columns to take so that about ``samples`` pixels of ``shape`` are taken."""
    return max(1, math.ceil(math.sqrt(shape[0] * shape[1] / samples)))


def on_step(block: Block, step: int) -> tuple[slice, slice]:
    """Slices of a block's array that take the pixels whose raster row and column are multiples of ``step``."""
    return slice(-block.row_start % step, None, step), slice(-block.col_start % step, None, step)


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


def gain_record(gain: Gain, bands: tuple[str, ...], **more: object) -> dict[str, object]:
    """A gain as it is stored in ``gain.json``."""
    return {"format_version": FORMAT_VERSION, "bands": list(bands), **asdict(gain), **more}
