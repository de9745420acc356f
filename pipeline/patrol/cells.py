"""Which grid cell a target belongs to, how much of every cell the month's imagery could see, and what it says."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray
from odc.geo.geobox import GeoBox
from rasterio.features import rasterize

from pipeline.geodesy import geodesic_area_m2
from pipeline.schema import CELL_STATES, conform
from pipeline.values import CellState, TargetState, Validity

SHARE_DIGITS = 6
"""Shares are compared and printed with this many decimals, so that halves tie in spite of rounding."""
TOUCHING_SHARE = 0.01
SEEN_THIS_PERIOD = (TargetState.NEW.value, TargetState.GROWING.value, TargetState.SEEN_AGAIN.value)


def cell_index_block(cells: gpd.GeoDataFrame, block: GeoBox) -> NDArray[np.int32]:
    """Index plus one of the cell under every pixel centre of ``block`` (rows, cols); 0 where there is none.

    ``cells``: :data:`~pipeline.schema.CELLS` in the block's CRS. Where cells overlap the smaller id wins.
    """
    rows = np.sort(cells.sindex.query(shapely.box(*block.extent.boundingbox.bbox), predicate="intersects"))
    by_id = sorted(rows, key=lambda row: str(cells["cell_id"].iloc[row]), reverse=True)
    shapes = [(cells.geometry.iloc[row], int(row) + 1) for row in by_id]
    if not shapes:
        return np.zeros(tuple(block.shape), dtype=np.int32)
    burnt: NDArray[np.int32] = rasterize(
        shapes, out_shape=tuple(block.shape), transform=block.transform, fill=0, dtype="int32"
    )
    return burnt


def count_observable(
    index: NDArray[np.int32], validities: Sequence[NDArray[np.uint8]], *, cells: int
) -> NDArray[np.int64]:
    """Pixels and observable pixels of every cell in a block: int64 (``cells``, 2); blocks merge by adding.

    ``index`` (rows, cols) as from :func:`cell_index_block`; ``validities``: the block of every image source, codes of
    :class:`~pipeline.values.Validity`. A pixel is observable where any source is clear.
    """
    clear = np.zeros(index.shape, dtype=bool)
    for validity in validities:
        if validity.shape != index.shape:
            raise ValueError(f"validity block {validity.shape} does not fit the cell block {index.shape}")
        clear |= validity == Validity.CLEAR
    total = np.bincount(index.ravel(), minlength=cells + 1)[1:]
    observable = np.bincount(index[clear], minlength=cells + 1)[1:]
    return np.stack([total, observable], axis=1).astype(np.int64)


def observable_shares(cells: gpd.GeoDataFrame, counts: NDArray[np.int64], *, grid: GeoBox) -> NDArray[np.float64]:
    """Share of every cell that could be observed, 0..1; what lies outside the image grid was not observed.

    ``counts``: the blocks' counts added up (cells, 2); ``grid``: the whole image grid in the cells' CRS.
    """
    pixel_m2 = abs(grid.transform.a * grid.transform.e)
    inside = cells.within(shapely.box(*grid.extent.boundingbox.bbox)).to_numpy()
    whole = np.where(inside, counts[:, 0], np.maximum(counts[:, 0], np.rint(cells.area.to_numpy() / pixel_m2)))
    shares = np.divide(counts[:, 1], whole, out=np.zeros(len(cells), dtype=np.float64), where=whole > 0)
    return np.asarray(np.round(shares, SHARE_DIGITS), dtype=np.float64)


def locate_targets(targets: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> pd.DataFrame:
    """The cell of every target: ``target_id``, ``cell_id`` (null outside all cells), ``cell_shares`` (JSON).

    A share is the geodesic area inside the cell over the target's geodesic area; the largest wins, ties go to the
    smaller cell id. Same CRS required; rows come in the order of ``targets``.
    """
    pairs = _shares(targets, cells)
    rows = []
    for number, target_id in enumerate(targets["target_id"]):
        shares = pairs.get(number, {})
        best = min(shares, key=lambda cell_id: (-shares[cell_id], cell_id)) if shares else None
        rows.append({"target_id": target_id, "cell_id": best, "cell_shares": json.dumps(shares, sort_keys=True)})
    return pd.DataFrame(rows, columns=["target_id", "cell_id", "cell_shares"])


def _shares(targets: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> dict[int, dict[str, float]]:
    """Target row number to its cells' shares, slivers below the last decimal left out."""
    if targets.empty or cells.empty:
        return {}
    if targets.crs != cells.crs:
        raise ValueError("targets and cells are in different coordinate reference systems")
    of_target, of_cell = cells.sindex.query(targets.geometry, predicate="intersects")
    order = np.lexsort((of_cell, of_target))
    of_target, of_cell = of_target[order], of_cell[order]
    parts = shapely.intersection(targets.geometry.to_numpy()[of_target], cells.geometry.to_numpy()[of_cell])
    areas = geodesic_area_m2(gpd.GeoSeries(parts, crs=cells.crs))
    wholes = geodesic_area_m2(targets.geometry)
    shares: dict[int, dict[str, float]] = {}
    for row, cell, area in zip(of_target.tolist(), of_cell.tolist(), areas.tolist(), strict=True):
        share = round(area / wholes[row], SHARE_DIGITS) if wholes[row] > 0 else 0.0
        if share > 0:
            shares.setdefault(row, {})[str(cells["cell_id"].iloc[cell])] = share
    return shares


def cell_states(
    cells: gpd.GeoDataFrame,
    answerable: pd.DataFrame,
    targets: pd.DataFrame,
    located: pd.DataFrame,
    shares: NDArray[np.float64],
    *,
    seen_share: float,
    unseen_share: float,
    waiting: Mapping[str, int] | None = None,
) -> Any:
    """What the month says of every cell, as :data:`~pipeline.schema.CELL_STATES`; no cell is left out.

    ``answerable`` as from :func:`pipeline.patrol.responsibility.answerable_for`, ``located`` as from
    :func:`locate_targets`, ``shares`` (cells,) as from :func:`observable_shares`. A cell with no target is "none found"
    only where at least ``seen_share`` of it could be observed, and "not observed" below ``unseen_share``. ``waiting``: changes
    per cell that wait for a later look; they are said beside it.
    """
    merged = targets["state"] == TargetState.MERGED.value
    places = located.merge(targets.loc[~merged, ["target_id", "state"]], on="target_id", validate="1:1")
    own, carried, touching = _counts(places)
    rows = []
    for cell_id, share in zip(cells["cell_id"], shares.tolist(), strict=True):
        here, earlier, elsewhere = own.get(cell_id, 0), carried.get(cell_id, 0), touching.get(cell_id, 0)
        state = _state(here + elsewhere, share, seen_share, unseen_share)
        rows.append(
            {
                "cell_id": cell_id,
                "state": state.value,
                "targets": here,
                "observable_share": share,
                "reason": _reason(state, share, here, earlier, elsewhere, (waiting or {}).get(cell_id, 0)),
            }
        )
    frame = pd.DataFrame(rows, columns=["cell_id", "state", "targets", "observable_share", "reason"])
    joined = frame.merge(answerable[["cell_id", "unit_id", "acting_unit_id", "person_id"]], on="cell_id", how="left")
    geo = gpd.GeoDataFrame(joined, geometry=cells.geometry.to_numpy(), crs=cells.crs)
    return conform(CELL_STATES, geo.sort_values("cell_id", kind="stable"))


def _counts(places: pd.DataFrame) -> tuple[dict[str, int], dict[str, int], dict[str, int]]:
    """Per cell: targets seen this period, targets only carried on, targets that mainly lie in another cell."""
    own: dict[str, int] = {}
    carried: dict[str, int] = {}
    touching: dict[str, int] = {}
    for cell_id, text, state in places[["cell_id", "cell_shares", "state"]].itertuples(index=False):
        seen = state in SEEN_THIS_PERIOD
        for cell, share in json.loads(text).items():
            if cell == cell_id:
                counts = own if seen else carried
                counts[cell] = counts.get(cell, 0) + 1
            elif seen and share >= TOUCHING_SHARE:
                touching[cell] = touching.get(cell, 0) + 1
    return own, carried, touching


def _state(targets: int, share: float, seen_share: float, unseen_share: float) -> CellState:
    if targets:
        return CellState.TARGETS
    if share < unseen_share or share == 0:
        return CellState.NOT_OBSERVED
    return CellState.NONE_FOUND if share >= seen_share else CellState.PARTLY_OBSERVED


def _reason(state: CellState, share: float, own: int, carried: int, touching: int, waiting: int) -> str:
    seen = f"影像可观测{share:.0%}"
    what = {
        CellState.TARGETS: f"检出疑似目标{own}个" if own else "有疑似目标跨入",
        CellState.NONE_FOUND: "未发现疑似目标",
        CellState.PARTLY_OBSERVED: "可观测部分未发现疑似目标，其余未观测",
        CellState.NOT_OBSERVED: "影像未能观测，不能说明有无变化",
    }[state]
    parts = [what, seen]
    if touching:
        parts.append(f"{touching}个目标主体在相邻网格")
    if carried:
        parts.append(f"另有{carried}个前期目标本期未见新的变化")
    if waiting:
        parts.append(f"另有{waiting}处变化待后续影像复核")
    return "，".join(parts)
