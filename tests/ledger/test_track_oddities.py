from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.ledger.oddities import oddities_table, oddity
from pipeline.ledger.track_oddities import effort_oddities, is_too_regular, track_oddities
from pipeline.ledger.tracks import CleanTrack
from pipeline.schema import ODDITIES
from pipeline.store import check_table
from tests.ledger.ground import X0, Y0

DAY = date(2026, 9, 3)


def walk(
    *,
    file: str = "a.gpx",
    start_h: float = 9.0,
    noise: float = 4.0,
    x: float = 0.0,
    steady: bool = True,
    points: int = 60,
) -> CleanTrack:
    """90 m every 15 s to the east, then to the north; ``start_h`` is China's clock."""
    rng = np.random.default_rng(2)
    along = np.arange(points) * 90.0 if steady else np.cumsum(rng.uniform(20, 160, points))
    half = along[points // 2]
    xy = np.column_stack([X0 + x + np.minimum(along, half), Y0 + np.maximum(along - half, 0.0)])
    xy = xy + rng.normal(0, noise, xy.shape) if noise else xy
    line = shapely.LineString(np.round(xy, 2))
    start = np.datetime64(DAY, "ms") + np.timedelta64(round((start_h - 8) * 3_600_000), "ms")
    times = start + np.arange(points) * np.timedelta64(15_000, "ms")
    return CleanTrack("U1", file, "", DAY, line, line.length, points / 4, file, times=times)


def kinds(*tracks: CleanTrack, **people: str) -> list[str]:
    told = {track.visit_id: people.get(track.file.split(".")[0]) for track in tracks}
    return [row["kind"] for row in track_oddities(tracks, told)]


def test_an_ordinary_track_gives_no_reason_to_look() -> None:
    assert kinds(walk()) == []


def test_a_drawn_line_is_too_regular_and_a_recorded_one_is_not() -> None:
    assert kinds(walk(noise=0.0)) == ["too_regular"]
    assert not is_too_regular(walk(noise=0.0, steady=False))
    assert not is_too_regular(walk(noise=1.0))
    assert not is_too_regular(walk(noise=0.0, points=10))
    assert not is_too_regular(replace(walk(noise=0.0), times=np.empty(0, "datetime64[ms]")))


@pytest.mark.parametrize(("hour", "odd"), [(21.0, []), (22.5, ["night"]), (3.0, ["night"]), (5.0, [])])
def test_nights(hour: float, odd: list[str]) -> None:
    assert kinds(walk(start_h=hour)) == odd


def test_impossible_speeds_and_wrong_days() -> None:
    assert kinds(replace(walk(), impossible=0.05)) == ["impossible_speed"]
    assert kinds(replace(walk(), impossible=0.01)) == []
    assert kinds(walk(file="20260903_张三.gpx")) == []
    assert kinds(walk(file="20260801_张三.gpx")) == ["clock"]


def test_one_person_in_two_places() -> None:
    here, there = walk(file="a.gpx"), walk(file="b.gpx", x=4000.0)
    (row,) = track_oddities([there, here], {here.visit_id: "张三", there.visit_id: "张三、李四"})
    assert row["kind"] == "two_places" and "4.0公里" in row["reason"] and "张三" in row["reason"]
    assert kinds(here, there, a="张三", b="李四") == []
    assert kinds(here, there) == []
    assert kinds(here, walk(file="b.gpx", x=50.0), a="张三", b="张三") == []
    assert kinds(here, walk(file="b.gpx", x=4000.0, start_h=14.0), a="张三", b="张三") == []
    assert kinds(here, replace(there, unit_id="U2"), a="张三", b="张三") == []


def test_effort_is_counted_by_unit_and_month() -> None:
    visits = pd.DataFrame(
        {
            "unit_id": ["U1", "U1", "U1", "U2", "U2"],
            "evidence": ["ledger", "ledger", "track+ledger", "track", "track+ledger"],
            "visited_on": pd.to_datetime(["2026-09-01", "2026-09-03", "2026-09-05", "2026-09-01", "2026-10-01"]),
        }
    )
    rows = effort_oddities(visits)
    assert [(row["unit_id"], row["kind"], row["what"]) for row in rows] == [
        ("U1", "ledger_without_track", "2026-09 台账记载出巡3次，其中2次未见轨迹"),
        ("U2", "track_without_ledger", "2026-09 轨迹1条，其中1条没有台账记录"),
    ]
    assert effort_oddities(visits.iloc[:0]) == []


def test_the_table_holds_each_row_once_in_a_fixed_order() -> None:
    rows: list[dict[str, Any]] = [
        oddity("U2", "night", "b", "r"),
        oddity("U1", "night", "b", "r", file="f", sheet="s", row=3),
        oddity("U1", "night", "b", "r", file="f", sheet="s", row=12),
        oddity("U1", "clock", "b", "r"),
    ]
    table = oddities_table([*rows, *rows[::-1]])
    check_table(ODDITIES, table)
    assert table["unit_id"].tolist() == ["U1", "U1", "U1", "U2"] and table["row"].tolist()[1:3] == [3, 12]
    pd.testing.assert_frame_equal(table, oddities_table(rows[::-1]))
    check_table(ODDITIES, oddities_table([]))
