"""What hides the ground of a pair, from a sample of the whole images; and what of it lies in a block."""

from __future__ import annotations

import math
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline.acquire.sky import sky_codes
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice
from pipeline.sources.raster import Image, read_aligned, shape_of
from pipeline.values import Shift, Validity

FloatArray = NDArray[np.float32]
CodeArray = NDArray[np.uint8]

SAMPLES = 1024
MOST_SAMPLE_M = 100.0
BANDS = ("blue", "green", "red", "nir", "swir1")
REFLECTANCE = (0.005, 2.0)
FULL = 0.99


@dataclass(frozen=True)
class Sky:
    """Validity codes of a pair's two images on every ``step``-th pixel of the grid."""

    step: int
    codes: CodeArray

    def of(self, block: Block) -> CodeArray:
        """The codes of a block's pixels, each from its nearest sample."""
        last = np.array(self.codes.shape) - 1
        half = self.step // 2
        rows = np.minimum((np.arange(block.row_start, block.row_stop) + half) // self.step, last[0])
        cols = np.minimum((np.arange(block.col_start, block.col_stop) + half) // self.step, last[1])
        return np.asarray(self.codes[np.ix_(rows, cols)])


@dataclass(frozen=True)
class SkySample:
    """Every ``step``-th pixel of both images in a block, after moved onto before, in their own reflectance."""

    before: Image
    after: Image
    geobox: GeoBox
    shift: Shift
    step: int

    def __call__(self, block: Block) -> tuple[FloatArray, FloatArray]:
        return (
            read_aligned(self.before, self.geobox, block, step=self.step),
            read_aligned(self.after, self.geobox, block, self.shift, step=self.step),
        )


def sky_of(
    before: Image, after: Image, geobox: GeoBox, *, shift: Shift, pixel_m: float | None, execution: Execution
) -> Sky:
    """What hides the ground in either image; the earlier image's code where both have one."""
    shape = shape_of(geobox)
    step = max(1, math.ceil(max(shape) / SAMPLES))
    if pixel_m is not None:
        step = max(1, min(step, int(MOST_SAMPLE_M / pixel_m)))
    names = tuple(name for name in BANDS if name in before.bands)
    size = (-(-shape[0] // step), -(-shape[1] // step))
    first, second = (np.full((len(names), *size), np.nan, dtype=np.float32) for _ in range(2))
    if not names:
        return Sky(step, np.full(size, np.uint8(Validity.CLEAR)))
    function = SkySample(before.with_bands(names), after.with_bands(names), geobox, shift, step)
    for block, parts in map_blocks(function, lattice(shape), execution, "sky"):
        rows, cols = (-(-start // step) for start in (block.row_start, block.col_start))
        for whole, part in zip((first, second), parts, strict=True):
            whole[:, rows : rows + part.shape[1], cols : cols + part.shape[2]] = part
    sample_m = step * pixel_m if pixel_m is not None else None
    codes = np.full(size, np.uint8(Validity.CLEAR))
    kinds = _is_reflectance(first, before), _is_reflectance(second, after)
    if kinds[0] != kinds[1]:
        first_then, second_then = (np.full_like(first, np.nan) for _ in range(2))
    else:
        first_then, second_then = second, first
    for image, other, plain in ((second, second_then, kinds[1]), (first, first_then, kinds[0])):
        if plain is not None:
            found = sky_codes(image, other, names, sample_m=sample_m, reflectance=plain)
            codes = np.where(found != Validity.CLEAR, found, codes)
    return Sky(step, codes)


def saturated(values: FloatArray, image: Image) -> NDArray[np.bool_]:
    """Where a 16-bit image holds the largest number its type can, which no ground reflects; (y, x).

    Eight bits end where a white roof ends, so 255 says nothing.
    """
    if image.dtype not in ("uint16", "int16"):
        return np.zeros(values.shape[1:], dtype=bool)
    top = np.float32(np.iinfo(image.dtype).max * image.scale + image.offset)
    with np.errstate(invalid="ignore"):
        return np.asarray((values >= FULL * top).any(axis=0), dtype=bool)


def _is_reflectance(image: FloatArray, header: Image) -> bool | None:
    """Whether numbers are reflectance (True), stretched 8 bit (False), or of a scale that says nothing (None)."""
    if header.dtype == "uint8":
        return False
    known = image[np.isfinite(image)]
    if not known.size:
        return None
    middle, high = float(np.median(known)), float(np.quantile(known, 0.99))
    return True if middle >= REFLECTANCE[0] and high <= REFLECTANCE[1] else None
