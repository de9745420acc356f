"""What a new reconciliation changes is told target by target."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any

from pipeline.reconcile.changes import changed_verdicts, in_words


def test_a_visit_moved_before_the_site_was_seen_changes_that_verdict_alone(
    draw: SimpleNamespace, patrolled: Any
) -> None:
    accused = draw.verdicts(patrolled.tables())
    patrolled.visits[0]["visited_on"] = "2026-10-09"
    open_again = draw.verdicts(patrolled.tables())
    rows = changed_verdicts(accused, open_again)
    assert [(row["target_id"], row["before"], row["after"]) for row in rows] == [
        ("T1", "patrolled_not_reported", "undeterminable")
    ]
    assert rows[0]["reason_after"] != rows[0]["reason_before"]
    assert in_words(rows[0]).startswith("T1：已巡未发现 → 不可判（")
    assert changed_verdicts(accused, accused.iloc[::-1]) == []


def test_another_person_blamed_is_a_change_and_a_new_target_too(draw: SimpleNamespace, patrolled: Any) -> None:
    before = draw.verdicts(patrolled.tables())
    other = before.assign(person_id="P7")
    assert [row["target_id"] for row in changed_verdicts(before, other)] == ["T1"]
    assert [(row["before"], row["after"]) for row in changed_verdicts(before.iloc[:0], before)] == [
        (None, "patrolled_not_reported")
    ]
    assert in_words(changed_verdicts(before, before.iloc[:0])[0]).startswith("T1：已巡未发现 → 无（")
