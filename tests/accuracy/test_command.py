"""The whole command on tiny made-up sets: what it writes, what it does when a set is broken or refused."""

from __future__ import annotations

import json
from dataclasses import replace
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from PIL import Image

from benchmarks.accuracy import ours
from benchmarks.accuracy.__main__ import main
from benchmarks.accuracy.pasted import pasted_sets
from benchmarks.accuracy.sets import pair_sets, read_scene
from pipeline.errors import InputError
from pipeline.store import digest_tree
from tests.accuracy.conftest import RULER
from tests.imagery import build, fields, noisy, write
from tests.labelled import labelled_place


@pytest.fixture(scope="module")
def data(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Three labelled places of 10 m, two dates of farmland at 5 m, and a visible pair without georeference."""
    folder = tmp_path_factory.mktemp("data")
    for number in (1, 2, 3):
        labelled_place(folder / "s2_urban_change" / f"place{number}", number, size=120, sites=3, parcels=5)
    ground = fields(96, 96, seed=7)
    for number, day in enumerate(("20090818", "20120731")):
        path = folder / "naip_no_construction" / f"m_4709963_se_14_1_{day}.tif"
        write(path, noisy(ground, seed=number)[[2, 1, 0, 3]], bands=None, dtype="uint8", scale=255.0)
    later = build(ground, 30, 30)
    for number, image in enumerate((ground, later), start=1):
        path = folder / "vhr_xian" / f"a_t{number}.png"
        write(path, noisy(image, seed=number)[[2, 1, 0]], dtype="uint8", scale=255.0, crs=None)
    label = np.zeros((1, 96, 96))
    label[:, 30:44, 30:44] = 1.0
    write(folder / "vhr_xian" / "a_label.png", label, dtype="uint8", scale=255.0, crs=None)
    return folder


def run(data: Path, out: Path, *more: str) -> int:
    return main(["--data", str(data), "--ruler", str(RULER), "--out", str(out), "--skip-cities", *more])


@pytest.fixture(scope="module")
def finished(data: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    out = tmp_path_factory.mktemp("out")
    (out / "accuracy").mkdir()
    (out / "accuracy" / "seen.md").write_text("## Looked at\n\nA square.\n", encoding="utf-8")
    assert run(data, out, "--pictures", str(out / "open"), "--closed-pictures", str(out / "closed")) == 0
    return out


def test_every_set_and_method_is_in_the_results(finished: Path) -> None:
    results = json.loads((finished / "accuracy" / "accuracy.json").read_text(encoding="utf-8"))
    assert [one["name"] for one in results["sets"]] == ["s2_urban_change", "vhr_xian", "naip_no_construction"]
    assert results["failures"] == []
    for one in results["sets"]:
        assert {row["method"] for row in one["methods"]} >= {"xuncha", "CVA+Otsu", "IR-MAD+Otsu", "PCA-KMeans"}
        assert all(row["places"] == one["places"] for row in one["methods"])
    ours = results["sets"][0]["methods"][0]
    assert ours["method"] == "xuncha" and ours["figures"]["object_recall"] > 0.5
    low, high = ours["intervals"]["pixel_f1"]
    assert low <= ours["figures"]["pixel_f1"] <= high
    assert ours["calibration"]["objects"] >= ours["calibration"]["right"] > 0


def test_the_page_says_what_was_measured_and_holds_what_people_wrote(finished: Path) -> None:
    text = (finished / "ACCURACY.md").read_text(encoding="utf-8")
    for part in ("## Floors and targets", "### s2_urban_change", "nothing built", "### Calibration", "A square."):
        assert part in text
    assert str(finished) not in text
    assert (finished / "accuracy" / "reliability.png").is_file() and (finished / "accuracy" / "objects.png").is_file()


def test_only_sets_with_open_terms_are_drawn_among_the_open_pictures(finished: Path) -> None:
    assert {path.name for path in (finished / "closed").iterdir()} == {"s2_urban_change.png", "vhr_xian.png"}
    assert not (finished / "open").exists() or {path.name for path in (finished / "open").iterdir()} == {
        "naip_no_construction.png"
    }
    with Image.open(finished / "closed" / "vhr_xian.png") as sheet:
        assert sheet.width > 300


def test_the_same_run_gives_the_same_bytes(data: Path, finished: Path, tmp_path: Path) -> None:
    (tmp_path / "accuracy").mkdir()
    (tmp_path / "accuracy" / "seen.md").write_bytes((finished / "accuracy" / "seen.md").read_bytes())
    assert run(data, tmp_path, "--pictures", str(tmp_path / "open"), "--closed-pictures", str(tmp_path / "closed")) == 0
    assert digest_tree(tmp_path) == digest_tree(finished)


def test_a_broken_pair_is_reported_and_the_others_go_on(data: Path, tmp_path: Path) -> None:
    broken = tmp_path / "data" / "s2_urban_change" / "broken"
    broken.mkdir(parents=True)
    (broken / "label.tif").write_bytes(b"not a raster")
    for name in ("before.tif", "after.tif"):
        (broken / name).write_bytes((data / "s2_urban_change" / "place1" / name).read_bytes())
    whole = tmp_path / "data" / "naip_no_construction"
    whole.mkdir()
    for path in (data / "naip_no_construction").iterdir():
        (whole / path.name).write_bytes(path.read_bytes())
    assert run(tmp_path / "data", tmp_path / "out") == 1
    results = json.loads((tmp_path / "out" / "accuracy" / "accuracy.json").read_text(encoding="utf-8"))
    assert len(results["failures"]) == 1 and results["failures"][0].startswith("s2_urban_change broken: InputError")
    assert results["sets"][1]["methods"][0]["places"] == 1
    assert "failed:" in (tmp_path / "out" / "ACCURACY.md").read_text(encoding="utf-8").replace(
        "because it failed", "failed"
    )


def test_images_that_stay_apart_are_counted_as_nothing_found(data: Path, tmp_path: Path, monkeypatch) -> None:
    def refuse(before: Path, after: Path, *rest: object, **options: object) -> None:
        raise InputError("E206", f"{after} on {before}: 0.80 px left after it", "register the images")

    monkeypatch.setattr(ours, "compare_pair", refuse)
    assert run(data, tmp_path, "--sets", "s2_urban_change") == 0
    results = json.loads((tmp_path / "accuracy" / "accuracy.json").read_text(encoding="utf-8"))
    row = results["sets"][0]["methods"][0]
    assert row["refused"] == {f"place{at}": "after.tif on before.tif: 0.80 px left after it" for at in (1, 2, 3)}
    assert row["figures"]["object_recall"] == 0.0 and row["figures"]["false_per_100km2"] == 0.0
    assert "refused, and counted as nothing found: place1" in (tmp_path / "ACCURACY.md").read_text(encoding="utf-8")


def test_a_trained_model_judges_only_the_place_it_never_saw(data: Path, tmp_path: Path, monkeypatch) -> None:
    real, asked = ours.compare_pair, []

    def plain(before: Path, after: Path, out: Path, *, model: Path | None, **options: Any) -> object:
        asked.append((before.parent.name, model))
        return real(before, after, out, **options)

    monkeypatch.setattr(ours, "compare_pair", plain)
    (tmp_path / "models" / "without-place2").mkdir(parents=True)
    assert run(data, tmp_path, "--sets", "s2_urban_change", "--models", str(tmp_path / "models")) == 0
    assert [one for one in asked if one[1] is not None] == [("place2", tmp_path / "models" / "without-place2")]
    text = (tmp_path / "ACCURACY.md").read_text(encoding="utf-8")
    assert "| xuncha, trained without the place (1 of 3) |" in text


def test_no_data_is_no_success(tmp_path: Path) -> None:
    assert run(tmp_path / "none", tmp_path / "out") == 1


def test_a_label_of_other_values_than_told_is_refused(data: Path, tmp_path: Path) -> None:
    (group, *_) = pair_sets(data, tmp_path)
    with pytest.raises(ValueError, match=r"label.tif holds \[1\]"):
        read_scene(replace(group, changed=(7,)), group.pairs[0])


@pytest.mark.real_data
def test_all_real_sets_are_found_with_their_labels(real_data: Path, tmp_path: Path) -> None:
    found = {one.name: (len(one.pairs), one.labelled, one.open_terms) for one in pair_sets(real_data, tmp_path)}
    assert found == {
        "s2_urban_change": (7, True, False), "vhr_buildings": (6, True, False), "vhr_xian": (5, True, False),
        "aerial_szada": (2, True, False), "landsat_taizhou": (1, True, True), "gf2_wuhan": (1, True, False),
        "tisza": (1, False, False), "naip_no_construction": (3, False, True), "s2_slovenia_series": (4, False, True),
    }  # fmt: skip


@pytest.mark.real_data
def test_pasted_changes_are_labelled_in_the_pair_in_which_they_began(real_data: Path, tmp_path: Path) -> None:
    sets = {one.name: one for one in pasted_sets(real_data, tmp_path)}
    assert set(sets) == {"naip_pasted", "slovenia_pasted"} and not any(one.open_terms for one in sets.values())
    scenes = [read_scene(sets["naip_pasted"], pair) for pair in sets["naip_pasted"].pairs]
    assert len(scenes) == 3 and all(scene.truth.sum() > 100 for scene in scenes)
    assert not (scenes[0].truth & scenes[1].truth).any()
    changed = [np.abs(one.after - one.before).mean(axis=0) for one in scenes]
    assert all(
        image[scene.truth].mean() > image[~scene.truth].mean() for image, scene in zip(changed, scenes, strict=True)
    )


def test_nothing_is_pasted_where_the_imagery_is_lacking(data: Path, tmp_path: Path) -> None:
    assert pasted_sets(data, tmp_path) == []
