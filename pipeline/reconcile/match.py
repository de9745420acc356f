"""Which ledger entries are about which targets: a probability with its parts, assigned globally."""

from __future__ import annotations

import math
from collections.abc import Mapping
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.reconcile.assignment import assign
from pipeline.reconcile.decisions import decided_pairs, decided_rows, gone_entries, survivors
from pipeline.reconcile.matters import Numbers, first_days, lenders, matter_numbers
from pipeline.reconcile.rows import as_rows
from pipeline.reconcile.sites import site_numbers
from pipeline.reconcile.space import (
    BORROWED,
    MEASURED,
    READ,
    STATED,
    Floats,
    space_density,
    stated_points,
    with_borrowed,
)
from pipeline.reconcile.words import (
    TEXT_FIELDS,
    Vocabulary,
    area_factor,
    entry_text,
    names_small_thing,
    pace_factor,
    small_factor,
    stage_factor,
    topics,
)
from pipeline.schema import MATCHES, conform
from pipeline.values import MatchStatus, TargetState

Days = NDArray[np.datetime64]

STATED_PROBABILITY = 0.995
STATED_DOUBTED = 0.5
STATED_LIMIT_M = 2000.0
KEEP_PROBABILITY = 0.001
REACH_SIGMAS = 8.0
OWN_DAY_SHARE = 0.25
UNDATED_TIME = 0.5
LEAK, LEAK_DAYS, OLD_LEAK = 0.3, 20.0, 0.003
# odds against anything else below which nothing brings an entry whose coordinates lie inside the site's outline
INSIDE_ODDS = 0.2
_REASON_FACTS = ["gone", "status", "probability", "distance_m", "basis", "names_this", "time_score", "word_score"]
_DAY = np.timedelta64(1, "D")
_BASIS = {READ: "（坐标基准未定，取最吻合的读法）", BORROWED: "（按同一事项另一条目的位置）"}


def open_targets(targets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Targets that stand for themselves (not merged into another), ordered by id."""
    kept = targets[targets["state"] != TargetState.MERGED]
    return kept.sort_values("target_id", kind="stable").reset_index(drop=True)


def time_score(until: pd.Series, last_clear: pd.Series, first_seen: pd.Series, *, max_lead_days: int) -> Floats:
    """How well an entry's last possible day fits a target's onset interval, 0..1, row by row.

    1 from ``first_seen`` on; inside the interval the share of it that had passed (onset taken as uniform), with a
    leak for early staking that the image does not show yet; before ``last_clear`` the leak dies off over weeks, and
    beyond ``max_lead_days`` what is left only keeps a report on the very spot from being passed over: the image may
    have overlooked it. Unknown days count half: they can neither prove nor exclude.
    """
    days = (series.to_numpy("datetime64[D]") for series in (until, last_clear, first_seen))
    return time_fit(*days, max_lead_days=max_lead_days)


def time_fit(day: Days, start: Days, end: Days, *, max_lead_days: int) -> Floats:
    """:func:`time_score` of plain arrays (datetime64[D], shapes that broadcast)."""
    with np.errstate(invalid="ignore", divide="ignore"):
        start, passed = _since_clear(day, start, end)
        share = np.clip(passed / np.maximum((end - start) / _DAY, 1.0), 0.0, 1.0)
    leak = LEAK * np.exp(np.minimum(passed, 0.0) / LEAK_DAYS)
    score = np.where(passed < -max_lead_days, OLD_LEAK, leak + (1.0 - leak) * share)
    score = np.where(day >= end, 1.0, score)
    return np.where(np.isnat(day) | np.isnat(end), UNDATED_TIME, score)


def too_old(day: Days, start: Days, end: Days, *, max_lead_days: int) -> NDArray[np.bool_]:
    """Where a day lies more than ``max_lead_days`` before the onset interval; never where one of them is unknown."""
    return np.asarray(_since_clear(day, start, end)[1] < -max_lead_days)


def _since_clear(day: Days, start: Days, end: Days) -> tuple[Days, Floats]:
    """The interval's start, a year before its end where unknown, and the days since it (NaN where unknown)."""
    start = np.where(np.isnat(start), end - np.timedelta64(365, "D"), start)
    return start, (day - start) / _DAY


def match_entries(
    targets: gpd.GeoDataFrame,
    entries: gpd.GeoDataFrame,
    decisions: pd.DataFrame,
    *,
    vocabulary: Vocabulary,
    accept_match: float,
    reject_match: float,
    standing_m: float,
    background_per_km2: float,
    max_lead_days: int,
    one_site_m: float,
) -> pd.DataFrame:
    """All plausible pairs of a target and a ledger finding, as :data:`~pipeline.schema.MATCHES`.

    ``targets`` (TARGETS) and ``entries`` (ENTRIES, findings only are used) share a projected metre CRS. An entry is
    about one site or about something else (density ``background_per_km2``); its weights are the product of space,
    time and words. Targets within ``one_site_m`` of each other, in chains, are parts of one site: an entry about it is
    about each part that its day allows, so its probabilities add up to one over sites, not over targets. Entries of
    one matter (same subject, agreeing places) lend each other the better place and do not compete. Others are
    assigned one to one first, over each connected group at once, then further mentions join. ``decisions`` of people
    (``same`` or ``different`` 同一处/不是同一处) override everything.

    Statuses: ``decided``; ``assigned`` (best for the entry and at least ``accept_match``); ``ambiguous`` (at least
    ``reject_match``: may be this target); ``candidate`` (less, kept to be looked at). The order of rows never matters.
    """
    goals = open_targets(targets)
    found = entries[entries["finding"]].sort_values("entry_id", kind="stable").reset_index(drop=True)
    carried = survivors(targets)
    goal_ids, entry_ids = set(goals["target_id"]), set(found["entry_id"])
    same, different = decided_pairs(decisions, carried, goal_ids, entry_ids)
    sites = _sites(goals, one_site_m=one_site_m)
    points = stated_points(found, standing_m=standing_m)
    matters = matter_numbers(found, points, vocabulary)
    located = _located(sites, with_borrowed(points, lenders(points, matters)))
    pairs = _with_stated(located, sites, goals, found, carried)
    pairs = _scored(pairs, goals, found, matters, vocabulary=vocabulary, max_lead_days=max_lead_days)
    settled = {entry for _, entry in same}
    refused = [pair in different for pair in zip(pairs["target_id"], pairs["entry_id"], strict=True)]
    drop = pairs["entry_id"].isin(settled).to_numpy() | np.array(refused, dtype=bool)
    free = pairs[~drop & (pairs["time_score"] > 0)].reset_index(drop=True)
    free = _with_probability(free, found, matters, vocabulary, background=background_per_km2 * 1e-6)
    free["status"] = np.where(
        free["chosen"] & (free["probability"] >= accept_match),
        MatchStatus.ASSIGNED.value,
        np.where(free["probability"] >= reject_match, MatchStatus.AMBIGUOUS.value, MatchStatus.CANDIDATE.value),
    )
    free = free[(free["probability"] >= KEEP_PROBABILITY)]
    gone = gone_entries(decisions, carried, goal_ids, entry_ids)
    rows = pd.concat([free, decided_rows(same, different, pairs), gone], ignore_index=True)
    rows["reason"] = [_reason(row) for row in as_rows(rows, _REASON_FACTS)]
    rows = rows.sort_values(["target_id", "entry_id"], kind="stable")
    return conform(MATCHES, rows)


def _sites(goals: gpd.GeoDataFrame, *, one_site_m: float) -> gpd.GeoDataFrame:
    """One row per site: ``site`` (number), ``targets`` (row numbers of its parts), area, perimeter, geometry."""
    numbers = site_numbers(goals, same_site_m=one_site_m)
    shapes = goals.geometry.to_numpy()
    parts: dict[int, list[int]] = {}
    for row, target in enumerate(goals["target_id"]):
        parts.setdefault(numbers[target], []).append(row)
    rows = [
        {"targets": rows, "area": float(shapely.area(shapes[rows]).sum()),
         "perimeter": float(shapely.length(shapes[rows]).sum()),
         "geometry": shapes[rows[0]] if len(rows) == 1 else shapely.union_all(shapes[rows])}
        for rows in parts.values()
    ]  # fmt: skip
    frame = pd.DataFrame(rows, columns=["targets", "area", "perimeter", "geometry"])
    return gpd.GeoDataFrame(frame, geometry="geometry", crs=goals.crs)


def _located(sites: gpd.GeoDataFrame, points: pd.DataFrame) -> pd.DataFrame:
    """Pairs of entry and site (row numbers) within :data:`REACH_SIGMAS` standard deviations of any of its points.

    ``density`` sums the points' densities by their weights; ``distance_m`` and ``basis`` are of the likeliest point.
    """
    shapes, spots = sites.geometry.to_numpy(), shapely.points(points[["x", "y"]].to_numpy("float64"))
    sigma = points["sigma_m"].to_numpy("float64")
    at, site = np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    if len(spots) and len(shapes):
        at, site = shapely.STRtree(shapes).query(spots, predicate="dwithin", distance=REACH_SIGMAS * sigma)
    distance = shapely.distance(spots[at], shapes[site])
    near = points.iloc[at]
    density = space_density(
        distance,
        sites["area"].to_numpy("float64")[site],
        sites["perimeter"].to_numpy("float64")[site],
        sigma[at],
        near["tail"].to_numpy("float64"),
    )
    share = near["weight"].to_numpy("float64") * density
    rows = pd.DataFrame(
        {"entry": near["entry"].to_numpy(), "site": site, "distance_m": distance, "share": share,
         "basis": near["kind"].to_numpy()}
    )  # fmt: skip
    rows = rows.sort_values(["entry", "site", "share", "distance_m", "basis"], kind="stable")
    total = rows.groupby(["entry", "site"])["share"].sum()
    best = rows.drop_duplicates(["entry", "site"], keep="last").set_index(["entry", "site"])
    return best.assign(density=total).drop(columns="share").reset_index()


def _with_stated(
    located: pd.DataFrame,
    sites: gpd.GeoDataFrame,
    goals: gpd.GeoDataFrame,
    found: gpd.GeoDataFrame,
    carried: Mapping[str, str],
) -> pd.DataFrame:
    """Pairs of entry and target: ``names_this`` (the entry names this site) and ``names_one`` (it names any known)."""
    parts, goal_ids = sites["targets"].tolist(), goals["target_id"].tolist()
    site_of = {goal_ids[row]: site for site, rows in enumerate(parts) for row in rows}
    named = {
        row: carried[text.strip()]
        for row, text in enumerate(found["stated_target_id"])
        if isinstance(text, str) and text.strip() in carried
    }
    known = set(zip(located["entry"], located["site"], strict=True))
    spots, shapes = found.geometry.to_numpy(), sites.geometry.to_numpy()
    extra = []
    for entry, target in named.items():
        site = site_of.get(target)
        if site is None or (entry, site) in known:
            continue
        lost = spots[entry] is None or spots[entry].is_empty
        distance = math.nan if lost else float(shapely.distance(spots[entry], shapes[site]))
        extra.append({"entry": entry, "site": site, "distance_m": distance, "density": 0.0, "basis": ""})
    if extra:
        located = pd.concat([located, pd.DataFrame(extra)], ignore_index=True)
    agrees = [
        site_of.get(named.get(entry, "")) == site for entry, site in located[["entry", "site"]].to_numpy().tolist()
    ]
    rows = located.assign(
        names_this=np.array(agrees, dtype=bool), names_one=located["entry"].isin(set(named)).to_numpy()
    ).assign(part=[parts[site] for site in located["site"]])
    rows = rows.explode("part", ignore_index=True)
    part = rows["part"].to_numpy(np.intp)
    return rows.assign(
        part=part,
        target_id=goals["target_id"].to_numpy("object")[part],
        entry_id=found["entry_id"].to_numpy("object")[rows["entry"].to_numpy(np.intp)],
        site_area_m2=sites["area"].to_numpy("float64")[rows["site"].to_numpy(np.intp)],
    )


def _scored(
    pairs: pd.DataFrame,
    goals: gpd.GeoDataFrame,
    found: gpd.GeoDataFrame,
    matters: Numbers,
    *,
    vocabulary: Vocabulary,
    max_lead_days: int,
) -> pd.DataFrame:
    """Pairs with ``time_score`` and ``word_score``."""
    facts = goals[["last_clear", "first_seen", "stage", "area_m2"]]
    targets = facts.iloc[pairs["part"].to_numpy()].reset_index(drop=True)
    rows = pairs["entry"].to_numpy(np.intp)
    last_day = found["discovered_until"].where(found["discovered_until"].notna(), found["discovered_on"])
    until = last_day.iloc[rows].reset_index(drop=True)
    time = time_score(until, targets["last_clear"], targets["first_seen"], max_lead_days=max_lead_days)
    first = first_days(found, matters).iloc[rows].reset_index(drop=True)
    chain = time_score(first, targets["last_clear"], targets["first_seen"], max_lead_days=max_lead_days)
    time = np.where(first.notna(), OWN_DAY_SHARE * time + (1.0 - OWN_DAY_SHARE) * np.minimum(chain, time), time)
    # An id stated by the unit ties the entry to the target whatever its day.
    time = np.where(pairs["names_this"], 1.0, time)
    after = np.nan_to_num(((until.to_numpy() - targets["first_seen"].to_numpy()) / _DAY).astype("float64"))
    since = ((until.to_numpy() - targets["last_clear"].to_numpy()) / _DAY).astype("float64")
    told = [topics(entry_text(entry), vocabulary) for entry in as_rows(found, TEXT_FIELDS)]
    small = [names_small_thing(entry_text(entry), vocabulary) for entry in as_rows(found, TEXT_FIELDS)]
    stated = found["stated_area_m2"].to_numpy("float64").tolist()
    words = [
        stage_factor(told[row], stage, days)
        * pace_factor(told[row], clear_days)
        * small_factor(small[row], stated[row], area)
        * max(area_factor(stated[row], size, days) for size in {area, whole})
        for row, stage, area, whole, days, clear_days in zip(
            rows.tolist(),
            targets["stage"],
            targets["area_m2"].astype("float64"),
            pairs["site_area_m2"],
            after.tolist(),
            since.tolist(),
            strict=True,
        )
    ]
    return pairs.assign(time_score=time, word_score=np.array(words, dtype="float64"))


def _with_probability(
    pairs: pd.DataFrame, found: gpd.GeoDataFrame, matters: Numbers, vocabulary: Vocabulary, *, background: float
) -> pd.DataFrame:
    """Pairs with ``space_score``, ``probability`` and ``chosen`` (the site this entry is taken for)."""
    weight = pairs["density"] * pairs["time_score"] * pairs["word_score"]
    far = pairs["distance_m"].to_numpy("float64") > STATED_LIMIT_M
    odds = np.where(far, STATED_DOUBTED / (1 - STATED_DOUBTED), STATED_PROBABILITY / (1 - STATED_PROBABILITY))
    weight = np.where(pairs["names_this"], np.maximum(weight, odds * background), weight)
    # Whoever stood in it with a receiver may have written it down, however old or odd the words: a person decides.
    measured = (found["position_source"] == MEASURED).to_numpy(bool)[pairs["entry"].to_numpy(np.intp)]
    inside = measured & (pairs["distance_m"] <= 0.0).to_numpy(bool) & (pairs["basis"] == STATED).to_numpy(bool)
    weight = np.where(inside, np.maximum(weight, INSIDE_ODDS * background), weight)
    # An entry that names one target is hardly about another.
    weight = np.where(pairs["names_one"] & ~pairs["names_this"], weight * (1.0 - STATED_PROBABILITY), weight)
    pairs = pairs.assign(weight=weight, space_score=pairs["density"] / (pairs["density"] + background))
    best = pairs.groupby(["entry", "site"], sort=True)["weight"].max().reset_index()
    taken = assign(best, found, matters, vocabulary, background=background)
    joined = pairs.merge(taken, on=["entry", "site"], how="left", suffixes=("", "_site"))
    with np.errstate(invalid="ignore", divide="ignore"):
        part = np.nan_to_num(joined["weight"] / joined["weight_site"])
    return joined.assign(probability=joined["site_probability"] * part, chosen=joined["chosen"].astype(bool))


def _reason(row: Mapping[str, Any]) -> str:
    if row["gone"] is True:
        return "人工曾判定为同一处，但台账中已无此条目（已改写或撤回），待重新判定"
    if row["status"] == MatchStatus.DECIDED:
        return "人工判定为同一处" if row["probability"] > 0.5 else "人工判定不是同一处"
    place = "位置不明" if math.isnan(row["distance_m"]) else f"距目标 {row['distance_m']:.0f} 米"
    basis = _BASIS.get(row["basis"], "")
    stated = "，台账填报了本监测编号" if row["names_this"] is True or row["names_this"] == 1 else ""
    parts = f"时间得分 {row['time_score']:.2f}，文字得分 {row['word_score']:.2f}{stated}"
    return f"{place}{basis}，{parts}，匹配概率 {row['probability']:.2f}"
