import pandas as pd

from pipeline import schema
from pipeline.ledger import oddities, photos, row_oddities
from pipeline.ledger.datum import UNKNOWN_DATUM
from pipeline.ledger.oddities import oddities_table, oddity
from pipeline.report.month import month_sheets
from pipeline.report.sheets import readable
from pipeline.report.statistics import month_numbers
from tests.report.fabricate import small_month


def test_the_bureau_sees_reasons_to_look_in_words_and_units_do_not() -> None:
    rows = [
        oddity("U1", "copied_track", "2026-10-14 900米", "与b.gpx的轨迹逐点相同", file="a.gpx"),
        oddity("U1", "night", "2026-10-15 900米 10分钟", "60%的点在22时至5时", file="c.gpx", sheet="豫A1"),
    ]
    month = small_month(oddities=oddities_table(rows))
    (sheet,) = [sheet for sheet in month_sheets(month, month_numbers(month)) if sheet.name == "值得核对"]
    assert list(sheet.frame.columns) == ["单位", *list(schema.ODDITIES.labels().values())[1:]]
    assert sheet.frame["类别"].tolist() == ["轨迹雷同", "夜间轨迹"]
    assert sheet.frame["单位"].tolist() == [month.unit_names()["U1"]] * 2
    assert "不是结论" in sheet.note and pd.isna(sheet.frame["行号"]).all()


def test_every_kind_has_a_word() -> None:
    modules = (oddities, photos, row_oddities)
    told = {v for m in modules for n, v in vars(m).items() if n.isupper() and isinstance(v, str) and v.islower()}
    kinds = told - {UNKNOWN_DATUM}
    assert len(kinds) >= 12
    table = oddities_table([oddity("U1", kind, "x", "y") for kind in kinds])
    shown = readable(schema.ODDITIES, table, units={}, people={})["类别"]
    assert not set(shown) & kinds
