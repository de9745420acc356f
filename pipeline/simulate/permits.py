"""Further land layers of the synthetic city: village plans, permits, filings, redline. Nothing here is drawn by chance."""

from __future__ import annotations

from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import box
from shapely.geometry.base import BaseGeometry

from pipeline.geodesy import geodesic_area_m2
from pipeline.simulate.frame import CITY_CRS, COUNTY_CODE, Frame
from pipeline.simulate.landscape import Landscape
from pipeline.simulate.layers import Zones
from pipeline.simulate.sites import LAWFUL_CASES, Sites

PLAN_REACH_M = 30.0
"""A village plan holds the village and the ground this far around its built land."""
_DAYS_TO_PERMIT = 5


def make_permits(*, frame: Frame, landscape: Landscape, zones: Zones, sites: Sites) -> dict[str, gpd.GeoDataFrame]:
    """Layers by their delivered name: STBHHX GHFW SSNYD JSGCGHXK XCJSGHXK.

    Every lawful site has the permit its place asks for, given days after its approval and before it began; unlawful
    ones have none. Works and villages that stood before have old permits. Mining rights are not delivered.
    """
    whole, parcels = box(*frame.bounds), landscape.parcels
    inside = parcels[parcels.within(whole)]
    villages = shapely.union_all(inside.geometry[inside["land"] == "village"].to_numpy())
    plans = polygons(villages.buffer(PLAN_REACH_M, join_style="mitre").difference(zones.ground["development"]))
    river = shapely.union_all(parcels.geometry[parcels["land"] == "river"].to_numpy()).buffer(15.0)
    yards = inside.geometry[inside["land"] == "yard"].to_list()
    lawful = sites.sites[sites.sites["case"].isin(LAWFUL_CASES)]
    given = [(row.geometry.buffer(5.0, join_style="mitre"), row.approved_on + timedelta(days=_DAYS_TO_PERMIT),
              row.project) for row in lawful.itertuples()]  # fmt: skip
    town = [item for item in given if item[0].intersects(zones.ground["development"])]
    rural = [item for item in given if item not in town]
    works = inside.geometry[inside["land"].isin(["works", "town"])].to_list()
    homes = inside.geometry[inside["land"] == "village"].to_list()
    return {
        "STBHHX": _zones("ST", {"MC": "河流生态保护红线"}, polygons(river.intersection(whole))),
        "GHFW": _zones("GH", {"MC": "村庄规划范围"}, plans),
        "SSNYD": _dated("SS", "BABH", "BARQ", [(shape, date(2021, 6, 1), "设施农业") for shape in yards[::2]]),
        "JSGCGHXK": _dated("JG", "XKZBH", "FZRQ", [*town, *((shape, date(2016, 3, 1), "厂区") for shape in works)]),
        "XCJSGHXK": _dated("XC", "XKZBH", "FZRQ", [*rural, *((shape, date(2015, 3, 1), "住宅") for shape in homes[::3])]),
    }  # fmt: skip


def polygons(shape: BaseGeometry) -> list[BaseGeometry]:
    """The polygons of a shape of any kind, from west to east."""
    parts = [part for part in shapely.get_parts(shape) if part.geom_type == "Polygon" and part.area > 1.0]
    return sorted(parts, key=lambda part: part.bounds)


def _zones(prefix: str, fields: dict[str, str], shapes: list[BaseGeometry]) -> gpd.GeoDataFrame:
    names = [f"{prefix}{COUNTY_CODE}{number + 1:06d}" for number in range(len(shapes))]
    result = gpd.GeoDataFrame({"BSM": names, **fields}, geometry=shapes, crs=CITY_CRS)
    return result.assign(MJ=np.round(geodesic_area_m2(result.geometry), 2))


def _dated(prefix: str, number: str, day: str, items: list[tuple[BaseGeometry, date, str]]) -> gpd.GeoDataFrame:
    result = gpd.GeoDataFrame(
        {
            "BSM": [f"{prefix}{COUNTY_CODE}{n + 1:06d}" for n in range(len(items))],
            number: [f"{prefix}〔{item[1].year}〕{n + 1}号" for n, item in enumerate(items)],
            "XMMC": [item[2] for item in items],
            day: pd.to_datetime(pd.Series([item[1] for item in items], dtype="object")).astype("datetime64[ms]"),
        },
        geometry=[item[0] for item in items],
        crs=CITY_CRS,
    )
    return result.assign(MJ=np.round(geodesic_area_m2(result.geometry), 2))
