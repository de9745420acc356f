"""Objects of a source that wait for a later look, from month to month: `held.parquet` beside a month's candidates."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.config import Source
from pipeline.detect.doubt import WET, doubt_of
from pipeline.detect.holding import RELEASED_NOW, WAITING, Repeat, judge_held, repeat_of, split_fresh
from pipeline.detect.standing import Standing
from pipeline.patrol.cells import locate_targets
from pipeline.schema import CANDIDATES, HELD, conform, empty
from pipeline.stages.base import StageContext
from pipeline.stages.ground_states import Seen, objects_seen
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
    context: StageContext,
    source: Source,
    out: Path,
    candidates: gpd.GeoDataFrame,
    unlikely: gpd.GeoDataFrame,
    *,
    monitored: bool,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """The month's candidates and unlikely objects after holding; writes ``held.parquet`` into ``out``.

    ``monitored``: ``out`` holds the month's state, by which what only one look shows can be judged later. Of images as
    fine as houses nothing is doubted: another look may be a year away, and clouds were cut out of their mosaics.
    """
    settings, crs, geobox = context.config.detect, context.config.city.crs, context.geobox()
    images = context.folder("acquire") / source.name
    seen = objects_seen(images, candidates, geobox) if source.profile != "vhr" else [None] * len(candidates)
    looks = candidates["clear_looks"].astype(int)
    passed, fresh, rest = split_fresh(
        candidates.assign(state_before=_written(seen, "before"), state_after=_written(seen, "after")),
        unlikely,
        period=str(context.period),
        doubts=[doubt_of(one.state, looks=count) if one else "" for one, count in zip(seen, looks, strict=True)],
        least_probability=settings.weak_probability if monitored else None,
    )
    earlier = _waiting(context, source)
    since = [month_number(context.period) - month_number(Period.parse(name)) for name in earlier["held_since"]]
    found: list[Standing | Repeat | None] = list(_repeats(earlier, objects_seen(images, earlier, geobox), since))
    if monitored:
        known = standings(
            out / "state",
            earlier,
            geobox,
            last_month=month_number(context.period),
            most=settings.monitor_months,
            execution=context.execution,
        )
        by_look = earlier["held_reason"] == WET
        found = [look if wet or one is None else one for look, one, wet in zip(found, known, by_look, strict=True)]
    judged = judge_held(earlier, found, passed, months_held=since)
    released = judged[judged["outcome"] == RELEASED_NOW]
    write_table(out / FILE, HELD, _joined(HELD, [judged, fresh], crs))
    return _joined(CANDIDATES, [passed, released], crs), rest


def _written(seen: Sequence[Seen | None], look: str) -> list[str | None]:
    """The ground of ``look`` (before, after) as it is kept, reflectance to four digits."""
    return [
        json.dumps({name: round(value, 4) for name, value in getattr(one.state, look).items()}) if one else None
        for one in seen
    ]


def _repeats(earlier: gpd.GeoDataFrame, seen: Sequence[Seen | None], since: Sequence[int]) -> Iterator[Repeat | None]:
    """What the month's own look says of what waits; None where it has none, or the first looks are not known."""
    for row, now, months in zip(earlier.itertuples(), seen, since, strict=True):
        if now is None or pd.isna(row.state_before) or pd.isna(row.state_after):
            yield None
        else:
            first, second = json.loads(row.state_before), json.loads(row.state_after)
            yield repeat_of(row.held_reason, first, second, now.state, seen_on=now.since, months_held=months)


def count(out: Path) -> int:
    """How many objects wait after a month that wrote ``out``."""
    return int((read_table(out / FILE, HELD)["outcome"] == WAITING).sum())


def waiting_objects(context: StageContext) -> gpd.GeoDataFrame:
    """``HELD`` of all sources in this month, what became of it included; empty where nothing was held."""
    paths = [context.folder("detect") / source.name / FILE for source in context.config.sources]
    return _joined(HELD, [read_table(path, HELD) for path in paths if path.is_file()], context.config.city.crs)


def faint_changes(context: StageContext) -> gpd.GeoDataFrame:
    """Changes of this month that became no target, ``candidate_id``, ``why`` and geometry: what waits and what is unlikely."""
    held = waiting_objects(context)
    parts = [held.loc[held["outcome"] == WAITING].assign(why=lambda rows: rows["held_reason"])]
    for source in context.config.sources:
        path = context.folder("detect") / source.name / "unlikely.parquet"
        if path.is_file():
            rows = read_table(path, CANDIDATES)
            parts.append(
                rows.assign(why=[f"新增建设概率{chance:.2f}，不足以列为目标" for chance in rows["probability"]])
            )
    columns = ["candidate_id", "why", "geometry"]
    joined = pd.concat([part[columns] for part in parts], ignore_index=True)
    return gpd.GeoDataFrame(joined, geometry="geometry", crs=held.crs)


def cells_of(held: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> pd.Series:
    """The cell of every held object, as a target's is found; null outside all cells. ``cells``: cell_id, geometry."""
    return locate_targets(held.assign(target_id=held["candidate_id"]), cells)["cell_id"]


def waiting_by_cell(context: StageContext, cells: gpd.GeoDataFrame) -> dict[str, int]:
    """How many objects still wait in each cell; cells without any are left out."""
    held = waiting_objects(context)
    return dict(Counter(cells_of(held[held["outcome"] == WAITING], cells).dropna()))


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
