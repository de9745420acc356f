"""Intervals of drawn areas, worked out by hand, and the rule file that states the measured errors."""

from __future__ import annotations

import math
from datetime import date
from pathlib import Path

import numpy as np
import pandas as pd
import pytest

from pipeline.area_interval import AreaError, area_interval, with_area_interval
from pipeline.area_rules import area_errors_on
from pipeline.errors import InputError

DAY = date(2026, 10, 31)
ERRORS = (AreaError(0.0, 4.0, 0.5, 1.5, 0.8), AreaError(4.0, math.inf, 0.25, 2.0, 0.8))


def test_a_drawn_area_is_multiplied_by_the_shares_of_its_pixel_size() -> None:
    low, high = area_interval([1000.0, 1000.0, 1000.0], [3.99, 4.0, 30.0], ERRORS)
    assert low.tolist() == [500.0, 250.0, 250.0] and high.tolist() == [1500.0, 2000.0, 2000.0]


def test_unknown_areas_and_pixels_have_no_interval() -> None:
    low, high = area_interval([np.nan, 1000.0, 1000.0], [10.0, np.nan, 2.0], ERRORS[1:])
    assert np.isnan(low).all() and np.isnan(high).all()


def test_a_table_gets_its_interval_to_the_square_centimetre() -> None:
    frame = with_area_interval(pd.DataFrame({"area_m2": [333.335, None], "gsd_m": [10.0, 10.0]}), ERRORS)
    assert frame["area_low_m2"].tolist()[0] == 83.33 and frame["area_high_m2"].tolist()[0] == 666.67
    assert frame[["area_low_m2", "area_high_m2"]].iloc[1].isna().all()


def test_the_shipped_errors_hold_for_every_pixel_size_and_are_told_apart_by_it() -> None:
    found = area_errors_on(DAY)
    assert found[0].pixel_from_m == 0.0 and found[-1].pixel_below_m == math.inf
    assert all(one.pixel_below_m == two.pixel_from_m for one, two in zip(found, found[1:], strict=False))
    assert all(0.0 < one.low_share < 1.0 < one.high_share for one in found)


ENTRY = ("{{name: {}, pixel_from_m: {}, {}low_share: 0.5, high_share: 1.5, confidence: 0.8, "
         "effective_from: 2000-01-01, source: test, verification: M}}")  # fmt: skip


@pytest.mark.parametrize(
    ("entries", "word"),
    [
        ([ENTRY.format("a", 1, "")], "pixels of 0 m"),
        ([ENTRY.format("a", 0, "pixel_below_m: 4, "), ENTRY.format("b", 5, "")], "pixels of 4 m"),
        ([ENTRY.format("a", 0, "pixel_below_m: 6, "), ENTRY.format("b", 5, "")], "or two"),
        ([ENTRY.format("a", 0, "pixel_below_m: 6, ")], "6 m and more"),
        ([ENTRY.format("a", 0, ""), ENTRY.format("a", 0, "")], "two versions"),
        ([ENTRY.format("a", 0, "effective_to: 2026-12-31, ")], "2027-01-01 pixels of 0 m"),
        ([], "area_errors"),
    ],
)
def test_pixel_sizes_without_an_error_or_with_two_are_refused(tmp_path: Path, entries: list[str], word: str) -> None:
    listed = "".join(f"\n  - {entry}" for entry in entries) or " []"
    (tmp_path / "area_error.yaml").write_text(f"format_version: 1\narea_errors:{listed}\n", encoding="utf-8")
    with pytest.raises(InputError, match=word) as caught:
        area_errors_on(DAY, tmp_path)
    assert caught.value.code == "E306"
