"""A case's history from suspicion to closure: what happened on which day, in which state the case was, and why.

The history is append-only. Every period replays the records and the imagery up to its day; what earlier periods have
written stays word for word, what they lack is added. A row whose record is gone stays too and is listed as a conflict.
"""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import pandas as pd

from pipeline.schema import CASE_HISTORY, conform, empty
from pipeline.supervise.acts import Act, Acts
from pipeline.supervise.append_only import LATE, added
from pipeline.supervise.cases import Deadlines, standing_of
from pipeline.values import CaseState, Conflict, HistorySource, Outcome, TargetState

_KINDS = ("dispatches", "checks", "unresolved", "approvals", "notices", "referrals", "decisions")
_OUTCOMES = {outcome.value: outcome.label for outcome in Outcome}


@dataclass(frozen=True)
class Sighting:
    """Something the imagery says of a target on a day, in words."""

    day: pd.Timestamp
    words: str


def case_history(
    targets: pd.DataFrame,
    acts: dict[str, Acts],
    sightings: dict[str, list[Sighting]],
    earlier: pd.DataFrame | None,
    *,
    deadlines: Deadlines,
    period: str,
    as_of: date,
    month_end: date,
) -> tuple[Any, list[dict[str, Any]]]:
    """The history of every target as :data:`~pipeline.schema.CASE_HISTORY`, and rows of ``schema.CONFLICTS``.

    ``acts``: the admitted ones, up to ``as_of``. ``earlier``: the history of the latest earlier period; rows of days
    after ``as_of`` are not known yet and left out. Imagery never moves a case: its rows carry the state in which
    the records leave the case on that day. The last row by day is where :func:`case_states` sees the case.
    """
    known = empty(CASE_HISTORY) if earlier is None else earlier[earlier["day"] <= pd.Timestamp(as_of)]
    rows = known.to_dict("records")
    kept: dict[str, list[dict[Any, Any]]] = {}
    for row in rows:
        kept.setdefault(row["target_id"], []).append(row)
    gone: list[dict[str, Any]] = []
    for target in targets[["target_id", "state", "merged_into"]].to_dict("records"):
        name = target["target_id"]
        before = kept.get(name, [])
        merged = target["state"] == TargetState.MERGED.value
        replayed = _merged_row(target, month_end) if merged else _replay(acts.get(name, Acts()), deadlines)
        if not merged:
            gone += _gone(name, before, replayed)
            replayed += _seen(sightings.get(name, []), acts.get(name, Acts()), deadlines)
        rows += added("target_id", name, before, replayed, period)
    frame = pd.DataFrame(rows, columns=CASE_HISTORY.names).sort_values(["target_id", "number"], kind="stable")
    return conform(CASE_HISTORY, frame), gone


def _replay(acts: Acts, deadlines: Deadlines) -> list[dict[str, Any]]:
    """A row per recorded act, in the order of days, with the state after all acts of its day."""
    events = sorted(
        (day, _KINDS.index(kind), words)
        for kind in _KINDS
        for act in getattr(acts, kind)
        for day, words in _events(kind, act)
    )
    states: dict[pd.Timestamp, str] = {}
    for day, _, _ in events:
        if day not in states:
            states[day] = standing_of(_until(acts, day), {}, deadlines).state.value
    return [
        {"day": day, "source": HistorySource.RECORD.value, "state": states[day], "event": words}
        for day, _, words in events
    ]


def _events(kind: str, act: Act) -> list[tuple[pd.Timestamp, str]]:
    """Day and words of an act; a notice is made one day and served another."""
    if kind in ("checks", "unresolved"):
        return [(act.day, f"{act.basis} 核查为{_OUTCOMES[act.content]}")]
    if kind == "approvals" and act.area_m2 is not None:
        return [(act.day, f"{act.basis} 批准{act.area_m2:.0f}平方米")]
    if kind != "notices":
        return [(act.day, act.basis)]
    made = [(act.day, f"文书记录 {act.title} {act.day:%Y-%m-%d}制作")]
    return made if act.served_on is None else [*made, (act.served_on, act.basis)]


def _until(acts: Acts, day: pd.Timestamp) -> Acts:
    """What was recorded up to a day; a notice served later counts as made only."""
    parts: dict[str, list[Act]] = {
        kind: [act for act in getattr(acts, kind) if act.day <= day] for kind in _KINDS if kind != "notices"
    }
    notices = [
        act if act.served_on is None or act.served_on <= day else replace(act, served_on=None)
        for act in acts.notices
        if act.day <= day
    ]
    return Acts(notices=notices, **parts)


def _seen(sightings: list[Sighting], acts: Acts, deadlines: Deadlines) -> list[dict[str, Any]]:
    return [
        {
            "day": sighting.day,
            "source": HistorySource.IMAGERY.value,
            "state": standing_of(_until(acts, sighting.day), {}, deadlines).state.value,
            "event": sighting.words,
        }
        for sighting in sightings
    ]


def _merged_row(target: dict[Any, Any], month_end: date) -> list[dict[str, Any]]:
    event = f"登记册 已并入{target['merged_into']}，此后随其办理"
    row = {"day": pd.Timestamp(month_end), "source": HistorySource.REGISTER.value, "event": event}
    return [row | {"state": CaseState.MERGED.value}]


def _gone(name: str, before: list[dict[Any, Any]], replayed: list[dict[str, Any]]) -> list[dict[str, Any]]:
    """Record rows of earlier periods that today's records do not bear out."""
    now = {row["event"] for row in replayed}
    return [
        {
            "target_id": name,
            "conflict": Conflict.RECORD_GONE.value,
            "one": f"{row['recorded_in']}期历程：{row['event']}",
            "other": "现有记录中没有这一条（被改动、删除，或不再符合办理顺序）",
            "effect": "历程保留原文，办理状态按现有记录",
            "place": None,
            "mend": "误删或误改的，在相应的 records 文件中照原样补回；确需更正的，在备注中写明",
        }
        for row in before
        if row["source"] == HistorySource.RECORD.value and row["event"].removesuffix(LATE) not in now
    ]
