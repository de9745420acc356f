"""Places told in words and datums of coordinates in synthetic cities, against the truth of what was meant.

usage: python -m benchmarks.place_truth [--seeds N N ...] [--retold N] [--misses] [--work DIR]

Every city's ledgers are read by the ledger stage. Printed by manner of writing: how many places, the share located at
all, of those the share whose area (centre, 90 % radius) holds the true centre of the site, and the median and 90 %
quantile of the radius; then the same for names with slips, for directions that the clerk got plainly wrong, and for the
township's name in front; then how many areas are narrow (up to 300 m) and miss by more than 300 m; then, for units and
for the people or devices they name, how many datums are right, open and wrong. Places of rows that copy others are
left out. ``--retold`` has each place told N more times by the unit's people, for the rarer manners.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd

from pipeline.config import load_config
from pipeline.execute import Execution
from pipeline.ledger.locate import Placed
from pipeline.ledger.places import territories
from pipeline.ledger.positions import read_places
from pipeline.schema import ENTRIES
from pipeline.simulate.city import SyntheticCity, make_city
from pipeline.simulate.frame import CITY_CRS, RECONCILED_AS_OF, Size
from pipeline.simulate.ledgers import unit_styles
from pipeline.simulate.places import Clerks
from pipeline.simulate.units import Organisation
from pipeline.simulate.wording import place_text
from pipeline.sources.layers import read_layers
from pipeline.sources.ledger_rules import ledger_field_rules
from pipeline.sources.units import read_units
from pipeline.stages import demo, ledger
from pipeline.stages.base import StageContext
from pipeline.store import read_json, read_table
from pipeline.values import Period

SEEDS = (41, 42, 43, 44, 45, 46, 47, 48, 49, 50)
MIN_ENTRIES = 8
NARROW_M = 300.0
_PERIOD = "2026-10"


@dataclass(frozen=True)
class City:
    """A written city whose ledgers were read, and what it was drawn from."""

    folder: Path
    drawn: SyntheticCity
    context: StageContext


def read_city(folder: Path, seed: int, size: Size = "full") -> City:
    """Write a city without scenes into ``folder`` and run its ledger stage."""
    drawn = make_city(size=size, seed=seed)
    demo.write_records(folder, drawn)
    run = folder / "runs" / _PERIOD
    (run / "ledger").mkdir(parents=True)
    context = StageContext(load_config(folder / "config.yaml"), folder, Period.parse(_PERIOD),
                           RECONCILED_AS_OF[_PERIOD], run, None, None, Execution())  # fmt: skip
    ledger.run(context, run / "ledger")
    return City(folder, drawn, context)


def told_places(city: City) -> pd.DataFrame:
    """The places of findings as the reader got them, with the manner and the true middle (x, y)."""
    key = ["unit_id", "name", "sheet", "row", "item"]
    written = pd.read_parquet(city.folder / "truth" / "ledger_rows.parquet")
    written = written[(written["origin"] == "visit") & written["place"].notna()]
    written = written.assign(name=written["file"].str.split("/").str[-1]).drop(columns="file")
    entries = read_table(city.context.run / "ledger" / "entries.parquet", ENTRIES)
    read = entries.assign(name=entries["file"].str.split("/").str[-1])[[*key, "place"]]
    rows = written.merge(read.rename(columns={"place": "text"}), on=key, how="left")
    spots = _true_spots(city, rows)
    return rows.assign(x=[spot.x for spot in spots], y=[spot.y for spot in spots], shape=spots)


def _true_spots(city: City, rows: pd.DataFrame) -> list[Any]:
    truth = city.folder / "truth"
    stages = gpd.read_parquet(truth / "stages.parquet").sort_values(["site_id", "from"])
    finds = gpd.read_parquet(truth / "small_finds.parquet").set_index("find_id").geometry
    spots = []
    for row in rows.itertuples():
        stood = stages[(stages["site_id"] == row.site_id) & (stages["from"] <= row.discovered_on)]
        shape = finds[row.find_id] if isinstance(row.find_id, str) else stood.geometry.iloc[-1]
        spots.append(shape.centroid)
    return spots


def retold(city: City, rows: pd.DataFrame, times: int, seed: int) -> pd.DataFrame:
    """The same places told ``times`` more times each, by any of the unit's people with habits of their own."""
    rng = np.random.default_rng([seed, 7])
    organisation: Organisation = city.drawn.organisation
    people = organisation.people.groupby("unit_id")["person_id"].apply(list)
    parts = []
    for _ in range(times):
        clerks = Clerks(city.drawn.landscape, city.drawn.named, organisation, rng)
        for row in rows.to_dict("records"):
            person = str(rng.choice(people[row["unit_id"]]))
            told = clerks.tell(row["shape"], person, place_text(city.drawn.landscape, row["shape"], rng))
            parts.append({**row, "text": told.text, "place": told.text, "manner": told.manner, "slip": told.slip,
                          "wrong_way": told.wrong_way})  # fmt: skip
    return pd.DataFrame(parts, columns=rows.columns)


def located(city: City, rows: pd.DataFrame) -> pd.DataFrame:
    """The rows with ``radius_m`` (NaN: not located), ``off_m`` from the truth, ``held`` and the reason or rule."""
    context = city.context
    book = read_units(city.folder, CITY_CRS)
    names = dict(zip(book.units["unit_id"], book.units["name"], strict=True))
    layers = read_layers(city.folder / "layers", CITY_CRS)
    codes = ledger_field_rules(context.as_of).settlement_codes
    ground = territories(book.units, book.cells, book.responsibility, book.delegations)
    texts = list(zip(rows["unit_id"], rows["text"].fillna(""), strict=True))
    found = read_places(texts, ledger.gazetteer_of(context, layers, codes), ground, ledger.place_options(context),
                        unit_names=names)  # fmt: skip
    told = [found[text] for text in texts]
    areas = np.array([(p.x, p.y, p.uncertainty_m) if isinstance(p, Placed) else (np.nan,) * 3 for p in told]).reshape(
        -1, 3
    )
    off = np.hypot(areas[:, 0] - rows["x"].to_numpy(), areas[:, 1] - rows["y"].to_numpy())
    return rows.assign(
        radius_m=areas[:, 2], off_m=off, located=~np.isnan(off), held=off <= areas[:, 2], rule=[p.rule for p in told]
    )


def by(rows: pd.DataFrame, column: str) -> pd.DataFrame:
    """A line per value of ``column`` and one for all."""
    groups = [*rows.groupby(column, sort=False), ("all", rows)] if len(rows) else []
    lines = {str(value): _line(part) for value, part in groups}
    return pd.DataFrame(lines).T


def _line(part: pd.DataFrame) -> dict[str, float]:
    found = part[part["located"]]
    return {
        "number": len(part), "located": round(len(found) / len(part), 3), "held": round(found["held"].mean(), 3),
        "median_m": round(found["radius_m"].median()), "q90_m": round(found["radius_m"].quantile(0.9)),
        "narrow_and_far": int(((found["radius_m"] <= NARROW_M) & (found["off_m"] > 2 * NARROW_M)).sum()),
    } if len(found) else {"number": len(part), "located": 0.0}  # fmt: skip


def datums(city: City) -> pd.DataFrame:
    """Units and the devices or people they name: true datum, the one inferred, usable entries."""
    styles = unit_styles(city.drawn.organisation)
    rows = []
    for unit_id, told in read_json(city.context.run / "ledger" / "datum.json")["units"].items():
        for name, found in [("", told), *told.get("devices", {}).items()]:
            rows.append({"unit_id": unit_id, "device": name, "usable": found["usable_entries"],
                         "true": styles[unit_id].datum, "inferred": found["datum"]})  # fmt: skip
    return pd.DataFrame(rows)


def datum_lines(rows: pd.DataFrame) -> pd.DataFrame:
    """Right, open and wrong for units and devices with enough usable entries and with fewer."""
    whole = rows["device"] == ""
    enough = rows["usable"] >= MIN_ENTRIES
    groups = {"units >= 8": whole & enough, "units < 8": whole & ~enough, "devices >= 8": ~whole & enough,
              "devices < 8": ~whole & ~enough}  # fmt: skip
    lines = {}
    for name, chosen in groups.items():
        part = rows[chosen]
        lines[name] = {"number": len(part), "right": int((part["inferred"] == part["true"]).sum()),
                       "cannot_tell": int(part["inferred"].isna().sum()),
                       "wrong": int((part["inferred"].notna() & (part["inferred"] != part["true"])).sum())}  # fmt: skip
    return pd.DataFrame(lines).T


def report(rows: pd.DataFrame) -> str:
    """The tables of places as text."""
    slips = rows[rows["slip"] != "none"]
    tables = {
        "manner": by(rows.sort_values("manner", kind="stable"), "manner"), "slips of the pen": by(slips, "slip"),
        "direction plainly wrong": by(rows[rows["wrong_way"].astype(bool)], "manner").tail(1),
    }  # fmt: skip
    return "\n\n".join(f"{name}\n{table.to_string()}" for name, table in tables.items())


def main(arguments: Sequence[str] | None = None) -> None:
    """Make, read and judge every city; prints the tables."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--retold", type=int, default=0)
    parser.add_argument("--misses", action="store_true", help="Print every area that does not hold its truth")
    parser.add_argument("--work", type=Path, help="Keep the cities here (one new folder per seed)")
    options = parser.parse_args(arguments)
    own, again, inferred = [], [], []
    with tempfile.TemporaryDirectory() as scratch:
        for seed in options.seeds:
            city = read_city((options.work or Path(scratch)) / f"city-{seed}", seed)
            rows = told_places(city).assign(seed=seed)
            own.append(located(city, rows))
            if options.retold:
                again.append(located(city, retold(city, rows, options.retold, seed)))
            inferred.append(datums(city).assign(seed=seed))
    places = pd.concat(own, ignore_index=True)
    print(f"As written in the ledgers of {len(options.seeds)} cities\n{report(places)}\n")
    if again:
        told = pd.concat(again, ignore_index=True)
        print(f"Each told {options.retold} more times\n{report(told)}\n")
        places = pd.concat([places, told])
    print(f"Datums\n{datum_lines(pd.concat(inferred)).to_string()}")
    if options.misses:
        missed = places[places["located"] & ~places["held"]].sort_values(["manner", "seed"])
        columns = ["seed", "manner", "slip", "wrong_way", "unit_id", "text", "radius_m", "off_m", "rule"]
        print(json.dumps(missed[columns].round(0).to_dict("records"), ensure_ascii=False, indent=0))


if __name__ == "__main__":
    main()
