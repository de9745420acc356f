"""Unit tables that contradict themselves: two answers for one day, ground that lies in two cells, ranks that tie."""

from __future__ import annotations

from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.sources.delimited import ROW, show

TWO_ANSWER, OVERLAP = "E407", "E408"
SLIVER_SHARE = 0.01
"""Cells that share less of the smaller one are drawn side by side; hand-drawn borders are never quite the same."""


def two_answer(shown: str, frame: Any, place: tuple[str, ...], answer: tuple[str, ...]) -> list[InputError]:
    """An error for every two rows that are valid on one day, are about the same ``place`` and name another ``answer``.

    ``frame``: rows with ``valid_from``, ``valid_to`` (blank: open) and their numbers in :data:`ROW`.
    """
    errors = []
    for left, right, day in _meeting(frame, place):
        one, other = (tuple(row[name] for name in answer) for row in (left, right))
        if one != other:
            where = " ".join(show(left[name]) for name in place)
            said = f"{'/'.join(map(str, one))} in row {left[ROW]} and {'/'.join(map(str, other))}"
            what = f"{shown}, row {right[ROW]}: on {show(day)} {where} has {said} in row {right[ROW]}"
            hint = f"end row {left[ROW]} (终止日期) before row {right[ROW]} begins, or remove one of the two rows"
            errors.append(InputError(TWO_ANSWER, what, hint))
    return errors


def said_twice(frame: Any) -> list[dict[str, str | None]]:
    """Rows of RESPONSIBILITY that say on some day what another row says too, as PLAN_CHECK rows: harmless, but said."""
    return [
        {"rule": "responsibility_repeated", "unit_id": right["unit_id"], "cell_id": right["cell_id"],
         "problem": f"units/responsibility.csv 第{left[ROW]}行和第{right[ROW]}行在{show(day)}说的是同一件事"}
        for left, right, day in _meeting(frame, ("cell_id",))
        if (left["unit_id"], left["person_id"]) == (right["unit_id"], right["person_id"])
    ]  # fmt: skip


def _meeting(frame: Any, place: tuple[str, ...]) -> list[tuple[dict[str, Any], dict[str, Any], pd.Timestamp]]:
    """Pairs of rows about one place that are valid on one day, earlier row first, with the first such day."""
    pairs = []
    ordered = frame.sort_values([*place, "valid_from", ROW], kind="stable")
    for _, rows in ordered.groupby(list(place), sort=False):
        if len(rows) == 1:
            continue
        known: list[dict[str, Any]] = []
        for row in rows.to_dict("records"):
            running = [one for one in known if pd.isna(one["valid_to"]) or one["valid_to"] >= row["valid_from"]]
            pairs += [(*sorted((one, row), key=lambda each: each[ROW]), row["valid_from"]) for one in running]
            known.append(row)
    return [(left, right, day) for left, right, day in pairs]


def cell_overlaps(shown: str, cells: Any) -> list[InputError]:
    """An error for every two cells that share :data:`SLIVER_SHARE` or more of the smaller one."""
    left, right = cells.sindex.query(cells.geometry.to_numpy(), predicate="intersects")
    errors = []
    for one, other in sorted({(int(a), int(b)) for a, b in zip(left, right, strict=True) if a < b}):
        shapes = cells.geometry.iloc[one], cells.geometry.iloc[other]
        shared = shapes[0].intersection(shapes[1]).area
        smaller = min(shape.area for shape in shapes)
        if shared >= SLIVER_SHARE * smaller:
            names = [f"{cells['cell_id'].iloc[row]} (row {cells[ROW].iloc[row]})" for row in (one, other)]
            what = f"{shown}, row {cells[ROW].iloc[other]}: {names[1]} and {names[0]} share {shared:.0f} m2"
            errors.append(InputError(OVERLAP, f"{what}, {shared / smaller:.0%} of the smaller one", _CUT))
    return errors


_CUT = "cut the common ground out of one of the two cells: no ground may have two answerable persons"


def rank_ties(units: Any) -> list[dict[str, str | None]]:
    """Units of the same 重叠优先级 whose polygons overlap, as PLAN_CHECK rows: where no row says who answers, both might."""
    drawn = units[~units.geometry.is_empty].reset_index(drop=True)
    left, right = drawn.sindex.query(drawn.geometry.to_numpy(), predicate="intersects")
    rows = []
    for one, other in zip(left[left < right], right[left < right], strict=True):
        shapes = drawn.geometry.iloc[one], drawn.geometry.iloc[other]
        same = drawn["precedence"].iloc[one] == drawn["precedence"].iloc[other]
        shared = shapes[0].intersection(shapes[1]).area
        if same and shared >= SLIVER_SHARE * min(shape.area for shape in shapes):
            first, second = sorted((drawn["unit_id"].iloc[one], drawn["unit_id"].iloc[other]))
            what = f"{first}与{second}辖区重叠{shared:.0f}平方米且重叠优先级相同，无责任分工处暂归{first}"
            rows.append({"rule": "precedence_tie", "unit_id": first, "cell_id": None, "problem": what})
    return sorted(rows, key=lambda row: str(row["problem"]))
