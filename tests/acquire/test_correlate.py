from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pipeline.acquire.correlate import REACH_PX, BlockAnswer, chosen_peak, structure_image, tile_shifts, tiles_of


def landscape(size: int = 300, seed: int = 3) -> np.ndarray:
    """A smooth random image with edges, (1, y, x)."""
    rng = np.random.default_rng(seed)
    fields = ndimage.zoom(rng.random((size // 15, size // 15)), 15, order=0)
    soft = ndimage.gaussian_filter(fields + 0.1 * rng.random(fields.shape), 1.2)
    return soft[None].astype(np.float32)


def answered(first: np.ndarray, second: np.ndarray, near_px: float = 10.0) -> BlockAnswer:
    tiles = (tiles_of(structure_image(image)) for image in (first, second))
    return tile_shifts(*tiles, origin=(0, 0), near_px=near_px)


@pytest.mark.parametrize(("dy", "dx"), [(0.0, 0.0), (0.4, -0.3), (-1.3, 0.75), (2.6, 3.1)])
def test_a_known_shift_is_found_in_every_tile(dy: float, dx: float) -> None:
    image = landscape()
    moved = ndimage.shift(image[0], (-dy, -dx), order=3, mode="nearest")[None].astype(np.float32)
    found = answered(image, moved)
    assert found.tiles == len(found.answers) == 4
    assert all(abs(one.dy_px - dy) < 0.1 and abs(one.dx_px - dx) < 0.1 for one in found.answers)
    assert {(one.row, one.col) for one in found.answers} == {(r, c) for r in (128.0, 172.0) for c in (128.0, 172.0)}


def test_a_field_that_turned_from_bare_to_green_still_fits() -> None:
    image = landscape()
    moved = ndimage.shift(image[0], (0.5, -1.5), order=3, mode="nearest")[None]
    assert all(
        abs(one.dy_px + 0.5) < 0.1 and abs(one.dx_px - 1.5) < 0.1 for one in answered(image, 1.0 - moved).answers
    )


def test_ground_without_edges_and_ground_not_known_give_no_answer() -> None:
    flat = np.full((1, 300, 300), 0.2, np.float32)
    assert answered(landscape(), flat).answers == ()
    assert answered(landscape(), np.full((1, 300, 300), np.nan, np.float32)).answers == ()
    assert answered(landscape(45), landscape(45)).answers == (), "too small for a tile"


def test_unrelated_ground_is_not_sure() -> None:
    found = answered(landscape(seed=1), landscape(seed=2))
    assert found.answers and max(one.response for one in found.answers) < 4.5


def test_missing_pixels_do_not_pull_the_shift() -> None:
    image = landscape()
    moved = ndimage.shift(image[0], (-0.5, 0.5), order=3, mode="nearest")[None].astype(np.float32)
    moved[:, 40:110, 60:150] = np.nan
    assert all(abs(one.dy_px - 0.5) < 0.15 and abs(one.dx_px + 0.5) < 0.15 for one in answered(image, moved).answers)


def test_a_near_peak_counts_unless_a_far_one_is_sure_and_clearly_higher() -> None:
    plane = np.zeros((2 * REACH_PX + 1, 2 * REACH_PX + 1))
    plane[REACH_PX + 1, REACH_PX], plane[REACH_PX, REACH_PX - 20] = 5.0, 5.9
    assert chosen_peak(plane, near_px=3.0) == ((1, 0), 5.0)
    plane[REACH_PX, REACH_PX - 20] = 6.1
    assert chosen_peak(plane, near_px=3.0) == ((0, -20), 6.1)
