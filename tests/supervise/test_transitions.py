from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.schema import CONFLICTS, PLACE
from pipeline.store import check_table
from pipeline.supervise.acts import gather
from pipeline.supervise.transitions import _MENDS, REFUSED, admitted, conflict_table
from tests.supervise.records import TABLES, acts, decision, frames, notice

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


def test_a_refused_record_says_in_which_row_and_field_and_what_to_do() -> None:
    made = frames(decisions=[decision("销案", "2026-11-20")])
    made["decisions"] = made["decisions"].assign(**{PLACE: ["records/decisions.csv 第7行"]})
    _, found = admitted(gather(**made, carried={"T": "T"})["T"], last_clear=CLEAR, first_seen=SEEN)
    assert [(one["place"], one["effect"]) for one in found] == [("records/decisions.csv 第7行“决定日期”栏", REFUSED)]
    assert "records/field_checks.csv 补记" in found[0]["mend"] and "删去本行" in found[0]["mend"]


def test_one_act_written_twice_is_one_conflict_that_names_both_rows() -> None:
    row = {"target_id": "T", "conflict": "record_gone", "one": "a", "other": "b", "effect": "c", "mend": "d"}
    table = conflict_table([{**row, "place": "第2行"}, {**row, "place": "第5行"}, {**row, "place": "第2行"}])
    assert table["place"].tolist() == ["第2行；第5行"]


def test_every_conflict_of_a_record_names_a_column_that_its_file_has() -> None:
    labels = {column.label for name in TABLES for column in TABLES[name].columns}
    assert {column for column, _ in _MENDS.values()} <= labels


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


PARTS = {"T": "T", "S": "T"}
"""S was merged into T."""


def of_parts(*checks: tuple[str, str, str], decisions: Any = ()) -> tuple[Any, dict[str, str]]:
    known = acts(carried=PARTS, field_checks=list(checks), decisions=list(decisions))["T"]
    taken, found = admitted(known, last_clear=CLEAR, first_seen=SEEN)
    return taken, {row["conflict"]: row["effect"] for row in found}


def test_what_settles_one_merged_part_does_not_settle_the_other() -> None:
    # T 违法 2026-11-08; S, on its own ground, 合法 2026-11-20: T's ground is still a violation
    taken, found = of_parts(VIOLATION, ("S", "2026-11-20", "lawful"))
    assert [check.content for check in taken.checks] == ["violation"] and found == {"part_settled": REFUSED}
    closed = ("S", None, "销案", "2026-11-20")
    taken, found = of_parts(VIOLATION, ("S", "2026-11-08", "violation"), decisions=[closed])
    assert taken.decisions == [] and found == {"part_settled": REFUSED}


def test_a_check_of_the_whole_settles_it_and_the_other_finding_is_shown() -> None:
    taken, found = of_parts(("S", "2026-11-08", "violation"), ("T", "2026-11-20", "lawful"))
    assert taken.checks[-1].content == "lawful" and list(found) == ["parts_differ"]
    assert REFUSED not in found.values()


def test_what_was_settled_before_the_other_finding_or_of_the_same_part_is_no_contradiction() -> None:
    for checks in (
        (("S", "2026-11-01", "lawful"), VIOLATION),
        (("S", "2026-11-01", "violation"), ("S", "2026-11-20", "lawful")),
    ):
        taken, found = of_parts(*checks)
        assert found == {} and taken.checks[-1].content == checks[-1][2]
