"""The ledgers of a synthetic city taken apart into plain rows, and written again in other shapes that say the same.

What depends on the rows around it is written out first, because no other shape could say the same without it: days in
full (a year stands in a title, a month in a file's name), people of merged cells in every row, the month in a title.
"""

from __future__ import annotations

import csv
import io
import re
import zipfile
from collections.abc import Iterable, Mapping
from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any
from xml.sax.saxutils import escape

import openpyxl
import pandas as pd

from pipeline.simulate.workbooks import HEADINGS
from tests.sources.office import docx, saved, w_p, w_table, zipped

_DAYS = {heads[0] for heads in HEADINGS}
_COPY_OF = re.compile(r"第(\d+)行 重复")


@dataclass(frozen=True)
class Book:
    """One sheet's worth of a ledger: the unit's folder, a name, title, headings, rows, and the day it was saved."""

    unit: str
    stem: str
    title: str
    headings: tuple[str, ...]
    rows: tuple[tuple[Any, ...], ...]
    saved_on: date


def read_books(city: Path, run: Path) -> list[Book]:
    """All worksheets of the city's ledgers, days as the ledger stage of ``run`` read them."""
    days = _days(run)
    files = pd.read_parquet(run / "ledger" / "files.parquet").set_index("file")
    books = []
    for path in sorted((city / "ledgers").glob("*/*.xlsx")):
        name = path.relative_to(city).as_posix()
        for number, page in enumerate(openpyxl.load_workbook(path)):
            _fill_merged(page)
            lines = [tuple(cell.value for cell in row) for row in page.iter_rows()]
            top = next(n for n, row in enumerate(lines) if _DAYS & set(row))
            at = next(n for n, heading in enumerate(lines[top]) if heading in _DAYS)
            rows = tuple(
                row if (day := days.get((name, page.title, n))) is None else (*row[:at], day, *row[at + 1 :])
                for n, row in enumerate(lines[top + 1 :], start=top + 2)
            )
            told = [str(row[at])[:7] for row in rows if re.match(r"\d{4}-\d\d-\d\d", str(row[at]))]
            month = f"{told[0][:4]}年{int(told[0][5:])}月"
            stem = f"{path.stem}-{number + 1}"
            title = f"{path.parent.name}{month}自然资源动态巡查台账"
            saved_on = pd.Timestamp(files.loc[name, "saved_on"]).date()
            books.append(Book(path.parent.name, stem, title, lines[top], rows, saved_on))
    return books


def _days(run: Path) -> dict[tuple[str, str, int], str]:
    """The day or span of every row that holds one, by file, sheet and row; of copies as of their originals."""
    entries = pd.read_parquet(run / "ledger" / "entries.parquet")
    days = {}
    for row in entries.itertuples():
        until = (
            "" if pd.isna(row.discovered_until) or row.discovered_until == row.discovered_on else row.discovered_until
        )
        told = f"{row.discovered_on:%Y-%m-%d}" + (f"至{until:%Y-%m-%d}" if until else "")
        days[row.file, row.sheet, row.row] = told
    rejected = pd.read_parquet(run / "ledger" / "rejected.parquet")
    for row in rejected[rejected["code"] == "E506"].itertuples():
        match = _COPY_OF.search(row.reason)
        if match and isinstance(row.sheet, str):
            days[row.file, row.sheet, row.row] = days[row.file, row.sheet, int(match[1])]
    return days


def _fill_merged(page: Any) -> None:
    for area in [area for area in page.merged_cells.ranges if area.min_col == area.max_col]:
        page.unmerge_cells(str(area))
        for row in range(area.min_row + 1, area.max_row + 1):
            page.cell(row, area.min_col).value = page.cell(area.min_row, area.min_col).value


def write(city: Path, books: Iterable[Book], *, dated: bool = True) -> None:
    """Each book as a workbook of one sheet; not ``dated``: without properties that say when it was saved."""
    for book in books:
        put(city, book, ".xlsx", workbook({"Sheet1": book}) if dated else unsaved(workbook({"Sheet1": book})))


def put(city: Path, book: Book, suffix: str, content: bytes) -> None:
    path = city / "ledgers" / book.unit / f"{book.stem}{suffix}"
    path.parent.mkdir(parents=True, exist_ok=True)
    assert not path.exists(), path
    path.write_bytes(content)


def workbook(sheets: Mapping[str, Book]) -> bytes:
    """Books of one unit as the sheets of one workbook."""
    made = openpyxl.Workbook()
    made.remove(made.active)
    for name, book in sheets.items():
        page = made.create_sheet(name)
        for row in ((book.title,), book.headings, *book.rows):
            page.append(row)
    stream = io.BytesIO()
    made.save(stream)
    return saved(stream.getvalue(), f"{max(book.saved_on for book in sheets.values())}")


def unsaved(content: bytes) -> bytes:
    """A workbook whose properties name no day."""
    book = openpyxl.load_workbook(io.BytesIO(content))
    stream = io.BytesIO()
    book.save(stream)
    with zipfile.ZipFile(io.BytesIO(stream.getvalue())) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    core = members["docProps/core.xml"].decode("utf-8")
    members["docProps/core.xml"] = re.sub(r"<dcterms:modified.*?</dcterms:modified>", "", core).encode()
    return zipped(members)


def gb18030_csv(book: Book) -> bytes:
    stream = io.StringIO(newline="")
    csv.writer(stream).writerows([(book.title,), book.headings, *([_shown(cell) for cell in row] for row in book.rows)])
    return stream.getvalue().encode("gb18030")


def word_table(book: Book) -> bytes:
    """A title paragraph and a table, a paragraph per line of a cell, the day of saving in the properties."""
    lines = [book.headings, *([_shown(cell) for cell in row] for row in book.rows)]
    table = w_table(*(tuple(_word_cell(text) for text in line) for line in lines))
    plain = docx(w_p(escape(book.title)) + table)
    return _with_properties(plain, book.saved_on)


def _word_cell(text: str) -> str:
    return f"<w:tc><w:tcPr/>{''.join(w_p(escape(line)) for line in text.split(chr(10)))}</w:tc>"


def _with_properties(content: bytes, day: date) -> bytes:
    with zipfile.ZipFile(io.BytesIO(content)) as archive:
        members = {name: archive.read(name) for name in archive.namelist()}
    core = (
        '<cp:coreProperties xmlns:cp="http://schemas.openxmlformats.org/package/2006/metadata/core-properties" '
        'xmlns:dcterms="http://purl.org/dc/terms/"><dcterms:modified>'
        f"{day}T08:00:00Z</dcterms:modified></cp:coreProperties>"
    )
    return zipped({**members, "docProps/core.xml": core})


def _shown(cell: Any) -> str:
    return "" if cell is None else str(cell)
