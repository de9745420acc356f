"""GeoParquet files from Arrow tables, without a detour over pandas, which knows no whole numbers with gaps."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import numpy as np
import pyarrow as pa
import pyarrow.parquet
import pyproj
import shapely

_TYPES = ("Point", "LineString", "LinearRing", "Polygon", "MultiPoint", "MultiLineString", "MultiPolygon",
          "GeometryCollection")  # fmt: skip
_PIECE_ROWS = 20_000


def write_geoparquet(
    path: Path, table: pa.Table, geometry: str, crs: pyproj.CRS | None, *, about: dict[str, dict[str, Any]]
) -> None:
    """Write a table whose column ``geometry`` is two-dimensional WKB with x east, in ``crs`` (None: not known).

    ``about``: further members of the file's metadata, each JSON. Equal tables give equal bytes. Raises
    shapely.errors.GEOSException for a geometry that is no simple feature.
    """
    kinds, bounds = _seen(table.column(geometry))
    described: dict[str, Any] = {
        "encoding": "WKB",
        "geometry_types": sorted(kinds),
        "crs": None if crs is None else crs.to_json_dict(),
    }
    if np.isfinite(bounds).all():
        described["bbox"] = bounds.tolist()
    geo = {"version": "1.1.0", "primary_column": geometry, "columns": {geometry: described}}
    metadata = {name: json.dumps(value, ensure_ascii=False, sort_keys=True) for name, value in about.items()}
    pyarrow.parquet.write_table(
        table.replace_schema_metadata({"geo": json.dumps(geo, ensure_ascii=False)} | metadata), path, compression="zstd"
    )


def _seen(column: pa.ChunkedArray) -> tuple[set[str], Any]:
    """Types of geometry in a WKB column and its extent (NaN for none), a piece at a time to spare memory."""
    kinds: set[str] = set()
    extents = [np.full(4, np.nan)]
    for start in range(0, len(column), _PIECE_ROWS):
        shapes = shapely.from_wkb(column.slice(start, _PIECE_ROWS).to_numpy())
        drawn = shapes[~shapely.is_missing(shapes)]
        kinds |= {_TYPES[number] for number in np.unique(shapely.get_type_id(drawn))}
        if len(drawn):
            extents.append(shapely.total_bounds(drawn))
    corners = np.array(extents)
    return kinds, np.concatenate([np.fmin.reduce(corners[:, :2]), np.fmax.reduce(corners[:, 2:])])
