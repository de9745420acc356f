"""xuncha (巡查): monthly satellite change detection and fair patrol verdicts for a city's natural-resources bureau."""

from __future__ import annotations

import os
from dataclasses import dataclass

# Arrow's own allocator holds on to what tables free, its system's gives it back; Arrow asks once, when it is loaded
os.environ.setdefault("ARROW_DEFAULT_MEMORY_POOL", "system")

__version__ = "0.8.0"
FORMAT_VERSION = 2


@dataclass(frozen=True)
class StageEntry:
    """A row of the stage table: which stages' outputs it reads, what it writes, which config sections steer it."""

    name: str
    reads: tuple[str, ...]
    writes: tuple[str, ...]
    sections: tuple[str, ...]
    label: str


STAGES: tuple[StageEntry, ...] = (
    StageEntry("acquire", (), ("<source>/before.tif", "<source>/after.tif", "<source>/validity.tif"),
               ("city", "sources", "acquire"), "影像准备"),
    StageEntry("detect", ("acquire",), ("<source>/score.tif", "<source>/candidates.parquet", "<source>/unlikely.parquet",
                "<source>/followed.parquet", "<source>/held.parquet", "<source>/monitor.tif", "<source>/state/<tile>"),
               ("city", "sources", "detect"), "变化检测"),
    StageEntry("screen", ("detect",), ("suspected.parquet", "suppressed.parquet", "restored.parquet", "layer_report.json"),
               ("city", "screen", "register"), "套合筛查"),
    StageEntry("register", ("screen",), ("targets.parquet", "revision.parquet"),
               ("city", "screen", "register"), "登记编号"),
    StageEntry("patrol", ("acquire", "register"),
               ("tasks.parquet", "cells.parquet", "plan_check.parquet", "routes.parquet"),
               ("city", "patrol"), "任务分派"),
    StageEntry("ledger", (), ("entries.parquet", "visits.parquet", "repairs.parquet", "rejected.parquet", "files.parquet",
                           "superseded.parquet", "photos.parquet", "oddities.parquet", "track_parts.parquet", "datum.json"),
               ("city", "ledger"), "台账读入"),
    StageEntry("reconcile", ("screen", "register", "patrol", "ledger"),
               ("matches.parquet", "ambiguous.parquet", "questions.parquet", "verdicts.parquet", "coverage.parquet",
                "missed.parquet", "omissions.parquet", "kpis.parquet", "effort.parquet", "estimates.parquet",
                "audit_sample.parquet"),
               ("city", "reconcile"), "比对核实"),
    StageEntry("supervise", ("acquire", "screen", "register", "patrol", "ledger", "reconcile"),
               ("cases.parquet", "case_history.parquet", "follow_ups.parquet", "conflicts.parquet", "alerts.parquet",
                "parcels.parquet", "referrals.parquet", "guidance.parquet", "accumulated.parquet", "handling.parquet",
                "supply.parquet", "supply_breaches.parquet", "supply_items.parquet", "supply_history.parquet",
                "accountability.parquet"),
               ("city", "supervise"), "跟踪督办"),
    StageEntry("report", ("acquire", "detect", "screen", "register", "patrol", "ledger", "reconcile", "supervise"),
               ("packages/<unit>", "month.html", "month.xlsx", "待人工判定.xlsx", "month.json", "../targets.gpkg"),
               ("city", "report"), "成果输出"),
)  # fmt: skip
DETECTION = ("acquire", "detect", "screen", "register", "patrol")
RECONCILIATION = ("ledger", "reconcile", "supervise")


def stage_entry(name: str) -> StageEntry:
    """The stage table's row of ``name``; KeyError for an unknown stage."""
    for entry in STAGES:
        if entry.name == name:
            return entry
    raise KeyError(name)
