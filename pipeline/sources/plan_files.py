"""The annual and monthly patrol plans as units deliver them: workbooks and csv files in ``CITY/units/plans``."""

from __future__ import annotations

import re
from collections.abc import Iterable
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.patrol.plan_forms import PlanRow, due_of, parse_frequency, same_day_versions
from pipeline.schema import PLAN, PLAN_FORM, conform, empty
from pipeline.sources.delimited import ROW, Parsed, heading_of, parse_rows, read_csv
from pipeline.sources.workbook import read_workbook

FOLDER = "plans"
DRAFT = "草案"
"""A file with this in its name is a draft for people to edit: it is never read as a plan."""
_MISSING, _UNKNOWN, _UNUSABLE, _TWICE = "E401", "E402", "E405", "E407"
_SUFFIXES = (".xlsx", ".xls", ".csv")
_BETWEEN = re.compile(r"[、，,；;\s]+")
_MAX_MB, _MAX_CELLS = 100.0, 2_000_000


def plan_files(city: Path) -> tuple[Path, ...]:
    """The delivered plans, sorted; drafts and office programs' lock files are none."""
    found = (path for path in (city / "units" / FOLDER).rglob("*") if path.suffix.lower() in _SUFFIXES)
    return tuple(sorted(path for path in found if DRAFT not in path.name and not path.name.startswith(("~$", "."))))


def read_plans(city: Path, units: Any, cells: Any, people: Any) -> tuple[Any, list[InputError], list[dict[str, Any]]]:
    """PLAN rows of all delivered plans, every problem in file and row order, and PLAN_CHECK rows of what 三定 lacks.

    Raises nothing: E401 an unreadable file or lacking column, E402 an unknown unit, cell or person, E405 a row that
    says no days or no frequency, E407 two plans of one unit in force from one day.
    """
    rows: list[PlanRow] = []
    errors: list[InputError] = []
    lacks: list[dict[str, Any]] = []
    details: dict[tuple[str, int], dict[str, Any]] = {}
    names = _Names(units, cells, people)
    for path in plan_files(city):
        shown = path.relative_to(city).as_posix()
        parsed = _parsed(path, shown)
        errors += parsed.errors
        for record in parsed.frame.to_dict("records"):
            row, problems = names.row(shown, record)
            errors += problems
            if row is not None:
                rows.append(row)
                details[(shown, row.row)] = record
                lacks += _lacking(row, record)
    errors += [
        InputError(_TWICE, f"{unit} has several plans in force from {day}: {'、'.join(files)}",
                   "give the later version another 生效日期, or remove one of the files")
        for unit, day, files in same_day_versions(rows)
    ]  # fmt: skip
    return _plan(rows, details), errors, lacks


class _Names:
    """Units, cells and people by id and by name."""

    def __init__(self, units: Any, cells: Any, people: Any) -> None:
        self._units = dict(zip(units["name"], units["unit_id"], strict=True))
        self._units |= {unit: unit for unit in units["unit_id"]}
        self._cells = set(cells["cell_id"])
        self._people = {person: [person] for person in people["person_id"]}
        for person, name, unit in people[["person_id", "name", "unit_id"]].itertuples(index=False):
            self._people.setdefault(f"{unit}/{name}", []).append(person)
            self._people.setdefault(f"*/{name}", []).append(person)

    def row(self, shown: str, record: dict[Any, Any]) -> tuple[PlanRow | None, list[InputError]]:
        """A row's plan, or why it is none."""
        where = f"{shown}, row {record[ROW]}"
        problems: list[InputError] = []
        unit = self._units.get(record["unit"])
        if unit is None:
            problems.append(
                InputError(_UNKNOWN, f"{where}, 单位: {record['unit']!r} is unknown", "use the unit's id or name")
            )
        cells = tuple(dict.fromkeys(part for part in _BETWEEN.split(record["area"]) if part))
        problems += [
            InputError(
                _UNKNOWN,
                f"{where}, 责任区域: {cell!r} is unknown",
                "name grid cells by their 网格编号, with 、 between",
            )
            for cell in cells
            if cell not in self._cells
        ]
        person, doubt = self._person(record["person"], unit)
        if doubt:
            problems.append(InputError(_UNKNOWN, f"{where}, 责任人员: {doubt}", "write the person's 人员编号"))
        try:
            frequency = parse_frequency(record["frequency"])
        except ValueError:
            what = f"{where}, 巡查频率: {record['frequency']!r} is not understood"
            problems.append(InputError(_UNUSABLE, what, "write for example 每周1次, 每月2次 or 每季度1次"))
            return None, problems
        first, last = (pd.Timestamp(record[name]).date() for name in ("due_from", "due_to"))
        if last < first:
            problems.append(
                InputError(_UNUSABLE, f"{where}: 截止日期 is before 起始日期", "correct one of the two dates")
            )
        if problems or unit is None:
            return None, problems
        effective = first if pd.isna(record["effective"]) else pd.Timestamp(record["effective"]).date()
        return PlanRow(shown, int(record[ROW]), unit, cells, person, frequency, first, last, effective), []

    def _person(self, said: Any, unit: str | None) -> tuple[str | None, str | None]:
        """The person meant by an id or a name, the unit's own people first; or why it cannot be told."""
        if not isinstance(said, str):
            return None, None
        found = self._people.get(said) or self._people.get(f"{unit}/{said}") or self._people.get(f"*/{said}") or []
        if len(found) == 1:
            return found[0], None
        return None, f"{said!r} is {'unknown' if not found else 'the name of ' + '、'.join(found)}"


def _parsed(path: Path, shown: str) -> Parsed:
    """A file's rows under the headings of PLAN_FORM; a workbook's title lines above the heading are passed over."""
    if path.suffix.lower() == ".csv":
        return read_csv(path, PLAN_FORM, missing_code=_MISSING, row_code=_UNUSABLE)
    try:
        pages = read_workbook(path.read_bytes(), unit_id="", file=shown, max_unpacked_mb=_MAX_MB, max_cells=_MAX_CELLS)
    except (InputError, OSError) as problem:
        what = problem.message if isinstance(problem, InputError) else f"{shown}: {problem.strerror}"
        return _none(InputError(_MISSING, what, "save it as .xlsx in Excel or WPS"))
    wanted = {column.name for column in PLAN_FORM.columns if not column.null}
    parts = []
    for page in pages:
        for top, cells in enumerate(page.rows):
            headings = ["" if cell is None else str(cell) for cell in cells]
            if len(wanted & {heading_of(heading, PLAN_FORM) for heading in headings}) >= len(wanted) - 1:
                body = _body(page.rows[top + 1 :], page.first_row + top + 1)
                place = shown if len(pages) == 1 else f"{shown}〔{page.sheet}〕"
                parts.append(parse_rows(place, PLAN_FORM, headings, body, missing_code=_MISSING, row_code=_UNUSABLE))
                break
    if not parts:
        labels = "、".join(column.label for column in PLAN_FORM.columns if not column.null)
        return _none(
            InputError(_MISSING, f"{shown} has no plan: no row holds the headings {labels}", "use these headings")
        )
    frames = [part.frame for part in parts if len(part.frame)]
    joined = pd.concat(frames, ignore_index=True) if frames else parts[0].frame
    return Parsed(joined, tuple(problem for part in parts for problem in part.errors))


def _body(rows: Iterable[tuple[Any, ...]], first: int) -> Iterable[tuple[int, list[Any]]]:
    for number, cells in enumerate(rows, start=first):
        if any(cell is not None and str(cell).strip() for cell in cells):
            yield number, list(cells)


def _none(problem: InputError) -> Parsed:
    return Parsed(empty(PLAN_FORM).assign(**{ROW: pd.Series([], dtype="int64")}), (problem,))


def _lacking(row: PlanRow, record: dict[Any, Any]) -> list[dict[str, Any]]:
    """What of 三定 (人员、区域、责任) a row leaves open, and a frequency that never comes due, as PLAN_CHECK rows."""
    lacks = [("plan_without_person", "没有责任人员")] if row.person_id is None else []
    lacks += [("plan_without_duty", "没有责任内容")] if not isinstance(record["duty"], str) else []
    lacks += [("plan_never_due", f"在计划期内没有一个完整的“每{row.frequency.every}”")] if not due_of([row]) else []
    where = f"{row.file}第{row.row}行"
    return [
        {"rule": rule, "unit_id": row.unit_id, "cell_id": cell, "problem": f"{where}{what}"}
        for rule, what in lacks
        for cell in row.cells
    ]


def _plan(rows: list[PlanRow], details: dict[tuple[str, int], dict[str, Any]]) -> Any:
    made = []
    for due in due_of(rows):
        source = due.source
        record = details[(source.file, source.row)]
        made.append(
            {"plan_id": f"{Path(source.file).stem}-{source.row}-{due.cell_id}-{due.first:%Y%m%d}",
             "unit_id": source.unit_id, "cell_id": due.cell_id, "person_id": source.person_id,
             "due_from": due.first, "due_to": due.last, "visits_required": due.times,
             **{name: record[name] for name in ("route", "hours", "frequency", "duty")},
             "version": f"{source.file} {source.effective:%Y-%m-%d}起"}
        )  # fmt: skip
    return conform(PLAN, pd.DataFrame(made, columns=PLAN.names)) if made else empty(PLAN)
