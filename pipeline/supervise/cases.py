"""Where every target stands, from people's records alone: state, next step, day it is due, and the record behind it."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import pandas as pd

from pipeline.schema import CASES, conform
from pipeline.supervise.acts import CLOSING, Act, Acts, since_closing
from pipeline.values import CaseDecision, CaseState, Outcome, TargetState

_DISPUTED = "；另有记录未采用（见记录矛盾），核对前不计逾期"
_LABELS = {outcome.value: outcome.label for outcome in Outcome}


@dataclass(frozen=True)
class Deadlines:
    """Calendar days for each step, counted from the record of the step before."""

    field_check_days: int
    notice_days: int
    service_days: int
    correction_days: int
    referral_days: int
    follow_up_days: int


@dataclass(frozen=True)
class Standing:
    """A case's state since a day, what comes next and until when, and why."""

    state: CaseState
    since: pd.Timestamp | None
    next_step: str
    basis: str
    days: int | None = None


def case_states(
    targets: pd.DataFrame,
    tasks: pd.DataFrame,
    acts: dict[str, Acts],
    *,
    deadlines: Deadlines,
    as_of: date,
    disputed: frozenset[str] = frozenset(),
    answered: Callable[[str, date], str | None] | None = None,
) -> Any:
    """Every target's case as of a day, as :data:`~pipeline.schema.CASES`; imagery alone never moves a case.

    ``tasks``: :data:`~pipeline.schema.TASKS`; ``acts``: as from :func:`pipeline.supervise.acts.gather`, of records up
    to ``as_of``. A case is overdue from the day after its due day. A target merged into another is named with the id
    that carries it on. ``outcome`` is the latest field check's, ``unchecked`` without one. ``disputed``: targets with
    a record that was refused; until it is put right nobody is late on them. Nor is anybody late on a part split off for
    a step that counts from a record of the whole: that step is the whole's. ``answered``: the unit that answered for a
    target on a day; where it changed within a step, nobody alone held the step (``due_unit_id`` null). Without it
    nothing changed hands.
    """
    task_of = {row["target_id"]: row for row in tasks.to_dict("records")}
    rows = []
    for target_id, state, merged_into in targets[["target_id", "state", "merged_into"]].itertuples(index=False):
        own = acts.get(target_id, Acts())
        task = task_of.get(target_id, {})
        if state == TargetState.MERGED.value:
            standing = Standing(CaseState.MERGED, None, f"随{merged_into}办理", f"登记册 已并入{merged_into}")
        else:
            standing = standing_of(own, task, deadlines)
        due = None
        if standing.days is not None and standing.since is not None and not _of_the_whole(own, standing):
            due = standing.since + timedelta(days=standing.days)
        sent_to, acting = own.dispatches[0].content if own.dispatches else None, task.get("acting_unit_id")
        held = None if due is None else sent_to or acting
        if due is not None and answered is not None:
            held = _held_throughout(target_id, standing, due, sent_to, answered)
        rows.append(
            {
                "target_id": target_id,
                "unit_id": sent_to,
                "acting_unit_id": acting,
                "state": standing.state.value,
                "since": standing.since,
                "outcome": own.checks[-1].content if own.checks else Outcome.UNCHECKED.value,
                "next_step": standing.next_step,
                "due_on": due,
                "due_unit_id": held,
                "overdue": due is not None and due < pd.Timestamp(as_of) and target_id not in disputed,
                "basis": standing.basis + (_DISPUTED if target_id in disputed else ""),
            }
        )
    frame = pd.DataFrame(rows, columns=CASES.names).sort_values("target_id", kind="stable")
    return conform(CASES, frame)


def _held_throughout(
    target_id: str, standing: Standing, due: Any, sent_to: str | None, answered: Callable[[str, date], str | None]
) -> str | None:
    """The unit that answered from the day a step counts from to the day it is due; None where it changed hands."""
    if standing.since is None:
        return None
    first = sent_to if standing.state is CaseState.DISPATCHED else answered(target_id, standing.since.date())
    last = answered(target_id, due.date())
    return last if last == first else None


def _of_the_whole(acts: Acts, standing: Standing) -> bool:
    """Whether a state rests on a record of the ground from which this part was split off."""
    said = (*acts.checks, *acts.approvals, *acts.notices, *acts.referrals, *acts.decisions)
    return any(act.inherited and standing.basis.startswith(act.basis) for act in said)


def standing_of(acts: Acts, task: dict[Any, Any], deadlines: Deadlines) -> Standing:
    """The state of one case from its acts; the first of closed, approved, referred, refused, noticed, checked, sent."""
    check = acts.checks[-1] if acts.checks else None
    closing = _closing(acts, check)
    if closing is not None:
        return closing
    acts = since_closing(acts)
    if check is not None and check.content == Outcome.VIOLATION.value:
        return _violation(acts, check, deadlines)
    if acts.approvals:
        return _approved(acts.approvals[-1], deadlines)
    if acts.dispatches:
        first = acts.dispatches[0]
        days = deadlines.field_check_days
        return Standing(CaseState.DISPATCHED, first.day, "实地核查并反馈结果", first.basis, days)
    reason = task.get("left_out_reason")
    if isinstance(reason, str):
        return Standing(CaseState.SUSPECTED, None, "未列入本月任务，按理由处理", f"任务表 {reason}")
    return Standing(CaseState.SUSPECTED, None, "派发给负责单位", "登记册 疑似目标，尚无派发记录")


def _closing(acts: Acts, check: Act | None) -> Standing | None:
    """Closed by the latest check, or by a decision that no later check calls into question."""
    if check is not None and check.content in CLOSING:
        basis = f"{check.basis} 核查为{_LABELS[check.content]}"
        return Standing(CaseState.CLOSED, check.day, "无需办理，后续影像扩大时另行提醒", basis)
    closed = acts.decided(CaseDecision.CLOSED)
    if closed is not None and (check is None or check.day <= closed.day):
        return Standing(CaseState.CLOSED, closed.day, "已销案，后续影像再次检出时另行提醒", closed.basis)
    return None


def _violation(acts: Acts, check: Act, deadlines: Deadlines) -> Standing:
    """A case that a person has found to be a violation."""
    first = next(act for act in acts.checks if act.content == Outcome.VIOLATION.value)
    if acts.approvals:
        return _approved(acts.approvals[-1], deadlines)
    rectified = acts.decided(CaseDecision.RECTIFIED)
    refused = acts.decided(CaseDecision.NOT_STOPPED, CaseDecision.STOPPED)
    unsettled = [act.day for act in acts.referrals]
    unsettled += [act.day for act in acts.decisions if act.content == CaseDecision.NOT_STOPPED.value]
    # what was put right after the refusal or referral is to be looked at, not to be followed up as unsettled
    if rectified is not None and rectified.day >= max([check.day, *unsettled]):
        return Standing(
            CaseState.RECTIFYING, rectified.day, "复核现场后销案", rectified.basis, deadlines.follow_up_days
        )
    if acts.referrals:
        latest = acts.referrals[-1]
        return Standing(
            CaseState.REFERRED, latest.day, "跟踪立案查处情况，回访现场", latest.basis, deadlines.follow_up_days
        )
    if refused is not None and refused.content == CaseDecision.NOT_STOPPED.value:
        return Standing(CaseState.REFUSED, refused.day, "书面抄告相关职能部门", refused.basis, deadlines.referral_days)
    served = [act for act in acts.notices if act.served_on is not None]
    if served:
        latest = max(served, key=lambda act: (act.served_on, act.content))
        return Standing(
            CaseState.RECTIFYING, latest.served_on, "督促整改到位，取得批准前不得复工", latest.basis,
            deadlines.correction_days,
        )  # fmt: skip
    if acts.notices:
        latest = acts.notices[-1]
        return Standing(CaseState.NOTIFIED, latest.day, "送达文书", latest.basis, deadlines.service_days)
    basis = f"{first.basis} 核查为{_LABELS[first.content]}"
    return Standing(CaseState.CHECKED, first.day, "依法制止，由执法人员决定文书", basis, deadlines.notice_days)


def _approved(act: Act, deadlines: Deadlines) -> Standing:
    step = "核对批准范围与实际占地，符合的销案"
    return Standing(CaseState.APPROVED, act.day, step, act.basis, deadlines.follow_up_days)
