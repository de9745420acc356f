"""Objects that wait for a later look, as the bureau reads them: where they lie, since when and why."""

from __future__ import annotations

from typing import Any

from pipeline.schema import WAITING, conform
from pipeline.values import HELD_WAITING


def waiting_table(held: Any, cell_ids: Any, cells: Any, targets: Any) -> Any:
    """``WAITING`` rows of ``HELD`` with the cell of each, by ``cell_ids`` in order, and who acts for it (CELL_STATES).

    What still waits comes first, then what became of the rest; in order of id. A released object has the id of the
    target (TARGETS) that it became. Longitude and latitude are an inner point's.
    """
    degrees = held.geometry.representative_point().to_crs("EPSG:4326")
    acting = dict(zip(cells["cell_id"], cells["acting_unit_id"], strict=True))
    became = dict(zip(targets["candidate_id"], targets["target_id"], strict=True))
    placed = held.assign(
        cell_id=list(cell_ids), acting_unit_id=[acting.get(cell) for cell in cell_ids],
        lon=degrees.x.to_numpy(), lat=degrees.y.to_numpy(), target_id=held["candidate_id"].map(became),
        done=held["outcome"] != HELD_WAITING,
    )  # fmt: skip
    return conform(WAITING, placed.sort_values(["done", "candidate_id"], kind="stable"))


def waits(waiting: Any) -> int:
    """How many of ``WAITING`` rows still wait."""
    return int((waiting["outcome"] == HELD_WAITING).sum())
