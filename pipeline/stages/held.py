"""Objects of a source that wait for a later look, from month to month: `held.parquet` beside a month's candidates."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.config import Source
from pipeline.detect.holding import RELEASED_NOW, WAITING, judge_held, split_fresh
from pipeline.schema import CANDIDATES, HELD, conform, empty
from pipeline.stages.base import StageContext
from pipeline.stages.standing import standings
from pipeline.stages.state import month_number
from pipeline.store import digest_file, read_table, write_table
from pipeline.values import Period

FILE = "held.parquet"


def facts(context: StageContext) -> dict[str, str]:
    """Digests of what waits since the previous period, by source: it decides what this month's looks release."""
    files = {source.name: _earlier(context, source) for source in context.config.sources}
    return {f"held {name}": digest_file(path) for name, path in files.items() if path is not None}


def _earlier(context: StageContext, source: Source) -> Path | None:
    if context.previous is None:
        return None
    path = context.previous / "detect" / source.name / FILE
    return path if path.is_file() else None


def hold(
    context: StageContext, source: Source, out: Path, candidates: gpd.GeoDataFrame, unlikely: gpd.GeoDataFrame
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """The month's candidates and unlikely objects after holding; writes ``held.parquet`` into ``out``.

    ``out`` holds the month's state: without one no later look could release anything, and nothing must be held.
    """
    settings, crs = context.config.detect, context.config.city.crs
    passed, fresh, rest = split_fresh(
        candidates, unlikely, period=str(context.period), least_probability=settings.weak_probability
    )
    earlier = _waiting(context, source)
    found = standings(
        out / "state",
        earlier,
        context.geobox(),
        last_month=month_number(context.period),
        most=settings.monitor_months,
        execution=context.execution,
    )
    since = [month_number(context.period) - month_number(Period.parse(name)) for name in earlier["held_since"]]
    judged = judge_held(earlier, found, passed, months_held=since)
    released = judged[judged["outcome"] == RELEASED_NOW]
    write_table(out / FILE, HELD, _joined(HELD, [judged, fresh], crs))
    return _joined(CANDIDATES, [passed, released], crs), rest


def carry(context: StageContext, source: Source, out: Path) -> int:
    """Let what waits go on waiting, unjudged, through a month that cannot look at it; how many objects that are."""
    waiting = _waiting(context, source)
    if len(waiting):
        out.mkdir(parents=True, exist_ok=True)
        write_table(out / FILE, HELD, waiting)
    return len(waiting)


def _waiting(context: StageContext, source: Source) -> Any:
    path = _earlier(context, source)
    earlier = empty(HELD, context.config.city.crs) if path is None else read_table(path, HELD)
    return earlier[earlier["outcome"] == WAITING].reset_index(drop=True)


def _joined(table: Any, frames: list[gpd.GeoDataFrame], crs: Any) -> gpd.GeoDataFrame:
    filled = [frame for frame in frames if len(frame)]
    if not filled:
        return empty(table, crs)
    joined = gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), geometry="geometry", crs=filled[0].crs)
    return conform(table, joined)
