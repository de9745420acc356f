"""Zones an object lies in: basic farmland, ecological redline, urban development boundary, village plans."""

from __future__ import annotations

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.screen.conditions import Column, Numbers, numbers, unknown
from pipeline.screen.layers import GroundRules, Surveyed, decimals, shared_m2
from pipeline.screen.outlines import Laid, Outlines, covered, once_m2, piece_m2, shared_ground
from pipeline.screen.overlap import Floats

_EVER, _FOREVER = np.datetime64("0001-01-01", "ms"), np.datetime64("9999-12-31", "ms")
_DAY = np.timedelta64(1, "D")


def basic_farmland_m2(own: Outlines, laid: Laid, last_clear: pd.Series, first_seen: pd.Series) -> tuple[Floats, Floats]:
    """Area under basic farmland (永久基本农田) protected on every, and on any, day on which the change may have begun, m2.

    Those days are the ones after ``last_clear`` up to ``first_seen``, without end on a side whose day is not known.
    Polygons without protection dates are protected always.
    """
    found = shared_ground(own, laid)
    first, last = (days[found.row] for days in _onset_days(last_clear, first_seen))
    since, until = (days[found.polygon] for days in laid.protected)
    since, until = np.where(np.isnat(since), _EVER, since), np.where(np.isnat(until), _FOREVER, until)
    always, ever = (since <= first) & (until >= last), (since <= last) & (until >= first)
    sure = once_m2(own, laid, found.where(always))
    partly = np.unique(found.row[ever & ~always])
    if not len(partly):
        return sure, sure
    possible = sure.copy()
    possible[partly] = once_m2(own, laid, found.where(ever & np.isin(found.row, partly)))[partly]
    for row in partly.tolist():
        pairs = np.flatnonzero((found.row == row) & ever)
        if len(pairs) > 1:
            days = np.unique(np.r_[first[pairs], since[pairs], until[pairs] + _DAY])
            days = days[(days >= first[pairs[0]]) & (days <= last[pairs[0]])]
            # what one delimitation gives up on a day and the next takes on was protected throughout
            grounds = [
                covered(own.shapes[row], laid.polygons[found.polygon[pairs[held]]])
                for held in ((since[pairs] <= day) & (until[pairs] >= day) for day in days)
            ]
            sure[row] = piece_m2(own, row, shapely.intersection_all(grounds))
    return sure, possible


def _onset_days(last_clear: pd.Series, first_seen: pd.Series) -> tuple[NDArray[np.datetime64], NDArray[np.datetime64]]:
    """First and last day on which each change may have begun."""
    clear, seen = (days.to_numpy(dtype="datetime64[ms]") for days in (last_clear, first_seen))
    last = np.where(np.isnat(seen), _FOREVER, seen)
    return np.minimum(np.where(np.isnat(clear), _EVER, clear + _DAY), last), last


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
