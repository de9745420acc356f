"""What must change no verdict, and what must flip exactly the verdicts that it should, over worlds drawn at random.

A world has three units with up to four sites each, 2 km apart, every site in a cell of its own. Each site has a role
whose fair verdict is known by construction.
"""

from __future__ import annotations

import random
from collections.abc import Callable
from copy import deepcopy
from types import SimpleNamespace
from typing import Any

import pandas as pd
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from shapely.affinity import translate
from shapely.geometry import LineString

MISSED, DUE, OPEN = "patrolled_not_reported", "due_not_patrolled", "undeterminable"
BEFORE, AFTER = "found_before_dispatch", "found_after_dispatch"
# each role with the verdict that is fair
FAIR = {"reported": BEFORE, "reported_late": AFTER, "missed": MISSED, "due": DUE, "too_early": OPEN, "far_off": OPEN,
        "claimed": OPEN, "unvisited": OPEN}  # fmt: skip
UNITS = ("A", "B", "D")
PEOPLE = {"A": "P1", "B": "P2", "D": "P4"}
STEP_M = 2000.0
FIRST_SEEN, DISPATCHED, WINDOW_TO = "2026-10-10", "2026-11-05", "2026-11-25"
SAME = ("verdict", "rule", "unit_id", "acting_unit_id", "person_id", "entry_id", "visit_id", "window_from", "window_to")
QUICK = settings(max_examples=5, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])

worlds = st.tuples(*(st.lists(st.sampled_from(sorted(FAIR)), min_size=1, max_size=4) for _ in UNITS))
World = tuple[list[str], ...]


def site(unit: str, number: int) -> tuple[str, float, float]:
    """Name and lower left corner of a unit's site, metres from the city's corner."""
    return f"{unit}{number}", STEP_M * number, STEP_M * UNITS.index(unit)


def outing(draw: SimpleNamespace, name: str, day: str, x: float, y: float, **changes: Any) -> dict[str, Any]:
    """A tracked patrol of 1 km along y, its middle at x."""
    line = LineString([(draw.x + x - 500, draw.y + y), (draw.x + x + 500, draw.y + y)]).segmentize(100.0)
    return {"visit_id": name, "visited_on": day, "geometry": line, "cell_ids": "far", **changes}


def build(draw: SimpleNamespace, world: World) -> Any:
    """The drawn city of a world: complete ledgers and a track per unit somewhere harmless in every plan's time."""
    city = draw.City()
    city.targets, city.entries, city.visits, city.tasks, city.responsibility = [], [], [], [], []
    for unit, roles in zip(UNITS, world, strict=True):
        city.entries += [draw.effort(day, unit=unit) for day in ("2026-09-28", "2026-10-12", "2026-11-28")]
        city.visits.append(outing(draw, f"{unit}-elsewhere", "2026-10-15", 90_000.0, 90_000.0, unit_id=unit))
        for number, role in enumerate(roles):
            name, x, y = site(unit, number)
            cell = f"C{name}"
            city.targets.append(draw.target(name, x, y))
            city.tasks.append({"target_id": name, "cell_id": cell, "unit_id": unit, "acting_unit_id": unit,
                               "person_id": PEOPLE[unit]})  # fmt: skip
            city.responsibility.append(
                {"cell_id": cell, "unit_id": unit, "person_id": PEOPLE[unit], "valid_from": "2026-01-01"}
            )
            city.dispatches.append({"target_id": name, "unit_id": unit, "dispatched_on": DISPATCHED})
            play(draw, city, role, unit, number)
    return city


def play(draw: SimpleNamespace, city: Any, role: str, unit: str, number: int) -> None:
    """Add the records that make up a role."""
    name, x, y = site(unit, number)
    mine = {"unit_id": unit, "cell_ids": f"C{name}"}
    serial = f"E{UNITS.index(unit) + 1}{number}"
    if role == "reported":
        city.entries.append(draw.entry(serial, x + 20, y + 20, "2026-10-20", unit_id=unit))
    elif role == "reported_late":
        city.entries.append(draw.entry(serial, x + 20, y + 20, "2026-11-12", unit_id=unit))
    elif role == "missed":
        city.visits.append(outing(draw, f"V{name}", "2026-10-14", x, y - 35, **mine))
    elif role == "too_early":
        city.visits.append(outing(draw, f"V{name}", "2026-10-08", x, y - 35, **mine))
    elif role == "far_off":
        city.visits.append(outing(draw, f"V{name}", "2026-10-14", x, y - 600, **mine))
    elif role == "claimed":
        claim = {"evidence": "ledger", "geometry": None, "file": "a.xlsx", "length_m": None, "minutes": None}
        # a claim in the week of its neighbours' plans would lower the share of days with a track
        city.visits.append({"visit_id": f"V{name}", "visited_on": "2026-11-20", **mine, **claim})
    elif role == "due":
        city.plan.append({"plan_id": f"L{name}", "unit_id": unit, "cell_id": f"C{name}", "due_from": "2026-10-12",
                          "due_to": "2026-10-31"})  # fmt: skip


def judged(draw: SimpleNamespace, city: Any) -> pd.DataFrame:
    return draw.verdicts(city.tables()).set_index("target_id")


def roles_of(world: World) -> dict[str, str]:
    return {site(unit, n)[0]: role for unit, roles in zip(UNITS, world, strict=True) for n, role in enumerate(roles)}


def unchanged(before: pd.DataFrame, after: pd.DataFrame, exact: bool = True) -> None:
    """All old targets are judged as before, down to the reason where nothing was moved."""
    after = after.loc[before.index]
    columns = list(before.columns) if exact else list(SAME)
    pd.testing.assert_frame_equal(before[columns], after[columns])


def flipped(before: pd.DataFrame, after: pd.DataFrame) -> dict[str, str]:
    """Targets whose verdict changed, with the new one."""
    changed = after.loc[before["verdict"] != after.loc[before.index, "verdict"], "verdict"]
    return {str(name): str(verdict) for name, verdict in changed.items()}


@QUICK
@given(world=worlds)
def test_every_role_gets_its_fair_verdict(draw: SimpleNamespace, world: World) -> None:
    rows = judged(draw, build(draw, world))
    assert rows["verdict"].to_dict() == {name: FAIR[role] for name, role in roles_of(world).items()}


@QUICK
@given(world=worlds, seed=st.integers(0, 10**6))
def test_order_of_rows_changes_nothing(draw: SimpleNamespace, world: World, seed: int) -> None:
    city = build(draw, world)
    before = judged(draw, city)
    mixed = deepcopy(city)
    names = ("targets", "entries", "visits", "plan", "responsibility", "dispatches", "tasks")
    for name in names:
        random.Random(seed).shuffle(getattr(mixed, name))
    unchanged(before, judged(draw, mixed))


@QUICK
@given(world=worlds, parts=st.integers(1, 4))
def test_files_sheets_and_row_numbers_change_nothing(draw: SimpleNamespace, world: World, parts: int) -> None:
    city = build(draw, world)
    before = judged(draw, city)
    for number, row in enumerate(city.entries):
        row |= {"file": f"ledgers/改名/{number % parts}.csv", "sheet": f"s{number}", "row": 1000 - number}
    unchanged(before, judged(draw, city))


@QUICK
@given(world=worlds, stranger=worlds, metres=st.sampled_from([40_000.0, 250_000.0]))
def test_units_far_away_change_nothing(draw: SimpleNamespace, world: World, stranger: World, metres: float) -> None:
    city = build(draw, world)
    before = judged(draw, city)
    far = SimpleNamespace(**{**vars(draw), "x": draw.x + metres})
    other = build(far, stranger)
    for row in (*other.targets, *other.entries):
        row["geometry"] = None if row["geometry"] is None else translate(row["geometry"], metres)
    renamed = {unit: f"far{unit}" for unit in UNITS}
    for name in ("targets", "entries", "visits", "plan", "responsibility", "dispatches", "tasks"):
        for row in getattr(other, name):
            for key in ("target_id", "entry_id", "visit_id", "plan_id", "cell_id", "cell_ids"):
                if key in row:
                    row[key] = f"far{row[key]}"
            row |= {key: renamed[row[key]] for key in ("unit_id", "acting_unit_id") if key in row}
            getattr(city, name).append(row)
    city.rejected.append({"code": "E501", "unit_id": "farA", "file": "ledgers/远/坏.xlsx"})
    city.entries.append(draw.entry("E77", None, day=None, unit_id="farB"))
    unchanged(before, judged(draw, city))


@QUICK
@given(world=worlds, east=st.integers(-200_000, 200_000), north=st.integers(-900_000, 900_000))
def test_another_tile_of_the_map_changes_nothing(draw: SimpleNamespace, world: World, east: int, north: int) -> None:
    city = build(draw, world)
    before = judged(draw, city)
    for row in (*city.targets, *city.entries, *city.visits):
        row["geometry"] = None if row["geometry"] is None else translate(row["geometry"], east, north)
    after = judged(draw, city)
    unchanged(before, after, exact=False)
    assert after["seen_probability"].to_numpy() == pytest.approx(before["seen_probability"].to_numpy(), abs=1e-9)


@QUICK
@given(
    world=worlds,
    unit=st.sampled_from(UNITS),
    day=st.sampled_from(["2026-09-01", FIRST_SEEN, "2026-10-20", "2026-11-28"]),
)
def test_irrelevant_visit_changes_nothing(draw: SimpleNamespace, world: World, unit: str, day: str) -> None:
    city = build(draw, world)
    before = judged(draw, city)
    city.visits.append(outing(draw, "V-irrelevant", day, 60_000.0, -60_000.0, unit_id=unit))
    # one more day with a track rightly counts towards the share of days that have one, which reasons may state
    unchanged(before, judged(draw, city), exact=False)


DAYS = (
    ("2026-10-09", OPEN),
    (FIRST_SEEN, MISSED),
    (WINDOW_TO, MISSED),
    ("2026-11-26", OPEN),
)


@QUICK
@given(world=worlds, when=st.sampled_from(DAYS), choice=st.integers(0, 99))
def test_visit_moved_over_the_edge_flips_its_target_alone(
    draw: SimpleNamespace, world: World, when: tuple[str, str], choice: int
) -> None:
    world = (["missed", *world[0][:3]], *world[1:])
    missed = sorted(name for name, role in roles_of(world).items() if role == "missed")
    chosen = missed[choice % len(missed)]
    city = build(draw, world)
    before = judged(draw, city)
    moved = next(row for row in city.visits if row["visit_id"] == f"V{chosen}")
    moved["visited_on"] = when[0]
    after = judged(draw, city)
    assert flipped(before, after) == ({} if when[1] == MISSED else {chosen: OPEN})
    # the day of a track counts towards its unit's share of days that have one
    unchanged(before.drop(index=chosen), after, exact=False)


@QUICK
@given(world=worlds)
def test_day_of_a_visit_before_onset_brought_past_it_accuses_exactly_its_target(
    draw: SimpleNamespace, world: World
) -> None:
    city = build(draw, world)
    before = judged(draw, city)
    early = {name for name, role in roles_of(world).items() if role == "too_early"}
    for row in city.visits:
        if row["visit_id"].removeprefix("V") in early:
            row["visited_on"] = FIRST_SEEN
    assert flipped(before, judged(draw, city)) == dict.fromkeys(sorted(early), MISSED)


@QUICK
@given(world=worlds, days=st.integers(1, 30))
def test_site_seen_later_takes_back_exactly_the_visits_before(draw: SimpleNamespace, world: World, days: int) -> None:
    world = (["missed", *world[0][:3]], *world[1:])
    city = build(draw, world)
    before = judged(draw, city)
    changed = next(row for row in city.targets if row["target_id"] == "A0")
    changed["first_seen"] = pd.Timestamp("2026-10-10") + pd.Timedelta(days=days)
    after = judged(draw, city)
    assert flipped(before, after) == ({"A0": OPEN} if days > 4 else {})
    unchanged(before.drop(index="A0"), after)


@QUICK
@given(world=worlds, choice=st.integers(0, 99), metres=st.sampled_from([600.0, 5_000.0]))
def test_track_moved_out_of_sight_flips_its_target_alone(
    draw: SimpleNamespace, world: World, choice: int, metres: float
) -> None:
    world = (*world[:2], ["missed", *world[2][:3]])
    missed = sorted(name for name, role in roles_of(world).items() if role == "missed")
    chosen = missed[choice % len(missed)]
    city = build(draw, world)
    before = judged(draw, city)
    moved = next(row for row in city.visits if row["visit_id"] == f"V{chosen}")
    # away from all other sites: the last unit's rows are the northernmost, the first unit's the southernmost
    north = metres if chosen.startswith("D") else -metres
    moved["geometry"] = translate(moved["geometry"], 0.0, north if not chosen.startswith("B") else 20_000.0)
    after = judged(draw, city)
    assert flipped(before, after) == {chosen: OPEN}
    unchanged(before.drop(index=chosen), after)


@QUICK
@given(world=worlds, unit=st.sampled_from(UNITS))
def test_withdrawn_ledger_takes_back_that_units_accusations_and_no_others(
    draw: SimpleNamespace, world: World, unit: str
) -> None:
    city = build(draw, world)
    before = judged(draw, city)
    city.entries = [row for row in city.entries if row.get("unit_id", "A") != unit]
    city.visits = [row for row in city.visits if row["unit_id"] != unit or row.get("evidence") != "ledger"]
    after = judged(draw, city)
    theirs = before["unit_id"] == unit
    assert set(after.loc[theirs[theirs].index, "verdict"]) <= {OPEN}
    unchanged(before[~theirs], after)


@QUICK
@given(world=worlds, unit=st.sampled_from(UNITS))
def test_unreadable_ledger_takes_back_that_units_accusations_and_keeps_its_finds(
    draw: SimpleNamespace, world: World, unit: str
) -> None:
    city = build(draw, world)
    before = judged(draw, city)
    city.rejected.append({"code": "E501", "unit_id": unit, "file": f"ledgers/{unit}/坏.xlsx"})
    after = judged(draw, city)
    accused = before[(before["unit_id"] == unit) & before["verdict"].isin([MISSED, DUE])].index
    assert flipped(before, after) == dict.fromkeys(accused, OPEN)


Change = Callable[[SimpleNamespace, Any, str, float, float], None]


def report_it(draw: SimpleNamespace, city: Any, unit: str, x: float, y: float) -> None:
    city.entries.append(draw.entry("E900", x + 20, y + 20, "2026-10-14", unit_id=unit))


def go_there(draw: SimpleNamespace, city: Any, unit: str, x: float, y: float) -> None:
    city.visits.append(outing(draw, "V900", "2026-10-20", x, y - 35, unit_id=unit, cell_ids=f"C{unit}0"))


def claim_it(draw: SimpleNamespace, city: Any, unit: str, x: float, y: float) -> None:
    claim = {"evidence": "ledger", "geometry": None, "file": "a.xlsx", "length_m": None, "minutes": None}
    city.visits.append(
        {"visit_id": "V901", "visited_on": "2026-10-20", "unit_id": unit, "cell_ids": f"C{unit}0", **claim}
    )


@pytest.mark.parametrize(
    ("role", "change", "verdict"),
    [
        ("missed", report_it, BEFORE),
        ("due", report_it, BEFORE),
        ("too_early", report_it, BEFORE),
        ("unvisited", go_there, MISSED),
        ("due", go_there, MISSED),
        ("due", claim_it, OPEN),
        ("far_off", go_there, MISSED),
    ],
)
@pytest.mark.parametrize("unit", UNITS)
def test_one_more_record_flips_its_target_alone(
    draw: SimpleNamespace, role: str, change: Change, verdict: str, unit: str
) -> None:
    world = tuple([role if other == unit else "missed", "reported", "missed"] for other in UNITS)
    city = build(draw, world)
    before = judged(draw, city)
    change(draw, city, unit, *site(unit, 0)[1:])
    after = judged(draw, city)
    assert flipped(before, after) == {f"{unit}0": verdict}
    # a claim without a track makes the unit's records less complete, which is said on its other targets too
    others = before.drop(index=f"{unit}0").drop(columns="records_complete")
    unchanged(others, after)
