"""Grids of any pixel size over the same ground, and random fields that are anchored to the ground, not to a grid."""

from __future__ import annotations

from dataclasses import dataclass

import numpy as np
from affine import Affine
from numpy.typing import NDArray
from scipy.sparse import csr_array

FloatArray = NDArray[np.float32]
_SPREAD = 0.4794
"""Standard deviation of a cubic B-spline surface with unit random knots, over all positions."""


@dataclass(frozen=True)
class Raster:
    """North-up grid in metres of the scenes' CRS: ``left`` and ``top`` corner, pixel size, rows and columns."""

    left: float
    top: float
    pixel_m: float
    shape: tuple[int, int]

    @property
    def transform(self) -> Affine:
        return Affine(self.pixel_m, 0.0, self.left, 0.0, -self.pixel_m, self.top)

    @property
    def east(self) -> NDArray[np.float64]:
        """Eastings of the column centres."""
        return np.asarray(self.left + (np.arange(self.shape[1]) + 0.5) * self.pixel_m, dtype=np.float64)

    @property
    def north(self) -> NDArray[np.float64]:
        """Northings of the row centres."""
        return np.asarray(self.top - (np.arange(self.shape[0]) + 0.5) * self.pixel_m, dtype=np.float64)

    def widened(self, margin_m: float) -> Raster:
        """The grid with whole pixels of margin on every side, at least ``margin_m``."""
        pixels = int(np.ceil(margin_m / self.pixel_m))
        rows, cols = self.shape
        return Raster(self.left - pixels * self.pixel_m, self.top + pixels * self.pixel_m, self.pixel_m,
                      (rows + 2 * pixels, cols + 2 * pixels))  # fmt: skip

    def refined(self, factor: int) -> Raster:
        """The same ground in pixels ``factor`` times smaller."""
        rows, cols = self.shape
        return Raster(self.left, self.top, self.pixel_m / factor, (rows * factor, cols * factor))


@dataclass(frozen=True)
class Noise:
    """A random surface over the ground: mean 0, standard deviation near 1, smooth over about ``scale_m``.

    The surface repeats after ``knots`` times ``scale_m``.
    """

    values: FloatArray
    scale_m: float

    def on(self, raster: Raster, *, east_m: float = 0.0, north_m: float = 0.0, stretch: float = 1.0) -> FloatArray:
        """The surface (rows, cols) on a grid, moved east and north, ``stretch`` times longer from west to east."""
        across = _weights((raster.east - east_m) / (self.scale_m * stretch), self.values.shape[1])
        down = _weights((raster.north - north_m) / self.scale_m, self.values.shape[0])
        field: FloatArray = (down @ (across @ self.values.T).T).astype(np.float32)
        return field

    def at(self, east: NDArray[np.float64], north: NDArray[np.float64]) -> FloatArray:
        """The surface at points."""
        across = _weights(np.asarray(east) / self.scale_m, self.values.shape[1])
        down = _weights(np.asarray(north) / self.scale_m, self.values.shape[0])
        return np.asarray(np.einsum("ij,ij->i", down @ self.values, across.toarray()), dtype=np.float32)


def noise(rng: np.random.Generator, scale_m: float, *, knots: int = 64) -> Noise:
    """A new random surface."""
    return Noise((rng.standard_normal((knots, knots)) / _SPREAD).astype(np.float32), scale_m)


def _weights(at: NDArray[np.float64], knots: int) -> csr_array:
    """Cubic B-spline weights (points, knots) on a ring of knots at whole numbers."""
    first = np.floor(at).astype(np.int64)
    t = (at - first).astype(np.float32)
    weights = np.stack([(1 - t) ** 3, 3 * t**3 - 6 * t**2 + 4, -3 * t**3 + 3 * t**2 + 3 * t + 1, t**3], axis=1) / 6.0
    columns = (first[:, None] + np.arange(4)) % knots
    pointer = np.arange(len(at) + 1) * 4
    return csr_array((weights.ravel().astype(np.float32), columns.ravel(), pointer), shape=(len(at), knots))
