"""Recording that a run's tasks went out to the units; the only writer of ``records/dispatches.csv``."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from pathlib import Path
from typing import Any

import pandas as pd

from pipeline.errors import InputError
from pipeline.schema import DISPATCHES, TASKS, conform
from pipeline.sources.records import append_records, read_records
from pipeline.store import read_json, read_table
from pipeline.values import Period


def record_dispatch(city: Path, run: Path, *, period: str, revision: str, day: date) -> dict[str, int]:
    """Append the run's included tasks that were never dispatched before to the dispatch record.

    ``run``: the run folder with a finished patrol stage; ``revision``: its name. A target dispatched earlier keeps its
    first dispatch, so the same call on the same day adds nothing. Returns counts of dispatched, already dispatched
    and left-out tasks and of units. Raises InputError E404 when the tasks are not made yet or ``day`` is before the
    period's last image or before the period begins.
    """
    if not (run / "patrol" / "stage.json").is_file():
        raise InputError("E404", f"the tasks of {revision} are not made yet", f"run `xuncha detect --period {period}`")
    tasks = read_table(run / "patrol" / "tasks.parquet", TASKS)
    earliest = max(Period.parse(period).first_day, *image_days(run))
    if day < earliest:
        what = f"dispatch of {revision} on {day} lies before {earliest}, when its images were taken"
        raise InputError("E404", what, f"give a --date from {earliest} on")
    included = tasks[tasks["included"].to_numpy(dtype=bool)]
    known = set(read_records(city).dispatches["target_id"])
    fresh = included[~included["target_id"].isin(sorted(known))]
    rows = pd.DataFrame(
        {
            "period": period,
            "revision": revision,
            "target_id": fresh["target_id"],
            "unit_id": fresh["acting_unit_id"],
            "dispatched_on": pd.Timestamp(day),
        }
    )
    return {
        "dispatched": append_records(city, DISPATCHES, conform(DISPATCHES, rows)),
        "already_dispatched": len(included) - len(fresh),
        "left_out": len(tasks) - len(included),
        "units": int(fresh["acting_unit_id"].nunique()),
    }


def image_days(run: Path) -> list[date]:
    """The days by which the images of the run's period were taken, of all sources; the earliest day there is first."""
    ends = [scene["end"] for scenes in _scenes(run).values() for scene in scenes if scene["used_as"] == "period"]
    return [date.min, *(date.fromisoformat(end) for end in ends)]


def days_of_images(run: Path, sources: Sequence[str]) -> dict[str, tuple[date, ...]]:
    """Per source the days by which the images used in a run, its history's too, were taken, in order."""
    used = {name: sorted({scene["end"] for scene in scenes}) for name, scenes in _scenes(run).items()}
    return {name: tuple(map(date.fromisoformat, used.get(name, []))) for name in sources}


def _scenes(run: Path) -> dict[str, list[dict[str, Any]]]:
    """The scenes used in a run, by source; those that were refused are not among them."""
    paths = sorted((run / "acquire").glob("*/alignment.json"))
    return {path.parent.name: read_json(path)["scenes"] for path in paths}
