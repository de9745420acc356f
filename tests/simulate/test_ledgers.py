from __future__ import annotations

import io
from datetime import date, datetime, timedelta

import numpy as np
import openpyxl
import pandas as pd
import pytest
from python_calamine import CalamineWorkbook
from shapely.geometry import Point

from pipeline.geodesy import wgs84_from_gcj02
from pipeline.simulate.city import GroundSide, SyntheticCity
from pipeline.simulate.ledgers import silent_months, unit_styles
from pipeline.simulate.wording import (
    DATE_STYLES,
    area_text,
    chinese_number,
    degrees_text,
    excel_serial,
    phone_position,
    place_text,
    written_date,
)

DAY = date(2026, 5, 3)


@pytest.mark.parametrize(
    ("style", "expected"),
    [
        ("digits", "20260503"), ("digits_number", 20260503), ("month_day", "5月3日"), ("chinese", "二〇二六年五月三日"),
        ("serial", 46145), ("cell", datetime(2026, 5, 3)), ("dots", "2026.5.3"), ("range", "5月3日-5日"),
        ("iso", "2026-05-03"),
    ],
)  # fmt: skip
def test_dates_as_typed(style: str, expected: object) -> None:
    assert written_date(DAY, style) == expected
    assert style in DATE_STYLES


def test_range_never_runs_into_the_next_month() -> None:
    assert written_date(date(2026, 9, 30), "range") == "9月30日"


def test_numbers_in_words_and_serials() -> None:
    assert [chinese_number(n) for n in (1, 10, 11, 20, 31)] == ["一", "十", "十一", "二十", "三十一"]
    assert excel_serial(date(2026, 1, 1)) == 46023


def test_place_text_names_village_way_and_distance(city: SyntheticCity) -> None:
    village = city.landscape.villages.geometry.iloc[1]
    east = Point(village.bounds[2] + 200.0, village.centroid.y).buffer(10.0)
    text = place_text(city.landscape, east, np.random.default_rng(0))
    assert text.startswith(str(city.landscape.villages["name"].iloc[1]) + "东")
    assert "米" in text


def test_gcj_phones_are_off_by_hundreds_of_metres_and_come_back() -> None:
    shape = Point(594000.0, 3609000.0).buffer(30.0)
    plain = phone_position(shape, "WGS84", np.random.default_rng(1))
    shifted = phone_position(shape, "GCJ-02", np.random.default_rng(1))
    assert 100 < abs(shifted[0] - plain[0]) * 93900 < 900
    back = wgs84_from_gcj02(*shifted)
    assert float(back[0]) == pytest.approx(plain[0], abs=1e-7)


def test_coordinate_and_area_texts() -> None:
    assert degrees_text(115.5, 32.25, "decimal") == "115.500000,32.250000"
    assert degrees_text(115.5, 32.25, "dms") == "115°30′0.00″E 32°15′0.00″N"
    assert area_text(50.0, np.random.default_rng(1)).endswith("平方米")


def test_workbooks_open_in_both_readers_and_hold_the_rows_of_truth(ground_side: GroundSide) -> None:
    truth = ground_side.truth["ledger_rows"]
    for book in ground_side.workbooks:
        sheets = openpyxl.load_workbook(io.BytesIO(book.content))
        names = CalamineWorkbook.from_filelike(io.BytesIO(book.content)).sheet_names
        assert names == sheets.sheetnames
        for name in names:
            rows = truth[(truth["file"] == f"{book.unit}/{book.file}") & (truth["sheet"] == name)]
            assert len(rows) > 0
            for line in rows.itertuples():
                cells = [cell.value for cell in sheets[name][line.row]]
                found = line.site_id is not None and isinstance(line.site_id, str)
                if line.item > 1:
                    assert any(isinstance(cell, str) and f"{line.item}." in cell for cell in cells)
                if not found and not isinstance(line.find_id, str):
                    assert any(isinstance(cell, str) and (cell.startswith("未发现") or cell == "无") for cell in cells)


def test_human_errors_are_all_there(city: SyntheticCity, ground_side: GroundSide) -> None:
    truth = ground_side.truth["ledger_rows"]
    assert {"visit", "paper", "copied", "duplicate"} == set(truth["origin"])
    assert (truth["item"] > 1).any()
    assert truth["find_id"].notna().any()
    nothing = truth[truth["site_id"].isna() & truth["find_id"].isna()]
    assert 0.2 < len(nothing) / len(truth) < 0.9
    styles = unit_styles(city.organisation)
    assert {style.coordinates for style in styles.values()} == {"columns", "column", "place"}
    assert sum(style.datum == "GCJ-02" for style in styles.values()) == 2
    titled = [
        b for b in ground_side.workbooks if openpyxl.load_workbook(io.BytesIO(b.content)).worksheets[0].merged_cells
    ]
    assert 0 < len(titled) < len(ground_side.workbooks)


def test_the_silent_month_has_no_ledger_but_visits(city: SyntheticCity, ground_side: GroundSide) -> None:
    for unit, month in silent_months(city.organisation):
        written = ground_side.truth["ledger_rows"]
        assert written[(written["unit_id"] == unit) & (written["discovered_on"].dt.strftime("%Y-%m") == month)].empty
        visits = ground_side.truth["visits"]
        mine = visits[(visits["unit_id"] == unit) & (visits["visited_on"].dt.strftime("%Y-%m") == month)]
        assert mine["really_went"].any()


def test_no_report_without_a_seen_site_except_copied_rows(ground_side: GroundSide) -> None:
    truth = ground_side.truth
    rows = truth["ledger_rows"]
    seen = truth["sightings"][truth["sightings"]["reported"]][["visit_id", "site_id"]].assign(known=True)
    joined = rows[rows["site_id"].notna()].merge(seen, on=["visit_id", "site_id"], how="left")
    assert joined[joined["origin"].isin(["visit", "duplicate"])]["known"].eq(True).all()
    assert joined[joined["origin"] == "copied"]["known"].isna().all()
    reported = truth["sightings"][truth["sightings"]["reported"]]
    assert reported["row"].notna().all() and not reported.duplicated(["visit_id", "site_id"]).any()
    assert (reported["reported_on"] == reported["visited_on"]).all()


def test_rows_come_in_order_of_days(ground_side: GroundSide) -> None:
    rows = ground_side.truth["ledger_rows"]
    for _, part in rows.groupby(["file", "sheet"]):
        assert part["discovered_on"].is_monotonic_increasing
        assert pd.Index(part["row"]).is_monotonic_increasing


def test_workbooks_say_when_they_were_last_saved(ground_side: GroundSide) -> None:
    late = 0
    for book in ground_side.workbooks:
        found = openpyxl.load_workbook(io.BytesIO(book.content))
        saved = found.properties.modified.date()
        rows = ground_side.truth["ledger_rows"]
        own = rows[rows["file"] == f"{book.unit}/{book.file}"]["discovered_on"].max().date()
        month_end = (pd.Timestamp(own) + pd.offsets.MonthEnd(0)).date()
        assert own <= saved <= month_end + timedelta(days=6)
        late += saved > month_end
    assert len(ground_side.workbooks) / 2 < late < len(ground_side.workbooks)
