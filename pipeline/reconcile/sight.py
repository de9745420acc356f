"""The probability that a patrol saw a site: from the track's distance, the site's size and stage, season and speed."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry.base import BaseGeometry

from pipeline.reconcile.rows import as_rows
from pipeline.values import Stage

Floats = NDArray[np.float64]

TRACK_EVIDENCE: tuple[str, ...] = ("track", "track+ledger")
LEDGER_EVIDENCE: tuple[str, ...] = ("ledger", "track+ledger")
_LOW_STAGES: tuple[str, ...] = (Stage.EARTHWORKS, Stage.PIT, Stage.UNKNOWN)
# What an attentive patrol beside the site notices; a finished building may pass for an old one.
_AT_SITE: dict[str, float] = {
    Stage.EARTHWORKS: 0.95,
    Stage.PIT: 0.95,
    Stage.STRUCTURE: 0.95,
    Stage.ROOFED: 0.88,
    Stage.UNKNOWN: 0.85,
}
# Bare ground lies low behind crops and banks; walls and roofs stand out.
_REACH: dict[str, float] = {
    Stage.EARTHWORKS: 0.5,
    Stage.PIT: 0.45,
    Stage.STRUCTURE: 1.0,
    Stage.ROOFED: 1.1,
    Stage.UNKNOWN: 0.45,
}
_REFERENCE_M2 = 1000.0
_SMALLEST, _LARGEST = 0.7, 2.5
_FAST_FACTOR = 0.6
_UNTIMED_FACTOR = 0.9
# Between two points farther apart than this many sight distances nobody knows the way.
LONGEST_STEP_SIGHTS = 4.0
SIGHTED_SIGHTS = 4.0 * _LARGEST * max(_REACH.values())
"""Sight distances from a track beyond which no site is looked for: four scales of the largest and best seen one."""
_ENDS = 2
_VISIT_FACTS = ["visit_id", "visited_on", "length_m", "minutes", "doubts", "cell_ids"]
_SITE_FACTS = ["target_id", "area_m2", "stage"]
# Below this nobody would say that the patrol had been at the site.
FAINT_SEEN = 0.05


@dataclass(frozen=True)
class SightOptions:
    """How far patrols see; the units are in the names, see the configuration's section ``reconcile``."""

    sight_m: float
    ledger_only_seen: float
    tall_crop_months: tuple[int, ...]
    tall_crop_factor: float
    fast_kmh: float


def has_track(visits: pd.DataFrame) -> NDArray[np.bool_]:
    """Visits with a track that holds points, row by row."""
    shapes = visits["geometry"].to_numpy()
    drawn = ~(shapely.is_missing(shapes) | shapely.is_empty(shapes))
    return np.asarray(drawn & visits["evidence"].isin(TRACK_EVIDENCE).to_numpy(bool))


def speed_factor(length_m: float, minutes: float, *, fast_kmh: float) -> float:
    """1 for a patrol at walking or slow driving speed, less when faster than ``fast_kmh`` or without times."""
    if not (minutes > 0 and length_m >= 0):
        return _UNTIMED_FACTOR
    return _FAST_FACTOR if length_m / 1000.0 / (minutes / 60.0) > fast_kmh else 1.0


class Passing:
    """The speed at which a visit passed a site, from TRACK_PARTS; the outing's mean where it has none.

    A pause beside the site counts into that speed: who stops sees more.
    """

    def __init__(self, parts: gpd.GeoDataFrame | None, *, fast_kmh: float, sight_m: float) -> None:
        self.fast_kmh, self.sight_m = fast_kmh, sight_m
        self.parts: dict[str, tuple[NDArray[np.object_], Floats, Floats]] = {}
        if parts is not None and len(parts):
            shapes = parts.geometry.to_numpy()
            lengths, minutes = (parts[name].to_numpy(np.float64) for name in ("length_m", "minutes"))
            for visit_id, rows in parts.groupby("visit_id").indices.items():
                self.parts[str(visit_id)] = shapes[rows], lengths[rows], minutes[rows]

    def factors(self, visit: Mapping[str, Any], sites: NDArray[np.object_], distances_m: Floats) -> list[float]:
        """:func:`speed_factor` per site, of the parts that had it in sight; ``distances_m``: the nearest of each."""
        mean = speed_factor(visit["length_m"], visit["minutes"], fast_kmh=self.fast_kmh)
        known = self.parts.get(str(visit["visit_id"]))
        if known is None:
            return [mean] * len(sites)
        shapes, lengths, minutes = known
        near = shapely.dwithin(shapes, sites[:, None], (distances_m + self.sight_m)[:, None])
        way, time = (np.where(near, part, 0.0).sum(axis=1).tolist() for part in (lengths, minutes))
        return [
            speed_factor(*each, fast_kmh=self.fast_kmh) if passed else mean
            for *each, passed in zip(way, time, near.any(axis=1).tolist(), strict=True)
        ]


def seen_probability(
    distance_m: float, area_m2: float, stage: str, month: int, speed: float, options: SightOptions
) -> float:
    """Half-normal detection by distance (Buckland et al. 2001, distance sampling), 0..1.

    The scale is ``sight_m`` for a structure of 1000 m2, about half of it for earthworks and pits, and grows with the
    square root of the site's width (bounded 0.7 to 2.5, a site of 3.9 ha); while crops stand high it shrinks for
    whatever lies on the ground, and half as much for structures.
    ``speed`` is the factor of :func:`speed_factor`.
    """
    size = min(max((area_m2 / _REFERENCE_M2) ** 0.25, _SMALLEST), _LARGEST) if area_m2 > 0 else _SMALLEST
    crop = 1.0
    if month in options.tall_crop_months:
        crop = options.tall_crop_factor if stage in _LOW_STAGES else math.sqrt(options.tall_crop_factor)
    scale = options.sight_m * _REACH.get(stage, _REACH[Stage.UNKNOWN]) * size * crop
    at_site = _AT_SITE.get(stage, _AT_SITE[Stage.UNKNOWN])
    return at_site * speed * math.exp(-0.5 * (distance_m / scale) ** 2)


def sightings(
    targets: gpd.GeoDataFrame,
    visits: gpd.GeoDataFrame,
    cell_of: Sequence[str | None],
    options: SightOptions,
    parts: gpd.GeoDataFrame | None = None,
) -> pd.DataFrame:
    """Every visit that may have seen a target: ``target_id visit_id distance_m seen_probability tracked near``.

    ``targets`` and ``visits`` share a projected metre CRS; ``cell_of`` is the cell of each target row. Tracks farther
    than four sight scales are left out. ``distance_m`` is to the :func:`known_way`, NaN without a track. A visit known
    from the ledger alone, and one whose track is in doubt, gets ``ledger_only_seen`` at most: it can accuse nobody.
    ``near``: for all the record can tell somebody was at the site: it may have been seen (``FAINT_SEEN``), the record
    is a claim or in doubt, or what the track does not show (:func:`unknown_way`) comes close to it.
    ``parts``: TRACK_PARTS, so that the speed is that of passing the site; without them the mean of the outing.
    """
    passing = Passing(parts, fast_kmh=options.fast_kmh, sight_m=options.sight_m)
    shapes, routes = targets.geometry.to_numpy(), visits.geometry.to_numpy()
    tracked = has_track(visits)
    rows = np.flatnonzero(tracked)
    facts = as_rows(visits, _VISIT_FACTS)
    goals = as_rows(targets, _SITE_FACTS)
    result: list[dict[str, object]] = []
    if len(rows) and len(shapes):
        longest_m = LONGEST_STEP_SIGHTS * options.sight_m
        known = np.array([known_way(routes[row], longest_m) for row in rows], dtype=object)
        unknown = np.array([unknown_way(routes[row], longest_m) for row in rows], dtype=object)
        at, target = _pairs_within(shapes, known, unknown, SIGHTED_SIGHTS * options.sight_m)
        distance, loose = shapely.distance(known[at], shapes[target]), shapely.distance(unknown[at], shapes[target])
        begins = np.flatnonzero(np.diff(at, prepend=-1))
        for own in np.split(np.arange(len(at)), begins[1:]) if len(at) else ():
            visit = facts[rows[at[own[0]]]]
            speeds = passing.factors(visit, shapes[target[own]], distance[own])
            month, doubted = visit["visited_on"].month, doubtful(visit["doubts"])
            passed = zip(target[own].tolist(), distance[own].tolist(), loose[own].tolist(), speeds, strict=True)
            for target_row, metres, loose_m, speed in passed:
                site = goals[target_row]
                chance = seen_probability(metres, site["area_m2"], site["stage"], month, speed, options)
                near = chance >= FAINT_SEEN or loose_m <= longest_m
                if doubted:
                    chance, near = min(chance, options.ledger_only_seen), True
                result.append(_sighting(site, visit, metres, chance, tracked=True, near=near))
    claims = [facts[row] for row in np.flatnonzero(~tracked)]
    by_cell: dict[str, list[dict[str, object]]] = {}
    for visit in claims:
        for cell in split_cells(visit["cell_ids"]):
            by_cell.setdefault(cell, []).append(visit)
    for site, home in zip(goals, cell_of, strict=True):
        for visit in by_cell.get(home or "", []):
            result.append(_sighting(site, visit, math.nan, options.ledger_only_seen, tracked=False, near=True))
    columns = ["target_id", "visit_id", "distance_m", "seen_probability", "tracked", "near"]
    frame = pd.DataFrame(result, columns=columns)
    return frame.sort_values(["target_id", "visit_id"], kind="stable").reset_index(drop=True)


def _pairs_within(
    sites: NDArray[np.object_], known: NDArray[np.object_], unknown: NDArray[np.object_], reach_m: float
) -> tuple[NDArray[np.intp], NDArray[np.intp]]:
    """Way and site numbers, ascending, where either way of a track comes within ``reach_m`` of the site."""
    tree = shapely.STRtree(sites)
    way, site = tree.query(known, predicate="dwithin", distance=reach_m)
    # a track's ends lie on its known way, so that the unknown one reaches farther only over gaps
    gaps = np.flatnonzero(shapely.get_num_geometries(unknown) > _ENDS)
    gap, beside = tree.query(unknown[gaps], predicate="dwithin", distance=reach_m)
    pairs = np.concatenate([way, gaps[gap]]) * len(sites) + np.concatenate([site, beside])
    return np.divmod(np.unique(pairs), len(sites))


def known_way(line: BaseGeometry, longest_step_m: float) -> BaseGeometry:
    """A track without the straight lines between points farther apart than ``longest_step_m``; its points stay."""
    parts: list[BaseGeometry] = []
    for part in shapely.get_parts(line):
        xy = shapely.get_coordinates(part)
        breaks = np.flatnonzero(np.hypot(*np.diff(xy, axis=0).T) > longest_step_m) + 1
        pieces = np.split(xy, breaks)
        parts += [shapely.LineString(piece) if len(piece) > 1 else shapely.Point(piece[0]) for piece in pieces]
    return shapely.GeometryCollection(parts) if len(parts) > 1 else parts[0]


def known_steps(line: BaseGeometry, longest_step_m: float) -> tuple[Floats, Floats]:
    """The :func:`known_way` as straight steps, starts and ends (steps, 2); a point without a step is one of no length."""
    xy, part = shapely.get_coordinates(shapely.get_parts(line), return_index=True)
    known = (part[1:] == part[:-1]) & (np.hypot(*np.diff(xy, axis=0).T) <= longest_step_m)
    alone = np.flatnonzero(~(np.append(known, False) | np.append(False, known)))
    left = np.flatnonzero(known)
    return np.concatenate([xy[left], xy[alone]]), np.concatenate([xy[left + 1], xy[alone]])


def unknown_way(line: BaseGeometry, longest_step_m: float) -> BaseGeometry:
    """Where a track leaves open where somebody went: its two ends, and the straight lines over its gaps.

    Gaps lie between its parts and between points farther apart than ``longest_step_m``.
    """
    parts = [shapely.get_coordinates(part) for part in shapely.get_parts(line)]
    xy = np.concatenate(parts)
    broken = np.hypot(*np.diff(xy, axis=0).T) > longest_step_m
    broken[np.cumsum([len(part) for part in parts])[:-1] - 1] = True
    bridges = [shapely.LineString(xy[at : at + 2]) for at in np.flatnonzero(broken)]
    return shapely.GeometryCollection([shapely.Point(xy[0]), shapely.Point(xy[-1]), *bridges])


def _sighting(
    site: dict[str, object], visit: dict[str, object], metres: float, chance: float, *, tracked: bool, near: bool
) -> dict[str, object]:
    return {
        "target_id": site["target_id"],
        "visit_id": visit["visit_id"],
        "distance_m": metres,
        "seen_probability": chance,
        "tracked": tracked,
        "near": near,
    }


def doubtful(doubts: object) -> bool:
    """Whether the ledger room left a doubt about the visit."""
    return isinstance(doubts, str) and bool(doubts.strip())


def split_cells(cell_ids: object) -> tuple[str, ...]:
    """Cell ids of a visit, which the ledger room joins with commas or semicolons."""
    if not isinstance(cell_ids, str):
        return ()
    return tuple(part.strip() for part in cell_ids.replace(";", ",").replace("；", ",").split(",") if part.strip())
