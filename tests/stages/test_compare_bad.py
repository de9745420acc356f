"""Hostile images to `compare`: each gives a numbered error or an empty result with the reason."""

from __future__ import annotations

import json
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
import rasterio
from scipy import ndimage

from pipeline.errors import InputError
from pipeline.execute import Execution
from pipeline.sources.raster import open_image, opened
from pipeline.stages.base import StageOutcome
from pipeline.stages.compare import compare_pair
from pipeline.values import Validity
from tests.imagery import BANDS, NORTH_UP, UTM, build, fields, noisy, write

ONE = Execution(scheduler="synchronous", workers=1)
SIZE = 160
WATER = np.array([0.06, 0.05, 0.03, 0.015, 0.01, 0.008])
SNOW = np.array([0.75, 0.75, 0.74, 0.70, 0.10, 0.08])


def flat(values: np.ndarray | float, seed: int, noise: float) -> np.ndarray:
    """Ground (6, y, x) of one kind with noise."""
    level = np.broadcast_to(np.asarray(values, dtype=np.float64), (6,))[:, None, None]
    return np.clip(level + np.random.default_rng(seed).normal(0.0, noise, (6, SIZE, SIZE)), 0.001, 1.0)


def write_float(path: Path, image: np.ndarray) -> Path:
    """Write reflectance as floats, whatever they are."""
    profile = {"driver": "GTiff", "count": len(image), "dtype": "float32", "height": image.shape[1],
               "width": image.shape[2], "crs": UTM, "transform": NORTH_UP}  # fmt: skip
    with rasterio.open(path, "w", **profile) as dataset:
        dataset.write(image.astype(np.float32))
        for index, name in enumerate(BANDS[: len(image)], start=1):
            dataset.set_band_description(index, name)
    return path


def compared(tmp_path: Path, before: np.ndarray, after: np.ndarray, **options: object) -> StageOutcome:
    paths = [write(tmp_path / f"{name}.tif", image) for name, image in (("before", before), ("after", after))]
    return compare_pair(*paths, tmp_path / "out", execution=ONE, **options)


def codes(out: Path) -> np.ndarray:
    with opened(out / "validity.tif") as dataset:
        return dataset.read(1)


def said(outcome: StageOutcome, words: str) -> bool:
    return any(words in note for note in outcome.notes)


@pytest.mark.parametrize(("values", "code"), [(0.6, Validity.CLOUD), (SNOW, Validity.SNOW)], ids=["cloud", "snow"])
def test_ground_wholly_hidden_is_an_empty_result_with_the_reason(
    tmp_path: Path, values: np.ndarray | float, code: Validity
) -> None:
    outcome = compared(tmp_path, noisy(fields(SIZE, SIZE), seed=1), flat(values, 2, 0.02))
    assert outcome.counts["candidates"] == outcome.counts["observable_px"] == 0
    assert said(outcome, f"100 % not observable: {code.name.lower()}") and said(outcome, "no pixel is observable")
    assert (codes(tmp_path / "out") == code).all()


def test_all_water_has_no_candidates(tmp_path: Path) -> None:
    outcome = compared(tmp_path, flat(WATER, 1, 0.003), flat(WATER, 2, 0.003))
    assert outcome.counts["candidates"] == 0 and outcome.counts["observable_px"] == SIZE**2
    assert said(outcome, "no shift can be measured") and said(outcome, "taken as delivered")
    stored = json.loads((tmp_path / "out" / "alignment.json").read_text(encoding="utf-8"))
    assert stored["accepted"] and stored["residual_px"] == 1.0 and "taken as delivered" in stored["reason"]


def test_ground_wholly_changed_is_taken_as_delivered(tmp_path: Path) -> None:
    rng = np.random.default_rng(5)
    other = ndimage.gaussian_filter(rng.normal(0.0, 1.0, (SIZE, SIZE)), 4.0)
    after = np.clip(0.25 + 0.2 * other / other.std() * 0.2, 0.02, 0.6)[None] * np.ones((6, 1, 1))
    outcome = compared(tmp_path, noisy(fields(SIZE, SIZE), seed=1), noisy(after.astype(np.float32), seed=2))
    assert said(outcome, "taken as delivered")


def test_one_band_works_and_a_constant_image_is_empty(tmp_path: Path) -> None:
    image = fields(SIZE, SIZE)
    light = [write(tmp_path / f"{i}.tif", one[2:3], bands=None) for i, one in
             enumerate((noisy(image, seed=1), noisy(build(image, 60, 80), seed=2)))]  # fmt: skip
    outcome = compare_pair(*light, tmp_path / "pan", execution=ONE)
    assert outcome.counts["candidates"] == 1 and said(outcome, "bands pan")
    same = compared(tmp_path, flat(0.2, 1, 0.0), flat(0.2, 1, 0.0))
    assert same.counts["candidates"] == 0 and said(same, "no shift can be measured")


@pytest.mark.parametrize("shape", [(1, 1), (1, 5), (3, 3)])
def test_a_few_pixels_have_no_candidates(tmp_path: Path, shape: tuple[int, int]) -> None:
    image = fields(8, 8)[:, : shape[0], : shape[1]]
    outcome = compared(tmp_path, image, image * 1.5)
    assert outcome.counts == {"candidates": 0, "unlikely": 0, "observable_px": image[0].size, "pixels": image[0].size}


def test_nan_and_infinite_are_no_data_and_negative_reflectance_is_a_number(tmp_path: Path) -> None:
    image = fields(SIZE, SIZE)
    after = noisy(build(image, 20, 20), seed=2) - 0.1
    after[:, 90:120, 90:120] = np.nan
    after[0, 130:140, 30:40], after[3, 150:155] = np.inf, -np.inf
    before = write_float(tmp_path / "before.tif", noisy(image, seed=1) - 0.1)
    outcome = compare_pair(before, write_float(tmp_path / "after.tif", after), tmp_path / "out", execution=ONE)
    found = codes(tmp_path / "out")
    assert outcome.counts["candidates"] == 1 and said(outcome, "not observable: no data")
    assert (found[95:115, 95:115] == Validity.NO_DATA).all() and (found[132:138, 32:38] == Validity.NO_DATA).all()
    assert (found[151:154] == Validity.NO_DATA).all() and (found[:80] == Validity.CLEAR).all()


def test_swapped_dates_are_refused(tmp_path: Path) -> None:
    image = fields(40, 40)
    early = write(tmp_path / "a.tif", image, ACQUISITION_DATE="2025-03-01")
    late = write(tmp_path / "b.tif", image, ACQUISITION_DATE="2026-03-01")
    with pytest.raises(InputError, match="2026-03-01") as caught:
        compare_pair(late, early, tmp_path / "out", execution=ONE)
    assert caught.value.code == "E207" and not (tmp_path / "out").exists()
    days = {"before_date": date(2026, 5, 1), "after_date": date(2026, 5, 1)}
    assert compare_pair(late, early, tmp_path / "out", execution=ONE, **days).counts["candidates"] == 0


def test_an_image_against_itself_shifted_has_no_candidates(tmp_path: Path) -> None:
    image = noisy(fields(SIZE, SIZE), seed=1)
    moved = np.stack([ndimage.shift(band, (1.3, -0.6), order=3, mode="nearest") for band in image])
    outcome = compared(tmp_path, image, moved)
    assert outcome.counts["candidates"] == 0 and said(outcome, "after moved by -1.30 rows, +0.60 columns")


def test_images_far_apart_are_refused_with_the_distance(tmp_path: Path) -> None:
    wide = fields(SIZE + 40, SIZE, seed=7, parcel_px=17)
    with pytest.raises(InputError, match="px apart, more than 15 px") as caught:
        compared(tmp_path, noisy(wide[:, 30:190], seed=1), noisy(wide[:, :160], seed=2))
    assert caught.value.code == "E206" and not (tmp_path / "out").exists()


def test_a_white_hall_is_neither_cloud_nor_saturated(tmp_path: Path) -> None:
    image = fields(SIZE, SIZE)
    later = image.copy()
    later[:, 60:90, 50:85] = 0.55
    outcome = compared(tmp_path, noisy(image, seed=1), noisy(later, seed=2))
    assert (codes(tmp_path / "out") == Validity.CLEAR).all() and outcome.counts["candidates"] == 1


def test_the_largest_number_of_the_type_is_saturation(tmp_path: Path) -> None:
    image = noisy(fields(SIZE, SIZE), seed=1)
    later = noisy(fields(SIZE, SIZE), seed=2)
    later[:, 40:50, 40:50] = 6.5535
    compared(tmp_path, image, later)
    assert (codes(tmp_path / "out")[42:48, 42:48] == Validity.SATURATED).all()


def test_every_object_states_its_registration_risk(tmp_path: Path) -> None:
    image = fields(SIZE, SIZE)
    compared(tmp_path, noisy(image, seed=1), noisy(build(image, 60, 80), seed=2))
    risk = gpd.read_file(tmp_path / "out" / "candidates.gpkg", layer="candidates")["registration_risk"]
    assert len(risk) == 1 and 0.0 <= risk[0] < 0.3


def test_l2a_with_its_offset_stated_in_the_file_meets_l1c_without(tmp_path: Path) -> None:
    image = fields(SIZE, SIZE)
    before = write(tmp_path / "before.tif", noisy(image, seed=1))
    after = write(tmp_path / "after.tif", noisy(build(image, 60, 80), seed=2) + 0.1)
    with rasterio.open(after, "r+") as dataset:
        dataset.scales, dataset.offsets = (0.0001,) * 6, (-0.1,) * 6
    assert (open_image(after).scale, open_image(after).offset) == (0.0001, -0.1)
    assert open_image(before).offset == 0.0 and open_image(after, offset=0.0).offset == 0.0
    outcome = compare_pair(before, after, tmp_path / "out", execution=ONE)
    assert outcome.counts["candidates"] == 1
