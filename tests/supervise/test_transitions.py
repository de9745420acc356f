from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.schema import CONFLICTS
from pipeline.store import check_table
from pipeline.supervise.transitions import REFUSED, admitted, conflict_table
from tests.supervise.records import acts, decision, notice

VIOLATION = ("T", "2026-11-08", "violation")
CLEAR, SEEN = pd.Timestamp("2026-09-20"), pd.Timestamp("2026-10-15")


def judged(**rows: Any) -> tuple[Any, dict[str, str]]:
    taken, found = admitted(acts(**rows)["T"], last_clear=CLEAR, first_seen=SEEN)
    table = conflict_table([{"target_id": "T", **one} for one in found])
    check_table(CONFLICTS, table)
    return taken, dict(zip(table["conflict"], table["effect"], strict=True))


@pytest.mark.parametrize(
    ("rows", "left", "conflict"),
    [
        ({"decisions": [decision("销案", "2026-11-20")]}, "decisions", "closed_without_check"),
        (
            {"decisions": [decision("销案", "2026-11-07")], "field_checks": [VIOLATION]},
            "decisions",
            "closed_without_check",
        ),
        (
            {"decisions": [decision("销案", "2026-11-20")], "field_checks": [("T", "2026-11-08", "unchecked")]},
            "decisions",
            "closed_without_check",
        ),
        ({"decisions": [decision("整改到位", "2026-11-20")]}, "decisions", "decided_without_violation"),
        ({"decisions": [decision("拒不停止", "2026-11-20")]}, "decisions", "decided_without_violation"),
        ({"referrals": [("T", "2026-11-07", "市局")], "field_checks": [VIOLATION]}, "referrals",
         "referred_without_violation"),
        ({"approvals": [("T", "2026-09-20", "文1")]}, "approvals", "approved_before_onset"),
    ],
)  # fmt: skip
def test_an_act_without_its_precondition_is_refused_and_listed(rows: Any, left: str, conflict: str) -> None:
    taken, found = judged(**rows)
    assert getattr(taken, left) == []
    assert found == {conflict: REFUSED}


def test_acts_in_their_order_are_taken_without_a_word() -> None:
    rows = {
        "field_checks": [VIOLATION],
        "notices": [notice("2026-11-12")],
        "decisions": [decision("拒不停止", "2026-11-20"), decision("销案", "2026-12-20")],
        "referrals": [("T", "2026-11-22", "市局")],
        "approvals": [("T", "2026-12-01", "文1")],
    }
    taken, found = judged(**rows)
    assert found == {} and taken == acts(**rows)["T"]


@pytest.mark.parametrize(
    ("rows", "conflict"),
    [
        ({"notices": [notice("2026-11-12")]}, "notice_without_violation"),
        ({"field_checks": [VIOLATION], "decisions": [decision("拒不停止", "2026-11-20")]}, "refused_without_notice"),
        ({"approvals": [("T", "2026-10-15", "文1")]}, "approved_during_onset"),
    ],
)
def test_what_is_only_unusual_counts_and_is_shown(rows: Any, conflict: str) -> None:
    taken, found = judged(**rows)
    assert taken == acts(**rows)["T"]
    assert list(found) == [conflict] and found[conflict] != REFUSED


def test_a_missing_interval_forbids_nothing() -> None:
    taken, found = admitted(acts(approvals=[("T", "2001-01-01", "文1")])["T"], last_clear=pd.NaT, first_seen=pd.NaT)
    assert len(taken.approvals) == 1 and not found
