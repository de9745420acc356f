from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.ledger.track_parts import track_parts
from pipeline.ledger.tracks import CleanTrack
from pipeline.schema import TRACK_PARTS
from pipeline.store import check_table
from tests.ledger.ground import CRS, X0, Y0


def made(*parts: list[tuple[float, float]]) -> CleanTrack:
    """Parts of (seconds after 09:00 in China, metres to the east)."""
    lines = [shapely.LineString([(X0 + x, Y0) for _, x in part]) for part in parts]
    seconds = np.array([s for part in parts for s, _ in part]) * 1000
    times = np.datetime64("2026-09-03T01:00:00", "ms") + seconds.astype("timedelta64[ms]")
    line = lines[0] if len(lines) == 1 else shapely.MultiLineString(lines)
    return CleanTrack("U1", "a.gpx", "", date(2026, 9, 3), line, line.length, 1.0, "k", times=times)


def cut(*tracks: CleanTrack) -> Any:
    table = track_parts(tracks, stop_radius_m=50.0, stop_minutes=3.0, piece_m=300.0, crs=CRS)
    check_table(TRACK_PARTS, table)
    return table


def test_a_ride_a_stop_and_a_walk() -> None:
    ride = [(10.0 * n, 100.0 * n) for n in range(7)]
    stand = [(60.0 + 30 * n, 600.0 + 5 * (n % 2)) for n in range(1, 11)]
    walk = [(360.0 + 60 * n, 600.0 + 60 * n) for n in range(1, 11)]
    table = cut(made(ride + stand + walk))
    assert table["kind"].tolist() == ["move", "move", "stop", "move", "move"]
    assert table["speed_kmh"].tolist()[:3] == [36.0, 36.0, 0.0]
    assert table["minutes"].tolist()[2] == pytest.approx(5.0)
    assert table["started_at"].iloc[2] == pd.Timestamp("2026-09-03T09:01:00")
    assert table.geometry.iloc[2].geom_type == "Point" and table.geometry.iloc[2].x == pytest.approx(X0 + 602, abs=1)
    assert table["speed_kmh"].tolist()[-1] == pytest.approx(3.6)
    assert table["number"].tolist() == [1, 2, 3, 4, 5]


def test_parts_never_cross_a_gap_and_tracks_without_times_have_none() -> None:
    table = cut(made([(0.0, 0.0), (10.0, 100.0)], [(3600.0, 5000.0), (3610.0, 5100.0)]))
    assert table["length_m"].tolist() == [100.0, 100.0]
    bare = made([(0.0, 0.0), (10.0, 100.0)])
    line = bare.line
    assert len(cut(CleanTrack("U1", "a.gpx", "", bare.day, line, 1.0, 1.0, "k"))) == 0
    assert len(cut()) == 0


@settings(deadline=None, max_examples=60)
@given(st.lists(st.tuples(st.floats(1, 400), st.floats(0, 500)), min_size=2, max_size=40))
def test_parts_follow_each_other_and_hold_the_whole_time(steps: list[tuple[float, float]]) -> None:
    seconds, metres = np.cumsum([s for s, _ in steps]), np.cumsum([m for _, m in steps])
    seconds = np.round(seconds, 3)
    table = cut(made(list(zip(seconds.tolist(), metres.tolist(), strict=True))))
    assert table["minutes"].sum() == pytest.approx((seconds[-1] - seconds[0]) / 60, abs=0.01 * len(table))
    assert table["length_m"].sum() <= metres[-1] - metres[0] + 0.1 * len(table)
    assert (table.loc[table["kind"] == "stop", "minutes"] >= 2.99).all()
    ends = table["started_at"] + pd.to_timedelta(table["minutes"], unit="min")
    assert ((table["started_at"].iloc[1:].to_numpy() - ends.iloc[:-1].to_numpy()) / np.timedelta64(1, "s") < 0.7).all()
