"""How well the whole product finds new building on a city's farmland month by month, and where what it missed was lost.

usage: python -m benchmarks.month_truth DIR [--months N] [--source s2] [--work DIR] [--losses]

DIR is any city folder in the layout of the design's Inputs with truth/sites.parquet, and truth/distractors.parquet if it
has one. Its last N months run in a copy from acquire to patrol, as `xuncha detect` runs them; earlier scenes are the
archive. The register is scored: early, every target when it first comes up; probable and confirmed, every target when
its confidence (时序置信) first reaches that. How alerts are counted stands in :mod:`benchmarks.alerts`. "recall, old
enough" leaves out sites whose first clear view lies in the last two months, which nothing can confirm yet.

With --losses also a line per site that was never confirmed (the farthest stage that its ground came to, month by month)
and a line per false alarm (what the truth says lies there).
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from benchmarks.alerts import (
    Alerts,
    archive_of,
    copied,
    farmland_of,
    first_views,
    geobox_of,
    month_of,
    months_of,
    run_months,
    score,
    true_sites,
)
from benchmarks.month_losses import false_rows, lost_rows
from pipeline import schema
from pipeline.config import load_config
from pipeline.store import read_table
from pipeline.values import Period, TargetState

LEVELS = ("early", "probable", "confirmed")
RIPE_MONTHS = 2
"""A site first seen in the last so many months is too young to be confirmed."""


def register_alerts(city: Path, periods: Sequence[Period], level: str) -> Alerts:
    """Targets of the months' registers when their confidence first reaches ``level``."""
    rows: dict[str, dict[str, Any]] = {}
    wanted = LEVELS[LEVELS.index(level) :]
    for period in periods:
        path = city / "runs" / str(period) / "register" / "targets.parquet"
        if not path.is_file():
            continue
        table = read_table(path, schema.TARGETS)
        for row in table[table["confidence"].isin(wanted) & (table["state"] != TargetState.MERGED.value)].itertuples():
            if row.target_id in rows:
                continue
            rows[row.target_id] = {
                "month": month_of(period), "geometry": row.geometry, "first": row.last_clear, "last": row.first_seen,
                "target_id": row.target_id, "probability": row.probability, "confidence": row.confidence,
                "stage": row.stage, "novelty": row.novelty, "source": row.source,
            }  # fmt: skip
    columns = [
        "month",
        "geometry",
        "first",
        "last",
        "target_id",
        "probability",
        "confidence",
        "stage",
        "novelty",
        "source",
    ]
    return Alerts(level, gpd.GeoDataFrame(pd.DataFrame(list(rows.values()), columns=columns), geometry="geometry"))


def month_rows(city: Path, periods: Sequence[Period], source: str, *, losses: bool) -> list[pd.DataFrame]:
    """The table of a city whose months have run; with ``losses`` the tables of lost sites and false alarms too."""
    config, geobox = load_config(city / "config.yaml"), geobox_of(city)
    farmland = farmland_of(city, config.city.crs)
    _, days, months = archive_of(city, periods[-1], source, geobox)
    seen = {int(month): days[at] for at, month in enumerate(months)}
    sites = true_sites(city, config.city.crs, farmland, periods[0].first_day, periods[-1].last_day)
    views = first_views(city, sites, geobox, seen)
    last = month_of(periods[-1])
    ripe = [view if view is not None and view <= last - RIPE_MONTHS else None for view in views]
    levels = [register_alerts(city, periods, level) for level in LEVELS]
    rows = []
    for one in levels:
        old = score(one, sites, ripe, farmland, len(periods))
        rows.append({**score(one, sites, views, farmland, len(periods)), "old enough": old["sites"],
                     "recall, old enough": old["recall"]})  # fmt: skip
    tables = [pd.DataFrame(rows).drop(columns="lags")]
    if losses:
        tables.append(lost_rows(city, periods, source, sites, views, levels[0], levels[-1], geobox))
        tables += [false_rows(city, one, sites, farmland) for one in (levels[0], levels[-1])]
    return tables


def main(arguments: Sequence[str] | None = None) -> None:
    """Run and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("city", type=Path, help="A city folder with truth/")
    parser.add_argument("--months", type=int, default=8, help="How many of its last months are run")
    parser.add_argument("--source", default="s2")
    parser.add_argument("--work", type=Path, help="Keep the runs here; finished months are not run again")
    parser.add_argument("--losses", action="store_true", help="List what was lost, and every false alarm")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        city = copied(options.city, (options.work or Path(scratch)) / f"{options.city.name}-months")
        periods = months_of(city / "scenes" / options.source, options.months)
        run_months(city, periods, options.source, monitor=True)
        tables = month_rows(city, periods, options.source, losses=options.losses)
    for table in tables:
        print(table.to_string(index=False, float_format="{:.2f}".format), end="\n\n")


if __name__ == "__main__":
    main()
