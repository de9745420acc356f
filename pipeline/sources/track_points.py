"""Tables of points (csv, xlsx), from phones and vehicle terminals, to raw tracks: one per device."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import UTC, date, datetime, timedelta
from typing import Any

import numpy as np

from pipeline.errors import InputError
from pipeline.ledger.sheets import RawSheet, heading_key
from pipeline.ledger.tracks import RawTrack
from pipeline.sources.file_kinds import OLE_MAGIC
from pipeline.sources.text_tables import read_text_table
from pipeline.sources.track_common import CHINA, Points, TrackWords, check_size, number, parse_time, refuse
from pipeline.sources.workbook import read_workbook

_HEADING_ROWS = 30
_MOST_COLUMNS = 60
# What Chinese longitudes and latitudes lie between, degrees
_LON, _LAT = (73.0, 136.0), (3.0, 54.0)
_MILLIONTHS, _DEGREES_MINUTES = 1e6, 100.0


@dataclass(frozen=True)
class _Columns:
    row: int
    at: dict[str, int]
    datum: str | None
    datum_column: int | None
    utc: bool


def read_point_table(
    content: bytes,
    words: TrackWords,
    *,
    unit_id: str,
    file: str,
    max_mb: float,
    max_unpacked_mb: float,
    max_points: int,
) -> list[RawTrack]:
    """One recording per device and worksheet of a table with columns for longitude, latitude and time.

    Text in UTF-8, GB18030 or UTF-16, or an Excel or ODF workbook (values only). Times without a zone are China's, as
    tables are made by people here, unless the heading says UTC; date and clock may stand in two columns. Swapped axes,
    millionths of a degree (JT/T 808) and degrees with minutes (NMEA 0183) are repaired with a note. Nothing in a table
    says which datum it is in unless a heading or a column names one. Raises InputError E504 where no row names the
    three columns, and for files beyond ``max_mb``, ``max_unpacked_mb`` or ``max_points``.
    """
    check_size(content, file, max_mb)
    cells = max_points * _MOST_COLUMNS
    try:
        if content.startswith((b"PK", OLE_MAGIC)):
            sheets = read_workbook(
                content, unit_id=unit_id, file=file, max_unpacked_mb=max_unpacked_mb, max_cells=cells
            )
        else:
            sheets = (read_text_table(content, unit_id=unit_id, file=file, words=words.aliases, max_cells=cells)[0],)
    except InputError as problem:
        raise refuse(file, problem.message.removeprefix(f"{file}：")) from problem
    found = [(sheet, columns) for sheet in sheets if (columns := _columns(sheet, words)) is not None]
    if not found:
        raise refuse(file, "没有找到经度、纬度和时间三列的表头")
    tracks = [track for sheet, columns in found for track in _recordings(sheet, columns, words, max_points)]
    if not tracks:
        raise refuse(file, "表头下没有点")
    several = len(found) > 1
    return [_named(track, sheet) for sheet, track in tracks] if several else [track for _, track in tracks]


def _named(track: RawTrack, sheet: str) -> RawTrack:
    return replace(track, part=f"{sheet} {track.part}".strip())


def _columns(sheet: RawSheet, words: TrackWords) -> _Columns | None:
    """The first row that names longitude, latitude and a time."""
    for index, row in enumerate(sheet.rows[:_HEADING_ROWS]):
        texts = {at: str(cell) for at, cell in enumerate(row) if isinstance(cell, str) and cell.strip()}
        at: dict[str, int] = {}
        for column, text in texts.items():
            name = words.fields.get(heading_key(text))
            if name is not None:
                at.setdefault(name, column)
        if not {"longitude", "latitude"} <= set(at) or not ({"time"} <= set(at) or {"date", "clock"} <= set(at)):
            continue
        named = [words.datum_in(texts[at[axis]]) for axis in ("longitude", "latitude")]
        column_of = next((c for c, text in texts.items() if heading_key(text) in words.datum_headings), None)
        utc = "UTC" in texts[at["time"]].upper() if "time" in at else False
        return _Columns(index, at, named[0] or named[1], column_of, utc)
    return None


def _recordings(sheet: RawSheet, columns: _Columns, words: TrackWords, max_points: int) -> list[tuple[str, RawTrack]]:
    rows = [row for row in sheet.rows[columns.row + 1 :] if any(cell is not None for cell in row)]
    if len(rows) > max_points:
        raise refuse(sheet.file, f"{len(rows)}个点，超过{max_points}")
    groups: dict[str, list[Sequence[Any]]] = {}
    for point in rows:
        groups.setdefault(_cell(point, columns.at.get("device")), []).append(point)
    found: list[tuple[str, RawTrack]] = []
    for device in sorted(groups):
        mine = groups[device]
        lon, lat, notes = _degrees(
            np.array([number(_value(row, columns.at["longitude"])) for row in mine], dtype=np.float64),
            np.array([number(_value(row, columns.at["latitude"])) for row in mine], dtype=np.float64),
        )
        points = Points()
        for row, x, y in zip(mine, lon.tolist(), lat.tolist(), strict=True):
            points.add(x, y, _time(row, columns), 0)
        people = sorted({_cell(row, columns.at.get("person")) for row in mine})
        stated = {words.datum_in(_cell(row, columns.datum_column)) for row in mine} - {None}
        datum = columns.datum or (stated.pop() if len(stated) == 1 else None)
        track = points.track(
            unit_id=sheet.unit_id, file=sheet.file, words=" ".join(people), max_points=max_points, part=device,
            standard=False, stated_datum=datum, notes=tuple(notes),
        )  # fmt: skip
        found.append((sheet.sheet, track))
    return found


def _degrees(
    lon: np.ndarray[Any, np.dtype[np.float64]], lat: np.ndarray[Any, np.dtype[np.float64]]
) -> tuple[np.ndarray[Any, np.dtype[np.float64]], np.ndarray[Any, np.dtype[np.float64]], list[str]]:
    """Degrees of what the columns hold, by the size of their middle values, and what was repaired."""
    notes: list[str] = []
    # a receiver without a fix writes 0
    known = np.isfinite(lon) & np.isfinite(lat) & (lon != 0) & (lat != 0)
    if not known.any():
        return lon, lat, notes
    x, y = float(np.median(lon[known])), float(np.median(lat[known]))
    if _within(x / _MILLIONTHS, _LON) and _within(y / _MILLIONTHS, _LAT):
        lon, lat = lon / _MILLIONTHS, lat / _MILLIONTHS
        notes.append("经纬度以百万分之一度计，换算为度")
    elif _within(x / _DEGREES_MINUTES, _LON) and _within(y / _DEGREES_MINUTES, _LAT):
        lon, lat = (np.trunc(v / 100.0) + np.fmod(v, 100.0) / 60.0 for v in (lon, lat))
        notes.append("经纬度为度分格式(ddmm.mmmm)，换算为度")
    elif _within(x, _LAT) and _within(y, _LON):
        lon, lat = lat, lon
        notes.append("经度与纬度两列互换")
    return lon, lat, notes


def _within(value: float, span: tuple[float, float]) -> bool:
    return span[0] <= value <= span[1]


def _time(row: Sequence[Any], columns: _Columns) -> datetime | None:
    """A row's moment with a zone: China's unless it says otherwise."""
    value = _value(row, columns.at.get("time"))
    if "date" in columns.at and ("time" not in columns.at or parse_time(value) is None):
        day = _value(row, columns.at["date"])
        clock = _value(row, columns.at.get("clock", columns.at.get("time")))
        shown = f"{day:%Y-%m-%d}" if isinstance(day, date) else _cell(row, columns.at["date"]).split(" ")[0]
        if isinstance(clock, float) and 0 <= clock < 1:
            clock = f"{timedelta(seconds=round(clock * 86400))}"
        value = f"{shown} {clock}"
    found = parse_time(value)
    if found is None or found.tzinfo is not None:
        return found
    return found.replace(tzinfo=UTC if columns.utc else CHINA)


def _value(row: Sequence[Any], column: int | None) -> Any:
    return row[column] if column is not None and column < len(row) else None


def _cell(row: Sequence[Any], column: int | None) -> str:
    value = _value(row, column)
    if isinstance(value, float) and value.is_integer():
        value = int(value)
    return "" if value is None else str(value).strip()
