from __future__ import annotations

import math
from dataclasses import replace

import numpy as np
import pytest

from pipeline.acquire.coregister import (
    NO_MEASURE,
    Measured,
    consensus,
    first_guess,
    improved,
    judged,
    moved_by,
    pooled,
    stray_places,
)
from pipeline.acquire.correlate import REACH_PX, BlockAnswer, TileShift
from pipeline.values import Shift

SHAPE = (1000, 1000)
STILL = Shift(0.0, 0.0, 0.0, 0, True, "")
LIMITS = {"gate_px": 0.5, "max_scatter_px": 1.0}


def plane(*peaks: tuple[int, int, float]) -> np.ndarray:
    found = np.random.default_rng(4).normal(size=(2 * REACH_PX + 1, 2 * REACH_PX + 1)).clip(-3.0, 3.0)
    for row, col, height in peaks:
        found[REACH_PX + row, REACH_PX + col] = height
    return found


def tiles(*, degrees: float = 0.0, dy: float = 0.0, dx: float = 0.0, response: float = 9.0) -> tuple[TileShift, ...]:
    """A grid of 7 x 7 tiles on ground that was moved and turned."""
    turn = math.radians(degrees)
    return tuple(
        TileShift(row, col, dy + turn * (col - 500.0), dx - turn * (row - 500.0), response)
        for row in np.linspace(128.0, 872.0, 7)
        for col in np.linspace(128.0, 872.0, 7)
    )


def guess(measured: Measured, *, affine: bool = True) -> Shift:
    return first_guess(measured, max_shift_px=15.0, affine=affine, shape=SHAPE)


def test_blocks_are_pooled_into_one_plane() -> None:
    blocks = [BlockAnswer((), plane((3, -2, 9.0)), 1) for _ in range(3)]
    measured = pooled(blocks)
    assert measured.plane is not None
    found = guess(measured)
    assert found.accepted and (found.dy_px, found.dx_px) == (3.0, -2.0)
    assert pooled([]).plane is None


def test_nothing_that_stands_out_is_no_measure() -> None:
    found = guess(Measured((), plane()))
    assert not found.accepted and found.reason == NO_MEASURE and (found.dy_px, found.dx_px) == (0.0, 0.0)


def test_few_tiles_have_to_show_it_more_clearly() -> None:
    assert not guess(Measured((), plane((2, 1, 6.8)))).accepted
    assert guess(Measured(tiles(response=4.0), plane((2, 1, 6.8)))).accepted
    assert guess(Measured(tiles(response=4.0), plane((0, 30, 8.0)))).reason == NO_MEASURE, "a chance peak far off"


def test_more_than_is_looked_for_is_refused_with_the_length() -> None:
    found = guess(Measured((), plane((0, -30, 20.0))))
    assert not found.accepted and "30.0 px apart" in found.reason


@pytest.mark.parametrize("degrees", [0.1, 0.3, -0.3])
def test_a_turn_is_found_where_no_single_shift_fits(degrees: float) -> None:
    measured = Measured(tiles(degrees=degrees, dy=2.0, dx=-1.0), plane((2, -1, 8.0)))
    found = guess(measured)
    left = tiles(degrees=degrees - math.degrees(found.dy_col), dy=2.0 - found.dy_px, dx=-1.0 - found.dx_px)
    better = improved(found, Measured(left, None), affine=True, near_px=3.0, shape=SHAPE)
    corner = np.array([[400.0, -400.0]])
    turn = math.radians(degrees)
    np.testing.assert_allclose(moved_by(better, corner), [[2.0 - 400.0 * turn, -1.0 - 400.0 * turn]], atol=0.02)


def test_without_affine_the_answer_is_a_plain_shift() -> None:
    measured = Measured(tiles(degrees=0.1), plane((0, 0, 12.0)))
    assert not improved(guess(measured, affine=False), measured, affine=False, near_px=3.0, shape=SHAPE).turned


def test_scattered_tiles_do_not_make_a_turn() -> None:
    rng = np.random.default_rng(8)
    noisy = tuple(replace(one, dy_px=rng.normal(0, 0.3), dx_px=rng.normal(0, 0.3)) for one in tiles())
    assert not improved(STILL, Measured(noisy, None), affine=True, near_px=3.0, shape=SHAPE).turned


def test_outliers_do_not_move_the_shift() -> None:
    good = tiles(dy=0.5, dx=0.25)
    wrong = [replace(one, dy_px=2.6, dx_px=-2.0) for one in good[:9]]
    found = improved(STILL, Measured((*good[9:], *wrong), None), affine=False, near_px=5.0, shape=SHAPE)
    assert abs(found.dy_px - 0.5) < 0.05 and abs(found.dx_px - 0.25) < 0.05


def test_without_a_sure_tile_the_pooled_peak_moves_the_image() -> None:
    found = improved(STILL, Measured((), plane((1, -1, 9.0))), affine=True, near_px=3.0, shape=SHAPE)
    assert abs(found.dy_px - 1.0) <= 0.5 and abs(found.dx_px + 1.0) <= 0.5 and found.tiles == 0


def test_the_verdict_names_what_is_past_the_gate() -> None:
    assert judged(STILL, Measured(tiles(), None), **LIMITS).accepted
    left = judged(STILL, Measured(tiles(dy=0.6), None), **LIMITS)
    assert not left.accepted and "0.60 px are left" in left.reason
    rng = np.random.default_rng(3)
    wild = tuple(replace(one, dy_px=rng.normal(0, 2), dx_px=rng.normal(0, 2)) for one in tiles())
    assert "scatter by" in judged(STILL, Measured(wild, None), **LIMITS).reason
    still = tiles()
    half = (*still[:29], *(replace(one, dx_px=2.0) for one in still[29:]))
    apart = judged(STILL, Measured(half, None), **LIMITS)
    assert not apart.accepted and "41 % of the tiles" in apart.reason
    assert judged(STILL, Measured(half, None), gate_px=0.5, max_scatter_px=5.0).accepted, "fine pixels may lean so far"


def test_no_answer_after_the_move_is_an_assumed_residual() -> None:
    found = judged(STILL, Measured(tiles(response=3.0), None), **LIMITS)
    assert found.accepted and found.residual_px == 1.0 and found.tiles == 0


def test_strays_are_places_that_two_neighbours_agree_on() -> None:
    still = tiles()
    alone = (*still[:10], replace(still[10], dx_px=3.0), *still[11:])
    assert stray_places(alone, limit_px=1.0, apart_px=130.0) == ()
    two = (*still[:10], replace(still[10], dx_px=3.0), replace(still[11], dx_px=3.2), *still[12:])
    assert [(one.row, one.col) for one in stray_places(two, limit_px=1.0, apart_px=130.0)] == [
        (still[10].row, still[10].col), (still[11].row, still[11].col),
    ]  # fmt: skip
    against = (*still[:10], replace(still[10], dx_px=3.0), replace(still[11], dx_px=-3.0), *still[12:])
    assert stray_places(against, limit_px=1.0, apart_px=130.0) == ()


def test_consensus_is_the_median_position() -> None:
    shifts = [Shift(dy, dx, 0.0, 1, True, "") for dy, dx in ((0.0, 0.0), (1.0, -0.4), (0.4, 5.0))]
    assert consensus(shifts) == (0.4, 0.0)
    assert consensus([]) == (0.0, 0.0)
