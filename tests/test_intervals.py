"""Wilson intervals against published values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.intervals import wilson


@pytest.mark.parametrize(
    ("successes", "trials", "low", "high"),
    [
        # Newcombe 1998, Statistics in Medicine 17, table I, method 3
        (81, 263, 0.2553, 0.3662),
        (15, 148, 0.0624, 0.1605),
        (0, 20, 0.0000, 0.1611),
        (1, 29, 0.0061, 0.1718),
        # a share of 0.8 in 100 and in 400
        (80, 100, 0.7112, 0.8666),
        (320, 400, 0.7580, 0.8363),
    ],
)
def test_wilson_published(successes: int, trials: int, low: float, high: float) -> None:
    assert wilson(successes, trials, confidence=0.95) == pytest.approx((low, high), abs=6e-5)


@given(trials=st.integers(1, 5000), data=st.data())
def test_wilson_holds_the_share_and_is_symmetric(trials: int, data: st.DataObject) -> None:
    successes = data.draw(st.integers(0, trials))
    low, high = wilson(successes, trials, confidence=0.95)
    assert 0.0 <= low <= successes / trials <= high <= 1.0
    mirrored = wilson(trials - successes, trials, confidence=0.95)
    assert (1 - high, 1 - low) == pytest.approx(mirrored, abs=1e-12)


def test_wilson_refuses_nonsense() -> None:
    assert wilson(0, 0, confidence=0.95) == (0.0, 1.0)
    for successes, trials in ((3, 2), (-1, 2)):
        with pytest.raises(ValueError, match="wilson needs"):
            wilson(successes, trials, confidence=0.95)
