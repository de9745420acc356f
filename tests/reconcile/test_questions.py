"""Questions to a person: every ambiguous pair once, the weighty first, and what an answer changes as it turns out."""

from __future__ import annotations

from copy import deepcopy
from functools import partial
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.reconcile.questions import open_questions
from pipeline.reconcile.verdict import judge
from pipeline.values import MatchDecision, MatchStatus

FOUND = {"found_before_dispatch", "found_after_dispatch"}


def asked(draw: SimpleNamespace, city: Any) -> tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame]:
    """Matches, verdicts and questions of a drawn city."""
    tables = city.tables()
    matches, known = draw.match(tables), draw.gathered(tables)
    verdicts = judge(known, matches)
    questions = open_questions(matches, verdicts, set(tables["entries"]["entry_id"]), partial(judge, known))
    return matches, verdicts, questions


def answered(city: Any, question: Any, decision: MatchDecision) -> Any:
    """The city after the answer is really given."""
    told = deepcopy(city)
    told.decisions.append({"target_id": question.target_id, "entry_id": question.entry_id, "decision": decision.label})
    return told


def after(draw: SimpleNamespace, city: Any, question: Any, decision: MatchDecision) -> str:
    """The target's verdict when the answer is really given and everything is matched and judged anew."""
    told = answered(city, question, decision)
    return str(draw.verdicts(told.tables()).set_index("target_id").loc[question.target_id, "verdict"])


def other_pairs(matches: pd.DataFrame, question: Any) -> dict[tuple[str, str], str]:
    """Status of every pair but the one that was asked."""
    pairs = dict(zip(zip(matches["target_id"], matches["entry_id"], strict=True), matches["status"], strict=True))
    pairs.pop((question.target_id, question.entry_id))
    return {pair: status for pair, status in pairs.items() if status != MatchStatus.CANDIDATE.value}


def doubtful(draw: SimpleNamespace, patrolled: Any) -> Any:
    """A patrolled site with an entry that may be about it, 220 m off by a place known to 200 m."""
    patrolled.entries.append(draw.entry("E2", 220, 20, uncertainty_m=200.0))
    return patrolled


def test_a_pair_that_keeps_a_verdict_open_says_what_each_answer_would_do(draw: SimpleNamespace, patrolled: Any) -> None:
    city = doubtful(draw, patrolled)
    _, verdicts, questions = asked(draw, city)
    (row,) = questions.itertuples()
    assert verdicts.loc[0, "rule"] == "verdict.5.ambiguous_entry" and row.keeps_open
    assert (row.verdict, row.verdict_if_same, row.verdict_if_different) == (
        "undeterminable", "found_before_dispatch", "patrolled_not_reported",
    )  # fmt: skip
    assert row.if_same.startswith("结论预计由“不可判”改为“已发现”")
    assert row.if_different.startswith("结论预计由“不可判”改为“已巡未发现”")
    for decision, foreseen in (("SAME", row.verdict_if_same), ("DIFFERENT", row.verdict_if_different)):
        assert after(draw, city, row, MatchDecision[decision]) == foreseen


def test_two_doubtful_entries_wait_for_each_other(draw: SimpleNamespace, patrolled: Any) -> None:
    city = doubtful(draw, patrolled)
    city.entries.append(draw.entry("E3", -190, 20, uncertainty_m=200.0, subject="赵某"))
    _, _, questions = asked(draw, city)
    assert len(questions) == 2
    assert questions["verdict_if_different"].eq("undeterminable").all()
    assert questions["if_different"].str.contains("还有别的条目待判").all()


def test_what_settles_a_verdict_is_asked_before_what_changes_none(draw: SimpleNamespace, patrolled: Any) -> None:
    city = doubtful(draw, patrolled)
    # a likelier pair of a target that another entry has settled already
    city.targets.append(draw.target("T0", x=20_000))
    city.entries += [draw.entry("E8", 20_020, 20), draw.entry("E9", 20_150, 20, uncertainty_m=120.0, subject="钱某")]
    _, _, questions = asked(draw, city)
    assert questions["target_id"].tolist() == ["T1", "T0"] and questions["rank"].tolist() == [1, 2]
    assert questions["keeps_open"].tolist() == [True, False]
    assert questions.loc[1, "probability"] > questions.loc[0, "probability"]
    assert questions.loc[1, "if_same"] == "结论仍为“已发现”"


def test_an_answer_that_takes_an_entry_from_another_target_says_so(draw: SimpleNamespace) -> None:
    city = draw.City()
    city.targets = [draw.target("T2", x=300), draw.target("T1")]
    city.entries = [draw.entry("E1", 170, 20, uncertainty_m=120.0)]
    _, _, questions = asked(draw, city)
    assert len(questions) == 2
    for row in questions.itertuples():
        other = {"T1": "T2", "T2": "T1"}[row.target_id]
        assert f"不再算作{other}的记录" in row.if_same
        assert other not in row.if_different


def test_an_entry_that_is_gone_cannot_be_confirmed(draw: SimpleNamespace, patrolled: Any) -> None:
    patrolled.decisions = [{"target_id": "T1", "entry_id": "E7", "decision": "同一处"}]
    _, _, questions = asked(draw, patrolled)
    (row,) = questions.itertuples()
    assert row.verdict_if_same == row.verdict and "台账中已无此条目" in row.if_same
    assert row.verdict_if_different == "patrolled_not_reported"


def test_no_doubt_no_question(draw: SimpleNamespace, patrolled: Any) -> None:
    assert asked(draw, patrolled)[2].empty


@pytest.mark.parametrize("decision", list(MatchDecision))
@settings(max_examples=12, deadline=None)
@given(data=st.data())
def test_foreseen_verdicts_come_true(draw: SimpleNamespace, decision: MatchDecision, data: st.DataObject) -> None:
    city = draw.City()
    city.visits = [draw.visit("V1", "2026-10-14")]
    far = st.integers(0, 3)
    city.targets = [draw.target(f"T{n}", 500.0 * n) for n in range(4)]
    places = data.draw(st.lists(st.tuples(far, st.integers(0, 260), st.sampled_from([60.0, 200.0])), max_size=4))
    city.entries += [
        draw.entry(f"E{n}", 500.0 * at + x, 20, uncertainty_m=about, subject=f"{'赵钱孙李'[n]}某")
        for n, (at, x, about) in enumerate(places)
    ]
    city.dispatches = [{"target_id": "T1", "dispatched_on": "2026-10-15"}]
    matches, _, questions = asked(draw, city)
    waiting = matches[matches["status"] == "ambiguous"]
    pairs = set(zip(questions["target_id"], questions["entry_id"], strict=True))
    assert len(questions) == len(waiting) and pairs == set(zip(waiting["target_id"], waiting["entry_id"], strict=True))
    for row in questions.itertuples():
        foreseen = row.verdict_if_same if decision is MatchDecision.SAME else row.verdict_if_different
        then = draw.match(answered(city, row, decision).tables())
        if other_pairs(then, row) == other_pairs(matches, row):
            assert after(draw, city, row, decision) == foreseen
        else:  # the answer made another pair likelier or less so: it may wait for a person, but nobody is accused unforeseen
            assert after(draw, city, row, decision) in FOUND | {foreseen, "undeterminable"}
