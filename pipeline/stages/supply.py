"""Supplied land for the supervise stage: loads what the watch needs and saves what it finds."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd

from pipeline.duty_rules import load_supply_limits
from pipeline.schema import (
    CELL_STATES,
    PLACE,
    SUPPLIED_LAND,
    SUPPLY,
    SUPPLY_BREACHES,
    SUPPLY_HISTORY,
    SUPPLY_ITEMS,
    empty,
)
from pipeline.sources.layers import Layers
from pipeline.stages.base import StageContext
from pipeline.stages.dispatch import image_days
from pipeline.store import read_table, write_table
from pipeline.supervise.supply import SupplyOptions, watch_supply
from pipeline.supervise.supply_ground import works_of
from pipeline.supervise.supply_history import supply_history

FILES = ("supply.parquet", "supply_breaches.parquet", "supply_items.parquet", "supply_history.parquet")

_TABLES = dict(zip(FILES, (SUPPLY, SUPPLY_BREACHES, SUPPLY_ITEMS, SUPPLY_HISTORY), strict=True))


def earlier_supply(context: StageContext) -> tuple[Path, ...]:
    """The supplied parcels, suspicions and history as the latest earlier period left them, those that exist."""
    if context.previous is None:
        return ()
    paths = (context.previous / "supervise" / name for name in FILES if name != FILES[2])
    return tuple(path for path in paths if path.is_file())


def watched_since(context: StageContext) -> date:
    """The first day on which this period's imagery can show something new: what stood before is no change to it."""
    return context.period.first_day


def last_image(context: StageContext) -> date | None:
    """The last day of this period's imagery, of all sources; None without an image."""
    last = max(image_days(context.run))
    return None if last == date.min else last


def _earlier(context: StageContext) -> dict[str, Any]:
    """The tables of :func:`earlier_supply` by file name."""
    return {path.name: read_table(path, _TABLES[path.name]) for path in earlier_supply(context)}


def write_supply(
    context: StageContext, out: Path, layers: Layers, events: Any, targets: gpd.GeoDataFrame, screened: tuple[Any, Any]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Write the four tables; gives counts and notes. ``screened``: suspected and suppressed objects."""
    suspected, suppressed = screened
    crs, options = context.config.city.crs, context.config.supervise
    told = _earlier(context)
    parcels = empty(SUPPLIED_LAND, crs) if layers.supplied_land is None else layers.supplied_land
    tables = watch_supply(
        parcels,
        events,
        works_of(targets, suspected, suppressed),
        context.table("patrol", CELL_STATES, "cells.parquet"),
        [] if layers.approvals is None else list(layers.approvals.geometry),
        told.get(FILES[0]),
        load_supply_limits(),
        SupplyOptions(
            few_share=options.started_share,
            seen_share=options.seen_share,
            tolerance_m=options.outline_tolerance_m,
            least_overrun_m2=options.min_overrun_m2,
        ),
        watched_since=watched_since(context),
        last_look=last_image(context),
        as_of=context.as_of,
    )
    earlier = (told[FILES[0]], told[FILES[1]], told[FILES[3]]) if len(told) == len(FILES) - 1 else None
    history = supply_history(parcels, events, tables, earlier, period=str(context.period), as_of=context.as_of)
    for name, frame in zip(FILES, (tables.supply, tables.breaches, tables.items, history), strict=True):
        write_table(out / name, _TABLES[name], frame)
    known = set(parcels["supply_id"])
    strangers = events[~events["supply_id"].isin(sorted(known))]
    notes = [
        f"{place}“电子监管号”栏：供地图层中没有{name}，未采用；编号写错的改正本行，图层缺漏的补送图层"
        for name, place in strangers[["supply_id", PLACE]].itertuples(index=False)
    ]
    return {"supplied": len(tables.supply), "supply_breaches": len(tables.breaches)}, tuple(notes)
