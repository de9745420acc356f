"""People's recorded acts gathered per target, under the id that carries a target's ground today."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any

import pandas as pd

from pipeline.schema import PLACE
from pipeline.values import CaseDecision, Outcome

CLOSING = (Outcome.LAWFUL.value, Outcome.PSEUDO_CHANGE.value, Outcome.OTHER.value)
"""Results of a field check that end a case by themselves."""


@dataclass(frozen=True)
class Act:
    """One record: the day it happened, what it says, and the words that name it as a basis."""

    day: pd.Timestamp
    content: str
    basis: str
    served_on: pd.Timestamp | None = None
    """For a notice: the day it reached the party."""
    replied_on: pd.Timestamp | None = None
    """For a referral: the day its receiver answered."""
    area_m2: float | None = None
    """For an approval: the area it grants, where the record says so."""
    title: str = ""
    """For a notice: its kind and number."""
    part: str = ""
    """For a check or decision: the id it was written under where that was merged since; it speaks of that part alone."""
    place: str | None = None
    """File and row in which the act is recorded, where known."""


@dataclass
class Acts:
    """All acts about one target, each list in the order of days."""

    dispatches: list[Act] = field(default_factory=list)
    checks: list[Act] = field(default_factory=list)
    """Field checks that found something out; the latest is what people say of the ground."""
    unresolved: list[Act] = field(default_factory=list)
    """Field checks that found nothing out (未核): they take nothing back."""
    approvals: list[Act] = field(default_factory=list)
    notices: list[Act] = field(default_factory=list)
    referrals: list[Act] = field(default_factory=list)
    decisions: list[Act] = field(default_factory=list)

    def decided(self, *decisions: CaseDecision) -> Act | None:
        """The latest decision that is one of ``decisions``."""
        wanted = {decision.value for decision in decisions}
        return next((act for act in reversed(self.decisions) if act.content in wanted), None)


def since_closing(acts: Acts) -> Acts:
    """The acts of a case opened again: what led to its last closing does not count for what was found later."""
    closings = [act.day for act in acts.checks if act.content in CLOSING]
    closings += [act.day for act in acts.decisions if act.content == CaseDecision.CLOSED.value]
    if not closings:
        return acts
    last = max(closings)
    later = {
        name: [act for act in getattr(acts, name) if act.day > last]
        for name in ("checks", "unresolved", "approvals", "notices", "referrals", "decisions")
    }
    return Acts(dispatches=acts.dispatches, **later)


def survivors(targets: pd.DataFrame) -> dict[str, str]:
    """Every target id to the one under which its ground is carried today (itself unless merged)."""
    into = {
        target_id: merged_into
        for target_id, merged_into in zip(targets["target_id"], targets["merged_into"], strict=True)
        if isinstance(merged_into, str)
    }
    result: dict[str, str] = {}
    for target_id in targets["target_id"]:
        name, seen = target_id, {target_id}
        while name in into and into[name] not in seen:
            name = into[name]
            seen.add(name)
        result[target_id] = name
    return result


def case_decision(word: str) -> str | None:
    """The code of a decision on a case, from its code or Chinese word; None for any other decision."""
    return next((known.value for known in CaseDecision if word.strip() in (known.value, known.label)), None)


def gather(
    dispatches: pd.DataFrame,
    field_checks: pd.DataFrame,
    approvals: pd.DataFrame,
    notices: pd.DataFrame,
    referrals: pd.DataFrame,
    decisions: pd.DataFrame,
    *,
    carried: dict[str, str],
) -> dict[str, Acts]:
    """Acts per surviving target; ``carried`` as from :func:`survivors`, records of unknown ids are left aside."""
    acts = {name: Acts() for name in carried.values()}
    for row in _rows(dispatches, "dispatched_on", carried):
        basis = f"派发记录 {_day(row['dispatched_on'])} {row['unit_id']}{_origin(row)}"
        acts[row["target"]].dispatches.append(Act(row["dispatched_on"], row["unit_id"], basis, place=place_of(row)))
    for row in _rows(field_checks, "checked_on", carried):
        basis = f"核查记录 {_day(row['checked_on'])}{_origin(row)}"
        own = acts[row["target"]]
        said = own.unresolved if row["outcome"] == Outcome.UNCHECKED.value else own.checks
        said.append(Act(row["checked_on"], row["outcome"], basis, part=_part(row), place=place_of(row)))
    for row in _rows(approvals, "approved_on", carried):
        basis = f"批准记录 {_day(row['approved_on'])} {row['document']}{_origin(row)}"
        granted = None if pd.isna(row["approved_area_m2"]) else float(row["approved_area_m2"])
        act = Act(row["approved_on"], row["document"], basis, area_m2=granted, place=place_of(row))
        acts[row["target"]].approvals.append(act)
    for row in _rows(notices, "issued_on", carried):
        served = None if pd.isna(row["served_on"]) else row["served_on"]
        basis = f"文书记录 {row['notice_kind']} {row['number']} {_day(served or row['issued_on'])}"
        basis += ("送达" if served is not None else "制作") + _origin(row)
        title = f"{row['notice_kind']} {row['number']}{_origin(row)}"
        act = Act(row["issued_on"], row["number"], basis, served, title=title, place=place_of(row))
        acts[row["target"]].notices.append(act)
    for row in _rows(referrals, "referred_on", carried):
        basis = f"抄告记录 {_day(row['referred_on'])} {row['referred_to']}{_origin(row)}"
        replied = None if pd.isna(row["replied_on"]) else row["replied_on"]
        act = Act(row["referred_on"], row["referred_to"], basis, replied_on=replied, place=place_of(row))
        acts[row["target"]].referrals.append(act)
    for row in _rows(decisions, "decided_on", carried):
        code = case_decision(row["decision"])
        if code is not None:
            basis = f"决定记录 {_day(row['decided_on'])} {row['decision']}{_origin(row)}"
            acts[row["target"]].decisions.append(
                Act(row["decided_on"], code, basis, part=_part(row), place=place_of(row))
            )
    return acts


def place_of(row: Mapping[Any, Any]) -> str | None:
    """File and row of a record; None where it was not read from a file."""
    place = row.get(PLACE)
    return place if isinstance(place, str) else None


def _part(row: dict[Any, Any]) -> str:
    return "" if row["target_id"] == row["target"] else str(row["target_id"])


def _origin(row: dict[Any, Any]) -> str:
    """Under which id a record was written, where that id was merged into another."""
    return "" if row["target_id"] == row["target"] else f"（原编号{row['target_id']}）"


def _rows(frame: pd.DataFrame, day: str, carried: dict[str, str]) -> list[dict[Any, Any]]:
    """Rows of known targets in the order of days, then of all their values, with the surviving id as ``target``."""
    known = frame[frame["target_id"].isin(sorted(carried))]
    rest = [name for name in known.columns if name not in (day, PLACE)]
    ordered = known.sort_values([day, *rest], kind="stable")
    return [{**row, "target": carried[row["target_id"]]} for row in ordered.to_dict("records")]


def _day(stamp: pd.Timestamp) -> str:
    return f"{stamp:%Y-%m-%d}"
