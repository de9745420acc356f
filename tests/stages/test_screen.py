from __future__ import annotations

import hashlib
from pathlib import Path

import pytest

from benchmarks.screen_scale import draw_ground, write_city
from benchmarks.screen_stage import context_of
from pipeline.schema import SUPPRESSED, SUSPECTED
from pipeline.sources import kept_layers
from pipeline.stages import screen
from pipeline.stages.kept import KEPT_FOLDER
from pipeline.store import read_table


@pytest.fixture(scope="module")
def city(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_city(tmp_path_factory.mktemp("city") / "市", *draw_ground(0.001))


def screened(city: Path, out: Path) -> dict[str, str]:
    """Digests of what the stage writes."""
    out.mkdir()
    counts = screen.run(context_of(city), out).counts
    assert counts["candidates"] == counts["suspected"] + counts["suppressed"] == 50
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in out.iterdir()}


def test_how_many_are_screened_at_once_changes_no_byte(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    whole = screened(city, tmp_path / "whole")
    assert sorted(whole) == ["layer_report.json", "restored.parquet", "suppressed.parquet", "suspected.parquet"]
    names = [
        row
        for table in (SUSPECTED, SUPPRESSED)
        for row in read_table(tmp_path / "whole" / f"{table.name}.parquet", table)["candidate_id"]
    ]
    assert sorted(names) == [f"s2-{number:05d}" for number in range(50)]
    monkeypatch.setattr(kept_layers, "GROUP_ROWS", 32)
    for size in (1, 7, 1000):
        monkeypatch.setattr(screen, "BLOCK", size)
        assert screened(city, tmp_path / str(size)) == whole


def test_layers_are_conformed_again_only_when_something_changes_them(city: Path, tmp_path: Path) -> None:
    first = screened(city, tmp_path / "first")
    (folder,) = (city / KEPT_FOLDER).iterdir()
    made = (folder / "land_use.parquet").stat().st_mtime_ns
    assert screened(city, tmp_path / "second") == first
    assert (folder / "land_use.parquet").stat().st_mtime_ns == made
    approvals = next((city / "layers").glob("*NYDZYFW.gpkg"))
    approvals.rename(tmp_path / approvals.name)
    assert screened(city, tmp_path / "third")["suspected.parquet"] != first["suspected.parquet"]
    (other,) = (city / KEPT_FOLDER).iterdir()
    assert other != folder and not (other / "approvals.parquet").exists()
    (tmp_path / approvals.name).rename(approvals)
    assert screened(city, tmp_path / "fourth") == first


def test_objects_judged_again_keep_their_order_and_say_what_screening_says(
    city: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    screened(city, tmp_path / "out")
    suspected = read_table(tmp_path / "out" / "suspected.parquet", SUSPECTED)
    objects = suspected.iloc[::-1].assign(kinds=None, rules=None)
    monkeypatch.setattr(screen, "BLOCK", 9)
    again = screen.judged_again(context_of(city), objects)
    assert again["candidate_id"].tolist() == objects["candidate_id"].tolist()
    assert again.index.equals(objects.index) and again.crs == suspected.crs
    for column in ("kinds", "rules", "area_by_class_m2", "farmland_m2", "approved_m2"):
        assert again[column].iloc[::-1].tolist() == pytest.approx(suspected[column].tolist(), nan_ok=True)
    assert len(screen.judged_again(context_of(city), objects.iloc[:0])) == 0
