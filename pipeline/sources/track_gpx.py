"""GPX files to raw track points."""

from __future__ import annotations

import gpxpy
import gpxpy.gpx

from pipeline.ledger.tracks import RawTrack
from pipeline.sources.track_common import Points, refuse, xml_text


def read_gpx(content: bytes, *, unit_id: str, file: str, max_mb: float, max_points: int) -> RawTrack:
    """The points of a GPX file in order of its segments, WGS84 degrees as GPX 1.1 defines, times in UTC.

    Documents with a DOCTYPE or ENTITY declaration, bigger than ``max_mb`` or with more than ``max_points`` are refused
    unread (XML bombs). Raises InputError E504. Points without a time carry NaT; the standard's times are UTC, but one
    written without a zone may be the phone's own.
    """
    text = xml_text(content, file, max_mb)
    try:
        gpx = gpxpy.parse(text)
    except (gpxpy.gpx.GPXException, ValueError) as problem:
        raise refuse(file, f"{problem}") from problem
    points = Points()
    for number, segment in enumerate(segment for track in gpx.tracks for segment in track.segments):
        for point in segment.points:
            points.add(point.longitude, point.latitude, point.time, number)
    names = [gpx.name, gpx.description, gpx.author_name]
    names += [name for track in gpx.tracks for name in (track.name, track.comment, track.description)]
    words = " ".join(name for name in names if name)
    return points.track(
        unit_id=unit_id, file=file, words=words, max_points=max_points, device=(gpx.creator or "").strip()
    )
