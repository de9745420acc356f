"""Zones an object lies in: basic farmland, ecological redline, urban development boundary, village plans."""

from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.screen.conditions import Fact, Range
from pipeline.screen.layers import Ground, GroundRules, Shapes, shared_area_m2


def basic_farmland_m2(shapes: Shapes, layer: gpd.GeoDataFrame, first_seen: pd.Series) -> NDArray[np.float64]:
    """Area under basic farmland (永久基本农田) protected on the day the change was first seen, m2.

    Polygons without protection dates count always; without an image date all polygons count.
    """
    areas = np.zeros(len(shapes), dtype=np.float64)
    days = first_seen.reset_index(drop=True)
    for day in [None, *sorted(days.dropna().unique())]:
        chosen = np.flatnonzero(days.isna() if day is None else days == day)
        if len(chosen) == 0:
            continue
        begun = layer["valid_from"].isna() | (layer["valid_from"] <= day) if day is not None else True
        going_on = layer["valid_to"].isna() | (layer["valid_to"] >= day) if day is not None else True
        protected = layer[begun & going_on] if day is not None else layer
        areas[chosen] = shared_area_m2(shapes[chosen], protected)
    return areas


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
        facts["redline_m2"] = rounded(np.minimum(shared_area_m2(shapes, ground.ecological_redline), total))
    village = np.zeros(len(shapes), dtype=np.float64)
    if ground.village_plan is not None:
        village = np.minimum(shared_area_m2(shapes, ground.village_plan), total)
        facts["village_plan_m2"] = rounded(village)
    if ground.planning is None:
        return facts
    kinds = ground.planning["zone_kind"]
    building = [not any(zone in str(kind) for zone in rules.zones_without_building) for kind in kinds]
    inside = np.minimum(shared_area_m2(shapes, ground.planning[np.array(building, dtype=bool)]), total)
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
