"""Intervals for shares, totals and population sizes."""

from __future__ import annotations

import math
from collections.abc import Sequence

from scipy.special import ndtri


def wilson(successes: int, trials: int, *, confidence: float) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927), without continuity correction; (0, 1) when there were no trials.

    Raises ValueError unless ``0 <= successes <= trials`` and ``0 < confidence < 1``.
    """
    if not (0 <= successes <= trials and 0.0 < confidence < 1.0):
        raise ValueError(f"wilson needs 0 <= successes <= trials and 0 < confidence < 1: {successes}, {trials}")
    if trials == 0:
        return 0.0, 1.0
    low, high = wilson_share(successes / trials, float(trials), confidence=confidence)
    return (0.0 if successes == 0 else low), (1.0 if successes == trials else high)


def wilson_share(share: float, trials: float, *, confidence: float) -> tuple[float, float]:
    """Wilson's interval of an estimated ``share`` worth ``trials`` independent trials, a real number above 0.

    For a share from a sample design ``trials`` is the effective size share * (1 - share) / variance (Korn and Graubard
    1998; Dean and Pagano 2015 compare it with others).
    """
    if not (0.0 <= share <= 1.0 and trials > 0.0 and 0.0 < confidence < 1.0):
        raise ValueError(f"wilson_share needs 0 <= share <= 1, trials > 0 and 0 < confidence < 1: {share}, {trials}")
    z = float(ndtri(0.5 + confidence / 2.0))
    centre = share + z * z / (2.0 * trials)
    spread = z * math.sqrt(share * (1.0 - share) / trials + z * z / (4.0 * trials * trials))
    scale = 1.0 + z * z / trials
    return max(0.0, (centre - spread) / scale), min(1.0, (centre + spread) / scale)


def chapman(first: int, second: int, both: int) -> float:
    """Population size from two lists of ``first`` and ``second`` members, ``both`` on either (Chapman 1951).

    Raises ValueError unless ``0 <= both <= min(first, second)``.
    """
    if not 0 <= both <= min(first, second):
        raise ValueError(f"both lists hold {both} of {first} and {second}")
    return (first + 1) * (second + 1) / (both + 1) - 1.0


def chapman_interval(first: int, second: int, both: int, *, confidence: float) -> tuple[float, float]:
    """Interval of the population size on the transformed logit scale (Sadinle 2009), never below what was seen.

    It stays finite without a recapture and does not undercover small populations as the normal one does.
    """
    value = chapman(first, second, both)
    z = float(ndtri(0.5 + confidence / 2.0))
    b, f, s = both + 0.5, first - both + 0.5, second - both + 0.5
    unseen = f * s / b
    factor = math.exp(z * math.sqrt(1 / b + 1 / f + 1 / s + b / (f * s)))
    seen = first + second - both
    # the interval is about another estimate than Chapman's and may just miss it in tiny samples
    low, high = seen - 0.5 + unseen / factor, seen - 0.5 + unseen * factor
    return min(max(float(seen), low), value), max(high, value)


def sum_interval(values: Sequence[float], limits: Sequence[tuple[float, float]]) -> tuple[float, float]:
    """Interval of a sum of independent estimates from theirs: variance recovered from the limits (Zou, Donner 2008)."""
    below = sum((value - low) ** 2 for value, (low, _) in zip(values, limits, strict=True))
    above = sum((high - value) ** 2 for value, (_, high) in zip(values, limits, strict=True))
    return sum(values) - math.sqrt(below), sum(values) + math.sqrt(above)
