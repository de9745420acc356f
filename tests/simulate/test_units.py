from __future__ import annotations

from datetime import date

import pandas as pd
import shapely
from shapely.geometry import box

from pipeline.simulate.city import SyntheticCity
from pipeline.simulate.frame import FRAMES
from pipeline.simulate.units import cell_units, grid_cells, unit_polygons
from pipeline.values import UnitKind


def test_four_kinds_of_unit_offices_and_the_city_team(city: SyntheticCity) -> None:
    assert set(city.organisation.units["kind"]) == {kind.label for kind in UnitKind}
    team = city.organisation.units[city.organisation.units["unit_id"] == "U00"].iloc[0]
    assert team["kind"] == "市局执法队伍" and team["geometry"].is_empty


def test_zones_overlap_townships_and_win_by_precedence(city: SyntheticCity) -> None:
    units = city.organisation.units.set_index("unit_id")
    for zone in ("U06", "U07"):
        over = units[(units["precedence"] < units.loc[zone, "precedence"])].intersection(units.loc[zone, "geometry"])
        assert over.area.sum() > 0.9 * units.loc[zone, "geometry"].area
    inside = city.organisation.cells.geometry.centroid.within(units.loc["U06", "geometry"])
    ids = city.organisation.cells["cell_id"][inside]
    assert len(ids) >= 2
    assert (city.owners[ids] == "U06").all()


def test_base_units_cover_the_city_once(city: SyntheticCity) -> None:
    units = city.organisation.units
    base = units[units["precedence"] == 10]
    together = shapely.union_all(base.geometry.to_numpy())
    assert abs(together.area - base.area.sum()) < 1.0
    assert box(*city.frame.bounds).difference(together).area < 1.0


def test_cells_tile_the_city() -> None:
    for frame in FRAMES.values():
        cells = grid_cells(frame)
        assert abs(cells.area.sum() - frame.side_m**2) < 1e-3
        assert cells["cell_id"].is_unique
        assert 500.0 <= frame.cell_m <= 1000.0
        assert cell_units(unit_polygons(frame), cells).nunique() >= 7


def test_delegations_have_dates_and_one_ends_in_october(city: SyntheticCity) -> None:
    organisation = city.organisation
    assert organisation.acting_unit("U02", date(2026, 10, 15)) == "U00"
    assert organisation.acting_unit("U02", date(2026, 10, 16)) == "U02"
    assert organisation.acting_unit("U01", date(2026, 11, 30)) == "U00"
    assert organisation.acting_unit("U04", date(2026, 9, 1)) == "U04"


def test_a_person_is_replaced_on_a_day_without_gap(city: SyntheticCity) -> None:
    rows = city.organisation.responsibility
    changed = rows[rows["valid_to"].notna()]
    assert len(changed) >= 1
    for row in changed.itertuples():
        later = rows[(rows["cell_id"] == row.cell_id) & (rows["valid_from"] > row.valid_from)].iloc[0]
        assert later["valid_from"] == row.valid_to + pd.Timedelta(days=1)
        assert later["person_id"] != row.person_id


def test_one_cell_has_no_responsibility_row(city: SyntheticCity) -> None:
    missing = set(city.organisation.cells["cell_id"]) - set(city.organisation.responsibility["cell_id"])
    assert len(missing) == 1


def test_plan_names_known_people_of_the_acting_unit(city: SyntheticCity) -> None:
    organisation = city.organisation
    home = organisation.people.set_index("person_id")["unit_id"]
    for row in organisation.plan.itertuples():
        assert home[row.person_id] == row.unit_id
        acting = organisation.acting_unit(str(city.owners[row.cell_id]), row.due_from.date())
        assert acting == row.unit_id == organisation.acting_unit(str(city.owners[row.cell_id]), row.due_to.date())
    assert {stamp.month for stamp in organisation.plan["due_from"]} == {8, 9, 10, 11}
    assert organisation.people["phone"].is_unique
