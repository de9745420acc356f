"""How clerks tell places: every manner is written, honestly wrong at times, and from streams of its own."""

from __future__ import annotations

import hashlib

import numpy as np
import pandas as pd
import pytest
import shapely
from shapely.geometry import Point

from pipeline.simulate.city import GroundSide, SyntheticCity, make_city, make_ground_side
from pipeline.simulate.frame import generators
from pipeline.simulate.place_manners import MANNERS, SHARES
from pipeline.simulate.places import Clerks, habits_of
from pipeline.simulate.telling import Habits, distance_words, judged_m, numeral, way_word
from pipeline.simulate.wording import place_text


@pytest.fixture(scope="module")
def told(city: SyntheticCity) -> pd.DataFrame:
    """Places all over the small city, told by all its people."""
    rng = np.random.default_rng(3)
    clerks = Clerks(city.landscape, city.named, city.organisation, rng)
    people = city.organisation.people["person_id"].tolist()
    rows = []
    for _ in range(800):
        shape = Point(city.frame.at(*rng.uniform(0.05, 0.95, 2))).buffer(20.0)
        told = clerks.tell(shape, str(rng.choice(people)), place_text(city.landscape, shape, rng))
        rows.append(vars(told))
    return pd.DataFrame(rows)


def habits(**changes: object) -> Habits:
    plain = habits_of(np.random.default_rng(0))
    return Habits(**{**vars(plain), "four_ways": False, "judged": "eye", **changes})  # type: ignore[arg-type]


def test_every_manner_slip_and_script_is_written(told: pd.DataFrame) -> None:
    assert set(told["manner"]) == set(SHARES) == {"plain", *MANNERS}
    assert set(told["slip"]) == {"none", "sound", "shape", "left_out"}
    assert 0.85 < (told["slip"] == "none").mean() < 1.0
    assert 0.0 < told["wrong_way"].mean() < 0.06
    for words in ("步", "里", "公里", "莊", "乡", "组", "家", "之间", "附近", "交"):
        assert told["text"].str.contains(words).any(), words
    assert (told["text"].str.len() >= 2).all()


def test_the_city_without_its_words_is_what_its_own_streams_made() -> None:
    # digests of what the same seeds drew before clerks had manners; the words have streams of their own
    side = make_ground_side(make_city(size="small", seed=20261001))
    rows = side.truth["ledger_rows"].drop(columns=["place", "manner", "slip", "wrong_way"])
    told = {
        "rows": rows.to_csv(index=False),
        "visits": side.truth["visits"].drop(columns="geometry").to_csv(index=False),
    }
    found = {name: hashlib.sha256(text.encode()).hexdigest()[:16] for name, text in told.items()}
    assert found == {"rows": "79f978ffcc8cc20f", "visits": "c24f729274b092bb"}


def test_the_streams_of_words_are_apart_from_all_others() -> None:
    one, other = generators(5), generators(5)
    one["places"].random(1000)
    one["names"].random(1000)
    assert all(one[name].random() == other[name].random() for name in one if name not in ("places", "names"))


def test_part_of_the_names_is_delivered_and_lies_where_it_is(city: SyntheticCity) -> None:
    for layer, known in (("LRDL", [city.named.roads]), ("AGNP", [city.named.hamlets, city.named.landmarks])):
        names = pd.concat(known)
        delivered = city.layers[layer]
        assert 0 < len(delivered) == names["delivered"].sum()
        assert set(delivered["NAME"]) <= set(names["name"]) and delivered["BSM"].is_unique
    assert not city.named.landmarks["delivered"].all()
    assert city.named.hamlets.distance(shapely.union_all(city.landscape.villages.geometry.to_numpy())).min() > 300


def test_truth_keeps_what_the_ledger_says(ground_side: GroundSide) -> None:
    rows = ground_side.truth["ledger_rows"]
    found = rows["site_id"].notna() | rows["find_id"].notna()
    assert rows.loc[found, "place"].notna().all() and rows.loc[~found, "place"].isna().all()
    assert set(rows.loc[found, "manner"]) <= set(SHARES)


def test_people_err_in_distances_and_directions_as_the_model_says() -> None:
    rng = np.random.default_rng(1)
    errors = np.log([judged_m(500.0, habits(), rng) / 500.0 for _ in range(3000)])
    assert 0.18 < errors.std() < 0.22 and abs(errors.mean()) < 0.02
    along = [judged_m(500.0, habits(judged="odometer"), rng) for _ in range(2000)]
    assert 1.1 < np.mean(along) / 500.0 < 1.25
    words = [way_word(0.0, 1.0, habits(), rng)[0] for _ in range(2000)]
    assert 0.93 < np.mean([word in ("北", "东北", "西北") for word in words]) < 1.0
    assert {way_word(1.0, 0.6, habits(four_ways=True), rng)[0] for _ in range(200)} <= set("东南西北")


@pytest.mark.parametrize(
    ("number", "words"),
    [
        (15, "十五"),
        (150, "一百五十"),
        (205, "两百零五"),
        (1050, "一千零五十"),
        (2000, "两千"),
        (20, "二十"),
        (10, "十"),
    ],
)
def test_numbers_in_counting_words(number: int, words: str) -> None:
    assert numeral(number, counting=True) == words


def test_distances_are_rounded_as_people_do() -> None:
    rng = np.random.default_rng(2)
    for metres in (60.0, 430.0, 1730.0):
        for unit in ("m", "km", "li", "numerals"):
            assert distance_words(metres, unit, rng).strip("约大左右")
    assert {distance_words(1500.0, "li", rng).strip("约大") for _ in range(60)} == {"三里", "3华里"}
