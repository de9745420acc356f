from __future__ import annotations

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays
from scipy import ndimage

from pipeline.detect.delineate import clean, component_mask, label_block, parts, stitch, tightened_clearly
from pipeline.grid import Block, lattice


def components(mask: np.ndarray, block_px: int, min_area_px: int = 1, strong: np.ndarray | None = None):
    blocks = lattice(mask.shape, block_px)
    labels = np.zeros(mask.shape, dtype=np.int32)
    parts = []
    for number, block in enumerate(blocks):
        at = np.s_[block.row_start : block.row_stop, block.col_start : block.col_stop]
        labels[at], pieces = label_block(mask[at], (mask if strong is None else strong)[at], block, number)
        parts.append(pieces)
    return blocks, labels, stitch(blocks, parts, min_area_px=min_area_px)


@settings(deadline=None)
@given(arrays(bool, (13, 11)), st.sampled_from([3, 4, 5, 20]))
def test_stitching_equals_labelling_the_whole(mask: np.ndarray, block_px: int) -> None:
    whole, count = ndimage.label(mask, np.ones((3, 3)))
    blocks, labels, found = components(mask, block_px)
    assert len(found) == count
    everything = Block(0, 0, *mask.shape)
    for component in found:
        pixels = component_mask(component, blocks, labels, everything)
        number = whole[pixels][0]
        np.testing.assert_array_equal(pixels, whole == number)
        assert pixels.sum() == component.pixels
        rows, cols = np.nonzero(pixels)
        assert component.window == Block(rows.min(), cols.min(), rows.max() + 1, cols.max() + 1)


def test_weak_and_small_components_are_not_kept() -> None:
    mask = np.zeros((6, 6), dtype=bool)
    mask[0:2, 0:2] = mask[4, 4] = True
    strong = np.zeros_like(mask)
    assert components(mask, 3, strong=strong)[2] == ()
    strong[0, 0] = strong[4, 4] = True
    assert [c.pixels for c in components(mask, 3, min_area_px=2, strong=strong)[2]] == [4]


def test_corner_neighbours_join_across_four_blocks() -> None:
    mask = np.zeros((4, 4), dtype=bool)
    mask[1, 2] = mask[2, 1] = True
    assert len(components(mask, 2)[2]) == 1


def test_a_window_cuts_the_component() -> None:
    mask = np.ones((4, 6), dtype=bool)
    blocks, labels, (whole,) = components(mask, 2)
    window = Block(1, 1, 4, 4)
    assert component_mask(whole, blocks, labels[1:4, 1:4], window).all()


def test_clean_closes_gaps_and_drops_lines() -> None:
    mask = np.zeros((12, 12), dtype=bool)
    mask[2:6, 2:8] = True
    mask[3, 4] = False
    mask[9, :] = True
    found = clean(mask)
    assert found[3, 4] and not found[9].any()


def test_outline_follows_a_clear_change_and_otherwise_the_odds() -> None:
    mask = np.zeros((40, 40), dtype=bool)
    mask[8:32, 8:32] = True
    change = np.full((40, 40), 0.2, dtype=np.float32)
    change[12:28, 12:28] = 4.0
    odds = np.full((40, 40), -3.0, dtype=np.float32)
    odds[10:30, 10:30] = 3.0
    assert int(tightened_clearly(mask, change, odds, min_area_px=9).sum()) == 16 * 16
    assert int(tightened_clearly(mask, change + 2.0, odds, min_area_px=9).sum()) == 20 * 20


def test_two_houses_and_the_yard_between_them_are_two_parts() -> None:
    mask, odds = np.zeros((30, 50), dtype=bool), np.full((30, 50), -3.0, dtype=np.float32)
    mask[6:24, 5:45] = True
    odds[6:24, 5:45] = -1.0
    odds[8:22, 7:19] = odds[8:22, 31:43] = 3.0
    left, right = parts(mask, odds, min_area_px=9)
    assert left[0] == np.s_[8:22, 7:19] and right[0] == np.s_[8:22, 31:43] and left[1].all() and right[1].all()
    assert parts(mask, odds, min_area_px=200) == []


def test_where_no_ground_is_around_nothing_is_cut() -> None:
    mask = np.ones((12, 12), dtype=bool)
    odds = np.linspace(-1.0, 3.0, 144, dtype=np.float32).reshape(12, 12)
    ((extent, whole),) = parts(mask, odds, min_area_px=9)
    assert extent == np.s_[0:12, 0:12] and whole.all()
