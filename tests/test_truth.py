"""The demo's verdicts against what really happened in the synthetic city."""

from __future__ import annotations

from pathlib import Path

import pandas as pd
import pytest

from benchmarks.city_truth import figures
from tests.city import PERIODS
from tests.truth import FOUND, Judged, judge, named


@pytest.fixture(scope="module")
def judged(finished_city: Path) -> list[Judged]:
    return [judge(finished_city, period, as_of) for period, _, as_of in PERIODS]


def test_no_verdict_is_unfair(judged: list[Judged]) -> None:
    assert [line for month in judged for line in month.unfair] == []


def test_most_true_misses_are_named(judged: list[Judged]) -> None:
    """Of all true misses most, and of those that the records handed in can show at all four in five."""
    misses, decidable = (pd.concat([getattr(month, kind) for month in judged]) for kind in ("misses", "decidable"))
    assert len(misses) >= 3
    assert named(misses) / len(misses) > 0.5, [line for month in judged for line in month.contradictions]
    assert len(decidable) >= 3
    assert named(decidable) / len(decidable) >= 0.8, decidable[["target_id", "site_id", "reason"]].to_string()


def test_contradictions_are_few_and_only_undeterminable(judged: list[Judged]) -> None:
    """Where we say something, it is what happened; where we contradict the informed judge, we said 不可判."""
    for month in judged:
        wrong = month.pairs[month.pairs["verdict"] != month.pairs["true_verdict"]]
        assert len(wrong) == len(month.contradictions)
        assert set(wrong["verdict"]) <= {"undeterminable"}, month.contradictions
    said = sum(int((month.pairs["verdict"] != "undeterminable").sum()) for month in judged)
    assert said / sum(len(month.pairs) for month in judged) >= 0.4


def test_found_means_reported(judged: list[Judged]) -> None:
    for month in judged:
        found = month.pairs[month.pairs["verdict"].isin(FOUND)]
        assert set(found["true_verdict"]) <= set(FOUND)


def test_detection_finds_sites_and_not_mostly_something_else(judged: list[Judged]) -> None:
    on_sites, targets = sum(len(month.pairs) for month in judged), sum(month.targets for month in judged)
    assert on_sites / targets >= 0.5
    assert sum(month.sites_new_found for month in judged) >= 0.3 * sum(month.sites_new for month in judged)


def test_the_benchmark_counts_the_same(judged: list[Judged], finished_city: Path) -> None:
    table = figures(finished_city)
    assert table["targets"].tolist() == [month.targets for month in judged]
    assert table["unfair"].sum() == 0
    assert (table["decidable_named"] <= table["decidable"]).all()
    assert (table["decidable"] <= table["misses"]).all()
