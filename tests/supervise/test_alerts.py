from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.schema import ALERTS, SUSPECTED, conform
from pipeline.store import check_table
from pipeline.supervise.alerts import image_alerts, record_alerts
from pipeline.supervise.watch import watch
from tests.patrol.town import square, targets
from tests.supervise.records import SENT, acts, decision, frames, notice

VIOLATION = ("T", "2026-11-08", "violation")


def alerts(since: str | None = "2026-11-20", state: str = "growing", **rows: Any) -> list[str]:
    found = targets(
        {"target_id": "T", "geometry": square(0, 0, 30), "state": state, "candidate_id": "c1", "area_before_m2": 700.0}
    )
    seen_now = conform(SUSPECTED, found.assign(last_clear=since, first_seen="2026-12-10"))
    own = acts(**rows)
    interval = (pd.Timestamp(since) if since else pd.NaT, pd.Timestamp("2026-12-10"))
    held = watch(
        found.iloc[0], own["T"], grounds=(None, found.geometry.iloc[0]), interval=interval, observed_on=None,
        documents={}, crs=found.crs,
    )  # fmt: skip
    made = image_alerts(found, seen_now, own, {} if held is None else {"T": held})
    check_table(ALERTS, made)
    assert not made["reason"].str.contains("违法行为成立|应处罚").any()
    return made["alert"].tolist()


def test_growth_after_the_dispatch_is_an_alert_only_when_it_surely_came_after() -> None:
    assert alerts(dispatches=[SENT]) == ["grew_after_dispatch"]
    assert alerts(since="2026-11-05", dispatches=[SENT]) == ["grew_after_dispatch"]
    assert alerts(since="2026-11-04", dispatches=[SENT]) == []
    assert alerts(since=None, dispatches=[SENT]) == []


@pytest.mark.parametrize("state", ["new", "seen_again", "carried", "merged"])
def test_what_did_not_grow_raises_nothing(state: str) -> None:
    assert alerts(state=state, dispatches=[SENT], field_checks=[VIOLATION], notices=[notice("2026-11-12")]) == []


@pytest.mark.parametrize(
    ("served", "found"),
    [
        ("2026-11-12", ["grew_after_notice"]),
        ("2026-11-20", ["grew_after_notice"]),
        ("2026-11-21", ["grew_around_notice"]),
        ("2026-12-10", ["grew_around_notice"]),
        ("2026-12-11", []),
        (None, []),
    ],
)
def test_growth_is_told_by_the_day_the_notice_was_served(served: str | None, found: list[str]) -> None:
    assert alerts(notices=[notice(served)]) == found


def test_growth_of_a_confirmed_violation_without_approval_is_said_until_an_approval_is_recorded() -> None:
    rows: dict[str, Any] = {"field_checks": [VIOLATION], "notices": [notice("2026-11-12")]}
    assert alerts(**rows) == ["grew_after_check", "grew_after_notice", "grew_without_approval"]
    assert alerts(approvals=[("T", "2026-12-01", "文1", 1000)], **rows) == ["grew_after_check", "grew_after_notice"]
    assert alerts(approvals=[("T", "2026-12-01", "文1")], **rows) == ["grew_after_check", "grew_after_notice"]
    assert "grew_without_approval" in alerts(approvals=[("T", "2026-12-11", "文1", 1000)], **rows)


def test_a_lawful_site_that_grows_asks_for_a_new_check_only() -> None:
    assert alerts(field_checks=[("T", "2026-11-08", "lawful")]) == ["grew_after_check"]


def test_change_on_ground_closed_as_rectified_is_said() -> None:
    closed = [decision("销案", "2026-11-15")]
    assert alerts(state="seen_again", decisions=closed) == ["seen_after_closing"]
    assert alerts(state="seen_again", since="2026-11-14", decisions=closed) == []
    assert alerts(state="carried", decisions=closed) == []


def test_records_of_unknown_targets_and_unreadable_decisions_are_not_lost() -> None:
    rows = frames(
        field_checks=[("X", "2026-11-08", "violation")],
        decisions=[
            ("T", None, "结掉", "2026-11-08"),
            ("T", "E1", "same", "2026-11-09"),
            decision("销案", "2026-11-10"),
        ],
    )
    made = record_alerts(rows, {"T"})
    check_table(ALERTS, made)
    assert made[["target_id", "alert"]].to_numpy().tolist() == [
        ["T", "decision_not_understood"],
        ["X", "record_without_target"],
    ]
    assert "“结掉”" in made["reason"][0] and "field_checks.csv" in made["reason"][1]


def test_nothing_gives_nothing() -> None:
    assert image_alerts(targets(), conform(SUSPECTED, targets()), {}, {}).empty
    assert record_alerts(frames(), set()).empty
