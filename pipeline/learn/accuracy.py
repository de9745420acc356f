"""Pixel and object accuracy with intervals, from counts that can be taken block by block."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import Any

import numpy as np
import shapely
from numpy.typing import ArrayLike, NDArray

from pipeline.intervals import wilson

SCORE_BINS = 1000
FOUND_SHARE = 0.3
_DRAWS = 1000
_SEED = 20_260_101


@dataclass(frozen=True)
class PixelCounts:
    """Counts of one block: pixels right, wrongly predicted, missed, rightly left; score histograms by truth.

    ``change`` and ``calm``: int64 (SCORE_BINS,) pixels per score bin inside and outside the true change;
    ``unscored``: labelled pixels without a score, of them ``unscored_change`` true change.
    """

    both: int
    predicted_only: int
    truth_only: int
    neither: int
    change: NDArray[np.int64]
    calm: NDArray[np.int64]
    unscored: int
    unscored_change: int


def count_pixels(
    predicted: NDArray[np.bool_],
    truth: NDArray[np.bool_],
    labelled: NDArray[np.bool_],
    score: NDArray[np.float32] | None = None,
) -> PixelCounts:
    """Counts of a block; arrays (rows, cols). Only ``labelled`` pixels count; NaN scores are told apart."""
    hit, wrong = int((predicted & truth & labelled).sum()), int((predicted & ~truth & labelled).sum())
    missed = int((~predicted & truth & labelled).sum())
    change = calm = np.zeros(SCORE_BINS, dtype=np.int64)
    unscored = unscored_change = 0
    if score is not None:
        known = labelled & np.isfinite(score)
        unscored, unscored_change = int((labelled & ~known).sum()), int((labelled & ~known & truth).sum())
        level = np.clip(score[known].astype(np.float64), 0.0, 1.0)
        bins = np.minimum((level * SCORE_BINS).astype(np.int64), SCORE_BINS - 1)
        change = np.bincount(bins[truth[known]], minlength=SCORE_BINS).astype(np.int64)
        calm = np.bincount(bins[~truth[known]], minlength=SCORE_BINS).astype(np.int64)
    left = int(labelled.sum()) - hit - wrong - missed
    return PixelCounts(hit, wrong, missed, left, change, calm, unscored, unscored_change)


def pixel_accuracy(blocks: list[PixelCounts], *, confidence: float) -> dict[str, Any]:
    """Precision, recall, F1 and IoU over all blocks, with intervals from a bootstrap over blocks.

    Neighbouring pixels are not independent, so whole blocks are drawn with replacement (1000 draws, fixed seed); with
    fewer than two blocks there is no interval. Undefined shares are None.
    """
    counts = np.array([[b.both, b.predicted_only, b.truth_only, b.neither] for b in blocks], dtype=np.float64)
    total = counts.reshape(-1, 4).sum(axis=0)
    draws = np.zeros((0, 4))
    if len(blocks) >= 2:
        picks = np.random.default_rng(_SEED).multinomial(
            len(blocks), np.full(len(blocks), 1 / len(blocks)), size=_DRAWS
        )
        draws = picks @ counts
    result: dict[str, Any] = {
        "pixels": int(total.sum()),
        "true_change_pixels": int(total[0] + total[2]),
        "predicted_pixels": int(total[0] + total[1]),
        "blocks": len(blocks),
        "confidence": confidence,
    }
    tail = (1.0 - confidence) / 2.0
    for name, value, spread in zip(_NAMES, _shares(total[None]), _shares(draws), strict=True):
        known = spread[np.isfinite(spread)]
        interval = np.quantile(known, [tail, 1.0 - tail]).tolist() if len(known) else None
        result[name] = {"value": _plain(value[0]), "interval": interval}
    return result


_NAMES = ("precision", "recall", "f1", "iou")


def _shares(counts: NDArray[np.float64]) -> tuple[NDArray[np.float64], ...]:
    both, predicted_only, truth_only = counts[:, 0], counts[:, 1], counts[:, 2]
    with np.errstate(divide="ignore", invalid="ignore"):
        return (
            both / (both + predicted_only),
            both / (both + truth_only),
            2 * both / (2 * both + predicted_only + truth_only),
            both / (both + predicted_only + truth_only),
        )


def score_accuracy(blocks: list[PixelCounts]) -> dict[str, Any]:
    """Average precision and a reliability table of the score, over all blocks.

    Average precision is the step-wise area under precision-recall at 1000 score levels. The table has ten score
    classes with their pixels, mean score (class bin centres) and the share that truly changed; ``calibration_error``
    is the pixel-weighted mean gap between the two.
    """
    change, calm = np.zeros(SCORE_BINS, dtype=np.int64), np.zeros(SCORE_BINS, dtype=np.int64)
    for block in blocks:
        change, calm = change + block.change, calm + block.calm
    hits, taken = np.cumsum(change[::-1]), np.cumsum((change + calm)[::-1])
    precision = hits / np.maximum(taken, 1)
    average = float((precision * change[::-1]).sum() / hits[-1]) if hits[-1] else None
    centres = (np.arange(SCORE_BINS) + 0.5) / SCORE_BINS
    table, gap = [], 0.0
    for low in range(0, SCORE_BINS, SCORE_BINS // 10):
        part = slice(low, low + SCORE_BINS // 10)
        pixels = int(change[part].sum() + calm[part].sum())
        if not pixels:
            continue
        mean = float((centres[part] * (change + calm)[part]).sum() / pixels)
        share = float(change[part].sum() / pixels)
        gap += pixels * abs(mean - share)
        table.append({"from": low / SCORE_BINS, "pixels": pixels, "mean_score": mean, "changed_share": share})
    scored = int((change + calm).sum())
    return {
        "average_precision": average,
        "reliability": table,
        "calibration_error": gap / scored if scored else None,
        "scored_pixels": scored,
        "unscored_pixels": sum(b.unscored for b in blocks),
        "unscored_change_pixels": sum(b.unscored_change for b in blocks),
    }


def object_accuracy(
    predicted: ArrayLike, truth: ArrayLike, *, confidence: float, min_truth_area: float = 0.0
) -> dict[str, Any]:
    """Objects found and objects right, with Wilson intervals.

    ``predicted`` and ``truth``: polygons in one CRS. A true object is found if at least 30 % of it is covered, a
    predicted one is right if at least 30 % of it lies inside truth of any size. True objects smaller than
    ``min_truth_area`` (square CRS units) are not asked for.
    """
    mine, theirs = _polygons(predicted), _polygons(truth)
    asked = theirs[shapely.area(theirs) >= min_truth_area]
    found = int((covered_share(asked, mine) >= FOUND_SHARE).sum())
    right = int((covered_share(mine, theirs) >= FOUND_SHARE).sum())
    recall, precision = _share(found, len(asked), confidence), _share(right, len(mine), confidence)
    both = [recall["value"], precision["value"]]
    f1 = None if None in both else 2 * both[0] * both[1] / sum(both) if sum(both) else 0.0
    return {
        "rule": f"found or right from {FOUND_SHARE:.0%} of the object's area",
        "true_objects": len(asked),
        "found": found,
        "predicted_objects": len(mine),
        "right": right,
        "recall": recall,
        "precision": precision,
        "f1": f1,
        "confidence": confidence,
    }


def area_accuracy(predicted: ArrayLike, truth: ArrayLike) -> dict[str, Any]:
    """Overlap of two sets of polygons in one CRS: shares of area, None where undefined."""
    mine, theirs = shapely.union_all(_polygons(predicted)), shapely.union_all(_polygons(truth))
    both = float(mine.intersection(theirs).area)
    union = mine.area + theirs.area - both
    return {
        "precision": both / mine.area if mine.area else None,
        "recall": both / theirs.area if theirs.area else None,
        "iou": both / union if union else None,
    }


def covered_share(objects: NDArray[np.object_], cover: NDArray[np.object_]) -> NDArray[np.float64]:
    """Share of each polygon of ``objects`` that the union of ``cover`` covers, 0..1."""
    tree = shapely.STRtree(cover)
    shares = np.zeros(len(objects), dtype=np.float64)
    for at, shape in enumerate(objects):
        near = np.sort(tree.query(shape, predicate="intersects"))
        if len(near) and shape.area > 0:
            shares[at] = shapely.intersection(shape, shapely.union_all(cover[near])).area / shape.area
    return shares


def _share(successes: int, trials: int, confidence: float) -> dict[str, Any]:
    interval = list(wilson(successes, trials, confidence=confidence)) if trials else None
    return {"value": successes / trials if trials else None, "interval": interval}


def _polygons(shapes: ArrayLike) -> NDArray[np.object_]:
    array = np.asarray(shapes, dtype=object).reshape(-1)
    valid = shapely.make_valid(array)
    return np.asarray(valid[~(shapely.is_missing(valid) | shapely.is_empty(valid))], dtype=object)


def _plain(value: float) -> float | None:
    return float(value) if math.isfinite(value) else None
