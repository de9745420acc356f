"""What is measured of a method on one place, how places are pooled, and how sure the pooled figures are."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from datetime import date
from typing import Any

import numpy as np
from numpy.typing import NDArray
from skimage.measure import label as components
from sklearn.metrics import average_precision_score

from benchmarks.accuracy.peers import Detection
from benchmarks.accuracy.ruler import LEAST_PX, SHARE, Ruler
from benchmarks.accuracy.sets import Scene
from pipeline.area_interval import area_interval
from pipeline.area_rules import area_errors_on

CLASSES_M2 = (0.0, 400.0, 1000.0, 2000.0, 5000.0, 10000.0, np.inf)
"""Lower ends of the size classes of labelled objects, square metres."""
LARGE_M2 = 5000.0
"""From this size on the area error is told apart: below it an object has few pixels of 10 m."""
LEAST_CHANCE, BINS = 0.05, 10
DRAWS, SEED, CONFIDENCE, FEWEST_PLACES = 1000, 20_260_101, 0.95, 3
Figures = dict[str, float | None]


@dataclass(frozen=True)
class Place:
    """One method on one place. ``pixels``: right, false, missed; ``objects``: labelled, found, said, right.

    Of every labelled object: ``sizes_m2``, whether it was ``found``, ``area_errors``, the drawn area over its own
    less one (NaN where nothing was drawn on it), and ``area_holds``, 1 where its own area lies in the interval that the
    product tells of such a drawn area, else 0 (NaN likewise). ``chances`` and ``right``: of every candidate object of ours.
    """

    place: str
    method: str
    pixels: NDArray[np.float64]
    objects: NDArray[np.float64]
    precision: float | None
    km2: float
    sizes_m2: NDArray[np.float64]
    found: NDArray[np.bool_]
    area_errors: NDArray[np.float64]
    area_holds: NDArray[np.float64]
    chances: NDArray[np.float64] = field(default_factory=lambda: np.zeros(0))
    right: NDArray[np.bool_] = field(default_factory=lambda: np.zeros(0, dtype=bool))
    refusal: str = ""


def measured(place: str, detection: Detection, scene: Scene, ruler: Ruler) -> Place:
    """Everything that is counted of one detection; pixels that are not known count nowhere."""
    mask = detection.mask & scene.known
    sizes, found, errors = object_areas(mask, scene.truth)
    if scene.partial:
        errors = np.full_like(errors, np.nan)
    pixel_m2 = scene.gsd_m**2
    precision = None
    if scene.truth.any():
        score = np.asarray(detection.score, dtype=np.float64)[scene.known]
        precision = float(average_precision_score(scene.truth[scene.known], score))
    return Place(
        place=place, method=detection.method, pixels=ruler.pix(mask, scene.truth), objects=ruler.obj(mask, scene.truth),
        precision=precision, km2=float(scene.known.sum()) * pixel_m2 * 1e-6,
        sizes_m2=sizes * pixel_m2, found=found, area_errors=errors, area_holds=_holds(sizes * pixel_m2, errors, scene.gsd_m),
        chances=np.zeros(0) if detection.chances is None else detection.chances,
        right=np.zeros(0, dtype=bool) if detection.right is None else detection.right >= SHARE,
        refusal=detection.refusal,
    )  # fmt: skip


def object_areas(
    mask: NDArray[np.bool_], truth: NDArray[np.bool_]
) -> tuple[NDArray[np.float64], NDArray[np.bool_], NDArray[np.float64]]:
    """Pixels of each labelled object of at least ten, whether it is found, and the error of the area drawn for it.

    A drawn object belongs to the labelled one with which it shares most pixels (ties: the first). The error of a found
    object is the area of all that belongs to it over its own area less one; NaN where it is not found, or lies wholly
    in what was drawn for its neighbour.
    """
    labels, count = components(truth, connectivity=2, return_num=True)
    drawn, drawings = components(mask, connectivity=2, return_num=True)
    areas = np.bincount(labels.ravel(), minlength=count + 1)[1:].astype(np.float64)
    covered = np.bincount(labels[mask], minlength=count + 1)[1:]
    sizes = np.bincount(drawn.ravel(), minlength=drawings + 1)
    both = mask & truth
    shared = np.unique(np.stack([drawn[both], labels[both]]), axis=1, return_counts=True)
    own = np.zeros(count + 1)
    best: dict[int, tuple[int, int]] = {}
    for (drawing, site), pixels in zip(shared[0].T.tolist(), shared[1].tolist(), strict=True):
        if pixels > best.get(drawing, (0, 0))[0]:
            best[drawing] = (pixels, site)
    for drawing, (_, site) in best.items():
        own[site] += sizes[drawing]
    asked = areas >= LEAST_PX
    found = covered >= SHARE * areas
    with np.errstate(invalid="ignore", divide="ignore"):
        errors = np.where(found & (own[1:] > 0), own[1:] / areas - 1.0, np.nan)
    return areas[asked], found[asked], errors[asked]


def _holds(own_m2: NDArray[np.float64], errors: NDArray[np.float64], gsd_m: float) -> NDArray[np.float64]:
    """Whether areas lie in the intervals told of the areas drawn for them, by the errors in force without an end."""
    low, high = area_interval(own_m2 * (1.0 + errors), np.full_like(own_m2, gsd_m), area_errors_on(date.max))
    return np.where(np.isfinite(errors), (low <= own_m2) & (own_m2 <= high), np.nan)


def pooled(places: Sequence[Place]) -> Figures:
    """The figures of a method over places: counts are added up, average precision is the mean over places."""
    pixels, objects = (sum(getattr(one, name) for one in places) for name in ("pixels", "objects"))
    km2 = sum(one.km2 for one in places)
    precisions = [one.precision for one in places if one.precision is not None]
    errors = np.concatenate([one.area_errors for one in places])
    large = np.concatenate([one.sizes_m2 for one in places]) >= LARGE_M2
    precision, recall = _share(pixels[0], pixels[0] + pixels[1]), _share(pixels[0], pixels[0] + pixels[2])
    right, found = _share(objects[3], objects[2]), _share(objects[1], objects[0])
    return {
        "pixel_precision": precision, "pixel_recall": recall, "pixel_f1": _f1(precision, recall),
        "object_precision": right, "object_recall": found, "object_f1": _f1(right, found),
        "average_precision": float(np.mean(precisions)) if precisions else None,
        "false_per_100km2": 100.0 * float(objects[2] - objects[3]) / km2 if km2 else None,
        "area_error": _median_size(errors), "area_error_large": _median_size(errors[large]),
        "area_bias": _median(errors), "area_holds": _mean(np.concatenate([one.area_holds for one in places])),
    }  # fmt: skip


def by_size(places: Sequence[Place]) -> list[dict[str, Any]]:
    """Labelled objects and how many were found by size class; classes without objects are left out."""
    sizes = np.concatenate([one.sizes_m2 for one in places])
    found = np.concatenate([one.found for one in places])
    rows = []
    for low, high in zip(CLASSES_M2, CLASSES_M2[1:], strict=False):
        part = (sizes >= low) & (sizes < high)
        if part.any():
            rows.append({"from_m2": low, "to_m2": high if np.isfinite(high) else None, "objects": int(part.sum()),
                         "found": int(found[part].sum())})  # fmt: skip
    return rows


def calibration(chances: NDArray[np.float64], right: NDArray[np.bool_]) -> dict[str, Any]:
    """How well probabilities of candidate objects (at least .05) agree with the shares that are right.

    ``ece``: mean gap in ten bins of equal count; ``brier_skill``: one less the Brier score over that of the base rate.
    Both are None without candidates, the skill also where all or none are right.
    """
    asked = chances >= LEAST_CHANCE
    order = np.argsort(chances[asked], kind="stable")
    said, true = chances[asked][order], right[asked][order].astype(np.float64)
    bins = [part for part in np.array_split(np.arange(len(said)), BINS) if len(part)]
    table = [
        {"objects": len(part), "said": float(said[part].mean()), "right": float(true[part].mean())} for part in bins
    ]
    result: dict[str, Any] = {"objects": len(said), "right": int(true.sum()), "bins": table}
    if not len(said):
        return {**result, "ece": None, "brier_skill": None}
    base = true.mean()
    gap = sum(row["objects"] * abs(row["said"] - row["right"]) for row in table) / len(said)
    spread = base * (1.0 - base)
    skill = 1.0 - float(((said - true) ** 2).mean()) / spread if spread > 0 else None
    return {**result, "ece": float(gap), "brier_skill": skill}


def place_calibration(places: Sequence[Place]) -> dict[str, Any]:
    """:func:`calibration` over the candidates of all places."""
    return calibration(np.concatenate([one.chances for one in places]), np.concatenate([one.right for one in places]))


def intervals(
    places: Sequence[Place], figures: Callable[[Sequence[Place]], Figures] = pooled
) -> dict[str, tuple[float, float] | None]:
    """Bootstrap interval (95 %) of every figure over places, drawn with replacement; None below three places."""
    names = list(figures(places))
    if len(places) < FEWEST_PLACES:
        return dict.fromkeys(names)
    rng = np.random.default_rng(SEED)
    draws: dict[str, list[float]] = {name: [] for name in names}
    for _ in range(DRAWS):
        picked = figures([places[int(at)] for at in rng.integers(len(places), size=len(places))])
        for name, value in picked.items():
            if value is not None:
                draws[name].append(value)
    tail = (1.0 - CONFIDENCE) / 2.0
    return {name: (float(np.quantile(values, tail)), float(np.quantile(values, 1.0 - tail))) if values else None
            for name, values in draws.items()}  # fmt: skip


def _share(part: float, whole: float) -> float | None:
    return float(part / whole) if whole else None


def _f1(precision: float | None, recall: float | None) -> float | None:
    """Harmonic mean; nothing said of something labelled is 0, nothing labelled has none."""
    if recall is None:
        return None
    both = (precision or 0.0) + recall
    return 2.0 * (precision or 0.0) * recall / both if both else 0.0


def _median(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(np.median(known)) if len(known) else None


def _mean(values: NDArray[np.float64]) -> float | None:
    known = values[np.isfinite(values)]
    return float(known.mean()) if len(known) else None


def _median_size(values: NDArray[np.float64]) -> float | None:
    return _median(np.abs(values))
