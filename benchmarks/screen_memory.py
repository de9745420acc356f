"""Screening, or its peer, over tables that lie in memory already, in a process of its own.

usage: python -m benchmarks.screen_memory {screen,overlay} {dropped,kept} CANDIDATES LAYER [LAYER ...]

Reads the same Parquet tables for either side and does the work once on a handful of rows, so that machine code and
coordinate systems are at hand. Then it measures the work alone: CPU and wall time, and peak memory beyond what lay in
memory before. ``overlay`` is `geopandas.overlay` of the candidates with one layer after the other, ``screen`` the
screening verbs over blocks of near candidates, as the stage takes them. Both count the rows of every result; ``dropped``
lets it go before the next is made, as the stage does, which hands it on to disk; ``kept`` keeps all of them.
"""

from __future__ import annotations

import ctypes
import gc
import json
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import geopandas as gpd
import pyarrow as pa

from benchmarks.screen_peer import usage

HANDFUL = 50
Tables = dict[str, Any]
Work = Callable[[Any, Tables], Iterator[tuple[Any, ...]]]


def overlay(candidates: Any, layers: Tables) -> Iterator[tuple[Any, ...]]:
    """The pieces of the candidates with each layer."""
    objects = candidates[["candidate_id", "geometry"]]
    for layer in layers.values():
        yield (gpd.overlay(objects, layer, how="intersection"),)


def screen(candidates: Any, layers: Tables) -> Iterator[tuple[Any, ...]]:
    """Suspected and suppressed candidates, a block at a time."""
    from benchmarks.screen_scale import screening
    from pipeline.screen.blocks import neighbourhoods
    from pipeline.screen.layers import Ground, survey
    from pipeline.screen.suppress import screen_candidates
    from pipeline.stages.screen import BLOCK

    keywords = screening(Ground(**layers))
    keywords["ground"] = survey(keywords["ground"], keywords["ground_rules"].area_formula)
    for rows in neighbourhoods(candidates, BLOCK):
        yield screen_candidates(candidates.iloc[rows], **keywords)


WORKS: dict[str, Work] = {"screen": screen, "overlay": overlay}


def forget_peak() -> None:
    """Let the peak of memory begin at what is needed now; what reading has let go goes back to the system (Linux)."""
    gc.collect()
    pa.default_memory_pool().release_unused()
    ctypes.CDLL(None).malloc_trim(0)
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def measured(work: Work, candidates: Any, layers: Tables, *, keep: bool) -> dict[str, float]:
    """Rows of all results, CPU and wall seconds, and peak memory in MB beyond what lay there before."""
    rows, kept = 0, []
    forget_peak()
    before, start = usage(), time.perf_counter()
    for result in work(candidates, layers):
        rows += sum(len(part) for part in result)
        if keep:
            kept.append(result)
        del result
    wall_s, after = time.perf_counter() - start, usage()
    return {
        "rows": rows,
        "cpu_s": after["cpu_s"] - before["cpu_s"],
        "wall_s": wall_s,
        "beyond_mb": after["peak_mb"] - before["peak_mb"],
    }


def main(side: str, results: str, *paths: str) -> None:
    """Read, warm up, work and print."""
    tables = {Path(path).stem: gpd.read_parquet(path) for path in paths}
    candidates, layers = tables.pop("candidates"), tables
    for _ in WORKS[side](candidates[:HANDFUL], {name: layer[:HANDFUL] for name, layer in layers.items()}):
        pass
    print(json.dumps(measured(WORKS[side], candidates, layers, keep=results == "kept")))


if __name__ == "__main__":
    main(*sys.argv[1:])
