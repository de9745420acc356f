from __future__ import annotations

from datetime import date

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.screen.conditions import Condition, Range, Rule, applies, cited, holds


@pytest.mark.parametrize(
    ("condition", "fact", "expected"),
    [
        (Condition("f", at_least=100.0), 100.0, True),
        (Condition("f", at_least=100.0), 99.99, False),
        (Condition("f", below=100.0), 100.0, False),
        (Condition("f", below=100.0), 99.99, True),
        (Condition("f", at_least=100.0), None, None),
        (Condition("f", at_least=100.0), Range(100.0, 900.0), True),
        (Condition("f", at_least=100.0), Range(0.0, 900.0), None),
        (Condition("f", at_least=100.0), Range(0.0, 99.0), False),
        (Condition("f", below=100.0), Range(0.0, 900.0), None),
        (Condition("f", below=100.0), Range(0.0, 99.0), True),
        (Condition("f", one_of=("pit", "earthworks")), "pit", True),
        (Condition("f", one_of=("pit",)), "roofed", False),
        (Condition("f", one_of=("pit",)), None, None),
        (Condition("f", at_least="$limit"), 7.0, True),
        (Condition("f", at_least="$limit"), 6.0, False),
    ],
)
def test_a_condition_is_true_false_or_open(condition: Condition, fact: object, expected: bool | None) -> None:
    assert holds(condition, {"f": fact}, {"limit": 7.0}) is expected  # type: ignore[dict-item]


def rule(*when: Condition, **dates: date) -> Rule:
    return Rule("R", "kind", "a rule", when, **({"effective_from": date(2000, 1, 1)} | dates))


@given(st.lists(st.sampled_from([True, False, None]), min_size=1, max_size=5))
def test_one_failing_condition_settles_it_and_one_open_condition_leaves_it_open(answers: list[bool | None]) -> None:
    values = {True: 1.0, False: 0.0, None: None}
    facts = {f"f{i}": values[answer] for i, answer in enumerate(answers)}
    together = applies(rule(*(Condition(name, at_least=1.0) for name in facts)), facts, {})
    if False in answers:
        assert together is False
    elif None in answers:
        assert together is None
    else:
        assert together is True


def test_a_condition_without_a_test_or_over_an_unknown_fact_is_an_error() -> None:
    with pytest.raises(ValueError, match="at_least"):
        holds(Condition("f"), {"f": 1.0}, {})
    with pytest.raises(KeyError):
        holds(Condition("g", at_least=1.0), {"f": 1.0}, {})


def test_a_rule_is_in_force_on_both_its_end_days() -> None:
    dated = rule(effective_from=date(2020, 1, 1), effective_to=date(2020, 12, 31))
    days = (date(2019, 12, 31), date(2020, 1, 1), date(2020, 12, 31), date(2021, 1, 1))
    assert [dated.in_force(day) for day in days] == [False, True, True, False]


def test_the_record_names_field_values_and_the_options_compared_with() -> None:
    own = rule(Condition("f", at_least="$limit"), Condition("g", one_of=("pit",)))
    assert cited(own, {"f": Range(1.0, 2.0), "g": "pit"}, {"limit": 7.0}) == {
        "f": {"low": 1.0, "high": 2.0},
        "limit": 7.0,
        "g": "pit",
    }
