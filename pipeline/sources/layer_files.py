"""Vector files as delivered: what lies in a folder or a zip, layer by layer, and how each is opened."""

from __future__ import annotations

import json
import re
import tempfile
import unicodedata
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field
from pathlib import Path, PurePosixPath
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow
import pyarrow.parquet
import pyogrio
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.errors import InputError
from pipeline.sources.layer_archives import SHAPEFILE_SUFFIXES, unpack
from pipeline.sources.layer_crs import Bounds, usable_crs
from pipeline.sources.layer_text import dbf_encoding

GEODATABASE = ".gdb"
DATABASE_LIST = "postgis.yaml"
FETCHED = "xuncha_postgis"
"""The member of a GeoParquet file's metadata that says which database table it was fetched from."""
SUFFIXES = (".gpkg", ".shp", ".geojson", ".json", ".parquet")
_BESIDE = frozenset({".sbn", ".sbx", ".qix", ".fbn", ".fbx", ".ain", ".aih", ".atx", ".ixs", ".mxs", ".qmd", ".qpj"})
_SIDECARS = (SHAPEFILE_SUFFIXES - {".shp"}) | _BESIDE | {".xml", ".gpkg-wal", ".gpkg-shm"}
_CANNOT_READ = (
    pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, pyogrio.errors.FeatureError, pyogrio.errors.FieldError,
    pyogrio.errors.GeometryError, pyarrow.ArrowException, OSError, ValueError,
)  # fmt: skip
_SNIFF_BYTES = 65_536
_READ_WHOLE = frozenset({".geojson", ".json"})
PIECE_ROWS = 16_384
"""Rows whose geometry is read at once."""


@dataclass(frozen=True)
class LayerFile:
    """One layer of one file: where it was delivered, where it is read, its fields, row count, encoding and CRS.

    ``delivered``: the path below the layer folder, through a zip where it lies in one. ``crs``: None where the file
    names none; ``crs_assumed``: it names none and the format's default is taken. ``header_bounds``: the extent that
    the file states, which an edit may have left behind. ``database``: where it was fetched from, in words.
    """

    path: Path
    delivered: str
    layer: str
    fields: tuple[str, ...]
    rows: int
    encoding: str
    crs: pyproj.CRS | None
    crs_assumed: bool = False
    header_bounds: Bounds | None = None
    database: str | None = None

    @property
    def where(self) -> str:
        """File and layer name, for messages."""
        name = PurePosixPath(self.delivered)
        return self.delivered if name.stem == self.layer else f"{self.delivered} [{self.layer}]"

    @property
    def names(self) -> tuple[str, ...]:
        """Names that may say what the layer holds, its own first, then those of the files it lies in."""
        outer = [PurePosixPath(part).stem for part in reversed(PurePosixPath(self.delivered).parts) if "." in part]
        return self.layer, *outer

    def shapes(self, rows: int = PIECE_ROWS) -> Iterator[NDArray[Any]]:
        """The geometry of all rows, ``rows`` at a time, in delivered coordinates; InputError E301.

        Formats that a reader has to take in as a whole come in one piece.
        """
        suffix = self.path.suffix.lower()
        try:
            if suffix == ".parquet":
                yield from _parquet_shapes(self.path, rows)
                return
            whole, start = suffix in _READ_WHOLE, 0
            while True:
                piece = pyogrio.read_dataframe(
                    self.path, layer=self.layer, encoding=self.encoding, columns=[],
                    skip_features=start, max_features=None if whole else rows,
                )  # fmt: skip
                yield piece.geometry.to_numpy()
                start += len(piece)
                if whole or len(piece) < rows:
                    return
        except _CANNOT_READ as problem:
            raise InputError("E301", f"{self.where}: {problem}", "deliver the file again") from problem

    def values(self, columns: Sequence[str]) -> Any:
        """Some fields of all rows without the geometry; InputError E301."""
        try:
            if self.path.suffix.lower() == ".parquet":
                return pyarrow.parquet.read_table(self.path, columns=list(columns)).to_pandas()
            return pyogrio.read_dataframe(
                self.path, layer=self.layer, encoding=self.encoding, columns=list(columns), read_geometry=False
            )
        except _CANNOT_READ as problem:
            raise InputError("E301", f"{self.where}: {problem}", "deliver the file again") from problem

    def bounds(self) -> Bounds:
        """Extent of the delivered coordinates as they are, not as a header says; NaN for a layer without any."""
        corners = np.vstack(
            [np.full((1, 4), np.nan), *(shapely.bounds(piece).reshape(-1, 4) for piece in self.shapes())]
        )
        low, high = np.fmin.reduce(corners[:, :2]), np.fmax.reduce(corners[:, 2:])
        return float(low[0]), float(low[1]), float(high[0]), float(high[1])


@dataclass
class Scan:
    """What a layer folder holds: layers, problems that stop a run (E301), and files that are no readable layer."""

    files: list[LayerFile] = field(default_factory=list)
    problems: list[InputError] = field(default_factory=list)
    unread: list[dict[str, str]] = field(default_factory=list)


@contextmanager
def opened(folder: Path) -> Iterator[Scan]:
    """All layers below a folder, by path and layer name, zips included; they can be read until the context ends."""
    found = Scan()
    with tempfile.TemporaryDirectory(prefix="xuncha-layers-", ignore_cleanup_errors=True) as scratch:
        _scan(folder, "", Path(scratch), found)
        yield found


def _scan(folder: Path, delivered_in: str, scratch: Path, found: Scan) -> None:
    """Add what lies below ``folder``; ``delivered_in``: the zip it was unpacked from, with a slash."""
    for path in _sources(folder):
        delivered = delivered_in + path.relative_to(folder).as_posix()
        suffix = path.suffix.lower()
        try:
            if suffix == GEODATABASE or suffix in SUFFIXES:
                layers = _layers_of(path, delivered)
                found.files += layers
                if not layers:
                    found.unread.append({"file": delivered, "reason": "没有图形图层"})
            elif suffix == ".zip" and not delivered_in:
                inside = scratch / f"{len(list(scratch.iterdir())):04d}"
                inside.mkdir()
                left_out = unpack(path, inside)
                found.unread += [
                    {"file": f"{delivered}/{name}", "reason": _no_layer(name)} for name in sorted(left_out)
                ]
                _scan(inside, f"{delivered}/", scratch, found)
            else:
                found.unread.append({"file": delivered, "reason": _no_layer(path.name)})
        except InputError as problem:
            found.problems.append(problem)


def _no_layer(name: str) -> str:
    return "压缩包中的压缩包不打开" if name.lower().endswith(".zip") else "不是能读的图层格式"


def _sources(folder: Path) -> Iterator[Path]:
    """Files and geodatabase folders below a folder, sorted; parts of a shapefile other than .shp are left out."""
    for path in sorted(folder.iterdir()):
        if path.suffix.lower() == GEODATABASE or path.is_file():
            hidden = path.name.startswith(".") or path.suffix.lower() in _SIDECARS or path.name == DATABASE_LIST
            if not hidden:
                yield path
        elif path.is_dir():
            yield from _sources(path)


def _layers_of(path: Path, delivered: str) -> list[LayerFile]:
    suffix = path.suffix.lower()
    encoding = dbf_encoding(path.with_suffix(_dbf_suffix(path))) if suffix == ".shp" else "utf-8"
    try:
        if suffix == ".parquet":
            return _parquet_layer(path, delivered)
        if suffix == ".json" and b'"FeatureCollection"' not in _ends(path):
            return []
        names = sorted(str(name) for name, kind in pyogrio.list_layers(path) if kind is not None)
        infos = [(name, pyogrio.read_info(path, layer=name, encoding=encoding)) for name in names]
    except _CANNOT_READ as problem:
        raise InputError(
            "E301", f"{delivered}: {problem}", "deliver the file again, all its parts together"
        ) from problem
    assumed = suffix in (".geojson", ".json") and re.search(rb'"crs"\s*:\s*\{', _ends(path)) is None
    return [
        LayerFile(path, delivered, name, tuple(info["fields"]), int(info["features"]), encoding,
                  usable_crs(info["crs"]), assumed, info["total_bounds"])
        for name, info in infos
    ]  # fmt: skip


def _ends(path: Path) -> bytes:
    """The first and last 64 kB of a file: members of a GeoJSON collection other than its features stand there."""
    with path.open("rb") as opened_file:
        head = opened_file.read(_SNIFF_BYTES)
        opened_file.seek(max(path.stat().st_size - _SNIFF_BYTES, 0))
        return head + opened_file.read()


def _dbf_suffix(path: Path) -> str:
    return ".DBF" if not path.with_suffix(".dbf").exists() and path.with_suffix(".DBF").exists() else ".dbf"


def _parquet_layer(path: Path, delivered: str) -> list[LayerFile]:
    """The one layer of a GeoParquet file, none where the file is a plain table."""
    content = pyarrow.parquet.ParquetFile(path)
    metadata = content.schema_arrow.metadata or {}
    if b"geo" not in metadata:
        return []
    described = json.loads(metadata[b"geo"])
    own = described["columns"][described["primary_column"]]
    fields = tuple(name for name in content.schema_arrow.names if name not in described["columns"])
    # without the member the format says longitude and latitude on WGS 84, with null that nobody knows
    assumed = "crs" not in own
    crs = usable_crs("OGC:CRS84" if assumed else own["crs"])
    bounds = tuple(own["bbox"]) if len(own.get("bbox", ())) == 4 else None
    rows = content.metadata.num_rows
    return [LayerFile(path, delivered, path.stem, fields, rows, "utf-8", crs, assumed, bounds, fetched_from(metadata))]


def fetched_from(metadata: dict[bytes, bytes]) -> str | None:
    """Table, SRID, condition and changes of a fetched file, in words; None for one that a person delivered."""
    if FETCHED.encode() not in metadata:
        return None
    told = json.loads(metadata[FETCHED.encode()])
    condition = f"，条件 {told['where']}" if told["where"] else ""
    return "；".join([f"取自数据库表 {told['table']}（SRID {told['srid']}{condition}）", *told["notes"]])


def _parquet_shapes(path: Path, rows: int) -> Iterator[NDArray[Any]]:
    described = json.loads(pyarrow.parquet.read_schema(path).metadata[b"geo"])
    name = described["primary_column"]
    if described["columns"][name]["encoding"] != "WKB":
        yield gpd.read_parquet(path, columns=[name]).geometry.to_numpy()
        return
    with pyarrow.parquet.ParquetFile(path) as content:
        for batch in content.iter_batches(batch_size=rows, columns=[name]):
            yield shapely.from_wkb(batch.column(0).to_numpy(zero_copy_only=False))


def name_fits(name: str, alias: str) -> bool:
    """Whether a file or layer name holds an alias as a whole word, whatever its case and width."""
    plain = unicodedata.normalize("NFKC", name).upper()
    wanted = unicodedata.normalize("NFKC", alias).upper()
    if wanted.isascii():
        return re.search(rf"(?<![A-Z]){re.escape(wanted)}(?![A-Z])", plain) is not None
    return wanted in plain
