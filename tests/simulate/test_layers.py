from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import box

from pipeline.geodesy import geodesic_area_m2
from pipeline.simulate.city import SyntheticCity
from pipeline.simulate.layers import WRONG_AREA_SHARE

FIELDS = {
    "DLTB": {"BSM", "DLBM", "DLMC", "ZLDWDM", "TBMJ"},
    "YJJBNTBHTB": {"YJJBNTTBBH", "TBBH", "BHKSSJ", "BHJSSJ"},
    "CZKFBJ": {"BSM", "GHFQMC"},
    "ZZ_NYDZYFW": {"XMDM", "XMMC", "PZWH", "PZRQ"},
    "LSYD_XMZDFW": {"XMDM", "XMMC", "PZWH", "PZRQ", "DQRQ"},
    "CJDCQ": {"ZLDWDM", "ZLDWMC"},
    "LRDL": {"BSM", "NAME"},
    "AGNP": {"BSM", "NAME"},
    "STBHHX": {"BSM", "MC"},
    "GHFW": {"BSM", "MC"},
    "SSNYD": {"BABH", "BARQ", "XMMC"},
    "JSGCGHXK": {"XKZBH", "FZRQ", "XMMC"},
    "XCJSGHXK": {"XKZBH", "FZRQ", "XMMC"},
    "GYTD": {"DZJGH", "QDRQ", "YDDGRQ", "YDJGRQ"},
}


def test_layers_have_the_fields_of_the_field(city: SyntheticCity) -> None:
    assert set(city.layers) == set(FIELDS)
    for name, fields in FIELDS.items():
        assert fields <= set(city.layers[name].columns), name
        assert len(city.layers[name]) > 0, name


def test_land_use_covers_the_city_with_one_crossing_parcel(city: SyntheticCity) -> None:
    land_use = city.layers["DLTB"]
    assert (~land_use.is_valid).sum() == 1
    union = shapely.union_all(shapely.make_valid(land_use.geometry.to_numpy()))
    assert box(*city.frame.bounds).difference(union).area < 1.0
    assert land_use["BSM"].is_unique and land_use["BSM"].str.len().eq(18).all()


def test_some_attribute_areas_are_wrong(city: SyntheticCity) -> None:
    land_use = city.layers["DLTB"]
    measured = geodesic_area_m2(land_use.geometry)
    off = np.abs(land_use["TBMJ"].to_numpy() / measured - 1.0)
    big = measured > 100.0
    share = float((off[big] > 0.1).mean())
    assert 0.3 * WRONG_AREA_SHARE < share < 3.0 * WRONG_AREA_SHARE
    assert (off[big & (off < 0.1)] < 0.02).all()


def test_basic_farmland_lies_on_farmland_and_off_the_development_zone(city: SyntheticCity) -> None:
    basic = city.layers["YJJBNTBHTB"]
    assert basic["DLBM"].str.startswith("01").all()
    assert basic.intersection(city.zones.ground["development"]).area.sum() < 1.0
    assert 0.2 < basic.area.sum() / city.frame.side_m**2 < 0.8


def test_approvals_cover_their_sites_on_the_true_dates(city: SyntheticCity) -> None:
    sites = city.sites.sites
    for case, layer in (("approved_before", "ZZ_NYDZYFW"), ("temporary_expired", "LSYD_XMZDFW")):
        for site in sites[sites["case"] == case].itertuples():
            row = city.layers[layer][city.layers[layer]["PZWH"] == site.document].iloc[0]
            assert row["geometry"].buffer(0.01).contains(site.geometry)
            assert row["PZRQ"].date() == site.approved_on
    unapproved = sites[sites["case"] == "no_approval"]
    for layer in ("ZZ_NYDZYFW", "LSYD_XMZDFW"):
        assert not city.layers[layer].intersects(shapely.union_all(unapproved.geometry.to_numpy())).any()


def test_lawful_sites_have_the_permit_of_their_place_before_they_began_and_others_none(city: SyntheticCity) -> None:
    inside = city.zones.ground["development"]
    for site in city.sites.sites.itertuples():
        layer = city.layers["JSGCGHXK" if site.geometry.intersects(inside) else "XCJSGHXK"]
        over = layer[layer.covers(site.geometry)]
        if site.kind == "lawful":
            assert (over["FZRQ"] < site.onset.isoformat()).any(), site.site_id
        else:
            assert len(over) == 0, site.site_id
    plans = shapely.union_all(city.layers["GHFW"].geometry.to_numpy())
    assert plans.intersection(inside).area < 1.0


def test_kinds_fit_the_ground(city: SyntheticCity) -> None:
    for site in city.sites.sites.itertuples():
        on_basic = site.geometry.intersection(city.zones.ground["basic_farmland"]).area
        if site.kind == "V3":
            assert on_basic > 200.0
        if site.kind in ("V1", "V4", "V5", "V7"):
            assert on_basic <= 200.0


def test_supplied_land_lies_on_approved_ground_and_borrows_no_name_of_the_ledgers(city: SyntheticCity) -> None:
    supplied = city.layers["GYTD"]
    approved = shapely.union_all(city.layers["ZZ_NYDZYFW"].geometry.to_numpy())
    assert supplied["DZJGH"].is_unique and supplied.within(approved.buffer(0.01)).all()
    assert set(city.supply_events["supply_id"]) <= set(supplied["DZJGH"])
    told = " ".join([*supplied["XMMC"], *supplied["SRR"]])
    assert not [subject for subject in city.sites.sites["subject"] if subject in told]
