"""The screening columns of measured objects: kinds of suspected violation, with their grounds.

Output is suspicion (疑似) only: every kind cites its rule and the field values that raised it, and what a missing
layer or an open date order leaves undecided says so (不可判).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.screen.conditions import Days, Numbers, Rule
from pipeline.screen.facts import Measured
from pipeline.screen.layers import ClassAreas, GroundRules, decimals
from pipeline.screen.record import judge
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


def screening_columns(
    measured: Measured,
    *,
    ground_rules: GroundRules,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    days: Days,
) -> dict[str, NDArray[Any]]:
    """The screening columns of ``schema.SUSPECTED`` for measured objects, judged by the rules of the days of its onset.

    By name, row for row; None or NaN where there is no value.
    """
    judged = judge(measured.facts, rules=rules, days=days, options=options, missing=measured.missing)
    approved_m2, documents = measured.approved_m2, measured.papers.documents(BEFORE)
    unknown = "approvals" in measured.missing
    names = np.full(len(approved_m2), None, dtype=object)
    for row, words in documents.items():
        if approved_m2[row] > 0:
            names[row] = words
    return {
        "kinds": judged.kinds,
        "rules": judged.records,
        "area_by_class_m2": _class_texts(measured.by_class),
        "farmland_m2": _values(measured, "farmland_m2"),
        "basic_farmland_m2": _values(measured, "basic_farmland_m2"),
        "construction_land_m2": decimals(measured.by_class.within(ground_rules.group("construction")), 2),
        "outside_plan_m2": _values(measured, "outside_plan_m2"),
        "approved_m2": np.full(len(names), np.nan) if unknown else np.round(approved_m2, 2),
        "approval": names,
        "redline_m2": _values(measured, "redline_m2"),
        "village_plan_m2": _values(measured, "village_plan_m2"),
    }


def _values(measured: Measured, name: str) -> NDArray[np.float64]:
    column = measured.facts[name]
    if not isinstance(column, Numbers):
        raise TypeError(f"{name} is a code, not a number")
    return column.low


def _class_texts(areas: ClassAreas) -> NDArray[Any]:
    """Areas by class as JSON, classes in the order of their codes."""
    at, column = np.nonzero(areas.m2)
    named = [f'"{code}": ' for code in areas.codes]
    told = [f"{named[n]}{area!r}" for n, area in zip(column.tolist(), areas.m2[at, column].tolist(), strict=True)]
    ends = np.cumsum(np.bincount(at, minlength=len(areas.m2))).tolist()
    rows = ["{" + ", ".join(told[begin:end]) + "}" for begin, end in zip([0, *ends], ends, strict=False)]
    return np.array(rows, dtype=object)
