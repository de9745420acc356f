"""Accountability for the supervise stage: loads verdicts, acts and duties, saves the table."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.duty import Answer, Responsibility
from pipeline.duty_rules import triggers_on
from pipeline.schema import ACCOUNTABILITY, VERDICTS
from pipeline.sources.units import UnitBook
from pipeline.stages.base import StageContext
from pipeline.store import write_table
from pipeline.supervise.accountability import Facts, accountability
from pipeline.supervise.acts import Acts
from pipeline.supervise.cases import Deadlines


def write_accountability(
    context: StageContext,
    out: Path,
    answered: Callable[[str, date], str | None],
    alerts: pd.DataFrame,
    acts: dict[str, Acts],
    deadlines: Deadlines,
    replies: Any,
    disputed: frozenset[str],
) -> int:
    """Write ``accountability.parquet``; gives the number of rows that count anything."""
    facts = Facts(context.table("reconcile", VERDICTS), alerts, acts, deadlines, answered, context.as_of, disputed)
    table = accountability(
        facts,
        triggers_on(context.period.last_day),
        replies,
        period=str(context.period),
        confidence=context.config.reconcile.confidence,
    )
    write_table(out / "accountability.parquet", ACCOUNTABILITY, table)
    return int((table["denominator"] > 0).sum())


def answered_on(book: UnitBook, tasks: pd.DataFrame) -> Callable[[str, date], str | None]:
    """The unit that answered for a target's cell on a day, by the duty tables and the TASKS' own cells."""
    known = dict(zip(book.people["person_id"], book.people["unit_id"], strict=True))
    duties = Responsibility(book.responsibility, book.delegations, known)
    homes = {
        target: (_text(cell), Answer(_text(unit), None, None))
        for target, cell, unit in tasks[["target_id", "cell_id", "unit_id"]].itertuples(index=False)
    }

    def answered(target_id: str, day: date) -> str | None:
        cell, otherwise = homes.get(target_id, (None, Answer(None, None, None)))
        return duties.on(cell, day, otherwise).acting_unit_id

    return answered


def _text(value: Any) -> str | None:
    return value if isinstance(value, str) else None
