from __future__ import annotations

from datetime import date

import pandas as pd
import shapely
from shapely.geometry import box

from pipeline.simulate.city import SyntheticCity
from pipeline.simulate.frame import LAST_IMAGE

ORDER = ["earthworks", "pit", "structure", "roofed"]


def test_enough_sites_in_every_group(city: SyntheticCity) -> None:
    onset = city.sites.sites["onset"]
    september = ((onset > LAST_IMAGE["2026-08"]) & (onset <= LAST_IMAGE["2026-09"])).sum()
    october = ((onset > LAST_IMAGE["2026-09"]) & (onset <= LAST_IMAGE["2026-10"])).sum()
    assert len(onset) >= 14
    assert september >= 5
    assert october >= 5
    assert (onset > LAST_IMAGE["2026-10"]).sum() >= 2


def test_some_sites_grow_through_both_months(city: SyntheticCity) -> None:
    def area_on(site: str, day: date) -> float:
        rows = city.sites.stages[(city.sites.stages["site_id"] == site) & (city.sites.stages["from"] <= day)]
        return float(rows["area_m2"].iloc[-1]) if len(rows) else 0.0

    days = [LAST_IMAGE[month] for month in ("2026-08", "2026-09", "2026-10")]
    areas = [[area_on(site, day) for day in days] for site in city.sites.sites["site_id"]]
    assert sum(0 < first < second < third for first, second, third in areas) >= 3


def test_stages_come_in_order_and_ground_only_grows(city: SyntheticCity) -> None:
    for site, rows in city.sites.stages.groupby("site_id"):
        assert rows["from"].is_monotonic_increasing and rows["from"].is_unique, site
        assert [ORDER.index(stage) for stage in rows["stage"]] == sorted(ORDER.index(s) for s in rows["stage"])
        for smaller, larger in zip(rows.geometry.iloc[:-1], rows.geometry.iloc[1:], strict=True):
            assert smaller.difference(larger).area < 0.5, site
        onset = city.sites.sites.set_index("site_id").loc[site, "onset"]
        assert rows["from"].iloc[0] == onset and rows["stage"].iloc[0] == "earthworks"


def test_every_case_of_approval_occurs_and_its_dates_fit(city: SyntheticCity) -> None:
    sites = city.sites.sites
    cases = {case: rows for case, rows in sites.groupby("case")}
    assert set(cases) == {"no_approval", "approved_before", "approved_after", "temporary_valid", "temporary_expired"}
    assert (cases["approved_before"]["approved_on"] <= cases["approved_before"]["onset"]).all()
    assert (cases["approved_after"]["approved_on"] > cases["approved_after"]["onset"]).all()
    assert (cases["temporary_valid"]["expires_on"] > date(2026, 11, 30)).all()
    assert (cases["temporary_expired"]["expires_on"] < cases["temporary_expired"]["onset"]).all()
    assert cases["no_approval"]["approved_on"].isna().all()
    assert set(sites[sites["lawful"]]["case"]) == {"approved_before", "temporary_valid"}
    assert (sites["lawful"] == (sites["kind"] == "lawful")).all()


def test_sites_lie_apart_inside_the_city_and_off_the_water(city: SyntheticCity) -> None:
    shapes = list(city.sites.sites.geometry)
    whole = box(*city.frame.bounds)
    parcels = city.landscape.parcels
    wet = shapely.union_all(parcels.geometry[parcels["land"].isin(["river", "pond"])].to_numpy())
    for index, shape in enumerate(shapes):
        assert shape.is_valid and shape.within(whole)
        assert not shape.intersects(wet)
        assert all(shape.distance(other) > 40.0 for other in shapes[index + 1 :])


def test_site_outlines_are_not_parcel_outlines(city: SyntheticCity) -> None:
    parcels = city.landscape.parcels
    for shape in city.sites.sites.geometry:
        near = parcels.geometry[parcels.intersects(shape)]
        overlap = near.intersection(shape).area / near.union(shape).area
        assert overlap.max() < 0.9


def test_areas_span_small_and_large(city: SyntheticCity) -> None:
    areas = city.sites.sites["final_area_m2"]
    assert areas.between(400, 40000).all()
    assert areas.between(2000, 15000).mean() > 0.5


def test_lookalikes_are_no_sites(city: SyntheticCity) -> None:
    looks = city.sites.lookalikes
    assert set(looks["what"]) == {"land_levelling", "pond_digging", "drying_ground"}
    assert (pd.to_datetime(looks["to"]) > pd.to_datetime(looks["from"])).all()
    for shape in looks.geometry:
        assert city.sites.sites.distance(shape).min() > 0.0
