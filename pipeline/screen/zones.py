"""Zones an object lies in: basic farmland, ecological redline, urban development boundary, village plans."""

from __future__ import annotations

import numpy as np
import pandas as pd

from pipeline.screen.conditions import Column, Numbers, numbers, unknown
from pipeline.screen.layers import GroundRules, Surveyed, decimals, shared_m2
from pipeline.screen.outlines import Laid, Outlines, Shared, once_m2, shared_ground
from pipeline.screen.overlap import Floats


def protected_ground(own: Outlines, laid: Laid, first_seen: pd.Series) -> Shared:
    """What outlines share with basic farmland (永久基本农田) protected on the day the change was first seen.

    Polygons without protection dates count always; without an image date all polygons count.
    """
    found = shared_ground(own, laid)
    day = first_seen.to_numpy(dtype="datetime64[ms]")[found.row]
    since, until = (days[found.polygon] for days in laid.protected)
    return found.where(np.isnat(day) | ((np.isnat(since) | (since <= day)) & (np.isnat(until) | (until >= day))))


def basic_farmland_m2(own: Outlines, laid: Laid, first_seen: pd.Series) -> Floats:
    """Area under basic farmland protected on the day the change was first seen, m2."""
    return once_m2(own, laid, protected_ground(own, laid, first_seen))


def zone_facts(own: Outlines, ground: Surveyed, rules: GroundRules) -> dict[str, Column]:
    """Areas inside and outside the plans and inside the ecological redline, m2; unknown where the layer is missing.

    ``rural_plan_m2``: ground outside the urban boundary on which a village plan surely, or possibly, applies. A plan
    that was not delivered may still exist, so all of that ground possibly lies in one.
    """
    nothing = unknown(len(own))
    facts: dict[str, Column] = dict.fromkeys(
        ("inside_plan_m2", "outside_plan_m2", "rural_plan_m2", "redline_m2", "village_plan_m2"), nothing
    )
    if (redline := ground["ecological_redline"]) is not None:
        facts["redline_m2"] = rounded(np.minimum(shared_m2(own, redline), own.total_m2))
    village = np.zeros(len(own), dtype=np.float64)
    if (plans := ground["village_plan"]) is not None:
        village = np.minimum(shared_m2(own, plans), own.total_m2)
        facts["village_plan_m2"] = rounded(village)
    if (planning := ground["planning"]) is None:
        return facts
    building = np.array(
        [not any(zone in str(kind) for zone in rules.zones_without_building) for kind in planning.frame["zone_kind"]],
        dtype=bool,
    )
    found = shared_ground(own, planning)
    inside = np.minimum(once_m2(own, planning, found.where(building[found.polygon])), own.total_m2)
    outside = own.total_m2 - inside
    facts |= {"inside_plan_m2": rounded(inside), "outside_plan_m2": rounded(outside)}
    # at least what of the village plan the boundary cannot cover, at most everything outside the boundary
    facts["rural_plan_m2"] = between(village - inside, outside)
    return facts


def between(low: Floats, high: Floats) -> Numbers:
    """Ranges of square metres, not negative, with two decimals."""
    most = np.maximum(np.maximum(high, low), 0.0)
    return Numbers(decimals(np.maximum(low, 0.0), 2), decimals(most, 2), ranged=True)


def rounded(values: Floats) -> Numbers:
    """Square metres with two decimals."""
    return numbers(decimals(values, 2))
