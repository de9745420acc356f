"""Text of shapefiles: which encoding a dbf is written in, told from its bytes."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.errors import InputError

ENCODINGS = ("utf-8", "gb18030")
_CHUNK_ROWS = 20_000


def dbf_encoding(path: Path) -> str:
    """``utf-8`` or ``gb18030``: the first that decodes every name and every text value of a dbf strictly.

    The language byte and a .cpg are not asked: both are often wrong, and bytes that are valid UTF-8 throughout
    are hardly ever GBK. Raises InputError E301 when the file is missing, cut short or in neither encoding.
    """
    try:
        raw = path.read_bytes()
    except OSError as problem:
        raise InputError("E301", f"{path}: {problem}", "deliver .shp, .shx, .dbf and .prj together") from problem
    names, columns, rows, header, width = _dbf_layout(path, raw)
    table = np.frombuffer(raw, dtype=np.uint8, count=rows * width, offset=header).reshape(rows, width)
    reasons: list[str] = []
    for encoding in ENCODINGS:
        where = _undecodable(names, table[:, columns], encoding)
        if where is None:
            return encoding
        reasons.append(f"{encoding}: {where}")
    raise InputError("E301", f"{path}: text is neither UTF-8 nor GB18030 ({'; '.join(reasons)})", "export it as UTF-8")


def _dbf_layout(path: Path, raw: bytes) -> tuple[bytes, NDArray[np.intp], int, int, int]:
    """Joined field names, byte positions of text fields (each behind a blank), rows, header and record length."""
    cut = InputError("E301", f"{path}: the file is cut short or no dbf", "deliver .shp, .shx, .dbf and .prj together")
    if len(raw) < 33:
        raise cut
    rows, header, width = (int.from_bytes(raw[a:b], "little") for a, b in ((4, 8), (8, 10), (10, 12)))
    if header < 33 or width < 1 or len(raw) < header + rows * width:
        raise cut
    names: list[bytes] = []
    columns: list[int] = []
    start = 1
    for offset in range(32, header - 1, 32):
        if raw[offset] == 0x0D:
            break
        names.append(raw[offset : offset + 11].split(b"\0")[0])
        length = raw[offset + 16]
        if chr(raw[offset + 11]) == "C":
            columns += [0, *range(start, start + length)]
        start += length
    if start > width:
        raise cut
    return b" ".join(names), np.array(columns, dtype=np.intp), rows, header, width


def _undecodable(names: bytes, text: Any, encoding: str) -> str | None:
    try:
        names.decode(encoding)
    except UnicodeDecodeError:
        return "field names"
    for first in range(0, len(text), _CHUNK_ROWS):
        part = text[first : first + _CHUNK_ROWS]
        try:
            part.tobytes().decode(encoding)
        except UnicodeDecodeError as problem:
            return f"row {first + problem.start // max(part.shape[1], 1) + 1}"
    return None
