"""Outings of the patrol units: what the plan asked for, who really went, where, and the phone's track of it."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, datetime, timedelta
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from numpy.typing import NDArray
from shapely.geometry import LineString
from shapely.geometry.base import BaseGeometry

from pipeline.simulate.frame import CITY_CRS, DISPATCHED_ON, GROUND_MONTHS, LAST_IMAGE, Frame, to_degrees
from pipeline.simulate.network import Network
from pipeline.simulate.sites import Sites
from pipeline.simulate.units import CITY_TEAM, Organisation

CELLS_PER_OUTING = 4
# what becomes of a planned outing: made with track; made, track lost; only on paper; never made
FATES = ("tracked", "track_lost", "paper", "not_made")
_FATE_SHARES = (0.70, 0.06, 0.10, 0.14)
IDLE_FROM = date(2026, 9, 1)
IDLE_SHARE = 0.25
FOLLOW_UP_SHARE = 0.25
_SPEED_M_S = 6.0


@dataclass(frozen=True)
class Outing:
    """One outing, real or only claimed; ``path`` (m, 2) is the true way in the city's CRS, empty when nobody went."""

    visit_id: str
    unit_id: str
    person_id: str
    visited_on: date
    purpose: str
    fate: str
    cell_ids: tuple[str, ...]
    plan_ids: tuple[str, ...]
    path: NDArray[np.float64] = field(repr=False)

    @property
    def really_went(self) -> bool:
        return self.fate in ("tracked", "track_lost")

    @property
    def listed(self) -> bool:
        """Whether the unit's ledger has a row for it (if the ledger is there at all)."""
        return self.fate != "not_made"


def make_outings(
    *, frame: Frame, organisation: Organisation, owners: pd.Series, sites: Sites, network: Network,
    rngs: dict[str, np.random.Generator],
) -> list[Outing]:  # fmt: skip
    """All outings of :data:`GROUND_MONTHS`, ordered by day, unit and person; ``not_made`` ones included."""
    rng = rngs["patrols"]
    idle = _idle(organisation, sites)
    drafts = [draft for month in GROUND_MONTHS for draft in _planned(organisation, month, idle, rng)]
    drafts += _follow_ups(organisation, owners, sites, rng)
    drafts.sort(key=lambda d: (d["visited_on"], d["unit_id"], d["person_id"], d["cell_ids"], d["purpose"]))
    boxes = {c: g.bounds for c, g in zip(organisation.cells["cell_id"], organisation.cells.geometry, strict=True)}
    homes = _homes(frame, organisation, network)
    outings = []
    for number, draft in enumerate(drafts, start=1):
        extents = draft.pop("extents", ())
        path = np.empty((0, 2))
        if draft["fate"] in ("tracked", "track_lost"):
            path = _ride(network, homes[draft["unit_id"]], [boxes[c] for c in draft["cell_ids"]], extents, rng)
        outings.append(Outing(visit_id=f"X{number:04d}", path=path, **draft))
    return outings


def _idle(organisation: Organisation, sites: Sites) -> frozenset[str]:
    """People who make none of their planned patrols from :data:`IDLE_FROM` on, and do not claim them either.

    Building thrives where nobody looks: of the people with the most new sites in their cells every second is idle.
    """
    fresh = sites.sites[sites.sites["group"].isin(["september", "october"])]
    cells = [cell_of(organisation.cells, shape) for shape in fresh.geometry]
    holders = organisation.plan.drop_duplicates(["cell_id", "person_id"]).groupby("cell_id")["person_id"].apply(list)
    counts: dict[str, int] = dict.fromkeys(sorted(set(organisation.plan["person_id"])), 0)
    for cell in cells:
        for person in holders.get(cell, []):
            counts[person] += 1
    ranked = sorted(counts, key=lambda person: (-counts[person], person))
    return frozenset(ranked[::2][: max(2, round(IDLE_SHARE * len(ranked)))])


def _planned(
    organisation: Organisation, month: tuple[int, int], idle: frozenset[str], rng: np.random.Generator
) -> list[dict[str, Any]]:
    """Group a month's plan rows into outings per person and deal out their fates in fixed shares."""
    plan = organisation.plan
    start = plan["due_from"]
    rows = plan[(start.dt.year == month[0]) & (start.dt.month == month[1])]
    drafts: list[dict[str, Any]] = []
    for (unit_id, person_id, first, last), group in rows.groupby(["unit_id", "person_id", "due_from", "due_to"]):
        for visit in range(int(group["visits_required"].max())):
            wanted = group[group["visits_required"] > visit]
            for at in range(0, len(wanted), CELLS_PER_OUTING):
                part = wanted.iloc[at : at + CELLS_PER_OUTING]
                day = (first + pd.Timedelta(days=int(rng.integers(0, (last - first).days + 1)))).date()
                drafts.append(
                    {"unit_id": unit_id, "person_id": person_id, "visited_on": day, "purpose": "plan",
                     "cell_ids": tuple(part["cell_id"]), "plan_ids": tuple(part["plan_id"])}
                )  # fmt: skip
    fates = _deal(len(drafts), rng)
    return [
        {**draft, "fate": "not_made" if draft["person_id"] in idle and draft["visited_on"] >= IDLE_FROM else fate}
        for draft, fate in zip(drafts, fates, strict=True)
    ]


def _deal(count: int, rng: np.random.Generator) -> list[str]:
    """``count`` fates in the shares of the plan, at least one of each kind, shuffled."""
    numbers = [max(1, round(share * count)) for share in _FATE_SHARES[1:]]
    fates = [fate for fate, number in zip(FATES[1:], numbers, strict=True) for _ in range(number)]
    fates = (["tracked"] * max(0, count - len(fates)) + fates)[:count]
    rng.shuffle(fates)
    return fates


def _follow_ups(
    organisation: Organisation, owners: pd.Series, sites: Sites, rng: np.random.Generator
) -> list[dict[str, Any]]:
    """After a dispatch some of the visible sites are looked at closely, on foot, by whoever acts for the unit."""
    drafts: list[dict[str, Any]] = []
    for period, dispatched in sorted(DISPATCHED_ON.items()):
        day = dispatched + timedelta(days=int(rng.integers(3, 9)))
        begun = sites.stages[sites.stages["from"] <= LAST_IMAGE[period]].groupby("site_id").last()
        chosen = [site for site in begun.index if rng.random() < FOLLOW_UP_SHARE]
        by_unit: dict[str, list[tuple[str, BaseGeometry]]] = {}
        for site in chosen:
            extent = begun.loc[site, "geometry"]
            cell = cell_of(organisation.cells, extent)
            acting = organisation.acting_unit(str(owners[cell]), day)
            by_unit.setdefault(acting, []).append((cell, extent))
        for unit_id, found in sorted(by_unit.items()):
            people = organisation.people
            person = people[(people["unit_id"] == unit_id) & (people["role"] == "巡查员")]["person_id"].iloc[0]
            drafts.append(
                {"unit_id": unit_id, "person_id": str(person),
                 "visited_on": day + timedelta(days=int(rng.integers(0, 9))),
                 "purpose": "follow_up", "fate": "tracked", "cell_ids": tuple(sorted({cell for cell, _ in found})),
                 "plan_ids": (), "extents": tuple(extent for _, extent in found)}
            )  # fmt: skip
    return drafts


def cell_of(cells: gpd.GeoDataFrame, shape: BaseGeometry) -> str:
    """The grid cell that holds the largest part of a shape; ties go to the smaller id."""
    share = np.round(cells.intersection(shape).area.to_numpy(), 6)
    return str(cells["cell_id"].iloc[int(np.argmax(share))])


def _homes(frame: Frame, organisation: Organisation, network: Network) -> dict[str, int]:
    """The road point at every unit's office; the city team's is in the town."""
    homes = {}
    for unit_id, shape in zip(organisation.units["unit_id"], organisation.units.geometry, strict=True):
        x, y = frame.at(0.5, 0.55) if unit_id == CITY_TEAM else (shape.centroid.x, shape.centroid.y)
        homes[str(unit_id)] = network.nearest(x, y)
    return homes


def _ride(
    network: Network, home: int, boxes: list[tuple[float, float, float, float]], extents: tuple[BaseGeometry, ...],
    rng: np.random.Generator,
) -> NDArray[np.float64]:  # fmt: skip
    """The way of an outing (m, 2): from the office past one or two road points of each cell and to each extent."""
    here, legs = home, [network.xy[[home]]]
    if not extents:
        for bounds in boxes:
            points = network.within(bounds)
            if len(points) == 0:
                continue
            stops = rng.choice(points, min(len(points), int(rng.integers(1, 3))), replace=False)
            for stop in stops.tolist():
                legs.append(network.way(here, stop)[1:])
                here = stop
    for extent in extents:
        spot = extent.representative_point()
        stop = network.nearest(spot.x, spot.y)
        legs.append(network.way(here, stop)[1:])
        edge = extent.exterior.interpolate(0.0) if hasattr(extent, "exterior") else spot
        legs.append(np.array([[edge.x, edge.y], network.xy[stop]]))
        here = stop
    if sum(len(leg) for leg in legs) < 2:
        # the office itself was the only stop: a walk to the next road point and back
        legs.append(network.xy[[network.neighbour(home), home]])
    return np.vstack(legs)


def visit_table(outings: list[Outing], files: dict[str, str]) -> gpd.GeoDataFrame:
    """Truth of visits: one row per outing that was made or claimed; ``files``: visit_id to its track file."""
    rows = [outing for outing in outings if outing.listed]
    table = pd.DataFrame(
        {
            "visit_id": [o.visit_id for o in rows], "unit_id": [o.unit_id for o in rows],
            "person_id": [o.person_id for o in rows], "visited_on": pd.to_datetime([o.visited_on for o in rows]),
            "purpose": [o.purpose for o in rows], "really_went": [o.really_went for o in rows],
            "file": [files.get(o.visit_id) for o in rows], "cell_ids": [",".join(o.cell_ids) for o in rows],
            "plan_ids": [",".join(o.plan_ids) for o in rows],
        }
    )  # fmt: skip
    table["visited_on"] = table["visited_on"].astype("datetime64[ms]")
    shapes = [LineString(o.path) if len(o.path) > 1 else LineString() for o in rows]
    return gpd.GeoDataFrame(table, geometry=shapes, crs=CITY_CRS)


def make_tracks(
    outings: list[Outing], organisation: Organisation, rngs: dict[str, np.random.Generator]
) -> dict[str, tuple[str, str, bytes]]:
    """visit_id to (unit name, file name, GPX bytes) for every outing whose track was kept."""
    rng = rngs["tracks"]
    names = organisation.people.set_index("person_id")["name"]
    seconds = {unit: int(rng.choice([10, 15, 20, 30])) for unit in sorted(organisation.units["unit_id"])}
    result: dict[str, tuple[str, str, bytes]] = {}
    used: set[tuple[str, str]] = set()
    for outing in outings:
        if outing.fate != "tracked":
            continue
        unit, person = organisation.name(outing.unit_id), str(names[outing.person_id])
        file = f"{outing.visited_on:%Y%m%d}_{person}.gpx"
        while (unit, file) in used:
            file = file.replace(".gpx", "_2.gpx")
        used.add((unit, file))
        result[outing.visit_id] = (unit, file, gpx_bytes(outing, person, seconds[outing.unit_id], rng))
    return result


def gpx_bytes(outing: Outing, person: str, every_s: int, rng: np.random.Generator) -> bytes:
    """A phone's GPX 1.1 of an outing: a point every ``every_s`` seconds, wandering error of about 4 m, WGS84.

    One in six phones loses the signal once: the track then has two segments with a gap.
    """
    steps = np.hypot(*np.diff(outing.path, axis=0).T)
    along = np.concatenate([[0.0], np.cumsum(steps)])
    speed = _SPEED_M_S * float(rng.uniform(0.7, 1.2))
    at = np.append(np.arange(0.0, along[-1], speed * every_s), along[-1])
    points = np.column_stack([np.interp(at, along, outing.path[:, axis]) for axis in (0, 1)])
    error = rng.normal(0.0, 4.0, points.shape)
    for index in range(1, len(error)):
        error[index] = 0.8 * error[index - 1] + 0.6 * error[index]
    lon, lat = to_degrees(*(points + error).T)
    start = datetime(outing.visited_on.year, outing.visited_on.month, outing.visited_on.day, int(rng.integers(0, 7)),
                     int(rng.integers(0, 60)))  # fmt: skip
    lost = rng.random() < 1 / 6 and len(points) > 30
    cut = range(len(points) // 2, len(points) // 2 + 8) if lost else range(0)
    lines = [
        '<?xml version="1.0" encoding="UTF-8"?>',
        '<gpx version="1.1" creator="patrol phone" xmlns="http://www.topografix.com/GPX/1/1">',
        f"<trk><name>{outing.visited_on:%Y%m%d} {person}</name>",
        "<trkseg>",
    ]
    for index in range(len(points)):
        if index in cut:
            if index == cut[0]:
                lines.append("</trkseg>\n<trkseg>")
            continue
        when = start + timedelta(seconds=index * every_s)
        position = f'lat="{lat[index]:.6f}" lon="{lon[index]:.6f}"'
        lines.append(f"<trkpt {position}><time>{when:%Y-%m-%dT%H:%M:%SZ}</time></trkpt>")
    lines += ["</trkseg>", "</trk>", "</gpx>", ""]
    return "\n".join(lines).encode("utf-8")


def plan_truth(plan: pd.DataFrame, outings: list[Outing]) -> pd.DataFrame:
    """plan_id, visits_required, visits_made, visits_claimed: what really became of every plan row."""
    made: dict[str, int] = {}
    claimed: dict[str, int] = {}
    for outing in outings:
        for plan_id in outing.plan_ids:
            made[plan_id] = made.get(plan_id, 0) + outing.really_went
            claimed[plan_id] = claimed.get(plan_id, 0) + outing.listed
    return pd.DataFrame(
        {
            "plan_id": plan["plan_id"],
            "visits_required": plan["visits_required"],
            "visits_made": [made.get(plan_id, 0) for plan_id in plan["plan_id"]],
            "visits_claimed": [claimed.get(plan_id, 0) for plan_id in plan["plan_id"]],
        }
    )
