"""Real change on real ground: labelled objects of the Sentinel-2 pairs pasted, at known dates, onto series without any.

usage: python -m benchmarks.real_backgrounds DIR [--data FOLDER] [--seed N]

Writes two city-like folders for measuring only (the labels' terms are non-commercial: ship nothing of it):

DIR/slovenia   scenes/s2: five scenes of 2015 in six bands; series/: ndvi.npy (68 dates, rows, cols), cloud.npy,
               dates.json, 2015 to 2017; truth/sites.parquet
DIR/naip       scenes/naip: four dates 2009 to 2019, 5 m, bands blue green red nir, 8 bits; truth/sites.parquet

A pasted object keeps the shape and the change of the real one: inside its softened mask the ground becomes half the
old ground plus the real difference and half the real new ground, both carried over band by band by mean and spread of
the unchanged ground. sites.parquet: site_id, place, last_without, first_with (the dates about the onset), area_m2,
geometry. On the 5 m images a pixel of the chip becomes a pixel, so that objects are half as long as in reality.
"""

from __future__ import annotations

import argparse
import json
import os
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import shapes as outlines
from scipy import ndimage
from shapely import union_all
from shapely.geometry import shape

from pipeline.spectra import BANDS

FloatArray = NDArray[np.float32]
REPOSITORY = Path(__file__).resolve().parent.parent
LEAST_PX, MOST_PX, SOFT_PX, AROUND_PX = 6, 400, 0.6, 3
_SIX_OF_THIRTEEN = (1, 2, 3, 7, 11, 12)
_WOOD, _NO_DATA = 2, 0
NAIP = ("20090818", "20120731", "20160816", "20190904")
_NAIP_BANDS = (2, 1, 0, 3)
"""Position of blue, green, red and nir in the files."""


@dataclass(frozen=True)
class Chip:
    """A labelled object: ``difference`` and ``after`` (6, rows, cols) in spreads of its scene, soft ``mask`` 0..1.

    ``ndvi`` (rows, cols) after; ``solid``: the label.
    """

    place: str
    difference: FloatArray
    after: FloatArray
    ndvi: FloatArray
    mask: FloatArray
    solid: NDArray[np.bool_]


def standard(image: FloatArray, keep: NDArray[np.bool_]) -> tuple[FloatArray, FloatArray]:
    """Mean and spread (bands, 1, 1) of an image (bands, rows, cols) over the kept pixels."""
    values = image[:, keep].astype(np.float64)
    spread = np.maximum(values.std(axis=1), 1e-6)
    return (values.mean(axis=1)[:, None, None].astype(np.float32), spread[:, None, None].astype(np.float32))


def chips_of(place: str, before: FloatArray, after: FloatArray, label: NDArray[np.bool_]) -> list[Chip]:
    """The labelled objects of a pair (6, rows, cols) that are :data:`LEAST_PX` to :data:`MOST_PX` pixels large."""
    keep = ~ndimage.binary_dilation(label, iterations=3) & (before > 0).all(axis=0) & (after > 0).all(axis=0)
    (mean0, spread0), (mean1, spread1) = standard(before, keep), standard(after, keep)
    old, new = (before - mean0) / spread0, (after - mean1) / spread1
    # green-ness of the new ground as it would be through the air of the first date
    like = new * spread0 + mean0
    ndvi = (like[3] - like[2]) / np.maximum(like[3] + like[2], 1e-3)
    found, _ = ndimage.label(label, np.ones((3, 3)))
    chips = []
    for number, window in enumerate(ndimage.find_objects(found), start=1):
        rows, cols = (slice(max(part.start - AROUND_PX, 0), part.stop + AROUND_PX) for part in window)
        solid = found[rows, cols] == number
        if LEAST_PX <= solid.sum() <= MOST_PX:
            mask = ndimage.gaussian_filter(solid.astype(np.float32), SOFT_PX)
            chips.append(Chip(place, (new - old)[:, rows, cols], new[:, rows, cols], ndvi[rows, cols], mask, solid))
    return chips


def paste(image: FloatArray, chip: Chip, row: int, col: int, keep: NDArray[np.bool_], bands: Sequence[int]) -> None:
    """Put a chip's change into an image (bands, rows, cols) in place; ``bands``: which of the six they are."""
    rows, cols = chip.solid.shape
    window = (slice(None), slice(row, row + rows), slice(col, col + cols))
    mean, spread = standard(image, keep)
    ground = image[window].copy()
    moved = ground + chip.difference[list(bands)] * spread
    other = chip.after[list(bands)] * spread + mean
    image[window] = ground + chip.mask * (0.5 * moved + 0.5 * other - ground)


def free_places(
    chips: Sequence[Chip], allowed: NDArray[np.bool_], count: int, rng: np.random.Generator
) -> list[tuple[Chip, int, int]]:
    """Up to ``count`` chips with a row and column where they lie wholly on allowed ground, apart from each other."""
    open_ground, result = allowed.copy(), []
    for _ in range(60 * count):
        chip = chips[int(rng.integers(len(chips)))]
        rows, cols = chip.solid.shape
        if rows >= allowed.shape[0] or cols >= allowed.shape[1]:
            continue
        row, col = (int(rng.integers(size - part)) for size, part in zip(allowed.shape, (rows, cols), strict=True))
        window = (slice(row, row + rows), slice(col, col + cols))
        if open_ground[window][chip.solid].all():
            open_ground[max(row - 2, 0) : row + rows + 2, max(col - 2, 0) : col + cols + 2] = False
            result.append((chip, row, col))
        if len(result) == count:
            break
    return result


def read_chips(data: Path) -> list[Chip]:
    """The chips of all labelled pairs, reflectance x 10000 as stored; after is taken by index on before's grid."""
    chips: list[Chip] = []
    for folder in sorted((data / "s2_urban_change").iterdir()):
        with rasterio.open(folder / "before.tif") as one, rasterio.open(folder / "after.tif") as two:
            before = one.read().astype(np.float32)
            after = two.read(out_shape=before.shape, resampling=rasterio.enums.Resampling.bilinear).astype(np.float32)
        with rasterio.open(folder / "label.tif") as file:
            chips += chips_of(folder.name, before, after, file.read(1) == 1)
    return chips


def slovenia(data: Path, target: Path, chips: Sequence[Chip], rng: np.random.Generator, *, count: int = 6) -> int:
    """Paste onto the five scenes and the 68 NDVI dates; returns how many objects."""
    source = data / "s2_slovenia_series"
    days = [date.fromisoformat(text[:10]) for text in json.loads((source / "timestamps.json").read_text("utf-8"))]
    ndvi, cloud = np.load(source / "NDVI.npy")[..., 0], np.load(source / "CLM.npy")[..., 0]
    land = np.load(source / "LULC.npy")[..., 0]
    scenes = np.load(source / "REFERENCE_SCENES.npy").transpose(0, 3, 1, 2)[:, _SIX_OF_THIRTEEN].astype(np.float32)
    numbers = [_same_date(scene, ndvi) for scene in scenes]
    small = [chip for chip in chips if max(chip.solid.shape) <= 34]
    places = free_places(small, (land != _WOOD) & (land != _NO_DATA), count, rng)
    clear = np.flatnonzero(cloud.mean(axis=(1, 2)) < 0.05)
    left, top, step = *_corner(source), 10.0
    transform, rows = Affine(step, 0.0, left, 0.0, -step, top), []
    keep = np.ones(land.shape, dtype=bool)
    for index, (chip, row, col) in enumerate(places):
        # every second object begins between the five scenes, the others any time in the three years
        early = [number for number in sorted(numbers) if number in clear]
        onset = int(rng.choice(early[1:])) if index % 2 == 0 else int(rng.choice(clear[4:-4]))
        for scene, number in zip(scenes, numbers, strict=True):
            if number >= onset:
                paste(scene, chip, row, col, keep, range(6))
        window = (slice(onset, None), slice(row, row + chip.solid.shape[0]), slice(col, col + chip.solid.shape[1]))
        ndvi[window] += chip.mask * (0.9 * chip.ndvi + 0.1 * ndvi[window] - ndvi[window]) * (cloud[window] == 0)
        before = clear[clear < onset]
        rows.append(_site(index, chip, row, col, transform, days[int(before[-1])], days[onset]))
    (target / "series").mkdir(parents=True, exist_ok=True)
    np.save(target / "series" / "ndvi.npy", ndvi.astype(np.float32))
    np.save(target / "series" / "cloud.npy", cloud)
    (target / "series" / "dates.json").write_text(json.dumps([day.isoformat() for day in days]), encoding="utf-8")
    for scene, number in zip(scenes, numbers, strict=True):
        stored = np.clip(np.rint(scene * 10000.0), 1, 20000).astype(np.uint16)
        _write(
            target / "scenes" / "s2" / f"S2_{days[number]:%Y%m%d}.tif", stored, transform, "EPSG:32633", days[number]
        )
    _write_truth(target, rows, "EPSG:32633")
    return len(rows)


def _same_date(scene: FloatArray, ndvi: FloatArray) -> int:
    """Which of the NDVI dates a scene (blue green red nir swir1 swir2) is of."""
    own = (scene[3] - scene[2]) / np.maximum(scene[3] + scene[2], 1e-6)
    return int(np.argmin([np.nanmean(np.abs(one - own)) for one in ndvi]))


def _corner(source: Path) -> tuple[float, float]:
    """Left and top of the series, metres."""
    ring = json.loads((source / "bbox.geojson").read_text("utf-8"))["coordinates"][0]
    return min(point[0] for point in ring), max(point[1] for point in ring)


def naip(data: Path, target: Path, chips: Sequence[Chip], rng: np.random.Generator, *, count: int = 40) -> int:
    """Paste onto the four dates, on the grid of the first; returns how many objects."""
    images, transform, crs = [], Affine.identity(), ""
    for day in NAIP:
        with rasterio.open(data / "naip_no_construction" / f"m_4709963_se_14_1_{day}.tif") as file:
            if not images:
                transform, crs = file.transform, file.crs.to_string()
            images.append(file.read()[list(_NAIP_BANDS)].astype(np.float32))
    height, width = (min(image.shape[axis] for image in images) for axis in (1, 2))
    images = [image[:, :height, :width] for image in images]
    filled = np.logical_and.reduce([(image > 0).all(axis=0) for image in images])
    dry = filled & np.logical_and.reduce([image[3] > image[1] for image in images])
    dry = ~ndimage.binary_dilation(~dry & filled, iterations=2) & filled
    days = [date.fromisoformat(f"{day[:4]}-{day[4:6]}-{day[6:]}") for day in NAIP]
    rows = []
    for index, (chip, row, col) in enumerate(free_places(chips, dry, count, rng)):
        onset = 1 + index % (len(days) - 1)
        for image in images[onset:]:
            paste(image, chip, row, col, filled, range(4))
        rows.append(_site(index, chip, row, col, transform, days[onset - 1], days[onset]))
    for image, day in zip(images, days, strict=True):
        stored = np.where(filled, np.clip(np.rint(image), 1, 255), 0).astype(np.uint8)
        _write(target / "scenes" / "naip" / f"NAIP_{day:%Y%m%d}.tif", stored, transform, crs, day)
    _write_truth(target, rows, crs)
    return len(rows)


def _site(index: int, chip: Chip, row: int, col: int, transform: Affine, before: date, after: date) -> dict[str, Any]:
    moved = transform @ Affine.translation(col, row)
    parts = [shape(one) for one, _ in outlines(chip.solid.astype(np.uint8), mask=chip.solid, transform=moved)]
    whole = union_all(parts)
    return {"site_id": f"P{index + 1:03d}", "place": chip.place, "last_without": pd.Timestamp(before),
            "first_with": pd.Timestamp(after), "area_m2": whole.area, "geometry": whole}  # fmt: skip


def _write(path: Path, bands: NDArray[Any], transform: Affine, crs: str, day: date) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    profile = {"driver": "GTiff", "count": len(bands), "height": bands.shape[1], "width": bands.shape[2], "nodata": 0,
               "dtype": bands.dtype, "crs": crs, "transform": transform, "compress": "deflate"}  # fmt: skip
    with rasterio.open(path, "w", **profile) as file:
        file.write(bands)
        file.update_tags(ACQUISITION_DATE=day.isoformat())
        for number in range(len(bands)):
            file.set_band_description(number + 1, BANDS[number])


def _write_truth(target: Path, rows: list[dict[str, Any]], crs: str) -> None:
    (target / "truth").mkdir(parents=True, exist_ok=True)
    frame = gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=crs)
    for name in ("last_without", "first_with"):
        frame[name] = frame[name].astype("datetime64[ms]")
    frame.to_parquet(target / "truth" / "sites.parquet", index=False)


def main(arguments: Sequence[str] | None = None) -> None:
    """Write both sets and print how many objects they hold."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("folder", type=Path)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared/data")
    )
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    chips = read_chips(options.data)
    first, second = (np.random.default_rng(child) for child in np.random.SeedSequence(options.seed).spawn(2))
    counts = {"chips": len(chips), "slovenia": slovenia(options.data, options.folder / "slovenia", chips, first),
              "naip": naip(options.data, options.folder / "naip", chips, second)}  # fmt: skip
    print(json.dumps(counts))


if __name__ == "__main__":
    main()
