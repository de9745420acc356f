"""The land class of the ground under outlines, and ground that keeps none: parcels that contradict each other or came late."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.screen.layers import UNKNOWN_CLASS, ClassAreas, ClassGroup, decimals
from pipeline.screen.outlines import SEAM_M2, Laid, Outlines, Shared, covered, doubled, piece_m2, shared_ground
from pipeline.screen.overlap import Floats, Places


@dataclass(frozen=True)
class ClassGround:
    """Class areas of outlines, and why some of their ground has no class, m2.

    ``contested_m2``: under parcels of two classes, so neither counts. ``later_m2``: under construction land of a survey
    that came after the change may have begun, so it may show the works themselves.
    """

    areas: ClassAreas
    contested_m2: Floats
    later_m2: Floats


def surveyed_later(land_use: Laid, found: Shared, last_clear: pd.Series, construction: ClassGroup) -> NDArray[np.bool_]:
    """Which pairs are construction land of a survey whose state is of a day after ``last_clear`` of their outline.

    A survey without a year counts as earlier, because layers that state none hold one survey, the last before the city
    began; one with a year counts as later where the outline's own day is not known.
    """
    numbers, names = land_use.classes
    built = np.array([construction.holds(name) for name in names], dtype=bool)[numbers[found.polygon]]
    until = land_use.surveyed_until[found.polygon]
    clear = last_clear.to_numpy(dtype="datetime64[D]")[found.row]
    return np.asarray(built & ~np.isnat(until) & ~(until <= clear), dtype=bool)


def class_ground(
    own: Outlines, land_use: Laid, found: Shared | None = None, later: NDArray[np.bool_] | None = None
) -> ClassGround:
    """Per outline the area of each land class code; ground outside the layer is :data:`UNKNOWN_CLASS`.

    ``later``: pairs of ``found`` that tell no class (:func:`surveyed_later`). Ground under several parcels counts once,
    and under parcels of two classes it has none.
    """
    found = shared_ground(own, land_use) if found is None else found
    numbers, names = land_use.classes
    told = numbers[found.polygon]
    if later is not None:
        told = np.where(later, len(names), told)
    used, column = np.unique(told, return_inverse=True)
    column, known = column.reshape(-1), used < len(names)
    cells = found.row * len(used) + column
    sums = np.bincount(cells, weights=found.m2, minlength=len(own) * len(used)).astype(np.float64)
    sums = sums.reshape(len(own), len(used))
    rest = own.total_m2 - np.bincount(found.row, weights=np.where(known[column], found.m2, 0.0), minlength=len(own))
    contested = np.zeros(len(own), dtype=np.float64)
    for row in np.unique(found.row[doubled(own, land_use, found, SEAM_M2)]).tolist():
        pairs = np.flatnonzero(found.row == row)
        sums[row], contested[row] = _settled(own, land_use, row, found.polygon[pairs], column[pairs], len(used))
        rest[row] = own.total_m2[row] - sums[row, known].sum()
    classes = ClassAreas(tuple(names[number] for number in used[known]), decimals(sums[:, known], 2))
    unknown = decimals(np.where(rest > 0.05, rest, 0.0), 2)
    return ClassGround(classes.with_class(UNKNOWN_CLASS, unknown), contested, sums[:, ~known].sum(axis=1))


def _settled(
    own: Outlines, land_use: Laid, row: int, polygons: Places, column: Places, count: int
) -> tuple[Floats, float]:
    """Areas of one outline's ``count`` classes without the ground that two of them claim, and that ground's area, m2."""
    claimed = [covered(own.shapes[row], land_use.polygons[polygons[column == n]]) for n in range(count)]
    areas = np.zeros(count, dtype=np.float64)
    for n, ground in enumerate(claimed):
        if not ground.is_empty:
            others = shapely.union_all([other for m, other in enumerate(claimed) if m != n])
            areas[n] = piece_m2(own, row, shapely.difference(ground, others))
    everything = piece_m2(own, row, shapely.union_all(claimed))
    return areas, max(0.0, round(everything - float(areas.sum()), 4))
