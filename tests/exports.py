"""Every text that a finished file holds, whatever its format, and the pairs of coordinates in it."""

from __future__ import annotations

import html
import io
import re
import sqlite3
import zipfile
from pathlib import Path

import pandas as pd

_NUMBER = re.compile(r"-?\d{1,3}\.\d{5,}")
_TAG = re.compile(r"<[^>]*>")
ZIPPED = (".zip", ".xlsx", ".docx", ".kmz")


def text_of(name: str, content: bytes) -> str:
    """All text of a file: zip containers with their members, GeoPackages with all tables, tables as their columns."""
    suffix = Path(name).suffix.lower()
    if suffix in ZIPPED:
        with zipfile.ZipFile(io.BytesIO(content)) as archive:
            parts = [f"{member}\n{text_of(member, archive.read(member))}" for member in archive.namelist()]
        return "\n".join(parts)
    if suffix == ".gpkg":
        return _database(content)
    if suffix == ".parquet":
        frame = pd.read_parquet(io.BytesIO(content))
        return "\n".join(str(value) for column in frame for value in frame[column] if isinstance(value, str))
    text = content.decode("gb18030" if suffix == ".dbf" else "utf-8", "replace")
    # A text node of XML may be cut in runs; attributes are kept by leaving the raw text in.
    return f"{text}\n{html.unescape(_TAG.sub('', text))}" if suffix in (".xml", ".html", ".kml", ".gpx") else text


def files_of(folder: Path) -> dict[str, str]:
    """Path below ``folder`` to the path itself and all text of the file."""
    paths = sorted(path for path in folder.rglob("*") if path.is_file())
    names = {path: path.relative_to(folder).as_posix() for path in paths}
    return {name: f"{name}\n{text_of(name, path.read_bytes())}" for path, name in names.items()}


def places_of(text: str) -> set[tuple[str, str]]:
    """Neighbouring decimal numbers of a text, cut at five places (a metre), in both orders."""
    numbers = [number[: number.index(".") + 6] for number in _NUMBER.findall(text)]
    pairs = set(zip(numbers, numbers[1:], strict=False))
    return pairs | {(second, first) for first, second in pairs}


def _database(content: bytes) -> str:
    base = sqlite3.connect(":memory:")
    base.deserialize(content)
    tables = [row[0] for row in base.execute("select name from sqlite_master where type = 'table'")]
    readable = [name for name in tables if not name.startswith("rtree_")]
    rows = [row for name in readable for row in base.execute(f'select * from "{name}"')]
    heads = [str(row[1]) for name in readable for row in base.execute(f'pragma table_info("{name}")')]
    base.close()
    return "\n".join([*heads, *(str(value) for row in rows for value in row if not isinstance(value, bytes))])
