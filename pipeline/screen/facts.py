"""The facts of an object on the ground that dated rules are judged over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.geodesy import AreaFormula
from pipeline.screen.conditions import Fact, Range
from pipeline.screen.layers import (
    UNKNOWN_CLASS,
    Ground,
    GroundRules,
    Pieces,
    Shapes,
    area_m2,
    class_areas_m2,
    joined_area_m2,
    largest_parcel_share,
    pieces,
    polygonal,
    shared_area_m2,
)
from pipeline.screen.timing import BEFORE, EXPIRED, INTERVAL, LATE, NOWHERE, OPEN, UNDATED, VALID, Explanation, explain

FACTS: dict[str, tuple[str, ...]] = {
    "area_m2": (),
    "stage": (),
    "stage_as_stated": (),
    "novelty": (),
    "suppress_construction_land": (),
    "farmland_m2": (),
    "farmland_share": (),
    "construction_share": (),
    "natural_water_share": (),
    "facility_agriculture_share": (),
    "farm_road_share": (),
    "whole_parcel_share": (),
    "unapproved_new_land_m2": ("approvals", "temporary_land"),
    "unapproved_farmland_m2": ("approvals", "temporary_land"),
    "unapproved_basic_farmland_m2": ("approvals", "temporary_land", "basic_farmland"),
    "late_approved_m2": ("approvals",),
    "interval_approved_m2": ("approvals",),
    "undated_approved_m2": ("approvals",),
    "temporary_m2": ("temporary_land",),
    "expired_temporary_m2": ("temporary_land",),
    "lawful_share": ("approvals",),
    "lawful_or_temporary_share": ("approvals", "temporary_land"),
    "inside_plan_m2": ("planning",),
    "outside_plan_m2": ("planning",),
    "area_without_planning_permit_m2": ("planning_permits",),
    "area_without_rural_permit_m2": ("rural_permits",),
    "area_without_mining_right_m2": ("mining_rights",),
}
"""Every fact a rule may name, and the layers that must be there to know it."""

_PERMITS = frozenset({"planning_permits", "rural_permits", "mining_rights"})
NO_PERMIT_LAYERS = dict.fromkeys(
    ("area_without_planning_permit_m2", "area_without_rural_permit_m2", "area_without_mining_right_m2")
)


@dataclass(frozen=True)
class Measured:
    """What the layers say of objects, row for row: land class areas, facts, and the approvals near them."""

    by_class: list[dict[str, float]]
    facts: list[dict[str, Fact]]
    explanations: list[Explanation]
    missing: frozenset[str]


def measure(
    objects: gpd.GeoDataFrame,
    *,
    ground: Ground,
    ground_rules: GroundRules,
    outline_tolerance_px: float,
    suppress_construction_land: bool,
) -> Measured:
    """Facts of objects with ``geometry, stage, novelty, gsd_m, last_clear, first_seen`` in the layers' CRS.

    Areas are ellipsoidal square metres. Approved ground is widened by ``outline_tolerance_px`` pixels of the object's
    source before anything counts as beyond it, because an outline is no more exact than that. Raises ValueError when
    objects and a layer differ in CRS.
    """
    _same_crs(objects, ground)
    crs, shapes = ground.land_use.crs, polygonal(objects.geometry.to_numpy())
    formula = ground_rules.area_formula
    gsd_m = objects["gsd_m"].fillna(0.0).to_numpy(dtype=np.float64)
    reach_m = gsd_m * outline_tolerance_px
    explanations = explain(
        shapes,
        last_clear=objects["last_clear"],
        first_seen=objects["first_seen"],
        reach_m=reach_m,
        approvals=ground.approvals,
        temporary_land=ground.temporary_land,
        rules=ground_rules,
    )
    lawful = approved_ground(explanations, BEFORE, reach_m=reach_m)
    covered = approved_ground(explanations, BEFORE, VALID, reach_m=reach_m)
    possible = _minus(shapes, covered)
    sure = _minus(possible, approved_ground(explanations, INTERVAL, UNDATED, OPEN, reach_m=reach_m))
    if ground.approvals is None:
        sure = np.full(len(shapes), NOWHERE, dtype=object)

    total = area_m2(shapes, crs, formula)
    by_class = class_areas_m2(shapes, ground.land_use, formula)
    columns: dict[str, list[Fact]] = {
        "area_m2": [round(float(v), 2) for v in total],
        "stage_as_stated": [str(v) for v in objects["stage"]],
        "stage": [None if v == "unknown" else str(v) for v in objects["stage"]],
        "novelty": [None if pd.isna(v) else round(float(v), 4) for v in objects["novelty"]],
        "suppress_construction_land": [float(suppress_construction_land)] * len(shapes),
        **{name: [None] * len(shapes) for name in NO_PERMIT_LAYERS},
        **_class_facts(by_class, total, ground_rules),
        **_unapproved_facts(shapes, by_class, possible, sure, ground, ground_rules, objects["first_seen"]),
    }
    farmland = next(group for group in ground_rules.groups if group.name == "farmland")
    columns["whole_parcel_share"] = [float(v) for v in largest_parcel_share(shapes, ground.land_use, farmland)]
    columns["lawful_share"] = _share(common_area_m2(shapes, lawful, crs, formula), total)
    columns["lawful_or_temporary_share"] = _share(common_area_m2(shapes, covered, crs, formula), total)
    for name, standing in (
        ("late_approved_m2", LATE),
        ("interval_approved_m2", INTERVAL),
        ("undated_approved_m2", UNDATED),
        ("expired_temporary_m2", EXPIRED),
    ):
        columns[name] = _rounded(common_area_m2(possible, approved_ground(explanations, standing), crs, formula))
    temporary = approved_ground(explanations, VALID)
    columns["temporary_m2"] = _rounded(common_area_m2(_minus(shapes, lawful), temporary, crs, formula))
    columns |= _plan_facts(shapes, total, ground, ground_rules)
    missing = ground.missing() | _PERMITS
    if "approvals" in missing:
        columns |= {n: [None] * len(shapes) for n, needs in FACTS.items() if needs == ("approvals",)}
    if "temporary_land" in missing:
        columns |= {n: [None] * len(shapes) for n, needs in FACTS.items() if needs == ("temporary_land",)}
    facts = [{name: columns[name][row] for name in FACTS} for row in range(len(shapes))]
    return Measured(by_class, facts, explanations, missing)


def _same_crs(objects: gpd.GeoDataFrame, ground: Ground) -> None:
    for name, layer in vars(ground).items():
        if layer is not None and layer.crs != objects.crs:
            raise ValueError(f"layer {name} is in {layer.crs}, the objects are in {objects.crs}")


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


def _minus(shapes: Shapes, taken: Shapes) -> Shapes:
    """Each shape without the ground taken from it; untouched shapes stay the same object."""
    result = shapes.copy()
    hit = ~shapely.is_empty(taken) if len(taken) else np.zeros(0, dtype=bool)
    if hit.any():
        result[hit] = polygonal(shapely.difference(shapes[hit], taken[hit]))
    return result


def common_area_m2(shapes: Shapes, others: Shapes, crs: Any, formula: AreaFormula = "geodesic") -> NDArray[np.float64]:
    """Ellipsoidal area each shape shares with the other geometry of its row, m2."""
    areas = np.zeros(len(shapes), dtype=np.float64)
    hit = ~shapely.is_empty(others) if len(others) else np.zeros(0, dtype=bool)
    if hit.any():
        areas[hit] = area_m2(polygonal(shapely.intersection(shapes[hit], others[hit])), crs, formula)
    return areas


def _rounded(values: NDArray[np.float64]) -> list[Fact]:
    return [round(float(value), 2) for value in values]


def _share(part: NDArray[np.float64], total: NDArray[np.float64]) -> list[Fact]:
    whole = np.where(total > 0.0, total, 1.0)
    return [round(float(value), 4) for value in np.minimum(part / whole, 1.0)]


def _class_facts(
    by_class: list[dict[str, float]], total: NDArray[np.float64], rules: GroundRules
) -> dict[str, list[Fact]]:
    facts: dict[str, list[Fact]] = {}
    for group in ("farmland", "construction", "natural_water", "facility_agriculture", "farm_road"):
        sums = np.array([rules.group_sum(group, own) for own in by_class], dtype=np.float64)
        facts[f"{group}_share"] = _share(sums, total)
        if group == "farmland":
            facts["farmland_m2"] = _rounded(sums)
    return facts


def _changed_class_areas(
    shapes: Shapes, by_class: list[dict[str, float]], some: Shapes, ground: Ground, rules: GroundRules
) -> list[dict[str, float]]:
    """Class areas of shapes of which most are still the ones that ``by_class`` was measured on."""
    changed = np.array([a is not b for a, b in zip(shapes, some, strict=True)], dtype=bool)
    measured = iter(class_areas_m2(some[changed], ground.land_use, rules.area_formula))
    return [next(measured) if anew else own for anew, own in zip(changed, by_class, strict=True)]


def _unapproved_facts(
    shapes: Shapes,
    by_class: list[dict[str, float]],
    possible: Shapes,
    sure: Shapes,
    ground: Ground,
    rules: GroundRules,
    first_seen: pd.Series,
) -> dict[str, list[Fact]]:
    """Ground no approval in time explains, between what is surely and what is possibly so."""
    low, high = (_changed_class_areas(shapes, by_class, some, ground, rules) for some in (sure, possible))
    facts: dict[str, list[Fact]] = {
        "unapproved_farmland_m2": [
            _range(rules.group_sum("farmland", a), rules.group_sum("farmland", b) + b.get(UNKNOWN_CLASS, 0.0))
            for a, b in zip(low, high, strict=True)
        ],
        "unapproved_new_land_m2": [
            _range(
                sum(a.values()) - a.get(UNKNOWN_CLASS, 0.0) - rules.group_sum("construction", a),
                sum(b.values()) - rules.group_sum("construction", b),
            )
            for a, b in zip(low, high, strict=True)
        ],
        "unapproved_basic_farmland_m2": [None] * len(possible),
    }
    if ground.basic_farmland is not None:
        sure_m2 = basic_farmland_m2(sure, ground.basic_farmland, first_seen, rules.area_formula)
        possible_m2 = basic_farmland_m2(possible, ground.basic_farmland, first_seen, rules.area_formula)
        facts["unapproved_basic_farmland_m2"] = [_range(a, b) for a, b in zip(sure_m2, possible_m2, strict=True)]
    return facts


def _range(low: float, high: float) -> Range:
    return Range(round(max(float(low), 0.0), 2), round(max(float(high), float(low), 0.0), 2))


def basic_farmland_m2(
    shapes: Shapes, layer: gpd.GeoDataFrame, first_seen: pd.Series, formula: AreaFormula = "geodesic"
) -> NDArray[np.float64]:
    """Area under basic farmland (永久基本农田) protected on the day the change was first seen, m2.

    Polygons without protection dates count always; without an image date all polygons count.
    """
    found = pieces(shapes, layer.geometry.to_numpy())
    day = first_seen.to_numpy(dtype="datetime64[ns]")[found.shape]
    since, until = (layer[name].to_numpy(dtype="datetime64[ns]")[found.polygon] for name in ("valid_from", "valid_to"))
    protected = np.isnat(day) | ((np.isnat(since) | (since <= day)) & (np.isnat(until) | (until >= day)))
    kept = Pieces(found.shape[protected], found.polygon[protected], found.geometry[protected])
    return joined_area_m2(kept, len(shapes), layer.crs, formula)


def _plan_facts(
    shapes: Shapes, total: NDArray[np.float64], ground: Ground, rules: GroundRules
) -> dict[str, list[Fact]]:
    if ground.planning is None:
        return {"inside_plan_m2": [None] * len(shapes), "outside_plan_m2": [None] * len(shapes)}
    kinds = ground.planning["zone_kind"]
    building = [not any(zone in str(kind) for zone in rules.zones_without_building) for kind in kinds]
    inside = np.minimum(
        shared_area_m2(shapes, ground.planning[np.array(building, dtype=bool)], rules.area_formula), total
    )
    return {"inside_plan_m2": _rounded(inside), "outside_plan_m2": _rounded(total - inside)}
