"""What ledgers told of the stage of the works on targets, from matches, entries and the vocabulary of findings."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import pandas as pd

from pipeline.patrol.tasks import Told
from pipeline.reconcile.words import told_stage
from pipeline.supervise.supply_ground import plain_day
from pipeline.values import MatchStatus, Stage

_SURE = (MatchStatus.DECIDED.value, MatchStatus.ASSIGNED.value)
_ORDER = [Stage.EARTHWORKS, Stage.PIT, Stage.STRUCTURE, Stage.ROOFED]


def told_stages(
    matches: pd.DataFrame, entries: pd.DataFrame, vocabulary: Mapping[str, Sequence[str]]
) -> dict[str, Told]:
    """Target id to the furthest stage told in 违法现状 of its entries (MATCHES, ENTRIES), sure ones before open ones.

    Of entries that told the same, the first counts. Without any word of a stage, or with words of early works beside
    words of a building, an entry tells none.
    """
    wanted = matches[matches["status"].isin([*_SURE, MatchStatus.AMBIGUOUS.value])]
    joined = wanted[["target_id", "entry_id", "status"]].merge(
        entries[["entry_id", "discovered_on", "status"]], on="entry_id", suffixes=("", "_told")
    )
    best: dict[str, tuple[bool, int, int, Told]] = {}
    for row in joined.sort_values(["target_id", "entry_id"], kind="stable").to_dict("records"):
        stage = told_stage(row["status_told"], vocabulary)
        if stage is None:
            continue
        told = Told(stage, plain_day(row["discovered_on"]), row["status"] in _SURE)
        day = -told.day.toordinal() if told.day is not None else -(10**9)
        key = (told.sure, _ORDER.index(stage), day, told)
        if row["target_id"] not in best or key[:3] > best[row["target_id"]][:3]:
            best[row["target_id"]] = key
    return {target: key[3] for target, key in best.items()}
