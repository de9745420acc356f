"""Targets to cells, answerable people, ranked tasks and routes; every cell of the city is accounted for."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import rasterio
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.windows import Window

from pipeline.errors import StageError
from pipeline.execute import map_blocks
from pipeline.grid import Block, block_geobox, lattice
from pipeline.patrol.blind import draw_blind
from pipeline.patrol.cells import cell_index_block, cell_states, count_observable, locate_targets, observable_shares
from pipeline.patrol.plan import check_plan
from pipeline.patrol.responsibility import answerable_for
from pipeline.patrol.routes import plan_routes
from pipeline.patrol.tasks import Weights, rank_tasks
from pipeline.rulebook import deadline_days
from pipeline.schema import CELL_STATES, PLAN_CHECK, ROUTES, TARGETS, TASKS
from pipeline.sources.records import Records, read_records
from pipeline.sources.units import read_units, unit_files
from pipeline.stages.base import StageContext, StageOutcome, rule_digests
from pipeline.stages.held import waiting_by_cell
from pipeline.store import digest_bytes, write_table
from pipeline.values import CellState


def inputs(context: StageContext) -> tuple[Path, ...]:
    """The unit tables; of the records only what was known before this period's dispatch counts, see :func:`facts`."""
    return unit_files(context.city)


def facts(context: StageContext) -> dict[str, str]:
    """Digests of the deadlines and of the records known before this dispatch: later acts must not make tasks stale."""
    known = known_records(context)
    records = {
        name: digest_bytes(frame.to_csv(index=False, lineterminator="\n").encode("utf-8"))
        for name, frame in (("dispatches", known.dispatches), ("field_checks", known.field_checks))
    }
    return {**rule_digests("deadlines.yaml"), **records}


def known_records(context: StageContext) -> Records:
    """Dispatches of earlier periods, and checks up to the period's last day of targets not first dispatched in it."""
    known = read_records(context.city).until(context.period.last_day)
    earlier = known.dispatches["period"] < str(context.period)
    current = set(known.dispatches.loc[~earlier, "target_id"]) - set(known.dispatches.loc[earlier, "target_id"])
    checks = known.field_checks[~known.field_checks["target_id"].isin(sorted(current))]
    return Records(
        dispatches=known.dispatches[earlier].reset_index(drop=True),
        field_checks=checks.reset_index(drop=True),
        approvals=known.approvals,
        notices=known.notices,
        referrals=known.referrals,
        decisions=known.decisions,
        audit_checks=known.audit_checks,
        supply_events=known.supply_events,
        replies=known.replies,
        restorations=known.restorations,
    )


def task_day(context: StageContext) -> date:
    """The day whose units and people get the tasks: the day after the period, the first the whole list is known."""
    return context.period.last_day + timedelta(days=1)


@dataclass(frozen=True)
class CountBlock:
    """Counts a block's observable pixels per cell from the validity rasters of all sources."""

    cells: gpd.GeoDataFrame
    geobox: GeoBox
    validities: tuple[Path, ...]

    def __call__(self, block: Block) -> NDArray[np.int64]:
        """Give int64 (cells, 2): pixels and observable pixels."""
        rows, cols = block.shape
        window = Window(block.col_start, block.row_start, cols, rows)
        arrays = []
        for path in self.validities:
            with rasterio.open(path) as dataset:
                arrays.append(dataset.read(1, window=window))
        index = cell_index_block(self.cells, block_geobox(self.geobox, block))
        return count_observable(index, arrays, cells=len(self.cells))


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write tasks, cells, plan_check and routes."""
    options, day = context.config.patrol, task_day(context)
    book, known = read_units(context.city, context.config.city.crs), known_records(context)
    targets = context.table("register", TARGETS)
    first_day, last_day = context.period.first_day, context.period.last_day
    duties = [
        answerable_for(book.cells, book.units, book.people, book.responsibility, book.delegations, day=each)
        for each in (first_day, last_day, day)
    ]
    duty = duties[-1]
    planned = check_plan(
        book.plan, [each.cells for each in duties[:-1]], book.people, first_day=first_day, last_day=last_day
    )
    located = locate_targets(targets, book.cells)
    states = cell_states(
        book.cells,
        duty.cells,
        targets,
        located,
        _observed(context, book.cells),
        seen_share=options.seen_share,
        unseen_share=options.unseen_share,
        waiting=waiting_by_cell(context, book.cells),
    )
    tasks = rank_tasks(
        targets,
        located,
        duty.cells,
        book.units,
        book.delegations,
        known.field_checks,
        known.dispatches,
        weights=Weights(
            basic_farmland=options.basic_farmland_weight,
            farmland=options.farmland_weight,
            early_stage=options.early_stage_weight,
            growth=options.growth_weight,
            area=options.area_weight,
            full_area_m2=options.full_area_m2,
        ),
        day=day,
        field_check_days=(
            deadline_days(day)["field_check"] if options.field_check_days is None else options.field_check_days
        ),
        blind=draw_blind(
            targets,
            known.dispatches,
            period=str(context.period),
            share=options.blind_share,
            key=options.blind_key,
        ),
    )
    routes = plan_routes(
        tasks, targets, book.units, max_stops_per_day=options.max_stops_per_day, max_length_m=options.max_length_m
    )
    problems = pd.concat([part for part in (book.repairs, duty.problems, planned) if not part.empty] or [planned])
    write_table(out / "tasks.parquet", TASKS, tasks)
    write_table(out / "cells.parquet", CELL_STATES, states)
    write_table(out / "plan_check.parquet", PLAN_CHECK, problems)
    write_table(out / "routes.parquet", ROUTES, routes)
    return StageOutcome(
        counts={
            "tasks": len(tasks),
            "included": int(tasks["included"].sum()),
            "blind_samples": int(tasks["blind_sample"].notna().sum()),
            "cells": len(states),
            "cells_not_observed": int((states["state"] == CellState.NOT_OBSERVED.value).sum()),
            "plan_problems": len(problems),
        }
    )


def _observed(context: StageContext, cells: gpd.GeoDataFrame) -> NDArray[np.float64]:
    """Observable share of every cell, from whichever sources have an image this period."""
    geobox = context.geobox()
    paths = tuple(context.folder("acquire") / source.name / "validity.tif" for source in context.config.sources)
    found = tuple(path for path in paths if path.is_file())
    for path in found:
        with rasterio.open(path) as dataset:
            if dataset.shape != tuple(geobox.shape) or not dataset.transform.almost_equals(geobox.transform):
                raise StageError(
                    "E601", f"{path.parent.name}/{path.name} is not on the city's grid", "run acquire again"
                )
    counts = np.zeros((len(cells), 2), dtype=np.int64)
    rows, cols = geobox.shape
    blocks = lattice((rows, cols))
    for _, part in map_blocks(CountBlock(cells, geobox, found), blocks, context.execution, "patrol: cells"):
        counts += part
    return observable_shares(cells, counts, grid=geobox)
