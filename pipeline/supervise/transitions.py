"""Which recorded acts may move a case: an act that its precondition forbids is refused and listed, never applied.

Preconditions are asked of the records up to the act's own day, under the id that carries the ground today, so that a
check recorded under an id merged since counts too.
"""

from __future__ import annotations

from dataclasses import replace
from typing import Any

import pandas as pd

from pipeline.schema import CONFLICTS, conform
from pipeline.supervise.acts import CLOSING, Act, Acts
from pipeline.values import CaseDecision, Conflict, Outcome

_SETTLING = (CaseDecision.CLOSED.value, CaseDecision.RECTIFIED.value, CaseDecision.STOPPED.value)
REFUSED, SHOWN = "未采用，不改变办理状态，请核对补正", "仅提示，请核对"

_CHECK = "在 records/field_checks.csv 补记该日或以前的核查结果；日期写错的改正本行日期；误记的删去本行"
_VIOLATION = (
    "核查为违法的，在 records/field_checks.csv 补记该日或以前的核查结果；日期写错的改正本行日期；误记的删去本行"
)
_APPROVAL = "核对批准文件：日期或编号写错的改正本行；批准属实的，现场核查后在 records/field_checks.csv 填写核查结果"
_NOTICE = "已送达的，在 records/notices.csv 补记该文书的送达日期（不晚于该日）；日期写错的改正本行日期；误记的删去本行"
_PART = "监测编号写错的改正本行；两处都已了结的，用合并后的编号在 records/field_checks.csv 补记全部范围的核查结果"
_MENDS: dict[Conflict, tuple[str, str]] = {
    Conflict.CLOSED_WITHOUT_CHECK: ("决定日期", _CHECK),
    Conflict.DECIDED_WITHOUT_VIOLATION: ("决定日期", _VIOLATION),
    Conflict.REFERRED_WITHOUT_VIOLATION: ("抄告日期", _VIOLATION),
    Conflict.NOTICE_WITHOUT_VIOLATION: ("制作日期", _VIOLATION),
    Conflict.REFUSED_WITHOUT_NOTICE: ("决定日期", _NOTICE),
    Conflict.APPROVED_BEFORE_ONSET: ("批准日期", _APPROVAL),
    Conflict.APPROVED_DURING_ONSET: ("批准日期", _APPROVAL),
    Conflict.PART_SETTLED: ("监测编号", _PART),
    Conflict.PARTS_DIFFER: ("监测编号", _PART),
}
"""The heading of the field that contradicts, and what a clerk can do."""


def admitted(acts: Acts, *, last_clear: Any, first_seen: Any) -> tuple[Acts, list[dict[str, Any]]]:
    """The acts that may move a case, and the conflicts met, as rows of ``schema.CONFLICTS`` without ``target_id``.

    What settles one of several merged parts does not settle another that was found to be a violation.

    ``last_clear``, ``first_seen``: the target's onset interval; a missing end forbids nothing. Refused are a closing
    before any field check, a referral or a decision on stopping or rectifying before a check says 违法, and an approval
    of a day on which the ground was still seen unchanged (it explains the site, it does not settle a case).
    """
    found: list[dict[str, Any]] = []
    checks = [act for act in acts.checks if act.content not in CLOSING or _speaks_of_all(act, acts, found)]
    decisions = [act for act in acts.decisions if _decision_fits(act, acts, found)]
    referrals = [act for act in acts.referrals if _referral_fits(act, acts, found)]
    approvals = [act for act in acts.approvals if _approval_fits(act, last_clear, first_seen, found)]
    for act in acts.notices:
        if not _violation_before(acts, act.day):
            _say(found, Conflict.NOTICE_WITHOUT_VIOLATION, act, "制作之日前没有核查为违法的记录", SHOWN)
    return replace(acts, checks=checks, decisions=decisions, referrals=referrals, approvals=approvals), found


def _speaks_of_all(act: Act, acts: Acts, found: list[dict[str, Any]]) -> bool:
    """False where what settles a case was written of one merged part after another was found to be a violation."""
    others = [
        check
        for check in acts.checks
        if check.content == Outcome.VIOLATION.value and check.part != act.part and check.day <= act.day
    ]
    if not others:
        return True
    if act.part:
        return _say(found, Conflict.PART_SETTLED, act, f"{others[-1].basis} 核查为违法，不是同一部分", REFUSED)
    if act.content in CLOSING:
        words = f"{others[-1].basis} 核查为违法；若核查时两处尚未合并，请分别核对"
        _say(found, Conflict.PARTS_DIFFER, act, words, SHOWN)
    return True


def _decision_fits(act: Act, acts: Acts, found: list[dict[str, Any]]) -> bool:
    if act.content in _SETTLING and not _speaks_of_all(act, acts, found):
        return False
    if act.content == CaseDecision.CLOSED.value:
        if any(check.day <= act.day for check in acts.checks):
            return True
        return _say(found, Conflict.CLOSED_WITHOUT_CHECK, act, "销案之日前没有核查结果", REFUSED)
    if not _violation_before(acts, act.day):
        return _say(found, Conflict.DECIDED_WITHOUT_VIOLATION, act, "决定之日前没有核查为违法的记录", REFUSED)
    if act.content == CaseDecision.NOT_STOPPED.value and not _served_before(acts, act.day):
        _say(found, Conflict.REFUSED_WITHOUT_NOTICE, act, "决定之日前没有送达的文书", SHOWN)
    return True


def _referral_fits(act: Act, acts: Acts, found: list[dict[str, Any]]) -> bool:
    if _violation_before(acts, act.day):
        return True
    return _say(found, Conflict.REFERRED_WITHOUT_VIOLATION, act, "抄告之日前没有核查为违法的记录", REFUSED)


def _approval_fits(act: Act, last_clear: Any, first_seen: Any, found: list[dict[str, Any]]) -> bool:
    if pd.notna(last_clear) and act.day <= last_clear:
        words = f"{last_clear:%Y-%m-%d}影像尚无变化，批准在建设之前，是否合法请现场核查后填写核查结果"
        return _say(found, Conflict.APPROVED_BEFORE_ONSET, act, words, REFUSED)
    if pd.notna(first_seen) and act.day <= first_seen:
        start = f"{last_clear:%Y-%m-%d}" if pd.notna(last_clear) else "监测起始"
        words = f"变化发生在{start}至{first_seen:%Y-%m-%d}之间，影像不能确定与批准的先后"
        _say(found, Conflict.APPROVED_DURING_ONSET, act, words, SHOWN)
    return True


def _violation_before(acts: Acts, day: pd.Timestamp) -> bool:
    return any(act.content == Outcome.VIOLATION.value and act.day <= day for act in acts.checks)


def _served_before(acts: Acts, day: pd.Timestamp) -> bool:
    return any(act.served_on is not None and act.served_on <= day for act in acts.notices)


def _say(found: list[dict[str, Any]], conflict: Conflict, act: Act, other: str, effect: str) -> bool:
    """List a conflict; False, so that a refusal reads as one. What was recorded of a whole is listed there alone."""
    if act.inherited:
        return False
    column, mend = _MENDS[conflict]
    place = None if act.place is None else f"{act.place}“{column}”栏"
    said = {"one": act.basis, "other": other, "effect": effect, "place": place, "mend": mend}
    found.append({"conflict": conflict.value, **said})
    return False


def conflict_table(rows: list[dict[str, Any]]) -> Any:
    """Rows as ``schema.CONFLICTS``, each once, in order; rows that differ only in their place name all places."""
    merged: dict[tuple[Any, ...], dict[str, Any]] = {}
    for row in rows:
        known = merged.setdefault(tuple(row[name] for name in CONFLICTS.key), dict(row))
        place = row.get("place")
        if known is not row and isinstance(place, str) and place not in (known.get("place") or "").split("；"):
            known["place"] = f"{known['place']}；{place}" if known.get("place") else place
    frame = pd.DataFrame(list(merged.values()), columns=CONFLICTS.names)
    return conform(CONFLICTS, frame.sort_values(list(CONFLICTS.key), kind="stable"))
