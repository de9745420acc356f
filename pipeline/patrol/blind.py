"""Blind samples (盲样): new targets kept from the units for a month, to see what they find without being told."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.patrol.cells import cell_states

HELD_BACK = "盲样：本期暂不派发，用于检验巡查的自行发现，下期照常派发"
UNITS_NOTE = "；局里留有盲样，未列目标不等于没有变化"
_DIGITS = 16


def draw_blind(
    targets: gpd.GeoDataFrame, dispatches: pd.DataFrame, *, period: str, share: float, key: str
) -> frozenset[str]:
    """Ids of the period's blind samples: each new target is drawn with probability ``share`` by a keyed hash.

    The draw (HMAC-SHA256 of period and id under ``key``) can be repeated by whoever knows the key and foreseen by
    nobody else; no target's draw depends on another's. Never drawn: targets first seen in another period (so nothing
    waits longer than a month), those dispatched before, and those on permanent basic farmland or where that is not
    known. ``share`` 0 draws none.
    """
    new = targets[(targets["first_period"] == period) & (targets["basic_farmland_m2"] == 0.0)]
    fresh = sorted(set(new["target_id"]) - set(dispatches["target_id"]))
    return frozenset(name for name in fresh if _place(key, f"{period}/{name}") < share)


def as_units_see(
    cells: gpd.GeoDataFrame,
    targets: gpd.GeoDataFrame,
    tasks: pd.DataFrame,
    *,
    seen_share: float,
    unseen_share: float,
) -> tuple[Any, pd.DataFrame]:
    """Cells and tasks as they go to the units: without the blind samples, and saying everywhere that there are some.

    ``cells``, ``targets`` and ``tasks`` are CELL_STATES, TARGETS and TASKS; without a blind sample they come back as they
    are. What a cell says is derived anew from the other targets, as :func:`pipeline.patrol.cells.cell_states` does.
    """
    held = tasks["blind_sample"].notna()
    if not held.any():
        return cells, tasks
    shown = tasks[~held].reset_index(drop=True)
    states = cell_states(
        cells[["cell_id", "geometry"]],
        pd.DataFrame(cells[["cell_id", "unit_id", "acting_unit_id", "person_id"]]),
        targets[targets["target_id"].isin(sorted(shown["target_id"]))],
        shown[["target_id", "cell_id", "cell_shares"]],
        cells["observable_share"].to_numpy("float64"),
        seen_share=seen_share,
        unseen_share=unseen_share,
    )
    return states.assign(reason=states["reason"] + UNITS_NOTE), shown


def _place(key: str, message: str) -> float:
    digest = hmac.new(key.encode("utf-8"), message.encode("utf-8"), hashlib.sha256).hexdigest()
    return float(int(digest[:_DIGITS], 16) / 16**_DIGITS)
