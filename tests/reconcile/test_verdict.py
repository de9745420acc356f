"""Verdicts on drawn cases: each shows what evidence an accusation needs, and what takes it away."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

ACCUSED = {"patrolled_not_reported", "due_not_patrolled"}


def one(draw: SimpleNamespace, city: Any, **changes: Any) -> dict[str, Any]:
    rows = draw.verdicts(city.tables(), **changes).to_dict("records")
    assert len(rows) == 1
    return rows[0]


def test_seen_and_not_reported(draw: SimpleNamespace, patrolled: Any) -> None:
    row = one(draw, patrolled)
    assert (row["verdict"], row["rule"], row["visit_id"]) == ("patrolled_not_reported", "verdict.3", "V1")
    # 1600 m2 at 100 m scale: 0.95 exp(-0.5 (35 / 100 / 1.6^0.25)^2) = 0.9051
    assert row["seen_probability"] == pytest.approx(0.9051, abs=5e-4)
    assert row["reason"].startswith("2026-10-14 巡查轨迹距目标 35 米，看见概率 0.91")
    assert (row["person_id"], row["accountable"], row["outcome"]) == ("P1", False, "unchecked")


@pytest.mark.parametrize(
    ("day", "verdict"),
    [("2026-10-09", "undeterminable"), ("2026-10-10", "patrolled_not_reported"),
     ("2026-11-25", "patrolled_not_reported"), ("2026-11-26", "undeterminable")],
)  # fmt: skip
def test_only_visits_inside_the_window_count(draw: SimpleNamespace, patrolled: Any, day: str, verdict: str) -> None:
    patrolled.visits[0]["visited_on"] = day
    assert one(draw, patrolled)["verdict"] == verdict


def test_outing_that_began_before_the_site_was_seen_counts_for_nothing(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.visits[0] |= {"visited_on": "2026-10-09", "visited_until": "2026-10-12"}
    assert one(draw, patrolled)["verdict"] == "undeterminable"


@pytest.mark.parametrize(
    "change",
    [{"y": -400.0}, {"doubts": "copied track"}, {"unit": "B"}, {"evidence": "ledger", "geometry": None},
     {"y": -20.0, "length_m": 60000.0}],
)  # fmt: skip
def test_weak_visits_accuse_nobody(draw: SimpleNamespace, patrolled: Any, change: dict[str, Any]) -> None:
    patrolled.visits = [draw.visit("V1", "2026-10-14", **change)]
    row = one(draw, patrolled)
    assert row["verdict"] == "undeterminable"
    assert row["seen_probability"] < 0.7


def test_tall_crops_hide_earthworks_at_a_distance(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.targets = [draw.target(stage="earthworks", last_clear="2026-08-01", first_seen="2026-08-10")]
    patrolled.entries.append(draw.effort("2026-08-12"))
    seen = {}
    for day in ("2026-08-14", "2026-10-14"):
        patrolled.visits = [draw.visit("V1", day, y=-35.0)]
        seen[day] = one(draw, patrolled)["seen_probability"]
    assert seen["2026-08-14"] < 0.6 < 0.7 < seen["2026-10-14"]


def test_missing_ledger_is_no_proof_of_silence(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries = [draw.effort("2026-11-12"), draw.effort("2026-10-12", unit="B")]
    row = one(draw, patrolled)
    assert row["verdict"] == "undeterminable"
    assert "A 未报送 2026-10 台账" in row["reason"]


@pytest.mark.parametrize(
    ("code", "field", "accused"),
    [
        ("E501", None, False),
        ("E502", None, False),
        ("E506", None, True),
        ("E505", "discovered_on", True),
        ("E505", None, True),
    ],
)
def test_what_could_hide_an_entry_stops_the_accusation(
    draw: SimpleNamespace, patrolled: Any, code: str, field: str | None, accused: bool
) -> None:
    patrolled.rejected = [{"code": code, "field": field, "row": 3 if code == "E505" else None}]
    assert (one(draw, patrolled)["verdict"] in ACCUSED) is accused


def test_entry_before_dispatch_after_it_and_without_dispatch(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", 20, 20, "2026-11-04"))
    assert one(draw, patrolled)["verdict"] == "found_before_dispatch"
    patrolled.dispatches = [{"target_id": "T1", "dispatched_on": "2026-11-05"}]
    row = one(draw, patrolled)
    assert (row["verdict"], row["entry_id"], str(row["discovered_on"])[:10]) == (
        "found_before_dispatch",
        "E1",
        "2026-11-04",
    )
    patrolled.dispatches[0]["dispatched_on"] = "2026-11-04"
    assert one(draw, patrolled)["verdict"] == "found_after_dispatch"


def test_dispatch_after_the_cutoff_is_none(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.dispatches = [{"target_id": "T1", "dispatched_on": "2026-12-05"}]
    assert pd.isna(one(draw, patrolled)["dispatched_on"])


def test_entry_over_the_dispatch_day_is_left_open(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.dispatches = [{"target_id": "T1", "dispatched_on": "2026-11-05"}]
    patrolled.entries.append(draw.entry("E1", 20, 20, "2026-11-04", discovered_until="2026-11-06"))
    assert one(draw, patrolled)["rule"] == "verdict.5.undated_entry"
    patrolled.entries[-1] |= {"discovered_on": None, "discovered_until": None}
    assert one(draw, patrolled)["rule"] == "verdict.5.undated_entry"
    patrolled.entries[-1]["stated_target_id"] = "T1"
    assert one(draw, patrolled)["verdict"] == "found_after_dispatch"


def test_any_units_entry_counts_as_found(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", 20, 20, unit_id="B"))
    assert one(draw, patrolled)["verdict"] == "found_before_dispatch"


def test_entry_that_may_be_the_site_blocks(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", 220, 20, uncertainty_m=200.0))
    row = one(draw, patrolled)
    assert (row["verdict"], row["rule"]) == ("undeterminable", "verdict.5.ambiguous_entry")
    assert "E1" in row["reason"]
    patrolled.decisions = [{"target_id": "T1", "entry_id": "E1", "decision": "不是同一处"}]
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"
    patrolled.decisions[0]["decision"] = "同一处"
    assert one(draw, patrolled)["verdict"] == "found_before_dispatch"


def test_possible_earlier_entry_keeps_a_later_one_from_counting_as_late(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.dispatches = [{"target_id": "T1", "dispatched_on": "2026-11-05"}]
    patrolled.entries.append(draw.entry("E2", 20, 20, "2026-11-08"))
    assert one(draw, patrolled)["verdict"] == "found_after_dispatch"
    patrolled.entries.append(draw.entry("E1", 220, 20, uncertainty_m=200.0))
    assert one(draw, patrolled)["rule"] == "verdict.5.ambiguous_entry"


def test_finding_of_unknown_place_blocks_its_own_unit_only(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.entries.append(draw.entry("E1", None))
    assert one(draw, patrolled)["rule"] == "verdict.5.unlocated_entry"
    patrolled.entries[-1]["unit_id"] = "B"
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


@pytest.mark.parametrize("change", [{"status": "新坟一座"}, {"stated_area_m2": 12.0}, {"discovered_on": "2026-06-01"}])
def test_finding_of_unknown_place_that_cannot_be_the_site(draw: SimpleNamespace, patrolled: Any, change: Any) -> None:
    patrolled.entries.append(draw.entry("E1", None, **{"status": "堆放砂石", **change}))
    patrolled.entries[-1]["stated_area_m2"] = change.get("stated_area_m2", 20.0)
    assert one(draw, patrolled)["verdict"] == "patrolled_not_reported"


def test_due_and_not_patrolled(draw: SimpleNamespace, due: Any) -> None:
    row = one(draw, due)
    assert (row["verdict"], row["rule"], row["visits_required"]) == ("due_not_patrolled", "verdict.4", 1)
    assert row["records_complete"]
    assert "L1" in row["reason"]


@pytest.mark.parametrize(
    ("due_from", "due_to"), [("2026-10-01", "2026-10-31"), ("2026-11-01", "2026-11-30"), ("2026-10-09", "2026-10-20")]
)
def test_due_window_must_lie_inside(draw: SimpleNamespace, due: Any, due_from: str, due_to: str) -> None:
    due.plan[0] |= {"due_from": due_from, "due_to": due_to}
    assert one(draw, due)["verdict"] == "undeterminable"


@pytest.mark.parametrize(
    "extra",
    [
        {"cell_ids": "C1,C7", "y": 3000.0},
        {"evidence": "ledger", "geometry": None, "cell_ids": "C1"},
        {"evidence": "ledger", "geometry": None, "cell_ids": None},
        {"cell_ids": "C1", "doubts": "copied track"},
        {"evidence": "ledger", "geometry": None, "cell_ids": "C1", "day": "2026-10-30", "visited_until": "2026-11-02"},
    ],
)
def test_any_sign_of_a_visit_frees_the_unit(draw: SimpleNamespace, due: Any, extra: dict[str, Any]) -> None:
    due.visits.append(draw.visit("V2", **{"day": "2026-10-20", **extra}))
    assert one(draw, due)["verdict"] == "undeterminable"


@pytest.mark.parametrize("code", ["E501", "E504", "E505"])
def test_incomplete_records_free_the_unit(draw: SimpleNamespace, due: Any, code: str) -> None:
    due.rejected = [{"code": code}]
    row = one(draw, due)
    assert (row["verdict"], row["records_complete"]) == ("undeterminable", False)


def test_patrol_days_without_tracks_free_the_unit(draw: SimpleNamespace, due: Any) -> None:
    due.visits.append(draw.visit("V2", "2026-10-15", evidence="ledger", geometry=None, cell_ids="C9"))
    row = one(draw, due)
    assert row["verdict"] == "undeterminable"
    assert "仅 50% 有轨迹" in row["reason"]


def test_another_units_plan_accuses_nobody(draw: SimpleNamespace, due: Any) -> None:
    due.plan[0]["unit_id"] = "B"
    assert one(draw, due)["verdict"] == "undeterminable"


def test_delegation_moves_the_duty_on_its_days(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.delegations = [
        {"unit_id": "A", "delegate_unit_id": "D", "valid_from": "2026-01-01", "valid_to": "2026-10-14"}
    ]
    assert one(draw, patrolled)["verdict"] == "undeterminable"
    patrolled.visits[0]["unit_id"] = "D"
    assert "D 未报送 2026-10 台账" in one(draw, patrolled)["reason"]
    patrolled.entries.append(draw.effort("2026-10-20", unit="D"))
    row = one(draw, patrolled)
    assert (row["verdict"], row["unit_id"], row["acting_unit_id"]) == ("patrolled_not_reported", "A", "D")
    patrolled.visits[0]["visited_on"] = "2026-10-15"
    assert one(draw, patrolled)["verdict"] == "undeterminable"


def test_the_person_of_the_visit_day_is_named(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.responsibility[0]["valid_to"] = "2026-10-13"
    patrolled.responsibility.append({"cell_id": "C1", "unit_id": "A", "person_id": "P9", "valid_from": "2026-10-14"})
    assert one(draw, patrolled)["person_id"] == "P9"


@pytest.mark.parametrize(
    ("outcome", "verdict", "accountable"),
    [("violation", "patrolled_not_reported", True), ("lawful", "patrolled_not_reported", False),
     ("pseudo_change", "undeterminable", False)],
)  # fmt: skip
def test_accountable_needs_a_violation(
    draw: SimpleNamespace, patrolled: Any, outcome: str, verdict: str, accountable: bool
) -> None:
    patrolled.checks = [{"target_id": "T1", "checked_on": "2026-11-10", "outcome": outcome}]
    row = one(draw, patrolled)
    assert (row["verdict"], row["accountable"], row["outcome"]) == (verdict, accountable, outcome)


def test_visits_after_the_field_check_do_not_count(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.checks = [{"target_id": "T1", "checked_on": "2026-10-14", "outcome": "violation"}]
    assert one(draw, patrolled)["verdict"] == "undeterminable"


def test_later_growth_is_held_against_nobody(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.first = [draw.target(y=400.0)]
    patrolled.targets = [draw.target(size=440.0, state="growing")]
    row = one(draw, patrolled)
    assert (row["verdict"], row["seen_probability"] < 0.1) == ("undeterminable", True)
    # once the image had shown the growth, a visit beside it counts
    patrolled.visits.append(draw.visit("V2", "2026-11-14"))
    assert one(draw, patrolled)["visit_id"] == "V2"


def test_merged_target_hands_its_records_to_the_survivor(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.targets.append(draw.target("T0", state="merged", merged_into="T1"))
    patrolled.dispatches = [{"target_id": "T0", "dispatched_on": "2026-10-12"}]
    patrolled.checks = [{"target_id": "T0", "checked_on": "2026-11-10", "outcome": "violation"}]
    row = one(draw, patrolled)
    assert (row["target_id"], row["outcome"], str(row["dispatched_on"])[:10]) == ("T1", "violation", "2026-10-12")


def test_target_without_unit_or_dates(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.tasks = []
    assert one(draw, patrolled)["rule"] == "verdict.5.no_unit"
    patrolled.targets = [draw.target(first_seen=None, last_clear=None)]
    assert one(draw, patrolled)["rule"] == "verdict.5.no_dates"


def test_no_targets_no_verdicts(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets, city.entries = [], []
    assert draw.verdicts(city.tables()).empty


def _month(draw: SimpleNamespace) -> Any:
    city = draw.City()
    city.targets = [draw.target(f"T{n}", x=90.0 * n, last_clear=f"2026-09-{10 + n}") for n in range(5)]
    # The five stand so close that they may be one site; the sixth stands for itself.
    city.targets.append(draw.target("T5", x=560.0, last_clear="2026-09-20"))
    city.visits = [draw.visit(f"V{n}", f"2026-10-{9 + n:02d}", y=-20.0 * n) for n in range(6)]
    city.entries += [draw.entry(f"E{n}", 70.0 * n, 30.0, f"2026-10-{10 + 4 * n}") for n in range(4)]
    city.plan = [{"plan_id": f"L{n}", "due_from": "2026-10-12", "due_to": f"2026-10-{20 + n}"} for n in range(3)]
    city.dispatches = [{"target_id": f"T{n}", "dispatched_on": "2026-10-15"} for n in range(3)]
    return city


@settings(max_examples=6, deadline=None)
@given(data=st.data())
def test_row_order_and_other_units_rows_change_nothing(draw: SimpleNamespace, data: Any) -> None:
    city = _month(draw)
    expected = draw.verdicts(city.tables())
    assert set(expected["verdict"]) >= {"found_before_dispatch", "patrolled_not_reported"}
    if data.draw(st.booleans()):
        city.entries += [draw.entry("E70", 9000.0, 9000.0, unit_id="B"), draw.effort("2026-10-20", unit="B")]
        city.visits.append(draw.visit("V70", "2026-10-20", y=5000.0, unit="B", cell_ids="C9"))
        city.rejected.append({"code": "E501", "unit_id": "B"})
    for name in ("targets", "entries", "visits", "plan", "dispatches", "responsibility"):
        setattr(city, name, data.draw(st.permutations(getattr(city, name))))
    pd.testing.assert_frame_equal(draw.verdicts(city.tables()), expected)


@settings(max_examples=6, deadline=None)
@given(names=st.lists(st.sampled_from(["A1.xlsx", "A2.xlsx", "A3.xlsx"]), min_size=6, max_size=6))
def test_splitting_the_ledger_into_files_changes_nothing(draw: SimpleNamespace, names: list[str]) -> None:
    city = _month(draw)
    expected = draw.verdicts(city.tables())
    for row, name in zip(city.entries, names, strict=True):
        row["file"] = name
    pd.testing.assert_frame_equal(draw.verdicts(city.tables()), expected)


@settings(max_examples=12, deadline=None)
@given(day=st.integers(1, 28), distance=st.floats(5.0, 300.0), delivered=st.booleans())
def test_no_accusation_outside_window_sight_or_ledger(
    draw: SimpleNamespace, day: int, distance: float, delivered: bool
) -> None:
    city = draw.City()
    city.entries = [draw.effort("2026-10-12")] if delivered else []
    city.visits = [draw.visit("V1", f"2026-10-{day:02d}", y=-distance)]
    row = one(draw, city)
    if row["verdict"] in ACCUSED:
        assert delivered
        assert day >= 10
        assert distance < 90.0
