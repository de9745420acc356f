"""A city that version 0.1.0 wrote (`xuncha demo --size small`, rasters and deliverables left out), brought to today's format."""

from __future__ import annotations

import json
import shutil
import zipfile
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pyarrow.parquet as pq
import pytest
from typer.testing import CliRunner

from pipeline import FORMAT_VERSION
from pipeline.cli import app
from pipeline.config import load_config
from pipeline.errors import InputError
from pipeline.schema import COVERAGE, ENTRIES, TARGETS, TASKS
from pipeline.stages import journal, migrate
from pipeline.stages.check import check_city
from pipeline.stages.runner import verify_run
from pipeline.store import digest_file, digest_tree, read_json, read_table, write_json

OLD = Path(__file__).parent / "data" / "format1.zip"
RUNS = ("2026-09", "2026-10")


@pytest.fixture
def city(tmp_path: Path) -> Path:
    folder = tmp_path / "城 市"
    with zipfile.ZipFile(OLD) as archive:
        archive.extractall(folder)
    (folder / "layers").mkdir()
    (folder / "units").mkdir()
    journal.append(folder, event="done", run="2026-10")
    return folder


def files(city: Path) -> dict[str, str]:
    return {name: sha for name, sha in digest_tree(city).items() if not name.startswith((".", "migrated-from-"))}


def closings(city: Path) -> Iterator[Path]:
    yield from sorted((city / "runs").glob("*/*/stage.json"))


def test_an_old_city_is_refused_until_it_is_migrated(city: Path) -> None:
    config = load_config(city / "config.yaml")
    (problem,), _ = check_city(city, config, None)
    assert problem.code == "E107" and "xuncha migrate" in problem.hint
    migrate.migrate(city)
    assert "E107" not in {problem.code for problem in check_city(city, config, None)[0]}


def test_tables_gain_what_they_lacked_and_lose_nothing(city: Path) -> None:
    before = {run: pq.read_table(city / "runs" / run / "register" / "targets.parquet").to_pandas() for run in RUNS}
    assert "stock" not in before["2026-10"].columns
    done = migrate.migrate(city)
    assert (done["from"], done["to"]) == (1, FORMAT_VERSION) and done["files"] > 60
    for run in RUNS:
        targets = read_table(city / "runs" / run / "register" / "targets.parquet", TARGETS)
        for name in ("target_id", "state", "first_period", "history", "area_m2"):
            assert targets[name].tolist() == before[run][name].tolist()
        assert targets["stock"].isna().all()
        stored = pq.read_schema(city / "runs" / run / "register" / "targets.parquet").names
        assert stored == [*TARGETS.names, "geometry"]
        for stage, table, file in (("patrol", TASKS, "tasks"), ("ledger", ENTRIES, "entries"),
                                   ("reconcile", COVERAGE, "coverage")):  # fmt: skip
            assert len(read_table(city / "runs" / run / stage / f"{file}.parquet", table)) > 0


def test_every_stored_file_names_its_version(city: Path) -> None:
    migrate.migrate(city)
    for closing in closings(city):
        listed = read_json(closing)
        assert listed["format_version"] == FORMAT_VERSION
        for path in closing.parent.rglob("*"):
            if path.suffix == ".parquet":
                stored = json.loads(pq.read_schema(path).metadata[b"PANDAS_ATTRS"])
                assert stored["format_version"] == FORMAT_VERSION, path
            elif path.suffix == ".json" and path != closing and "format_version" in read_json(path):
                assert read_json(path)["format_version"] == FORMAT_VERSION, path
            # other files (rasters, packages) are named with their hash by the stage.json above, which names the version
            if path.is_file() and path != closing:
                assert listed["outputs"][path.relative_to(closing.parent).as_posix()] == digest_file(path)
    assert load_config(city / "config.yaml").format_version == FORMAT_VERSION


def test_a_migrated_run_is_as_consistent_as_it_was(city: Path) -> None:
    def told() -> dict[str, set[str]]:
        return {run: set(verify_run(city / "runs" / run)) for run in RUNS}

    before = told()
    # only what the fixture leaves out is missing
    assert all("is missing, added or changed" in line for lines in before.values() for line in lines)
    migrate.migrate(city)
    assert told() == before


def test_the_copy_holds_every_file_as_it_was(city: Path) -> None:
    before = files(city)
    migrate.migrate(city)
    copy = city / "migrated-from-1"
    kept = {name: sha for name, sha in digest_tree(copy).items() if name not in ("manifest.json", "finished.json")}
    changed = {name for name, sha in files(city).items() if before.get(name) != sha}
    assert changed <= set(kept) and all(before[name] == sha for name, sha in kept.items())
    assert read_json(copy / "manifest.json")["files"] == kept
    lines = [json.loads(line) for line in (city / "journal.jsonl").read_text(encoding="utf-8").splitlines()]
    assert lines[-1]["event"] == "migrated" and lines[-1]["copy"] == "migrated-from-1"


def test_twice_changes_nothing_more(city: Path) -> None:
    migrate.migrate(city)
    before = files(city)
    assert migrate.migrate(city) == {"from": FORMAT_VERSION, "to": FORMAT_VERSION, "files": 0}
    assert files(city) == before


def test_a_killed_migration_is_taken_back_and_ends_like_a_whole_one(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "other"
    shutil.copytree(city, other)
    migrate.migrate(other)
    calls = iter(range(10_000))
    real = migrate.write_table

    def dies(*given: Any) -> None:
        if next(calls) == 30:
            raise KeyboardInterrupt
        real(*given)

    monkeypatch.setattr(migrate, "write_table", dies)
    with pytest.raises(KeyboardInterrupt):
        migrate.migrate(city)
    monkeypatch.setattr(migrate, "write_table", real)
    migrate.migrate(city)
    assert {name: sha for name, sha in files(city).items() if name != "journal.jsonl"} == {
        name: sha for name, sha in files(other).items() if name != "journal.jsonl"
    }


def test_a_newer_city_is_refused_with_its_number_and_left_alone(city: Path) -> None:
    closing = next(closings(city))
    write_json(closing, {**read_json(closing), "format_version": FORMAT_VERSION + 1})
    before = files(city)
    with pytest.raises(InputError) as refused:
        migrate.migrate(city)
    assert refused.value.code == "E106"
    assert files(city) == before and not (city / "migrated-from-1").exists()
    (problem,), _ = check_city(city, load_config(city / "config.yaml"), None)
    assert problem.code == "E106"


def test_a_finished_migration_and_a_changed_copy_are_not_taken_back(city: Path) -> None:
    untouched = city.parent / "untouched"
    shutil.copytree(city, untouched)
    migrate.migrate(city)
    shutil.copytree(city / "migrated-from-1", untouched / "migrated-from-1")
    with pytest.raises(InputError, match="migrated before"):
        migrate.migrate(untouched)
    (untouched / "migrated-from-1" / "finished.json").unlink()
    (untouched / "migrated-from-1" / "config.yaml").write_text("x", encoding="utf-8")
    with pytest.raises(InputError, match="missing or changed"):
        migrate.migrate(untouched)


def test_the_command_says_what_it_did(city: Path) -> None:
    done = CliRunner().invoke(app, ["migrate", str(city), "--json"])
    assert done.exit_code == 0 and json.loads(done.stdout)["to"] == FORMAT_VERSION
    nothing = CliRunner().invoke(app, ["migrate", str(city.parent)])
    assert nothing.exit_code == 2 and "E105" in nothing.output
