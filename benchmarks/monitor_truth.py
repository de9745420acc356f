"""How well the months of a city find true building on farmland, how early, and how often they cry wolf; beside peers.

usage: python -m benchmarks.monitor_truth --city DIR [--months N] [--source s2] [--work DIR]
       python -m benchmarks.monitor_truth --series DIR

A city is any folder in the layout of the design's Inputs with truth/sites.parquet and truth/stages.parquet; its last N
months are run as the product runs them (detection only, in a copy). Farmland is what the layer DLTB calls so (01..),
less the sites. A site counts when it covers at least 2,000 m2 of farmland and begins inside the months; its first clear
view is the first scene day after the onset on which at least half of its ground is clear. An alert finds a site when it
covers at least a fifth of its ground or lies on it by half. Every alert is counted once, when it first comes up.

Peers see the same aligned and masked months, one look a month: month pair (NDVI drop of 0.2 onto less than 0.35), same
month last year, and a harmonic of second order fitted to the years before, three standard deviations below it in one,
two and three months running. Their pixels become objects of at least 2,000 m2. With --series the false alarms of the
NDVI-only monitor and the peers are counted on a real series in which nothing is built, and how many of 40 squares of
50 m, bare (NDVI 0.16) from a day on that is drawn, are found and when. Where the package pyxccd can be imported, COLD
(three and six looks running, of all looks) is a peer there.
"""

from __future__ import annotations

import argparse
import importlib.util
import json
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
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import geometry_mask, shapes
from scipy import ndimage
from shapely.geometry import shape

from pipeline import DETECTION, schema
from pipeline.config import load_config
from pipeline.detect.archive import PLANES, MonthState, coded, decoded
from pipeline.detect.monitor import Calibration, Followed, calibration, follow, scene_sample
from pipeline.detect.season import Series, series_of
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
FOLLOWED = 12
START = 18
"""Months of a real series that are only looked at."""
LEVELS = {"early": Followed.EARLY, "probable": Followed.PROBABLE, "confirmed": Followed.CONFIRMED}
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
        "recall": len(lags) / max(len(wanted), 1), "precision": true / max(true + false, 1),
        "false/100km2/month": 1e8 * false / farmland.area / months,
        "median lag": float(np.median(lags)) if lags else float("nan"),
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
        geobox = _geobox(city)
        ndvi, days, months = archive_of(city, periods[-1], source, geobox)
        seen = {int(month): days[at] for at, month in enumerate(months)}
        sites = true_sites(city, config.city.crs, farmland, periods[0].first_day, periods[-1].last_day)
        views = first_views(city, sites, geobox, seen)
        found = [Alerts(label, product_alerts(place, when, source).table) for label, place, when in rows]
        found.append(confirmed_alerts(city, periods, source))
        flat = ndvi.reshape(len(months), -1)
        first = len(months) - len(periods)
        for method, masks in peer_masks(flat, months, first).items():
            objects = [
                {"month": int(months[at]), "geometry": one, "first": None, "last": None}
                for at, mask in masks.items()
                for one in objects_of(mask.reshape(shape_of(geobox)), geobox.transform, MIN_M2)
            ]
            found.append(Alerts(method, _once(objects)))
        return pd.DataFrame([score(one, sites, views, farmland, len(periods)) for one in found])
    raise AssertionError("unreachable")


def _geobox(city: Path) -> Any:
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


# --- a real series ----------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Looks:
    """A real series: NDVI (look, y, x), NaN where not clear, and the day of each look."""

    ndvi: NDArray[np.float32]
    days: tuple[date, ...]

    @property
    def numbers(self) -> NDArray[Any]:
        """The looks' months."""
        return np.array([day.year * 12 + day.month - 1 for day in self.days])

    @property
    def months(self) -> NDArray[Any]:
        """All months of the series."""
        return np.arange(self.numbers.min(), self.numbers.max() + 1)


def real_series(folder: Path) -> Looks:
    """The looks of a folder like s2_slovenia_series."""
    ndvi, valid = np.load(folder / "NDVI.npy")[..., 0], np.load(folder / "IS_VALID.npy")[..., 0].astype(bool)
    cloudy = np.load(folder / "CLM.npy")[..., 0] > 0
    stamps = json.loads((folder / "timestamps.json").read_text(encoding="utf-8"))
    days = tuple(datetime.fromisoformat(text).date() for text in stamps)
    return Looks(np.where(valid & ~cloudy, ndvi, np.nan).astype(np.float32), days)


def built_over(looks: Looks, count: int = 40, seed: int = 5) -> tuple[Looks, list[tuple[slice, slice, int]]]:
    """The series with ``count`` bare squares of 50 m from a drawn day on; their place and the month of onset."""
    rng = np.random.default_rng(seed)
    ndvi, size = looks.ndvi.copy(), looks.ndvi.shape[1:]
    spots = [(row, col) for row in range(4, size[0] - 8, 12) for col in range(4, size[1] - 8, 12)]
    green = [at for at in spots if np.nanmedian(looks.ndvi[:, at[0] : at[0] + 5, at[1] : at[1] + 5]) > 0.4]
    sites = []
    for number in rng.permutation(len(green))[:count]:
        rows, cols = (slice(place, place + 5) for place in green[int(number)])
        month = int(looks.months[int(rng.integers(START, len(looks.months) - 4))])
        later = looks.numbers >= month
        bare = 0.16 + 0.03 * rng.standard_normal((int(later.sum()), 5, 5))
        ndvi[later, rows, cols] = np.where(np.isfinite(ndvi[later, rows, cols]), bare, np.nan)
        sites.append((rows, cols, month))
    return Looks(ndvi, looks.days), sites


def _states(looks: Looks) -> tuple[MonthState, ...]:
    states = []
    for month in looks.months:
        values = np.zeros((len(PLANES), *looks.ndvi.shape[1:]), dtype=np.uint8)
        for ndvi in looks.ndvi[looks.numbers == month]:
            code = coded(np.stack([ndvi] + [np.full_like(ndvi, np.nan)] * 4))[0]
            clear = np.isfinite(ndvi)
            values[0] = np.where(clear, code, values[0])
            values[5] = np.maximum(values[5], np.where(clear, code, 0))
            values[6] = np.where(clear, 1, values[6])
        day = number_of_day(date(int(month) // 12, int(month) % 12 + 1, 15))
        states.append(MonthState(int(month), str(month), ((day, day),), values))
    return tuple(states)


def series_alarms(looks: Looks) -> dict[str, Masks]:
    """Newly alarmed pixels (y, x) per method and index of the month, from :data:`START` on."""
    months, size = looks.months, looks.ndvi.shape[1:]
    latest = np.full((len(months), *size), np.nan, dtype=np.float32)
    for at, month in enumerate(months):
        for ndvi in looks.ndvi[looks.numbers == month]:
            latest[at] = np.where(np.isfinite(ndvi), ndvi, latest[at])
    found = peer_masks(latest.reshape(len(months), -1), months, START)
    alarms = {name: {at: mask.reshape(size) for at, mask in masks.items()} for name, masks in found.items()}
    states = _states(looks)
    before: dict[str, NDArray[np.bool_]] = {name: np.zeros(size, dtype=bool) for name in LEVELS}
    for at in range(START, len(months)):
        series: Series = series_of(states[: at + 1], int(months[at]), size, most=36)
        habits: Calibration = calibration(scene_sample(series, follow_months=FOLLOWED))
        state = follow(series, habits, follow_months=FOLLOWED).state.reshape(size)
        for name, level in LEVELS.items():
            now = (state >= level) & (state <= Followed.CONFIRMED)
            alarms.setdefault(f"xuncha, NDVI only, {name}", {})[at] = now & ~before[name]
            before[name] |= now
    if importlib.util.find_spec("pyxccd") is not None:
        for conse in (3, 6):
            alarms[f"COLD x{conse}"] = cold_alarms(looks, conse)
    return alarms


def cold_alarms(looks: Looks, conse: int) -> Masks:
    """Pixels whose NDVI breaks downwards after COLD, in the month of the ``conse``-th look after the break."""
    from pyxccd import cold_detect_flex

    ordinals, size = np.array([day.toordinal() for day in looks.days], dtype=np.int64), looks.ndvi.shape[1:]
    numbers, start = looks.numbers, looks.months[0]
    masks: Masks = {at: np.zeros(size, dtype=bool) for at in range(START, len(looks.months))}
    for row, col in np.ndindex(*size):
        own = looks.ndvi[:, row, col]
        clear = np.isfinite(own)
        stack = np.repeat(np.nan_to_num(own * 10000.0)[:, None], 2, axis=1).astype(np.int64)
        try:
            parts = cold_detect_flex(
                ordinals, stack, np.where(clear, 0, 4).astype(np.int64), 20, p_cg=0.99, conse=conse,
                tmask_b1_index=1, tmask_b2_index=2,
            )  # fmt: skip
        except RuntimeError:
            continue  # COLD refuses a pixel with too few clear looks
        for part in parts:
            if part["t_break"] > 0 and part["magnitude"][0] < 0:
                after = np.flatnonzero(clear & (ordinals >= part["t_break"]))
                if len(after) >= conse and (at := int(numbers[after[conse - 1]] - start)) in masks:
                    masks[at][row, col] = True
    return masks


def series_table(folder: Path) -> pd.DataFrame:
    """False alarms per 100 km2 and month on the series as it is; share and lag of the squares built over it."""
    plain = real_series(folder)
    built, sites = built_over(plain)
    quiet, busy = series_alarms(plain), series_alarms(built)
    transform, months = Affine(10, 0, 0, 0, -10, 0), plain.months
    area_m2, count = plain.ndvi[0].size * 100.0, len(months) - START
    rows = []
    for method, masks in quiet.items():
        false = sum(len(objects_of(mask, transform, 400.0)) for mask in masks.values())
        lags = []
        for where in sites:
            first = np.flatnonzero(
                (built.numbers >= where[2]) & np.isfinite(built.ndvi[:, *where[:2]]).all(axis=(1, 2))
            )
            view = int(built.numbers[first[0]] - months[0]) if len(first) else None
            seen = [at for at, mask in sorted(busy[method].items()) if mask[where[:2]].mean() >= 0.3]
            seen = [at for at in seen if view is not None and at >= view]
            lags += [seen[0] - view] if seen and view is not None else []
        rows.append(
            {"method": method, "false/100km2/month": 1e8 * false / area_m2 / count, "squares": len(sites),
             "found": len(lags), "median lag": float(np.median(lags)) if lags else float("nan")}
        )  # fmt: skip
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the tables that are asked for."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--city", type=Path, help="A city folder with truth/")
    parser.add_argument("--months", type=int, default=12, help="How many of its last months are run")
    parser.add_argument("--source", default="s2")
    parser.add_argument("--series", type=Path, help="A folder like s2_slovenia_series")
    parser.add_argument("--work", type=Path, help="Keep the runs here")
    options = parser.parse_args(arguments)
    if options.series:
        print(series_table(options.series).to_string(index=False, float_format="{:.2f}".format))
    if options.city:
        with tempfile.TemporaryDirectory() as scratch:
            table = city_rows(options.city, options.work or Path(scratch), options.months, options.source)
        print(table.to_string(index=False, float_format="{:.2f}".format))


if __name__ == "__main__":
    main()
