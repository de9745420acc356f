"""A boosted tree ensemble as plain arrays, and the kernel that adds it up per pixel: nothing in it can run code."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass

import numpy as np
from numba import njit
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
ARRAYS: tuple[str, ...] = ("feature", "threshold", "missing_left", "left", "right", "value", "roots")


@dataclass(frozen=True)
class Trees:
    """Nodes of all trees one after another; ``roots`` are the trees' first nodes, ``base`` the sum's start.

    ``feature`` is -1 at a leaf, whose ``value`` is added. Elsewhere a row goes ``left`` when its feature is at most
    ``threshold``, or is missing and ``missing_left`` is set.
    """

    base: float
    feature: NDArray[np.int16]
    threshold: NDArray[np.float64]
    missing_left: NDArray[np.bool_]
    left: NDArray[np.int32]
    right: NDArray[np.int32]
    value: NDArray[np.float64]
    roots: NDArray[np.int32]

    def arrays(self) -> dict[str, NDArray]:
        """The arrays to store, by their names in :data:`ARRAYS`."""
        return {name: getattr(self, name) for name in ARRAYS}


def trees_of(base: float, arrays: Mapping[str, NDArray], *, features: int) -> Trees:
    """Trees from stored arrays; raises ValueError where a node points outside, backwards or to an unknown feature."""
    types = {"feature": "int16", "threshold": "float64", "missing_left": "bool", "left": "int32", "right": "int32"}
    kept = {name: np.ascontiguousarray(arrays[name], dtype=types.get(name, "float64")) for name in ARRAYS[:-1]}
    roots = np.ascontiguousarray(arrays["roots"], dtype=np.int32)
    count = len(kept["feature"])
    if any(array.shape != (count,) for array in kept.values()) or roots.ndim != 1:
        raise ValueError("tree arrays of different lengths")
    inner = kept["feature"] >= 0
    own = np.arange(count)
    for side in ("left", "right"):
        if ((kept[side][inner] <= own[inner]) | (kept[side][inner] >= count)).any():
            raise ValueError("a tree node points outside its tree")
    if (kept["feature"] >= features).any() or ((roots < 0) | (roots >= max(count, 1))).any():
        raise ValueError("a tree asks for a feature that the model does not name")
    if not (np.isfinite(kept["value"]).all() and np.isfinite(base)):
        raise ValueError("a tree value is not a number")
    return Trees(float(base), roots=roots, **kept)


def tree_sum(trees: Trees, features: FloatArray) -> FloatArray:
    """The ensemble's sum, features (feature, ...) to (...); the sum is float64, tree by tree."""
    rows = np.ascontiguousarray(features.reshape(len(features), -1), dtype=np.float32)
    out = np.empty(rows.shape[1], dtype=np.float32)
    _add(
        rows, trees.base, trees.feature, trees.threshold, trees.missing_left, trees.left, trees.right, trees.value,
        trees.roots, out,
    )  # fmt: skip
    return out.reshape(features.shape[1:])


@njit(nogil=True)
def _add(rows, base, feature, threshold, missing_left, left, right, value, roots, out) -> None:  # type: ignore[no-untyped-def]
    for at in range(rows.shape[1]):
        total = base
        for tree in range(roots.size):
            node = roots[tree]
            while feature[node] >= 0:
                x = rows[feature[node], at]
                if np.isnan(x):
                    node = left[node] if missing_left[node] else right[node]
                elif x <= threshold[node]:
                    node = left[node]
                else:
                    node = right[node]
            total += value[node]
        out[at] = total
