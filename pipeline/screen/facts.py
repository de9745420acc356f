"""The facts of an object on the ground that dated rules are judged over."""

from __future__ import annotations

from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.screen.classes import ClassGround, class_ground, surveyed_later
from pipeline.screen.conditions import Codes, Column, Numbers, numbers, unknown
from pipeline.screen.layers import (
    ClassAreas,
    Ground,
    GroundRules,
    Surveyed,
    decimals,
    largest_parcel_share,
    survey,
)
from pipeline.screen.outline import farm_road_facts
from pipeline.screen.outlines import Outlines, Shapes, Shared, common_m2, outlines, polygonal, shared_ground
from pipeline.screen.permits import (
    Onsets,
    beyond_m2,
    changed_rows,
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
    Papers,
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
    "contested_class_m2": (),
    "later_survey_m2": (),
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


@dataclass(frozen=True)
class Measured:
    """What the layers say of objects, row for row: land class areas, facts, and the approvals near them.

    ``approved_m2``: area under approvals given before the change, by their own outline without any tolerance.
    """

    by_class: ClassAreas
    facts: dict[str, Column]
    papers: Papers
    approved_m2: NDArray[np.float64]
    missing: frozenset[str]


@dataclass(frozen=True)
class Standings:
    """The dated ground near objects: approvals and temporary land, facility filings, emergency land."""

    approved: Papers
    filed: Papers
    urgent: Papers


def measure(
    objects: gpd.GeoDataFrame,
    *,
    ground: Ground,
    ground_rules: GroundRules,
    outline_tolerance_px: float,
    suppress_construction_land: bool,
) -> Measured:
    """Facts of objects with ``geometry, stage, novelty, gsd_m, last_clear, first_seen`` in the layers' CRS.

    Areas are ellipsoidal square metres. Approved ground is widened by ``outline_tolerance_px`` pixels of the objects'
    source before anything counts as beyond it, because an outline is no more exact than that. Raises ValueError when
    objects and a layer differ in CRS.
    """
    surveyed = survey(ground, ground_rules.area_formula)
    surveyed.refuse_other_crs(objects.crs)
    return measure_on(
        objects,
        surveyed,
        ground_rules=ground_rules,
        outline_tolerance_px=outline_tolerance_px,
        suppress_construction_land=suppress_construction_land,
    )


def measure_on(
    objects: gpd.GeoDataFrame,
    ground: Surveyed,
    *,
    ground_rules: GroundRules,
    outline_tolerance_px: float,
    suppress_construction_land: bool,
) -> Measured:
    """As :func:`measure`, on layers made ready once for many objects. No object's facts depend on another's."""
    own = outlines(polygonal(objects.geometry.to_numpy()), ground.scale)
    gsd_m = objects["gsd_m"].fillna(0.0).to_numpy(dtype=np.float64)
    onsets = Onsets(objects["last_clear"], objects["first_seen"], gsd_m * outline_tolerance_px)
    found = Standings(
        explain(
            own.shapes,
            last_clear=onsets.last_clear,
            first_seen=onsets.first_seen,
            reach_m=onsets.reach_m,
            approvals=ground["approvals"],
            temporary_land=ground["temporary_land"],
            rules=ground_rules,
        ),
        standings(own.shapes, onsets, ground["facility_land"], ground_rules),
        standings(own.shapes, onsets, ground["emergency_land"], ground_rules),
    )
    parcels = shared_ground(own, ground.land_use)
    classed = _class_ground(own, onsets.last_clear, ground, ground_rules, parcels)
    by_class = classed.areas
    stages = [str(value) for value in objects["stage"].tolist()]
    approved_m2 = common_m2(own, found.approved.under(BEFORE))
    covered = found.approved.under(BEFORE, VALID, reach_m=onsets.reach_m)
    facts: dict[str, Column] = {
        "area_m2": rounded(own.total_m2),
        **_stated_facts(objects, stages),
        "suppress_construction_land": numbers(np.full(len(own), float(suppress_construction_land))),
        "solar_project_m2": solar_m2(own, ground, ground_rules),
        **_class_facts(by_class, own.total_m2, ground_rules),
        "contested_class_m2": rounded(classed.contested_m2),
        "later_survey_m2": rounded(classed.later_m2),
        **farm_road_facts(
            own.shapes, gsd_m, width_m=ground_rules.farm_road_width_m, elongation=ground_rules.strip_elongation
        ),
        **zone_facts(own, ground, ground_rules),
        **permit_facts(own, onsets, ground, ground_rules),
        **_approval_facts(own, onsets, found.approved, covered),
        **_filing_facts(own, onsets, found),
        "whole_parcel_share": numbers(
            largest_parcel_share(parcels, ground.land_use, ground_rules.group("farmland"), len(own))
        ),
        **_unapproved_facts(own, by_class, onsets, found, covered, stages, ground, ground_rules),
    }
    missing = ground.missing()
    for layer in ("approvals", "temporary_land", "facility_land", "emergency_land"):
        if layer in missing:
            facts |= {name: unknown(len(own)) for name, needs in FACTS.items() if needs == (layer,)}
    return Measured(by_class, {name: facts[name] for name in FACTS}, found.approved, approved_m2, missing)


def _stated_facts(objects: gpd.GeoDataFrame, stages: list[str]) -> dict[str, Column]:
    """What the objects' own record says."""
    return {
        "stage_as_stated": Codes(tuple(stages)),
        "stage": Codes(tuple(None if v == "unknown" else v for v in stages)),
        "built_stage": Codes(tuple(v if v in BUILT else None for v in stages)),
        "novelty": numbers(decimals(objects["novelty"].to_numpy(dtype=np.float64, na_value=np.nan), 4)),
    }


def _approval_facts(own: Outlines, onsets: Onsets, papers: Papers, covered: Shapes) -> dict[str, Column]:
    """What approvals and temporary land cover of objects, by standing; ``covered``: in time, or for a term that runs."""
    lawful = papers.under(BEFORE, reach_m=onsets.reach_m)
    facts: dict[str, Column] = {
        "lawful_share": share(common_m2(own, lawful), own.total_m2),
        "lawful_or_temporary_share": share(common_m2(own, covered), own.total_m2),
    }
    for name, standing in (
        ("late_approved_m2", (LATE,)),
        ("interval_approved_m2", (INTERVAL,)),
        ("undated_approved_m2", (UNDATED,)),
        ("reclaiming_temporary_m2", (RECLAIM,)),
        ("expired_temporary_m2", (EXPIRED,)),
        ("ended_temporary_m2", (RECLAIM, EXPIRED)),
    ):
        facts[name] = rounded(beyond_m2(own, papers.under(*standing), covered))
    facts["temporary_m2"] = rounded(beyond_m2(own, papers.under(VALID), lawful))
    return facts


def _filing_facts(own: Outlines, onsets: Onsets, found: Standings) -> dict[str, Column]:
    """What filings of facility agriculture (设施农业用地备案) and emergency land cover of objects."""
    before = found.filed.under(BEFORE, reach_m=onsets.reach_m)
    return {
        "filed_share": share(common_m2(own, before), own.total_m2),
        "open_filed_m2": rounded(beyond_m2(own, found.filed.under(INTERVAL, UNDATED), before)),
        "late_filed_m2": rounded(beyond_m2(own, found.filed.under(LATE), before)),
        "emergency_m2": rounded(common_m2(own, found.urgent.under(BEFORE, INTERVAL, UNDATED))),
    }


def _class_facts(by_class: ClassAreas, total: NDArray[np.float64], rules: GroundRules) -> dict[str, Column]:
    facts: dict[str, Column] = {
        f"{name}_share": share(by_class.within(rules.group(name)), total)
        for name in ("farmland", "construction", "natural_water", "facility_agriculture", "farm_road")
    }
    facts["farmland_m2"] = rounded(by_class.within(rules.group("farmland")))
    return facts | {"mining_land_m2": rounded(by_class.within(rules.group("mining")))}


def _class_ground(
    own: Outlines, last_clear: pd.Series, ground: Surveyed, rules: GroundRules, found: Shared | None = None
) -> ClassGround:
    """The classes of outlines' ground before their change; ``found``: what they share with the parcels, where known."""
    found = shared_ground(own, ground.land_use) if found is None else found
    later = surveyed_later(ground.land_use, found, last_clear, rules.group("construction"))
    return class_ground(own, ground.land_use, found, later)


@dataclass(frozen=True)
class Left:
    """What is left of outlines: all of them but for the rows ``changed``, of which ``parts`` are left."""

    changed: NDArray[np.bool_]
    parts: Outlines


def _left(own: Outlines, *some: Shapes) -> list[Left]:
    """What each of some shapes leaves of outlines; shapes that are one array are measured once."""
    known: dict[int, Left] = {}
    for shapes in some:
        if id(shapes) not in known:
            changed = changed_rows(own.shapes, shapes)
            known[id(shapes)] = Left(changed, outlines(shapes[changed], own.scale))
    return [known[id(shapes)] for shapes in some]


def _class_areas_left(
    left: Left, by_class: ClassAreas, onsets: Onsets, ground: Surveyed, rules: GroundRules
) -> ClassAreas:
    """Class areas of what is left of the outlines that ``by_class`` was measured on."""
    if not left.changed.any():
        return by_class
    parts = _class_ground(left.parts, onsets.last_clear[left.changed], ground, rules)
    return by_class.replaced(left.changed, parts.areas)


def _unapproved_facts(
    own: Outlines,
    by_class: ClassAreas,
    onsets: Onsets,
    found: Standings,
    covered: Shapes,
    stages: list[str],
    ground: Surveyed,
    rules: GroundRules,
) -> dict[str, Column]:
    """Ground no approval in time explains, between what is surely and what is possibly so.

    A filing in time (设施农业用地备案) needs no conversion, but leaves basic farmland open. Emergency land may be used
    first, and ground whose temporary use has ended may be under restoration for a year: neither is surely unapproved,
    unless a building shows on the latter.
    """
    reach_m = onsets.reach_m
    possible = minus(own.shapes, covered)
    sure = minus(possible, found.approved.under(INTERVAL, UNDATED, OPEN, reach_m=reach_m))
    sure = minus(sure, found.urgent.under(BEFORE, INTERVAL, UNDATED, reach_m=reach_m))
    restored = found.approved.under(RECLAIM, reach_m=reach_m)
    restored[[stage in BUILT for stage in stages]] = NOWHERE
    sure = minus(sure, restored)
    if ground["approvals"] is None:
        sure = np.full(len(own), NOWHERE, dtype=object)
    basic_sure = minus(sure, found.filed.under(BEFORE, INTERVAL, UNDATED, reach_m=reach_m))
    unfiled = minus(possible, found.filed.under(BEFORE, reach_m=reach_m))
    least, most, basic_most = _left(own, basic_sure, unfiled, possible)
    low, high = (_class_areas_left(left, by_class, onsets, ground, rules) for left in (least, most))
    farmland, construction = rules.group("farmland"), rules.group("construction")
    return {
        "unapproved_farmland_m2": between(low.within(farmland), high.within(farmland) + high.unknown()),
        "unapproved_new_land_m2": between(
            low.known() - low.within(construction), high.all() - high.within(construction)
        ),
        **_basic_farmland_facts(own, least, basic_most, onsets, ground),
    }


def _basic_farmland_facts(
    own: Outlines, least: Left, most: Left, onsets: Onsets, ground: Surveyed
) -> dict[str, Column]:
    """Basic farmland under objects, and under what of them is surely and possibly unapproved."""
    if (laid := ground["basic_farmland"]) is None:
        return {"basic_farmland_m2": unknown(len(own)), "unapproved_basic_farmland_m2": unknown(len(own))}
    whole = basic_farmland_m2(own, laid, onsets.last_clear, onsets.first_seen)
    sure, possible = (areas.copy() for areas in whole)
    for number, (areas, left) in enumerate(((sure, least), (possible, most))):
        clear, seen = onsets.last_clear[left.changed], onsets.first_seen[left.changed]
        areas[left.changed] = basic_farmland_m2(left.parts, laid, clear, seen)[number]
    return {"basic_farmland_m2": _whole(*whole), "unapproved_basic_farmland_m2": between(sure, possible)}


def _whole(sure: NDArray[np.float64], possible: NDArray[np.float64]) -> Numbers:
    """Square metres surely and possibly protected; plain numbers where no protection changed within any interval."""
    return rounded(sure) if sure is possible else between(sure, possible)
