"""Where each ledger item was: stated coordinates in the inferred datum, else its text place, else nowhere."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
from pipeline.ledger.places import Gazetteer, Placed, PlaceOptions, locate
from pipeline.ledger.rows import POSITION_FIELD, UNUSABLE, Item
from pipeline.schema import ENTRIES, conform, empty

FROM_COORDINATES, FROM_PLACE, NOWHERE = "coordinates", "place", "none"
DISAGREE = "坐标与地点文字不符，误差扩大"
_DISAGREE_M = 1000.0
_CLEARLY_OFF, _CHOSEN_READING_M = 1.5, 100.0


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
    items: Sequence[Item], gazetteer: Gazetteer, territories: Mapping[str, Any], options: PlaceOptions
) -> dict[str, Placed]:
    """Text places by entry id, of findings only.

    ``territories``: the units' ground by unit id, which decides between villages of one name.
    """
    found: dict[str, Placed] = {}
    for item in items:
        text = item.texts.get("place") if item.finding else None
        placed = locate(text, gazetteer, territories.get(item.unit_id), options) if text else None
        if placed is not None:
            found[item.entry_id] = placed
    return found


def entries_table(
    items: Sequence[Item],
    datums: Mapping[str, str | None],
    placed: Mapping[str, Placed],
    *,
    crs: str,
    bounds: tuple[float, float, float, float],
    gps_uncertainty_m: float,
    max_outside_m: float,
) -> Located:
    """The table ENTRIES with points in ``crs``.

    Degrees are read in the unit's datum; where that cannot be told, as WGS84 with ``uncertainty_m`` reaching all three
    readings, unless the text place fits one of them alone (that one, within 100 m). Coordinates farther than
    ``max_outside_m`` outside ``bounds`` are rejected and the text place is used. A text place more precise than the
    coordinates wins; one that contradicts them widens ``uncertainty_m`` to reach it. Items without a place have no
    geometry and ``position_source`` ``none``.
    """
    rows: list[dict[str, Any]] = []
    repairs: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    for item in sorted(items, key=lambda item: item.order):
        datum = _datum_of(item, datums)
        position = None
        place = placed.get(item.entry_id)
        if item.coordinate is not None:
            readings = _readings(item.coordinate, datum, crs)
            position = _from_readings(readings, max(gps_uncertainty_m, item.coordinate.rounding_m), place)
            if _outside(position, bounds, max_outside_m):
                reason = "坐标不在本市范围；请核对经纬度、带号或坐标系"
                where = f"{item.coordinate.x:.8g},{item.coordinate.y:.8g}"
                rejected.append({**_address(item), "field": POSITION_FIELD, "content": where, "code": UNUSABLE,
                                 "reason": f"第{item.item}项{reason}"})  # fmt: skip
                position, datum = None, None
            elif item.coordinate.kind == "zone" and item.coordinate.meridian is None:
                repairs.append(_repair(item, f"{item.coordinate.x:.8g}", f"{city_meridian(crs):g}", ZONE_OF_CITY))
        if place is not None:
            if place.rule:
                repairs.append(_repair(item, item.texts.get("place"), place.name, place.rule, "place"))
            position, changed = _with_place(position, place)
            if changed:
                repairs.append(_repair(item, None, f"{position.uncertainty_m:.0f}", DISAGREE))
        rows.append(_row(item, position, datum))
    table = conform(ENTRIES, gpd.GeoDataFrame(rows, geometry="geometry", crs=crs)) if rows else empty(ENTRIES, crs)
    return Located(table, tuple(_merged(repairs)), tuple(rejected))


def _datum_of(item: Item, datums: Mapping[str, str | None]) -> str | None:
    if item.coordinate is None:
        return None
    if item.coordinate.kind == "zone":
        return "CGCS2000"
    return datums.get(item.unit_id) or UNKNOWN_DATUM


def _readings(stated: Coordinate, datum: str | None, crs: str) -> NDArray[np.float64]:
    """City metres (n, 2) of a coordinate: one row when its datum is known, else one for each datum, WGS84 first."""
    lon, lat = stated.x, stated.y
    if stated.kind == "zone":
        meridian = stated.meridian if stated.meridian is not None else city_meridian(crs)
        lon, lat = zone_to_degrees(stated.x, stated.y, meridian)
    readings = DATUMS if datum == UNKNOWN_DATUM else ("WGS84" if datum in (None, "CGCS2000") else datum,)
    return np.vstack([city_points(np.array([lon]), np.array([lat]), reading, crs) for reading in readings])


def _from_readings(points: NDArray[np.float64], base_m: float, place: Placed | None) -> _Position:
    """One reading as it is; of several the one that alone fits the text place, else WGS84 reaching all of them."""
    chosen, reach = points[0], base_m
    if len(points) > 1:
        reach = base_m + float(np.hypot(*(points - points[0]).T).max())
        if place is not None:
            apart = np.hypot(points[:, 0] - place.x, points[:, 1] - place.y)
            order = np.argsort(apart, kind="stable")
            if apart[order[0]] <= place.uncertainty_m and apart[order[1]] > _CLEARLY_OFF * place.uncertainty_m:
                chosen, reach = points[order[0]], max(base_m, _CHOSEN_READING_M)
    return _Position(float(chosen[0]), float(chosen[1]), reach, FROM_COORDINATES)


def _outside(position: _Position, bounds: tuple[float, float, float, float], reach_m: float) -> bool:
    if not np.isfinite([position.x, position.y]).all():
        return True
    xmin, ymin, xmax, ymax = bounds
    return not (xmin - reach_m <= position.x <= xmax + reach_m and ymin - reach_m <= position.y <= ymax + reach_m)


def _with_place(position: _Position | None, place: Placed) -> tuple[_Position, bool]:
    """The better of coordinates and text place, and whether they contradict each other."""
    told = _Position(place.x, place.y, place.uncertainty_m, FROM_PLACE)
    if position is None:
        return told, False
    apart = float(np.hypot(position.x - place.x, position.y - place.y))
    if apart > position.uncertainty_m + place.uncertainty_m + _DISAGREE_M:
        return _Position(position.x, position.y, apart + place.uncertainty_m, FROM_COORDINATES), True
    return (told, False) if place.uncertainty_m < position.uncertainty_m else (position, False)


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
