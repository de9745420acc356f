from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ledger.likeness import compare_tracks, discrete_frechet
from pipeline.ledger.oddities import COPIED, SAME_OUTING
from pipeline.ledger.tracks import CleanTrack
from tests.ledger.ground import X0, Y0

DAY = date(2026, 9, 3)
# 12 km over bends, as roads are
ROAD = shapely.LineString(
    [
        (X0, Y0),
        (X0 + 3000, Y0 + 200),
        (X0 + 3300, Y0 + 2500),
        (X0 + 900, Y0 + 2900),
        (X0 + 700, Y0 + 5000),
        (X0, Y0 + 5200),
    ]
)


def ride(
    seed: int, *, file: str, day: int = 0, unit: str = "U1", every_s: int = 15, start_h: float = 1.0, part: str = ""
) -> CleanTrack:
    """A phone on the road: 5 m of wandering error, its own stops and speeds."""
    rng = np.random.default_rng(seed)
    steps = np.maximum(rng.normal(6.0, 2.0, 2000), 0.0) * every_s
    steps[rng.integers(0, 150, 3)] = 0.0
    along = np.concatenate([[0.0], np.cumsum(steps)])
    along = along[along < ROAD.length]
    xy = shapely.get_coordinates(shapely.line_interpolate_point(ROAD, along)) + rng.normal(0, 5.0, (len(along), 2))
    return made(xy, np.arange(len(xy)) * every_s, file=file, day=day, unit=unit, start_h=start_h, part=part)


def made(
    xy: Any, seconds: Any, *, file: str, day: int = 0, unit: str = "U1", start_h: float = 1.0, part: str = ""
) -> CleanTrack:
    line = shapely.LineString(np.round(xy, 2))
    start = np.datetime64(DAY + timedelta(days=day), "ms") + np.timedelta64(round(start_h * 3_600_000), "ms")
    times = start + (np.asarray(seconds) * 1000).astype("timedelta64[ms]")
    return CleanTrack(
        unit, file, "", DAY + timedelta(days=day), line, line.length, float(seconds[-1]) / 60,
        str(np.round(xy, 1).tolist()), times=times, part=part,
    )  # fmt: skip


def again(track: CleanTrack, change: Any, *, file: str = "b.gpx", pick: slice = slice(None), **more: Any) -> CleanTrack:
    """A second file made from a track: ``change`` of its points, ``pick`` of them."""
    seconds = (track.times - track.times[0]) / np.timedelta64(1, "s")
    return made(change(shapely.get_coordinates(track.line)[pick]), seconds[pick], file=file, **more)


def doubted(*tracks: CleanTrack) -> list[bool]:
    return [bool(track.doubts) for track in compare_tracks(tracks).tracks]


def test_the_same_file_twice_is_set_aside_and_told() -> None:
    first = ride(1, file="a.gpx")
    result = compare_tracks([again(first, lambda xy: xy), first])
    assert [track.file for track in result.tracks] == ["a.gpx"] and not result.tracks[0].doubts
    assert [(row["file"], row["code"]) for row in result.rejected] == [("b.gpx", "E506")]
    assert [(row["file"], row["after"]) for row in result.repairs] == [("b.gpx", None)]


def test_a_second_export_keeps_the_one_with_more_points() -> None:
    full = ride(1, file="b.kml")
    thin = again(full, lambda xy: xy + 0.1, file="a.gpx", pick=slice(None, None, 2))
    result = compare_tracks([thin, full])
    assert [track.file for track in result.tracks] == ["b.kml"]
    assert [row["file"] for row in result.rejected] == ["a.gpx"]


@pytest.mark.parametrize(
    "change",
    [
        lambda xy: xy,
        lambda xy: xy + [23.0, -12.0],
        lambda xy: xy[::-1],
        lambda xy: xy + np.random.default_rng(5).normal(0, 0.3, xy.shape),
    ],
)
@pytest.mark.parametrize("more", [{"day": 7}, {"unit": "U2"}])
def test_copies_on_other_days_and_units_are_a_reason_to_look(change: Any, more: dict[str, Any]) -> None:
    first = ride(1, file="a.gpx")
    result = compare_tracks([first, again(first, change, **more), ride(2, file="c.gpx", day=3)])
    assert {track.file: bool(track.doubts) for track in result.tracks} == {"a.gpx": True, "b.gpx": True, "c.gpx": False}
    assert not result.rejected
    assert [(row["file"], row["kind"]) for row in result.oddities] == [("a.gpx", COPIED), ("b.gpx", COPIED)]


def test_a_thinned_copy_and_one_with_noise_but_the_same_pace() -> None:
    first = ride(1, file="a.gpx")
    assert doubted(first, again(first, lambda xy: xy, pick=slice(None, None, 3), day=4)) == [True, True]
    noise = np.random.default_rng(6)
    jittered = again(first, lambda xy: xy + noise.normal(0, 1.5, xy.shape), day=4, start_h=2.0)
    assert doubted(first, jittered) == [True, True]


def test_two_rides_on_one_road_are_no_copies() -> None:
    assert not any(doubted(*(ride(seed, file=f"{seed}.gpx", day=seed) for seed in range(12))))


def test_two_phones_on_one_outing_are_told_and_not_doubted() -> None:
    first = ride(1, file="a.gpx")
    noise = np.random.default_rng(7)
    other = again(first, lambda xy: xy + noise.normal(0, 6.0, xy.shape))
    result = compare_tracks([first, other])
    assert [bool(track.doubts) for track in result.tracks] == [False, False]
    assert [row["kind"] for row in result.oddities] == [SAME_OUTING]


def test_order_does_not_matter_and_nothing_gives_nothing() -> None:
    first = ride(1, file="a.gpx")
    tracks = [
        first,
        again(first, lambda xy: xy, day=2),
        again(first, lambda xy: xy, file="c.gpx"),
        ride(3, file="d.gpx"),
    ]
    one, other = compare_tracks(tracks), compare_tracks(tracks[::-1])
    assert [(t.file, t.doubts) for t in one.tracks] == [(t.file, t.doubts) for t in other.tracks]
    assert one.rejected == other.rejected and one.oddities == other.oddities
    assert compare_tracks([]).tracks == ()


def slow_frechet(a: Any, b: Any, i: int, j: int) -> float:
    """The definition, by recursion over couplings."""
    here = float(np.hypot(*(a[i] - b[j])))
    if i == 0 and j == 0:
        return here
    ways = [(i - 1, j)] * (i > 0) + [(i, j - 1)] * (j > 0) + [(i - 1, j - 1)] * (i > 0 and j > 0)
    return max(here, min(slow_frechet(a, b, *way) for way in ways))


@settings(deadline=None, max_examples=40)
@given(st.integers(1, 5), st.integers(1, 5), st.integers(0, 999))
def test_frechet_is_that_of_the_definition(n: int, m: int, seed: int) -> None:
    rng = np.random.default_rng(seed)
    a, b = rng.uniform(0, 9, (n, 2)), rng.uniform(0, 9, (m, 2))
    assert discrete_frechet(a, b) == pytest.approx(slow_frechet(a, b, n - 1, m - 1))
