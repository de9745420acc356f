"""How well the months of a city find true building on farmland, how early, and how often they cry wolf; beside peers.

usage: python -m benchmarks.monitor_truth --city DIR [--months N] [--source s2] [--work DIR]

A city is any folder in the layout of the design's Inputs with truth/sites.parquet and truth/stages.parquet; its last N
months are run as the product runs them (detection only, in a copy). Farmland is what the layer DLTB calls so (01..),
less the sites. A site counts when it covers at least 2,000 m2 of farmland and begins inside the months; its first clear
view is the first scene day after the onset on which at least half of its ground is clear. An alert finds a site when it
covers at least a fifth of its ground or lies on it by half. Every alert is counted once, when it first comes up.

Peers see the same aligned and masked months, one look a month: month pair (NDVI drop of 0.2 onto less than 0.35), same
month last year, and a harmonic of second order fitted to the years before, three standard deviations below it in one,
two and three months running. Their pixels become objects of at least 2,000 m2.
"""

from __future__ import annotations

import argparse
import shutil
import tempfile
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
from rasterio.features import geometry_mask, shapes
from scipy import ndimage
from shapely.geometry import shape

from pipeline import DETECTION, schema
from pipeline.config import load_config
from pipeline.detect.archive import PLANES, decoded
from pipeline.detect.season import series_of
from pipeline.execute import Execution
from pipeline.grid import city_geobox, lattice
from pipeline.sources.raster import shape_of
from pipeline.stages.runner import open_month, run_stages
from pipeline.stages.state import frame_key, read_state
from pipeline.store import read_table
from pipeline.values import Period, number_of_day

MIN_M2 = 2000.0
FIRST_HISTORY = 12
BARE_NDVI, DROP = 0.35, 0.2
REVERSALS = ("recultivation", "demolition")
"""Changes of the truth that are no building: neither wanted nor false."""
Masks = dict[int, NDArray[np.bool_]]


@dataclass(frozen=True)
class Alerts:
    """Alerts of a method: outline, month it first came up, its confidence and its onset interval where it has one."""

    name: str
    table: gpd.GeoDataFrame


# --- the product ---------------------------------------------------------------------------------------------------


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


def product_alerts(city: Path, periods: Sequence[Period], source: str) -> Alerts:
    """Candidates of all months; the same ground coming up again is one alert with its best confidence later on."""
    rows: list[dict[str, Any]] = []
    for period in periods:
        folder = city / "runs" / str(period) / "detect" / source
        if not (folder / "candidates.parquet").is_file():
            continue
        for row in read_table(folder / "candidates.parquet", schema.CANDIDATES).itertuples():
            rows.append(
                {"month": month_of(period), "geometry": row.geometry, "first": row.last_clear, "last": row.first_seen}
            )
    return Alerts("xuncha", _once(rows))


def _once(rows: list[dict[str, Any]]) -> gpd.GeoDataFrame:
    """Alerts in order of month without those that lie by a fifth on an earlier one."""
    kept: list[dict[str, Any]] = []
    for row in sorted(rows, key=lambda one: one["month"]):
        ground = row["geometry"]
        if not any(shapely.area(shapely.intersection(ground, one["geometry"])) > 0.2 * ground.area for one in kept):
            kept.append(row)
    frame = pd.DataFrame(kept, columns=["month", "geometry", "first", "last"])
    return gpd.GeoDataFrame(frame, geometry="geometry")


def confirmed_alerts(city: Path, periods: Sequence[Period], source: str) -> Alerts:
    """What the months' `followed` tables call confirmed, each once."""
    rows: list[dict[str, Any]] = []
    for period in periods:
        path = city / "runs" / str(period) / "detect" / source / "followed.parquet"
        if not path.is_file():
            continue
        table = read_table(path, schema.FOLLOWED)
        for row in table[table["confidence"] == "confirmed"].itertuples():
            rows.append(
                {"month": month_of(period), "geometry": row.geometry, "first": row.last_clear, "last": row.first_seen}
            )
    return Alerts("xuncha confirmed", _once(rows))


def month_of(period: Period) -> int:
    """A period as the monitor counts months."""
    return period.year * 12 + period.month - 1


# --- peers -----------------------------------------------------------------------------------------------------------


def harmonic_design(months: NDArray[Any]) -> NDArray[np.float64]:
    """Second order harmonic of the year (month, 5)."""
    turn = 2 * np.pi * months / 12.0
    return np.stack([np.ones_like(turn), np.cos(turn), np.sin(turn), np.cos(2 * turn), np.sin(2 * turn)], axis=1)


def below_harmonic(ndvi: NDArray[np.float32], months: NDArray[Any], at: int) -> NDArray[np.bool_]:
    """NDVI (month, pixel) three standard deviations below the pixel's harmonic of the months before ``at`` less six."""
    stop = max(at - 6, FIRST_HISTORY)
    past = ndvi[:stop].astype(np.float64)
    weight = np.isfinite(past).astype(np.float64)
    design = harmonic_design(months[:stop].astype(np.float64))
    normal = np.einsum("mp,mi,mj->pij", weight, design, design) + 0.1 * np.eye(5)
    right = np.einsum("mp,mi->pi", np.nan_to_num(past) * weight, design)
    fit = np.linalg.solve(normal, right[..., None])[..., 0]
    residual = np.where(weight > 0, np.nan_to_num(past) - (design @ fit.T), 0.0)
    spread = np.sqrt((residual**2).sum(axis=0) / np.maximum(weight.sum(axis=0) - 5, 3))
    expected = (harmonic_design(months[at : at + 1].astype(np.float64)) @ fit.T)[0]
    known = (weight.sum(axis=0) >= 8) & np.isfinite(ndvi[at])
    return np.asarray(known & (ndvi[at] < expected - 3.0 * np.maximum(spread, 0.02)), dtype=bool)


def peer_masks(ndvi: NDArray[np.float32], months: NDArray[Any], first: int) -> dict[str, Masks]:
    """Alarmed pixels (pixel,) per method and month from index ``first`` on; ndvi (month, pixel), NaN not seen."""
    found: dict[str, Masks] = {
        name: {} for name in ("month pair", "year pair", "harmonic x1", "harmonic x2", "harmonic x3")
    }
    latest = np.full(ndvi.shape[1], np.nan, dtype=np.float32)
    run = np.zeros(ndvi.shape[1], dtype=int)
    for at in range(len(months)):
        now = ndvi[at]
        if at >= first:
            low = np.nan_to_num(now, nan=1.0) < BARE_NDVI
            found["month pair"][at] = low & (np.nan_to_num(latest, nan=-1.0) - now > DROP)
            year = ndvi[at - 12] if at >= 12 else np.full_like(now, np.nan)
            found["year pair"][at] = low & (np.nan_to_num(year, nan=-1.0) - now > DROP)
            below = below_harmonic(ndvi, months, at)
            run = np.where(np.isfinite(now), np.where(below, run + 1, 0), run)
            for times in (1, 2, 3):
                found[f"harmonic x{times}"][at] = below & (run == times)
        latest = np.where(np.isfinite(now), now, latest)
    return found


def objects_of(mask: NDArray[np.bool_], transform: Any, min_m2: float) -> list[Any]:
    """Outlines of the 8-connected parts of a mask, cleaned of single pixels, of at least ``min_m2``."""
    opened = ndimage.binary_opening(mask, np.ones((2, 2), dtype=bool))
    found = shapes(opened.astype(np.uint8), mask=opened, connectivity=8, transform=transform)
    outlines = [shape(geometry).buffer(0) for geometry, _ in found]
    return [one for one in outlines if one.area >= min_m2]


# --- against the truth -----------------------------------------------------------------------------------------------


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


def score(
    alerts: Alerts, sites: gpd.GeoDataFrame, views: list[int | None], farmland: Any, months: int
) -> dict[str, Any]:
    """One line of the table: recall, precision, false alarms per 100 km2 and month, lag and onset of a method."""
    table = alerts.table
    ground = sites.geometry.to_numpy()
    areas = shapely.area(ground)
    lags, before, after, good = [], [], [], []
    wanted = [i for i in range(len(sites)) if sites["counts"].iloc[i] and views[i] is not None]
    best: dict[int, Any] = {}
    false = true = 0
    tree = shapely.STRtree(ground)
    for row in table.itertuples():
        hit = neutral = False
        for i in tree.query(row.geometry):
            shared = shapely.area(shapely.intersection(row.geometry, ground[i]))
            if shared > 0.2 * areas[i] or shared > 0.5 * row.geometry.area:
                hit, neutral = hit or not sites["gone"].iloc[i], True
                if i not in best and row.month >= sites["month"].iloc[i]:
                    best[int(i)] = row
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


def city_rows(given: Path, work: Path, count: int, source: str) -> pd.DataFrame:
    """The table of a city."""
    rows = []
    for name, monitor in (("without", False), ("with", True)):
        city = work / f"{given.name}-{name}"
        if not (city / "config.yaml").is_file():
            shutil.copytree(given, city, ignore=shutil.ignore_patterns("runs", "looks", "journal.jsonl"))
        periods = months_of(city / "scenes" / source, count)
        run_months(city, periods, source, monitor=monitor)
        config = load_config(city / "config.yaml")
        farmland = farmland_of(city, config.city.crs)
        if not monitor:
            rows.append(("product without the monitor", city, periods))
            continue
        rows.append(("product", city, periods))
        geobox = geobox_of(city)
        ndvi, days, months = archive_of(city, periods[-1], source, geobox)
        seen = {int(month): days[at] for at, month in enumerate(months)}
        sites = true_sites(city, config.city.crs, farmland, periods[0].first_day, periods[-1].last_day)
        views = first_views(city, sites, geobox, seen)
        found = [Alerts(label, product_alerts(place, when, source).table) for label, place, when in rows]
        found.append(confirmed_alerts(city, periods, source))
        found += peer_alerts(ndvi, months, geobox, len(periods))
        lines = [score(one, sites, views, farmland, len(periods)) for one in found]
        return pd.DataFrame(lines).drop(columns="lags")
    raise AssertionError("unreachable")


def peer_alerts(ndvi: NDArray[np.float32], months: NDArray[Any], geobox: Any, count: int) -> list[Alerts]:
    """What the peers say in the last ``count`` months of the archive (month, y, x)."""
    found = []
    for method, masks in peer_masks(ndvi.reshape(len(months), -1), months, len(months) - count).items():
        objects = [
            {"month": int(months[at]), "geometry": one, "first": None, "last": None}
            for at, mask in masks.items()
            for one in objects_of(mask.reshape(shape_of(geobox)), geobox.transform, MIN_M2)
        ]
        found.append(Alerts(method, _once(objects)))
    return found


def geobox_of(city: Path) -> Any:
    """The grid of a city's months."""
    config = load_config(city / "config.yaml")
    cells = gpd.read_file(city / "units" / "cells.gpkg").to_crs(config.city.crs)
    return city_geobox(config.city.bounds or tuple(cells.total_bounds), config.city.crs, config.city.pixel_m)


def months_of(folder: Path, count: int) -> list[Period]:
    """The last ``count`` months up to the latest scene."""
    days = sorted(path.stem.split("_")[1] for path in folder.glob("*.tif") if not path.stem.endswith("SCL"))
    last = Period.of(datetime.strptime(days[-1][:8], "%Y%m%d").date())
    return [last.shifted(-back) for back in reversed(range(count))]


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


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table of the city."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--city", type=Path, required=True, help="A city folder with truth/")
    parser.add_argument("--months", type=int, default=12, help="How many of its last months are run")
    parser.add_argument("--source", default="s2")
    parser.add_argument("--work", type=Path, help="Keep the runs here")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        table = city_rows(options.city, options.work or Path(scratch), options.months, options.source)
    print(table.to_string(index=False, float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
