from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.learn.calibrate import brier_skill, calibration_error, fit_curve, reliability


@pytest.mark.parametrize(("slope", "shift", "count"), [(0.3, -2.0, 3000), (3.0, 1.0, 3000), (1.0, 0.0, 250)])
def test_a_curve_makes_probability_mean_what_it_says(slope: float, shift: float, count: int) -> None:
    rng = np.random.default_rng(5)
    odds = rng.normal(-1.0, 2.0, count)
    true = 1.0 / (1.0 + np.exp(-(slope * odds + shift)))
    truth = (rng.random(count) < true).astype(np.float64)
    later, seen = odds[::2], truth[::2]
    curve = fit_curve(later, seen)
    said = 1.0 / (1.0 + np.exp(-curve(odds[1::2])))
    gap = calibration_error(said, truth[1::2])
    assert gap is not None and gap < (0.05 if count > 1000 else 0.12)


@given(st.lists(st.tuples(st.floats(-20, 20), st.booleans()), min_size=1, max_size=60))
def test_a_curve_never_falls_and_stays_a_probability(pairs: list[tuple[float, bool]]) -> None:
    odds, truth = np.array([p[0] for p in pairs]), np.array([float(p[1]) for p in pairs])
    curve = fit_curve(odds, truth)
    said = curve(np.linspace(-25, 25, 101))
    assert np.isfinite(said).all() and (np.diff(said) >= 0).all()


def test_reliability_has_bins_of_equal_count_and_brier_knows_the_base_rate() -> None:
    said = np.linspace(0.0, 1.0, 200)
    truth = (np.arange(200) % 2).astype(np.float64)
    table = reliability(said, truth)
    assert len(table) == 10 and sum(one["count"] for one in table) == 190
    assert max(one["count"] for one in table) - min(one["count"] for one in table) <= 1
    assert brier_skill(np.full(200, 0.5), truth) == pytest.approx(0.0)
    assert brier_skill(truth * 0.9 + 0.05, truth) > 0.9
    assert brier_skill(said, np.ones(200)) is None and calibration_error(np.zeros(3), np.zeros(3)) is None
