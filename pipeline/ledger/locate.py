"""Places told in words (王庄村东500米路南) as areas of uncertainty, never as points.

Every reading is a cloud of points with weights: where people start counting, how far off their distances and
directions are, whether 东 means an eighth or a quarter of the compass, which ground is the unit's, and that people name
the village whose houses are nearest. The area is the smallest circle that holds nine of ten of the weight.
"""

from __future__ import annotations

import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray

from pipeline.ledger.clouds import Cloud, Draws, at_point, enclosing, in_disc, in_shape, on_lines
from pipeline.ledger.place_roads import CROSSING_M, along_road, beside_road, meeting, whole_road
from pipeline.ledger.place_words import (
    Step,
    is_group,
    is_house,
    is_inside,
    is_vague,
    names_in,
    ring_at,
    step_at,
    with_digits,
)
from pipeline.ledger.placenames import FACILITY, HOMOPHONE, SPELLING, Hit, Missing, fold
from pipeline.ledger.places import VILLAGE, Gazetteer

Floats = NDArray[np.float64]

OTHER_UNIT = "地点写明其他乡镇"
WRONG_WAY = "方向与辖区不符，按该地名四周估计"
ROAD_ALONE = "只写道路、没有村名或路口，不能定位；请补充"
NO_PLACE = "没有本市村名、路名或小地名，不能定位；请补充村名、方向和距离"

ONE_ROAD = "路口的两条道路没有都认出来，不能定位；请核对路名或补充村名"
ONE_OF_TWO = "写明两地之间，其中一处不能识别，不能定位；请核对地名"

Road = tuple[str, int, int]

# stands for each character of a road's name once it is read
_BLANK = "◇"

_CROSSING = re.compile(r"交叉|交汇|相交|路口|十字|丁字|岔口|口")
_AFTER_CROSSING = re.compile(r"^[^东南西北沿]*?(?:交叉|交汇|相交|十字|丁字|路口|岔口)(?:路?口|处)*")
_JOINT = re.compile(r"与|和|、|至|到|-")
_BETWEEN_WORDS = re.compile(r"之间|交界|中间|接壤|交汇|结合部|路段|段|路上")
_ALONG = re.compile(
    r"^(?:村委会|村|社区)?(?:门?口|头)?沿(?P<road>◇+|[^向往朝,、]{1,8}?(?:路|大道|道|街|线|河|渠|沟|堤|埂))(?:向|往|朝|以)?"
)
_DIAGONALS_DEGREES, _QUARTER_SHARE = 22.5, 0.3
_MARK_M, _FROM_ROAD_M, _OFF_START_M, _BESIDE_MARK_M = 80.0, 1500.0, 200.0, 100.0
_BOUNDARY_M, _FACILITY_M = 100.0, 300.0
_BETWEEN_M, _EDGE_M, _YARD_M, _BEYOND_M, _NEARBY_M = 170.0, 50.0, 70.0, 420.0, 300.0
_OUTSIDE_WEIGHT, _WRONG_WAY_SHARE, _NEAREST_POWER, _NEAREST_SLACK_M = 0.1, 0.03, 3.0, 100.0


@dataclass(frozen=True)
class PlaceOptions:
    """How far a text place may be off.

    ``least_m``: smallest radius; ``village_share``: of a bare name, in shares of its land's radius;
    ``offset_village_share``: 0.5 lets a distance count from anywhere between the middle and the last house, 0 from
    the last house; ``offset_distance_share``: standard deviation of a stated distance, as a share of it;
    ``direction_degrees``: standard deviation of a stated direction beside the width of its word.
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
class Unplaced:
    """A place text that gives no area; ``rule``: why, in words for the unit; empty where the city has no names at all."""

    rule: str


def locate(
    text: str, gazetteer: Gazetteer, near: Any, options: PlaceOptions, towns: Mapping[str, Any] | None = None
) -> Placed | Unplaced:
    """The area a place text means, or why no single place is recognised.

    ``near``: the unit's ground, which decides between villages of one name; ``towns``: ground by township name, which
    replaces ``near`` where the text names a township. A village, hamlet or landmark may be followed by directions and
    distances, one after the other; named roads give their crossings, a way along them, or their part near the village.
    """
    if not gazetteer.names and not gazetteer.roads:
        return Unplaced("")
    folded = with_digits(fold(text, gazetteer.words))
    folded, near, rule = _township(folded, gazetteer, near, towns or {})
    reader = _Reader(gazetteer, near, options, folded, names_in(folded, gazetteer.roads))
    found = reader.read()
    if isinstance(found, Unplaced):
        return found
    told = ""
    if _share_inside(found[0], near) < _WRONG_WAY_SHARE and not reader.any_way:
        anyway = replace(reader, any_way=True).read()
        if not isinstance(anyway, Unplaced) and _share_inside(anyway[0], near) >= _WRONG_WAY_SHARE:
            found, told = anyway, WRONG_WAY
    cloud, name, how = found
    if near is not None and not near.is_empty:
        inside = shapely.intersects_xy(near, cloud.points[:, 0], cloud.points[:, 1])
        cloud = cloud.weighed(np.where(inside, 1.0, 1.0 if told else _OUTSIDE_WEIGHT))
    x, y, radius = enclosing(cloud)
    radius = max(radius, options.least_m) * (1.5 if how in (SPELLING, HOMOPHONE) else 1.0)
    rules = "；".join(dict.fromkeys(part for part in (rule, how, told) if part))
    return Placed(x, y, radius, name, rules, cloud.kind)


def _township(text: str, gazetteer: Gazetteer, near: Any, towns: Mapping[str, Any]) -> tuple[str, Any, str]:
    """The text without a township it names, that township's ground instead of ``near``, and the rule if it differs."""
    for town, ground in sorted(towns.items(), key=lambda pair: (-len(pair[0]), pair[0])):
        name = fold(town, gazetteer.words)
        if len(name) >= 2 and name in text and ground is not None:
            rule = OTHER_UNIT if near is None or not near.equals(ground) else ""
            return text.replace(name, "", 1), ground, rule
    return text, near, ""


def _share_inside(cloud: Cloud, ground: Any) -> float:
    """Share of a cloud's weight on a ground; 1 where none is known."""
    if ground is None or ground.is_empty:
        return 1.0
    inside = shapely.intersects_xy(ground, cloud.points[:, 0], cloud.points[:, 1])
    return float((cloud.weight * inside).sum() / cloud.weight.sum())


Found = tuple[Cloud, str, str]


@dataclass(frozen=True)
class _Reader:
    """One text against one gazetteer. ``roads``: named roads in ``text`` with where they stand; ``any_way``: the
    directions of the text are not believed.
    """

    gazetteer: Gazetteer
    near: Any
    options: PlaceOptions
    text: str
    roads: Sequence[Road]
    any_way: bool = False

    def read(self) -> Found | Unplaced:
        """The cloud, the name used and how it was recognised."""
        draws = Draws()
        if len(self.roads) >= 2 and _CROSSING.search(self.text):
            crossed = self._crossing(draws)
            if crossed is not None:
                return crossed, "与".join(name for name, _, _ in self.roads[:2]), ""
        plain = self.text
        for name, _, _ in self.roads:
            # many roads are named after a village; positions stay
            plain = plain.replace(name, _BLANK * len(name))
        joint = _JOINT.search(plain)
        if joint is not None and _BETWEEN_WORDS.search(plain[joint.end() :]) and not self.roads:
            return self._between(plain[: joint.start()], plain[joint.end() :], draws)
        hit = self.gazetteer.find(plain, self.near)
        if isinstance(hit, Missing):
            return self._road_alone(hit, draws)
        finer = self._finer(plain, hit)
        cloud = self._from_place(plain, finer, draws)
        for name, _, _ in self.roads:
            cloud = beside_road(cloud, self.gazetteer.roads[name])
        tail = plain[finer.end :].removeprefix("村")
        rule = finer.rule or (FACILITY if tail.startswith(self.gazetteer.words.facilities) else "")
        return cloud, self.gazetteer.names[finer.row], rule

    def _finer(self, plain: str, hit: Hit) -> Hit:
        """A hamlet or landmark named right after its village (王庄村汪湾), with how the village was recognised."""
        if self.gazetteer.kinds[hit.row] != VILLAGE:
            return hit
        land = self.gazetteer.lands[hit.row]
        row = self.gazetteer.part_of(plain[hit.end :], hit.row)
        if row is not None:
            return Hit(row[0], hit.end, hit.end + row[1], hit.rule)
        inner = self.gazetteer.find_exact(plain, hit.end)
        if inner is not None and inner.start - hit.end <= 1 and self.gazetteer.kinds[inner.row] != VILLAGE:
            if land.distance(self.gazetteer.core[inner.row]) <= _BEYOND_M:
                return Hit(inner.row, inner.start, inner.end, hit.rule)
        return hit

    def _crossing(self, draws: Draws) -> Cloud | None:
        """Where the first two roads meet, or from there on; None where they meet at no single place."""
        one, other = (self.gazetteer.roads[name] for name, _, _ in self.roads[:2])
        start = meeting(one, other, self.near, draws)
        if start is None:
            return None
        tail = _AFTER_CROSSING.sub("", self.text[self.roads[1][2] :])
        along = _ALONG.match(tail)
        if along is not None and along["road"] in self.gazetteer.roads:
            told = step_at(tail[along.end() :])
            if told is not None and told[0].low_m is not None:
                return self._along(self.gazetteer.roads[along["road"]], start.points.mean(axis=0), 0.0, told[0], draws)
        return self._walk(start, tail, draws, edge_m=CROSSING_M)

    def _road_alone(self, missing: Missing, draws: Draws) -> Found | Unplaced:
        """A road alone means its part in the unit's ground, unless that is too long to say anything."""
        if not self.roads:
            return Unplaced(missing.rule or NO_PLACE)
        if _CROSSING.search(self.text):
            return Unplaced(ONE_ROAD)
        name = self.roads[0][0]
        cloud = whole_road(self.gazetteer.roads[name], self.near, draws)
        return Unplaced(ROAD_ALONE) if cloud is None else (cloud, name, "")

    def _along(self, road: Any, start: Floats, reach_m: float, step: Step, draws: Draws) -> Cloud:
        return along_road(road, start, reach_m, step.bearing or 0.0, self._metres(step, draws), draws)

    def _between(self, before: str, after: str, draws: Draws) -> Found | Unplaced:
        """Between two villages: along the shortest line between their houses."""
        one, other = (self.gazetteer.find(part, self.near) for part in (before, after))
        if isinstance(one, Missing) or isinstance(other, Missing) or one.row == other.row:
            return Unplaced(ONE_OF_TWO)
        line = shapely.shortest_line(*(self.gazetteer.core[row] for row in (one.row, other.row)))
        cloud = on_lines(line, draws, "between")
        cloud = cloud.moved(draws.normal(_BETWEEN_M), draws.normal(_BETWEEN_M))
        names = "与".join(self.gazetteer.names[row] for row in (one.row, other.row))
        return cloud, names, one.rule or other.rule

    def _from_place(self, plain: str, hit: Hit, draws: Draws) -> Cloud:
        """The cloud of a place name and what follows it."""
        row, gazetteer = hit.row, self.gazetteer
        tail = plain[hit.end - (plain[hit.end - 1] == "村") :]
        along = _ALONG.match(tail)
        if along is not None:
            return self._along_from(row, along, tail, draws)
        if is_group(tail):
            return self._land(row, draws)
        if is_house(tail):
            told = step_at(tail)
            side = told[0].bearing if told is not None else None
            return self._beside(row, Step(side, None, None, True, True), draws, edge_m=_YARD_M).named("landmark")
        word = next((word for word in gazetteer.words.landmarks if re.match(rf"村?{word}", tail)), None)
        if word is not None:
            start = self._houses(row, draws, 1.15, _MARK_M).named("landmark")
            return self._walk(start, tail[tail.index(word) + len(word) :], draws, edge_m=_MARK_M)
        facility = next((word for word in gazetteer.words.facilities if re.match(rf"村?{word}", tail)), None)
        if facility is not None:
            # on no map: somewhere on the village's land or across its border
            around = self._land(row, draws).moved(draws.normal(_FACILITY_M), draws.normal(_FACILITY_M))
            return self._walk(
                around.named("landmark"), tail[tail.index(facility) + len(facility) :], draws, edge_m=None
            )
        told = step_at(tail)
        if told is not None and told[0].low_m is None and tail.removeprefix("村").startswith(_BLANK):
            # 王庄村富民路北侧: the side is the road's
            return self._land(row, draws)
        if told is not None:
            cloud = self._beside(row, told[0], draws)
            return self._walk(cloud, told[1], draws, edge_m=None)
        told = ring_at(tail)
        if told is not None:
            return self._beside(row, told[0], draws)
        if is_inside(tail):
            return self._houses(row, draws, 1.0, 30.0)
        if is_vague(tail):
            return self._beside(row, Step(None, None, None, False, False), draws).named("name")
        if gazetteer.kinds[row] != VILLAGE:
            return self._houses(row, draws, 1.0, self._mark_m(row))
        return self._land(row, draws)

    def _along_from(self, row: int, along: re.Match[str], tail: str, draws: Draws) -> Cloud:
        """From a village along a road: on the line where it is known, else in its direction from somewhere near."""
        told = step_at(tail[along.end() :])
        if told is None or told[0].low_m is None:
            return self._land(row, draws)
        blank = set(along["road"]) == {_BLANK}
        core, reach = self.gazetteer.core[row], float(self.gazetteer.radius_m[row])
        if blank and len(self.roads) >= 1:
            road = self.gazetteer.roads[self.roads[-1][0]]
            if road.distance(core) <= _FROM_ROAD_M:
                start = np.array([self.gazetteer.x[row], self.gazetteer.y[row]])
                return self._along(road, start, reach, told[0], draws)
        start_cloud = self._houses(row, draws, 1.0, _OFF_START_M)
        return self._moved(start_cloud, told[0], draws, turn=15.0).named("offset")

    def _mark_m(self, row: int) -> float:
        """How far around a point name people still call it by that name."""
        name = self.gazetteer.names[row]
        return _MARK_M if name.endswith(self.gazetteer.words.landmarks) else 100.0

    def _known(self, row: int) -> bool:
        return bool(self.gazetteer.settled[row]) or self.gazetteer.kinds[row] != VILLAGE

    def _land(self, row: int, draws: Draws) -> Cloud:
        """A bare name: anywhere on the village's land, shrunk or stretched around its middle by ``village_share``."""
        land = self.gazetteer.shapes[row]
        if land.area == 0.0:
            return self._houses(row, draws, 1.0, _NEARBY_M).named("name")
        cloud = in_shape(land, draws, "name")
        middle = np.array(land.centroid.coords[0])
        cloud = Cloud(middle + self.options.village_share * (cloud.points - middle), cloud.weight, "name")
        # boundaries of land are known to few
        return cloud.moved(draws.normal(_BOUNDARY_M), draws.normal(_BOUNDARY_M))

    def _houses(self, row: int, draws: Draws, share: float, beside_m: float) -> Cloud:
        """Among the houses or up to about ``beside_m`` beside them; a disc where no outline is known."""
        gazetteer = self.gazetteer
        core, kind = gazetteer.core[row], "name"
        if core.area == 0.0 or not self._known(row):
            radius = float(gazetteer.radius_m[row]) if gazetteer.kinds[row] == VILLAGE else self._mark_m(row)
            cloud = in_disc(float(gazetteer.x[row]), float(gazetteer.y[row]), radius * share, draws, kind)
        else:
            middle = np.array([gazetteer.x[row], gazetteer.y[row]])
            cloud = in_shape(core.convex_hull, draws, kind)
            cloud = Cloud(middle + share * (cloud.points - middle), cloud.weight, kind)
        return cloud.moved(draws.normal(beside_m / 2), draws.normal(beside_m / 2))

    def _beside(self, row: int, step: Step, draws: Draws, edge_m: float = _EDGE_M) -> Cloud:
        """From a village or hamlet: in the direction, from between the middle and the last house, the distance on."""
        gazetteer, options = self.gazetteer, self.options
        centre = np.array([gazetteer.x[row], gazetteer.y[row]])
        radius = float(gazetteer.radius_m[row])
        angles = self._angles(step, draws)
        ways = np.column_stack([np.sin(angles), np.cos(angles)])
        known = self._known(row)
        last = gazetteer.last_house_m(row, angles) if known else radius * draws.uniform()
        first = np.maximum(last * (1 - 2 * options.offset_village_share), 0.0)
        from_m = first + (last - first) * np.sqrt(draws.uniform())
        if step.low_m is not None:
            from_m, far = last if step.edge else from_m, self._metres(step, draws)
        elif step.edge:
            from_m, far = last, draws.uniform(-edge_m, 2 * edge_m)
        else:
            from_m, far = last, draws.exponential(_BEYOND_M if gazetteer.kinds[row] == VILLAGE else _BESIDE_MARK_M)
            far = far if known else np.zeros_like(far)
        cloud = at_point(float(centre[0]), float(centre[1]), "offset").moved(*(ways * (from_m + far)[:, None]).T)
        # people count from a committee or a road beside the middle as well
        aside = 0.35 * radius
        cloud = cloud.moved(draws.normal(aside), draws.normal(aside))
        return self._nearest_first(cloud, row) if gazetteer.kinds[row] == VILLAGE else cloud

    def _nearest_first(self, cloud: Cloud, row: int) -> Cloud:
        """Less weight where the houses of another village are nearer: people name the nearest."""
        own, nearest = self.gazetteer.off_houses_m(cloud.points, row)
        return cloud.weighed(((nearest + _NEAREST_SLACK_M) / (own + _NEAREST_SLACK_M)) ** _NEAREST_POWER)

    def _walk(self, cloud: Cloud, tail: str, draws: Draws, *, edge_m: float | None) -> Cloud:
        """Every further direction with a distance (村西200米路北50米), at most three; the first also without one."""
        for number in range(3):
            told = step_at(tail)
            if told is None or (told[0].low_m is None and (number or edge_m is None)):
                break
            step, tail = told
            if step.low_m is None:
                angles, far = self._angles(step, draws), draws.uniform(0.0, 2 * (edge_m or 0.0))
                return cloud.moved(np.sin(angles) * far, np.cos(angles) * far)
            cloud = self._moved(cloud, step, draws)
        return cloud

    def _moved(self, cloud: Cloud, step: Step, draws: Draws, turn: float = 0.0) -> Cloud:
        angles, far = self._angles(step, draws, turn), self._metres(step, draws)
        return cloud.moved(np.sin(angles) * far, np.cos(angles) * far)

    def _metres(self, step: Step, draws: Draws) -> Floats:
        """The stated distance as it may be meant, metres."""
        low, high = step.low_m or 0.0, step.high_m or 0.0
        told = draws.uniform(low, high) * np.exp(draws.normal(self.options.offset_distance_share))
        return np.asarray(np.maximum(told + draws.uniform(-25.0, 25.0), 0.0))

    def _angles(self, step: Step, draws: Draws, turn: float = 0.0) -> Floats:
        """Radians from north: within the word's eighth, for 东南西北 by some within its quarter, and off by a spread."""
        if step.bearing is None or self.any_way:
            return 2.0 * np.pi * draws.uniform()
        half = np.full(len(draws.uniform()), _DIAGONALS_DEGREES)
        if not step.exact:
            half = np.where(draws.uniform() < _QUARTER_SHARE, 2 * half, half)
        spread = math.hypot(self.options.direction_degrees, turn)
        return np.asarray(np.radians(step.bearing + half * draws.uniform(-1.0, 1.0) + draws.normal(spread)))
