from dataclasses import replace
from datetime import date, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger import date_forms, date_years
from pipeline.ledger.date_years import DateHints
from pipeline.ledger.dates import anchors_of, day_in_text, read_date, title_hint

HINTS = DateHints(as_of=date(2026, 10, 31), earliest=date(2016, 1, 1), latest=date(2027, 12, 5))
MAY_3 = date(2026, 5, 3)


@pytest.mark.parametrize(
    "written",
    [
        "20260503",
        "2026-05-03",
        "2026/5/3",
        "2026.5.3",
        "2026．5．3",
        "2026年5月3日",
        "2026 年 5 月 3 日",
        "２０２６年５月３号",
        "二〇二六年五月三日",
        "二零二六年五月三日",
        "2026年五月三日",
        46145,
        46145.4,
        "46145",
        20260503,
        20260503.0,
        "26.5.3",
        "2026-05-03 09:30",
        "2026年5月3日上午",
        "2026年5月3日9时30分",
        "2026.5.3（周日）",
        "2026-05-03T08:00:00",
        date(2026, 5, 3),
        datetime(2026, 5, 3, 14, 5),
        "2026.5.3 9:30",
        "2026-05-03 3:30 PM",
        "2026-05-03T08:00:00+08:00",
        "2026年5月3日9时至11时",
        "2026年5月3日（星期日）上午9:00-11:30",
        "2026 5 3",
        "2026、5、3",
        "2026\\5\\3",
        "2026503",
        "260503",
        "3-May-26",
        "二六年五月三日",
        "'26年5月3日",
        "2026年\n5月3日",
        "2026年5月3日（农历三月十七）",
    ],
)
def test_complete_forms_of_one_day(written: date_forms.CellValue) -> None:
    read = read_date(written, HINTS)
    assert (read.start, read.end, read.problem, read.complete) == (MAY_3, MAY_3, "", True)


@pytest.mark.parametrize("written", ["5月3日", "5/3", "5.3", "05-03", "五月三日", "5月3号"])
def test_a_missing_year_is_taken_near_the_day_of_reading_and_said(written: str) -> None:
    read = read_date(written, HINTS)
    assert (read.start, read.rule, read.complete) == (MAY_3, date_years.YEAR_FROM_AS_OF, False)


@pytest.mark.parametrize(
    ("written", "start", "end"),
    [
        ("5月3日-5日", MAY_3, date(2026, 5, 5)),
        ("5月3日—5日", MAY_3, date(2026, 5, 5)),
        ("5月3日至6月2日", MAY_3, date(2026, 6, 2)),
        ("2026年5月3日、5日", MAY_3, date(2026, 5, 5)),
        ("五月三日至五日", MAY_3, date(2026, 5, 5)),
        ("5.3-5.8", MAY_3, date(2026, 5, 8)),
        ("20260503-05", MAY_3, date(2026, 5, 5)),
        ("20260503～20260505", MAY_3, date(2026, 5, 5)),
        ("12月30日-1月2日", date(2026, 12, 30), date(2027, 1, 2)),
        ("2026年5月上旬", date(2026, 5, 1), date(2026, 5, 10)),
        ("5月中旬", date(2026, 5, 11), date(2026, 5, 20)),
        ("2月下旬", date(2026, 2, 21), date(2026, 2, 28)),
        ("5月底", date(2026, 5, 21), date(2026, 5, 31)),
        ("2026年5月3日-2026年5月5日", MAY_3, date(2026, 5, 5)),
        ("20260503-0505", MAY_3, date(2026, 5, 5)),
        ("5月3、4、6日", MAY_3, date(2026, 5, 6)),
        ("5月3日、5日、7日", MAY_3, date(2026, 5, 7)),
        ("五月三、四日", MAY_3, date(2026, 5, 4)),
        ("5月6日左右", MAY_3, date(2026, 5, 9)),
        ("5月中下旬", date(2026, 5, 11), date(2026, 5, 31)),
        ("五月下半月", date(2026, 5, 16), date(2026, 5, 31)),
        (5.3, MAY_3, date(2026, 5, 30)),
        ("2026年2月", date(2026, 2, 1), date(2026, 2, 28)),
        ("2026-02", date(2026, 2, 1), date(2026, 2, 28)),
        (202602, date(2026, 2, 1), date(2026, 2, 28)),
    ],
)
def test_intervals(written: date_forms.CellValue, start: date, end: date) -> None:
    read = read_date(written, HINTS)
    assert (read.start, read.end, read.problem) == (start, end, "")
    assert read.rule


@pytest.mark.parametrize(
    "written",
    [
        "2026年9月31日",
        "20260230",
        "2026-02-29",
        "13月3日",
        "2062-09-15",
        "1998-05-03",
        "5月8日-3日",
        "王庄村",
        "",
        "3日",
        "昨日",
        "同日",
        "农历五月初三",
        "2026111",
        "5/3/2026",
        "上旬",
        5,
        True,
        None,
        "2026年十十月三日",
        "20261345",
    ],
)
def test_impossible_and_implausible_dates_say_why(written: date_forms.CellValue) -> None:
    read = read_date(written, HINTS)
    assert read.start is None and read.end is None
    assert read.problem


def test_year_comes_from_the_sheet_before_the_title_before_the_day_of_reading() -> None:
    sheet = DateHints(HINTS.as_of, HINTS.earliest, HINTS.latest, (date(2024, 12, 20),), 2023, 6)
    assert read_date("1月4日", sheet).start == date(2025, 1, 4)
    assert read_date("1月4日", sheet).rule == date_years.YEAR_FROM_SHEET + date_years.ACROSS_YEARS
    title = DateHints(HINTS.as_of, HINTS.earliest, HINTS.latest, (), 2023, 12)
    assert read_date("1月4日", title).start == date(2024, 1, 4)
    only_year = DateHints(HINTS.as_of, HINTS.earliest, HINTS.latest, (), 2023, None)
    assert read_date("12月4日", only_year).start == date(2023, 12, 4)
    assert read_date("4日", title).start == date(2023, 12, 4)


def hints(**more: Any) -> DateHints:
    return replace(HINTS, **more)


def test_days_and_months_from_the_title() -> None:
    titled = hints(year=2026, month=5)
    assert read_date("3-5日", titled).end == read_date("3、4、5日", titled).end == date(2026, 5, 5)
    assert read_date("上旬", titled).end == date(2026, 5, 10)
    assert read_date("月底", titled).start == date(2026, 5, 21)
    assert read_date("5/3/2026", titled).start == MAY_3
    assert read_date("5/13/2026", HINTS).start == read_date("13.5.2026", HINTS).start == date(2026, 5, 13)


def test_same_and_next_day_refer_to_the_row_above_and_to_nothing_else() -> None:
    below = hints(above=(MAY_3, MAY_3))
    assert read_date("同日", below).start == read_date("当日", below).start == MAY_3
    assert read_date("次日", below).start == date(2026, 5, 4)
    assert "哪一天" in read_date("昨日", below).problem


def test_a_number_whose_zero_may_be_lost_is_decided_by_its_neighbours_alone() -> None:
    between = hints(anchors=(MAY_3,), before=date(2026, 5, 18), after=date(2026, 5, 25))
    assert read_date(5.2, between).start == date(2026, 5, 20)
    assert read_date(5.12, HINTS).start == date(2026, 5, 12)
    unknown = read_date(5.2, HINTS)
    assert (unknown.start, unknown.end, unknown.rule) == (date(2026, 5, 2), date(2026, 5, 20), date_forms.TRAILING_ZERO)


def test_a_turn_of_the_year_is_said_and_so_is_doubt() -> None:
    winter = hints(year=2025, month=12)
    assert read_date("1月3日", winter).start == date(2026, 1, 3)
    assert read_date("1月3日", winter).rule.endswith(date_years.ACROSS_YEARS)
    assert read_date("12月29日", winter).rule == date_years.YEAR_FROM_TITLE
    only_year = hints(year=2025, above=(date(2025, 12, 29), date(2025, 12, 29)))
    assert read_date("1月3日", only_year).start == date(2026, 1, 3)
    assert date_years.EITHER_YEAR in read_date("11月4日", hints(anchors=(MAY_3,))).rule
    assert read_date("11月4日", hints(anchors=(MAY_3,), year=2026)).start == date(2026, 11, 4)


def test_a_slip_of_the_year_is_asked_never_guessed() -> None:
    between = hints(before=date(2026, 5, 2), after=date(2026, 5, 4), year=2026, month=5)
    slip = read_date("2025-05-03", between)
    assert slip.start is None and "疑为2026-05-03" in slip.problem
    assert read_date("2025-05-03", hints(before=date(2025, 5, 2), after=date(2026, 5, 4))).start == date(2025, 5, 3)
    assert read_date("2025-05-03", hints(before=date(2026, 5, 2))).start == date(2025, 5, 3)


def test_serials_of_a_1904_workbook() -> None:
    assert read_date(46145 - 1462, hints(serials_from_1904=True)).start == MAY_3


def test_the_one_day_a_title_states() -> None:
    found = day_in_text("巡查日志20260503", HINTS)
    assert found is not None and found.start == MAY_3
    assert day_in_text("2026年5月台账", HINTS) is None
    assert day_in_text("2026.5.3-2026.5.9", HINTS) is None


def test_titles() -> None:
    assert title_hint(["填表日期：2026年10月31日", "2026年9月台账"]) == (2026, 9)
    assert title_hint(["9月", "动态巡查台账2026年"]) == (2026, 9)
    assert title_hint(["王庄镇2026年9月动态巡查台账"]) == (2026, 9)
    assert title_hint(["二〇二六年度台账", "2025年"]) == (2026, None)
    assert title_hint(["Sheet1", "台账202609"]) == (2026, 9)
    assert title_hint(["Sheet1"]) == (None, None)


def test_anchors_are_complete_dates_only() -> None:
    assert anchors_of(["5月3日", 20260510, None, "2026-05-01", "乱"], HINTS) == (date(2026, 5, 1), date(2026, 5, 10))


def _chinese(number: int) -> str:
    digits = "〇一二三四五六七八九"
    tens, ones = divmod(number, 10)
    head = "" if tens == 0 else ("" if tens == 1 else digits[tens]) + "十"
    return head + (digits[ones] if ones or not tens else "")


@given(st.dates(date(2016, 1, 1), date(2027, 12, 5)))
def test_every_day_in_every_complete_form(day: date) -> None:
    year = "".join("〇一二三四五六七八九"[int(digit)] for digit in str(day.year))
    forms: list[date_forms.CellValue] = [
        f"{day:%Y%m%d}",
        int(f"{day:%Y%m%d}"),
        f"{day.year}/{day.month}/{day.day}",
        f"{day.year}.{day.month}.{day.day}",
        f"{day.year}年{day.month}月{day.day}日",
        f"{year}年{_chinese(day.month)}月{_chinese(day.day)}日",
        (day - date(1899, 12, 30)).days,
    ]
    assert {read_date(form, HINTS).start for form in forms} == {day}


@given(st.dates(date(2026, 1, 31), date(2027, 1, 29)))
def test_a_day_without_year_lands_in_the_window_around_the_day_of_reading(day: date) -> None:
    read = read_date(f"{day.month}月{day.day}日", HINTS)
    assert read.start is not None
    assert abs(read.start - (HINTS.as_of - timedelta(days=93))) <= timedelta(days=367 / 2)


@given(st.text(max_size=20))
def test_any_text_is_read_or_explained(text: str) -> None:
    read = read_date(text, HINTS)
    assert (read.start is None) == bool(read.problem)
