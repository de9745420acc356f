from __future__ import annotations

import json
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from benchmarks.screen_scale import digest, draw_ground
from benchmarks.screen_scale import screening as scale_screening
from pipeline.schema import CANDIDATES, SUPPRESSED, SUSPECTED, conform, empty
from pipeline.screen.layers import Ground
from pipeline.screen.suppress import distinct_ids, judge_objects, screen_candidates
from pipeline.store import check_table
from tests.screen.drawing import CRS, approval, candidate, candidates, ground, parcels, screening, square

FIELD = square(-500, -500, 1000)


def screen_one(row: dict[str, Any], on: Ground, **options: Any) -> tuple[pd.Series, dict[str, str]]:
    """The single candidate's row, suspected or suppressed, and its rules with their judgement."""
    suspected, suppressed = screen_candidates(candidates(row), **screening(on, **options))
    assert len(suspected) + len(suppressed) == 1
    check_table(SUSPECTED, suspected)
    check_table(SUPPRESSED, suppressed)
    (found,) = [frame.iloc[0] for frame in (suspected, suppressed) if len(frame)]
    return found, {entry["rule"]: entry["judgement"] for entry in json.loads(found["rules"])}


def kinds(row: pd.Series) -> list[str]:
    return list(json.loads(row["kinds"]))


def test_a_pit_on_unapproved_basic_farmland_is_suspected_of_v1_v3_v4_with_areas() -> None:
    on = ground(parcels(c0101=FIELD), basic=[square(0, 0, 30, 40)])
    row, rules = screen_one(candidate(square(0, 0, 40), stage="pit"), on)
    assert "suppressed_by" not in row.index
    assert kinds(row) == ["V1", "V3", "V4"]
    assert row["farmland_m2"] == pytest.approx(1600, abs=0.05)
    assert row["basic_farmland_m2"] == pytest.approx(1200, abs=0.05)
    assert row["area_m2"] == pytest.approx(1600, abs=0.05)
    assert row["approved_m2"] == 0.0 and pd.isna(row["approval"])
    assert rules["V6-2"] == "undeterminable" and rules["V7-1"] == "undeterminable"
    assert json.loads(row["area_by_class_m2"]) == {"0101": pytest.approx(1600, abs=0.05)}


def test_every_suspicion_cites_the_field_values_the_threshold_and_what_was_missing() -> None:
    row, _ = screen_one(candidate(square(0, 0, 40)), ground(parcels(c0101=FIELD), temporary=None))
    (entry,) = [entry for entry in json.loads(row["rules"]) if entry["rule"] == "V4-1"]
    assert entry["facts"]["unapproved_farmland_m2"]["low"] == pytest.approx(1600, abs=0.05)
    assert entry["facts"]["$min_overlap_m2"] == 100.0
    assert entry["missing"] == ["temporary_land"]
    assert entry["statutes"] == ["TDGLF-37"]


def test_approved_before_the_interval_is_suppressed_with_document_and_dates() -> None:
    on = ground(parcels(c0101=FIELD), approvals=[approval(square(-10, -10, 100), "2026-10-01", "政土7号")])
    row, rules = screen_one(candidate(square(0, 0, 40)), on)
    assert row["suppressed_by"] == "S2"
    assert all(word in row["suppressed_reason"] for word in ("政土7号", "2026-10-01", "100%"))
    assert row["approved_m2"] == pytest.approx(1600, abs=0.05)
    assert row["approval"].startswith("政土7号")
    assert not {"V1-1", "V4-1"} & set(rules)


def test_approved_after_it_was_seen_is_building_before_approval() -> None:
    on = ground(parcels(c0101=FIELD), approvals=[approval(square(-10, -10, 100), "2026-11-01")])
    row, rules = screen_one(candidate(square(0, 0, 40)), on)
    assert "suppressed_by" not in row.index and kinds(row) == ["V1", "V4"]
    assert rules["V1-2"] == "suspected"
    assert row["approved_m2"] == 0.0


@pytest.mark.parametrize(("on_day", "explained_by"), [("2026-10-15", "E4"), (None, "E5")])
def test_approved_inside_the_interval_or_without_date_stays_listed_but_undetermined(
    on_day: str | None, explained_by: str
) -> None:
    on = ground(parcels(c0101=FIELD), approvals=[approval(square(-10, -10, 100), on_day)])
    row, rules = screen_one(candidate(square(0, 0, 40)), on)
    assert "suppressed_by" not in row.index and kinds(row) == []
    assert rules["V1-1"] == "undeterminable" and rules["V4-1"] == "undeterminable"
    assert rules[explained_by] == "explanation"


def test_an_overrun_of_the_approved_ground_is_suspected_for_the_overrun_only() -> None:
    # 80 m long object, 40 m approved, 10 m of tolerance (one pixel): 30 m by 20 m remain.
    on = ground(parcels(c0101=FIELD), approvals=[approval(square(0, -50, 40, 120), "2026-01-01")])
    row, _ = screen_one(candidate(square(0, 0, 80, 20)), on)
    assert kinds(row) == ["V1", "V4"]
    (entry,) = [entry for entry in json.loads(row["rules"]) if entry["rule"] == "V4-1"]
    assert entry["facts"]["unapproved_farmland_m2"] == {
        "low": pytest.approx(600, abs=0.05),
        "high": pytest.approx(600, abs=0.05),
    }
    assert row["approved_m2"] == pytest.approx(800, abs=0.05)


def test_a_sliver_beyond_the_approved_ground_within_one_pixel_accuses_nobody() -> None:
    on = ground(parcels(c0101=FIELD), approvals=[approval(square(0, 0, 40), "2026-01-01")])
    row, _ = screen_one(candidate(square(5, 5, 40)), on)
    assert row["suppressed_by"] == "S2"


def temporary(shape: Any, on: str | None, until: str | None) -> dict[str, Any]:
    return approval(shape, on, "临3号") | {"expires_on": until}


def test_early_works_on_valid_temporary_land_are_explained() -> None:
    on = ground(parcels(c0101=FIELD), temporary=[temporary(square(-10, -10, 100), "2026-01-01", "2027-12-31")])
    row, _ = screen_one(candidate(square(0, 0, 40), stage="pit"), on)
    assert row["suppressed_by"] == "S3" and "临3号" in row["suppressed_reason"]
    assert row["suppressed_reason"].endswith("阶段为基坑")


def test_a_building_on_valid_temporary_land_is_v2_and_an_unknown_stage_is_undetermined() -> None:
    on = ground(parcels(c0101=FIELD), temporary=[temporary(square(-10, -10, 100), "2026-01-01", "2027-12-31")])
    row, rules = screen_one(candidate(square(0, 0, 40), stage="structure"), on)
    assert "suppressed_by" not in row.index and kinds(row) == ["V2"] and rules["V2-1"] == "suspected"
    row, rules = screen_one(candidate(square(0, 0, 40), stage="unknown"), on)
    assert "suppressed_by" not in row.index and kinds(row) == [] and rules["V2-1"] == "undeterminable"


def test_expired_temporary_land_explains_nothing() -> None:
    on = ground(parcels(c0101=FIELD), temporary=[temporary(square(-10, -10, 100), "2024-01-01", "2025-12-31")])
    row, rules = screen_one(candidate(square(0, 0, 40), stage="roofed"), on)
    assert "suppressed_by" not in row.index and kinds(row) == ["V1", "V2", "V4"]
    assert rules["V1-4"] == "suspected" and rules["V2-2"] == "suspected"


def test_without_the_approvals_layer_nothing_is_suspected_and_everything_stays_listed() -> None:
    row, rules = screen_one(candidate(square(0, 0, 40)), ground(parcels(c0101=FIELD), approvals=None))
    assert "suppressed_by" not in row.index and kinds(row) == []
    assert rules["V1-1"] == rules["V4-1"] == "undeterminable"
    assert pd.isna(row["approved_m2"])


def test_without_basic_farmland_only_v3_is_undetermined() -> None:
    row, rules = screen_one(candidate(square(0, 0, 40)), ground(parcels(c0101=FIELD), basic=None))
    assert kinds(row) == ["V1", "V4"] and rules["V3-1"] == "undeterminable"
    assert pd.isna(row["basic_farmland_m2"])


def test_without_planning_v5_and_v7_are_undetermined_and_inside_it_only_v5() -> None:
    row, rules = screen_one(candidate(square(0, 0, 40)), ground(parcels(c0101=FIELD), inside=None))
    assert rules["V5-1"] == rules["V7-1"] == "undeterminable" and pd.isna(row["outside_plan_m2"])
    row, rules = screen_one(candidate(square(0, 0, 40)), ground(parcels(c0101=FIELD), inside=[FIELD]))
    assert rules["V5-1"] == "undeterminable" and "V7-1" not in rules and row["outside_plan_m2"] == 0.0


def test_basic_farmland_counts_only_while_protected() -> None:
    on = ground(parcels(c0101=FIELD), basic=[FIELD])
    ended = on.basic_farmland.assign(valid_to=pd.Timestamp("2026-10-30"))
    row, _ = screen_one(candidate(square(0, 0, 40)), Ground(**(vars(on) | {"basic_farmland": ended})))
    assert kinds(row) == ["V1", "V4"] and row["basic_farmland_m2"] == 0.0


def test_ground_outside_the_land_use_layer_is_undetermined() -> None:
    row, rules = screen_one(candidate(square(0, 0, 40)), ground(parcels(c0101=square(900, 900, 10))))
    assert kinds(row) == [] and rules["V1-1"] == "undeterminable"
    assert json.loads(row["area_by_class_m2"]) == {"unknown": pytest.approx(1600, abs=0.05)}


def test_redevelopment_on_construction_land_is_kept_unless_configured_away() -> None:
    on = ground(parcels(c0701=FIELD))
    row, rules = screen_one(candidate(square(0, 0, 40)), on)
    assert "suppressed_by" not in row.index and kinds(row) == [] and rules["E1"] == "explanation"
    assert row["construction_land_m2"] == pytest.approx(1600, abs=0.05)
    row, _ = screen_one(candidate(square(0, 0, 40)), on, suppress_construction_land=True)
    assert row["suppressed_by"] == "S6"


def test_water_level_is_suppressed_but_a_building_in_the_river_or_a_filled_pond_is_not() -> None:
    river = ground(parcels(c1101=FIELD))
    assert screen_one(candidate(square(0, 0, 40)), river)[0]["suppressed_by"] == "S4"
    assert "suppressed_by" not in screen_one(candidate(square(0, 0, 40), stage="structure"), river)[0].index
    assert "suppressed_by" not in screen_one(candidate(square(0, 0, 40)), ground(parcels(c1104=FIELD)))[0].index


@pytest.mark.parametrize(("novelty", "kept"), [(0.4, False), (1.0, True), (None, True)])
def test_a_whole_field_changing_is_seasonal_only_with_known_low_novelty(novelty: float | None, kept: bool) -> None:
    on = ground(parcels(c0101=square(0, 0, 40)))
    row, _ = screen_one(candidate(square(0, 0, 40), novelty=novelty), on)
    assert ("suppressed_by" not in row.index) is kept
    half, _ = screen_one(candidate(square(0, 0, 20, 40), novelty=novelty), on)
    assert "suppressed_by" not in half.index


def test_too_small_is_suppressed_with_its_area() -> None:
    row, _ = screen_one(candidate(square(0, 0, 14)), ground(parcels(c0101=FIELD)))
    assert row["suppressed_by"] == "S1" and "196" in row["suppressed_reason"]


def test_overlaps_within_the_outlines_uncertainty_raise_no_kind() -> None:
    on = ground(parcels(c0101=square(0, 0, 9, 10), c0701=square(9, 0, 100, 10)))
    row, rules = screen_one(candidate(square(0, 0, 40, 10)), on)
    assert kinds(row) == [] and "V4-1" not in rules and row["farmland_m2"] == pytest.approx(90, abs=0.05)


def test_rules_of_another_time_do_not_apply() -> None:
    row, rules = screen_one(
        candidate(square(0, 0, 40), last_clear="1980-01-01", first_seen="1980-02-01"), ground(parcels(c0101=FIELD))
    )
    assert rules == {} and kinds(row) == []


def test_a_missing_stated_area_is_filled_and_a_stated_one_kept() -> None:
    judged = judge_objects(
        candidates(candidate(square(0, 0, 40)), candidate(square(0, 0, 40), "c2", area_m2=1599.0)),
        **screening(ground(parcels(c0101=FIELD))),
    )
    assert judged["area_m2"].tolist() == [pytest.approx(1600, abs=0.05), 1599.0]


def test_objects_in_another_crs_are_refused() -> None:
    moved = candidates(candidate(square(0, 0, 40))).to_crs("EPSG:4548")
    with pytest.raises(ValueError, match="land_use"):
        screen_candidates(moved, **screening(ground(parcels(c0101=FIELD))))


def test_no_candidates_give_empty_tables_with_the_right_columns() -> None:
    suspected, suppressed = screen_candidates(empty(CANDIDATES, CRS), **screening(ground(parcels(c0101=FIELD))))
    check_table(SUSPECTED, suspected)
    check_table(SUPPRESSED, suppressed)
    assert len(suspected) == len(suppressed) == 0 and suspected.crs == CRS


def test_ids_are_unique_across_sources_and_name_the_source_where_two_use_them() -> None:
    assert distinct_ids({"s2": ["c1", "c2"], "vhr": ["c1"]}) == {"s2": ["s2-c1", "c2"], "vhr": ["vhr-c1"]}
    assert distinct_ids({}) == {}


@settings(max_examples=6, deadline=None)
@given(part=st.integers(1, 40), data=st.data())
def test_how_many_are_judged_at_once_changes_no_byte(part: int, data: st.DataObject) -> None:
    on, some = draw_ground(0.0007, seed=data.draw(st.integers(1, 5)))
    keywords = scale_screening(on)
    parts, whole = screen_candidates(some, **keywords, part=part), screen_candidates(some, **keywords)
    assert len(whole[0]) + len(whole[1]) == len(some) == 35
    for one, other in zip(parts, whole, strict=True):
        pd.testing.assert_frame_equal(one, other, check_exact=True)
    assert digest(parts) == digest(whole)


PIECE = st.tuples(st.integers(0, 20), st.integers(0, 20), st.integers(1, 8), st.integers(1, 8))


@settings(max_examples=12, deadline=None)
@given(
    boxes=st.lists(
        st.tuples(PIECE, st.sampled_from(["earthworks", "roofed", "unknown"]), st.sampled_from([None, 0.1, 3.0])),
        min_size=1, max_size=8,
    ),
    classes=st.lists(st.tuples(PIECE, st.sampled_from(["0101", "0702", "1101", "0301"])), max_size=8),
    approved=st.lists(st.tuples(PIECE, st.sampled_from([None, "2026-01-01", "2026-10-10", "2026-12-01"])), max_size=3),
    data=st.data(),
)  # fmt: skip
def test_every_candidate_is_in_exactly_one_table_whatever_the_order(
    boxes: list[Any], classes: list[Any], approved: list[Any], data: Any
) -> None:
    def scaled(piece: tuple[int, int, int, int]) -> Any:
        return square(*(10 * side for side in piece))

    rows = [candidate(scaled(piece), f"c{i}", stage=stage, novelty=novelty)
            for i, (piece, stage, novelty) in enumerate(boxes)]  # fmt: skip
    by_class: dict[str, list[Any]] = {"c0101": [square(-900, -900, 10)]}
    for piece, code in classes:
        by_class.setdefault(f"c{code}", []).append(scaled(piece))
    land = parcels(**by_class)
    on = ground(land, approvals=[approval(scaled(p), day, f"D{i}") for i, (p, day) in enumerate(approved)])
    suspected, suppressed = screen_candidates(candidates(*rows), **screening(on))
    names = sorted([*suspected["candidate_id"], *suppressed["candidate_id"]])
    assert names == sorted(row["candidate_id"] for row in rows)
    assert suppressed["suppressed_reason"].str.len().gt(0).all()
    again = screen_candidates(candidates(*data.draw(st.permutations(rows))), **screening(on))
    pd.testing.assert_frame_equal(conform(SUSPECTED, suspected), conform(SUSPECTED, again[0]))
    pd.testing.assert_frame_equal(conform(SUPPRESSED, suppressed), conform(SUPPRESSED, again[1]))
