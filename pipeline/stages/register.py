"""Suspected objects of all sources into the register: stable ids, lineage, links to known cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.register.fuse import fuse_sources
from pipeline.register.known import link_known
from pipeline.register.lineage import register_targets
from pipeline.schema import REVISION, SUSPECTED, TARGETS
from pipeline.sources.known_cases import KNOWN_CASES_FILE, read_known_cases
from pipeline.stages import screen
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.store import read_table, write_table
from pipeline.values import TargetState


def inputs(context: StageContext) -> tuple[Path, ...]:
    """The layers, since targets are judged again on their own ground, and the list of known cases if any."""
    known = context.city / KNOWN_CASES_FILE
    return (*screen.inputs(context), *([known] if known.is_file() else []))


def facts(context: StageContext) -> dict[str, str]:
    """Digests of the rule files."""
    return screen.facts(context)


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write targets.parquet with all open targets, and revision.parquet."""
    options = context.config.register_
    fused = fuse_sources(
        context.table("screen", SUSPECTED),
        min_overlap_share=options.fuse_overlap_share,
        resolvable_px=options.resolvable_px,
    )
    targets, revision = register_targets(
        fused,
        _register(context.previous),
        period=context.period,
        county_code=context.config.city.county_code,
        issued=_register(context.issued),
        min_overlap_share=options.min_overlap_share,
        touch_px=options.touch_px,
        growth_share=options.growth_share,
        split_share=options.split_share,
    )
    judged = screen.judged_again(context, targets)
    known = read_known_cases(context.city, context.config.city.crs)
    linked = link_known(judged, known, distance_m=options.known_distance_m)
    write_table(out / "targets.parquet", TARGETS, linked)
    write_table(out / "revision.parquet", REVISION, revision)
    states = pd.Series(linked["state"]).value_counts()
    return StageOutcome(counts={"targets": len(linked), **{str(s): int(states.get(str(s), 0)) for s in TargetState}})


def _register(run: Path | None) -> Any:
    return None if run is None else read_table(run / "register" / "targets.parquet", TARGETS)
