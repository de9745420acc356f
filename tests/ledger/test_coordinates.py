import math
import re

import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger.coordinates import (
    COMMA_DECIMAL,
    OLD_DATUM,
    SEXAGESIMAL,
    SWAPPED,
    centre,
    city_meridian,
    read_columns,
    read_coordinates,
    why_unreadable,
    zone_to_degrees,
)

LON = st.floats(74.0, 135.0)
LAT = st.floats(18.0, 53.0)


def dms(value: float) -> str:
    seconds = round(value * 3600, 2)
    return f"{int(seconds // 3600)}°{int(seconds % 3600 // 60)}′{seconds % 60:.2f}″"


def minutes(value: float) -> str:
    total = round(value * 60, 5)
    return f"{int(total // 60)}°{total % 60:.5f}'"


def dashes(value: float) -> str:
    seconds = round(value * 3600, 2)
    return f"{int(seconds // 3600)}-{int(seconds % 3600 // 60)}-{seconds % 60:.2f}"


@given(LON, LAT)
def test_degrees_round_trip_in_every_form(lon: float, lat: float) -> None:
    forms = [
        f"{lon:.6f},{lat:.6f}",
        f"{lat:.6f}，{lon:.6f}",
        f"东经{lon:.6f}度 北纬{lat:.6f}度",
        f"{lon:.6f}°E {lat:.6f}°N",
        f"WGS84 {lat:.6f},{lon:.6f}",
        f"经度{minutes(lon)} 纬度{minutes(lat)}",
        f"{dashes(lon)},{dashes(lat)}",
        f"{dashes(lat).replace('-', ':')} {dashes(lon).replace('-', ':')}",
        f"{dashes(lon).replace('-', ' ')}，{dashes(lat).replace('-', ' ')}",
        f"{dms(lon).replace('°', 'º').replace('′', '’').replace('″', '”')} {dms(lat).replace('″', chr(39) * 2)}",
        f"E{dms(lon)} N{dms(lat)}",
        f"北纬{dms(lat)}，东经{dms(lon)}",
        dms(lon).replace("°", "度").replace("′", "分").replace("″", "秒")
        + "、"
        + dms(lat).replace("°", "度").replace("′", "分").replace("″", "秒"),
    ]
    for form in forms:
        (read,) = read_coordinates(form, strict=True)
        assert read.kind == "degrees"
        assert math.isclose(read.x, lon, abs_tol=4e-6) and math.isclose(read.y, lat, abs_tol=4e-6), form


def test_what_was_repaired_is_said() -> None:
    (read,) = read_coordinates("北纬32°30′15.2″，东经114°12′30.5″", strict=False)
    assert read.rules == (SEXAGESIMAL, SWAPPED)
    assert read.x == pytest.approx(114 + 12 / 60 + 30.5 / 3600)
    assert read.y == pytest.approx(32 + 30 / 60 + 15.2 / 3600)


def test_rounding_follows_the_digits_written() -> None:
    (rough,) = read_coordinates("114.1, 32.5", strict=False)
    (fine,) = read_coordinates("114.123456, 32.5", strict=False)
    assert rough.rounding_m == pytest.approx(5550.0)
    assert fine.rounding_m < 0.1


@pytest.mark.parametrize("crs", ["EPSG:4547", "EPSG:4526"])
@given(lon=st.floats(113.0, 115.0), lat=LAT)
def test_zone_metres_with_and_without_zone_number(crs: str, lon: float, lat: float) -> None:
    x, y = pyproj.Transformer.from_crs("EPSG:4490", "EPSG:4547", always_xy=True).transform(lon, lat)
    for text, meridian in ((f"{x:.3f},{y:.3f}", None), (f"X={y:.3f} Y={38e6 + x:.3f}", 114.0)):
        (read,) = read_coordinates(text, strict=False)
        assert (read.kind, read.meridian) == ("zone", meridian)
        back = zone_to_degrees(read.x, read.y, read.meridian or city_meridian(crs))
        assert back == pytest.approx((lon, lat), abs=1e-7)


@pytest.mark.parametrize(
    "text",
    [
        "114°30.75′ 34°30.75′",
        "114°30.75'34°30.75'",
        "34°30.75′ 114°30.75′",
        "114.5125° 34.5125°",
        "114°30'45''34°30'45''",
        "114°30′45 34°30′45",
    ],
)
def test_degrees_of_the_second_number_are_no_seconds_of_the_first(text: str) -> None:
    for strict in (True, False):
        assert [(one.x, one.y) for one in read_coordinates(text, strict=strict)] == [pytest.approx((114.5125, 34.5125))]


def test_six_degree_zone_number() -> None:
    (read,) = read_coordinates("19712345, 3612345", strict=False)
    assert read.meridian == 111.0


def test_two_columns_straight_and_exchanged_and_several() -> None:
    (straight,) = read_columns("114.123456", "32.5")
    (exchanged,) = read_columns("32.5", "114.123456")
    assert (straight.x, straight.y) == (exchanged.x, exchanged.y) == (114.123456, 32.5)
    assert exchanged.rules == (SWAPPED,) and straight.rules == ()
    two = read_columns("1.114.1234\n2.114.2345", "32.1\n32.2")
    assert [(pair.x, pair.y) for pair in two] == [(114.1234, 32.1), (114.2345, 32.2)]
    assert read_columns("114.1234", "") == ()
    assert len(read_columns("114.1234,32.5", "")) == 1


@pytest.mark.parametrize(
    "text",
    [
        "王庄村东500米",
        "3亩，约2000平方米",
        "电话13812345678",
        "2026年10月3日",
        "114号院32栋",
        "G312国道K25+300",
        "",
        "0,0",
        "200.5,95.1",
    ],
)
def test_free_text_holds_no_coordinates(text: str) -> None:
    assert read_coordinates(text, strict=True) == ()


def test_numbered_list_of_coordinates() -> None:
    for text in (
        "1.114.1234,32.1；2.114.2345,32.2",
        "①114.1234,32.1②114.2345,32.2",
        "1. 114.1234,32.1\n2. 114.2345,32.2",
    ):
        assert [(c.x, c.y) for c in read_coordinates(text, strict=False)] == [(114.1234, 32.1), (114.2345, 32.2)]


def test_centre_reaches_all_corners() -> None:
    corners = read_coordinates("114.0000,32.0000;114.0010,32.0000;114.0010,32.0010;114.0000,32.0010", strict=True)
    middle = centre(corners)
    assert (middle.x, middle.y) == pytest.approx((114.0005, 32.0005))
    assert middle.rounding_m == pytest.approx(111_000 * math.hypot(0.0005, 0.0005) + corners[0].rounding_m)


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("114123456,32123456", "疑缺小数点"),
        ("经度114123456 纬度32.123", "只有一个数|不是能识别"),
        ("11412345 3212345", "疑缺小数点"),
        ("114°75′20″,32°10′20″", "不小于60"),
        ("西经114.12345，北纬32.12345", "西经"),
        ("114.12345 W, 32.12345 N", "西经"),
        ("114.12345", "只有一个数"),
        ("见附图", "不是能识别"),
        ("2026-05-03 16:30:20", "不是能识别"),
    ],
)
def test_what_would_have_to_be_guessed_is_refused_with_the_reason(text: str, why: str) -> None:
    assert read_coordinates(text, strict=False) == ()
    assert re.search(why, why_unreadable(text))
    assert why_unreadable(text).endswith("请写成114.12345,32.12345")


def test_an_older_datum_keeps_its_place_with_its_shift() -> None:
    (read,) = read_coordinates("西安80坐标 114.12345,32.12345", strict=False)
    assert (read.x, read.y, read.rounding_m) == (114.12345, 32.12345, 150.0)
    assert read.rules == (OLD_DATUM,)


def test_rounding_of_minutes_and_seconds_is_that_of_the_ground() -> None:
    (seconds,) = read_coordinates("114°12′30″,32°10′20″", strict=False)
    (minutes_only,) = read_coordinates("114°12′,32°10′", strict=False)
    assert seconds.rounding_m == pytest.approx(0.5 * 111_000 / 3600)
    assert minutes_only.rounding_m == pytest.approx(0.5 * 111_000 / 60)


def test_one_axis_in_each_cell_without_degree_signs() -> None:
    (read,) = read_columns("114-12-30.5", "32 30 15.2")
    assert (read.x, read.y) == (pytest.approx(114 + 12 / 60 + 30.5 / 3600), pytest.approx(32 + 30 / 60 + 15.2 / 3600))


@pytest.mark.parametrize("text", ["114,48123 34,51236", "34,51236；114，48123"])
def test_a_comma_for_the_point_is_read_where_nothing_else_fits_and_said(text: str) -> None:
    (found,) = read_coordinates(text, strict=False)
    assert (found.x, found.y) == (114.48123, 34.51236) and COMMA_DECIMAL in found.rules
    (apart,) = read_columns("114,48123", "34，51236")
    assert (apart.x, apart.y) == (114.48123, 34.51236)


@pytest.mark.parametrize(
    "text", ["114,481 34,512", "114,48123", "544,189 3,820,601", "114,48123 34,51236 3", "114,48123 114,51236"]
)
def test_commas_that_may_part_thousands_or_numbers_are_not_guessed(text: str) -> None:
    assert read_coordinates(text, strict=False) == ()
