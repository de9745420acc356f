"""A user's own network over an aligned pair: one more layer of evidence, on the network's own lattice of tiles."""

from __future__ import annotations

from dataclasses import dataclass
from pathlib import Path

import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox

from pipeline.detect.network import Tiling, around, blended
from pipeline.errors import InputError
from pipeline.execute import Execution, map_blocks
from pipeline.grid import Block, lattice
from pipeline.sinks.raster import RasterWriter
from pipeline.sources.network import Network
from pipeline.sources.raster import read_block, shape_of
from pipeline.stages.evidence import PairRasters


@dataclass(frozen=True)
class NetworkBlock:
    """The network's log odds over a block; its tiles lie where they lie whatever the block."""

    pair: PairRasters
    network: Network
    shape: tuple[int, int]

    def __call__(self, block: Block) -> NDArray[np.float32]:
        tiling = Tiling(self.network.tile_px, self.network.stride_px)
        seen = around(block, tiling, self.shape)
        at = [self.pair.bands.index(band) for band in self.network.bands]
        before, after = (read_block(path, seen)[at] for path in (self.pair.before, self.pair.after))
        return blended(before, after, seen, block, tiling, self.network)


def require_network_fit(network: Network, *, bands: tuple[str, ...], pixel_m: float | None) -> None:
    """Raise InputError E802 where the images lack a band of the network or are of another resolution."""
    hint = "choose a network made for such images"
    lacking = [band for band in network.bands if band not in bands]
    if lacking:
        raise InputError("E802", f"network {network.name} needs {' '.join(network.bands)}, not in the images", hint)
    low, high = network.gsd_m
    if pixel_m is not None and not low * 0.999 <= pixel_m <= high * 1.001:
        raise InputError("E802", f"network {network.name} is for {low:g} to {high:g} m, not {pixel_m:.3g} m", hint)


def write_network(network: Network, pair: PairRasters, geobox: GeoBox, path: Path, execution: Execution) -> None:
    """Write the network's log odds of a pair, NaN where not observable, to ``path``."""
    function = NetworkBlock(pair, network, shape_of(geobox))
    with RasterWriter(path, geobox, bands=("log_odds",), dtype="float32", nodata=float("nan"), cog=False) as file:
        for block, found in map_blocks(function, lattice(shape_of(geobox)), execution, "network"):
            file.write(block, found)
