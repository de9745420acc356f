"""Rows parked on disk in numbered boxes and fetched box by box: how more rows are put in order than memory holds."""

from __future__ import annotations

from pathlib import Path
from types import TracebackType
from typing import Self

import numpy as np
import pyarrow as pa
from numpy.typing import NDArray


class Spool:
    """One scratch file of Arrow tables; gone when the context ends. All tables of one spool have the same columns."""

    def __init__(self, path: Path) -> None:
        self._path = path
        self._sink = pa.OSFile(str(path), "wb")
        self._places: dict[int, list[int]] = {}

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, problem: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._sink.close()
        self._path.unlink()

    @property
    def boxes(self) -> list[int]:
        """Numbers of the boxes that hold rows, sorted."""
        return sorted(self._places)

    def put(self, box: int, table: pa.Table) -> None:
        """Add a table's rows to a box."""
        if table.num_rows:
            self._places.setdefault(box, []).append(self._sink.tell())
            options = pa.ipc.IpcWriteOptions(compression="lz4")
            with pa.ipc.new_stream(self._sink, table.schema, options=options) as stream:
                stream.write_table(table)

    def sort_in(self, table: pa.Table, boxes: NDArray[np.intp]) -> None:
        """Add each row of a table to its own box."""
        if (boxes[1:] < boxes[:-1]).any():
            order = np.argsort(boxes, kind="stable")
            table, boxes = table.take(order), boxes[order]
        starts = np.flatnonzero(np.r_[len(boxes) > 0, boxes[1:] != boxes[:-1]])
        for start, end in zip(starts.tolist(), [*starts[1:].tolist(), len(boxes)], strict=False):
            self.put(int(boxes[start]), table.slice(start, end - start))

    def take(self, box: int) -> pa.Table:
        """All rows of a box that has some, in the order in which they came."""
        self._sink.flush()
        tables = []
        with pa.OSFile(str(self._path), "rb") as source:
            for place in self._places[box]:
                source.seek(place)
                with pa.ipc.open_stream(source) as stream:
                    tables.append(stream.read_all())
        return pa.concat_tables(tables)
