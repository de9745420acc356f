"""What the tracks of the day on which a finding was written down say of where it can have been."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from pipeline.reconcile.evidence import as_day
from pipeline.reconcile.sight import TRACK_EVIDENCE, doubtful

Row = dict[str, Any]
Dated = tuple[str, date, date | None, Row]

WALKED_WITH_ITS_ROW = "track+ledger"
PASSED_SEEN = 0.5


def passed_that_day(unit_id: str | None, day: date | None, seen: Sequence[Row], visits: Mapping[str, Row]) -> bool:
    """Whether the unit that wrote a finding down was seen, by its own track of that day, to pass the target.

    ``seen``: sightings of the target (``visit_id seen_probability tracked``); ``visits``: VISITS rows by id.
    """
    if unit_id is None or day is None:
        return False
    return any(
        row["tracked"]
        and row["seen_probability"] >= PASSED_SEEN
        and visits[row["visit_id"]]["unit_id"] == unit_id
        and as_day(visits[row["visit_id"]]["visited_on"]) == day
        for row in seen
    )


def was_elsewhere(day: date | None, until: date | None, near: Collection[str], visits: Sequence[Dated]) -> bool:
    """Whether the unit's outings of that day all stayed away from the target.

    That says something only where the day's rows have a track, and no outing of that day is known from the ledger alone
    or by a track in doubt. ``near``: ids of visits that may have been at the target; ``visits``: the unit's.
    """
    if day is None or (until is not None and until != day):
        return False
    outings = [row for row in visits if row[1] <= day <= (row[2] or row[1])]
    sure = all(row["evidence"] in TRACK_EVIDENCE and not doubtful(row["doubts"]) for *_, row in outings)
    with_its_row = any(row["evidence"] == WALKED_WITH_ITS_ROW for *_, row in outings)
    return with_its_row and sure and not any(name in near for name, *_ in outings)
