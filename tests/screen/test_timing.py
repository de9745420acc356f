from __future__ import annotations

import pandas as pd
import pytest

from pipeline.screen.timing import approval_standing, temporary_standing

CLEAR, SEEN = pd.Timestamp("2026-10-01"), pd.Timestamp("2026-10-31")


@pytest.mark.parametrize(
    ("approved", "clear", "seen", "expected"),
    [
        ("2026-03-01", CLEAR, SEEN, "before"),
        ("2026-10-01", CLEAR, SEEN, "before"),
        ("2026-10-02", CLEAR, SEEN, "interval"),
        ("2026-10-31", CLEAR, SEEN, "interval"),
        ("2026-11-01", CLEAR, SEEN, "late"),
        (None, CLEAR, SEEN, "undated"),
        ("2026-03-01", pd.NaT, SEEN, "interval"),
        ("2026-11-01", pd.NaT, SEEN, "late"),
        ("2026-11-01", pd.NaT, pd.NaT, "interval"),
        ("2026-03-01", CLEAR, pd.NaT, "before"),
    ],
)
def test_an_approval_counts_from_its_date(approved: str | None, clear: object, seen: object, expected: str) -> None:
    given = pd.NaT if approved is None else pd.Timestamp(approved)
    assert approval_standing(given, clear, seen) == expected


@pytest.mark.parametrize(
    ("approved", "expires", "expected"),
    [
        ("2026-01-01", "2026-12-31", "valid"),
        ("2026-01-01", "2026-10-31", "valid"),
        ("2026-01-01", "2026-10-15", "open"),
        ("2026-01-01", "2026-10-01", "reclaim"),
        ("2024-01-01", "2025-12-31", "reclaim"),
        ("2023-01-01", "2025-10-02", "reclaim"),
        ("2023-01-01", "2025-10-01", "expired"),
        ("2026-10-15", "2027-10-15", "open"),
        ("2026-11-15", "2027-10-15", "late"),
        (None, "2027-10-15", "open"),
        ("2025-01-01", None, "valid"),
        ("2024-06-01", None, "open"),
        ("2022-06-01", None, "reclaim"),
        ("2021-10-01", None, "expired"),
    ],
)
def test_temporary_land_explains_only_between_approval_and_expiry(
    approved: str | None, expires: str | None, expected: str
) -> None:
    days = [pd.NaT if day is None else pd.Timestamp(day) for day in (approved, expires)]
    assert temporary_standing(*days, CLEAR, SEEN, months=24, longest_months=48, reclaim_months=12) == expected
