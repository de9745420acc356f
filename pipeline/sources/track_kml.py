"""KML and KMZ files to raw track points: gx:Track with its times, dated lines, and dated points."""

from __future__ import annotations

import io
import zipfile
from collections.abc import Iterator
from datetime import datetime
from xml.etree.ElementTree import Element

import numpy as np

from pipeline.ledger.tracks import RawTrack
from pipeline.sources.file_kinds import UNZIPPING
from pipeline.sources.track_common import Points, local_name, number, parse_time, refuse, xml_root

_MOST_NAMES = 100
SPREAD = "只有起止时间，各点时间按路程推算"


def read_kmz(
    content: bytes, *, unit_id: str, file: str, max_mb: float, max_unpacked_mb: float, max_points: int
) -> list[RawTrack]:
    """The tracks of all KML documents in a KMZ, as :func:`read_kml`.

    Raises InputError E504 where the archive is damaged, protected, holds no KML, or unpacks to more than
    ``max_unpacked_mb`` (zip bombs); counted while unpacking, so that no header is believed.
    """
    left = int(max_unpacked_mb * 1e6)
    documents: list[tuple[str, bytes]] = []
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in sorted(name for name in archive.namelist() if name.lower().endswith(".kml")):
                pieces = []
                with archive.open(member) as stream:
                    while piece := stream.read(1 << 20):
                        left -= len(piece)
                        if left < 0:
                            raise refuse(file, f"解压后超过{max_unpacked_mb:g}MB")
                        pieces.append(piece)
                documents.append((member, b"".join(pieces)))
    except UNZIPPING as problem:
        raise refuse(file, f"不是可读的KMZ（{problem}）") from problem
    if not documents:
        raise refuse(file, "压缩包里没有KML")
    return [
        read_kml(
            document, unit_id=unit_id, file=file, max_mb=max_mb, max_points=max_points,
            part=member if len(documents) > 1 else "",
        )
        for member, document in documents
    ]  # fmt: skip


def read_kml(content: bytes, *, unit_id: str, file: str, max_mb: float, max_points: int, part: str = "") -> RawTrack:
    """The points of a KML document, WGS84 degrees as KML 2.3 defines.

    The best kind the document holds is taken: gx:Track (a time per point), else lines with a TimeSpan (times spread
    over the way, with a doubt), else points with a TimeStamp, else lines without times. Documents with a DOCTYPE or
    ENTITY declaration, bigger than ``max_mb`` or with more than ``max_points`` are refused: InputError E504.
    """
    root = xml_root(content, file, max_mb)
    if local_name(root) != "kml":
        raise refuse(file, f"根元素是{local_name(root)}，不是kml")
    names: list[str] = []
    devices: list[str] = []
    recorded, spread, dated, plain = Points(), Points(), Points(), Points()
    notes: list[str] = []
    for element in root.iter():
        name = local_name(element)
        if name == "name" and element.text and len(names) < _MOST_NAMES:
            names.append(element.text.strip())
        elif name in ("generator", "creator") and element.text:
            devices.append(element.text.strip())
        elif name == "Track":
            _add_track(recorded, element, notes)
        elif name == "Placemark":
            _add_placemark(element, spread, dated, plain)
    kinds = [points for points in (recorded, spread, dated) if any(points.time)] or [recorded, plain]
    chosen = next((points for points in kinds if points.lon), plain)
    doubts = (SPREAD,) if chosen is spread else ()
    return chosen.track(
        unit_id=unit_id, file=file, words=" ".join(names), max_points=max_points, part=part,
        device=devices[0] if devices else "", notes=(*notes, *doubts), doubts=doubts,
    )  # fmt: skip


def _add_track(points: Points, element: Element, notes: list[str]) -> None:
    whens = [child.text for child in element if local_name(child) == "when"]
    spots = [(child.text or "").split() for child in element if local_name(child) == "coord"]
    if len(whens) != len(spots):
        # which time belongs to which point is not known
        notes.append(f"gx:Track有{len(spots)}个坐标、{len(whens)}个时间，时间不采用")
        whens = [None] * len(spots)
    segment = _next(points)
    for when, spot in zip(whens, spots, strict=True):
        if len(spot) >= 2:
            points.add(number(spot[0]), number(spot[1]), parse_time(when), segment)


def _add_placemark(element: Element, spread: Points, dated: Points, plain: Points) -> None:
    if any(local_name(child) == "Track" for child in element.iter()):
        return
    stamps = {local_name(child): parse_time(child.text) for child in element.iter()
              if local_name(child) in ("begin", "end", "when")}  # fmt: skip
    begin, end = stamps.get("begin"), stamps.get("end")
    for child in element.iter():
        name = local_name(child)
        if name not in ("LineString", "Point"):
            continue
        spots = [spot for one in child.iter() if local_name(one) == "coordinates" for spot in _coordinates(one.text)]
        if name == "Point":
            if spots and stamps.get("when"):
                dated.add(*spots[0], stamps["when"], 0)
        elif begin is not None and end is not None and _ordered(begin, end) and len(spots) > 1:
            segment = _next(spread)
            for spot, time in zip(spots, _between(spots, begin, end), strict=True):
                spread.add(*spot, time, segment)
        else:
            segment = _next(plain)
            for spot in spots:
                plain.add(*spot, None, segment)


def _ordered(begin: datetime, end: datetime) -> bool:
    return (begin.tzinfo is None) == (end.tzinfo is None) and begin < end


def _between(spots: list[tuple[float, float]], begin: datetime, end: datetime) -> list[datetime]:
    """Times by share of the way, degrees of longitude shortened by latitude."""
    at = np.array(spots)
    step = np.hypot(np.diff(at[:, 0]) * np.cos(np.radians(at[0, 1])), np.diff(at[:, 1]))
    along = np.concatenate([[0.0], np.cumsum(step)])
    share = along / along[-1] if along[-1] > 0 else np.linspace(0.0, 1.0, len(at))
    return [begin + (end - begin) * float(part) for part in share]


def _coordinates(text: str | None) -> Iterator[tuple[float, float]]:
    for spot in (text or "").split():
        parts = spot.split(",")
        if len(parts) >= 2:
            yield number(parts[0]), number(parts[1])


def _next(points: Points) -> int:
    return points.segment[-1] + 1 if points.segment else 0
