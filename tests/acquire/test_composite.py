from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.acquire.composite import month_pixels
from pipeline.spectra import distance
from pipeline.values import Validity

START = 20_000


def looks(states: list[float], size: int = 3) -> np.ndarray:
    """One look per state: (scene, 2 bands, size, size)."""
    return np.stack([np.full((2, size, size), state, dtype=np.float32) for state in states])


def clear(count: int, size: int = 3) -> np.ndarray:
    return np.zeros((count, size, size), dtype=np.uint8)


def month(images: np.ndarray, codes: np.ndarray, days: list[int]):
    return month_pixels(images, codes, days, days, period_start=START)


def test_latest_clear_looks_and_their_days() -> None:
    codes = clear(4)
    codes[1, 0, 0] = codes[3, 1, 1] = Validity.CLOUD
    found = month(looks([0.1, 0.1, 0.3, 0.3]), codes, [START - 40, START - 10, START + 5, START + 20])
    assert found.before_days[2, 2] == START - 10 and found.before_days[0, 0] == START - 40
    assert found.since_days[2, 2] == START + 5 and found.looks[2, 2] == 2 and found.looks[1, 1] == 1
    assert (found.validity == Validity.CLEAR).all()
    np.testing.assert_allclose(found.after[:, 2, 2], 0.3)
    np.testing.assert_allclose(found.before[:, 2, 2], 0.1)


def test_first_seen_is_the_first_look_that_shows_the_change() -> None:
    found = month(looks([0.1, 0.1, 0.3]), clear(3), [START - 10, START + 5, START + 20])
    assert (found.since_days == START + 20).all() and (found.looks == 1).all()


def test_a_harvest_just_before_the_works_does_not_date_them() -> None:
    found = month(looks([0.1, 0.2, 0.3, 0.3]), clear(4), [START - 10, START + 5, START + 15, START + 20])
    assert (found.since_days == START + 15).all() and (found.looks == 2).all()


def test_an_unchanged_pixel_counts_its_last_look_only() -> None:
    found = month(looks([0.1, 0.1, 0.1]), clear(3), [START - 10, START + 5, START + 20])
    assert (found.since_days >= START + 5).all() and (found.looks >= 1).all()


def test_a_state_seen_before_is_not_new() -> None:
    days = [START - 200, START - 10, START + 5]
    again = month(looks([0.3, 0.1, 0.3]), clear(3), days)
    new = month(looks([0.1, 0.1, 0.3]), clear(3), days)
    assert (again.novelty == 0.0).all() and (new.novelty > 5.0).all()


def test_a_month_of_clouds_says_why() -> None:
    codes = clear(2)
    codes[1] = Validity.CLOUD
    found = month(looks([0.1, 0.9]), codes, [START - 10, START + 5])
    assert (found.validity == Validity.CLOUD).all() and np.isnan(found.after).all() and (found.looks == 0).all()


def test_without_scenes_or_history_nothing_is_observed() -> None:
    none = month_pixels(np.empty((0, 2, 3, 3), np.float32), np.empty((0, 3, 3), np.uint8), [], [], period_start=START)
    assert (none.validity == Validity.NO_SCENE).all() and none.before.shape == (2, 3, 3)
    first = month(looks([0.3]), clear(1), [START + 5])
    assert (first.validity == Validity.NO_SCENE).all() and np.isnan(first.after).all()


@settings(deadline=None, max_examples=25)
@given(st.lists(st.floats(0.01, 0.9), min_size=1, max_size=4), st.floats(0.01, 0.9))
def test_novelty_never_exceeds_the_distance_to_any_look(history: list[float], after: float) -> None:
    images = looks([*history, after])
    days = [START - 10 * (len(history) - i) for i in range(len(history))] + [START + 3]
    found = month(images, clear(len(images)), days)
    nearest = min(float(distance(images[-1], image)[1, 1]) for image in images[:-1])
    assert found.novelty[1, 1] <= nearest + 1e-4
