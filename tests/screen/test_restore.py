from __future__ import annotations

from typing import Any

import pandas as pd
import pytest

from pipeline.schema import RESTORATIONS, RESTORED, SUPPRESSED, SUSPECTED, conform
from pipeline.screen.restore import restore
from pipeline.store import check_table
from tests.screen.drawing import candidate, layer, square

BASE = {"rules": "[]", "area_by_class_m2": "{}", "area_m2": 1600.0}


def suppressed(*shapes: Any) -> Any:
    rows = [
        {**candidate(shape, f"c{number}"), **BASE, "suppressed_by": "S2", "suppressed_reason": "批准在前"}
        for number, shape in enumerate(shapes)
    ]
    return layer(SUPPRESSED, rows)


def decided(*rows: tuple[str, str, str, str, Any]) -> Any:
    names = ["run", "candidate_id", "decision", "decided_on"]
    made = [
        {**dict(zip(names, row, strict=False)), "ground": row[4].wkt, "reason": "实地在建", "decided_by": "李四"}
        for row in rows
    ]
    return conform(RESTORATIONS, pd.DataFrame(made, columns=RESTORATIONS.names))


HERE, THERE = square(0, 0, 40), square(500, 0, 40)
WORD = ("2026-09", "s2-7", "restore", "2026-10-03", HERE)


@pytest.mark.parametrize("shape", [HERE, square(20, 0, 40), square(-100, -100, 400)])
def test_the_decision_holds_on_its_ground_whatever_the_candidates_id(shape: Any) -> None:
    kept, left, back = restore(layer(SUSPECTED, []), suppressed(shape, THERE), decided(WORD), min_overlap_share=0.2)
    assert kept["candidate_id"].tolist() == ["c0"] and left["candidate_id"].tolist() == ["c1"]
    (row,) = back.to_dict("records")
    assert row["suppressed_by"] == "S2" and "李四" in row["restored_by"] and "实地在建" in row["restored_by"]
    for table, frame in ((SUSPECTED, kept), (SUPPRESSED, left), (RESTORED, back)):
        check_table(table, frame)


def test_every_candidate_is_in_one_of_the_two_tables() -> None:
    given = suppressed(HERE, THERE, square(0, 39, 40))
    kept, left, back = restore(layer(SUSPECTED, []), given, decided(WORD), min_overlap_share=0.2)
    assert sorted([*kept["candidate_id"], *left["candidate_id"]]) == ["c0", "c1", "c2"]
    assert back["candidate_id"].tolist() == kept["candidate_id"].tolist() == ["c0"]


def test_a_withdrawal_ends_it_and_a_later_word_begins_it_again() -> None:
    rows = [WORD, ("2026-09", "s2-7", "withdraw", "2026-10-05", HERE)]
    assert len(restore(layer(SUSPECTED, []), suppressed(HERE), decided(*rows), min_overlap_share=0.2)[0]) == 0
    rows.append(("2026-09", "s2-7", "restore", "2026-10-09", HERE))
    assert len(restore(layer(SUSPECTED, []), suppressed(HERE), decided(*rows), min_overlap_share=0.2)[0]) == 1


def test_without_decisions_nothing_changes() -> None:
    given = suppressed(HERE)
    kept, left, back = restore(layer(SUSPECTED, []), given, decided(), min_overlap_share=0.2)
    assert len(kept) == len(back) == 0 and left["candidate_id"].tolist() == ["c0"]
