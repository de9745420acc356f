"""A smoke run of the benchmark of told places: one small city, with bounds that a worse reader would break."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pandas as pd
import pytest

from benchmarks.place_truth import by, datum_lines, datums, located, read_city, report, retold, told_places


@pytest.fixture(scope="module")
def figures(tmp_path_factory: pytest.TempPathFactory) -> tuple[pd.DataFrame, pd.DataFrame]:
    """Places of the small city's ledgers, each told five times more, and its datums."""
    folder: Path = tmp_path_factory.mktemp("places") / "city"
    city = read_city(folder, 67, "small")
    rows = told_places(city)
    assert rows["text"].notna().all()
    again = retold(city, rows, 5, 67)
    return located(city, pd.concat([rows, again], ignore_index=True)), datums(city)


def test_areas_hold_the_truth_and_stay_small(figures: Any) -> None:
    places, _ = figures
    table = by(places, "manner").loc["all"]
    assert table["number"] > 150
    assert table["located"] >= 0.8
    assert table["held"] >= 0.88
    assert table["median_m"] <= 400


def test_no_area_is_narrow_and_far_from_the_truth(figures: Any) -> None:
    places, _ = figures
    straight = places[~places["wrong_way"].astype(bool)]
    assert by(straight, "manner").loc["all", "narrow_and_far"] == 0


def test_what_is_not_located_says_why(figures: Any) -> None:
    places, _ = figures
    missing = places[~places["located"]]
    assert missing["rule"].str.contains("不能定位").all()
    assert "manner" in report(places)


def test_no_datum_is_wrong_and_few_entries_cannot_tell(figures: Any) -> None:
    lines = datum_lines(figures[1])
    assert lines["wrong"].sum() == 0
    assert lines.loc["units < 8", "number"] == lines.loc["units < 8", "cannot_tell"] > 0
