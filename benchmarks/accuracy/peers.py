"""What the product is compared with on a pair: plain rules that anybody could run, with their usual settings."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import rasterio
from numpy.typing import NDArray
from scipy import stats
from scipy.linalg import eigh
from skimage.filters import threshold_otsu
from sklearn.cluster import KMeans
from sklearn.decomposition import PCA

from benchmarks.accuracy.ruler import Ruler
from benchmarks.accuracy.sets import Scene, write_scene

FINE_GSD_M, FINE_LEAST_M2 = 4.0, 40.0
"""On images finer than this every peer's mask is cleaned to objects of at least 40 m2."""
CELIK_SIDE_PX, CELIK_VARIANCE = 5, 0.9
MAD_ROUNDS, MAD_SETTLED = 30, 1e-3
OTB = "otbcli_MultivariateAlterationDetector"
FloatArray = NDArray[np.floating]


@dataclass(frozen=True)
class Detection:
    """What a method says of a pair: its mask and its score (row, col); of ours also the objects it drew.

    ``chances`` and ``right``: of every candidate object its probability and its share inside the truth.
    """

    method: str
    mask: NDArray[np.bool_]
    score: FloatArray
    chances: NDArray[np.float64] | None = None
    right: NDArray[np.float64] | None = None
    refusal: str = ""


def peer_detections(scene: Scene, ruler: Ruler, scratch: Path) -> list[Detection]:
    """All peers on one pair; AFTER is moved onto BEFORE once, as the ruler does, and all of them see that."""
    found, moved = ruler.peers(*_six_bands(scene))
    after = _own_bands(scene, moved)
    result = [Detection(name.removeprefix("peer "), mask, score) for name, (mask, score) in found.items()]
    result += [ir_mad(scene.before, after, scene.known), pca_kmeans(scene.before, after, scene.known)]
    if shutil.which(OTB):
        result.append(orfeo_mad(scene, after, scratch))
    if scene.gsd_m >= FINE_GSD_M:
        return result
    least = round(FINE_LEAST_M2 / scene.gsd_m**2)
    return [replace(one, mask=ruler.clean(one.mask, least)) for one in result]


def _six_bands(scene: Scene) -> tuple[FloatArray, FloatArray]:
    """Both images as the ruler's peers want them: blue green red nir swir1 swir2.

    A lacking visible or infrared band is the red one again, so that no plants are seen; lacking SWIR is constant and
    bright, so that it counts nothing and no water is seen.
    """
    places = [scene.bands.index(name) if name in scene.bands else None for name in ("blue", "green", "red", "nir")]
    red = scene.bands.index("red")
    result = []
    for image in (scene.before, scene.after):
        bright = np.full(image.shape[1:], 1e3, dtype=image.dtype)
        planes = [image[red if place is None else place] for place in places]
        for name in ("swir1", "swir2"):
            planes.append(image[scene.bands.index(name)] if name in scene.bands else bright)
        result.append(np.stack(planes))
    return result[0], result[1]


def _own_bands(scene: Scene, moved: FloatArray) -> FloatArray:
    """The moved six-band image back in the pair's own bands."""
    order = ("blue", "green", "red", "nir", "swir1", "swir2")
    return np.stack([moved[order.index(name)] for name in scene.bands])


def ir_mad(before: FloatArray, after: FloatArray, known: NDArray[np.bool_]) -> Detection:
    """Iteratively reweighted multivariate alteration detection (Nielsen 2007): square root of chi2, cut by Otsu."""
    weights = np.ones(int(known.sum()))
    first, second = (image[:, known].astype(np.float64) for image in (before, after))
    chi2, last = np.zeros(len(weights)), np.zeros(len(first))
    for _ in range(MAD_ROUNDS):
        variates, correlation = _canonical(first, second, weights)
        chi2 = (variates**2 / np.maximum(2.0 * (1.0 - correlation), 1e-9)[:, None]).sum(axis=0)
        weights = stats.chi2.sf(chi2, len(first))
        if np.abs(correlation - last).max() < MAD_SETTLED or weights.sum() < 10 * len(first):
            break
        last = correlation
    return _cut("IR-MAD+Otsu", np.sqrt(chi2), known)


def _canonical(first: FloatArray, second: FloatArray, weights: FloatArray) -> tuple[FloatArray, FloatArray]:
    """Differences of the canonical variates (band, pixel) of unit variance, and their correlations."""
    total = weights.sum()
    x, y = (part - (part * weights).sum(axis=1, keepdims=True) / total for part in (first, second))
    bands = len(x)
    joint = np.concatenate([x, y])
    covariance = (joint * weights) @ joint.T / total
    ridge = 1e-9 * np.trace(covariance) / (2 * bands) * np.eye(bands)
    xx, yy = covariance[:bands, :bands] + ridge, covariance[bands:, bands:] + ridge
    xy = covariance[:bands, bands:]
    squares, a = eigh(xy @ np.linalg.solve(yy, xy.T), xx)
    correlation = np.sqrt(np.clip(squares, 0.0, 1.0))
    b = np.linalg.solve(yy, xy.T @ a)
    b /= np.sqrt(np.maximum((b * (yy @ b)).sum(axis=0), 1e-30))
    return a.T @ x - b.T @ y, correlation


def pca_kmeans(before: FloatArray, after: FloatArray, known: NDArray[np.bool_]) -> Detection:
    """Celik 2009: principal components of difference blocks, two clusters; the score is nearness to the changed one."""
    difference = after - before
    inside = difference[:, known]
    centre = np.median(inside, axis=1)[:, None, None]
    spread = 1.4826 * np.median(np.abs(inside - centre[..., 0]), axis=1)[:, None, None] + 1e-6
    strength = np.where(known, np.sqrt((((difference - centre) / spread) ** 2).sum(axis=0)), 0.0)
    strength = np.clip(strength, 0.0, np.quantile(strength[known], 0.999))
    half = CELIK_SIDE_PX // 2
    around = np.lib.stride_tricks.sliding_window_view(np.pad(strength, half, mode="reflect"), [CELIK_SIDE_PX] * 2)
    vectors = around.reshape(*strength.shape, -1)
    blocks = vectors[half::CELIK_SIDE_PX, half::CELIK_SIDE_PX][known[half::CELIK_SIDE_PX, half::CELIK_SIDE_PX]]
    transform = PCA(n_components=CELIK_VARIANCE, svd_solver="full").fit(blocks)
    points = transform.transform(vectors[known])
    clusters = KMeans(n_clusters=2, n_init=3, random_state=0).fit(points)
    changed = int(np.argmax([strength[known][clusters.labels_ == label].mean() for label in (0, 1)]))
    distance = clusters.transform(points)
    score = np.full(known.shape, -np.inf)
    score[known] = distance[:, 1 - changed] - distance[:, changed]
    return Detection("PCA-KMeans", score > 0, np.where(known, score, score[known].min()))


def orfeo_mad(scene: Scene, after: FloatArray, scratch: Path) -> Detection:
    """Orfeo ToolBox's MAD: length of its variates in their own spreads, cut by Otsu."""
    files = [scratch / f"otb-{name}.tif" for name in ("before", "after", "mad")]
    for path, image in zip(files, (scene.before, after), strict=False):
        write_scene(path, image.astype(np.float32), scene.bands, scene.gsd_m)
    subprocess.run([OTB, "-in1", *map(str, files[:1]), "-in2", str(files[1]), "-out", str(files[2]), "float"],
                   check=True, capture_output=True)  # fmt: skip
    with rasterio.open(files[2]) as source:
        variates = source.read()[:, scene.known].astype(np.float64)
    spread = np.maximum(variates.std(axis=1, keepdims=True), 1e-9)
    return _cut("OTB MAD+Otsu", np.sqrt(((variates / spread) ** 2).sum(axis=0)), scene.known)


def _cut(method: str, values: FloatArray, known: NDArray[np.bool_]) -> Detection:
    """A score of the known pixels, cut by Otsu below its 99.9th percentile as the ruler cuts CVA."""
    score: NDArray[Any] = np.zeros(known.shape)
    score[known] = values
    level = threshold_otsu(np.clip(values, 0.0, np.quantile(values, 0.999)))
    return Detection(method, (score > level) & known, score)
