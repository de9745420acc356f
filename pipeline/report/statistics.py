"""The month in numbers: every one a count or sum over rows of the month's tables."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from pipeline import FORMAT_VERSION
from pipeline.report.lateness import lateness, open_tasks
from pipeline.report.tables import MonthTables
from pipeline.report.waiting import waits
from pipeline.values import (
    HELD_WAITING,
    CellState,
    Confidence,
    Labelled,
    MissedKind,
    OmissionClass,
    Outcome,
    Stage,
    TargetState,
    Verdict,
)

NO_UNIT = "未落实责任单位"
FOUND = (Verdict.FOUND_BEFORE_DISPATCH, Verdict.FOUND_AFTER_DISPATCH)
# copies of other rows (E506) and totals or signatures (E507) ask nothing of anybody
NOTHING_TO_MEND = ("E506", "E507", "E509")
NOT_FOUND = (Verdict.PATROLLED_NOT_REPORTED, Verdict.DUE_NOT_PATROLLED)


def month_numbers(month: MonthTables) -> dict[str, Any]:
    """All numbers of the month as plain JSON values.

    ``funnel`` goes from candidates to tasks, ``units`` has one row per acting unit (None: nobody answers for the
    cell), counts by code list every code of the vocabulary, zeros included. Merged targets count in ``by_state`` only.
    """
    standing = standing_targets(month)
    return {
        "format_version": FORMAT_VERSION,
        "city": month.city_name,
        "period": month.period,
        "run": month.run_name,
        "as_of": month.as_of.isoformat(),
        "funnel": _funnel(month),
        "targets": {
            "total": len(standing),
            "by_state": by_code(month.targets["state"], TargetState),
            "by_stage": by_code(standing["stage"], Stage),
            "by_confidence": by_code(standing["confidence"], Confidence),
            "area_m2": _total(standing["area_m2"]),
            "farmland_m2": _total(standing["farmland_m2"]),
            "basic_farmland_m2": _total(standing["basic_farmland_m2"]),
        },
        "cells": {"total": len(month.cell_states), "by_state": by_code(month.cell_states["state"], CellState)},
        "verdicts": {
            "total": len(month.verdicts),
            "by_verdict": by_code(month.verdicts["verdict"], Verdict),
            "by_outcome": by_code(month.verdicts["outcome"], Outcome),
            "accountable": int(month.verdicts["accountable"].sum()),
            "missed_unchecked": _missed_unchecked(month.verdicts),
        },
        "omissions": {"total": len(month.omissions), "by_class": by_code(month.omissions["omission"], OmissionClass)},
        "ledger": {
            "rows": len(month.entries),
            "findings": int(month.entries["finding"].sum()),
            "visits": len(month.visits),
            "repairs": len(month.repairs),
            "rejected": len(month.rejected),
            "to_mend": _to_mend(month.rejected),
            "rejected_by_code": by_value(month.rejected["code"]),
        },
        "matches": {"total": len(month.matches), "by_status": by_value(month.matches["status"])},
        "to_decide": len(month.ambiguous),
        "coverage": {
            "total": len(month.coverage),
            "by_state": by_value(month.coverage["state"]),
            "planned_seen_early_share": _planned_share(month.coverage, "seen_early_share"),
            "planned_seen_built_share": _planned_share(month.coverage, "seen_built_share"),
        },
        "missed": {
            "total": len(month.missed),
            "area_m2": _total(month.missed["area_m2"]),
            "by_kind": by_code(month.missed["kind"], MissedKind),
        },
        "cases": {"by_state": by_value(month.cases["state"]), "overdue": int(month.cases["overdue"].sum())},
        "alerts": {"total": len(month.alerts), "by_alert": by_value(month.alerts["alert"])},
        "plan_check": {"total": len(month.plan_check), "by_rule": by_value(month.plan_check["rule"])},
        "kpis": _kpis(month.kpis),
        "units": unit_numbers(month),
    }


def _planned_share(coverage: pd.DataFrame, column: str) -> float | None:
    """A share of the cells with planned visits, weighed by their area; None where nothing is planned or measured."""
    rows = coverage[(coverage["planned_visits"] > 0) & coverage[column].notna() & (coverage["area_ha"] > 0)]
    area = float(rows["area_ha"].sum())
    return float((rows[column] * rows["area_ha"]).sum()) / area if area > 0 else None


def unit_numbers(month: MonthTables) -> list[dict[str, Any]]:
    """One row per acting unit in the order of unit ids, units without cells or targets included, None last."""
    names = month.unit_names()
    parts = {
        "cells": _by_unit(month.cell_states, "acting_unit_id"),
        "tasks": _by_unit(month.tasks, "acting_unit_id"),
        "verdicts": _by_unit(month.verdicts, "acting_unit_id"),
        "missed": _by_unit(month.missed, "acting_unit_id"),
        "entries": _by_unit(month.entries, "unit_id"),
        "visits": _by_unit(month.visits, "unit_id"),
        "rejected": _by_unit(month.rejected, "unit_id"),
        "repairs": _by_unit(month.repairs, "unit_id"),
        "omissions": _by_unit(month.omissions, "unit_id"),
    }
    found = {unit for groups in parts.values() for unit in groups}
    ids: list[str | None] = [*sorted(set(names) | {unit for unit in found if unit is not None})]
    todo = open_tasks(month.tasks, month.cases, month.as_of)
    everyone = [*ids, *([None] if None in found else [])]
    return [_unit_row(unit, names, parts, lateness(todo, unit, names)) for unit in everyone]


def _unit_row(
    unit: str | None,
    names: Mapping[str, str],
    parts: Mapping[str, Mapping[str | None, pd.DataFrame]],
    deadlines: Mapping[str, Any],
) -> dict[str, Any]:
    rows = {name: groups.get(unit) for name, groups in parts.items()}
    tasks, verdicts, missed = rows["tasks"], rows["verdicts"], rows["missed"]
    included = tasks[tasks["included"]] if tasks is not None else None
    return {
        "unit_id": unit,
        "name": NO_UNIT if unit is None else names.get(unit, unit),
        "cells": _size(rows["cells"]),
        "cells_by_state": by_code(_column(rows["cells"], "state"), CellState),
        "targets": _size(tasks),
        "tasks": _size(included),
        "left_out": _size(tasks) - _size(included),
        **deadlines,
        "verdicts": by_code(_column(verdicts, "verdict"), Verdict),
        "unchecked": _column(verdicts, "outcome").count(Outcome.UNCHECKED.value),
        "accountable": int(verdicts["accountable"].sum()) if verdicts is not None else 0,
        "missed_areas": _size(missed),
        "missed_m2": _total(missed["area_m2"]) if missed is not None else 0.0,
        "ledger_rows": _size(rows["entries"]),
        "ledger_findings": int(rows["entries"]["finding"].sum()) if rows["entries"] is not None else 0,
        "visits": _size(rows["visits"]),
        "rejected": _size(rows["rejected"]),
        "to_mend": _to_mend(rows["rejected"]) if rows["rejected"] is not None else 0,
        "repairs": _size(rows["repairs"]),
        "omissions": by_code(_column(rows["omissions"], "omission"), OmissionClass),
    }


def _missed_unchecked(verdicts: pd.DataFrame) -> int:
    """Possibly missed targets that nobody has looked at: the satellite itself may be wrong about them."""
    accused = verdicts["verdict"].isin([code.value for code in NOT_FOUND])
    return int((accused & (verdicts["outcome"] == Outcome.UNCHECKED.value)).sum())


def standing_targets(month: MonthTables) -> Any:
    """The targets that stand for themselves: those merged into another one are left out."""
    return month.targets[month.targets["state"] != TargetState.MERGED.value]


def month_summary(numbers: Mapping[str, Any]) -> dict[str, Any]:
    """The few figures a person asks for first, from :func:`month_numbers`."""
    verdicts = numbers["verdicts"]["by_verdict"]
    cells = numbers["cells"]["by_state"]
    return {
        "city": numbers["city"],
        "period": numbers["period"],
        "run": numbers["run"],
        "as_of": numbers["as_of"],
        "targets": numbers["targets"]["total"],
        "tasks": numbers["funnel"]["tasks_included"],
        "suppressed": numbers["funnel"]["suppressed"],
        "waiting": numbers["funnel"]["waiting"],
        "found": sum(verdicts[code.value] for code in FOUND),
        "found_before_dispatch": verdicts[Verdict.FOUND_BEFORE_DISPATCH.value],
        "found_after_dispatch": verdicts[Verdict.FOUND_AFTER_DISPATCH.value],
        "patrolled_not_reported": verdicts[Verdict.PATROLLED_NOT_REPORTED.value],
        "due_not_patrolled": verdicts[Verdict.DUE_NOT_PATROLLED.value],
        "undeterminable": verdicts[Verdict.UNDETERMINABLE.value],
        "to_decide": numbers["to_decide"],
        "accountable": numbers["verdicts"]["accountable"],
        "missed_unchecked": numbers["verdicts"]["missed_unchecked"],
        "satellite_missed": numbers["omissions"]["by_class"][OmissionClass.TRUE_MISS.value],
        "satellite_omissions": numbers["omissions"]["total"],
        "cells": numbers["cells"]["total"],
        "cells_not_observed": cells[CellState.NOT_OBSERVED.value],
        "cells_partly_observed": cells[CellState.PARTLY_OBSERVED.value],
        "missed_areas": numbers["missed"]["total"],
        "rejected_rows": numbers["ledger"]["rejected"],
        "rows_to_mend": numbers["ledger"]["to_mend"],
        "units": [
            {
                "unit_id": unit["unit_id"],
                "name": unit["name"],
                "targets": unit["targets"],
                "tasks": unit["tasks"],
                "found": sum(unit["verdicts"][code.value] for code in FOUND),
                "missed": sum(unit["verdicts"][code.value] for code in NOT_FOUND),
                "undeterminable": unit["verdicts"][Verdict.UNDETERMINABLE.value],
            }
            for unit in numbers["units"]
        ],
    }


def summary_lines(summary: Mapping[str, Any]) -> list[str]:
    """The month for a terminal: targets by unit, found, missed, undeterminable, the detector's omissions."""
    lines = [
        f"{summary['city']} {summary['period']}（版本 {summary['run']}，资料截至 {summary['as_of']}）",
        f"  网格 cells: {summary['cells']}，未观测 not observed {summary['cells_not_observed']}，"
        f"部分可观测 partly {summary['cells_partly_observed']}",
        f"  疑似目标 targets: {summary['targets']}（列入任务 tasks {summary['tasks']}；另有排除 suppressed "
        f"{summary['suppressed']}，待后续影像复核 waiting {summary['waiting']}，理由见 month.xlsx）",
        f"  巡查已发现 found: 派发前 {summary['found_before_dispatch']}，派发后 {summary['found_after_dispatch']}",
        f"  可能漏查 possibly missed: 已巡未发现 {summary['patrolled_not_reported']}，"
        f"应巡未巡 {summary['due_not_patrolled']}（目标尚未实地核实 unchecked {summary['missed_unchecked']}，"
        f"先核实目标是否属实；现场核实为违法、可追责 accountable {summary['accountable']}）",
        f"  不可判 undeterminable: {summary['undeterminable']}；"
        f"待人工判定 to decide: {summary['to_decide']} 组（请在 report/待人工判定.xlsx 中判定）",
        f"  卫星漏检 missed by the satellite: {summary['satellite_missed']}"
        f"（台账有而图斑无的共 {summary['satellite_omissions']} 处，分类见报告）",
        f"  计划内轨迹未覆盖 planned ground without a track: {summary['missed_areas']} 处；"
        f"台账未采用行 rows not used: {summary['rejected_rows']}（需补正 to mend {summary['rows_to_mend']}）",
        "  按单位 by unit（目标 targets / 已发现 found / 可能漏查 missed / 不可判 undeterminable；"
        "目标按现负责单位，结论按当时负责单位）:",
    ]
    lines += [
        f"    {unit['name']}: {unit['targets']} / {unit['found']} / {unit['missed']} / {unit['undeterminable']}"
        for unit in summary["units"]
    ]
    return [
        *lines,
        "  先看 look first at: report/month.html；地图 map: targets.gpkg；任务包 packages: report/packages/",
    ]


def by_code(values: Iterable[Any], codes: type[Labelled]) -> dict[str, int]:
    """How often each code occurs, in the vocabulary's order, zeros included; unknown words follow sorted."""
    counts = by_value(values)
    known = {member.value: counts.pop(member.value, 0) for member in codes}
    return known | counts


def by_value(values: Iterable[Any]) -> dict[str, int]:
    """How often each text occurs, sorted by text; missing values count as ``null``."""
    texts = [value if isinstance(value, str) else "null" for value in values]
    return {text: texts.count(text) for text in sorted(set(texts))}


def _funnel(month: MonthTables) -> dict[str, Any]:
    included = int(month.tasks["included"].sum())
    left = month.tasks.loc[~month.tasks["included"], "left_out_reason"]
    return {
        "candidates": len(month.candidates),
        "suspected": len(month.suspected),
        "suppressed": len(month.suppressed),
        "waiting": waits(month.waiting),
        "waiting_by": by_value(month.waiting.loc[month.waiting["outcome"] == HELD_WAITING, "held_reason"]),
        "suppressed_by": by_value(month.suppressed["suppressed_by"]),
        "targets": len(standing_targets(month)),
        "tasks_included": included,
        "tasks_left_out": len(month.tasks) - included,
        "left_out_reasons": by_value(left),
    }


def _kpis(kpis: pd.DataFrame) -> list[dict[str, Any]]:
    ordered = kpis.sort_values(["kpi", "unit_id"], na_position="first", kind="stable")
    return [{key: _plain(value) for key, value in row.items()} for row in ordered.to_dict("records")]


def _by_unit(frame: pd.DataFrame, column: str) -> dict[str | None, pd.DataFrame]:
    ids = pd.Series([value if isinstance(value, str) else None for value in frame[column]], dtype="object")
    plain = frame.reset_index(drop=True)
    return {unit: plain[(ids == unit) if unit is not None else ids.isna()] for unit in ids.unique()}


def _to_mend(rejected: pd.DataFrame) -> int:
    return int((~rejected["code"].isin(NOTHING_TO_MEND)).sum())


def _column(frame: pd.DataFrame | None, name: str) -> list[Any]:
    return [] if frame is None else list(frame[name])


def _size(frame: pd.DataFrame | None) -> int:
    return 0 if frame is None else len(frame)


def _total(values: pd.Series) -> float:
    return round(float(values.sum()), 2)


def _plain(value: Any) -> Any:
    if value is None or (not isinstance(value, str) and pd.isna(value)):
        return None
    return value.item() if hasattr(value, "item") else value
