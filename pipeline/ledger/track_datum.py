"""Which datum the tracks of an app or device are in: GPX says WGS84, but not every app keeps to it; odds, not belief."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.special import betaln

from pipeline.geodesy import DATUMS
from pipeline.ledger.datum import city_points
from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed
from pipeline.ledger.tracks import CleanTrack

Floats = NDArray[np.float64]
DATUM = "datum"
Group = tuple[str, str, str]

# Prior odds in the order of DATUMS. GPX 1.1 and KML define WGS84 and most apps keep to it; a table states nothing.
_PRIORS = {"stated": (0.98, 0.01, 0.01), "standard": (0.90, 0.08, 0.02), "unstated": (0.60, 0.30, 0.10)}
# Patrols ride mostly on mapped roads (Beta 8, 2 for the share of points), unless the map lacks their roads.
_ON_ROAD, _OFF_MAP = (8.0, 2.0), 0.2
_SPACING_M, _MOST_POINTS, _FEWEST_POINTS = 300.0, 400, 10
# Points along one road err together: this many count as independent.
_INDEPENDENT_SHARE = 0.25
_LEAST_CHANCE = 0.01
_BY_CHANCE_M = (350.0, 600.0)
_STRAY = 0.05
_LEDGER_WEIGHT = 0.5


@dataclass(frozen=True)
class TrackDatum:
    """The odds of one app or device.

    ``odds``: probability by datum, with the prior that ``basis`` names; ``datum`` None: cannot tell, the tracks stay
    as delivered. ``road_share``: share of the points on roads under each datum, None without roads; ``ledger_units``:
    units whose entries of the same days gave evidence.
    """

    device: str
    basis: str
    tracks: int
    points: int
    datum: str | None
    odds: Mapping[str, float]
    road_share: Mapping[str, float] | None
    ledger_units: tuple[str, ...]
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``datum.json``."""
        return {
            "device": self.device,
            "prior": dict(zip(DATUMS, _prior(self.basis), strict=True)),
            "prior_basis": self.basis,
            "tracks": self.tracks,
            "points": self.points,
            "datum": self.datum,
            "odds": {name: round(value, 6) for name, value in self.odds.items()},
            "share_on_roads": None if self.road_share is None else {k: round(v, 3) for k, v in self.road_share.items()},
            "ledger_units": list(self.ledger_units),
            "reason": self.reason,
        }


def group_of(track: CleanTrack) -> Group:
    """What shares a datum: the app or device, and what its format says of it. A nameless device is the unit's own."""
    basis = "standard" if track.standard else "unstated"
    return track.device or f"（{track.unit_id}未写明的设备）", track.stated_datum or "", basis


def infer_track_datums(
    tracks: Sequence[CleanTrack],
    items: Sequence[Item],
    roads: NDArray[Any],
    *,
    crs: str,
    min_odds: float,
    road_m: float,
    sight_m: float,
    max_days_apart: int,
    photographed: Mapping[str, Placed] | None = None,
    known: Mapping[str, str] | None = None,
) -> dict[Group, TrackDatum]:
    """Weigh the three datums for the tracks of each app or device, over all units.

    Evidence beside the prior of the format: how many points, ``_SPACING_M`` apart, lie within ``road_m`` of ``roads``
    (shapes in ``crs``, metres) when read in each datum, compared with the share that is there by chance; the unit's
    ledger entries of the same days (``max_days_apart``), whose own datum is unknown and therefore summed over: entries
    in another datum than the track give both away, entries in the same tell nothing; and ``photographed``, places of
    entries by their photos (by entry id), whose positions are WGS84 (EXIF). ``known``: datum by device, from the
    bureau's own knowledge, believed like a stated one. Groups that all this leaves open are compared once more with
    the ways of the decided ones. Odds below ``min_odds`` give ``datum`` None.
    """
    groups: dict[Group, list[CleanTrack]] = {}
    for track in sorted(tracks, key=lambda track: track.order):
        groups.setdefault(group_of(track), []).append(track)
    entries, photos = _by_unit(items), _photos_by_unit(items, photographed or {})
    ground = _Roads(roads, road_m)
    told = {
        group: _told_by_ledgers(mine, entries, photos, crs=crs, sight_m=sight_m, max_days_apart=max_days_apart)
        for group, mine in groups.items()
    }
    believed = {group: (known or {}).get(group[0], group[1]) for group in groups}
    found = {
        group: _weigh(group, believed[group], mine, ground, told[group], crs, min_odds)
        for group, mine in groups.items()
    }
    open_ones = [group for group, result in found.items() if result.datum is None]
    if not open_ones or len(open_ones) == len(groups):
        return found
    ways = [read_in(track, found[group].datum, crs).line for group, mine in groups.items() for track in mine
             if found[group].datum is not None]  # fmt: skip
    wider = _Roads(np.concatenate([np.asarray(roads, dtype=object), np.array(ways, dtype=object)]), road_m)
    return found | {
        group: _weigh(group, believed[group], groups[group], wider, told[group], crs, min_odds) for group in open_ones
    }


def read_in(track: CleanTrack, datum: str | None, crs: str) -> CleanTrack:
    """The track with its coordinates, until now taken for WGS84, read in ``datum``; None and WGS84 change nothing."""
    if datum is None or datum == "WGS84":
        return track
    moved = shapely.transform(track.line, lambda xy: np.round(_reread(xy, datum, crs), 2))
    return replace(track, line=moved, length_m=float(moved.length))


def _reread(xy: Floats, datum: str, crs: str) -> Floats:
    geodetic = pyproj.CRS.from_user_input(crs).geodetic_crs
    lon, lat = pyproj.Transformer.from_crs(crs, geodetic, always_xy=True).transform(xy[:, 0], xy[:, 1])
    return city_points(lon, lat, datum, crs)


def largest_shift_m(track: CleanTrack, crs: str) -> float:
    """How far the track would lie elsewhere if it were in another datum, metres at its middle, the largest."""
    middle = shapely.get_coordinates(track.line).mean(axis=0, keepdims=True)
    return max(float(np.hypot(*(_reread(middle, datum, crs) - middle)[0])) for datum in DATUMS)


class _Roads:
    """Where roads are: the share of points on them."""

    def __init__(self, roads: NDArray[Any], road_m: float) -> None:
        self.tree = shapely.STRtree(np.asarray(roads, dtype=object)) if len(roads) else None
        self.road_m = road_m

    def share(self, points: Floats) -> float:
        assert self.tree is not None
        hit = self.tree.query(shapely.points(points), predicate="dwithin", distance=self.road_m)[0]
        return len(np.unique(hit)) / len(points)


def _prior(basis: str) -> tuple[float, ...]:
    """Prior by DATUMS; a stated datum is believed but for a wrong heading."""
    if basis not in DATUMS:
        return _PRIORS[basis]
    high, low, _ = _PRIORS["stated"]
    return tuple(high if name == basis else low for name in DATUMS)


def _weigh(
    group: Group,
    stated: str,
    tracks: Sequence[CleanTrack],
    ground: _Roads,
    told: Mapping[str, Floats],
    crs: str,
    min_odds: float,
) -> TrackDatum:
    device, _, kind = group
    basis = stated or kind
    log_odds = np.log(_prior(basis)) + sum(told.values(), np.zeros(len(DATUMS)))
    points = _sample(tracks)
    shares = None
    if ground.tree is not None and len(points) >= _FEWEST_POINTS:
        read = [points if datum == "WGS84" else _reread(points, datum, crs) for datum in DATUMS]
        shares = [ground.share(one) for one in read]
        log_odds = log_odds + _road_evidence(shares, _chance(points, ground), len(points))
    weight = np.exp(log_odds - log_odds.max())
    odds = dict(zip(DATUMS, (weight / weight.sum()).tolist(), strict=True))
    best = max(DATUMS, key=lambda name: odds[name])
    datum = best if odds[best] >= min_odds else None
    bits = [f"{len(points)}个点落在道路上的比例" if shares is not None else "没有可用的道路图斑"]
    bits.append(f"{len(told)}个单位同日台账坐标或照片" if told else "没有可对照的台账坐标或照片")
    reason = f"依据{'、'.join(bits)}"
    if datum is None:
        reason = f"最可能的{best}概率{odds[best]:.3f}低于{min_odds:g}，不能判断；{reason}；坐标按原样使用，存疑"
    by_name = None if shares is None else dict(zip(DATUMS, shares, strict=True))
    return TrackDatum(device, basis, len(tracks), len(points), datum, odds, by_name, tuple(sorted(told)), reason)


def _sample(tracks: Sequence[CleanTrack]) -> Floats:
    """Points of all tracks 300 m apart, each place once, evenly thinned to 400."""
    points = np.concatenate([
        shapely.get_coordinates(shapely.line_interpolate_point(part, np.arange(0.0, part.length, _SPACING_M)))
        for track in tracks for part in shapely.get_parts(track.line)
    ])  # fmt: skip
    # The same road driven every week is one piece of evidence.
    _, first = np.unique(np.floor(points / _SPACING_M), axis=0, return_index=True)
    points = points[np.sort(first)]
    return points[np.unique(np.linspace(0, len(points) - 1, min(len(points), _MOST_POINTS)).astype(int))]


def _chance(points: Floats, ground: _Roads) -> float:
    """Share of points on roads by chance: the mean over shifts in eight directions by what datums shift."""
    angles = np.arange(8) * np.pi / 4
    steps = [radius * np.array([np.cos(a), np.sin(a)]) for radius in _BY_CHANCE_M for a in angles]
    return max(float(np.median([ground.share(points + step) for step in steps])), _LEAST_CHANCE)


def _road_evidence(shares: Sequence[float], chance: float, points: int) -> Floats:
    """Log likelihood ratio to chance by datum: beta-binomial of the true reading, binomial of a wrong one.

    With the chance ``_OFF_MAP`` the patrol's roads are not on the map, and the count tells nothing.
    """
    trials = points * _INDEPENDENT_SHARE
    chance = min(chance, 0.9)
    result = []
    for share in shares:
        on = share * trials
        true = betaln(on + _ON_ROAD[0], trials - on + _ON_ROAD[1]) - betaln(*_ON_ROAD)
        wrong = on * math.log(chance) + (trials - on) * math.log1p(-chance)
        result.append(np.logaddexp(math.log(1 - _OFF_MAP) + true - wrong, math.log(_OFF_MAP)))
    return np.array(result)


def _by_unit(items: Sequence[Item]) -> dict[str, list[Item]]:
    """Entries with coordinates in degrees and a day; entries on one spot once."""
    found: dict[str, dict[tuple[float, float], Item]] = {}
    for item in sorted(items, key=lambda item: item.order):
        if item.coordinate is not None and item.coordinate.kind == "degrees" and item.start and item.end:
            spot = (round(item.coordinate.x, 5), round(item.coordinate.y, 5))
            found.setdefault(item.unit_id, {}).setdefault(spot, item)
    return {unit_id: list(spots.values()) for unit_id, spots in found.items()}


def _photos_by_unit(items: Sequence[Item], photographed: Mapping[str, Placed]) -> dict[str, list[tuple[Item, Any]]]:
    found: dict[str, list[tuple[Item, Any]]] = {}
    for item in sorted(items, key=lambda item: item.order):
        if item.entry_id in photographed:
            place = photographed[item.entry_id]
            found.setdefault(item.unit_id, []).append((item, shapely.Point(place.x, place.y)))
    return found


def _told_by_ledgers(
    tracks: Sequence[CleanTrack],
    entries: Mapping[str, list[Item]],
    photos: Mapping[str, list[tuple[Item, Any]]],
    *,
    crs: str,
    sight_m: float,
    max_days_apart: int,
) -> dict[str, Floats]:
    """Log evidence by track datum for each unit with entries or photos near days of these tracks."""
    told: dict[str, Floats] = {}
    for unit_id in sorted({track.unit_id for track in tracks} & (set(entries) | set(photos))):
        by_day: dict[date, list[Any]] = {}
        for track in tracks:
            if track.unit_id == unit_id:
                by_day.setdefault(track.day, []).append(track.line)
        near = [(item, _lines_of(item, by_day, max_days_apart)) for item in entries.get(unit_id, [])]
        pairs = [(item.coordinate, line) for item, line in near if line is not None and item.coordinate is not None]
        seen = [(point, _lines_of(item, by_day, max_days_apart)) for item, point in photos.get(unit_id, [])]
        views = [(point, line) for point, line in seen if line is not None]
        if not pairs and not views:
            continue
        lon, lat = np.array([at.x for at, _ in pairs]), np.array([at.y for at, _ in pairs])
        spots = {name: shapely.points(city_points(lon, lat, name, crs)) if pairs else [] for name in DATUMS}
        total = np.zeros((len(DATUMS), len(DATUMS)))
        for row, datum in enumerate(DATUMS):
            lines = np.array([_moved(line, datum, crs) for _, line in pairs], dtype=object)
            ways = np.array([_moved(line, datum, crs) for _, line in views], dtype=object)
            total[row] += _near(shapely.distance(ways, np.array([point for point, _ in views], dtype=object)), sight_m)
            for column, ledger in enumerate(DATUMS):
                total[row, column] += _near(shapely.distance(lines, spots[ledger]), sight_m)
        # The ledger's datum is unknown: equal odds, summed over.
        told[unit_id] = np.logaddexp.reduce(total, axis=1) - math.log(len(DATUMS))
    return told


def _moved(line: Any, datum: str, crs: str) -> Any:
    return line if datum == "WGS84" else shapely.transform(line, lambda xy: _reread(xy, datum, crs))


def _lines_of(item: Item, by_day: Mapping[date, list[Any]], max_days_apart: int) -> Any:
    if item.start is None or item.end is None:
        return None
    slack = timedelta(days=max_days_apart)
    lines = [line for day in sorted(by_day) if item.start - slack <= day <= item.end + slack for line in by_day[day]]
    return shapely.MultiLineString([part for line in lines for part in shapely.get_parts(line)]) if lines else None


def _near(distance_m: Floats, sight_m: float) -> float:
    """Log density of findings off the track, exponential in distance, with a floor for stray ones; counted half.

    Entries along one road err together, therefore half.
    """
    return _LEDGER_WEIGHT * float(np.log(np.exp(-distance_m / sight_m) * (1 - _STRAY) + _STRAY * 0.1).sum())


def datum_doubt(track: CleanTrack, found: TrackDatum, crs: str) -> str:
    """The doubt of a visit whose track may lie elsewhere."""
    return f"轨迹坐标基准不能判断，位置可能偏移{largest_shift_m(track, crs):.0f}米（{found.device.strip('（）')}）"


def datum_repair(track: CleanTrack, found: TrackDatum) -> list[dict[str, Any]]:
    """The REPAIRS row of a track that was not in WGS84; none for one that was."""
    if found.datum in (None, "WGS84"):
        return []
    chance = found.odds[found.datum or ""]
    return [{"unit_id": track.unit_id, "file": track.file, "sheet": track.part, "row": 0, "field": DATUM,
             "before": found.datum, "after": "WGS84",
             "rule": f"{track.day} 轨迹坐标基准按证据改正（概率{chance:.3f}）"}]  # fmt: skip
