from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import CODES, InputError, XunchaError
from pipeline.values import Period, Verdict, day_of_number, number_of_day, parse_day, plain_cell, safe_cell


@given(st.integers(1990, 2100), st.integers(1, 12))
def test_period_round_trips_as_text(year: int, month: int) -> None:
    period = Period(year, month)
    assert Period.parse(str(period)) == period
    assert Period.of(period.first_day) == Period.of(period.last_day) == period
    assert period.shifted(-1).shifted(1) == period


def test_period_shifts_over_the_year() -> None:
    assert Period(2026, 1).shifted(-1) == Period(2025, 12)
    assert Period(2026, 10).shifted(15) == Period(2028, 1)
    assert Period(2024, 2).last_day == date(2024, 2, 29)


@pytest.mark.parametrize("text", ["2026-13", "202610", "2026-1", "十月", ""])
def test_wrong_period_is_a_numbered_error(text: str) -> None:
    with pytest.raises(InputError) as caught:
        Period.parse(text)
    assert caught.value.code == "E103" and caught.value.exit_code == 2


def test_wrong_day_is_a_numbered_error() -> None:
    assert parse_day("2026-11-05") == date(2026, 11, 5)
    with pytest.raises(InputError):
        parse_day("5月11日")


@pytest.mark.parametrize("start", ["=", "+", "-", "@", "\t", "\r", "\n", "＝", "＋", "－", "＠"])
def test_what_a_spreadsheet_would_run_is_quoted_and_comes_back(start: str) -> None:
    text = f"{start}1+1"
    assert safe_cell(text) == f"'{text}"
    assert plain_cell(safe_cell(text)) == text


@given(st.text(max_size=8))
def test_no_safe_cell_begins_like_a_formula(text: str) -> None:
    assert not safe_cell(text).startswith(("=", "+", "-", "@", "\t", "\r", "\n"))
    assert safe_cell(safe_cell(text)) == safe_cell(text)
    if not text.startswith("'"):
        assert plain_cell(safe_cell(text)) == text


@pytest.mark.parametrize("text", ["'甲", "''=1", "'", "", "甲=1"])
def test_an_apostrophe_of_the_text_itself_stays(text: str) -> None:
    assert plain_cell(text) == text == safe_cell(text)


def test_labels_are_chinese_and_codes_are_plain() -> None:
    assert Verdict("found_before_dispatch").label == "已发现"
    assert f"{Verdict.UNDETERMINABLE}" == "undeterminable"


def test_unlisted_code_is_refused() -> None:
    assert all(code.startswith("E") and len(code) == 4 for code in CODES)
    with pytest.raises(KeyError):
        XunchaError("E999", "x", "y")


def test_day_numbers_round_trip_and_zero_is_unknown() -> None:
    assert number_of_day(date(1970, 1, 2)) == 1
    assert day_of_number(number_of_day(date(2026, 10, 31))) == date(2026, 10, 31)
    assert day_of_number(0) is None
