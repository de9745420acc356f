"""What a person has to decide: rival targets and entries side by side, one set per row."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.reconcile.evidence import as_day
from pipeline.reconcile.rows import as_rows
from pipeline.schema import AMBIGUOUS, conform, empty
from pipeline.values import MatchStatus, Stage

Row = dict[str, Any]
PAIRS_SHOWN = 40
_PAIR_FACTS = ["target_id", "entry_id", "probability", "status", "reason"]
_TARGET_FACTS = ["last_clear", "first_seen", "stage", "area_m2"]
_ENTRY_FACTS = ["unit_id", "subject", "place", "status", "stated_area_m2", "discovered_on"]
HOW = "在 report/待人工判定.xlsx 中逐对选答，填好后放入 records/decisions/；也可逐对写入 records/decisions.csv"


def ambiguous_sets(matches: pd.DataFrame, targets: gpd.GeoDataFrame, entries: gpd.GeoDataFrame) -> pd.DataFrame:
    """One row per set of entries and targets that cannot be told apart without a person, as AMBIGUOUS.

    A set is what ambiguous pairs of MATCHES link, in chains; its id is its first target. Its evidence lists every
    ambiguous pair and, beside it, what is assigned or decided for the same entries and targets, likeliest first.
    """
    open_pairs = matches[matches["status"] == MatchStatus.AMBIGUOUS].reset_index(drop=True)
    if open_pairs.empty:
        return empty(AMBIGUOUS)
    site = targets.set_index("target_id")[_TARGET_FACTS].to_dict("index")
    told = entries.set_index("entry_id")[_ENTRY_FACTS].to_dict("index")
    settled = matches.loc[matches["status"].isin([MatchStatus.ASSIGNED, MatchStatus.DECIDED]), _PAIR_FACTS]
    known = as_rows(settled)
    of_entry, of_target = (settled.groupby(name).indices for name in ("entry_id", "target_id"))
    sets: dict[str, list[Row]] = {}
    for set_id, row in zip(set_ids(open_pairs), as_rows(open_pairs, _PAIR_FACTS), strict=True):
        sets.setdefault(set_id, []).append(row)
    rows = []
    for set_id, pairs in sets.items():
        goals, names = (sorted({row[name] for row in pairs}) for name in ("target_id", "entry_id"))
        beside = {row for name in names for row in of_entry.get(name, ())}
        beside |= {row for name in goals for row in of_target.get(name, ())}
        shown = sorted([*pairs, *(known[row] for row in beside)], key=_likeliest_first)
        best = max(row["probability"] for row in pairs)
        units = sorted({str(told[name]["unit_id"]) for name in names if name in told})
        rows.append(
            {"set_id": set_id, "target_ids": "、".join(goals), "entry_ids": "、".join(names),
             "unit_ids": "、".join(units) or None, "pairs": len(pairs), "best_probability": best,
             "question": _question(len(goals), len(names)), "evidence": _evidence(shown, site, told), "how": HOW}
        )  # fmt: skip
    return conform(AMBIGUOUS, pd.DataFrame(rows).sort_values("set_id", kind="stable"))


def _likeliest_first(pair: Row) -> tuple[float, str, str]:
    return -pair["probability"], pair["target_id"], pair["entry_id"]


def set_ids(pairs: pd.DataFrame) -> list[str]:
    """The set of each pair (``target_id``, ``entry_id``): the first target of the chain of pairs it belongs to."""
    entries, entry_at = np.unique(pairs["entry_id"].to_numpy("object"), return_inverse=True)
    targets, target_at = np.unique(pairs["target_id"].to_numpy("object"), return_inverse=True)
    size = len(entries) + len(targets)
    graph = coo_array((np.ones(len(pairs)), (entry_at, target_at + len(entries))), shape=(size, size))
    numbers = connected_components(graph, directed=False)[1][entry_at]
    first = pairs["target_id"].groupby(numbers).min()
    return [str(first[number]) for number in numbers]


def _question(targets: int, entries: int) -> str:
    if targets == entries == 1:
        return "这条台账说的是不是这个目标"
    if entries == 1:
        return f"这条台账说的是{targets}个目标中的哪一个，或都不是"
    if targets == 1:
        return f"{entries}条台账中哪些说的是这个目标"
    return f"{entries}条台账与{targets}个目标如何对应"


def _evidence(
    pairs: Sequence[Row], targets: Mapping[Any, Mapping[Any, Any]], entries: Mapping[Any, Mapping[Any, Any]]
) -> str:
    """What each target and each entry says, then the pairs, likeliest first; the rest is in the sheet of matches."""
    shown = pairs[:PAIRS_SHOWN]
    lines = [_target_line(name, targets.get(name)) for name in sorted({row["target_id"] for row in shown})]
    lines += [_entry_line(name, entries.get(name)) for name in sorted({row["entry_id"] for row in shown})]
    labels = {status.value: status.label for status in MatchStatus}
    lines += [
        f"{row['entry_id']} ↔ {row['target_id']}：{row['probability']:.2f} {labels[row['status']]}，{row['reason']}"
        for row in shown
    ]
    if len(pairs) > len(shown):
        lines.append(f"另有{len(pairs) - len(shown)}对，见台账匹配表")
    return "\n".join(lines)


def _target_line(name: str, target: Mapping[Any, Any] | None) -> str:
    if target is None:
        return f"目标 {name}"
    since, seen = as_day(target["last_clear"]), as_day(target["first_seen"])
    stage = next((known.label for known in Stage if known.value == target["stage"]), target["stage"])
    return f"目标 {name}：{since or '不明'}至{seen or '不明'}之间出现，{stage}，{target['area_m2']:.0f}平方米"


def _entry_line(name: str, entry: Mapping[Any, Any] | None) -> str:
    if entry is None:
        return f"条目 {name}：台账中已无"
    area = entry["stated_area_m2"]
    said = [entry[field] for field in ("subject", "place", "status") if isinstance(entry[field], str)]
    said += [f"{area:.0f}平方米"] if area > 0 else []
    return f"条目 {name}：{as_day(entry['discovered_on']) or '日期不明'}，{'，'.join(said) or '无文字'}"
