"""One position whose datum is not told, read in every datum: the circle around the readings that remain possible."""

from __future__ import annotations

import math

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.ledger.locate import Placed

_CHOSEN_READING_M = 100.0
# readings less probable than this beside the text place are left out
_POSSIBLE = 0.05


def around_readings(points: NDArray[np.float64], base_m: float, told: Placed | None) -> tuple[float, float, float]:
    """Centre and radius (x, y, metres) around the readings (n, 2) that ``told`` leaves possible, grown by ``base_m``.

    ``told``: a text place or photo; of several readings a single one left counts at least 100 m.
    """
    kept = points
    if told is not None and len(points) > 1:
        # the radius is meant to hold nine of ten
        sigma = told.uncertainty_m / 2.146
        squared = (points[:, 0] - told.x) ** 2 + (points[:, 1] - told.y) ** 2
        # a text place far from every reading says nothing of which is right
        if math.sqrt(float(squared.min())) <= told.uncertainty_m:
            weight = np.exp(-0.5 * (squared - squared.min()) / sigma**2)
            kept = points[weight >= _POSSIBLE * weight.sum()]
    if len(kept) == 1:
        x, y = (float(value) for value in kept[0])
        return x, y, base_m if len(points) == 1 else max(base_m, _CHOSEN_READING_M)
    middle = shapely.minimum_bounding_circle(shapely.MultiPoint(kept)).centroid
    reach = float(np.hypot(kept[:, 0] - middle.x, kept[:, 1] - middle.y).max())
    return middle.x, middle.y, base_m + reach
