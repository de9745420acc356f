"""The peer of screening in a process of its own: plain `geopandas.overlay` of a candidate file with layer files.

usage: python -m benchmarks.screen_peer CANDIDATES OUT LAYER [LAYER ...]

It imports geopandas and nothing of this project, reads every file, cuts the candidates with each layer one after the
other, writes the pieces as Parquet, and prints what that took (see `usage`).
"""

from __future__ import annotations

import json
import resource
import sys
from pathlib import Path


def usage() -> dict[str, float]:
    """CPU seconds and peak memory in MB of this process so far (Linux)."""
    spent = resource.getrusage(resource.RUSAGE_SELF)
    # ru_maxrss would begin with the size of the process that started this one
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    peak_kb = next(float(line.split()[1]) for line in lines if line.startswith("VmHWM:"))
    return {"cpu_s": spent.ru_utime + spent.ru_stime, "peak_mb": peak_kb / 1024.0}


def main(candidates: str, out: str, *layers: str) -> None:
    """Overlay, write and print."""
    import geopandas as gpd
    import pyarrow.parquet  # noqa: F401 - what reading needs counts as imports, as it does for the other process

    imported, pieces = usage(), 0
    objects = gpd.read_parquet(candidates)[["candidate_id", "geometry"]]
    for layer in layers:
        cut = gpd.overlay(objects, gpd.read_file(layer), how="intersection")
        cut.to_parquet(Path(out) / f"{Path(layer).stem}.parquet")
        pieces += len(cut)
    print(json.dumps({"rows": pieces, "imports": imported, "all": usage()}))


if __name__ == "__main__":
    main(*sys.argv[1:])
