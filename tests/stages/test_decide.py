"""A filled form on its way through real files: asked, answered, read, matched, and kept when ids change."""

from __future__ import annotations

import io
import shutil
from dataclasses import replace
from datetime import date
from pathlib import Path
from typing import Any

import openpyxl
import pandas as pd
import pytest

from pipeline import schema
from pipeline.report.decide import OPEN_SHEET, decision_sheets
from pipeline.simulate.frame import CITY_CRS
from pipeline.sinks.workbook import workbook_bytes
from pipeline.sources.units import read_units
from pipeline.stages import reconcile
from pipeline.stages.base import StageContext
from pipeline.stages.check import check_city
from pipeline.store import digest_tree, read_table, write_table
from pipeline.values import MatchDecision, Verdict
from tests.report.fabricate import small_month
from tests.sources.test_decision_forms import fill

DECIDED_ON = "2026-12-01"


@pytest.fixture
def month(truth_city: Any, tmp_path: Path) -> StageContext:
    """A copy of the city's last month that may be changed."""
    folder, contexts = truth_city
    city = shutil.copytree(folder, tmp_path / "市")
    return replace(contexts[-1], city=city, run=city / "runs" / contexts[-1].run.name)


def table(context: StageContext, name: str, stage: str = "reconcile") -> Any:
    return read_table(context.run / stage / f"{name}.parquet", getattr(schema, name.upper()))


def form(context: StageContext) -> Any:
    """The month's form as the report writes it."""
    book = read_units(context.city, CITY_CRS)
    told = small_month(
        targets=table(context, "targets", "register"),
        tasks=table(context, "tasks", "patrol"),
        **{name: table(context, name, "ledger") for name in ("entries", "superseded")},
        **{name: table(context, name) for name in ("matches", "questions", "verdicts")},
        units=book.units,
        people=book.people,
    )
    nothing = schema.empty(schema.DECISIONS)
    content = workbook_bytes(decision_sheets(told, nothing), day=date(2026, 10, 31), title="t")
    return openpyxl.load_workbook(io.BytesIO(content))


def hand_in(context: StageContext, answers: dict[int, MatchDecision], name: str = "十月.xlsx") -> None:
    book = form(context)
    for number, decision in answers.items():
        fill(book[OPEN_SHEET], number, 判定=decision.label, 决定日期=DECIDED_ON)
    path = context.city / "records" / "decisions" / name
    path.parent.mkdir(parents=True, exist_ok=True)
    book.save(path)


def run(context: StageContext, folder: str = "decided") -> pd.DataFrame:
    """Reconcile anew into the run's own folder; the verdicts by target."""
    out = context.run / folder
    out.mkdir()
    reconcile.run(context, out)
    shutil.rmtree(context.run / "reconcile")
    out.rename(context.run / "reconcile")
    return table(context, "verdicts").set_index("target_id")


def test_each_answer_does_what_the_form_foresees_and_stays(month: StageContext) -> None:
    asked, before = table(month, "questions"), table(month, "verdicts").set_index("target_id")
    assert len(asked) >= 3 and asked["keeps_open"].any()
    first = asked.iloc[0]
    for decision, foreseen in (("SAME", first["verdict_if_same"]), ("DIFFERENT", first["verdict_if_different"])):
        hand_in(month, {1: MatchDecision[decision]})
        after = run(month)
        own = first["target_id"]
        assert after.loc[own, "verdict"] == foreseen and after.loc[own, "rule"] != before.loc[own, "rule"]
        # of the others only those move for which this very entry counts from now on, or no more
        others = after.index[(after["verdict"] != before["verdict"]) & (after.index != own)]
        told = before.loc[others, "reason"] + after.loc[others, "reason"]
        assert told.str.contains(first["entry_id"]).all()
        matches = table(month, "matches").set_index(["target_id", "entry_id"])
        assert matches.loc[(first["target_id"], first["entry_id"]), "status"] == "decided"
        left = table(month, "questions")
        assert (first["target_id"], first["entry_id"]) not in set(zip(left["target_id"], left["entry_id"], strict=True))
        # asked anew from the first state
        (month.city / "records" / "decisions" / "十月.xlsx").unlink()
        assert run(month, "again").equals(before)


def test_an_answered_form_kept_in_two_copies_is_the_same_result(month: StageContext) -> None:
    hand_in(month, {1: MatchDecision.SAME, 3: MatchDecision.DIFFERENT})
    run(month)
    once = digest_tree(month.run / "reconcile")
    folder = month.city / "records" / "decisions"
    shutil.copy(folder / "十月.xlsx", folder / "十月 副本.xlsx")
    run(month)
    assert digest_tree(month.run / "reconcile") == once


def test_a_decision_follows_a_target_that_was_merged_and_counts_from_its_day(month: StageContext) -> None:
    first = table(month, "questions").iloc[0]
    hand_in(month, {1: MatchDecision.SAME})
    early = replace(month, as_of=date(2026, 11, 30))
    out = month.run / "early"
    out.mkdir()
    notes = reconcile.run(early, out).notes
    assert any("1条判定的决定日期晚于2026-11-30" in note for note in notes)
    targets = table(month, "targets", "register")
    old = targets[targets["target_id"] == first["target_id"]]
    heir = old.assign(target_id="T-heir")
    gone = old.assign(state="merged", merged_into="T-heir")
    rest = targets[targets["target_id"] != first["target_id"]]
    renumbered = schema.conform(schema.TARGETS, pd.concat([rest, gone, heir], ignore_index=True), targets.crs)
    write_table(month.run / "register" / "targets.parquet", schema.TARGETS, renumbered)
    after = run(month)
    assert after.loc["T-heir", "verdict"] == Verdict.FOUND_BEFORE_DISPATCH.value
    assert after.loc["T-heir", "entry_id"] == first["entry_id"]


def test_check_lists_what_is_wrong_with_forms(month: StageContext) -> None:
    hand_in(month, {1: MatchDecision.SAME})
    path = month.city / "records" / "decisions" / "十月.xlsx"
    book = openpyxl.load_workbook(path)
    fill(book[OPEN_SHEET], 1, 判定="也许")
    book.save(path)
    path.with_name("坏.xlsx").write_bytes(b"PK")
    problems, _ = check_city(month.city, month.config, month.period)
    assert [problem.code for problem in problems if problem.code == "E406"] == ["E406"] * 2
