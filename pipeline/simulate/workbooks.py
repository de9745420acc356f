"""Ledger rows as Excel workbooks with titles, merged cells, aliased headings and footers; equal bytes every time."""

from __future__ import annotations

import io
import re
import zipfile
import zlib
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import openpyxl
import pandas as pd
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.simulate.ledgers import LedgerRow, Style, joined, place_cells, unit_styles
from pipeline.simulate.units import Organisation
from pipeline.simulate.wording import written_date

HEADINGS: tuple[tuple[str, ...], ...] = (
    ("巡查时间", "巡查人员", "巡查路线", "巡查项目", "违法项目主体或名称", "违法地点", "违法现状", "制止措施",
     "制止效果", "后续处理"),
    ("巡查日期", "巡查人", "巡查区域及路线", "项目", "当事人", "地点", "现状", "制止措施", "制止效果", "处理情况"),
    ("时间", "巡查人员", "路线", "巡查项目名称", "违法主体", "违法位置", "违法现状（进度）", "采取措施", "效果",
     "后续处理情况"),
)  # fmt: skip
_NONE_TEXT = ("未发现", "未发现违法行为", "无", "未发现新增违法")
_STAMP = (2026, 11, 30, 0, 0, 0)
_EARLY_ONE_IN, _DAYS_TO_SEND, _LONGEST_OUTING = 4, 6, 2


@dataclass(frozen=True)
class Workbook:
    """A ledger file: folder name (unit name), file name, bytes."""

    unit: str
    file: str
    content: bytes


def make_workbooks(rows: list[LedgerRow], organisation: Organisation) -> tuple[list[Workbook], pd.DataFrame]:
    """Write the rows unit by unit into workbooks.

    Returns the files and the truth of every written item: unit_id, file, sheet, row (Excel's, from 1), item
    (from 1), visit_id, origin, site_id, find_id, discovered_on, and how its place was told: place, manner, slip,
    wrong_way. Rows without a finding have item 1, no site and no place.
    """
    styles = unit_styles(organisation)
    books: list[Workbook] = []
    truth: list[dict[str, Any]] = []
    for unit_id in sorted({row.unit_id for row in rows}):
        unit, style = organisation.name(unit_id), styles[unit_id]
        mine = [row for row in rows if row.unit_id == unit_id]
        months = sorted({f"{row.day:%Y-%m}" for row in mine})
        groups = [months] if style.one_file else [[month] for month in months]
        for group in groups:
            book = openpyxl.Workbook()
            book.remove(book.active)
            one, year, number = style.one_file, group[0][:4], int(group[0][5:])
            file = f"动态巡查台账{year}年.xlsx" if one else f"巡查台账{year}年{number}月.xlsx"
            for month in group:
                name = f"{int(month[5:])}月" if style.one_file else "Sheet1"
                sheet = book.create_sheet(name)
                part = [row for row in mine if f"{row.day:%Y-%m}" == month]
                truth += [{"unit_id": unit_id, "file": f"{unit}/{file}", "sheet": name, **line}
                          for line in _fill(sheet, part, style, unit, month)]  # fmt: skip
            written = max(row.day for row in mine if f"{row.day:%Y-%m}" == group[-1])
            books.append(Workbook(unit, file, _bytes(book, _saved_on(unit, group[-1], written))))
    columns = ["unit_id", "file", "sheet", "row", "item", "visit_id", "origin", "site_id", "find_id", "discovered_on",
               "place", "manner", "slip", "wrong_way"]  # fmt: skip
    frame = pd.DataFrame(truth, columns=columns)
    frame["discovered_on"] = pd.to_datetime(frame["discovered_on"]).astype("datetime64[ms]")
    return books, frame


def _columns(style: Style) -> list[str]:
    extra = {"columns": ["经度", "纬度"], "column": ["坐标"], "place": []}[style.coordinates]
    return (["序号"] if style.numbered else []) + list(HEADINGS[style.headings]) + extra + ["面积", "备注"]


def _fill(sheet: Worksheet, rows: list[LedgerRow], style: Style, unit: str, month: str) -> list[dict[str, Any]]:
    """Write a sheet and return what was written where."""
    headings = _columns(style)
    titles = (f"{unit}{month[:4]}年{int(month[5:])}月自然资源动态巡查台账", f"填报单位：{unit}", "单位：亩、平方米")
    for title in titles[: style.title_rows]:
        sheet.append([title])
        sheet.merge_cells(start_row=sheet.max_row, start_column=1, end_row=sheet.max_row, end_column=len(headings))
    sheet.append(headings)
    truth: list[dict[str, Any]] = []
    merge_from, previous = 0, ""
    for number, row in enumerate(rows, start=1):
        sheet.append(_cells(row, style, number))
        at = sheet.max_row
        if style.merged_people:
            column = headings.index(HEADINGS[style.headings][1]) + 1
            if row.people == previous:
                sheet.cell(at, column).value = None
            else:
                _merge(sheet, column, merge_from, at - 1)
                merge_from, previous = at, row.people
        truth += _written(row, at)
    if style.merged_people and rows:
        _merge(sheet, headings.index(HEADINGS[style.headings][1]) + 1, merge_from, sheet.max_row)
    if style.footer:
        sheet.append(["填表人：", None, None, "审核人：", None, f"共{len(rows)}次"])
    return truth


def _merge(sheet: Worksheet, column: int, first: int, last: int) -> None:
    if first and last > first:
        sheet.merge_cells(start_row=first, start_column=column, end_row=last, end_column=column)


def _cells(row: LedgerRow, style: Style, number: int) -> list[Any]:
    head: list[Any] = [number] if style.numbered else []
    head += [written_date(row.day, row.date_style), row.people, row.route]
    coordinates = {"columns": 2, "column": 1, "place": 0}[style.coordinates]
    if not row.items:
        nothing = _NONE_TEXT[row.day.day % len(_NONE_TEXT)]
        return [*head, "日常巡查", None, None, nothing, None, None, None, *[None] * coordinates, None, None]
    items = row.items
    place, cells = place_cells(row, style)
    return [
        *head, joined(items, [item.project for item in items]), joined(items, [item.subject for item in items]), place,
        joined(items, [f"{item.status}，约{item.area}" for item in items]), row.measures, row.effect, row.follow_up,
        *cells, items[0].area if len(items) == 1 else None, None,
    ]  # fmt: skip


def _written(row: LedgerRow, at: int) -> list[dict[str, Any]]:
    shared = {"row": at, "visit_id": row.visit_id, "origin": row.origin, "discovered_on": row.day}
    if not row.items:
        return [{**shared, "item": 1}]
    return [
        {
            **shared,
            "item": number,
            "site_id": item.site_id,
            "find_id": item.find_id,
            "place": item.told.text,
            "manner": item.told.manner,
            "slip": item.told.slip,
            "wrong_way": item.told.wrong_way,
        }
        for number, item in enumerate(row.items, start=1)
    ]


def _saved_on(unit: str, month: str, written: date) -> date:
    """The day a workbook was last saved: days after the month's end for most, the end of the last outing for some.

    Told by the unit and month alone, so that no draw of the city moves.
    """
    draw = zlib.crc32(f"{unit}/{month}".encode())
    after = date(int(month[:4]) + int(month[5:]) // 12, int(month[5:]) % 12 + 1, 1)
    if draw % _EARLY_ONE_IN == 0:
        return min(written + timedelta(days=_LONGEST_OUTING), after - timedelta(days=1))
    return after + timedelta(days=draw // _EARLY_ONE_IN % _DAYS_TO_SEND)


def _bytes(book: openpyxl.Workbook, saved_on: date) -> bytes:
    """The workbook's bytes with the clock taken out of its zip members and ``saved_on`` in its properties."""
    raw = io.BytesIO()
    book.save(raw)
    fixed = io.BytesIO()
    stamp = f"{saved_on}T08:00:00Z".encode("ascii")
    with zipfile.ZipFile(raw) as source, zipfile.ZipFile(fixed, "w", zipfile.ZIP_DEFLATED) as target:
        for info in source.infolist():
            content = source.read(info)
            if info.filename == "docProps/core.xml":
                content = re.sub(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ", stamp, content)
            member = zipfile.ZipInfo(info.filename, _STAMP)
            member.compress_type = zipfile.ZIP_DEFLATED
            member.external_attr = 0o600 << 16
            member.create_system = 0
            target.writestr(member, content)
    return fixed.getvalue()
