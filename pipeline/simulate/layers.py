"""The bureau's land layers in the field's own names: land use, basic farmland, planning, approvals, villages."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely.geometry import MultiPoint, Polygon, box
from shapely.geometry.base import BaseGeometry

from pipeline.geodesy import geodesic_area_m2
from pipeline.simulate.frame import CITY_CRS, COUNTY_CODE, Frame
from pipeline.simulate.landscape import FARMED, LAND_CLASS, Landscape
from pipeline.simulate.sites import Sites

WRONG_AREA_SHARE = 0.03


@dataclass(frozen=True)
class Zones:
    """What planning and protection say of the ground, in :data:`CITY_CRS`.

    ``development``: zone_kind, geometry; ``basic_farmland``: parcel, geometry; ``ground``: unions by name
    (basic_farmland, development, built, farmland).
    """

    development: gpd.GeoDataFrame
    basic_farmland: gpd.GeoDataFrame
    ground: dict[str, BaseGeometry]


def make_zones(
    *, frame: Frame, landscape: Landscape, units: gpd.GeoDataFrame, rngs: dict[str, np.random.Generator]
) -> Zones:
    """Draw the urban development boundary and the basic farmland around it."""
    rng = rngs["layers"]
    city = box(*frame.bounds)
    town = landscape.villages.geometry[landscape.villages["town"]].iloc[0]
    core = town.buffer(60.0 if frame.side_m < 4000 else 250.0).intersection(city)
    zone = units.set_index("unit_id").geometry["U06"]
    xmin, ymin, xmax, ymax = zone.bounds
    elastic = zone.intersection(box(xmin, ymin, xmin + 0.45 * (xmax - xmin), ymax)).difference(core)
    circular = units.set_index("unit_id").geometry["U07"]
    xmin, ymin, xmax, ymax = circular.bounds
    special = circular.intersection(box(0.6 * xmin + 0.4 * xmax, ymin, xmax, ymin + 0.5 * (ymax - ymin)))
    development = gpd.GeoDataFrame(
        {"zone_kind": ["集中建设区", "弹性发展区", "特别用途区"]},
        geometry=[core, elastic, special.difference(core)],
        crs=CITY_CRS,
    )
    inside = shapely.union_all(development.geometry.to_numpy())
    parcels = landscape.parcels
    built = shapely.union_all(parcels.geometry[parcels["land"].isin(["village", "town", "works"])].to_numpy())
    farmed = parcels[parcels["land"].isin(sorted(FARMED))]
    free = farmed[(farmed.distance(built) > 70.0) & ~farmed.intersects(inside) & farmed.within(city)]
    kept = free[(rng.random(len(free)) < 0.72) & (free.area > 800.0)]
    basic = gpd.GeoDataFrame({"parcel": kept["parcel"].to_numpy()}, geometry=kept.geometry.to_numpy(), crs=CITY_CRS)
    ground = {
        "basic_farmland": shapely.union_all(basic.geometry.to_numpy()),
        "development": inside,
        "built": built,
        "farmland": shapely.union_all(farmed.geometry.to_numpy()),
    }
    return Zones(development, basic, ground)


def make_layers(
    *, frame: Frame, landscape: Landscape, zones: Zones, sites: Sites, rngs: dict[str, np.random.Generator]
) -> dict[str, gpd.GeoDataFrame]:
    """All layers by their delivered name: DLTB YJJBNTBHTB CZKFBJ ZZ_NYDZYFW LSYD_XMZDFW CJDCQ.

    DLTB covers the city without gaps; one of its parcels crosses itself and a few attribute areas (TBMJ, m2) are
    wrong by 12 to 30 %, as in delivered data. Dates of approvals are datetimes, those of basic farmland text.
    """
    rng = rngs["layers"]
    villages = _village_areas(frame, landscape)
    land_use = _land_use(frame, landscape, villages, rng)
    return {
        "DLTB": land_use,
        "YJJBNTBHTB": _basic_farmland(zones, land_use, landscape),
        "CZKFBJ": _planning(zones),
        "ZZ_NYDZYFW": _approvals(frame, landscape, zones, sites, rng),
        "LSYD_XMZDFW": _temporary(sites),
        "CJDCQ": villages,
    }


def _village_areas(frame: Frame, landscape: Landscape) -> gpd.GeoDataFrame:
    """CJDCQ: the city shared out to the nearest village."""
    whole = box(*frame.bounds)
    centres = landscape.villages.geometry.centroid
    faces = shapely.get_parts(shapely.voronoi_polygons(MultiPoint(list(centres)), extend_to=whole))
    shapes = [next(face for face in faces if face.contains(centre)).intersection(whole) for centre in centres]
    codes = [f"{COUNTY_CODE}100{201 + number:03d}0000000" for number in range(len(shapes))]
    frame_out = gpd.GeoDataFrame(
        {"BSM": [f"{COUNTY_CODE}2600{number + 1:08d}" for number in range(len(shapes))], "YSDM": "1000600200",
         "ZLDWDM": codes, "ZLDWMC": landscape.villages["name"].to_numpy()},
        geometry=shapes, crs=CITY_CRS,
    )  # fmt: skip
    frame_out["DCMJ"] = np.round(geodesic_area_m2(frame_out.geometry), 2)
    return frame_out


def _land_use(
    frame: Frame, landscape: Landscape, villages: gpd.GeoDataFrame, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    whole = box(*frame.bounds)
    parcels = landscape.parcels
    inside = parcels[parcels.intersects(whole)]
    rows = []
    for parcel, land, shape in zip(inside["parcel"], inside["land"], inside.geometry, strict=True):
        clipped = shape if shape.within(whole) else shape.intersection(whole)
        for part in shapely.get_parts(clipped):
            if part.geom_type == "Polygon" and part.area > 0.01:
                rows.append((parcel, land, part))
    result = gpd.GeoDataFrame(
        {"parcel": [r[0] for r in rows], "land": [r[1] for r in rows]}, geometry=[r[2] for r in rows], crs=CITY_CRS
    )
    centres = result.geometry.representative_point()
    owner = np.argmin(np.stack([centres.distance(shape) for shape in villages.geometry]), axis=0)
    measured = geodesic_area_m2(result.geometry)
    wrong = rng.random(len(result)) < WRONG_AREA_SHARE
    stated = np.round(measured * np.where(wrong, rng.choice([0.7, 0.8, 1.12, 1.3], len(result)), 1.0), 2)
    number = np.arange(len(result)) + 1
    ridge = np.where(result["land"].isin(sorted(FARMED)), 0.02, 0.0)
    farmed = result["land"].isin(sorted(FARMED)).to_numpy()
    table = {
        "BSM": [f"{COUNTY_CODE}2100{n:08d}" for n in number],
        "YSDM": "2001010100",
        "TBBH": [str(n) for n in number],
        "DLBM": [LAND_CLASS[land][0] for land in result["land"]],
        "DLMC": [LAND_CLASS[land][1] for land in result["land"]],
        "QSXZ": "30",
        "QSDWDM": villages["ZLDWDM"].to_numpy()[owner],
        "QSDWMC": villages["ZLDWMC"].to_numpy()[owner],
        "ZLDWDM": villages["ZLDWDM"].to_numpy()[owner],
        "ZLDWMC": villages["ZLDWMC"].to_numpy()[owner],
        "TBMJ": stated,
        "KCXS": np.where(farmed, 0.02, 0.0),
        "KCMJ": np.round(stated * ridge, 2),
        "TBDLMJ": np.round(stated - np.round(stated * ridge, 2), 2),
        "SJNF": 2025,
    }
    shapes = list(result.geometry)
    crossed = int(np.argmax(np.where(farmed & (measured < 6000.0), measured, 0.0)))
    shapes[crossed] = _crossing(shapes[crossed])
    frame_out = gpd.GeoDataFrame(table, geometry=shapes, crs=CITY_CRS)
    return frame_out.assign(parcel=result["parcel"].to_numpy())


def _crossing(shape: Polygon) -> Polygon:
    """The same parcel with a small loop drawn back over one edge: invalid, its ground almost unchanged."""
    points = np.array(shape.exterior.coords)
    start, end = points[0], points[1]
    along = (end - start) / np.hypot(*(end - start))
    outward = np.array([-along[1], along[0]])
    middle = (start + end) / 2.0
    loop = np.array([middle + along * 1.5, middle + outward * 1.0, middle - along * 1.5])
    return Polygon(np.vstack([points[:1], loop, points[1:]]))


def _basic_farmland(zones: Zones, land_use: gpd.GeoDataFrame, landscape: Landscape) -> gpd.GeoDataFrame:
    classes = land_use.drop_duplicates("parcel").set_index("parcel")
    parcels = zones.basic_farmland["parcel"]
    count = len(parcels)
    result = gpd.GeoDataFrame(
        {
            "BSM": [f"{COUNTY_CODE}2500{n + 1:08d}" for n in range(count)],
            "YSDM": "2005010300",
            "XZQDM": COUNTY_CODE,
            "XZQMC": "云泽市",
            "YJJBNTTBBH": [f"{n + 1:08d}" for n in range(count)],
            "TBBH": classes.loc[parcels, "TBBH"].to_numpy(),
            "DLBM": classes.loc[parcels, "DLBM"].to_numpy(),
            "DLMC": classes.loc[parcels, "DLMC"].to_numpy(),
            "QSXZ": "30",
            "ZLDWDM": classes.loc[parcels, "ZLDWDM"].to_numpy(),
            "ZLDWMC": classes.loc[parcels, "ZLDWMC"].to_numpy(),
            "BHKSSJ": "2022-12-31",
            "BHJSSJ": "2035-12-31",
        },
        geometry=zones.basic_farmland.geometry.to_numpy(),
        crs=CITY_CRS,
    )
    result["YJJBNTTBMJ"] = np.round(geodesic_area_m2(result.geometry), 2)
    result["YJJBNTMJ"] = np.round(result["YJJBNTTBMJ"] * 0.98, 2)
    return result


def _planning(zones: Zones) -> gpd.GeoDataFrame:
    count = len(zones.development)
    result = gpd.GeoDataFrame(
        {
            "BSM": [f"{COUNTY_CODE}2090{n + 1:08d}" for n in range(count)],
            "YSDM": "2090020410",
            "XZQDM": COUNTY_CODE,
            "XZQMC": "云泽市",
            "GHFQDM": [f"0{n + 1}0" for n in range(count)],
            "GHFQMC": zones.development["zone_kind"].to_numpy(),
        },
        geometry=zones.development.geometry.to_numpy(),
        crs=CITY_CRS,
    )
    result["MJ"] = np.round(geodesic_area_m2(result.geometry), 2)
    return result


def _approvals(
    frame: Frame, landscape: Landscape, zones: Zones, sites: Sites, rng: np.random.Generator
) -> gpd.GeoDataFrame:
    """Approved land: around the approved sites, and some parcels approved long ago where nothing was ever begun."""
    approved = sites.sites[sites.sites["case"].isin(["approved_before", "approved_after"])]
    shapes = [shape.buffer(5.0, join_style="mitre") for shape in approved.geometry]
    names = (approved["subject"] + approved["project"] + "项目").tolist()
    documents, days = approved["document"].tolist(), approved["approved_on"].tolist()
    parcels = landscape.parcels
    idle = parcels[
        parcels["land"].isin(sorted(FARMED)) & parcels.within(box(*frame.bounds)) & parcels.area.between(5000, 20000)
    ]
    used = shapely.union_all([*sites.sites.geometry, *sites.lookalikes.geometry]).buffer(60.0)
    idle = idle[~idle.intersects(used) & ~idle["parcel"].isin(zones.basic_farmland["parcel"])]
    chosen = idle.iloc[np.sort(rng.choice(len(idle), min(len(idle), 4 if frame.side_m > 4000 else 2), replace=False))]
    for number, shape in enumerate(chosen.geometry):
        shapes.append(shape)
        names.append(f"云泽市储备地块{number + 1}号")
        documents.append(f"云政土〔202{4 + number % 2}〕{11 + number}号")
        days.append(pd.Timestamp(2024 + number % 2, 5 + number, 12).date())
    return _projects("ZZ", "2003020110", names, documents, days, shapes)


def _temporary(sites: Sites) -> gpd.GeoDataFrame:
    rows = sites.sites[sites.sites["case"].isin(["temporary_valid", "temporary_expired"])]
    names = [f"{subject}临时用地" for subject in rows["subject"]]
    shapes = [shape.buffer(5.0, join_style="mitre") for shape in rows.geometry]
    result = _projects("LS", "2003020510", names, rows["document"].tolist(), rows["approved_on"].tolist(), shapes)
    result["DQRQ"] = pd.to_datetime(pd.Series(rows["expires_on"].tolist(), dtype="object")).astype("datetime64[ms]")
    return result


def _projects(
    prefix: str, code: str, names: list[str], documents: list[str], days: list[object], shapes: list[BaseGeometry]
) -> gpd.GeoDataFrame:
    result = gpd.GeoDataFrame(
        {
            "BSM": [f"{prefix}{COUNTY_CODE}{n + 1:06d}" for n in range(len(names))],
            "YSDM": code,
            "XMDM": [f"{COUNTY_CODE}-{prefix}-{n + 1:04d}" for n in range(len(names))],
            "XZQDM": COUNTY_CODE,
            "XMMC": names,
            "PZWH": documents,
            "PZRQ": pd.to_datetime(pd.Series(days, dtype="object")).astype("datetime64[ms]"),
        },
        geometry=shapes,
        crs=CITY_CRS,
    )
    result["PZMJ"] = np.round(geodesic_area_m2(result.geometry), 2)
    return result
