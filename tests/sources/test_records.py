from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import pytest

from pipeline.errors import InputError
from pipeline.schema import DECISIONS, DISPATCHES, FIELD_CHECKS, NOTICES, PLACE
from pipeline.sources.records import append_records, check_records, read_records, record_files

HEAD = "监测编号,核查日期,核查结果,核查人员,备注\r\n"


def write(city: Path, name: str, text: str, encoding: str = "utf-8-sig") -> Path:
    path = city / "records" / name
    path.parent.mkdir(exist_ok=True)
    path.write_text(text, encoding=encoding, newline="")
    return path


def dispatch(target: str, day: str, unit: str = "U1") -> dict[str, object]:
    return {
        "period": "2026-10", "revision": "2026-10", "target_id": target, "unit_id": unit,
        "dispatched_on": pd.Timestamp(day),
    }  # fmt: skip


def test_every_record_knows_its_file_and_row(tmp_path: Path) -> None:
    # a blank line and a row said twice: the rows counted are those that Excel shows
    write(
        tmp_path,
        "field_checks.csv",
        HEAD + "T1,2026-11-08,违法,,\r\n\r\nT2,2026-11-09,合法,,\r\nT1,2026-11-08,违法,,\r\n",
    )
    checks = read_records(tmp_path).until(date(2026, 12, 1)).field_checks
    assert checks[["target_id", PLACE]].to_numpy().tolist() == [
        ["T1", "records/field_checks.csv 第2行"], ["T2", "records/field_checks.csv 第4行"],
    ]  # fmt: skip
    assert read_records(tmp_path).until(date(2026, 11, 8)).field_checks[PLACE].tolist() == checks[PLACE].tolist()[:1]


def test_missing_files_are_empty_tables(tmp_path: Path) -> None:
    records = read_records(tmp_path)
    assert records.dispatches.empty and list(records.dispatches.columns) == [*DISPATCHES.names, PLACE]
    assert str(records.notices["served_on"].dtype) == "datetime64[ms]"
    assert record_files(tmp_path) == ()


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-8", "gb18030"])
def test_outcomes_are_read_in_chinese_and_as_code(tmp_path: Path, encoding: str) -> None:
    write(
        tmp_path,
        "field_checks.csv",
        HEAD + "T1,2026-11-05,违法,张三,\r\nT2,2026/11/6,pseudo_change,,补种\r\n",
        encoding,
    )
    checks = read_records(tmp_path).field_checks
    assert checks["outcome"].tolist() == ["violation", "pseudo_change"]
    assert checks["checked_on"].tolist() == [pd.Timestamp("2026-11-05"), pd.Timestamp("2026-11-06")]


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (HEAD + "T1,2026-11-05,大概违法,,\r\n", "row 2, 核查结果: '大概违法'"),
        (HEAD + "T1,去年,违法,,\r\n", "row 2, 核查日期: '去年' is not a date"),
        (HEAD + "T0,2026-11-05,合法,,\r\n,2026-11-05,违法,,\r\n", "row 3, 监测编号 is empty"),
        ("监测编号,核查日期\r\n", "lacks the column 核查结果"),
        (HEAD + "T1,2026-11-05,违法,,\r\nT1,2026-11-05,合法,,\r\n", "rows 2 and 3 say different things"),
    ],
)
def test_bad_rows_are_refused_with_file_row_and_field(tmp_path: Path, text: str, said: str) -> None:
    write(tmp_path, "field_checks.csv", text)
    with pytest.raises(InputError, match=said) as caught:
        read_records(tmp_path)
    assert caught.value.code == "E403" and "field_checks.csv" in str(caught.value)
    assert [problem.code for problem in check_records(tmp_path)] == ["E403"]


def test_a_row_written_twice_counts_once(tmp_path: Path) -> None:
    write(tmp_path, "field_checks.csv", HEAD + "T1,2026-11-05,违法,张三,\r\n" * 2)
    assert len(read_records(tmp_path).field_checks) == 1


def test_decisions_on_two_entries_of_a_target_on_one_day_are_two_rows(tmp_path: Path) -> None:
    rows = [
        {
            "target_id": "T1",
            "entry_id": entry,
            "decision": "不匹配",
            "decided_on": pd.Timestamp("2026-11-05"),
            "reason": None,
        }
        for entry in ("E1", "E2")
    ]
    assert append_records(tmp_path, DECISIONS, pd.DataFrame(rows)) == 2
    assert read_records(tmp_path).decisions["entry_id"].tolist() == ["E1", "E2"]


def test_appending_keeps_every_earlier_byte_and_is_idempotent(tmp_path: Path) -> None:
    assert (
        append_records(tmp_path, DISPATCHES, pd.DataFrame([dispatch("T2", "2026-11-01"), dispatch("T1", "2026-11-01")]))
        == 2
    )
    path = tmp_path / "records" / "dispatches.csv"
    before = path.read_bytes()
    assert before.startswith("\ufeff期次,版本,监测编号,单位编号,派发日期\r\n2026-10,2026-10,T1".encode())
    assert append_records(tmp_path, DISPATCHES, pd.DataFrame([dispatch("T1", "2026-11-01")])) == 0
    assert path.read_bytes() == before
    assert append_records(tmp_path, DISPATCHES, pd.DataFrame([dispatch("T3", "2026-11-03")])) == 1
    assert path.read_bytes().startswith(before)
    assert read_records(tmp_path).dispatches["target_id"].tolist() == ["T1", "T2", "T3"]
    assert [file.name for file in path.parent.iterdir()] == ["dispatches.csv"]


def test_a_contradicting_row_is_refused_and_nothing_is_written(tmp_path: Path) -> None:
    append_records(tmp_path, DISPATCHES, pd.DataFrame([dispatch("T1", "2026-11-01")]))
    before = (tmp_path / "records" / "dispatches.csv").read_bytes()
    with pytest.raises(InputError, match="already holds another row for 2026-10 2026-10 T1") as caught:
        append_records(tmp_path, DISPATCHES, pd.DataFrame([dispatch("T9", "2026-11-02"), dispatch("T1", "2026-11-02")]))
    assert caught.value.code == "E403"
    assert (tmp_path / "records" / "dispatches.csv").read_bytes() == before


def test_a_gb18030_file_with_own_column_order_and_no_last_line_end_is_continued_as_it_is(tmp_path: Path) -> None:
    path = write(tmp_path, "field_checks.csv", "备注,核查结果,监测编号,核查日期\n甲,违法,T1,2026-11-05", "gb18030")
    before = path.read_bytes()
    row = {"target_id": "T2", "checked_on": pd.Timestamp("2026-11-07"), "outcome": "lawful", "note": "有批文, 已核"}
    append_records(tmp_path, FIELD_CHECKS, pd.DataFrame([row]))
    assert path.read_bytes() == before + '\n"有批文, 已核",合法,T2,2026-11-07\n'.encode("gb18030")
    assert read_records(tmp_path).field_checks["outcome"].tolist() == ["violation", "lawful"]


def test_until_hides_what_had_not_happened_yet(tmp_path: Path) -> None:
    rows = [
        {
            "target_id": "T1",
            "notice_kind": "责令停止违法行为通知书",
            "number": "1号",
            "issued_on": "2026-11-05",
            "served_on": "2026-11-20",
        },
        {
            "target_id": "T2",
            "notice_kind": "责令停止违法行为通知书",
            "number": "2号",
            "issued_on": "2026-12-01",
            "served_on": None,
        },
    ]
    append_records(tmp_path, NOTICES, pd.DataFrame(rows))
    notices = read_records(tmp_path).until(date(2026, 11, 10)).notices
    assert notices["number"].tolist() == ["1号"] and notices["served_on"].isna().all()
    assert read_records(tmp_path).until(date(2026, 12, 1)).notices["served_on"].notna().tolist() == [True, False]


def test_a_unit_named_like_a_formula_is_written_as_text_and_read_as_it_was(tmp_path: Path) -> None:
    rows = pd.DataFrame([dispatch("T1", "2026-11-01", "=1+1"), dispatch("T2", "2026-11-01", "@U")])
    assert append_records(tmp_path, DISPATCHES, rows) == 2
    text = (tmp_path / "records" / "dispatches.csv").read_text(encoding="utf-8-sig")
    assert ",'=1+1," in text and ",'@U," in text
    assert read_records(tmp_path).dispatches["unit_id"].tolist() == ["=1+1", "@U"]
    assert append_records(tmp_path, DISPATCHES, rows) == 0


@pytest.mark.parametrize(
    ("file", "heading", "line", "said"),
    [
        ("referrals.csv", "监测编号,抄告日期,抄告部门,回复日期", "T1,2026-11-10,市局,2026-11-01",
         "records/referrals.csv, row 2: 回复日期 2026-11-01 is before 抄告日期 2026-11-10"),
    ],
)  # fmt: skip
def test_dates_that_contradict_each_other_are_refused_with_file_and_row(
    tmp_path: Path, file: str, heading: str, line: str, said: str
) -> None:
    (tmp_path / "records").mkdir()
    (tmp_path / "records" / file).write_text(f"{heading}\n{line}\n", "utf-8")
    problems = check_records(tmp_path)
    assert [problem.code for problem in problems] == ["E403"] and said in str(problems[0])


def test_an_answer_that_came_later_was_not_there_on_the_day(tmp_path: Path) -> None:
    (tmp_path / "records").mkdir()
    rows = "监测编号,抄告日期,抄告部门,回复日期,回复内容\nT1,2026-11-10,市局,2026-11-20,已立案\n"
    (tmp_path / "records" / "referrals.csv").write_text(rows, "utf-8")
    known = read_records(tmp_path)
    assert known.until(date(2026, 11, 19)).referrals[["replied_on", "reply"]].isna().all(axis=None)
    assert known.until(date(2026, 11, 20)).referrals["reply"].tolist() == ["已立案"]


def test_a_notice_served_before_it_was_made_is_refused_with_its_row(tmp_path: Path) -> None:
    head = "监测编号,文书种类,文书编号,制作日期,送达日期\r\n"
    write(
        tmp_path, "notices.csv", head + "T1,通知书,1号,2026-11-10,2026-11-10\r\nT1,通知书,2号,2026-11-10,2026-11-09\r\n"
    )
    (problem,) = check_records(tmp_path)
    assert problem.code == "E409" and "row 3" in problem.message and "2号" in problem.message
