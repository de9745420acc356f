"""How near the wild city's images come to real Sentinel-2 pairs: the same figures of both, side by side.

usage: python -m benchmarks.wild_likeness [--data FOLDER] [--seeds N N] [--size-px 300]

For every pair of dates and over ground without (labelled, true) change: spread of each band, correlation between
bands, correlation between neighbours 1 and 5 pixels apart of an image and of the difference, and the tails of the
difference. A difference is taken after fitting gain and offset per band on the unchanged ground; its tails are
quantiles of the absolute value over the 50 % quantile (normal: 99 % 3.8, 99.9 % 4.9; kurtosis 0).
"""

from __future__ import annotations

import argparse
import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from rasterio.features import rasterize
from scipy import ndimage, stats

from pipeline.simulate.frame import SCENE_CRS, day_of
from pipeline.simulate.wild.city import WildCity, render, scenery_of, wild_city

FloatArray = NDArray[np.float64]
REPOSITORY = Path(__file__).resolve().parent.parent


def pair_figures(before: FloatArray, after: FloatArray, keep: NDArray[np.bool_]) -> dict[str, float]:
    """Figures of one pair (6, rows, cols), reflectance; ``keep``: unchanged and clear."""
    figures: dict[str, float] = {}
    centred = before - before[:, keep].mean(axis=1)[:, None, None]
    difference = np.empty_like(before)
    for band in range(6):
        slope, offset = np.polyfit(before[band][keep], after[band][keep], 1)
        # gain by standard deviations, so that a weak correlation does not shrink the difference
        gain = after[band][keep].std() / max(before[band][keep].std(), 1e-9) * np.sign(slope if slope else 1.0)
        difference[band] = after[band] - after[band][keep].mean() - abs(gain) * centred[band]
    for name, band in (("blue", 0), ("red", 2), ("nir", 3), ("swir1", 4)):
        values = difference[band][keep]
        size = np.abs(values - np.median(values))
        middle = np.quantile(size, 0.5)
        figures[f"{name} mean"] = before[band][keep].mean()
        figures[f"{name} std"] = before[band][keep].std()
        figures[f"{name} corr dates"] = np.corrcoef(before[band][keep], after[band][keep])[0, 1]
        figures[f"{name} diff std/std"] = values.std() / before[band][keep].std()
        figures[f"{name} q99/q50"] = np.quantile(size, 0.99) / middle
        figures[f"{name} q99.9/q50"] = np.quantile(size, 0.999) / middle
        figures[f"{name} kurtosis"] = stats.kurtosis(values)
        for lag in (1, 5):
            figures[f"{name} image lag{lag}"] = _neighbours(before[band], keep, lag)
            figures[f"{name} diff lag{lag}"] = _neighbours(difference[band], keep, lag)
    image, change = np.corrcoef(before[:, keep]), np.corrcoef(difference[:, keep])
    for name, (one, two) in {"blue-red": (0, 2), "red-nir": (2, 3), "red-swir1": (2, 4), "nir-swir1": (3, 4)}.items():
        figures[f"{name} image"] = image[one, two]
        figures[f"{name} diff"] = change[one, two]
    return figures


def _neighbours(image: FloatArray, keep: NDArray[np.bool_], lag: int) -> float:
    both = keep[:, lag:] & keep[:, :-lag]
    return float(np.corrcoef(image[:, lag:][both], image[:, :-lag][both])[0, 1])


def real_pairs(data: Path) -> pd.DataFrame:
    """One row per labelled pair; after is resampled to before's grid by nearest index (both are native grids)."""
    rows = []
    for folder in sorted((data / "s2_urban_change").iterdir()):
        with rasterio.open(folder / "before.tif") as one, rasterio.open(folder / "after.tif") as two:
            before, after = one.read() / 1e4, two.read() / 1e4
        with rasterio.open(folder / "label.tif") as file:
            label = file.read(1) == 1
        height, width = (min(before.shape[axis], after.shape[axis]) for axis in (1, 2))
        zoom = (1, before.shape[1] / after.shape[1], before.shape[2] / after.shape[2])
        after = ndimage.zoom(after, zoom, order=1)[:, :height, :width] if zoom != (1, 1.0, 1.0) else after
        height, width = min(height, after.shape[1]), min(width, after.shape[2])
        before, after = before[:, :height, :width], after[:, :height, :width]
        keep = ~ndimage.binary_dilation(label, iterations=3)[:height, :width]
        keep &= (before > 0).all(axis=0) & (after > 0).all(axis=0)
        rows.append({"pair": folder.name, **pair_figures(before, after, keep)})
    return pd.DataFrame(rows).set_index("pair")


def wild_pairs(city: WildCity, *, days_apart: tuple[float, float], pairs: int, seed: int) -> pd.DataFrame:
    """``pairs`` random pairs of clear scenes whose dates lie between ``days_apart`` days apart."""
    rng, scenery = np.random.default_rng(seed), scenery_of(city)
    snow = city.world.weather.snow
    clear = [one for one in city.passes if one.cloud_share < 0.05 and one.orbit == 0
             and not any(0 <= one.day - fall.day <= 1.8 * fall.lasts_days for fall in snow)]  # fmt: skip
    choices = [(one, two) for one in clear for two in clear if days_apart[0] <= two.day - one.day <= days_apart[1]]
    shapes = city.sites.geometry.to_crs(SCENE_CRS).buffer(30.0)
    grid, rows = city.grid, []
    for index in rng.permutation(len(choices))[:pairs]:
        one, two = choices[int(index)]
        first, second = render(city, one, scenery), render(city, two, scenery)
        keep = rasterize(shapes, out_shape=grid.shape, transform=grid.transform, dtype="uint8") == 0
        for scene in (first, second):
            keep &= (scene.cloud < 0.02) & (scene.shade < 0.05)
        name = f"wild {city.seed} {day_of(one.day)} {day_of(two.day)}"
        rows.append({"pair": name, **pair_figures(first.bands / 1e4, second.bands / 1e4, keep)})
    return pd.DataFrame(rows).set_index("pair")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table: real median and range, wild median and range at two years and at a month apart."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument(
        "--data", type=Path, default=Path(os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared/data")
    )
    parser.add_argument("--seeds", type=int, nargs="+", default=[1, 2])
    parser.add_argument("--size-px", type=int, default=300)
    parser.add_argument("--pairs", type=int, default=6)
    options = parser.parse_args(arguments)
    tables = {"real": real_pairs(options.data)}
    years, months = [], []
    for seed in options.seeds:
        city = wild_city(seed=seed, size_px=options.size_px)
        years.append(wild_pairs(city, days_apart=(500.0, 900.0), pairs=options.pairs, seed=seed))
        months.append(wild_pairs(city, days_apart=(20.0, 45.0), pairs=options.pairs, seed=seed))
    tables |= {"wild years": pd.concat(years), "wild month": pd.concat(months)}
    columns = {}
    for name, table in tables.items():
        columns[name] = [f"{low:7.3f}..{middle:7.3f}..{high:7.3f}" for low, middle, high in
                         table.quantile([0.1, 0.5, 0.9]).T.itertuples(index=False)]  # fmt: skip
    print(pd.DataFrame(columns, index=tables["real"].columns).to_string())


if __name__ == "__main__":
    main()
