"""Who answered for a cell on a day: one value that the task list, the plan, the parcels and every verdict ask."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, timedelta

import pandas as pd

FIRST_LEVEL = 1
"""Level of a unit's first-responsible person (主要负责人) in the chain; higher numbers stand nearer to the ground."""


@dataclass(frozen=True)
class Answer:
    """Who answered for a cell on a day: territory unit, unit that acts for it, person; None where nobody is known."""

    unit_id: str | None
    acting_unit_id: str | None
    person_id: str | None


@dataclass(frozen=True)
class Turn:
    """A row of RESPONSIBILITY: both days count, an open end runs on."""

    start: date
    end: date
    unit_id: str
    person_id: str

    def covers(self, day: date) -> bool:
        """Whether the row is valid on ``day``."""
        return self.start <= day <= self.end


@dataclass(frozen=True)
class Link:
    """A person in the chain of a cell (包保责任): ``level`` 1 is the unit's first-responsible person."""

    level: int
    person_id: str
    duty: str | None


class Responsibility:
    """Look-up of :class:`Answer` by cell and day in RESPONSIBILITY and DELEGATIONS.

    ``unit_of_person``: a person of another unit than the acting one is not named; None: persons are not checked.
    A delegation is followed one step: who was delegated to does not hand the work on.
    """

    def __init__(
        self,
        responsibility: pd.DataFrame,
        delegations: pd.DataFrame,
        unit_of_person: Mapping[str, str] | None = None,
    ) -> None:
        self._unit_of_person = unit_of_person
        self._turns: dict[str, list[Turn]] = {}
        rows = responsibility.sort_values(["cell_id", "valid_from", "unit_id", "person_id"], kind="stable")
        columns = ("cell_id", "valid_from", "valid_to", "unit_id", "person_id")
        for cell_id, start, end, unit_id, person_id in zip(*(rows[name] for name in columns), strict=True):
            self._turns.setdefault(cell_id, []).append(
                Turn(_day(start, date.min), _day(end, date.max), unit_id, person_id)
            )
        self._delegates: dict[str, list[tuple[date, date, str]]] = {}
        # Of several delegations on one day the latest one begun counts.
        ordered = delegations.sort_values(
            ["unit_id", "valid_from", "delegate_unit_id"], ascending=[True, False, True], kind="stable"
        )
        spans = ("unit_id", "valid_from", "valid_to", "delegate_unit_id")
        for unit_id, start, end, delegate in zip(*(ordered[name] for name in spans), strict=True):
            self._delegates.setdefault(unit_id, []).append((_day(start, date.min), _day(end, date.max), delegate))

    def turns_on(self, cell_id: str | None, day: date) -> list[Turn]:
        """The rows valid for a cell on a day, the latest begun first; more than one is a fault of the tables."""
        valid = [turn for turn in self._turns.get(cell_id or "", []) if turn.covers(day)]
        return sorted(valid, key=lambda turn: (-turn.start.toordinal(), turn.unit_id, turn.person_id))

    def delegates_on(self, unit_id: str, day: date) -> list[str]:
        """Whom ``unit_id`` has delegated to on ``day``, each once, the latest begun first."""
        running = [delegate for start, end, delegate in self._delegates.get(unit_id, []) if start <= day <= end]
        return list(dict.fromkeys(running))

    def delegating_units(self) -> list[str]:
        """Units with any delegation, sorted."""
        return sorted(self._delegates)

    def acting(self, unit_id: str, day: date) -> str:
        """The unit that acts for ``unit_id`` on ``day``: its delegate while a delegation runs, else itself."""
        running = self.delegates_on(unit_id, day)
        return running[0] if running else unit_id

    def person_of(self, person_id: str | None, unit_id: str | None) -> str | None:
        """The person where it belongs to the unit, else None."""
        known = self._unit_of_person
        return person_id if person_id is None or known is None or known.get(person_id) == unit_id else None

    def on(self, cell_id: str | None, day: date, otherwise: Answer) -> Answer:
        """Who answered for the cell on the day.

        Where no row covers it ``otherwise`` tells the territory unit (a task's own record, or the polygon the cell
        lies in) and a person, if one is known. Of several rows the latest begun counts; where rows of the same start
        contradict each other no person is named.
        """
        valid = self.turns_on(cell_id, day)
        if not valid:
            if otherwise.unit_id is None:
                return otherwise
            acting = self.acting(otherwise.unit_id, day)
            return Answer(otherwise.unit_id, acting, self.person_of(otherwise.person_id, acting))
        latest = [turn for turn in valid if turn.start == valid[0].start]
        acting = self.acting(valid[0].unit_id, day)
        alone = len({(turn.unit_id, turn.person_id) for turn in latest}) == 1
        return Answer(valid[0].unit_id, acting, self.person_of(valid[0].person_id, acting) if alone else None)

    def over(self, cell_id: str | None, start: date, end: date, otherwise: Answer) -> tuple[Answer, ...]:
        """Everyone who answered for the cell from ``start`` to ``end``, in order, each once."""
        days = [start, *sorted(day for day in self.turns_of(cell_id, otherwise.unit_id, end) if start < day <= end)]
        return tuple(dict.fromkeys(self.on(cell_id, day, otherwise) for day in days))

    def turns_of(self, cell_id: str | None, otherwise: str | None, end: date) -> set[date]:
        """The days up to ``end`` on which the answer for a cell may change."""
        turns = self._turns.get(cell_id or "", [])
        units = {turn.unit_id for turn in turns} | ({otherwise} if otherwise else set())
        spans = [(turn.start, turn.end) for turn in turns]
        spans += [row[:2] for unit in units for row in self._delegates.get(unit, [])]
        return {first for first, _ in spans} | {last + timedelta(days=1) for _, last in spans if last < end}


def chain_on(chain: pd.DataFrame, answer: Answer, day: date) -> tuple[Link, ...]:
    """From the first-responsible person of the acting unit down to the cell's person; empty where nobody is known.

    ``chain``: :data:`~pipeline.schema.CHAIN`. Accountability follows the delegate: while a delegation runs it is the
    delegate's chain that answers. The cell's own person is the last link.
    """
    stamp = pd.Timestamp(day)
    mine = chain[(chain["unit_id"] == answer.acting_unit_id).to_numpy() & (chain["valid_from"] <= stamp).to_numpy()]
    mine = mine[mine["valid_to"].isna().to_numpy() | (mine["valid_to"] >= stamp).to_numpy()]
    ordered = mine.sort_values(["level", "person_id"], kind="stable")
    links = [
        Link(int(level), person, duty if isinstance(duty, str) else None)
        for level, person, duty in zip(ordered["level"], ordered["person_id"], ordered["duty"], strict=True)
    ]
    if answer.person_id is not None and all(link.person_id != answer.person_id for link in links):
        links.append(Link((links[-1].level if links else 0) + 1, answer.person_id, "网格责任人"))
    return tuple(links)


def _day(value: object, otherwise: date) -> date:
    return otherwise if value is None or pd.isna(value) else pd.Timestamp(value).date()
