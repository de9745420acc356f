"""Which verdicts a new reconciliation changes, and why: the old and the new verdict with their reasons."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.values import Verdict

_NONE = "无"
_LABELS = {verdict.value: verdict.label for verdict in Verdict}


def changed_verdicts(before: pd.DataFrame, after: pd.DataFrame) -> list[dict[str, Any]]:
    """Targets whose verdict, blamed unit or person differs between two VERDICTS tables, ordered by target id.

    ``before`` and ``after`` of a row are the verdicts (None where the target is in one table only), ``reason_before``
    and ``reason_after`` what was said of it.
    """
    columns = ["verdict", "acting_unit_id", "person_id", "reason"]
    old, new = (table.set_index("target_id")[columns] for table in (before, after))
    rows = []
    for target in sorted(set(old.index) | set(new.index)):
        was, now = (_row(table, target) for table in (old, new))
        compared = columns[:3] if _accuses(was) or _accuses(now) else columns[:1]
        if was and now and all(was[name] == now[name] for name in compared):
            continue
        rows.append(
            {"target_id": target, "before": was.get("verdict"), "after": now.get("verdict"),
             "reason_before": was.get("reason"), "reason_after": now.get("reason")}
        )  # fmt: skip
    return rows


def in_words(row: dict[str, Any]) -> str:
    """One line for the technician."""
    said = [_LABELS.get(row[name], _NONE) for name in ("before", "after")]
    return f"{row['target_id']}：{said[0]} → {said[1]}（{row['reason_after'] or row['reason_before']}）"


def _row(table: pd.DataFrame, target: str) -> dict[str, Any]:
    if target not in table.index:
        return {}
    return {name: None if pd.isna(value) else value for name, value in table.loc[target].items()}


def _accuses(row: dict[str, Any]) -> bool:
    return row.get("verdict") in (Verdict.PATROLLED_NOT_REPORTED, Verdict.DUE_NOT_PATROLLED)
