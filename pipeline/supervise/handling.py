"""Who deals with a confirmed violation, the unit or the city bureau: by dated rules, each with its reason."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd

from pipeline.geodesy import M2_PER_MU
from pipeline.schema import HANDLING, conform
from pipeline.supervise.acts import Acts
from pipeline.supervise.thresholds import Span, unapproved_farmland
from pipeline.values import CaseDecision, Handler, Outcome, Stage, TargetState

FACTS = (
    "formed", "ongoing", "complex", "wide_impact", "area_mu", "farmland_mu", "basic_farmland_mu", "kinds", "units_touched",
)  # fmt: skip
BY_PEOPLE = "人工"
_UNDER_WAY = (Stage.EARTHWORKS.value, Stage.PIT.value, Stage.STRUCTURE.value)
_NAMES = {
    "formed": "是否已形成", "ongoing": "是否正在实施", "kinds": "疑似违法类型", "area_mu": "面积",
    "farmland_mu": "其他耕地未批准面积", "basic_farmland_mu": "永久基本农田未批准面积",
}  # fmt: skip
Value = bool | float | Fraction | Span | frozenset[str] | None


@dataclass(frozen=True)
class Check:
    """One condition: exactly one of ``equals``, ``at_least``, ``below`` and ``any_of`` is given."""

    fact: str
    equals: bool | None = None
    at_least: float | None = None
    below: float | None = None
    any_of: tuple[str, ...] = ()

    def holds(self, facts: Mapping[str, Value]) -> bool | None:
        """Whether the condition holds; None where the fact is not known."""
        value = facts[self.fact]
        if value is None:
            return None
        if self.equals is not None:
            return value is self.equals
        if self.any_of:
            return bool(isinstance(value, frozenset) and value & set(self.any_of))
        if isinstance(value, frozenset):
            return None
        low, high = value if isinstance(value, tuple) else (value, value)
        bound = self.at_least if self.at_least is not None else (self.below or 0.0)
        surely, surely_not = low >= bound, high < bound
        if self.at_least is None:
            surely, surely_not = surely_not, surely
        return True if surely else False if surely_not else None


@dataclass(frozen=True)
class HandlingRule:
    """A rule of ``handling.yaml``: all of ``when`` must surely hold."""

    id: str
    handler: Handler
    label: str
    when: tuple[Check, ...]
    source: str
    verification: str
    effective_from: date
    effective_to: date | None = None

    def holds(self, facts: Mapping[str, Value]) -> bool | None:
        """True or False where that is sure, else None."""
        held = [test.holds(facts) for test in self.when]
        return False if False in held else (None if None in held else True)


def assign_handlers(
    targets: pd.DataFrame,
    tasks: pd.DataFrame,
    unit_of_cell: Mapping[str, str],
    acts: Mapping[str, Acts],
    rules: Sequence[HandlingRule],
    *,
    day: date,
) -> Any:
    """Every target that people have found to be a violation, and who deals with it, as :data:`~pipeline.schema.HANDLING`.

    Only rules in force on ``day`` count, in their order; the first that surely holds decides, unless a person has said
    so. Nothing is assigned where none surely holds: the bureau has to name somebody.
    """
    task_of = {row["target_id"]: row for row in tasks.to_dict("records")}
    known = [rule for rule in rules if rule.effective_from <= day <= (rule.effective_to or date.max)]
    rows = []
    for row in targets.drop(columns="geometry", errors="ignore").to_dict("records"):
        own = acts.get(row["target_id"])
        if own is None or not own.checks or own.checks[-1].content != Outcome.VIOLATION.value:
            continue
        if row["state"] == TargetState.MERGED.value:
            continue
        task = task_of.get(row["target_id"], {})
        facts = facts_of(row, task, unit_of_cell, own)
        rows.append({"target_id": row["target_id"], "acting_unit_id": task.get("acting_unit_id"),
                     **handler_of(facts, own, known)})  # fmt: skip
    frame = pd.DataFrame(rows, columns=HANDLING.names).sort_values("target_id", kind="stable")
    return conform(HANDLING, frame)


def handler_of(facts: Mapping[str, Value], acts: Acts, rules: Sequence[HandlingRule]) -> dict[str, Any]:
    """``handler``, ``rule``, ``reason``, ``source`` and ``verification`` of one case."""
    said = acts.decided(CaseDecision.TO_BUREAU, CaseDecision.TO_UNIT)
    if said is not None:
        handler = Handler.BUREAU if said.content == CaseDecision.TO_BUREAU.value else Handler.UNIT
        return _told(handler, BY_PEOPLE, f"{said.basis}", "决定记录", None)
    open_rules: list[str] = []
    for rule in rules:
        held = rule.holds(facts)
        if held:
            doubt = f"；{'、'.join(open_rules)}因资料不足未能判断" if open_rules else ""
            return _told(rule.handler, rule.id, f"{rule.label}{doubt}", rule.source, rule.verification)
        if held is None:
            unknown = [_NAMES.get(test.fact, test.fact) for test in rule.when if test.holds(facts) is None]
            open_rules.append(f"{rule.id}（{'、'.join(unknown)}不明）")
    doubt = f"，{'、'.join(open_rules)}" if open_rules else ""
    return _told(Handler.UNDECIDED, None, f"没有一条分工规则确定适用{doubt}，请市局指定由谁查处", None, None)


def _told(handler: Handler, rule: str | None, reason: str, source: str | None, mark: str | None) -> dict[str, Any]:
    return {"handler": handler.value, "rule": rule, "reason": reason, "source": source, "verification": mark}


def facts_of(
    row: Mapping[Any, Any], task: Mapping[Any, Any], unit_of_cell: Mapping[str, str], acts: Acts
) -> dict[str, Value]:
    """What the rules ask of a case, None where it is not known.

    ``formed``: the imagery shows a roof, or surely less; ``ongoing``: works grow, or are new and not yet roofed;
    people's words on whether works have stopped come before the imagery. ``complex`` and ``wide_impact`` are people's.
    ``farmland_mu`` and ``basic_farmland_mu`` are without approval, surely and possibly; basic farmland is not the other
    farmland, too, as the interpretation that names the areas counts them apart.
    """
    stage, state = row["stage"], row["state"]
    formed = True if stage == Stage.ROOFED.value else False if stage in _UNDER_WAY[:2] else None
    ongoing: bool | None = None
    if state == TargetState.GROWING.value or (state == TargetState.NEW.value and stage in _UNDER_WAY):
        ongoing = True
    elif formed and state in (TargetState.NEW.value, TargetState.SEEN_AGAIN.value):
        ongoing = False
    stopped = acts.decided(CaseDecision.NOT_STOPPED, CaseDecision.STOPPED, CaseDecision.RECTIFIED)
    if stopped is not None:
        ongoing = stopped.content == CaseDecision.NOT_STOPPED.value
    basic, other = unapproved_farmland(row["rules"])
    unknown_basic = pd.isna(row["basic_farmland_m2"])
    shares = json.loads(task["cell_shares"]) if isinstance(task.get("cell_shares"), str) else {}
    units = {unit_of_cell[cell] for cell in shares if cell in unit_of_cell}
    return {
        "formed": formed,
        "ongoing": ongoing,
        "complex": acts.decided(CaseDecision.COMPLEX) is not None,
        "wide_impact": acts.decided(CaseDecision.WIDE_IMPACT) is not None,
        "area_mu": _mu(row["area_m2"]),
        "farmland_mu": _mu_span((Fraction(0), other[1]) if unknown_basic else other),
        "basic_farmland_mu": None if unknown_basic else _mu_span(basic),
        "kinds": frozenset(json.loads(row["kinds"])) if isinstance(row["kinds"], str) else None,
        "units_touched": float(len(units)) if units else None,
    }


def _mu_span(area_m2: Span) -> Span:
    return area_m2[0] / M2_PER_MU, area_m2[1] / M2_PER_MU


def _mu(area_m2: Any) -> Fraction | None:
    """Exact: a threshold in 亩 must not depend on how 2000/3 is rounded."""
    return None if pd.isna(area_m2) else Fraction(float(area_m2)) * 3 / 2000
