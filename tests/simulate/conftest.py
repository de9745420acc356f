"""The small city and its ground side, drawn once for all tests of this folder."""

from __future__ import annotations

import pytest

from pipeline.simulate.city import GroundSide, SyntheticCity, make_city, make_ground_side

SEED = 20261001


@pytest.fixture(scope="session")
def city() -> SyntheticCity:
    return make_city(size="small", seed=SEED)


@pytest.fixture(scope="session")
def ground_side(city: SyntheticCity) -> GroundSide:
    return make_ground_side(city)
