from __future__ import annotations

import json
from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.rulebook import load_rulebook
from pipeline.screen.conditions import (
    FALSE,
    OPEN,
    TRUE,
    Codes,
    Column,
    Condition,
    Days,
    Fact,
    Numbers,
    Range,
    Rule,
    applies,
    at,
    holds,
    numbers,
)
from pipeline.screen.facts import FACTS
from pipeline.screen.legality import OPTIONS
from pipeline.screen.record import judge
from tests.screen import reference

ANSWERS = {True: TRUE, False: FALSE, None: OPEN}
CODED = ("stage", "stage_as_stated", "built_stage")
STAGES = ("earthworks", "pit", "structure", "roofed", "unknown")


def column(values: list[Fact]) -> Column:
    """Facts of one kind as a column."""
    if any(isinstance(value, str) for value in values):
        return Codes(tuple(None if value is None else str(value) for value in values))
    if any(isinstance(value, Range) for value in values):
        ends = [value if isinstance(value, Range) else Range(np.nan, np.nan) for value in values]
        return Numbers(np.array([e.low for e in ends]), np.array([e.high for e in ends]), ranged=True)
    return numbers(np.array([np.nan if value is None else value for value in values], dtype=np.float64))


@pytest.mark.parametrize(
    ("condition", "fact", "expected"),
    [
        (Condition("f", at_least=100.0), 100.0, True),
        (Condition("f", at_least=100.0), 99.99, False),
        (Condition("f", below=100.0), 100.0, False),
        (Condition("f", below=100.0), 99.99, True),
        (Condition("f", at_least=100.0), None, None),
        (Condition("f", below=100.0), None, None),
        (Condition("f", at_least=100.0), Range(100.0, 900.0), True),
        (Condition("f", at_least=100.0), Range(0.0, 900.0), None),
        (Condition("f", at_least=100.0), Range(0.0, 99.0), False),
        (Condition("f", below=100.0), Range(0.0, 900.0), None),
        (Condition("f", below=100.0), Range(0.0, 99.0), True),
        (Condition("f", below=100.0), Range(100.0, 100.0), False),
        (Condition("f", one_of=("pit", "earthworks")), "pit", True),
        (Condition("f", one_of=("pit",)), "roofed", False),
        (Condition("f", one_of=("pit",)), None, None),
        (Condition("f", one_of=("1.0", "2.0")), 2.0, True),
        (Condition("f", one_of=("1.0",)), Range(1.0, 1.0), False),
        (Condition("f", at_least="$limit"), 7.0, True),
        (Condition("f", at_least="$limit"), 6.0, False),
    ],
)
def test_a_condition_is_true_false_or_open(condition: Condition, fact: Fact, expected: bool | None) -> None:
    beside: list[Fact] = [fact, None, fact]
    answers = holds(condition, {"f": column(beside)}, {"limit": 7.0})
    assert answers.tolist() == [ANSWERS[expected], OPEN, ANSWERS[expected]]
    assert reference.holds(condition, fact, {"limit": 7.0}) is expected


def one_day(*days: date) -> Days:
    """Onsets that can have been on one day only."""
    own = np.array(days, dtype="datetime64[D]")
    return Days(own, own)


def rule(*when: Condition, **dates: date) -> Rule:
    return Rule("R", "kind", "a rule", when, **({"effective_from": date(2000, 1, 1)} | dates))


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
def test_one_failing_condition_settles_it_and_one_open_condition_leaves_it_open(answers: list[bool | None]) -> None:
    values: dict[bool | None, Fact] = {True: 1.0, False: 0.0, None: None}
    facts = {f"f{i}": column([values[answer]]) for i, answer in enumerate(answers)}
    (together,) = applies(rule(*(Condition(name, at_least=1.0) for name in facts)), facts, {}, 1)
    assert together == (FALSE if False in answers else OPEN if None in answers else TRUE)


def test_a_condition_without_a_test_or_over_an_unknown_fact_or_a_code_is_an_error() -> None:
    with pytest.raises(ValueError, match="at_least"):
        holds(Condition("f"), {"f": column([1.0])}, {})
    with pytest.raises(KeyError):
        holds(Condition("g", at_least=1.0), {"f": column([1.0])}, {})
    with pytest.raises(ValueError, match="code"):
        holds(Condition("f", at_least=1.0), {"f": column(["pit"])}, {})


def test_a_rule_is_in_force_on_both_its_end_days() -> None:
    dated = rule(effective_from=date(2020, 1, 1), effective_to=date(2020, 12, 31))
    days = [date(2019, 12, 31), date(2020, 1, 1), date(2020, 12, 31), date(2021, 1, 1)]
    expected = [False, True, True, False]
    assert dated.in_force(np.array(days, dtype="datetime64[D]")).tolist() == expected
    assert [reference.in_force(dated, day) for day in days] == expected


def test_the_record_names_field_values_and_the_options_compared_with() -> None:
    own = rule(Condition("farmland_m2", at_least="$min_overlap_m2"), Condition("stage", one_of=("pit",)))
    facts = {"farmland_m2": column([Range(7.0, 9.5)]), "stage": column(["pit"])}
    days = one_day(date(2026, 10, 1))
    judged = judge(facts, rules=[own], days=days, options={"min_overlap_m2": 7.0}, missing=frozenset())
    (entry,) = json.loads(judged.records[0])
    assert entry["facts"] == {"farmland_m2": {"low": 7.0, "high": 9.5}, "$min_overlap_m2": 7.0, "stage": "pit"}


def test_a_bound_that_bears_the_name_of_a_fact_does_not_take_its_place() -> None:
    own = rule(Condition("lawful_share", at_least="$lawful_share"))
    days = one_day(date(2026, 10, 1))
    judged = judge({"lawful_share": column([0.97])}, rules=[own], days=days, options={"lawful_share": 0.95},
                   missing=frozenset())  # fmt: skip
    (entry,) = json.loads(judged.records[0])
    assert entry["facts"] == {"lawful_share": 0.97, "$lawful_share": 0.95}


@pytest.mark.parametrize(
    ("since", "until", "force"),
    [
        (date(2026, 10, 2), None, TRUE),
        (date(2026, 10, 3), None, OPEN),
        (date(2026, 10, 31), None, OPEN),
        (date(2026, 11, 1), None, FALSE),
        (date(2000, 1, 1), date(2026, 10, 31), TRUE),
        (date(2000, 1, 1), date(2026, 10, 30), OPEN),
        (date(2000, 1, 1), date(2026, 10, 2), OPEN),
        (date(2000, 1, 1), date(2026, 10, 1), FALSE),
        (date(2026, 10, 10), date(2026, 10, 20), OPEN),
    ],
)
def test_a_rule_that_comes_or_goes_within_the_onset_is_open_and_says_so(
    since: date, until: date | None, force: int
) -> None:
    dated = replace(rule(effective_from=since, effective_to=until), kind="V4")
    first, last = (np.array([day], dtype="datetime64[D]") for day in ("2026-10-02", "2026-10-31"))
    assert dated.force(Days(first, last)).tolist() == [force]
    judged = judge({}, rules=[dated], days=Days(first, last), options={}, missing=frozenset())
    record = json.loads(judged.records[0])
    assert judged.kinds.tolist() == ['["V4"]' if force == TRUE else "[]"]
    assert [entry["judgement"] for entry in record] == {TRUE: ["suspected"], OPEN: ["undeterminable"], FALSE: []}[force]
    assert [f"规则自{since}起施行" in entry.get("reason", "") for entry in record] == (
        [force == OPEN] if record else []
    )


AMOUNT = st.sampled_from([0.0, 0.5, 99.99, 100.0, 250.1])
DAYS = st.dates(date(2019, 1, 1), date(2021, 12, 31))
RANGED = ("unapproved_new_land_m2", "unapproved_farmland_m2", "rural_plan_m2", "width_m")


def facts_of(name: str) -> st.SearchStrategy[Fact]:
    if name in CODED:
        return st.none() | st.sampled_from(STAGES)
    if name in RANGED:
        return st.none() | st.tuples(AMOUNT, AMOUNT).map(lambda ends: Range(min(ends), max(ends)))
    return st.none() | AMOUNT


@st.composite
def some_rule(draw: st.DrawFn) -> Rule:
    def condition(name: str) -> Condition:
        if name in CODED:
            return Condition(name, one_of=tuple(draw(st.lists(st.sampled_from(STAGES), min_size=1, max_size=3))))
        bound: Any = draw(AMOUNT | st.sampled_from(["$min_overlap_m2", "$lawful_share"]))
        return Condition(name, at_least=bound) if draw(st.booleans()) else Condition(name, below=bound)

    names = draw(st.lists(st.sampled_from(sorted(FACTS)), max_size=4, unique=True))
    since = draw(DAYS)
    return Rule(
        id=draw(st.sampled_from(["V1-1", "V9", "E2", "E10"])),
        action=draw(st.sampled_from(["kind", "explain", "suppress"])),
        label="占用 50% 以上",
        when=tuple(condition(name) for name in names),
        effective_from=since,
        effective_to=draw(st.none() | st.just(since + timedelta(days=200))),
        kind=draw(st.sampled_from(["V1", "V4"])),
        statutes=("TDGLF-44",),
    )


SPELLS = st.tuples(DAYS, st.integers(0, 60)).map(lambda given: (given[0], given[0] + timedelta(days=given[1])))

LONG_SPELLS = st.tuples(st.dates(date(1980, 1, 1), date(2026, 12, 31)), st.integers(0, 400)).map(
    lambda given: (given[0], given[0] + timedelta(days=given[1]))
)


def agree(
    facts: dict[str, list[Fact]], rules: list[Rule], days: list[tuple[date, date]], missing: frozenset[str]
) -> None:
    options = {name: 100.0 for name in OPTIONS} | {"lawful_share": 0.95}
    columns = {name: column(values) for name, values in facts.items()}
    spells = Days(*np.array(days, dtype="datetime64[D]").T)
    judged = judge(columns, rules=rules, days=spells, options=options, missing=missing)
    for row, day in enumerate(days):
        own = {name: values[row] for name, values in facts.items()}
        assert at(columns, row) == own
        assert (judged.kinds[row], judged.records[row].decode()) == reference.judge(own, rules, day, options, missing)


@settings(max_examples=150, deadline=None)
@given(data=st.data(), days=st.lists(SPELLS, min_size=1, max_size=6), rules=st.lists(some_rule(), max_size=6))
def test_columns_say_what_the_rules_say_object_by_object(data: st.DataObject, days: list[date], rules: Any) -> None:
    facts = {
        name: data.draw(st.lists(facts_of(name), min_size=len(days), max_size=len(days)))
        for name in {condition.fact for own in rules for condition in own.when}
    }
    agree(facts, rules, days, data.draw(st.frozensets(st.sampled_from(["approvals", "planning"]))))


@settings(max_examples=40, deadline=None)
@given(data=st.data(), days=st.lists(LONG_SPELLS, min_size=1, max_size=4))
def test_the_delivered_rules_say_in_columns_what_they_say_object_by_object(data: st.DataObject, days: Any) -> None:
    facts = {
        name: data.draw(st.lists(facts_of(name), min_size=len(days), max_size=len(days))) for name in sorted(FACTS)
    }
    agree(facts, list(load_rulebook().all_rules()), days, frozenset({"approvals", "mining_rights"}))
