"""Dated rules over the facts of one object, judged in three values: true, false, and not determinable (不可判)."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum

OPTION = "$"


@dataclass(frozen=True)
class Range:
    """A quantity known only to lie between ``low`` and ``high``."""

    low: float
    high: float


Fact = float | str | Range | None
"""A number, a code, a range, or None where the layer or record that would tell is missing."""


class Judgement(StrEnum):
    """What a rule says of an object."""

    SUSPECTED = "suspected"
    UNDETERMINABLE = "undeterminable"
    EXPLANATION = "explanation"


@dataclass(frozen=True)
class Condition:
    """``fact`` is at least a number, below a number, or one of some codes; ``$name`` stands for an option."""

    fact: str
    at_least: float | str | None = None
    below: float | str | None = None
    one_of: tuple[str, ...] = ()


@dataclass(frozen=True)
class Rule:
    """A dated rule: it applies when all of ``when`` hold.

    ``action``: ``kind`` raises the suspicion of a kind, ``suppress`` keeps the object off the list with the
    ``reason`` (a format template over facts and options), ``explain`` is noted only.
    """

    id: str
    action: str
    label: str
    when: tuple[Condition, ...]
    effective_from: date
    effective_to: date | None = None
    kind: str | None = None
    reason: str = ""
    statutes: tuple[str, ...] = ()

    def in_force(self, day: date) -> bool:
        """Whether the rule applies to something that happened on ``day`` (both ends count)."""
        return self.effective_from <= day and (self.effective_to is None or day <= self.effective_to)


def holds(condition: Condition, facts: Mapping[str, Fact], options: Mapping[str, float]) -> bool | None:
    """True, False, or None where the fact is missing or its range leaves it open; KeyError for an unknown fact."""
    fact = facts[condition.fact]
    if fact is None:
        return None
    if condition.one_of:
        return str(fact) in condition.one_of
    low, high = (fact.low, fact.high) if isinstance(fact, Range) else (float(fact), float(fact))
    if condition.at_least is not None:
        return _compare(low, high, _number(condition.at_least, options))
    beyond = _compare(low, high, _number(condition.below, options))
    return None if beyond is None else not beyond


def _compare(low: float, high: float, bound: float) -> bool | None:
    if low >= bound:
        return True
    return False if high < bound else None


def _number(value: float | str | None, options: Mapping[str, float]) -> float:
    if value is None:
        raise ValueError("a condition needs at_least, below or one_of")
    if isinstance(value, str):
        return float(options[value.removeprefix(OPTION)])
    return float(value)


def applies(rule: Rule, facts: Mapping[str, Fact], options: Mapping[str, float]) -> bool | None:
    """All conditions of a rule together: False if one surely fails, None if none fails but one is open."""
    open_one = False
    for condition in rule.when:
        answer = holds(condition, facts, options)
        if answer is False:
            return False
        open_one = open_one or answer is None
    return None if open_one else True


def cited(rule: Rule, facts: Mapping[str, Fact], options: Mapping[str, float]) -> dict[str, object]:
    """The field values a rule looked at, and the options it compared them with, for the record."""
    values: dict[str, object] = {}
    for condition in rule.when:
        fact = facts[condition.fact]
        values[condition.fact] = {"low": fact.low, "high": fact.high} if isinstance(fact, Range) else fact
        for bound in (condition.at_least, condition.below):
            if isinstance(bound, str):
                values[bound.removeprefix(OPTION)] = options[bound.removeprefix(OPTION)]
    return values
