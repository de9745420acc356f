"""CPU seconds and peak memory of screening 50,000 candidates against 200,000 land-use parcels, files to files.

usage: python -m benchmarks.screen_scale [--share 1] [--profile]

The peer is `geopandas.overlay(candidates, layer, how="intersection")` of the same files, with land use alone and with
every layer in turn: pieces only, no areas on the ellipsoid, no rules, no dates, no reasons. Both read the layers as
GeoPackages and the candidates as Parquet, and write Parquet. Every line is a process of its own, measured by the kernel
from its start to its end; what its imports cost is in the numbers and shown apart. A stage meets new layers once
("layers new": it reads, repairs, conforms and keeps them on disk) and then finds them again every month until one is
delivered anew ("layers known").

A second table is of the work alone, over tables that both sides have read before (`benchmarks.screen_memory`): the
screening verbs block by block against the overlay layer by layer, each line the median of three processes.
"""

from __future__ import annotations

import argparse
import hashlib
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
from collections.abc import Iterator, Sequence
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from numpy.typing import NDArray

from benchmarks.screen_stage import PERIOD
from pipeline.config import Screen
from pipeline.rulebook import load_rulebook
from pipeline.schema import APPROVALS, BASIC_FARMLAND, CANDIDATES, LAND_USE, PLANNING, TEMPORARY_LAND, Table, conform
from pipeline.screen.classes import class_ground
from pipeline.screen.layers import Ground
from pipeline.screen.legality import OPTIONS
from pipeline.screen.outlines import Laid, outlines
from pipeline.screen.scale import Scale
from pipeline.store import write_table

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
REPEATS = 3
TABLES: dict[str, Table] = {
    "land_use": LAND_USE,
    "basic_farmland": BASIC_FARMLAND,
    "planning": PLANNING,
    "approvals": APPROVALS,
    "temporary_land": TEMPORARY_LAND,
}
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


def write_city(folder: Path, ground: Ground, candidates: Any) -> Path:
    """A city folder as the stage finds it: layers as GeoPackages with the field's names, and detected candidates."""
    aliases = {alias.role: alias for alias in load_rulebook().layers}
    (folder / "layers").mkdir(parents=True)
    for role, layer in vars(ground).items():
        if layer is not None:
            name = aliases[role].names[0]
            fields = {field.column: field.names[0] for field in aliases[role].fields}
            delivered = layer.dropna(axis="columns", how="all").rename(columns=fields)
            delivered.to_file(folder / "layers" / f"{name}.gpkg", layer=name)
    west, south, east, north = ground.land_use.total_bounds.tolist()
    (folder / "config.yaml").write_text(
        f'city: {{crs: "{CRS}", bounds: [{west}, {south}, {east}, {north}]}}\n'
        'sources: [{name: "s2", folder: "scenes/s2", profile: "s2"}]\n',
        encoding="utf-8",
    )
    detected = folder / "runs" / PERIOD / "detect" / "s2"
    detected.mkdir(parents=True)
    write_table(detected / "candidates.parquet", CANDIDATES, candidates)
    return folder


def measure(command: Sequence[str], out: Path) -> dict[str, Any]:
    """What one process says of itself; its results go to an empty folder ``out`` and are deleted."""
    out.mkdir()
    # importing the pipeline chose Arrow's allocator for this process; the peer's has the one it comes with
    left_out = ("PYTHONDONTWRITEBYTECODE", "ARROW_DEFAULT_MEMORY_POOL")
    environment = {name: value for name, value in os.environ.items() if name not in left_out}
    environment["PYTHONPYCACHEPREFIX"] = str(out.parent / "bytecode")
    done = subprocess.run(
        [sys.executable, "-m", *command],
        check=True,
        stdout=subprocess.PIPE,
        text=True,
        encoding="utf-8",
        env=environment,
    )
    shutil.rmtree(out)
    return json.loads(done.stdout)


def works(small: Path, whole: Path) -> dict[str, tuple[str, list[str]]]:
    """Every line's peer and command, ``{out}`` for the folder of its results.

    ``small``: the city with land use alone; ``whole``: with all layers. The stage runs twice: when it meets its layers
    for the first time, and when it has conformed them before.
    """
    found = {}
    for label, city in (("land use", small), ("all layers", whole)):
        layers = [str(path) for path in sorted((city / "layers").iterdir())]
        candidates = str(city / "runs" / PERIOD / "detect" / "s2" / "candidates.parquet")
        peer = f"geopandas.overlay, {label}"
        found[peer] = (peer, ["benchmarks.screen_peer", candidates, "{out}", *layers])
        for when in ("layers new", "layers known"):
            found[f"screen, {label}, {when}"] = (peer, ["benchmarks.screen_stage", str(city), "{out}"])
    return found


def write_tables(folder: Path, ground: Ground, candidates: Any) -> dict[str, list[str]]:
    """Conformed layers and candidates as Parquet, to be read before anything is measured: the files by label."""
    folder.mkdir()
    given = {"candidates": (CANDIDATES, candidates)} | {n: (kind, getattr(ground, n)) for n, kind in TABLES.items()}
    for name, (kind, frame) in given.items():
        write_table(folder / f"{name}.parquet", kind, frame)
    files = [str(folder / f"{name}.parquet") for name in given]
    return {"land use": files[:2], "all layers": files}


def works_in_memory(files: dict[str, list[str]]) -> dict[str, tuple[str, list[str]]]:
    """Every line's peer and command, over the tables of :func:`write_tables`."""
    found = {}
    for label, paths in files.items():
        for results in ("dropped", "kept"):
            peer = f"geopandas.overlay, {label}, results {results}"
            for side, name in (("overlay", peer), ("screen", f"screen, {label}, results {results}")):
                found[name] = (peer, ["benchmarks.screen_memory", side, results, *paths])
    return found


def table_in_memory(works_of: dict[str, tuple[str, list[str]]], scratch: Path, *, repeats: int) -> Iterator[str]:
    """The lines of the table of work in memory, the median of some repeats, each measured when it is asked for."""
    yield "| work in memory | rows | CPU s | ratio | wall s | ratio | MB beyond the tables | ratio |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|"
    peers: dict[str, dict[str, float]] = {}
    for name, (peer, command) in works_of.items():
        runs = [measure(command, scratch / "out") for _ in range(repeats)]
        row = {key: statistics.median(run[key] for run in runs) for key in runs[0]}
        other = peers.setdefault(peer, row)
        cells = [name, f"{row['rows']:.0f}"]
        for key, digits in (("cpu_s", 2), ("wall_s", 2), ("beyond_mb", 0)):
            cells += [f"{row[key]:.{digits}f}", f"{row[key] / max(other[key], 1e-3):.2f}"]
        yield f"| {' | '.join(cells)} |"


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


def table(works_of: dict[str, tuple[str, list[str]]], scratch: Path, *, options: Sequence[str] = ()) -> Iterator[str]:
    """The lines of the table, each measured when it is asked for."""
    ratios = "ratio | beyond imports"
    yield f"| work | rows | imports, CPU s | all, CPU s | {ratios} | imports, MB | peak, MB | {ratios} | digest |"
    yield "|---|---:|---:|---:|---:|---:|---:|---:|---:|---:|---|"
    peers: dict[str, Any] = {}
    for name, (peer, command) in works_of.items():
        given = [*command, *options] if "screen_stage" in command[0] else command
        row = measure([part.replace("{out}", str(scratch / "out")) for part in given], scratch / "out")
        other = peers.setdefault(peer, row)
        cells = [name, str(row["rows"])]
        for key, digits in (("cpu_s", 1), ("peak_mb", 0)):
            own, all_ = row["imports"][key], row["all"][key]
            beyond = (all_ - own) / max(other["all"][key] - other["imports"][key], 1e-3)
            cells += [f"{own:.{digits}f}", f"{all_:.{digits}f}", f"{all_ / other['all'][key]:.2f}", f"{beyond:.2f}"]
        yield f"| {' | '.join([*cells, row.get('digest', '')])} |"


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw the ground into a scratch folder, measure every work in its own process and print the table."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--share", type=float, default=1.0, help="Size relative to 200,000 parcels")
    parser.add_argument("--profile", action="store_true", help="Print where the stage's time goes")
    options = parser.parse_args(arguments)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        warm_up(scratch)
        ground, candidates = draw_ground(options.share)
        in_memory = works_in_memory(write_tables(scratch / "tables", ground, candidates))
        cities = write_cities(scratch, ground, candidates)
        del ground, candidates
        for line in table_in_memory(in_memory, scratch, repeats=REPEATS):
            print(line, flush=True)
        print()
        for line in table(works(*cities), scratch, options=["--profile"] if options.profile else []):
            print(line, flush=True)


def write_cities(scratch: Path, ground: Ground, candidates: Any) -> tuple[Path, Path]:
    """The same ground and candidates as two cities: with land use alone, and with all layers."""
    small = write_city(scratch / "small", Ground(ground.land_use), candidates)
    return small, write_city(scratch / "whole", ground, candidates)


def warm_up(scratch: Path) -> None:
    """Have bytecode and machine code written once, as on a computer on which the program has run before."""
    handful, drawn = scratch / "handful", draw_ground(0.001)
    every = works(*write_cities(handful, *drawn)) | works_in_memory(write_tables(handful / "tables", *drawn))
    for _, command in every.values():
        measure([part.replace("{out}", str(scratch / "out")) for part in command], scratch / "out")


if __name__ == "__main__":
    main()
