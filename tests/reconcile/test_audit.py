"""The planner against exact counts, the estimators against published and hand-worked examples."""

from __future__ import annotations

import math

import numpy as np
import pandas as pd
import pytest

from pipeline.intervals import wilson, wilson_share
from pipeline.reconcile.audit import (
    audit_share,
    audit_total,
    bootstrap_share,
    cells_to_prove,
    checks_for_width,
    detection_chance,
    mapped_area,
)

LEVEL = {"confidence": 0.95}


@pytest.mark.parametrize(("cells", "bad"), [(10, 0), (10, 3), (100, 1), (100, 5), (50, 49)])
def test_cells_to_prove_by_counting_samples(cells: int, bad: int) -> None:
    needed = cells_to_prove(cells, most_bad=bad, confidence=0.95)

    def blind(drawn: int) -> float:
        return math.comb(cells - bad - 1, drawn) / math.comb(cells, drawn)

    assert blind(needed) <= 0.05
    assert needed == 1 or blind(needed - 1) > 0.05


def test_cells_to_prove_at_the_ends() -> None:
    assert cells_to_prove(20, most_bad=0, confidence=0.95) == 19
    assert cells_to_prove(20, most_bad=20, confidence=0.95) == 0
    # zero omissions in 100 of very many cells prove less than 3 %
    assert 95 <= cells_to_prove(100_000, most_bad=3_000, confidence=0.95) <= 100
    with pytest.raises(ValueError, match="cells_to_prove"):
        cells_to_prove(10, most_bad=-1, confidence=0.95)


def test_checks_for_width_is_the_smallest() -> None:
    needed = checks_for_width(0.8, half_width=0.05, confidence=0.95)
    widths = [np.diff(wilson_share(0.8, float(n), confidence=0.95))[0] for n in (needed - 1, needed)]
    assert widths[0] > 0.1 >= widths[1]
    with pytest.raises(ValueError, match="checks_for_width"):
        checks_for_width(0.8, half_width=0.5, confidence=0.95)


def test_mapped_area_of_olofsson_2014() -> None:
    """Section 5 of Olofsson et al. 2014: deforestation, forest gain, stable forest, stable non-forest, 30 m pixels."""
    counts = [[66, 0, 5, 4], [0, 55, 8, 12], [1, 0, 153, 11], [2, 1, 9, 313]]
    found = mapped_area(counts, [200_000, 150_000, 3_200_000, 6_450_000], **LEVEL)
    area, users, producers = (found[name] for name in ("area", "users", "producers"))
    assert isinstance(area, list) and isinstance(users, list) and isinstance(producers, list)
    # 235,086 pixels with a margin of 68,418: 21,158 ha and 6,158 ha
    assert area[0].value == pytest.approx(235_086, abs=1.0)
    assert area[0].high - area[0].value == pytest.approx(68_418, rel=1e-3)
    assert [round(each.value, 2) for each in users] == [0.88, 0.73, 0.93, 0.96]
    assert [round(each.value, 2) for each in producers] == [0.75, 0.85, 0.93, 0.96]
    assert round(producers[0].high - producers[0].value, 2) == 0.21
    overall = found["overall"]
    assert not isinstance(overall, list) and round(overall.value, 2) == 0.95


def test_mapped_area_needs_samples_of_every_class() -> None:
    with pytest.raises(ValueError, match="two samples"):
        mapped_area([[1, 0], [0, 9]], [10.0, 90.0], **LEVEL)


def checked(**columns: list[float]) -> pd.DataFrame:
    return pd.DataFrame({"cell_id": [f"C{n}" for n in range(4)], "stratum": ["a", "a", "b", "b"], **columns})


def test_total_expands_every_stratum() -> None:
    total = audit_total(checked(sites=[1, 3, 0, 1]), "sites", {"a": 10, "b": 40}, **LEVEL)
    assert total.value == 10 * 2.0 + 40 * 0.5
    assert 5.0 <= total.low < total.value < total.high and total.sample == 4


def test_a_census_has_no_doubt() -> None:
    total = audit_total(checked(sites=[1, 3, 0, 1]), "sites", {"a": 2, "b": 2}, **LEVEL)
    assert (total.value, total.low, total.high) == (5.0, 5.0, 5.0)


def test_nothing_found_still_leaves_room() -> None:
    total = audit_total(checked(sites=[0, 0, 0, 0]), "sites", {"a": 50, "b": 54}, **LEVEL)
    assert (total.value, total.low) == (0.0, 0.0)
    # Poisson: no find in 4 cells leaves a mean of 3.0 / 4 per unchecked cell
    assert total.high == pytest.approx(100 * 2.9957 / 4, rel=1e-3)


def test_share_weighs_the_strata() -> None:
    table = checked(hit=[2, 2, 0, 1], sites=[2, 2, 1, 1])
    share = audit_share(table, "hit", "sites", {"a": 10, "b": 40}, **LEVEL)
    assert share.value == pytest.approx((10 * 2 + 40 * 0.5) / (10 * 2 + 40 * 1))
    assert 0.0 < share.low < share.value < share.high < 1.0 and share.sample == 6
    boot = bootstrap_share(table, "hit", "sites", {"a": 10, "b": 40}, **LEVEL)
    assert boot.value == pytest.approx(share.value) and boot.low <= boot.value <= boot.high
    again = bootstrap_share(table.iloc[::-1], "hit", "sites", {"a": 10, "b": 40}, **LEVEL)
    assert again == boot


def test_all_found_is_wilsons_interval_of_the_objects() -> None:
    share = audit_share(checked(hit=[2, 2, 1, 1], sites=[2, 2, 1, 1]), "hit", "sites", {"a": 10, "b": 40}, **LEVEL)
    assert (share.low, share.high) == pytest.approx(wilson(6, 6, confidence=0.95))


def test_a_stratum_without_a_check_says_nothing_of_the_city() -> None:
    table, sizes = checked(hit=[1, 1, 0, 0], sites=[1, 1, 1, 1]), {"a": 10, "b": 40, "c": 3}
    assert math.isnan(audit_total(table, "sites", sizes, **LEVEL).value)
    share = audit_share(table, "hit", "sites", sizes, **LEVEL)
    assert math.isnan(share.value) and (share.low, share.high) == (0.0, 1.0)
    assert math.isnan(audit_share(checked(hit=[0] * 4, sites=[0] * 4), "hit", "sites", {"a": 9, "b": 9}, **LEVEL).value)
    with pytest.raises(ValueError, match="unknown strata"):
        audit_total(table, "sites", {"a": 10}, **LEVEL)


def test_chance_of_each_unit() -> None:
    samples = pd.DataFrame({"unit_id": ["A", "A", "B", None], "found": [True, False, True, False]})
    rows = detection_chance(samples, **LEVEL)
    assert rows["unit_id"].fillna("-").tolist() == ["-", "A", "B"]
    assert rows["value"].tolist() == [0.5, 0.5, 1.0] and rows["samples"].tolist() == [4, 2, 1]
    assert (rows.loc[1, "low"], rows.loc[1, "high"]) == pytest.approx(wilson(1, 2, confidence=0.95))
