"""Objects that wait for a second look: who waits, who is released, and that nobody is lost."""

from __future__ import annotations

from datetime import date

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.detect.doubt import VEIL, WET, Ground, State
from pipeline.detect.holding import (
    GIVEN_UP,
    MOST_LATER,
    MOST_MONTHS,
    RELEASED_NOW,
    SINGLE_LOOK,
    SUPERSEDED,
    UNLIKELY,
    WAITING,
    WET_MONTHS,
    Repeat,
    judge_held,
    repeat_of,
    split_fresh,
)
from pipeline.detect.standing import Standing
from pipeline.values import number_of_day

CRS = "EPSG:4547"
LATER = number_of_day(date(2026, 10, 20))


def objects(*rows: tuple[str, float, int, str, float]) -> gpd.GeoDataFrame:
    """Squares of 100 m from (id, probability, clear looks, confidence, left edge)."""
    frame = pd.DataFrame(
        [
            {
                "candidate_id": name, "source": "s2", "probability": odds, "clear_looks": looks, "confidence": level,
                "last_clear": date(2026, 8, 29), "first_seen": date(2026, 9, 26),
                "geometry": shapely.box(left, 0.0, left + 100.0, 100.0),
            }
            for name, odds, looks, level, left in rows
        ]
    )  # fmt: skip
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=CRS)


def stands(evidence: float, later: int) -> Standing:
    return Standing(evidence, later + 1, later, 1, True, number_of_day(date(2026, 9, 26)), LATER)


def held(*rows: tuple[str, float, int, str, float], reason: str = SINGLE_LOOK) -> gpd.GeoDataFrame:
    return objects(*rows).assign(held_since="2026-09", held_reason=reason, outcome=WAITING)


def test_one_look_waits_two_go_on_and_what_the_monitor_knows_does_not_wait() -> None:
    found = objects(("s2-1", 0.9, 1, "early", 0), ("s2-2", 0.9, 2, "early", 500), ("s2-3", 0.9, 1, "probable", 900))
    rest = objects(("s2-4", 0.4, 3, "early", 1500), ("s2-5", 0.1, 3, "early", 2000))
    passed, waiting, unlikely = split_fresh(found, rest, period="2026-09", doubts=["", "", ""], least_probability=0.25)
    assert list(passed["candidate_id"]) == ["s2-2", "s2-3"]
    assert list(waiting["candidate_id"]) == ["s2-H2609-1", "s2-H2609-4"]
    assert list(waiting["held_reason"]) == [SINGLE_LOOK, UNLIKELY] and set(waiting["outcome"]) == {WAITING}
    assert list(unlikely["candidate_id"]) == ["s2-5"]
    assert len(passed) + len(waiting) + len(unlikely) == len(found) + len(rest)


def test_a_later_look_releases_and_dates_the_object_by_itself() -> None:
    found = judge_held(
        held(("a", 0.9, 1, "early", 0)), [stands(1.2, 1)], objects(("s2-1", 0.9, 2, "early", 900)), months_held=[1]
    )
    row = found.iloc[0]
    assert (row["outcome"], row["first_seen"], row["confidence"]) == (RELEASED_NOW, date(2026, 10, 20), "probable")
    assert row["last_clear"] == date(2026, 8, 29)


def test_without_a_later_look_it_goes_on_waiting_and_without_support_it_is_given_up() -> None:
    rows = held(*((name, 0.9, 1, "early", 500.0 * i) for i, name in enumerate("abcd")))
    standings = [None, stands(0.0, 1), stands(0.0, MOST_LATER), None]
    nothing = objects(("s2-1", 0.9, 2, "early", 9000))
    found = judge_held(rows, standings, nothing, months_held=[1, 1, 3, MOST_MONTHS])
    assert list(found["outcome"]) == [WAITING, WAITING, GIVEN_UP, GIVEN_UP]


def test_an_object_that_was_unlikely_takes_more() -> None:
    nothing = objects(("s2-1", 0.9, 2, "early", 9000))
    for evidence, outcome in ((1.2, WAITING), (3.0, RELEASED_NOW)):
        rows = held(("a", 0.4, 3, "early", 0), reason=UNLIKELY)
        assert judge_held(rows, [stands(evidence, 1)], nothing, months_held=[1])["outcome"].iloc[0] == outcome


def test_the_same_ground_comes_out_once() -> None:
    rows = held(("a", 0.9, 1, "early", 0), ("b", 0.9, 1, "early", 20), ("c", 0.9, 1, "early", 900))
    fresh = objects(("s2-1", 0.9, 2, "early", 880))
    found = judge_held(rows, [stands(1.5, 1), stands(2.5, 1), stands(2.0, 1)], fresh, months_held=[1, 1, 1])
    assert list(found["outcome"]) == [SUPERSEDED, RELEASED_NOW, SUPERSEDED]


CROP = {"blue": 0.05, "red": 0.06, "nir": 0.38, "swir1": 0.21, "swir2": 0.12}
SOIL = {"blue": 0.11, "red": 0.19, "nir": 0.26, "swir1": 0.32, "swir2": 0.29}
STUBBLE = {"blue": 0.08, "red": 0.12, "nir": 0.22, "swir1": 0.24, "swir2": 0.20}
FLOODED = {"blue": 0.07, "red": 0.09, "nir": 0.10, "swir1": 0.08, "swir2": 0.04}
NOVEMBER = date(2026, 11, 8)


def seen(now: Ground, around: Ground = CROP) -> State:
    return State({}, now, 0.0, around)


def test_without_a_monitor_only_what_is_in_doubt_waits_and_what_is_confirmed_never() -> None:
    found = objects(("s2-1", 0.9, 1, "early", 0), ("s2-2", 0.9, 2, "probable", 500), ("s2-3", 0.9, 2, "confirmed", 900))
    passed, waiting, unlikely = split_fresh(
        found,
        objects(("s2-4", 0.4, 1, "early", 1500)),
        period="2026-09",
        doubts=["", VEIL, WET],
        least_probability=None,
    )
    assert list(passed["candidate_id"]) == ["s2-1", "s2-3"]
    assert list(waiting["held_reason"]) == [VEIL] and list(unlikely["candidate_id"]) == ["s2-4"]


def test_a_doubt_is_named_before_the_single_look() -> None:
    found = objects(("s2-1", 0.9, 1, "early", 0), ("s2-2", 0.9, 1, "early", 500))
    nothing = objects(("s2-4", 0.1, 1, "early", 1500))
    _, waiting, _ = split_fresh(found, nothing, period="2026-09", doubts=[VEIL, ""], least_probability=0.25)
    assert list(waiting["held_reason"]) == [VEIL, SINGLE_LOOK]


def test_a_later_look_stands_when_twice_as_near_is_gone_when_twice_as_far_and_else_says_nothing() -> None:
    now = {name: value + 0.005 for name, value in SOIL.items()}
    assert repeat_of(VEIL, CROP, SOIL, seen(now), seen_on=NOVEMBER, months_held=1) == Repeat(True, NOVEMBER)
    assert repeat_of(VEIL, CROP, SOIL, seen(CROP, SOIL), seen_on=NOVEMBER, months_held=1) == Repeat(False, NOVEMBER)
    assert repeat_of(VEIL, CROP, SOIL, seen(STUBBLE), seen_on=NOVEMBER, months_held=1) is None


def test_what_looks_like_the_ground_around_it_goes_on_waiting() -> None:
    """A field that was doubted and is bare by the next look stands in fields that were harvested as well."""
    among = {name: value + 0.02 for name, value in SOIL.items()}
    assert repeat_of(VEIL, CROP, SOIL, seen(SOIL, among), seen_on=NOVEMBER, months_held=1) is None
    assert repeat_of(VEIL, CROP, SOIL, seen(SOIL, {}), seen_on=NOVEMBER, months_held=1) == Repeat(True, NOVEMBER)


def test_standing_water_says_nothing_until_no_paddy_would_be_wet_any_more() -> None:
    for months, expected in ((1, None), (WET_MONTHS - 1, None), (WET_MONTHS, Repeat(True, NOVEMBER))):
        assert repeat_of(WET, CROP, FLOODED, seen(FLOODED), seen_on=NOVEMBER, months_held=months) == expected
    assert repeat_of(WET, CROP, FLOODED, seen(CROP), seen_on=NOVEMBER, months_held=3) == Repeat(False, NOVEMBER)


def test_bands_that_two_looks_do_not_share_cannot_bring_them_near() -> None:
    now = seen({"nir": 0.3})
    assert repeat_of(VEIL, {"red": 0.1}, {"red": 0.3}, now, seen_on=NOVEMBER, months_held=1) is None


def test_what_one_later_look_shows_is_released_no_surer_than_it_was_or_given_up() -> None:
    rows = held(("a", 0.9, 1, "early", 0), ("b", 0.9, 1, "early", 500), reason=VEIL)
    nothing = objects(("s2-1", 0.9, 2, "early", 9000))
    found = judge_held(rows, [Repeat(True, NOVEMBER), Repeat(False, NOVEMBER)], nothing, months_held=[1, 1])
    assert list(found["outcome"]) == [RELEASED_NOW, GIVEN_UP]
    assert (found["first_seen"].iloc[0], found["confidence"].iloc[0]) == (NOVEMBER, "early")
