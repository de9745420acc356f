"""Vector files for phones and maps: GeoJSON, KML and GPX, all in WGS84 and with the same bytes for the same rows."""

from __future__ import annotations

import json
import re
import xml.etree.ElementTree as ElementTree
from collections.abc import Mapping
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd
import shapely
from shapely.geometry.base import BaseGeometry

_DECIMALS = 7  # about a centimetre on the ground
_NOT_XML = re.compile("[^\t\n\r\u0020-\ud7ff\ue000-\ufffd\U00010000-\U0010ffff]")


def geojson_bytes(frame: gpd.GeoDataFrame) -> bytes:
    """Rows as a GeoJSON FeatureCollection (RFC 7946: longitude latitude in WGS84, outer rings counter-clockwise).

    Columns become properties under their own names, dates as ``YYYY-MM-DD``, missing values as null.
    Raises ValueError when the rows have no CRS.
    """
    shapes = _wgs84(frame)
    names = _attributes(frame)
    features = [
        {
            "type": "Feature",
            "properties": {name: _plain(value) for name, value in zip(names, row, strict=True)},
            "geometry": _rounded(shape),
        }
        for row, shape in zip(_rows(frame, names), shapes, strict=True)
    ]
    collection = {"type": "FeatureCollection", "features": features}
    return (json.dumps(collection, ensure_ascii=False, allow_nan=False, indent=1) + "\n").encode("utf-8")


def kml_bytes(frame: gpd.GeoDataFrame, *, name: str, title: str, labels: Mapping[str, str] | None = None) -> bytes:
    """Rows as KML 2.2: a named point with the outline of every row, its columns as extended data.

    ``name``: the column shown beside the point; ``title``: the document's name; ``labels``: column to heading.
    """
    root = ElementTree.Element("kml", {"xmlns": "http://www.opengis.net/kml/2.2"})
    document = ElementTree.SubElement(root, "Document")
    _text(document, "name", title)
    style = ElementTree.SubElement(document, "Style", {"id": "target"})
    _text(ElementTree.SubElement(style, "LineStyle"), "color", "ff0000ff")
    _text(ElementTree.SubElement(style, "PolyStyle"), "fill", "0")
    names = _attributes(frame)
    for row, shape, point in zip(_rows(frame, names), _wgs84(frame), _points(frame), strict=True):
        values = dict(zip(names, row, strict=True))
        mark = ElementTree.SubElement(document, "Placemark")
        _text(mark, "name", _shown(values[name]))
        _text(mark, "styleUrl", "#target")
        data = ElementTree.SubElement(mark, "ExtendedData")
        for column, value in values.items():
            entry = ElementTree.SubElement(data, "Data", {"name": (labels or {}).get(column, column)})
            _text(entry, "value", _shown(value))
        if shape is not None and point is not None:
            both = ElementTree.SubElement(mark, "MultiGeometry")
            _kml_geometry(both, point)
            _kml_geometry(both, shape)
    return _document(root)


def gpx_bytes(frame: gpd.GeoDataFrame, *, name: str, note: str, title: str, day: date) -> bytes:
    """Rows as GPX 1.1 waypoints in WGS84, one inside each row's geometry.

    ``name`` and ``note``: the columns for the waypoint's name and description; rows without geometry are left out,
    because a waypoint cannot be without a position.
    """
    root = ElementTree.Element(
        "gpx", {"version": "1.1", "creator": "xuncha", "xmlns": "http://www.topografix.com/GPX/1/1"}
    )
    metadata = ElementTree.SubElement(root, "metadata")
    _text(metadata, "name", title)
    _text(metadata, "time", f"{day.isoformat()}T00:00:00Z")
    for label, text, point in zip(frame[name], frame[note], _points(frame), strict=True):
        if point is None:
            continue
        place = {"lat": f"{point.y:.{_DECIMALS}f}", "lon": f"{point.x:.{_DECIMALS}f}"}
        waypoint = ElementTree.SubElement(root, "wpt", place)
        _text(waypoint, "name", _shown(label))
        _text(waypoint, "desc", _shown(text))
    return _document(root)


def _points(frame: gpd.GeoDataFrame) -> list[Any]:
    """A point inside every shape, found in the frame's own CRS so that all lists of a package name the same one."""
    if frame.crs is None:
        raise ValueError("rows without a coordinate reference system cannot be put on a map")
    points = frame.geometry.representative_point().to_crs("EPSG:4326")
    return [None if point is None or point.is_empty else point for point in points]


def _wgs84(frame: gpd.GeoDataFrame) -> list[BaseGeometry | None]:
    if frame.crs is None:
        raise ValueError("rows without a coordinate reference system cannot be put on a map")
    shapes = frame.geometry.to_crs("EPSG:4326")
    return [shape if shape is None or shape.is_empty else _counter_clockwise(shape) for shape in shapes]


def _counter_clockwise(shape: BaseGeometry) -> BaseGeometry:
    return shapely.orient_polygons(shapely.force_2d(shape))


def _attributes(frame: gpd.GeoDataFrame) -> list[str]:
    return [str(column) for column in frame.columns if column != frame.geometry.name]


def _rows(frame: gpd.GeoDataFrame, names: list[str]) -> list[tuple[Any, ...]]:
    return list(pd.DataFrame(frame[names]).astype("object").itertuples(index=False, name=None))


def _plain(value: Any) -> Any:
    if pd.isna(value):
        return None
    if isinstance(value, pd.Timestamp):
        return value.date().isoformat()
    return value.item() if hasattr(value, "item") else value


def _shown(value: Any) -> str:
    plain = _plain(value)
    return "" if plain is None else str(plain)


def _rounded(shape: BaseGeometry | None) -> dict[str, Any] | None:
    if shape is None or shape.is_empty:
        return None
    rounded = shapely.transform(shape, lambda points: points.round(_DECIMALS))
    geometry: dict[str, Any] = json.loads(shapely.to_geojson(rounded))
    return geometry


def _kml_geometry(parent: ElementTree.Element, shape: BaseGeometry) -> None:
    if shape.geom_type == "Point":
        _text(ElementTree.SubElement(parent, "Point"), "coordinates", _coordinates(shape))
    elif shape.geom_type == "LineString":
        _text(ElementTree.SubElement(parent, "LineString"), "coordinates", _coordinates(shape))
    elif shape.geom_type == "Polygon":
        polygon = ElementTree.SubElement(parent, "Polygon")
        rings = [("outerBoundaryIs", shape.exterior), *(("innerBoundaryIs", ring) for ring in shape.interiors)]
        for side, ring in rings:
            boundary = ElementTree.SubElement(polygon, side)
            _text(ElementTree.SubElement(boundary, "LinearRing"), "coordinates", _coordinates(ring))
    else:
        for part in shape.geoms:
            _kml_geometry(parent, part)


def _coordinates(shape: BaseGeometry) -> str:
    return " ".join(f"{x:.{_DECIMALS}f},{y:.{_DECIMALS}f}" for x, y in shape.coords)


def _text(parent: ElementTree.Element, tag: str, text: str) -> None:
    """A child with text; control characters that XML 1.0 forbids are shown as the replacement mark."""
    ElementTree.SubElement(parent, tag).text = _NOT_XML.sub("\ufffd", text)


def _document(root: ElementTree.Element) -> bytes:
    ElementTree.indent(root, " ")
    content: bytes = ElementTree.tostring(root, encoding="utf-8", xml_declaration=True)
    return content + b"\n"
