"""Further evidence per pixel by name, for trained models: the surroundings at several scales and both dates' indices.

A model file names the features it needs; :data:`REGISTRY` says how each is made. Those of
:data:`pipeline.detect.change.FEATURES` belong to it under their own names.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from dataclasses import dataclass, field
from functools import partial

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.detect.change import FEATURES, TRUNCATE, DifferenceStatistics, evidence, given_features
from pipeline.spectra import mndwi, ndvi, normalised_difference

FloatArray = NDArray[np.float32]
SCALES: tuple[float, ...] = (1.0, 3.0, 8.0)
HAND_ODDS = "hand_odds"
"""What the weights set by hand say of a pixel: a feature like any other, added by the scorer."""
NETWORK = "network"
"""Log odds of a user's own network: a feature like any other, read from its raster."""
_TINY = np.float32(0.003)


@dataclass
class Looks:
    """The two images of a block and what several features share; ``when`` is 0 before, 1 after, scales in pixels."""

    before: FloatArray
    after: FloatArray
    bands: tuple[str, ...]
    statistics: DifferenceStatistics
    scale_px: float
    _kept: dict[tuple[str, float, int], FloatArray] = field(default_factory=dict)
    _weights: dict[float, FloatArray] = field(default_factory=dict)

    def __post_init__(self) -> None:
        both = np.isfinite(self.before).all(axis=0) & np.isfinite(self.after).all(axis=0)
        self.before = np.where(both, self.before, np.nan).astype(np.float32)
        self.after = np.where(both, self.after, np.nan).astype(np.float32)
        self.both = both

    def image(self, when: int) -> FloatArray:
        return self.after if when else self.before

    def soft(self, band: str, scale: float, when: int) -> FloatArray:
        """A band (or ``light``, the mean of the visible ones) smoothed by ``scale`` times the finest width."""
        key = (band, scale, when)
        if key not in self._kept:
            self._kept[key] = self.mean(self.plain(band, when), scale)
        return self._kept[key]

    def mean(self, plain: FloatArray, scale: float) -> FloatArray:
        """:func:`~pipeline.detect.change.smooth` of an array known exactly where both images are."""
        sigma = scale * self.scale_px
        if scale not in self._weights:
            self._weights[scale] = ndimage.gaussian_filter(
                self.both.astype(np.float32), sigma, mode="constant", truncate=TRUNCATE
            )
        total = ndimage.gaussian_filter(
            np.where(self.both, plain, 0.0).astype(np.float32), sigma, mode="constant", truncate=TRUNCATE
        )
        with np.errstate(divide="ignore", invalid="ignore"):
            return np.where(self.both, total / self._weights[scale], np.nan).astype(np.float32)

    def plain(self, band: str, when: int) -> FloatArray:
        """A band or ``light`` as it is."""
        return self.light(when) if band == "light" else self.image(when)[self.bands.index(band)]

    def variance(self, band: str, scale: float, when: int) -> FloatArray:
        """Local variance of a band, not below 0."""
        key = (f"{band} squared", scale, when)
        if key not in self._kept:
            values = self.plain(band, when)
            mean = self.soft(band, scale, when)
            self._kept[key] = np.maximum(self.mean(values * values, scale) - mean * mean, 0.0).astype(np.float32)
        return self._kept[key]

    def light(self, when: int) -> FloatArray:
        """Mean of the visible bands."""
        visible = [index for index, name in enumerate(self.bands) if name in ("blue", "green", "red")]
        chosen = visible or list(range(len(self.bands)))
        return self.image(when)[chosen].mean(axis=0, dtype=np.float64).astype(np.float32)

    def index(self, name: str, scale: float, when: int) -> FloatArray:
        """One of :data:`INDICES` of the smoothed bands."""
        bands, rule = INDICES[name]
        return rule(*(self.soft(band, scale, when) for band in bands))

    def standard(self, band: str, scale: float) -> FloatArray:
        """Smoothed robust z of after - before in one band."""
        at = self.bands.index(band)
        difference = self.soft(band, scale, 1) - self.soft(band, scale, 0)
        return ((difference - np.float32(self.statistics.median[at])) / np.float32(self.statistics.spread[at])).astype(
            np.float32
        )

    def noise(self) -> float:
        """The spread below which a local pattern is only noise."""
        return 0.5 * float(np.mean(self.statistics.spread))


def _same(value: FloatArray) -> FloatArray:
    return value


INDICES: dict[str, tuple[tuple[str, ...], Callable[..., FloatArray]]] = {
    "ndvi": (("nir", "red"), ndvi),
    "ndbi": (("swir1", "nir"), normalised_difference),
    "mndwi": (("green", "swir1"), mndwi),
    "nbr2": (("swir1", "swir2"), normalised_difference),
    "blue_red": (("blue", "red"), normalised_difference),
    "light": (("light",), _same),
    "nir": (("nir",), _same),
    "swir": (("swir1",), _same),
}


@dataclass(frozen=True)
class Feature:
    """How a feature is made: the bands it needs, how far it looks in units of the finest smoothing, and the rule."""

    bands: tuple[str, ...]
    reach: float
    make: Callable[[Looks], FloatArray]


def _texture(looks: Looks, band: str, scale: float, when: int) -> FloatArray:
    """Logarithm of the local standard deviation."""
    return np.log(np.sqrt(looks.variance(band, scale, when)) + _TINY).astype(np.float32)


def _edges(looks: Looks, scale: float, when: int) -> FloatArray:
    """Gradient magnitude of the visible light, averaged; missing pixels count as without edges."""
    rows, cols = np.gradient(looks.soft("light", scale, when))
    return looks.mean(np.nan_to_num(np.hypot(rows, cols), nan=0.0).astype(np.float32), 2.0 * scale)


def _decorrelation(looks: Looks, band: str, scale: float) -> FloatArray:
    """Logarithm of what the local correlation of both dates lacks to one."""
    first, second = looks.plain(band, 0), looks.plain(band, 1)
    mean_first, mean_second = looks.soft(band, scale, 0), looks.soft(band, scale, 1)
    floor = np.float32(looks.noise() ** 2)
    shared = looks.mean(first * second, scale) - mean_first * mean_second + floor
    own = (looks.variance(band, scale, 0) + floor) * (looks.variance(band, scale, 1) + floor)
    return np.log(1.0 - np.clip(shared / np.sqrt(own), -1.0, 1.0) + 0.02).astype(np.float32)


def _change(looks: Looks, scale: float) -> FloatArray:
    """Logarithm of the root mean square over bands of the smoothed robust z."""
    z = np.stack([looks.standard(band, scale) for band in looks.bands])
    return np.log(np.sqrt(np.mean(z * z, axis=0, dtype=np.float64)) + 0.05).astype(np.float32)


def _angle(looks: Looks) -> FloatArray:
    """Spectral angle between the dates, radians (Kruse et al. 1993)."""
    first, second = (np.stack([looks.soft(band, 1.0, when) for band in looks.bands]) for when in (0, 1))
    lengths = np.sqrt((first * first).sum(axis=0) * (second * second).sum(axis=0)) + 1e-9
    return np.arccos(np.clip((first * second).sum(axis=0) / lengths, -1.0, 1.0)).astype(np.float32)


def _index(looks: Looks, name: str, scale: float, when: int) -> FloatArray:
    return looks.index(name, scale, when)


def _rise(looks: Looks, name: str, scale: float) -> FloatArray:
    return looks.index(name, scale, 1) - looks.index(name, scale, 0)


def _after_local(looks: Looks, name: str) -> FloatArray:
    return looks.index(name, 1.0, 1) - looks.index(name, 8.0, 1)


def _rise_local(looks: Looks, name: str) -> FloatArray:
    return _rise(looks, name, 1.0) - _rise(looks, name, 8.0)


def _standard(looks: Looks, band: str, scale: float) -> FloatArray:
    return looks.standard(band, scale)


def _texture_rise(looks: Looks, band: str, scale: float) -> FloatArray:
    return _texture(looks, band, scale, 1) - _texture(looks, band, scale, 0)


def _registry() -> dict[str, Feature]:
    found: dict[str, Feature] = {}
    for name, (bands, _) in INDICES.items():
        needed = () if bands == ("light",) else bands
        for scale in SCALES:
            for when, word in enumerate(("before", "after")):
                made = partial(_index, name=name, scale=scale, when=when)
                found[f"{name}_{word}@{scale:g}"] = Feature(needed, 3 * scale, made)
            found[f"{name}_rise@{scale:g}"] = Feature(needed, 3 * scale, partial(_rise, name=name, scale=scale))
        found[f"{name}_after_local"] = Feature(needed, 24.0, partial(_after_local, name=name))
        found[f"{name}_rise_local"] = Feature(needed, 24.0, partial(_rise_local, name=name))
    for band in ("blue", "green", "red", "nir", "swir1", "swir2"):
        for scale in (1.5, 4.0):
            found[f"z_{band}@{scale:g}"] = Feature((band,), 3 * scale, partial(_standard, band=band, scale=scale))
        for scale in (1.5, 3.0):
            made = partial(_decorrelation, band=band, scale=scale)
            found[f"decorrelation_{band}@{scale:g}"] = Feature((band,), 3 * scale, made)
    found["decorrelation_light@6"] = Feature((), 18.0, partial(_decorrelation, band="light", scale=6.0))
    for scale in (1.5, 4.0, 8.0):
        found[f"change@{scale:g}"] = Feature((), 3 * scale, partial(_change, scale=scale))
    found["angle"] = Feature((), 3.0, _angle)
    for band, needed in (("light", ()), ("nir", ("nir",))):
        for when, word in enumerate(("before", "after")):
            made = partial(_texture, band=band, scale=2.0, when=when)
            found[f"texture_{band}_{word}"] = Feature(needed, 6.0, made)
        found[f"texture_{band}_rise"] = Feature(needed, 6.0, partial(_texture_rise, band=band, scale=2.0))
    for scale in (1.0, 2.0):
        for when, word in enumerate(("before", "after")):
            made = partial(_edges, scale=scale, when=when)
            found[f"edges_{word}@{scale:g}"] = Feature((), 9 * scale + 1, made)
    return found


REGISTRY: dict[str, Feature] = _registry()

_FOR = (
    "cva_fine", "cva_coarse", "cva_visible", "change_edges", "unexpected", "change@",
    "decorrelation", "angle", "bsi_", "ndbi_after", "ndbi_rise", "light_after", "light_rise",
    "texture_rise", "texture_after", "texture_light_after", "texture_light_rise", "edges_after", HAND_ODDS, NETWORK,
)  # fmt: skip
_AGAINST = ("ndvi_after", "ndvi_rise", "mndwi_after")


def _sign(name: str) -> int:
    return 1 if name.startswith(_FOR) else -1 if name.startswith(_AGAINST) else 0


SIGNS: dict[str, int] = {name: _sign(name) for name in (*FEATURES, *REGISTRY, HAND_ODDS, NETWORK)}
"""1 or -1 for features that may only speak for or only against construction, everything else being equal."""


def known_features() -> tuple[str, ...]:
    """Every name a model may ask for."""
    return (*FEATURES, *REGISTRY, HAND_ODDS, NETWORK)


def available(names: Sequence[str], bands: Sequence[str]) -> tuple[str, ...]:
    """Those of ``names`` that can be made from ``bands``."""
    missing = set(FEATURES) - given_features(bands)
    return tuple(
        name
        for name in names
        if name not in missing and (name not in REGISTRY or set(REGISTRY[name].bands) <= set(bands))
    )


def reach_px(names: Sequence[str], scale_px: float) -> int:
    """Pixels by which a block must be grown for ``names``, beyond what the evidence itself needs."""
    return int(np.ceil(max([REGISTRY[name].reach for name in names if name in REGISTRY], default=0.0) * scale_px)) + 2


def features(
    before: FloatArray,
    after: FloatArray,
    bands: Sequence[str],
    statistics: DifferenceStatistics,
    names: Sequence[str],
    *,
    scale_px: float,
) -> FloatArray:
    """The evidence of :data:`FEATURES` and behind it the further ``names`` (feature, y, x), NaN where not observable."""
    base = evidence(before, after, bands, statistics, scale_px=scale_px)
    looks = Looks(before, after, tuple(bands), statistics, scale_px)
    unseen = ~np.isfinite(base[0])
    rows = [base]
    for name in names:
        row = REGISTRY[name].make(looks).astype(np.float32)
        row[unseen] = np.nan
        rows.append(row[None])
    return np.concatenate(rows)
