"""The form a person fills in: both sides of every pair, drop-downs, nothing that a spreadsheet would run."""

from __future__ import annotations

import io
from dataclasses import replace

import openpyxl
import pandas as pd

from pipeline import schema
from pipeline.report.decide import (
    ANSWER,
    ANSWERS,
    FILLED,
    HELP_SHEET,
    KEYS,
    OPEN_SHEET,
    SETTLED_SHEET,
    decision_sheets,
    pair_mark,
    why_alike,
)
from pipeline.report.month import GROUPS
from pipeline.report.personal import Allowance, known_names, redacted_month, redaction
from pipeline.sinks.workbook import workbook_bytes
from tests.report.fabricate import HOSTILE, PHONE, empty_month, frame
from tests.sources.test_decision_forms import DAY, E1, E2, T1, T2, decided, match, month


def sheets(told: object = None) -> dict[str, pd.DataFrame]:
    history = frame(schema.DECISIONS, [decided(), decided("2026-11-01", "different")])
    return {sheet.name: sheet.frame for sheet in decision_sheets(told or month(), history)}  # type: ignore[arg-type]


def test_pairs_stand_in_the_order_of_questions_with_both_sides() -> None:
    open_rows = sheets()[OPEN_SHEET]
    assert open_rows[["监测编号", "台账条目"]].to_numpy().tolist() == [[T1, E2], [T1, E1]]
    row = open_rows.iloc[0]
    for part in (T1, "柳林镇", "W01", "基坑", "2000 平方米", "2026-09-20", "2026-10-08", "坐标(WGS84)：1"):
        assert part in row["卫星看到的（目标）"], part
    for part in ("2026-10-12", "柳林镇报送", HOSTILE, "村东", "基坑", "出处：十月.xlsx〔Sheet1〕第4行"):
        assert part in row["台账写的（条目）"], part
    assert row["为什么可能是同一处"].split("\n") == [
        "距目标 35 米（坐标基准未定，取最吻合的读法），位置吻合（0.90）", "时间吻合（1.00）", "文字和面积说明不了（1.00）",
    ]  # fmt: skip
    assert row["判“同一处”会怎样"] == "结论预计由“不可判”改为“已发现”（本条台账 已记录该处）"
    assert open_rows[list(FILLED)].isna().all(axis=None)


def test_decisions_in_force_are_listed_with_their_history_the_latest_first() -> None:
    (row,) = sheets()[SETTLED_SHEET].to_dict("records")
    assert (row["监测编号"], row["台账条目"]) == (T2, E2)
    assert row["以前的判定"] == "2026-11-05 赵六：同一处（看过）\n2026-11-01 赵六：不是同一处（看过）"


def test_marks_tell_pairs_and_periods_apart_and_hold_no_digits() -> None:
    marks = {pair_mark(p, t, e) for p in ("2026-09", "2026-10") for t in (T1, T2) for e in (E1, E2)}
    assert len(marks) == 8 and all(len(mark) == 9 and mark.isalpha() for mark in marks)


def test_answers_are_picked_from_a_list_and_nothing_runs() -> None:
    content = workbook_bytes(decision_sheets(month(), frame(schema.DECISIONS, [decided()])), day=DAY, title="t")
    book = openpyxl.load_workbook(io.BytesIO(content))
    assert book.sheetnames == [OPEN_SHEET, SETTLED_SHEET, HELP_SHEET]
    for name in (OPEN_SHEET, SETTLED_SHEET):
        (rule,) = book[name].data_validations.dataValidation
        assert rule.formula1 == '"' + ",".join(ANSWERS) + '"' and rule.showErrorMessage
        column = next(cell.column_letter for cell in book[name][3] if cell.value == ANSWER)
        assert str(rule.sqref).startswith(f"{column}4")
    cells = [cell for page in book for line in page.iter_rows() for cell in line if cell.value is not None]
    assert all(cell.data_type != "f" for cell in cells)


def test_a_hostile_remark_comes_back_as_text() -> None:
    odd = frame(schema.MATCHES, [match(T1, E1, reason="=1+1"), match(T1, E2, reason="@SUM(A1)")])
    told = month().questions.assign(if_same="=HYPERLINK(1)", if_different="-1")
    history = frame(schema.DECISIONS, [])
    content = workbook_bytes(decision_sheets(month(), history)[:1], day=DAY, title="t")
    assert content == workbook_bytes(decision_sheets(month(), history)[:1], day=DAY, title="t")
    changed = decision_sheets(_with(matches=odd, questions=told), history)
    book = openpyxl.load_workbook(io.BytesIO(workbook_bytes(changed, day=DAY, title="t")))
    hostile = [c for line in book[OPEN_SHEET].iter_rows() for c in line if str(c.value).startswith(("=", "-", "@"))]
    assert len(hostile) == 4 and all(cell.data_type == "s" and cell.quotePrefix for cell in hostile)


def _with(**changes: object) -> object:
    return replace(month(), **changes)  # type: ignore[arg-type]


def test_telephones_are_masked_and_ids_are_not() -> None:
    told = month()
    guard = redaction(Allowance("all", "masked", "masked", "none"), known_names(told.people, told.entries))
    shown = sheets(redacted_month(told, guard))[OPEN_SHEET]
    assert PHONE not in shown.to_csv() and "139****1234" in shown.to_csv()
    plain = sheets()[OPEN_SHEET]
    pd.testing.assert_frame_equal(shown[list(KEYS)], plain[list(KEYS)])


def test_an_entry_that_is_gone_and_a_month_without_questions() -> None:
    lost = match(T1, E1, distance_m=None, reason="人工曾判定为同一处，但台账中已无此条目")
    assert why_alike(lost, gone=True).startswith("人工曾判定")
    assert why_alike(match(T1, E1, reason="位置不明，时间得分 1.00，台账填报了本监测编号")).split("\n")[::3] == [
        "位置不明，不能比较", "台账填报了本监测编号",
    ]  # fmt: skip
    told = _with(entries=month().entries.iloc[1:])
    assert "台账中已无此条目" in sheets(told)[OPEN_SHEET].set_index("台账条目").loc[E1, "台账写的（条目）"]
    nothing = decision_sheets(empty_month(), frame(schema.DECISIONS, []))
    assert [len(sheet.frame) for sheet in nothing[:2]] == [0, 0] and nothing[0].note == "本期没有需要判定的。"
    assert any("待人工判定" in names for _, _, names in GROUPS)
