from __future__ import annotations

import numpy as np
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely.geometry import Polygon

from pipeline.simulate.parcels import Fabric, area, axes, cut, split_block

SQUARE = np.array([[0.0, 0.0], [10.0, 0.0], [10.0, 10.0], [0.0, 10.0]])


def test_cut_keeps_the_side_the_normal_points_away_from() -> None:
    left = cut(SQUARE, np.array([4.0, 0.0]), np.array([1.0, 0.0]))
    assert area(left) == 40.0
    assert left[:, 0].max() == 4.0


def test_cut_outside_gives_nothing_or_everything() -> None:
    assert len(cut(SQUARE, np.array([-1.0, 0.0]), np.array([1.0, 0.0]))) == 0
    assert area(cut(SQUARE, np.array([11.0, 0.0]), np.array([1.0, 0.0]))) == 100.0


@settings(deadline=None, max_examples=40)
@given(st.floats(0, 10), st.floats(0, 10), st.floats(0, 2 * np.pi))
def test_both_sides_of_a_cut_make_the_whole(x: float, y: float, turn: float) -> None:
    point, normal = np.array([x, y]), np.array([np.cos(turn), np.sin(turn)])
    assert abs(area(cut(SQUARE, point, normal)) + area(cut(SQUARE, point, -normal)) - 100.0) < 1e-6


def test_axes_along_and_across() -> None:
    assert np.allclose(axes(np.array([[0.0, 0.0], [4.0, 0.0], [4.0, 1.0], [0.0, 1.0]]), np.pi / 2), (1.0, 4.0))


def test_block_is_shared_out_without_gap_or_overlap() -> None:
    block = np.array([[0.0, 0.0], [900.0, 0.0], [900.0, 700.0], [0.0, 700.0]])
    fabric = Fabric()
    split_block(block, 0.1, rng=np.random.default_rng(4), main_roads=1, fabric=fabric)
    pieces = [Polygon(points) for points, _ in fabric.fields + fabric.strips]
    assert abs(sum(piece.area for piece in pieces) - 900.0 * 700.0) < 1.0
    assert abs(shapely.union_all(pieces).area - 900.0 * 700.0) < 1.0
    assert len(fabric.lines) == len(fabric.strips) > 2
    assert sum(width > 10 for _, width in fabric.strips) == 1
