"""Dated rules about units and their duties: who answers where polygons overlap, who deals with a violation."""

from __future__ import annotations

from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.dated import RULES_FOLDER, Dated, Model, in_force, refuse_overlaps, versions_of
from pipeline.supervise.accountability import Trigger
from pipeline.supervise.handling import Check, HandlingRule
from pipeline.supervise.supply_clock import Limit, Limits
from pipeline.values import Handler, UnitKind


class Precedence(Dated):
    """What a kind of unit's polygon counts where it overlaps another's; the higher number answers."""

    kind: UnitKind
    precedence: int


class Precedences(Model):
    """All versions for all kinds."""

    precedence: tuple[Precedence, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        refuse_overlaps([(entry.kind.value, entry) for entry in self.precedence])
        return self


@cache
def load_precedences(folder: Path = RULES_FOLDER) -> Precedences:
    """Read ``duty.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return versions_of(Precedences, folder, "duty.yaml", "precedence")


def precedence_of_kinds(day: date, folder: Path = RULES_FOLDER) -> dict[str, int]:
    """Kind of unit to its precedence in force on ``day``."""
    return {entry.kind.value: entry.precedence for entry in in_force(load_precedences(folder).precedence, day)}


class CheckEntry(Model):
    """One condition of a handling rule: exactly one of ``is``, ``at_least``, ``below`` and ``any_of``."""

    fact: Literal[
        "formed", "ongoing", "complex", "wide_impact", "area_mu", "farmland_mu", "basic_farmland_mu", "kinds",
        "units_touched",
    ]  # fmt: skip
    equals: bool | None = Field(None, alias="is")
    at_least: float | None = None
    below: float | None = None
    any_of: tuple[str, ...] = ()

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if (self.equals is not None) + (self.at_least is not None) + (self.below is not None) + bool(self.any_of) != 1:
            raise ValueError("needs exactly one of is, at_least, below, any_of")
        return self


class HandlingEntry(Dated):
    """A rule of who deals with a confirmed violation."""

    id: str
    handler: Literal["unit", "bureau"]
    label: str
    when: Annotated[tuple[CheckEntry, ...], Field(min_length=1)]

    def plain(self) -> HandlingRule:
        """The value the verb works with."""
        tests = tuple(Check(t.fact, t.equals, t.at_least, t.below, t.any_of) for t in self.when)
        return HandlingRule(
            self.id, next(h for h in Handler if h.value == self.handler), self.label, tests, self.source, self.verification,
            self.effective_from, self.effective_to,
        )  # fmt: skip


class HandlingRules(Model):
    """All versions of all handling rules, in the order in which they are asked."""

    rules: tuple[HandlingEntry, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        refuse_overlaps([(rule.id, rule) for rule in self.rules])
        return self


@cache
def load_handling(folder: Path = RULES_FOLDER) -> tuple[HandlingRule, ...]:
    """The rules of ``handling.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return tuple(rule.plain() for rule in versions_of(HandlingRules, folder, "handling.yaml", "rules").rules)


class LimitEntry(Dated):
    """A limit on supplied land: whole months, or a share written as a fraction."""

    name: Literal[
        "idle_months", "forfeit_months", "started_share", "invested_share", "pause_months", "undated_start_months",
        "filing_months",
    ]  # fmt: skip
    label: str
    value: str

    @field_validator("value")
    @classmethod
    def _number(cls, value: str) -> str:
        if Fraction(value) <= 0:
            raise ValueError("must be above 0")
        return value

    def plain(self) -> Limit:
        """The value the clocks work with."""
        return Limit(
            self.name, self.label, Fraction(self.value), self.source, self.verification, self.effective_from,
            self.effective_to,
        )  # fmt: skip


class LimitEntries(Model):
    """All versions of all limits."""

    limits: tuple[LimitEntry, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        refuse_overlaps([(limit.name, limit) for limit in self.limits])
        return self


@cache
def load_supply_limits(folder: Path = RULES_FOLDER) -> Limits:
    """The limits of ``supplied_land.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    entries = versions_of(LimitEntries, folder, "supplied_land.yaml", "limits").limits
    return Limits(tuple(entry.plain() for entry in entries))


class TriggerEntry(Dated):
    """An accountability trigger and the query that counts it."""

    id: str
    label: str
    query: Literal[
        "due_not_patrolled", "patrolled_not_reported", "found_not_stopped", "not_rectified", "not_referred",
        "resumed_unseen", "none",
    ]  # fmt: skip
    measure: str


class TriggerEntries(Model):
    """All versions of all triggers."""

    triggers: tuple[TriggerEntry, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        refuse_overlaps([(trigger.id, trigger) for trigger in self.triggers])
        return self


@cache
def load_triggers(folder: Path = RULES_FOLDER) -> TriggerEntries:
    """Read ``accountability.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return versions_of(TriggerEntries, folder, "accountability.yaml", "triggers")


def triggers_on(day: date, folder: Path = RULES_FOLDER) -> tuple[Trigger, ...]:
    """The triggers in force on ``day``, in the order of the file."""
    return tuple(
        Trigger(one.id, one.label, one.query, one.measure, one.source, one.verification)
        for one in in_force(load_triggers(folder).triggers, day)
    )
