"""The append-only records of people's acts in ``CITY/records``: dispatches, checks, approvals, notices, referrals."""

from __future__ import annotations

import csv
import io
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pandas as pd
import shapely

from pipeline.errors import InputError, XunchaError
from pipeline.schema import (
    APPROVAL_RECORDS,
    AUDIT_CHECKS,
    DECISIONS,
    DISPATCHES,
    FIELD_CHECKS,
    NOTICES,
    PLACE,
    REFERRAL_RECORDS,
    REPLIES,
    RESTORATIONS,
    SUPPLY_EVENTS,
    Table,
    conform,
    empty,
)
from pipeline.sources.decision_forms import form_files, read_forms
from pipeline.sources.delimited import ROW, decode, heading_of, read_csv, rows_of, show, translate
from pipeline.store import write_bytes
from pipeline.values import Outcome, ScreenDecision, SupplyEvent, safe_cell

UNUSABLE = "E403"
TABLES: dict[str, Table] = {
    "dispatches": DISPATCHES,
    "field_checks": FIELD_CHECKS,
    "approvals": APPROVAL_RECORDS,
    "notices": NOTICES,
    "referrals": REFERRAL_RECORDS,
    "decisions": DECISIONS,
    "audit_checks": AUDIT_CHECKS,
    "supply_events": SUPPLY_EVENTS,
    "replies": REPLIES,
    "restorations": RESTORATIONS,
}
"""File name without ``.csv`` to its table."""


@dataclass(frozen=True)
class Records:
    """What people have recorded, as schema tables; outcomes are codes of :class:`~pipeline.values.Outcome`.

    Every table has the extra column :data:`~pipeline.schema.PLACE`, so that whoever refuses a record can name its row.
    """

    dispatches: Any
    field_checks: Any
    approvals: Any
    notices: Any
    referrals: Any
    decisions: Any
    audit_checks: Any
    supply_events: Any
    replies: Any
    restorations: Any

    def until(self, day: Any) -> Records:
        """Only what happened on or before ``day`` (a date); what is served or answered later is not yet."""
        stamp = pd.Timestamp(day)
        notices = self.notices[self.notices["issued_on"] <= stamp].reset_index(drop=True)
        referrals = _up_to(self.referrals, "referred_on", stamp)
        heard = referrals["replied_on"] <= stamp
        return Records(
            dispatches=_up_to(self.dispatches, "dispatched_on", stamp),
            field_checks=_up_to(self.field_checks, "checked_on", stamp),
            approvals=_up_to(self.approvals, "approved_on", stamp),
            notices=notices.assign(served_on=notices["served_on"].where(notices["served_on"] <= stamp)),
            referrals=referrals.assign(**{name: referrals[name].where(heard) for name in ("replied_on", "reply")}),
            decisions=_up_to(self.decisions, "decided_on", stamp),
            audit_checks=_up_to(self.audit_checks, "checked_on", stamp),
            supply_events=_up_to(self.supply_events, "happened_on", stamp),
            replies=_up_to(self.replies, "replied_on", stamp),
            restorations=_up_to(self.restorations, "decided_on", stamp),
        )


def _up_to(frame: Any, column: str, stamp: pd.Timestamp) -> Any:
    return frame[frame[column] <= stamp].reset_index(drop=True)


def record_files(city: Path) -> tuple[Path, ...]:
    """The record files and decision forms that exist, sorted: what a stage that reads records lists as its inputs."""
    tables = (path for path in (_path(city, name) for name in sorted(TABLES)) if path.is_file())
    return (*tables, *form_files(city))


def read_records(city: Path) -> Records:
    """Read all records; a missing file is an empty table.

    ``decisions`` holds the rows of ``decisions.csv`` and the answers of the forms in ``records/decisions``.
    Raises InputError E403 (E406 for a form) naming file, row and field of the first unusable row;
    :func:`check_records` lists all.
    """
    frames, errors = _collect(city)
    if errors:
        raise errors[0]
    return Records(**frames)


def check_records(city: Path) -> list[XunchaError]:
    """Every problem of ``CITY/records``, in file and row order."""
    return list(_collect(city)[1])


def _path(city: Path, name: str) -> Path:
    return city / "records" / f"{name}.csv"


def _collect(city: Path) -> tuple[dict[str, Any], list[InputError]]:
    frames: dict[str, Any] = {}
    errors: list[InputError] = []
    for name, table in TABLES.items():
        unique, problems = _read(_path(city, name), table)
        places = [f"records/{name}.csv 第{row}行" for row in unique[ROW]]
        frames[name] = conform(table, unique).assign(**{PLACE: pd.Series(places, dtype="str")})
        errors += problems
    answers, problems = read_forms(city, frames["decisions"])
    frames["decisions"] = pd.concat([frames["decisions"], answers], ignore_index=True)
    return frames, errors + problems


def _read(path: Path, table: Table) -> tuple[Any, list[InputError]]:
    """The rows as the table's, each with its number in :data:`ROW`, and every problem."""
    if not path.is_file():
        return empty(table).assign(**{ROW: pd.Series([], dtype="int64")}), []
    parsed = read_csv(path, table, missing_code=UNUSABLE, row_code=UNUSABLE)
    frame, errors = parsed.frame, list(parsed.errors)
    if table is FIELD_CHECKS:
        frame, unknown = translate(frame, "outcome", _outcome)
        allowed = "、".join(outcome.label for outcome in Outcome)
        errors += [
            InputError(UNUSABLE, f"records/{path.name}, row {row}, 核查结果: {value!r} is unknown", f"use {allowed}")
            for row, value in unknown
        ]
    if table is SUPPLY_EVENTS:
        frame, unknown = translate(frame, "event", _supply_event)
        allowed = "、".join(event.label for event in SupplyEvent)
        errors += [
            InputError(UNUSABLE, f"records/{path.name}, row {row}, 事项: {value!r} is unknown", f"use {allowed}")
            for row, value in unknown
        ]
    errors += _backwards(frame, table, path)
    if table is RESTORATIONS:
        frame, unusable = _restorations(frame, path)
        errors += unusable
    unique, conflicts = _merge(table, frame, path)
    if table is NOTICES:
        errors += _notice_errors(unique, path)
    return unique, errors + conflicts


_LATER: dict[str, tuple[str, str]] = {
    REFERRAL_RECORDS.name: ("referred_on", "replied_on"),
    SUPPLY_EVENTS.name: ("happened_on", "until"),
}  # fmt: skip
"""Days of which the second cannot come before the first."""


def _backwards(frame: Any, table: Table, path: Path) -> list[InputError]:
    """Rows in which an act is answered or served before it was done."""
    if table.name not in _LATER:
        return []
    first, second = _LATER[table.name]
    labels = table.labels()
    rows = frame.loc[frame[second] < frame[first], [ROW, first, second]]
    return [
        InputError(
            UNUSABLE,
            f"records/{path.name}, row {row}: {labels[second]} {show(late)} is before {labels[first]} {show(early)}",
            "correct one of the two dates",
        )
        for row, early, late in rows.itertuples(index=False)
    ]


def _supply_event(value: str) -> str | None:
    return next((event.value for event in SupplyEvent if value in (event.value, event.label)), None)


def _outcome(value: str) -> str | None:
    return next((outcome.value for outcome in Outcome if value in (outcome.value, outcome.label)), None)


def _merge(table: Table, frame: Any, path: Path) -> tuple[Any, list[InputError]]:
    """One row per key: rows equal in every field count once, rows that contradict each other are errors."""
    unique = frame.drop_duplicates(subset=table.names).reset_index(drop=True)
    first: dict[tuple[str, ...], int] = {}
    errors: list[InputError] = []
    for number, *values in unique[[ROW, *table.key]].itertuples(index=False):
        key = tuple(show(value) for value in values)
        known = first.setdefault(key, int(number))
        if known != number:
            what = f"records/{path.name}, rows {known} and {number} say different things of {' '.join(key).strip()}"
            errors.append(InputError(UNUSABLE, what, "keep the true one, or correct the date of one of them"))
    return unique, errors


def _restorations(frame: Any, path: Path) -> tuple[Any, list[InputError]]:
    """Decisions on suppressed candidates with their codes, and the rows whose word or ground cannot be read."""
    frame, unknown = translate(frame, "decision", _screen_decision)
    allowed = "、".join(decision.label for decision in ScreenDecision)
    errors = [
        InputError(UNUSABLE, f"records/{path.name}, row {row}, 决定: {value!r} is unknown", f"use {allowed}")
        for row, value in unknown
    ]
    shapes = shapely.from_wkt(frame["ground"].to_numpy(dtype=object), on_invalid="ignore")
    good = shapely.is_valid(shapes) & (shapely.area(shapes) > 0.0)
    errors += [
        InputError(
            UNUSABLE, f"records/{path.name}, row {row}, 图斑范围: no outline", "let `xuncha restore` write the row"
        )
        for row in frame.loc[~good, ROW]
    ]
    return frame[good].reset_index(drop=True), errors


def _screen_decision(value: str) -> str | None:
    return next((known.value for known in ScreenDecision if value in (known.value, known.label)), None)


def _notice_errors(frame: Any, path: Path) -> list[InputError]:
    """Notices that cannot be: served before they were made."""
    backwards = frame[frame["served_on"].notna() & (frame["served_on"] < frame["issued_on"])]
    return [
        InputError(
            "E409",
            f"records/{path.name}, row {row}, 送达日期: {number} was served on {served:%Y-%m-%d}, "
            f"before it was made on {issued:%Y-%m-%d}",
            "correct the day that is wrong",
        )
        for row, number, issued, served in backwards[[ROW, "number", "issued_on", "served_on"]].itertuples(index=False)
    ]


def append_records(city: Path, table: Table, frame: pd.DataFrame) -> int:
    """Append rows to the table's csv and return how many were new; bytes already in the file are never changed.

    The file is replaced in one step. A row whose key the file already holds is left out when it is identical in
    every field; otherwise InputError E403 is raised and nothing is written. New files are UTF-8 with BOM with Chinese
    headings; an existing file keeps its encoding, column order and line ends.
    """
    name = next(name for name, known in TABLES.items() if known is table)
    path = _path(city, name)
    new = conform(table, frame).sort_values(list(table.key), kind="stable").drop_duplicates()
    old, errors = _read(path, table)
    if errors:
        raise errors[0]
    fresh = _fresh(table, conform(table, old), new, path)
    if fresh.empty:
        return 0
    content = path.read_bytes() if path.is_file() else b""
    try:
        path.parent.mkdir(parents=True, exist_ok=True)
        write_bytes(path, content + _encoded(table, content, fresh))
    except PermissionError as problem:
        hint = "close the file in Excel and allow writing"
        raise InputError("E702", f"records/{path.name} cannot be written", hint) from problem
    return len(fresh)


def _fresh(table: Table, old: Any, new: Any, path: Path) -> Any:
    """Rows of ``new`` that ``old`` does not hold; raises InputError E403 for a contradiction."""
    known = {_key(row, table): _texts(row) for row in old.to_dict("records")}
    keep = []
    for row in new.to_dict("records"):
        key, texts = _key(row, table), _texts(row)
        if known.get(key, texts) != texts:
            what = f"records/{path.name} already holds another row for {' '.join(key).strip()}"
            raise InputError(UNUSABLE, what, "records are append-only: use another date, or correct the file by hand")
        keep.append(key not in known)
        known[key] = texts
    return new[keep]


def _key(row: dict[Any, Any], table: Table) -> tuple[str, ...]:
    return tuple(show(row[name]) for name in table.key)


def _texts(row: dict[Any, Any]) -> tuple[str, ...]:
    return tuple(show(value) for value in row.values())


def _encoded(table: Table, content: bytes, fresh: Any) -> bytes:
    text, encoding = decode(content) if content else ("", "utf-8-sig")
    line_end = "\n" if text and "\r\n" not in text else "\r\n"
    buffer = io.StringIO(newline="")
    writer = csv.writer(buffer, lineterminator=line_end)
    if text:
        names = [heading_of(heading, table) for heading in rows_of(text)[0]]
        if not text.endswith(("\n", "\r")):
            buffer.write(line_end)
    else:
        names = list(table.names)
        writer.writerow([column.label for column in table.columns])
    labels = {outcome.value: outcome.label for outcome in Outcome}
    for row in fresh.to_dict("records"):
        if table is FIELD_CHECKS:
            row["outcome"] = labels[row["outcome"]]
        if table is RESTORATIONS:
            row["decision"] = next(d.label for d in ScreenDecision if d.value == row["decision"])
        writer.writerow([safe_cell(show(row[name])) if name is not None else "" for name in names])
    return buffer.getvalue().encode("utf-8" if content and encoding == "utf-8-sig" else encoding)
