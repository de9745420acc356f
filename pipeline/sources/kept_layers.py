"""Conformed land layers kept on disk in order of place: each reader takes the ground around it, not the city.

A kept layer is GeoParquet with the columns of its schema table, a bounding box per row (the covering of GeoParquet 1.1)
and the row's place in the layer; rows that lie near each other share a row group.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any, Self

import geopandas as gpd
import numpy as np
import pyarrow as pa
import pyarrow.compute as pc
import pyarrow.parquet
import pyproj
import shapely
from numpy.typing import NDArray

from pipeline.errors import StageError
from pipeline.rulebook import load_rulebook
from pipeline.schema import conform, empty
from pipeline.screen.blocks import Box, blocks_of, z_order
from pipeline.screen.outlines import Shapes
from pipeline.sources.layer_crs import Bounds
from pipeline.sources.layer_files import opened
from pipeline.sources.layers import TABLES, Found, RoleRead, find_layers, layer_report, read_role
from pipeline.spool import Spool
from pipeline.store import read_json, write_json

REPORT = "layer_report.json"
GROUP_ROWS = 1024
"""Most rows of a row group; a layer of no more is held whole once it was asked for."""
_BOX_ROWS, _FINEST = 8192, 6
_CORNERS = ("xmin", "ymin", "xmax", "ymax")
_PLACE, _COVER, _GEOMETRY = "_row", "bbox", "geometry"


def keep_layers(folder: Path, crs: str, extent: Bounds | None, out: Path) -> None:
    """Write all recognised layers of a folder into the empty folder ``out``, as :func:`read_layers` would read them.

    Ground passes through a scratch file, a piece at a time; the other fields of a layer are held. Raises as there.
    """
    with opened(folder) as scan:
        found = find_layers(scan, folder, crs, extent)
        if found.problems:
            raise found.problems[0]
        entries = []
        for alias in load_rulebook().layers:
            with Spool(out / f"{alias.role}.spool") as spool:
                read = read_role(alias, found, crs, _Parking(spool, _box_bits(found, alias.role), extent).put)
                if not read.missing:
                    _write(out / f"{alias.role}.parquet", read, spool, pyproj.CRS.from_user_input(crs))
            entries.append(read.entry)
        write_json(out / REPORT, layer_report(entries, found, scan))


def _box_bits(found: Found, role: str) -> int:
    """Halvings of the extent along each axis, so that a box of ground holds some thousand rows."""
    rows = sum(max(layer.file.rows, 0) for layer in found.by_role[role] if not layer.lacking)
    return min(_FINEST, int(np.ceil(np.log2(max(rows / _BOX_ROWS, 1.0)) / 2.0)))


class _Parking:
    """Puts pieces of ground into the boxes of a spool by where they lie."""

    def __init__(self, spool: Spool, bits: int, extent: Bounds | None) -> None:
        self._spool, self._bits, self._extent = spool, bits, extent

    def put(self, source: int, positions: NDArray[np.intp], shapes: Shapes) -> None:
        """Park the ground of a source's rows."""
        if not len(positions):
            return
        bounds = shapely.bounds(shapes).reshape(-1, 4)
        if self._extent is None:
            low, high = np.fmin.reduce(bounds[:, :2]).tolist(), np.fmax.reduce(bounds[:, 2:]).tolist()
            self._extent = (low[0], low[1], high[0], high[1])
        along = z_order((bounds[:, :2] + bounds[:, 2:]) / 2.0, self._extent)
        columns = {"source": np.full(len(positions), source, dtype=np.int32), "position": positions}
        columns |= {name: bounds[:, number] for number, name in enumerate(_CORNERS)}
        rows = pa.table(columns | {_GEOMETRY: pa.array(shapely.to_wkb(shapes), type=pa.large_binary())})
        self._spool.sort_in(rows, (along >> np.uint64(32 - 2 * self._bits)).astype(np.intp))


def _write(path: Path, read: RoleRead, spool: Spool, crs: pyproj.CRS) -> None:
    """Write a role's rows in order of place, ground from the spool."""
    values = pa.Table.from_pandas(read.attributes, preserve_index=False).replace_schema_metadata(None)
    cover = pa.struct([(name, pa.float64()) for name in _CORNERS])
    own = [(_PLACE, pa.int64()), (_COVER, cover), (_GEOMETRY, pa.large_binary())]
    geo = {
        "version": "1.1.0",
        "primary_column": _GEOMETRY,
        "columns": {
            _GEOMETRY: {
                "encoding": "WKB",
                "geometry_types": [],
                "crs": crs.to_json_dict(),
                "covering": {"bbox": {name: [_COVER, name] for name in _CORNERS}},
            }
        },
    }
    schema = pa.schema([*values.schema, *(pa.field(*field) for field in own)], metadata={"geo": json.dumps(geo)})
    corners = [f"{_COVER}.{name}" for name in _CORNERS]
    with pyarrow.parquet.ParquetWriter(
        path, schema, compression="lz4", use_dictionary=values.column_names, write_statistics=corners
    ) as writer:
        for box in spool.boxes:
            rows = spool.take(box)
            source, position = (rows[name].to_numpy() for name in ("source", "position"))
            place = np.full(len(rows), -1, dtype=np.int64)
            for number, places in enumerate(read.places):
                place[source == number] = places[position[source == number]]
            used = np.flatnonzero(place >= 0)
            bounds = np.column_stack([rows[name].to_numpy() for name in _CORNERS])[used]
            groups = blocks_of(bounds, GROUP_ROWS)
            for group in np.unique(groups):
                some = used[groups == group]
                own = place[some]
                ground = rows.take(some)
                corner_values = [ground[name].combine_chunks() for name in _CORNERS]
                cover_values = pa.StructArray.from_arrays(corner_values, fields=list(cover))
                columns = [*values.take(own).columns, pa.array(own), cover_values, ground[_GEOMETRY]]
                writer.write_table(pa.table(columns, schema=schema), row_group_size=GROUP_ROWS)


class KeptLayers:
    """Kept layers of a folder in ``crs``, open until the context ends; None stands for a layer that was not delivered."""

    def __init__(self, folder: Path, crs: str) -> None:
        self.report: dict[str, Any] = read_json(folder / REPORT)
        self.crs = pyproj.CRS.from_user_input(crs)
        self._folder = folder
        self._files: dict[str, pyarrow.parquet.ParquetFile | None] = {}
        self._bounds: dict[str, NDArray[np.float64]] = {}
        self._held: dict[str, Any] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        for file in self._files.values():
            if file is not None:
                file.close()

    def whole(self, role: str) -> Any:
        """A layer as its schema table, in its own order."""
        file = self._file(role)
        return None if file is None else self._frame(role, self._read(file, range(file.num_row_groups)))

    def within(self, role: str, box: Box | None) -> Any:
        """The rows whose bounds meet a box, in the layer's own order; a small layer comes whole, no box meets nothing."""
        file = self._file(role)
        if file is None:
            return None
        if box is None:
            return empty(TABLES[role], self.crs)
        if file.metadata.num_rows <= GROUP_ROWS:
            if role not in self._held:
                self._held[role] = self.whole(role)
            return self._held[role]
        groups = np.flatnonzero(_meets(self._bounds[role], box)).tolist()
        table = self._read(file, groups)
        corners = np.column_stack([pc.struct_field(table[_COVER], name).to_numpy() for name in _CORNERS])
        return self._frame(role, table.filter(pa.array(_meets(corners, box))))

    def pieces(self, role: str, known: str) -> Iterator[tuple[NDArray[np.int64], Any]]:
        """A layer's rows in which the column ``known`` is not null, some at a time: their places in the layer, the rows."""
        file = self._file(role)
        for group in range(0 if file is None else file.num_row_groups):
            told = self._read(file, [group], [known])[known]
            if told.null_count < len(told):
                table = self._read(file, [group]).filter(told.is_valid())
                yield np.sort(table[_PLACE].to_numpy()), self._frame(role, table)

    def _file(self, role: str) -> pyarrow.parquet.ParquetFile | None:
        if role not in self._files:
            path = self._folder / f"{role}.parquet"
            self._files[role] = pyarrow.parquet.ParquetFile(path) if path.is_file() else None
            if (file := self._files[role]) is not None:
                self._bounds[role] = _group_bounds(file.metadata)
        return self._files[role]

    def _read(self, file: Any, groups: Any, columns: list[str] | None = None) -> pa.Table:
        try:
            return file.read_row_groups(list(groups), columns=columns, use_threads=False)
        except (pa.ArrowException, OSError) as problem:
            raise StageError("E601", f"{self._folder}: {problem}", "delete that folder and run again") from problem

    def _frame(self, role: str, table: pa.Table) -> Any:
        rows = table.take(pc.sort_indices(table[_PLACE]))
        plain = rows.drop_columns([_PLACE, _COVER, _GEOMETRY]).to_pandas()
        shapes = shapely.from_wkb(rows[_GEOMETRY].to_numpy())
        return conform(TABLES[role], gpd.GeoDataFrame(plain, geometry=shapes, crs=self.crs), self.crs)


def _meets(bounds: NDArray[np.float64], box: Box) -> NDArray[np.bool_]:
    west, south, east, north = bounds.T
    return np.asarray((west <= box[2]) & (east >= box[0]) & (south <= box[3]) & (north >= box[1]), dtype=bool)


def _group_bounds(metadata: Any) -> NDArray[np.float64]:
    """Bounds of each row group, from the statistics of its rows' boxes; NaN for a group without any."""
    names = [metadata.schema.column(number).path for number in range(metadata.num_columns)]
    bounds = np.full((metadata.num_row_groups, 4), np.nan)
    for corner, name in enumerate(_CORNERS):
        column = names.index(f"{_COVER}.{name}")
        for group in range(metadata.num_row_groups):
            told = metadata.row_group(group).column(column).statistics
            if told is not None and told.has_min_max:
                bounds[group, corner] = told.min if corner < 2 else told.max
    return bounds
