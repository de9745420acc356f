from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest

from pipeline.register.fuse import fuse_sources
from pipeline.schema import SUSPECTED
from tests.register.drawing import month, seen, suspected
from tests.screen.drawing import square


def fuse(*rows: dict[str, Any]) -> Any:
    return fuse_sources(suspected(*rows), min_overlap_share=0.3, resolvable_px=9.0)


def fine(shape: Any, name: str, **values: Any) -> dict[str, Any]:
    return seen(shape, name, **({"source": "vhr", "gsd_m": 1.0} | values))


def members(row: pd.Series) -> list[str]:
    return [member["candidate_id"] for member in json.loads(row["members"])]


def test_two_sources_on_one_place_give_the_finest_outline_and_both_as_evidence() -> None:
    fused = fuse(seen(square(0, 0, 50), "coarse", probability=0.95), fine(square(2, 2, 44), "fine", stage="unknown"))
    (row,) = [r for _, r in fused.iterrows()]
    assert row["candidate_id"] == "fine" and row.geometry.equals(square(2, 2, 44))
    assert row["probability"] == 0.95 and row["stage"] == "earthworks"
    assert row["area_m2"] == pytest.approx(44 * 44, abs=0.05)
    assert members(row) == ["fine", "coarse"]


def test_objects_of_one_source_and_objects_apart_stay_apart() -> None:
    fused = fuse(seen(square(0, 0, 50), "a"), seen(square(30, 0, 50), "b"), fine(square(500, 0, 50), "c"))
    assert fused["candidate_id"].tolist() == ["a", "b", "c"]
    assert [members(row) for _, row in fused.iterrows()] == [["a"], ["b"], ["c"]]


def test_fine_objects_are_not_joined_through_a_coarse_one_they_cover() -> None:
    fused = fuse(seen(square(0, 0, 100, 40), "coarse"), fine(square(0, 0, 40), "x"), fine(square(55, 0, 45, 40), "y"))
    assert fused["candidate_id"].tolist() == ["x", "y"]
    assert [members(row) for _, row in fused.iterrows()] == [["x", "coarse"], ["y", "coarse"]]


def test_coarse_ground_that_fine_objects_hardly_cover_is_not_lost() -> None:
    fused = fuse(seen(square(0, 0, 100), "coarse"), fine(square(10, 10, 20), "x"), fine(square(60, 60, 20), "y"))
    (row,) = [r for _, r in fused.iterrows()]
    assert row.geometry.equals(square(0, 0, 100)) and members(row) == ["x", "y", "coarse"]


@pytest.mark.parametrize(
    ("coarse", "finer", "side", "expected"),
    [
        # a coarse clear view counts when the object is nine of its pixels (900 m2) or more
        (("2026-09-30", "2026-10-10"), ("2026-08-01", "2026-10-20"), 40, ("2026-09-30", "2026-10-10")),
        (("2026-09-30", "2026-10-10"), ("2026-08-01", "2026-10-20"), 25, ("2026-08-01", "2026-10-10")),
        # the finest source's clear view always counts
        (("2026-08-01", "2026-10-20"), ("2026-09-30", "2026-10-25"), 25, ("2026-09-30", "2026-10-20")),
        # clear in one after it was seen in the other: contain both
        (("2026-08-01", "2026-09-10"), ("2026-09-30", "2026-10-25"), 25, ("2026-08-01", "2026-10-25")),
        ((None, "2026-10-10"), (None, None), 40, (None, "2026-10-10")),
    ],
)
def test_the_fused_interval_surely_contains_the_onset(
    coarse: tuple[Any, Any], finer: tuple[Any, Any], side: int, expected: tuple[Any, Any]
) -> None:
    fused = fuse(
        seen(square(0, 0, side), "coarse", last_clear=coarse[0], first_seen=coarse[1]),
        fine(square(0, 0, side), "fine", last_clear=finer[0], first_seen=finer[1]),
    )
    days = [None if pd.isna(fused[name].iloc[0]) else str(fused[name].iloc[0].date())
            for name in ("last_clear", "first_seen")]  # fmt: skip
    assert tuple(days) == expected


def test_fusing_keeps_dtypes_does_not_touch_its_input_and_handles_nothing() -> None:
    given = suspected(seen(square(0, 0, 50), "a"), fine(square(0, 0, 50), "b"))
    before = given.copy()
    fused = fuse_sources(given, min_overlap_share=0.3, resolvable_px=9.0)
    pd.testing.assert_frame_equal(pd.DataFrame(given), pd.DataFrame(before))
    assert {n: fused[n].dtype for n in SUSPECTED.names} == {n: given[n].dtype for n in SUSPECTED.names}
    assert len(fuse()) == 0 and "members" in fuse().columns


def test_the_candidates_behind_a_fused_target_are_its_links() -> None:
    targets, _ = month("2026-10", [seen(square(0, 0, 50), "coarse"), fine(square(2, 2, 44), "fine")])
    links = json.loads(targets["links"].iloc[0])
    assert [(link["kind"], link["id"], link["source"]) for link in links] == [
        ("fused", "coarse", "s2"),
        ("fused", "fine", "vhr"),
    ]
