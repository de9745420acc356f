"""Which ledger entries tell of one matter: the same subject at places that can be one, written down again and again."""

from __future__ import annotations

from collections.abc import Iterable

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import cKDTree

from pipeline.reconcile.space import CLEARLY_BETTER, COMPATIBLE_SIGMAS, Floats, spread_m
from pipeline.reconcile.words import Vocabulary

Numbers = NDArray[np.int64]

VILLAGE_CHARACTERS = 3


def matter_numbers(found: pd.DataFrame, points: pd.DataFrame, vocabulary: Vocabulary) -> Numbers:
    """A number per entry (rows 0..n-1 of ENTRIES); entries of one matter share it.

    One matter: the same named subject (words of topic ``anonymous`` name nobody) and places that agree within three
    standard deviations (``points`` of :func:`~pipeline.reconcile.space.stated_points`), or, where one of them has no
    position, texts that begin with the same village; and rows of a unit that copy subject, place and area. In chains.
    """
    subject, place = _texts(found["subject"]), _texts(found["place"])
    anonymous = set(vocabulary.get("anonymous", ()))
    named = np.array([bool(text) and text not in anonymous for text in subject], dtype=bool)
    located = np.isin(np.arange(len(found)), points["entry"].to_numpy())
    village = pd.Series([f"{who}|{where[:VILLAGE_CHARACTERS]}" for who, where in zip(subject, place, strict=True)])
    told = named & np.array([bool(text) for text in place], dtype=bool)
    area = found["stated_area_m2"].to_numpy("float64")
    rows_said = zip(found["unit_id"], subject, place, area, strict=True)
    copy = [f"{unit}|{who}|{where}|{size}" if where and size > 0 else "" for unit, who, where, size in rows_said]
    links = [*_near(points, [who if name else "" for who, name in zip(subject, named, strict=True)])]
    links += _near(points, copy)
    for _, rows in village[told].groupby(village[told]):
        members = rows.index.to_numpy()
        lost = members[~located[members]]
        if len(lost):
            # an entry without position joins everything of its subject in its village
            links.append((np.repeat(lost, len(members)), np.tile(members, len(lost))))
    left = np.concatenate([pair[0] for pair in links]) if links else np.zeros(0, dtype=np.int64)
    right = np.concatenate([pair[1] for pair in links]) if links else np.zeros(0, dtype=np.int64)
    graph = coo_array((np.ones(len(left)), (left, right)), shape=(len(found), len(found)))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def lenders(points: pd.DataFrame, matters: Numbers) -> dict[int, int]:
    """Entry (row number) to the entry of the same matter whose better place it may take.

    The lender's spread is at most half of the own one and its place agrees; nobody lends where two equally good
    mentions contradict each other.
    """
    spread = spread_m(points, len(matters))
    centre = points.assign(x=points["x"] * points["weight"], y=points["y"] * points["weight"]).groupby("entry")
    middle = centre[["x", "y"]].sum().reindex(range(len(matters))).to_numpy("float64")
    result: dict[int, int] = {}
    for rows in pd.Series(matters).groupby(matters).groups.values():
        members = np.asarray(rows, dtype=np.int64)
        if len(members) < 2 or not np.isfinite(spread[members]).any():
            continue
        order = np.lexsort((middle[members, 1], middle[members, 0], spread[members]))
        best = int(members[order[0]])
        rivals = members[spread[members] <= spread[best] / CLEARLY_BETTER]
        if not _agree(middle[rivals], spread[rivals], middle[best], spread[best]).all():
            continue
        for row in members[spread[members] >= spread[best] / CLEARLY_BETTER]:
            unknown = not np.isfinite(spread[row])
            if row != best and (unknown or _agree(middle[[row]], spread[[row]], middle[best], spread[best])[0]):
                result[int(row)] = best
    return result


def first_days(found: pd.DataFrame, matters: Numbers) -> pd.Series:
    """The day each entry's matter was first written down, by row; missing where the entry itself is undated.

    What was reported before a target can have existed is hardly that target, even when it is reported again later.
    """
    days = found["discovered_on"]
    first = days.groupby(matters).transform("min")
    return first.where(days.notna())


def _near(points: pd.DataFrame, keys: list[str]) -> Iterable[tuple[Numbers, Numbers]]:
    """Pairs of entries of one key (none where it is empty) with a reading each that agree."""
    entry, place, spread = (points[name].to_numpy() for name in ("entry", ["x", "y"], "sigma_m"))
    groups: dict[str, list[int]] = {}
    for at, row in enumerate(entry.tolist()):
        if keys[row]:
            groups.setdefault(keys[row], []).append(at)
    for members in groups.values():
        row, xy, sigma = entry[members], place[members], spread[members]
        if (row == row[0]).all():
            continue
        reach = COMPATIBLE_SIGMAS * float(np.hypot(sigma.max(), sigma.max()))
        pairs = cKDTree(xy).query_pairs(reach, output_type="ndarray")
        left, right = pairs[:, 0], pairs[:, 1]
        apart = np.hypot(*(xy[left] - xy[right]).T)
        good = apart <= COMPATIBLE_SIGMAS * np.hypot(sigma[left], sigma[right])
        yield row[left[good]].astype(np.int64), row[right[good]].astype(np.int64)


def _agree(places: Floats, spreads_m: Floats, place: Floats, spread: float) -> NDArray[np.bool_]:
    # spreads are root mean square radii: sqrt(2) standard deviations
    apart = np.hypot(*(places - place).T)
    agrees: NDArray[np.bool_] = apart <= COMPATIBLE_SIGMAS / np.sqrt(2.0) * np.hypot(spreads_m, spread)
    return agrees


def _texts(column: pd.Series) -> list[str]:
    return [value.strip() if isinstance(value, str) else "" for value in column]
