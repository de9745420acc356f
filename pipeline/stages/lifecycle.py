"""What supervise says of each case's life: admitted records, watch, ground, history and conflicts, from a month's tables."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import shapely

from pipeline.schema import CASE_HISTORY, FOLLOW_UPS, TARGETS
from pipeline.sources.claim_rules import claim_words
from pipeline.stages.base import StageContext
from pipeline.stages.ground import ground_looks
from pipeline.store import read_table
from pipeline.supervise.acts import Acts
from pipeline.supervise.cases import Deadlines
from pipeline.supervise.claims import claim_conflicts
from pipeline.supervise.follow import follow_ups, sightings
from pipeline.supervise.history import case_history
from pipeline.supervise.onset import EarlierReport, onset_conflicts
from pipeline.supervise.transitions import REFUSED, admitted, conflict_table
from pipeline.supervise.watch import Watch, approved_day, watch, with_all_approvals
from pipeline.values import TargetState


@dataclass(frozen=True)
class Lifecycle:
    """What a month adds: ``acts`` are the admitted ones, ``disputed`` the targets with a refused record."""

    acts: dict[str, Acts]
    disputed: frozenset[str]
    watches: dict[str, Watch]
    follow_ups: Any
    history: Any
    conflicts: Any


def earlier_files(context: StageContext) -> tuple[Path, ...]:
    """The tables of the latest earlier period that this one goes on from, those that exist."""
    if context.previous is None:
        return ()
    names = ("supervise/case_history.parquet", "supervise/follow_ups.parquet", "register/targets.parquet")
    return tuple(path for path in (context.previous / name for name in names) if path.is_file())


def lives(
    context: StageContext,
    targets: Any,
    suspected: Any,
    acts: dict[str, Acts],
    approvals: Any,
    matches: Any,
    entries: Any,
    deadlines: Deadlines,
    reports: Mapping[str, EarlierReport],
) -> Lifecycle:
    """Everything about the lives of the register's cases as of the context's day; ``reports`` are listed as conflicts."""
    period, as_of = str(context.period), context.as_of
    taken, refused, found = _admit(targets, acts)
    intervals = _intervals(targets, suspected)
    looks = ground_looks(context, targets)
    observed = {name: look.now.observed_on for name, look in looks.items()}
    documents = _documents(approvals)
    held = {name: with_all_approvals(own, acts[name]) for name, own in taken.items()}
    watches = _watches(context, targets, held, intervals, observed, documents)
    approved = {
        row["target_id"]: approved_day(row, shape, taken[row["target_id"]], documents, targets.crs)
        for row, shape in zip(targets.drop(columns="geometry").to_dict("records"), targets.geometry, strict=True)
        if row["target_id"] in taken
    }
    earlier = _earlier(context, "supervise/follow_ups.parquet", FOLLOW_UPS)
    now = follow_ups(targets, looks, earlier, taken, watches, intervals, approved, period=period, as_of=as_of)
    told = _earlier(context, "supervise/case_history.parquet", CASE_HISTORY)
    known = frozenset() if told is None else frozenset(told["target_id"])
    seen = sightings(targets, now, earlier, intervals, known)
    history, gone = case_history(
        targets, taken, seen, told, deadlines=deadlines, period=period, as_of=as_of, month_end=context.period.last_day
    )
    words = claim_words(context.period.last_day)
    found += gone + claim_conflicts(targets, matches, entries, intervals, now, words) + onset_conflicts(reports)
    return Lifecycle(taken, refused, watches, now, history, conflict_table(found))


def _admit(targets: Any, acts: dict[str, Acts]) -> tuple[dict[str, Acts], frozenset[str], list[dict[str, Any]]]:
    taken, refused, found = dict(acts), set(), []
    for row in targets[["target_id", "last_clear", "first_seen"]].to_dict("records"):
        name = row["target_id"]
        if name not in acts:
            continue
        taken[name], met = admitted(acts[name], last_clear=row["last_clear"], first_seen=row["first_seen"])
        found += [{"target_id": name, **one} for one in met]
        if any(one["effect"] == REFUSED for one in met):
            refused.add(name)
    return taken, frozenset(refused), found


def _intervals(targets: Any, suspected: Any) -> dict[str, tuple[Any, Any]]:
    """Per target detected this period the interval of this period's change."""
    seen = {row["candidate_id"]: (row["last_clear"], row["first_seen"]) for row in suspected.to_dict("records")}
    shown = (TargetState.NEW.value, TargetState.GROWING.value, TargetState.SEEN_AGAIN.value)
    return {
        name: seen[candidate]
        for name, state, candidate in targets[["target_id", "state", "candidate_id"]].itertuples(index=False)
        if state in shown and candidate in seen
    }


def _watches(
    context: StageContext,
    targets: Any,
    acts: dict[str, Acts],
    intervals: dict[str, tuple[Any, Any]],
    observed: dict[str, Any],
    documents: dict[str, Any],
) -> dict[str, Watch]:
    register = _earlier(context, "register/targets.parquet", TARGETS)
    before = {} if register is None else dict(zip(register["target_id"], register.geometry, strict=True))
    found: dict[str, Watch] = {}
    live = targets[targets["state"] != TargetState.MERGED.value]
    for row, shape in zip(live.drop(columns="geometry").to_dict("records"), live.geometry, strict=True):
        name = row["target_id"]
        held = watch(
            row,
            acts.get(name, Acts()),
            grounds=(before.get(name), shape),
            interval=intervals.get(name, (None, None)),
            observed_on=observed.get(name),
            documents=documents,
            crs=targets.crs,
        )
        if held is not None:
            found[name] = held
    return found


def _documents(approvals: Any) -> dict[str, Any]:
    """Outlines of approved land by document, several parcels of one document together."""
    if approvals is None or not len(approvals):
        return {}
    named = approvals[approvals["document"].notna()].sort_values("approval_id", kind="stable")
    return {str(document): shapely.union_all(part.geometry.to_numpy()) for document, part in named.groupby("document")}


def _earlier(context: StageContext, name: str, table: Any) -> Any:
    path = None if context.previous is None else context.previous / name
    return read_table(path, table) if path is not None and path.is_file() else None
