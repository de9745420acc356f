"""The product itself on a pair: exactly what `xuncha compare` does, read back from what it wrote."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
from rasterio.features import rasterize

from benchmarks.accuracy.peers import Detection
from benchmarks.accuracy.sets import Pair, Scene
from pipeline.errors import InputError
from pipeline.execute import Execution
from pipeline.sources.raster import opened
from pipeline.stages.compare import compare_pair

NAME, TRAINED = "xuncha", "xuncha, trained without the place"
APART = "E206"


def our_detection(pair: Pair, scene: Scene, out: Path, *, model: Path | None = None) -> Detection:
    """Run `compare` and read score.tif and candidates.gpkg on BEFORE's grid.

    A pair that is refused because its images stay apart has an empty mask, and the reason; other errors are raised.
    """
    method = NAME if model is None else TRAINED
    # a gsd is told only where the files have no georeference
    try:
        compare_pair(pair.before, pair.after, out, bands=pair.bands, gsd_m=pair.gsd_m, model=model,
                     execution=Execution())  # fmt: skip
    except InputError as problem:
        if problem.code != APART:
            raise
        nothing = np.zeros(scene.truth.shape)
        return Detection(
            method, nothing > 0, nothing, np.zeros(0), np.zeros(0), refusal=_without_folders(problem.message, pair)
        )
    with opened(out / "score.tif") as file:
        score = np.nan_to_num(file.read(1))
    drawn = {layer: gpd.read_file(out / "candidates.gpkg", layer=layer) for layer in ("candidates", "unlikely")}
    mask = burnt(drawn["candidates"], scene) > 0
    chances, right = [], []
    for frame in drawn.values():
        ids = burnt(frame, scene)
        size = np.bincount(ids[scene.known], minlength=len(frame) + 1)[1:]
        inside = np.bincount(ids[scene.truth], minlength=len(frame) + 1)[1:]
        seen = size > 0
        chances.append(frame["probability"].to_numpy(dtype=np.float64)[seen])
        right.append(inside[seen] / size[seen])
    return Detection(method, mask, score, np.concatenate(chances), np.concatenate(right))


def _without_folders(message: str, pair: Pair) -> str:
    """The message with file names alone, the same wherever the data lie."""
    for path in (pair.before, pair.after):
        message = message.replace(str(path), path.name)
    return message


def burnt(frame: gpd.GeoDataFrame, scene: Scene) -> np.ndarray:
    """Polygons on BEFORE's grid: number from 1 in the order of the table, 0 where there is none."""
    if not len(frame):
        return np.zeros(scene.truth.shape, dtype=np.int32)
    placed = frame if scene.crs is None else frame.to_crs(scene.crs)
    numbered = zip(placed.geometry, range(1, len(frame) + 1), strict=True)
    return rasterize(numbered, out_shape=scene.truth.shape, transform=scene.transform, dtype="int32")
