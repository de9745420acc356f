"""Which levels of the score cut out objects best, on scores that never saw their own place."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

MaskArray = NDArray[np.bool_]
FloatArray = NDArray[np.float32]
LEAST_PX = 10
SHARE = 0.3
_EIGHT = np.ones((3, 3), dtype=bool)


@dataclass(frozen=True)
class Tally:
    """Pixels right, wrong and missed; true objects and those found; objects said and those right; square kilometres."""

    hit: int = 0
    wrong: int = 0
    missed: int = 0
    asked: int = 0
    found: int = 0
    said: int = 0
    right: int = 0
    square_km: float = 0.0

    def __add__(self, other: Tally) -> Tally:
        mine, theirs = vars(self), vars(other)
        return Tally(**{name: mine[name] + theirs[name] for name in mine})

    def figures(self) -> dict[str, float]:
        """Pixel F1, object F1, precision and recall, and false objects per 100 square kilometres."""
        precision, recall = self.right / max(self.said, 1), self.found / max(self.asked, 1)
        return {
            "pixel_f1": 2 * self.hit / max(2 * self.hit + self.wrong + self.missed, 1),
            "object_precision": precision,
            "object_recall": recall,
            "object_f1": 2 * precision * recall / max(precision + recall, 1e-9),
            "false_per_100km2": 100.0 * (self.said - self.right) / max(self.square_km, 1e-9),
        }

    def worth(self) -> float:
        """What thresholds are chosen by: the mean of pixel and object F1."""
        figures = self.figures()
        return 0.5 * (figures["pixel_f1"] + figures["object_f1"])


def tally(said: MaskArray, truth: MaskArray, usable: MaskArray, *, square_km: float) -> Tally:
    """Counts of a mask (y, x) against truth; objects of :data:`LEAST_PX` and more, found or right from 30 %."""
    said, truth = said & usable, truth & usable
    true_labels, _ = ndimage.label(truth, _EIGHT)
    said_labels, _ = ndimage.label(said, _EIGHT)
    true_px, said_px = np.bincount(true_labels.ravel()), np.bincount(said_labels.ravel())
    covered = np.bincount(true_labels[said], minlength=len(true_px))
    inside = np.bincount(said_labels[truth], minlength=len(said_px))
    asked, told = true_px[1:] >= LEAST_PX, said_px[1:] >= LEAST_PX
    return Tally(
        hit=int((said & truth).sum()),
        wrong=int((said & ~truth).sum()),
        missed=int((truth & ~said).sum()),
        asked=int(asked.sum()),
        found=int((covered[1:] >= SHARE * true_px[1:])[asked].sum()),
        said=int(told.sum()),
        right=int((inside[1:] >= SHARE * said_px[1:])[told].sum()),
        square_km=square_km,
    )


def grown_from(weak: MaskArray, strong: MaskArray, *, min_area_px: int) -> MaskArray:
    """The components of ``weak`` that hold a strong pixel and enough pixels."""
    labels, count = ndimage.label(weak, _EIGHT)
    large = np.bincount(labels.ravel(), minlength=count + 1) >= min_area_px
    held = np.zeros(count + 1, dtype=bool)
    held[np.unique(labels[strong & weak])] = True
    held[0] = False
    return np.asarray((held & large)[labels], dtype=bool)


def choose_levels(
    measured: Callable[[float, float], Tally], weak: Sequence[float], rises: Sequence[float]
) -> tuple[float, float, Tally]:
    """The weak and strong log odds with the best :meth:`Tally.worth`; ``rises``: strong above weak. Ties: the first."""
    best: tuple[float, float, Tally] | None = None
    for low in weak:
        for rise in rises:
            counts = measured(low, low + rise)
            if best is None or counts.worth() > best[2].worth() + 1e-9:
                best = (low, low + rise, counts)
    if best is None:
        raise ValueError("no levels to choose from")
    return best


def summed(parts: Iterable[Tally]) -> Tally:
    """All tallies together."""
    total = Tally()
    for part in parts:
        total = total + part
    return total
