"""Dates as patrol ledgers write them: a closed interval of days and what was assumed, or why it cannot be read.

General date libraries fail on 20260503, 5月3日, 二〇二六年五月三日 and Excel serials, so the forms are listed here.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date, datetime, timedelta

CellValue = str | int | float | bool | date | datetime | None

EXCEL_SERIAL = "Excel日期序号"
TWO_DIGIT_YEAR = "两位年份"
YEAR_FROM_SHEET = "年份取自表内其他日期"
YEAR_FROM_TITLE = "年份取自标题"
YEAR_FROM_AS_OF = "年份取最近"
INTERVAL = "日期区间"

_EXCEL_ZERO = date(1899, 12, 30)
_SERIALS = range(20000, 80000)
_DIGITS = {
    "〇": "0", "零": "0", "○": "0", "一": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5", "六": "6",
    "七": "7", "八": "8", "九": "9",
}  # fmt: skip
_NUMERAL = "〇零○一二两三四五六七八九十廿卅"
_JOIN = r"(?:-|~|至|到|、|,|和|及)"
_WHEN_OF_DAY = re.compile(
    r"[(\[]?(?:星期|周|礼拜)[一二三四五六日天][)\]]?|T?\d{1,2}[:时点]\d{1,2}(?:[:分]\d{1,2}秒?)?分?(?:\.\d+)?|"
    r"(?<=日)\d{1,2}[时点]|上午|下午|中午|早上|晚上|夜间|全天"
)
_DAYS = re.compile(
    r"(?:(?P<y>\d{4}|\d{2})[-/.年])?(?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?"
    rf"(?:{_JOIN}(?:(?:(?P<y2>\d{{4}})[-/.年])?(?P<m2>\d{{1,2}})[-/.月])?(?P<d2>\d{{1,2}})日?)?"
)
_COMPACT = re.compile(rf"(?P<a>\d{{8}})(?:{_JOIN}(?P<b>\d{{8}}|\d{{2}}))?")
_MONTH = re.compile(r"(?:(?P<y>\d{4})[年/.-])?(?P<m>\d{1,2})月份?(?P<part>上旬|中旬|下旬|初|中|底|末)?")
_ISO_MONTH = re.compile(r"(?P<y>\d{4})(?P<s>[-/.年]?)(?P<m>\d{1,2})")
_DAY_ONLY = re.compile(rf"(?P<d>\d{{1,2}})日(?:{_JOIN}(?P<d2>\d{{1,2}})日?)?")
_PARTS = {
    "上旬": (1, 10), "初": (1, 10), "中旬": (11, 20), "中": (11, 20), "下旬": (21, 31), "底": (21, 31), "末": (21, 31),
}  # fmt: skip
_WINDOW_BEFORE_DAYS, _WINDOW_AFTER_DAYS = 275, 90


@dataclass(frozen=True)
class DateHints:
    """What decides a year or month that a cell leaves out.

    ``anchors``: complete dates of the same sheet; ``year``/``month``: named by title, sheet or file;
    ``as_of``: the day the ledger is read for. Dates before ``earliest`` or after ``latest`` are implausible.
    """

    as_of: date
    earliest: date
    latest: date
    anchors: tuple[date, ...] = ()
    year: int | None = None
    month: int | None = None


@dataclass(frozen=True)
class ReadDate:
    """Result of reading one cell: a closed interval, or ``problem``; ``rule`` names what was assumed, else empty."""

    start: date | None
    end: date | None
    rule: str = ""
    problem: str = ""
    complete: bool = False


class _Unreadable(ValueError):
    """A date cell that means no day; the message says why."""


def plain(text: str) -> str:
    """Text with full-width forms, long dashes and all blanks reduced, for parsing only."""
    folded = unicodedata.normalize("NFKC", text)
    folded = re.sub(r"[‐-―−﹣~～]+", "-", folded).replace("号", "日")
    return re.sub(r"\s+", "", folded)


def read_date(value: CellValue, hints: DateHints) -> ReadDate:
    """Read a date cell in any of the forms ledgers use.

    Typed dates, ``2026-05-03``, ``2026/5/3``, ``2026.5.3``, ``20260503``, ``26.5.3``, ``5月3日``, ``3日``,
    ``二〇二六年五月三日``, Excel serials, ranges (``5月3日-5日``, ``20260503-05``), months, ``5月上旬``.
    A year that is not written is taken from the sheet's complete dates, else the title, else the window around
    ``hints.as_of``; ``rule`` says which. An impossible or implausible date gives ``problem``.
    """
    if isinstance(value, datetime):
        return _checked(value.date(), value.date(), "", True, hints)
    if isinstance(value, date):
        return _checked(value, value, "", True, hints)
    try:
        if isinstance(value, bool) or value is None:
            raise _Unreadable("不是日期")
        if isinstance(value, int | float):
            return _checked(*_number_cell(float(value), hints), hints)
        return _checked(*_text_cell(value, hints), hints)
    except _Unreadable as problem:
        return ReadDate(None, None, problem=str(problem))


def anchors_of(values: Iterable[CellValue], hints: DateHints) -> tuple[date, ...]:
    """The complete dates among a sheet's date cells, sorted: what decides years that other cells leave out."""
    found = {read.start for read in (read_date(value, hints) for value in values) if read.complete and read.start}
    return tuple(sorted(found))


def title_hint(texts: Iterable[str]) -> tuple[int | None, int | None]:
    """Year and month named by the first of some titles (title rows, sheet name, file name) that names a year."""
    for text in texts:
        match = re.search(r"(20\d{2})年(?:度)?(?:(\d{1,2})月)?", _arabic(plain(text)))
        match = match or re.search(r"(?<!\d)(20\d{2})[-_.]?(0[1-9]|1[0-2])(?!\d)", plain(text))
        if match:
            month = int(match[2]) if match[2] else None
            return int(match[1]), month if month is None or 1 <= month <= 12 else None
    return None, None


def _checked(start: date, end: date, rule: str, complete: bool, hints: DateHints) -> ReadDate:
    if end < start:
        return ReadDate(None, None, problem=f"止日{end}早于起日{start}")
    if start < hints.earliest or end > hints.latest:
        return ReadDate(None, None, problem=f"日期{start}不在{hints.earliest}至{hints.latest}之内")
    if start != end and not rule:
        rule = INTERVAL
    return ReadDate(start, end, rule, "", complete)


def _number_cell(value: float, hints: DateHints) -> tuple[date, date, str, bool]:
    if value == int(value) and 19000101 <= value <= 29991231:
        return _text_cell(str(int(value)), hints)
    if int(value) in _SERIALS:
        day = _EXCEL_ZERO + timedelta(days=int(value))
        return day, day, EXCEL_SERIAL, True
    if value == int(value) and 200001 <= value <= 209912:
        return _text_cell(str(int(value)), hints)
    raise _Unreadable(f"数字{value:g}不是日期，请写成2026-05-03")


def _text_cell(text: str, hints: DateHints) -> tuple[date, date, str, bool]:
    compact = _arabic(plain(text))
    compact = _WHEN_OF_DAY.sub("", compact).strip("-,;。.、()")
    if match := _COMPACT.fullmatch(compact):
        return _compact(match)
    if re.fullmatch(r"\d{5}(?:\.\d+)?", compact):
        return _number_cell(float(compact), hints)
    if (match := _ISO_MONTH.fullmatch(compact)) and (match["s"] or len(match["m"]) == 2):
        year, month = int(match["y"]), int(match["m"])
        return _day(year, month, 1), _month_end(year, month), INTERVAL, False
    if match := _DAYS.fullmatch(compact):
        return _days(match, hints)
    if match := _MONTH.fullmatch(compact):
        return _month_part(match, hints)
    if match := _DAY_ONLY.fullmatch(compact):
        if hints.year is None or hints.month is None:
            raise _Unreadable(f"“{text}”没有月份，标题也没有")
        start = _day(hints.year, hints.month, int(match["d"]))
        end = _day(hints.year, hints.month, int(match["d2"])) if match["d2"] else start
        return start, end, YEAR_FROM_TITLE, False
    raise _Unreadable(f"“{text}”不是能识别的日期，请写成2026-05-03")


def _compact(match: re.Match[str]) -> tuple[date, date, str, bool]:
    def day(digits: str) -> date:
        return _day(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))

    start, last = match["a"], match["b"] or ""
    end = start if not last else last if len(last) == 8 else start[:6] + last
    return day(start), day(end), INTERVAL if end != start else "", True


def _days(match: re.Match[str], hints: DateHints) -> tuple[date, date, str, bool]:
    month, day = int(match["m"]), int(match["d"])
    written = match["y"]
    if written:
        year, rule = (int(written), "") if len(written) == 4 else (2000 + int(written), TWO_DIGIT_YEAR)
        start = _day(year, month, day)
    else:
        start, rule = _with_year(month, day, hints)
    if not match["d2"]:
        return start, start, rule, bool(written)
    last_month = int(match["m2"] or month)
    last_year = int(match["y2"]) if match["y2"] else start.year + (1 if last_month < month else 0)
    return start, _day(last_year, last_month, int(match["d2"])), rule, bool(written)


def _month_part(match: re.Match[str], hints: DateHints) -> tuple[date, date, str, bool]:
    month = int(match["m"])
    first, last = _PARTS.get(match["part"] or "", (1, 31))
    if match["y"]:
        start, rule = _day(int(match["y"]), month, first), INTERVAL
    else:
        start, rule = _with_year(month, first, hints)
    end = _month_end(start.year, month)
    return start, min(end, date(start.year, month, last)) if last < 31 else end, rule, False


def _with_year(month: int, day: int, hints: DateHints) -> tuple[date, str]:
    """The day in the most likely year: nearest to the anchors, else the title's, else near ``as_of``."""
    options = []
    for year in range(hints.earliest.year, hints.latest.year + 1):
        if 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]:
            options.append(date(year, month, day))
    if not options:
        raise _Unreadable(f"没有{month}月{day}日这一天")
    if hints.anchors:
        return min(options, key=lambda o: (min(abs((o - a).days) for a in hints.anchors), o)), YEAR_FROM_SHEET
    if hints.year is not None and hints.month is not None:
        middle = date(hints.year, hints.month, 15)
        return min(options, key=lambda o: (abs((o - middle).days), o)), YEAR_FROM_TITLE
    if hints.year is not None:
        return _day(hints.year, month, day), YEAR_FROM_TITLE
    middle = hints.as_of + timedelta(days=(_WINDOW_AFTER_DAYS - _WINDOW_BEFORE_DAYS) // 2)
    return min(options, key=lambda o: (abs((o - middle).days), o)), YEAR_FROM_AS_OF


def _day(year: int, month: int, day: int) -> date:
    try:
        return date(year, month, day)
    except ValueError:
        raise _Unreadable(f"没有{year}年{month}月{day}日这一天") from None


def _month_end(year: int, month: int) -> date:
    if not 1 <= month <= 12:
        raise _Unreadable(f"没有{month}月")
    return _day(year, month, calendar.monthrange(year, month)[1])


def _arabic(text: str) -> str:
    """Chinese numerals before 年, 月 and 日 as digits: 二〇二六年五月二十三日 becomes 2026年5月23日."""
    text = re.sub(rf"[{_NUMERAL[:-3]}]{{4}}(?=年)", lambda m: "".join(_DIGITS[char] for char in m[0]), text)
    return re.sub(rf"[{_NUMERAL}]+(?=[月日])", lambda m: str(_numeral(m[0])), text)


def _numeral(text: str) -> int:
    """Value of a Chinese numeral up to 39, such as 二十三, 廿三, 十, 〇三; 99, no day or month, for nonsense."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = text.partition("十")
    if not ten:
        return int("".join(_DIGITS[char] for char in text))
    if "十" in ones:
        return 99
    return int("".join(_DIGITS[c] for c in tens) or 1) * 10 + int("".join(_DIGITS[c] for c in ones) or 0)
