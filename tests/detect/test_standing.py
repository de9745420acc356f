"""Later months of an object: what confirms it, and what shows that it was a field after all."""

from __future__ import annotations

import numpy as np
import pytest

from pipeline.detect.archive import MonthState
from pipeline.detect.season import Series, series_of
from pipeline.detect.standing import Standing, confidence_of, standing_of
from tests.detect.series import FIRST, day_number, months_of, years

PIXELS = 12


def course(covers: list[str | None], *, clear: int, seen: int, jitter: int = 3) -> Standing | None:
    """The standing of an object last clear in month ``clear`` and first seen in ``seen`` after the last of ``covers``."""
    return standing_of(
        wide(covers, jitter), last_clear=day_number(clear), first_seen=day_number(seen), first_month=FIRST + seen
    )


def wide(covers: list[str | None], jitter: int) -> Series:
    months = [
        MonthState(one.month, one.key, one.days, np.repeat(one.values, PIXELS, axis=2))
        for one in months_of(covers, jitter=jitter)
    ]
    return series_of(tuple(months), FIRST + len(covers) - 1, (1, PIXELS), most=36)


def summer(*later: str | None) -> list[str | None]:
    """Two years of fields, a third up to July, and what follows from August on."""
    return [*years(2), *years(1)[:7], *later]


def test_a_yard_begun_in_august_is_confirmed_in_its_third_month_and_not_before() -> None:
    covers = summer("slab", "slab", "slab")
    levels = [confidence_of(found) for stop in (32, 33, 34) if (found := course(covers[:stop], clear=30, seen=31))]
    assert levels == ["early", "probable", "confirmed"]


def test_bare_subsoil_in_the_green_months_is_enough() -> None:
    found = course(summer("subsoil", "subsoil", "subsoil", "subsoil"), clear=30, seen=31)
    assert found is not None and found.seasons == 2 and confidence_of(found) == "confirmed"


@pytest.mark.parametrize(
    ("name", "later"),
    [
        ("cloud left over, then the crop", ("cloud", "crop", "soil", "soil")),
        ("harvested and ploughed early", ("soil", "soil", "soil", "soil", "sown")),
        ("flood, then as before", ("flood", "crop", "soil", "soil")),
        ("film, then the crop under it", ("film", "crop", "soil", "soil")),
    ],
)
def test_what_fields_do_is_never_confirmed(name: str, later: tuple[str, ...]) -> None:
    covers = summer(*later)
    for stop in range(33, len(covers) + 1):
        found = course(covers[:stop], clear=30, seen=31)
        assert found is None or confidence_of(found) != "confirmed", f"{name}: {stop}"


def test_plants_that_come_back_end_it() -> None:
    found = course(summer("slab", "slab", "crop"), clear=30, seen=31)
    assert found is not None and (found.evidence, found.months) == (0.0, 0)


def test_winter_alone_confirms_only_what_lasts() -> None:
    covers = [*years(2), *years(1)[:11], "slab", "slab", "slab", "slab", "slab"]
    levels = [confidence_of(found) for stop in (38, 39) if (found := course(covers[:stop], clear=34, seen=35))]
    assert levels == ["probable", "confirmed"], "three months of a new cover in winter prove no building, four do"


def test_months_without_a_view_and_snow_count_nothing() -> None:
    plain = course(summer("slab", "slab", "slab"), clear=30, seen=31)
    broken = course(summer("slab", None, "slab", "snow", "slab"), clear=30, seen=31)
    assert plain is not None and broken is not None
    assert (broken.months, broken.later) == (3, 2) == (plain.months, plain.later)


def test_nothing_is_known_without_earlier_years() -> None:
    assert course([*years(1)[:8], "slab", "slab"], clear=7, seen=8) is None
    assert course(summer("slab"), clear=30, seen=40) is None


def test_pixels_of_an_object_have_no_order() -> None:
    series = wide(summer("slab", "subsoil", "slab"), 5)
    series.codes[:, :5, ::2] += 1
    moved = Series(series.codes[:, :, ::-1].copy(), series.months, series.first_day, series.last_day)
    days = {"last_clear": day_number(30), "first_seen": day_number(31), "first_month": FIRST + 31}
    assert standing_of(series, **days) == standing_of(moved, **days)
