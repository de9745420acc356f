"""What the tracks of the day on which a finding was written down say of where it can have been."""

from __future__ import annotations

import re
import unicodedata
from collections.abc import Collection, Mapping, Sequence
from datetime import date, timedelta
from typing import Any

import shapely

from pipeline.reconcile.evidence import as_day, as_text
from pipeline.reconcile.sight import TRACK_EVIDENCE, doubtful, unknown_way

Row = dict[str, Any]
Dated = tuple[str, date, date | None, Row]

WALKED_WITH_ITS_ROW = "track+ledger"
PASSED_SEEN = 0.5
# days of a row up to which it tells of one outing; a longer range tells of others as well
SHORT_OUTING_DAYS = 3
# What an outing wrote down lay this near to its way; where a track ends, people may have gone on without it.
OUTING_REACH_M, BEYOND_ITS_ENDS_M = 500.0, 1000.0
_SEPARATORS, _JOINTS = re.compile(r"[、，,；;/\s]+"), re.compile(r"[和及与]")


def passed_that_day(
    unit_id: str | None, day: date | None, until: date | None, seen: Sequence[Row], visits: Mapping[str, Row]
) -> bool:
    """Whether the unit that wrote a finding down was seen, by its own track of that outing, to pass the target.

    ``until``: the last day of a row over few days; ``seen``: sightings of the target (``visit_id seen_probability
    tracked``); ``visits``: VISITS rows by id.
    """
    days = _days(day, until)
    return unit_id is not None and any(
        row["tracked"]
        and row["seen_probability"] >= PASSED_SEEN
        and visits[row["visit_id"]]["unit_id"] == unit_id
        and as_day(visits[row["visit_id"]]["visited_on"]) in days
        for row in seen
    )


def _days(day: date | None, until: date | None) -> set[date]:
    """The days of one outing; the first day alone of a longer range."""
    if day is None:
        return set()
    count = ((until or day) - day).days + 1
    return {day + timedelta(days=step) for step in range(count if 1 <= count <= SHORT_OUTING_DAYS else 1)}


def was_elsewhere(
    day: date | None,
    until: date | None,
    people: str | None,
    near: Collection[str],
    visits: Sequence[Dated],
    staff: Collection[str],
) -> bool:
    """Whether the outing on which a finding was written down stayed away from the target.

    Its outings are the unit's of that day, or of its few days, but for those that surely other ``people`` made. They
    say something only where each of the days has a track of the row's people, and none of them is known from the
    ledger alone or by a track in doubt. ``near``: ids of visits that may have been at the target; ``visits``: the
    unit's; ``staff``: names of all known people.
    """
    if day is None or ((until or day) - day).days >= SHORT_OUTING_DAYS:
        return False
    days = _days(day, until)
    outings = [
        (visit_id, {start + timedelta(days=n) for n in range(((end or start) - start).days + 1)}, row)
        for visit_id, start, end, row in visits
        if start <= max(days) and day <= (end or start) and not other_crew(as_text(row["people"]), people, staff)
    ]
    sure = all(row["evidence"] in TRACK_EVIDENCE and not doubtful(row["doubts"]) for *_, row in outings)
    own = (dates for _, dates, row in outings if row["evidence"] == WALKED_WITH_ITS_ROW and _names_one_of(row, people))
    tracked = set[date]().union(*own)
    return sure and days <= tracked and not any(visit_id in near for visit_id, *_ in outings)


def other_crew(one: str | None, other: str | None, staff: Collection[str]) -> bool:
    """Whether two texts of names surely tell of different people.

    Only where each holds nothing but full names of ``staff`` and none is in both: 张所长 may be anybody, and 张三等3人
    holds people whom it does not name.
    """
    mine, theirs = _full_names(one, staff), _full_names(other, staff)
    return bool(mine and theirs) and not mine & theirs


def _full_names(text: str | None, staff: Collection[str]) -> set[str]:
    """The known people a text names; nobody where it says anything else."""
    names: set[str] = set()
    for part in filter(None, _SEPARATORS.split(unicodedata.normalize("NFKC", text or ""))):
        found = {part} if part in staff else set(_JOINTS.split(part))
        if not found <= set(staff):
            return set()
        names |= found
    return names


def _names_one_of(visit: Row, people: str | None) -> bool:
    """Whether a track names somebody of the row, or the row names nobody."""
    told = as_text(visit["people"])
    if people is None:
        return True
    row = unicodedata.normalize("NFKC", people)
    return told is not None and any(name in row for name in _SEPARATORS.split(told) if name)


def may_reach(way: Any, shape: Any, longest_step_m: float) -> bool:
    """Whether an outing along ``way`` may have been at ``shape`` (one metre CRS), or somewhere to see it from."""
    if way is None or way.is_empty:
        return False
    ends = unknown_way(way, longest_step_m)
    return bool(shapely.distance(way, shape) <= OUTING_REACH_M or shapely.distance(ends, shape) <= BEYOND_ITS_ENDS_M)
