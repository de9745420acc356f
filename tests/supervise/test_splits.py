"""A part split off a target keeps what was recorded of the whole, and accuses nobody anew."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from shapely import box

from pipeline.schema import TASKS, empty
from pipeline.supervise.acts import Heir, survivors
from pipeline.supervise.cases import case_states
from pipeline.supervise.history import case_history
from pipeline.supervise.splits import heirs, without_inherited
from pipeline.supervise.transitions import admitted
from pipeline.supervise.watch import Watch, watch
from tests.register.drawing import month, row, seen
from tests.screen.drawing import square
from tests.supervise.records import acts
from tests.supervise.test_cases import DAYS

CLEAR = {"last_clear": "2026-09-01", "first_seen": "2026-09-10"}
WEST, EAST = square(0, 0, 80, 60), square(120, 0, 80, 60)
KINDS = ("checks", "unresolved", "approvals", "notices", "referrals", "decisions")


def split() -> tuple[Any, str, str]:
    """A target of September of which October shows two parts: the register, the whole's id, and the new part's."""
    first, _ = month("2026-09", [seen(square(0, 0, 200, 60), **CLEAR)])
    whole = first["target_id"].iloc[0]
    later, _ = month("2026-10", [seen(WEST, "a"), seen(EAST, "b")], first)
    (part,) = [name for name in later["target_id"] if name != whole]
    assert row(later, part)["parent_ids"] == whole
    return later, whole, part


def stopped(whole: str, day: str = "2026-09-20") -> dict[str, Any]:
    return {
        "field_checks": [(whole, day, "violation")],
        "notices": [(whole, "责令停止违法行为通知书", "一号", day, day)],
    }


def known_of(register: Any, **rows: Any) -> dict[str, Any]:
    return acts(survivors(register), heirs(register), **rows)


def test_the_part_split_off_keeps_the_stop_notice_of_its_parent() -> None:
    register, whole, part = split()
    known = known_of(register, **stopped(whole))
    for name, kind in ((name, kind) for name in (whole, part) for kind in ("checks", "notices")):
        assert len(getattr(known[name], kind)) == 1
    assert known[part].checks[0].basis == f"核查记录 2026-09-20（分出前记录，原编号{whole}）"
    assert known[part].checks[0].inherited and not known[whole].checks[0].inherited
    assert f"（分出前记录，原编号{whole}）" in known[part].notices[0].title


@pytest.mark.parametrize(("day", "counts"), [("2026-10-31", True), ("2026-11-01", False)])
def test_what_was_recorded_after_the_month_of_the_split_speaks_of_the_part_it_names(day: str, counts: bool) -> None:
    register, whole, part = split()
    rows = {
        "field_checks": [(whole, day, "violation")],
        "approvals": [(whole, day, "文1", 20000.0)],
        "referrals": [(whole, day, "市局")],
        "decisions": [(whole, None, "拒不停止", day)],
        "notices": [(whole, "通知书", "一号", day, "2026-11-20")],
    }
    known = known_of(register, **rows)
    for kind in ("checks", "approvals", "referrals", "decisions", "notices"):
        assert len(getattr(known[whole], kind)) == 1 and len(getattr(known[part], kind)) == counts, kind


def test_nobody_was_sent_to_a_part_by_a_dispatch_of_the_whole_and_the_parts_own_records_stay_its_own() -> None:
    register, whole, part = split()
    known = known_of(
        register, dispatches=[("2026-09", "2026-09", whole, "U1", "2026-09-15")],
        field_checks=[(part, "2026-11-05", "lawful")],
    )  # fmt: skip
    assert known[whole].dispatches and not known[part].dispatches
    assert not known[whole].checks and [act.inherited for act in known[part].checks] == [False]


@pytest.mark.parametrize(("granted", "covers"), [(12000.0, 12000.0), (11990.0, None), (None, None)])
def test_an_approval_of_less_than_the_whole_may_lie_on_the_other_part(granted: Any, covers: Any) -> None:
    register, whole, part = split()
    (own,) = known_of(register, approvals=[(whole, "2026-09-20", "文1", granted)])[part].approvals
    assert own.area_m2 == covers


def test_a_part_is_late_for_nothing_that_counts_from_a_record_of_the_whole() -> None:
    register, whole, part = split()
    check = {"field_checks": [(whole, "2026-09-20", "violation")]}

    def cases(**rows: Any) -> Any:
        known = known_of(register, **rows)
        made = case_states(register, empty(TASKS), known, deadlines=DAYS, as_of=date(2026, 12, 31))
        return made.set_index("target_id")

    made = cases(**check)
    assert made.loc[[whole, part], "state"].tolist() == ["checked", "checked"]
    assert made.loc[[whole, part], "overdue"].tolist() == [True, False] and pd.isna(made.loc[part, "due_on"])
    own = cases(field_checks=[*check["field_checks"], (part, "2026-11-05", "violation")])
    # the step after the first check of a violation still counts from the whole's
    assert not own.loc[part, "overdue"]
    served = cases(**check, notices=[(part, "通知书", "二号", "2026-11-06", "2026-11-07")])
    assert served.loc[part, "state"] == "rectifying" and served.loc[part, "overdue"]


def test_accountability_hears_only_what_was_recorded_of_each_itself() -> None:
    register, whole, part = split()
    known = known_of(register, **stopped(whole))
    own = without_inherited(known)
    assert own[whole] == known[whole] and not any(getattr(own[part], kind) for kind in KINDS)


def test_a_refused_record_of_the_whole_is_refused_for_the_part_but_listed_once() -> None:
    register, whole, part = split()
    known = known_of(register, decisions=[(whole, None, "销案", "2026-09-20")])
    days = {"last_clear": pd.Timestamp("2026-09-01"), "first_seen": pd.Timestamp("2026-09-10")}
    (taken, found), (part_taken, part_found) = (admitted(known[name], **days) for name in (whole, part))
    assert not taken.decisions and not part_taken.decisions
    assert len(found) == 1 and part_found == []


def test_the_history_of_a_part_begins_with_the_records_of_the_whole() -> None:
    register, whole, part = split()
    known = known_of(register, **stopped(whole))
    history, gone = case_history(
        register, known, {}, None, deadlines=DAYS, period="2026-10", as_of=date(2026, 11, 10),
        month_end=date(2026, 10, 31),
    )  # fmt: skip
    own = history[history["target_id"] == part]
    assert own["state"].tolist() == ["rectifying"] * 3 and not gone
    assert all(f"原编号{whole}" in event for event in own["event"])


def watched(register: Any, name: str, known: dict[str, Any], before: Any, interval: tuple[str, str]) -> Watch | None:
    target = row(register, name)
    return watch(
        target, known[name], grounds=(before, target["geometry"]), interval=tuple(map(pd.Timestamp, interval)),  # type: ignore[arg-type]
        observed_on=pd.Timestamp(interval[1]), documents={}, crs=register.crs,
    )  # fmt: skip


def test_the_watch_goes_on_over_the_part_and_sees_it_grow() -> None:
    register, whole, part = split()
    known = known_of(register, **stopped(whole))
    held = watched(register, part, known, None, ("2026-10-05", "2026-10-25"))
    # a part's outline of the month of the split is compared with nothing yet
    assert held is not None and held.state.value == "not_seen" and f"由{whole}分出" in held.words
    grown = row(register, part)["geometry"]
    # away from the ground that the whole keeps
    west, south, east, _ = grown.bounds
    later, _ = month("2026-11", [seen(box(west, south, east, south + 120), "c")], register)
    assert row(later, part)["state"] == "growing"
    held = watched(later, part, known_of(later, **stopped(whole)), grown, ("2026-11-05", "2026-11-25"))
    assert held is not None and held.state.value == "resumed"


def plain(*rows: tuple[str, str, str | None, str | None, str]) -> pd.DataFrame:
    """Register rows: id, first period, parent, merged into, and the period in which it was merged."""
    made = []
    for name, first, parent, into, when in rows:
        steps = f'{{"period": "{first}", "state": "new", "area_m2": 900.0}}'
        steps += f', {{"period": "{when}", "state": "merged", "area_m2": 900.0}}' if into else ""
        made.append({"target_id": name, "first_period": first, "parent_ids": parent, "merged_into": into,
                     "history": f"[{steps}]"})  # fmt: skip
    return pd.DataFrame(made)


def until(text: str) -> pd.Timestamp:
    return pd.Timestamp(text)


def test_parts_of_parts_inherit_from_both_and_each_only_up_to_its_own_split() -> None:
    found = heirs(plain(("A", "2026-01", None, None, ""), ("B", "2026-03", "A", None, ""),
                        ("C", "2026-05", "B", None, "")))  # fmt: skip
    assert found == {
        "A": [Heir("B", until("2026-03-31"), "", 900.0), Heir("C", until("2026-03-31"), "", 900.0)],
        "B": [Heir("C", until("2026-05-31"), "", 900.0)],
    }


def test_what_was_merged_into_the_whole_before_the_split_counts_and_what_came_later_does_not() -> None:
    found = heirs(plain(("A", "2026-01", None, None, ""), ("B", "2026-05", "A", None, ""),
                        ("M", "2026-01", None, "A", "2026-04"), ("N", "2026-01", None, "A", "2026-06")))  # fmt: skip
    assert sorted(found) == ["A", "M"] and found["M"][0].target_id == "B"


def test_a_part_merged_back_inherits_nothing_twice_and_one_merged_elsewhere_speaks_of_itself() -> None:
    back = heirs(plain(("A", "2026-01", None, None, ""), ("B", "2026-03", "A", "A", "2026-04")))
    assert back == {}
    away = plain(("A", "2026-01", None, None, ""), ("B", "2026-03", "A", "X", "2026-04"),
                 ("X", "2026-02", None, None, ""))  # fmt: skip
    assert heirs(away) == {"A": [Heir("X", until("2026-03-31"), "B", 900.0)]}
    known = acts(survivors(away), heirs(away), field_checks=[("A", "2026-01-20", "violation")])
    assert [act.part for act in known["X"].checks] == ["B"]


def test_two_parts_that_come_together_hear_each_record_once() -> None:
    register = plain(("A", "2026-01", None, None, ""), ("B", "2026-03", "A", None, ""),
                     ("C", "2026-04", "A", "B", "2026-05"))  # fmt: skip
    rows = [("A", "2026-01-20", "violation"), ("A", "2026-04-10", "lawful"), ("A", "2026-05-10", "other")]
    own = acts(survivors(register), heirs(register), field_checks=rows)["B"].checks
    assert [(act.content, act.part) for act in own] == [("violation", ""), ("lawful", "C")]


@settings(max_examples=60, deadline=None)
@given(st.data())
def test_records_count_once_for_each_target_and_only_before_a_split(data: st.DataObject) -> None:
    names = [f"T{n}" for n in range(data.draw(st.integers(1, 7)))]
    rows = []
    for n, name in enumerate(names):
        parent = data.draw(st.sampled_from([None, *names[:n]]))
        into = data.draw(st.sampled_from([None, None, *names[:n]]))
        rows.append((name, f"2026-{n + 1:02d}", parent, into, f"2026-{data.draw(st.integers(n + 1, 12)):02d}"))
    register = plain(*rows)
    checks = [(name, f"2026-{m:02d}-15", "violation") for name in names for m in (2, 6, 11)]
    carried = survivors(register)
    known = acts(carried, heirs(register), field_checks=checks)
    for target in set(carried.values()):
        said = [act.basis for act in known[target].checks]
        assert len(said) == len(set(said))
        own = [act for act in known[target].checks if not act.inherited]
        assert len(own) == 3 * sum(goal == target for goal in carried.values())
    last = max(pd.Timestamp(first) for _, first, *_ in rows) + pd.offsets.MonthEnd()
    assert all(act.day <= last for own in known.values() for act in own.checks if act.inherited)
