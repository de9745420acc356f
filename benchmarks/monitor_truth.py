"""How well the months of a city find true building on farmland, how early, and how often they cry wolf; beside peers.

usage: python -m benchmarks.monitor_truth --city DIR [--months N] [--source s2] [--work DIR]

A city is any folder in the layout of the design's Inputs with truth/sites.parquet; its last N months are run as the
product runs them (detection only, in a copy), with the monitor and without. How alerts are counted stands in
:mod:`benchmarks.alerts`, the peers in :mod:`benchmarks.time_peers`; their pixels become objects of at least 2,000 m2.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from benchmarks.alerts import (
    MIN_M2,
    Alerts,
    archive_of,
    copied,
    farmland_of,
    first_views,
    geobox_of,
    month_of,
    months_of,
    once,
    run_months,
    score,
    true_sites,
)
from benchmarks.time_peers import objects_of, peer_masks
from pipeline import schema
from pipeline.config import load_config
from pipeline.sources.raster import shape_of
from pipeline.store import read_table
from pipeline.values import Period


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
    return Alerts("xuncha", once(rows))


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
    return Alerts("xuncha confirmed", once(rows))


def city_rows(given: Path, work: Path, count: int, source: str) -> pd.DataFrame:
    """The table of a city."""
    rows = []
    for name, monitor in (("without", False), ("with", True)):
        city = copied(given, work / f"{given.name}-{name}")
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
        found.append(Alerts(method, once(objects)))
    return found


def main(arguments: Sequence[str] | None = None) -> None:
    """Print the table."""
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
