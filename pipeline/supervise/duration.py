"""How long a ground has been in the suspected illegal state: an interval of days, never one number."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import Any

import pandas as pd

from pipeline.supervise.acts import CLOSING, Acts
from pipeline.values import CaseDecision, Outcome

_LABELS = {outcome.value: outcome.label for outcome in Outcome}


@dataclass(frozen=True)
class Duration:
    """Days at least and at most, None where nothing can be said; ``ended_by``: what ended it, None while it lasts."""

    least: int | None
    most: int | None
    ended_by: str | None


def days_in_state(
    acts: Acts, *, last_clear: Any, first_seen: Any, standing_on: Any, gone_on: Any, approved_on: Any, as_of: date
) -> Duration:
    """From the onset interval to the day imagery or a record ends it.

    The works surely began by ``first_seen`` and surely not before ``last_clear``. They surely stood on ``standing_on``
    (the last look that shows them) and were surely gone on ``gone_on`` (None: never seen gone). A record (an approval
    covering the ground on ``approved_on``, a closing) ends the state on its day. While it lasts, the least counts to
    the last proof that the works stood (look or field check), the most to ``as_of``. Without ``last_clear`` there is no most.
    """
    checked = acts.checks[-1] if acts.checks else None
    if checked is not None and checked.content in CLOSING:
        return Duration(None, None, f"{checked.basis} 核查为{_LABELS[checked.content]}")
    if pd.isna(first_seen):
        return Duration(None, None, None)
    ends: list[tuple[Any, Any, str]] = []
    if pd.notna(gone_on):
        ends.append(
            (standing_on if pd.notna(standing_on) else first_seen, gone_on, f"{gone_on:%Y-%m-%d}影像疑似已清除")
        )
    if pd.notna(approved_on):
        ends.append((approved_on, approved_on, f"{approved_on:%Y-%m-%d}批准覆盖"))
    closed = acts.decided(CaseDecision.CLOSED)
    if closed is not None and (checked is None or checked.day <= closed.day):
        ends.append((closed.day, closed.day, closed.basis))
    if ends:
        low, high, words = min(ends, key=lambda end: (end[1], end[0]))
        return Duration(_days(first_seen, low), _most(last_clear, high), words)
    proofs = [day for day in (standing_on, first_seen) if pd.notna(day)]
    proofs += [act.day for act in acts.checks if act.content == Outcome.VIOLATION.value]
    return Duration(_days(first_seen, max(proofs)), _most(last_clear, pd.Timestamp(as_of)), None)


def _days(start: Any, end: Any) -> int:
    return max(int((end - start).days), 0)


def _most(last_clear: Any, end: Any) -> int | None:
    return None if pd.isna(last_clear) else _days(last_clear, end)
