from __future__ import annotations

import numpy as np
import pytest
from scipy import ndimage

from pipeline.acquire.coregister import (
    TileShift,
    consensus,
    gradient_image,
    merge_shifts,
    refined,
    tile_shifts,
)
from pipeline.values import Shift


def landscape(size: int = 300, seed: int = 3) -> np.ndarray:
    """A smooth random image with edges, (1, y, x)."""
    rng = np.random.default_rng(seed)
    fields = ndimage.zoom(rng.random((size // 15, size // 15)), 15, order=0)
    soft = ndimage.gaussian_filter(fields + 0.1 * rng.random(fields.shape), 1.2)
    return soft[None].astype(np.float32)


@pytest.mark.parametrize(("dy", "dx"), [(0.0, 0.0), (0.4, -0.3), (-1.3, 0.75), (2.6, 3.1)])
def test_a_known_shift_is_found(dy: float, dx: float) -> None:
    image = landscape()
    moved = ndimage.shift(image[0], (-dy, -dx), order=3, mode="nearest")[None].astype(np.float32)
    answers = tile_shifts(gradient_image(image), gradient_image(moved), max_shift_px=10.0)
    shift = merge_shifts(answers, max_scatter_px=1.0)
    assert shift.accepted
    assert abs(shift.dy_px - dy) < 0.1 and abs(shift.dx_px - dx) < 0.1


def test_unlike_images_do_not_answer() -> None:
    answers = tile_shifts(
        gradient_image(landscape(seed=1)), gradient_image(np.full((1, 300, 300), 0.2, np.float32)), max_shift_px=5.0
    )
    assert answers == ()
    assert not merge_shifts(answers, max_scatter_px=1.0).accepted


def test_missing_pixels_do_not_pull_the_shift() -> None:
    image = landscape()
    moved = ndimage.shift(image[0], (-0.5, 0.5), order=3, mode="nearest")[None].astype(np.float32)
    moved[:, 40:110, 60:150] = np.nan
    answers = tile_shifts(gradient_image(image), gradient_image(moved), max_shift_px=10.0)
    shift = merge_shifts(answers, max_scatter_px=1.0)
    assert abs(shift.dy_px - 0.5) < 0.15 and abs(shift.dx_px + 0.5) < 0.15


def test_outliers_do_not_move_the_median_and_scatter_refuses() -> None:
    good = [TileShift(0.5, 0.25, 0.9)] * 5
    assert merge_shifts([*good, TileShift(9.0, -9.0, 0.3)], max_scatter_px=1.0).dy_px == 0.5
    scattered = [TileShift(float(4 * i), float(-4 * i), 0.9) for i in range(6)]
    refused = merge_shifts(scattered, max_scatter_px=1.0)
    assert not refused.accepted and (refused.dy_px, refused.dx_px) == (0.0, 0.0)


def test_what_is_left_is_added_or_refused() -> None:
    first = Shift(1.0, 0.0, 0.1, 4, True, "")
    assert refined(first, Shift(0.2, -0.1, 0.1, 4, True, ""), gate_px=0.5).dy_px == 1.2
    refused = refined(first, Shift(0.6, 0.0, 0.1, 4, True, ""), gate_px=0.5)
    assert not refused.accepted and "0.60 px are left" in refused.reason


def test_consensus_is_the_median_position() -> None:
    shifts = [Shift(dy, dx, 0.0, 1, True, "") for dy, dx in ((0.0, 0.0), (1.0, -0.4), (0.4, 5.0))]
    assert consensus(shifts) == (0.4, 0.0)
    assert consensus([]) == (0.0, 0.0)
