"""A prefecture's month as plain tables: units, cells, targets, ledger findings and patrols at realistic densities.

No imagery and no truth about verdicts, only the right amounts in the right places: about two targets and two ledger
findings per square kilometre, half of them around villages, patrols that stay in their own township. Sites, a target's
or any other, are written down again and again under one subject and the name of the nearest village; villages and people
have namesakes, a tenth of the coordinates no datum. A sixth of the tracks has a gap, and every track a stop.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import pyproj
import shapely
from numpy.typing import NDArray
from scipy.spatial import cKDTree

from pipeline.config import City, Config
from pipeline.execute import Execution
from pipeline.schema import (
    CELL_STATES,
    CELLS,
    DECISIONS,
    DELEGATIONS,
    DISPATCHES,
    ENTRIES,
    FIELD_CHECKS,
    LEDGER_FILES,
    PEOPLE,
    PLAN,
    REJECTED,
    RESPONSIBILITY,
    SUPERSEDED,
    SUPPRESSED,
    TARGETS,
    TASKS,
    TRACK_PARTS,
    UNITS,
    VISITS,
    Table,
    conform,
)
from pipeline.stages.base import StageContext
from pipeline.store import write_table
from pipeline.values import Period

CRS = "EPSG:4547"
PERIOD, AS_OF = Period(2026, 10), date(2026, 11, 30)
ENTRIES_FULL, TARGETS_FULL, TRACKS_FULL, CLAIMS_FULL = 50_000, 20_000, 5_000, 2_500
AREA_KM2_FULL = 10_000.0
DECIDED_EVERY = 100
CELL_M, UNIT_CELLS = 1200.0, 9
_ORIGIN = np.array([400_000.0, 3_300_000.0])
_STEP_M, _STEPS = 60.0, 200
_STATUS = ("推填土", "基坑", "正在建房，主体二层", "已封顶", "堆放砂石", "平整场地", "")
_NAMES, _SUFFIXES, _GIVEN = (
    "王李张刘陈杨黄赵吴周徐孙马朱胡林郭何高罗",
    "营庄屯湾铺岗坡桥塘店",
    "伟芳强敏磊洋勇艳杰娟涛明超霞平刚桂英华玲",
)
_STAGES = ("earthworks", "pit", "structure", "roofed", "unknown")
_TARGET = {
    "history": "[]", "candidate_id": "c", "source": "s2", "probability": 0.9, "confidence": "confirmed", "area_px": 10,
    "change_score": 1.0, "change_score_max": 1.0, "brightness_before": 0.1, "brightness_after": 0.2, "correlation": 0.0,
    "rectangularity": 1.0, "edge_contrast": 1.0, "clear_share": 1.0, "clear_looks": 3, "rules": "[]",
    "area_by_class_m2": "{}",
}  # fmt: skip
Floats = NDArray[np.float64]


@dataclass(frozen=True)
class Prefecture:
    """The tables of one month under their schema names; ``located`` are the findings that have a position."""

    tables: dict[str, Any]

    @property
    def located(self) -> Any:
        entries = self.tables["entries"]
        return entries[entries["finding"] & entries.geometry.notna()].reset_index(drop=True)

    @property
    def tracks(self) -> Any:
        visits = self.tables["visits"]
        return visits[visits.geometry.notna()].reset_index(drop=True)


def draw_prefecture(share: float, *, seed: int = 7) -> Prefecture:
    """A prefecture of ``share`` times the full size: area, targets, entries and tracks shrink together."""
    rng = np.random.default_rng(seed)
    side = max(UNIT_CELLS, round((share * AREA_KM2_FULL * 1e6) ** 0.5 / CELL_M))
    extent = side * CELL_M
    villages = rng.uniform(0, extent, (max(1, int(0.3 * side * side)), 2))
    full = {"targets": TARGETS_FULL, "entries": ENTRIES_FULL, "tracks": TRACKS_FULL, "claims": CLAIMS_FULL}
    counts = {name: max(20, round(rows * share)) for name, rows in full.items()}
    cells, units = _ground(side)
    targets, centres = _targets(rng, counts["targets"], extent, villages)
    suppressed = _suppressed(rng, counts["targets"] // 2, extent, villages)
    homes = _homes(centres, side)
    first, last = PERIOD.first_day, PERIOD.last_day
    plan = pd.concat([
        pd.DataFrame({"plan_id": [f"L{half}{cell}" for cell in cells["cell_id"]], "unit_id": cells["unit_id"],
                      "cell_id": cells["cell_id"], "due_from": start, "due_to": end, "visits_required": 1})
        for half, (start, end) in enumerate(((first, first.replace(day=15)), (first.replace(day=16), last)))
    ])  # fmt: skip
    visits = _visits(rng, counts["tracks"], counts["claims"], extent, side)
    sent = rng.random(len(targets)) < 0.7
    checked = rng.random(len(targets)) < 0.2
    entries = _entries(rng, counts["entries"], extent, side, villages, targets, centres)
    decided = entries[entries["finding"]].iloc[::DECIDED_EVERY]
    withheld = np.where(~sent & (rng.random(len(targets)) < 0.1), "held_back", None)
    tables = {
        "units": units,
        "parcels": _parcels(rng, cells),
        "cells": cells[["cell_id", "geometry"]],
        "people": cells.drop_duplicates("unit_id")[["unit_id"]].assign(
            person_id=lambda rows: "P" + rows["unit_id"], name=lambda rows: "巡查员" + rows["unit_id"]
        ),
        "responsibility": cells[["cell_id", "unit_id"]].assign(
            person_id="P" + cells["unit_id"], valid_from=date(2026, 1, 1)
        ),
        "plan": plan,
        "targets": targets,
        "suppressed": suppressed,
        "tasks": pd.DataFrame({"target_id": targets["target_id"], "cell_id": homes[0], "unit_id": homes[1],
                               "acting_unit_id": homes[1], "cell_shares": "{}", "rank": 1, "priority": 1.0,
                               "included": True, "reason": "-", "blind_sample": withheld}),
        "cell_states": cells.assign(acting_unit_id=cells["unit_id"], state="none_found", targets=0,
                                    observable_share=1.0, reason="-"),
        "entries": entries,
        "visits": visits,
        "track_parts": _parts(visits),
        "dispatches": pd.DataFrame({"target_id": targets.loc[sent, "target_id"], "unit_id": homes[1][sent],
                                    "period": "2026-10", "revision": "2026-10", "dispatched_on": date(2026, 11, 4)}),
        "field_checks": pd.DataFrame({"target_id": targets.loc[checked, "target_id"], "checked_on": date(2026, 11, 20),
                                      "outcome": "违法"}),
        "decisions": pd.DataFrame({"target_id": rng.choice(targets["target_id"], len(decided)),
                                   "entry_id": decided["entry_id"], "decision": "不是同一处",
                                   "decided_on": date(2026, 11, 10)}),
    }  # fmt: skip
    return Prefecture(tables)


def write_prefecture(prefecture: Prefecture, city: Path) -> StageContext:
    """The city folder that the stage `reconcile` reads, with the run folder's earlier tables."""
    tables = prefecture.tables
    for folder in ("units", "records", "layers"):
        (city / folder).mkdir(parents=True)
    tables["parcels"].to_file(city / "layers" / "DLTB.gpkg", layer="DLTB", engine="pyogrio")
    for table in (UNITS, CELLS):
        frame = tables[table.name].rename(columns=table.labels())
        frame.to_file(city / "units" / f"{table.name}.gpkg", layer=table.name, engine="pyogrio")
    for folder, schemas in (("units", (PEOPLE, RESPONSIBILITY, DELEGATIONS, PLAN)),
                            ("records", (DISPATCHES, FIELD_CHECKS, DECISIONS))):  # fmt: skip
        for table in schemas:
            frame = conform(table, tables.get(table.name, pd.DataFrame(columns=table.names)))
            frame = frame.rename(columns=table.labels())
            frame.to_csv(city / folder / f"{table.name}.csv", index=False, encoding="utf-8-sig")
    run = city / "runs" / str(PERIOD)
    stages: tuple[tuple[str, Table, str], ...] = (
        ("register", TARGETS, "targets"), ("screen", SUPPRESSED, "suppressed"), ("patrol", TASKS, "tasks"),
        ("patrol", CELL_STATES, "cells"), ("ledger", ENTRIES, "entries"), ("ledger", VISITS, "visits"),
        ("ledger", REJECTED, "rejected"), ("ledger", SUPERSEDED, "superseded"),
        ("ledger", LEDGER_FILES, LEDGER_FILES.name), ("ledger", TRACK_PARTS, TRACK_PARTS.name),
    )  # fmt: skip
    for stage, table, file in stages:
        (run / stage).mkdir(parents=True, exist_ok=True)
        frame = tables.get(table.name, pd.DataFrame(columns=table.names))
        write_table(run / stage / f"{file}.parquet", table, conform(table, frame, CRS if table.geometry else None))
    config = Config(city=City(name="示例州", county_code="420000", crs=CRS))
    return StageContext(config, city, PERIOD, AS_OF, run, None, None, Execution())


def _ground(side: int) -> tuple[Any, Any]:
    column, row = (part.ravel() for part in np.meshgrid(np.arange(side), np.arange(side)))
    low = _ORIGIN + np.column_stack([column, row]) * CELL_M
    shapes = shapely.box(low[:, 0], low[:, 1], low[:, 0] + CELL_M, low[:, 1] + CELL_M)
    cells = gpd.GeoDataFrame(
        {"cell_id": _cell_names(column, row), "unit_id": _unit_names(column, row)}, geometry=shapes, crs=CRS
    )
    units = cells.dissolve("unit_id", as_index=False)[["unit_id", "geometry"]]
    return cells, units.assign(name="乡镇" + units["unit_id"], kind="乡镇", precedence=1, workload_per_month=200)


def _parcels(rng: np.random.Generator, cells: Any) -> Any:
    """Land use in its delivered form, nine square parcels per cell, six of ten of them farmland."""
    low = cells.geometry.bounds[["minx", "miny"]].to_numpy()
    steps = np.array([(x, y) for x in range(3) for y in range(3)]) * CELL_M / 3
    corner = (low[:, None] + steps[None]).reshape(-1, 2)
    shapes = shapely.box(corner[:, 0], corner[:, 1], corner[:, 0] + CELL_M / 3, corner[:, 1] + CELL_M / 3)
    codes = rng.choice(["0103", "0101", "0301", "0702"], len(shapes), p=[0.5, 0.1, 0.2, 0.2])
    return gpd.GeoDataFrame(
        {"BSM": [f"B{number:06d}" for number in range(len(shapes))], "DLBM": codes, "DLMC": codes,
         "ZLDWDM": "420000", "TBMJ": shapely.area(shapes)}, geometry=shapes, crs=CRS,
    )  # fmt: skip


def _cell_names(column: NDArray[Any], row: NDArray[Any]) -> NDArray[Any]:
    return np.array([f"C{r:03d}{c:03d}" for c, r in zip(column, row, strict=True)], dtype=object)


def _unit_names(column: NDArray[Any], row: NDArray[Any]) -> NDArray[Any]:
    return np.array(
        [f"U{r // UNIT_CELLS:02d}{c // UNIT_CELLS:02d}" for c, r in zip(column, row, strict=True)], dtype=object
    )


def _homes(places: Floats, side: int) -> tuple[NDArray[Any], NDArray[Any]]:
    """Cell and unit of places given in metres from the lower left corner."""
    column, row = (np.clip(places[:, axis] // CELL_M, 0, side - 1).astype(int) for axis in (0, 1))
    return _cell_names(column, row), _unit_names(column, row)


def _places(rng: np.random.Generator, count: int, extent: float, villages: Floats) -> Floats:
    """Half around villages, half anywhere."""
    near = villages[rng.integers(len(villages), size=count)] + rng.normal(0.0, 350.0, (count, 2))
    places = np.where(rng.random((count, 1)) < 0.5, near, rng.uniform(0, extent, (count, 2)))
    return np.asarray(np.clip(places, 0.0, extent - 1.0))


def _targets(rng: np.random.Generator, count: int, extent: float, villages: Floats) -> tuple[Any, Floats]:
    centres = _places(rng, count, extent, villages)
    half = np.sqrt(rng.lognormal(np.log(900.0), 0.8, count)) / 2.0
    x, y = (centres + _ORIGIN).T
    seen = pd.Timestamp("2026-09-02") + pd.to_timedelta(5 * rng.integers(0, 12, count), "D")
    clear = seen - pd.to_timedelta(rng.integers(5, 40, count), "D")
    frame = gpd.GeoDataFrame(
        {"target_id": [f"420000XC2610{number:05d}" for number in range(count)], "area_m2": (2 * half) ** 2,
         "stage": rng.choice(_STAGES, count), "first_seen": seen, "last_clear": clear, "state": "new",
         "first_period": [f"{day:%Y-%m}" for day in seen], "last_period": str(PERIOD), **_TARGET},
        geometry=shapely.box(x - half, y - half, x + half, y + half), crs=CRS,
    )  # fmt: skip
    return frame, centres


def _suppressed(rng: np.random.Generator, count: int, extent: float, villages: Floats) -> Any:
    """Candidates that are no targets, a fifth of them because an approval covers them."""
    frame, _ = _targets(rng, count, extent, villages)
    lawful = rng.random(count) < 0.2
    return frame.assign(
        candidate_id=[f"K{number:05d}" for number in range(count)],
        approval=np.where(lawful, "批文", None),
        suppressed_by=np.where(lawful, "S4", "S1"),
        suppressed_reason=np.where(lawful, "已批准", "面积过小"),
    )


def _entries(
    rng: np.random.Generator, count: int, extent: float, side: int, villages: Floats, targets: Any, centres: Floats
) -> Any:
    """Ledger rows: 45 in 100 report a site, 60 of those a target, the others one of half as many sites never detected."""
    finding, about = rng.random(count) < 0.45, rng.random(count) < 0.6
    sites = np.concatenate([centres, _places(rng, len(centres) // 2, extent, villages)])
    which = np.where(about, rng.integers(len(centres), size=count), rng.integers(len(centres), len(sites), size=count))
    source = rng.choice(["coordinates", "place", "none"], count, p=[0.62, 0.35, 0.03])
    no_datum = (source == "coordinates") & (rng.random(count) < 0.1)
    radius = np.where(source == "coordinates", rng.uniform(15, 60, count), rng.uniform(150, 450, count))
    radius = np.where(no_datum, rng.uniform(450, 700, count), radius)
    off = np.where(no_datum, 20.0, radius / 2.15)
    told = np.clip(sites[which] + rng.normal(size=(count, 2)) * off[:, None], 0.0, extent - 1.0)
    lost = (source == "none") | ~finding
    units = _homes(sites[which], side)[1]
    stated = finding & about & (rng.random(count) < 0.1)
    points = shapely.points(told + _ORIGIN)
    points[lost] = None
    degrees = pyproj.Transformer.from_crs(CRS, "EPSG:4490", always_xy=True).transform(*(told + _ORIGIN).T)
    lon, lat = (np.where(no_datum, axis, np.nan) for axis in degrees)
    subject, place = _words(rng, sites, villages)
    day = pd.Timestamp("2026-08-01") + pd.to_timedelta(rng.integers(0, 120, count), "D")
    spans = rng.random(count) < 0.05
    return gpd.GeoDataFrame(
        {"entry_id": [f"{unit}-{number:06d}" for number, unit in enumerate(units)], "unit_id": units,
         "file": [f"ledgers/{unit}/台账.xlsx" for unit in units], "sheet": "台账", "row": np.arange(count) + 3,
         "item": 1, "finding": finding, "discovered_on": day,
         "discovered_until": (day + pd.Timedelta(days=6)).where(spans),
         "people": [f"巡查员{unit}" for unit in units],
         "status": np.where(finding, rng.choice(_STATUS, count), None),
         "subject": np.where(finding, subject[which], None), "place": np.where(finding, place[which], None),
         "stated_target_id": np.where(stated, targets["target_id"].to_numpy()[which % len(centres)], None),
         "stated_area_m2": np.where(finding & (rng.random(count) < 0.5), rng.lognormal(6.8, 0.8, count), np.nan),
         "stated_x": lon, "stated_y": lat, "datum": np.where(no_datum, "unknown", "wgs84"),
         "position_source": np.where(finding, source, "none"), "uncertainty_m": np.where(lost, np.nan, radius)},
        geometry=points, crs=CRS,
    )  # fmt: skip


def _words(rng: np.random.Generator, sites: Floats, villages: Floats) -> tuple[NDArray[Any], NDArray[Any]]:
    """Subject and place of every site: a fifth nameless, the others with namesakes; the nearest village's name."""
    first, second, third = (
        np.array(list(letters), dtype=object)[rng.integers(20, size=len(sites))] for letters in (_NAMES, _GIVEN, _GIVEN)
    )
    subject = np.where(rng.random(len(sites)) < 0.2, "村民", first + second + third)
    village = np.array(
        [f"{_NAMES[rng.integers(20)]}{_NAMES[rng.integers(20)]}{_SUFFIXES[rng.integers(10)]}村" for _ in villages],
        dtype=object,
    )
    nearest = cKDTree(villages).query(sites)[1]
    return subject, village[nearest] + rng.choice(["村东", "村西", "路南", "河边"], len(sites)).astype(object)


def _visits(rng: np.random.Generator, tracks: int, claims: int, extent: float, side: int) -> Any:
    """Tracks of twelve kilometres that turn back at their township's border, and visits known from a ledger alone."""
    count = tracks + claims
    start = rng.uniform(0, extent, (count, 2))
    units = _homes(start, side)[1]
    size = UNIT_CELLS * CELL_M
    low = np.floor(start / size) * size
    high = np.minimum(low + size, extent)
    heading = rng.uniform(0, 2 * np.pi, (tracks, 1)) + np.cumsum(rng.normal(0, 0.25, (tracks, _STEPS)), axis=1)
    way = np.cumsum(np.stack([np.cos(heading), np.sin(heading)], axis=2) * _STEP_M, axis=1) + start[:tracks, None]
    span = (high - low)[:tracks, None]
    turned = np.abs((way - low[:tracks, None]) % (2 * span) - span)
    gaps = rng.random(tracks) < 1 / 6
    lines = [_track(line, gap) for line, gap in zip(high[:tracks, None] - turned + _ORIGIN, gaps, strict=True)]
    cells = [",".join(dict.fromkeys(_homes(line, side)[0])) for line in high[:tracks, None] - turned]
    named = _homes(np.clip(start[tracks:] + rng.normal(0, 500, (claims, 2)), low[tracks:], high[tracks:] - 1), side)[0]
    evidence = np.concatenate([rng.choice(["track", "track+ledger"], tracks), np.full(claims, "ledger")])
    minutes = np.where(np.arange(count) < tracks, rng.uniform(40, 300, count), np.nan)
    return gpd.GeoDataFrame(
        {"visit_id": [f"{unit}-V-{number:05d}" for number, unit in enumerate(units)], "unit_id": units,
         "visited_on": pd.Timestamp("2026-09-01") + pd.to_timedelta(rng.integers(0, 90, count), "D"),
         "evidence": evidence, "file": "-", "length_m": np.where(np.arange(count) < tracks, _STEP_M * _STEPS, np.nan),
         "minutes": minutes, "cell_ids": [*cells, *named],
         "doubts": np.where((evidence != "ledger") & (rng.random(count) < 0.05), "时间可疑", None)},
        geometry=[*lines, *([None] * claims)], crs=CRS,
    )  # fmt: skip


def _track(xy: Floats, gap: bool) -> Any:
    """A line, or two where the signal was lost for twenty points."""
    half = _STEPS // 2
    return shapely.MultiLineString([xy[: half - 10], xy[half + 10 :]]) if gap else shapely.LineString(xy)


def _parts(visits: Any) -> Any:
    """Every track in four stretches of even speed, a stop of ten minutes after the second."""
    tracks = visits[visits.geometry.notna()]
    shapes: list[Any] = []
    for line in tracks.geometry:
        moves = [shapely.LineString(xy) for xy in np.array_split(shapely.get_coordinates(line), 4)]
        shapes += [*moves[:2], shapely.Point(moves[1].coords[-1]), *moves[2:]]
    rows = tracks.loc[tracks.index.repeat(5), ["visit_id", "unit_id", "visited_on", "minutes"]].reset_index(drop=True)
    number = np.tile(np.arange(5), len(tracks))
    minutes, length = np.where(number == 2, 10.0, (rows["minutes"] - 10.0) / 4.0), shapely.length(shapes)
    return gpd.GeoDataFrame(
        rows.assign(number=number, kind=np.where(number == 2, "stop", "move"), started_at=rows["visited_on"],
                    minutes=minutes, length_m=length, speed_kmh=length / 1000 / (minutes / 60)),
        geometry=shapes, crs=CRS,
    )  # fmt: skip
