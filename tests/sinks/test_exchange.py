from __future__ import annotations

import io
import json
import math
import xml.etree.ElementTree as ElementTree
from datetime import date

import geopandas as gpd
import gpxpy
import pandas as pd
import pyogrio
import pytest
from shapely.geometry import MultiPolygon, Polygon, box, shape

from pipeline.sinks.archive import zip_bytes
from pipeline.sinks.exchange import geojson_bytes, gpx_bytes, kml_bytes

CRS = "EPSG:4547"
DAY = date(2026, 10, 31)
RING = [(500000, 3400000), (500000, 3400100), (500100, 3400100), (500100, 3400000)]  # clockwise
HOLE = [(500040, 3400040), (500060, 3400040), (500060, 3400060), (500040, 3400060)]


def places() -> gpd.GeoDataFrame:
    return gpd.GeoDataFrame(
        {
            "JCBH": ["甲<1>", "乙&2", "丙"],
            "HSX": pd.to_datetime(["2026-10-08", None, None]).astype("datetime64[ms]"),
            "JCMJ": [9600.0, float("nan"), 0.0],
            "BZ": ['"引号"\x08', None, ""],
        },
        geometry=[Polygon(RING, [HOLE]), MultiPolygon([box(0, 0, 1, 1), box(3, 3, 4, 4)]), None],
        crs=CRS,
    )


def test_geojson_follows_rfc_7946() -> None:
    content = json.loads(geojson_bytes(places()))
    assert "crs" not in content and content["type"] == "FeatureCollection"
    first, second, third = content["features"]
    assert first["properties"] == {"JCBH": "甲<1>", "HSX": "2026-10-08", "JCMJ": 9600.0, "BZ": '"引号"\x08'}
    assert second["properties"]["JCMJ"] is None and third["geometry"] is None
    polygon = shape(first["geometry"])
    assert polygon.exterior.is_ccw and not polygon.interiors[0].is_ccw
    # EPSG:4547 has its central meridian at 114 degrees east and a false easting of 500 km.
    assert polygon.bounds[0] == pytest.approx(114.0, abs=1e-6) and 30.7 < polygon.bounds[1] < 30.73


def test_geojson_and_kml_open_in_gdal(tmp_path: object) -> None:
    rows = places().iloc[:2]
    frame = pyogrio.read_dataframe(io.BytesIO(geojson_bytes(rows)))
    assert len(frame) == 2 and frame.crs == "EPSG:4326"
    back = frame.to_crs(CRS).geometry.iloc[0]
    assert back.symmetric_difference(rows.geometry.iloc[0]).area < 5
    kml = kml_bytes(rows, name="JCBH", title="题", labels={"JCMJ": "监测面积"})
    assert pyogrio.read_info(io.BytesIO(kml))["features"] == 2


def test_kml_names_values_and_rings() -> None:
    text = kml_bytes(places(), name="JCBH", title="甲 & 乙", labels={"JCMJ": "监测面积"}).decode("utf-8")
    root = ElementTree.fromstring(text)
    space = {"k": "http://www.opengis.net/kml/2.2"}
    assert [node.text for node in root.findall(".//k:Placemark/k:name", space)] == ["甲<1>", "乙&2", "丙"]
    assert root.findtext("k:Document/k:name", namespaces=space) == "甲 & 乙"
    assert len(root.findall(".//k:innerBoundaryIs", space)) == 1
    assert len(root.findall(".//k:Polygon", space)) == 3 and len(root.findall(".//k:Point", space)) == 2
    assert root.find('.//k:Data[@name="监测面积"]/k:value', space).text == "9600.0"
    assert "\x08" not in text


def test_gpx_points_lie_inside_their_targets() -> None:
    parsed = gpxpy.parse(gpx_bytes(places(), name="JCBH", note="BZ", title="题", day=DAY).decode("utf-8"))
    assert [point.name for point in parsed.waypoints] == ["甲<1>", "乙&2"]
    assert parsed.time.date() == DAY
    points = gpd.GeoSeries(gpd.points_from_xy([p.longitude for p in parsed.waypoints],
                                              [p.latitude for p in parsed.waypoints]), crs="EPSG:4326")  # fmt: skip
    assert places().geometry.iloc[:2].contains(points.to_crs(CRS)).all()


def test_no_rows_and_no_crs() -> None:
    none = places().iloc[:0]
    assert json.loads(geojson_bytes(none))["features"] == []
    assert gpxpy.parse(gpx_bytes(none, name="JCBH", note="BZ", title="t", day=DAY).decode()).waypoints == []
    assert b"Placemark" not in kml_bytes(none, name="JCBH", title="t")
    bare = gpd.GeoDataFrame({"JCBH": [], "BZ": []}, geometry=[])
    for write in (
        lambda: geojson_bytes(bare),
        lambda: kml_bytes(bare, name="JCBH", title="t"),
        lambda: gpx_bytes(bare, name="JCBH", note="BZ", title="t", day=DAY),
    ):
        with pytest.raises(ValueError, match="coordinate reference"):
            write()


def test_same_bytes_again_and_input_untouched() -> None:
    rows, before = places(), places()
    assert geojson_bytes(rows) == geojson_bytes(before)
    assert kml_bytes(rows, name="JCBH", title="t") == kml_bytes(before, name="JCBH", title="t")
    pd.testing.assert_frame_equal(pd.DataFrame(rows), pd.DataFrame(before))
    assert math.isnan(rows["JCMJ"].iloc[1])


def test_zip_is_dated_by_the_period() -> None:
    members = {"柳林镇/a.txt": b"1" * 1000, "柳林镇/b.txt": b""}
    assert zip_bytes(members, day=DAY) == zip_bytes(dict(members), day=DAY)
