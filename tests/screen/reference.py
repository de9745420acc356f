"""The rules judged object by object, as plainly as they can be written: what the columns must agree with."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from datetime import date, timedelta
from typing import Any

from pipeline.screen.conditions import Condition, Fact, Range, Rule
from pipeline.screen.facts import FACTS


def number(value: float | str, options: Mapping[str, float]) -> float:
    return options[value[1:]] if isinstance(value, str) else value


def holds(condition: Condition, fact: Fact, options: Mapping[str, float]) -> bool | None:
    if fact is None:
        return None
    if condition.one_of:
        return str(fact) in condition.one_of
    low, high = (fact.low, fact.high) if isinstance(fact, Range) else (float(fact), float(fact))
    bound = condition.at_least if condition.at_least is not None else condition.below
    assert bound is not None
    limit = number(bound, options)
    reaches = True if low >= limit else False if high < limit else None
    if condition.at_least is not None or reaches is None:
        return reaches
    return not reaches


def applies(rule: Rule, facts: Mapping[str, Fact], options: Mapping[str, float]) -> bool | None:
    answers = [holds(condition, facts[condition.fact], options) for condition in rule.when]
    if False in answers:
        return False
    return None if None in answers else True


def in_force(rule: Rule, day: date) -> bool:
    return rule.effective_from <= day and (rule.effective_to is None or day <= rule.effective_to)


def force(rule: Rule, first: date, last: date) -> bool | None:
    days = [in_force(rule, first + timedelta(days=n)) for n in range((last - first).days + 1)]
    return True if all(days) else None if any(days) else False


def judge(
    facts: Mapping[str, Fact],
    rules: Sequence[Rule],
    days: tuple[date, date],
    options: Mapping[str, float],
    missing: frozenset[str],
) -> tuple[str, str]:
    """Suspected kinds and the record, as JSON."""
    kinds, record = set(), []
    for rule in rules:
        answer = applies(rule, facts, options)
        valid = in_force(rule, days[1]) if rule.action == "explain" else force(rule, *days)
        if rule.action == "suppress" or valid is False or answer is False:
            continue
        if rule.action == "explain" and answer is None:
            continue
        sure = answer and valid
        judgement = "explanation" if rule.action == "explain" else "suspected" if sure else "undeterminable"
        if judgement == "suspected":
            kinds.add(rule.kind)
        cited: dict[str, Any] = {}
        for condition in rule.when:
            fact = facts[condition.fact]
            cited[condition.fact] = {"low": fact.low, "high": fact.high} if isinstance(fact, Range) else fact
            for bound in (condition.at_least, condition.below):
                if isinstance(bound, str):
                    cited[bound] = options[bound[1:]]
        record.append(
            {
                "rule": rule.id, "kind": rule.kind, "judgement": judgement, "label": rule.label, "facts": cited,
                "missing": sorted({need for c in rule.when for need in FACTS[c.fact]} & missing),
                "statutes": list(rule.statutes), "in_force_since": rule.effective_from.isoformat(),
            }
        )  # fmt: skip
        if valid is None:
            until = "" if rule.effective_to is None else f"、至{rule.effective_to}止"
            record[-1]["reason"] = (
                f"规则自{rule.effective_from}起施行{until}，规则的变更在变化区间内，变化可能在规则有效期之外，不可判"
            )
    record.sort(key=lambda entry: entry["rule"])
    return tuple(json.dumps(value, ensure_ascii=False, sort_keys=True) for value in (sorted(kinds), record))  # type: ignore[return-value]
