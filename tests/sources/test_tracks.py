import io
import json
import zipfile
from datetime import date, datetime
from pathlib import Path
from typing import Any

import numpy as np
import openpyxl
import pytest

from pipeline.errors import InputError
from pipeline.ledger.tracks import RawTrack
from pipeline.sources.track_common import parse_time, track_words
from pipeline.sources.track_gpx import read_gpx
from pipeline.sources.tracks import read_track, read_track_files
from pipeline.sources.unit_folders import UnitFile

WORDS = track_words(date(2026, 10, 1))
HEAD = '<?xml version="1.0" encoding="UTF-8"?>\n'
GPX = (
    HEAD
    + """<gpx version="1.1" creator="t" xmlns="http://www.topografix.com/GPX/1/1">
<metadata><name>九月巡查</name></metadata><trk><name>张三</name>
<trkseg><trkpt lat="32.5" lon="114.3"><time>2026-09-03T01:00:00Z</time></trkpt>
<trkpt lat="32.6" lon="114.4"><time>2026-09-03T09:00:20+08:00</time></trkpt></trkseg>
<trkseg><trkpt lat="32.7" lon="114.5"/></trkseg></trk></gpx>"""
)
NINE = ["2026-09-03T01:00:00", "2026-09-03T01:00:20"]


def times(*texts: str) -> list[Any]:
    return np.array(texts, "datetime64[ms]").tolist()


def read(content: str | bytes, max_mb: float = 1.0, max_points: int = 100) -> RawTrack:
    raw = content.encode("utf-8") if isinstance(content, str) else content
    return read_gpx(raw, unit_id="U1", file="a.gpx", max_mb=max_mb, max_points=max_points)


def every(content: str | bytes, file: str, *, max_unpacked_mb: float = 10.0, max_points: int = 100) -> list[RawTrack]:
    raw = content.encode("utf-8") if isinstance(content, str) else content
    return read_track(
        raw, WORDS, unit_id="U1", file=f"tracks/王庄镇/{file}", max_mb=1.0, max_unpacked_mb=max_unpacked_mb,
        max_points=max_points,
    )  # fmt: skip


def one(content: str | bytes, file: str, **options: Any) -> RawTrack:
    (track,) = every(content, file, **options)
    return track


def test_points_times_and_words() -> None:
    track = read(GPX)
    assert track.lon.tolist() == [114.3, 114.4, 114.5] and track.lat.tolist() == [32.5, 32.6, 32.7]
    assert track.time[:2].tolist() == times(*NINE)
    assert np.isnat(track.time[2])
    assert track.segment.tolist() == [0, 0, 1]
    assert "张三" in track.words and "九月巡查" in track.words
    assert (track.device, track.standard, track.zoned) == ("t", True, True)
    assert read("\ufeff" + GPX).lon.tolist() == track.lon.tolist()
    assert read(GPX.encode("gb18030")).words == track.words


def test_gpx_times_without_a_zone_are_left_open() -> None:
    bare = GPX.replace("00Z<", "00<").replace("+08:00", "")
    track = read(bare)
    assert not track.zoned and track.time[:2].tolist() == times("2026-09-03T01:00:00", "2026-09-03T09:00:20")


BOMB = HEAD + '<!DOCTYPE lolz [<!ENTITY a "ha"><!ENTITY b "&a;&a;&a;&a;">]>' + GPX[len(HEAD) :].replace("张三", "&b;")
KML_BOMB = '<!DOCTYPE k [<!ENTITY a "x">]><kml><Document><name>&a;</name></Document></kml>'


@pytest.mark.parametrize(
    "content",
    [
        BOMB,
        GPX.replace("<gpx ", "<! doctype x><gpx ", 1),
        GPX[:300],
        "",
        "<gpx",
        b"\xff\xfe<\x00g\x00",
        GPX.replace('"32.5"', '"abc"'),
    ],
)
def test_bombs_and_damage_are_refused(content: str | bytes) -> None:
    with pytest.raises(InputError) as problem:
        read(content)
    assert problem.value.code == "E504"


def test_size_is_bounded() -> None:
    with pytest.raises(InputError, match="MB"):
        read(GPX, max_mb=1e-4)
    with pytest.raises(InputError, match="3个点"):
        read(GPX, max_points=2)


def test_one_bad_file_does_not_stop_others(tmp_path: Path) -> None:
    for name, content in (("a.gpx", GPX), ("b.gpx", BOMB), ("c.kml", "<kml/>"), ("d.fit", "x")):
        (tmp_path / name).write_text(content, encoding="utf-8")
    names = ("a.gpx", "b.gpx", "c.kml", "d.fit", "gone.gpx")
    files = [UnitFile("U1", tmp_path / name, f"tracks/王庄镇/{name}") for name in names]
    tracks, rejected = read_track_files(files, WORDS, max_mb=1.0, max_unpacked_mb=10.0, max_points=100)
    # a KML without anything in it is a track without points, which cleaning refuses with its reason
    assert [(track.file[-5:], len(track.lon)) for track in tracks] == [("a.gpx", 3), ("c.kml", 0)]
    assert [(row["file"][-5:], row["code"]) for row in rejected] == [
        ("b.gpx", "E504"),
        ("d.fit", "E504"),
        ("e.gpx", "E504"),
    ]
    assert "KML" in rejected[1]["reason"]


# --- KML and KMZ ---------------------------------------------------------------------------------------------

KML = (
    HEAD
    + """<kml xmlns="http://www.opengis.net/kml/2.2" xmlns:gx="http://www.google.com/kml/ext/2.2"><Document>
<name>巡查</name>%s</Document></kml>"""
)
GX = """<Placemark><name>张三</name><gx:Track><when>2026-09-03T01:00:00Z</when><when>2026-09-03T09:00:20+08:00</when>
<gx:coord>114.3 32.5 60</gx:coord><gx:coord>114.4 32.6 61</gx:coord></gx:Track></Placemark>"""
LINE = "<LineString><coordinates>114.3,32.5,0 114.3,32.6,0\n114.3,32.8</coordinates></LineString>"


def test_gx_track() -> None:
    track = one(KML % (GX + f"<Placemark>{LINE}</Placemark>"), "a.kml")
    assert track.lon.tolist() == [114.3, 114.4] and track.lat.tolist() == [32.5, 32.6]
    assert track.time.tolist() == times(*NINE) and track.words == "巡查 张三" and not track.doubts


def test_gx_track_whose_times_do_not_fit_its_points_has_none() -> None:
    track = one(KML % GX.replace("<when>2026-09-03T01:00:00Z</when>", ""), "a.kml")
    assert np.isnat(track.time).all() and "时间不采用" in track.notes[0]


def test_a_line_with_a_time_span_is_spread_over_the_way_and_doubted() -> None:
    span = "<TimeSpan><begin>2026-09-03T01:00:00Z</begin><end>2026-09-03T01:30:00Z</end></TimeSpan>"
    track = one(KML % f"<Placemark>{span}{LINE}</Placemark>", "a.kml")
    assert track.time.tolist() == times("2026-09-03T01:00:00", "2026-09-03T01:10:00", "2026-09-03T01:30:00")
    assert track.doubts


def test_dated_points_and_bare_lines() -> None:
    spots = "".join(
        f"<Placemark><TimeStamp><when>2026-09-03T01:00:{s}Z</when></TimeStamp><Point><coordinates>114.{s},32.5"
        "</coordinates></Point></Placemark>"
        for s in ("10", "30")
    )
    assert one(KML % spots, "a.kml").lon.tolist() == [114.10, 114.30]
    bare = one(KML % f"<Placemark>{LINE}</Placemark>", "a.kml")
    assert len(bare.lon) == 3 and np.isnat(bare.time).all()


def zipped(**members: bytes) -> bytes:
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, content in members.items():
            archive.writestr(name.replace("_", "."), content)
    return stream.getvalue()


def test_kmz_and_renamed_files() -> None:
    document = (KML % GX).encode()
    assert one(zipped(doc_kml=document, icon_png=b"x"), "a.kmz").lon.tolist() == [114.3, 114.4]
    assert [track.part for track in every(zipped(a_kml=document, b_kml=document), "a.kmz")] == ["a.kml", "b.kml"]
    assert one(document, "a.xml").lon.tolist() == one(document, "a.gpx").lon.tolist() == [114.3, 114.4]
    assert one(GPX, "a.xml").lon.tolist() == read(GPX).lon.tolist()


@pytest.mark.parametrize(
    ("content", "file", "why"),
    [
        (KML_BOMB, "a.kml", "ENTITY"),
        ("<svg/>", "a.kml", "svg"),
        (zipped(doc_kml=KML_BOMB.encode()), "a.kmz", "ENTITY"),
        (zipped(doc_kml=b" " * 3_000_000), "a.kmz", "解压后"),
        (zipped(readme_txt=b"x"), "a.kmz", "没有KML"),
        (b"PK\x03\x04torn", "a.kmz", "不是可读的KMZ"),
    ],
)
def test_bad_kml_is_refused(content: str | bytes, file: str, why: str) -> None:
    with pytest.raises(InputError, match=why) as problem:
        every(content, file, max_unpacked_mb=2.0)
    assert problem.value.code == "E504"


# --- GeoJSON -------------------------------------------------------------------------------------------------


def feature(kind: str, coordinates: Any, **properties: Any) -> dict[str, Any]:
    return {"type": "Feature", "geometry": {"type": kind, "coordinates": coordinates}, "properties": properties}


def collection(*features: Any, **more: Any) -> str:
    return json.dumps({"type": "FeatureCollection", "features": list(features), **more}, ensure_ascii=False)


TWO = [[114.3, 32.5], [114.4, 32.6, 50]]


@pytest.mark.parametrize(
    "properties",
    [
        {"coordTimes": ["2026-09-03T01:00:00Z", "2026-09-03T09:00:20+08:00"]},
        {"coordinateProperties": {"times": [1788397200000, 1788397220000]}, "time": "2026-09-03T00:00:00Z"},
        {"timestamps": [1788397200, 1788397220]},
    ],
)
def test_geojson_lines(properties: dict[str, Any]) -> None:
    track = one(collection(feature("LineString", TWO, **properties), creator="某巡查APP"), "a.geojson")
    assert track.lon.tolist() == [114.3, 114.4] and track.time.tolist() == times(*NINE)
    assert track.device == "某巡查APP"


def test_geojson_parts_points_and_missing_times() -> None:
    nested = feature("MultiLineString", [TWO, TWO], coordTimes=[["2026-09-03T01:00:00Z"] * 2] * 2)
    track = one(collection(nested), "a.json")
    assert track.segment.tolist() == [0, 0, 1, 1] and not np.isnat(track.time).any()
    short = one(collection(feature("LineString", TWO, coordTimes=["2026-09-03T01:00:00Z"])), "a.geojson")
    assert np.isnat(short.time).all()
    spots = [
        feature("Point", spot, **{"定位时间": f"2026-09-03 09:00:{s}"}) for spot, s in zip(TWO, (10, 30), strict=True)
    ]
    dated = one(collection(*spots), "a.geojson")
    assert not dated.zoned and dated.time.tolist() == times("2026-09-03T09:00:10", "2026-09-03T09:00:30")


@pytest.mark.parametrize(
    "content",
    ["", "[1]", "{}", "[" * 100_000, collection(feature("Point", TWO[0]), crs={"name": "EPSG:4547"}), b"\xff\xfe\x00"],
)
def test_bad_geojson_is_refused(content: str | bytes) -> None:
    with pytest.raises(InputError) as problem:
        every(content, "a.geojson")
    assert problem.value.code == "E504"


# --- tables --------------------------------------------------------------------------------------------------

PHONE = "巡查人员,经度,纬度,定位时间\n张三,114.3,32.5,2026-09-03 09:00:00\n张三,114.4,32.6,2026年9月3日9时0分20秒\n"


@pytest.mark.parametrize("encoding", ["utf-8", "utf-8-sig", "gb18030", "utf-16"])
def test_phone_csv_in_any_encoding(encoding: str) -> None:
    track = one(PHONE.encode(encoding), "a.csv")
    assert track.lon.tolist() == [114.3, 114.4] and track.time.tolist() == times(*NINE)
    assert "张三" in track.words and not track.standard and track.stated_datum is None


def test_vehicle_csv_gives_a_recording_per_vehicle() -> None:
    text = "车辆轨迹导出\n车牌号\t定位时间\t经度\t纬度\t速度\n" + "".join(
        f"{plate}\t20260903090{n}00\t{114_300_000 + n}\t{32_500_000 + n}\t40\n"
        for plate in ("豫B2", "豫A1")
        for n in (1, 2)
    )
    tracks = every(text, "a.txt")
    assert [track.part for track in tracks] == ["豫A1", "豫B2"]
    assert tracks[0].lon.tolist() == pytest.approx([114.300001, 114.300002]) and "百万分之一" in tracks[0].notes[0]
    assert tracks[0].time.tolist() == times("2026-09-03T01:01:00", "2026-09-03T01:02:00")


def test_workbook_with_date_and_clock_swapped_axes_and_a_stated_datum() -> None:
    book = openpyxl.Workbook()
    for row in (
        ("日期", "时间", "经度(GCJ02)", "纬度(GCJ02)"),
        (datetime(2026, 9, 3), "09:00:00", 32.5, 114.3),
        (datetime(2026, 9, 3), "09:00:20", 32.6, 114.4),
    ):
        book.active.append(row)
    stream = io.BytesIO()
    book.save(stream)
    track = one(stream.getvalue(), "a.xlsx")
    assert track.lon.tolist() == [114.3, 114.4] and track.time.tolist() == times(*NINE)
    assert track.stated_datum == "GCJ-02" and "互换" in track.notes[0]


def test_degrees_with_minutes_and_utc_heading() -> None:
    track = one("lon,lat,UTC时间\n11418.0,3230.0,2026-09-03 01:00:00\n11424.0,3236.0,2026-09-03 01:00:20\n", "a.csv")
    assert track.lon.tolist() == pytest.approx([114.3, 114.4]) and track.time.tolist() == times(*NINE)


@pytest.mark.parametrize(
    "content", ["", "甲,乙\n1,2\n", "经度,纬度\n114,32\n", "经度,纬度,时间\n", b"PK\x03\x04", b"\x00\x01\x02" * 50]
)
def test_bad_tables_are_refused(content: str | bytes) -> None:
    with pytest.raises(InputError) as problem:
        every(content, "a.csv")
    assert problem.value.code == "E504"


def test_too_many_rows_are_refused_and_unreadable_cells_are_no_points() -> None:
    with pytest.raises(InputError, match="3个点"):
        every(PHONE + "张三,1,2,x\n", "a.csv", max_points=2)
    track = one(PHONE + "张三,无信号,32.5,昨天\n", "a.csv")
    assert np.isnan(track.lon[2]) and np.isnat(track.time[2])


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("2026/9/3 9:05", "2026-09-03T09:05:00"),
        ("2026.09.03 下午 1:05:07", "2026-09-03T13:05:07"),
        ("2026-09-03T09:05:07.250", "2026-09-03T09:05:07.250000"),
        ("2026-09-03 12:05:00 AM", "2026-09-03T00:05:00"),
        ("202609030905", "2026-09-03T09:05:00"),
        ("260903090507", "2026-09-03T09:05:07"),
        (46268.375, "2026-09-03T09:00:00"),
        ("1788397200", "2026-09-03T01:00:00+00:00"),
        (1788397200000, "2026-09-03T01:00:00+00:00"),
        ("2026-09-03T09:05:00-0530", "2026-09-03T09:05:00-05:30"),
        ("2026-13-03 09:05", None),
        ("2026-09-03 09:05+99:99", None),
        ("九点", None),
        ("12", None),
        (True, None),
        (None, None),
    ],
)
def test_times_as_people_and_devices_write_them(text: Any, expected: str | None) -> None:
    found = parse_time(text)
    assert (None if found is None else found.isoformat()) == expected
