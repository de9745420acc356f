"""The year that a date leaves out: by the sheet's other dates, the title, the day the ledger is read for."""

from __future__ import annotations

import calendar
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta

YEAR_FROM_SHEET = "年份取自表内其他日期"
YEAR_FROM_TITLE = "年份取自标题"
YEAR_FROM_AS_OF = "年份取最近"
ACROSS_YEARS = "，跨年"
EITHER_YEAR = "，前后两年皆可能"
_WINDOW_BEFORE_DAYS, _WINDOW_AFTER_DAYS = 275, 90
_CLEAR_MARGIN_DAYS = 60


@dataclass(frozen=True)
class DateHints:
    """What decides a year or month that a cell leaves out.

    ``anchors``: complete dates of the same sheet; ``year``/``month``: named by title, sheet or file;
    ``as_of``: the day the ledger is read for. Dates before ``earliest`` or after ``latest`` are implausible.
    ``above``: the interval of the row above; ``before``/``after``: the nearest complete dates above and below;
    ``serials_from_1904``: the workbook counts its serial days from 1904-01-01. ``beside``: words that may stand beside a
    day and change nothing of it.
    """

    as_of: date
    earliest: date
    latest: date
    anchors: tuple[date, ...] = ()
    year: int | None = None
    month: int | None = None
    above: tuple[date, date] | None = None
    before: date | None = None
    after: date | None = None
    serials_from_1904: bool = False
    beside: tuple[str, ...] = ()


class Unreadable(ValueError):
    """A date cell that means no day; the message says why."""


def with_year(month: int, day: int, hints: DateHints) -> tuple[date, str]:
    """The day in the most likely year: nearest to the anchors, else the title's, else near ``as_of``.

    The rule says when that year is another than the neighbours' or title's, and when the next best is about as near.
    """
    options = []
    for year in range(hints.earliest.year, hints.latest.year + 1):
        if 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]:
            options.append(date(year, month, day))
    if not options:
        raise Unreadable(f"没有{month}月{day}日这一天")
    if hints.anchors:
        chosen, rule = _nearest(options, hints.anchors, YEAR_FROM_SHEET)
        titled = next((option for option in options if option.year == hints.year), None)
        if EITHER_YEAR not in rule or titled is None:
            return chosen, rule
    if hints.year is not None and hints.month is not None:
        return _nearest(options, (date(hints.year, hints.month, 15),), YEAR_FROM_TITLE)
    if hints.year is not None:
        if month <= 2 and hints.above and hints.above[1].month >= 11 and hints.above[1].year == hints.year:
            return day_of(hints.year + 1, month, day), YEAR_FROM_TITLE + ACROSS_YEARS
        return day_of(hints.year, month, day), YEAR_FROM_TITLE
    middle = hints.as_of + timedelta(days=(_WINDOW_AFTER_DAYS - _WINDOW_BEFORE_DAYS) // 2)
    chosen, rule = _nearest(options, (middle,), YEAR_FROM_AS_OF)
    across = chosen.year != hints.as_of.year and ACROSS_YEARS not in rule
    return chosen, rule + ACROSS_YEARS if across else rule


def _nearest(options: Sequence[date], references: Sequence[date], rule: str) -> tuple[date, str]:
    """The option nearest to any reference, with the rule and what makes it less than sure."""
    ranked = sorted((min(abs((o - r).days) for r in references), o) for o in options)
    away, chosen = ranked[0]
    if chosen.year not in {r.year for r in references}:
        rule += ACROSS_YEARS
    if len(ranked) > 1 and ranked[1][0] - away < _CLEAR_MARGIN_DAYS:
        rule += EITHER_YEAR
    return chosen, rule


def day_of(year: int, month: int, day: int) -> date:
    """The day, or Unreadable where no calendar has it."""
    try:
        return date(year, month, day)
    except ValueError:
        raise Unreadable(f"没有{year}年{month}月{day}日这一天") from None


def month_end(year: int, month: int) -> date:
    """The last day of a month, or Unreadable for a month that is none."""
    if not 1 <= month <= 12:
        raise Unreadable(f"没有{month}月")
    return day_of(year, month, calendar.monthrange(year, month)[1])
