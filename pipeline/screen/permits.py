"""Ground with and without a permit or right at the time of the change: planning permits, mining rights, filings."""

from __future__ import annotations

from dataclasses import dataclass, replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import AreaFormula
from pipeline.screen.conditions import Fact
from pipeline.screen.layers import Ground, GroundRules, Shapes, area_m2, polygonal, shared_area_m2
from pipeline.screen.timing import BEFORE, INTERVAL, LATE, NOWHERE, OPEN, UNDATED, VALID, Explanation, explain
from pipeline.screen.zones import between, rounded


@dataclass(frozen=True)
class Onsets:
    """When objects began, and how exact their outlines are: dates of the interval, and metres of tolerance."""

    last_clear: pd.Series
    first_seen: pd.Series
    reach_m: NDArray[np.float64]


def standings(
    shapes: Shapes, onsets: Onsets, layer: gpd.GeoDataFrame | None, rules: GroundRules, *, term: bool = False
) -> list[Explanation]:
    """Per object the ground of one dated layer near it, by standing; with ``term`` its rights also run out."""
    return explain(
        shapes,
        last_clear=onsets.last_clear,
        first_seen=onsets.first_seen,
        reach_m=onsets.reach_m,
        approvals=None if term else layer,
        temporary_land=layer if term else None,
        rules=rules,
    )


def approved_ground(
    explanations: list[Explanation], *standings: str, reach_m: NDArray[np.float64] | None = None
) -> Shapes:
    """Per object the ground under some standings, widened by ``reach_m``."""
    grounds = np.full(len(explanations), NOWHERE, dtype=object)
    for row, explanation in enumerate(explanations):
        own = explanation.of(*standings)
        if not own.is_empty:
            grounds[row] = own if reach_m is None else shapely.buffer(own, float(reach_m[row]))
    return grounds


def minus(shapes: Shapes, taken: Shapes) -> Shapes:
    """Each shape without the ground taken from it; untouched shapes stay the same object."""
    result = shapes.copy()
    hit = ~shapely.is_empty(taken) if len(taken) else np.zeros(0, dtype=bool)
    if hit.any():
        result[hit] = polygonal(shapely.difference(shapes[hit], taken[hit]))
    return result


def common_area_m2(
    shapes: Shapes, others: Shapes, crs: object, formula: AreaFormula = "geodesic"
) -> NDArray[np.float64]:
    """Ellipsoidal area each shape shares with the other geometry of its row, m2."""
    areas = np.zeros(len(shapes), dtype=np.float64)
    hit = ~shapely.is_empty(others) if len(others) else np.zeros(0, dtype=bool)
    if hit.any():
        areas[hit] = area_m2(polygonal(shapely.intersection(shapes[hit], others[hit])), crs, formula)
    return areas


def permit_facts(shapes: Shapes, onsets: Onsets, ground: Ground, rules: GroundRules) -> dict[str, list[Fact]]:
    """Area without, and with late, planning and rural permits, area without a mining right, and mining land, m2.

    None where the layer was not delivered. A permit counts from its date, a mining right until its last day; ground
    under one given during the onset interval, or without a date, is possibly without.
    """
    area = ground.land_use.crs, rules.area_formula
    facts: dict[str, list[Fact]] = {}
    for layer, name in ((ground.planning_permits, "planning_permit"), (ground.rural_permits, "rural_permit")):
        facts[f"area_without_{name}_m2"] = facts[f"late_{name}_m2"] = [None] * len(shapes)
        if layer is not None:
            found = standings(shapes, onsets, layer, rules)
            facts[f"area_without_{name}_m2"] = _without(shapes, found, (BEFORE,), (INTERVAL, UNDATED), onsets, *area)
            late = minus(shapes, approved_ground(found, BEFORE, reach_m=onsets.reach_m))
            facts[f"late_{name}_m2"] = rounded(common_area_m2(late, approved_ground(found, LATE), *area))
    facts["area_without_mining_right_m2"] = [None] * len(shapes)
    if ground.mining_rights is not None:
        # a licence names its last day; one that does not may still run
        forever = replace(rules, temporary_months=0, temporary_longest_months=1200, temporary_reclaim_months=0)
        found = standings(shapes, onsets, ground.mining_rights, forever, term=True)
        facts["area_without_mining_right_m2"] = _without(shapes, found, (VALID,), (OPEN,), onsets, *area)
    facts["permitted_share"] = _permitted_share(shapes, onsets, ground, rules)
    # no image tells digging for a mineral from digging for a building
    facts["mining_use"] = [None] * len(shapes)
    return facts


def _without(
    shapes: Shapes,
    found: list[Explanation],
    sure: tuple[str, ...],
    doubtful: tuple[str, ...],
    onsets: Onsets,
    crs: object,
    formula: AreaFormula,
) -> list[Fact]:
    """Area surely, and possibly, without what ``found`` holds under ``sure`` standings."""
    possible = minus(shapes, approved_ground(found, *sure, reach_m=onsets.reach_m))
    least = minus(possible, approved_ground(found, *doubtful, reach_m=onsets.reach_m))
    return [
        between(low, high)
        for low, high in zip(*(area_m2(some, crs, formula) for some in (least, possible)), strict=True)
    ]


def _permitted_share(shapes: Shapes, onsets: Onsets, ground: Ground, rules: GroundRules) -> list[Fact]:
    """Share of each object under a planning or rural permit in time; None where neither layer was delivered."""
    layers = [layer for layer in (ground.planning_permits, ground.rural_permits) if layer is not None]
    if not layers:
        return [None] * len(shapes)
    grounds = [
        approved_ground(standings(shapes, onsets, layer, rules), BEFORE, reach_m=onsets.reach_m) for layer in layers
    ]
    joined = np.array([shapely.union_all(row) for row in zip(*grounds, strict=True)], dtype=object)
    area = ground.land_use.crs, rules.area_formula
    return share(common_area_m2(shapes, joined, *area), area_m2(shapes, *area))


def solar_m2(shapes: Shapes, ground: Ground, rules: GroundRules) -> list[Fact]:
    """Area under any delivered approval, temporary land or filing whose project is named after solar panels, m2."""
    layers = [
        layer
        for layer in (ground.approvals, ground.temporary_land, ground.facility_land, ground.emergency_land)
        if layer is not None
    ]
    if not layers:
        return [None] * len(shapes)
    areas = np.zeros(len(shapes), dtype=np.float64)
    for layer in layers:
        named = (
            layer["project"]
            .fillna("")
            .map(lambda text: any(word in text for word in rules.solar_words))
            .to_numpy(dtype=bool)
        )
        if named.any():
            areas = np.maximum(areas, shared_area_m2(shapes, layer[named], rules.area_formula))
    return rounded(areas)


def share(part: NDArray[np.float64], total: NDArray[np.float64]) -> list[Fact]:
    """Share of a whole, 0..1, four places."""
    whole = np.where(total > 0.0, total, 1.0)
    return [round(float(value), 4) for value in np.minimum(part / whole, 1.0)]
