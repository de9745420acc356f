"""Statutes, limitation, authorities, notices and thresholds as dated data, and the checks that time has no hole in them."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import date
from fractions import Fraction
from functools import cache
from pathlib import Path
from typing import Annotated, Literal, Self

from pydantic import Field, field_validator, model_validator

from pipeline.dated import RULES_FOLDER, Dated, Model, Verification, first_gap, in_force, refuse_overlaps, versions_of
from pipeline.errors import InputError
from pipeline.supervise.guidance import Authority, Law, Limitation, NoticeFit, Section
from pipeline.supervise.thresholds import Threshold
from pipeline.values import UnitKind

KindCode = Annotated[str, Field(pattern=r"^V[1-7]$")]


class Statute(Dated):
    """A section of a law in one wording; ``penalty``: what it threatens, in words."""

    id: str
    law: str
    section: str
    role: Literal["prohibition", "liability"]
    gist: str
    acts: str
    penalty: str = ""
    dates_verification: Verification

    def plain(self) -> Section:
        """The value the verbs work with."""
        return Section(
            id=self.id, law=self.law, section=self.section, gist=self.gist, acts=self.acts, penalty=self.penalty,
            effective_from=self.effective_from, effective_to=self.effective_to,
            mark=self.verification if self.verification == self.dates_verification
            else f"{self.verification}，施行日期{self.dates_verification}",
        )  # fmt: skip


class LimitationEntry(Dated):
    """Years within which an act may be punished."""

    name: Literal["penalty"]
    law: str
    section: str
    years: Annotated[int, Field(ge=1)]


class AuthorityEntry(Dated):
    """Who may act on kinds at places of some kinds of unit (empty: any)."""

    id: str
    kinds: tuple[KindCode, ...]
    unit_kinds: tuple[str, ...]
    who: str
    condition: str
    unit_itself: bool
    statutes: tuple[str, ...]
    note: str

    @field_validator("unit_kinds")
    @classmethod
    def _known(cls, value: tuple[str, ...]) -> tuple[str, ...]:
        if unknown := sorted(set(value) - {kind.value for kind in UnitKind}):
            raise ValueError(f"unknown kinds of unit {', '.join(unknown)}")
        return value


class NoticeEntry(Dated):
    """Whether a notice fits kinds, and why."""

    id: str
    notice: str
    kinds: tuple[KindCode, ...]
    fits: bool
    issuer: str
    statutes: tuple[str, ...]
    why: Annotated[str, Field(min_length=1)]


class ThresholdEntry(Dated):
    """An area in mu (exact decimal) that acts of one subject reach together within a window."""

    name: Literal["basic_farmland", "other_farmland"]
    soil: Literal["ordinary", "black"]
    label: str
    mu: Annotated[str, Field(pattern=r"^\d+(\.\d+)?$")]
    window_months: Annotated[int, Field(ge=1)]
    law: str


class UnseenEntry(Dated):
    """What imagery with larger pixels than ``pixel_at_most_m`` cannot show."""

    name: str
    label: str
    kinds: tuple[KindCode, ...]
    words: Annotated[tuple[str, ...], Field(min_length=1)]
    typical_area_m2: Annotated[float, Field(gt=0.0)]
    pixel_at_most_m: Annotated[float, Field(gt=0.0)]


class _Limitations(Model):
    limitations: Annotated[tuple[LimitationEntry, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        refuse_overlaps([(entry.name, entry) for entry in self.limitations])
        return self


class _Authorities(Model):
    authorities: tuple[AuthorityEntry, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        refuse_overlaps([(entry.id, entry) for entry in self.authorities])
        return self


class _Notices(Model):
    notices: tuple[NoticeEntry, ...]

    @model_validator(mode="after")
    def _one_answer(self) -> Self:
        refuse_overlaps([(f"{entry.notice} {kind}", entry) for entry in self.notices for kind in entry.kinds])
        return self


class _Thresholds(Model):
    thresholds: tuple[ThresholdEntry, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        refuse_overlaps([(f"{entry.name} {entry.soil}", entry) for entry in self.thresholds])
        return self


class _Unseen(Model):
    unseen: tuple[UnseenEntry, ...]


def refuse_gaps(statutes: Sequence[Statute], folder: Path) -> None:
    """Raise InputError E309 where the wordings of a section leave days without one, E306 where two overlap."""
    by_id: dict[str, list[Statute]] = {}
    for statute in statutes:
        by_id.setdefault(statute.id, []).append(statute)
    try:
        refuse_overlaps([(statute.id, statute) for statute in statutes])
    except ValueError as problem:
        raise InputError(
            "E306", f"{folder / 'statutes.yaml'}: {problem}", "end the earlier wording before the later one begins"
        ) from problem
    for name, versions in sorted(by_id.items()):
        ends = [version.effective_to for version in versions]
        last = None if None in ends else max(end for end in ends if end is not None)
        gap = first_gap(versions, min(version.effective_from for version in versions), last)
        if gap is not None:
            raise _gap(folder, name, gap, "add the wording in force then")


def refuse_uncovered(cited: Iterable[tuple[str, Dated, str]], statutes: Sequence[Statute], folder: Path) -> None:
    """Raise InputError E309 where something (its id, itself, a statute's id) is in force without the statute it cites."""
    for name, entry, statute in cited:
        own = [version for version in statutes if version.id == statute]
        gap = first_gap(own, entry.effective_from, entry.effective_to)
        if gap is not None:
            raise _gap(folder, f"{statute}, which {name} cites", gap, "add the wording in force then, or date the rule")


def _gap(folder: Path, name: str, day: date, hint: str) -> InputError:
    return InputError("E309", f"{folder / 'statutes.yaml'}: {name}: no wording in force on {day}", hint)


@cache
def load_authorities(folder: Path = RULES_FOLDER) -> tuple[AuthorityEntry, ...]:
    """Read ``authorities.yaml``; raises InputError E306 naming entry and field."""
    return versions_of(_Authorities, folder, "authorities.yaml", "authorities").authorities


@cache
def load_notices(folder: Path = RULES_FOLDER) -> tuple[NoticeEntry, ...]:
    """Read ``notices.yaml``; raises InputError E306 naming entry and field."""
    return versions_of(_Notices, folder, "notices.yaml", "notices").notices


@cache
def load_thresholds(folder: Path = RULES_FOLDER) -> tuple[ThresholdEntry, ...]:
    """Read ``thresholds.yaml``; raises InputError E306 naming entry and field."""
    return versions_of(_Thresholds, folder, "thresholds.yaml", "thresholds").thresholds


@cache
def load_unseen(folder: Path = RULES_FOLDER) -> tuple[UnseenEntry, ...]:
    """Read ``resolution.yaml``; raises InputError E306 naming entry and field."""
    return versions_of(_Unseen, folder, "resolution.yaml", "unseen").unseen


def unseen_at(pixel_m: float, day: date, folder: Path = RULES_FOLDER) -> tuple[UnseenEntry, ...]:
    """What the plan names and imagery of ``pixel_m`` metres cannot show, in force on ``day``."""
    return tuple(entry for entry in in_force(load_unseen(folder), day) if pixel_m > entry.pixel_at_most_m)


def thresholds_on(day: date, *, black_soil: bool, folder: Path = RULES_FOLDER) -> tuple[Threshold, ...]:
    """The thresholds in force on ``day``; on black soil its own where one is in force, the ordinary ones before.

    An act is judged by the rule of its day: those of black soil name the first day whose acts they judge and the
    ordinary rule that judges what began before.
    """
    ordinary: dict[str, Threshold] = {}
    black: dict[str, Threshold] = {}
    for entry in sorted(in_force(load_thresholds(folder), day), key=lambda one: one.soil, reverse=True):
        law = f"{entry.law}({entry.verification})"
        if entry.soil == "ordinary":
            ordinary[entry.name] = Threshold(entry.name, entry.label, Fraction(entry.mu), entry.window_months, law)
        elif black_soil:
            black[entry.name] = Threshold(
                entry.name, entry.label, Fraction(entry.mu), entry.window_months, law, entry.effective_from,
                ordinary.get(entry.name),
            )  # fmt: skip
    chosen = ordinary | black
    return tuple(chosen[name] for name in sorted(chosen))


def law_of(
    statutes: Sequence[Statute],
    *,
    kinds: Mapping[str, tuple[str, str, tuple[str, ...]]],
    prohibitions: Mapping[str, tuple[str, ...]],
    folder: Path,
) -> Law:
    """Everything the guidance verb needs. ``kinds``: code to label, note and liability ids.

    Raises InputError E306 or E309 naming what does not fit together.
    """
    authorities, notices = load_authorities(folder), load_notices(folder)
    limitations = versions_of(_Limitations, folder, "limitations.yaml", "limitations").limitations
    gap = first_gap(limitations, min(entry.effective_from for entry in limitations), None)
    if gap is not None:
        raise InputError("E309", f"{folder / 'limitations.yaml'}: nothing in force on {gap}", "add what was in force")
    known = {statute.id for statute in statutes}
    cited = [*((entry.id, entry.statutes) for entry in authorities), *((entry.id, entry.statutes) for entry in notices)]
    for name, ids in cited:
        if unknown := sorted(set(ids) - known):
            raise InputError("E306", f"{folder}: {name}: unknown statutes {', '.join(unknown)}", "correct the id")
    return Law(
        sections=tuple(statute.plain() for statute in statutes),
        kinds=dict(kinds),
        prohibitions=dict(prohibitions),
        authorities=tuple(
            Authority(e.id, e.kinds, e.unit_kinds, e.who, e.condition, e.unit_itself, e.statutes, e.note,
                      e.effective_from, e.effective_to, e.verification)
            for e in authorities
        ),
        notices=tuple(
            NoticeFit(e.id, e.notice, e.kinds, e.fits, e.issuer, e.why, e.effective_from, e.effective_to, e.verification)
            for e in notices
        ),
        limitations=tuple(
            Limitation(e.law, e.section, e.years, e.effective_from, e.effective_to, e.verification)
            for e in limitations
        ),
    )  # fmt: skip
