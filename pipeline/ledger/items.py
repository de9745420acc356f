"""The unit of a ledger: one finding or one patrol, with an id by what it says."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date
from hashlib import sha256

from pipeline.ledger.coordinates import Coordinate

SHARED_POSITION_M = 500.0
"""Uncertainty of a position that several findings of one row share."""
_LETTERS = str.maketrans("0123456789abcdef", "abcdefghjkmnpqrs")


@dataclass(frozen=True)
class Item:
    """One finding, or one patrol that found nothing. ``start``/``end``: closed interval of days, None when unknown."""

    unit_id: str
    file: str
    sheet: str
    row: int
    item: int
    finding: bool
    start: date | None
    end: date | None
    texts: Mapping[str, str | None]
    coordinate: Coordinate | None
    area_m2: float | None
    target_id: str | None
    content: str = ""
    corrects: str | None = None
    meaning: str = ""

    @property
    def entry_id(self) -> str:
        """Unit, twelve letters (48 bits of a hash) of what the row says, item: the same in a renamed or longer file.

        ``meaning`` is set where all rows are read together; before that the row's place and content stand for it.
        Letters only: digits could be taken for a telephone number, or by Excel for a number.
        """
        told = self.meaning or f"{self.file}|{self.sheet}|{self.row}|{self.content}"
        return f"{self.unit_id}-{sha256(told.encode()).hexdigest()[:12].translate(_LETTERS)}-{self.item}"

    @property
    def order(self) -> tuple[str, str, str, int, int]:
        """Sort key that names every item once."""
        return self.unit_id, self.file, self.sheet, self.row, self.item
