"""Per-pixel validity codes: from a Sentinel-2 scene classification, and from a scene's place in its own series."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from numpy.typing import NDArray
from scipy import ndimage

from pipeline.spectra import haze_index
from pipeline.values import Validity

FloatArray = NDArray[np.float32]
CodeArray = NDArray[np.uint8]

HALO_PX = 48
NEAR_CLOUD_PX = 30
CLOUD_DISC_PX = 3
SHADOW_DISC_PX = 1
_SCL: dict[int, Validity] = {
    0: Validity.NO_DATA,
    1: Validity.SATURATED,
    3: Validity.SHADOW,
    8: Validity.CLOUD,
    9: Validity.CLOUD,
    10: Validity.HAZE,
    11: Validity.SNOW,
}


def codes_of_scl(classes: CodeArray) -> CodeArray:
    """Validity codes of Sentinel-2 scene classes (y, x); classes 2 and 4 to 7 are clear."""
    table = np.full(256, np.uint8(Validity.NO_DATA))
    table[[2, 4, 5, 6, 7]] = Validity.CLEAR
    for code, validity in _SCL.items():
        table[code] = validity
    return table[classes]


def grown(codes: CodeArray, *, cloud_px: float, shadow_px: float) -> CodeArray:
    """Codes with clouds and haze grown by ``cloud_px`` and shadows by ``shadow_px`` pixels over clear ones."""
    result = codes.copy()
    for kinds, reach in (((Validity.CLOUD, Validity.HAZE), cloud_px), ((Validity.SHADOW,), shadow_px)):
        bad = np.isin(codes, kinds)
        if bad.any():
            near = ndimage.distance_transform_edt(~bad) <= reach
            result[near & (result == Validity.CLEAR)] = kinds[0]
    return result


def series_median(values: FloatArray) -> FloatArray:
    """Median over the first axis of (scene, y, x), NaN left out; NaN where there is none."""
    ordered = np.sort(values, axis=0)
    count = np.isfinite(values).sum(axis=0)
    low = np.take_along_axis(ordered, np.maximum((count - 1) // 2, 0)[None], axis=0)[0]
    high = np.take_along_axis(ordered, np.minimum(count // 2, len(values) - 1)[None], axis=0)[0]
    return np.where(count > 0, (low + high) / 2, np.nan).astype(np.float32)


def series_codes(
    images: FloatArray,
    codes: CodeArray,
    classified: Sequence[bool],
    cloudy: Sequence[bool],
    bands: Sequence[str],
    *,
    cloud_rise: float,
    shadow_ratio: float,
    agreement: float,
) -> CodeArray:
    """Validity codes (scene, y, x) with clouds and shadows that stand out of the pixel's own series.

    ``images``: (scene, band, y, x) reflectance in order of date, NaN where there is no data. ``codes``: (scene, y, x)
    codes known so far; pixels that are not clear are kept and do not enter the medians. ``classified``: per scene
    whether its codes came from a classification; then clouds are looked for only near its clouds, else everywhere.
    ``cloudy``: per scene whether it has clouds at all; only then it can have their shadows, which fall far away.

    A pixel is suspected as cloud when its blue reflectance lies ``cloud_rise`` above its series' median, as shadow
    when its brightness is below ``shadow_ratio`` of it. The suspicion is dropped where the look before or after differs
    by less than ``agreement`` (mean reflectance): clouds do not stay, new roofs and bare ground do.
    """
    names = list(bands)
    light = images.mean(axis=1)
    blue = images[:, names.index("blue")] if "blue" in names else light
    red = images[:, names.index("red")] if "red" in names else light
    infra = images[:, names.index("nir")] if "nir" in names else light
    clear = codes == Validity.CLEAR
    usual = [series_median(np.where(clear, values, np.nan)) for values in (blue, haze_index(blue, red), light, infra)]
    result = codes.copy()
    for index in range(len(images)):
        rise = blue[index] - usual[0]
        whiter = haze_index(blue[index], red[index]) - usual[1]
        cloud = (rise > cloud_rise) & (whiter > 0.5 * cloud_rise)
        shadow = (light[index] < shadow_ratio * usual[2]) & (infra[index] < shadow_ratio * usual[3])
        stays = _agrees(images, clear, index, agreement)
        near = _near_clouds(codes[index], cloud & ~stays, classified[index])
        reach = np.full(near.shape, cloudy[index])
        for suspected, where, code, disc_px in (
            (cloud, near, Validity.CLOUD, CLOUD_DISC_PX),
            (shadow, reach, Validity.SHADOW, SHADOW_DISC_PX),
        ):
            solid = _solid(suspected & ~stays & clear[index], disc_px) & where
            result[index][solid & (result[index] == Validity.CLEAR)] = code
    return result


def _agrees(images: FloatArray, clear: NDArray[np.bool_], index: int, agreement: float) -> NDArray[np.bool_]:
    agrees = np.zeros(images.shape[2:], dtype=bool)
    for other in (index - 1, index + 1):
        if 0 <= other < len(images):
            away = np.abs(images[other] - images[index]).mean(axis=0)
            agrees |= (away < agreement) & clear[other]
    return agrees


def _near_clouds(codes: CodeArray, suspected: NDArray[np.bool_], classified: bool) -> NDArray[np.bool_]:
    cloud = np.isin(codes, (Validity.CLOUD, Validity.HAZE))
    if not classified:
        cloud = cloud | _solid(suspected, CLOUD_DISC_PX)
    if not cloud.any():
        return np.zeros(codes.shape, dtype=bool)
    return np.asarray(ndimage.distance_transform_edt(~cloud) <= NEAR_CLOUD_PX, dtype=bool)


def _solid(mask: NDArray[np.bool_], disc_px: int) -> NDArray[np.bool_]:
    """Parts of a mask that, small gaps closed, hold a disc of radius ``disc_px``, grown by one pixel."""
    reach = np.arange(-disc_px, disc_px + 1)
    disc = reach[:, None] ** 2 + reach[None, :] ** 2 <= disc_px**2 + 1
    around = np.ones((3, 3), dtype=bool)
    closed = ndimage.binary_closing(mask, around)
    return np.asarray(ndimage.binary_dilation(ndimage.binary_opening(closed, disc), around), dtype=bool)
