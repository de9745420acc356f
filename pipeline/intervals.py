"""Intervals for shares."""

from __future__ import annotations

import math

from scipy.special import ndtri


def wilson(successes: int, trials: int, *, confidence: float) -> tuple[float, float]:
    """Score interval of a share (Wilson 1927), without continuity correction; (0, 1) when there were no trials.

    Raises ValueError unless ``0 <= successes <= trials`` and ``0 < confidence < 1``.
    """
    if not (0 <= successes <= trials and 0.0 < confidence < 1.0):
        raise ValueError(f"wilson needs 0 <= successes <= trials and 0 < confidence < 1: {successes}, {trials}")
    if trials == 0:
        return 0.0, 1.0
    z = float(ndtri(0.5 + confidence / 2.0))
    share = successes / trials
    centre = share + z * z / (2.0 * trials)
    spread = z * math.sqrt(share * (1.0 - share) / trials + z * z / (4.0 * trials * trials))
    scale = 1.0 + z * z / trials
    low = 0.0 if successes == 0 else (centre - spread) / scale
    high = 1.0 if successes == trials else (centre + spread) / scale
    return low, high
