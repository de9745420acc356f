"""Rows of a worksheet to ledger items: every non-empty data row becomes items or is rejected with its reason."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from hashlib import sha256
from typing import Any

from pipeline.ledger.coordinates import Coordinate, centre, read_columns, read_coordinates
from pipeline.ledger.dates import CellValue, DateHints, ReadDate, anchors_of, plain, read_date, title_hint
from pipeline.ledger.sheets import (
    TEXT_FIELDS,
    FieldRules,
    Heading,
    RawSheet,
    cell_text,
    find_heading,
    is_empty,
    row_content,
    vertical_fills,
)
from pipeline.ledger.words import (
    AREA_FROM_TEXT,
    TARGET_ID,
    area_in_text,
    areas_in_cell,
    is_ditto,
    is_nothing,
    says_nothing_found,
    split_numbered,
)

NO_DATE_COLUMN, UNUSABLE, COPY, NO_RECORD = "E502", "E505", "E506", "E507"
DATE_FIELD, AREA_FIELD, POSITION_FIELD, TARGET_FIELD, WHOLE_ROW = (
    "discovered_on", "stated_area_m2", "coordinates", "stated_target_id", "row",
)  # fmt: skip
FINDING_FIELDS = ("subject", "place", "status", "project", "measures", "effect", "follow_up")
SPLIT_FIELDS = (*FINDING_FIELDS, "remark")
SHARED_POSITION_M = 500.0
_TEXT_LABELS = {"place": "违法地点", "status": "违法现状", "remark": "备注"}
_POSITION_COLUMNS = (("longitude", "latitude"), ("easting", "northing"))


@dataclass(frozen=True)
class Item:
    """One finding, or one patrol that found nothing. ``start``/``end``: closed interval of days, None when unknown."""

    unit_id: str
    file: str
    sheet: str
    row: int
    item: int
    finding: bool
    start: date | None
    end: date | None
    texts: Mapping[str, str | None]
    coordinate: Coordinate | None
    area_m2: float | None
    target_id: str | None
    content: str = ""

    @property
    def entry_id(self) -> str:
        """Stable and readable: unit, eight hexadecimal digits of file and sheet, row, item."""
        digest = sha256(f"{self.file}|{self.sheet}".encode()).hexdigest()[:8]
        return f"{self.unit_id}-{digest}-{self.row}-{self.item}"

    @property
    def order(self) -> tuple[str, str, str, int, int]:
        """Sort key that names every item once."""
        return self.unit_id, self.file, self.sheet, self.row, self.item


@dataclass(frozen=True)
class SheetResult:
    """Items, and rows of the tables ``repairs`` and ``rejected`` as plain dictionaries."""

    items: tuple[Item, ...]
    repairs: tuple[dict[str, Any], ...]
    rejected: tuple[dict[str, Any], ...]


def read_sheet(sheet: RawSheet, rules: FieldRules, *, as_of: date, oldest_years: int, latest_days: int) -> SheetResult:
    """Read one worksheet.

    Dates more than ``oldest_years`` before or ``latest_days`` after ``as_of`` are implausible. A sheet without a date
    column gives E502 and all its rows as rejected; a finding whose date cannot be read stays an item without a date,
    its date cell is rejected; a patrol without finding and without a date is rejected.
    """
    return _Reader(sheet, rules, as_of, oldest_years, latest_days).read()


class _Reader:
    """Collects items, repairs and rejections of one sheet, row by row."""

    def __init__(self, sheet: RawSheet, rules: FieldRules, as_of: date, oldest_years: int, latest_days: int) -> None:
        self.sheet, self.rules = sheet, rules
        self.items: list[Item] = []
        self.repairs: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        earliest = date(as_of.year - oldest_years, 1, 1)
        latest = date.fromordinal(as_of.toordinal() + latest_days)
        self.hints = DateHints(as_of, earliest, latest)
        self.above: dict[int, CellValue] = {}
        self.seen: dict[tuple[Any, ...], int] = {}

    def read(self) -> SheetResult:
        heading = find_heading(self.sheet, self.rules)
        if heading is None or heading.column("date") is None:
            self._reject_sheet(heading)
        else:
            self._read_rows(heading)
        return SheetResult(tuple(self.items), tuple(self.repairs), tuple(self.rejected))

    def _reject_sheet(self, heading: Heading | None) -> None:
        rows = [index for index, row in enumerate(self.sheet.rows) if not is_empty(row)]
        if not rows:
            return
        if heading is None:
            reason = "没有找到至少含三项台账内容的表头；请在数据上方写明台账十项"
        else:
            named = "、".join(text for text in heading.texts.values() if text)
            reason = f"表头（{named}）没有日期列；请补充“巡查时间”列"
        self.reject(None, None, None, NO_DATE_COLUMN, reason)
        for index in rows:
            if heading is None or index >= heading.data_from:
                self.reject(index, None, row_content(self.sheet.rows[index]), NO_DATE_COLUMN, reason)

    def _read_rows(self, heading: Heading) -> None:
        fills = vertical_fills(self.sheet, heading.data_from)
        column = heading.column("date")
        stem = self.sheet.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        year, month = title_hint([*heading.titles, self.sheet.sheet, stem])
        hints = replace(self.hints, year=year, month=month)
        rows = self.sheet.rows
        dated = [row[column] for row in rows[heading.data_from :] if column is not None and column < len(row)]
        self.hints = replace(hints, anchors=anchors_of(dated, hints))
        for index in range(heading.data_from, len(rows)):
            if not is_empty(rows[index]):
                self._read_row(index, heading, fills)

    def _read_row(self, index: int, heading: Heading, fills: Mapping[tuple[int, int], CellValue]) -> None:
        content = row_content(self.sheet.rows[index])
        footer = self._no_record(index, heading)
        if footer:
            self.reject(index, None, content, NO_RECORD, footer)
            return
        values = self._cells(index, heading, fills)
        day = self._date(index, values.get("date"))
        texts = {field: cell_text(values[field]) or None for field in TEXT_FIELDS if field in values}
        if day.start is None and not cell_text(values.get("date")) and not any(texts.values()):
            # Only what the template was pre-filled with: an unanswered row must not become a finding.
            self.reject(index, None, content, NO_RECORD, "只有预填的编号、坐标或面积，没有填写巡查内容")
            return
        extra = [f"{name[6:]}：{cell_text(value)}" for name, value in values.items() if name.startswith("extra:")]
        noted = [part for part in (texts.get("remark"), *(e for e in extra if not e.endswith("："))) if part]
        texts["remark"] = "；".join(noted) or None
        finding = self._is_finding(texts, values)
        if not finding and day.start is None:
            why = day.problem or "没有日期"
            self.reject(index, None, content, UNUSABLE, f"未发现问题的巡查必须有日期：{why}")
            return
        if not finding and not any(texts.values()):
            self.reject(index, None, content, UNUSABLE, "仅有日期，没有巡查内容")
            return
        if finding and day.start is None:
            before = cell_text(values.get("date")) or None
            reason = f"{day.problem if before else '没有日期'}；该条发现保留，日期不明"
            self.reject(index, DATE_FIELD, before, UNUSABLE, reason)
        self._add_items(index, heading, values, texts, day, finding)

    def _no_record(self, index: int, heading: Heading) -> str:
        """Why a row is a repeated heading or a footer, else empty."""
        texts = [cell_text(value) for value in self.sheet.rows[index]]
        filled = [text for text in texts if text]
        headings = {text for text in heading.texts.values() if text}
        if len(filled) >= 3 and set(filled) <= headings:
            return "重复的表头"
        serial = heading.column("serial")
        if len(filled) == 1 and serial is not None and serial < len(texts) and texts[serial]:
            return "只有序号的空行"
        begins = re.sub(r"[\s：:（(]+", "", filled[0])
        if len(filled) <= 3 and any(begins.startswith(word) for word in self.rules.no_record):
            return "合计、说明或签名行"
        return ""

    def _cells(self, index: int, heading: Heading, fills: Mapping[tuple[int, int], CellValue]) -> dict[str, CellValue]:
        """The row's cells by field with merges and ditto marks resolved."""
        row = self.sheet.rows[index]
        values: dict[str, CellValue] = {}
        for column, field in heading.fields.items():
            value = row[column] if column < len(row) else None
            if not cell_text(value) and (index, column) in fills:
                value = fills[index, column]
                self.repair(index, _shown(field), None, cell_text(value), "合并单元格")
            elif isinstance(value, str) and is_ditto(value, self.rules) and field != "serial":
                above = self.above.get(column)
                if cell_text(above):
                    self.repair(index, _shown(field), value, cell_text(above), "同上")
                else:
                    self.reject(index, _shown(field), value, UNUSABLE, "写有“同上”，但上一行为空")
                value = above
            self.above[column] = value
            if field != "serial":
                values[field] = value
        return values

    def _date(self, index: int, value: CellValue) -> ReadDate:
        if not cell_text(value):
            return ReadDate(None, None, problem="没有日期")
        read = read_date(value, self.hints)
        if read.start is not None and read.end is not None:
            after = f"{read.start}" if read.start == read.end else f"{read.start}/{read.end}"
            if cell_text(value) != after:
                self.repair(index, DATE_FIELD, cell_text(value), after, read.rule or "日期写法")
        return read

    def _is_finding(self, texts: Mapping[str, str | None], values: Mapping[str, CellValue]) -> bool:
        """False for a patrol that found nothing.

        A named subject or a status other than a phrase such as 未发现 is a finding, whatever else is said.
        """
        told = {field: texts.get(field) or "" for field in (*FINDING_FIELDS, "remark")}

        def says(field: str) -> bool:
            return not is_nothing(told[field], self.rules) and not says_nothing_found(told[field], self.rules)

        if says("subject") or says("status"):
            return True
        if any(says_nothing_found(text, self.rules) for text in told.values()):
            return says("place") and says("measures")
        if any(cell_text(values.get(name)) for pair in _POSITION_COLUMNS for name in (*pair, "coordinates", "area")):
            return True
        return says("place") or says("measures") or says("effect")

    def _add_items(
        self,
        index: int,
        heading: Heading,
        values: Mapping[str, CellValue],
        texts: dict[str, str | None],
        day: ReadDate,
        finding: bool,
    ) -> None:
        parts = self._split(index, texts, values) if finding else [texts]
        positions = self._positions(index, values, parts)
        areas = self._areas(index, heading, values, parts) if finding else (None,)
        ids = self._target_ids(index, values, parts)
        for number, (part, position, area, target) in enumerate(zip(parts, positions, areas, ids, strict=True), 1):
            self.items.append(
                Item(self.sheet.unit_id, self.sheet.file, self.sheet.sheet, self._row(index), number, finding,
                     day.start, day.end, part, position, area, target,
                     row_content(self.sheet.rows[index]))
            )  # fmt: skip

    def _split(
        self, index: int, texts: dict[str, str | None], values: Mapping[str, CellValue]
    ) -> list[dict[str, str | None]]:
        """One dictionary of texts per finding of the row."""
        numbered = {field: split_numbered(text) for field, text in texts.items() if text and field in SPLIT_FIELDS}
        count = next((len(numbered[f]) for f in FINDING_FIELDS[:4] if len(numbered.get(f, ())) > 1), 1)
        if count == 1:
            listed = {f: tuple(p.strip() for p in re.split(r"[;；\n]+", t) if p.strip())
                      for f, t in texts.items() if t and f in ("subject", "place")}  # fmt: skip
            pairs = len(read_coordinates(cell_text(values.get("coordinates")), strict=False))
            sizes = [len(parts) for parts in listed.values()] + [pairs]
            count = next((n for n in sizes if n > 1 and sizes.count(n) > 1), 1)
            numbered = {f: parts for f, parts in listed.items() if len(parts) == count}
        if count == 1:
            return [texts]
        split = []
        for number in range(count):
            split.append({f: numbered[f][number] if len(numbered.get(f, ())) == count else t for f, t in texts.items()})
        for field, parts in numbered.items():
            if len(parts) == count:
                self.repair(index, field, texts[field], " / ".join(parts), "一行多项拆分")
            elif len(parts) > 1:
                self.repair(index, field, texts[field], texts[field], "编号数不一致，整段保留")
        return split

    def _positions(
        self, index: int, values: Mapping[str, CellValue], parts: Sequence[Mapping[str, str | None]]
    ) -> list[Coordinate | None]:
        """One coordinate per finding: from the coordinate columns, else from the words of the place or the remark."""
        columns = [pair for pair in _POSITION_COLUMNS if any(cell_text(values.get(name)) for name in pair)]
        told = [cell_text(values.get(name)) for name in (columns[0] if columns else ("coordinates",))]
        content = " , ".join(text for text in told if text)
        if not content or is_nothing(content, self.rules):
            return [self._position_in_text(index, part) for part in parts]
        found = read_columns(told[0], told[1]) if columns else read_coordinates(content, strict=False)
        if not found:
            self.reject(index, POSITION_FIELD, content, UNUSABLE, "不是能识别的坐标，请写成114.12345,32.12345")
            return [self._position_in_text(index, part) for part in parts]
        for rule in dict.fromkeys(rule for pair in found for rule in pair.rules):
            after = "; ".join(f"{pair.x:.8g},{pair.y:.8g}" for pair in found)
            self.repair(index, POSITION_FIELD, content, after, rule)
        if len(found) == len(parts):
            return list(found)
        if len(parts) == 1:
            middle = centre(found)
            self.repair(index, POSITION_FIELD, content, f"{middle.x:.8g},{middle.y:.8g}", "多个坐标取中心")
            return [middle]
        if len(found) == 1:
            self.repair(index, POSITION_FIELD, content, content, "多项共用一个坐标")
            return [replace(found[0], rounding_m=max(found[0].rounding_m, SHARED_POSITION_M))] * len(parts)
        reason = f"{len(parts)}项发现有{len(found)}个坐标，请一一对应编号"
        self.reject(index, POSITION_FIELD, content, UNUSABLE, reason)
        return [None] * len(parts)

    def _position_in_text(self, index: int, part: Mapping[str, str | None]) -> Coordinate | None:
        for field in ("place", "status", "remark"):
            found = read_coordinates(part.get(field) or "", strict=True)
            if found:
                middle = found[0] if len(found) == 1 else centre(found)
                after = f"{middle.x:.8g},{middle.y:.8g}"
                self.repair(index, POSITION_FIELD, part[field], after, f"坐标取自{_TEXT_LABELS[field]}")
                return middle
        return None

    def _areas(
        self,
        index: int,
        heading: Heading,
        values: Mapping[str, CellValue],
        parts: Sequence[Mapping[str, str | None]],
    ) -> tuple[float | None, ...]:
        text = cell_text(values.get("area"))
        if text and not is_nothing(text, self.rules):
            column = heading.column("area")
            areas = areas_in_cell(text, heading.texts.get(column, "") if column is not None else "", len(parts))
            if None in areas:
                reason = "面积没有单位，或与发现项数不符；请写成1200平方米或1.8亩"
                self.reject(index, AREA_FIELD, text, UNUSABLE, reason)
            else:
                after = "; ".join(f"{area:.1f}" for area in areas if area is not None)
                self.repair(index, AREA_FIELD, text, after, "面积换算为平方米")
            return areas
        told = [" ".join(part.get(field) or "" for field in ("status", "project", "place")) for part in parts]
        areas = tuple(area_in_text(text) for text in told)
        if any(area is not None for area in areas):
            after = "; ".join("-" if area is None else f"{area:.1f}" for area in areas)
            self.repair(index, AREA_FIELD, None, after, AREA_FROM_TEXT)
        return areas

    def _target_ids(
        self, index: int, values: Mapping[str, CellValue], parts: Sequence[Mapping[str, str | None]]
    ) -> list[str | None]:
        text = plain(cell_text(values.get("target_id")))
        if text and not is_nothing(text, self.rules):
            found = TARGET_ID.findall(text) or [text]
            if len(found) == len(parts):
                return list(found)
            if len(found) == 1:
                return [found[0]] * len(parts)
            self.reject(index, TARGET_FIELD, text, UNUSABLE, f"{len(parts)}项发现有{len(found)}个监测编号")
            return [None] * len(parts)
        told = [TARGET_ID.findall(" ".join(t for t in part.values() if t)) for part in parts]
        return [ids[0] if len(set(ids)) == 1 else None for ids in told]

    def _row(self, index: int) -> int:
        return self.sheet.first_row + index

    def repair(self, index: int, field: str, before: str | None, after: str | None, rule: str) -> None:
        """Log one change, once per field and rule of a row."""
        key = (index, field, rule)
        if key in self.seen:
            log = self.repairs[self.seen[key]]
            log["after"] = f"{log['after']}; {after}"
            return
        self.seen[key] = len(self.repairs)
        self.repairs.append({"unit_id": self.sheet.unit_id, "file": self.sheet.file, "sheet": self.sheet.sheet,
                             "row": self._row(index), "field": field, "before": before, "after": after,
                             "rule": rule})  # fmt: skip

    def reject(self, index: int | None, field: str | None, content: str | None, code: str, reason: str) -> None:
        """Keep what could not be used, with its reason."""
        self.rejected.append({"unit_id": self.sheet.unit_id, "file": self.sheet.file, "sheet": self.sheet.sheet,
                              "row": None if index is None else self._row(index), "field": field,
                              "content": content, "code": code, "reason": reason})  # fmt: skip


def _shown(field: str) -> str:
    """The entry column a sheet field ends in."""
    names = {"date": DATE_FIELD, "area": AREA_FIELD, "target_id": TARGET_FIELD}
    return names.get(field, POSITION_FIELD if field in {n for p in _POSITION_COLUMNS for n in p} else field)
