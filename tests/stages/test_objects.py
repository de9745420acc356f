from __future__ import annotations

from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from odc.geo.geobox import GeoBox

from pipeline.execute import Execution
from pipeline.grid import Block
from pipeline.sinks.raster import RasterWriter
from pipeline.stages.evidence import PairRasters
from pipeline.stages.objects import DetectOptions, described_objects, is_candidate
from tests.imagery import NORTH_UP, UTM

BANDS = ("blue", "green", "red")
SHAPE = (80, 120)
OPTIONS = DetectOptions(
    prior=-2.6, strong_probability=0.5, weak_probability=0.25, min_probability=0.25, min_area_px=20, scale_px=1.0,
    smooth_px=0.0, calibrated=False, outline_by="odds", parted=True,
)  # fmt: skip
HOUSES = np.s_[30:50, 30:50], np.s_[30:50, 64:84]
YARD = np.s_[30:50, 50:64]


class Given:
    """Puts a ready raster of log odds in place of the evidence of a block."""

    def __init__(self, odds: np.ndarray) -> None:
        self.odds = odds

    def __call__(self, block: Block, odds: np.ndarray, features: np.ndarray) -> np.ndarray:
        return self.odds[block.row_start : block.row_stop, block.col_start : block.col_stop]


def rows(folder: Path, odds: np.ndarray, options: DetectOptions) -> list[dict[str, object]]:
    grid = GeoBox(SHAPE, NORTH_UP, UTM)
    image = (0.3 + 0.1 * np.random.default_rng(5).standard_normal((3, *SHAPE))).astype(np.float32)
    pair = PairRasters(folder / "before.tif", folder / "after.tif", BANDS)
    for path in (pair.before, pair.after):
        with RasterWriter(path, grid, bands=BANDS, dtype="float32", nodata=float("nan"), cog=False) as file:
            file.write(Block(0, 0, *SHAPE), image)
    return described_objects(
        pair, grid, folder, source="pair", options=options, adjust=Given(odds),
        execution=Execution(scheduler="synchronous", workers=1),
    )  # fmt: skip


def joined(first: float, second: float) -> np.ndarray:
    """Log odds of two houses and the yard that joins them."""
    odds = np.full(SHAPE, -3.0, dtype=np.float32)
    odds[YARD], odds[HOUSES[0]], odds[HOUSES[1]] = -1.0, first, second
    return odds


def test_houses_that_a_yard_joins_are_objects_of_their_own(tmp_path: Path) -> None:
    found = rows(tmp_path, joined(2.0, 2.0), OPTIONS)
    assert [row["area_px"] for row in found] == [400, 400] and all(row["strong"] for row in found)
    assert [row["candidate_id"] for row in found] == ["pair-00001", "pair-00002"]


def test_a_part_that_is_less_sure_than_a_strong_pixel_is_listed_as_unlikely(tmp_path: Path) -> None:
    house, faint = rows(tmp_path, joined(2.0, -0.2), OPTIONS)
    assert house["area_px"] == faint["area_px"] == 400
    assert is_candidate(house, OPTIONS) and not is_candidate(faint, OPTIONS)


def test_a_house_far_less_sure_than_its_neighbour_is_listed_as_unlikely(tmp_path: Path) -> None:
    sure, other = rows(tmp_path, joined(8.0, 2.0), OPTIONS)
    assert sure["area_px"] == other["area_px"] == 400
    assert is_candidate(sure, OPTIONS) and not is_candidate(other, OPTIONS)


@pytest.mark.parametrize("change", [{"outline_by": "change"}, {"min_probability": 0.99}, {"parted": False}])
def test_at_ten_metres_and_where_it_is_no_candidate_an_object_stays_whole(tmp_path: Path, change: dict) -> None:
    (whole,) = rows(tmp_path, joined(2.0, 2.0), replace(OPTIONS, **change))
    assert int(str(whole["area_px"])) > 900


def test_where_no_part_is_sure_in_itself_the_object_stays_whole(tmp_path: Path) -> None:
    options = replace(OPTIONS, strong_probability=0.9)
    odds = joined(1.5, 1.5)
    odds[30:34, 30:34] = odds[30:34, 64:68] = 2.5
    (whole,) = rows(tmp_path, odds, options)
    assert whole["strong"] and int(str(whole["area_px"])) > 900
