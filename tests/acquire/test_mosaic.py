"""A mosaic's date is an interval: nothing is said to be clear after its start, nor seen before its end."""

from __future__ import annotations

from datetime import date

import numpy as np
import pandas as pd

from pipeline.acquire.composite import month_pixels
from pipeline.detect.describe import onset_interval
from pipeline.register.fuse import fused_interval
from pipeline.values import number_of_day

SHAPE = (6, 12, 12)
START = date(2026, 10, 1)
BEFORE, AFTER = (date(2026, 8, 3), date(2026, 9, 20)), (date(2026, 10, 2), date(2026, 10, 27))


def test_the_onset_of_an_object_between_two_mosaics_spans_both() -> None:
    images = np.stack([np.full(SHAPE, 0.1), np.full(SHAPE, 0.4)]).astype(np.float32)
    firsts, lasts = zip(BEFORE, AFTER, strict=True)
    found = month_pixels(
        images, np.zeros((2, *SHAPE[1:]), dtype=np.uint8), [number_of_day(day) for day in firsts],
        [number_of_day(day) for day in lasts], period_start=number_of_day(START),
    )  # fmt: skip
    assert onset_interval(found.before_days.ravel(), found.since_days.ravel()) == (BEFORE[0], AFTER[1])


def test_a_dated_scene_between_the_mosaics_narrows_it() -> None:
    images = np.stack([np.full(SHAPE, value) for value in (0.1, 0.1, 0.4)]).astype(np.float32)
    days = [BEFORE, (date(2026, 9, 25),) * 2, AFTER]
    found = month_pixels(
        images, np.zeros((3, *SHAPE[1:]), dtype=np.uint8), [number_of_day(day[0]) for day in days],
        [number_of_day(day[1]) for day in days], period_start=number_of_day(START),
    )  # fmt: skip
    assert onset_interval(found.before_days.ravel(), found.since_days.ravel()) == (date(2026, 9, 25), AFTER[1])


def test_fusing_takes_no_day_that_a_mosaic_only_may_have_been_taken_on() -> None:
    mosaic = {"gsd_m": 2.0, "last_clear": BEFORE[0], "first_seen": AFTER[1]}
    dated = {"gsd_m": 10.0, "last_clear": date(2026, 9, 25), "first_seen": date(2026, 10, 12)}
    parts = pd.DataFrame([mosaic, dated])
    parts[["last_clear", "first_seen"]] = parts[["last_clear", "first_seen"]].apply(pd.to_datetime)
    large = fused_interval(parts, area_m2=2000.0, resolvable_px=9.0)
    assert [day.date() for day in large] == [date(2026, 9, 25), date(2026, 10, 12)]
    # a coarse clear view says nothing of a small beginning: the mosaic's own start stays
    small = fused_interval(parts, area_m2=500.0, resolvable_px=9.0)
    assert [day.date() for day in small] == [BEFORE[0], date(2026, 10, 12)]
