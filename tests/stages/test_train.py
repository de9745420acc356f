from __future__ import annotations

import hashlib
import json
from pathlib import Path

import geopandas as gpd
import numpy as np
import pytest
from typer.testing import CliRunner

from pipeline.cli import app
from pipeline.detect.model import Column
from pipeline.errors import InputError, StageError
from pipeline.execute import Execution
from pipeline.sources.model import read_model, seal
from pipeline.sources.pairs import pairs_of_folder, pairs_of_table
from pipeline.stages import train, train_objects, train_pixels, train_places
from pipeline.stages.compare import compare_pair
from pipeline.stages.models import load_for_month
from pipeline.stages.train import next_version, refusal, train_pairs
from pipeline.stages.train_columns import wanted_columns
from pipeline.stages.train_places import open_pairs
from tests.imagery import BANDS, write
from tests.labelled import labelled_place, labelled_places

ONE = Execution(scheduler="synchronous", workers=1)


@pytest.fixture(scope="module", autouse=True)
def quick() -> object:
    """Fewer pixels, folds, trees and features than a real training."""
    patch = pytest.MonkeyPatch()
    names = ("cva_coarse", "decorrelation", "bsi_after", "ndvi_after", "change@4", "light_rise_local", "edges_after@2")
    few = (Column("hand_odds", "plain"), *(Column(name, "rank") for name in ("hand_odds", *names)))
    patch.setattr(train, "wanted_columns", lambda **options: few)
    patch.setattr(train_objects, "WEAK", (-2.2, -1.4, -0.6))
    patch.setattr(train_objects, "RISES", (0.0, 1.2))
    patch.setattr(train_places, "NEGATIVES", 900)
    patch.setattr(train_places, "POSITIVES", 300)
    patch.setattr(train, "FOLDS", 2)
    patch.setattr(train, "PIXEL_TREES", train.TreeOptions(trees=10, leaf_samples=20))
    patch.setattr(train_pixels, "SURROUNDINGS", (1.0, 3.0))
    yield
    patch.undo()


def fitted(folder: Path, models: Path, **options: object) -> Path:
    outcome = train_pairs(
        pairs_of_folder(folder), models, name="tiny", licence="own", work=models / ".work", execution=ONE, **options
    )
    assert not (models / ".work").exists()
    return Path(outcome.publish["model"]).parent


@pytest.fixture(scope="module")
def places(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return labelled_places(tmp_path_factory.mktemp("标注"), 4, size=140, sites=4, parcels=12)


@pytest.fixture(scope="module")
def model(places: Path, tmp_path_factory: pytest.TempPathFactory) -> Path:
    return fitted(places, tmp_path_factory.mktemp("models"))


def hashes(folder: Path) -> dict[str, str]:
    return {path.name: hashlib.sha256(path.read_bytes()).hexdigest() for path in sorted(folder.iterdir())}


def test_a_training_that_helps_is_accepted_and_says_where(model: Path) -> None:
    manifest, arrays = read_model(model)
    figures = manifest["figures"]["held_out"]
    assert figures["model"]["object_f1"] + figures["model"]["pixel_f1"] > (
        figures["default"]["object_f1"] + figures["default"]["pixel_f1"]
    )
    assert len(manifest["held_out"]) == 1 and len(manifest["trained_on"]) == 3
    assert not set(manifest["held_out"]) & set(manifest["trained_on"])
    assert manifest["licence"] == "own" and manifest["bands"] == list(BANDS) and model.name == "0001"
    assert all(array.dtype != object for array in arrays.values())


def test_every_feature_that_a_real_training_tries_has_values(places: Path, tmp_path: Path) -> None:
    wanted = wanted_columns(ranks=True)
    one = open_pairs(pairs_of_folder(places)[:1], profile="auto")[0]
    place = train_places.prepare(one, tmp_path / "six", wanted=wanted, execution=ONE)
    blank = [column.name for column, row in zip(place.columns, place.rows, strict=True) if not np.isfinite(row).any()]
    assert not blank
    assert {column.name for column in wanted} - {column.name for column in place.columns} == {
        "greenness_after", "greenness_fall", "building_after",
    }  # fmt: skip


def test_the_same_pairs_give_the_same_bytes_in_a_new_version(places: Path, model: Path) -> None:
    again = fitted(places, model.parent.parent)
    assert again.name == "0002" and model.is_dir()
    first, second = hashes(model), hashes(again)
    assert first["model.npz"] == second["model.npz"]
    manifests = [json.loads((folder / "manifest.json").read_text(encoding="utf-8")) for folder in (model, again)]
    for manifest in manifests:
        del manifest["version"], manifest["seal"]
    assert manifests[0] == manifests[1]


def test_compare_uses_the_model_and_its_bytes_do_not_depend_on_tiles(places: Path, model: Path, tmp_path: Path) -> None:
    labelled_place(tmp_path / "wide", 77, size=530, sites=30, parcels=80)
    pair = tmp_path / "wide" / "before.tif", tmp_path / "wide" / "after.tif"
    for name, execution in (("one", ONE), ("two", Execution("threads", 2, 512))):
        outcome = compare_pair(*pair, tmp_path / name, model=model, execution=execution)
        assert any(note == "model tiny 0001" for note in outcome.notes)
    assert hashes(tmp_path / "one") == hashes(tmp_path / "two")
    found = gpd.read_file(tmp_path / "one" / "candidates.gpkg", layer="candidates")
    assert len(found) and found["probability"].between(0, 1).all()


def test_identical_images_have_no_candidates_with_a_model_that_ranks(places: Path, model: Path, tmp_path: Path) -> None:
    before = places / "place0" / "before.tif"
    outcome = compare_pair(before, before, tmp_path / "out", model=model, execution=ONE)
    assert outcome.counts["candidates"] == 0


def test_labels_without_sense_are_refused_and_nothing_is_written(tmp_path: Path) -> None:
    folder = labelled_places(tmp_path / "noise", 3, size=100, sites=3, parcels=6, noise=True)
    with pytest.raises(StageError) as caught:
        fitted(folder, tmp_path / "models")
    assert caught.value.code == "E805" and "F1" in caught.value.message
    assert not list((tmp_path / "models").glob("*/*"))


def test_what_refuses_a_model() -> None:
    def figures(pixel: float, objects: float, skill: float | None = 0.2) -> dict[str, float | None]:
        return {"pixel_f1": pixel, "object_f1": objects, "brier_skill": skill}

    assert refusal({"model": figures(0.5, 0.5), "default": figures(0.4, 0.4)}) == ""
    assert "F1" in refusal({"model": figures(0.4, 0.4), "default": figures(0.4, 0.4)})
    assert "Brier" in refusal({"model": figures(0.5, 0.5, -0.1), "default": figures(0.4, 0.4)})
    assert refusal({"model": figures(0.5, 0.5, None), "default": figures(0.4, 0.4)}) == ""


def copied(model: Path, to: Path) -> Path:
    to.mkdir()
    for path in model.iterdir():
        (to / path.name).write_bytes(path.read_bytes())
    return to


def resealed(folder: Path, **changes: object) -> Path:
    path = folder / "manifest.json"
    manifest = {**json.loads(path.read_text(encoding="utf-8")), **changes}
    path.write_text(json.dumps({**manifest, "seal": seal(manifest)}), encoding="utf-8")
    return folder


def refused(code: str, places: Path, model: Path, out: Path) -> InputError:
    place = places / "place0"
    with pytest.raises(InputError) as caught:
        compare_pair(place / "before.tif", place / "after.tif", out, model=model, execution=ONE)
    assert caught.value.code == code and not out.exists()
    return caught.value


def test_models_that_were_touched_or_do_not_fit_are_refused_before_any_work(
    places: Path, model: Path, tmp_path: Path
) -> None:
    out = tmp_path / "out"
    refused("E801", places, tmp_path / "nowhere", out)
    broken = copied(model, tmp_path / "bytes")
    (broken / "model.npz").write_bytes((model / "model.npz").read_bytes()[:-7] + b"1234567")
    assert "sha256" in refused("E801", places, broken, out).message
    edited = copied(model, tmp_path / "edited")
    text = (edited / "manifest.json").read_text(encoding="utf-8")
    (edited / "manifest.json").write_text(text.replace('"least": 0', '"least": 1'), encoding="utf-8")
    assert "seal" in refused("E801", places, edited, out).message
    refused("E803", places, resealed(copied(model, tmp_path / "newer"), model_format=2), out)
    strange = json.loads((model / "manifest.json").read_text(encoding="utf-8"))["pixel"]
    strange["columns"][0] = "tomorrow:plain"
    assert "tomorrow" in refused("E803", places, resealed(copied(model, tmp_path / "new"), pixel=strange), out).message
    for name, changes in (
        ("bands", {"bands": [*BANDS, "rededge1"]}), ("profile", {"profile": "vhr"}), ("gsd", {"gsd_m": [2.0, 4.0]}),
    ):  # fmt: skip
        refused("E802", places, resealed(copied(model, tmp_path / name), **changes), out)
    with pytest.raises(InputError, match="presumes change") as caught:
        load_for_month(model, bands=BANDS, profile="s2", pixel_m=10.0)
    assert caught.value.code == "E802"


def test_pairs_that_cannot_teach_are_refused(tmp_path: Path) -> None:
    labelled_places(tmp_path / "two", 2, size=60, sites=1, parcels=2)

    def code(folder: Path) -> str:
        with pytest.raises(InputError) as caught:
            fitted(folder, tmp_path / "models")
        return caught.value.code

    assert code(tmp_path / "two") == "E804"
    labelled_place(tmp_path / "two" / "place2", 2, size=60, sites=1, parcels=2)
    write(tmp_path / "two" / "place2" / "label.tif", np.zeros((1, 50, 60)), dtype="uint8", scale=1.0, bands=None)
    assert code(tmp_path / "two") == "E804"
    with pytest.raises(InputError, match="no place"):
        pairs_of_folder(tmp_path / "none")
    table = tmp_path / "pairs.csv"
    table.write_text("before,after,label\ntwo/place0/before.tif,two/place0/after.tif,missing.tif\n", encoding="utf-8")
    with pytest.raises(InputError, match="row 2, label"):
        pairs_of_table(table)
    table.write_text(
        "before,after,label,place,before_date\ntwo/place0/before.tif,two/place0/after.tif,two/place0/label.tif,甲,2026-01-05\n",
        encoding="gb18030",
    )
    (pair,) = pairs_of_table(table)
    assert pair.place == "甲" and str(pair.before_date) == "2026-01-05"


def test_the_command_wants_one_source_of_labels(tmp_path: Path) -> None:
    result = CliRunner().invoke(app, ["train", "--out", str(tmp_path / "m"), "--json"])
    assert result.exit_code == 2 and json.loads(result.stdout)["error"]["code"] == "E104"
    assert next_version(tmp_path / "m") == "0001"
