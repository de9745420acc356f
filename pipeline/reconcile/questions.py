"""What each answer of a person to an ambiguous pair would change, and which pairs to ask first."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any

import pandas as pd

from pipeline.reconcile.ambiguous import set_ids
from pipeline.schema import QUESTIONS, conform, empty
from pipeline.values import MatchDecision, MatchStatus, Verdict, VerdictRule

Pair = tuple[str, str]
Judge = Callable[[pd.DataFrame, set[str]], pd.DataFrame]
"""VERDICTS of some targets, by id, under given MATCHES, everything else as it is."""

WAITING_RULE = VerdictRule.AMBIGUOUS_ENTRY.value
_GONE = "台账中已无此条目，判“同一处”不改变结论；条目改写过的，请对改写后的条目判定"


def open_questions(
    matches: pd.DataFrame,
    verdicts: pd.DataFrame,
    entry_ids: set[str],
    judge: Judge,
) -> pd.DataFrame:
    """One row per ambiguous pair of MATCHES, as QUESTIONS, in the order in which they should be asked.

    The verdict after an answer is that of ``judge`` with this pair decided so and all other pairs as they are; what the
    answer means for the other pairs' probabilities is not in it, so the words say 预计. First come sets with a pair that
    decides its target's verdict alone, then those with one that keeps a verdict open together with others, then the rest;
    likelier sets go first. ``entry_ids``: all entries of the ledgers.
    """
    waiting = matches[matches["status"] == MatchStatus.AMBIGUOUS.value].reset_index(drop=True)
    if waiting.empty:
        return empty(QUESTIONS)
    pairs: list[Pair] = list(zip(waiting["target_id"], waiting["entry_id"], strict=True))
    after = {decision: _judged_after(waiting, matches, decision, judge) for decision in MatchDecision}
    now = verdicts.set_index("target_id")[["verdict", "rule", "reason"]].to_dict("index")
    rivals = _rivals(matches)
    rows = []
    for pair, set_id, probability in zip(pairs, set_ids(waiting), waiting["probability"], strict=True):
        known = now[pair[0]]
        gone = pair[1] not in entry_ids
        same, different = (known if gone else after[MatchDecision.SAME][pair]), after[MatchDecision.DIFFERENT][pair]
        keeps_open = known["rule"] == WAITING_RULE
        settles = keeps_open and different["rule"] != WAITING_RULE
        rows.append(
            {
                "set_id": set_id,
                "target_id": pair[0],
                "entry_id": pair[1],
                "probability": probability,
                "verdict": known["verdict"],
                "keeps_open": keeps_open,
                "verdict_if_same": same["verdict"],
                "if_same": _GONE if gone else _same(known, same, rivals.get(pair[1], set()) - {pair[0]}),
                "verdict_if_different": different["verdict"],
                "if_different": _different(known, different),
                "urgency": 0 if settles else 1 if keeps_open else 2,
            }
        )
    return conform(QUESTIONS, _in_order(pd.DataFrame(rows)))


def _in_order(rows: pd.DataFrame) -> pd.DataFrame:
    """Sets by their most urgent pair, then the likelier; the pairs of a set likewise."""
    sets = rows.groupby("set_id")
    ordered = rows.assign(
        first=sets["urgency"].transform("min"), best=sets["probability"].transform("max")
    ).sort_values(
        ["first", "best", "set_id", "urgency", "probability", "target_id", "entry_id"],
        ascending=[True, False, True, True, False, True, True],
        kind="stable",
    )
    return ordered.assign(rank=range(1, len(ordered) + 1))


def _judged_after(
    waiting: pd.DataFrame, matches: pd.DataFrame, decision: MatchDecision, judge: Judge
) -> dict[Pair, dict[str, Any]]:
    """The verdict row of each pair's target if only this pair were decided so.

    One pair of every target is decided per round, as a target's verdict hangs on its own pairs and on what is sure of its
    neighbours, never on what is only possible for them.
    """
    ordered = waiting.sort_values(["target_id", "probability", "entry_id"], ascending=[True, False, True])
    turn = ordered.groupby("target_id").cumcount()
    found: dict[Pair, dict[str, Any]] = {}
    for number in range(int(turn.max()) + 1):
        asked = ordered[turn == number]
        pairs = set(zip(asked["target_id"], asked["entry_id"], strict=True))
        told = judge(_decided(matches, pairs, decision), set(asked["target_id"]))
        rows = told.set_index("target_id")[["verdict", "rule", "reason"]].to_dict("index")
        found |= {pair: rows[pair[0]] for pair in pairs}
    return found


def _decided(matches: pd.DataFrame, pairs: set[Pair], decision: MatchDecision) -> pd.DataFrame:
    """MATCHES with these pairs decided."""
    hit = [pair in pairs for pair in zip(matches["target_id"], matches["entry_id"], strict=True)]
    changed = matches.copy()
    changed.loc[hit, "status"] = MatchStatus.DECIDED.value
    changed.loc[hit, "probability"] = float(decision is MatchDecision.SAME)
    return changed


def _rivals(matches: pd.DataFrame) -> dict[str, set[str]]:
    """Per entry the other targets for which an answer would end the possibility."""
    open_states = [MatchStatus.AMBIGUOUS.value, MatchStatus.ASSIGNED.value]
    rows = matches[matches["status"].isin(open_states)]
    return {str(entry): set(group) for entry, group in rows.groupby("entry_id")["target_id"]}


def _label(code: str) -> str:
    return next(known.label for known in Verdict if known.value == code)


def _change(known: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    old, new = _label(known["verdict"]), _label(after["verdict"])
    if old != new:
        return f"结论预计由“{old}”改为“{new}”（{after['reason']}）"
    if known["rule"] == after["rule"] == WAITING_RULE:
        return f"结论仍为“{new}”，还有别的条目待判（{after['reason']}）"
    if known["rule"] != after["rule"]:
        return f"结论仍为“{new}”，理由改为：{after['reason']}"
    return f"结论仍为“{new}”"


def _same(known: Mapping[str, Any], after: Mapping[str, Any], rivals: set[str]) -> str:
    beside = f"；这条台账不再算作{'、'.join(sorted(rivals))}的记录" if rivals else ""
    return _change(known, after) + beside


def _different(known: Mapping[str, Any], after: Mapping[str, Any]) -> str:
    return f"{_change(known, after)}；以后不再问这一对"
