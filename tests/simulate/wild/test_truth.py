from __future__ import annotations

import geopandas as gpd
import numpy as np
import pandas as pd
import pytest
from geopandas.testing import assert_geodataframe_equal

from pipeline.simulate.city import SyntheticCity, make_ground_side
from pipeline.simulate.city import make_city as make_plain_city
from pipeline.simulate.truth import site_table, stage_table
from pipeline.simulate.wild.city import WildCity, wild_city
from pipeline.simulate.wild.frame import span_of, wild_frame
from tests.simulate.wild.conftest import MONTHS, SEED, SIZE_PX

STAGES = ["enclosure", "earthworks", "pit", "foundation", "structure", "roofed", "hardened"]
OTHER_STAGES = {"extraction", "dumping", "demolished", "recultivated"}
LAID = {"greenhouse", "greenhouse_film", "dust_net", "material_yard", "threshing_ground", "roof_renewal", "road_repaving",
        "crop_storage"}  # fmt: skip
FARMED = {"harvest", "ploughing", "straw_burning", "plastic_mulch", "flooded_paddy", "crop_rotation", "fallow_year"}


@pytest.fixture(scope="module")
def plain() -> SyntheticCity:
    return make_plain_city(size="small", seed=SEED)


def test_sites_and_stages_have_the_columns_of_the_plain_city(city: WildCity, plain: SyntheticCity) -> None:
    usual = site_table(plain.sites, plain.organisation, plain.owners)
    assert [name for name in city.sites.columns if name not in ("change", "form", "paused_days")] == list(usual.columns)
    assert (city.sites.dtypes[usual.columns].drop("geometry") == usual.dtypes.drop("geometry")).all()
    assert list(city.stages.columns) == list(stage_table(plain.sites).columns)
    assert city.sites.crs == usual.crs and city.stages.crs == usual.crs


def test_stages_come_in_order_and_end_on_the_final_ground(city: WildCity) -> None:
    final = city.sites.set_index("site_id")
    assert set(city.stages["site_id"]) == set(city.sites["site_id"])
    for site_id, rows in city.stages.groupby("site_id"):
        assert rows["from"].is_monotonic_increasing, site_id
        assert rows["from"].iloc[0] == final["onset"][site_id]
        if final["change"][site_id] == "construction":
            order = [STAGES.index(stage) for stage in rows["stage"]]
            assert order == sorted(order), site_id
        else:
            assert set(rows["stage"]) <= OTHER_STAGES
        assert rows.geometry.iloc[-1].symmetric_difference(final.geometry[site_id]).area < 1.0


def test_stages_end_a_month_after_the_last_image(city: WildCity) -> None:
    assert city.stages["from"].max() <= pd.Timestamp(city.span.last) + pd.Timedelta(days=31)


def test_changes_are_small_and_rare(city: WildCity) -> None:
    areas = city.sites.geometry.area
    assert areas.between(190.0, 51000.0).all()
    assert areas.median() < 3000.0
    monthly = areas.sum() / city.plain.frame.side_m**2 / MONTHS
    assert 0.0001 <= monthly <= 0.001


def test_changes_keep_off_the_water_and_off_each_other(city: WildCity) -> None:
    wet = city.plain.landscape.parcels
    wet = wet[wet["land"].isin(["river", "pond"])].geometry
    shapes = list(city.sites.geometry)
    for index, shape in enumerate(shapes):
        assert not wet.intersects(shape).any()
        assert all(shape.distance(other) > 5.0 for other in shapes[index + 1 :])


def test_distractors_have_kind_dates_and_ground(city: WildCity) -> None:
    table = city.distractors
    assert list(table.columns) == ["kind", "from", "to", "geometry"]
    assert set(table["kind"]) >= FARMED | {"sand_bar", "reservoir_drawdown", "snow", "melting_patches"}
    assert len(set(table["kind"]) & LAID) >= 6
    assert (table["to"].isna() | (table["to"] >= table["from"])).all()
    assert not table.geometry.is_empty.any() and table.geometry.is_valid.all()
    first, last = pd.Timestamp(city.span.first), pd.Timestamp(city.span.last)
    assert ((table["to"].isna() | (table["to"] >= first)) & (table["from"] <= last + pd.Timedelta(days=1))).all()


def test_the_same_seed_gives_the_same_city_and_another_seed_another(city: WildCity) -> None:
    again = wild_city(seed=SEED, size_px=SIZE_PX, months=MONTHS, monthly_share=0.0008)
    for name in ("sites", "stages", "distractors"):
        assert_geodataframe_equal(getattr(again, name), getattr(city, name))
    assert again.passes == city.passes
    assert np.array_equal(again.world.patches.base, city.world.patches.base)
    other = wild_city(seed=SEED + 1, size_px=SIZE_PX, months=3)
    assert other.passes != city.passes


def test_history_ends_with_the_demo_and_has_many_passes(city: WildCity) -> None:
    assert (city.span.last.year, city.span.last.month) == (2026, 10)
    assert span_of(36).first.isoformat() == "2023-11-01"
    days = [one.day for one in city.passes]
    assert days == sorted(set(days))
    assert len(days) > 3 * MONTHS
    gaps = np.diff(days)
    assert np.median(gaps) <= 10 and gaps.max() < 70


def test_patrols_and_ledgers_can_be_drawn_over_it(city: WildCity) -> None:
    truth = make_ground_side(city.plain).truth
    assert set(truth["verdicts"]["site_id"]) <= set(city.sites["site_id"])
    assert len(truth["visits"]) > 0


def test_frame_holds_whole_cells() -> None:
    for size in (130, 256, 400, 512):
        frame = wild_frame(size)
        assert frame.side_m == 10.0 * size
        assert (frame.side_m / frame.cell_m) == pytest.approx(round(frame.side_m / frame.cell_m))


def test_site_shapes_are_polygons_of_many_forms(city: WildCity) -> None:
    assert city.sites["form"].nunique() >= 3
    assert isinstance(city.sites, gpd.GeoDataFrame)
    assert set(city.sites.geometry.geom_type) <= {"Polygon", "MultiPolygon"}
