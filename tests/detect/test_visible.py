"""Colours alone: plants, and bright things of a house's size."""

from __future__ import annotations

import numpy as np

from pipeline.detect.visible import building_index, greenness

BANDS = ("red", "green", "blue")


def ground(colour: tuple[float, float, float], size: int = 60) -> np.ndarray:
    return np.repeat(np.array(colour, dtype=np.float32), size * size).reshape(3, size, size)


def test_grass_is_green_concrete_is_not_and_tiles_are_less() -> None:
    grass, concrete, tiles = ground((0.1, 0.2, 0.1)), ground((0.4, 0.4, 0.4)), ground((0.4, 0.2, 0.15))
    values = [float(greenness(image, BANDS).mean()) for image in (grass, concrete, tiles)]
    assert values[0] > 0.3 and abs(values[1]) < 1e-6 and values[2] < -0.1
    swapped = greenness(grass[[2, 1, 0]], ("blue", "green", "red"))
    np.testing.assert_array_equal(swapped, greenness(grass, BANDS))


def test_a_house_shines_a_car_a_field_and_a_shadow_do_not() -> None:
    # widths at 0.55 m: 4 px a car, 24 px a house, 60 px a bright yard, 12 px a shadow
    image = ground((0.1, 0.1, 0.1), 240)
    for place, width, light in ((20, 4, 0.6), (60, 24, 0.6), (110, 60, 0.6), (200, 12, 0.02)):
        image[:, 60 : 60 + width, place : place + width] = light
    found = building_index(image, scale_px=2.7)
    assert found[72, 72] > 0.4
    assert found[62, 22] == found[90, 140] == found[66, 206] == found[150, 60] == 0.0


def test_missing_ground_stays_missing_and_makes_nothing_beside_it_shine() -> None:
    image = ground((0.3, 0.3, 0.3))
    image[:, 20:30, 20:30] = np.nan
    found = building_index(image, scale_px=1.0)
    assert np.isnan(found[20:30, 20:30]).all() and np.nanmax(found) == 0.0
