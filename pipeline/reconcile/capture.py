"""What neither the satellite nor the patrols saw: stratified capture-recapture from blind finds, as a lower bound.

Two lists of the same new sites: satellite targets that people confirmed, and what patrols found without being told.
A find counts as blind only up to a common last day before the dispatch, on the list or off it: leaving out only the
told finds of listed sites would keep later finds of unlisted ones and inflate the total.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass

import pandas as pd
from scipy.stats import fisher_exact

from pipeline.intervals import chapman, chapman_interval, sum_interval

MIN_RECAPTURES = 7
"""From 7 recaptures on Chapman's estimator has a bias below 2 % (Robson and Regier 1964)."""
_LEAST_IN_STRATUM = 3
_SIGNIFICANT = 0.05
_HETEROGENEOUS = 0.05

ASSUMPTIONS = (
    "假设：期内建设总体不变；两份名单同一处可以对上；同层内各处被发现的机会相近，且两份名单互不影响。"
    "机会不均（大而近的两边都易见）只会使结果偏小，故按下限使用"
)


@dataclass(frozen=True)
class Stratum:
    """One stratum: its name, the sizes of both lists and of what they share, and the estimate with its interval."""

    name: str
    satellite: int
    patrol: int
    both: int
    value: float
    low: float
    high: float


@dataclass(frozen=True)
class Population:
    """The number of sites altogether: sum over ``strata`` with its interval; ``warnings`` are Chinese sentences."""

    value: float
    low: float
    high: float
    seen: int
    strata: tuple[Stratum, ...]
    warnings: tuple[str, ...]


def estimate_population(sites: pd.DataFrame, factors: Sequence[str], *, confidence: float) -> Population:
    """Stratified Chapman estimate of how many sites there are, seen or not.

    ``sites``: one row per distinct site with flags ``satellite`` and ``patrol`` (rows with neither are ignored) and
    the columns ``factors``, the most important first. Strata are the factors' combinations; one with fewer than 3
    recaptures is pooled, first within the leading factors it shares. Per stratum the interval is Sadinle's (2009),
    the sum's is by variance recovery (Zou and Donner 2008). The row order does not matter.
    """
    rows = sites[sites["satellite"].astype(bool) | sites["patrol"].astype(bool)]
    counts: dict[tuple[str, ...], tuple[int, int, int]] = {}
    for satellite, patrol, *names in rows[["satellite", "patrol", *factors]].itertuples(index=False, name=None):
        key = tuple(str(name) for name in names)
        first, second, both = counts.get(key, (0, 0, 0))
        counts[key] = (first + bool(satellite), second + bool(patrol), both + bool(satellite and patrol))
    strata = tuple(_stratum(keys, counts, confidence) for keys in _pooled(counts))
    pooled = _add(counts.values())
    value = sum(stratum.value for stratum in strata)
    limits = [(stratum.low, stratum.high) for stratum in strata]
    low, high = sum_interval([stratum.value for stratum in strata], limits)
    seen = pooled[0] + pooled[1] - pooled[2]
    warnings = _sparse(pooled) + _uneven(pooled, value, len(strata))
    return Population(value, max(low, float(seen)), high, seen, strata, warnings)


def told_finds(*, before: tuple[int, int], after: tuple[int, int], quoted: int = 0) -> tuple[str, ...]:
    """Warnings that the satellite's list steered the patrols: finds on and off the list, before and after the dispatch.

    One-sided exact test (Fisher) of whether a find after the dispatch is likelier to be on the list than one before;
    without a dispatch's influence it is not. ``quoted``: finds that state the id of a target, which only the dispatch
    makes known. Finds after it never enter the estimate, whatever the test says.
    """
    warnings: tuple[str, ...] = ()
    if quoted:
        warnings += (f"{quoted} 条发现填报了监测编号，系按派发清单核查所得，不独立，已排除",)
    if not sum(after) or _greater(after, before) >= _SIGNIFICANT:
        return warnings
    earlier = f"{before[0] / sum(before):.0%}" if sum(before) else "0%"
    return (
        *warnings,
        f"派发影响了发现：派发后的 {sum(after)} 条发现中 {after[0] / sum(after):.0%} 在卫星名单上，派发前为 {earlier}；"
        "派发后的发现不独立，已全部排除",
    )


def leaked_list(*, dispatched: tuple[int, int], held_back: tuple[int, int]) -> tuple[str, ...]:
    """Warning that the list was known, or days were written back, before the dispatch; found and not found of each.

    Held-back targets are drawn at random from the same list, so the share found before the dispatch day must be alike.
    """
    if not sum(held_back) or _greater(dispatched, held_back) >= _SIGNIFICANT:
        return ()
    return (
        f"派发目标在派发日前已发现 {dispatched[0] / sum(dispatched):.0%}，未派发的盲样仅 "
        f"{held_back[0] / sum(held_back):.0%}：名单可能提前为人所知，或日期系事后补填，估计偏小",
    )


def shared_blindness(*, both: int, satellite: int, patrol: int, neither: int) -> tuple[str, ...]:
    """Warning that both lists miss the same sites, from a full audit on the ground: sites on both, one and no list.

    An odds ratio above 1 (one-sided exact test) is a positive dependence of the lists: the estimate is then too small.
    """
    if _greater((both, satellite), (patrol, neither)) >= _SIGNIFICANT:
        return ()
    return (
        f"抽查表明两份名单正相关（两者都有 {both}、仅卫星 {satellite}、仅巡查 {patrol}、都没有 {neither}）："
        "卫星未见的，巡查也更难见，估计明显偏小",
    )


def _greater(one: tuple[int, int], other: tuple[int, int]) -> float:
    return float(fisher_exact([one, other], alternative="greater").pvalue)


def _sparse(pooled: tuple[int, int, int]) -> tuple[str, ...]:
    if pooled[2] >= MIN_RECAPTURES:
        return ()
    return (f"两份名单共同的只有 {pooled[2]} 处，少于 {MIN_RECAPTURES} 处，区间很宽，仅供参考",)


def _uneven(pooled: tuple[int, int, int], value: float, strata: int) -> tuple[str, ...]:
    """Where strata differ in chance, what differs inside them is likely to push the same way."""
    plain = chapman(*pooled)
    if strata < 2 or plain >= (1.0 - _HETEROGENEOUS) * value:
        return ()
    return (f"各层被发现的机会差别大（不分层只得 {plain:.0f} 处），层内可能仍有差别，结果更应作下限看",)


def _add(counts: Iterable[tuple[int, int, int]]) -> tuple[int, int, int]:
    rows = list(counts)
    return sum(row[0] for row in rows), sum(row[1] for row in rows), sum(row[2] for row in rows)


def _pooled(counts: Mapping[tuple[str, ...], tuple[int, int, int]]) -> list[tuple[tuple[str, ...], ...]]:
    """Groups of strata with enough recaptures each, pooled inside the longest shared leading factors first."""
    groups: list[tuple[tuple[tuple[str, ...], ...], int]] = [((key,), counts[key][2]) for key in sorted(counts)]
    depth = max((len(key) for key in counts), default=0)
    for shared in range(depth - 1, -1, -1):
        by_prefix: dict[tuple[str, ...], list[tuple[tuple[tuple[str, ...], ...], int]]] = {}
        for group in groups:
            by_prefix.setdefault(group[0][0][:shared], []).append(group)
        groups = [group for prefix in sorted(by_prefix) for group in _pool_poor(by_prefix[prefix])]
    return [keys for keys, _ in groups]


def _pool_poor(
    groups: list[tuple[tuple[tuple[str, ...], ...], int]],
) -> list[tuple[tuple[tuple[str, ...], ...], int]]:
    """The poor groups joined into one, and that one with the poorest of the others while it is still poor."""
    rich = sorted((group for group in groups if group[1] >= _LEAST_IN_STRATUM), key=lambda g: (g[1], g[0]))
    poor = [group for group in groups if group[1] < _LEAST_IN_STRATUM]
    if not poor:
        return groups
    while sum(group[1] for group in poor) < _LEAST_IN_STRATUM and rich:
        poor.append(rich.pop(0))
    joined = tuple(sorted(key for keys, _ in poor for key in keys))
    return sorted([*rich, (joined, sum(group[1] for group in poor))])


def _stratum(
    keys: tuple[tuple[str, ...], ...], counts: Mapping[tuple[str, ...], tuple[int, int, int]], confidence: float
) -> Stratum:
    total = _add(counts[key] for key in keys)
    low, high = chapman_interval(*total, confidence=confidence)
    name = "＋".join("／".join(key) or "全部" for key in keys)
    return Stratum(name, *total, chapman(*total), low, high)
