"""Capture-recapture against published figures, against itself on drawn lists, and its warnings."""

from __future__ import annotations

import itertools

import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks.capture_recapture import judge_audit, judge_capture, simulate
from pipeline.intervals import chapman
from pipeline.reconcile.capture import estimate_population, leaked_list, shared_blindness, told_finds


def lists(both: int, satellite: int, patrol: int, **names: str) -> pd.DataFrame:
    rows = [(True, True)] * both + [(True, False)] * satellite + [(False, True)] * patrol
    return pd.DataFrame(rows, columns=["satellite", "patrol"]).assign(**names)


def test_one_stratum_is_chapmans_estimate() -> None:
    total = estimate_population(lists(20, 30, 10), [], confidence=0.95)
    # (50 + 1) (30 + 1) / (20 + 1) - 1
    assert total.value == pytest.approx(74.2857, abs=1e-3)
    assert (total.seen, len(total.strata), total.warnings) == (60, 1, ())
    assert total.seen <= total.low < total.value < total.high


def test_strata_add_up_and_a_difference_between_them_is_told() -> None:
    sites = pd.concat([lists(40, 10, 10, size="大"), lists(5, 20, 20, size="小")])
    total = estimate_population(sites, ["size"], confidence=0.95)
    assert total.value == pytest.approx(chapman(50, 50, 40) + chapman(25, 25, 5))
    assert [stratum.name for stratum in total.strata] == ["大", "小"]
    assert "机会差别大" in total.warnings[0]
    assert estimate_population(sites, [], confidence=0.95).value < total.value


def test_poor_strata_are_pooled_within_the_first_factor() -> None:
    sites = pd.concat(
        [
            lists(9, 5, 5, size="大", risk="高"),
            lists(1, 5, 5, size="小", risk="高"),
            lists(2, 5, 5, size="小", risk="低"),
        ]
    )
    total = estimate_population(sites, ["size", "risk"], confidence=0.95)
    assert [stratum.name for stratum in total.strata] == ["大／高", "小／低＋小／高"]
    assert [stratum.both for stratum in total.strata] == [9, 3]


def test_few_recaptures_warn_and_none_leave_a_finite_interval() -> None:
    total = estimate_population(lists(0, 4, 3), [], confidence=0.95)
    assert total.low >= total.seen == 7 and total.high < float("inf")
    assert "少于 7 处" in total.warnings[0]


@given(
    counts=st.lists(st.tuples(*[st.integers(0, 12)] * 3), min_size=1, max_size=4).filter(lambda c: any(map(any, c))),
    seed=st.integers(0, 99),
)
def test_the_order_of_rows_changes_nothing_and_all_that_was_seen_is_in(
    counts: list[tuple[int, int, int]], seed: int
) -> None:
    sites = pd.concat([lists(*each, name=str(number)) for number, each in enumerate(counts)], ignore_index=True)
    total = estimate_population(sites, ["name"], confidence=0.9)
    assert estimate_population(sites.sample(frac=1, random_state=seed), ["name"], confidence=0.9) == total
    seen = sum(map(sum, counts))
    assert total.seen == seen == sum(s.satellite + s.patrol - s.both for s in total.strata)
    assert seen <= total.low <= total.value + 1e-9 and total.value <= total.high


def test_dispatch_in_the_finds_is_told() -> None:
    assert told_finds(before=(20, 20), after=(5, 5)) == ()
    assert told_finds(before=(20, 20), after=(0, 0)) == ()
    (steered,) = told_finds(before=(20, 20), after=(30, 2))
    assert "派发影响了发现" in steered and "94%" in steered
    (quoted,) = told_finds(before=(0, 0), after=(0, 0), quoted=3)
    assert quoted.startswith("3 条")


def test_a_list_known_too_early_is_told() -> None:
    assert leaked_list(dispatched=(30, 70), held_back=(5, 10)) == ()
    assert leaked_list(dispatched=(30, 70), held_back=(0, 0)) == ()
    assert "盲样仅 10%" in leaked_list(dispatched=(70, 30), held_back=(2, 18))[0]


def test_an_audit_shows_that_both_lists_miss_the_same() -> None:
    assert shared_blindness(both=10, satellite=10, patrol=10, neither=10) == ()
    assert "都没有 20" in shared_blindness(both=20, satellite=5, patrol=5, neither=20)[0]


def test_intervals_hold_in_simulated_cities() -> None:
    """A small smoke of benchmarks/capture_recapture.py: 40 cities a scenario, of which 93 % at least must hold."""
    results = {
        name: pd.DataFrame([judge_capture(simulate(7000 + seed, name)) for seed in range(40)])
        for name in ("blind", "told", "hidden")
    }
    for name, table in itertools.islice(results.items(), 2):
        assert table["holds"].mean() >= 0.93, name
        assert table["width"].median() <= 1.5 * table["ideal_width"].median()
    # the same finds without regard to the dispatch and the strata never hold the truth
    assert results["told"]["naive_holds"].mean() <= 0.05
    assert results["told"]["warns"].all() and results["told"]["warns_unquoted"].mean() >= 0.8
    assert results["blind"]["warns"].mean() <= 0.15
    # where sites differ in a way no stratum shows, the lower limit still is one
    assert results["hidden"]["low_holds"].mean() >= 0.93


def test_audit_intervals_hold_in_simulated_cities() -> None:
    table = pd.DataFrame([judge_audit(simulate(8000 + seed, "blind")) for seed in range(60)])
    for figure in ("number", "recall", "precision"):
        assert table[f"{figure}_holds"].mean() >= 0.88
        assert table[f"{figure}_width"].median() <= 1.5 * table[f"ideal_{figure}_width"].median()
        assert abs(table[f"{figure}_bias"].mean()) < 0.06
