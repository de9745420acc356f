"""Recording a person's decision on a suppressed candidate, with its outline; the only writer of ``records/restorations.csv``."""

from __future__ import annotations

from datetime import date
from pathlib import Path

import pandas as pd
import shapely

from pipeline.errors import InputError
from pipeline.schema import RESTORATIONS, RESTORED, SUPPRESSED, conform
from pipeline.sources.records import append_records
from pipeline.store import read_table
from pipeline.values import ScreenDecision


def record_restoration(
    city: Path, run: str, candidate: str, *, day: date, reason: str, decided_by: str, withdraw: bool = False
) -> int:
    """Append a restoration (or its withdrawal) of a candidate of ``runs/<run>``; 0 where the same row is there already.

    The candidate's outline goes into the record, since its id means another object in another run. Raises InputError
    E404 when that run has no screening or no such suppressed (or restored) candidate.
    """
    folder = city / "runs" / run / "screen"
    if not (folder / "suppressed.parquet").is_file():
        raise InputError("E404", f"runs/{run} has no screening", "run `xuncha detect` for its period first")
    tables = [(folder / "suppressed.parquet", SUPPRESSED), (folder / "restored.parquet", RESTORED)]
    frames = [read_table(path, table) for path, table in tables if path.is_file()]
    shapes = [shape for frame in frames for shape in frame.geometry[frame["candidate_id"] == candidate]]
    if not shapes:
        raise InputError(
            "E404", f"runs/{run} has suppressed no candidate {candidate}", "see the sheet 排除图斑 of its month"
        )
    decision = ScreenDecision.WITHDRAW if withdraw else ScreenDecision.RESTORE
    row = {
        "run": run,
        "candidate_id": candidate,
        "decision": decision.value,
        "decided_on": pd.Timestamp(day),
        "reason": reason,
        "decided_by": decided_by,
        "ground": shapely.to_wkt(shapes[0], rounding_precision=3),
    }
    return append_records(city, RESTORATIONS, conform(RESTORATIONS, pd.DataFrame([row])))
