"""Suspected objects of all sources into the register: stable ids, lineage, links to known cases."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.detect.standing import confidence_of
from pipeline.register.confirm import only_confirming, with_confidence, with_standing
from pipeline.register.fuse import fuse_sources
from pipeline.register.known import link_entries, link_known, told_stock
from pipeline.register.lineage import register_targets
from pipeline.schema import ENTRIES, FOLLOWED, MATCHES, REVISION, SUSPECTED, TARGETS, empty
from pipeline.sources.known_cases import KNOWN_CASES_FILE
from pipeline.sources.known_lists import known_files, parent_of, read_known
from pipeline.sources.records import read_records
from pipeline.stages import screen
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.stages.standing import standings
from pipeline.stages.state import RECORD, month_number
from pipeline.store import digest_bytes, read_json, read_table, write_table
from pipeline.supervise.acts import survivors
from pipeline.values import MatchStatus, TargetState

LEDGER_LINKS = "ledger links"


def inputs(context: StageContext) -> tuple[Path, ...]:
    """The layers, since targets are judged again on their own ground, and the lists of known 图斑 if any."""
    known = context.city / KNOWN_CASES_FILE
    return (*screen.inputs(context), *([known] if known.is_file() else []), *known_files(context.city))


def facts(context: StageContext) -> dict[str, str]:
    """Digests of the rule files, and of what earlier periods' ledgers were surely matched with.

    Once the run is dispatched its register takes no further ledger links: an entry matched later must not make a new
    revision of it necessary.
    """
    closing = context.run / "register" / "stage.json"
    dispatched = context.run_name in set(read_records(context.city).dispatches["revision"])
    if dispatched and closing.is_file():
        links = str(read_json(closing)["key"]["facts"].get(LEDGER_LINKS, ""))
    else:
        links = digest_bytes(_matched(context).to_csv(index=False, lineterminator="\n").encode("utf-8"))
    return {**screen.facts(context), LEDGER_LINKS: links}


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write targets.parquet with all open targets, and revision.parquet."""
    options = context.config.register_
    fused = fuse_sources(
        context.table("screen", SUSPECTED),
        min_overlap_share=options.fuse_overlap_share,
        resolvable_px=options.resolvable_px,
    )
    earlier = _register(context.previous)
    begin = pd.Timestamp(context.period.first_day)
    fused = only_confirming(fused, earlier, period_start=begin, min_overlap_share=options.min_overlap_share)
    targets, revision = register_targets(
        fused,
        earlier,
        period=context.period,
        county_code=context.config.city.county_code,
        issued=_register(context.issued),
        min_overlap_share=options.min_overlap_share,
        touch_px=options.touch_px,
        growth_share=options.growth_share,
        split_share=options.split_share,
    )
    targets = context.with_areas(_looked_at(context, with_confidence(targets, _followed(context))))
    judged = screen.judged_again(context, targets)
    known = read_known(context.city, context.config.city.crs)
    known = known.assign(parent=[parent_of(name) for name in known["known_id"]])
    linked = link_known(judged, known, distance_m=options.known_distance_m)
    linked = link_entries(linked, _matched(context), survivors(linked))
    linked = told_stock(linked, stock_date=options.stock_date)
    write_table(out / "targets.parquet", TARGETS, linked)
    write_table(out / "revision.parquet", REVISION, revision)
    states = pd.Series(linked["state"]).value_counts()
    return StageOutcome(counts={"targets": len(linked), **{str(s): int(states.get(str(s), 0)) for s in TargetState}})


def _matched(context: StageContext) -> pd.DataFrame:
    """Entries that the latest earlier period's comparison surely matched to a target; none where it was not made."""
    columns = ["target_id", "entry_id", "discovered_on"]
    if context.previous is None:
        return pd.DataFrame(columns=columns)
    files = context.previous / "reconcile" / "matches.parquet", context.previous / "ledger" / "entries.parquet"
    if not all(path.is_file() for path in files):
        return pd.DataFrame(columns=columns)
    matches, entries = read_table(files[0], MATCHES), read_table(files[1], ENTRIES)
    sure = matches[matches["status"].isin([MatchStatus.ASSIGNED.value, MatchStatus.DECIDED.value])]
    told = sure.merge(pd.DataFrame(entries[["entry_id", "discovered_on"]]), on="entry_id", how="inner")
    return told[columns].sort_values(columns[:2], ignore_index=True)


def _followed(context: StageContext) -> Any:
    """The ground the monitor follows, of all sources; screen reads detect, so the run has it."""
    paths = [context.folder("detect") / source.name / "followed.parquet" for source in context.config.sources]
    tables = [read_table(path, FOLLOWED) for path in paths if path.is_file()]
    return pd.concat(tables, ignore_index=True) if tables else empty(FOLLOWED, context.config.city.crs)


def _looked_at(context: StageContext, targets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Targets with the confidence that later looks give them, the best of the sources that have a monitor."""
    for source in context.config.sources:
        state = context.folder("detect") / source.name / "state"
        if not (state / RECORD).is_file():
            continue
        found = standings(
            state,
            targets,
            context.geobox(),
            last_month=month_number(context.period),
            most=context.config.detect.monitor_months,
            execution=context.execution,
        )
        targets = with_standing(targets, [None if one is None else confidence_of(one) for one in found])
    return targets


def _register(run: Path | None) -> Any:
    return None if run is None else read_table(run / "register" / "targets.parquet", TARGETS)
