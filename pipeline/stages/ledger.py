"""Reads what the units send: ledgers and tracks to entries, visits, a repair log and rejected rows."""

from __future__ import annotations

from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.ledger.datum import DatumEvidence, infer_datum
from pipeline.ledger.entries import read_ledgers, rejected_table, repairs_table
from pipeline.ledger.places import Gazetteer, PlaceOptions, settlements, territories
from pipeline.ledger.positions import entries_table, place_items
from pipeline.ledger.tracks import CleanTrack, clean_track, compare_tracks
from pipeline.ledger.visits import visits_table
from pipeline.schema import ENTRIES, PLACES, REJECTED, REPAIRS, VISITS, empty
from pipeline.sources.layers import read_layers
from pipeline.sources.tracks import read_track_files
from pipeline.sources.unit_folders import delivered_files
from pipeline.sources.unit_folders import unit_files as unit_deliveries
from pipeline.sources.units import read_units, unit_files
from pipeline.sources.workbook import ledger_field_rules, read_ledger_files
from pipeline.stages.base import StageContext, StageOutcome
from pipeline.store import write_json, write_table

Rows = list[dict[str, Any]]
WHOLE_FILE_CODES = ("E501", "E502", "E503", "E504")


def inputs(context: StageContext) -> tuple[Path, ...]:
    """Ledgers, tracks, unit tables and layers (for the village names)."""
    city = context.city
    delivered = [path for part in ("ledgers", "tracks", "layers") for path in delivered_files(city, part)]
    return tuple(sorted({*delivered, *unit_files(city)}))


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write ``entries``, ``visits``, ``repairs``, ``rejected`` and ``datum.json``."""
    options, crs = context.config.ledger, context.config.city.crs
    book = read_units(context.city, crs)
    names = dict(zip(book.units["unit_id"], book.units["name"], strict=True))
    rules = ledger_field_rules(context.as_of)
    gazetteer, notes = _gazetteer(context, rules.settlement_codes)
    ground = territories(book.units, book.cells, book.responsibility, book.delegations)
    xmin, ymin, xmax, ymax = (float(value) for value in book.cells.total_bounds)
    bounds = (xmin, ymin, xmax, ymax)

    ledger_files, strange_ledgers = unit_deliveries(context.city, "ledgers", names)
    sheets, unreadable = read_ledger_files(
        ledger_files, max_unpacked_mb=options.max_unpacked_mb, max_cells=options.max_cells
    )
    ledger = read_ledgers(
        sheets,
        rules,
        as_of=context.as_of,
        oldest_years=options.oldest_years,
        latest_days=options.latest_days,
    )
    tracks, track_repairs, track_rejected = _tracks(context, names, bounds)

    placed = place_items(
        ledger.items,
        gazetteer,
        ground,
        PlaceOptions(
            least_m=options.place_least_m,
            village_share=options.place_village_share,
            offset_village_share=options.place_offset_village_share,
            offset_distance_share=options.place_offset_distance_share,
        ),
    )
    evidence = {
        unit_id: infer_datum(
            unit_id,
            [item for item in ledger.items if item.unit_id == unit_id],
            tracks,
            placed,
            ground.get(unit_id),
            crs=crs,
            min_entries=options.datum_min_entries,
            min_odds=options.datum_min_odds,
            sight_m=options.datum_sight_m,
            max_days_apart=options.datum_max_days_apart,
        )
        for unit_id in sorted(names)
    }
    located = entries_table(
        ledger.items,
        {unit_id: found.datum for unit_id, found in evidence.items()},
        placed,
        crs=crs,
        bounds=bounds,
        gps_uncertainty_m=options.gps_uncertainty_m,
        max_outside_m=options.max_outside_m,
    )
    visits = visits_table(
        ledger.items, tracks, located.entries, cells=book.cells, people=book.people, gazetteer=gazetteer,
        territories=ground, unit_names=names, cell_border_m=options.cell_border_m, crs=crs,
    )  # fmt: skip

    entries, later_entries = _until(located.entries, "discovered_on", context.as_of)
    visits, later_visits = _until(visits, "visited_on", context.as_of)
    repairs = repairs_table([*ledger.repairs.to_dict("records"), *located.repairs, *track_repairs])
    found_rejected: Rows = [*strange_ledgers, *unreadable, *located.rejected, *track_rejected]
    rejected = rejected_table([*_rows(ledger.rejected), *found_rejected])
    write_table(out / "entries.parquet", ENTRIES, entries)
    write_table(out / "visits.parquet", VISITS, visits)
    write_table(out / "repairs.parquet", REPAIRS, repairs)
    write_table(out / "rejected.parquet", REJECTED, rejected)
    write_json(out / "datum.json", _datum_report(evidence))
    counts = {
        "entries": len(entries), "findings": int(entries["finding"].sum()), "visits": len(visits),
        "tracks": len(tracks), "repairs": len(repairs), "rejected": len(rejected),
        "entries_left_for_later": later_entries, "visits_left_for_later": later_visits,
    }  # fmt: skip
    if later_entries or later_visits:
        notes += (f"{context.as_of}之后的台账{later_entries}条、巡查{later_visits}次留待以后期次",)
    silent = sorted(names[unit_id] for unit_id in _silent(names, entries, visits))
    if silent:
        notes += (f"未报送台账和轨迹的单位：{'、'.join(silent)}",)
    whole = rejected[rejected["row"].isna() & rejected["code"].isin(WHOLE_FILE_CODES)]
    notes += tuple(f"{code} {file}：{reason}" for code, file, reason in zip(*_columns(whole), strict=True))
    return StageOutcome(counts=counts, notes=notes)


def _gazetteer(context: StageContext, codes: tuple[str, ...]) -> tuple[Gazetteer, tuple[str, ...]]:
    """Village names with their land and houses; without them text places stay unlocated and a note says so."""
    nothing = Gazetteer(empty(PLACES, context.config.city.crs), {})
    try:
        layers = read_layers(context.city / "layers", context.config.city.crs)
    except InputError as problem:
        return nothing, (f"图层不可用，文字地点不能定位：{problem}",)
    if layers.places is None or not len(layers.places):
        return nothing, ("没有村级调查区图层，文字地点不能定位",)
    return Gazetteer(layers.places, settlements(layers.places, layers.land_use, codes=codes)), ()


def _tracks(
    context: StageContext, names: dict[str, str], bounds: tuple[float, float, float, float]
) -> tuple[tuple[CleanTrack, ...], Rows, Rows]:
    """Clean tracks of all units with their repairs and rejections."""
    options = context.config.ledger
    files, rejected = unit_deliveries(context.city, "tracks", names)
    raw, unreadable = read_track_files(files, max_mb=options.max_track_mb, max_points=options.max_track_points)
    cleaned = [
        clean_track(
            track,
            crs=context.config.city.crs,
            bounds=bounds,
            max_speed_kmh=options.max_speed_kmh,
            max_gap_minutes=options.max_gap_minutes,
            max_gap_m=options.max_gap_m,
            max_outside_m=options.max_outside_m,
            max_removed_share=options.max_removed_share,
        )
        for track in raw
    ]
    compared = compare_tracks([track for result in cleaned for track in result.tracks])
    repairs = [*(repair for result in cleaned for repair in result.repairs), *compared.repairs]
    refused = [*rejected, *unreadable, *(row for result in cleaned for row in result.rejected), *compared.rejected]
    return compared.tracks, repairs, refused


def _rows(rejected: pd.DataFrame) -> Rows:
    """Rejected rows as dictionaries with None for what is missing."""
    return [
        {name: None if pd.isna(value) else value for name, value in row.items()} for row in rejected.to_dict("records")
    ]


def _until(frame: pd.DataFrame, column: str, as_of: date) -> tuple[pd.DataFrame, int]:
    """Rows known by the end of ``as_of`` (undated ones included) and how many are left for later."""
    later = frame[column] > pd.Timestamp(as_of)
    return frame[~later].reset_index(drop=True), int(later.sum())


def _columns(rejected: pd.DataFrame) -> tuple[list[str], list[str], list[str]]:
    return rejected["code"].tolist(), rejected["file"].tolist(), rejected["reason"].tolist()


def _silent(names: dict[str, str], entries: pd.DataFrame, visits: pd.DataFrame) -> set[str]:
    return set(names) - set(entries["unit_id"]) - set(visits["unit_id"])


def _datum_report(evidence: dict[str, DatumEvidence]) -> dict[str, Any]:
    return {
        "tracks_read_as": "WGS84",
        "tracks_read_as_reason": "GPX 1.1 defines coordinates as WGS84",
        "units": {unit_id: found.as_json() for unit_id, found in evidence.items()},
    }
