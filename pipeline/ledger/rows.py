"""Rows of a worksheet to ledger items: every non-empty data row becomes items or is rejected with its reason."""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

from pipeline.ledger.date_forms import CLOCK_ALONE, CellValue, several_days
from pipeline.ledger.date_years import DateHints, Unreadable
from pipeline.ledger.dates import ReadDate, anchors_of, day_in_text, read_date, title_hint
from pipeline.ledger.findings import POSITION_COLUMNS, Texts, areas_of, carried_on, is_finding, split_row, target_ids_of
from pipeline.ledger.items import Item
from pipeline.ledger.layouts import Block, find_blocks, labelled_parts
from pipeline.ledger.log import (
    AREA_FIELD,
    DATE_FIELD,
    NO_DATE_COLUMN,
    NO_RECORD,
    POSITION_FIELD,
    TARGET_FIELD,
    UNUSABLE,
    SheetLog,
)
from pipeline.ledger.no_record import is_note, why_no_record
from pipeline.ledger.row_positions import positions_of
from pipeline.ledger.sheets import TEXT_FIELDS, FieldRules, RawSheet, cell_text, is_empty, known_headings, row_content
from pipeline.ledger.words import (
    ditto_and_more,
    is_ditto,
    is_nothing,
    says_not_patrolled,
    says_nothing_found,
    split_lines,
    split_numbered,
    who_and_where,
    without_numbers,
)

MERGED, DITTO, DITTO_AND_MORE, CONTINUED = "合并单元格", "同上", "同上并补充", "续行沿用上一行"
FROM_PARTS, NUMBERS_REMOVED, DATE_FORM = "取自分项填写的单元格", "姓名中的号码移出", "日期写法"
FROM_SENTENCE = "取自文字叙述"
FROM_SHEET_NAME, FROM_FILE_NAME, FROM_TITLE = "日期取自工作表名", "日期取自文件名", "日期取自标题"
YEAR_MONTH_DAY, CARRIED_ON = "年月日分列合并", "接续上一行未写完的文字"
_SIGNED = re.compile("填表|填报|报送|制表|打印|上报|审核|截止|印发|编制")
_NAMES = ("people", "subject", "place")
_HINT_OF_A_DATE = re.compile(r"[^\d一二三四五六七八九十]*[年月日][^\d一二三四五六七八九十]*")
_FINDING_CELLS = ("subject", "place", "status", "measures")


@dataclass(frozen=True)
class SheetResult:
    """Items, and rows of the tables ``repairs`` and ``rejected`` as plain dictionaries."""

    items: tuple[Item, ...]
    repairs: tuple[dict[str, Any], ...]
    rejected: tuple[dict[str, Any], ...]


def read_sheet(sheet: RawSheet, rules: FieldRules, *, as_of: date, oldest_years: int, latest_days: int) -> SheetResult:
    """Read one worksheet: its tables, or its forms.

    Dates more than ``oldest_years`` before or ``latest_days`` after ``as_of`` are implausible. A table that names no day
    in a column, above itself, in the sheet's or the file's name gives E502 and all its rows as rejected; a finding whose
    date cannot be read stays an item without a date, its date cell is rejected; a patrol without finding and without a
    date is rejected, and so are totals, signatures, examples and days without patrol (E507).
    """
    log = SheetLog(sheet)
    blocks = find_blocks(sheet, rules)
    earliest = date(as_of.year - oldest_years, 1, 1)
    hints = DateHints(as_of, earliest, date.fromordinal(as_of.toordinal() + latest_days))
    items: list[Item] = []
    counts: dict[int, int] = {}
    if not blocks:
        _reject_sheet(sheet, rules, log)
    for index in sorted({index for block in blocks for index in block.aside}):
        reason = next(block.aside[index] for block in blocks if index in block.aside)
        log.reject(index, None, row_content(sheet.rows[index]), NO_RECORD, reason)
    for block in blocks:
        items += _Reader(sheet, rules, block, hints, log, counts).read()
    return SheetResult(tuple(items), tuple(log.repairs), tuple(log.rejected))


def _reject_sheet(sheet: RawSheet, rules: FieldRules, log: SheetLog) -> None:
    rows = [index for index, row in enumerate(sheet.rows) if not is_empty(row)]
    if rows:
        reason = "没有找到至少含三项台账内容的表头；请在数据上方写明台账十项"
        log.reject(None, None, None, NO_DATE_COLUMN, reason)
        for index in rows:
            log.reject(index, None, row_content(sheet.rows[index]), NO_DATE_COLUMN, reason)


class _Reader:
    """Reads one block of rows; ``counts``: items given so far by row, as several records may share one."""

    def __init__(
        self, sheet: RawSheet, rules: FieldRules, block: Block, hints: DateHints, log: SheetLog, counts: dict[int, int]
    ) -> None:
        self.sheet, self.rules, self.block, self.log, self.counts = sheet, rules, block, log, counts
        self.heading = block.heading
        self.headings = known_headings(rules)
        self.items: list[Item] = []
        self.above: dict[int, CellValue] = {}
        self.told_until = 0
        self.day_above: tuple[date, date] | None = None
        self.stem = sheet.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        year, month = title_hint([*block.heading.titles, sheet.sheet, self.stem])
        self.hints = replace(hints, year=year, month=month, beside=rules.beside_a_date)
        self.titled = self._titled_day()
        self.given = dict(block.given)
        self.near: list[tuple[date | None, date | None]] = []

    def read(self) -> list[Item]:
        """The block's items in the order of its rows."""
        if not self.block.dated and "date" not in self.given:
            self._day_from_names()
        if not self.block.dated and "date" not in self.given:
            self._reject_block()
            return []
        self._prepare_dates()
        for number, (index, cells) in enumerate(self.block.rows):
            if index in self.block.aside and not self.block.turned:
                self.above.clear()
            else:
                self._read_row(number, index, cells)
        return self.items

    def _titled_day(self) -> str:
        """The day that one of the titles states for the whole table, days of signing apart; empty for none or several."""
        told = [day_in_text(title, self.hints) for title in self.heading.titles if not _SIGNED.search(title)]
        days = {f"{read.start}" for read in told if read is not None and read.start == read.end}
        return days.pop() if len(days) == 1 else ""

    def _day_from_names(self) -> None:
        for text, rule in ((self.sheet.sheet, FROM_SHEET_NAME), (self.stem, FROM_FILE_NAME)):
            found = day_in_text(text, self.hints)
            if found is None and rule == FROM_SHEET_NAME and re.search(r"[月.]", text):
                found = read_date(text, self.hints)
            if found is not None and found.start is not None and found.start == found.end:
                self.given["date"] = (f"{found.start}", rule)
                return

    def _reject_block(self) -> None:
        named = "、".join(text for text in self.heading.texts.values() if text)
        reason = f"表头（{named}）没有日期列；请补充“巡查时间”列"
        self.log.reject(None, None, None, NO_DATE_COLUMN, reason)
        for index, cells in self.block.rows:
            if index not in self.block.aside:
                self.log.reject(index, None, row_content(cells), NO_DATE_COLUMN, reason)

    def _prepare_dates(self) -> None:
        """The complete dates of the rows, their slips in the year mended by their neighbours, as anchors of the rest."""
        column = self.heading.column("date")
        values = [cells[column] if column is not None and column < len(cells) else None for _, cells in self.block.rows]
        complete = [next(iter(anchors_of([value], self.hints)), None) for value in values]
        below = list(_latest_of(complete[::-1]))[::-1]
        self.near = list(zip(_latest_of(complete), below, strict=True))
        mended = set()
        for day, (before, after) in zip(complete, self.near, strict=True):
            if day is not None:
                mended.add(read_date(day, replace(self.hints, before=before, after=after)).start)
        self.hints = replace(self.hints, anchors=tuple(sorted(day for day in mended if day is not None)))

    def _read_row(self, number: int, index: int, cells: tuple[CellValue, ...]) -> None:
        content = row_content(cells)
        date_column = self.heading.column("date")
        given = date_column is not None and (index, date_column) in self.block.fills
        footer = why_no_record(cells, self.heading, self.rules, turned=self.block.turned, dated=given)
        if footer:
            self.log.reject(index, None, content, NO_RECORD, footer)
            return
        if self._carries_on(index, cells):
            return
        values = self._cells(index, cells)
        if not self.items and _HINT_OF_A_DATE.fullmatch(cell_text(values.get("date"))):
            self.log.reject(index, None, content, NO_RECORD, "表头下的填写说明行")
            return
        day = self._date(number, index, values)
        texts: Texts = {field: cell_text(values[field]) or None for field in TEXT_FIELDS if field in values}
        if day.start is None and not cell_text(values.get("date")) and not any(texts.values()):
            # Only what the template was pre-filled with: an unanswered row must not become a finding.
            self.log.reject(index, None, content, NO_RECORD, "只有预填的编号、坐标或面积，没有填写巡查内容")
            return
        self._tidy(index, texts, values)
        finding = is_finding(texts, values, self.rules)
        said = [texts.get(field) or "" for field in ("status", "project", "route", "remark", "subject")]
        if says_not_patrolled(said, self.rules) and is_nothing(texts.get("place") or "", self.rules):
            self.log.reject(index, None, content, NO_RECORD, "写明当日未巡查，不计为巡查")
            return
        if not finding and day.start is None and is_note(cells):
            self.log.reject(index, None, content, NO_RECORD, "表中的说明文字")
            return
        if not finding and day.start is None:
            why = day.problem or "没有日期"
            self.log.reject(index, None, content, UNUSABLE, f"未发现问题的巡查必须有日期：{why}")
            return
        if not finding and not any(texts.values()):
            self.log.reject(index, None, content, UNUSABLE, "仅有日期，没有巡查内容")
            return
        if finding and day.start is None:
            before = cell_text(values.get("date")) or None
            reason = f"{day.problem if before else '没有日期'}；该条发现保留，日期不明"
            self.log.reject(index, DATE_FIELD, before, UNUSABLE, reason)
        self.told_until = self.log.number(index)
        for one in (day,) if finding else self._each_day(values, day):
            self._add_items(index, values, texts, one, finding, content)

    def _carries_on(self, index: int, cells: tuple[CellValue, ...]) -> bool:
        """Whether a row only ends a text that the row above broke off; it is then added to that row's one finding."""
        last = self.items[-1] if self.items else None
        if last is None or not last.finding or self.told_until != self.log.number(index) - 1 or last.item > 1:
            return False
        told = {self.heading.fields.get(column, ""): cell_text(value) for column, value in enumerate(cells)}
        whole = carried_on(last.texts, {field: text for field, text in told.items() if text})
        if whole is None or any(row == index for row, _ in self.block.fills):
            return False
        for field, text in whole.items():
            self.log.repair(index, field, told[field], text, CARRIED_ON)
        self.items[-1] = replace(last, texts={**last.texts, **whole}, content=f"{last.content} {row_content(cells)}")
        self.told_until = self.log.number(index)
        return True

    def _each_day(self, values: Mapping[str, CellValue], day: ReadDate) -> tuple[ReadDate, ...]:
        """The days of patrols that one row lists (5月3日、8日、15日): each is a patrol of its own."""
        try:
            days = several_days(cell_text(values.get("date")), self.hints)
        except Unreadable:
            return (day,)
        whole = len(days) > 1 and (days[0], days[-1]) == (day.start, day.end)
        return tuple(replace(day, start=one, end=one) for one in days) if whole else (day,)

    def _cells(self, index: int, row: tuple[CellValue, ...]) -> dict[str, CellValue]:
        """The row's cells by field with merges, ditto marks and continued rows resolved."""
        values: dict[str, CellValue] = {}
        continued = self._continues(index, row)
        for column, field in self.heading.fields.items():
            value = row[column] if column < len(row) else None
            above = self.above.get(column)
            if not cell_text(value) and (index, column) in self.block.fills:
                value = self.block.fills[index, column]
                self.log.repair(index, _shown(field), None, cell_text(value), MERGED)
            elif field in continued and cell_text(above):
                value = above
                self.log.repair(index, _shown(field), None, cell_text(value), CONTINUED)
            elif isinstance(value, str) and field != "serial":
                value = self._without_ditto(index, field, value, above)
            self.above[column] = value
            if field != "serial":
                values[field] = value
        for field, (text, rule) in self.given.items():
            if self.heading.column(field) is None and not cell_text(values.get(field)):
                values[field] = text
                self.log.repair(index, _shown(field), None, text, rule)
        return self._joined_date(index, values)

    def _without_ditto(self, index: int, field: str, value: str, above: CellValue) -> CellValue:
        more = ditto_and_more(value, self.rules)
        if not is_ditto(value, self.rules) and more is None:
            return value
        if not cell_text(above) and field == "date":
            return value
        if not cell_text(above):
            self.log.reject(index, _shown(field), value, UNUSABLE, "写有“同上”，但上一行为空")
            return above
        whole = above if more is None else f"{cell_text(above)}，{more}"
        self.log.repair(index, _shown(field), value, cell_text(whole), DITTO if more is None else DITTO_AND_MORE)
        return whole

    def _continues(self, index: int, row: tuple[CellValue, ...]) -> tuple[str, ...]:
        """Fields to take from the row above: its day, and with nothing else of the outing written, crew and route too.

        Only directly below a dated record, and only for a row that tells something: an empty row, or one that is no
        record, ends the outing.
        """
        fields = self.heading.fields
        head = {field: c for c, field in fields.items() if field in ("date", "people", "route")}
        filled = {field for field, c in head.items() if c < len(row) and cell_text(row[c])}
        filled |= {field for field, c in head.items() if (index, c) in self.block.fills}
        told = [c for c, field in fields.items() if field in _FINDING_CELLS and c < len(row) and cell_text(row[c])]
        last = self.items[-1] if self.items else None
        filled |= {field for field, c in head.items() if self._unknown(index, c)}
        if not told or "date" in filled or last is None or last.start is None:
            return ()
        if self.told_until != self.log.number(index) - 1:
            return ()
        return ("date",) if filled else ("date", "people", "route")

    def _unknown(self, index: int, column: int) -> bool:
        return (self.log.number(index), self.sheet.first_column + column) in self.sheet.unknown

    def _joined_date(self, index: int, values: dict[str, CellValue]) -> dict[str, CellValue]:
        """Values with 年, 月 and 日 columns joined to a date and an end column to an interval."""
        parts = {name: cell_text(values.pop(name, None)) for name in ("year", "month", "day")}
        if not cell_text(values.get("date")) and (parts["day"] or parts["month"]):
            marks = zip(parts.values(), "年月日", strict=True)
            text = "".join(part if part.endswith(mark) else part + mark for part, mark in marks if part)
            values["date"] = text
            self.log.repair(index, DATE_FIELD, " | ".join(parts.values()), text, YEAR_MONTH_DAY)
        until = values.pop("date_until", None)
        if cell_text(until):
            start, end = read_date(values.get("date"), self.hints), read_date(until, self.hints)
            if start.start is not None and end.end is not None and end.end >= start.start:
                values["date"] = f"{start.start}至{end.end}" if end.end > start.start else values.get("date")
            else:
                values["extra:结束时间"] = until
        return values

    def _date(self, number: int, index: int, values: Mapping[str, CellValue]) -> ReadDate:
        value = values.get("date")
        if not cell_text(value):
            return ReadDate(None, None, problem="没有日期")
        if is_ditto(cell_text(value), self.rules):
            return ReadDate(None, None, problem=f"写有“{cell_text(value)}”，但上一行没有日期")
        if self.titled and CLOCK_ALONE.fullmatch(cell_text(value)):
            self.log.repair(index, DATE_FIELD, cell_text(value), self.titled, FROM_TITLE)
            value = self.titled
        before, after = self.near[number]
        read = read_date(value, replace(self.hints, above=self.day_above, before=before, after=after))
        if read.start is not None and read.end is not None:
            self.day_above = (read.start, read.end)
            told = f"{read.start}" if read.start == read.end else f"{read.start}/{read.end}"
            if cell_text(value) != told:
                self.log.repair(index, DATE_FIELD, cell_text(value), told, read.rule or DATE_FORM)
        return read

    def _tidy(self, index: int, texts: Texts, values: Mapping[str, CellValue]) -> None:
        """Take apart what one cell says of several fields, move numbers out of names, keep unknown columns as remarks."""
        parts = labelled_parts(texts.get("status") or "", self.headings)
        for field, value in parts.items():
            if field in TEXT_FIELDS and field != "status" and value and not texts.get(field):
                texts[field] = value
                self.log.repair(index, field, None, value, FROM_PARTS)
        self._who_and_where(index, texts)
        for field in _NAMES:
            text = texts.get(field)
            bare = without_numbers(text) if text else text
            if text and bare != text:
                texts[field] = bare or None
                self.log.repair(index, field, text, bare, NUMBERS_REMOVED)
        extra = [f"{name[6:]}：{cell_text(value)}" for name, value in values.items() if name.startswith("extra:")]
        noted = [part for part in (texts.get("remark"), *(e for e in extra if not e.endswith("："))) if part]
        texts["remark"] = "；".join(noted) or None

    def _who_and_where(self, index: int, texts: Texts) -> None:
        """Without a place of its own, take the place (and the subject) from the sentence that names it."""
        if not is_nothing(texts.get("place") or "", self.rules):
            return
        for field in ("subject", "status"):
            text = texts.get(field) or ""
            if is_nothing(text, self.rules) or says_nothing_found(text, self.rules):
                continue
            parts = next((p for p in (split_numbered(text), split_lines(text)) if len(p) > 1), (text,))
            told = [who_and_where(part) for part in parts]
            if not all(place for _, place in told):
                continue
            self._told(index, texts, "place", [place or "" for _, place in told])
            if all(who for who, _ in told) and (
                field == "subject" or is_nothing(texts.get("subject") or "", self.rules)
            ):
                self._told(index, texts, "subject", [who or "" for who, _ in told])
            return

    def _told(self, index: int, texts: Texts, field: str, parts: Sequence[str]) -> None:
        text = parts[0] if len(parts) == 1 else "\n".join(f"{n}.{part}" for n, part in enumerate(parts, 1))
        self.log.repair(index, field, texts.get(field), text, FROM_SENTENCE)
        texts[field] = text

    def _add_items(
        self, index: int, values: Mapping[str, CellValue], texts: Texts, day: ReadDate, finding: bool, content: str
    ) -> None:
        parts = split_row(index, texts, values, self.rules, self.log) if finding else [texts]
        positions = positions_of(index, values, parts, self.rules, self.log)
        column = self.heading.column("area")
        unit = self.heading.texts.get(column, "") if column is not None else ""
        areas = areas_of(index, unit, values, parts, self.rules, self.log) if finding else (None,)
        ids = target_ids_of(index, values, parts, self.rules, self.log)
        for part, position, area, target in zip(parts, positions, areas, ids, strict=True):
            self.counts[index] = self.counts.get(index, 0) + 1
            self.items.append(
                Item(self.sheet.unit_id, self.sheet.file, self.sheet.sheet, self.log.number(index), self.counts[index],
                     finding, day.start, day.end, part, position, area, target, content,
                     cell_text(values.get("corrects")) or None)
            )  # fmt: skip


def _latest_of(days: Sequence[date | None]) -> Iterator[date | None]:
    """For every position the last day before it."""
    latest: date | None = None
    for day in days:
        yield latest
        latest = day or latest


def _shown(field: str) -> str:
    """The entry column a sheet field ends in."""
    names = {"date": DATE_FIELD, "area": AREA_FIELD, "target_id": TARGET_FIELD}
    return names.get(field, POSITION_FIELD if field in {n for p in POSITION_COLUMNS for n in p} else field)
