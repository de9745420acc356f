from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from pipeline.schema import CASES, TASKS, empty
from pipeline.store import check_table
from pipeline.supervise.acts import gather, survivors
from pipeline.supervise.cases import Deadlines, case_states
from tests.patrol.town import square, table, targets
from tests.supervise.records import SENT, acts, decision, frames, notice

DAYS = Deadlines(
    field_check_days=7, notice_days=3, service_days=3, correction_days=15, referral_days=3, follow_up_days=30
)
VIOLATION = ("T", "2026-11-08", "violation")
TASK = table(TASKS, ("T", "G1", "{}", "U1", "CT", None, 1, 0.5, True, None, "2026-11-08", "疑似"))


def case(as_of: date = date(2026, 12, 31), state: str = "new", tasks: Any = TASK, **rows: list[tuple[Any, ...]]) -> Any:
    found = targets({"target_id": "T", "geometry": square(0, 0, 30), "state": state})
    made = case_states(found, tasks, acts(**rows), deadlines=DAYS, as_of=as_of)
    check_table(CASES, made)
    return made.iloc[0]


@pytest.mark.parametrize(
    ("rows", "state", "since", "due"),
    [
        ({}, "suspected", None, None),
        ({"dispatches": [SENT]}, "dispatched", "2026-11-05", "2026-11-12"),
        ({"dispatches": [SENT], "field_checks": [VIOLATION]}, "checked", "2026-11-08", "2026-11-11"),
        ({"field_checks": [VIOLATION], "notices": [notice()]}, "notified", "2026-11-10", "2026-11-13"),
        ({"field_checks": [VIOLATION], "notices": [notice("2026-11-12")]}, "rectifying", "2026-11-12", "2026-11-27"),
        (
            {
                "field_checks": [VIOLATION],
                "notices": [notice("2026-11-12")],
                "decisions": [decision("拒不停止", "2026-11-20")],
            },
            "refused",
            "2026-11-20",
            "2026-11-23",
        ),
        (
            {
                "field_checks": [VIOLATION],
                "decisions": [decision("not_stopped", "2026-11-20")],
                "referrals": [("T", "2026-11-22", "市自然资源局")],
            },
            "referred",
            "2026-11-22",
            "2026-12-22",
        ),
        (
            {"field_checks": [VIOLATION], "approvals": [("T", "2026-11-30", "云政土1号")]},
            "approved",
            "2026-11-30",
            "2026-12-30",
        ),
        (
            {"field_checks": [VIOLATION], "decisions": [decision("整改到位", "2026-11-25")]},
            "rectifying",
            "2026-11-25",
            "2026-12-25",
        ),
        ({"field_checks": [VIOLATION], "decisions": [decision("销案", "2026-11-25")]}, "closed", "2026-11-25", None),
        ({"field_checks": [("T", "2026-11-08", "lawful")]}, "closed", "2026-11-08", None),
        ({"field_checks": [("T", "2026-11-08", "pseudo_change")]}, "closed", "2026-11-08", None),
        (
            {"field_checks": [("T", "2026-11-08", "unchecked")], "dispatches": [SENT]},
            "dispatched",
            "2026-11-05",
            "2026-11-12",
        ),
    ],
)
def test_the_states_follow_peoples_records(
    rows: dict[str, Any], state: str, since: str | None, due: str | None
) -> None:
    made = case(**rows)
    assert made["state"] == state
    assert (None if pd.isna(made["since"]) else f"{made['since']:%Y-%m-%d}") == since
    assert (None if pd.isna(made["due_on"]) else f"{made['due_on']:%Y-%m-%d}") == due
    assert bool(made["overdue"]) is (due is not None)
    assert made["next_step"] and made["basis"]


def test_a_case_is_overdue_from_the_day_after_its_due_day() -> None:
    assert not case(as_of=date(2026, 11, 12), dispatches=[SENT])["overdue"]
    assert case(as_of=date(2026, 11, 13), dispatches=[SENT])["overdue"]


def test_the_imagery_alone_never_moves_a_case() -> None:
    for state in ("new", "growing", "seen_again", "carried"):
        assert case(state=state)["state"] == "suspected"
        assert case(state=state, dispatches=[SENT])["state"] == "dispatched"


def test_an_approval_alone_does_not_make_an_outcome() -> None:
    made = case(dispatches=[SENT], approvals=[("T", "2026-11-30", "云政土1号")])
    assert (made["state"], made["outcome"]) == ("approved", "unchecked")


def test_a_violation_found_after_closing_opens_the_case_again_without_the_old_notice() -> None:
    rows: dict[str, Any] = {
        "dispatches": [SENT],
        "field_checks": [VIOLATION, ("T", "2027-01-10", "violation")],
        "notices": [notice("2026-11-12")],
        "decisions": [decision("销案", "2026-12-01")],
    }
    made = case(**rows)
    assert (made["state"], f"{made['since']:%Y-%m-%d}") == ("checked", "2027-01-10")
    rows["notices"].append(notice("2027-01-15", number="二号", issued="2027-01-12"))
    assert f"{case(**rows)['since']:%Y-%m-%d}" == "2027-01-15"


def test_the_latest_word_on_stopping_counts() -> None:
    words = [decision("拒不停止", "2026-11-20"), decision("已停止", "2026-11-22")]
    assert case(field_checks=[VIOLATION], notices=[notice("2026-11-12")], decisions=words)["state"] == "rectifying"


def test_the_unit_is_the_one_it_was_dispatched_to_else_the_acting_one() -> None:
    assert pd.isna(case()["unit_id"]) and case()["acting_unit_id"] == "CT"
    sent = case(dispatches=[SENT])
    assert (sent["unit_id"], sent["acting_unit_id"], sent["due_unit_id"]) == ("U1", "CT", "U1")


@pytest.mark.parametrize(("changed", "held"), [("2026-11-13", "U1"), ("2026-11-12", None), ("2026-11-06", None)])
def test_lateness_is_of_the_unit_that_held_the_step_until_it_was_due(changed: str, held: str | None) -> None:
    """Dispatched to U1 on 5 November, due on the 12th; CT took over on a day."""
    found = targets({"target_id": "T", "geometry": square(0, 0, 30), "state": "new"})
    made = case_states(
        found, TASK, acts(dispatches=[SENT]), deadlines=DAYS, as_of=date(2026, 12, 31),
        answered=lambda _, day: "U1" if day < date.fromisoformat(changed) else "CT",
    )  # fmt: skip
    check_table(CASES, made)
    row = made.iloc[0]
    assert row["overdue"] and (row["due_unit_id"] == held if held else pd.isna(row["due_unit_id"]))


def test_a_task_left_out_says_why() -> None:
    left_out = table(TASKS, ("T", "G1", "{}", "U1", "U1", None, 11, 0.5, False, "超出上限", None, ""))
    assert "超出上限" in case(tasks=left_out)["basis"]


def test_records_of_a_merged_target_go_on_under_the_one_that_carries_it() -> None:
    found = targets(
        {"target_id": "A", "geometry": square(0, 0, 30), "state": "merged", "merged_into": "B"},
        {"target_id": "B", "geometry": square(0, 0, 60), "state": "merged", "merged_into": "T"},
        {"target_id": "T", "geometry": square(0, 0, 90), "state": "growing"},
    )
    carried = survivors(found)
    assert carried == {"A": "T", "B": "T", "T": "T"}
    own = acts(carried, dispatches=[("2026-10", "2026-10", "A", "U1", "2026-11-05")])
    made = case_states(found, TASK, own, deadlines=DAYS, as_of=date(2026, 12, 31)).set_index("target_id")
    assert made["state"].to_dict() == {"A": "merged", "B": "merged", "T": "dispatched"}
    assert made.loc["A", "next_step"] == "随B办理" and not made.loc["A", "overdue"]


def test_a_ring_of_merges_ends() -> None:
    ring = pd.DataFrame({"target_id": ["A", "B"], "merged_into": ["B", "A"]})
    assert set(survivors(ring)) == {"A", "B"}


def test_no_targets_give_no_cases() -> None:
    made = case_states(targets(), empty(TASKS), acts({}, **{}), deadlines=DAYS, as_of=date(2026, 12, 31))
    assert made.empty and list(made.columns) == CASES.names


def test_the_order_of_the_records_changes_nothing() -> None:
    rows = frames(field_checks=[("T", "2026-11-09", "lawful"), VIOLATION], dispatches=[SENT])
    turned = {name: frame.iloc[::-1].reset_index(drop=True) for name, frame in rows.items()}
    found = targets({"target_id": "T", "geometry": square(0, 0, 30)})
    one, other = (
        case_states(found, TASK, gather(**given, carried={"T": "T"}), deadlines=DAYS, as_of=date(2026, 12, 31))
        for given in (rows, turned)
    )
    pd.testing.assert_frame_equal(one, other)
    assert one["state"].tolist() == ["closed"]


@pytest.mark.parametrize(("found", "state"), [("violation", "checked"), ("lawful", "closed")])
def test_a_check_that_found_nothing_out_takes_nothing_back(found: str, state: str) -> None:
    # 2026-11-20 未核 (nobody there): the finding of 2026-11-08 stands
    checks = [("T", "2026-11-08", found), ("T", "2026-11-20", "unchecked")]
    row = case(field_checks=checks, dispatches=[SENT])
    assert row[["state", "outcome"]].tolist() == [state, found]
