"""Whether a probability means what it says, and the curve that makes it so."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from sklearn.isotonic import IsotonicRegression
from sklearn.linear_model import LogisticRegression

Array = NDArray[np.float64]
EVIDENT = 0.05
BINS = 10
LEAST_FOR_STEPS = 400
KNOTS = 60


@dataclass(frozen=True)
class Curve:
    """Calibrated log odds as a rising line through ``odds`` to ``calibrated``; level beyond both ends."""

    odds: tuple[float, ...]
    calibrated: tuple[float, ...]

    def __call__(self, odds: NDArray) -> Array:
        return np.interp(np.asarray(odds, dtype=np.float64), self.odds, self.calibrated)


def fit_curve(odds: Array, truth: NDArray, weights: Array | None = None) -> Curve:
    """The calibration of out-of-fold log odds (n,) by what was true (0/1).

    Platt's straight line on log odds, with his two soft labels; from :data:`LEAST_FOR_STEPS` rows on the mean of it and
    isotonic regression, which follows a bent curve but overfits few rows.
    """
    share = np.ones(len(truth)) if weights is None else weights * len(weights) / weights.sum()
    positives = float(share[truth == 1].sum())
    negatives = float(share[truth == 0].sum())
    knots = np.unique(np.quantile(odds, np.linspace(0.0, 1.0, KNOTS)))
    if min(positives, negatives) < 1.0 or len(knots) < 2:
        level = _log_odds(np.array([(positives + 0.5) / (positives + negatives + 1.0)]))[0]
        low = float(odds.min()) if len(odds) else 0.0
        return Curve((low, low + 1.0), (float(level), float(level)))
    high, low = (positives + 1.0) / (positives + 2.0), 1.0 / (negatives + 2.0)
    rows = np.concatenate([odds, odds])[:, None]
    soft = np.where(truth == 1, high, low)
    line = LogisticRegression(C=1e6, max_iter=1000).fit(
        rows,
        np.concatenate([np.ones(len(odds)), np.zeros(len(odds))]),
        sample_weight=np.concatenate([share * soft, share * (1.0 - soft)]),
    )
    slope = max(float(line.coef_[0, 0]), 1e-3)
    straight = 1.0 / (1.0 + np.exp(-(slope * knots + float(line.intercept_[0]))))
    if len(odds) >= LEAST_FOR_STEPS:
        steps = IsotonicRegression(y_min=low, y_max=high, out_of_bounds="clip").fit(odds, truth, sample_weight=share)
        straight = 0.5 * straight + 0.5 * steps.predict(knots)
    rising = np.maximum.accumulate(_log_odds(straight))
    return Curve(tuple(knots.tolist()), tuple(rising.tolist()))


def _log_odds(share: Array) -> Array:
    bounded = np.clip(share, 1e-6, 1.0 - 1e-6)
    return np.log(bounded / (1.0 - bounded))


def reliability(
    probability: Array, truth: NDArray, *, least: float = EVIDENT, bins: int = BINS
) -> list[dict[str, float]]:
    """Mean said and true share of the rows with at least ``least``, in ``bins`` classes of equal count, rising."""
    evident = np.flatnonzero(probability >= least)
    order = evident[np.argsort(probability[evident], kind="stable")]
    return [
        {"count": len(part), "said": float(probability[part].mean()), "true": float(truth[part].mean())}
        for part in np.array_split(order, bins)
        if len(part)
    ]


def calibration_error(probability: Array, truth: NDArray, *, least: float = EVIDENT) -> float | None:
    """Expected calibration error: the gap between said and true, weighted by count; None without rows."""
    table = reliability(probability, truth, least=least)
    rows = sum(one["count"] for one in table)
    return sum(one["count"] * abs(one["said"] - one["true"]) for one in table) / rows if rows else None


def brier_skill(probability: Array, truth: NDArray, *, least: float = EVIDENT) -> float | None:
    """One less the Brier score over that of always saying the base rate; None where all rows are alike."""
    evident = probability >= least
    said, true = probability[evident], truth[evident].astype(np.float64)
    if not len(true) or true.min() == true.max():
        return None
    return 1.0 - float(np.mean((said - true) ** 2)) / float(np.mean((true.mean() - true) ** 2))
