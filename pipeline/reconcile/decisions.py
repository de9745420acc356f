"""What people decided on pairs of target and entry, carried over to what merged targets became."""

from __future__ import annotations

import math
from collections.abc import Mapping

import pandas as pd

from pipeline.values import MatchDecision, MatchStatus

Pairs = set[tuple[str, str]]

GONE_PROBABILITY = 0.5
_SCORES = ["distance_m", "space_score", "time_score", "word_score", "probability"]


def survivors(targets: pd.DataFrame) -> dict[str, str]:
    """Every target id to the id under which its ground is carried now (itself unless it was merged)."""
    into = dict(zip(targets["target_id"], targets["merged_into"], strict=True))
    result: dict[str, str] = {}
    for target in into:
        current, seen = target, {target}
        while isinstance(into.get(current), str) and into[current] not in seen:
            current = into[current]
            seen.add(current)
        result[target] = current
    return result


def decided_pairs(
    decisions: pd.DataFrame, carried: Mapping[str, str], targets: set[str], entries: set[str]
) -> tuple[Pairs, Pairs]:
    """Pairs a person declared the same and different; the latest day's word counts, on one day 'same', which accuses nobody.

    ``carried`` is :func:`survivors`. What is the same as a merged target is the same as its survivor; what differs
    from it may well be another part of the survivor, so that word ends with the merged target.
    """
    latest: dict[tuple[str, str], tuple[pd.Timestamp, bool]] = {}
    for row in decisions.to_dict("records"):
        word = row["decision"].strip() if isinstance(row["decision"], str) else ""
        verdict = next((d for d in MatchDecision if word in (d.value, d.label)), None)
        target = carried.get(row["target_id"], row["target_id"])
        if verdict is None or target not in targets or row["entry_id"] not in entries:
            continue
        different = verdict is MatchDecision.DIFFERENT
        if different and target != row["target_id"]:
            continue
        rank = (pd.Timestamp(row["decided_on"]), not different)
        pair = (target, row["entry_id"])
        latest[pair] = max(latest.get(pair, rank), rank)
    same = {pair for pair, (_, alike) in latest.items() if alike}
    return same, set(latest) - same


def decided_rows(same: Pairs, different: Pairs, pairs: pd.DataFrame) -> pd.DataFrame:
    """Rows of MATCHES for decided pairs, with the scores of ``pairs`` for people to compare."""
    scores = pairs.set_index(["target_id", "entry_id"])[["distance_m", "time_score", "word_score"]]
    rows = []
    for pair in sorted(same | different):
        known = scores.loc[pair].to_dict() if pair in scores.index else {}
        rows.append(
            {"distance_m": math.nan, "time_score": 0.0, "word_score": 1.0, **known, "target_id": pair[0],
             "entry_id": pair[1], "space_score": 0.0, "probability": float(pair in same),
             "status": MatchStatus.DECIDED.value}
        )  # fmt: skip
    frame = pd.DataFrame(rows, columns=["target_id", "entry_id", *_SCORES, "status"])
    return frame.astype(dict.fromkeys(_SCORES, "float64"))


def gone_entries(
    decisions: pd.DataFrame, carried: Mapping[str, str], targets: set[str], entries: set[str]
) -> pd.DataFrame:
    """Pairs a person declared the same whose entry is no finding of these ledgers: they stay open, not forgotten."""
    named = decisions[decisions["entry_id"].notna()]
    same, _ = decided_pairs(named, carried, targets, set(named["entry_id"]))
    rows = [
        {"target_id": target, "entry_id": entry, "distance_m": math.nan, "space_score": 0.0, "time_score": 0.0,
         "word_score": 1.0, "probability": GONE_PROBABILITY, "status": MatchStatus.AMBIGUOUS.value, "gone": True}
        for target, entry in sorted(same) if entry not in entries
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["target_id", "entry_id", *_SCORES, "status", "gone"])
    return frame.astype(dict.fromkeys(_SCORES, "float64") | {"gone": "object"})
