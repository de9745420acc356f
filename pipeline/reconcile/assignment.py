"""One global assignment of entries to sites: rivals one to one, then further mentions; and what it leaves of doubt."""

from __future__ import annotations

import math
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.optimize import linear_sum_assignment
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components

from pipeline.reconcile.matters import Numbers
from pipeline.reconcile.words import Vocabulary

Floats = NDArray[np.float64]

SAME_MATTER, REPEAT, OTHER_SUBJECT, SAME_ROW = 2.0, 0.5, 0.08, 0.02
"""Weight of a site that already has an entry: of the same matter, of nobody named, of another subject, of one row."""


def assign(
    pairs: pd.DataFrame, found: pd.DataFrame, matters: Numbers, vocabulary: Vocabulary, *, background: float
) -> pd.DataFrame:
    """``pairs`` (``entry``, ``site``: row numbers, ``weight`` per m2) with ``site_probability`` and ``chosen``.

    ``found``: ENTRIES by row number; ``matters``: a number per row; ``background``: density per m2 of entries about
    anything else. In the first round one entry of each matter competes for a site of its own (Hungarian method, per
    connected group); the others follow in rounds, drawn to the site their own matter holds, pushed from a site that
    an entry of another name holds, and barred from one that another finding of their row holds.
    """
    known = _Known(pairs, found, matters, vocabulary)
    rest = pairs.sort_values(["entry", "site"], kind="stable").reset_index(drop=True)
    ordered = rest
    turn = known.speakers(rest)
    while len(rest):
        contest = rest[rest["entry"].isin(turn)] if turn else rest
        picked = _one_round(contest, known.shares(contest, barring=True), background)
        turn, speaking = set(), bool(turn)
        if not picked and not speaking:
            break
        known.take(picked)
        rest = rest[~rest["entry"].isin(set(picked))]
    final = ordered["weight"].to_numpy("float64") * known.shares(ordered, barring=False)
    total = pd.Series(final).groupby(ordered["entry"].to_numpy()).transform("sum").to_numpy() + background
    chosen = [known.chosen.get(entry) == site for entry, site in ordered[["entry", "site"]].to_numpy(np.int64).tolist()]
    return ordered.assign(site_probability=final / total, chosen=np.array(chosen, dtype=bool))


class _Known:
    """Who was given which site so far, and what that means for the others."""

    def __init__(self, pairs: pd.DataFrame, found: pd.DataFrame, matters: Numbers, vocabulary: Vocabulary) -> None:
        anonymous = set(vocabulary.get("anonymous", ()))
        names = [value.strip() if isinstance(value, str) else "" for value in found["subject"]]
        self.names = ["" if name in anonymous else name for name in names]
        self.matters = matters
        self.rows = list(zip(found["file"], found["sheet"], found["row"], strict=True))
        self.chosen: dict[int, int] = {}
        self.first: dict[int, int] = {}
        self.held: dict[tuple[int, Any], int] = {}
        self.holding: dict[tuple[int, int], set[int]] = {}

    def speakers(self, pairs: pd.DataFrame) -> set[int]:
        """The entry of each matter that fits some site best; equal ones by their content's order, the row number."""
        best = pairs.groupby("entry")["weight"].max().reset_index()
        best["matter"] = self.matters[best["entry"].to_numpy(np.intp)]
        best = best.sort_values(["matter", "weight", "entry"], ascending=[True, False, True], kind="stable")
        return set(best.drop_duplicates("matter")["entry"])

    def take(self, picked: dict[int, int]) -> None:
        """Note a round's result."""
        for entry, site in sorted(picked.items()):
            self.chosen[entry] = site
            self.first.setdefault(site, entry)
            self.held.setdefault((site, self.rows[entry]), entry)
            self.holding.setdefault((int(self.matters[entry]), site), set()).add(entry)

    def shares(self, pairs: pd.DataFrame, *, barring: bool) -> Floats:
        """Factor per pair by what is taken already; a site held by another finding of the row counts 0 or little."""
        result = np.ones(len(pairs))
        for number, (entry, site) in enumerate(pairs[["entry", "site"]].to_numpy(np.int64).tolist()):
            first = self.first.get(site)
            if first is None:
                continue
            if self.held.get((site, self.rows[entry]), entry) != entry:
                result[number] = 0.0 if barring else SAME_ROW
            elif first != entry:
                if self.holding.get((int(self.matters[entry]), site), set()) - {entry}:
                    result[number] = SAME_MATTER
                elif self.names[entry] and self.names[first]:
                    result[number] = OTHER_SUBJECT
                else:
                    result[number] = REPEAT
        return result


def _one_round(pairs: pd.DataFrame, shares: Floats, background: float) -> dict[int, int]:
    """Best one-to-one assignment of these entries, per connected group; dummies stand for 'something else'."""
    with np.errstate(divide="ignore"):
        gain = np.log(pairs["weight"].to_numpy("float64") * shares) - math.log(background)
    # A pair no better than 'something else' is never picked; with it, far places would grow into one group.
    # Nor does an entry yield to a rival for a site that fits it worse than sharing would cost: sites are told of twice.
    best = pd.Series(gain).groupby(pairs["entry"].to_numpy()).transform("max").to_numpy()
    kept = (gain > 0) & (gain > best + math.log(OTHER_SUBJECT))
    pairs, gain = pairs[kept], gain[kept]
    if pairs.empty:
        return {}
    entries, entry_at = np.unique(pairs["entry"].to_numpy(np.int64), return_inverse=True)
    sites, site_at = np.unique(pairs["site"].to_numpy(np.int64), return_inverse=True)
    size = len(entries) + len(sites)
    graph = coo_array((np.ones(len(pairs)), (entry_at, site_at + len(entries))), shape=(size, size))
    group = connected_components(graph, directed=False)[1][entry_at]
    order = np.argsort(group, kind="stable")
    picked: dict[int, int] = {}
    for members in np.split(order, np.flatnonzero(np.diff(group[order])) + 1):
        rows, row_at = np.unique(entry_at[members], return_inverse=True)
        cols, col_at = np.unique(site_at[members], return_inverse=True)
        matrix = np.zeros((len(rows), len(cols) + len(rows)))
        matrix[:, : len(cols)] = -1e9
        matrix[row_at, col_at] = np.maximum(gain[members], -1e9)
        for row, col in zip(*linear_sum_assignment(matrix, maximize=True), strict=True):
            if col < len(cols) and matrix[row, col] > 0:
                picked[int(entries[rows[row]])] = int(sites[cols[col]])
    return picked
