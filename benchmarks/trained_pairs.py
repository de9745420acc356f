"""Accuracy of trained models on labelled pairs, each place scored by a model that never saw it.

usage: python -m benchmarks.trained_pairs [PAIRS_FOLDER] [--ruler score_pairs.py] [--only a,b] [--keep DIR]
       (default folder: XUNCHA_DATA, else ../shared/data, then s2_urban_change)

PAIRS_FOLDER holds places with before.tif, after.tif and label.tif, or is a georeferenced set of `benchmarks.accuracy`
whose labels are 1 where it changed (`vhr_buildings`). For every place a model is fitted on the others (every choice
inside them, out of fold) and `compare` is run with it on the place left out, whether the training would have accepted it
or not. Pixels, objects and pooling are the ruler's own, beside the weights set by hand.

The models that ``--keep DIR`` leaves can be put under the ruler itself, which knows places of six bands alone:
score_pairs.py PAIRS_FOLDER --xuncha "python -m benchmarks.trained_pairs --fold DIR"
"""

from __future__ import annotations

import argparse
import json
import os
import subprocess
import sys
import tempfile
from pathlib import Path

from benchmarks.accuracy.measures import Place, measured, pooled
from benchmarks.accuracy.ours import our_detection
from benchmarks.accuracy.ruler import Ruler, read_ruler
from benchmarks.accuracy.sets import Pair, PairSet, cities, pair_sets, read_scene
from pipeline.execute import Execution
from pipeline.sources.pairs import LabelledPair
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
    ruler = read_ruler(given.ruler)
    with tempfile.TemporaryDirectory() as scratch:
        work = Path(scratch)
        group = labelled_set(given.folder, work)
        left_out = given.only.split(",") if given.only else [pair.place for pair in group.pairs]
        models = (given.keep or work / "models").resolve()
        fit_all(group, left_out, models, work / "places")
        scored: dict[str, list[Place]] = {}
        for pair in group.pairs:
            if pair.place in left_out:
                for one in both(group, pair, ruler, models, work / "compare"):
                    scored.setdefault(one.method, []).append(one)
        for method, places in scored.items():
            print(f"{method}: {json.dumps(pooled(places))}")


def labelled_set(folder: Path, scratch: Path) -> PairSet:
    """The set of `benchmarks.accuracy` in this folder, else its places; SystemExit where training cannot use it."""
    known = {group.name: group for group in pair_sets(folder.resolve().parent, scratch)}
    group = known.get(folder.resolve().name) or cities(folder)
    if not group.pairs or group.changed != (1,) or any(pair.gsd_m or pair.label is None for pair in group.pairs):
        raise SystemExit(f"{folder}: no georeferenced pairs with labels of 1")
    return group


def fit_all(group: PairSet, left_out: list[str], models: Path, work: Path) -> None:
    """Write ``models/without-PLACE`` for every place left out, and print how its training judges it."""
    execution = Execution()
    pairs = [LabelledPair(pair.place, pair.before, pair.after, pair.label) for pair in group.pairs if pair.label]
    places = prepared(open_pairs(pairs, profile="auto"), work, use="pair", execution=execution)
    for name in left_out:
        teaching, judging = ([place for place in places if (place.name == name) == apart] for apart in (False, True))
        trained = fit_model(teaching, name=f"without-{name}", execution=execution)
        verdict = judged(trained.model, judging, execution=execution)
        print(f"{name}: out of fold {json.dumps(trained.figures)}")
        print(f"{name}: {refusal(verdict) or 'accepted'} {json.dumps(verdict)}", flush=True)
        store(
            trained, models / f"without-{name}" / "0001", places=[place.name for place in teaching], apart=[name],
            verdict=verdict, licence="fitted for measuring, not for use",
        )  # fmt: skip


def both(group: PairSet, pair: Pair, ruler: Ruler, models: Path, work: Path) -> list[Place]:
    """One place measured with the weights set by hand and with the model that never saw it."""
    scene, found = read_scene(group, pair), []
    for number, model in enumerate((None, models / f"without-{pair.place}")):
        detection = our_detection(pair, scene, work / f"{pair.place}-{number}", model=model)
        found.append(measured(pair.place, detection, scene, ruler))
        figures = pooled(found[-1:])
        print(f"{pair.place}, {found[-1].method}: {json.dumps(figures)}", flush=True)
    return found


def fold(models: Path, arguments: list[str]) -> int:
    """Run `xuncha compare` as the ruler asks for it, with the model that never saw the place of BEFORE."""
    place = Path(arguments[1]).parent.name
    command = [sys.executable, "-m", "pipeline", *arguments, "--model", str(models / f"without-{place}")]
    return subprocess.run(command, cwd=REPOSITORY).returncode


if __name__ == "__main__":
    if sys.argv[1:2] == [FOLD]:
        raise SystemExit(fold(Path(sys.argv[2]).resolve(), sys.argv[3:]))
    main()
