from __future__ import annotations

from pathlib import Path

import pytest

from pipeline.config import Config
from pipeline.errors import InputError
from pipeline.sources.units import read_units
from pipeline.stages.plan import write_draft
from tests.sources.folders import CRS, write_units

CONFIG = Config.model_validate({"city": {"crs": CRS}})


def test_a_draft_approved_by_people_becomes_next_years_plan(tmp_path: Path) -> None:
    city = tmp_path / "市"
    write_units(city)
    path = write_draft(city, CONFIG, 2027)
    assert path.name == "2027年巡查计划（草案）.xlsx"
    assert len(read_units(city, CRS).plan) == 1
    path.rename(path.with_name("2027年巡查计划.xlsx"))
    book = read_units(city, CRS)
    plan = book.plan[book.plan["due_from"].dt.year == 2027]
    # G1 had four visits in a month of 2026, G2 none: once a month; G2's row of responsibility ends with 2026
    assert plan.groupby("cell_id")["visits_required"].agg(["size", "max"]).to_numpy().tolist() == [[12, 4], [12, 1]]
    assert set(plan.loc[plan["cell_id"] == "G1", "person_id"]) == {"P1"}
    assert plan.loc[plan["cell_id"] == "G2", "person_id"].isna().all()
    assert book.repairs[["rule", "cell_id"]].to_numpy().tolist() == [["plan_without_person", "G2"]]


def test_a_draft_is_never_overwritten_and_the_same_bytes_when_made_again(tmp_path: Path) -> None:
    city = tmp_path / "市"
    write_units(city)
    path = write_draft(city, CONFIG, 2027)
    content = path.read_bytes()
    with pytest.raises(InputError, match="exists already"):
        write_draft(city, CONFIG, 2027)
    path.unlink()
    assert write_draft(city, CONFIG, 2027).read_bytes() == content
