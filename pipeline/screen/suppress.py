"""From candidates to suspected objects: each is either kept with its grounds or suppressed with a rule and a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyarrow as pa
from numpy.typing import NDArray

from pipeline.schema import SUPPRESSED, SUSPECTED, conform, empty
from pipeline.screen.conditions import TRUE, Days, Numbers, Rule, applies, at
from pipeline.screen.facts import Measured, measure_on
from pipeline.screen.layers import Ground, GroundRules, Surveyed, survey
from pipeline.screen.legality import screening_columns
from pipeline.screen.timing import BEFORE, VALID
from pipeline.values import Stage

Columns = dict[str, NDArray[Any]]
"""Values by column name, row for row; texts are objects."""

PART = 8192
"""Objects judged at once; what the rules need of them is let go before the next are judged."""


def distinct_ids(given: Mapping[str, Sequence[str]]) -> dict[str, list[str]]:
    """Ids of all sources' candidates (by source name), unique across sources: one that occurs twice gets its source's
    name in front.
    """
    counts = Counter(one for own in given.values() for one in own)
    return {source: [one if counts[one] == 1 else f"{source}-{one}" for one in own] for source, own in given.items()}


def screen_candidates(
    candidates: gpd.GeoDataFrame,
    *,
    ground: Ground | Surveyed,
    ground_rules: GroundRules,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    outline_tolerance_px: float,
    suppress_construction_land: bool,
    fallback_day: date,
    part: int = PART,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Split candidates (``schema.CANDIDATES``) into suspected and suppressed ones; every candidate is in one of them.

    ``ground``: the layers, or these made ready once for several calls (:func:`pipeline.screen.layers.survey`).
    ``rules``: all dated rules; each object is judged by those in force on the days on which it may have begun
    (:func:`days_of`). ``options``: the numbers that rules name. Both results are ordered by candidate id.
    ``part``: candidates judged at once, of no effect on the results.
    """
    ground = survey(ground, ground_rules.area_formula)
    crs = ground.scale.crs
    if len(candidates) == 0:
        return empty(SUSPECTED, crs), empty(SUPPRESSED, crs)
    kept, held = [], []
    ordered = candidates.sort_values("candidate_id", ignore_index=True)
    for own, columns, measured in _judged_parts(
        ordered,
        part,
        ground=ground,
        ground_rules=ground_rules,
        rules=rules,
        options=options,
        outline_tolerance_px=outline_tolerance_px,
        suppress_construction_land=suppress_construction_land,
        fallback_day=fallback_day,
    ):
        rows, reasons = suppressions(own, measured, rules=rules, options=options, days=days_of(own, fallback_day))
        others = np.setdiff1d(np.arange(len(own)), rows, assume_unique=True)
        kept.append(_frame(own, others, columns))
        held.append(_frame(own, rows, columns).assign(**_typed(reasons)))
    return conform(SUSPECTED, pd.concat(kept), crs), conform(SUPPRESSED, pd.concat(held), crs)


def _frame(objects: gpd.GeoDataFrame, rows: NDArray[np.intp], columns: Columns) -> pd.DataFrame:
    """Some rows of objects and of these columns side by side."""
    own = objects.iloc[rows]
    new = _typed({name: values[rows] for name, values in columns.items()})
    return pd.DataFrame({name: own[name].array for name in own.columns} | new)


def _typed(columns: Columns) -> dict[str, Any]:
    """Columns as a table holds them; texts go through Arrow, without a look at every value."""
    texts = {name: pa.array(own, type=pa.large_string()) for name, own in columns.items() if own.dtype == object}
    return columns | {name: pd.Series(own, dtype="str").array for name, own in texts.items()}


def judge_objects(
    objects: gpd.GeoDataFrame,
    *,
    ground: Ground | Surveyed,
    ground_rules: GroundRules,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    outline_tolerance_px: float,
    suppress_construction_land: bool,
    fallback_day: date,
) -> gpd.GeoDataFrame:
    """Objects with the screening columns of ``schema.SUSPECTED`` filled anew; none is suppressed.

    A missing ``area_m2`` is filled with the ellipsoidal area.
    """
    parts = _judged_parts(
        objects,
        PART,
        ground=ground,
        ground_rules=ground_rules,
        rules=rules,
        options=options,
        outline_tolerance_px=outline_tolerance_px,
        suppress_construction_land=suppress_construction_land,
        fallback_day=fallback_day,
    )
    return pd.concat([own.assign(**_typed(columns)) for own, columns, _ in parts])


def _judged_parts(
    objects: gpd.GeoDataFrame,
    part: int,
    *,
    ground: Ground | Surveyed,
    ground_rules: GroundRules,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    outline_tolerance_px: float,
    suppress_construction_land: bool,
    fallback_day: date,
) -> Iterator[tuple[gpd.GeoDataFrame, Columns, Measured]]:
    """Objects, ``part`` at a time, their screening columns with ``area_m2`` filled, and what was measured of them."""
    surveyed = survey(ground, ground_rules.area_formula)
    surveyed.refuse_other_crs(objects.crs)
    for start in range(0, max(len(objects), 1), part):
        some = objects.iloc[start : start + part]
        measured = measure_on(
            some,
            surveyed,
            ground_rules=ground_rules,
            outline_tolerance_px=outline_tolerance_px,
            suppress_construction_land=suppress_construction_land,
        )
        columns = screening_columns(
            measured,
            ground_rules=ground_rules,
            rules=rules,
            options=options,
            days=days_of(some, fallback_day),
        )
        area = measured.facts["area_m2"]
        if not isinstance(area, Numbers):
            raise TypeError("an area is a number")
        stated = some["area_m2"].to_numpy(dtype=np.float64, na_value=np.nan)
        yield some, columns | {"area_m2": np.where(np.isnan(stated), area.low, stated)}, measured


def days_of(objects: pd.DataFrame, fallback: date) -> Days:
    """The days whose rules apply: from the day after each ground was last clear until its change was first seen.

    Without the latter ``fallback`` is the last day; without the former the last day alone decides, because no change
    of the rules can be placed against an unknown beginning.
    """
    seen, clear = (objects[name].to_numpy(dtype="datetime64[D]") for name in ("first_seen", "last_clear"))
    last = np.where(np.isnat(seen), np.datetime64(fallback, "D"), seen)
    return Days(np.where(np.isnat(clear), last, np.minimum(clear + np.timedelta64(1, "D"), last)), last)


def suppressions(
    objects: pd.DataFrame,
    measured: Measured,
    *,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    days: Days,
) -> tuple[NDArray[np.intp], Columns]:
    """Rows of objects for which a suppressing rule in force surely holds; their ``suppressed_by`` and ``suppressed_reason``.

    The first such rule decides.
    """
    count = len(objects)
    deciding = np.full(count, -1, dtype=np.intp)
    holding = [rule for rule in rules if rule.action == "suppress"]
    for number, rule in enumerate(holding):
        surely = (rule.force(days) == TRUE) & (applies(rule, measured.facts, options, count) == TRUE)
        deciding[surely & (deciding < 0)] = number
    rows = np.flatnonzero(deciding >= 0)
    before, valid = (measured.papers.documents(standing) for standing in (BEFORE, VALID))
    labels = {stage.value: stage.label for stage in Stage}
    reasons = []
    for row in rows.tolist():
        facts, last_clear = at(measured.facts, row), objects["last_clear"].iloc[row]
        words = {
            **options,
            **facts,
            "stage": labels.get(str(facts["stage"]), Stage.UNKNOWN.label),
            "approvals_before": before.get(row) or "无",
            "temporary_valid": valid.get(row) or "无",
            "last_clear": "不明" if pd.isna(last_clear) else pd.Timestamp(last_clear).date().isoformat(),
        }
        reasons.append(holding[deciding[row]].reason.format_map(words))
    ids = np.array([rule.id for rule in holding], dtype=object)
    return rows, {"suppressed_by": ids[deciding[rows]], "suppressed_reason": np.array(reasons, dtype=object)}
