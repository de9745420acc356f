"""What an object's ground is made of after the change: shares of its pixels by the material that their colour tells."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np
from numpy.typing import NDArray

from pipeline.spectra import bsi, ndvi

FloatArray = NDArray[np.float32]
MaskArray = NDArray[np.bool_]

PLANTS_NDVI, SPARSE_NDVI = 0.40, 0.30
SOIL_RATIO, SOIL_BSI = 0.76, 0.06
GREY_RATIO, GREY_LIGHT = 0.78, 0.09
BLUE_RATIO, BRIGHT_LIGHT = 1.1, 0.22
DRY_SWIR = 0.10
"""Water and wet shadow reflect less short-wave infrared than any dry roof."""


@dataclass(frozen=True)
class Materials:
    """Shares 0..1 of an object's pixels: bare soil, grey mineral ground (concrete, stone, walls), roofs by their colour
    (blue steel, white sheet), plants. What is none of them is no share. All NaN where the bands do not tell.
    """

    soil: float
    grey: float
    roof: float
    plants: float

    @property
    def known(self) -> bool:
        return bool(np.isfinite(self.soil))


UNKNOWN = Materials(*(float("nan"),) * 4)
NEEDED = ("blue", "green", "red", "nir", "swir1")


def materials(after: FloatArray, mask: MaskArray, bands: Sequence[str]) -> Materials:
    """Materials of the object ``mask`` (y, x) in ``after`` (band, y, x), reflectance 0..1, NaN where not observable.

    Soil is redder than concrete: blue over red stays below :data:`SOIL_RATIO` for soils (Munsell hues 10R to 2.5Y) and
    above :data:`GREY_RATIO` for cement, asphalt and metal; between the two nothing is said.
    """
    if not set(NEEDED) <= set(bands):
        return UNKNOWN
    blue, green, red, nir, swir = (after[list(bands).index(name)][mask] for name in NEEDED)
    seen = np.isfinite(blue) & np.isfinite(red) & np.isfinite(nir) & np.isfinite(swir)
    if not seen.any():
        return UNKNOWN
    blue, green, red, nir, swir = (band[seen] for band in (blue, green, red, nir, swir))
    plants = ndvi(nir, red)
    with np.errstate(divide="ignore", invalid="ignore"):
        ratio = np.where(red > 0, blue / red, np.nan)
    light = (blue + green + red) / 3.0
    dry = (swir >= DRY_SWIR) & (plants < SPARSE_NDVI)
    roof = dry & (light >= GREY_LIGHT) & ((ratio >= BLUE_RATIO) | ((light >= BRIGHT_LIGHT) & (ratio >= GREY_RATIO)))
    grey = dry & ~roof & (light >= GREY_LIGHT) & (ratio >= GREY_RATIO)
    soil = dry & (ratio <= SOIL_RATIO) & (bsi(blue, red, nir, swir) >= SOIL_BSI)
    return Materials(*(float(part.mean()) for part in (soil, grey, roof, plants > PLANTS_NDVI)))
