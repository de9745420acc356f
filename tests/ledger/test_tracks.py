from dataclasses import replace
from datetime import date, datetime, timedelta

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ledger.tracks import RawTrack, TrackResult, clean_track
from tests.ledger.ground import BOUNDS, CRS, X0, Y0, degrees

# 09:00 in China
START = datetime(2026, 9, 3, 1, 0)


def raw(points: list[tuple[float, float, float | None]], *, file: str = "a.gpx", unit: str = "U1") -> RawTrack:
    """Points as (x, y, seconds after START or None)."""
    lonlat = [degrees(X0 + x, Y0 + y) for x, y, _ in points]
    times = [np.datetime64("NaT") if s is None else np.datetime64(START + timedelta(seconds=s)) for *_, s in points]
    return RawTrack(
        unit,
        file,
        "",
        np.array([lon for lon, _ in lonlat]),
        np.array([lat for _, lat in lonlat]),
        np.array(times, dtype="datetime64[ms]"),
        np.zeros(len(points), dtype=np.int64),
    )


def clean(track: RawTrack) -> TrackResult:
    return clean_track(
        track,
        crs=CRS,
        bounds=BOUNDS,
        max_speed_kmh=130.0,
        max_gap_minutes=10.0,
        max_gap_m=1000.0,
        max_outside_m=5000.0,
        max_removed_share=0.3,
    )


def straight(count: int, *, start_s: float = 0.0, y: float = 0.0) -> list[tuple[float, float, float | None]]:
    """Every 20 s 100 m eastward."""
    return [(100.0 * n, y, start_s + 20.0 * n) for n in range(count)]


def rules(result: TrackResult) -> list[str]:
    return [repair["rule"] for repair in result.repairs]


def test_a_plain_track() -> None:
    (track,) = clean(raw(straight(11))).tracks
    assert track.day == date(2026, 9, 3)
    assert track.length_m == pytest.approx(1000.0, abs=0.1)
    assert track.minutes == pytest.approx(200 / 60)
    assert track.line.geom_type == "LineString"
    assert track.doubts == ()


def test_the_local_day_counts_and_midnight_splits() -> None:
    # 15:50 to 16:10 UTC is 23:50 to 00:10 in China
    result = clean(raw([(10.0 * n, 0.0, 53_400 + 60.0 * n) for n in range(21)]))
    assert [track.day for track in result.tracks] == [date(2026, 9, 3), date(2026, 9, 4)]


@pytest.mark.parametrize(("hour", "doubts"), [(15, [0, 1]), (20, [1]), (21, [0]), (5, [0])])
def test_points_after_midnight_leave_the_day_in_doubt(hour: int, doubts: list[int]) -> None:
    # hour in UTC; 16:30 in China written down as UTC reads as half past midnight of the next day
    seconds = (hour - 1) * 3600.0 + 1800.0
    result = clean(raw([(10.0 * n, 0.0, seconds + 120.0 * n) for n in range(31)]))
    assert [len(track.doubts) for track in result.tracks] == doubts


def test_a_gap_is_not_bridged() -> None:
    result = clean(raw(straight(6) + [(3000.0 + x, y, s) for x, y, s in straight(6, start_s=3600)]))
    (track,) = result.tracks
    assert track.line.geom_type == "MultiLineString" and len(track.line.geoms) == 2
    assert track.length_m == pytest.approx(1000.0, abs=0.2)
    assert "不连线" in rules(result)[0]
    assert track.doubts == ()


@pytest.mark.parametrize("at", [0, 1, 5, 10])
def test_an_impossible_jump_is_removed_and_logged(at: int) -> None:
    points = straight(11)
    points[at] = (points[at][0] + 900.0, 3000.0, points[at][2])
    result = clean(raw(points))
    assert "速度不可能" in rules(result)
    assert result.tracks[0].line.bounds[3] < Y0 + 1
    assert result.repairs[0]["before"] == "11" and result.repairs[0]["after"] == "10"


def test_points_without_time_out_of_order_and_doubled() -> None:
    points = straight(11)
    mixed = [points[3], points[0], *points[1:3], *points[4:], (5.0, 5.0, None), (7.0, 7.0, 0.0)]
    result = clean(raw(mixed))
    assert result.tracks[0].line.equals(clean(raw(points)).tracks[0].line)
    assert rules(result) == ["点缺少时间或坐标", "按时间重新排列", "同一时刻重复的点"]


@pytest.mark.parametrize(
    "points",
    [[], [(0.0, 0.0, None), (1.0, 1.0, None)], [(0.0, 0.0, 0.0)], [(90_000.0, 0.0, 0.0), (90_010.0, 0.0, 9.0)]],
)
def test_unusable_tracks_are_rejected_with_a_reason(points: list[tuple[float, float, float | None]]) -> None:
    result = clean(raw(points))
    assert result.tracks == ()
    assert [(row["code"], bool(row["reason"])) for row in result.rejected] == [("E504", True)]


def test_a_track_that_loses_many_points_is_doubtful() -> None:
    points = straight(12)
    for n in range(1, 12, 2):
        points[n] = (points[n][0], 4000.0, points[n][2])
    (track,) = clean(raw(points)).tracks
    assert "12" in track.doubts[0]


@settings(deadline=None, max_examples=60)
@given(
    st.lists(
        st.tuples(st.floats(-9e4, 9e4), st.floats(-9e4, 9e4), st.one_of(st.none(), st.floats(0, 2e5))), max_size=30
    )
)
def test_any_track_is_used_or_rejected(points: list[tuple[float, float, float | None]]) -> None:
    result = clean(raw(points))
    assert bool(result.tracks) != bool(result.rejected)
    for track in result.tracks:
        assert track.line.is_valid and np.isfinite(track.length_m)


def test_two_devices_in_one_file_become_two_outings() -> None:
    one, other = raw(straight(11)), raw(straight(11, start_s=90.0, y=800.0))
    both = replace(
        one,
        lon=np.concatenate([one.lon, other.lon]),
        lat=np.concatenate([one.lat, other.lat]),
        time=np.concatenate([one.time, other.time]),
        segment=np.repeat([0, 1], 11),
    )
    result = clean(both)
    assert [track.part for track in result.tracks] == ["第1台", "第2台"]
    assert [track.length_m for track in result.tracks] == pytest.approx([1000.0, 1000.0], abs=0.2)
    assert len({track.visit_id for track in result.tracks}) == 2
    assert len({(row["file"], row["sheet"], row["row"], row["field"], row["rule"]) for row in result.repairs}) == 2
    # one device that closes its segment and goes on stays one outing
    later = raw(straight(11, start_s=220.0))
    going_on = replace(both, time=np.concatenate([one.time, later.time]))
    assert [track.part for track in clean(going_on).tracks] == [""]


def unzoned(hour: float, minutes: int = 60) -> TrackResult:
    """A track whose times, as written, begin at ``hour`` of the third of September."""
    made = raw([(100.0 * n, 0.0, (hour - 1.0) * 3600 + 60.0 * n) for n in range(minutes + 1)])
    return clean(replace(made, zoned=False))


@pytest.mark.parametrize(
    ("hour", "day", "reading", "doubted"),
    [(9.0, 3, "北京时间", False), (1.0, 3, "UTC", False), (17.0, 3, "北京时间", False), (22.5, 4, "UTC", False),
     (20.5, 4, "北京时间", True)],
)  # fmt: skip
def test_times_without_a_zone_are_read_by_daylight(hour: float, day: int, reading: str, doubted: bool) -> None:
    result = unzoned(hour)
    assert any(reading in rule for rule in rules(result))
    assert (result.tracks[0].day == date(2026, 9, day)) or doubted
    assert bool(result.tracks[0].doubts) == doubted


@pytest.mark.parametrize(
    ("file", "doubted"),
    [
        ("20260903_张三.gpx", False),
        ("2026-09-04 0830.gpx", True),
        ("2026年09月02日.gpx", True),
        ("20260801.gpx", False),
        ("20260902-20260904.gpx", False),
        ("12345620260902.gpx", False),
        ("20260902083000.gpx", True),
        ("20260231.gpx", False),
        ("a.gpx", False),
    ],
)
def test_a_file_named_after_the_day_before_or_behind_is_in_doubt(file: str, doubted: bool) -> None:
    (track,) = clean(raw(straight(11), file=f"tracks/王庄镇/{file}")).tracks
    assert bool(track.doubts) == doubted


def test_what_the_reader_noted_and_doubted_is_kept() -> None:
    made = replace(raw(straight(11)), notes=("换算",), doubts=("推算",), device="app", part="豫A1", standard=False)
    result = clean(made)
    assert result.repairs[0]["rule"] == "换算" and result.repairs[0]["sheet"] == "豫A1"
    (track,) = result.tracks
    assert track.doubts == ("推算",) and (track.device, track.part, track.standard) == ("app", "豫A1", False)
    assert len(track.times) == len(shapely.get_coordinates(track.line)) and track.times[0] == np.datetime64(START)


def test_the_share_of_impossible_points_is_told() -> None:
    points = straight(20)
    points[7] = (points[7][0], 4000.0, points[7][2])
    assert clean(raw(points)).tracks[0].impossible == pytest.approx(0.05)


def test_standing_still_is_a_visit() -> None:
    (track,) = clean(raw([(0.0, 0.0, 0.0), (0.0, 0.0, 60.0), (0.0, 0.0, 120.0)])).tracks
    assert track.line.is_valid and track.length_m <= 0.011 and track.minutes == 2.0
    assert len(track.line.coords) == len(track.times) == 3
