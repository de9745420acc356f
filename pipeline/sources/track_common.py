"""What the readers of track files share: the dated words, bounded XML, times in every form, and the points collected."""

from __future__ import annotations

import re
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta, timezone
from typing import Any
from xml.etree import ElementTree

import numpy as np

from pipeline.errors import InputError
from pipeline.ledger.sheets import heading_key
from pipeline.ledger.tracks import RawTrack
from pipeline.rulebook import Dated, rule_on
from pipeline.sources.delimited import decode

UNREADABLE = "E504"
EXPORT = "请重新导出带时间的轨迹（GPX、KML、GeoJSON或带经纬度和时间的表格）"
CHINA = timezone(timedelta(hours=8))
_DECLARATION = re.compile(r"<!\s*(?:DOCTYPE|ENTITY)", re.IGNORECASE)
_PROLOGUE = re.compile(r"^\s*<\?xml[^>]*\?>")
_TIME = re.compile(
    r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?[T\s]*(上午|下午|AM|PM)?\s*"
    r"(\d{1,2})\s*[:：时点]\s*(\d{1,2})\s*(?:[:：分]\s*(\d{1,2})(?:[.,](\d{1,6})\d*)?)?\s*[分秒]?\s*(AM|PM)?\s*"
    r"(Z|UTC|GMT|[+-]\d{2}:?\d{2})?",
    re.IGNORECASE,
)
_PACKED = (
    re.compile(r"(\d{4})(\d\d)(\d\d)[T ]?(\d\d)(\d\d)(\d\d)?"),
    re.compile(r"(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)(\d\d)"),
)
_EXCEL_EPOCH = datetime(1899, 12, 30)
# before GPS and behind any use: times nobody meant
_YEARS = (1980, 2100)
_SERIALS, _SECONDS, _MILLISECONDS = (20_000, 80_000), (8e8, 5e9), (8e11, 5e12)


class TrackRule(Dated):
    """One version of the words of track files."""

    id: str
    fields: dict[str, tuple[str, ...]]
    datum_heading: tuple[str, ...]
    datums: dict[str, tuple[str, ...]]
    road_codes: tuple[str, ...]
    time_properties: tuple[str, ...]


@dataclass(frozen=True)
class TrackWords:
    """Headings of point tables by heading key, names of datums, road codes, and property names of times."""

    fields: Mapping[str, str]
    aliases: tuple[str, ...]
    datum_headings: frozenset[str]
    datums: Mapping[str, tuple[str, ...]]
    road_codes: tuple[str, ...]
    time_properties: frozenset[str]

    def datum_in(self, text: str) -> str | None:
        """The datum a text names, None without one."""
        plain = text.upper().replace(" ", "").replace("_", "")
        return next((name for name, words in self.datums.items() for word in words if word.upper() in plain), None)


def track_words(day: date) -> TrackWords:
    """The words in force on ``day``; the earliest rule before its time. Source: ``pipeline/rules/tracks.yaml``."""
    rule = rule_on(TrackRule, "tracks.yaml", day)
    fields = {heading_key(alias): name for name, aliases in rule.fields.items() for alias in aliases}
    return TrackWords(
        fields,
        tuple(alias for aliases in rule.fields.values() for alias in aliases),
        frozenset(heading_key(alias) for alias in rule.datum_heading),
        rule.datums,
        rule.road_codes,
        frozenset(name.casefold() for name in rule.time_properties),
    )


def refuse(file: str, why: str) -> InputError:
    """The error of an unusable track file, E504."""
    return InputError(UNREADABLE, f"{file}：{why}", EXPORT)


def check_size(content: bytes, file: str, max_mb: float) -> None:
    """Raise InputError E504 for a file of more than ``max_mb`` megabytes."""
    if len(content) > max_mb * 1e6:
        raise refuse(file, f"超过{max_mb:g}MB")


def xml_text(content: bytes, file: str, max_mb: float) -> str:
    """The text of an XML document in UTF-8 or GB18030 without its declaration.

    Raises InputError E504 for more than ``max_mb``, other encodings, and any DOCTYPE or ENTITY: no entity is expanded.
    """
    check_size(content, file, max_mb)
    # UTF-16 would hide a declaration from a search of bytes
    if b"\x00" in content[:4096]:
        raise refuse(file, "不是UTF-8文本")
    try:
        text, _ = decode(content)
    except UnicodeDecodeError as problem:
        raise refuse(file, "不是UTF-8或GB18030文本") from problem
    if _DECLARATION.search(text):
        raise refuse(file, "含有轨迹不需要的DOCTYPE或ENTITY声明")
    return _PROLOGUE.sub("", text, count=1)


def xml_root(content: bytes, file: str, max_mb: float) -> ElementTree.Element:
    """The root element of an XML document, bounded as in :func:`xml_text`."""
    try:
        return ElementTree.fromstring(xml_text(content, file, max_mb))
    except (ElementTree.ParseError, ValueError) as problem:
        raise refuse(file, f"{problem}") from problem


def local_name(element: ElementTree.Element) -> str:
    """An element's name without its namespace."""
    return element.tag.rsplit("}", 1)[-1]


def parse_time(value: Any) -> datetime | None:
    """A moment as devices and people write it; without a zone the result has none. None where it cannot be read.

    ISO 8601, 2026/9/3 9:05, 2026年9月3日9时5分, 20260903090500, 260903090500 (JT/T 808), Excel serials, seconds and
    milliseconds since 1970 (UTC).
    """
    if isinstance(value, datetime):
        return value
    if isinstance(value, bool) or value is None or isinstance(value, date):
        return None
    text = str(value).strip()
    if isinstance(value, int | float) or text.replace(".", "", 1).isdigit():
        return _from_number(float(text), text)
    match = _TIME.fullmatch(text)
    try:
        return _from_match(match) if match else _packed(text)
    except ValueError:
        return None


def _from_number(number: float, text: str) -> datetime | None:
    if _SERIALS[0] <= number < _SERIALS[1]:
        return _EXCEL_EPOCH + timedelta(milliseconds=round(number * 86_400_000))
    packed = _packed(text.split(".")[0])
    if packed is not None:
        return packed
    for (low, high), scale in ((_SECONDS, 1.0), (_MILLISECONDS, 1000.0)):
        if low <= number < high:
            return datetime(1970, 1, 1, tzinfo=UTC) + timedelta(milliseconds=round(number / scale * 1000))
    return None


def _packed(text: str) -> datetime | None:
    """Digits only: yyyymmddHHMM with or without seconds, else yymmddHHMMSS."""
    for form in _PACKED:
        match = form.fullmatch(text)
        if match is None:
            continue
        year, month, day, hour, minute, second = (int(part or 0) for part in match.groups())
        year += 2000 if year < 100 else 0
        try:
            found = datetime(year, month, day, hour, minute, second)
        except ValueError:
            continue
        if _YEARS[0] <= year < _YEARS[1]:
            return found
    return None


def _from_match(match: re.Match[str]) -> datetime:
    hour, half = int(match[5]), (match[4] or match[9] or "").upper()
    if half in ("下午", "PM") and hour < 12:
        hour += 12
    if half in ("上午", "AM") and hour == 12:
        hour = 0
    micro = int((match[8] or "0").ljust(6, "0"))
    found = datetime(int(match[1]), int(match[2]), int(match[3]), hour, int(match[6]), int(match[7] or 0), micro)
    zone = (match[10] or "").upper()
    if not zone:
        return found
    if zone in ("Z", "UTC", "GMT"):
        return found.replace(tzinfo=UTC)
    digits = zone[1:].replace(":", "")
    offset = timedelta(hours=int(digits[:2]), minutes=int(digits[2:]))
    return found.replace(tzinfo=timezone(-offset if zone[0] == "-" else offset))


@dataclass
class Points:
    """Collects the points of one recording, in order."""

    lon: list[float] = field(default_factory=list)
    lat: list[float] = field(default_factory=list)
    time: list[datetime | None] = field(default_factory=list)
    segment: list[int] = field(default_factory=list)

    def add(self, lon: float, lat: float, time: datetime | None, segment: int) -> None:
        """One more point."""
        self.lon.append(lon)
        self.lat.append(lat)
        self.time.append(time)
        self.segment.append(segment)

    def track(self, *, unit_id: str, file: str, words: str, max_points: int, **more: Any) -> RawTrack:
        """The recording; raises InputError E504 for more than ``max_points``. ``more``: fields of RawTrack.

        Times with a zone become UTC. Where some have one and some not, those without are no times.
        """
        if len(self.lon) > max_points:
            raise refuse(file, f"{len(self.lon)}个点，超过{max_points}")
        believed = [time if time is not None and _YEARS[0] <= time.year < _YEARS[1] else None for time in self.time]
        zones = {time.tzinfo is not None for time in believed if time is not None}
        zoned = zones != {False}
        times = [
            np.datetime64("NaT", "ms") if time is None or (zoned and time.tzinfo is None) else _plain(time)
            for time in believed
        ]
        return RawTrack(
            unit_id=unit_id, file=file, words=words[:2000], lon=np.array(self.lon, dtype=np.float64),
            lat=np.array(self.lat, dtype=np.float64), time=np.array(times, dtype="datetime64[ms]"),
            segment=np.array(self.segment, dtype=np.int64), zoned=zoned, **more,
        )  # fmt: skip


def _plain(time: datetime) -> np.datetime64:
    return np.datetime64(time.astimezone(UTC).replace(tzinfo=None) if time.tzinfo else time, "ms")


def number(text: Any) -> float:
    """A coordinate as a number; NaN where it is none."""
    try:
        return float(str(text).strip())
    except ValueError:
        return float("nan")
