"""Short ways to write records for the supervise room."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import pandas as pd

from pipeline.schema import (
    APPROVAL_RECORDS,
    DECISIONS,
    DISPATCHES,
    FIELD_CHECKS,
    NOTICES,
    REFERRAL_RECORDS,
    Table,
    conform,
    empty,
)
from pipeline.supervise.acts import Acts, Heir, gather

TABLES: dict[str, Table] = {
    "dispatches": DISPATCHES,
    "field_checks": FIELD_CHECKS,
    "approvals": APPROVAL_RECORDS,
    "notices": NOTICES,
    "referrals": REFERRAL_RECORDS,
    "decisions": DECISIONS,
}


def frames(**rows: list[tuple[Any, ...]]) -> dict[str, Any]:
    """Record tables from rows in the schema's column order; tables not given are empty."""
    made = {}
    for name, table in TABLES.items():
        given = [dict(zip(table.names, row, strict=False)) for row in rows.get(name, [])]
        made[name] = conform(table, pd.DataFrame(given, columns=table.names)) if given else empty(table)
    return made


def acts(
    carried: dict[str, str] | None = None,
    heirs: Mapping[str, Sequence[Heir]] | None = None,
    **rows: list[tuple[Any, ...]],
) -> dict[str, Acts]:
    """Acts per target; ``carried`` defaults to the one target T."""
    return gather(**frames(**rows), carried={"T": "T"} if carried is None else carried, heirs=heirs)


SENT = ("2026-10", "2026-10", "T", "U1", "2026-11-05")


def notice(served: str | None = None, number: str = "一号", issued: str = "2026-11-10") -> tuple[Any, ...]:
    return ("T", "责令停止违法行为通知书", number, issued, served)


def decision(word: str, day: str) -> tuple[Any, ...]:
    return ("T", None, word, day)
