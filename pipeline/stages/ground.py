"""Windows of a month's composites around targets, measured by :mod:`pipeline.supervise.recovery`."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask

from pipeline.config import Source
from pipeline.grid import Block, window_around
from pipeline.schema import HELD
from pipeline.sources.raster import open_image, read_block, window_transform
from pipeline.stages.base import StageContext
from pipeline.stages.held import FILE
from pipeline.store import read_table
from pipeline.supervise.follow import Looks
from pipeline.supervise.recovery import UNKNOWN, GroundLook, look_at
from pipeline.values import TargetState

RING_FROM_PX, RING_TO_PX = 2, 8
"""Neighbours begin two pixels outside the outline, where its light no longer spills, and end eight outside."""
_SINCE_BAND = 3


def ground_looks(context: StageContext, targets: gpd.GeoDataFrame) -> dict[str, Looks]:
    """Per target that is not merged its ground in the month's composites, of the finest source that sees it.

    Empty where acquire made no composite. Of several sources the first configured one (the finest) with a clear view wins.
    """
    live = targets[targets["state"] != TargetState.MERGED.value]
    found: dict[str, Looks] = {}
    for source in context.config.sources:
        folder = context.folder("acquire") / source.name
        if not all((folder / name).is_file() for name in ("before.tif", "after.tif", "history.tif")):
            continue
        begun = _waited(context, source)
        for name, looks in _of_source(folder, source, context.geobox(), live, begun).items():
            if name not in found or (found[name].now.observed_on is None and looks.now.observed_on is not None):
                found[name] = looks
    return found


def _waited(context: StageContext, source: Source) -> frozenset[str]:
    """Candidates that waited: an earlier month has seen them begun, so this month's before shows them already."""
    path = context.folder("detect") / source.name / FILE
    return frozenset(read_table(path, HELD)["candidate_id"]) if path.is_file() else frozenset()


def _of_source(
    folder: Path, source: Source, geobox: GeoBox, live: gpd.GeoDataFrame, begun: frozenset[str]
) -> dict[str, Looks]:
    bands = open_image(folder / "after.tif").bands
    shapes = live.geometry.to_numpy()
    tree = shapely.STRtree(shapes)
    result: dict[str, Looks] = {}
    for name, candidate, shape in zip(live["target_id"], live["candidate_id"], shapes, strict=True):
        window = window_around(shape.bounds, geobox, margin_px=RING_TO_PX)
        if window is None:
            continue
        others = shapely.union_all(shapes[np.sort(tree.query(_ring(shape, geobox), predicate="intersects"))])
        inside, beside = _masks(shape, others, geobox, window)
        days = read_block(folder / "history.tif", window)[_SINCE_BAND]
        now, before = (
            _measured(folder / file, days, inside, beside, window, bands, source.name)
            for file in ("after.tif", "before.tif")
        )
        result[str(name)] = Looks(now, UNKNOWN if candidate in begun else before.now)
    return result


def _measured(
    path: Path,
    days: NDArray[Any],
    inside: NDArray[np.bool_],
    beside: NDArray[np.bool_],
    window: Block,
    bands: tuple[str, ...],
    source: str,
) -> GroundLook:
    return look_at(read_block(path, window), days, inside, beside, bands=bands, source=source)


def _ring(shape: Any, geobox: GeoBox) -> Any:
    return shape.buffer(RING_TO_PX * geobox.transform.a)


def _masks(shape: Any, others: Any, geobox: GeoBox, window: Block) -> tuple[NDArray[np.bool_], NDArray[np.bool_]]:
    """Pixels whose centres lie on the ground, and those around it on no target's ground."""
    pixel = geobox.transform.a
    transform = window_transform(geobox, window)
    around = shapely.difference(_ring(shape, geobox), shapely.union(shape, others).buffer(RING_FROM_PX * pixel))
    return tuple(
        np.zeros(window.shape, dtype=bool)
        if part.is_empty
        else geometry_mask([part], out_shape=window.shape, transform=transform, invert=True)
        for part in (shape, around)
    )  # type: ignore[return-value]
