from __future__ import annotations

from pathlib import Path

import numpy as np
import pytest
import shapely

from pipeline.errors import StageError
from pipeline.schema import CELL_STATES, PLAN_CHECK, ROUTES, TASKS
from pipeline.stages import patrol
from pipeline.store import read_table
from tests.sources.folders import replace_in
from tests.stages.month import context, make_city, record, write_validity

SHAPE = (500, 2000)
TARGET = {"target_id": "T1", "geometry": shapely.box(500300, 300, 500340, 340), "probability": 0.9}
OTHER = {"target_id": "T2", "geometry": shapely.box(503000, 300, 503040, 340), "state": "carried"}
FILES = ("tasks.parquet", "cells.parquet", "plan_check.parquet", "routes.parquet")


@pytest.fixture
def city(tmp_path: Path) -> Path:
    return make_city(tmp_path / "城 市", TARGET, OTHER)


def left_clear() -> np.ndarray:
    validity = np.full(SHAPE, 2, dtype=np.uint8)
    validity[:, :900] = 0
    return validity


def outcome(city: Path, out: Path, **options: object) -> dict[str, int]:
    out.mkdir()
    return patrol.run(context(city, **options), out).counts


def test_every_target_and_every_cell_comes_out(city: Path, tmp_path: Path) -> None:
    write_validity(city, left_clear())
    counts = outcome(city, tmp_path / "out")
    cells = read_table(tmp_path / "out" / "cells.parquet", CELL_STATES)
    assert cells["state"].tolist() == ["targets", "not_observed"]
    assert cells["observable_share"].tolist() == [0.9, 0.0]
    tasks = read_table(tmp_path / "out" / "tasks.parquet", TASKS)
    assert dict(zip(tasks["target_id"], tasks["acting_unit_id"], strict=True)) == {"T1": "U1", "T2": "U2"}
    assert len(read_table(tmp_path / "out" / "routes.parquet", ROUTES)) == 2
    problems = read_table(tmp_path / "out" / "plan_check.parquet", PLAN_CHECK)
    assert problems["rule"].tolist() == ["cell_not_planned"]
    assert counts == {
        "tasks": 2,
        "included": 2,
        "blind_samples": 0,
        "cells": 2,
        "cells_not_observed": 1,
        "plan_problems": 1,
    }


def test_tile_size_and_workers_change_no_byte(city: Path, tmp_path: Path) -> None:
    rng = np.random.default_rng(3)
    write_validity(city, rng.integers(0, 3, SHAPE).astype(np.uint8))
    outcome(city, tmp_path / "one", tile_px=512, workers=2)
    outcome(city, tmp_path / "two", tile_px=4096, workers=1)
    for name in FILES:
        assert (tmp_path / "one" / name).read_bytes() == (tmp_path / "two" / name).read_bytes()


def test_a_pixel_is_observable_when_any_source_saw_it(city: Path, tmp_path: Path) -> None:
    write_validity(city, left_clear(), source="s2")
    write_validity(city, left_clear()[:, ::-1], source="vhr")
    outcome(city, tmp_path / "out", sources=[{"name": "vhr"}, {"name": "s2"}])
    assert read_table(tmp_path / "out" / "cells.parquet", CELL_STATES)["observable_share"].tolist() == [0.9, 0.9]


def test_without_any_image_nothing_was_observed_and_open_tasks_go_on(city: Path, tmp_path: Path) -> None:
    counts = outcome(city, tmp_path / "out")
    assert counts["cells_not_observed"] == 1 and counts["included"] == 2


def test_an_image_on_another_grid_is_refused(city: Path, tmp_path: Path) -> None:
    write_validity(city, left_clear(), left=500001.0)
    with pytest.raises(StageError, match="not on the city's grid") as caught:
        outcome(city, tmp_path / "out")
    assert caught.value.code == "E601"


def test_a_check_made_before_the_dispatch_leaves_the_task_out(city: Path, tmp_path: Path) -> None:
    record(city, "dispatches", ("2026-09", "2026-09", "T2", "U2", "2026-10-02"))
    record(city, "field_checks", ("T2", "2026-10-10", "lawful"))
    assert outcome(city, tmp_path / "out")["included"] == 1


def test_acts_after_the_dispatch_do_not_make_the_tasks_stale(city: Path) -> None:
    before = patrol.facts(context(city))
    record(city, "dispatches", ("2026-10", "2026-10", "T1", "U1", "2026-10-28"))
    record(city, "field_checks", ("T1", "2026-10-30", "lawful"), ("T2", "2026-11-02", "lawful"))
    assert patrol.facts(context(city)) == before
    record(city, "field_checks", ("T2", "2026-10-30", "lawful"))
    assert patrol.facts(context(city)) != before


def test_a_responsibility_that_ended_before_the_list_goes_out_names_nobody(city: Path, tmp_path: Path) -> None:
    replace_in(city / "units" / "responsibility.csv", "G1,U1,P1,2026-01-01,", "G1,U1,P1,2026-01-01,2026-10-31")
    outcome(city, tmp_path / "out")
    tasks = read_table(tmp_path / "out" / "tasks.parquet", TASKS).set_index("target_id")
    assert tasks.isna().loc["T1", "person_id"] and tasks.loc["T1", "acting_unit_id"] == "U1"
