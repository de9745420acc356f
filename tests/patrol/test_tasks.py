from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.patrol.cells import locate_targets
from pipeline.patrol.responsibility import answerable_for
from pipeline.patrol.tasks import Told, Weights, priority_of, rank_tasks, with_told_stages
from pipeline.schema import DELEGATIONS, DISPATCHES, FIELD_CHECKS, TASKS
from pipeline.store import check_table
from pipeline.values import Stage
from tests.patrol.town import (
    cells,
    checks,
    delegation,
    dispatches,
    no,
    people,
    responsibility,
    square,
    targets,
    units,
)
from tests.register.drawing import month, seen

WEIGHTS = Weights(basic_farmland=1.0, farmland=0.5, early_stage=0.5, growth=0.5, area=0.5, full_area_m2=3333.0)
DAY = date(2026, 11, 1)


def tasks(found: Any, *, cap: int = 10, **other: Any) -> Any:
    given_tables = {
        "field_checks": no(FIELD_CHECKS),
        "dispatches": no(DISPATCHES),
        "delegations": no(DELEGATIONS),
        **other,
    }
    duty = answerable_for(
        cells(), units(cap), people(), responsibility(), given_tables["delegations"], day=given_tables.get("day", DAY)
    )
    made = rank_tasks(
        found,
        locate_targets(found, cells()),
        duty.cells,
        units(cap),
        given_tables["delegations"],
        given_tables["field_checks"],
        given_tables["dispatches"],
        weights=WEIGHTS,
        day=given_tables.get("day", DAY),
        field_check_days=7,
    )
    check_table(TASKS, made)
    return made


def row(made: Any, target_id: str) -> Any:
    return made.set_index("target_id").loc[target_id]


def at(target_id: str, x: float = 100, **values: Any) -> dict[str, Any]:
    return {"target_id": target_id, "geometry": square(x, 100, 30), **values}


def test_no_targets_give_no_tasks() -> None:
    assert tasks(targets()).empty


def test_a_task_names_territory_acting_unit_person_and_due_day() -> None:
    made = tasks(targets(at("T1"), at("T2", x=2100)))
    one = row(made, "T1")
    assert (one["unit_id"], one["acting_unit_id"], one["person_id"], one["cell_id"]) == ("U1", "U1", "P1", "G1")
    assert one["due_on"] == pd.Timestamp("2026-11-08") and bool(one["included"])
    assert one["reason"].startswith("疑似新增建设（概率0.80，三次及以上清晰观测，主体结构）")


def test_the_hint_says_what_is_not_known_and_does_not_say_that_a_target_has_gone() -> None:
    made = tasks(targets(at("T1", stage="unknown", confidence="early"), at("T2", x=300, state="carried")))
    assert row(made, "T1")["reason"].startswith("疑似新增建设（概率0.80，一次清晰观测，施工阶段不能判断）")
    assert "本期影像未见新的变化，不等于已消失" in row(made, "T2")["reason"]
    closed = tasks(targets(at("T1", state="carried")), field_checks=checks(("T1", "2026-10-20", "lawful")))
    assert row(closed, "T1")["left_out_reason"].endswith("此后影像未见新的变化")


@pytest.mark.parametrize(
    ("basic_farmland_m2", "said"),
    [
        (0.9, None),
        (2.0, "涉及永久基本农田少于0.1亩"),
        (33.0, "涉及永久基本农田少于0.1亩"),
        (34.0, "涉及永久基本农田0.1亩"),
    ],
)
def test_an_area_below_what_is_printed_is_not_told_as_nothing(basic_farmland_m2: float, said: str | None) -> None:
    reason = row(tasks(targets(at("T1", basic_farmland_m2=basic_farmland_m2))), "T1")["reason"]
    assert "0.0亩" not in reason
    assert said in reason if said else "永久基本农田" not in reason


@pytest.mark.parametrize(
    ("seen_stage", "told", "said"),
    [
        (
            "earthworks",
            Told(Stage.ROOFED, date(2026, 9, 27), True),
            "台账2026-09-27记载封顶，比影像所见更靠后，以现场为准",
        ),
        ("earthworks", Told(Stage.PIT, None, False), "待判定的台账记载基坑"),
        ("structure", Told(Stage.ROOFED, date(2026, 9, 27), True), "台账2026-09-27记载封顶"),
        ("pit", Told(Stage.EARTHWORKS, date(2026, 9, 27), True), None),
        ("earthworks", Told(Stage.EARTHWORKS, date(2026, 9, 27), True), None),
        ("unknown", Told(Stage.STRUCTURE, date(2026, 9, 16), True), "施工阶段不能判断"),
        ("unknown", Told(Stage.STRUCTURE, date(2026, 9, 16), True), "亩，台账2026-09-16记载主体结构，以现场为准。"),
        ("unknown", Told(Stage.EARTHWORKS, None, False), "亩，待判定的台账记载推填土，以现场为准。"),
        ("unknown", None, None),
    ],
)
def test_a_ledger_that_tells_a_later_stage_takes_the_place_of_the_early_hint(
    seen_stage: str, told: Told | None, said: str | None
) -> None:
    made = tasks(targets(at("T1", stage=seen_stage)))
    reason = row(with_told_stages(made, {"T1": seen_stage}, {"T1": told} if told else {}), "T1")["reason"]
    if said is None:
        assert reason == row(made, "T1")["reason"]
    else:
        assert said in reason and "尚处早期" not in reason and reason.count("。") == 1


def test_a_delegated_cell_keeps_its_territory_and_goes_to_the_delegate() -> None:
    made = tasks(targets(at("T2", x=2100)), delegations=delegation(), day=date(2026, 9, 30))
    assert row(made, "T2")[["unit_id", "acting_unit_id"]].tolist() == ["U2", "CT"]
    made = tasks(targets(at("T2", x=2100)), delegations=delegation(), day=date(2026, 10, 1))
    assert row(made, "T2")[["unit_id", "acting_unit_id"]].tolist() == ["U2", "U2"]


def test_the_workload_cap_keeps_every_task_with_its_reason() -> None:
    made = tasks(targets(*(at(f"T{n}", probability=0.9 - n / 100) for n in range(5)), at("X", x=2100)), cap=3)
    assert len(made) == 6
    mine = made[made["acting_unit_id"] == "U1"]
    assert mine["target_id"].tolist() == ["T0", "T1", "T2", "T3", "T4"]
    assert mine["included"].tolist() == [True, True, True, False, False]
    assert mine["left_out_reason"].tolist()[3:] == [
        "超出该单位本月核查上限3个（排第4位），留待下期",
        "超出该单位本月核查上限3个（排第5位），留待下期",
    ]
    assert mine["due_on"].isna().tolist() == [False, False, False, True, True]
    assert bool(row(made, "X")["included"])


PLACED = st.tuples(
    st.floats(0.01, 1),
    st.sampled_from([100, 1100, 2100, 9000]),
    st.sampled_from(["new", "growing", "carried", "merged"]),
)


@settings(max_examples=25, deadline=None)
@given(st.lists(PLACED, max_size=12), st.integers(0, 4))
def test_every_live_target_is_a_task_once_and_caps_hold(rows: list[tuple[float, int, str]], cap: int) -> None:
    found = targets(*(at(f"T{n:02d}", x=x, probability=p, state=state) for n, (p, x, state) in enumerate(rows)))
    made = tasks(found, cap=cap)
    assert sorted(made["target_id"]) == sorted(found.loc[found["state"] != "merged", "target_id"])
    assert made[made["included"]].groupby("acting_unit_id").size().le(cap).all()
    assert made.loc[~made["included"], "left_out_reason"].notna().all()
    assert made.loc[made["included"], "left_out_reason"].isna().all()
    again = tasks(found.iloc[::-1].reset_index(drop=True), cap=cap)
    pd.testing.assert_frame_equal(made, again)


def test_a_merged_target_is_no_task() -> None:
    assert tasks(targets(at("T1", state="merged"))).empty


@pytest.mark.parametrize(
    ("state", "outcome", "included"),
    [
        ("carried", "lawful", False),
        ("carried", "pseudo_change", False),
        ("seen_again", "pseudo_change", False),
        ("carried", "other", False),
        ("growing", "lawful", True),
        ("carried", "violation", True),
        ("carried", "unchecked", True),
    ],
)
def test_what_people_have_closed_is_left_out_with_its_reason_unless_it_has_grown(
    state: str, outcome: str, included: bool
) -> None:
    made = tasks(targets(at("T1", state=state)), field_checks=checks(("T1", "2026-10-20", outcome)))
    assert bool(row(made, "T1")["included"]) is included
    if not included:
        assert "已于2026-10-20核查为" in row(made, "T1")["left_out_reason"]


def test_the_latest_check_counts() -> None:
    both = checks(("T1", "2026-10-22", "violation"), ("T1", "2026-10-20", "lawful"))
    assert bool(row(tasks(targets(at("T1", state="carried")), field_checks=both), "T1")["included"])


def test_an_open_task_keeps_the_due_day_of_its_first_dispatch() -> None:
    sent = dispatches(
        ("2026-08", "2026-08", "T1", "U1", "2026-09-02"), ("2026-09", "2026-09.r2", "T1", "U1", "2026-10-03")
    )
    one = row(tasks(targets(at("T1", state="carried")), dispatches=sent), "T1")
    assert one["due_on"] == pd.Timestamp("2026-09-09") and "2026-09-02已派发" in one["reason"]


def test_a_target_in_no_cell_goes_to_the_unit_it_lies_in_or_to_nobody() -> None:
    inside = {"target_id": "T1", "geometry": square(100, 1200, 30)}
    wide = units()
    wide.loc[0, "geometry"] = square(0, 0, 2000)
    found = targets(inside, {"target_id": "T2", "geometry": square(0, 9000, 30)})
    duty = answerable_for(cells(), wide, people(), responsibility(), no(DELEGATIONS), day=DAY)
    made = rank_tasks(
        found, locate_targets(found, cells()), duty.cells, wide, no(DELEGATIONS), no(FIELD_CHECKS), no(DISPATCHES),
        weights=WEIGHTS, day=DAY, field_check_days=7,
    )  # fmt: skip
    assert row(made, "T1")["acting_unit_id"] == "U1" and bool(row(made, "T1")["included"])
    assert not row(made, "T2")["included"] and "请局里指定单位" in row(made, "T2")["left_out_reason"]


BASE = {
    "probability": 0.5,
    "stage": "roofed",
    "state": "new",
    "area_m2": 500.0,
    "farmland_m2": 0.0,
    "basic_farmland_m2": 0.0,
}


@pytest.mark.parametrize(
    "worse",
    [
        {"probability": 0.6},
        {"stage": "earthworks"},
        {"stage": "pit"},
        {"state": "growing"},
        {"area_m2": 3000.0},
        {"farmland_m2": 400.0},
        {"basic_farmland_m2": 10.0},
    ],
)
def test_each_circumstance_raises_the_priority(worse: dict[str, Any]) -> None:
    assert priority_of({**BASE, **worse}, WEIGHTS) > priority_of(BASE, WEIGHTS)


def test_a_large_target_seen_again_less_clearly_stays_before_small_early_ones() -> None:
    first, _ = month("2026-09", [seen(square(100, 100, 163), probability=0.98, confidence="probable")])
    second, _ = month("2026-10", [seen(square(100, 100, 88), "again", probability=0.6, confidence="early"),
                                  seen(square(400, 100, 20), "small", probability=0.9, confidence="early"),
                                  seen(square(600, 100, 28), "other", probability=0.88, confidence="early")], first)  # fmt: skip
    large = second[second["state"] == "seen_again"]["target_id"].tolist()
    assert tasks(second)["target_id"].tolist()[:1] == large


def test_the_priority_stays_between_nought_and_one_and_takes_missing_facts_as_absent() -> None:
    most = {**BASE, "probability": 1.0, "stage": "earthworks", "state": "growing", "area_m2": 9e9, "farmland_m2": 9e9,
            "basic_farmland_m2": 1.0}  # fmt: skip
    assert priority_of(most, WEIGHTS) == 1.0
    unknown = {**BASE, "area_m2": None, "farmland_m2": float("nan"), "basic_farmland_m2": None}
    assert 0 < priority_of(unknown, WEIGHTS) <= priority_of(BASE, WEIGHTS)


def test_the_field_check_is_due_once_and_again_after_growth() -> None:
    sent = dispatches(("2026-08", "2026-08", "T1", "U1", "2026-09-02"))
    violation = checks(("T1", "2026-09-05", "violation"))
    carried = row(tasks(targets(at("T1", state="carried")), dispatches=sent, field_checks=violation), "T1")
    grown = row(tasks(targets(at("T1", state="growing")), dispatches=sent, field_checks=violation), "T1")
    assert bool(carried["included"]) and pd.isna(carried["due_on"])
    assert grown["due_on"] == pd.Timestamp("2026-11-08")
    again = checks(("T1", "2026-09-05", "unchecked"))
    still = row(tasks(targets(at("T1", state="carried")), dispatches=sent, field_checks=again), "T1")
    assert still["due_on"] == pd.Timestamp("2026-09-09")
