"""Reads what the units send: ledgers and tracks to entries, visits, a repair log and rejected rows."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.ledger.corrections import mended_rows, supersede, turned_into_findings
from pipeline.ledger.datum import DatumEvidence, infer_datum
from pipeline.ledger.entries import read_ledgers, rejected_table, repairs_table
from pipeline.ledger.files import files_table, misplaced
from pipeline.ledger.items import Item
from pipeline.ledger.locate import Placed, PlaceOptions
from pipeline.ledger.oddities import oddities_table
from pipeline.ledger.photo_datum import PhotoDatum, datums_by_file
from pipeline.ledger.photos import photo_rejections, photos_table
from pipeline.ledger.places import Gazetteer, settlements, territories
from pipeline.ledger.positions import entries_table, place_items
from pipeline.ledger.row_oddities import oddities as row_oddities
from pipeline.ledger.track_datum import TrackDatum
from pipeline.ledger.track_oddities import effort_oddities, track_oddities
from pipeline.ledger.visits import people_of, visits_table
from pipeline.rulebook import place_words
from pipeline.schema import (
    ENTRIES,
    LEDGER_FILES,
    ODDITIES,
    PHOTOS,
    PLACES,
    REJECTED,
    REPAIRS,
    SUPERSEDED,
    TRACK_PARTS,
    VISITS,
    empty,
)  # fmt: skip
from pipeline.sources.layers import Layers
from pipeline.sources.ledger_files import read_ledger_files, strange_files
from pipeline.sources.ledger_rules import ledger_field_rules, ledger_file_rules
from pipeline.sources.photos import is_photo
from pipeline.sources.unit_folders import delivered_files
from pipeline.sources.unit_folders import unit_files as unit_deliveries
from pipeline.sources.units import read_units, unit_files
from pipeline.stages.base import LAYER_RULES, StageContext, StageOutcome, rule_digests
from pipeline.stages.ledger_photos import all_places, photo_datums, read_photos, stated_places
from pipeline.stages.ledger_tracks import Tracks, read_tracks
from pipeline.store import write_json, write_table

Rows = list[dict[str, Any]]
WHOLE_FILE_CODES = ("E501", "E502", "E503", "E504", "E508")


def inputs(context: StageContext) -> tuple[Path, ...]:
    """Ledgers, tracks, unit tables and layers (for the village names)."""
    city = context.city
    delivered = [path for part in ("ledgers", "tracks", "layers") for path in delivered_files(city, part)]
    return tuple(sorted({*delivered, *unit_files(city)}))


def facts(context: StageContext) -> dict[str, str]:
    """Digests of the rule files by which ledgers, places, tracks and layers are read."""
    return rule_digests("ledger_fields.yaml", "place_words.yaml", "tracks.yaml", *LAYER_RULES)


def run(context: StageContext, out: Path) -> StageOutcome:
    """Write ``entries``, ``visits``, ``files``, ``superseded``, ``repairs``, ``rejected`` and ``datum.json``."""
    options, crs = context.config.ledger, context.config.city.crs
    book = read_units(context.city, crs)
    names = dict(zip(book.units["unit_id"], book.units["name"], strict=True))
    rules, file_rules = ledger_field_rules(context.as_of), ledger_file_rules(context.as_of)
    layers, notes = _layers(context)
    gazetteer = gazetteer_of(context, layers, rules.settlement_codes)
    ground = territories(book.units, book.cells, book.responsibility, book.delegations)
    xmin, ymin, xmax, ymax = (float(value) for value in book.cells.total_bounds)
    bounds = (xmin, ymin, xmax, ymax)

    ledger_files, strange_ledgers = unit_deliveries(context.city, "ledgers", names)
    delivery = read_ledger_files(
        [file for file in ledger_files if not is_photo(file)],
        words=tuple(word for words in rules.fields.values() for word in words),
        max_unpacked_mb=options.max_unpacked_mb,
        max_cells=options.max_cells,
    )
    ledger = read_ledgers(
        delivery.sheets,
        rules,
        as_of=context.as_of,
        oldest_years=options.oldest_years,
        latest_days=options.latest_days,
        unit_names=names,
    )
    corrected = supersede(ledger.items, delivery.files, file_rules, copies=ledger.copies)

    photos = read_photos(context, ledger_files, corrected.items)
    stated = stated_places(context, photos, bounds)
    tracks = read_tracks(context, names, bounds, corrected.items, stated, layers)
    told = place_items(
        corrected.items,
        gazetteer,
        ground,
        place_options(context),
        unit_names=names,
    )
    placed = {entry_id: place for entry_id, place in told.items() if isinstance(place, Placed)}
    cameras = photo_datums(context, photos, tracks.decided, placed, ground)
    photographed, all_photographed = all_places(context, photos, cameras, bounds, placed)
    evidence = {
        unit_id: _datum(context, unit_id, corrected.items, tracks, placed, ground.get(unit_id), photographed)
        for unit_id in sorted(names)
    }
    located = entries_table(
        corrected.items,
        {item.entry_id: evidence[item.unit_id].datum_of(item) for item in corrected.items if item.unit_id in evidence},
        told,
        crs=crs,
        bounds=bounds,
        gps_uncertainty_m=options.gps_uncertainty_m,
        max_outside_m=options.max_outside_m,
        photographed=all_photographed,
    )
    visits = visits_table(
        corrected.items, tracks.tracks, located.entries, cells=book.cells, people=book.people, gazetteer=gazetteer,
        territories=ground, unit_names=names, cell_border_m=options.cell_border_m, crs=crs,
    )  # fmt: skip

    entries, later_entries = _until(located.entries, "discovered_on", context.as_of)
    visits, later_visits = _until(visits, "visited_on", context.as_of)
    staff = sorted({str(name) for name in book.people["name"]}, key=lambda name: (-len(name), name))
    known_tracks = [track for track in tracks.tracks if track.day <= context.as_of]
    oddities = oddities_table(
        [
            *tracks.oddities,
            *track_oddities(known_tracks, {track.visit_id: people_of(track, staff) for track in known_tracks}),
            *effort_oddities(visits),
            *row_oddities(corrected.items),
            *photos.oddities,
        ]
    )
    parts = tracks.parts[tracks.parts["visit_id"].isin(visits["visit_id"])]
    repairs = repairs_table([*ledger.repairs.to_dict("records"), *located.repairs, *tracks.repairs])
    files = files_table(
        [*delivery.files, *strange_files(context.city, strange_ledgers)],
        delivery.sheets,
        ledger,
        fields=rules,
        rules=file_rules,
        unit_names=names,
        city_name=context.config.city.name,
        rejected=located.rejected,
    )
    strangers = misplaced(
        delivery.files,
        delivery.sheets,
        ledger.items,
        located.rejected,
        fields=rules,
        unit_names=names,
        city_name=context.config.city.name,
    )
    found_rejected: Rows = [*strange_ledgers, *strangers, *delivery.rejected, *corrected.rejected, *located.rejected]
    still_rejected = mended_rows([*_rows(ledger.rejected), *found_rejected], corrected)
    rejected = rejected_table([*still_rejected, *tracks.rejected, *photo_rejections(photos.photos, photos.links)])
    for name, table, frame in (
        ("entries", ENTRIES, entries),
        ("visits", VISITS, visits),
        ("repairs", REPAIRS, repairs),
        ("rejected", REJECTED, rejected),
        ("files", LEDGER_FILES, files),
        ("superseded", SUPERSEDED, corrected.superseded),
        ("photos", PHOTOS, photos_table(photos.photos, photos.links, datums_by_file(cameras), crs=crs)),
        ("oddities", ODDITIES, oddities),
        ("track_parts", TRACK_PARTS, parts),
    ):
        write_table(out / f"{name}.parquet", table, frame)
    write_json(out / "datum.json", _datum_report(evidence, tracks.datums, cameras))
    counts = {
        "entries": len(entries), "findings": int(entries["finding"].sum()), "visits": len(visits),
        "tracks": len(tracks.tracks), "repairs": len(repairs), "rejected": len(rejected),
        "oddities": len(oddities),
        "files": len(files), "files_read": int(files["read"].sum()),
        "photos": len(photos.photos), "photos_of_entries": len(photos.links), "superseded": len(corrected.superseded),
        "entries_left_for_later": later_entries, "visits_left_for_later": later_visits,
    }  # fmt: skip
    if later_entries or later_visits:
        notes += (f"{context.as_of}之后的台账{later_entries}条、巡查{later_visits}次留待以后期次",)
    notes += _notes(names, entries, visits, rejected, files)
    return StageOutcome(counts=counts, notes=(*notes, *turned_into_findings(corrected.superseded)))


def place_options(context: StageContext) -> PlaceOptions:
    """How far text places may be off, as configured."""
    options = context.config.ledger
    return PlaceOptions(
        least_m=options.place_least_m,
        village_share=options.place_village_share,
        offset_village_share=options.place_offset_village_share,
        offset_distance_share=options.place_offset_distance_share,
        direction_degrees=options.place_direction_degrees,
    )


def _datum(
    context: StageContext,
    unit_id: str,
    items: Sequence[Item],
    tracks: Tracks,
    placed: Mapping[str, Placed],
    territory: Any,
    photographed: Mapping[str, Placed],
) -> DatumEvidence:
    """What datum a unit's positions are in, from its own items."""
    options = context.config.ledger
    return infer_datum(
        unit_id,
        [item for item in items if item.unit_id == unit_id],
        tracks.decided,
        placed,
        territory,
        crs=context.config.city.crs,
        min_entries=options.datum_min_entries,
        min_odds=options.datum_min_odds,
        sight_m=options.datum_sight_m,
        max_days_apart=options.datum_max_days_apart,
        photographed=photographed,
    )


def _notes(
    names: dict[str, str], entries: pd.DataFrame, visits: pd.DataFrame, rejected: pd.DataFrame, files: pd.DataFrame
) -> tuple[str, ...]:
    """What people should hear of the delivery: silent units, files that could not be read, files in doubt."""
    silent = sorted(names[unit_id] for unit_id in _silent(names, entries, visits))
    notes = [f"未报送台账和轨迹的单位：{'、'.join(silent)}"] if silent else []
    whole = rejected[rejected["row"].isna() & rejected["code"].isin(WHOLE_FILE_CODES)]
    notes += [f"{code} {file}：{reason}" for code, file, reason in zip(*_columns(whole), strict=True)]
    doubted = files[files["doubts"].notna()]
    notes += [f"请核对 {file}：{why}" for file, why in zip(doubted["file"], doubted["doubts"], strict=True)]
    return tuple(notes)


def _layers(context: StageContext) -> tuple[Layers | None, tuple[str, ...]]:
    """The city's layers, None where they cannot be read, and what is missing in them for places."""
    try:
        layers = context.layers()
    except InputError as problem:
        return None, (f"图层不可用，文字地点不能定位：{problem}",)
    if layers.places is None or not len(layers.places):
        return layers, ("没有村级调查区图层，文字地点不能定位",)
    return layers, ()


def gazetteer_of(context: StageContext, layers: Layers | None, codes: tuple[str, ...]) -> Gazetteer:
    """Village names with their land and houses; without them text places stay unlocated."""
    if layers is None or layers.places is None or not len(layers.places):
        return Gazetteer(empty(PLACES, context.config.city.crs), {})
    found = [layer for layer in (layers.roads, layers.hamlets) if layer is not None and len(layer)]
    return Gazetteer(
        layers.places,
        settlements(layers.places, layers.land_use, codes=codes),
        named=pd.concat(found, ignore_index=True) if found else None,
        words=place_words(context.as_of),
    )


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


def _datum_report(
    evidence: dict[str, DatumEvidence], tracks: Sequence[TrackDatum], cameras: Sequence[PhotoDatum]
) -> dict[str, Any]:
    return {
        "tracks": [found.as_json() for found in tracks],
        "photos": [found.as_json() for found in cameras],
        "units": {unit_id: found.as_json() for unit_id, found in evidence.items()},
    }
