"""From candidates to suspected objects: each is either kept with its grounds or suppressed with a rule and a reason."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.schema import SUPPRESSED, SUSPECTED, conform, empty
from pipeline.screen.conditions import Fact, Rule, applies
from pipeline.screen.facts import Measured, measure
from pipeline.screen.layers import Ground, GroundRules
from pipeline.screen.legality import day_of, screening_columns
from pipeline.screen.timing import BEFORE, VALID, Explanation
from pipeline.values import Stage


def gather(candidates: Mapping[str, gpd.GeoDataFrame]) -> gpd.GeoDataFrame | None:
    """Candidates of all sources (by source name) in one frame, ordered by id; None when there is no source.

    Ids are unique across sources: one that occurs twice gets its source's name in front.
    """
    frames = [candidates[name].assign(source=name) for name in sorted(candidates)]
    if not frames:
        return None
    filled = [frame for frame in frames if len(frame)] or frames[:1]
    joined = pd.concat(filled, ignore_index=True)
    twice = joined["candidate_id"].duplicated(keep=False)
    named = joined["source"] + "-" + joined["candidate_id"]
    joined = joined.assign(candidate_id=joined["candidate_id"].where(~twice, named))
    return gpd.GeoDataFrame(joined.sort_values("candidate_id", ignore_index=True), geometry="geometry")


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
) -> tuple[gpd.GeoDataFrame, gpd.GeoDataFrame]:
    """Split candidates (``schema.CANDIDATES``) into suspected and suppressed ones; every candidate is in one of them.

    ``rules``: all dated rules; each object is judged by those in force when it was first seen (``fallback_day`` where
    no image date is known). ``options``: the numbers that rules name. Both results are ordered by candidate id.
    """
    crs = ground.land_use.crs
    if len(candidates) == 0:
        return empty(SUSPECTED, crs), empty(SUPPRESSED, crs)
    ordered = candidates.sort_values("candidate_id", ignore_index=True)
    judged, measured = judge_objects(
        ordered,
        ground=ground,
        ground_rules=ground_rules,
        rules=rules,
        options=options,
        outline_tolerance_px=outline_tolerance_px,
        suppress_construction_land=suppress_construction_land,
        fallback_day=fallback_day,
    )
    decisions = [
        suppression(facts, explanation, rules=rules, options=options, day=day_of(first_seen, fallback_day),
                    last_clear=last_clear)
        for facts, explanation, first_seen, last_clear in zip(
            measured.facts, measured.explanations, ordered["first_seen"], ordered["last_clear"], strict=True)
    ]  # fmt: skip
    kept = pd.Series([decision is None for decision in decisions], index=judged.index)
    reasons = pd.DataFrame(
        [decision for decision in decisions if decision is not None],
        columns=["suppressed_by", "suppressed_reason"],
        index=judged.index[~kept],
    )
    return conform(SUSPECTED, judged[kept], crs), conform(SUPPRESSED, judged[~kept].join(reasons), crs)


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
) -> tuple[gpd.GeoDataFrame, Measured]:
    """Objects with the screening columns of ``schema.SUSPECTED`` filled anew, and what was measured; none suppressed.

    A missing ``area_m2`` is filled with the ellipsoidal area.
    """
    measured = measure(
        objects,
        ground=ground,
        ground_rules=ground_rules,
        outline_tolerance_px=outline_tolerance_px,
        suppress_construction_land=suppress_construction_land,
    )
    columns = screening_columns(
        objects,
        measured,
        ground=ground,
        ground_rules=ground_rules,
        rules=rules,
        options=options,
        fallback_day=fallback_day,
    )
    areas = pd.Series([facts["area_m2"] for facts in measured.facts], index=objects.index, dtype="float64")
    judged = objects.assign(area_m2=objects["area_m2"].fillna(areas), **{name: columns[name] for name in columns})
    return judged, measured


def suppression(
    facts: Mapping[str, Fact],
    explanation: Explanation,
    *,
    rules: Sequence[Rule],
    options: Mapping[str, float],
    day: date,
    last_clear: Any,
) -> tuple[str, str] | None:
    """Id and reason of the first suppressing rule in force that surely holds, else None."""
    words = {
        **options,
        **facts,
        "stage": {stage.value: stage.label for stage in Stage}.get(str(facts.get("stage")), Stage.UNKNOWN.label),
        "approvals_before": "；".join(explanation.documents.get(BEFORE, ())) or "无",
        "temporary_valid": "；".join(explanation.documents.get(VALID, ())) or "无",
        "last_clear": "不明" if pd.isna(last_clear) else pd.Timestamp(last_clear).date().isoformat(),
    }
    for rule in rules:
        if rule.action == "suppress" and rule.in_force(day) and applies(rule, facts, options):
            return rule.id, rule.reason.format_map(words)
    return None
