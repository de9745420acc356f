"""What the tracks of the day on which a finding was written down say of where it can have been."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from datetime import date
from typing import Any

from pipeline.reconcile.evidence import as_day, as_text
from pipeline.reconcile.sight import TRACK_EVIDENCE, doubtful
from pipeline.values import SHORT_OUTING_DAYS, may_share_people

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


def was_elsewhere(
    day: date | None, until: date | None, people: str | None, near: Collection[str], visits: Sequence[Dated]
) -> bool:
    """Whether the outing on which a finding was written down stayed away from the target.

    Its outings are the unit's of that day, or of its few days, but for those of other ``people``. They say something
    only where the rows of that day have a track, and none of them is known from the ledger alone or by a track in
    doubt. ``near``: ids of visits that may have been at the target; ``visits``: the unit's.
    """
    until = until or day
    if day is None or until is None or (until - day).days >= SHORT_OUTING_DAYS:
        return False
    outings = [
        (visit_id, row)
        for visit_id, start, end, row in visits
        if start <= until and day <= (end or start) and may_share_people(as_text(row["people"]), people)
    ]
    sure = all(row["evidence"] in TRACK_EVIDENCE and not doubtful(row["doubts"]) for _, row in outings)
    with_its_row = any(row["evidence"] == WALKED_WITH_ITS_ROW for _, row in outings)
    return with_its_row and sure and not any(visit_id in near for visit_id, _ in outings)
