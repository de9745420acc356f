"""Filled forms 待人工判定.xlsx in ``CITY/records/decisions`` to rows of DECISIONS; what was edited or damaged is named."""

from __future__ import annotations

import unicodedata
from collections import Counter
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.ledger.sheets import RawSheet
from pipeline.report.decide import ANSWER, DECIDED_BY, DECIDED_ON, ENTRY, KEYS, MARK, NOTE, PERIOD, TARGET, pair_mark
from pipeline.schema import DECISIONS, PLACE, conform, empty
from pipeline.sources.delimited import parse_date
from pipeline.sources.workbook import read_workbook
from pipeline.values import MatchDecision, Period

UNUSABLE = "E406"
FOLDER = "records/decisions"
_LEFTOVERS = ("~$", ".", "Thumbs.db", "desktop.ini")
_REQUIRED = (*KEYS, ANSWER, DECIDED_BY, DECIDED_ON)
_MAX_MB, _MAX_CELLS = 50.0, 2_000_000
_ANEW = "请从报告文件夹的待人工判定.xlsx重新取该行填写"


@dataclass(frozen=True)
class _Answer:
    """A filled row, with where it stands."""

    where: str
    target_id: str
    entry_id: str
    decision: str
    decided_on: date
    decided_by: str
    note: str | None

    @property
    def pair_and_day(self) -> tuple[str, str, date]:
        return self.target_id, self.entry_id, self.decided_on


def form_files(city: Path) -> tuple[Path, ...]:
    """Everything that lies in the folder, sorted; office programs' lock and system files are no forms."""
    found = (path for path in (city / FOLDER).rglob("*") if path.is_file())
    return tuple(sorted(path for path in found if not path.name.startswith(_LEFTOVERS)))


def read_forms(city: Path, written: pd.DataFrame) -> tuple[pd.DataFrame, list[InputError]]:
    """The answers of all forms as DECISIONS and every problem (E406), in file and row order.

    Rows without an answer are questions still open and no problem. The same answer in two files counts once. ``written``:
    DECISIONS of ``decisions.csv``; a pair answered both ways on one day, in the forms or in a form and there, is a problem.
    """
    answers: list[_Answer] = []
    errors: list[InputError] = []
    for path in form_files(city):
        found, problems = _read(path, unicodedata.normalize("NFC", path.relative_to(city).as_posix()))
        answers += found
        errors += problems
    errors += _both_ways(answers, written)
    rows = [
        {
            "target_id": answer.target_id,
            "entry_id": answer.entry_id,
            "decision": answer.decision,
            "decided_on": pd.Timestamp(answer.decided_on),
            "reason": answer.note,
            "decided_by": answer.decided_by,
            PLACE: answer.where,
        }
        for answer in answers
    ]
    frame = conform(DECISIONS, pd.DataFrame(rows)) if rows else empty(DECISIONS)
    placed = frame.assign(**{PLACE: pd.Series([row[PLACE] for row in rows], dtype="str")})
    return placed.drop_duplicates(subset=DECISIONS.names, ignore_index=True), errors


def _read(path: Path, shown: str) -> tuple[list[_Answer], list[InputError]]:
    try:
        content = path.read_bytes()
        pages = read_workbook(content, unit_id="", file=shown, max_unpacked_mb=_MAX_MB, max_cells=_MAX_CELLS)
    except OSError as problem:
        return [], [
            InputError(UNUSABLE, f"{shown}：无法读取（{problem.strerror}）", "请关闭正在使用它的程序，检查权限")
        ]
    except InputError as problem:
        return [], [
            InputError(UNUSABLE, problem.message, "请用Excel或WPS另存为.xlsx工作簿；不是判定表的请移出该文件夹")
        ]
    headed = [(page, top) for page in pages if (top := _heading(page)) is not None]
    if not headed:
        hint = f"判定表须有这些列：{'、'.join(_REQUIRED)}；{_ANEW}；不是判定表的请移出该文件夹"
        return [], [InputError(UNUSABLE, f"{shown}：没有判定表", hint)]
    answers: list[_Answer] = []
    errors: list[InputError] = []
    for page, top in headed:
        found, problems = _answers(page, top, shown)
        answers += found
        errors += problems
    return answers, errors


def _heading(page: RawSheet) -> int | None:
    """Index of the row that holds all ids' headings."""
    for number, row in enumerate(page.rows):
        if {TARGET, ENTRY, MARK} <= {_text(cell) for cell in row}:
            return number
    return None


def _answers(page: RawSheet, top: int, shown: str) -> tuple[list[_Answer], list[InputError]]:
    headings = [_text(cell) for cell in page.rows[top]]
    odd = [f"缺少列{name}" for name in _REQUIRED if name not in headings]
    odd += [f"列{name}出现多次" for name in (*_REQUIRED, NOTE) if headings.count(name) > 1]
    if odd:
        return [], [InputError(UNUSABLE, f"{shown}〔{page.sheet}〕：{'、'.join(odd)}", _ANEW)]
    at = {name: headings.index(name) for name in (*_REQUIRED, NOTE) if name in headings}
    answers: list[_Answer] = []
    errors: list[InputError] = []
    rows = [
        {name: cells[index] if index < len(cells) else None for name, index in at.items()}
        for cells in page.rows[top + 1 :]
    ]
    periods = Counter(text for row in rows if (text := _text(row[PERIOD])))
    period = max(periods, key=lambda text: (periods[text], text), default="")
    for number, row in enumerate(rows, start=page.first_row + top + 1):
        if not _text(row[ANSWER]):
            continue
        where = f"{shown}〔{page.sheet}〕第{number}行"
        found: _Answer | tuple[str, str] = _edited(row, period) or _answer(row, where)
        if isinstance(found, _Answer):
            answers.append(found)
        else:
            errors.append(InputError(UNUSABLE, f"{where}：{found[0]}", found[1]))
    return answers, errors


def _edited(row: Mapping[str, Any], period: str) -> tuple[str, str] | None:
    """What is wrong with a row's ids, with what to do; None: nothing. ``period``: that of most of the sheet's rows."""
    ids = [_text(row[name]) for name in KEYS]
    lacking = [name for name, text in zip(KEYS, ids, strict=True) if not text]
    if lacking:
        return f"{'、'.join(lacking)}空缺", f"{_ANEW}；自行增加的一对请写入records/decisions.csv"
    if pair_mark(*ids[:3]) != ids[3]:
        return f"期次{ids[0]}、监测编号{ids[1]}、台账条目{ids[2]}与校验码不符，编号被改动或不是本系统给出的", _ANEW
    if ids[0] != period:
        return f"期次{ids[0]}与本表的{period}不同，是别的期次的一对", "请填在该期次的判定表中，不要并入本表"
    return None


def _answer(row: Mapping[str, Any], where: str) -> _Answer | tuple[str, str]:
    """The row's answer, or what is wrong with it and what to do."""
    said = _text(row[ANSWER])
    if said not in {decision.label for decision in MatchDecision}:
        return f"判定“{said}”不在可选之列", f"请选{'或'.join(decision.label for decision in MatchDecision)}"
    if not _text(row[DECIDED_BY]):
        return "没有填决定人", "请填写作出判定的人"
    day = _day(row[DECIDED_ON])
    if day is None:
        return f"决定日期“{_text(row[DECIDED_ON])}”不是日期", "请写成2026-11-05这样的日期"
    if day < Period.parse(_text(row[PERIOD])).first_day:
        return f"决定日期{day}早于期次{_text(row[PERIOD])}", "请核对年份和月份"
    by, note = (str(row[name]).strip() if row.get(name) is not None else "" for name in (DECIDED_BY, NOTE))
    return _Answer(where, _text(row[TARGET]), _text(row[ENTRY]), said, day, by, note or None)


def _day(value: Any) -> date | None:
    if isinstance(value, datetime):
        return value.date()
    if isinstance(value, date):
        return value
    try:
        return parse_date(_text(value))
    except ValueError:
        return None


def _both_ways(answers: Sequence[_Answer], written: pd.DataFrame) -> list[InputError]:
    """Pairs with both answers on one day: nothing tells which is later."""
    known: dict[tuple[str, str, date], tuple[str, str]] = {}
    for row in written[written["entry_id"].notna()].to_dict("records"):
        word = next((d.label for d in MatchDecision if row["decision"].strip() in (d.value, d.label)), None)
        if word is not None:
            key = (row["target_id"], row["entry_id"], row["decided_on"].date())
            known.setdefault(key, ("records/decisions.csv", word))
    errors = []
    for answer in answers:
        where, word = known.setdefault(answer.pair_and_day, (answer.where, answer.decision))
        if word != answer.decision:
            what = f"{answer.where}：判“{answer.decision}”，而{where}在同一天判“{word}”（{answer.target_id}，{answer.entry_id}）"
            errors.append(InputError(UNUSABLE, what, "留下正确的一个；确是后来改判的，请写较晚的决定日期"))
    return errors


def _text(value: Any) -> str:
    """A heading, id or choice as compared: letters in their common form, no blanks around."""
    return "" if value is None else unicodedata.normalize("NFKC", str(value)).strip()
