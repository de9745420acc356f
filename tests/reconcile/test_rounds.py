"""A round of the assignment against trying every possible pairing."""

from __future__ import annotations

from itertools import permutations

import numpy as np
import pandas as pd
from hypothesis import given
from hypothesis import strategies as st

from pipeline.reconcile.assignment import OTHER_SUBJECT, _one_round

BACKGROUND = 1e-6
WEIGHTS = st.lists(st.lists(st.floats(1e-9, 1e-3), min_size=3, max_size=3), min_size=1, max_size=4)
SHARES = st.lists(st.sampled_from([0.0, 0.25, 1.0, 2.0]), min_size=12, max_size=12)


def best_by_trial(gain: np.ndarray) -> float:
    """The largest sum of gains over all pairings one to one; an entry or site may stay alone (gain 0)."""
    entries, sites = gain.shape
    columns = np.hstack([gain, np.zeros((entries, entries))])
    return max(
        float(sum(columns[row, column] for row, column in enumerate(choice)))
        for choice in permutations(range(sites + entries), entries)
    )


@given(WEIGHTS, SHARES)
def test_no_pairing_is_better_and_none_is_worse_than_something_else(
    weights: list[list[float]], shares: list[float]
) -> None:
    table = np.array(weights)
    factor = np.array(shares[: table.size]).reshape(table.shape)
    entry, site = (part.ravel() for part in np.indices(table.shape))
    pairs = pd.DataFrame({"entry": entry, "site": site, "weight": table.ravel()})
    picked = _one_round(pairs, factor.ravel(), BACKGROUND)
    with np.errstate(divide="ignore"):
        gain = np.maximum(np.log(table * factor) - np.log(BACKGROUND), -1e9)
    # an entry rather shares the site that fits it than takes one that fits it much worse
    gain[gain <= gain.max(axis=1, keepdims=True) + np.log(OTHER_SUBJECT)] = -1e9
    assert len(set(picked.values())) == len(picked)
    assert all(gain[each, place] > 0 for each, place in picked.items())
    total = sum(gain[each, place] for each, place in picked.items())
    assert np.isclose(total, best_by_trial(gain), rtol=1e-9, atol=1e-9)


def test_a_thousand_far_entries_are_no_dense_group() -> None:
    """Each entry fits its own site well and all others no better than nothing: a thousand groups, not one."""
    count = 1000
    entry = np.repeat(np.arange(count), 2)
    site = np.stack([np.arange(count), (np.arange(count) + 1) % count], axis=1).ravel()
    pairs = pd.DataFrame({"entry": entry, "site": site, "weight": np.tile([1e-3, 1e-7], count)})
    picked = _one_round(pairs, np.ones(len(pairs)), BACKGROUND)
    assert picked == {number: number for number in range(count)}
    assert _one_round(pairs.iloc[:0], np.ones(0), BACKGROUND) == {}
