"""`xuncha train`: fit the probability from labelled pairs or from a city's field-checked outcomes."""

from __future__ import annotations

import json
from dataclasses import asdict
from pathlib import Path
from typing import Annotated, Literal

import typer

from pipeline.commands.common import (
    AsJson,
    Debug,
    TilePx,
    Workers,
    app,
    city_of,
    example,
    execution_of,
    progress_bars,
    reported,
    say,
)
from pipeline.errors import InputError


@app.command(epilog=example("xuncha train --pairs-folder labelled --out models --name s2-county"))
def train(
    city: Annotated[Path | None, typer.Argument(metavar="[CITY]", help="City folder, with --from-outcomes")] = None,
    pairs: Annotated[Path | None, typer.Option(help="CSV with before, after, label [, place, before_date, ..]")] = None,
    pairs_folder: Annotated[Path | None, typer.Option(help="<place>/before.tif after.tif label.tif")] = None,
    from_outcomes: Annotated[bool, typer.Option("--from-outcomes", help="Learn from field-checked targets")] = False,
    out: Annotated[Path | None, typer.Option("--out", help="Folder of models; default CITY/models")] = None,
    name: Annotated[str, typer.Option("--name", help="The model's name")] = "trained",
    use: Annotated[Literal["pair", "month"], typer.Option(help="Images years apart, or the monthly run")] = "pair",
    licence: Annotated[str, typer.Option("--licence", help="Terms of the labels, kept in the manifest")] = "not stated",
    profile: Annotated[Literal["auto", "s2", "landsat", "vhr"], typer.Option(help="Processing profile")] = "auto",
    hold_out: Annotated[str | None, typer.Option("--hold-out", help="Places that decide, a,b; else drawn by name")] = None,
    network: Annotated[Path | None, typer.Option(help="Your own ONNX network's network.json, one more feature")] = None,
    as_json: AsJson = False, workers: Workers = None, tile_px: TilePx = None, debug: Debug = False,
) -> None:  # fmt: skip
    """Fit a model; it is written only when places it never saw say that it is better than the weights in use."""
    from pipeline.config import Config
    from pipeline.sources.network import read_network
    from pipeline.sources.pairs import pairs_of_folder, pairs_of_table
    from pipeline.stages.guard import guarded
    from pipeline.stages.train import train_pairs
    from pipeline.stages.train_outcomes import train_outcomes

    with reported(as_json, debug):
        given = [value for value in (pairs, pairs_folder, city if from_outcomes else None) if value is not None]
        if len(given) != 1 or (city is not None and not from_outcomes):
            raise InputError(
                "E104", "one source of labels is needed", "--pairs, --pairs-folder, or CITY --from-outcomes"
            )
        models = out or (city / "models" if city is not None else Path("models"))
        with guarded("train", models), progress_bars() as progress:
            if city is not None:
                folder, _ = city_of(city)
                outcome = train_outcomes(folder, models, name=name, licence=licence)
            else:
                found = pairs_of_table(pairs) if pairs is not None else pairs_of_folder(pairs_folder or Path())
                outcome = train_pairs(
                    found, models, name=name, licence=licence, use=use, profile=profile,
                    network=read_network(network) if network is not None else None,
                    deciding=tuple(hold_out.split(",")) if hold_out else (), work=models / ".training",
                    execution=execution_of(Config(), workers, tile_px, progress),
                )  # fmt: skip
        if as_json:
            print(json.dumps(asdict(outcome), ensure_ascii=False))
        else:
            for note in outcome.notes:
                say.print(note, markup=False)
            say.print(outcome.publish["model"], markup=False)
