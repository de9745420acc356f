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
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.reconcile.words import Vocabulary, area_factor, entry_text, stage_factor, topics
from pipeline.schema import MATCHES, conform
from pipeline.values import MatchDecision, MatchStatus, TargetState

Floats = NDArray[np.float64]

NOT_LOCATED = "none"
STATED_PROBABILITY = 0.995
STATED_DOUBTED = 0.5
STATED_LIMIT_M = 2000.0
KEEP_PROBABILITY = 0.001
GONE_PROBABILITY = 0.5
REPEAT_WEIGHT = 0.5
MEASURED = "coordinates"
MEASURED_TAIL, TEXT_TAIL, TAIL_SPREAD = 0.03, 0.15, 2.5
REACH_SIGMAS = 8.0
OWN_DAY_SHARE = 0.25
SAME_ROW_WEIGHT = 0.02
UNDATED_TIME = 0.5
LEAK, LEAK_DAYS = 0.3, 20.0
_DAY = np.timedelta64(1, "D")
# u contains the place in 90 of 100 cases; for a round Gaussian that is sqrt(2 ln 10) standard deviations.
_RADIUS_TO_SIGMA = 1.0 / math.sqrt(2.0 * math.log(10.0))


def survivors(targets: pd.DataFrame) -> dict[str, str]:
    """Every target id to the id under which its ground is carried now (itself unless it was merged)."""
    into = dict(zip(targets["target_id"], targets["merged_into"], strict=True))
    result: dict[str, str] = {}
    for target in into:
        current, seen = target, {target}
        while isinstance(into.get(current), str) and into[current] not in seen:
            current = into[current]
            seen.add(current)
        result[target] = current
    return result


def open_targets(targets: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Targets that stand for themselves (not merged into another), ordered by id."""
    kept = targets[targets["state"] != TargetState.MERGED]
    return kept.sort_values("target_id", kind="stable").reset_index(drop=True)


def position_sigma_m(uncertainty_m: Floats, *, standing_m: float, unknown_m: float = 50.0) -> Floats:
    """Standard deviation of an entry's place about its site from the 90 % radius the ledger room states."""
    stated = np.where(np.isfinite(uncertainty_m), uncertainty_m, unknown_m)
    return np.hypot(stated * _RADIUS_TO_SIGMA, standing_m)


def space_density(
    distance_m: Floats, area_m2: Floats, perimeter_m: Floats, sigma_m: Floats, tail_share: Floats | float = 0.0
) -> Floats:
    """Probability density per m2 of an entry's place, given that it is about a site.

    A half-normal in the distance to the polygon (0 inside), normalised over the plane with Steiner's formula, which
    is exact for convex polygons: ``A + P sigma sqrt(pi/2) + 2 pi sigma^2``. A share ``tail_share`` has 2.5 times
    the spread: people confuse villages and directions, or write down where they stood.
    """

    def half_normal(spread_m: Floats) -> Floats:
        total = area_m2 + perimeter_m * spread_m * math.sqrt(math.pi / 2.0) + 2.0 * math.pi * spread_m**2
        return np.exp(-0.5 * (distance_m / spread_m) ** 2) / total

    return (1.0 - tail_share) * half_normal(sigma_m) + tail_share * half_normal(TAIL_SPREAD * sigma_m)


def time_score(until: pd.Series, last_clear: pd.Series, first_seen: pd.Series, *, max_lead_days: int) -> Floats:
    """How well an entry's last possible day fits a target's onset interval, 0..1, row by row.

    1 from ``first_seen`` on; inside the interval the share of it that had passed (onset taken as uniform), with a
    leak for early staking that the image does not show yet; before ``last_clear`` the leak dies off over weeks and is
    0 beyond ``max_lead_days``. Unknown days count half: they can neither prove nor exclude.
    """
    end, start, day = first_seen.to_numpy("datetime64[D]"), last_clear.to_numpy("datetime64[D]"), until.to_numpy()
    day = day.astype("datetime64[D]")
    start = np.where(np.isnat(start), end - np.timedelta64(365, "D"), start)
    with np.errstate(invalid="ignore", divide="ignore"):
        passed = (day - start) / _DAY
        share = np.clip(passed / np.maximum((end - start) / _DAY, 1.0), 0.0, 1.0)
    leak = LEAK * np.exp(np.minimum(passed, 0.0) / LEAK_DAYS)
    score = np.where(passed < -max_lead_days, 0.0, leak + (1.0 - leak) * share)
    score = np.where(day >= end, 1.0, score)
    return np.where(np.isnat(day) | np.isnat(end), UNDATED_TIME, score)


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
) -> pd.DataFrame:
    """All plausible pairs of a target and a ledger finding, as :data:`~pipeline.schema.MATCHES`.

    ``targets`` (TARGETS) and ``entries`` (ENTRIES, findings only are used) share a projected metre CRS. An entry is
    about one target or about something else (density ``background_per_km2``); its weights are the product of space,
    time and words. Competing entries are assigned one to one first, over each connected group at once, then further
    mentions join. ``decisions`` of people (``same`` or ``different`` 同一处/不是同一处) override everything.

    Statuses: ``decided``; ``assigned`` (best for the entry and at least ``accept_match``); ``ambiguous`` (at least
    ``reject_match``: may be this target); ``candidate`` (less, kept to be looked at). The order of rows never matters.
    """
    goals = open_targets(targets)
    found = entries[entries["finding"]].sort_values("entry_id", kind="stable").reset_index(drop=True)
    carried = survivors(targets)
    goal_ids = set(goals["target_id"])
    same, different = decided_pairs(decisions, carried, goal_ids, set(found["entry_id"]))
    pairs = _located_pairs(goals, found, standing_m=standing_m)
    pairs = _with_stated(pairs, goals, found, carried)
    pairs = _scored(pairs, goals, found, vocabulary=vocabulary, max_lead_days=max_lead_days)
    settled = {entry for _, entry in same}
    drop = pairs["entry_id"].isin(settled) | pd.Series(
        [pair in different for pair in zip(pairs["target_id"], pairs["entry_id"], strict=True)],
        index=pairs.index, dtype=bool,
    )  # fmt: skip
    free = pairs[~drop & (pairs["time_score"] > 0)].reset_index(drop=True)
    free = _assigned(free, found, background=background_per_km2 * 1e-6)
    free["status"] = np.where(
        free["chosen"] & (free["probability"] >= accept_match),
        MatchStatus.ASSIGNED.value,
        np.where(free["probability"] >= reject_match, MatchStatus.AMBIGUOUS.value, MatchStatus.CANDIDATE.value),
    )
    free = free[(free["probability"] >= KEEP_PROBABILITY)]
    gone = _gone_entries(decisions, carried, goal_ids, set(found["entry_id"]))
    rows = pd.concat([free, _decided_rows(same, different, pairs), gone], ignore_index=True)
    rows["reason"] = [_reason(row) for row in rows.to_dict("records")]
    rows = rows.sort_values(["target_id", "entry_id"], kind="stable")
    return conform(MATCHES, rows)


def decided_pairs(
    decisions: pd.DataFrame, carried: Mapping[str, str], targets: set[str], entries: set[str]
) -> tuple[set[tuple[str, str]], set[tuple[str, str]]]:
    """Pairs a person declared the same and different; the latest day's word counts, on one day 'different' does."""
    latest: dict[tuple[str, str], tuple[pd.Timestamp, bool]] = {}
    for row in decisions.to_dict("records"):
        word = row["decision"].strip() if isinstance(row["decision"], str) else ""
        verdict = next((d for d in MatchDecision if word in (d.value, d.label)), None)
        target = carried.get(row["target_id"], row["target_id"])
        if verdict is None or target not in targets or row["entry_id"] not in entries:
            continue
        rank = (pd.Timestamp(row["decided_on"]), verdict is MatchDecision.DIFFERENT)
        pair = (target, row["entry_id"])
        latest[pair] = max(latest.get(pair, rank), rank)
    same = {pair for pair, (_, different) in latest.items() if not different}
    return same, set(latest) - same


def _located_pairs(goals: gpd.GeoDataFrame, found: gpd.GeoDataFrame, *, standing_m: float) -> pd.DataFrame:
    """Pairs within :data:`REACH_SIGMAS` standard deviations (3.2 of the tail's) with distance and density."""
    points = found.geometry.to_numpy()
    usable = ~(shapely.is_missing(points) | shapely.is_empty(points)) & (found["position_source"] != NOT_LOCATED)
    rows = np.flatnonzero(usable.to_numpy())
    sigma = position_sigma_m(found["uncertainty_m"].to_numpy("float64"), standing_m=standing_m)
    shapes = goals.geometry.to_numpy()
    tree = shapely.STRtree(shapes)
    if len(rows) and len(shapes):
        at, target = tree.query(points[rows], predicate="dwithin", distance=REACH_SIGMAS * sigma[rows])
    else:
        at, target = np.zeros(0, dtype=np.intp), np.zeros(0, dtype=np.intp)
    entry = rows[at]
    distance = shapely.distance(points[entry], shapes[target])
    measured = (found["position_source"] == MEASURED).to_numpy(bool)[entry]
    tail = np.where(measured, MEASURED_TAIL, TEXT_TAIL)
    size, outline = shapely.area(shapes[target]), shapely.length(shapes[target])
    density = space_density(distance, size, outline, sigma[entry], tail)
    return pd.DataFrame(
        {
            "target_id": goals["target_id"].to_numpy()[target],
            "entry_id": found["entry_id"].to_numpy()[entry],
            "distance_m": distance,
            "density": density,
        }
    )


def _with_stated(
    pairs: pd.DataFrame, goals: gpd.GeoDataFrame, found: gpd.GeoDataFrame, carried: Mapping[str, str]
) -> pd.DataFrame:
    """Pairs with a column ``stated``: the entry names this target, another one, or (None) none that is known."""
    named = {
        entry: carried[text.strip()]
        for entry, text in zip(found["entry_id"], found["stated_target_id"], strict=True)
        if isinstance(text, str) and text.strip() in carried
    }
    known = set(zip(pairs["target_id"], pairs["entry_id"], strict=True))
    shapes = dict(zip(goals["target_id"], goals.geometry, strict=True))
    points = dict(zip(found["entry_id"], found.geometry, strict=True))
    extra = []
    for entry, target in sorted(named.items()):
        if (target, entry) in known or target not in shapes:
            continue
        point = points[entry]
        lost = point is None or point.is_empty
        distance = math.nan if lost else float(shapely.distance(point, shapes[target]))
        extra.append({"target_id": target, "entry_id": entry, "distance_m": distance, "density": 0.0})
    rows = pd.concat([pairs, pd.DataFrame(extra, columns=pairs.columns).astype(pairs.dtypes)], ignore_index=True)
    stated = [named.get(entry) for entry in rows["entry_id"]]
    agrees = [name == target for name, target in zip(stated, rows["target_id"], strict=True)]
    return rows.assign(names_this=np.array(agrees, dtype=bool), names_one=np.array([bool(s) for s in stated], bool))


def _scored(
    pairs: pd.DataFrame, goals: gpd.GeoDataFrame, found: gpd.GeoDataFrame, *, vocabulary: Vocabulary, max_lead_days: int
) -> pd.DataFrame:
    """Pairs with ``time_score`` and ``word_score``."""
    targets = goals.set_index("target_id")[["last_clear", "first_seen", "stage", "area_m2"]].reindex(pairs["target_id"])
    described = found.drop(columns="geometry").set_index("entry_id").reindex(pairs["entry_id"])
    until = described["discovered_until"].where(described["discovered_until"].notna(), described["discovered_on"])
    time = time_score(until, targets["last_clear"], targets["first_seen"], max_lead_days=max_lead_days)
    first = first_mentions(found, vocabulary).reindex(pairs["entry_id"]).reset_index(drop=True)
    chain = time_score(first, targets["last_clear"], targets["first_seen"], max_lead_days=max_lead_days)
    time = np.where(first.notna(), OWN_DAY_SHARE * time + (1.0 - OWN_DAY_SHARE) * np.minimum(chain, time), time)
    # An id stated by the unit ties the entry to the target whatever its day.
    time = np.where(pairs["names_this"], 1.0, time)
    after = ((until.to_numpy() - targets["first_seen"].to_numpy()) / _DAY).astype("float64")
    told = {
        entry["entry_id"]: (topics(entry_text(entry), vocabulary), entry["stated_area_m2"])
        for entry in found.drop(columns="geometry").to_dict("records")
    }
    words = [
        stage_factor(told[entry][0], stage, 0.0 if math.isnan(days) else days)
        * area_factor(told[entry][1], area, 0.0 if math.isnan(days) else days)
        for entry, stage, area, days in zip(
            pairs["entry_id"], targets["stage"], targets["area_m2"].astype("float64"), after, strict=True
        )
    ]
    return pairs.assign(time_score=time, word_score=np.array(words, dtype="float64"))


def first_mentions(found: pd.DataFrame, vocabulary: Vocabulary) -> pd.Series:
    """The day each entry's matter was first written down, by entry id; missing where it is undated or anonymous.

    Entries with the same subject whose place begins with the same three characters (the village) tell of one matter:
    what was reported before a target can have existed is hardly that target, even when it is reported again later.
    """
    anonymous = set(vocabulary.get("anonymous", ()))
    matters: dict[tuple[str, str], pd.Timestamp] = {}
    keys: dict[str, tuple[str, str]] = {}
    for row in found[["entry_id", "subject", "place", "discovered_on"]].to_dict("records"):
        subject, place, day = row["subject"], row["place"], row["discovered_on"]
        if not (isinstance(subject, str) and isinstance(place, str)) or pd.isna(day) or subject.strip() in anonymous:
            continue
        key = (subject.strip(), place.strip()[:3])
        keys[row["entry_id"]] = key
        matters[key] = min(matters.get(key, day), day)
    days = {entry: matters[key] for entry, key in keys.items() if all(key)}
    return pd.Series(list(days.values()), index=list(days), dtype="datetime64[ms]")


def _assigned(pairs: pd.DataFrame, found: gpd.GeoDataFrame, *, background: float) -> pd.DataFrame:
    """Pairs with ``space_score``, ``probability`` and ``chosen`` (the target this entry is taken for)."""
    pairs = pairs.sort_values(["entry_id", "target_id"], kind="stable").reset_index(drop=True)
    weight = pairs["density"] * pairs["time_score"] * pairs["word_score"]
    far = pairs["distance_m"].to_numpy("float64") > STATED_LIMIT_M
    odds = np.where(far, STATED_DOUBTED / (1 - STATED_DOUBTED), STATED_PROBABILITY / (1 - STATED_PROBABILITY))
    weight = np.where(pairs["names_this"], np.maximum(weight, odds * background), weight)
    # An entry that names one target is hardly about another.
    weight = np.where(pairs["names_one"] & ~pairs["names_this"], weight * (1.0 - STATED_PROBABILITY), weight)
    pairs = pairs.assign(weight=weight, space_score=pairs["density"] / (pairs["density"] + background))
    place = dict(zip(found["entry_id"], zip(found["file"], found["sheet"], found["row"], strict=True), strict=True))
    chosen: dict[str, str] = {}
    used: set[tuple[str, object]] = set()
    first: dict[str, str] = {}
    rest = pairs
    while len(rest):
        picked = _one_round(rest, background, lambda target, entry: (target, place[entry]) in used, set(first))
        if not picked:
            break
        for entry, target in sorted(picked.items()):
            chosen[entry] = target
            used.add((target, place[entry]))
            first.setdefault(target, entry)
        rest = rest[~rest["entry_id"].isin(set(chosen))]
    holder = {(target, place[entry]): entry for entry, target in sorted(chosen.items(), reverse=True)}
    shares = [
        SAME_ROW_WEIGHT if holder.get((target, place[entry]), entry) != entry
        else REPEAT_WEIGHT if first.get(target, entry) != entry else 1.0
        for target, entry in zip(pairs["target_id"], pairs["entry_id"], strict=True)
    ]  # fmt: skip
    final = pairs["weight"] * np.array(shares, dtype="float64")
    total = final.groupby(pairs["entry_id"]).transform("sum") + background
    picked_rows = [
        chosen.get(entry) == target for target, entry in zip(pairs["target_id"], pairs["entry_id"], strict=True)
    ]
    return pairs.assign(probability=final / total, chosen=np.array(picked_rows, dtype=bool))


def _one_round(pairs: pd.DataFrame, background: float, barred: Any, repeated: set[str]) -> dict[str, str]:
    """Best one-to-one assignment of the entries left, per connected group; dummies stand for 'something else'."""
    entries, entry_at = np.unique(pairs["entry_id"].to_numpy("object"), return_inverse=True)
    targets, target_at = np.unique(pairs["target_id"].to_numpy("object"), return_inverse=True)
    size = len(entries) + len(targets)
    graph = coo_array((np.ones(len(pairs)), (entry_at, target_at + len(entries))), shape=(size, size))
    group = connected_components(graph, directed=False)[1][entry_at]
    ids = zip(targets[target_at], entries[entry_at], strict=True)
    share = [0.0 if barred(t, e) else REPEAT_WEIGHT if t in repeated else 1.0 for t, e in ids]
    with np.errstate(divide="ignore"):
        gain = np.log(pairs["weight"].to_numpy() * np.array(share)) - math.log(background)
    order = np.argsort(group, kind="stable")
    picked: dict[str, str] = {}
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        rows, row_at = np.unique(entry_at[members], return_inverse=True)
        cols, col_at = np.unique(target_at[members], return_inverse=True)
        matrix = np.zeros((len(rows), len(cols) + len(rows)))
        matrix[:, : len(cols)] = -1e9
        matrix[row_at, col_at] = np.maximum(gain[members], -1e9)
        for row, col in zip(*linear_sum_assignment(matrix, maximize=True), strict=True):
            if col < len(cols) and matrix[row, col] > 0:
                picked[str(entries[rows[row]])] = str(targets[cols[col]])
    return picked


def _decided_rows(same: set[tuple[str, str]], different: set[tuple[str, str]], pairs: pd.DataFrame) -> pd.DataFrame:
    scores = pairs.set_index(["target_id", "entry_id"])[["distance_m", "time_score", "word_score"]]
    rows = []
    for pair in sorted(same | different):
        known = scores.loc[pair].to_dict() if pair in scores.index else {}
        rows.append(
            {"time_score": 0.0, "word_score": 1.0, **known, "target_id": pair[0], "entry_id": pair[1]}
            | {"space_score": 0.0, "probability": float(pair in same), "status": MatchStatus.DECIDED.value}
        )
    columns = ["target_id", "entry_id", "distance_m", "space_score", "time_score", "word_score", "probability"]
    frame = pd.DataFrame(rows, columns=[*columns, "status"])
    return frame.astype({name: "float64" for name in columns[2:]})


def _gone_entries(
    decisions: pd.DataFrame, carried: Mapping[str, str], targets: set[str], entries: set[str]
) -> pd.DataFrame:
    """Pairs a person declared the same whose entry is no finding of these ledgers: they stay open, not forgotten."""
    named = decisions[decisions["entry_id"].notna()]
    same, _ = decided_pairs(named, carried, targets, set(named["entry_id"]))
    rows = [
        {"target_id": target, "entry_id": entry, "distance_m": math.nan, "space_score": 0.0, "time_score": 0.0,
         "word_score": 1.0, "probability": GONE_PROBABILITY, "status": MatchStatus.AMBIGUOUS.value, "gone": True}
        for target, entry in sorted(same) if entry not in entries
    ]  # fmt: skip
    columns = ["distance_m", "space_score", "time_score", "word_score", "probability"]
    frame = pd.DataFrame(rows, columns=["target_id", "entry_id", *columns, "status", "gone"])
    return frame.astype({name: "float64" for name in columns} | {"gone": "object"})


def _reason(row: Mapping[str, Any]) -> str:
    if row["gone"] is True:
        return "人工曾判定为同一处，但台账中已无此条目（文件改名或重报），待重新判定"
    if row["status"] == MatchStatus.DECIDED:
        return "人工判定为同一处" if row["probability"] > 0.5 else "人工判定不是同一处"
    place = "位置不明" if math.isnan(row["distance_m"]) else f"距目标 {row['distance_m']:.0f} 米"
    stated = "，台账填报了本监测编号" if row["names_this"] is True or row["names_this"] == 1 else ""
    parts = f"时间得分 {row['time_score']:.2f}，文字得分 {row['word_score']:.2f}{stated}"
    return f"{place}，{parts}，匹配概率 {row['probability']:.2f}"
