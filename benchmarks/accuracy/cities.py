"""Cities with known truth: how well their months find building on farmland, how early, and what they say of it."""

from __future__ import annotations

import shutil
from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from rasterio.features import geometry_mask

from benchmarks import alerts as truth_of
from benchmarks.monitor_truth import confirmed_alerts, peer_alerts, product_alerts
from benchmarks.wild_city import write_wild_city
from pipeline import DETECTION, schema
from pipeline.config import Config, Source, load_config
from pipeline.execute import Execution
from pipeline.intervals import wilson
from pipeline.learn.sites import owners, site_accuracy
from pipeline.sources.raster import opened, shape_of
from pipeline.sources.scenes import find_scenes
from pipeline.stages.runner import open_month, run_stages
from pipeline.store import read_table
from pipeline.values import Period, Validity

DRAWN_SEED, DRAWN_SIZE_PX, DRAWN_MONTHS, DRAWN_JUDGED = 20_261, 280, 24, 8
"""The city that is drawn when none is given: small, and its last eight months are judged, in which six sites count."""
SEEN_SHARE, LATEST = 0.5, date(2200, 1, 1)


def judged(given: Path | None, scratch: Path, months: int) -> dict[str, Any]:
    """The rows of one city: as it was delivered (its months are run in a copy), or with those of its months that are run."""
    if given is None:
        city, months = scratch / "drawn", min(months, DRAWN_JUDGED)
        write_wild_city(city, seed=DRAWN_SEED, size_px=DRAWN_SIZE_PX, months=DRAWN_MONTHS, fine=False)
    else:
        city = given
    config = load_config(city / "config.yaml")
    main = next((one for one in config.sources if one.profile == "s2"), config.sources[0])
    periods = last_months(city, main, months)
    finished = [one for one in periods if (city / "runs" / str(one) / "detect" / main.name).is_dir()]
    periods = finished or periods
    if not finished:
        if given is not None:
            city = scratch / f"city-{given.name}"
            shutil.copytree(given, city, ignore=shutil.ignore_patterns("runs", "looks", "journal.jsonl"))
        for period in periods:
            run_stages(DETECTION, open_month(city, config, period, None, Execution(), detecting=True),
                       lambda result: None, dry_run=False)  # fmt: skip
    return rows(city, config, main, periods, given.name if given is not None else "drawn for this run")


def last_months(city: Path, source: Source, count: int) -> list[Period]:
    """The last ``count`` months up to the latest scene of a source."""
    scenes, _ = find_scenes(
        city / source.folder, first_day=date(1970, 1, 1), last_day=LATEST, bands=source.bands, scale=source.scale,
        offset=source.offset,
    )  # fmt: skip
    last = Period.of(max(scene.dates.end for scene in scenes))
    return [last.shifted(-back) for back in reversed(range(count))]


def rows(city: Path, config: Config, main: Source, periods: Sequence[Period], name: str) -> dict[str, Any]:
    """Everything that is said of a city whose months are run."""
    crs = config.city.crs
    farmland = truth_of.farmland_of(city, crs)
    geobox = truth_of.geobox_of(city)
    sites = truth_of.true_sites(city, crs, farmland, periods[0].first_day, periods[-1].last_day)
    alerts = [("early", product_alerts(city, periods, main.name)),
              ("confirmed", confirmed_alerts(city, periods, main.name))]  # fmt: skip
    if (city / "runs" / str(periods[-1]) / "detect" / main.name / "state").is_dir():
        ndvi, days, months = truth_of.archive_of(city, periods[-1], main.name, geobox)
        seen = {int(month): days[at] for at, month in enumerate(months)}
        views = truth_of.first_views(city, sites, geobox, seen)
        alerts += [("", one) for one in peer_alerts(ndvi, months, geobox, len(periods))]
    else:
        views = _views(city, sites, geobox, main, periods)
    lines = [{"level": level, **with_intervals(truth_of.score(one, sites, views, farmland, len(periods)))}
             for level, one in alerts]  # fmt: skip
    table = stages_of(city, crs)
    parts = {source.name: site_accuracy(first_alerts(city, source, periods, sites), sites, table)
             for source in config.sources}  # fmt: skip
    return {
        "name": name, "months": len(periods), "farmland_km2": farmland.area * 1e-6, "rows": lines,
        "area": [_area_row(source, parts[source.name]["areas"]) for source in config.sources],
        "onset": {source: part["onset"] for source, part in parts.items()},
        "stages": {source: part["stages"] for source, part in parts.items() if part["stages"]},
    }  # fmt: skip


def with_intervals(line: dict[str, Any]) -> dict[str, Any]:
    """A line of counts with recall and precision (None where undefined) and their Wilson intervals (95 %)."""
    result = dict(line)
    for name, part, whole in (
        ("recall", line["found"], line["sites"]),
        ("precision", line["right"], line["right"] + line["false"]),
    ):
        result[name] = part / whole if whole else None
        result[f"{name} interval"] = list(wilson(part, whole, confidence=0.95)) if whole else None
    return result


def together(cities: Sequence[dict[str, Any]]) -> list[dict[str, Any]]:
    """The lines of several cities added up; only methods that every city has."""
    lines = [[row for row in city["rows"]] for city in cities]
    shared = [
        row["method"] for row in lines[0] if all(any(row["method"] == one["method"] for one in own) for own in lines)
    ]
    ground = sum(city["farmland_km2"] * city["months"] for city in cities)
    result = []
    for method in shared:
        own = [row for rows in lines for row in rows if row["method"] == method]
        counts = {name: sum(row[name] for row in own) for name in ("alerts", "sites", "found", "right", "false")}
        lags = [lag for row in own for lag in row["lags"]]
        result.append(with_intervals({
            "level": own[0]["level"], "method": method, **counts, "lags": lags,
            "false/100km2/month": 100.0 * counts["false"] / ground,
            "median lag": float(np.median(lags)) if lags else None,
        }))  # fmt: skip
    return result


def _area_row(source: Source, areas: dict[str, Any]) -> dict[str, Any]:
    return {"source": source.name, "profile": source.profile, **areas}


def first_alerts(city: Path, source: Source, periods: Sequence[Period], sites: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Of every site all candidates of the first month in which any lies on it."""
    kept: list[gpd.GeoDataFrame] = []
    taken: set[int] = set()
    for period in periods:
        path = city / "runs" / str(period) / "detect" / source.name / "candidates.parquet"
        if not path.is_file():
            continue
        table = read_table(path, schema.CANDIDATES).to_crs(sites.crs)
        owner = owners(table, sites)
        new = np.array([at >= 0 and at not in taken for at in owner.tolist()], dtype=bool)
        kept.append(table[new])
        taken |= set(owner[new].tolist())
    empty = gpd.GeoDataFrame(
        {name: [] for name in ("stage", "area_m2", "first_seen", "last_clear")}, geometry=[], crs=sites.crs
    )
    full = [one for one in kept if len(one)]
    return gpd.GeoDataFrame(pd.concat(full, ignore_index=True)) if full else empty


def stages_of(city: Path, crs: str) -> gpd.GeoDataFrame | None:
    """The stages of the city's truth; without the table those that its sites' columns tell (pit_from, ...)."""
    path = city / "truth" / "stages.parquet"
    if path.is_file():
        return gpd.read_parquet(path).to_crs(crs)
    sites = gpd.read_parquet(city / "truth" / "sites.parquet").to_crs(crs)
    begun = {"onset": "earthworks", "pit_from": "pit", "structure_from": "structure", "roofed_from": "roofed"}
    parts = [
        gpd.GeoDataFrame({"site_id": sites["site_id"], "stage": stage, "from": pd.to_datetime(sites[column])},
                         geometry=sites.geometry.to_numpy(), crs=crs).dropna(subset=["from"])
        for column, stage in begun.items() if column in sites.columns
    ]  # fmt: skip
    return gpd.GeoDataFrame(pd.concat(parts, ignore_index=True)) if parts else None


def _views(
    city: Path, sites: gpd.GeoDataFrame, geobox: Any, source: Source, periods: Sequence[Period]
) -> list[int | None]:
    """Without a monitor: the first month from the onset's on in which half of a site's ground was clear."""
    result: list[int | None] = [None] * len(sites)
    for period in periods:
        path = city / "runs" / str(period) / "acquire" / source.name / "validity.tif"
        if not path.is_file():
            continue
        with opened(path) as file:
            clear = file.read(1) == Validity.CLEAR
        for at, site in enumerate(sites.itertuples()):
            ground = ~geometry_mask([site.geometry], shape_of(geobox), geobox.transform, all_touched=True)
            month = truth_of.month_of(period)
            if result[at] is None and month >= site.month and clear[ground].mean() >= SEEN_SHARE:
                result[at] = month
    return result
