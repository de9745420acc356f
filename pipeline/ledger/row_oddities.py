"""Reasons to look at ledger rows again: the same sentence on many days, days out of order or outside the file's month.

All of these have honest explanations (a site seen again, a row added from a paper note); none is held against anyone.
"""

from __future__ import annotations

from bisect import bisect_right
from collections.abc import Iterable, Sequence
from datetime import date
from itertools import pairwise
from typing import Any

from pipeline.ledger.characters import plain
from pipeline.ledger.dates import title_hint
from pipeline.ledger.items import Item
from pipeline.ledger.oddities import oddity

SAME_SENTENCE, SAME_WORDS, OUT_OF_ORDER, BEFORE_MONTH, AFTER_MONTH = (
    "same_sentence", "same_words", "dated_back", "before_file_month", "after_file_month",
)  # fmt: skip
_WORDS = ("subject", "place", "status", "measures", "effect")
_MOSTLY = 0.8
_SHOWN = 5


def oddities(
    items: Iterable[Item], *, min_days: int = 4, min_characters: int = 12, max_days_back: int = 3
) -> list[dict[str, Any]]:
    """Rows (unit_id, file, sheet, row, kind, what, reason) that a person may want to look at.

    ``same_sentence``: a sentence of at least ``min_characters`` that one unit wrote on at least ``min_days`` days of
    more than one place or subject. ``same_words``: a finding whose subject, place, status, measures and effect are, to
    the letter and the last digit, those of one on an earlier day. ``dated_back``: a row dated more than
    ``max_days_back`` days before one above it or after one below it, in a sheet that otherwise runs forward or backward.
    ``before_file_month``/``after_file_month``: a row dated before the month that precedes the one the sheet or file is
    named after, or after that month.
    """
    ordered = sorted(items, key=lambda item: item.order)
    sheets: dict[tuple[str, str, str], list[Item]] = {}
    units: dict[str, list[Item]] = {}
    for item in ordered:
        sheets.setdefault((item.unit_id, item.file, item.sheet), []).append(item)
        units.setdefault(item.unit_id, []).append(item)
    found = [row for unit in units.values() for row in _same_sentences(unit, min_days, min_characters)]
    found += [row for unit in units.values() for row in _same_words(unit, min_characters)]
    for sheet in sheets.values():
        found += _out_of_order(sheet, max_days_back)
        found += _outside_month(sheet)
    return found


def _same_sentences(items: Sequence[Item], min_days: int, min_characters: int) -> list[dict[str, Any]]:
    told: dict[str, list[Item]] = {}
    for item in items:
        for field in ("status", "remark"):
            text = plain(item.texts.get(field) or "")
            if len(text) >= min_characters and item.start is not None:
                told.setdefault(text, []).append(item)
    rows = []
    for same in told.values():
        days = sorted({item.start for item in same if item.start is not None})
        about = {(plain(i.texts.get("subject") or ""), plain(i.texts.get("place") or "")) for i in same}
        # what is said of one site on several visits is a site seen again
        if len(days) < min_days or (len(about) == 1 and same[0].finding):
            continue
        at = "、".join(f"{item.start}（{item.sheet}第{item.row}行）" for item in same[:_SHOWN])
        more = f"等{len(same)}处" if len(same) > _SHOWN else ""
        sentence = next(t for t in (same[0].texts.get(f) for f in ("status", "remark")) if t and plain(t) in told)
        rows.append(_row(same[0], SAME_SENTENCE, sentence, f"同一句话写在{len(days)}个日期：{at}{more}"))
    return rows


def _same_words(items: Sequence[Item], min_characters: int) -> list[dict[str, Any]]:
    first: dict[tuple[Any, ...], Item] = {}
    rows = []
    for item in sorted(items, key=lambda item: (item.start or date.max, item.order)):
        words = tuple(plain(item.texts.get(field) or "") for field in _WORDS)
        if not item.finding or item.start is None or not words[1] or sum(map(len, words)) < min_characters:
            continue
        place = None if item.coordinate is None else (item.coordinate.x, item.coordinate.y)
        earlier = first.setdefault((words, place), item)
        if earlier.start is not None and earlier.start < item.start:
            where = f"{earlier.file} {earlier.sheet} 第{earlier.row}行"
            reason = f"主体、地点、现状和措施与{earlier.start}所记（{where}）逐字相同，只有日期不同"
            rows.append(_row(item, SAME_WORDS, f"{item.start} {item.texts.get('place')}", reason))
    return rows


def _out_of_order(items: Sequence[Item], max_days_back: int) -> list[dict[str, Any]]:
    by_row = {item.row: item for item in reversed(items) if item.start is not None}
    rows = [by_row[number] for number in sorted(by_row)]
    days = [item.start for item in rows if item.start is not None]
    steps = [(later - earlier).days for earlier, later in pairwise(days)]
    if sum(step < 0 for step in steps) > sum(step > 0 for step in steps):
        rows, days, steps = rows[::-1], days[::-1], [-step for step in reversed(steps)]
    if not steps or sum(step >= 0 for step in steps) < _MOSTLY * len(steps):
        return []
    kept = _longest_run([day.toordinal() for day in days])
    found = []
    for number, (item, day) in enumerate(zip(rows, days, strict=True)):
        if number in kept:
            continue
        before = next((n for n in range(number, -1, -1) if n in kept), None)
        after = next((n for n in range(number, len(days)) if n in kept), None)
        away = max((days[before] - day).days if before is not None else 0,
                   (day - days[after]).days if after is not None else 0)  # fmt: skip
        if away > max_days_back:
            beside = "、".join(f"第{rows[n].row}行{days[n]}" for n in (before, after) if n is not None)
            reason = f"日期{day}与前后各行（{beside}）的先后次序不符，相差{away}天，而表内其他各行按日期先后填写"
            found.append(_row(item, OUT_OF_ORDER, f"{day}", reason))
    return found


def _longest_run(values: Sequence[int]) -> set[int]:
    """Indices of a longest non-decreasing subsequence (patience sorting)."""
    ends: list[int] = []
    last: list[int] = []
    before: list[int] = []
    for index, value in enumerate(values):
        at = bisect_right(ends, value)
        before.append(last[at - 1] if at else -1)
        ends[at : at + 1] = [value]
        last[at : at + 1] = [index]
    kept: set[int] = set()
    index = last[-1] if last else -1
    while index >= 0:
        kept.add(index)
        index = before[index]
    return kept


def _outside_month(items: Sequence[Item]) -> list[dict[str, Any]]:
    stem = items[0].file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
    year, month = title_hint([items[0].sheet, stem])
    if year is None or month is None:
        return []
    first = date(year - (month == 1), 12 if month == 1 else month - 1, 1)
    after = date(year + (month == 12), month % 12 + 1, 1)
    found = []
    for item in items:
        if item.item == 1 and item.start is not None and item.end is not None and item.end < first:
            reason = f"日期早于文件或工作表所写{year}年{month}月的上一个月"
            found.append(_row(item, BEFORE_MONTH, f"{item.start}", reason))
        elif item.item == 1 and item.start is not None and item.start >= after:
            reason = f"日期晚于文件或工作表所写的{year}年{month}月"
            found.append(_row(item, AFTER_MONTH, f"{item.start}", reason))
    return found


def _row(item: Item, kind: str, what: str, reason: str) -> dict[str, Any]:
    return oddity(item.unit_id, kind, what, reason, file=item.file, sheet=item.sheet, row=item.row)
