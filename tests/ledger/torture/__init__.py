"""Two torture sets of small ledgers: what clerks really send, and what a careful clerk would make of it.

The expectations are plain values written from the plan, the field facts and the trade's habits, without knowledge of the
reader. The second set, `blind`, was committed whole before its author had opened the reader, its rules or the first set. An
expectation is changed only where a clerk would agree that it was wrong.
"""

from __future__ import annotations

from tests.ledger.torture import blind, coordinates, dates, files, layouts, words
from tests.ledger.torture.case import Case

FIRST: tuple[Case, ...] = (*dates.CASES, *layouts.CASES, *words.CASES, *coordinates.CASES, *files.CASES)
SETS: dict[str, tuple[Case, ...]] = {"first": FIRST, "blind": blind.CASES}
CASES: tuple[Case, ...] = (*FIRST, *blind.CASES)
