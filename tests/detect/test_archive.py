"""The monitor's state as bytes."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.detect.archive import (
    STATES,
    MonthState,
    StateError,
    coded,
    decoded,
    month_state,
    packed,
    states_of,
    unpacked,
)
from pipeline.spectra import BANDS
from tests.detect.series import COVERS, months_of, years


def test_codes_keep_a_state_within_half_a_step() -> None:
    image = np.array([COVERS[name] for name in ("crop", "soil", "roof", "flood")], dtype=np.float32).T[:, None, :]
    states = states_of(image, BANDS)
    away = np.abs(decoded(coded(states)) - states)
    assert away.max() <= 0.0076 and states.shape == (len(STATES), 1, 4)
    assert (coded(np.full((5, 1), np.nan, dtype=np.float32)) == 0).all()


def test_states_that_lack_bands_are_unknown() -> None:
    image = np.array(COVERS["soil"][:4], dtype=np.float32).reshape(4, 1, 1)
    known = np.isfinite(states_of(image, BANDS[:4])[:, 0, 0])
    assert dict(zip(STATES, known, strict=True)) == {
        "ndvi": True, "light": True, "ndbi": False, "nbr2": False, "hue": True,
    }  # fmt: skip


def test_a_month_keeps_its_latest_clear_look_and_its_greenest() -> None:
    crop, soil = (np.array(COVERS[name], dtype=np.float32).reshape(6, 1, 1) for name in ("crop", "soil"))
    hidden = np.full_like(crop, np.nan)
    month = month_state([crop, soil, hidden], BANDS, month=1, key="k", days=[(1, 1), (5, 6), (9, 9)])
    assert month.values[6, 0, 0] == 2
    assert np.array_equal(month.values[:5], coded(states_of(soil, BANDS)))
    assert month.values[5, 0, 0] == coded(states_of(crop, BANDS))[0, 0, 0]
    assert (month_state([hidden], BANDS, month=1, key="k", days=[(9, 9)]).values == 0).all()


def test_the_same_months_are_the_same_bytes_and_come_back() -> None:
    months = months_of(years(1))
    content = packed(months, frame="f")
    back = unpacked(content, frame="f")
    assert packed(tuple(reversed(back)), frame="f") == content
    for one, two in zip(months, back, strict=True):
        assert (one.month, one.key, one.days) == (two.month, two.key, two.days)
        assert np.array_equal(one.values, two.values)
    assert unpacked(packed((), frame="f"), frame="f") == ()


@pytest.mark.parametrize("cut", [0, 5, 20, 200, -1])
def test_damaged_or_foreign_states_are_refused(cut: int) -> None:
    content = packed(months_of(years(1)), frame="f")
    with pytest.raises(StateError):
        unpacked(content[:cut], frame="f")
    with pytest.raises(StateError):
        unpacked(content, frame="another")
    with pytest.raises(StateError):
        unpacked(content.replace(b'"version": 1', b'"version": 0'), frame="f")


def test_taking_over_months_and_computing_them_again_give_the_same_bytes() -> None:
    covers = years(3)
    whole = packed(months_of(covers), frame="f")
    grown: tuple[MonthState, ...] = ()
    for month in months_of(covers):
        grown = (*unpacked(packed(grown, frame="f"), frame="f"), month)
    assert packed(grown, frame="f") == whole
