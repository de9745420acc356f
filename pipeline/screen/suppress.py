"""From candidates to suspected objects: each is either kept with its grounds or suppressed with a rule and a reason."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from datetime import date

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.schema import SUPPRESSED, SUSPECTED, conform, empty
from pipeline.screen.conditions import TRUE, Days, Numbers, Rule, applies, at
from pipeline.screen.facts import Measured, measure_on, refuse_other_crs
from pipeline.screen.layers import Ground, GroundRules, Surveyed, survey
from pipeline.screen.legality import screening_columns
from pipeline.screen.timing import BEFORE, VALID
from pipeline.values import Stage

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
    ground: Ground,
    ground_rules: GroundRules,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    outline_tolerance_px: float,
    suppress_construction_land: bool,
    fallback_day: date,
    part: int = PART,
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Split candidates (``schema.CANDIDATES``) into suspected and suppressed ones; every candidate is in one of them.

    ``rules``: all dated rules; each object is judged by those in force on the days on which it may have begun
    (:func:`days_of`). ``options``: the numbers that rules name. Both results are ordered by candidate id.
    ``part``: candidates judged at once, of no effect on the results.
    """
    crs = ground.land_use.crs
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
        reasons = suppressions(own, measured, rules=rules, options=options, days=days_of(own, fallback_day))
        kept.append(columns.drop(index=reasons.index) if len(reasons) else columns)
        held.append(columns.loc[reasons.index].join(reasons))
    # the parts' texts are joined without being copied
    suspected, suppressed = _filled(ordered, pd.concat(kept)), _filled(ordered, pd.concat(held))
    return conform(SUSPECTED, suspected, crs), conform(SUPPRESSED, suppressed, crs)


def _filled(objects: gpd.GeoDataFrame, columns: pd.DataFrame) -> gpd.GeoDataFrame:
    """The objects that are in ``columns``, with these columns."""
    own = objects if len(columns) == len(objects) else objects.loc[columns.index]
    return own.assign(**{name: columns[name] for name in columns})


def judge_objects(
    objects: gpd.GeoDataFrame,
    *,
    ground: Ground,
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
    columns = pd.concat([columns for _, columns, _ in parts])
    return objects.assign(**{name: columns[name] for name in columns})


def _judged_parts(
    objects: gpd.GeoDataFrame,
    part: int,
    *,
    ground: Ground,
    ground_rules: GroundRules,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    outline_tolerance_px: float,
    suppress_construction_land: bool,
    fallback_day: date,
) -> Iterator[tuple[gpd.GeoDataFrame, pd.DataFrame, Measured]]:
    """Objects, ``part`` at a time, their screening columns with ``area_m2`` filled, and what was measured of them."""
    refuse_other_crs(objects, ground)
    surveyed: Surveyed = survey(ground, ground_rules.area_formula)
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
            index=some.index,
            ground_rules=ground_rules,
            rules=rules,
            options=options,
            days=days_of(some, fallback_day),
        )
        area = measured.facts["area_m2"]
        if not isinstance(area, Numbers):
            raise TypeError("an area is a number")
        areas = some["area_m2"].fillna(pd.Series(area.low, index=some.index))
        yield some, columns.assign(area_m2=areas), measured


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
) -> pd.DataFrame:
    """``suppressed_by`` and ``suppressed_reason`` of those objects for which a suppressing rule in force surely holds.

    The first such rule decides. Rows have the objects' own index.
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
    columns = {"suppressed_by": [holding[deciding[row]].id for row in rows], "suppressed_reason": reasons}
    return pd.DataFrame(columns, index=objects.index[rows], dtype="str")
