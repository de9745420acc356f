"""Ledgers as units send them, of any kind, to raw worksheets: what is not readable is listed with how to save it."""

from __future__ import annotations

import io
import re
import zipfile
from collections.abc import Collection, Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import date, datetime
from hashlib import sha256
from pathlib import Path
from typing import Any

from pipeline.errors import InputError
from pipeline.ledger.files import DeliveredFile
from pipeline.ledger.sheets import RawSheet
from pipeline.sources.file_kinds import DOCX, HTML, ODS, TEXT, UNZIPPING, XLSX, FileKind, recognise
from pipeline.sources.html_tables import read_html_tables
from pipeline.sources.text_tables import read_text_table
from pipeline.sources.unit_folders import UnitFile, delivered_files, rejection, shown_name
from pipeline.sources.word_tables import read_word_tables
from pipeline.sources.workbook import check_unpacked, read_workbook, unstored_formulas

UNREADABLE = "E501"
_SMALLER = "请拆分成较小的工作簿"
_PROPERTIES = {
    XLSX: ("docProps/core.xml", "modified"),
    DOCX: ("docProps/core.xml", "modified"),
    ODS: ("meta.xml", "date"),
}
_EARLIEST_SAVED = date(1990, 1, 1)


@dataclass(frozen=True)
class LedgerDelivery:
    """All worksheets, one :class:`DeliveredFile` per file in the order of their names, and REJECTED rows of files."""

    sheets: tuple[RawSheet, ...]
    files: tuple[DeliveredFile, ...]
    rejected: tuple[dict[str, Any], ...]


def read_ledger_files(
    files: Iterable[UnitFile], *, words: Collection[str], max_unpacked_mb: float, max_cells: int
) -> LedgerDelivery:
    """Worksheets of all readable files, and a rejected row (E501) for every other; one never stops the others.

    ``words``: headings of ledgers, the evidence for encodings and delimiters. A workbook whose formulas hold no
    results is read and gets a row as well: what stood there is not known.
    """
    sheets: list[RawSheet] = []
    found: list[DeliveredFile] = []
    for file in sorted(files, key=lambda file: file.name):
        read, told = _read_file(file, words, max_unpacked_mb, max_cells)
        sheets += read
        found.append(told)
    rejected = [rejection(f.unit_id, f.name, f.code, f.reason or "") for f in found if f.code is not None]
    return LedgerDelivery(tuple(sheets), tuple(found), tuple(rejected))


def strange_files(city: Path, rejected: Iterable[Mapping[str, Any]]) -> tuple[DeliveredFile, ...]:
    """Ledger files below ``city`` of no known unit, with the code and reason of their ``rejected`` row; only hashed."""
    reasons = {row["file"]: row for row in rejected}
    found = []
    for path in delivered_files(city, "ledgers"):
        name = shown_name(city, path)
        if name not in reasons:
            continue
        code, reason = reasons[name]["code"], reasons[name]["reason"]
        try:
            content = path.read_bytes()
        except OSError:
            found.append(DeliveredFile(None, name, path.suffix, 0, None, False, code, reason))
            continue
        kind, digest = recognise(content, path.suffix.lower()), sha256(content).hexdigest()
        found.append(DeliveredFile(None, name, kind.label, len(content), digest, False, code, reason))
    return tuple(found)


def _read_file(
    file: UnitFile, words: Collection[str], max_unpacked_mb: float, max_cells: int
) -> tuple[tuple[RawSheet, ...], DeliveredFile]:
    suffix = file.path.suffix.lower()
    unread = DeliveredFile(
        file.unit_id, file.name, suffix.lstrip(".") or "无后缀", 0, None, read=False, code=UNREADABLE
    )
    try:
        size = file.path.stat().st_size
        if size > max_unpacked_mb * 1e6:
            return (), replace(unread, size_bytes=size, reason=f"文件超过{max_unpacked_mb:g}MB；{_SMALLER}")
        content = file.path.read_bytes()
    except OSError as problem:
        return (), replace(unread, reason=f"无法读取：{problem.strerror}")
    kind = recognise(content, suffix)
    known = replace(unread, format=kind.label, size_bytes=len(content), sha256=sha256(content).hexdigest())
    if kind.advice:
        return (), replace(known, reason=f"{kind.label}，不能读取；{kind.advice}")
    try:
        sheets, how = _sheets(kind, content, file, words, max_unpacked_mb, max_cells)
    except InputError as problem:
        return (), replace(known, reason=f"{problem.message}；{problem.hint}")
    how = [*([] if suffix in kind.suffixes else [f"后缀是{suffix or '空'}，内容是{kind.label}"]), *how]
    read = replace(known, read=True, code=None, saved_on=saved_on(content, kind), reading="；".join(how) or None)
    if not any(sheet.rows for sheet in sheets):
        what = "里没有表格" if kind in (DOCX, HTML) else "没有内容"
        return sheets, replace(read, code=UNREADABLE, reason=f"{kind.label}{what}；请核对是否报送了正确的文件")
    if kind is XLSX and (count := unstored_formulas(content)):
        reason = f"{count}个公式单元格没有保存结果，读作空白；请用Excel或WPS打开后重新保存"
        return sheets, replace(read, code=UNREADABLE, reason=reason)
    return sheets, read


def _sheets(
    kind: FileKind, content: bytes, file: UnitFile, words: Collection[str], max_unpacked_mb: float, max_cells: int
) -> tuple[tuple[RawSheet, ...], list[str]]:
    unit, name = file.unit_id, file.name
    if kind is TEXT:
        sheet, how = read_text_table(content, unit_id=unit, file=name, words=words, max_cells=max_cells)
        told = {cell for row in sheet.rows for cell in row if isinstance(cell, str)}
        if file.path.suffix.lower() not in kind.suffixes and not any(word in cell for cell in told for word in words):
            raise InputError(UNREADABLE, f"{name}：内容是文字而没有台账表头", "请核对文件是否损坏，重新保存后报送")
        return (sheet,), [how]
    if kind is HTML:
        tables, how = read_html_tables(content, unit_id=unit, file=name, words=words, max_cells=max_cells)
        return tables, [how]
    if kind is DOCX:
        check_unpacked(content, name, max_unpacked_mb)
        return read_word_tables(content, unit_id=unit, file=name, words=words, max_cells=max_cells), []
    return read_workbook(content, unit_id=unit, file=name, max_unpacked_mb=max_unpacked_mb, max_cells=max_cells), []


def saved_on(content: bytes, kind: FileKind) -> date | None:
    """The day a document's own properties say it was last saved, as written there; None where they say none.

    The time is UTC after ECMA-376 part 2, some programs write local time: taken as written the day is at most one too
    early, never too late.
    """
    part, element = _PROPERTIES.get(kind, ("", ""))
    if not part:
        return None
    try:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            text = archive.read(part).decode("utf-8", errors="replace")
    except (KeyError, *UNZIPPING):
        return None
    match = re.search(rf"<(?:\w+:)?{element}\b[^>]*>\s*(\d{{4}}-\d\d-\d\d)", text)
    try:
        day = datetime.strptime(match[1], "%Y-%m-%d").date() if match else None
    except ValueError:
        return None
    return day if day is not None and day >= _EARLIEST_SAVED else None
