"""The words of a text place: directions, distances in every unit, roads named, and where a name's own words begin."""

from __future__ import annotations

import re
from collections.abc import Iterable
from dataclasses import dataclass

_BEARINGS = {"东": 90.0, "南": 180.0, "西": 270.0, "北": 0.0, "东南": 135.0, "东北": 45.0, "西南": 225.0,
             "西北": 315.0}  # fmt: skip
_METRES = {"米": 1.0, "M": 1.0, "公里": 1000.0, "KM": 1000.0, "千米": 1000.0, "华里": 500.0, "里": 500.0, "步": 0.7}
# a step is 0.55 to 0.85 m
_STEP_SPREAD = 0.2
_DIGITS = {character: number for number, character in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_UNIT_AHEAD = r"(?=(?:余|多|来|几)?(?:公里|千米|华里|里|米|步))"
_NUMERAL = re.compile(rf"([零〇一二两三四五六七八九十百千半]+){_UNIT_AHEAD}")
_ALONE = r"(?<![一二两三四五六七八九十百千])"
# amounts that name no number, as people mean them
_LOOSE = (
    (re.compile(rf"{_ALONE}[几数]百{_UNIT_AHEAD}"), "200-600"), (re.compile(rf"{_ALONE}[几数]十{_UNIT_AHEAD}"), "30-90"),
    (re.compile(rf"{_ALONE}十[几来多]{_UNIT_AHEAD}"), "10-20"), (re.compile(rf"{_ALONE}百(?:十来|十|把){_UNIT_AHEAD}"), "80-150"),
    (re.compile(r"里把(?:地|路)"), "0.7-1.3里"),
)  # fmt: skip
_AND_A_HALF = re.compile(r"(\d+)(公里|里)半")
_WAY = r"(?P<way>东南|东北|西南|西北|南东|北东|南西|北西|东|南|西|北)"
_TURNED = {"南东": "东南", "北东": "东北", "南西": "西南", "北西": "西北"}
_FAR = r"(?P<far>\d+(?:\.\d+)?)(?:-(?P<farther>\d+(?:\.\d+)?))?(?:余|多|来|几)?(?P<unit>公里|千米|华里|KM|米|M|里|步)"
_LEAD = (
    r"^(?:村民委员会|村委会|居委会|社区|行政村|自然村|村民小组|村民组|小组|组|村|以|正|的|往|向|偏|约|大约|处|左右|"
    r"沿(?:公|大|小)?路|再|,|、|◇|\()*"
)
_STEP = re.compile(
    rf"{_LEAD}(?:(?:公|大|小|村)?(?:路|道)|河|渠|沟)?{_WAY}(?P<edge>头|口|部|端|街|门|角)?"
    rf"(?:面|侧|边|方向|方|外|约|大约|近|处|左右|走|行|去|大概|,)*(?:{_FAR})?(?:地|路|左右|处|远)*"
)
_NAME_GOES_ON = re.compile(
    r"^(?![路地河沟渠塘田耕农坡荒空林果菜旁附有的与和及至到一二三四五六七八九十约大近])[\u4e00-\u9fff]"
)
_RING = re.compile(rf"{_LEAD}(?:外|附近|大概)*(?:{_FAR})")
_GROUP = re.compile(r"^(?:村|第)*(?:\d{1,2}|[一二三四五六七八九十]{1,3})(?:村民)?(?:小组|组|队|社)")
_HOUSE = re.compile(
    r"^(?:村|社区)?(?:[东西南北中前后]{1,2}(?:头|边|部|街|侧))?[^东南西北路\d米,、]{1,5}家(?:的)?(?:老)?"
    r"(?:房|屋|门|院|宅|对面|旁|后|前|东|西|南|北|$)"
)
_VAGUE = re.compile(r"^(?:村|社区)?(?:附近|一带|周边|周围|旁边?|边上|村?外(?!\d)|跟前)")
_INSIDE = re.compile(r"^(?:村|社区)?(?:村?内(?!的?[农耕田地])|村?里(?!\d)|庄里|街上|街里)")


@dataclass(frozen=True)
class Step:
    """One direction with or without a distance. ``bearing``: degrees from north; None: any direction.

    ``low_m``, ``high_m``: the stated distance, equal for a single number, None without one; ``edge``: 东头, 村口, 角;
    ``exact``: 东北 and the like, 正东: an eighth of
    the compass, never a quarter.
    """

    bearing: float | None
    low_m: float | None
    high_m: float | None
    edge: bool
    exact: bool


def with_digits(text: str) -> str:
    """Chinese numbers before a unit of length as digits: 五百米 500米, 半里 0.5里, 三里半 3.5里, 三五百米 400米."""
    for pattern, amount in _LOOSE:
        text = pattern.sub(amount, text)
    text = _NUMERAL.sub(lambda match: f"{_number(match[1]):g}", text)
    return _AND_A_HALF.sub(lambda match: f"{int(match[1]) + 0.5:g}{match[2]}", text)


def _number(numeral: str) -> float:
    if numeral == "半":
        return 0.5
    if several := re.fullmatch(r"([一二三四五六七八九])([二三四五六七八九])([十百千]?)", numeral):
        middle = (_DIGITS[several[1]] + _DIGITS[several[2]]) / 2
        return middle * {"": 1, "十": 10, "百": 100, "千": 1000}[several[3]]
    total, digit, last = 0.0, None, 1
    for character in numeral:
        if character in _DIGITS:
            digit = _DIGITS[character]
            last = 1 if character in "零〇" else last
        elif character == "半":
            total, digit = total + (digit or 0) + 0.5, None
        else:
            last = {"十": 10, "百": 100, "千": 1000}[character]
            total += (1 if digit is None else digit) * last
            digit = None
    # 一百五 is 150, 一百零五 is 105
    return total + (digit or 0) * (last / 10 if last > 10 and total else 1)


def step_at(tail: str) -> tuple[Step, str] | None:
    """The direction (and distance) a text begins with, and the rest; None where it begins with none."""
    match = _STEP.match(tail)
    if match is None:
        return None
    rest = tail[match.end() :]
    if match.end() == match.end("way") and _NAME_GOES_ON.match(rest):
        # 王庄村东赵营: 东赵营 is a hamlet, not the east of 王庄
        return None
    exact = len(match["way"]) == 2 or f"正{match['way']}" in match[0]
    way = _TURNED.get(match["way"], match["way"])
    return Step(_BEARINGS[way], *_told(match), bool(match["edge"]), exact), rest


def ring_at(tail: str) -> tuple[Step, str] | None:
    """A distance without a direction that a text begins with, and the rest."""
    match = _RING.match(tail)
    return None if match is None else (Step(None, *_told(match), False, False), tail[match.end() :])


def _told(match: re.Match[str]) -> tuple[float | None, float | None]:
    if not match["far"]:
        return None, None
    unit = _METRES[match["unit"]]
    low, high = float(match["far"]) * unit, float(match["farther"] or match["far"]) * unit
    if match["unit"] == "步":
        low, high = low * (1 - _STEP_SPREAD), high * (1 + _STEP_SPREAD)
    return min(low, high), max(low, high)


def is_group(tail: str) -> bool:
    """Whether a villagers' group follows (三组, 第3村民组): its houses may stand anywhere on the village's land."""
    return _GROUP.match(tail) is not None


def is_house(tail: str) -> bool:
    """Whether somebody's house follows (张建国家房后)."""
    return _HOUSE.match(tail) is not None


def is_vague(tail: str) -> bool:
    """Whether only 附近, 一带, 周边 follow."""
    return _VAGUE.match(tail) is not None


def is_inside(tail: str) -> bool:
    """Whether the text says that it is among the houses (村内)."""
    return _INSIDE.match(tail) is not None


def names_in(text: str, names: Iterable[str]) -> list[tuple[str, int, int]]:
    """Names in reading order as (name, from, to); a name inside a longer one does not count."""
    found: list[tuple[str, int, int]] = []
    for name in sorted(names, key=lambda name: (-len(name), name)):
        at = text.find(name) if len(name) >= 2 else -1
        if at >= 0 and all(at >= end or at + len(name) <= start for _, start, end in found):
            found.append((name, at, at + len(name)))
    return sorted(found, key=lambda name: name[1])
