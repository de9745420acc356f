"""Dated rules over the facts of many objects at once, judged in three values: true, false, and not determinable (不可判).

A fact is a column, and an answer too, so a condition is one comparison for all objects.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from enum import StrEnum
from typing import Any

import numpy as np
from numpy.typing import NDArray

OPTION = "$"


@dataclass(frozen=True)
class Range:
    """A quantity known only to lie between ``low`` and ``high``."""

    low: float
    high: float


Fact = float | str | Range | None
"""A number, a code, a range, or None where the layer or record that would tell is missing."""


@dataclass(frozen=True)
class Numbers:
    """A quantity of every object, between ``low`` and ``high``; NaN where it is not known.

    ``ranged``: whether it is told as a range; otherwise both are the same array.
    """

    low: NDArray[np.float64]
    high: NDArray[np.float64]
    ranged: bool = False

    def at(self, row: int) -> Fact:
        """The fact of one object."""
        low, high = float(self.low[row]), float(self.high[row])
        if low != low:
            return None
        return Range(low, high) if self.ranged else low

    def texts(self, rows: NDArray[np.intp]) -> list[bytes]:
        """The facts of some objects as JSON, UTF-8."""
        low, high = self.low[rows].tolist(), self.high[rows].tolist()
        if not self.ranged:
            return [b"%a" % value if value == value else b"null" for value in low]
        pairs = zip(high, low, strict=True)
        return [b'{"high": %a, "low": %a}' % pair if pair[1] == pair[1] else b"null" for pair in pairs]


@dataclass(frozen=True)
class Codes:
    """A code of every object; None where it is not known."""

    values: tuple[str | None, ...]

    def at(self, row: int) -> Fact:
        """The fact of one object."""
        return self.values[row]

    def texts(self, rows: NDArray[np.intp]) -> list[bytes]:
        """The facts of some objects as JSON, UTF-8."""
        values = [self.values[row] for row in rows.tolist()]
        written = {value: json.dumps(value, ensure_ascii=False).encode() for value in set(values)}
        return [written[value] for value in values]


Column = Numbers | Codes


def numbers(values: NDArray[np.float64]) -> Numbers:
    """Plain numbers, NaN where not known."""
    return Numbers(values, values)


def unknown(count: int) -> Numbers:
    """A fact that nothing tells of any object."""
    return numbers(np.full(count, np.nan))


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
class Days:
    """First and last day on which each object's change may have begun, datetime64[D]."""

    first: NDArray[np.datetime64]
    last: NDArray[np.datetime64]


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

    def in_force(self, days: NDArray[np.datetime64]) -> NDArray[np.bool_]:
        """Whether the rule applies to what happened on each of some days (both ends count)."""
        since = days >= np.datetime64(self.effective_from, "D")
        if self.effective_to is None:
            return np.asarray(since, dtype=bool)
        return np.asarray(since & (days <= np.datetime64(self.effective_to, "D")), dtype=bool)

    def force(self, days: Days) -> Answers:
        """Per object whether the rule was in force at its onset: OPEN where it came or went between first and last day."""
        throughout = self.in_force(days.first) & self.in_force(days.last)
        ever = days.last >= np.datetime64(self.effective_from, "D")
        if self.effective_to is not None:
            ever &= days.first <= np.datetime64(self.effective_to, "D")
        return np.where(throughout, TRUE, np.where(ever, OPEN, FALSE)).astype(np.int8)


FALSE, OPEN, TRUE = 0, 1, 2
"""Answers, so that all of several conditions together are the least of their answers."""

Answers = NDArray[np.int8]


def holds(condition: Condition, facts: Mapping[str, Column], options: Mapping[str, float]) -> Answers:
    """Per object TRUE, FALSE, or OPEN where the fact is missing or its range leaves it open.

    Raises KeyError for an unknown fact, ValueError for a condition without a test or a code compared with a number.
    """
    fact = facts[condition.fact]
    if condition.one_of:
        return _is_one_of(fact, condition.one_of)
    if condition.at_least is not None:
        return _reaches(fact, _number(condition.at_least, options), condition.fact)
    return np.asarray(TRUE - _reaches(fact, _number(condition.below, options), condition.fact), dtype=np.int8)


def _is_one_of(fact: Column, wanted: tuple[str, ...]) -> Answers:
    values = fact.values if isinstance(fact, Codes) else [fact.at(row) for row in range(len(fact.low))]
    answers = {value: OPEN if value is None else TRUE if str(value) in wanted else FALSE for value in set(values)}
    return np.array([answers[value] for value in values], dtype=np.int8)


def _reaches(fact: Column, bound: float, name: str) -> Answers:
    if isinstance(fact, Codes):
        raise ValueError(f"{name} is a code, it cannot be compared with {bound}")
    # a comparison with NaN is false, so what is not known stays open
    return np.where(fact.low >= bound, TRUE, np.where(fact.high < bound, FALSE, OPEN)).astype(np.int8)


def _number(value: float | str | None, options: Mapping[str, float]) -> float:
    if value is None:
        raise ValueError("a condition needs at_least, below or one_of")
    if isinstance(value, str):
        return float(options[value.removeprefix(OPTION)])
    return float(value)


def applies(rule: Rule, facts: Mapping[str, Column], options: Mapping[str, float], count: int) -> Answers:
    """All conditions of a rule together: FALSE where one surely fails, OPEN where none fails but one is open."""
    answers: Answers = np.full(count, TRUE, dtype=np.int8)
    for condition in rule.when:
        answers = np.minimum(answers, holds(condition, facts, options))
    return answers


def cited(rule: Rule, options: Mapping[str, float]) -> dict[str, float | None]:
    """The facts a rule looks at (None: told by the object) and the options it compares them with, for the record.

    Options keep their dollar sign: some bear the name of a fact, and a bound is no measurement.
    """
    values: dict[str, float | None] = {}
    for condition in rule.when:
        values[condition.fact] = None
        for bound in (condition.at_least, condition.below):
            if isinstance(bound, str):
                values[bound] = options[bound.removeprefix(OPTION)]
    return values


def at(facts: Mapping[str, Any], row: int) -> dict[str, Fact]:
    """The facts of one object."""
    return {name: column.at(row) for name, column in facts.items()}
