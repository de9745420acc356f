"""The measured error of areas drawn from imagery, as dated data."""

from __future__ import annotations

import math
from datetime import date, timedelta
from functools import cache
from pathlib import Path
from typing import Annotated, Self

from pydantic import Field, model_validator

from pipeline.area_interval import AreaError
from pipeline.dated import RULES_FOLDER, Dated, Model, in_force, refuse_overlaps, versions_of

FILE = "area_error.yaml"


class AreaErrorEntry(Dated):
    """Between which shares of a drawn area the real one lies, for pixels of some size."""

    name: str
    pixel_from_m: Annotated[float, Field(ge=0.0)]
    pixel_below_m: Annotated[float, Field(gt=0.0)] = math.inf
    low_share: Annotated[float, Field(ge=0.0, le=1.0)]
    high_share: Annotated[float, Field(ge=1.0)]
    confidence: Annotated[float, Field(gt=0.0, lt=1.0)]

    def plain(self) -> AreaError:
        """The value the verbs work with."""
        return AreaError(self.pixel_from_m, self.pixel_below_m, self.low_share, self.high_share, self.confidence)


class _AreaErrors(Model):
    area_errors: Annotated[tuple[AreaErrorEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _every_pixel_once(self) -> Self:
        refuse_overlaps([(entry.name, entry) for entry in self.area_errors])
        begins = {entry.effective_from for entry in self.area_errors}
        ends = {entry.effective_to for entry in self.area_errors if entry.effective_to is not None}
        for day in sorted(begins | {end + timedelta(days=1) for end in ends}):
            reached = 0.0
            for entry in sorted(in_force(self.area_errors, day), key=lambda one: one.pixel_from_m):
                if entry.pixel_from_m != reached:
                    raise ValueError(f"{entry.name}: on {day} pixels of {reached:g} m have no error, or two")
                reached = entry.pixel_below_m
            if reached != math.inf:
                raise ValueError(f"on {day} pixels of {reached:g} m and more have no error")
        return self


@cache
def _load(folder: Path) -> tuple[AreaErrorEntry, ...]:
    return versions_of(_AreaErrors, folder, FILE, "area_errors").area_errors


def area_errors_on(day: date, folder: Path = RULES_FOLDER) -> tuple[AreaError, ...]:
    """The errors in force on ``day``, pixel sizes ascending; raises InputError E306 naming entry and field."""
    found = sorted(in_force(_load(folder), day), key=lambda one: one.pixel_from_m)
    return tuple(entry.plain() for entry in found)
