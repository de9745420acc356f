"""Dates as patrol ledgers write them: a closed interval of days and what was assumed, or why it cannot be read.

General date libraries fail on 20260503, 5月3日, 二〇二六年五月三日 and Excel serials, so the forms are listed here.
"""

from __future__ import annotations

import calendar
import re
import unicodedata
from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta

from pipeline.ledger.characters import simplified

CellValue = str | int | float | bool | date | datetime | None

EXCEL_SERIAL = "Excel日期序号"
EXCEL_SERIAL_1904 = "Excel日期序号（1904起算）"
TWO_DIGIT_YEAR = "两位年份"
YEAR_FROM_SHEET = "年份取自表内其他日期"
YEAR_FROM_TITLE = "年份取自标题"
YEAR_FROM_AS_OF = "年份取最近"
ACROSS_YEARS = "，跨年"
EITHER_YEAR = "，前后两年皆可能"
INTERVAL = "日期区间"
SEVERAL_DAYS = "多日合写"
ABOUT = "约数前后各三日"
SAME_DAY, NEXT_DAY = "与上一行同日", "上一行次日"
MONTH_FIRST, DAY_FIRST = "月在前的日期", "日在前的日期"
DAY_BY_NEIGHBOURS, TRAILING_ZERO = "数字日期按上下行判定", "数字日期末位零不明"

_EXCEL_ZERO, _EXCEL_ZERO_1904 = date(1899, 12, 30), date(1904, 1, 1)
_SERIALS = range(20000, 80000)
_DIGITS = {
    "〇": "0", "零": "0", "○": "0", "一": "1", "二": "2", "两": "2", "三": "3", "四": "4", "五": "5", "六": "6",
    "七": "7", "八": "8", "九": "9",
}  # fmt: skip
_NUMERAL = "〇零○一二两三四五六七八九十廿卅"
_JOIN = r"(?:-|~|至|到|、|,|和|及)"
_CLOCK = r"\d{1,2}\s*(?:[:时点]\s*(?:\d{1,2}|半|整)|[时点])(?:\s*[:分]\s*\d{1,2}(?:\.\d+)?秒?)?\s*分?(?:\s*[AP]M)?"
_WHEN_OF_DAY = re.compile(
    r"[(\[]?(?:星期|周|礼拜)\s*[一二三四五六日天末](?:[)\]]|(?!月))|[(\[][一二三四五六日][)\]]|"
    rf"(?:(?<=[\d日])T|(?<=[\sT日午晚晨上间(-])|(?<=[至到])){_CLOCK}(?:Z|[+]\d\d:\d\d)?|"
    r"上午|下午|中午|早上|早晨|傍晚|晚上|夜间|凌晨|全天|白天|晚$",
    re.IGNORECASE,
)
_DAYS = re.compile(
    r"(?:(?P<y>\d{4}|\d{2})[-/.年])?(?P<m>\d{1,2})[-/.月](?P<d>\d{1,2})日?"
    rf"(?:{_JOIN}(?:(?:(?P<y2>\d{{4}}|\d{{2}}(?=年))[-/.年])?(?P<m2>\d{{1,2}})[-/.月])?(?P<d2>\d{{1,2}})日?)?"
)
_COMPACT = re.compile(rf"(?P<a>\d{{8}})日?(?:{_JOIN}(?P<b>\d{{8}}|\d{{4}}|\d{{2}})日?)?")
_PART_NAMES = "上旬|中旬|下旬|上中旬|中下旬|上半月|下半月|初|中|底|末"
_MONTH = re.compile(rf"(?:(?P<y>\d{{4}}|\d{{2}}(?=年))[年/.-])?(?:(?P<m>\d{{1,2}})|本)?月份?(?P<part>{_PART_NAMES})?")
_PART_ALONE = re.compile(r"(?P<part>上旬|中旬|下旬|上中旬|中下旬|上半月|下半月)")
_ISO_MONTH = re.compile(r"(?P<y>(?:19|20)\d{2})(?P<s>[-/.年]?)(?P<m>\d{1,2})")
# 3-5日 are days: nobody writes a month with a dash before 日
_DAY_ONLY = re.compile(rf"(?P<d>\d{{1,2}})日?(?:{_JOIN}(?P<d2>\d{{1,2}}))?日")
_LISTED_DAY = re.compile(r"(?:(?:(?P<y>\d{4})[-/.年])?(?P<m>\d{1,2})[-/.月])?(?P<d>\d{1,2})日?")
_YEAR_LAST = re.compile(r"(?P<a>\d{1,2})[-/.](?P<b>\d{1,2})[-/.](?P<y>\d{4})")
_NAMED_MONTH = re.compile(r"(?P<d>\d{1,2})[-/. ]?(?P<m>[A-Z]{3})[A-Z]*[-/., ]*(?P<y>\d{4}|\d{2})")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ABOUT = re.compile(r"^(?:大?约|大概)|(?:左右|前后)$")
_ABOUT_DAYS = 3
_PARTS = {
    "上旬": (1, 10), "初": (1, 10), "中旬": (11, 20), "中": (11, 20), "下旬": (21, 31), "底": (21, 31), "末": (21, 31),
    "上中旬": (1, 20), "中下旬": (11, 31), "上半月": (1, 15), "下半月": (16, 31),
}  # fmt: skip
_SAME_AS_ABOVE = {"同日": 0, "当日": 0, "当天": 0, "同一天": 0, "同天": 0, "次日": 1, "第二天": 1, "翌日": 1}
_OF_AN_UNKNOWN_DAY = ("昨日", "昨天", "今日", "今天", "前天", "前日", "明天", "近日", "近期", "日前", "不详", "不明")
_WINDOW_BEFORE_DAYS, _WINDOW_AFTER_DAYS = 275, 90
_CLEAR_MARGIN_DAYS = 60
_FAR_DAYS = 200

_Read = tuple[date, date, str, bool]


@dataclass(frozen=True)
class DateHints:
    """What decides a year or month that a cell leaves out.

    ``anchors``: complete dates of the same sheet; ``year``/``month``: named by title, sheet or file;
    ``as_of``: the day the ledger is read for. Dates before ``earliest`` or after ``latest`` are implausible.
    ``above``: the interval of the row above; ``before``/``after``: the nearest complete dates above and below;
    ``serials_from_1904``: the workbook counts its serial days from 1904-01-01.
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
    """Text with full-width and traditional forms, long dashes and all blanks reduced, for parsing only."""
    return re.sub(r"\s+", "", _folded(text))


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
            raise _Unreadable("不是日期")
        if isinstance(value, int | float):
            return _checked(_number_cell(float(value), hints), hints)
        return _checked(_text_cell(value, hints), hints)
    except _Unreadable as problem:
        return ReadDate(None, None, problem=str(problem))


def anchors_of(values: Iterable[CellValue], hints: DateHints) -> tuple[date, ...]:
    """The complete dates among a sheet's date cells, sorted: what decides years that other cells leave out."""
    found = {read.start for read in (read_date(value, hints) for value in values) if read.complete and read.start}
    return tuple(sorted(found))


def title_hint(texts: Iterable[str]) -> tuple[int | None, int | None]:
    """Year and month named by the first of some titles (title rows, sheet name, file name) that names a year.

    A month that it leaves out is taken from another title that names just one. Days of signing (填表日期) count last.
    """
    folded = [_arabic(plain(text)) for text in texts]
    folded.sort(key=lambda text: bool(re.search("填表|填报|报送|制表|打印|上报", text)))
    year: int | None = None
    month: int | None = None
    for text in folded:
        match = re.search(r"(20\d{2})年(?:度)?(?:(\d{1,2})月)?", text)
        match = match or re.search(r"(?<!\d)(20\d{2})[-_.]?(0[1-9]|1[0-2])(?!\d)", text)
        match = match or re.search(r"(?<!\d)(20\d{2})[-_.](\d{1,2})(?!\d)", text)
        if match:
            year, month = int(match[1]), int(match[2]) if match[2] else None
            break
    if year is not None and month is None:
        alone = {int(m) for text in folded for m in re.findall(r"(?<!\d)(\d{1,2})月(?!\d)", text)}
        month = alone.pop() if len(alone) == 1 else None
    return year, month if month is None or 1 <= month <= 12 else None


def day_in_text(text: str, hints: DateHints) -> ReadDate | None:
    """The one complete day that a title, sheet name or file name states, None for none or several."""
    folded = _arabic(plain(text))
    found = re.findall(r"20\d{2}[-/.年_]\d{1,2}[-/.月_]\d{1,2}|(?<!\d)20\d{6}(?!\d)", folded)
    reads = {read_date(part.replace("_", "-"), hints) for part in found}
    read = reads.pop() if len(reads) == 1 else None
    return read if read is not None and read.start is not None else None


def _folded(text: str) -> str:
    folded = simplified(unicodedata.normalize("NFKC", text))
    return re.sub(r"[‐-―−﹣~～]+", "-", folded).replace("号", "日")


def _checked(read: _Read, hints: DateHints) -> ReadDate:
    start, end, rule, complete = read
    if end < start:
        return ReadDate(None, None, problem=f"止日{end}早于起日{start}")
    if start < hints.earliest or end > hints.latest:
        return ReadDate(None, None, problem=f"日期{start}不在{hints.earliest}至{hints.latest}之内")
    if start == end and complete and (mended := _year_mended(start, hints)):
        return ReadDate(None, None, problem=f"{start}与上下行或标题的年份不符，疑为{mended}，请核实年份")
    if start != end and not rule:
        rule = INTERVAL
    return ReadDate(start, end, rule, "", complete)


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


def _number_cell(value: float, hints: DateHints) -> _Read:
    if value == int(value) and 19000101 <= value <= 29991231:
        return _text_cell(str(int(value)), hints)
    if int(value) in _SERIALS:
        zero, rule = (_EXCEL_ZERO_1904, EXCEL_SERIAL_1904) if hints.serials_from_1904 else (_EXCEL_ZERO, EXCEL_SERIAL)
        day = zero + timedelta(days=int(value))
        return day, day, rule, True
    if value == int(value) and (200001 <= value <= 209912 or 100101 <= value <= 991231):
        return _text_cell(str(int(value)), hints)
    if 1 < value < 13 and value != int(value) and abs(value * 100 - round(value * 100)) < 1e-6:
        return _month_and_day_number(value, hints)
    raise _Unreadable(f"数字{value:g}不是日期，请写成2026-05-03")


def _month_and_day_number(value: float, hints: DateHints) -> _Read:
    """A number such as 5.12 that means 5月12日; 5.1 may be the first or, with its zero lost, the tenth."""
    month, digits = f"{value:g}".split(".")
    start, rule = _with_year(int(month), int(digits), hints)
    if len(digits) == 2 or int(digits) > 3:
        return start, start, rule, False
    try:
        other, _ = _with_year(int(month), int(digits) * 10, hints)
    except _Unreadable:
        return start, start, rule, False
    known = [day for day in (hints.before, hints.after) if day is not None]
    lowest, highest = hints.before or date.min, hints.after or date.max
    fits = [day for day in (start, other) if lowest <= day <= highest]
    if known and len(fits) == 1:
        return fits[0], fits[0], DAY_BY_NEIGHBOURS, False
    return min(start, other), max(start, other), TRAILING_ZERO, False


def _text_cell(text: str, hints: DateHints) -> _Read:
    folded = re.sub(r"[(\[](?:农历|阴历|旧历)[^)\]]*[)\]]", "", _arabic(_folded(text)))
    folded = _WHEN_OF_DAY.sub(" ", " " + folded).strip()
    if "农历" in folded or "阴历" in folded:
        raise _Unreadable(f"“{text}”是农历，请写公历日期")
    spaced = re.sub(r"(?<=\d)\s+(?=\d)", "-", folded)
    compact = re.sub(r"\s+", "", spaced).strip("-,;。.、()至到_'\"").replace("\\", "/")
    if re.fullmatch(r"\d{4}[、,_]\d{1,2}[、,_]\d{1,2}日?", compact):
        compact = re.sub("[、,_]", "-", compact)
    if _ABOUT.search(compact):
        start, end, rule, _ = _compact_text(_ABOUT.sub("", compact), text, hints)
        around = timedelta(days=_ABOUT_DAYS)
        return start - around, end + around, f"{rule}；{ABOUT}" if rule else ABOUT, False
    return _compact_text(compact, text, hints)


def _compact_text(compact: str, text: str, hints: DateHints) -> _Read:
    if compact in _SAME_AS_ABOVE:
        return _like_above(compact, text, hints)
    if re.fullmatch(r"\d{5}(?:\.\d+)?", compact):
        return _number_cell(float(compact), hints)
    if match := _ISO_MONTH.fullmatch(compact):
        if match["s"] or len(match["m"]) == 2:
            year, month = int(match["y"]), int(match["m"])
            return _day(year, month, 1), _month_end(year, month), INTERVAL, False
    forms: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str], DateHints], _Read]]] = (
        (_COMPACT, _compact), (_DAY_ONLY, _day_only), (_DAYS, _days), (_MONTH, _month_part),
        (_PART_ALONE, _month_part), (_YEAR_LAST, _year_last), (_NAMED_MONTH, _named_month),
        (re.compile(r"\d{6,7}"), _few_digits), (re.compile(r"(?P<m>0\d|1[0-2])(?P<d>[0-3]\d)"), _month_day_digits),
    )  # fmt: skip
    for pattern, read in forms:
        if match := pattern.fullmatch(compact.upper()):
            return read(match, hints)
    if listed := _listed(compact, hints):
        return listed
    if any(word in compact for word in _OF_AN_UNKNOWN_DAY):
        raise _Unreadable(f"“{text}”没有写明是哪一天，请写成2026-05-03")
    raise _Unreadable(f"“{text}”不是能识别的日期，请写成2026-05-03")


def _like_above(word: str, text: str, hints: DateHints) -> _Read:
    if hints.above is None:
        raise _Unreadable(f"“{text}”之上没有可参照的日期")
    shift = timedelta(days=_SAME_AS_ABOVE[word])
    if shift:
        return hints.above[1] + shift, hints.above[1] + shift, NEXT_DAY, False
    return *hints.above, SAME_DAY, False


def _compact(match: re.Match[str], hints: DateHints) -> _Read:
    def day(digits: str) -> date:
        return _day(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))

    start, last = match["a"], match["b"] or ""
    end = start[: 8 - len(last)] + last
    return day(start), day(end), INTERVAL if end != start else "", True


def _few_digits(match: re.Match[str], hints: DateHints) -> _Read:
    """260503 (two-digit year) or 2026503 (a zero left out, where only one reading is a day)."""
    digits = match[0]
    if len(digits) == 6:
        day = _day(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
        return day, day, TWO_DIGIT_YEAR, True
    found = set()
    for cut in (5, 6):
        try:
            found.add(date(int(digits[:4]), int(digits[4:cut]), int(digits[cut:])))
        except ValueError:
            continue
    if len(found) != 1:
        raise _Unreadable(f"“{digits}”位数不对，请写成八位，如20260503")
    day = found.pop()
    return day, day, "七位数字日期", True


def _month_day_digits(match: re.Match[str], hints: DateHints) -> _Read:
    start, rule = _with_year(int(match["m"]), int(match["d"]), hints)
    return start, start, rule, False


def _year_last(match: re.Match[str], hints: DateHints) -> _Read:
    """5/13/2026 or 13/5/2026; where both orders are days, the title's month decides, else nothing does."""
    first, second, year = int(match["a"]), int(match["b"]), int(match["y"])
    if first <= 12 and second <= 12 and first != second:
        if hints.month not in (first, second):
            raise _Unreadable(f"“{match[0]}”分不清月和日，请写成2026-05-03")
        month_first = hints.month == first
    else:
        month_first = first <= 12
    day = _day(year, first, second) if month_first else _day(year, second, first)
    return day, day, MONTH_FIRST if month_first else DAY_FIRST, True


def _named_month(match: re.Match[str], hints: DateHints) -> _Read:
    if match["m"] not in _MONTHS:
        raise _Unreadable(f"“{match[0]}”不是能识别的日期，请写成2026-05-03")
    year = int(match["y"]) + (2000 if len(match["y"]) == 2 else 0)
    day = _day(year, _MONTHS.index(match["m"]) + 1, int(match["d"]))
    return day, day, TWO_DIGIT_YEAR if len(match["y"]) == 2 else "", True


def _days(match: re.Match[str], hints: DateHints) -> _Read:
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
    if match["y2"]:
        last_year = int(match["y2"]) + (2000 if len(match["y2"]) == 2 else 0)
    else:
        last_year = start.year + (1 if last_month < month else 0)
    if last_year != start.year and not match["y2"]:
        rule = f"{rule or INTERVAL}{ACROSS_YEARS}" if ACROSS_YEARS not in rule else rule
    return start, _day(last_year, last_month, int(match["d2"])), rule, bool(written)


def _month_part(match: re.Match[str], hints: DateHints) -> _Read:
    named = match.groupdict()
    if not named.get("m") and (hints.year is None or hints.month is None):
        raise _Unreadable(f"“{match[0]}”没有月份，标题也没有")
    month = int(named.get("m") or hints.month or 0)
    first, last = _PARTS.get(named.get("part") or "", (1, 31))
    if named.get("y"):
        year = int(named["y"]) + (2000 if len(named["y"]) == 2 else 0)
        start, rule = _day(year, month, first), INTERVAL
    elif named.get("m"):
        start, rule = _with_year(month, first, hints)
    else:
        start, rule = _day(hints.year or 0, month, first), "年月取自标题"
    end = _month_end(start.year, month)
    return start, min(end, date(start.year, month, last)) if last < 31 else end, rule, False


def _day_only(match: re.Match[str], hints: DateHints) -> _Read:
    if hints.year is None or hints.month is None:
        raise _Unreadable(f"“{match[0]}”没有月份，标题也没有")
    start = _day(hints.year, hints.month, int(match["d"]))
    end = _day(hints.year, hints.month, int(match["d2"])) if match["d2"] else start
    return start, end, YEAR_FROM_TITLE, False


def _listed(compact: str, hints: DateHints) -> _Read | None:
    """Several days written together, as the interval from the first to the last: 5月3、5、8日."""
    tokens = [_LISTED_DAY.fullmatch(token) for token in re.split("[、,和及;]", compact)]
    if len(tokens) < 2 or any(token is None for token in tokens):
        return None
    days: list[date] = []
    rule = ""
    for token in (token for token in tokens if token is not None):
        if not days and token["m"] is None:
            if hints.year is None or hints.month is None or not compact.endswith("日"):
                return None
            days, rule = [_day(hints.year, hints.month, int(token["d"]))], YEAR_FROM_TITLE
        elif not days and token["y"] is None:
            first, rule = _with_year(int(token["m"]), int(token["d"]), hints)
            days = [first]
        else:
            year = int(token["y"]) if token["y"] else days[-1].year
            days.append(_day(year, int(token["m"] or days[-1].month), int(token["d"])))
    if not days or sorted(days) != days:
        return None
    return days[0], days[-1], f"{SEVERAL_DAYS}；{rule}" if rule else SEVERAL_DAYS, False


def _with_year(month: int, day: int, hints: DateHints) -> tuple[date, str]:
    """The day in the most likely year: nearest to the anchors, else the title's, else near ``as_of``.

    The rule says when that year is another than the neighbours' or title's, and when the next best is about as near.
    """
    options = []
    for year in range(hints.earliest.year, hints.latest.year + 1):
        if 1 <= month <= 12 and 1 <= day <= calendar.monthrange(year, month)[1]:
            options.append(date(year, month, day))
    if not options:
        raise _Unreadable(f"没有{month}月{day}日这一天")
    if hints.anchors:
        chosen, rule = _nearest(options, hints.anchors, YEAR_FROM_SHEET)
        titled = next((option for option in options if option.year == hints.year), None)
        if EITHER_YEAR not in rule or titled is None:
            return chosen, rule
    if hints.year is not None and hints.month is not None:
        return _nearest(options, (date(hints.year, hints.month, 15),), YEAR_FROM_TITLE)
    if hints.year is not None:
        if month <= 2 and hints.above and hints.above[1].month >= 11 and hints.above[1].year == hints.year:
            return _day(hints.year + 1, month, day), YEAR_FROM_TITLE + ACROSS_YEARS
        return _day(hints.year, month, day), YEAR_FROM_TITLE
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
    text = re.sub(rf"[{_NUMERAL[:-3]}]{{2}}(?=年[{_NUMERAL}\d])", lambda m: "".join(_DIGITS[c] for c in m[0]), text)
    return re.sub(
        rf"(?<!周)(?<!星期)(?<!礼拜)[{_NUMERAL}]+(?=\s*(?:[月日时点分]|[-至到、,][{_NUMERAL}]+[日月、,]))",
        lambda m: str(_numeral(m[0])),
        text,
    )


def _numeral(text: str) -> int:
    """Value of a Chinese numeral up to 39, such as 二十三, 廿三, 十, 〇三; 99, no day or month, for nonsense."""
    text = text.replace("廿", "二十").replace("卅", "三十")
    tens, ten, ones = text.partition("十")
    if not ten:
        return int("".join(_DIGITS[char] for char in text))
    if "十" in ones:
        return 99
    return int("".join(_DIGITS[c] for c in tens) or 1) * 10 + int("".join(_DIGITS[c] for c in ones) or 0)
