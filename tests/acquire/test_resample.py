from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.acquire.resample import interpolate, interpolate_averaged, nearest


def grid(shape: tuple[int, int]) -> tuple[np.ndarray, np.ndarray]:
    rows, cols = np.indices(shape).astype(np.float64)
    return rows, cols


def test_whole_indices_give_the_stored_values() -> None:
    source = np.arange(30, dtype=np.float32).reshape(1, 5, 6) ** 1.5
    source[0, 2, 2] = np.nan
    np.testing.assert_array_equal(interpolate(source, *grid((5, 6))), source)


def test_a_plane_is_interpolated_exactly_inside() -> None:
    rows, cols = grid((8, 8))
    plane = (2.0 * rows + 3.0 * cols).astype(np.float32)[None]
    at_row, at_col = np.full((1, 1), 3.25), np.full((1, 1), 4.75)
    np.testing.assert_allclose(interpolate(plane, at_row, at_col)[0, 0, 0], 2 * 3.25 + 3 * 4.75, atol=1e-5)


def test_outside_and_beside_missing_pixels() -> None:
    source = np.ones((1, 4, 4), dtype=np.float32)
    source[0, 1, 1] = np.nan
    found = interpolate(source, np.array([[-0.6, 1.1, 1.6]]), np.array([[0.0, 1.1, 1.0]]))[0, 0]
    assert np.isnan(found[0]) and np.isnan(found[1])
    assert found[2] == 1.0


def test_a_coarse_target_pixel_is_the_mean_of_the_fine_ones() -> None:
    source = np.arange(64, dtype=np.float32).reshape(1, 8, 8)
    found = interpolate_averaged(source, np.array([[3.5]]), np.array([[3.5]]), factor=4.0)
    np.testing.assert_allclose(found[0, 0, 0], source[0, 2:6, 2:6].mean(), rtol=1e-5)


def test_nearest_fills_outside() -> None:
    codes = np.array([[1, 2], [3, 4]], dtype=np.uint8)
    found = nearest(codes, np.array([[0.4, 0.6, 9.0]]), np.array([[0.0, 1.4, 0.0]]), fill=7)
    assert found.tolist() == [[1, 4, 7]]


@settings(deadline=None, max_examples=25)
@given(st.floats(0.0, 4.0), st.floats(0.0, 4.0))
def test_a_constant_stays_constant(row: float, col: float) -> None:
    source = np.full((2, 5, 5), 0.25, dtype=np.float32)
    np.testing.assert_allclose(interpolate(source, np.array([[row]]), np.array([[col]])), 0.25, atol=1e-6)
