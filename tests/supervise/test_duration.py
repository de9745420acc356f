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


def test_a_lawful_site_has_no_days_and_an_unknown_onset_none_either() -> None:
    found = lasted(field_checks=[VIOLATION, ("T", "2026-11-20", "lawful")])
    assert (found.least, found.most) == (None, None) and "合法" in str(found.ended_by)
    assert lasted(clear=None, seen=None) == Duration(None, None, None)


def test_a_case_found_again_after_its_closing_runs_on() -> None:
    rows = {
        "field_checks": [VIOLATION, ("T", "2026-12-20", "violation")],
        "decisions": [decision("销案", "2026-11-30")],
    }
    assert lasted(**rows).ended_by is None
