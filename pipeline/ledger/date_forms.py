"""The written forms of a date in ledgers, each read into the closed interval of days it means.

General date libraries fail on 20260503, 5月3日, 二〇二六年五月三日 and Excel serials, so the forms are listed here.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from datetime import date, datetime, timedelta

from pipeline.ledger.characters import arabic, folded
from pipeline.ledger.date_years import (
    ACROSS_YEARS,
    YEAR_FROM_TITLE,
    DateHints,
    Unreadable,
    day_of,
    month_end,
    with_year,
)

CellValue = str | int | float | bool | date | datetime | None

EXCEL_SERIAL = "Excel日期序号"
EXCEL_SERIAL_1904 = "Excel日期序号（1904起算）"
TWO_DIGIT_YEAR = "两位年份"
INTERVAL = "日期区间"
SEVERAL_DAYS = "多日合写"
ABOUT = "约数前后各三日"
SAME_DAY, NEXT_DAY = "与上一行同日", "上一行次日"
MONTH_FROM_ABOVE, WORDS_BESIDE = "月份沿用上一行", "略去日期旁的文字"
MONTH_FIRST, DAY_FIRST = "月在前的日期", "日在前的日期"
DAY_BY_NEIGHBOURS, TRAILING_ZERO = "数字日期按上下行判定", "数字日期末位零不明"

_EXCEL_ZERO, _EXCEL_ZERO_1904 = date(1899, 12, 30), date(1904, 1, 1)
_SERIALS = range(20000, 80000)
_JOIN = r"(?:-|~|至|到|、|,|和|及)"
_CLOCK = r"\d{1,2}\s*(?:[:时点]\s*(?:\d{1,2}|半|整)|[时点])(?:\s*[:分]\s*\d{1,2}(?:\.\d+)?秒?)?\s*分?(?:\s*[AP]M)?"
_WHEN_OF_DAY = re.compile(
    r"[(\[]?(?:星期|周|礼拜)\s*[一二三四五六日天末](?:[)\]]|(?!月))|[(\[][一二三四五六日][)\]]|"
    rf"(?:(?<=[\d日])T|(?<=[\sT日午晚晨上间(-])|(?<=[至到])){_CLOCK}(?:Z|[+]\d\d:\d\d)?|"
    r"(?<=[\s\d日])[AP]\.?M\.?(?![A-Z])|上午|下午|中午|早上|早晨|傍晚|晚上|夜间|凌晨|全天|白天|晚$",
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
_NAMED_MONTH_FIRST = re.compile(r"(?P<m>[A-Z]{3})[A-Z]*[-/. ]?(?P<d>\d{1,2})(?:ST|ND|RD|TH)?[-/., ]+(?P<y>\d{4})")
_YEAR_NAMED_MONTH = re.compile(r"(?P<y>\d{4})[-/., ]?(?P<m>[A-Z]{3})[A-Z]*[-/. ]?(?P<d>\d{1,2})")
# hours and minutes without a colon behind a whole day; a blank never means "to"
_BARE_CLOCK = re.compile(r"(?<=\d|日)\s+(?:[01]\d|2[0-3])[0-5]\d(?:[0-5]\d)?$")
_MONTHS = ("JAN", "FEB", "MAR", "APR", "MAY", "JUN", "JUL", "AUG", "SEP", "OCT", "NOV", "DEC")
_ABOUT = re.compile(r"^(?:大?约|大概)|(?:左右|前后)$")
_ABOUT_DAYS = 3
CLOCK_ALONE = re.compile(rf"(?:上午|下午|中午|早上|晚上)?{_CLOCK}", re.IGNORECASE)
_PARTS = {
    "上旬": (1, 10), "初": (1, 10), "中旬": (11, 20), "中": (11, 20), "下旬": (21, 31), "底": (21, 31), "末": (21, 31),
    "上中旬": (1, 20), "中下旬": (11, 31), "上半月": (1, 15), "下半月": (16, 31),
}  # fmt: skip
_SAME_AS_ABOVE = {"同日": 0, "当日": 0, "当天": 0, "同一天": 0, "同天": 0, "次日": 1, "第二天": 1, "翌日": 1}
_OF_AN_UNKNOWN_DAY = ("昨日", "昨天", "今日", "今天", "前天", "前日", "明天", "近日", "近期", "日前", "不详", "不明")

Read = tuple[date, date, str, bool]
"""First and last day, what was assumed, and whether the day was written in full."""


def number_cell(value: float, hints: DateHints) -> Read:
    """A number as eight or six digits, as a serial day of the workbook, or as month and day."""
    if value == int(value) and 19000101 <= value <= 29991231:
        return text_cell(str(int(value)), hints)
    if int(value) in _SERIALS:
        zero, rule = (_EXCEL_ZERO_1904, EXCEL_SERIAL_1904) if hints.serials_from_1904 else (_EXCEL_ZERO, EXCEL_SERIAL)
        day = zero + timedelta(days=int(value))
        return day, day, rule, True
    if value == int(value) and (200001 <= value <= 209912 or 100101 <= value <= 991231):
        return text_cell(str(int(value)), hints)
    if value == int(value) and 1 <= value <= 31:
        return text_cell(str(int(value)), hints)
    if 1 < value < 13 and value != int(value) and abs(value * 100 - round(value * 100)) < 1e-6:
        return _month_and_day_number(value, hints)
    raise Unreadable(f"数字{value:g}不是日期，请写成2026-05-03")


def _month_and_day_number(value: float, hints: DateHints) -> Read:
    """A number such as 5.12 that means 5月12日; 5.1 may be the first or, with its zero lost, the tenth."""
    month, digits = f"{value:g}".split(".")
    start, rule = with_year(int(month), int(digits), hints)
    if len(digits) == 2 or int(digits) > 3:
        return start, start, rule, False
    try:
        other, _ = with_year(int(month), int(digits) * 10, hints)
    except Unreadable:
        return start, start, rule, False
    known = [day for day in (hints.before, hints.after) if day is not None]
    lowest, highest = hints.before or date.min, hints.after or date.max
    fits = [day for day in (start, other) if lowest <= day <= highest]
    if known and len(fits) == 1:
        return fits[0], fits[0], DAY_BY_NEIGHBOURS, False
    return min(start, other), max(start, other), TRAILING_ZERO, False


def text_cell(text: str, hints: DateHints) -> Read:
    """A text without weekday, clock and lunar day, about so or exact; raises Unreadable."""
    reduced = re.sub(r"[(\[](?:农历|阴历|旧历)[^)\]]*[)\]]", "", arabic(folded(text)))
    reduced = _WHEN_OF_DAY.sub(" ", " " + reduced).strip()
    if "农历" in reduced or "阴历" in reduced:
        raise Unreadable(f"“{text}”是农历，请写公历日期")
    if re.match(r"\d{8}\s|\d{4}[-/.年]\d{1,2}[-/.月]\d{1,2}日?\s", reduced):
        reduced = _BARE_CLOCK.sub("", reduced)
    if re.fullmatch(r"\d{8}\s+\d{1,7}", reduced):
        raise Unreadable(f"“{text}”不是能识别的日期，请写成2026-05-03")
    spaced = re.sub(r"(?<=\d)\s+(?=\d)", "-", reduced)
    spaced = re.sub(r"(?<=\d)\s*[。｡]\s*(?=\d)", ".", spaced)
    compact = re.sub(r"\s+", "", spaced).strip("-,;。.、()至到_'\"").replace("\\", "/")
    if re.fullmatch(r"\d{4}[、,_]\d{1,2}[、,_]\d{1,2}日?", compact):
        compact = re.sub("[、,_]", "-", compact)
    if _ABOUT.search(compact):
        start, end, rule, _ = _compact_text(_ABOUT.sub("", compact), text, hints)
        around = timedelta(days=_ABOUT_DAYS)
        return start - around, end + around, f"{rule}；{ABOUT}" if rule else ABOUT, False
    return _compact_text(compact, text, hints)


def _compact_text(compact: str, text: str, hints: DateHints) -> Read:
    if compact in _SAME_AS_ABOVE:
        return _like_above(compact, text, hints)
    if bare := re.fullmatch(r"(?P<d>\d{1,2})", compact):
        return _bare_day(bare, hints)
    if re.fullmatch(r"\d{5}(?:\.\d+)?", compact):
        return number_cell(float(compact), hints)
    if match := _ISO_MONTH.fullmatch(compact):
        if match["s"] or len(match["m"]) == 2:
            year, month = int(match["y"]), int(match["m"])
            return day_of(year, month, 1), month_end(year, month), INTERVAL, False
    forms: Sequence[tuple[re.Pattern[str], Callable[[re.Match[str], DateHints], Read]]] = (
        (_COMPACT, _compact), (_DAY_ONLY, _day_only), (_DAYS, _days), (_MONTH, _month_part),
        (_PART_ALONE, _month_part), (_YEAR_LAST, _year_last), (_NAMED_MONTH, _named_month),
        (_NAMED_MONTH_FIRST, _named_month), (_YEAR_NAMED_MONTH, _named_month),
        (re.compile(r"\d{6,7}"), _few_digits), (re.compile(r"(?P<m>0\d|1[0-2])(?P<d>[0-3]\d)"), _month_day_digits),
    )  # fmt: skip
    for pattern, read in forms:
        if match := pattern.fullmatch(compact.upper()):
            return read(match, hints)
    if listed := _listed(compact, hints):
        return listed
    alone = _without_words(compact, hints.beside)
    if alone != compact:
        start, end, rule, whole = _compact_text(alone, text, hints)
        return start, end, f"{rule}；{WORDS_BESIDE}" if rule else WORDS_BESIDE, whole
    if any(word in compact for word in _OF_AN_UNKNOWN_DAY):
        raise Unreadable(f"“{text}”没有写明是哪一天，请写成2026-05-03")
    raise Unreadable(f"“{text}”不是能识别的日期，请写成2026-05-03")


def _without_words(compact: str, beside: Sequence[str]) -> str:
    """The one day of a sentence such as 巡查日期:2026年5月4日 or 5月13日,第三次巡查; unchanged where more is said."""
    words = "|".join(sorted(map(re.escape, beside), key=lambda word: (-len(word), word)))
    if not words:
        return compact
    some = rf"(?:{words}|第[\d一二三四五六七八九十]+次|[,;:。()])*"
    whole = re.fullmatch(rf"{some}(?P<day>[\d年月日.\-/]+){some}", compact)
    return whole["day"] if whole and re.search(r"\d\D+\d|\d{8}", whole["day"]) else compact


def _like_above(word: str, text: str, hints: DateHints) -> Read:
    if hints.above is None:
        raise Unreadable(f"“{text}”之上没有可参照的日期")
    shift = timedelta(days=_SAME_AS_ABOVE[word])
    if shift:
        return hints.above[1] + shift, hints.above[1] + shift, NEXT_DAY, False
    return *hints.above, SAME_DAY, False


def _compact(match: re.Match[str], hints: DateHints) -> Read:
    def day(digits: str) -> date:
        return day_of(int(digits[:4]), int(digits[4:6]), int(digits[6:8]))

    start, last = match["a"], match["b"] or ""
    end = start[: 8 - len(last)] + last
    return day(start), day(end), INTERVAL if end != start else "", True


def _few_digits(match: re.Match[str], hints: DateHints) -> Read:
    """260503 (two-digit year) or 2026503 (a zero left out, where only one reading is a day)."""
    digits = match[0]
    if len(digits) == 6:
        day = day_of(2000 + int(digits[:2]), int(digits[2:4]), int(digits[4:]))
        return day, day, TWO_DIGIT_YEAR, True
    found = set()
    for cut in (5, 6):
        try:
            found.add(date(int(digits[:4]), int(digits[4:cut]), int(digits[cut:])))
        except ValueError:
            continue
    if len(found) != 1:
        raise Unreadable(f"“{digits}”位数不对，请写成八位，如20260503")
    day = found.pop()
    return day, day, "七位数字日期", True


def _month_day_digits(match: re.Match[str], hints: DateHints) -> Read:
    start, rule = with_year(int(match["m"]), int(match["d"]), hints)
    return start, start, rule, False


def _year_last(match: re.Match[str], hints: DateHints) -> Read:
    """5/13/2026 or 13/5/2026; where both orders are days, the title's month decides, else nothing does."""
    first, second, year = int(match["a"]), int(match["b"]), int(match["y"])
    if first <= 12 and second <= 12 and first != second:
        if hints.month not in (first, second):
            raise Unreadable(f"“{match[0]}”分不清月和日，请写成2026-05-03")
        month_first = hints.month == first
    else:
        month_first = first <= 12
    day = day_of(year, first, second) if month_first else day_of(year, second, first)
    return day, day, MONTH_FIRST if month_first else DAY_FIRST, True


def _named_month(match: re.Match[str], hints: DateHints) -> Read:
    if match["m"] not in _MONTHS:
        raise Unreadable(f"“{match[0]}”不是能识别的日期，请写成2026-05-03")
    year = int(match["y"]) + (2000 if len(match["y"]) == 2 else 0)
    day = day_of(year, _MONTHS.index(match["m"]) + 1, int(match["d"]))
    return day, day, TWO_DIGIT_YEAR if len(match["y"]) == 2 else "", True


def _days(match: re.Match[str], hints: DateHints) -> Read:
    month, day = int(match["m"]), int(match["d"])
    written = match["y"]
    if written:
        year, rule = (int(written), "") if len(written) == 4 else (2000 + int(written), TWO_DIGIT_YEAR)
        start = day_of(year, month, day)
    else:
        start, rule = with_year(month, day, hints)
    if not match["d2"]:
        return start, start, rule, bool(written)
    last_month = int(match["m2"] or month)
    if match["y2"]:
        last_year = int(match["y2"]) + (2000 if len(match["y2"]) == 2 else 0)
    else:
        last_year = start.year + (1 if last_month < month else 0)
    if last_year != start.year and not match["y2"]:
        rule = f"{rule or INTERVAL}{ACROSS_YEARS}" if ACROSS_YEARS not in rule else rule
    return start, day_of(last_year, last_month, int(match["d2"])), rule, bool(written)


def _month_part(match: re.Match[str], hints: DateHints) -> Read:
    named = match.groupdict()
    if not named.get("m") and (hints.year is None or hints.month is None):
        raise Unreadable(f"“{match[0]}”没有月份，标题也没有")
    month = int(named.get("m") or hints.month or 0)
    first, last = _PARTS.get(named.get("part") or "", (1, 31))
    if named.get("y"):
        year = int(named["y"]) + (2000 if len(named["y"]) == 2 else 0)
        start, rule = day_of(year, month, first), INTERVAL
    elif named.get("m"):
        start, rule = with_year(month, first, hints)
    else:
        start, rule = day_of(hints.year or 0, month, first), "年月取自标题"
    end = month_end(start.year, month)
    return start, min(end, date(start.year, month, last)) if last < 31 else end, rule, False


def _day_only(match: re.Match[str], hints: DateHints) -> Read:
    year, month, rule = _month_of_days(int(match["d"]), match[0], hints)
    start = day_of(year, month, int(match["d"]))
    end = day_of(year, month, int(match["d2"])) if match["d2"] else start
    return start, end, rule, False


def _bare_day(match: re.Match[str], hints: DateHints) -> Read:
    """A number alone below a date of the same month, in the order of days."""
    if hints.above is None or int(match["d"]) < hints.above[1].day:
        raise Unreadable(f"“{match[0]}”不是能识别的日期，请写成2026-05-03")
    year, month, _ = _month_of_days(int(match["d"]), match[0], hints)
    start = day_of(year, month, int(match["d"]))
    return start, start, MONTH_FROM_ABOVE, False


def _month_of_days(day: int, text: str, hints: DateHints) -> tuple[int, int, str]:
    """Year and month of a day written alone: the title's, else the row above's, as long as days only go on."""
    above = None if hints.above is None else hints.above[1]
    if hints.year is not None and hints.month is not None:
        if above is not None and (above.year, above.month) > (hints.year, hints.month):
            raise Unreadable(f"“{text}”没有月份，上一行已是{above.month}月，标题是{hints.month}月")
        return hints.year, hints.month, YEAR_FROM_TITLE
    if above is None or day < above.day:
        raise Unreadable(f"“{text}”没有月份，标题也没有")
    return above.year, above.month, MONTH_FROM_ABOVE


def _listed(compact: str, hints: DateHints) -> Read | None:
    """Several days written together, as the interval from the first to the last: 5月3、5、8日."""
    days, rule = _days_listed(compact, hints)
    if not days or sorted(days) != days:
        return None
    return days[0], days[-1], f"{SEVERAL_DAYS}；{rule}" if rule else SEVERAL_DAYS, False


def several_days(text: str, hints: DateHints) -> tuple[date, ...]:
    """Each day of a list such as 5月3日、8日、15日, in order; empty for one day or a range. Raises Unreadable."""
    compact = re.sub(r"\s+", "", _WHEN_OF_DAY.sub(" ", " " + arabic(folded(text))))
    days, _ = _days_listed(compact, hints)
    return tuple(days) if sorted(set(days)) == days else ()


def _days_listed(compact: str, hints: DateHints) -> tuple[list[date], str]:
    """The days of a list and what was assumed of the first; no days where it is none."""
    tokens = [_LISTED_DAY.fullmatch(token) for token in re.split("[、,和及;]", compact)]
    if len(tokens) < 2 or any(token is None for token in tokens):
        return [], ""
    days: list[date] = []
    rule = ""
    for token in (token for token in tokens if token is not None):
        if not days and token["m"] is None:
            if hints.year is None or hints.month is None or not compact.endswith("日"):
                return [], ""
            days, rule = [day_of(hints.year, hints.month, int(token["d"]))], YEAR_FROM_TITLE
        elif not days and token["y"] is None:
            first, rule = with_year(int(token["m"]), int(token["d"]), hints)
            days = [first]
        else:
            year = int(token["y"]) if token["y"] else days[-1].year
            days.append(day_of(year, int(token["m"] or days[-1].month), int(token["d"])))
    return days, rule
