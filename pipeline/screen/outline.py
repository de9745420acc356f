"""How wide a strip is, as far as its outline's resolution tells."""

from __future__ import annotations

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.screen.conditions import Column, Numbers, numbers
from pipeline.screen.layers import decimals
from pipeline.screen.outlines import Shapes

WIDTH_ERROR_PX = 1.0
"""An outline drawn along pixels may be half a pixel off on each of its two long sides."""


def strip_width_m(shapes: Shapes) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    """Width and length of each shape, metres: the rectangle's that has the shape's area and perimeter.

    A bent strip of even width has the same area and perimeter as the straight one, so the width holds for roads that
    turn. A shape rounder than any rectangle counts as a square of its area. Map metres; empty shapes give 0.
    """
    area, half = shapely.area(shapes), shapely.length(shapes) / 2.0
    root = np.sqrt(np.maximum(half**2 - 4.0 * area, 0.0))
    width = np.where(half**2 > 4.0 * area, (half - root) / 2.0, np.sqrt(area))
    length = np.divide(area, width, out=np.zeros_like(area), where=width > 0.0)
    return width, length


def farm_road_facts(
    shapes: Shapes, gsd_m: NDArray[np.float64], *, width_m: tuple[float, float], elongation: float
) -> dict[str, Column]:
    """``width_m`` and ``farm_road_like`` of outlines drawn at ``gsd_m`` (metres per pixel, 0: not known).

    ``farm_road_like``: 1 where a strip is surely between the two widths of a farm road, 0 where it is surely not or is
    no strip, None where its pixels cannot tell. A strip is at least ``elongation`` times as long as wide; where the
    pixels are not known nothing can be said of one.
    """
    width, length = strip_width_m(shapes)
    error = WIDTH_ERROR_PX * gsd_m
    low, high = np.maximum(width - error, 0.0), width + error
    told = gsd_m > 0.0
    # 0.0 no farm road, 1.0 one, NaN cannot be told; the earlier answer goes before the later ones
    like = np.select(
        [
            (width <= 0.0) | (length < elongation * width),
            ~told,
            (low >= width_m[0]) & (high <= width_m[1]),
            (low > width_m[1]) | (high < width_m[0]),
        ],
        [0.0, np.nan, 1.0, 0.0],
        np.nan,
    )
    least, most = (np.where(told, decimals(side, 2), np.nan) for side in (low, high))
    widths = Numbers(least, most, ranged=True)
    return {"width_m": widths, "farm_road_like": numbers(like)}
