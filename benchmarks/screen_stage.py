"""The screening stage in a process of its own: what `xuncha detect` does of it, files to files.

usage: python -m benchmarks.screen_stage CITY OUT [--profile]

Reads the candidates and the layers of a city folder, writes the stage's tables into the empty folder OUT and prints what
that took, as `benchmarks.screen_peer` does.
"""

from __future__ import annotations

import cProfile
import hashlib
import json
import pstats
import sys
from datetime import date
from pathlib import Path

from benchmarks.screen_peer import usage
from pipeline.config import load_config
from pipeline.execute import Execution
from pipeline.stages import screen
from pipeline.stages.base import StageContext
from pipeline.values import Period

PERIOD = "2026-10"


def context_of(city: Path) -> StageContext:
    """The month of a city folder in which only candidates lie."""
    config, run = load_config(city / "config.yaml"), city / "runs" / PERIOD
    return StageContext(config, city, Period.parse(PERIOD), date(2026, 12, 10), run, None, None, Execution())


def main(city: str, out: str, *options: str) -> None:
    """Screen, write and print."""
    imported, profiler = usage(), cProfile.Profile()
    if options:
        profiler.enable()
    counts = screen.run(context_of(Path(city)), Path(out)).counts
    profiler.disable()
    spent = usage()
    if options:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("tottime").print_stats(45)
    digest = hashlib.sha256(b"".join(path.read_bytes() for path in sorted(Path(out).iterdir()))).hexdigest()[:16]
    rows = counts["suspected"] + counts["suppressed"]
    print(json.dumps({"rows": rows, "imports": imported, "all": spent, "digest": digest}))


if __name__ == "__main__":
    main(*sys.argv[1:])
