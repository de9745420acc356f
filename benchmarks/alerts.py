"""What alerts of a city's months are worth against its truth: sites found, how early, and false alarms on farmland.

Farmland is what the layer DLTB calls so (01..). A site counts when it covers at least 2,000 m2 of farmland and begins
inside the months; its first clear view is the first look after the onset in which at least half of its ground is clear.
An alert finds a site when it covers at least a fifth of its ground or lies on it by half. Every alert is counted once,
when it first comes up.
"""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
import yaml
from numpy.typing import NDArray
from rasterio.features import geometry_mask

from pipeline import DETECTION
from pipeline.config import load_config
from pipeline.detect.archive import PLANES, decoded
from pipeline.detect.season import series_of
from pipeline.execute import Execution
from pipeline.grid import city_geobox, lattice
from pipeline.sources.raster import shape_of
from pipeline.stages.runner import open_month, run_stages
from pipeline.stages.state import frame_key, read_state
from pipeline.values import Period, number_of_day

MIN_M2 = 2000.0
REVERSALS = ("recultivation", "demolition")
"""Changes of the truth that are no building: neither wanted nor false."""


@dataclass(frozen=True)
class Alerts:
    """Alerts of a method: outline, month it first came up, its confidence and its onset interval where it has one."""

    name: str
    table: gpd.GeoDataFrame


def once(rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    """Alerts in order of month without those that lie by a fifth on an earlier one."""
    kept: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda one: one["month"]):
        ground = row["geometry"]
        if not any(shapely.area(shapely.intersection(ground, one["geometry"])) > 0.2 * ground.area for one in kept):
            kept.append(row)
    frame = pd.DataFrame(kept, columns=["month", "geometry", "first", "last"])
    return gpd.GeoDataFrame(frame, geometry="geometry")


def month_of(period: Period) -> int:
    """A period as the monitor counts months."""
    return period.year * 12 + period.month - 1


def months_of(folder: Path, count: int) -> list[Period]:
    """The last ``count`` months up to the latest scene."""
    days = sorted(path.stem.split("_")[1] for path in folder.glob("*.tif") if not path.stem.endswith("SCL"))
    last = Period.of(datetime.strptime(days[-1][:8], "%Y%m%d").date())
    return [last.shifted(-back) for back in reversed(range(count))]


def geobox_of(city: Path) -> Any:
    """The working grid of a city folder."""
    config = load_config(city / "config.yaml")
    cells = gpd.read_file(city / "units" / "cells.gpkg").to_crs(config.city.crs)
    return city_geobox(config.city.bounds or tuple(cells.total_bounds), config.city.crs, config.city.pixel_m)


def copied(given: Path, city: Path) -> Path:
    """``city``, a copy of a city folder without its runs; what is there already stays."""
    if not (city / "config.yaml").is_file():
        shutil.copytree(given, city, ignore=shutil.ignore_patterns("runs", "looks", "journal.jsonl"))
    return city


def run_months(city: Path, periods: Sequence[Period], source: str, *, monitor: bool) -> None:
    """Detection of every period in order, with the named source alone."""
    path = city / "config.yaml"
    given = yaml.safe_load(path.read_text(encoding="utf-8"))
    given["sources"] = [one for one in given.get("sources", [{"name": source}]) if one["name"] == source]
    given.setdefault("detect", {})["monitor_months"] = 36 if monitor else 0
    path.write_text(yaml.safe_dump(given, allow_unicode=True), encoding="utf-8")
    config = load_config(path)
    for period in periods:
        context = open_month(city, config, period, None, Execution(), detecting=True)
        run_stages(DETECTION, context, lambda result: None, dry_run=False)


def farmland_of(city: Path, crs: str) -> Any:
    """The union of farmland parcels (DLBM 01..) of the city's land-use layer."""
    parcels = gpd.read_file(city / "layers" / "DLTB.gpkg").to_crs(crs)
    farmed = parcels.geometry[parcels["DLBM"].astype(str).str.startswith("01")].to_numpy()
    return shapely.union_all(shapely.buffer(shapely.make_valid(farmed), 0.0))


def true_sites(city: Path, crs: str, farmland: Any, first: date, last: date) -> gpd.GeoDataFrame:
    """Sites on at least 2,000 m2 of farmland with their onset, and whether they begin inside the months."""
    sites = gpd.read_parquet(city / "truth" / "sites.parquet").to_crs(crs)
    sites["onset"] = pd.to_datetime(sites["onset"])
    sites["gone"] = sites["change"].isin(REVERSALS) if "change" in sites.columns else False
    on_farm = shapely.area(shapely.intersection(sites.geometry.to_numpy(), farmland))
    sites = sites.assign(farm_m2=on_farm, month=[d.year * 12 + d.month - 1 for d in sites["onset"]])
    inside = (sites["onset"] >= pd.Timestamp(first)) & (sites["onset"] <= pd.Timestamp(last))
    return sites.assign(counts=inside & (on_farm >= MIN_M2) & ~sites["gone"]).reset_index(drop=True)


def first_views(city: Path, sites: gpd.GeoDataFrame, geobox: Any, ndvi: dict[int, Any]) -> list[int | None]:
    """Month of the first clear view after onset: half of the site's ground seen in a look taken after it, per site."""
    result: list[int | None] = []
    for site in sites.itertuples():
        onset = number_of_day(site.onset.date())
        ground = ~geometry_mask([site.geometry], shape_of(geobox), geobox.transform, all_touched=True)
        seen = [month for month, days in sorted(ndvi.items()) if (days[ground] >= onset).mean() >= 0.5]
        result.append(seen[0] if seen else None)
    return result


def archive_of(city: Path, period: Period, source: str, geobox: Any) -> tuple[Any, Any, NDArray[Any]]:
    """The monitor's NDVI and days (month, y, x) after the last month, NaN and 0 without a view, and the months."""
    folder = city / "runs" / str(period) / "detect" / source / "state"
    frame, last = frame_key(folder), month_of(period)
    parts = {
        block: series_of(read_state(folder, block, frame), last, block.shape, most=36)
        for block in lattice(shape_of(geobox))
    }
    months = np.arange(min(int(part.months[0]) for part in parts.values()), last + 1)
    ndvi = np.full((len(months), *shape_of(geobox)), np.nan, dtype=np.float32)
    days = np.zeros(ndvi.shape, dtype=np.int32)
    for block, part in parts.items():
        at = slice(int(part.months[0]) - int(months[0]), None)
        place = (at, slice(block.row_start, block.row_stop), slice(block.col_start, block.col_stop))
        size = (len(part.months), *block.shape)
        ndvi[place] = decoded(part.codes[:, :5].transpose(1, 0, 2))[0].reshape(size)
        scene = part.codes[:, PLANES.index("scene")]
        days[place] = np.take_along_axis(part.last_day, scene.astype(np.intp), axis=1).reshape(size)
    return ndvi, days, months


def hits(table: gpd.GeoDataFrame, sites: gpd.GeoDataFrame) -> dict[int, Any]:
    """The first alert (a row as of ``itertuples``) that finds each site, by the site's position, not before it began."""
    ground = sites.geometry.to_numpy()
    areas, best = shapely.area(ground), {}
    tree = shapely.STRtree(ground)
    for row in sorted(table.itertuples(), key=lambda one: one.month):
        for i in np.sort(tree.query(row.geometry)):
            shared = shapely.area(shapely.intersection(row.geometry, ground[i]))
            enough = shared > 0.2 * areas[i] or shared > 0.5 * row.geometry.area
            if enough and int(i) not in best and row.month >= sites["month"].iloc[i]:
                best[int(i)] = row
    return best


def score(
    alerts: Alerts, sites: gpd.GeoDataFrame, views: list[int | None], farmland: Any, months: int
) -> dict[str, Any]:
    """One line of the table: recall, precision, false alarms per 100 km2 and month, lag and onset of a method."""
    table = alerts.table
    ground = sites.geometry.to_numpy()
    areas = shapely.area(ground)
    lags, before, after, good = [], [], [], []
    wanted = [i for i in range(len(sites)) if sites["counts"].iloc[i] and views[i] is not None]
    best = hits(table, sites)
    false = true = 0
    tree = shapely.STRtree(ground)
    for row in table.itertuples():
        hit = neutral = False
        for i in tree.query(row.geometry):
            shared = shapely.area(shapely.intersection(row.geometry, ground[i]))
            if shared > 0.2 * areas[i] or shared > 0.5 * row.geometry.area:
                hit, neutral = hit or not sites["gone"].iloc[i], True
        share = shapely.area(shapely.intersection(row.geometry, farmland)) / row.geometry.area
        if row.geometry.area >= MIN_M2 and share > 0.5:
            true, false = true + hit, false + (not neutral)
    for i in wanted:
        if i not in best:
            continue
        row = best[i]
        lags.append(row.month - views[i])
        if pd.notna(row.last):
            onset = sites["onset"].iloc[i]
            before.append((pd.Timestamp(row.last) - onset).days)
            good.append(pd.isna(row.first) or pd.Timestamp(row.first) <= onset + pd.Timedelta(days=1))
            after.append(pd.Timestamp(row.last) >= onset)
    return {
        "method": alerts.name, "alerts": len(table), "sites": len(wanted), "found": len(lags),
        "right": true, "false": false, "recall": len(lags) / max(len(wanted), 1), "precision": true / max(true + false, 1),
        "false/100km2/month": 1e8 * false / farmland.area / months,
        "lags": lags, "median lag": float(np.median(lags)) if lags else float("nan"),
        "first_seen - onset, days": float(np.median(before)) if before else float("nan"),
        "interval holds onset": float(np.mean(np.array(good) & np.array(after))) if good else float("nan"),
    }  # fmt: skip
