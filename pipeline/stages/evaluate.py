"""Accuracy of candidates or targets against known truth: a label raster (1 = change) or polygons of true sites."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyogrio
import rasterio
from numpy.typing import NDArray
from rasterio.features import rasterize, shapes
from rasterio.transform import Affine
from rasterio.windows import Window
from shapely.geometry import shape

from pipeline.errors import InputError
from pipeline.grid import Block, lattice
from pipeline.learn.accuracy import (
    PixelCounts,
    area_accuracy,
    count_pixels,
    object_accuracy,
    pixel_accuracy,
    score_accuracy,
)
from pipeline.learn.sites import site_accuracy
from pipeline.sources.raster import opened
from pipeline.values import TargetState

BLOCK_PX = 128
MIN_OBJECT_PX = 10
CONFIDENCE = 0.95
_VECTORS = (".gpkg", ".parquet", ".geojson", ".json", ".shp")


def evaluate(targets: Path, truth: Path, score: Path | None) -> dict[str, Any]:
    """Pixel, object and score accuracy as JSON-able values.

    With a label raster, pixels are those of the raster (its nodata and values other than 0 and 1 are left out) and
    true objects have at least ten pixels; with true sites as polygons, pixels are those of ``score`` if given, else
    overlap is measured as area. Sites with ``site_id`` also give area, onset and (with stages.parquet beside them) stage
    errors of the objects on them. ``score`` must lie on the same grid as a label raster. Raises InputError: E201, E203,
    E205, E303 or E305 for files that cannot be used.
    """
    predicted = _read_vector(targets)
    if truth.suffix.lower() in _VECTORS:
        sites = _read_vector(truth)
        result = _against_sites(_in_crs_of(predicted, sites), sites, score)
        if "site_id" in sites.columns:
            stages = _stages_beside(truth)
            mine = _in_crs_of(predicted, sites)
            result["sites"] = site_accuracy(mine, sites, None if stages is None else _in_crs_of(stages, sites))
    else:
        result = _against_labels(predicted, truth, score)
    return {"targets": targets.name, "truth": truth.name, "score": None if score is None else score.name, **result}


def _stages_beside(truth: Path) -> gpd.GeoDataFrame | None:
    """The table stages.parquet in the folder of true sites, where there is one."""
    path = truth.with_name("stages.parquet")
    return _read_vector(path) if truth.name != path.name and path.is_file() else None


def _against_labels(predicted: gpd.GeoDataFrame, truth: Path, score: Path | None) -> dict[str, Any]:
    with opened(truth) as labels:
        crs = labels.crs
        mine = predicted if crs is None or predicted.crs is None else predicted.to_crs(crs)
        grid = (labels.transform, labels.shape)
        sites = [
            shape(outline)
            for outline, value in shapes(rasterio.band(labels, 1), connectivity=8, transform=labels.transform)
            if value == 1
        ]
        if score is None:
            blocks = [_count(mine, labels, None, block, grid) for block in lattice(labels.shape, BLOCK_PX)]
        else:
            with opened(score) as scores:
                _same_grid(scores, labels, score)
                blocks = [_count(mine, labels, scores, block, grid) for block in lattice(labels.shape, BLOCK_PX)]
        pixel = abs(labels.transform.a * labels.transform.e - labels.transform.b * labels.transform.d)
    smallest = MIN_OBJECT_PX * pixel * (1.0 - 1e-6)
    objects = object_accuracy(mine.geometry, sites, confidence=CONFIDENCE, min_truth_area=smallest)
    result = {"pixels": pixel_accuracy(blocks, confidence=CONFIDENCE), "objects": objects}
    return result if score is None else {**result, "scores": score_accuracy(blocks)}


def _against_sites(predicted: gpd.GeoDataFrame, sites: gpd.GeoDataFrame, score: Path | None) -> dict[str, Any]:
    result: dict[str, Any] = {
        "area": area_accuracy(predicted.geometry, sites.geometry),
        "objects": object_accuracy(predicted.geometry, sites.geometry, confidence=CONFIDENCE),
    }
    if score is None:
        return result
    with opened(score) as scores:
        grid = (scores.transform, scores.shape)
        mine, true = _in_crs_of(predicted, scores), _in_crs_of(sites, scores)
        blocks = [_count(mine, true, scores, block, grid) for block in lattice(scores.shape, BLOCK_PX)]
    return {**result, "pixels": pixel_accuracy(blocks, confidence=CONFIDENCE), "scores": score_accuracy(blocks)}


def _count(
    predicted: gpd.GeoDataFrame, truth: Any, scores: Any, block: Block, grid: tuple[Affine, tuple[int, int]]
) -> PixelCounts:
    """Counts of one block of the grid; ``truth`` is a label dataset or polygons."""
    rows, cols = block.shape
    window = Window(block.col_start, block.row_start, cols, rows)
    transform = grid[0] @ Affine.translation(block.col_start, block.row_start)
    mine = _burn(predicted, transform, (rows, cols))
    score = None if scores is None else scores.read(1, window=window).astype(np.float32)
    if isinstance(truth, gpd.GeoDataFrame):
        return count_pixels(mine, _burn(truth, transform, (rows, cols)), np.ones((rows, cols), dtype=bool), score)
    label = truth.read(1, window=window)
    known = (label == 0) | (label == 1)
    if truth.nodata is not None and truth.nodata not in (0, 1):
        known &= label != truth.nodata
    return count_pixels(mine, label == 1, known, score)


def _burn(frame: gpd.GeoDataFrame, transform: Affine, size: tuple[int, int]) -> NDArray[np.bool_]:
    corners = [transform @ corner for corner in ((0, 0), (size[1], size[0]), (0, size[0]), (size[1], 0))]
    x, y = zip(*corners, strict=True)
    near = frame.geometry.iloc[np.sort(frame.sindex.intersection((min(x), min(y), max(x), max(y))))]
    if near.empty:
        return np.zeros(size, dtype=bool)
    return np.asarray(rasterize(((g, 1) for g in near), out_shape=size, transform=transform, dtype="uint8") == 1)


def _same_grid(scores: Any, labels: Any, path: Path) -> None:
    if scores.shape != labels.shape or not scores.transform.almost_equals(labels.transform, precision=1e-9):
        raise InputError("E205", f"{path} is not on the grid of the label raster", "give both on the same grid")


def _in_crs_of(frame: gpd.GeoDataFrame, other: Any) -> gpd.GeoDataFrame:
    return frame if frame.crs is None or other.crs is None else frame.to_crs(other.crs)


def _read_vector(path: Path) -> gpd.GeoDataFrame:
    """Polygons of a vector file without those merged into others; pixel coordinates when it has no CRS."""
    try:
        if path.suffix.lower() == ".parquet":
            frame = gpd.read_parquet(path)
        else:
            layers = [str(name) for name in pyogrio.list_layers(path)[:, 0]]
            known = [name for name in ("candidates", "targets", path.stem) if name in layers]
            frame = gpd.read_file(path, layer=(known or layers)[0])
    except (OSError, ValueError, IndexError, pyogrio.errors.DataSourceError) as problem:
        raise InputError("E301", f"{path}: {problem}", "give a readable GeoPackage or GeoParquet file") from problem
    if not isinstance(frame, gpd.GeoDataFrame):
        raise InputError("E303", f"{path} holds no geometry", "give a vector file with polygons")
    if "state" in frame.columns:
        frame = frame[frame["state"] != TargetState.MERGED]
    usable = frame.geometry.notna() & ~frame.geometry.is_empty
    return frame[usable].reset_index(drop=True)
