"""Blind set: days as clerks, Excel and phones write them."""

from __future__ import annotations

from datetime import datetime, time
from typing import Any

from openpyxl import Workbook
from openpyxl.utils.datetime import CALENDAR_MAC_1904

from tests.ledger.torture.blind.kit import SHORT, sent
from tests.ledger.torture.case import Case, Finding
from tests.ledger.torture.kit import Row, book, found, xlsx

TITLE = [["青石镇2026年5月巡查台账"]]
SPOTS = (
    "王家村东200米",
    "李庄村南",
    "王家村西头",
    "李庄村北",
    "王家村北300米",
    "李庄村东",
    "王家村祠堂旁",
    "李庄村小学旁",
)
NAMES = ("张三", "李四", "王五", "赵六", "孙七", "周八", "吴九", "郑十")


def _days(
    name: str, hard: str, *written: tuple[Any, str | None], title: list[Row] | None = None, file: str = "5月台账.xlsx"
) -> Case:
    """One finding a row, each with a day as written and as the clerk reads it (None: listed)."""
    rows = [found(day, NAMES[at], SPOTS[at]) for at, (day, _) in enumerate(written)]
    clerk = tuple(Finding(day, NAMES[at], SPOTS[at]) for at, (_, day) in enumerate(written))
    listed = ("date",) * sum(day is None for _, day in written)
    return Case(
        f"blind-day-{name}",
        hard,
        lambda: sent(xlsx(*rows, title=TITLE if title is None else title), file),
        clerk,
        rows=listed,
    )


def _mac(workbook: Workbook) -> None:
    workbook.epoch = CALENDAR_MAC_1904


def _split() -> bytes:
    """Year, month and day in columns of their own, as paper forms have them."""
    rows = [
        ["巡查时间", None, None, *SHORT[1:]],
        ["年", "月", "日"],
        [2026, 5, 3, "王强", NAMES[0], SPOTS[0], "建房"],
        [None, None, 6, "王强", NAMES[1], SPOTS[1], "挖沙"],
        ["2026", "05", "08", "王强", None, None, "未发现违法行为"],
    ]
    return book({"台账": rows}, merge=("A1:C1", "D1:D2", "E1:E2", "F1:F2", "G1:G2"))


D3, D4, D13 = "2026-05-03", "2026-05-04", "2026-05-13"

CASES = (
    _days(
        "chinese-numerals",
        "numerals in characters, in several kinds; 廿一 without 日 is how the farmers' calendar counts",
        ("二〇二六年五月三日", D3),
        ("二○二六年五月十三日", D13),
        ("二零二六年五月二十一日", "2026-05-21"),
        ("二Ｏ二六年五月三十日", "2026-05-30"),
        ("五月三日", D3),
        ("二〇二六年五月廿一", None),
    ),
    _days(
        "short-year",
        "two-digit years and odd points",
        ("26.5.3", D3),
        ("26-5-3", D3),
        ("26/05/13", D13),
        ("2026。5。3", D3),
        ("2026、5、3", D3),
        ("2026.5.3.", D3),
        ("2026.05.13号", D13),
        ("26年5月3号", D3),
    ),
    _days(
        "with-time",
        "times of day beside the day",
        ("2026/5/3 9:30", D3),
        ("2026-05-03T09:30:00", D3),
        ("2026年5月3日上午9点", D3),
        ("5月3日下午3时半", D3),
        ("2026-5-3 09：30：00", D3),
        ("5月3日 8:30-11:30", D3),
        ("2026.5.3 AM", D3),
        ("20260503 0930", D3),
    ),
    _days(
        "points-as-text",
        "month and day with a point, as text",
        ("5.3", D3),
        ("5.10", "2026-05-10"),
        ("05.13", D13),
        ("5-4", D4),
        ("5/4", D4),
    ),
    _days(
        "points-as-numbers",
        "5.10 typed into Excel became 5.1: who can say; 5.12 is plain",
        (5.12, "2026-05-12"),
        (5.1, "2026-05-01/2026-05-10"),
    ),
    _days(
        "ranges",
        "ranges in many forms",
        ("5月3-5日", "2026-05-03/2026-05-05"),
        ("5月3日至5日", "2026-05-03/2026-05-05"),
        ("5.3—5.5", "2026-05-03/2026-05-05"),
        ("2026年5月3日-2026年5月4日", "2026-05-03/2026-05-04"),
        ("2026.5.3～5.5", "2026-05-03/2026-05-05"),
        ("5月3、4日", "2026-05-03/2026-05-04"),
        ("5月3日夜间至4日凌晨", "2026-05-03/2026-05-04"),
        ("20260503-20260505", "2026-05-03/2026-05-05"),
    ),
    _days(
        "thirds",
        "thirds of a month",
        ("5月上旬", "2026-05-01/2026-05-10"),
        ("2026年5月中旬", "2026-05-11/2026-05-20"),
        ("五月下旬", "2026-05-21/2026-05-31"),
    ),
    _days(
        "vague",
        "words that name no day; the end and the beginning of a month are thirds of it",
        ("5月底", "2026-05-21/2026-05-31"),
        ("月初", "2026-05-01/2026-05-10"),
        ("每周一、三、五", None),
        ("近日", None),
        ("不定期", None),
    ),
    _days(
        "serials",
        "serials as numbers and as text",
        (46145, D3),
        ("46145", D3),
        (46145.396, D3),
        (20260503, D3),
        ("20260503", D3),
        (260503, D3),
    ),
    _days(
        "full-width",
        "full-width digits",
        ("２０２６年５月３日", D3),
        ("２０２６／５／１３", D13),
        ("５月４日", D4),
        ("５．３", D3),
    ),
    _days(
        "weekday",
        "the day of the week beside it",
        ("5月3日（星期日）", D3),
        ("5月3日 周日", D3),
        ("2026/5/4星期一", D4),
        ("2026年5月4日(一)", D4),
    ),
    _days(
        "ditto",
        "ditto in words and marks",
        ("2026年5月3日", D3),
        ("同上", D3),
        ("〃", D3),
        ("″", D3),
        ('"', D3),
        ("同日", D3),
        ("〞", D3),
        ("''", D3),
    ),
    _days("blank-ditto", "a blank day below a day", ("2026年5月3日", D3), (None, D3), ("5月4日", D4), (None, D4)),
    _days("no-first", "ditto with nothing above", ("同上", None), ("5月4日", D4)),
    _days(
        "impossible",
        "days that no calendar has",
        ("2026年5月32日", None),
        ("2月30日", None),
        ("2026.13.5", None),
        ("5月0日", None),
    ),
    _days(
        "wrong-year",
        "a year mistyped among right ones",
        ("2026年5月3日", D3),
        ("2062年5月3日", None),
        ("2205年5月4日", None),
        ("0226-05-04", None),
    ),
    _days(
        "last-year",
        "last year's date copied along in a sheet of this May",
        ("2026年5月3日", D3),
        ("2025年5月4日", None),
        ("2026年5月13日", D13),
    ),
    _days("future", "a day that has not come", ("2026年5月3日", D3), ("2026年12月3日", None)),
    _days("lunar", "the farmers' calendar", ("农历三月十七", None), ("2026年5月4日", D4)),
    _days(
        "western",
        "dates as English systems write them",
        ("5/13/2026", D13),
        ("03-May-2026", D3),
        ("May 4, 2026", D4),
        ("2026-May-13", D13),
    ),
    _days(
        "spaced",
        "blanks, line breaks and hidden characters within",
        ("2026 年 5 月 3 日", D3),
        ("2026年\n5月3日", D3),
        ("\u200b2026-05-03\ufeff", D3),
        ("2026\u00a05\u00a03", D3),
        ("'2026-05-03", D3),
        (" 2026 . 5 . 13 ", D13),
    ),
    _days(
        "year-in-file-name",
        "the year only in the file's name",
        ("5月3日", D3),
        ("13日", D13),
        title=[["巡查台账"]],
        file="青石镇2026年5月台账.xlsx",
    ),
    _days("month-carried", "a month written once, then only days", ("5月3日", D3), ("4日", D4), ("13", D13)),
    _days(
        "long-words",
        "a sentence in the day's cell",
        ("2026年5月3日巡查发现", D3),
        ("巡查日期：2026年5月4日", D4),
        ("5月13日，第三次巡查", D13),
    ),
    Case(
        "blind-day-several-visits",
        "three days in one cell of a patrol that found nothing",
        lambda: sent(
            xlsx(["5月4日、13日、21日", "王强", "全镇", "日常巡查", None, None, "未发现违法行为"], title=TITLE)
        ),
        effort=3,
        days=("2026-05-04", "2026-05-13", "2026-05-21"),
    ),
    Case(
        "blind-day-1904",
        "a workbook of Apple's calendar",
        lambda: sent(book({"台账": [list(SHORT), [datetime(2026, 5, 3), "王强", NAMES[0], SPOTS[0], "建房"]]}, _mac)),
        (Finding(D3, NAMES[0], SPOTS[0]),),
    ),
    Case(
        "blind-day-split-columns",
        "year, month and day in columns",
        lambda: sent(_split()),
        (Finding(D3, NAMES[0], SPOTS[0]), Finding("2026-05-06", NAMES[1], SPOTS[1])),
        effort=1,
        days=("2026-05-08",),
    ),
    Case(
        "blind-day-start-and-end",
        "columns for begin and end",
        lambda: sent(
            book(
                {
                    "台账": [
                        ["巡查开始时间", "巡查结束时间", *SHORT[1:]],
                        ["2026-05-03 09:00", "2026-05-03 11:30", "王强", NAMES[0], SPOTS[0], "建房"],
                        ["2026-05-13 22:00", "2026-05-14 01:30", "王强", NAMES[1], SPOTS[1], "挖沙"],
                    ]
                }
            )
        ),
        (Finding(D3, NAMES[0], SPOTS[0]), Finding("2026-05-13/2026-05-14", NAMES[1], SPOTS[1])),
    ),
    Case(
        "blind-day-time-only",
        "the day in the title, only times in the rows",
        lambda: sent(
            book(
                {
                    "台账": [
                        ["青石镇2026年5月3日巡查记录"],
                        list(SHORT),
                        ["9:30", "王强", NAMES[0], SPOTS[0], "建房"],
                        [time(10, 5), "王强", NAMES[1], SPOTS[1], "挖沙"],
                    ]
                }
            ),
            "0503.xlsx",
        ),
        (Finding(D3, NAMES[0], SPOTS[0]), Finding(D3, NAMES[1], SPOTS[1])),
    ),
    Case(
        "blind-day-two-day-columns",
        "the day of the patrol and the day of the report",
        lambda: sent(
            book({"台账": [["填报日期", *SHORT], ["2026-05-31", "2026-05-03", "王强", NAMES[0], SPOTS[0], "建房"]]})
        ),
        (Finding(D3, NAMES[0], SPOTS[0]),),
    ),
    Case(
        "blind-day-deadline-column",
        "other columns of days after the patrol's",
        lambda: sent(
            book(
                {
                    "台账": [
                        [*SHORT, "整改期限", "上报日期"],
                        ["2026-05-03", "王强", NAMES[0], SPOTS[0], "建房", "2026-06-30", "2026-05-04"],
                    ]
                }
            )
        ),
        (Finding(D3, NAMES[0], SPOTS[0]),),
    ),
    Case(
        "blind-day-next-month",
        "a row of June in May's ledger, read on the fifth of June",
        lambda: sent(
            xlsx(found("2026年5月3日", NAMES[0], SPOTS[0]), found("2026年6月2日", NAMES[1], SPOTS[1]), title=TITLE)
        ),
        (Finding(D3, NAMES[0], SPOTS[0]), Finding("2026-06-02", NAMES[1], SPOTS[1])),
    ),
    Case(
        "blind-day-two-of-one-finding",
        "found on one day, checked again on another, in one cell",
        lambda: sent(xlsx(found("5月3日发现，5月13日复查", NAMES[0], SPOTS[0]), title=TITLE)),
        (Finding(D3, NAMES[0], SPOTS[0]),),
    ),
    Case(
        "blind-day-december-january",
        "a year's ledger whose rows run from December into January, years not written",
        lambda: sent(
            xlsx(
                found("12月28日", NAMES[0], SPOTS[0]),
                found("1月4日", NAMES[1], SPOTS[1]),
                title=[["青石镇2025年12月—2026年1月巡查台账"]],
            ),
            "台账.xlsx",
        ),
        (Finding("2025-12-28", NAMES[0], SPOTS[0]), Finding("2026-01-04", NAMES[1], SPOTS[1])),
    ),
    Case(
        "blind-day-all-blank",
        "no day anywhere",
        lambda: sent(xlsx(found(None, NAMES[0], SPOTS[0]), title=[["巡查台账"]])),
        (Finding(None, NAMES[0], SPOTS[0]),),
        rows=("date",),
    ),
)
