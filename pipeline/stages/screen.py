"""Candidates of all sources against the land layers: suspected, or suppressed with a reason."""

from __future__ import annotations

import dataclasses
from contextlib import ExitStack
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.lawbook import unseen_at
from pipeline.parts import TableInParts
from pipeline.rulebook import load_rulebook
from pipeline.schema import RESTORED, SUPPRESSED, SUSPECTED
from pipeline.screen.attribute_area import area_differences
from pipeline.screen.blocks import Box, neighbourhoods, reach
from pipeline.screen.layers import Ground
from pipeline.screen.legality import OPTIONS
from pipeline.screen.restore import restore
from pipeline.screen.suppress import judge_objects, screen_candidates
from pipeline.sources.kept_layers import KeptLayers
from pipeline.sources.layers import Layers
from pipeline.sources.records import read_records
from pipeline.spool import Spool
from pipeline.stages.base import CELLS_FILE, StageContext, StageOutcome, rule_digests
from pipeline.stages.candidates import ParkedCandidates
from pipeline.stages.kept import kept_layers
from pipeline.store import digest_bytes, write_json

BLOCK = 3072
"""Candidates that are screened at once, with the ground around them at hand; of no effect on the results."""


def inputs(context: StageContext) -> tuple[Path, ...]:
    """All files of the layer folder, and the cells against whose extent the layers' coordinates are checked."""
    layers = sorted(path for path in (context.city / "layers").rglob("*") if path.is_file())
    cells = context.city / CELLS_FILE
    return (*layers, cells) if cells.is_file() else tuple(layers)


def facts(context: StageContext) -> dict[str, str]:
    """Digests of the rule files, part of the program, and of the restorations decided of runs up to this period."""
    restorations = _restorations(context).to_csv(index=False, lineterminator="\n").encode("utf-8")
    return {**rule_digests(), "restorations": digest_bytes(restorations)}


def _restorations(context: StageContext) -> Any:
    """Decisions on candidates suppressed in this period or an earlier one; of later ones a recomputation knows nothing."""
    known = read_records(context.city).restorations
    period = known["run"].str.split(".r", regex=False).str[0]
    return known[period <= str(context.period)].reset_index(drop=True)


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write suspected.parquet, suppressed.parquet, restored.parquet and layer_report.json."""
    files, absent = _sources(context)
    section = context.config.screen
    with ExitStack() as held:
        layers = held.enter_context(kept_layers(context))
        spool = held.enter_context(Spool(out / "candidates.spool"))
        candidates = ParkedCandidates(files, context.config.city.crs, spool, BLOCK)
        suspected, suppressed, restored = (
            held.enter_context(TableInParts(out / f"{table.name}.spool", table, context.config.city.crs))
            for table in (SUSPECTED, SUPPRESSED, RESTORED)
        )
        _screen(context, layers, candidates, (suspected, suppressed, restored))
        for table in (restored, suspected, suppressed):
            table.write(out / f"{table.table.name}.parquet")
        off = {
            int(places[row]): entry
            for places, piece in layers.pieces("land_use", "attribute_area_m2")
            for row, entry in area_differences(
                piece, share=section.area_difference_share, formula=section.area_formula
            ).items()
        }
    unseen = [
        {
            "label": entry.label, "kinds": list(entry.kinds), "typical_area_m2": entry.typical_area_m2,
            "effect": f"像元{context.config.city.pixel_m:g}米看不到{entry.label}，只能靠巡查；台账中的只提高所在网格的风险",
        }
        for entry in unseen_at(context.config.city.pixel_m, context.period.last_day)
    ]  # fmt: skip
    report = {
        **layers.report,
        "area_differences": [off[row] for row in sorted(off)],
        "sources_without_candidates": absent,
        "below_resolution": unseen,
    }
    write_json(out / "layer_report.json", report)
    notes = [f"{name}: no candidates, the source was not detected" for name in absent]
    notes += [f"{entry['label']}: {entry['effect']}" for entry in layers.report["layers"] if entry["effect"]]
    notes += [
        f"{source['file']}: {source['crs_note']}"
        for entry in layers.report["layers"]
        for source in entry["sources"]
        if source["crs_note"]
    ]
    counts = {"candidates": len(candidates.ids), "suspected": suspected.rows, "suppressed": suppressed.rows,
              "restored": restored.rows}  # fmt: skip
    return StageOutcome(counts=counts, notes=tuple(notes))


def _sources(context: StageContext) -> tuple[dict[str, Path], list[str]]:
    """The candidates' file of every source that was detected, and the sources that were not."""
    files = {s.name: context.folder("detect") / s.name / "candidates.parquet" for s in context.config.sources}
    return {n: path for n, path in files.items() if path.is_file()}, [n for n, p in files.items() if not p.is_file()]


def _screen(
    context: StageContext,
    layers: KeptLayers,
    candidates: ParkedCandidates,
    tables: tuple[TableInParts, TableInParts, TableInParts],
) -> None:
    """Add every candidate to the suspected, the suppressed or the restored table, a neighbourhood at a time."""
    decisions, judging = _restorations(context), _judging(context)
    share = context.config.register_.min_overlap_share
    for number in candidates.blocks:
        some = candidates.block(number)
        ground = _ground(layers, reach(some, context.config.screen.outline_tolerance_px))
        suspected, suppressed = screen_candidates(some, ground=ground, **judging)
        screened: tuple[gpd.GeoDataFrame, ...] = suspected, suppressed
        if len(decisions):
            screened = restore(suspected, suppressed, decisions, min_overlap_share=share)
        # without a decision nothing is in the third table
        for table, found in zip(tables, screened, strict=False):
            table.add(found, np.searchsorted(candidates.ids, found["candidate_id"].to_numpy(dtype=object)))


def _ground(layers: KeptLayers, box: Box | None) -> Ground:
    """The layers around a box."""
    return Ground(**{layer.name: layers.within(layer.name, box) for layer in dataclasses.fields(Ground)})


def _judging(context: StageContext) -> dict[str, Any]:
    """Keywords of the screening verbs but for the ground: the rules and the configured options."""
    section, book, day = context.config.screen, load_rulebook(), context.period.last_day
    return {
        "ground_rules": dataclasses.replace(book.ground_rules(day), area_formula=section.area_formula),
        "rules": book.all_rules(),
        "options": {name: float(getattr(section, name)) for name in OPTIONS},
        "outline_tolerance_px": section.outline_tolerance_px,
        "suppress_construction_land": section.suppress_construction_land,
        "fallback_day": day,
    }


def judging(context: StageContext, layers: Layers) -> dict[str, Any]:
    """Keywords of the screening verbs: whole layers, the rules and the configured options."""
    whole = {layer.name: getattr(layers, layer.name) for layer in dataclasses.fields(Ground)}
    return {"ground": Ground(**whole), **_judging(context)}


def judged_again(context: StageContext, objects: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Objects with their screening columns filled anew on their own outline and interval; none is suppressed."""
    judging, parts = _judging(context), []
    with kept_layers(context) as layers:
        for rows in neighbourhoods(objects, BLOCK) or [np.empty(0, dtype=np.intp)]:
            some = objects.iloc[rows]
            ground = _ground(layers, reach(some, context.config.screen.outline_tolerance_px))
            parts.append(judge_objects(some, ground=ground, **judging))
    return pd.concat(parts).loc[objects.index]
