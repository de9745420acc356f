"""A track in stops and moves with their speed, so that what a patrol could see depends on how it passed there."""

from __future__ import annotations

import math
from collections.abc import Iterator, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.ledger.tracks import CleanTrack
from pipeline.schema import TRACK_PARTS, conform, empty

STOP, MOVE = "stop", "move"
_CHINA = np.timedelta64(8, "h")


def track_parts(
    tracks: Sequence[CleanTrack], *, stop_radius_m: float, stop_minutes: float, piece_m: float, crs: str
) -> Any:
    """The table TRACK_PARTS of all tracks with times, in order of time.

    A stop is a stretch of at least ``stop_minutes`` within ``stop_radius_m`` of its first point (stay points of Li et
    al. 2008), its geometry the points' mean; between stops a move is cut into pieces of about ``piece_m``, each with
    its own speed. Parts never cross a gap of the recording; ``started_at`` is China's time.
    """
    rows: list[dict[str, Any]] = []
    for track in sorted(tracks, key=lambda track: track.order):
        sizes = [len(shapely.get_coordinates(part)) for part in shapely.get_parts(track.line)]
        xy = shapely.get_coordinates(track.line)
        if len(track.times) != len(xy):
            continue
        number = 0
        for start, end in zip(np.cumsum([0, *sizes[:-1]]), np.cumsum(sizes), strict=True):
            for kind, first, last in _split(
                xy, track.times, int(start), int(end), stop_radius_m, stop_minutes, piece_m
            ):
                number += 1
                rows.append(_row(track, xy, number, kind, first, last))
    if not rows:
        return empty(TRACK_PARTS, crs)
    return conform(TRACK_PARTS, gpd.GeoDataFrame(rows, geometry="geometry", crs=crs))


def _split(
    xy: NDArray[np.float64],
    times: NDArray[np.datetime64],
    start: int,
    end: int,
    stop_radius_m: float,
    stop_minutes: float,
    piece_m: float,
) -> Iterator[tuple[str, int, int]]:
    """Stops and moves as kind, first and last vertex of ``start``..``end``; neighbours share a vertex."""
    x, y = xy[:, 0].tolist(), xy[:, 1].tolist()
    minute = ((times - times[0]) / np.timedelta64(1, "m")).tolist()
    at = piece = start
    length = 0.0
    while at < end - 1:
        last = at
        while last + 1 < end and math.hypot(x[last + 1] - x[at], y[last + 1] - y[at]) <= stop_radius_m:
            last += 1
        if last > at and minute[last] - minute[at] >= stop_minutes:
            if at > piece:
                yield MOVE, piece, at
            yield STOP, at, last
            at = piece = last
            length = 0.0
            continue
        length += math.hypot(x[at + 1] - x[at], y[at + 1] - y[at])
        at += 1
        if length >= piece_m:
            yield MOVE, piece, at
            piece, length = at, 0.0
    if end - 1 > piece:
        yield MOVE, piece, end - 1


def _row(track: CleanTrack, xy: NDArray[np.float64], number: int, kind: str, first: int, last: int) -> dict[str, Any]:
    minutes = float((track.times[last] - track.times[first]) / np.timedelta64(1, "m"))
    here = xy[first : last + 1]
    length = float(np.hypot(*np.diff(here, axis=0).T).sum()) if kind == MOVE else 0.0
    shape = shapely.LineString(here) if kind == MOVE else shapely.Point(np.round(here.mean(axis=0), 2))
    return {
        "visit_id": track.visit_id,
        "unit_id": track.unit_id,
        "number": number,
        "kind": kind,
        "started_at": pd.Timestamp(track.times[first] + _CHINA),
        "minutes": round(minutes, 2),
        "length_m": round(length, 1),
        "speed_kmh": round(length / 1000.0 / (minutes / 60.0), 1) if minutes > 0 else 0.0,
        "geometry": shape,
    }
