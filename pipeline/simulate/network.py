"""The road network patrols ride on: a graph of road points and the ways between them."""

from __future__ import annotations

from dataclasses import dataclass, field

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.sparse import csr_array
from scipy.sparse.csgraph import connected_components, dijkstra

from pipeline.simulate.landscape import Landscape

STEP_M = 40.0


@dataclass
class Network:
    """Road points ``xy`` (n, 2) in the city's CRS and the symmetric graph of metres between neighbours."""

    xy: NDArray[np.float64]
    graph: csr_array
    _ways: dict[int, NDArray[np.int32]] = field(default_factory=dict)

    def nearest(self, x: float, y: float) -> int:
        """The road point nearest to a place."""
        return int(np.argmin((self.xy[:, 0] - x) ** 2 + (self.xy[:, 1] - y) ** 2))

    def neighbour(self, node: int) -> int:
        """A road point next to ``node``."""
        linked = (self.graph + self.graph.T)[[node]].indices
        return int(linked.min())

    def within(self, bounds: tuple[float, float, float, float]) -> NDArray[np.int64]:
        """Road points inside a rectangle."""
        x, y = self.xy[:, 0], self.xy[:, 1]
        inside = (x >= bounds[0]) & (x < bounds[2]) & (y >= bounds[1]) & (y < bounds[3])
        return np.flatnonzero(inside)

    def way(self, start: int, end: int) -> NDArray[np.float64]:
        """Coordinates (m, 2) of the shortest way between two road points, both included."""
        if start not in self._ways:
            _, before = dijkstra(self.graph, directed=False, indices=start, return_predecessors=True)
            self._ways[start] = before.astype(np.int32)
        before = self._ways[start]
        nodes = [end]
        while nodes[-1] != start:
            nodes.append(int(before[nodes[-1]]))
        return self.xy[nodes[::-1]]


def make_network(landscape: Landscape) -> Network:
    """Node the road centre lines where they meet; only the largest connected part is kept."""
    lines = shapely.get_parts(shapely.node(shapely.union_all(landscape.roads.geometry.to_numpy())))
    numbers: dict[tuple[float, float], int] = {}
    rows, cols, metres = [], [], []
    for line in lines:
        points = np.round(np.array(shapely.segmentize(line, STEP_M).coords), 2)
        chain = [numbers.setdefault((float(x), float(y)), len(numbers)) for x, y in points]
        for here, there, first, second in zip(chain[:-1], chain[1:], points[:-1], points[1:], strict=True):
            if here != there:
                rows.append(here)
                cols.append(there)
                metres.append(float(np.hypot(*(second - first))))
    size = len(numbers)
    graph = csr_array((metres, (rows, cols)), shape=(size, size))
    _, part = connected_components(graph, directed=False)
    kept = np.flatnonzero(part == np.argmax(np.bincount(part)))
    xy = np.array(list(numbers))[kept]
    return Network(xy, csr_array(graph[kept][:, kept]))
