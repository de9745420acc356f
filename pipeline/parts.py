"""Geometry tables larger than memory: rows come in any order, are parked on disk, and are written in order of their key."""

from __future__ import annotations

import io
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.parquet
import shapely
from numpy.typing import NDArray

from pipeline import FORMAT_VERSION
from pipeline.errors import StageError
from pipeline.schema import Table, empty
from pipeline.spool import Spool
from pipeline.store import check_table, write_table

PART_ROWS = 4096
"""Places in the order of keys that a row group of the file spans; up to so many give the bytes of ``write_table``."""


class TableInParts:
    """Rows of a table with one key column, added a few at a time and written once all have come."""

    def __init__(self, scratch: Path, table: Table, crs: object) -> None:
        """``scratch``: a file that does not exist, used until the context ends."""
        self.table, self.rows = table, 0
        self._crs, self._spool = crs, Spool(scratch)
        self._bounds = np.array([np.inf, np.inf, -np.inf, -np.inf])
        self._kinds: set[str] = set()

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._spool.__exit__(kind, problem, trace)

    def add(self, frame: gpd.GeoDataFrame, places: NDArray[np.intp]) -> None:
        """Add conformed rows of the table; ``places``: in the order of all keys that may come, gaps allowed."""
        if not len(frame):
            return
        self.rows += len(frame)
        bounds = shapely.bounds(frame.geometry.to_numpy()).reshape(-1, 4)
        np.fmin(self._bounds[:2], np.fmin.reduce(bounds[:, :2]), out=self._bounds[:2])
        np.fmax(self._bounds[2:], np.fmax.reduce(bounds[:, 2:]), out=self._bounds[2:])
        self._kinds |= set(frame.geom_type.dropna().unique())
        rows = pa.table(frame.to_arrow(index=False, geometry_encoding="WKB"))
        self._spool.sort_in(rows, np.asarray(places, dtype=np.intp) // PART_ROWS)

    def write(self, path: Path) -> None:
        """Write the rows in order of their key, replacing ``path`` only when complete.

        Every part is checked. Raises StageError E603 where one breaks the table's contract or a key occurs twice.
        """
        if not self.rows:
            write_table(path, self.table, empty(self.table, self._crs))
            return
        temporary = path.with_name(path.name + ".tmp")
        parts = self._parts()
        first = next(parts)
        schema = first.schema.with_metadata(self._metadata(first.schema))
        with closing(pyarrow.parquet.ParquetWriter(temporary, schema)) as writer:
            writer.write_table(first, row_group_size=PART_ROWS)
            for part in parts:
                writer.write_table(part, row_group_size=PART_ROWS)
        temporary.replace(path)

    def _parts(self) -> Iterator[pa.Table]:
        (key,) = self.table.key
        last: Any = None
        for box in self._spool.boxes:
            part = self._spool.take(box)
            part = part.take(pa.compute.sort_indices(part[key])).combine_chunks()
            check_table(self.table, part.select(self.table.names).to_pandas())
            first = part[key][0].as_py()
            if last is not None and not last < first:
                raise StageError(
                    "E603", f"table {self.table.name}: {first} after {last}", "report this with the journal"
                )
            last = part[key][-1].as_py()
            yield part

    def _metadata(self, schema: pa.Schema) -> dict[bytes, bytes]:
        """What geopandas writes beside the rows, with the extent and the types of all parts."""
        nothing = io.BytesIO()
        empty(self.table, self._crs).to_parquet(nothing, index=False)
        geo = json.loads(pyarrow.parquet.read_schema(nothing).metadata[b"geo"])
        geo["columns"]["geometry"]["geometry_types"] = sorted(self._kinds)
        if np.isfinite(self._bounds).all():
            geo["columns"]["geometry"]["bbox"] = self._bounds.tolist()
        return dict(schema.metadata or {}) | {
            b"geo": json.dumps(geo).encode("utf-8"),
            b"PANDAS_ATTRS": json.dumps({"format_version": FORMAT_VERSION}).encode("utf-8"),
        }
