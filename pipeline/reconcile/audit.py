"""Audit of whole cells on the ground: how many to check, and what the checked ones say of the city."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np
import pandas as pd
from numpy.typing import NDArray
from scipy.special import ndtri
from scipy.stats import hypergeom, t

from pipeline.intervals import wilson, wilson_share

Floats = NDArray[np.float64]
_DRAWS = 2000
_SEED = 20_260_101


@dataclass(frozen=True)
class Estimate:
    """A figure with its interval; NaN where the sample cannot say. ``sample``: the units it rests on."""

    value: float
    low: float
    high: float
    sample: int


def cells_to_prove(cells: int, *, most_bad: int, confidence: float) -> int:
    """Cells to draw of ``cells`` so that finding none bad proves, at ``confidence``, that at most ``most_bad`` are.

    Exact hypergeometric: the smallest sample that would meet at least one of ``most_bad + 1`` bad cells.
    """
    if not (0 <= most_bad and cells >= 0 and 0.0 < confidence < 1.0):
        raise ValueError(f"cells_to_prove needs counts of at least 0 and a confidence inside 0..1: {cells}, {most_bad}")
    if most_bad >= cells:
        return 0
    low, high = 1, cells
    while low < high:
        middle = (low + high) // 2
        if hypergeom.pmf(0, cells, most_bad + 1, middle) <= 1.0 - confidence:
            high = middle
        else:
            low = middle + 1
    return low


def checks_for_width(expected_share: float, *, half_width: float, confidence: float) -> int:
    """Objects to check so that Wilson's interval of a share near ``expected_share`` is at most that half-width."""
    if not (0.0 <= expected_share <= 1.0 and 0.0 < half_width < 0.5):
        raise ValueError(f"checks_for_width needs a share and a half-width below 0.5: {expected_share}, {half_width}")
    low, high = 1, math.ceil((float(ndtri(0.5 + confidence / 2)) / half_width) ** 2) + 1
    while low < high:
        middle = (low + high) // 2
        interval = wilson_share(expected_share, float(middle), confidence=confidence)
        if interval[1] - interval[0] <= 2.0 * half_width:
            high = middle
        else:
            low = middle + 1
    return low


def audit_total(audited: pd.DataFrame, column: str, sizes: Mapping[str, int], *, confidence: float) -> Estimate:
    """City total of ``column`` from fully checked cells: stratified expansion, bounded below by what was found.

    ``audited``: one row per checked cell with ``stratum`` and ``column``; ``sizes``: all cells per stratum. The
    interval is Student's t (Satterthwaite's degrees of freedom) on the logarithm of what the unchecked cells hold,
    with finite population correction. Strata without a checked cell make it NaN; those with one borrow the pooled
    variance.
    """
    groups = _groups(audited, [column], sizes)
    if groups is None:
        return Estimate(math.nan, math.nan, math.nan, len(audited))
    found = float(audited[column].sum())
    value = sum(size * float(rows[:, 0].mean()) for size, rows in groups)
    variance, freedom = _variance(groups, lambda rows: rows[:, 0])
    rest = value - found
    if rest <= 0.0 or variance <= 0.0:
        return Estimate(value, value, _nothing_found(groups, value, confidence), len(audited))
    factor = math.exp(float(t.ppf(0.5 + confidence / 2.0, freedom)) * math.sqrt(math.log1p(variance / rest**2)))
    return Estimate(value, found + rest / factor, found + rest * factor, len(audited))


def audit_share(
    audited: pd.DataFrame, numerator: str, denominator: str, sizes: Mapping[str, int], *, confidence: float
) -> Estimate:
    """City-wide share such as the satellite's recall: combined ratio over the strata, unbiased to first order.

    ``numerator`` and ``denominator`` count objects per checked cell. Variance by linearisation over cells (they are
    clusters), interval Wilson's with the effective number of objects. NaN where a stratum was not checked or nothing
    was there to be counted.
    """
    groups = _groups(audited, [numerator, denominator], sizes)
    objects = int(audited[denominator].sum())
    if groups is None or objects == 0:
        return Estimate(math.nan, 0.0, 1.0, objects)
    top, bottom = (sum(size * float(rows[:, at].mean()) for size, rows in groups) for at in (0, 1))
    share = min(max(top / bottom, 0.0), 1.0)
    variance, freedom = _variance(groups, lambda rows: (rows[:, 0] - share * rows[:, 1]) / bottom)
    effective = float(objects)
    if variance > 0.0 and 0.0 < share < 1.0:
        # the normal quantile of Wilson's interval stands in for Student's: the size shrinks by their squared ratio
        ratio = float(ndtri(0.5 + confidence / 2.0)) / float(t.ppf(0.5 + confidence / 2.0, freedom))
        effective = share * (1.0 - share) / variance * ratio**2
    low, high = wilson_share(share, min(effective, 4.0 * objects), confidence=confidence)
    return Estimate(share, low, high, objects)


def bootstrap_share(
    audited: pd.DataFrame, numerator: str, denominator: str, sizes: Mapping[str, int], *, confidence: float
) -> Estimate:
    """As :func:`audit_share` with a percentile interval over resampled cells (Rao, Wu, Yue 1992: n - 1 per stratum).

    Fixed seed, 2000 draws, rows in the order of their cells, so the same table gives the same interval.
    """
    ordered = audited.sort_values("cell_id", kind="stable")
    groups = _groups(ordered, [numerator, denominator], sizes)
    objects = int(audited[denominator].sum())
    if groups is None or objects == 0 or any(len(rows) < 2 for _, rows in groups):
        return Estimate(math.nan, 0.0, 1.0, objects)
    random = np.random.default_rng(_SEED)
    sums = np.zeros((_DRAWS, 2))
    plain = np.zeros(2)
    for size, rows in groups:
        n = len(rows)
        picks = random.multinomial(n - 1, np.full(n, 1.0 / n), size=_DRAWS) / (n - 1)
        sums += size * (picks @ rows)
        plain += size * rows.mean(axis=0)
    known = sums[sums[:, 1] > 0]
    tail = (1.0 - confidence) / 2.0
    low, high = np.quantile(known[:, 0] / known[:, 1], [tail, 1.0 - tail])
    return Estimate(float(plain[0] / plain[1]), float(low), float(high), objects)


def mapped_area(
    counts: Sequence[Sequence[int]], class_areas: Sequence[float], *, confidence: float
) -> dict[str, list[Estimate] | Estimate]:
    """Unbiased areas and accuracies from a sample stratified by mapped class (Olofsson et al. 2014, equations 4 to 11).

    ``counts`` (classes, classes): samples by mapped class (rows) and class on the ground (columns); ``class_areas``:
    mapped area of each class, any unit. Gives ``area``, ``users`` (precision), ``producers`` (recall) per class and
    ``overall``, each with a normal interval. Raises ValueError for a mapped class with area and fewer than 2 samples.
    """
    table, areas = np.asarray(counts, dtype=np.float64), np.asarray(class_areas, dtype=np.float64)
    drawn = table.sum(axis=1)
    if table.shape != (len(areas), len(areas)) or (drawn[areas > 0] < 2).any():
        raise ValueError("mapped_area needs a square table and two samples at least of every mapped class")
    kept = np.where(drawn > 0, drawn, 1.0)
    weights = areas / areas.sum()
    share = table / kept[:, None]
    proportion = weights[:, None] * share
    z = float(ndtri(0.5 + confidence / 2.0))
    spread = share * (1.0 - share) / np.maximum(kept - 1.0, 1.0)[:, None]
    ground = proportion.sum(axis=0)
    users, right = np.diag(share), np.diag(proportion)
    area_error = np.sqrt((weights[:, None] ** 2 * spread).sum(axis=0))
    producers = np.divide(right, ground, out=np.full(len(areas), np.nan), where=ground > 0)
    own = (areas**2 * (1.0 - producers) ** 2) * np.diag(spread)
    others = producers**2 * ((areas**2)[:, None] * spread * (1.0 - np.eye(len(areas)))).sum(axis=0)
    errors = np.sqrt(own + others) / np.where(ground > 0, ground * areas.sum(), np.nan)
    return {
        "area": _normal(ground * areas.sum(), area_error * areas.sum(), z, drawn),
        "users": _normal(users, np.sqrt(np.diag(spread)), z, drawn),
        "producers": _normal(producers, errors, z, table.sum(axis=0)),
        "overall": _normal(
            np.array([right.sum()]), np.sqrt([(weights**2 * np.diag(spread)).sum()]), z, np.array([drawn.sum()])
        )[0],
    }


def detection_chance(samples: pd.DataFrame, *, confidence: float) -> pd.DataFrame:
    """What share of its blind samples (盲样) each unit found by itself: ``unit_id found samples value low high``.

    ``samples``: one row per blind sample with ``unit_id`` and flag ``found``; the row with null ``unit_id`` is the
    whole city. Wilson intervals; units in the order of their ids.
    """
    rows: list[dict[str, Any]] = []
    for unit in [None, *sorted(set(samples["unit_id"].dropna()))]:
        mine = samples if unit is None else samples[samples["unit_id"] == unit]
        found, number = int(mine["found"].sum()), len(mine)
        low, high = wilson(found, number, confidence=confidence)
        value = found / number if number else math.nan
        row = {"unit_id": unit, "found": found, "samples": number, "value": value, "low": low, "high": high}
        rows.append(row)
    return pd.DataFrame(rows, columns=["unit_id", "found", "samples", "value", "low", "high"])


def _normal(values: Floats, errors: Floats, z: float, samples: Floats) -> list[Estimate]:
    return [
        Estimate(float(value), float(value - z * error), float(value + z * error), int(sample))
        for value, error, sample in zip(values, errors, samples, strict=True)
    ]


def _groups(audited: pd.DataFrame, columns: list[str], sizes: Mapping[str, int]) -> list[tuple[int, Floats]] | None:
    """Per stratum its number of cells and the checked cells' values (cells, columns); None where one was not checked."""
    asked = {stratum: size for stratum, size in sizes.items() if size > 0}
    rows = {str(name): part[columns].to_numpy("float64") for name, part in audited.groupby("stratum", sort=True)}
    if set(rows) - set(asked):
        raise ValueError(f"checked cells of unknown strata: {sorted(set(rows) - set(asked))}")
    if set(rows) != set(asked):
        return None
    return [(asked[stratum], rows[stratum]) for stratum in sorted(asked)]


def _variance(groups: list[tuple[int, Floats]], residual: Any) -> tuple[float, float]:
    """Variance of a stratified expansion total and its degrees of freedom (Satterthwaite)."""
    values = [residual(rows) for _, rows in groups]
    spare = sum(max(len(each) - 1, 0) for each in values)
    squares = sum(float(((each - each.mean()) ** 2).sum()) for each in values)
    pooled = squares / spare if spare else 0.0
    parts = []
    for (size, _), each in zip(groups, values, strict=True):
        n = len(each)
        variance = float(each.var(ddof=1)) if n > 1 else pooled
        parts.append((size * (size - n) / n * variance, max(n - 1, 1)))
    total = sum(part for part, _ in parts)
    weight = sum(part**2 / freedom for part, freedom in parts)
    return total, (total**2 / weight if weight > 0 else 1.0)


def _nothing_found(groups: list[tuple[int, Floats]], value: float, confidence: float) -> float:
    """Upper limit where all checked cells agree: the unchecked ones may hold bad cells nobody has met (rule of three)."""
    checked, cells = sum(len(rows) for _, rows in groups), sum(size for size, _ in groups)
    if checked >= cells:
        return value
    return value + (cells - checked) * -math.log(1.0 - confidence) / checked
