"""Intervals of shares, sums and population sizes against published and hand-worked values."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.intervals import chapman, chapman_interval, sum_interval, wilson, wilson_share


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


@pytest.mark.parametrize(
    ("first", "second", "both", "size"),
    # (n1 + 1) (n2 + 1) / (m + 1) - 1, worked by hand
    [(10, 10, 10, 10.0), (20, 15, 5, 55.0), (3, 2, 0, 11.0)],
)
def test_chapman(first: int, second: int, both: int, size: float) -> None:
    assert chapman(first, second, both) == size
    with pytest.raises(ValueError, match="both lists"):
        chapman(first, second, second + 1)


@given(both=st.integers(0, 50), first=st.integers(0, 50), second=st.integers(0, 50))
def test_chapman_interval_holds_what_was_seen(both: int, first: int, second: int) -> None:
    low, high = chapman_interval(first + both, second + both, both, confidence=0.95)
    assert first + second + both <= low <= chapman(first + both, second + both, both) + 1e-9
    assert chapman(first + both, second + both, both) <= high
    wider = chapman_interval(first + both, second + both, both, confidence=0.99)
    assert wider[0] <= low and high <= wider[1]
    assert chapman_interval(second + both, first + both, both, confidence=0.95) == pytest.approx((low, high))


def test_sum_of_two_equal_intervals_grows_by_root_two() -> None:
    low, high = sum_interval([10.0, 10.0], [(7.0, 14.0), (7.0, 14.0)])
    assert (low, high) == pytest.approx((20 - 3 * 2**0.5, 20 + 4 * 2**0.5))
    assert sum_interval([5.0], [(4.0, 7.0)]) == (4.0, 7.0)


def test_wilson_share_is_wilson_for_whole_numbers() -> None:
    assert wilson_share(0.8, 100.0, confidence=0.95) == pytest.approx(wilson(80, 100, confidence=0.95))
    with pytest.raises(ValueError, match="wilson_share"):
        wilson_share(0.5, 0.0, confidence=0.95)
