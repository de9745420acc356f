"""Suspected kinds of violation on synthetic cities against what is truly built there, without drawing any imagery.

usage: python -m benchmarks.kind_truth [--seeds N N ...] [--size small|full]

Every site that shows on a month's last image is judged as it stood that day, on the layers as delivered: once with its
true outline (``truth``), once as a detector leaves it, scaled by 15 % and shifted by 6 m (``outlined``). Printed are a
confusion table of kinds (a site may be suspected of several), one of lawful and unlawful, and every disagreement with
the reason computed from the facts of that object. What has no reason is printed as UNEXPLAINED.
"""

from __future__ import annotations

import argparse
import json
import tempfile
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import geopandas as gpd
import numpy as np
import pandas as pd
from shapely.affinity import scale, translate

from pipeline.config import load_config
from pipeline.execute import Execution
from pipeline.schema import CANDIDATES, conform
from pipeline.screen.conditions import Range, at
from pipeline.screen.facts import measure
from pipeline.screen.suppress import judge_objects, screen_candidates
from pipeline.simulate.city import make_city
from pipeline.simulate.frame import RECONCILED_AS_OF
from pipeline.sources.layers import read_layers
from pipeline.stages.base import StageContext
from pipeline.stages.demo import write_records
from pipeline.stages.screen import judging
from pipeline.values import Period
from tests.stages.test_reconcile import PERIODS, true_targets, truth

SEEDS = (41, 42, 43, 44, 45, 46, 47, 48, 49, 50)
KINDS = ("V1", "V2", "V3", "V4", "V5", "V6", "V7")
OUTLINES = ("truth", "outlined")
SUSPECTED, OPEN, HELD_BACK, NOTHING = "suspected", "open", "held back", "no rule"
UNEXPLAINED = "UNEXPLAINED"
MEASURED = ("ground", "ground_rules", "outline_tolerance_px", "suppress_construction_land")
PIXEL_M, MIN_OVERLAP_M2 = 10.0, 100.0


def written_city(folder: Path, *, size: str, seed: int) -> Path:
    """A synthetic city with everything but its scenes."""
    write_records(folder, make_city(size=size, seed=seed))  # type: ignore[arg-type]
    return folder


def as_outlined(targets: Any, *, seed: int) -> Any:
    """The same objects with the outline a detector leaves; each has the same luck in every month."""
    shapes = []
    for name, shape in zip(targets["target_id"], targets.geometry, strict=True):
        rng = np.random.default_rng([seed, int(name[2:])])
        factor, shift = float(np.exp(rng.normal(0.0, 0.15))), rng.normal(0.0, 6.0, 2)
        shapes.append(translate(scale(shape, factor, factor), *shift))
    moved = gpd.GeoSeries(shapes, index=targets.index, crs=targets.crs)
    return targets.assign(area_m2=moved.area).set_geometry(moved)


def judged(city: Path, period: str, *, outline: str, seed: int) -> pd.DataFrame:
    """One row per site of a month: true kind, case and stage, what we say, and the reason where the two differ."""
    month = Period.parse(period)
    config = load_config(city / "config.yaml")
    context = StageContext(config, city, month, RECONCILED_AS_OF[period], city, None, None, Execution())
    targets = true_targets(city, period)
    targets = targets if outline == "truth" else as_outlined(targets, seed=seed)
    objects = conform(CANDIDATES, targets.assign(candidate_id=targets["target_id"], gsd_m=PIXEL_M))
    keywords = judging(context, read_layers(city / "layers", config.city.crs))
    suspected, suppressed = screen_candidates(objects, **keywords)
    told = judge_objects(objects, **keywords)
    facts_of = measure(objects, **{name: keywords[name] for name in MEASURED}).facts
    held = dict(zip(suppressed["candidate_id"], suppressed["suppressed_by"], strict=True))
    assert len(suspected) + len(suppressed) == len(objects)
    sites = truth(city, "sites").set_index("site_id")
    rows = []
    for number, row in enumerate(told.to_dict("records")):
        facts = at(facts_of, number)
        site = sites.loc[row["candidate_id"][1:]]
        rules = {entry["rule"]: entry["judgement"] for entry in json.loads(row["rules"])}
        kinds = [] if row["candidate_id"] in held else json.loads(row["kinds"])
        said = _said(kinds, held.get(row["candidate_id"]), rules)
        verdict = {
            "period": period, "site": row["candidate_id"][1:], "true": site["kind"], "case": site["case"],
            "stage": row["stage"], "kinds": kinds, "said": said, "held_back_by": held.get(row["candidate_id"]),
        }  # fmt: skip
        rows.append(verdict | {"reason": reason(verdict, facts, rules)})
    return pd.DataFrame(rows)


def _said(kinds: list[str], held_back: str | None, rules: Mapping[str, str]) -> str:
    if held_back is not None:
        return HELD_BACK
    if kinds:
        return SUSPECTED
    return OPEN if "undeterminable" in rules.values() else NOTHING


def reason(row: Mapping[str, Any], facts: Mapping[str, Any], rules: Mapping[str, str]) -> str:
    """Why what we say differs from the truth, from the object's facts; empty where it does not."""
    true, kinds = str(row["true"]), list(row["kinds"])
    if true == "lawful":
        return _why_accused(row, facts) if kinds else ""
    if true in kinds:
        return ""
    return _why_not_named(true, row, facts, rules)


def _why_accused(row: Mapping[str, Any], facts: Mapping[str, Any]) -> str:
    """Why a lawful site is suspected."""
    if row["case"] == "temporary_valid" and row["kinds"] == ["V2"]:
        return "a building on valid temporary land: no image tells whether it is permanent"
    covered, beyond = float(facts["lawful_or_temporary_share"] or 0.0), _low(facts["unapproved_new_land_m2"])
    if covered >= 0.5 and beyond >= MIN_OVERLAP_M2:
        return f"its outline reaches more than a pixel beyond the approved ground ({covered:.0%} of it lies inside)"
    unpermitted = min(_low(facts[f"area_without_{name}_m2"]) for name in ("planning_permit", "rural_permit"))
    if set(row["kinds"]) <= {"V5", "V7"} and 0.0 < unpermitted < float(facts["area_m2"]):
        return "its outline reaches more than a pixel beyond the permitted ground"
    return UNEXPLAINED


def _why_not_named(true: str, row: Mapping[str, Any], facts: Mapping[str, Any], rules: Mapping[str, str]) -> str:
    """Why the true kind of an unlawful site is not among the suspected ones."""
    if row["held_back_by"] == "S1":
        return "smaller than the least area"
    if row["held_back_by"] is not None:
        return UNEXPLAINED
    if true == "V2":
        restoring = _low(facts["reclaiming_temporary_m2"]) >= MIN_OVERLAP_M2
        return "earthworks in the year of restoration" if restoring and row["stage"] == "earthworks" else UNEXPLAINED
    if _low(facts["interval_approved_m2"]) >= MIN_OVERLAP_M2:
        return "approved in the onset interval: before or after cannot be told"
    if true in ("V5", "V7") and facts["built_stage"] is None:
        return "earthworks: no building to be seen yet"
    if true == "V5" and _low(facts["inside_plan_m2"]) < MIN_OVERLAP_M2:
        return "in a zone of the boundary where nothing is built, or not yet inside it"
    if true == "V7" and _high(facts["rural_plan_m2"]) < MIN_OVERLAP_M2:
        return "inside the urban boundary, where V5 applies"
    if true == "V7" and rules.get("V7-1") == "undeterminable":
        return "outside the delivered village plans: whether one applies is not known"
    if true == "V3" and _high(facts["unapproved_basic_farmland_m2"]) < MIN_OVERLAP_M2:
        return "the outline does not touch basic farmland by the least overlap"
    if true in ("V1", "V4") and facts["farm_road_like"] != 0.0:
        return "a strip that may be a farm road"
    return UNEXPLAINED


def _low(fact: Any) -> float:
    return 0.0 if fact is None else float(fact.low if isinstance(fact, Range) else fact)


def _high(fact: Any) -> float:
    return 0.0 if fact is None else float(fact.high if isinstance(fact, Range) else fact)


def kind_table(rows: pd.DataFrame) -> pd.DataFrame:
    """True kind by suspected kinds; a site counts under each kind it is suspected of."""
    table = {}
    for true, own in rows.groupby("true"):
        table[true] = {kind: sum(kind in kinds for kinds in own["kinds"]) for kind in KINDS} | {
            "named": sum(true in kinds for kinds in own["kinds"]),
            OPEN: int((own["said"] == OPEN).sum()), HELD_BACK: int((own["said"] == HELD_BACK).sum()),
            NOTHING: int((own["said"] == NOTHING).sum()), "sites": len(own),
        }  # fmt: skip
    return pd.DataFrame(table).T


def lawful_table(rows: pd.DataFrame) -> pd.DataFrame:
    """Truly lawful and unlawful by what we say."""
    truly = np.where(rows["true"] == "lawful", "lawful", "unlawful")
    table = pd.crosstab(truly, rows["said"]).reindex(index=["lawful", "unlawful"], fill_value=0)
    return table.reindex(columns=[SUSPECTED, OPEN, HELD_BACK, NOTHING], fill_value=0)


def report(rows: pd.DataFrame) -> str:
    """Both tables, and every disagreement counted by its reason."""
    apart = rows[rows["reason"] != ""]
    why = apart.groupby(["true", "said", "reason"]).size().rename("sites").reset_index()
    lines = [kind_table(rows).to_string(), "", lawful_table(rows).to_string(), "", why.to_string(index=False)]
    lost = apart[apart["reason"] == UNEXPLAINED]
    return "\n".join([*lines, "", *(lost.to_string(index=False).splitlines() if len(lost) else ["none unexplained"])])


def main(arguments: Sequence[str] | None = None) -> None:
    """Judge every city and print the tables per kind of outline."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--seeds", type=int, nargs="+", default=list(SEEDS))
    parser.add_argument("--size", choices=["small", "full"], default="full")
    options = parser.parse_args(arguments)
    rows: dict[str, list[pd.DataFrame]] = {outline: [] for outline in OUTLINES}
    with tempfile.TemporaryDirectory() as scratch:
        for seed in options.seeds:
            city = written_city(Path(scratch) / f"city-{seed}", size=options.size, seed=seed)
            for outline in OUTLINES:
                for period in PERIODS:
                    rows[outline].append(judged(city, period, outline=outline, seed=seed).assign(seed=seed))
    for outline in OUTLINES:
        print(f"\n== {outline}: {len(options.seeds)} cities, {', '.join(PERIODS)}\n")
        print(report(pd.concat(rows[outline], ignore_index=True)))


if __name__ == "__main__":
    main()
