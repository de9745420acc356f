"""`xuncha train`: labelled pairs to a model that is written only when places it never saw say that it is better."""

from __future__ import annotations

import shutil
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np

from pipeline.detect.model import Model
from pipeline.errors import InputError, StageError
from pipeline.execute import Execution
from pipeline.learn.calibrate import brier_skill, calibration_error
from pipeline.learn.delineation import SHARE, Tally, summed, tally
from pipeline.learn.fit import Fit, TreeOptions, folds
from pipeline.learn.places import LEAST_PLACES, held_out
from pipeline.sources.model import write_model
from pipeline.sources.network import Network
from pipeline.sources.pairs import LabelledPair
from pipeline.stages.base import StageOutcome
from pipeline.stages.models import ALIKE_RADIUS_M, model_options, scorer_of
from pipeline.stages.objects import hand_scorer, is_candidate
from pipeline.stages.train_columns import wanted_columns
from pipeline.stages.train_objects import (
    ObjectFit,
    burned,
    fit_objects,
    levels_of,
    objects_of,
    options_at,
)
from pipeline.stages.train_pixels import PixelFit, fit_pixels
from pipeline.stages.train_places import Opened, Place, open_pairs, prepare

FOLDS = 3
GAIN = 0.01
SMOOTH = 0.0
PIXEL_TREES = TreeOptions()


@dataclass(frozen=True)
class Trained:
    """A fitted model, what of it goes into the manifest, and how it did where it was fitted (out of fold)."""

    model: Model
    pixel_parts: dict[str, tuple[Fit, ...]]
    object_parts: tuple[Fit, ...]
    figures: dict[str, Any]


def train_pairs(
    pairs: Sequence[LabelledPair],
    models: Path,
    *,
    name: str,
    licence: str,
    use: str = "pair",
    profile: str = "auto",
    deciding: Sequence[str] = (),
    network: Network | None = None,
    work: Path,
    execution: Execution,
) -> StageOutcome:
    """Fit, decide on held-out places, and write ``models/<name>/<version>``.

    ``deciding``: the held-out places, else drawn by their names. Raises InputError E804 where the pairs do not do, and
    StageError E805, with nothing written, where the model is no better than the hand weights.
    """
    opened_pairs = open_pairs(list(pairs), profile=profile)
    names = sorted({one.pair.place for one in opened_pairs})
    if len(names) < LEAST_PLACES:
        raise InputError("E804", f"{len(names)} places", f"give pairs of at least {LEAST_PLACES} places")
    apart = tuple(sorted(deciding)) or held_out(names)
    unknown = [place for place in apart if place not in names]
    if unknown or len(names) - len(apart) < LEAST_PLACES - 1:
        raise InputError("E804", f"held-out places {', '.join(apart)} of {len(names)}", "name places that are there")
    shutil.rmtree(work, ignore_errors=True)
    try:
        places = prepared(opened_pairs, work, use=use, network=network, execution=execution)
        teaching = [place for place in places if place.name not in apart]
        judging = [place for place in places if place.name in apart]
        trained = fit_model(teaching, name=name, network=network, execution=execution)
        verdict = judged(trained.model, judging, execution=execution)
    finally:
        shutil.rmtree(work, ignore_errors=True)
    refused = refusal(verdict)
    if refused:
        raise StageError("E805", f"{name}: {refused} on {', '.join(apart)}", "nothing was written; label more places")
    folder = models / name / next_version(models / name)
    path = store(
        trained,
        folder,
        places=[place.name for place in teaching],
        apart=apart,
        verdict=verdict,
        licence=licence,
        network=network,
    )
    notes = (
        f"held out: {', '.join(apart)}",
        *(f"{who}: {_words(verdict[who])}" for who in ("model", "default")),
        f"use it with --model {path.parent}, or in config.yaml under detect: model:",
    )
    return StageOutcome(
        counts={"places": len(names), "held_out": len(apart)}, notes=notes, publish={"model": str(path)}
    )


def prepared(
    found: Sequence[Opened], work: Path, *, use: str, network: Network | None = None, execution: Execution
) -> list[Place]:
    """Every pair aligned, with its features, below ``work``; InputError E804 where a place teaches nothing."""
    columns = wanted_columns(ranks=use == "pair", network=network is not None)
    places = [
        prepare(one, work / f"{number:04d}", wanted=columns, network=network, execution=execution)
        for number, one in enumerate(found)
    ]
    blank = [place.name for place in places if not place.usable.any()]
    if blank:
        raise InputError("E804", f"no labelled, observable pixel in {', '.join(blank)}", "leave these pairs away")
    if not any((place.truth & place.usable).any() for place in places):
        raise InputError("E804", "no pixel is labelled as new construction", "labels: 1 = new construction, 0 = none")
    return places


def fit_model(places: Sequence[Place], *, name: str, network: Network | None = None, execution: Execution) -> Trained:
    """Pixel stages, levels and object stage, every choice made on out-of-fold scores of ``places``."""
    groups = folds([place.name for place in places], most=FOLDS)
    pixels = fit_pixels(places, groups, trees=PIXEL_TREES)
    levels, delineated = levels_of(places, pixels.odds, SMOOTH)
    objects = []
    for place, raster in zip(places, pixels.odds, strict=True):
        options = replace(options_at(place, levels, smooth=SMOOTH), alike_radius_px=_alike(place))
        objects.append(objects_of(place, options, raster=raster, execution=execution))
    stage = fit_objects(places, objects, groups)
    model = _model(places, pixels, stage, objects_at=options_at(places[0], levels, smooth=SMOOTH), name=name)
    model = replace(model, network=network.sha256 if network is not None else None)
    return Trained(model, pixels.parts, stage.fits, _figures(pixels, stage, delineated))


def _alike(place: Place) -> int:
    return int(np.ceil(ALIKE_RADIUS_M / (place.pixel_m or 10.0)))


def _model(places: Sequence[Place], pixels: PixelFit, stage: ObjectFit, *, objects_at: Any, name: str) -> Model:
    sizes = [place.pixel_m for place in places if place.pixel_m is not None]
    return Model(
        name=name,
        version="",
        evidence="pair",
        profile=places[0].profile,
        bands=places[0].pair.bands,
        calibrated=all(place.calibrated for place in places),
        gsd_m=(round(min(sizes) * 0.8, 4), round(max(sizes) * 1.25, 4)) if sizes else None,
        prior=places[0].options.prior,
        pixel=pixels.stage,
        objects=stage.stage,
        strong_probability=objects_at.strong_probability,
        weak_probability=objects_at.weak_probability,
        min_probability=stage.least,
        smooth=SMOOTH,
    )


def _figures(pixels: PixelFit, stage: ObjectFit, delineated: Tally) -> dict[str, Any]:
    return {
        "log_loss": {**pixels.losses, "objects": stage.losses},
        "delineated": _rounded(delineated.figures()),
        "candidates": _rounded(stage.tally.figures()),
        "objects": len(stage.truth),
        "true_objects": int(stage.truth.sum()),
        "calibration_error": _round(calibration_error(stage.probability, stage.truth)),
        "brier_skill": _round(brier_skill(stage.probability, stage.truth)),
    }


def judged(model: Model, places: Sequence[Place], *, execution: Execution) -> dict[str, dict[str, Any]]:
    """How the model and the hand weights do on places that neither has seen."""
    verdict = {}
    for who in ("model", "default"):
        counts, chances, truths = [], [], []
        for place in places:
            options, scorer = place.options, hand_scorer(place.options)
            if who == "model":
                options, scorer = model_options(model, place.options, pixel_m=place.pixel_m), scorer_of(model)  # type: ignore[assignment]
            rows = objects_of(place, options, raster=None, scorer=scorer, execution=execution)
            kept = [row for row in rows if is_candidate(row, options)]
            counts.append(tally(burned(kept, place), place.truth, place.usable, square_km=place.square_km()))
            chances += [float(str(row["probability"])) for row in rows]
            truths += [float(str(row["share"])) >= SHARE for row in rows]
        total = summed(counts)
        chance, truth = np.array(chances), np.array(truths, dtype=bool)
        verdict[who] = {
            **_rounded(total.figures()),
            "objects": len(truth),
            "calibration_error": _round(calibration_error(chance, truth)),
            "brier_skill": _round(brier_skill(chance, truth)),
        }
    return verdict


def refusal(verdict: Mapping[str, Mapping[str, Any]]) -> str:
    """Why a model is refused, empty where it is not.

    It must raise the mean of pixel and object F1 by :data:`GAIN`, and its probabilities must not be worse than always
    saying the base rate.
    """
    mine, default = (0.5 * (verdict[who]["pixel_f1"] + verdict[who]["object_f1"]) for who in ("model", "default"))
    if mine < default + GAIN:
        return f"mean of pixel and object F1 {mine:.3f}, {default:.3f} with the weights in use"
    skill = verdict["model"]["brier_skill"]
    if skill is not None and skill < 0.0:
        return f"its probabilities are worse than the base rate (Brier skill {skill:.3f})"
    return ""


def next_version(folder: Path) -> str:
    """``0001`` and on: no version is ever written twice."""
    taken = [int(path.name) for path in folder.glob("[0-9][0-9][0-9][0-9]")] if folder.is_dir() else []
    return f"{max(taken, default=0) + 1:04d}"


def store(
    trained: Trained,
    folder: Path,
    *,
    places: Sequence[str],
    apart: Sequence[str],
    verdict: Mapping[str, Any],
    licence: str,
    network: Network | None = None,
) -> Path:
    """Write the model's folder; returns its manifest."""
    model, pixel = trained.model, trained.model.pixel
    arrays: dict[str, Any] = {}
    described: dict[str, Any] = {"pixel": None, "objects": None}
    if pixel is not None:
        described["pixel"] = {
            "columns": [str(column) for column in pixel.columns],
            "surroundings": list(pixel.surroundings),
            "hand_share": pixel.hand_share,
            **{key: _parts(key, fits, arrays) for key, fits in trained.pixel_parts.items()},
        }
        arrays |= {"pixel_line_odds": pixel.line.odds, "pixel_line_to": pixel.line.calibrated}
    if model.objects is not None:
        described["objects"] = {
            "features": list(model.objects.features),
            "blend": _parts("object", trained.object_parts, arrays),
        }
        arrays |= {"object_line_odds": model.objects.line.odds, "object_line_to": model.objects.line.calibrated}
    manifest = {
        "name": model.name,
        "version": folder.name,
        "evidence": model.evidence,
        "profile": model.profile,
        "bands": list(model.bands),
        "reflectance": model.calibrated,
        "gsd_m": list(model.gsd_m) if model.gsd_m is not None else None,
        "prior_log_odds": model.prior,
        **described,
        "network": {"name": network.name, "sha256": network.sha256, "licence": network.licence} if network else None,
        "thresholds": {
            "strong": model.strong_probability,
            "weak": model.weak_probability,
            "least": model.min_probability,
            "smooth": model.smooth,
        },
        "trained_on": sorted(set(places)),
        "held_out": list(apart),
        "figures": {"out_of_fold": trained.figures, "held_out": dict(verdict)},
        "licence": licence,
    }
    return write_model(folder, manifest, arrays)


def _parts(prefix: str, fits: Sequence[Fit], arrays: dict[str, Any]) -> list[dict[str, Any]]:
    for number, fit in enumerate(fits, start=1):
        arrays |= {f"{prefix}{number}_{key}": array for key, array in fit.arrays.items()}
    return [{"kind": fit.kind, "base": fit.base} for fit in fits]


def _round(value: float | None) -> float | None:
    return None if value is None else round(value, 4)


def _rounded(figures: Mapping[str, float]) -> dict[str, float]:
    return {name: round(value, 4) for name, value in figures.items()}


def _words(figures: Mapping[str, Any]) -> str:
    return ", ".join(f"{name} {value}" for name, value in figures.items())
