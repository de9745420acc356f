"""Which outlines lie on the same ground: overlaps, neighbours, groups and a spatial order."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

Shapes = NDArray[Any]


class Ground:
    """Union-find over positions ``0..size-1``; a group's root is its smallest position."""

    def __init__(self, size: int) -> None:
        self._parent = list(range(size))

    def root(self, position: int) -> int:
        """The smallest position of the group."""
        while self._parent[position] != position:
            self._parent[position] = self._parent[self._parent[position]]
            position = self._parent[position]
        return position

    def join(self, one: int, other: int) -> None:
        """Put two positions into one group."""
        low, high = sorted((self.root(one), self.root(other)))
        self._parent[high] = low

    def groups(self) -> list[tuple[int, list[int]]]:
        """Root and positions of every group, in order."""
        members: dict[int, list[int]] = {}
        for position in range(len(self._parent)):
            members.setdefault(self.root(position), []).append(position)
        return sorted(members.items())


def overlaps(shapes: Shapes, targets: Shapes, min_share: float) -> dict[int, list[int]]:
    """Per shape the targets it shares ``min_share`` of the smaller one's area with, in order."""
    found: dict[int, list[int]] = {}
    if len(shapes) == 0 or len(targets) == 0:
        return found
    i, j = shapely.STRtree(targets).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[i], targets[j]))
    smaller = np.minimum(shapely.area(shapes[i]), shapely.area(targets[j]))
    for one, other in sorted(zip(i[shared >= min_share * smaller], j[shared >= min_share * smaller], strict=True)):
        if shapely.area(shapely.intersection(shapes[one], targets[other])) > 0.0:
            found.setdefault(int(one), []).append(int(other))
    return found


def touching(shape: Any, targets: Shapes, reach_m: float) -> int | None:
    """The nearest target within ``reach_m`` metres of a shape (ties: the first), None without one."""
    if len(targets) == 0:
        return None
    distances = np.round(shapely.distance(shape, targets), 3)
    nearest = int(np.argmin(distances))
    return nearest if distances[nearest] <= reach_m else None


def clusters(positions: Sequence[int], shapes: Shapes, reach_m: float) -> list[list[int]]:
    """Positions grouped so that outlines within ``reach_m`` metres of each other are together, in order."""
    ground = Ground(len(positions))
    for a in range(len(positions)):
        for b in range(a + 1, len(positions)):
            if shapely.dwithin(shapes[positions[a]], shapes[positions[b]], reach_m):
                ground.join(a, b)
    return [[positions[k] for k in members] for _, members in ground.groups()]


def united(shapes: Any) -> Any:
    """One outline of several; a single one is returned as it is."""
    return shapes[0] if len(shapes) == 1 else shapely.normalize(shapely.union_all(shapes))


def serial_order(shapes: Sequence[Any]) -> list[int]:
    """Positions from north to south, then west to east (whole metres of the centroid); ties by outline."""
    centres = [shape.centroid for shape in shapes]
    keys = [
        (-round(centre.y), round(centre.x), shapely.to_wkb(shapely.normalize(shape)))
        for centre, shape in zip(centres, shapes, strict=True)
    ]
    return sorted(range(len(keys)), key=lambda k: keys[k])
