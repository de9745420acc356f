"""Small synthetic images for the imagery tests, written as files."""

from __future__ import annotations

import warnings
from collections.abc import Sequence
from pathlib import Path

import numpy as np
import rasterio
from affine import Affine
from rasterio.errors import NotGeoreferencedWarning
from scipy import ndimage

BANDS = ("blue", "green", "red", "nir", "swir1", "swir2")
FIELD = np.array([0.05, 0.08, 0.07, 0.32, 0.2, 0.12], dtype=np.float32)
SOIL = np.array([0.10, 0.14, 0.19, 0.25, 0.32, 0.28], dtype=np.float32)
UTM = "EPSG:32650"
NORTH_UP = Affine(10.0, 0.0, 500_000.0, 0.0, -10.0, 3_600_000.0)


def fields(rows: int, cols: int, *, seed: int = 1, parcel_px: int = 20) -> np.ndarray:
    """Reflectance (6, rows, cols) of parcels of slightly different fields with texture."""
    rng = np.random.default_rng(seed)
    coarse = rng.random((rows // parcel_px + 2, cols // parcel_px + 2))
    light = np.kron(coarse, np.ones((parcel_px, parcel_px)))[:rows, :cols]
    texture = ndimage.gaussian_filter(rng.random((rows, cols)), 1.0)
    factor = 0.6 + 0.6 * light + 0.8 * (texture - 0.5)
    return (FIELD[:, None, None] * factor).astype(np.float32)


def noisy(image: np.ndarray, *, seed: int) -> np.ndarray:
    """The image as another look would have it: sensor noise of 0.003."""
    noise = np.random.default_rng(seed).normal(0.0, 0.003, image.shape)
    return np.clip(image + noise, 0.001, 1.0).astype(np.float32)


def build(image: np.ndarray, row: int, col: int, size: int = 14) -> np.ndarray:
    """The image with a square of bare, cleared ground; a copy."""
    changed = image.copy()
    rng = np.random.default_rng(row * 1000 + col)
    ground = SOIL[: len(image), None, None] * (0.9 + 0.2 * rng.random((size, size)))
    changed[:, row : row + size, col : col + size] = ground
    return changed.astype(np.float32)


def write(
    path: Path,
    image: np.ndarray,
    *,
    transform: Affine | None = NORTH_UP,
    crs: str | None = UTM,
    bands: Sequence[str] | None = BANDS,
    dtype: str = "uint16",
    scale: float = 10_000.0,
    **tags: str,
) -> Path:
    """Write reflectance as integers; ``bands`` None leaves them without names."""
    stored = np.nan_to_num(image * scale, nan=0.0).round().astype(dtype)
    profile = {"driver": "PNG" if path.suffix == ".png" else "GTiff", "count": len(image), "dtype": dtype,
               "height": image.shape[1], "width": image.shape[2]}  # fmt: skip
    if crs is not None:
        profile |= {"crs": crs, "transform": transform}
    path.parent.mkdir(parents=True, exist_ok=True)
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", NotGeoreferencedWarning)
        with rasterio.open(path, "w", **profile) as dataset:
            dataset.write(stored)
            for index, name in enumerate(bands[: len(image)] if bands else (), start=1):
                dataset.set_band_description(index, name)
            if tags:
                dataset.update_tags(**tags)
    return path
