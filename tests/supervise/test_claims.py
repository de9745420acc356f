from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from pipeline.schema import ENTRIES, FOLLOW_UPS, MATCHES, conform
from pipeline.sources.claim_rules import claim_words
from pipeline.supervise.claims import claim_conflicts, claims_in
from tests.patrol.town import frame, square, table, targets

WORDS = claim_words(date(2026, 10, 31))


@pytest.mark.parametrize(
    ("effect", "claimed"),
    [
        ("当事人已停工", {"stopped"}),
        ("已自行拆除，并已复耕", {"removed", "restored"}),
        ("已拆除完毕", {"removed"}),
        ("尚未停工", set()),
        ("未拆除", set()),
        ("责令限期拆除到位", set()),
        ("承诺月底前拆除到位", set()),
        ("拟复耕", set()),
        ("部分已拆除", set()),
        ("已拆除一半", set()),
        ("没有停止施工", set()),
        ("已停工，拒不拆除", {"stopped"}),
        ("未停工；后经劝阻已停工", {"stopped"}),
        # about a notice, power, a hoarding: not about the works
        ("已停止施工通知书送达", set()),
        ("已停水停电", set()),
        ("已拆除围挡", set()),
        ("边停止施工边施工", set()),
        # works that went on again did not stop; nobody resuming says they did
        ("已停工，后又复工", set()),
        ("已停工，夜间继续施工", set()),
        ("已停工，未见复工", {"stopped"}),
        ("已停工，取得批准前不得复工", {"stopped"}),
        ("", set()),
        (None, set()),
    ],
)
def test_a_claim_is_only_what_a_clause_says_outright(effect: Any, claimed: set[str]) -> None:
    assert claims_in({"effect": effect}, WORDS) == claimed


def conflicts(effect: str, day: str = "2026-11-01", status: str = "assigned", ground: Any = None,
              state: str = "growing", since: str = "2026-11-05") -> list[Any]:  # fmt: skip
    found = targets({"target_id": "T", "geometry": square(0, 0, 30), "state": state, "area_before_m2": 700.0})
    row = {
        "entry_id": "E1", "unit_id": "U1", "file": "f", "sheet": "s", "row": 3, "item": 1, "finding": True,
        "position_source": "point", "discovered_on": day, "effect": effect,
    }  # fmt: skip
    entries = conform(ENTRIES, frame({name: [value] for name, value in row.items()}, [square(0, 0, 1).centroid]))
    matches = table(MATCHES, ("T", "E1", 0.9, 1.0, 1.0, 1.0, 1.0, status, ""))
    base = {"target_id": "T", "ground": "still_there", "ground_reason": "仍在", "pixels": 9, "clear_share": 1.0,
            "observed_on": "2026-12-10", "stage_built": "structure", "ndvi_around": 0.7}  # fmt: skip
    follow = conform(FOLLOW_UPS, pd.DataFrame([{**base, **(ground or {})}]))
    interval = {"T": (pd.Timestamp(since), pd.Timestamp("2026-12-10"))}
    return [one["conflict"] for one in claim_conflicts(found, matches, entries, interval, follow, WORDS)]


def test_growth_that_surely_came_after_the_claim_speaks_against_it() -> None:
    assert conflicts("已停工") == ["stopped_but_grew"]
    assert conflicts("已停工", day="2026-11-05") == ["stopped_but_grew"]
    assert conflicts("已停工", day="2026-11-06") == []
    assert conflicts("已停工", state="seen_again") == []


def test_a_building_that_stands_later_speaks_against_removal() -> None:
    assert conflicts("已拆除") == ["removed_but_stands"]
    assert conflicts("已复耕") == ["restored_but_stands"]
    assert conflicts("已拆除", day="2026-12-10") == []
    assert conflicts("已拆除", ground={"ground": "unclear"}) == []
    assert conflicts("已拆除", ground={"stage_built": "earthworks"}) == []


def test_tilled_soil_speaks_against_recultivation_only_when_the_fields_around_are_green_long_after() -> None:
    soil = {"stage_built": "earthworks"}
    assert conflicts("已复耕", ground=soil) == []
    assert conflicts("已复耕", day="2026-10-11", ground=soil) == ["restored_but_stands"]
    assert conflicts("已复耕", day="2026-10-11", ground={**soil, "ndvi_around": 0.2}) == []


def test_an_entry_that_only_may_be_about_the_target_claims_nothing() -> None:
    assert conflicts("已停工", status="ambiguous") == []
    assert conflicts("已停工", status="decided") == ["stopped_but_grew"]
