"""Which datum a unit's coordinates are in (WGS84, GCJ-02, BD-09), by the evidence of all its entries, never assumed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import numpy as np
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import DATUMS, to_wgs84
from pipeline.ledger.places import Placed
from pipeline.ledger.rows import Item
from pipeline.ledger.tracks import CleanTrack

UNKNOWN_DATUM = "unknown"
_STRAY_SHARE = 0.15
_STRAY_REACH_M = 5000.0
_OUTSIDE_SHARE = 0.05
# entries along one road err together (a parallel road fits them all), so their evidence counts half
_EVIDENCE_WEIGHT = 0.5


@dataclass(frozen=True)
class DatumEvidence:
    """The odds of one unit. ``odds``: probability by datum, equal before any evidence; ``datum`` None: cannot tell.

    ``usable``: entries with coordinates and either a track of the same days or a text place. ``median_track_m``:
    median distance to those tracks under each datum, for people; None without tracks.
    """

    unit_id: str
    datum: str | None
    odds: Mapping[str, float]
    usable: int
    with_coordinates: int
    median_track_m: Mapping[str, float | None]
    reason: str

    def as_json(self) -> dict[str, Any]:
        """Plain values for ``datum.json``."""
        return {
            "datum": self.datum,
            "odds": {name: round(value, 6) for name, value in self.odds.items()},
            "usable_entries": self.usable,
            "entries_with_coordinates": self.with_coordinates,
            "median_track_distance_m": {
                name: None if value is None else round(value, 1) for name, value in self.median_track_m.items()
            },
            "reason": self.reason,
        }


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
) -> DatumEvidence:
    """Weigh the three datums for one unit's entries in degrees.

    Per entry, independently: the distance to the unit's tracks within ``max_days_apart`` days (exponential with
    ``sight_m``, plus a share of stray positions), the text place (normal with its uncertainty), and whether it lies in
    ``territory`` (None: unknown). Entries on one spot count once, and all evidence
    counts half, because entries along one road err together. ``placed``: text places by entry id. Fewer than
    ``min_entries`` usable entries, or odds below ``min_odds``, give ``datum`` None.
    """
    stated = [item for item in items if item.coordinate is not None and item.coordinate.kind == "degrees"]
    spots = {(round(c.x, 5), round(c.y, 5)): item for item in reversed(stated) if (c := item.coordinate) is not None}
    ordered = sorted(spots.values(), key=lambda item: item.order)
    lon = np.array([item.coordinate.x for item in ordered if item.coordinate is not None], dtype=np.float64)
    lat = np.array([item.coordinate.y for item in ordered if item.coordinate is not None], dtype=np.float64)
    lines = [_lines_near(item, tracks, max_days_apart) for item in ordered]
    usable = sum(line is not None or item.entry_id in placed for item, line in zip(ordered, lines, strict=True))
    log_odds, medians = {}, {}
    for datum in DATUMS:
        points = city_points(lon, lat, datum, crs) if len(lon) else np.empty((0, 2))
        total, distances = 0.0, []
        for item, line, point in zip(ordered, lines, points, strict=True):
            at = shapely.Point(point)
            if line is not None:
                distance = float(line.distance(at))
                distances.append(distance)
                total += _log_near_track(distance, sight_m)
            if item.entry_id in placed:
                total += _log_near_place(point, placed[item.entry_id])
            if territory is not None and not territory.is_empty:
                total += math.log(1 - _OUTSIDE_SHARE if territory.intersects(at) else _OUTSIDE_SHARE)
        log_odds[datum] = total
        medians[datum] = float(np.median(distances)) if distances else None
    top = max(log_odds.values())
    weight = {datum: math.exp(_EVIDENCE_WEIGHT * (value - top)) for datum, value in log_odds.items()}
    odds = {datum: value / sum(weight.values()) for datum, value in weight.items()}
    best = max(DATUMS, key=lambda datum: odds[datum])
    if usable < min_entries:
        reason = f"可用条目{usable}个，少于{min_entries}个，不能判断坐标基准"
        return DatumEvidence(unit_id, None, odds, usable, len(stated), medians, reason)
    if odds[best] < min_odds:
        reason = f"最可能的{best}概率{odds[best]:.3f}低于{min_odds:g}，不能判断坐标基准"
        return DatumEvidence(unit_id, None, odds, usable, len(stated), medians, reason)
    return DatumEvidence(unit_id, best, odds, usable, len(stated), medians, f"依据{usable}个条目")


def _lines_near(item: Item, tracks: Sequence[CleanTrack], max_days_apart: int) -> Any:
    """The unit's tracks around the entry's days as one geometry; None without any."""
    if item.start is None or item.end is None:
        return None
    slack = timedelta(days=max_days_apart)
    lines = [t.line for t in tracks if t.unit_id == item.unit_id and item.start - slack <= t.day <= item.end + slack]
    return shapely.union_all(lines) if lines else None


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
