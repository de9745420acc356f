"""Shares with honest intervals: the month's indicators and the audit sample of cells."""

from __future__ import annotations

import hashlib
from collections.abc import Sequence
from typing import Any

import pandas as pd

from pipeline.intervals import wilson
from pipeline.reconcile.coverage import ledger_only
from pipeline.schema import AUDIT_SAMPLE, KPIS, conform
from pipeline.values import CoverageState, Outcome, Verdict

FOUND: tuple[str, ...] = (Verdict.FOUND_BEFORE_DISPATCH, Verdict.FOUND_AFTER_DISPATCH)
_MIN_PER_STRATUM = 2


def indicators(
    verdicts: pd.DataFrame, coverage: pd.DataFrame, visits: pd.DataFrame, *, confidence: float
) -> pd.DataFrame:
    """KPIS of the whole city (``unit_id`` null) and of every acting unit, each with its formula and interval.

    ``verdicts``, ``coverage`` and ``visits`` are VERDICTS, COVERAGE and VISITS (those of the month). Targets that
    people found to be pseudo changes are no targets and stay out of the shares of finding.
    """
    real = verdicts[verdicts["outcome"] != Outcome.PSEUDO_CHANGE]
    planned = coverage[coverage["planned_visits"] > 0]
    visited = visits.assign(acting_unit_id=visits["unit_id"], no_track=ledger_only(visits))
    checked = verdicts[verdicts["outcome"] != Outcome.UNCHECKED]
    measures: list[tuple[str, str, pd.DataFrame, pd.Series]] = [
        ("found_before_dispatch", "发现及时率 = 派发前台账已发现的目标 ÷ 全部目标（核查为伪变化的除外）",
         real, real["verdict"] == Verdict.FOUND_BEFORE_DISPATCH),
        ("found", "发现率 = 台账已发现的目标（派发前或派发后）÷ 全部目标（核查为伪变化的除外）",
         real, real["verdict"].isin(FOUND)),
        ("patrolled_not_reported", "已巡未发现率 = 已巡未发现的目标 ÷ 全部目标（核查为伪变化的除外）",
         real, real["verdict"] == Verdict.PATROLLED_NOT_REPORTED),
        ("due_not_patrolled", "应巡未巡率 = 应巡未巡的目标 ÷ 全部目标（核查为伪变化的除外）",
         real, real["verdict"] == Verdict.DUE_NOT_PATROLLED),
        ("undeterminable", "不可判率 = 不可判的目标 ÷ 全部目标（核查为伪变化的除外）",
         real, real["verdict"] == Verdict.UNDETERMINABLE),
        ("cells_reached", "到达率 = 有轨迹进入的计划网格 ÷ 计划网格", planned, planned["track_visits"] > 0),
        ("cells_covered", "覆盖率 = 看见面积比例达到覆盖标准的计划网格 ÷ 计划网格",
         planned, planned["state"] == CoverageState.COVERED),
        ("visits_without_track", "无轨迹率 = 仅有台账没有轨迹的巡查 ÷ 全部巡查", visited, visited["no_track"]),
        ("checked_targets", "核查率 = 已有实地核查结果的目标 ÷ 全部目标",
         verdicts, verdicts["outcome"] != Outcome.UNCHECKED),
        ("true_change", "属实率 = 核查不是伪变化的目标 ÷ 已核查的目标（核查对象不是随机抽取，仅说明已核查部分）",
         checked, checked["outcome"] != Outcome.PSEUDO_CHANGE),
    ]  # fmt: skip
    rows: list[dict[str, Any]] = []
    for name, formula, frame, hit in measures:
        units = frame["acting_unit_id"]
        for unit in [None, *sorted(set(units.dropna()))]:
            mine = hit if unit is None else hit[units == unit]
            rows.append(_indicator(name, formula, unit, int(mine.sum()), len(mine), confidence))
    return conform(KPIS, pd.DataFrame(rows, columns=KPIS.names))


def _indicator(
    name: str, formula: str, unit: str | None, numerator: int, denominator: int, confidence: float
) -> dict[str, Any]:
    low, high = wilson(numerator, denominator, confidence=confidence) if denominator else (None, None)
    return {
        "kpi": name,
        "unit_id": unit,
        "value": numerator / denominator if denominator else None,
        "low": low,
        "high": high,
        "numerator": numerator,
        "denominator": denominator,
        "formula": f"{formula}；区间为 {confidence:.0%} Wilson 区间",
    }


def audit_sample(cells: pd.DataFrame, coverage: pd.DataFrame, *, cells_wanted: int, seed: str) -> pd.DataFrame:
    """AUDIT_SAMPLE: a stratified simple random sample of cells for a full check on the ground.

    Strata are imagery state by coverage state; each gets at least two cells (or all it has), the rest in proportion
    to its size by largest remainders. The draw is a hash of ``seed`` (the period) and the cell id, so it can be
    repeated and nobody can steer it. Inclusion probabilities are exact: drawn over cells of the stratum.
    """
    strata = _strata(cells, coverage)
    names = sorted(strata)
    drawn = allocate([len(strata[name]) for name in names], cells_wanted)
    rows = []
    for name, count in zip(names, drawn, strict=True):
        order = sorted(strata[name], key=lambda cell: (hashlib.sha256(f"{seed}/{cell}".encode()).hexdigest(), cell))
        share = count / len(order)
        rows += [{"cell_id": cell, "stratum": name, "inclusion_probability": share} for cell in order[:count]]
    frame = pd.DataFrame(rows, columns=AUDIT_SAMPLE.names).sort_values("cell_id", kind="stable")
    return conform(AUDIT_SAMPLE, frame)


def stratum_sizes(cells: pd.DataFrame, coverage: pd.DataFrame) -> dict[str, int]:
    """All cells per stratum of :func:`audit_sample`."""
    return {name: len(members) for name, members in _strata(cells, coverage).items()}


def _strata(cells: pd.DataFrame, coverage: pd.DataFrame) -> dict[str, list[str]]:
    known = dict(zip(coverage["cell_id"], coverage["state"], strict=True))
    strata: dict[str, list[str]] = {}
    for cell, state in zip(cells["cell_id"], cells["state"], strict=True):
        strata.setdefault(f"{state}/{known.get(cell, CoverageState.NOT_PLANNED.value)}", []).append(cell)
    return strata


def allocate(sizes: Sequence[int], wanted: int) -> list[int]:
    """How many to draw from strata of these sizes: at least two each (or all, or none wanted), rest in proportion.

    Exactly ``min(wanted, sum(sizes))`` are drawn, unless the minima alone need more.
    """
    if wanted <= 0:
        return [0] * len(sizes)
    drawn = [min(size, _MIN_PER_STRATUM) for size in sizes]
    room = [size - count for size, count in zip(sizes, drawn, strict=True)]
    left = min(wanted, sum(sizes)) - sum(drawn)
    if left <= 0 or not sum(room):
        return drawn
    quota = [left * free / sum(room) for free in room]
    extra = [int(share) for share in quota]
    by_remainder = sorted(range(len(sizes)), key=lambda at: (extra[at] - quota[at], at))
    for at in by_remainder[: left - sum(extra)]:
        extra[at] += 1
    return [count + more for count, more in zip(drawn, extra, strict=True)]
