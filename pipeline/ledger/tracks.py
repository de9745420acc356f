"""Raw patrol tracks to clean visits: spikes and unusable points removed, gaps never bridged, every change logged."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from hashlib import sha256
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

UNREADABLE = "E504"
POINTS = "points"
_MIN_POINTS = 2
_MAX_SPIKES_IN_A_ROW = 5
_CHINA = np.timedelta64(8, "h")
# segments that overlap longer than this were recorded by two devices
_OVERLAP = np.timedelta64(60, "s")
_DAY_STARTS, _DAY_ENDS = 6, 20
_MOSTLY = 0.9
_NAME_DATE = re.compile(
    r"(?<!\d)(20\d\d)[-_.年]?(0[1-9]|1[0-2])[-_.月]?(0[1-9]|[12]\d|3[01])(?=\D|$|\d{4}(?:\d\d)?(?:\D|$))"
)
# local clock times written down as UTC move an afternoon's outing past midnight, to the next day
_NIGHT_ENDS = np.timedelta64(5, "h")
_NIGHT = "有凌晨0时至5时的点，设备时区可能有误，日期存疑"


@dataclass(frozen=True)
class RawTrack:
    """A recording as read: degrees as delivered, times (NaT where missing), segment number by point.

    ``words``: names and remarks inside the file, which may name people. ``zoned``: times are UTC; False: written
    without a zone, so either UTC or China's. ``device``: the app or device that wrote it (devices share a datum);
    ``part``: which recording of the file, empty where it holds one. ``standard``: the format defines WGS84;
    ``stated_datum``: the datum a heading names. ``notes``: what the reader repaired; ``doubts``: what it could not know.
    """

    unit_id: str
    file: str
    words: str
    lon: NDArray[np.float64]
    lat: NDArray[np.float64]
    time: NDArray[np.datetime64]
    segment: NDArray[np.int64]
    device: str = ""
    part: str = ""
    zoned: bool = True
    standard: bool = True
    stated_datum: str | None = None
    notes: tuple[str, ...] = ()
    doubts: tuple[str, ...] = ()


def _no_times() -> NDArray[np.datetime64]:
    return np.empty(0, dtype="datetime64[ms]")


@dataclass(frozen=True)
class CleanTrack:
    """One day's outing: ``line`` in the city's CRS (several parts where the recording has gaps), local dates.

    ``times``: UTC by vertex over all parts, empty where unknown; ``impossible``: share of the points removed because
    nobody is that fast. ``device``, ``part``, ``standard`` and ``stated_datum`` as in :class:`RawTrack`.
    """

    unit_id: str
    file: str
    words: str
    day: date
    line: Any
    length_m: float
    minutes: float
    shape_key: str
    doubts: tuple[str, ...] = ()
    times: NDArray[np.datetime64] = field(default_factory=_no_times, compare=False, repr=False)
    device: str = ""
    part: str = ""
    standard: bool = True
    stated_datum: str | None = None
    impossible: float = 0.0

    @property
    def order(self) -> tuple[str, str, str, date]:
        """Sort key that names every outing once."""
        return self.unit_id, self.file, self.part, self.day

    @property
    def name(self) -> str:
        """File and part, as people read it."""
        return f"{self.file}（{self.part}）" if self.part else self.file

    @property
    def visit_id(self) -> str:
        """Unit, day and digest of the file's name: the key of the tables VISITS and TRACK_PARTS."""
        told = f"{self.file}|{self.part}" if self.part else self.file
        return f"{self.unit_id}-T-{self.day:%Y%m%d}-{sha256(told.encode()).hexdigest()[:8]}"


@dataclass(frozen=True)
class TrackResult:
    """Clean tracks, and rows of the tables ``repairs``, ``rejected`` and ``oddities`` as plain dictionaries."""

    tracks: tuple[CleanTrack, ...]
    repairs: tuple[dict[str, Any], ...]
    rejected: tuple[dict[str, Any], ...]
    oddities: tuple[dict[str, Any], ...] = ()


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
    """Clean one recording and split it by local day (UTC+8).

    Segments that overlap in time are recordings of several devices and become outings of their own. Points without a
    time, out of order, farther than ``max_outside_m`` outside ``bounds`` (city CRS, metres) or only reachable faster
    than ``max_speed_kmh`` are removed; the line breaks where more than ``max_gap_minutes`` or ``max_gap_m`` lie between
    two points, because nobody knows the way between. A recording whose points carry no times, or of which nothing is
    left, is rejected with E504. More than ``max_removed_share`` removed leaves a doubt, and so do points between
    midnight and five (their day may be the one before), times without a zone that fit two days, and a file named after
    the day before or behind. Coordinates are taken for WGS84, see ``track_datum``.
    """
    results = [
        _clean(one, crs, bounds, max_speed_kmh, max_gap_minutes, max_gap_m, max_outside_m, max_removed_share)
        for one in _recordings(raw)
    ]
    tracks = tuple(track for result in results for track in result.tracks)
    repairs = tuple(row for result in results for row in result.repairs)
    return TrackResult(tracks, repairs, tuple(row for result in results for row in result.rejected))


def _recordings(raw: RawTrack) -> list[RawTrack]:
    """The devices in one file: each segment goes to the first whose last point lies before it."""
    timed = ~np.isnat(raw.time)
    spans = []
    for number in np.unique(raw.segment):
        here = raw.time[(raw.segment == number) & timed]
        if not len(here):
            return [raw]
        spans.append((here.min(), here.max(), int(number)))
    ends: list[Any] = []
    device_of: dict[int, int] = {}
    for start, end, number in sorted(spans):
        free = [at for at, last in enumerate(ends) if start > last - _OVERLAP]
        device_of[number] = free[0] if free else len(ends)
        ends[device_of[number] : device_of[number] + 1] = [max(end, ends[free[0]]) if free else end]
    if len(ends) < 2:
        return [raw]
    device = np.array([device_of[int(number)] for number in raw.segment])
    found = []
    for at in range(len(ends)):
        mine = device == at
        part = f"{raw.part}第{at + 1}台"
        one = replace(raw, part=part, notes=(*raw.notes, f"文件内{len(ends)}台设备同时记录，分开处理"))
        found.append(replace(one, lon=raw.lon[mine], lat=raw.lat[mine], time=raw.time[mine], segment=raw.segment[mine]))
    return found


def _clean(
    raw: RawTrack,
    crs: str,
    bounds: tuple[float, float, float, float],
    max_speed_kmh: float,
    max_gap_minutes: float,
    max_gap_m: float,
    max_outside_m: float,
    max_removed_share: float,
) -> TrackResult:
    log = _Log(raw)
    for note in raw.notes:
        log.repair(None, None, note)
    timed = ~np.isnat(raw.time)
    if not len(raw.time) or not timed.any():
        why = "轨迹没有点" if not len(raw.time) else "轨迹点没有时间，不能证明何时巡查"
        return TrackResult((), tuple(log.repairs), (log.reject(f"{why}；请重新导出带时间的轨迹"),))
    doubts = list(raw.doubts)
    times, zone_doubts = _in_utc(raw, log)
    doubts += zone_doubts
    keep = np.flatnonzero(timed & np.isfinite(raw.lon) & np.isfinite(raw.lat))
    log.removed("点缺少时间或坐标", len(raw.time), len(keep))
    order = keep[np.argsort(times[keep], kind="stable")]
    if (order != keep).any():
        log.repair("file order", "time order", "按时间重新排列")
    geodetic = pyproj.CRS.from_user_input(crs).geodetic_crs
    x, y = pyproj.Transformer.from_crs(geodetic, crs, always_xy=True).transform(raw.lon[order], raw.lat[order])
    xy = np.column_stack([x, y])
    near = _inside(xy, bounds, max_outside_m)
    log.removed("点不在本市范围", len(order), int(near.sum()))
    xy, time, segment = xy[near], times[order][near], raw.segment[order][near]
    first = np.ones(len(time), dtype=bool)
    first[1:] = time[1:] > time[:-1]
    log.removed("同一时刻重复的点", len(time), int(first.sum()))
    xy, time, segment = xy[first], time[first], segment[first]
    possible = _possible(xy, time, max_speed_kmh)
    log.removed("速度不可能", len(time), int(possible.sum()))
    impossible = float(np.mean(~possible)) if len(possible) else 0.0
    xy, time, segment = xy[possible], time[possible], segment[possible]
    days = (time + _CHINA).astype("datetime64[D]")
    if len(xy) < (1.0 - max_removed_share) * timed.sum():
        doubts.append(f"{int(timed.sum())}个有时间的点中仅{len(xy)}个可用")
    doubts += _name_doubts(raw.file, np.unique(days))
    tracks = []
    for day in np.unique(days):
        here = days == day
        found = _outing(raw, xy[here], time[here], segment[here], day, doubts, max_gap_minutes, max_gap_m, log)
        tracks += [replace(found, impossible=impossible)] if found is not None else []
    if not tracks:
        return TrackResult((), tuple(log.repairs), (log.reject("清理后没有可用的轨迹线"),))
    return TrackResult(tuple(tracks), tuple(log.repairs), ())


def _in_utc(raw: RawTrack, log: _Log) -> tuple[NDArray[np.datetime64], list[str]]:
    """Times in UTC; without a zone the reading that lies by daylight, with a doubt where the two give other days."""
    if raw.zoned:
        return raw.time, []
    known = raw.time[~np.isnat(raw.time)]
    readings = {"北京时间": known, "UTC": known + _CHINA}
    by_day = {name: _daylight_share(local) for name, local in readings.items()}
    best = max(readings, key=lambda name: by_day[name])
    log.repair(None, None, f"时间没有时区，按{best}读")
    same = (readings["UTC"].astype("datetime64[D]") == known.astype("datetime64[D]")).all()
    sure = by_day[best] >= _MOSTLY and min(by_day.values()) < 1.0 - _MOSTLY
    doubts = [] if same or sure else ["时间没有时区，日期存疑"]
    return raw.time - (_CHINA if best == "北京时间" else np.timedelta64(0, "h")), doubts


def _daylight_share(local: NDArray[np.datetime64]) -> float:
    hours = (local - local.astype("datetime64[D]")) / np.timedelta64(1, "h")
    return float(np.mean((hours >= _DAY_STARTS) & (hours <= _DAY_ENDS)))


def name_day(file: str) -> date | None:
    """The day a file is named after (20260903_张三.gpx), None without one or with several."""
    found = set(_NAME_DATE.findall(file.rsplit("/", 1)[-1]))
    try:
        return date(*map(int, found.pop())) if len(found) == 1 else None
    except ValueError:
        return None


def _name_doubts(file: str, days: NDArray[np.datetime64]) -> list[str]:
    """A clock that is a day off shows in the name people gave the file."""
    named = name_day(file)
    recorded = [date.fromisoformat(str(day)) for day in days]
    if named is None or len(recorded) != 1 or abs((recorded[0] - named).days) != 1:
        return []
    return [f"文件名写的是{named}，轨迹时间是{recorded[0]}，设备时钟可能有误，日期存疑"]


class _Log:
    """Repairs and rejections of one track file."""

    def __init__(self, raw: RawTrack) -> None:
        self.raw = raw
        self.repairs: list[dict[str, Any]] = []

    def repair(self, before: str | None, after: str | None, rule: str) -> None:
        self.repairs.append({"unit_id": self.raw.unit_id, "file": self.raw.file, "sheet": self.raw.part, "row": 0,
                             "field": POINTS, "before": before, "after": after, "rule": rule})  # fmt: skip

    def removed(self, rule: str, before: int, after: int) -> None:
        if after < before:
            self.repair(f"{before}", f"{after}", rule)

    def reject(self, reason: str) -> dict[str, Any]:
        return {"unit_id": self.raw.unit_id, "file": self.raw.file, "sheet": self.raw.part or None, "row": None, "field": None,
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
    shapes = [_way(xy[part]) for part in lines]
    line = shapes[0] if len(shapes) == 1 else shapely.MultiLineString(shapes)
    minutes = sum(float((time[part[-1]] - time[part[0]]) / np.timedelta64(1, "m")) for part in lines)
    key = sha256(np.round(np.concatenate([xy[part] for part in lines]), 1).tobytes()).hexdigest()
    found = date.fromisoformat(str(day))
    length = float(line.length)
    times = time[np.concatenate(lines)]
    used = times + _CHINA
    if (used.astype("datetime64[h]") < day.astype("datetime64[h]") + _NIGHT_ENDS).any():
        doubts = [*doubts, _NIGHT]
    return CleanTrack(
        raw.unit_id, raw.file, raw.words, found, line, length, minutes, key, tuple(doubts), times, raw.device, raw.part,
        raw.standard, raw.stated_datum,
    )  # fmt: skip


def _way(xy: NDArray[np.float64]) -> shapely.LineString:
    """The line over these points to the centimetre; whoever stood still went one centimetre, for lines need two places."""
    places = np.round(xy, 2)
    if (places == places[0]).all():
        places[-1, 0] += 0.01
    return shapely.LineString(places)
