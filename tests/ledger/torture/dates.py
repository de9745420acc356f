"""Dates in every form that people write."""

from __future__ import annotations

from datetime import date, datetime
from typing import Any

from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from tests.ledger.torture.case import UNIT, Case, Files, Finding
from tests.ledger.torture.kit import FIELDS, book, fixture, found, nothing, xlsx

PLACE = "王家村东500米"
MAY = ("青石镇2026年5月动态巡查台账",)


def _one(on: Any, *, title: str | None = MAY[0], file: str = "五月台账.xlsx", sheet: str = "台账") -> Files:
    heading = [[title]] if title else []
    return {f"{UNIT}/{file}": xlsx(found(on, "张三", PLACE), title=heading, sheet=sheet)}


def _form(name: str, hard: str, written: Any, on: str | None, **more: Any) -> Case:
    return Case(name, hard, lambda: _one(written, **more), (Finding(on, "张三", PLACE),))


def _serials_1904() -> Files:
    def mac(workbook: Workbook) -> None:
        workbook.epoch = CALENDAR_MAC_1904
        workbook.worksheets[0]["A2"] = date(2026, 5, 3)

    return {f"{UNIT}/苹果电脑.xlsx": book({"台账": [FIELDS, found(None, "张三", PLACE)]}, mac)}


def _serial_as_number() -> Files:
    def plain(workbook: Workbook) -> None:
        workbook.worksheets[0]["A2"].number_format = "General"

    return {f"{UNIT}/台账.xlsx": book({"台账": [FIELDS, found(46145, "张三", PLACE)]}, plain)}


def _filled_down() -> Files:
    rows = [found("5月3日", "张三", PLACE), found(None, "李四", "李庄村西"), found("5月6日", "赵六", "张湾村南")]
    return {f"{UNIT}/台账.xlsx": xlsx(*rows, title=[MAY])}


def _merged_day() -> Files:
    rows = [MAY, FIELDS, found("5月3日", "张三", PLACE), found(None, "李四", "李庄村西"), nothing("5月4日")]
    return {f"{UNIT}/台账.xlsx": book({"台账": rows}, merge=["A1:J1", "A3:A4"])}


def _year_turn() -> Files:
    rows = [found("12月29日", "张三", PLACE), nothing("12月31日"), found("1月3日", "李四", "李庄村西")]
    return {f"{UNIT}/冬季.xlsx": xlsx(*rows, title=[["青石镇巡查台账（2025年12月—2026年1月）"]])}


def _sheets_name_months() -> Files:
    sheets = {
        "2026年4月": [FIELDS, found("28日", "张三", PLACE)],
        "2026年5月": [FIELDS, found("3日", "李四", "李庄村西")],
    }
    return {f"{UNIT}/台账.xlsx": book(sheets)}


def _split_columns() -> Files:
    head = ["年", "月", "日", *FIELDS[1:]]
    return {f"{UNIT}/台账.xlsx": xlsx([2026, 5, 3, *found("", "张三", PLACE)[1:]], head=head)}


def _bad_days() -> Files:
    rows = [found("2月30日", "张三", PLACE), found("13月5日", "李四", "李庄村西"), found("5月8日", "赵六", "张湾村南")]
    return {f"{UNIT}/台账.xlsx": xlsx(*rows, title=[MAY])}


def _future() -> Files:
    rows = [found("2026-09-12", "张三", PLACE), found("2026-05-12", "李四", "李庄村西"), nothing("2062-05-13")]
    return {f"{UNIT}/台账.xlsx": xlsx(*rows, title=[MAY])}


def _wrong_year() -> Files:
    rows = [nothing("2026-05-02"), found("2025-05-03", "张三", PLACE), nothing("2026-05-04")]
    return {f"{UNIT}/台账.xlsx": xlsx(*rows, title=[MAY])}


def _no_date() -> Files:
    rows = [found(None, "张三", PLACE), found("近日", "李四", "李庄村西"), found("5月6日", "赵六", "张湾村南")]
    return {f"{UNIT}/台账.xlsx": xlsx(*rows, title=[MAY])}


def _mixed() -> Files:
    written = ["2026.5.3", "2026/05/04", "26-5-5", "2026 05 06", "05/07/2026", "5.8", "2026年5月9号", "2026-5-10 9:30"]
    return {f"{UNIT}/台账.xlsx": xlsx(*(nothing(on) for on in written), title=[MAY])}


CASES = (
    _form("date-eight-digits", "eight digits as a number", 20260503, "2026-05-03"),
    _form("date-eight-digits-text", "eight digits as text with a trailing blank", "20260503 ", "2026-05-03"),
    _form("date-chinese-numerals", "二〇二六年五月三日", "二〇二六年五月三日", "2026-05-03"),
    _form("date-chinese-zero", "二零二六年五月二十三日 with 零 for 〇", "二零二六年五月二十三日", "2026-05-23"),
    _form("date-circle-zero", "二○二六年五月三十日 with a drawn circle for zero", "二○二六年五月三十日", "2026-05-30"),
    _form("date-cell", "a true date cell with a time of day", datetime(2026, 5, 3, 9, 30), "2026-05-03"),
    _form("date-no-year-title", "5月3日; the year stands in the title only", "5月3日", "2026-05-03"),
    _form(
        "date-no-year-file",
        "5.3; the year stands in the file's name only",
        "5.3",
        "2026-05-03",
        title=None,
        file="2026年5月巡查台账.xlsx",
    ),
    _form(
        "date-no-year-at-all",
        "5月3日 and no year anywhere: the period decides",
        "5月3日",
        "2026-05-03",
        title=None,
        file="台账.xlsx",
    ),
    _form("date-day-only", "3日 under a title of May 2026", "3日", "2026-05-03"),
    _form("date-full-width", "２０２６年０５月０３日", "２０２６年０５月０３日", "2026-05-03"),
    _form("date-two-digit-year", "26.5.3", "26.5.3", "2026-05-03"),
    _form("date-apostrophe-year", "'26年5月3日", "'26年5月3日", "2026-05-03"),
    _form("date-weekday", "2026年5月3日（星期日）上午", "2026年5月3日（星期日）上午", "2026-05-03"),
    _form("date-clock-range", "one day with hours 9:00-11:30: no range of days", "5月3日9:00-11:30", "2026-05-03"),
    _form("date-broken-line", "the date wraps over two lines", "2026年\n5月3日", "2026-05-03"),
    _form("date-range-days", "5月3日至5日", "5月3日至5日", "2026-05-03/2026-05-05"),
    _form("date-range-dots", "2026.5.3-5.5", "2026.5.3-5.5", "2026-05-03/2026-05-05"),
    _form("date-range-months", "4月29日—5月2日", "4月29日—5月2日", "2026-04-29/2026-05-02"),
    _form("date-two-days", "5月3日、4日: two days, one finding", "5月3日、4日", "2026-05-03/2026-05-04"),
    _form("date-early-third", "5月上旬", "5月上旬", "2026-05-01/2026-05-10"),
    _form("date-middle-third", "五月中旬", "五月中旬", "2026-05-11/2026-05-20"),
    _form("date-late-third", "5月下旬", "2026年5月下旬", "2026-05-21/2026-05-31"),
    _form("date-month-only", "2026年5月 alone", "2026年5月", "2026-05-01/2026-05-31"),
    _form("date-lunar-trap", "2026年5月3日（农历三月十七）", "2026年5月3日（农历三月十七）", "2026-05-03"),
    Case(
        "date-serial",
        "an Excel serial shown as the number 46145",
        _serial_as_number,
        (Finding("2026-05-03", "张三", PLACE),),
    ),
    Case("date-1904", "a workbook with the 1904 date system", _serials_1904, (Finding("2026-05-03", "张三", PLACE),)),
    Case(
        "date-1904-xls",
        "an old .xls with the 1904 date system",
        lambda: {f"{UNIT}/旧苹果.xls": fixture("mac1904.xls")},
        (Finding("2026-05-03", "张三", PLACE),),
    ),
    Case(
        "date-filled-down",
        "the day stands only on its first row",
        _filled_down,
        (
            Finding("2026-05-03", "张三", PLACE),
            Finding("2026-05-03", "李四", "李庄村西"),
            Finding("2026-05-06", "赵六", "张湾村南"),
        ),
    ),
    Case(
        "date-merged",
        "one merged day cell over two findings",
        _merged_day,
        (Finding("2026-05-03", "张三", PLACE), Finding("2026-05-03", "李四", "李庄村西")),
        effort=1,
    ),
    Case(
        "date-year-turn",
        "December and January without years",
        _year_turn,
        (Finding("2025-12-29", "张三", PLACE), Finding("2026-01-03", "李四", "李庄村西")),
        effort=1,
    ),
    Case(
        "date-sheet-months",
        "28日 and 3日 under sheets named after months",
        _sheets_name_months,
        (Finding("2026-04-28", "张三", PLACE), Finding("2026-05-03", "李四", "李庄村西")),
    ),
    Case(
        "date-split-columns",
        "year, month and day in three columns",
        _split_columns,
        (Finding("2026-05-03", "张三", PLACE),),
    ),
    Case(
        "date-impossible",
        "2月30日 and 13月5日 are nobody's day",
        _bad_days,
        (Finding(None, "张三", PLACE), Finding(None, "李四", "李庄村西"), Finding("2026-05-08", "赵六", "张湾村南")),
        rows=("date", "date"),
    ),
    Case(
        "date-future",
        "a day after the reading day, and 2062 for 2026",
        _future,
        (Finding("2026-05-12", "李四", "李庄村西"), Finding(None, "张三", PLACE)),
        rows=("date", "date"),
    ),
    Case(
        "date-wrong-year",
        "2025-05-03 between rows of May 2026 under that title: ask, never guess",
        _wrong_year,
        (Finding(None, "张三", PLACE),),
        effort=2,
        rows=("date",),
    ),
    Case(
        "date-missing",
        "no day on the first row, 近日 on the second",
        _no_date,
        (Finding(None, "张三", PLACE), Finding(None, "李四", "李庄村西"), Finding("2026-05-06", "赵六", "张湾村南")),
        rows=("date", "date"),
    ),
    Case(
        "date-mixed",
        "eight notations in one column, one of them month first",
        _mixed,
        effort=8,
        days=tuple(f"2026-05-{day:02d}" for day in range(3, 11)),
    ),
)
