"""Reflectance of what lies on the ground in the bands blue green red nir swir1 swir2, and how single things differ.

Typical values chosen by hand after published spectral curves; no measured data. Real surfaces of one name differ by
tens of per cent in brightness and a little in colour: :func:`variant` draws such a single thing.
"""

from __future__ import annotations

import numpy as np
from numpy.typing import NDArray

FloatArray = NDArray[np.float32]
_WAVELENGTH_UM = np.array((0.49, 0.56, 0.665, 0.842, 1.61, 2.19))

SPECTRA: dict[str, tuple[float, float, float, float, float, float]] = {
    # soils, dry and smooth
    "soil_loam": (0.112, 0.147, 0.186, 0.246, 0.325, 0.285),
    "soil_dark": (0.066, 0.082, 0.101, 0.142, 0.208, 0.186),
    "soil_yellow": (0.098, 0.137, 0.196, 0.268, 0.352, 0.300),
    "subsoil": (0.122, 0.170, 0.235, 0.312, 0.395, 0.340),
    "mud": (0.060, 0.076, 0.088, 0.105, 0.085, 0.055),
    "sand": (0.190, 0.238, 0.282, 0.350, 0.418, 0.378),
    "gravel": (0.160, 0.182, 0.205, 0.240, 0.282, 0.262),
    "track": (0.118, 0.144, 0.172, 0.218, 0.272, 0.240),
    # living canopies, closed
    "wheat": (0.024, 0.052, 0.030, 0.470, 0.200, 0.090),
    "maize": (0.029, 0.064, 0.035, 0.440, 0.212, 0.096),
    "rice": (0.028, 0.058, 0.036, 0.390, 0.148, 0.062),
    "soy": (0.032, 0.076, 0.036, 0.530, 0.246, 0.112),
    "rape": (0.030, 0.066, 0.038, 0.430, 0.190, 0.088),
    "rape_flower": (0.050, 0.150, 0.138, 0.450, 0.225, 0.105),
    "peanut": (0.036, 0.078, 0.046, 0.430, 0.240, 0.118),
    "cotton": (0.034, 0.068, 0.046, 0.460, 0.236, 0.118),
    "garlic": (0.040, 0.070, 0.054, 0.340, 0.205, 0.110),
    "melon": (0.042, 0.080, 0.055, 0.400, 0.230, 0.118),
    "vegetables": (0.040, 0.082, 0.050, 0.420, 0.205, 0.105),
    "weeds": (0.044, 0.074, 0.064, 0.320, 0.232, 0.132),
    "poplar": (0.026, 0.050, 0.032, 0.380, 0.180, 0.080),
    "orchard": (0.032, 0.060, 0.042, 0.370, 0.200, 0.098),
    "pine": (0.022, 0.036, 0.026, 0.240, 0.120, 0.058),
    "duckweed": (0.035, 0.085, 0.045, 0.340, 0.100, 0.045),
    # dead plants and fire
    "straw": (0.086, 0.127, 0.178, 0.300, 0.362, 0.242),
    "stover": (0.076, 0.106, 0.146, 0.250, 0.330, 0.232),
    "bare_twigs": (0.052, 0.068, 0.082, 0.165, 0.210, 0.155),
    "char": (0.032, 0.037, 0.042, 0.062, 0.112, 0.124),
    "ash": (0.084, 0.090, 0.098, 0.126, 0.172, 0.164),
    "grain": (0.140, 0.205, 0.300, 0.420, 0.400, 0.285),
    # water and snow
    "water_clear": (0.030, 0.036, 0.024, 0.012, 0.006, 0.004),
    "water_turbid": (0.078, 0.108, 0.116, 0.060, 0.012, 0.008),
    "paddy_water": (0.058, 0.074, 0.073, 0.056, 0.040, 0.028),
    "ice": (0.260, 0.270, 0.250, 0.190, 0.040, 0.030),
    "snow": (0.860, 0.870, 0.850, 0.760, 0.105, 0.080),
    "old_snow": (0.600, 0.605, 0.600, 0.520, 0.080, 0.060),
    # films and nets
    "white_film": (0.205, 0.232, 0.252, 0.312, 0.335, 0.282),
    "black_film": (0.050, 0.055, 0.060, 0.080, 0.092, 0.086),
    "greenhouse_film": (0.245, 0.268, 0.276, 0.370, 0.320, 0.245),
    "green_net": (0.048, 0.086, 0.060, 0.132, 0.172, 0.152),
    "black_net": (0.048, 0.052, 0.056, 0.076, 0.100, 0.096),
    # built
    "concrete_new": (0.290, 0.325, 0.348, 0.380, 0.405, 0.370),
    "concrete": (0.172, 0.196, 0.216, 0.246, 0.272, 0.252),
    "asphalt_new": (0.046, 0.050, 0.055, 0.064, 0.076, 0.072),
    "asphalt": (0.096, 0.108, 0.119, 0.140, 0.162, 0.150),
    "red_tile": (0.076, 0.096, 0.164, 0.230, 0.282, 0.242),
    "grey_tile": (0.090, 0.100, 0.111, 0.136, 0.160, 0.150),
    "cement_roof": (0.160, 0.180, 0.196, 0.222, 0.252, 0.236),
    "bitumen": (0.056, 0.060, 0.064, 0.075, 0.090, 0.088),
    "blue_steel": (0.205, 0.190, 0.128, 0.215, 0.262, 0.205),
    "red_steel": (0.085, 0.090, 0.225, 0.300, 0.310, 0.250),
    "white_steel": (0.420, 0.450, 0.460, 0.465, 0.405, 0.335),
    "fence": (0.260, 0.270, 0.250, 0.300, 0.300, 0.245),
    "frame": (0.140, 0.158, 0.172, 0.205, 0.236, 0.218),
    "rubble": (0.170, 0.190, 0.210, 0.242, 0.275, 0.252),
    "refuse": (0.138, 0.150, 0.158, 0.192, 0.222, 0.200),
    "solar": (0.038, 0.036, 0.034, 0.046, 0.078, 0.090),
    "yard": (0.120, 0.145, 0.172, 0.220, 0.262, 0.230),
    "facade": (0.180, 0.190, 0.195, 0.210, 0.220, 0.200),
}


def spectrum(name: str) -> FloatArray:
    """Reflectance (6,) of a material."""
    return np.array(SPECTRA[name], dtype=np.float32)


def variants(name: str, count: int, rng: np.random.Generator, *, spread: float = 0.16) -> FloatArray:
    """Reflectances (count, 6) of single things of one material: own brightness, tilt and bend over wavelength."""
    position = (np.log(_WAVELENGTH_UM) - np.log(_WAVELENGTH_UM).mean()) / np.log(2.1)
    bright, tilt, bend = (
        rng.standard_normal((3, count, 1)) * np.array([spread, spread * 0.35, spread * 0.25])[:, None, None]
    )
    change = (
        bright + tilt * position + bend * (position**2 - np.mean(position**2)) + rng.standard_normal((count, 6)) * 0.02
    )
    result: FloatArray = np.clip(spectrum(name) * np.exp(change), 0.002, 0.9).astype(np.float32)
    return result


def variant(name: str, rng: np.random.Generator, *, spread: float = 0.16) -> FloatArray:
    """One draw of :func:`variants`, (6,)."""
    return np.asarray(variants(name, 1, rng, spread=spread)[0], dtype=np.float32)
