"""Reasons to look (值得核对): what in ledgers and tracks a person should look at again, never held against anyone."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import pandas as pd

from pipeline.schema import ODDITIES, conform, empty

COPIED, SAME_OUTING, IMPOSSIBLE_SPEED, TOO_REGULAR, NIGHT, CLOCK, TWO_PLACES = (
    "copied_track", "same_outing", "impossible_speed", "too_regular", "night", "clock", "two_places",
)  # fmt: skip
LEDGER_WITHOUT_TRACK, TRACK_WITHOUT_LEDGER = "ledger_without_track", "track_without_ledger"


def oddity(
    unit_id: str, kind: str, what: str, reason: str, *, file: str | None = None, sheet: str | None = None,
    row: int | None = None,
) -> dict[str, Any]:  # fmt: skip
    """A row of the table ODDITIES. ``what``: the thing as people know it; ``reason``: what is odd, in neutral words."""
    return {"unit_id": unit_id, "file": file, "sheet": sheet or None, "row": row, "kind": kind, "what": what,
            "reason": reason}  # fmt: skip


def oddities_table(rows: Iterable[Mapping[str, Any]]) -> pd.DataFrame:
    """The table ODDITIES, each row once, ordered by unit, kind, file and row."""
    unique = {tuple(row[name] for name in ODDITIES.names): row for row in rows}
    if not unique:
        return empty(ODDITIES)
    return conform(ODDITIES, pd.DataFrame(sorted(unique.values(), key=_order), columns=ODDITIES.names))


def _order(row: Mapping[str, Any]) -> tuple[Any, ...]:
    texts = (row[name] or "" for name in ("file", "sheet"))
    return row["unit_id"], row["kind"], *texts, row["row"] or 0, row["what"], row["reason"]
