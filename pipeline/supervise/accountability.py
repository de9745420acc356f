"""Accountability triggers from field-confirmed facts alone, with intervals, and nobody ranked where they overlap."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from pipeline.intervals import wilson
from pipeline.schema import ACCOUNTABILITY, conform
from pipeline.supervise.acts import Act, Acts
from pipeline.supervise.cases import Deadlines
from pipeline.values import Alert, CaseDecision, Outcome, Verdict

CITY = "全市"
OVERLAP, ABOVE, BELOW, NONE, ALONE = (
    "区间重叠，不排名",
    "高于其他单位合计",
    "低于其他单位合计",
    "无可计算事项",
    "无其他单位可比",
)


@dataclass(frozen=True)
class Trigger:
    """A trigger of ``accountability.yaml``; ``query`` is a key of :data:`QUERIES`, or ``none``."""

    id: str
    label: str
    query: str
    measure: str
    source: str
    verification: str


@dataclass(frozen=True)
class Facts:
    """What the queries ask: VERDICTS and ALERTS of the month, acts per target, deadlines, and who answered on a day.

    ``answered``: acting unit of a target's cell on a day, None where nobody is known. ``disputed``: targets with a
    record that was refused; until it is put right no step is missing on them.
    """

    verdicts: pd.DataFrame
    alerts: pd.DataFrame
    acts: Mapping[str, Acts]
    deadlines: Deadlines
    answered: Callable[[str, date], str | None]
    as_of: date
    disputed: frozenset[str] = frozenset()

    def answered_between(self, target_id: str, first: date, last: date) -> str | None:
        """The unit that answered on the first and on the last day of a step; None where the two differ."""
        unit = self.answered(target_id, last)
        return unit if unit == self.answered(target_id, first) else None


@dataclass(frozen=True)
class Item:
    """One target that counts for a trigger, the unit that answered, and whether it happened."""

    target_id: str
    unit_id: str | None
    happened: bool


def accountability(
    facts: Facts, triggers: Sequence[Trigger], replies: pd.DataFrame, *, period: str, confidence: float
) -> Any:
    """A row per trigger and unit, and one for the whole city, as :data:`~pipeline.schema.ACCOUNTABILITY`.

    Only targets whose latest field check is a violation count. What could not have been known does not: a verdict that
    cannot be told leaves the denominator, visits before a target was there never enter a verdict, and a step whose
    deadline has not passed is not yet missing. ``replies``: REPLIES, the units' own words (申辩), printed beside.
    """
    told = replies[(replies["period"] == period).to_numpy()]
    said: dict[tuple[str, str], list[str]] = {}
    for trigger_id, unit, day, text in told[["trigger", "unit_id", "replied_on", "reply"]].itertuples(index=False):
        said.setdefault((trigger_id, unit), []).append(f"{day:%Y-%m-%d} {text}")
    rows: list[dict[str, Any]] = []
    for trigger in triggers:
        if trigger.query == "none":
            rows.append({**_head(trigger, CITY), **_counts([], confidence), "standing": "不计算"})
            continue
        items = [item for item in QUERIES[trigger.query](facts) if confirmed(facts.acts.get(item.target_id))]
        units = sorted({item.unit_id for item in items if item.unit_id is not None})
        rows.append({**_head(trigger, CITY), **_counts(items, confidence), "standing": None})
        for unit in units:
            own, others = [i for i in items if i.unit_id == unit], [i for i in items if i.unit_id not in (unit, None)]
            rows.append({
                **_head(trigger, unit), **_counts(own, confidence), "standing": _standing(own, others, confidence),
                "reply": "；".join(said.get((trigger.id, unit), [])) or None,
            })  # fmt: skip
    return conform(ACCOUNTABILITY, pd.DataFrame(rows, columns=ACCOUNTABILITY.names))


def confirmed(acts: Acts | None) -> bool:
    """Whether a person's latest word on the ground is that it is a violation."""
    return bool(acts is not None and acts.checks and acts.checks[-1].content == Outcome.VIOLATION.value)


def _head(trigger: Trigger, unit: str) -> dict[str, Any]:
    return {
        "trigger": trigger.id, "label": trigger.label, "unit_id": unit, "measure": trigger.measure,
        "source": trigger.source, "verification": trigger.verification, "reply": None,
    }  # fmt: skip


def _counts(items: Sequence[Item], confidence: float) -> dict[str, Any]:
    happened = sorted(item.target_id for item in items if item.happened)
    low, high = wilson(len(happened), len(items), confidence=confidence)
    none = not items
    return {
        "numerator": len(happened),
        "denominator": len(items),
        "value": None if none else len(happened) / len(items),
        "low": None if none else low,
        "high": None if none else high,
        "targets": "、".join(happened) or None,
    }


def _standing(own: Sequence[Item], others: Sequence[Item], confidence: float) -> str:
    """How a unit compares with all others together; only where the two intervals do not touch."""
    if not own:
        return NONE
    if not others:
        return ALONE
    low, high = wilson(sum(item.happened for item in own), len(own), confidence=confidence)
    other_low, other_high = wilson(sum(item.happened for item in others), len(others), confidence=confidence)
    return ABOVE if low > other_high else BELOW if high < other_low else OVERLAP


def _verdict_items(facts: Facts, verdict: Verdict) -> list[Item]:
    known = facts.verdicts[(facts.verdicts["verdict"] != Verdict.UNDETERMINABLE.value).to_numpy()]
    columns = ["target_id", "acting_unit_id", "verdict", "accountable"]
    return [
        Item(target, unit if isinstance(unit, str) else None, bool(accountable) and said == verdict.value)
        for target, unit, said, accountable in known[columns].itertuples(index=False)
    ]


def _step_items(
    facts: Facts, step: Callable[[Acts], tuple[pd.Timestamp, int, Sequence[pd.Timestamp]] | None]
) -> list[Item]:
    """Targets on which a step was due: the day it counts from, its days, and the days on which it was done.

    Where the answering unit changed within the step, the target counts for the city alone.
    """
    items = []
    for target, acts in sorted(facts.acts.items()):
        found = None if target in facts.disputed else step(acts)
        if found is None:
            continue
        since, days, done = found
        due = since + timedelta(days=days)
        in_time = any(day <= due for day in done)
        if in_time or due < pd.Timestamp(facts.as_of):
            items.append(Item(target, facts.answered_between(target, since.date(), due.date()), not in_time))
    return items


def _found_not_stopped(facts: Facts) -> list[Item]:
    def step(acts: Acts) -> tuple[pd.Timestamp, int, Sequence[pd.Timestamp]] | None:
        first = _first_violation(acts)
        if first is None:
            return None
        stopped = [act.day for act in acts.decisions if act.content == CaseDecision.STOPPED.value]
        # what was approved, stopped or noticed before the check needs no further notice
        return first.day, facts.deadlines.notice_days, _days(acts.notices) + stopped + _days(acts.approvals)

    return _step_items(facts, step)


def _not_rectified(facts: Facts) -> list[Item]:
    def step(acts: Acts) -> tuple[pd.Timestamp, int, Sequence[pd.Timestamp]] | None:
        served = [act.served_on for act in acts.notices if act.served_on is not None]
        ended = (CaseDecision.RECTIFIED.value, CaseDecision.CLOSED.value)
        done = [act.day for act in acts.decisions if act.content in ended] + _days(acts.approvals)
        return (max(served), facts.deadlines.correction_days, done) if served else None

    return _step_items(facts, step)


def _not_referred(facts: Facts) -> list[Item]:
    def step(acts: Acts) -> tuple[pd.Timestamp, int, Sequence[pd.Timestamp]] | None:
        refused = [act.day for act in acts.decisions if act.content == CaseDecision.NOT_STOPPED.value]
        return (min(refused), facts.deadlines.referral_days, _days(acts.referrals)) if refused else None

    return _step_items(facts, step)


def _resumed_unseen(facts: Facts) -> list[Item]:
    """Works that surely grew after a served notice outside every approval; whether anybody checked since, once due."""
    grown = facts.alerts[(facts.alerts["alert"] == Alert.GREW_WITHOUT_APPROVAL.value).to_numpy()]
    items = []
    for target, seen_on in grown[["target_id", "seen_on"]].itertuples(index=False):
        acts = facts.acts.get(target)
        if acts is None or pd.isna(seen_on):
            continue
        due = seen_on + timedelta(days=facts.deadlines.follow_up_days)
        seen = [act.day for act in (*acts.checks, *acts.unresolved, *acts.decisions) if act.day >= seen_on]
        in_time = any(day <= due for day in seen)
        if in_time or due < pd.Timestamp(facts.as_of):
            items.append(Item(target, facts.answered_between(target, seen_on.date(), due.date()), not in_time))
    return items


QUERIES: dict[str, Callable[[Facts], list[Item]]] = {
    "due_not_patrolled": lambda facts: _verdict_items(facts, Verdict.DUE_NOT_PATROLLED),
    "patrolled_not_reported": lambda facts: _verdict_items(facts, Verdict.PATROLLED_NOT_REPORTED),
    "found_not_stopped": _found_not_stopped,
    "not_rectified": _not_rectified,
    "not_referred": _not_referred,
    "resumed_unseen": _resumed_unseen,
}


def _first_violation(acts: Acts) -> Act | None:
    return next((act for act in acts.checks if act.content == Outcome.VIOLATION.value), None)


def _days(acts: Sequence[Act]) -> list[pd.Timestamp]:
    return [act.day for act in acts]
