"""A supplied parcel's history from contract to completion, as a clerk reads it: append-only, a row per thing that happened.

Every period replays the contract, the records and the imagery up to its day. What follows from them together (due days,
whether work has begun, what may be wrong) is told once, in the period in which it came, changed or ceased.
"""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from pipeline.schema import SUPPLY_HISTORY, conform, empty
from pipeline.supervise.append_only import LATE, added
from pipeline.supervise.supply import SupplyTables
from pipeline.supervise.supply_ground import plain_day
from pipeline.values import HistorySource, SupplyBreach, SupplyEvent, SupplyStart

Row = dict[Any, Any]
_STATES = {state.value: state.label for state in SupplyStart}
_EVENTS = {event.value: event.label for event in SupplyEvent}
_BREACHES = {breach.value: breach.label for breach in SupplyBreach}
_DUE = {"idle_year_on": "满一年之日", "idle_two_years_on": "满二年之日"}
_SPANS = (SupplyEvent.FORCE_MAJEURE.value, SupplyEvent.GOVERNMENT.value)
_NOT_DELIVERED = "供地图层中已没有这一宗地，历程到此为止，请核对图层"


def supply_history(
    parcels: pd.DataFrame,
    events: pd.DataFrame,
    tables: SupplyTables,
    earlier: tuple[pd.DataFrame, pd.DataFrame, pd.DataFrame] | None,
    *,
    period: str,
    as_of: date,
) -> Any:
    """The history of every supplied parcel as :data:`~pipeline.schema.SUPPLY_HISTORY`.

    ``parcels``: SUPPLIED_LAND; ``events``: SUPPLY_EVENTS up to ``as_of``; ``tables``: this period's watch.
    ``earlier``: SUPPLY, SUPPLY_BREACHES and SUPPLY_HISTORY of the latest earlier period; rows of days after ``as_of``
    are not known yet and left out. A row's state is that of the period in which it was written.
    """
    before, known_breaches, told = earlier if earlier is not None else (None, None, empty(SUPPLY_HISTORY))
    rows: list[Row] = told[told["day"] <= pd.Timestamp(as_of)].to_dict("records")
    kept = _by_parcel(rows)
    was = {} if before is None else {row["supply_id"]: row for row in before.to_dict("records")}
    accused = {} if known_breaches is None else _by_parcel(known_breaches.to_dict("records"))
    now = _by_parcel(tables.breaches.to_dict("records"))
    contracts = {row["supply_id"]: row for row in parcels.drop(columns="geometry").to_dict("records")}
    own = _by_parcel(events.to_dict("records"))
    patrolled = frozenset(tables.items["supply_id"])
    day = pd.Timestamp(as_of)
    for row in tables.supply.drop(columns="geometry").to_dict("records"):
        name = row["supply_id"]
        earlier_row = was.get(name) if name in kept else None
        recorded = [_record(event) for event in own.get(name, [])]
        replayed = [_contract(contracts[name], day), *recorded, *_seen(row), *_gone(kept.get(name, []), recorded, day)]
        listed = accused.get(name, []) if earlier_row is not None else []
        news = _judged(row, earlier_row, day)
        news += _breaches(row, listed, now.get(name, []), name in patrolled, day)
        for one in (*replayed, *news):
            one["state"] = row["state"]
        rows += added("supply_id", name, kept.get(name, []), replayed, period, news)
    for name in sorted(set(kept) - set(contracts)):
        lost = {**_row(day, HistorySource.LAYER, _NOT_DELIVERED), "state": kept[name][-1]["state"]}
        rows += added("supply_id", name, kept[name], [lost], period)
    frame = pd.DataFrame(rows, columns=SUPPLY_HISTORY.names).sort_values(["supply_id", "number"], kind="stable")
    return conform(SUPPLY_HISTORY, frame)


def _by_parcel(rows: list[Row]) -> dict[str, list[Row]]:
    found: dict[str, list[Row]] = {}
    for row in rows:
        found.setdefault(row["supply_id"], []).append(row)
    return found


def _row(day: Any, source: HistorySource, event: str) -> Row:
    return {"day": pd.Timestamp(day), "source": source.value, "event": event}


def _contract(parcel: Row, day: pd.Timestamp) -> Row:
    """What was agreed, on the day of signing; without one on the day on which it was read."""
    agreed = plain_day(parcel["agreed_on"])
    names = (("handover_by", "约定交地"), ("start_by", "约定动工"), ("finish_by", "约定竣工"))
    dates = [f"{label}{day}" for name, label in names if (day := plain_day(parcel[name])) is not None]
    document = f"（{parcel['document']}）" if isinstance(parcel["document"], str) else ""
    said = "签订合同或决定书" if agreed is not None else "合同或决定书签订日期未载"
    return _row(agreed or day, HistorySource.LAYER, f"{said}{document}，{'，'.join(dates) or '未载约定日期'}")


def _record(event: Row) -> Row:
    """A person's record; an exception with its last day."""
    kind, until = event["event"], plain_day(event["until"])
    words = f"{_EVENTS[kind]} {event['happened_on']:%Y-%m-%d}"
    if kind in _SPANS:
        words += f"起至{until}" if until is not None else "起，未载截止"
    words += "".join(f" {event[name]}" for name in ("document", "note") if isinstance(event[name], str))
    return _row(event["happened_on"], HistorySource.RECORD, words)


def _seen(row: Row) -> list[Row]:
    """When the imagery first showed works within the red line, and something above ground."""
    found = []
    begun, after, built = (plain_day(row[name]) for name in ("begun_by", "begun_after", "built_by"))
    if begun is not None:
        clear = f"{after}影像尚无施工，" if after is not None else ""
        found.append(_row(begun, HistorySource.IMAGERY, f"{clear}{begun}影像首次检出红线内疑似施工"))
    if built is not None:
        found.append(_row(built, HistorySource.IMAGERY, f"{built}影像首次检出红线内疑似地上建筑"))
    return found


def _gone(before: list[Row], recorded: list[Row], day: pd.Timestamp) -> list[Row]:
    """Records of which the history tells and which are no longer in the records."""
    now = {row["event"] for row in recorded}
    words = [row["event"].removesuffix(LATE) for row in before if row["source"] == HistorySource.RECORD.value]
    return [
        _row(day, HistorySource.JUDGED, f"上文“{event}”现有记录中已没有（被改动或删除），判断按现有记录")
        for event in words
        if event not in now
    ]


def _judged(row: Row, before: Row | None, day: pd.Timestamp) -> list[Row]:
    """Whether work has begun and the due days, where either is new or another than a period ago."""
    found = []
    state, reason = row["state"], row["reason"]
    if before is None:
        found.append(_row(day, HistorySource.JUDGED, f"动工情况：{_STATES[state]}；{reason}"))
    elif before["state"] != state:
        words = f"动工情况由“{_STATES[before['state']]}”改为“{_STATES[state]}”：{reason}"
        found.append(_row(day, HistorySource.JUDGED, words))
    days = {name: plain_day(row[name]) for name in _DUE}
    known = {name: None if before is None else plain_day(before[name]) for name in _DUE}
    new = [f"{label}{days[name]}" for name, label in _DUE.items() if days[name] is not None and known[name] is None]
    if new:
        found.append(_row(day, HistorySource.JUDGED, f"动工计时：{'，'.join(new)}"))
    for name, label in _DUE.items():
        one, other = known[name], days[name]
        if one is None or one == other:
            continue
        moved = (
            "不再计"
            if other is None
            else f"改为{other}（{'推后' if other > one else '提前'}{abs((other - one).days)}天）"
        )
        found.append(_row(day, HistorySource.JUDGED, f"{label}由{one}{moved}"))
    return found


def _breaches(row: Row, before: list[Row], now: list[Row], patrolled: bool, day: pd.Timestamp) -> list[Row]:
    """What may be wrong, when it came up or became surer, and when it ceased; dated by the clock that ran out."""
    told = {_mark(one) for one in before}
    item = "已列入供地巡查项，" if patrolled else ""
    found = [
        _row(
            day if pd.isna(one["since"]) else one["since"],
            HistorySource.JUDGED,
            f"{_BREACHES[one['breach']]}（{one['certainty']}）：{one['reason']}；{item}通报市自然资源局稿已拟（未发出）",
        )
        for one in now
        if _mark(one) not in told
    ]
    left = {one["breach"] for one in now}
    ceased = [one["breach"] for one in before if one["breach"] not in left]
    words = "不再列为“{}”：{}"
    return found + [_row(day, HistorySource.JUDGED, words.format(_BREACHES[one], row["reason"])) for one in ceased]


def _mark(breach: Row) -> tuple[Any, ...]:
    """What makes a suspicion another than a period ago; contradicting stage data by what contradicts."""
    stage = breach["reason"] if breach["breach"] == SupplyBreach.STAGE_DATA.value else None
    return breach["breach"], breach["certainty"], plain_day(breach["since"]), stage
