"""Learning from what people found: field-checked targets of a city's runs, with the imagery evidence the runs hold."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import replace
from functools import partial
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray

from pipeline.config import load_config
from pipeline.detect.model import Line, Model, ObjectStage
from pipeline.detect.score import probability
from pipeline.detect.scorer import row_measures
from pipeline.errors import InputError, StageError
from pipeline.learn.calibrate import brier_skill, calibration_error, fit_curve
from pipeline.learn.crossfit import Crossed, Sample, crossfit
from pipeline.learn.fit import Fit, fit_logistic, fit_trees, folds
from pipeline.learn.places import LEAST_PLACES, held_out
from pipeline.schema import CANDIDATES, TARGETS
from pipeline.sources.records import read_records
from pipeline.stages.base import StageOutcome
from pipeline.stages.train import Trained, next_version, store
from pipeline.stages.train_objects import OBJECT_PENALTY, OBJECT_SIGNS, OBJECT_TREES
from pipeline.stages.train_pixels import answer, blend_of
from pipeline.store import read_table
from pipeline.values import Outcome

FEATURES: tuple[str, ...] = (
    "plain_odds", "log_area", "change_score", "change_score_max", "novelty", "ndvi_before", "ndvi_after",
    "brightness_before", "brightness_after", "correlation", "rectangularity", "edge_contrast", "clear_share",
    "clear_looks", "alike_share",
)  # fmt: skip
REAL = (Outcome.VIOLATION, Outcome.LAWFUL)
LEAST_OUTCOMES, LEAST_OF_EACH = 40, 8
FULL_TRUST = 200
SQUARE_M = 3000.0
FOLDS = 6
_WIDE = 5.0


def train_outcomes(city: Path, models: Path, *, name: str, licence: str) -> StageOutcome:
    """Fit the object stage to checked targets, decide on squares of the city left apart, write it below ``models``.

    Raises InputError E804 for too few outcomes, StageError E805 where held-out probabilities are no better than the
    present ones.
    """
    config = load_config(city / "config.yaml")
    profiles = {source.name: source for source in config.sources}
    checked = checked_targets(city)
    source = _commonest(checked, tuple(profiles))
    checked = checked[checked["source"] == source].reset_index(drop=True)
    truth = checked["outcome"].isin([str(outcome) for outcome in REAL]).to_numpy()
    _require(truth, source)
    squares = _squares(checked)
    apart = held_out(squares.tolist())
    rows = measures_table(checked)
    teach = ~np.isin(squares, apart)
    if len(set(squares[teach])) < LEAST_PLACES - 1 or not (0 < truth[teach].sum() < teach.sum()):
        raise InputError(
            "E804", f"checked targets in {len(set(squares))} squares of 3 km", "check targets elsewhere too"
        )
    sample = Sample(squares[teach], rows[teach], truth[teach], np.ones(int(teach.sum())))
    stage, fits, losses = fit_outcomes(sample)
    plain = checked["probability"].to_numpy(dtype=np.float64)
    said = probability(stage.odds(np.ascontiguousarray(with_plain(rows).T))).astype(np.float64)
    verdict = {who: _judged(chance[~teach], truth[~teach]) for who, chance in (("model", said), ("default", plain))}
    if not verdict["model"]["brier"] < verdict["default"]["brier"]:
        raise StageError(
            "E805",
            f"{name}: Brier score {verdict['model']['brier']:.4f}, {verdict['default']['brier']:.4f} now, "
            f"on {int((~teach).sum())} checked targets held out",
            "nothing was written; check more targets in the field",
        )
    model = _model(config, profiles[source], stage, name=name)
    trained = Trained(model, {}, fits, {"log_loss": losses, "outcomes": len(truth), "real": int(truth.sum())})
    folder = models / name / next_version(models / name)
    places = sorted(set(squares[teach].tolist()))
    path = store(trained, folder, places=places, apart=apart, verdict=verdict, licence=licence)
    notes = (
        f"{len(truth)} checked targets of {source}, {int(truth.sum())} real; held out: {', '.join(apart)}",
        *(f"{who}: {verdict[who]}" for who in ("model", "default")),
    )
    return StageOutcome(
        counts={"outcomes": len(truth), "real": int(truth.sum())}, notes=notes, publish={"model": str(path)}
    )


def checked_targets(city: Path) -> Any:
    """Targets with a last field check of violation, lawful or pseudo_change, each as the first run saw it."""
    checks = read_records(city).field_checks
    wanted = [str(outcome) for outcome in (*REAL, Outcome.PSEUDO_CHANGE)]
    last = checks.sort_values("checked_on", kind="stable").drop_duplicates("target_id", keep="last")
    last = last[last["outcome"].isin(wanted)][["target_id", "outcome"]]
    seen = [
        read_table(path, TARGETS).drop(columns=["outcome"], errors="ignore")
        for path in sorted((city / "runs").glob("*/register/targets.parquet"))
    ]
    if not seen or last.empty:
        raise InputError("E804", f"{city}: no checked target", "record field checks in records/field_checks.csv first")
    found = pd.concat(seen, ignore_index=True).drop_duplicates("target_id", keep="first")
    return found.merge(last, on="target_id", how="inner").sort_values("target_id", kind="stable").reset_index(drop=True)


def measures_table(checked: Any) -> NDArray[np.float32]:
    """Rows (n, feature) of :data:`FEATURES`; what a target does not have is NaN."""
    names = [column.name for column in CANDIDATES.columns]
    rows = []
    for row in checked[[name for name in names if name in checked.columns]].to_dict("records"):
        measures = row_measures({key: value for key, value in row.items() if not pd.isna(value)})
        rows.append([measures.get(name, np.nan) for name in FEATURES])
    return np.asarray(rows, dtype=np.float32).reshape(-1, len(FEATURES))


def with_plain(rows: NDArray[np.float32]) -> NDArray[np.float32]:
    """The rows with the present log odds once more at the end: what few outcomes cannot change."""
    return np.concatenate([rows, rows[:, :1]], axis=1)


def fit_outcomes(sample: Sample) -> tuple[ObjectStage, tuple[Fit, ...], dict[str, float]]:
    """The object stage: few outcomes move the present log odds by n / (n + 200), enough of them replace it."""
    names = (*FEATURES, "plain_odds")
    wide = Sample(sample.places, with_plain(sample.rows), sample.truth, sample.stands_for)
    groups = folds(sample.places.tolist(), most=FOLDS)
    trust = len(sample.truth) / (len(sample.truth) + FULL_TRUST)
    fitters = {"linear": partial(_cautious, trust=trust)}
    if len(sample.truth) >= FULL_TRUST:
        signs = tuple(OBJECT_SIGNS.get(name, 0) for name in names)
        fitters["trees"] = partial(fit_trees, options=OBJECT_TREES, signs=signs)
    crossed: Crossed = crossfit(wide, groups, fitters, answer)
    curve = fit_curve(crossed.odds, sample.truth)
    line = Line(np.array(curve.odds), np.array(curve.calibrated))
    return ObjectStage(names, blend_of(crossed.whole, len(names)), line), crossed.whole, crossed.losses


def _cautious(rows: NDArray, truth: NDArray, weights: NDArray[np.float64], *, trust: float) -> Fit:
    fit = fit_logistic(rows[:, :-1], truth, weights, penalty=OBJECT_PENALTY)
    arrays = {
        "weights": np.append(trust * fit.arrays["weights"], (1.0 - trust) * _WIDE),
        "centre": np.append(fit.arrays["centre"], 0.0),
        "spread": np.append(fit.arrays["spread"], _WIDE),
    }
    return replace(fit, base=trust * fit.base, arrays=arrays)


def _require(truth: NDArray[np.bool_], source: str) -> None:
    real, pseudo = int(truth.sum()), int((~truth).sum())
    if len(truth) < LEAST_OUTCOMES or min(real, pseudo) < LEAST_OF_EACH:
        raise InputError(
            "E804",
            f"{source}: {real} real and {pseudo} pseudo changes checked",
            f"at least {LEAST_OUTCOMES} are needed, {LEAST_OF_EACH} of each",
        )


def _commonest(checked: Any, sources: Sequence[str]) -> str:
    counts = {name: int((checked["source"] == name).sum()) for name in sources}
    return max(sorted(counts), key=lambda name: counts[name])


def _squares(checked: Any) -> NDArray[np.str_]:
    """The 3 km square of every target, as column and row of the city's CRS."""
    middle = checked.geometry.representative_point()
    cols, rows = (np.floor(values.to_numpy() / SQUARE_M).astype(int) for values in (middle.x, middle.y))
    return np.array([f"{col}_{row}" for col, row in zip(cols, rows, strict=True)])


def _judged(chance: NDArray[np.float64], truth: NDArray[np.bool_]) -> dict[str, Any]:
    skill, gap = brier_skill(chance, truth, least=0.0), calibration_error(chance, truth, least=0.0)
    return {
        "targets": len(truth),
        "real": int(truth.sum()),
        "brier": round(float(np.mean((chance - truth) ** 2)), 6),
        "brier_skill": None if skill is None else round(skill, 4),
        "calibration_error": None if gap is None else round(gap, 4),
    }


def _model(config: Any, source: Any, stage: ObjectStage, *, name: str) -> Model:
    detect = config.detect
    bands = ("blue", "green", "red") if source.profile == "vhr" else ("blue", "green", "red", "nir", "swir1", "swir2")
    return Model(
        name=name,
        version="",
        evidence="month",
        profile=source.profile,
        bands=bands,
        calibrated=True,
        gsd_m=(config.city.pixel_m, config.city.pixel_m),
        prior=detect.prior_log_odds,
        pixel=None,
        objects=stage,
        strong_probability=detect.strong_probability,
        weak_probability=detect.weak_probability,
        min_probability=detect.min_probability,
        smooth=1.0,
    )
