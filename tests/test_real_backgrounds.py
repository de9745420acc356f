"""The chips that the real-background benchmark cuts and pastes, on made-up pairs."""

from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio

from benchmarks.real_backgrounds import chips_of, free_places, main, paste


def pair() -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    rng = np.random.default_rng(3)
    before = (1000.0 + 60.0 * rng.standard_normal((6, 60, 60))).astype(np.float32)
    label = np.zeros((60, 60), dtype=bool)
    label[20:26, 30:38] = True
    label[5, 5] = True  # too small to be a chip
    after = 1.3 * before + 200.0
    after[:, label] += 900.0
    return before, after.astype(np.float32), label


def test_a_chip_is_the_change_in_spreads_of_its_scene() -> None:
    before, after, label = pair()
    (chip,) = chips_of("here", before, after, label)
    assert chip.solid.sum() == 48
    assert chip.difference[:, chip.solid].mean() == pytest.approx(900.0 / (1.3 * 60.0), rel=0.05)
    assert np.abs(chip.difference[:, ~chip.solid]).max() < 0.05
    assert 0.0 <= chip.mask.min() and chip.mask.max() <= 1.0


def test_pasting_changes_the_ground_under_the_mask_alone() -> None:
    (chip,) = chips_of("here", *pair())
    rng = np.random.default_rng(4)
    image = (80.0 + 10.0 * rng.standard_normal((4, 50, 50))).astype(np.float32)
    old = image.copy()
    paste(image, chip, 10, 12, np.ones((50, 50), dtype=bool), range(4))
    rows, cols = chip.solid.shape
    inside = np.zeros((50, 50), dtype=bool)
    inside[10 : 10 + rows, 12 : 12 + cols] = chip.solid
    assert (image - old)[:, inside].mean() > 50.0
    untouched = np.ones((50, 50), dtype=bool)
    untouched[10 : 10 + rows, 12 : 12 + cols] = False
    assert np.array_equal(image[:, untouched], old[:, untouched])


def test_chips_lie_on_allowed_ground_and_apart() -> None:
    chips = chips_of("here", *pair())
    allowed = np.zeros((80, 80), dtype=bool)
    allowed[:, :50] = True
    places = free_places(chips, allowed, 4, np.random.default_rng(1))
    taken = np.zeros((80, 80), dtype=int)
    for chip, row, col in places:
        taken[row : row + chip.solid.shape[0], col : col + chip.solid.shape[1]] += chip.solid
    assert len(places) >= 2
    assert taken.max() == 1 and not taken[~allowed].any()


@pytest.mark.real_data
def test_both_sets_hold_their_objects_from_the_day_told(real_data: Path, tmp_path: Path) -> None:
    main([str(tmp_path), "--data", str(real_data), "--seed", "5"])
    sites = gpd.read_parquet(tmp_path / "naip" / "truth" / "sites.parquet")
    assert len(sites) == 40 and (sites["last_without"] < sites["first_with"]).all()
    original = real_data / "naip_no_construction"
    for name in ("20090818", "20190904"):
        with (
            rasterio.open(tmp_path / "naip" / "scenes" / "naip" / f"NAIP_{name}.tif") as new,
            rasterio.open(original / f"m_4709963_se_14_1_{name}.tif") as old,
        ):
            rows, cols = new.shape
            difference = np.abs(new.read(1).astype(int) - old.read(3)[:rows, :cols].astype(int))
            filled = new.read(1) > 0
        assert (difference[filled].max() > 20) == (name == "20190904")
    series = np.load(tmp_path / "slovenia" / "series" / "ndvi.npy")
    given = np.load(real_data / "s2_slovenia_series" / "NDVI.npy")[..., 0]
    assert series.shape == given.shape and np.array_equal(series[0], given[0])
    assert not np.array_equal(series, given)
