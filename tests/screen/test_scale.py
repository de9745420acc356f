from __future__ import annotations

import geopandas as gpd
import pytest

from benchmarks.screen_scale import CRS, WORKS, classes, digest, draw_ground, measure, screening, works
from pipeline.screen.suppress import screen_candidates


def test_the_scale_benchmark_screens_every_candidate_and_its_pieces_are_the_peers() -> None:
    ground, candidates = draw_ground(0.004)
    suspected, suppressed = screen_candidates(candidates, **screening(ground))
    assert len(suspected) + len(suppressed) == len(candidates) == 200
    peer = works(ground, candidates)[WORKS[0]]()
    plane = peer.assign(m2=peer.area).groupby(["candidate_id", "class_code"])["m2"].sum()
    by_class = classes(ground, candidates)
    for candidate, areas in zip(candidates["candidate_id"], by_class, strict=True):
        assert {code for code in areas if code != "unknown"} == {
            code for code, m2 in plane[candidate].items() if m2 > 0.01
        }
        for code, m2 in plane[candidate].items():
            assert areas.get(code, 0.0) == pytest.approx(m2, rel=1e-3, abs=0.1)


def test_a_result_does_not_depend_on_which_candidates_stand_beside() -> None:
    ground, candidates = draw_ground(0.004)
    whole = classes(ground, candidates)
    parts = [classes(ground, candidates.iloc[half]) for half in (slice(0, 90), slice(90, None))]
    assert parts[0] + parts[1] == whole


def test_measuring_gives_the_same_digest_twice() -> None:
    first, again = (measure("class areas", 0.001) for _ in range(2))
    assert first["digest"] == again["digest"] and first["cpu_s"] > 0.0
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[None], crs=CRS)
    assert digest(frame) != digest(frame.assign(a=2))
