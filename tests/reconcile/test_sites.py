"""One site detected in parts: a report of one part protects the patroller for the others."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.reconcile.sites import site_numbers


def parts(draw: SimpleNamespace, gap_m: float) -> Any:
    """T1 and T2 side by side with a gap; the unit drove past both and wrote down only T1."""
    city = draw.City()
    city.targets = [draw.target("T1"), draw.target("T2", x=40.0 + gap_m)]
    city.visits = [draw.visit("V1", "2026-10-14")]
    city.entries = [*city.entries, draw.entry("E1", 5.0, 20.0, "2026-10-14")]
    return city


def of(draw: SimpleNamespace, city: Any, target: str) -> dict[str, Any]:
    return next(row for row in draw.verdicts(city.tables()).to_dict("records") if row["target_id"] == target)


def test_the_other_part_of_a_reported_site_is_not_missed(draw: SimpleNamespace) -> None:
    city = parts(draw, gap_m=80.0)
    assert of(draw, city, "T1")["verdict"] == "found_before_dispatch"
    other = of(draw, city, "T2")
    assert (other["verdict"], other["rule"]) == ("undeterminable", "verdict.5.same_site")
    assert "E1" in other["reason"] and "T1" in other["reason"]


def test_report_without_a_date_protects_the_other_part_too(draw: SimpleNamespace) -> None:
    city = parts(draw, gap_m=80.0)
    city.entries[-1]["discovered_on"] = None
    assert of(draw, city, "T2")["rule"] == "verdict.5.same_site"
    city.entries.pop()
    assert of(draw, city, "T2")["verdict"] == "patrolled_not_reported"


def test_a_site_farther_away_stands_for_itself(draw: SimpleNamespace) -> None:
    assert of(draw, parts(draw, gap_m=180.0), "T2")["verdict"] == "patrolled_not_reported"


def test_a_person_may_say_that_it_is_another_site(draw: SimpleNamespace) -> None:
    city = parts(draw, gap_m=80.0)
    city.decisions = [{"target_id": "T2", "entry_id": "E1", "decision": "different"}]
    assert of(draw, city, "T2")["verdict"] == "patrolled_not_reported"


@given(gaps=st.lists(st.floats(0, 300), min_size=1, max_size=6))
def test_chains_of_near_targets_share_a_number(draw: SimpleNamespace, gaps: list[float]) -> None:
    city, x = draw.City(), 0.0
    city.targets = []
    for number, gap in enumerate([*gaps, 0.0]):
        city.targets.append(draw.target(f"T{number}", x=x))
        x += 40.0 + gap
    numbers = site_numbers(city.tables()["targets"], same_site_m=100.0)
    for number, gap in enumerate(gaps):
        if abs(gap - 100.0) > 0.01:
            assert (numbers[f"T{number}"] == numbers[f"T{number + 1}"]) == (gap < 100.0)
