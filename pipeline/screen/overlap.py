"""Ground that outlines share, in closed form from their edges.

A polygon is the signed sum of the strips below its edges, so the ground two polygons share is the signed sum of what
each strip of the one shares with each strip of the other: the strip below the lower of two straight lines. No point of
intersection has to be found and no ring to be built, holes and several parts need no rule of their own, and outlines
that touch or run along each other give no special case.
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numba import njit
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Places = NDArray[np.intp]

_GAUSS = 0.5 / 3.0**0.5


def _compiled(function: Callable[..., Any]) -> Any:
    try:
        return njit(nogil=True, cache=True)(function)
    except RuntimeError:
        # no folder in which machine code could be kept: every process compiles for itself
        return njit(nogil=True)(function)


@dataclass(frozen=True)
class Edges:
    """Vertices of many polygons, one polygon after the other.

    ``sign``: of the edge that begins at a vertex, +1 with the polygon's ground to its left, -1 to its right, 0 at the
    end of a ring. ``start``: position of each polygon's first vertex, and the end of the last.
    """

    xy: Floats
    sign: NDArray[np.int8]
    start: Places


def edges_of(polygons: NDArray[Any]) -> Edges:
    """Edges of valid polygons and multipolygons; empty ones have none."""
    xy = shapely.get_coordinates(polygons)
    start = np.zeros(len(polygons) + 1, dtype=np.intp)
    np.cumsum(shapely.get_num_coordinates(polygons), out=start[1:])
    side = np.ones(len(xy), dtype=np.int8)
    last = np.zeros(len(xy), dtype=np.bool_)
    last[start[1:][start[1:] > start[:-1]] - 1] = True
    plain = (shapely.get_type_id(polygons) == 3) & (shapely.get_num_interior_rings(polygons) == 0)
    for number in np.flatnonzero(~plain & (start[1:] > start[:-1])):
        parts = shapely.get_parts(polygons[number : number + 1])
        rings, part = shapely.get_rings(parts, return_index=True)
        ends = start[number] + np.cumsum(shapely.get_num_coordinates(rings))
        last[ends - 1] = True
        holes = np.r_[False, part[1:] == part[:-1]]
        for hole, begin, end in zip(holes, np.r_[start[number], ends[:-1]], ends, strict=True):
            side[begin:end] = -1 if hole else 1
    _orient(xy, side, last)
    return Edges(xy, side, start)


@_compiled
def _orient(xy: Floats, side: NDArray[np.int8], last: NDArray[np.bool_]) -> None:
    """Turn ``side`` (+1 outline, -1 hole) into the sign of each ring's edges, 0 at its last vertex."""
    begin = 0
    for end in range(len(xy)):
        if not last[end]:
            continue
        area = 0.0
        for at in range(begin, end):
            x, y = xy[begin, 0], xy[begin, 1]
            area += (xy[at, 0] - x) * (xy[at + 1, 1] - y) - (xy[at + 1, 0] - x) * (xy[at, 1] - y)
        if area < 0.0:
            for at in range(begin, end):
                side[at] = -side[at]
        side[end] = 0
        begin = end + 1


@_compiled
def _below(x: float, y: float, bend: Floats) -> float:
    """The weight of ground below a point, per metre to the east; the map's own area has no bend."""
    flat = y + bend[0] * x * y + 0.5 * bend[1] * y * y
    return flat + 0.5 * y * (bend[2] * x * x + bend[3] * x * y + bend[4] * y * y / 3.0)


@_compiled
def _strip(x0: float, y0: float, x1: float, y1: float, bend: Floats) -> tuple[float, float]:
    """Map area and weighted area below a straight line: a cubic along it, so two points of Gauss are exact."""
    wide, x, y = x1 - x0, 0.5 * (x0 + x1), 0.5 * (y0 + y1)
    dx, dy = _GAUSS * wide, _GAUSS * (y1 - y0)
    return wide * y, 0.5 * wide * (_below(x - dx, y - dy, bend) + _below(x + dx, y + dy, bend))


@_compiled
def _whole(
    xy: Floats, sign: NDArray[np.int8], begin: int, end: int, place: Floats, bend: Floats
) -> tuple[float, float]:
    """Map area and weighted area of a polygon about a place."""
    plain, weighted = 0.0, 0.0
    for at in range(begin, end):
        if sign[at] != 0:
            a, w = _strip(xy[at + 1, 0] - place[0], xy[at + 1, 1] - place[1], xy[at, 0] - place[0],
                          xy[at, 1] - place[1], bend)  # fmt: skip
            plain += sign[at] * a
            weighted += sign[at] * w
    return plain, weighted


@_compiled
def _between(
    lo: float, hi: float, a_lo: float, a_hi: float, b_lo: float, b_hi: float, bend: Floats
) -> tuple[float, float]:
    """Map area and weighted area below the lower of two lines, given by their heights at ``lo`` and ``hi``."""
    d_lo, d_hi = a_lo - b_lo, a_hi - b_hi
    if d_lo <= 0.0 and d_hi <= 0.0:
        return _strip(lo, a_lo, hi, a_hi, bend)
    if d_lo >= 0.0 and d_hi >= 0.0:
        return _strip(lo, b_lo, hi, b_hi, bend)
    part = d_lo / (d_lo - d_hi)
    x, y = lo + (hi - lo) * part, a_lo + (a_hi - a_lo) * part
    left = _strip(lo, min(a_lo, b_lo), x, y, bend)
    right = _strip(x, y, hi, min(a_hi, b_hi), bend)
    return left[0] + right[0], left[1] + right[1]


@_compiled
def _shared(
    xy: Floats, sign: NDArray[np.int8], begin: int, end: int,
    xy2: Floats, sign2: NDArray[np.int8], begin2: int, end2: int,
    box: Floats, place: Floats, bend: Floats,
) -> tuple[float, float]:  # fmt: skip
    """Map area and weighted area that two polygons share; ``box``: west, south, east, north of the first."""
    plain, weighted = 0.0, 0.0
    for j in range(begin2, end2):
        bx0, bx1 = xy2[j, 0], xy2[j + 1, 0] if sign2[j] != 0 else xy2[j, 0]
        west, east = min(bx0, bx1), max(bx0, bx1)
        # what lies beside the first, or below all of it, adds nothing
        if west == east or east <= box[0] or west >= box[2] or max(xy2[j, 1], xy2[j + 1, 1]) <= box[1]:
            continue
        b_slope = (xy2[j + 1, 1] - xy2[j, 1]) / (bx1 - bx0)
        b_sign = sign2[j] if bx1 < bx0 else -sign2[j]
        for i in range(begin, end):
            ax0, ax1 = xy[i, 0], xy[i + 1, 0] if sign[i] != 0 else xy[i, 0]
            lo, hi = max(west, min(ax0, ax1)), min(east, max(ax0, ax1))
            if lo >= hi:
                continue
            a_slope = (xy[i + 1, 1] - xy[i, 1]) / (ax1 - ax0)
            a_y, b_y = xy[i, 1] - place[1], xy2[j, 1] - place[1]
            area, weight = _between(
                lo - place[0], hi - place[0], a_y + (lo - ax0) * a_slope, a_y + (hi - ax0) * a_slope,
                b_y + (lo - bx0) * b_slope, b_y + (hi - bx0) * b_slope, bend,
            )  # fmt: skip
            both = b_sign * (sign[i] if ax1 < ax0 else -sign[i])
            plain += both * area
            weighted += both * weight
    return plain, weighted


@_compiled
def _wholes(xy: Floats, sign: NDArray[np.int8], start: Places, places: Floats, bends: Floats, out: Floats) -> None:
    for n in range(len(start) - 1):
        out[n, 0], out[n, 1] = _whole(xy, sign, start[n], start[n + 1], places[n], bends[n])


@_compiled
def _pairs(
    xy: Floats, sign: NDArray[np.int8], start: Places, xy2: Floats, sign2: NDArray[np.int8], start2: Places,
    first: Places, other: Places, boxes: Floats, places: Floats, bends: Floats, out: Floats,
) -> None:  # fmt: skip
    for n in range(len(first)):
        i, j = first[n], other[n]
        out[n, 0], out[n, 1] = _shared(xy, sign, start[i], start[i + 1], xy2, sign2, start2[j], start2[j + 1],
                                       boxes[i], places[i], bends[i])  # fmt: skip


def whole(edges: Edges, places: Floats, bends: Floats) -> Floats:
    """Per polygon its map area and its area weighed about a place by ``bends`` (see ``Scale.bends``), two columns."""
    out = np.zeros((len(edges.start) - 1, 2), dtype=np.float64)
    _wholes(edges.xy, edges.sign, edges.start, places, bends, out)
    return out


def shared(
    edges: Edges, others: Edges, first: Places, other: Places, boxes: Floats, places: Floats, bends: Floats
) -> Floats:
    """Map area and weighted area that polygons ``first`` of one share with ``other`` of others, pair by pair.

    ``boxes``, ``places`` and ``bends``: bounds, place and bend of each polygon of ``edges``.
    """
    out = np.zeros((len(first), 2), dtype=np.float64)
    _pairs(edges.xy, edges.sign, edges.start, others.xy, others.sign, others.start, first, other, boxes, places, bends,
           out)  # fmt: skip
    return out
