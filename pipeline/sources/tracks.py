"""GPX files to raw track points."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any

import gpxpy
import gpxpy.gpx
import numpy as np

from pipeline.errors import InputError
from pipeline.ledger.tracks import RawTrack
from pipeline.sources.unit_folders import UnitFile, each_readable, refusal

SUFFIXES = (".gpx",)
_DECLARATION = re.compile(rb"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_EXPORT = "请重新导出带时间的GPX 1.1轨迹"


def read_gpx(content: bytes, *, unit_id: str, file: str, max_mb: float, max_points: int) -> RawTrack:
    """The points of a GPX file in order of its segments, WGS84 degrees as GPX 1.1 defines, times in UTC.

    Documents with a DOCTYPE or ENTITY declaration, bigger than ``max_mb`` or with more than ``max_points`` are refused
    unread (XML bombs). Raises InputError E504. A time without a zone is UTC by the standard; points without a time
    carry NaT.
    """
    if len(content) > max_mb * 1e6:
        raise InputError("E504", f"{file}：超过{max_mb:g}MB", _EXPORT)
    # UTF-16 would hide the declaration from the byte search
    if b"\x00" in content[:4096]:
        raise InputError("E504", f"{file}：不是UTF-8文本", _EXPORT)
    if _DECLARATION.search(content):
        raise InputError("E504", f"{file}：含有GPX不需要的DOCTYPE或ENTITY声明", _EXPORT)
    try:
        gpx = gpxpy.parse(content.decode("utf-8-sig"))
    except (gpxpy.gpx.GPXException, UnicodeDecodeError, ValueError) as problem:
        raise InputError("E504", f"{file}：{problem}", _EXPORT) from problem
    points = [(point, number) for number, segment in enumerate(
        segment for track in gpx.tracks for segment in track.segments) for point in segment.points]  # fmt: skip
    if len(points) > max_points:
        raise InputError("E504", f"{file}：{len(points)}个点，超过{max_points}", _EXPORT)
    names = [gpx.name, gpx.description, gpx.author_name]
    names += [name for track in gpx.tracks for name in (track.name, track.comment, track.description)]
    return RawTrack(
        unit_id=unit_id,
        file=file,
        words=" ".join(name for name in names if name),
        lon=np.array([point.longitude for point, _ in points], dtype=np.float64),
        lat=np.array([point.latitude for point, _ in points], dtype=np.float64),
        time=np.array([_utc(point.time) for point, _ in points], dtype="datetime64[ms]"),
        segment=np.array([number for _, number in points], dtype=np.int64),
    )


def _utc(time: datetime | None) -> np.datetime64:
    if time is None:
        return np.datetime64("NaT", "ms")
    plain = time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time
    return np.datetime64(plain, "ms")


def read_track_files(
    files: list[UnitFile], *, max_mb: float, max_points: int
) -> tuple[list[RawTrack], list[dict[str, Any]]]:
    """Raw tracks of all readable files, and a rejected row (E504) for every other file; one never stops others."""
    tracks: list[RawTrack] = []
    rejected: list[dict[str, Any]] = []
    for file, content in each_readable(files, SUFFIXES, "E504", "请从手机或车载设备导出GPX", rejected):
        try:
            tracks.append(read_gpx(content, unit_id=file.unit_id, file=file.name, max_mb=max_mb, max_points=max_points))
        except InputError as problem:
            rejected.append(refusal(file, problem))
    return tracks, rejected
