"""Builders of small ledger files: workbooks, Word tables, delimited text and broken containers."""

from __future__ import annotations

import io
import struct
import zipfile
from collections.abc import Callable, Iterable, Sequence
from pathlib import Path
from typing import Any

from docx import Document
from docx.document import Document as WordDocument
from openpyxl import Workbook
from openpyxl.worksheet.worksheet import Worksheet

FIELDS = (
    "巡查时间",
    "巡查人员",
    "巡查路线",
    "巡查项目",
    "违法项目主体或名称",
    "违法地点",
    "违法现状",
    "制止措施",
    "制止效果",
    "后续处理",
)
FIXTURES = Path(__file__).parent / "fixtures"
Row = Sequence[Any]


def found(on: Any, subject: Any, place: Any, state: Any = "正在建房，已砌至一层", **more: Any) -> list[Any]:
    """A row of the ten fields that reports one finding."""
    values = dict(zip(FIELDS, (on, "王强、李敏", "镇政府—王家村", "违法占地巡查", subject, place, state), strict=False))
    values |= {"制止措施": "当场责令停工", "制止效果": "已停工", "后续处理": "移交执法中队"} | more
    return [values[name] for name in FIELDS]


def nothing(on: Any, phrase: str = "未发现违法行为", where: int = 6) -> list[Any]:
    """A row of the ten fields of a patrol that found nothing; the phrase stands in column `where`."""
    values = [on, "王强、李敏", "镇政府—李庄村", "日常巡查", None, None, None, None, None, None]
    values[where] = phrase
    return values


def xlsx(*rows: Row, head: Row | None = FIELDS, title: Iterable[Row] = (), sheet: str = "台账") -> bytes:
    """A workbook of one sheet: title rows, heading, rows."""
    return book({sheet: [*title, *([head] if head is not None else []), *rows]})


def book(
    sheets: dict[str, Sequence[Row]],
    change: Callable[[Workbook], None] | None = None,
    merge: Iterable[str] = (),
) -> bytes:
    """A workbook of several sheets; `merge` names ranges of the first sheet, `change` may do anything else."""
    workbook = Workbook()
    workbook.remove(workbook.active)
    for name, rows in sheets.items():
        worksheet = workbook.create_sheet(name)
        for row in rows:
            worksheet.append(list(row))
    for area in merge:
        workbook.worksheets[0].merge_cells(area)
    if change is not None:
        change(workbook)
    return saved(workbook)


def sheet(rows: Sequence[Row], change: Callable[[Worksheet], None]) -> bytes:
    """A workbook of one sheet, changed before it is saved."""
    return book({"台账": rows}, lambda workbook: change(workbook.worksheets[0]))


def saved(workbook: Workbook) -> bytes:
    """The bytes of a workbook."""
    stream = io.BytesIO()
    workbook.save(stream)
    return stream.getvalue()


def csv(*rows: Row, encoding: str, separator: str = ",", head: Row | None = FIELDS) -> bytes:
    """Delimited text, quoted only where needed, lines ended as Windows does."""

    def quoted(value: Any) -> str:
        text = "" if value is None else str(value)
        return '"' + text.replace('"', '""') + '"' if any(mark in text for mark in (separator, '"', "\n")) else text

    lines = [separator.join(quoted(value) for value in row) for row in ([head, *rows] if head is not None else rows)]
    return ("\r\n".join(lines) + "\r\n").encode(encoding)


def word(build: Callable[[WordDocument], None]) -> bytes:
    """A .docx document."""
    document = Document()
    build(document)
    stream = io.BytesIO()
    document.save(stream)
    return stream.getvalue()


def word_table(document: WordDocument, rows: Sequence[Row]) -> Any:
    """Append a table to a document and return it."""
    table = document.add_table(len(rows), max(map(len, rows)))
    for at, row in enumerate(rows):
        for column, value in enumerate(row):
            table.cell(at, column).text = "" if value is None else str(value)
    return table


def fixture(name: str) -> bytes:
    """A committed binary file."""
    return (FIXTURES / name).read_bytes()


def zipped(parts: dict[str, bytes]) -> bytes:
    """A zip container of the given members."""
    stream = io.BytesIO()
    with zipfile.ZipFile(stream, "w", zipfile.ZIP_DEFLATED) as archive:
        for name, data in parts.items():
            archive.writestr(zipfile.ZipInfo(name, (2026, 5, 31, 0, 0, 0)), data, zipfile.ZIP_DEFLATED, 9)
    return stream.getvalue()


def with_member(data: bytes, name: str, change: Callable[[bytes], bytes]) -> bytes:
    """A zip container with one member changed (created when it is missing)."""
    with zipfile.ZipFile(io.BytesIO(data)) as archive:
        parts = {info.filename: archive.read(info) for info in archive.infolist()}
    return zipped(parts | {name: change(parts.get(name, b""))})


def compound(streams: dict[str, bytes], size: int = 4096) -> bytes:
    """A minimal OLE compound file (MS-CFB, version 3), as old Office files and locked ones are; streams padded to 4 kB."""
    free, end, fat_mark = 0xFFFFFFFF, 0xFFFFFFFE, 0xFFFFFFFD
    each = size // 512
    fat = [fat_mark, end] + [free] * 126
    entries = [_entry("Root Entry", 5, end, 0, child=1)]
    for at, name in enumerate(streams):
        first = 2 + at * each
        for sector in range(first, first + each):
            fat[sector] = sector + 1 if sector < first + each - 1 else end
        entries.append(_entry(name, 2, first, size, right=at + 2 if at + 1 < len(streams) else free))
    entries += [_entry("", 0, 0, 0)] * (4 - len(entries))
    header = b"\xd0\xcf\x11\xe0\xa1\xb1\x1a\xe1" + bytes(16) + struct.pack("<HHHHH", 0x3E, 3, 0xFFFE, 9, 6) + bytes(6)
    header += struct.pack("<IIIIIIIIII", 0, 1, 1, 0, 4096, end, 0, end, 0, 0) + struct.pack("<I", free) * 108
    return (
        header
        + struct.pack("<128I", *fat)
        + b"".join(entries)
        + b"".join(data.ljust(size, b"\0") for data in streams.values())
    )


def _entry(name: str, kind: int, first: int, size: int, right: int = 0xFFFFFFFF, child: int = 0xFFFFFFFF) -> bytes:
    label = (name + "\0").encode("utf-16-le") if name else b""
    body = label.ljust(64, b"\0") + struct.pack("<HBBIII", len(label), kind, 1, 0xFFFFFFFF, right, child)
    return body + bytes(36) + struct.pack("<IQ", first, size)
