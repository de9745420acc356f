"""What an object may be instead of new ground, on made-up spectra whose cause is known."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.doubt import CLOUD, HIDDEN, RIM, SHADOW, VEIL, WET, State, doubt_of, is_wet

CROP = {"blue": 0.04, "green": 0.07, "red": 0.05, "nir": 0.39, "swir1": 0.21, "swir2": 0.11}
FIELD = {"blue": 0.08, "green": 0.11, "red": 0.14, "nir": 0.24, "swir1": 0.29, "swir2": 0.22}
SOIL = {"blue": 0.11, "green": 0.15, "red": 0.19, "nir": 0.26, "swir1": 0.32, "swir2": 0.29}
CONCRETE = {"blue": 0.14, "green": 0.15, "red": 0.17, "nir": 0.21, "swir1": 0.24, "swir2": 0.22}
FLOODED = {"blue": 0.07, "green": 0.09, "red": 0.09, "nir": 0.10, "swir1": 0.09, "swir2": 0.05}
RIVER = {"blue": 0.06, "green": 0.08, "red": 0.06, "nir": 0.04, "swir1": 0.02, "swir2": 0.01}


def veiled(ground: dict[str, float], part: float) -> dict[str, float]:
    return {name: (1.0 - part) * value + part * CLOUD for name, value in ground.items()}


def shaded(ground: dict[str, float]) -> dict[str, float]:
    """Direct light gone: little left in the infrared, more where the sky is blue."""
    left = {"blue": 0.7, "green": 0.6, "red": 0.5, "nir": 0.4, "swir1": 0.4, "swir2": 0.4}
    return {name: value * left[name] for name, value in ground.items()}


@pytest.mark.parametrize("before", [CROP, FIELD, SOIL])
@pytest.mark.parametrize("after", [SOIL, CONCRETE])
def test_new_ground_is_not_doubted(before: dict[str, float], after: dict[str, float]) -> None:
    if before is not after:
        assert doubt_of(State(before, after, 0.0), looks=1) == ""


@given(st.sampled_from([CROP, FIELD, SOIL]), st.floats(0.1, 0.5))
def test_a_part_of_cloud_over_the_same_ground_is_a_veil(ground: dict[str, float], part: float) -> None:
    seen = State(ground, veiled(ground, part), 0.0)
    assert doubt_of(seen, looks=1) == doubt_of(seen, looks=2) == VEIL
    assert doubt_of(seen, looks=3) == "", "no cloud stays for three looks"


def test_light_taken_from_every_band_is_a_shadow_unless_seen_twice() -> None:
    assert doubt_of(State(SOIL, shaded(SOIL), 0.0), looks=1) == SHADOW
    assert doubt_of(State(SOIL, shaded(SOIL), 0.0), looks=2) == ""


@pytest.mark.parametrize("ground", [CROP, FIELD])
def test_a_shadow_on_darker_ground_is_as_dark_as_water_and_waits_as_such(ground: dict[str, float]) -> None:
    assert doubt_of(State(ground, shaded(ground), 0.0), looks=1) == WET


def test_flooded_ground_waits_whatever_the_number_of_looks_and_a_river_was_always_wet() -> None:
    for before in (CROP, FIELD, SOIL):
        assert doubt_of(State(before, FLOODED, 0.0), looks=5) == WET
    assert doubt_of(State(RIVER, FLOODED, 0.0), looks=5) == ""
    assert doubt_of(State(RIVER, SOIL, 0.0), looks=1) == ""


def test_an_object_whose_rim_is_hidden_waits() -> None:
    assert doubt_of(State(CROP, SOIL, HIDDEN), looks=2) == RIM
    assert doubt_of(State(CROP, SOIL, HIDDEN - 0.01), looks=2) == ""
    assert doubt_of(State(CROP, SOIL, 1.0), looks=3) == ""


def test_without_the_bands_to_tell_by_nothing_but_the_rim_is_doubted() -> None:
    grey, light = {"red": 0.1, "green": 0.1}, {"red": 0.3, "green": 0.3}
    assert doubt_of(State(grey, light, 0.0), looks=1) == ""
    assert doubt_of(State(grey, light, 0.5), looks=1) == RIM
    four = [{name: ground[name] for name in ("blue", "green", "red", "nir")} for ground in (CROP, FLOODED)]
    assert not is_wet(four[1])
