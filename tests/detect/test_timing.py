"""Confidence, onset and course of objects from the monitor's pixels."""

from __future__ import annotations

from datetime import date

import numpy as np

from pipeline.detect.timing import confidence, course, followed_row, judged
from pipeline.values import GroundCourse, number_of_day

START = number_of_day(date(2026, 9, 1))
ROW = {"confidence": "probable", "last_clear": date(2026, 8, 20), "first_seen": date(2026, 9, 20)}


def layers(state: list[int], since: list[int], sure: list[int] | None = None) -> dict[str, np.ndarray]:
    count = len(state)
    return {
        "state": np.array(state, dtype=np.float32),
        "since_day": np.array(since, dtype=np.float32),
        "sure_day": np.array(sure or [0] * count, dtype=np.float32),
        "before_day": np.array([day - 10 if day else 0 for day in since], dtype=np.float32),
        "evidence": np.full(count, 5.0, dtype=np.float32),
        "looks": np.full(count, 3.0, dtype=np.float32),
    }


def test_confidence_is_what_half_of_the_pixels_have_reached() -> None:
    assert confidence(np.array([4, 4, 1, 1])) == "confirmed"
    assert confidence(np.array([4, 3, 1, 1])) == "probable"
    assert confidence(np.array([4, 2, 1, 1])) == "early"
    assert confidence(np.array([0, 0, 0, 4])) is None


def test_an_object_of_the_month_keeps_its_own_onset() -> None:
    found = judged(ROW, layers([2, 2, 2], [START + 19] * 3), period_start=START)
    assert found == {**ROW, "confidence": "early"}


def test_without_a_baseline_the_row_stays_as_it_is() -> None:
    assert judged(ROW, layers([0, 0, 0], [0, 0, 0]), period_start=START) == ROW


def test_what_began_earlier_is_dated_by_the_look_that_made_it_probable() -> None:
    found = judged(ROW, layers([3, 3, 4], [START - 40, START - 40, START - 12], [START + 5] * 3), period_start=START)
    assert (found["last_clear"], found["first_seen"]) == (date(2026, 7, 13), date(2026, 9, 6))


def test_courses() -> None:
    assert course(layers([3] * 4, [1] * 4, [START + 1] * 4), period_start=START) == GroundCourse.NEW
    assert course(layers([4] * 4, [1] * 4, [START + 1, 9, 9, 9]), period_start=START) == GroundCourse.GROWING
    assert course(layers([4] * 4, [1] * 4, [9] * 4), period_start=START) == GroundCourse.STABLE
    assert course(layers([6] * 4, [0] * 4), period_start=START) == GroundCourse.RECULTIVATED
    assert course(layers([5] * 4, [0] * 4), period_start=START) == GroundCourse.REMOVED
    assert course(layers([7] * 4, [1] * 4), period_start=START) == GroundCourse.COVERED


def test_a_followed_row_dates_only_what_stands() -> None:
    stands = followed_row(layers([4] * 3, [START - 90] * 3, [START - 60] * 3), period_start=START)
    assert stands["confidence"] == "confirmed" and stands["lag_days"] == 30
    assert stands["last_clear"] < stands["first_seen"] < stands["sure_on"]
    gone = followed_row(layers([6] * 3, [0] * 3), period_start=START)
    assert gone["confidence"] is None and "first_seen" not in gone
