"""A period computed again after its targets were dispatched: issued ids stay, differences are listed."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.schema import REVISION, conform, empty
from pipeline.values import TargetState

SAME_GROUND_M2 = 1.0
_LABELS = {str(state): state.label for state in TargetState}


def next_serial(prefix: str, registers: Sequence[pd.DataFrame]) -> int:
    """The first serial number after all those given under a prefix in some registers."""
    ids = [str(target) for register in registers for target in register["target_id"]]
    return 1 + max((int(target[len(prefix) :]) for target in ids if target.startswith(prefix)), default=0)


def reuse_issued(
    fresh: Sequence[dict[str, Any]], issued: gpd.GeoDataFrame, period: str, min_share: float
) -> dict[int, str]:
    """Position of a new object to the id this period issued for the same ground; the larger overlap goes first."""
    own = issued[issued["first_period"] == period].sort_values("target_id", ignore_index=True)
    if len(own) == 0 or not fresh:
        return {}
    shapes = np.array([row["geometry"] for row in fresh], dtype=object)
    grounds = own.geometry.to_numpy()
    i, j = shapely.STRtree(grounds).query(shapes, predicate="intersects")
    shared = shapely.area(shapely.intersection(shapes[i], grounds[j]))
    enough = shared >= min_share * np.minimum(shapely.area(shapes[i]), shapely.area(grounds[j]))
    pairs = sorted((-round(float(s), 2), int(b), int(a)) for a, b, s in zip(i[enough], j[enough], shared[enough],
                                                                           strict=True) if s > 0.0)  # fmt: skip
    taken: dict[int, str] = {}
    for _, target, row in pairs:
        name = str(own["target_id"].iloc[target])
        if row not in taken and name not in taken.values():
            taken[row] = name
    return taken


def keep_issued(issued: gpd.GeoDataFrame, present: set[str], period: str) -> list[dict[str, Any]]:
    """Rows of issued targets that this computation did not find again: kept as they were, state carried."""
    absent = issued[~issued["target_id"].isin(sorted(present))]
    rows = []
    for _, row in absent.iterrows():
        state = row["state"] if row["state"] == str(TargetState.MERGED) else str(TargetState.CARRIED)
        rows.append(dict(row) | {"state": state})
    return rows


def compare(targets: gpd.GeoDataFrame, issued: gpd.GeoDataFrame | None, period: str) -> pd.DataFrame:
    """``schema.REVISION``: per target what differs from the dispatched register; empty without one.

    ``change``: unchanged, added, dropped (no longer detected, the id stays), geometry, state.
    """
    if issued is None:
        return empty(REVISION)
    before, now = issued.set_index("target_id"), targets.set_index("target_id")
    rows: list[tuple[str, str, str]] = []
    for name in now.index:
        new = now.loc[name]
        if name not in before.index:
            rows.append((str(name), "added", f"新增，{new['area_m2']:.0f}平方米"))
            continue
        old = before.loc[name]
        changes = _differences(str(name), old, new)
        rows += changes or [(str(name), "unchanged", "与已派发版本一致")]
    frame = pd.DataFrame(rows, columns=REVISION.names).sort_values(["target_id", "change"], ignore_index=True)
    return conform(REVISION, frame)


def _differences(name: str, old: pd.Series, new: pd.Series) -> list[tuple[str, str, str]]:
    if new["state"] == str(TargetState.CARRIED) and old["state"] != str(TargetState.CARRIED):
        return [(name, "dropped", f"本次未再检出，编号保留，派发时{old['area_m2']:.0f}平方米")]
    changes = []
    if shapely.area(shapely.symmetric_difference(old["geometry"], new["geometry"])) > SAME_GROUND_M2:
        changes.append((name, "geometry", f"图形变化，{old['area_m2']:.0f}平方米改为{new['area_m2']:.0f}平方米"))
    if old["state"] != new["state"]:
        changes.append((name, "state", f"状态由{_LABELS[old['state']]}改为{_LABELS[new['state']]}"))
    return changes
