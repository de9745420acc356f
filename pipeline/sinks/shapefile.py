"""Shapefiles as Chinese offices exchange them: GB18030 text, with or without a word about the encoding."""

from __future__ import annotations

import tempfile
from datetime import date
from pathlib import Path

import geopandas as gpd
import pyogrio
from pyogrio.errors import DataSourceError, FieldError, GeometryError

from pipeline.errors import StageError
from pipeline.values import safe_cell

MEMBERS = (".shp", ".shx", ".dbf", ".prj", ".cpg")
_NAME_BYTES = 10


def write_shapefile(path: Path, frame: gpd.GeoDataFrame, *, day: date, declare_encoding: bool = True) -> None:
    """Write ``frame`` as an ESRI Shapefile in GB18030 with its side files, the same bytes for the same input.

    ``declare_encoding``: False leaves the .cpg out and sets the dbf's language byte (LDID) to 0, as many offices
    deliver it. ``day`` is the file date in the dbf header. The members take their places only when all are written.
    A dbf opens in Excel, so text that it would take for a formula gets an apostrophe in front.

    Raises ValueError for field names that are not ASCII or longer than 10 bytes (they would be cut or unreadable),
    StageError E702 when GDAL cannot write.
    """
    for name in frame.columns:
        if name != frame.geometry.name and (not name.isascii() or len(name) > _NAME_BYTES):
            raise ValueError(f"{path.name}: field {name!r} needs an ASCII name of at most {_NAME_BYTES} letters")
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        with tempfile.TemporaryDirectory(dir=path.parent, prefix=".shp-") as folder:
            draft = Path(folder) / path.name
            pyogrio.write_dataframe(_safe(frame), draft, driver="ESRI Shapefile", encoding="GB18030")
            table = draft.with_suffix(".dbf")
            content = bytearray(table.read_bytes())
            content[1:4] = bytes((day.year - 1900, day.month, day.day))
            content[29] = 0x00 if not declare_encoding else content[29]
            table.write_bytes(bytes(content))
            if declare_encoding:
                draft.with_suffix(".cpg").write_text("GB18030", encoding="ascii")
            for suffix in MEMBERS:
                target, source = path.with_suffix(suffix), draft.with_suffix(suffix)
                if suffix == ".cpg" and not declare_encoding:
                    target.unlink(missing_ok=True)
                elif source.is_file():
                    source.replace(target)
    except (DataSourceError, FieldError, GeometryError, OSError) as problem:
        raise StageError(
            "E702", f"{path.name}: {problem}", "check free disk space and write permission, then run again"
        ) from problem


def _safe(frame: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    texts = [name for name in frame.columns if name != frame.geometry.name and frame[name].dtype.kind == "O"]
    return frame.assign(
        **{name: [safe_cell(value) if isinstance(value, str) else value for value in frame[name]] for name in texts}
    )
