"""Zones an object lies in: basic farmland, ecological redline, urban development boundary, village plans."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.geodesy import AreaFormula
from pipeline.screen.conditions import Fact, Range
from pipeline.screen.layers import Ground, GroundRules, Pieces, Shapes, joined_area_m2, pieces, shared_area_m2


def basic_farmland_m2(
    shapes: Shapes, layer: gpd.GeoDataFrame, first_seen: pd.Series, formula: AreaFormula = "geodesic"
) -> NDArray[np.float64]:
    """Area under basic farmland (永久基本农田) protected on the day the change was first seen, m2.

    Polygons without protection dates count always; without an image date all polygons count.
    """
    found = pieces(shapes, layer.geometry.to_numpy())
    # whole seconds hold the years 1 and 9999 that layers write for "always"; nanoseconds wrap round there
    day = first_seen.to_numpy(dtype="datetime64[s]")[found.shape]
    since, until = (layer[name].to_numpy(dtype="datetime64[s]")[found.polygon] for name in ("valid_from", "valid_to"))
    protected = np.isnat(day) | ((np.isnat(since) | (since <= day)) & (np.isnat(until) | (until >= day)))
    kept = Pieces(found.shape[protected], found.polygon[protected], found.geometry[protected])
    return joined_area_m2(kept, len(shapes), layer.crs, formula)


def zone_facts(shapes: Shapes, total: NDArray[np.float64], ground: Ground, rules: GroundRules) -> dict[str, list[Fact]]:
    """Areas inside and outside the plans and inside the ecological redline, m2; None where the layer is missing.

    ``rural_plan_m2``: ground outside the urban boundary on which a village plan surely, or possibly, applies. A plan
    that was not delivered may still exist, so all of that ground possibly lies in one.
    """
    nothing: list[Fact] = [None] * len(shapes)
    facts = dict.fromkeys(
        ("inside_plan_m2", "outside_plan_m2", "rural_plan_m2", "redline_m2", "village_plan_m2"), nothing
    )
    if ground.ecological_redline is not None:
        facts["redline_m2"] = rounded(
            np.minimum(shared_area_m2(shapes, ground.ecological_redline, rules.area_formula), total)
        )
    village = np.zeros(len(shapes), dtype=np.float64)
    if ground.village_plan is not None:
        village = np.minimum(shared_area_m2(shapes, ground.village_plan, rules.area_formula), total)
        facts["village_plan_m2"] = rounded(village)
    if ground.planning is None:
        return facts
    kinds = ground.planning["zone_kind"]
    building = [not any(zone in str(kind) for zone in rules.zones_without_building) for kind in kinds]
    inside = np.minimum(
        shared_area_m2(shapes, ground.planning[np.array(building, dtype=bool)], rules.area_formula), total
    )
    outside = total - inside
    facts |= {"inside_plan_m2": rounded(inside), "outside_plan_m2": rounded(outside)}
    # at least what of the village plan the boundary cannot cover, at most everything outside the boundary
    facts["rural_plan_m2"] = [between(low, high) for low, high in zip(village - inside, outside, strict=True)]
    return facts


def between(low: float, high: float) -> Range:
    """A range of square metres, not negative, rounded to square centimetres."""
    return Range(round(max(float(low), 0.0), 2), round(max(float(high), float(low), 0.0), 2))


def rounded(values: NDArray[np.float64]) -> list[Fact]:
    """Square metres rounded to square centimetres."""
    return [round(float(value), 2) for value in values]
