"""Patrols that tracks show and patrols that only the ledger tells of, as one table with their evidence."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely

from pipeline.ledger.characters import plain
from pipeline.ledger.items import Item
from pipeline.ledger.places import Gazetteer, route_lands, route_shape
from pipeline.ledger.tracks import CleanTrack
from pipeline.schema import VISITS, conform, empty

TRACK, TRACK_AND_LEDGER, LEDGER = "track", "track+ledger", "ledger"
NO_TRACK = "仅有台账记载，未见轨迹，需核对"
CELL_SEPARATOR = ";"
# a range this short is one outing; a longer one claims further days without a track
_SHORT_OUTING_DAYS = 3
_NAMES = re.compile(r"[、,;/\s]+|和|及|与")


@dataclass(frozen=True)
class _Claim:
    """What the ledger says of one outing: the items with the same days, people and route."""

    unit_id: str
    start: date
    end: date
    people: str | None
    route: str | None
    items: tuple[Item, ...]

    @property
    def days(self) -> set[date]:
        return {self.start + timedelta(days=step) for step in range((self.end - self.start).days + 1)}


def visits_table(
    items: Sequence[Item],
    tracks: Sequence[CleanTrack],
    entries: gpd.GeoDataFrame,
    *,
    cells: gpd.GeoDataFrame,
    people: pd.DataFrame,
    gazetteer: Gazetteer,
    territories: Mapping[str, Any],
    unit_names: Mapping[str, str],
    cell_border_m: float,
    crs: str,
) -> Any:
    """The table VISITS: one row per track and day, and one per ledger outing that no track shows.

    A ledger outing of more than three days stays a row of its own unless each of its days has a track.

    A ledger outing belongs to a track of the same unit and day unless both name people and nobody in common. Villages
    of its route and places of its findings that none of these tracks comes near stay a claim of their own: another crew
    may have been there.
    ``cell_ids`` of a track are the cells it comes within ``cell_border_m`` of; of a ledger-only outing those of the
    route's villages and of its findings (``entries``: ENTRIES), and nothing when part of the route is not recognised.
    """
    claims = _claims(items)
    names = sorted({str(name) for name in people["name"]}, key=lambda name: (-len(name), name))
    tree, cell_ids = shapely.STRtree(cells.geometry.to_numpy()), cells["cell_id"].to_numpy()
    rows: list[dict[str, Any]] = []
    joined: dict[int, set[date]] = {}
    lines: dict[int, list[Any]] = {}
    for track in sorted(tracks, key=lambda track: (track.unit_id, track.day, track.file, track.part)):
        told = people_of(track, names)
        same_day = (n for n, c in enumerate(claims) if c.unit_id == track.unit_id and track.day in c.days)
        mine = [number for number in same_day if _may_share(told, claims[number].people)]
        for number in mine:
            joined.setdefault(number, set()).add(track.day)
            lines.setdefault(number, []).append(track.line)
        row = _track_row(track, told, [claims[number] for number in mine])
        rows.append({**row, "cell_ids": _joined(cell_ids[tree.query(track.line, "dwithin", cell_border_m)])})
    spots = dict(zip(entries["entry_id"], entries.geometry, strict=True))
    reach = dict(zip(entries["entry_id"], entries["uncertainty_m"].fillna(0.0) + cell_border_m, strict=True))
    for number, claim in enumerate(claims):
        tracked = joined.get(number, set())
        home = territories.get(claim.unit_id), unit_names.get(claim.unit_id, "")
        if claim.days <= tracked or (tracked and len(claim.days) <= _SHORT_OUTING_DAYS):
            lands = [(land, cell_border_m) for land in route_lands(claim.route or "", gazetteer, *home)]
            places = [(spots.get(item.entry_id), reach.get(item.entry_id, 0.0)) for item in claim.items]
            ground = _unreached([*lands, *places], shapely.union_all(lines[number]))
            if ground is None:
                continue
        else:
            ground = _claimed_ground(claim, spots, gazetteer, *home)
        found = cell_ids[tree.query(ground, predicate="intersects")] if ground is not None else ()
        rows.append({**_ledger_row(claim), "cell_ids": _joined(found) or None})
    if not rows:
        return empty(VISITS, crs)
    rows.sort(key=lambda row: (row["unit_id"], row["visited_on"], row["visit_id"]))
    return conform(VISITS, gpd.GeoDataFrame(rows, geometry="geometry", crs=crs))


def _claims(items: Sequence[Item]) -> list[_Claim]:
    """Outings in a fixed order; the first item of each, which names it, is told by content, not by its place."""
    groups: dict[tuple[str, ...], list[Item]] = {}
    for item in sorted(items, key=lambda item: (item.entry_id, item.order)):
        if item.start is None or item.end is None:
            continue
        said = (plain(item.texts.get(field) or "") for field in ("people", "route"))
        groups.setdefault((item.unit_id, f"{item.start}", f"{item.end}", *said), []).append(item)
    claims = []
    for key in sorted(groups):
        first = groups[key][0]
        if first.start is not None and first.end is not None:
            people, route = first.texts.get("people"), first.texts.get("route")
            claims.append(_Claim(first.unit_id, first.start, first.end, people, route, tuple(groups[key])))
    return claims


def people_of(track: CleanTrack, names: Sequence[str]) -> str | None:
    """Known people (``names``) whose names stand in the file's name or inside the file, joined by 、."""
    words = plain(f"{track.file.rsplit('/', 1)[-1]} {track.part} {track.words}")
    found = [name for name in names if name and plain(name) in words]
    return "、".join(sorted(found)) or None


def _may_share(one: str | None, other: str | None) -> bool:
    """False only where both name people and nobody is in both."""
    if not one or not other:
        return True
    mine, theirs = ({name for name in _NAMES.split(text) if name} for text in (one, plain(other)))
    return any(name in text for name in mine for text in theirs) or not mine or not theirs


def _track_row(track: CleanTrack, told: str | None, claims: Sequence[_Claim]) -> dict[str, Any]:
    from_ledger = sorted({claim.people for claim in claims if claim.people})
    return {
        "visit_id": track.visit_id,
        "unit_id": track.unit_id,
        "people": told or (from_ledger[0] if len(from_ledger) == 1 else None),
        "visited_on": pd.Timestamp(track.day),
        "visited_until": pd.NaT,
        "evidence": TRACK_AND_LEDGER if claims else TRACK,
        "file": track.file,
        "length_m": round(track.length_m, 1),
        "minutes": round(track.minutes, 1),
        "doubts": "；".join(track.doubts) or None,
        "geometry": track.line,
    }


def _ledger_row(claim: _Claim) -> dict[str, Any]:
    first = claim.items[0]
    return {
        "visit_id": f"{claim.unit_id}-L-{claim.start:%Y%m%d}-{first.entry_id.removeprefix(claim.unit_id + '-')}",
        "unit_id": claim.unit_id,
        "people": claim.people,
        "visited_on": pd.Timestamp(claim.start),
        "visited_until": pd.Timestamp(claim.end) if claim.end != claim.start else pd.NaT,
        "evidence": LEDGER,
        "file": first.file,
        "length_m": None,
        "minutes": None,
        "doubts": NO_TRACK,
        "geometry": None,
    }


def _claimed_ground(
    claim: _Claim, spots: Mapping[str, Any], gazetteer: Gazetteer, territory: Any, unit_name: str
) -> Any:
    """Where a ledger-only outing says it was; None when its route is not wholly recognised."""
    if not claim.route:
        return None
    ground = route_shape(claim.route, gazetteer, territory, unit_name)
    if ground is None:
        return None
    points = [spots.get(item.entry_id) for item in claim.items]
    return shapely.union_all([ground, *(point for point in points if point is not None)])


def _unreached(told: Sequence[tuple[Any, float]], ways: Any) -> Any:
    """What of the grounds an outing tells of, each with a distance in metres, the tracks stay farther from; None: none."""
    missed = [shape for shape, metres in told if shape is not None and shapely.distance(shape, ways) > metres]
    return shapely.union_all(missed) if missed else None


def _joined(cell_ids: Any) -> str | None:
    return CELL_SEPARATOR.join(sorted(str(cell) for cell in cell_ids)) or None
