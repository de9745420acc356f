"""A whole month on real imagery: a Sentinel-2 pair becomes a city with cells, units, farmland, ledgers and tracks.

usage: python benchmarks/real_month.py [--pair FOLDER] [--work DIR] [--seed N]

Imagery and change labels are real; units, cells, people, land layer, patrols and ledgers are generated around them with
a seed. What is printed compares the month's results with the labels and with what the generated patrols really did.
"""

from __future__ import annotations

import argparse
import os
import shutil
import subprocess
import sys
import tempfile
from collections.abc import Iterable
from datetime import date, datetime, timedelta
from io import BytesIO
from pathlib import Path

import geopandas as gpd
import gpxpy.gpx
import numpy as np
import openpyxl
import pandas as pd
import pyproj
import rasterio
from rasterio import features
from scipy import ndimage
from shapely.geometry import LineString, Point, box, shape

from pipeline import schema
from pipeline.config import commented_yaml
from pipeline.geodesy import geodesic_area_m2
from pipeline.sinks.geopackage import write_geopackage
from pipeline.spectra import mndwi, ndvi
from pipeline.store import read_table

REPOSITORY = Path(__file__).resolve().parent.parent
PERIOD, DISPATCHED_ON, AS_OF = "2018-03", "2018-04-05", "2018-04-30"
CRS = "EPSG:4546"
DAY = date(2018, 3, 31)
UNITS = (
    ("U1", "北镇", "乡镇"),
    ("U2", "南镇", "乡镇"),
    ("U3", "城东街道", "街道"),
    ("U4", "经济开发区", "经济开发区"),
)
HEADINGS = (
    *("巡查时间", "巡查人员", "巡查路线", "巡查项目", "违法项目主体或名称", "违法地点"),
    *("违法现状", "制止措施", "制止效果", "后续处理", "经度", "纬度"),
)

PATROL, ROUTE = "张三、李四", "沿路巡查"


def label_sites(pair: Path) -> gpd.GeoDataFrame:
    """Labelled changes of at least 1,000 m2 as polygons in the city's CRS."""
    with rasterio.open(pair / "label.tif") as source:
        mask = source.read(1) == 1
        shapes = [shape(g) for g, v in features.shapes(mask.astype("uint8"), mask=mask, transform=source.transform)]
        sites = gpd.GeoDataFrame(geometry=shapes, crs=source.crs).to_crs(CRS)
    sites["area_m2"] = geodesic_area_m2(sites.geometry)
    sites = sites[sites["area_m2"] >= 1000].sort_values("area_m2", ascending=False).reset_index(drop=True)
    sites["site_id"] = [f"L{number:03d}" for number in range(1, len(sites) + 1)]
    return sites


def territory(pair: Path) -> tuple[float, float, float, float]:
    """The before image's extent in the city's CRS."""
    with rasterio.open(pair / "before.tif") as source:
        outline = gpd.GeoSeries([box(*source.bounds)], crs=source.crs).to_crs(CRS)
    return tuple(float(value) for value in outline.total_bounds)  # type: ignore[return-value]


def unit_tables(extent: tuple[float, float, float, float]) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Three strips of units with an overlapping zone, and square cells of one kilometre."""
    xmin, ymin, xmax, ymax = extent
    third = (ymax - ymin) / 3
    strips = [box(xmin, ymin + third * i, xmax, ymin + third * (i + 1)) for i in (2, 0, 1)]
    zone = box(xmin + (xmax - xmin) * 0.6, ymin + third * 0.7, xmax, ymin + third * 1.6)
    units = gpd.GeoDataFrame(
        {
            "单位编号": [unit[0] for unit in UNITS],
            "单位名称": [unit[1] for unit in UNITS],
            "单位类型": [unit[2] for unit in UNITS],
            "重叠优先级": [1, 1, 1, 2],
            "每月核查上限": [15, 15, 25, 15],
        },
        geometry=[*strips, zone],
        crs=CRS,
    )
    squares = [
        box(x, y, min(x + 1000, xmax), min(y + 1000, ymax))
        for y in np.arange(ymin, ymax - 1, 1000)
        for x in np.arange(xmin, xmax - 1, 1000)
    ]
    cells = gpd.GeoDataFrame(
        {"网格编号": [f"C{number:03d}" for number in range(1, len(squares) + 1)]}, geometry=squares, crs=CRS
    )
    return units, cells


def cell_owner(units: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> list[str]:
    """Unit of each cell: highest precedence at its centroid."""
    ordered = units.sort_values("重叠优先级", ascending=False)
    return [
        next((row["单位编号"] for _, row in ordered.iterrows() if row.geometry.intersects(centre)), UNITS[0][0])
        for centre in cells.geometry.centroid
    ]


def land_use(pair: Path) -> gpd.GeoDataFrame:
    """Parcels of land use drawn from the before image: water, farmland, wood, built, merged over 60 m squares."""
    with rasterio.open(pair / "before.tif") as source:
        blue, green, red, nir, swir1, _ = source.read().astype("float32") / 10000
        transform, crs = source.transform, source.crs
    vegetation, water = ndimage.uniform_filter(ndvi(nir, red), 7), ndimage.uniform_filter(mndwi(green, swir1), 7)
    classes = np.select([water > 0.1, vegetation > 0.55, vegetation > 0.25], [1104, 301, 103], 701).astype("int32")
    classes = np.kron(classes[3::6, 3::6], np.ones((6, 6), dtype="int32"))[: blue.shape[0], : blue.shape[1]]
    rows = [(shape(g), int(v)) for g, v in features.shapes(classes, transform=transform)]
    names = {1104: "坑塘水面", 301: "乔木林地", 103: "旱地", 701: "城镇住宅用地"}
    parcels = gpd.GeoDataFrame(
        {
            "BSM": [f"{number:010d}" for number in range(1, len(rows) + 1)],
            "DLBM": [f"{value:04d}" for _, value in rows],
            "DLMC": [names[value] for _, value in rows],
            "ZLDWDM": "450500001001",
        },
        geometry=[polygon for polygon, _ in rows],
        crs=crs,
    ).to_crs(CRS)
    parcels["TBMJ"] = geodesic_area_m2(parcels.geometry).round(2)
    return parcels


def patrols(sites: gpd.GeoDataFrame, owners: dict[str, str], cells: gpd.GeoDataFrame, rng: np.random.Generator):
    """What each unit's patrols did in March and April: tracks, ledger rows, and what they saw and wrote down.

    A third of the sites is reported, a third is passed within 40 m and not reported, a third is never approached.
    """
    joined = gpd.sjoin(sites.set_geometry(sites.representative_point()), cells[["网格编号", "geometry"]], how="inner")
    tracks: dict[str, list[tuple[str, date, LineString]]] = {unit[0]: [] for unit in UNITS}
    rows: dict[str, list[list[object]]] = {unit[0]: [] for unit in UNITS}
    deeds = []
    for number, site in enumerate(joined.itertuples()):
        unit = owners[site.网格编号]
        deed = ("reported", "passed", "not_approached")[int(rng.integers(3))]
        day = date(2018, 3, 12) + timedelta(days=int(rng.integers(0, 45)))
        point = site.geometry
        if deed != "not_approached":
            bend = rng.normal(0, 15, (9, 2))
            path = [
                (point.x + 12 + dx * 60 + bend[i, 0], point.y + 12 + dx * 20 + bend[i, 1])
                for i, dx in enumerate(range(-4, 5))
            ]
            tracks[unit].append((f"{day:%Y%m%d}_{number:03d}", day, LineString(path)))
        lon, lat = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True).transform(point.x, point.y)
        if deed == "reported":
            position = [round(lon, 6), round(lat, 6)]
            answer = ["在建", "责令停止", "已停工", "跟踪"]
            rows[unit].append([f"{day:%Y-%m-%d}", PATROL, ROUTE, "土地", f"项目{number}", "", *answer, *position])
        elif deed == "passed":
            rows[unit].append(
                [f"{day:%Y-%m-%d}", "张三、李四", "沿路巡查", "", "", "", "未发现", "", "", "", None, None]
            )
        deeds.append((site.site_id, unit, deed, day))
    return tracks, rows, pd.DataFrame(deeds, columns=["site_id", "unit_id", "deed", "day"])


def gpx_bytes(day: date, line: LineString) -> bytes:
    """One outing at walking pace, starting at nine in the morning."""
    to_degrees = pyproj.Transformer.from_crs(CRS, "EPSG:4326", always_xy=True)
    gpx, track, segment = gpxpy.gpx.GPX(), gpxpy.gpx.GPXTrack(), gpxpy.gpx.GPXTrackSegment()
    start = datetime(day.year, day.month, day.day, 1, 0)
    for step, distance in enumerate(np.arange(0, line.length, 25.0)):
        point: Point = line.interpolate(float(distance))
        lon, lat = to_degrees.transform(point.x, point.y)
        segment.points.append(gpxpy.gpx.GPXTrackPoint(lat, lon, time=start + timedelta(seconds=20 * step)))
    track.segments.append(segment)
    gpx.tracks.append(track)
    return gpx.to_xml().encode("utf-8")


def ledger_bytes(name: str, rows: Iterable[list[object]]) -> bytes:
    """A workbook as units keep it: a title above the heading."""
    book = openpyxl.Workbook()
    sheet = book.active
    sheet.append([f"{name}巡查台账"])
    sheet.append(HEADINGS)
    for row in rows:
        sheet.append(row)
    stream = BytesIO()
    book.save(stream)
    return stream.getvalue()


def write_city(pair: Path, city: Path, seed: int) -> tuple[gpd.GeoDataFrame, pd.DataFrame]:
    """Write the whole city folder; returns the labelled sites and what patrols really did at each."""
    rng = np.random.default_rng(seed)
    for name in ("scenes/s2", "layers", "units", "records"):
        (city / name).mkdir(parents=True, exist_ok=True)
    for role in ("before", "after"):
        shutil.copyfile(pair / f"{role}.tif", city / "scenes" / "s2" / f"{role}.tif")
    extent, sites = territory(pair), label_sites(pair)
    units, cells = unit_tables(extent)
    owner = cell_owner(units, cells)
    write_geopackage(city / "units" / "units.gpkg", {"units": units}, day=DAY)
    write_geopackage(city / "units" / "cells.gpkg", {"cells": cells}, day=DAY)
    write_geopackage(city / "layers" / "DLTB.gpkg", {"DLTB": land_use(pair)}, day=DAY)
    people = pd.DataFrame(
        [(f"P{i}", f"网格员{i}", unit[0], "网格员", None) for i, unit in enumerate(UNITS, start=1)],
        columns=["人员编号", "姓名", "单位编号", "职务", "电话"],
    )
    person = dict(zip(people["单位编号"], people["人员编号"], strict=True))
    names = cells["网格编号"].tolist()
    responsibility = pd.DataFrame(
        [(cell, unit, person[unit], "2016-01-01", None) for cell, unit in zip(names, owner, strict=True)],
        columns=["网格编号", "单位编号", "人员编号", "起始日期", "终止日期"],
    )
    plan = pd.DataFrame(
        [
            (f"J{month}-{cell}", unit, cell, person[unit], f"2018-{month:02d}-01", f"2018-{month:02d}-{last}", 1)
            for month, last in ((3, 31), (4, 30))
            for cell, unit in zip(names, owner, strict=True)
        ],
        columns=["计划编号", "单位编号", "网格编号", "人员编号", "计划起始日期", "计划截止日期", "应巡次数"],
    )
    delegations = pd.DataFrame(columns=["单位编号", "受托单位编号", "起始日期", "终止日期", "依据"])
    for name, table in (
        ("people", people),
        ("responsibility", responsibility),
        ("plan", plan),
        ("delegations", delegations),
    ):
        table.to_csv(city / "units" / f"{name}.csv", index=False, encoding="utf-8-sig")
    tracks, rows, deeds = patrols(sites, dict(zip(names, owner, strict=True)), cells, rng)
    for unit_id, unit_name, _ in UNITS:
        for room in ("tracks", "ledgers"):
            (city / room / unit_name).mkdir(parents=True, exist_ok=True)
        for stem, day, line in tracks[unit_id]:
            (city / "tracks" / unit_name / f"{stem}.gpx").write_bytes(gpx_bytes(day, line))
        ledger = ledger_bytes(unit_name, sorted(rows[unit_id], key=lambda row: str(row[0])))
        (city / "ledgers" / unit_name / "巡查台账.xlsx").write_bytes(ledger)
    config = commented_yaml().replace('name: "示例市"', 'name: "北海（真实影像）"')
    config = config.replace('county_code: "000000"', 'county_code: "450500"')
    config = config.replace('crs: "EPSG:4547"', f'crs: "{CRS}"').replace("history_months: 12", "history_months: 24")
    (city / "config.yaml").write_text(config, encoding="utf-8")
    return sites, deeds


def xuncha(*arguments: str) -> None:
    """Run a command of the product; stops this script when it fails."""
    subprocess.run([sys.executable, "-m", "pipeline", *arguments], check=True)


def compare_with_truth(city: Path, sites: gpd.GeoDataFrame, deeds: pd.DataFrame) -> None:
    """Print what was found of the labels and how the verdicts agree with what patrols did."""
    run = city / "runs" / PERIOD
    targets = read_table(run / "register" / "targets.parquet", schema.TARGETS)
    verdicts = read_table(run / "reconcile" / "verdicts.parquet", schema.VERDICTS).set_index("target_id")
    hits = gpd.sjoin(targets[["target_id", "geometry"]], sites[["site_id", "geometry"]], how="inner")
    true_targets, found_sites = hits["target_id"].nunique(), hits["site_id"].nunique()
    print(f"\nlabelled sites >= 1000 m2: {len(sites)}, touched by a target: {found_sites}")
    print(f"targets: {len(targets)}, on a labelled site: {true_targets}, elsewhere: {len(targets) - true_targets}")
    joined = hits.merge(deeds, on="site_id")
    joined["verdict"] = verdicts.loc[joined["target_id"], "verdict"].to_numpy()
    print("\nwhat patrols really did (rows) against the verdict (columns), target-site pairs:")
    print(pd.crosstab(joined["deed"], joined["verdict"]).to_string())


def main() -> None:
    data = Path(os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared" / "data")
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--pair", type=Path, default=data / "s2_urban_change" / "beihai")
    parser.add_argument("--work", type=Path, help="city folder to write; default: a new temporary one")
    parser.add_argument("--seed", type=int, default=20180331)
    options = parser.parse_args()
    city = options.work or Path(tempfile.mkdtemp(prefix="xuncha-real-")) / "city"
    sites, deeds = write_city(options.pair, city, options.seed)
    xuncha("detect", str(city), "--period", PERIOD)
    xuncha("dispatch", str(city), "--period", PERIOD, "--date", DISPATCHED_ON)
    xuncha("run", str(city), "--period", PERIOD, "--as-of", AS_OF)
    compare_with_truth(city, sites, deeds)


if __name__ == "__main__":
    main()
