from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pandas as pd

from pipeline import schema
from pipeline.report.answers import four_answers
from pipeline.report.kpi import DUE, fact_table
from pipeline.report.lateness import with_late_handover
from pipeline.report.statistics import month_numbers
from tests.report.fabricate import frame, small_month

AS_OF = date(2026, 11, 30)
ONE, TWO, FOUR = (f"420000XC2610000{number}" for number in (1, 2, 4))


def case(target_id: str, sent_to: str, acting: str, held: str | None, **more: Any) -> Any:
    row = {"target_id": target_id, "unit_id": sent_to, "acting_unit_id": acting, "state": "dispatched",
           "outcome": "unchecked", "next_step": "-", "due_on": "2026-11-15", "due_unit_id": held, "overdue": True,
           "basis": "-"}  # fmt: skip
    return row | more


def month_of(*cases: Any) -> Any:
    """柳林镇 (U1) has targets 1 and 2, the city's team (U3) has target 4; all due by 15 November, as of 30 November."""
    return small_month(cases=frame(schema.CASES, list(cases)))


def units(month: Any) -> dict[str, Any]:
    return {unit["unit_id"]: unit for unit in month_numbers(month)["units"]}


def test_a_task_is_late_for_the_unit_that_held_it_until_it_was_due() -> None:
    month = month_of(case(ONE, "U3", "U1", "U3"), case(TWO, "U1", "U1", "U1"), case(FOUR, "U3", "U3", "U3"))
    town, team = units(month)["U1"], units(month)["U3"]
    assert (town["past_due"], town["first_past_due_on"]) == (1, "2026-11-15")
    assert [(group["name"], group["tasks"]) for group in town["taken_over"]] == [("市局执法队伍", 1)]
    assert [(group["name"], group["tasks"]) for group in team["handed_over"]] == [("柳林镇", 1)]
    # 考核指标 counts the same
    facts = fact_table(month)
    late = facts[facts["逾期"] == "是"][DUE].value_counts().to_dict()
    assert late == {unit["name"]: unit["past_due"] + len(unit["handed_over"]) for unit in (town, team)}
    said = four_answers(month, month_numbers(month))[3].lines
    assert any(
        line.startswith(
            "柳林镇：核查 2 个目标，其中 1 个已过期限（最早 2026-11-15），"
            "1 个接手前已过期限（最早 2026-11-15，期限前由市局执法队伍负责，逾期不计本单位），请尽快办结"
        )
        for line in said
    )
    assert any("市局执法队伍：" in line and "另有 1 个逾期后改由柳林镇负责，逾期仍计本单位" in line for line in said)


def test_what_changed_hands_before_it_was_due_is_late_for_nobody_alone() -> None:
    month = month_of(case(ONE, "U3", "U1", None), case(TWO, "U1", "U1", "U1", overdue=False))
    town = units(month)["U1"]
    # the second one's record is disputed
    assert (town["past_due"], [group["name"] for group in town["taken_over"]]) == (0, [None])
    line = next(line for line in four_answers(month, month_numbers(month))[3].lines if line.startswith("柳林镇"))
    assert "其中 1 个已过期限而期限内换过负责单位（最早 2026-11-15，逾期只计入全市），请尽快办结" in line


def test_before_the_deadline_nothing_was_taken_over_late() -> None:
    month = replace(month_of(case(ONE, "U3", "U1", None, overdue=False)), as_of=date(2026, 11, 15))
    town = units(month)["U1"]
    assert (town["past_due"], town["taken_over"], town["first_due_on"]) == (0, [], "2026-11-15")


def test_the_task_list_remarks_on_a_deadline_that_passed_before_the_unit_had_the_task() -> None:
    month = month_of(case(ONE, "U3", "U1", "U3"), case(TWO, "U1", "U1", None), case(FOUR, "U3", "U3", "U3"))
    given = month.tasks.assign(reason="基坑。")
    made = with_late_handover(given, month.cases, month.unit_names(), AS_OF).set_index("target_id")["reason"]
    taken = "基坑；办理期限2026-11-15届满前由市局执法队伍负责，接手时已过期限，逾期不计本单位。"
    assert made[ONE] == taken
    assert made[TWO] == "基坑；办理期限2026-11-15届满前换过负责单位，逾期只计入全市。"
    assert made[FOUR] == "基坑。" and (given["reason"] == "基坑。").all()
    early = with_late_handover(given, month.cases, month.unit_names(), date(2026, 11, 1))
    pd.testing.assert_series_equal(early["reason"], given["reason"])
