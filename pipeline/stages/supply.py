"""Supplied land for the supervise stage: loads what the watch needs and saves what it finds."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd

from pipeline.duty_rules import load_supply_limits
from pipeline.schema import CELL_STATES, SUPPLIED_LAND, SUPPLY, SUPPLY_BREACHES, SUPPLY_ITEMS, empty
from pipeline.sources.layers import Layers
from pipeline.stages.base import StageContext
from pipeline.stages.dispatch import image_days
from pipeline.store import read_table, write_table
from pipeline.supervise.supply import SupplyOptions, watch_supply
from pipeline.supervise.supply_ground import works_of

FILES = ("supply.parquet", "supply_breaches.parquet", "supply_items.parquet")


def earlier_supply(context: StageContext) -> Path | None:
    """The supplied parcels as the latest earlier period left them, if it has been supervised."""
    path = None if context.previous is None else context.previous / "supervise" / FILES[0]
    return path if path is not None and path.is_file() else None


def write_supply(
    context: StageContext, out: Path, layers: Layers, events: Any, targets: gpd.GeoDataFrame, screened: tuple[Any, Any]
) -> tuple[dict[str, int], tuple[str, ...]]:
    """Write the three tables; gives counts and notes. ``screened``: suspected and suppressed objects."""
    suspected, suppressed = screened
    crs, options, earlier = context.config.city.crs, context.config.supervise, earlier_supply(context)
    parcels = empty(SUPPLIED_LAND, crs) if layers.supplied_land is None else layers.supplied_land
    last = max(image_days(context.run))
    tables = watch_supply(
        parcels,
        events,
        works_of(targets, suspected, suppressed),
        context.table("patrol", CELL_STATES, "cells.parquet"),
        [] if layers.approvals is None else list(layers.approvals.geometry),
        None if earlier is None else read_table(earlier, SUPPLY),
        load_supply_limits(),
        SupplyOptions(
            few_share=options.started_share,
            seen_share=options.seen_share,
            tolerance_m=options.outline_tolerance_m,
            least_overrun_m2=options.min_overrun_m2,
        ),
        watched_since=context.period.first_day,
        last_look=None if last == date.min else last,
        as_of=context.as_of,
    )
    for name, table, frame in zip(
        FILES, (SUPPLY, SUPPLY_BREACHES, SUPPLY_ITEMS), (tables.supply, tables.breaches, tables.items), strict=True
    ):
        write_table(out / name, table, frame)
    known = set(parcels["supply_id"])
    strangers = sorted(set(events["supply_id"]) - known)
    notes = [f"supply_events.csv: {name} is no parcel of the layer of supplied land" for name in strangers]
    return {"supplied": len(tables.supply), "supply_breaches": len(tables.breaches)}, tuple(notes)
