"""Simple monitors of NDVI that the product is compared with; all see the same aligned and masked months.

Month pair (NDVI drop of 0.2 onto less than 0.35), same month last year, and a harmonic of second order fitted to the
years before, three standard deviations below it in one, two and three months running.
"""

from __future__ import annotations

from typing import Any

import numpy as np
from numpy.typing import NDArray
from rasterio.features import shapes
from scipy import ndimage
from shapely.geometry import shape

FIRST_HISTORY = 12
BARE_NDVI, DROP = 0.35, 0.2
Masks = dict[int, NDArray[np.bool_]]


def harmonic_design(months: NDArray[Any]) -> NDArray[np.float64]:
    """Second order harmonic of the year (month, 5)."""
    turn = 2 * np.pi * months / 12.0
    return np.stack([np.ones_like(turn), np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)], axis=1)


def below_harmonic(ndvi: NDArray[np.float32], months: NDArray[Any], at: int) -> NDArray[np.bool_]:
    """NDVI (month, pixel) three standard deviations below the pixel's harmonic of the months before ``at`` less six."""
    stop = max(at - 6, FIRST_HISTORY)
    past = ndvi[:stop].astype(np.float64)
    weight = np.isfinite(past).astype(np.float64)
    design = harmonic_design(months[:stop].astype(np.float64))
    normal = np.einsum("mp,mi,mj->pij", weight, design, design) + 0.1 * np.eye(5)
    right = np.einsum("mp,mi->pi", np.nan_to_num(past) * weight, design)
    fit = np.linalg.solve(normal, right[..., None])[..., 0]
    residual = np.where(weight > 0, np.nan_to_num(past) - (design @ fit.T), 0.0)
    spread = np.sqrt((residual**2).sum(axis=0) / np.maximum(weight.sum(axis=0) - 5, 3))
    expected = (harmonic_design(months[at : at + 1].astype(np.float64)) @ fit.T)[0]
    known = (weight.sum(axis=0) >= 8) & np.isfinite(ndvi[at])
    return np.asarray(known & (ndvi[at] < expected - 3.0 * np.maximum(spread, 0.02)), dtype=bool)


def peer_masks(ndvi: NDArray[np.float32], months: NDArray[Any], first: int) -> dict[str, Masks]:
    """Alarmed pixels (pixel,) per method and month from index ``first`` on; ndvi (month, pixel), NaN not seen."""
    found: dict[str, Masks] = {
        name: {} for name in ("month pair", "year pair", "harmonic x1", "harmonic x2", "harmonic x3")
    }
    latest = np.full(ndvi.shape[1], np.nan, dtype=np.float32)
    run = np.zeros(ndvi.shape[1], dtype=int)
    for at in range(len(months)):
        now = ndvi[at]
        if at >= first:
            low = np.nan_to_num(now, nan=1.0) < BARE_NDVI
            found["month pair"][at] = low & (np.nan_to_num(latest, nan=-1.0) - now > DROP)
            year = ndvi[at - 12] if at >= 12 else np.full_like(now, np.nan)
            found["year pair"][at] = low & (np.nan_to_num(year, nan=-1.0) - now > DROP)
            below = below_harmonic(ndvi, months, at)
            run = np.where(np.isfinite(now), np.where(below, run + 1, 0), run)
            for times in (1, 2, 3):
                found[f"harmonic x{times}"][at] = below & (run == times)
        latest = np.where(np.isfinite(now), now, latest)
    return found


def objects_of(mask: NDArray[np.bool_], transform: Any, min_m2: float) -> list[Any]:
    """Outlines of the 8-connected parts of a mask, cleaned of single pixels, of at least ``min_m2``."""
    opened = ndimage.binary_opening(mask, np.ones((2, 2), dtype=bool))
    found = shapes(opened.astype(np.uint8), mask=opened, connectivity=8, transform=transform)
    outlines = [shape(geometry).buffer(0) for geometry, _ in found]
    return [one for one in outlines if one.area >= min_m2]
