"""A month's objects wait for the next month's look and go on once it shows them again; the archive decides."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
import shapely

from pipeline.detect.doubt import VEIL
from pipeline.detect.holding import GIVEN_UP, RELEASED_NOW, WAITING
from pipeline.schema import CANDIDATES, HELD, conform, empty
from pipeline.stages import acquire, held
from pipeline.stages.base import StageContext
from pipeline.stages.ground import ground_looks
from pipeline.stages.state import month_number, update_state
from pipeline.store import read_table
from pipeline.supervise.recovery import UNKNOWN
from pipeline.values import Period
from tests.stages.test_state import CRS, FIRST, SOURCE, context, scene

BUILT = Period(2025, 8)
BUILT_PX, FIELD_PX = (slice(20, 32), slice(20, 32)), (slice(60, 72), slice(60, 72))


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Scenes from January 2024 to September 2025; a square is built in August, another is bright in August alone."""
    folder = tmp_path_factory.mktemp("held") / "城 市"
    (folder / "scenes" / "s2").mkdir(parents=True)
    rng = np.random.default_rng(2)
    ground = np.repeat(np.repeat(rng.uniform(0.05, 0.15, (12, 12)), 8, axis=0), 8, axis=1)
    for months in range(month_number(BUILT) - month_number(FIRST) + 2):
        period = FIRST.shifted(months)
        shown = ground.copy()
        if months >= month_number(BUILT) - month_number(FIRST):
            shown[BUILT_PX] = 0.6
        if period == BUILT:
            shown[FIELD_PX] = 0.6
        for day in (10, 20):
            scene(folder / "scenes" / "s2", date(period.year, period.month, day), shown, 100 * months + day)
    return folder


def outline(pixels: tuple[slice, slice]) -> shapely.Polygon:
    rows, cols = pixels
    top = 3500000.0
    return shapely.box(
        500000.0 + 10 * cols.start, top - 10 * rows.stop, 500000.0 + 10 * cols.stop, top - 10 * rows.start
    )


def found() -> gpd.GeoDataFrame:
    """The month's two objects, each seen in one look."""
    rows = [
        {
            "candidate_id": f"s2-0000{number}", "source": "s2", "probability": 0.9, "stage": "unknown",
            "confidence": "early", "area_m2": 14400.0, "area_px": 144, "last_clear": date(2025, 7, 20),
            "first_seen": date(2025, 8, 20), "gsd_m": 10.0, "clear_looks": 1, "geometry": outline(pixels),
        }
        for number, pixels in enumerate((BUILT_PX, FIELD_PX), start=1)
    ]  # fmt: skip
    frame = pd.DataFrame(rows)
    for column in CANDIDATES.columns:
        if column.name not in frame.columns:
            frame[column.name] = 0.5
    return conform(CANDIDATES, gpd.GeoDataFrame(frame, geometry="geometry", crs=CRS))


def month(city: Path, period: Period, previous: Path | None) -> tuple[StageContext, Path]:
    here = context(city, period, previous, months=36)
    here = replace(here, config=here.config.model_copy(update={"sources": (SOURCE,)}))
    out = here.run / "detect" / SOURCE.name
    if not (out / "state").is_dir():
        (out / "state").mkdir(parents=True)
    update_state(here, SOURCE, out / "state")
    if not (here.run / "acquire").is_dir():
        acquire.run(here, here.run / "acquire")
    return here, out


def test_the_next_month_releases_what_stands_and_not_what_went(city: Path) -> None:
    first, out = month(city, BUILT, None)
    passed, unlikely = held.hold(first, SOURCE, out, found(), empty(CANDIDATES, CRS), monitored=True)
    assert passed.empty and unlikely.empty
    waiting = read_table(out / held.FILE, HELD)
    assert list(waiting["outcome"]) == [WAITING, WAITING]

    blind = context(city, BUILT.shifted(1), first.run, months=0)
    assert held.carry(blind, SOURCE, city / "blind" / SOURCE.name) == 2, "a month without a monitor loses nothing"
    assert read_table(city / "blind" / SOURCE.name / held.FILE, HELD).equals(waiting)

    second, out = month(city, BUILT.shifted(1), first.run)
    assert set(held.facts(second)) == {"held s2"}, "what waits decides the next month"
    passed, _ = held.hold(second, SOURCE, out, empty(CANDIDATES, CRS), empty(CANDIDATES, CRS), monitored=True)
    assert list(passed["candidate_id"]) == ["s2-H2508-00001"]
    assert passed["first_seen"].iloc[0] == pd.Timestamp("2025-09-20")
    outcomes = read_table(out / held.FILE, HELD).set_index("candidate_id")["outcome"]
    assert outcomes["s2-H2508-00001"] == RELEASED_NOW and outcomes["s2-H2508-00002"] == WAITING


def test_without_a_monitor_a_doubted_object_is_held_against_its_own_two_looks(city: Path) -> None:
    first, _ = month(city, BUILT, None)
    out = first.run / "plain" / "detect" / SOURCE.name
    out.mkdir(parents=True)
    clear = found().assign(clear_looks=3, confidence="probable", candidate_id=["s2-00003", "s2-00004"])
    both = gpd.GeoDataFrame(pd.concat([found(), clear], ignore_index=True), geometry="geometry", crs=CRS)
    passed, _ = held.hold(first, SOURCE, out, both, empty(CANDIDATES, CRS), monitored=False)
    assert list(passed["candidate_id"]) == ["s2-00003", "s2-00004"], "three looks are no veil"
    assert set(read_table(out / held.FILE, HELD)["held_reason"]) == {VEIL}

    second, _ = month(city, BUILT.shifted(1), first.run / "plain")
    out = second.run / "plain" / "detect" / SOURCE.name
    out.mkdir(parents=True)
    passed, _ = held.hold(second, SOURCE, out, empty(CANDIDATES, CRS), empty(CANDIDATES, CRS), monitored=False)
    assert list(passed["candidate_id"]) == ["s2-H2508-00001"]
    row = passed.iloc[0]
    assert (row["first_seen"], row["confidence"]) == (pd.Timestamp("2025-09-10"), "early")
    outcomes = read_table(out / held.FILE, HELD).set_index("candidate_id")["outcome"]
    assert outcomes["s2-H2508-00002"] == GIVEN_UP


def test_the_ground_before_the_works_is_unknown_where_they_waited_for_this_month(city: Path) -> None:
    _, out = month(city, BUILT, None)
    first, _ = month(city, BUILT, None)
    held.hold(first, SOURCE, out, found(), empty(CANDIDATES, CRS), monitored=True)
    second, out = month(city, BUILT.shifted(1), first.run)
    passed, _ = held.hold(second, SOURCE, out, empty(CANDIDATES, CRS), empty(CANDIDATES, CRS), monitored=True)
    assert held.count(out) == 1 and len(held.waiting_objects(second)) == 2
    other = passed.assign(candidate_id="s2-00009")
    both = pd.concat([passed, other], ignore_index=True).assign(target_id=["waited", "fresh"], state="new")
    looks = ground_looks(second, gpd.GeoDataFrame(both, geometry="geometry", crs=CRS))
    assert looks["waited"].before == UNKNOWN != looks["fresh"].before
    cells = gpd.GeoDataFrame({"cell_id": ["a", "b"]}, geometry=[outline(FIELD_PX), outline(BUILT_PX)], crs=CRS)
    assert held.waiting_by_cell(second, cells) == {"a": 1}
