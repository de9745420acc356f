"""Vector files as delivered: what lies in a folder, in which encoding, and whether its coordinates can be trusted."""

from __future__ import annotations

import re
import unicodedata
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import numpy as np
import pyogrio
import pyproj
from numpy.typing import NDArray

from pipeline.errors import InputError

SUFFIXES = (".gpkg", ".shp")
ENCODINGS = ("utf-8", "gb18030")
_CHUNK_ROWS = 20_000
_MODERN_AXIS_M = 6378137.0


@dataclass(frozen=True)
class LayerFile:
    """One layer of one file: its place, field names, row count, text encoding and CRS (None: the file has none)."""

    path: Path
    layer: str
    fields: tuple[str, ...]
    rows: int
    encoding: str
    crs: pyproj.CRS | None

    @property
    def where(self) -> str:
        """File and layer name, for messages."""
        return self.path.name if self.path.stem == self.layer else f"{self.path.name} [{self.layer}]"


def scan(folder: Path) -> tuple[list[LayerFile], list[InputError]]:
    """All layers below a folder, by path and layer name, and the files that could not be read (E301)."""
    found: list[LayerFile] = []
    problems: list[InputError] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file() and p.suffix.lower() in SUFFIXES):
        try:
            found += _layers_of(path)
        except InputError as problem:
            problems.append(problem)
    return found, problems


def _layers_of(path: Path) -> list[LayerFile]:
    encoding = dbf_encoding(path.with_suffix(_dbf_suffix(path))) if path.suffix.lower() == ".shp" else "utf-8"
    try:
        names = sorted(str(name) for name, kind in pyogrio.list_layers(path) if kind is not None)
        infos = [(name, pyogrio.read_info(path, layer=name, encoding=encoding)) for name in names]
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError, UnicodeDecodeError) as problem:
        raise InputError("E301", f"{path}: {problem}", "deliver the file again, all its parts together") from problem
    return [
        LayerFile(path, name, tuple(info["fields"]), int(info["features"]), encoding, _usable_crs(info["crs"]))
        for name, info in infos
    ]


def _dbf_suffix(path: Path) -> str:
    return ".DBF" if not path.with_suffix(".dbf").exists() and path.with_suffix(".DBF").exists() else ".dbf"


def _usable_crs(text: str | None) -> pyproj.CRS | None:
    if not text:
        return None
    try:
        crs = pyproj.CRS.from_user_input(text)
    except pyproj.exceptions.CRSError:
        return None
    return crs if crs.is_projected or crs.is_geographic else None


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


def name_fits(name: str, alias: str) -> bool:
    """Whether a file or layer name holds an alias as a whole word, whatever its case and width."""
    plain = unicodedata.normalize("NFKC", name).upper()
    wanted = unicodedata.normalize("NFKC", alias).upper()
    if wanted.isascii():
        return re.search(rf"(?<![A-Z]){re.escape(wanted)}(?![A-Z])", plain) is not None
    return wanted in plain


def require_safe_transform(where: str, source: pyproj.CRS, target: pyproj.CRS) -> None:
    """Refuse a change of datum that would silently be a null shift (E304).

    CGCS2000 and WGS 84 differ by less than a metre and are taken as equal. Xi'an 1980, Beijing 1954 and any other
    older datum need the bureau's own parameters, given as a TOWGS84 entry in the layer's .prj.
    """
    if source.is_bound or _datum(source) == _datum(target):
        return
    if all(_is_modern(crs) for crs in (source, target)):
        return
    raise InputError(
        "E304",
        f"{where}: {source.name} on {_datum(source)}",
        f"have the bureau transform the layer to {target.name}, or put its TOWGS84 parameters into the .prj",
    )


def _datum(crs: pyproj.CRS) -> str:
    geodetic = crs.geodetic_crs
    return str(geodetic.datum.name) if geodetic is not None and geodetic.datum is not None else "an unknown datum"


def _is_modern(crs: pyproj.CRS) -> bool:
    return crs.ellipsoid is not None and crs.ellipsoid.semi_major_metre == _MODERN_AXIS_M
