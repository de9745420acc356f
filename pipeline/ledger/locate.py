"""Places told in words (王庄村东500米路南) as areas of uncertainty, never as points.

Every reading is a cloud of points the words allow: distances are counted from the middle of the houses by some and from
the last house by others, are off by a share, and a direction is one of eight. The area is the smallest circle around
the cloud.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.ledger.placenames import HOMOPHONE, SPELLING, Hit, fold
from pipeline.ledger.places import VILLAGE, Gazetteer

OTHER_UNIT = "地点写明其他乡镇"

_BEARINGS = {"东": 90.0, "南": 180.0, "西": 270.0, "北": 0.0, "东南": 135.0, "东北": 45.0, "西南": 225.0,
             "西北": 315.0}  # fmt: skip
_METRES = {"米": 1.0, "M": 1.0, "公里": 1000.0, "KM": 1000.0, "千米": 1000.0, "华里": 500.0, "里": 500.0}
_DIGITS = {character: number for number, character in enumerate("零一二三四五六七八九")} | {"两": 2, "〇": 0}
_NUMERAL = re.compile(r"([零〇一二两三四五六七八九十百千半]+)(?=(?:余|多|来|几)?(?:公里|千米|华里|里地|里|米))")
_WAY = r"(?P<way>东南|东北|西南|西北|南东|北东|南西|北西|东|南|西|北)"
_TURNED = {"南东": "东南", "北东": "东北", "南西": "西南", "北西": "西北"}
_FAR = r"(?P<far>\d+(?:\.\d+)?)(?:-(?P<farther>\d+(?:\.\d+)?))?(?:余|多|来|几)?(?P<unit>公里|千米|华里|KM|米|M|里)"
_LEAD = (
    r"^(?:村民委员会|村委会|居委会|社区|行政村|自然村|村|以|正|的|往|向|约|大约|处|左右|沿(?:公|大|小)?路|再|,|、|\()*"
)
_STEP = re.compile(
    rf"{_LEAD}(?:(?:公|大|小|村)?(?:路|道)|河|渠|沟)?{_WAY}(?P<edge>头|口|部|端|街|门)?"
    rf"(?:面|侧|边|方向|方|外|约|大约|近|处|左右|走|行|去|大概|,)*(?:{_FAR})?(?:地|路|左右|处|远)*"
)
_GROUP = re.compile(r"^(?:村|第)*(?:\d{1,2}|[一二三四五六七八九十]{1,3})(?:村民)?(?:小组|组|队|社)")
_RING = re.compile(rf"{_LEAD}(?:外|附近|大概)*(?:{_FAR})")
_BETWEEN = re.compile(r"^(?:村委会|村|社区)?(?:与|和|、|至|到|-)")
_BETWEEN_WORDS = re.compile(r"之间|交界|中间|接壤|交汇|结合部|路段|段")
_CROSSING = re.compile(r"交叉|交汇|相交|路口|十字|丁字|岔口|口")
_BEYOND_M, _EDGE_M, _LANDMARK_M = 300.0, 60.0, 80.0
_ONE_CROSSING_M, _NEAR_ROAD_M, _CROSSING_M = 300.0, 60.0, 80.0
_ROAD_MOST_M = 3000.0


@dataclass(frozen=True)
class PlaceOptions:
    """How far a text place may be off.

    ``least_m``: smallest radius; ``village_share``: of a bare name, in radii of its land; ``offset_village_share``:
    0.5 lets a distance count from anywhere between the middle and the last house; ``offset_distance_share``: how far
    a stated distance is off; ``direction_degrees``: how far a direction is off, to either side.
    """

    least_m: float
    village_share: float
    offset_village_share: float
    offset_distance_share: float
    direction_degrees: float


@dataclass(frozen=True)
class Placed:
    """Centre and radius of uncertainty in the city's CRS, metres; the name used and how it was recognised.

    ``kind``: what the words gave (name, offset, landmark, between, road, crossing, photo).
    """

    x: float
    y: float
    uncertainty_m: float
    name: str
    rule: str = ""
    kind: str = "name"


@dataclass(frozen=True)
class _Cloud:
    points: NDArray[np.float64]
    kind: str


def locate(
    text: str, gazetteer: Gazetteer, near: Any, options: PlaceOptions, towns: Mapping[str, Any] | None = None
) -> Placed | None:
    """The area a place text means; None when no single place is recognised.

    ``near``: the unit's ground, which decides between villages of one name; ``towns``: ground by township name, which
    replaces ``near`` where the text names a township. A village, hamlet or landmark may be followed by directions and
    distances, one after the other; named roads give their crossings, or their part in the village or near its offset.
    """
    folded = _with_digits(fold(text, gazetteer.words))
    rule = ""
    for town, ground in sorted((towns or {}).items()):
        name = fold(town, gazetteer.words)
        if len(name) >= 2 and name in folded and ground is not None:
            rule = OTHER_UNIT if near is None or not near.equals(ground) else rule
            folded, near = folded.replace(name, "", 1), ground
            break
    roads = _roads_named(folded, gazetteer)
    if len(roads) >= 2 and _CROSSING.search(folded):
        crossing = _crossing(folded, roads, gazetteer, near, options)
        if crossing is not None:
            return _with_rule(crossing, rule)
    hit = gazetteer.find(_without(folded, roads), near)
    if hit is None:
        along = _along(roads[0][0], gazetteer, near, options) if roads else None
        return None if along is None else _with_rule(along, rule)
    cloud = _between(folded, hit, gazetteer, near) or _from_place(_tail(folded, hit), hit, gazetteer, options)
    placed = _enclosed(cloud, gazetteer.names[hit.row], options)
    for name, _, _ in roads:
        placed = _on_road(placed, gazetteer.roads[name], hit, gazetteer, options)
    wider = 1.5 if hit.rule in (SPELLING, HOMOPHONE) else 1.0
    rules = "；".join(dict.fromkeys(part for part in (rule, hit.rule) if part))
    return Placed(placed.x, placed.y, placed.uncertainty_m * wider, placed.name, rules, placed.kind)


def _tail(text: str, hit: Hit) -> str:
    """What follows a name, its own 村 included, so that 王庄村委会 and 王庄 村委会 read alike."""
    return text[hit.end - (text[hit.end - 1] == "村") :]


def _with_rule(placed: Placed, rule: str) -> Placed:
    return Placed(placed.x, placed.y, placed.uncertainty_m, placed.name, rule, placed.kind)


def _with_digits(text: str) -> str:
    """Chinese numbers before a unit of length as digits: 五百米 500米, 半里 0.5里, 三五百米 400米."""
    return _NUMERAL.sub(lambda match: f"{_number(match[1]):g}", text)


def _number(numeral: str) -> float:
    if numeral == "半":
        return 0.5
    if several := re.fullmatch(r"([一二三四五六七八九])([二三四五六七八九])([十百千]?)", numeral):
        middle = (_DIGITS[several[1]] + _DIGITS[several[2]]) / 2
        return middle * {"": 1, "十": 10, "百": 100, "千": 1000}[several[3]]
    total, digit = 0.0, None
    for character in numeral:
        if character in _DIGITS:
            digit = _DIGITS[character]
        elif character == "半":
            total, digit = total + (digit or 0) + 0.5, None
        else:
            total += (1 if digit is None else digit) * {"十": 10, "百": 100, "千": 1000}[character]
            digit = None
    return total + (digit or 0)


def _roads_named(text: str, gazetteer: Gazetteer) -> list[tuple[str, int, int]]:
    """Named roads in reading order as (name, from, to); a name inside a longer one does not count."""
    found: list[tuple[str, int, int]] = []
    for name in sorted(gazetteer.roads, key=lambda name: (-len(name), name)):
        at = text.find(name) if len(name) >= 2 else -1
        if at >= 0 and all(at >= end or at + len(name) <= start for _, start, end in found):
            found.append((name, at, at + len(name)))
    return sorted(found, key=lambda road: road[1])


def _without(text: str, roads: Sequence[tuple[str, int, int]]) -> str:
    """The text with road names blanked, because many are named after a village; positions stay."""
    for _, start, end in roads:
        text = text[:start] + "、" * (end - start) + text[end:]
    return text


def _crossing(
    text: str, roads: Sequence[tuple[str, int, int]], gazetteer: Gazetteer, near: Any, options: PlaceOptions
) -> Placed | None:
    """Where the first two roads meet; of several crossings those inside ``near``, if they are one place."""
    one, other = (gazetteer.roads[name] for name, _, _ in roads[:2])
    met = one.intersection(other)
    if met.is_empty:
        if one.distance(other) > _NEAR_ROAD_M:
            return None
        met = shapely.shortest_line(one, other)
    spots = shapely.get_coordinates(met)
    inside = spots if near is None else spots[shapely.intersects_xy(near, spots[:, 0], spots[:, 1])]
    spots = inside if len(inside) else spots
    if math.hypot(*np.ptp(spots, axis=0)) > 2 * _ONE_CROSSING_M:
        return None
    tail = re.sub(r"^[^东南西北]*?(?:交叉|交汇|相交|十字|丁字|路口|岔口)(?:路?口|处)*", "", text[roads[1][2] :])
    step = _STEP.match(tail)
    cloud = _moved(spots, step, options, least_m=(0.0, _CROSSING_M)) if step else _disc(spots, _CROSSING_M)
    return _enclosed(_Cloud(cloud, "crossing"), "与".join(name for name, _, _ in roads[:2]), options)


def _along(name: str, gazetteer: Gazetteer, near: Any, options: PlaceOptions) -> Placed | None:
    """A road alone means its part in the unit's ground, unless that is too long to say anything."""
    part = gazetteer.roads[name].intersection(near) if near is not None else gazetteer.roads[name]
    if part.is_empty:
        return None
    placed = _enclosed(_Cloud(_disc(shapely.get_coordinates(part), _NEAR_ROAD_M), "road"), name, options)
    return placed if placed.uncertainty_m <= _ROAD_MOST_M else None


def _on_road(placed: Placed, road: Any, hit: Hit, gazetteer: Gazetteer, options: PlaceOptions) -> Placed:
    """The part of the area near a road that the text names as well; the area itself where the road is not there."""
    area = shapely.Point(placed.x, placed.y).buffer(placed.uncertainty_m)
    if placed.kind == "name":
        area = gazetteer.lands[hit.row]
    part = road.intersection(area)
    if part.is_empty:
        return placed
    points = _disc(shapely.get_coordinates(part.segmentize(100.0)), _NEAR_ROAD_M + options.least_m / 2)
    smaller = _enclosed(_Cloud(points, "road"), placed.name, options)
    return smaller if smaller.uncertainty_m < placed.uncertainty_m else placed


def _between(text: str, hit: Hit, gazetteer: Gazetteer, near: Any) -> _Cloud | None:
    """Between two villages: around the shortest line between their houses."""
    joint = _BETWEEN.match(text[hit.end :])
    if joint is None or not _BETWEEN_WORDS.search(text[hit.end :]):
        return None
    second = gazetteer.find(text, near, begin=hit.end + joint.end())
    if second is None or second.row == hit.row:
        return None
    one, other = (gazetteer.core[row] for row in (hit.row, second.row))
    line = shapely.shortest_line(one, other)
    return _Cloud(_disc(shapely.get_coordinates(line), 150.0), "between")


def _from_place(tail: str, hit: Hit, gazetteer: Gazetteer, options: PlaceOptions) -> _Cloud:
    """The cloud of a place name and the directions and distances that follow it."""
    row = hit.row
    if _GROUP.match(tail):
        # a group's houses may stand anywhere on the village's land
        return _Cloud(_land(row, gazetteer, options), "name")
    landmark = next((word for word in gazetteer.words.landmarks if re.match(rf"村?{word}", tail)), None)
    if landmark is not None:
        tail = tail[tail.index(landmark) + len(landmark) :]
        start = _disc(_outline(row, gazetteer, 1.0), _LANDMARK_M)
        step = _STEP.match(tail)
        if step is None or not step["far"]:
            return _Cloud(start, "landmark")
        return _Cloud(_further(_moved(start, step, options), tail[step.end() :], options), "landmark")
    step = _STEP.match(tail)
    if step is not None:
        cloud = _beside(row, step, gazetteer, options)
        return _Cloud(_further(cloud, tail[step.end() :], options), "offset")
    ring = _RING.match(tail)
    if ring is not None:
        low, high = _told(ring, options)
        inner = _outline(row, gazetteer, 1.0)
        return _Cloud(_disc(inner, high) if low >= 0 else inner, "offset")
    if gazetteer.kinds[row] != VILLAGE:
        return _Cloud(_outline(row, gazetteer, 1.0), "name")
    return _Cloud(_land(row, gazetteer, options), "name")


def _land(row: int, gazetteer: Gazetteer, options: PlaceOptions) -> NDArray[np.float64]:
    """A bare village name: nine tenths of its land around the land's middle."""
    land = gazetteer.shapes[row]
    if land.area == 0.0:
        return _outline(row, gazetteer, 1.0)
    middle = land.centroid
    xmin, ymin, xmax, ymax = land.bounds
    x, y = (axis.ravel() for axis in np.meshgrid(np.linspace(xmin, xmax, 25), np.linspace(ymin, ymax, 25)))
    inside = shapely.intersects_xy(land, x, y)
    reach = float(np.quantile(np.hypot(x[inside] - middle.x, y[inside] - middle.y), 0.9)) if inside.any() else 0.0
    reach = max(reach * options.village_share, float(gazetteer.radius_m[row]))
    return _disc(np.array([[middle.x, middle.y]]), reach)


def _outline(row: int, gazetteer: Gazetteer, share: float) -> NDArray[np.float64]:
    """Points around the houses, their middle included; a circle where no outline is known."""
    centre = np.array([[gazetteer.x[row], gazetteer.y[row]]])
    core = gazetteer.core[row]
    if core.area == 0.0 or not (gazetteer.settled[row] or gazetteer.kinds[row] != VILLAGE):
        return _disc(centre, float(gazetteer.radius_m[row]) * share)
    return np.vstack([centre, centre + share * (shapely.get_coordinates(core.convex_hull) - centre)])


def _beside(row: int, step: re.Match[str], gazetteer: Gazetteer, options: PlaceOptions) -> NDArray[np.float64]:
    """From a village: in the direction, from between the middle and the last house, the stated distance on."""
    centre = np.array([gazetteer.x[row], gazetteer.y[row]])
    radius = float(gazetteer.radius_m[row])
    known = gazetteer.settled[row] or gazetteer.kinds[row] != VILLAGE
    low, high = _told(step, options) if step["far"] else (0.0, _EDGE_M if step["edge"] else _BEYOND_M)
    if not known and not step["far"]:
        # all the land on that side: where the houses stand in it is not known
        low, high = 0.0, radius
    angles = np.array(_angles(step, options))
    ways = np.column_stack([np.sin(angles), np.cos(angles)])
    last = _last_houses_m(gazetteer.core[row], centre, ways, radius) if known else np.zeros(len(ways))
    first = np.maximum(last * (1 - 2 * options.offset_village_share), 0.0)
    cloud = np.vstack([centre + ways * (first + low)[:, None], centre + ways * (last + high)[:, None]])
    return cloud if known else _disc(cloud, options.offset_village_share * radius)


def _last_houses_m(
    core: Any, centre: NDArray[np.float64], ways: NDArray[np.float64], radius: float
) -> NDArray[np.float64]:
    """How far the houses reach from their middle in each way (n, 2); the radius where no outline is known."""
    if core.area == 0.0:
        return np.full(len(ways), radius)
    xmin, ymin, xmax, ymax = core.bounds
    ends = centre + ways * (math.hypot(xmax - xmin, ymax - ymin) + 1.0)
    rays = shapely.linestrings(np.stack([np.broadcast_to(centre, ends.shape), ends], axis=1))
    reached, way = shapely.get_coordinates(shapely.intersection(core, rays), return_index=True)
    last = np.zeros(len(ways))
    np.maximum.at(last, way, np.hypot(*(reached - centre).T))
    return last


def _further(cloud: NDArray[np.float64], tail: str, options: PlaceOptions) -> NDArray[np.float64]:
    """Every further direction with a distance (村西200米路北50米), at most three."""
    for _ in range(3):
        step = _STEP.match(tail)
        if step is None or not step["far"]:
            break
        cloud, tail = _moved(cloud, step, options), tail[step.end() :]
    return cloud


def _moved(
    cloud: NDArray[np.float64], step: re.Match[str], options: PlaceOptions, least_m: tuple[float, float] = (0.0, 60.0)
) -> NDArray[np.float64]:
    low, high = _told(step, options) if step["far"] else least_m
    ways = [np.array([math.sin(angle), math.cos(angle)]) for angle in _angles(step, options)]
    return np.vstack([cloud + way * metres for way in ways for metres in (low, high)])


def _told(step: re.Match[str], options: PlaceOptions) -> tuple[float, float]:
    """The least and the greatest distance meant, metres."""
    unit = _METRES[step["unit"]]
    low, high = float(step["far"]) * unit, float(step["farther"] or step["far"]) * unit
    slack = options.offset_distance_share
    return max(low * (1 - slack) - 25.0, 0.0), high * (1 + slack) + 25.0


def _angles(step: re.Match[str], options: PlaceOptions) -> list[float]:
    bearing = _BEARINGS[_TURNED.get(step["way"], step["way"])]
    half = options.direction_degrees
    return [math.radians(bearing + turn) for turn in (-half, -half / 2, 0.0, half / 2, half)]


def _disc(points: NDArray[np.float64], radius_m: float) -> NDArray[np.float64]:
    """The points with a ring of a radius around each."""
    turns = np.linspace(0.0, 2 * math.pi, 16, endpoint=False)
    ring = np.column_stack([np.sin(turns), np.cos(turns)]) * radius_m
    return np.vstack([points, (points[:, None, :] + ring[None, :, :]).reshape(-1, 2)])


def _enclosed(cloud: _Cloud, name: str, options: PlaceOptions) -> Placed:
    points = shapely.MultiPoint(cloud.points)
    centre = shapely.minimum_bounding_circle(points).centroid
    reach = float(np.hypot(*(cloud.points - np.array([centre.x, centre.y])).T).max())
    return Placed(centre.x, centre.y, max(reach, options.least_m), name, "", cloud.kind)
