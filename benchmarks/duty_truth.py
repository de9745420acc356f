"""Who answered for every target on every day asked, against a synthetic city's truth.

usage: python -m benchmarks.duty_truth [--seeds N N ...] [--size full|small] [--targets N]

Per seed a year of changing duties is drawn over the city's units and cells (people replaced, cells handed to another
unit, cells that nobody holds, two offices delegating twice), written as the bureau's files and read back. The truth is
the state of each day as it was drawn; the tables are only its record. Targets are drawn inside cells, some across a
border. Asked are the days on which anything changed for the target's cell, the days beside them and random ones; the
demo's own tables are asked too, on the days its delegation and its person change. Both ways to the answer are asked: the
month's task list (``answerable_for`` and ``locate_targets``) and the look-up of the verdicts (``Responsibility``).

Printed: confusion tables of the answerable unit, the acting unit, the person and the first-responsible person
(rows: truth, columns: answered), and every disagreement with both answers and the rows of the tables that led to ours.
"""

from __future__ import annotations

import argparse
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from datetime import date, timedelta
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from pipeline.duty import FIRST_LEVEL, Answer, Responsibility, chain_on
from pipeline.patrol.cells import locate_targets
from pipeline.patrol.responsibility import answerable_for
from pipeline.schema import CELLS, CHAIN, DELEGATIONS, PEOPLE, PLAN, RESPONSIBILITY, UNITS, empty
from pipeline.simulate.duties import make_duties
from pipeline.simulate.frame import CITY_CRS, FRAMES, generators
from pipeline.simulate.units import NEW_PERSON_FROM, OFFICE_RETURNS_ON, Organisation, make_organisation
from pipeline.sinks.geopackage import write_geopackage
from pipeline.sources.units import UnitBook, read_units
from pipeline.stages.demo import csv_bytes

SEEDS = (20261001, 11, 12, 13)
FIRST_DAY, LAST_DAY = date(2026, 1, 1), date(2026, 12, 31)
OFFICES, TEAM = ("U01", "U02"), "U00"
RANDOM_DAYS = 6
ROLES = ("unit_id", "acting_unit_id", "person_id", "first_person_id")
NOBODY = "-"


@dataclass(frozen=True)
class World:
    """A city's duties as read from its files, with the truth by cell and day."""

    name: str
    book: UnitBook
    truth: dict[tuple[str, date], dict[str, Any]]


def drawn_world(seed: int, size: str, folder: Path) -> World:
    """The city's units under a drawn year of duties, through its files."""
    frame = FRAMES[size]
    organisation, owners = make_organisation(frame=frame, rngs=generators(seed))
    year = make_duties(
        owners, organisation.people, offices=OFFICES, team=TEAM, first_day=FIRST_DAY, last_day=LAST_DAY,
        rng=np.random.default_rng([seed, 7]),
    )  # fmt: skip
    tables = {"responsibility": year.responsibility, "delegations": year.delegations, "chain": year.chain}
    book = _through_files(folder, organisation, tables)
    truth = {
        (row["cell_id"], row["day"]): {role: _plain(row[role]) for role in ROLES}
        for row in year.truth.to_dict("records")
    }
    return World(f"year {seed}", book, truth)


def demo_world(seed: int, size: str, folder: Path) -> World:
    """The demo's own tables; the truth is how they were meant, told without reading their dates."""
    organisation, owners = make_organisation(frame=FRAMES[size], rngs=generators(seed))
    tables = {"responsibility": organisation.responsibility, "delegations": organisation.delegations}
    book = _through_files(folder, organisation, tables)
    days = [day + timedelta(days=step) for day in (NEW_PERSON_FROM, OFFICE_RETURNS_ON) for step in (-1, 0, 1)]
    truth, turns = {}, dict.fromkeys(owners, 0)
    for cell, unit in owners.items():
        team = organisation.people[organisation.people["unit_id"] == unit]["person_id"].tolist()
        mine, turns[unit] = turns[unit] % 2, turns[unit] + 1
        for day in days:
            delegated = unit == "U01" or (unit == "U02" and day < OFFICE_RETURNS_ON)
            moved = unit == "U05" and mine == 1 and day >= NEW_PERSON_FROM
            nobody = delegated or cell == owners.index[-1]
            truth[(str(cell), day)] = {
                "unit_id": unit, "acting_unit_id": TEAM if delegated else unit,
                "person_id": None if nobody else team[3 if moved else mine + 1], "first_person_id": None,
            }  # fmt: skip
    return World(f"demo {seed}", book, truth)


def _through_files(folder: Path, organisation: Organisation, tables: dict[str, pd.DataFrame]) -> UnitBook:
    units = folder / "units"
    units.mkdir(parents=True)
    kinds = {
        "people": PEOPLE,
        "responsibility": RESPONSIBILITY,
        "delegations": DELEGATIONS,
        "chain": CHAIN,
        "plan": PLAN,
    }
    for name, kind in kinds.items():
        frame = {"people": organisation.people, "plan": empty(PLAN), **tables}.get(name)
        if frame is not None:
            labelled = frame.rename(columns={column.name: column.label for column in kind.columns})
            (units / f"{name}.csv").write_bytes(csv_bytes(labelled))
    for name, kind, frame in (("units", UNITS, organisation.units), ("cells", CELLS, organisation.cells)):
        labelled = frame.rename(columns={column.name: column.label for column in kind.columns})
        write_geopackage(units / f"{name}.gpkg", {name: labelled}, day=LAST_DAY)
    return read_units(folder, CITY_CRS)


def make_targets(cells: Any, count: int, rng: np.random.Generator) -> tuple[Any, dict[str, str]]:
    """Targets of 20 to 120 m, every third across its cell's eastern border, and the cell that each was drawn for."""
    rows, home = [], {}
    for number in range(count):
        row = int(rng.integers(len(cells)))
        xmin, ymin, xmax, ymax = cells.geometry.iloc[row].bounds
        side = float(rng.uniform(20.0, 120.0))
        left = xmax - 0.7 * side if number % 3 == 0 else rng.uniform(xmin, xmax - side)
        low = rng.uniform(ymin, ymax - side)
        rows.append(shapely.box(left, low, left + side, low + side))
        home[f"T{number:04d}"] = str(cells["cell_id"].iloc[row])
    return gpd.GeoDataFrame({"target_id": list(home)}, geometry=rows, crs=cells.crs), home


def ask(world: World, count: int, rng: np.random.Generator) -> pd.DataFrame:
    """One row per target, day and way of asking: truth and answer of every role, and the rows behind the answer."""
    book = world.book
    targets, home = make_targets(book.cells, count, rng)
    located = dict(locate_targets(targets, book.cells)[["target_id", "cell_id"]].itertuples(index=False))
    known = dict(zip(book.people["person_id"], book.people["unit_id"], strict=True))
    duties = Responsibility(book.responsibility, book.delegations, known)
    days = {target: _days_asked(world, cell, rng) for target, cell in home.items()}
    rows: list[dict[str, Any]] = []
    for day in sorted({day for asked in days.values() for day in asked}):
        told = answerable_for(
            book.cells, book.units, book.people, book.responsibility, book.delegations, day=day
        ).cells.set_index("cell_id")
        for target, cell in home.items():
            if day not in days[target]:
                continue
            listed = Answer(*(_plain(told.loc[located[target], name]) for name in ROLES[:3]))
            looked_up = duties.on(located[target], day, Answer(listed.unit_id, None, None))
            for way, answer in (("task list", listed), ("verdict", looked_up)):
                links = [link for link in chain_on(book.chain, answer, day) if link.level == FIRST_LEVEL]
                # without a table of the chain the demo's first-responsible person is not asked for
                first = links[0].person_id if links and len(book.chain) else None
                answered = dict(
                    zip(ROLES, (answer.unit_id, answer.acting_unit_id, answer.person_id, first), strict=True)
                )
                truth = world.truth[(cell, day)]
                rows.append(
                    {"world": world.name, "way": way, "target_id": target, "cell_id": cell, "day": day,
                     **{f"true {role}": truth[role] or NOBODY for role in ROLES},
                     **{f"our {role}": answered[role] or NOBODY for role in ROLES},
                     "behind": f"cell {located[target]}; rows {duties.turns_on(located[target], day)}"}
                )  # fmt: skip
    return pd.DataFrame(rows)


def _days_asked(world: World, cell: str, rng: np.random.Generator) -> set[date]:
    """The days on which the truth of a cell changes, the ones before, and some random ones."""
    days = sorted(day for name, day in world.truth if name == cell)
    told = [tuple(world.truth[(cell, day)][role] for role in ROLES) for day in days]
    turns = [number for number in range(1, len(days)) if told[number] != told[number - 1]]
    asked = {days[number + step] for number in turns for step in (-1, 0, 1) if number + step < len(days)}
    return asked | {days[int(number)] for number in rng.integers(0, len(days), RANDOM_DAYS)} | {days[0], days[-1]}


def _plain(value: Any) -> str | None:
    return value if isinstance(value, str) else None


def confusion(asked: pd.DataFrame, role: str) -> pd.DataFrame:
    """Questions by what is true (named or nobody) and what was answered (the same, another, nobody)."""
    true, ours = asked[f"true {role}"], asked[f"our {role}"]
    answered = np.where(ours == true, "same", np.where(ours == NOBODY, "nobody", "another"))
    return pd.crosstab(
        pd.Series(np.where(true == NOBODY, "nobody answers", "somebody answers"), name=role),
        pd.Series(answered, name="answered"),
    )


def disagreements(asked: pd.DataFrame) -> pd.DataFrame:
    """The questions in which any role was answered otherwise than it was."""
    wrong = np.zeros(len(asked), dtype=bool)
    for role in ROLES:
        wrong |= (asked[f"true {role}"] != asked[f"our {role}"]).to_numpy()
    return asked[wrong]


def main(arguments: Sequence[str] | None = None) -> None:
    """Draw, ask and print."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--size", choices=["full", "small"], default="full")
    parser.add_argument("--targets", type=int, default=150)
    options = parser.parse_args(arguments)
    parts = []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in options.seeds:
            for make in (drawn_world, demo_world):
                world = make(seed, options.size, Path(scratch) / f"{make.__name__}-{seed}")
                parts.append(ask(world, options.targets, np.random.default_rng([seed, 8])))
    asked = pd.concat(parts, ignore_index=True)
    print(asked.groupby(["world", "way"]).agg(questions=("day", "size"), days=("day", "nunique")).to_string())
    for role in ROLES:
        print(f"\n{confusion(asked, role).to_string()}")
    units = pd.crosstab(asked["true acting_unit_id"], asked["our acting_unit_id"])
    print(f"\nacting unit, truth by answer\n{units.to_string()}")
    wrong = disagreements(asked)
    print(f"\n{len(wrong)} disagreements of {len(asked)} questions")
    print(wrong.to_string(max_colwidth=160) if len(wrong) else "")


if __name__ == "__main__":
    main()
