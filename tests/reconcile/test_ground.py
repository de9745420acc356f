"""Points over drawn cells, their risk, and the chance that a drawn track showed them."""

from __future__ import annotations

from types import SimpleNamespace

import geopandas as gpd
import numpy as np
import pytest
from shapely.geometry import Point, box

from pipeline.reconcile.ground import RiskWeights, chance_unseen, risk_ground, seen_by_cell, unseen_finds
from pipeline.schema import TARGETS


def test_points_share_their_cells_area_and_carry_its_risk(draw: SimpleNamespace) -> None:
    cells = draw.cells()
    west = [box(draw.x, draw.y, draw.x + 250, draw.y + 500)]
    ground = draw.ground(cells, farmland=west, basic_farmland=[])
    sums = seen_by_cell(ground, np.ones((len(ground.xy), 2)), cells=2)
    assert sums["area_ha"].tolist() == pytest.approx([25.0, 25.0])
    # half of C1 is farmland, which counts double
    assert sums["risk"].tolist() == pytest.approx([37.5, 25.0])
    assert sums["seen_built_ha"].tolist() == [0.0, 0.0]


def test_targets_and_cases_add_points_of_their_own(draw: SimpleNamespace) -> None:
    cells = draw.cells()
    new, old, far = (
        draw.table(TARGETS, [draw.target("T", x=x)], base(draw)) for x in (100.0, 700.0, 5000.0)
    )  # fmt: skip
    sums = seen_by_cell(ground := draw.ground(cells, new, old), np.zeros((len(ground.xy), 2)), cells=2)
    assert sums["risk"].tolist() == pytest.approx([45.0, 35.0])
    assert sums["area_ha"].tolist() == pytest.approx([25.0, 25.0])
    assert sums["risk_seen_early"].tolist() == pytest.approx([45.0, 35.0])
    outside = draw.ground(cells, far)
    assert len(outside.xy) == len(draw.ground(cells).xy)


def base(draw: SimpleNamespace) -> dict[str, object]:
    city = draw.City()
    return dict(city.tables()["targets"].drop(columns="geometry").iloc[0])


def test_two_visits_multiply_what_each_left_unseen(draw: SimpleNamespace) -> None:
    cells, city = draw.cells(), draw.City()
    city.visits = [draw.visit("V1", "2026-10-14", y=250.0), draw.visit("V2", "2026-10-15", y=250.0)]
    visits, ground = city.tables()["visits"], draw.ground(cells)
    once = chance_unseen(ground, visits, {0: [0]}, sight=draw.sight)
    twice = chance_unseen(ground, visits, {0: [0], 1: [0]}, sight=draw.sight)
    assert twice == pytest.approx(once**2)
    inside = ground.cell == 0
    assert (once[inside] < 1).any() and (once[~inside] == 1.0).all()
    near = np.abs(ground.xy[:, 1] - draw.y - 250.0) < 30.0
    # 25 m from the track at 2 km/h: 0.95 * exp(-0.5 * 0.25 ** 2) of a structure
    assert 1.0 - once[near & inside, 1].min() == pytest.approx(0.95 * np.exp(-0.5 * 0.25**2), abs=0.01)
    assert (once[:, 1] <= once[:, 0]).all()


def test_a_cell_smaller_than_the_lattice_keeps_a_point(draw: SimpleNamespace) -> None:
    cells = draw.cells().iloc[:1].copy()
    cells.geometry = [box(draw.x + 1, draw.y + 1, draw.x + 3, draw.y + 3)]
    ground = draw.ground(cells, step_m=500.0)
    assert ground.area_ha.tolist() == pytest.approx([4 / 10_000])


def test_nothing_to_weigh(draw: SimpleNamespace) -> None:
    cells = draw.cells().iloc[:0]
    ground = draw.ground(cells)
    assert chance_unseen(ground, draw.City().tables()["visits"], {}, sight=draw.sight).shape == (0, 2)
    assert seen_by_cell(ground, np.zeros((0, 2)), cells=0).empty


def test_earlier_targets_weigh_as_cases_and_farmland_by_its_class(draw: SimpleNamespace) -> None:
    cells, city = draw.cells(), draw.City()
    city.targets = [draw.target("T1", x=100.0, y=100.0), draw.target("T2", x=300.0, y=100.0, first_period="2026-09")]
    arable, built = (box(draw.x + at, draw.y, draw.x + at + 500, draw.y + 500) for at in (0, 500))
    land = gpd.GeoDataFrame({"class_code": ["0102", "0701"]}, geometry=[arable, built], crs=cells.crs)
    found = risk_ground(
        cells,
        city.tables()["targets"],
        land,
        None,
        period="2026-10",
        is_farmland=lambda code: code.startswith("01"),
        step_m=50.0,
        weights=RiskWeights(farmland=1.0, basic_farmland=2.0, target_ha=20.0, case_ha=10.0),
    )
    # 25 ha of farmland count twice, the built 25 ha once; 20 for this period's target, 10 for the earlier one
    assert [found.risk[found.cell == cell].sum() for cell in (0, 1)] == pytest.approx([80.0, 25.0])


def test_a_grave_that_a_patrol_placed_weighs_as_a_case_in_its_cell_and_raises_nothing_else(
    draw: SimpleNamespace,
) -> None:
    cells = draw.cells()
    place = Point(draw.x + 100.0, draw.y + 100.0)
    entries = gpd.GeoDataFrame(
        {
            "finding": [True, True, False, True, True],
            "status": ["耕地内建坟一座", "厂房主体", "无新建坟墓", "新坟", None],
            "project": [None, "厂房", None, None, "坟"],
            "uncertainty_m": [30.0, 30.0, 30.0, 900.0, 30.0],
        },
        geometry=[place, place, place, place, None],
        crs=cells.crs,
    )
    finds = unseen_finds(entries, ["坟"])
    assert finds.index.tolist() == [0]
    options = {"period": "2026-10", "is_farmland": lambda code: False, "step_m": 50.0,
               "weights": RiskWeights(farmland=1.0, basic_farmland=2.0, target_ha=20.0, case_ha=10.0)}  # fmt: skip
    land = gpd.GeoDataFrame(
        {"class_code": ["0701"]}, geometry=[box(draw.x, draw.y, draw.x + 9, draw.y + 9)], crs=cells.crs
    )
    nothing = draw.City().tables()["targets"].iloc[:0]
    before, after = (
        risk_ground(cells, nothing, land, None, finds=found, **options) for found in (finds.iloc[:0], finds)
    )
    risks = [[ground.risk[ground.cell == cell].sum() for cell in (0, 1)] for ground in (before, after)]
    assert risks[1] == pytest.approx([risks[0][0] + 10.0, risks[0][1]])
