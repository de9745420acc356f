"""The same ledgers in other shapes change no verdict, no match and no figure of coverage; a moved patrol changes its own.

Real files through the real ledger and reconcile stages. The base is the city's ledgers with every day written in full
(see :mod:`tests.stages.ledger_books`); ids are hashes of content, so only files and row numbers may differ.
"""

from __future__ import annotations

import random
import shutil
from collections.abc import Callable, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import geopandas as gpd
import pandas as pd
import pytest

from pipeline.schema import TARGETS, TASKS, conform
from pipeline.stages import ledger, reconcile
from pipeline.stages.base import StageContext
from pipeline.store import read_table, write_table
from tests.stages.ledger_books import Book, gb18030_csv, put, read_books, word_table, workbook, write

TABLES = ("verdicts", "matches", "questions", "coverage", "missed", "omissions", "kpis", "effort")
FAR_M = 40_000.0
# a passer-by who would hardly have noticed
FAINT = 0.3
Result = dict[str, pd.DataFrame]


def copied(context: StageContext, folder: Path, *, ledgers: bool) -> StageContext:
    """A city of its own for a variant; what no variant changes is linked."""
    city = folder / "市"
    city.mkdir()
    for name in ("layers", "units", "config.yaml", "tracks", "records"):
        (city / name).symlink_to(context.city / name)
    if ledgers:
        (city / "ledgers").symlink_to(context.city / "ledgers")
    run = city / "runs" / context.run.name
    shutil.copytree(context.city / "runs", city / "runs", ignore=shutil.ignore_patterns("ledger", "reconcile"))
    for stage in ("ledger", "reconcile"):
        (run / stage).mkdir()
    return replace(context, city=city, run=run)


def own(context: StageContext, name: str) -> Path:
    """A linked folder as a copy that may be changed."""
    path = context.city / name
    source = path.resolve()
    path.unlink()
    return Path(shutil.copytree(source, path))


def results(context: StageContext) -> Result:
    ledger.run(context, context.run / "ledger")
    reconcile.run(context, context.run / "reconcile")
    tables = {name: pd.read_parquet(context.run / "reconcile" / f"{name}.parquet") for name in TABLES}
    return {name: frame.drop(columns="geometry", errors="ignore") for name, frame in tables.items()}


@pytest.fixture(scope="module")
def month(truth_city: Any) -> StageContext:
    return truth_city[1][-1]


@pytest.fixture(scope="module")
def books(month: StageContext) -> list[Book]:
    return read_books(month.city, month.run)


@pytest.fixture(scope="module")
def base(month: StageContext, books: list[Book], tmp_path_factory: pytest.TempPathFactory) -> Result:
    context = copied(month, tmp_path_factory.mktemp("base"), ledgers=False)
    write(context.city, books)
    return results(context)


def reshaped(month: StageContext, folder: Path, lay: Callable[[Path], None]) -> Result:
    context = copied(month, folder, ledgers=False)
    lay(context.city)
    return results(context)


def alike(before: Result, after: Result, *, but: Callable[[str, pd.DataFrame], pd.DataFrame] | None = None) -> None:
    """Every table row for row and figure for figure; ``but`` takes out of both what a test means to change."""
    for name in TABLES:
        one, other = (but(name, tables[name]) if but else tables[name] for tables in (before, after))
        pd.testing.assert_frame_equal(one.reset_index(drop=True), other.reset_index(drop=True), obj=name)


def shuffled(books: Sequence[Book], seed: int) -> list[Book]:
    draw = random.Random(seed)
    return [replace(book, rows=tuple(draw.sample(book.rows, len(book.rows)))) for book in books]


def test_days_written_in_full_say_what_the_ledgers_said(month: StageContext, base: Result) -> None:
    stored = {name: pd.read_parquet(month.run / "reconcile" / f"{name}.parquet") for name in TABLES}
    assert len(base["verdicts"]) > 30 and len(base["matches"]) > 30
    assert {"verdict.1", "verdict.2", "verdict.3"} <= set(base["verdicts"]["rule"])
    alike({name: frame.drop(columns="geometry", errors="ignore") for name, frame in stored.items()}, base)


def test_order_of_rows_and_names_of_files_change_nothing(
    month: StageContext, books: list[Book], base: Result, tmp_path: Path
) -> None:
    mixed = shuffled(books, 1)
    names = random.Random(2).sample(range(100, 100 + len(mixed)), len(mixed))
    renamed = [replace(book, stem=f"台账 {name}") for book, name in zip(mixed, names, strict=True)]
    alike(base, reshaped(month, tmp_path, lambda city: write(city, renamed)))


def test_one_workbook_as_many_files_and_sheets_changes_nothing(
    month: StageContext, books: list[Book], base: Result, tmp_path: Path
) -> None:
    def lay(city: Path) -> None:
        for number, book in enumerate(shuffled(books, 3)):
            thirds = [replace(book, stem=f"{book.stem}-{part}", rows=book.rows[part::3]) for part in range(3)]
            if number % 2:
                write(city, [third for third in thirds if third.rows])
            else:
                put(city, book, ".xlsx", workbook({f"第{n}页": third for n, third in enumerate(thirds) if third.rows}))

    alike(base, reshaped(month, tmp_path, lay))


def test_all_files_of_a_unit_in_one_workbook_change_nothing(
    month: StageContext, books: list[Book], base: Result, tmp_path: Path
) -> None:
    def lay(city: Path) -> None:
        for unit in sorted({book.unit for book in books}):
            mine = [book for book in books if book.unit == unit]
            put(city, replace(mine[0], stem="全部"), ".xlsx", workbook({f"{n}": book for n, book in enumerate(mine)}))

    alike(base, reshaped(month, tmp_path, lay))


def test_a_file_sent_twice_changes_nothing(
    month: StageContext, books: list[Book], base: Result, tmp_path: Path
) -> None:
    again = [replace(book, stem=f"A {book.stem} 副本") for book in books]
    alike(base, reshaped(month, tmp_path, lambda city: write(city, [*books, *again])))


def test_csv_in_gb18030_says_what_a_workbook_without_a_day_of_saving_says(
    month: StageContext, books: list[Book], tmp_path: Path
) -> None:
    """A csv cannot say when it was saved, so it is held against a workbook that does not say either."""

    def as_csv(city: Path) -> None:
        for book in books:
            put(city, book, ".csv", gb18030_csv(book))

    plain, text = tmp_path / "plain", tmp_path / "text"
    plain.mkdir()
    text.mkdir()
    alike(reshaped(month, plain, lambda city: write(city, books, dated=False)), reshaped(month, text, as_csv))


def test_word_tables_say_what_workbooks_say(
    month: StageContext, books: list[Book], base: Result, tmp_path: Path
) -> None:
    def lay(city: Path) -> None:
        for book in books:
            put(city, book, ".docx", word_table(book))

    alike(base, reshaped(month, tmp_path, lay))


def units_own(unit: str, *others: str) -> Callable[[str, pd.DataFrame], pd.DataFrame]:
    """A filter that leaves what is another unit's and no figure of the whole city; ``others``: entries to leave out too."""

    def rest(name: str, frame: pd.DataFrame) -> pd.DataFrame:
        if name == "kpis":
            return frame[frame["unit_id"].notna() & (frame["unit_id"] != unit)]
        mine = pd.Series(False, index=frame.index)
        for column in ("unit_id", "acting_unit_id"):
            if column in frame:
                mine |= (frame[column] == unit).fillna(False)
        return frame[~mine]

    return rest


def test_another_units_rows_change_nothing_for_anybody_else(
    month: StageContext, books: list[Book], base: Result, tmp_path: Path
) -> None:
    """A unit that had sent nothing sends patrols and a finding far from every target."""
    units = gpd.read_file(month.city / "units" / "units.gpkg")
    names = dict(zip(units["单位名称"], units["单位编号"], strict=True))
    silent = next(name for name in sorted(names) if not (month.city / "ledgers" / name).exists())
    targets = read_table(month.run / "register" / "targets.parquet", TARGETS)
    cells = gpd.read_file(month.city / "units" / "cells.gpkg").to_crs(targets.crs)
    spot = max(cells.centroid, key=lambda point: targets.distance(point).min())
    assert targets.distance(spot).min() > 800
    lon, lat = gpd.GeoSeries([spot], crs=targets.crs).to_crs("EPSG:4326").iloc[0].coords[0]
    heads = ("巡查时间", "巡查人员", "巡查路线", "巡查项目", "违法项目主体或名称", "违法地点", "违法现状", "坐标")
    found = ("2026-10-12", "甲某、乙某", "东线", "养猪场", "丙某", None, "正在开挖", f"{lon:.6f},{lat:.6f}")
    quiet = [(f"2026-{m:02d}-{d:02d}", "甲某、乙某", "东线", "日常巡查", None, None, "未发现", None)
             for m in (9, 10, 11) for d in (3, 17)]  # fmt: skip
    theirs = Book(silent, "台账", f"{silent}2026年自然资源动态巡查台账", heads, (found, *quiet), books[0].saved_on)
    after = reshaped(month, tmp_path, lambda city: write(city, [*books, theirs]))
    assert len(after["omissions"]) == len(base["omissions"]) + 1
    alike(base, after, but=units_own(names[silent]))


def test_targets_and_villages_on_another_tile_change_nothing_here(
    month: StageContext, books: list[Book], base: Result, tmp_path: Path
) -> None:
    context = copied(month, tmp_path, ledgers=False)
    write(context.city, books)
    path = context.run / "register" / "targets.parquet"
    targets = read_table(path, TARGETS)
    far = targets.iloc[:5].assign(target_id=[f"TFAR{n}" for n in range(5)], geometry=targets.iloc[:5].translate(FAR_M))
    write_table(path, TARGETS, conform(TARGETS, pd.concat([far, targets], ignore_index=True), targets.crs))
    tasks = read_table(context.run / "patrol" / "tasks.parquet", TASKS)
    nobodys = tasks.iloc[:5].assign(
        target_id=far["target_id"].tolist(), cell_id=None, unit_id=None, acting_unit_id=None
    )
    write_table(context.run / "patrol" / "tasks.parquet", TASKS, pd.concat([nobodys, tasks], ignore_index=True))
    villages = own(context, "layers") / "CJDCQ.gpkg"
    known = gpd.read_file(villages)
    strange = known.assign(ZLDWMC="远" + known["ZLDWMC"], ZLDWDM="9" + known["ZLDWDM"].str[1:])
    strange["geometry"] = strange.translate(FAR_M, -FAR_M)
    villages.unlink()
    gpd.GeoDataFrame(pd.concat([strange, known], ignore_index=True), crs=known.crs).to_file(villages, layer="CJDCQ")
    after = results(context)
    assert after["verdicts"]["target_id"].str.startswith("TFAR").sum() == 5

    def here(name: str, frame: pd.DataFrame) -> pd.DataFrame:
        if name == "kpis":
            return frame[frame["unit_id"].notna()]
        return frame[~frame["target_id"].str.startswith("TFAR")] if "target_id" in frame else frame

    alike(base, after, but=here)


@dataclass(frozen=True)
class Patrol:
    """The one patrol on which a target's accusation stands: the target, its first day in the imagery, track and day."""

    target_id: str
    first_seen: pd.Timestamp
    day: pd.Timestamp
    unit: str
    track: str
    seen_too: frozenset[str]


def accusing_patrol(month: StageContext, base: Result, books: Sequence[Book]) -> Patrol:
    """The first patrol that alone could have seen what its target's accusation says it missed, by truth.

    Its unit made no other on that day. ``seen_too``: targets that it passed as well.
    """
    told = base["verdicts"]
    visits = pd.read_parquet(month.run / "ledger" / "visits.parquet").set_index("visit_id")
    truth = {name: pd.read_parquet(month.city / "truth" / f"{name}.parquet") for name in ("visits", "sightings")}
    went = truth["visits"][["visit_id", "unit_id", "file"]]
    seen = truth["sightings"].drop(columns="file").merge(went, on="visit_id")
    for accused in told[told["rule"] == "verdict.3"].itertuples():
        visit = visits.loc[accused.visit_id]
        day, unit = visit["visited_on"], visit["file"].split("/")[1]
        chances = seen[
            (seen["site_id"] == accused.target_id.removeprefix("T"))
            & (seen["unit_id"] == accused.acting_unit_id)
            & seen["visited_on"].between(accused.window_from, accused.window_to)
            & (seen["seen_probability"] >= FAINT)
        ]
        alone = len(rows_of_day(books, unit, day)) == 1 and chances["file"].tolist() == [visit["file"]]
        if alone:
            passed = seen.loc[seen["file"] == visit["file"], "site_id"]
            return Patrol(accused.target_id, accused.first_seen, day, unit, visit["file"], frozenset("T" + passed))
    raise AssertionError("no target of this city is accused on a single patrol")


def rows_of_day(books: Sequence[Book], unit: str, day: pd.Timestamp) -> list[tuple[Book, int]]:
    """The unit's rows of a day: the book and the row's number in it."""
    told = f"{day:%Y-%m-%d}"
    return [(book, n) for book in books if book.unit == unit for n, row in enumerate(book.rows) if told in row]


def moved(month: StageContext, books: list[Book], folder: Path, patrol: Patrol, day: pd.Timestamp) -> Result:
    """The month with that patrol made on another day: its track's times and name, and its row in the ledger."""
    context = copied(month, folder, ledgers=False)
    old, new = f"{patrol.day:%Y-%m-%d}", f"{day:%Y-%m-%d}"
    ((book, number),) = rows_of_day(books, patrol.unit, patrol.day)
    rows = list(book.rows)
    rows[number] = tuple(new if cell == old else cell for cell in rows[number])
    write(context.city, [replace(book, rows=tuple(rows)) if other is book else other for other in books])
    track = own(context, "tracks") / patrol.track.removeprefix("tracks/")
    text = track.read_text(encoding="utf-8").replace(f"{old}T", f"{new}T")
    track.unlink()
    short_old, short_new = old.replace("-", ""), new.replace("-", "")
    track.with_name(track.name.replace(short_old, short_new)).write_text(
        text.replace(short_old, short_new), encoding="utf-8"
    )
    return results(context)


@pytest.mark.parametrize(("days", "accused"), [(-1, False), (0, True)])
def test_a_patrol_moved_before_the_first_image_of_the_site_accuses_nobody_any_more(
    month: StageContext, books: list[Book], base: Result, tmp_path: Path, days: int, accused: bool
) -> None:
    """On the day of the image the site stood there; on the day before, nobody can say so."""
    patrol = accusing_patrol(month, base, books)
    after = moved(month, books, tmp_path, patrol, patrol.first_seen + pd.Timedelta(days=days))
    before_rows, after_rows = (told["verdicts"].set_index("target_id") for told in (base, after))
    flipped = before_rows.index[before_rows["verdict"] != after_rows["verdict"]].tolist()
    assert flipped == ([] if accused else [patrol.target_id])
    if not accused:
        assert after_rows.loc[patrol.target_id, "verdict"] == "undeterminable"
    # what the patrol did not pass is judged to the letter as before
    apart = [name for name in before_rows.index if name not in patrol.seen_too]
    assert len(apart) >= len(before_rows) - 8
    pd.testing.assert_frame_equal(before_rows.loc[apart], after_rows.loc[apart])
    pd.testing.assert_frame_equal(base["matches"], after["matches"])
