"""Cases known before (存量): an optional GeoPackage the bureau keeps, read into plain columns."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import geopandas as gpd
import pyogrio
import shapely

from pipeline.errors import InputError
from pipeline.sources.layer_crs import require_safe_transform

KNOWN_CASES_FILE = Path("records") / "known_cases.gpkg"
COLUMNS = {"线索编号": "known_id", "类别": "known_kind"}


def read_known_cases(city: Path, crs: str) -> Any:
    """``known_id, known_kind, geometry`` in ``crs``, ordered by id; no rows when the file is absent.

    Raises InputError E403 when the file cannot be read, lacks 线索编号 or 类别, or has a row without id or geometry,
    E302 without CRS, E304 on an older datum.
    """
    path = city / KNOWN_CASES_FILE
    if not path.is_file():
        return gpd.GeoDataFrame({"known_id": [], "known_kind": []}, geometry=[], crs=crs)
    try:
        frame = pyogrio.read_dataframe(path)
    except (pyogrio.errors.DataSourceError, pyogrio.errors.DataLayerError, OSError) as problem:
        raise InputError("E403", f"{path}: {problem}", "save the list of known cases again as GeoPackage") from problem
    lacking = [name for name in COLUMNS if name not in frame.columns]
    if lacking or "geometry" not in frame.columns:
        raise InputError("E403", f"{path}: no column {', '.join(lacking) or 'geometry'}", "name the columns so")
    if frame.crs is None:
        raise InputError("E302", f"{path}", "assign the CRS in a GIS")
    require_safe_transform(path.name, frame.crs, gpd.GeoSeries(crs=crs).crs)
    bad = frame["线索编号"].isna() | frame["类别"].isna() | shapely.is_missing(frame.geometry.to_numpy())
    if bad.any():
        row = int(bad.to_numpy().argmax()) + 1
        raise InputError("E403", f"{path}: row {row} has no id, kind or geometry", "complete or remove the row")
    plain = frame.rename(columns=COLUMNS)[["known_id", "known_kind", "geometry"]].to_crs(crs)
    return plain.astype({"known_id": "str", "known_kind": "str"}).sort_values("known_id", ignore_index=True)
