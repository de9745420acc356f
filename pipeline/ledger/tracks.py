"""Raw patrol tracks to clean visits: spikes and unusable points removed, gaps never bridged, every change logged."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.ledger.rows import COPY, WHOLE_ROW

UNREADABLE = "E504"
POINTS = "points"
_MIN_POINTS = 2
_MAX_SPIKES_IN_A_ROW = 5
# local clock times written down as UTC move an afternoon's outing past midnight, to the next day
_NIGHT_ENDS = np.timedelta64(5, "h")
_NIGHT = "有凌晨0时至5时的点，设备时区可能有误，日期存疑"


@dataclass(frozen=True)
class RawTrack:
    """A track file as read: degrees (WGS84), UTC times (NaT where missing), segment number by point.

    ``words``: names and remarks inside the file, which may name people.
    """

    unit_id: str
    file: str
    words: str
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    time: NDArray[np.datetime64]
    segment: NDArray[np.int64]


@dataclass(frozen=True)
class CleanTrack:
    """One day's outing: ``line`` in the city's CRS (several parts where the recording has gaps), local dates."""

    unit_id: str
    file: str
    words: str
    day: date
    line: Any
    length_m: float
    minutes: float
    shape_key: str
    doubts: tuple[str, ...] = ()


@dataclass(frozen=True)
class TrackResult:
    """Clean tracks, and rows of the tables ``repairs`` and ``rejected`` as plain dictionaries."""

    tracks: tuple[CleanTrack, ...]
    repairs: tuple[dict[str, Any], ...]
    rejected: tuple[dict[str, Any], ...]


def clean_track(
    raw: RawTrack,
    *,
    crs: str,
    bounds: tuple[float, float, float, float],
    max_speed_kmh: float,
    max_gap_minutes: float,
    max_gap_m: float,
    max_outside_m: float,
    max_removed_share: float,
) -> TrackResult:
    """Clean one file and split it by local day (UTC+8).

    Points without a time, out of order, farther than ``max_outside_m`` outside ``bounds`` (city CRS, metres) or only
    reachable faster than ``max_speed_kmh`` are removed; the line breaks where more than ``max_gap_minutes`` or
    ``max_gap_m`` lie between two points, because nobody knows the way between. A file whose points carry no times, or
    of which nothing is left, is rejected with E504. More than ``max_removed_share`` removed leaves a doubt,
    and so do points between midnight and five: their day may be the one before.
    """
    log = _Log(raw)
    timed = ~np.isnat(raw.time)
    if not len(raw.time) or not timed.any():
        why = "轨迹没有点" if not len(raw.time) else "轨迹点没有时间，不能证明何时巡查"
        return TrackResult((), (), (log.reject(f"{why}；请重新导出带时间的GPX"),))
    keep = np.flatnonzero(timed & np.isfinite(raw.lon) & np.isfinite(raw.lat))
    log.removed("点缺少时间或坐标", len(raw.time), len(keep))
    order = keep[np.argsort(raw.time[keep], kind="stable")]
    if (order != keep).any():
        log.repair("file order", "time order", "按时间重新排列")
    geodetic = pyproj.CRS.from_user_input(crs).geodetic_crs
    x, y = pyproj.Transformer.from_crs(geodetic, crs, always_xy=True).transform(raw.lon[order], raw.lat[order])
    xy = np.column_stack([x, y])
    near = _inside(xy, bounds, max_outside_m)
    log.removed("点不在本市范围", len(order), int(near.sum()))
    xy, time, segment = xy[near], raw.time[order][near], raw.segment[order][near]
    first = np.ones(len(time), dtype=bool)
    first[1:] = time[1:] > time[:-1]
    log.removed("同一时刻重复的点", len(time), int(first.sum()))
    xy, time, segment = xy[first], time[first], segment[first]
    possible = _possible(xy, time, max_speed_kmh)
    log.removed("速度不可能", len(time), int(possible.sum()))
    xy, time, segment = xy[possible], time[possible], segment[possible]
    days = (time + np.timedelta64(8, "h")).astype("datetime64[D]")
    doubts = []
    if len(xy) < (1.0 - max_removed_share) * timed.sum():
        doubts.append(f"{int(timed.sum())}个有时间的点中仅{len(xy)}个可用")
    tracks = []
    for day in np.unique(days):
        here = days == day
        found = _outing(raw, xy[here], time[here], segment[here], day, doubts, max_gap_minutes, max_gap_m, log)
        tracks += [found] if found is not None else []
    if not tracks:
        return TrackResult((), tuple(log.repairs), (log.reject("清理后没有可用的轨迹线"),))
    return TrackResult(tuple(tracks), tuple(log.repairs), ())


class _Log:
    """Repairs and rejections of one track file."""

    def __init__(self, raw: RawTrack) -> None:
        self.raw = raw
        self.repairs: list[dict[str, Any]] = []

    def repair(self, before: str, after: str, rule: str) -> None:
        self.repairs.append({"unit_id": self.raw.unit_id, "file": self.raw.file, "sheet": "", "row": 0,
                             "field": POINTS, "before": before, "after": after, "rule": rule})  # fmt: skip

    def removed(self, rule: str, before: int, after: int) -> None:
        if after < before:
            self.repair(f"{before}", f"{after}", rule)

    def reject(self, reason: str) -> dict[str, Any]:
        return {"unit_id": self.raw.unit_id, "file": self.raw.file, "sheet": None, "row": None, "field": None,
                "content": f"{len(self.raw.time)} points", "code": UNREADABLE, "reason": reason}  # fmt: skip


def _inside(xy: NDArray[np.float64], bounds: tuple[float, float, float, float], reach: float) -> NDArray[np.bool_]:
    low, high = np.array(bounds[:2]) - reach, np.array(bounds[2:]) + reach
    return np.asarray(np.isfinite(xy).all(axis=1) & (xy >= low).all(axis=1) & (xy <= high).all(axis=1))


def _possible(xy: NDArray[np.float64], time: NDArray[np.datetime64], max_speed_kmh: float) -> NDArray[np.bool_]:
    """Points that can be reached from the last kept one in time; after a run of impossible ones the track starts anew.

    The first point is judged by the next two, so that a spike at the start does not cost the whole track.
    """
    kept = np.ones(len(xy), dtype=bool)
    if len(xy) < _MIN_POINTS:
        return kept
    seconds = (time - time[0]) / np.timedelta64(1, "s")
    fastest = max_speed_kmh / 3.6

    def reachable(a: int, b: int) -> bool:
        return bool(np.hypot(*(xy[b] - xy[a])) <= fastest * (seconds[b] - seconds[a]))

    last, start = 0, 1
    if len(xy) > 2 and not reachable(0, 1) and not reachable(0, 2) and reachable(1, 2):
        kept[0], last, start = False, 1, 2
    spikes = 0
    for index in range(start, len(xy)):
        if reachable(last, index) or spikes >= _MAX_SPIKES_IN_A_ROW:
            last, spikes = index, 0
        else:
            kept[index] = False
            spikes += 1
    return kept


def _outing(
    raw: RawTrack,
    xy: NDArray[np.float64],
    time: NDArray[np.datetime64],
    segment: NDArray[np.int64],
    day: np.datetime64,
    doubts: Sequence[str],
    max_gap_minutes: float,
    max_gap_m: float,
    log: _Log,
) -> CleanTrack | None:
    """A day's points as a line that breaks at gaps; None where fewer than two points lie together."""
    step_minutes = np.diff(time) / np.timedelta64(1, "m")
    step_m = np.hypot(*np.diff(xy, axis=0).T) if len(xy) > 1 else np.empty(0)
    # a new segment alone is no gap: recorders close segments when the phone sleeps
    breaks = (step_minutes > max_gap_minutes) | (step_m > max_gap_m)
    breaks |= (np.diff(segment) != 0) & (step_minutes > max_gap_minutes / 2)
    parts = np.split(np.arange(len(xy)), np.flatnonzero(breaks) + 1)
    lines = [part for part in parts if len(part) >= _MIN_POINTS]
    log.removed(f"{day} 孤立的点", len(xy), sum(map(len, lines)))
    if not lines:
        return None
    if len(lines) > 1:
        lost = float(step_minutes[breaks].sum())
        log.repair("1", f"{len(lines)}", f"{day} 轨迹有间断，共{lost:.0f}分钟，不连线")
    shapes = [shapely.LineString(np.round(xy[part], 2)) for part in lines]
    line = shapes[0] if len(shapes) == 1 else shapely.MultiLineString(shapes)
    minutes = sum(float((time[part[-1]] - time[part[0]]) / np.timedelta64(1, "m")) for part in lines)
    key = sha256(np.round(np.concatenate([xy[part] for part in lines]), 1).tobytes()).hexdigest()
    found = date.fromisoformat(str(day))
    length = float(line.length)
    used = time[np.concatenate(lines)] + np.timedelta64(8, "h")
    if (used.astype("datetime64[h]") < day.astype("datetime64[h]") + _NIGHT_ENDS).any():
        doubts = [*doubts, _NIGHT]
    return CleanTrack(raw.unit_id, raw.file, raw.words, found, line, length, minutes, key, tuple(doubts))


def compare_tracks(tracks: Sequence[CleanTrack]) -> TrackResult:
    """Set copies aside and mark suspicious likeness.

    The same line on the same day of the same unit is a copied file: the first by name is kept, others are rejected
    with E506. The same line on another day or in another unit is kept with a doubt: a reason to look, no accusation.
    """
    ordered = sorted(tracks, key=lambda track: (track.unit_id, track.file, track.day))
    kept: list[CleanTrack] = []
    repairs: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    first: dict[tuple[str, str, date], CleanTrack] = {}
    for track in ordered:
        key = (track.unit_id, track.shape_key, track.day)
        if key not in first:
            first[key] = track
            kept.append(track)
            continue
        place = {"unit_id": track.unit_id, "file": track.file}
        content = f"{track.day} {track.length_m:.0f} m"
        repairs.append({**place, "sheet": "", "row": 0, "field": WHOLE_ROW, "before": content, "after": None,
                        "rule": f"{track.day} 重复的轨迹"})  # fmt: skip
        rejected.append({**place, "sheet": None, "row": None, "field": None, "content": content, "code": COPY,
                         "reason": f"与 {first[key].file} 重复"})  # fmt: skip
    alike: dict[str, list[CleanTrack]] = {}
    for track in kept:
        alike.setdefault(track.shape_key, []).append(track)
    marked = []
    for track in kept:
        others = [other for other in alike[track.shape_key] if other is not track]
        doubts = track.doubts + tuple(f"与 {other.file}({other.day}) 的轨迹逐点相同，请核对" for other in others)
        marked.append(replace(track, doubts=doubts))
    return TrackResult(tuple(marked), tuple(repairs), tuple(rejected))
