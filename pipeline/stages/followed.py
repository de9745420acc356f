"""The ground the monitor follows, as objects: `followed.parquet` beside a month's candidates."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline.detect.delineate import BlockPieces, clean, component_mask, label_block, stitch
from pipeline.detect.describe import outline
from pipeline.detect.timing import ENDED, STANDING, followed_row
from pipeline.execute import Execution, map_blocks
from pipeline.geodesy import geodesic_area_m2
from pipeline.grid import Block, lattice
from pipeline.schema import FOLLOWED, conform, empty
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.raster import read_block, shape_of, window_transform
from pipeline.stages.monitor import LAYERS

HALO_PX = 4


@dataclass(frozen=True)
class FollowedBlock:
    """Labels and pieces of a block's pixels in one of ``states``."""

    raster: Path
    states: tuple[int, ...]
    shape: tuple[int, int]
    numbers: tuple[tuple[Block, int], ...]

    def __call__(self, block: Block) -> tuple[NDArray[np.int32], BlockPieces]:
        grown = block.with_halo(HALO_PX, self.shape)
        found = read_block(self.raster, grown)[LAYERS.index("state")]
        mask = clean(np.isin(found, self.states))[block.trim(grown)]
        return label_block(mask, mask, block, dict(self.numbers)[block])


def followed_objects(
    raster: Path, geobox: GeoBox, out: Path, *, source: str, min_area_px: int, period_start: int, execution: Execution
) -> gpd.GeoDataFrame:
    """``schema.FOLLOWED`` of a month, standing ground first; ``out`` takes a scratch file that is removed again."""
    rows: list[dict[str, Any]] = []
    for states in (STANDING, ENDED):
        rows += _objects(raster, geobox, out, states, min_area_px, period_start, execution)
    crs = geobox.crs.proj if geobox.crs is not None else None
    if not rows:
        return empty(FOLLOWED, crs)
    frame = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=crs)
    frame["source"] = source
    frame["followed_id"] = [f"{source}-F{number:05d}" for number in range(1, len(frame) + 1)]
    frame["area_m2"] = geodesic_area_m2(frame.geometry) if crs is not None else None
    return conform(FOLLOWED, frame)


def _objects(
    raster: Path,
    geobox: GeoBox,
    out: Path,
    states: tuple[int, ...],
    min_area_px: int,
    period_start: int,
    execution: Execution,
) -> list[dict[str, Any]]:
    shape, blocks = shape_of(geobox), lattice(shape_of(geobox))
    function = FollowedBlock(raster, states, shape, tuple((block, number) for number, block in enumerate(blocks)))
    labels, pieces = out / "followed.scratch.tif", []
    with RasterWriter(labels, geobox, bands=("label",), dtype="int32", nodata=0, cog=False) as file:
        for block, (found, part) in map_blocks(function, blocks, execution, "followed"):
            file.write(block, found)
            pieces.append(part)
    rows = []
    for component in stitch(blocks, pieces, min_area_px=min_area_px):
        window = component.window
        mask = component_mask(component, blocks, read_block(labels, window)[0], window)
        layers = {name: layer[mask] for name, layer in zip(LAYERS, read_block(raster, window), strict=True)}
        shape_of_it = outline(mask, window_transform(geobox, window))
        row = followed_row(layers, period_start=period_start)
        rows.append({**row, "area_px": int(mask.sum()), "geometry": shape_of_it})
    labels.unlink()
    return rows
