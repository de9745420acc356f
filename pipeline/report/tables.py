"""A month's tables in one value, as the report's verbs take them."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date
from typing import Any

from pipeline.report.references import entry_places
from pipeline.values import CaseState


@dataclass(frozen=True)
class MonthTables:
    """Every table of a month under its schema's name, and what to print about the month itself.

    ``candidates`` holds all sources together; geometry tables are GeoDataFrames in the city's projected CRS.
    ``units`` and ``people`` follow ``UNITS`` and ``PEOPLE``; telephone numbers are never read from them.
    ``layer_report``: the screening's ``layer_report.json``.
    ``trained``: a trained model gave the probabilities. ``images``: per source the days of the images used, the history's
    and the period's, in order.
    ``class_names``, ``kind_names`` and ``layer_names``: codes of land classes and of kinds of violation and roles of land
    layers to their Chinese names.
    """

    city_name: str
    county_code: str
    period: str
    run_name: str
    period_end: date
    as_of: date
    units: Any
    people: Any
    candidates: Any
    suspected: Any
    suppressed: Any
    restored: Any
    waiting: Any
    targets: Any
    revision: Any
    tasks: Any
    cell_states: Any
    plan_check: Any
    routes: Any
    entries: Any
    visits: Any
    repairs: Any
    rejected: Any
    files: Any
    superseded: Any
    oddities: Any
    matches: Any
    ambiguous: Any
    questions: Any
    verdicts: Any
    coverage: Any
    missed: Any
    omissions: Any
    kpis: Any
    effort: Any
    estimates: Any
    audit_sample: Any
    cases: Any
    case_history: Any
    follow_ups: Any
    conflicts: Any
    alerts: Any
    parcels: Any
    referrals: Any
    guidance: Any
    accumulated: Any
    handling: Any
    supply: Any
    supply_breaches: Any
    supply_items: Any
    supply_history: Any
    accountability: Any
    class_names: dict[str, str]
    kind_names: dict[str, str]
    layer_names: dict[str, str]
    confidence: float = 0.95
    trained: bool = False
    images: dict[str, tuple[date, ...]] = field(default_factory=dict)
    layer_report: dict[str, Any] = field(default_factory=dict)

    def last_images(self) -> dict[str, date | None]:
        """Per source the day of the period's last image, None where the period has none."""
        begin = date.fromisoformat(f"{self.period}-01")
        inside = {name: [day for day in days if begin <= day <= self.period_end] for name, days in self.images.items()}
        return {name: max(days, default=None) for name, days in inside.items()}

    def unit_names(self) -> dict[str, str]:
        """Unit id to its name."""
        return dict(zip(self.units["unit_id"], self.units["name"], strict=True))

    def person_names(self) -> dict[str, str]:
        """Person id to the person's name, for the bureau's own files."""
        return dict(zip(self.people["person_id"], self.people["name"], strict=True))

    def entry_places(self) -> dict[str, str]:
        """Entry id to the file, sheet and row it stands in, replaced entries too."""
        return entry_places(self.entries, self.superseded)


def with_case_deadlines(tasks: Any, cases: Any) -> Any:
    """Tasks of dispatched targets with the deadline of their case: before the dispatch a task's day is an estimate.

    Tasks that are left out, and those whose case stands elsewhere, keep their own. ``tasks`` is not changed.
    """
    sent = cases[(cases["state"] == CaseState.DISPATCHED.value) & cases["due_on"].notna()]
    due = tasks["target_id"].map(dict(zip(sent["target_id"], sent["due_on"], strict=True)))
    return tasks.assign(due_on=tasks["due_on"].where(due.isna() | tasks["due_on"].isna(), due))
