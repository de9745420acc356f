"""Objects of a neighbourhood together, so that only the ground around them has to be at hand."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.screen.overlap import Floats, Places

Box = tuple[float, float, float, float]
"""West, south, east and north, metres."""

_BITS = 16
_APART = (
    (8, 0x00FF00FF),
    (4, 0x0F0F0F0F),
    (2, 0x33333333),
    (1, 0x55555555),
)
EDGE_M = 1.0
"""Added around a block, so that rounding leaves no neighbour out."""


def z_order(places: Floats, extent: Box) -> NDArray[np.uint64]:
    """Numbers along a curve through an extent on which near places have near numbers; what lies outside counts at its edge.

    Places that are not finite come first.
    """
    low, high = np.array(extent[:2]), np.array(extent[2:])
    span = np.where(high > low, high - low, 1.0)
    part = np.clip(np.nan_to_num((places - low) / span, nan=0.0, posinf=1.0, neginf=0.0), 0.0, 1.0)
    steps = np.minimum(part * 2.0**_BITS, 2.0**_BITS - 1.0).astype(np.uint64)
    for shift, mask in _APART:
        steps = (steps | (steps << np.uint64(shift))) & np.uint64(mask)
    return np.asarray(steps[:, 0] | (steps[:, 1] << np.uint64(1)), dtype=np.uint64)


def blocks_of(boxes: Floats, size: int) -> Places:
    """The number of the block to which each of some bounds (n x 4) belongs: compact blocks, at most ``size`` in each.

    The ground is halved across its longer side, again and again. Bounds that are not finite count as at the origin.
    """
    places = np.nan_to_num((boxes[:, :2] + boxes[:, 2:]) / 2.0)
    blocks = np.zeros(len(boxes), dtype=np.intp)
    waiting, number = [(np.arange(len(boxes)), -(-len(boxes) // size))], 0
    while waiting:
        rows, parts = waiting.pop()
        if parts <= 1:
            blocks[rows] = number
            number += 1
            continue
        own = places[rows]
        across = int(np.argmax(np.ptp(own, axis=0)))
        ordered = rows[np.argsort(own[:, across], kind="stable")]
        cut = len(rows) * (parts // 2) // parts
        waiting += [(ordered[cut:], parts - parts // 2), (ordered[:cut], parts // 2)]
    return blocks


def neighbourhoods(objects: gpd.GeoDataFrame, size: int) -> list[Places]:
    """Row numbers of objects in blocks of ``size`` that lie near each other; every row is in exactly one of them."""
    blocks = blocks_of(shapely.bounds(objects.geometry.to_numpy()).reshape(-1, 4), size)
    return [np.flatnonzero(blocks == number) for number in np.unique(blocks)]


def reach(objects: gpd.GeoDataFrame, outline_tolerance_px: float) -> Box | None:
    """The ground that can have a say on objects: their bounds and the tolerance of their outlines around them.

    None where no object has an outline.
    """
    boxes = shapely.bounds(objects.geometry.to_numpy()).reshape(-1, 4)
    known = boxes[np.isfinite(boxes).all(axis=1)]
    if not len(known):
        return None
    gsd_m = objects["gsd_m"].fillna(0.0).to_numpy(dtype=np.float64)
    margin = float(np.max(gsd_m, initial=0.0)) * outline_tolerance_px + EDGE_M
    (west, south), (east, north) = known[:, :2].min(axis=0).tolist(), known[:, 2:].max(axis=0).tolist()
    return west - margin, south - margin, east + margin, north + margin
