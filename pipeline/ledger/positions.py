"""Where each ledger item was: coordinates in the inferred datum, a photo's position, its text place, or nowhere."""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import DATUMS
from pipeline.ledger.coordinates import ZONE_OF_CITY, Coordinate, city_meridian, zone_to_degrees
from pipeline.ledger.datum import UNKNOWN_DATUM, city_points
from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed, PlaceOptions, Unplaced, locate
from pipeline.ledger.log import POSITION_FIELD, UNUSABLE
from pipeline.ledger.placenames import FACILITY, HOMOPHONE, SPELLING
from pipeline.ledger.places import Gazetteer
from pipeline.ledger.readings import around_readings
from pipeline.schema import ENTRIES, conform, empty

FROM_COORDINATES, FROM_PHOTO, FROM_PLACE, NOWHERE = "coordinates", "photo", "place", "none"
# a name of the same sound or look, or a facility called after a village: it may be a place that no layer knows
FROM_ALIKE = "alike"
PHOTO_POSITION = "位置取自照片"
ZONE_BY_PLACE = "带号按落在本市的分带推定"
DISAGREE = "坐标与地点文字或照片不符，误差扩大"
_DISAGREE_M = 1000.0
_MORE_PRECISE, _TELLS_APART_M = 0.5, 300.0


@dataclass(frozen=True)
class Located:
    """``entries``: the table ENTRIES; repairs and rejections as plain dictionaries."""

    entries: Any
    repairs: tuple[dict[str, Any], ...]
    rejected: tuple[dict[str, Any], ...]


@dataclass(frozen=True)
class _Position:
    x: float
    y: float
    uncertainty_m: float
    source: str


def place_items(
    items: Sequence[Item],
    gazetteer: Gazetteer,
    territories: Mapping[str, Any],
    options: PlaceOptions,
    *,
    unit_names: Mapping[str, str] | None = None,
) -> dict[str, Placed | Unplaced]:
    """Text places by entry id, or why there is none, of findings only.

    ``territories``: the units' ground by unit id, which decides between villages of one name; ``unit_names``: by unit
    id, so that a township named in the text decides instead.
    """
    told = [(item, text) for item in items if item.finding and (text := item.texts.get("place"))]
    pairs = [(item.unit_id, text) for item, text in told]
    known = read_places(pairs, gazetteer, territories, options, unit_names=unit_names)
    return {item.entry_id: known[item.unit_id, text] for item, text in told}


def read_places(
    texts: Iterable[tuple[str, str]],
    gazetteer: Gazetteer,
    territories: Mapping[str, Any],
    options: PlaceOptions,
    *,
    unit_names: Mapping[str, str] | None = None,
) -> dict[tuple[str, str], Placed | Unplaced]:
    """What each (unit id, place text) means, as :func:`place_items` reads it."""
    towns = {name: territories[unit_id] for unit_id, name in (unit_names or {}).items() if unit_id in territories}
    return {
        (unit_id, text): locate(text, gazetteer, territories.get(unit_id), options, towns)
        for unit_id, text in dict.fromkeys(texts)
    }


def entries_table(
    items: Sequence[Item],
    datums: Mapping[str, str | None],
    placed: Mapping[str, Placed | Unplaced],
    *,
    crs: str,
    bounds: tuple[float, float, float, float],
    gps_uncertainty_m: float,
    max_outside_m: float,
    photographed: Mapping[str, Placed] | None = None,
) -> Located:
    """The table ENTRIES with points in ``crs``.

    ``datums``, ``placed`` and ``photographed`` are by entry id. Degrees are read in the entry's datum; where that
    cannot be told, the circle around all three readings is taken, or around those the text place or photo leaves
    possible (one alone: within 100 m). Coordinates farther than ``max_outside_m`` outside ``bounds`` are rejected and
    the photo or the text place is used. The photo's position is used where there is no better one; a text place more
    than twice as precise as the coordinates wins, if the two meet; one that contradicts them widens
    ``uncertainty_m`` to reach it. Items without a place have no geometry and ``position_source`` ``none``; a place
    text that could not be read is then rejected with its reason.
    """
    rows: list[dict[str, Any]] = []
    repairs: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for item in sorted(items, key=lambda item: item.order):
        datum = _datum_of(item, datums)
        position = None
        told, photo = placed.get(item.entry_id), (photographed or {}).get(item.entry_id)
        place = told if isinstance(told, Placed) else None
        # a photo whose own datum is open tells no readings apart
        telling = photo if photo is not None and photo.uncertainty_m <= _TELLS_APART_M else None
        if item.coordinate is not None:
            readings, meridian = _readings(item.coordinate, datum, crs, bounds, max_outside_m)
            base_m = max(gps_uncertainty_m, item.coordinate.rounding_m)
            position = _Position(*around_readings(readings, base_m, telling or place), FROM_COORDINATES)
            if _outside(position.x, position.y, bounds, max_outside_m):
                reason = "坐标不在本市范围；请核对经纬度、带号或坐标系"
                where = f"{item.coordinate.x:.8g},{item.coordinate.y:.8g}"
                rejected.append({**_address(item), "field": POSITION_FIELD, "content": where, "code": UNUSABLE,
                                 "reason": f"第{item.item}项{reason}"})  # fmt: skip
                position, datum = None, None
            elif item.coordinate.kind == "zone" and item.coordinate.meridian is None:
                rule = ZONE_OF_CITY if meridian == city_meridian(crs) else ZONE_BY_PLACE
                repairs.append(_repair(item, f"{item.coordinate.x:.8g}", f"{meridian:g}", rule))
        if photo is not None and (position is None or photo.uncertainty_m < position.uncertainty_m):
            position = _Position(photo.x, photo.y, photo.uncertainty_m, FROM_PHOTO)
            repairs.append(_repair(item, None, photo.name, PHOTO_POSITION))
        elif photo is not None:
            position, changed = _with_place(position, photo)
            if changed:
                repairs.append(_repair(item, None, f"{position.uncertainty_m:.0f}", DISAGREE))
        if place is not None:
            if place.rule:
                repairs.append(_repair(item, item.texts.get("place"), place.name, place.rule, "place"))
            position, changed = _with_place(position, place)
            if changed:
                repairs.append(_repair(item, None, f"{position.uncertainty_m:.0f}", DISAGREE))
        if position is None and isinstance(told, Unplaced) and told.rule:
            rejected.append({**_address(item), "field": "place", "content": item.texts.get("place"), "code": UNUSABLE,
                             "reason": f"第{item.item}项{told.rule}"})  # fmt: skip
        rows.append(_row(item, position, datum))
    table = conform(ENTRIES, gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)) if rows else empty(ENTRIES, crs)
    return Located(table, tuple(_merged(repairs)), tuple(rejected))


def _datum_of(item: Item, datums: Mapping[str, str | None]) -> str | None:
    if item.coordinate is None:
        return None
    if item.coordinate.kind == "zone":
        return "CGCS2000"
    return datums.get(item.entry_id) or UNKNOWN_DATUM


def _readings(
    stated: Coordinate, datum: str | None, crs: str, bounds: tuple[float, float, float, float], reach_m: float
) -> tuple[NDArray[np.float64], float]:
    """City metres (n, 2) of a coordinate, and the meridian zone metres were read with (NaN for degrees).

    One row when the datum is known, else one for each datum, WGS84 first. Zone metres without a zone number are read
    in the city's zone; where that puts them outside the city and another three- or six-degree zone inside, in that.
    """
    if stated.kind == "degrees":
        lon, lat = np.array([stated.x]), np.array([stated.y])
        readings = DATUMS if datum == UNKNOWN_DATUM else (datum or "WGS84",)
        return np.vstack([city_points(lon, lat, reading, crs) for reading in readings]), math.nan
    own = city_meridian(crs)
    meridians = [stated.meridian] if stated.meridian is not None else [own, *_other_meridians(own)]
    points = [_zone_point(stated, meridian, crs) for meridian in meridians]
    inside = [n for n, p in enumerate(points) if not _outside(float(p[0, 0]), float(p[0, 1]), bounds, reach_m)]
    chosen = inside[0] if inside else 0
    return points[chosen], meridians[chosen]


def _other_meridians(own: float) -> list[float]:
    """Central meridians of the neighbouring three- and six-degree zones."""
    nearest = round(own / 3.0) * 3.0
    return [meridian for meridian in (nearest, nearest - 3.0, nearest + 3.0) if meridian != own]


def _zone_point(stated: Coordinate, meridian: float, crs: str) -> NDArray[np.float64]:
    lon, lat = zone_to_degrees(stated.x, stated.y, meridian)
    return city_points(np.array([lon]), np.array([lat]), "WGS84", crs)


def _outside(x: float, y: float, bounds: tuple[float, float, float, float], reach_m: float) -> bool:
    if not (math.isfinite(x) and math.isfinite(y)):
        return True
    xmin, ymin, xmax, ymax = bounds
    return not (xmin - reach_m <= x <= xmax + reach_m and ymin - reach_m <= y <= ymax + reach_m)


def _with_place(position: _Position | None, place: Placed) -> tuple[_Position, bool]:
    """The better of coordinates or photo and text place, and whether they contradict each other."""
    alike = any(rule in place.rule for rule in (FACILITY, HOMOPHONE, SPELLING))
    told = _Position(place.x, place.y, place.uncertainty_m, FROM_ALIKE if alike else FROM_PLACE)
    if position is None:
        return told, False
    apart = float(np.hypot(position.x - place.x, position.y - place.y))
    better = place.uncertainty_m < _MORE_PRECISE * position.uncertainty_m
    # words that only seem more precise may have a direction wrong: where the two do not meet, neither is believed alone
    if apart > position.uncertainty_m + place.uncertainty_m + (0.0 if better else _DISAGREE_M):
        return _Position(position.x, position.y, apart + place.uncertainty_m, position.source), True
    return (told, False) if better else (position, False)


def _row(item: Item, position: _Position | None, datum: str | None) -> dict[str, Any]:
    stated = item.coordinate
    return {
        "entry_id": item.entry_id,
        "unit_id": item.unit_id,
        "file": item.file,
        "sheet": item.sheet,
        "row": item.row,
        "item": item.item,
        "finding": item.finding,
        "discovered_on": pd.Timestamp(item.start) if item.start is not None else pd.NaT,
        "discovered_until": pd.Timestamp(item.end) if item.end not in (None, item.start) else pd.NaT,
        **{field: item.texts.get(field) for field in ENTRIES.names if field in item.texts},
        "stated_target_id": item.target_id,
        "stated_area_m2": item.area_m2,
        "stated_x": stated.x if stated is not None else None,
        "stated_y": stated.y if stated is not None else None,
        "datum": datum,
        "position_source": position.source if position is not None else NOWHERE,
        "uncertainty_m": round(position.uncertainty_m, 1) if position is not None else None,
        "geometry": shapely.Point(round(position.x, 2), round(position.y, 2)) if position is not None else None,
    }


def _address(item: Item) -> dict[str, Any]:
    return {"unit_id": item.unit_id, "file": item.file, "sheet": item.sheet, "row": item.row}


def _repair(
    item: Item, before: str | None, after: str | None, rule: str, field: str = POSITION_FIELD
) -> dict[str, Any]:
    return {**_address(item), "field": field, "before": before, "after": after, "rule": rule}


def _merged(repairs: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """One repair per cell and rule: several findings of a row share their cell."""
    first: dict[tuple[Any, ...], dict[str, Any]] = {}
    for repair in repairs:
        key = tuple(repair[name] for name in ("file", "sheet", "row", "field", "rule"))
        if key in first:
            first[key] = {**first[key], "after": f"{first[key]['after']}; {repair['after']}"}
        else:
            first[key] = repair
    return list(first.values())
