"""The form 待人工判定.xlsx on its way back: read as decisions, and every edit that could mislead is named."""

from __future__ import annotations

import io
import shutil
from collections.abc import Callable
from datetime import date, datetime
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from pipeline import schema
from pipeline.errors import InputError
from pipeline.report.decide import (
    ANSWER,
    DECIDED_BY,
    DECIDED_ON,
    ENTRY,
    FORM_NAME,
    MARK,
    NOTE,
    PERIOD,
    TARGET,
    decision_sheets,
)
from pipeline.report.decide import OPEN_SHEET as OPEN
from pipeline.report.decide import SETTLED_SHEET as SETTLED
from pipeline.sinks.workbook import workbook_bytes
from pipeline.sources.records import check_records, read_records, record_files
from tests.report.fabricate import HOSTILE, PHONE, frame, small_month

T1, T2, E1, E2 = "420000XC26100001", "420000XC26100002", "U1-abcdefghjkmn-1", "U1-mnpqrsabcdef-1"
DAY = date(2026, 10, 31)
ANSWERS = {ANSWER: "同一处", DECIDED_BY: "王五", DECIDED_ON: datetime(2026, 11, 20)}
Edit = Callable[[Any, dict[str, int]], None]


def match(target: str, entry: str, **values: Any) -> dict[str, Any]:
    return {"target_id": target, "entry_id": entry, "probability": 0.4, "distance_m": 35.0, "space_score": 0.9,
            "time_score": 1.0, "word_score": 1.0, "status": "ambiguous",
            "reason": "距目标 35 米（坐标基准未定，取最吻合的读法），时间得分 1.00", **values}  # fmt: skip


def question(rank: int, target: str, entry: str, **values: Any) -> dict[str, Any]:
    return {"rank": rank, "set_id": T1, "target_id": target, "entry_id": entry, "probability": 0.4,
            "verdict": "undeterminable", "keeps_open": True, "verdict_if_same": "found_before_dispatch",
            "if_same": f"结论预计由“不可判”改为“已发现”（台账条目 {entry} 已记录该处）",
            "verdict_if_different": "undeterminable", "if_different": "结论仍为“不可判”", **values}  # fmt: skip


def month(period: str = "2026-10", **changes: Any) -> Any:
    told = small_month().entries.iloc[:1]
    rows = [told.assign(entry_id=name, subject=HOSTILE, place=f"村东 {PHONE}", status="基坑") for name in (E1, E2)]
    matches = [
        match(T1, E1),
        match(T1, E2),
        match(T2, E2, status="decided", probability=1.0, reason="人工判定为同一处"),
    ]
    questions = [question(1, T1, E2), question(2, T1, E1, keeps_open=False)]
    return small_month(
        entries=schema.conform(schema.ENTRIES, pd.concat(rows, ignore_index=True)),
        matches=frame(schema.MATCHES, matches),
        questions=frame(schema.QUESTIONS, questions),
        period=period,
        run_name=period,
        **changes,
    )


def decided(day: str = "2026-11-05", decision: str = "same") -> dict[str, Any]:
    return {
        "target_id": T2,
        "entry_id": E2,
        "decision": decision,
        "decided_on": day,
        "reason": "看过",
        "decided_by": "赵六",
    }


def form(period: str = "2026-10") -> bytes:
    history = frame(schema.DECISIONS, [decided(), decided("2026-11-01", "different")])
    return workbook_bytes(decision_sheets(month(period), history), day=DAY, title=FORM_NAME)


def rows(page: Any) -> tuple[int, dict[str, int]]:
    """The heading's row and the column of each heading."""
    for line in page.iter_rows():
        names = {cell.value: cell.column for cell in line if cell.value}
        if MARK in names:
            return line[0].row, names
    raise AssertionError("no heading")


def fill(page: Any, number: int, **answers: Any) -> None:
    top, column = rows(page)
    for heading, value in ({**ANSWERS, **answers}).items():
        page.cell(top + number, column[heading]).value = value


def hand_in(
    city: Path, edit: Edit | None = None, *, name: str = "判定 十月.xlsx", content: bytes | None = None
) -> Path:
    """Put a form into the city's folder after ``edit`` (the open sheet and the columns of its headings)."""
    book = openpyxl.load_workbook(io.BytesIO(content or form()))
    if edit is not None:
        edit(book, rows(book[OPEN])[1])
    path = city / "records" / "decisions" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)
    return path


def said(city: Path) -> list[tuple[Any, ...]]:
    table = read_records(city).decisions
    return [
        (row.target_id, row.entry_id, row.decision, str(row.decided_on)[:10], row.decided_by)
        for row in table.itertuples()
    ]


def problems(city: Path) -> list[str]:
    found = check_records(city)
    assert {problem.code for problem in found} <= {"E406"}
    return [problem.message for problem in found]


def first_same(book: Any, _: dict[str, int]) -> None:
    fill(book[OPEN], 1)


def test_a_filled_row_is_a_decision_and_an_empty_one_a_question_still_open(tmp_path: Path) -> None:
    path = hand_in(tmp_path, first_same)
    assert said(tmp_path) == [(T1, E2, "同一处", "2026-11-20", "王五")]
    assert problems(tmp_path) == [] and record_files(tmp_path) == (path,)
    hand_in(tmp_path, name="空.xlsx")
    assert len(said(tmp_path)) == 1


def test_evidence_columns_may_go_rows_be_sorted_and_days_typed(tmp_path: Path) -> None:
    def edit(book: Any, column: dict[str, int]) -> None:
        page = book[OPEN]
        fill(page, 2, **{ANSWER: "不是同一处 ", DECIDED_ON: "2026年11月21日", NOTE: "=1+1"})
        page.delete_rows(rows(page)[0] + 1)
        page.delete_cols(3, 5)
        page.delete_rows(1, 2)
        del book[SETTLED]

    hand_in(tmp_path, edit)
    assert said(tmp_path) == [(T1, E1, "不是同一处", "2026-11-21", "王五")]


def test_the_same_form_twice_changes_nothing_and_a_later_word_is_added(tmp_path: Path) -> None:
    path = hand_in(tmp_path, first_same)
    once = said(tmp_path)
    shutil.copy(path, path.with_name("副本.xlsx"))
    assert said(tmp_path) == once
    hand_in(
        tmp_path,
        lambda book, _: fill(book[OPEN], 1, **{ANSWER: "不是同一处", DECIDED_ON: "2026-11-25"}),
        name="改.xlsx",
    )
    words = sorted((row[2:4] for row in said(tmp_path)), key=lambda pair: pair[1])
    assert words == [("同一处", "2026-11-20"), ("不是同一处", "2026-11-25")]
    assert problems(tmp_path) == []


def test_an_answer_is_changed_on_the_sheet_of_answers_in_force(tmp_path: Path) -> None:
    hand_in(tmp_path, lambda book, _: fill(book[SETTLED], 1, **{ANSWER: "不是同一处"}))
    assert said(tmp_path) == [(T2, E2, "不是同一处", "2026-11-20", "王五")]


def test_decisions_of_forms_stand_beside_those_of_the_csv_and_up_to_a_day(tmp_path: Path) -> None:
    hand_in(tmp_path, first_same)
    text = "监测编号,台账条目,决定,决定日期\r\n420000XC26100002,U1-mnpqrsabcdef-1,同一处,2026-11-01\r\n"
    (tmp_path / "records" / "decisions.csv").write_text(text, encoding="utf-8-sig", newline="")
    assert [row[0] for row in said(tmp_path)] == [T2, T1]
    assert len(read_records(tmp_path).until(date(2026, 11, 10)).decisions) == 1


def put(heading: str, value: Any, number: int = 1) -> Edit:
    def edit(book: Any, column: dict[str, int]) -> None:
        fill(book[OPEN], number)
        book[OPEN].cell(rows(book[OPEN])[0] + number, column[heading]).value = value

    return edit


@pytest.mark.parametrize(
    ("edit", "message"),
    [
        (put(TARGET, T2), "与校验码不符"),
        (put(ENTRY, "U1-aaaaaaaaaaaa-1"), "与校验码不符"),
        (put(PERIOD, "2026-11"), "与校验码不符"),
        (put(MARK, None), "校验码空缺"),
        (put(ENTRY, None), "台账条目空缺"),
        (put(ANSWER, "大概是"), "判定“大概是”不在可选之列"),
        (put(DECIDED_BY, None), "没有填决定人"),
        (put(DECIDED_ON, None), "决定日期“”不是日期"),
        (put(DECIDED_ON, "去年"), "决定日期“去年”不是日期"),
        (put(DECIDED_ON, "20261332"), "决定日期“20261332”不是日期"),
        (put(DECIDED_ON, "2025-11-20"), "早于期次2026-10"),
    ],
)
def test_a_misleading_row_is_named_with_file_sheet_and_row(tmp_path: Path, edit: Edit, message: str) -> None:
    hand_in(tmp_path, edit)
    (told,) = problems(tmp_path)
    assert told.startswith("records/decisions/判定 十月.xlsx〔待人工判定〕第4行：") and message in told
    with pytest.raises(InputError, match="E406"):
        read_records(tmp_path)


def test_all_wrong_rows_are_told_at_once(tmp_path: Path) -> None:
    def edit(book: Any, column: dict[str, int]) -> None:
        fill(book[OPEN], 1, **{ANSWER: "是"})
        fill(book[OPEN], 2, **{DECIDED_BY: " "})

    hand_in(tmp_path, edit)
    assert [told.split("：")[0][-3:] for told in problems(tmp_path)] == ["第4行", "第5行"]


def test_a_row_of_another_period_pasted_in_is_named(tmp_path: Path) -> None:
    def edit(book: Any, column: dict[str, int]) -> None:
        fill(book[OPEN], 1)
        other = openpyxl.load_workbook(io.BytesIO(form("2026-09")))[OPEN]
        top = rows(other)[0]
        last = book[OPEN].max_row + 1
        for number, cell in enumerate(other[top + 1], start=1):
            book[OPEN].cell(last, number).value = cell.value
        fill(book[OPEN], last - top)

    hand_in(tmp_path, edit)
    (told,) = problems(tmp_path)
    assert "第6行" in told and "期次2026-09与本表的2026-10不同" in told
    # a whole form of another period is as good as this one's
    shutil.rmtree(tmp_path / "records")
    hand_in(tmp_path, first_same, content=form("2026-09"))
    assert len(said(tmp_path)) == 1


def test_both_answers_on_one_day_are_a_problem_wherever_they_stand(tmp_path: Path) -> None:
    first = hand_in(tmp_path, first_same)
    hand_in(tmp_path, lambda book, _: fill(book[OPEN], 1, **{ANSWER: "不是同一处"}), name="又.xlsx")
    (told,) = problems(tmp_path)
    assert "又.xlsx" in told and first.name in told and "在同一天" in told
    first.unlink()
    text = f"监测编号,台账条目,决定,决定日期\r\n{T1},{E2},same,2026-11-20\r\n"
    (tmp_path / "records" / "decisions.csv").write_text(text, encoding="utf-8-sig", newline="")
    assert "decisions.csv在同一天判“同一处”" in problems(tmp_path)[0]

    def twice(book: Any, column: dict[str, int]) -> None:
        page = book[OPEN]
        fill(page, 1)
        for number, cell in enumerate(page[4], start=1):
            page.cell(6, number).value = cell.value
        fill(page, 3, **{ANSWER: "不是同一处"})

    shutil.rmtree(tmp_path / "records")
    hand_in(tmp_path, twice)
    assert "第6行" in problems(tmp_path)[0] and "第4行" in problems(tmp_path)[0]


@pytest.mark.parametrize("content", [b"", b"PK\x03\x04 cut short", b"\x00" * 64, "不是表".encode()])
def test_a_damaged_file_is_named(tmp_path: Path, content: bytes) -> None:
    path = hand_in(tmp_path)
    path.write_bytes(content)
    (told,) = problems(tmp_path)
    assert "判定 十月.xlsx" in told


def test_a_cut_workbook_is_named(tmp_path: Path) -> None:
    path = hand_in(tmp_path, first_same)
    path.write_bytes(path.read_bytes()[:-400])
    assert len(problems(tmp_path)) == 1


def test_another_workbook_and_a_form_without_its_columns_are_named(tmp_path: Path) -> None:
    def edit(book: Any, column: dict[str, int]) -> None:
        book[OPEN].delete_cols(column[DECIDED_ON])

    hand_in(tmp_path, edit)
    assert "缺少列决定日期" in problems(tmp_path)[0]
    strange = openpyxl.Workbook()
    strange.active.append(["姓名", "电话"])
    strange.save(tmp_path / "records" / "decisions" / "通讯录.xlsx")
    assert "通讯录.xlsx：没有判定表" in problems(tmp_path)[1]


def test_files_that_office_programs_leave_are_no_forms(tmp_path: Path) -> None:
    path = hand_in(tmp_path, first_same)
    path.with_name("~$判定 十月.xlsx").write_bytes(b"lock")
    path.with_name("Thumbs.db").write_bytes(b"x")
    assert problems(tmp_path) == [] and record_files(tmp_path) == (path,)
