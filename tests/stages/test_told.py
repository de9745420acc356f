from __future__ import annotations

from datetime import date

import pandas as pd

from pipeline.patrol.tasks import Told
from pipeline.rulebook import finding_words
from pipeline.stages.told import told_stages
from pipeline.values import Stage

WORDS = finding_words(date(2026, 10, 31))


def told(*rows: tuple[str, str, str, str | None]) -> dict[str, Told]:
    """Per row: target, how surely it is matched, 违法现状, day."""
    ids = [f"e{number}" for number in range(len(rows))]
    matches = pd.DataFrame({"target_id": [row[0] for row in rows], "entry_id": ids, "status": [row[1] for row in rows]})
    entries = pd.DataFrame({"entry_id": ids, "status": [row[2] for row in rows],
                            "discovered_on": pd.to_datetime([row[3] for row in rows])})  # fmt: skip
    return told_stages(matches, entries, WORDS)


def test_the_furthest_stage_of_the_surest_entries_counts_from_its_first_day() -> None:
    found = told(
        ("T1", "assigned", "正在开挖基坑，约7.1亩", "2026-08-13"),
        ("T1", "assigned", "墙体砌筑中", "2026-09-16"),
        ("T1", "decided", "主体施工", "2026-09-12"),
        ("T1", "ambiguous", "已封顶", "2026-09-01"),
        ("T2", "ambiguous", "主体完工未使用", "2026-08-23"),
    )
    assert found["T1"] == Told(Stage.STRUCTURE, date(2026, 9, 12), True)
    assert found["T2"] == Told(Stage.ROOFED, date(2026, 8, 23), False)


def test_what_tells_no_stage_or_an_unlikely_entry_tells_nothing() -> None:
    assert told(("T1", "candidate", "已封顶", "2026-09-01"), ("T2", "assigned", "堆放砂石", "2026-09-01")) == {}
    assert told(("T1", "assigned", "推填土后砌墙", "2026-09-01")) == {}
    assert told(("T1", "assigned", "已封顶", None))["T1"] == Told(Stage.ROOFED, None, True)
