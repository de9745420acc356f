"""Every target's follow-up by imagery for one month: no-growth watch, ground cleared or not, days in the state."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from typing import Any

import numpy as np
import pandas as pd

from pipeline.geodesy import mu
from pipeline.schema import FOLLOW_UPS, conform
from pipeline.supervise.acts import Acts
from pipeline.supervise.duration import days_in_state
from pipeline.supervise.history import Sighting
from pipeline.supervise.recovery import NOT_LOOKED, UNKNOWN, Answer, GroundLook, Look, answer_of
from pipeline.supervise.watch import Watch
from pipeline.values import GroundAnswer, Stage, StopWatch, TargetState

_SEEN = (TargetState.NEW.value, TargetState.GROWING.value, TargetState.SEEN_AGAIN.value)
_GONE = (GroundAnswer.GONE_AND_GREEN.value, GroundAnswer.GONE_NOT_GREEN.value)
_TOLD = (*_GONE, GroundAnswer.STILL_THERE.value)
_WATCH_LABELS = {state.value: state.label for state in StopWatch}
_GROUND_LABELS = {answer.value: answer.label for answer in GroundAnswer}
_RANK = {stage.value: number for number, stage in enumerate(Stage)} | {Stage.UNKNOWN.value: -1}
_MEASURES = ("ndvi", "brightness", "bare")


@dataclass(frozen=True)
class Looks:
    """A target's ground in the month's later composite, and in the earlier one."""

    now: GroundLook
    before: Look


def follow_ups(
    targets: pd.DataFrame,
    looks: Mapping[str, Looks],
    earlier: pd.DataFrame | None,
    acts: Mapping[str, Acts],
    watches: Mapping[str, Watch],
    intervals: Mapping[str, tuple[Any, Any]],
    approved: Mapping[str, Any],
    *,
    period: str,
    as_of: date,
) -> Any:
    """:data:`~pipeline.schema.FOLLOW_UPS` of all targets not merged.

    ``looks``: what the month's composites show, absent where they were not made; ``earlier``: the table of the latest
    earlier period, which carries each ground's own states before and during the works. ``intervals``: last clear and
    first seen of this period's change; ``approved``: the day from which approvals cover a target. A target first seen
    this period takes its state before from the earlier composite. A part split off keeps the states of its parent.
    """
    known = {} if earlier is None else {row["target_id"]: row for row in earlier.to_dict("records")}
    rows = []
    for target in targets[targets["state"] != TargetState.MERGED.value].to_dict("records"):
        name = target["target_id"]
        past = known.get(name) or known.get(target["parent_ids"]) or {}
        own = acts.get(name, Acts())
        held = watches.get(name)
        row = _ground(target, looks.get(name), past, intervals.get(name, (None, None)), period)
        lasted = days_in_state(
            own,
            last_clear=target["last_clear"],
            first_seen=target["first_seen"],
            standing_on=row["standing_on"],
            gone_on=row["gone_on"],
            approved_on=approved.get(name),
            as_of=as_of,
        )
        row |= {
            "target_id": name,
            "stop_since": held.since if held else None,
            "watch": held.state.value if held else None,
            "watch_reason": held.words if held else None,
            "days_least": lasted.least,
            "days_most": lasted.most,
            "ended_by": lasted.ended_by,
        }
        rows.append(row)
    frame = pd.DataFrame(rows, columns=FOLLOW_UPS.names).sort_values("target_id", kind="stable")
    return conform(FOLLOW_UPS, frame)


def _ground(
    target: Mapping[Any, Any], looks: Looks | None, past: Mapping[Any, Any], interval: tuple[Any, Any], period: str
) -> dict[str, Any]:
    now = looks.now if looks is not None else NOT_LOOKED
    seen = target["state"] in _SEEN
    before = _past(past, "before")
    if not past and target["first_period"] == period:
        before = looks.before if looks is not None else UNKNOWN
        if not np.isfinite(before.brightness):
            before = Look(_real(target["ndvi_before"]), _real(target["brightness_before"]), float("nan"))
    built, stage = _past(past, "built"), past.get("stage_built")
    if seen and _rank(target["stage"]) >= _rank(stage) and np.isfinite(now.now.brightness):
        if not past or target["state"] == TargetState.GROWING.value or _rank(target["stage"]) > _rank(stage):
            built, stage = now.now, target["stage"]
    if not isinstance(stage, str):
        stage = target["stage"]
    anew = target["state"] in (TargetState.NEW.value, TargetState.GROWING.value)
    answer = _no_images()
    if looks is not None:
        was = None if anew else past.get("ground_told")
        answer = answer_of(now, before=before, built=built, stage=stage, was=was)
    if anew and answer.code is GroundAnswer.UNCLEAR:
        answer = Answer(GroundAnswer.STILL_THERE, f"本期影像检出新增或扩大；{answer.words}")
    standing, gone = _days(target, answer, now, past, interval)
    return {
        "ground": answer.code.value,
        "ground_reason": answer.words,
        "observed_on": now.observed_on,
        "source": now.source or None,
        "pixels": now.pixels,
        "clear_share": now.clear_share,
        "green_share": now.green_share,
        "ground_told": answer.code.value if answer.code.value in _TOLD else past.get("ground_told"),
        "stage_built": stage,
        "standing_on": standing,
        "gone_on": gone,
        **{name: getattr(now.now, name) for name in _MEASURES},
        **{f"{name}_around": getattr(now.around, name) for name in _MEASURES},
        **{f"{name}_before": getattr(before, name) for name in _MEASURES},
        **{f"{name}_built": getattr(built, name) for name in _MEASURES},
    }


def _days(
    target: Mapping[Any, Any],
    answer: Answer,
    now: GroundLook,
    past: Mapping[Any, Any],
    interval: tuple[Any, Any],
) -> tuple[Any, Any]:
    """The last day the works were surely there, and the first on which they were surely gone since."""
    standing, gone = past.get("standing_on"), past.get("gone_on")
    if answer.code.value in _GONE:
        return standing, now.observed_on if gone is None or pd.isna(gone) else gone
    if answer.code is GroundAnswer.STILL_THERE:
        return _latest(standing, now.observed_on), None
    if target["state"] in (TargetState.NEW.value, TargetState.GROWING.value):
        return _latest(standing, interval[1] if pd.notna(interval[1]) else target["first_seen"]), None
    return standing, gone


def _no_images() -> Answer:
    return Answer(GroundAnswer.NOT_OBSERVABLE, "本期没有可用影像")


def _past(past: Mapping[Any, Any], when: str) -> Look:
    return Look(*(_real(past.get(f"{name}_{when}")) for name in _MEASURES))


def _real(value: Any) -> float:
    return float("nan") if value is None or pd.isna(value) else float(value)


def _rank(stage: Any) -> int:
    return _RANK.get(stage, -2)


def _latest(one: Any, other: Any) -> Any:
    days = [day for day in (one, other) if day is not None and pd.notna(day)]
    return max(days) if days else None


def sightings(
    targets: pd.DataFrame,
    now: pd.DataFrame,
    earlier: pd.DataFrame | None,
    intervals: Mapping[str, tuple[Any, Any]],
    known: frozenset[str],
) -> dict[str, list[Sighting]]:
    """What this month's imagery adds to each history: first sight, growth, a watch or ground that says something new.

    ``known``: targets that have a history already; the first sight of others is told from their onset interval.
    """
    past = {} if earlier is None else {row["target_id"]: row for row in earlier.to_dict("records")}
    states = {row["target_id"]: row for row in targets.to_dict("records")}
    found: dict[str, list[Sighting]] = {}
    for row in now.to_dict("records"):
        name, target = row["target_id"], states[row["target_id"]]
        told = [] if name in known else _first(target)
        since, seen_on = intervals.get(name, (None, None))
        grew = target["state"] == TargetState.GROWING.value and row["watch"] != StopWatch.RESUMED.value
        if grew and pd.notna(seen_on):
            told.append(Sighting(seen_on, _growth_words(target, since, seen_on)))
        told += _watch_words(row, past.get(name, {}), seen_on) + _ground_words(row, past.get(name, {}))
        found[name] = told
    return found


def _first(target: Mapping[Any, Any]) -> list[Sighting]:
    if pd.isna(target["first_seen"]):
        return []
    clear = "" if pd.isna(target["last_clear"]) else f"{target['last_clear']:%Y-%m-%d}影像尚无变化，"
    parent = f"，由{target['parent_ids']}分出" if isinstance(target["parent_ids"], str) else ""
    words = f"{clear}{target['first_seen']:%Y-%m-%d}影像已见疑似新增建设{parent}"
    return [Sighting(target["first_seen"], words)]


def _growth_words(target: Mapping[Any, Any], since: Any, seen_on: pd.Timestamp) -> str:
    between = f"{since:%Y-%m-%d}至" if pd.notna(since) else ""
    before = target["area_before_m2"]
    size = "" if pd.isna(before) else f"由{mu(before):.2f}亩到{mu(target['area_m2']):.2f}亩"
    return f"{between}{seen_on:%Y-%m-%d}影像之间疑似扩大{size}"


def _watch_words(row: Mapping[Any, Any], past: Mapping[Any, Any], seen_on: Any) -> list[Sighting]:
    """A watch whose state is another than last month's; a month without a view is no news."""
    state = row["watch"]
    if not isinstance(state, str) or state in (past.get("watch"), StopWatch.NOT_SEEN.value):
        return []
    day = seen_on if state == StopWatch.RESUMED.value else row["observed_on"]
    if pd.isna(day):
        return []
    return [Sighting(day, f"停工观察：{_WATCH_LABELS[state]}。{row['watch_reason']}")]


def _ground_words(row: Mapping[Any, Any], past: Mapping[Any, Any]) -> list[Sighting]:
    """Ground cleared or green again, or standing again after it was gone."""
    state, before = row["ground"], past.get("ground_told")
    if state not in _TOLD or pd.isna(row["observed_on"]):
        return []
    if state != before and (state in _GONE or before in _GONE):
        return [Sighting(row["observed_on"], f"清除复绿复查：{_GROUND_LABELS[state]}。{row['ground_reason']}")]
    return []
