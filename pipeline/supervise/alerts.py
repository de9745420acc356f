"""What later imagery asks people to look at again, and records that fit no target; nothing follows automatically."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import pandas as pd

from pipeline.geodesy import mu
from pipeline.schema import ALERTS, conform
from pipeline.supervise.acts import Acts, case_decision, place_of
from pipeline.supervise.watch import Watch
from pipeline.values import Alert, CaseDecision, MatchDecision, StopWatch, TargetState

SEEN = (TargetState.NEW.value, TargetState.GROWING.value, TargetState.SEEN_AGAIN.value)


def image_alerts(
    targets: pd.DataFrame, suspected: pd.DataFrame, acts: dict[str, Acts], watches: Mapping[str, Watch]
) -> Any:
    """Alerts of this period's imagery, as :data:`~pipeline.schema.ALERTS`.

    ``suspected`` gives each target's interval in this period: what is new came after ``last_clear`` and was there on
    ``first_seen``. Growth counts as after an act only where the whole interval is; an act inside it gives "around".
    Targets that were not seen growing (or, after closing, not seen) raise nothing. ``watches``: per target the no-growth
    watch of :func:`pipeline.supervise.watch.watch`, which alone knows what approvals cover.
    """
    interval = {
        row["candidate_id"]: (row["last_clear"], row["first_seen"])
        for row in suspected[["candidate_id", "last_clear", "first_seen"]].to_dict("records")
    }
    rows: list[dict[str, Any]] = []
    for row in targets.to_dict("records"):
        own = acts.get(row["target_id"])
        if own is None or row["state"] not in SEEN:
            continue
        since, seen_on = interval.get(row["candidate_id"], (pd.NaT, pd.NaT))
        if pd.isna(seen_on):
            continue
        if row["state"] == TargetState.GROWING.value:
            rows += _growth(row, own, since, seen_on)
            held = watches.get(row["target_id"])
            if held is not None and held.state is StopWatch.RESUMED:
                rows.append(_row(row["target_id"], Alert.GREW_WITHOUT_APPROVAL, seen_on, held.words))
        rows += _after_closing(row, own, since, seen_on)
    return _table(rows)


def record_alerts(frames: Mapping[str, pd.DataFrame], known: set[str]) -> Any:
    """Records about targets the register does not hold, and decisions nobody can read, as alerts.

    ``frames``: name of the record file to its table with ``target_id``; ``known``: all ids of the register.
    """
    rows: list[dict[str, Any]] = []
    for name, frame in sorted(frames.items()):
        file = "decisions.csv 或判定表" if name == "decisions" else f"{name}.csv"
        strange = frame[~frame["target_id"].isin(sorted(known))].sort_values("target_id", kind="stable")
        for row in strange.to_dict("records"):
            where = place_of(row) or file
            words = f"{where}“监测编号”栏：登记册无此编号，未采用；编号写错的改正本行，误记的删去本行"
            rows.append(_row(row["target_id"], Alert.RECORD_WITHOUT_TARGET, None, words))
    if "decisions" in frames:
        for row in frames["decisions"].to_dict("records"):
            target_id, word = row["target_id"], row["decision"]
            if case_decision(word) is None and word.strip() not in {
                w for d in MatchDecision for w in (d.value, d.label)
            }:
                allowed = "、".join(decision.label for decision in (*CaseDecision, *MatchDecision))
                what = f"{place_of(row) or 'decisions.csv'}“决定”栏的“{word}”未采用，请改用：{allowed}"
                rows.append(_row(target_id, Alert.DECISION_NOT_UNDERSTOOD, None, what))
    return _table(rows)


def _growth(row: dict[Any, Any], acts: Acts, since: Any, seen_on: pd.Timestamp) -> list[dict[str, Any]]:
    grown = _grown(row)
    rows = []
    if acts.dispatches and _after(acts.dispatches[0].day, since):
        reason = f"{acts.dispatches[0].basis}后，{grown}"
        rows.append(_row(row["target_id"], Alert.GREW_AFTER_DISPATCH, seen_on, reason))
    checks = [act for act in acts.checks if _after(act.day, since)]
    if checks:
        reason = f"{checks[-1].basis}后，{grown}，请重新核查"
        rows.append(_row(row["target_id"], Alert.GREW_AFTER_CHECK, seen_on, reason))
    reached = [act for act in acts.notices if act.served_on is not None]
    after = [act for act in reached if _after(act.served_on, since)]
    around = [act for act in reached if act not in after and act.served_on <= seen_on]
    if after:
        reason = f"{after[-1].basis}后，{grown}"
        rows.append(_row(row["target_id"], Alert.GREW_AFTER_NOTICE, seen_on, reason))
    elif around:
        reason = f"{around[-1].basis}前后，{grown}，影像不能确定先后"
        rows.append(_row(row["target_id"], Alert.GREW_AROUND_NOTICE, seen_on, reason))
    return rows


def _after_closing(row: dict[Any, Any], acts: Acts, since: Any, seen_on: pd.Timestamp) -> list[dict[str, Any]]:
    """A case closed as rectified whose ground shows change again; looking the same as before is no news."""
    closed = acts.decided(CaseDecision.CLOSED, CaseDecision.RECTIFIED)
    if closed is None or not _after(closed.day, since):
        return []
    reason = f"{closed.basis}后，{seen_on:%Y-%m-%d}影像再次检出，请现场核实"
    return [_row(row["target_id"], Alert.SEEN_AFTER_CLOSING, seen_on, reason)]


def _after(act: Any, since: Any) -> bool:
    """Whether what the imagery shows surely came after an act."""
    return bool(pd.notna(since) and act <= since)


def _grown(row: dict[Any, Any]) -> str:
    before, now = row["area_before_m2"], row["area_m2"]
    if pd.isna(before) or pd.isna(now):
        return "影像显示疑似扩大"
    return f"影像显示由{mu(before):.1f}亩疑似扩大到{mu(now):.1f}亩"


def _row(target_id: str, alert: Alert, seen_on: Any, reason: str) -> dict[str, Any]:
    return {"target_id": target_id, "alert": alert.value, "seen_on": seen_on, "reason": reason}


def _table(rows: list[dict[str, Any]]) -> Any:
    """One row per target and alert; several reasons are said together."""
    merged: dict[tuple[str, str], dict[str, Any]] = {}
    for row in sorted(rows, key=lambda row: (row["target_id"], row["alert"], row["reason"])):
        known = merged.setdefault((row["target_id"], row["alert"]), row)
        if known is not row and row["reason"] not in known["reason"].split("；"):
            known["reason"] = f"{known['reason']}；{row['reason']}"
    return conform(ALERTS, pd.DataFrame(list(merged.values()), columns=ALERTS.names))
