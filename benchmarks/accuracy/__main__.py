"""Measure the product and its peers on everything that is labelled, and write docs/ACCURACY.md.

usage: python -m benchmarks.accuracy [--data DIR] [--sets a,b] [--models DIR] [--out DIR]
       [--pictures DIR] [--closed-pictures DIR]
       [--city DIR ...] [--months N] [--skip-cities] [--ruler score_pairs.py]

Runs the pair sets of DATA (XUNCHA_DATA, else ../shared/data), its series without construction, and synthetic cities:
those named, else a small one that is drawn for it. Every threshold is fixed before; what is pooled, matched and counted
is the ruler's. Writes OUT/ACCURACY.md, OUT/accuracy/accuracy.json and its figures (default docs). With --models, a
folder as `python -m benchmarks.trained_pairs --keep` leaves it, each place is also scored by the model that never saw
it. With --pictures, contact sheets of the best and the worst objects of each set whose terms are open; --closed-pictures
takes those of the others, which must not be published. What fails is listed, the rest goes on, and the exit code is 1.
"""

from __future__ import annotations

import argparse
import json
import os
import shutil
import sys
import tempfile
import time
import traceback
from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from benchmarks import series_truth
from benchmarks.accuracy import cities, figures, measures, page, pictures
from benchmarks.accuracy.measures import Place, measured
from benchmarks.accuracy.ours import NAME, TRAINED, our_detection
from benchmarks.accuracy.pasted import pasted_sets
from benchmarks.accuracy.peers import OTB, Detection, peer_detections
from benchmarks.accuracy.ruler import Ruler, read_ruler
from benchmarks.accuracy.sets import Pair, PairSet, pair_sets, read_scene

REPOSITORY = Path(__file__).resolve().parent.parent.parent
PARTS = ("sets", "series", "cities", "all_cities", "pictures")
SERIES = "s2_slovenia_series"


@dataclass
class Run:
    """What one call has measured so far, and what failed in it."""

    ruler: Ruler
    scratch: Path
    out: Path
    models: Path | None = None
    sheets: pictures.Sheets = field(default_factory=lambda: pictures.Sheets(None, None))
    results: dict[str, Any] = field(
        default_factory=lambda: {"sets": [], "series": [], "cities": [], "all_cities": [], "pictures": []}
    )
    failures: list[str] = field(default_factory=list)

    def attempt(self, what: str, action: Callable[[], Any]) -> Any:
        """The action's result; None when it fails, which is printed whole, listed in short, and ends in exit code 1."""
        begun = time.monotonic()
        try:
            result = action()
        except Exception as problem:
            traceback.print_exc()
            self.failures.append(f"{what}: {type(problem).__name__}: {str(problem).splitlines()[0][:300]}")
            return None
        print(f"{what}: {time.monotonic() - begun:.0f} s", file=sys.stderr, flush=True)
        return result


def main(arguments: Sequence[str] | None = None) -> int:
    """Measure, print and write; 1 when something failed."""
    options = _options(arguments)
    with tempfile.TemporaryDirectory() as folder:
        scratch = Path(folder)
        run = Run(
            read_ruler(options.ruler or options.data.parent / "bench/score_pairs.py"),
            scratch,
            options.out.resolve(),
            options.models,
        )
        run.sheets = pictures.Sheets(
            *(folder and folder.resolve() for folder in (options.pictures, options.closed_pictures))
        )
        wanted = options.sets.split(",") if options.sets else None
        groups = run.attempt("data", lambda: pair_sets(options.data, scratch)) or []
        groups += run.attempt("pasted", lambda: pasted_sets(options.data, scratch)) or []
        pooled: dict[bool, list[Place]] = {True: [], False: []}
        for group in groups:
            if wanted is None or group.name in wanted:
                pooled[group.labelled] += one_set(run, group)
        run.results["calibration"] = _calibrations(run, pooled)
        series = options.data / SERIES
        if series.is_dir() and (wanted is None or SERIES in wanted):
            table = run.attempt("series", lambda: series_truth.series_table(series))
            run.results["series"] = [] if table is None else table.to_dict("records")
        if not options.skip_cities:
            for city in options.city or [None]:
                name = city.name if city else "drawn"
                rows = run.attempt(f"city {name}", lambda city=city: cities.judged(city, scratch, options.months))
                run.results["cities"] += [] if rows is None else [rows]
    if len(run.results["cities"]) > 1:
        run.results["all_cities"] = cities.together(run.results["cities"])
    run.results["absent"] = absent_peers()
    run.results["failures"] = run.failures
    target = options.out / "accuracy"
    target.mkdir(parents=True, exist_ok=True)
    results = _plain(run.results)
    (target / "accuracy.json").write_text(json.dumps(results, ensure_ascii=False, indent=1) + "\n", encoding="utf-8")
    figures.draw(results, target)
    text = page.page(results, seen=_text(target / "seen.md"), attempts=_text(target / "attempts.md"))
    (options.out / "ACCURACY.md").write_text(text, encoding="utf-8")
    print(text)
    for failure in run.failures:
        print(f"failed: {failure}", file=sys.stderr)
    return 1 if run.failures or not (run.results["sets"] or run.results["cities"]) else 0


def one_set(run: Run, group: PairSet) -> list[Place]:
    """Measure all methods on all pairs of a set; returns our places, which calibration is pooled from."""
    places: list[Place] = []
    for pair in group.pairs:
        name = f"{group.name} {pair.place}"
        done = run.attempt(name, lambda pair=pair: one_pair(run, group, pair))
        places += done or []
    sheet = run.sheets.finish(group)
    if sheet is not None and group.open_terms and sheet.is_relative_to(run.out):
        run.results["pictures"].append({"set": group.name, "file": sheet.relative_to(run.out).as_posix()})
    methods: dict[str, list[Place]] = {}
    for one in places:
        methods.setdefault(one.method, []).append(one)
    rows = []
    for method, own in methods.items():
        row: dict[str, Any] = {"method": method, "places": len(own), "figures": measures.pooled(own),
                               "intervals": measures.intervals(own), "by_size": measures.by_size(own),
                               "per_place": {one.place: _place_row(one) for one in own}}  # fmt: skip
        if method in (NAME, TRAINED):
            row["calibration"] = measures.place_calibration(own)
            row["calibration_intervals"] = measures.intervals(own, _reliability)
            row["refused"] = {one.place: one.refusal for one in own if one.refusal}
        rows.append(row)
    run.results["sets"].append(
        {"name": group.name, "title": group.title, "labelled": group.labelled, "gsd_m": group.gsd_m,
         "places": len(group.pairs), "measured": max((row["places"] for row in rows), default=0),
         "methods": rows}
    )  # fmt: skip
    return [one for one in places if one.method == NAME]


def one_pair(run: Run, group: PairSet, pair: Pair) -> list[Place]:
    """All methods on one pair."""
    scene = read_scene(group, pair)
    out = run.scratch / "compare"
    found: list[Detection] = [our_detection(pair, scene, out / "plain")]
    model = run.models / f"without-{pair.place}" if run.models else None
    if model is not None and model.is_dir():
        found.append(our_detection(pair, scene, out / "trained", model=model))
    run.sheets.add(group, pair, scene, found[0], out / "plain")
    found += peer_detections(scene, run.ruler, run.scratch)
    result = [measured(pair.place, one, scene, run.ruler) for one in found]
    shutil.rmtree(out, ignore_errors=True)
    return result


def _place_row(one: Place) -> dict[str, Any]:
    labelled, found, said, right = one.objects.tolist()
    return {"labelled": labelled, "found": found, "said": said, "right": right, "km2": one.km2,
            "pixel_f1": measures.pooled([one])["pixel_f1"], "average_precision": one.precision}  # fmt: skip


def _reliability(places: Sequence[Place]) -> measures.Figures:
    table = measures.place_calibration(places)
    return {"ece": table["ece"], "brier_skill": table["brier_skill"]}


def _calibrations(run: Run, pooled: dict[bool, list[Place]]) -> list[dict[str, Any]]:
    """Calibration of our objects over all labelled sets, and with the construction-free ones."""
    rows = []
    for name, places in (("all labelled sets", pooled[True]), ("construction-free too", pooled[True] + pooled[False])):
        if places:
            rows.append({"name": name, **measures.place_calibration(places),
                         "intervals": measures.intervals(places, _reliability)})  # fmt: skip
    return rows


def absent_peers() -> list[str]:
    """Peers that are named in the plan but not installed here."""
    lacking = [] if shutil.which(OTB) else [f"Orfeo ToolBox's MAD ({OTB} is not on the path)"]
    if not series_truth.has_cold():
        lacking.append("COLD of pyxccd (the package is not installed)")
    return lacking


def _plain(value: Any) -> Any:
    """Rounded to six digits, without NaN: what JSON can hold."""
    if isinstance(value, dict):
        return {name: _plain(one) for name, one in value.items()}
    if isinstance(value, list | tuple):
        return [_plain(one) for one in value]
    if isinstance(value, float) or hasattr(value, "dtype"):
        return float(f"{float(value):.6g}") if value == value else None
    return value


def _text(path: Path) -> str:
    return path.read_text(encoding="utf-8") if path.is_file() else ""


def _options(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    data = Path(os.environ.get("XUNCHA_DATA") or REPOSITORY.parent / "shared/data")
    parser.add_argument("--data", type=Path, default=data)
    parser.add_argument("--ruler", type=Path, help="default: bench/score_pairs.py beside DATA")
    parser.add_argument("--sets", help="measure these sets alone, a,b")
    parser.add_argument("--models", type=Path, help="folder of models without-PLACE")
    parser.add_argument("--pictures", type=Path, help="contact sheets of the sets that may be published")
    parser.add_argument("--closed-pictures", type=Path, help="contact sheets of the other sets: look, do not publish")
    parser.add_argument("--out", type=Path, default=REPOSITORY / "docs")
    parser.add_argument("--city", type=Path, action="append", help="a city folder with truth/; may be repeated")
    parser.add_argument("--months", type=int, default=12, help="how many of a city's last months are judged")
    parser.add_argument("--skip-cities", action="store_true")
    return parser.parse_args(arguments)


if __name__ == "__main__":
    raise SystemExit(main())
