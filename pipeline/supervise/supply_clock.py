"""The legal clocks of a supplied parcel, worked out from its contract, people's records and what the imagery bounds."""

from __future__ import annotations

import calendar
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from enum import Enum
from fractions import Fraction

from pipeline.values import SupplyEvent, SupplyStart

Span = tuple[date, date]
EXCEPTIONS = (SupplyEvent.FORCE_MAJEURE, SupplyEvent.GOVERNMENT)


@dataclass(frozen=True)
class Limit:
    """A dated limit of ``supplied_land.yaml``: months or a share, with its source and mark."""

    name: str
    label: str
    value: Fraction
    source: str
    verification: str
    effective_from: date
    effective_to: date | None = None


@dataclass(frozen=True)
class Limits:
    """All versions of all limits."""

    versions: tuple[Limit, ...]

    def on(self, name: str, day: date) -> Limit | None:
        """The limit in force on ``day``; None where none is."""
        fits = [one for one in self.versions if one.name == name and one.effective_from <= day]
        return next((one for one in fits if day <= (one.effective_to or date.max)), None)


@dataclass(frozen=True)
class Event:
    """A record about a parcel; ``until``: the last day of an exception, None: it runs on; ``place``: file and row."""

    kind: SupplyEvent
    day: date
    until: date | None = None
    place: str | None = None


@dataclass(frozen=True)
class Contract:
    """What was agreed; None where the layer does not say."""

    agreed_on: date | None = None
    handover_by: date | None = None
    start_by: date | None = None
    finish_by: date | None = None


@dataclass(frozen=True)
class Ground:
    """What the imagery bounds. Shares are of the land to be built on, 0..1, outline and clouds taken into account.

    ``begun_after``/``begun_by``: works began after the one and were there on the other; ``built_by``: first day on
    which something above ground was seen; ``grown_after``/``grown_by``: the same for the latest growth.
    ``last_look``: last day of the imagery; ``observable``: share of the parcel that could be seen. ``watched``: the
    imagery was compared since the land was supplied; if not, works may have stood there that never showed as a change.
    ``looked``: somebody, or an image, saw the land since it was supplied or approved.
    """

    works_low: float
    works_high: float
    built_low: float
    observable: float
    last_look: date | None = None
    begun_after: date | None = None
    begun_by: date | None = None
    built_by: date | None = None
    grown_after: date | None = None
    grown_by: date | None = None
    watched: bool = True
    looked: bool = True


class Sight(Enum):
    """Why no works are seen: there are none, nobody looked since, they may stand from before the watch, or clouds hide
    all or some.
    """

    NOTHING = "nothing"
    NOT_LOOKED = "not_looked"
    NOT_WATCHED = "not_watched"
    HIDDEN = "hidden"
    PARTLY = "partly"


@dataclass(frozen=True)
class Start:
    """Whether and when a parcel was started in the legal sense: after ``after``, by ``by``; and why.

    ``seen_empty``: of a parcel not started, the last day on which somebody, or an image, surely saw it so.
    """

    state: SupplyStart
    after: date | None
    by: date | None
    reason: str
    seen_empty: date | None = None


@dataclass(frozen=True)
class Clock:
    """A limit's last day, the days that do not count, and whether the parcel is past it: yes, no, or not to be told."""

    limit: Limit
    counted_from: date
    excepted_days: int
    last_day: date
    passed: bool | None


def add_months(day: date, months: int) -> date:
    """The same day ``months`` later, or the month's last day where it has none."""
    index = day.year * 12 + day.month - 1 + months
    year, month = divmod(index, 12)
    return date(year, month + 1, min(day.day, calendar.monthrange(year, month + 1)[1]))


def one_day(events: Sequence[Event], kind: SupplyEvent) -> date | None:
    """The day of the only event of a kind; None where there is none or where records disagree."""
    days = {event.day for event in events if event.kind is kind}
    return next(iter(days)) if len(days) == 1 else None


def disagreeing(events: Sequence[Event]) -> list[SupplyEvent]:
    """Kinds that can happen once only and are recorded with several days."""
    once = (SupplyEvent.HANDOVER, SupplyEvent.PERMIT, SupplyEvent.START, SupplyEvent.FINISH, SupplyEvent.FILED)
    return [kind for kind in once if len({event.day for event in events if event.kind is kind}) > 1]


def watched_throughout(days: Iterable[date | None], since: date, until: date | None) -> bool:
    """Whether the imagery was compared from one of ``days`` on, on which ground was granted or found empty by people.

    ``since``: the first day on which the imagery can show something new; before it works may have begun unseen.
    ``until``: as from :func:`last_seen`; what was granted later nobody has looked at yet.
    """
    return any(day is not None and since <= day <= (until or date.max) for day in days)


def last_seen(last_look: date | None, empty: Iterable[date]) -> date | None:
    """The last day of the imagery, or a later one on which people found nothing begun; None where no image is known."""
    return None if last_look is None else max([last_look, *empty])


def looked_since(granted: Iterable[date | None], until: date | None) -> bool:
    """Whether ground was seen on the last of the days on which it was ``granted``, or later; ``until`` as above.

    True where one of the two is not known: then it is not this that hinders a judgement.
    """
    return until is None or all(day is None or day <= until for day in granted)


def nothing_begun(ground: Ground, *, seen_share: float, few: float) -> Sight | None:
    """What it means that no works, or no more than ``few``, are seen on a parcel; None where more are seen.

    The one judgement behind 批后监管 and 供地监管: nothing has been begun only where the imagery was compared throughout,
    up to a day after the grant, and what could not be seen is no more than ``few`` either.
    """
    if ground.works_low > few:
        return None
    if not ground.looked:
        return Sight.NOT_LOOKED
    if not ground.watched:
        return Sight.NOT_WATCHED
    if ground.works_high <= few and ground.observable >= seen_share:
        return Sight.NOTHING
    if ground.observable < seen_share:
        return Sight.HIDDEN
    return Sight.PARTLY if ground.begun_by is None else None


def legal_start(events: Sequence[Event], ground: Ground, *, seen_share: float, few: float) -> Start:
    """Whether work has begun as the law means it (53号令): permit, then pit dug out, piles driven, or a third of the
    foundation.

    A person's record of the start decides; several that disagree decide nothing. From orbit a pit cannot be told to be
    finished; what stands above ground has its foundation, so works count as started from there on, provided a permit
    is recorded. ``few``: share of works up to which nothing has been begun, ``seen_share``: share of the parcel that
    must have been seen to say so.
    """
    if SupplyEvent.START in disagreeing(events):
        return Start(SupplyStart.UNKNOWN, None, None, "动工记录有多个日期，互相矛盾")
    recorded = one_day(events, SupplyEvent.START)
    if recorded is not None:
        late = ground.begun_after is not None and ground.begun_after > recorded
        doubt = f"；影像{ground.begun_after}仍未见施工，请核对" if late else ""
        return Start(SupplyStart.STARTED, recorded, recorded, f"动工记录{recorded}{doubt}")
    empty = max((event.day for event in events if event.kind is SupplyEvent.CHECKED_EMPTY), default=None)
    bounds = [day for day in (empty, ground.begun_after if ground.watched else None) if day is not None]
    begun_after = max(bounds, default=None)
    sight = nothing_begun(ground, seen_share=seen_share, few=few)
    if sight is not None:
        return _unbegun(sight, ground, begun_after, empty)
    if ground.built_by is None or ground.built_low <= 0.0:
        return Start(
            SupplyStart.UNKNOWN, begun_after, None,
            "影像可见推填土或基坑，是否达到动工标准（基坑开挖完毕、打入所有基础桩或地基施工完成三分之一）须核实",
        )  # fmt: skip
    permit = one_day(events, SupplyEvent.PERMIT)
    if permit is None:
        what = "施工许可证记录有多个日期" if SupplyEvent.PERMIT in disagreeing(events) else "无施工许可证记录"
        reason = f"影像{ground.built_by}已见地上建筑，{what}，不能认定动工"
        return Start(SupplyStart.UNKNOWN, begun_after, ground.built_by, reason)
    after = permit if begun_after is None else max(permit, begun_after)
    if after > ground.built_by:
        reason = f"影像{ground.built_by}已见地上建筑，早于施工许可证{permit}，动工日期须核实"
        return Start(SupplyStart.UNKNOWN, begun_after, None, reason)
    return Start(SupplyStart.STARTED, after, ground.built_by, f"影像{ground.built_by}已见地上建筑，疑似已动工")


def _unbegun(sight: Sight, ground: Ground, begun_after: date | None, empty: date | None) -> Start:
    """The start of a parcel on which nothing is seen; ``empty``: the last day on which people found nothing begun."""
    if sight is Sight.NOTHING:
        seen_empty = max((day for day in (empty, ground.last_look) if day is not None), default=None)
        words = f"截至{ground.last_look or '今'}影像未见施工，也无动工记录"
        return Start(SupplyStart.NOT_STARTED, None, None, words, seen_empty)
    told = f"；{empty}现场核实未动工" if empty is not None else ""
    reason = {
        Sight.NOT_LOOKED: f"影像截至{ground.last_look}，供地之后尚无影像，不能判断是否动工",
        Sight.NOT_WATCHED: f"影像监测始于供地之后，此前是否动工须现场核实{told}",
        Sight.HIDDEN: f"影像可观测{ground.observable:.0%}，不能判断是否动工",
        Sight.PARTLY: f"影像可观测{ground.observable:.0%}，可见部分未见施工，其余不能判断",
    }[sight]
    return Start(SupplyStart.UNKNOWN, begun_after, None, reason)


def excepted(events: Sequence[Event], contract: Contract, *, first: date, last: date) -> int:
    """Days from ``first`` to ``last`` that do not count: 不可抗力, 政府原因, land handed over later than agreed."""
    spans: list[Span] = [(event.day, event.until or date.max) for event in events if event.kind in EXCEPTIONS]
    handed = one_day(events, SupplyEvent.HANDOVER)
    if contract.handover_by is not None and handed is not None and handed > contract.handover_by:
        spans.append((contract.handover_by + timedelta(days=1), handed))
    days, reached = 0, first - timedelta(days=1)
    for start, end in sorted(spans):
        begin, stop = max(start, reached + timedelta(days=1)), min(end, last)
        if stop >= begin:
            days += (stop - begin).days + 1
            reached = stop
    return days


def _put_off(since: date, limit: Limit, contract: Contract, events: Sequence[Event], until: date) -> tuple[int, date]:
    """Excepted days and the last day of a limit; what happens after the last day puts off nothing any more."""
    plain = add_months(since, int(limit.value))
    last_day, days = plain, 0
    while True:
        days = excepted(events, contract, first=since + timedelta(days=1), last=min(last_day, until))
        if plain + timedelta(days=days) == last_day:
            return days, last_day
        last_day = plain + timedelta(days=days)


def agreed_start(contract: Contract, events: Sequence[Event], limits: Limits) -> date | None:
    """The day by which work was to begin: as agreed, else a year after the land was really handed over."""
    if contract.start_by is not None:
        return contract.start_by
    handed = one_day(events, SupplyEvent.HANDOVER)
    limit = None if handed is None else limits.on("undated_start_months", handed)
    return None if handed is None or limit is None else add_months(handed, int(limit.value))


def idle_clock(
    name: str, contract: Contract, events: Sequence[Event], start: Start, limits: Limits, *, as_of: date
) -> Clock | None:
    """The clock of one year (``idle_months``) or two (``forfeit_months``) after the agreed start; None: nothing agreed.

    Days excepted up to the start, or up to ``as_of``, put the last day off. It has passed where the parcel surely was
    not started by the end of the last day (seen empty then or later), not where that cannot be told.
    """
    since = agreed_start(contract, events, limits)
    limit = None if since is None else limits.on(name, since)
    if since is None or limit is None:
        return None
    until = as_of if start.after is None else min(as_of, start.after)
    days, last_day = _put_off(since, limit, contract, events, until)
    return Clock(limit, since, days, last_day, _passed(start, last_day, as_of))


def _passed(start: Start, last_day: date, as_of: date) -> bool | None:
    if as_of <= last_day or (start.by is not None and start.by <= last_day):
        return False
    if start.state is SupplyStart.NOT_STARTED:
        # a look before the last day does not show what was begun between the two
        return True if start.seen_empty is not None and start.seen_empty >= last_day else None
    # begun after the last day, whatever of it counts as a start
    if start.after is not None and start.after > last_day:
        return True
    return None


def pause_clock(
    contract: Contract, events: Sequence[Event], start: Start, ground: Ground, limits: Limits, *, as_of: date
) -> Clock | None:
    """A year without work on a started parcel of which less than a third is begun (53号令 §2); None: not stopped.

    A recorded stop without a later resumption is the day from which it counts; else the day by which the latest growth
    was seen, and then only up to the last look. The share of money spent is not known to imagery and is not asked.
    """
    if start.state is not SupplyStart.STARTED or one_day(events, SupplyEvent.FINISH) is not None:
        return None
    stops = [event.day for event in events if event.kind is SupplyEvent.STOP]
    resumed = [event.day for event in events if event.kind is SupplyEvent.RESUME]
    stopped = max(stops) if stops and (not resumed or max(resumed) < max(stops)) else None
    since, until = (stopped, as_of) if stopped is not None else (ground.grown_by, ground.last_look)
    if since is None or until is None:
        return None
    limit, share = limits.on("pause_months", since), limits.on("started_share", since)
    if limit is None or share is None:
        return None
    days, last_day = _put_off(since, limit, contract, events, until)
    grown = stopped is not None and ground.grown_after is not None and ground.grown_after >= stopped
    if until <= last_day or grown or Fraction(ground.works_low) >= share.value:
        return Clock(limit, since, days, last_day, False)
    return Clock(limit, since, days, last_day, True if Fraction(ground.works_high) < share.value else None)


def filing_clock(events: Sequence[Event], limits: Limits, *, as_of: date) -> Clock | None:
    """Six months after completion for the as-built papers (城乡规划法 §45); None: not completed."""
    finished = one_day(events, SupplyEvent.FINISH)
    limit = None if finished is None else limits.on("filing_months", finished)
    if finished is None or limit is None:
        return None
    last_day = add_months(finished, int(limit.value))
    filed = [event.day > last_day for event in events if event.kind is SupplyEvent.FILED]
    # records that disagree tell something only where all of them lie on one side of the last day
    late = as_of > last_day if not filed else filed[0] if len(set(filed)) == 1 else None
    return Clock(limit, finished, 0, last_day, late)


_ORDER = (
    (SupplyEvent.HANDOVER, SupplyEvent.START), (SupplyEvent.PERMIT, SupplyEvent.START),
    (SupplyEvent.START, SupplyEvent.STOP), (SupplyEvent.START, SupplyEvent.FINISH),
    (SupplyEvent.FINISH, SupplyEvent.FILED),
)  # fmt: skip


def stage_problems(contract: Contract, events: Sequence[Event]) -> list[str]:
    """What of a parcel's stage data contradicts itself and must be mended before it is uploaded; empty: consistent."""
    problems = [f"{kind.label}有多个日期{_places(events, kind)}" for kind in disagreeing(events)]
    first = {kind: min((e.day for e in events if e.kind is kind), default=None) for kind in SupplyEvent}
    for earlier, later in _ORDER:
        one, other = first[earlier], first[later]
        if other is not None and one is None and earlier is not SupplyEvent.PERMIT:
            problems.append(f"有{later.label}（{other}）而无{earlier.label}记录{_places(events, later)}")
        if one is not None and other is not None and other < one:
            places = _places(events, later, earlier)
            problems.append(f"{later.label}（{other}）早于{earlier.label}（{one}）{places}")
    empty = max((event.day for event in events if event.kind is SupplyEvent.CHECKED_EMPTY), default=None)
    started = first[SupplyEvent.START]
    if empty is not None and started is not None and started < empty:
        places = _places(events, SupplyEvent.START, SupplyEvent.CHECKED_EMPTY)
        problems.append(f"动工（{started}）早于现场核实未动工（{empty}）{places}")
    problems += _resumption_problems(events)
    for event in events:
        if contract.agreed_on is not None and event.day < contract.agreed_on:
            early = f"{event.kind.label}（{event.day}）早于签订（{contract.agreed_on}）"
            problems.append(early + _places([event], event.kind))
        if event.until is not None and event.until < event.day:
            problems.append(
                f"{event.kind.label}截止（{event.until}）早于起始（{event.day}）{_places([event], event.kind)}"
            )
    agreed: Mapping[str, date | None] = {
        "签订": contract.agreed_on, "约定交地": contract.handover_by, "约定动工": contract.start_by,
        "约定竣工": contract.finish_by,
    }  # fmt: skip
    known = [(label, day) for label, day in agreed.items() if day is not None]
    problems += [
        f"{later}（{other}）早于{earlier}（{one}）"
        for (earlier, one), (later, other) in zip(known, known[1:], strict=False)
        if other < one
    ]
    return problems


def _places(events: Sequence[Event], *kinds: SupplyEvent) -> str:
    """File, rows and column of the records of some kinds, in brackets; empty where they were not read from a file."""
    found = sorted({event.place for event in events if event.kind in kinds and event.place is not None})
    return f"〔{'、'.join(found)}“日期”栏〕" if found else ""


def _resumption_problems(events: Sequence[Event]) -> list[str]:
    """Stops and resumptions that do not follow each other in turn."""
    turns = sorted((e.day, e.kind) for e in events if e.kind in (SupplyEvent.STOP, SupplyEvent.RESUME))
    problems, stopped = [], False
    for day, kind in turns:
        if (kind is SupplyEvent.STOP) is stopped:
            said = f"{kind.label}（{day}）之前没有对应的{'复工' if stopped else '停工'}"
            problems.append(said + _places([one for one in events if one.day == day], kind))
        stopped = kind is SupplyEvent.STOP
    return problems
