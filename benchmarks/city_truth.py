"""Verdicts of whole synthetic cities, from imagery to the missed list, against what really happened in them.

usage: python -m benchmarks.city_truth [--seeds N N ...] [--work DIR] [--size full|small]

A line per month and seed: targets and how many lie on true sites, new sites found, accusations and how many of them
are unfair, true misses on detected sites and how many we name; the same for those misses that the records handed in
and the day of the first image can show (decidable).
"""

from __future__ import annotations

import argparse
import subprocess
import sys
import tempfile
from collections.abc import Sequence
from pathlib import Path

import pandas as pd

from pipeline.stages.demo import MONTHS
from tests.truth import MISSED, judge, named

XUNCHA = Path(sys.executable).parent / "xuncha"


def figures(city: Path) -> pd.DataFrame:
    """One row per demo month of a finished city."""
    rows = []
    for period, _, as_of in MONTHS:
        month = judge(city, period, as_of)
        rows.append(
            {"period": period, "targets": month.targets, "on_sites": len(month.pairs), "new_sites": month.sites_new,
             "new_found": month.sites_new_found, "accused": int(month.pairs["verdict"].isin(MISSED).sum()),
             "unfair": len(month.unfair), "misses": len(month.misses), "named": named(month.misses),
             "decidable": len(month.decidable), "decidable_named": named(month.decidable)}
        )  # fmt: skip
    return pd.DataFrame(rows)


def main(arguments: Sequence[str] | None = None) -> None:
    """Make, run and judge every city; prints the table and its sums."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=[20261001, 11, 12, 13])
    parser.add_argument("--size", choices=["full", "small"], default="full")
    parser.add_argument("--work", type=Path, help="Keep the cities here (one folder per seed)")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as scratch:
        tables = []
        for seed in options.seeds:
            city = (options.work or Path(scratch)) / f"city-{seed}"
            command = [XUNCHA, "demo", city, "--size", options.size, "--seed", str(seed), "--json"]
            subprocess.run(command, check=True, stdout=subprocess.DEVNULL)
            tables.append(figures(city).assign(seed=seed))
    table = pd.concat(tables).set_index(["seed", "period"])
    print(table.to_string())
    print(table.sum().to_frame("all").T.to_string())


if __name__ == "__main__":
    main()
