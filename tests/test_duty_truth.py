"""Whoever answered for a target's cell on a day is told as it was, through the files and both ways of asking."""

from __future__ import annotations

from dataclasses import replace
from datetime import date, timedelta

import numpy as np
import pytest

from benchmarks.duty_truth import (
    FIRST_DAY,
    LAST_DAY,
    NOBODY,
    OFFICES,
    ROLES,
    TEAM,
    World,
    ask,
    confusion,
    demo_world,
    disagreements,
    drawn_world,
)
from pipeline.simulate.duties import make_duties
from pipeline.simulate.frame import FRAMES, generators
from pipeline.simulate.units import make_organisation

SEED = 20261001


@pytest.fixture(scope="module")
def worlds(tmp_path_factory: pytest.TempPathFactory) -> list[World]:
    folder = tmp_path_factory.mktemp("duties")
    return [drawn_world(SEED, "small", folder / "year"), demo_world(SEED, "small", folder / "demo")]


def test_every_answer_is_the_true_one_on_days_of_change_and_between(worlds: list[World]) -> None:
    for world in worlds:
        asked = ask(world, 12, np.random.default_rng(3))
        assert disagreements(asked).empty
        assert set(asked["way"]) == {"task list", "verdict"}
        for role in ROLES[:3]:
            assert list(confusion(asked, role).columns) == ["same"]


def test_the_year_holds_everything_that_makes_the_question_hard(worlds: list[World]) -> None:
    world = worlds[0]
    truth = world.truth
    turned = [
        (cell, day)
        for (cell, day), row in truth.items()
        if day > FIRST_DAY and truth[(cell, day - timedelta(days=1))] != row
    ]
    assert len(turned) > 50
    assert {truth[one]["acting_unit_id"] for one in turned} > {TEAM, *OFFICES}
    assert any(row["person_id"] is None and row["acting_unit_id"] == row["unit_id"] for row in truth.values())
    assert any(row["person_id"] is None and row["acting_unit_id"] == TEAM for row in truth.values())
    assert any(row["person_id"] is not None and row["acting_unit_id"] == TEAM for row in truth.values())
    assert any(row["unit_id"] != truth[(cell, FIRST_DAY)]["unit_id"] for (cell, _), row in truth.items())


def test_a_wrong_table_is_seen(worlds: list[World]) -> None:
    book = worlds[0].book
    late = book.delegations.assign(valid_from=book.delegations["valid_from"] + np.timedelta64(1, "D"))
    wrong = disagreements(ask(replace(worlds[0], book=replace(book, delegations=late)), 8, np.random.default_rng(3)))
    assert len(wrong) and (wrong["true acting_unit_id"] == TEAM).any()
    assert (wrong["our acting_unit_id"] != NOBODY).all()


def test_the_same_seed_draws_the_same_year() -> None:
    organisation, owners = make_organisation(frame=FRAMES["small"], rngs=generators(SEED))
    years = [
        make_duties(owners, organisation.people, offices=OFFICES, team=TEAM, first_day=FIRST_DAY,
                    last_day=date(2026, 6, 30), rng=np.random.default_rng(5))
        for _ in range(2)
    ]  # fmt: skip
    assert years[0].truth.equals(years[1].truth)
    assert years[0].responsibility.equals(years[1].responsibility)
    assert LAST_DAY > years[0].truth["day"].max()
