"""Accuracy of `xuncha compare` on the labelled and the construction-free real pairs: one line per pair.

usage: python benchmarks/accuracy_pairs.py [DATA_FOLDER]   (default: XUNCHA_DATA, else ../shared/data)

Objects: a labelled object of at least 10 pixels is found when 30 % of it is covered, a candidate is right when 30 % of
it lies inside labels. Pairs without construction count every candidate as false.
"""

from __future__ import annotations

import os
import sys
import tempfile
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
from rasterio.features import rasterize
from scipy import ndimage

from pipeline.execute import Execution
from pipeline.sources.raster import open_image, opened
from pipeline.stages.compare import compare_pair

REPOSITORY = Path(__file__).resolve().parent.parent
LEAST_PX, SHARE = 10, 0.3
NAIP = [f"naip_no_construction/m_4709963_se_14_1_{day}.tif" for day in (20090818, 20120731, 20160816, 20190904)]


def pairs(data: Path) -> list[tuple[str, Path, Path, Path | None]]:
    """Name, before, after and label (None: no construction) of every pair."""
    found: list[tuple[str, Path, Path, Path | None]] = []
    for folder in sorted((data / "s2_urban_change").iterdir()):
        found.append((folder.name, folder / "before.tif", folder / "after.tif", folder / "label.tif"))
    for pattern in ("vhr_buildings/*_t1.tif", "vhr_xian/*_t1.png", "aerial_szada/*_t1.png"):
        for before in sorted(data.glob(pattern)):
            name = before.name.split("_t1.")[0]
            label = None if "NONconstruction" in name else before.with_name(before.name.replace("_t1.", "_label."))
            found.append((name, before, before.with_name(before.name.replace("_t1.", "_t2.")), label))
    found += [
        (f"naip {i}", data / one, data / two, None) for i, (one, two) in enumerate(zip(NAIP, NAIP[1:], strict=False))
    ]
    return found


def candidate_pixels(out: Path, before: Path) -> np.ndarray[Any, Any]:
    """The candidates as a mask on BEFORE's grid."""
    grid = open_image(before).geobox
    frame = gpd.read_file(out / "candidates.gpkg", layer="candidates")
    if not len(frame):
        return np.zeros(grid.shape, dtype=bool)
    return rasterize(frame.geometry, out_shape=grid.shape, transform=grid.transform, dtype="uint8").astype(bool)


def objects(mask: np.ndarray[Any, Any], inside: np.ndarray[Any, Any]) -> tuple[int, int]:
    """How many objects of ``mask`` there are, and how many lie by :data:`SHARE` in ``inside``."""
    labels, _ = ndimage.label(mask, np.ones((3, 3)))
    sizes = np.bincount(labels.ravel())[1:]
    shared = np.bincount(labels[inside], minlength=len(sizes) + 1)[1:]
    large = sizes >= LEAST_PX
    return int(large.sum()), int((shared[large] >= SHARE * sizes[large]).sum())


def main() -> None:
    data = Path(
        sys.argv[1] if len(sys.argv) > 1 else os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared/data"
    )
    print(f"{'pair':<28}{'labelled':>9}{'found':>7}{'said':>6}{'right':>7}{'false':>7}{'pixel F1':>10}")
    with tempfile.TemporaryDirectory() as folder:
        for number, (name, before, after, label) in enumerate(pairs(data)):
            out = Path(folder) / str(number)
            compare_pair(before, after, out, execution=Execution())
            mask, truth = candidate_pixels(out, before), None
            truth = np.zeros(mask.shape, dtype=bool)
            if label is not None:
                with opened(label) as dataset:
                    truth = (dataset.read(1) > 0) & (dataset.read(1) != (dataset.nodata or -1))
            (labelled, found), (said, right) = objects(truth, mask), objects(mask, truth)
            f1 = 2 * (mask & truth).sum() / max(mask.sum() + truth.sum(), 1)
            print(f"{name:<28}{labelled:>9}{found:>7}{said:>6}{right:>7}{said - right:>7}{f1:>10.3f}", flush=True)


if __name__ == "__main__":
    main()
