"""Dated rules judged over an object's facts: kinds of suspected violation, with their grounds.

Output is suspicion (疑似) only: every kind cites its rule and the field values that raised it, and what a missing
layer or an open date order leaves undecided says so (不可判).
"""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.screen.conditions import Fact, Judgement, Rule, applies, cited
from pipeline.screen.facts import FACTS, Measured
from pipeline.screen.layers import Ground, GroundRules, polygonal
from pipeline.screen.permits import approved_ground, common_area_m2
from pipeline.screen.timing import BEFORE

OPTIONS: tuple[str, ...] = (
    "min_area_m2",
    "min_overlap_m2",
    "lawful_share",
    "construction_share",
    "water_share",
    "whole_parcel_share",
    "novelty_below",
)
"""Options a rule may name with a dollar sign."""


def day_of(first_seen: Any, fallback: date) -> date:
    """The day whose rules apply: when the change was first seen, else ``fallback``."""
    return fallback if pd.isna(first_seen) else pd.Timestamp(first_seen).date()


def judge(
    facts: Mapping[str, Fact],
    *,
    rules: Sequence[Rule],
    day: date,
    options: Mapping[str, float],
    missing: frozenset[str],
) -> tuple[list[str], list[dict[str, Any]]]:
    """Suspected kinds (sorted codes) and the record of every rule that holds or is left open, by rule id."""
    kinds: set[str] = set()
    record: list[dict[str, Any]] = []
    for rule in rules:
        if rule.action == "suppress" or not rule.in_force(day):
            continue
        answer = applies(rule, facts, options)
        if answer is False or (answer is None and rule.action == "explain"):
            continue
        if rule.action == "explain":
            judgement = Judgement.EXPLANATION
        elif answer:
            judgement = Judgement.SUSPECTED
            kinds.add(str(rule.kind))
        else:
            judgement = Judgement.UNDETERMINABLE
        lacking = sorted({need for c in rule.when for need in FACTS[c.fact]} & missing)
        record.append(
            {
                "rule": rule.id,
                "kind": rule.kind,
                "judgement": str(judgement),
                "label": rule.label,
                "facts": cited(rule, facts, options),
                "missing": lacking,
                "statutes": list(rule.statutes),
                "in_force_since": rule.effective_from.isoformat(),
            }
        )
    return sorted(kinds), sorted(record, key=lambda entry: str(entry["rule"]))


def screening_columns(
    objects: gpd.GeoDataFrame,
    measured: Measured,
    *,
    ground: Ground,
    ground_rules: GroundRules,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    fallback_day: date,
) -> pd.DataFrame:
    """The screening columns of ``schema.SUSPECTED`` for measured objects, on the objects' index."""
    shapes, crs = polygonal(objects.geometry.to_numpy()), ground.land_use.crs
    formula = ground_rules.area_formula
    kinds, records = [], []
    for facts, first_seen in zip(measured.facts, objects["first_seen"], strict=True):
        day = day_of(first_seen, fallback_day)
        own, record = judge(facts, rules=rules, day=day, options=options, missing=measured.missing)
        kinds.append(_json(own))
        records.append(_json(record))
    approved_m2 = common_area_m2(shapes, approved_ground(measured.explanations, BEFORE), crs, formula)
    construction = [round(ground_rules.group_sum("construction", own), 2) for own in measured.by_class]
    documents = ["；".join(e.documents.get(BEFORE, ())) if area > 0 else None
                 for e, area in zip(measured.explanations, approved_m2, strict=True)]  # fmt: skip
    return pd.DataFrame(
        {
            "kinds": kinds,
            "rules": records,
            "area_by_class_m2": [_json(own) for own in measured.by_class],
            "farmland_m2": [facts["farmland_m2"] for facts in measured.facts],
            "basic_farmland_m2": [facts["basic_farmland_m2"] for facts in measured.facts],
            "construction_land_m2": construction,
            "outside_plan_m2": [facts["outside_plan_m2"] for facts in measured.facts],
            "approved_m2": [None] * len(shapes) if ground.approvals is None else list(np.round(approved_m2, 2)),
            "approval": documents,
            "redline_m2": [facts["redline_m2"] for facts in measured.facts],
            "village_plan_m2": [facts["village_plan_m2"] for facts in measured.facts],
        },
        index=objects.index,
    )


def _json(value: Any) -> str:
    return _ENCODER.encode(value)


_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)
