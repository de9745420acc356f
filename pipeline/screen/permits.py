"""Ground with and without a permit or right at the time of the change: planning permits, mining rights, filings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.screen.conditions import Column, Numbers, numbers, unknown
from pipeline.screen.layers import GroundRules, Surveyed, decimals
from pipeline.screen.outlines import Laid, Outlines, Shapes, common_m2, once_m2, polygonal, shared_ground
from pipeline.screen.overlap import Floats
from pipeline.screen.timing import BEFORE, INTERVAL, LATE, OPEN, UNDATED, VALID, Papers, explain
from pipeline.screen.zones import between, rounded


@dataclass(frozen=True)
class Onsets:
    """When objects began, and how exact their outlines are: dates of the interval, and metres of tolerance."""

    last_clear: pd.Series
    first_seen: pd.Series
    reach_m: NDArray[np.float64]


def standings(shapes: Shapes, onsets: Onsets, layer: Laid | None, rules: GroundRules, *, term: bool = False) -> Papers:
    """The ground of one dated layer near objects, by standing; with ``term`` its rights also run out."""
    return explain(
        shapes,
        last_clear=onsets.last_clear,
        first_seen=onsets.first_seen,
        reach_m=onsets.reach_m,
        approvals=None if term else layer,
        temporary_land=layer if term else None,
        rules=rules,
    )


def minus(shapes: Shapes, taken: Shapes) -> Shapes:
    """Each shape without the ground taken from it; untouched shapes stay the same object, as do all together."""
    hit = ~shapely.is_empty(taken)
    if not hit.any():
        return shapes
    result = shapes.copy()
    result[hit] = polygonal(shapely.difference(shapes[hit], taken[hit]))
    return result


def left_m2(own: Outlines, some: Shapes) -> Floats:
    """Ellipsoidal area of shapes of which most are still the outlines themselves, m2."""
    areas = own.total_m2.copy()
    changed = changed_rows(own.shapes, some)
    areas[changed] = own.scale.area_m2(some[changed])
    return areas


def changed_rows(shapes: Shapes, some: Shapes) -> NDArray[np.bool_]:
    """Which of some shapes are no longer the same object."""
    return np.array([a is not b for a, b in zip(shapes, some, strict=True)], dtype=bool)


def permit_facts(own: Outlines, onsets: Onsets, ground: Surveyed, rules: GroundRules) -> dict[str, Column]:
    """Area without, and with late, planning and rural permits, area without a mining right, and mining land, m2.

    Unknown where the layer was not delivered. A permit counts from its date, a mining right until its last day; ground
    under one given during the onset interval, or without a date, is possibly without.
    """
    facts: dict[str, Column] = {}
    permits: list[Papers] = []
    for layer, name in (("planning_permits", "planning_permit"), ("rural_permits", "rural_permit")):
        facts[f"area_without_{name}_m2"] = facts[f"late_{name}_m2"] = unknown(len(own))
        if (laid := ground[layer]) is not None:
            found = standings(own.shapes, onsets, laid, rules)
            permits.append(found)
            facts[f"area_without_{name}_m2"] = _without(own, found, (BEFORE,), (INTERVAL, UNDATED), onsets)
            late, rest = found.under(LATE), found.under(BEFORE, reach_m=onsets.reach_m)
            facts[f"late_{name}_m2"] = rounded(beyond_m2(own, late, rest))
    facts["area_without_mining_right_m2"] = unknown(len(own))
    if (rights := ground["mining_rights"]) is not None:
        # a licence names its last day; one that does not may still run
        forever = replace(rules, temporary_months=0, temporary_longest_months=1200, temporary_reclaim_months=0)
        found = standings(own.shapes, onsets, rights, forever, term=True)
        facts["area_without_mining_right_m2"] = _without(own, found, (VALID,), (OPEN,), onsets)
    facts["permitted_share"] = _permitted_share(own, onsets, permits)
    # no image tells digging for a mineral from digging for a building
    facts["mining_use"] = unknown(len(own))
    return facts


def beyond_m2(own: Outlines, wanted: Shapes, taken: Shapes) -> Floats:
    """Per outline the area it shares with one ground and not with another, m2."""
    asked = np.where(shapely.is_empty(wanted), wanted, minus(wanted, taken)) if len(wanted) else wanted
    return common_m2(own, asked)


def _without(own: Outlines, found: Papers, sure: tuple[str, ...], doubtful: tuple[str, ...], onsets: Onsets) -> Numbers:
    """Area surely, and possibly, without what ``found`` holds under ``sure`` standings."""
    possible = minus(own.shapes, found.under(*sure, reach_m=onsets.reach_m))
    least = minus(possible, found.under(*doubtful, reach_m=onsets.reach_m))
    return between(left_m2(own, least), left_m2(own, possible))


def _permitted_share(own: Outlines, onsets: Onsets, permits: list[Papers]) -> Numbers:
    """Share of each object under a planning or rural permit in time; unknown where neither layer was delivered."""
    if not permits:
        return unknown(len(own))
    joined, *others = [found.under(BEFORE, reach_m=onsets.reach_m) for found in permits]
    for other in others:
        both = ~shapely.is_empty(joined) & ~shapely.is_empty(other)
        joined = np.where(shapely.is_empty(joined), other, joined)
        joined[both] = shapely.union(joined[both], other[both])
    return share(common_m2(own, joined), own.total_m2)


def solar_m2(own: Outlines, ground: Surveyed, rules: GroundRules) -> Numbers:
    """Area under any delivered approval, temporary land or filing whose project is named after solar panels, m2."""
    names = ("approvals", "temporary_land", "facility_land", "emergency_land")
    layers = [laid for name in names if (laid := ground[name]) is not None]
    if not layers:
        return unknown(len(own))
    areas = np.zeros(len(own), dtype=np.float64)
    for laid in layers:
        named = laid.named(rules.solar_words)
        if named.any():
            found = shared_ground(own, laid)
            areas = np.maximum(areas, once_m2(own, laid, found.where(named[found.polygon])))
    return rounded(areas)


def share(part: Floats, total: Floats) -> Numbers:
    """Share of a whole, 0..1, four places."""
    whole = np.where(total > 0.0, total, 1.0)
    return numbers(decimals(np.minimum(part / whole, 1.0), 4))
