"""A year of changing duties with a truth of its own: the state of every day beside the tables people would keep of it."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, field
from datetime import date, timedelta

import numpy as np
import pandas as pd

from pipeline.schema import CHAIN, DELEGATIONS, RESPONSIBILITY, conform

TRUTH = ("cell_id", "day", "unit_id", "acting_unit_id", "person_id", "first_person_id")
HAND_OVER, TRANSFER, VACANCY = 0.004, 0.0015, 0.0015
"""Chance per cell and day that a person is replaced, that another unit takes the cell over, that nobody holds it."""
LEADER_CHANGES = 0.004
STAND_IN_SHARE = 0.5
"""Share of a delegating unit's cells for which the delegate names one of its own people."""


@dataclass(frozen=True)
class DutyYear:
    """Tables (RESPONSIBILITY, DELEGATIONS, CHAIN) and ``truth``: who answered for every cell on every day.

    ``truth`` has the columns :data:`TRUTH`; it is written from the day's state, never read back from the tables.
    """

    responsibility: pd.DataFrame
    delegations: pd.DataFrame
    chain: pd.DataFrame
    truth: pd.DataFrame


@dataclass
class _State:
    """Who holds what today, and since when; rows are written when something ends."""

    people: dict[str, list[str]]
    home: dict[str, str]
    ground: dict[str, str]
    cells: dict[str, tuple[str, str, date]] = field(default_factory=dict)
    back_on: dict[str, date] = field(default_factory=dict)
    delegated: dict[str, tuple[str, date]] = field(default_factory=dict)
    leaders: dict[str, tuple[str, date]] = field(default_factory=dict)
    rows: list[tuple[str, str, str, date, date | None]] = field(default_factory=list)
    delegations: list[tuple[str, str, date, date | None, str]] = field(default_factory=list)
    chain: list[tuple[str, int, str, str, date, date | None]] = field(default_factory=list)

    def hold(self, cell: str, unit: str, person: str, day: date) -> None:
        """From ``day`` on ``person`` holds the cell for ``unit``; whoever held it did so until the day before."""
        self.release(cell, day)
        self.cells[cell] = (unit, person, day)

    def release(self, cell: str, day: date) -> None:
        """Nobody holds the cell from ``day`` on; what began today never was."""
        held = self.cells.pop(cell, None)
        if held is not None and held[2] < day:
            self.rows.append((cell, *held, day - timedelta(days=1)))

    def acting(self, unit: str) -> str:
        return self.delegated[unit][0] if unit in self.delegated else unit

    def truth(self, cell: str, day: date) -> tuple[str, date, str, str, str | None, str]:
        """Who answers today: whoever holds the cell and works for the unit that acts; else nobody by name."""
        unit, person, _ = self.cells.get(cell, (self.ground[cell], None, day))
        acting = self.acting(unit)
        named = person if person is not None and self.home[person] == acting else None
        return cell, day, unit, acting, named, self.leaders[acting][0]


def make_duties(
    owners: pd.Series,
    people: pd.DataFrame,
    *,
    offices: Sequence[str],
    team: str,
    first_day: date,
    last_day: date,
    rng: np.random.Generator,
) -> DutyYear:
    """A year in which people are replaced, cells change units and stand empty, and ``offices`` delegate to ``team``.

    ``owners``: unit_id by cell_id, the unit on whose ground a cell lies, which answers where nobody holds it. Each
    office delegates twice, with a gap of some weeks; on days of change several things may happen to one cell.
    """
    state = _State(
        people={unit: frame["person_id"].tolist() for unit, frame in people.groupby("unit_id")},
        home=dict(zip(people["person_id"], people["unit_id"], strict=True)),
        ground={str(cell): str(unit) for cell, unit in owners.items()},
    )
    cells, units = sorted(state.ground), sorted(state.people)
    for unit in units:
        state.leaders[unit] = (state.people[unit][0], first_day)
    for cell in cells:
        state.hold(cell, state.ground[cell], _one_of(rng, state.people[state.ground[cell]][1:]), first_day)
    spans = _delegation_spans(offices, first_day, last_day, rng)
    truth = []
    for number in range((last_day - first_day).days + 1):
        day = first_day + timedelta(days=number)
        _delegations(state, spans, team, day, rng)
        for cell in cells:
            _cell_events(state, cell, units, team, day, rng)
        for unit in units:
            if number and rng.random() < LEADER_CHANGES:
                person, since = state.leaders[unit]
                state.chain.append((unit, 1, person, "主要负责人", since, day - timedelta(days=1)))
                state.leaders[unit] = (_one_of(rng, [p for p in state.people[unit] if p != person]), day)
        truth += [state.truth(cell, day) for cell in cells]
    state.rows += [(cell, *held, None) for cell, held in state.cells.items()]
    state.delegations += [(unit, other, since, None, "方案三") for unit, (other, since) in state.delegated.items()]
    state.chain += [(unit, 1, person, "主要负责人", since, None) for unit, (person, since) in state.leaders.items()]
    return DutyYear(
        conform(RESPONSIBILITY, pd.DataFrame(state.rows, columns=RESPONSIBILITY.names)),
        conform(DELEGATIONS, pd.DataFrame(state.delegations, columns=DELEGATIONS.names)),
        conform(CHAIN, pd.DataFrame(state.chain, columns=CHAIN.names)),
        pd.DataFrame(truth, columns=list(TRUTH)),
    )


def _delegation_spans(
    offices: Sequence[str], first_day: date, last_day: date, rng: np.random.Generator
) -> dict[str, list[tuple[date, date]]]:
    """Two spans per office, the second open to the end of the year or beyond it."""
    spans = {}
    for office in offices:
        starts = first_day + timedelta(days=int(rng.integers(0, 40)))
        ends = starts + timedelta(days=int(rng.integers(60, 120)))
        again = ends + timedelta(days=int(rng.integers(2, 40)))
        until = max(again, last_day + timedelta(days=int(rng.integers(-60, 30))))
        spans[office] = [(starts, ends), (again, until)]
    return spans


def _delegations(
    state: _State, spans: dict[str, list[tuple[date, date]]], team: str, day: date, rng: np.random.Generator
) -> None:
    for office, turns in spans.items():
        for start, end in turns:
            if day == start:
                state.delegated[office] = (team, day)
                mine = [cell for cell, held in sorted(state.cells.items()) if held[0] == office]
                for cell in mine:
                    if rng.random() < STAND_IN_SHARE:
                        state.hold(cell, office, _one_of(rng, state.people[team]), day)
            if day == end + timedelta(days=1):
                other, since = state.delegated.pop(office)
                state.delegations.append((office, other, since, end, "方案三"))


def _cell_events(
    state: _State, cell: str, units: Sequence[str], team: str, day: date, rng: np.random.Generator
) -> None:
    hand_over, transfer, vacancy = rng.random(3) < (HAND_OVER, TRANSFER, VACANCY)
    if state.back_on.get(cell) == day:
        del state.back_on[cell]
        unit = state.ground[cell]
        state.hold(cell, unit, _one_of(rng, state.people[state.acting(unit)]), day)
    if cell not in state.cells:
        return
    unit = state.cells[cell][0]
    if hand_over:
        state.hold(cell, unit, _one_of(rng, state.people[state.acting(unit)]), day)
    if transfer:
        other = _one_of(rng, [name for name in units if name not in (unit, team)])
        state.hold(cell, other, _one_of(rng, state.people[other]), day)
    if vacancy:
        state.release(cell, day)
        state.back_on[cell] = day + timedelta(days=int(rng.integers(3, 25)))


def _one_of(rng: np.random.Generator, names: Sequence[str]) -> str:
    return names[int(rng.integers(len(names)))]
