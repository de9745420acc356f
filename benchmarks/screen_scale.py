"""CPU seconds and peak memory of screening 50,000 candidates against 200,000 land-use parcels.

usage: python -m benchmarks.screen_scale [--share 1] [--profile] [--digest]

The peer is `geopandas.overlay(candidates, parcels, how="intersection")` of the same two layers: pieces only, no areas
on the ellipsoid, no rules, no dates, no reasons. Every line of the table comes from a process of its own that draws
the same ground first, so that its peak memory is its own; "MB over the ground" is the growth of the peak since the
ground stood. Seconds are those of the processor, as all of them work on one core. "start" is what the same work costs on
a handful of candidates first: once per process, rules are read and machine code is loaded, which is not in the seconds
but is in the memory.
"""

from __future__ import annotations

import argparse
import cProfile
import hashlib
import json
import pstats
import subprocess
import sys
import time
from collections.abc import Callable, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from pipeline.config import Screen
from pipeline.rulebook import load_rulebook
from pipeline.schema import APPROVALS, BASIC_FARMLAND, CANDIDATES, LAND_USE, PLANNING, TEMPORARY_LAND, conform
from pipeline.screen.classes import class_ground
from pipeline.screen.layers import Ground
from pipeline.screen.legality import OPTIONS
from pipeline.screen.outlines import Laid, outlines
from pipeline.screen.scale import Scale
from pipeline.screen.suppress import screen_candidates

CRS = "EPSG:4547"
PARCELS_FULL, CANDIDATES_FULL = 200_000, 50_000
SIDE_M, PIXEL_M, EDGE_POINTS = 90.0, 10.0, 5
DAY = date(2026, 10, 31)
CODES = ("0101", "0103", "0301", "0404", "0702", "1006", "1104", "1202")
CODE_SHARES = (0.2, 0.35, 0.15, 0.05, 0.13, 0.04, 0.05, 0.03)
_ORIGIN = np.array([400_000.0, 3_300_000.0])
_CANDIDATE = {
    "source": "s2", "probability": 0.9, "confidence": "nominal", "area_m2": None, "area_px": 1, "gsd_m": PIXEL_M,
    "change_score": 1.0, "change_score_max": 2.0, "novelty": 3.0, "ndvi_before": 0.5, "ndvi_after": 0.1,
    "brightness_before": 0.1, "brightness_after": 0.2, "correlation": 0.0, "rectangularity": 1.0, "edge_contrast": 1.0,
    "clear_share": 1.0, "clear_looks": 2,
}  # fmt: skip
Floats = NDArray[np.float64]


def draw_ground(share: float, *, seed: int = 7) -> tuple[Ground, Any]:
    """Layers and candidates of ``share`` times the full size: parcels without gaps, and outlines along pixels."""
    rng = np.random.default_rng(seed)
    side = max(4, round((share * PARCELS_FULL) ** 0.5))
    parcels = _parcels(rng, side)
    extent = side * SIDE_M
    codes = rng.choice(CODES, len(parcels), p=CODE_SHARES)
    names = np.array([f"P{number:07d}" for number in range(len(parcels))], dtype=object)
    farmland = np.isin(codes, ("0101", "0103")) & (rng.random(len(parcels)) < 0.8)
    land_use = _layer(LAND_USE, {"parcel_id": names, "class_code": codes}, parcels)
    basic = _layer(BASIC_FARMLAND, {"parcel_id": names[farmland]}, parcels[farmland])
    low, high = _ORIGIN + 0.4 * extent, _ORIGIN + 0.6 * extent
    town = shapely.segmentize(shapely.box(*low, *high), 500.0)
    planning = _layer(PLANNING, {"zone_id": ["Z1"], "zone_kind": ["集中建设区"]}, np.array([town], dtype=object))
    approvals = _papers(rng, APPROVALS, max(3, round(2000 * share)), extent)
    temporary = _papers(rng, TEMPORARY_LAND, max(3, round(500 * share)), extent)
    return Ground(land_use, basic, planning, approvals, temporary), _candidates(rng, share, extent)


def _layer(table: Any, columns: dict[str, Any], shapes: NDArray[Any]) -> Any:
    return conform(table, gpd.GeoDataFrame(pd.DataFrame(columns), geometry=shapes, crs=CRS), CRS)


def _parcels(rng: np.random.Generator, side: int) -> NDArray[Any]:
    """A jittered grid whose cells share ragged edges, 4 * EDGE_POINTS vertices each."""
    steps = np.linspace(0.0, 1.0, EDGE_POINTS + 1)
    column, row = np.meshgrid(np.arange(side + 1), np.arange(side + 1))
    nodes = np.stack([column, row], axis=-1) * SIDE_M + rng.uniform(-0.2, 0.2, (side + 1, side + 1, 2)) * SIDE_M
    nodes += _ORIGIN

    def edges(start: Floats, stop: Floats) -> Floats:
        line = start[:, :, None] + (stop - start)[:, :, None] * steps[:, None]
        line[:, :, 1:-1] += rng.uniform(-3.0, 3.0, line[:, :, 1:-1].shape)
        return line

    across = edges(nodes[:, :-1], nodes[:, 1:])
    upward = edges(nodes[:-1, :], nodes[1:, :])
    rings = np.concatenate(
        [
            across[:-1, :, :-1],
            upward[:, 1:, :-1],
            across[1:, :, :0:-1],
            upward[:, :-1, ::-1],
        ],
        axis=2,
    )
    return np.asarray(shapely.polygons(rings.reshape(side * side, -1, 2)), dtype=object)


def _candidates(rng: np.random.Generator, share: float, extent: float) -> Any:
    """Rectangles of whole pixels with some corners cut off in one step, as delineated objects are."""
    count = max(10, round(CANDIDATES_FULL * share))
    wide, high = (np.clip(rng.lognormal(1.2, 0.5, count).round(), 3, 20) for _ in range(2))
    at = (rng.uniform(0, extent - 400.0, (count, 2)) / PIXEL_M).round() * PIXEL_M + _ORIGIN
    cut = (rng.random((count, 4)) < 0.5).astype(np.float64)
    corners = [
        np.column_stack(pair) * PIXEL_M
        for pair in (
            (0 * wide, cut[:, 0]), (cut[:, 0], cut[:, 0]), (cut[:, 0], 0 * wide),
            (wide - cut[:, 1], 0 * wide), (wide - cut[:, 1], cut[:, 1]), (wide, cut[:, 1]),
            (wide, high - cut[:, 2]), (wide - cut[:, 2], high - cut[:, 2]), (wide - cut[:, 2], high),
            (cut[:, 3], high), (cut[:, 3], high - cut[:, 3]), (0 * wide, high - cut[:, 3]),
        )
    ]  # fmt: skip
    rings = np.stack(corners, axis=1) + at[:, None, :]
    shapes = [shapely.polygons(ring[np.r_[True, (np.diff(ring, axis=0) != 0).any(axis=1)]]) for ring in rings]
    seen = pd.Timestamp("2026-09-02") + pd.to_timedelta(5 * rng.integers(0, 12, count), "D")
    columns = {
        **_CANDIDATE,
        "candidate_id": [f"s2-{number:05d}" for number in range(count)],
        "stage": rng.choice(["earthworks", "pit", "structure", "roofed", "unknown"], count),
        "first_seen": seen,
        "last_clear": seen - pd.to_timedelta(rng.integers(5, 40, count), "D"),
    }
    return _layer(CANDIDATES, columns, np.array(shapes, dtype=object))


def _papers(rng: np.random.Generator, table: Any, count: int, extent: float) -> Any:
    """Approvals of a hectare or two, given before, during or after the changes."""
    low = rng.uniform(0, extent - 200.0, (count, 2)) + _ORIGIN
    high = low + rng.uniform(80.0, 200.0, (count, 2))
    days = pd.Timestamp("2025-06-01") + pd.to_timedelta(rng.integers(0, 550, count), "D")
    columns = {"approval_id": [f"A{number}" for number in range(count)], "approved_on": days}
    return _layer(table, columns, np.asarray(shapely.box(*low.T, *high.T), dtype=object))


def screening(ground: Ground) -> dict[str, Any]:
    """Keywords of the screening verb as the stage gives them, with default options."""
    section, book = Screen(), load_rulebook()
    return {
        "ground": ground,
        "ground_rules": book.ground_rules(DAY),
        "rules": book.all_rules(),
        "options": {name: float(getattr(section, name)) for name in OPTIONS},
        "outline_tolerance_px": section.outline_tolerance_px,
        "suppress_construction_land": section.suppress_construction_land,
        "fallback_day": DAY,
    }


def classes(ground: Ground, candidates: Any) -> list[dict[str, float]]:
    """Areas by land class of every candidate."""
    own = outlines(candidates.geometry.to_numpy(), Scale(ground.land_use.crs, "geodesic"))
    return class_ground(own, Laid(ground.land_use)).areas.by_code()


def works(ground: Ground, candidates: Any) -> dict[str, Callable[[], Any]]:
    """The peer, the overlay of the screening verbs alone, and the whole verb without and with the other layers."""
    bare = Ground(ground.land_use)
    return {
        "geopandas.overlay": lambda: gpd.overlay(
            candidates[["candidate_id", "geometry"]], ground.land_use, how="intersection"
        ),
        "class areas": lambda: classes(ground, candidates),
        "screen, two layers": lambda: screen_candidates(candidates, **screening(bare)),
        "screen, six layers": lambda: screen_candidates(candidates, **screening(ground)),
    }


WORKS = ("geopandas.overlay", "class areas", "screen, two layers", "screen, six layers")


def measure(name: str, share: float, *, profile: bool = False, seed: int = 7) -> dict[str, Any]:
    """CPU seconds, peak memory in MB, its growth over the drawn ground, and a digest of one work's result."""
    ground, candidates = draw_ground(share, seed=seed)
    work = works(ground, candidates)[name]
    handful = works(*draw_ground(0.001, seed=seed))[name]
    _reset_peak()
    before_mb, start = _status_mb("VmRSS"), time.process_time()
    handful()
    start_s, start = time.process_time() - start, time.process_time()
    profiler = cProfile.Profile()
    if profile:
        profiler.enable()
    result = work()
    profiler.disable()
    seconds, peak_mb = time.process_time() - start, _status_mb("VmHWM")
    if profile:
        pstats.Stats(profiler, stream=sys.stderr).sort_stats("cumulative").print_stats(45)
    return {
        "work": name, "parcels": len(ground.land_use), "candidates": len(candidates), "cpu_s": seconds,
        "start_s": start_s, "peak_mb": peak_mb, "over_ground_mb": peak_mb - before_mb, "digest": digest(result),
    }  # fmt: skip


def digest(result: Any) -> str:
    """The first 16 digits of a hash over every value and coordinate of a result."""
    found = hashlib.sha256()
    for part in result if isinstance(result, tuple) else (result,):
        if isinstance(part, gpd.GeoDataFrame):
            found.update(part.drop(columns="geometry").to_csv(index=False).encode())
            for wkb in shapely.to_wkb(part.geometry.to_numpy()):
                found.update(wkb or b"-")
        else:
            found.update(json.dumps(part, ensure_ascii=False, sort_keys=True, default=str).encode())
    return found.hexdigest()[:16]


def _reset_peak() -> None:
    """Begin the kernel's record of this process's peak memory anew (Linux)."""
    Path("/proc/self/clear_refs").write_text("5", encoding="ascii")


def _status_mb(key: str) -> float:
    lines = Path("/proc/self/status").read_text(encoding="ascii").splitlines()
    return next(float(line.split()[1]) / 1024.0 for line in lines if line.startswith(f"{key}:"))


def main(arguments: Sequence[str] | None = None) -> None:
    """Measure every work in its own process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="Size relative to 200,000 parcels")
    parser.add_argument("--only", choices=WORKS, action="append", help="Only this work; may be given several times")
    parser.add_argument("--profile", action="store_true", help="Print where the time goes")
    parser.add_argument("--one", choices=WORKS, help=argparse.SUPPRESS)
    options = parser.parse_args(arguments)
    if options.one:
        print(json.dumps(measure(options.one, options.share, profile=options.profile)))
        return
    peer: dict[str, Any] = {}
    print("| work | parcels | candidates | start | CPU s | ratio | MB at peak | MB over the ground | ratio | digest |")
    print("|---|---:|---:|---:|---:|---:|---:|---:|---:|---|")
    for name in options.only or WORKS:
        command = [sys.executable, "-m", "benchmarks.screen_scale", "--one", name, "--share", str(options.share)]
        command += ["--profile"] if options.profile else []
        done = subprocess.run(command, check=True, stdout=subprocess.PIPE, text=True, encoding="utf-8")
        row = json.loads(done.stdout)
        peer = peer or row
        time_share, memory_share = (row[key] / peer[key] for key in ("cpu_s", "over_ground_mb"))
        print(
            f"| {name} | {row['parcels']} | {row['candidates']} | {row['start_s']:.1f} | {row['cpu_s']:.1f} | {time_share:.2f} | "
            f"{row['peak_mb']:.0f} | {row['over_ground_mb']:.0f} | {memory_share:.2f} | {row['digest']} |",
            flush=True,
        )


if __name__ == "__main__":
    main()
