"""A small wild city with fifteen months of history, drawn once for all tests of this folder."""

from __future__ import annotations

import pytest

from pipeline.simulate.wild.city import WildCity, scenery_of, wild_city
from pipeline.simulate.wild.render import Scenery

SEED, SIZE_PX, MONTHS = 4, 130, 15


@pytest.fixture(scope="session")
def city() -> WildCity:
    return wild_city(seed=SEED, size_px=SIZE_PX, months=MONTHS, monthly_share=0.0008)


@pytest.fixture(scope="session")
def scenery(city: WildCity) -> Scenery:
    return scenery_of(city)
