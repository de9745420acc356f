from __future__ import annotations

import io
import json
from dataclasses import replace
from datetime import date

import pandas as pd
from openpyxl import load_workbook

from pipeline import schema
from pipeline.report.grounds import FACT_NAMES
from pipeline.report.month import GROUPS, PLAIN_SHEETS, month_sheets, target_table
from pipeline.report.page import month_page
from pipeline.report.sheets import number_formats, readable, with_names
from pipeline.report.statistics import month_numbers, month_summary, summary_lines
from pipeline.report.tables import with_case_deadlines
from pipeline.rulebook import load_rulebook
from pipeline.screen.facts import FACTS
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
    assert list(full) == list(none) and {"考核指标", "考核明细", "巡查力量", "未见估计"} <= set(full)
    assert all(list(full[name].columns) == list(none[name].columns) for name in full)
    assert workbook_bytes(month_sheets(empty_month(), month_numbers(empty_month())), day=date(2026, 10, 31), title="t")


def test_target_list_joins_task_and_verdict() -> None:
    table = target_table(small_month()).set_index("监测编号")
    missed = table.loc["420000XC26100002"]
    assert (missed["结论"], missed["核查结果"], missed["责任人"]) == ("已巡未发现", "违法", "张三")
    assert missed["提示"] == HOSTILE
    delegated = table.loc["420000XC26100004"]
    assert (delegated["现负责单位"], delegated["属地单位"]) == ("市局执法队伍", "建设办")
    merged = table.loc["420000XC26100005"]
    assert (merged["状态"], merged["未列入理由"], merged["列入任务"]) == ("已并入", "已并入 420000XC26100001", "否")
    assert table.loc["420000XC26100003", "未列入理由"] == "超出每月核查上限 2 个"


def test_both_sheets_say_the_same_of_the_person_a_conclusion_is_about() -> None:
    month = small_month()
    verdicts = month.verdicts.assign(person_id=["P1", None, None, "P2"])
    book = pages(replace(month, verdicts=verdicts))
    both = [book[name].set_index("监测编号")["结论所指责任人"] for name in ("比对结论", "目标清单")]
    assert both[0].tolist() == ["张三", "不指到人", "不指到人", "李四"]
    assert both[1].reindex(both[0].index).tolist() == both[0].tolist()
    # a merged target has no conclusion
    assert both[1].isna().sum() == 1


def test_the_summary_does_not_call_the_candidates_all_changes_that_were_found() -> None:
    rows = pages(small_month())["摘要"].set_index("项目")
    assert rows.loc["候选图斑", "说明"] == "本期列为候选的变化（含复核通过的往期变化）"


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
    assert shown["结论所指单位"].tolist()[-1] == "市局执法队伍" and shown["可追责"].tolist() == ["否", "是", "否", "否"]
    odd = month.verdicts.assign(verdict="新的词", unit_id="U9")
    shown = readable(schema.VERDICTS, odd, units=month.unit_names(), people={}, drop=("reason",))
    assert shown["结论"].unique().tolist() == ["新的词"] and shown["属地单位"].unique().tolist() == ["U9"]
    assert "理由" not in shown.columns
    assert number_formats(schema.COVERAGE)["看见面积比例"] == "0.0%"


def test_no_code_of_the_program_is_left_for_the_clerk_to_read() -> None:
    def words(table: schema.Table, **values: str) -> list[str]:
        row = {column.name: None for column in table.columns} | values
        shown = readable(table, pd.DataFrame([row]), units={}, people={})
        return [shown.loc[0, table.labels()[name]] for name in values]

    assert words(schema.KPIS, kpi="cells_covered") == ["覆盖率"]
    assert words(schema.VISITS, evidence="track+ledger") == ["轨迹和台账"]
    assert words(schema.PLAN_CHECK, rule="delegated_without_person") == ["委托后未定责任人"]
    assert words(schema.AUDIT_SAMPLE, stratum="none_found/partly") == ["未发现／部分覆盖"]
    assert words(schema.REPAIRS, field="discovered_on") == ["巡查时间"]
    assert words(schema.REJECTED, field="row") == ["整行"]
    assert words(schema.ENTRIES, datum="unknown", position_source="place") == ["未定", "地名"]
    assert words(schema.SUPPRESSED, confidence="probable") == ["两次清晰观测"]


def test_a_dispatched_task_has_the_deadline_of_its_case() -> None:
    tasks = small_month().tasks
    ids = tasks["target_id"]
    cases = pd.DataFrame({
        "target_id": [ids[0], ids[2], ids[3]], "state": ["dispatched", "dispatched", "notified"],
        "due_on": pd.to_datetime(["2026-11-12", "2026-11-12", "2026-12-01"]),
    })  # fmt: skip
    due = with_case_deadlines(tasks, cases)["due_on"].dt.strftime("%Y-%m-%d")
    assert due.tolist()[:2] == ["2026-11-12", "2026-11-15"] and due.isna()[2] and due[3] == "2026-11-12"
    assert tasks["due_on"].dt.day[0] == 15
    other = with_case_deadlines(tasks, cases.assign(due_on=pd.Timestamp("2026-12-01")))["due_on"]
    assert other.dt.month.tolist()[0] == 12 and other.dt.month[3] == 11


def test_inputs_are_not_changed() -> None:
    month, same = small_month(), small_month()
    month_sheets(month, json.loads(json.dumps(month_numbers(month))))
    pd.testing.assert_frame_equal(pd.DataFrame(month.suppressed), pd.DataFrame(same.suppressed))


def test_the_index_names_every_other_sheet_in_order_and_opens_it() -> None:
    month = small_month()
    sheets = month_sheets(month, month_numbers(month))
    names = [sheet.name for sheet in sheets]
    assert names[:5] == ["摘要", "目录", "单位汇总", "目标清单", "考核指标"]
    index = next(sheet.frame for sheet in sheets if sheet.name == "目录")
    assert index["工作表"].tolist() == [name for name in names if name != "目录"]
    assert index.set_index("工作表").loc["目标清单", "行数"] == 5
    book = load_workbook(io.BytesIO(workbook_bytes(sheets, day=date(2026, 10, 31), title="t")))
    places = [cell.hyperlink.location for cell in book["目录"]["B"] if cell.hyperlink]
    assert places == [f"'{name}'!A1" for name in names if name != "目录"]
    assert book["摘要"].sheet_properties.tabColor.rgb.endswith("C00000")


def test_every_table_of_the_list_stands_in_one_group() -> None:
    grouped = [name for _, _, names in GROUPS for name in names]
    assert len(grouped) == len(set(grouped)) and {name for name, *_ in PLAIN_SHEETS} <= set(grouped)


def test_the_summary_answers_first_and_counts_what_a_person_must_decide() -> None:
    open_set = {"set_id": "420000XC26100001", "question": "这条台账说的是不是这个目标", "target_ids": "420000XC26100001",
                "entry_ids": "U1-a-1", "unit_ids": "U1、U2", "pairs": 1, "best_probability": 0.6, "evidence": "并列",
                "how": "填写"}  # fmt: skip
    month = small_month(ambiguous=schema.conform(schema.AMBIGUOUS, pd.DataFrame([open_set])))
    book = pages(month)
    summary = book["摘要"]
    assert summary["项目"].tolist()[:4] == [
        "一、查全了吗？",
        "二、哪里没看到？",
        "三、把握有多大？",
        "四、下一步谁做什么？",
    ]
    assert "1 组台账和目标分不清" in summary["说明"].tolist()[3]
    assert summary.set_index("项目").loc["待人工判定", "数值"] == 1
    names = month.unit_names()
    assert book["待人工判定"]["报送单位"].tolist() == [f"{names['U1']}、{names['U2']}"]
    assert any("待人工判定 to decide: 1 组" in line for line in summary_lines(month_summary(month_numbers(month))))
    page = month_page(month, month_numbers(month), rows_max=50)
    assert "这条台账说的是不是这个目标" in page


def test_rules_with_their_values_read_as_sentences() -> None:
    rules = [{"rule": "V6-1", "judgement": "undeterminable", "label": "采矿权资料未提供", "kind": "V6",
              "facts": {"area_without_mining_right_m2": None, "outside_plan_m2": 12297.25, "stage": "earthworks"}}]  # fmt: skip
    month = small_month()
    told = pages(small_month(suppressed=month.suppressed.assign(rules=json.dumps(rules, ensure_ascii=False))))
    said = told["排除图斑"]["规则与字段值"].tolist()
    assert said == ["V6-1 采矿权资料未提供（不可判），依据：规划区外(平方米) 12297.25，施工阶段 推填土"]


def test_every_fact_a_rule_uses_has_a_name() -> None:
    wanted = {condition.fact for rule in load_rulebook().rules for condition in rule.when}
    assert wanted and wanted <= set(FACT_NAMES) and set(FACTS) <= set(FACT_NAMES)


def test_sentences_name_units_and_people_but_keep_ids_of_rows() -> None:
    texts = pd.Series(["U03 的台账，U03-abc-1，计划JHU03，P1为U3人员，01组", None], dtype="str")
    named = with_names(texts, {"U03": "东风街道", "P1": "张三", "U3": "柳河镇", "01": "白马乡"})
    assert named[0] == "东风街道 的台账，U03-abc-1，计划JHU03，张三为柳河镇人员，01组" and named.isna()[1]
    assert with_names(texts, {}).equals(texts)


def test_ratios_of_the_city_are_named_so_and_none_repeats_an_indicator() -> None:
    row = {"value": 0.5, "low": 0.1, "high": 0.9, "numerator": 1, "denominator": 2, "formula": "口径"}
    rows = [{**row, "kpi": kpi, "unit_id": unit} for kpi in ("found", "found_before_dispatch") for unit in (None, "U1")]
    month = small_month(kpis=schema.conform(schema.KPIS, pd.DataFrame(rows)))
    shown = pages(month)["过程指标"]
    assert shown["指标"].tolist() == ["发现率"] * 2 and shown["单位"].tolist() == ["全市", month.unit_names()["U1"]]
