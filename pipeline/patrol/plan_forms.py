"""A delivered patrol plan (责任区域、责任人员、巡查路线、时段、频率) as what was due: spans of days with visits per cell."""

from __future__ import annotations

import re
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

_NUMERALS = {word: number for number, word in enumerate("一二三四五六七八九十", start=1)} | {"两": 2}
_COUNT = r"(?P<count>\d+|[一二两三四五六七八九十])"
_EVERY = r"(?P<every>半年|半月|两周|季度|日|天|周|旬|月|季|年)"
_FORMS = (
    re.compile(rf"每?个?{_EVERY}(?:不少于|至少|巡查|不低于)*{_COUNT}次(?:以上)?"),
    re.compile(rf"{_COUNT}次(?:/|每){_EVERY}"),
)
_SAME = {"天": "日", "季度": "季"}


@dataclass(frozen=True)
class Frequency:
    """``times`` visits in every calendar span of the kind ``every`` (日 周 两周 旬 半月 月 季 半年 年)."""

    times: int
    every: str


@dataclass(frozen=True)
class PlanRow:
    """A row of a delivered plan with its cells and person found; ``file`` and ``row`` say where it stands."""

    file: str
    row: int
    unit_id: str
    cells: tuple[str, ...]
    person_id: str | None
    frequency: Frequency
    first: date
    last: date
    effective: date


@dataclass(frozen=True)
class Due:
    """Visits that a row requires of a cell between two days, both counting."""

    source: PlanRow
    cell_id: str
    first: date
    last: date
    times: int


def parse_frequency(text: str) -> Frequency:
    """Read 每周1次, 每月不少于两次, 2次/旬, 每季度一次 and the like; raises ValueError for anything else."""
    plain = re.sub(r"\s", "", text)
    for form in _FORMS:
        found = form.fullmatch(plain)
        if found is not None:
            count = found["count"]
            times = int(count) if count.isdigit() else _NUMERALS[count]
            if times > 0:
                return Frequency(times, _SAME.get(found["every"], found["every"]))
    raise ValueError("not a frequency")


def spans(every: str, first: date, last: date) -> list[tuple[date, date]]:
    """The whole spans of a kind between two days; what is cut off at either end is not due.

    Weeks are counted from ``first``, all other spans lie in the calendar.
    """
    if every in ("日", "周", "两周"):
        length = {"日": 1, "周": 7, "两周": 14}[every]
        starts = range(first.toordinal(), last.toordinal() - length + 2, length)
        return [(date.fromordinal(day), date.fromordinal(day + length - 1)) for day in starts]
    starts_at = {"旬": (1, 11, 21), "半月": (1, 16)}.get(every, (1,))
    months = {"季": (1, 4, 7, 10), "半年": (1, 7), "年": (1,)}.get(every, tuple(range(1, 13)))
    begins = [
        date(year, month, day) for year in range(first.year, last.year + 2) for month in months for day in starts_at
    ]
    pairs = [(one, following - timedelta(days=1)) for one, following in zip(begins, begins[1:], strict=False)]
    return [(start, end) for start, end in pairs if first <= start and end <= last]


def due_of(rows: Sequence[PlanRow]) -> list[Due]:
    """What was due by all rows, later versions in the place of earlier ones.

    A version is what one file says of one unit from one effective day to the last day it plans; in these days nothing
    of an earlier version is due, not even a span that began before: nobody is asked for the same visit twice.
    """
    versions: dict[tuple[str, date, str], date] = {}
    for row in rows:
        key = (row.unit_id, row.effective, row.file)
        versions[key] = max(versions.get(key, row.last), row.last)
    made = []
    for row in rows:
        later = [
            (effective, last)
            for (unit, effective, file), last in versions.items()
            if unit == row.unit_id and effective > row.effective and file != row.file
        ]
        first = max(row.first, row.effective)
        for start, end in spans(row.frequency.every, first, row.last):
            if not any(start <= last and end >= effective for effective, last in later):
                made += [Due(row, cell, start, end, row.frequency.times) for cell in row.cells]
    return made


def same_day_versions(rows: Sequence[PlanRow]) -> list[tuple[str, date, list[str]]]:
    """Units with several files in force from one day, with the files: which of them applies nobody has said."""
    files: dict[tuple[str, date], set[str]] = {}
    for row in rows:
        files.setdefault((row.unit_id, row.effective), set()).add(row.file)
    return [(unit, day, sorted(names)) for (unit, day), names in sorted(files.items()) if len(names) > 1]


def frequency_of(times: Sequence[int]) -> str:
    """The monthly frequency that a draft proposes for a cell that had ``times`` visits required in last year's months."""
    return f"每月{max(times, default=1)}次"
