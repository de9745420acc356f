"""An entry that tells of works before the imagery shows any: both are listed, and the law's earliest day knows both."""

from __future__ import annotations

import json
from datetime import date
from typing import Any

import pandas as pd
import pytest

from pipeline.rulebook import load_law
from pipeline.schema import CONFLICTS, ENTRIES, MATCHES, TASKS, conform, empty
from pipeline.supervise.guidance import guide
from pipeline.supervise.onset import EarlierReport, earlier_reports, onset_conflicts
from pipeline.supervise.transitions import conflict_table
from tests.patrol.town import frame, square, table, targets

FIRED = json.dumps([{"rule": "V1-1", "kind": "V1", "label": "占用", "judgement": "suspected"}], ensure_ascii=False)
SITE = {"target_id": "T", "geometry": square(0, 0, 30), "last_clear": "2026-08-29", "first_seen": "2026-09-26",
        "kinds": '["V1"]', "rules": FIRED}  # fmt: skip


def reports(day: str | None, status: str = "assigned", told: str = "roofed", probability: float = 0.97,
            **changes: Any) -> dict[str, EarlierReport]:  # fmt: skip
    row = {
        "entry_id": "E1", "unit_id": "U1", "file": "f.xlsx", "sheet": "s", "row": 3, "item": 1, "finding": True,
        "position_source": "point", "discovered_on": day, "status": "已封顶，约5.9亩", **changes,
    }  # fmt: skip
    entries = conform(ENTRIES, frame({name: [value] for name, value in row.items()}, [square(0, 0, 1).centroid]))
    matches = table(MATCHES, ("T", "E1", probability, 1.0, 1.0, 1.0, 1.0, status, ""))
    return earlier_reports(targets(SITE), matches, entries, {"E1": told} if told else {})


@pytest.mark.parametrize(
    ("changes", "listed"),
    [
        ({"day": "2026-08-17"}, True), ({"day": "2026-08-29"}, True), ({"day": "2026-08-30"}, False),
        ({"day": "2026-08-17", "discovered_until": "2026-09-02"}, False), ({"day": None}, False),
        ({"day": "2026-08-17", "told": ""}, False), ({"day": "2026-08-17", "status": "ambiguous"}, False),
        ({"day": "2026-08-17", "status": "decided"}, True),
        ({"day": "2026-08-17", "status": "decided", "probability": 0.0}, False),
    ],
)  # fmt: skip
def test_only_a_sure_entry_of_works_on_or_before_the_last_clear_day(changes: dict[str, Any], listed: bool) -> None:
    assert bool(reports(**changes)) is listed


def test_both_pieces_of_evidence_stand_side_by_side_and_accuse_nobody() -> None:
    (row,) = conflict_table(onset_conflicts(reports("2026-08-17"))).to_dict("records")
    assert (row["target_id"], row["conflict"]) == ("T", "said_before_change")
    assert row["one"] == "2026-08-17台账 E1：已封顶，约5.9亩"
    assert row["other"] == "2026-08-29影像尚无变化，2026-09-26影像已见变化"
    assert "不作结论" in row["effect"] and row["place"] == "ledgers U1 f.xlsx〔s〕第3行“违法现状”栏"
    assert conflict_table(onset_conflicts({})).empty and list(conflict_table([]).columns) == CONFLICTS.names


def test_the_acts_earliest_day_is_the_earlier_one_and_says_both() -> None:
    def guided(earlier: dict[str, EarlierReport]) -> Any:
        rows = guide(targets(SITE), empty(TASKS), {}, law=load_law(), as_of=date(2026, 12, 10), earlier=earlier)
        return rows.iloc[0]

    plain, told = guided({}), guided(reports("2026-08-17"))
    assert (plain["begun_from"], pd.isna(plain["begun_note"])) == (pd.Timestamp("2026-08-30"), True)
    assert (told["begun_from"], told["begun_to"]) == (pd.Timestamp("2026-08-17"), plain["begun_to"])
    assert "2026-08-29影像尚无变化" in told["begun_note"] and "2026-08-17台账 E1" in told["begun_note"]
    # limitation counts from the earlier day too, so it can only end earlier
    assert told["limit_from"] < plain["limit_from"] and told["limit_to"] == plain["limit_to"]
