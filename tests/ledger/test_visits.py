from dataclasses import replace
from datetime import date, timedelta
from typing import Any

import pandas as pd

from pipeline.ledger.items import Item
from pipeline.ledger.positions import entries_table
from pipeline.ledger.tracks import CleanTrack
from pipeline.ledger.visits import NO_TRACK, visits_table
from pipeline.schema import PEOPLE, VISITS, conform
from pipeline.store import check_table
from tests.ledger.ground import BOUNDS, CRS, DAY, TERRITORY, X0, Y0, cells, gazetteer, item, track

PEOPLE_TABLE = conform(
    PEOPLE, pd.DataFrame({"person_id": ["P1", "P2"], "name": ["张三", "李四"], "unit_id": ["U1", "U1"]})
)
LINE = [(X0 + 500, Y0 + 500), (X0 + 2500, Y0 + 500)]


def table(items: list[Item], tracks: list[CleanTrack]) -> Any:
    datums = {entry.entry_id: "WGS84" for entry in items}
    located = entries_table(items, datums, {}, crs=CRS, bounds=BOUNDS, gps_uncertainty_m=30.0, max_outside_m=5000.0)
    visits = visits_table(
        items,
        tracks,
        located.entries,
        cells=cells(),
        people=PEOPLE_TABLE,
        gazetteer=gazetteer(),
        territories={"U1": TERRITORY},
        unit_names={"U1": "王庄镇"},
        cell_border_m=100.0,
        crs=CRS,
    )
    check_table(VISITS, visits)
    return visits


def test_track_with_ledger_track_alone_and_ledger_alone() -> None:
    later = DAY + timedelta(days=1)
    visits = table(
        [item(2, finding=False), item(3, finding=False, day=later, route="王庄村—李庄村")],
        [track(LINE), track(LINE, day=DAY + timedelta(days=2), file="tracks/王庄镇/b.gpx")],
    )
    assert list(visits["evidence"]) == ["track+ledger", "ledger", "track"]
    assert visits["cell_ids"].tolist()[0] == "00;10;20"
    assert visits["cell_ids"].tolist()[1] == "00;01;10;11;20;21;30;31;40;41"
    assert visits["doubts"].tolist()[1] == NO_TRACK
    assert visits.geometry.isna().tolist() == [False, True, False]
    assert visits["people"].tolist()[:2] == ["张三", "张三"]


def test_an_unrecognised_stop_leaves_the_ground_open() -> None:
    assert table([item(2, route="王庄村、某厂")], [])["cell_ids"].isna().all()
    assert table([item(2)], [])["cell_ids"].isna().all()


def test_findings_of_a_claimed_outing_add_their_cells() -> None:
    visits = table([item(2, route="王庄村", at=(X0 + 5500, Y0 + 1500))], [])
    assert "51" in visits["cell_ids"].iloc[0].split(";")


def test_people_decide_between_two_outings_of_a_day() -> None:
    mine = track(LINE, file="tracks/王庄镇/20260903_李四.gpx")
    visits = table([item(2, people="张三"), item(3, people="李四、王五")], [mine])
    assert sorted(visits["evidence"]) == ["ledger", "track+ledger"]
    assert visits.set_index("evidence")["people"].to_dict() == {"ledger": "张三", "track+ledger": "李四"}


def test_what_no_track_of_the_day_comes_near_stays_a_claim() -> None:
    """The track names nobody: it may be the other crew's, so the ledger's word for the far village is not undone."""
    items = [
        item(2, people="张三", route="王庄村", finding=False),
        item(3, people="李四", route="百赛村", finding=False),
    ]
    visits = table(items, [track(LINE)])
    assert visits["evidence"].tolist() == ["ledger", "track+ledger"]
    assert "51" in visits["cell_ids"].iloc[0].split(";") and "00" not in visits["cell_ids"].iloc[0].split(";")
    assert visits["people"].iloc[0] == "李四"
    # a finding at a place that the track does not reach, and one that it passes
    assert table([item(2, at=(X0 + 5500, Y0 + 1500))], [track(LINE)])["cell_ids"].tolist() == ["51", "00;10;20"]
    assert len(table([item(2, route="王庄村", at=(X0 + 1500, Y0 + 550))], [track(LINE)])) == 1


def test_a_short_range_is_one_outing_a_long_one_claims_more() -> None:
    short = item(2, until=DAY + timedelta(days=2))
    assert list(table([short], [track(LINE)])["evidence"]) == ["track+ledger"]
    long = item(2, until=DAY + timedelta(days=9))
    visits = table([long], [track(LINE)])
    assert sorted(visits["evidence"]) == ["ledger", "track+ledger"]
    assert visits.set_index("evidence").loc["ledger", "visited_until"] == pd.Timestamp(date(2026, 9, 12))


def test_two_findings_of_one_outing_are_one_visit_and_undated_ones_none() -> None:
    assert len(table([item(2), item(3), item(4, day=None)], [])) == 1


def test_another_units_track_proves_nothing() -> None:
    visits = table([item(2)], [track(LINE, unit="U2")])
    assert list(zip(visits["unit_id"], visits["evidence"], strict=True)) == [("U1", "ledger"), ("U2", "track")]


def test_order_does_not_matter_and_empty_is_empty() -> None:
    items = [item(2), item(3, day=DAY + timedelta(days=1))]
    tracks = [track(LINE), track(LINE, file="tracks/王庄镇/b.gpx")]
    pd.testing.assert_frame_equal(table(items, tracks), table(items[::-1], tracks[::-1]))
    assert table([], []).empty


def test_a_claimed_outing_is_named_by_what_its_rows_say_not_by_their_order() -> None:
    def told(*places: tuple[int, str]) -> Any:
        """Two rows of one outing, at these rows of the sheet."""
        rows = [replace(item(number), meaning=said) for number, said in places]
        return table(rows, [])[["visit_id", "people"]]

    pd.testing.assert_frame_equal(told((2, "甲"), (3, "乙")), told((3, "甲"), (2, "乙")))
