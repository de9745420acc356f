"""One candidate object from its own window of the evidence: outline, dates, measures and probability."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from datetime import date

import numpy as np
import shapely
from affine import Affine
from numpy.typing import NDArray
from rasterio.features import shapes
from scipy import ndimage
from shapely.geometry import shape
from shapely.geometry.base import BaseGeometry

from pipeline.detect.materials import Materials, materials
from pipeline.detect.score import probability
from pipeline.detect.stage import stage_of
from pipeline.detect.visible import excess_green
from pipeline.spectra import bsi, ndvi
from pipeline.values import day_of_number

FloatArray = NDArray[np.float32]
MaskArray = NDArray[np.bool_]

RING_PX = 4
FEW_PX = 10


@dataclass(frozen=True)
class Evidence:
    """What is known inside an object's window: (y, x) arrays, images (band, y, x); NaN where not observable.

    ``before_days``/``after_days``/``since_days``: days since 1970-01-01 of the earlier look, the later look and the
    first look that already shows the later state, 0 where unknown. ``novelty`` may be all NaN, ``looks`` counts the
    clear looks that show the later state.
    """

    odds: FloatArray
    cva: FloatArray
    correlation: FloatArray
    before: FloatArray
    after: FloatArray
    novelty: FloatArray
    looks: NDArray[np.uint8]
    before_days: NDArray[np.uint16]
    since_days: NDArray[np.uint16]

    def cut(self, at: tuple[slice, slice]) -> Evidence:
        """The evidence of a part of the window."""
        cut = {name: value[..., at[0], at[1]] for name, value in vars(self).items()}
        return Evidence(**cut)


def outline(mask: MaskArray, transform: Affine) -> BaseGeometry:
    """The outline of a pixel mask (y, x) as (multi)polygon along pixel edges, in the coordinates of ``transform``."""
    found = shapes(mask.astype(np.uint8), mask=mask, connectivity=4, transform=transform)
    return shapely.normalize(shapely.union_all([shape(geometry) for geometry, _ in found]))


def onset_interval(before_days: NDArray[np.uint16], since_days: NDArray[np.uint16]) -> tuple[date | None, date | None]:
    """``last_clear`` and ``first_seen`` of an object from its pixels' days (n,), 0 where unknown.

    ``last_clear`` is the earliest of the looks at which its pixels were still unchanged, ``first_seen`` the latest of
    the looks by which each had changed: the object had not begun at the former and was complete at the latter.
    """
    before, since = before_days[before_days > 0], since_days[since_days > 0]
    last_clear = day_of_number(int(before.min())) if len(before) else None
    return last_clear, day_of_number(int(since.max())) if len(since) else None


def confidence_of(looks: int) -> str:
    """``early`` after one clear look, ``probable`` after two, ``confirmed`` after three or more."""
    return "confirmed" if looks >= 3 else "probable" if looks == 2 else "early"


def object_probability(odds: FloatArray) -> float:
    """Probability of an object from the log odds of its pixels (n,).

    Mean of their mean and their 90th percentile, less up to 2 the fewer than :data:`FEW_PX` they are: chance makes
    small objects far more often than large ones.
    """
    known = odds[np.isfinite(odds)].astype(np.float64)
    if not len(known):
        return 0.0
    total = 0.5 * float(known.mean()) + 0.5 * float(np.quantile(known, 0.9))
    total -= 2.0 * max(0.0, 1.0 - len(known) / FEW_PX)
    return float(probability(np.array([total], dtype=np.float32))[0])


def _mean(values: FloatArray) -> float:
    known = values[np.isfinite(values)]
    return float(known.mean(dtype=np.float64)) if len(known) else float("nan")


def rectangularity(polygon: BaseGeometry) -> float:
    """Area of an outline in pixel units over that of its smallest rotated rectangle, 0..1."""
    box = shapely.oriented_envelope(polygon).area
    return float(min(polygon.area / box, 1.0)) if box > 0 else 0.0


def measures(mask: MaskArray, evidence: Evidence, bands: Sequence[str]) -> dict[str, float]:
    """Measures of the object ``mask`` (y, x) for ranking, rules and the stage guess; NaN where bands are missing."""
    around = ndimage.binary_dilation(mask, np.ones((3, 3), dtype=bool), iterations=RING_PX)
    ring = around & ~ndimage.binary_dilation(mask, np.ones((3, 3), dtype=bool))
    light_before, light_after = evidence.before.mean(axis=0), evidence.after.mean(axis=0)
    inside_before = {name: _mean(evidence.before[i][mask]) for i, name in enumerate(bands)}
    inside_after = {name: _mean(evidence.after[i][mask]) for i, name in enumerate(bands)}
    beside = light_after[ring & np.isfinite(light_after)]
    spread = float(beside.std(dtype=np.float64)) if len(beside) else float("nan")
    contrast = (_mean(light_after[mask]) - _mean(light_after[ring])) / (spread + 0.01) if len(beside) else 0.0
    plain = outline(mask, Affine.identity())
    return {
        "change_score": _mean(evidence.cva[mask]),
        "change_score_max": float(np.nanmax(evidence.cva[mask])),
        "novelty": _mean(evidence.novelty[mask]),
        "ndvi_before": _index(inside_before, "ndvi"),
        "ndvi_after": _index(inside_after, "ndvi"),
        "bsi_after": _index(inside_after, "bsi"),
        "greenness_after": _index(inside_after, "greenness"),
        "blue_red": _index(inside_after, "blue_red"),
        "brightness_before": _mean(light_before[mask]),
        "brightness_after": _mean(light_after[mask]),
        "correlation": _mean(evidence.correlation[mask]),
        "rectangularity": rectangularity(plain),
        "contrast_signed": contrast,
        "edge_contrast": abs(contrast),
        "texture_ratio": _texture(light_after, mask) / (_texture(light_before, mask) + 0.005),
        "clear_share": float(np.isfinite(evidence.odds).mean()),
    }


def _texture(light: FloatArray, mask: MaskArray) -> float:
    known = light[mask & np.isfinite(light)]
    return float(known.std(dtype=np.float64)) if len(known) else 0.0


_INDICES: dict[str, tuple[tuple[str, ...], Callable[..., FloatArray]]] = {
    "ndvi": (("nir", "red"), ndvi),
    "bsi": (("blue", "red", "nir", "swir1"), bsi),
    "greenness": (("red", "green", "blue"), excess_green),
    "blue_red": (("blue", "red"), lambda blue, red: np.where(red > 0, blue / np.maximum(red, 1e-6), np.nan)),
}


def _index(means: dict[str, float], name: str) -> float:
    needed, function = _INDICES[name]
    if not set(needed) <= means.keys():
        return float("nan")
    return float(function(*(np.array([means[band]], dtype=np.float32) for band in needed))[0])


def describe(mask: MaskArray, evidence: Evidence, bands: Sequence[str], transform: Affine) -> dict[str, object]:
    """One row of the candidates table without its id, source and area: see :data:`pipeline.schema.CANDIDATES`."""
    found, ground = measures(mask, evidence, bands), materials(evidence.after, mask, bands)
    last_clear, first_seen = onset_interval(evidence.before_days[mask], evidence.since_days[mask])
    looks = int(np.median(evidence.looks[mask]))
    return {
        **found,
        "probability": object_probability(evidence.odds[mask]),
        **_shares(ground),
        "stage": str(stage_of(found, ground)),
        "confidence": confidence_of(looks),
        "area_px": int(mask.sum()),
        "last_clear": last_clear,
        "first_seen": first_seen,
        "clear_looks": looks,
        "geometry": outline(mask, transform),
    }


def _shares(ground: Materials) -> dict[str, float]:
    return {"soil_share": ground.soil, "grey_share": ground.grey, "roof_share": ground.roof}
