"""What all rule files share: dated entries with their source and how well it was verified, read and checked.

``V`` text read at its source, ``V2`` one weak source, ``C`` computed, ``M`` to be confirmed by the bureau.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, timedelta
from pathlib import Path
from typing import Any, Literal, Self, TypeVar

import yaml
from pydantic import BaseModel, ConfigDict, ValidationError, model_validator

from pipeline import FORMAT_VERSION
from pipeline.errors import InputError

RULES_FOLDER = Path(__file__).resolve().parent / "rules"
Verification = Literal["V", "V2", "C", "M"]
Versions = TypeVar("Versions", bound="Model")
Item = TypeVar("Item", bound="Dated")


class Model(BaseModel):
    """A frozen entry of a rule file; unknown keys are errors."""

    model_config = ConfigDict(frozen=True, extra="forbid")


class Dated(Model):
    """Something in force from a day on, until a day (inclusive) or without end."""

    effective_from: date
    effective_to: date | None = None
    source: str
    verification: Verification

    @model_validator(mode="after")
    def _forward(self) -> Self:
        if self.effective_to is not None and self.effective_to < self.effective_from:
            raise ValueError("effective_to is before effective_from")
        return self


def in_force(entries: Sequence[Item], day: date) -> tuple[Item, ...]:
    """The entries in force on ``day``, both ends counting."""
    return tuple(e for e in entries if e.effective_from <= day and (e.effective_to is None or day <= e.effective_to))


def refuse_overlaps(named: Sequence[tuple[str, Dated]]) -> None:
    """Raise ValueError where two versions under one name are in force on one day."""
    ends: dict[str, date] = {}
    for name, entry in sorted(named, key=lambda pair: (pair[0], pair[1].effective_from)):
        if name in ends and entry.effective_from <= ends[name]:
            raise ValueError(f"{name}: two versions are in force on {entry.effective_from}")
        ends[name] = entry.effective_to or date.max


def first_gap(versions: Sequence[Dated], since: date, until: date | None) -> date | None:
    """The first day from ``since`` to ``until`` (None: without end) on which no version is in force; None: no gap."""
    day = since
    for version in sorted(versions, key=lambda entry: entry.effective_from):
        if until is not None and day > until:
            return None
        if version.effective_from > day:
            return day
        if version.effective_to is None:
            return None
        day = max(day, version.effective_to + timedelta(days=1))
    return None if until is not None and day > until else day


def read_rules(folder: Path, name: str) -> dict[str, Any]:
    """A rule file's content; raises InputError E306 when it cannot be used, E106 for a newer format."""
    path = folder / name
    try:
        data = _parsed(path.read_text(encoding="utf-8"))
    except (OSError, UnicodeDecodeError, yaml.YAMLError) as problem:
        raise InputError("E306", f"{path}: {problem}", "restore the file from the release") from problem
    if not isinstance(data, dict) or not isinstance(data.get("format_version"), int):
        raise InputError("E306", f"{path}: no format_version", "restore the file from the release")
    if data["format_version"] > FORMAT_VERSION:
        raise InputError("E106", f"{path}: format {data['format_version']}", "update the program")
    return data


def _parsed(text: str) -> Any:
    """YAML by the parser in C where there is one; of what that refuses, the other says where it goes wrong and why."""
    try:
        return yaml.load(text, Loader=getattr(yaml, "CSafeLoader", yaml.SafeLoader))
    except yaml.YAMLError:
        return yaml.safe_load(text)


def versions_of(model: type[Versions], folder: Path, file: str, *keys: str) -> Versions:
    """Lists of a rule file as one checked value; raises InputError E306 naming entry and field."""
    data = read_rules(folder, file)
    try:
        return model.model_validate({key: data.get(key) for key in keys})
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(whole file)"
        what = f"{folder / file}: {where}: {first['msg']}"
        raise InputError("E306", what, "correct the entry in the rule file") from problem
