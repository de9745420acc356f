"""Accuracy figures on small arrays and squares, counted by hand or by another library."""

from __future__ import annotations

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import box
from sklearn.metrics import average_precision_score

from pipeline.learn.accuracy import (
    PixelCounts,
    area_accuracy,
    count_pixels,
    object_accuracy,
    pixel_accuracy,
    score_accuracy,
)


def blocks_of(predicted: Any, truth: Any, score: Any = None, labelled: Any = None, side: int = 8) -> list[PixelCounts]:
    known = np.ones_like(truth, dtype=bool) if labelled is None else labelled
    parts = []
    for row in range(0, truth.shape[0], side):
        for col in range(0, truth.shape[1], side):
            part = np.s_[row : row + side, col : col + side]
            level = None if score is None else score[part].astype(np.float32)
            parts.append(count_pixels(predicted[part], truth[part], known[part], level))
    return parts


def test_three_by_three_by_hand() -> None:
    truth = np.array([[1, 1, 0], [1, 0, 0], [0, 0, 0]], dtype=bool)
    predicted = np.array([[1, 0, 1], [1, 0, 0], [0, 0, 1]], dtype=bool)
    labelled = np.ones((3, 3), dtype=bool)
    labelled[2, 2] = False
    result = pixel_accuracy([count_pixels(predicted, truth, labelled)], confidence=0.95)
    # both 2, predicted only 1, missed 1, left 4
    assert (result["pixels"], result["true_change_pixels"], result["predicted_pixels"]) == (8, 3, 3)
    values = {name: result[name]["value"] for name in ("precision", "recall", "f1", "iou")}
    assert values == pytest.approx({"precision": 2 / 3, "recall": 2 / 3, "f1": 2 / 3, "iou": 0.5})
    assert result["f1"]["interval"] is None


def test_bootstrap_interval_is_repeatable_and_holds_the_value() -> None:
    rng = np.random.default_rng(5)
    truth = rng.random((64, 64)) < 0.3
    predicted = truth ^ (rng.random((64, 64)) < 0.1)
    first = pixel_accuracy(blocks_of(predicted, truth), confidence=0.95)
    assert first == pixel_accuracy(blocks_of(predicted, truth), confidence=0.95)
    for name in ("precision", "recall", "f1", "iou"):
        low, high = first[name]["interval"]
        assert low < first[name]["value"] < high
        assert high - low < 0.1


def test_nothing_true_nothing_predicted() -> None:
    nothing = np.zeros((16, 16), dtype=bool)
    result = pixel_accuracy(blocks_of(nothing, nothing), confidence=0.95)
    assert result["precision"] == {"value": None, "interval": None}
    assert pixel_accuracy([], confidence=0.95)["pixels"] == 0
    assert score_accuracy([])["average_precision"] is None


@settings(max_examples=30, deadline=None)
@given(seed=st.integers(0, 10_000), share=st.floats(0.05, 0.9))
def test_average_precision_agrees_with_scikit_learn(seed: int, share: float) -> None:
    rng = np.random.default_rng(seed)
    truth = rng.random((16, 16)) < share
    truth[0, 0] = True
    level = np.floor(np.clip(rng.normal(0.4 + 0.2 * truth, 0.2), 0, 0.999) * 1000) / 1000 + 0.0005
    result = score_accuracy(blocks_of(truth, truth, level))
    assert result["average_precision"] == pytest.approx(average_precision_score(truth.ravel(), level.ravel()), abs=1e-6)
    assert sum(row["pixels"] for row in result["reliability"]) == result["scored_pixels"] == 256


def test_reliability_by_hand_and_unscored_pixels() -> None:
    truth = np.array([[1, 1, 0, 0, 0]], dtype=bool)
    score = np.array([[0.85, np.nan, 0.85, 0.05, np.nan]])
    result = score_accuracy(blocks_of(truth, truth, score))
    assert [row["changed_share"] for row in result["reliability"]] == [0.0, 0.5]
    assert (result["unscored_pixels"], result["unscored_change_pixels"]) == (2, 1)
    assert result["calibration_error"] == pytest.approx((0.0505 + 2 * 0.3505) / 3)


def test_objects_at_thirty_in_a_hundred() -> None:
    truth = [box(0, 0, 10, 10), box(50, 0, 60, 10), box(80, 0, 81, 1)]
    predicted = [box(0, 0, 3, 10), box(50, 0, 52.9, 10), box(80, 0, 80.5, 1), box(90, 0, 95, 5)]
    result = object_accuracy(predicted, truth, confidence=0.95, min_truth_area=10.0)
    assert (result["true_objects"], result["found"], result["predicted_objects"], result["right"]) == (2, 1, 4, 3)
    assert result["f1"] == pytest.approx(2 * 0.5 * 0.75 / 1.25)
    low, high = result["precision"]["interval"]
    assert (low, high) == pytest.approx((0.3006, 0.9544), abs=1e-4)


def test_several_small_pieces_together_find_one_object() -> None:
    pieces = [box(n, 0, n + 1, 10) for n in (0, 4, 8)]
    result = object_accuracy(pieces, [box(0, 0, 10, 10)], confidence=0.95)
    assert (result["found"], result["right"]) == (1, 3)
    assert area_accuracy(pieces, [box(0, 0, 10, 10)]) == pytest.approx({"precision": 1.0, "recall": 0.3, "iou": 0.3})


def test_no_objects() -> None:
    result = object_accuracy([], [], confidence=0.95)
    assert (result["recall"]["value"], result["precision"]["interval"], result["f1"]) == (None, None, None)
    assert object_accuracy([box(0, 0, 1, 1)], [box(5, 5, 6, 6)], confidence=0.95)["f1"] == 0.0
