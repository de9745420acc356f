"""What the units delivered: the ground every accusation has to stand on."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import date
from typing import Any

import pandas as pd

from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sight import LEDGER_EVIDENCE, TRACK_EVIDENCE
from pipeline.values import Outcome, Period

Row = dict[str, Any]
# E515: a picture may be a page of a ledger
LEDGER_CODES: tuple[str, ...] = ("E501", "E502", "E508", "E515")
TRACK_CODES: tuple[str, ...] = ("E504",)
UNUSABLE_CODE = "E505"
STRAY_CODE = "E503"
STRAY_LEDGERS, STRAY_TRACKS = ("ledgers/", "tracks/")
NO_UNIT = ""
DATE_FIELD = "discovered_on"
HARMLESS_CODES: tuple[str, ...] = ("E506", "E507", "E509")


def as_day(value: object) -> date | None:
    """A table's date as a plain day; None when missing."""
    if isinstance(value, pd.Timestamp):
        return value.date()
    return None if value is None or pd.isna(value) else pd.Timestamp(value).date()


def as_text(value: object) -> str | None:
    """A table's text; None when missing."""
    return value if isinstance(value, str) else None


class Deliveries:
    """What each unit handed in: months with a ledger, patrol days with a track, files and rows that were unusable.

    ``entries``, ``visits``, ``rejected`` and ``files`` are the ledger room's tables (ENTRIES, VISITS, REJECTED,
    LEDGER_FILES). A ledger speaks up to the last day written in it. Of patrols never made it speaks up to the end of a
    month that a file states and holds rows of, where the file was saved after that end: it was still being kept then.
    """

    def __init__(
        self, entries: pd.DataFrame, visits: pd.DataFrame, rejected: pd.DataFrame, files: pd.DataFrame | None = None
    ) -> None:
        self._ledger_months: set[tuple[str, Period]] = set()
        self._days: dict[str, dict[date, bool]] = {}
        self._written_until: dict[str, date] = {}
        for unit, day in zip(entries["unit_id"], entries["discovered_on"], strict=True):
            known = as_day(day)
            if known is not None:
                self._written(unit, known)
        for unit, day, evidence in zip(visits["unit_id"], visits["visited_on"], visits["evidence"], strict=True):
            visited = as_day(day)
            if visited is None:
                continue
            if evidence in LEDGER_EVIDENCE:
                self._written(unit, visited)
            tracked = self._days.setdefault(unit, {})
            tracked[visited] = tracked.get(visited, False) or evidence in TRACK_EVIDENCE
        self._kept_until = dict(self._written_until)
        for row in [] if files is None else files.to_dict("records"):
            until = _kept_until(row)
            if until is not None and row["unit_id"] in self._kept_until:
                self._kept_until[row["unit_id"]] = max(self._kept_until[row["unit_id"]], until)
        months = {} if files is None else _months_of_unread(files)
        self._lost = _rejections(rejected)
        self._unread: dict[str, list[tuple[str, Period | None]]] = {}
        for row in rejected.sort_values("file", kind="stable").to_dict("records"):
            if _kind_of_loss(row) == "ledger" and isinstance(row["unit_id"], str):
                self._unread.setdefault(row["unit_id"], []).append((row["file"], months.get(row["file"])))

    def _written(self, unit: str, day: date) -> None:
        self._ledger_months.add((unit, Period.of(day)))
        self._written_until[unit] = max(self._written_until.get(unit, day), day)

    def ledger_ends(self, unit_id: str, day: date, *, as_kept: bool) -> str | None:
        """Why a ledger handed in for a part of the month cannot speak for ``day``; None: it goes that far.

        ``as_kept``: the day it was saved counts. That it lacks the finding of a patrol it does not list either may
        only mean that this patrol was not entered, so against a patrol that was made only written days count.
        """
        last = (self._kept_until if as_kept else self._written_until).get(unit_id)
        if last is None:
            return f"{unit_id} 未报送可用台账，不能说明 {day} 的情况"
        return None if last >= day else f"{unit_id} 的台账只写到 {last}，不能说明 {day} 的情况"

    def ledger_gap(self, unit_ids: Iterable[str], start: date, end: date, *, since: date | None) -> str | None:
        """Why the ledgers of ``unit_ids`` cannot show that nothing was reported in the span; None: they can.

        One of the units must have delivered every month of the span, and none may have a ledger that could not be
        read or a rejected row that could be the missing entry. A file that could not be read, whose name states one
        month that ended before ``since``, holds nothing of what came later; of any other nobody knows.
        """
        units = sorted(set(unit_ids))
        month, last = Period.of(start), Period.of(end)
        while month <= last:
            if not any((unit, month) in self._ledger_months for unit in units):
                return f"{'、'.join(units)} 未报送 {month} 台账"
            month = month.shifted(1)
        if NO_UNIT in self._lost["ledger"]:
            return f"台账 {self._lost['ledger'][NO_UNIT]} 未归入任何单位，可能属于 {'、'.join(units)}"
        return self.hidden_rows(units, since=since)

    def hidden_rows(self, unit_ids: Iterable[str], *, since: date | None) -> str | None:
        """What of the ledgers of ``unit_ids`` could not be read or used and may tell of what came after ``since``."""
        for unit in sorted(set(unit_ids)):
            for file, stated in self._unread.get(unit, []):
                if stated is None or since is None or stated.last_day >= since:
                    return f"{unit} 的台账文件 {file} 未能读入（图片可能是台账扫描件）"
            if unit in self._lost["row"]:
                return f"{unit} 的台账有未能采用的行（{self._lost['row'][unit]}）"
        return None

    def track_gap(self, unit_ids: Iterable[str], start: date, end: date, *, min_track_day_share: float) -> str | None:
        """Why the tracks of ``unit_ids`` cannot show that nobody went; None: they can."""
        units = sorted(set(unit_ids))
        if NO_UNIT in self._lost["track"]:
            return f"轨迹 {self._lost['track'][NO_UNIT]} 未归入任何单位，可能属于 {'、'.join(units)}"
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


def _kept_until(file: Row) -> date | None:
    """The last day of the month a LEDGER_FILES row states, where the file was written in it and saved after it."""
    written, saved = as_day(file["last_day"]), as_day(file["saved_on"])
    if not file["read"] or not isinstance(file["stated_month"], str) or written is None or saved is None:
        return None
    month = Period.parse(file["stated_month"])
    return month.last_day if written >= month.first_day and saved > month.last_day else None


def _months_of_unread(files: pd.DataFrame) -> dict[str, Period]:
    """The month stated by the name of each LEDGER_FILES row that could not be read."""
    rows = files[~files["read"].astype(bool) & files["stated_month"].notna()]
    return {file: Period.parse(month) for file, month in zip(rows["file"], rows["stated_month"], strict=True)}


def _rejections(rejected: pd.DataFrame) -> dict[str, dict[str, str]]:
    """Per kind of loss (``ledger track patrol row``) and unit the first place where it happened.

    A rejected cell (E505 with a field) keeps its row as an entry, but one without its date hides the day of a patrol;
    a whole row under E505 named no finding, so it may hide a patrol but no report. Copies and footers (E506, E507)
    hide nothing. A file that belongs to no known unit (E503, under :data:`NO_UNIT`) may be anybody's.
    """
    lost: dict[str, dict[str, str]] = {"ledger": {}, "track": {}, "patrol": {}, "row": {}}
    rows = rejected.sort_values(["file", "sheet", "row"], kind="stable", na_position="first").to_dict("records")
    for row in rows:
        kind = _kind_of_loss(row)
        if kind is None:
            continue
        unit = row["unit_id"] if isinstance(row["unit_id"], str) else NO_UNIT
        where = row["file"] if pd.isna(row["row"]) else f"{row['file']} 第 {row['row']} 行"
        lost[kind].setdefault(unit, where)
    return lost


def _kind_of_loss(row: Mapping[str, object]) -> str | None:
    code, field, file = row["code"], row["field"], str(row["file"])
    if code == STRAY_CODE:
        return "ledger" if file.startswith(STRAY_LEDGERS) else "track" if file.startswith(STRAY_TRACKS) else None
    if code in HARMLESS_CODES or not isinstance(row["unit_id"], str):
        return None
    if code == UNUSABLE_CODE:
        return "patrol" if not isinstance(field, str) or field == DATE_FIELD else None
    return "ledger" if code in LEDGER_CODES else "track" if code in TRACK_CODES else "row"


def plan_by_cell(plan: pd.DataFrame) -> dict[str, list[Row]]:
    """Plan rows per cell in order of time, with plain days ``from`` and ``to``."""
    rows: dict[str, list[Row]] = {}
    for row in as_rows(plan.sort_values(["due_from", "due_to", "plan_id"], kind="stable")):
        dated = {**row, "from": as_day(row["due_from"]), "to": as_day(row["due_to"])}
        rows.setdefault(row["cell_id"], []).append(dated)
    return rows


def first_days(records: pd.DataFrame, column: str, carried: Mapping[str, str], cutoff: date) -> dict[str, date]:
    """The earliest day per surviving target, up to the cutoff."""
    first: dict[str, date] = {}
    for target, value in zip(records["target_id"], records[column], strict=True):
        day = as_day(value)
        if day is not None and day <= cutoff:
            name = carried.get(target, target)
            first[name] = min(first.get(name, day), day)
    return first


def first_units(dispatches: pd.DataFrame, carried: Mapping[str, str], cutoff: date) -> dict[str, str]:
    """The unit of the earliest of DISPATCHES per surviving target, up to the cutoff; of one day the first by id."""
    days = first_days(dispatches, "dispatched_on", carried, cutoff)
    units: dict[str, str] = {}
    for target, unit, value in sorted(
        zip(dispatches["target_id"], dispatches["unit_id"], map(as_day, dispatches["dispatched_on"]), strict=True),
        key=lambda row: (row[2] or date.max, row[0]),
    ):
        name = carried.get(target, target)
        if isinstance(unit, str) and value is not None and days.get(name) == value:
            units.setdefault(name, unit)
    return units


def outcomes_of(checks: pd.DataFrame, carried: Mapping[str, str], cutoff: date) -> dict[str, str]:
    """The latest field check's outcome per surviving target, up to the cutoff; 未核 found nothing out and takes nothing back."""
    latest: dict[str, tuple[date, str]] = {}
    for row in checks.to_dict("records"):
        day = as_day(row["checked_on"])
        if day is not None and day <= cutoff and row["outcome"] != Outcome.UNCHECKED.value:
            name = carried.get(row["target_id"], row["target_id"])
            latest[name] = max(latest.get(name, (day, row["outcome"])), (day, row["outcome"]))
    return {name: outcome for name, (_, outcome) in latest.items()}
