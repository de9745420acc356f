"""Small labelled pairs for the tests of training: fields that change colour, and squares of cleared ground."""

from __future__ import annotations

from pathlib import Path

import numpy as np

from tests.imagery import FIELD, build, fields, noisy, write


def recoloured(image: np.ndarray, rng: np.random.Generator, *, parcels: int, parcel_px: int = 20) -> np.ndarray:
    """The image with some parcels harvested: brighter and less green, without the look of cleared ground."""
    changed = image.copy()
    stubble = (FIELD * np.array([1.5, 1.5, 1.9, 0.75, 1.2, 1.3], dtype=np.float32))[:, None, None]
    rows, cols = (size // parcel_px for size in image.shape[1:])
    for index in rng.choice(rows * cols, parcels, replace=False):
        row, col = (int(index) // cols) * parcel_px, (int(index) % cols) * parcel_px
        place = slice(row, row + parcel_px), slice(col, col + parcel_px)
        light = image[3:4, place[0], place[1]] / FIELD[3]
        changed[:, place[0], place[1]] = stubble * light
    return changed


def labelled_place(
    folder: Path, number: int, *, size: int = 200, sites: int = 6, parcels: int = 14, noise: bool = False
) -> None:
    """Write before.tif, after.tif and label.tif of one place; ``noise``: labels that have nothing to do with it."""
    rng = np.random.default_rng(900 + number)
    image = fields(size, size, seed=number + 10)
    later, label = recoloured(image, rng, parcels=parcels), np.zeros((1, size, size), dtype=np.float32)
    for _ in range(sites):
        row, col, side = (int(value) for value in rng.integers((5, 5, 8), (size - 25, size - 25, 18)))
        later = build(later, row, col, side)
        if noise:
            row, col = (int(value) for value in rng.integers(5, size - 25, 2))
        label[:, row : row + side, col : col + side] = 1.0
    write(folder / "before.tif", noisy(image, seed=number))
    write(folder / "after.tif", noisy(later, seed=number + 50))
    write(folder / "label.tif", label, dtype="uint8", scale=1.0, bands=None)


def labelled_places(folder: Path, count: int = 5, **options: object) -> Path:
    """A folder of ``count`` labelled places."""
    for number in range(count):
        labelled_place(folder / f"place{number}", number, **options)  # type: ignore[arg-type]
    return folder
