"""A trained model from its folder to the detection: loaded, checked against the images, in place of the hand weights."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import replace
from pathlib import Path

from pipeline.detect.model import Model, model_of, unknown_features
from pipeline.detect.scorer import TrainedScorer
from pipeline.errors import InputError
from pipeline.sources.model import manifest_path, read_model
from pipeline.sources.network import Network
from pipeline.stages.objects import DetectOptions

ALIKE_RADIUS_M = 1500.0
_TOLERANCE = 1e-3


def load_model(given: Path) -> Model:
    """A model's manifest and numbers; raises InputError E801 (missing, damaged, edited) or E803 (newer program)."""
    manifest, arrays = read_model(given)
    path = manifest_path(given)
    unknown = unknown_features(manifest)
    if unknown:
        raise InputError(
            "E803", f"{path} needs {', '.join(unknown[:5])}, which this program lacks", "update the program"
        )
    try:
        return model_of(manifest, arrays)
    except (KeyError, TypeError, ValueError, IndexError) as problem:
        raise InputError("E801", f"{path}: {problem!r}", "train the model again") from problem


def require_fit(model: Model, *, bands: tuple[str, ...], profile: str, pixel_m: float | None, evidence: str) -> None:
    """Raise InputError E802 where the model was trained on other bands, another profile, pixel size or kind of look."""
    name = f"model {model.name} {model.version}"
    hint = "choose a model trained on such images, or leave --model away"
    if model.pixel is None and evidence != "month":
        raise InputError("E802", f"{name} is trained on the month's targets, not on pairs", hint)
    lacking = [band for band in model.bands if band not in bands]
    if lacking:
        raise InputError("E802", f"{name} needs {' '.join(model.bands)}; the images have {' '.join(bands)}", hint)
    if profile != model.profile:
        raise InputError("E802", f"{name} is for profile {model.profile}, the images are {profile}", hint)
    if (
        model.gsd_m is not None
        and pixel_m is not None
        and not (model.gsd_m[0] * (1.0 - _TOLERANCE) <= pixel_m <= model.gsd_m[1] * (1.0 + _TOLERANCE))
    ):
        span = f"{model.gsd_m[0]:g} to {model.gsd_m[1]:g} m"
        raise InputError("E802", f"{name} is for pixels of {span}, the images have {pixel_m:.3g} m", hint)


def configured_model(city: Path, models: Mapping[str, str], source: str, profile: str) -> Path | None:
    """The model folder that a configuration names for a source, or for its profile; None where it names none."""
    named = models.get(source, models.get(profile))
    return city / named if named is not None else None


def load_for_month(given: Path, *, bands: tuple[str, ...], profile: str, pixel_m: float) -> Model:
    """A model for the month's images, checked against them.

    Raises InputError as :func:`load_model` and :func:`require_fit`, and E802 for a model that presumes change in every
    scene: a month changes so little that its ranks would all be false.
    """
    model = load_model(given)
    require_fit(model, bands=bands, profile=profile, pixel_m=pixel_m, evidence="month")
    require_network(model, None)
    if model.pixel is not None and model.pixel.ranks:
        raise InputError(
            "E802",
            f"model {model.name} {model.version} is trained on pairs years apart and presumes change in every scene",
            "train one with --use month, or from outcomes",
        )
    return model


def require_network(model: Model | None, network: Network | None) -> None:
    """Raise InputError E104 for a network without a model that uses it, E802 where the model needs another or one."""
    wanted = model.network if model is not None else None
    if network is not None and wanted is None:
        raise InputError(
            "E104", f"network {network.name}: no model that uses it", "train one with it: xuncha train --network"
        )
    if model is not None and wanted != (network.sha256 if network is not None else None):
        raise InputError(
            "E802", f"model {model.name} {model.version} was trained with another network", "name it with --network"
        )


def scorer_of(model: Model, *, evidence: str = "pair") -> TrainedScorer:
    """The model's stages as a scorer; an object stage answers only for the evidence it was trained on."""
    return TrainedScorer(model.pixel, model.objects if model.evidence == evidence else None, model.prior)


def model_options(model: Model, options: DetectOptions, *, pixel_m: float | None) -> DetectOptions:
    """A pair's options with the model's own prior, thresholds and smoothing."""
    if model.pixel is None:
        return options
    return replace(
        options,
        prior=model.prior,
        strong_probability=model.strong_probability,
        listed_probability=None,
        weak_probability=model.weak_probability,
        min_probability=model.min_probability,
        smooth_px=model.smooth * options.scale_px,
        alike_radius_px=math.ceil(ALIKE_RADIUS_M / (pixel_m or 10.0)),
    )
