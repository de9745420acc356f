"""What every delivered ledger file is and says: one row per file, readable or not, with reasons to look at it."""

from __future__ import annotations

import re
from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from pipeline.ledger.characters import plain
from pipeline.ledger.dates import title_hint
from pipeline.ledger.entries import LedgerRead
from pipeline.ledger.items import Item
from pipeline.ledger.log import DATE_FIELD, POSITION_FIELD
from pipeline.ledger.sheets import FieldRules, RawSheet, find_heading
from pipeline.schema import LEDGER_FILES, conform, empty

_PLACE_NAME = re.compile(r"[一-鿿]{2,6}?(?:省|市|县|区|镇|乡|街道|办事处)")
_NO_PLACE = re.compile(
    r".*(?:辖区|社区|小区|片区|地区|园区|郊区|林区|山区|景区|库区|矿区|城区|全区|城市|本市|全市|我市|上市)$"
)
_MONTH_SHEET = re.compile(r"(\d{1,2})月(?:份)?(?!\d)")
_ONE_MONTH = re.compile(r"(?<![\d\-~至到—])(20\d\d)[年.\-_]?(0?[1-9]|1[0-2])月")
# words and signs after which a name speaks of more than the one month it states, and figures of another month
_FURTHER = re.compile(
    r"至|到|起|今|以[来后]|之?后|开始|陆续|累计|截[至止]|全年|年度|半年|季|各月|[-~—–→、&+和及与](?:20\d\d[年.\-_]?)?(?:0?[1-9]|1[0-2])(?!\d)|"
    r"(?<!\d)20\d\d[.\-_]?(?:0?[1-9]|1[0-2])(?!\d*月)"
)
_NUMERALS = {
    text: str(number) for number, text in enumerate("一 二 三 四 五 六 七 八 九 十 十一 十二".split(), start=1)
}
_MOSTLY, _FEWEST = 0.8, 3
OF_NO_UNIT = "E503"


@dataclass(frozen=True)
class DeliveredFile:
    """A file as the source found it, before its words are understood.

    ``name``: path below the city folder; ``read``: it gave worksheets; ``code`` and ``reason``: why not, or what was
    lost in reading; ``saved_on``: the day the document's own properties say, None where they say none; ``reading``:
    what was decided to read it (encoding, delimiter, kind against its name).
    """

    unit_id: str | None
    name: str
    format: str
    size_bytes: int
    sha256: str | None
    read: bool
    code: str | None = None
    reason: str | None = None
    saved_on: date | None = None
    reading: str | None = None


@dataclass(frozen=True)
class FileRules:
    """From the dated rules: fields every row needs, further ones of a finding, words in names of mended and added files."""

    required: tuple[str, ...]
    required_of_finding: tuple[str, ...]
    correction_words: tuple[str, ...]
    addition_words: tuple[str, ...] = ()


def files_table(
    delivered: Iterable[DeliveredFile],
    sheets: Sequence[RawSheet],
    ledger: LedgerRead,
    *,
    fields: FieldRules,
    rules: FileRules,
    unit_names: Mapping[str, str],
    city_name: str,
    rejected: Sequence[Mapping[str, Any]] = (),
) -> Any:
    """The table LEDGER_FILES, by file.

    ``ledger``: what the sheets gave, copies included; ``rejected``: further REJECTED rows, of positions. ``rows``
    counts data rows: those that became entries, copies or rejected rows. First and last day are of dated rows, also of
    copies. ``stated_month`` is the latest month a title, sheet or file name states of which the file holds a dated row
    (else the latest stated); where only a year is stated, the month of that year's last row; of a file that could not
    be read the one month and year its name states. Completeness is

        usable cells of required fields / required cells

    over all rows that are or should be records: ``rules.required`` of every entry and, of findings,
    ``rules.required_of_finding``; a date that could not be read counts as empty, a row rejected whole as one row
    without any usable cell, a place is there when words or coordinates give it; null where the file has no such row.
    """
    parts: dict[str, list[RawSheet]] = {}
    for sheet in sheets:
        parts.setdefault(sheet.file, []).append(sheet)
    items, copies = _by_file(ledger.items), _by_file(ledger.copies)
    repairs = ledger.repairs.groupby("file").size().to_dict()
    losses: dict[str, list[Mapping[str, Any]]] = {}
    for row in [*ledger.rejected.to_dict("records"), *rejected]:
        losses.setdefault(row["file"], []).append(row)
    rows = []
    for file in delivered:
        name = file.name
        own, lost, written = items.get(name, []), losses.get(name, []), [*items.get(name, []), *copies.get(name, [])]
        days = [day for item in written for day in (item.start, item.end) if day is not None]
        titles = _titles(parts.get(name, []), fields)
        month = _stated_month(parts.get(name, []), titles, days) if file.read else _month_in_name(name)
        whole = {(row["sheet"], row["row"]) for row in lost if not _missing(row["row"]) and _missing(row["field"])}
        numbered = {(item.sheet, item.row) for item in own} | whole
        rows.append(
            {
                "unit_id": file.unit_id, "file": name, "format": file.format, "size_bytes": file.size_bytes,
                "sha256": file.sha256, "read": file.read, **_trouble(file, lost), "reading": file.reading,
                "sheets": len(parts.get(name, [])), "rows": len(numbered), "entries": len(own),
                "findings": sum(item.finding for item in own),
                "effort_rows": sum(not item.finding for item in own),
                "rejected": len(lost) + int(file.code is not None), "repaired_cells": int(repairs.get(name, 0)),
                "first_day": min(days, default=None), "last_day": max(days, default=None),
                "stated_month": None if month is None else f"{month[0]:04d}-{month[1]:02d}",
                "saved_on": file.saved_on, "completeness": completeness(own, lost, rules),
                "doubts": "；".join(_doubts(file, titles, month, own, days, lost, unit_names, city_name)) or None,
            }
        )  # fmt: skip
    if not rows:
        return empty(LEDGER_FILES)
    return conform(LEDGER_FILES, pd.DataFrame(rows).sort_values("file", kind="stable"))


def misplaced(
    delivered: Iterable[DeliveredFile],
    sheets: Sequence[RawSheet],
    items: Iterable[Item],
    rejected: Sequence[Mapping[str, Any]],
    *,
    fields: FieldRules,
    unit_names: Mapping[str, str],
    city_name: str,
) -> list[dict[str, Any]]:
    """REJECTED rows (E503) of read files whose title or coordinates are those of another unit or city.

    Their entries stay, so that a wrong guess loses nothing; but whose patrols they tell of is not known.
    """
    parts: dict[str, list[RawSheet]] = {}
    for sheet in sheets:
        parts.setdefault(sheet.file, []).append(sheet)
    own = _by_file(items)
    rows = []
    for file in sorted(delivered, key=lambda file: file.name):
        titles, lost = _titles(parts.get(file.name, []), fields), [row for row in rejected if row["file"] == file.name]
        why = _elsewhere(file, titles, own.get(file.name, []), lost, unit_names, city_name) if file.read else []
        if why:
            reason = f"{'；'.join(why)}；可能不属于该单位，请核对后移入所属单位文件夹或移出"
            rows.append({"unit_id": file.unit_id, "file": file.name, "sheet": None, "row": None, "field": None,
                         "content": None, "code": OF_NO_UNIT, "reason": reason})  # fmt: skip
    return rows


def completeness(items: Sequence[Item], rejected: Sequence[Mapping[str, Any]], rules: FileRules) -> float | None:
    """Share of the required cells that are filled and usable (0..1, three decimals), see :func:`files_table`."""
    needed = usable = 0
    for item in items:
        fields = (*rules.required, *(rules.required_of_finding if item.finding else ()))
        needed += len(fields)
        usable += sum(_filled(item, field) for field in fields)
    unread = {(row["sheet"], row["row"]) for row in rejected if _is_lost_record(row)}
    unread -= {(item.sheet, item.row) for item in items}
    needed += len(unread) * len(rules.required)
    return round(usable / needed, 3) if needed else None


def _is_lost_record(row: Mapping[str, Any]) -> bool:
    """A row rejected whole for what it lacks; copies and footers lack nothing."""
    return row["code"] in ("E502", "E505") and not _missing(row["row"]) and _missing(row["field"])


def _filled(item: Item, field: str) -> bool:
    if field == "date":
        return item.start is not None
    if field == "place" and item.coordinate is not None:
        return True
    return bool(item.texts.get(field))


def _trouble(file: DeliveredFile, lost: Sequence[Mapping[str, Any]]) -> dict[str, Any]:
    """The file's own code and reason, else those of a whole sheet."""
    if file.code is not None:
        return {"code": file.code, "reason": file.reason}
    whole = [row for row in lost if _missing(row["row"]) and row["code"] != "E507"]
    first = min(whole, key=lambda row: (row["code"], str(row["sheet"])), default=None)
    return {"code": None, "reason": None} if first is None else {"code": first["code"], "reason": first["reason"]}


def _by_file(items: Iterable[Item]) -> dict[str, list[Item]]:
    found: dict[str, list[Item]] = {}
    for item in items:
        found.setdefault(item.file, []).append(item)
    return found


def _titles(sheets: Sequence[RawSheet], fields: FieldRules) -> dict[str, tuple[str, ...]]:
    """Title rows above the heading by sheet."""
    headings = {sheet.sheet: find_heading(sheet, fields) for sheet in sheets}
    return {name: () if heading is None else heading.titles for name, heading in headings.items()}


def _stated_month(
    sheets: Sequence[RawSheet], titles: Mapping[str, tuple[str, ...]], days: Sequence[date]
) -> tuple[int, int] | None:
    stated: set[tuple[int, int]] = set()
    for sheet in sheets:
        stem = sheet.file.rsplit("/", 1)[-1].rsplit(".", 1)[0]
        texts = [*titles[sheet.sheet], sheet.sheet, stem]
        year, month = title_hint(texts)
        if month is None:
            month = _month_named(sheet.sheet) or _month_named(stem)
        if month is None and year is not None:
            # A yearly ledger stands for the month it has got to.
            month = max((day.month for day in days if day.year == year), default=None)
        years = {year} if year is not None else {day.year for day in days if day.month == month}
        if month is not None and len(years) == 1:
            stated.add((years.pop(), month))
    held = {(day.year, day.month) for day in days}
    return max(stated & held, default=None) or max(stated, default=None)


def _month_in_name(name: str) -> tuple[int, int] | None:
    """Year and month that a file's name states; None where it may hold more than that month (1-8月, 6月至今, 6月起)."""
    stem = plain(name.rsplit("/", 1)[-1].rsplit(".", 1)[0])
    found = _ONE_MONTH.search(stem)
    if found is None or stem.count("月") != 1 or _FURTHER.search(stem[: found.start()] + "月" + stem[found.end() :]):
        return None
    return int(found[1]), int(found[2])


def _month_named(text: str) -> int | None:
    folded = plain(text)
    match = _MONTH_SHEET.search(folded)
    number = match[1] if match else _NUMERALS.get(folded.split("月")[0]) if "月" in folded else None
    return int(number) if number and 1 <= int(number) <= 12 else None


def _doubts(
    file: DeliveredFile,
    titles: Mapping[str, tuple[str, ...]],
    month: tuple[int, int] | None,
    items: Sequence[Item],
    days: Sequence[date],
    lost: Sequence[Mapping[str, Any]],
    unit_names: Mapping[str, str],
    city_name: str,
) -> list[str]:
    """Reasons to look at a file; none of them is held against anyone."""
    found = _elsewhere(file, titles, items, lost, unit_names, city_name)
    if month is not None and days and month not in {(day.year, day.month) for day in days}:
        found.append(f"写明是{month[0]}年{month[1]}月，却没有该月的记录")
    if file.saved_on is not None and days and max(days) > file.saved_on:
        found.append(f"文件最后保存于{file.saved_on}，早于记录中的{max(days)}")
    undated = sum(row["field"] == DATE_FIELD for row in lost)
    if undated >= _FEWEST and undated >= _MOSTLY * max(len(items), 1):
        found.append(f"{undated}行日期不能识别")
    return found


def _elsewhere(
    file: DeliveredFile,
    titles: Mapping[str, tuple[str, ...]],
    items: Sequence[Item],
    lost: Sequence[Mapping[str, Any]],
    unit_names: Mapping[str, str],
    city_name: str,
) -> list[str]:
    """Why a file may be another unit's or another city's."""
    doubts = [strange_title("".join(texts), file.unit_id, unit_names, city_name) for texts in titles.values()]
    found = list(dict.fromkeys(doubt for doubt in doubts if doubt))
    outside = sum(row["field"] == POSITION_FIELD and "不在本市" in str(row["reason"]) for row in lost)
    stated = sum(item.coordinate is not None for item in items)
    if outside >= _FEWEST and outside >= _MOSTLY * stated:
        found.append(f"{stated}个坐标中{outside}个不在本市范围，可能是外地台账")
    return found


def strange_title(title: str, unit_id: str | None, unit_names: Mapping[str, str], city_name: str) -> str | None:
    """What is odd about the place a title names, None where it names the unit, the city, or no place.

    Words only: another unit of the city by its name, else a name ending in 省市县区镇乡街道 that is none of the city's.
    """
    own = unit_names.get(unit_id or "", "")
    if own and own in title:
        return None
    other = sorted(name for name in unit_names.values() if name in title)
    if other:
        return f"标题写的是“{'、'.join(other)}”，不是“{own}”" if own else None
    if city_name in title:
        return None
    names = [name for name in _PLACE_NAME.findall(title) if not _NO_PLACE.fullmatch(name)]
    if not names or _same_place(names, (own, city_name)):
        return None
    return f"标题写的是“{names[0]}”，不像本市单位"


def _same_place(names: Sequence[str], known: Collection[str]) -> bool:
    """True when a name, or all but its last letter (东关镇, 东关), stands in a known name or the other way round."""
    cores = [core for core in (name[:-1] for name in known) if len(core) >= 2]
    return any(core in name or name[:-1] in core for name in names for core in cores)


def _missing(value: object) -> bool:
    return value is None or value is pd.NA or value != value
