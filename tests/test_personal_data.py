"""Nothing leaves the program that its recipient may not read, and nothing a spreadsheet would run.

The month is run on a city whose people, ledgers, layers and units hold telephone and identity numbers and texts that
begin like formulas. Who may read what is written out here once more, independently of the rule file.
"""

from __future__ import annotations

import re
from fnmatch import fnmatch
from pathlib import Path
from typing import Any

import geopandas as gpd
import openpyxl
import pandas as pd
import pytest

from pipeline.rulebook import load_personal_data
from tests.city import PERIODS, copy_city, xuncha
from tests.exports import files_of, places_of, text_of

PERIOD, _, AS_OF = PERIODS[-1]
MOBILE, MOBILE_TYPED, LANDLINE = "13812345678", "139-8765-4321", "0724-2345678"
IDENTITY = "420881199001011234"
PLANTED = (MOBILE, MOBILE_TYPED, LANDLINE, IDENTITY)
LINK = '=HYPERLINK("http://evil.example","点我")'
FORMULAS = (LINK, "+1+1", "-2+3", "@SUM(A1)", "\t=1+1", "＝1+1")
FORMULA_UNIT = "=1+1办"
OWN_FORMULAS = ("month.xlsx", "考核指标")  # the indicators are counted by formulas over the sheet beside them
RUNS_THINGS = re.compile(r"HYPERLINK|WEBSERVICE|INDIRECT|CALL|EXEC|\||\[|http", re.IGNORECASE)


@pytest.fixture(scope="module")
def month(finished_city: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Any]:
    """The last month, run anew on a city with such texts: its city folder and every text of its deliverables."""
    city = copy_city(finished_city, tmp_path_factory.mktemp("people") / "市")
    plant_in_units(city)
    plant_in_layer(city)
    units = plant_in_ledgers(city)
    result = xuncha("run", str(city), "--period", PERIOD, "--as-of", AS_OF)
    assert result.returncode == 0, result.stderr
    # the month was dispatched and its layers changed: the new result is a revision beside the issued one
    run = max((city / "runs").glob(f"{PERIOD}*"), key=lambda path: path.name)
    return {"city": city, "run": run, "files": files_of(run / "report"), "planted_in": units}


def plant_in_units(city: Path) -> None:
    """A unit, its folders and a person's duty that begin like formulas; a person the ledger names with a number."""
    path = city / "units" / "units.gpkg"
    units = gpd.read_file(path)
    old = next(name for name in units["单位名称"] if name.endswith("办") and (city / "ledgers" / name).is_dir())
    units["单位名称"] = units["单位名称"].replace({old: FORMULA_UNIT})
    path.unlink()
    units.to_file(path, layer="units", engine="pyogrio")
    for folder in ("ledgers", "tracks"):
        (city / folder / old).rename(city / folder / FORMULA_UNIT)
    people = pd.read_csv(city / "units" / "people.csv", dtype=str)
    people["职务"] = LINK
    people.to_csv(city / "units" / "people.csv", index=False, encoding="utf-8-sig")


def plant_in_layer(city: Path) -> None:
    path = next((city / "layers").glob("ZZ_NYDZYFW.gpkg"))
    layer = gpd.read_file(path)
    layer["XMMC"], layer["PZWH"] = LINK, "-2+3"
    path.unlink()
    layer.to_file(path, layer="ZZ_NYDZYFW", engine="pyogrio")


def plant_in_ledgers(city: Path) -> list[str]:
    """Numbers and formulas as text in the first dated rows of every workbook; returns the units that have them."""
    planted = []
    for path in sorted((city / "ledgers").glob("*/*.xlsx")):
        book = openpyxl.load_workbook(path)
        for page in book:
            heads = next(
                (row for row in page.iter_rows() if row[0].value and any(c.value == "巡查人员" for c in row)), None
            )
            column = {cell.value: cell.column for cell in heads or () if cell.value}
            if not {"制止措施", "后续处理", "制止效果"} <= set(column):  # a workbook with headings of its own
                continue
            for row, formula in zip(range(heads[0].row + 1, heads[0].row + 40), FORMULAS * 9, strict=False):
                if not page.cell(row, column["巡查人员"]).value:
                    continue
                for name, text in (("制止措施", f"联系{MOBILE}、{MOBILE_TYPED}，办公室{LANDLINE}"),
                                   ("后续处理", f"当事人证件{IDENTITY}"), ("制止效果", formula)):  # fmt: skip
                    cell = page.cell(row, column[name])
                    cell.value = text
                    cell.data_type = "s"
                planted.append(path.parent.name)
        book.save(path)
    return sorted(set(planted))


def names_by_unit(month: dict[str, Any]) -> dict[str, set[str]]:
    """Unit name to the names of its people: the people table, and what its own ledgers and tracks say."""
    city, title = month["city"], unit_titles(month)
    people = pd.read_csv(city / "units" / "people.csv", dtype=str)
    found: dict[str, set[str]] = {name: set() for name in title.values()}
    for unit, name in zip(people["单位编号"], people["姓名"], strict=True):
        found[title[unit]].add(name)
    for path in (city / "tracks").glob("*/*.gpx"):
        found[path.parent.name].add(path.stem.split("_")[1])
    entries = pd.read_parquet(month["run"] / "ledger" / "entries.parquet")
    for unit, text in zip(entries["unit_id"], entries["people"], strict=True):
        if isinstance(text, str):
            found[title[unit]] |= {part for part in re.split(r"[、，,；;\s]+", text) if len(part) > 1}
    return found


def unit_titles(month: dict[str, Any]) -> dict[str, str]:
    units = gpd.read_file(month["city"] / "units" / "units.gpkg")
    return dict(zip(units["单位编号"], units["单位名称"], strict=True))


def telephones(city: Path) -> set[str]:
    return set(pd.read_csv(city / "units" / "people.csv", dtype=str)["电话"].dropna())


def bare(text: str) -> str:
    return re.sub(r"(?<=\d)[ \-](?=\d)", "", text)


def unit_of(name: str) -> str:
    return name.split("/")[1].removesuffix(".zip")


def packages(files: dict[str, str]) -> dict[str, str]:
    return {name: text for name, text in files.items() if name.startswith("packages/")}


def test_no_file_holds_a_telephone_or_identity_number(month: dict[str, Any]) -> None:
    assert month["planted_in"]
    numbers = telephones(month["city"]) | {bare(text) for text in PLANTED}
    assert len(numbers) > 8
    for name, text in month["files"].items():
        assert [number for number in numbers if number in bare(text)] == [], name


def test_what_was_hidden_can_still_be_recognised(month: dict[str, Any]) -> None:
    text = month["files"]["month.xlsx"]
    for shown in ("138****5678", "139-****-4321", "0724-***5678", "420881********1234"):
        assert shown in text, shown


def test_a_package_names_nobody_of_another_unit(month: dict[str, Any]) -> None:
    names = names_by_unit(month)
    assert sum(len(found) for found in names.values()) > 15
    shown = 0
    for name, text in packages(month["files"]).items():
        own = names.get(unit_of(name), set())
        others = set().union(*names.values()) - own
        assert [person for person in sorted(others) if person in text] == [], name
        shown += any(person in text for person in own)
    assert shown > 0  # the reader sees names where they may stand


def test_a_package_holds_nothing_of_another_units_ledger(month: dict[str, Any]) -> None:
    entries, title = pd.read_parquet(month["run"] / "ledger" / "entries.parquet"), unit_titles(month)
    subjects = {(title[unit], text) for unit, text in zip(entries["unit_id"], entries["subject"], strict=True)
                if isinstance(text, str) and len(text) > 3}  # fmt: skip
    assert len(subjects) > 5
    for name, text in packages(month["files"]).items():
        own = {text for unit, text in subjects if unit == unit_of(name)}
        assert [subject for _, subject in subjects if subject not in own and subject in text] == [], name


def test_tracks_are_in_the_gis_file_only_and_name_nobody(month: dict[str, Any]) -> None:
    walked = {place for path in (month["city"] / "tracks").glob("*/*.gpx")
              for place in places_of(path.read_text(encoding="utf-8"))}  # fmt: skip
    assert len(walked) > 1000
    for name, text in month["files"].items():
        assert not places_of(text) & walked, name
        if name.endswith((".geojson", ".kml", ".gpx")):
            assert not re.search(r"LineString|<trk|<rte", text), name
    path = month["run"] / "report" / "targets.gpkg"
    tracks = gpd.read_file(path, layer="tracks")
    assert tracks.geometry.notna().any()
    everyone = set().union(*names_by_unit(month).values())
    for target in (path, month["run"] / "targets.gpkg"):
        text = text_of(target.name, target.read_bytes())
        assert [name for name in sorted(everyone) if name in text] == []
        assert "person_id" not in text and "people" not in text


def test_numbers_alone_name_nobody_and_the_bureau_reads_names(month: dict[str, Any]) -> None:
    everyone = set().union(*names_by_unit(month).values())
    assert [name for name in sorted(everyone) if name in month["files"]["month.json"]] == []
    assert any(name in month["files"]["month.xlsx"] for name in everyone)


def test_every_file_is_named_by_one_entry_of_the_rules(month: dict[str, Any]) -> None:
    patterns = [pattern for item in load_personal_data().deliverables for pattern in item.files]
    for name in month["files"]:
        if name != "stage.json":
            matching = [
                pattern for pattern in patterns if fnmatch(name, pattern) and name.count("/") == pattern.count("/")
            ]
            assert len(matching) == 1, name


def test_no_cell_of_any_workbook_is_a_formula_but_the_programs_own(month: dict[str, Any]) -> None:
    report, hostile = month["run"] / "report", 0
    for path in sorted(report.rglob("*.xlsx")):
        for page in openpyxl.load_workbook(path):
            for cell in (cell for row in page.iter_rows() for cell in row if isinstance(cell.value, str)):
                if (path.name, page.title) == OWN_FORMULAS and cell.data_type == "f":
                    assert cell.value not in FORMULAS and not RUNS_THINGS.search(cell.value), cell.coordinate
                    continue
                assert cell.data_type != "f", (path.name, page.title, cell.coordinate)
                if cell.value.startswith(("=", "+", "-", "@", "\t", "\n", "＝")):
                    assert cell.quotePrefix, (path.name, page.title, cell.coordinate)
                    hostile += 1
    assert hostile > 10
    assert LINK.replace('"', "&quot;") in month["files"]["month.xlsx"] or LINK in month["files"]["month.xlsx"]
    assert FORMULA_UNIT in month["files"]["month.xlsx"]


def test_nothing_the_program_writes_as_csv_begins_like_a_formula(month: dict[str, Any]) -> None:
    result = xuncha("dispatch", str(month["city"]), "--period", PERIOD, "--date", "2026-11-05")
    assert result.returncode == 0, result.stderr
    rows = pd.read_csv(month["city"] / "records" / "dispatches.csv", dtype=str, keep_default_na=False)
    assert len(rows) and not rows.map(lambda value: value.startswith(("=", "+", "-", "@", "\t"))).any().any()
