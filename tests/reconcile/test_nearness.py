"""Points near a track are all found, and their distances are those that a geometry library gives."""

from __future__ import annotations

import numpy as np
import pytest
import shapely

from pipeline.reconcile.nearness import PointGrid
from pipeline.reconcile.sight import known_steps, known_way

RNG = np.random.default_rng(11)
LATTICE = np.stack(np.meshgrid(np.arange(0.0, 2000.0, 50.0), np.arange(0.0, 1500.0, 50.0)), axis=-1).reshape(-1, 2)
POINTS = np.concatenate([LATTICE, RNG.uniform(-300, 2300, (500, 2))])
WALK = np.cumsum(RNG.normal(0, 60, (80, 2)), axis=0) + 800.0
BACK_AND_FORTH = [[100.0, 100.0], [900.0, 100.0], [100.0, 100.0], [100.0, 100.0], [100.0, 700.0]]
LINES = {
    "walk": shapely.LineString(WALK),
    "back and forth with a pause": shapely.LineString(BACK_AND_FORTH),
    "two parts and a lost signal": shapely.MultiLineString([WALK[:30], [*WALK[40:50], *(WALK[50:60] + 900.0)]]),
    "outside": shapely.LineString([[-900.0, -900.0], [-250.0, -250.0]]),
    "far away": shapely.LineString([[9000.0, 9000.0], [9100.0, 9000.0]]),
}


@pytest.mark.parametrize("line", LINES.values(), ids=LINES.keys())
@pytest.mark.parametrize("reach_m", [30.0, 300.0])
def test_points_near_a_way_and_their_distances(line: shapely.Geometry, reach_m: float) -> None:
    rows, metres = PointGrid(POINTS).near_steps(*known_steps(line, 400.0), reach_m)
    truth = shapely.distance(shapely.points(POINTS), known_way(line, 400.0))
    assert sorted(rows.tolist()) == np.flatnonzero(truth <= reach_m).tolist()
    np.testing.assert_allclose(metres, truth[rows], rtol=0, atol=1e-9)


def test_one_grid_answers_many_tracks_alike() -> None:
    grid, steps = PointGrid(POINTS), known_steps(LINES["walk"], 400.0)
    first = grid.near_steps(*steps, 200.0)
    grid.near_steps(*known_steps(LINES["outside"], 400.0), 200.0)
    for one, other in zip(first, grid.near_steps(*steps, 200.0), strict=True):
        np.testing.assert_array_equal(one, other)


@pytest.mark.parametrize("points", [np.zeros((0, 2)), np.array([[5.0, 5.0]]), np.array([[0.0, 5.0], [90.0, 5.0]])])
def test_few_points_in_a_row(points: np.ndarray) -> None:
    steps = np.array([[0.0, 0.0]]), np.array([[10.0, 0.0]])
    rows, metres = PointGrid(points).near_steps(*steps, 20.0)
    assert len(rows) == min(len(points), 1)
    assert metres.tolist() == [5.0] * len(rows)


def test_boxes_hold_all_their_points() -> None:
    low, high = np.array([[0.0, 0.0], [777.0, 333.0]]), np.array([[120.0, 90.0], [1300.0, 900.0]])
    grid = PointGrid(POINTS)
    box, at = grid.in_boxes(low[:, 0], low[:, 1], high[:, 0], high[:, 1])
    found = POINTS[grid.order[at]]
    for number in range(2):
        inside = ((POINTS >= low[number]) & (POINTS <= high[number])).all(axis=1)
        assert set(map(tuple, POINTS[inside])) <= set(map(tuple, found[box == number]))
