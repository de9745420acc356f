from __future__ import annotations

from datetime import date
from pathlib import Path

import numpy as np
import pytest
import shapely

from pipeline.errors import InputError
from pipeline.sources.records import read_records
from pipeline.stages import patrol
from pipeline.stages.dispatch import record_dispatch
from pipeline.store import write_json
from tests.stages.month import context, make_city, record, write_validity

DAY = date(2026, 11, 5)


@pytest.fixture
def city(tmp_path: Path) -> Path:
    rows = [
        {"target_id": f"T{n}", "geometry": shapely.box(500300 + 50 * n, 300, 500340 + 50 * n, 340)} for n in range(12)
    ]
    home = make_city(tmp_path / "city", *rows)
    write_validity(home, np.zeros((500, 2000), dtype=np.uint8))
    folder = home / "runs" / "2026-10" / "patrol"
    folder.mkdir()
    patrol.run(context(home), folder)
    write_json(folder / "stage.json", {})
    return home


def send(city: Path, day: date = DAY, revision: str = "2026-10") -> dict[str, int]:
    return record_dispatch(city, city / "runs" / "2026-10", period="2026-10", revision=revision, day=day)


def test_only_included_tasks_go_out_and_the_unit_is_the_acting_one(city: Path) -> None:
    assert send(city) == {"dispatched": 10, "already_dispatched": 0, "left_out": 2, "units": 1}
    sent = read_records(city).dispatches
    assert len(sent) == 10 and set(sent["unit_id"]) == {"U1"} and sent["dispatched_on"].nunique() == 1


def test_the_same_dispatch_again_adds_nothing_and_a_later_one_keeps_the_first_day(city: Path) -> None:
    send(city)
    before = (city / "records" / "dispatches.csv").read_bytes()
    assert send(city)["dispatched"] == 0
    assert send(city, date(2026, 11, 9), "2026-10.r2") == {
        "dispatched": 0,
        "already_dispatched": 10,
        "left_out": 2,
        "units": 0,
    }
    assert (city / "records" / "dispatches.csv").read_bytes() == before


def test_a_target_of_an_earlier_period_keeps_its_first_dispatch(city: Path) -> None:
    record(city, "dispatches", ("2026-09", "2026-09", "T0", "U1", "2026-10-03"))
    assert send(city)["dispatched"] == 9
    sent = read_records(city).dispatches
    assert sent.loc[sent["target_id"] == "T0", "period"].tolist() == ["2026-09"]


def test_a_dispatch_before_the_periods_last_image_is_refused(city: Path) -> None:
    with pytest.raises(InputError, match="2026-10-20") as caught:
        send(city, date(2026, 10, 19))
    assert caught.value.code == "E404"
    assert not (city / "records").exists()
    assert send(city, date(2026, 10, 20))["dispatched"] == 10


def test_without_an_image_the_period_must_have_begun(city: Path) -> None:
    (city / "runs" / "2026-10" / "acquire" / "s2" / "alignment.json").unlink()
    with pytest.raises(InputError, match="2026-10-01"):
        send(city, date(2026, 9, 30))
    assert send(city, date(2026, 10, 1))["dispatched"] == 10


def test_an_unfinished_patrol_stage_is_refused(city: Path) -> None:
    (city / "runs" / "2026-10" / "patrol" / "stage.json").unlink()
    with pytest.raises(InputError, match="not made yet") as caught:
        send(city)
    assert caught.value.code == "E404"
