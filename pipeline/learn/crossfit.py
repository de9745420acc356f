"""Fits that leave places out in turn, so that every score used for a choice comes from a model that never saw its place."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.learn.fit import Fit, log_loss, place_weights

Array = NDArray[np.float64]
Fitter = Callable[[NDArray, NDArray, Array], Fit]
Answer = Callable[[Sequence[Fit], NDArray], Array]
_MARGIN = 1e-3


@dataclass(frozen=True)
class Sample:
    """Rows (n, feature) with truth 0/1 by place; ``stands_for``: how many of its kind each row speaks for."""

    places: NDArray[np.str_]
    rows: NDArray[np.float32]
    truth: NDArray[np.bool_]
    stands_for: NDArray[np.float64]

    def of(self, names: Sequence[str]) -> NDArray[np.bool_]:
        """Which rows belong to ``names``."""
        return np.isin(self.places, list(names))


@dataclass(frozen=True)
class Crossed:
    """The chosen kinds of sum, one list of fits per group left out, the fits on all places, and the losses by choice."""

    chosen: tuple[str, ...]
    left_out: tuple[tuple[Fit, ...], ...]
    whole: tuple[Fit, ...]
    odds: Array
    losses: dict[str, float]


def crossfit(
    sample: Sample, groups: Sequence[tuple[str, ...]], fitters: Mapping[str, Fitter], answer: Answer
) -> Crossed:
    """Fit every kind with each group of places left out; choose one kind, or the mean of all, by out-of-fold log loss.

    ``answer``: log odds of rows (n, feature) by the mean of fits. A later choice must be better by a thousandth.
    """
    fits: dict[str, list[Fit]] = {kind: [] for kind in fitters}
    for group in groups:
        kept = ~sample.of(group)
        weights = place_weights(sample.places[kept], sample.stands_for[kept])
        for kind, fitter in fitters.items():
            fits[kind].append(fitter(sample.rows[kept], sample.truth[kept].astype(np.float64), weights))
    choices: list[tuple[str, ...]] = [(kind,) for kind in fitters]
    if len(fitters) > 1:
        choices.append(tuple(fitters))
    everywhere = place_weights(sample.places, sample.stands_for)
    best: tuple[tuple[str, ...], Array, float] | None = None
    losses: dict[str, float] = {}
    for choice in choices:
        odds = np.zeros(len(sample.truth))
        for number, group in enumerate(groups):
            own = sample.of(group)
            odds[own] = answer([fits[kind][number] for kind in choice], sample.rows[own])
        loss = log_loss(odds, sample.truth, everywhere)
        losses["+".join(choice)] = round(loss, 6)
        if best is None or loss < best[2] * (1.0 - _MARGIN):
            best = (choice, odds, loss)
    if best is None:
        raise ValueError("no kind of sum to fit")
    chosen = best[0]
    whole = tuple(fitters[kind](sample.rows, sample.truth.astype(np.float64), everywhere) for kind in chosen)
    left_out = tuple(tuple(fits[kind][number] for kind in chosen) for number in range(len(groups)))
    return Crossed(chosen, left_out, whole, best[1], losses)
