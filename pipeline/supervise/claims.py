"""What a ledger row claims about works having stopped, gone or been turned back, and the imagery that says otherwise."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import pandas as pd

from pipeline.geodesy import mu
from pipeline.schema import ENTRIES
from pipeline.supervise.recovery import GREEN_NDVI
from pipeline.values import Conflict, GroundAnswer, MatchStatus, Stage, TargetState

GROWING_DAYS = 60
"""Days after sowing by which a field is green where its neighbours are."""
_CLAUSES = re.compile("[，,。；;、！!\n（）()]")
_WORKS = (Stage.STRUCTURE.value, Stage.ROOFED.value)
SHOWN = "两方证据并列，仅提示核对，不作结论"
MEND = "现场核实后在 records/field_checks.csv 填写核查结果；台账写错的，由填报单位以更正行更正，不改原文件"


@dataclass(frozen=True)
class ClaimWords:
    """Words of the rule file ``claim_words.yaml``; ``fields``: the ledger columns that may claim."""

    fields: tuple[str, ...]
    stopped: tuple[str, ...]
    removed: tuple[str, ...]
    restored: tuple[str, ...]
    not_yet: tuple[str, ...]
    partly: tuple[str, ...]
    other_matters: tuple[str, ...]
    resumed: tuple[str, ...]


def claims_in(texts: Mapping[str, Any], words: ClaimWords) -> frozenset[str]:
    """Which of ``stopped``, ``removed``, ``restored`` a row claims outright; works that went on again did not stop."""
    found, resumed = set(), False
    for field in words.fields:
        text = texts.get(field)
        clauses = _CLAUSES.split(text) if isinstance(text, str) else []
        for clause in clauses:
            resumed = resumed or _said(clause, words.resumed, words)
            for claim in ("stopped", "removed", "restored"):
                if _claimed(clause, getattr(words, claim), words):
                    found.add(claim)
    return frozenset(found - {"stopped"}) if resumed else frozenset(found)


def _claimed(clause: str, said: tuple[str, ...], words: ClaimWords) -> bool:
    if any(word in clause for word in (*words.partly, *words.other_matters)):
        return False
    return _said(clause, said, words)


def _said(clause: str, said: tuple[str, ...], words: ClaimWords) -> bool:
    """Whether a clause says one of some words with none of intent, order or negation before it."""
    at = min((clause.index(word) for word in said if word in clause), default=None)
    return at is not None and not any(word in clause[:at] for word in words.not_yet)


def claim_conflicts(
    targets: pd.DataFrame,
    matches: pd.DataFrame,
    entries: pd.DataFrame,
    intervals: Mapping[str, tuple[Any, Any]],
    follow_ups: pd.DataFrame,
    words: ClaimWords,
) -> list[dict[str, Any]]:
    """Claims that this month's imagery speaks against, as rows of ``schema.CONFLICTS``.

    Only entries that surely belong to a target count (assigned or decided by a person), and only imagery that surely
    came after the day of the claim: growth whose whole interval lies after it, ground that stands on a later day.
    """
    sure = matches[matches["status"].isin([MatchStatus.ASSIGNED.value, MatchStatus.DECIDED.value])]
    told = {row["entry_id"]: row for row in entries.to_dict("records")}
    ground = {row["target_id"]: row for row in follow_ups.to_dict("records")}
    known = {row["target_id"]: row for row in targets.to_dict("records")}
    rows = []
    for target_id, entry_id in sure[["target_id", "entry_id"]].sort_values(["target_id", "entry_id"]).to_numpy():
        entry, target = told.get(entry_id), known.get(target_id)
        if entry is None or target is None or pd.isna(entry["discovered_on"]):
            continue
        day = entry["discovered_until"] if pd.notna(entry["discovered_until"]) else entry["discovered_on"]
        said = claims_in(entry, words)
        against = _against(said, day, target, intervals.get(target_id, (None, None)), ground.get(target_id))
        said_by = {
            "one": _quote(entry, day, words),
            "effect": SHOWN,
            "place": entry_place(entry, words.fields),
            "mend": MEND,
        }
        rows += [{"target_id": target_id, **said_by, **one} for one in against]
    return rows


def _against(
    said: frozenset[str], day: pd.Timestamp, target: Mapping[Any, Any], interval: tuple[Any, Any], ground: Any
) -> list[dict[str, str]]:
    found = []
    grew = target["state"] == TargetState.GROWING.value and pd.notna(interval[0]) and day <= interval[0]
    if "stopped" in said and grew:
        before, after = target["area_before_m2"], target["area_m2"]
        size = "" if pd.isna(before) else f"由{mu(before):.2f}亩到{mu(after):.2f}亩"
        words = f"{interval[0]:%Y-%m-%d}至{interval[1]:%Y-%m-%d}影像之间疑似扩大{size}"
        found.append({"conflict": Conflict.STOPPED_BUT_GREW.value, "other": words})
    stands = ground is not None and ground["ground"] == GroundAnswer.STILL_THERE.value
    if stands and pd.notna(ground["observed_on"]) and ground["observed_on"] > day:
        built = ground["stage_built"] in _WORKS
        # tilled soil looks like earthworks: without a building only a green neighbourhood, later, speaks against
        late = ground["observed_on"] >= day + pd.Timedelta(days=GROWING_DAYS) and ground["ndvi_around"] >= GREEN_NDVI
        if "removed" in said and built:
            found.append({"conflict": Conflict.REMOVED_BUT_STANDS.value, "other": ground["ground_reason"]})
        elif "restored" in said and (built or late):
            found.append({"conflict": Conflict.RESTORED_BUT_STANDS.value, "other": ground["ground_reason"]})
    return found


def entry_place(entry: Mapping[Any, Any], fields: Sequence[str]) -> str:
    """File, sheet, row and columns (ENTRIES' names) of an entry, as a clerk finds them."""
    labels = {column.name: column.label for column in ENTRIES.columns}
    columns = "、".join(labels[name] for name in fields if isinstance(entry.get(name), str) and name in labels)
    sheet = f"〔{entry['sheet']}〕" if isinstance(entry.get("sheet"), str) else ""
    return f"ledgers {entry['unit_id']} {entry['file']}{sheet}第{int(entry['row'])}行“{columns}”栏"


def _quote(entry: Mapping[Any, Any], day: pd.Timestamp, words: ClaimWords) -> str:
    said = "；".join(str(entry[field]) for field in words.fields if isinstance(entry.get(field), str))
    return f"{day:%Y-%m-%d}台账 {entry['entry_id']}：{said}"
