"""The legal clocks of supplied land on made-up parcels, each worked out on paper beside the section it comes from."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from fractions import Fraction

import pytest

from pipeline.duty_rules import load_supply_limits
from pipeline.supervise.supply_clock import (
    Contract,
    Event,
    Ground,
    Start,
    add_months,
    agreed_start,
    excepted,
    filing_clock,
    idle_clock,
    legal_start,
    pause_clock,
    stage_problems,
)
from pipeline.values import SupplyEvent as E
from pipeline.values import SupplyStart

LIMITS = load_supply_limits()
D = date.fromisoformat
CONTRACT = Contract(D("2024-01-10"), D("2024-02-28"), D("2024-03-31"), D("2026-03-31"))
EMPTY = Ground(works_low=0.0, works_high=0.0, built_low=0.0, observable=1.0, last_look=D("2026-04-01"))
NOT_BEGUN = Start(SupplyStart.NOT_STARTED, None, None, "", seen_empty=date.max)


def start_of(events: tuple[Event, ...] = (), **ground: object) -> Start:
    return legal_start(events, replace(EMPTY, **ground), seen_share=0.5, few=0.02)


def test_what_no_image_showed_is_never_said_to_be_visible() -> None:
    # a cloud over 6 % of the parcel: works may stand below it, but none were seen
    start = start_of(works_high=0.06, observable=0.94)
    assert (start.state, start.reason) == (SupplyStart.UNKNOWN, "影像可观测94%，可见部分未见施工，其余不能判断")
    seen = start_of(works_high=0.06, observable=0.94, begun_by=D("2026-03-01"))
    assert seen.state is SupplyStart.UNKNOWN and "影像可见推填土或基坑" in seen.reason


# --- 城市房地产管理法 §26: one and two years after the agreed start -------------------------------------------------


@pytest.mark.parametrize(
    ("name", "as_of", "last_day", "passed"),
    [
        # agreed 2024-03-31; the year is full at the end of 2025-03-31, so it has passed on 2025-04-01
        ("idle_months", "2025-03-31", "2025-03-31", False),
        ("idle_months", "2025-04-01", "2025-03-31", True),
        ("forfeit_months", "2026-03-31", "2026-03-31", False),
        ("forfeit_months", "2026-04-01", "2026-03-31", True),
    ],
)
def test_one_and_two_years_after_the_agreed_start(name: str, as_of: str, last_day: str, passed: bool) -> None:
    clock = idle_clock(name, CONTRACT, (), NOT_BEGUN, LIMITS, as_of=D(as_of))
    assert clock is not None and (clock.last_day, clock.passed) == (D(last_day), passed)
    assert clock.limit.source.startswith("城市房地产管理法第二十六条") and clock.limit.verification == "V"


@pytest.mark.parametrize(
    ("day", "months", "result"),
    [
        ("2024-02-29", 12, "2025-02-28"),  # no 29 February in 2025: the month's last day
        ("2024-03-31", 6, "2024-09-30"),
        ("2024-11-30", 3, "2025-02-28"),
        ("2024-12-15", 1, "2025-01-15"),
    ],
)
def test_months_end_on_the_same_day_or_on_the_last(day: str, months: int, result: str) -> None:
    assert add_months(D(day), months) == D(result)


def test_recorded_exceptions_put_the_last_day_off() -> None:
    # flood from 1 to 30 June 2024 (30 days), relocation by the government from 16 June to 15 July (of which 15 new):
    # 45 days together; 2025-03-31 + 45 days = 2025-05-15
    events = (
        Event(E.FORCE_MAJEURE, D("2024-06-01"), D("2024-06-30")),
        Event(E.GOVERNMENT, D("2024-06-16"), D("2024-07-15")),
    )
    clock = idle_clock("idle_months", CONTRACT, events, NOT_BEGUN, LIMITS, as_of=D("2025-05-15"))
    assert clock is not None and (clock.excepted_days, clock.last_day, clock.passed) == (45, D("2025-05-15"), False)
    later = idle_clock("idle_months", CONTRACT, events, NOT_BEGUN, LIMITS, as_of=D("2025-05-16"))
    assert later is not None and later.passed is True


def test_an_exception_that_runs_on_keeps_the_clock_from_ever_passing() -> None:
    # from 2024-04-01 on nothing counts: on any later day the clock has all of its year left
    events = (Event(E.GOVERNMENT, D("2024-04-01")),)
    for as_of in ("2025-04-01", "2028-04-01"):
        clock = idle_clock("idle_months", CONTRACT, events, NOT_BEGUN, LIMITS, as_of=D(as_of))
        assert clock is not None and clock.passed is False and (clock.last_day - D(as_of)).days == 365


def test_an_exception_after_the_year_was_full_undoes_nothing() -> None:
    # the year was full at the end of 2025-03-31; what began on 1 April came too late, what began on 31 March did not
    late = (Event(E.GOVERNMENT, D("2025-04-01")),)
    clock = idle_clock("idle_months", CONTRACT, late, NOT_BEGUN, LIMITS, as_of=D("2025-12-31"))
    assert clock is not None and (clock.excepted_days, clock.passed) == (0, True)
    just = (Event(E.GOVERNMENT, D("2025-03-31")),)
    kept = idle_clock("idle_months", CONTRACT, just, NOT_BEGUN, LIMITS, as_of=D("2025-12-31"))
    assert kept is not None and kept.passed is False


def test_days_before_the_agreed_start_are_no_exception_of_the_clock() -> None:
    # an exception that ended on the agreed day itself takes nothing off the year after it
    events = (Event(E.FORCE_MAJEURE, D("2024-01-01"), D("2024-03-31")),)
    clock = idle_clock("idle_months", CONTRACT, events, NOT_BEGUN, LIMITS, as_of=D("2025-04-01"))
    assert clock is not None and clock.excepted_days == 0 and clock.passed is True


def test_land_handed_over_late_is_the_governments_doing() -> None:
    # agreed for 28 February, handed over on 30 April: after the agreed start (31 March) April does not count, 30 days
    clock = idle_clock(
        "idle_months", CONTRACT, (Event(E.HANDOVER, D("2024-04-30")),), NOT_BEGUN, LIMITS, as_of=D("2025-05-01")
    )
    assert clock is not None and (clock.excepted_days, clock.last_day) == (30, D("2025-04-30"))


def test_without_an_agreed_start_a_year_after_the_handover_counts() -> None:
    open_start = replace(CONTRACT, start_by=None, handover_by=None)
    assert agreed_start(open_start, (Event(E.HANDOVER, D("2024-05-06")),), LIMITS) == D("2025-05-06")
    assert agreed_start(open_start, (), LIMITS) is None
    assert idle_clock("idle_months", open_start, (), NOT_BEGUN, LIMITS, as_of=D("2030-01-01")) is None


@pytest.mark.parametrize(
    ("start", "passed"),
    [
        # last day 2025-03-31, asked on 2025-12-31
        (Start(SupplyStart.STARTED, D("2025-03-01"), D("2025-03-31"), ""), False),
        (Start(SupplyStart.STARTED, D("2025-03-01"), D("2025-04-20"), ""), None),  # before or after: cannot be told
        (Start(SupplyStart.STARTED, D("2025-04-01"), D("2025-04-20"), ""), True),  # surely after it
        (Start(SupplyStart.UNKNOWN, None, None, ""), None),
        (Start(SupplyStart.UNKNOWN, D("2025-01-10"), None, ""), None),
        (NOT_BEGUN, True),
    ],
)
def test_a_clock_has_passed_only_where_that_is_sure(start: Start, passed: bool | None) -> None:
    clock = idle_clock("idle_months", CONTRACT, (), start, LIMITS, as_of=D("2025-12-31"))
    assert clock is not None and clock.passed is passed


def test_a_limit_counts_only_from_its_day() -> None:
    old = replace(CONTRACT, start_by=D("1994-12-31"))
    assert idle_clock("idle_months", old, (), NOT_BEGUN, LIMITS, as_of=D("2026-01-01")) is None


# --- 53号令: what counts as a start ---------------------------------------------------------------------------------

PERMIT = Event(E.PERMIT, D("2024-06-01"))
PIT = {"works_low": 0.3, "works_high": 0.4, "begun_after": D("2024-07-01"), "begun_by": D("2024-08-01")}
BUILT = {**PIT, "built_low": 0.2, "built_by": D("2024-12-01")}


def test_a_person_says_when_it_started_and_imagery_that_shows_otherwise_is_told() -> None:
    told = start_of((Event(E.START, D("2024-06-10")),), begun_after=D("2024-07-01"))
    assert (told.state, told.after, told.by) == (SupplyStart.STARTED, D("2024-06-10"), D("2024-06-10"))
    assert "影像2024-07-01仍未见施工，请核对" in told.reason


def test_two_days_of_one_start_decide_nothing() -> None:
    told = start_of((Event(E.START, D("2024-06-10")), Event(E.START, D("2024-07-10"))))
    assert told.state is SupplyStart.UNKNOWN and "互相矛盾" in told.reason


def test_nothing_seen_on_clear_images_is_no_start() -> None:
    assert start_of().state is SupplyStart.NOT_STARTED
    assert start_of(works_high=0.02).state is SupplyStart.NOT_STARTED


def test_clouds_say_nothing() -> None:
    assert start_of(observable=0.49, works_high=0.6).state is SupplyStart.UNKNOWN


def test_a_pit_cannot_be_told_to_be_finished() -> None:
    told = start_of((PERMIT,), **PIT)
    assert (told.state, told.after, told.by) == (SupplyStart.UNKNOWN, D("2024-07-01"), None)
    assert "基坑开挖完毕" in told.reason


def test_what_stands_above_ground_has_its_foundation() -> None:
    told = start_of((PERMIT,), **BUILT)
    assert (told.state, told.after, told.by) == (SupplyStart.STARTED, D("2024-07-01"), D("2024-12-01"))


def test_works_before_the_permit_do_not_count_as_a_start() -> None:
    late = start_of((Event(E.PERMIT, D("2024-09-01")),), **BUILT)
    assert (late.after, late.by) == (D("2024-09-01"), D("2024-12-01"))
    assert start_of((Event(E.PERMIT, D("2025-01-01")),), **BUILT).state is SupplyStart.UNKNOWN
    assert start_of((), **BUILT).state is SupplyStart.UNKNOWN


# --- 53号令 §2: less than a third begun, and a year's pause ---------------------------------------------------------

BEGUN = Start(SupplyStart.STARTED, D("2024-06-10"), D("2024-06-10"), "")
STOPPED = (Event(E.START, D("2024-06-10")), Event(E.STOP, D("2024-10-15")))


@pytest.mark.parametrize(
    ("low", "high", "as_of", "passed"),
    [
        # stopped on 2024-10-15: the year is full at the end of 2025-10-15
        (0.10, 0.20, "2025-10-15", False),
        (0.10, 0.20, "2025-10-16", True),
        (0.30, 0.40, "2025-10-16", None),  # a third lies inside the interval: cannot be told
        (0.34, 0.50, "2025-10-16", False),  # surely more than a third
        (float(Fraction(1, 3)) + 1e-12, 0.5, "2025-10-16", False),
    ],
)
def test_a_recorded_stop_of_a_year_with_less_than_a_third(
    low: float, high: float, as_of: str, passed: bool | None
) -> None:
    clock = pause_clock(
        CONTRACT, STOPPED, BEGUN, replace(EMPTY, works_low=low, works_high=high), LIMITS, as_of=D(as_of)
    )
    assert clock is not None and clock.passed is passed and clock.last_day == D("2025-10-15")


def test_a_resumption_ends_the_pause() -> None:
    events = (*STOPPED, Event(E.RESUME, D("2025-09-01")))
    assert pause_clock(CONTRACT, events, BEGUN, EMPTY, LIMITS, as_of=D("2026-12-31")) is None


def test_without_a_record_the_latest_growth_counts_up_to_the_last_look() -> None:
    # last seen growing by 2025-01-20; the year is full on 2026-01-20; the last image decides, not the day of asking
    ground = replace(EMPTY, works_low=0.1, works_high=0.2, grown_after=D("2024-12-20"), grown_by=D("2025-01-20"))
    early = replace(ground, last_look=D("2026-01-20"))
    assert pause_clock(CONTRACT, (), BEGUN, early, LIMITS, as_of=D("2026-06-30")).passed is False  # type: ignore[union-attr]
    late = replace(ground, last_look=D("2026-01-21"))
    assert pause_clock(CONTRACT, (), BEGUN, late, LIMITS, as_of=D("2026-06-30")).passed is True  # type: ignore[union-attr]


def test_imagery_that_shows_growth_after_the_recorded_stop_clears_the_parcel() -> None:
    ground = replace(EMPTY, works_low=0.1, works_high=0.2, grown_after=D("2025-02-01"), grown_by=D("2025-03-01"))
    assert pause_clock(CONTRACT, STOPPED, BEGUN, ground, LIMITS, as_of=D("2026-01-01")).passed is False  # type: ignore[union-attr]


def test_what_was_never_started_or_is_finished_does_not_pause() -> None:
    assert pause_clock(CONTRACT, STOPPED, NOT_BEGUN, EMPTY, LIMITS, as_of=D("2026-01-01")) is None
    done = (*STOPPED, Event(E.FINISH, D("2025-09-01")))
    assert pause_clock(CONTRACT, done, BEGUN, EMPTY, LIMITS, as_of=D("2026-01-01")) is None


# --- 城乡规划法 §45: six months to hand in the as-built papers ------------------------------------------------------


@pytest.mark.parametrize(
    ("filed", "as_of", "passed"),
    [
        # completed 2025-08-31: six months end on 2026-02-28
        (None, "2026-02-28", False),
        (None, "2026-03-01", True),
        ("2026-02-28", "2026-06-01", False),
        ("2026-03-01", "2026-06-01", True),
    ],
)
def test_six_months_after_completion(filed: str | None, as_of: str, passed: bool) -> None:
    events = [Event(E.FINISH, D("2025-08-31"))] + ([Event(E.FILED, D(filed))] if filed else [])
    clock = filing_clock(events, LIMITS, as_of=D(as_of))
    assert clock is not None and (clock.last_day, clock.passed) == (D("2026-02-28"), passed)


def test_no_completion_no_papers() -> None:
    assert filing_clock((), LIMITS, as_of=D("2030-01-01")) is None


# --- stage data before it is uploaded -------------------------------------------------------------------------------


def test_stage_data_in_order_has_no_problem() -> None:
    events = (
        Event(E.HANDOVER, D("2024-02-20")), PERMIT, Event(E.START, D("2024-06-10")), Event(E.STOP, D("2024-10-15")),
        Event(E.RESUME, D("2025-01-15")), Event(E.FINISH, D("2026-03-01")), Event(E.FILED, D("2026-05-01")),
    )  # fmt: skip
    assert stage_problems(CONTRACT, events) == []


@pytest.mark.parametrize(
    ("events", "said"),
    [
        ((Event(E.START, D("2024-06-10")),), "有动工（2024-06-10）而无交地记录"),
        (
            (Event(E.HANDOVER, D("2024-06-11")), Event(E.START, D("2024-06-10"))),
            "动工（2024-06-10）早于交地（2024-06-11）",
        ),
        ((Event(E.HANDOVER, D("2024-01-09")),), "交地（2024-01-09）早于签订（2024-01-10）"),
        ((Event(E.FINISH, D("2026-01-01")),), "有竣工（2026-01-01）而无动工记录"),
        ((Event(E.RESUME, D("2025-01-01")),), "复工（2025-01-01）之前没有对应的停工"),
        ((Event(E.HANDOVER, D("2024-02-01")), Event(E.HANDOVER, D("2024-02-02"))), "交地有多个日期"),
        ((Event(E.GOVERNMENT, D("2024-06-01"), D("2024-05-01")),), "政府原因截止（2024-05-01）早于起始（2024-06-01）"),
    ],
)
def test_stage_data_that_contradicts_itself_is_told(events: tuple[Event, ...], said: str) -> None:
    assert said in stage_problems(CONTRACT, events)


def test_agreed_days_that_run_backwards_are_told() -> None:
    assert stage_problems(replace(CONTRACT, finish_by=D("2024-03-01")), ()) == [
        "约定竣工（2024-03-01）早于约定动工（2024-03-31）"
    ]


def test_exceptions_are_counted_once_and_only_inside_the_span() -> None:
    events = [
        Event(E.GOVERNMENT, D("2024-01-01"), D("2024-01-10")),
        Event(E.FORCE_MAJEURE, D("2024-01-05"), D("2024-01-06")),
    ]
    assert excepted(events, CONTRACT, first=D("2024-01-03"), last=D("2024-01-08")) == 6
    assert excepted([], CONTRACT, first=D("2024-01-03"), last=D("2024-01-08")) == 0


# --- what looks and records that do not reach the last day leave open ----------------------------------------------


@pytest.mark.parametrize(
    ("last_look", "checked_empty", "passed"),
    [
        # the year is full at the end of 2025-03-31; a look of 03-10 does not show what was begun after it
        ("2025-03-10", None, None),
        ("2025-03-31", None, True),
        ("2025-03-10", "2025-04-02", True),
        (None, None, None),
    ],
)
def test_a_parcel_is_idle_only_where_it_was_seen_empty_at_the_end_of_the_year(
    last_look: str | None, checked_empty: str | None, passed: bool | None
) -> None:
    events = () if checked_empty is None else (Event(E.CHECKED_EMPTY, D(checked_empty)),)
    start = start_of(events, last_look=None if last_look is None else D(last_look))
    clock = idle_clock("idle_months", CONTRACT, events, start, LIMITS, as_of=D("2025-04-05"))
    assert clock is not None and clock.passed is passed


@pytest.mark.parametrize(
    ("filed", "late"),
    [
        # completed 2024-01-10, papers due by 2024-07-10
        ((), True),
        (("2024-02-10", "2024-02-11"), False),
        (("2024-07-10", "2024-07-11"), None),
        (("2024-07-11", "2024-08-01"), True),
    ],
)
def test_papers_filed_on_disagreeing_days_are_late_only_where_all_of_them_are(
    filed: tuple[str, ...], late: bool | None
) -> None:
    events = (Event(E.FINISH, D("2024-01-10")), *(Event(E.FILED, D(day)) for day in filed))
    clock = filing_clock(events, LIMITS, as_of=D("2025-01-01"))
    assert clock is not None and (clock.last_day, clock.passed) == (D("2024-07-10"), late)


def test_permits_with_two_days_are_not_said_to_be_missing() -> None:
    permits = (Event(E.PERMIT, D("2024-04-10")), Event(E.PERMIT, D("2024-04-11")))
    start = start_of(permits, works_low=0.5, works_high=0.6, built_low=0.3, built_by=D("2024-08-01"))
    assert start.state is SupplyStart.UNKNOWN and "施工许可证记录有多个日期" in start.reason
