"""What is done to a worksheet's cells while reading: one record per change, one per thing that cannot be used."""

from __future__ import annotations

from typing import Any

from pipeline.ledger.sheets import RawSheet

NO_DATE_COLUMN, UNUSABLE, COPY, NO_RECORD = "E502", "E505", "E506", "E507"
DATE_FIELD, AREA_FIELD, POSITION_FIELD, TARGET_FIELD, WHOLE_ROW = (
    "discovered_on", "stated_area_m2", "coordinates", "stated_target_id", "row",
)  # fmt: skip


class SheetLog:
    """Rows of the tables ``repairs`` and ``rejected`` as plain dictionaries."""

    def __init__(self, sheet: RawSheet) -> None:
        self.sheet = sheet
        self.repairs: list[dict[str, Any]] = []
        self.rejected: list[dict[str, Any]] = []
        self._seen: dict[tuple[int, str, str], int] = {}

    def number(self, index: int) -> int:
        """The row number a person sees, of an index into the sheet's rows."""
        return self.sheet.first_row + index

    def repair(self, index: int, field: str, before: str | None, after: str | None, rule: str) -> None:
        """Log one change, once per field and rule of a row."""
        key = (index, field, rule)
        if key in self._seen:
            log = self.repairs[self._seen[key]]
            log["after"] = f"{log['after']}; {after}"
            return
        self._seen[key] = len(self.repairs)
        place = {**self._place(), "row": self.number(index)}
        self.repairs.append({**place, "field": field, "before": before, "after": after, "rule": rule})

    def reject(self, index: int | None, field: str | None, content: str | None, code: str, reason: str) -> None:
        """Keep what could not be used, with its reason."""
        place = {**self._place(), "row": None if index is None else self.number(index)}
        self.rejected.append({**place, "field": field, "content": content, "code": code, "reason": reason})

    def _place(self) -> dict[str, Any]:
        return {"unit_id": self.sheet.unit_id, "file": self.sheet.file, "sheet": self.sheet.sheet}
