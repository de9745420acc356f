from __future__ import annotations

from pathlib import Path

import pytest

from benchmarks.trained_pairs import labelled_set


@pytest.mark.real_data
def test_a_set_of_named_files_and_a_folder_of_places_are_both_read(real_data: Path, tmp_path: Path) -> None:
    fine, coarse = (labelled_set(real_data / name, tmp_path) for name in ("vhr_buildings", "s2_urban_change"))
    assert len(fine.pairs) == 6 and fine.pairs[0].before.name == "test_12_t1.tif"
    assert len(coarse.pairs) == 7 and {pair.before.name for pair in coarse.pairs} == {"before.tif"}


def test_places_of_a_folder_that_no_set_knows(tmp_path: Path) -> None:
    for place in ("b", "a"):
        (tmp_path / "own" / place).mkdir(parents=True)
        (tmp_path / "own" / place / "label.tif").touch()
    assert [pair.place for pair in labelled_set(tmp_path / "own", tmp_path / "scratch").pairs] == ["a", "b"]


@pytest.mark.real_data
@pytest.mark.parametrize("name", ["vhr_xian", "nothing"])
def test_what_training_cannot_read_is_said(real_data: Path, tmp_path: Path, name: str) -> None:
    with pytest.raises(SystemExit, match="no georeferenced pairs"):
        labelled_set(real_data / name, tmp_path)
