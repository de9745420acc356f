"""Approvals and temporary land against the onset interval: what lawfully explains an object, and since when.

Ground was clear on ``last_clear`` and changed on ``first_seen``; work began after the first and no later than the
second. An approval explains it only when given on or before ``last_clear``; one given after ``first_seen`` came too
late (未批先建); one in between, or without a date, leaves the order open (不可判).
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.screen.layers import GroundRules
from pipeline.screen.outlines import Laid, Shapes, polygonal

BEFORE, INTERVAL, LATE, UNDATED = "before", "interval", "late", "undated"
VALID, OPEN, RECLAIM, EXPIRED = "valid", "open", "reclaim", "expired"
NOWHERE = shapely.Polygon()


@dataclass(frozen=True)
class Papers:
    """Pairs of an object and approved ground near it, ordered by object: standing, ground, and the document's words."""

    count: int
    row: NDArray[np.intp]
    standing: NDArray[Any]
    ground: Shapes
    document: NDArray[Any]

    def under(self, *standings: str, reach_m: NDArray[np.float64] | None = None) -> Shapes:
        """Per object the ground under some standings as one polygonal geometry, widened by ``reach_m`` metres."""
        grounds = np.full(self.count, NOWHERE, dtype=object)
        wanted = np.isin(self.standing, standings)
        row, ground, standing = self.row[wanted], self.ground[wanted], self.standing[wanted]
        several = np.bincount(row, minlength=self.count)[row] > 1
        grounds[row[~several]] = ground[~several]
        for own in np.unique(row[several]):
            near = row == own
            by_standing = [ground[near & (standing == name)] for name in standings]
            grounds[own] = _joined([_joined(list(parts)) for parts in by_standing if len(parts)])
        hit = np.unique(row)
        hit = hit[~shapely.is_empty(grounds[hit])]
        if reach_m is not None and len(hit):
            grounds[hit] = shapely.buffer(grounds[hit], reach_m[hit])
        return grounds

    def documents(self, standing: str) -> dict[int, str]:
        """By object, the documents of a standing, each once, in their order as text."""
        named: dict[int, set[str]] = {}
        wanted = self.standing == standing
        for row, document in zip(self.row[wanted].tolist(), self.document[wanted].tolist(), strict=True):
            named.setdefault(row, set()).add(document)
        return {row: "；".join(sorted(names)) for row, names in named.items()}


def _joined(parts: list[Any]) -> Any:
    return parts[0] if len(parts) == 1 else polygonal(np.array([shapely.union_all(parts)], dtype=object))[0]


def approval_standing(approved_on: Any, last_clear: Any, first_seen: Any) -> str:
    """``before``, ``interval``, ``late`` or ``undated``; missing image dates leave the order open (``interval``)."""
    if pd.isna(approved_on):
        return UNDATED
    if pd.notna(last_clear) and approved_on <= last_clear:
        return BEFORE
    if pd.notna(first_seen) and approved_on > first_seen:
        return LATE
    return INTERVAL


def temporary_standing(
    approved_on: Any,
    expires_on: Any,
    last_clear: Any,
    first_seen: Any,
    *,
    months: int,
    longest_months: int,
    reclaim_months: int,
) -> str:
    """``valid``, ``open``, ``reclaim``, ``expired`` or ``late`` for ground with a term (临时用地, 采矿权).

    Without ``expires_on`` the term is ``months`` after approval, over after ``longest_months``, and open in between.
    ``reclaim``: after the term, and not surely after the further ``reclaim_months`` in which the ground must be restored.
    """
    standing = approval_standing(approved_on, last_clear, first_seen)
    if standing != BEFORE:
        return LATE if standing == LATE else OPEN
    if pd.notna(expires_on):
        sure_end = last_end = expires_on
    else:
        sure_end = approved_on + pd.DateOffset(months=months)
        last_end = approved_on + pd.DateOffset(months=longest_months)
    if pd.notna(first_seen) and first_seen <= sure_end:
        return VALID
    if last_clear < last_end:
        return OPEN
    # the month's own length decides the day: a term that ends on 31 January ends on the last of February later
    restored = pd.Timestamp(last_end) + pd.DateOffset(months=reclaim_months)
    return EXPIRED if last_clear >= restored else RECLAIM


def explain(
    shapes: Shapes,
    *,
    last_clear: pd.Series,
    first_seen: pd.Series,
    reach_m: NDArray[np.float64],
    approvals: Laid | None,
    temporary_land: Laid | None,
    rules: GroundRules,
) -> Papers:
    """The approved and temporary ground within ``reach_m`` (metres, one per object) of objects, by standing."""
    parts = []
    for laid, temporary in ((approvals, False), (temporary_land, True)):
        if laid is None or len(laid.frame) == 0 or len(shapes) == 0:
            continue
        row, polygon = laid.tree.query(shapes, predicate="dwithin", distance=reach_m)
        order = np.lexsort((polygon, row))
        row, polygon = row[order].astype(np.intp), polygon[order]
        papers = _papers(laid, temporary, np.unique(polygon))
        told = [papers[number] for number in polygon.tolist()]
        dates = zip(last_clear.iloc[row], first_seen.iloc[row], strict=True)
        standing = [_standing(on, end, own, temporary, rules) for (on, end, _), own in zip(told, dates, strict=True)]
        parts.append((row, _objects(standing), laid.polygons[polygon], _objects([words for _, _, words in told])))
    if not parts:
        nothing = _objects([])
        return Papers(len(shapes), np.empty(0, dtype=np.intp), nothing, nothing, nothing)
    row, standings, ground, documents = (np.concatenate(column) for column in zip(*parts, strict=True))
    order = np.argsort(row, kind="stable")
    return Papers(len(shapes), row[order], standings[order], ground[order], documents[order])


def _objects(values: list[str]) -> NDArray[Any]:
    return np.array(values, dtype=object)


def _papers(laid: Laid, temporary: bool, wanted: NDArray[np.intp]) -> dict[int, tuple[Any, Any, str]]:
    """By polygon the day of approval, the last day of its term, and its words."""
    rows = laid.frame.iloc[wanted]
    until = rows["expires_on"] if temporary else [pd.NaT] * len(rows)
    return {
        int(number): (on, end, _document(name if pd.notna(name) else other, on, end, temporary))
        for number, name, other, on, end in zip(
            wanted, rows["document"], rows["approval_id"], rows["approved_on"], until, strict=True
        )
    }


def _standing(approved_on: Any, expires_on: Any, dates: tuple[Any, Any], temporary: bool, rules: GroundRules) -> str:
    if not temporary:
        return approval_standing(approved_on, *dates)
    return temporary_standing(
        approved_on,
        expires_on,
        *dates,
        months=rules.temporary_months,
        longest_months=rules.temporary_longest_months,
        reclaim_months=rules.temporary_reclaim_months,
    )


def _document(number: Any, approved_on: Any, expires_on: Any, temporary: bool) -> str:
    text = f"{number}，{_day(approved_on)}批准"
    return f"{text}，{_day(expires_on)}到期" if temporary else text


def _day(value: Any) -> str:
    return "日期不明" if pd.isna(value) else pd.Timestamp(value).date().isoformat()
