"""The screening columns of measured objects: kinds of suspected violation, with their grounds.

Output is suspicion (疑似) only: every kind cites its rule and the field values that raised it, and what a missing
layer or an open date order leaves undecided says so (不可判).
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import pyarrow as pa
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
    index: Any,
    ground_rules: GroundRules,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    days: Days,
) -> pd.DataFrame:
    """The screening columns of ``schema.SUSPECTED`` for measured objects, judged by the rules of the days of its onset."""
    judged = judge(measured.facts, rules=rules, days=days, options=options, missing=measured.missing)
    approved_m2, documents = measured.approved_m2, measured.papers.documents(BEFORE)
    unknown = "approvals" in measured.missing
    names = [documents.get(row) if area > 0 else None for row, area in enumerate(approved_m2.tolist())]
    return pd.DataFrame(
        {
            "kinds": _texts(judged.kinds),
            "rules": _texts(judged.records),
            "area_by_class_m2": _texts(_class_texts(measured.by_class)),
            "farmland_m2": _values(measured, "farmland_m2"),
            "basic_farmland_m2": _values(measured, "basic_farmland_m2"),
            "construction_land_m2": decimals(measured.by_class.within(ground_rules.group("construction")), 2),
            "outside_plan_m2": _values(measured, "outside_plan_m2"),
            "approved_m2": np.full(len(names), np.nan) if unknown else np.round(approved_m2, 2),
            "approval": _texts(names),
            "redline_m2": _values(measured, "redline_m2"),
            "village_plan_m2": _values(measured, "village_plan_m2"),
        },
        index=index,
    )


def _texts(values: Sequence[str | None]) -> Any:
    """A text column straight from Arrow, without a look at every value."""
    return pd.Series(pa.array(values, type=pa.large_string()), dtype="str").array


def _values(measured: Measured, name: str) -> NDArray[np.float64]:
    column = measured.facts[name]
    if not isinstance(column, Numbers):
        raise TypeError(f"{name} is a code, not a number")
    return column.low


def _class_texts(areas: ClassAreas) -> list[str]:
    """Areas by class as JSON, classes in the order of their codes."""
    rows: list[list[str]] = [[] for _ in range(len(areas.m2))]
    at, column = np.nonzero(areas.m2)
    named = [f'"{code}": ' for code in areas.codes]
    for row, number, area in zip(at.tolist(), column.tolist(), areas.m2[at, column].tolist(), strict=True):
        rows[row].append(f"{named[number]}{area!r}")
    return ["{" + ", ".join(own) + "}" for own in rows]
