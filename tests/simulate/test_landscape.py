from __future__ import annotations

import numpy as np
import shapely
from shapely.geometry import Point, box

from pipeline.simulate.city import SyntheticCity
from pipeline.simulate.landscape import LAND_CLASS, nearest_village


def test_parcels_cover_the_drawn_ground(city: SyntheticCity) -> None:
    whole = box(*city.frame.drawn_bounds)
    union = shapely.union_all(city.landscape.parcels.geometry.to_numpy())
    assert whole.difference(union).area < 1.0
    inside = city.landscape.parcels.geometry.intersection(whole).area.sum()
    assert abs(inside - whole.area) < 0.001 * whole.area


def test_every_land_kind_of_the_plain_occurs(city: SyntheticCity) -> None:
    assert set(city.landscape.parcels["land"]) == set(LAND_CLASS)
    share = city.landscape.parcels.area.groupby(city.landscape.parcels["land"]).sum()
    farmed = share[["wheat_maize", "wheat_soy", "rice", "peanut", "garlic", "vegetables", "fallow"]].sum()
    assert 0.6 < farmed / share.sum() < 0.92


def test_parcels_are_fields_not_squares(city: SyntheticCity) -> None:
    fields = city.landscape.parcels[city.landscape.parcels["land"] == "wheat_maize"]
    boxes = fields.minimum_rotated_rectangle()
    ratio = [
        max(b.length / 2 - w, w) / max(min(b.length / 2 - w, w), 0.1)
        for b in boxes
        if b.area > 1000
        for w in [Point(b.exterior.coords[0]).distance(Point(b.exterior.coords[1]))]
    ]
    assert np.median(ratio) > 1.5
    assert 2000 < fields.area.median() < 20000


def test_nearest_village_names_the_nearest(city: SyntheticCity) -> None:
    village = city.landscape.villages.iloc[2]
    name, distance, _, _ = nearest_village(city.landscape, village.geometry.representative_point())
    assert name == village["name"]
    assert distance == 0.0
