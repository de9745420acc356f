"""Which datum a unit's coordinates are in (WGS84, GCJ-02, BD-09), by the evidence of all its entries, never assumed."""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import date
from itertools import combinations
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import DATUMS, to_wgs84
from pipeline.ledger.characters import plain
from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed
from pipeline.ledger.tracks import CleanTrack

UNKNOWN_DATUM = "unknown"
_STRAY_SHARE = 0.15
_STRAY_REACH_M = 5000.0
_OUTSIDE_SHARE = 0.05
# a unit is called mixed when two datums explain its entries so many times better than one
_MIXED_ODDS = 20.0
_MIXED_SHARES = (0.25, 0.5, 0.75)
# so many entries of one device may object to the unit's datum, when they give it less than this
_OBJECTION_ENTRIES, _OBJECTION = 3, 0.05
_DEVICE = re.compile(
    r"(?:采集设备|采集终端|设备编号|设备|手机|终端|巡查仪|记录人|采集人|填报人|登记人|拍摄人)[:：]([^;；,，。、()\s]{1,20})"
)
_NAMES = re.compile(r"[、,，;；/\s]+|和|及|与")
# entries along one road err together (a parallel road fits them all), so their evidence counts half
_EVIDENCE_WEIGHT = 0.5


@dataclass(frozen=True)
class DatumEvidence:
    """The odds of one unit or one of its devices. ``odds``: probability by datum, equal before any evidence;
    ``datum`` None: cannot tell.

    ``usable``: spots with coordinates and a track of the same days, a text place or a photo's own position.
    ``median_track_m``: median distance to those tracks under each datum, for people; None without tracks.
    ``devices``: evidence by device, recorder or people named in the entries, where several are.
    """

    unit_id: str
    datum: str | None
    odds: Mapping[str, float]
    usable: int
    with_coordinates: int
    median_track_m: Mapping[str, float | None]
    reason: str
    devices: Mapping[str, DatumEvidence] = field(default_factory=dict)

    def datum_of(self, item: Item) -> str | None:
        """The datum of one entry: its device's where devices are told apart, else the unit's."""
        own = self.devices.get(device_of(item))
        return self.datum if own is None else own.datum

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``datum.json``."""
        told: dict[str, Any] = {
            "datum": self.datum,
            "odds": {name: round(value, 6) for name, value in self.odds.items()},
            "usable_entries": self.usable,
            "entries_with_coordinates": self.with_coordinates,
            "median_track_distance_m": {
                name: None if value is None else round(value, 1) for name, value in self.median_track_m.items()
            },
            "reason": self.reason,
        }
        if self.devices:
            told["devices"] = {name: found.as_json() for name, found in sorted(self.devices.items())}
        return told


def device_of(item: Item) -> str:
    """Whose instrument an entry's coordinates come from: the device or recorder it names, else its people.

    People are taken together in any order: which of them held the phone is not known.
    """
    for text in (item.texts.get("remark"), item.texts.get("people")):
        named = _DEVICE.search(plain(text or ""))
        if named is not None:
            return named[1]
    return "、".join(sorted(plain(name) for name in _NAMES.split(item.texts.get("people") or "") if plain(name)))


def city_points(lon: NDArray[np.float64], lat: NDArray[np.float64], datum: str, crs: str) -> NDArray[np.float64]:
    """City metres (n, 2) of degrees read in a datum; WGS84 and CGCS2000 count as one (they differ by decimetres)."""
    geodetic = pyproj.CRS.from_user_input(crs).geodetic_crs
    transformer = pyproj.Transformer.from_crs(geodetic, crs, always_xy=True)
    return np.column_stack(transformer.transform(*to_wgs84(lon, lat, datum)))


def infer_datum(
    unit_id: str,
    items: Sequence[Item],
    tracks: Sequence[CleanTrack],
    placed: Mapping[str, Placed],
    territory: Any,
    *,
    crs: str,
    min_entries: int,
    min_odds: float,
    sight_m: float,
    max_days_apart: int,
    photographed: Mapping[str, Placed] | None = None,
) -> DatumEvidence:
    """Weigh the three datums for one unit's entries in degrees, and for each device its entries name.

    Per entry, independently: the distance to the unit's tracks within ``max_days_apart`` days (exponential with
    ``sight_m``, plus a share of stray positions), the text place and the position stored in its photo (normal with
    their uncertainty), and whether it lies in ``territory`` (None: unknown). Entries on one spot count once, and all
    evidence counts half, because entries along one road err together. ``placed``, ``photographed``: by entry id.

    Fewer than ``min_entries`` usable entries, odds below ``min_odds``, or entries that only two datums together
    explain, give ``datum`` None. Devices that each tell their datum keep it; the others share what is left.
    """
    stated = [item for item in items if item.coordinate is not None and item.coordinate.kind == "degrees"]
    spots = {(round(c.x, 5), round(c.y, 5)): item for item in reversed(stated) if (c := item.coordinate) is not None}
    ordered = sorted(spots.values(), key=lambda item: item.order)
    weighed = _weigh(ordered, tracks, placed, photographed or {}, territory, crs, sight_m, max_days_apart)
    counts = {name: sum(device_of(item) == name for item in stated) for name in {device_of(item) for item in stated}}

    def judge(rows: Sequence[int], with_coordinates: int, least: int = min_entries) -> DatumEvidence:
        return _judged(unit_id, _rows_of(weighed, rows), with_coordinates, least, min_odds)

    whole = judge(range(len(ordered)), len(stated))
    if len(counts) < 2:
        return whole
    rows_of = {name: [n for n, item in enumerate(ordered) if device_of(item) == name] for name in counts}
    single = {name: judge(rows, counts[name]) for name, rows in rows_of.items()}
    told = {found.datum for found in single.values() if found.datum is not None}
    rest = [name for name in sorted(counts) if single[name].datum is None]
    if len(told) > 1:
        # the unit's devices differ: what the decided ones show says nothing of the others
        pooled = judge(sorted(n for name in rest for n in rows_of[name]), sum(counts[name] for name in rest))
        reason = f"各设备或人员的坐标基准不同（{'、'.join(sorted(told))}），分别判断"
        whole = replace(whole, datum=None, reason=reason)
    elif told and whole.datum is None:
        # few entries of other devices must not take from the unit what one of its devices has shown
        (shown,) = told
        agreeing = [name for name in counts if not objects(single[name], shown)]
        pooled = judge(sorted(n for name in agreeing for n in rows_of[name]), sum(counts[name] for name in agreeing))
    else:
        pooled = whole
    devices = {name: found for name, found in single.items() if found.datum is not None}
    devices |= {name: _shared(single[name], pooled) for name in rest}
    return replace(whole, devices=dict(sorted(devices.items())))


def _shared(own: DatumEvidence, pooled: DatumEvidence) -> DatumEvidence:
    """A device that cannot tell alone takes the pooled datum, unless its own few entries speak against it."""
    if pooled.datum is None:
        return own
    if objects(own, pooled.datum):
        reason = f"本设备条目不支持本单位的{pooled.datum}（概率{own.odds[pooled.datum]:.3f}），不能判断坐标基准"
        return replace(own, datum=None, reason=reason)
    return replace(own, datum=pooled.datum, reason=f"本设备可用条目{own.usable}个，采用本单位其他条目判断的基准")


def objects(own: DatumEvidence, datum: str) -> bool:
    """Whether the usable entries of a device, few as they may be, speak against a datum."""
    return own.usable >= _OBJECTION_ENTRIES and own.odds[datum] < _OBJECTION


@dataclass(frozen=True)
class _Weighed:
    """Per spot: log likelihood under each datum (n, 3), distance to tracks (n, 3; NaN without), and its use."""

    logs: NDArray[np.float64]
    track_m: NDArray[np.float64]
    usable: NDArray[np.bool_]


def _rows_of(weighed: _Weighed, rows: Sequence[int]) -> _Weighed:
    index = np.array(rows, dtype=np.int64)
    return _Weighed(weighed.logs[index], weighed.track_m[index], weighed.usable[index])


def _weigh(
    ordered: Sequence[Item],
    tracks: Sequence[CleanTrack],
    placed: Mapping[str, Placed],
    photographed: Mapping[str, Placed],
    territory: Any,
    crs: str,
    sight_m: float,
    max_days_apart: int,
) -> _Weighed:
    stated = [(item.coordinate.x, item.coordinate.y) for item in ordered if item.coordinate is not None]
    lon, lat = np.array(stated, dtype=np.float64).reshape(-1, 2).T
    lines = _lines_near(ordered, tracks, max_days_apart)
    areas = [[found[item.entry_id] for found in (placed, photographed) if item.entry_id in found] for item in ordered]
    logs, track_m = np.zeros((len(ordered), len(DATUMS))), np.full((len(ordered), len(DATUMS)), np.nan)
    for column, datum in enumerate(DATUMS):
        points = city_points(lon, lat, datum, crs) if len(lon) else np.empty((0, 2))
        for row, (line, told, point) in enumerate(zip(lines, areas, points, strict=True)):
            at = shapely.Point(point)
            if line is not None:
                track_m[row, column] = line.distance(at)
                logs[row, column] += _log_near_track(float(track_m[row, column]), sight_m)
            logs[row, column] += sum(_log_near_place(point, area) for area in told)
            if territory is not None and not territory.is_empty:
                logs[row, column] += math.log(1 - _OUTSIDE_SHARE if territory.intersects(at) else _OUTSIDE_SHARE)
    usable = np.array([line is not None or bool(told) for line, told in zip(lines, areas, strict=True)], dtype=bool)
    return _Weighed(logs, track_m, usable)


def _judged(unit_id: str, weighed: _Weighed, with_coordinates: int, min_entries: int, min_odds: float) -> DatumEvidence:
    total = weighed.logs.sum(axis=0)
    weight = np.exp(_EVIDENCE_WEIGHT * (total - total.max()))
    odds = dict(zip(DATUMS, (weight / weight.sum()).tolist(), strict=True))
    tracked = weighed.track_m[~np.isnan(weighed.track_m[:, 0])]
    medians = {datum: float(np.median(tracked[:, n])) if len(tracked) else None for n, datum in enumerate(DATUMS)}
    best = max(DATUMS, key=lambda datum: odds[datum])
    usable = int(weighed.usable.sum())
    mixed = _mixed(weighed.logs)
    datum: str | None = None
    if usable < min_entries:
        reason = f"可用条目{usable}个，少于{min_entries}个，不能判断坐标基准"
    elif mixed is not None:
        reason = f"坐标像是混用了{mixed[0]}和{mixed[1]}，不能判断坐标基准；请注明各条由哪台设备采集"
    elif odds[best] < min_odds:
        reason = f"最可能的{best}概率{odds[best]:.3f}低于{min_odds:g}，不能判断坐标基准"
    else:
        datum, reason = best, f"依据{usable}个条目"
    return DatumEvidence(unit_id, datum, odds, usable, with_coordinates, medians, reason)


def _mixed(logs: NDArray[np.float64]) -> tuple[str, str] | None:
    """The two datums that together explain the entries far better than any alone; None when one suffices."""
    alone = float(logs.sum(axis=0).max()) if len(logs) else 0.0
    best, pair = 0.0, None
    for one, other in combinations(range(len(DATUMS)), 2):
        for share in _MIXED_SHARES:
            both = np.logaddexp(math.log(share) + logs[:, one], math.log(1 - share) + logs[:, other])
            gain = _EVIDENCE_WEIGHT * (float(both.sum()) - alone)
            if gain > max(best, math.log(_MIXED_ODDS)):
                best, pair = gain, (DATUMS[one], DATUMS[other])
    return pair


def _lines_near(items: Sequence[Item], tracks: Sequence[CleanTrack], max_days_apart: int) -> list[Any]:
    """Per entry the tracks of its unit around its days as one geometry; None without any."""
    by_day: dict[tuple[str, date], list[Any]] = {}
    for track in tracks:
        by_day.setdefault((track.unit_id, track.day), []).append(track.line)
    known: dict[tuple[str, date, date], Any] = {}
    found: list[Any] = []
    for item in items:
        if item.start is None or item.end is None:
            found.append(None)
            continue
        key = (item.unit_id, item.start, item.end)
        if key not in known:
            first, last = item.start.toordinal() - max_days_apart, item.end.toordinal() + max_days_apart
            days = (date.fromordinal(day) for day in range(first, last + 1))
            lines = [line for day in days for line in by_day.get((item.unit_id, day), ())]
            known[key] = shapely.union_all(lines) if lines else None
            shapely.prepare(known[key])
        found.append(known[key])
    return found


def _log_near_track(distance_m: float, sight_m: float) -> float:
    """Log density per metre: found from the road, exponential in distance, or stray."""
    near = math.exp(-distance_m / sight_m) / sight_m
    stray = 1.0 / _STRAY_REACH_M if distance_m < _STRAY_REACH_M else 1e-3 / _STRAY_REACH_M
    return math.log((1 - _STRAY_SHARE) * near + _STRAY_SHARE * stray)


def _log_near_place(point: NDArray[np.float64], place: Placed) -> float:
    """Log density per square metre: normal around the text place, or stray."""
    squared = (point[0] - place.x) ** 2 + (point[1] - place.y) ** 2
    # the radius is meant to hold nine of ten
    sigma = place.uncertainty_m / 2.146
    near = math.exp(-0.5 * squared / sigma**2) / (2 * math.pi * sigma**2)
    return math.log((1 - _STRAY_SHARE) * near + _STRAY_SHARE / (math.pi * _STRAY_REACH_M**2))
