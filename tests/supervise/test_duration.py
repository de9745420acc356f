from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd
import pytest

from pipeline.supervise.duration import Duration, days_in_state
from tests.supervise.records import acts, decision

VIOLATION = ("T", "2026-11-08", "violation")


def lasted(clear: Any = "2026-09-20", seen: Any = "2026-10-15", standing: Any = None, gone: Any = None,
           approved: Any = None, **rows: Any) -> Duration:  # fmt: skip
    day = [None if value is None else pd.Timestamp(value) for value in (clear, seen, standing, gone, approved)]
    return days_in_state(
        acts(**rows)["T"], last_clear=day[0], first_seen=day[1], standing_on=day[2], gone_on=day[3],
        approved_on=day[4], as_of=date(2026, 12, 31),
    )  # fmt: skip


@pytest.mark.parametrize(
    ("given", "least", "most"),
    [
        ({}, 0, 102),
        ({"standing": "2026-11-20"}, 36, 102),
        ({"field_checks": [VIOLATION]}, 24, 102),
        ({"standing": "2026-11-20", "gone": "2026-12-10"}, 36, 81),
        ({"standing": "2026-11-20", "approved": "2026-12-01"}, 47, 72),
        ({"field_checks": [VIOLATION], "decisions": [decision("销案", "2026-11-30")]}, 46, 71),
        ({"standing": "2026-11-20", "gone": "2026-12-10", "approved": "2026-12-20"}, 36, 81),
        ({"clear": None}, 0, None),
    ],
)
def test_days_run_from_the_onset_interval_to_what_ends_them(given: Any, least: int, most: int | None) -> None:
    found = lasted(**given)
    assert (found.least, found.most) == (least, most)
    assert (found.ended_by is None) == (not {"gone", "approved", "decisions"} & set(given))


@pytest.mark.parametrize(("outcome", "word"), [("lawful", "合法"), ("pseudo_change", "伪变化"), ("other", "其他")])
def test_a_site_that_is_no_violation_has_no_days_in_the_state(outcome: str, word: str) -> None:
    found = lasted(field_checks=[VIOLATION, ("T", "2026-11-20", outcome)])
    assert (found.least, found.most) == (None, None) and word in str(found.ended_by)
    # and a later visit that found nothing out (未核) does not make it one
    assert lasted(field_checks=[("T", "2026-11-20", outcome), ("T", "2026-11-28", "unchecked")]).least is None


def test_an_unknown_onset_has_no_days() -> None:
    assert lasted(clear=None, seen=None) == Duration(None, None, None)


def test_a_case_found_again_after_its_closing_runs_on() -> None:
    rows = {
        "field_checks": [VIOLATION, ("T", "2026-12-20", "violation")],
        "decisions": [decision("销案", "2026-11-30")],
    }
    assert lasted(**rows).ended_by is None
