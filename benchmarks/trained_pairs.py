"""Accuracy of trained models on labelled Sentinel-2 pairs, each place scored by a model that never saw it.

usage: python -m benchmarks.trained_pairs [PAIRS_FOLDER] [--ruler score_pairs.py] [--only a,b] [--keep DIR]
       (default folder: XUNCHA_DATA, else ../shared/data, then s2_urban_change)

For every place a model is fitted on the others (every choice inside them, out of fold), judged by the ruler on the
place left out, whether the training would have accepted it or not: the ruler runs this module, which picks the model
by the place, so that peers, pooling and objects are the ruler's own.
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from pipeline.execute import Execution
from pipeline.sources.pairs import pairs_of_folder
from pipeline.stages.train import fit_model, judged, prepared, refusal, store
from pipeline.stages.train_places import open_pairs

REPOSITORY = Path(__file__).resolve().parent.parent
FOLD = "--fold"


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    data = Path(os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared/data")
    parser.add_argument("folder", type=Path, nargs="?", default=data / "s2_urban_change")
    parser.add_argument("--ruler", type=Path, default=data.parent / "bench/score_pairs.py")
    parser.add_argument("--only", help="places to leave out, a,b")
    parser.add_argument("--keep", type=Path, help="folder for the models of every fold")
    given = parser.parse_args()
    execution = Execution()
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        places = prepared(
            open_pairs(pairs_of_folder(given.folder), profile="auto"), work / "places", use="pair", execution=execution
        )
        left_out = given.only.split(",") if given.only else sorted(place.name for place in places)
        models = (given.keep or work / "models").resolve()
        for name in left_out:
            teaching, judging = (
                [place for place in places if (place.name == name) == apart] for apart in (False, True)
            )
            trained = fit_model(teaching, name=f"without-{name}", execution=execution)
            verdict = judged(trained.model, judging, execution=execution)
            print(f"{name}: out of fold {json.dumps(trained.figures)}")
            print(f"{name}: {refusal(verdict) or 'accepted'} {json.dumps(verdict)}", flush=True)
            store(
                trained, models / f"without-{name}" / "0001", places=[place.name for place in teaching], apart=[name],
                verdict=verdict, licence="fitted for measuring, not for use",
            )  # fmt: skip
        command = f"{sys.executable} -m benchmarks.trained_pairs {FOLD} {models}"
        ruler = [
            sys.executable,
            str(given.ruler),
            str(given.folder),
            "--cities",
            ",".join(left_out),
            "--xuncha",
            command,
        ]
        subprocess.run(ruler, cwd=REPOSITORY, check=True)


def fold(models: Path, arguments: list[str]) -> int:
    """Run `xuncha compare` as the ruler asks for it, with the model that never saw the place of BEFORE."""
    place = Path(arguments[1]).parent.name
    command = [sys.executable, "-m", "pipeline", *arguments, "--model", str(models / f"without-{place}")]
    return subprocess.run(command, cwd=REPOSITORY).returncode


if __name__ == "__main__":
    if sys.argv[1:2] == [FOLD]:
        raise SystemExit(fold(Path(sys.argv[2]), sys.argv[3:]))
    main()
