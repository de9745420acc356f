"""Seconds, memory and growth of `reconcile` on a prefecture: 50,000 ledger entries, 20,000 targets, 5,000 tracks.

usage: python -m benchmarks.reconcile_scale [--sizes 0.0625 0.125 0.25 0.5 1] [--plot PNG] [--profile]

The peer is what a GIS user would do with the same tables in the same process: plain spatial joins with geopandas of
entries to targets, tracks to targets and tracks to cells within the distances that the stage itself asks for, and the
nearest target of every entry. It answers nothing about time, words, sight or fairness: the ratio says what those
cost. Seconds are those of the processor, as both work on one core, so that a busy machine does not tell. Every size
runs in a process of its own, so that its peak memory is its own; growth is the slope of the least squares line through
the logarithms (1: in proportion to the size).
"""

from __future__ import annotations

import argparse
import cProfile
import json
import pstats
import resource
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np

from benchmarks.prefecture import Prefecture, draw_prefecture, write_prefecture
from pipeline.reconcile.ground import FARTHEST_SIGHTS
from pipeline.reconcile.match import REACH_SIGMAS
from pipeline.reconcile.sight import SIGHTED_SIGHTS
from pipeline.reconcile.space import position_sigma_m
from pipeline.stages import reconcile

SIZES = (0.0625, 0.125, 0.25, 0.5, 1.0)


def measure(share: float, *, profile: bool = False) -> dict[str, float]:
    """Seconds of peer and stage at ``share`` of the full size, rows in and out, and peak memory of this process."""
    prefecture = draw_prefecture(share)
    with tempfile.TemporaryDirectory() as scratch:
        context = write_prefecture(prefecture, Path(scratch) / "州")
        out = context.run / "reconcile"
        out.mkdir()
        options = context.config.reconcile
        peer_s, pairs = _timed(lambda: plain_join(prefecture, sight_m=options.sight_m, standing_m=options.standing_m))
        before_mb = _peak_mb()
        profiler = cProfile.Profile()
        if profile:
            profiler.enable()
        stage_s, outcome = _timed(lambda: reconcile.run(context, out))
        profiler.disable()
    if profile:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumulative").print_stats(45)
    tables = prefecture.tables
    return {
        "share": share, "entries": len(tables["entries"]), "targets": len(tables["targets"]),
        "tracks": len(prefecture.tracks), "cells": len(tables["cells"]), "peer_pairs": pairs, "peer_s": peer_s,
        "stage_s": stage_s, "ratio": stage_s / peer_s, "peer_mb": before_mb, "peak_mb": _peak_mb(),
        "omissions": outcome.counts["omissions"],
    }  # fmt: skip


def plain_join(prefecture: Prefecture, *, sight_m: float, standing_m: float) -> int:
    """Pairs that plain spatial joins of the same tables find within the stage's own distances."""
    entries, tracks, tables = prefecture.located, prefecture.tracks, prefecture.tables
    reach = REACH_SIGMAS * position_sigma_m(entries["uncertainty_m"].to_numpy("float64"), standing_m=standing_m)
    targets = tables["targets"][["target_id", "geometry"]]
    near = gpd.sjoin(entries[["entry_id", "geometry"]], targets, predicate="dwithin", distance=reach)
    walked = tracks[["visit_id", "geometry"]]
    seen = gpd.sjoin(walked, targets, predicate="dwithin", distance=SIGHTED_SIGHTS * sight_m)
    covered = gpd.sjoin(walked, tables["cells"], predicate="dwithin", distance=FARTHEST_SIGHTS * sight_m)
    nearest = gpd.sjoin_nearest(entries[["entry_id", "geometry"]], targets, max_distance=float(reach.max()))
    return len(near) + len(seen) + len(covered) + len(nearest)


def growth(shares: Sequence[float], seconds: Sequence[float]) -> float:
    """The power p of ``seconds ~ share ** p``, by least squares on the logarithms."""
    return float(np.polyfit(np.log(shares), np.log(seconds), 1)[0])


def plot(rows: Sequence[dict[str, float]], target: Path) -> None:
    """Seconds over size on logarithmic axes, stage and peer with their powers, and a line of n log n."""
    import matplotlib

    matplotlib.use("Agg")
    import matplotlib.pyplot as pyplot

    entries = np.array([row["entries"] for row in rows])
    figure, axes = pyplot.subplots(figsize=(7, 5), layout="constrained")
    for key, label, mark in (("stage_s", "reconcile", "o-"), ("peer_s", "plain spatial join", "s--")):
        seconds = [row[key] for row in rows]
        power = f"  ~ n^{growth(entries, seconds):.2f}" if len(rows) > 1 else ""
        axes.loglog(entries, seconds, mark, label=f"{label}{power}")
    ideal = entries * np.log(entries)
    axes.loglog(entries, ideal / ideal[-1] * rows[-1]["stage_s"], ":", color="grey", label="n log n")
    axes.set(xlabel="ledger entries (targets and tracks grow alike)", ylabel="seconds", title="reconcile: growth")
    axes.grid(True, which="both", alpha=0.3)
    axes.legend()
    figure.savefig(target, dpi=110, metadata={"Software": None})
    pyplot.close(figure)


def _timed(work: Callable[[], Any]) -> tuple[float, Any]:
    start = time.process_time()
    result = work()
    return time.process_time() - start, result


def _peak_mb() -> float:
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024.0


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every size in its own process, print the table and the powers, draw the plot."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--sizes", type=float, nargs="+", default=list(SIZES))
    parser.add_argument("--plot", type=Path, default=Path("docs/reconcile_scale.png"))
    parser.add_argument("--profile", action="store_true", help="Print where the stage's time goes, per size")
    parser.add_argument("--one", type=float, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one is not None:
        print(json.dumps(measure(options.one, profile=options.profile)))
        return
    rows = []
    for share in sorted(options.sizes):
        command = [sys.executable, "-m", "benchmarks.reconcile_scale", "--one", str(share)]
        command += ["--profile"] if options.profile else []
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        rows.append(json.loads(done.stdout))
        shown = {key: round(value, 2) for key, value in rows[-1].items()}
        print("  ".join(f"{key} {value:g}" for key, value in shown.items()), flush=True)
    if len(rows) > 1:
        for key in ("stage_s", "peer_s", "peak_mb"):
            print(f"{key} grows as n^{growth([row['entries'] for row in rows], [row[key] for row in rows]):.2f}")
    plot(rows, options.plot)


if __name__ == "__main__":
    main()
