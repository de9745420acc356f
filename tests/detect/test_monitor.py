"""Hand-drawn years of a pixel and what the monitor must say of them."""

from __future__ import annotations

from dataclasses import fields

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detect.archive import PLANES, MonthState
from pipeline.detect.monitor import Calibration, Followed, calibration, follow, scene_sample
from pipeline.detect.season import series_of
from tests.detect.series import FIRST, day_number, habits, months_of, verdict, years

QUIET = (Followed.ORDINARY, Followed.UNKNOWN)


@pytest.mark.parametrize("stop", range(25, 37))
def test_rotation_of_harvest_ploughing_and_sowing_is_ordinary_in_every_month(stop: int) -> None:
    assert verdict(years(3)[:stop], jitter=stop).state[0] == Followed.ORDINARY


@pytest.mark.parametrize(
    ("name", "changes"),
    [
        ("harvest two months early", {28: "stubble", 29: "soil"}),
        ("film for two months", {26: "film", 27: "film"}),
        ("flood, then as before", {31: "flood", 32: "flood"}),
        ("snow", {24: "snow", 25: "snow"}),
        ("burnt stubble", {29: "burnt"}),
        ("one bright look", {33: "cloud"}),
        ("ploughed instead of sown in winter", {24: "soil", 25: "soil"}),
    ],
)
def test_what_fields_do_never_becomes_probable(name: str, changes: dict[int, str]) -> None:
    covers = years(3)
    for index, cover in changes.items():
        covers[index] = cover
    for stop in range(max(changes), 36):
        found = verdict(covers[: stop + 1])
        assert found.state[0] not in (Followed.PROBABLE, Followed.CONFIRMED), f"{name}: month {stop}"
        assert not found.crossed[0]


def test_fallow_with_weeds_is_not_confirmed() -> None:
    covers = years(2) + ["soil", "soil", "weeds"] + ["weeds"] * 7
    assert all(verdict(covers[:stop]).state[0] < Followed.CONFIRMED for stop in range(25, 35))


def test_building_in_summer_is_early_at_once_and_confirmed_in_time() -> None:
    covers = years(2) + list(years(1)[:7]) + ["subsoil", "subsoil", "slab", "roof"]
    states = [int(verdict(covers[:stop]).state[0]) for stop in range(32, 36)]
    assert states == [Followed.EARLY, Followed.EARLY, Followed.CONFIRMED, Followed.CONFIRMED]


def test_building_in_winter_waits_for_the_green_season() -> None:
    covers = years(2) + list(years(1)[:10]) + ["slab", "slab", "slab", "slab", "roof"]
    states = [int(verdict(covers[:stop]).state[0]) for stop in range(35, 40)]
    assert states == [Followed.EARLY, Followed.EARLY, Followed.PROBABLE, Followed.PROBABLE, Followed.CONFIRMED]


def test_the_onset_lies_between_the_last_look_without_and_the_first_with() -> None:
    covers = years(2) + list(years(1)[:6]) + [None, "slab", "slab", "slab"]
    found, later = verdict(covers), verdict([*covers, "roof"])
    for one in (found, later):
        assert (one.before_day[0], one.since_day[0], one.sure_day[0]) == (
            day_number(29),
            day_number(31),
            day_number(33),
        )
    assert found.crossed[0] and not later.crossed[0], "it becomes probable once"


def test_cloudy_months_change_nothing() -> None:
    covers = years(2) + list(years(1)[:7]) + ["slab", "slab", "slab"]
    clear, later = verdict(covers), verdict([*covers, None])
    for one in fields(clear):
        if one.name not in ("step", "crossed"):
            assert np.array_equal(getattr(clear, one.name), getattr(later, one.name)), one.name
    assert np.isnan(later.step[0]) and not later.crossed[0]


def test_green_again_is_recultivated_and_the_evidence_gone() -> None:
    covers = years(2) + list(years(1)[:6]) + ["slab", "slab", "slab", "crop"]
    found = verdict(covers)
    assert found.state[0] == Followed.RECULTIVATED and found.evidence[0] == 0.0


def test_cleared_ground_that_looks_as_before_is_removed() -> None:
    covers = years(2) + list(years(1)[:6]) + ["slab", "slab", "slab", "soil", "soil", "sown", "sown", "sown"]
    assert verdict(covers).state[0] == Followed.REMOVED


def test_ground_under_film_that_pulses_with_the_crop_is_covered_not_built() -> None:
    covers = years(2) + list(years(1)[:2]) + ["film", "film", "film_green", "film", "film_green", "film"]
    assert verdict(covers).state[0] in (Followed.COVERED, Followed.EARLY, Followed.ORDINARY)


def test_without_earlier_looks_the_monitor_knows_nothing() -> None:
    for covers in (["soil", "crop", "slab"], [*years(1)[:11], "slab"]):
        found = verdict(covers)
        assert found.state[0] == Followed.UNKNOWN and np.isnan(found.step[0])


def test_four_bands_confirm_a_roof_and_let_the_harvest_pass() -> None:
    four = ("blue", "green", "red", "nir")
    built = years(2) + list(years(1)[:7]) + ["slab", "slab", "roof", "roof"]
    assert verdict(built, bands=four).state[0] == Followed.CONFIRMED
    assert verdict(years(3), bands=four).state[0] == Followed.ORDINARY


def test_a_change_of_the_whole_scene_mutes_itself() -> None:
    """Every field of the scene turns to film in the same month: nothing stands out any more."""
    covers = years(2) + list(years(1)[:2]) + ["film"]
    months = months_of(covers)
    wide = tuple(MonthState(one.month, one.key, one.days, np.repeat(one.values, 200, axis=2)) for one in months)
    series = series_of(wide, FIRST + len(covers) - 1, (1, 200), most=36)
    own = calibration(scene_sample(series, follow_months=12))
    assert (follow(series, own, follow_months=12).state == Followed.ORDINARY).all()
    assert (follow(series, habits(), follow_months=12).evidence > 1.0).all(), "it would, in a scene that did not change"


@given(seed=st.integers(0, 2**32 - 1))
def test_pixels_do_not_know_of_one_another(seed: int) -> None:
    """Permuting pixels permutes the answer; so neither tiles nor their order can matter."""
    rng = np.random.default_rng(seed)
    months = []
    for index in range(30):
        values = rng.integers(1, 256, (len(PLANES), 1, 12), dtype=np.uint8)
        values[6] = rng.integers(0, 2, (1, 12), dtype=np.uint8)
        months.append(MonthState(FIRST + index, str(index), ((20000 + 30 * index,) * 2,), values))
    order = rng.permutation(12)
    moved = [MonthState(one.month, one.key, one.days, one.values[:, :, order]) for one in months]
    first, second = (
        follow(series_of(tuple(each), FIRST + 29, (1, 12), most=36), habits(), follow_months=12)
        for each in (months, moved)
    )
    for one in fields(first):
        assert np.array_equal(getattr(first, one.name)[order], getattr(second, one.name), equal_nan=True), one.name


def test_calibration_of_nothing_is_neutral() -> None:
    found = calibration(np.full((3, 0, 4), np.nan, dtype=np.float32))
    assert isinstance(found, Calibration) and (found.spread == 1.0).all() and (found.middle == 0.0).all()
