"""Tracks that are too much alike: second exports are set aside, copies on other days are a reason to look."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from datetime import date
from typing import Any

import numpy as np
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.ledger.log import COPY, WHOLE_ROW
from pipeline.ledger.oddities import COPIED, SAME_OUTING, oddity
from pipeline.ledger.tracks import CleanTrack, TrackResult

Floats = NDArray[np.float64]

_SAMPLES = 64
_REACH_M, _LEAST_SHIFT_M, _MOST_SHIFT_M = 100.0, 3.0, 50.0
_GUESS_M, _GUESS_SHARE, _FITS = 6.0, 0.6, 4
_LENGTHS = 0.8
# shorter ways are alike by chance
_SHORTEST_M = 300.0
# Noise of two real recordings is metres and never repeats; within this of each other lie copies only.
_SAME_M, _COPIED_SHARE, _EXPORT_SHARE, _EXPORT_SHIFT_M = 1.0, 0.8, 0.95, 2.0
_SAME_TIME_S = 60.0
# Nobody repeats the stops and speeds of another day this exactly.
_SAME_WAY_M, _SAME_PACE_S, _SAME_PACE_SHARE, _SHORTEST_S = 20.0, 3.0, 0.005, 600.0
_TOGETHER_M, _TOGETHER_SHARE = 40.0, 0.5


def compare_tracks(tracks: Sequence[CleanTrack]) -> TrackResult:
    """Set second copies of one outing aside and mark suspicious likeness.

    The same line on the same day of the same unit is a copied file: the first by name is kept, others are rejected
    with E506; so is a second export of one recording (same way within a metre, same times), of which the one with more
    points is kept. A line that repeats on another day or in another unit - point by point, thinned, shifted in time or
    moved a little - or whose course of time repeats exactly is kept with a doubt: a reason to look, no accusation. Two
    devices on one outing are told in ``oddities`` and are no doubt.
    """
    kept, repairs, rejected = _without_copies(sorted(tracks, key=lambda track: track.order))
    doubts: dict[int, list[str]] = {}
    oddities: list[dict[str, Any]] = []
    gone: set[int] = set()
    for one, other, what in _alike(kept):
        a, b = kept[one], kept[other]
        if what == COPY:
            fewer = min((one, other), key=lambda at: (_points(kept[at]), at == one))
            if one not in gone and other not in gone:
                gone.add(fewer)
                _set_aside(kept[fewer], kept[other if fewer == one else one], repairs, rejected)
            continue
        if what == SAME_OUTING:
            oddities += [_told(a, b, SAME_OUTING, "与{}同时同路，像是同一次出巡的两份记录，出巡次数可能多算")]
            continue
        for mine, its, at in ((a, b, one), (b, a, other)):
            doubts.setdefault(at, []).append(f"与 {its.name}({its.day}) 的轨迹{what}，请核对")
            oddities.append(_told(mine, its, COPIED, f"与{{}}的轨迹{what}"))
    marked = tuple(
        replace(track, doubts=(*track.doubts, *doubts.get(at, ()))) if at in doubts else track
        for at, track in enumerate(kept)
        if at not in gone
    )
    return TrackResult(marked, tuple(repairs), tuple(rejected), tuple(oddities))


def _told(track: CleanTrack, other: CleanTrack, kind: str, words: str) -> dict[str, Any]:
    reason = words.format(f"{other.name}（{other.day}）")
    return oddity(track.unit_id, kind, f"{track.day} {track.length_m:.0f}米", reason, file=track.file, sheet=track.part)


def _without_copies(
    ordered: Sequence[CleanTrack],
) -> tuple[list[CleanTrack], list[dict[str, Any]], list[dict[str, Any]]]:
    kept: list[CleanTrack] = []
    repairs: list[dict[str, Any]] = []
    rejected: list[dict[str, Any]] = []
    first: dict[tuple[str, str, date], CleanTrack] = {}
    for track in ordered:
        key = (track.unit_id, track.shape_key, track.day)
        if key in first:
            _set_aside(track, first[key], repairs, rejected)
        else:
            first[key] = track
            kept.append(track)
    return kept, repairs, rejected


def _set_aside(
    track: CleanTrack, other: CleanTrack, repairs: list[dict[str, Any]], rejected: list[dict[str, Any]]
) -> None:
    place = {"unit_id": track.unit_id, "file": track.file}
    content = f"{track.day} {track.length_m:.0f} m"
    repairs.append({**place, "sheet": track.part, "row": 0, "field": WHOLE_ROW, "before": content, "after": None,
                    "rule": f"{track.day} 重复的轨迹"})  # fmt: skip
    rejected.append({**place, "sheet": track.part or None, "row": None, "field": None, "content": content, "code": COPY,
                     "reason": f"与 {other.name} 重复"})  # fmt: skip


def _alike(tracks: Sequence[CleanTrack]) -> list[tuple[int, int, str]]:
    """Pairs of like tracks with what is alike: :data:`COPY`, :data:`SAME_OUTING` or words for people."""
    if len(tracks) < 2:
        return []
    found: list[tuple[int, int, str]] = []
    by_key: dict[str, list[int]] = {}
    for at, track in enumerate(tracks):
        by_key.setdefault(track.shape_key, []).append(at)
    exact = {(a, b) for group in by_key.values() for n, a in enumerate(group) for b in group[n + 1 :]}
    found += [(a, b, "逐点相同") for a, b in sorted(exact)]
    # A copy, thinned or moved a little, has nearly the same extent: the only pairs worth a closer look.
    boxes = np.array([track.line.bounds for track in tracks])
    pairs = cKDTree(boxes).query_pairs(_REACH_M, p=np.inf)
    resampled: dict[int, tuple[Floats, Floats]] = {}
    for a, b in sorted((min(pair), max(pair)) for pair in pairs):
        lengths = sorted((tracks[a].length_m, tracks[b].length_m))
        if (a, b) in exact or lengths[0] < max(_LENGTHS * lengths[1], _SHORTEST_M):
            continue
        for at in (a, b):
            if at not in resampled:
                resampled[at] = _resample(tracks[at])
        what = _what(tracks[a], tracks[b], resampled[a], resampled[b])
        found += [(a, b, what)] if what else []
    return found


def _what(a: CleanTrack, b: CleanTrack, mine: tuple[Floats, Floats], its: tuple[Floats, Floats]) -> str | None:
    # All points of a thinned copy lie on the full line, not the other way round.
    fewer, more, pair = (a, b, (mine[0], its[0])) if _points(a) <= _points(b) else (b, a, (its[0], mine[0]))
    share, shift = same_line(shapely.get_coordinates(fewer.line), more.line, *pair)
    here = a.unit_id == b.unit_id and a.day == b.day
    timed = bool(len(a.times) and len(b.times))
    if share >= _COPIED_SHARE:
        same_time = timed and max(_seconds(a.times[0], b.times[0]), _seconds(a.times[-1], b.times[-1])) < _SAME_TIME_S
        if here and same_time and share >= _EXPORT_SHARE and shift < _EXPORT_SHIFT_M:
            return COPY
        moved = f"，相差约{shift:.0f}米的平移" if shift >= _EXPORT_SHIFT_M else ""
        return f"几乎逐点相同（{share:.0%}的点相距不足{_SAME_M:g}米{moved}）"
    if not timed:
        return None
    if here and _together(a, b):
        return SAME_OUTING
    pace = mine[1] - mine[1][0] - (its[1] - its[1][0])
    longest = max(mine[1][-1] - mine[1][0], its[1][-1] - its[1][0])
    if longest < _SHORTEST_S or np.max(np.abs(pace)) > max(_SAME_PACE_S, _SAME_PACE_SHARE * longest):
        return None
    distance = discrete_frechet(mine[0], its[0] + _shift(mine[0], its[0]))
    return f"路线和快慢都相同（相距不超过{distance:.0f}米）" if distance <= _SAME_WAY_M else None


def _points(track: CleanTrack) -> int:
    return int(shapely.get_num_coordinates(track.line))


def same_line(points: Floats, line: Any, mine: Floats, its: Floats) -> tuple[float, float]:
    """Share (0..1) of ``points`` within a metre of ``line``, after a constant shift where one fits, and its metres.

    ``mine`` and ``its``: the points' and the line's way resampled in step, from which a shift of 3 to 50 m is guessed.
    Without a shift the direction of travel does not matter. Two real recordings of one road share about a fifth.
    """
    some = points[np.unique(np.linspace(0, len(points) - 1, _SAMPLES).astype(int))]
    best = float(np.mean(shapely.distance(shapely.points(some), line) <= _SAME_M)), 0.0
    shift = _shift(mine, its)
    if best[0] >= _COPIED_SHARE or not _LEAST_SHIFT_M <= np.hypot(*shift) <= _MOST_SHIFT_M + _LEAST_SHIFT_M:
        return best
    # Most pairs end here: a guess this far off is no shift at all.
    if float(np.mean(shapely.distance(shapely.points(some - shift), line) <= _GUESS_M)) < _GUESS_SHARE:
        return best
    for _ in range(_FITS):
        spots = shapely.points(some - shift)
        foot = shapely.get_coordinates(shapely.line_interpolate_point(line, shapely.line_locate_point(line, spots)))
        off = some - shift - foot
        distance = np.hypot(*off.T)
        share, size = float(np.mean(distance <= _SAME_M)), float(np.hypot(*shift))
        best = (share, size) if share > best[0] and size <= _MOST_SHIFT_M else best
        # Only the part across the line tells of a shift; points that fit no shift do not vote.
        voting = (distance > 1e-9) & (distance <= np.median(distance) * 2.0 + 1e-6)
        if not voting.any():
            break
        step, *_ = np.linalg.lstsq(off[voting] / distance[voting, None], distance[voting], rcond=None)
        shift = shift + step
    return best


def _shift(mine: Floats, its: Floats) -> Floats:
    return np.asarray(np.median(mine - its, axis=0))


def _resample(track: CleanTrack) -> tuple[Floats, Floats]:
    """Points (64, 2) and seconds (64,) at equal shares of the way; gaps count by their straight length."""
    xy = shapely.get_coordinates(track.line)
    along = np.concatenate([[0.0], np.cumsum(np.hypot(*np.diff(xy, axis=0).T))])
    at = np.linspace(0.0, along[-1], _SAMPLES)
    points = np.column_stack([np.interp(at, along, xy[:, axis]) for axis in (0, 1)])
    if len(track.times) != len(xy):
        return points, np.zeros(_SAMPLES)
    seconds = (track.times - track.times[0]) / np.timedelta64(1, "s")
    return points, np.interp(at, along, seconds)


def _seconds(one: np.datetime64, other: np.datetime64) -> float:
    return float(abs((one - other) / np.timedelta64(1, "s")))


def positions_together(a: CleanTrack, b: CleanTrack) -> tuple[Floats, float]:
    """Distances (n,) between two tracks at the same moments, every 30 s, and the minutes they share."""
    start, end = max(a.times[0], b.times[0]), min(a.times[-1], b.times[-1])
    if not start < end:
        return np.empty(0), 0.0
    at = np.arange(start, end, np.timedelta64(30, "s"))
    found = []
    for track in (a, b):
        seconds = (track.times - start) / np.timedelta64(1, "s")
        xy, wanted = shapely.get_coordinates(track.line), (at - start) / np.timedelta64(1, "s")
        found.append(np.column_stack([np.interp(wanted, seconds, xy[:, axis]) for axis in (0, 1)]))
    return np.hypot(*(found[0] - found[1]).T), float((end - start) / np.timedelta64(1, "m"))


def _together(a: CleanTrack, b: CleanTrack) -> bool:
    distance, minutes = positions_together(a, b)
    return minutes >= _TOGETHER_SHARE * max(a.minutes, b.minutes) and float(np.median(distance)) <= _TOGETHER_M


def discrete_frechet(one: Floats, other: Floats) -> float:
    """Discrete Fréchet distance of two point sequences (n, 2), (m, 2) in their units (Eiter and Mannila 1994)."""
    distance = np.hypot(*(one[:, None, :] - other[None, :, :]).transpose(2, 0, 1))
    reach = np.maximum.accumulate(distance[0])
    for row in distance[1:]:
        best = np.minimum(reach, np.concatenate([[np.inf], reach[:-1]]))
        now = np.empty_like(row)
        last = np.inf
        for at, (here, before) in enumerate(zip(row, best, strict=True)):
            last = max(here, min(before, last))
            now[at] = last
        reach = now
    return float(reach[-1])
