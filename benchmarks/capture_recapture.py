"""Do the intervals for what nobody saw hold? Cities simulated without imagery, with known numbers of sites.

usage: python -m benchmarks.capture_recapture [--cities 300] [--seed 1]

A site has a size, a stage and a cell with a risk class; satellite and patrols find it with chances that depend on all
three, independently given them. What is written down is not exact: areas carry noise, stages are misread, some finds
come only after the dispatch. Scenarios:

blind      patrols know nothing of the list; a fifth of their finds falls after the dispatch
told       after the dispatch 60 % of the listed sites not yet found are reported because they were dispatched, half of
           those reports with the target's id
leaked     the same, but written back to days before the dispatch; a tenth of the targets was held back
hidden     sites differ in a way no stratum shows, to both lists alike: only the lower limit may be believed

Per scenario: share of cities whose interval holds the true number, whose lower limit does, median width against the
same estimator given the true strata, how often a naive Chapman estimate of all finds would hold it, and how often the
estimate warns of the dispatch. Then the audit: 60 of 400 cells fully checked, intervals of the number of sites, of the
satellite's recall and precision, with the width of the same sample stratified by the true risk.
"""

from __future__ import annotations

import argparse
import math
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.intervals import chapman, chapman_interval
from pipeline.reconcile.audit import Estimate, audit_share, audit_total
from pipeline.reconcile.capture import estimate_population, leaked_list, told_finds
from pipeline.reconcile.estimate import allocate

SCENARIOS = ("blind", "told", "leaked", "hidden")
FACTORS = ("size", "risk", "stage")
CONFIDENCE = 0.95
_CELLS, _AUDITED = 400, 60
_TOLD, _LATE, _HELD_BACK = 0.6, 0.2, 0.1
# Chances of a small, low, remote site, and what a large, built, nearby one adds on the logit scale.
_SATELLITE = {"base": -0.9, "size": 1.9, "stage": 0.6, "risk": 0.0}
_PATROL = {"base": -1.1, "size": 0.9, "stage": 0.4, "risk": 1.2}


@dataclass(frozen=True)
class City:
    """One row per site with its truth, what was written of it and by whom it was found; sites per audited cell."""

    sites: pd.DataFrame
    cells: pd.DataFrame


def simulate(seed: int, scenario: str) -> City:
    """A city of about 300 sites over 400 cells; ``found``: no, before, after (the dispatch)."""
    random = np.random.default_rng([20_261_101, seed, SCENARIOS.index(scenario)])
    risky = np.arange(_CELLS) < _CELLS * 0.3
    count = random.poisson(np.where(risky, 1.5, 0.45))
    cell = np.repeat(np.arange(_CELLS), count)
    n = len(cell)
    area = np.exp(random.normal(np.log(1300.0), 0.9, n))
    large, built, risk = area >= 1300.0, random.random(n) < 0.5, risky[cell]
    hidden = random.normal(0.0, 1.0, n) if scenario == "hidden" else np.zeros(n)
    satellite = random.random(n) < _chance(_SATELLITE, large, built, risk, hidden)
    patrol = random.random(n) < _chance(_PATROL, large, built, risk, hidden)
    late = random.random(n) < _LATE
    found = np.where(patrol, np.where(late, "after", "before"), "no")
    held = satellite & (random.random(n) < _HELD_BACK) if scenario == "leaked" else np.zeros(n, dtype=bool)
    if scenario in ("told", "leaked"):
        told = satellite & ~held & (found == "no") & (random.random(n) < _TOLD)
        found = np.where(told, "after" if scenario == "told" else "before", found)
    quoted = np.zeros(n, dtype=bool)
    if scenario == "told":
        quoted = told & (random.random(n) < 0.5)
    written = area * np.exp(random.normal(0.0, 0.15, n))
    misread = random.random(n) < 0.1
    sites = pd.DataFrame(
        {"cell": cell, "satellite": satellite, "found": found, "held": held, "quoted": quoted,
         "size_true": large, "stage_true": built, "risk_true": risk,
         "size": written >= 1300.0, "stage": built ^ misread, "risk": risk}
    )  # fmt: skip
    wrong = random.poisson(0.12, _CELLS)
    hit = np.bincount(cell[satellite], minlength=_CELLS)
    # the bureau's own idea of risk is right for four cells of five
    guess = risky ^ (random.random(_CELLS) < 0.2)
    cells = pd.DataFrame(
        {"cell_id": [f"C{i:03d}" for i in range(_CELLS)], "sites": count, "hit": hit, "targets": hit + wrong,
         "risk": guess.astype(str), "risk_true": risky.astype(str), "draw": random.random(_CELLS)}
    )  # fmt: skip
    return City(sites, cells)


def _chance(
    terms: dict[str, float],
    large: NDArray[np.bool_],
    built: NDArray[np.bool_],
    risk: NDArray[np.bool_],
    hidden: NDArray[np.float64],
) -> NDArray[np.float64]:
    logit = terms["base"] + terms["size"] * large + terms["stage"] * built + terms["risk"] * risk + hidden
    return np.asarray(1.0 / (1.0 + np.exp(-logit)))


def judge_capture(city: City) -> dict[str, float]:
    """The estimate of one city against its truth."""
    sites, n = city.sites, len(city.sites)
    on, before, after = sites["satellite"], sites["found"] == "before", sites["found"] == "after"
    ours = estimate_population(sites.assign(patrol=before), FACTORS, confidence=CONFIDENCE)
    true_strata = [f"{name}_true" for name in FACTORS]
    ideal = estimate_population(sites.assign(patrol=before), true_strata, confidence=CONFIDENCE)
    split = {
        "before": (int((before & on).sum()), int((before & ~on).sum())),
        "after": (int((after & on).sum()), int((after & ~on).sum())),
    }
    unquoted = told_finds(**split)
    warned = told_finds(**split, quoted=int(sites["quoted"].sum()))
    sent, held = on & ~sites["held"], sites["held"]
    warned += leaked_list(
        dispatched=(int((sent & before).sum()), int((sent & ~before).sum())),
        held_back=(int((held & before).sum()), int((held & ~before).sum())),
    )
    first, second, both = int(on.sum()), int((before | after).sum()), int((on & (before | after)).sum())
    low, high = chapman_interval(first, second, both, confidence=CONFIDENCE)
    return {
        "holds": ours.low <= n <= ours.high,
        "low_holds": ours.low <= n,
        "width": ours.high - ours.low,
        "ideal_holds": ideal.low <= n <= ideal.high,
        "ideal_width": ideal.high - ideal.low,
        "bias": ours.value / n - 1.0,
        "naive_holds": low <= n <= high,
        "naive_bias": chapman(first, second, both) / n - 1.0,
        "warns": bool(warned),
        "warns_unquoted": bool(unquoted),
    }


def judge_audit(city: City) -> dict[str, float]:
    """The audit of one city against its truth, stratified by the bureau's idea of risk and by the true one."""
    cells, result = city.cells, {}
    truth = {
        "number": float(cells["sites"].sum()),
        "recall": cells["hit"].sum() / cells["sites"].sum(),
        "precision": cells["hit"].sum() / cells["targets"].sum(),
    }
    for name, column in (("", "risk"), ("ideal_", "risk_true")):
        for figure, estimate in _audit(cells, column).items():
            result[f"{name}{figure}_holds"] = float(estimate.low <= truth[figure] <= estimate.high)
            result[f"{name}{figure}_width"] = estimate.high - estimate.low
            result[f"{name}{figure}_bias"] = estimate.value / truth[figure] - 1.0
    return result


def _audit(cells: pd.DataFrame, column: str) -> dict[str, Estimate]:
    cells = cells.assign(stratum=cells[column])
    sizes = {str(name): len(part) for name, part in cells.groupby("stratum")}
    drawn = dict(zip(sizes, allocate(list(sizes.values()), _AUDITED), strict=True))
    place = cells.groupby("stratum")["draw"].rank(method="first")
    checked = cells[place <= cells["stratum"].map(drawn)]
    return {
        "number": audit_total(checked, "sites", sizes, confidence=CONFIDENCE),
        "recall": audit_share(checked, "hit", "sites", sizes, confidence=CONFIDENCE),
        "precision": audit_share(checked, "hit", "targets", sizes, confidence=CONFIDENCE),
    }


def table(cities: int, seed: int) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Capture figures per scenario, audit figures per quantity, over ``cities`` cities each."""
    rows = []
    for scenario in SCENARIOS:
        frame = pd.DataFrame([judge_capture(simulate(seed + k, scenario)) for k in range(cities)])
        means = frame.mean()
        ratio = frame["width"].median() / frame["ideal_width"].median()
        rows.append({"scenario": scenario, **means.drop(["width", "ideal_width"]), "width": frame["width"].median(),
                     "width_ratio": ratio})  # fmt: skip
    audits = pd.DataFrame([judge_audit(simulate(seed + k, "blind")) for k in range(cities)])
    parts = []
    for figure in ("number", "recall", "precision"):
        ratio = audits[f"{figure}_width"].median() / audits[f"ideal_{figure}_width"].median()
        parts.append({"figure": figure, "holds": audits[f"{figure}_holds"].mean(), "bias": audits[f"{figure}_bias"].mean(),
                      "width": audits[f"{figure}_width"].median(), "width_ratio": ratio})  # fmt: skip
    return pd.DataFrame(rows).set_index("scenario"), pd.DataFrame(parts).set_index("figure")


def main(arguments: Sequence[str] | None = None) -> None:
    """Print both tables; the sampling error of a share near 0.95 of 300 cities is 0.0126."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--cities", type=int, default=300)
    parser.add_argument("--seed", type=int, default=1)
    options = parser.parse_args(arguments)
    capture, audit = table(options.cities, options.seed)
    print(capture.round(3).to_string())
    print(audit.round(3).to_string())
    print(f"sampling error of a share near 0.95: {math.sqrt(0.95 * 0.05 / options.cities):.4f}")


if __name__ == "__main__":
    main()
