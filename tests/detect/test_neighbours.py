from __future__ import annotations

import math

import numpy as np
import pytest

from pipeline.detect.neighbours import alike_share, neighbour_odds, states

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
GREEN = np.array([0.04, 0.07, 0.05, 0.40, 0.20, 0.10], dtype=np.float32)
BARE = np.array([0.10, 0.13, 0.17, 0.24, 0.30, 0.26], dtype=np.float32)


def land(height: int = 40, width: int = 40) -> np.ndarray:
    return np.repeat(GREEN, height * width).reshape(6, height, width).copy()


def changed(mask: np.ndarray) -> np.ndarray:
    image = land(*mask.shape)
    image[:, mask] = BARE[:, None]
    return image


def test_a_lone_site_has_no_neighbours_alike() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[18:22, 18:22] = True
    assert alike_share(states(land(), changed(mask), BANDS), mask) == 0.0


def test_a_harvested_field_among_harvested_fields_has_many() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[18:22, 18:22] = True
    harvested = mask.copy()
    harvested[:10] = True
    # 400 of the 1600 - 10 x 10 pixels outside the object and its margin changed alike.
    assert alike_share(states(land(), changed(harvested), BANDS), mask) == pytest.approx(400 / 1500)


def test_unknown_pixels_are_left_out() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[18:22, 18:22] = True
    harvested = mask.copy()
    harvested[:10] = True
    after = changed(harvested)
    after[:, :5] = np.nan
    assert alike_share(states(land(), after, BANDS), mask) == pytest.approx(200 / 1300)
    after[:] = np.nan
    assert math.isnan(alike_share(states(land(), after, BANDS), mask))


def test_few_bands_are_enough() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[18:22, 18:22] = True
    found = states(land()[:3], changed(mask)[:3], BANDS[:3])
    assert found.shape == (2, 40, 40)
    assert alike_share(found, mask) == 0.0


def test_odds_fall_with_the_share_and_unknown_changes_nothing() -> None:
    odds = [neighbour_odds(share, weight=0.8) for share in (0.0, 0.01, 0.03, 0.1, 0.3)]
    assert odds[0] == odds[1] == pytest.approx(0.8 * math.log(3))
    assert odds[2] == pytest.approx(0.0)
    assert odds == sorted(odds, reverse=True)
    assert neighbour_odds(float("nan"), weight=0.8) == 0.0
