"""People's recorded acts gathered per target, under the id that carries a target's ground today."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
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
    inherited: bool = False
    """Whether it was recorded of the whole from which this target was split off later."""


@dataclass(frozen=True)
class Heir:
    """A target for which records of another count up to a day (``until``), as of :func:`pipeline.supervise.splits.heirs`.

    ``part``: the id split off, where it was merged into the target since; ``whole_m2``: the area the records spoke of.
    """

    target_id: str
    until: pd.Timestamp
    part: str
    whole_m2: float


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
    heirs: Mapping[str, Sequence[Heir]] | None = None,
) -> dict[str, Acts]:
    """Acts per surviving target; ``carried`` as from :func:`survivors`, records of unknown ids are left aside.

    ``heirs``: parts split off since, for which a record under an id counts too; a dispatch sent nobody to them.
    """
    split = {} if heirs is None else heirs
    acts = {name: Acts() for name in carried.values()}
    for row in _rows(dispatches, "dispatched_on", carried):
        basis = f"派发记录 {_day(row['dispatched_on'])} {row['unit_id']}{_origin(row)}"
        acts[row["target"]].dispatches.append(Act(row["dispatched_on"], row["unit_id"], basis, place=place_of(row)))
    for row in _rows(field_checks, "checked_on", carried, split):
        basis = f"核查记录 {_day(row['checked_on'])}{_origin(row)}"
        own = acts[row["target"]]
        said = own.unresolved if row["outcome"] == Outcome.UNCHECKED.value else own.checks
        said.append(Act(row["checked_on"], row["outcome"], basis, part=_part(row), **_found_in(row)))
    for row in _rows(approvals, "approved_on", carried, split):
        basis = f"批准记录 {_day(row['approved_on'])} {row['document']}{_origin(row)}"
        act = Act(row["approved_on"], row["document"], basis, area_m2=_granted(row), **_found_in(row))
        acts[row["target"]].approvals.append(act)
    for row in _rows(notices, "issued_on", carried, split):
        served = None if pd.isna(row["served_on"]) else row["served_on"]
        basis = f"文书记录 {row['notice_kind']} {row['number']} {_day(served or row['issued_on'])}"
        basis += ("送达" if served is not None else "制作") + _origin(row)
        title = f"{row['notice_kind']} {row['number']}{_origin(row)}"
        act = Act(row["issued_on"], row["number"], basis, served, title=title, **_found_in(row))
        acts[row["target"]].notices.append(act)
    for row in _rows(referrals, "referred_on", carried, split):
        basis = f"抄告记录 {_day(row['referred_on'])} {row['referred_to']}{_origin(row)}"
        replied = None if pd.isna(row["replied_on"]) else row["replied_on"]
        act = Act(row["referred_on"], row["referred_to"], basis, replied_on=replied, **_found_in(row))
        acts[row["target"]].referrals.append(act)
    for row in _rows(decisions, "decided_on", carried, split):
        code = case_decision(row["decision"])
        if code is not None:
            basis = f"决定记录 {_day(row['decided_on'])} {row['decision']}{_origin(row)}"
            act = Act(row["decided_on"], code, basis, part=_part(row), **_found_in(row))
            acts[row["target"]].decisions.append(act)
    return acts


def place_of(row: Mapping[Any, Any]) -> str | None:
    """File and row of a record; None where it was not read from a file."""
    place = row.get(PLACE)
    return place if isinstance(place, str) else None


def _found_in(row: Mapping[Any, Any]) -> dict[str, Any]:
    return {"place": place_of(row), "inherited": row["heir"] is not None}


def _granted(row: Mapping[Any, Any]) -> float | None:
    """The area an approval grants; one for less than the whole may lie on any part of it, so it tells nothing of one."""
    if pd.isna(row["approved_area_m2"]):
        return None
    granted = float(row["approved_area_m2"])
    return granted if row["heir"] is None or granted >= row["heir"].whole_m2 else None


def _part(row: Mapping[Any, Any]) -> str:
    if row["heir"] is not None:
        return str(row["heir"].part)
    return "" if row["target_id"] == row["target"] else str(row["target_id"])


def _origin(row: Mapping[Any, Any]) -> str:
    """Under which id a record was written, where that id was merged into another or has been split since."""
    if row["heir"] is not None:
        return f"（分出前记录，原编号{row['target_id']}）"
    return "" if row["target_id"] == row["target"] else f"（原编号{row['target_id']}）"


def _rows(
    frame: pd.DataFrame, day: str, carried: dict[str, str], split: Mapping[str, Sequence[Heir]] | None = None
) -> list[dict[Any, Any]]:
    """Rows of known targets in the order of days, then of all their values, with the surviving id as ``target``.

    A row that counts for parts split off comes once more for each, with the part as ``heir``.
    """
    known = frame[frame["target_id"].isin(sorted(carried))]
    rest = [name for name in known.columns if name not in (day, PLACE)]
    rows: list[dict[Any, Any]] = []
    for row in known.sort_values([day, *rest], kind="stable").to_dict("records"):
        rows.append({**row, "target": carried[row["target_id"]], "heir": None})
        told = set[str]()
        for heir in (split or {}).get(row["target_id"], ()):
            if row[day] <= heir.until and heir.target_id not in told:
                told.add(heir.target_id)
                rows.append({**row, "target": heir.target_id, "heir": heir})
    return rows


def _day(stamp: pd.Timestamp) -> str:
    return f"{stamp:%Y-%m-%d}"
