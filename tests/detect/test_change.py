from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.change import (
    FEATURES,
    DifferenceStatistics,
    Smoother,
    change_vector,
    difference_statistics,
    evidence,
    halo_px,
    local_correlation,
    smooth,
    standardised_difference,
)
from pipeline.detect.expectation import fit_expectation

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")


def pair(size: int = 96, seed: int = 5) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    before = rng.uniform(0.05, 0.3, (6, size, size)).astype(np.float32)
    return before, (before + rng.normal(0, 0.01, before.shape)).astype(np.float32)


def test_smooth_is_a_mean_of_known_pixels() -> None:
    image = np.full((3, 3), 2.0, dtype=np.float32)
    image[0, 0] = np.nan
    found = smooth(image, sigma_px=1.0)
    assert np.isnan(found[0, 0])
    np.testing.assert_allclose(found[np.isfinite(found)], 2.0, rtol=1e-6)


def test_statistics_by_hand() -> None:
    statistics = difference_statistics(np.array([[0.0, 1.0, 2.0, 3.0, 100.0, np.nan]], dtype=np.float32))
    assert statistics.median == (2.0,)
    np.testing.assert_allclose(statistics.spread, (1.4826,))
    assert difference_statistics(np.full((2, 3), np.nan, np.float32)) == DifferenceStatistics((0.0, 0.0), (1.0, 1.0))


def test_change_vector_of_a_uniform_change() -> None:
    difference = np.full((2, 3, 3), 0.3, dtype=np.float32)
    found = change_vector(standardised_difference(difference, DifferenceStatistics((0.1, 0.1), (0.1, 0.1))))
    np.testing.assert_allclose(found, 2.0, rtol=1e-5)


def test_correlation_of_the_same_the_opposite_and_another_pattern() -> None:
    rng = np.random.default_rng(1)
    pattern = rng.random((40, 40)).astype(np.float32)
    wide = Smoother(np.ones((40, 40), dtype=bool), sigma_px=2.0)
    same = local_correlation(pattern, 2 * pattern + 1, wide, noise=1e-3)
    opposite = local_correlation(pattern, -pattern, wide, noise=1e-3)
    other = local_correlation(pattern, rng.random((40, 40)).astype(np.float32), wide, noise=1e-3)
    assert same.min() > 0.99 and opposite.max() < -0.9 and abs(other.mean()) < 0.1


def test_features_are_missing_exactly_where_a_pixel_is() -> None:
    before, after = pair()
    before[:, 3, 4] = np.nan
    after[2, 10, 10] = np.nan
    found = evidence(before, after, BANDS, difference_statistics((after - before).reshape(6, -1)))
    missing = ~np.isfinite(found)
    assert found.shape == (len(FEATURES), 96, 96)
    assert missing[:, 3, 4].all() and missing[:, 10, 10].all()
    assert missing[FEATURES.index("cva_fine")].sum() == 2


def test_features_of_missing_bands_are_nan() -> None:
    before, after = pair()
    statistics = difference_statistics((after - before)[:3].reshape(3, -1))
    found = evidence(before[:3], after[:3], BANDS[:3], statistics)
    assert np.isnan(found[FEATURES.index("ndvi_after")]).all()
    assert np.isfinite(found[FEATURES.index("cva_coarse")]).all()


@settings(deadline=None, max_examples=25)
@given(st.integers(0, 20), st.integers(0, 20), st.sampled_from([1.0, 1.5]))
def test_a_block_with_its_halo_gives_what_the_whole_gives(row: int, col: int, scale_px: float) -> None:
    before, after = pair(size=110)
    expectation = fit_expectation(before.reshape(6, -1), after.reshape(6, -1))
    statistics = DifferenceStatistics((0.0,) * 6, (0.01,) * 6, expectation)
    whole = evidence(before, after, BANDS, statistics, scale_px=scale_px)
    halo = halo_px(scale_px)
    top, left = max(row + 40 - halo, 0), max(col + 40 - halo, 0)
    cut = np.s_[:, top : row + 50 + halo, left : col + 50 + halo]
    part = evidence(before[cut], after[cut], BANDS, statistics, scale_px=scale_px)
    inside = part[:, row + 40 - top : row + 50 - top, col + 40 - left : col + 50 - left]
    np.testing.assert_allclose(inside, whole[:, row + 40 : row + 50, col + 40 : col + 50], atol=2e-4)


def test_a_change_of_visible_light_weighs_in_its_own_feature_and_one_of_infrared_in_the_other() -> None:
    before = np.full((6, 40, 40), 0.2, dtype=np.float32)
    statistics = DifferenceStatistics((0.0,) * 6, (0.01,) * 6)
    for bands, name, other in (((0, 1, 2), "cva_visible", "cva_infrared"), ((3, 4, 5), "cva_infrared", "cva_visible")):
        after = before.copy()
        after[list(bands), 15:25, 15:25] += 0.1
        found = dict(zip(FEATURES, evidence(before, after, BANDS, statistics), strict=True))
        assert found[name][20, 20] > 5.0 and found[other].max() == 0.0
        assert found["change_edges"][20, 15] > 1.0 > 0.1 > found["change_edges"][5, 5]


def test_pattern_is_only_lost_when_no_band_keeps_it() -> None:
    rng = np.random.default_rng(4)
    before = rng.uniform(0.1, 0.3, (6, 60, 60)).astype(np.float32)
    after = rng.uniform(0.1, 0.3, (6, 60, 60)).astype(np.float32)
    after[1] = before[1]
    found = dict(
        zip(FEATURES, evidence(before, after, BANDS, DifferenceStatistics((0.0,) * 6, (0.01,) * 6)), strict=True)
    )
    assert found["decorrelation_least"].max() < 0.05 < 0.5 < found["decorrelation"].mean()
