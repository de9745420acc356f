"""Grounds painted with known reflectances: what may be said of them, and what may not."""

from __future__ import annotations

from typing import Any

import numpy as np
import pandas as pd
import pytest

from pipeline.spectra import BANDS
from pipeline.supervise.recovery import UNKNOWN, GroundLook, Look, answer_of, look_at

CROP = (0.04, 0.08, 0.05, 0.35, 0.20, 0.10)
STUBBLE = (0.08, 0.10, 0.14, 0.20, 0.26, 0.22)
EARTH = (0.12, 0.16, 0.20, 0.25, 0.32, 0.28)
ROOF = (0.30, 0.32, 0.33, 0.36, 0.34, 0.30)
BLUE_ROOF = (0.30, 0.24, 0.18, 0.24, 0.22, 0.20)
DAY = 20_000.0
INSIDE = np.zeros((20, 20), dtype=bool)
INSIDE[8:12, 8:12] = True
BESIDE = np.ones((20, 20), dtype=bool)
BESIDE[6:14, 6:14] = False


def seen(own: Any, around: Any = CROP, *, clouded: int = 0, bands: Any = BANDS, inside: Any = INSIDE) -> GroundLook:
    image = np.empty((len(BANDS), 20, 20), dtype=np.float32)
    image[:] = np.array(around, dtype=np.float32)[:, None, None]
    image[:, INSIDE] = np.array(own, dtype=np.float32)[:, None] if len(np.shape(own)) == 1 else own
    cells = np.argwhere(INSIDE)[:clouded]
    image[:, cells[:, 0], cells[:, 1]] = np.nan
    days = np.where(np.isfinite(image[0]), np.float32(DAY), np.float32(0.0))
    image = image[[BANDS.index(name) for name in bands]]
    return look_at(image, days, inside, BESIDE, bands=bands, source="s2")


def state(paint: Any) -> Look:
    return seen(paint).now


def told(own: Any, *, stage: str = "structure", built: Any = ROOF, before: Any = STUBBLE, was: Any = None,
         **given: Any) -> str:  # fmt: skip
    answer = answer_of(seen(own, **given), before=state(before), built=state(built), stage=stage, was=was)
    assert answer.words
    return answer.code.value


def test_a_look_measures_the_ground_and_its_neighbours() -> None:
    look = seen(ROOF)
    assert (look.pixels, look.clear_share, look.green_share) == (16, 1.0, 0.0)
    assert look.now.ndvi == pytest.approx((0.36 - 0.33) / 0.69, abs=1e-4)
    assert look.around.ndvi == pytest.approx(0.75, abs=1e-4)
    assert look.now.brightness == pytest.approx(0.325, abs=1e-4)
    assert look.observed_on == pd.Timestamp("1970-01-01") + pd.Timedelta(days=DAY)


@pytest.mark.parametrize("roof", [ROOF, BLUE_ROOF])
def test_a_building_demolished_and_the_field_grown_back(roof: Any) -> None:
    assert told(roof, built=roof) == "still_there"
    assert told(EARTH, built=roof) == "gone_not_green"
    assert told(CROP, built=roof) == "gone_and_green"


def test_bare_soil_among_bare_fields_waits_for_the_season() -> None:
    answer = answer_of(seen(STUBBLE, STUBBLE), before=state(STUBBLE), built=state(ROOF), stage="roofed")
    assert answer.code.value == "gone_not_green" and "待生长季" in answer.words
    assert told(STUBBLE, around=STUBBLE, stage="roofed", was="gone_and_green") == "unclear"


def test_bare_earthworks_in_winter_are_not_told_from_fields() -> None:
    assert told(EARTH, stage="earthworks", built=EARTH, around=STUBBLE) == "unclear"
    assert told(EARTH, stage="earthworks", built=EARTH, around=CROP) == "still_there"
    assert told(CROP, stage="earthworks", built=EARTH) == "gone_and_green"


def test_ground_once_seen_gone_does_not_come_back_by_being_bare() -> None:
    assert told(EARTH, stage="earthworks", built=EARTH, was="gone_and_green") == "unclear"


def test_another_roof_is_not_a_demolition() -> None:
    assert told(BLUE_ROOF, built=ROOF) == "unclear"
    assert told(ROOF, built=BLUE_ROOF) == "unclear"


def test_a_half_green_ground_is_left_open() -> None:
    half = np.repeat(np.array(ROOF, dtype=np.float32)[:, None], 16, axis=1)
    half[:, :9] = np.array(CROP, dtype=np.float32)[:, None]
    assert told(half) == "unclear"


def test_what_is_not_seen_is_not_observable() -> None:
    assert told(ROOF, clouded=8) == "still_there"
    assert told(ROOF, clouded=9) == "not_observable"
    assert told(ROOF, clouded=16) == "not_observable"
    small = np.zeros_like(INSIDE)
    small[8, 8:11] = True
    assert told(ROOF, inside=small) == "not_observable"


def test_without_near_infrared_nothing_is_said_of_plants() -> None:
    assert told(CROP, bands=BANDS[:3]) == "unclear"


def test_without_a_state_to_compare_with_only_green_is_told() -> None:
    assert answer_of(seen(ROOF), before=UNKNOWN, built=UNKNOWN, stage="structure").code.value == "unclear"
    assert answer_of(seen(CROP), before=UNKNOWN, built=UNKNOWN, stage="structure").code.value == "gone_and_green"


@pytest.mark.parametrize("gain", [0.9, 1.1])
def test_a_tenth_brighter_or_darker_image_changes_no_answer(gain: float) -> None:
    for own, around, expected in ((ROOF, CROP, "still_there"), (EARTH, CROP, "gone_not_green"),
                                  (CROP, CROP, "gone_and_green")):  # fmt: skip
        assert told(tuple(gain * value for value in own), around=tuple(gain * v for v in around)) == expected
