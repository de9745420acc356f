from __future__ import annotations

from datetime import date

import numpy as np
import pytest

from pipeline.simulate.crops import CALENDARS, SPECTRA, crop_reflectance, spectrum, value
from pipeline.simulate.frame import day_number


def ndvi(system: str, day: date) -> float:
    days = np.array([day_number(day)], dtype=np.float32)
    one = np.ones(1, dtype=np.float32)
    bands = crop_reflectance(system, days, one, one)[:, 0]
    return float((bands[3] - bands[2]) / (bands[3] + bands[2]))


def test_curve_is_linear_between_points_and_constant_outside() -> None:
    curve = (("2026-01-01", 0.0), ("2026-01-11", 1.0))
    days = np.array([day_number(date(2025, 12, 1)), day_number(date(2026, 1, 6)), day_number(date(2026, 2, 1))])
    assert value(curve, days.astype(np.float32)).tolist() == pytest.approx([0.0, 0.5, 1.0])


def test_double_cropping_is_green_twice_and_bare_between() -> None:
    april, june, august, october = (date(2026, 4, 10), date(2026, 6, 10), date(2026, 8, 10), date(2026, 10, 14))
    assert ndvi("wheat_maize", april) > 0.75
    assert ndvi("wheat_maize", august) > 0.75
    assert ndvi("wheat_maize", june) < 0.35
    assert ndvi("wheat_maize", october) < 0.35


def test_rice_is_flooded_after_planting() -> None:
    days = np.array([day_number(date(2026, 6, 13))], dtype=np.float32)
    one = np.ones(1, dtype=np.float32)
    bands = crop_reflectance("rice", days, one, one)[:, 0]
    assert bands[1] > bands[4]  # green above swir1 means open water (MNDWI > 0)


def test_garlic_mulch_brightens_the_field_in_october() -> None:
    days = np.array([day_number(date(2026, 9, 28)), day_number(date(2026, 10, 10))], dtype=np.float32)
    one = np.ones(2, dtype=np.float32)
    before, after = crop_reflectance("garlic", days, one, one).mean(axis=0)
    assert after > 1.3 * before


@pytest.mark.parametrize("system", sorted(CALENDARS))
def test_shares_never_exceed_the_ground(system: str) -> None:
    days = np.arange(0, 420, 3, dtype=np.float32)
    bands = crop_reflectance(system, days, np.full_like(days, 1.3), np.ones_like(days))
    assert bands.min() > 0.0
    assert bands.max() < 0.6


def test_bare_soil_and_earthworks_are_close_but_not_equal() -> None:
    soil, works = spectrum("soil"), spectrum("subsoil")
    cosine = float(soil @ works / np.linalg.norm(soil) / np.linalg.norm(works))
    assert 0.98 < cosine < 0.99999
    assert set(len(values) for values in SPECTRA.values()) == {6}
