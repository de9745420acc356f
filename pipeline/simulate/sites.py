"""Construction sites with stages, growth and stops, lawful and not; and the things that only look like them."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import affinity
from shapely.geometry import Polygon, box
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import CITY_CRS, Frame
from pipeline.simulate.landscape import FARMED, Landscape
from pipeline.values import Stage

LAWFUL_CASES = ("approved_before", "temporary_valid")
CASES = ("no_approval", "approved_before", "no_approval", "approved_after", "no_approval", "temporary_valid",
         "no_approval", "temporary_expired", "no_approval")  # fmt: skip
PROJECTS: dict[str, tuple[str, ...]] = {
    "V1": ("建材堆场", "停车场", "物流仓库", "搅拌站"), "V2": ("办公用房", "钢构库房"),
    "V3": ("钢构厂房", "养殖场房", "仓库", "硬化场地"), "V4": ("厂房", "农家乐", "住宅", "加工作坊"),
    "V5": ("厂房扩建", "商业楼", "职工宿舍"), "V7": ("住宅楼", "村部活动室", "二层民房"),
    "lawful": ("标准化厂房", "安置小区", "道路施工驻地", "变电站"),
}  # fmt: skip
_OWNERS = ("个人", "农业合作社", "建材有限公司", "实业有限公司", "物流有限公司", "村民委员会")
_LAST_DAY = date(2026, 11, 30)
TILES = 3
"""Sites are dealt out over this many by this many tiles of the city, so that every unit has some."""


@dataclass(frozen=True)
class Sites:
    """True construction in :data:`CITY_CRS`.

    ``sites``: site_id, group, case, kind, lawful, project, subject, onset, pit_from, structure_from, roofed_from,
    stopped, final_area_m2, approved_on, expires_on, document, geometry (final extent). ``stages``: site_id, stage,
    from, area_m2, geometry (all ground taken so far). ``lookalikes``: lookalike_id, what, from, to, geometry.
    """

    sites: gpd.GeoDataFrame
    stages: gpd.GeoDataFrame
    lookalikes: gpd.GeoDataFrame


def _outline(area_m2: float, angle: float, rng: np.random.Generator) -> Polygon:
    """A rectangle or an L with shifted corners around the origin, of about ``area_m2``."""
    ratio = float(rng.uniform(1.0, 2.4))
    width, height = np.sqrt(area_m2 * ratio), np.sqrt(area_m2 / ratio)
    corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, 0.5], [-0.5, 0.5]])
    if rng.random() < 0.35:
        notch_x, notch_y = rng.uniform(-0.05, 0.2, 2)
        corners = np.array([[-0.5, -0.5], [0.5, -0.5], [0.5, notch_y], [notch_x, notch_y], [notch_x, 0.5], [-0.5, 0.5]])
    corners = corners * [width, height] + rng.normal(0.0, 0.045, corners.shape) * min(width, height)
    shape = affinity.rotate(Polygon(corners), angle, origin=(0, 0), use_radians=True)
    scale = float(np.sqrt(area_m2 / shape.area))
    return affinity.scale(shape, scale, scale, origin=(0, 0))


def _area(frame: Frame, index: int, rng: np.random.Generator) -> float:
    """Mostly 0.2 to 1.5 ha; every sixth site 450 to 2000 m2, every tenth up to the frame's largest."""
    low, high = 2000.0, 15000.0
    if index % 6 == 2:
        low, high = 450.0, 2000.0
    elif index % 10 == 9:
        low, high = 15000.0, frame.largest_site_m2
    return float(np.exp(rng.uniform(np.log(low), np.log(high))))


class _Placer:
    """Finds free ground for outlines: inside the city, off water and main roads, clear of what was placed before."""

    def __init__(self, frame: Frame, landscape: Landscape) -> None:
        xmin, ymin, xmax, ymax = frame.bounds
        self.inside = box(xmin + 40, ymin + 40, xmax - 40, ymax - 40)
        land = landscape.parcels["land"]
        blocked = landscape.parcels.geometry[land.isin(["river", "main_road", "pond"])]
        self.blocked = shapely.union_all(blocked.to_numpy())
        self.built = shapely.union_all(landscape.parcels.geometry[land.isin(["village", "town", "works"])].to_numpy())
        self.landscape = landscape
        self.taken: list[BaseGeometry] = []

    def anchor(self, rng: np.random.Generator) -> tuple[float, float, float]:
        """A point beside a road or at a village's edge, and a direction."""
        if rng.random() < 0.3:
            village = self.landscape.villages.geometry.iloc[int(rng.integers(len(self.landscape.villages)))]
            spot = village.exterior.interpolate(float(rng.random()), normalized=True)
            away = float(rng.uniform(20, 130)) / max(village.centroid.distance(spot), 1.0)
            x, y = spot.x + (spot.x - village.centroid.x) * away, spot.y + (spot.y - village.centroid.y) * away
            return x, y, float(rng.uniform(0, np.pi))
        roads = self.landscape.roads
        weight = roads.length.to_numpy() * np.where(roads["width_m"].to_numpy() > 10, 3.0, 1.0)
        line = roads.geometry.iloc[int(rng.choice(len(roads), p=weight / weight.sum()))]
        spot = line.interpolate(float(rng.random()), normalized=True)
        (x0, y0), (x1, y1) = line.coords[0], line.coords[-1]
        angle = float(np.arctan2(y1 - y0, x1 - x0))
        side = float(rng.choice([-1.0, 1.0])) * float(rng.uniform(18, 110))
        tilt = angle if rng.random() < 0.5 else float(rng.uniform(0, np.pi))
        return spot.x - side * np.sin(angle), spot.y + side * np.cos(angle), tilt

    def _in_tile(self, x: float, y: float, tile: tuple[int, int]) -> bool:
        xmin, ymin, xmax, ymax = self.inside.bounds
        col, row = int((x - xmin) / (xmax - xmin) * TILES), int((y - ymin) / (ymax - ymin) * TILES)
        return (col, row) == tile

    def place(
        self, area_m2: float, rng: np.random.Generator, *, gap_m: float = 45.0, tile: tuple[int, int] | None = None
    ) -> Polygon:
        """An outline of about ``area_m2`` on free ground, in ``tile`` (column, row) of the city if there is room.

        Raises RuntimeError when the city is full.
        """
        for attempt in range(4000):
            x, y, angle = self.anchor(rng)
            if tile is not None and attempt < 3000 and not self._in_tile(x, y, tile):
                continue
            shape = affinity.translate(_outline(area_m2, angle, rng), x, y)
            free = shape.is_valid and self.inside.contains(shape) and not shape.intersects(self.blocked)
            if free and shape.intersection(self.built).area < 0.15 * shape.area:
                if all(shape.distance(other) > gap_m for other in self.taken):
                    self.taken.append(shape)
                    return shape
        raise RuntimeError("no free ground left for another site: lower the number of sites of the frame")


def _onsets(frame: Frame, rng: np.random.Generator) -> list[tuple[str, date]]:
    """Group and onset per site: spread between the images that bracket each group."""
    spans = (
        ("old", frame.sites_old, date(2025, 12, 20), date(2026, 8, 15)),
        ("september", frame.sites_september, date(2026, 8, 30), date(2026, 9, 18)),
        ("october", frame.sites_october, date(2026, 9, 27), date(2026, 10, 15)),
        ("after", frame.sites_after, date(2026, 10, 26), date(2026, 11, 14)),
    )
    result = []
    for group, count, first, last in spans:
        steps = np.linspace(0.0, 1.0, count) if count > 1 else np.array([0.5])
        for step in steps:
            shift = (last - first).days * float(np.clip(step + rng.normal(0.0, 0.06), 0.0, 1.0))
            result.append((group, first + timedelta(days=int(shift))))
    return result


def _stage_days(onset: date, *, may_stop: bool, rng: np.random.Generator) -> dict[Stage, date]:
    """Days on which the stages begin; a light shed rises in weeks, a deep pit takes months, some stop for good."""
    days = {Stage.EARTHWORKS: onset}
    light = rng.random() < 0.4
    stops_after = int(rng.choice([1, 2, 3, 9], p=[0.14, 0.1, 0.08, 0.68]))
    when = onset
    if not light:
        when += timedelta(days=int(rng.integers(12, 32)))
        days[Stage.PIT] = when
    when += timedelta(days=int(rng.integers(9, 20) if light else rng.integers(22, 55)))
    days[Stage.STRUCTURE] = when
    when += timedelta(days=int(rng.integers(10, 24) if light else rng.integers(35, 80)))
    days[Stage.ROOFED] = when
    kept = list(days.items())[: stops_after if may_stop else None]
    return {stage: day for stage, day in kept if day <= _LAST_DAY}


def _extents(final: Polygon, steps: int, rng: np.random.Generator) -> list[BaseGeometry]:
    """``steps`` nested extents, the last one the final outline: the site grows in one direction."""
    turn = float(rng.uniform(0, 2 * np.pi))
    centre = final.centroid
    turned = affinity.rotate(final, -turn, origin=centre, use_radians=True)
    xmin, ymin, xmax, ymax = turned.bounds
    extents: list[BaseGeometry] = []
    for share in np.linspace(float(rng.uniform(0.42, 0.6)), 1.0, steps)[:-1]:
        part = turned.intersection(box(xmin - 1, ymin - 1, xmin + (xmax - xmin) * float(share), ymax + 1))
        extents.append(affinity.rotate(part, turn, origin=centre, use_radians=True))
    return [*extents, final]


def _growth_days(group: str, number: int, onset: date, rng: np.random.Generator) -> list[date]:
    """Days on which the site takes more ground; every second site grows, old ones through both demo months."""
    if group == "old" and number % 3 < 2:
        return [date(2026, 9, int(rng.integers(4, 18))), date(2026, 10, int(rng.integers(1, 15)))]
    if group == "september" and number % 2 == 0:
        return [date(2026, 10, int(rng.integers(1, 15)))]
    if group == "october" and number % 3 == 0:
        return [date(2026, 10, 25) + timedelta(days=int(rng.integers(0, 20)))]
    return []


def _stage_rows(
    site_id: str, days: dict[Stage, date], growth: list[date], extents: list[BaseGeometry]
) -> list[dict[str, Any]]:
    rows = []
    for day in sorted({*days.values(), *growth}):
        stage = [stage for stage, since in days.items() if since <= day][-1]
        extent = extents[sum(since <= day for since in growth)]
        rows.append({"site_id": site_id, "stage": stage.value, "from": day, "geometry": extent})
    return rows


def kind_of(shape: Polygon, case: str, ground: dict[str, BaseGeometry]) -> str:
    """The violation kind an informed judge would name, ``lawful`` where none."""
    if case in LAWFUL_CASES:
        return "lawful"
    if case == "temporary_expired":
        return "V2"
    if shape.intersection(ground["basic_farmland"]).area > 200.0:
        return "V3"
    if shape.intersection(ground["development"]).area > 0.5 * shape.area:
        return "V5"
    if shape.distance(ground["built"]) < 25.0:
        return "V7"
    return "V4" if shape.intersection(ground["farmland"]).area > 0.5 * shape.area else "V1"


def approval_of(case: str, onset: date, number: int, rng: np.random.Generator) -> dict[str, Any]:
    """Dates and document of the approval a case has."""
    if case == "approved_before":
        return {"approved_on": onset - timedelta(days=int(rng.integers(40, 400))), "document": _document(number)}
    if case == "approved_after":
        return {"approved_on": onset + timedelta(days=int(rng.integers(9, 35))), "document": _document(number)}
    if case == "temporary_valid":
        since = onset - timedelta(days=int(rng.integers(10, 60)))
        return _temporary(since, number)
    if case == "temporary_expired":
        return _temporary(onset - timedelta(days=int(rng.integers(820, 1000))), number)
    return {}


def _temporary(since: date, number: int) -> dict[str, Any]:
    """A permit for two years, the usual term of temporary land."""
    document = f"云自然资临〔{since.year}〕{number}号"
    return {"approved_on": since, "expires_on": since + timedelta(days=730), "document": document}


def _document(number: int) -> str:
    return f"云政土〔2026〕{100 + number}号"


def make_sites(
    *, frame: Frame, landscape: Landscape, ground: dict[str, BaseGeometry], rngs: dict[str, np.random.Generator]
) -> Sites:
    """Place all sites and lookalikes and give them their history.

    ``ground``: unions in :data:`CITY_CRS` named basic_farmland, development, built, farmland.
    """
    rng, clock = rngs["sites"], rngs["timeline"]
    placer = _Placer(frame, landscape)
    plans = _onsets(frame, clock)
    tiles = [(col, row) for row in range(TILES) for col in range(TILES)]
    rng.shuffle(tiles)
    sites, stages = [], []
    counts: dict[str, int] = {}
    for index, (group, onset) in enumerate(plans):
        number = counts.get(group, 0)
        counts[group] = number + 1
        growth = _growth_days(group, number, onset, clock)
        size = _area(frame, index, rng)
        size = size + 3000.0 if growth and size < 3500.0 else size
        final = placer.place(size, rng, tile=tiles[index % len(tiles)])
        days = _stage_days(onset, may_stop=not growth, rng=clock)
        site_id = f"S{index + 1:03d}"
        rows = _stage_rows(site_id, days, growth, _extents(final, len(growth) + 1, rng))
        case = CASES[(number + (0 if group == "september" else 4)) % len(CASES)]
        kind = kind_of(final, case, ground)
        stages += rows
        sites.append(
            {
                "site_id": site_id, "group": group, "case": case, "kind": kind, "lawful": kind == "lawful",
                "project": str(rng.choice(PROJECTS[kind])), "subject": subject_of(rng), "onset": onset,
                "pit_from": days.get(Stage.PIT), "structure_from": days.get(Stage.STRUCTURE),
                "roofed_from": days.get(Stage.ROOFED), "stopped": Stage.ROOFED not in days, "final_area_m2": final.area,
                "approved_on": None, "expires_on": None, "document": None,
                **approval_of(case, onset, index + 1, rng), "geometry": final,
            }
        )  # fmt: skip
    stage_frame = gpd.GeoDataFrame(pd.DataFrame(stages), geometry="geometry", crs=CITY_CRS)
    stage_frame["area_m2"] = stage_frame.area
    lookalikes = _lookalikes(frame, landscape, placer, rng)
    return Sites(gpd.GeoDataFrame(pd.DataFrame(sites), geometry="geometry", crs=CITY_CRS), stage_frame, lookalikes)


def subject_of(rng: np.random.Generator) -> str:
    """Who is said to build: a person or a firm."""
    owner = str(rng.choice(_OWNERS))
    name = "".join(str(part) for part in rng.choice(list("华兴盛达宏安瑞丰泰祥"), 2))
    person = str(rng.choice(list("王李张刘陈赵周吴"))) + str(rng.choice(["某某", "某", "某军", "某华"]))
    return person if owner == "个人" else f"云泽市{name}{owner}"


def _lookalikes(frame: Frame, landscape: Landscape, placer: _Placer, rng: np.random.Generator) -> gpd.GeoDataFrame:
    """Levelled parcels, crop drying grounds and pond digging: bare and bright for a while, no construction."""
    land = landscape.parcels
    fit = land[land["land"].isin(sorted(FARMED)) & land.area.between(2500.0, 9000.0) & land.within(placer.inside)]
    rows = []
    for number in range(frame.lookalikes):
        what = ("land_levelling", "pond_digging", "drying_ground")[number % 3]
        since = date(2026, 9, 1) + timedelta(days=int(rng.integers(0, 42)))
        if what == "land_levelling":
            free = fit.geometry[fit.distance(shapely.union_all(placer.taken)) > 60.0]
            shape = free.iloc[int(rng.integers(len(free)))]
            placer.taken.append(shape)
        else:
            shape = placer.place(float(rng.uniform(1200, 5000)), rng, gap_m=80.0)
        until = since + timedelta(days=int(rng.integers(25, 70)))
        rows.append({"lookalike_id": f"L{number + 1:03d}", "what": what, "from": since, "to": until, "geometry": shape})
    return gpd.GeoDataFrame(pd.DataFrame(rows), geometry="geometry", crs=CITY_CRS)
