"""Reasons to look at tracks: too fast, too regular, at night, a wrong clock, one person in two places; and effort."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import combinations
from typing import Any

import numpy as np
import pandas as pd
import shapely

from pipeline.ledger.likeness import positions_together
from pipeline.ledger.oddities import (
    CLOCK,
    IMPOSSIBLE_SPEED,
    LEDGER_WITHOUT_TRACK,
    NIGHT,
    TOO_REGULAR,
    TRACK_WITHOUT_LEDGER,
    TWO_PLACES,
    oddity,
)
from pipeline.ledger.tracks import CleanTrack, name_day

_CHINA_HOURS = 8
_NIGHT_FROM, _NIGHT_TO, _NIGHT_SHARE = 22, 5, 0.2
# A phone in the wild loses a fix now and then; this much is more than that.
_IMPOSSIBLE_SHARE = 0.02
# A drawn line: equal steps in equal times, and bends only at its corners. Real fixes scatter by metres.
_FEWEST_POINTS, _LONG_STEP_M, _STEADY, _STRAIGHT_M, _STRAIGHT_SHARE = 20, 5.0, 0.01, 0.2, 0.8
_APART_M, _SHARED_MINUTES = 1000.0, 5.0
_NEXT_DAYS = 1


def track_oddities(tracks: Sequence[CleanTrack], people: Mapping[str, str | None]) -> list[dict[str, Any]]:
    """Rows of ODDITIES about single tracks and about one person's tracks.

    ``people``: who a track names, by visit id; a person in two places is looked for within a unit only, because two
    units may have people of one name.
    """
    found = [row for track in sorted(tracks, key=lambda track: track.order) for row in _of_one(track)]
    by_person: dict[tuple[Any, ...], list[CleanTrack]] = {}
    for track in sorted(tracks, key=lambda track: track.order):
        told = people.get(track.visit_id)
        for name in told.split("、") if told else ():
            by_person.setdefault((track.unit_id, track.day, name), []).append(track)
    for (_, _, name), mine in by_person.items():
        for one, other in combinations([track for track in mine if len(track.times)], 2):
            found += _two_places(name, one, other)
    return found


def _of_one(track: CleanTrack) -> list[dict[str, Any]]:
    found = []
    if track.impossible >= _IMPOSSIBLE_SHARE:
        reason = f"{track.impossible:.0%}的点速度不可能，已去除；可能是信号漂移，也可能是拼接的轨迹"
        found.append(_told(track, IMPOSSIBLE_SPEED, reason))
    if is_too_regular(track):
        found.append(_told(track, TOO_REGULAR, "各点等距等时、折线笔直，没有一般定位的误差；可能是软件抽稀或绘制的线"))
    if len(track.times):
        local = track.times + np.timedelta64(_CHINA_HOURS, "h")
        hours = (local - local.astype("datetime64[D]")) / np.timedelta64(1, "h")
        night = float(np.mean((hours >= _NIGHT_FROM) | (hours < _NIGHT_TO)))
        if night >= _NIGHT_SHARE:
            reason = f"{night:.0%}的点在22时至5时；可能是夜间值守，也可能是设备时区有误"
            found.append(_told(track, NIGHT, reason))
    named = name_day(track.file)
    if named is not None and abs((named - track.day).days) >= _NEXT_DAYS:
        found.append(_told(track, CLOCK, f"文件名写的是{named}，轨迹时间是{track.day}"))
    return found


def _told(track: CleanTrack, kind: str, reason: str) -> dict[str, Any]:
    what = f"{track.day} {track.length_m:.0f}米 {track.minutes:.0f}分钟"
    return oddity(track.unit_id, kind, what, reason, file=track.file, sheet=track.part)


def is_too_regular(track: CleanTrack) -> bool:
    """Whether steps are equal within a hundredth in equal times and bends are rare: a drawn or simulated line.

    Only steps longer than 5 m count; a standing phone scatters.
    """
    xy = shapely.get_coordinates(track.line)
    if len(xy) < _FEWEST_POINTS or len(track.times) != len(xy):
        return False
    step = np.hypot(*np.diff(xy, axis=0).T)
    seconds = np.diff(track.times) / np.timedelta64(1, "s")
    moving = step > _LONG_STEP_M
    if moving.sum() < _FEWEST_POINTS - 1:
        return False
    chord = xy[2:] - xy[:-2]
    length = np.hypot(*chord.T)
    middle = xy[1:-1] - xy[:-2]
    off = np.abs(chord[:, 0] * middle[:, 1] - chord[:, 1] * middle[:, 0]) / np.maximum(length, 1e-9)
    straight = off[moving[1:] & moving[:-1]] <= _STRAIGHT_M
    if not straight.size or straight.mean() < _STRAIGHT_SHARE:
        return False
    speed = step[moving] / seconds[moving]
    middle_speed = float(np.median(speed))
    return float(np.mean(np.abs(speed - middle_speed) <= _STEADY * middle_speed)) >= _STRAIGHT_SHARE


def _two_places(name: str, one: CleanTrack, other: CleanTrack) -> list[dict[str, Any]]:
    distance, minutes = positions_together(one, other)
    if minutes < _SHARED_MINUTES or not len(distance):
        return []
    apart = float(np.median(distance))
    if apart < _APART_M:
        return []
    reason = (
        f"{name}另有轨迹{other.name}，同一时段{minutes:.0f}分钟两处相距约{apart / 1000:.1f}公里；可能是设备借用或同名"
    )
    return [_told(one, TWO_PLACES, reason)]


def effort_oddities(visits: pd.DataFrame) -> list[dict[str, Any]]:
    """Per unit and month: outings of the ledger without a track, and tracks without a ledger row, as counts.

    ``visits``: VISITS. A month without either gives no row.
    """
    found: list[dict[str, Any]] = []
    frame = pd.DataFrame(
        {"unit_id": visits["unit_id"], "evidence": visits["evidence"],
         "month": visits["visited_on"].dt.strftime("%Y-%m")}
    )  # fmt: skip
    for (unit_id, month), group in frame.groupby(["unit_id", "month"]):
        counts = group["evidence"].value_counts().to_dict()
        only_ledger, only_track = counts.get("ledger", 0), counts.get("track", 0)
        both = counts.get("track+ledger", 0)
        if only_ledger:
            what = f"{month} 台账记载出巡{only_ledger + both}次，其中{only_ledger}次未见轨迹"
            found.append(oddity(str(unit_id), LEDGER_WITHOUT_TRACK, what, "没有轨迹不等于没有巡查，请核对轨迹是否漏报"))
        if only_track:
            what = f"{month} 轨迹{only_track + both}条，其中{only_track}条没有台账记录"
            found.append(oddity(str(unit_id), TRACK_WITHOUT_LEDGER, what, "请核对台账是否漏记，或轨迹日期有误"))
    return found
