"""The month's candidates of all sources, parked on disk by neighbourhood, so that a block of them is read at a time."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pyarrow as pa
import shapely
from numpy.typing import NDArray

from pipeline.schema import CANDIDATES, conform
from pipeline.screen.blocks import blocks_of
from pipeline.screen.suppress import distinct_ids
from pipeline.spool import Spool
from pipeline.store import read_parts


class ParkedCandidates:
    """Candidates in blocks of near ones. ``ids``: all of them, sorted; unique across sources."""

    def __init__(self, files: Mapping[str, Path], crs: str, spool: Spool, size: int) -> None:
        """``files``: candidates by source; ``size``: candidates of a block. Raises StageError E601, InputError E106."""
        self._crs, self._spool = crs, spool
        given: dict[str, list[str]] = {}
        boxes = [np.empty((0, 4))]
        for source in sorted(files):
            given[source] = []
            for part in read_parts(files[source], CANDIDATES, ["candidate_id"]):
                given[source] += part["candidate_id"].tolist()
                boxes.append(shapely.bounds(part.to_crs(crs).geometry.to_numpy()).reshape(-1, 4))
        ids = np.array([one for own in distinct_ids(given).values() for one in own], dtype=object)
        self.ids: NDArray[Any] = np.sort(ids)
        blocks, start = blocks_of(np.concatenate(boxes), size), 0
        for source in sorted(files):
            for part in read_parts(files[source], CANDIDATES):
                span = slice(start, start + len(part))
                start += len(part)
                named = part.to_crs(crs).assign(candidate_id=ids[span], source=source)
                self._park(conform(CANDIDATES, named), blocks[span])

    def _park(self, candidates: gpd.GeoDataFrame, blocks: NDArray[np.intp]) -> None:
        self._spool.sort_in(pa.table(candidates.to_arrow(index=False, geometry_encoding="WKB")), blocks)

    @property
    def blocks(self) -> list[int]:
        """Numbers of the blocks."""
        return self._spool.boxes

    def block(self, number: int) -> gpd.GeoDataFrame:
        """The candidates of a block (``schema.CANDIDATES``)."""
        rows = self._spool.take(number)
        shapes = shapely.from_wkb(rows["geometry"].to_numpy())
        plain = rows.drop_columns(["geometry"]).to_pandas()
        return conform(CANDIDATES, gpd.GeoDataFrame(plain, geometry=shapes, crs=self._crs))
