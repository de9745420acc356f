from datetime import timedelta
from typing import Any

import numpy as np
import pyproj
import pytest
import shapely

from pipeline.geodesy import DATUMS
from pipeline.ledger.track_datum import (
    datum_doubt,
    datum_repair,
    group_of,
    infer_track_datums,
    largest_shift_m,
    read_in,
)
from pipeline.ledger.tracks import CleanTrack
from tests.ledger.ground import CRS, DAY, X0, Y0, degrees, item, track

NONE = np.array([], dtype=object)
# roads every 700 to 1100 m, 8 m wide: a grid that no shift of some hundred metres maps onto itself
ROADS = np.array(
    [shapely.LineString([(X0 + x, Y0), (X0 + x, Y0 + 9000)]).buffer(4) for x in (0, 900, 1700, 2800, 3500, 4600, 5600)]
    + [
        shapely.LineString([(X0, Y0 + y), (X0 + 6000, Y0 + y)]).buffer(4)
        for y in (0, 1100, 1900, 3000, 3700, 4800, 6000)
    ],
    dtype=object,
)
RIDE = [(0, 0), (0, 3000), (1700, 3000), (1700, 1900), (3500, 1900), (3500, 4800), (5600, 4800), (5600, 0)]


def as_read(points: list[tuple[float, float]], datum: str) -> Any:
    """Where a track recorded in ``datum`` lies when taken for WGS84."""
    to_city = pyproj.Transformer.from_crs("EPSG:4490", CRS, always_xy=True)
    line = shapely.segmentize(shapely.LineString([(X0 + x, Y0 + y) for x, y in points]), 40.0)
    return [to_city.transform(*degrees(x, y, datum)) for x, y in line.coords]


def ridden(
    datum: str, *, device: str = "app", points: Any = RIDE, unit: str = "U1", day: int = 0, **more: Any
) -> CleanTrack:
    made = track(as_read(points, datum), unit=unit, day=DAY + timedelta(days=day), file=f"{device}{day}.gpx")
    return CleanTrack(**{**made.__dict__, "device": device, **more})


def infer(tracks: list[CleanTrack], items: Any = (), roads: Any = ROADS, **more: Any) -> Any:
    options = {"crs": CRS, "min_odds": 0.95, "road_m": 15.0, "sight_m": 150.0, "max_days_apart": 1}
    return infer_track_datums(tracks, items, roads, **{**options, **more})


@pytest.mark.parametrize("datum", DATUMS)
def test_roads_tell_the_datum_and_the_track_goes_back_onto_them(datum: str) -> None:
    made = ridden(datum)
    found = infer([made])[group_of(made)]
    assert found.datum == datum and found.odds[datum] > 0.99 and found.road_share[datum] > 0.9
    back = read_in(made, found.datum, CRS)
    assert max(ROADS_UNION.distance(shapely.Point(xy)) for xy in back.line.coords) < 1.0
    assert len(datum_repair(made, found)) == (datum != "WGS84")
    assert found.as_json()["prior_basis"] == "standard"


ROADS_UNION = shapely.union_all(ROADS)


def test_without_evidence_the_standard_alone_does_not_decide() -> None:
    made = ridden("WGS84")
    found = infer([made], roads=NONE)[group_of(made)]
    assert found.datum is None and found.odds["WGS84"] == pytest.approx(0.9)
    assert read_in(made, found.datum, CRS) is made
    assert f"{largest_shift_m(made, CRS):.0f}米" in datum_doubt(made, found, CRS) and largest_shift_m(made, CRS) > 300


def test_patrols_off_every_mapped_road_tell_nothing() -> None:
    rng = np.random.default_rng(1)
    points = [tuple(xy) for xy in rng.uniform(0, 5000, (60, 2))]
    made = ridden("GCJ-02", points=points)
    found = infer([made])[group_of(made)]
    assert found.datum is None and found.odds["WGS84"] == pytest.approx(0.9, abs=0.06)


@pytest.mark.parametrize(
    ("datum", "ledger"), [("WGS84", "GCJ-02"), ("GCJ-02", "WGS84"), ("BD-09", "WGS84"), ("GCJ-02", "BD-09")]
)
def test_entries_in_another_datum_give_both_away(datum: str, ledger: str) -> None:
    made = ridden(datum)
    spots = [(0, 500), (0, 2500), (900, 3000), (1700, 2400), (2600, 1900), (3500, 3000), (4500, 4800), (5600, 2500)]
    items = [item(n, at=(X0 + x + 20, Y0 + y + 20), datum=ledger) for n, (x, y) in enumerate(spots)]
    found = infer([made], items, roads=NONE)[group_of(made)]
    assert (found.datum, found.ledger_units) == (datum, ("U1",))


def test_entries_in_the_same_datum_tell_nothing() -> None:
    items = [item(n, at=(X0 + 20, Y0 + 400 * n), datum="GCJ-02") for n in range(8)]
    made = ridden("GCJ-02")
    found = infer([made], items, roads=NONE)[group_of(made)]
    assert found.datum is None and found.odds["WGS84"] == pytest.approx(0.9, abs=0.05)


def test_apps_are_judged_by_themselves_and_the_bureau_may_know() -> None:
    good, bad = ridden("WGS84", device="甲"), ridden("GCJ-02", device="乙", unit="U2")
    found = infer([bad, good])
    assert [found[group_of(one)].datum for one in (good, bad)] == ["WGS84", "GCJ-02"]
    told = infer([bad], roads=NONE, known={"乙": "GCJ-02"})[group_of(bad)]
    assert told.datum == "GCJ-02" and told.basis == "GCJ-02"
    stated = ridden("BD-09", stated_datum="BD-09", standard=False)
    assert infer([stated], roads=NONE)[group_of(stated)].datum == "BD-09"


def test_ways_of_decided_apps_help_where_the_map_has_no_roads() -> None:
    # the first app is known; the second rode the same unmapped ways
    known, other = ridden("WGS84", device="甲"), ridden("GCJ-02", device="乙", unit="U2")
    found = infer([known, other], roads=NONE, known={"甲": "WGS84"})
    assert found[group_of(other)].datum == "GCJ-02"


def test_order_of_tracks_changes_nothing() -> None:
    tracks = [ridden("GCJ-02", day=n, device=f"{n % 2}") for n in range(4)]
    assert infer(tracks) == infer(tracks[::-1])
    assert infer([]) == {}


def test_the_doubt_names_an_unnamed_device_in_one_pair_of_brackets() -> None:
    told = {name: datum_doubt(one, infer([one], roads=NONE)[group_of(one)], CRS)
            for name, one in (("甲", ridden("WGS84", device="甲")), ("U1未写明的设备", ridden("WGS84", device="")))}  # fmt: skip
    assert all(text.endswith(f"米（{name}）") for name, text in told.items())
