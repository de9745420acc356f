import io
import zipfile

import pytest

from pipeline.errors import InputError
from pipeline.sources.blank_cells import without_blank_cells
from pipeline.sources.odf_sheets import odf_merges
from pipeline.sources.workbook import read_workbook
from tests.ledger.torture.blind.kit import bare_xlsx, inline, ods, ods_cell, ods_covered, ods_row, ods_texts

HEAD = "<row r='1'>" + inline("巡查时间", "A1") + "</row>"


def rows_of(content: bytes) -> tuple[tuple[object, ...], ...]:
    return read_workbook(content, unit_id="U1", file="a.xlsx", max_unpacked_mb=10, max_cells=100_000)[0].rows


@pytest.mark.parametrize(
    "cell",
    [inline(" ", "XFD1048576"), inline("\u3000", "XFD1048576"), "<c r='XFD1048576' t='s'><v>1</v></c>",
     '<c r="XFD1048576" t="str"><f>""</f><v></v></c>', '<c r="XFD1048576"></c>'],
)  # fmt: skip
def test_a_cell_that_shows_nothing_does_not_lose_the_sheet(cell: str) -> None:
    made = bare_xlsx(f"{HEAD}<row r='1048576'>{cell}</row>", ["<si><t>x</t></si>", "<si><t> </t></si>"])
    assert rows_of(made) == (("巡查时间",),)


@pytest.mark.parametrize(
    "cell",
    [inline(".", "XFD1048576"), "<c r='XFD1048576' t='s'><v>0</v></c>", '<c r="XFD1048576"><f>A1</f></c>',
     '<c r="XFD1048576"><v>0</v></c>'],
)  # fmt: skip
def test_a_far_cell_that_shows_something_or_may_is_refused(cell: str) -> None:
    made = bare_xlsx(f"{HEAD}<row r='1048576'>{cell}</row>", ["<si><t>x</t></si>"])
    with zipfile.ZipFile(io.BytesIO(without_blank_cells(made))) as archive:
        assert cell.encode() in archive.read("xl/worksheets/sheet1.xml")
    with pytest.raises(InputError, match="过大"):
        rows_of(made)


def test_a_document_type_is_refused() -> None:
    made = ods(ods_texts("a"), doctype='<!DOCTYPE x [<!ENTITY a "b">]>')
    with pytest.raises(InputError, match="DTD"):
        rows_of(made)


def test_merged_cells_of_an_open_document_count_repetitions() -> None:
    made = ods(
        ods_row(ods_cell("x", repeated=2), repeated=3)
        + ods_row(ods_cell(None, repeated=2), ods_cell("y", down=2, across=3), ods_covered(2))
        + ods_row(ods_cell(None, repeated=2), ods_covered(3))
    )
    assert odf_merges(made) == {"台账": ((4, 3, 5, 5),)}
    assert odf_merges(b"no container") == {}
