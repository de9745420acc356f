from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detect.change import FEATURES
from pipeline.detect.score import (
    FeatureStatistics,
    feature_statistics,
    log_odds,
    log_odds_of,
    novelty_odds,
    probability,
    standardised,
    tail_excess,
    tail_shift,
    transformed,
)

ORDINARY = FeatureStatistics((0.0,) * len(FEATURES), (1.0,) * len(FEATURES))


def features(**values: float) -> np.ndarray:
    """One pixel: logged features at 1 (log 0 apart from their floor), others 0, changed by ``values``."""
    plain = {name: 0.0 for name in FEATURES} | values
    return np.array([plain[name] for name in FEATURES], dtype=np.float32).reshape(-1, 1, 1)


def score(**values: float) -> float:
    return float(log_odds(features(**values), ORDINARY, prior=-5.0, calibrated=True)[0, 0])


def test_evidence_pulls_the_way_it_should() -> None:
    base = score(cva_visible=1.0, cva_coarse=1.0, decorrelation=0.5)
    assert score(cva_visible=3.0, cva_coarse=3.0, decorrelation=0.5) > base
    assert score(cva_visible=1.0, cva_coarse=1.0, decorrelation=1.2) > base
    assert score(cva_visible=1.0, cva_coarse=1.0, decorrelation=0.5, ndvi_after=0.8) < base
    assert score(cva_visible=1.0, cva_coarse=1.0, decorrelation=0.5, mndwi_after=0.4) < base


def test_missing_bands_count_as_ordinary() -> None:
    whole = score(cva_fine=1.0)
    without = score(cva_fine=1.0, mndwi_after=float("nan"))
    assert whole == without


def test_unobserved_pixels_have_no_score() -> None:
    assert np.isnan(score(cva_fine=float("nan")))


def test_statistics_of_transformed_samples() -> None:
    sample = np.tile(features(cva_fine=1.0)[:, 0], (1, 5))
    statistics = feature_statistics(transformed(sample))
    np.testing.assert_allclose(statistics.median[FEATURES.index("cva_fine")], np.log(1.05), rtol=1e-5)
    nothing = feature_statistics(np.full((len(FEATURES), 4), np.nan, np.float32))
    assert nothing == ORDINARY
    assert float(np.nanmax(standardised(sample, statistics))) <= 6.0


@settings(deadline=None, max_examples=25)
@given(st.floats(0.01, 0.99))
def test_probability_inverts_log_odds(share: float) -> None:
    np.testing.assert_allclose(probability(np.array([log_odds_of(share)], np.float32))[0], share, rtol=1e-4)


def test_novelty_adds_and_unknown_novelty_does_not() -> None:
    novelty = np.array([[0.9, 9.0, np.nan]], dtype=np.float32)
    found = novelty_odds(novelty, median=0.0, spread=1.0, weight=1.0)
    np.testing.assert_allclose(found[0], [0.0, np.log(9.1), 0.0], atol=1e-6)


def sample_of(count: int, share: float, *, seed: int = 1) -> np.ndarray:
    """Ordinary ground whose coarse change is log-normal, and a ``share`` of it that changed far more."""
    rng = np.random.default_rng(seed)
    sample = np.tile(features(mndwi_after=-0.3, ndvi_after=0.3)[:, 0], (1, count))
    sample[FEATURES.index("cva_coarse")] = np.exp(rng.normal(0.0, 1.0, count))
    changed = rng.random(count) < share
    for name in ("cva_coarse", "cva_visible", "decorrelation_least"):
        sample[FEATURES.index(name), changed] = 40.0
    return sample


def excess(sample: np.ndarray) -> float:
    return tail_excess(sample, feature_statistics(transformed(sample)), calibrated=True)


def test_a_scene_that_changed_everywhere_is_set_back_and_a_little_construction_is_not() -> None:
    quiet, built, changed = (excess(sample_of(20_000, share)) for share in (0.0, 0.02, 0.06))
    assert abs(built - quiet) < 0.4 < 1.5 < changed - quiet
    assert tail_shift(changed, weight=1.0) < tail_shift(built, weight=1.0)


def test_too_few_pixels_tell_nothing_of_a_scene() -> None:
    assert excess(sample_of(4000, 0.06)) == 0.0


def test_the_shift_is_bounded_and_scaled() -> None:
    assert tail_shift(0.8, weight=0.5) == -0.4
    assert tail_shift(9.0, weight=1.0) == -2.0 and tail_shift(-9.0, weight=1.0) == 0.5
    assert tail_shift(9.0, weight=0.0) == 0.0
