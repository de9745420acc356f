"""The manners in which clerks write one place: what each needs to be natural, and the words it gives.

Each manner returns None where a person would not use it there (no landmark near by, no named road).
"""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass

import numpy as np
import shapely
from numpy.typing import NDArray
from shapely.geometry import LineString, Point

from pipeline.simulate.landscape import Landscape
from pipeline.simulate.named_ground import NamedGround
from pipeline.simulate.telling import Habits, bearing_from, distance_words, judged_m, numeral, way_word

SHARES: dict[str, float] = {
    "plain": 0.20, "offset": 0.17, "committee": 0.09, "steps": 0.03, "crossing": 0.07, "along": 0.08, "landmark": 0.08,
    "hamlet": 0.08, "group": 0.04, "between": 0.04, "house": 0.04, "village_only": 0.04, "vague": 0.04,
}  # fmt: skip
"""How often a manner is used where all are natural; clerks differ (:func:`pipeline.simulate.places.habits_of`)."""
_SURNAMES, _GIVEN = "王李张刘陈杨赵黄周吴", ("建国", "红军", "国强", "大海", "二柱", "秀兰", "老三", "新民")
_ROAD_SIDES = ("", "", "处", "路南", "路北", "路东", "路西", "地里")
_VILLAGE_ROAD_M, _CROSSING_M, _ROAD_M, _LANDMARK_M, _HAMLET_M = 400.0, 500.0, 130.0, 300.0, 700.0
_STEPS_M, _HOUSE_M, _VAGUE_M, _OFF_LINE_M = 300.0, 120.0, 900.0, 300.0


@dataclass(frozen=True)
class Scene:
    """One place to be told: ``spot`` (2,) its middle; ``home``: row of the village whose land it is on; ``near``: row
    of the village whose houses are nearest; ``wrong``: filled with True once a direction went wrong.
    """

    landscape: Landscape
    named: NamedGround
    spot: NDArray[np.float64]
    home: int
    near: int
    habits: Habits
    rng: np.random.Generator
    wrong: list[bool]

    def village(self, row: int) -> str:
        """The village's name, mostly in full."""
        name = str(self.landscape.villages["name"].iloc[row])
        return name.removesuffix("村") if name.endswith("村") and self.rng.random() < 0.2 else name

    def full(self, row: int) -> str:
        """The name with 村, where more words follow."""
        return str(self.landscape.villages["name"].iloc[row])

    def houses(self, row: int) -> shapely.Geometry:
        return self.landscape.villages.geometry.iloc[row]

    def off_houses_m(self, row: int) -> float:
        return float(self.houses(row).distance(Point(self.spot)))

    def way(self, dx: float, dy: float) -> str:
        word, wrong = way_word(dx, dy, self.habits, self.rng)
        if wrong:
            self.wrong.append(True)
        return word

    def pick(self, *words: str) -> str:
        return str(self.rng.choice(words))

    def from_point(self, origin: NDArray[np.float64]) -> str:
        """Direction and distance from a point."""
        metres, dx, dy = bearing_from(origin, self.spot)
        told = distance_words(judged_m(metres, self.habits, self.rng), self.habits.unit, self.rng)
        link = self.pick("", "", "侧", "面", "方向", "边")
        return f"{self.way(dx, dy)}{link}{told}"

    def from_village(self, row: int) -> str:
        """Direction and distance from where the clerk thinks that the village is."""
        middle = np.array(self.houses(row).centroid.coords[0])
        metres, dx, dy = bearing_from(middle, self.spot)
        if self.habits.starts == "committee":
            return self.from_point(self.named.committees[row])
        if self.habits.starts == "middle":
            return self.from_point(middle)
        metres = max(self.off_houses_m(row), 0.0)
        if metres < 30.0:
            return self.way(dx, dy) + self.pick("头", "边", "侧", "口")
        told = distance_words(judged_m(metres, self.habits, self.rng), self.habits.unit, self.rng)
        return f"{self.way(dx, dy)}{self.pick('', '', '侧', '面', '方向', '边')}{told}"


def offset(scene: Scene) -> str | None:
    """王庄村东侧约500米路南, 王庄东北一里半."""
    return scene.village(scene.near) + scene.from_village(scene.near) + scene.pick(*_ROAD_SIDES)


def committee(scene: Scene) -> str | None:
    """王庄村委会向东500米: counted from where the committee stands."""
    metres, dx, dy = bearing_from(scene.named.committees[scene.near], scene.spot)
    if metres > 2500.0:
        return None
    name = scene.full(scene.near).removesuffix("村").removesuffix("社区")
    office = scene.pick("村委会", "村委会", "村部", "村大队部") if scene.near else "社区居委会"
    told = distance_words(judged_m(metres, scene.habits, scene.rng), scene.habits.unit, scene.rng)
    return f"{name}{office}{scene.pick('', '向', '往', '以')}{scene.way(dx, dy)}{told}"


def steps(scene: Scene) -> str | None:
    """王庄村西头一百五十步."""
    metres = scene.off_houses_m(scene.near)
    if not 30.0 <= metres <= _STEPS_M:
        return None
    middle = np.array(scene.houses(scene.near).centroid.coords[0])
    _, dx, dy = bearing_from(middle, scene.spot)
    count = max(20, round(judged_m(metres, scene.habits, scene.rng) / scene.habits.step_m / 10.0) * 10)
    number = str(count) if scene.rng.random() < 0.4 else numeral(count)
    return f"{scene.full(scene.near)}{scene.way(dx, dy)}{scene.pick('头', '边', '口')}{scene.pick('', '约')}{number}步"


def _crossings(scene: Scene) -> list[tuple[float, str, str, NDArray[np.float64]]]:
    """Crossings of named roads by distance: metres, the two names, the point."""
    roads = scene.named.roads
    at = Point(scene.spot)
    close = roads[roads.distance(at) < _CROSSING_M]
    found = []
    for i in range(len(close)):
        for j in range(i + 1, len(close)):
            met = close.geometry.iloc[i].intersection(close.geometry.iloc[j])
            for spot in shapely.get_coordinates(met):
                apart = float(np.hypot(*(spot - scene.spot)))
                if apart < _CROSSING_M:
                    found.append((apart, str(close["name"].iloc[i]), str(close["name"].iloc[j]), spot))
    return sorted(found, key=lambda crossing: crossing[:3])


def crossing(scene: Scene) -> str | None:
    """富民路与迎宾大道交叉口西北角, 富民路和迎宾大道路口东200米."""
    near = _crossings(scene)
    if not near:
        return None
    metres, one, other, spot = near[0]
    head = f"{one}{scene.pick('与', '和', '、')}{other}{scene.pick('交叉口', '交汇处', '路口', '十字路口')}"
    if metres < 80.0:
        _, dx, dy = bearing_from(spot, scene.spot)
        return head + scene.way(dx, dy) + scene.pick("角", "侧")
    return head + scene.from_point(spot)


def along(scene: Scene) -> str | None:
    """王庄村沿富民路向东300米路北: metres along a named road, from the village's side or a crossing of it."""
    at = Point(scene.spot)
    distance = scene.named.roads.distance(at).to_numpy()
    row = int(np.argmin(distance))
    if distance[row] > _ROAD_M:
        return None
    name, line = str(scene.named.roads["name"].iloc[row]), scene.named.roads.geometry.iloc[row]
    to = line.project(at)
    started = _start_on(scene, line, name)
    if started is None:
        return None
    start, head = started
    metres = abs(to - start)
    if not 60.0 <= metres <= 2500.0:
        return None
    here, there = (np.array(line.interpolate(value).coords[0]) for value in (start, to))
    told = distance_words(judged_m(metres, scene.habits, scene.rng, along=True), scene.habits.unit, scene.rng)
    _, dx, dy = bearing_from(here, there)
    return f"{head}沿{name}{scene.pick('向', '往')}{scene.way(dx, dy)}{told}{_road_side(scene, line, to)}"


def _start_on(scene: Scene, line: LineString, name: str) -> tuple[float, str] | None:
    """Where counting starts on a road and the words for it, now and then left out; None far from village and crossing."""
    crossed = [found for found in _crossings(scene) if name in found[1:3] and found[0] > 60.0]
    if crossed and scene.rng.random() < 0.4:
        _, one, other, spot = crossed[0]
        return line.project(Point(spot)), f"{other if one == name else one}与{name}交叉口"
    if scene.houses(scene.near).distance(line) > _VILLAGE_ROAD_M:
        return None
    start = line.project(scene.houses(scene.near).centroid)
    return start, "" if scene.rng.random() < 0.15 else scene.full(scene.near)


def _road_side(scene: Scene, line: LineString, to: float) -> str:
    """路北 and the like, as the place lies beside the road."""
    foot = np.array(line.interpolate(to).coords[0])
    _, dx, dy = bearing_from(foot, scene.spot)
    side = ("路北" if dy > 0 else "路南") if abs(dy) > abs(dx) else ("路东" if dx > 0 else "路西")
    return side if scene.rng.random() < 0.7 else ""


def landmark(scene: Scene) -> str | None:
    """王庄小学对面, 富民路王庄加油站东100米, 王庄村卫生室后."""
    marks = scene.named.landmarks
    distance = marks.distance(Point(scene.spot)).to_numpy()
    row = int(np.argmin(distance))
    if distance[row] > _LANDMARK_M:
        return None
    name, what, village = str(marks["name"].iloc[row]), str(marks["what"].iloc[row]), int(marks["village"].iloc[row])
    if village >= 0 and scene.rng.random() < 0.6:
        name = scene.full(village) + what
    elif village < 0 and scene.rng.random() < 0.4:
        roads = scene.named.roads
        name = str(roads["name"].iloc[int(np.argmin(roads.distance(marks.geometry.iloc[row]).to_numpy()))]) + name
    if distance[row] < 110.0:
        return name + scene.pick("旁", "对面", "后", "后面", "附近", "旁边", "门口", "西侧" if scene.wrong else "边上")
    return name + scene.from_point(np.array(marks.geometry.iloc[row].coords[0]))


def hamlet(scene: Scene) -> str | None:
    """王庄村汪湾自然村南200米, 汪湾东头."""
    distance = scene.named.hamlets.distance(Point(scene.spot)).to_numpy()
    row = int(np.argmin(distance)) if len(distance) else -1
    if row < 0 or distance[row] > _HAMLET_M:
        return None
    name, point = str(scene.named.hamlets["name"].iloc[row]), scene.named.hamlets.geometry.iloc[row]
    head = scene.full(scene.home) if scene.rng.random() < 0.45 else ""
    end = scene.pick("", "", "自然村", "村民组")
    if distance[row] < 130.0:
        _, dx, dy = bearing_from(np.array(point.coords[0]), scene.spot)
        return f"{head}{name}{end}" + (scene.way(dx, dy) + "头" if distance[row] > 40.0 else "")
    return f"{head}{name}{end}" + scene.from_point(np.array(point.coords[0]))


def group(scene: Scene) -> str | None:
    """王庄村三组, 王庄村第3村民组: the group whose ground it is."""
    middles = scene.named.groups[scene.home]
    number = int(np.argmin(np.hypot(*(middles - scene.spot).T))) + 1
    word = scene.pick(f"{numeral(number)}组", f"第{numeral(number)}村民组", f"{number}组", f"{numeral(number)}队")
    return scene.full(scene.home) + word + scene.pick("", "", "承包地", "耕地内", "农田")


def between(scene: Scene) -> str | None:
    """王庄村与李庄村之间, 王庄至李庄路段: off the straight way between two villages by a few hundred metres."""
    at = Point(scene.spot)
    order = np.argsort(scene.landscape.villages.distance(at).to_numpy())[:4].tolist()
    for other in order[1:]:
        line = shapely.shortest_line(scene.houses(order[0]), scene.houses(other))
        share = line.project(at, normalized=True)
        if line.distance(at) <= _OFF_LINE_M and 0.1 < share < 0.9 and line.length < 2500.0:
            words = scene.pick("之间", "交界处", "中间", "交界")
            if scene.rng.random() < 0.3:
                return f"{scene.village(order[0])}至{scene.village(other)}{scene.pick('路段', '中间', '之间')}"
            return f"{scene.full(order[0])}{scene.pick('与', '和')}{scene.full(other)}{words}"
    return None


def house(scene: Scene) -> str | None:
    """王庄村张建国家房后, 王庄村东头李二柱家门前."""
    metres = scene.off_houses_m(scene.near)
    if metres > _HOUSE_M:
        return None
    middle = np.array(scene.houses(scene.near).centroid.coords[0])
    _, dx, dy = bearing_from(middle, scene.spot)
    part = scene.way(dx, dy) + "头" if scene.rng.random() < 0.35 and metres > 0.0 else ""
    person = scene.pick(*_SURNAMES) + scene.pick(*_GIVEN)
    return f"{scene.full(scene.near)}{part}{person}家{scene.pick('房后', '屋后', '门前', '老宅旁', '房东', '西侧')}"


def village_only(scene: Scene) -> str | None:
    """王庄村, 王庄村境内: the village whose land it is, by some the one whose houses are nearest."""
    row = scene.home if scene.rng.random() < 0.85 else scene.near
    return scene.full(row) + scene.pick("", "", "", "境内", "耕地", "农田内")


def vague(scene: Scene) -> str | None:
    """王庄村附近, 王庄一带, 王庄村东边: within a quarter of an hour's walk of the houses."""
    if scene.off_houses_m(scene.near) > _VAGUE_M:
        return None
    if scene.rng.random() < 0.3:
        middle = np.array(scene.houses(scene.near).centroid.coords[0])
        _, dx, dy = bearing_from(middle, scene.spot)
        return scene.village(scene.near) + scene.way(dx, dy) + scene.pick("边", "面", "侧", "地")
    return scene.village(scene.near) + scene.pick("附近", "一带", "周边", "旁", "村外")


MANNERS: dict[str, Callable[[Scene], str | None]] = {
    "offset": offset, "committee": committee, "steps": steps, "crossing": crossing, "along": along,
    "landmark": landmark, "hamlet": hamlet, "group": group, "between": between, "house": house,
    "village_only": village_only, "vague": vague,
}  # fmt: skip
