from __future__ import annotations

import io
from datetime import date

import gpxpy
import numpy as np
import pyproj
import pytest
from hypothesis import given
from hypothesis import strategies as st
from shapely.geometry import LineString, MultiPoint

from pipeline.simulate.city import GroundSide, SyntheticCity
from pipeline.simulate.network import make_network
from pipeline.simulate.patrols import Outing, gpx_bytes
from pipeline.simulate.sightings import COULD_SEE, seen_probability

NOVEMBER = date(2026, 11, 5)


def test_network_ways_are_walkable(city: SyntheticCity) -> None:
    network = make_network(city.landscape)
    assert len(network.xy) > 200
    way = network.way(0, len(network.xy) - 1)
    assert (way[0] == network.xy[0]).all() and (way[-1] == network.xy[-1]).all()
    assert np.hypot(*np.diff(way, axis=0).T).max() < 60.0
    straight = float(np.hypot(*(way[-1] - way[0])))
    assert straight <= LineString(way).length < 3.0 * straight + 500.0


def test_all_fates_occur_and_the_plan_truth_counts_them(ground_side: GroundSide) -> None:
    visits, plan = ground_side.truth["visits"], ground_side.truth["plan"]
    assert (~visits["really_went"]).any() and visits["really_went"].any()
    assert (visits["really_went"] & visits["file"].isna()).any()
    assert not visits[~visits["really_went"]]["file"].notna().any()
    for month in (9, 10):
        rows = plan[plan["plan_id"].str.startswith(f"JH2026{month:02d}")]
        assert (rows["visits_claimed"] == 0).any(), "planned, never made, never claimed"
        assert (rows["visits_made"] < rows["visits_claimed"]).any(), "claimed, never made"
    made = visits[visits["really_went"]]["plan_ids"].str.split(",").explode().value_counts()
    for row in plan.itertuples():
        assert row.visits_made == made.get(row.plan_id, 0)


def test_tracks_follow_the_true_way(city: SyntheticCity, ground_side: GroundSide) -> None:
    visits = ground_side.truth["visits"].set_index("visit_id")
    to_city = pyproj.Transformer.from_crs("EPSG:4326", "EPSG:4547", always_xy=True)
    for visit_id, (_, _, content) in list(ground_side.tracks.items())[:12]:
        track = gpxpy.parse(io.BytesIO(content))
        points = [point for segment in track.tracks[0].segments for point in segment.points]
        seconds = [(b.time - a.time).total_seconds() for a, b in zip(points[:-1], points[1:], strict=True)]
        assert points[0].time.date() == visits.loc[visit_id, "visited_on"].date()
        assert 10 <= min(seconds) and np.median(seconds) <= 30
        x, y = to_city.transform([p.longitude for p in points], [p.latitude for p in points])
        away = MultiPoint(list(zip(x, y, strict=True))).hausdorff_distance(visits.loc[visit_id, "geometry"])
        near = [
            visits.loc[visit_id, "geometry"].distance(point) for point in MultiPoint(list(zip(x, y, strict=True))).geoms
        ]
        assert np.median(near) < 8.0 and max(near) < 40.0, away


def test_gpx_bytes_are_the_same_for_the_same_stream() -> None:
    path = np.array([[593600.0, 3608600.0], [594600.0, 3608600.0]])
    outing = Outing("X1", "U01", "P1", NOVEMBER, "plan", "tracked", ("G1",), (), path)
    first, second = (gpx_bytes(outing, "张三", 20, np.random.default_rng(1)) for _ in range(2))
    assert first == second
    assert "张三" in first.decode("utf-8")


def test_tall_and_near_is_seen_low_behind_maize_is_not() -> None:
    near = seen_probability(distance_m=10.0, stage="structure", area_m2=5000.0, day=NOVEMBER)
    far = seen_probability(distance_m=600.0, stage="structure", area_m2=5000.0, day=NOVEMBER)
    hidden = seen_probability(distance_m=80.0, stage="pit", area_m2=3000.0, day=date(2026, 8, 20))
    open_field = seen_probability(distance_m=80.0, stage="pit", area_m2=3000.0, day=NOVEMBER)
    assert near > 0.9 > COULD_SEE > 0.05 > far
    assert hidden < open_field


@given(st.floats(0, 2000), st.floats(0, 2000), st.sampled_from(["earthworks", "pit", "structure", "roofed"]))
def test_farther_is_never_seen_better(first: float, second: float, stage: str) -> None:
    near, far = sorted((first, second))
    chances = [seen_probability(distance_m=d, stage=stage, area_m2=2000.0, day=NOVEMBER) for d in (near, far)]
    assert 0.0 <= chances[1] <= chances[0] <= 0.97


def test_sightings_only_after_onset_and_only_on_real_visits(ground_side: GroundSide) -> None:
    truth = ground_side.truth
    joined = truth["sightings"].merge(truth["sites"][["site_id", "onset"]], on="site_id")
    joined = joined.merge(truth["visits"][["visit_id", "really_went"]], on="visit_id")
    assert (joined["visited_on"] >= joined["onset"]).all()
    assert joined["really_went"].all()
    assert not (joined["reported"] & ~joined["seen"]).any()
    assert (joined["could_see"] == (joined["seen_probability"] >= COULD_SEE)).mean() > 0.995
    careful = joined[joined["could_see"]]
    assert careful["seen"].mean() == pytest.approx(0.88, abs=0.12)


def test_neighbours_are_one_step_away(city: SyntheticCity) -> None:
    network = make_network(city.landscape)
    for node in (0, 5, len(network.xy) - 1):
        step = np.hypot(*(network.xy[node] - network.xy[network.neighbour(node)]))
        assert 0.0 < step < 60.0


def test_every_real_visit_has_a_way(ground_side: GroundSide) -> None:
    visits = ground_side.truth["visits"]
    assert (visits[visits["really_went"]].length > 10.0).all()
    assert visits[~visits["really_went"]].geometry.is_empty.all()
