"""Dates as patrol ledgers write them: a closed interval of days and what was assumed, or why it cannot be read."""

from __future__ import annotations

import calendar
import re
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime

from pipeline.ledger.characters import arabic, plain
from pipeline.ledger.date_forms import INTERVAL, CellValue, Read, number_cell, text_cell
from pipeline.ledger.date_years import DateHints, Unreadable

_FAR_DAYS = 200
_LATE_DAYS = 31
# 2026年5月1日-31日, 2026.5.1至5.31, 20260501-0531: the first day is not the table's day
_SPAN = re.compile(r"日[-至到]|[至到]\d|-\d{1,2}日|\d-\d{1,2}[.月]|\d{8}-\d|\d{4}-\d{1,2}-\d{1,2}[-_]\d")


@dataclass(frozen=True)
class ReadDate:
    """Result of reading one cell: a closed interval, or ``problem``; ``rule`` names what was assumed, else empty."""

    start: date | None
    end: date | None
    rule: str = ""
    problem: str = ""
    complete: bool = False


def read_date(value: CellValue, hints: DateHints) -> ReadDate:
    """Read a date cell in any of the forms ledgers use.

    Typed dates, ``2026-05-03``, ``2026/5/3``, ``2026.5.3``, ``20260503``, ``26.5.3``, ``5月3日``, ``3日``,
    ``二〇二六年五月三日``, Excel serials, ranges (``5月3日-5日``, ``20260503-05``), lists (``5月3、5、8日``), months,
    ``5月上旬``, with weekday and time of day; ``同日`` and ``次日`` from the row above.
    A year that is not written is taken from the sheet's complete dates, else the title, else the window around
    ``hints.as_of``; ``rule`` says which, and whether a turn of the year was crossed or either year is possible.
    A complete date whose year contradicts both neighbours, or a neighbour and the title, is a slip that nobody should
    guess away: it gives ``problem``, as an impossible or implausible date does.
    """
    if isinstance(value, datetime):
        value = value.date()
    try:
        if isinstance(value, date):
            return _checked((value, value, "", True), hints)
        if isinstance(value, bool) or value is None:
            raise Unreadable("不是日期")
        if isinstance(value, int | float):
            return _checked(number_cell(float(value), hints), hints)
        return _checked(text_cell(value, hints), hints)
    except Unreadable as problem:
        return ReadDate(None, None, problem=str(problem))


def anchors_of(values: Iterable[CellValue], hints: DateHints) -> tuple[date, ...]:
    """The complete dates among a sheet's date cells, sorted: what decides years that other cells leave out."""
    found = {read.start for read in (read_date(value, hints) for value in values) if read.complete and read.start}
    return tuple(sorted(found))


def title_hint(texts: Iterable[str]) -> tuple[int | None, int | None]:
    """Year and month named by the first of some titles (title rows, sheet name, file name) that names a year.

    A month that it leaves out is taken from another title that names just one. Days of signing (填表日期) count last.
    """
    reduced = [arabic(plain(text)) for text in texts]
    reduced.sort(key=lambda text: bool(re.search("填表|填报|报送|制表|打印|上报", text)))
    year: int | None = None
    month: int | None = None
    for text in reduced:
        match = re.search(r"(20\d{2})年(?:度)?(?:(\d{1,2})月)?", text)
        match = match or re.search(r"(?<!\d)(20\d{2})[-_.]?(0[1-9]|1[0-2])(?!\d)", text)
        match = match or re.search(r"(?<!\d)(20\d{2})[-_.](\d{1,2})(?!\d)", text)
        if match:
            year, month = int(match[1]), int(match[2]) if match[2] else None
            break
    if year is not None and month is None:
        alone = {int(m) for text in reduced for m in re.findall(r"(?<!\d)(\d{1,2})月(?!\d)", text)}
        month = alone.pop() if len(alone) == 1 else None
    return year, month if month is None or 1 <= month <= 12 else None


def day_in_text(text: str, hints: DateHints) -> ReadDate | None:
    """The one complete day that a title, sheet name or file name states, None for none, several or a span of days."""
    reduced = arabic(plain(text))
    if _SPAN.search(reduced):
        return None
    found = re.findall(r"20\d{2}[-/.年_]\d{1,2}[-/.月_]\d{1,2}|(?<!\d)20\d{6}(?!\d)", reduced)
    reads = {read_date(part.replace("_", "-"), hints) for part in found}
    read = reads.pop() if len(reads) == 1 else None
    return read if read is not None and read.start is not None else None


def _checked(read: Read, hints: DateHints) -> ReadDate:
    start, end, rule, complete = read
    if end < start:
        return ReadDate(None, None, problem=f"止日{end}早于起日{start}")
    if start < hints.earliest or end > hints.latest:
        return ReadDate(None, None, problem=f"日期{start}不在{hints.earliest}至{hints.latest}之内")
    if start == end and complete and (mended := _year_mended(start, hints)):
        return ReadDate(None, None, problem=f"{start}与上下行或标题的年份不符，疑为{mended}，请核实年份")
    if start > hints.as_of and _beyond_its_ledger(start, hints):
        return ReadDate(None, None, problem=f"{start}还没有到，与标题或上下行的月份不符，请核实")
    if start != end and not rule:
        rule = INTERVAL
    return ReadDate(start, end, rule, "", complete)


def _beyond_its_ledger(day: date, hints: DateHints) -> bool:
    """True for a day long after the month that the title states, or after both neighbours where it states none."""
    if hints.year is not None and hints.month is not None:
        end = date(hints.year, hints.month, calendar.monthrange(hints.year, hints.month)[1])
        return (day - end).days > _LATE_DAYS
    near = [other for other in (hints.before, hints.after) if other is not None]
    return len(near) == 2 and all((day - other).days > _LATE_DAYS for other in near)


def _year_mended(day: date, hints: DateHints) -> date | None:
    """The day in the year that both neighbours (or one and the title) prove, None when the written year can stand."""
    near = [other for other in (hints.before, hints.after) if other is not None]
    if not near or any(abs((day - other).days) <= _FAR_DAYS for other in near) or day.year == hints.year:
        return None
    year = near[0].year
    if not 1 <= day.day <= calendar.monthrange(year, day.month)[1]:
        return None
    other = day.replace(year=year)
    if hints.before is not None and hints.after is not None and hints.before <= other <= hints.after:
        return other if (hints.after - hints.before).days <= _FAR_DAYS else None
    return other if (year, day.month) == (hints.year, hints.month) else None
