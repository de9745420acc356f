"""Supplied land from contract to completion (批后监管): where every parcel stands, what may be wrong, whom to send."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import date
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.geodesy import mu
from pipeline.schema import SUPPLY, SUPPLY_BREACHES, SUPPLY_ITEMS, conform
from pipeline.supervise.acts import place_of
from pipeline.supervise.supply_clock import (
    Clock,
    Contract,
    Event,
    Limits,
    Start,
    filing_clock,
    idle_clock,
    last_seen,
    legal_start,
    looked_since,
    one_day,
    pause_clock,
    stage_problems,
    watched_throughout,
)
from pipeline.supervise.supply_ground import Measured, measure, plain_day
from pipeline.values import SupplyBreach, SupplyEvent, SupplyStart

GRANTED = "供地"
SURE, TO_CHECK = "疑似", "不能判断，请核实"
_CONTRACT = ("agreed_on", "handover_by", "start_by", "finish_by")
_EVENT_DAYS = {
    "handover_on": SupplyEvent.HANDOVER, "permit_on": SupplyEvent.PERMIT, "start_on": SupplyEvent.START,
    "finish_on": SupplyEvent.FINISH, "filed_on": SupplyEvent.FILED,
}  # fmt: skip


@dataclass(frozen=True)
class SupplyOptions:
    """Shares 0..1, lengths in metres, areas in m2; ``few_share``: works up to which nothing has been begun."""

    few_share: float
    seen_share: float
    tolerance_m: float
    least_overrun_m2: float


@dataclass(frozen=True)
class SupplyTables:
    """:data:`~pipeline.schema.SUPPLY`, ``SUPPLY_BREACHES`` and ``SUPPLY_ITEMS``."""

    supply: Any
    breaches: Any
    items: Any


@dataclass(frozen=True)
class Supplied:
    """A supplied parcel's outline, the days from which a start on it would be new, with words, and its recorded start."""

    shape: Any
    clean_days: tuple[tuple[date, str], ...]
    started_on: date | None


@dataclass(frozen=True)
class _Parcel:
    """A parcel's row, its records, and what follows from both and the imagery."""

    row: dict[Any, Any]
    contract: Contract
    events: tuple[Event, ...]
    measured: Measured
    start: Start
    clocks: dict[SupplyBreach, Clock | None]
    problems: list[str]


def watch_supply(
    parcels: gpd.GeoDataFrame,
    events: pd.DataFrame,
    works: gpd.GeoDataFrame,
    cells: gpd.GeoDataFrame,
    approved: Sequence[Any],
    earlier: pd.DataFrame | None,
    limits: Limits,
    options: SupplyOptions,
    *,
    watched_since: date,
    last_look: date | None,
    as_of: date,
) -> SupplyTables:
    """Every supplied parcel as of a day, all polygons in one metre CRS.

    ``parcels``: SUPPLIED_LAND; ``events``: SUPPLY_EVENTS up to ``as_of``; ``works`` as from
    :func:`~pipeline.supervise.supply_ground.works_of`; ``cells``: CELL_STATES (observable share, who answers);
    ``approved``: further ground on which building is allowed; ``earlier``: SUPPLY of the period before;
    ``last_look``: the last day of this period's imagery, None: no image;
    ``watched_since``: the first day on which this period's imagery can show something new, for parcels not watched before.
    """
    known = {} if earlier is None else {row["supply_id"]: row for row in earlier.to_dict("records")}
    made, rows, breaches, items = [], [], [], []
    for number, row in enumerate(parcels.drop(columns="geometry").to_dict("records")):
        shape = parcels.geometry.iloc[number]
        allowed = shapely.union_all([*np.delete(parcels.geometry.to_numpy(), number), *approved])
        home, observable = _home(shape, cells)
        measured = measure(
            shape, allowed, row["to_build_m2"] if pd.notna(row["to_build_m2"]) else None, works,
            known.get(row["supply_id"], {}), observable=observable, last_look=last_look, tolerance_m=options.tolerance_m,
        )  # fmt: skip
        before = plain_day(known.get(row["supply_id"], {}).get("watched_since"))
        row["watched_since"] = watched_since if before is None else min(before, watched_since)
        parcel = _judged(row, events, measured, limits, options, as_of)
        made.append(parcel)
        rows.append({**_supply_row(parcel), "unit_id": home.get("unit_id"), "geometry": shape})
        breaches += _breaches(parcel, options, as_of)
        if one_day(parcel.events, SupplyEvent.FILED) is None:
            items.append(_item(parcel, home, as_of))
    frame = gpd.GeoDataFrame(pd.DataFrame(rows, columns=[*SUPPLY.names, "geometry"]), crs=parcels.crs)
    return SupplyTables(
        conform(SUPPLY, frame.sort_values("supply_id", kind="stable")),
        conform(SUPPLY_BREACHES, _sorted(breaches, SUPPLY_BREACHES.names, ["supply_id", "breach"])),
        conform(SUPPLY_ITEMS, _sorted(items, SUPPLY_ITEMS.names, ["acting_unit_id", "next_day", "supply_id"])),
    )


def _sorted(rows: list[dict[str, Any]], names: list[str], order: list[str]) -> pd.DataFrame:
    return pd.DataFrame(rows, columns=names).sort_values(order, kind="stable", na_position="last")


def supplied_ground(parcels: gpd.GeoDataFrame, events: pd.DataFrame) -> list[Supplied]:
    """What is known of every parcel of SUPPLIED_LAND besides imagery; ``events``: SUPPLY_EVENTS."""
    rows = parcels.drop(columns="geometry").to_dict("records")
    known = [(_contract(row), _events_of(events, row["supply_id"])) for row in rows]
    return [
        Supplied(shape, tuple(_clean_days(contract, records)), one_day(records, SupplyEvent.START))
        for shape, (contract, records) in zip(parcels.geometry, known, strict=True)
    ]


def _contract(row: dict[Any, Any]) -> Contract:
    return Contract(*(plain_day(row[name]) for name in _CONTRACT))


def _events_of(events: pd.DataFrame, supply_id: str) -> tuple[Event, ...]:
    labels = {event.value: event for event in SupplyEvent}
    own = events[events["supply_id"] == supply_id].sort_values(["happened_on", "event"], kind="stable")
    return tuple(
        Event(labels[one["event"]], pd.Timestamp(one["happened_on"]).date(), plain_day(one["until"]), place_of(one))
        for one in own.to_dict("records")
    )


def _judged(
    row: dict[Any, Any], events: pd.DataFrame, measured: Measured, limits: Limits, options: SupplyOptions, as_of: date
) -> _Parcel:
    contract, records = _contract(row), _events_of(events, row["supply_id"])
    clean = _clean_days(contract, records)
    until = last_seen(measured.ground.last_look, found_empty(clean))
    watched = watched_throughout((day for day, _ in clean), row["watched_since"], until)
    looked = looked_since((day for day, what in clean if what == GRANTED), until)
    if not (watched and looked):
        # what stood before the first comparison, or came after the last, does not show: all of it may be built on
        measured = replace(measured, ground=replace(measured.ground, watched=watched, looked=looked, works_high=1.0))
    start = legal_start(records, measured.ground, seen_share=options.seen_share, few=options.few_share)
    finished = _recorded(records, SupplyEvent.FINISH)
    clocks: dict[SupplyBreach, Clock | None] = {
        SupplyBreach.IDLE_YEAR: idle_clock("idle_months", contract, records, start, limits, as_of=as_of),
        SupplyBreach.IDLE_TWO_YEARS: idle_clock("forfeit_months", contract, records, start, limits, as_of=as_of),
        SupplyBreach.PAUSED: pause_clock(contract, records, start, measured.ground, limits, as_of=as_of),
        SupplyBreach.NOT_FILED: filing_clock(records, limits, as_of=as_of),
    }
    if finished:
        clocks |= {SupplyBreach.IDLE_YEAR: None, SupplyBreach.IDLE_TWO_YEARS: None}
    return _Parcel(row, contract, records, measured, start, clocks, stage_problems(contract, records))


def _recorded(events: Sequence[Event], kind: SupplyEvent) -> bool:
    """Whether people recorded an event, be it with days that disagree."""
    return any(event.kind is kind for event in events)


def _clean_days(contract: Contract, events: Sequence[Event]) -> list[tuple[date, str]]:
    """Days from which a start would be new, and what happened then: the supply, and every time people found nothing."""
    supplied = contract.agreed_on or one_day(events, SupplyEvent.HANDOVER)
    empty = [(event.day, event.kind.label) for event in events if event.kind is SupplyEvent.CHECKED_EMPTY]
    return empty if supplied is None else [(supplied, GRANTED), *empty]


def found_empty(clean: Sequence[tuple[date, str]]) -> list[date]:
    """Of the ``clean_days`` of :class:`Supplied`, those on which people found nothing begun."""
    return [day for day, what in clean if what == SupplyEvent.CHECKED_EMPTY.label]


def _supply_row(parcel: _Parcel) -> dict[str, Any]:
    ground, start = parcel.measured.ground, parcel.start
    year, two = parcel.clocks[SupplyBreach.IDLE_YEAR], parcel.clocks[SupplyBreach.IDLE_TWO_YEARS]
    return {
        **{name: parcel.row[name] for name in ("supply_id", "project", "holder", "watched_since")},
        "state": start.state.value,
        "started_after": start.after,
        "started_by": start.by,
        "works_low_share": ground.works_low,
        "works_high_share": ground.works_high,
        "built_low_share": ground.built_low,
        **{
            n: getattr(ground, n)
            for n in ("begun_after", "begun_by", "built_by", "grown_after", "grown_by", "last_look")
        },
        "idle_year_on": year.last_day if year else None,
        "idle_two_years_on": two.last_day if two else None,
        "excepted_days": year.excepted_days if year else 0,
        **{name: one_day(parcel.events, kind) for name, kind in _EVENT_DAYS.items()},
        "upload_ready": bool(parcel.events) and not parcel.problems,
        "stage_problems": "；".join(parcel.problems) or (None if parcel.events else "尚无阶段记录"),
        "reason": start.reason
        if year or two or parcel.contract.start_by
        else f"{start.reason}；未约定动工日期且无交地记录",
    }


def _breaches(parcel: _Parcel, options: SupplyOptions, as_of: date) -> list[dict[str, Any]]:
    rows = []
    for kind, clock in parcel.clocks.items():
        if clock is not None and clock.passed is not False:
            told = f"{clock.limit.label}；自{clock.counted_from}起算，不计{clock.excepted_days}天，{clock.last_day}届满"
            reason = f"{told}；{parcel.start.reason}"
            rows.append(_breach(parcel, kind, clock.passed is True, reason, since=clock.last_day, clock=clock))
    finish = parcel.contract.finish_by
    if finish is not None and as_of > finish and not _recorded(parcel.events, SupplyEvent.FINISH):
        reason = f"约定{finish}竣工，截至{as_of}无竣工记录"
        rows.append(_breach(parcel, SupplyBreach.UNFINISHED, True, reason, since=finish))
    rows += _beyond(parcel, options)
    if parcel.problems:
        mend = "核对原件后，日期或编号写错的改正该行，缺的在 records/supply_events.csv 补记，改好后再上传监管系统"
        rows.append(_breach(parcel, SupplyBreach.STAGE_DATA, True, f"{'；'.join(parcel.problems)}。{mend}"))
    return rows


def _beyond(parcel: _Parcel, options: SupplyOptions) -> list[dict[str, Any]]:
    """Works outside the red line: more than the outline's tolerance explains, or not to be told."""
    low, high = parcel.measured.outside_low_m2, parcel.measured.outside_high_m2
    if high < options.least_overrun_m2:
        return []
    inside = parcel.measured.ground.works_high > options.few_share
    kind = SupplyBreach.OVERRUN if inside else SupplyBreach.ELSEWHERE
    where = "红线外" if inside else "红线内未见施工而红线外相邻处"
    reason = f"{where}施工面积{low:.0f}至{high:.0f}平方米（{mu(low):.2f}至{mu(high):.2f}亩，轮廓误差{options.tolerance_m:.0f}米）"
    sure = low >= options.least_overrun_m2
    if not sure and inside:
        return []
    return [_breach(parcel, kind, sure, reason, low=low, high=high)]


def _breach(
    parcel: _Parcel, kind: SupplyBreach, sure: bool, reason: str, *, since: date | None = None, clock: Clock | None = None,
    low: float | None = None, high: float | None = None,
) -> dict[str, Any]:  # fmt: skip
    row = parcel.row
    name = row["project"] if isinstance(row["project"], str) else "（项目名称待补）"
    holder = row["holder"] if isinstance(row["holder"], str) else "（用地单位待补）"
    source = clock.limit.source if clock else "合同或决定书约定" if kind is SupplyBreach.UNFINISHED else None
    basis = f"依据：{source}。" if source else ""
    return {
        "supply_id": row["supply_id"],
        "breach": kind.value,
        "certainty": SURE if sure else TO_CHECK,
        "since": since,
        "low_m2": low,
        "high_m2": high,
        "reason": reason,
        "source": source,
        "verification": clock.limit.verification if clock else None,
        "draft": f"通报市自然资源局（草稿，未发出）：电子监管号{row['supply_id']}，{name}，{holder}，{kind.label}"
        f"（{SURE if sure else TO_CHECK}）。{reason}。{basis}请现场核实后处理。",
    }


def _item(parcel: _Parcel, home: dict[str, Any], as_of: date) -> dict[str, Any]:
    """What a patrol should look at on a parcel whose clock runs, and the next day that matters."""
    names = {
        SupplyBreach.IDLE_YEAR: "动工满一年", SupplyBreach.IDLE_TWO_YEARS: "动工满二年", SupplyBreach.PAUSED: "中止满一年",
        SupplyBreach.NOT_FILED: "竣工资料报送",
    }  # fmt: skip
    days = [(clock.last_day, names[kind]) for kind, clock in parcel.clocks.items() if clock is not None]
    for label, day in (("约定动工", parcel.contract.start_by), ("约定竣工", parcel.contract.finish_by)):
        days += [(day, label)] if day is not None else []
    coming = sorted(pair for pair in days if pair[0] >= as_of)
    past = sorted(pair for pair in days if pair[0] < as_of)
    finished = _recorded(parcel.events, SupplyEvent.FINISH)
    look = {
        SupplyStart.NOT_STARTED: "是否动工（施工许可、基坑、桩基、地基）",
        SupplyStart.UNKNOWN: "是否达到动工标准（基坑开挖完毕、打入所有基础桩或地基施工完成三分之一），有无施工许可证",
        SupplyStart.STARTED: "是否在建、有无停工、是否超出红线",
    }[parcel.start.state]
    said = f"距{coming[0][1]}（{coming[0][0]}）{(coming[0][0] - as_of).days}天" if coming else "无将到时限"
    return {
        "supply_id": parcel.row["supply_id"],
        "project": parcel.row["project"],
        **home,
        "look_at": "竣工验收和竣工资料报送" if finished else look,
        "clock": said + (f"；已过{past[-1][1]}（{past[-1][0]}）" if past else ""),
        "next_day": coming[0][0] if coming else None,
    }


def _home(shape: Any, cells: gpd.GeoDataFrame) -> tuple[dict[str, Any], float]:
    """The cell that holds most of a parcel with who answers for it, and the share of the parcel that could be seen."""
    rows = np.sort(cells.sindex.query(shape, predicate="intersects"))
    shares = [(float(shape.intersection(cells.geometry.iloc[row]).area), row) for row in rows]
    if not shares or shape.area <= 0:
        return dict.fromkeys(("cell_id", "unit_id", "acting_unit_id", "person_id")), 0.0
    best = max(shares, key=lambda pair: (pair[0], -pair[1]))[1]
    seen = sum(part * float(cells["observable_share"].iloc[row]) for part, row in shares)
    told = cells.iloc[best]
    home = {name: told[name] for name in ("cell_id", "unit_id", "acting_unit_id", "person_id")}
    return home, min(seen / float(shape.area), 1.0)
