from __future__ import annotations

import json

from pipeline.detect.doubt import VEIL
from pipeline.report.statistics import by_code, by_value, month_numbers, month_summary, summary_lines
from pipeline.values import Verdict
from tests.report.fabricate import empty_month, small_month


def test_the_month_counted_by_hand() -> None:
    numbers = month_numbers(small_month())
    assert numbers["funnel"] == {
        "candidates": 6, "suspected": 5, "suppressed": 1, "suppressed_by": {"S1": 1}, "targets": 4,
        "waiting": 1, "waiting_by": {VEIL: 1},
        "tasks_included": 3, "tasks_left_out": 1, "left_out_reasons": {"超出每月核查上限 2 个": 1},
    }  # fmt: skip
    assert numbers["targets"]["by_state"] == {"new": 4, "growing": 0, "seen_again": 0, "carried": 0, "merged": 1}
    assert numbers["targets"]["area_m2"] == 8000.0
    assert numbers["verdicts"]["by_verdict"] == {
        "found_before_dispatch": 1, "found_after_dispatch": 0, "patrolled_not_reported": 1, "due_not_patrolled": 1,
        "undeterminable": 1,
    }  # fmt: skip
    assert numbers["verdicts"]["accountable"] == 1
    assert numbers["verdicts"]["missed_unchecked"] == 1
    nobody_looked = month_numbers(small_month(verdicts=small_month().verdicts.assign(outcome="unchecked")))
    assert nobody_looked["verdicts"]["missed_unchecked"] == 2
    assert numbers["cells"]["by_state"] == {"targets": 3, "none_found": 1, "partly_observed": 1, "not_observed": 1}
    assert numbers["ledger"] == {"rows": 2, "findings": 1, "visits": 1, "repairs": 0, "rejected": 1, "to_mend": 1,
                                 "rejected_by_code": {"E502": 1}}  # fmt: skip
    assert numbers["omissions"]["by_class"]["true_miss"] == 1
    kinds = {"never_visited": 1, "ledger_only": 0, "unseen_part": 0}
    assert numbers["missed"] == {"total": 1, "area_m2": 1e6, "by_kind": kinds}
    assert numbers["kpis"][0]["unit_id"] is None and numbers["kpis"][0]["value"] == 0.25


def test_units_by_hand() -> None:
    town, office, team, nobody = month_numbers(small_month())["units"]
    assert (town["name"], town["cells"], town["tasks"], town["left_out"]) == ("柳林镇", 4, 2, 1)
    assert town["verdicts"]["patrolled_not_reported"] == 1 and town["accountable"] == 1 and town["unchecked"] == 2
    assert (office["cells"], office["targets"], office["first_due_on"]) == (0, 0, None)
    assert (team["first_past_due_on"], team["past_due"], team["missed_areas"], team["missed_m2"]) == (
        "2026-11-12",
        1,
        1,
        1e6,
    )
    assert nobody["unit_id"] is None and nobody["cells"] == 1


def test_units_add_up_to_the_city() -> None:
    numbers = month_numbers(small_month())
    units = numbers["units"]
    assert sum(unit["cells"] for unit in units) == numbers["cells"]["total"]
    assert sum(unit["tasks"] for unit in units) == numbers["funnel"]["tasks_included"]
    assert sum(unit["left_out"] for unit in units) == numbers["funnel"]["tasks_left_out"]
    for code in Verdict:
        assert sum(unit["verdicts"][code.value] for unit in units) == numbers["verdicts"]["by_verdict"][code.value]
    assert sum(unit["rejected"] for unit in units) == numbers["ledger"]["rejected"]


def test_an_empty_month_is_all_zeros() -> None:
    numbers = month_numbers(empty_month())
    assert numbers["cells"]["by_state"]["not_observed"] == 6
    assert numbers["targets"] == numbers["targets"] | {"total": 0, "area_m2": 0.0}
    summary = month_summary(numbers)
    assert (summary["targets"], summary["found"], summary["undeterminable"]) == (0, 0, 0)
    assert len(summary["units"]) == 4


def test_numbers_are_json_and_do_not_depend_on_row_order() -> None:
    month = small_month()
    turned = {name: getattr(month, name).iloc[::-1].reset_index(drop=True)
              for name in ("targets", "tasks", "verdicts", "cell_states", "entries", "units", "people")}  # fmt: skip
    first, second = (json.dumps(month_numbers(small_month(**part)), allow_nan=False) for part in ({}, turned))
    assert first == second


def test_summary_lines_say_what_a_person_needs() -> None:
    lines = summary_lines(month_summary(month_numbers(small_month())))
    text = "\n".join(lines)
    for words in ("疑似目标 targets: 4", "不可判 undeterminable: 1", "missed by the satellite: 1", "targets.gpkg"):
        assert words in text
    assert "    柳林镇: 3 / 1 / 1 / 1" in lines


def test_counting() -> None:
    assert by_value(["b", "a", None, "b"]) == {"a": 1, "b": 2, "null": 1}
    assert list(by_code(["undeterminable", "odd"], Verdict).items())[-2:] == [("undeterminable", 1), ("odd", 1)]
