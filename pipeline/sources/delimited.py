"""Csv tables as offices keep them: Chinese or English headings, three encodings, dates as Excel writes them."""

from __future__ import annotations

import csv
import io
import re
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.schema import Column, Table, conform, empty
from pipeline.values import plain_cell

ENCODINGS: tuple[str, ...] = ("utf-8-sig", "utf-8", "gb18030")
ROW = "_row"
"""Column of a parsed frame that holds the row number as Excel counts it, the heading being row 1."""

_DATE = re.compile(r"(\d{4})\s*[-/.年]\s*(\d{1,2})\s*[-/.月]\s*(\d{1,2})\s*日?(?:[ T]0{1,2}:00(?::00)?)?")
_COMPACT = re.compile(r"(\d{4})(\d{2})(\d{2})")
_SUFFIX = re.compile(r"[(（][^()（）]*[)）]$")


@dataclass(frozen=True)
class Parsed:
    """A table read from a file, its usable rows with their row numbers in :data:`ROW`, and every problem met."""

    frame: Any
    errors: tuple[InputError, ...]


def decode(content: bytes) -> tuple[str, str]:
    """Text and encoding of a csv: UTF-8 with or without BOM, else GB18030; raises UnicodeDecodeError for neither."""
    if content.startswith(b"\xef\xbb\xbf"):
        return content.decode("utf-8-sig"), "utf-8-sig"
    try:
        return content.decode("utf-8"), "utf-8"
    except UnicodeDecodeError:
        return content.decode("gb18030"), "gb18030"


def parse_date(text: str) -> date:
    """A day as people and Excel write it: 2026-01-05, 2026/1/5, 2026.1.5, 2026年1月5日, 20260105.

    Raises ValueError for anything else.
    """
    match = _DATE.fullmatch(text.strip()) or _COMPACT.fullmatch(text.strip())
    if match is None:
        raise ValueError("not a date")
    return date(int(match[1]), int(match[2]), int(match[3]))


def parse_value(column: Column, value: object) -> object:
    """A cell's value in the column's kind, None for blank; raises ValueError where it cannot be read."""
    if value is None or (isinstance(value, float) and value != value) or value is pd.NaT:
        return None
    text = str(value).strip()
    if text == "":
        return None
    if column.kind == "date":
        return value.date() if isinstance(value, datetime) else parse_date(text)
    if column.kind == "integer":
        number = float(text)
        if not number.is_integer():
            raise ValueError("not a whole number")
        return int(number)
    if column.kind == "real":
        return float(text)
    return plain_cell(text)


def heading_of(heading: str, table: Table) -> str | None:
    """The column name a heading stands for: Chinese label, with or without its unit, or the English name."""
    text = heading.strip()
    for candidate in (text, _SUFFIX.sub("", text)):
        for column in table.columns:
            if candidate in (column.label, column.name):
                return column.name
    return None


def rows_of(text: str) -> list[list[str]]:
    """The rows of a csv text, cells as they stand."""
    return list(csv.reader(io.StringIO(text, newline="")))


def read_csv(path: Path, table: Table, *, missing_code: str, row_code: str) -> Parsed:
    """Read a csv into ``table``'s columns and kinds.

    ``missing_code`` numbers an unreadable file or an absent column, ``row_code`` a value that cannot be read.
    Rows with a problem are left out of the frame and named in ``errors``; blank rows are skipped.
    """
    shown = f"{path.parent.name}/{path.name}"
    try:
        text, _ = decode(path.read_bytes())
    except OSError as problem:
        return Parsed(_nothing(table), (InputError(missing_code, f"{shown}: {problem.strerror}", "add the file"),))
    except UnicodeDecodeError:
        hint = "save it as csv UTF-8 in Excel"
        return Parsed(_nothing(table), (InputError(missing_code, f"{shown}: neither UTF-8 nor GB18030", hint),))
    rows = rows_of(text)
    if not rows:
        return Parsed(_nothing(table), (InputError(missing_code, f"{shown} is empty", "add the heading row"),))
    body = (
        (number, row) for number, row in enumerate(rows[1:], start=2) if any(cell.strip() for cell in row)
    )  # fmt: skip
    return parse_rows(shown, table, rows[0], body, missing_code=missing_code, row_code=row_code)


def parse_rows(
    shown: str,
    table: Table,
    headings: list[str],
    rows: Iterable[tuple[int, list[Any]]],
    *,
    missing_code: str,
    row_code: str,
) -> Parsed:
    """Turn headings and numbered rows into ``table``'s columns; ``shown`` names the file in errors."""
    errors: list[InputError] = []
    names = [heading_of(heading, table) for heading in headings]
    for column in table.columns:
        times = names.count(column.name)
        if times > 1:
            hint = "keep one of the columns"
            errors.append(InputError(missing_code, f"{shown}: column {column.label} appears {times} times", hint))
        if times == 0 and not column.null:
            hint = f"add a column headed {column.label} (or {column.name})"
            errors.append(InputError(missing_code, f"{shown} lacks the column {column.label}", hint))
    if errors:
        return Parsed(_nothing(table), tuple(errors))
    records: list[dict[str, object]] = []
    for number, row in rows:
        values = {name: row[i] if i < len(row) else None for i, name in enumerate(names) if name is not None}
        record, problems = _record(shown, table, number, values, row_code)
        errors += problems
        if not problems:
            records.append(record)
    frame = pd.DataFrame(records, columns=[ROW, *table.names], dtype="object")
    plain = conform(Table(table.name, table.columns, table.key), frame)
    plain[ROW] = frame[ROW].astype("int64")
    return Parsed(plain, tuple(errors))


def _record(
    shown: str, table: Table, number: int, values: dict[str, Any], row_code: str
) -> tuple[dict[str, object], list[InputError]]:
    record: dict[str, object] = {ROW: number}
    problems: list[InputError] = []
    for column in table.columns:
        raw = values.get(column.name)
        try:
            record[column.name] = parse_value(column, raw)
        except ValueError:
            wanted = {"date": "a date such as 2026-01-05", "integer": "a whole number"}.get(column.kind, "a number")
            what = f"{shown}, row {number}, {column.label}: {str(raw)!r} is not {wanted}"
            problems.append(InputError(row_code, what, f"write {wanted}"))
            continue
        if record[column.name] is None and not column.null:
            what = f"{shown}, row {number}, {column.label} is empty"
            problems.append(InputError(row_code, what, f"fill in {column.label}"))
    return record, problems


def duplicates(
    shown: str, frame: Any, key: tuple[str, ...], labels: dict[str, str], *, row_code: str
) -> list[InputError]:
    """An error for every row whose ``key`` an earlier row already has; both rows are named."""
    errors: list[InputError] = []
    first: dict[tuple[object, ...], int] = {}
    for number, *values in frame[[ROW, *key]].itertuples(index=False):
        known = first.setdefault(tuple(values), int(number))
        if known != number:
            stands = ", ".join(f"{labels[name]} {show(value)}" for name, value in zip(key, values, strict=True))
            what = f"{shown}, row {number}: {stands} stands already in row {known}"
            errors.append(InputError(row_code, what, "remove or correct one of the two rows"))
    return errors


def show(value: object) -> str:
    """A value as errors and csv files print it: days as YYYY-MM-DD, blanks as nothing."""
    if value is None or value is pd.NaT or value is pd.NA or (isinstance(value, float) and value != value):
        return ""
    if isinstance(value, (pd.Timestamp, datetime)):
        return value.date().isoformat()
    return str(value)


def translate(frame: Any, column: str, known: Callable[[str], str | None]) -> tuple[Any, list[tuple[int, str]]]:
    """A copy of ``frame`` with ``column`` put through ``known``; rows it answers None for are left out and listed."""
    translated = [known(value) for value in frame[column]]
    bad = [
        (int(row), str(value))
        for row, value, code in zip(frame[ROW], frame[column], translated, strict=True)
        if code is None
    ]
    kept = frame.assign(**{column: pd.Series(translated, index=frame.index, dtype="str")})
    return kept[kept[column].notna()].reset_index(drop=True), bad


def _nothing(table: Table) -> pd.DataFrame:
    plain = empty(Table(table.name, table.columns, table.key))
    return plain.assign(**{ROW: pd.Series([], dtype="int64")})
