"""The month's targets as ranked tasks of the units that act, within each unit's workload; nothing is dropped."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta
from typing import Any

import geopandas as gpd
import pandas as pd

from pipeline.geodesy import mu
from pipeline.patrol.blind import HELD_BACK
from pipeline.patrol.responsibility import acting_units, unit_at
from pipeline.schema import TASKS, conform
from pipeline.values import Confidence, Outcome, Stage, TargetState

EARLINESS: dict[str, float] = {
    Stage.EARTHWORKS.value: 1.0,
    Stage.PIT.value: 0.75,
    Stage.STRUCTURE.value: 0.5,
    Stage.ROOFED.value: 0.25,
    Stage.UNKNOWN.value: 0.5,
}
"""How much there is still to prevent (防范在先): the earlier the better; unknown is the middle."""
EARLY_HINT = "尚处早期，宜先核查"
# a smaller overlap of two drawn outlines is none
_LEAST_TOLD_M2 = 1.0
CLOSED = (Outcome.LAWFUL.value, Outcome.PSEUDO_CHANGE.value, Outcome.OTHER.value)


@dataclass(frozen=True)
class Told:
    """The stage that a ledger entry told of a target, on a day if it is dated; ``sure``: the entry surely is about it."""

    stage: Stage
    day: date | None
    sure: bool


@dataclass(frozen=True)
class Weights:
    """How much each circumstance adds to a target's probability when tasks are ranked; all at least 0.

    ``full_area_m2``: from this area on a target counts as fully large.
    """

    basic_farmland: float
    farmland: float
    early_stage: float
    growth: float
    area: float
    full_area_m2: float


def rank_tasks(
    targets: gpd.GeoDataFrame,
    located: pd.DataFrame,
    answerable: pd.DataFrame,
    units: gpd.GeoDataFrame,
    delegations: pd.DataFrame,
    field_checks: pd.DataFrame,
    dispatches: pd.DataFrame,
    *,
    weights: Weights,
    day: date,
    field_check_days: int,
    blind: frozenset[str] = frozenset(),
) -> Any:
    """Every target that is not merged as a task, ranked per acting unit, as :data:`~pipeline.schema.TASKS`.

    ``located`` as from :func:`pipeline.patrol.cells.locate_targets`, ``answerable`` per cell on ``day``, the day the
    list may go out; ``field_checks`` and ``dispatches`` as known on that day. A unit's tasks beyond its
    ``workload_per_month``, targets a person has already checked (unless they have grown) and targets no unit
    answers for stay in the table with ``included`` False and the reason. ``due_on``: ``field_check_days`` after the
    first dispatch, or after ``day`` for what was never dispatched or has grown since its check; null for what was
    checked and has not grown, whose deadlines follow from the case. Targets in ``blind`` (see
    :func:`pipeline.patrol.blind.draw_blind`) are left out too, marked, and rank behind all others of their unit.
    """
    live = targets[(targets["state"] != TargetState.MERGED.value).to_numpy()]
    frame = live.merge(located, on="target_id", how="left", validate="1:1")
    frame = frame.merge(answerable, on="cell_id", how="left", validate="m:1")
    frame = _outside_cells(frame, units, delegations, day)
    checked = latest_checks(field_checks)
    first = dispatches.sort_values("dispatched_on", kind="stable").drop_duplicates("target_id")
    dispatched = dict(zip(first["target_id"], first["dispatched_on"], strict=True))
    rows = [_task(row, checked, dispatched, weights, day, field_check_days) for row in frame.to_dict("records")]
    rows = [_held_back(row) if row["target_id"] in blind and row["included"] else row for row in rows]
    return conform(TASKS, _within_workload(pd.DataFrame(rows, columns=TASKS.names), units))


def with_told_stages(tasks: pd.DataFrame, stages: Mapping[str, str], told: Mapping[str, Told]) -> pd.DataFrame:
    """TASKS whose reason names the ledger where it told a later stage than the image's, in place of the early hint, or
    where the image tells none.

    ``stages``: target id to the stage seen, ``told``: target id to the furthest stage told. ``tasks`` is not changed.
    """
    reasons = [
        _with_told(reason, stages.get(target), told.get(target))
        for target, reason in zip(tasks["target_id"], tasks["reason"], strict=True)
    ]
    return tasks.assign(reason=pd.Series(reasons, index=tasks.index, dtype="str"))


def _with_told(reason: str, seen: str | None, told: Told | None) -> str:
    order = [stage.value for stage in Stage if stage is not Stage.UNKNOWN]
    if told is None or (seen in order and order.index(told.stage.value) <= order.index(seen)):
        return reason
    ledger = f"{'' if told.sure else '待判定的'}台账{told.day or ''}记载{told.stage.label}"
    later = "，比影像所见更靠后" if seen in order else ""
    return f"{reason.removesuffix('。').removesuffix(f'，{EARLY_HINT}')}，{ledger}{later}，以现场为准。"


def latest_checks(field_checks: pd.DataFrame) -> dict[str, tuple[str, pd.Timestamp]]:
    """Target id to the outcome and day of its latest field check; one that found nothing out (未核) takes nothing back."""
    told = field_checks[(field_checks["outcome"] != Outcome.UNCHECKED.value).to_numpy()]
    ordered = told.sort_values(["target_id", "checked_on"], kind="stable")
    return {
        target_id: (outcome, checked_on)
        for target_id, outcome, checked_on in ordered[["target_id", "outcome", "checked_on"]].itertuples(index=False)
    }


def priority_of(row: dict[Any, Any], weights: Weights) -> float:
    """A target's priority, 0..1: its probability, raised by what makes acting now worth more.

    ``probability * (1 + sum of weight * circumstance) / (1 + sum of weights)``; circumstances are 0..1: share of
    farmland, basic farmland touched, earliness of the stage, growth since last period, area up to ``full_area_m2``.
    """
    area = _number(row["area_m2"])
    farmland = min(_number(row["farmland_m2"]) / area, 1.0) if area > 0 else 0.0
    raised = (
        weights.farmland * farmland
        + weights.basic_farmland * float(_number(row["basic_farmland_m2"]) > 0)
        + weights.early_stage * EARLINESS[row["stage"]]
        + weights.growth * float(row["state"] == TargetState.GROWING.value)
        + weights.area * min(area / weights.full_area_m2, 1.0)
    )
    most = weights.farmland + weights.basic_farmland + weights.early_stage + weights.growth + weights.area
    return round(float(row["probability"]) * (1.0 + raised) / (1.0 + most), 6)


def _outside_cells(frame: Any, units: gpd.GeoDataFrame, delegations: pd.DataFrame, day: date) -> Any:
    """Targets in no cell get the unit polygon they lie in, and no person."""
    acting_of, _ = acting_units(delegations, day=day)
    frame = frame.copy()
    for row in frame.index[frame["cell_id"].isna()]:
        shape = frame.geometry.loc[row]
        unit_id = None if shape is None or shape.is_empty else unit_at(units, shape.representative_point())
        frame.loc[row, ["unit_id", "acting_unit_id"]] = [unit_id, acting_of.get(unit_id, unit_id) if unit_id else None]
    return frame


def _task(
    row: dict[Any, Any],
    checked: dict[str, tuple[str, pd.Timestamp]],
    dispatched: dict[str, pd.Timestamp],
    weights: Weights,
    day: date,
    field_check_days: int,
) -> dict[str, Any]:
    target_id = row["target_id"]
    outcome, checked_on = checked.get(target_id, (Outcome.UNCHECKED.value, pd.NaT))
    left_out = None
    if outcome in CLOSED and row["state"] != TargetState.GROWING.value:
        since = "此后影像未见新的变化" if row["state"] == TargetState.CARRIED.value else "此后影像未见扩大"
        left_out = f"已于{checked_on:%Y-%m-%d}核查为{_label(outcome)}，{since}"
    elif not isinstance(row["acting_unit_id"], str):
        left_out = "不在任何单位的网格或辖区内，请局里指定单位"
    first = dispatched.get(target_id)
    unchecked = outcome == Outcome.UNCHECKED.value
    awaits_check = unchecked or row["state"] == TargetState.GROWING.value
    start = first if unchecked and first is not None else pd.Timestamp(day)
    return {
        "target_id": target_id,
        "cell_id": row["cell_id"],
        "cell_shares": row["cell_shares"],
        "unit_id": row["unit_id"],
        "acting_unit_id": row["acting_unit_id"],
        "person_id": row["person_id"],
        "rank": 0,
        "priority": priority_of(row, weights),
        "included": left_out is None,
        "left_out_reason": left_out,
        "blind_sample": None,
        "due_on": start + timedelta(days=field_check_days) if left_out is None and awaits_check else None,
        "reason": _reason(row, outcome, checked_on, first),
    }


def _held_back(task: dict[str, Any]) -> dict[str, Any]:
    return {**task, "included": False, "left_out_reason": HELD_BACK, "blind_sample": "是", "due_on": None}


def _within_workload(frame: pd.DataFrame, units: gpd.GeoDataFrame) -> pd.DataFrame:
    """Rank each acting unit's tasks, those that may be included first, and leave out what exceeds its workload."""
    caps = {unit: int(cap) for unit, cap in zip(units["unit_id"], units["workload_per_month"], strict=True)}
    # blind samples rank last, so that the ranks the unit sees have no gap
    keys = frame.assign(
        unit_key=frame["acting_unit_id"].fillna("").astype("object"), held=frame["blind_sample"].notna()
    )
    ordered = keys.sort_values(
        ["unit_key", "held", "included", "priority", "target_id"],
        ascending=[True, True, False, False, True],
        kind="stable",
    )
    ordered["rank"] = ordered.groupby("unit_key", sort=False).cumcount() + 1
    cap = ordered["unit_key"].map(lambda unit: caps.get(unit, 0)).astype("int64")
    beyond = ordered["included"].astype(bool) & (ordered["rank"] > cap)
    ordered.loc[beyond, "left_out_reason"] = [
        f"超出该单位本月核查上限{most}个（排第{rank}位），留待下期"
        for most, rank in zip(cap[beyond], ordered.loc[beyond, "rank"], strict=True)
    ]
    ordered["due_on"] = pd.to_datetime(ordered["due_on"]).where(~beyond)
    ordered["included"] = ordered["included"].astype(bool) & ~beyond
    return ordered


def _reason(row: dict[Any, Any], outcome: str, checked_on: Any, dispatched_on: pd.Timestamp | None) -> str:
    """One Chinese sentence that says what was seen and why it stands where it stands."""
    stage = {known.value: known.label for known in Stage} | {Stage.UNKNOWN.value: "施工阶段不能判断"}
    looks = {level.value: f"，{level.label}" for level in Confidence}.get(row["confidence"], "")
    parts = [f"疑似新增建设（概率{float(row['probability']):.2f}{looks}，{stage[row['stage']]}）"]
    areas = (("面积", "area_m2"), ("涉及耕地", "farmland_m2"), ("涉及永久基本农田", "basic_farmland_m2"))
    parts += [f"{what}{_mu_text(row[name])}" for what, name in areas if _number(row[name]) >= _LEAST_TOLD_M2]
    if row["state"] == TargetState.GROWING.value:
        parts.append("较上期扩大")
    if row["state"] == TargetState.CARRIED.value:
        parts.append("本期影像未见新的变化，不等于已消失，前期任务未办结")
    if dispatched_on is not None:
        parts.append(f"{dispatched_on:%Y-%m-%d}已派发")
    if outcome != Outcome.UNCHECKED.value:
        parts.append(f"{checked_on:%Y-%m-%d}核查为{_label(outcome)}，请跟踪现状")
    if row["stage"] in (Stage.EARTHWORKS.value, Stage.PIT.value):
        parts.append(EARLY_HINT)
    return "，".join(parts) + "。"


def _mu_text(area_m2: float) -> str:
    """An area in mu with one decimal; one that would read 0.0 is told as less than the smallest that is printed."""
    text = f"{mu(area_m2):.1f}"
    return "少于0.1亩" if text == "0.0" else f"{text}亩"


def _label(outcome: str) -> str:
    return {known.value: known.label for known in Outcome}[outcome]


def _number(value: Any) -> float:
    return 0.0 if value is None or pd.isna(value) else float(value)
