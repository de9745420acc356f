"""What the units delivered and who answered for a cell on a day: the ground every accusation has to stand on."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import date

import pandas as pd

from pipeline.reconcile.sight import LEDGER_EVIDENCE, TRACK_EVIDENCE
from pipeline.values import Period

LEDGER_CODES: tuple[str, ...] = ("E501", "E502")
TRACK_CODES: tuple[str, ...] = ("E504",)
UNUSABLE_CODE = "E505"
HARMLESS_CODES: tuple[str, ...] = ("E506", "E507")


def as_day(value: object) -> date | None:
    """A table's date as a plain day; None when missing."""
    return None if value is None or pd.isna(value) else pd.Timestamp(value).date()


@dataclass(frozen=True)
class Answer:
    """Who answered for a cell on a day: territory unit, unit that acts for it, person; None where nobody is known."""

    unit_id: str | None
    acting_unit_id: str | None
    person_id: str | None


class Responsibility:
    """Look-up of :class:`Answer` by cell and day in RESPONSIBILITY and DELEGATIONS."""

    def __init__(self, responsibility: pd.DataFrame, delegations: pd.DataFrame) -> None:
        self._cells: dict[str, list[tuple[date, date, str, str]]] = {}
        rows = responsibility.sort_values(["cell_id", "valid_from", "unit_id", "person_id"], kind="stable")
        for row in rows.to_dict("records"):
            span = (as_day(row["valid_from"]) or date.min, as_day(row["valid_to"]) or date.max)
            self._cells.setdefault(row["cell_id"], []).append((*span, row["unit_id"], row["person_id"]))
        self._delegates: dict[str, list[tuple[date, date, str]]] = {}
        order = ["unit_id", "valid_from", "delegate_unit_id"]
        for row in delegations.sort_values(order, kind="stable").to_dict("records"):
            span = (as_day(row["valid_from"]) or date.min, as_day(row["valid_to"]) or date.max)
            self._delegates.setdefault(row["unit_id"], []).append((*span, row["delegate_unit_id"]))

    def acting(self, unit_id: str, day: date) -> str:
        """The unit that acts for ``unit_id`` on ``day``: its delegate while a delegation runs, else itself."""
        for start, end, delegate in self._delegates.get(unit_id, []):
            if start <= day <= end:
                return delegate
        return unit_id

    def on(self, cell_id: str | None, day: date, otherwise: Answer) -> Answer:
        """Who answered for the cell on the day; ``otherwise`` (the task's own record) where no row covers it."""
        valid = [row for row in self._cells.get(cell_id or "", []) if row[0] <= day <= row[1]]
        if not valid:
            unit = otherwise.unit_id
            return otherwise if unit is None else Answer(unit, self.acting(unit, day), otherwise.person_id)
        # Several rows on one day are a fault of the tables; the latest one begun counts, as the plan check says.
        _, _, unit, person = valid[-1]
        return Answer(unit, self.acting(unit, day), person)


class Deliveries:
    """What each unit handed in: months with a ledger, patrol days with a track, files and rows that were unusable.

    ``entries``, ``visits`` and ``rejected`` are the ledger room's tables (ENTRIES, VISITS, REJECTED).
    """

    def __init__(self, entries: pd.DataFrame, visits: pd.DataFrame, rejected: pd.DataFrame) -> None:
        self._ledger_months: set[tuple[str, Period]] = set()
        self._days: dict[str, dict[date, bool]] = {}
        for unit, day in zip(entries["unit_id"], entries["discovered_on"], strict=True):
            known = as_day(day)
            if known is not None:
                self._ledger_months.add((unit, Period.of(known)))
        for unit, day, evidence in zip(visits["unit_id"], visits["visited_on"], visits["evidence"], strict=True):
            visited = as_day(day)
            if visited is None:
                continue
            if evidence in LEDGER_EVIDENCE:
                self._ledger_months.add((unit, Period.of(visited)))
            tracked = self._days.setdefault(unit, {})
            tracked[visited] = tracked.get(visited, False) or evidence in TRACK_EVIDENCE
        self._lost = _rejections(rejected)

    def ledger_gap(self, unit_ids: Iterable[str], start: date, end: date) -> str | None:
        """Why the ledgers of ``unit_ids`` cannot show that nothing was reported in the span; None: they can.

        One of the units must have delivered every month of the span, and none may have a ledger that could not be
        read or a rejected row that could be the missing entry.
        """
        units = sorted(set(unit_ids))
        month, last = Period.of(start), Period.of(end)
        while month <= last:
            if not any((unit, month) in self._ledger_months for unit in units):
                return f"{'、'.join(units)} 未报送 {month} 台账"
            month = month.shifted(1)
        for unit in units:
            if unit in self._lost["ledger"]:
                return f"{unit} 的台账 {self._lost['ledger'][unit]} 无法读取"
            if unit in self._lost["row"]:
                return f"{unit} 的台账有未能采用的行（{self._lost['row'][unit]}）"
        return None

    def track_gap(self, unit_ids: Iterable[str], start: date, end: date, *, min_track_day_share: float) -> str | None:
        """Why the tracks of ``unit_ids`` cannot show that nobody went; None: they can."""
        units = sorted(set(unit_ids))
        for unit in units:
            if unit in self._lost["track"]:
                return f"{unit} 的轨迹 {self._lost['track'][unit]} 无法读取"
            if unit in self._lost["patrol"]:
                return f"{unit} 的台账有日期不明的巡查行（{self._lost['patrol'][unit]}）"
        days: dict[tuple[str, date], bool] = {}
        for unit in units:
            days.update({(unit, d): t for d, t in self._days.get(unit, {}).items() if start <= d <= end})
        if not days:
            return f"{'、'.join(units)} 在 {start} 至 {end} 无任何巡查记录"
        share = sum(days.values()) / len(days)
        if share < min_track_day_share:
            return f"{'、'.join(units)} 在 {start} 至 {end} 的巡查日仅 {share:.0%} 有轨迹"
        return None


def _rejections(rejected: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Per kind of loss (``ledger track patrol row``) and unit the first place where it happened.

    A rejected cell (E505 with a field) keeps its row as an entry; a whole row under E505 named no finding, so it may
    hide a patrol but no report. Copies and footers (E506, E507) hide nothing.
    """
    lost: dict[str, dict[str, str]] = {"ledger": {}, "track": {}, "patrol": {}, "row": {}}
    rows = rejected.sort_values(["file", "sheet", "row"], kind="stable", na_position="first").to_dict("records")
    for row in rows:
        code, whole = row["code"], not isinstance(row["field"], str)
        if not isinstance(row["unit_id"], str) or code in HARMLESS_CODES or (code == UNUSABLE_CODE and not whole):
            continue
        kind = "patrol" if code == UNUSABLE_CODE else "row"
        kind = "ledger" if code in LEDGER_CODES else "track" if code in TRACK_CODES else kind
        where = row["file"] if pd.isna(row["row"]) else f"{row['file']} 第 {row['row']} 行"
        lost[kind].setdefault(row["unit_id"], where)
    return lost
