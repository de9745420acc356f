from __future__ import annotations

import numpy as np

from pipeline.acquire.clouds import codes_of_scl, grown, series_codes, series_median
from pipeline.values import Validity

BANDS = ("blue", "green", "red", "nir")
LIMITS = {"cloud_rise": 0.04, "shadow_ratio": 0.75, "agreement": 0.03}


def series(count: int = 4, size: int = 40) -> tuple[np.ndarray, np.ndarray]:
    ground = np.array([0.05, 0.08, 0.07, 0.3], dtype=np.float32)[None, :, None, None]
    images = np.broadcast_to(ground, (count, 4, size, size)).astype(np.float32).copy()
    return images, np.zeros((count, size, size), dtype=np.uint8)


def test_classes_become_codes() -> None:
    classes = np.array([[0, 1, 2, 3, 4, 5, 6, 7, 8, 9, 10, 11, 77]], dtype=np.uint8)
    expected = [1, 6, 0, 3, 0, 0, 0, 0, 2, 2, 4, 5, 1]
    assert codes_of_scl(classes).tolist() == [expected]


def test_clouds_grow_over_clear_pixels_only() -> None:
    codes = np.zeros((1, 9), dtype=np.uint8)
    codes[0, 4], codes[0, 6] = Validity.CLOUD, Validity.SNOW
    assert grown(codes, cloud_px=2.0, shadow_px=1.0).tolist() == [[0, 0, 2, 2, 2, 2, 5, 0, 0]]


def test_median_of_a_series_leaves_gaps_out() -> None:
    values = np.array([1.0, np.nan, 3.0, 10.0], dtype=np.float32).reshape(4, 1, 1)
    assert series_median(values)[0, 0] == 3.0
    assert np.isnan(series_median(np.full((2, 1, 1), np.nan, np.float32)))[0, 0]


def test_a_cloud_and_its_shadow_stand_out() -> None:
    images, codes = series()
    images[1, :, 5:17, 5:17] = 0.5
    images[1, :, 22:34, 22:34] *= 0.4
    found = series_codes(images, codes, [False] * 4, [True] * 4, BANDS, **LIMITS)
    assert (found[1, 7:15, 7:15] == Validity.CLOUD).all()
    assert (found[1, 24:32, 24:32] == Validity.SHADOW).all()
    assert (np.delete(found, 1, axis=0) == Validity.CLEAR).all()


def test_new_construction_that_stays_is_no_cloud() -> None:
    images, codes = series()
    images[2:, :, 5:17, 5:17] = np.array([0.2, 0.22, 0.24, 0.26], dtype=np.float32)[:, None, None]
    assert (series_codes(images, codes, [False] * 4, [True] * 4, BANDS, **LIMITS) == Validity.CLEAR).all()


def test_bare_soil_in_the_last_scene_is_no_cloud() -> None:
    images, codes = series()
    images[3, :, 5:17, 5:17] = np.array([0.10, 0.14, 0.19, 0.25], dtype=np.float32)[:, None, None]
    assert (series_codes(images, codes, [False] * 4, [True] * 4, BANDS, **LIMITS) == Validity.CLEAR).all()


def test_a_classified_scene_is_judged_near_its_clouds_only() -> None:
    images, codes = series(size=120)
    images[3, :, 80:100, 80:100] = 0.4
    assert (series_codes(images, codes, [True] * 4, [True] * 4, BANDS, **LIMITS)[3] == Validity.CLEAR).all()
    codes[3, 60:70, 60:70] = Validity.CLOUD
    assert (
        series_codes(images, codes, [True] * 4, [True] * 4, BANDS, **LIMITS)[3, 83:88, 83:88] == Validity.CLOUD
    ).all()


def test_a_cloudless_scene_has_no_cloud_shadows() -> None:
    images, codes = series()
    images[3, :, 5:17, 5:17] *= 0.5
    assert (series_codes(images, codes, [True] * 4, [False] * 4, BANDS, **LIMITS) == Validity.CLEAR).all()
    shaded = series_codes(images, codes, [True] * 4, [True] * 4, BANDS, **LIMITS)
    assert (shaded[3, 7:15, 7:15] == Validity.SHADOW).all()
