"""Objects that wait for a later look, as the bureau reads them: where they lie, since when and why."""

from __future__ import annotations

from typing import Any

import geopandas as gpd

from pipeline.schema import WAITING, conform
from pipeline.values import HELD_WAITING


def waiting_table(held: Any, cells: Any, targets: Any) -> Any:
    """``WAITING`` rows of ``HELD`` with the cell (CELL_STATES) that holds an inner point of each, and who acts for it.

    All in one CRS. What still waits comes first, then what became of the rest; in order of id. A released object has the
    id of the target that it became.
    """
    points = gpd.GeoDataFrame(held[["candidate_id"]], geometry=held.geometry.representative_point(), crs=held.crs)
    ground = cells[["cell_id", "acting_unit_id", "geometry"]].to_crs(held.crs)
    found = gpd.sjoin(points, ground, how="left", predicate="intersects").drop_duplicates("candidate_id")
    placed = held.merge(found[["candidate_id", "cell_id", "acting_unit_id"]], on="candidate_id", how="left")
    degrees = points.geometry.to_crs("EPSG:4326")
    became = dict(zip(targets["candidate_id"], targets["target_id"], strict=True))
    placed = placed.assign(
        lon=degrees.x.to_numpy(), lat=degrees.y.to_numpy(), target_id=placed["candidate_id"].map(became)
    )
    order = placed.assign(done=placed["outcome"] != HELD_WAITING).sort_values(["done", "candidate_id"], kind="stable")
    return conform(WAITING, order)


def waits(waiting: Any) -> int:
    """How many of ``WAITING`` rows still wait."""
    return int((waiting["outcome"] == HELD_WAITING).sum())
