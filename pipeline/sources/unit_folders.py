"""Folders named after units below ``CITY/ledgers`` and ``CITY/tracks``, and the files units left in them."""

from __future__ import annotations

import unicodedata
from collections.abc import Iterator, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from rapidfuzz import process

from pipeline.errors import XunchaError

UNKNOWN_UNIT = "E503"
_LEFTOVERS = ("~$", ".", "Thumbs.db", "desktop.ini")


@dataclass(frozen=True)
class UnitFile:
    """A file a unit delivered; ``name`` is its path below the city folder with ``/``, as tables print it."""

    unit_id: str
    path: Path
    name: str


def delivered_files(city: Path, part: str) -> tuple[Path, ...]:
    """All files below ``CITY/<part>``, sorted; office programs' lock and system files are no deliveries."""
    files = [path for path in (city / part).rglob("*") if path.is_file()]
    return tuple(sorted(path for path in files if not path.name.startswith(_LEFTOVERS)))


def unit_files(city: Path, part: str, units: Mapping[str, str]) -> tuple[list[UnitFile], list[dict[str, Any]]]:
    """Deliveries by unit, and rejected rows (E503) for folders that name no unit and files outside any folder.

    ``units``: unit id to name; a folder may be named by either.
    """
    known = {_folded(text): unit_id for unit_id, name in units.items() for text in (name, unit_id)}
    found: list[UnitFile] = []
    rejected: list[dict[str, Any]] = []
    for path in delivered_files(city, part):
        name = shown_name(city, path)
        folders = path.relative_to(city / part).parts[:-1]
        unit_id = known.get(_folded(folders[0])) if folders else None
        if unit_id is not None:
            found.append(UnitFile(unit_id, path, name))
            continue
        reason = "文件不在单位文件夹内"
        if folders:
            reason = f"文件夹“{folders[0]}”不是已知单位名称或编号{_hint(folders[0], units)}"
        rejected.append(rejection(None, name, UNKNOWN_UNIT, f"{reason}；请放入以单位名称命名的文件夹"))
    return found, rejected


def shown_name(city: Path, path: Path) -> str:
    """How tables name a delivered file: its path below the city folder, with ``/``, letters composed (NFC)."""
    return unicodedata.normalize("NFC", path.relative_to(city).as_posix())


def _folded(text: str) -> str:
    return "".join(unicodedata.normalize("NFKC", text).split()).casefold()


def _hint(text: str, units: Mapping[str, str]) -> str:
    nearest = process.extractOne(text, sorted(units.values()), score_cutoff=50)
    return f"，最接近的是“{nearest[0]}”" if nearest else ""


def rejection(unit_id: str | None, name: str, code: str, reason: str) -> dict[str, Any]:
    """A row of the table REJECTED about a whole file."""
    return {"unit_id": unit_id, "file": name, "sheet": None, "row": None, "field": None, "content": None,
            "code": code, "reason": reason}  # fmt: skip


def each_readable(
    files: list[UnitFile], suffixes: tuple[str, ...], code: str, how_to_save: str, rejected: list[dict[str, Any]]
) -> Iterator[tuple[UnitFile, bytes]]:
    """Yield files of the right kind with their bytes; others and unreadable ones are appended to ``rejected``."""
    for file in files:
        if file.path.suffix.lower() not in suffixes:
            reason = f"暂不支持 {file.path.suffix or '无后缀'} 文件；{how_to_save}"
            rejected.append(rejection(file.unit_id, file.name, code, reason))
            continue
        try:
            content = file.path.read_bytes()
        except OSError as problem:
            rejected.append(rejection(file.unit_id, file.name, code, f"无法读取：{problem.strerror}"))
            continue
        yield file, content


def refusal(file: UnitFile, problem: XunchaError) -> dict[str, Any]:
    """The rejected row of a file that a reader refused."""
    return rejection(file.unit_id, file.name, problem.code, f"{problem.message}；{problem.hint}")
