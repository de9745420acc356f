"""Positions in every notation; places of the same finding as text."""

from __future__ import annotations

from typing import Any

from pyproj import Transformer

from tests.ledger.torture.case import CENTRE, UNIT, Case, Files, Finding
from tests.ledger.torture.kit import FIELDS, found, xlsx

ON = "2026-05-03"
PLACE = "王家村东500米"
AT = (114.5125, 34.5125)  # 114°30′45″ E, 34°30′45″ N
HERE = (Finding(ON, "张三", PLACE, AT),)


def _plane(epsg: int) -> tuple[float, float]:
    east, north = Transformer.from_crs(4490, epsg, always_xy=True).transform(*AT)
    return round(east, 2), round(north, 2)


def _column(value: Any) -> Files:
    return {f"{UNIT}/台账.xlsx": xlsx([*found(ON, "张三", PLACE), value], head=[*FIELDS, "坐标"])}


def _columns(first: Any, second: Any, names: tuple[str, str] = ("经度", "纬度")) -> Files:
    return {f"{UNIT}/台账.xlsx": xlsx([*found(ON, "张三", PLACE), first, second], head=[*FIELDS, *names])}


def _in_place(text: str) -> Files:
    return {f"{UNIT}/台账.xlsx": xlsx(found(ON, "张三", text))}


def _case(name: str, hard: str, value: Any) -> Case:
    return Case(f"xy-{name}", hard, lambda: _column(value), HERE)


def _unusable(name: str, hard: str, value: str) -> Case:
    """The finding is kept without a position, and the cell is listed."""
    return Case(f"xy-{name}", hard, lambda: _column(value), (Finding(ON, "张三", PLACE),), rows=("position",))


ZONE = _plane(4526)  # CGCS2000 three-degree zone 38, easting with the zone number
MERIDIAN = _plane(4547)  # the same zone without it
SIX = _plane(4497)  # CGCS2000 six-degree zone 19 (central meridian 111), easting with the zone number

CASES = (
    _case("decimal", "114.5125,34.5125", "114.5125,34.5125"),
    _case("decimal-chinese-comma", "full-width comma and blank", "１１４．５１２５，　３４．５１２５"),
    _case("letters", "E114.5125 N34.5125", "E114.5125 N34.5125"),
    _case("words-swapped", "北纬 first, degrees, minutes, seconds", "北纬34°30′45″，东经114°30′45″"),
    _case("ascii-dms", "typed with ' and \"", "114°30'45\"E 34°30'45\"N"),
    _case("double-prime", "seconds as two apostrophes", "114°30'45'' 34°30'45''"),
    _case("chinese-dms", "度分秒 in characters", "东经114度30分45秒，北纬34度30分45秒"),
    _case("minutes", "degrees and decimal minutes", "114°30.75′ 34°30.75′"),
    _case("dashes", "114-30-45/34-30-45", "114-30-45/34-30-45"),
    _case("swapped", "latitude first without a word", "34.5125 114.5125"),
    _case("zone", "CGCS2000, easting with zone number 38", f"X={ZONE[1]} Y={ZONE[0]}"),
    _case("zone-other-order", "easting first, labelled the other way round", f"X:{ZONE[0]}，Y:{ZONE[1]}"),
    _case("meridian", "no zone number: only the city tells the meridian", f"{MERIDIAN[0]},{MERIDIAN[1]}"),
    _case("six-degree", "six-degree zone 19", f"{SIX[0]},{SIX[1]}"),
    _unusable("half", "only one number: a finding without position", "114.5125"),
    _unusable("words-only", "手机定位见照片 in the coordinate column", "手机定位见照片"),
    _unusable("zeros", "0,0 as phones write without a fix", "0,0"),
    _unusable("phone-number", "a phone number in the coordinate column", "13812345678"),
    _unusable("far-away", "a position in Beijing: kept as finding, not used as its place", "116.3975,39.9085"),
    Case("xy-columns", "two numeric columns", lambda: _columns(114.5125, 34.5125), HERE),
    Case("xy-columns-swapped", "the two columns are exchanged", lambda: _columns(34.5125, 114.5125), HERE),
    Case("xy-columns-text", "degree signs in two columns", lambda: _columns("114°30′45″", "34°30′45″"), HERE),
    Case(
        "xy-columns-plane",
        "X and Y columns hold northing and easting",
        lambda: _columns(ZONE[1], ZONE[0], ("X坐标", "Y坐标")),
        HERE,
    ),
    Case("xy-comma-decimal", "a slip: 114,5125 for 114.5125", lambda: _columns("114,5125", "34,5125"), HERE),
    Case(
        "xy-in-place",
        "position in brackets behind the place",
        lambda: _in_place("王家村东500米（114.5125，34.5125）"),
        (Finding(ON, "张三", (PLACE, "王家村东500米(114.5125,34.5125)"), AT),),
    ),
    Case(
        "xy-corners",
        "four corners of the plot: their middle",
        lambda: _column("114.5120,34.5120；114.5130,34.5120；114.5130,34.5130；114.5120,34.5130"),
        HERE,
    ),
)
assert abs(AT[0] - CENTRE[0]) < 0.02
