"""What the monitor's state says of objects: the months of their pixels, gathered over the blocks they lie in."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask

from pipeline.detect.season import Series, series_of
from pipeline.detect.standing import Standing, standing_of
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice
from pipeline.sources.raster import shape_of, window_transform
from pipeline.stages.state import RECORD, frame_key, read_state
from pipeline.values import Period, number_of_day


@dataclass(frozen=True)
class ObjectBlock:
    """Series of every object's pixels in a block, by the object's position; objects elsewhere are left out."""

    folder: Path
    frame: str
    last: int
    most: int
    geobox: GeoBox
    shapes: tuple[Any, ...]

    def __call__(self, block: Block) -> dict[int, Series]:
        transform = window_transform(self.geobox, block)
        corners = [transform @ corner for corner in ((0, 0), (block.shape[1], block.shape[0]))]
        ground = shapely.box(*np.min(corners, axis=0), *np.max(corners, axis=0))
        near = [i for i, shape in enumerate(self.shapes) if shapely.intersects(shape, ground)]
        if not near:
            return {}
        states = read_state(self.folder, block, self.frame)
        whole = series_of(states, self.last, block.shape, most=self.most)
        masks = {i: _inside(self.shapes[i], transform, block.shape) for i in near}
        return {i: whole.of_pixels(mask) for i, mask in masks.items() if mask.any()}


def _inside(shape: Any, transform: Any, size: tuple[int, int]) -> NDArray[np.bool_]:
    """Pixels (n,) in row order whose centre lies in ``shape``."""
    return np.asarray(~geometry_mask([shape], size, transform).ravel(), dtype=bool)


def standings(
    folder: Path, objects: gpd.GeoDataFrame, geobox: GeoBox, *, last_month: int, most: int, execution: Execution
) -> list[Standing | None]:
    """The course of every object (``geometry``, ``last_clear``, ``first_seen``, in the grid's CRS) up to a month.

    ``folder``: the month's state; None for an object of which it knows too little, and for all where it holds nothing.
    """
    if objects.empty or not (folder / RECORD).is_file():
        return [None] * len(objects)
    function = ObjectBlock(folder, frame_key(folder), last_month, most, geobox, tuple(objects.geometry))
    parts: dict[int, list[Series]] = {}
    for _, found in map_blocks(function, lattice(shape_of(geobox)), execution, "standing"):
        for i, series in found.items():
            parts.setdefault(i, []).append(series)
    return [
        _standing(_joined(parts[i]), row.last_clear, row.first_seen) if i in parts else None
        for i, row in enumerate(objects.itertuples())
    ]


def _joined(parts: Sequence[Series]) -> Series:
    """The pixels of all blocks that know as many months as the best of them."""
    first = max(parts, key=lambda part: len(part.months))
    codes = [part.codes for part in parts if len(part.months) == len(first.months)]
    return Series(np.concatenate(codes, axis=2), first.months, first.first_day, first.last_day)


def _standing(series: Series, last_clear: Any, first_seen: Any) -> Standing | None:
    if pd.isna(first_seen):
        return None
    seen = pd.Timestamp(first_seen).date()
    period = Period.of(seen)
    return standing_of(
        series,
        last_clear=0 if pd.isna(last_clear) else number_of_day(pd.Timestamp(last_clear).date()),
        first_seen=number_of_day(seen),
        first_month=period.year * 12 + period.month - 1,
    )
