"""Patrol units, grid cells, people, responsibility, delegation and the monthly plan."""

from __future__ import annotations

from calendar import monthrange
from dataclasses import dataclass
from datetime import date, timedelta

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely
from shapely import affinity
from shapely.geometry import MultiPoint, MultiPolygon, Point, box
from shapely.geometry.base import BaseGeometry

from pipeline.schema import CELLS, DELEGATIONS, PEOPLE, PLAN, RESPONSIBILITY, UNITS, conform
from pipeline.simulate.frame import CITY_CRS, GROUND_MONTHS, Frame
from pipeline.values import UnitKind

CITY_TEAM = "U00"
# unit, name, kind, seat in shares of the city's side; a zone has no seat but a rectangle over its neighbours
_SEATS: tuple[tuple[str, str, UnitKind, tuple[float, float]], ...] = (
    ("U01", "建设办", UnitKind.OFFICE, (0.40, 0.58)),
    ("U02", "胜利办", UnitKind.OFFICE, (0.64, 0.60)),
    ("U03", "东风街道", UnitKind.STREET, (0.52, 0.90)),
    ("U04", "柳河镇", UnitKind.TOWNSHIP, (0.16, 0.24)),
    ("U05", "白马乡", UnitKind.TOWNSHIP, (0.74, 0.16)),
)
_MORE_SEATS: tuple[tuple[str, str, UnitKind, tuple[float, float]], ...] = (
    ("U08", "双桥镇", UnitKind.TOWNSHIP, (0.12, 0.82)),
    ("U09", "石佛乡", UnitKind.TOWNSHIP, (0.90, 0.84)),
)
_ZONES: tuple[tuple[str, str, UnitKind, tuple[float, float, float, float]], ...] = (
    ("U06", "经济开发区", UnitKind.ECONOMIC_ZONE, (0.03, 0.38, 0.38, 0.66)),
    ("U07", "循环经济产业开发区", UnitKind.CIRCULAR_ZONE, (0.62, 0.22, 0.97, 0.47)),
)
_GIVEN = ("建国", "红梅", "志强", "秀英", "海涛", "晓燕", "国庆", "玉兰", "立新", "文博", "春生", "爱民")
_FAMILY = "赵钱孙李周吴郑王冯陈褚卫蒋沈韩杨"
NEW_PERSON_FROM = date(2026, 10, 1)
OFFICE_RETURNS_ON = date(2026, 10, 16)


@dataclass(frozen=True)
class Organisation:
    """Schema tables (UNITS, CELLS, PEOPLE, RESPONSIBILITY, DELEGATIONS, PLAN); polygons in :data:`CITY_CRS`."""

    units: gpd.GeoDataFrame
    cells: gpd.GeoDataFrame
    people: pd.DataFrame
    responsibility: pd.DataFrame
    delegations: pd.DataFrame
    plan: pd.DataFrame

    def acting_unit(self, unit_id: str, day: date) -> str:
        """Who patrols for ``unit_id`` on ``day``: the delegate while a delegation runs, else itself."""
        stamp = pd.Timestamp(day)
        rows = self.delegations[self.delegations["unit_id"] == unit_id]
        running = rows[(rows["valid_from"] <= stamp) & (rows["valid_to"].isna() | (rows["valid_to"] >= stamp))]
        return str(running["delegate_unit_id"].iloc[0]) if len(running) else unit_id

    def name(self, unit_id: str) -> str:
        """The unit's name."""
        return str(self.units.set_index("unit_id")["name"][unit_id])


def unit_polygons(frame: Frame) -> gpd.GeoDataFrame:
    """UNITS: the city shared out to the nearest seat, zones laid over townships, the city team without polygon."""
    xmin, ymin, xmax, ymax = frame.bounds
    whole = box(xmin, ymin, xmax, ymax)
    seats = list(_SEATS) + (list(_MORE_SEATS) if frame.side_m > 4000 else [])
    rows: list[tuple[str, str, str, int, int, BaseGeometry]] = []
    points = MultiPoint([frame.at(*seat) for *_, seat in seats])
    faces = shapely.get_parts(shapely.voronoi_polygons(points, extend_to=whole))
    for unit_id, name, kind, seat in seats:
        face = next(face for face in faces if face.contains(Point(frame.at(*seat))))
        rows.append((unit_id, name, kind.label, 10, 30, face.intersection(whole)))
    for unit_id, name, kind, (west, south, east, north) in _ZONES:
        rectangle = box(*frame.at(west, south), *frame.at(east, north))
        rows.append((unit_id, name, kind.label, 20, 20, affinity.rotate(rectangle, 3.0).intersection(whole)))
    rows.append((CITY_TEAM, "市自然资源局执法队伍", UnitKind.CITY_TEAM.label, 0, 40, MultiPolygon()))
    rows.sort(key=lambda row: row[0])
    table = pd.DataFrame([row[:5] for row in rows], columns=UNITS.names)
    return conform(UNITS, gpd.GeoDataFrame(table, geometry=[row[5] for row in rows], crs=CITY_CRS))


def grid_cells(frame: Frame) -> gpd.GeoDataFrame:
    """CELLS: squares of ``frame.cell_m``, numbered row by row from the north-west."""
    xmin, _, _, ymax = frame.bounds
    count = round(frame.side_m / frame.cell_m)
    rows = [
        (f"G{row + 1:02d}{col + 1:02d}", box(xmin + col * frame.cell_m, ymax - (row + 1) * frame.cell_m,
                                            xmin + (col + 1) * frame.cell_m, ymax - row * frame.cell_m))
        for row in range(count) for col in range(count)
    ]  # fmt: skip
    table = pd.DataFrame({"cell_id": [row[0] for row in rows]})
    return conform(CELLS, gpd.GeoDataFrame(table, geometry=[row[1] for row in rows], crs=CITY_CRS))


def cell_units(units: gpd.GeoDataFrame, cells: gpd.GeoDataFrame) -> pd.Series:
    """unit_id per cell_id: the unit polygon of the highest precedence at the cell's centre, ties to the smaller id."""
    ranked = units.sort_values(["precedence", "unit_id"], ascending=[False, True])
    owners = []
    for centre in cells.geometry.centroid:
        owners.append(str(ranked["unit_id"][ranked.intersects(centre).to_numpy()].iloc[0]))
    return pd.Series(owners, index=cells["cell_id"].to_numpy(), name="unit_id")


def _people(units: gpd.GeoDataFrame, rng: np.random.Generator) -> pd.DataFrame:
    names = [family + given for family in _FAMILY for given in _GIVEN]
    rng.shuffle(names)
    rows: list[tuple[str, str, str, str, str]] = []
    for unit_id in units["unit_id"]:
        for number, role in enumerate(("所长", "巡查员", "巡查员", "巡查员")):
            count = len(rows)
            rows.append((f"P{unit_id[1:]}{number + 1}", names[count], unit_id, role, f"1990000{count + 1000:04d}"))
    return conform(PEOPLE, pd.DataFrame(rows, columns=PEOPLE.names))


def _responsibility(owners: pd.Series, people: pd.DataFrame) -> pd.DataFrame:
    """One row per cell; the township U05's second patroller is replaced on :data:`NEW_PERSON_FROM`.

    The last cell of the grid has no row: whoever reads the table must fall back to the unit polygons.
    """
    rows: list[tuple[str, str, str, date, date | None]] = []
    counters: dict[str, int] = {}
    for cell_id, unit_id in list(owners.items())[:-1]:
        position = counters.get(unit_id, 0)
        counters[unit_id] = position + 1
        patrollers = people[(people["unit_id"] == unit_id) & (people["role"] == "巡查员")]["person_id"].tolist()
        person = patrollers[position % 2]
        start = date(2026, 1, 1)
        if unit_id == "U05" and position % 2 == 1:
            rows.append((cell_id, unit_id, person, start, date(2026, 9, 30)))
            person, start = patrollers[2], NEW_PERSON_FROM
        rows.append((cell_id, unit_id, person, start, None))
    return conform(RESPONSIBILITY, pd.DataFrame(rows, columns=RESPONSIBILITY.names))


def _delegations() -> pd.DataFrame:
    basis = "未设立自然资源管理机构，暂由市局执法队伍负责"
    rows = [
        ("U01", CITY_TEAM, date(2026, 1, 1), date(2026, 12, 31), basis),
        ("U02", CITY_TEAM, date(2026, 1, 1), date(2026, 10, 15), basis),
    ]
    return conform(DELEGATIONS, pd.DataFrame(rows, columns=DELEGATIONS.names))


def _plan(organisation: Organisation, owners: pd.Series, rng: np.random.Generator) -> pd.DataFrame:
    """One row per cell and month; who acts for the unit on the first day is named, two cells are left out."""
    team = organisation.people[organisation.people["role"] == "巡查员"].groupby("unit_id")["person_id"].apply(list)
    left_out = set(rng.choice(owners.index.to_numpy(), 2, replace=False).tolist())
    twice = {cell: bool(rng.random() < 0.3) for cell in owners.index}
    rows = []
    for year, month in GROUND_MONTHS:
        first, last = date(year, month, 1), date(year, month, monthrange(year, month)[1])
        for number, (cell_id, unit_id) in enumerate(owners.items()):
            if cell_id in left_out:
                continue
            required = 2 if twice[cell_id] else 1
            changes = first < OFFICE_RETURNS_ON <= last and unit_id == "U02"
            spans = [(first, last)]
            if changes:
                spans = [(first, OFFICE_RETURNS_ON - timedelta(days=1)), (OFFICE_RETURNS_ON, last)]
            for half, (since, until) in enumerate(spans):
                acting = organisation.acting_unit(str(unit_id), since)
                person = _planned_person(organisation, team, acting, str(unit_id), str(cell_id), number, since)
                plan_id = f"JH{year}{month:02d}-{cell_id}" + ("-2" if half else "")
                rows.append((plan_id, acting, cell_id, person, since, until, required))
    return conform(PLAN, pd.DataFrame(rows, columns=PLAN.names[: PLAN.names.index("visits_required") + 1]))


def _planned_person(
    organisation: Organisation, team: pd.Series, acting: str, unit_id: str, cell_id: str, number: int, since: date
) -> str:
    """Who is named in a plan row: the cell's person, or one of the delegate's patrollers in turn."""
    if acting == unit_id:
        known = organisation.responsibility
        mine = known[(known["cell_id"] == cell_id) & (known["valid_from"] <= pd.Timestamp(since))]
        if len(mine):
            return str(mine["person_id"].iloc[-1])
    return str(team[acting][number % len(team[acting])])


def make_organisation(*, frame: Frame, rngs: dict[str, np.random.Generator]) -> tuple[Organisation, pd.Series]:
    """The city's organisation and the owning unit of every cell (Series unit_id by cell_id)."""
    units, cells = unit_polygons(frame), grid_cells(frame)
    owners = cell_units(units, cells)
    people = _people(units, rngs["units"])
    bare = Organisation(units, cells, people, _responsibility(owners, people), _delegations(), pd.DataFrame())
    plan = _plan(bare, owners, rngs["plan"])
    return Organisation(units, cells, people, bare.responsibility, bare.delegations, plan), owners
