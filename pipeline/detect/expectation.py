"""What one date lets expect of the other: seasons change like ground alike, construction changes against it."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
DoubleArray = NDArray[np.float64]

LEAST_SAMPLES = 500
LEAST_REFLECTANCE = 1e-4
LEAST_SPREAD = 2e-3
HALF_WEIGHT = 2.0
ROUNDS = 5
RIDGE = 1e-6


@dataclass(frozen=True)
class Expectation:
    """Coefficients (term, band) and spread per band of the square root of reflectance, one pair for each direction."""

    after: tuple[tuple[float, ...], ...]
    after_spread: tuple[float, ...]
    before: tuple[tuple[float, ...], ...]
    before_spread: tuple[float, ...]


def fit_expectation(before: FloatArray, after: FloatArray) -> Expectation | None:
    """Robust quadratic regression of each date on the other over a sample (band, n); NaN columns are left out.

    Iteratively reweighted least squares with Cauchy weights, so that what changed by itself hardly counts. None for
    fewer than 500 usable samples.
    """
    usable = np.isfinite(before).all(axis=0) & np.isfinite(after).all(axis=0)
    if int(usable.sum()) < LEAST_SAMPLES:
        return None
    first, second = _roots(before[:, usable]), _roots(after[:, usable])
    forward, backward = _fit(first, second), _fit(second, first)
    return Expectation(*forward, *backward)


def unexpected(before: FloatArray, after: FloatArray, expectation: Expectation) -> FloatArray:
    """How far a pixel is from what the other date lets expect of it, (band, y, x) smoothed images to (y, x).

    Mean over both directions of the logarithm of the root mean square over bands of residuals in spreads; NaN where
    either image has no value.
    """
    shape = before.shape[1:]
    out = np.full(before.shape[1] * before.shape[2], np.nan, dtype=np.float32)
    first, second = (_roots(image.reshape(len(image), -1)) for image in (before, after))
    after_fit, before_fit = np.asarray(expectation.after), np.asarray(expectation.before)
    after_spread, before_spread = np.asarray(expectation.after_spread), np.asarray(expectation.before_spread)
    _surprise(first, second, after_fit, after_spread, before_fit, before_spread, out)
    return out.reshape(shape)


def _roots(values: FloatArray) -> DoubleArray:
    """Square roots of reflectance, which even the spread out between dark and bright ground."""
    return np.sqrt(np.maximum(values.astype(np.float64), LEAST_REFLECTANCE))


def _terms(given: DoubleArray) -> DoubleArray:
    """1, every band and every product of two bands, (band, n) to (term, n); the order is that of :func:`_residual`."""
    count = len(given)
    squares = [given[i] * given[j] for i in range(count) for j in range(i, count)]
    return np.stack([np.ones_like(given[0]), *given, *squares])


def _fit(given: DoubleArray, wanted: DoubleArray) -> tuple[tuple[tuple[float, ...], ...], tuple[float, ...]]:
    terms, weight = _terms(given), np.ones(given.shape[1])
    for _ in range(ROUNDS):
        weighted = terms * weight
        # plain sums: a threaded product may add in another order on another machine
        normal = np.einsum("in,jn->ij", weighted, terms) / weight.sum()
        right = np.einsum("in,bn->ib", weighted, wanted) / weight.sum()
        coefficients = np.linalg.solve(normal + RIDGE * np.eye(len(terms)), right)
        rest = wanted - np.einsum("ib,in->bn", coefficients, terms)
        spread = 1.4826 * np.median(np.abs(rest), axis=1) + LEAST_SPREAD
        away = np.sqrt(np.mean((rest / spread[:, None]) ** 2, axis=0))
        weight = 1.0 / (1.0 + (away / HALF_WEIGHT) ** 2)
    return tuple(tuple(row) for row in coefficients.tolist()), tuple(spread.tolist())


@njit(nogil=True)
def _surprise(
    first: DoubleArray,
    second: DoubleArray,
    after: DoubleArray,
    after_spread: DoubleArray,
    before: DoubleArray,
    before_spread: DoubleArray,
    out: FloatArray,
) -> None:
    for at in range(out.size):
        forward = _residual(first[:, at], second[:, at], after, after_spread)
        backward = _residual(second[:, at], first[:, at], before, before_spread)
        out[at] = 0.5 * (np.log(forward + 0.1) + np.log(backward + 0.1))


@njit(nogil=True)
def _residual(given: DoubleArray, wanted: DoubleArray, coefficients: DoubleArray, spread: DoubleArray) -> float:
    count, total = given.size, 0.0
    for band in range(count):
        expected = coefficients[0, band]
        term = 1 + count
        for i in range(count):
            expected += coefficients[1 + i, band] * given[i]
            for j in range(i, count):
                expected += coefficients[term, band] * given[i] * given[j]
                term += 1
        rest = (wanted[band] - expected) / spread[band]
        total += rest * rest
    return float(np.sqrt(total / count))
