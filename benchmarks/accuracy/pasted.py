"""Labelled pairs of another kind: real changes pasted, at known dates, onto real ground on which nothing was built."""

from __future__ import annotations

from itertools import pairwise
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from rasterio.features import rasterize

from benchmarks import real_backgrounds
from benchmarks.accuracy.sets import NAIP_DAYS, Pair, PairSet

SEED = 1
KINDS = {
    "naip": ("naip_pasted", "Real changes pasted onto farmland at 5 m", 5.0),
    "slovenia": ("slovenia_pasted", "Real changes pasted onto five Sentinel-2 scenes", 10.0),
}


def pasted_sets(data: Path, scratch: Path) -> list[PairSet]:
    """Both sets of :mod:`benchmarks.real_backgrounds`, written below ``scratch``; none where a part is missing."""
    farmland = data / "naip_no_construction"
    parts = [data / "s2_urban_change", data / "s2_slovenia_series", *(farmland / _naip(day) for day in NAIP_DAYS)]
    if not all(part.exists() for part in parts):
        return []
    target = scratch / "pasted"
    chips = real_backgrounds.read_chips(data)
    first, second = (np.random.default_rng(child) for child in np.random.SeedSequence(SEED).spawn(2))
    real_backgrounds.slovenia(data, target / "slovenia", chips, first)
    real_backgrounds.naip(data, target / "naip", chips, second)
    return [
        PairSet(name, title, _pairs(target / kind), gsd_m, changed=(1,))
        for kind, (name, title, gsd_m) in sorted(KINDS.items())
    ]


def _naip(day: str) -> str:
    return f"m_4709963_se_14_1_{day}.tif"


def _pairs(folder: Path) -> tuple[Pair, ...]:
    """Scenes one after the other, each pair with a label of what began between them."""
    scenes = sorted(folder.glob("scenes/*/*.tif"), key=_day)
    sites = gpd.read_parquet(folder / "truth" / "sites.parquet")
    pairs = []
    for before, after in pairwise(scenes):
        began = sites[(sites["first_with"] > _day(before)) & (sites["first_with"] <= _day(after))]
        label = folder / f"label_{_day(after):%Y%m%d}.tif"
        with rasterio.open(before) as file:
            profile = {**file.profile, "count": 1, "dtype": "uint8", "nodata": None}
            shape, transform = file.shape, file.transform
        burnt = (
            rasterize(began.geometry, out_shape=shape, transform=transform, dtype="uint8")
            if len(began)
            else np.zeros(shape, np.uint8)
        )
        with rasterio.open(label, "w", **profile) as file:
            file.write(burnt, 1)
        pairs.append(Pair(f"{_day(before):%Y%m%d}-{_day(after):%Y%m%d}", before, after, label))
    return tuple(pairs)


def _day(path: Path) -> pd.Timestamp:
    return pd.Timestamp(path.stem.split("_")[-1])
