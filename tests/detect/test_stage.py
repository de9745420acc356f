from __future__ import annotations

import numpy as np
import pytest

from pipeline.detect.materials import UNKNOWN, Materials, materials
from pipeline.detect.stage import stage_of
from pipeline.values import Stage

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
# typical reflectance of the materials at surface level, after the spectral libraries of USGS and ECOSTRESS
SOIL = (0.09, 0.13, 0.18, 0.24, 0.32, 0.28)
LOESS = (0.14, 0.20, 0.26, 0.31, 0.38, 0.34)
CONCRETE = (0.20, 0.22, 0.23, 0.25, 0.27, 0.25)
ASPHALT = (0.10, 0.11, 0.12, 0.14, 0.16, 0.15)
BLUE_STEEL = (0.28, 0.22, 0.15, 0.22, 0.25, 0.22)
WHITE_SHEET = (0.45, 0.47, 0.48, 0.48, 0.42, 0.38)
CROP = (0.03, 0.06, 0.04, 0.40, 0.18, 0.09)
WATER = (0.07, 0.06, 0.04, 0.02, 0.01, 0.01)
NOTHING = {
    "ndvi_after": float("nan"), "greenness_after": float("nan"), "blue_red": float("nan"), "contrast_signed": 0.0,
    "texture_ratio": 1.0, "rectangularity": 0.9,
}  # fmt: skip


def ground(**pixels: int) -> Materials:
    """Materials of an object made of so many pixels of each named reflectance."""
    rows = [np.tile(np.array(globals()[name], dtype=np.float32), (count, 1)) for name, count in pixels.items()]
    image = np.concatenate(rows).T[:, None, :]
    return materials(image, np.ones(image.shape[1:], dtype=bool), BANDS)


@pytest.mark.parametrize(
    ("pixels", "shares"),
    [
        ({"SOIL": 4}, (1.0, 0.0, 0.0, 0.0)),
        ({"LOESS": 4}, (1.0, 0.0, 0.0, 0.0)),
        ({"CONCRETE": 3, "SOIL": 1}, (0.25, 0.75, 0.0, 0.0)),
        ({"ASPHALT": 2, "BLUE_STEEL": 2}, (0.0, 0.5, 0.5, 0.0)),
        ({"WHITE_SHEET": 1, "CROP": 3}, (0.0, 0.0, 0.25, 0.75)),
        ({"WATER": 5}, (0.0, 0.0, 0.0, 0.0)),
    ],
)
def test_shares_of_materials_by_hand(pixels: dict[str, int], shares: tuple[float, ...]) -> None:
    found = ground(**pixels)
    assert (found.soil, found.grey, found.roof, found.plants) == pytest.approx(shares)


def test_materials_without_their_bands_or_without_a_view_are_not_known() -> None:
    image = np.full((3, 2, 2), 0.2, dtype=np.float32)
    assert not materials(image, np.ones((2, 2), dtype=bool), BANDS[:3]).known
    unseen = np.full((6, 2, 2), np.nan, dtype=np.float32)
    assert not materials(unseen, np.ones((2, 2), dtype=bool), BANDS).known


@pytest.mark.parametrize(
    ("pixels", "stage"),
    [
        ({"SOIL": 20}, Stage.EARTHWORKS),
        ({"SOIL": 16, "CONCRETE": 4}, Stage.EARTHWORKS),
        ({"SOIL": 12, "CONCRETE": 8}, Stage.UNKNOWN),
        ({"SOIL": 10, "CONCRETE": 7, "WHITE_SHEET": 3}, Stage.STRUCTURE),
        ({"SOIL": 12, "BLUE_STEEL": 8}, Stage.ROOFED),
        ({"SOIL": 10, "CROP": 10}, Stage.UNKNOWN),
        ({"CROP": 12, "CONCRETE": 8}, Stage.UNKNOWN),
        ({"WATER": 10, "SOIL": 10}, Stage.UNKNOWN),
    ],
)
def test_stage_where_materials_tell(pixels: dict[str, int], stage: Stage) -> None:
    assert stage_of(NOTHING, ground(**pixels)) is stage


GREY = NOTHING | {"greenness_after": 0.0, "blue_red": 0.95}
BROWN = NOTHING | {"greenness_after": -0.05, "blue_red": 0.6}


@pytest.mark.parametrize(
    ("measures", "stage"),
    [
        (NOTHING, Stage.UNKNOWN),
        (GREY | {"contrast_signed": 2.0}, Stage.ROOFED),
        (GREY | {"contrast_signed": 2.0, "rectangularity": 0.4}, Stage.UNKNOWN),
        (GREY | {"texture_ratio": 2.0}, Stage.STRUCTURE),
        (GREY | {"greenness_after": 0.2, "contrast_signed": 2.0}, Stage.UNKNOWN),
        (GREY | {"ndvi_after": 0.6, "contrast_signed": 2.0}, Stage.UNKNOWN),
        (BROWN | {"rectangularity": 0.4}, Stage.EARTHWORKS),
        (BROWN | {"contrast_signed": -2.0}, Stage.PIT),
        (BROWN, Stage.UNKNOWN),
    ],
)
def test_stage_where_only_form_and_colour_tell(measures: dict[str, float], stage: Stage) -> None:
    assert stage_of(measures, UNKNOWN) is stage
