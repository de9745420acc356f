from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st

from tests.register.drawing import month, row, seen
from tests.screen.drawing import square

A, B, C = "419981XC26100001", "419981XC26100002", "419981XC26100003"
OCTOBER = {"last_clear": "2026-09-30", "first_seen": "2026-10-28"}
NOVEMBER = {"last_clear": "2026-10-28", "first_seen": "2026-11-25"}


def test_the_first_month_numbers_from_north_to_south_then_west_to_east() -> None:
    targets, revision = month("2026-10", [seen(square(0, 0, 40), "south"), seen(square(300, 500, 40), "east"),
                                          seen(square(0, 500, 40), "west")])  # fmt: skip
    assert dict(zip(targets["target_id"], targets["candidate_id"], strict=True)) == {A: "west", B: "east", C: "south"}
    assert set(targets["state"]) == {"new"} and set(targets["first_period"]) == {"2026-10"}
    assert targets["area_before_m2"].isna().all() and len(revision) == 0
    (entry,) = json.loads(row(targets, A)["history"])
    assert entry == {"period": "2026-10", "state": "new", "area_m2": 1600.0, "observed_m2": 1600.0,
                     "stage": "earthworks", "probability": 0.9, "confidence": "nominal", "source": "s2",
                     "first_seen": "2026-10-31"}  # fmt: skip


def test_a_month_without_objects_carries_every_target() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40), **OCTOBER)])
    second, _ = month("2026-11", [], first)
    found = row(second, A)
    assert found["state"] == "carried" and found["last_period"] == "2026-10"
    assert found["area_m2"] == found["area_before_m2"] == pytest.approx(1600, abs=0.05)
    assert [entry["period"] for entry in json.loads(found["history"])] == ["2026-10", "2026-11"]
    nothing, _ = month("2026-10", [])
    assert len(nothing) == 0


def test_growth_keeps_id_and_onset_and_tells_the_area_before() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40), **OCTOBER)])
    second, _ = month("2026-11", [seen(square(20, 0, 80, 40), "c9", stage="pit", **NOVEMBER)], first)
    found = row(second, A)
    assert len(second) == 1 and found["state"] == "growing"
    assert found.geometry.equals(square(0, 0, 100, 40))
    assert (found["area_before_m2"], found["area_m2"]) == pytest.approx((1600, 4000), abs=0.1)
    assert (found["last_clear"], found["first_seen"]) == (pd.Timestamp("2026-09-30"), pd.Timestamp("2026-10-28"))
    assert (found["stage"], found["candidate_id"], found["first_period"], found["last_period"]) == (
        "pit", "c9", "2026-10", "2026-11",
    )  # fmt: skip


def test_jitter_of_the_outline_is_no_growth_and_does_not_accumulate() -> None:
    targets, _ = month("2026-10", [seen(square(0, 0, 40))])
    for text, shift in (("2026-11", 5), ("2026-12", -5), ("2027-01", 5)):
        targets, _ = month(text, [seen(square(shift, shift, 40))], targets)
        found = row(targets, A)
        assert found["state"] == "seen_again" and found.geometry.equals(square(0, 0, 40))


def test_slow_growth_adds_up_until_it_is_growth() -> None:
    # 100 m by 100 m: 20 % is 2,000 m2, the outline's error 0.5 px x 400 m = 2,000 m2.
    targets, _ = month("2026-10", [seen(square(0, 0, 100))])
    states = []
    for number, text in enumerate(("2026-11", "2026-12", "2027-01"), start=1):
        targets, _ = month(text, [seen(square(0, 0, 100 + 10 * number, 100))], targets)
        states.append(row(targets, A)["state"])
    assert states == ["seen_again", "seen_again", "growing"]
    assert row(targets, A)["area_m2"] == pytest.approx(13_000, abs=0.5)


def test_a_neighbour_within_one_and_a_half_pixels_is_growth_and_further_away_is_new() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40))])
    near, _ = month("2026-11", [seen(square(55, 0, 40))], first)
    assert near["target_id"].tolist() == [A] and near["state"].tolist() == ["growing"]
    far, _ = month("2026-11", [seen(square(56, 0, 40))], first)
    assert far["state"].tolist() == ["carried", "new"]
    assert far["target_id"].tolist() == [A, "419981XC26110001"]


def test_merging_targets_keeps_the_oldest_id_and_the_other_row() -> None:
    october, _ = month("2026-10", [seen(square(0, 0, 40), **OCTOBER)])
    november, _ = month("2026-11", [seen(square(100, 0, 40), "c2", **NOVEMBER)], october)
    december, _ = month("2026-12", [seen(square(0, 0, 140, 40), "c3")], november)
    kept, gone = row(december, A), row(december, "419981XC26110001")
    assert (kept["state"], gone["state"], gone["merged_into"]) == ("growing", "merged", A)
    assert kept.geometry.equals(square(0, 0, 140, 40)) and gone.geometry.equals(square(100, 0, 40))
    assert kept["area_before_m2"] == pytest.approx(3200, abs=0.1)
    assert kept["last_clear"] == pd.Timestamp("2026-09-30")
    january, _ = month("2027-01", [seen(square(100, 0, 40), "c4")], december)
    assert january["target_id"].tolist() == december["target_id"].tolist()
    assert row(january, A)["state"] == "seen_again" and row(january, "419981XC26110001")["state"] == "merged"


def test_a_touching_object_never_merges_two_targets() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40), "a"), seen(square(60, 0, 40), "b")])
    second, _ = month("2026-11", [seen(square(45, 0, 10, 40), "c")], first)
    assert second["state"].tolist().count("merged") == 0 and len(second) == 2


def test_a_split_keeps_the_id_with_the_largest_part_and_names_the_parent() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 150, 40), **OCTOBER)])
    parts = [seen(square(0, 0, 50, 40), "small", **NOVEMBER), seen(square(80, 0, 70, 40), "large", **NOVEMBER)]
    second, _ = month("2026-11", parts, first)
    kept, child = row(second, A), row(second, "419981XC26110001")
    assert kept["candidate_id"] == "large" and kept["state"] == "seen_again"
    assert child["candidate_id"] == "small" and child["parent_ids"] == A and child["state"] == "new"
    assert child["first_seen"] == pd.Timestamp("2026-10-28")
    assert shapely.union_all([kept.geometry, child.geometry]).equals(square(0, 0, 150, 40))
    assert kept.geometry.intersection(child.geometry).area == pytest.approx(0.0)


def test_fragments_inside_a_target_are_that_target() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 200, 100))])
    second, _ = month("2026-11", [seen(square(0, 0, 20), "a"), seen(square(150, 50, 30), "b")], first)
    assert second["target_id"].tolist() == [A] and second["state"].tolist() == ["seen_again"]


def test_a_carried_target_is_found_again_under_its_id() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40), **OCTOBER)])
    second, _ = month("2026-11", [seen(square(500, 0, 40), "other")], first)
    third, _ = month("2026-12", [seen(square(0, 0, 40), "again")], second)
    assert row(third, A)["state"] == "seen_again" and row(third, A)["last_period"] == "2026-12"
    assert row(third, "419981XC26110001")["state"] == "carried"


def test_an_unknown_stage_does_not_wipe_out_a_known_one() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40), stage="structure")])
    second, _ = month("2026-11", [seen(square(0, 0, 40), stage="unknown")], first)
    assert row(second, A)["stage"] == "structure"


def test_a_revision_keeps_issued_ids_for_their_ground_and_lists_what_differs() -> None:
    issued, _ = month("2026-10", [seen(square(0, 500, 40), "stays"), seen(square(0, 300, 40), "grows"),
                                  seen(square(0, 100, 40), "vanishes")])  # fmt: skip
    again, revision = month(
        "2026-10",
        [seen(square(0, 300, 60, 40), "grows"), seen(square(0, 500, 40), "stays"), seen(square(0, 700, 40), "comes")],
        issued=issued,
    )
    names = dict(zip(again["target_id"], again["candidate_id"], strict=True))
    assert names == {A: "stays", B: "grows", C: "vanishes", "419981XC26100004": "comes"}
    assert dict(zip(revision["target_id"], revision["change"], strict=True)) == {
        A: "unchanged", B: "geometry", C: "dropped", "419981XC26100004": "added",
    }  # fmt: skip
    assert row(again, C)["state"] == "carried"
    assert row(again, B).geometry.equals(square(0, 300, 60, 40))


def test_an_issued_id_goes_to_the_object_with_the_larger_share_of_its_ground() -> None:
    issued, _ = month("2026-10", [seen(square(0, 0, 100, 40))])
    again, _ = month("2026-10", [seen(square(0, 0, 40), "small"), seen(square(50, 0, 50, 40), "large")], issued=issued)
    assert dict(zip(again["target_id"], again["candidate_id"], strict=True)) == {A: "large", B: "small"}


def test_the_same_month_computed_again_is_all_unchanged() -> None:
    objects = [seen(square(0, 0, 40), "a"), seen(square(200, 0, 40), "b")]
    earlier, _ = month("2026-09", objects[:1])
    issued, _ = month("2026-10", objects, earlier)
    again, revision = month("2026-10", objects, earlier, issued)
    pd.testing.assert_frame_equal(pd.DataFrame(issued), pd.DataFrame(again))
    assert set(revision["change"]) == {"unchanged"}


BOX = st.tuples(st.integers(0, 30), st.integers(0, 30), st.integers(2, 8), st.integers(2, 8))


def apart(boxes: list[tuple[int, int, int, int]], prefix: str) -> list[dict[str, Any]]:
    """Objects of one image: those that would overlap an earlier one are left out."""
    shapes: list[Any] = []
    for box in boxes:
        shape = square(*(10 * side for side in box))
        if all(shape.intersection(other).area == 0.0 for other in shapes):
            shapes.append(shape)
    return [seen(shape, f"{prefix}{i}") for i, shape in enumerate(shapes)]


@settings(max_examples=12, deadline=None)
@given(st.lists(BOX, max_size=5), st.lists(BOX, max_size=5), st.data())
def test_the_order_of_rows_changes_nothing_and_no_target_or_ground_is_lost(
    before: list[Any], now: list[Any], data: Any
) -> None:
    first, _ = month("2026-10", apart(before, "a"))
    objects = apart(now, "b")
    second, _ = month("2026-11", objects, first)
    shuffled = data.draw(st.permutations(objects))
    turned = first.iloc[data.draw(st.permutations(range(len(first))))] if len(first) else first
    again, _ = month("2026-11", shuffled, turned)
    pd.testing.assert_frame_equal(pd.DataFrame(second), pd.DataFrame(again))

    assert set(first["target_id"]) <= set(second["target_id"])
    open_ = second[second["state"] != "merged"]
    ground = shapely.union_all(list(open_.geometry))
    earlier = shapely.union_all(list(first.geometry))
    assert shapely.difference(earlier, ground).area == pytest.approx(0.0, abs=0.01)
    for _, target in second[second["state"] == "merged"].iterrows():
        assert target["merged_into"] in set(open_["target_id"])
    kept = second.set_index("target_id")["first_seen"]
    assert all(kept[name] <= day for name, day in first.set_index("target_id")["first_seen"].items())


def test_each_months_step_tells_when_its_own_object_was_first_seen() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40), **OCTOBER)])
    second, _ = month("2026-11", [seen(square(20, 0, 80, 40), "c9", stage="roofed", **NOVEMBER)], first)
    third, _ = month("2026-12", [], second)
    steps = json.loads(row(third, A)["history"])
    assert [step.get("first_seen") for step in steps] == ["2026-10-28", "2026-11-25", None]
    assert row(third, A)["first_seen"] == pd.Timestamp("2026-10-28")


def test_a_weaker_second_look_lowers_neither_probability_nor_confidence_and_stands_in_the_history() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40), probability=0.98, confidence="probable", **OCTOBER)])
    again = seen(square(0, 0, 40), "c9", probability=0.73, confidence="early", stage="unknown", **NOVEMBER)
    second, _ = month("2026-11", [again], first)
    found = row(second, A)
    assert (found["state"], found["probability"], found["confidence"]) == ("seen_again", 0.98, "probable")
    latest = json.loads(found["history"])[-1]
    assert (latest["probability"], latest["confidence"], latest["stage"]) == (0.73, "early", "unknown")
    # growing does not help either
    grown, _ = month("2026-11", [again | {"geometry": square(0, 0, 80)}], first)
    assert row(grown, A)["state"] == "growing" and row(grown, A)["probability"] == 0.98


def test_a_stronger_second_look_raises_both() -> None:
    first, _ = month("2026-10", [seen(square(0, 0, 40), probability=0.6, confidence="early", **OCTOBER)])
    second, _ = month(
        "2026-11", [seen(square(0, 0, 40), "c9", probability=0.9, confidence="confirmed", **NOVEMBER)], first
    )
    assert (row(second, A)["probability"], row(second, A)["confidence"]) == (0.9, "confirmed")


def test_a_merge_and_a_split_keep_the_evidence_of_the_ground_they_come_from() -> None:
    two, _ = month("2026-10", [seen(square(0, 0, 40), "a", probability=0.7, confidence="early"),
                               seen(square(100, 0, 40), "b", probability=0.95, confidence="confirmed")])  # fmt: skip
    one, _ = month("2026-11", [seen(square(0, 0, 140, 40), "c", probability=0.5, confidence="early")], two)
    assert (row(one, A)["probability"], row(one, A)["confidence"]) == (0.95, "confirmed")
    apart, _ = month("2026-12", [seen(square(0, 0, 40), "d", probability=0.4, confidence="early"),
                                 seen(square(100, 0, 40), "e", probability=0.45, confidence="early")], one)  # fmt: skip
    standing = apart[apart["state"] != "merged"]
    assert (
        len(standing) == 2 and set(standing["probability"]) == {0.95} and set(standing["confidence"]) == {"confirmed"}
    )
