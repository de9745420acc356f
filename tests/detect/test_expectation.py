"""What one date lets expect of the other, on series whose law is known."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.detect.expectation import LEAST_SAMPLES, fit_expectation, unexpected


def season(before: np.ndarray) -> np.ndarray:
    """A season: what was green ripens, everything else stays; roots of the after image are linear in the before's."""
    roots = np.sqrt(before)
    return np.stack([(0.1 + 0.8 * roots[0]) ** 2, (0.3 * roots[0] + 0.5 * roots[1] + 0.05) ** 2]).astype(np.float32)


def ground(shape: tuple[int, ...], seed: int = 1) -> np.ndarray:
    return np.random.default_rng(seed).uniform(0.05, 0.5, (2, *shape)).astype(np.float32)


def test_a_season_is_expected_and_a_roof_is_not() -> None:
    before = ground((40, 40))
    after = season(before)
    after[:, 10:12, 20:22] = 0.6
    fitted = fit_expectation(before.reshape(2, -1), after.reshape(2, -1))
    assert fitted is not None
    found = unexpected(before, after, fitted)
    roof = np.zeros((40, 40), dtype=bool)
    roof[10:12, 20:22] = True
    assert found[roof].min() > np.log(10.0) and found[~roof].max() < np.log(2.0)


def test_what_changed_by_itself_does_not_bend_the_expectation() -> None:
    before = ground((40, 40))
    after = season(before)
    clean = fit_expectation(before.reshape(2, -1), after.reshape(2, -1))
    after[:, :8, :] = 0.7  # a fifth of the land
    bent = fit_expectation(before.reshape(2, -1), after.reshape(2, -1))
    assert clean is not None and bent is not None
    np.testing.assert_allclose(bent.after, clean.after, atol=0.05)


def test_missing_pixels_stay_missing_and_few_samples_give_no_expectation() -> None:
    before = ground((30, 30))
    after = season(before)
    fitted = fit_expectation(before.reshape(2, -1), after.reshape(2, -1))
    assert fitted is not None
    after[0, 3, 4] = np.nan
    found = unexpected(before, after, fitted)
    assert np.isnan(found[3, 4]) and int(np.isnan(found).sum()) == 1
    assert (
        fit_expectation(before.reshape(2, -1)[:, : LEAST_SAMPLES - 1], after.reshape(2, -1)[:, : LEAST_SAMPLES - 1])
        is None
    )


@pytest.mark.parametrize("level", [0.0, -0.2, 5.0])
def test_constant_images_are_wholly_expected(level: float) -> None:
    image = np.full((3, 30, 30), level, dtype=np.float32)
    fitted = fit_expectation(image.reshape(3, -1), image.reshape(3, -1))
    assert fitted is not None
    np.testing.assert_allclose(unexpected(image, image, fitted), np.log(0.1), atol=1e-3)
