"""Ledger entries that tell of works before the imagery shows any: the two pieces of evidence, side by side."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.supervise.claims import MEND, SHOWN, entry_place
from pipeline.values import Conflict, MatchStatus, TargetState


@dataclass(frozen=True)
class EarlierReport:
    """An entry surely about a target that tells of works on or before the day an image still shows none."""

    entry_id: str
    day: pd.Timestamp
    status: str
    place: str
    last_clear: pd.Timestamp
    first_seen: pd.Timestamp | None

    @property
    def said(self) -> str:
        """What the ledger says, with its day."""
        return f"{self.day:%Y-%m-%d}台账 {self.entry_id}：{self.status}"

    @property
    def shown(self) -> str:
        """What the imagery says, with its days."""
        seen = "" if self.first_seen is None else f"，{self.first_seen:%Y-%m-%d}影像已见变化"
        return f"{self.last_clear:%Y-%m-%d}影像尚无变化{seen}"


def earlier_reports(
    targets: pd.DataFrame, matches: pd.DataFrame, entries: pd.DataFrame, told: Mapping[str, str]
) -> dict[str, EarlierReport]:
    """The earliest such entry per target that is not merged (TARGETS, MATCHES, ENTRIES).

    ``told``: entry id to the stage of works that its words tell; others tell of none. An entry counts by the last day
    on which it can have been made, and only where it is assigned or decided by a person.
    """
    sure = matches[matches["status"].isin([MatchStatus.ASSIGNED.value, MatchStatus.DECIDED.value])]
    sure = sure[sure["probability"] > 0.5]
    known = {row["entry_id"]: row for row in entries.to_dict("records") if row["entry_id"] in told}
    standing = targets[(targets["state"] != TargetState.MERGED.value) & targets["last_clear"].notna()]
    facts = {row["target_id"]: row for row in standing[["target_id", "last_clear", "first_seen"]].to_dict("records")}
    found: dict[str, EarlierReport] = {}
    for target_id, entry_id in sure[["target_id", "entry_id"]].sort_values(["target_id", "entry_id"]).to_numpy():
        target, entry = facts.get(target_id), known.get(entry_id)
        if target is None or entry is None or pd.isna(entry["discovered_on"]):
            continue
        day = entry["discovered_until"] if pd.notna(entry["discovered_until"]) else entry["discovered_on"]
        earlier = found.get(target_id)
        if day > target["last_clear"] or (earlier is not None and earlier.day <= day):
            continue
        seen = None if pd.isna(target["first_seen"]) else target["first_seen"]
        place = entry_place(entry, ("status",))
        found[target_id] = EarlierReport(entry_id, day, str(entry["status"]), place, target["last_clear"], seen)
    return found


def onset_conflicts(reports: Mapping[str, EarlierReport]) -> list[dict[str, Any]]:
    """The reports as rows of ``schema.CONFLICTS``: shown side by side, nobody is accused by them."""
    return [
        {
            "target_id": target_id,
            "conflict": Conflict.SAID_BEFORE_CHANGE.value,
            "one": report.said,
            "other": report.shown,
            "effect": SHOWN,
            "place": report.place,
            "mend": MEND,
        }
        for target_id, report in sorted(reports.items())
    ]
