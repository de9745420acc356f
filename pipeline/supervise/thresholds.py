"""Farmland occupied by one subject within a year against the areas of the criminal rules, with the measurement's error.

Area is one condition of several (growing conditions must be seriously destroyed or polluted), and only an expert's
report on site establishes it: what stands here asks for that, it accuses nobody.
"""

from __future__ import annotations

import json
import re
import unicodedata
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import date
from fractions import Fraction
from typing import Any

import pandas as pd

from pipeline.geodesy import M2_PER_MU, reaches_mu
from pipeline.schema import ACCUMULATED, conform
from pipeline.values import Outcome, Reached, TargetState

SLIVER_M2 = 1
"""Up to this area an overlap is a seam between layers, no occupied ground."""
_ANONYMOUS = re.compile("某|不明|不详|未知|无名|待查|匿名|暂无|无主|^无$|^-+$|^/+$")
# 村民 and the like name a kind of person, not one (a 村民委员会 or 村民小组 is a body of its own, 村民张三 a person)
_KIND_OF_PERSON = re.compile(
    "(村民|农户|居民|群众|农民)([一二两三四五六七八九十几数多0-9]*([户人家名]|若干|等.*))?$"
    "|^(业主|户主|住户|当事人|个人|私人|多[户人]|施工[方队]|施工单位|建设单位|建设方|用地单位|本村|老百姓|违建户)$"
)
NOBODY = "主体不明"
_COMPANY = re.compile("公司|厂|社|局|委员会|中心|学校|医院|集团|站|场|店|部|院|政府|办事处|企业|合作")
Span = tuple[Fraction, Fraction]
_NOT_UNLAWFUL = (Outcome.LAWFUL.value, Outcome.PSEUDO_CHANGE.value, Outcome.OTHER.value)


@dataclass(frozen=True)
class Threshold:
    """``mu`` of a class of farmland that acts of one subject within ``window_months`` reach together.

    ``since``: the first day whose acts it judges (None: any); what began before is judged by ``before``, the lighter
    rule of its day.
    """

    name: str
    label: str
    mu: Fraction
    window_months: int
    law: str
    since: date | None = None
    before: Threshold | None = None

    @property
    def area_m2(self) -> Fraction:
        """The exact area."""
        return self.mu * M2_PER_MU


@dataclass(frozen=True)
class Item:
    """One target's farmland of one class: area and its error band in m2, and the days on which it can have begun.

    ``undecided``: how much of it counts could not be judged; ``area_m2`` is the middle of what is possible.
    """

    target_id: str
    low_m2: Fraction
    area_m2: Fraction
    high_m2: Fraction
    begun_from: pd.Timestamp
    begun_to: pd.Timestamp
    undecided: bool = False


def subject_key(name: str) -> str:
    """A subject's name without blanks and in one width, by which its acts are put together."""
    return re.sub(r"\s+", "", unicodedata.normalize("NFKC", name))


def is_anonymous(name: str) -> bool:
    """Whether a name stands for somebody unknown, made unrecognisable or for a kind of person: such acts are never summed."""
    key = subject_key(name)
    return len(key) < 2 or any(words.search(key) is not None for words in (_ANONYMOUS, _KIND_OF_PERSON))


def subjects_of(matches: pd.DataFrame, entries: pd.DataFrame, statuses: Iterable[str]) -> dict[str, tuple[str, ...]]:
    """Target id to the different subjects that ledger entries surely about it name, sorted."""
    named = dict(zip(entries["entry_id"], entries["subject"], strict=True))
    sure = matches[matches["status"].isin(list(statuses))]
    found: dict[str, set[str]] = {}
    for target, entry in zip(sure["target_id"], sure["entry_id"], strict=True):
        name = named.get(entry)
        if isinstance(name, str) and subject_key(name):
            found.setdefault(target, set()).add(subject_key(name))
    return {target: tuple(sorted(names)) for target, names in sorted(found.items())}


def accumulate(
    targets: Any,
    subjects: Mapping[str, Sequence[str]],
    outcomes: Mapping[str, str],
    *,
    thresholds: Sequence[Threshold],
) -> Any:
    """Per subject and class the largest sum within a window, as :data:`~pipeline.schema.ACCUMULATED`.

    ``targets``: :data:`~pipeline.schema.TARGETS`; ``outcomes``: target id to its latest field check, of which lawful
    and false ones are left out. A subject without a usable name, or a target for which several are named, is listed by
    itself and never summed; one for which nobody is named only where it may reach the area alone. Sums of what was
    measured are exact; the band is that of every target's area (``area_low_m2`` to ``area_high_m2``), all at their worst
    together.
    """
    groups: dict[tuple[str, str], list[dict[Any, Any]]] = {}
    for row in targets.drop(columns="geometry").to_dict("records"):
        names = tuple(subjects.get(row["target_id"], ()))
        left_out = outcomes.get(row["target_id"]) in _NOT_UNLAWFUL or row["state"] == TargetState.MERGED.value
        if left_out:
            continue
        by_itself = len(names) != 1 or is_anonymous(names[0])
        groups.setdefault(("、".join(names), row["target_id"] if by_itself else ""), []).append(row)
    rows = []
    for (name, alone), members in sorted(groups.items(), key=lambda pair: pair[0]):
        for threshold in thresholds:
            for items, rule in _judged_by(members, threshold):
                if name or _standing(items, rule) is not Reached.BELOW:
                    rows.append(_row(name or NOBODY, bool(alone), items, rule))
    frame = pd.DataFrame(rows, columns=ACCUMULATED.names).sort_values(list(ACCUMULATED.key), kind="stable")
    return conform(ACCUMULATED, frame)


def _judged_by(members: Sequence[Mapping[Any, Any]], threshold: Threshold) -> list[tuple[list[Item], Threshold]]:
    """The items that a threshold judges, and those of the rule before it where acts may have begun in its time.

    The later, stricter rule counts what may have begun since it holds; the earlier one counts all acts, so that none of
    them is judged by a rule that was not there yet.
    """
    items = [item for row in members if (item := _item(row, threshold)) is not None]
    if threshold.since is None or threshold.before is None:
        return [(items, threshold)] if items else []
    start = pd.Timestamp(threshold.since)
    # what may have begun before that day is only possibly judged by the later rule
    later = [item if item.begun_from >= start else replace(item, low_m2=Fraction(0)) for item in items]
    judged = [([item for item in later if item.begun_to >= start], threshold)]
    if any(item.begun_from < start for item in items):
        judged.append((items, threshold.before))
    return [(some, rule) for some, rule in judged if some]


def _item(row: Mapping[Any, Any], threshold: Threshold) -> Item | None:
    """A target's unapproved farmland of one class; None where it has none, or its date or area's interval is not known."""
    if pd.isna(row["first_seen"]) or pd.isna(row["area_low_m2"]):
        return None
    basic, other = unapproved_farmland(row["rules"])
    low, high = basic
    if threshold.name == "other_farmland":
        low, high = _within(other, row["farmland_m2"], row["basic_farmland_m2"])
    if high <= SLIVER_M2:
        return None
    # farmland shares the fate of the whole outline: as much less or more of it as of the target
    least, most = (exact(row[name]) / exact(row["area_m2"]) for name in ("area_low_m2", "area_high_m2"))
    clear = row["first_seen"] if pd.isna(row["last_clear"]) else row["last_clear"] + pd.Timedelta(days=1)
    middle = (low + high) / 2
    return Item(
        row["target_id"],
        low * least,
        middle,
        high * most,
        min(clear, row["first_seen"]),
        row["first_seen"],
        low != high,
    )


def _within(other: Span, farmland_m2: float, basic_m2: float) -> Span:
    """Other farmland as no more than the farmland that is surely not permanent basic farmland could be.

    Where the approval is open both bands reach from nothing to all, and their difference alone would count ground twice.
    """
    if pd.isna(farmland_m2) or pd.isna(basic_m2):
        return other
    most = max(exact(farmland_m2) - exact(basic_m2), Fraction(0))
    return min(other[0], most), min(other[1], most)


def unapproved_farmland(rules: str) -> tuple[Span, Span]:
    """Permanent basic farmland (永久基本农田) and other farmland without approval, m2 surely and possibly so."""
    basic, farmland = (_unapproved(rules, f"unapproved_{name}_m2") for name in ("basic_farmland", "farmland"))
    return basic, (max(farmland[0] - basic[1], Fraction(0)), max(farmland[1] - basic[0], Fraction(0)))


def _unapproved(rules: str, fact: str) -> Span:
    """What of a fact is surely and possibly so, by the rules that cite it; none where no rule does."""
    for entry in json.loads(rules):
        value = (entry.get("facts") or {}).get(fact)
        if isinstance(value, dict):
            return exact(value["low"]), exact(value["high"])
    return Fraction(0), Fraction(0)


def exact(area_m2: float) -> Fraction:
    """Square metres as written to the square centimetre, exactly."""
    return Fraction(round(area_m2 * 100), 100)


def best_window(
    items: Sequence[Item], months: int, threshold_mu: Fraction
) -> tuple[pd.Timestamp, list[Item], list[Item]]:
    """The window of ``months`` that speaks most for the threshold: its last day, what surely and what possibly began in it.

    A window that surely reaches it comes first, then one that possibly does, then the larger sums; ties take the
    earliest. Sums change only where an act may begin or has surely begun, so windows ending on these days are all.
    """
    best: tuple[tuple[bool, bool, Fraction, Fraction], pd.Timestamp, list[Item], list[Item]] | None = None
    for end in sorted({day for item in items for day in (item.begun_from, item.begun_to)}):
        start = end - pd.DateOffset(months=months)
        sure = [item for item in items if item.begun_from > start and item.begun_to <= end]
        possible = [item for item in items if item.begun_to > start and item.begun_from <= end]
        low, high = (
            sum((item.low_m2 for item in sure), Fraction(0)),
            sum((item.high_m2 for item in possible), Fraction(0)),
        )
        rank = reaches_mu(low, threshold_mu), reaches_mu(high, threshold_mu), low, high
        if best is None or rank > best[0]:
            best = rank, end, sure, possible
    if best is None:
        raise ValueError("best_window needs at least one item")
    return best[1], best[2], best[3]


def _standing(items: Sequence[Item], threshold: Threshold) -> Reached:
    """How the largest sum within a window stands to a threshold."""
    _, sure, possible = best_window(items, threshold.window_months, threshold.mu)
    low = sum((item.low_m2 for item in sure), Fraction(0))
    return reached(low, sum((item.high_m2 for item in possible), Fraction(0)), threshold.mu)


def reached(low_m2: Fraction, high_m2: Fraction, threshold_mu: Fraction) -> Reached:
    """How a band stands to a threshold, exactly; a band that touches it from below may have reached it."""
    if reaches_mu(low_m2, threshold_mu):
        return Reached.SURELY_ABOVE
    return Reached.POSSIBLY_ABOVE if reaches_mu(high_m2, threshold_mu) else Reached.BELOW


def _row(name: str, alone: bool, items: list[Item], threshold: Threshold) -> dict[str, Any]:
    end, sure, possible = best_window(items, threshold.window_months, threshold.mu)
    low = sum((item.low_m2 for item in sure), Fraction(0))
    middle = sum((item.area_m2 for item in possible), Fraction(0))
    high = sum((item.high_m2 for item in possible), Fraction(0))
    standing = reached(low, high, threshold.mu)
    reason = f"{len(possible)}处图斑，{threshold.window_months}个月内合计，上下限按各图斑面积的上下限计"
    undecided = sum(item.undecided for item in possible)
    if alone:
        reason = f"主体不明或不止一个，不与其他图斑合计；单处{standing.label}"
        standing = Reached.NOT_SUMMED
    elif len(possible) > 1 and _COMPANY.search(name) is None:
        reason += "；按姓名相同合计，须核对是否同一人"
    if undecided:
        reason += f"；{undecided}处批准情况或保护范围不能判断，面积取可能范围的中值"
    return {
        "subject": name,
        "category": threshold.label,
        "target_ids": "、".join(sorted(item.target_id for item in possible)),
        "targets": len(possible),
        "window_from": end - pd.DateOffset(months=threshold.window_months) + pd.Timedelta(days=1),
        "window_to": end,
        "area_low_m2": float(low),
        "area_m2": float(middle),
        "area_high_m2": float(high),
        "threshold_m2": float(threshold.area_m2),
        "standing": standing.value,
        "basis": f"{threshold.law}，{threshold.mu}亩",
        "reason": f"{reason}；仅为影像面积，是否毁坏种植条件须实地鉴定",
    }
