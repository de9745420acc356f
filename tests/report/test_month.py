from __future__ import annotations

import json
from datetime import date

import pandas as pd

from pipeline import schema
from pipeline.report.month import month_sheets, target_table
from pipeline.report.sheets import number_formats, readable
from pipeline.report.statistics import month_numbers
from pipeline.sinks.workbook import workbook_bytes
from tests.report.fabricate import HOSTILE, PHONE, empty_month, small_month


def pages(month: object) -> dict[str, pd.DataFrame]:
    return {page.name: page.frame for page in month_sheets(month, month_numbers(month))}  # type: ignore[arg-type]


def test_nothing_is_missing_from_the_workbook() -> None:
    month = small_month()
    book = pages(month)
    for name, table in {"网格情况": month.cell_states, "比对结论": month.verdicts, "排除图斑": month.suppressed,
                        "台账退回": month.rejected, "台账条目": month.entries, "漏巡区域": month.missed}.items():  # fmt: skip
        assert len(book[name]) == len(table)
    assert book["排除图斑"]["排除理由"].tolist() == ["批准在前"]
    assert book["台账退回"]["理由"].tolist() == ["看不懂的日期"]
    assert sorted(book["目标清单"]["监测编号"]) == sorted(month.targets["target_id"])


def test_every_table_of_the_month_has_a_sheet_even_when_empty() -> None:
    full, none = pages(small_month()), pages(empty_month())
    assert list(full) == list(none) and len(full) == 22
    assert all(list(full[name].columns) == list(none[name].columns) for name in full)
    assert workbook_bytes(month_sheets(empty_month(), month_numbers(empty_month())), day=date(2026, 10, 31), title="t")


def test_target_list_joins_task_and_verdict() -> None:
    table = target_table(small_month()).set_index("监测编号")
    missed = table.loc["420000XC26100002"]
    assert (missed["结论"], missed["核查结果"], missed["责任人"]) == ("已巡未发现", "违法", "张三")
    assert missed["提示"] == HOSTILE
    delegated = table.loc["420000XC26100004"]
    assert (delegated["负责单位"], delegated["属地单位"]) == ("市局执法队伍", "建设办")
    merged = table.loc["420000XC26100005"]
    assert (merged["状态"], merged["未列入理由"], merged["列入任务"]) == ("已并入", "已并入 420000XC26100001", "否")
    assert table.loc["420000XC26100003", "未列入理由"] == "超出每月核查上限 2 个"


def test_a_target_without_verdict_stays_in_the_list() -> None:
    month = small_month()
    table = target_table(small_month(verdicts=month.verdicts.iloc[:0]))
    assert len(table) == 5 and table["结论"].isna().all()


def test_json_columns_read_as_words() -> None:
    shown = pages(small_month())["排除图斑"]
    assert shown["地类面积"].tolist() == ["旱地 1500；农村宅基地 500"]
    assert shown["疑似违法类型"].tolist() == ["占用耕地"]


def test_telephones_are_nowhere() -> None:
    assert all(PHONE not in frame.to_csv() for frame in pages(small_month()).values())


def test_readable_translates_codes_names_and_flags() -> None:
    month = small_month()
    shown = readable(schema.VERDICTS, month.verdicts, units=month.unit_names(), people=month.person_names())
    assert shown["结论"].tolist() == ["已发现", "已巡未发现", "不可判", "应巡未巡"]
    assert shown["负责单位"].tolist()[-1] == "市局执法队伍" and shown["可追责"].tolist() == ["否", "是", "否", "否"]
    odd = month.verdicts.assign(verdict="新的词", unit_id="U9")
    shown = readable(schema.VERDICTS, odd, units=month.unit_names(), people={}, drop=("reason",))
    assert shown["结论"].unique().tolist() == ["新的词"] and shown["属地单位"].unique().tolist() == ["U9"]
    assert "理由" not in shown.columns
    assert number_formats(schema.COVERAGE)["看见面积比例"] == "0.0%"


def test_inputs_are_not_changed() -> None:
    month, same = small_month(), small_month()
    month_sheets(month, json.loads(json.dumps(month_numbers(month))))
    pd.testing.assert_frame_equal(pd.DataFrame(month.suppressed), pd.DataFrame(same.suppressed))
