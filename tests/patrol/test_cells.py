from __future__ import annotations

import json

import numpy as np
import pandas as pd
import pytest
import shapely
from affine import Affine
from hypothesis import given, settings
from hypothesis import strategies as st
from odc.geo.geobox import GeoBox

from pipeline.grid import block_geobox, lattice
from pipeline.patrol.cells import (
    cell_index_block,
    cell_states,
    count_observable,
    locate_targets,
    observable_shares,
)
from pipeline.values import Validity
from tests.patrol.town import CRS, X0, Y0, cells, frame, square, strip, targets

SHARES = {"seen_share": 0.9, "unseen_share": 0.1}


def grid(rows: int, cols: int, pixel_m: float = 10.0) -> GeoBox:
    return GeoBox((rows, cols), Affine(pixel_m, 0, X0, 0, -pixel_m, Y0 + rows * pixel_m), CRS)


def duty(ids: list[str]) -> pd.DataFrame:
    return pd.DataFrame({"cell_id": ids, "unit_id": "U1", "acting_unit_id": "U1", "person_id": None}, dtype="object")


def test_pixel_centres_decide_and_the_smaller_id_wins_where_cells_overlap() -> None:
    two = frame({"cell_id": ["B", "A"]}, [strip(0, 0, 30, 10), strip(20, 0, 20, 10)])
    assert cell_index_block(two, grid(1, 5)).tolist() == [[1, 1, 2, 2, 0]]


def test_a_pixel_counts_as_observable_when_any_source_is_clear() -> None:
    index = np.array([[1, 1, 2, 0]], dtype=np.int32)
    first = np.array([[Validity.CLEAR, Validity.CLOUD, Validity.CLOUD, Validity.CLEAR]], dtype=np.uint8)
    second = np.array([[Validity.CLOUD, Validity.CLEAR, Validity.SHADOW, Validity.CLEAR]], dtype=np.uint8)
    assert count_observable(index, [first, second], cells=3).tolist() == [[2, 2], [1, 0], [0, 0]]
    assert count_observable(index, [first], cells=3).tolist() == [[2, 1], [1, 0], [0, 0]]
    assert count_observable(index, [], cells=3).tolist() == [[2, 0], [1, 0], [0, 0]]
    with pytest.raises(ValueError, match="does not fit"):
        count_observable(index, [first.T], cells=3)


@settings(max_examples=10, deadline=None)
@given(st.sampled_from([16, 33, 50, 64, 100, 512]), st.integers(0, 2**32 - 1))
def test_blocks_add_up_to_the_whole_whatever_their_size(block_px: int, seed: int) -> None:
    whole = grid(100, 200)
    validity = np.random.default_rng(seed).integers(0, 4, (100, 200)).astype(np.uint8)
    town = cells(2)
    counts = np.zeros((2, 2), dtype=np.int64)
    for block in lattice((100, 200), block_px):
        part = validity[block.row_start : block.row_stop, block.col_start : block.col_stop]
        counts += count_observable(cell_index_block(town, block_geobox(whole, block)), [part], cells=2)
    expected = [[10_000, (validity[:, :100] == 0).sum()], [10_000, (validity[:, 100:] == 0).sum()]]
    assert counts.tolist() == expected


def test_what_lies_outside_the_image_grid_was_not_observed() -> None:
    half = grid(100, 50)
    counts = np.array([[5000, 5000], [0, 0]])
    assert observable_shares(cells(2), counts, grid=half).tolist() == [0.5, 0.0]


def test_a_targets_cell_has_the_largest_share_and_the_shares_are_kept() -> None:
    found = locate_targets(targets({"target_id": "T", "geometry": strip(900, 0, 400, 100)}), cells())
    assert found["cell_id"].tolist() == ["G2"]
    assert json.loads(found["cell_shares"][0]) == pytest.approx({"G1": 0.25, "G2": 0.75}, abs=1e-4)


def test_a_tie_goes_to_the_smaller_id_whatever_the_order_of_the_cells() -> None:
    tie = targets({"target_id": "T", "geometry": strip(900, 0, 200, 100)})
    town = cells()
    for order in (town, town.iloc[::-1].reset_index(drop=True)):
        assert locate_targets(tie, order)["cell_id"].tolist() == ["G1"]


def test_a_target_outside_all_cells_has_none_and_no_target_gives_no_row() -> None:
    found = locate_targets(targets({"target_id": "T", "geometry": square(0, 5000, 50)}), cells())
    assert found["cell_id"].tolist() == [None] and found["cell_shares"].tolist() == ["{}"]
    assert locate_targets(targets(), cells()).empty


@settings(max_examples=40, deadline=None)
@given(st.floats(-500, 4400), st.floats(-500, 900), st.floats(10, 1500), st.floats(10, 800))
def test_shares_never_exceed_one_and_sum_to_one_inside(x: float, y: float, width: float, height: float) -> None:
    shape = strip(x, y, width, height)
    shares = json.loads(locate_targets(targets({"target_id": "T", "geometry": shape}), cells())["cell_shares"][0])
    total = sum(shares.values())
    assert total <= 1 + 1e-5
    if shapely.within(shape, strip(0, 0, 4000, 1000)):
        assert total == pytest.approx(1, abs=1e-5)


def test_every_cell_appears_with_one_state() -> None:
    found = targets(
        {"target_id": "T1", "geometry": square(100, 100, 50)},
        {"target_id": "T2", "geometry": square(1100, 100, 50), "state": "carried"},
        {"target_id": "T3", "geometry": square(2100, 100, 50), "state": "merged"},
    )
    town = cells(6)
    shares = np.array([0.0, 0.95, 0.5, 0.05, 0.1, 0.9])
    states = cell_states(town, duty(list(town["cell_id"])), found, locate_targets(found, town), shares, **SHARES)
    assert dict(zip(states["cell_id"], states["state"], strict=True)) == {
        "G1": "targets",
        "G2": "none_found",
        "G3": "partly_observed",
        "G4": "not_observed",
        "G5": "partly_observed",
        "G6": "none_found",
    }
    assert states["targets"].tolist() == [1, 0, 0, 0, 0, 0]
    assert "前期目标本期未见新的变化" in states["reason"][1]
    assert "不能说明有无变化" in states["reason"][3]


def test_changes_that_wait_are_said_beside_the_state_and_change_it_not() -> None:
    town, none = cells(2), targets()
    located = locate_targets(none, town)
    states = cell_states(town, duty(["G1", "G2"]), none, located, np.ones(2), waiting={"G2": 3}, **SHARES)
    assert states["state"].tolist() == ["none_found", "none_found"]
    assert "待后续影像复核" not in states["reason"][0] and states["reason"][1].endswith("另有3处变化待后续影像复核")


def test_a_cell_that_holds_only_part_of_a_target_never_says_none_found() -> None:
    found = targets({"target_id": "T", "geometry": strip(900, 0, 400, 100)})
    town = cells(2)
    states = cell_states(town, duty(["G1", "G2"]), found, locate_targets(found, town), np.ones(2), **SHARES)
    assert states["state"].tolist() == ["targets", "targets"]
    assert states["targets"].tolist() == [0, 1]
    assert "主体在相邻网格" in states["reason"][0]


def test_a_month_without_a_clear_view_says_not_observed_everywhere() -> None:
    town = cells()
    states = cell_states(
        town, duty(list(town["cell_id"])), targets(), locate_targets(targets(), town), np.zeros(4), **SHARES
    )
    assert states["state"].tolist() == ["not_observed"] * 4
