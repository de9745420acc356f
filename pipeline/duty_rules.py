"""Dated rules about units and their duties: which kind of unit answers where polygons overlap."""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Self

from pydantic import model_validator

from pipeline.rulebook import RULES_FOLDER, Dated, RuleModel, in_force, read_versions, refuse_overlaps
from pipeline.values import UnitKind


class Precedence(Dated):
    """What a kind of unit's polygon counts where it overlaps another's; the higher number answers."""

    kind: UnitKind
    precedence: int


class Precedences(RuleModel):
    """All versions for all kinds."""

    precedence: tuple[Precedence, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        refuse_overlaps([(entry.kind.value, entry) for entry in self.precedence])
        return self


@cache
def load_precedences(folder: Path = RULES_FOLDER) -> Precedences:
    """Read ``duty.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return read_versions(Precedences, folder, "duty.yaml", "precedence")


def precedence_of_kinds(day: date, folder: Path = RULES_FOLDER) -> dict[str, int]:
    """Kind of unit to its precedence in force on ``day``."""
    return {entry.kind.value: entry.precedence for entry in in_force(load_precedences(folder).precedence, day)}
