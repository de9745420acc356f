"""What becomes of a supplied parcel's history when records, contract or judgement change from one period to the next."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from pipeline.schema import SUPPLY_EVENTS, SUPPLY_HISTORY, empty
from pipeline.store import check_table
from pipeline.supervise.supply import SupplyTables
from pipeline.supervise.supply_history import supply_history
from tests.patrol.town import CRS, table
from tests.supervise.test_supply import parcel, watch, works

IDLE = parcel()  # agreed 2025-06-30: a year is full on 2026-06-30
JULY, AUGUST = date(2026, 7, 31), date(2026, 8, 31)


def told(
    parcels: Any, events: list[tuple[Any, ...]], as_of: date, earlier: Any = None, found: Any = None
) -> tuple[SupplyTables, Any]:
    made = watch(parcels, works() if found is None else found, *events, as_of=as_of)
    history = supply_history(
        parcels, table(SUPPLY_EVENTS, *events), made, earlier, period=f"{as_of:%Y-%m}", as_of=as_of
    )
    check_table(SUPPLY_HISTORY, history)
    return made, history


def after(first: tuple[SupplyTables, Any]) -> Any:
    return first[0].supply, first[0].breaches, first[1]


def fresh(history: Any, period: str) -> list[str]:
    return history.loc[history["recorded_in"] == period, "event"].tolist()


def test_a_month_in_which_nothing_happened_writes_nothing() -> None:
    july = told(IDLE, [], JULY)
    _, history = told(IDLE, [], AUGUST, after(july))
    pd.testing.assert_frame_equal(history, july[1])


def test_an_exception_recorded_late_takes_the_suspicion_back_in_plain_sight() -> None:
    july = told(IDLE, [], JULY)
    assert sum("满一年（疑似）" in event for event in july[1]["event"]) == 1
    # 92 days from 1 March to 31 May do not count: 2026-06-30 + 92 days = 2026-09-30
    held = ("S1", "政府原因", "2026-03-01", "2026-05-31", "示政函1号")
    _, history = told(IDLE, [("S1", "government", *held[2:])], AUGUST, after(july))
    assert fresh(history, "2026-08") == [
        "政府原因 2026-03-01起至2026-05-31 示政函1号（补记）",
        "满一年之日由2026-06-30改为2026-09-30（推后92天）",
        "满二年之日由2027-06-30改为2027-09-30（推后92天）",
        "不再列为“疑似超过约定动工满一年”：截至2026-10-20影像未见施工，也无动工记录",
    ]


def test_a_suspicion_that_comes_back_is_told_again() -> None:
    july = told(IDLE, [], JULY)
    held = ("S1", "government", "2026-07-20", None)
    august = told(IDLE, [("S1", "government", "2026-03-01", "2026-05-31")], AUGUST, after(july))
    _, history = told(IDLE, [held], date(2026, 9, 15), after(august))
    again = [event for event in fresh(history, "2026-09") if "满一年（疑似）" in event]
    assert len(again) == 1 and "2026-06-30届满" in again[0]
    gone = "上文“政府原因 2026-03-01起至2026-05-31”现有记录中已没有（被改动或删除），判断按现有记录"
    assert gone in fresh(history, "2026-09")


def test_a_parcel_that_is_no_longer_delivered_keeps_its_history() -> None:
    july = told(IDLE, [], JULY)
    _, history = told(IDLE.iloc[:0], [], AUGUST, after(july))
    assert fresh(history, "2026-08") == ["供地图层中已没有这一宗地，历程到此为止，请核对图层"]
    assert len(history) == len(july[1]) + 1


def test_what_earlier_periods_wrote_of_later_days_is_not_known_yet() -> None:
    august = told(IDLE, [("S1", "checked_empty", "2026-08-20")], AUGUST)
    _, history = told(IDLE, [], JULY, after(august))
    assert not history["event"].str.contains("现场核实").any()


def test_a_city_watched_before_there_was_a_history_gets_the_whole_of_it() -> None:
    july = told(IDLE, [], JULY)
    _, history = told(IDLE, [], AUGUST, (july[0].supply, july[0].breaches, empty(SUPPLY_HISTORY, CRS)))
    assert sum("满一年（疑似）" in event for event in history["event"]) == 1
    assert (history["recorded_in"] == "2026-08").all()


def test_no_supplied_land_no_history() -> None:
    _, history = told(IDLE.iloc[:0], [], JULY)
    assert history.empty
