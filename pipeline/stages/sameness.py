"""A pair's agreement as evidence for its score, and how much of each object a misfit of the images may explain."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize

from pipeline.detect.sameness import misfit_share, sameness_odds
from pipeline.grid import Block
from pipeline.sources.raster import read_block, shape_of, window_transform
from pipeline.stages.evidence import PairRasters

FloatArray = NDArray[np.float32]
AROUND_PX = 4


@dataclass(frozen=True)
class Agreement:
    """Adds to a grown block's log odds what the agreement of both looks takes from them."""

    pair: PairRasters
    light: float

    def __call__(self, block: Block, odds: FloatArray, found: FloatArray) -> FloatArray:
        before, after = read_block(self.pair.before, block), read_block(self.pair.after, block)
        return odds + sameness_odds(before, after, light=self.light)


def registration_risks(objects: gpd.GeoDataFrame, pair: PairRasters, geobox: GeoBox, residual_px: float) -> list[float]:
    """Per object the share of its change that images ``residual_px`` apart would show without any, 0..1."""
    shape, inverse = shape_of(geobox), ~geobox.transform
    found = []
    for outline in objects.geometry:
        west, south, east, north = outline.bounds
        corners = [inverse * (x, y) for x, y in ((west, north), (east, south), (west, south), (east, north))]
        rows, cols = sorted(corner[1] for corner in corners), sorted(corner[0] for corner in corners)
        tight = Block(
            max(int(rows[0]), 0),
            max(int(cols[0]), 0),
            min(int(rows[-1]) + 1, shape[0]),
            min(int(cols[-1]) + 1, shape[1]),
        )
        window = tight.with_halo(AROUND_PX, shape)
        mask = rasterize([outline], out_shape=window.shape, transform=window_transform(geobox, window), dtype="uint8")
        before, after = read_block(pair.before, window), read_block(pair.after, window)
        found.append(round(misfit_share(before, after, mask.astype(bool), residual_px=residual_px), 3))
    return found
