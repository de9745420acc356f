"""What a month's two images show of objects' ground: the median reflectance of each, and how clear its rim is."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import geometry_mask
from scipy import ndimage

from pipeline.detect.doubt import Ground, State
from pipeline.grid import window_around
from pipeline.sources.raster import as_window, opened, window_transform
from pipeline.values import Validity, day_of_number

RIM_PX = 4
AROUND_PX = 12
SEEN_SHARE = 0.5
"""An object is seen where this share of its pixels has both looks."""


@dataclass(frozen=True)
class Seen:
    """An object's ground in the month's looks, and the day from which on they show the later one."""

    state: State
    since: date | None


def objects_seen(images: Path, objects: gpd.GeoDataFrame, geobox: GeoBox) -> list[Seen | None]:
    """The ground of every object (in the grid's CRS) in the rasters that `acquire` wrote; None where it was not seen.

    The rim is what lies two to four pixels outside an object, the ground around it reaches to twelve; of what lies outside
    the grid nothing is asked.
    """
    with (
        opened(images / "before.tif") as before,
        opened(images / "after.tif") as after,
        opened(images / "validity.tif") as validity,
        opened(images / "history.tif") as history,
    ):
        files = (before, after, validity, history)
        return [_seen(shape, geobox, *files) for shape in objects.geometry]


def _seen(shape: Any, geobox: GeoBox, before: Any, after: Any, validity: Any, history: Any) -> Seen | None:
    block = window_around(shape.bounds, geobox, margin_px=AROUND_PX)
    if block is None:
        return None
    window = as_window(block)
    inside = ~geometry_mask([shape], block.shape, window_transform(geobox, block))
    first, second = before.read(window=window), after.read(window=window)
    known = inside & np.isfinite(first).all(axis=0) & np.isfinite(second).all(axis=0)
    if not inside.any() or known.sum() < SEEN_SHARE * inside.sum():
        return None
    names = tuple(str(name) for name in after.descriptions)
    days = history.read(list(history.descriptions).index("since_days") + 1, window=window)[known]
    hidden = _hidden(inside, validity.read(1, window=window))
    beside = _beside(inside, AROUND_PX) & np.isfinite(second).all(axis=0)
    around = _medians(names, second, beside) if beside.any() else {}
    state = State(_medians(names, first, known), _medians(names, second, known), hidden, around)
    return Seen(state, day_of_number(int(days.max())))


def _medians(names: Sequence[str], image: NDArray[np.float32], known: NDArray[np.bool_]) -> Ground:
    return dict(zip(names, np.median(image[:, known], axis=1).tolist(), strict=True))


def _beside(inside: NDArray[np.bool_], reach_px: int) -> NDArray[np.bool_]:
    square = np.ones((3, 3), dtype=bool)
    outer = ndimage.binary_dilation(inside, square, iterations=reach_px)
    return np.asarray(outer & ~ndimage.binary_dilation(inside, square), dtype=bool)


def _hidden(inside: NDArray[np.bool_], codes: NDArray[np.uint8]) -> float:
    rim = _beside(inside, RIM_PX)
    return float((codes[rim] != Validity.CLEAR).mean()) if rim.any() else 0.0
