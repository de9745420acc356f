"""How the scale of area on the map changes around a place, so that parts of an outline are weighed by where they lie."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import lru_cache
from typing import Any

import geopandas as gpd
import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import AreaFormula, ellipsoid_area_m2

Floats = NDArray[np.float64]

CELL_M = 10_000.0
"""Side of the cells in which the scale is taken as a quadratic; third powers are below 1e-10 even over 10 km."""

_STEP_M, _SIDE_M = CELL_M / 2.0, 100.0
_NODES = [(x, y) for x in (-1, 0, 1) for y in (-1, 0, 1)]


@dataclass(frozen=True)
class Scale:
    """Ellipsoidal square metres per map square metre of a projected CRS in metres, by the formula that the rules name."""

    crs: Any
    formula: AreaFormula
    cells: dict[tuple[int, int], Floats] = field(default_factory=dict)

    def area_m2(self, shapes: NDArray[Any]) -> Floats:
        """Ellipsoidal area of each shape, m2, rounded to square centimetres so that the order of sums leaves no trace."""
        areas = ellipsoid_area_m2(gpd.GeoSeries(shapes, crs=self.crs), self.formula)
        return np.asarray(np.round(areas, 4), dtype=np.float64)

    def bends(self, places: Floats) -> Floats:
        """Per place (x, y) the scale's relative change by x, y (1/m) and by xx, xy, yy (1/m2)."""
        cells = np.floor(places / CELL_M).astype(np.int64)
        found, own = np.unique(cells, axis=0, return_inverse=True)
        known = np.array([self._of_cell(int(x), int(y)) for x, y in found]).reshape(-1, 5)[own.reshape(-1)]
        x, y = (places - (cells + 0.5) * CELL_M).T
        east, north, xx, xy, yy = known.T
        east, north = east + xx * x + xy * y, north + xy * x + yy * y
        return np.column_stack([east, north, xx + east**2, xy + east * north, yy + north**2])

    def _of_cell(self, column: int, row: int) -> Floats:
        """Slope and curvature of the logarithm of the scale at a cell's middle."""
        if (column, row) not in self.cells:
            nodes = (np.array([column, row]) + 0.5) * CELL_M + np.array(_NODES) * _STEP_M
            squares = shapely.box(*(nodes - _SIDE_M / 2.0).T, *(nodes + _SIDE_M / 2.0).T)
            areas = ellipsoid_area_m2(gpd.GeoSeries(squares, crs=self.crs), self.formula)
            (a, b, c), (d, e, f), (g, h, i) = np.log(areas / _SIDE_M**2).reshape(3, 3)
            self.cells[column, row] = np.array(
                [
                    (h - b) / (2.0 * _STEP_M), (f - d) / (2.0 * _STEP_M), (h - 2.0 * e + b) / _STEP_M**2,
                    (i - g - c + a) / (4.0 * _STEP_M**2), (f - 2.0 * e + d) / _STEP_M**2,
                ]
            )  # fmt: skip
        return self.cells[column, row]


@lru_cache(maxsize=8)
def scale_of(crs: Any, formula: AreaFormula) -> Scale:
    """The scale of a map; its cells are measured once."""
    return Scale(crs, formula)
