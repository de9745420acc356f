"""Distances of very many fixed points to tracks: points in square buckets, so that far ones are never looked at."""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

Floats = NDArray[np.float64]
Rows = NDArray[np.intp]


class PointGrid:
    """Points (rows of ``xy``, metres) in about as many square buckets as there are points."""

    def __init__(self, xy: Floats) -> None:
        self.low = xy.min(axis=0) if len(xy) else np.zeros(2)
        span = xy.max(axis=0) - self.low if len(xy) else np.zeros(2)
        self.size = max(float(np.sqrt(span[0] * span[1] / max(len(xy), 1))), float(span.max()) / max(len(xy), 1), 1.0)
        self.columns, self.rows = (np.floor(span / self.size).astype(np.intp) + 1).tolist()
        column, row = self._bucket(xy[:, 0], 0), self._bucket(xy[:, 1], 1)
        bucket = row * self.columns + column
        self.order = np.argsort(bucket, kind="stable")
        self.x, self.y = xy[self.order].T.copy()
        self.first = np.concatenate([[0], np.cumsum(np.bincount(bucket, minlength=self.rows * self.columns))])
        self._best, self._last = np.full(len(xy), np.inf), np.zeros(len(xy), dtype=np.intp)

    def in_boxes(self, west: Floats, south: Floats, east: Floats, north: Floats) -> tuple[Rows, Rows]:
        """Pairs (box, place in bucket order) that hold every point in the boxes, and some points just outside."""
        low, high = self._bucket(south, 1), self._bucket(north, 1)
        box, row = _ranges(low, high + 1)
        return self._in_rows(box, row, west[box], east[box])

    def near_steps(self, start: Floats, end: Floats, reach_m: float) -> tuple[Rows, Floats]:
        """Rows of the points within ``reach_m`` of the steps from ``start`` to ``end`` (steps, 2), and their distances.

        A step without length is its point.
        """
        low, high = np.minimum(start, end), np.maximum(start, end)
        step, row = _ranges(self._bucket(low[:, 1] - reach_m, 1), self._bucket(high[:, 1] + reach_m, 1) + 1)
        # what of the reach is left sideways in a row of buckets that lies above or below the step
        south = self.low[1] + row * self.size
        off = np.maximum(np.maximum(south - high[step, 1], low[step, 1] - south - self.size), 0.0)
        wide = np.sqrt(np.maximum(reach_m**2 - off**2, 0.0))
        step, at = self._in_rows(step, row, low[step, 0] - wide, high[step, 0] + wide)
        squared, foot, across = self._apart(start, end, step, at)
        best = self._best
        np.minimum.at(best, at, squared)
        best[at] = np.sqrt(best[at])
        np.minimum.at(best, foot, across)
        found = self._each_once(at[best[at] <= reach_m])
        distance = best[found]
        best[at] = np.inf
        return self.order[found], distance

    def _each_once(self, at: Rows) -> Rows:
        turn = np.arange(len(at))
        self._last[at] = turn
        return at[self._last[at] == turn]

    def _apart(self, start: Floats, end: Floats, step: Rows, at: Rows) -> tuple[Floats, Rows, Floats]:
        """Squared distance to the nearer end of the step (inf where the foot lies between them), and from the feet."""
        way = end - start
        squared_length = way[:, 0] * way[:, 0] + way[:, 1] * way[:, 1]
        x, y = self.x[at], self.y[at]
        right, up = x - start[step, 0], y - start[step, 1]
        along_x, along_y = way[step, 0], way[step, 1]
        along, whole = right * along_x + up * along_y, squared_length[step]
        squared = right * right + up * up
        behind = np.flatnonzero((along >= whole) & (along > 0.0))
        right_b, up_b = x[behind] - end[step[behind], 0], y[behind] - end[step[behind], 1]
        squared[behind] = right_b * right_b + up_b * up_b
        foot = np.flatnonzero((along > 0.0) & (along < whole))
        squared[foot] = np.inf
        sideways = up[foot] * along_x[foot] - right[foot] * along_y[foot]
        return squared, at[foot], np.abs(sideways / whole[foot]) * np.sqrt(whole[foot])

    def _in_rows(self, number: Rows, row: Rows, west: Floats, east: Floats) -> tuple[Rows, Rows]:
        left, right = row * self.columns + self._bucket(west, 0), row * self.columns + self._bucket(east, 0)
        line, at = _ranges(self.first[left], self.first[right + 1])
        return number[line], at

    def _bucket(self, metres: Floats, axis: int) -> Rows:
        last = (self.columns, self.rows)[axis] - 1
        return np.clip(np.floor((metres - self.low[axis]) / self.size), 0, last).astype(np.intp)


def _ranges(start: Rows, stop: Rows) -> tuple[Rows, Rows]:
    """The numbers from each ``start`` to below its ``stop``, one after the other, with the number of their range."""
    counts = np.maximum(stop - start, 0)
    number = np.repeat(np.arange(len(counts)), counts)
    begins = np.cumsum(counts) - counts
    return number, np.arange(counts.sum()) - np.repeat(begins - start, counts)
