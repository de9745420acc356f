"""Labelled pairs for training: a table of files, or a folder of places with before.tif, after.tif and label.tif."""

from __future__ import annotations

import csv
from dataclasses import dataclass
from datetime import date
from pathlib import Path

from pipeline.errors import InputError
from pipeline.sources.delimited import decode
from pipeline.values import parse_day

NEEDED = ("before", "after", "label")


@dataclass(frozen=True)
class LabelledPair:
    """Two images of one place and what changed between them: label 1 = new construction, 0 = not, else not known."""

    place: str
    before: Path
    after: Path
    label: Path
    before_date: date | None = None
    after_date: date | None = None


def pairs_of_folder(folder: Path) -> list[LabelledPair]:
    """The sub-folders that hold before.tif, after.tif and label.tif, by name; InputError E804 where there is none."""
    found = [
        LabelledPair(place.name, place / "before.tif", place / "after.tif", place / "label.tif")
        for place in (sorted(folder.iterdir()) if folder.is_dir() else [])
        if all((place / f"{name}.tif").is_file() for name in NEEDED)
    ]
    if not found:
        raise InputError("E804", f"{folder}: no place with before.tif, after.tif and label.tif", "see docs/training.md")
    return found


def pairs_of_table(path: Path) -> list[LabelledPair]:
    """Rows of a CSV with the columns before, after, label and maybe place, before_date, after_date.

    Files are relative to the table's folder. Pairs without a place are a place of their own. Raises InputError E804
    naming row and column.
    """
    try:
        rows = list(csv.DictReader(decode(path.read_bytes())[0].splitlines()))
    except (OSError, ValueError) as problem:
        raise InputError("E804", f"{path}: {problem}", "give a CSV file with before, after, label") from problem
    lacking = [name for name in NEEDED if not rows or name not in rows[0]]
    if lacking:
        raise InputError("E804", f"{path}: no column or row with {', '.join(lacking)}", "name the columns in row 1")
    return [_pair(path, number, row) for number, row in enumerate(rows, start=2)]


def _pair(table: Path, number: int, row: dict[str, str | None]) -> LabelledPair:
    files = []
    for name in NEEDED:
        text = (row[name] or "").strip()
        file = table.parent / text
        if not text or not file.is_file():
            raise InputError("E804", f"{table}, row {number}, {name}: no file {text!r}", "give the path of a raster")
        files.append(file)
    days = [
        parse_day(text) if (text := (row.get(name) or "").strip()) else None for name in ("before_date", "after_date")
    ]
    before, after, label = files
    return LabelledPair((row.get("place") or "").strip() or f"pair-{number}", before, after, label, *days)
