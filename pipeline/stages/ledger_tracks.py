"""The tracks' share of the ledger stage: read, clean, compare, find their datum, cut into parts."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.ledger.items import Item
from pipeline.ledger.likeness import compare_tracks
from pipeline.ledger.locate import Placed
from pipeline.ledger.track_datum import TrackDatum, datum_doubt, datum_repair, group_of, infer_track_datums, read_in
from pipeline.ledger.track_parts import track_parts
from pipeline.ledger.tracks import CleanTrack, clean_track
from pipeline.sources.layers import Layers
from pipeline.sources.track_common import track_words
from pipeline.sources.tracks import read_track_files
from pipeline.sources.unit_folders import unit_files
from pipeline.stages.base import StageContext

Rows = list[dict[str, Any]]


@dataclass(frozen=True)
class Tracks:
    """Clean tracks of all units; ``decided`` those of known datum; rows of REPAIRS, REJECTED, ODDITIES; TRACK_PARTS."""

    tracks: tuple[CleanTrack, ...]
    decided: tuple[CleanTrack, ...]
    datums: tuple[TrackDatum, ...]
    repairs: Rows
    rejected: Rows
    oddities: Rows
    parts: Any


def read_tracks(
    context: StageContext,
    names: Mapping[str, str],
    bounds: tuple[float, float, float, float],
    items: Sequence[Item],
    photographed: Mapping[str, Placed],
    layers: Layers | None,
) -> Tracks:
    """All delivered tracks, those of an undecided datum as delivered and with a doubt."""
    options, crs = context.config.ledger, context.config.city.crs
    words = track_words(context.as_of)
    files, strange = unit_files(context.city, "tracks", names)
    raw, unreadable = read_track_files(
        files,
        words,
        max_mb=options.max_track_mb,
        max_unpacked_mb=options.max_unpacked_mb,
        max_points=options.max_track_points,
    )
    cleaned = [
        clean_track(
            track,
            crs=crs,
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
    found = infer_track_datums(
        compared.tracks,
        items,
        _roads(layers, words.road_codes),
        crs=crs,
        min_odds=options.datum_min_odds,
        road_m=options.track_road_m,
        sight_m=options.datum_sight_m,
        max_days_apart=options.datum_max_days_apart,
        photographed=photographed,
        known=options.track_datums,
    )
    tracks: list[CleanTrack] = []
    decided: list[CleanTrack] = []
    repairs = [*(row for result in cleaned for row in result.repairs), *compared.repairs]
    for track in compared.tracks:
        datum = found[group_of(track)]
        placed = read_in(track, datum.datum, crs)
        if datum.datum is None:
            placed = replace(placed, doubts=(*placed.doubts, datum_doubt(track, datum, crs)))
        else:
            decided.append(placed)
            repairs += datum_repair(track, datum)
        tracks.append(placed)
    return Tracks(
        tuple(tracks),
        tuple(decided),
        tuple(found[group] for group in sorted(found)),
        repairs,
        [*strange, *unreadable, *(row for result in cleaned for row in result.rejected), *compared.rejected],
        list(compared.oddities),
        track_parts(
            tracks,
            stop_radius_m=options.stop_radius_m,
            stop_minutes=options.stop_minutes,
            piece_m=options.track_piece_m,
            crs=crs,
        ),
    )


def _roads(layers: Layers | None, codes: tuple[str, ...]) -> NDArray[Any]:
    """Shapes of roads: of the land use, and of a layer of roads where there is one."""
    found: list[Any] = []
    if layers is not None and layers.land_use is not None:
        land = layers.land_use
        found += list(land.geometry[land["class_code"].str.startswith(codes)])
    if layers is not None and layers.roads is not None:
        found += list(layers.roads.geometry)
    return np.array([shape for shape in found if shape is not None and not shape.is_empty], dtype=object)
