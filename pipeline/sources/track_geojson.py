"""GeoJSON files to raw track points: lines with their times as properties, and dated points."""

from __future__ import annotations

import json
from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.ledger.tracks import RawTrack
from pipeline.sources.delimited import decode
from pipeline.sources.track_common import Points, TrackWords, check_size, number, parse_time, refuse

_DEVICES = ("creator", "generator", "device", "app", "software")
_NAMES = ("name", "title", "person", "people", "姓名", "人员", "巡查人员", "备注", "desc", "description")
_DEGREES = ("CRS84", "4326", "4490")


def read_geojson(
    content: bytes, words: TrackWords, *, unit_id: str, file: str, max_mb: float, max_points: int
) -> RawTrack:
    """The points of all lines of a GeoJSON text, or of its dated points where no line has times; WGS84 (RFC 7946).

    Times of a line: a list as long as its coordinates under ``coordTimes``, ``times`` or the like, also below
    ``coordinateProperties``; of a point: a property of such a name. Raises InputError E504 for a file that is no
    GeoJSON in degrees, bigger than ``max_mb`` or of more than ``max_points``.
    """
    check_size(content, file, max_mb)
    try:
        data = json.loads(decode(content)[0])
    except (ValueError, RecursionError) as problem:
        raise refuse(file, f"不是可读的GeoJSON（{type(problem).__name__}）") from problem
    if not isinstance(data, dict) or not isinstance(data.get("type"), str):
        raise refuse(file, "不是GeoJSON")
    crs = data.get("crs")
    if crs and not any(code in json.dumps(crs) for code in _DEGREES):
        raise refuse(file, "坐标系不是经纬度")
    lines, dated = Points(), Points()
    found: list[str] = []
    device = _text(data, _DEVICES)
    for shape, properties in _features(data):
        found += [text for text in (_text(properties, (name,)) for name in _NAMES) if text]
        device = device or _text(properties, _DEVICES)
        _add(shape, properties, words, lines, dated)
    points = dated if any(dated.time) and not any(lines.time) else lines
    return points.track(unit_id=unit_id, file=file, words=" ".join(found), max_points=max_points, device=device)


def _features(data: Mapping[str, Any]) -> Iterator[tuple[Mapping[str, Any], Mapping[str, Any]]]:
    features = data.get("features") if data["type"] == "FeatureCollection" else [data]
    for feature in features if isinstance(features, list) else []:
        if not isinstance(feature, dict):
            continue
        shape = feature.get("geometry") if feature.get("type") == "Feature" else feature
        properties = feature.get("properties")
        if isinstance(shape, dict):
            yield shape, properties if isinstance(properties, dict) else {}


def _add(
    shape: Mapping[str, Any], properties: Mapping[str, Any], words: TrackWords, lines: Points, dated: Points
) -> None:
    kind, spots = shape.get("type"), shape.get("coordinates")
    if not isinstance(spots, list):
        return
    stamp = _times(properties, words)
    if kind == "Point":
        if len(spots) >= 2 and not isinstance(stamp, list):
            dated.add(number(spots[0]), number(spots[1]), parse_time(stamp), 0)
        return
    parts = [spots] if kind == "LineString" else spots if kind == "MultiLineString" else []
    listed = [part for part in parts if isinstance(part, list)]
    for part, times in zip(listed, _by_part(stamp, listed), strict=True):
        segment = lines.segment[-1] + 1 if lines.segment else 0
        for spot, time in zip(part, times, strict=True):
            if isinstance(spot, list) and len(spot) >= 2:
                lines.add(number(spot[0]), number(spot[1]), parse_time(time), segment)


def _by_part(stamp: Any, parts: list[list[Any]]) -> list[list[Any]]:
    """A time for every vertex by part; none where their number does not fit."""
    sizes = [len(part) for part in parts]
    if isinstance(stamp, list) and len(stamp) == len(parts) and all(isinstance(one, list) for one in stamp):
        stamp = [time for one in stamp for time in one] if [len(one) for one in stamp] == sizes else None
    if not isinstance(stamp, list) or len(stamp) != sum(sizes):
        return [[None] * size for size in sizes]
    found, at = [], 0
    for size in sizes:
        found.append(stamp[at : at + size])
        at += size
    return found


def _times(properties: Mapping[str, Any], words: TrackWords) -> Any:
    inner = properties.get("coordinateProperties")
    sources = [inner, properties] if isinstance(inner, dict) else [properties]
    names = [(source, name) for source in sources for name in sorted(source)
             if name.casefold() in words.time_properties]  # fmt: skip
    # a list of times per vertex tells more than the time of the whole
    ranked = sorted(names, key=lambda pair: not isinstance(pair[0][pair[1]], list))
    return ranked[0][0][ranked[0][1]] if ranked else None


def _text(properties: Mapping[str, Any], names: tuple[str, ...]) -> str:
    return next((str(properties[n]).strip() for n in names if isinstance(properties.get(n), str)), "")
