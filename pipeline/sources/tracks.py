"""Patrol tracks as units send them, of any kind, to raw tracks: what is not readable is listed with how to export it."""

from __future__ import annotations

from pathlib import PurePosixPath
from typing import Any

from pipeline.errors import InputError
from pipeline.ledger.tracks import RawTrack
from pipeline.sources.track_common import UNREADABLE, TrackWords, local_name, refuse, xml_root
from pipeline.sources.track_geojson import read_geojson
from pipeline.sources.track_gpx import read_gpx
from pipeline.sources.track_kml import read_kml, read_kmz
from pipeline.sources.track_points import read_point_table
from pipeline.sources.unit_folders import UnitFile, each_readable, refusal

_TABLES = (".csv", ".txt", ".tsv", ".xlsx", ".xlsm", ".xls", ".et", ".ods")
_XML = (".gpx", ".kml", ".xml")
_JSON = (".geojson", ".json")
SUFFIXES = (*_XML, ".kmz", *_JSON, *_TABLES)
_HOW = "请从手机或车载设备导出GPX、KML、KMZ、GeoJSON，或含经度、纬度、时间的csv、xlsx表格；压缩包请先解压"


def read_track_files(
    files: list[UnitFile], words: TrackWords, *, max_mb: float, max_unpacked_mb: float, max_points: int
) -> tuple[list[RawTrack], list[dict[str, Any]]]:
    """Raw tracks of all readable files, and a rejected row (E504) for every other file; one never stops others."""
    tracks: list[RawTrack] = []
    rejected: list[dict[str, Any]] = []
    for file, content in each_readable(files, SUFFIXES, UNREADABLE, _HOW, rejected):
        try:
            tracks += read_track(
                content, words, unit_id=file.unit_id, file=file.name, max_mb=max_mb, max_unpacked_mb=max_unpacked_mb,
                max_points=max_points,
            )  # fmt: skip
        except InputError as problem:
            rejected.append(refusal(file, problem))
    return tracks, rejected


def read_track(
    content: bytes,
    words: TrackWords,
    *,
    unit_id: str,
    file: str,
    max_mb: float,
    max_unpacked_mb: float,
    max_points: int,
) -> list[RawTrack]:
    """The recordings of one file, read by its suffix and, of XML, by its root; raises InputError E504."""
    suffix = PurePosixPath(file).suffix.lower()
    if suffix == ".kmz":
        return read_kmz(content, unit_id=unit_id, file=file, max_mb=max_mb, max_unpacked_mb=max_unpacked_mb,
                        max_points=max_points)  # fmt: skip
    if suffix in _XML:
        # Phones rename what they share: a KML may come as .gpx or .xml.
        root = (
            "gpx" if suffix == ".gpx" and b"<kml" not in content[:4096] else local_name(xml_root(content, file, max_mb))
        )
        if root == "kml":
            return [read_kml(content, unit_id=unit_id, file=file, max_mb=max_mb, max_points=max_points)]
        if root != "gpx":
            raise refuse(file, f"根元素是{root}，不是gpx或kml")
        return [read_gpx(content, unit_id=unit_id, file=file, max_mb=max_mb, max_points=max_points)]
    if suffix in _JSON:
        return [read_geojson(content, words, unit_id=unit_id, file=file, max_mb=max_mb, max_points=max_points)]
    return read_point_table(
        content, words, unit_id=unit_id, file=file, max_mb=max_mb, max_unpacked_mb=max_unpacked_mb,
        max_points=max_points,
    )  # fmt: skip
