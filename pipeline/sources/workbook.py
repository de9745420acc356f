"""Excel ledgers to raw worksheets, and the dated rules by which their headings are understood."""

from __future__ import annotations

import io
import re
import zipfile
from datetime import date, datetime
from importlib import resources
from typing import Annotated, Any

import python_calamine
import yaml
from pydantic import BaseModel, ConfigDict, Field

from pipeline.errors import InputError
from pipeline.ledger.dates import CellValue
from pipeline.ledger.sheets import FieldRules, RawSheet
from pipeline.sources.unit_folders import UnitFile, each_readable, refusal, rejection

SUFFIXES = (".xlsx", ".xlsm")
_OLE_MAGIC = bytes.fromhex("d0cf11e0a1b11ae1")
_CELL = re.compile(rb'<c\s[^>]*?r="([A-Z]{1,3})(\d{1,7})"')
# a formula cell with nothing stored beside it; an empty text result (t="str") is a stored one
_UNSTORED = re.compile(
    rb'<c\s(?![^>]*t="str")[^>]*>\s*<f(?:\s[^>]*)?(?:/>|>[^<]*</f>)\s*(?:<v\s*/>|<v>\s*</v>)?\s*</c>'
)
_SAVE_AS = "请用Excel或WPS打开后另存为不加密的.xlsx工作簿"


class _LedgerRule(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    id: str
    effective_from: date
    effective_to: date | None
    source: str
    verification: str
    fields: dict[str, tuple[str, ...]]
    nothing_found: tuple[str, ...]
    nothing_whole: tuple[str, ...]
    same_as_above: tuple[str, ...]
    no_record: tuple[str, ...]
    settlement_codes: tuple[str, ...]


class _LedgerRules(BaseModel):
    model_config = ConfigDict(frozen=True, extra="forbid")
    format_version: int
    rules: Annotated[tuple[_LedgerRule, ...], Field(min_length=1)]


def ledger_field_rules(day: date) -> FieldRules:
    """The heading aliases and words in force on ``day``; the earliest rule before its time.

    Source: ``pipeline/rules/ledger_fields.yaml``, which names its own sources.
    """
    text = resources.files("pipeline").joinpath("rules", "ledger_fields.yaml").read_text(encoding="utf-8")
    rules = sorted(_LedgerRules.model_validate(yaml.safe_load(text)).rules, key=lambda rule: rule.effective_from)
    valid = [r for r in rules if r.effective_from <= day and (r.effective_to is None or day <= r.effective_to)]
    rule = valid[-1] if valid else rules[0]
    return FieldRules(
        rule.id,
        rule.fields,
        rule.nothing_found,
        rule.nothing_whole,
        rule.same_as_above,
        rule.no_record,
        rule.settlement_codes,
    )


def read_workbook(
    content: bytes, *, unit_id: str, file: str, max_unpacked_mb: float, max_cells: int
) -> tuple[RawSheet, ...]:
    """All worksheets of an ``.xlsx`` workbook, hidden ones too: values only, formulas and macros are never run.

    ``file``: how the file is named in the tables, path below the city folder. Raises InputError E501 for a damaged or
    password-protected file, and for one that unpacks to more than ``max_unpacked_mb`` or spans more than ``max_cells``
    cells (a zip bomb, or a cell at the far end of the sheet).
    """
    if content.startswith(_OLE_MAGIC):
        raise InputError("E501", f"{file}：已加密或是旧版.xls格式", _SAVE_AS)
    _check_size(content, file, max_unpacked_mb, max_cells)
    try:
        with python_calamine.CalamineWorkbook.from_filelike(io.BytesIO(content)) as book:
            kinds = {sheet.name: sheet.typ for sheet in book.sheets_metadata}
            names = [n for n in book.sheet_names if kinds[n] == python_calamine.SheetTypeEnum.WorkSheet]
            return tuple(_sheet(book.get_sheet_by_name(name), unit_id, file) for name in names)
    except (python_calamine.CalamineError, OSError, ValueError) as problem:
        raise InputError("E501", f"{file}：{problem}", _SAVE_AS) from problem


def _check_size(content: bytes, file: str, max_unpacked_mb: float, max_cells: int) -> None:
    """Unpack in pieces, counting real bytes, before any reader sees the file."""
    left = int(max_unpacked_mb * 1e6)
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            for member in sorted(archive.namelist()):
                columns = rows = 0
                tail = b""
                with archive.open(member) as stream:
                    while piece := stream.read(1 << 20):
                        left -= len(piece)
                        if left < 0:
                            raise InputError("E501", f"{file}：解压后超过{max_unpacked_mb:g}MB", _SAVE_AS)
                        if member.startswith("xl/worksheets/"):
                            for match in _CELL.finditer(tail + piece):
                                columns, rows = max(columns, _column(match[1])), max(rows, int(match[2]))
                            tail = piece[-200:]
                if columns * rows > max_cells:
                    raise InputError("E501", f"{file}：{member}跨{rows}行{columns}列，过大", _SAVE_AS)
    except (zipfile.BadZipFile, zipfile.LargeZipFile, EOFError, OSError, RuntimeError, NotImplementedError) as problem:
        raise InputError("E501", f"{file}：不是可读的工作簿（{problem}）", _SAVE_AS) from problem


def unstored_formulas(content: bytes) -> int:
    """How many formula cells of a readable workbook hold no result, so that they read as empty."""
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = [name for name in archive.namelist() if name.startswith("xl/worksheets/")]
        return sum(len(_UNSTORED.findall(archive.read(name))) for name in members)


def _column(letters: bytes) -> int:
    number = 0
    for letter in letters:
        number = number * 26 + letter - 64
    return number


def _sheet(sheet: Any, unit_id: str, file: str) -> RawSheet:
    start = sheet.start or (0, 0)
    rows = tuple(tuple(_value(value) for value in row) for row in sheet.to_python(skip_empty_area=True))
    ranges = sheet.merged_cell_ranges or ()
    merged = tuple((top + 1, left + 1, bottom + 1, right + 1) for (top, left), (bottom, right) in ranges)
    return RawSheet(unit_id, file, sheet.name, rows, start[0] + 1, start[1] + 1, tuple(sorted(merged)))


def _value(value: Any) -> CellValue:
    """A cell's plain value; times of day and durations become text, blanks None."""
    if value is None or (isinstance(value, str) and not value.strip()):
        return None
    return value if isinstance(value, str | int | float | bool | date | datetime) else str(value)


def read_ledger_files(
    files: list[UnitFile], *, max_unpacked_mb: float, max_cells: int
) -> tuple[list[RawSheet], list[dict[str, Any]]]:
    """Worksheets of all readable workbooks, and a rejected row (E501) for every other file; one never stops others.

    A workbook whose formulas hold no results is read and gets a row as well: what stood there is not known.
    """
    sheets: list[RawSheet] = []
    rejected: list[dict[str, Any]] = []
    for file, content in each_readable(files, SUFFIXES, "E501", "请用Excel或WPS另存为.xlsx工作簿", rejected):
        try:
            sheets += read_workbook(
                content, unit_id=file.unit_id, file=file.name, max_unpacked_mb=max_unpacked_mb, max_cells=max_cells
            )
        except InputError as problem:
            rejected.append(refusal(file, problem))
            continue
        if count := unstored_formulas(content):
            reason = f"{count}个公式单元格没有保存结果，读作空白；请用Excel或WPS打开后重新保存"
            rejected.append(rejection(file.unit_id, file.name, "E501", reason))
    return sheets, rejected
