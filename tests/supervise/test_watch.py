from __future__ import annotations

from typing import Any

import pandas as pd
import pytest
import shapely

from pipeline.supervise.transitions import admitted
from pipeline.supervise.watch import Watch, approved_day, stop_day, watch, with_all_approvals
from tests.patrol.town import square, strip, targets
from tests.supervise.records import acts, decision, notice

VIOLATION = ("T", "2026-11-08", "violation")
SERVED: dict[str, Any] = {"field_checks": [VIOLATION], "notices": [notice("2026-11-12")]}
BEFORE, NOW = square(0, 0, 100), strip(0, 0, 200, 100)


def watched(state: str = "growing", since: str = "2026-11-20", documents: Any = None, observed: Any = "2026-12-10",
            gsd_m: float | None = 10.0, **rows: Any) -> Watch | None:  # fmt: skip
    found = targets(
        {
            "target_id": "T",
            "geometry": NOW,
            "state": state,
            "area_m2": 20000.0,
            "area_before_m2": 10000.0,
            "gsd_m": gsd_m,
        }
    )
    return watch(
        found.iloc[0], acts(**{**SERVED, **rows})["T"], grounds=(BEFORE, NOW),
        interval=(pd.Timestamp(since), pd.Timestamp("2026-12-10")),
        observed_on=None if observed is None else pd.Timestamp(observed), documents=documents or {}, crs=found.crs,
    )  # fmt: skip


def state(**given: Any) -> str:
    held = watched(**given)
    assert held is not None
    return held.state.value


def test_growth_after_the_service_without_approval_is_a_resumption_with_its_evidence() -> None:
    held = watched()
    assert held is not None and held.state.value == "resumed" and held.since == pd.Timestamp("2026-11-12")
    for words in ("2026-11-20至2026-12-10", "15.00亩到30.00亩", "约15.00亩", "±4.50亩", "未见批准记录", "现场核实"):
        assert words in held.words


def test_growth_that_may_have_come_before_the_service_resumes_nothing() -> None:
    assert state(since="2026-11-11") == "quiet"


@pytest.mark.parametrize(
    ("approval", "outline", "expected"),
    [
        (("T", "2026-12-01", "文1", 20000.0), None, "approved"),
        (("T", "2026-12-01", "文1", 9000.0), None, "extent_unknown"),
        (("T", "2026-12-01", "文1"), None, "extent_unknown"),
        (("T", "2026-12-01", "文1"), NOW.buffer(5), "approved"),
        (("T", "2026-12-01", "文1"), strip(100, 0, 100, 100), "partly_approved"),
        (("T", "2026-12-01", "文1"), square(0, 0, 100), "resumed"),
        (("T", "2026-12-11", "文1"), NOW, "resumed"),
    ],
)
def test_an_approval_ends_the_watch_only_on_the_ground_it_covers(approval: Any, outline: Any, expected: str) -> None:
    documents = {} if outline is None else {"文1": outline}
    assert state(approvals=[approval], documents=documents) == expected


def test_a_part_covered_goes_on_being_watched_elsewhere_and_says_how_much() -> None:
    held = watched(state="carried", approvals=[("T", "2026-12-01", "文1")], documents={"文1": square(0, 0, 100)})
    assert held is not None and held.state.value == "partly_approved" and "约15.00亩" in held.words


def test_without_a_view_the_watch_says_so() -> None:
    assert state(state="carried", observed=None) == "not_seen"
    assert state(state="carried", observed="2026-11-12") == "not_seen"
    assert state(state="carried", observed="2026-11-13") == "quiet"


def test_nothing_is_watched_before_a_notice_is_served_or_after_the_case_is_closed() -> None:
    assert watched(notices=[notice()]) is None
    assert watched(field_checks=[VIOLATION, ("T", "2026-12-12", "lawful")]) is None
    assert watched(decisions=[decision("销案", "2026-12-01")]) is None
    assert stop_day(acts(**SERVED)["T"]) == pd.Timestamp("2026-11-12")


def test_approvals_add_up_and_the_day_is_that_of_the_last_one_needed() -> None:
    row = targets({"target_id": "T", "geometry": NOW, "area_m2": 20000.0}).iloc[0]
    held = acts(approvals=[("T", "2026-12-01", "文1"), ("T", "2026-12-05", "文2"), ("T", "2026-12-09", "文3", 1.0)])[
        "T"
    ]
    halves = {"文1": strip(0, 0, 100, 100), "文2": strip(100, 0, 100, 100)}
    assert approved_day(row, NOW, held, halves, "EPSG:4547") == pd.Timestamp("2026-12-05")
    assert approved_day(row, NOW, held, {"文1": halves["文1"]}, "EPSG:4547") is None
    assert shapely.area(NOW) == 20000.0


def test_growth_within_the_outlines_error_is_not_said_to_be_none() -> None:
    # 40 m pixels: half a pixel along 600 m is 12000 m2 = 18 mu; 10000 m2 = 15 mu were added
    held = watched(gsd_m=40.0)
    assert held is not None and held.state.value == "quiet"
    assert "疑似扩大约15.00亩，在轮廓误差±18.00亩以内" in held.words and "未见扩大" not in held.words


def test_growth_on_ground_approved_before_the_onset_is_no_resumption() -> None:
    # approved 2026-06-01, ground still unchanged on 2026-09-01: the approval settles no case, but it is no missing one
    recorded = acts(**SERVED, approvals=[("T", "2026-06-01", "文1")])["T"]
    taken, found = admitted(recorded, last_clear=pd.Timestamp("2026-09-01"), first_seen=pd.Timestamp("2026-10-01"))
    assert not taken.approvals and [row["conflict"] for row in found] == ["approved_before_onset"]
    row = targets({"target_id": "T", "geometry": NOW, "state": "growing", "area_m2": 20000.0, "area_before_m2": 10000.0,
                   "gsd_m": 10.0})  # fmt: skip
    held = watch(
        row.iloc[0], with_all_approvals(taken, recorded), grounds=(BEFORE, NOW),
        interval=(pd.Timestamp("2026-11-20"), pd.Timestamp("2026-12-10")), observed_on=pd.Timestamp("2026-12-10"),
        documents={"文1": NOW}, crs=row.crs,
    )  # fmt: skip
    assert held is not None and held.state.value == "approved"
