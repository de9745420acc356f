"""What the rules say of objects, and the written record of it: by rule over all objects, then by object."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
from numpy.typing import NDArray

from pipeline.screen.conditions import FALSE, OPEN, TRUE, Answers, Column, Days, Judgement, Rule, applies, cited
from pipeline.screen.facts import FACTS

_ENCODER = json.JSONEncoder(ensure_ascii=False, sort_keys=True)


def to_json(value: Any) -> str:
    """JSON with sorted keys and Chinese as it is."""
    return _ENCODER.encode(value)


@dataclass(frozen=True)
class Judged:
    """Per object, as JSON: suspected kinds (sorted codes), and every rule that holds or is left open, by rule id.

    Records are UTF-8, as tables keep them: most of what screening writes is their words, the same ones again and again.
    """

    kinds: NDArray[Any]
    records: NDArray[Any]


def judge(
    facts: Mapping[str, Column],
    *,
    rules: Sequence[Rule],
    days: Days,
    options: Mapping[str, float],
    missing: frozenset[str],
) -> Judged:
    """Judge objects by the rules in force when each one's change began.

    A rule that came into force, or lost it, on a day between those on which the change may have begun leaves its kind
    open. What only explains is noted by the last of the days.

    Objects of which all rules say the same have the same record but for their field values, so it is written once.
    """
    count = len(days.last)
    telling = sorted((rule for rule in rules if rule.action != "suppress"), key=lambda rule: rule.id)
    answers = np.zeros((count, max(len(telling), 1)), dtype=np.int8)
    for number, rule in enumerate(telling):
        answers[:, number] = _answers(rule, days, applies(rule, facts, options, count))
    alike, first, which = np.unique(_as_one(answers), return_index=True, return_inverse=True)
    order = np.argsort(which.reshape(-1), kind="stable")
    bounds = np.searchsorted(which.reshape(-1)[order], np.arange(len(alike) + 1))
    kinds, records = np.empty(count, dtype=object), np.empty(count, dtype=object)
    for group, answer in enumerate(answers[first]):
        said = [(rule, judgement, _why(rule, own)) for rule, own in zip(telling, answer.tolist(), strict=bool(telling))
                if (judgement := _judgement(rule, own)) is not None]  # fmt: skip
        rows = order[bounds[group] : bounds[group + 1]]
        kinds[rows] = to_json(
            sorted({str(rule.kind) for rule, judgement, _ in said if judgement is Judgement.SUSPECTED})
        )
        records[rows] = _records(said, rows, facts, options, missing)
    return Judged(kinds, records)


def _answers(rule: Rule, days: Days, told: Answers) -> Answers:
    """What a rule says of objects of which its conditions tell ``told``."""
    if rule.action == "explain":
        return np.where(rule.in_force(days.last), told, FALSE)
    force = rule.force(days)
    return np.where((force == OPEN) & (told != FALSE), _CHANGED, np.minimum(force, told)).astype(np.int8)


def _as_one(answers: NDArray[np.int8]) -> NDArray[Any]:
    """Each row as one value that can be compared."""
    return np.ascontiguousarray(answers).view(np.dtype((np.void, answers.shape[1])))[:, 0]


def _judgement(rule: Rule, answer: int) -> Judgement | None:
    if answer == FALSE or (answer == OPEN and rule.action == "explain"):
        return None
    if rule.action == "explain":
        return Judgement.EXPLANATION
    return Judgement.SUSPECTED if answer == TRUE else Judgement.UNDETERMINABLE


def _records(
    said: list[tuple[Rule, Judgement, str]],
    rows: NDArray[np.intp],
    facts: Mapping[str, Column],
    options: Mapping[str, float],
    missing: frozenset[str],
) -> list[bytes]:
    """The record of some objects on which the same was said: one text with holes for the field values."""
    entries = [_entry(rule, judgement, why, options, missing) for rule, judgement, why in said]
    template = to_json(entries).replace("%", "%%").replace(f'"{_HOLE}"', "%b").encode()
    names = [name for entry in entries for name in sorted(entry["facts"]) if entry["facts"][name] == _HOLE]
    told = {name: facts[name].texts(rows) for name in dict.fromkeys(names)}
    if not names:
        return [template % ()] * len(rows)
    return [template % values for values in zip(*(told[name] for name in names), strict=True)]


def _why(rule: Rule, answer: int) -> str:
    """The reason why a rule is open that is not in the facts."""
    if answer != _CHANGED:
        return ""
    until = "" if rule.effective_to is None else f"、至{rule.effective_to.isoformat()}止"
    return f"规则自{rule.effective_from.isoformat()}起施行{until}，规则的变更在变化区间内，变化可能在规则有效期之外，不可判"


def _entry(
    rule: Rule, judgement: Judgement, why: str, options: Mapping[str, float], missing: frozenset[str]
) -> dict[str, Any]:
    """A rule's part of the record; the field values it looked at are all that differs between objects."""
    values = cited(rule, options)
    entry = {
        "rule": rule.id,
        "kind": rule.kind,
        "judgement": str(judgement),
        "label": rule.label,
        "facts": {name: _HOLE if value is None else value for name, value in values.items()},
        "missing": sorted({need for c in rule.when for need in FACTS[c.fact]} & missing),
        "statutes": list(rule.statutes),
        "in_force_since": rule.effective_from.isoformat(),
    }
    return entry | {"reason": why} if why else entry


_CHANGED = 3
"""Answer of a rule that may hold, but was not in force on all days on which the change may have begun."""

_HOLE = "\ue000"
"""Stands in the text where a field value goes; a private character that no rule contains."""
