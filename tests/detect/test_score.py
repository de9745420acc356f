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
