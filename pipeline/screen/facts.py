"""The facts of an object on the ground that dated rules are judged over."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.geodesy import AreaFormula
from pipeline.screen.conditions import Fact
from pipeline.screen.layers import (
    UNKNOWN_CLASS,
    Ground,
    GroundRules,
    Shapes,
    area_m2,
    class_areas_m2,
    largest_parcel_share,
    polygonal,
)
from pipeline.screen.outline import farm_road_facts
from pipeline.screen.permits import (
    Onsets,
    approved_ground,
    common_area_m2,
    minus,
    permit_facts,
    share,
    solar_m2,
    standings,
)
from pipeline.screen.timing import (
    BEFORE,
    EXPIRED,
    INTERVAL,
    LATE,
    NOWHERE,
    OPEN,
    RECLAIM,
    UNDATED,
    VALID,
    Explanation,
    explain,
)
from pipeline.screen.zones import basic_farmland_m2, between, rounded, zone_facts

FACTS: dict[str, tuple[str, ...]] = {
    "area_m2": (),
    "stage": (),
    "stage_as_stated": (),
    "built_stage": (),
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
    "reclaiming_temporary_m2": ("temporary_land",),
    "expired_temporary_m2": ("temporary_land",),
    "ended_temporary_m2": ("temporary_land",),
    "lawful_share": ("approvals",),
    "lawful_or_temporary_share": ("approvals", "temporary_land"),
    "filed_share": ("facility_land",),
    "open_filed_m2": ("facility_land",),
    "late_filed_m2": ("facility_land",),
    "emergency_m2": ("emergency_land",),
    "solar_project_m2": (),
    "width_m": (),
    "farm_road_like": (),
    "basic_farmland_m2": ("basic_farmland",),
    "redline_m2": ("ecological_redline",),
    "inside_plan_m2": ("planning",),
    "outside_plan_m2": ("planning",),
    "village_plan_m2": ("village_plan",),
    "rural_plan_m2": ("planning", "village_plan"),
    "area_without_planning_permit_m2": ("planning_permits",),
    "late_planning_permit_m2": ("planning_permits",),
    "area_without_rural_permit_m2": ("rural_permits",),
    "late_rural_permit_m2": ("rural_permits",),
    "permitted_share": (),
    "mining_land_m2": (),
    "area_without_mining_right_m2": ("mining_rights",),
    "mining_use": (),
}
"""Every fact a rule may name, and the layers that must be there to know it."""

BUILT = ("pit", "structure", "roofed")
"""Stages that show a building; earthworks may be for one, or for a field."""


Area = tuple[Any, AreaFormula]
"""The CRS of the shapes and the formula by which areas are measured."""


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
    onsets = Onsets(objects["last_clear"], objects["first_seen"], gsd_m * outline_tolerance_px)
    explanations = explain(
        shapes,
        last_clear=onsets.last_clear,
        first_seen=onsets.first_seen,
        reach_m=onsets.reach_m,
        approvals=ground.approvals,
        temporary_land=ground.temporary_land,
        rules=ground_rules,
    )
    filed = standings(shapes, onsets, ground.facility_land, ground_rules)
    urgent = standings(shapes, onsets, ground.emergency_land, ground_rules)
    total = area_m2(shapes, crs, formula)
    by_class = class_areas_m2(shapes, ground.land_use, formula)
    stages = [str(v) for v in objects["stage"]]
    columns: dict[str, list[Fact]] = {
        "area_m2": rounded(total),
        "stage_as_stated": list(stages),
        "stage": [None if v == "unknown" else v for v in stages],
        "built_stage": [v if v in BUILT else None for v in stages],
        "novelty": [None if pd.isna(v) else round(float(v), 4) for v in objects["novelty"]],
        "suppress_construction_land": [float(suppress_construction_land)] * len(shapes),
        "solar_project_m2": solar_m2(shapes, ground, ground_rules),
        **_class_facts(by_class, total, ground_rules),
        **farm_road_facts(
            shapes, gsd_m, width_m=ground_rules.farm_road_width_m, elongation=ground_rules.strip_elongation
        ),
        **zone_facts(shapes, total, ground, ground_rules),
        **permit_facts(shapes, onsets, ground, ground_rules),
        **_approval_facts(shapes, total, onsets, explanations, (crs, formula)),
        **_filing_facts(shapes, total, onsets, filed, urgent, (crs, formula)),
    }
    farmland = next(group for group in ground_rules.groups if group.name == "farmland")
    columns["whole_parcel_share"] = [float(v) for v in largest_parcel_share(shapes, ground.land_use, farmland)]
    columns["basic_farmland_m2"] = (
        [None] * len(shapes)
        if ground.basic_farmland is None
        else rounded(basic_farmland_m2(shapes, ground.basic_farmland, objects["first_seen"], formula))
    )
    found = Standings(explanations, filed, urgent)
    columns |= _unapproved_facts(shapes, by_class, onsets, found, stages, ground, ground_rules)
    missing = ground.missing()
    for layer in ("approvals", "temporary_land", "facility_land", "emergency_land"):
        if layer in missing:
            columns |= {n: [None] * len(shapes) for n, needs in FACTS.items() if needs == (layer,)}
    facts = [{name: columns[name][row] for name in FACTS} for row in range(len(shapes))]
    return Measured(by_class, facts, explanations, missing)


@dataclass(frozen=True)
class Standings:
    """Per object the dated ground near it: approvals and temporary land, facility filings, emergency land."""

    approved: list[Explanation]
    filed: list[Explanation]
    urgent: list[Explanation]


def _same_crs(objects: gpd.GeoDataFrame, ground: Ground) -> None:
    for name, layer in vars(ground).items():
        if layer is not None and layer.crs != objects.crs:
            raise ValueError(f"layer {name} is in {layer.crs}, the objects are in {objects.crs}")


def _approval_facts(
    shapes: Shapes, total: NDArray[np.float64], onsets: Onsets, explanations: list[Explanation], area: Area
) -> dict[str, list[Fact]]:
    """What approvals and temporary land cover of objects, by standing."""
    lawful = approved_ground(explanations, BEFORE, reach_m=onsets.reach_m)
    covered = approved_ground(explanations, BEFORE, VALID, reach_m=onsets.reach_m)
    possible = minus(shapes, covered)
    facts = {
        "lawful_share": share(common_area_m2(shapes, lawful, *area), total),
        "lawful_or_temporary_share": share(common_area_m2(shapes, covered, *area), total),
    }
    for name, standing in (
        ("late_approved_m2", (LATE,)),
        ("interval_approved_m2", (INTERVAL,)),
        ("undated_approved_m2", (UNDATED,)),
        ("reclaiming_temporary_m2", (RECLAIM,)),
        ("expired_temporary_m2", (EXPIRED,)),
        ("ended_temporary_m2", (RECLAIM, EXPIRED)),
    ):
        facts[name] = rounded(common_area_m2(possible, approved_ground(explanations, *standing), *area))
    temporary = approved_ground(explanations, VALID)
    facts["temporary_m2"] = rounded(common_area_m2(minus(shapes, lawful), temporary, *area))
    return facts


def _filing_facts(
    shapes: Shapes,
    total: NDArray[np.float64],
    onsets: Onsets,
    filed: list[Explanation],
    urgent: list[Explanation],
    area: Area,
) -> dict[str, list[Fact]]:
    """What filings of facility agriculture (设施农业用地备案) and emergency land cover of objects."""
    before = approved_ground(filed, BEFORE, reach_m=onsets.reach_m)
    rest = minus(shapes, before)
    return {
        "filed_share": share(common_area_m2(shapes, before, *area), total),
        "open_filed_m2": rounded(common_area_m2(rest, approved_ground(filed, INTERVAL, UNDATED), *area)),
        "late_filed_m2": rounded(common_area_m2(rest, approved_ground(filed, LATE), *area)),
        "emergency_m2": rounded(common_area_m2(shapes, approved_ground(urgent, BEFORE, INTERVAL, UNDATED), *area)),
    }


def _class_facts(
    by_class: list[dict[str, float]], total: NDArray[np.float64], rules: GroundRules
) -> dict[str, list[Fact]]:
    facts: dict[str, list[Fact]] = {}
    for group in ("farmland", "construction", "natural_water", "facility_agriculture", "farm_road"):
        sums = np.array([rules.group_sum(group, own) for own in by_class], dtype=np.float64)
        facts[f"{group}_share"] = share(sums, total)
        if group == "farmland":
            facts["farmland_m2"] = rounded(sums)
    mining = np.array([rules.group_sum("mining", own) for own in by_class], dtype=np.float64)
    return facts | {"mining_land_m2": rounded(mining)}


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
    onsets: Onsets,
    found: Standings,
    stages: list[str],
    ground: Ground,
    rules: GroundRules,
) -> dict[str, list[Fact]]:
    """Ground no approval in time explains, between what is surely and what is possibly so.

    A filing in time (设施农业用地备案) needs no conversion, but leaves basic farmland open. Emergency land may be used
    first, and ground whose temporary use has ended may be under restoration for a year: neither is surely unapproved,
    unless a building shows on the latter.
    """
    reach_m = onsets.reach_m
    possible = minus(shapes, approved_ground(found.approved, BEFORE, VALID, reach_m=reach_m))
    sure = minus(possible, approved_ground(found.approved, INTERVAL, UNDATED, OPEN, reach_m=reach_m))
    sure = minus(sure, approved_ground(found.urgent, BEFORE, INTERVAL, UNDATED, reach_m=reach_m))
    restored = approved_ground(found.approved, RECLAIM, reach_m=reach_m)
    restored[[stage in BUILT for stage in stages]] = NOWHERE
    sure = minus(sure, restored)
    if ground.approvals is None:
        sure = np.full(len(shapes), NOWHERE, dtype=object)
    basic_sure = minus(sure, approved_ground(found.filed, BEFORE, INTERVAL, UNDATED, reach_m=reach_m))
    unfiled = minus(possible, approved_ground(found.filed, BEFORE, reach_m=reach_m))
    low, high = (_changed_class_areas(shapes, by_class, some, ground, rules) for some in (basic_sure, unfiled))
    facts: dict[str, list[Fact]] = {
        "unapproved_farmland_m2": [
            between(rules.group_sum("farmland", a), rules.group_sum("farmland", b) + b.get(UNKNOWN_CLASS, 0.0))
            for a, b in zip(low, high, strict=True)
        ],
        "unapproved_new_land_m2": [
            between(
                sum(a.values()) - a.get(UNKNOWN_CLASS, 0.0) - rules.group_sum("construction", a),
                sum(b.values()) - rules.group_sum("construction", b),
            )
            for a, b in zip(low, high, strict=True)
        ],
        "unapproved_basic_farmland_m2": [None] * len(possible),
    }
    if ground.basic_farmland is not None:
        sure_m2 = basic_farmland_m2(basic_sure, ground.basic_farmland, onsets.first_seen, rules.area_formula)
        possible_m2 = basic_farmland_m2(possible, ground.basic_farmland, onsets.first_seen, rules.area_formula)
        facts["unapproved_basic_farmland_m2"] = [between(a, b) for a, b in zip(sure_m2, possible_m2, strict=True)]
    return facts
