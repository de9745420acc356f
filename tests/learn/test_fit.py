from __future__ import annotations

import numpy as np
import pytest
from sklearn.ensemble import HistGradientBoostingClassifier

from pipeline.detect.model import Blend, Linear
from pipeline.detect.trees import tree_sum, trees_of
from pipeline.learn.crossfit import Sample, crossfit
from pipeline.learn.fit import SEED, Fit, TreeOptions, fit_logistic, fit_trees, folds, place_weights
from pipeline.learn.places import draw, held_out

OPTIONS = TreeOptions(trees=12, leaves=5, leaf_samples=10)


def rows_and_truth(seed: int = 0, count: int = 800) -> tuple[np.ndarray, np.ndarray]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, 4)).astype(np.float32)
    truth = (rows[:, 0] - 0.5 * rows[:, 1] + rng.normal(size=count) > 1.0).astype(np.float64)
    rows[rng.random(rows.shape) < 0.1] = np.nan
    return rows, truth


def test_the_kernel_says_what_scikit_learn_says() -> None:
    rows, truth = rows_and_truth()
    weights = np.ones(len(truth))
    fit = fit_trees(rows, truth, weights, OPTIONS)
    theirs = HistGradientBoostingClassifier(
        max_iter=12, learning_rate=OPTIONS.learning_rate, max_leaf_nodes=5, min_samples_leaf=10,
        l2_regularization=OPTIONS.l2, max_features=OPTIONS.feature_share, early_stopping=False, random_state=SEED,
    ).fit(rows, truth, sample_weight=weights)  # fmt: skip
    mine = tree_sum(trees_of(fit.base, fit.arrays, features=4), np.ascontiguousarray(rows.T))
    np.testing.assert_allclose(mine, theirs.decision_function(rows), atol=1e-5)


def test_a_feature_without_any_value_is_never_asked_for() -> None:
    rows, truth = rows_and_truth()
    rows[:, 2] = np.nan
    fit = fit_trees(rows, truth, np.ones(len(truth)), OPTIONS)
    assert 2 not in fit.arrays["feature"] and 0 in fit.arrays["feature"]


def test_trees_that_point_outside_are_refused() -> None:
    rows, truth = rows_and_truth()
    fit = fit_trees(rows, truth, np.ones(len(truth)), OPTIONS)
    for name, wrong in (("left", 10_000), ("right", 0), ("feature", 7)):
        arrays = {key: array.copy() for key, array in fit.arrays.items()}
        arrays[name][np.flatnonzero(fit.arrays["feature"] >= 0)[0]] = wrong
        with pytest.raises(ValueError, match="tree"):
            trees_of(fit.base, arrays, features=4)


def test_logistic_finds_the_direction_and_the_same_numbers_again() -> None:
    rows, truth = rows_and_truth(count=3000)
    fits = [fit_logistic(rows, truth, np.ones(len(truth)), penalty=1e-4) for _ in range(2)]
    weights = fits[0].arrays["weights"]
    assert weights[0] > 0.8 and weights[1] < -0.3 and abs(weights[2]) < 0.2
    assert all((fits[0].arrays[name] == fits[1].arrays[name]).all() for name in fits[0].arrays)
    strong = fit_logistic(rows, truth, np.ones(len(truth)), penalty=10.0)
    assert abs(strong.arrays["weights"]).max() < 0.1


def test_every_place_has_the_same_say() -> None:
    weights = place_weights(np.array(["a"] * 3 + ["b"]), np.array([1.0, 1.0, 2.0, 50.0]))
    np.testing.assert_allclose(weights, [0.5, 0.5, 1.0, 2.0])
    assert folds(["b", "a", "c", "a"], most=2) == [("a", "c"), ("b",)]


def answer(fits: list[Fit], rows: np.ndarray) -> np.ndarray:
    parts = tuple(
        trees_of(fit.base, fit.arrays, features=4) if fit.kind == "trees" else Linear(fit.base, **fit.arrays)
        for fit in fits
    )
    return Blend(parts)(np.ascontiguousarray(rows.T)).astype(np.float64)


def test_out_of_fold_answers_come_from_models_that_never_saw_the_place() -> None:
    rows, truth = rows_and_truth()
    places = np.array(["a", "b"] * (len(truth) // 2))
    truth[places == "b"] = 1.0 - truth[places == "b"]
    sample = Sample(places, rows, truth.astype(bool), np.ones(len(truth)))

    def fitter(x: np.ndarray, y: np.ndarray, w: np.ndarray) -> Fit:
        return fit_logistic(x, y, w, penalty=1e-3)

    crossed = crossfit(sample, [("a",), ("b",)], {"linear": fitter}, answer)
    own = np.corrcoef(crossed.odds[places == "a"], truth[places == "a"])[0, 1]
    assert own < -0.3, "the model of the other place says the contrary"
    assert len(crossed.left_out) == 2 and crossed.chosen == ("linear",)


def test_held_out_places_depend_on_their_names_alone() -> None:
    names = [f"place {number}" for number in range(40)]
    apart = held_out(names)
    assert apart == held_out(names[::-1]) and 1 <= len(apart) <= 13
    assert all(draw(name) < 0.2 for name in apart)
    assert set(held_out(names[:20])) <= set(apart) | set(held_out(names[:20], share=0.0))
    assert len(held_out(["x", "y", "z"])) == 1
