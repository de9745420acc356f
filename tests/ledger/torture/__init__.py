"""A torture set of small ledgers: what clerks really send, and what a careful clerk would make of it.

The expectations are plain values written from the plan, the field facts and the trade's habits, without knowledge of the
reader. An expectation is changed only where a clerk would agree that it was wrong.
"""

from __future__ import annotations

from tests.ledger.torture import coordinates, dates, files, layouts, words
from tests.ledger.torture.case import Case

CASES: tuple[Case, ...] = (*dates.CASES, *layouts.CASES, *words.CASES, *coordinates.CASES, *files.CASES)
