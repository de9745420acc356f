from __future__ import annotations

from pathlib import Path

import geopandas as gpd
import pytest

from benchmarks.screen_scale import (
    CRS,
    classes,
    digest,
    draw_ground,
    screening,
    table,
    table_in_memory,
    works,
    works_in_memory,
    write_cities,
    write_tables,
)
from pipeline.screen.suppress import screen_candidates


def test_the_scale_benchmark_screens_every_candidate_and_its_pieces_are_the_peers() -> None:
    ground, candidates = draw_ground(0.004)
    suspected, suppressed = screen_candidates(candidates, **screening(ground))
    assert len(suspected) + len(suppressed) == len(candidates) == 200
    peer = gpd.overlay(candidates[["candidate_id", "geometry"]], ground.land_use, how="intersection")
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


def test_values_and_coordinates_decide_a_digest() -> None:
    frame = gpd.GeoDataFrame({"a": [1]}, geometry=[None], crs=CRS)
    assert digest(frame) == digest(frame.copy()) != digest(frame.assign(a=2))


def test_each_line_of_the_benchmark_is_a_process_of_its_own_and_new_or_known_layers_give_the_same(
    tmp_path: Path,
) -> None:
    every = works(*write_cities(tmp_path, *draw_ground(0.001)))
    wanted = {name: work for name, work in every.items() if "all layers" in name}
    _, _, peer, new, known = ([cell.strip() for cell in line.split("|")[1:-1]] for line in table(wanted, tmp_path))
    assert [row[0] for row in (peer, new, known)] == list(wanted)
    assert peer[4] == peer[8] == "1.00" and new[1] == known[1] == "50"
    assert new[-1] == known[-1] != "" and peer[-1] == ""
    assert 50.0 < float(peer[7]) and float(new[6]) <= float(new[7])


def test_both_sides_work_in_memory_on_the_same_tables_whether_results_are_kept_or_not(tmp_path: Path) -> None:
    ground, candidates = draw_ground(0.001)
    files = write_tables(tmp_path / "tables", ground, candidates)
    every = works_in_memory({"all layers": files["all layers"]})
    _, _, *rows = (
        [cell.strip() for cell in line.split("|")[1:-1]] for line in table_in_memory(every, tmp_path, repeats=1)
    )
    assert [row[0] for row in rows] == list(every)
    pieces = sum(
        len(gpd.overlay(candidates[["candidate_id", "geometry"]], layer, how="intersection"))
        for layer in vars(ground).values()
        if layer is not None
    )
    assert [int(row[1]) for row in rows] == [pieces, len(candidates)] * 2
    assert [row[3] for row in rows[::2]] == ["1.00", "1.00"] and all(float(row[6]) >= 0.0 for row in rows)
