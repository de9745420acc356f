"""Reasons to look at ledger rows again: hand-made sheets whose oddities are known."""

from __future__ import annotations

import random
from collections.abc import Sequence
from datetime import date, timedelta
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ledger.items import Item
from pipeline.ledger.oddities import oddities_table
from pipeline.ledger.row_oddities import AFTER_MONTH, BEFORE_MONTH, OUT_OF_ORDER, SAME_SENTENCE, SAME_WORDS, oddities

SENTENCE = "现场正在浇筑一层柱体，已当场口头制止"
MAY = "ledgers/青石镇/2026年5月台账.xlsx"


def item(
    row: int, day: date | None, file: str = "ledgers/青石镇/台账.xlsx", finding: bool = True, **texts: str
) -> Item:
    return Item("U1", file, "Sheet1", row, 1, finding, day, day, texts, None, None, None)


def days(*numbers: int, file: str = "ledgers/青石镇/台账.xlsx") -> list[Item]:
    return [item(row, date(2026, 5, number), file, place=f"王庄村{row}组") for row, number in enumerate(numbers, 2)]


def kinds(items: Sequence[Item], **options: Any) -> list[tuple[str, int]]:
    return [(row["kind"], row["row"]) for row in oddities(items, **options)]


def test_one_sentence_about_many_places_is_listed_once() -> None:
    same = [item(n, date(2026, 5, n), subject=f"户主{n}", place=f"王庄村{n}组", status=SENTENCE) for n in range(2, 9)]
    (row,) = oddities(same)
    assert (row["kind"], row["row"], row["what"]) == (SAME_SENTENCE, 2, SENTENCE)
    assert "7个日期" in row["reason"] and "等7处" in row["reason"] and "第2行" in row["reason"]
    assert oddities(same[:3]) == []
    assert kinds(same[:3], min_days=3) == [(SAME_SENTENCE, 2)]


def test_one_site_seen_again_is_no_repeated_sentence_but_the_same_words() -> None:
    same = [item(n, date(2026, 5, n), subject="赵六", place="王庄村东", status=SENTENCE) for n in range(2, 7)]
    assert kinds(same) == [(SAME_WORDS, n) for n in range(3, 7)]
    changed = [
        item(n, date(2026, 5, n), subject="赵六", place="王庄村东", status=f"{SENTENCE}{n}") for n in range(2, 7)
    ]
    assert oddities(changed) == []


def test_short_phrases_of_nothing_found_are_nobodys_oddity() -> None:
    assert oddities([item(n, date(2026, 5, n), finding=False, status="未发现违法行为") for n in range(1, 29)]) == []


def test_a_row_dated_before_the_rows_above() -> None:
    assert kinds(days(4, 6, 8, 10, 12, 2, 14, 16)) == [(OUT_OF_ORDER, 7)]
    assert kinds(days(16, 14, 12, 10, 8, 15, 6, 4)) == [(OUT_OF_ORDER, 7)]
    assert kinds(days(4, 6, 8, 10, 12, 10, 14, 16)) == []
    assert kinds(days(20, 3, 17, 2, 25, 1, 9)) == []
    (row,) = oddities(days(4, 6, 8, 10, 12, 2, 14, 16))
    assert row["what"] == "2026-05-02" and "第6行2026-05-12" in row["reason"] and "10天" in row["reason"]


def test_days_outside_the_month_the_file_is_named_after() -> None:
    written = [date(2026, 3, 31), date(2026, 4, 1), date(2026, 5, 31), date(2026, 6, 1)]
    rows = [item(n, day, MAY, place=f"{n}") for n, day in enumerate(written, 2)]
    assert kinds(rows) == [(BEFORE_MONTH, 2), (AFTER_MONTH, 5)]
    january = [
        item(2, date(2025, 12, 1), "a/2026年1月.xlsx", place="1"),
        item(3, date(2025, 11, 30), "a/2026年1月.xlsx"),
    ]
    assert (BEFORE_MONTH, 3) in kinds(january) and (BEFORE_MONTH, 2) not in kinds(january)


def test_undated_rows_and_nothing_at_all() -> None:
    assert oddities([]) == []
    assert oddities([item(2, None, place="王庄村", status=SENTENCE)] * 5) == []


@given(st.lists(st.integers(0, 60), max_size=12), st.randoms(use_true_random=False))
def test_the_order_of_items_does_not_matter_and_the_table_takes_them(
    numbers: list[int], shuffler: random.Random
) -> None:
    rows = [item(n, date(2026, 4, 1) + timedelta(number), MAY, status=SENTENCE, place=f"{number}")
            for n, number in enumerate(numbers)]  # fmt: skip
    mixed = list(rows)
    shuffler.shuffle(mixed)
    assert oddities(rows) == oddities(mixed)
    assert len(oddities_table(oddities(rows))) == len(oddities(rows))
