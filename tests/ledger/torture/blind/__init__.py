"""A second torture set, written and committed before its author had opened the reader, its rules or the first set."""

from __future__ import annotations

from tests.ledger.torture.blind import books, copies, days, formats, hazards, papers, phrases, sheets, spots
from tests.ledger.torture.case import Case

CASES: tuple[Case, ...] = (
    *days.CASES,
    *sheets.CASES,
    *books.CASES,
    *phrases.CASES,
    *copies.CASES,
    *spots.CASES,
    *formats.CASES,
    *papers.CASES,
    *hazards.CASES,
)
