"""What people name besides villages: roads, hamlets, village committees, landmarks and groups; part of it on maps.

Drawn from its own stream, so that the city without these names stays as it was.
"""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from shapely.geometry import Point

from pipeline.simulate.frame import CITY_CRS, COUNTY_CODE, Frame
from pipeline.simulate.landscape import Landscape

# Shares of the names that the bureau's layers hold; the clerks know all of them.
DELIVERED = {"road": 0.75, "hamlet": 0.85, "landmark": 0.4}
IN_VILLAGE = ("小学", "卫生室", "超市", "文化广场", "幼儿园", "粮站")
ON_ROADS = ("加油站", "砖厂", "养猪场", "变电站")
_ROAD_NAMES = ("富民路", "迎宾大道", "幸福路", "和谐路", "振兴大道", "文昌路", "惠民路", "颍河路", "人民路", "工业大道",
               "复兴路", "团结路", "胜利路", "建设路", "光明路", "永安路", "兴业路", "长征路")  # fmt: skip
# Families of hamlets; some sound or look like a village's family (汪 王, 程 陈, 章 张), as they do in the field.
_HAMLET_FAMILIES = "程汪章许邹董姚冯曹袁邓韩唐曾彭蒋蔡贾丁魏薛叶阎余潘杜戴夏钟田任姜范方石姚谭廖"
_HAMLET_ENDS = ("庄", "楼", "湾", "园", "寨", "店", "台", "坟")
_BEFORE = ("前", "后", "小", "东", "西")
# On the plain there is about one natural village (自然村) per square kilometre.
_FARM_ROADS, _HAMLETS_PER_KM2, _TRIES = 0.8, 0.9, 20
_OFF_THE_HOUSES_M, _APART_M = 350.0, 450.0


@dataclass(frozen=True)
class NamedGround:
    """Named ground in :data:`CITY_CRS`; ``delivered`` says whether the bureau's layers hold it.

    ``roads``: name, delivered, lines; ``hamlets``: name, delivered, points; ``landmarks``: name, what (加油站 ..),
    village (row of the landscape's, -1 on a road), delivered, points; ``committees`` (villages, 2): where each
    village's committee stands; ``groups``: per village the middles (n, 2) of its groups' ground, group 1 first.
    """

    roads: gpd.GeoDataFrame
    hamlets: gpd.GeoDataFrame
    landmarks: gpd.GeoDataFrame
    committees: NDArray[np.float64]
    groups: tuple[NDArray[np.float64], ...]

    def layers(self) -> dict[str, gpd.GeoDataFrame]:
        """The delivered part as layers of the field: LRDL (roads) and AGNP (place names)."""
        points = pd.concat([self.hamlets, self.landmarks])[["name", "delivered", "geometry"]]
        tables = {"LRDL": ("3200", self.roads), "AGNP": ("3400", points)}
        return {layer: _layer(kind, part[part["delivered"]]) for layer, (kind, part) in tables.items()}


def _layer(kind: str, part: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    numbers = [f"{COUNTY_CODE}{kind}{number:06d}" for number in range(1, len(part) + 1)]
    return gpd.GeoDataFrame(
        {"BSM": numbers, "NAME": part["name"].tolist()}, geometry=part.geometry.to_list(), crs=CITY_CRS
    )


def make_named_ground(*, frame: Frame, landscape: Landscape, rngs: dict[str, np.random.Generator]) -> NamedGround:
    """Name the main roads and some farm roads, and set hamlets, committees, landmarks and groups."""
    rng = rngs["names"]
    roads = _roads(landscape, rng)
    committees = np.array([_inside_or_beside(shape, rng) for shape in landscape.villages.geometry])
    hamlets = _hamlets(frame, landscape, rng)
    landmarks = _landmarks(landscape, roads, rng)
    groups = tuple(_group_middles(frame, landscape, row, rng) for row in range(len(landscape.villages)))
    return NamedGround(roads, hamlets, landmarks, committees, groups)


def _roads(landscape: Landscape, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """All main roads, and of the farm roads the longest, many of which are called after a village they pass."""
    lines = landscape.roads.assign(length=landscape.roads.length).sort_values("length", ascending=False)
    main, farm = lines[lines["width_m"] > 10.0], lines[lines["width_m"] <= 10.0]
    names = list(_ROAD_NAMES)
    rng.shuffle(names)
    main = main.iloc[: len(names)]
    called, shapes = names[: len(main)], list(main.geometry)
    for shape in farm.geometry.iloc[: round(_FARM_ROADS * len(landscape.villages))]:
        near = int(np.argmin(landscape.villages.distance(shape).to_numpy()))
        name = str(landscape.villages["name"].iloc[near]).removesuffix("村").removesuffix("社区") + "路"
        if name not in called:
            called.append(name)
            shapes.append(shape)
    return _named(called, shapes, "road", rng)


def _named(
    names: list[str], shapes: list[shapely.Geometry], kind: str, rng: np.random.Generator, **more: list[object]
) -> gpd.GeoDataFrame:
    """A table of names; at least the first is delivered."""
    delivered = rng.random(len(names)) < DELIVERED[kind]
    delivered[:1] = True
    return gpd.GeoDataFrame({"name": names, "delivered": delivered, **more}, geometry=shapes, crs=CITY_CRS)


def _inside_or_beside(village: shapely.Geometry, rng: np.random.Generator) -> tuple[float, float]:
    """A committee: new ones stand at the edge of the houses on the way to the road, old ones among them."""
    middle = village.centroid
    turn, share = rng.uniform(0.0, 2.0 * np.pi), rng.uniform(0.2, 1.15)
    reach = float(np.sqrt(village.area / np.pi))
    return middle.x + share * reach * np.cos(turn), middle.y + share * reach * np.sin(turn)


def _hamlets(frame: Frame, landscape: Landscape, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Hamlets off the villages; every fourth is called after a village (前王庄), the rest after a family."""
    names: list[str] = []
    shapes: list[shapely.Geometry] = []
    taken = shapely.union_all(landscape.villages.geometry.to_numpy())
    stems = [str(name).removesuffix("村") for name in landscape.villages["name"] if str(name).endswith("村")]
    wanted = round(_HAMLETS_PER_KM2 * (frame.side_m / 1000.0) ** 2)
    for _ in range(_TRIES * wanted):
        if len(names) == wanted:
            break
        spot = Point(frame.at(*rng.uniform(0.03, 0.97, 2)))
        after = str(rng.choice(_BEFORE)) + stems[int(rng.integers(len(stems)))]
        own = str(rng.choice(list(_HAMLET_FAMILIES))) + str(rng.choice(_HAMLET_ENDS))
        name = after if rng.random() < 0.25 else own
        apart = min((spot.distance(other) for other in shapes), default=np.inf)
        if name not in names and name not in stems and apart > _APART_M and spot.distance(taken) > _OFF_THE_HOUSES_M:
            names.append(name)
            shapes.append(spot)
    return _named(names, shapes, "hamlet", rng)


def _landmarks(landscape: Landscape, roads: gpd.GeoDataFrame, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Two landmarks in or beside the houses of every village, and one on every second road; called after a village."""
    stems = [str(name).removesuffix("村").removesuffix("社区") for name in landscape.villages["name"]]
    names: list[str] = []
    whats: list[object] = []
    rows: list[object] = []
    shapes: list[shapely.Geometry] = []
    for row, shape in enumerate(landscape.villages.geometry):
        for what in rng.choice(IN_VILLAGE, 2, replace=False).tolist():
            names.append(stems[row] + what)
            whats.append(what)
            rows.append(row)
            shapes.append(Point(_inside_or_beside(shape, rng)))
    for road in roads.geometry.iloc[::2]:
        spot = road.interpolate(float(rng.uniform(0.15, 0.85)), normalized=True)
        near, what = int(np.argmin(landscape.villages.distance(spot).to_numpy())), str(rng.choice(ON_ROADS))
        if stems[near] + what not in names:
            names.append(stems[near] + what)
            whats.append(what)
            rows.append(-1)
            shapes.append(spot)
    return _named(names, shapes, "landmark", rng, what=whats, village=rows)


def _group_middles(frame: Frame, landscape: Landscape, row: int, rng: np.random.Generator) -> NDArray[np.float64]:
    """Three to seven groups around a village: every group farms the ground nearest to its middle."""
    middle = landscape.villages.geometry.iloc[row].centroid
    count = int(rng.integers(3, 8))
    turns = np.linspace(0.0, 2.0 * np.pi, count, endpoint=False) + rng.uniform(0.0, 2.0 * np.pi)
    reach = rng.uniform(0.03, 0.07, count) * frame.side_m
    return np.column_stack([middle.x + reach * np.cos(turns), middle.y + reach * np.sin(turns)])
