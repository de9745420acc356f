"""A draft of a year's patrol plan from who answers at its beginning and what was due in the year before."""

from __future__ import annotations

from datetime import date
from typing import Any

import pandas as pd

from pipeline.patrol.plan_forms import frequency_of
from pipeline.schema import PLAN_FORM, conform

DUTY = "早发现、早制止、早报告、早查处（方案二）"


def draft_plan(duty: pd.DataFrame, units: pd.DataFrame, people: pd.DataFrame, plan: pd.DataFrame, *, year: int) -> Any:
    """Rows of :data:`~pipeline.schema.PLAN_FORM`, one per acting unit, person, route, hours and frequency.

    ``duty``: who answers for every cell on the year's first day (``cell_id, acting_unit_id, person_id``); ``plan``: PLAN
    with the year before. A cell's frequency is the most visits that a month of that year required, else once a month;
    route and hours are those it last had. Cells without a unit or person stand in rows of their own with these blank.
    """
    before = plan[(plan["due_from"].dt.year == year - 1).to_numpy()].sort_values(["due_from", "plan_id"], kind="stable")
    months = before.groupby(["cell_id", before["due_from"].dt.month])["visits_required"].sum()
    known = {cell: [int(n) for n in counts] for cell, counts in months.groupby(level=0)}
    last = before.drop_duplicates("cell_id", keep="last").set_index("cell_id")
    unit_names = dict(zip(units["unit_id"], units["name"], strict=True))
    names = dict(zip(people["person_id"], people["name"], strict=True))
    double = set(people["name"][people.duplicated(["unit_id", "name"], keep=False)])
    groups: dict[tuple[str, ...], list[str]] = {}
    for cell, unit, person in sorted(
        duty[["cell_id", "acting_unit_id", "person_id"]].itertuples(index=False, name=None)
    ):
        shown = names.get(person, "") if names.get(person) not in double else person
        said = [last[name].get(cell) if cell in last.index else None for name in ("route", "hours")]
        details = (unit_names.get(unit, unit), shown, *(text if isinstance(text, str) else "" for text in said))
        key = tuple(part if isinstance(part, str) else "" for part in (*details, frequency_of(known.get(cell, []))))
        groups.setdefault(key, []).append(cell)
    rows = [
        {"unit": unit or "（待定）", "area": "、".join(cells), "person": person or None, "duty": DUTY, "route": route or None,
         "hours": hours or None, "frequency": frequency, "due_from": date(year, 1, 1), "due_to": date(year, 12, 31),
         "effective": date(year, 1, 1)}
        for (unit, person, route, hours, frequency), cells in sorted(groups.items())
    ]  # fmt: skip
    return conform(PLAN_FORM, pd.DataFrame(rows, columns=PLAN_FORM.names))
