"""The dated rules as data: statutes, kinds of violation, suppression, layer names and land classes.

Every entry says since when it is in force, where it comes from and how well that was verified:
``V`` text read at its source, ``V2`` one weak source, ``C`` computed, ``M`` to be confirmed by the bureau.
"""

from __future__ import annotations

from datetime import date
from functools import cache
from pathlib import Path
from typing import Annotated, Any, Literal, Self

from pydantic import Field, ValidationError, field_validator, model_validator

from pipeline.dated import RULES_FOLDER as RULES_FOLDER
from pipeline.dated import Dated as Dated
from pipeline.dated import Item, in_force
from pipeline.dated import Model as _Model
from pipeline.dated import read_rules as _read
from pipeline.dated import refuse_overlaps as _refuse_overlaps
from pipeline.dated import versions_of as _versions
from pipeline.errors import InputError
from pipeline.lawbook import Statute, law_of, refuse_gaps, refuse_uncovered
from pipeline.report.personal import Allowance
from pipeline.screen.conditions import Condition, Rule
from pipeline.screen.facts import FACTS
from pipeline.screen.layers import ClassGroup, GroundRules
from pipeline.screen.legality import OPTIONS
from pipeline.supervise.guidance import Law
from pipeline.wordbook import finding_words as finding_words
from pipeline.wordbook import land_class_names as land_class_names
from pipeline.wordbook import place_words as place_words


class LayerField(_Model):
    """A schema column and the field names it is delivered under, the first found wins."""

    column: str
    names: tuple[str, ...]
    required: bool


class LayerAlias(Dated):
    """How a land layer is recognised, and what its lack does to the results."""

    role: Literal[
        "land_use", "basic_farmland", "planning", "approvals", "temporary_land", "supplied_land", "places", "roads",
        "hamlets", "ecological_redline", "village_plan", "facility_land", "mining_rights", "planning_permits",
        "rural_permits", "emergency_land",
    ]  # fmt: skip
    label: str
    required: bool
    several: bool
    empty_counts_as_missing: bool
    names: tuple[str, ...]
    fields: tuple[LayerField, ...]
    without_it: str


class LandClassGroup(Dated):
    """Land classes that begin with one of ``codes`` and with none of ``without``."""

    name: str
    label: str
    codes: tuple[str, ...]
    without: tuple[str, ...]


class PlanningZone(Dated):
    """A zone of the urban development boundary and whether building is allowed in it."""

    name: str
    building_allowed: bool


class Kind(_Model):
    """A kind of violation the patrol plan names."""

    code: str
    label: str
    note: str = ""
    liability: tuple[str, ...] = ()


class ConditionEntry(_Model):
    """One condition: exactly one of ``at_least``, ``below`` and ``one_of``."""

    fact: str
    at_least: float | str | None = None
    below: float | str | None = None
    one_of: tuple[str, ...] = ()

    @field_validator("fact")
    @classmethod
    def _known_fact(cls, value: str) -> str:
        if value not in FACTS:
            raise ValueError(f"unknown fact {value!r}; known: {', '.join(sorted(FACTS))}")
        return value

    @field_validator("at_least", "below")
    @classmethod
    def _known_option(cls, value: float | str | None) -> float | str | None:
        if isinstance(value, str) and (not value.startswith("$") or value[1:] not in OPTIONS):
            raise ValueError(f"unknown option {value!r}; known: {', '.join('$' + name for name in OPTIONS)}")
        return value

    @model_validator(mode="after")
    def _one_test(self) -> Self:
        if (self.at_least is not None) + (self.below is not None) + bool(self.one_of) != 1:
            raise ValueError("needs exactly one of at_least, below, one_of")
        return self


class RuleEntry(Dated):
    """A rule as written in the YAML."""

    id: str
    label: str
    when: tuple[ConditionEntry, ...]
    action: Literal["kind", "suppress", "explain"] = "kind"
    kind: str | None = None
    reason: str = ""
    statutes: tuple[str, ...] = ()

    def plain(self) -> Rule:
        """The value the screening verbs work with."""
        return Rule(
            id=self.id,
            action=self.action,
            label=self.label,
            when=tuple(Condition(c.fact, c.at_least, c.below, c.one_of) for c in self.when),
            effective_from=self.effective_from,
            effective_to=self.effective_to,
            kind=self.kind,
            reason=self.reason,
            statutes=self.statutes,
        )


class TimeLimit(Dated):
    """A number of months set by law."""

    name: str
    label: str
    months: int


class Measure(Dated):
    """A number that a rule about the ground needs."""

    name: Literal["farm_road_least_width_m", "farm_road_most_width_m", "strip_elongation"]
    label: str
    value: Annotated[float, Field(gt=0.0)]


class ProjectWords(Dated):
    """Words in a project's name that tell what is built."""

    name: Literal["solar"]
    label: str
    words: tuple[str, ...]


class Rulebook(_Model):
    """All rule files together."""

    layers: tuple[LayerAlias, ...]
    land_classes: tuple[LandClassGroup, ...]
    planning_zones: tuple[PlanningZone, ...]
    kinds: tuple[Kind, ...]
    rules: tuple[RuleEntry, ...]
    time_limits: tuple[TimeLimit, ...]
    measures: tuple[Measure, ...]
    project_words: tuple[ProjectWords, ...]
    statutes: tuple[Statute, ...]

    @model_validator(mode="after")
    def _fits_together(self) -> Self:
        kinds, statutes = {kind.code for kind in self.kinds}, {statute.id for statute in self.statutes}
        for rule in self.rules:
            if (rule.action == "kind") != (rule.kind in kinds):
                raise ValueError(f"rule {rule.id}: kind {rule.kind!r} does not fit its action {rule.action}")
            if unknown := sorted(set(rule.statutes) - statutes):
                raise ValueError(f"rule {rule.id}: unknown statutes {', '.join(unknown)}")
        for kind in self.kinds:
            if unknown := sorted(set(kind.liability) - statutes):
                raise ValueError(f"kind {kind.code}: unknown statutes {', '.join(unknown)}")
        _refuse_overlaps([(rule.id, rule) for rule in self.rules])
        _refuse_overlaps([(group.name, group) for group in self.land_classes])
        _refuse_overlaps([(alias.role, alias) for alias in self.layers])
        _refuse_overlaps([(limit.name, limit) for limit in self.time_limits])
        _refuse_overlaps([(measure.name, measure) for measure in self.measures])
        _refuse_overlaps([(words.name, words) for words in self.project_words])
        return self

    def rules_on(self, day: date) -> tuple[Rule, ...]:
        """The rules in force on ``day``, in the order of the files."""
        return tuple(rule.plain() for rule in in_force(self.rules, day))

    def all_rules(self) -> tuple[Rule, ...]:
        """All versions of all rules; the screening verbs pick by each object's own dates."""
        return tuple(rule.plain() for rule in self.rules)

    def statutes_on(self, day: date) -> tuple[Statute, ...]:
        """The statutes in force on ``day``."""
        return in_force(self.statutes, day)

    def kind_label(self, code: str) -> str:
        """Chinese name of a kind; KeyError for an unknown code."""
        return {kind.code: kind.label for kind in self.kinds}[code]

    def ground_rules(self, day: date) -> GroundRules:
        """Land class groups, zones without building and time limits in force on ``day``."""
        limits = {limit.name: limit.months for limit in in_force(self.time_limits, day)}
        measures = {measure.name: measure.value for measure in in_force(self.measures, day)}
        words = {entry.name: entry.words for entry in in_force(self.project_words, day)}
        ordinary = limits["temporary_land_months"]
        return GroundRules(
            groups=tuple(ClassGroup(g.name, g.codes, g.without) for g in in_force(self.land_classes, day)),
            zones_without_building=tuple(
                zone.name for zone in in_force(self.planning_zones, day) if not zone.building_allowed
            ),
            temporary_months=ordinary,
            # The longer term for infrastructure came with the 2021 regulation; before it there was only the ordinary one.
            temporary_longest_months=limits.get("temporary_land_longest_months", ordinary),
            temporary_reclaim_months=limits["temporary_land_reclaim_months"],
            farm_road_width_m=(measures["farm_road_least_width_m"], measures["farm_road_most_width_m"]),
            strip_elongation=measures["strip_elongation"],
            solar_words=words.get("solar", ()),
        )


@cache
def _rules_of(model: type[Item], file: str, folder: Path) -> tuple[Item, ...]:
    entries = [
        _checked(model, entry, f"{folder / file}: rules.{n}") for n, entry in enumerate(_read(folder, file)["rules"])
    ]
    try:
        _refuse_overlaps([(file, entry) for entry in entries])
    except ValueError as problem:
        raise InputError(
            "E306", f"{folder}: {problem}", "end the earlier version before the later one begins"
        ) from problem
    return tuple(sorted(entries, key=lambda entry: entry.effective_from))


def _checked(model: type[Item], entry: Any, where: str) -> Item:
    try:
        return model.model_validate(entry)
    except ValidationError as problem:
        first = problem.errors()[0]
        what = f"{where}.{'.'.join(str(part) for part in first['loc'])}: {first['msg']}"
        raise InputError("E306", what, "correct the entry in the rule file") from problem


def rule_on(model: type[Item], file: str, day: date, folder: Path = RULES_FOLDER) -> Item:
    """The entry of ``rules`` in a rule file that is in force on ``day``; the earliest one where none is.

    Raises InputError E306 naming entry and field, E106 for a newer format.
    """
    rules = _rules_of(model, file, folder)
    return (in_force(rules, day) or rules)[0]


@cache
def load_rulebook(folder: Path = RULES_FOLDER) -> Rulebook:
    """Read and check all rule files; raises InputError E306 naming file, entry and field, E106 for a newer format."""
    classes, kinds = _read(folder, "land_classes.yaml"), _read(folder, "violation_kinds.yaml")
    suppression = _read(folder, "suppression.yaml")
    try:
        book = Rulebook.model_validate(
            {
                "layers": _read(folder, "layer_aliases.yaml").get("layers"),
                "land_classes": classes.get("groups"),
                "planning_zones": classes.get("planning_zones"),
                "kinds": kinds.get("kinds"),
                "rules": [*kinds.get("rules", []), *suppression.get("rules", [])],
                "time_limits": suppression.get("time_limits"),
                "measures": suppression.get("measures"),
                "project_words": suppression.get("project_words"),
                "statutes": _read(folder, "statutes.yaml").get("statutes"),
            }
        )
    except ValidationError as problem:
        first = problem.errors()[0]
        where = ".".join(str(part) for part in first["loc"]) or "(all files)"
        raise InputError("E306", f"{folder}: {where}: {first['msg']}", "correct that entry") from problem
    refuse_gaps(book.statutes, folder)
    refuse_uncovered([(r.id, r, name) for r in book.rules for name in r.statutes], book.statutes, folder)
    return book


@cache
def load_law(folder: Path = RULES_FOLDER) -> Law:
    """The dated law of all kinds for the guidance; raises InputError E306 or E309 as its parts do."""
    book = load_rulebook(folder)
    cited: dict[str, tuple[str, ...]] = {}
    for rule in book.rules:
        cited[rule.id] = (*cited.get(rule.id, ()), *rule.statutes)
    kinds = {kind.code: (kind.label, kind.note, kind.liability) for kind in book.kinds}
    return law_of(book.statutes, kinds=kinds, prohibitions=cited, folder=folder)


class Deadline(Dated):
    """Calendar days a unit has for a step of a case, counted from the step before it."""

    step: Literal["field_check", "notice", "service", "correction", "referral", "referral_reply", "follow_up"]
    label: str
    days: Annotated[int, Field(ge=0)]


class Deadlines(_Model):
    """All versions of all deadlines."""

    deadlines: tuple[Deadline, ...]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        _refuse_overlaps([(deadline.step, deadline) for deadline in self.deadlines])
        return self


@cache
def load_deadlines(folder: Path = RULES_FOLDER) -> Deadlines:
    """Read ``deadlines.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return _versions(Deadlines, folder, "deadlines.yaml", "deadlines")


def deadline_days(day: date, folder: Path = RULES_FOLDER) -> dict[str, int]:
    """Days per step in force on ``day``."""
    return {deadline.step: deadline.days for deadline in in_force(load_deadlines(folder).deadlines, day)}


class Deliverable(Dated):
    """A file of the month that leaves the program: who receives it and what personal data it may hold."""

    id: str
    label: str
    files: Annotated[tuple[str, ...], Field(min_length=1)]
    recipient: str
    need: str
    names: Literal["all", "own_unit", "none"]
    phones: Literal["whole", "masked"]
    id_numbers: Literal["whole", "masked"]
    tracks: Literal["all", "none"]

    def allowance(self) -> Allowance:
        """The value the report's verbs work with."""
        return Allowance(self.names, self.phones, self.id_numbers, self.tracks)


class Deliverables(_Model):
    """All versions of all deliverables."""

    deliverables: Annotated[tuple[Deliverable, ...], Field(min_length=1)]

    @model_validator(mode="after")
    def _one_at_a_time(self) -> Self:
        _refuse_overlaps([(deliverable.id, deliverable) for deliverable in self.deliverables])
        return self


@cache
def load_personal_data(folder: Path = RULES_FOLDER) -> Deliverables:
    """Read ``personal_data.yaml``; raises InputError E306 naming entry and field, E106 for a newer format."""
    return _versions(Deliverables, folder, "personal_data.yaml", "deliverables")


def deliverables_on(day: date, folder: Path = RULES_FOLDER) -> dict[str, Deliverable]:
    """Deliverables by id as in force on ``day``; before the first version of one its first version holds.

    A month from before the law is reported now, so its files fall under the law as well.
    """
    versions = load_personal_data(folder).deliverables
    first = sorted(versions, key=lambda item: item.effective_from, reverse=True)
    return {item.id: item for item in (*first, *in_force(versions, day))}
