"""Triggers over cases made up by hand: what counts, what never does, and who may be compared with whom."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from pipeline.duty_rules import triggers_on
from pipeline.schema import ACCOUNTABILITY, ALERTS, REPLIES, VERDICTS
from pipeline.store import check_table
from pipeline.supervise.accountability import Facts, accountability
from pipeline.supervise.cases import Deadlines
from tests.patrol.town import no, table
from tests.supervise.records import acts

DAYS = Deadlines(
    field_check_days=7, notice_days=3, service_days=3, correction_days=15, referral_days=3, follow_up_days=30
)
AS_OF = date(2026, 11, 30)


def verdict(target: str, unit: str | None, word: str, accountable: bool = True) -> dict[str, Any]:
    return {
        "target_id": target, "unit_id": unit, "acting_unit_id": unit, "verdict": word, "rule": "r", "reason": "r",
        "visits_in_window": 0, "seen_probability": 0.0, "visits_required": 0, "records_complete": True,
        "outcome": "violation" if accountable else "unchecked", "accountable": accountable,
    }  # fmt: skip


def counted(
    verdicts: list[dict[str, Any]] | None = None, alerts: list[tuple[Any, ...]] | None = None, replies: Any = (),
    as_of: date = AS_OF, unit: Any = "U1", disputed: frozenset[str] = frozenset(), **records: Any,
) -> Any:  # fmt: skip
    rows = [tuple(row.get(name) for name in VERDICTS.names) for row in verdicts or []]
    names = {row["target_id"] for row in verdicts or []} | {"T"}
    known = acts({name: name for name in names}, **records)
    answered = unit if callable(unit) else lambda target, day: unit
    facts = Facts(
        table(VERDICTS, *rows) if rows else no(VERDICTS), table(ALERTS, *alerts) if alerts else no(ALERTS), known,
        DAYS, answered, as_of, disputed,
    )  # fmt: skip
    made = accountability(facts, triggers_on(AS_OF), table(REPLIES, *replies), period="2026-10", confidence=0.95)
    check_table(ACCOUNTABILITY, made)
    return made.set_index(["trigger", "unit_id"])


def share(made: Any, trigger: str, unit: str = "全市") -> tuple[int, int]:
    if (trigger, unit) not in made.index:
        return 0, 0
    row = made.loc[(trigger, unit)]
    return int(row["numerator"]), int(row["denominator"])


def violation(*targets: str, day: str = "2026-11-01") -> list[tuple[str, str, str]]:
    return [(target, day, "violation") for target in targets]


def test_only_what_people_found_to_be_a_violation_counts() -> None:
    verdicts = [verdict("T1", "U1", "due_not_patrolled"), verdict("T2", "U1", "due_not_patrolled"),
                verdict("T3", "U1", "patrolled_not_reported")]  # fmt: skip
    none = counted(verdicts)
    assert share(none, "A1") == share(none, "A2") == (0, 0)
    one = counted(verdicts, field_checks=violation("T1", "T3"))
    assert (share(one, "A1"), share(one, "A2")) == ((1, 2), (1, 2))
    withdrawn = counted(verdicts, field_checks=[*violation("T1"), ("T1", "2026-11-20", "lawful")])
    assert share(withdrawn, "A1") == (0, 0)


def test_what_cannot_be_told_leaves_the_denominator() -> None:
    verdicts = [verdict("T1", "U1", "undeterminable"), verdict("T2", "U1", "found_before_dispatch")]
    made = counted(verdicts, field_checks=violation("T1", "T2"))
    assert share(made, "A1") == (0, 1) and share(made, "A2") == (0, 1)


@pytest.mark.parametrize(
    ("as_of", "notices", "expected"),
    [
        # found on 1 November, a notice within 3 days: due on the 4th
        ("2026-11-04", [], (0, 0)),  # not yet late: nobody is counted
        ("2026-11-05", [], (1, 1)),
        ("2026-11-30", [("T", "通知书", "1号", "2026-11-04", None)], (0, 1)),
        ("2026-11-30", [("T", "通知书", "1号", "2026-11-05", None)], (1, 1)),
    ],
)
def test_found_and_not_stopped_in_time(as_of: str, notices: Any, expected: tuple[int, int]) -> None:
    made = counted(field_checks=violation("T"), notices=notices, as_of=date.fromisoformat(as_of))
    assert share(made, "A3", "U1") == expected


@pytest.mark.parametrize(
    ("decided", "expected"),
    [
        # served on 5 November, 15 days: due on the 20th
        ([], (1, 1)),
        ([("T", None, "整改到位", "2026-11-20")], (0, 1)),
        ([("T", None, "整改到位", "2026-11-21")], (1, 1)),
    ],
)
def test_not_put_right_in_time(decided: Any, expected: tuple[int, int]) -> None:
    notices = [("T", "通知书", "1号", "2026-11-03", "2026-11-05")]
    assert share(counted(field_checks=violation("T"), notices=notices, decisions=decided), "A7", "U1") == expected


@pytest.mark.parametrize(
    ("referred", "expected"),
    [([], (1, 1)), ([("T", "2026-11-13", "市局")], (0, 1)), ([("T", "2026-11-14", "市局")], (1, 1))],
)
def test_referred_late_or_not_at_all(referred: Any, expected: tuple[int, int]) -> None:
    # declared not stopped on 10 November, 3 days: due on the 13th
    decisions = [("T", None, "拒不停止", "2026-11-10")]
    made = counted(field_checks=violation("T"), decisions=decisions, referrals=referred)
    assert share(made, "A8", "U1") == expected


def test_works_resumed_and_nobody_went() -> None:
    alerts = [("T", "grew_without_approval", "2026-10-20", "r")]
    checks = violation("T", day="2026-10-01")
    # seen on 20 October, 30 days: due on 19 November
    assert share(counted(alerts=alerts, field_checks=checks), "A9", "U1") == (1, 1)
    went = [*checks, ("T", "2026-11-10", "violation")]
    assert share(counted(alerts=alerts, field_checks=went), "A9", "U1") == (0, 1)
    # growth around the notice, or on ground that an approval covers by then, is no resumption
    for other in ("grew_around_notice", "grew_after_notice"):
        found = [("T", other, "2026-10-20", "r")]
        assert share(counted(alerts=found, field_checks=checks), "A9") == (0, 0)


@pytest.mark.parametrize(
    ("handed_over", "of_unit"),
    # found on 1 November, 3 days: due on the 4th
    [("2026-11-01", "CT"), ("2026-11-02", None), ("2026-11-04", None), ("2026-11-05", "U1")],
)
def test_a_step_in_which_the_answering_unit_changed_counts_for_the_city_alone(
    handed_over: str, of_unit: str | None
) -> None:
    def unit(target: str, day: date) -> str:
        return "U1" if day < date.fromisoformat(handed_over) else "CT"

    made = counted(field_checks=violation("T"), unit=unit)
    assert share(made, "A3") == (1, 1)
    assert {name: share(made, "A3", name) for name in ("U1", "CT")} == {
        name: (1, 1) if name == of_unit else (0, 0) for name in ("U1", "CT")
    }


def test_a_target_with_a_refused_record_is_late_with_nothing() -> None:
    assert share(counted(field_checks=violation("T"), disputed=frozenset({"T"})), "A3") == (0, 0)


def test_nobody_is_compared_where_intervals_overlap() -> None:
    verdicts = [verdict(f"A{n}", "U1", "due_not_patrolled" if n < 2 else "found_before_dispatch") for n in range(3)]
    verdicts += [verdict(f"B{n}", "U2", "found_before_dispatch") for n in range(3)]
    made = counted(verdicts, field_checks=violation(*[row["target_id"] for row in verdicts]))
    # 2 of 3 against 0 of 3: Wilson 0.21 to 0.94 and 0 to 0.56
    assert set(made.loc["A1"]["standing"].dropna()) == {"区间重叠，不排名"}
    assert made.loc[("A1", "U1")][["low", "high"]].tolist() == pytest.approx([0.2077, 0.9385], abs=1e-3)


def test_far_apart_shares_are_told_apart_and_one_unit_alone_is_not() -> None:
    verdicts = [verdict(f"A{n}", "U1", "due_not_patrolled") for n in range(20)]
    verdicts += [verdict(f"B{n}", "U2", "found_before_dispatch") for n in range(20)]
    made = counted(verdicts, field_checks=violation(*[row["target_id"] for row in verdicts]))
    assert made.loc[("A1", "U1")]["standing"] == "高于其他单位合计"
    assert made.loc[("A1", "U2")]["standing"] == "低于其他单位合计"
    alone = counted(verdicts[:3], field_checks=violation("A0", "A1", "A2"))
    assert alone.loc[("A1", "U1")]["standing"] == "无其他单位可比"


def test_the_units_own_words_stand_beside_and_other_months_do_not() -> None:
    replies = [("2026-10", "A1", "U1", "2026-11-25", "道路塌方"), ("2026-09", "A1", "U1", "2026-10-25", "旧事")]
    made = counted([verdict("T1", "U1", "due_not_patrolled")], replies=replies, field_checks=violation("T1"))
    assert made.loc[("A1", "U1")]["reply"] == "2026-11-25 道路塌方"
    assert pd.isna(made.loc[("A1", "全市")]["reply"])


def test_what_no_record_can_show_is_printed_without_a_number() -> None:
    made = counted()
    assert {"A4", "A5", "A6"} == {name for name, _ in made.index[made["standing"] == "不计算"]}
    assert made.loc[("A6", "全市")]["value"] != made.loc[("A6", "全市")]["value"]
    assert set(made["verification"]) == {"M"}
