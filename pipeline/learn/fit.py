"""Fitting what tells construction from other change: boosted trees and logistic sums, by places that never mix.

Everything fitted comes back as plain arrays, so that a model file holds numbers only.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.ensemble import HistGradientBoostingClassifier

Array = NDArray[np.float64]
SEED = 20_260_101
CUT = 4.0
_STEPS = 12


@dataclass(frozen=True)
class TreeOptions:
    """Size and restraint of boosted trees; few places ask for small trees, large leaves and few features a split."""

    trees: int = 60
    learning_rate: float = 0.1
    leaves: int = 6
    leaf_samples: int = 200
    l2: float = 5.0
    feature_share: float = 0.4


@dataclass(frozen=True)
class Fit:
    """One fitted sum: ``kind`` trees or linear, where it starts, and its arrays by name; the sum is log odds."""

    kind: str
    base: float
    arrays: dict[str, NDArray]


def fit_trees(
    rows: NDArray, truth: NDArray, weights: Array, options: TreeOptions, signs: Sequence[int] | None = None
) -> Fit:
    """Boosted trees on rows (n, feature), NaN allowed, ``truth`` 0/1 and weights that sum to n.

    ``signs``: 1 or -1 for a feature that may only speak for or only against, 0 for one that is free. A feature without
    any value is never asked for.
    """
    blank = ~np.isfinite(rows).any(axis=0)
    model = HistGradientBoostingClassifier(
        max_iter=options.trees,
        learning_rate=options.learning_rate,
        max_leaf_nodes=options.leaves,
        min_samples_leaf=options.leaf_samples,
        l2_regularization=options.l2,
        max_features=options.feature_share,
        monotonic_cst=list(signs) if signs is not None else None,
        early_stopping=False,
        random_state=SEED,
    ).fit(np.where(blank, np.float32(0.0), rows), truth, sample_weight=weights)
    nodes = [tree[0].nodes for tree in model._predictors]
    starts = np.concatenate([[0], np.cumsum([len(one) for one in nodes])])[:-1]
    every = np.concatenate(nodes)
    shift = np.repeat(starts, [len(one) for one in nodes])
    leaf = every["is_leaf"].astype(bool)
    arrays: dict[str, NDArray] = {
        "feature": np.where(leaf, -1, every["feature_idx"]).astype(np.int16),
        "threshold": np.where(leaf, 0.0, every["num_threshold"]).astype(np.float64),
        "missing_left": every["missing_go_to_left"].astype(bool),
        "left": np.where(leaf, 0, every["left"] + shift).astype(np.int32),
        "right": np.where(leaf, 0, every["right"] + shift).astype(np.int32),
        "value": np.where(leaf, every["value"], 0.0).astype(np.float64),
        "roots": starts.astype(np.int32),
    }
    return Fit("trees", float(np.ravel(model._baseline_prediction)[0]), arrays)


def fit_logistic(rows: NDArray, truth: NDArray, weights: Array, *, penalty: float) -> Fit:
    """Ridge logistic regression on robustly standardised rows (n, feature) cut at four spreads.

    ``penalty``: what a squared weight costs, as a share of the mean log loss. Newton's steps, halved while the loss
    does not fall; the sums are plain float64, so that the result is the same every time.
    """
    known = [column[np.isfinite(column)].astype(np.float64) for column in rows.T]
    centre = np.array([float(np.median(column)) if len(column) else 0.0 for column in known])
    spread = np.array(
        [
            max(1.4826 * float(np.median(np.abs(column - middle))), 0.1 * float(column.std()), 1e-6)
            if len(column)
            else 1.0
            for column, middle in zip(known, centre, strict=True)
        ]
    )
    standard = np.nan_to_num(np.clip((rows - centre) / spread, -CUT, CUT), nan=0.0)
    design = np.column_stack([standard, np.ones(len(standard))]).astype(np.float64)
    ridge = np.append(np.full(rows.shape[1], penalty), 0.0) * float(weights.sum())
    share = float(np.clip((weights * truth).sum() / weights.sum(), 1e-6, 1.0 - 1e-6))
    beta = np.append(np.zeros(rows.shape[1]), np.log(share / (1.0 - share)))
    loss = _loss(design, truth, weights, ridge, beta)
    for _ in range(_STEPS):
        said = 1.0 / (1.0 + np.exp(-np.clip(design @ beta, -50.0, 50.0)))
        slope = design.T @ (weights * (said - truth)) + ridge * beta
        bend = (design * (weights * said * (1.0 - said) + 1e-9)[:, None]).T @ design + np.diag(ridge)
        step, size = np.linalg.solve(bend, slope), 1.0
        while size > 1e-4 and _loss(design, truth, weights, ridge, beta - size * step) > loss:
            size *= 0.5
        better = _loss(design, truth, weights, ridge, beta - size * step)
        if loss - better < 1e-5 * abs(loss):
            break
        beta, loss = beta - size * step, better
    arrays: dict[str, NDArray] = {"weights": beta[:-1], "centre": centre, "spread": spread}
    return Fit("linear", float(beta[-1]), arrays)


def _loss(design: Array, truth: NDArray, weights: Array, ridge: Array, beta: Array) -> float:
    odds = design @ beta
    return float((weights * (np.logaddexp(0.0, odds) - truth * odds)).sum() + 0.5 * (ridge * beta * beta).sum())


def folds(places: Sequence[str], *, most: int) -> list[tuple[str, ...]]:
    """Places in at most ``most`` groups of about equal size, by order of name: every group is left out once."""
    names = sorted(set(places))
    count = min(most, len(names))
    return [tuple(names[start::count]) for start in range(count)]


def place_weights(places: NDArray, stands_for: Array) -> Array:
    """Weights that give every place the same say, summing to n; ``stands_for``: pixels that a drawn row stands for."""
    weights = np.asarray(stands_for, dtype=np.float64).copy()
    for name in np.unique(places):
        own = places == name
        weights[own] /= weights[own].sum()
    return np.asarray(weights * len(weights) / weights.sum(), dtype=np.float64)


def log_loss(odds: Array, truth: NDArray, weights: Array) -> float:
    """Weighted mean log loss of log odds."""
    return float((weights * (np.logaddexp(0.0, odds) - truth * odds)).sum() / weights.sum())
