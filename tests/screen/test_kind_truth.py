"""Kinds on a synthetic city against what is truly built: the small version of ``benchmarks.kind_truth``."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.kind_truth import UNEXPLAINED, judged, kind_table, lawful_table, reason, report, written_city

SEED = 41


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return written_city(tmp_path_factory.mktemp("kinds") / "city", size="full", seed=SEED)


@pytest.fixture(scope="module")
def rows(city: Path) -> Any:
    return judged(city, "2026-10", outline="truth", seed=SEED)


def test_every_disagreement_with_the_truth_has_its_reason(rows: pd.DataFrame) -> None:
    apart = rows[rows["reason"] != ""]
    assert len(apart) > 0 and UNEXPLAINED not in set(rows["reason"]), report(rows)
    assert "none unexplained" in report(rows)


def test_no_unlawful_site_is_held_back_and_of_the_lawful_only_buildings_on_temporary_land_are_suspected(
    rows: pd.DataFrame,
) -> None:
    table = lawful_table(rows)
    assert table.loc["unlawful", "held back"] == table.loc["unlawful", "no rule"] == 0
    assert table.loc["unlawful", "suspected"] >= 0.85 * table.loc["unlawful"].sum()
    accused = rows[(rows["true"] == "lawful") & (rows["said"] == "suspected")]
    assert [list(kinds) for kinds in accused["kinds"]] == [["V2"]] * len(accused)
    assert set(accused["case"]) <= {"temporary_valid"} and not set(accused["stage"]) & {"earthworks", "pit"}


def test_true_kinds_are_named_where_the_image_can_tell(rows: pd.DataFrame) -> None:
    table = kind_table(rows)
    for kind in ("V2", "V3", "V4"):
        assert table.loc[kind, "sites"] > 0 and table.loc[kind, "named"] >= 0.6 * table.loc[kind, "sites"], table
    built = rows[rows["true"].isin(["V5", "V7"]) & rows["stage"].isin(["pit", "structure", "roofed"])]
    named = sum(true in kinds for true, kinds in zip(built["true"], built["kinds"], strict=True))
    assert len(built) > 0 and named >= 0.5 * len(built)


def test_a_moved_outline_may_accuse_the_lawful_only_for_what_lies_beyond_the_approved_ground(city: Path) -> None:
    rows = judged(city, "2026-10", outline="outlined", seed=SEED)
    assert UNEXPLAINED not in set(rows["reason"]), report(rows)


def test_what_no_fact_explains_is_called_unexplained() -> None:
    row = {"true": "V4", "case": "no_approval", "stage": "pit", "kinds": ["V7"], "held_back_by": None}
    facts = {"interval_approved_m2": 0.0, "farm_road_like": 0.0}
    assert reason(row, facts, {}) == UNEXPLAINED
    assert reason(row | {"held_back_by": "S2"}, facts, {}) == UNEXPLAINED
    assert reason(row | {"kinds": ["V4"]}, facts, {}) == ""
