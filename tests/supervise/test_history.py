from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.schema import CASE_HISTORY, TASKS, empty
from pipeline.store import check_table
from pipeline.supervise.cases import Deadlines, case_states
from pipeline.supervise.history import Sighting, case_history
from pipeline.supervise.transitions import admitted
from tests.patrol.town import square, targets
from tests.supervise.records import acts, decision, notice

DAYS = Deadlines(7, 3, 3, 15, 3, 30)
VIOLATION = ("T", "2026-11-08", "violation")


def told(earlier: Any = None, period: str = "2026-11", as_of: date = date(2026, 12, 12), target: Any = None,
         seen: Any = (), **rows: Any) -> tuple[Any, list[Any]]:  # fmt: skip
    found = targets(target or {"target_id": "T", "geometry": square(0, 0, 30)})
    made, gone = case_history(
        found, acts(**rows), {"T": list(seen)}, earlier, deadlines=DAYS, period=period, as_of=as_of,
        month_end=date(2026, 11, 30),
    )  # fmt: skip
    check_table(CASE_HISTORY, made)
    return made, gone


def test_every_record_has_its_row_with_the_state_after_its_day() -> None:
    rows = {"field_checks": [VIOLATION], "notices": [notice("2026-11-12")]}
    made, gone = told(**rows)
    assert [(f"{day:%m-%d}", state) for day, state in zip(made["day"], made["state"], strict=True)] == [
        ("11-08", "checked"), ("11-10", "notified"), ("11-12", "rectifying"),
    ]  # fmt: skip
    assert not gone and set(made["recorded_in"]) == {"2026-11"}


def test_imagery_never_moves_the_case() -> None:
    made, _ = told(seen=[Sighting(pd.Timestamp("2026-11-09"), "疑似扩大")], field_checks=[VIOLATION])
    assert made[["source", "state"]].to_numpy().tolist() == [["record", "checked"], ["imagery", "checked"]]


def test_later_months_add_and_mark_what_was_handed_in_late() -> None:
    before, _ = told(field_checks=[VIOLATION])
    after, gone = told(before, "2026-12", field_checks=[VIOLATION], dispatches=[("p", "r", "T", "U1", "2026-11-05")])
    assert after["number"].tolist() == [1, 2] and after["recorded_in"].tolist() == ["2026-11", "2026-12"]
    assert after["event"].iloc[1].endswith("（补记）") and not gone
    again, gone = told(after, "2027-01", field_checks=[VIOLATION], dispatches=[("p", "r", "T", "U1", "2026-11-05")])
    assert len(again) == 2 and not gone


def test_a_record_that_is_gone_keeps_its_row_and_is_listed() -> None:
    before, _ = told(field_checks=[VIOLATION])
    after, gone = told(before, "2026-12")
    assert after["event"].tolist() == before["event"].tolist()
    assert [one["conflict"] for one in gone] == ["record_gone"] and "核查为违法" in gone[0]["one"]


def test_what_happened_after_the_day_is_not_known_yet() -> None:
    later, _ = told(field_checks=[VIOLATION], decisions=[decision("销案", "2026-12-10")])
    made, gone = told(later, as_of=date(2026, 11, 30), field_checks=[VIOLATION])
    assert len(made) == 1 and not gone


def test_a_merged_target_says_where_it_goes_on_and_keeps_its_rows() -> None:
    before, _ = told(field_checks=[VIOLATION])
    merged = {"target_id": "T", "geometry": square(0, 0, 30), "state": "merged", "merged_into": "S"}
    made, gone = told(before, "2026-12", target=merged)
    assert made["state"].tolist() == ["checked", "merged"] and not gone
    again, _ = told(made, "2027-01", target=merged)
    assert len(again) == 2


DAY = st.integers(0, 60).map(lambda n: f"{pd.Timestamp('2026-10-20') + pd.Timedelta(days=n):%Y-%m-%d}")
RECORDS = st.fixed_dictionaries(
    {
        "dispatches": st.lists(DAY.map(lambda day: ("p", "r", "T", "U1", day)), max_size=1),
        "field_checks": st.lists(
            st.tuples(st.just("T"), DAY, st.sampled_from(["violation", "lawful", "other", "unchecked"])),
            max_size=3, unique_by=lambda row: row[1],
        ),
        "notices": st.lists(
            st.tuples(DAY, st.integers(0, 9)).map(
                lambda pair: ("T", "通知书", f"{pair}", pair[0],
                              f"{pd.Timestamp(pair[0]) + pd.Timedelta(days=pair[1]):%Y-%m-%d}" if pair[1] else None)
            ),
            max_size=2, unique_by=lambda row: row[2],
        ),
        "referrals": st.lists(DAY.map(lambda day: ("T", day, "市局")), max_size=1),
        "approvals": st.lists(DAY.map(lambda day: ("T", day, f"文{day}")), max_size=2, unique=True),
        "decisions": st.lists(
            st.tuples(st.sampled_from(["拒不停止", "已停止", "整改到位", "销案"]), DAY).map(lambda pair: decision(*pair)),
            max_size=3, unique=True,
        ),
    }
)  # fmt: skip


@settings(max_examples=120, deadline=None)
@given(rows=RECORDS)
def test_whatever_the_records_the_history_ends_where_the_case_stands_and_refused_acts_move_nothing(rows: Any) -> None:
    found = targets({"target_id": "T", "geometry": square(0, 0, 30)})
    interval = found[["last_clear", "first_seen"]].iloc[0]
    taken, _ = admitted(acts(**rows)["T"], last_clear=interval["last_clear"], first_seen=interval["first_seen"])
    day = date(2026, 12, 31)
    made, _ = case_history(
        found, {"T": taken}, {}, None, deadlines=DAYS, period="2026-12", as_of=day, month_end=day
    )  # fmt: skip
    case = case_states(found, empty(TASKS), {"T": taken}, deadlines=DAYS, as_of=day).iloc[0]
    last = made.sort_values(["day", "number"], kind="stable")["state"].tolist()
    assert (last[-1] if last else "suspected") == case["state"]
    if "closed" in last:
        assert any(act.content != "unchecked" for act in taken.checks)
    if "referred" in last or "refused" in last:
        assert any(act.content == "violation" for act in taken.checks)
