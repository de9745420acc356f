"""Excel workbooks (xlsx) a clerk can print, filter and fill in, with the same bytes for the same sheets."""

from __future__ import annotations

import io
import math
import re
import unicodedata
import zipfile
from collections.abc import Sequence
from copy import copy
from datetime import date, datetime
from typing import Any

import pandas as pd
from openpyxl import Workbook
from openpyxl.cell import Cell
from openpyxl.styles import Alignment, Border, Font, PatternFill, Side
from openpyxl.utils import get_column_letter
from openpyxl.worksheet.datavalidation import DataValidation
from openpyxl.worksheet.hyperlink import Hyperlink
from openpyxl.worksheet.page import PageMargins
from openpyxl.worksheet.worksheet import Worksheet

from pipeline.report.sheets import Formula, Sheet
from pipeline.sinks.archive import redated_zip
from pipeline.values import FORMULA_STARTS

_CORE = "docProps/core.xml"
_STAMP = re.compile(rb"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\dZ")
_CONTROL = {code: 0x2400 + code for code in range(32) if code not in (9, 10, 13)}
_EXCEL_TEXT_LIMIT = 32767
_CUT_MARK = "…(过长，全文见同期数据表)"
_NARROWEST, _WIDEST = 6, 48
# a line of 10 points as LibreOffice sets it where 宋体 is not installed is 14.3 points high; a row too low hides line 1
_LINE_POINTS, _TALLEST_POINTS = 14.5, 409.0
_A4_CHARACTERS = 165
_LINE = Side(style="thin", color="FF808080")
_BORDER = Border(left=_LINE, right=_LINE, top=_LINE, bottom=_LINE)
_HEADING_FILL = PatternFill("solid", fgColor="FFE4E4E4")
_ANSWER_FILL = PatternFill("solid", fgColor="FFFFF8DC")
_FONT = "宋体"
_BODY_FONT = Font(name=_FONT, size=10)
_LINK_FONT = Font(name=_FONT, size=10, color="FF0563C1", underline="single")
_BODY_ALIGNMENT = Alignment(vertical="center", wrap_text=True)


def workbook_bytes(sheets: Sequence[Sheet], *, day: date, title: str) -> bytes:
    """An xlsx file of ``sheets`` in their order; ``day`` stands in its properties and zip members.

    Per sheet: title and note rows, a frozen heading with filter, borders, widths by content (a Chinese character
    counts two), drop-downs, a signature line; landscape A4, A3 for wide sheets, one page wide, the heading repeated
    on every page. Text never becomes a formula: cells that begin with ``= + - @`` or a tab are stored as quoted
    text, their full-width forms too; control characters appear as their Unicode pictures, so that nothing is lost
    silently.
    """
    book = Workbook()
    book.remove(book.active)
    for sheet in sheets:
        _fill(book.create_sheet(sheet_name(sheet.name, book.sheetnames)), sheet)
    for sheet, page in zip(sheets, book.worksheets, strict=True):
        _suggest(page, sheet, sheets)
    book.properties.title = title
    book.properties.creator = "xuncha"
    book.properties.created = datetime(day.year, day.month, day.day)
    target = io.BytesIO()
    book.save(target)
    return _redated(target.getvalue(), day)


def sheet_name(name: str, taken: Sequence[str]) -> str:
    """A sheet name Excel accepts: at most 31 characters, none of its reserved ones, not taken before."""
    base = re.sub(r"[\[\]:*?/\\']", "_", name)[:31] or "表"
    number, free = 2, base
    while free.lower() in {other.lower() for other in taken}:
        free = f"{base[: 31 - len(str(number)) - 1]}_{number}"
        number += 1
    return free


def display_width(text: str) -> int:
    """Width in half-width characters: wide and full-width characters (CJK) count two."""
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _redated(content: bytes, day: date) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        core = archive.read(_CORE)
    stamped = _STAMP.sub(f"{day.isoformat()}T00:00:00Z".encode(), core)
    return redated_zip(content, day=day, replace={_CORE: stamped})


def _fill(page: Worksheet, sheet: Sheet) -> None:
    columns = [str(column) for column in sheet.frame.columns]
    top, bottom = sheet.rows()
    line = 1
    for text, font in ((sheet.title, Font(name=_FONT, size=14, bold=True)), (sheet.note, Font(name=_FONT, size=10))):
        if text:
            _banner(page, line, len(columns), text, font)
            line += 1
    for index, heading in enumerate(columns, start=1):
        cell = page.cell(top, index)
        _put(cell, heading)
        cell.font, cell.fill, cell.border = Font(name=_FONT, size=10, bold=True), _HEADING_FILL, _BORDER
        cell.alignment = Alignment(horizontal="center", vertical="center", wrap_text=True)
    wardrobe = _Wardrobe(sheet)
    for row, values in enumerate(sheet.frame.astype("object").itertuples(index=False, name=None), start=top + 1):
        for index, (heading, value) in enumerate(zip(columns, values, strict=True), start=1):
            cell = page.cell(row, index)
            _put(cell, value)
            wardrobe.dress(cell, heading)
            if heading in sheet.links and isinstance(value, str):
                cell.hyperlink = Hyperlink(ref=cell.coordinate, location=f"'{sheet_name(value, ())}'!A1", display=value)
                cell.font = _LINK_FONT
    _arrange(page, sheet, columns, top, bottom)
    for heading, answers in sheet.choices.items():
        _offer(page, columns.index(heading) + 1, top, bottom, answers)
    if sheet.signature:
        _banner(page, bottom + 2, len(columns), sheet.signature, Font(name=_FONT, size=11))


def _suggest(page: Worksheet, sheet: Sheet, sheets: Sequence[Sheet]) -> None:
    """Drop-downs that offer another sheet's values and let a clerk write something else."""
    for heading, (other_name, other_heading) in sheet.suggested.items():
        other = next(candidate for candidate in sheets if candidate.name == other_name)
        (first, last), (top, bottom) = other.rows(), sheet.rows()
        if last == first or bottom == top:
            continue
        source = get_column_letter(list(other.frame.columns).index(other_heading) + 1)
        place = f"'{sheet_name(other.name, ())}'!${source}${first + 1}:${source}${last}"
        rule = DataValidation(type="list", formula1=place, allow_blank=True, showErrorMessage=False)
        letter = get_column_letter(list(sheet.frame.columns).index(heading) + 1)
        rule.add(f"{letter}{top + 1}:{letter}{bottom}")
        page.add_data_validation(rule)


def _banner(page: Worksheet, row: int, columns: int, text: str, font: Font) -> None:
    cell = page.cell(row, 1)
    _put(cell, text)
    cell.font = font
    cell.alignment = Alignment(vertical="center", wrap_text=True)
    page.merge_cells(start_row=row, start_column=1, end_row=row, end_column=max(columns, 1))
    page.row_dimensions[row].height = 30 if font.size and font.size > 12 else 32


def _put(cell: Cell, value: Any) -> None:
    """Write a value with its own type; only a Formula is one, text is never read as such."""
    if isinstance(value, Formula):
        cell.value = f"={value.text}"
        return
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return
    if isinstance(value, pd.Timestamp):
        value = value.to_pydatetime()
    elif hasattr(value, "item"):
        value = value.item()
    if isinstance(value, float) and not math.isfinite(value):
        value = str(value)
    if not isinstance(value, str):
        cell.value = value
        return
    text = value.replace("\r\n", "\n").replace("\r", "\n").translate(_CONTROL)
    if len(text) > _EXCEL_TEXT_LIMIT:
        text = text[: _EXCEL_TEXT_LIMIT - len(_CUT_MARK)] + _CUT_MARK
    cell.value = text
    cell.data_type = "s"
    if text.startswith(FORMULA_STARTS):
        cell.quotePrefix = True


class _Wardrobe:
    """Looks of body cells, each built once: building one per cell takes most of a big sheet's time."""

    def __init__(self, sheet: Sheet) -> None:
        self.sheet = sheet
        self.looks: dict[tuple[str, bool, bool], Any] = {}

    def dress(self, cell: Cell, heading: str) -> None:
        """Border, font, number format and, for columns to fill in, a shade."""
        standard = "yyyy-mm-dd" if isinstance(cell.value, datetime) else "General"
        number_format = self.sheet.formats.get(heading, standard)
        look = (number_format, heading in self.sheet.fillable, bool(cell.quotePrefix))
        if look not in self.looks:
            cell.border, cell.font, cell.alignment = _BORDER, _BODY_FONT, _BODY_ALIGNMENT
            cell.number_format = number_format
            if look[1]:
                cell.fill = _ANSWER_FILL
            self.looks[look] = copy(cell._style)
        else:
            cell._style = copy(self.looks[look])


def _arrange(page: Worksheet, sheet: Sheet, columns: list[str], top: int, bottom: int) -> None:
    widths = [_width(sheet, heading, index) for index, heading in enumerate(columns)]
    for index, width in enumerate(widths, start=1):
        page.column_dimensions[get_column_letter(index)].width = width
    page.row_dimensions[top].height = _LINE_POINTS * max(map(_lines, columns, widths), default=1) + 4
    for row in range(top + 1, bottom + 1):
        cells = (page.cell(row, index) for index in range(1, len(columns) + 1))
        # a formula prints its result, one line
        values = (None if cell.data_type == "f" else cell.value for cell in cells)
        lines = max((_lines(value, width) for value, width in zip(values, widths, strict=True)), default=1)
        page.row_dimensions[row].height = min(max(_LINE_POINTS * lines + 4, sheet.row_height), _TALLEST_POINTS)
    page.freeze_panes = page.cell(top + 1, 1)
    if columns:
        page.auto_filter.ref = f"A{top}:{get_column_letter(len(columns))}{max(bottom, top)}"
    page.print_title_rows = f"{top}:{top}"
    if sheet.tab:
        page.sheet_properties.tabColor = sheet.tab
    page.page_setup.orientation = "landscape"
    page.page_setup.paperSize = page.PAPERSIZE_A3 if sum(widths) > _A4_CHARACTERS else page.PAPERSIZE_A4
    page.page_setup.fitToWidth = 1
    page.page_setup.fitToHeight = 0
    page.sheet_properties.pageSetUpPr.fitToPage = True
    page.page_margins = PageMargins(left=0.4, right=0.4, top=0.5, bottom=0.6, header=0.2, footer=0.3)
    page.oddFooter.center.text = "第 &P 页 共 &N 页"


def _width(sheet: Sheet, heading: str, index: int) -> int:
    """Wide enough for the content, a heading may wrap to two lines; the sheet's own width goes first."""
    if heading in sheet.widths:
        return sheet.widths[heading]
    shown = (value for value in sheet.frame.iloc[:, index].astype("object") if not (value is None or pd.isna(value)))
    longest = max((_shown_width(value, sheet.formats.get(heading, "")) for value in shown), default=0)
    return min(max(longest + 2, math.ceil(display_width(heading) / 2) + 4, _NARROWEST), _WIDEST)


def _shown_width(value: Any, number_format: str) -> int:
    if isinstance(value, pd.Timestamp | Formula):
        return 10
    if isinstance(value, float):
        return len(f"{value:,.{number_format.partition('.')[2].count('0')}f}")
    return max(display_width(line) for line in str(value).split("\n"))


def _lines(value: Any, width: int) -> int:
    """Printed lines of a value in a column of ``width`` half-width characters."""
    if not isinstance(value, str):
        return 1
    return sum(max(1, math.ceil(display_width(line) / max(width - 1, 1))) for line in value.split("\n"))


def _offer(page: Worksheet, column: int, top: int, bottom: int, answers: tuple[str, ...]) -> None:
    if bottom <= top:
        return
    listed = '"' + ",".join(answers) + '"'
    rule = DataValidation(type="list", formula1=listed, allow_blank=True, showErrorMessage=True)
    rule.errorTitle, rule.error = "请从列表中选择", "可选：" + "、".join(answers)
    letter = get_column_letter(column)
    rule.add(f"{letter}{top + 1}:{letter}{bottom}")
    page.add_data_validation(rule)
